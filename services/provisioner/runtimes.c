#include "services/provisioner/runtimes.h"

#include <stdlib.h>
#include <string.h>

static void *zeroed(size_t size)
{
    void *made = calloc(1, size);

    if (made == NULL)
        abort(); /* memory is bounded by the limits on sizes, not by luck */
    return made;
}

void text_set(char **slot, const char *text)
{
    char *copied = strdup(text == NULL ? "" : text);

    if (copied == NULL)
        abort();
    free(*slot);
    *slot = copied;
}

const char *text_of(const json_t *data, const char *name)
{
    const char *text = json_string_value(json_object_get(data, name));

    return text == NULL ? "" : text;
}

/* --- Limits --- */

int64_t operation_deadline_ms(const struct operation *operation)
{
    int64_t limit_ms = stage_rule(operation->stage)->limit_ms;

    return limit_ms > INT64_MAX - operation->stage_since_ms ? INT64_MAX : operation->stage_since_ms + limit_ms;
}

struct operation *operation_of_limit(const struct heap_item *item)
{
    return (struct operation *)((char *)(uintptr_t)item - offsetof(struct operation, limit));
}

static bool sooner(const struct heap_item *a, const struct heap_item *b)
{
    const struct operation *left = operation_of_limit(a), *right = operation_of_limit(b);
    int64_t left_ms = operation_deadline_ms(left), right_ms = operation_deadline_ms(right);

    return left_ms != right_ms ? left_ms < right_ms : strcmp(left->runtime_id, right->runtime_id) < 0;
}

void runtimes_limit(struct runtimes *runtimes, struct operation *operation)
{
    heap_remove(&runtimes->limits, &operation->limit);
    if (operation->state == OPERATION_IN_PROGRESS)
        heap_insert(&runtimes->limits, &operation->limit);
}

/* --- Operations --- */

static void operation_free(struct operation *operation)
{
    if (operation == NULL)
        return;
    free(operation->runtime_id);
    free(operation->id);
    free(operation->message);
    free(operation->orchestration_id);
    free(operation->lane);
    free(operation->version);
    free(operation->traceparent);
    free(operation);
}

void runtimes_pass(struct runtimes *runtimes, int64_t offset)
{
    int64_t before = offset - RUNTIMES_REPLACED_RECORDS;
    while (runtimes->replaced != NULL && runtimes->replaced->replaced < before) {
        struct operation *first = runtimes->replaced;

        runtimes->replaced = first->next;
        operation_free(first);
    }
    if (runtimes->replaced == NULL)
        runtimes->replaced_end = &runtimes->replaced;
}

static void replace(struct runtimes *runtimes, struct operation *operation, int64_t offset)
{
    if (operation == NULL)
        return;
    heap_remove(&runtimes->limits, &operation->limit);
    operation->replaced = offset;
    *runtimes->replaced_end = operation;
    runtimes->replaced_end = &operation->next;
}

struct operation *runtimes_operation_new(struct runtimes *runtimes, struct runtime *runtime, const char *id,
                                         int64_t offset)
{
    struct operation *operation = zeroed(sizeof *operation);

    replace(runtimes, runtime->operation, offset);
    text_set(&operation->runtime_id, runtime->id);
    text_set(&operation->id, id);
    text_set(&operation->message, "");
    text_set(&operation->orchestration_id, "");
    text_set(&operation->lane, "");
    text_set(&operation->version, "");
    text_set(&operation->traceparent, "");
    operation->state =
        OPERATION_SUCCEEDED; /* until its event or its row says otherwise: what is not known does not run */
    runtime->operation = operation;
    return operation;
}

const struct operation *runtimes_operation(const struct runtimes *runtimes, const char *runtime_id, const char *id)
{
    const struct runtime *runtime = runtimes_find(runtimes, runtime_id);

    if (runtime != NULL && runtime->operation != NULL && strcmp(runtime->operation->id, id) == 0)
        return runtime->operation;
    for (const struct operation *one = runtimes->replaced; one != NULL; one = one->next)
        if (strcmp(one->id, id) == 0 && strcmp(one->runtime_id, runtime_id) == 0)
            return one;
    return NULL;
}

/* --- Runtimes --- */

bool runtime_busy(const struct runtime *runtime)
{
    return runtime->operation != NULL && runtime->operation->state == OPERATION_IN_PROGRESS;
}

bool runtime_waits(const struct runtime *runtime, const char *operation_id)
{
    for (size_t i = 0; i < runtime->waiting_count; i++)
        if (strcmp(runtime->waiting[i].operation_id, operation_id) == 0)
            return true;
    return false;
}

