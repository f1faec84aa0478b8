#include "common/log/service.h"

#include "common/base/id.h"
#include "common/base/timestamp.h"
#include "common/http/health.h"
#include "common/http/server.h"
#include "common/log/kafka.h"
#include "common/log/processor.h"
#include "common/log/record.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"
#include "common/pg/store.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DRAIN_MS = 10000, /* how long SIGTERM waits for what is under way */
    DRAIN_LOOK_MS = 20,
    PRIORITIES = 3, /* of events: default 1; what can wait for other input, 2 */
    PRIORITY_LOW = 2,
};

static const struct setting common_settings[] = {
    { "TIDEGATE_KAFKA", SETTING_TEXT, "127.0.0.1:19092", 0, 0, "Kafka's bootstrap servers, host:port,…", NULL },
    { "TIDEGATE_DATABASE", SETTING_TEXT, "host=127.0.0.1 port=15432 user=tidegate dbname=tidegate", 0, 0,
      "PostgreSQL connection string of the read models' owner", NULL },
    { "TIDEGATE_LISTEN", SETTING_LISTEN, "127.0.0.1:0", 0, 0, "address of /healthz, /readyz and /metrics", NULL },
    { "TIDEGATE_PARTITIONS", SETTING_INTEGER, "12", 1, PARTITIONS_MAX, "partitions of every topic; fixed at creation",
      NULL },
    { "TIDEGATE_INSTANCE", SETTING_TEXT, "0", 1, 128, "name of this process, unique among those of its service", NULL },
    { "TIDEGATE_SESSION_TIMEOUT", SETTING_DURATION_MS, "6s", 1000, 300000,
      "how long the partitions of a killed process stand still", NULL },
    { "TIDEGATE_LOG_LEVEL", SETTING_CHOICE, "info", 0, 0, "the least important lines that are written",
      LOG_LEVEL_CHOICES },
    { "TIDEGATE_CACHE_AGGREGATES", SETTING_INTEGER, "10000", 1, 10000000,
      "aggregates of a partition kept in memory though nothing goes on with them", NULL },
    { "TIDEGATE_BACKLOG", SETTING_INTEGER, "20000", 1, 10000000,
      "records of a partition that PostgreSQL may lag behind before intake pauses", NULL },
    { "TIDEGATE_REJECT", SETTING_TEXT, "", 0, 0, "topic/partition/offset of a request to be rejected unread", NULL },
    { "TIDEGATE_CRASH_POINT", SETTING_TEXT, "", 0, 0,
      "for tests: name:count; the process kills itself when it reaches this point for the count-th time", NULL },
    { 0 },
};

enum { TRACE_ID_SIZE = 33 };

struct slot { /* context of what concerns one partition */
    struct service_process *process;
    int partition;
    struct event *alarm;
    bool done;                    /* rebuild: folded to the end */
    char trace_id[TRACE_ID_SIZE]; /* of the last decision in the log */
};

struct service_process {
    const struct service *service;
    struct settings *settings;
    struct event_base *base;
    struct http_server *http;
    struct health *health;
    struct store *store;
    struct kafka *kafka;
    struct processor *processor;
    void *world;
    struct event *events[6], *run, *later, *drain; /* all; and three of them */
    struct slot *slots;
    int partitions, status;
    bool database, rebuild, draining, ended;
    int64_t drain_by_ms;
    char crash_point[32];
    int64_t crash_count;
    struct processor_stats told; /* what the metrics have already */
};

/* --- Ends --- */

static void die(void *context, const char *why)
{
    struct service_process *process = context;

    log_error("process_failed", LOG_TEXT("reason", why), LOG_TEXT("service", process->service->name));
    _exit(1); /* crash-only: the next start repairs from the log */
}

static void leave(struct service_process *process, int status)
{
    process->status = status;
    process->ended = true;
    event_base_loopbreak(process->base);
}

/* --- The port: Kafka --- */

