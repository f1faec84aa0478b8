/* Streams of events: positions, framing, records as they stand in the log, and who gets which event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>
#include <limits.h>

#include "common/base/id.h"
#include "common/base/text.h"
#include "services/api-gateway/events_feed.h"
#include "services/api-gateway/events_position.h"
#include "services/api-gateway/events_record.h"

/* --- Positions and framing --- */

static void a_position_is_read_as_it_was_written(void **state)
{
    const struct event_position written = {
        .partition = 11, .offset = 123456789012, .index = 3, .hash = "0123456789abcdef"
    };
    struct event_position read;
    char text[EVENT_POSITION_SIZE];

    (void)state;
    event_position_format(&written, text);
    assert_string_equal(text, "11-123456789012-3-0123456789abcdef");
    assert_true(event_position_parse(text, &read, NULL));
    assert_true(read.partition == written.partition && read.offset == written.offset && read.index == written.index);
    assert_string_equal(read.hash, written.hash);
}

static void a_position_may_be_written_by_hand(void **state)
{
    struct event_position read;

    (void)state;
    assert_true(event_position_parse("0-0", &read, NULL));
    assert_true(read.partition == 0 && read.offset == 0 && read.index == INT_MAX && read.hash[0] == '\0');
    assert_true(event_position_parse("4-1207-2", &read, NULL));
    assert_true(read.partition == 4 && read.offset == 1207 && read.index == 2 && read.hash[0] == '\0');
}

static void other_texts_are_no_positions(void **state)
{
    static const char *const texts[] = {
        "",
        "-",
        "0",
        "0-",
        "-1-0",
        "0--1",
        "+0-1",
        "01-2",
        "0-01",
        "0-1-",
        "0-1-2-",
        "0-1-2-0123456789abcde",
        "0-1-2-0123456789abcdef0",
        "0-1-2-0123456789ABCDEF",
        "0-1-x",
        "0-1 ",
        " 0-1",
        "0-1-2-3-4",
        "128-0",
        "0-1234567890123456789",
        "0-99999999999999999999999999",
        "0-1-2147483647",
        "0-1-99999999999",
        "a-b",
        "0/1",
        "0-1\n",
        "0-1-2-0123456789abcde\xc3",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct event_position read = { .partition = 77 };
        struct error err = { 0 };

        if (event_position_parse(texts[i], &read, &err))
            fail_msg("taken: %s", texts[i]);
        assert_int_equal(err.code, ERROR_INPUT);
        assert_int_equal(read.partition, 77);
    }
}

static void an_event_is_framed_as_server_sent_events_are(void **state)
{
    const struct event_position position = { .partition = 1, .offset = 2, .index = 0, .hash = "00000000000000ff" };
    struct text text = { 0 };

    (void)state;
    sse_event_add(&text, &position, &(struct sse_event){ "a.b.v1", "{\"x\":1}", 6, 7 });
    assert_string_equal(text.bytes, "id: 1-2-0-00000000000000ff\nevent: a.b.v1\ndata: {\"x\":1}\n\n");
    text_release(&text);
}

/* --- Records --- */

#define PREV "0000000000000000000000000000000000000000000000000000000000000000"

static void a_record_is_looked_at_as_it_stands(void **state)
{
    static const char bytes[] =
        "{\"cause\":[3,\"a\\\"prev\\\":\\\"b\"],\"prev\":\"" PREV
        "\",\"time\":5,\"outcome\":{\"status\":202,\"body\":{\"events\":[{\"a\":[1,{}]}],\"t\":true}},\"to\":[],"
        "\"events\":[{\"type\":\"t.one\",\"subject\":\"s\\u00e4\",\"data\":{\"subject\":\"no\",\"x\":\"]}\\\\\"}},"
        "{\"data\":{},\"subject\":\"two\",\"type\":\"t.two\"}]}";
    struct record_view view = { 0 };

    (void)state;
    assert_true(record_view_read(&view, bytes, strlen(bytes)));
    assert_string_equal(view.prev, PREV);
    assert_int_equal(view.count, 2);
    assert_memory_equal(view.events[0].type.bytes, "t.one", view.events[0].type.size);
    assert_int_equal(view.events[0].subject.size, 7);
    assert_memory_equal(view.events[0].json.bytes, "{\"type\":\"t.one\"", 15);
    assert_memory_equal(view.events[0].json.bytes + view.events[0].json.size - 4, "\\\"}}", 4);
    assert_memory_equal(view.events[1].subject.bytes, "two", 3);
    record_view_release(&view);
}

