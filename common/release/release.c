#include "common/release/release.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/base/id.h"
#include "common/release/override.h"
#include "common/release/release_check.h"
#include "common/release/version.h"

enum { MADE_MAX = 4096 };

/* A configuration with overrides, kept because many runtimes get the same. */
struct made {
    UT_hash_handle hh;
    char *name; /* the version, and the indexes of the overrides */
    json_t *configuration;
    size_t size; /* as compact JSON */
    char hash[SHA256_HEX_SIZE];
};

struct release {
    const char *version; /* in `json` */
    json_t *configuration;
    struct overrides *overrides;
    char hash[SHA256_HEX_SIZE];
    bool tiller;
};

struct memory {
    struct made *made;
};

struct releases {
    json_t *json, *accounts;
    struct release *items; /* oldest first */
    size_t count;
    char *list;
    char hash[SHA256_HEX_SIZE];
    struct memory *memory; /* what changes behind const: nobody can tell */
};

void configuration_hash(const json_t *configuration, char *out)
{
    char *text = json_dumps(configuration, JSON_COMPACT | JSON_SORT_KEYS);

    if (text == NULL)
        abort();
    sha256_hex(text, strlen(text), out);
    free(text);
}

/* --- Making --- */

/* A checked file in the shape in which configurations travel: what is not set is null. */
static json_t *configuration_of(const json_t *file)
{
    json_t *components = json_array(), *configuration = json_array();
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(file, "components"), i, item) {
        json_array_append_new(components,
                              json_pack("{s:O,s:O,s:n,s:n,s:n}", "component", json_object_get(item, "component"),
                                        "namespace", json_object_get(item, "namespace"), "configuration", "sourceURL",
                                        "conflictStrategy"));
    }
    json_array_foreach(json_object_get(file, "configuration"), i, item) {
        json_array_append_new(configuration, json_pack("{s:O,s:O,s:n}", "key", json_object_get(item, "key"), "value",
                                                       json_object_get(item, "value"), "secret"));
    }
    return json_pack("{s:O,s:n,s:o,s:o,s:s}", "version", json_object_get(file, "version"), "profile", "components",
                     components, "configuration", configuration, "conflictStrategy", "Replace");
}

static size_t size_of(const json_t *configuration)
{
    return json_dumpb(configuration, NULL, 0, JSON_COMPACT);
}

static bool add_release(struct releases *releases, const json_t *file, struct error *err)
{
    struct release *release = &releases->items[releases->count];
    size_t size;

    if (!release_check(file, NULL, err))
        return false;
    release->version = json_string_value(json_object_get(file, "version"));
    release->configuration = configuration_of(file);
    release->overrides = overrides_new(json_object_get(file, "overrides"));
    release->tiller = json_is_true(json_object_get(file, "tiller"));
    configuration_hash(release->configuration, release->hash);
    releases->count++;
    size = size_of(release->configuration);
    return size <= RELEASE_CONFIGURATION_SIZE_MAX ||
           error_set(err, ERROR_INPUT, "has %zu bytes; a configuration may have %d", size,
                     RELEASE_CONFIGURATION_SIZE_MAX);
}

static int by_version(const void *a, const void *b)
{
    return strverscmp(((const struct release *)a)->version, ((const struct release *)b)->version);
}

static char *list_of(const struct releases *releases)
{
    char *list = NULL;
    size_t size;
    FILE *out = open_memstream(&list, &size);

    if (out == NULL)
        abort();
    for (size_t i = 0; i < releases->count; i++)
        fprintf(out, "%s%s", i == 0 ? "" : ", ", releases->items[i].version);
    fclose(out);
    return list;
}

