/* places.h - where the instances of a partition stand in the list of all, and how many are listed in each block of
 * BLOCK_SIZE places: so a page at any depth is found, and the total told, without counting instances.
 *
 * Places are given in the order of creation, once each: an instance that is made anew gets a new one, and its former one
 * stays empty. Creation times are microseconds since the Unix epoch and differ within a partition, so that the order of
 * places is the order of creation times. Pure. */
#ifndef TIDEGATE_BROKER_PLACES_H
#define TIDEGATE_BROKER_PLACES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { BLOCK_SIZE = 256 }; /* places; readers need not know it */

struct places; /* opaque */

struct place {
    uint32_t position; /* from 0 */
    int64_t created_us;
};

/* In which lists an instance is. */
struct listing {
    bool listed; /* of all */
    bool shown;  /* of those that are not suspended */
};

struct places *places_new(void);
void places_free(struct places *places); /* NULL is fine */

/* The next place, for an instance created at `now_ms`; a microsecond after the last one if it would not be later. */
struct place places_take(struct places *places, int64_t now_ms);

/* Notes a place that was taken before, as it is loaded. */
void places_restore(struct places *places, struct place place);

/* Counts that the instance at `position` was in some lists and is in others now. */
void places_count(struct places *places, uint32_t position, struct listing was, struct listing is);

/* --- Blocks, as rows of the table `block` (readmodel.sql) --- */

/* The ID of the block of `position` as text, for changes_row. */
enum { BLOCK_ID_SIZE = 12 };
void block_id(uint32_t position, char id[BLOCK_ID_SIZE]);

/* All columns but `partition`; the caller owns it. NULL: there is no such block. */
json_t *block_row(const struct places *places, const char *id);

/* Takes over a row that block_row gave. */
void block_load(struct places *places, const json_t *row);

#endif