static void port_append(void *context, int partition, const char *bytes, size_t size, struct flight *flight)
{
    struct service_process *process = context;

    kafka_append(process->kafka, partition, bytes, size, flight);
}

struct deferred { /* an answer that must not come from inside the question */
    struct service_process *process;
    int partition;
    struct flight *flight;
};

static void defer(struct service_process *process, event_callback_fn callback, struct deferred deferred)
{
    static const struct timeval now = { 0 };
    struct deferred *copy = malloc(sizeof *copy);

    if (copy == NULL)
        abort();
    *copy = deferred;
    copy->process = process;
    event_base_once(process->base, -1, EV_TIMEOUT, callback, copy, &now);
}

static void on_swallowed(evutil_socket_t fd, short what, void *context)
{
    struct deferred *deferred = context;

    (void)fd;
    (void)what;
    processor_delivered(deferred->process->processor, deferred->flight, true, 0);
    free(deferred);
}

static void port_send(void *context, int topic, int partition, const char *bytes, size_t size, struct flight *flight)
{
    struct service_process *process = context;

    if (process->rebuild) /* a rebuild tells nobody anything */
        defer(process, on_swallowed, (struct deferred){ .flight = flight });
    else
        kafka_send(process->kafka, topic, partition, bytes, size, flight);
}

static void port_reply(void *context, int partition, const char *bytes, size_t size)
{
    struct service_process *process = context;

    if (!process->rebuild && partition < process->partitions)
        kafka_reply(process->kafka, partition, bytes, size);
}

static void port_read(void *context, int partition, int64_t from)
{
    struct service_process *process = context;

    kafka_read(process->kafka, partition, from);
}

static void on_rebuilt(evutil_socket_t fd, short what, void *context)
{
    struct service_process *process = context;

    (void)fd;
    (void)what;
    for (int i = 0; i < process->partitions; i++)
        if (!process->slots[i].done)
            return;
    leave(process, 0);
}

static void port_take(void *context, int partition, int64_t from)
{
    static const struct timeval now = { 0 };
    struct service_process *process = context;

    if (process->rebuild && from >= 0) {
        process->slots[partition].done = true;
        event_base_once(process->base, -1, EV_TIMEOUT, on_rebuilt, process, &now);
        return;
    }
    if (process->kafka != NULL) /* closed: only the processor is left to be freed */
        kafka_take(process->kafka, partition, from);
}

static void port_hold(void *context, int partition, bool held)
{
    struct service_process *process = context;

    kafka_hold(process->kafka, partition, held);
}

static void port_commit(void *context, int partition, int64_t next)
{
    struct service_process *process = context;

    if (!process->rebuild)
        kafka_commit(process->kafka, partition, next);
}

/* --- The port: PostgreSQL --- */

static void on_loaded(void *context, const struct restored *restored, const struct error *err)
{
    struct slot *slot = context;

    if (restored == NULL && err->code != ERROR_UNAVAILABLE) {
        log_error("load_failed", LOG_INT("partition", slot->partition), LOG_TEXT("reason", err->message));
        processor_broken(slot->process->processor, slot->partition, err->message);
        return;
    }
    processor_loaded(slot->process->processor, slot->partition, restored);
}

/* The store was asked while it was not there. If it has come back meanwhile, nobody else would say so. */
static void answer_lost(struct deferred *deferred, bool load)
{
    struct service_process *process = deferred->process;

    if (load)
        processor_loaded(process->processor, deferred->partition, NULL);
    else
        processor_stored(process->processor, deferred->partition, STORED_UNKNOWN);
    if (process->database)
        processor_database(process->processor);
    free(deferred);
}

static void on_load_lost(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    answer_lost(context, true);
}

static void on_store_lost(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    answer_lost(context, false);
}

static void port_load(void *context, int partition, const struct names *ids)
{
    struct service_process *process = context;

    if (!store_load(process->store, partition,
                    ids == NULL ? NULL : (const char *const *)(ids->count == 0 ? (char *[]){ NULL } : ids->items),
                    ids == NULL ? 0 : ids->count, on_loaded, &process->slots[partition], NULL))
        defer(process, on_load_lost, (struct deferred){ .partition = partition });
}

