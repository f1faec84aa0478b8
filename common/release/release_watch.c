#include "common/release/release_watch.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/observe/log.h"
#include "common/watch/path_watch.h"

struct release_watch {
    struct release_watch_options options;
    struct path_watch *watch;
    struct error unreadable; /* as it was told last; code 0: it was readable */
};

static struct releases *load(const struct release_watch_options *options, struct error *err)
{
    struct releases *releases = releases_load(options->folder, err);

    if (releases == NULL || releases_have_default(releases, options->version, err))
        return releases;
    error_context(err, "%s", options->folder);
    releases_free(releases);
    return NULL;
}

/* What cannot be read for the same reason again is nothing new. */
static bool is_known(struct release_watch *watch, const struct error *err)
{
    const bool known = err->code == ERROR_UNAVAILABLE && watch->unreadable.code == ERROR_UNAVAILABLE &&
                       strcmp(err->message, watch->unreadable.message) == 0;

    watch->unreadable = *err;
    return known;
}

static bool read_folder(void *context)
{
    struct release_watch *watch = context;
    const struct release_watch_options *options = &watch->options;
    struct error err = { 0 };
    struct releases *releases = load(options, &err);

    if (path_watch_is_stale(watch->watch)) { /* some files may be old ones, others new */
        log_info("releases_changed_meanwhile", LOG_TEXT("folder", options->folder));
        releases_free(releases);
        return false;
    }
    if (is_known(watch, &err))
        return false;
    if (releases != NULL)
        log_info("releases_read", LOG_TEXT("folder", options->folder), LOG_TEXT("hash", releases_json_hash(releases)),
                 LOG_TEXT("versions", releases_list(releases)));
    else
        log_error("releases_refused", LOG_TEXT("folder", options->folder), LOG_TEXT("reason", err.message));
    options->told(options->context, releases, releases == NULL ? err.message : NULL);
    return err.code != ERROR_UNAVAILABLE;
}

struct release_watch *release_watch_new(struct event_base *base, struct release_watch_options options)
{
    struct release_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        abort();
    watch->options = options;
    watch->watch = path_watch_new(base, (struct path_watch_options){
                                            .path = options.folder, .read = read_folder, .context = watch });
    return watch;
}

void release_watch_free(struct release_watch *watch)
{
    if (watch == NULL)
        return;
    path_watch_free(watch->watch);
    free(watch);
}
