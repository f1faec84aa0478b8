/* decide.h - what each request comes to. Private to the core; the signatures are those of core.decide. */
#ifndef TIDEGATE_PROVISIONER_DECIDE_H
#define TIDEGATE_PROVISIONER_DECIDE_H

#include "services/provisioner/runtimes.h"

/* registration.c */
void runtime_decide_register(const struct runtimes *runtimes, const struct request *request, struct decision *out);
void runtime_decide_configure(const struct runtimes *runtimes, const struct request *request, struct decision *out);

/* operation.c */
void runtime_decide_upgrade(const struct runtimes *runtimes, const struct request *request, struct decision *out);
void runtime_decide_deprovision(const struct runtimes *runtimes, const struct request *request, struct decision *out);
void runtime_decide_progress(const struct runtimes *runtimes, const struct request *request, struct decision *out);
void runtime_decide_wake(const struct runtimes *runtimes, int64_t now_ms, struct decision *out);

/* The request is wrong, or cannot be granted: `rejected` with `reason`, and an outcome {"error": reason}. */
void runtime_reject(const struct request *request, int status, struct decision *out, const char *reason);
/* The same, with the members of `more` (own) in the event. */
void runtime_reject_with(const struct request *request, int status, struct decision *out, const char *reason,
                         json_t *more);

/* Is `id` fit to name a runtime or an operation? */
bool runtime_id_fits(const char *id);

#endif
