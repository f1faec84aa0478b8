/* validate_context.h - what the rules of validation share while they look at one document. Private to validate*.c.
 *
 * One walk over the document (validate.c) calls the rules that look at a single node and gathers what the others need:
 * which fragments a definition spreads, where it uses variables. Rules about definitions as a whole run behind it. */
#ifndef GRAPHQL_VALIDATE_CONTEXT_H
#define GRAPHQL_VALIDATE_CONTEXT_H

#include "common/graphql/arena.h"
#include "common/graphql/schema.h"

/* All fragment definitions of one name; it should be one. */
struct fragment {
    const struct gql_definition *definition; /* the last one: what a spread means */
    const struct gql_type *type;             /* of its condition; NULL: unknown */
    struct scope *scope;                     /* of `definition` */
    uint32_t index;                          /* below validation.fragment_count */
};

/* Where a variable is used, and what is expected there. */
struct usage {
    const struct gql_value *value;
    const struct gql_ref *ref;     /* NULL: unknown */
    const struct gql_type *one_of; /* the OneOf input object whose field the variable is; else NULL */
    bool has_default;              /* the argument or input field has one */
};

struct usages {
    struct usage *list;
    uint32_t count, room;
};

struct spreads {
    const struct gql_selection **list;
    uint32_t count, room;
};

/* An operation or fragment definition. */
struct scope {
    const struct gql_definition *definition;
    const struct gql_type *type; /* the root type or that of the condition, as it is; NULL: unknown */
    struct fragment *fragment;   /* NULL: an operation */
    struct spreads spreads;      /* those of the outermost selection set first, see gather_spreads */
    struct usages usages;        /* within variable definitions there are none */
};

struct validation {
    const struct gql_schema *schema;
    const struct gql_ast *ast;
    const struct gql_limits *limits;
    struct gql_errors *errors;
    struct gql_arena arena;      /* for this validation alone */
    int64_t work_left;           /* see validate_spend */
    struct gql_location *places; /* see validate_at */

    struct scope *scopes; /* in the order of the document */
    uint32_t scope_count;
    struct fragment *fragments; /* by name, in the order of strcmp */
    uint32_t fragment_count;
    struct fragment **spread_to;  /* by gql_selection.index: the fragment; NULL: unknown. NULL without fragments */
    struct fragment **post_order; /* all fragments, each behind those that it spreads (but for cycles) */

    struct fragment **closure; /* of validate_closure */
    uint32_t *marks, mark;     /* by fragment: in a set if its mark is `mark`; a new set is made by counting that up */

    bool has_type_system;                /* there are definitions that are not executable */
    bool has_overlaps;                   /* some selection set has a fragment, or one response key twice */
    struct introspection *introspection; /* by fragment, see validate_introspection */
    uint32_t introspection_searches;
    struct scope *scope; /* that is walked over */
};

/* Where a selection, directive or argument is. */
struct position {
    const struct gql_type *type;        /* of the innermost field, fragment or operation; NULL: unknown */
    const struct gql_type *parent;      /* the same if it is composite: that of the selection set; else NULL */
    const struct gql_field_type *field; /* the innermost field; NULL: none, or it is unknown */
    bool in_deep_introspection;         /* below a field that MaxIntrospectionDepth has reported */
};

/* --- Work and names: validate_work.c --- */

/* Counts work that may grow faster than the document. False: there was too much; an error was added (once), and the
 * caller should end what it does. */
bool validate_spend(struct validation *v, size_t work);
/* Of a field that gets sorted by name, too. */
enum { VALIDATE_SORTED = 16 };
/* No error that is added from now on would be kept. */
bool validate_is_full(const struct validation *v);

/* Adds a location to an error, as gql_error_at does. NULL `error` is fine. */
void validate_at(struct validation *v, struct gql_error *error, uint32_t at);

/* By index, the first of those with the same name. NULL: all differ. Pointers in `names` are borrowed for the call. */
const uint32_t *validate_first_of_name(struct validation *v, const struct gql_name *const *names, uint32_t count);
/* The same of arguments or members. `names` gets them as an array, `count` how many. */
const uint32_t *validate_first_of_member(struct validation *v, const struct gql_member *members,
                                         const struct gql_name *const **names, uint32_t *count);

/* One error for each name that comes more than once, at all of its places. `what`: "variable named \"$" */
void validate_report_same(struct validation *v, const char *rule, const char *what, const struct gql_name *const *names,
                          const uint32_t *first, uint32_t count);

/* " Did you mean \"x\"?" or "" */
enum { SUGGESTION_SIZE = 128 };
struct suggestion {
    const char *wrong;
    size_t best; /* edits */
    const char *name;
    char text[SUGGESTION_SIZE];
};
struct suggestion suggestion_for(const char *wrong);
void suggestion_try(struct suggestion *suggestion, const char *name);
const char *suggestion_text(struct suggestion *suggestion);

/* "[Int!]", for messages; cut. */
struct ref_text {
    char text[128];
};
struct ref_text validate_ref_text(const struct gql_ref *ref);

