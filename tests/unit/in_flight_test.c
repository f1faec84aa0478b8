/* Stages on their way to the driver: how many at a time, and who goes first. */
#include "services/provisioner/in_flight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct scene {
    struct in_flight *in_flight;
    char started[512]; /* "<runtime>:<stage>" of each call that was handed over, each followed by a blank */
    json_t *detail;    /* of the last one */
};

static void start(void *context, const struct call *call)
{
    struct scene *scene = context;
    size_t length = strlen(scene->started);

    snprintf(scene->started + length, sizeof scene->started - length, "%s:%s ", call->runtime_id, call->stage);
    json_decref(scene->detail);
    scene->detail = json_incref(call->detail);
}

static int make_scene(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);

    scene->in_flight = in_flight_new(2, start, scene);
    *state = scene;
    return 0;
}

static int drop_scene(void **state)
{
    struct scene *scene = *state;

    in_flight_free(scene->in_flight);
    json_decref(scene->detail);
    free(scene);
    return 0;
}

static void call_with(struct scene *scene, const char *runtime_id, const char *stage, int64_t fence, json_t *detail)
{
    in_flight_call(scene->in_flight, &(struct call){ .runtime_id = runtime_id,
                                                     .operation_id = "o1",
                                                     .stage = stage,
                                                     .fence = fence,
                                                     .detail = detail });
    json_decref(detail);
}

static void call(struct scene *scene, const char *runtime_id, const char *stage, int64_t fence)
{
    call_with(scene, runtime_id, stage, fence, NULL);
}

/* The stage that was ordered with this fence has ended. */
static void ended(struct scene *scene, const char *runtime_id, const char *stage, int64_t fence)
{
    in_flight_ended(scene->in_flight, runtime_id, "o1", stage, fence);
}

static void then(const struct scene *scene, const char *want_started, size_t want_waiting)
{
    assert_string_equal(scene->started, want_started);
    assert_int_equal(in_flight_count(scene->in_flight).waiting, want_waiting);
}

static void calls_beyond_the_maximum_wait_in_order(void **state)
{
    struct scene *scene = *state;

    call(scene, "r1", "A", 1);
    call(scene, "r2", "A", 2);
    call(scene, "r3", "A", 3);
    call(scene, "r4", "A", 4);
    then(scene, "r1:A r2:A ", 2);
    ended(scene, "r2", "A", 2);
    then(scene, "r1:A r2:A r3:A ", 1);
    ended(scene, "r1", "A", 1);
    ended(scene, "r3", "A", 3);
    then(scene, "r1:A r2:A r3:A r4:A ", 0);
    ended(scene, "r4", "A", 4);
    assert_int_equal(in_flight_count(scene->in_flight).started, 0);
}

static void a_stop_waits_for_nobody(void **state)
{
    struct scene *scene = *state;

    call(scene, "r1", "A", 1);
    call(scene, "r2", "A", 2);
    call(scene, "r3", "A", 3);
    call(scene, "r3", "Stopping", 4);
    then(scene, "r1:A r2:A r3:Stopping ", 0);
    ended(scene, "r3", "Stopping", 4);
    call(scene, "r4", "A", 5);
    then(scene, "r1:A r2:A r3:Stopping ", 1);
    ended(scene, "r1", "A", 1);
    then(scene, "r1:A r2:A r3:Stopping r4:A ", 0);
}

static void a_stop_takes_the_place_of_what_it_stops(void **state)
{
    struct scene *scene = *state;

    call(scene, "r1", "A", 1);
    call(scene, "r2", "A", 2);
    call(scene, "r1", "Stopping", 3);
    ended(scene, "r1", "A", 1);
    assert_int_equal(in_flight_count(scene->in_flight).started, 2);
    ended(scene, "r1", "Stopping", 3);
    assert_int_equal(in_flight_count(scene->in_flight).started, 1);
}

static void the_same_call_again_is_handed_over_again_if_it_is_under_way(void **state)
{
    struct scene *scene = *state;

    call(scene, "r1", "A", 1);
    call(scene, "r2", "A", 2);
    call(scene, "r3", "A", 3);
    call(scene, "r1", "A", 1);
    call(scene, "r3", "A", 3);
    then(scene, "r1:A r2:A r1:A ", 1);
    assert_int_equal(in_flight_count(scene->in_flight).started, 2);
}

static void the_next_stage_of_a_runtime_takes_the_place_of_the_former(void **state)
{
    struct scene *scene = *state;

    call(scene, "r1", "A", 1);
    call(scene, "r2", "A", 2);
    call(scene, "r3", "A", 3);
    call(scene, "r1", "B", 4);
    then(scene, "r1:A r2:A r1:B ", 1);
    ended(scene, "r1", "A", 1);
    then(scene, "r1:A r2:A r1:B ", 1);
    ended(scene, "r1", "B", 4);
    then(scene, "r1:A r2:A r1:B r3:A ", 0);
}

