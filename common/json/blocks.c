#include "common/json/blocks.h"

#include <jansson.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* glibc's own sizes: what can be used of a block is 24 bytes, or more in steps of 16. Larger ones are long texts, few. */
enum {
    USABLE_MIN = 24,
    USABLE_STEP = 16,
    CLASS_COUNT = 8,     /* up to 136 bytes */
    WAITING_MAX = 65536, /* of a class: what the largest messages need */
};

struct block {
    struct block *next;
};

/* Of each thread its own, as jansson's functions take no context. */
static _Thread_local struct {
    struct block *first;
    unsigned count;
} waiting[CLASS_COUNT];

static void *block_take(size_t size)
{
    size_t class = size <= USABLE_MIN ? 0 : (size - USABLE_MIN + USABLE_STEP - 1) / USABLE_STEP;
    struct block *block;

    if (class >= CLASS_COUNT)
        return malloc(size);
    block = waiting[class].first;
    if (block == NULL)
        return malloc(USABLE_MIN + class * USABLE_STEP);
    waiting[class].first = block->next;
    waiting[class].count--;
    return block;
}

static void block_give(void *memory)
{
    struct block *block = memory;
    size_t class;

    if (block == NULL)
        return;
    class = (malloc_usable_size(block) - USABLE_MIN) / USABLE_STEP;
    if (class >= CLASS_COUNT || waiting[class].count >= WAITING_MAX) {
        free(block);
        return;
    }
    block->next = waiting[class].first;
    waiting[class].first = block;
    waiting[class].count++;
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

void json_blocks_use(void)
{
    if (!SANITIZED)
        json_set_alloc_funcs(block_take, block_give);
}
