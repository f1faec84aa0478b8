/* config_cache.h - configurations as GraphQL answers them, kept by the hash of their stored body.
 *
 * A body never changes under its hash, but for secret values that are forgotten; so it is read and converted once as long
 * as it is remembered. Secret values are masked, and not kept. Least recently used ones are dropped beyond a size. */
#ifndef TIDEGATE_GATEWAY_CONFIG_CACHE_H
#define TIDEGATE_GATEWAY_CONFIG_CACHE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct config_cache; /* opaque */

enum config_kind { CONFIG_KYMA, CONFIG_CLUSTER };

struct cached_config; /* opaque; borrowed until config_cache_add */

/* `bytes_max`: of what is kept, about. Own: config_cache_free. */
struct config_cache *config_cache_new(size_t bytes_max);
void config_cache_free(struct config_cache *cache);

/* NULL: it is not here, or no more. */
struct cached_config *config_cache_find(struct config_cache *cache, enum config_kind kind, const char *hash);

/* `text`: the body, JSON; NULL: there is none, which is converted like one without members. */
struct cached_config *config_cache_add(struct config_cache *cache, enum config_kind kind, const char *hash,
                                       const char *text);

/* KymaConfig with secret values masked. Borrowed. */
json_t *cached_config_kyma(const struct cached_config *config);
bool cached_config_has_secrets(const struct cached_config *config);

/* GardenerConfig with this name and seed, which differ among the runtimes that share a body. The caller owns it (a
 * reference). */
json_t *cached_config_cluster(struct cached_config *config, const char *name, const char *seed);

#endif
