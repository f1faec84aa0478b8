/* schema.h - the type system, resolved: what documents are validated and executed against.
 *
 * Built from SDL by gql_schema_new (graphql.h) and const afterwards, but for the resolvers that gql_schema_bind sets.
 * Everything lives as long as the schema. Private to this folder; users of the library need graphql.h alone. */
#ifndef GRAPHQL_SCHEMA_H
#define GRAPHQL_SCHEMA_H

#include "common/graphql/ast.h"
#include "common/graphql/graphql.h"

/* Bits, for "may be used as input", "is composite" and the like: type->kind & GQL_COMPOSITE. */
enum gql_kind {
    GQL_SCALAR = 1,
    GQL_OBJECT = 2,
    GQL_INTERFACE = 4,
    GQL_UNION = 8,
    GQL_ENUM = 16,
    GQL_INPUT_OBJECT = 32,

    GQL_COMPOSITE = GQL_OBJECT | GQL_INTERFACE | GQL_UNION,
    GQL_ABSTRACT = GQL_INTERFACE | GQL_UNION,
    GQL_LEAF = GQL_SCALAR | GQL_ENUM,
    GQL_INPUT = GQL_LEAF | GQL_INPUT_OBJECT,
};

enum gql_scalar { GQL_CUSTOM, GQL_INT, GQL_FLOAT, GQL_STRING, GQL_BOOLEAN, GQL_ID };

/* A type with its lists and non-nulls, outermost first. Equal references need not be the same pointer. */
struct gql_ref {
    enum gql_ref_kind kind;
    const struct gql_ref *of;    /* of a list or non-null type */
    const struct gql_type *type; /* the named type in the middle, whatever is around it */
};

struct gql_input { /* an argument or input field */
    const char *name, *description;
    const struct gql_ref *ref;
    const struct gql_value *default_value; /* as written; NULL: none */
    json_t *default_json;                  /* the same, coerced; NULL: none, or it is invalid */
    const char *deprecation;               /* NULL: it is not deprecated */
    uint32_t at;                           /* in the SDL */
    const struct gql_input_definition *written;
};

struct gql_field_type {
    const char *name, *description, *deprecation;
    const struct gql_ref *ref;
    struct gql_input *arguments;
    uint32_t argument_count;
    uint32_t at;
    gql_resolver *resolver; /* NULL: the member of this name in the parent value */
    const struct gql_field_definition *written;
    struct gql_names *by_name; /* of the arguments, where there are many; else NULL: see gql_field_argument */
};

struct gql_enum_value {
    const char *name, *description, *deprecation;
    uint32_t at;
};

struct gql_type {
    const char *name, *description;
    enum gql_kind kind;
    enum gql_scalar scalar;        /* of a scalar */
    const char *specified_by;      /* of a scalar; NULL: none */
    bool is_one_of;                /* of an input object */
    bool is_builtin;               /* introspection types and the five scalars */
    uint32_t index;                /* distinct, below schema->type_count */
    uint32_t at;                   /* in the SDL; 0 for builtin ones */
    struct gql_field_type *fields; /* object, interface; in the order of the SDL */
    uint32_t field_count;
    struct gql_input *inputs; /* input object */
    uint32_t input_count;
    struct gql_enum_value *values; /* enum */
    uint32_t value_count;
    const struct gql_type **interfaces; /* object, interface: that it implements */
    uint32_t interface_count;
    const struct gql_type **possible; /* union: its members; interface: the objects that implement it */
    uint32_t possible_count;
    struct gql_names *by_name;           /* of fields, inputs or values: see gql_type_field and so on */
    struct gql_ref named;                /* a reference to the type itself, without lists and non-nulls */
    const struct gql_definition **parts; /* its definition, then the extensions, as they are written */
    uint32_t part_count;
};

struct gql_directive_type {
    const char *name, *description;
    bool is_repeatable;
    uint32_t locations; /* bit 1 << enum gql_directive_location */
    struct gql_input *arguments;
    uint32_t argument_count;
    uint32_t at;
    const struct gql_definition *written;
    struct gql_names *by_name; /* as in gql_field_type */
};

