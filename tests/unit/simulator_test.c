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
#include "common/secret/secret.h"

enum { LIMIT_MS = 60000, REPORTS_MAX = 16 };

/* One process: a driver, and what it reported. */
struct process {
    void *driver;
    size_t count, lost;
    char reports[REPORTS_MAX][256];
    int64_t fence; /* of the last report */
    json_t *gives; /* of the last report */
};

struct world {
    struct event_base *base;
    struct secrets *secrets;
    char folder[64], ledger[128], scenario[128];
    struct process one, other;
};

static void remember(void *context, const struct report *report)
{
    static const char *const kinds[] = { [REPORT_PROGRESS] = "goes on: ",
                                         [REPORT_RETRIED] = "retried: ",
                                         [REPORT_DONE] = "ok",
                                         [REPORT_FAILED] = "failed: " };
    struct process *process = context;
    char codes[64] = "";

    if (report->kind == REPORT_LOST) {
        process->lost++;
        return;
    }
    assert_true(process->count < REPORTS_MAX);
    if (report->reason != NULL)
        snprintf(codes, sizeof codes, " (%s, %s)", report->reason, report->component);
    snprintf(process->reports[process->count++], sizeof process->reports[0], "%s %s %s %s%s%s", report->runtime_id,
             report->operation_id, report->stage, kinds[report->kind], report->message, codes);
    process->fence = report->fence;
    json_decref(process->gives);
    process->gives = json_incref((json_t *)report->gives);
}

static void start(struct world *world, struct process *process)
{
    struct simulator_options options = { .ledger = world->ledger,
                                         .scenario = world->scenario,
                                         .secrets = world->secrets };
    struct error err = { 0 };

    process->driver = simulator_driver.open(world->base, &options, remember, process, &err);
    if (process->driver == NULL)
        fail_msg("%s", err.message);
}

static void crash(struct process *process)
{
    simulator_driver.close(process->driver);
    json_decref(process->gives);
    *process = (struct process){ 0 };
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static struct secrets *secrets_new(void)
{
    json_t *keys = json_pack("{s:s,s:{s:s}}", "current", "k1", "keys", "k1",
                             "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    struct secrets *secrets = secrets_parse(keys, NULL);

    assert_non_null(secrets);
    json_decref(keys);
    return secrets;
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
    world->secrets = secrets_new();
    start(world, &world->one);
    start(world, &world->other);
    *state = world;
    return 0;
}

static int drop_world(void **state)
{
    struct world *world = *state;

    crash(&world->one);
    crash(&world->other);
    secrets_free(world->secrets);
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
    json_t *detail;            /* own */
};

static void drive(struct process *process, struct order order)
{
    simulator_driver.drive(process->driver,
                           &(struct call){ .runtime_id = order.runtime_id,
                                           .operation_id = order.operation_id,
                                           .stage = order.stage,
                                           .fence = order.fence,
                                           .ordered_at_ms = order.ordered_ms != 0 ? order.ordered_ms : clock_now_ms(),
                                           .detail = order.detail });
    json_decref(order.detail);
}

/* Both processes start anew, with another scenario. */
static void rehearse(struct world *world, const char *scenario)
{
    write_file(world->scenario, scenario);
    crash(&world->one);
    crash(&world->other);
    start(world, &world->one);
    start(world, &world->other);
}

/* With a hold of that name, and a default for all stages. */
static void rehearse_holding(struct world *world, const char *name, const char *fallback)
{
    char scenario[256], path[160];

    snprintf(path, sizeof path, "%s/%s", world->folder, name);
    write_file(path, "");
    snprintf(scenario, sizeof scenario, "{\"holds\": \"%s\", \"default\": %s}", world->folder, fallback);
    rehearse(world, scenario);
}

static void let_go(const struct world *world, const char *name)
{
    char path[160];

    snprintf(path, sizeof path, "%s/%s", world->folder, name);
    assert_int_equal(unlink(path), 0);
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

    drive(&world->one, (struct order){ "r1", "o1", "A", 7, began_ms, NULL });
    wait_for_reports(world, &world->one, 1);
    assert_string_equal(world->one.reports[0], "r1 o1 A ok");
    assert_true(clock_now_ms() >= began_ms + 30);
    assert_ledger(world, "applied r1 o1 A 7\n");
    assert_int_equal(ledger_member(world, "orderedAt"), began_ms);
    assert_int_equal(ledger_member(world, "endsAt"), began_ms + 30);
}

static void a_stage_that_is_held_does_not_end_until_it_is_let_go(void **state)
{
    static const char *const names[] = { "r1", "r1.A", "all" };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        rehearse_holding(world, names[i], "{\"durationMs\": [0, 0]}");
        drive(&world->one, (struct order){ "r1", "o1", "A", (int64_t)i + 1, 0, NULL });
        for (int turns = 0; turns < 200; turns++)
            turn(world);
        assert_int_equal(world->one.count, 0);
        let_go(world, names[i]);
        wait_for_reports(world, &world->one, 1);
    }
}

static void a_hold_is_for_its_runtime_and_stage_alone(void **state)
{
    struct world *world = *state;

    rehearse_holding(world, "r1.A", "{\"durationMs\": [0, 0]}");
    drive(&world->one, (struct order){ "r1", "o1", "B", 1, 0, NULL });
    wait_for_reports(world, &world->one, 1);
    drive(&world->one, (struct order){ "r2", "o2", "A", 1, 0, NULL });
    wait_for_reports(world, &world->one, 2);
    let_go(world, "r1.A");
}

static void a_stage_that_fails_is_reported_with_the_reason(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "bad-1", "o1", "A", 7, 0, NULL });
    wait_for_reports(world, &world->one, 1);
    assert_string_equal(world->one.reports[0], "bad-1 o1 A failed: disk full");
}

