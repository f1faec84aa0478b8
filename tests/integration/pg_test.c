/* The connection against a real PostgreSQL. The role may end its own sessions. */
#include "common/pg/pg.h"

#include "tests/integration/database.h"

enum { SEGMENTS_MAX = 8 };

static struct pg *pg_begun(struct told *told, const char *to, const char *setup_sql)
{
    struct pg_options options = { .conninfo = to, .setup_sql = setup_sql, .segments_max = SEGMENTS_MAX };
    struct pg_hooks hooks = { .ready = tell_ready, .lost = tell_lost, .failed = tell_failed, .context = told };
    struct error err = { 0 };
    struct pg *pg = pg_open(base, &options, &hooks, &err);

    if (pg == NULL)
        fail_msg("%s", err.message);
    return pg;
}

static struct pg *pg_connected(struct told *told, const char *setup_sql)
{
    struct pg *pg = pg_begun(told, conninfo, setup_sql);

    wait_for(told->ready == 1);
    return pg;
}

/* --- What was answered --- */

struct answered {
    int count; /* answers so far */
    int place; /* of this one among all of the test */
    enum pg_outcome outcome;
    size_t refused, results;
    char sqlstate[6], value[256]; /* of the last result's first field */
    struct error err;
};

static int answers;

static void on_answer(void *context, const struct pg_answer *answer)
{
    struct answered *answered = context;

    answered->count++;
    answered->place = ++answers;
    answered->outcome = answer->outcome;
    answered->refused = answer->refused;
    answered->results = answer->count;
    answered->err = answer->err;
    snprintf(answered->sqlstate, sizeof answered->sqlstate, "%s", answer->sqlstate);
    if (answer->outcome == PG_DONE && PQntuples(answer->results[answer->count - 1]) > 0)
        snprintf(answered->value, sizeof answered->value, "%s", PQgetvalue(answer->results[answer->count - 1], 0, 0));
}

static void submit(struct pg *pg, struct answered *answered, const char *const *sql, size_t count)
{
    struct pg_statement statements[8] = { 0 };
    struct error err = { 0 };

    for (size_t i = 0; i < count; i++)
        statements[i].sql = sql[i];
    if (!pg_submit(pg, statements, count, on_answer, answered, &err))
        fail_msg("%s", err.message);
}

