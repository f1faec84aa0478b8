/* The store against a real PostgreSQL. Makes and drops schemas of its own names only; the role may create schemas and
 * end its own sessions. */
#include "common/pg/store.h"

#include "tests/integration/database.h"

static const struct core_table tables[] = {
    { .name = "thing", .aggregate = "thing_id", .live = "state <> 'done'" },
    { .name = "part", .aggregate = "thing_id", .live = "not gone" },
    { .name = "note", .aggregate = NULL, .live = "true" },
};
static const struct core core = { .tables = tables, .table_count = 3 };

static const char readmodel_sql[] =
    "CREATE TABLE IF NOT EXISTS thing (partition integer NOT NULL, thing_id text PRIMARY KEY, state text,"
    " \"order\" bigint, at timestamptz, detail jsonb);\n"
    "CREATE TABLE IF NOT EXISTS part (partition integer NOT NULL, part_id text, thing_id text, gone boolean,"
    " PRIMARY KEY (partition, part_id));\n"
    "CREATE TABLE IF NOT EXISTS note (partition integer NOT NULL, place integer, text text,"
    " PRIMARY KEY (partition, place)) -- the last line may be a comment";

#define HASH(digit) digit digit digit digit digit digit digit digit
#define HASH64(digit) HASH(digit) HASH(digit) HASH(digit) HASH(digit) HASH(digit) HASH(digit) HASH(digit) HASH(digit)
static const struct position genesis = { -1, HASH64("0") }, first = { 7, HASH64("a") }, second = { 9, HASH64("b") };

struct store_told {
    struct told told;
    int refused;
};

static void tell_refused(void *context, const struct error *err)
{
    struct store_told *told = context;

    told->refused++;
    told->told.err = *err;
}

static struct store *store_begun(struct store_told *told, struct store_options options)
{
    struct store_hooks hooks = {
        .ready = tell_ready, .lost = tell_lost, .failed = tell_failed, .refused = tell_refused, .context = told
    };
    struct error err = { 0 };
    struct store *store;

    options.conninfo = conninfo;
    options.core = options.core != NULL ? options.core : &core;
    options.schema = options.schema != NULL ? options.schema : "tidegate_test";
    options.readmodel_sql = options.readmodel_sql != NULL ? options.readmodel_sql : readmodel_sql;
    store = store_open(base, &options, &hooks, &err);
    if (store == NULL)
        fail_msg("%s", err.message);
    return store;
}

static struct store *store_begun_and_ready(struct store_told *told, struct store_options options)
{
    struct store *store = store_begun(told, options);

    wait_for(told->told.ready + told->told.failed + told->refused > 0);
    if (told->told.ready == 0)
        fail_msg("%s", told->told.err.message);
    return store;
}

static struct store *store_ready(struct store_told *told)
{
    return store_begun_and_ready(told, (struct store_options){ .in_flight_max = 64 });
}

struct got {
    int count;
    enum store_outcome outcome;
    bool failed;
    struct error err;
    struct position position;
    int fold;
    char *seen, *sent; /* as text; own */
    char *rows;        /* "table:row" joined with ';'; own */
    size_t row_count;
};

static void on_projected(void *context, enum store_outcome outcome, const struct error *err)
{
    struct got *got = context;

    got->count++;
    got->outcome = outcome;
    if (err != NULL)
        got->err = *err;
    assert_true((err == NULL) == (outcome == STORE_DONE));
}

static void got_release(struct got *got)
{
    free(got->seen);
    free(got->sent);
    free(got->rows);
    *got = (struct got){ 0 };
}

static void on_loaded(void *context, const struct restored *restored, const struct error *err)
{
    struct got *got = context;
    size_t size = 0;
    FILE *out;

    got_release(got);
    got->count = 1;
    got->failed = restored == NULL;
    if (err != NULL)
        got->err = *err;
    if (got->failed)
        return;
    got->position = restored->position;
    got->fold = restored->fold;
    got->seen = restored->seen != NULL ? json_dumps(restored->seen, JSON_COMPACT) : NULL;
    got->sent = restored->sent != NULL ? json_dumps(restored->sent, JSON_COMPACT) : NULL;
    got->row_count = restored->count;
    out = open_memstream(&got->rows, &size);
    for (size_t i = 0; i < restored->count && i < 100; i++) {
        char *row = json_dumps(restored->rows[i].row, JSON_COMPACT | JSON_ENCODE_ANY);

        fprintf(out, "%s%d:%s", i > 0 ? ";" : "", restored->rows[i].table, row);
        free(row);
    }
    fclose(out);
}

