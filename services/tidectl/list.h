/* list.h - commands that show a list of the server: filters and paging as options. */
#ifndef TIDEGATE_TIDECTL_LIST_H
#define TIDEGATE_TIDECTL_LIST_H

#include <jansson.h>

#include "services/tidectl/command.h"

/* One option, closed by a row without a name: --<option> adds <parameter>=<value> to the query. */
struct list_filter {
    const char *option, *parameter;
    bool is_list;      /* a,b,c adds the parameter three times; the option may be repeated too */
    const char *fixed; /* an option without a value, that adds this one; NULL: it has a value */
};

enum { LIST_FILTER_MAX = 16 };

/* Reads the filters of the command line, --page and --page-size. False: leave with context->exit_code. */
struct list_query {
    struct resource query; /* "?state=failed&…"; "" */
    bool is_page;          /* one page was asked for, not all of them */
};
bool list_read(struct context *context, int argc, char **argv, const struct list_filter *filters,
               struct list_query *out);

/* Gets the list at `path`, with the query, and shows it: as JSON, or by `show`. */
int list_show(struct context *context, const struct resource *path, const struct list_query *query,
              void (*show)(const struct context *context, const json_t *list));

#endif
