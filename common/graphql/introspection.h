/* introspection.h - a schema that tells about itself. Private to this folder.
 *
 * The introspection types are part of every schema (schema_build.c makes them from SDL), with resolvers of their own.
 * Values are JSON objects like everybody's. The value of a type has what a type says of itself, but not what leads to
 * other types (fields, interfaces, possibleTypes, enumValues, inputFields): those lists are made once and found through
 * a member "__type" that no document can ask for. So no value holds itself, however types refer to each other, and a
 * field costs no more than a counted reference. */
#ifndef GRAPHQL_INTROSPECTION_H
#define GRAPHQL_INTROSPECTION_H

#include "common/graphql/schema.h"

/* SDL of the introspection types and of the builtin directives and scalars, in `arena`. The type __Meta in it is in no
 * schema: its fields are those that every schema has. */
const char *gql_builtin_sdl(struct gql_arena *arena);

/* The value of __schema; borrowed, as long as the schema lives. */
const json_t *gql_introspect_schema(const struct gql_schema *schema);
/* The value of __type(name:); borrowed. NULL: there is no such type. */
const json_t *gql_introspect_type(const struct gql_schema *schema, const char *name);

/* Makes all values of a complete schema and sets the resolvers of the introspection types where a member of the value is
 * not enough (fields, args and others with includeDeprecated). Called by gql_schema_new. */
void gql_introspection_bind(struct gql_schema *schema);
/* Called by gql_schema_free. */
void gql_introspection_release(struct gql_schema *schema);

#endif