static void a_call_of_somebody_replaced_goes_to_the_driver_and_changes_nothing(void **state)
{
    struct scene *scene = *state;

    call(scene, "r1", "B", 5);
    call(scene, "r2", "A", 2);
    call(scene, "r1", "A", 1);
    then(scene, "r1:B r2:A r1:A ", 0);
    ended(scene, "r1", "A", 1);
    assert_int_equal(in_flight_count(scene->in_flight).started, 2);
}

static void the_same_stage_ordered_again_is_another_order(void **state)
{
    struct scene *scene = *state;

    call(scene, "r1", "A", 1);
    call(scene, "r2", "A", 2);
    call(scene, "r3", "A", 3);
    call(scene, "r1", "A", 5);
    then(scene, "r1:A r2:A r1:A ", 1);
    ended(scene, "r1", "A", 1); /* the end of the former order comes late */
    then(scene, "r1:A r2:A r1:A ", 1);
    call_with(scene, "r3", "A", 6, json_pack("{s:i}", "attempt", 2));
    ended(scene, "r1", "A", 5);
    then(scene, "r1:A r2:A r1:A r3:A ", 0);
    assert_int_equal(json_integer_value(json_object_get(scene->detail, "attempt")), 2);
    ended(scene, "r3", "A", 6);
    assert_int_equal(in_flight_count(scene->in_flight).started, 1);
}

static void the_end_of_what_is_not_under_way_changes_nothing(void **state)
{
    struct scene *scene = *state;

    call(scene, "r1", "A", 1);
    call(scene, "r2", "A", 2);
    call(scene, "r3", "A", 3);
    ended(scene, "r3", "A", 3);
    ended(scene, "r9", "A", 1);
    in_flight_ended(scene->in_flight, "r1", "o2", "A", 1);
    then(scene, "r1:A r2:A ", 1);
}

static json_t *detail(const char *tenant, const char *hash, const char *version)
{
    return json_pack("{s:s,s:s,s:{s:s}}", "tenant", tenant, "configuration", hash, "kymaConfig", "version", version);
}

static const char *version_started(const struct scene *scene)
{
    return json_string_value(json_object_get(json_object_get(scene->detail, "kymaConfig"), "version"));
}

static void what_waits_keeps_its_detail_and_equal_configurations_are_kept_once(void **state)
{
    struct scene *scene = *state;
    const json_t *config;

    call(scene, "r1", "A", 1);
    call(scene, "r2", "A", 2);
    call_with(scene, "r3", "A", 3, detail("t1", "h1", "1.0"));
    call_with(scene, "r4", "A", 4, detail("t1", "h1", "1.0"));
    call_with(scene, "r5", "A", 5, detail("t2", "h1", "2.0"));
    ended(scene, "r1", "A", 1);
    assert_string_equal(version_started(scene), "1.0");
    config = json_object_get(scene->detail, "kymaConfig");
    json_incref((json_t *)config);
    ended(scene, "r2", "A", 2);
    assert_ptr_equal(json_object_get(scene->detail, "kymaConfig"), config);
    json_decref((json_t *)config);
    ended(scene, "r3", "A", 3);
    assert_string_equal(version_started(scene), "2.0");
    assert_string_equal(json_string_value(json_object_get(scene->detail, "tenant")), "t2");
}

static void what_waits_is_forgotten_without_a_trace(void **state)
{
    struct scene *scene = *state;
    char runtime_id[16];

    for (int i = 0; i < 50; i++) {
        snprintf(runtime_id, sizeof runtime_id, "r%d", i);
        call_with(scene, runtime_id, "A", i, detail("t1", i % 2 == 0 ? "h1" : "h2", "1.0"));
    }
    assert_int_equal(in_flight_count(scene->in_flight).waiting, 48);
    for (int i = 0; i < 50; i += 3) {
        snprintf(runtime_id, sizeof runtime_id, "r%d", i);
        call(scene, runtime_id, "Stopping", 100 + i);
    }
    assert_int_equal(in_flight_count(scene->in_flight).waiting, 48 - 16); /* the leak checker looks at the rest */
}

#define SCENE(name) cmocka_unit_test_setup_teardown(name, make_scene, drop_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(calls_beyond_the_maximum_wait_in_order),
        SCENE(a_stop_waits_for_nobody),
        SCENE(a_stop_takes_the_place_of_what_it_stops),
        SCENE(the_same_call_again_is_handed_over_again_if_it_is_under_way),
        SCENE(the_next_stage_of_a_runtime_takes_the_place_of_the_former),
        SCENE(a_call_of_somebody_replaced_goes_to_the_driver_and_changes_nothing),
        SCENE(the_same_stage_ordered_again_is_another_order),
        SCENE(the_end_of_what_is_not_under_way_changes_nothing),
        SCENE(what_waits_keeps_its_detail_and_equal_configurations_are_kept_once),
        SCENE(what_waits_is_forgotten_without_a_trace),
    };

    return cmocka_run_group_tests_name("in flight", tests, NULL, NULL);
}
