/* The streams: who may have one, what becomes of it. What goes to whom is the feed's (events_feed.h). */
#include "services/api-gateway/events.h"

#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/base/timestamp.h"
#include "common/log/record.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"
#include "services/api-gateway/events_feed.h"
#include "services/api-gateway/events_reader.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/reads.h"

enum { TICK_MS = FEED_GRACE_MS, TEXT_SIZE = 512, RETRY_SIZE = 32 };

/* How soon a client that lost its stream connects again. */
#define RETRY_MS 1000

struct stream {
    struct events *events;
    struct exchange *exchange;
    struct feed_stream *feed_stream; /* NULL: the feed has let it go */
    int partition;
    bool is_begun;
    int64_t joined_ms, wrote_ms, full_ms; /* full_ms 0: it has room */
    int64_t until_ms;                     /* when the token expires that opened it */
    uint64_t sent;
    char id[64]; /* of the orchestration, for the log; cut */
    struct stream *prev, *next;
};

struct events {
    struct event_base *base;
    struct events_options options;
    struct events_reader *reader;
    struct feed *feeds[PARTITIONS_MAX]; /* NULL: nobody ever asked */
    struct stream *streams;
    size_t count;
    struct event *tick; /* pending while there are streams */
    bool is_draining;
    struct metric *open, *sent, *dropped, *skipped;
};

/* --- Readers and feeds --- */

/* Brings the readers where the feed wants them. */
static void follow(struct events *events, int partition)
{
    for (int which = 0; which < FEED_READERS; which++) {
        const enum feed_reader reader = (enum feed_reader)which;
        struct error err = { 0 };

        if (!events_reader_read(events->reader, reader, partition, feed_wants(events->feeds[partition], reader), &err))
            log_error("events_reader_failed", LOG_INT("partition", partition), LOG_TEXT("error", err.message));
    }
}

/* The same, where somebody may have room again, too. */
static void go_on(struct events *events, int partition)
{
    follow(events, partition);
    if (feed_may_read(events->feeds[partition], FEED_BEHIND))
        events_reader_again(events->reader, FEED_BEHIND, partition);
}

static bool reader_may_read(void *context, enum feed_reader reader, int partition)
{
    const struct events *events = context;

    return feed_may_read(events->feeds[partition], reader);
}

static void reader_record(void *context, enum feed_reader reader, int partition, int64_t offset, const char *bytes,
                          size_t size)
{
    struct events *events = context;

    feed_record(events->feeds[partition], reader, offset, bytes, size, clock_now_ms());
    follow(events, partition);
}

static void reader_end(void *context, enum feed_reader reader, int partition, int64_t offset)
{
    struct events *events = context;

    feed_end(events->feeds[partition], reader, offset, clock_now_ms());
    follow(events, partition);
}

static void reader_broken(void *context, enum feed_reader reader, int partition)
{
    struct events *events = context;

    feed_broken(events->feeds[partition], reader, clock_now_ms());
    follow(events, partition);
}

/* --- The life of a stream --- */

static void stream_free(struct stream *stream)
{
    struct events *events = stream->events;

    DL_DELETE(events->streams, stream);
    events->count--;
    metric_set(events->open, (double)events->count);
    if (events->count == 0)
        evtimer_del(events->tick);
    free(stream);
}

static void stream_leave_feed(struct stream *stream)
{
    if (stream->feed_stream != NULL)
        feed_leave(stream->events->feeds[stream->partition], stream->feed_stream, clock_now_ms());
    stream->feed_stream = NULL;
}

static void stream_log(const struct stream *stream, const char *why)
{
    log_info("event_stream_ended", LOG_TEXT("orchestration_id", stream->id), LOG_TEXT("why", why),
             LOG_INT("sent", stream->sent), LOG_INT("ms", clock_now_ms() - stream->joined_ms));
}

static void stream_write(struct stream *stream, const char *text)
{
    exchange_stream_write(stream->exchange, text, strlen(text));
    stream->wrote_ms = clock_now_ms();
}

static void write_retry(struct stream *stream)
{
    char text[RETRY_SIZE];

    snprintf(text, sizeof text, "retry: %d\n\n", RETRY_MS);
    stream_write(stream, text);
}

/* Whoever has not begun is told; whoever has connects again. */
static void stream_end(struct stream *stream, int status, const char *why)
{
    struct exchange *exchange = stream->exchange;

    stream_leave_feed(stream);
    stream_log(stream, why);
    if (stream->is_begun) {
        write_retry(stream);
        exchange_stream_end(exchange);
    } else {
        answer_refused(exchange, status, why);
    }
    stream_free(stream);
}

/* At once: what waits for a client that takes nothing would wait for ever. */
static void stream_drop(struct stream *stream)
{
    struct events *events = stream->events;
    const int partition = stream->partition;

    log_warning("event_stream_dropped", LOG_TEXT("orchestration_id", stream->id),
                LOG_INT("waiting", exchange_stream_waiting(stream->exchange)), LOG_INT("sent", stream->sent));
    metric_add(events->dropped, 1);
    stream_leave_feed(stream);
    exchange_stream_cut(stream->exchange);
    stream_free(stream);
    go_on(events, partition);
}

