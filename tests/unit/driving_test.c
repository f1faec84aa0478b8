/* The provisioner's world: what the driver reports becomes requests, and not everything is at the driver at once. The
 * process around it is simulated here: service_partitions and service_tell are this file's. */
#include "services/provisioner/driving.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <sys/stat.h>

#include "common/base/timestamp.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"

enum { LIMIT_MS = 60000 };

struct service_process {
    json_t *told; /* all reports, in order */
    int messages;
};

int service_partitions(const struct service_process *process)
{
    (void)process;
    return 1;
}

void service_tell(struct service_process *process, int partition, const char *type, json_t *data)
{
    assert_int_equal(partition, 0);
    assert_string_equal(type, "tidegate.runtime.progress.v1");
    json_array_extend(process->told, json_object_get(data, "reports"));
    json_decref(data);
    process->messages++;
}

struct scene {
    struct event_base *base;
    struct service_process process;
    struct settings *settings;
    char folder[64];
    void *world;
};

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

static void set(const char *variable, const char *folder, const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    setenv(variable, path, 1);
}

static struct settings *settings_of(const char *folder)
{
    static const struct setting table[] = {
        { "TIDEGATE_SECRET_KEYS", SETTING_TEXT, "", 0, 0, "", NULL },
        { "TIDEGATE_OPERATIONS_MAX", SETTING_INTEGER, "1", 1, 10, "", NULL },
        { "TIDEGATE_SIMULATOR_LEDGER", SETTING_TEXT, "", 0, 0, "", NULL },
        { "TIDEGATE_SIMULATOR_SCENARIO", SETTING_TEXT, "", 0, 0, "", NULL },
        { 0 },
    };
    const struct setting *const tables[] = { table };
    struct settings *settings;

    set("TIDEGATE_SECRET_KEYS", folder, "keys.json");
    set("TIDEGATE_SIMULATOR_LEDGER", folder, "ledger.ndjson");
    set("TIDEGATE_SIMULATOR_SCENARIO", folder, "scenario.json");
    settings = settings_read(tables, 1, NULL);
    assert_non_null(settings);
    return settings;
}

static int make_scene(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);

    log_open("test", "1", LOG_LEVEL_OFF);
    scene->base = event_base_new();
    scene->process.told = json_array();
    snprintf(scene->folder, sizeof scene->folder, "/tmp/driving-test-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    write_file(scene->folder, "keys.json",
               "{\"current\": \"k1\", \"keys\": {\"k1\": \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}}");
    write_file(scene->folder, "scenario.json",
               "{\"default\": {\"durationMs\": [0, 0]}, \"rules\": [{\"runtime\": \"bad\", \"fail\": \"full\", "
               "\"reason\": \"err_disk\", \"component\": \"istio\"}, {\"runtime\": \"flap\", \"fail\": \"slow\", "
               "\"flaps\": 1}, {\"runtime\": \"stuck\", \"never\": true}]}");
    scene->settings = settings_of(scene->folder);
    *state = scene;
    return 0;
}

static int drop_scene(void **state)
{
    static const char *const names[] = { "keys.json", "scenario.json", "ledger.ndjson" };
    struct scene *scene = *state;
    char path[128];

    if (scene->world != NULL)
        driving_world.close(scene->world);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", scene->folder, names[i]);
        unlink(path);
    }
    rmdir(scene->folder);
    settings_free(scene->settings);
    event_base_free(scene->base);
    json_decref(scene->process.told);
    metrics_reset();
    free(scene);
    return 0;
}

static void open_world(struct scene *scene)
{
    struct error err = { 0 };

    scene->world = driving_world.open(scene->base, scene->settings, &scene->process, &err);
    if (scene->world == NULL)
        fail_msg("%s", err.message);
}

static void drive(struct scene *scene, const char *runtime_id, const char *stage, int64_t fence)
{
    driving_world.drive(scene->world, &(struct call){ .runtime_id = runtime_id,
                                                      .operation_id = "o1",
                                                      .stage = stage,
                                                      .fence = fence,
                                                      .ordered_at_ms = clock_now_ms() });
}

