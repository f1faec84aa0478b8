#include "common/release/release.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"

enum { RELEASES_MAX = 1000, PATH_SIZE = 1024 };

static const char suffix[] = ".json";

struct release {
    char *version;
    json_t *configuration;
    char hash[SHA256_HEX_SIZE];
    bool tiller;
};

struct releases {
    struct release *items; /* oldest first */
    size_t count;
    char *list;
};

void configuration_hash(const json_t *configuration, char *out)
{
    char *text = json_dumps(configuration, JSON_COMPACT | JSON_SORT_KEYS);

    if (text == NULL)
        abort();
    sha256_hex(text, strlen(text), out);
    free(text);
}

/* --- One file --- */

/* `object` has exactly the text members `first` and `second`; the first may not be empty. */
static bool check_pair(const json_t *object, const char *where, size_t index, const char *first, const char *second,
                       bool second_empty, struct error *err)
{
    const char *one = json_string_value(json_object_get(object, first));
    const char *two = json_string_value(json_object_get(object, second));

    if (one != NULL && two != NULL && json_object_size(object) == 2 && *one != '\0' && (second_empty || *two != '\0'))
        return true;
    return error_set(err, ERROR_INPUT, "%s[%zu]: must be {\"%s\": \"...\", \"%s\": \"...\"} and nothing else", where,
                     index, first, second);
}

static bool check(const json_t *file, const char *version, struct error *err)
{
    const json_t *components = json_object_get(file, "components");
    const json_t *configuration = json_object_get(file, "configuration");
    const json_t *tiller = json_object_get(file, "tiller");
    const char *named = json_string_value(json_object_get(file, "version"));
    json_t *item;
    size_t i;

    if (!json_is_object(file))
        return error_set(err, ERROR_INPUT, "must be an object with version, components and configuration");
    if (named == NULL || strcmp(named, version) != 0)
        return error_set(err, ERROR_INPUT, "version: must be \"%s\", as the file is named", version);
    if (!json_is_array(components) || json_array_size(components) == 0)
        return error_set(err, ERROR_INPUT, "components: must be a list of at least one {\"component\", \"namespace\"}");
    if (!json_is_array(configuration))
        return error_set(err, ERROR_INPUT, "configuration: must be a list of {\"key\", \"value\"}; [] for none");
    if (tiller != NULL && !json_is_boolean(tiller))
        return error_set(err, ERROR_INPUT, "tiller: must be true or false");
    if (json_object_size(file) != (tiller == NULL ? 3 : 4))
        return error_set(err, ERROR_INPUT, "has other members than version, components, configuration and tiller");
    json_array_foreach(components, i, item)
        if (!check_pair(item, "components", i, "component", "namespace", false, err))
            return false;
    json_array_foreach(configuration, i, item)
        if (!check_pair(item, "configuration", i, "key", "value", true, err))
            return false;
    return true;
}

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

static bool add_file(struct releases *releases, const char *folder, const char *name, struct error *err)
{
    struct release *release = &releases->items[releases->count];
    char path[PATH_SIZE], *version = strndup(name, strlen(name) - strlen(suffix));
    json_error_t why;
    json_t *file;
    bool added = false;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (file == NULL) {
        error_set(err, ERROR_INPUT, "%s: line %d, column %d: %s", path, why.line, why.column, why.text);
        goto out;
    }
    if (!check(file, version, err)) {
        error_context(err, "%s", path);
        goto out;
    }
    release->version = version;
    release->configuration = configuration_of(file);
    release->tiller = json_is_true(json_object_get(file, "tiller"));
    configuration_hash(release->configuration, release->hash);
    releases->count++;
    version = NULL;
    added = true;
out:
    json_decref(file);
    free(version);
    return added;
}

/* --- The folder --- */

static int is_release(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);

    return entry->d_name[0] != '.' && size > strlen(suffix) &&
           strcmp(entry->d_name + size - strlen(suffix), suffix) == 0;
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

static bool add_folder(struct releases *releases, const char *folder, struct dirent *const *names, size_t count,
                       struct error *err)
{
    if (count == 0)
        return error_set(err, ERROR_INPUT, "%s: holds no release; one is a file <version>.json", folder);
    if (count > RELEASES_MAX)
        return error_set(err, ERROR_INPUT, "%s: holds %zu releases; at most %d can be read", folder, count,
                         RELEASES_MAX);
    releases->items = calloc(count, sizeof *releases->items);
    if (releases->items == NULL)
        abort();
    for (size_t i = 0; i < count; i++)
        if (!add_file(releases, folder, names[i]->d_name, err))
            return false;
    qsort(releases->items, releases->count, sizeof *releases->items, by_version);
    releases->list = list_of(releases);
    return true;
}

struct releases *releases_load(const char *folder, struct error *err)
{
    struct releases *releases;
    struct dirent **names = NULL;
    int count = scandir(folder, &names, is_release, alphasort);

    if (count < 0) {
        error_set(err, ERROR_INPUT, "%s: cannot be read as a folder of releases: %s", folder, strerror(errno));
        return NULL;
    }
    releases = calloc(1, sizeof *releases);
    if (releases == NULL)
        abort();
    if (!add_folder(releases, folder, names, (size_t)count, err)) {
        releases_free(releases);
        releases = NULL;
    }
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return releases;
}

void releases_free(struct releases *releases)
{
    if (releases == NULL)
        return;
    for (size_t i = 0; i < releases->count; i++) {
        free(releases->items[i].version);
        json_decref(releases->items[i].configuration);
    }
    free(releases->items);
    free(releases->list);
    free(releases);
}

/* --- Looking up --- */

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

const char *releases_list(const struct releases *releases)
{
    return releases->list;
}
