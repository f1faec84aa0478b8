#include "common/release/release_watch.h"

#include <dirent.h>
#include <event2/event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/id.h"
#include "common/observe/log.h"

enum { LOOK_MS = 500, PATH_SIZE = 4400 };

struct release_watch {
    struct release_watch_options options;
    struct event *look;
    char read[SHA256_HEX_SIZE], seen[SHA256_HEX_SIZE]; /* what was read last, and what was there at the last look */
    bool looked;
};

/* --- By which one state of the folder is told from another --- */

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void put_file(FILE *out, const char *folder, const char *name)
{
    char path[PATH_SIZE];
    struct stat status = { 0 };

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (stat(path, &status) != 0)
        fprintf(out, "%s gone\n", name);
    else
        fprintf(out, "%s %ju %ju %jd %jd.%ld %jd.%ld\n", name, (uintmax_t)status.st_dev, (uintmax_t)status.st_ino,
                (intmax_t)status.st_size, (intmax_t)status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                (intmax_t)status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
}

static void identify(const char *folder, char identity[SHA256_HEX_SIZE])
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, is_file, alphasort);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        abort();
    fprintf(out, "%d\n", count < 0 ? -1 : count);
    for (int i = 0; i < count; i++) {
        put_file(out, folder, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    fclose(out);
    sha256_hex(text, size, identity);
    free(text);
}

/* --- Reading --- */

static void read_folder(const struct release_watch *watch)
{
    const struct release_watch_options *options = &watch->options;
    struct error err = { 0 };
    struct releases *releases = releases_load(options->folder, &err);

    if (releases != NULL && !releases_have_default(releases, options->version, &err)) {
        error_context(&err, "%s", options->folder);
        releases_free(releases);
        releases = NULL;
    }
    if (releases != NULL)
        log_info("releases_read", LOG_TEXT("folder", options->folder), LOG_TEXT("hash", releases_json_hash(releases)),
                 LOG_TEXT("versions", releases_list(releases)));
    else
        log_error("releases_refused", LOG_TEXT("folder", options->folder), LOG_TEXT("reason", err.message));
    options->told(options->context, releases, releases == NULL ? err.message : NULL);
}

static void look(struct release_watch *watch)
{
    char before[SHA256_HEX_SIZE];
    bool first = !watch->looked;

    watch->looked = true;
    memcpy(before, watch->seen, sizeof before);
    identify(watch->options.folder, watch->seen);
    if (strcmp(watch->seen, watch->read) == 0 || (!first && strcmp(watch->seen, before) != 0))
        return;
    memcpy(watch->read, watch->seen, sizeof watch->read);
    read_folder(watch);
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
    static const struct timeval again = { .tv_usec = LOOK_MS * 1000 };
    struct release_watch *watch = context;

    (void)fd;
    (void)what;
    look(watch);
    event_add(watch->look, &again);
}

struct release_watch *release_watch_new(struct event_base *base, struct release_watch_options options)
{
    static const struct timeval at_once = { 0 };
    struct release_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        abort();
    watch->options = options;
    watch->look = evtimer_new(base, on_look, watch);
    if (watch->look == NULL)
        abort();
    event_add(watch->look, &at_once);
    return watch;
}

void release_watch_free(struct release_watch *watch)
{
    if (watch == NULL)
        return;
    event_free(watch->look);
    free(watch);
}