static void wait_for_reports(struct scene *scene, size_t count)
{
    const int64_t limit_ms = clock_now_ms() + LIMIT_MS;

    while (json_array_size(scene->process.told) < count && clock_now_ms() < limit_ms) {
        event_base_loop(scene->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        usleep(500);
    }
    assert_int_equal(json_array_size(scene->process.told), count);
}

static void then_told(const struct scene *scene, size_t index, const char *want)
{
    char *text = json_dumps(json_array_get(scene->process.told, index), JSON_COMPACT);

    assert_string_equal(text, want);
    free(text);
}

static void the_end_of_a_stage_is_told_with_what_it_gives(void **state)
{
    struct scene *scene = *state;

    open_world(scene);
    drive(scene, "r1", "WaitForHibernation", 1);
    wait_for_reports(scene, 1);
    then_told(scene, 0,
              "{\"runtimeID\":\"r1\",\"operationID\":\"o1\",\"stage\":\"WaitForHibernation\",\"fence\":1,\"ok\":true,"
              "\"message\":\"\","
              "\"gives\":{\"hibernated\":true}}");
}

static void errors_are_told_with_their_codes_and_retried_ones_as_not_the_end(void **state)
{
    struct scene *scene = *state;

    open_world(scene);
    drive(scene, "bad", "A", 1);
    wait_for_reports(scene, 1);
    then_told(
        scene, 0,
        "{\"runtimeID\":\"bad\",\"operationID\":\"o1\",\"stage\":\"A\",\"fence\":1,\"ok\":false,\"message\":\"full\","
        "\"reason\":\"err_disk\",\"component\":\"istio\"}");
    drive(scene, "flap", "A", 2);
    wait_for_reports(scene, 3);
    then_told(
        scene, 1,
        "{\"runtimeID\":\"flap\",\"operationID\":\"o1\",\"stage\":\"A\",\"fence\":2,\"ok\":false,\"message\":\"slow\","
        "\"ended\":false}");
    then_told(
        scene, 2,
        "{\"runtimeID\":\"flap\",\"operationID\":\"o1\",\"stage\":\"A\",\"fence\":2,\"ok\":true,\"message\":\"\"}");
}

static void what_is_beyond_the_maximum_waits_for_the_end_of_another(void **state)
{
    struct scene *scene = *state;

    open_world(scene);
    drive(scene, "stuck", "A", 1);
    drive(scene, "r2", "A", 2);
    assert_int_equal(metric_value(metrics_gauge("tidegate_stages_in_flight", "", NULL)), 1);
    assert_int_equal(metric_value(metrics_gauge("tidegate_stages_waiting", "", NULL)), 1);
    for (int i = 0; i < 20; i++)
        event_base_loop(scene->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    assert_int_equal(json_array_size(scene->process.told), 0);
    drive(scene, "stuck", "Stopping", 3);
    wait_for_reports(scene, 2);
    assert_int_equal(metric_value(metrics_gauge("tidegate_stages_waiting", "", NULL)), 0);
    assert_int_equal(metric_value(metrics_gauge("tidegate_stages_in_flight", "", NULL)), 0);
}

static void stages_that_end_together_are_told_in_one_message(void **state)
{
    struct scene *scene = *state;

    setenv("TIDEGATE_OPERATIONS_MAX", "10", 1);
    settings_free(scene->settings);
    scene->settings = settings_of(scene->folder);
    unsetenv("TIDEGATE_OPERATIONS_MAX");
    open_world(scene);
    drive(scene, "r1", "A", 1);
    drive(scene, "r2", "A", 2);
    drive(scene, "r3", "A", 3);
    wait_for_reports(scene, 3);
    assert_int_equal(scene->process.messages, 1);
}

static void without_keys_there_is_no_world(void **state)
{
    struct scene *scene = *state;
    struct error err = { 0 };

    write_file(scene->folder, "keys.json", "{}");
    assert_null(driving_world.open(scene->base, scene->settings, &scene->process, &err));
    assert_non_null(strstr(err.message, "TIDEGATE_SECRET_KEYS: "));
    assert_non_null(strstr(err.message, "keys.json: keys: must be an object"));
}

#define SCENE(name) cmocka_unit_test_setup_teardown(name, make_scene, drop_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(the_end_of_a_stage_is_told_with_what_it_gives),
        SCENE(errors_are_told_with_their_codes_and_retried_ones_as_not_the_end),
        SCENE(what_is_beyond_the_maximum_waits_for_the_end_of_another),
        SCENE(stages_that_end_together_are_told_in_one_message),
        SCENE(without_keys_there_is_no_world),
    };

    return cmocka_run_group_tests_name("driving", tests, NULL, NULL);
}
