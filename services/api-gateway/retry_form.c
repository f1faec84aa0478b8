#include "services/api-gateway/retry_form.h"

#include <string.h>
#include <strings.h>

bool retry_form_is_media_type(const char *content_type)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const size_t size = sizeof form - 1;

    if (content_type == NULL)
        return false;
    content_type += strspn(content_type, " \t");
    if (strncasecmp(content_type, form, size) != 0)
        return false;
    content_type += size;
    content_type += strspn(content_type, " \t");
    return *content_type == '\0' || *content_type == ';';
}

/* `seen` has each ID as a member: a search among thousands must not take as many steps for each. */
static bool take_ids(const struct query *query, json_t *seen, json_t *ids, struct error *err)
{
    static const char name[] = "operation-id";
    size_t at = 0;

    if (!query_is_decoded(query, name, err))
        return false;
    for (const char *id; (id = query_next(query, name, &at)) != NULL;) {
        if (strlen(id) > RETRY_ID_SIZE_MAX)
            return error_set(err, ERROR_INPUT, "%s: expected at most %d bytes, got %zu", name, RETRY_ID_SIZE_MAX,
                             strlen(id));
        if (json_object_get(seen, id) != NULL)
            continue;
        json_object_set_new(seen, id, json_true());
        json_array_append_new(ids, json_string(id));
    }
    return true;
}

json_t *retry_form_read(const char *body, size_t size, const struct query *query, struct error *err)
{
    struct query *form = query_parse(body, size, RETRY_COUNT_MAX, err);
    json_t *ids = json_array(), *seen = json_object();

    if (form == NULL || !take_ids(form, seen, ids, err) || !take_ids(query, seen, ids, err)) {
        json_decref(ids);
        ids = NULL;
    }
    json_decref(seen);
    query_free(form);
    return ids;
}
