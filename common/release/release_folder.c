/* Reading a folder of releases: each file on its own, so that what is wrong is named with file and line, then all. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json/place.h"
#include "common/release/release.h"
#include "common/release/release_check.h"

enum { RELEASES_MAX = 1000, PATH_SIZE = 4200, PLACE_SIZE = 300 };

static const char suffix[] = ".json", versions_name[] = "versions.json";

/* --- One file --- */

/* Own, closed by a NUL; NULL: it cannot be read, or is larger than a folder may be. */
static char *read_text(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* whatever it is, it does not block */
    char *text = calloc(1, RELEASES_SIZE_MAX + 1);
    size_t size = 0;
    ssize_t got = fd < 0 ? -1 : 1;

    if (text == NULL)
        abort();
    while (got > 0 && size <= RELEASES_SIZE_MAX) {
        got = read(fd, text + size, RELEASES_SIZE_MAX + 1 - size);
        size += got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        error_set(err, ERROR_UNAVAILABLE, "cannot be read: %s", strerror(errno));
    else if (size > RELEASES_SIZE_MAX)
        error_set(err, ERROR_INPUT, "is larger than the %d bytes that a folder may have", RELEASES_SIZE_MAX);
    if (fd >= 0)
        close(fd);
    if (got >= 0 && size <= RELEASES_SIZE_MAX)
        return text;
    free(text);
    return NULL;
}

/* Puts before the message the line of the place that it begins with. */
static void add_line(const char *text, struct error *err)
{
    char place[PLACE_SIZE];

    if (err == NULL)
        return;
    snprintf(place, sizeof place, "%.*s", (int)strcspn(err->message, ":"), err->message);
    error_context(err, "line %d", json_line_of(text, place));
}

/* `version`: of the release; NULL: it is versions.json. */
static json_t *parse(const char *text, const char *version, struct error *err)
{
    json_error_t why;
    json_t *file = json_loads(text, JSON_REJECT_DUPLICATES, &why);

    if (file == NULL) {
        error_set(err, ERROR_INPUT, "line %d, column %d: %s", why.line, why.column, why.text);
        return NULL;
    }
    if (version == NULL ? release_versions_check(file, err) : release_check(file, version, err))
        return file;
    add_line(text, err);
    json_decref(file);
    return NULL;
}

static json_t *read_file(const char *path, const char *version, struct error *err)
{
    char *text = read_text(path, err);
    json_t *file = text == NULL ? NULL : parse(text, version, err);

    if (file == NULL)
        error_context(err, "%s", path);
    free(text);
    return file;
}

/* --- The folder --- */

static int is_json(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);

    return entry->d_name[0] != '.' && size > strlen(suffix) &&
           strcmp(entry->d_name + size - strlen(suffix), suffix) == 0;
}

/* {"releases": [...], "versions"?: {...}}, or NULL. */
static json_t *read_files(const char *folder, struct dirent *const *names, size_t count, struct error *err)
{
    json_t *json = json_pack("{s:[]}", "releases");
    char path[PATH_SIZE];

    for (size_t i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        char *version = strndup(name, strlen(name) - strlen(suffix));
        bool versions = strcmp(name, versions_name) == 0;
        json_t *file;

        snprintf(path, sizeof path, "%s/%s", folder, name);
        file = read_file(path, versions ? NULL : version, err);
        free(version);
        if (file == NULL) {
            json_decref(json);
            return NULL;
        }
        if (versions)
            json_object_set_new(json, "versions", file);
        else
            json_array_append_new(json_object_get(json, "releases"), file);
    }
    return json;
}

/* Says in which file that is wrong which can only be seen of all of them: the default, or the size of one release. */
static void add_file(const char *folder, struct error *err)
{
    char path[PATH_SIZE], *text;

    if (err == NULL)
        return;
    if (strncmp(err->message, "default", strlen("default")) != 0) {
        error_context(err, "%s", folder);
        return;
    }
    snprintf(path, sizeof path, "%s/%s", folder, versions_name);
    text = read_text(path, NULL);
    if (text != NULL)
        add_line(text, err);
    free(text);
    error_context(err, "%s", path);
}

/* Takes over `json`. */
static struct releases *make(const char *folder, json_t *json, struct error *err)
{
    size_t size = json_dumpb(json, NULL, 0, JSON_COMPACT);
    struct releases *releases = NULL;

    if (json_array_size(json_object_get(json, "releases")) == 0)
        error_set(err, ERROR_INPUT, "%s: holds no release; one is a file <version>.json", folder);
    else if (size > RELEASES_SIZE_MAX)
        error_set(err, ERROR_INPUT, "%s: holds %zu bytes; at most %d are possible", folder, size, RELEASES_SIZE_MAX);
    else if ((releases = releases_new(json, err)) == NULL)
        add_file(folder, err);
    json_decref(json);
    return releases;
}

struct releases *releases_load(const char *folder, struct error *err)
{
    struct releases *releases = NULL;
    struct dirent **names = NULL;
    int count = scandir(folder, &names, is_json, alphasort);
    json_t *json;

    if (count < 0) {
        error_set(err, ERROR_UNAVAILABLE, "%s: cannot be read as a folder of releases: %s", folder, strerror(errno));
        return NULL;
    }
    if (count > RELEASES_MAX)
        error_set(err, ERROR_INPUT, "%s: holds %d files; at most %d can be read", folder, count, RELEASES_MAX);
    else if ((json = read_files(folder, names, (size_t)count, err)) != NULL)
        releases = make(folder, json, err);
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return releases;
}