/* Every beginning of a record, and the record with any byte exchanged, is read or refused within its bounds. */
static void what_is_no_record_is_refused_and_never_read_past(void **state)
{
    static const char whole[] = "{\"cause\":[3,\"x\"],\"prev\":\"" PREV
                                "\",\"events\":[{\"type\":\"t\",\"subject\":\"s\",\"data\":{\"a\":[1,\"\\\"\"]}}]}";
    static const char others[] = "\"\\{}[],:\n\0 x";
    struct record_view view = { 0 };
    const size_t size = strlen(whole);

    (void)state;
    for (size_t i = 0; i < size; i++) {
        char *part = malloc(i + 1), *changed = malloc(size);

        memcpy(part, whole, i); /* exact sizes, for the sanitizer */
        part = realloc(part, i > 0 ? i : 1);
        assert_false(record_view_read(&view, part, i));
        for (size_t j = 0; j < sizeof others - 1; j++) {
            memcpy(changed, whole, size);
            changed[i] = others[j];
            if (record_view_read(&view, changed, size))
                for (size_t k = 0; k < view.count; k++)
                    assert_null(memchr(view.events[k].json.bytes, '\n', view.events[k].json.size));
        }
        free(part);
        free(changed);
    }
    assert_false(record_view_read(&view, NULL, 0));
    assert_true(record_view_read(&view, whole, size));
    record_view_release(&view);
}

/* --- A log, and streams of it --- */

enum { LOG_MAX = 4000, STREAMS_MAX = 24, ORCHESTRATIONS = 5, PARTITION = 3 };

struct entry {
    char *bytes;
    char hash[SHA256_HEX_SIZE];
    bool is_void;
    int events; /* of which event i is of orchestration (first + i) % ORCHESTRATIONS */
    int first;
};

struct reader_of { /* one stream as its client sees it */
    struct world *world;
    struct feed_stream *stream; /* NULL: none */
    int orchestration;
    bool is_admitted, was_refused;
    int status;
    int64_t offset; /* what it saw last */
    int index;
    int room; /* how many more it takes before it is full; -1: any number */
    bool is_full;
    size_t got;
};

struct world {
    struct feed *feed;
    struct entry log[LOG_MAX];
    int64_t size;                  /* of the log */
    int64_t first[ORCHESTRATIONS]; /* offset of the acceptance */
    struct reader_of readers[STREAMS_MAX];
    size_t skipped;
    unsigned seed;
    int64_t now_ms;
};

static unsigned draw(struct world *world, unsigned below)
{
    world->seed = world->seed * 1103515245u + 12345u;
    return (world->seed >> 16) % below;
}

static void append(struct world *world, int first, int events, bool is_void)
{
    struct entry *entry = &world->log[world->size];
    const char *prev = PREV;
    struct text text = { 0 };

    for (int64_t i = world->size - 1; i >= 0; i--) {
        if (world->log[i].is_void)
            continue;
        prev = world->log[i].hash;
        break;
    }
    if (is_void)
        prev = "1111111111111111111111111111111111111111111111111111111111111111";
    text_add(&text, "{\"cause\":[");
    text_add_integer(&text, world->size);
    text_add(&text, ",\"c\"],\"prev\":\"");
    text_add(&text, prev);
    text_add(&text, "\",\"events\":[");
    for (int i = 0; i < events; i++) {
        const char subject[] = { 'o', (char)('0' + (first + i) % ORCHESTRATIONS), '\0' };

        text_add(&text, i > 0 ? ",{\"type\":\"t\",\"subject\":" : "{\"type\":\"t\",\"subject\":");
        text_add_string(&text, subject);
        text_add(&text, ",\"data\":{}}");
    }
    text_add(&text, "]}");
    *entry = (struct entry){ .bytes = text.bytes, .is_void = is_void, .events = events, .first = first };
    sha256_hex(text.bytes, text.size, entry->hash);
    world->size++;
}

