/* error.h - what is wrong with a document or went wrong when it was executed.
 *
 * Follows "Errors" of the specification (September 2025, 7.1.2). */
#ifndef GRAPHQL_ERROR_H
#define GRAPHQL_ERROR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GQL_ERROR_LOCATIONS_MAX = 32, GQL_MESSAGE_SIZE = 512 };

/* Both from 1 on. A column counts UTF-16 code units, as editors and graphql-js do. Line ends: LF, CR LF, CR. */
struct gql_location {
    uint32_t line, column;
};

struct gql_error {
    char *message;    /* what, where, and what would be right; at most GQL_MESSAGE_SIZE bytes */
    const char *rule; /* static: "FieldsOnCorrectType", "syntax", "limit"; NULL: of an execution */
    struct gql_location locations[GQL_ERROR_LOCATIONS_MAX];
    size_t location_count;
    json_t *path;       /* an array of keys and indexes; NULL: none */
    json_t *extensions; /* an object; NULL: none */
};

/* {0} is an empty list. */
struct gql_errors {
    struct gql_error *list;
    size_t count, room;
    size_t max; /* 0: no limit. When it is reached one last error says so and further ones are dropped */
};

/* Adds an error. `message` is formatted; NULL `rule`: of an execution. Returns it, for locations, path and extensions;
 * it may move with the next one added. NULL: the list is full. */
struct gql_error *gql_errors_add(struct gql_errors *errors, const char *rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds a location: the byte `at` of `text`. More than GQL_ERROR_LOCATIONS_MAX are dropped. NULL `error` is fine. */
void gql_error_at(struct gql_error *error, const char *text, uint32_t at);

struct gql_location gql_location(const char *text, uint32_t at);

/* The list as GraphQL's `errors`: message, locations, path, extensions, those that there are. The caller owns it. */
json_t *gql_errors_json(const struct gql_errors *errors);

void gql_errors_release(struct gql_errors *errors);

#endif
