#include "services/tidectl/list.h"

#include <string.h>

enum { OPTION_PAGE = 256, OPTION_PAGE_SIZE, OPTION_FILTER };

/* "failed,inprogress" adds state=failed&state=in%20progress. */
static void add_values(struct resource *query, const struct list_filter *filter, char *values)
{
    for (char *rest = NULL, *value = strtok_r(values, ",", &rest); value != NULL; value = strtok_r(NULL, ",", &rest))
        resource_parameter(query, filter->parameter,
                           strcmp(filter->parameter, "state") == 0 ? state_word(value) : value);
}

static void add_filter(struct resource *query, const struct list_filter *filter, char *value)
{
    if (filter->fixed != NULL)
        resource_parameter(query, filter->parameter, filter->fixed);
    else if (filter->is_list)
        add_values(query, filter, value);
    else
        resource_parameter(query, filter->parameter, value);
}

bool list_read(struct context *context, int argc, char **argv, const struct list_filter *filters,
               struct list_query *out)
{
    struct option options[LIST_FILTER_MAX + 3] = {
        { "page", required_argument, NULL, OPTION_PAGE },
        { "page-size", required_argument, NULL, OPTION_PAGE_SIZE },
    };

    for (int i = 0; i < LIST_FILTER_MAX && filters[i].option != NULL; i++)
        options[2 + i] = (struct option){ filters[i].option, filters[i].fixed == NULL ? required_argument : no_argument,
                                          NULL, OPTION_FILTER + i };
    for (int option; (option = options_next(context, argc, argv, options)) != OPTIONS_END;) {
        if (option == OPTIONS_STOP)
            return false;
        if (option >= OPTION_FILTER) {
            add_filter(&out->query, &filters[option - OPTION_FILTER], optarg);
            continue;
        }
        out->is_page = true;
        resource_parameter(&out->query, option == OPTION_PAGE ? "page" : "page_size", optarg);
    }
    return true;
}

int list_show(struct context *context, const struct resource *path, const struct list_query *query,
              void (*show)(const struct context *context, const json_t *list))
{
    struct error err = { .code = ERROR_NONE };
    struct resource whole = *path;
    struct client *client;
    json_t *list = NULL;

    resource_literal(&whole, query->query.text);
    if (whole.overflown || query->query.overflown)
        return usage_error(context, "the arguments are too long");
    client = client_open(context, &err);
    if (client != NULL)
        list = query->is_page ? client_page(client, whole.text, &err) : client_list(client, whole.text, &err);
    client_free(client);
    if (list == NULL)
        return failed(&err);
    if (context->json)
        print_json(list);
    else
        show(context, list);
    json_decref(list);
    return EXIT_DONE;
}
