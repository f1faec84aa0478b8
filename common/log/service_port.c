/* service_port.c - the processor's port in production: librdkafka, libpq and the event loop behind it. */
#include "common/base/timestamp.h"
#include "common/log/fold.h"
#include "common/log/service_process.h"
#include "common/observe/log.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(void *context, const char *why)
{
    struct service_process *process = context;

    log_error("process_failed", LOG_TEXT("reason", why), LOG_TEXT("service", process->service->name));
    _exit(1); /* crash-only: the next start repairs from the log */
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

static void port_hurry(void *context)
{
    struct service_process *process = context;

    if (!process->rebuild)
        kafka_hurry(process->kafka);
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
    service_leave(process, 0);
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
    service_leave(process, 1);
}

/* --- The port: the world --- */

static void port_drive(void *context, const struct call *call)
{
    struct service_process *process = context;

    if (!process->rebuild && process->world != NULL)
        process->service->world->drive(process->world, call);
}

void service_alarm(evutil_socket_t fd, short what, void *context)
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
        service_leave(process, 1);
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

/* --- All of it --- */

struct port service_port(struct service_process *process)
{
    return (struct port){ .context = process,
                          .append = port_append,
                          .send = port_send,
                          .hurry = port_hurry,
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
                          .reached = port_reached };
}

struct kafka_hooks service_kafka_hooks(struct service_process *process)
{
    return (struct kafka_hooks){ .assigned = on_assigned,
                                 .revoked = on_revoked,
                                 .delivered = on_delivered,
                                 .record = on_record,
                                 .end = on_end,
                                 .request = on_request,
                                 .broken = on_broken,
                                 .fatal = die,
                                 .context = process };
}

struct store_hooks service_store_hooks(struct service_process *process)
{
    return (struct store_hooks){ .ready = on_database,
                                 .lost = on_database_lost,
                                 .failed = on_database_failed,
                                 .refused = on_database_refused,
                                 .context = process };
}
