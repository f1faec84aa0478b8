#include "services/provisioner/runtimes.h"

#include <stdlib.h>
#include <string.h>

#include "services/provisioner/optional.h"

enum { RUNTIME_TEXTS = 10 };

struct shared_text {
    UT_hash_handle hh;
    char text[];
};

static void *zeroed(size_t size)
{
    void *made = calloc(1, size);

    if (made == NULL)
        abort(); /* memory is bounded by the limits on sizes, not by luck */
    return made;
}

/* What all empty texts are: most runtimes lack several. Never written to. */
static char nothing[] = "";

void text_free(char *text)
{
    if (text != nothing)
        free(text);
}

void text_set(char **slot, const char *text)
{
    char *former = *slot;

    *slot = text == NULL || *text == '\0' ? nothing : strdup(text);
    if (*slot == NULL)
        abort();
    text_free(former); /* only now: `text` may be a part of it */
}

const char *runtimes_share(struct runtimes *runtimes, const char *text)
{
    struct shared_text *shared;
    size_t length;

    if (text == NULL || *text == '\0')
        return nothing;
    length = strlen(text);
    HASH_FIND(hh, runtimes->shared, text, length, shared);
    if (shared == NULL) {
        shared = zeroed(sizeof *shared + length + 1);
        memcpy(shared->text, text, length);
        HASH_ADD(hh, runtimes->shared, text, length, shared);
    }
    return shared->text;
}

const char *text_of(const json_t *data, const char *name)
{
    const char *text = json_string_value(json_object_get(data, name));

    return text == NULL ? "" : text;
}

int attempt_of(const json_t *data)
{
    const json_t *attempt = json_object_get(data, "attempt");

    return json_is_integer(attempt) ? (int)json_integer_value(attempt) : 1;
}

void attempt_set(json_t *data, int attempt)
{
    if (attempt > 1)
        json_object_set_new(data, "attempt", json_integer(attempt));
}

/* --- Limits --- */

int64_t operation_deadline_ms(const struct operation *operation)
{
    return operation->limit_ms > INT64_MAX - operation->stage_since_ms
               ? INT64_MAX
               : operation->stage_since_ms + operation->limit_ms;
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
    text_free(operation->runtime_id);
    text_free(operation->id);
    text_free(operation->message);
    text_free(operation->last_error);
    text_free(operation->orchestration_id);
    text_free(operation->traceparent);
    free(operation);
}

static void forget_replaced(struct runtimes *runtimes, int64_t before)
{
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
    text_set(&operation->last_error, "");
    text_set(&operation->orchestration_id, "");
    operation->attempt = 1;
    operation->lane = nothing;
    operation->version = nothing;
    text_set(&operation->traceparent, "");
    operation->state =
        OPERATION_SUCCEEDED; /* until its event or its row says otherwise: what is not known does not run */
    runtime->operation = operation;
    return operation;
}

const struct operation *runtimes_operation(const struct runtimes *runtimes, const char *runtime_id, const char *id)
{
    const struct runtime *runtime = runtimes_find(runtimes, runtime_id);
    const struct operation *newest = NULL;

    if (runtime != NULL && runtime->operation != NULL && strcmp(runtime->operation->id, id) == 0)
        return runtime->operation;
    for (const struct operation *one = runtimes->replaced; one != NULL; one = one->next)
        if (strcmp(one->id, id) == 0 && strcmp(one->runtime_id, runtime_id) == 0)
            newest = one;
    return newest;
}

/* --- Runtimes --- */

bool runtime_busy(const struct runtime *runtime)
{
    return runtime->operation != NULL && runtime->operation->state == OPERATION_IN_PROGRESS;
}

static struct waiting *waiting_find(const struct runtime *runtime, const char *operation_id)
{
    for (size_t i = 0; i < runtime->waiting_count; i++)
        if (strcmp(runtime->waiting[i].operation_id, operation_id) == 0)
            return &runtime->waiting[i];
    return NULL;
}

const struct waiting *runtime_waiting_find(const struct runtime *runtime, const char *operation_id)
{
    return waiting_find(runtime, operation_id);
}

static struct waiting *waiting_new(struct runtime *runtime)
{
    struct waiting *list = realloc(runtime->waiting, (runtime->waiting_count + 1) * sizeof *list);

    if (list == NULL)
        abort();
    runtime->waiting = list;
    list[runtime->waiting_count] = (struct waiting){ 0 };
    return &list[runtime->waiting_count++];
}

void runtime_waiting_add(struct runtime *runtime, const json_t *about)
{
    struct waiting *waiting = waiting_find(runtime, text_of(about, "operationID"));

    if (waiting == NULL)
        waiting = waiting_new(runtime);
    text_set(&waiting->operation_id, text_of(about, "operationID"));
    text_set(&waiting->orchestration_id, text_of(about, "orchestrationID"));
    text_set(&waiting->lane, text_of(about, "lane"));
    waiting->attempt = attempt_of(about);
}

json_t *runtime_waiting(const struct runtime *runtime)
{
    json_t *list = json_array();

    for (size_t i = 0; i < runtime->waiting_count; i++) {
        const struct waiting *waiting = &runtime->waiting[i];
        json_t *about = json_pack("{s:s,s:s,s:s}", "operationID", waiting->operation_id, "orchestrationID",
                                  waiting->orchestration_id, "lane", waiting->lane);

        attempt_set(about, waiting->attempt);
        json_array_append_new(list, about);
    }
    return list;
}

