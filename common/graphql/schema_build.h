/* schema_build.h - the steps from SDL to a schema. Private to schema_*.c.
 *
 *     gql_sdl_gather   what is defined, and by which definitions and extensions
 *     gql_sdl_check, gql_sdl_check_directives    is the SDL valid as a document? Names, references, directives
 *     build            types out of definitions (schema_build.c); every name resolves by now
 *     gql_check_types, gql_check_inputs          is what was built a valid type system? */
#ifndef GRAPHQL_SCHEMA_BUILD_H
#define GRAPHQL_SCHEMA_BUILD_H

#include "common/graphql/names.h"
#include "common/graphql/schema.h"

/* What has one name: a type, by its definition and the extensions, in this order; each kind in the order of the text. */
struct gql_group {
    const char *name;
    const struct gql_definition **parts;
    uint32_t part_count, definition_count; /* definition_count of them are definitions: should be 1 */
    const struct gql_definition *builtin;  /* what the library itself defines by this name; NULL: nothing */
    bool is_used;                          /* something refers to it: builtin scalars that nothing uses are left out */
};

struct gql_sdl {
    const struct gql_ast *ast, *builtin;
    struct gql_group *types; /* of the SDL, then builtin ones */
    uint32_t type_count;
    struct gql_names *types_by_name;
    const struct gql_definition **directives; /* of the SDL, the first of each name, then builtin ones */
    uint32_t directive_count;
    struct gql_names *directives_by_name;
    struct gql_group schema;           /* the schema definition, if there is one, and its extensions */
    const struct gql_definition *meta; /* see gql_builtin_sdl() */
};

/* A check that goes on after what it refused. */
struct gql_check {
    const char *text;       /* that locations are of */
    struct gql_arena arena; /* scratch */
    struct gql_errors *errors;
    bool failed;
};

/* Adds an error with locations: GQL_AT(offset, …). */
void gql_refuse(struct gql_check *check, const char *rule, const uint32_t *at, size_t at_count, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
#define GQL_AT(...) (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t)

/* Everything of `out` lives in `arena` and points into the two trees, which must outlive it. */
void gql_sdl_gather(struct gql_arena *arena, const struct gql_ast *ast, const struct gql_ast *builtin,
                    struct gql_sdl *out);
/* Are all names unique, known and of the right kind? Sets gql_group.is_used. */
void gql_sdl_check(struct gql_sdl *sdl, struct gql_check *check);
/* Are directives used as they are defined? */
void gql_sdl_check_directives(const struct gql_sdl *sdl, struct gql_check *check);

/* The section "Type Validation" of each kind of type, but for what concerns values. */
void gql_check_types(const struct gql_schema *schema, struct gql_check *check);
/* Coerces all default values, each after those that it needs; no input may need itself. Checks the values of directives'
 * arguments too. */
void gql_check_inputs(struct gql_schema *schema, struct gql_check *check);

/* The directive `name` in a list; NULL: it is not there. */
const struct gql_directive *gql_directive_named(const struct gql_directive *first, const char *name);

#endif
