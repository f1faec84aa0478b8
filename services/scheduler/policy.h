/* policy.h - the maintenance policy: which runtimes may be upgraded on which days and at which times, whatever window
 * they have themselves.
 *
 *     {"rules": [{"match": {"globalAccountID": "^CA5", "plan": "trial|free", "region": "eu"},
 *                 "days": ["Sat", "Sun"], "timeBegin": "220000+0100", "timeEnd": "040000+0100"}, ...],
 *      "default": {"days": [...], "timeBegin": ..., "timeEnd": ...}}
 *
 * The members of a match are regular expressions (common/regex/regex.h), found anywhere; all that are there and not
 * empty must match, so an empty match matches every runtime. The first rule that matches is chosen; the default only if
 * none does. What the chosen one names of days, begin and end takes the place of the runtime's own, each by itself.
 * Every member may be left out or null; an empty time is none; an empty list of days would never open and is wrong.
 *
 * One with a member "timeZone" ("Europe/Berlin") has both times, written HHMMSS without an offset: they are those of that
 * zone's clocks (window.h).
 *
 * Pure. Const once made. */
#ifndef TIDEGATE_SCHEDULER_POLICY_H
#define TIDEGATE_SCHEDULER_POLICY_H

#include <jansson.h>
#include <stddef.h>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/window/window.h"
#include "services/scheduler/zones.h"

enum { POLICY_RULES_MAX = 200, POLICY_PLACE_SIZE = 64 };

struct policy; /* opaque: only policy.c knows the fields */

/* Checks all of `body` and compiles it; borrows `zones`, where its time zones are, as long as it lives. Own: policy_free.
 * NULL: `err` (ERROR_INPUT) says what is wrong, where ("rules[2].match.plan: ...") and what would be right, and `place`
 * (may be NULL) holds that place; "" is the whole. */
struct policy *policy_new(const json_t *body, const struct zones *zones, char place[POLICY_PLACE_SIZE],
                          struct error *err);

/* NULL is fine. */
void policy_free(struct policy *policy);

struct policy_runtime { /* what rules are matched against; NULL is "" */
    const char *global_account_id, *plan_name, *region;
};

/* The identity of a policy together with what is known of its time zones (as zones.h has it; NULL: it names none). */
void policy_hash(const json_t *body, const json_t *zones, char out[SHA256_HEX_SIZE]);

/* `own` with what the policy puts in its place. Texts and zone live as long as `policy` and `own`. Cannot fail. */
struct window_text policy_apply(const struct policy *policy, struct policy_runtime runtime, struct window_text own);

#endif
