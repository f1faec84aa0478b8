/* scene.h - tests of a core as scenes: given events, when a request, then events.
 *
 *     struct scene *scene = scene_new(&core, settings);
 *     given(scene, "tidegate.runtime.registered.v1", "subject", "{'a': 1}");
 *     when(scene, "tidegate.runtime.upgrade.v1", "subject", "{'operationID': 'o1'}");
 *     then_events(scene, "tidegate.runtime.started.v1 subject {'stage': 'StartingUpgrade'}", ...);
 *
 * JSON is written with ' for ". Expected JSON is a part of the real: members that are not named do not matter. */
#ifndef TIDEGATE_TESTS_SCENE_H
#define TIDEGATE_TESTS_SCENE_H

#include "common/log/fold.h"

struct scene;

struct scene *scene_new(const struct core *core, const void *settings);
void scene_free(struct scene *scene);

/* The clock of decisions; starts at 2022-02-01T09:00:00Z (1643706000000). */
void scene_time(struct scene *scene, int64_t now_ms);

/* An event that happened before. */
void given(struct scene *scene, const char *type, const char *subject, const char *data);

/* Decides a request (which some client waits for, as "asked-1"). Forgets what the last one gave. */
void when(struct scene *scene, const char *type, const char *subject, const char *data);

/* Exactly these events followed, in this order, closed by NULL: each "type subject {data}", data may be left out. */
void then_events(struct scene *scene, ...) __attribute__((sentinel));

/* Exactly these messages followed, in this order, closed by NULL: each "topic key type {data}"; a message to a
 * partition has "#<partition>" for a key. */
void then_messages(struct scene *scene, ...) __attribute__((sentinel));

/* Exactly these driver calls followed: each "runtime operation stage". */
void then_calls(struct scene *scene, ...) __attribute__((sentinel));

/* The outcome's status (0: none) and a part of its body (NULL: any). */
void then_outcome(struct scene *scene, int status, const char *body);

/* The row holds this part; NULL: there is no such row. */
void then_row(struct scene *scene, const char *table, const char *id, const char *part);

/* How many messages the last request gave, and the i-th. */
size_t scene_message_count(const struct scene *scene);
const struct message *scene_message(const struct scene *scene, size_t index);
const void *scene_state(const struct scene *scene);

/* Stores every row that was ever named, makes a new state, loads the rows, and compares each with the stored one: the
 * state that comes back from the read model is the one that went in. Called at the end of each scene by scene_free. */
void scene_reload(struct scene *scene);

/* The same, and the scene goes on with the state that came back. */
void scene_take_over(struct scene *scene);

#endif
