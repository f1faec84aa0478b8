#include "common/watch/path_watch.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/id.h"

enum { LOOK_MS = 500, PAUSE_LOOKS_MAX = 120, PATH_SIZE = 4400 };

struct path_watch {
    struct path_watch_options options;
    struct event *look;
    char read[SHA256_HEX_SIZE], seen[SHA256_HEX_SIZE]; /* what was read last, and what was there at the last look */
    bool looked;
    int pause, left; /* looks from one failed reading to the next, and until it; 0: the last one did not fail */
};

/* --- By which one state is told from another --- */

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void put_file(FILE *out, const char *path)
{
    struct stat status = { 0 };

    if (stat(path, &status) != 0)
        fprintf(out, "%s: error %d\n", path, errno);
    else
        fprintf(out, "%s: %ju %ju %jd %jd.%ld %jd.%ld\n", path, (uintmax_t)status.st_dev, (uintmax_t)status.st_ino,
                (intmax_t)status.st_size, (intmax_t)status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                (intmax_t)status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
}

static void identify(const char *path, char identity[SHA256_HEX_SIZE])
{
    struct dirent **names = NULL;
    int count = scandir(path, &names, is_shown, alphasort);
    char *text = NULL, member[PATH_SIZE];
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        abort();
    if (count < 0)
        put_file(out, path);
    else
        fprintf(out, "%d files\n", count);
    for (int i = 0; i < count; i++) {
        snprintf(member, sizeof member, "%s/%s", path, names[i]->d_name);
        put_file(out, member);
        free(names[i]);
    }
    free(names);
    fclose(out);
    sha256_hex(text, size, identity);
    free(text);
}

/* --- Looking --- */

static void read_it(struct path_watch *watch)
{
    memcpy(watch->read, watch->seen, sizeof watch->read);
    if (watch->options.read(watch->options.context))
        watch->pause = 0;
    else if (watch->pause < PAUSE_LOOKS_MAX)
        watch->pause = watch->pause == 0 ? 1 : watch->pause * 2 < PAUSE_LOOKS_MAX ? watch->pause * 2 : PAUSE_LOOKS_MAX;
    watch->left = watch->pause;
}

static void look(struct path_watch *watch)
{
    const bool is_first = !watch->looked;
    char before[SHA256_HEX_SIZE];

    watch->looked = true;
    memcpy(before, watch->seen, sizeof before);
    identify(watch->options.path, watch->seen);
    if (!is_first && strcmp(watch->seen, before) != 0)
        return;
    if (strcmp(watch->seen, watch->read) != 0) {
        watch->pause = 0;
        read_it(watch);
    } else if (watch->left > 0 && --watch->left == 0) {
        read_it(watch);
    }
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
    static const struct timeval again = { .tv_usec = LOOK_MS * 1000 };
    struct path_watch *watch = context;

    (void)fd;
    (void)what;
    look(watch);
    event_add(watch->look, &again);
}

struct path_watch *path_watch_new(struct event_base *base, struct path_watch_options options)
{
    static const struct timeval at_once = { 0 };
    struct path_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        abort();
    watch->options = options;
    watch->look = evtimer_new(base, on_look, watch);
    if (watch->look == NULL)
        abort();
    event_add(watch->look, &at_once);
    return watch;
}

void path_watch_free(struct path_watch *watch)
{
    if (watch == NULL)
        return;
    event_free(watch->look);
    free(watch);
}

bool path_watch_is_stale(const struct path_watch *watch)
{
    char now[SHA256_HEX_SIZE];

    identify(watch->options.path, now);
    return strcmp(now, watch->read) != 0;
}
