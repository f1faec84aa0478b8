#include "services/api-gateway/events_feed.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "common/base/id.h"
#include "services/api-gateway/events_record.h"

/* The streams of one orchestration: found by the subject of an event. */
struct group {
    struct feed_stream *streams;
    UT_hash_handle hh;
    char id[];
};

enum place { PLACE_WAITING, PLACE_ABOARD, PLACE_LIVE, PLACE_COUNT };

struct feed_stream {
    void *context;
    struct group *group;
    enum place place;
    /* Of one that waits: the next record, and the hash of the accepted one before it; "": that one starts the chain. */
    int64_t next;
    char hash[SHA256_HEX_SIZE];
    struct event_position after; /* what is at or before it, the client has; offset -1: nothing */
    int64_t proof;               /* the record whose look admits the stream */
    bool is_admitted, is_full;
    int64_t since_ms; /* when it began to wait, or became full while aboard */
    struct feed_stream *prev, *next_of_all, *prev_of_group, *next_of_group;
};

struct cursor {
    int64_t next; /* -1: not reading */
    char hash[SHA256_HEX_SIZE];
};

struct feed {
    int partition;
    struct feed_hooks hooks;
    struct group *groups;
    struct feed_stream *streams; /* in the order of joining */
    size_t count, in_place[PLACE_COUNT];
    size_t full[PLACE_COUNT], unadmitted_aboard;
    struct cursor cursors[FEED_READERS];
    int64_t turn_ms;             /* when the turn began */
    int64_t meets[FEED_READERS]; /* no stream that waits can go on with that reader before this offset */
    struct record_view view;
    struct text frame;
};

struct feed *feed_new(int partition, const struct feed_hooks *hooks)
{
    struct feed *feed = calloc(1, sizeof *feed);

    if (feed == NULL)
        abort();
    feed->partition = partition;
    feed->hooks = *hooks;
    feed->cursors[FEED_LIVE].next = feed->cursors[FEED_BEHIND].next = -1;
    return feed;
}

/* --- Streams and their places --- */

static void place_count(struct feed *feed, const struct feed_stream *stream, int change)
{
    const size_t by = (size_t)change; /* -1 wraps around, and back */

    feed->in_place[stream->place] += by;
    if (stream->is_full)
        feed->full[stream->place] += by;
    if (stream->place == PLACE_ABOARD && !stream->is_admitted)
        feed->unadmitted_aboard += by;
}

/* Something waits that may be met anywhere. */
static void meet_anew(struct feed *feed)
{
    feed->meets[FEED_LIVE] = feed->meets[FEED_BEHIND] = 0;
}

static void place_set(struct feed *feed, struct feed_stream *stream, enum place place)
{
    place_count(feed, stream, -1);
    stream->place = place;
    place_count(feed, stream, 1);
}

static void full_set(struct feed *feed, struct feed_stream *stream, bool is_full)
{
    place_count(feed, stream, -1);
    stream->is_full = is_full;
    place_count(feed, stream, 1);
}

static void stream_wait(struct feed *feed, struct feed_stream *stream, const struct cursor *at, int64_t now_ms)
{
    place_set(feed, stream, PLACE_WAITING);
    stream->next = at->next;
    memcpy(stream->hash, at->hash, sizeof stream->hash);
    stream->since_ms = now_ms;
    meet_anew(feed);
}

static struct group *group_of(struct feed *feed, const char *id)
{
    const size_t size = strlen(id);
    struct group *group;

    HASH_FIND(hh, feed->groups, id, size, group);
    if (group != NULL)
        return group;
    group = calloc(1, sizeof *group + size + 1);
    if (group == NULL)
        abort();
    memcpy(group->id, id, size);
    HASH_ADD(hh, feed->groups, id[0], (unsigned)size, group);
    return group;
}

static void stream_remove(struct feed *feed, struct feed_stream *stream)
{
    struct group *group = stream->group;

    place_count(feed, stream, -1);
    DL_DELETE2(feed->streams, stream, prev, next_of_all);
    DL_DELETE2(group->streams, stream, prev_of_group, next_of_group);
    if (group->streams == NULL) {
        HASH_DEL(feed->groups, group);
        free(group);
    }
    feed->count--;
    free(stream);
}

