#include "services/provisioner/optional.h"

#include <stdlib.h>
#include <string.h>

#include "common/release/release.h"
#include "services/provisioner/decide.h"
#include "services/provisioner/input.h"

enum { FOUND_MAX = 8 }; /* pairs of an old and a new configuration in one orchestration: a few versions, a few plans */

/* What tells optional components apart: the configuration that is sent, what the old release is for the runtime ("": it
 * is not known), and all releases. */
struct measure {
    char wanted[SHA256_HEX_SIZE], usual[SHA256_HEX_SIZE], releases[SHA256_HEX_SIZE];
};

struct found {
    struct measure measure;
    char active[SHA256_HEX_SIZE], brought[SHA256_HEX_SIZE];
};

/* Named by hashes alone, so that it never tells anything else than what would be found out again. */
struct optional_memory {
    struct measure measure;
    json_t *named; /* by `measure`: the components that are not optional, as names of members */
    struct found found[FOUND_MAX];
    size_t next;
};

struct optional_memory *optional_memory_new(void)
{
    struct optional_memory *memory = calloc(1, sizeof *memory);

    if (memory == NULL)
        abort();
    return memory;
}

void optional_memory_free(struct optional_memory *memory)
{
    json_decref(memory->named);
    free(memory);
}

/* --- What is not optional --- */

static bool measure_equal(const struct measure *a, const struct measure *b)
{
    return strcmp(a->wanted, b->wanted) == 0 && strcmp(a->usual, b->usual) == 0 &&
           strcmp(a->releases, b->releases) == 0;
}

static void add_names(json_t *named, const json_t *configuration)
{
    json_t *component;
    size_t i;

    json_array_foreach(json_object_get(configuration, "components"), i, component)
        json_object_set_new(named, text_of(component, "component"), json_true());
}

static void add_release(json_t *named, const struct releases *releases, const char *version)
{
    add_names(named, releases == NULL ? NULL : releases_configuration(releases, version));
}

/* What the release that `runtime` has is for it, with its overrides; own. NULL: there is no such release. */
static json_t *usual_of(const struct releases *releases, const struct runtime *runtime, char hash[SHA256_HEX_SIZE])
{
    const struct release_runtime about = { .plan = runtime->plan,
                                           .global_account = runtime->tenant,
                                           .sub_account = runtime->sub_account };

    return releases == NULL ? NULL : releases_configured(releases, runtime->kyma_version, about, hash, NULL);
}

/* What an override disables is not optional either: its release names it. */
static json_t *named_by(const struct releases *releases, const struct runtime *runtime, const json_t *wanted,
                        const json_t *usual)
{
    json_t *named = json_object();

    add_names(named, wanted);
    add_release(named, releases, text_of(wanted, "version"));
    add_names(named, usual);
    if (usual != NULL)
        add_release(named, releases, runtime->kyma_version);
    for (size_t i = 0; usual == NULL && releases != NULL && i < releases_count(releases); i++)
        add_release(named, releases, releases_version(releases, i));
    return named;
}

/* --- What is brought --- */

/* Own; an empty list: there is none. */
static json_t *optional_of(const struct configuration *active, const json_t *named)
{
    json_t *body = json_loads(active->body, JSON_DECODE_ANY, NULL), *optional = json_array(), *component;
    size_t i;

    json_array_foreach(json_object_get(body, "components"), i, component) {
        const char *name = text_of(component, "component");

        if (*name != '\0' && json_object_get(named, name) == NULL)
            json_array_append(optional, component);
    }
    json_decref(body);
    return optional;
}

/* `wanted` and after its components those of `optional`; own. NULL: `why`. */
static json_t *joined(const json_t *wanted, const json_t *optional, struct error *why)
{
    const json_t *components = json_object_get(wanted, "components");
    json_t *body = json_copy((json_t *)(uintptr_t)wanted);
    json_t *all = json_is_array(components) ? json_copy((json_t *)(uintptr_t)components) : json_array();
    size_t size;

    json_array_extend(all, (json_t *)(uintptr_t)optional);
    json_object_set_new(body, "components", all);
    size = json_dumpb(body, NULL, 0, JSON_COMPACT);
    if (size <= INPUT_KYMA_SIZE_MAX)
        return body;
    error_set(why, ERROR_INPUT,
              "with its own %zu components the configuration of Kyma %.64s has %zu bytes; it may have %d",
              json_array_size(optional), text_of(wanted, "version"), size, INPUT_KYMA_SIZE_MAX);
    json_decref(body);
    return NULL;
}

