/* runtimes_page.h - the page object of GET /runtimes (E9), put together of the rows of its statement (runtimes_sql.h): what
 * stands ready of each element, its upgrades by the orchestrations, and those that no orchestration asked for. Pure. */
#ifndef TIDEGATE_GATEWAY_RUNTIMES_PAGE_H
#define TIDEGATE_GATEWAY_RUNTIMES_PAGE_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "common/base/text.h"

struct runtimes_configs {
    bool kyma, cluster; /* shown with each element that has one; the rows are those of a configured statement */
};

/* Adds the object. Of each type the newest two upgrades are in it, beside how many there are. */
void runtimes_page_put(struct text *page, const PGresult *rows, struct runtimes_configs wanted);

#endif