static struct got load(struct store *store, int partition, const char *const *ids, size_t count)
{
    struct got got = { 0 };

    assert_true(store_load(store, partition, ids, count, on_loaded, &got, NULL));
    assert_int_equal(got.count, 0);
    wait_for(got.count == 1);
    if (got.failed)
        fail_msg("%s", got.err.message);
    return got;
}

static struct got project(struct store *store, int partition, struct projection projection)
{
    struct got got = { 0 };

    assert_true(store_project(store, partition, &projection, on_projected, &got, NULL));
    wait_for(got.count == 1);
    return got;
}

#define ROWS(...) ((char *[]){ __VA_ARGS__ })

#define THING_A                                                                                      \
    "{\"thing_id\":\"a\",\"state\":\"new\",\"order\":5000000000,\"at\":\"2022-02-01T09:15:04.12Z\"," \
    "\"detail\":{\"x\":[1,\"\\u00fc\"]}}"
#define THING_B "{\"thing_id\":\"b\",\"state\":\"done\",\"order\":null,\"at\":null,\"detail\":null}"

static struct got project_two_things(struct store *store, int partition)
{
    char things[] = "[" THING_B "," THING_A "]";
    char parts[] = "[{\"part_id\":\"2\",\"thing_id\":\"a\",\"gone\":true},"
                   "{\"part_id\":\"1\",\"thing_id\":\"a\",\"gone\":false}]";
    char notes[] = "[{\"place\":10,\"text\":\"x\"},{\"place\":9,\"text\":\"y\"}]";
    char seen[] = "{\"runtimes-4\":[99,0]}", sent[] = "{\"runtimes-5\":[7,1]}";
    struct projection projection = {
        .from = genesis, .to = first, .fold = 3, .seen = seen, .sent = sent, .rows = ROWS(things, parts, notes)
    };

    return project(store, partition, projection);
}

static int drop_schemas(void **state)
{
    (void)state;
    run("DROP SCHEMA IF EXISTS tidegate_test CASCADE");
    run("DROP SCHEMA IF EXISTS \"tidegate Test 2\" CASCADE");
    return 0;
}

/* --- The store --- */

static void nothing_projected_is_genesis(void **state)
{
    struct store_told told = { 0 };
    struct store *store = store_ready(&told);
    struct got got = load(store, 3, NULL, 0);

    (void)state;
    assert_int_equal(got.position.offset, -1);
    assert_string_equal(got.position.hash, genesis.hash);
    assert_int_equal(got.row_count, 0);
    assert_null(got.seen);
    got_release(&got);
    store_close(store);
}