static void on_admitted(void *context)
{
    struct reader_of *reader = context;

    assert_false(reader->is_admitted);
    reader->is_admitted = true;
}

/* The next event of the orchestration after a position; false: the log has none yet. */
static bool next_of(const struct world *world, int orchestration, int64_t *offset, int *index)
{
    int i = *index == INT_MAX ? INT_MAX : *index + 1;

    for (int64_t at = *offset < 0 ? 0 : *offset; at < world->size; at++, i = 0) {
        const struct entry *entry = &world->log[at];

        for (; !entry->is_void && i < entry->events; i++) {
            if ((entry->first + i) % ORCHESTRATIONS != orchestration)
                continue;
            *offset = at;
            *index = i;
            return true;
        }
    }
    return false;
}

/* Each event comes once, in order, framed with its position. */
static bool on_deliver(void *context, const char *bytes, size_t size)
{
    struct reader_of *reader = context;
    struct event_position position;
    char id[EVENT_POSITION_SIZE];

    (void)size;
    assert_true(reader->is_admitted);
    assert_int_equal(sscanf(bytes, "id: %63s\n", id), 1);
    assert_true(event_position_parse(id, &position, NULL));
    if (!next_of(reader->world, reader->orchestration, &reader->offset, &reader->index))
        fail_msg("an event too many: %s", id);
    assert_int_equal(position.partition, PARTITION);
    assert_int_equal(position.offset, reader->offset);
    assert_int_equal(position.index, reader->index);
    assert_memory_equal(position.hash, reader->world->log[position.offset].hash, POSITION_HASH_SIZE - 1);
    reader->got++;
    if (reader->room > 0)
        reader->room--;
    reader->is_full = reader->is_full || reader->room == 0;
    return !reader->is_full;
}

static void on_refused(void *context, int status, const char *why)
{
    struct reader_of *reader = context;

    assert_non_null(why);
    reader->stream = NULL;
    reader->was_refused = true;
    reader->status = status;
}

static void on_skipped(void *context, int64_t offset)
{
    struct world *world = context;

    assert_true(world->log[offset].is_void);
    world->skipped++;
}

static struct world *world_new(unsigned seed)
{
    struct world *world = calloc(1, sizeof *world);
    const struct feed_hooks hooks = {
        .admitted = on_admitted, .deliver = on_deliver, .refused = on_refused, .skipped = on_skipped, .context = world
    };

    assert_non_null(world);
    world->seed = seed;
    world->feed = feed_new(PARTITION, &hooks);
    for (int i = 0; i < ORCHESTRATIONS; i++) {
        world->first[i] = world->size;
        append(world, i, 1, false);
        append(world, i, 3, true);
    }
    return world;
}

static void world_free(struct world *world)
{
    feed_free(world->feed);
    for (int64_t i = 0; i < world->size; i++)
        free(world->log[i].bytes);
    free(world);
}

/* A stream from the beginning, or after the position that its client has (offset -1: nothing). */
static struct reader_of *join_at(struct world *world, size_t number, int orchestration, struct event_position after)
{
    struct reader_of *reader = &world->readers[number];
    const char id[] = { 'o', (char)('0' + orchestration), '\0' };

    assert_null(reader->stream);
    *reader = (struct reader_of){
        .world = world, .orchestration = orchestration, .offset = after.offset, .index = after.index, .room = -1
    };
    if (after.offset < 0) {
        reader->offset = 0;
        reader->index = -1;
    }
    reader->stream = feed_join(world->feed,
                               &(struct feed_start){ .orchestration_id = id,
                                                     .accepted_offset = world->first[orchestration],
                                                     .after = after },
                               reader, world->now_ms);
    return reader;
}

