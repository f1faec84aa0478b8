/* regex.h - regular expressions as selectors and policies write them: RE2 syntax, case-sensitive, found anywhere in the
 * text (`CA50` matches "XCA501"). Matching takes time linear in the text and bounded memory, whatever the pattern. */
#ifndef TIDEGATE_REGEX_REGEX_H
#define TIDEGATE_REGEX_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    REGEX_PATTERN_SIZE_MAX = 1000,  /* bytes of a pattern */
    REGEX_MEMORY_MAX = 1024 * 1024, /* bytes of a compiled pattern, caches included */
};

struct regex; /* opaque: only regex.cc knows the fields */

/* Compiles a copy of `pattern` (UTF-8). NULL: `err` (ERROR_INPUT) quotes the pattern, says what is wrong and at which
 * character, counted from 1 (one after the last: something is missing; 1 where the pattern is wrong as a whole). */
struct regex *regex_new(const char *pattern, struct error *err);

/* NULL is fine. */
void regex_free(struct regex *regex);

/* How large the compiled pattern is, in instructions: the work of a match is at most this for each byte of the text, and
 * mostly a small part of it. */
size_t regex_size(const struct regex *regex);

/* Is there a match anywhere in `text`? An empty pattern matches every text. Cannot fail: a pattern whose matching would
 * need more memory than the bound is matched more slowly. */
bool regex_matches(const struct regex *regex, const char *text);

#ifdef __cplusplus
}
#endif

#endif
