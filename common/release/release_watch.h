/* release_watch.h - watches a folder of releases: tells what it holds at the start, and whenever it is another one.
 * How it is watched: common/watch/path_watch.h.
 *
 * One that changes while its files are read is read again, so that what is told is never half old and half new. A folder
 * that is wrong in any file, or cannot be read, is refused whole: what was read before stays in force with whoever
 * was told. It is logged with file, line and reason. */
#ifndef TIDEGATE_RELEASE_RELEASE_WATCH_H
#define TIDEGATE_RELEASE_RELEASE_WATCH_H

#include "common/release/release.h"

struct event_base;
struct release_watch; /* opaque */

/* What the folder holds. `releases` (own): NULL if it is wrong, then `reason` says why (borrowed for the call). */
typedef void release_told(void *context, struct releases *releases, const char *reason);

struct release_watch_options {
    const char *folder;  /* outlives the watch */
    const char *version; /* must be a release, unless the folder names another default; outlives the watch */
    release_told *told;  /* from the loop, for the first time at once */
    void *context;
};

/* Own: release_watch_free, which takes NULL. */
struct release_watch *release_watch_new(struct event_base *base, struct release_watch_options options);
void release_watch_free(struct release_watch *watch);

#endif