static void what_is_projected_is_loaded_in_order_by_what_is_asked(void **state)
{
    static const char *const a[] = { "a" }, *const both[] = { "b", "x\"},{", "a" };
    static const char a_rows[] = "0:{\"thing_id\":\"a\",\"state\":\"new\",\"order\":5000000000,"
                                 "\"at\":\"2022-02-01T09:15:04.12+00:00\",\"detail\":{\"x\":[1,\"\u00fc\"]}}";
    static const char parts[] = ";1:{\"part_id\":\"1\",\"thing_id\":\"a\",\"gone\":false}";
    struct store_told told = { 0 };
    struct store *store = store_ready(&told);
    struct got got = project_two_things(store, 3);
    char want[1024];

    (void)state;
    assert_int_equal(got.outcome, STORE_DONE);

    got = load(store, 3, NULL, 0);
    assert_int_equal(got.position.offset, 7);
    assert_string_equal(got.position.hash, first.hash);
    assert_int_equal(got.fold, 3);
    assert_string_equal(got.seen, "{\"runtimes-4\":[99,0]}");
    assert_string_equal(got.sent, "{\"runtimes-5\":[7,1]}");
    snprintf(want, sizeof want, "%s%s;2:{\"place\":9,\"text\":\"y\"};2:{\"place\":10,\"text\":\"x\"}", a_rows, parts);
    assert_string_equal(got.rows, want); /* live: neither the thing that is done nor the part that is gone */
    got_release(&got);

    got = load(store, 3, a, 1);
    snprintf(want, sizeof want, "%s%s;1:{\"part_id\":\"2\",\"thing_id\":\"a\",\"gone\":true}", a_rows, parts);
    assert_string_equal(got.rows, want);
    got_release(&got);

    got = load(store, 3, both, 3);
    assert_int_equal(got.row_count, 4);
    got_release(&got);

    got = load(store, 3, a, 0);
    assert_int_equal(got.position.offset, 7);
    assert_int_equal(got.row_count, 0);
    got_release(&got);

    got = load(store, 4, NULL, 0); /* another partition */
    assert_int_equal(got.position.offset, -1);
    assert_int_equal(got.row_count, 0);
    got_release(&got);
    store_close(store);
}

static void a_projection_from_elsewhere_misses_and_writes_nothing(void **state)
{
    struct store_told told = { 0 };
    struct store *store = store_ready(&told);
    char things[] = "[" THING_B "]", changed[] = "[{\"thing_id\":\"b\",\"state\":\"stolen\"}]";
    struct projection right = { .from = genesis, .to = first, .fold = 1, .rows = ROWS(things, NULL, NULL) };
    struct projection again = { .from = genesis, .to = first, .fold = 1, .rows = ROWS(changed, NULL, NULL) };
    struct projection other_hash = { .from = { 7, HASH64("c") }, .to = second, .rows = ROWS(changed, NULL, NULL) };
    struct projection ahead = { .from = second, .to = { 11, HASH64("d") }, .rows = ROWS(changed, NULL, NULL) };
    struct got got[4] = { 0 };

    (void)state;
    /* All under way at once: those behind a miss are judged each by itself. */
    assert_true(store_project(store, 0, &right, on_projected, &got[0], NULL));
    assert_true(store_project(store, 0, &again, on_projected, &got[1], NULL));
    assert_true(store_project(store, 0, &other_hash, on_projected, &got[2], NULL));
    assert_true(store_project(store, 0, &ahead, on_projected, &got[3], NULL));
    wait_for(got[3].count == 1);
    assert_int_equal(got[0].outcome, STORE_DONE);
    for (int i = 1; i < 4; i++)
        assert_int_equal(got[i].outcome, STORE_MISSED);
    assert_asked("SELECT state FROM tidegate_test.thing", "done");
    assert_asked("SELECT \"offset\" FROM tidegate_test.position", "7");
    store_close(store);
}

static void of_two_writers_one_moves_the_position(void **state)
{
    struct store_told told[2] = { 0 };
    struct store *stores[2] = { store_ready(&told[0]), store_ready(&told[1]) };
    struct got got[2] = { 0 };

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct projection projection = { .from = genesis, .to = i == 0 ? first : second, .fold = 1 };

        assert_true(store_project(stores[i], 5, &projection, on_projected, &got[i], NULL));
    }
    wait_for(got[0].count == 1 && got[1].count == 1);
    assert_int_equal((got[0].outcome == STORE_DONE) + (got[1].outcome == STORE_DONE), 1);
    assert_int_equal((got[0].outcome == STORE_MISSED) + (got[1].outcome == STORE_MISSED), 1);
    store_close(stores[0]);
    store_close(stores[1]);
}

static void a_row_that_the_server_refuses_fails_the_projection_whole(void **state)
{
    struct store_told told = { 0 };
    struct store *store = store_ready(&told);
    char things[] = "[" THING_A "]", notes[] = "[{\"place\":\"nowhere\",\"text\":\"x\"}]";
    struct projection wrong = { .from = genesis, .to = first, .fold = 1, .rows = ROWS(things, NULL, notes) };
    struct got got = project(store, 0, wrong);

    (void)state;
    assert_int_equal(got.outcome, STORE_FAILED);
    assert_non_null(strstr(got.err.message, "nowhere"));
    assert_asked("SELECT count(*) FROM tidegate_test.thing", "0");
    assert_asked("SELECT count(*) FROM tidegate_test.position", "0");
    got = project_two_things(store, 0); /* the connection goes on */
    assert_int_equal(got.outcome, STORE_DONE);
    store_close(store);
}

