/* zone_file.h - what the system knows of time zones (tzdata, RFC 8536), for those who hand it to the core. */
#ifndef TIDEGATE_SCHEDULER_ZONE_FILE_H
#define TIDEGATE_SCHEDULER_ZONE_FILE_H

#include <jansson.h>

#include "common/base/error.h"

/* The years of which changes are told, whatever form the system's files have and whenever it is asked. */
enum { ZONE_YEAR_FIRST = 2020, ZONE_YEAR_LAST = 2060 };

#define ZONE_FOLDER "/usr/share/zoneinfo"

/* The changes of the zone `name` ("Europe/Berlin") as [[seconds since the Unix epoch, seconds ahead of UTC], ...], in the
 * order of time; the first one is its offset at the beginning. Reads files. Own: json_decref. NULL: `err` says why. */
json_t *zone_file_read(const char *folder, const char *name, struct error *err);

#endif
