/* api-gateway - HTTP for clients: checks who calls and what they say, asks the services through Kafka, and reads what
 * they show in PostgreSQL. Keeps nothing itself: any number of them may run. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/auth/auth.h"
#include "common/base/settings.h"
#include "common/http/health.h"
#include "common/http/server.h"
#include "common/log/record.h"
#include "common/observe/log.h"
#include "common/release/release_watch.h"
#include "common/secret/secret.h"
#include "services/api-gateway/events.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/graphiql.h"
#include "services/api-gateway/graphql.h"
#include "services/api-gateway/outcomes.h"
#include "services/api-gateway/patient_pool.h"
#include "services/api-gateway/reads.h"
#include "services/api-gateway/requests.h"

enum {
    KIBIBYTE = 1024,
    GRAPHQL_ERRORS_MAX = 100, /* told of one document */
    LISTENERS_MAX = 2,
    DRAIN_S = 20,         /* until a request that does not end is cut off */
    AUTH_WARNING_S = 600, /* between two warnings that everybody may do everything */
    HOST_SIZE = 256,
};

static const struct setting gateway_settings[] = {
    { "TIDEGATE_LISTEN", SETTING_LISTEN, "127.0.0.1:8080", 0, 0,
      "address of the API, and of /healthz, /readyz, /metrics", NULL },
    { "TIDEGATE_KAFKA", SETTING_TEXT, "127.0.0.1:19092", 0, 0, "Kafka's bootstrap servers, host:port,…", NULL },
    { "TIDEGATE_API_DATABASE", SETTING_TEXT, "host=127.0.0.1 port=15432 user=tidegate_api dbname=tidegate", 0, 0,
      "PostgreSQL connection string of a role that may read the schema api", NULL },
    { "TIDEGATE_PARTITIONS", SETTING_INTEGER, "12", 1, PARTITIONS_MAX, "partitions of every topic; fixed at creation",
      NULL },
    { "TIDEGATE_INSTANCE", SETTING_TEXT, "0", 1, 128, "name of this process, unique among those of its service", NULL },
    { "TIDEGATE_AUTH", SETTING_CHOICE, "oidc", 0, 0,
      "oidc: callers show a token; none: everybody may do everything, on a loopback address only", "oidc|none" },
    { "TIDEGATE_OIDC_ISSUER", SETTING_TEXT, "", 0, 0, "the issuer whose tokens are accepted; needed for oidc", NULL },
    { "TIDEGATE_OIDC_AUDIENCE", SETTING_TEXT, "tidegate", 0, 0, "the audience that tokens must name", NULL },
    { "TIDEGATE_OIDC_JWKS", SETTING_TEXT, "", 0, 0, "the issuer's keys: a URL, or the path of a file; needed for oidc",
      NULL },
    { "TIDEGATE_ADMIN_GROUP", SETTING_TEXT, "runtimeAdmin", 1, 200, "the group whose members may change things", NULL },
    { "TIDEGATE_OPERATOR_GROUP", SETTING_TEXT, "runtimeOperator", 1, 200, "the group whose members may read", NULL },
    { "TIDEGATE_KYMA_VERSION", SETTING_TEXT, "2.4.2", 1, 100, "the version that an upgrade without a version means",
      NULL },
    { "TIDEGATE_RELEASES", SETTING_TEXT, "deploy/releases", 1, 4096,
      "folder of the releases, <version>.json and versions.json; watched", NULL },
    { "TIDEGATE_PAGE_SIZE_MAX", SETTING_INTEGER, "100", 100, 10000,
      "elements in a page, at most and by default; clients rely on 100", NULL },
    { "TIDEGATE_REQUEST_TIMEOUT", SETTING_DURATION_MS, "10s", 1000, 300000,
      "how long a request waits for what the services decide", NULL },
    { "TIDEGATE_BODY_MAX", SETTING_INTEGER, "512", 1, 900, "size of a request's body in KiB, at most", NULL },
    { "TIDEGATE_IMPORT_MAX", SETTING_INTEGER, "65536", 1, 1048576, "size of an import's body in KiB, at most", NULL },
    { "TIDEGATE_EVENT_STREAMS_MAX", SETTING_INTEGER, "1000", 0, 100000,
      "streams of events, at most; more are answered 503", NULL },
    { "TIDEGATE_SECRET_KEYS", SETTING_TEXT, NULL, 1, 4096,
      "file of the keys that secret values and kubeconfigs are encrypted with", NULL },
    { "TIDEGATE_GRAPHQL_AUTH", SETTING_CHOICE, "oidc", 0, 0,
      "of /graphql; oidc: as TIDEGATE_AUTH says; none: everybody may do everything, on a loopback address or on "
      "TIDEGATE_GRAPHQL_LISTEN only",
      "oidc|none" },
    { "TIDEGATE_GRAPHQL_LISTEN", SETTING_TEXT, "", 0, 0,
      "address of a listener for /graphql alone, where TIDEGATE_GRAPHQL_AUTH counts instead of on TIDEGATE_LISTEN",
      NULL },
    { "TIDEGATE_GRAPHQL_SECRETS", SETTING_CHOICE, "masked", 0, 0, "secret values in answers; shown: to administrators",
      "masked|shown" },
    { "TIDEGATE_GRAPHQL_DOCUMENT_MAX", SETTING_INTEGER, "262144", 1, 921600,
      "size of a GraphQL document in bytes, at most", NULL },
    { "TIDEGATE_GRAPHQL_TOKENS_MAX", SETTING_INTEGER, "50000", 1, 1000000, "tokens of a document, at most", NULL },
    { "TIDEGATE_GRAPHQL_DEPTH_MAX", SETTING_INTEGER, "32", 1, 200,
      "selections or values within each other, at most; introspection needs 15", NULL },
    { "TIDEGATE_GRAPHQL_ALIASES_MAX", SETTING_INTEGER, "200", 1, 100000, "aliases of a document, at most", NULL },
    { "TIDEGATE_GRAPHQL_FIELDS_MAX", SETTING_INTEGER, "5000", 1, 1000000,
      "fields of an operation with its fragments expanded, at most", NULL },
    { "TIDEGATE_GRAPHQL_LIST_MAX", SETTING_INTEGER, "10000", 1, 1000000, "items of a list, given or answered, at most",
      NULL },
    { "TIDEGATE_GRAPHQL_CACHE_MAX", SETTING_INTEGER, "16384", 1, 1048576,
      "size of the documents kept parsed and validated, in KiB", NULL },
    { "TIDEGATE_GRAPHQL_CONFIGURATIONS_MAX", SETTING_INTEGER, "131072", 1, 4194304,
      "size of the configurations kept ready to be answered, in KiB", NULL },
    { "TIDEGATE_GRAPHQL_CONNECTIONS", SETTING_INTEGER, "2", 1, PG_POOL_CONNECTIONS_MAX,
      "connections to PostgreSQL for GraphQL's reads", NULL },
    { "TIDEGATE_READ_CONNECTIONS", SETTING_INTEGER, "4", 1, PG_POOL_CONNECTIONS_MAX,
      "connections to PostgreSQL for all other reads", NULL },
    { "TIDEGATE_GRAPHIQL", SETTING_BOOLEAN, "off", 0, 0, "offer GraphiQL, a console for the browser, at /graphiql",
      NULL },
    { "TIDEGATE_GRAPHIQL_FILES", SETTING_TEXT, ".cache/graphiql", 1, 4096,
      "folder of its files; deploy/graphiql/install fills it", NULL },
    { "TIDEGATE_LOG_LEVEL", SETTING_CHOICE, "info", 0, 0, "the least important lines that are written",
      LOG_LEVEL_CHOICES },
    { 0 },
};