static void on_projected(void *context, enum store_outcome outcome, const struct error *err)
{
    struct slot *slot = context;
    struct processor *processor = slot->process->processor;

    switch (outcome) {
    case STORE_DONE: processor_stored(processor, slot->partition, STORED); break;
    case STORE_MISSED: processor_stored(processor, slot->partition, STORED_MISSED); break;
    case STORE_UNKNOWN: processor_stored(processor, slot->partition, STORED_UNKNOWN); break;
    case STORE_FAILED:
        if (err->code == ERROR_UNAVAILABLE) { /* a deadlock, a shutdown: another attempt may do */
            processor_stored(processor, slot->partition, STORED_MISSED);
            break;
        }
        log_error("projection_failed", LOG_INT("partition", slot->partition), LOG_TEXT("reason", err->message));
        processor_broken(processor, slot->partition, err->message);
        break;
    }
}

static void port_store(void *context, int partition, const struct projection *projection)
{
    struct service_process *process = context;

    if (!store_project(process->store, partition, projection, on_projected, &process->slots[partition], NULL))
        defer(process, on_store_lost, (struct deferred){ .partition = partition });
}

static void on_database(void *context)
{
    struct service_process *process = context;

    process->database = true;
    log_info("database_ready", LOG_TEXT("schema", process->service->name));
    processor_database(process->processor);
}

static void on_database_lost(void *context, const struct error *err)
{
    struct service_process *process = context;

    process->database = false;
    log_warning("database_lost", LOG_TEXT("reason", err->message));
}

static void on_database_failed(void *context, const struct error *err)
{
    (void)context;
    log_warning("database_unavailable", LOG_TEXT("reason", err->message));
}

static void on_database_refused(void *context, const struct error *err)
{
    struct service_process *process = context;

    log_error("database_refused", LOG_TEXT("reason", err->message));
    leave(process, 1);
}

/* --- The port: the world --- */

static void port_drive(void *context, const struct call *call)
{
    struct service_process *process = context;

    if (!process->rebuild && process->world != NULL)
        process->service->world->drive(process->world, call);
}

static void on_alarm(evutil_socket_t fd, short what, void *context)
{
    struct slot *slot = context;

    (void)fd;
    (void)what;
    processor_woken(slot->process->processor, slot->partition, clock_now_ms());
}

static void port_wake(void *context, int partition, int64_t at_ms)
{
    struct service_process *process = context;
    struct event *alarm = process->slots[partition].alarm;
    struct timeval delay;
    int64_t in_ms;

    evtimer_del(alarm);
    if (at_ms == DEADLINE_NEVER || process->rebuild)
        return;
    in_ms = at_ms - clock_now_ms();
    if (in_ms < 0)
        in_ms = 0;
    delay = (struct timeval){ .tv_sec = in_ms / 1000, .tv_usec = in_ms % 1000 * 1000 };
    evtimer_add(alarm, &delay);
}

static void port_run(void *context)
{
    struct service_process *process = context;

    event_active(process->run, EV_TIMEOUT, 0);
}

static void port_later(void *context, int64_t in_ms)
{
    struct service_process *process = context;
    struct timeval delay = { .tv_usec = in_ms * 1000 };

    if (!evtimer_pending(process->later, NULL))
        evtimer_add(process->later, &delay);
}

/* Whoever follows a trace finds it in each service that it came to, with what it led to first. Of the thousands of
 * records that one orchestration may cause the others are lines for debugging. */
