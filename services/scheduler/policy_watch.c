#include "services/scheduler/policy_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/id.h"
#include "common/json/lenient.h"
#include "common/observe/log.h"
#include "common/watch/path_watch.h"
#include "services/scheduler/policy.h"
#include "services/scheduler/policy_text.h"
#include "services/scheduler/zone_file.h"

struct policy_watch {
    const char *path;
    policy_told *told;
    void *context;
    struct path_watch *watch;
};

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

static json_t *message_parse(const char *bytes, size_t size)
{
    struct error err = { 0 };
    json_t *zones = NULL, *policy = policy_text_parse(bytes, size, ZONE_FOLDER, &zones, &err);
    char hash[SHA256_HEX_SIZE];

    if (policy != NULL) {
        policy_hash(policy, zones, hash);
        return message_of(hash, policy, zones);
    }
    sha256_hex(bytes, size, hash);
    return json_pack("{s:s, s:o}", "hash", hash, "error", json_text(err.message));
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

/* As read_all. */
static ssize_t read_path(const char *path, char *bytes)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* whatever it is, it does not block */
    const ssize_t size = fd < 0 ? -1 : read_all(fd, bytes);
    const int reason = errno;

    if (fd >= 0)
        close(fd);
    errno = reason;
    return size;
}

json_t *policy_file_read(const char *path)
{
    char *bytes = malloc(POLICY_TEXT_SIZE_MAX + 1);
    json_t *message;
    ssize_t size;
    int reason;

    if (bytes == NULL)
        abort();
    size = read_path(path, bytes);
    reason = errno;
    message = size < 0 ? NULL : message_parse(bytes, (size_t)size);
    free(bytes);
    errno = reason;
    return message;
}

static void tell(const struct policy_watch *watch, json_t *message)
{
    const char *hash = json_string_value(json_object_get(message, "hash"));
    const char *error = json_string_value(json_object_get(message, "error"));

    if (error == NULL)
        log_info("maintenance_policy_read", LOG_TEXT("path", watch->path), LOG_TEXT("hash", hash));
    else
        log_error("maintenance_policy_refused", LOG_TEXT("path", watch->path), LOG_TEXT("hash", hash),
                  LOG_TEXT("reason", error));
    watch->told(watch->context, message);
}

static bool read_file(void *context)
{
    const struct policy_watch *watch = context;
    json_t *message = policy_file_read(watch->path);
    const int reason = errno;

    if (message != NULL) {
        tell(watch, message);
        return true;
    }
    log_warning(reason == ENOENT ? "maintenance_policy_missing" : "maintenance_policy_unreadable",
                LOG_TEXT("path", watch->path), LOG_TEXT("reason", strerror(reason)));
    return reason == ENOENT; /* one that is missing is another one when it comes */
}

struct policy_watch *policy_watch_new(struct event_base *base, const char *path, policy_told *told, void *context)
{
    struct policy_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        abort();
    *watch = (struct policy_watch){ .path = path, .told = told, .context = context };
    watch->watch = path_watch_new(base,
                                  (struct path_watch_options){ .path = path, .read = read_file, .context = watch });
    return watch;
}

void policy_watch_free(struct policy_watch *watch)
{
    if (watch == NULL)
        return;
    path_watch_free(watch->watch);
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
