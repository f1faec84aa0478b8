/* tame.h - JSON that is right, but that jansson refuses although nobody may ever ask for it: halves of surrogate pairs,
 * U+0000 in names, integers over 64 bits, exponents over a double's.
 *
 * They are overwritten in the text, so that line and column of any error stay true. For readers that ignore members they
 * do not know, and that take no reals and no text with U+0000: then whatever is written here is either ignored or
 * refused, never believed. Pure. */
#ifndef TIDEGATE_JSON_TAME_H
#define TIDEGATE_JSON_TAME_H

#include <stddef.h>

/* Of `size` bytes:
 *   - half a surrogate pair becomes U+0000, in a name U+FFFD, as does U+0000 there (jansson: JSON_ALLOW_NUL);
 *   - an integer over 64 bits becomes a real, some other number;
 *   - an exponent becomes 0.
 * What is no JSON is none afterwards either. */
void json_tame(char *bytes, size_t size);

#endif
