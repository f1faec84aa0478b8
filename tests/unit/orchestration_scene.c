#include "tests/unit/orchestration_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/release/release.h"

struct orchestration_settings orchestration_scene_settings = { .kyma_version = "2.4.2",
                                                               .kubernetes_version = "1.20.8",
                                                               .partitions = BROKERS };

const char *text(const char *format, ...)
{
    static char *kept[100];
    static size_t next;
    va_list list;
    char **at = &kept[next++ % 100];

    free(*at);
    va_start(list, format);
    if (vasprintf(at, format, list) < 0)
        abort();
    va_end(list);
    return *at;
}

const char *operation_of(const char *orchestration, const char *runtime)
{
    char id[UUID_SIZE];

    uuid_derive(text("operation\n%s\n%s", orchestration, runtime), id);
    return text("%s", id);
}

const char *op(const char *runtime)
{
    return operation_of("o1", runtime);
}

struct scene *scene_open(void)
{
    return scene_new(&orchestration_core, &orchestration_scene_settings);
}

void request_upgrade(struct scene *scene, const char *id, const char *parameters)
{
    bool named = strstr(parameters, "'kyma'") != NULL;

    when(scene, UPGRADE, "kyma",
         text("{'orchestrationID': '%s', 'lane': 'kyma', 'bodyHash': 'h1', 'version': '2.3.0', "
              "'actor': {'issuer': 'i', 'subject': 's', 'email': 'e'}, 'parameters': {%s%s%s}",
              id, named ? "" : "'kyma': {'version': '2.3.0'}", named || parameters[1] == '}' ? "" : ", ",
              parameters + 1));
}

const char *parameters(int workers, const char *schedule)
{
    return text("{'targets': {'include': [{'target': 'all'}]}, 'strategy': {'type': 'parallel', 'schedule': '%s', "
                "'parallel': {'workers': %d}}}",
                schedule, workers);
}

void wake(struct scene *scene)
{
    struct deadline deadline = orchestration_core.deadline(scene_state(scene));

    assert_int_equal(deadline.at_ms, 0);
    when(scene, WAKE, "kyma", text("{'at': 0, 'id': '%s'}", deadline.id));
}

void wake_at(struct scene *scene, int64_t at_ms)
{
    struct deadline deadline = orchestration_core.deadline(scene_state(scene));

    assert_int_equal(deadline.at_ms, at_ms);
    scene_time(scene, at_ms);
    when(scene, WAKE, "kyma", text("{'at': %lld, 'id': '%s'}", (long long)at_ms, deadline.id));
}

const char *target(const char *runtime, int include, const char *shoot)
{
    return text("{'include': %d, 'instanceID': 'instance-%s', 'runtimeID': '%s', 'globalAccountID': 'ga', "
                "'subAccountID': 'sa', 'planName': 'azure', 'region': 'westeurope', 'shootName': '%s', "
                "'windowBegin': '220000+0000', 'windowEnd': '040000+0000'}",
                include, runtime, runtime, shoot);
}

void targets_of(struct scene *scene, const char *id, int partition, const char *list, bool last)
{
    when(scene, TARGET, "kyma",
         text("{'orchestrationID': '%s', 'partition': %d, 'targets': [%s], 'last': %s}", id, partition, list,
              last ? "true" : "false"));
}

void targets(struct scene *scene, int partition, const char *list, bool last)
{
    targets_of(scene, "o1", partition, list, last);
}

void targets_many(struct scene *scene, json_t *list)
{
    json_t *data = json_pack("{s:s, s:i, s:o, s:b}", "orchestrationID", "o1", "partition", 0, "targets", list, "last",
                             1);
    char *dumped = json_dumps(data, 0);

    when(scene, TARGET, "kyma", dumped);
    free(dumped);
    json_decref(data);
}

void three_scheduled(struct scene *scene, const char *with)
{
    request_upgrade(scene, "o1", with);
    wake(scene);
    targets(scene, 0, text("%s, %s", target("r3", 0, "c-3"), target("r1", 0, "c-1")), true);
    targets(scene, 1, target("r2", 0, "c-2"), true);
}

