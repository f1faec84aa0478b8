/* import_line.h - one line of a fleet import: what it must say, and what is kept. Pure. */
#ifndef TIDEGATE_GATEWAY_IMPORT_LINE_H
#define TIDEGATE_GATEWAY_IMPORT_LINE_H

#include <jansson.h>
#include <stddef.h>

#include "common/base/error.h"

enum {
    IMPORT_LINE_SIZE_MAX = 1024 * 1024,
    IMPORT_TEXT_SIZE_MAX = 200,
    /* The provisioner knows a runtime by no longer ID. */
    IMPORT_RUNTIME_ID_SIZE_MAX = 44,
};

/* Decodes and validates a line of `size` bytes. Gives the line (own) with its instance ID, derived where it is absent,
 * and without members that are null. NULL (ERROR_INPUT): `err` names the member. */
json_t *import_line_read(const char *bytes, size_t size, struct error *err);

#endif
