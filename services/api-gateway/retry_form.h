/* retry_form.h - what POST /orchestrations/{id}/retry says: the operations that are to run again (contract, section 3.6).
 * Pure. */
#ifndef TIDEGATE_GATEWAY_RETRY_FORM_H
#define TIDEGATE_GATEWAY_RETRY_FORM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"
#include "common/http/query.h"

enum {
    RETRY_ID_SIZE_MAX = 200, /* bytes of an operation's ID */
    RETRY_COUNT_MAX = 30000, /* members of a form; as many operations one retry takes up at most */
};

/* Is `content_type` (or NULL) that of a form: application/x-www-form-urlencoded, with or without parameters? */
bool retry_form_is_media_type(const char *content_type);

/* The values of `operation-id`, those of the form before those of the query (of the URL), each once: an array of texts,
 * empty where there are none. Own: json_decref. NULL (ERROR_INPUT): the body is no form, or an ID is too long. */
json_t *retry_form_read(const char *body, size_t size, const struct query *query, struct error *err);

#endif
