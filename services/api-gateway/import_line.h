/* import_line.h - one line of a fleet import: what it must say, and what is kept. Pure: sealing is deterministic. */
#ifndef TIDEGATE_GATEWAY_IMPORT_LINE_H
#define TIDEGATE_GATEWAY_IMPORT_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"

struct secrets;

enum {
    IMPORT_LINE_SIZE_MAX = 1024 * 1024,
    IMPORT_TEXT_SIZE_MAX = 200,
    IMPORT_KUBECONFIG_SIZE_MAX = 64 * 1024,
    /* The provisioner knows a runtime by no longer ID. */
    IMPORT_RUNTIME_ID_SIZE_MAX = 44,
};

/* Decodes and validates a line of `size` bytes. Gives the line (own) with its instance ID, derived where it is absent,
 * and without members that are null. NULL (ERROR_INPUT): `err` names the member. */
json_t *import_line_read(const char *bytes, size_t size, struct error *err);

/* Encrypts the secret values of kymaConfig and the kubeconfig, for the line's global account. False (ERROR_INPUT): a
 * secret stands where it cannot be; the line must not be sent. */
bool import_line_seal(json_t *line, struct secrets *secrets, struct error *err);

#endif