static void a_call_repeated_while_the_stage_runs_is_reported_once(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    drive(&world->one, (struct order){ "r2", "o2", "A", 8, clock_now_ms() + 50, NULL });
    wait_for_reports(world, &world->one, 2);
    assert_string_equal(world->one.reports[1], "r2 o2 A ok");
    assert_ledger(world, "applied r1 o1 A 7\napplied r2 o2 A 8\n");
}

static void a_call_for_a_stage_that_has_ended_is_reported_again_at_once(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    wait_for_reports(world, &world->one, 1);
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    wait_for_reports(world, &world->one, 2);
    assert_ledger(world, "applied r1 o1 A 7\n");
}

static void another_process_goes_on_with_what_one_began(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    wait_for_lines(world, 1);
    crash(&world->one);
    drive(&world->other, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    wait_for_reports(world, &world->other, 1);
    assert_string_equal(world->other.reports[0], "r1 o1 A ok");
    assert_ledger(world, "applied r1 o1 A 7\n");
}

static void a_process_that_starts_later_knows_what_was_applied(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    wait_for_reports(world, &world->one, 1);
    crash(&world->other);
    start(world, &world->other);
    drive(&world->other, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    wait_for_reports(world, &world->other, 1);
    assert_ledger(world, "applied r1 o1 A 7\n");
}

static void a_call_with_a_lower_fence_is_refused_and_not_reported(void **state)
{
    struct world *world = *state;

    drive(&world->other, (struct order){ "r1", "o1", "B", 9, 0, NULL });
    wait_for_lines(world, 1);
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    drive(&world->one, (struct order){ "r2", "o2", "A", 8, clock_now_ms() + 50, NULL });
    wait_for_reports(world, &world->one, 1);
    assert_string_equal(world->one.reports[0], "r2 o2 A ok");
    assert_ledger(world, "applied r1 o1 B 9\nrefused r1 o1 A 7\napplied r2 o2 A 8\n");
}

static void a_start_that_comes_after_its_stop_is_refused(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "r1", "o1", "Stopping", 9, 0, NULL });
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    wait_for_reports(world, &world->one, 1);
    assert_string_equal(world->one.reports[0], "r1 o1 Stopping ok");
    assert_ledger(world, "applied r1 o1 Stopping 9\nrefused r1 o1 A 7\n");
}

