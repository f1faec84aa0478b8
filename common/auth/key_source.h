/* key_source.h - where an issuer's keys come from, and how they stay fresh: a file or a URL. */
#ifndef TIDEGATE_AUTH_KEY_SOURCE_H
#define TIDEGATE_AUTH_KEY_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct event_base;
struct key_set;
struct key_source; /* opaque */

/* `location`: "http://...", "https://..." (needs `base`) or the path of a file. Starts to load; that the keys are not
 * there yet is no error. Own: key_source_free, before `base` is freed. */
struct key_source *key_source_new(struct event_base *base, const char *location, struct error *err);
void key_source_free(struct key_source *source);

/* The keys as last loaded; NULL: none yet. Borrowed until the next call of any function here or of the event loop. */
const struct key_set *key_source_keys(const struct key_source *source);

/* Grows with each loading; what was derived from older keys is void. */
uint64_t key_source_version(const struct key_source *source);

/* A key is missing. A file is read at once if it changed since; a URL is asked again, unless it was within the last
 * 10 s, and the keys come later. */
void key_source_refresh(struct key_source *source);

#endif
