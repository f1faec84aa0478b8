/* decide.h - what the files that decide share: answers to clients, and texts of bounded size. */
#ifndef TIDEGATE_ORCHESTRATOR_DECIDE_H
#define TIDEGATE_ORCHESTRATOR_DECIDE_H

#include <stdarg.h>

#include "services/orchestrator/parts.h"

enum { REASON_SIZE = 512 };

/* Formats into REASON_SIZE bytes; what is too long is cut between two characters, for JSON takes whole ones only. */
void reason_format(char out[REASON_SIZE], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- Answers to clients (client.c) --- */

/* Who asks, as the request names it; null where it does not. The caller owns it. */
json_t *orchestration_actor(const struct request *request);

/* The request cannot be done: `rejected` and an outcome with the reason. */
void orchestration_refuse(const struct request *request, const char *id, int status, struct decision *out,
                          const char *format, ...) __attribute__((format(printf, 5, 6)));

/* --- The requests of clients --- */

/* client.c */
void orchestration_decide_upgrade(const struct state *state, const struct request *request, struct decision *out);
void orchestration_decide_cancel(const struct state *state, const struct request *request, struct decision *out);

/* retry.c */
void orchestration_decide_retry(const struct state *state, const struct request *request, struct decision *out);

/* releases.c */
void orchestration_decide_releases(const struct state *state, const struct request *request, struct decision *out);

/* --- Versions and configurations (configure.c) --- */

/* The version that the request names, or "". Of one that is scheduled: the one that is shown. */
const char *orchestration_version_asked(const struct orchestration *orchestration);

/* That, else the version which is sent where nobody names one. */
const char *orchestration_version_to_send(const struct state *state, const struct orchestration *orchestration);

/* Decides what those operations are sent, or why nothing can be, that differ from the others: as many as one event may
 * hold. False: there are none any more. */
bool configure_targets(const struct state *state, const struct orchestration *orchestration, struct decision *out);

/* The same for operations that are to be retried: the version stays, the configuration is that of the releases that are in
 * force now. Not of clusters. */
bool configure_retried(const struct state *state, const struct orchestration *orchestration, struct decision *out);

/* Of how many operations configure_retried has yet to decide. */
size_t configure_left(const struct orchestration *orchestration);

/* Does the decision hold such an event already? One is enough for a record. */
bool configure_is_in(const struct decision *decision);

/* --- What becomes of operations that are to be retried (retry.c) --- */

/* The description of the orchestration with how many are retried, if it says "retrying" yet; else NULL. The caller owns
 * it. */
json_t *retry_description(const struct orchestration *orchestration);

/* Did so many enter this record with the client's request, that what they are sent is better decided in others? */
bool retry_is_large(const struct decision *decision);

/* They are pending again; their orchestration, if it had ended, goes on. */
void retry_resume(const struct orchestration *orchestration, struct decision *out);

/* --- Turns (settle.c) --- */

/* Stands between the ID of an orchestration that is to go on with a retry and how far that has come, in its deadline. */
#define DEADLINE_AGAIN "/again/"

/* Does it run, or may it by now? */
bool orchestration_has_turn(const struct state *state, const struct orchestration *orchestration);

/* --- A bounded number of failures (limit.c) --- */

/* How many operations may still be started: `maxFailures` without those that failed, or run and may fail. */
size_t limit_left(const struct orchestration *orchestration);

/* Is the bound reached, so that nothing starts before a retry? */
bool limit_is_reached(const struct orchestration *orchestration);

/* Does the description say so, and how many have failed? More may, without a start: those that get no window. */
bool limit_is_told(const struct orchestration *orchestration);

/* Says so in the description. */
void limit_stop(const struct orchestration *orchestration, struct decision *out);

/* The description without what limit_stop added to it. */
void limit_forget(const struct orchestration *orchestration, char out[REASON_SIZE]);

#endif