static void stream_refuse(struct feed *feed, struct feed_stream *stream, int status, const char *why)
{
    void *context = stream->context;

    stream_remove(feed, stream);
    feed->hooks.refused(context, status, why);
}

static const char past_the_end[] =
    "Last-Event-ID: that is past the end of the log; leave it out to read from the beginning";

/* Those aboard whose proof did not come. */
static void refuse_unadmitted(struct feed *feed, const char *why)
{
    struct feed_stream *stream, *following;

    DL_FOREACH_SAFE2(feed->streams, stream, following, next_of_all)
    {
        if (stream->place == PLACE_ABOARD && !stream->is_admitted)
            stream_refuse(feed, stream, stream->after.offset < 0 ? 500 : 400, why);
    }
}

void feed_free(struct feed *feed)
{
    if (feed == NULL)
        return;
    while (feed->streams != NULL)
        stream_remove(feed, feed->streams);
    record_view_release(&feed->view);
    text_release(&feed->frame);
    free(feed);
}

size_t feed_count(const struct feed *feed)
{
    return feed->count;
}

/* --- Turns of the reader behind --- */

static bool is_live(const struct feed *feed)
{
    return feed->cursors[FEED_LIVE].next >= 0;
}

/* Is it for the reader behind? What the live reader will come to by itself is not, once its place in the chain is known. */
static bool wants_turn(const struct feed *feed, const struct feed_stream *stream)
{
    return stream->place == PLACE_WAITING && !stream->is_full &&
           !(is_live(feed) && stream->hash[0] != '\0' && stream->next >= feed->cursors[FEED_LIVE].next);
}

static struct feed_stream *longest_waiting(const struct feed *feed)
{
    struct feed_stream *stream, *found = NULL;

    if (feed->in_place[PLACE_WAITING] == 0)
        return NULL;
    DL_FOREACH2(feed->streams, stream, next_of_all)
    {
        if (wants_turn(feed, stream) && (found == NULL || stream->since_ms < found->since_ms))
            found = stream;
    }
    return found;
}

/* Whoever is at the live reader's place gets its events from now on. */
static void join_live(struct feed *feed)
{
    const struct cursor *live = &feed->cursors[FEED_LIVE];
    struct feed_stream *stream, *following;

    if (!is_live(feed) || feed->in_place[PLACE_WAITING] == 0 || live->next < feed->meets[FEED_LIVE])
        return;
    feed->meets[FEED_LIVE] = INT64_MAX;
    DL_FOREACH_SAFE2(feed->streams, stream, following, next_of_all)
    {
        if (stream->place != PLACE_WAITING || stream->is_full || stream->hash[0] == '\0')
            continue;
        if (stream->next > live->next && stream->next < feed->meets[FEED_LIVE])
            feed->meets[FEED_LIVE] = stream->next;
        if (stream->next != live->next)
            continue;
        if (strcmp(stream->hash, live->hash) == 0)
            place_set(feed, stream, PLACE_LIVE);
        else
            stream_refuse(feed, stream, 500, "the log has two histories; see the log of the gateway");
    }
}

static void all_wait(struct feed *feed, int64_t now_ms)
{
    struct feed_stream *stream;

    if (feed->in_place[PLACE_ABOARD] == 0)
        return;
    DL_FOREACH2(feed->streams, stream, next_of_all)
    {
        if (stream->place == PLACE_ABOARD)
            stream_wait(feed, stream, &feed->cursors[FEED_BEHIND], now_ms);
    }
}

/* Goes on with the turn, or begins one. */
static void choose(struct feed *feed, int64_t now_ms)
{
    struct cursor *behind = &feed->cursors[FEED_BEHIND];
    struct feed_stream *stream;

    if (feed->count == 0)
        feed->cursors[FEED_LIVE].next = -1;
    if (feed->in_place[PLACE_ABOARD] > 0)
        return;
    stream = longest_waiting(feed);
    if (stream == NULL) {
        behind->next = -1;
        return;
    }
    if (behind->next != stream->next)
        feed->turn_ms = now_ms;
    feed->meets[FEED_BEHIND] = 0;
    behind->next = stream->next;
    memcpy(behind->hash, stream->hash, sizeof behind->hash);
}

