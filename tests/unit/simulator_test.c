/* The simulator: the world is in the ledger, whoever looks at it. */
#include "services/provisioner/simulator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <fcntl.h>

#include "common/base/timestamp.h"
#include "common/observe/log.h"

enum { LIMIT_MS = 5000, REPORTS_MAX = 16 };

/* One process: a driver, and what it reported. */
struct process {
    void *driver;
    size_t count;
    char reports[REPORTS_MAX][128];
};

struct world {
    struct event_base *base;
    char folder[64], ledger[128], scenario[128];
    struct process one, other;
};

static void remember(void *context, const char *runtime_id, const char *operation_id, const char *stage, bool ok,
                     const char *message)
{
    struct process *process = context;

    assert_true(process->count < REPORTS_MAX);
    snprintf(process->reports[process->count++], sizeof process->reports[0], "%s %s %s %s%s", runtime_id, operation_id,
             stage, ok ? "ok" : "failed: ", message);
}

static void start(struct world *world, struct process *process)
{
    struct simulator_options options = { .ledger = world->ledger, .scenario = world->scenario };
    struct error err = { 0 };

    process->driver = simulator_driver.open(world->base, &options, remember, process, &err);
    if (process->driver == NULL)
        fail_msg("%s", err.message);
}

static void crash(struct process *process)
{
    simulator_driver.close(process->driver);
    *process = (struct process){ 0 };
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_world(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    log_open("test", "1", LOG_LEVEL_OFF);
    world->base = event_base_new();
    snprintf(world->folder, sizeof world->folder, "/tmp/simulator-test-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->ledger, sizeof world->ledger, "%s/ledger.ndjson", world->folder);
    snprintf(world->scenario, sizeof world->scenario, "%s/scenario.json", world->folder);
    write_file(world->scenario, "{\"default\": {\"durationMs\": [30, 30]}, \"rules\": ["
                                "{\"runtime\": \"bad\", \"fail\": \"disk full\"}, "
                                "{\"runtime\": \"slow\", \"stage\": \"B\", \"durationMs\": [60000, 60000]}]}");
    start(world, &world->one);
    start(world, &world->other);
    *state = world;
    return 0;
}

static int drop_world(void **state)
{
    struct world *world = *state;

    simulator_driver.close(world->one.driver);
    simulator_driver.close(world->other.driver);
    event_base_free(world->base);
    unlink(world->ledger);
    unlink(world->scenario);
    rmdir(world->folder);
    free(world);
    return 0;
}

struct order {
    const char *runtime_id, *operation_id, *stage;
    int64_t fence, ordered_ms; /* ordered_ms 0: now */
};

static void drive(struct process *process, struct order order)
{
    simulator_driver.drive(process->driver, &(struct call){ .runtime_id = order.runtime_id,
                                                            .operation_id = order.operation_id,
                                                            .stage = order.stage,
                                                            .fence = order.fence,
                                                            .ordered_at_ms = order.ordered_ms != 0 ? order.ordered_ms
                                                                                                   : clock_now_ms() });
}

static void turn(const struct world *world)
{
    event_base_loop(world->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    usleep(500);
}

static void wait_for_reports(const struct world *world, const struct process *process, size_t count)
{
    int64_t limit_ms = clock_now_ms() + LIMIT_MS;

    while (process->count < count && clock_now_ms() < limit_ms)
        turn(world);
    assert_int_equal(process->count, count);
}

/* The ledger's lines as "effect runtime operation stage fence", each with a line feed. */
static char *ledger_text(const struct world *world)
{
    FILE *file = fopen(world->ledger, "r"), *out;
    char *text = NULL, *line = NULL;
    size_t size, line_size = 0;

    assert_non_null(file);
    out = open_memstream(&text, &size);
    while (getline(&line, &line_size, file) > 0) {
        json_t *json = json_loads(line, 0, NULL);

        assert_non_null(json);
        fprintf(out, "%s %s %s %s %lld\n", json_string_value(json_object_get(json, "effect")),
                json_string_value(json_object_get(json, "runtime")),
                json_string_value(json_object_get(json, "operation")),
                json_string_value(json_object_get(json, "stage")),
                (long long)json_integer_value(json_object_get(json, "fence")));
        json_decref(json);
    }
    fclose(out);
    fclose(file);
    free(line);
    return text;
}

static void assert_ledger(const struct world *world, const char *want)
{
    char *text = ledger_text(world);

    assert_string_equal(text, want);
    free(text);
}

/* Calls are carried out: the ledger has this many lines. */
static void wait_for_lines(const struct world *world, size_t want)
{
    int64_t limit_ms = clock_now_ms() + LIMIT_MS;
    size_t lines = 0;

    while (lines < want && clock_now_ms() < limit_ms) {
        char *text = ledger_text(world);

        lines = 0;
        for (const char *c = text; *c != '\0'; c++)
            lines += *c == '\n';
        free(text);
        turn(world);
    }
    assert_int_equal(lines, want);
}

static int64_t ledger_member(const struct world *world, const char *name)
{
    json_t *json = json_load_file(world->ledger, JSON_DISABLE_EOF_CHECK, NULL);
    int64_t value = json_integer_value(json_object_get(json, name));

    json_decref(json);
    return value;
}

/* --- Scenes --- */

static void a_stage_is_reported_when_it_ends(void **state)
{
    struct world *world = *state;
    int64_t began_ms = clock_now_ms();

    drive(&world->one, (struct order){ "r1", "o1", "A", 7, began_ms });
    wait_for_reports(world, &world->one, 1);
    assert_string_equal(world->one.reports[0], "r1 o1 A ok");
    assert_true(clock_now_ms() >= began_ms + 30);
    assert_ledger(world, "applied r1 o1 A 7\n");
    assert_int_equal(ledger_member(world, "orderedAt"), began_ms);
    assert_int_equal(ledger_member(world, "endsAt"), began_ms + 30);
}

static void a_stage_that_fails_is_reported_with_the_reason(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "bad-1", "o1", "A", 7, 0 });
    wait_for_reports(world, &world->one, 1);
    assert_string_equal(world->one.reports[0], "bad-1 o1 A failed: disk full");
}

static void a_call_repeated_while_the_stage_runs_is_reported_once(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0 });
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0 });
    drive(&world->one, (struct order){ "r2", "o2", "A", 8, clock_now_ms() + 50 });
    wait_for_reports(world, &world->one, 2);
    assert_string_equal(world->one.reports[1], "r2 o2 A ok");
    assert_ledger(world, "applied r1 o1 A 7\napplied r2 o2 A 8\n");
}