static void port_decided(void *context, int partition, int64_t offset, const struct request *request,
                         const struct decision *decision)
{
    struct service_process *process = context;
    const struct core *core = process->service->core;
    char *last = process->slots[partition].trace_id, trace_id[TRACE_ID_SIZE] = "";
    bool is_new;

    if (request->traceparent != NULL && strlen(request->traceparent) > TRACE_ID_SIZE + 2)
        memcpy(trace_id, request->traceparent + 3, TRACE_ID_SIZE - 1); /* 00-<trace ID>-<span ID>-<flags> */
    is_new = trace_id[0] != '\0' && strcmp(trace_id, last) != 0;
    if (is_new)
        memcpy(last, trace_id, sizeof trace_id);
    log_event(is_new ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "decided", LOG_TEXT("topic", core->topic),
              LOG_INT("partition", partition), LOG_INT("offset", offset),
              LOG_TEXT(request->type >= 0 ? "request" : NULL,
                       request->type >= 0 ? core->request_types[request->type] : ""),
              LOG_TEXT("subject", request->subject),
              LOG_TEXT(decision->count > 0 ? "first" : NULL,
                       decision->count > 0 ? core->event_types[decision->events[0].type] : ""),
              LOG_INT("events", decision->count), LOG_INT(decision->status != 0 ? "status" : NULL, decision->status),
              LOG_TEXT(trace_id[0] != '\0' ? "trace_id" : NULL, trace_id), LOG_END);
}

static void port_note(void *context, const char *what, int partition, const char *detail)
{
    struct service_process *process = context;
    enum log_level level = strcmp(what, "partition_restored") == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING;

    log_event(level, what, LOG_TEXT("topic", process->service->core->topic), LOG_INT("partition", partition),
              LOG_TEXT("detail", detail), LOG_END);
    if (process->rebuild && strcmp(what, "partition_blocked") == 0)
        leave(process, 1);
}

static void port_reached(void *context, const char *crash_point)
{
    struct service_process *process = context;

    if (process->crash_count > 0 && strcmp(crash_point, process->crash_point) == 0 && --process->crash_count == 0) {
        log_warning("crash_point_reached", LOG_TEXT("point", crash_point));
        raise(SIGKILL);
    }
}

/* --- Kafka's hooks --- */

static void on_assigned(void *context, int partition)
{
    struct service_process *process = context;

    processor_assign(process->processor, partition);
}

static void on_revoked(void *context, int partition)
{
    struct service_process *process = context;

    log_info("partition_revoked", LOG_INT("partition", partition));
    processor_revoke(process->processor, partition);
}

static void on_delivered(void *context, void *opaque, bool delivered, int64_t offset)
{
    struct service_process *process = context;

    processor_delivered(process->processor, opaque, delivered, offset);
}

static void on_record(void *context, int partition, int64_t offset, const char *bytes, size_t size)
{
    struct service_process *process = context;

    processor_record(process->processor, partition, offset, bytes, size);
}

static void on_end(void *context, int partition, int64_t end)
{
    struct service_process *process = context;

    processor_end(process->processor, partition, end);
}

static void on_request(void *context, int partition, int64_t offset, int64_t append_ms, const char *bytes, size_t size)
{
    struct service_process *process = context;

    processor_request(process->processor, partition, offset, append_ms, bytes, size);
}

static void on_broken(void *context, int partition, const char *why)
{
    struct service_process *process = context;

    processor_broken(process->processor, partition, why);
}

/* --- The loop --- */

static void on_run(evutil_socket_t fd, short what, void *context)
{
    struct service_process *process = context;

    (void)fd;
    (void)what;
    processor_run(process->processor, clock_now_ms());
}

static void count(const char *name, const char *help, uint64_t now, uint64_t *told)
{
    metric_add(metrics_counter(name, help, NULL), (double)(now - *told));
    *told = now;
}

