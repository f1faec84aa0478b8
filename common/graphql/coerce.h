/* coerce.h - input coercion: from JSON variables and from literals to the values that resolvers get. Private to this
 * folder.
 *
 * Results are JSON: enum values as strings, input objects as objects with the defaults of what was left out, a single
 * value where a list is expected as a list of one. Int is 32 bits, ID a string, Float a real or integer; a custom scalar
 * is taken as it is (a literal of one becomes the JSON that it looks like). */
#ifndef GRAPHQL_COERCE_H
#define GRAPHQL_COERCE_H

#include "common/graphql/schema.h"

/* CoerceVariableValues: the object of coerced variables (own), those absent without default left out. NULL: `errors` has
 * every error (messages and locations: at the variable's definition). Lists beyond limits->items are errors. */
json_t *gql_coerce_variables(const struct gql_schema *schema, const struct gql_ast *ast,
                             const struct gql_definition *operation, const json_t *given,
                             const struct gql_limits *limits, struct gql_errors *errors);

/* A literal as a value of `ref` (own); variables are taken from `variables`. NULL: it does not fit, or it is a variable
 * without a value. */
json_t *gql_coerce_literal(const struct gql_value *value, const struct gql_ref *ref, const json_t *variables);

/* A single value where a list is expected: the list of `item` (own); own. NULL for NULL. */
json_t *gql_list_of_one(json_t *item);

#endif