static void a_call_for_a_stage_that_has_ended_is_reported_again_at_once(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0 });
    wait_for_reports(world, &world->one, 1);
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0 });
    wait_for_reports(world, &world->one, 2);
    assert_ledger(world, "applied r1 o1 A 7\n");
}

static void another_process_goes_on_with_what_one_began(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0 });
    wait_for_lines(world, 1);
    crash(&world->one);
    drive(&world->other, (struct order){ "r1", "o1", "A", 7, 0 });
    wait_for_reports(world, &world->other, 1);
    assert_string_equal(world->other.reports[0], "r1 o1 A ok");
    assert_ledger(world, "applied r1 o1 A 7\n");
}

static void a_process_that_starts_later_knows_what_was_applied(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0 });
    wait_for_reports(world, &world->one, 1);
    crash(&world->other);
    start(world, &world->other);
    drive(&world->other, (struct order){ "r1", "o1", "A", 7, 0 });
    wait_for_reports(world, &world->other, 1);
    assert_ledger(world, "applied r1 o1 A 7\n");
}

static void a_call_with_a_lower_fence_is_refused_and_not_reported(void **state)
{
    struct world *world = *state;

    drive(&world->other, (struct order){ "r1", "o1", "B", 9, 0 });
    wait_for_lines(world, 1);
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0 });
    drive(&world->one, (struct order){ "r2", "o2", "A", 8, clock_now_ms() + 50 });
    wait_for_reports(world, &world->one, 1);
    assert_string_equal(world->one.reports[0], "r2 o2 A ok");
    assert_ledger(world, "applied r1 o1 B 9\nrefused r1 o1 A 7\napplied r2 o2 A 8\n");
}

static void a_start_that_comes_after_its_stop_is_refused(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "r1", "o1", "Stopping", 9, 0 });
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0 });
    wait_for_reports(world, &world->one, 1);
    assert_string_equal(world->one.reports[0], "r1 o1 Stopping ok");
    assert_ledger(world, "applied r1 o1 Stopping 9\nrefused r1 o1 A 7\n");
}

