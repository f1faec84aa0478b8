/* target.h - which runtimes: "all", or members that must all match, "account=CA.*,region=europe". Pure. */
#ifndef TIDEGATE_TIDECTL_TARGET_H
#define TIDEGATE_TIDECTL_TARGET_H

#include <jansson.h>
#include <stdbool.h>

struct error;

/* The selector as the API has it. Names are the API's or their short forms (account, subaccount, runtime, plan,
 * instance), in any case; values are sent as they are. `all_allowed`: "all" is accepted. Own: json_decref.
 * NULL: `err` says what is wrong. */
json_t *target_parse(const char *text, bool all_allowed, struct error *err);

#endif
