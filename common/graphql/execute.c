/* execute.c - executes an operation: its fields, their resolvers, and its end. */
#include "common/graphql/execute.h"

#include "common/graphql/coerce.h"
#include "common/graphql/introspection.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLANS_BYTES_MAX = 1 << 20 };

/* --- Places and their errors --- */

struct gql_branch *gql_branch_new(struct gql_execution *execution, struct gql_place place, size_t count)
{
    struct gql_branch *branch = gql_alloc(&execution->arena, sizeof(*branch) + count * sizeof(struct gql_slot));

    branch->parent = place.branch;
    branch->index = place.index;
    branch->count = (uint32_t)count;
    if (place.branch) {
        branch->depth = place.branch->depth + 1;
        place.branch->slots[place.index] = (struct gql_slot){ .kind = GQL_SLOT_BRANCH, .branch = branch };
    }
    return branch;
}

/* An error below what is null already would explain nothing: it is dropped (specification, 6.4.4). */
struct gql_error *gql_fail(struct gql_execution *execution, struct gql_place place, const char *format, ...)
{
    struct gql_error *error;
    char message[GQL_MESSAGE_SIZE + 4]; /* longer than what is reported, so that it is seen to be cut */
    va_list arguments;

    if (gql_place_is_nulled(place))
        return NULL;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    error = gql_errors_add(&execution->errors, NULL, "%s", message);
    if (error) {
        error->path = gql_place_path(place);
        gql_plan_locate(execution->planner, gql_place_entry(place), error);
    }
    gql_place_null(place);
    return error;
}

/* --- Fields --- */

static void resolve(struct gql_execution *execution, struct gql_place place, struct gql_entry *entry)
{
    const json_t *arguments = gql_arguments(execution, place, entry);
    struct gql_field *field;

    if (!arguments)
        return;
    field = gql_alloc(&execution->arena, sizeof(*field));
    *field = (struct gql_field){
        .execution = execution, .place = place, .entry = entry, .arguments = arguments, .in_resolver = true
    };
    execution->pending++;
    entry->field->resolver(field, execution->context);
    field->in_resolver = false;
    if (!field->has_ended)
        return;
    execution->pending--;
    if (!field->has_failed && !gql_place_is_nulled(place))
        gql_complete(execution, place, entry->field->ref, field->value);
}

/* Without a resolver: the member of this name. What is wrong with the arguments is an error nevertheless. */
static void resolve_member(struct gql_execution *execution, struct gql_place place, struct gql_entry *entry)
{
    const struct gql_field_type *field = entry->field;
    const struct gql_schema *schema = execution->document->schema;
    const json_t *arguments = NULL, *value;

    if (entry->has_variables || field == schema->type_field) {
        arguments = gql_arguments(execution, place, entry);
        if (!arguments)
            return;
    }
    if (field == schema->schema_field)
        value = gql_introspect_schema(schema);
    else if (field == schema->type_field)
        value = gql_introspect_type(schema, json_string_value(json_object_get(arguments, "name")));
    else
        value = json_object_get(place.branch->value, field->name);
    gql_complete(execution, place, field->ref, value);
}

static void execute_field(struct gql_execution *execution, struct gql_branch *object, uint32_t index)
{
    struct gql_place place = { .branch = object, .index = index };
    struct gql_entry *entry = &object->plan->entries[index];

    if (entry->field == execution->document->schema->typename_field)
        object->slots[index] = (struct gql_slot){ .kind = GQL_SLOT_NAME, .name = object->plan->type->name };
    else if (entry->field->resolver)
        resolve(execution, place, entry);
    else
        resolve_member(execution, place, entry);
}

void gql_execute_fields(struct gql_execution *execution, struct gql_branch *object)
{
    for (uint32_t i = 0; i < object->count && !object->is_nulled; i++)
        execute_field(execution, object, i);
}

/* --- The end --- */

static void report(struct gql_execution *execution)
{
    struct gql_text text = { 0 };
    struct gql_result result = { .executed = execution->data != NULL, .errors = &execution->errors };

    gql_result_write(&text, execution->data, &execution->errors);
    result.text = text.bytes;
    result.size = text.size;
    execution->done(execution->done_context, &result);
    free(text.bytes);
}

static void finish(struct gql_execution *execution)
{
    report(execution);
    gql_kept_release(execution->kept);
    gql_planner_release(&execution->own);
    gql_errors_release(&execution->errors);
    gql_arena_release(&execution->arena);
    json_decref(execution->variables);
    execution->document->executions--;
    gql_document_release(execution->document);
    free(execution);
}

/* Root fields that are left wait until nothing is pending: the former one has ended with all that is below it. While
 * one is executed it counts as pending, so that what ends within does not come here again. */
static void advance(struct gql_execution *execution)
{
    struct gql_branch *data = execution->data;

    while (execution->pending == 0 && data && execution->next < data->count && !data->is_nulled) {
        execution->pending++;
        execute_field(execution, data, execution->next++);
        execution->pending--;
    }
    if (execution->pending == 0)
        finish(execution);
}

