/* Selectors: AND within, OR over, exclude wins; what could choose by mistake is refused. */
#include "services/broker/selector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
    char quoted[512];
    json_t *json;

    strncpy(quoted, text, sizeof quoted - 1);
    quoted[sizeof quoted - 1] = '\0';
    for (char *c = quoted; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    json = json_loads(quoted, 0, NULL);
    assert_non_null(json);
    return json;
}

static const struct selector_subject azure = {
    .instance_id = "i-1",
    .runtime_id = "r-1",
    .global_account = "XCA501",
    .sub_account = "39b1",
    .plan_name = "azure",
    .region = "westeurope",
    .shoot = "c-1a2b3c4",
};

static void first_include_selector_that_matches_counts_and_exclude_wins(void **state)
{
    static const struct {
        const char *targets;
        int want;
    } cases[] = {
        { "{'include':[{'target':'all'}]}", 0 },
        { "{'include':[{'target':'every'}]}", -1 },
        { "{'include':[{'target':'all','region':'eu'}]}", 0 },
        { "{'include':[{'target':'all','region':'us'}]}", -1 },
        { "{'include':[{'globalAccount':'CA50'}]}", 0 },
        { "{'include':[{'globalAccount':'ca50'}]}", -1 },
        { "{'include':[{'globalAccount':'^CA'}]}", -1 },
        { "{'include':[{'subAccount':'9b'}]}", 0 },
        { "{'include':[{'region':'europe|eu-'}]}", 0 },
        { "{'include':[{'planName':'azure'}]}", 0 },
        { "{'include':[{'planName':'azur'}]}", -1 },
        { "{'include':[{'planName':'azur.'}]}", -1 },
        { "{'include':[{'shoot':'c-1a2b3c4'}]}", 0 },
        { "{'include':[{'shoot':'c-1'}]}", -1 },
        { "{'include':[{'instanceID':'i-1'}]}", 0 },
        { "{'include':[{'instanceID':'i'}]}", -1 },
        { "{'include':[{'runtimeID':'r-1'}]}", 0 },
        { "{'include':[{'runtimeID':'r-1','planName':'gcp','target':'none','region':'['}]}", 0 },
        { "{'include':[{'runtimeID':'r-2','planName':'azure'}]}", -1 },
        { "{'include':[{'runtimeID':'','planName':'azure'}]}", 0 },
        { "{'include':[{'planName':'gcp'},{'region':'west','planName':'azure'},{'target':'all'}]}", 1 },
        { "{'include':[{'target':'all'}],'exclude':[{'planName':'gcp'},{'region':'west'}]}", -1 },
        { "{'include':[{'target':'all'}],'exclude':[{'planName':'gcp','region':'west'}]}", 0 },
        { "{'include':[{'target':'all'}],'exclude':[]}", 0 },
        { "{'include':[{'target':'all'}],'exclude':null}", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *targets = parse(cases[i].targets);
        struct error err = { 0 };
        struct selectors *selectors = selectors_new(targets, &err);

        if (selectors == NULL)
            fail_msg("%s: %s", cases[i].targets, err.message);
        if (selectors_match(selectors, &azure) != cases[i].want)
            fail_msg("%s: want %d, is %d", cases[i].targets, cases[i].want, selectors_match(selectors, &azure));
        selectors_free(selectors);
        json_decref(targets);
    }
}

static void what_could_choose_by_mistake_is_refused(void **state)
{
    static const struct {
        const char *targets, *want;
    } cases[] = {
        { "{}", "targets.include array must be not empty" },
        { "{'include':[]}", "targets.include array must be not empty" },
        { "{'include':{}}", "targets.include must be an array" },
        { "{'include':[{'target':'all'},{}]}", "targets.include[1]: it names nothing" },
        { "{'include':[null]}", "targets.include[0]: a selector must be an object" },
        { "{'include':[{'region':''}]}", "it names nothing" },
        { "{'include':[{'reg10n':'eu'}]}", "there is no member \"reg10n\"" },
        { "{'include':[{'region':5}]}", "\"region\" must be a string" },
        { "{'include':[{'region':'a['}]}", "targets.include[0]: \"region\": invalid pattern \"a[\"" },
        { "{'include':[{'target':'all'}],'exclude':[{'globalAccount':'(x'}]}",
          "targets.exclude[0]: \"globalAccount\"" },
        { "{'include':[{'target':'all'}],'exclude':[{}]}", "targets.exclude[0]: it names nothing" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *targets = parse(cases[i].targets);
        struct error err = { 0 };

        assert_null(selectors_new(targets, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        if (strstr(err.message, cases[i].want) == NULL)
            fail_msg("%s: want \"%s\", is \"%s\"", cases[i].targets, cases[i].want, err.message);
        json_decref(targets);
    }
}

/* Are `count` selectors with this one member accepted? */
static bool is_accepted(size_t count, const char *member)
{
    json_t *targets = json_pack("{s:[]}", "include");
    struct selectors *selectors;

    for (size_t i = 0; i < count; i++)
        json_array_append_new(json_object_get(targets, "include"), json_pack("{s:s}", member, "x"));
    selectors = selectors_new(targets, NULL);
    selectors_free(selectors);
    json_decref(targets);
    return selectors != NULL;
}

static void number_of_selectors_and_patterns_is_bounded(void **state)
{
    (void)state;
    assert_true(is_accepted(SELECTOR_COUNT_MAX, "runtimeID"));
    assert_false(is_accepted(SELECTOR_COUNT_MAX + 1, "runtimeID"));
    assert_true(is_accepted(SELECTOR_PATTERN_COUNT_MAX, "region"));
    assert_false(is_accepted(SELECTOR_PATTERN_COUNT_MAX + 1, "region"));
    selectors_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_include_selector_that_matches_counts_and_exclude_wins),
        cmocka_unit_test(what_could_choose_by_mistake_is_refused),
        cmocka_unit_test(number_of_selectors_and_patterns_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