static void a_stop_ends_what_runs_in_another_process(void **state)
{
    struct world *world = *state;

    rehearse_holding(world, "r1.A", "{\"durationMs\": [0, 0]}");
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    wait_for_lines(world, 1);
    drive(&world->other, (struct order){ "r1", "o1", "Stopping", 9, 0, NULL });
    wait_for_reports(world, &world->other, 1);
    let_go(world, "r1.A");
    drive(&world->one, (struct order){ "r2", "o2", "A", 10, clock_now_ms() + 200, NULL });
    wait_for_reports(world, &world->one, 1);
    assert_string_equal(world->one.reports[0], "r2 o2 A ok");
}

static void a_stop_that_is_ordered_again_is_reported_again(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "slow-1", "o1", "B", 7, 0, NULL });
    drive(&world->one, (struct order){ "slow-1", "o1", "Stopping", 8, 0, NULL });
    wait_for_reports(world, &world->one, 1);
    assert_int_equal(world->one.fence, 8);
    drive(&world->one, (struct order){ "slow-1", "o1", "Stopping", 12, 0, NULL });
    wait_for_reports(world, &world->one, 2);
    assert_int_equal(world->one.fence, 12);
    assert_ledger(world, "applied slow-1 o1 B 7\napplied slow-1 o1 Stopping 8\napplied slow-1 o1 Stopping 12\n");
}

/* Or one that takes longer than its limit would never end. */
static void a_stop_that_is_ordered_again_ends_when_it_would_have(void **state)
{
    const int64_t began_ms = clock_now_ms();
    struct world *world = *state;

    rehearse_holding(world, "r1", "{\"durationMs\": [300, 300]}");
    drive(&world->one, (struct order){ "r1", "o1", "Stopping", 8, began_ms, NULL });
    wait_for_lines(world, 1);
    drive(&world->one, (struct order){ "r1", "o1", "Stopping", 9, began_ms + 3600000, NULL });
    wait_for_lines(world, 2);
    let_go(world, "r1");
    wait_for_reports(world, &world->one, 1);
    assert_int_equal(world->one.fence, 9);
    assert_true(clock_now_ms() >= began_ms + 300);
}

static void the_same_stage_with_a_higher_fence_is_carried_out_again(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "bad-1", "o1", "A", 7, 0, NULL });
    wait_for_reports(world, &world->one, 1);
    drive(&world->one, (struct order){ "bad-1", "o1", "A", 11, clock_now_ms() + 20, json_pack("{s:i}", "attempt", 2) });
    wait_for_reports(world, &world->one, 2);
    assert_int_equal(world->one.fence, 11);
    drive(&world->other, (struct order){ "bad-1", "o1", "A", 7, 0, NULL });
    wait_for_lines(world, 3);
    assert_int_equal(world->other.lost, 1);
    assert_ledger(world, "applied bad-1 o1 A 7\napplied bad-1 o1 A 11\nrefused bad-1 o1 A 7\n");
}

static void what_fails_in_its_first_attempts_succeeds_in_a_later_one(void **state)
{
    struct world *world = *state;

    rehearse(world, "{\"default\": {\"durationMs\": [20, 20]}, "
                    "\"rules\": [{\"fail\": \"disk full\", \"attempts\": 2}]}");
    for (int attempt = 1; attempt <= 3; attempt++) {
        drive(&world->one, (struct order){ "r1", "o1", "A", 7 + attempt, 0, json_pack("{s:i}", "attempt", attempt) });
        wait_for_reports(world, &world->one, (size_t)attempt);
    }
    assert_string_equal(world->one.reports[0], "r1 o1 A failed: disk full");
    assert_string_equal(world->one.reports[1], "r1 o1 A failed: disk full");
    assert_string_equal(world->one.reports[2], "r1 o1 A ok");
}

