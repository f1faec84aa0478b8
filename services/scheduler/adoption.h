/* adoption.h - which maintenance policy is in force in one partition, and which one was refused since. Private to the
 * scheduler's core.
 *
 * A policy that is refused leaves the one before in force. As long as none was ever adopted, and the last one was refused,
 * nobody knows when runtimes may be upgraded: then none may. Pure. */
#ifndef TIDEGATE_SCHEDULER_ADOPTION_H
#define TIDEGATE_SCHEDULER_ADOPTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/base/id.h"
#include "services/scheduler/policy.h"

struct adoption {
    char hash[SHA256_HEX_SIZE]; /* of the policy in force; "": none ever was */
    json_t *body;
    struct zones *zones;   /* of this policy and of all before, by which operations were planned; NULL: none */
    struct policy *policy; /* derived from the body; NULL: none, or one that can no longer be compiled */
    int64_t adopted_ms;
    char refused_hash[SHA256_HEX_SIZE]; /* "": nothing was refused since */
    char *refused_reason;
    int64_t refused_ms;
    struct error broken; /* why the body cannot be compiled */
};

void adoption_release(struct adoption *adoption);

/* From now on this policy is in force. `zones`: of its time zones, as zones.h has it, or NULL. */
void adoption_adopt(struct adoption *adoption, const char *hash, const json_t *body, const json_t *zones,
                    int64_t time_ms);
void adoption_refuse(struct adoption *adoption, const char *hash, const char *reason, int64_t time_ms);

/* Is this the one that came last, adopted or refused? Then to hear of it again changes nothing. */
bool adoption_is_adopted(const struct adoption *adoption, const char *hash);
bool adoption_is_refused(const struct adoption *adoption, const char *hash);

/* When a policy was heard of last, adopted or refused; INT64_MIN: never. */
int64_t adoption_heard_ms(const struct adoption *adoption);

/* Can windows be told? False: `err` says why not. */
bool adoption_usable(const struct adoption *adoption, struct error *err);

/* All columns but `partition`; NULL: no policy was ever heard of. */
json_t *adoption_row(const struct adoption *adoption);
void adoption_load(struct adoption *adoption, const json_t *row);

#endif
