/* What differs from a release for some runtimes, and which version is sent to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/json/place.h"
#include "common/release/release.h"
#include "common/release/version.h"

/* JSON with ' for ". */
static json_t *json_of(const char *text)
{
    char *copy = strdup(text);
    json_t *json;

    for (char *c = copy; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    json = json_loads(copy, 0, NULL);
    assert_non_null(json);
    free(copy);
    return json;
}

/* A release 2.4.2 with components a and b, and k = base; with these overrides and versions. */
static struct releases *with(const char *overrides, const char *versions, struct error *err)
{
    char *text;
    json_t *json;
    struct releases *releases;

    assert_true(asprintf(&text,
                         "{'releases': [{'version': '2.4.2', 'components': [{'component': 'a', 'namespace': 'n'}, "
                         "{'component': 'b', 'namespace': 'n'}], 'configuration': [{'key': 'k', 'value': 'base'}], "
                         "'overrides': %s}], 'versions': %s}",
                         overrides, versions) > 0);
    json = json_of(text);
    free(text);
    releases = releases_new(json, err);
    json_decref(json);
    return releases;
}

static const struct release_runtime everything = { .plan = "p", .global_account = "g", .sub_account = "s" };

static void then_configured(const char *overrides, struct release_runtime runtime, const char *want_configuration,
                            const char *want_components)
{
    struct releases *releases = with(overrides, "{}", NULL);
    char hash[SHA256_HEX_SIZE], again[SHA256_HEX_SIZE];
    json_t *body = releases_configured(releases, "2.4.2", runtime, hash, NULL);
    json_t *configuration = json_of(want_configuration), *components = json_of(want_components);

    assert_non_null(body);
    configuration_hash(body, again);
    assert_string_equal(hash, again);
    if (!json_equal(json_object_get(body, "configuration"), configuration) ||
        !json_equal(json_object_get(body, "components"), components))
        fail_msg("is %s", json_dumps(body, 0));
    json_decref(configuration);
    json_decref(components);
    json_decref(body);
    releases_free(releases);
}

#define COMPONENT(name, configuration)                                            \
    "{'component': '" name "', 'namespace': 'n', 'configuration': " configuration \
    ", 'sourceURL': null, 'conflictStrategy': null}"
#define BOTH "[" COMPONENT("a", "null") ", " COMPONENT("b", "null") "]"
#define K(value) "[{'key': 'k', 'value': '" value "', 'secret': null}]"

static void override_holds_only_where_all_of_its_match_does(void **state)
{
    static const char one[] = "[{'match': {'plan': 'p', 'globalAccount': 'g'}, 'configuration': [{'key': 'k', 'value': "
                              "'1'}]}]";

    (void)state;
    then_configured(one, everything, K("1"), BOTH);
    then_configured(one, (struct release_runtime){ .plan = "p" }, K("base"), BOTH);
    then_configured(one, (struct release_runtime){ .plan = "P", .global_account = "g" }, K("base"), BOTH);
    then_configured(one, (struct release_runtime){ 0 }, K("base"), BOTH);
}

static void more_particular_override_wins_key_by_key_wherever_it_stands(void **state)
{
    (void)state;
    then_configured("[{'match': {'subAccount': 's'}, 'configuration': [{'key': 'k', 'value': 'sub'}]}, "
                    "{'match': {'globalAccount': 'g'}, 'configuration': [{'key': 'k', 'value': 'ga'}, {'key': 'x', "
                    "'value': 'ga'}]}, {'match': {'plan': 'p'}, 'configuration': [{'key': 'x', 'value': 'plan'}, "
                    "{'key': 'y', 'value': 'plan'}]}]",
                    everything,
                    "[{'key': 'k', 'value': 'sub', 'secret': null}, {'key': 'x', 'value': 'ga', 'secret': null}, "
                    "{'key': 'y', 'value': 'plan', 'secret': null}]",
                    BOTH);
    /* of equally particular ones the later */
    then_configured("[{'match': {'plan': 'p'}, 'configuration': [{'key': 'k', 'value': '1'}]}, "
                    "{'match': {'plan': 'p'}, 'configuration': [{'key': 'k', 'value': '2'}]}]",
                    everything, K("2"), BOTH);
    /* with a plan as well, the account's is more particular */
    then_configured("[{'match': {'globalAccount': 'g', 'plan': 'p'}, 'configuration': [{'key': 'k', 'value': '1'}]}, "
                    "{'match': {'globalAccount': 'g'}, 'configuration': [{'key': 'k', 'value': '2'}]}]",
                    everything, K("1"), BOTH);
}

static void components_are_configured_added_and_disabled(void **state)
{
    (void)state;
    then_configured(
        "[{'match': {'plan': 'p'}, 'components': [{'component': 'a', 'configuration': [{'key': 'x', 'value': "
        "'sealed:v1:k:abc', 'secret': true}]}, {'component': 'c', 'namespace': 'n'}], 'disable': ['b']}]",
        everything, K("base"),
        "[" COMPONENT("a", "[{'key': 'x', 'value': 'sealed:v1:k:abc', 'secret': true}]") ", " COMPONENT("c",
                                                                                                        "null") "]");
}

static void component_that_two_add_stands_where_the_more_particular_one_says(void **state)
{
    (void)state;
    then_configured("[{'match': {'globalAccount': 'g'}, 'components': [{'component': 'c', 'namespace': 'n'}]}, "
                    "{'match': {'plan': 'p'}, 'components': [{'component': 'c', 'namespace': 'other', "
                    "'configuration': [{'key': 'x', 'value': '1'}]}]}]",
                    everything, K("base"),
                    "[" COMPONENT("a", "null") ", " COMPONENT("b", "null") ", " COMPONENT(
                        "c", "[{'key': 'x', 'value': '1', 'secret': null}]") "]");
}

static void two_releases_of_one_version_are_refused(void **state)
{
    static const char one[] = "{'version': '1', 'components': [{'component': 'a', 'namespace': 'n'}], "
                              "'configuration': []}";
    struct error err = { 0 };
    char text[512];
    json_t *json;

    (void)state;
    snprintf(text, sizeof text, "{'releases': [%s, %s]}", one, one);
    json = json_of(text);
    assert_null(releases_new(json, &err));
    assert_non_null(strstr(err.message, "two have the version 1"));
    json_decref(json);
    json = json_of("{'releases': [5]}");
    assert_null(releases_new(json, &err));
    assert_non_null(strstr(err.message, "a release without a version: must be an object"));
    json_decref(json);
}

static void configurations_without_an_override_are_the_releases_own(void **state)
{
    struct releases *releases = with("[{'match': {'plan': 'p'}, 'disable': ['a']}]", "{}", NULL);
    char hash[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE];
    json_t *first, *second;

    (void)state;
    first = releases_configured(releases, "2.4.2", (struct release_runtime){ 0 }, hash, NULL);
    assert_ptr_equal(first, releases_configuration(releases, "2.4.2"));
    assert_string_equal(hash, releases_hash(releases, "2.4.2"));
    json_decref(first);
    first = releases_configured(releases, "2.4.2", everything, hash, NULL);
    second = releases_configured(releases, "2.4.2", everything, other, NULL);
    assert_ptr_equal(first, second); /* made once */
    assert_string_not_equal(hash, releases_hash(releases, "2.4.2"));
    assert_null(releases_configured(releases, "2.4.3", everything, other, NULL));
    assert_true(releases_differ(releases));
    assert_int_equal(releases_override_count(releases, 0), 1);
    json_decref(first);
    json_decref(second);
    releases_free(releases);
}

static void version_is_that_of_the_subaccount_else_of_the_global_account(void **state)
{
    struct releases *releases = with("[]", "{'default': '2.4.2', 'accounts': {'GA_g': '1', 'SA_s': '2'}}", NULL);

    (void)state;
    assert_string_equal(releases_default(releases), "2.4.2");
    assert_string_equal(releases_account_version(releases, everything), "2");
    assert_string_equal(releases_account_version(releases, (struct release_runtime){ .global_account = "g" }), "1");
    assert_null(releases_account_version(releases, (struct release_runtime){ .global_account = "s" }));
    assert_null(releases_account_version(releases, (struct release_runtime){ 0 }));
    assert_true(releases_differ(releases));
    releases_free(releases);
    releases = with("[]", "{}", NULL);
    assert_false(releases_differ(releases));
    assert_null(releases_default(releases));
    releases_free(releases);
}

static void what_is_wrong_in_overrides_and_versions_is_named(void **state)
{
    static const struct {
        const char *overrides, *versions, *want;
    } cases[] = {
        { "{}", "{}", "overrides: must be a list" },
        { "[{'match': {'plan': 'p'}}]", "{}", "overrides[0]: must be an object with match and one or more of" },
        { "[{'match': {}, 'disable': ['a']}]", "{}", "overrides[0].match: must be an object with one or more of" },
        { "[{'match': {'region': 'r'}, 'disable': ['a']}]", "{}", "overrides[0].match: must be" },
        { "[{'match': {'plan': ''}, 'disable': ['a']}]", "{}",
          "overrides[0].match.plan: must be a text, and not empty" },
        { "[{'match': {'plan': 'p'}, 'disable': ['x']}]", "{}", "overrides[0].disable[0]: must be a component" },
        { "[{'match': {'plan': 'p'}, 'configuration': []}]", "{}", "overrides[0].configuration: must be a list" },
        { "[{'match': {'plan': 'p'}, 'configuration': [{'key': 'k', 'value': 1}]}]", "{}",
          "overrides[0].configuration[0]: must be {" },
        { "[{'match': {'plan': 'p'}, 'configuration': [{'key': 'k', 'value': 'plain', 'secret': true}]}]", "{}",
          "overrides[0].configuration[0].value: what is secret must be sealed" },
        { "[{'match': {'plan': 'p'}, 'components': [{'component': 'x', 'configuration': [{'key': 'k', 'value': "
          "'v'}]}]}]",
          "{}", "overrides[0].components[0].component: the release has no component x" },
        { "[{'match': {'plan': 'p'}, 'components': [{'component': 'a', 'namespace': 'other'}]}]", "{}",
          "overrides[0].components[0].namespace: the release has a component a" },
        { "[{'match': {'plan': 'p'}, 'enable': ['a'], 'disable': ['a']}]", "{}", "overrides[0]: must be" },
        { "[]", "{'default': '9'}", "default: there is no release 9; there are: 2.4.2" },
        { "[]", "{'accounts': {'g': '1'}}", "accounts.g: must be named GA_<global account> or SA_<subaccount>" },
        { "[]", "{'accounts': {'GA_g': 1}}", "accounts.GA_g: must be a version" },
        { "[]", "{'x': 1}", "must be an object with default, accounts or both" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = { 0 };

        assert_null(with(cases[i].overrides, cases[i].versions, &err));
        if (strstr(err.message, cases[i].want) == NULL)
            fail_msg("want %s, is %s", cases[i].want, err.message);
    }
}

static void configuration_that_becomes_too_large_is_refused_for_its_runtimes_alone(void **state)
{
    enum { HALF = RELEASE_CONFIGURATION_SIZE_MAX / 2 };
    struct error err = { 0 };
    struct releases *releases;
    char hash[SHA256_HEX_SIZE] = "", *value = malloc(HALF + 1), *overrides;

    (void)state;
    memset(value, 'v', HALF);
    value[HALF] = '\0';
    assert_true(asprintf(&overrides,
                         "[{'match': {'plan': 'p'}, 'configuration': [{'key': 'x', 'value': '%s'}]}, {'match': "
                         "{'subAccount': 's'}, 'configuration': [{'key': 'y', 'value': '%s'}]}]",
                         value, value) > 0);
    releases = with(overrides, "{}", &err);
    assert_non_null(releases);
    assert_null(releases_configured(releases, "2.4.2", everything, hash, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_string_equal(hash, "");
    releases_free(releases);
    free(overrides);
    free(value);
}

static void majors_of_versions_are_numbers_or_those_of_the_usual_one(void **state)
{
    static const struct {
        const char *version;
        int want;
    } cases[] = { { "2.4.2", 2 },  { "1", 1 },     { "2.0.0-rc4", 2 }, { "PR-12", 7 }, { "main-abc", 7 },
                  { "a-b-c0", 7 }, { "foo", -1 },  { "", -1 },         { "v2.1", -1 }, { "-abc", -1 },
                  { "main-", -1 }, { "10.1", 10 }, { "99999999", -1 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (kyma_version_major(cases[i].version, "7.1") != cases[i].want)
            fail_msg("%s: is %d", cases[i].version, kyma_version_major(cases[i].version, "7.1"));
}

static void line_is_that_of_the_place_or_of_as_much_of_it_as_there_is(void **state)
{
    static const char text[] = "{\n \"a\": [\n  {\"b\": 1},\n  {\"b]\": 2,\n   \"c\": {}}],\n \"d\": \"x\\\"y\"\n}";

    (void)state;
    assert_int_equal(json_line_of(text, ""), 1);
    assert_int_equal(json_line_of(text, "a"), 2);
    assert_int_equal(json_line_of(text, "a[1]"), 4);
    assert_int_equal(json_line_of(text, "a[1].c"), 5);
    assert_int_equal(json_line_of(text, "a[1].c.x[3]"), 5);
    assert_int_equal(json_line_of(text, "d"), 6);
    assert_int_equal(json_line_of(text, "nothing here"), 1);
    assert_int_equal(json_line_of(text, "a[1"), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(override_holds_only_where_all_of_its_match_does),
        cmocka_unit_test(more_particular_override_wins_key_by_key_wherever_it_stands),
        cmocka_unit_test(components_are_configured_added_and_disabled),
        cmocka_unit_test(component_that_two_add_stands_where_the_more_particular_one_says),
        cmocka_unit_test(two_releases_of_one_version_are_refused),
        cmocka_unit_test(configurations_without_an_override_are_the_releases_own),
        cmocka_unit_test(version_is_that_of_the_subaccount_else_of_the_global_account),
        cmocka_unit_test(what_is_wrong_in_overrides_and_versions_is_named),
        cmocka_unit_test(configuration_that_becomes_too_large_is_refused_for_its_runtimes_alone),
        cmocka_unit_test(majors_of_versions_are_numbers_or_those_of_the_usual_one),
        cmocka_unit_test(line_is_that_of_the_place_or_of_as_much_of_it_as_there_is),
    };

    return cmocka_run_group_tests_name("release_override", tests, NULL, NULL);
}
