/* What GraphQL reads: the status of runtimes and of operations, out of the read model. */
#include <event2/event.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/base/timestamp.h"
#include "common/json/lenient.h"
#include "common/observe/log.h"
#include "common/secret/secret.h"
#include "services/api-gateway/config_cache.h"
#include "services/api-gateway/graphql_call.h"
#include "services/api-gateway/graphql_status.h"

enum {
    READING_MS_MAX = 10000, /* until a field fails whose rows do not come */
    READING_LOOK_MS = 500,
};

/* The columns of runtime_status.sql. */
enum {
    STATUS_TENANT,
    STATUS_SHOOT_NAME,
    STATUS_SEED,
    STATUS_DEPROVISIONED,
    STATUS_HIBERNATED,
    STATUS_HIBERNATION_POSSIBLE,
    STATUS_OPERATION_ID,
    STATUS_OPERATION_TYPE,
    STATUS_OPERATION_STATE,
    STATUS_OPERATION_MESSAGE,
    STATUS_OPERATION_LAST_ERROR,
    STATUS_KUBECONFIG,
    STATUS_KYMA_HASH,
    STATUS_CLUSTER_HASH,
    STATUS_COLUMNS,
    STATUS_KYMA_BODY = STATUS_COLUMNS, /* of runtime_status_bodies */
    STATUS_CLUSTER_BODY,
};
enum {
    OPERATION_TENANT,
    OPERATION_ID,
    OPERATION_TYPE,
    OPERATION_STATE,
    OPERATION_MESSAGE,
    OPERATION_RUNTIME,
    OPERATION_LAST_ERROR,
};

struct reading {
    struct graphql *graphql;
    struct gql_field *field;   /* NULL: it was given up; the rows come in vain, and it is in no list */
    struct graphql_call *call; /* as long as there is a field */
    char *id;
    bool wants_configuration;
    int64_t begun_ms;
    struct reading *prev, *next;
};

static void arm_overdue(const struct graphql *graphql)
{
    const struct timeval soon = { 0, READING_LOOK_MS * 1000 };

    if (graphql->readings != NULL && !evtimer_pending(graphql->overdue, NULL))
        evtimer_add(graphql->overdue, &soon);
}

static struct reading *reading_new(struct graphql_call *call, struct gql_field *field, const char *id)
{
    struct reading *reading = calloc(1, sizeof *reading);

    if (reading == NULL)
        abort();
    reading->graphql = call->graphql;
    reading->field = field;
    reading->call = call;
    reading->begun_ms = clock_now_ms();
    reading->id = strdup(id);
    if (reading->id == NULL)
        abort();
    DL_APPEND(call->graphql->readings, reading);
    arm_overdue(call->graphql);
    return reading;
}

static void reading_free(struct reading *reading)
{
    if (reading->field != NULL)
        DL_DELETE(reading->graphql->readings, reading);
    free(reading->id);
    free(reading);
}

static void fail_unavailable(struct graphql_call *call, struct gql_field *field)
{
    call_fail(call, field, (struct graphql_failure){ 503, "err_db_unavailable", "gateway" },
              "the database does not answer; try again");
}

void readings_give_up(evutil_socket_t fd, short what, void *context)
{
    struct graphql *graphql = context;
    const int64_t begun_ms = clock_now_ms() - READING_MS_MAX;
    struct reading *oldest;

    (void)fd;
    (void)what;
    while ((oldest = graphql->readings) != NULL && oldest->begun_ms <= begun_ms) {
        struct gql_field *field = oldest->field;

        DL_DELETE(graphql->readings, oldest);
        oldest->field = NULL;
        fail_unavailable(oldest->call, field);
    }
    arm_overdue(graphql);
}

/* Takes the reading over where the read began; fails the field where it did not. */
static void read_on(struct reading *reading, const char *statement, pg_done *done)
{
    if (call_read(reading->call, statement, reading->id, done, reading))
        return;
    fail_unavailable(reading->call, reading->field);
    reading_free(reading);
}

/* NULL: there are no rows, and the field has failed. */
static const PGresult *rows_of(struct reading *reading, const struct pg_answer *answer)
{
    if (reading->field == NULL)
        return NULL;
    switch (answer->outcome) {
    case PG_DONE: return answer->results[0];
    case PG_LOST: fail_unavailable(reading->call, reading->field); break;
    case PG_ERROR:
        log_error("read_refused", LOG_TEXT("field", gql_field_name(reading->field)),
                  LOG_TEXT("sqlstate", answer->sqlstate), LOG_TEXT("error", answer->err.message));
        call_fail(reading->call, reading->field, (struct graphql_failure){ 500, "err_db_internal", "gateway" },
                  "while reading the database: it refused the question; see the log");
        break;
    }
    return NULL;
}

/* SQL's null is NULL. */
static const char *cell(const PGresult *rows, int column)
{
    return PQgetisnull(rows, 0, column) ? NULL : PQgetvalue(rows, 0, column);
}

