/* The page object of GET /runtimes, out of rows as the statement gives them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "services/api-gateway/runtimes_page.h"
#include "services/api-gateway/runtimes_sql.h"

enum { ROW_COLUMNS = RUNTIMES_COLUMNS };

/* A null where `cells` end or are NULL. */
static void add_row(PGresult *rows, const char *const *cells, int count)
{
    const int row = PQntuples(rows);

    for (int i = 0; i < ROW_COLUMNS; i++) {
        const char *cell = i < count ? cells[i] : NULL;
        char copy[512];

        snprintf(copy, sizeof copy, "%s", cell == NULL ? "" : cell);
        assert_true(PQsetvalue(rows, row, i, cell == NULL ? NULL : copy, cell == NULL ? -1 : (int)strlen(copy)));
    }
}

#define ROW(rows, ...)                                  \
    add_row(rows, (const char *const[]){ __VA_ARGS__ }, \
            (int)(sizeof(const char *const[]){ __VA_ARGS__ } / sizeof(const char *)))

static PGresult *rows_new(void)
{
    PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc columns[ROW_COLUMNS] = { 0 };
    char name[] = "column";

    assert_non_null(rows);
    for (int i = 0; i < ROW_COLUMNS; i++)
        columns[i].name = name;
    assert_true(PQsetResultAttrs(rows, ROW_COLUMNS, columns));
    return rows;
}

static void then_page(PGresult *rows, struct runtimes_configs wanted, const char *want)
{
    struct text page = { 0 };

    runtimes_page_put(&page, rows, wanted);
    assert_string_equal(page.bytes, want);
    text_release(&page);
    PQclear(rows);
}

static void a_page_without_elements_tells_the_total(void **state)
{
    PGresult *rows = rows_new();

    (void)state;
    ROW(rows, "0", "250");
    then_page(rows, (struct runtimes_configs){ 0 }, "{\"data\":[],\"count\":0,\"totalCount\":250}");
}

/* NOLINTBEGIN(bugprone-suspicious-missing-comma): texts in pieces */
#define HEAD(id) "{\"instanceID\":\"" id "\""
#define TAIL "},\"userID\":\"\",\"avsInternalEvaluationID\":0"
#define UPGRADE(state, at, id)                                                                          \
    "{\"state\":\"" state "\",\"description\":\"as \\\"told\\\"\",\"createdAt\":\"2026-01-01T00:00:" at \
    "Z\",\"operationID\":\"" id "\",\"orchestrationID\":\"o1\"}"
#define AT(second) "\"2026-01-01T00:00:" second "\""

static void elements_are_in_the_order_of_their_numbers(void **state)
{
    PGresult *rows = rows_new();

    (void)state;
    ROW(rows, "2", NULL, HEAD("b"), "{\"state\":\"failed\"}", "", NULL);
    ROW(rows, "1", NULL, HEAD("a"), "{\"state\":\"succeeded\"}", "2.4.2", NULL);
    ROW(rows, "0", "2");
    then_page(rows, (struct runtimes_configs){ 0 },
              "{\"data\":[" HEAD("a") ",\"status\":{\"state\":\"succeeded\"" TAIL
                                      ",\"kymaVersion\":\"2.4.2\"}," HEAD("b") ",\"status\":{\"state\":\"failed\"" TAIL
                                                                               "}],\"count\":2,\"totalCount\":2}");
}

static void an_element_that_was_not_found_is_left_out(void **state)
{
    PGresult *rows = rows_new();

    (void)state;
    ROW(rows, "0", "2");
    ROW(rows, "2", NULL, HEAD("b"), "{}", NULL, NULL);
    ROW(rows, "1", "upgradeKyma", "u1", "o1", "pending", "d", AT("01"));
    then_page(rows, (struct runtimes_configs){ 0 },
              "{\"data\":[" HEAD("b") ",\"status\":{" TAIL "}],\"count\":1,\"totalCount\":2}");
}

static void of_each_type_the_newest_two_upgrades_are_shown_and_all_counted(void **state)
{
    PGresult *rows = rows_new();

    (void)state;
    ROW(rows, "0", "1");
    ROW(rows, "1", "upgradeCluster", "c1", "o1", "failed", "as \"told\"", AT("03"));
    ROW(rows, "1", NULL, HEAD("a"), "{\"state\":\"x\"}", NULL, NULL);
    ROW(rows, "1", "upgradeKyma", "u1", "o1", "succeeded", "as \"told\"", AT("01.5"));
    ROW(rows, "1", "upgradeKyma", "u3", "o1", "pending", "as \"told\"", AT("02.25"));
    ROW(rows, "1", "upgradeKyma", "u2", "o1", "canceled", "as \"told\"", AT("02"));
    then_page(rows, (struct runtimes_configs){ 0 },
              "{\"data\":[" HEAD("a") ",\"status\":{\"state\":\"x\",\"upgradingKyma\":{\"data\":[" UPGRADE(
                  "pending", "02.25",
                  "u3") "," UPGRADE("canceled", "02",
                                    "u2") "],\"totalCount\":3,\"count\":2},\"upgradingCluster\":{"
                                          "\"data\":[" UPGRADE("failed", "03",
                                                               "c1") "],\"totalCount\":1,\"count\":1}" TAIL
                                                                     "}],\"count\":1,\"totalCount\":1}");
}