static void tell_metrics(struct service_process *process)
{
    const struct processor_stats *now = processor_stats(process->processor);
    struct processor_stats *told = &process->told;

    count("tidegate_requests_total", "Requests read.", now->requests, &told->requests);
    count("tidegate_records_total", "Records appended, or folded from a tail.", now->records, &told->records);
    count("tidegate_events_total", "Events decided.", now->events, &told->events);
    count("tidegate_messages_total", "Messages sent.", now->messages, &told->messages);
    count("tidegate_projections_total", "Transactions of the read model.", now->stored, &told->stored);
    count("tidegate_messages_seen_again_total", "Messages dropped as seen.", now->seen_again, &told->seen_again);
    count("tidegate_messages_ahead_total", "Messages dropped because one before them is missing.", now->holes,
          &told->holes);
    count("tidegate_records_void_total", "Records skipped because they follow no accepted one.", now->voids,
          &told->voids);
    count("tidegate_takeovers_total", "Partitions taken over again after a surprise.", now->surprises,
          &told->surprises);
    count("tidegate_requests_rejected_total", "Requests rejected without asking the core.", now->rejected,
          &told->rejected);
    metric_set(metrics_gauge("tidegate_partitions_assigned", "Partitions that the group gives us.", NULL),
               processor_assigned(process->processor));
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    struct service_process *process = context;

    (void)fd;
    (void)what;
    processor_tick(process->processor, clock_now_ms());
    tell_metrics(process);
}

static void on_drain(evutil_socket_t fd, short what, void *context)
{
    struct service_process *process = context;

    (void)fd;
    (void)what;
    if (processor_idle(process->processor)) {
        log_info("drained", LOG_BOOL("complete", true));
        leave(process, 0);
    } else if (clock_now_ms() > process->drain_by_ms) {
        log_warning("drained", LOG_BOOL("complete", false));
        _exit(0); /* the next owner repeats what is not finished; closing might wait for Kafka */
    }
}

static void on_signal(evutil_socket_t signal_number, short what, void *context)
{
    static const struct timeval look = { .tv_usec = DRAIN_LOOK_MS * 1000 };
    struct service_process *process = context;

    (void)what;
    if (process->draining)
        return;
    process->draining = true;
    log_info("draining", LOG_INT("signal", signal_number));
    process->drain_by_ms = clock_now_ms() + DRAIN_MS;
    processor_drain(process->processor);
    event_add(process->drain, &look);
}

static void missing(void *context, json_t *out)
{
    struct service_process *process = context;

    if (process->draining)
        json_object_set_new(out, "service", json_string("is shutting down"));
    if (!process->database)
        json_object_set_new(out, "database", json_string("is not connected"));
    if (!kafka_joined(process->kafka))
        json_object_set_new(out, "group", json_string("has not assigned partitions yet"));
    else if (kafka_down(process->kafka) && processor_assigned(process->processor) == 0)
        json_object_set_new(out, "kafka", json_string("is out of reach"));
    for (int i = 0; i < process->partitions; i++) {
        const char *why = processor_blocked(process->processor, i);
        char name[32];

        if (why == NULL)
            continue;
        snprintf(name, sizeof name, "partition %d", i);
        json_object_set_new(out, name, json_string(why));
    }
    if (json_object_size(out) == 0 && !processor_ready(process->processor))
        json_object_set_new(out, "partitions", json_string("are being restored"));
}

/* --- Start --- */

static bool read_crash_point(struct service_process *process, struct error *err)
{
    const char *text = settings_text(process->settings, "TIDEGATE_CRASH_POINT");
    long long number;

    if (text[0] == '\0')
        return true;
    if (sscanf(text, "%31[a-z-]:%lld", process->crash_point, &number) != 2 || number < 1)
        return error_set(err, ERROR_INPUT, "TIDEGATE_CRASH_POINT=%s: expected name:count", text);
    process->crash_count = number;
    return true;
}

static bool read_reject(struct service_process *process, struct processor_options *options, struct error *err)
{
    const char *text = settings_text(process->settings, "TIDEGATE_REJECT");
    char topic[64];
    long long offset;
    int partition;

    options->reject_partition = -1;
    options->reject_offset = -1;
    if (text[0] == '\0')
        return true;
    if (sscanf(text, "%63[a-z.]/%d/%lld", topic, &partition, &offset) != 3 || partition < 0 || offset < 0)
        return error_set(err, ERROR_INPUT,
                         "TIDEGATE_REJECT=%s: expected topic/partition/offset, such as %s.requests/3/17", text,
                         process->service->core->topic);
    if (strncmp(topic, process->service->core->topic, strlen(process->service->core->topic)) == 0) {
        options->reject_partition = partition;
        options->reject_offset = offset;
    }
    return true;
}

