/* orchestration_scene.h - what scenes of the orchestrator's core have in common: names of types, and steps.
 *
 * Orchestration o1 in the lane `kyma` is meant where none is named. */
#ifndef TIDEGATE_TESTS_ORCHESTRATION_SCENE_H
#define TIDEGATE_TESTS_ORCHESTRATION_SCENE_H

#include "services/orchestrator/orchestration.h"
#include "tests/unit/scene.h"

#define TYPE "tidegate.orchestration."
#define UPGRADE TYPE "upgrade.v1"
#define CANCEL TYPE "cancel.v1"
#define RETRY TYPE "retry.v1"
#define TARGET TYPE "target.v1"
#define SCHEDULE TYPE "schedule.v1"
#define REPORT TYPE "report.v1"
#define WAKE TYPE "wake.v1"

enum { BROKERS = 2, MINUTE_MS = 60000 };
static const int64_t nine = 1643706000000; /* 2022-02-01T09:00:00Z, when scenes begin */

/* Its releases are there between releases_make and releases_drop, which a group of tests names. */
extern struct orchestration_settings orchestration_scene_settings;
int releases_make(void **state);
int releases_drop(void **state);

/* A text that lives for the next hundred calls: long enough for a scene's step. */
const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The ID of the operation of orchestration o1 (or another) on a runtime. */
const char *op(const char *runtime);
const char *operation_of(const char *orchestration, const char *runtime);

struct scene *scene_open(void);

/* --- Requests --- */

void request_upgrade(struct scene *scene, const char *id, const char *parameters);
void cancel(struct scene *scene, const char *id);

/* `operations`: IDs, each in quotes, with commas between them; "": all. */
void retry(struct scene *scene, const char *id, const char *operations);

/* What the deadline, which is due, asks for. */
void wake(struct scene *scene);

/* What the deadline asks for that is due at that time, which it is now. */
void wake_at(struct scene *scene, int64_t at_ms);

/* A report of one of the brokers, with a list of targets. */
void targets(struct scene *scene, int partition, const char *list, bool last);
void targets_of(struct scene *scene, const char *id, int partition, const char *list, bool last);

/* The whole report of partition 0, with more targets than a text() holds. Takes over `list`. */
void targets_many(struct scene *scene, json_t *list);

/* What the scheduler says of operations, and the provisioner of one. */
void scheduled(struct scene *scene, const char *items, bool open);
void scheduled_of(struct scene *scene, const char *id, const char *items, bool open);
void report(struct scene *scene, const char *runtime, const char *result, const char *message);
void report_of(struct scene *scene, const char *id, const char *runtime, const char *result, const char *message);

/* The windows of these, "r1 r2", open tomorrow. */
void scheduled_tomorrow(struct scene *scene, const char *runtimes);

/* o1 with the three runtimes r1, r2, r3, scheduled; and so far that as many run as there are workers. */
void three_scheduled(struct scene *scene, const char *with);
void three_released(struct scene *scene, int workers);
void three_open(struct scene *scene, const char *with);

/* --- Texts of requests and events --- */

const char *parameters(int workers, const char *schedule);
const char *target(const char *runtime, int include, const char *shoot);
const char *window_item(const char *runtime, int64_t begin, int64_t end);

/* The event that sends these operations of o1, "r1 r2". */
const char *dispatched(const char *runtimes);

void then_operation(struct scene *scene, const char *runtime, const char *state, const char *description);

#endif
