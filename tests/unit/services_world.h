/* services_world.h - the cores of all four services in memory: what one sends reaches the other, in the order that a
 * seed chooses, while a driver carries out stages or fails to, time passes, and other processes take over.
 *
 * Messages of one partition to another keep their order, as they do in the topics. Every now and then a decision is
 * made a second time by a state that was loaded from the rows, which must decide and send the same. Whatever is wrong
 * fails the test that runs, with the seed. */
#ifndef TIDEGATE_TESTS_SERVICES_WORLD_H
#define TIDEGATE_TESTS_SERVICES_WORLD_H

#include <stdarg.h>
#include <stdint.h>

#include "common/log/core.h"

struct releases;
struct services; /* opaque */

enum services_index { BROKER, ORCHESTRATOR, SCHEDULER, PROVISIONER, SERVICES_COUNT };
enum { SERVICES_PARTITIONS = 2 };

/* An event, right after it changed the state; `type` is "started", the third word of its full name. */
typedef void services_event(void *context, enum services_index service, const char *type, const struct event *event);

/* What the processes found when they started. */
struct services_files {
    const struct releases *releases;
    const json_t *policy; /* as struct schedule_settings has it */
};

/* Own: services_free. `files` and `context` outlive it. */
struct services *services_new(uint64_t seed, struct services_files files, services_event *told, void *context);
void services_free(struct services *services);

/* A number below `below`, from the seed. */
unsigned services_draw(struct services *services, unsigned below);
int64_t services_now_ms(const struct services *services);

/* How many orchestrations of a lane may run by now. */
int services_orchestrations_max(const struct services *services);
void services_pass(struct services *services, int64_t passed_ms);

/* The partition whose event is being told. */
int services_partition(const struct services *services);

/* Fails the test: what should not be, and the seed. */
void services_fail(const struct services *services, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A client's request: to the partition of `key`, or, where that is NULL, to `partition`. `data` (own). */
struct services_request {
    enum services_index service;
    const char *key;
    int partition;
    const char *type; /* "tidegate.orchestration.upgrade.v1" */
    json_t *data;
};
void services_ask(struct services *services, struct services_request request);

/* Single steps; each gives whether there was something to do. */
bool services_decide(struct services *services);             /* the next request of some partition */
bool services_wake(struct services *services);               /* a deadline that is due */
bool services_drive(struct services *services, bool calmly); /* a stage ends; `calmly`: with success, told once */
void services_take_over(struct services *services);          /* some partition goes on from its rows */

/* The next deadline of all, or DEADLINE_NEVER. */
int64_t services_deadline_ms(const struct services *services);

/* What PostgreSQL holds of a table of all partitions, by ID; borrowed until the next step. */
const json_t *services_rows(struct services *services, enum services_index service, const char *table, int partition);

#endif