static void client_left(void *context)
{
    struct stream *stream = context;
    struct events *events = stream->events;
    const int partition = stream->partition;

    stream_leave_feed(stream);
    stream_log(stream, "the client left");
    exchange_stream_end(stream->exchange);
    stream_free(stream);
    go_on(events, partition);
}

static void client_took_all(void *context)
{
    struct stream *stream = context;
    struct events *events = stream->events;
    const int partition = stream->partition;

    if (stream->full_ms == 0)
        return;
    stream->full_ms = 0;
    feed_has_room(events->feeds[partition], stream->feed_stream, clock_now_ms());
    go_on(events, partition);
}

/* --- What the feed says --- */

static void on_admitted(void *context)
{
    struct stream *stream = context;
    const struct exchange_stream_hooks hooks = { .drained = client_took_all, .left = client_left, .context = stream };

    stream->is_begun = true;
    exchange_set_header(stream->exchange, "Cache-Control", "no-store");
    exchange_set_header(stream->exchange, "X-Accel-Buffering", "no"); /* proxies that gather answers do not */
    exchange_stream_begin(stream->exchange, 200, "text/event-stream", &hooks);
    write_retry(stream);
}

static bool on_event(void *context, const char *bytes, size_t size)
{
    struct stream *stream = context;

    exchange_stream_write(stream->exchange, bytes, size);
    stream->wrote_ms = clock_now_ms();
    stream->sent++;
    metric_add(stream->events->sent, 1);
    if (exchange_stream_waiting(stream->exchange) <= EVENTS_WAITING_SIZE_MAX)
        return true;
    if (stream->full_ms == 0)
        stream->full_ms = stream->wrote_ms;
    return false;
}

static void on_refused(void *context, int status, const char *why)
{
    struct stream *stream = context;

    stream->feed_stream = NULL;
    if (status >= 500)
        log_error("event_stream_refused", LOG_TEXT("orchestration_id", stream->id), LOG_TEXT("why", why));
    stream_end(stream, status, why);
}

static void on_skipped(void *context, int64_t offset)
{
    const struct events *events = context;

    log_debug("event_record_void", LOG_INT("offset", offset));
    metric_add(events->skipped, 1);
}

/* --- Time --- */

static void look_at(struct stream *stream, int64_t now_ms)
{
    if (now_ms >= stream->until_ms) {
        stream_end(stream, 401, "the token has expired");
        return;
    }
    if (!stream->is_begun) {
        if (now_ms - stream->joined_ms >= stream->events->options.patience_ms)
            stream_end(stream, 503, "the log cannot be read: Kafka does not answer; try again");
        return;
    }
    if (exchange_is_gone(stream->exchange))
        stream_end(stream, 503, "the client left before it began");
    else if (stream->full_ms != 0 && now_ms - stream->full_ms >= EVENTS_STALL_MS)
        stream_drop(stream);
    else if (stream->full_ms == 0 && now_ms - stream->wrote_ms >= EVENTS_HEARTBEAT_MS)
        stream_write(stream, ":\n\n");
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    struct events *events = context;
    const int64_t now_ms = clock_now_ms();
    struct stream *stream, *following;

    (void)fd;
    (void)what;
    DL_FOREACH_SAFE(events->streams, stream, following)
        look_at(stream, now_ms);
    for (int i = 0; i < events->options.partitions; i++) {
        if (events->feeds[i] == NULL)
            continue;
        feed_tick(events->feeds[i], now_ms);
        go_on(events, i);
    }
}

/* --- Asking for one --- */

/* What the client has already; offset -1: nothing. The header counts: that is what a browser sends when it connects
 * again, to the URL with the query that the page chose. */
static bool read_position(struct exchange *exchange, struct event_position *out, struct error *err)
{
    const char *text = exchange_header(exchange, "Last-Event-ID");
    const struct query *query = exchange_query(exchange, err);

    *out = (struct event_position){ .offset = -1 };
    if (query == NULL)
        return false;
    if (text == NULL || text[0] == '\0')
        text = query_value(query, "lastEventId", 0);
    return text == NULL || text[0] == '\0' || event_position_parse(text, out, err);
}

static struct feed *feed_of(struct events *events, int partition)
{
    const struct feed_hooks hooks = {
        .admitted = on_admitted, .deliver = on_event, .refused = on_refused, .skipped = on_skipped, .context = events
    };

    if (events->feeds[partition] == NULL)
        events->feeds[partition] = feed_new(partition, &hooks);
    return events->feeds[partition];
}

