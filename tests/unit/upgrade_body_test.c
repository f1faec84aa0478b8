#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/release/release.h"
#include "services/api-gateway/upgrade_body.h"

#define ALL "{\"targets\":{\"include\":[{\"target\":\"all\"}]}"
#define STRATEGY "\"strategy\":{\"parallel\":{\"workers\":1},\"schedule\":\"immediate\",\"type\":\"parallel\"}"
#define TARGETS_ALL "\"targets\":{\"include\":[{\"target\":\"all\"}]}"

struct scene {
    struct releases *releases;
    enum upgrade_kind kind;
    char folder[64];
};

/* Releases of the test's own, so that those that are delivered may come and go. */
static int set_up(void **state)
{
    static const char *const versions[] = { "1.24.7", "2.4.2", "PR-7", "main-abc123" };
    struct scene *scene = calloc(1, sizeof *scene);
    char path[128];

    snprintf(scene->folder, sizeof scene->folder, "/tmp/releases-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        FILE *file;

        snprintf(path, sizeof path, "%s/%s.json", scene->folder, versions[i]);
        file = fopen(path, "w");
        fprintf(file,
                "{\"version\":\"%s\",\"components\":[{\"component\":\"istio\",\"namespace\":\"istio-system\"}],"
                "\"configuration\":[]}",
                versions[i]);
        fclose(file);
    }
    scene->releases = releases_load(scene->folder, NULL);
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        snprintf(path, sizeof path, "%s/%s.json", scene->folder, versions[i]);
        unlink(path);
    }
    rmdir(scene->folder);
    *state = scene;
    return scene->releases != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    releases_free(scene->releases);
    free(scene);
    return 0;
}

static bool read_body(const struct scene *scene, const char *text, struct upgrade_body *body, struct error *err)
{
    const struct upgrade_rules rules = { scene->kind, scene->releases };

    return upgrade_body_read(text, strlen(text), &rules, body, err);
}