static bool add_releases(struct releases *releases, struct error *err)
{
    const json_t *files = json_object_get(releases->json, "releases");
    json_t *file;
    size_t i;

    if (json_array_size(files) == 0)
        return error_set(err, ERROR_INPUT, "releases: must be a list of at least one");
    releases->items = calloc(json_array_size(files), sizeof *releases->items);
    if (releases->items == NULL)
        abort();
    json_array_foreach((json_t *)(uintptr_t)files, i, file) {
        if (!add_release(releases, file, err)) {
            const char *version = json_string_value(json_object_get(file, "version"));

            error_context(err, "%.64s", version == NULL ? "a release without a version" : version);
            return false;
        }
    }
    qsort(releases->items, releases->count, sizeof *releases->items, by_version);
    releases->list = list_of(releases);
    for (i = 1; i < releases->count; i++)
        if (strcmp(releases->items[i - 1].version, releases->items[i].version) == 0)
            return error_set(err, ERROR_INPUT, "releases: two have the version %.64s", releases->items[i].version);
    return true;
}

static bool add_versions(struct releases *releases, struct error *err)
{
    const json_t *versions = json_object_get(releases->json, "versions");
    const char *usual = releases_default(releases);

    releases->accounts = json_incref(json_object_get(versions, "accounts"));
    if (releases->accounts == NULL)
        releases->accounts = json_object();
    if (versions != NULL && !release_versions_check(versions, err))
        return false;
    return usual == NULL || releases_configuration(releases, usual) != NULL ||
           error_set(err, ERROR_INPUT, "default: there is no release %.64s; there are: %s", usual, releases->list);
}

struct releases *releases_new(const json_t *json, struct error *err)
{
    struct releases *releases = calloc(1, sizeof *releases);
    struct memory *memory = calloc(1, sizeof *memory);

    if (releases == NULL || memory == NULL)
        abort();
    releases->memory = memory;
    releases->json = json_incref((json_t *)(uintptr_t)json);
    if (add_releases(releases, err) && add_versions(releases, err)) {
        configuration_hash(json, releases->hash);
        return releases;
    }
    releases_free(releases);
    return NULL;
}

static void forget(struct memory *memory)
{
    while (memory->made != NULL) {
        struct made *made = memory->made;

        HASH_DEL(memory->made, made);
        json_decref(made->configuration);
        free(made->name);
        free(made);
    }
}

void releases_free(struct releases *releases)
{
    if (releases == NULL)
        return;
    for (size_t i = 0; i < releases->count; i++) {
        json_decref(releases->items[i].configuration);
        overrides_free(releases->items[i].overrides);
    }
    forget(releases->memory);
    free(releases->memory);
    free(releases->items);
    free(releases->list);
    json_decref(releases->accounts);
    json_decref(releases->json);
    free(releases);
}

const json_t *releases_json(const struct releases *releases)
{
    return releases->json;
}

const char *releases_json_hash(const struct releases *releases)
{
    return releases->hash;
}

/* --- One release --- */

static const struct release *find(const struct releases *releases, const char *version)
{
    for (size_t i = 0; i < releases->count; i++)
        if (strcmp(releases->items[i].version, version) == 0)
            return &releases->items[i];
    return NULL;
}

const json_t *releases_configuration(const struct releases *releases, const char *version)
{
    const struct release *release = find(releases, version);

    return release == NULL ? NULL : release->configuration;
}

const char *releases_hash(const struct releases *releases, const char *version)
{
    const struct release *release = find(releases, version);

    return release == NULL ? NULL : release->hash;
}

bool releases_ship_tiller(const struct releases *releases, const char *version)
{
    const struct release *release = find(releases, version);

    return release != NULL && release->tiller;
}

/* --- With overrides --- */

/* The caller owns it. */
static char *name_of(const struct release *release, const size_t *which, size_t count)
{
    char *name = NULL;
    size_t size;
    FILE *out = open_memstream(&name, &size);

    if (out == NULL)
        abort();
    fprintf(out, "%s", release->version);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "\n%zu", which[i]);
    fclose(out);
    return name;
}

