/* paging.h - `page` and `page_size` of the lists (contract, section 1.3). Pure. */
#ifndef TIDEGATE_GATEWAY_PAGING_H
#define TIDEGATE_GATEWAY_PAGING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/http/query.h"

struct paging {
    int64_t size;   /* elements in a page */
    int64_t offset; /* elements before it; never overflows, however far the page is */
};

/* Where `page_size` is not given it is `size_max`. False: `err` says what is wrong, `page_size` first. */
bool paging_read(const struct query *query, int64_t size_max, struct paging *paging, struct error *err);

#endif