static void a_stop_ends_what_runs_in_another_process(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "r1", "o1", "A", 7, clock_now_ms() + 50 });
    wait_for_lines(world, 1);
    drive(&world->other, (struct order){ "r1", "o1", "Stopping", 9, 0 });
    wait_for_reports(world, &world->other, 1);
    drive(&world->other, (struct order){ "r2", "o2", "A", 10, clock_now_ms() + 100 });
    wait_for_reports(world, &world->other, 2);
    assert_int_equal(world->one.count, 0);
}

static void a_stop_that_is_ordered_again_is_reported_again(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "slow-1", "o1", "B", 7, 0 });
    drive(&world->one, (struct order){ "slow-1", "o1", "Stopping", 8, 0 });
    wait_for_reports(world, &world->one, 1);
    drive(&world->one, (struct order){ "slow-1", "o1", "Stopping", 12, 0 });
    wait_for_reports(world, &world->one, 2);
    assert_ledger(world, "applied slow-1 o1 B 7\napplied slow-1 o1 Stopping 8\n");
}

static void a_line_torn_by_a_crash_is_cut_off(void **state)
{
    struct world *world = *state;
    FILE *file = fopen(world->ledger, "a");

    fputs("{\"effect\":\"applied\",\"runtime\":\"r1\",\"oper", file);
    fclose(file);
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0 });
    wait_for_reports(world, &world->one, 1);
    assert_ledger(world, "applied r1 o1 A 7\n");
    drive(&world->other, (struct order){ "r1", "o1", "A", 7, 0 });
    wait_for_reports(world, &world->other, 1);
}

static void the_loop_goes_on_while_somebody_holds_the_ledger(void **state)
{
    struct world *world = *state;
    int fd = open(world->ledger, O_RDWR);

    assert_int_equal(flock(fd, LOCK_EX), 0);
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0 });
    for (int i = 0; i < 20; i++)
        turn(world);
    assert_ledger(world, "");
    close(fd);
    wait_for_reports(world, &world->one, 1);
}

static void many_calls_of_one_turn_are_all_carried_out(void **state)
{
    struct world *world = *state;
    char runtime_id[32];

    write_file(world->scenario, "{\"default\": {\"durationMs\": [60000, 60000]}}");
    crash(&world->one);
    start(world, &world->one);
    for (int i = 0; i < 1200; i++) {
        snprintf(runtime_id, sizeof runtime_id, "r%d", i);
        drive(i % 2 == 0 ? &world->one : &world->other, (struct order){ runtime_id, "o1", "A", i, 0 });
    }
    crash(&world->other);
    wait_for_lines(world, 600);
    start(world, &world->other);
}

static void a_ledger_that_cannot_be_opened_is_named(void **state)
{
    struct world *world = *state;
    struct error err = { 0 };

    assert_null(simulator_driver.open(world->base, &(struct simulator_options){ .ledger = "/dev/null/nowhere/ledger" },
                                      remember, &world->one, &err));
    assert_non_null(strstr(err.message, "ledger /dev/null/nowhere/ledger: cannot open it"));
}

#define SCENE(name) cmocka_unit_test_setup_teardown(name, make_world, drop_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(a_stage_is_reported_when_it_ends),
        SCENE(a_stage_that_fails_is_reported_with_the_reason),
        SCENE(a_call_repeated_while_the_stage_runs_is_reported_once),
        SCENE(a_call_for_a_stage_that_has_ended_is_reported_again_at_once),
        SCENE(another_process_goes_on_with_what_one_began),
        SCENE(a_process_that_starts_later_knows_what_was_applied),
        SCENE(a_call_with_a_lower_fence_is_refused_and_not_reported),
        SCENE(a_start_that_comes_after_its_stop_is_refused),
        SCENE(a_stop_ends_what_runs_in_another_process),
        SCENE(a_stop_that_is_ordered_again_is_reported_again),
        SCENE(a_line_torn_by_a_crash_is_cut_off),
        SCENE(the_loop_goes_on_while_somebody_holds_the_ledger),
        SCENE(many_calls_of_one_turn_are_all_carried_out),
        SCENE(a_ledger_that_cannot_be_opened_is_named),
    };

    return cmocka_run_group_tests_name("simulator", tests, NULL, NULL);
}
