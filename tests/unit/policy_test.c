#include "services/scheduler/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/scheduler/policy_text.h"

/* A text written with ' for ". */
static char *quoted(const char *text)
{
    char *copy = strdup(text);

    for (char *c = copy; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

/* None of these policies names a time zone (zone_test.c has those that do). */
static const char no_zones[] = "/nowhere";

static struct policy *policy_of(const json_t *body, char place[POLICY_PLACE_SIZE], struct error *err)
{
    struct zones *zones = zones_new();
    struct policy *made = policy_new(body, zones, place, err);

    zones_free(zones);
    return made;
}

static json_t *parse(const char *bytes, size_t size, struct error *err)
{
    json_t *zones = NULL, *body = policy_text_parse(bytes, size, no_zones, &zones, err);

    assert_int_equal(json_object_size(zones), 0);
    json_decref(zones);
    return body;
}

static struct policy *policy(const char *text)
{
    char *json = quoted(text);
    struct error err = { 0 };
    json_t *body = parse(json, strlen(json), &err);
    struct policy *made;

    if (body == NULL)
        fail_msg("%s: %s", text, err.message);
    made = policy_of(body, NULL, &err);
    assert_non_null(made);
    json_decref(body); /* which the policy does not borrow */
    free(json);
    return made;
}

static const char rules[] =
    "{'rules': ["
    " {'match': {'plan': 'trial|free'}, 'days': ['Mon', 'Tue'], 'timeBegin': '010000+0000', 'timeEnd': '050000+0000'},"
    " {'match': {'globalAccountID': '^CA5', 'region': 'eu|europe', 'plan': ''}, 'days': ['Sat', 'Sun']},"
    " {'match': {'globalAccountID': '^exempt$'}},"
    " {'match': {'region': '^jp'}, 'timeEnd': '060000+0900', 'timeBegin': ''}],"
    " 'default': {'days': ['Sat'], 'timeBegin': '220000+0000', 'timeEnd': '040000+0000'}}";

enum { MON_TUE = 1 << MONDAY | 1 << TUESDAY, SAT = 1 << SATURDAY, SAT_SUN = 1 << SATURDAY | 1 << SUNDAY };

static void the_first_rule_that_matches_takes_the_place_of_what_it_names(void **state)
{
    static const struct {
        const char *account, *plan, *region, *want_begin, *want_end;
        unsigned want_days;
    } cases[] = {
        { "CA1", "trial", "us", "010000+0000", "050000+0000", MON_TUE },
        { "CA1", "freemium", "us", "010000+0000", "050000+0000", MON_TUE },      /* found anywhere */
        { "CA5x", "azure", "westeurope", "own begin", "own end", SAT_SUN },      /* days alone */
        { "CA5x", "free", "westeurope", "010000+0000", "050000+0000", MON_TUE }, /* the first counts */
        { "CA5x", "azure", "us", "220000+0000", "040000+0000", SAT },            /* all members must match */
        { "XCA5", "azure", "westeurope", "220000+0000", "040000+0000", SAT },
        { "exempt", "azure", "us", "own begin", "own end", WINDOW_EVERY_DAY }, /* is not completed from the default */
        { "CA1", "azure", "jp-1", "own begin", "060000+0900", WINDOW_EVERY_DAY },
        { "CA1", "Trial", "us", "220000+0000", "040000+0000", SAT }, /* case counts */
        { NULL, NULL, NULL, "220000+0000", "040000+0000", SAT },
    };
    struct policy *made = policy(rules);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct window_text text = policy_apply(made,
                                               (struct policy_runtime){ .global_account_id = cases[i].account,
                                                                        .plan_name = cases[i].plan,
                                                                        .region = cases[i].region },
                                               (struct window_text){
                                                   .begin = "own begin", .end = "own end", .days = WINDOW_EVERY_DAY });

        assert_string_equal(text.begin, cases[i].want_begin);
        assert_string_equal(text.end, cases[i].want_end);
        assert_int_equal(text.days, cases[i].want_days);
    }
    policy_free(made);
}

static void a_policy_that_says_nothing_leaves_every_window_as_it_is(void **state)
{
    static const char *const texts[] = { "{}",
                                         "{'rules': []}",
                                         "{'rules': null, 'default': null}",
                                         "{'default': {}}",
                                         "{'rules': [{}], 'default': {'days': ['Sat']}}",
                                         "{'rules': [{'match': {}}], 'default': {'days': ['Sat']}}",
                                         "{'default': {'days': null, 'timeBegin': null, 'timeEnd': ''}}" };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct policy *made = policy(texts[i]);
        struct window_text text = policy_apply(made, (struct policy_runtime){ .plan_name = "azure" },
                                               (struct window_text){ .begin = "b", .end = "e", .days = MON_TUE });

        assert_string_equal(text.begin, "b");
        assert_string_equal(text.end, "e");
        assert_int_equal(text.days, MON_TUE);
        policy_free(made);
    }
}