static void accepts(const struct scene *scene, const char *text, const char *want_parameters, const char *want_version)
{
    struct upgrade_body body = { 0 };
    struct error err = { 0 };
    char *parameters;

    if (!read_body(scene, text, &body, &err))
        fail_msg("%s: refused: %s", text, err.message);
    parameters = json_dumps(body.parameters, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(parameters, want_parameters);
    assert_string_equal(body.version, want_version);
    free(parameters);
    upgrade_body_release(&body);
}

static void refuses(const struct scene *scene, const char *text, const char *want_error)
{
    struct upgrade_body body = { 0 };
    struct error err = { 0 };

    if (read_body(scene, text, &body, &err))
        fail_msg("%s: accepted", text);
    if (strncmp(err.message, want_error, strlen(want_error)) != 0)
        fail_msg("%s: \"%s\" does not begin with \"%s\"", text, err.message, want_error);
    assert_int_equal(err.code, ERROR_INPUT);
    assert_null(body.parameters);
}

/* --- What is accepted --- */

static void the_tutorials_first_body_is_accepted_as_printed(void **state)
{
    accepts(
        *state,
        "{       \"targets\": {           \"include\": [{               \"runtimeID\": \"uuid-sdasd-sda23t-efs\",     "
        "          \"globalAccount\": \"uuid-sdasd-sda23t-efs\",               \"subAccount\": "
        "\"uuid-sdasd-sda23t-efs\",               \"planName\": \"azure\",               \"region\": \"europewest\"   "
        "         }]       },       \"dryRun\": false   }",
        "{" STRATEGY ",\"targets\":{\"include\":[{\"globalAccount\":\"uuid-sdasd-sda23t-efs\",\"planName\":\"azure\","
        "\"region\":\"europewest\",\"runtimeID\":\"uuid-sdasd-sda23t-efs\",\"subAccount\":\"uuid-sdasd-sda23t-efs\"}]}"
        "}",
        "");
}

static void the_tutorials_second_body_is_accepted_with_its_trailing_commas(void **state)
{
    accepts(
        *state,
        "{    \"targets\": {        \"include\": [{            \"runtimeID\": \"uuid-sdasd-sda23t-efs\",            "
        "\"globalAccount\": \"uuid-sdasd-sda23t-efs\",            \"subAccount\": \"uuid-sdasd-sda23t-efs\",          "
        "  \"planName\": \"azure\",            \"region\": \"europewest\",         }]    },    \"strategy\": {        "
        "\"type\": \"parallel\",            \"schedule\": \"maintenanceWindow\",            \"parallel\": {          "
        "    \"workers\": 5            },    },    \"dryRun\": false}",
        "{\"strategy\":{\"parallel\":{\"workers\":5},\"schedule\":\"maintenanceWindow\",\"type\":\"parallel\"},"
        "\"targets\":{\"include\":[{\"globalAccount\":\"uuid-sdasd-sda23t-efs\",\"planName\":\"azure\","
        "\"region\":\"europewest\",\"runtimeID\":\"uuid-sdasd-sda23t-efs\",\"subAccount\":\"uuid-sdasd-sda23t-efs\"}]}"
        "}",
        "");
}

static void the_strategy_is_defaulted_and_what_is_empty_is_left_out(void **state)
{
    static const struct {
        const char *body, *want_parameters, *want_version;
    } rows[] = {
        { ALL "}", "{" STRATEGY "," TARGETS_ALL "}", "" },
        { ALL ",\"strategy\":{\"type\":\"parallel\",\"parallel\":{\"workers\":0}},\"kyma\":{}}",
          "{\"kyma\":{}," STRATEGY "," TARGETS_ALL "}", "" },
        { ALL ",\"strategy\":{\"type\":\"\",\"schedule\":\"\",\"parallel\":null},\"dryRun\":null,\"kyma\":null}",
          "{" STRATEGY "," TARGETS_ALL "}", "" },
        { ALL ",\"dryRun\":true}", "{\"dryRun\":true," STRATEGY "," TARGETS_ALL "}", "" },
        { ALL ",\"kyma\":{\"version\":\"\"}}", "{\"kyma\":{}," STRATEGY "," TARGETS_ALL "}", "" },
        { ALL ",\"kyma\":{\"version\":\"1.24.7\"}}", "{\"kyma\":{\"version\":\"1.24.7\"}," STRATEGY "," TARGETS_ALL "}",
          "1.24.7" },
        { ALL ",\"kyma\":{\"version\":\"PR-7\"}}", "{\"kyma\":{\"version\":\"PR-7\"}," STRATEGY "," TARGETS_ALL "}",
          "PR-7" },
        { ALL ",\"kyma\":{\"version\":\"main-abc123\"}}",
          "{\"kyma\":{\"version\":\"main-abc123\"}," STRATEGY "," TARGETS_ALL "}", "main-abc123" },
        { ALL ",\"kubernetes\":{\"machineImage\":\"x\"}}",
          "{\"kubernetes\":{\"kubernetesVersion\":\"\",\"machineImage\":\"x\",\"machineImageVersion\":\"\"}," STRATEGY
          "," TARGETS_ALL "}",
          "" },
        { "{\"targets\":{\"include\":[{\"target\":\"all\",\"region\":\"\",\"shoot\":null}],\"exclude\":[]}}",
          "{" STRATEGY "," TARGETS_ALL "}", "" },
        { "{\"targets\":{\"include\":[{\"globalAccount\":\"CA5.*\",\"region\":\"europe|eu-\"}],"
          "\"exclude\":[{\"shoot\":\"c-1\"},{\"instanceID\":\"i\"}]}}",
          "{" STRATEGY ",\"targets\":{\"exclude\":[{\"shoot\":\"c-1\"},{\"instanceID\":\"i\"}],"
          "\"include\":[{\"globalAccount\":\"CA5.*\",\"region\":\"europe|eu-\"}]}}",
          "" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        accepts(*state, rows[i].body, rows[i].want_parameters, rows[i].want_version);
}

static void failures_may_be_limited(void **state)
{
    accepts(*state, ALL ",\"strategy\":{\"maxFailures\":3}}",
            "{\"strategy\":{\"maxFailures\":3,\"parallel\":{\"workers\":1},\"schedule\":\"immediate\",\"type\":"
            "\"parallel\"}," TARGETS_ALL "}",
            "");
    accepts(*state, ALL ",\"strategy\":{\"maxFailures\":null}}", "{" STRATEGY "," TARGETS_ALL "}", "");
}

static void what_follows_the_first_value_is_ignored(void **state)
{
    accepts(*state, ALL "} {}", "{" STRATEGY "," TARGETS_ALL "}", "");
    accepts(*state, ALL ",}\n]\"\x01", "{" STRATEGY "," TARGETS_ALL "}", "");
}

static void of_members_that_differ_in_case_the_last_one_counts(void **state)
{
    accepts(*state, ALL ",\"dryRun\":true,\"DRYRUN\":false}", "{" STRATEGY "," TARGETS_ALL "}", "");
    accepts(*state, ALL ",\"dryRun\":false,\"DRYRUN\":true,\"dryRUN\":null}",
            "{\"dryRun\":true," STRATEGY "," TARGETS_ALL "}", "");
}

static void of_a_member_that_is_repeated_in_one_spelling_the_last_one_counts(void **state)
{
    accepts(*state, ALL ",\"dryRun\":false,\"dryRun\":true}", "{\"dryRun\":true," STRATEGY "," TARGETS_ALL "}", "");
    accepts(*state, ALL ",\"dryRun\":true,\"x\":{\"y\":1,\"Y\":2,\"y\":3}}",
            "{\"dryRun\":true," STRATEGY "," TARGETS_ALL "}", "");
}

/* JSON's library has the last value of a repeated member at the first one's place. */
static void a_member_in_two_spellings_one_of_which_may_be_repeated_is_refused(void **state)
{
    static const char *const rest = "given as null or in two spellings where a member is repeated";
    static const struct {
        const char *body, *want_member;
    } rows[] = {
        { ALL ",\"dryRun\":true,\"DRYRUN\":false,\"dryRun\":true}", "dryRun" },
        { ALL ",\"DRYRUN\":true,\"dryRun\":false,\"DRYRUN\":true}", "dryRun" },
        { ALL ",\"dryRun\":true,\"dryRun\":null}", "dryRun" },
        { "{\"targets\":{\"include\":[{\"shoot\":\"a\",\"SHOOT\":\"b\",\"shoot\":\"a\"}]}}", "shoot" },
        { "{\"targets\":{\"include\":[{\"target\":\"all\"}],\"exclude\":[{\"shoot\":\"a\",\"SHOOT\":\"b\","
          "\"shoot\":\"a\"}]}}",
          "shoot" },
        { ALL ",\"Strategy\":{\"schedule\":\"maintenanceWindow\"},\"strategy\":{},\"Strategy\":{}}", "strategy" },
    };
    char want[200];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(want, sizeof want, "while decoding request body: %s: %s", rows[i].want_member, rest);
        refuses(*state, rows[i].body, want);
    }
}

static void unknown_members_may_hold_what_nothing_else_can(void **state)
{
    static const char *const values[] = { "\"\\u0000\"", "\"\\ud800\"", "123456789012345678901234567890", "1e999" };
    char text[2000] = ALL ",\"x\":", *end;

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        snprintf(text, sizeof text, ALL ",\"x\":%s,\"dryRun\":true}", values[i]);
        accepts(*state, text, "{\"dryRun\":true," STRATEGY "," TARGETS_ALL "}", "");
    }
    end = stpcpy(text, ALL ",\"x\":");
    memset(end, '[', 100);
    memset(end + 100, ']', 100);
    strcpy(end + 200, ",\"\\u0000\":1}");
    accepts(*state, text, "{" STRATEGY "," TARGETS_ALL "}", "");
}

static void known_members_may_not(void **state)
{
    static const struct {
        const char *body, *want_error;
    } rows[] = {
        { "{\"targets\":{\"include\":[{\"region\":\"eu\\u0000\"}]}}",
          "while decoding request body: targets.include[0].region: expected a text without U+0000" },
        { "{\"targets\":{\"include\":[{\"target\":\"all\"}],\"exclude\":[{\"shoot\":\"a\\udc00\"}]}}",
          "while decoding request body: targets.exclude[0].shoot: expected a text without U+0000" },
        { ALL ",\"kyma\":{\"version\":\"1.24.7\\u0000\"}}",
          "while decoding request body: kyma.version: expected a text without U+0000" },
        { ALL ",\"strategy\":{\"parallel\":{\"workers\":99999999999999999999}}}",
          "while decoding request body: strategy.parallel.workers: expected an integer, got a number with a fraction" },
        { ALL ",\"strategy\":{\"parallel\":{\"workers\":1e0}}}",
          "while decoding request body: strategy.parallel.workers: expected an integer, got a number with a fraction" },
        { "{\"targets\":{\"include\":[{\"target\":\"all\",\"region\\u0000\":\"eu\"}]}}",
          "while validating target: targets.include[0]: unknown member \"region\xef\xbf\xbd\"" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        refuses(*state, rows[i].body, rows[i].want_error);
}

static void a_cluster_upgrade_keeps_what_is_said_of_kyma_and_looks_at_none_of_it(void **state)
{
    static const struct {
        const char *body, *want_parameters;
    } rows[] = {
        { ALL "}", "{" STRATEGY "," TARGETS_ALL "}" },
        { ALL ",\"kyma\":{}}", "{\"kyma\":{}," STRATEGY "," TARGETS_ALL "}" },
        { ALL ",\"kyma\":{\"version\":\"foo\"}}", "{\"kyma\":{\"version\":\"foo\"}," STRATEGY "," TARGETS_ALL "}" },
        { ALL ",\"kubernetes\":{\"kubernetesVersion\":\"1.20.8\"}}",
          "{\"kubernetes\":{\"kubernetesVersion\":\"1.20.8\",\"machineImage\":\"\",\"machineImageVersion\":\"\"}"
          "," STRATEGY "," TARGETS_ALL "}" },
    };
    struct scene *scene = *state;

    scene->kind = UPGRADE_CLUSTER;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        accepts(scene, rows[i].body, rows[i].want_parameters, "");
    refuses(scene, ALL ",\"kyma\":{\"version\":2}}",
            "while decoding request body: kyma.version: expected a string, got an integer");
    scene->kind = UPGRADE_KYMA;
}

static void names_are_found_without_case_and_unknown_ones_outside_selectors_are_ignored(void **state)
{
    accepts(
        *state,
        "{\"TARGETS\":{\"Include\":[{\"runtimeId\":\"x\"}],\"more\":1},\"DRYRUN\":true,\"version\":7,"
        "\"Strategy\":{\"PARALLEL\":{\"Workers\":3},\"other\":[]}}",
        "{\"dryRun\":true,\"strategy\":{\"parallel\":{\"workers\":3},\"schedule\":\"immediate\",\"type\":\"parallel\"},"
        "\"targets\":{\"include\":[{\"runtimeID\":\"x\"}]}}",
        "");
}

/* --- What is refused --- */

static void every_refusal_names_the_member(void **state)
{
    static const struct {
        const char *body, *want_error;
    } rows[] = {
        { "", "while decoding request body: EOF" },
        { "  \n", "while decoding request body: EOF" },
        { "{\n\"targets\": 1 2}", "while decoding request body: line 2 column 14: " },
        { ALL "{}", "while decoding request body: line 1 column" },
        { "[]", "while decoding request body: expected an object, got an array" },
        { "\"x\"", "while decoding request body: expected an object, got a string" },
        { "{\"targets\":[]}", "while decoding request body: targets: expected an object, got an array" },
        { "{\"targets\":{\"include\":{}}}",
          "while decoding request body: targets.include: expected an array, got an object" },
        { "{\"targets\":{\"include\":[\"all\"]}}",
          "while decoding request body: targets.include[0]: expected an object, got a string" },
        { "{\"targets\":{\"include\":[{\"region\":7}]}}",
          "while decoding request body: targets.include[0].region: expected a string, got an integer" },
        { "{\"targets\":{\"include\":[{\"target\":\"all\"}],\"exclude\":[{},{\"shoot\":[]}]}}",
          "while decoding request body: targets.exclude[1].shoot: expected a string, got an array" },
        { ALL ",\"dryRun\":\"true\"}", "while decoding request body: dryRun: expected a boolean, got a string" },
        { ALL ",\"strategy\":\"parallel\"}",
          "while decoding request body: strategy: expected an object, got a string" },
        { ALL ",\"strategy\":{\"parallel\":{\"workers\":1.0}}}",
          "while decoding request body: strategy.parallel.workers: expected an integer, got a number with a fraction" },
        { ALL ",\"strategy\":{\"parallel\":{\"workers\":\"1\"}}}",
          "while decoding request body: strategy.parallel.workers: expected an integer, got a string" },
        { ALL ",\"kyma\":\"2.4.2\"}", "while decoding request body: kyma: expected an object, got a string" },
        { ALL ",\"kyma\":{\"version\":2}}",
          "while decoding request body: kyma.version: expected a string, got an integer" },
        { ALL ",\"kubernetes\":{\"machineImage\":1}}",
          "while decoding request body: kubernetes.machineImage: expected a string, got an integer" },
        { "{}", "while validating target: targets.include array must be not empty" },
        { "null", "while validating target: targets.include array must be not empty" },
        { "{\"targets\":null}", "while validating target: targets.include array must be not empty" },
        { "{\"targets\":{\"include\":null}}", "while validating target: targets.include array must be not empty" },
        { "{\"targets\":{\"include\":[]}}", "while validating target: targets.include array must be not empty" },
        { "{\"targets\":{\"include\":[{}]}}", "while validating target: targets.include[0]: the selector is empty" },
        { "{\"targets\":{\"include\":[null]}}", "while validating target: targets.include[0]: the selector is empty" },
        { "{\"targets\":{\"include\":[{\"target\":\"all\"},{\"region\":\"\"}]}}",
          "while validating target: targets.include[1]: the selector is empty" },
        { "{\"targets\":{\"include\":[{\"regoin\":\"eu\"}]}}",
          "while validating target: targets.include[0]: unknown member \"regoin\"; known are target, " },
        { "{\"targets\":{\"include\":[{\"target\":\"all\"}],\"exclude\":[{\"shoots\":\"c\"}]}}",
          "while validating target: targets.exclude[0]: unknown member \"shoots\"" },
        { "{\"targets\":{\"include\":[{\"target\":\"All\"}]}}",
          "while validating target: targets.include[0].target: \"All\" is not known" },
        { "{\"targets\":{\"include\":[{\"globalAccount\":\"CA(\"}]}}",
          "while validating target: targets.include[0].globalAccount: invalid pattern \"CA(\"" },
        { "{\"targets\":{\"include\":[{\"subAccount\":\"(?=x)\"}]}}",
          "while validating target: targets.include[0].subAccount: invalid pattern" },
        { "{\"targets\":{\"include\":[{\"target\":\"all\"}],\"exclude\":[{\"region\":\"(\"}]}}",
          "while validating target: targets.exclude[0].region: invalid pattern \"(\": missing )" },
        { "{\"targets\":{\"include\":[{\"runtimeID\":\"x\",\"region\":\"[\"}]}}",
          "while validating target: targets.include[0].region: invalid pattern" },
        { ALL ",\"strategy\":{\"type\":\"serial\"}}",
          "while validating strategy: strategy.type: \"serial\" is not known" },
        { ALL ",\"strategy\":{\"schedule\":\"maintenancewindow\"}}",
          "while validating strategy: strategy.schedule: \"maintenancewindow\" is not known" },
        { ALL ",\"strategy\":{\"parallel\":{\"workers\":-1}}}",
          "while validating strategy: strategy.parallel.workers: -1 is not from 0" },
        { ALL ",\"strategy\":{\"parallel\":{\"workers\":2000000000}}}",
          "while validating strategy: strategy.parallel.workers: 2000000000 is not from 0" },
        { ALL ",\"strategy\":{\"maxFailures\":0}}",
          "while validating strategy: strategy.maxFailures: 0 is not from 1 on" },
        { ALL ",\"strategy\":{\"maxFailures\":1.5}}",
          "while decoding request body: strategy.maxFailures: expected an integer, got a number with a fraction" },
        { ALL ",\"kyma\":{\"version\":\"foo\"}}",
          "while validating kyma version: invalid Kyma version \"foo\": expected a version such as" },
        { ALL ",\"kyma\":{\"version\":\"9.9.9\"}}",
          "while validating kyma version: invalid Kyma version, version 9.9.9 not found; known versions: " },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        refuses(*state, rows[i].body, rows[i].want_error);
}

static void too_many_selectors_and_patterns_are_refused(void **state)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    fputs("{\"targets\":{\"include\":[", out);
    for (int i = 0; i <= PATTERNS_COUNT_MAX; i++)
        fputs("{\"region\":\"eu\"},", out);
    fputs("]}}", out);
    fclose(out);
    refuses(*state, text, "while validating target: targets.include[300].region: more than 300 regular expressions");
    free(text);

    out = open_memstream(&text, &size);
    fputs("{\"targets\":{\"include\":[", out);
    for (int i = 0; i <= SELECTORS_COUNT_MAX; i++)
        fputs("{\"shoot\":\"c\"},", out);
    fputs("]}}", out);
    fclose(out);
    refuses(*state, text, "while validating target: targets.include: 1001 selectors are more than 1000");
    free(text);
}

static void versions_have_one_of_three_forms(void **state)
{
    static const struct {
        const char *version;
        bool want;
    } rows[] = {
        { "1.24.7", true },    { "2", true },        { "2.0", true },         { "2.0.0-rc4", true },
        { "2.0.0+b.1", true }, { "PR-123", true },   { "main-a1b2c3", true }, { "feature-x-a1b2c3", true },
        { "", false },         { "foo", false },     { "1.2.3.4", false },    { "1..2", false },
        { "v1.2.3", false },   { "PR-", false },     { "main-", false },      { "-abc", false },
        { "main-xyz", false }, { "a b-abc", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (kyma_version_is_well_formed(rows[i].version) != rows[i].want)
            fail_msg("%s", rows[i].version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tutorials_first_body_is_accepted_as_printed),
        cmocka_unit_test(the_tutorials_second_body_is_accepted_with_its_trailing_commas),
        cmocka_unit_test(the_strategy_is_defaulted_and_what_is_empty_is_left_out),
        cmocka_unit_test(failures_may_be_limited),
        cmocka_unit_test(what_follows_the_first_value_is_ignored),
        cmocka_unit_test(of_members_that_differ_in_case_the_last_one_counts),
        cmocka_unit_test(of_a_member_that_is_repeated_in_one_spelling_the_last_one_counts),
        cmocka_unit_test(a_member_in_two_spellings_one_of_which_may_be_repeated_is_refused),
        cmocka_unit_test(unknown_members_may_hold_what_nothing_else_can),
        cmocka_unit_test(known_members_may_not),
        cmocka_unit_test(a_cluster_upgrade_keeps_what_is_said_of_kyma_and_looks_at_none_of_it),
        cmocka_unit_test(names_are_found_without_case_and_unknown_ones_outside_selectors_are_ignored),
        cmocka_unit_test(every_refusal_names_the_member),
        cmocka_unit_test(too_many_selectors_and_patterns_are_refused),
        cmocka_unit_test(versions_have_one_of_three_forms),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