/* The place may have been nulled by another field in the meantime: then nobody waits for the value. */
static void end_later(struct gql_field *field, const json_t *value)
{
    struct gql_execution *execution = field->execution;

    if (!gql_place_is_nulled(field->place))
        gql_complete(execution, field->place, field->entry->field->ref, value);
    execution->pending--;
    advance(execution);
}

/* --- In a resolver --- */

const json_t *gql_field_arguments(const struct gql_field *field)
{
    return field->arguments;
}

const json_t *gql_field_parent(const struct gql_field *field)
{
    return field->place.branch->value;
}

const char *gql_field_name(const struct gql_field *field)
{
    return field->entry->field->name;
}

bool gql_field_selects(const struct gql_field *field, const char *name)
{
    return gql_plan_selects(field->execution->planner, field->entry, name);
}

void gql_field_value(struct gql_field *field, json_t *value)
{
    struct gql_execution *execution = field->execution;

    assert(!field->has_ended);
    field->has_ended = true;
    if (value)
        gql_keep(&execution->arena, &execution->kept, value);
    if (field->in_resolver)
        field->value = value;
    else
        end_later(field, value);
}

void gql_field_error(struct gql_field *field, const char *message, json_t *extensions)
{
    struct gql_execution *execution = field->execution;
    struct gql_error *error;

    assert(!field->has_ended);
    error = gql_fail(execution, field->place, "%s", message);
    if (error)
        error->extensions = extensions;
    else
        json_decref(extensions);
    field->has_failed = field->has_ended = true;
    if (!field->in_resolver) {
        execution->pending--;
        advance(execution);
    }
}

/* --- The beginning --- */

static struct gql_execution *execution_new(struct gql_document *document, const struct gql_request *request,
                                           gql_done *done, void *context)
{
    struct gql_execution *execution = calloc(1, sizeof(*execution));

    if (!execution)
        abort();
    execution->document = gql_document_hold(document);
    document->executions++;
    execution->root = request->root;
    execution->context = request->context;
    execution->done = done;
    execution->done_context = context;
    execution->errors.max = document->limits.errors;
    return execution;
}

/* False: there is an error. */
static bool find_operation(struct gql_execution *execution, const char *name)
{
    const struct gql_document *document = execution->document;
    char message[GQL_MESSAGE_SIZE];

    execution->operation = gql_document_find(document, name, message, sizeof(message));
    if (!execution->operation) {
        gql_errors_add(&execution->errors, NULL, "%s", message);
        return false;
    }
    if (!document->schema->roots[execution->operation->operation]) {
        static const char *const names[] = { "query", "mutation", "subscription" };

        gql_error_at(gql_errors_add(&execution->errors, NULL, "Schema is not configured to execute %s operation.",
                                    names[execution->operation->operation]),
                     document->ast->text, execution->operation->at);
        return false;
    }
    return true;
}

static bool coerce_variables(struct gql_execution *execution, const json_t *given)
{
    const struct gql_document *document = execution->document;

    execution->variables = gql_coerce_variables(document->schema, document->ast, execution->operation, given,
                                                &document->limits, &execution->errors);
    return execution->variables != NULL;
}

/* Plans that depend on variables are good for one execution. Those of the document grow with the types that its answers
 * had; when they are many and nobody uses them, they begin anew. */
static void choose_planner(struct gql_execution *execution)
{
    struct gql_document *document = execution->document;

    if (document->executions == 1 && gql_planner_bytes(&document->planner) > PLANS_BYTES_MAX)
        gql_planner_release(&document->planner);
    execution->planner = document->is_conditional ? &execution->own : &document->planner;
    execution->own.document = execution->document;
    execution->own.variables = execution->variables;
}

static void begin_data(struct gql_execution *execution)
{
    static const struct gql_plan nothing;
    const struct gql_type *type = execution->document->schema->roots[execution->operation->operation];
    const struct gql_plan *plan = gql_plan_root(execution->planner, execution->operation, type);
    struct gql_branch *data = gql_branch_new(execution, (struct gql_place){ 0 }, plan ? plan->count : 0);

    data->plan = plan ? plan : &nothing;
    data->value = execution->root;
    execution->data = data;
    if (!plan) {
        data->is_nulled = true;
        gql_error_at(gql_errors_add(&execution->errors, NULL,
                                    "Argument \"if\" of non-null type \"Boolean!\" must not be null."),
                     execution->document->ast->text, execution->planner->invalid->at);
    }
}

void gql_execute(struct gql_document *document, const struct gql_request *request, gql_done *done, void *context)
{
    struct gql_execution *execution = execution_new(document, request, done, context);

    if (!find_operation(execution, request->operation_name) || !coerce_variables(execution, request->variables)) {
        finish(execution);
        return;
    }
    choose_planner(execution);
    begin_data(execution);
    if (execution->operation->operation != GQL_MUTATION) {
        execution->pending++;
        execution->next = execution->data->count;
        gql_execute_fields(execution, execution->data);
        execution->pending--;
    }
    advance(execution);
}
