/* Several connections against a real PostgreSQL. The role may end its own sessions. */
#include "common/pg/pool.h"

#include "tests/integration/database.h"

enum { CONNECTIONS = 3 };

static struct pg_pool *pool_begun(struct told *told)
{
    const struct pg_options options = { .conninfo = conninfo,
                                        .setup_sql = "PREPARE own AS SELECT pg_backend_pid(), pg_sleep(0.2);" };
    const struct pg_pool_hooks hooks = {
        .ready = tell_ready, .lost = tell_lost, .failed = tell_failed, .context = told
    };
    struct error err = { 0 };
    struct pg_pool *pool = pg_pool_open(base, &options, CONNECTIONS, &hooks, &err);

    if (pool == NULL)
        fail_msg("%s", err.message);
    return pool;
}

static struct pg_pool *pool_connected(struct told *told)
{
    struct pg_pool *pool = pool_begun(told);

    wait_for(told->ready == 1);
    return pool;
}

struct answered {
    int count;
    enum pg_outcome outcome;
    char value[64];
    struct pg_pool *asks; /* submits to it once more; NULL: does not */
    bool refused;         /* that was not taken */
};

static void on_answer(void *context, const struct pg_answer *answer)
{
    const struct pg_statement statement = { .sql = "SELECT 1" };
    struct answered *answered = context;

    answered->count++;
    answered->outcome = answer->outcome;
    if (answer->outcome == PG_DONE)
        snprintf(answered->value, sizeof answered->value, "%s", PQgetvalue(answer->results[0], 0, 0));
    if (answered->asks != NULL)
        answered->refused = !pg_pool_submit(answered->asks, &statement, 1, on_answer, answered, NULL);
}

static void submit(struct pg_pool *pool, const struct pg_statement *statement, struct answered *answered)
{
    struct error err = { 0 };

    if (!pg_pool_submit(pool, statement, 1, on_answer, answered, &err))
        fail_msg("%s", err.message);
}

static void what_is_asked_at_one_time_goes_to_all_connections(void **state)
{
    const struct pg_statement statement = { .prepared = "own" };
    struct told told = { 0 };
    struct answered answered[CONNECTIONS] = { 0 };
    struct pg_pool *pool = pool_connected(&told);

    (void)state;
    for (int i = 0; i < CONNECTIONS; i++)
        submit(pool, &statement, &answered[i]);
    wait_for(answered[0].count + answered[1].count + answered[2].count == CONNECTIONS);
    assert_string_not_equal(answered[0].value, answered[1].value);
    assert_string_not_equal(answered[0].value, answered[2].value);
    assert_string_not_equal(answered[1].value, answered[2].value);
    pg_pool_close(pool);
}

static void nothing_is_taken_before_a_connection_is_there(void **state)
{
    const struct pg_statement statement = { .sql = "SELECT 1" };
    struct told told = { 0 };
    struct answered answered = { 0 };
    struct error err = { 0 };
    struct pg_pool *pool = pool_begun(&told);

    (void)state;
    assert_false(pg_pool_ready(pool));
    assert_false(pg_pool_submit(pool, &statement, 1, on_answer, &answered, &err));
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    wait_for(told.ready == 1);
    assert_true(pg_pool_ready(pool));
    pg_pool_close(pool);
}

static void one_connection_that_ends_leaves_the_others_and_comes_back(void **state)
{
    const struct pg_statement end = { .sql = "SELECT pg_terminate_backend(pg_backend_pid())" };
    const struct pg_statement statement = { .sql = "SELECT 7" };
    struct told told = { 0 };
    struct answered ended = { 0 }, answered = { 0 };
    struct pg_pool *pool = pool_connected(&told);

    (void)state;
    submit(pool, &end, &ended);
    wait_for(told.lost == 1);
    assert_int_equal(ended.outcome, PG_LOST);
    assert_false(pg_pool_ready(pool));
    submit(pool, &statement, &answered);
    wait_for(answered.count == 1);
    assert_string_equal(answered.value, "7");
    wait_for(told.ready == 2);
    pg_pool_close(pool);
}

static void closing_answers_what_is_under_way_as_lost_and_takes_no_more(void **state)
{
    const struct pg_statement statement = { .prepared = "own" };
    struct told told = { 0 };
    struct pg_pool *pool = pool_connected(&told);
    struct answered answered = { .asks = pool };

    (void)state;
    submit(pool, &statement, &answered);
    pg_pool_close(pool);
    assert_int_equal(answered.count, 1);
    assert_int_equal(answered.outcome, PG_LOST);
    assert_true(answered.refused);
    assert_int_equal(told.lost, 0);
    assert_false(pg_pool_submit(NULL, &statement, 1, on_answer, &answered, NULL));
    pg_pool_close(NULL);
}

static void an_unreadable_connection_string_is_refused_at_once(void **state)
{
    const struct pg_options options = { .conninfo = "nonsense" };
    const struct pg_pool_hooks hooks = { 0 };
    struct error err = { 0 };

    (void)state;
    assert_null(pg_pool_open(base, &options, CONNECTIONS, &hooks, &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_at_one_time_goes_to_all_connections),
        cmocka_unit_test(nothing_is_taken_before_a_connection_is_there),
        cmocka_unit_test(one_connection_that_ends_leaves_the_others_and_comes_back),
        cmocka_unit_test(closing_answers_what_is_under_way_as_lost_and_takes_no_more),
        cmocka_unit_test(an_unreadable_connection_string_is_refused_at_once),
    };

    return cmocka_run_group_tests(tests, database_set_up, database_tear_down);
}
