/* ast.h - a parsed GraphQL document: executable definitions and the type system's.
 *
 * Everything lives in the arena of its document and is const after parsing. Lists are linked by `next`, in the order of
 * the text. A text is UTF-8, closed by a NUL; only a string may hold one inside, as its `size` tells. `at` is the byte
 * offset in the document where a node begins; gql_location (error.h) makes line and column of it. Offsets are those that
 * graphql-js reports: a field begins at its alias or name, a directive at its "@", a variable at its "$", and what is
 * described at its description. */
#ifndef GRAPHQL_AST_H
#define GRAPHQL_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/graphql/arena.h"

struct gql_name {
    const char *text; /* NULL: there is none, as for an anonymous operation or a field without alias */
    uint32_t at;
};

enum gql_value_kind {
    GQL_VALUE_VARIABLE,
    GQL_VALUE_INT,
    GQL_VALUE_FLOAT,
    GQL_VALUE_STRING,
    GQL_VALUE_BOOLEAN,
    GQL_VALUE_NULL,
    GQL_VALUE_ENUM,
    GQL_VALUE_LIST,
    GQL_VALUE_OBJECT,
};

struct gql_value {
    enum gql_value_kind kind;
    uint32_t at;
    const char *text; /* name of a variable or enum value; a number as it is written; a string, decoded */
    size_t size;      /* of `text` */
    bool is_true;     /* of a boolean */
    bool is_block;    /* a block string */
    uint32_t count;   /* of items or members */
    const struct gql_value *items;
    const struct gql_member *members;
    const struct gql_value *next;
};

/* A field of an object value, or an argument. */
struct gql_member {
    struct gql_name name;
    const struct gql_value *value;
    const struct gql_member *next;
};

struct gql_directive {
    struct gql_name name;
    uint32_t at;
    const struct gql_member *arguments;
    const struct gql_directive *next;
};

enum gql_ref_kind { GQL_REF_NAMED, GQL_REF_LIST, GQL_REF_NON_NULL };

/* A type as it is written. */
struct gql_type_ref {
    enum gql_ref_kind kind;
    uint32_t at;
    const char *name;              /* of a named type */
    const struct gql_type_ref *of; /* of a list or non-null type */
};

/* --- Executable definitions --- */

enum gql_selection_kind { GQL_FIELD, GQL_FRAGMENT_SPREAD, GQL_INLINE_FRAGMENT };

struct gql_selection_set {
    uint32_t at; /* of "{" */
    const struct gql_selection *first;
};

struct gql_selection {
    enum gql_selection_kind kind;
    uint32_t at;
    uint32_t index;        /* distinct in a document, from 0 on, in the order of the text: for tables */
    struct gql_name alias; /* of a field */
    struct gql_name name;  /* of a field or the spread's fragment */
    const char *key;       /* of a field: what it is called in the answer */
    const struct gql_member *arguments;
    const struct gql_directive *directives;
    struct gql_name condition;           /* of an inline fragment: on this type */
    const struct gql_selection_set *set; /* NULL: none */
    const struct gql_selection *next;
};

struct gql_variable_definition {
    struct gql_name name; /* without "$"; its `at` is behind the "$" */
    uint32_t at;          /* of "$", or of the description before it, which is dropped */
    const struct gql_type_ref *type;
    const struct gql_value *default_value; /* NULL: none */
    const struct gql_directive *directives;
    const struct gql_variable_definition *next;
};

enum gql_operation_type { GQL_QUERY, GQL_MUTATION, GQL_SUBSCRIPTION };

enum gql_definition_kind {
    GQL_OPERATION,
    GQL_FRAGMENT,
    /* the type system; the same kinds serve for `extend` */
    GQL_SCHEMA_DEFINITION,
    GQL_SCALAR_DEFINITION,
    GQL_OBJECT_DEFINITION,
    GQL_INTERFACE_DEFINITION,
    GQL_UNION_DEFINITION,
    GQL_ENUM_DEFINITION,
    GQL_INPUT_DEFINITION,
    GQL_DIRECTIVE_DEFINITION,
};

/* --- Type system definitions --- */

/* An argument, an input field. */
struct gql_input_definition {
    const char *description; /* NULL: none */
    struct gql_name name;
    uint32_t at;
    const struct gql_type_ref *type;
    const struct gql_value *default_value;
    const struct gql_directive *directives;
    const struct gql_input_definition *next;
};

struct gql_field_definition {
    const char *description;
    struct gql_name name;
    uint32_t at;
    const struct gql_input_definition *arguments;
    const struct gql_type_ref *type;
    const struct gql_directive *directives;
    const struct gql_field_definition *next;
};

struct gql_enum_value_definition {
    const char *description;
    struct gql_name name;
    uint32_t at;
    const struct gql_directive *directives;
    const struct gql_enum_value_definition *next;
};

/* A name in a list: interfaces, members of a union, locations of a directive. */
struct gql_named {
    struct gql_name name;
    const struct gql_named *next;
};

struct gql_root_definition {
    enum gql_operation_type operation;
    uint32_t at;
    struct gql_name type;
    const struct gql_root_definition *next;
};

struct gql_definition {
    enum gql_definition_kind kind;
    uint32_t at;
    uint32_t index; /* distinct in a document, from 0 on */
    bool is_extension;
    const char *description; /* NULL: none */
    struct gql_name name;
    const struct gql_directive *directives; /* not those of GQL_DIRECTIVE_DEFINITION: it has none */
    const struct gql_definition *next;

    /* operations and fragments */
    enum gql_operation_type operation;
    bool is_shorthand; /* "{ … }" */
    const struct gql_variable_definition *variables;
    struct gql_name condition; /* of a fragment */
    const struct gql_selection_set *set;

    /* the type system */
    const struct gql_root_definition *roots;        /* schema */
    const struct gql_named *interfaces;             /* object, interface */
    const struct gql_field_definition *fields;      /* object, interface */
    const struct gql_named *members;                /* union */
    const struct gql_enum_value_definition *values; /* enum */
    const struct gql_input_definition *inputs;      /* input: fields; directive: arguments */
    const struct gql_named *locations;              /* directive */
    bool is_repeatable;                             /* directive */
};

struct gql_ast {
    struct gql_arena arena; /* of all nodes */
    const char *text;       /* the document itself, a copy */
    size_t size;
    const struct gql_definition *first;
    uint32_t definition_count, selection_count; /* bounds of the indexes */
};

#endif