struct process {
    struct settings *settings;
    struct event_base *base;
    struct listener {
        struct http_server *http;
        struct health *health;
        struct gateway_routes *routes;
    } listeners[LISTENERS_MAX]; /* the second is GraphQL's, where it has one */
    size_t listener_count, undrained;
    struct gateway gateway;
    struct releases *releases;
    struct release_watch *release_watch;
    bool database_ready;
    struct event *signals[2], *warning, *cutoff;
};

/* --- Ready --- */

static void database_ready(void *context)
{
    struct process *process = context;

    process->database_ready = true;
    log_info("database_ready");
}

static void database_lost(void *context, const struct error *err)
{
    struct process *process = context;

    process->database_ready = false;
    log_warning("database_lost", LOG_TEXT("error", err->message));
}

static void database_failed(void *context, const struct error *err)
{
    (void)context;
    log_warning("database_failed", LOG_TEXT("error", err->message));
}

static void reads_lost(void *context, const struct error *err)
{
    (void)context;
    log_warning("reads_database_lost", LOG_TEXT("error", err->message));
}

static void reads_failed(void *context, const struct error *err)
{
    (void)context;
    log_warning("reads_database_failed", LOG_TEXT("error", err->message));
}

static void tell_missing(void *context, json_t *missing)
{
    const struct process *process = context;
    const char *kafka = requests_missing(process->gateway.requests);

    if (kafka != NULL)
        json_object_set_new(missing, "kafka", json_string(kafka));
    if (!process->database_ready || !patient_pool_ready(process->gateway.reads) ||
        !graphql_ready(process->gateway.graphql))
        json_object_set_new(missing, "database", json_string("not connected, or its views are not there yet"));
    if (process->gateway.auth != NULL && !auth_ready(process->gateway.auth))
        json_object_set_new(missing, "auth", json_string("the issuer's keys are not known yet"));
}

