/* service.h - the one skeleton of broker, orchestrator, scheduler and provisioner: a core, and a process around it.
 *
 * service_run reads the settings, opens log, database and HTTP, runs the core over the partitions that the group gives
 * it, and ends on SIGTERM or SIGINT after what is under way is finished.
 *
 *     <service>                     serves
 *     <service> --rebuild SCHEMA    folds its events topic into an empty schema and exits
 *     <service> --help              prints the settings */
#ifndef TIDEGATE_LOG_SERVICE_H
#define TIDEGATE_LOG_SERVICE_H

#include "common/base/error.h"
#include "common/base/settings.h"
#include "common/log/core.h"

struct event_base;
struct service_process; /* the running process; opaque */

/* The world outside: what carries out driver calls. */
struct service_world {
    /* NULL: `err` says why. */
    void *(*open)(struct event_base *base, const struct settings *settings, struct service_process *process,
                  struct error *err);
    void (*drive)(void *world, const struct call *call);
    void (*close)(void *world);
};

struct service {
    const char *name; /* "provisioner": of the group, the schema and the logs */
    const struct core *core;
    const char *readmodel_sql, *views_sql;
    const struct setting *settings; /* the service's own, closed by a zero row; NULL: none */
    /* Makes the core's settings, which live as long as the process. NULL: the core has none. False: `err` says why. */
    bool (*configure)(const struct settings *settings, const void **core_settings, struct error *err);
    const struct service_world *world; /* NULL: none */
};

/* The process's exit status. */
int service_run(const struct service *service, int argc, char **argv);

/* Of every topic. */
int service_partitions(const struct service_process *process);

/* A message to the service's own requests without an origin: how the world reports. Names what it answers, so that one
 * that comes too late, or again, decides nothing. `data` (own). */
void service_tell(struct service_process *process, int partition, const char *type, json_t *data);

#endif
