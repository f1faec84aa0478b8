#include "services/api-gateway/outcomes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/log/record.h"
#include "common/pg/pg.h"
#include "services/api-gateway/sql.h"

#define OUTCOME_BETWEEN(view, first, last)                                                                           \
    "(SELECT request_id, status, body::text FROM api." view " WHERE request_id >= " first " AND request_id <= " last \
    " "                                                                                                              \
    "ORDER BY request_id LIMIT 1)"

/* The wanted ones come first: of what is appended, only what is needed is read. */
#define PREPARE_OUTCOMES(topic, view)                                                                          \
    "PREPARE outcomes_" topic "(text[]) AS"                                                                    \
    " SELECT request_id, status, body::text FROM api." view " WHERE request_id = ANY($1);"                     \
    "PREPARE outcomes_keyed_" topic                                                                            \
    "(text, text, text, text) AS " OUTCOME_BETWEEN(view, "$1", "$2") " UNION ALL " OUTCOME_BETWEEN(view, "$3", \
                                                                                                   "$4") " LIMIT 1;"

const char outcomes_setup_sql[] = PREPARE_OUTCOMES("instances", "broker_outcomes")
    PREPARE_OUTCOMES("orchestrations", "orchestrator_outcomes") PREPARE_OUTCOMES("runtimes", "provisioner_outcomes");

static const struct {
    const char *topic, *statement, *keyed;
} statements[] = {
    { "instances", "outcomes_instances", "outcomes_keyed_instances" },
    { "orchestrations", "outcomes_orchestrations", "outcomes_keyed_orchestrations" },
    { "runtimes", "outcomes_runtimes", "outcomes_keyed_runtimes" },
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

static struct outcome outcome_at(const PGresult *rows, int row, int topic)
{
    return (struct outcome){ .topic = topic,
                             .status = atoi(PQgetvalue(rows, row, 1)),
                             .body = PQgetisnull(rows, row, 2)
                                         ? NULL
                                         : json_loads(PQgetvalue(rows, row, 2), JSON_DECODE_ANY, NULL) };
}

/* Few rows come, as most requests have their reply by then; so their IDs are searched one by one. */
static struct outcome outcome_of(const PGresult *rows, const char *id, int topic)
{
    for (int i = 0; i < PQntuples(rows); i++)
        if (strcmp(PQgetvalue(rows, i, 0), id) == 0)
            return outcome_at(rows, i, topic);
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

/* NULL: there is none. */
static const char *statement_of(int topic, bool keyed, struct error *err)
{
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
        if (topic == topic_number(statements[i].topic))
            return keyed ? statements[i].keyed : statements[i].statement;
    error_set(err, ERROR_INTERNAL, "topic %d has no outcomes to look up", topic);
    return NULL;
}

bool outcomes_look(struct pg *pg, int topic, const char *const *ids, size_t count, outcomes_looked *done, void *context,
                   struct error *err)
{
    const char *statement = statement_of(topic, false, err);
    struct look *look;
    char *array;
    bool sent;

    assert(count > 0 && count <= OUTCOMES_LOOK_MAX);
    if (statement == NULL)
        return false;
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

/* --- By key --- */

struct look_keyed {
    int topic;
    outcomes_looked_keyed *done;
    void *context;
};

static void keyed_answered(void *context, const struct pg_answer *answer)
{
    const struct look_keyed look = *(struct look_keyed *)context;
    const PGresult *rows = answer->outcome == PG_DONE ? answer->results[0] : NULL;
    struct keyed_outcome found = { 0 };

    free(context);
    if (rows != NULL && PQntuples(rows) > 0)
        found = (struct keyed_outcome){ PQgetvalue(rows, 0, 0), outcome_at(rows, 0, look.topic) };
    look.done(look.context, rows != NULL ? &found : NULL);
    json_decref(found.outcome.body);
}

bool outcomes_look_keyed(struct pg *pg, int topic, struct id_range wanted, struct id_range all,
                         outcomes_looked_keyed *done, void *context, struct error *err)
{
    const char *const params[] = { wanted.first, wanted.last, all.first, all.last };
    const char *statement = statement_of(topic, true, err);
    struct look_keyed *look;

    if (statement == NULL)
        return false;
    look = malloc(sizeof *look);
    if (look == NULL)
        abort();
    *look = (struct look_keyed){ topic, done, context };
    if (pg_submit(pg, &(struct pg_statement){ .prepared = statement, .params = params, .param_count = 4 }, 1,
                  keyed_answered, look, err))
        return true;
    free(look);
    return false;
}