/* --- Fragments and operations: validate_fragments.c, validate_operations.c --- */

const struct gql_type *validate_type(const struct gql_schema *schema, const struct gql_name *name);
struct fragment *validate_spread_to(const struct validation *v, const struct gql_selection *spread);
/* Finds the fragments of the document and fills spreads. Before the walk. */
void validate_find_fragments(struct validation *v);
/* UniqueFragmentNames, NoFragmentCycles, NoUnusedFragments. Fills post_order. */
void validate_fragments(struct validation *v);
/* KnownTypeNames, FragmentsOnCompositeTypes: of a fragment's or inline fragment's condition. */
void validate_condition(struct validation *v, const struct gql_name *condition, const char *fragment);
/* KnownTypeNames */
void validate_type_name(struct validation *v, const char *name, uint32_t at);
/* KnownFragmentNames, PossibleFragmentSpreads */
void validate_spread(struct validation *v, const struct gql_selection *spread, const struct position *position);
/* PossibleFragmentSpreads */
void validate_inline_fragment(struct validation *v, const struct gql_selection *selection, const struct gql_type *type,
                              const struct gql_type *parent);
/* All fragments that a definition spreads, directly or not, each once. Until the next call. NULL: too much work */
struct fragment **validate_closure(struct validation *v, const struct scope *scope, uint32_t *count);

/* ExecutableDefinitions, UniqueOperationNames, LoneAnonymousOperation, SingleFieldSubscriptions */
void validate_operations(struct validation *v);

/* KnownTypeNames, KnownDirectives and the like within a definition that is not executable: validate_type_system.c */
void validate_type_system(struct validation *v, const struct gql_definition *definition);

/* --- Fields: validate_fields.c --- */

/* FieldsOnCorrectType, ScalarLeafs. The field as the schema has it; NULL: unknown */
const struct gql_field_type *validate_field(struct validation *v, const struct gql_selection *field,
                                            const struct gql_type *parent);
/* MaxIntrospectionDepth. True: it was reported. */
bool validate_introspection(struct validation *v, const struct gql_selection *field);
/* Sets has_overlaps. */
void validate_note_overlaps(struct validation *v, const struct gql_selection_set *set);

/* OverlappingFieldsCanBeMerged: validate_overlaps.c decides whether there is a conflict in the whole document,
 * validate_conflicts.c names each one. */
void validate_overlaps(struct validation *v);
/* Reports the conflicts; if they are too many to be found, the one between `a` and `b`. */
void validate_conflicts(struct validation *v, const struct gql_selection *a, const struct gql_selection *b);

/* Are the arguments of two fields the same? The order does not matter, neither that of members of input objects. False
 * too if names come twice. */
bool validate_same_arguments(struct validation *v, const struct gql_member *a, const struct gql_member *b);
/* Can no value be of both types, whatever is selected of it? NULL: unknown, which is no conflict. */
bool validate_refs_conflict(const struct gql_ref *a, const struct gql_ref *b);

/* --- Values: validate_arguments.c, validate_values.c --- */

/* KnownArgumentNames, UniqueArgumentNames, ProvidedRequiredArguments, and the values. */
void validate_field_arguments(struct validation *v, const struct gql_selection *field,
                              const struct gql_field_type *type, const struct gql_type *parent);
/* `type`: of the schema, NULL: it has none. `defined`: of the document itself, NULL: none. `around`: the field that the
 * directive is at or in: arguments of directives that the schema has not are looked up there, as graphql-js does. */
void validate_directive_arguments(struct validation *v, const struct gql_directive *directive,
                                  const struct gql_directive_type *type, const struct gql_definition *defined,
                                  const struct gql_field_type *around);
/* ValuesOfCorrectType, UniqueInputFieldNames; notes variables. `ref` is NULL where nothing is known of it. */
void validate_value(struct validation *v, const struct gql_value *value, const struct gql_ref *ref, bool has_default);

/* --- Variables: validate_variables.c --- */

/* UniqueVariableNames, VariablesAreInputTypes and the default values. */
void validate_variable_definitions(struct validation *v, const struct gql_definition *operation);
/* NoUndefinedVariables, NoUnusedVariables, VariablesInAllowedPosition: behind the walk. */
void validate_variables(struct validation *v);
void validate_note_usage(struct validation *v, struct usage usage);

/* --- Directives: validate_directives.c --- */

/* KnownDirectives, UniqueDirectivesPerLocation, and the arguments. */
void validate_directives(struct validation *v, const struct gql_directive *directives,
                         enum gql_directive_location location, const struct gql_field_type *around);
/* The same without UniqueDirectivesPerLocation; and that alone, of what counts as one place. */
void validate_each_directive(struct validation *v, const struct gql_directive *directives,
                             enum gql_directive_location location, const struct gql_field_type *around);
void validate_unique_directives(struct validation *v, const struct gql_directive *const *list, uint32_t count);

/* --- Limits: validate_limits.c, of a document that breaks no rule --- */

void validate_limits(struct validation *v);

#endif
