#include "common/graphql/names.h"

#include <assert.h>
#include <string.h>

struct slot {
    const char *name; /* NULL: it is free */
    uint32_t hash, index;
};

struct gql_names {
    size_t mask; /* a power of two, less one */
    size_t count;
    struct slot slots[];
};

/* FNV-1a. Names are a few bytes long: nothing stronger pays, and what is looked up cannot make the table longer. */
static uint32_t hash_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (const unsigned char *at = (const unsigned char *)name; *at != '\0'; at++)
        hash = (hash ^ *at) * 16777619u;
    return hash;
}

struct gql_names *gql_names_new(struct gql_arena *arena, size_t count_max)
{
    size_t room = 4;
    while (room < count_max * 2)
        room *= 2;
    struct gql_names *names = gql_alloc(arena, sizeof(*names) + room * sizeof(names->slots[0]));
    names->mask = room - 1;
    return names;
}

/* The slot that holds `name`, or the free one that it would be put into. */
static const struct slot *slot_of(const struct gql_names *names, const char *name, uint32_t hash)
{
    size_t at = hash & names->mask;
    for (;; at = (at + 1) & names->mask) {
        const struct slot *slot = &names->slots[at];
        if (slot->name == NULL || (slot->hash == hash && strcmp(slot->name, name) == 0))
            return slot;
    }
}

uint32_t gql_names_add(struct gql_names *names, const char *name, uint32_t index)
{
    uint32_t hash = hash_of(name);
    struct slot *slot = &names->slots[slot_of(names, name, hash) - names->slots];
    if (slot->name != NULL)
        return slot->index;
    assert(names->count < names->mask); /* one slot stays free, else a look-up would not end */
    names->count++;
    *slot = (struct slot){ .name = name, .hash = hash, .index = index };
    return index;
}

uint32_t gql_names_find(const struct gql_names *names, const char *name)
{
    if (names == NULL)
        return GQL_NO_NAME;
    const struct slot *slot = slot_of(names, name, hash_of(name));
    return slot->name != NULL ? slot->index : GQL_NO_NAME;
}