#define SUBMIT(pg, answered, ...)                              \
    submit(pg, answered, (const char *const[]){ __VA_ARGS__ }, \
           sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void a_segment_is_one_transaction_and_the_next_one_starts_afresh(void **state)
{
    struct told told = { 0 };
    struct answered refused = { 0 }, next = { 0 };
    struct pg *pg = pg_connected(&told, "CREATE TEMP TABLE t (a int)");

    (void)state;
    SUBMIT(pg, &refused, "INSERT INTO t VALUES (1)", "SELECT 1/0", "INSERT INTO t VALUES (2)");
    SUBMIT(pg, &next, "INSERT INTO t VALUES (3)", "SELECT sum(a) FROM t");
    wait_for(next.count == 1);
    assert_int_equal(refused.outcome, PG_ERROR);
    assert_int_equal(refused.refused, 1);
    assert_string_equal(refused.sqlstate, "22012");
    assert_non_null(strstr(refused.err.message, "division by zero"));
    assert_null(strchr(refused.err.message, '\n'));
    assert_int_equal(next.outcome, PG_DONE);
    assert_int_equal(next.results, 2);
    assert_string_equal(next.value, "3");
    assert_true(refused.place < next.place);
    pg_close(pg);
}

static void an_error_at_the_commit_refuses_the_segment(void **state)
{
    struct told told = { 0 };
    struct answered refused = { 0 }, next = { 0 };
    struct pg *pg = pg_connected(&told, "CREATE TEMP TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)");

    (void)state;
    SUBMIT(pg, &refused, "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)");
    wait_for(refused.count == 1);
    assert_int_equal(refused.outcome, PG_ERROR);
    assert_int_equal(refused.refused, 2);
    assert_string_equal(refused.sqlstate, "23505");
    SUBMIT(pg, &next, "SELECT count(*) FROM t");
    wait_for(next.count == 1);
    assert_string_equal(next.value, "0");
    pg_close(pg);
}

static void statements_prepared_in_the_setup_can_be_named(void **state)
{
    struct told told = { 0 };
    struct answered answered = { 0 };
    struct pg *pg = pg_connected(&told, "SET TimeZone = 'UTC'; PREPARE twice(text) AS SELECT $1 || $1");
    const char *const params[] = { "ab" };
    struct pg_statement statement = { .prepared = "twice", .params = params, .param_count = 1 };

    (void)state;
    assert_true(pg_submit(pg, &statement, 1, on_answer, &answered, NULL));
    wait_for(answered.count == 1);
    assert_string_equal(answered.value, "abab");
    pg_close(pg);
}

static void segments_beyond_the_maximum_are_refused_until_one_is_answered(void **state)
{
    struct told told = { 0 };
    struct answered answered = { 0 };
    struct error err = { 0 };
    struct pg_statement statement = { .sql = "SELECT 1" };
    struct pg *pg = pg_begun(&told, conninfo, NULL);

    (void)state;
    assert_int_equal(pg_room(pg), 0);
    assert_false(pg_submit(pg, &statement, 1, on_answer, &answered, &err));
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    wait_for(told.ready == 1);
    assert_int_equal(pg_room(pg), SEGMENTS_MAX);
    for (int i = 0; i < SEGMENTS_MAX; i++)
        SUBMIT(pg, &answered, "SELECT 1");
    assert_int_equal(pg_room(pg), 0);
    assert_false(pg_submit(pg, &statement, 1, on_answer, &answered, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_int_equal(answered.count, 0);
    wait_for(answered.count == SEGMENTS_MAX);
    assert_int_equal(pg_room(pg), SEGMENTS_MAX);
    pg_close(pg);
}

static void large_texts_go_both_ways_while_others_wait(void **state)
{
    enum { SIZE = 16 << 20 };
    struct told told = { 0 };
    struct answered sizes[3] = { 0 }, echo = { 0 };
    struct pg *pg = pg_connected(&told, NULL);
    char *text = malloc(SIZE + 1);
    const char *const params[] = { text };
    struct pg_statement size = { .sql = "SELECT length($1::text)", .params = params, .param_count = 1 };
    struct pg_statement both = { .sql = "SELECT $1::text", .params = params, .param_count = 1 };

    (void)state;
    memset(text, 'x', SIZE);
    text[SIZE] = '\0';
    assert_true(pg_submit(pg, &both, 1, on_answer, &echo, NULL));
    for (int i = 0; i < 3; i++)
        assert_true(pg_submit(pg, &size, 1, on_answer, &sizes[i], NULL));
    wait_for(sizes[2].count == 1);
    assert_int_equal(echo.outcome, PG_DONE);
    assert_int_equal(strlen(echo.value), sizeof echo.value - 1);
    assert_string_equal(sizes[2].value, "16777216");
    free(text);
    pg_close(pg);
}

static void a_lost_connection_answers_what_was_under_way_and_comes_back(void **state)
{
    struct told told = { 0 };
    struct answered before = { 0 }, fatal = { 0 }, behind = { 0 }, after = { 0 };
    struct pg *pg = pg_connected(&told, "PREPARE one AS SELECT 1");
    struct pg_statement one = { .prepared = "one" };

    (void)state;
    SUBMIT(pg, &before, "SELECT 1");
    SUBMIT(pg, &fatal, "SELECT pg_terminate_backend(pg_backend_pid())");
    SUBMIT(pg, &behind, "SELECT 2");
    wait_for(told.lost == 1);
    assert_int_equal(before.outcome, PG_DONE);
    assert_int_equal(fatal.outcome, PG_LOST);
    assert_int_equal(behind.outcome, PG_LOST);
    assert_int_equal(behind.err.code, ERROR_UNAVAILABLE);
    assert_int_equal(pg_room(pg), 0);
    wait_for(told.ready == 2);
    assert_true(pg_submit(pg, &one, 1, on_answer, &after, NULL));
    wait_for(after.count == 1);
    assert_int_equal(after.outcome, PG_DONE);
    pg_close(pg);
}

static void a_connection_that_is_idle_notices_its_end_and_says_why(void **state)
{
    struct told told = { 0 };
    struct pg *pg = pg_connected(&told, "SET application_name = 'tidegate_test_idle'");

    (void)state;
    run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidegate_test_idle'");
    wait_for(told.lost == 1);
    assert_non_null(strstr(told.err.message, "terminating connection due to administrator command"));
    wait_for(told.ready == 2);
    pg_close(pg);
}

static void an_unreachable_server_is_tried_again_with_growing_pauses(void **state)
{
    struct told told = { 0 };
    int64_t begun_ms = clock_now_ms();
    struct pg *pg = pg_begun(&told, "host=127.0.0.1 port=1 dbname=none", NULL);

    (void)state;
    wait_for(told.failed == 4); /* at 0, 100, 300, 700 ms */
    assert_true(clock_now_ms() - begun_ms >= 600);
    assert_int_equal(told.err.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(told.err.message, "port 1"));
    assert_int_equal(told.ready + told.lost, 0);
    pg_close(pg);
}

static void a_setup_that_the_server_refuses_fails_the_attempt(void **state)
{
    struct told told = { 0 };
    struct pg *pg = pg_begun(&told, conninfo, "SET TimeZone = 'UTC'; SELECT nothing_of_this_name()");

    (void)state;
    wait_for(told.failed == 2);
    assert_non_null(strstr(told.err.message, "nothing_of_this_name"));
    assert_int_equal(told.ready, 0);
    pg_close(pg);
}

static void an_unreadable_connection_string_is_refused_at_once(void **state)
{
    struct error err = { 0 };
    struct pg_options options = { .conninfo = "host=a nonsense" };
    struct pg_hooks hooks = { 0 };

    (void)state;
    assert_null(pg_open(base, &options, &hooks, &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

struct closing {
    struct pg *pg;
    int done, lost;
};

static void on_answer_close(void *context, const struct pg_answer *answer)
{
    struct closing *closing = context;
    struct pg *pg = closing->pg;

    *(answer->outcome == PG_DONE ? &closing->done : &closing->lost) += 1;
    closing->pg = NULL;
    pg_close(pg);
}

static void an_answer_may_close_the_connection(void **state)
{
    struct told told = { 0 };
    struct closing closing = { .pg = pg_connected(&told, NULL) };
    struct pg_statement statement = { .sql = "SELECT 1" };

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_true(pg_submit(closing.pg, &statement, 1, on_answer_close, &closing, NULL));
    wait_for(closing.done + closing.lost == 3);
    assert_int_equal(closing.done, 1);
    assert_int_equal(told.lost, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_is_one_transaction_and_the_next_one_starts_afresh),
        cmocka_unit_test(an_error_at_the_commit_refuses_the_segment),
        cmocka_unit_test(segments_beyond_the_maximum_are_refused_until_one_is_answered),
        cmocka_unit_test(large_texts_go_both_ways_while_others_wait),
        cmocka_unit_test(a_lost_connection_answers_what_was_under_way_and_comes_back),
        cmocka_unit_test(a_connection_that_is_idle_notices_its_end_and_says_why),
        cmocka_unit_test(an_unreachable_server_is_tried_again_with_growing_pauses),
        cmocka_unit_test(statements_prepared_in_the_setup_can_be_named),
        cmocka_unit_test(a_setup_that_the_server_refuses_fails_the_attempt),
        cmocka_unit_test(an_unreadable_connection_string_is_refused_at_once),
        cmocka_unit_test(an_answer_may_close_the_connection),
    };

    return cmocka_run_group_tests(tests, database_set_up, database_tear_down);
}
