/* arena.h - memory that is given bit by bit and taken back as a whole.
 *
 * What is allocated lives as long as its arena. An arena never fails: without memory the process ends, because every
 * size that reaches it is bounded by a limit (graphql.h). */
#ifndef GRAPHQL_ARENA_H
#define GRAPHQL_ARENA_H

#include <stddef.h>

struct gql_block; /* opaque */

/* {0} is an empty arena. */
struct gql_arena {
    struct gql_block *blocks; /* the newest first */
    char *at;                 /* the free part of the newest */
    size_t left;
};

/* `size` zeroed bytes, aligned for any type. */
void *gql_alloc(struct gql_arena *arena, size_t size);

/* A copy of `size` bytes of `text`, closed by a NUL. */
char *gql_copy(struct gql_arena *arena, const char *text, size_t size);

/* What the arena has taken from the heap, in bytes. */
size_t gql_arena_size(const struct gql_arena *arena);

/* The arena is empty afterwards and may be used again. */
void gql_arena_release(struct gql_arena *arena);

#endif
