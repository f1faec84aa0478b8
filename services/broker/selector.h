/* selector.h - which instances an orchestration means: selectors, compiled once, matched against many instances.
 *
 * Members of one selector are AND-ed, selectors of a list OR-ed, and `exclude` always wins. globalAccount, subAccount
 * and region are regular expressions found anywhere; runtimeID, instanceID, planName and shoot are exact; `target` is
 * "all". A runtimeID makes the selector's other members irrelevant. */
#ifndef TIDEGATE_BROKER_SELECTOR_H
#define TIDEGATE_BROKER_SELECTOR_H

#include <jansson.h>
#include <stddef.h>

#include "common/base/error.h"

enum {
    SELECTOR_COUNT_MAX = 1000,        /* in each list */
    SELECTOR_PATTERN_COUNT_MAX = 300, /* regular expressions in both lists: each may take REGEX_MEMORY_MAX */
};

struct selectors; /* opaque: only selector.c knows the fields */

/* What selectors look at. Borrowed; none is NULL. */
struct selector_subject {
    const char *instance_id, *runtime_id, *global_account, *sub_account, *plan_name, *region, *shoot;
};

/* Compiles `{"include": [selector...], "exclude": [selector...]}`; a missing or null exclude is empty, and so is an
 * empty member. NULL: `err` (ERROR_INPUT) says which selector is wrong and why. A selector that says nothing is wrong,
 * as is a member that is not known: a slip of the pen must not choose every runtime. */
struct selectors *selectors_new(const json_t *targets, struct error *err);

/* NULL is fine. */
void selectors_free(struct selectors *selectors);

/* How much work it is to match one subject, at most, by the size of the patterns; at least 1. */
size_t selectors_weight(const struct selectors *selectors);

/* The index of the first include selector that matches, or -1: none does, or an exclude selector does. */
int selectors_match(const struct selectors *selectors, const struct selector_subject *subject);

#endif
