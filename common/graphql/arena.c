#include "common/graphql/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A small document fits the first block; a large one doubles its way up, so that it has few of them. */
enum { BLOCK_SIZE_MIN = 4096, BLOCK_SIZE_MAX = 65536, ALIGNMENT = alignof(max_align_t) };

struct gql_block {
    struct gql_block *next;
    size_t size; /* of `bytes` */
    alignas(max_align_t) char bytes[];
};

/* calloc zeroes a block at once, which is cheaper than zeroing each small piece of it. */
static struct gql_block *block_new(size_t size)
{
    struct gql_block *block = size > SIZE_MAX - sizeof(*block) ? NULL : calloc(1, sizeof(*block) + size);

    if (block == NULL)
        abort();
    block->size = size;
    return block;
}

/* A piece that is too large for the newest block: from a new block, or from one of its own if it is large, so that
 * what is left of the newest is not lost. */
static void *alloc_slowly(struct gql_arena *arena, size_t size)
{
    size_t block_size = arena->blocks == NULL ? BLOCK_SIZE_MIN : 2 * arena->blocks->size;
    struct gql_block *block;

    if (block_size > BLOCK_SIZE_MAX)
        block_size = BLOCK_SIZE_MAX;
    if (size > block_size / 4 && arena->blocks != NULL) {
        block = block_new(size);
        block->next = arena->blocks->next;
        arena->blocks->next = block;
        return block->bytes;
    }
    block = block_new(size > block_size ? size : block_size);
    block->next = arena->blocks;
    arena->blocks = block;
    arena->at = block->bytes + size;
    arena->left = block->size - size;
    return block->bytes;
}

void *gql_alloc(struct gql_arena *arena, size_t size)
{
    void *piece = arena->at;

    if (size > SIZE_MAX - ALIGNMENT)
        abort();
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (size > arena->left || piece == NULL)
        return alloc_slowly(arena, size);
    arena->at += size;
    arena->left -= size;
    return piece;
}

char *gql_copy(struct gql_arena *arena, const char *text, size_t size)
{
    char *copy = gql_alloc(arena, size + 1);

    if (size > 0)
        memcpy(copy, text, size);
    return copy;
}

size_t gql_arena_size(const struct gql_arena *arena)
{
    size_t size = 0;

    for (const struct gql_block *block = arena->blocks; block != NULL; block = block->next)
        size += sizeof(*block) + block->size;
    return size;
}

void gql_arena_release(struct gql_arena *arena)
{
    struct gql_block *next;

    for (struct gql_block *block = arena->blocks; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    *arena = (struct gql_arena){ 0 };
}
