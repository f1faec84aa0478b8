/* That an instance and its orchestration describe a failed operation alike, however long the driver's message is. */
#include "tests/unit/runtime_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/orchestrator/decide.h"

static const char *text_in(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* What the orchestrator makes of the report to the lane is what the instance is told. */
static void check_alike(const char *message)
{
    struct scene *scene = scene_upgrading();
    const json_t *lane, *operation;
    char want[REASON_SIZE], report[640];

    snprintf(report, sizeof report, "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': false, 'message': '%s'}",
             message);
    driver_reports(scene, "r1", report);
    lane = scene_message(scene, 0)->data;
    operation = json_object_get(scene_message(scene, 1)->data, "operation");
    assert_string_equal(text_in(lane, "message"), message);
    reason_format(want, "provisioner client returns failed status: %s", text_in(lane, "message"));
    assert_string_equal(text_in(operation, "description"), want);
    scene_free(scene);
}

static void a_failure_is_described_alike_whatever_its_length(void **state)
{
    static const char *const characters[] = { "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x8c\x8a" };
    char message[501];

    (void)state;
    check_alike("boom");
    for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++) {
        const size_t size = strlen(characters[i]);

        for (size_t before = 0; before < 4; before++) {
            size_t length = before;

            memset(message, 'b', before);
            for (; length + size < 480; length += size)
                memcpy(message + length, characters[i], size);
            message[length] = '\0';
            check_alike(message);
        }
    }
}

static void only_a_failure_of_an_orchestration_s_is_so(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    upgrade_succeeded(scene);
    when(scene, DEPROVISION, "r1", "{'tenant': 'ga1', 'operationID': 'd1'}");
    then_messages(scene,
                  INSTANCE_REPORT "{'operation': {'state': 'in progress', 'description': 'Deprovisioning started'}}",
                  NULL);
    stage_fails(scene, "d1", "CleanupCluster", "boom");
    then_messages(scene, INSTANCE_REPORT "{'operation': {'state': 'failed', 'description': 'boom'}}", NULL);
    many_records_passed(scene);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_described_alike_whatever_its_length),
        cmocka_unit_test(only_a_failure_of_an_orchestration_s_is_so),
    };

    return cmocka_run_group_tests_name("operation: described", tests, runtime_scene_setup, runtime_scene_teardown);
}