static const struct event_position from_the_beginning = { .partition = PARTITION, .offset = -1 };

/* One step of a reader; false: it has nothing to do. */
static bool step(struct world *world, enum feed_reader which)
{
    const int64_t offset = feed_wants(world->feed, which);

    if (offset < 0 || !feed_may_read(world->feed, which))
        return false;
    if (offset > world->size)
        feed_broken(world->feed, which, world->now_ms);
    else if (offset == world->size)
        feed_end(world->feed, which, offset, world->now_ms);
    else
        feed_record(world->feed, which, offset, world->log[offset].bytes, strlen(world->log[offset].bytes),
                    world->now_ms);
    return !(which == FEED_LIVE && offset == world->size);
}

static void leave(struct world *world, struct reader_of *reader)
{
    if (reader->stream != NULL)
        feed_leave(world->feed, reader->stream, world->now_ms);
    reader->stream = NULL;
}

static void make_room(struct world *world, struct reader_of *reader, int room)
{
    reader->room = room;
    reader->is_full = false;
    if (reader->stream != NULL)
        feed_has_room(world->feed, reader->stream, world->now_ms);
}

/* Until both readers have nothing to do, though everybody has room. */
static void settle(struct world *world)
{
    for (size_t i = 0; i < STREAMS_MAX; i++)
        make_room(world, &world->readers[i], -1);
    for (int i = 0; i < 200 * LOG_MAX; i++) {
        world->now_ms++;
        if (!step(world, FEED_BEHIND) && !step(world, FEED_LIVE))
            return;
    }
    fail_msg("the readers never rest");
}

static void then_all_is_read(const struct world *world)
{
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        const struct reader_of *reader = &world->readers[i];
        int64_t offset = reader->offset;
        int index = reader->index;

        if (reader->stream != NULL && next_of(world, reader->orchestration, &offset, &index))
            fail_msg("stream %zu has not got %lld-%d", i, (long long)offset, index);
    }
    assert_int_equal(feed_wants(world->feed, FEED_BEHIND), -1);
}

static void grow(struct world *world, int records)
{
    for (int i = 0; i < records && world->size < LOG_MAX; i++)
        append(world, (int)draw(world, ORCHESTRATIONS), (int)draw(world, 4), draw(world, 8) == 0);
}

/* --- What streams get --- */

static void a_stream_gets_all_from_the_acceptance_on_and_then_what_happens(void **state)
{
    struct world *world = world_new(1);
    struct reader_of *reader;

    (void)state;
    grow(world, 100);
    reader = join_at(world, 0, 2, from_the_beginning);
    settle(world);
    then_all_is_read(world);
    assert_true(reader->is_admitted && reader->got > 10);
    assert_int_equal(feed_wants(world->feed, FEED_LIVE), world->size);
    grow(world, 50);
    settle(world);
    then_all_is_read(world);
    leave(world, reader);
    assert_int_equal(feed_wants(world->feed, FEED_LIVE), -1);
    world_free(world);
}

static void a_stream_goes_on_after_each_event_with_exactly_the_rest(void **state)
{
    struct world *world = world_new(2);
    int64_t offset = 0;
    int index = -1;

    (void)state;
    grow(world, 60);
    while (next_of(world, 1, &offset, &index)) {
        for (int form = 0; form < 2; form++) {
            struct event_position after = { .partition = PARTITION, .offset = offset, .index = index };
            struct reader_of *reader;

            if (form == 0)
                memcpy(after.hash, world->log[offset].hash, POSITION_HASH_SIZE - 1);
            reader = join_at(world, 0, 1, after);
            settle(world);
            assert_true(reader->is_admitted);
            then_all_is_read(world);
            leave(world, reader);
        }
    }
    world_free(world);
}

