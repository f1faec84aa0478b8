#include "services/api-gateway/runtimes_sql.h"

#include <stdio.h>

#include "services/api-gateway/reads.h"
#include "services/api-gateway/sql.h"

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
    " page AS MATERIALIZED ("
    "   SELECT partition, position, created_at, instance_id FROM api.instance_places"
    "   WHERE @ AND created_at >= (SELECT at FROM start) ORDER BY created_at, instance_id"
    "   LIMIT $1 OFFSET $2 - (SELECT before FROM rank)::bigint)";

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
          " page AS MATERIALIZED (SELECT * FROM matching ORDER BY created_at, instance_id LIMIT $1 OFFSET $2)",
          out);
}

/* The upgrades of an instance `i`, as members of its status: the newest two of each type, beside how many there are. The
 * orchestrator's rows tell of those that wait as well, the broker's of those that no orchestration asked for. With
 * op_detail=last nothing of this is read. */
static void put_upgrades(FILE *out)
{
    fprintf(out,
            " LEFT JOIN LATERAL ("
            "   SELECT string_agg(',\"' || key || '\":{\"data\":[' || array_to_string(newest[1 : 2], ',')"
            "     || '],\"totalCount\":' || total || ',\"count\":' || least(total, 2) || '}', '' ORDER BY key DESC) AS "
            "members"
            "   FROM ("
            "     SELECT key, array_agg(element ORDER BY created_at DESC, operation_id DESC) AS newest,"
            "       sum(1 + older) AS total"
            "     FROM ("
            "       SELECT CASE u.type WHEN 'upgradeKyma' THEN 'upgradingKyma' ELSE 'upgradingCluster' END AS key,"
            "         '{\"state\":\"' || u.state || '\",\"description\":' || to_json(u.description)"
            "           || ',\"createdAt\":\"' || %s || '\",\"operationID\":' || to_json(u.operation_id)"
            "           || ',\"orchestrationID\":' || to_json(u.orchestration_id) || '}' AS element,"
            "         u.created_at, u.operation_id, 0 AS older"
            "       FROM api.instance_upgrades u WHERE u.instance_id = i.instance_id"
            "       UNION ALL"
            "       SELECT direct.key, one.value::text, (one.value ->> 'createdAt')::timestamptz,"
            "         one.value ->> 'operationID', CASE WHEN one.place = 1 THEN (direct.value ->> 'totalCount')::int"
            "           - json_array_length(direct.value -> 'data') ELSE 0 END"
            "       FROM json_each(i.direct_upgrades) direct,"
            "         json_array_elements(direct.value -> 'data') WITH ORDINALITY one(value, place)"
            "       WHERE i.direct_upgrades IS NOT NULL"
            "     ) operations WHERE NOT $3 GROUP BY key"
            "   ) kinds"
            " ) upgrades ON true",
            SQL_TIMESTAMP("u.created_at"));
}

/* The parts of the object that do not change stand ready in the row. */
static const char element_sql[] =
    " i.head || ',\"status\":' || CASE WHEN $3 THEN i.status_last::text"
    "   ELSE left(i.status::text, -1) || coalesce(upgrades.members, '') || '}' END"
    " || ',\"userID\":\"\",\"avsInternalEvaluationID\":0'"
    " || CASE WHEN $3 OR i.kyma_version = '' THEN '' ELSE ',\"kymaVersion\":' || to_json(i.kyma_version)::text END";

static void put_page_object(FILE *out)
{
    fprintf(out,
            " SELECT '{\"data\":[' || coalesce(string_agg(element || '}', ',' ORDER BY created_at, instance_id), '')"
            " || '],\"count\":' || count(*) || ',\"totalCount\":' || (SELECT total FROM rank) || '}'"
            " FROM (SELECT page.created_at, page.instance_id, %s AS element"
            " FROM page JOIN api.instances i USING (partition, position)",
            element_sql);
    put_upgrades(out);
    fputs(") elements;\n", out);
}

/* The provisioner's index of runtimes is in the database's own order, the broker's IDs are not. */
static void put_configured(FILE *out)
{
    fprintf(
        out,
        " SELECT rank.total, element, kyma_config_hash, kyma_config, cluster_config, name, seed FROM rank"
        " LEFT JOIN (SELECT page.created_at, page.instance_id, %s AS element, s.kyma_config_hash, s.kyma_config,"
        " s.cluster_config, s.shoot_name AS name, s.seed FROM page JOIN api.instances i USING (partition, position)",
        element_sql);
    put_upgrades(out);
    fputs(" LEFT JOIN api.runtime_status s ON s.runtime_id = i.runtime_id COLLATE \"default\") elements ON true"
          " ORDER BY elements.created_at, elements.instance_id;\n",
          out);
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
    if (configured)
        put_configured(out);
    else
        put_page_object(out);
}

void runtimes_put_setup(FILE *out)
{
    for (int list = RUNTIMES_SHOWN; list <= RUNTIMES_FILTERED; list++) {
        put_statement(out, (enum runtimes_list)list, false);
        put_statement(out, (enum runtimes_list)list, true);
    }
}
