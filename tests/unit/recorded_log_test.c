/* Replays the log that stands in tests/recorded (record.py made it from a running system) through the four cores. It
 * keeps evolve and react of an event type, and the reading of old rows, as they were when these records were written:
 * where one of these tests fails, other behaviour needs a new event type, or a new version of the fold. What stands in
 * tests/recorded/earlier was written by earlier code, with other rows: its records must go on to be read. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/log/record.h"
#include "services/broker/instance.h"
#include "services/orchestrator/orchestration.h"
#include "services/provisioner/runtime.h"
#include "services/scheduler/schedule.h"

enum { RECORDED_PARTITIONS = 4, PATH_SIZE = 128 };

static const char latest[] = "tests/recorded", earlier[] = "tests/recorded/earlier";

/* Given until dry runs went to the provisioner; nothing decides it any more. */
static const char given_once[] = "tidegate.orchestration.rehearsed.v1";

/* Nothing of these decides what a recorded event means, so they are all empty. */
static const struct orchestration_settings orchestration_settings = { .kyma_version = "",
                                                                      .kubernetes_version = "",
                                                                      .partitions = RECORDED_PARTITIONS };
static const struct runtime_settings runtime_settings = { .releases = NULL };

static const struct recorded {
    const struct core *core;
    const char *service;
    const void *settings;
} all_recorded[] = {
    { &instance_core, "broker", NULL },
    { &orchestration_core, "orchestrator", &orchestration_settings },
    { &schedule_core, "scheduler", NULL },
    { &runtime_core, "provisioner", &runtime_settings },
};
enum { RECORDED_COUNT = sizeof all_recorded / sizeof all_recorded[0], EVENT_TYPES_MAX = 64 };

/* What a replay leaves. */
struct replay {
    const struct recorded *recorded;
    void *states[RECORDED_PARTITIONS];
    struct changes changes[RECORDED_PARTITIONS];
    char hashes[RECORDED_PARTITIONS][SHA256_HEX_SIZE];
    int64_t offsets[RECORDED_PARTITIONS]; /* of the last record */
    bool seen[EVENT_TYPES_MAX];
    size_t records;
};

/* --- Replaying --- */

static void accept_record(struct replay *replay, int partition, int64_t offset, const char *bytes, size_t size)
{
    const struct core *core = replay->recorded->core;
    struct messages messages = { .partitions = RECORDED_PARTITIONS };
    struct decoded decoded;
    struct error why = { 0 };

    if (!record_decode(core, bytes, size, &decoded, &why))
        fail_msg("%s/%d/%" PRId64 " cannot be decoded: %s", core->topic, partition, offset, why.message);
    if (offset <= replay->offsets[partition] || strcmp(decoded.record.prev, replay->hashes[partition]) != 0)
        fail_msg("%s/%d/%" PRId64 " does not follow the record before it", core->topic, partition, offset);
    for (size_t i = 0; i < decoded.count; i++) {
        decoded.events[i].offset = offset;
        fold_event(core, replay->states[partition], &decoded.events[i], &replay->changes[partition], &messages, NULL);
        replay->seen[decoded.events[i].type] = true;
    }
    if (!record_matches(&decoded, &messages))
        fail_msg("%s/%d/%" PRId64 ": other messages follow from its events than were sent", core->topic, partition,
                 offset);
    sha256_hex(bytes, size, replay->hashes[partition]);
    replay->offsets[partition] = offset;
    replay->records++;
    messages_release(&messages);
    decoded_release(&decoded);
}

/* {"partition": 3, "offset": 7, "record": <its bytes>} */
static void accept_line(struct replay *replay, const char *line, size_t size)
{
    int partition = -1, begin = 0;
    int64_t offset = -1;

    if (sscanf(line, "{\"partition\": %d, \"offset\": %" SCNd64 ", \"record\": %n", &partition, &offset, &begin) != 2 ||
        begin == 0 || partition < 0 || partition >= RECORDED_PARTITIONS || line[size - 1] != '}')
        fail_msg("%s.events.ndjson: no recorded line: %.80s", replay->recorded->core->topic, line);
    accept_record(replay, partition, offset, line + begin, size - (size_t)begin - 1);
}

static struct replay *replay_new(const struct recorded *recorded, const char *folder)
{
    struct replay *replay = calloc(1, sizeof *replay);
    char path[PATH_SIZE], *line = NULL;
    size_t line_size = 0;
    ssize_t size;
    FILE *file;

    assert_non_null(replay);
    replay->recorded = recorded;
    for (int partition = 0; partition < RECORDED_PARTITIONS; partition++) {
        replay->states[partition] = recorded->core->state_new(recorded->settings, partition);
        memcpy(replay->hashes[partition], record_genesis, SHA256_HEX_SIZE);
        replay->offsets[partition] = -1;
    }
    snprintf(path, sizeof path, "%s/%s.events.ndjson", folder, recorded->core->topic);
    file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s cannot be read: tests run in the root of the sources", path);
    while ((size = getline(&line, &line_size, file)) > 1) {
        line[size - 1] = '\0'; /* the line feed */
        accept_line(replay, line, (size_t)size - 1);
    }
    free(line);
    fclose(file);
    assert_true(replay->records > 0);
    return replay;
}

static void replay_free(struct replay *replay)
{
    for (int partition = 0; partition < RECORDED_PARTITIONS; partition++) {
        replay->recorded->core->state_free(replay->states[partition]);
        changes_release(&replay->changes[partition]);
    }
    free(replay);
}

/* --- Rows --- */

/* {"<table>": [row, …], …}: what the database held. The caller owns it. */
static json_t *rows_recorded(const struct recorded *recorded)
{
    char path[PATH_SIZE];
    json_error_t why;
    json_t *rows;

    snprintf(path, sizeof path, "tests/recorded/%s.rows.json", recorded->service);
    rows = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (rows == NULL)
        fail_msg("%s: %s", path, why.text);
    return rows;
}