static void of_two_upgrades_of_one_time_the_greater_id_is_the_newer(void **state)
{
    PGresult *rows = rows_new();

    (void)state;
    ROW(rows, "0", "1");
    ROW(rows, "1", NULL, HEAD("a"), "{\"state\":\"x\"}", NULL, NULL);
    ROW(rows, "1", "upgradeKyma", "u1", "o1", "failed", "as \"told\"", AT("01"));
    ROW(rows, "1", "upgradeKyma", "u2", "o1", "pending", "as \"told\"", AT("01"));
    then_page(rows, (struct runtimes_configs){ 0 },
              "{\"data\":[" HEAD("a") ",\"status\":{\"state\":\"x\",\"upgradingKyma\":{\"data\":[" UPGRADE(
                  "pending", "01", "u2") "," UPGRADE("failed", "01", "u1") "],\"totalCount\":2,\"count\":2}" TAIL
                                                                           "}],\"count\":1,\"totalCount\":1}");
}

static void upgrades_that_no_orchestration_asked_for_stand_among_the_others(void **state)
{
    PGresult *rows = rows_new();

    (void)state;
    ROW(rows, "0", "1");
    ROW(rows, "1", NULL, HEAD("a"), "{\"state\":\"x\"}", NULL,
        "{\"upgradingKyma\":{\"data\":["
        "{\"state\":\"failed\",\"description\":\"d\",\"createdAt\":\"2026-01-01T00:00:05Z\",\"operationID\":\"g2\"},"
        "{\"state\":\"failed\",\"description\":\"d\",\"createdAt\":\"2026-01-01T00:00:03Z\",\"operationID\":\"g1\"}],"
        "\"totalCount\":7}}");
    ROW(rows, "1", "upgradeKyma", "u1", "o1", "pending", "as \"told\"", AT("04"));
    then_page(rows, (struct runtimes_configs){ 0 },
              "{\"data\":[" HEAD(
                  "a") ",\"status\":{\"state\":\"x\",\"upgradingKyma\":{\"data\":[{\"state\":\"failed\","
                       "\"description\":\"d\",\"createdAt\":\"2026-01-01T00:00:05Z\",\"operationID\":\"g2\"}," UPGRADE(
                           "pending", "04", "u1") "],\"totalCount\":8,\"count\":2}" TAIL
                                                  "}],\"count\":1,\"totalCount\":1}");
}

static void the_last_upgrade_was_created_when_its_orchestration_made_it(void **state)
{
    PGresult *rows = rows_new();

    (void)state;
    ROW(rows, "0", "1");
    ROW(rows, "1", NULL, HEAD("a"),
        "{\"state\":\"x\",\"upgradingCluster\":{\"data\":[{\"state\":\"failed\",\"createdAt\":\"2026-01-01T00:00:09Z\","
        "\"operationID\":\"c1\"}],\"totalCount\":1,\"count\":1}}",
        NULL, NULL, AT("04.5"));
    then_page(rows, (struct runtimes_configs){ 0 },
              "{\"data\":[" HEAD(
                  "a") ",\"status\":{\"state\":\"x\",\"upgradingCluster\":{\"data\":[{\"state\":\"failed\","
                       "\"createdAt\":\"2026-01-01T00:00:04.5Z\",\"operationID\":\"c1\"}],"
                       "\"totalCount\":1,\"count\":1}" TAIL "}],\"count\":1,\"totalCount\":1}");
}

static void a_configuration_is_shown_where_it_is_wanted_and_known(void **state)
{
    for (int wanted = 0; wanted <= 1; wanted++) {
        PGresult *rows = rows_new();

        (void)state;
        ROW(rows, "0", "2");
        ROW(rows, "1", NULL, HEAD("a"), "{}", NULL, NULL, NULL, NULL, NULL, "{}", "c-1", "");
        ROW(rows, "2", NULL, HEAD("b"), "{}", NULL, NULL);
        struct text page = { 0 };

        runtimes_page_put(&page, rows, (struct runtimes_configs){ .kyma = true, .cluster = wanted == 1 });
        assert_null(strstr(page.bytes, "kymaConfig"));
        assert_int_equal(strstr(page.bytes, "\"clusterConfig\":{\"name\":\"c-1\"") != NULL, wanted);
        text_release(&page);
        PQclear(rows);
    }
}

/* NOLINTEND(bugprone-suspicious-missing-comma) */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_without_elements_tells_the_total),
        cmocka_unit_test(elements_are_in_the_order_of_their_numbers),
        cmocka_unit_test(an_element_that_was_not_found_is_left_out),
        cmocka_unit_test(of_each_type_the_newest_two_upgrades_are_shown_and_all_counted),
        cmocka_unit_test(of_two_upgrades_of_one_time_the_greater_id_is_the_newer),
        cmocka_unit_test(upgrades_that_no_orchestration_asked_for_stand_among_the_others),
        cmocka_unit_test(the_last_upgrade_was_created_when_its_orchestration_made_it),
        cmocka_unit_test(a_configuration_is_shown_where_it_is_wanted_and_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
