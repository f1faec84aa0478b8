/* lenient.h - JSON as people write it by hand: one comma too many at the end of an object or array is accepted.
 *
 * The comma is blanked in the bytes before they are parsed, so that line and column of any error stay true. All else is
 * strict: UTF-8, and of json_decode one value and nothing after it. Of a repeated member the last one counts. Pure. */
#ifndef TIDEGATE_JSON_LENIENT_H
#define TIDEGATE_JSON_LENIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"

enum {
    JSON_DEPTH_MAX = 64,
    JSON_DEPTH_IGNORED_MAX = 2000, /* jansson goes into itself for each level, and to 2048 of them at most */
};

/* Decodes `size` bytes, any JSON value. Own: json_decref. NULL: `err` (ERROR_INPUT) says what is wrong with line and
 * column; "EOF" where there is nothing but white space. */
json_t *json_decode(const char *bytes, size_t size, struct error *err);

/* The first value in the bytes, whatever comes after it, for readers that ignore members they do not know: these may be
 * as deep as JSON_DEPTH_IGNORED_MAX, and hold what tame.h names, so that strings may have a NUL in them. `*repeats` says
 * whether some member is given twice in one spelling: then the place of its last value is that of its first one, and
 * json_member cannot tell which of two spellings comes last. Own, or NULL: as json_decode. */
json_t *json_decode_first(const char *bytes, size_t size, bool *repeats, struct error *err);

/* The last member of `object` that is called `name`, in whatever case; of several the last that is not null, for null is
 * as good as absent. NULL: there is none, or `object` is none. Borrowed. */
json_t *json_member(const json_t *object, const char *name);

/* In how many spellings, which differ in case, `object` has the member `name`. */
size_t json_spellings(const json_t *object, const char *name);

/* "an object", "a string", "null" and so on: for error messages. NULL is "nothing". */
const char *json_type_text(const json_t *value);

/* The string that `object` has under `name`, written exactly so; "" where there is none. Borrowed. */
const char *json_text_of(const json_t *object, const char *name);

/* A string of any bytes: those that are no UTF-8 are replaced by '?', so it cannot fail. */
json_t *json_text(const char *text);

#endif
