#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "services/api-gateway/retry_form.h"

static void only_forms_are_taken_whatever_their_parameters(void **state)
{
    static const struct {
        const char *type;
        bool want;
    } rows[] = {
        { "application/x-www-form-urlencoded", true },
        { "application/x-www-form-urlencoded; charset=UTF-8", true },
        { "application/x-www-form-urlencoded ;charset=utf-8", true },
        { "Application/X-WWW-Form-Urlencoded", true },
        { NULL, false },
        { "", false },
        { "application/json", false },
        { "application/x-www-form-urlencoded2", false },
        { "application/x-www-form-urlencoded, text/plain", false },
        { "multipart/form-data; boundary=x", false },
        { "text/plain; application/x-www-form-urlencoded", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (retry_form_is_media_type(rows[i].type) != rows[i].want)
            fail_msg("%s", rows[i].type != NULL ? rows[i].type : "none");
}

/* NULL: refused. Own: free(). */
static char *read_form(const char *body, const char *query_text, struct error *err)
{
    struct query *query = query_parse(query_text, strlen(query_text), QUERY_MEMBER_COUNT_MAX, NULL);
    json_t *ids = retry_form_read(body, strlen(body), query, err);
    char *text = ids != NULL ? json_dumps(ids, JSON_COMPACT) : NULL;

    json_decref(ids);
    query_free(query);
    return text;
}

static void ids_come_from_the_body_and_then_from_the_query_each_once(void **state)
{
    static const struct {
        const char *body, *query, *want;
    } rows[] = {
        { "", "", "[]" },
        { "operation-id=a&operation-id=b", "", "[\"a\",\"b\"]" },
        { "", "operation-id=a", "[\"a\"]" },
        { "operation-id=b", "operation-id=a&operation-id=b", "[\"b\",\"a\"]" },
        { "operation-id=a&operation-id=b&operation-id=a", "operation-id=a", "[\"a\",\"b\"]" },
        { "other=x&operation-id=a+b%2Fc", "Operation-ID=y", "[\"a b/c\"]" },
        { "operation-id=", "", "[\"\"]" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = read_form(rows[i].body, rows[i].query, NULL);

        assert_non_null(text);
        assert_string_equal(text, rows[i].want);
        free(text);
    }
}

static void what_cannot_be_decoded_and_what_is_too_long_is_refused(void **state)
{
    char longest[sizeof "operation-id=" + RETRY_ID_SIZE_MAX + 1] = "operation-id=";
    const size_t begin = strlen(longest);
    struct error err = { 0 };
    char *text;

    (void)state;
    assert_null(read_form("operation-id=%zz", "", &err));
    assert_string_equal(err.message, "operation-id: a '%' is not followed by two hexadecimal digits");
    assert_null(read_form("operation-id=%ff", "", &err));
    memset(longest + begin, 'x', RETRY_ID_SIZE_MAX + 1);
    assert_null(read_form(longest, "", &err));
    assert_string_equal(err.message, "operation-id: expected at most 200 bytes, got 201");
    assert_null(read_form("", longest, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    longest[begin + RETRY_ID_SIZE_MAX] = '\0';
    text = read_form(longest, "", NULL);
    assert_non_null(text);
    free(text);
}

/* Own: free(). */
static char *form_of(size_t count)
{
    struct text form = { 0 };

    for (size_t i = 0; i < count; i++) {
        text_add(&form, i == 0 ? "operation-id=" : "&operation-id=");
        text_add_integer(&form, (int64_t)i);
    }
    return form.bytes;
}

static void as_many_ids_as_one_retry_takes_up_may_be_named(void **state)
{
    char *body = form_of(RETRY_COUNT_MAX), *text = read_form(body, "", NULL);
    json_t *ids = json_loads(text, 0, NULL);

    (void)state;
    assert_int_equal(json_array_size(ids), RETRY_COUNT_MAX);
    assert_string_equal(json_string_value(json_array_get(ids, RETRY_COUNT_MAX - 1)), "29999");
    json_decref(ids);
    free(text);
    free(body);
}

static void too_many_ids_are_refused(void **state)
{
    char *body = form_of(RETRY_COUNT_MAX + 1);
    struct error err = { 0 };

    (void)state;
    assert_null(read_form(body, "", &err));
    assert_string_equal(err.message, "30001 members are more than 30000");
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_forms_are_taken_whatever_their_parameters),
        cmocka_unit_test(ids_come_from_the_body_and_then_from_the_query_each_once),
        cmocka_unit_test(what_cannot_be_decoded_and_what_is_too_long_is_refused),
        cmocka_unit_test(as_many_ids_as_one_retry_takes_up_may_be_named),
        cmocka_unit_test(too_many_ids_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
