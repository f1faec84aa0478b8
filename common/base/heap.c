#include "common/base/heap.h"

#include <assert.h>
#include <stdlib.h>

void heap_release(struct heap *heap)
{
    free(heap->items);
    *heap = (struct heap){ .before = heap->before };
}

static void put(struct heap *heap, size_t at, struct heap_item *item)
{
    heap->items[at] = item;
    item->index = at + 1;
}

static void sift_up(struct heap *heap, size_t at)
{
    struct heap_item *item = heap->items[at];

    while (at > 0) {
        size_t parent = (at - 1) / 2;

        if (!heap->before(item, heap->items[parent]))
            break;
        put(heap, at, heap->items[parent]);
        at = parent;
    }
    put(heap, at, item);
}

static void sift_down(struct heap *heap, size_t at)
{
    struct heap_item *item = heap->items[at];

    for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && heap->before(heap->items[child + 1], heap->items[child]))
            child++;
        if (!heap->before(heap->items[child], item))
            break;
        put(heap, at, heap->items[child]);
    }
    put(heap, at, item);
}

void heap_insert(struct heap *heap, struct heap_item *item)
{
    assert(item->index == 0);
    if (heap->count == heap->size) {
        heap->size = heap->size == 0 ? 16 : heap->size * 2;
        heap->items = realloc(heap->items, heap->size * sizeof(struct heap_item *));
        if (heap->items == NULL)
            abort(); /* memory is bounded by the limits on sizes, not by luck */
    }
    put(heap, heap->count++, item);
    sift_up(heap, heap->count - 1);
}

void heap_remove(struct heap *heap, struct heap_item *item)
{
    size_t at = item->index;
    struct heap_item *last;

    if (at-- == 0)
        return;
    assert(at < heap->count && heap->items[at] == item);
    item->index = 0;
    last = heap->items[--heap->count];
    if (last == item)
        return;
    put(heap, at, last);
    sift_up(heap, at);
    sift_down(heap, last->index - 1);
}

struct heap_item *heap_first(const struct heap *heap)
{
    return heap->count == 0 ? NULL : heap->items[0];
}

/* A place in the heap whose parent was given out. */
struct place {
    struct heap_item item;
    size_t at;
    const struct heap *of;
};

static bool place_before(const struct heap_item *a, const struct heap_item *b)
{
    const struct place *left = (const struct place *)a, *right = (const struct place *)b;

    return left->of->before(left->of->items[left->at], right->of->items[right->at]);
}

size_t heap_firsts(const struct heap *heap, const struct heap_item **out, size_t count)
{
    size_t wanted = count < heap->count ? count : heap->count, used = 0;
    struct place *places = calloc(2 * wanted + 1, sizeof *places);
    struct heap next = { .before = place_before };

    if (places == NULL)
        abort();
    if (wanted > 0) {
        places[used] = (struct place){ .at = 0, .of = heap };
        heap_insert(&next, &places[used++].item);
    }
    for (size_t i = 0; i < wanted; i++) {
        struct place *first = (struct place *)heap_first(&next);

        heap_remove(&next, &first->item);
        out[i] = heap->items[first->at];
        for (size_t child = 2 * first->at + 1; child <= 2 * first->at + 2 && child < heap->count; child++) {
            places[used] = (struct place){ .at = child, .of = heap };
            heap_insert(&next, &places[used++].item);
        }
    }
    heap_release(&next);
    free(places);
    return wanted;
}