/* Ends the turn where the readers meet, or when it is somebody else's. */
static void look_at_turn(struct feed *feed, int64_t now_ms)
{
    const struct cursor *live = &feed->cursors[FEED_LIVE], *behind = &feed->cursors[FEED_BEHIND];

    if (is_live(feed) && behind->next >= live->next) {
        refuse_unadmitted(feed, past_the_end);
        all_wait(feed, now_ms);
        join_live(feed);
    } else if (feed->in_place[PLACE_ABOARD] > 0 && now_ms - feed->turn_ms >= FEED_TURN_MS) {
        feed->turn_ms = now_ms;
        if (longest_waiting(feed) != NULL)
            all_wait(feed, now_ms);
    }
    choose(feed, now_ms);
}

/* Takes those aboard who wait for the record that comes. */
static void board(struct feed *feed)
{
    struct cursor *behind = &feed->cursors[FEED_BEHIND];
    struct feed_stream *stream;

    if (feed->in_place[PLACE_WAITING] == 0 || behind->next < feed->meets[FEED_BEHIND])
        return;
    feed->meets[FEED_BEHIND] = INT64_MAX;
    DL_FOREACH2(feed->streams, stream, next_of_all)
    {
        if (stream->place != PLACE_WAITING || stream->is_full)
            continue;
        if (stream->next > behind->next && stream->next < feed->meets[FEED_BEHIND])
            feed->meets[FEED_BEHIND] = stream->next;
        if (stream->next != behind->next)
            continue;
        if (behind->hash[0] == '\0')
            memcpy(behind->hash, stream->hash, sizeof behind->hash);
        place_set(feed, stream, PLACE_ABOARD);
    }
}

/* --- Records --- */

/* Is it the successor of the last one? Then `cursor` goes on from it. */
static bool accept(struct feed *feed, struct cursor *cursor, const char *bytes, size_t size)
{
    const int64_t offset = cursor->next++;

    if (record_view_read(&feed->view, bytes, size) &&
        (cursor->hash[0] == '\0' || strcmp(feed->view.prev, cursor->hash) == 0)) {
        sha256_hex(bytes, size, cursor->hash);
        return true;
    }
    feed->hooks.skipped(feed->hooks.context, offset);
    return false;
}

static bool is_of(const struct viewed_event *event, const struct group *group)
{
    return strlen(group->id) == event->subject.size &&
           memcmp(event->subject.bytes, group->id, event->subject.size) == 0;
}

static bool has_event(const struct feed *feed, const struct group *group, int index)
{
    if (index != INT_MAX)
        return (size_t)index < feed->view.count && is_of(&feed->view.events[index], group);
    for (size_t i = 0; i < feed->view.count; i++)
        if (is_of(&feed->view.events[i], group))
            return true;
    return false;
}

/* Why the stream cannot be admitted by the record at its proof; NULL: it can. */
static const char *objection(const struct feed *feed, const struct feed_stream *stream, bool accepted, const char *hash)
{
    const struct event_position *after = &stream->after;

    if (after->offset < 0)
        return accepted && has_event(feed, stream->group, INT_MAX)
                   ? NULL
                   : "the record that is said to have accepted the orchestration did not";
    if (accepted && after->hash[0] != '\0' && strncmp(hash, after->hash, POSITION_HASH_SIZE - 1) != 0)
        return "Last-Event-ID: the log has another record there; leave it out to read from the beginning";
    if (!accepted || !has_event(feed, stream->group, after->index))
        return "Last-Event-ID: no event of this orchestration stands there; leave it out to read from the beginning";
    return NULL;
}