const char *window_item(const char *runtime, int64_t begin, int64_t end)
{
    return text("{'operationID': '%s', 'begin': %lld, 'end': %lld}", op(runtime), (long long)begin, (long long)end);
}

void scheduled_of(struct scene *scene, const char *id, const char *items, bool open)
{
    when(scene, SCHEDULE, "kyma",
         text("{'orchestrationID': '%s', 'operations': [%s], 'open': %s}", id, items, open ? "true" : "false"));
}

void scheduled(struct scene *scene, const char *items, bool open)
{
    scheduled_of(scene, "o1", items, open);
}

void scheduled_tomorrow(struct scene *scene, const char *runtimes)
{
    const char *items = "";
    char *words = strdup(runtimes);

    for (char *rest = NULL, *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        items = text("%s%s%s", items, items[0] == '\0' ? "" : ", ",
                     window_item(word, nine + 24 * 60 * MINUTE_MS, nine + 25 * 60 * MINUTE_MS));
    free(words);
    scheduled(scene, items, false);
}

void three_open(struct scene *scene, const char *with)
{
    three_scheduled(scene, with);
    scheduled(scene, text("%s, %s, %s", window_item("r1", 0, 0), window_item("r2", 0, 0), window_item("r3", 0, 0)),
              true);
}

void three_released(struct scene *scene, int workers)
{
    three_open(scene, parameters(workers, "immediate"));
}

void report_of(struct scene *scene, const char *id, const char *runtime, const char *result, const char *message)
{
    when(scene, REPORT, "kyma",
         text("{'orchestrationID': '%s', 'operationID': '%s', 'result': '%s', 'message': '%s'}", id,
              operation_of(id, runtime), result, message));
}

void report(struct scene *scene, const char *runtime, const char *result, const char *message)
{
    report_of(scene, "o1", runtime, result, message);
}

void retry(struct scene *scene, const char *id, const char *operations)
{
    when(scene, RETRY, "kyma",
         text("{'orchestrationID': '%s', 'lane': 'kyma', 'actor': {'subject': 'c'}, 'operations': [%s]}", id,
              operations));
}

void cancel(struct scene *scene, const char *id)
{
    when(scene, CANCEL, "kyma", text("{'orchestrationID': '%s', 'lane': 'kyma', 'actor': {'subject': 'c'}}", id));
}

void then_operation(struct scene *scene, const char *runtime, const char *state, const char *description)
{
    then_row(scene, "operation", op(runtime), text("{'state': '%s', 'description': '%s'}", state, description));
}

const char *dispatched(const char *runtimes) /* "r1 r2" */
{
    const char *list = "";
    char *words = strdup(runtimes);

    for (char *rest = NULL, *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        list = text("%s%s'%s'", list, list[0] == '\0' ? "" : ", ", op(word));
    free(words);
    return text(TYPE "dispatched.v1 o1 {'operations': [%s]}", list);
}

/* --- Releases --- */

int releases_make(void **state)
{
    static const char *const versions[] = { "2.3.0", "2.4.2" };
    static char folder[] = "/tmp/orchestration_test.XXXXXX";
    struct error err;

    if (mkdtemp(folder) == NULL)
        return -1;
    *state = folder;
    for (size_t i = 0; i < 2; i++) {
        FILE *file = fopen(text("%s/%s.json", folder, versions[i]), "w");

        if (file == NULL)
            return -1;
        fprintf(file,
                "{\"version\": \"%s\", \"components\": [{\"component\": \"istio\", \"namespace\": \"istio\"}], "
                "\"configuration\": []}",
                versions[i]);
        fclose(file);
    }
    orchestration_scene_settings.releases = releases_load(folder, &err);
    for (size_t i = 0; i < 2; i++)
        unlink(text("%s/%s.json", folder, versions[i]));
    rmdir(folder);
    if (orchestration_scene_settings.releases == NULL)
        print_message("%s\n", err.message);
    return orchestration_scene_settings.releases == NULL ? -1 : 0;
}

int releases_drop(void **state)
{
    (void)state;
    releases_free((struct releases *)orchestration_scene_settings.releases);
    for (size_t i = 0; i < 100; i++)
        text("%s", ""); /* frees what scenes said last */
    return 0;
}