void runtime_waiting_add(struct runtime *runtime, const char *operation_id, const char *orchestration_id,
                         const char *lane)
{
    struct waiting *waiting = realloc(runtime->waiting, (runtime->waiting_count + 1) * sizeof *waiting);

    if (waiting == NULL)
        abort();
    runtime->waiting = waiting;
    waiting += runtime->waiting_count++;
    *waiting = (struct waiting){ 0 };
    text_set(&waiting->operation_id, operation_id);
    text_set(&waiting->orchestration_id, orchestration_id);
    text_set(&waiting->lane, lane);
}

void runtime_waiting_clear(struct runtime *runtime)
{
    for (size_t i = 0; i < runtime->waiting_count; i++) {
        free(runtime->waiting[i].operation_id);
        free(runtime->waiting[i].orchestration_id);
        free(runtime->waiting[i].lane);
    }
    free(runtime->waiting);
    runtime->waiting = NULL;
    runtime->waiting_count = 0;
}

static void runtime_free(struct runtimes *runtimes, struct runtime *runtime)
{
    if (runtime->operation != NULL)
        heap_remove(&runtimes->limits, &runtime->operation->limit);
    operation_free(runtime->operation);
    runtime_waiting_clear(runtime);
    free(runtime->id);
    free(runtime->instance_id);
    free(runtime->tenant);
    free(runtime->sub_account);
    free(runtime->plan);
    free(runtime->region);
    free(runtime->shoot_name);
    free(runtime->kyma_version);
    free(runtime);
}

struct runtime *runtimes_find(const struct runtimes *runtimes, const char *id)
{
    struct runtime *runtime;

    HASH_FIND_STR(runtimes->by_id, id, runtime);
    return runtime;
}

struct runtime *runtimes_get(struct runtimes *runtimes, const char *id)
{
    struct runtime *runtime = runtimes_find(runtimes, id);

    if (runtime != NULL)
        return runtime;
    runtime = zeroed(sizeof *runtime);
    text_set(&runtime->id, id);
    text_set(&runtime->instance_id, "");
    text_set(&runtime->tenant, "");
    text_set(&runtime->sub_account, "");
    text_set(&runtime->plan, "");
    text_set(&runtime->region, "");
    text_set(&runtime->shoot_name, "");
    text_set(&runtime->kyma_version, "");
    HASH_ADD_KEYPTR(hh, runtimes->by_id, runtime->id, strlen(runtime->id), runtime);
    return runtime;
}

void runtimes_forget(struct runtimes *runtimes, const char *id)
{
    struct runtime *runtime = runtimes_find(runtimes, id);

    if (runtime == NULL)
        return;
    HASH_DEL(runtimes->by_id, runtime);
    runtime_free(runtimes, runtime);
}

/* --- Configurations --- */

static struct configuration *configuration_find(const struct runtimes *runtimes, const char *hash)
{
    struct configuration *configuration;

    HASH_FIND_STR(runtimes->configurations, hash, configuration);
    return configuration;
}

struct configuration *runtimes_configuration(const struct runtimes *runtimes, const char *hash)
{
    struct configuration *configuration = configuration_find(runtimes, hash);

    return configuration != NULL && configuration->body != NULL ? configuration : NULL;
}

struct configuration *runtimes_configuration_get(struct runtimes *runtimes, const char *hash)
{
    struct configuration *configuration = configuration_find(runtimes, hash);

    if (configuration != NULL)
        return configuration;
    configuration = zeroed(sizeof *configuration);
    strncpy(configuration->hash, hash, sizeof configuration->hash - 1);
    HASH_ADD_STR(runtimes->configurations, hash, configuration);
    return configuration;
}

struct configuration *runtimes_configuration_add(struct runtimes *runtimes, const char *hash, bool cluster,
                                                 const json_t *body)
{
    struct configuration *configuration = runtimes_configuration_get(runtimes, hash);

    if (configuration->body != NULL)
        return configuration;
    configuration->cluster = cluster;
    configuration->body = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
    if (configuration->body == NULL)
        abort();
    return configuration;
}

/* --- All of a partition --- */

struct runtimes *runtimes_new(const struct runtime_settings *settings)
{
    struct runtimes *runtimes = zeroed(sizeof *runtimes);

    runtimes->settings = settings;
    runtimes->limits.before = sooner;
    runtimes->replaced_end = &runtimes->replaced;
    return runtimes;
}

void runtimes_free(struct runtimes *runtimes)
{
    struct runtime *runtime, *next_runtime;
    struct configuration *configuration, *next;

    if (runtimes == NULL)
        return;
    HASH_ITER(hh, runtimes->by_id, runtime, next_runtime) {
        HASH_DEL(runtimes->by_id, runtime);
        runtime_free(runtimes, runtime);
    }
    HASH_ITER(hh, runtimes->configurations, configuration, next) {
        HASH_DEL(runtimes->configurations, configuration);
        free(configuration->body);
        free(configuration);
    }
    runtimes_pass(runtimes, INT64_MAX);
    heap_release(&runtimes->limits);
    free(runtimes);
}
