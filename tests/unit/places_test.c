/* The numbers behind the list of instances: blocks tell what counting would, whatever happens to the instances. */
#include "services/broker/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/timestamp.h"
#include "common/log/fold.h"
#include "services/broker/instance.h"

#define T0 1643706000000 /* 2022-02-01T09:00:00Z */

enum { INSTANCES = 1500, STEPS = 12000, TABLE_INSTANCE = 0, TABLE_PLACE = 1, TABLE_BLOCK = 2 };

/* Numerical Recipes' generator: the same numbers everywhere, so that a failure comes again. */
static unsigned next_random(unsigned *seed, unsigned below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static void happen(void *state, const char *type, const char *subject, json_t *data, int64_t now_ms)
{
    struct event event = {
        .type = core_type(instance_core.event_types, type), .subject = subject, .data = data, .time_ms = now_ms
    };
    struct changes changes = { 0 };

    instance_core.evolve(state, &event, &changes);
    changes_release(&changes);
    json_decref(data);
}

static void import(void *state, const char *id, int64_t now_ms)
{
    happen(state, "tidegate.instance.imported.v1", id,
           json_pack("{s:{s:s, s:s, s:s, s:s}, s:s}", "line", "instanceID", id, "runtimeID", id, "globalAccount", "ga",
                     "planName", "azure", "hash", "h"),
           now_ms);
}

static void report(void *state, const char *id, const char *type, const char *operation_state, int64_t now_ms)
{
    char operation_id[64];

    snprintf(operation_id, sizeof operation_id, "%s-%lld", type, (long long)now_ms);
    happen(state, "tidegate.instance.reported.v1", id,
           json_pack("{s:{s:s, s:s, s:s, s:s, s:I, s:I}}", "operation", "operationID", operation_id, "type", type,
                     "state", operation_state, "description", "", "createdAt", (json_int_t)now_ms, "updatedAt",
                     (json_int_t)now_ms),
           now_ms);
}

/* One of the things that happen to instances; several in one millisecond. */
static void step(void *state, unsigned *seed, int64_t now_ms)
{
    char id[16];

    snprintf(id, sizeof id, "i%u", next_random(seed, INSTANCES));
    switch (next_random(seed, 8)) {
    case 0:
    case 1:
    case 2: import(state, id, now_ms); break;
    case 3: happen(state, "tidegate.instance.refused.v1", id, json_object(), now_ms); break;
    case 4: report(state, id, "deprovision", "succeeded", now_ms); break;
    case 5: report(state, id, "deprovision", "failed", now_ms); break;
    case 6: report(state, id, "upgradeKyma", "succeeded", now_ms); break;
    case 7: report(state, id, "upgradeCluster", "in progress", now_ms); break;
    }
}

static json_int_t integer_of(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

static int64_t created_of(const json_t *row, const char *name)
{
    int64_t time_us = 0;

    assert_true(timestamp_parse_us(json_string_value(json_object_get(row, name)), &time_us));
    return time_us;
}

/* What counting the places gives for each block, and whether the order of positions is that of creation. */
static void check_blocks(void *state)
{
    static json_int_t listed[64], shown[64];
    static int64_t created[64 * BLOCK_SIZE];
    int64_t before = 0;
    char id[16];

    memset(listed, 0, sizeof listed);
    memset(shown, 0, sizeof shown);
    memset(created, 0, sizeof created);
    for (int i = 0; i < INSTANCES; i++) {
        json_t *row;
        json_int_t position;

        snprintf(id, sizeof id, "i%d", i);
        row = instance_core.row(state, TABLE_PLACE, id);
        if (row == NULL)
            continue;
        position = integer_of(row, "position");
        assert_in_range(position, 0, 64 * BLOCK_SIZE - 1);
        assert_int_equal(created[position], 0); /* nobody else stands there */
        created[position] = created_of(row, "created_at");
        listed[position / BLOCK_SIZE] += json_is_true(json_object_get(row, "listed"));
        shown[position / BLOCK_SIZE] += json_is_true(json_object_get(row, "shown"));
        json_decref(row);
    }
    for (int block = 0; block < 64; block++) {
        json_t *row;
        int64_t first;

        snprintf(id, sizeof id, "%d", block);
        row = instance_core.row(state, TABLE_BLOCK, id);
        assert_int_equal(integer_of(row, "listed"), listed[block]);
        assert_int_equal(integer_of(row, "shown"), shown[block]);
        if (row == NULL)
            continue;
        first = created_of(row, "first_created_at");
        assert_true(first > before);
        assert_int_equal(integer_of(row, "first_position"), block * BLOCK_SIZE);
        for (int at = block * BLOCK_SIZE; at < (block + 1) * BLOCK_SIZE; at++) {
            assert_true(created[at] == 0 || (created[at] > before && created[at] >= first));
            before = created[at] == 0 ? before : created[at];
        }
        json_decref(row);
    }
}

/* The state out of the rows that a takeover loads. */
static void *reloaded(void *state)
{
    void *loaded = instance_core.state_new(NULL, 0);
    char id[16];

    for (int table = TABLE_INSTANCE; table <= TABLE_BLOCK; table++) {
        for (int i = 0; i < INSTANCES && instance_core.tables[table].live != NULL; i++) {
            json_t *row;

            snprintf(id, sizeof id, table == TABLE_BLOCK ? "%d" : "i%d", i);
            row = instance_core.row(state, table, id);
            if (row != NULL)
                instance_core.load(loaded, table, row);
            json_decref(row);
        }
    }
    return loaded;
}

static void blocks_tell_what_counting_would(void **state)
{
    (void)state;
    for (unsigned first_seed = 1; first_seed <= 5; first_seed++) {
        void *fleet = instance_core.state_new(NULL, 0);
        unsigned seed = first_seed;

        print_message("seed %u\n", first_seed);
        for (int i = 0; i < STEPS; i++) {
            step(fleet, &seed, T0 + i / 7);
            if (i % 1500 == 0)
                check_blocks(fleet);
        }
        check_blocks(fleet);
        instance_core.state_free(fleet);
    }
}

static void state_that_is_loaded_goes_on_as_the_one_that_was_not(void **state)
{
    void *kept = instance_core.state_new(NULL, 0), *loaded = instance_core.state_new(NULL, 0);
    unsigned seed = 77, same_seed = 77;

    (void)state;
    for (int i = 0; i < STEPS; i++) {
        step(kept, &seed, T0 + i / 7);
        step(loaded, &same_seed, T0 + i / 7);
        if (i % 500 == 499) {
            void *again = reloaded(loaded);

            instance_core.state_free(loaded);
            loaded = again;
        }
    }
    for (int table = TABLE_INSTANCE; table <= TABLE_BLOCK; table++) {
        for (int i = 0; i < INSTANCES; i++) {
            json_t *want, *is;
            char id[16];

            snprintf(id, sizeof id, table == TABLE_BLOCK ? "%d" : "i%d", i);
            want = instance_core.row(kept, table, id);
            is = instance_core.row(loaded, table, id);
            if (want != is && !json_equal(want, is))
                fail_msg("row %s of %s differs", id, instance_core.tables[table].name);
            json_decref(want);
            json_decref(is);
        }
    }
    instance_core.state_free(kept);
    instance_core.state_free(loaded);
}

static void places_differ_in_time_and_are_never_given_twice(void **state)
{
    struct places *places = places_new();
    struct place first = places_take(places, T0), second = places_take(places, T0), later, earlier;

    (void)state;
    assert_int_equal(first.position, 0);
    assert_true(first.created_us == T0 * 1000LL);
    assert_int_equal(second.position, 1);
    assert_true(second.created_us == T0 * 1000LL + 1);
    later = places_take(places, T0 + 1);
    assert_true(later.created_us == (T0 + 1) * 1000LL);
    earlier = places_take(places, T0 - 5); /* a clock that was set back */
    assert_true(earlier.created_us == (T0 + 1) * 1000LL + 1);
    places_restore(places, (struct place){ .position = 1000, .created_us = (T0 + 9) * 1000LL });
    assert_int_equal(places_take(places, T0).position, 1001);
    places_free(places);
    places_free(NULL);
}

static void block_that_is_not_there_has_no_row(void **state)
{
    struct places *places = places_new();

    (void)state;
    assert_null(block_row(places, "0"));
    places_take(places, T0);
    json_decref(block_row(places, "0"));
    assert_null(block_row(places, "1"));
    places_free(places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_differ_in_time_and_are_never_given_twice),
        cmocka_unit_test(block_that_is_not_there_has_no_row),
        cmocka_unit_test(blocks_tell_what_counting_would),
        cmocka_unit_test(state_that_is_loaded_goes_on_as_the_one_that_was_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
