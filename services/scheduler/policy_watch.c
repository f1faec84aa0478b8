#include "services/scheduler/policy_watch.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/id.h"
#include "common/json/lenient.h"
#include "common/observe/log.h"
#include "services/scheduler/policy.h"
#include "services/scheduler/policy_text.h"
#include "services/scheduler/zone_file.h"

enum { LOOK_MS = 500 };

/* By which one file, or one state of it, is told from another. All zeros: there is none. */
struct identity {
    dev_t device;
    ino_t number;
    off_t size;
    struct timespec modified, changed;
};

struct policy_watch {
    const char *path;
    policy_told *told;
    void *context;
    struct event *look;
    struct identity read, seen; /* what was read last, and what was there at the last look */
    bool looked, missing;       /* missing: and that was logged */
};

static struct identity identity_of(const struct stat *status)
{
    return (struct identity){ .device = status->st_dev,
                              .number = status->st_ino,
                              .size = status->st_size,
                              .modified = status->st_mtim,
                              .changed = status->st_ctim };
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same(const struct identity *a, const struct identity *b)
{
    return a->device == b->device && a->number == b->number && a->size == b->size &&
           same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

/* --- Reading --- */

/* Takes over `policy` and `zones`. */
static json_t *message_of(const char *hash, json_t *policy, json_t *zones)
{
    json_t *message = json_pack("{s:s, s:o}", "hash", hash, "policy", policy);

    if (json_object_size(zones) > 0)
        json_object_set(message, "zones", zones);
    json_decref(zones);
    return message;
}

static void tell(const struct policy_watch *watch, const char *bytes, size_t size)
{
    struct error err = { 0 };
    json_t *zones = NULL, *policy = policy_text_parse(bytes, size, ZONE_FOLDER, &zones, &err);
    char hash[SHA256_HEX_SIZE];

    if (policy != NULL) {
        policy_hash(policy, zones, hash);
        log_info("maintenance_policy_read", LOG_TEXT("path", watch->path), LOG_TEXT("hash", hash));
        watch->told(watch->context, message_of(hash, policy, zones));
        return;
    }
    sha256_hex(bytes, size, hash);
    log_error("maintenance_policy_refused", LOG_TEXT("path", watch->path), LOG_TEXT("hash", hash),
              LOG_TEXT("reason", err.message));
    watch->told(watch->context, json_pack("{s:s, s:o}", "hash", hash, "error", json_text(err.message)));
}

/* Up to one byte more than a policy may have, so that a longer one is seen as such. -1: errno. */
static ssize_t read_all(int fd, char *bytes)
{
    size_t size = 0;

    while (size <= POLICY_TEXT_SIZE_MAX) {
        ssize_t got = read(fd, bytes + size, POLICY_TEXT_SIZE_MAX + 1 - size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -1 : (ssize_t)size;
        size += (size_t)got;
    }
    return (ssize_t)size;
}

static void read_file(struct policy_watch *watch)
{
    int fd = open(watch->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* whatever it is, it does not block */
    char *bytes = malloc(POLICY_TEXT_SIZE_MAX + 1);
    struct stat status;
    ssize_t size = -1;

    if (bytes == NULL)
        abort();
    if (fd >= 0 && fstat(fd, &status) == 0) {
        watch->read = identity_of(&status);
        size = read_all(fd, bytes);
    } else {
        watch->read = watch->seen; /* not looked at again until it changes */
    }
    if (size >= 0)
        tell(watch, bytes, (size_t)size);
    else
        log_warning("maintenance_policy_unreadable", LOG_TEXT("path", watch->path),
                    LOG_TEXT("reason", strerror(errno)));
    if (fd >= 0)
        close(fd);
    free(bytes);
}

/* --- Looking --- */

static void miss(struct policy_watch *watch, int reason)
{
    if (!watch->missing)
        log_warning("maintenance_policy_missing", LOG_TEXT("path", watch->path), LOG_TEXT("reason", strerror(reason)));
    watch->missing = true;
    watch->seen = (struct identity){ 0 };
}

static void look(struct policy_watch *watch)
{
    struct identity before = watch->seen;
    struct stat status;
    bool first = !watch->looked;

    watch->looked = true;
    if (stat(watch->path, &status) != 0) {
        miss(watch, errno);
        return;
    }
    watch->missing = false;
    watch->seen = identity_of(&status);
    if (!same(&watch->seen, &watch->read) && (first || same(&watch->seen, &before)))
        read_file(watch);
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
    static const struct timeval again = { .tv_usec = LOOK_MS * 1000 };
    struct policy_watch *watch = context;

    (void)fd;
    (void)what;
    look(watch);
    event_add(watch->look, &again);
}

struct policy_watch *policy_watch_new(struct event_base *base, const char *path, policy_told *told, void *context)
{
    static const struct timeval at_once = { 0 };
    struct policy_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        abort();
    *watch = (struct policy_watch){ .path = path, .told = told, .context = context };
    watch->look = evtimer_new(base, on_look, watch);
    if (watch->look == NULL)
        abort();
    event_add(watch->look, &at_once);
    return watch;
}

void policy_watch_free(struct policy_watch *watch)
{
    if (watch == NULL)
        return;
    event_free(watch->look);
    free(watch);
}

/* --- The scheduler's world --- */

struct world {
    struct service_process *process;
    struct policy_watch *watch; /* NULL: no file is named */
};

static void tell_partitions(void *context, json_t *data)
{
    struct world *world = context;

    for (int partition = 0; partition < service_partitions(world->process); partition++)
        service_tell(world->process, partition, "tidegate.schedule.policy.v1", json_incref(data));
    json_decref(data);
}

static void *open_world(struct event_base *base, const struct settings *settings, struct service_process *process,
                        struct error *err)
{
    const char *path = settings_text(settings, "TIDEGATE_MAINTENANCE_POLICY");
    struct world *world = calloc(1, sizeof *world);

    (void)err;
    if (world == NULL)
        abort();
    world->process = process;
    if (*path != '\0')
        world->watch = policy_watch_new(base, path, tell_partitions, world);
    return world;
}

static void close_world(void *context)
{
    struct world *world = context;

    policy_watch_free(world->watch);
    free(world);
}

const struct service_world policy_watch_world = { .open = open_world, .close = close_world };
