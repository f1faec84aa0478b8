/* regex.h - regular expressions as selectors and policies write them: RE2 syntax, case-sensitive, found anywhere in the
 * text (`CA50` matches "XCA501"). Matching takes time linear in the text and bounded memory, whatever the pattern. */
#ifndef TIDEGATE_REGEX_REGEX_H
#define TIDEGATE_REGEX_REGEX_H

#include <stdbool.h>

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
 * character, counted from 1. */
struct regex *regex_new(const char *pattern, struct error *err);

/* NULL is fine. */
void regex_free(struct regex *regex);

/* Is there a match anywhere in `text`? An empty pattern matches every text. Cannot fail. */
bool regex_matches(const struct regex *regex, const char *text);

#ifdef __cplusplus
}
#endif

#endif