/* --- Opening --- */

static const char *text(const struct process *process, const char *variable)
{
    return settings_text(process->settings, variable);
}

static bool is_loopback(const char *listen)
{
    char host[HOST_SIZE];
    uint16_t port;

    return listen_split(listen, host, sizeof host, &port) &&
           (strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 || strcasecmp(host, "localhost") == 0);
}

static bool is_none(const struct process *process, const char *variable)
{
    return strcmp(text(process, variable), "none") == 0;
}

static bool has_graphql_listener(const struct process *process)
{
    return text(process, "TIDEGATE_GRAPHQL_LISTEN")[0] != '\0';
}

static void warn_of_none(evutil_socket_t fd, short what, void *context)
{
    const struct process *process = context;

    (void)fd;
    (void)what;
    if (is_none(process, "TIDEGATE_AUTH"))
        log_warning("authentication_is_off", LOG_TEXT("setting", "TIDEGATE_AUTH=none"),
                    LOG_TEXT("meaning", "everybody who reaches this address may do everything"),
                    LOG_TEXT("listen", text(process, "TIDEGATE_LISTEN")));
    if (is_none(process, "TIDEGATE_GRAPHQL_AUTH"))
        log_warning("authentication_is_off", LOG_TEXT("setting", "TIDEGATE_GRAPHQL_AUTH=none"),
                    LOG_TEXT("meaning", "everybody who reaches this address may do everything by GraphQL"),
                    LOG_TEXT("listen", text(process, has_graphql_listener(process) ? "TIDEGATE_GRAPHQL_LISTEN"
                                                                                   : "TIDEGATE_LISTEN")));
}

static bool check_none(const struct process *process, struct error *err)
{
    const char *listen = text(process, "TIDEGATE_LISTEN");

    if (is_none(process, "TIDEGATE_AUTH") && !is_loopback(listen))
        return error_set(err, ERROR_INPUT,
                         "TIDEGATE_AUTH=none: accepted only where TIDEGATE_LISTEN is a loopback address, and it is %s",
                         listen);
    if (is_none(process, "TIDEGATE_GRAPHQL_AUTH") && !is_loopback(listen) && !has_graphql_listener(process))
        return error_set(
            err, ERROR_INPUT,
            "TIDEGATE_GRAPHQL_AUTH=none: accepted only where TIDEGATE_LISTEN is a loopback address, and it "
            "is %s, or where TIDEGATE_GRAPHQL_LISTEN has an address of its own",
            listen);
    return true;
}

/* Every ten minutes, so that it is in whatever part of the log somebody reads. */
static void open_warning(struct process *process)
{
    const struct timeval often = { AUTH_WARNING_S, 0 };

    if (!is_none(process, "TIDEGATE_AUTH") && !is_none(process, "TIDEGATE_GRAPHQL_AUTH"))
        return;
    warn_of_none(-1, 0, process);
    process->warning = event_new(process->base, -1, EV_PERSIST, warn_of_none, process);
    event_add(process->warning, &often);
}

