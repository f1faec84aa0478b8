/* runtimes_sql.h - the prepared statements of GET /runtimes (E9).
 *
 * Pages without a filter are found by sums: the read model numbers instances in each partition as they are created
 * and says how many of each block of numbers are in the list. Page and total come out of one statement, one snapshot. */
#ifndef TIDEGATE_GATEWAY_RUNTIMES_SQL_H
#define TIDEGATE_GATEWAY_RUNTIMES_SQL_H

#include <stdbool.h>

enum runtimes_list {
    RUNTIMES_SHOWN,    /* all that are not suspended; a fixed plan */
    RUNTIMES_LISTED,   /* all; a fixed plan */
    RUNTIMES_FILTERED, /* a plan for each */
};

/* Parameters: page size, elements before the page, whether the last operation alone is shown; of RUNTIMES_FILTERED then
 * RUNTIMES_FILTER_COUNT arrays of texts (null: any), an array of states (null: any) and whether suspended ones are left
 * out.
 *
 * Not configured: one row, one column: the page object as JSON. Configured: the columns below, a row for each element;
 * for an empty page one with an element that is null. */
const char *runtimes_statement(enum runtimes_list list, bool configured);

enum {
    RUNTIMES_TOTAL,
    RUNTIMES_ELEMENT, /* without its closing brace */
    RUNTIMES_KYMA_HASH,
    RUNTIMES_KYMA_CONFIG,
    RUNTIMES_CLUSTER_CONFIG,
    RUNTIMES_NAME, /* of the cluster, where its configuration has none */
    RUNTIMES_SEED, /* likewise */
};

/* The filters' names in the query, in the order of their parameters. */
enum { RUNTIMES_FILTER_COUNT = 7 };
extern const char *const runtimes_filters[RUNTIMES_FILTER_COUNT];

#endif