static bool was_before(const struct changes *changes, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (changes->items[i].table == changes->items[index].table &&
            strcmp(changes->items[i].id, changes->items[index].id) == 0)
            return true;
    return false;
}

/* Removes the one that is equal to `row` from `rows`. */
static bool take_equal(json_t *rows, const json_t *row)
{
    json_t *other;
    size_t i;

    json_array_foreach(rows, i, other) {
        if (json_equal(other, row))
            return json_array_remove(rows, i) == 0;
    }
    return false;
}

static void fail_rows(const char *what, const char *service, const char *table, const json_t *row)
{
    char *text = json_dumps(row, JSON_SORT_KEYS);

    fail_msg("%s.%s: %s: %s", service, table, what, text);
}

/* The rows of `changes`, each once, are taken out of `recorded`, where they must be. */
static void take_rows(const struct recorded *of, const void *state, int partition, const struct changes *changes,
                      json_t *recorded)
{
    for (size_t i = 0; i < changes->count; i++) {
        const char *table = of->core->tables[changes->items[i].table].name;
        json_t *row;

        if (was_before(changes, i))
            continue;
        row = of->core->row(state, changes->items[i].table, changes->items[i].id);
        if (row == NULL)
            continue;
        json_object_set_new(row, "partition", json_integer(partition));
        if (!take_equal(json_object_get(recorded, table), row))
            fail_rows("this row was not in the database", of->service, table, row);
        json_decref(row);
    }
}

static void check_none_left(const struct recorded *of, const json_t *recorded)
{
    for (size_t table = 0; table < of->core->table_count; table++) {
        const char *name = of->core->tables[table].name;
        const json_t *rows = json_object_get(recorded, name);

        assert_true(json_is_array(rows));
        if (json_array_size(rows) > 0)
            fail_rows("no event leads to this row any more", of->service, name, json_array_get(rows, 0));
    }
}

/* --- Tests --- */

static void every_record_follows_its_predecessor_and_gives_the_messages_that_were_sent(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < RECORDED_COUNT; i++)
        replay_free(replay_new(&all_recorded[i], latest)); /* which checks each record */
}

static void records_of_earlier_code_give_the_messages_that_were_sent(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < RECORDED_COUNT; i++) {
        const struct core *core = all_recorded[i].core;

        if (core == &orchestration_core && core_type(core->event_types, given_once) < 0)
            print_message("%s/orchestrations.events.ndjson is not replayed: the core does not know %s\n", earlier,
                          given_once);
        else
            replay_free(replay_new(&all_recorded[i], earlier));
    }
}

static void every_type_of_event_was_recorded(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < RECORDED_COUNT; i++) {
        struct replay *replay = replay_new(&all_recorded[i], latest);
        const char *const *types = all_recorded[i].core->event_types;

        for (size_t type = 0; types[type] != NULL; type++) {
            assert_true(type < EVENT_TYPES_MAX);
            if (!replay->seen[type] && strcmp(types[type], given_once) != 0)
                fail_msg("%s does not occur in tests/recorded: make a new recording, with a story that has it",
                         types[type]);
        }
        replay_free(replay);
    }
}

static void the_rows_that_follow_are_those_that_the_database_held(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < RECORDED_COUNT; i++) {
        struct replay *replay = replay_new(&all_recorded[i], latest);
        json_t *rows = rows_recorded(&all_recorded[i]);

        for (int partition = 0; partition < RECORDED_PARTITIONS; partition++)
            take_rows(&all_recorded[i], replay->states[partition], partition, &replay->changes[partition], rows);
        check_none_left(&all_recorded[i], rows);
        json_decref(rows);
        replay_free(replay);
    }
}

/* As a takeover does it: by table in the core's order, without the column that is the partition. */
static void load_rows(const struct recorded *of, void *state, int partition, const json_t *rows)
{
    for (size_t table = 0; table < of->core->table_count; table++) {
        json_t *row;
        size_t i;

        json_array_foreach(json_object_get(rows, of->core->tables[table].name), i, row) {
            if (json_integer_value(json_object_get(row, "partition")) == partition)
                of->core->load(state, (int)table, row);
        }
    }
}

/* A core need not keep all that it loads, as operations that ended long ago; what it keeps must be the same. */
static void rows_that_were_stored_load_as_the_state_that_gave_them(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < RECORDED_COUNT; i++) {
        struct replay *replay = replay_new(&all_recorded[i], latest);
        json_t *rows = rows_recorded(&all_recorded[i]), *left = json_deep_copy(rows);

        for (int partition = 0; partition < RECORDED_PARTITIONS; partition++) {
            void *state = all_recorded[i].core->state_new(all_recorded[i].settings, partition);

            load_rows(&all_recorded[i], state, partition, rows);
            take_rows(&all_recorded[i], state, partition, &replay->changes[partition], left);
            all_recorded[i].core->state_free(state);
        }
        for (size_t table = 0; table < all_recorded[i].core->table_count; table++) {
            const char *name = all_recorded[i].core->tables[table].name;

            assert_true(json_array_size(json_object_get(left, name)) < json_array_size(json_object_get(rows, name)));
        }
        json_decref(left);
        json_decref(rows);
        replay_free(replay);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_follows_its_predecessor_and_gives_the_messages_that_were_sent),
        cmocka_unit_test(records_of_earlier_code_give_the_messages_that_were_sent),
        cmocka_unit_test(every_type_of_event_was_recorded),
        cmocka_unit_test(the_rows_that_follow_are_those_that_the_database_held),
        cmocka_unit_test(rows_that_were_stored_load_as_the_state_that_gave_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
