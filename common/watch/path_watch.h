/* path_watch.h - watches a file, or a folder of files: says when to read it, which is at the start and whenever it is
 * another one.
 *
 * It is looked at every half second, because only that sees everything: a file that is written in place, one that is
 * renamed over another, and a symbolic link somewhere in the path that is swapped, as Kubernetes does it with
 * ConfigMaps. What has just changed is read at the next look, when it has stayed the same, so that no half of a change is
 * read. What could not be read is read again, after half a second at first and then later and later, up to a minute:
 * what was wrong with a disk or a mount may be mended without a trace in the file. */
#ifndef TIDEGATE_WATCH_PATH_WATCH_H
#define TIDEGATE_WATCH_PATH_WATCH_H

#include <stdbool.h>

struct event_base;
struct path_watch; /* opaque */

struct path_watch_options {
    const char *path; /* outlives the watch. Of a folder all files count but those whose names begin with a dot */
    /* Reads it, from the loop; what is read in several steps may be half of a change, which path_watch_is_stale tells.
     * True: until it is another one there is nothing more to read. False: it could not be read, and may be readable later
     * although it stays the same. */
    bool (*read)(void *context);
    void *context;
};

/* Own: path_watch_free, which takes NULL. */
struct path_watch *path_watch_new(struct event_base *base, struct path_watch_options options);
void path_watch_free(struct path_watch *watch);

/* For `read`, when it has read: has it become another one since the look that `read` came from? Then what was read is
 * to be dropped: return false, and it is read again. */
bool path_watch_is_stale(const struct path_watch *watch);

#endif
