/* Regular expressions: found anywhere, case-sensitive, bounded; what is wrong is said with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/plan/plan.h"
#include "common/regex/regex.h"

static void pattern_is_found_anywhere_and_case_matters(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool want;
    } cases[] = {
        { "CA50", "XCA501", true },
        { "ca50", "XCA501", false },
        { "(?i)ca50", "XCA501", true },
        { "CA.*", "CA", true },
        { "europe|eu-", "westeurope", true },
        { "europe|eu-", "eu-central-1", true },
        { "europe|eu-", "us-1", false },
        { "^CA5$", "CA50", false },
        { "", "anything", true },
        { "^$", "", true },
        { "a", "", false },
        { "ü.", "xüy", true },
        { "eu$", "eu\n", false },
        { "(?P<area>eu)", "eu-1", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err;
        struct regex *regex = regex_new(cases[i].pattern, &err);

        assert_non_null(regex);
        if (regex_matches(regex, cases[i].text) != cases[i].want)
            fail_msg("\"%s\" in \"%s\": want %d", cases[i].pattern, cases[i].text, cases[i].want);
        regex_free(regex);
    }
}

static void bad_pattern_is_refused_with_what_is_wrong_and_where(void **state)
{
    static const struct {
        const char *pattern, *want;
    } cases[] = {
        { "ab[c", "missing ]: [c, at character 3" },
        { "CA(5", "missing ): CA(5, at character 5" },
        { "CA)5", "unexpected ): CA)5, at character 3" },
        { "(a))b)", "unexpected ): (a))b), at character 4" },
        { "a**", "bad repetition operator: **, at character 2" },
        { "ü\\k", "invalid escape sequence: \\k, at character 2" },
        { "(?=x)", "invalid perl operator: (?=, at character 1" },
        { "\\\\8\\8", "invalid escape sequence: \\8, at character 4" },
        { "ab\\", "trailing \\, at character 3" },
        { "(a{500}){500}", "invalid repetition size: {500}, at character 9" },
        { "x{1001}", "invalid repetition size: {1001}, at character 2" },
        { "[b-a]", "invalid character class range: b-a, at character 2" },
        { "\\pL{1000}\\pL{1000}", "pattern too large - compile failed, at character 1" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = { 0 };

        assert_null(regex_new(cases[i].pattern, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        if (strstr(err.message, cases[i].want) == NULL || strstr(err.message, cases[i].pattern) == NULL)
            fail_msg("\"%s\": want \"%s\" in \"%s\"", cases[i].pattern, cases[i].want, err.message);
    }
}

/* Beginnings of these take milliseconds to compile, and there are a thousand of them. */
static void fault_is_found_behind_what_is_slow_and_behind_what_looks_like_it(void **state)
{
    static const struct {
        const char *begin, *middle, *end, *want;
    } cases[] = {
        { "\\pL{60}", "a", ")", "at character 981" },
        { "[\\pL\\pN\\pS]{40}", "(a)", ")", "at character 982" },
        { "\\pL{60}", "\\Q**\\E", "**", "bad repetition operator: **, at character 986" },
        { "(\\pL{30}", "[{1001}]", "x{1001}", "invalid repetition size: {1001}, at character 986" },
    };
    struct timespec began, ended;

    (void)state;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &began);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char pattern[REGEX_PATTERN_SIZE_MAX + 1];
        struct error err = { 0 };

        strcpy(pattern, cases[i].begin);
        while (strlen(pattern) < 980)
            strcat(pattern, cases[i].middle);
        strcat(pattern, cases[i].end);
        assert_null(regex_new(pattern, &err));
        if (strstr(err.message, cases[i].want) == NULL)
            fail_msg("want \"%s\" in \"%s\"", cases[i].want, err.message);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
    assert_in_range(ended.tv_sec - began.tv_sec, 0, 5); /* it was 50 s; it is 0.02 s */
}

static void pattern_that_is_too_long_or_too_large_is_refused(void **state)
{
    char pattern[REGEX_PATTERN_SIZE_MAX + 2];
    struct error err;

    (void)state;
    memset(pattern, 'a', sizeof pattern - 1);
    pattern[sizeof pattern - 1] = '\0';
    assert_null(regex_new(pattern, &err));
    assert_non_null(strstr(err.message, "at most 1000"));
    pattern[REGEX_PATTERN_SIZE_MAX] = '\0';
    regex_free(regex_new(pattern, &err));
    assert_null(regex_new("((\\pL{500}){2}){500}", &err));
    regex_free(NULL);
}

static void hard_pattern_takes_linear_time(void **state)
{
    static char text[100001];
    struct regex *regex = regex_new("(a|aa|a*)*b$", NULL);

    (void)state;
    memset(text, 'a', sizeof text - 1);
    assert_non_null(regex);
    assert_false(regex_matches(regex, text));
    regex_free(regex);
}

/* RE2's fast engine needs more than the bound for these; that must not count as "no match". */
static void match_that_needs_too_much_memory_is_still_found(void **state)
{
    static const char *const patterns[] = { ".{0,1000}x", "a.{1000}x$", "(?i)(abcdef|ghijkl|mnopqr|a){100}x$" };
    char text[1200];

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 2] = 'x';
    text[sizeof text - 1] = '\0';
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct regex *regex = regex_new(patterns[i], NULL);

        assert_non_null(regex);
        assert_true(regex_size(regex) > 100);
        for (int round = 0; round < 3; round++)
            assert_true(regex_matches(regex, text));
        assert_false(regex_matches(regex, "aaaa"));
        regex_free(regex);
    }
}

static void plan_has_a_name_an_id_and_a_provider(void **state)
{
    (void)state;
    assert_string_equal(plan_id("azure"), "4deee563-e5ec-4731-b9b1-53b42d855f0c");
    assert_string_equal(plan_name("5cb3d976-b85c-42ea-a636-79cadda109a9"), "preview");
    assert_string_equal(plan_id("gold"), "");
    assert_string_equal(plan_name("x"), "");
    assert_string_equal(plan_provider("aws_ha", "westeurope"), "AWS");
    assert_string_equal(plan_provider("openstack", NULL), "OpenStack");
    assert_string_equal(plan_provider("trial", "westeurope"), "Azure");
    assert_string_equal(plan_provider("trial", "europe-west3"), "GCP");
    assert_string_equal(plan_provider("free", "eu-central-1"), "AWS");
    assert_string_equal(plan_provider("trial", ""), "Azure");
    assert_string_equal(plan_provider("gold", ""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pattern_is_found_anywhere_and_case_matters),
        cmocka_unit_test(bad_pattern_is_refused_with_what_is_wrong_and_where),
        cmocka_unit_test(fault_is_found_behind_what_is_slow_and_behind_what_looks_like_it),
        cmocka_unit_test(pattern_that_is_too_long_or_too_large_is_refused),
        cmocka_unit_test(hard_pattern_takes_linear_time),
        cmocka_unit_test(match_that_needs_too_much_memory_is_still_found),
        cmocka_unit_test(plan_has_a_name_an_id_and_a_provider),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