static const char *cell_or(const PGresult *rows, int column, const char *otherwise)
{
    const char *text = cell(rows, column);

    return text != NULL ? text : otherwise;
}

/* A row of another tenant is no row. */
static bool is_callers(const struct graphql_call *call, const PGresult *rows, int tenant_column)
{
    return PQntuples(rows) == 1 && strcmp(cell_or(rows, tenant_column, ""), call->tenant) == 0;
}

/* --- runtimeOperationStatus --- */

static void operation_read(void *context, const struct pg_answer *answer)
{
    struct reading *reading = context;
    struct graphql_call *call = reading->call;
    const PGresult *rows = rows_of(reading, answer);

    if (rows == NULL) {
        /* the field has failed */
    } else if (PQntuples(rows) == 1 && call->tenant[0] == '\0') {
        call_fail_tenant(call, reading->field);
    } else if (!is_callers(call, rows, OPERATION_TENANT)) {
        call_fail_unknown(call, reading->field, "operation", reading->id);
    } else {
        gql_field_value(reading->field,
                        status_operation(&(struct status_operation){ .id = cell(rows, OPERATION_ID),
                                                                     .type = cell(rows, OPERATION_TYPE),
                                                                     .state = cell(rows, OPERATION_STATE),
                                                                     .message = cell(rows, OPERATION_MESSAGE),
                                                                     .runtime_id = cell(rows, OPERATION_RUNTIME),
                                                                     .last_error = cell(rows, OPERATION_LAST_ERROR) }));
    }
    reading_free(reading);
}

/* "" for one with a NUL in it, which nothing has. */
static const char *id_of(const struct gql_field *field)
{
    const json_t *id = json_object_get(gql_field_arguments(field), "id");

    return strlen(json_string_value(id)) == json_string_length(id) ? json_string_value(id) : "";
}

void resolve_operation_status(struct gql_field *field, void *context)
{
    struct graphql_call *call = context;
    const char *id = id_of(field);

    call_note(call, field);
    if (call_id_is_plausible(id))
        read_on(reading_new(call, field, id), "operation_status", operation_read);
    else
        call_fail_unknown(call, field, "operation", id);
}

/* --- runtimeStatus --- */

static enum status_known known_of(const PGresult *rows, int column)
{
    const char *text = cell(rows, column);

    if (text == NULL)
        return STATUS_NOT_KNOWN;
    return text[0] == 't' ? STATUS_YES : STATUS_NO;
}

static bool has_bodies(const PGresult *rows)
{
    return PQnfields(rows) > STATUS_CLUSTER_BODY;
}

/* NULL: its body must be read first. Where there is no body to a hash, the empty one is found. */
static struct cached_config *find_config(struct config_cache *cache, enum config_kind kind, const PGresult *rows,
                                         int hash_column, int body_column)
{
    const char *hash = cell_or(rows, hash_column, ""), *body = has_bodies(rows) ? cell(rows, body_column) : NULL;
    struct cached_config *found = config_cache_find(cache, kind, hash);

    if (found != NULL || (hash[0] != '\0' && !has_bodies(rows)))
        return found;
    return config_cache_add(cache, kind, body != NULL ? hash : "", body);
}

/* A new value. NULL: it cannot be opened. */
static json_t *open_kyma_config(const struct graphql_call *call, const PGresult *rows)
{
    json_t *body = json_loads(cell_or(rows, STATUS_KYMA_BODY, "null"), JSON_DECODE_ANY, NULL), *opened, *value;
    struct error err = { 0 };

    opened = secret_open_configuration(call->graphql->gateway->secrets, call->tenant, body, SECRET_OPENED, &err);
    json_decref(body);
    if (opened == NULL) {
        log_error("secret_unreadable", LOG_TEXT("error", err.message));
        return NULL;
    }
    value = status_kyma_config(opened);
    json_decref(opened);
    return value;
}

/* Administrators see secret values where the setting says so; those are read each time. NULL: the body must be read. */
static json_t *kyma_config(const struct graphql_call *call, const PGresult *rows)
{
    const struct cached_config *found = find_config(call->graphql->configs, CONFIG_KYMA, rows, STATUS_KYMA_HASH,
                                                    STATUS_KYMA_BODY);
    json_t *opened;

    if (found == NULL)
        return NULL;
    if (!cached_config_has_secrets(found) || !call->graphql->secrets_shown || !call->visit->caller.admin)
        return json_incref(cached_config_kyma(found));
    if (!has_bodies(rows))
        return NULL;
    opened = open_kyma_config(call, rows);
    return opened != NULL ? opened : json_incref(cached_config_kyma(found));
}

/* NULL: the body must be read. */
static json_t *cluster_config(const struct graphql_call *call, const PGresult *rows)
{
    struct cached_config *found = find_config(call->graphql->configs, CONFIG_CLUSTER, rows, STATUS_CLUSTER_HASH,
                                              STATUS_CLUSTER_BODY);

    if (found == NULL)
        return NULL;
    return cached_config_cluster(found, cell_or(rows, STATUS_SHOOT_NAME, ""), cell_or(rows, STATUS_SEED, ""));
}

