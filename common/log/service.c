#include "common/log/service.h"

#include "common/base/id.h"
#include "common/base/timestamp.h"
#include "common/json/blocks.h"
#include "common/log/record.h"
#include "common/log/service_process.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"

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

void service_leave(struct service_process *process, int status)
{
    process->status = status;
    process->ended = true;
    event_base_loopbreak(process->base);
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
        service_leave(process, 0);
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
        .port = service_port(process),
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
        process->slots[i].alarm = evtimer_new(process->base, service_alarm, &process->slots[i]);
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
    struct store_hooks hooks = service_store_hooks(process);

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
    struct kafka_hooks hooks = service_kafka_hooks(process);

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
    json_blocks_use();
    return run(&process, schema);
}