static void a_line_torn_by_a_crash_is_cut_off(void **state)
{
    struct world *world = *state;
    FILE *file = fopen(world->ledger, "a");

    fputs("{\"effect\":\"applied\",\"runtime\":\"r1\",\"oper", file);
    fclose(file);
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    wait_for_reports(world, &world->one, 1);
    assert_ledger(world, "applied r1 o1 A 7\n");
    drive(&world->other, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    wait_for_reports(world, &world->other, 1);
}

static void the_loop_goes_on_while_somebody_holds_the_ledger(void **state)
{
    struct world *world = *state;
    int fd = open(world->ledger, O_RDWR);

    assert_int_equal(flock(fd, LOCK_EX), 0);
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0, NULL });
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
        drive(i % 2 == 0 ? &world->one : &world->other, (struct order){ runtime_id, "o1", "A", i, 0, NULL });
    }
    crash(&world->other);
    wait_for_lines(world, 600);
    start(world, &world->other);
}

/* --- What is told while a stage goes on, and what it gives --- */

static void errors_that_are_retried_are_told_and_the_stage_succeeds(void **state)
{
    struct world *world = *state;

    rehearse(world, "{\"rules\": [{\"durationMs\": [60, 60], \"fail\": \"no route\", \"reason\": \"err_net\", "
                    "\"component\": \"gardener\", \"flaps\": 2}]}");
    drive(&world->one, (struct order){ "r1", "o1", "A", 7, 0, NULL });
    wait_for_reports(world, &world->one, 3);
    assert_string_equal(world->one.reports[0], "r1 o1 A retried: no route (err_net, gardener)");
    assert_string_equal(world->one.reports[1], "r1 o1 A retried: no route (err_net, gardener)");
    assert_string_equal(world->one.reports[2], "r1 o1 A ok");
}

static void a_stage_that_never_ends_is_ended_by_a_stop(void **state)
{
    struct world *world = *state;

    rehearse(world, "{\"default\": {\"durationMs\": [10, 10]}, \"rules\": [{\"runtime\": \"stuck\", \"never\": true, "
                    "\"durationMs\": [10, 10]}]}");
    drive(&world->one, (struct order){ "stuck", "o1", "A", 7, 0, NULL });
    drive(&world->one, (struct order){ "r2", "o2", "A", 8, clock_now_ms() + 100, NULL });
    wait_for_reports(world, &world->one, 1);
    assert_string_equal(world->one.reports[0], "r2 o2 A ok");
    drive(&world->one, (struct order){ "stuck", "o1", "Stopping", 9, 0, NULL });
    wait_for_reports(world, &world->one, 2);
    assert_string_equal(world->one.reports[1], "stuck o1 Stopping ok");
}

static void a_stage_that_never_ends_does_not_end_in_another_process_either(void **state)
{
    struct world *world = *state;

    rehearse(world, "{\"rules\": [{\"runtime\": \"stuck\", \"never\": true}, {\"durationMs\": [10, 10]}]}");
    drive(&world->one, (struct order){ "stuck", "o1", "A", 7, 0, NULL });
    wait_for_lines(world, 1);
    rehearse(world, "{\"default\": {\"durationMs\": [10, 10]}}");
    drive(&world->one, (struct order){ "stuck", "o1", "A", 7, 0, NULL });
    drive(&world->one, (struct order){ "r2", "o2", "A", 8, clock_now_ms() + 50, NULL });
    wait_for_reports(world, &world->one, 1);
    assert_string_equal(world->one.reports[0], "r2 o2 A ok");
}

/* A configuration with one open value and one that is sealed for `tenant`. */
static json_t *installation(const struct world *world, const char *tenant)
{
    json_t *config = json_loads("{\"configuration\": [{\"key\": \"a\", \"value\": \"x\"},"
                                " {\"key\": \"b\", \"value\": \"hush\", \"secret\": true}],"
                                " \"components\": [{\"component\": \"istio\"}, {\"component\": \"serverless\"}]}",
                                0, NULL);
    json_t *sealed = secret_seal_configuration(world->secrets, "tenant-1", config, NULL);

    json_decref(config);
    return json_pack("{s:s,s:s,s:s,s:s,s:o}", "tenant", tenant, "type", "upgradeKyma", "version", "2.4.2",
                     "configuration", "h1", "kymaConfig", sealed);
}

