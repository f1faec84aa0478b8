/* heap.h - a binary heap: the first of many, cheaply, while they come, change and go.
 *
 * Intrusive: an item embeds a struct heap_item and stays its owner's; it must not move while it is in a heap. What the
 * heap gives depends on `before` alone, so `before` should be a total order. */
#ifndef TIDEGATE_BASE_HEAP_H
#define TIDEGATE_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap_item {
    size_t index; /* in heap.items, plus one; 0: in no heap */
};

/* Does `a` come before `b`? */
typedef bool heap_before(const struct heap_item *a, const struct heap_item *b);

/* Initialise with `before` and zeros, use, release. */
struct heap {
    heap_before *before;
    struct heap_item **items;
    size_t count, size;
};

/* Forgets all items (without touching them) and frees the heap's own memory. */
void heap_release(struct heap *heap);

/* `item` is in no heap. */
void heap_insert(struct heap *heap, struct heap_item *item);

/* Does nothing if `item` is in no heap. */
void heap_remove(struct heap *heap, struct heap_item *item);

/* NULL: the heap is empty. */
struct heap_item *heap_first(const struct heap *heap);

/* Writes the first items, in order, at most `count`, into `out`; all stay in the heap. Returns how many there are.
 * Costs count * log(count), however large the heap is. */
size_t heap_firsts(const struct heap *heap, const struct heap_item **out, size_t count);

#endif