/* Looks at those aboard whose proof the record at `offset` is. */
static void admit(struct feed *feed, int64_t offset, bool accepted)
{
    const char *hash = feed->cursors[FEED_BEHIND].hash;
    struct feed_stream *stream, *following;

    if (feed->unadmitted_aboard == 0)
        return;
    DL_FOREACH_SAFE2(feed->streams, stream, following, next_of_all)
    {
        const char *why;

        if (stream->place != PLACE_ABOARD || stream->is_admitted || stream->proof != offset)
            continue;
        why = objection(feed, stream, accepted, hash);
        if (why != NULL) {
            stream_refuse(feed, stream, stream->after.offset < 0 ? 500 : 400, why);
            continue;
        }
        place_count(feed, stream, -1);
        stream->is_admitted = true;
        place_count(feed, stream, 1);
        feed->hooks.admitted(stream->context);
    }
}

static void frame(struct feed *feed, const struct event_position *position, const struct viewed_event *event)
{
    feed->frame.size = 0;
    sse_event_add(&feed->frame, position,
                  &(struct sse_event){ event->type.bytes, event->json.bytes, event->type.size, event->json.size });
}

static bool is_new_to(const struct feed_stream *stream, const struct event_position *position)
{
    return position->offset > stream->after.offset ||
           (position->offset == stream->after.offset && position->index > stream->after.index);
}

static void hand_out(struct feed *feed, const struct event_position *position, const struct viewed_event *event,
                     enum place place)
{
    struct feed_stream *stream;
    struct group *group;
    bool is_framed = false;

    HASH_FIND(hh, feed->groups, event->subject.bytes, (unsigned)event->subject.size, group);
    if (group == NULL)
        return;
    DL_FOREACH2(group->streams, stream, next_of_group)
    {
        if (stream->place != place || !stream->is_admitted || !is_new_to(stream, position))
            continue;
        if (!is_framed)
            frame(feed, position, event);
        is_framed = true;
        if (!feed->hooks.deliver(stream->context, feed->frame.bytes, feed->frame.size) && !stream->is_full)
            full_set(feed, stream, true);
    }
}

static void hand_out_all(struct feed *feed, int64_t offset, const char *hash, enum place place)
{
    for (size_t i = 0; i < feed->view.count; i++) {
        struct event_position position = { .partition = feed->partition, .offset = offset, .index = (int)i };

        memcpy(position.hash, hash, POSITION_HASH_SIZE - 1);
        hand_out(feed, &position, &feed->view.events[i], place);
    }
}

/* Who was live and has no room any more waits from here on. */
static void full_ones_wait(struct feed *feed, enum place place, const struct cursor *at, int64_t full_ms,
                           int64_t now_ms)
{
    struct feed_stream *stream;

    DL_FOREACH2(feed->streams, stream, next_of_all)
    {
        if (stream->place == place && stream->is_full && stream->since_ms <= full_ms)
            stream_wait(feed, stream, at, now_ms);
    }
}

/* An orchestration's events are few in the records of a lane; most go by without a look at any stream. */
static void record_live(struct feed *feed, int64_t offset, const char *bytes, size_t size, int64_t now_ms)
{
    struct cursor *live = &feed->cursors[FEED_LIVE];

    if (accept(feed, live, bytes, size)) {
        hand_out_all(feed, offset, live->hash, PLACE_LIVE);
        if (feed->full[PLACE_LIVE] > 0)
            full_ones_wait(feed, PLACE_LIVE, live, INT64_MAX, now_ms);
    }
    join_live(feed);
}

/* The time at which somebody aboard became full, for the grace. */
static void note_full(struct feed *feed, size_t full_before, int64_t now_ms)
{
    struct feed_stream *stream;

    if (feed->full[PLACE_ABOARD] == full_before)
        return;
    DL_FOREACH2(feed->streams, stream, next_of_all)
    {
        if (stream->place == PLACE_ABOARD && stream->is_full)
            stream->since_ms = now_ms;
    }
}

static void record_behind(struct feed *feed, int64_t offset, const char *bytes, size_t size, int64_t now_ms)
{
    struct cursor *behind = &feed->cursors[FEED_BEHIND];
    const size_t full_before = feed->full[PLACE_ABOARD];
    bool accepted;

    board(feed);
    accepted = accept(feed, behind, bytes, size);
    if (!accepted && behind->hash[0] == '\0')
        refuse_unadmitted(feed, "the log cannot be read there");
    admit(feed, offset, accepted);
    if (accepted)
        hand_out_all(feed, offset, behind->hash, PLACE_ABOARD);
    note_full(feed, full_before, now_ms);
}