static void a_long_installation_tells_of_its_components(void **state)
{
    struct world *world = *state;
    const int64_t long_ago_ms = clock_now_ms() - 2000;

    rehearse(world, "{\"default\": {\"durationMs\": [0, 0]}, \"rules\": [{\"stage\": \"WaitingForInstallation\", "
                    "\"durationMs\": [2000, 2000], \"operation\": \"upgradeKyma\"}]}");
    drive(&world->one, (struct order){ "r1", "o1", "StartingUpgrade", 7, 0, installation(world, "tenant-1") });
    wait_for_reports(world, &world->one, 1);
    drive(&world->one, (struct order){ "r1", "o1", "WaitingForInstallation", 8, long_ago_ms,
                                       json_pack("{s:s}", "type", "upgradeKyma") });
    wait_for_reports(world, &world->one, 3);
    assert_string_equal(world->one.reports[1],
                        "r1 o1 WaitingForInstallation goes on: Installation in progress: serverless");
    assert_string_equal(world->one.reports[2], "r1 o1 WaitingForInstallation ok");
    drive(&world->one, (struct order){ "r2", "o2", "WaitingForInstallation", 9, 0, NULL });
    wait_for_reports(world, &world->one, 4);
    assert_string_equal(world->one.reports[3], "r2 o2 WaitingForInstallation ok");
}

static void what_was_told_before_a_crash_is_not_told_again_by_another_process(void **state)
{
    struct world *world = *state;
    const int64_t long_ago_ms = clock_now_ms() - 1500;

    rehearse_holding(world, "r1", "{\"durationMs\": [1900, 1900]}");
    drive(&world->one, (struct order){ "r1", "o1", "WaitingForInstallation", 8, long_ago_ms, NULL });
    wait_for_reports(world, &world->one, 1);
    crash(&world->one);
    drive(&world->other, (struct order){ "r1", "o1", "WaitingForInstallation", 8, long_ago_ms, NULL });
    let_go(world, "r1");
    wait_for_reports(world, &world->other, 1);
    assert_string_equal(world->other.reports[0], "r1 o1 WaitingForInstallation ok");
}

static void the_ledger_says_what_the_cluster_got_but_no_secret(void **state)
{
    struct world *world = *state;
    json_t *line;
    char *text;

    drive(&world->one, (struct order){ "r1", "o1", "StartingUpgrade", 7, 0, installation(world, "tenant-1") });
    wait_for_reports(world, &world->one, 1);
    assert_string_equal(world->one.reports[0], "r1 o1 StartingUpgrade ok");
    line = json_load_file(world->ledger, JSON_DISABLE_EOF_CHECK, NULL);
    assert_string_equal(json_string_value(json_object_get(line, "version")), "2.4.2");
    assert_string_equal(json_string_value(json_object_get(line, "configuration")), "h1");
    assert_int_equal(json_integer_value(json_object_get(line, "secrets")), 1);
    text = json_dumps(line, 0);
    assert_null(strstr(text, "hush"));
    assert_null(strstr(text, "sealed"));
    free(text);
    json_decref(line);
}

static void secrets_that_do_not_open_fail_the_installation(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "r1", "o1", "StartingInstallation", 7, 0, installation(world, "tenant-2") });
    wait_for_reports(world, &world->one, 1);
    assert_non_null(
        strstr(world->one.reports[0], "failed: 1 of 1 secret values cannot be opened; the first: does not "));
    assert_int_equal(ledger_member(world, "secrets"), 0);
}