static const struct made *make(struct memory *memory, const struct release *release, const size_t *which, size_t count)
{
    char *name = name_of(release, which, count);
    struct made *made = NULL;

    HASH_FIND_STR(memory->made, name, made);
    if (made != NULL) {
        free(name);
        return made;
    }
    if (HASH_COUNT(memory->made) == MADE_MAX)
        forget(memory);
    made = calloc(1, sizeof *made);
    if (made == NULL)
        abort();
    made->name = name;
    made->configuration = overrides_apply(release->overrides, release->configuration, which, count);
    made->size = size_of(made->configuration);
    configuration_hash(made->configuration, made->hash);
    HASH_ADD_KEYPTR(hh, memory->made, made->name, strlen(made->name), made);
    return made;
}

json_t *releases_configured(const struct releases *releases, const char *version, struct release_runtime runtime,
                            char *hash, struct error *err)
{
    const struct release *release = find(releases, version);
    const struct made *made;
    size_t count, *which;

    if (release == NULL) {
        error_set(err, ERROR_NOT_FOUND, "there is no release %.64s; there are: %s", version, releases->list);
        return NULL;
    }
    which = overrides_match(release->overrides, runtime, &count);
    if (count == 0) {
        memcpy(hash, release->hash, sizeof release->hash);
        return json_incref(release->configuration);
    }
    made = make(releases->memory, release, which, count);
    free(which);
    if (made->size > RELEASE_CONFIGURATION_SIZE_MAX) {
        error_set(err, ERROR_INPUT, "the configuration of %.64s has %zu bytes with %zu overrides; it may have %d",
                  version, made->size, count, RELEASE_CONFIGURATION_SIZE_MAX);
        return NULL;
    }
    memcpy(hash, made->hash, sizeof made->hash);
    return json_incref(made->configuration);
}

/* --- All releases --- */

const char *releases_list(const struct releases *releases)
{
    return releases->list;
}

size_t releases_count(const struct releases *releases)
{
    return releases->count;
}

const char *releases_version(const struct releases *releases, size_t index)
{
    return releases->items[index].version;
}

size_t releases_override_count(const struct releases *releases, size_t index)
{
    return overrides_count(releases->items[index].overrides);
}

/* --- Which version --- */

const char *releases_default(const struct releases *releases)
{
    return json_string_value(json_object_get(json_object_get(releases->json, "versions"), "default"));
}

bool releases_have_default(const struct releases *releases, const char *version, struct error *err)
{
    const char *usual = releases_default(releases) != NULL ? releases_default(releases) : version;
    int major = kyma_version_major(usual, usual);

    if (releases_configuration(releases, usual) == NULL)
        return error_set(err, ERROR_INPUT,
                         "there is no release %.64s, which is sent where nobody names one; there are: %s", usual,
                         releases->list);
    return (major >= 1 && major <= KYMA_MAJOR_MAX) ||
           error_set(err, ERROR_INPUT,
                     "Kyma %.64s, which is sent where nobody names one, cannot be sent: the major versions 1 to %d are "
                     "known",
                     usual, KYMA_MAJOR_MAX);
}

static const char *version_of(const struct releases *releases, const char *prefix, const char *account)
{
    const char *version;
    char *name;

    if (account == NULL || account[0] == '\0')
        return NULL;
    if (asprintf(&name, "%s%s", prefix, account) < 0)
        abort();
    version = json_string_value(json_object_get(releases->accounts, name));
    free(name);
    return version;
}

const char *releases_account_version(const struct releases *releases, struct release_runtime runtime)
{
    const char *version = version_of(releases, "SA_", runtime.sub_account);

    return version != NULL ? version : version_of(releases, "GA_", runtime.global_account);
}

const json_t *releases_accounts(const struct releases *releases)
{
    return releases->accounts;
}

bool releases_differ(const struct releases *releases)
{
    for (size_t i = 0; i < releases->count; i++)
        if (overrides_count(releases->items[i].overrides) > 0)
            return true;
    return json_object_size(releases->accounts) > 0;
}