/* --- What was found before --- */

static const char *recall(const struct optional_memory *memory, const struct measure *measure, const char *active)
{
    for (size_t i = 0; i < FOUND_MAX; i++)
        if (strcmp(memory->found[i].active, active) == 0 && measure_equal(&memory->found[i].measure, measure))
            return memory->found[i].brought;
    return NULL;
}

static void remember(struct optional_memory *memory, const struct measure *measure, const char *active,
                     const char *brought)
{
    struct found *found = &memory->found[memory->next++ % FOUND_MAX];

    found->measure = *measure;
    memcpy(found->active, active, strnlen(active, SHA256_HEX_SIZE - 1) + 1);
    memcpy(found->brought, brought, strnlen(brought, SHA256_HEX_SIZE - 1) + 1);
}

/* --- All of it --- */

static bool name_joined(const struct runtimes *runtimes, const struct runtime *runtime,
                        const struct configuration *wanted, const json_t *optional, json_t *data, struct error *why)
{
    json_t *sent = configuration_body(&runtimes->configurations, wanted), *body = joined(sent, optional, why);
    char hash[SHA256_HEX_SIZE];

    json_decref(sent);
    if (body == NULL)
        return false;
    configuration_name(body, runtime->id, hash);
    runtime_name_configuration(runtimes, data, "configuration", "kymaConfig", hash, body);
    json_decref(body);
    return true;
}

static bool find_out(const struct runtimes *runtimes, const struct runtime *runtime, const struct configuration *wanted,
                     const struct measure *measure, const json_t *usual, json_t *data, struct error *why)
{
    struct optional_memory *memory = runtimes->optional;
    json_t *optional;
    bool named = true;

    if (memory->named == NULL || !measure_equal(&memory->measure, measure)) {
        json_t *body = configuration_body(&runtimes->configurations, wanted);

        json_decref(memory->named);
        memory->named = named_by(runtimes->settings->releases, runtime, body, usual);
        memory->measure = *measure;
        json_decref(body);
    }
    optional = optional_of(runtime->kyma_config, memory->named);
    if (json_array_size(optional) == 0)
        json_object_set_new(data, "configuration", json_string(wanted->hash));
    else
        named = name_joined(runtimes, runtime, wanted, optional, data, why);
    if (named && runtime->kyma_config->secrecy == SECRECY_NONE && wanted->secrecy == SECRECY_NONE)
        remember(memory, measure, runtime->kyma_config->hash, text_of(data, "configuration"));
    json_decref(optional);
    return named;
}

/* A runtime that has what its release is for it, or what is sent, has nothing beside: that takes no look at bodies. */
bool optional_name(const struct runtimes *runtimes, const struct runtime *runtime, const struct configuration *wanted,
                   json_t *data, struct error *why)
{
    const struct releases *releases = runtimes->settings->releases;
    const struct configuration *active = runtime->kyma_config;
    struct measure measure = { .usual = "" };
    json_t *usual = usual_of(releases, runtime, measure.usual);
    const char *brought = wanted->hash;
    bool named = true;

    memcpy(measure.wanted, wanted->hash, sizeof measure.wanted);
    if (releases != NULL)
        memcpy(measure.releases, releases_json_hash(releases), sizeof measure.releases);
    if (active->body != NULL && strcmp(active->hash, measure.usual) != 0 && strcmp(active->hash, wanted->hash) != 0)
        brought = recall(runtimes->optional, &measure, active->hash);
    if (brought != NULL && configurations_find(&runtimes->configurations, brought) != NULL)
        json_object_set_new(data, "configuration", json_string(brought));
    else
        named = find_out(runtimes, runtime, wanted, &measure, usual, data, why);
    json_decref(usual);
    return named;
}