static void positions_that_are_none_are_refused(void **state)
{
    struct world *world = world_new(3);
    struct event_position after = { .partition = PARTITION, .offset = 0 };
    struct reader_of *reader;
    int64_t offset = 0;
    int index = -1;

    (void)state;
    grow(world, 60);
    assert_true(next_of(world, 0, &offset, &index));
    memcpy(after.hash, world->log[1].hash, POSITION_HASH_SIZE - 1);
    reader = join_at(world, 0, 0, after);
    settle(world);
    assert_true(reader->was_refused && reader->status == 400 && !reader->is_admitted); /* another record stands there */
    after.index = 1;
    memcpy(after.hash, world->log[0].hash, POSITION_HASH_SIZE - 1);
    reader = join_at(world, 0, 0, after);
    settle(world);
    assert_true(reader->was_refused && reader->status == 400); /* the record has no such event */
    after = (struct event_position){ .partition = PARTITION, .offset = 1, .index = 0 };
    reader = join_at(world, 0, 0, after); /* a void record */
    join_at(world, 1, 0, from_the_beginning);
    settle(world);
    assert_true(reader->was_refused && reader->status == 400);
    then_all_is_read(world); /* whatever a client names, the others get theirs */
    for (int form = 0; form < 2; form++) {
        for (int64_t past = 0; past < 3; past++) {
            after = (struct event_position){ .partition = PARTITION, .offset = world->size + past, .index = 0 };
            if (form == 0)
                memcpy(after.hash, world->log[1].hash, POSITION_HASH_SIZE - 1);
            reader = join_at(world, 2, 1, after);
            settle(world);
            assert_true(reader->was_refused && reader->status == 400 && !reader->is_admitted);
        }
    }
    world_free(world);
}

static void an_acceptance_that_is_none_is_an_error(void **state)
{
    struct world *world = world_new(4);
    struct reader_of *reader;

    (void)state;
    world->first[0] = 2; /* that of another */
    reader = join_at(world, 0, 0, from_the_beginning);
    settle(world);
    assert_true(reader->was_refused && reader->status == 500);
    world_free(world);
}

static void a_stream_without_room_is_left_behind_and_the_others_go_on(void **state)
{
    struct world *world = world_new(5);
    struct reader_of *slow, *fast;

    (void)state;
    grow(world, 400);
    slow = join_at(world, 0, 1, from_the_beginning);
    fast = join_at(world, 1, 1, from_the_beginning);
    slow->room = 3;
    while (step(world, FEED_BEHIND))
        ;
    assert_true(slow->is_full && !feed_may_read(world->feed, FEED_BEHIND)); /* nobody is ahead yet */
    world->now_ms += FEED_GRACE_MS;
    feed_tick(world->feed, world->now_ms);
    while (step(world, FEED_BEHIND) || step(world, FEED_LIVE))
        world->now_ms++;
    assert_true(fast->got > 20 && slow->got < 6);
    grow(world, 20);
    settle(world);
    then_all_is_read(world);
    assert_int_equal(slow->got, fast->got);
    world_free(world);
}

static void a_live_stream_without_room_comes_back_where_it_was(void **state)
{
    struct world *world = world_new(6);
    struct reader_of *slow, *fast;

    (void)state;
    slow = join_at(world, 0, 1, from_the_beginning);
    fast = join_at(world, 1, 1, from_the_beginning);
    settle(world);
    slow->room = 1;
    grow(world, 100);
    while (step(world, FEED_BEHIND) || step(world, FEED_LIVE))
        ;
    assert_true(fast->got > slow->got + 10);
    assert_int_equal(feed_wants(world->feed, FEED_BEHIND), -1);
    settle(world);
    then_all_is_read(world);
    assert_int_equal(slow->got, fast->got);
    world_free(world);
}

static void a_newcomer_gets_its_turn_before_a_long_one_ends(void **state)
{
    struct world *world = world_new(7);
    struct reader_of *newcomer;

    (void)state;
    grow(world, 3000);
    join_at(world, 0, 1, from_the_beginning);
    for (int i = 0; i < 500; i++)
        assert_true(step(world, FEED_BEHIND));
    newcomer = join_at(world, 1, 2, from_the_beginning);
    world->now_ms += FEED_TURN_MS;
    for (int i = 0; i < 10; i++)
        assert_true(step(world, FEED_BEHIND));
    assert_true(newcomer->is_admitted);
    settle(world);
    then_all_is_read(world);
    world_free(world);
}