static void rows_are_replaced_whole(void **state)
{
    struct store_told told = { 0 };
    struct store *store = store_ready(&told);
    char things[] = "[{\"thing_id\":\"a\",\"state\":\"old\",\"order\":null,\"at\":null,\"detail\":null}]";
    struct projection next = { .from = first, .to = second, .fold = 1, .rows = ROWS(things, NULL, NULL) };
    struct got got = project_two_things(store, 0);

    (void)state;
    assert_int_equal(got.outcome, STORE_DONE);
    got = project(store, 0, next);
    assert_int_equal(got.outcome, STORE_DONE);
    assert_asked("SELECT row(t.*)::text FROM tidegate_test.thing t WHERE thing_id = 'a'", "(0,a,old,,,)");
    assert_asked("SELECT count(*) FROM tidegate_test.part", "2");
    store_close(store);
}

static void of_several_outcomes_of_a_request_the_last_counts(void **state)
{
    struct store_told told = { 0 };
    struct store *store = store_ready(&told);
    char one[] = "[{\"request_id\":\"r1\",\"status\":202,\"body\":{\"a\":1},\"time\":\"2022-02-01T09:15:04Z\"},"
                 "{\"request_id\":\"r2\",\"status\":400,\"body\":null,\"time\":\"2022-02-01T09:15:05Z\"},"
                 "{\"request_id\":\"r1\",\"status\":409,\"body\":{\"a\":2},\"time\":\"2022-02-01T09:15:06Z\"}]";
    char two[] = "[{\"request_id\":\"r2\",\"status\":200,\"body\":[],\"time\":\"2022-02-01T09:15:07Z\"}]";
    struct projection projections[] = {
        { .from = genesis, .to = first, .fold = 1, .outcomes = one },
        { .from = first, .to = second, .fold = 1, .outcomes = two },
    };

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(project(store, 6, projections[i]).outcome, STORE_DONE);
    assert_asked("SELECT string_agg(partition || request_id || status || body, ' ' ORDER BY request_id)"
                 " FROM tidegate_test.outcome",
                 "6r1409{\"a\": 2} 6r2200[]");
    store_close(store);
}

static void a_lost_connection_leaves_the_outcome_unknown(void **state)
{
    struct store_told told = { 0 };
    struct store *store = store_ready(&told);
    struct projection projection = { .from = genesis, .to = first, .fold = 1 };
    struct got projected = { 0 }, loaded = { 0 };

    (void)state;
    /* Another transaction holds the position, so that the projection is still under way when its session ends. */
    PGconn *conn = PQconnectdb(conninfo);
    PQclear(PQexec(conn, "BEGIN; LOCK TABLE tidegate_test.position"));
    assert_true(store_project(store, 0, &projection, on_projected, &projected, NULL));
    assert_true(store_load(store, 0, NULL, 0, on_loaded, &loaded, NULL));
    PGresult *result = NULL;
    int64_t until_ms = clock_now_ms() + LIMIT_MS;
    do {
        PQclear(result);
        event_base_loop(base, EVLOOP_NONBLOCK);
        result = PQexec(conn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                              " WHERE wait_event_type = 'Lock' AND query LIKE '%position_move%'");
    } while (PQntuples(result) == 0 && clock_now_ms() < until_ms);
    PQclear(result);
    PQfinish(conn);

    wait_for(projected.count == 1 && loaded.count == 1);
    assert_int_equal(projected.outcome, STORE_UNKNOWN);
    assert_true(loaded.failed);
    assert_int_equal(loaded.err.code, ERROR_UNAVAILABLE);
    wait_for(told.told.lost == 1);
    assert_int_equal(store_room(store), 0);
    wait_for(told.told.ready == 2);
    assert_int_equal(project_two_things(store, 0).outcome, STORE_DONE);
    got_release(&loaded);
    store_close(store);
}