static bool open_processor(struct service_process *process, struct error *err)
{
    struct processor_options options = {
        .core = process->service->core,
        .partitions = process->partitions,
        .backlog_max = (size_t)settings_integer(process->settings, "TIDEGATE_BACKLOG"),
        .cache_max = (size_t)settings_integer(process->settings, "TIDEGATE_CACHE_AGGREGATES"),
        .port = { .context = process,
                  .append = port_append,
                  .send = port_send,
                  .reply = port_reply,
                  .read = port_read,
                  .take = port_take,
                  .hold = port_hold,
                  .commit = port_commit,
                  .load = port_load,
                  .store = port_store,
                  .drive = port_drive,
                  .wake = port_wake,
                  .run = port_run,
                  .later = port_later,
                  .decided = port_decided,
                  .note = port_note,
                  .reached = port_reached },
    };

    if (!read_crash_point(process, err) || !read_reject(process, &options, err))
        return false;
    if (process->service->configure != NULL && !process->service->configure(process->settings, &options.settings, err))
        return false;
    process->processor = processor_new(&options);
    process->slots = calloc((size_t)process->partitions, sizeof *process->slots);
    if (process->slots == NULL)
        abort();
    for (int i = 0; i < process->partitions; i++) {
        process->slots[i] = (struct slot){ .process = process, .partition = i };
        process->slots[i].alarm = evtimer_new(process->base, on_alarm, &process->slots[i]);
    }
    return true;
}

static bool open_store(struct service_process *process, const char *schema, struct error *err)
{
    struct store_options options = { .conninfo = settings_text(process->settings, "TIDEGATE_DATABASE"),
                                     .schema = schema,
                                     .core = process->service->core,
                                     .readmodel_sql = process->service->readmodel_sql,
                                     .views_sql = process->rebuild ? NULL : process->service->views_sql,
                                     .reader = "tidegate_api",
                                     .must_be_empty = process->rebuild };
    struct store_hooks hooks = { .ready = on_database,
                                 .lost = on_database_lost,
                                 .failed = on_database_failed,
                                 .refused = on_database_refused,
                                 .context = process };

    process->store = store_open(process->base, &options, &hooks, err);
    return process->store != NULL;
}

static bool open_kafka(struct service_process *process, struct error *err)
{
    struct kafka_options options = { .bootstrap = settings_text(process->settings, "TIDEGATE_KAFKA"),
                                     .service = process->service->name,
                                     .instance = settings_text(process->settings, "TIDEGATE_INSTANCE"),
                                     .topic = process->service->core->topic,
                                     .partitions = process->partitions,
                                     .session_timeout_ms = (int)settings_integer(process->settings,
                                                                                 "TIDEGATE_SESSION_TIMEOUT"),
                                     .read_priority = PRIORITY_LOW,
                                     .member = !process->rebuild };
    struct kafka_hooks hooks = { .assigned = on_assigned,
                                 .revoked = on_revoked,
                                 .delivered = on_delivered,
                                 .record = on_record,
                                 .end = on_end,
                                 .request = on_request,
                                 .broken = on_broken,
                                 .fatal = die,
                                 .context = process };

    process->kafka = kafka_open(process->base, &options, &hooks, err);
    return process->kafka != NULL;
}

static void add_events(struct service_process *process)
{
    static const struct timeval second = { .tv_sec = 1 };

    process->run = process->events[0] = event_new(process->base, -1, 0, on_run, process);
    event_priority_set(process->run, PRIORITY_LOW);
    process->drain = process->events[1] = event_new(process->base, -1, EV_PERSIST, on_drain, process);
    process->events[2] = event_new(process->base, -1, EV_PERSIST, on_tick, process);
    event_add(process->events[2], &second);
    process->events[3] = evsignal_new(process->base, SIGTERM, on_signal, process);
    process->events[4] = evsignal_new(process->base, SIGINT, on_signal, process);
    event_add(process->events[3], NULL);
    event_add(process->events[4], NULL);
    process->later = process->events[5] = evtimer_new(process->base, on_run, process);
}

