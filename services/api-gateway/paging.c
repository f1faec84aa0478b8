#include "services/api-gateway/paging.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Beyond any table; keeps (page - 1) * size far from overflow. */
static const int64_t page_max = INT64_C(1) << 40;

struct parameter {
    const char *member; /* in the query */
    const char *name;   /* in messages */
    int64_t fallback;
};

static bool read_integer(const char *text, int64_t *value)
{
    const char *digits = text + (*text == '-' || *text == '+');
    char *end;

    if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits))
        return false;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return errno == 0;
}

static bool read_parameter(const struct query *query, const struct parameter *parameter, int64_t *value,
                           struct error *err)
{
    const size_t count = query_count(query, parameter->member);

    *value = parameter->fallback;
    if (count == 0)
        return true;
    if (count > 1)
        return error_set(err, ERROR_INPUT, "%s has to be one parameter", parameter->name);
    if (!read_integer(query_value(query, parameter->member, 0), value))
        return error_set(err, ERROR_INPUT, "%s has to be an integer", parameter->name);
    if (*value < 1)
        return error_set(err, ERROR_INPUT, "%s cannot be smaller than 1", parameter->name);
    return true;
}

bool paging_read(const struct query *query, int64_t size_max, struct paging *paging, struct error *err)
{
    const struct parameter size_parameter = { "page_size", "pageSize", size_max };
    const struct parameter page_parameter = { "page", "page", 1 };
    int64_t size, page;

    if (!read_parameter(query, &size_parameter, &size, err))
        return false;
    if (size > size_max)
        return error_set(err, ERROR_INPUT, "pageSize is bigger than maxPage(%lld)", (long long)size_max);
    if (!read_parameter(query, &page_parameter, &page, err))
        return false;
    if (page > page_max)
        page = page_max;
    *paging = (struct paging){ .size = size, .offset = (page - 1) * size };
    return true;
}
