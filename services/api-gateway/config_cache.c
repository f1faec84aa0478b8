#include "services/api-gateway/config_cache.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "common/secret/secret.h"
#include "services/api-gateway/graphql_status.h"

enum {
    VALUE_SIZE = 96, /* these three: about, in jansson's and uthash's tables */
    MEMBER_SIZE = 96,
    ENTRY_SIZE = 512,
    KEY_SIZE = 512,
    NAMES_SIZE_MAX = 128, /* of a name and a seed that are kept: within ENTRY_SIZE */
};

struct cached_config {
    char *key;
    size_t size;
    json_t *value;
    bool has_secrets;
    struct cached_config *prev, *next; /* in the order of use, the latest last */
    UT_hash_handle hh;
};

struct config_cache {
    struct cached_config *by_key, *in_order;
    size_t size, size_max;
};

struct config_cache *config_cache_new(size_t bytes_max)
{
    struct config_cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL)
        abort();
    cache->size_max = bytes_max;
    return cache;
}

static void drop(struct config_cache *cache, struct cached_config *config)
{
    HASH_DEL(cache->by_key, config);
    DL_DELETE(cache->in_order, config);
    cache->size -= config->size;
    json_decref(config->value);
    free(config->key);
    free(config);
}

void config_cache_free(struct config_cache *cache)
{
    if (cache == NULL)
        return;
    while (cache->in_order != NULL)
        drop(cache, cache->in_order);
    free(cache);
}

/* A body may be of either kind: what it is converted to differs. */
static void make_key(char key[KEY_SIZE], enum config_kind kind, const char *hash)
{
    snprintf(key, KEY_SIZE, "%s\n%s", kind == CONFIG_KYMA ? "kyma" : "cluster", hash);
}

static struct cached_config *find(struct config_cache *cache, const char *key)
{
    struct cached_config *found;

    HASH_FIND_STR(cache->by_key, key, found);
    return found;
}

struct cached_config *config_cache_find(struct config_cache *cache, enum config_kind kind, const char *hash)
{
    struct cached_config *found;
    char key[KEY_SIZE];

    make_key(key, kind, hash);
    found = find(cache, key);
    if (found != NULL && found->next != NULL) {
        DL_DELETE(cache->in_order, found);
        DL_APPEND(cache->in_order, found);
    }
    return found;
}

/* Bodies are no deeper than the JSON decoder lets them be. */
static size_t size_of(const json_t *value)
{
    size_t size = VALUE_SIZE + json_string_length(value);
    const char *name;
    json_t *part;
    void *at;
    size_t i;

    for (at = json_object_iter((json_t *)(uintptr_t)value); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
        name = json_object_iter_key(at);
        size += MEMBER_SIZE + strlen(name) + size_of(json_object_iter_value(at));
    }
    json_array_foreach(value, i, part)
        size += size_of(part);
    return size;
}

/* `value` (own) takes the place of what the key had. */
static struct cached_config *put(struct config_cache *cache, const char *key, json_t *value)
{
    struct cached_config *config = calloc(1, sizeof *config), *before = find(cache, key);

    if (before != NULL)
        drop(cache, before);
    if (config == NULL || (config->key = strdup(key)) == NULL)
        abort();
    config->value = value;
    config->size = ENTRY_SIZE + size_of(value);
    cache->size += config->size;
    HASH_ADD_KEYPTR(hh, cache->by_key, config->key, strlen(config->key), config);
    DL_APPEND(cache->in_order, config);
    while (cache->size > cache->size_max && cache->in_order != config)
        drop(cache, cache->in_order);
    return config;
}

static struct cached_config *put_kyma(struct config_cache *cache, const char *key, json_t *body)
{
    json_t *masked = secret_open_configuration(NULL, "", body, SECRET_MASKED, NULL);
    struct cached_config *config = put(cache, key, status_kyma_config(masked));

    config->has_secrets = body != NULL && !json_equal(masked, body);
    json_decref(masked);
    return config;
}

struct cached_config *config_cache_add(struct config_cache *cache, enum config_kind kind, const char *hash,
                                       const char *text)
{
    json_t *body = text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    struct cached_config *config;
    char key[KEY_SIZE];

    make_key(key, kind, hash);
    if (kind == CONFIG_KYMA)
        config = put_kyma(cache, key, body);
    else
        config = put(cache, key, status_cluster_config(body));
    json_decref(body);
    return config;
}

json_t *cached_config_kyma(const struct cached_config *config)
{
    return config->value;
}

bool cached_config_has_secrets(const struct cached_config *config)
{
    return config->has_secrets;
}

/* A copy for each answer costs no more than one kept for each runtime, which would be in no cache of the processor. */
json_t *cached_config_cluster(struct cached_config *config, const char *name, const char *seed)
{
    json_t *named = status_cluster_config_named(config->value, name, seed);

    /* Most configurations belong to one runtime, which finds its name there the next time. A long one is in no size. */
    if (named != config->value && strlen(name) + strlen(seed) <= NAMES_SIZE_MAX) {
        json_decref(config->value);
        config->value = json_incref(named);
    }
    return named;
}
