/* cache.c - valid documents by their text, the least recently used dropped first. */
#include "common/graphql/document.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A document takes some kilobytes: a bucket has about one. */
enum { BYTES_FOR_BUCKET = 8192, BUCKETS_MIN = 64, BUCKETS_MAX = 65536 };

struct hash {
    uint64_t high, low;
};

struct slot {
    struct hash hash;
    struct gql_document *document;
    size_t bytes;
    struct slot *in_bucket;     /* the next one */
    struct slot *newer, *older; /* by their last use */
};

struct gql_cache {
    const struct gql_schema *schema;
    struct gql_limits limits;
    size_t bytes_max;
    uint64_t keys[2]; /* random, so that nobody can make texts that meet in a bucket */
    struct slot **buckets;
    size_t bucket_count; /* a power of two */
    struct slot *newest, *oldest;
    struct gql_cache_stats stats;
};

/* --- Hashing --- */

/* The two halves of a product, folded: every bit of both factors reaches every bit of the result. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static struct hash hash_text(const uint64_t keys[2], const char *text, size_t size)
{
    struct hash hash = { .high = keys[0] ^ size, .low = keys[1] ^ size };
    uint64_t eight;

    for (size_t at = 0; at < size; at += sizeof(eight)) {
        size_t left = size - at;

        eight = 0;
        memcpy(&eight, text + at, left < sizeof(eight) ? left : sizeof(eight));
        hash.high = mix(hash.high ^ eight, 0x9e3779b97f4a7c15 ^ keys[1]);
        hash.low = mix(hash.low ^ eight, 0xc2b2ae3d27d4eb4f ^ keys[0]);
    }
    return hash;
}

static struct slot **bucket_of(const struct gql_cache *cache, struct hash hash)
{
    return &cache->buckets[hash.low & (cache->bucket_count - 1)];
}

/* --- The order of use --- */

static void unlink_slot(struct gql_cache *cache, struct slot *slot)
{
    if (slot->newer)
        slot->newer->older = slot->older;
    else
        cache->newest = slot->older;
    if (slot->older)
        slot->older->newer = slot->newer;
    else
        cache->oldest = slot->newer;
    slot->newer = slot->older = NULL;
}

static void link_newest(struct gql_cache *cache, struct slot *slot)
{
    slot->older = cache->newest;
    if (cache->newest)
        cache->newest->newer = slot;
    else
        cache->oldest = slot;
    cache->newest = slot;
}

static void drop(struct gql_cache *cache, struct slot *slot)
{
    struct slot **at = bucket_of(cache, slot->hash);

    while (*at != slot)
        at = &(*at)->in_bucket;
    *at = slot->in_bucket;
    unlink_slot(cache, slot);
    cache->stats.bytes -= slot->bytes;
    cache->stats.documents--;
    gql_document_release(slot->document);
    free(slot);
}

/* Documents grow while they are executed: what they take now is counted when they are used. */
static void weigh(struct gql_cache *cache, struct slot *slot)
{
    size_t bytes = sizeof(*slot) + gql_document_bytes(slot->document);

    cache->stats.bytes += bytes - slot->bytes;
    slot->bytes = bytes;
    if (bytes > cache->bytes_max) { /* it fits in nowhere: the others need not go for it */
        drop(cache, slot);
        return;
    }
    while (cache->stats.bytes > cache->bytes_max)
        drop(cache, cache->oldest);
}

/* --- Looking up --- */

static struct slot *find(const struct gql_cache *cache, struct hash hash, const char *text, size_t size)
{
    for (struct slot *slot = *bucket_of(cache, hash); slot; slot = slot->in_bucket) {
        const struct gql_ast *ast = slot->document->ast;

        if (slot->hash.high == hash.high && slot->hash.low == hash.low && ast->size == size &&
            memcmp(ast->text, text, size) == 0)
            return slot;
    }
    return NULL;
}

static void add(struct gql_cache *cache, struct hash hash, struct gql_document *document)
{
    struct slot *slot = calloc(1, sizeof(*slot)), **bucket = bucket_of(cache, hash);

    if (!slot)
        abort();
    *slot = (struct slot){ .hash = hash, .document = gql_document_hold(document), .in_bucket = *bucket };
    *bucket = slot;
    link_newest(cache, slot);
    cache->stats.documents++;
    weigh(cache, slot);
}

struct gql_document *gql_cache_document(struct gql_cache *cache, const char *text, size_t size,
                                        struct gql_errors *errors)
{
    struct hash hash = hash_text(cache->keys, text, size);
    struct slot *slot = find(cache, hash, text, size);
    struct gql_document *document;

    if (slot) {
        cache->stats.hits++;
        unlink_slot(cache, slot);
        link_newest(cache, slot);
        document = gql_document_hold(slot->document);
        weigh(cache, slot);
        return document;
    }
    cache->stats.misses++;
    document = gql_document_new(cache->schema, text, size, &cache->limits, errors);
    if (document)
        add(cache, hash, document);
    return document;
}

struct gql_cache_stats gql_cache_stats(const struct gql_cache *cache)
{
    return cache->stats;
}

/* --- Life --- */

struct gql_cache *gql_cache_new(const struct gql_schema *schema, const struct gql_limits *limits, size_t bytes_max)
{
    struct gql_cache *cache = calloc(1, sizeof(*cache));

    if (!cache)
        abort();
    cache->schema = schema;
    cache->limits = limits ? *limits : (struct gql_limits){ 0 };
    cache->bytes_max = bytes_max;
    if (getrandom(cache->keys, sizeof(cache->keys), 0) != sizeof(cache->keys))
        abort();
    cache->bucket_count = BUCKETS_MIN;
    while (cache->bucket_count < bytes_max / BYTES_FOR_BUCKET && cache->bucket_count < BUCKETS_MAX)
        cache->bucket_count *= 2;
    cache->buckets = calloc(cache->bucket_count, sizeof(struct slot *));
    if (!cache->buckets)
        abort();
    return cache;
}

void gql_cache_free(struct gql_cache *cache)
{
    if (!cache)
        return;
    while (cache->oldest)
        drop(cache, cache->oldest);
    free(cache->buckets);
    free(cache);
}
