/* release_check.h - are the files of a folder of releases as release.h describes them? Pure.
 *
 * A message begins with the place of what is wrong, as place.h takes it: "overrides[2].match: must ...". */
#ifndef TIDEGATE_RELEASE_RELEASE_CHECK_H
#define TIDEGATE_RELEASE_RELEASE_CHECK_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/error.h"

/* `version`: as the file is named; NULL: whatever it says. */
bool release_check(const json_t *file, const char *version, struct error *err);

/* The file versions.json. */
bool release_versions_check(const json_t *file, struct error *err);

#endif