static bool open_auth(struct process *process, struct error *err)
{
    const struct auth_options options = {
        .issuer = text(process, "TIDEGATE_OIDC_ISSUER"),
        .audience = text(process, "TIDEGATE_OIDC_AUDIENCE"),
        .jwks = text(process, "TIDEGATE_OIDC_JWKS"),
        .admin_group = text(process, "TIDEGATE_ADMIN_GROUP"),
        .operator_group = text(process, "TIDEGATE_OPERATOR_GROUP"),
    };

    if (!check_none(process, err))
        return false;
    open_warning(process);
    if (is_none(process, "TIDEGATE_AUTH"))
        return true;
    if (options.issuer[0] == '\0' || options.jwks[0] == '\0')
        return error_set(err, ERROR_INPUT, "%s: it must be set, because TIDEGATE_AUTH is oidc",
                         options.issuer[0] == '\0' ? "TIDEGATE_OIDC_ISSUER" : "TIDEGATE_OIDC_JWKS");
    process->gateway.auth = auth_new(process->base, &options, err);
    return process->gateway.auth != NULL;
}

/* What is in force stays so if the folder is wrong. Whoever answers from it does so at once, and keeps nothing. */
static void take_releases(void *context, struct releases *releases, const char *reason)
{
    struct process *process = context;

    (void)reason;
    if (releases == NULL)
        return;
    releases_free(process->releases);
    process->releases = releases;
    process->gateway.releases = releases;
}

static bool open_releases(struct process *process, struct error *err)
{
    const char *version = text(process, "TIDEGATE_KYMA_VERSION");

    process->releases = releases_load(text(process, "TIDEGATE_RELEASES"), err);
    if (process->releases == NULL)
        return false;
    if (!releases_have_default(process->releases, version, err)) {
        error_context(err, "TIDEGATE_KYMA_VERSION");
        return false;
    }
    process->gateway.releases = process->releases;
    process->release_watch = release_watch_new(process->base, (struct release_watch_options){
                                                                  .folder = text(process, "TIDEGATE_RELEASES"),
                                                                  .version = version,
                                                                  .told = take_releases,
                                                                  .context = process });
    process->gateway.kyma_version = version;
    return true;
}

static bool open_outcomes(struct process *process, struct error *err)
{
    static const char session_sql[] =
        "SET plan_cache_mode = force_custom_plan; SET statement_timeout = '15s'; SET jit = off;";
    const struct pg_hooks hooks = {
        .ready = database_ready, .lost = database_lost, .failed = database_failed, .context = process
    };
    struct pg_options options = { .conninfo = text(process, "TIDEGATE_API_DATABASE") };
    char *setup_sql;

    if (asprintf(&setup_sql, "%s\n%s", session_sql, outcomes_setup_sql) < 0)
        abort();
    options.setup_sql = setup_sql;
    process->gateway.pg = pg_open(process->base, &options, &hooks, err);
    free(setup_sql);
    return process->gateway.pg != NULL;
}

static bool open_reads(struct process *process, struct error *err)
{
    static const struct pg_pool_hooks hooks = { .lost = reads_lost, .failed = reads_failed };

    process->gateway.reads = reads_open(process->base, text(process, "TIDEGATE_API_DATABASE"),
                                        (size_t)settings_integer(process->settings, "TIDEGATE_READ_CONNECTIONS"),
                                        &hooks, err);
    return process->gateway.reads != NULL;
}

static bool open_database(struct process *process, struct error *err)
{
    if (open_outcomes(process, err) && open_reads(process, err))
        return true;
    error_context(err, "TIDEGATE_API_DATABASE");
    return false;
}

static bool open_requests(struct process *process, struct error *err)
{
    const struct requests_options options = {
        .kafka = text(process, "TIDEGATE_KAFKA"),
        .instance = text(process, "TIDEGATE_INSTANCE"),
        .partitions = (int)settings_integer(process->settings, "TIDEGATE_PARTITIONS"),
        .timeout_ms = settings_integer(process->settings, "TIDEGATE_REQUEST_TIMEOUT"),
        .pg = process->gateway.pg,
    };

    process->gateway.requests = requests_new(process->base, &options, err);
    return process->gateway.requests != NULL;
}

