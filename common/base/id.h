/* id.h - identifiers and digests. Names that are derived (UUID version 5, RFC 9562) are the same wherever they
 * are derived, which is what lets a core name things without drawing randomness. */
#ifndef TIDEGATE_BASE_ID_H
#define TIDEGATE_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>

enum { UUID_SIZE = 37, SHA256_HEX_SIZE = 65 }; /* with the closing NUL */

/* A random UUID (version 4). Not for cores. */
void uuid_random(char out[UUID_SIZE]);

/* The UUID (version 5) of `name` in Tidegate's own namespace. Parts that make up a name are joined with '\n'
 * by the caller, so that no two different lists of parts give one name. */
void uuid_derive(const char *name, char out[UUID_SIZE]);

/* Lower-case hexadecimal SHA-256 of `size` bytes. */
void sha256_hex(const void *bytes, size_t size, char out[SHA256_HEX_SIZE]);

/* The partition of `key` among `count`: Kafka's own default, (murmur2(key) & 0x7fffffff) % count, so that any
 * Kafka client finds the same one. `count` > 0. */
int partition_of(const char *key, int count);

#endif