static int ready_count(const struct store_told *told, int count)
{
    int ready = 0;

    for (int i = 0; i < count; i++)
        ready += told[i].told.ready;
    return ready;
}

static void many_processes_may_prepare_at_once(void **state)
{
    enum { COUNT = 8 };
    struct store_told told[COUNT] = { 0 };
    struct store *stores[COUNT];

    (void)state;
    for (int i = 0; i < COUNT; i++)
        stores[i] = store_begun(
            &told[i],
            (struct store_options){
                .views_sql = "CREATE OR REPLACE VIEW api.tidegate_test_thing AS SELECT * FROM tidegate_test.thing;" });
    wait_for(ready_count(told, COUNT) == COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(told[i].told.failed, 0);
        store_close(stores[i]);
    }
    assert_asked("SELECT count(*) FROM api.tidegate_test_thing", "0");
}

static void ddl_runs_only_when_it_changed(void **state)
{
    static const struct core one = { .tables = tables, .table_count = 1 };
    struct store_told told[3] = { 0 };
    struct store_options options = {
        .core = &one,
        .readmodel_sql = "CREATE TABLE thing (partition integer, thing_id text PRIMARY KEY, state text)",
    };

    (void)state;
    for (int i = 0; i < 2; i++) { /* a second time it would be refused */
        struct store *store = store_begun(&told[i], options);

        wait_for(told[i].told.ready + told[i].told.failed > 0);
        assert_int_equal(told[i].told.ready, 1);
        store_close(store);
    }
    options.readmodel_sql = "ALTER TABLE thing ADD COLUMN later text";
    store_close(store_begun_and_ready(&told[2], options));
    assert_asked("SELECT count(later) FROM tidegate_test.thing", "0");
}

static void views_are_made_and_opened_to_the_reader(void **state)
{
    struct store_told told[2] = { 0 };
    struct store_options options = {
        .views_sql = "CREATE OR REPLACE VIEW api.tidegate_test_thing AS SELECT * FROM tidegate_test.thing;",
        .reader = "tidegate_nobody_of_this_name",
    };

    (void)state;
    store_close(store_begun_and_ready(&told[0], options));
    assert_asked("SELECT has_table_privilege('pg_monitor', 'api.tidegate_test_thing', 'SELECT')", "f");
    options.reader = "pg_monitor"; /* exists in every server */
    store_close(store_begun_and_ready(&told[1], options));
    assert_asked("SELECT has_table_privilege('pg_monitor', 'api.tidegate_test_thing', 'SELECT')"
                 " AND has_schema_privilege('pg_monitor', 'api', 'USAGE')",
                 "t");
    run("REVOKE USAGE ON SCHEMA api FROM pg_monitor");
}

static void the_aggregate_is_indexed_where_the_read_model_forgot(void **state)
{
    struct store_told told[2] = { 0 };

    (void)state;
    for (int i = 0; i < 2; i++) /* and only once */
        store_close(store_ready(&told[i]));
    assert_asked("SELECT string_agg(tablename || ' ' || indexdef, ';') FROM pg_indexes"
                 " WHERE schemaname = 'tidegate_test' AND indexname LIKE '%thing_id_idx'",
                 "part CREATE INDEX part_thing_id_idx ON tidegate_test.part USING btree (thing_id)");
}

static void a_rebuild_wants_an_empty_schema(void **state)
{
    struct store_told told = { 0 }, rebuild = { 0 }, late = { 0 };
    struct store_options empty = { .schema = "tidegate Test 2", .must_be_empty = true };
    struct store *store = store_begun(&rebuild, empty);

    (void)state;
    wait_for(rebuild.told.ready == 1);
    assert_int_equal(project_two_things(store, 0).outcome, STORE_DONE);
    run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidegate Test 2'");
    wait_for(rebuild.told.lost == 1);
    wait_for(rebuild.told.ready == 2); /* its own rows are no surprise */
    store_close(store);

    store = store_begun(&late, empty);
    wait_for(late.refused == 1);
    assert_int_equal(late.told.err.code, ERROR_CONFLICT);
    assert_int_equal(late.told.ready + late.told.failed, 0);
    store_close(store);
    store_close(store_ready(&told));
}

