#include "services/api-gateway/runtimes_sql.h"

#include <stdio.h>

#include "services/api-gateway/reads.h"

const char *const runtimes_filters[RUNTIMES_FILTER_COUNT] = { "account", "subaccount", "instance_id", "runtime_id",
                                                              "region",  "plan",       "shoot" };

static const char *const filter_columns[RUNTIMES_FILTER_COUNT] = { "global_account_id", "sub_account_id", "instance_id",
                                                                   "runtime_id",        "region",         "plan_name",
                                                                   "shoot_name" };

static const char *const names[][2] = {
    [RUNTIMES_SHOWN] = { "runtimes_shown", "runtimes_shown_configured" },
    [RUNTIMES_LISTED] = { "runtimes_listed", "runtimes_listed_configured" },
    [RUNTIMES_FILTERED] = { "runtimes_filtered", "runtimes_filtered_configured" },
};

/* The column of blocks and places that tells of a list. */
static const char *const list_columns[] = { [RUNTIMES_SHOWN] = "shown", [RUNTIMES_LISTED] = "listed" };

const char *runtimes_statement(enum runtimes_list list, bool configured)
{
    return names[list][configured ? 1 : 0];
}

/* The elements of a page, numbered from 1 on in the order of the list. */
#define NUMBERED(page) \
    "SELECT row_number() OVER (ORDER BY created_at, instance_id) AS ordinal, found.* FROM (" page ") found"

/* Reading begins where a block begins: at the newest creation time with at most $2 elements in blocks that begin before
 * it. Of those blocks the last one of each partition may reach beyond that time, up to the partition's next block; how far
 * is counted, so that the number of elements before it is exact, and what is left to skip is less than a block of each
 * partition. '@' stands for the column of the list. */
static const char page_sql[] =
    " WITH blocks AS MATERIALIZED ("
    "   SELECT partition, first_position, first_created_at, @ AS elements,"
    "     sum(@) OVER (ORDER BY first_created_at ROWS UNBOUNDED PRECEDING) - @ AS before"
    "   FROM api.instance_blocks),"
    " start AS MATERIALIZED (SELECT max(first_created_at) FILTER (WHERE before <= $2) AS at,"
    "   coalesce(max(before + elements), 0) AS total FROM blocks),"
    " partitions AS MATERIALIZED (SELECT partition, at FROM blocks, start"
    "   WHERE first_position = 0 AND first_created_at < at),"
    " rank AS MATERIALIZED ("
    "   SELECT total, coalesce((SELECT min(before) FROM blocks WHERE first_created_at = at), 0)"
    "     - coalesce((SELECT sum(beyond) FROM partitions p CROSS JOIN LATERAL ("
    "         SELECT count(*) AS beyond FROM api.instance_places i WHERE i.partition = p.partition"
    "           AND i.created_at >= p.at AND i.created_at < coalesce(("
    "             SELECT min(b.first_created_at) FROM api.instance_blocks b"
    "             WHERE b.partition = p.partition AND b.first_created_at >= p.at), 'infinity')"
    "           AND i.@) reach), 0) AS before"
    "   FROM start),"
    " page AS MATERIALIZED (" NUMBERED(
        "SELECT partition, position, created_at, instance_id FROM api.instance_places"
        "   WHERE @ AND created_at >= (SELECT at FROM start) ORDER BY created_at, instance_id"
        "   LIMIT $1 OFFSET $2 - (SELECT before FROM rank)::bigint") ")";

static void put_page(FILE *out, const char *column)
{
    for (const char *at = page_sql; *at != '\0'; at++) {
        if (*at == '@')
            fputs(column, out);
        else
            putc(*at, out);
    }
}

static void put_filtered(FILE *out)
{
    fputs(" WITH matching AS MATERIALIZED ("
          "   SELECT partition, position, created_at, instance_id FROM api.instances WHERE true",
          out);
    for (int i = 0; i < RUNTIMES_FILTER_COUNT; i++)
        fprintf(out, " AND ($%d IS NULL OR %s = ANY($%d))", i + 4, filter_columns[i], i + 4);
    fputs("   AND ($11 IS NULL OR state = ANY($11)) AND NOT ($12 AND state = 'suspended')),"
          " rank AS MATERIALIZED (SELECT count(*) AS total FROM matching),"
          " page AS MATERIALIZED (" NUMBERED(
              "SELECT * FROM matching ORDER BY created_at, instance_id LIMIT $1 OFFSET $2") ")",
          out);
}

/* Three kinds of rows in one answer, for they have to be of one snapshot; that the gateway puts them together takes a
 * fraction of what PostgreSQL needs to aggregate them. The broker's rows tell of upgrades that no orchestration asked
 * for, the orchestrator's of all others, those that wait included. With op_detail=last no upgrades are read, but when the
 * one that is shown was created, for the broker knows of it from its start on.
 * The provisioner's index of runtimes is in the database's own order, the broker's IDs are not. */
static void put_rows(FILE *out, bool configured)
{
    const char *nulls = configured ? ", NULL, NULL, NULL, NULL, NULL" : "";

    fprintf(out,
            " SELECT 0::bigint AS ordinal, total::text, NULL, NULL, NULL, NULL, NULL%s FROM rank"
            " UNION ALL SELECT page.ordinal, NULL, i.head, CASE WHEN $3 THEN i.status_last ELSE i.status END::text,"
            "   CASE WHEN NOT $3 THEN i.kyma_version END, CASE WHEN NOT $3 THEN i.direct_upgrades END::text,"
            "   CASE WHEN $3 THEN (SELECT to_json(u.created_at AT TIME ZONE 'UTC')::text FROM api.instance_upgrades u"
            "     WHERE u.operation_id = coalesce(i.status_last #>> '{upgradingKyma,data,0,operationID}',"
            "       i.status_last #>> '{upgradingCluster,data,0,operationID}')) END%s"
            "   FROM page JOIN api.instances i USING (partition, position)%s"
            " UNION ALL SELECT page.ordinal, u.type, u.operation_id, u.orchestration_id, u.state, u.description,"
            "   to_json(u.created_at AT TIME ZONE 'UTC')::text%s"
            "   FROM page JOIN api.instance_upgrades u ON u.instance_id = page.instance_id WHERE NOT $3;\n",
            nulls,
            configured ? ", s.kyma_config_hash, s.kyma_config::text, s.cluster_config::text, s.shoot_name, s.seed" : "",
            configured ? " LEFT JOIN api.runtime_status s ON s.runtime_id = i.runtime_id COLLATE \"default\"" : "",
            nulls);
}

static void put_statement(FILE *out, enum runtimes_list list, bool configured)
{
    const char *more = list == RUNTIMES_FILTERED
                           ? ", text[], text[], text[], text[], text[], text[], text[], text[], boolean"
                           : "";

    fprintf(out, "PREPARE %s(bigint, bigint, boolean%s) AS", runtimes_statement(list, configured), more);
    if (list == RUNTIMES_FILTERED)
        put_filtered(out);
    else
        put_page(out, list_columns[list]);
    put_rows(out, configured);
}

void runtimes_put_setup(FILE *out)
{
    for (int list = RUNTIMES_SHOWN; list <= RUNTIMES_FILTERED; list++) {
        put_statement(out, (enum runtimes_list)list, false);
        put_statement(out, (enum runtimes_list)list, true);
    }
}