static void open_events(struct process *process)
{
    const struct events_options options = {
        .kafka = text(process, "TIDEGATE_KAFKA"),
        .instance = text(process, "TIDEGATE_INSTANCE"),
        .partitions = (int)settings_integer(process->settings, "TIDEGATE_PARTITIONS"),
        .streams_max = (size_t)settings_integer(process->settings, "TIDEGATE_EVENT_STREAMS_MAX"),
        .patience_ms = settings_integer(process->settings, "TIDEGATE_REQUEST_TIMEOUT"),
    };

    process->gateway.events = events_new(process->base, &options);
}

static bool open_secrets(struct process *process, struct error *err)
{
    process->gateway.secrets = secrets_load(text(process, "TIDEGATE_SECRET_KEYS"), err);
    if (process->gateway.secrets == NULL)
        error_context(err, "TIDEGATE_SECRET_KEYS");
    return process->gateway.secrets != NULL;
}

static size_t size_setting(const struct process *process, const char *variable)
{
    return (size_t)settings_integer(process->settings, variable);
}

static bool open_graphql(struct process *process, struct error *err)
{
    const struct graphql_options options = {
        .conninfo = text(process, "TIDEGATE_API_DATABASE"),
        .connections = size_setting(process, "TIDEGATE_GRAPHQL_CONNECTIONS"),
        .limits = { .bytes = size_setting(process, "TIDEGATE_GRAPHQL_DOCUMENT_MAX"),
                    .tokens = size_setting(process, "TIDEGATE_GRAPHQL_TOKENS_MAX"),
                    .depth = size_setting(process, "TIDEGATE_GRAPHQL_DEPTH_MAX"),
                    .aliases = size_setting(process, "TIDEGATE_GRAPHQL_ALIASES_MAX"),
                    .fields = size_setting(process, "TIDEGATE_GRAPHQL_FIELDS_MAX"),
                    .items = size_setting(process, "TIDEGATE_GRAPHQL_LIST_MAX"),
                    .errors = GRAPHQL_ERRORS_MAX },
        .documents_bytes_max = size_setting(process, "TIDEGATE_GRAPHQL_CACHE_MAX") * KIBIBYTE,
        .configs_bytes_max = size_setting(process, "TIDEGATE_GRAPHQL_CONFIGURATIONS_MAX") * KIBIBYTE,
        .secrets_shown = strcmp(text(process, "TIDEGATE_GRAPHQL_SECRETS"), "shown") == 0,
    };

    process->gateway.graphql = graphql_new(&process->gateway, &options, err);
    if (process->gateway.graphql == NULL)
        return false;
    if (!settings_boolean(process->settings, "TIDEGATE_GRAPHIQL"))
        return true;
    process->gateway.graphiql = graphiql_new(text(process, "TIDEGATE_GRAPHIQL_FILES"), err);
    if (process->gateway.graphiql == NULL)
        error_context(err, "TIDEGATE_GRAPHIQL=on");
    return process->gateway.graphiql != NULL;
}

static bool open_listener(struct process *process, const char *listen, struct gateway_offer offer, struct error *err)
{
    struct listener *listener = &process->listeners[process->listener_count];

    listener->http = http_server_new(process->base, listen, err);
    if (listener->http == NULL)
        return false;
    process->listener_count++;
    listener->routes = gateway_routes(&process->gateway, listener->http, offer);
    listener->health = health_routes(listener->http, tell_missing, process);
    return true;
}

static bool open_http(struct process *process, struct error *err)
{
    const bool none = is_none(process, "TIDEGATE_GRAPHQL_AUTH");
    struct gateway *gateway = &process->gateway;
    struct gateway_offer offer = { .rest = true, .graphql_is_open = none && !has_graphql_listener(process) };

    gateway->page_size_max = settings_integer(process->settings, "TIDEGATE_PAGE_SIZE_MAX");
    gateway->body_size_max = size_setting(process, "TIDEGATE_BODY_MAX") * KIBIBYTE;
    gateway->import_size_max = size_setting(process, "TIDEGATE_IMPORT_MAX") * KIBIBYTE;
    if (!open_listener(process, text(process, "TIDEGATE_LISTEN"), offer, err))
        return false;
    offer = (struct gateway_offer){ .graphql_is_open = none };
    if (!has_graphql_listener(process) || open_listener(process, text(process, "TIDEGATE_GRAPHQL_LISTEN"), offer, err))
        return true;
    error_context(err, "TIDEGATE_GRAPHQL_LISTEN");
    return false;
}

