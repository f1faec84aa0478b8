/* policy_text.h - the maintenance policy as the text of a file. */
#ifndef TIDEGATE_SCHEDULER_POLICY_TEXT_H
#define TIDEGATE_SCHEDULER_POLICY_TEXT_H

#include <jansson.h>
#include <stddef.h>

#include "common/base/error.h"

enum { POLICY_TEXT_SIZE_MAX = 256 * 1024 }; /* bytes: a record has room for it */

/* The policy in `size` bytes of strict JSON, checked whole as policy.h has it, and in `zones` what the files in
 * `zone_folder` (zone_file.h) say of the time zones that it names: an object as zones.h has it, empty if it names none.
 * Own, both: json_decref. NULL: `err` (ERROR_INPUT) begins with the line, counted from 1, and says what is wrong and what
 * would be right. */
json_t *policy_text_parse(const char *bytes, size_t size, const char *zone_folder, json_t **zones, struct error *err);

#endif
