#include "services/api-gateway/outcomes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/log/record.h"
#include "common/pg/pg.h"
#include "services/api-gateway/sql.h"

#define PREPARE_OUTCOMES(topic, view)       \
    "PREPARE outcomes_" topic "(text[]) AS" \
    " SELECT request_id, status, body::text FROM api." view " WHERE request_id = ANY($1);"

const char outcomes_setup_sql[] = PREPARE_OUTCOMES("instances", "broker_outcomes")
    PREPARE_OUTCOMES("orchestrations", "orchestrator_outcomes") PREPARE_OUTCOMES("runtimes", "provisioner_outcomes");

static const struct {
    const char *topic, *statement;
} statements[] = {
    { "instances", "outcomes_instances" },
    { "orchestrations", "outcomes_orchestrations" },
    { "runtimes", "outcomes_runtimes" },
};

struct look {
    int topic;
    outcomes_looked *done;
    void *context;
    size_t count;
    char **ids;
};

static void look_free(struct look *look)
{
    for (size_t i = 0; i < look->count; i++)
        free(look->ids[i]);
    free(look->ids);
    free(look);
}

static struct look *look_new(int topic, const char *const *ids, size_t count)
{
    struct look *look = calloc(1, sizeof *look);

    if (look == NULL)
        abort();
    look->ids = calloc(count, sizeof *look->ids);
    if (look->ids == NULL)
        abort();
    look->topic = topic;
    look->count = count;
    for (size_t i = 0; i < count; i++) {
        look->ids[i] = strdup(ids[i]);
        if (look->ids[i] == NULL)
            abort();
    }
    return look;
}

/* Few rows come, as most requests have their reply by then; so their IDs are searched one by one. */
static struct outcome outcome_of(const PGresult *rows, const char *id, int topic)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        if (strcmp(PQgetvalue(rows, i, 0), id) != 0)
            continue;
        return (struct outcome){ .topic = topic,
                                 .status = atoi(PQgetvalue(rows, i, 1)),
                                 .body = PQgetisnull(rows, i, 2)
                                             ? NULL
                                             : json_loads(PQgetvalue(rows, i, 2), JSON_DECODE_ANY, NULL) };
    }
    return (struct outcome){ .topic = topic };
}

static void look_answered(void *context, const struct pg_answer *answer)
{
    struct look *look = context;
    struct outcome *found;

    if (answer->outcome != PG_DONE) {
        look->done(look->context, NULL, 0);
        look_free(look);
        return;
    }
    found = calloc(look->count, sizeof *found);
    if (found == NULL)
        abort();
    for (size_t i = 0; i < look->count; i++)
        found[i] = outcome_of(answer->results[0], look->ids[i], look->topic);
    look->done(look->context, found, look->count);
    for (size_t i = 0; i < look->count; i++)
        json_decref(found[i].body);
    free(found);
    look_free(look);
}

static const char *statement_of(int topic)
{
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
        if (topic == topic_number(statements[i].topic))
            return statements[i].statement;
    return NULL;
}

bool outcomes_look(struct pg *pg, int topic, const char *const *ids, size_t count, outcomes_looked *done, void *context,
                   struct error *err)
{
    const char *statement = statement_of(topic);
    struct look *look;
    char *array;
    bool sent;

    assert(count > 0 && count <= OUTCOMES_LOOK_MAX);
    if (statement == NULL)
        return error_set(err, ERROR_INTERNAL, "topic %d has no outcomes to look up", topic);
    look = look_new(topic, ids, count);
    look->done = done;
    look->context = context;
    array = sql_text_array(ids, count);
    sent = pg_submit(pg,
                     &(struct pg_statement){
                         .prepared = statement, .params = (const char *const[]){ array }, .param_count = 1 },
                     1, look_answered, look, err);
    free(array);
    if (!sent)
        look_free(look);
    return sent;
}