/* --- Ending --- */

static void drained(void *context)
{
    struct process *process = context;

    if (--process->undrained == 0)
        event_base_loopbreak(process->base);
}

static size_t unanswered(const struct process *process)
{
    size_t count = 0;

    for (size_t i = 0; i < process->listener_count; i++)
        count += http_server_unanswered(process->listeners[i].http);
    return count;
}

static void cut_off(evutil_socket_t fd, short what, void *context)
{
    struct process *process = context;

    (void)fd;
    (void)what;
    log_warning("drain_cut_off", LOG_INT("unanswered", unanswered(process)));
    event_base_loopbreak(process->base);
}

static void signalled(evutil_socket_t number, short what, void *context)
{
    struct process *process = context;
    const struct timeval patience = { DRAIN_S, 0 };

    (void)what;
    log_info("draining", LOG_INT("signal", number), LOG_INT("unanswered", unanswered(process)));
    evtimer_add(process->cutoff, &patience);
    if (process->undrained > 0)
        return; /* a second signal */
    process->undrained = process->listener_count;
    events_drain(process->gateway.events);
    for (size_t i = 0; i < process->listener_count; i++)
        http_server_drain(process->listeners[i].http, drained, process);
}

static void open_signals(struct process *process)
{
    process->signals[0] = evsignal_new(process->base, SIGTERM, signalled, process);
    process->signals[1] = evsignal_new(process->base, SIGINT, signalled, process);
    process->cutoff = evtimer_new(process->base, cut_off, process);
    event_add(process->signals[0], NULL);
    event_add(process->signals[1], NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void close_all(struct process *process)
{
    struct event *const events[] = { process->signals[0], process->signals[1], process->cutoff, process->warning };

    /* What still reads answers its exchange while that is there. */
    graphql_close(process->gateway.graphql);
    patient_pool_close(process->gateway.reads);
    process->gateway.reads = NULL;
    pg_close(process->gateway.pg);
    requests_free(process->gateway.requests);
    events_free(process->gateway.events);
    for (size_t i = 0; i < process->listener_count; i++) {
        http_server_free(process->listeners[i].http);
        health_free(process->listeners[i].health);
        gateway_routes_free(process->listeners[i].routes);
    }
    graphql_free(process->gateway.graphql);
    graphiql_free(process->gateway.graphiql);
    secrets_free(process->gateway.secrets);
    auth_free(process->gateway.auth);
    release_watch_free(process->release_watch);
    releases_free(process->releases);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i] != NULL)
            event_free(events[i]);
    event_base_free(process->base);
    settings_free(process->settings);
}

/* --- The process --- */

static int run(struct process *process)
{
    struct error err = { 0 };
    int status = EXIT_SUCCESS;

    process->base = event_base_new();
    if (process->base == NULL)
        abort();
    process->gateway.base = process->base;
    open_events(process);
    if (open_secrets(process, &err) && open_releases(process, &err) && open_auth(process, &err) &&
        open_database(process, &err) && open_requests(process, &err) && open_graphql(process, &err) &&
        open_http(process, &err)) {
        open_signals(process);
        log_info("started", LOG_INT("pid", getpid()), LOG_INT("port", http_server_port(process->listeners[0].http)));
        event_base_dispatch(process->base);
        log_info("ended");
    } else {
        fprintf(stderr, "api-gateway: %s\n", err.message);
        status = EXIT_FAILURE;
    }
    close_all(process);
    return status;
}

int main(int argc, char **argv)
{
    static const struct setting *const tables[] = { gateway_settings };
    struct process process = { 0 };
    enum log_level level = LOG_LEVEL_INFO;
    struct error err = { 0 };

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("usage: api-gateway\n\nSettings (environment):");
        settings_print_help(tables, 1, stdout);
        return EXIT_SUCCESS;
    }
    process.settings = argc == 1 ? settings_read(tables, 1, &err) : NULL;
    if (process.settings == NULL) {
        fprintf(stderr, "api-gateway: %s\n", argc == 1 ? err.message : "expected no arguments, or --help");
        return 2;
    }
    log_level_parse(text(&process, "TIDEGATE_LOG_LEVEL"), &level);
    log_open("api-gateway", text(&process, "TIDEGATE_INSTANCE"), level);
    return run(&process);
}