enum gql_directive_location {
    GQL_ON_QUERY,
    GQL_ON_MUTATION,
    GQL_ON_SUBSCRIPTION,
    GQL_ON_FIELD,
    GQL_ON_FRAGMENT_DEFINITION,
    GQL_ON_FRAGMENT_SPREAD,
    GQL_ON_INLINE_FRAGMENT,
    GQL_ON_VARIABLE_DEFINITION,
    GQL_ON_SCHEMA,
    GQL_ON_SCALAR,
    GQL_ON_OBJECT,
    GQL_ON_FIELD_DEFINITION,
    GQL_ON_ARGUMENT_DEFINITION,
    GQL_ON_INTERFACE,
    GQL_ON_UNION,
    GQL_ON_ENUM,
    GQL_ON_ENUM_VALUE,
    GQL_ON_INPUT_OBJECT,
    GQL_ON_INPUT_FIELD_DEFINITION,
    GQL_ON_DIRECTIVE_DEFINITION, /* may be named in a definition; nothing can be written there */
    GQL_LOCATION_COUNT,
};

/* "FIELD_DEFINITION"; static. */
const char *gql_location_name(enum gql_directive_location location);
/* GQL_LOCATION_COUNT: there is no such location. */
enum gql_directive_location gql_location_named(const char *name);

struct gql_schema {
    struct gql_ast *sdl;
    struct gql_ast *builtin; /* of gql_builtin_sdl() */
    struct gql_arena arena;
    const char *description;
    struct gql_type *roots[3]; /* by enum gql_operation_type; NULL: none */
    struct gql_type **types;   /* in order: those of the SDL, then builtin ones; by gql_type.index */
    uint32_t type_count;
    struct gql_directive_type *directives; /* those of the SDL, then builtin ones */
    uint32_t directive_count;
    struct gql_names *types_by_name, *directives_by_name;
    const struct gql_field_type *typename_field, *schema_field, *type_field; /* __typename, __schema, __type */
    const struct gql_directive_type *skip, *include;
    struct gql_introspection *introspection; /* see introspection.h: what __schema and __type resolve from */
    uint32_t words;                          /* of 64 bits in a bit set over types */
    uint64_t **possible; /* by the index of an abstract or object type: the set of object types it can be */
};

/* Names are looked up without a walk through a list. All give NULL where there is none. */
const struct gql_type *gql_schema_type(const struct gql_schema *schema, const char *name);
const struct gql_directive_type *gql_schema_directive(const struct gql_schema *schema, const char *name);
const struct gql_field_type *gql_type_field(const struct gql_type *type, const char *name);
const struct gql_input *gql_type_input(const struct gql_type *type, const char *name);
const struct gql_enum_value *gql_type_value(const struct gql_type *type, const char *name);
const struct gql_input *gql_field_argument(const struct gql_field_type *field, const char *name);
const struct gql_input *gql_directive_argument(const struct gql_directive_type *directive, const char *name);

/* The field `name` as seen on `parent`: __typename on every composite type, __schema and __type on the query root. */
const struct gql_field_type *gql_schema_field(const struct gql_schema *schema, const struct gql_type *parent,
                                              const char *name);

/* Can a value of `type` (composite) be one of `object`? */
bool gql_type_is_possible(const struct gql_schema *schema, const struct gql_type *type, const struct gql_type *object);
/* Can some object be both? Both composite. */
bool gql_types_overlap(const struct gql_schema *schema, const struct gql_type *a, const struct gql_type *b);
/* May a value of `sub` stand where `super` is expected (IsValidImplementationFieldType)? */
bool gql_ref_is_sub(const struct gql_schema *schema, const struct gql_ref *sub, const struct gql_ref *super);
bool gql_ref_equal(const struct gql_ref *a, const struct gql_ref *b);
/* Non-null and without a default: it must be given. */
bool gql_input_is_required(const struct gql_input *input);
/* "[String!]!"; cut to `size`. */
void gql_ref_print(const struct gql_ref *ref, char *out, size_t size);

/* A type as written in a document, resolved; in `arena`. NULL: a name in it is no type. */
const struct gql_ref *gql_schema_ref(const struct gql_schema *schema, struct gql_arena *arena,
                                     const struct gql_type_ref *written);

#endif