static bool open_all(struct service_process *process, const char *schema, struct error *err)
{
    add_events(process);
    if (!open_processor(process, err))
        return false;
    if (!process->rebuild) {
        process->http = http_server_new(process->base, settings_text(process->settings, "TIDEGATE_LISTEN"), err);
        if (process->http == NULL)
            return false;
        process->health = health_routes(process->http, missing, process);
        if (process->service->world != NULL) {
            process->world = process->service->world->open(process->base, process->settings, process, err);
            if (process->world == NULL)
                return false;
        }
    }
    if (!open_store(process, schema, err) || !open_kafka(process, err))
        return false;
    for (int i = 0; process->rebuild && i < process->partitions; i++)
        processor_assign(process->processor, i);
    return true;
}

static void close_all(struct service_process *process)
{
    kafka_close(process->kafka); /* hooks may still come from inside: the processor goes after it */
    process->kafka = NULL;
    store_close(process->store);
    if (process->world != NULL)
        process->service->world->close(process->world);
    http_server_free(process->http);
    health_free(process->health);
    processor_free(process->processor);
    for (int i = 0; i < process->partitions && process->slots != NULL; i++)
        event_free(process->slots[i].alarm);
    free(process->slots);
    for (size_t i = 0; i < sizeof process->events / sizeof process->events[0]; i++)
        event_free(process->events[i]);
    event_base_free(process->base);
    settings_free(process->settings);
}

static int run(struct service_process *process, const char *schema)
{
    struct error err = { 0 };

    process->base = event_base_new();
    if (process->base == NULL)
        abort();
    event_base_priority_init(process->base, PRIORITIES);
    if (!open_all(process, schema, &err)) {
        fprintf(stderr, "%s: %s\n", process->service->name, err.message);
        return 1;
    }
    log_info("started", LOG_INT("pid", getpid()),
             LOG_INT("port", process->http == NULL ? 0 : http_server_port(process->http)));
    while (!process->ended && event_base_dispatch(process->base) == 0)
        ;
    close_all(process);
    log_info("ended", LOG_INT("status", process->status));
    return process->status;
}

int service_partitions(const struct service_process *process)
{
    return process->partitions;
}

void service_tell(struct service_process *process, int partition, const char *type, json_t *data)
{
    char id[UUID_SIZE];

    uuid_random(id);
    processor_tell(process->processor, partition, id, type, "", data);
}

int service_run(const struct service *service, int argc, char **argv)
{
    const struct setting *tables[] = { common_settings, service->settings };
    size_t table_count = service->settings == NULL ? 1 : 2;
    struct service_process process = { .service = service };
    const char *schema = service->name;
    enum log_level level = LOG_LEVEL_INFO;
    struct error err = { 0 };

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        printf("usage: %s [--rebuild SCHEMA]\n\nSettings (environment):\n", service->name);
        settings_print_help(tables, table_count, stdout);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--rebuild") == 0) {
        process.rebuild = true;
        schema = argv[2];
    } else if (argc != 1) {
        fprintf(stderr, "usage: %s [--rebuild SCHEMA | --help]\n", service->name);
        return 2;
    }
    process.settings = settings_read(tables, table_count, &err);
    if (process.settings == NULL) {
        fprintf(stderr, "%s: %s\n", service->name, err.message);
        return 2;
    }
    log_level_parse(settings_text(process.settings, "TIDEGATE_LOG_LEVEL"), &level);
    log_open(service->name, settings_text(process.settings, "TIDEGATE_INSTANCE"), level);
    process.partitions = (int)settings_integer(process.settings, "TIDEGATE_PARTITIONS");
    signal(SIGPIPE, SIG_IGN);
    return run(&process, schema);
}
