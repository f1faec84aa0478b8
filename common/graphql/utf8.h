/* utf8.h - characters of a UTF-8 text. Private to this folder. */
#ifndef GRAPHQL_UTF8_H
#define GRAPHQL_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes the character at the beginning of `text` has, looking at no more than `size` bytes. 0: it is none:
 * incomplete, longer than needed, a surrogate or beyond U+10FFFF. `code` (may be NULL) gets the code point. */
size_t gql_utf8_read(const char *text, size_t size, uint32_t *code);

/* Writes a code point that is no surrogate, and gives its size: 1 to 4. */
size_t gql_utf8_write(char *out, uint32_t code);

#endif