static void a_read_model_that_does_not_fit_the_core_is_refused(void **state)
{
    static const struct {
        const char *sql, *want;
    } cases[] = {
        { "CREATE TABLE other (a int)", "table thing: readmodel.sql does not create it" },
        { "CREATE TABLE thing (thing_id text PRIMARY KEY, state text)", "table thing: has no column `partition`" },
        { "CREATE TABLE thing (partition int, thing_id text, state text)", "table thing: has no primary key" },
        { "CREATE TABLE thing (partition int, thing_id uuid PRIMARY KEY, state text)", "must be text, not uuid" },
    };
    static const struct core one = { .tables = tables, .table_count = 1 };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store_told told = { 0 };
        struct store *store = store_begun(&told, (struct store_options){ .core = &one, .readmodel_sql = cases[i].sql });

        wait_for(told.refused + told.told.ready + told.told.failed > 0);
        assert_int_equal(told.refused, 1);
        assert_non_null(strstr(told.told.err.message, cases[i].want));
        store_close(store);
        assert_asked("SELECT count(*) FROM pg_namespace WHERE nspname = 'tidegate_test'", "0");
    }
}

static void many_rows_come_and_go(void **state)
{
    enum { COUNT = 10000 };
    struct store_told told = { 0 };
    struct store *store = store_ready(&told);
    struct projection projection = { .from = genesis, .to = first, .fold = 1 };
    size_t size = 0;
    char *things = NULL;
    FILE *out = open_memstream(&things, &size);
    struct got got;

    (void)state;
    for (int i = 0; i < COUNT; i++)
        fprintf(out, "%s{\"thing_id\":\"%08d\",\"state\":\"new\",\"order\":%d,\"at\":null,\"detail\":null}",
                i > 0 ? "," : "[", COUNT - i, i);
    fputc(']', out);
    fclose(out);
    projection.rows = ROWS(things, NULL, NULL);
    got = project(store, 0, projection);
    assert_int_equal(got.outcome, STORE_DONE);
    got = load(store, 0, NULL, 0);
    assert_int_equal(got.row_count, COUNT);
    assert_memory_equal(got.rows, "0:{\"thing_id\":\"00000001\"", 24);
    got_release(&got);
    free(things);
    store_close(store);
}

static int tear_down(void **state)
{
    return (base != NULL ? drop_schemas(state) : 0) + database_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_projected_is_genesis, drop_schemas),
        cmocka_unit_test_setup(what_is_projected_is_loaded_in_order_by_what_is_asked, drop_schemas),
        cmocka_unit_test_setup(a_projection_from_elsewhere_misses_and_writes_nothing, drop_schemas),
        cmocka_unit_test_setup(of_two_writers_one_moves_the_position, drop_schemas),
        cmocka_unit_test_setup(a_row_that_the_server_refuses_fails_the_projection_whole, drop_schemas),
        cmocka_unit_test_setup(rows_are_replaced_whole, drop_schemas),
        cmocka_unit_test_setup(of_several_outcomes_of_a_request_the_last_counts, drop_schemas),
        cmocka_unit_test_setup(a_lost_connection_leaves_the_outcome_unknown, drop_schemas),
        cmocka_unit_test_setup(many_processes_may_prepare_at_once, drop_schemas),
        cmocka_unit_test_setup(ddl_runs_only_when_it_changed, drop_schemas),
        cmocka_unit_test_setup(views_are_made_and_opened_to_the_reader, drop_schemas),
        cmocka_unit_test_setup(the_aggregate_is_indexed_where_the_read_model_forgot, drop_schemas),
        cmocka_unit_test_setup(a_rebuild_wants_an_empty_schema, drop_schemas),
        cmocka_unit_test_setup(a_read_model_that_does_not_fit_the_core_is_refused, drop_schemas),
        cmocka_unit_test_setup(many_rows_come_and_go, drop_schemas),
    };

    return cmocka_run_group_tests(tests, database_set_up, tear_down);
}
