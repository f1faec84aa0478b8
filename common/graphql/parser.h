/* parser.h - from text to syntax tree, in one pass.
 *
 * The whole language of the specification (September 2025): executable documents, type system definitions and
 * extensions, descriptions (of operations, fragments and variables too), block strings, Unicode escapes. The text must
 * be UTF-8; byte order marks between tokens are skipped. */
#ifndef GRAPHQL_PARSER_H
#define GRAPHQL_PARSER_H

#include "common/graphql/ast.h"
#include "common/graphql/error.h"

/* What is over a limit is refused with rule "limit"; the message names limit and place. 0: no limit, but for
 * GQL_PARSE_BYTES and GQL_PARSE_DEPTH, which no limit goes beyond: offsets have 32 bits, and a stack has an end. */
struct gql_parse_limits {
    size_t bytes, tokens;
    size_t depth;   /* of selection sets, of values and of types within each other: each for itself */
    size_t aliases; /* fields with an alias */
    size_t items;   /* of one list or object literal */
};
enum { GQL_PARSE_BYTES = 1 << 30, GQL_PARSE_DEPTH = 200 };

/* Own: gql_ast_free. NULL: one error, of rule "syntax" or "limit", was added. */
struct gql_ast *gql_parse(const char *text, size_t size, const struct gql_parse_limits *limits,
                          struct gql_errors *errors);
void gql_ast_free(struct gql_ast *ast);

/* A value as GraphQL text, as introspection shows default values: {a: 1, b: [X, "y"]}. Own: free(). */
char *gql_value_print(const struct gql_value *value);

#endif