void runtime_waiting_clear(struct runtime *runtime)
{
    for (size_t i = 0; i < runtime->waiting_count; i++) {
        text_free(runtime->waiting[i].operation_id);
        text_free(runtime->waiting[i].orchestration_id);
        text_free(runtime->waiting[i].lane);
    }
    free(runtime->waiting);
    runtime->waiting = NULL;
    runtime->waiting_count = 0;
}

static char **runtime_text(struct runtime *runtime, size_t index)
{
    char **const texts[] = { &runtime->id,
                             &runtime->instance_id,
                             &runtime->sub_account,
                             &runtime->shoot_name,
                             &runtime->name,
                             &runtime->description,
                             &runtime->seed,
                             &runtime->labels,
                             &runtime->administrators,
                             &runtime->kubeconfig_hash };

    _Static_assert(sizeof texts / sizeof texts[0] == RUNTIME_TEXTS, "each text is set and freed");
    return texts[index];
}

static void runtime_free(struct runtimes *runtimes, struct runtime *runtime)
{
    if (runtime->operation != NULL)
        heap_remove(&runtimes->limits, &runtime->operation->limit);
    operation_free(runtime->operation);
    runtime_waiting_clear(runtime);
    for (size_t i = 0; i < RUNTIME_TEXTS; i++)
        text_free(*runtime_text(runtime, i));
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
    for (size_t i = 0; i < RUNTIME_TEXTS; i++)
        text_set(runtime_text(runtime, i), "");
    runtime->tenant = runtime->plan = runtime->region = runtime->kyma_version = nothing;
    text_set(&runtime->id, id);
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

/* --- Kubeconfigs --- */

void kubeconfig_hash(const char *kubeconfig, char out[KUBECONFIG_HASH_SIZE])
{
    char whole[SHA256_HEX_SIZE];

    sha256_hex(kubeconfig, strlen(kubeconfig), whole);
    memcpy(out, whole, KUBECONFIG_HASH_SIZE - 1);
    out[KUBECONFIG_HASH_SIZE - 1] = '\0';
}

void runtimes_kubeconfig_set(struct runtimes *runtimes, struct runtime *runtime, const char *text, int64_t offset)
{
    struct kubeconfig *kubeconfig = zeroed(sizeof *kubeconfig);

    kubeconfig->since = offset;
    text_set(&kubeconfig->runtime_id, runtime->id);
    text_set(&kubeconfig->text, text);
    *runtimes->kubeconfigs_end = kubeconfig;
    runtimes->kubeconfigs_end = &kubeconfig->next;
    runtime->kubeconfig = kubeconfig;
}

static void forget_kubeconfigs(struct runtimes *runtimes, int64_t before)
{
    while (runtimes->kubeconfigs != NULL && runtimes->kubeconfigs->since < before) {
        struct kubeconfig *first = runtimes->kubeconfigs;
        struct runtime *runtime = runtimes_find(runtimes, first->runtime_id);

        runtimes->kubeconfigs = first->next;
        if (runtime != NULL && runtime->kubeconfig == first)
            runtime->kubeconfig = NULL;
        text_free(first->runtime_id);
        text_free(first->text);
        free(first);
    }
    if (runtimes->kubeconfigs == NULL)
        runtimes->kubeconfigs_end = &runtimes->kubeconfigs;
}

/* --- All of a partition --- */

static void mark_configurations(const struct operation *operation)
{
    if (operation == NULL)
        return;
    configuration_mark(operation->configuration);
    configuration_mark(operation->pre);
}

/* Those without a body are named by what is in memory, or by nobody. */
static void sweep_configurations(struct runtimes *runtimes)
{
    for (const struct runtime *runtime = runtimes->by_id; runtime != NULL; runtime = runtime->hh.next) {
        configuration_mark(runtime->kyma_config);
        configuration_mark(runtime->cluster_config);
        configuration_mark(runtime->installed);
        mark_configurations(runtime->operation);
    }
    for (const struct operation *operation = runtimes->replaced; operation != NULL; operation = operation->next)
        mark_configurations(operation);
    configurations_sweep(&runtimes->configurations);
}

void runtimes_pass(struct runtimes *runtimes, int64_t offset)
{
    const int64_t before = offset - RUNTIMES_REPLACED_RECORDS;

    forget_replaced(runtimes, before);
    forget_kubeconfigs(runtimes, before);
    configurations_pass(&runtimes->configurations, before);
    if (configurations_crowded(&runtimes->configurations))
        sweep_configurations(runtimes);
}

struct runtimes *runtimes_new(const struct runtime_settings *settings)
{
    struct runtimes *runtimes = zeroed(sizeof *runtimes);

    runtimes->settings = settings;
    runtimes->limits.before = sooner;
    runtimes->replaced_end = &runtimes->replaced;
    runtimes->kubeconfigs_end = &runtimes->kubeconfigs;
    runtimes->optional = optional_memory_new();
    configurations_init(&runtimes->configurations);
    return runtimes;
}

void runtimes_free(struct runtimes *runtimes)
{
    struct runtime *runtime, *next_runtime;
    struct shared_text *shared, *next_shared;

    if (runtimes == NULL)
        return;
    HASH_ITER(hh, runtimes->by_id, runtime, next_runtime) {
        HASH_DEL(runtimes->by_id, runtime);
        runtime_free(runtimes, runtime);
    }
    runtimes_pass(runtimes, INT64_MAX);
    HASH_ITER(hh, runtimes->shared, shared, next_shared) {
        HASH_DEL(runtimes->shared, shared);
        free(shared);
    }
    configurations_release(&runtimes->configurations);
    optional_memory_free(runtimes->optional);
    heap_release(&runtimes->limits);
    free(runtimes);
}
