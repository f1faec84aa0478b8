/* graphql.h - a GraphQL server library: schema, documents, execution.
 *
 * Follows the GraphQL specification, September 2025 edition; introspection also tells what graphql-js 16 shows beyond it
 * (deprecated directives). Knows nothing of HTTP, of threads or of an event loop:
 * resolvers may answer later, and whoever calls back does so from the one thread that uses the library.
 *
 *     schema = gql_schema_new(sdl…);  gql_schema_bind(schema, table…);  cache = gql_cache_new(schema, &limits);
 *     document = gql_cache_document(cache, text…, &errors);   parsed, validated, or found
 *     gql_execute(document, &request, done, context);         resolvers run; `done` gets the result
 *
 * No memory is left over, whatever the input: all sizes are bounded by gql_limits. */
#ifndef GRAPHQL_GRAPHQL_H
#define GRAPHQL_GRAPHQL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/graphql/ast.h"
#include "common/graphql/error.h"

struct gql_schema;   /* opaque */
struct gql_document; /* opaque */
struct gql_cache;    /* opaque */
struct gql_field;    /* a field that is being resolved; opaque */

/* --- Schema --- */

/* Parses, builds and validates a schema. Own: gql_schema_free, after all documents. NULL: `errors` says what is wrong,
 * all that was found. */
struct gql_schema *gql_schema_new(const char *sdl, size_t size, struct gql_errors *errors);
void gql_schema_free(struct gql_schema *schema);

/* A resolver is called once for each field that it is bound to, and ends by exactly one of the three calls below, now or
 * later. Siblings run concurrently, fields of the mutation's root one after the other. */
typedef void gql_resolver(struct gql_field *field, void *context);

struct gql_binding {
    const char *type, *field;
    gql_resolver *resolver;
};

/* Fields without a resolver take the member of their name in the parent's value; a missing one is null. False: a row
 * names what is not in the schema; `errors` says which. */
bool gql_schema_bind(struct gql_schema *schema, const struct gql_binding *bindings, size_t count,
                     struct gql_errors *errors);

/* --- In a resolver --- */

/* The coerced arguments: an object with the members that were given or have a default; enum values are strings.
 * Borrowed until the field has ended. */
const json_t *gql_field_arguments(const struct gql_field *field);
/* The value of the parent: what its resolver gave; of the roots gql_request.root (may be NULL). Borrowed. */
const json_t *gql_field_parent(const struct gql_field *field);
const char *gql_field_name(const struct gql_field *field); /* not the alias */
/* Does the selection below this field, fragments included, ask for `name` at its first level? For resolvers that load
 * only what is needed. */
bool gql_field_selects(const struct gql_field *field, const char *name);

/* The field has this value (own): an object for an object type (with the name of its type as "__typename" where the
 * field's type is abstract), an array for a list, a string for an enum, ID or String; NULL or null: null. A value that
 * does not fit the type becomes an error of this field, as the specification says. */
void gql_field_value(struct gql_field *field, json_t *value);
/* The field failed. `extensions` (own) may be NULL. */
void gql_field_error(struct gql_field *field, const char *message, json_t *extensions);

/* --- Documents --- */

/* 0: no limit. What is over a limit is refused with an error that names it and the place. */
struct gql_limits {
    size_t bytes;           /* of a document */
    size_t tokens;          /* of a document */
    size_t depth;           /* of selection sets within each other, fragments followed; of values, of types */
    size_t aliases;         /* of a document */
    size_t fields;          /* of an operation after its fragments are expanded */
    size_t items;           /* of one list, in literals, variables and answers */
    size_t errors;          /* reported at once */
    size_t variables_bytes; /* not checked here: for who reads variables from the net */
};

/* Parses and validates. Own: gql_document_release. NULL: `errors` says why, rule by rule. `text` is copied. */
struct gql_document *gql_document_new(const struct gql_schema *schema, const char *text, size_t size,
                                      const struct gql_limits *limits, struct gql_errors *errors);
/* Documents are counted: they live until every user has released them. Executions hold their own. */
struct gql_document *gql_document_hold(struct gql_document *document);
void gql_document_release(struct gql_document *document);

/* The type of the operation that `name` (NULL or "": the only one) means. False: `message` says why there is none, or
 * not one. */
bool gql_document_operation(const struct gql_document *document, const char *name, enum gql_operation_type *type,
                            char *message, size_t message_size);

/* Valid documents, found by a hash of their text (the text itself is compared too). The least recently used are dropped
 * when more than `bytes_max` bytes of texts and trees are kept. */
struct gql_cache *gql_cache_new(const struct gql_schema *schema, const struct gql_limits *limits, size_t bytes_max);
void gql_cache_free(struct gql_cache *cache);
/* As gql_document_new. */
struct gql_document *gql_cache_document(struct gql_cache *cache, const char *text, size_t size,
                                        struct gql_errors *errors);
struct gql_cache_stats {
    uint64_t hits, misses;
    size_t documents, bytes;
};
struct gql_cache_stats gql_cache_stats(const struct gql_cache *cache);

/* --- Execution --- */

struct gql_request {
    const char *operation_name; /* NULL: the only operation */
    const json_t *variables;    /* an object, or NULL; borrowed for the call */
    const json_t *root;         /* the parent value of root fields; NULL: none. Borrowed until the end */
    void *context;              /* for resolvers */
};

struct gql_result {
    bool executed; /* false: a request error (operation, variables): there is no data, not even null */
    char *text;    /* the answer: {"data":…} with "errors" before it where there are some; compact JSON */
    size_t size;
    const struct gql_errors *errors;
};

/* Called once, when every resolver has ended, also those whose values an error has made needless; everything of `result`
 * is borrowed for the call. */
typedef void gql_done(void *context, const struct gql_result *result);

/* Executes an operation; `done` may be called before this returns. Nothing can cancel an execution: resolvers end what
 * they began. */
void gql_execute(struct gql_document *document, const struct gql_request *request, gql_done *done, void *context);

#endif
