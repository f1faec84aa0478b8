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
 * Rows in any order, of the kinds of RUNTIMES_ORDINAL; runtimes_page.h makes the answer of them. */
const char *runtimes_statement(enum runtimes_list list, bool configured);

enum {
    RUNTIMES_ORDINAL, /* 0: of the whole; n: of the n-th element of the page */
    RUNTIMES_KIND, /* of ordinal 0: the total; else null for the element itself, or the type of one of its upgrades */

    /* The element: what is up to its status; the status; the version (null: not shown); the upgrades that no orchestration
     * asked for (null: none); RUNTIMES_CREATED: of the upgrade that is alone in the status (null: as it says itself). */
    RUNTIMES_HEAD,
    RUNTIMES_STATUS,
    RUNTIMES_VERSION,
    RUNTIMES_DIRECT,

    /* An upgrade of it. */
    RUNTIMES_OPERATION_ID = RUNTIMES_HEAD,
    RUNTIMES_ORCHESTRATION_ID,
    RUNTIMES_STATE,
    RUNTIMES_DESCRIPTION,
    RUNTIMES_CREATED, /* a JSON string in UTC that does not say so */

    /* Configured alone, of the element. */
    RUNTIMES_KYMA_HASH,
    RUNTIMES_KYMA_CONFIG,
    RUNTIMES_CLUSTER_CONFIG,
    RUNTIMES_NAME, /* of the cluster, where its configuration has none */
    RUNTIMES_SEED, /* likewise */
    RUNTIMES_COLUMNS,
};

/* The filters' names in the query, in the order of their parameters. */
enum { RUNTIMES_FILTER_COUNT = 7 };
extern const char *const runtimes_filters[RUNTIMES_FILTER_COUNT];

#endif