void feed_record(struct feed *feed, enum feed_reader reader, int64_t offset, const char *bytes, size_t size,
                 int64_t now_ms)
{
    if (offset != feed->cursors[reader].next)
        return;
    if (reader == FEED_LIVE)
        record_live(feed, offset, bytes, size, now_ms);
    else
        record_behind(feed, offset, bytes, size, now_ms);
    look_at_turn(feed, now_ms);
}

/* --- Ends --- */

/* The live reader begins where the one behind found the end: nothing is between them. */
void feed_end(struct feed *feed, enum feed_reader reader, int64_t offset, int64_t now_ms)
{
    struct cursor *live = &feed->cursors[FEED_LIVE], *behind = &feed->cursors[FEED_BEHIND];

    if (reader == FEED_LIVE || offset != behind->next)
        return;
    board(feed);
    if (is_live(feed) && live->next > offset)
        return; /* it saw an end that is none any more */
    refuse_unadmitted(feed, past_the_end);
    if (!is_live(feed) && feed->in_place[PLACE_ABOARD] > 0)
        *live = *behind;
    all_wait(feed, now_ms);
    join_live(feed);
    choose(feed, now_ms);
}

void feed_broken(struct feed *feed, enum feed_reader reader, int64_t now_ms)
{
    struct cursor *cursor = &feed->cursors[reader];
    struct feed_stream *stream, *following;

    if (cursor->next < 0)
        return;
    if (reader == FEED_BEHIND)
        board(feed);
    DL_FOREACH_SAFE2(feed->streams, stream, following, next_of_all)
    {
        if (stream->place == (reader == FEED_LIVE ? PLACE_LIVE : PLACE_ABOARD))
            stream_refuse(feed, stream, stream->after.offset < 0 ? 500 : 400,
                          stream->after.offset < 0
                              ? "the log does not reach to the orchestration's acceptance"
                              : "Last-Event-ID: the log does not reach there; leave it out to read from the beginning");
    }
    cursor->next = -1;
    choose(feed, now_ms);
}

/* --- Coming and going --- */

struct feed_stream *feed_join(struct feed *feed, const struct feed_start *start, void *context, int64_t now_ms)
{
    struct feed_stream *stream = calloc(1, sizeof *stream);
    const bool by_hash = start->after.offset >= 0 && start->after.hash[0] != '\0';

    if (stream == NULL)
        abort();
    stream->context = context;
    stream->after = start->after;
    stream->next = by_hash ? start->after.offset : start->accepted_offset;
    stream->proof = start->after.offset >= 0 ? start->after.offset : start->accepted_offset;
    stream->since_ms = now_ms;
    stream->group = group_of(feed, start->orchestration_id);
    DL_APPEND2(stream->group->streams, stream, prev_of_group, next_of_group);
    DL_APPEND2(feed->streams, stream, prev, next_of_all);
    feed->count++;
    place_count(feed, stream, 1);
    meet_anew(feed);
    choose(feed, now_ms);
    return stream;
}

void feed_leave(struct feed *feed, struct feed_stream *stream, int64_t now_ms)
{
    stream_remove(feed, stream);
    choose(feed, now_ms);
}

void feed_has_room(struct feed *feed, struct feed_stream *stream, int64_t now_ms)
{
    if (!stream->is_full)
        return;
    full_set(feed, stream, false);
    meet_anew(feed);
    join_live(feed);
    choose(feed, now_ms);
}

void feed_tick(struct feed *feed, int64_t now_ms)
{
    if (feed->full[PLACE_ABOARD] > 0)
        full_ones_wait(feed, PLACE_ABOARD, &feed->cursors[FEED_BEHIND], now_ms - FEED_GRACE_MS, now_ms);
    look_at_turn(feed, now_ms);
}

int64_t feed_wants(const struct feed *feed, enum feed_reader reader)
{
    return feed->cursors[reader].next;
}

bool feed_may_read(const struct feed *feed, enum feed_reader reader)
{
    return feed->cursors[reader].next >= 0 && (reader == FEED_LIVE || feed->full[PLACE_ABOARD] == 0);
}
