/* json_text.h - JSON as text: answers, and values as messages quote them. Private to this folder. */
#ifndef GRAPHQL_JSON_TEXT_H
#define GRAPHQL_JSON_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* {0} is empty; grows as needed and ends the process when memory does. The owner frees `bytes`. */
struct gql_text {
    char *bytes; /* not closed by a NUL */
    size_t size, room;
};

void gql_text_grow(struct gql_text *text, size_t more);
/* Room for `more` bytes behind what there is. Inline: an answer asks for it at every comma. */
static inline void gql_text_reserve(struct gql_text *text, size_t more)
{
    if (more > text->room - text->size)
        gql_text_grow(text, more);
}
void gql_text_add(struct gql_text *text, const char *bytes, size_t size);
/* A string of JSON, in quotes and escaped. `bytes` is UTF-8. */
void gql_text_string(struct gql_text *text, const char *bytes, size_t size);
/* Compact. Numbers are written as ECMAScript does: 1.0 is 1, 1e21 is 1e+21. */
void gql_text_json(struct gql_text *text, const json_t *value);

enum { GQL_NUMBER_SIZE = 32 };

/* The shortest text that means `number`, as ECMAScript's Number::toString. Finite numbers only. Gives the length. */
size_t gql_number_text(double number, char out[GQL_NUMBER_SIZE]);

/* A value as it is quoted in messages: { id: "7", list: [1, 2, ... 8 more items] }, below the second level [Object] and
 * [Array]. Cut to `size`, closed by a NUL. */
void gql_inspect(const json_t *value, char *out, size_t size);

#endif