/* RuntimeConfig; NULL: a body must be read first. The kubeconfig is sealed still: see resolve_kubeconfig. */
static json_t *runtime_config(const struct graphql_call *call, const PGresult *rows)
{
    const char *kubeconfig = known_of(rows, STATUS_DEPROVISIONED) == STATUS_YES ? "" : cell(rows, STATUS_KUBECONFIG);
    json_t *kyma = kyma_config(call, rows), *cluster = kyma != NULL ? cluster_config(call, rows) : NULL, *value;

    if (cluster == NULL) {
        json_decref(kyma);
        return NULL;
    }
    value = json_object();
    json_object_set_new_nocheck(value, "kymaConfig", kyma);
    json_object_set_new_nocheck(value, "clusterConfig", cluster);
    if (kubeconfig != NULL)
        json_object_set_new_nocheck(value, "kubeconfig", json_text(kubeconfig));
    return value;
}

static void give_status(struct reading *reading, const PGresult *rows, json_t *configuration)
{
    json_t *value = json_object();

    json_object_set_new_nocheck(value, "lastOperationStatus",
                                status_operation(&(struct status_operation){
                                    .id = cell(rows, STATUS_OPERATION_ID),
                                    .type = cell(rows, STATUS_OPERATION_TYPE),
                                    .state = cell(rows, STATUS_OPERATION_STATE),
                                    .message = cell(rows, STATUS_OPERATION_MESSAGE),
                                    .runtime_id = reading->id,
                                    .last_error = cell(rows, STATUS_OPERATION_LAST_ERROR) }));
    json_object_set_new_nocheck(value, "runtimeConnectionStatus", status_connection());
    json_object_set_new_nocheck(value, "hibernationStatus",
                                status_hibernation(known_of(rows, STATUS_HIBERNATED),
                                                   known_of(rows, STATUS_HIBERNATION_POSSIBLE)));
    if (configuration != NULL)
        json_object_set_new_nocheck(value, "runtimeConfiguration", configuration);
    gql_field_value(reading->field, value);
}

static void status_read(void *context, const struct pg_answer *answer)
{
    struct reading *reading = context;
    const PGresult *rows = rows_of(reading, answer);
    json_t *configuration = NULL;

    if (rows != NULL && !is_callers(reading->call, rows, STATUS_TENANT)) {
        call_fail_unknown(reading->call, reading->field, "runtime", reading->id);
    } else if (rows != NULL) {
        if (reading->wants_configuration)
            configuration = runtime_config(reading->call, rows);
        if (reading->wants_configuration && configuration == NULL) {
            read_on(reading, "runtime_status_bodies", status_read);
            return;
        }
        give_status(reading, rows, configuration);
    }
    reading_free(reading);
}

void call_give_runtime_status(struct graphql_call *call, struct gql_field *field, const char *id)
{
    static const char *const statements[2][2] = {
        { "runtime_status_tenant", "runtime_status_operation" },
        { "runtime_status_configuration", "runtime_status" },
    };
    struct reading *reading = reading_new(call, field, id);

    reading->wants_configuration = gql_field_selects(field, "runtimeConfiguration");
    read_on(reading, statements[reading->wants_configuration][gql_field_selects(field, "lastOperationStatus")],
            status_read);
}

void resolve_runtime_status(struct gql_field *field, void *context)
{
    struct graphql_call *call = context;
    const char *id = id_of(field);

    call_note(call, field);
    if (call->tenant[0] == '\0')
        call_fail_tenant(call, field);
    else if (!call_id_is_plausible(id))
        call_fail_unknown(call, field, "runtime", id);
    else
        call_give_runtime_status(call, field, id);
}

/* --- RuntimeConfig.kubeconfig --- */

static void give_opened(struct graphql_call *call, struct gql_field *field, const char *sealed)
{
    struct error err = { 0 };
    char *opened = secret_open(call->graphql->gateway->secrets, call->tenant, sealed, &err);

    if (opened == NULL) {
        log_error("kubeconfig_unreadable", LOG_TEXT("error", err.message));
        call_fail(call, field, (struct graphql_failure){ 500, "err_gateway_internal", "gateway" },
                  "the kubeconfig cannot be decrypted; see the log");
        return;
    }
    gql_field_value(field, json_text(opened));
    secret_free(opened);
}

/* Null until the cluster is ready, empty after its end; decrypted only for who asks and may. */
void resolve_kubeconfig(struct gql_field *field, void *context)
{
    struct graphql_call *call = context;
    const char *sealed = json_string_value(json_object_get(gql_field_parent(field), "kubeconfig"));

    if (!call->visit->caller.admin)
        call_fail(call, field, (struct graphql_failure){ 403, "err_gateway_forbidden", "gateway" },
                  "kubeconfigs are for members of the group of administrators");
    else if (sealed == NULL || sealed[0] == '\0')
        gql_field_value(field, sealed == NULL ? NULL : json_string(""));
    else
        give_opened(call, field, sealed);
}
