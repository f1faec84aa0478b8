#include "services/broker/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/timestamp.h"

enum { MILLISECOND_US = 1000 };

struct block {
    int64_t first_us; /* when the instance at its first place was created */
    uint32_t listed, shown;
};

struct places {
    struct block *blocks;
    uint32_t block_count, block_size; /* in use, allocated */
    uint32_t next;                    /* position */
    int64_t newest_us;                /* creation time of the last place that was taken */
};

struct places *places_new(void)
{
    struct places *places = calloc(1, sizeof *places);

    if (places == NULL)
        abort();
    places->newest_us = INT64_MIN;
    return places;
}

void places_free(struct places *places)
{
    if (places == NULL)
        return;
    free(places->blocks);
    free(places);
}

/* The block with this number; made, with those before it, if it is not there. */
static struct block *block_at(struct places *places, uint32_t number)
{
    if (number >= places->block_size) {
        places->block_size = number < 32 ? 64 : number * 2;
        places->blocks = realloc(places->blocks, places->block_size * sizeof *places->blocks);
        if (places->blocks == NULL)
            abort();
    }
    for (; places->block_count <= number; places->block_count++)
        places->blocks[places->block_count] = (struct block){ 0 };
    return &places->blocks[number];
}

struct place places_take(struct places *places, int64_t now_ms)
{
    struct place place = { .position = places->next, .created_us = now_ms * MILLISECOND_US };

    if (place.created_us <= places->newest_us)
        place.created_us = places->newest_us + 1;
    places_restore(places, place);
    if (place.position % BLOCK_SIZE == 0)
        block_at(places, place.position / BLOCK_SIZE)->first_us = place.created_us;
    return place;
}

void places_restore(struct places *places, struct place place)
{
    if (place.position >= places->next)
        places->next = place.position + 1;
    if (place.created_us > places->newest_us)
        places->newest_us = place.created_us;
}

static void count(uint32_t *of, bool was, bool is)
{
    if (is && !was)
        (*of)++;
    if (was && !is && *of > 0)
        (*of)--;
}

void places_count(struct places *places, uint32_t position, struct listing was, struct listing is)
{
    struct block *block = block_at(places, position / BLOCK_SIZE);

    count(&block->listed, was.listed, is.listed);
    count(&block->shown, was.shown, is.shown);
}

/* --- Rows --- */

void block_id(uint32_t position, char id[BLOCK_ID_SIZE])
{
    snprintf(id, BLOCK_ID_SIZE, "%u", (unsigned)(position / BLOCK_SIZE));
}

json_t *block_row(const struct places *places, const char *id)
{
    json_int_t number = strtoll(id, NULL, 10);
    const struct block *block;
    char first[TIMESTAMP_SIZE];

    if (number < 0 || number >= places->block_count)
        return NULL;
    block = &places->blocks[number];
    timestamp_format_us(block->first_us, first);
    return json_pack("{s:I, s:s, s:I, s:I}", "first_position", number * BLOCK_SIZE, "first_created_at", first, "listed",
                     (json_int_t)block->listed, "shown", (json_int_t)block->shown);
}

static uint32_t count_of(const json_t *row, const char *name)
{
    return (uint32_t)json_integer_value(json_object_get(row, name));
}

void block_load(struct places *places, const json_t *row)
{
    struct block *block = block_at(places, count_of(row, "first_position") / BLOCK_SIZE);
    const char *first = json_string_value(json_object_get(row, "first_created_at"));

    if (first != NULL)
        timestamp_parse_us(first, &block->first_us);
    block->listed = count_of(row, "listed");
    block->shown = count_of(row, "shown");
}