static void join(struct events *events, struct exchange *exchange, int partition, const struct feed_start *start)
{
    const struct timeval often = { .tv_usec = TICK_MS * 1000 };
    struct stream *stream = calloc(1, sizeof *stream);

    if (stream == NULL)
        abort();
    *stream = (struct stream){ .events = events,
                               .exchange = exchange,
                               .partition = partition,
                               .joined_ms = clock_now_ms(),
                               .until_ms = visit_of(exchange)->caller.until_ms };
    snprintf(stream->id, sizeof stream->id, "%s", start->orchestration_id);
    if (events->count++ == 0)
        event_add(events->tick, &often);
    metric_set(events->open, (double)events->count);
    DL_APPEND(events->streams, stream);
    stream->feed_stream = feed_join(feed_of(events, partition), start, stream, stream->joined_ms);
    go_on(events, partition);
}

/* False: the exchange is answered. */
static bool may_join(const struct events *events, struct exchange *exchange)
{
    char text[TEXT_SIZE];

    if (!events->is_draining && events->count < events->options.streams_max)
        return true;
    snprintf(text, sizeof text, "there are %zu streams of events already, as many as one gateway gives; try again",
             events->count);
    answer_refused(exchange, 503, events->is_draining ? "this gateway is ending; try again" : text);
    return false;
}

/* The row: partition and offset of the record that accepted the orchestration. */
static void join_found(struct exchange *exchange, const PGresult *rows)
{
    struct events *events = visit_of(exchange)->gateway->events;
    struct feed_start start = { .orchestration_id = exchange_variable(exchange, "orchestration_id") };
    struct error err = { 0 };
    char text[TEXT_SIZE];
    int partition;

    if (PQntuples(rows) == 0) {
        answer_no_orchestration(exchange);
        return;
    }
    partition = atoi(PQgetvalue(rows, 0, 0));
    start.accepted_offset = strtoll(PQgetvalue(rows, 0, 1), NULL, 10);
    if (partition < 0 || partition >= events->options.partitions) {
        answer_refused(exchange, 500, "the database names a partition that does not exist");
    } else if (!read_position(exchange, &start.after, &err)) {
        answer_refused(exchange, 400, err.message);
    } else if (start.after.offset >= 0 && start.after.partition != partition) {
        snprintf(text, sizeof text, "Last-Event-ID: the events of this orchestration are in partition %d, not in %d",
                 partition, start.after.partition);
        answer_refused(exchange, 400, text);
    } else if (start.after.offset >= 0 && start.after.offset < start.accepted_offset) {
        answer_refused(exchange, 400, "Last-Event-ID: that is before the first event of this orchestration");
    } else if (may_join(events, exchange)) {
        join(events, exchange, partition, &start);
    }
}

void handle_events(struct exchange *exchange)
{
    struct event_position position;
    struct error err = { 0 };

    if (!read_position(exchange, &position, &err)) {
        answer_refused(exchange, 400, err.message);
        return;
    }
    if (may_join(visit_of(exchange)->gateway->events, exchange))
        read_answer(exchange, &(struct read){ .statement = "orchestration_accepted",
                                              .params = { exchange_variable(exchange, "orchestration_id") },
                                              .param_count = 1,
                                              .plan = READ_PLAN_FIXED,
                                              .answer = join_found });
}

void events_put_setup(FILE *out)
{
    fputs("PREPARE orchestration_accepted(text) AS SELECT partition, accepted_offset FROM api.orchestrations"
          " WHERE orchestration_id = $1;\n",
          out);
}

/* --- Life --- */

struct events *events_new(struct event_base *base, const struct events_options *options)
{
    struct events *events = calloc(1, sizeof *events);
    const struct events_reader_hooks hooks = { .may_read = reader_may_read,
                                               .record = reader_record,
                                               .end = reader_end,
                                               .broken = reader_broken,
                                               .context = events };

    if (events == NULL)
        abort();
    events->base = base;
    events->options = *options;
    events->reader = events_reader_new(base, options->kafka, options->instance, &hooks);
    events->tick = event_new(base, -1, EV_PERSIST, on_tick, events);
    if (events->tick == NULL)
        abort();
    events->open = metrics_gauge("tidegate_event_streams", "Streams of events that are open.", NULL);
    events->sent = metrics_counter("tidegate_event_stream_events_total", "Events written to streams.", NULL);
    events->dropped = metrics_counter("tidegate_event_streams_dropped_total",
                                      "Streams closed because their clients did not read.", NULL);
    events->skipped = metrics_counter("tidegate_event_stream_void_records_total",
                                      "Records that streams passed over: not the successor of the last.", NULL);
    return events;
}

static void end_all(struct events *events, const char *why)
{
    while (events->streams != NULL)
        stream_end(events->streams, 503, why);
    for (int i = 0; i < events->options.partitions; i++)
        if (events->feeds[i] != NULL)
            follow(events, i);
}

void events_drain(struct events *events)
{
    if (events->is_draining)
        return;
    events->is_draining = true;
    end_all(events, "this gateway is ending; try again");
}

void events_free(struct events *events)
{
    if (events == NULL)
        return;
    end_all(events, "this gateway is ending; try again");
    events_reader_free(events->reader);
    for (int i = 0; i < PARTITIONS_MAX; i++)
        feed_free(events->feeds[i]);
    event_free(events->tick);
    free(events);
}
