/* The provisioner's settings and world: the folder of releases is watched, and exchanged while the process runs. The
 * process around it is simulated here: service_partitions and service_tell are this file's. */
#include "services/provisioner/world.h"

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
#include "common/release/release.h"
#include "services/provisioner/runtime.h"

enum { LIMIT_MS = 60000 };

struct service_process {
    int unused;
};

int service_partitions(const struct service_process *process)
{
    (void)process;
    return 1;
}

void service_tell(struct service_process *process, int partition, const char *type, json_t *data)
{
    (void)process;
    (void)partition;
    (void)type;
    json_decref(data);
}

struct scene {
    struct event_base *base;
    struct service_process process;
    struct settings *settings;
    const struct runtime_settings *core; /* what decisions are given */
    void *world;
    char folder[64];
};

static void path_of(const struct scene *scene, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", scene->folder, name);
}

static void write_file(const struct scene *scene, const char *name, const char *text)
{
    char path[128];
    FILE *file;

    path_of(scene, name, path);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

static void write_release(const struct scene *scene, const char *version)
{
    char name[64], text[256];

    snprintf(name, sizeof name, "releases/%s.json", version);
    snprintf(text, sizeof text,
             "{\"version\": \"%s\", \"components\": [{\"component\": \"istio\", \"namespace\": \"istio-system\"}], "
             "\"configuration\": []}",
             version);
    write_file(scene, name, text);
}

static struct settings *settings_of(const struct scene *scene)
{
    static const struct setting table[] = {
        { "TIDEGATE_RELEASES", SETTING_TEXT, "", 0, 0, "", NULL },
        { "TIDEGATE_KYMA_VERSION", SETTING_TEXT, "2.4.2", 0, 0, "", NULL },
        { "TIDEGATE_SECRET_KEYS", SETTING_TEXT, "", 0, 0, "", NULL },
        { "TIDEGATE_OPERATIONS_MAX", SETTING_INTEGER, "1", 1, 10, "", NULL },
        { "TIDEGATE_STAGE_LIMITS", SETTING_TEXT, "", 0, 0, "", NULL },
        { "TIDEGATE_PRIVILEGED_CONTAINERS", SETTING_BOOLEAN, "true", 0, 0, "", NULL },
        { "TIDEGATE_KUBERNETES_AUTO_UPDATE", SETTING_BOOLEAN, "false", 0, 0, "", NULL },
        { "TIDEGATE_MACHINE_IMAGE_AUTO_UPDATE", SETTING_BOOLEAN, "false", 0, 0, "", NULL },
        { "TIDEGATE_SIMULATOR_LEDGER", SETTING_TEXT, "", 0, 0, "", NULL },
        { "TIDEGATE_SIMULATOR_SCENARIO", SETTING_TEXT, "", 0, 0, "", NULL },
        { 0 },
    };
    static const char *const paths[][2] = { { "TIDEGATE_RELEASES", "releases" },
                                            { "TIDEGATE_SECRET_KEYS", "keys.json" },
                                            { "TIDEGATE_SIMULATOR_LEDGER", "ledger.ndjson" } };
    const struct setting *const tables[] = { table };
    struct settings *settings;
    char path[128];

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        path_of(scene, paths[i][1], path);
        setenv(paths[i][0], path, 1);
    }
    settings = settings_read(tables, 1, NULL);
    assert_non_null(settings);
    return settings;
}

static int make_scene(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    char path[128];

    log_open("test", "1", LOG_LEVEL_OFF);
    scene->base = event_base_new();
    snprintf(scene->folder, sizeof scene->folder, "/tmp/provisioner-world-test-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    path_of(scene, "releases", path);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(scene, "keys.json",
               "{\"current\": \"k1\", \"keys\": {\"k1\": \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}}");
    write_release(scene, "2.4.2");
    scene->settings = settings_of(scene);
    *state = scene;
    return 0;
}

static int drop_scene(void **state)
{
    static const char *const names[] = { "releases/2.4.2.json", "releases/2.5.0.json", "releases/2.6.0.json",
                                         "keys.json", "ledger.ndjson" };
    struct scene *scene = *state;
    char path[128];

    if (scene->world != NULL)
        provisioner_world.close(scene->world);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_of(scene, names[i], path);
        unlink(path);
    }
    path_of(scene, "releases", path);
    rmdir(path);
    rmdir(scene->folder);
    settings_free(scene->settings);
    event_base_free(scene->base);
    metrics_reset();
    free(scene);
    return 0;
}

static void configure(struct scene *scene)
{
    struct error err = { 0 };
    const void *core = NULL;

    if (!provisioner_configure(scene->settings, &core, &err))
        fail_msg("%s", err.message);
    scene->core = core;
}

static void open_world(struct scene *scene)
{
    struct error err = { 0 };

    scene->world = provisioner_world.open(scene->base, scene->settings, &scene->process, &err);
    if (scene->world == NULL)
        fail_msg("%s", err.message);
}

static void wait_for(const struct scene *scene, const char *version)
{
    const int64_t limit_ms = clock_now_ms() + LIMIT_MS;

    while (releases_configuration(scene->core->releases, version) == NULL && clock_now_ms() < limit_ms) {
        event_base_loop(scene->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        usleep(500);
    }
    assert_non_null(releases_configuration(scene->core->releases, version));
}

static void a_release_that_comes_while_the_process_runs_is_known(void **state)
{
    struct scene *scene = *state;

    configure(scene);
    open_world(scene);
    assert_true(scene->core->privileged_containers);
    assert_null(releases_configuration(scene->core->releases, "2.5.0"));
    write_release(scene, "2.5.0");
    wait_for(scene, "2.5.0");
}

static void a_folder_that_is_wrong_leaves_what_is_known(void **state)
{
    struct scene *scene = *state;

    configure(scene);
    write_file(scene, "releases/2.4.2.json", "{");
    write_release(scene, "2.5.0");
    open_world(scene);
    event_base_loop(scene->base, EVLOOP_ONCE); /* the first look is at once */
    assert_non_null(releases_configuration(scene->core->releases, "2.4.2"));
    assert_null(releases_configuration(scene->core->releases, "2.5.0"));
    write_release(scene, "2.4.2");
    wait_for(scene, "2.5.0");
}

static void what_is_wrong_at_the_start_is_named(void **state)
{
    struct scene *scene = *state;
    const void *core = NULL;
    struct error err = { 0 };

    write_file(scene, "releases/2.6.0.json", "{");
    assert_false(provisioner_configure(scene->settings, &core, &err));
    assert_non_null(strstr(err.message, "2.6.0.json: line 1"));
    write_release(scene, "2.6.0");
    setenv("TIDEGATE_KYMA_VERSION", "7.7.7", 1);
    settings_free(scene->settings);
    scene->settings = settings_of(scene);
    unsetenv("TIDEGATE_KYMA_VERSION");
    assert_false(provisioner_configure(scene->settings, &core, &err));
    assert_non_null(strstr(err.message, "TIDEGATE_KYMA_VERSION: there is no release 7.7.7"));
}

#define SCENE(name) cmocka_unit_test_setup_teardown(name, make_scene, drop_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(a_release_that_comes_while_the_process_runs_is_known),
        SCENE(a_folder_that_is_wrong_leaves_what_is_known),
        SCENE(what_is_wrong_at_the_start_is_named),
    };

    return cmocka_run_group_tests_name("provisioner: world", tests, NULL, NULL);
}