static void a_created_cluster_gives_what_is_known_of_it(void **state)
{
    struct world *world = *state;
    json_t *gives;
    char *kubeconfig;

    drive(&world->one, (struct order){ "r1", "o1", "WaitingForClusterCreation", 7, 0,
                                       json_loads("{\"tenant\": \"tenant-1\", \"shootName\": \"c-1\", "
                                                  "\"clusterConfig\": {\"kubernetesVersion\": \"1.22.4\", "
                                                  "\"provider\": \"gcp\", \"region\": \"europe-west3\"}}",
                                                  0, NULL) });
    wait_for_reports(world, &world->one, 1);
    gives = world->one.gives;
    assert_string_equal(json_string_value(json_object_get(gives, "seed")), "gcp-europe-west3");
    assert_string_equal(json_string_value(json_object_get(gives, "kubernetesVersion")), "1.22.4");
    assert_true(json_is_true(json_object_get(gives, "hibernationPossible")));
    kubeconfig = secret_open(world->secrets, "tenant-1", json_string_value(json_object_get(gives, "kubeconfig")), NULL);
    assert_non_null(kubeconfig);
    assert_non_null(strstr(kubeconfig, "server: \"https://api.c-1.simulated.invalid\"\n"));
    secret_free(kubeconfig);
}

static void a_hibernated_cluster_says_so_and_a_failed_one_gives_nothing(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "r1", "o1", "WaitForHibernation", 7, 0, NULL });
    wait_for_reports(world, &world->one, 1);
    assert_true(json_is_true(json_object_get(world->one.gives, "hibernated")));
    drive(&world->one, (struct order){ "bad-1", "o1", "WaitForHibernation", 8, 0, NULL });
    wait_for_reports(world, &world->one, 2);
    assert_null(world->one.gives);
}

static void what_another_process_takes_over_is_given_up(void **state)
{
    struct world *world = *state;

    drive(&world->one, (struct order){ "slow-1", "o1", "B", 7, 0, NULL });
    wait_for_lines(world, 1);
    drive(&world->other, (struct order){ "slow-1", "o1", "Stopping", 8, 0, NULL });
    wait_for_lines(world, 2);
    drive(&world->one, (struct order){ "slow-1", "o1", "B", 7, 0, NULL });
    wait_for_lines(world, 3);
    assert_int_equal(world->one.count, 0);
    assert_int_equal(world->one.lost, 2); /* the stage, and the call that was refused */
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
        SCENE(a_stage_that_is_held_does_not_end_until_it_is_let_go),
        SCENE(a_hold_is_for_its_runtime_and_stage_alone),
        SCENE(a_stage_that_fails_is_reported_with_the_reason),
        SCENE(a_call_repeated_while_the_stage_runs_is_reported_once),
        SCENE(a_call_for_a_stage_that_has_ended_is_reported_again_at_once),
        SCENE(another_process_goes_on_with_what_one_began),
        SCENE(a_process_that_starts_later_knows_what_was_applied),
        SCENE(a_call_with_a_lower_fence_is_refused_and_not_reported),
        SCENE(a_start_that_comes_after_its_stop_is_refused),
        SCENE(a_stop_ends_what_runs_in_another_process),
        SCENE(a_stop_that_is_ordered_again_is_reported_again),
        SCENE(a_stop_that_is_ordered_again_ends_when_it_would_have),
        SCENE(the_same_stage_with_a_higher_fence_is_carried_out_again),
        SCENE(what_fails_in_its_first_attempts_succeeds_in_a_later_one),
        SCENE(a_line_torn_by_a_crash_is_cut_off),
        SCENE(the_loop_goes_on_while_somebody_holds_the_ledger),
        SCENE(many_calls_of_one_turn_are_all_carried_out),
        SCENE(errors_that_are_retried_are_told_and_the_stage_succeeds),
        SCENE(a_stage_that_never_ends_is_ended_by_a_stop),
        SCENE(a_stage_that_never_ends_does_not_end_in_another_process_either),
        SCENE(a_long_installation_tells_of_its_components),
        SCENE(what_was_told_before_a_crash_is_not_told_again_by_another_process),
        SCENE(the_ledger_says_what_the_cluster_got_but_no_secret),
        SCENE(secrets_that_do_not_open_fail_the_installation),
        SCENE(a_created_cluster_gives_what_is_known_of_it),
        SCENE(a_hibernated_cluster_says_so_and_a_failed_one_gives_nothing),
        SCENE(what_another_process_takes_over_is_given_up),
        SCENE(a_ledger_that_cannot_be_opened_is_named),
    };

    return cmocka_run_group_tests_name("simulator", tests, NULL, NULL);
}