static void what_is_wrong_is_refused_whole_with_line_and_reason(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "", "line 1: column 0: '[' or '{' expected near end of file" },
        { "{'rules': [\n{},\n]}", "line 3: column 1: unexpected token near ']'" },
        { "{}\n{}", "line 2: column 1: end of file expected near '{'" },
        { "{'rules': [],\n'rules': []}", "line 2: column 7: duplicate object key near '\"rules\"'" },
        { "\n[]", "line 2: is an array; right is an object with rules, default" },
        { "{\n'rule': []}", "line 2: rule: means nothing; right are rules, default" },
        { "{\n'a.b': []}", "line 1: has a member that means nothing; right are rules, default" },
        { "{'rules':\n {}}", "line 2: rules: is an object; right is a list of rules" },
        { "{'rules': [\n{},\n7]}",
          "line 3: rules[1]: is an integer; right is an object with match, days, timeBegin, timeEnd, timeZone" },
        { "{'rules': [{'x\\u0041': '}]\\\\'}]}", "rules[0]" },
        { "{'rules': [{'match': {'plan': '\\'\\\\]}', 'region': 'a'}},\n {'days': [\n'Mon',\n'mon']}]}",
          "line 4: rules[1].days[1]: is no day; right are Mon, Tue, Wed, Thu, Fri, Sat, Sun" },
        { "{'default': {'days': 'Mon'}}", "line 1: default.days: is a string; right is a list of days" },
        { "{'default': {\n'days': [ ]}}", "line 2: default.days: is empty, so that the window would never open" },
        { "{'default': {'days': [1]}}", "line 1: default.days[0]: is no day" },
        { "{'default': {'days': ['Mon'],\n'match': {}}}",
          "line 2: default.match: means nothing; right are days, timeBegin, timeEnd, timeZone" },
        { "{'default': {'timeBegin': '22:00',\n'timeEnd': '040000+0000'}}",
          "line 1: default.timeBegin: \"22:00\" is no time of day; right is HHMMSS with an offset" },
        { "{'default': {'timeBegin': '220000+0000',\n'timeEnd': '040000Z'}}",
          "line 2: default.timeEnd: \"040000Z\" is no time of day" },
        { "{'default': {'timeBegin': 220000}}", "line 1: default.timeBegin: is an integer; right is a string" },
        { "{'rules': [{'match': {\n'plan':\n 'a(b'}}]}",
          "line 3: rules[0].match.plan: invalid pattern \"a(b\": missing )" },
        { "{'rules': [{'match': {'region': '(?=x)'}}]}", "line 1: rules[0].match.region: invalid pattern" },
        { "{'rules': [{'match': {'plan': ['trial']}}]}",
          "line 1: rules[0].match.plan: is an array; right is a string" },
        { "{'rules': [{'match': {'planName': 'trial'}}]}",
          "line 1: rules[0].match.planName: means nothing; right are globalAccountID, plan, region" },
        { "{'default': {\n'timeZone': 'Europe/Berlin'}}",
          "line 2: default.timeZone: is no time zone that is known here" },
        { "{'rules': [{'match': []}]}", "line 1: rules[0].match: is an array" },
        { "{'rules': [1.5e3, {}]}", "line 1: rules[0]: is a number with a fraction" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *json = quoted(cases[i].text);
        struct error err = { 0 };

        assert_null(parse(json, strlen(json), &err));
        assert_int_equal(err.code, ERROR_INPUT);
        if (strstr(err.message, cases[i].want) == NULL)
            fail_msg("%s: want %s, is %s", cases[i].text, cases[i].want, err.message);
        free(json);
    }
}

static void bytes_that_are_no_text_and_what_is_too_large_are_refused(void **state)
{
    char *large = malloc(POLICY_TEXT_SIZE_MAX + 1);
    json_t *many = json_array(), *body = json_pack("{s:O}", "rules", many);
    char place[POLICY_PLACE_SIZE];
    struct error err = { 0 };
    struct policy *made;

    (void)state;
    memset(large, ' ', POLICY_TEXT_SIZE_MAX + 1);
    memcpy(large, "{}", 2);
    json_t *just = parse(large, POLICY_TEXT_SIZE_MAX, &err);
    assert_non_null(just);
    json_decref(just);
    assert_null(parse(large, POLICY_TEXT_SIZE_MAX + 1, &err));
    assert_non_null(strstr(err.message, "line 1: is longer than the 262144 bytes"));
    free(large);
    assert_null(parse("{}\0{}", 5, &err));
    assert_null(parse("{\"rules\": [], \"\xff\": 1}", 21, &err));

    for (int i = 0; i < POLICY_RULES_MAX; i++)
        json_array_append_new(many, json_object());
    made = policy_of(body, place, &err);
    assert_non_null(made);
    policy_free(made);
    json_array_append_new(many, json_object());
    assert_null(policy_of(body, place, &err));
    assert_string_equal(place, "rules");
    assert_string_equal(err.message, "rules: has 201 rules; at most 200 are possible");
    json_decref(many);
    json_decref(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_that_matches_takes_the_place_of_what_it_names),
        cmocka_unit_test(a_policy_that_says_nothing_leaves_every_window_as_it_is),
        cmocka_unit_test(what_is_wrong_is_refused_whole_with_line_and_reason),
        cmocka_unit_test(bytes_that_are_no_text_and_what_is_too_large_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