/* --- All of it at random --- */

static void random_step(struct world *world)
{
    struct reader_of *reader = &world->readers[draw(world, STREAMS_MAX)];

    world->now_ms += draw(world, 40);
    switch (draw(world, 12)) {
    case 0: grow(world, (int)draw(world, 4)); break;
    case 1:
        if (reader->stream == NULL && !reader->is_admitted) {
            join_at(world, (size_t)(reader - world->readers), (int)draw(world, ORCHESTRATIONS), from_the_beginning);
        } else if (reader->stream == NULL) { /* comes back, with or without the hash */
            struct event_position after = { .partition = PARTITION, .offset = reader->offset, .index = reader->index };

            if (reader->got == 0)
                after = from_the_beginning;
            else if (draw(world, 2) == 0)
                memcpy(after.hash, world->log[after.offset].hash, POSITION_HASH_SIZE - 1);
            join_at(world, (size_t)(reader - world->readers), reader->orchestration, after);
        }
        break;
    case 2: leave(world, reader); break;
    case 3: reader->room = reader->is_full ? 0 : (int)draw(world, 6) + 1; break;
    case 4: make_room(world, reader, draw(world, 2) == 0 ? -1 : 2); break;
    case 5:
        feed_tick(world->feed, world->now_ms);
        if (world->size > 3) { /* what was read ahead of another place */
            const int64_t offset = draw(world, (unsigned)world->size);

            if (offset != feed_wants(world->feed, FEED_BEHIND))
                feed_record(world->feed, FEED_BEHIND, offset, world->log[offset].bytes,
                            strlen(world->log[offset].bytes), world->now_ms);
        }
        break;
    case 6:
    case 7:
        for (unsigned i = draw(world, 30); i > 0; i--)
            step(world, FEED_LIVE);
        break;
    default:
        for (unsigned i = draw(world, 60); i > 0; i--)
            step(world, FEED_BEHIND);
    }
}

static void whatever_happens_each_stream_gets_each_event_once_in_order(void **state)
{
    const char *given = getenv("TIDEGATE_SEED");
    const unsigned from = given != NULL ? (unsigned)strtoul(given, NULL, 10) : 1, runs = given != NULL ? 1 : 300;

    (void)state;
    for (unsigned seed = from; seed < from + runs; seed++) {
        struct world *world = world_new(seed * 2654435761u);

        grow(world, (int)draw(world, 600));
        for (int i = 0; i < 800; i++)
            random_step(world);
        settle(world);
        then_all_is_read(world);
        for (size_t i = 0; i < STREAMS_MAX; i++)
            if (world->readers[i].was_refused)
                fail_msg("seed %u: stream %zu was refused with %d", seed, i, world->readers[i].status);
        world_free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_position_is_read_as_it_was_written),
        cmocka_unit_test(a_position_may_be_written_by_hand),
        cmocka_unit_test(other_texts_are_no_positions),
        cmocka_unit_test(an_event_is_framed_as_server_sent_events_are),
        cmocka_unit_test(a_record_is_looked_at_as_it_stands),
        cmocka_unit_test(what_is_no_record_is_refused_and_never_read_past),
        cmocka_unit_test(a_stream_gets_all_from_the_acceptance_on_and_then_what_happens),
        cmocka_unit_test(a_stream_goes_on_after_each_event_with_exactly_the_rest),
        cmocka_unit_test(positions_that_are_none_are_refused),
        cmocka_unit_test(an_acceptance_that_is_none_is_an_error),
        cmocka_unit_test(a_stream_without_room_is_left_behind_and_the_others_go_on),
        cmocka_unit_test(a_live_stream_without_room_comes_back_where_it_was),
        cmocka_unit_test(a_newcomer_gets_its_turn_before_a_long_one_ends),
        cmocka_unit_test(whatever_happens_each_stream_gets_each_event_once_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
