#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "services/api-gateway/trace.h"

static const char given[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

static void a_trace_that_came_is_gone_on_with_under_a_new_span(void **state)
{
    char made[TRACEPARENT_SIZE], trace[TRACE_ID_SIZE];

    (void)state;
    traceparent_make(given, made);
    assert_true(traceparent_is_valid(made));
    traceparent_trace_id(made, trace);
    assert_string_equal(trace, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_int_not_equal(strncmp(made + 36, given + 36, 16), 0);
    assert_string_equal(made + 53, "00");
}

static void without_one_a_new_trace_begins(void **state)
{
    char first[TRACEPARENT_SIZE], second[TRACEPARENT_SIZE];

    (void)state;
    traceparent_make(NULL, first);
    traceparent_make("00-nonsense", second);
    assert_true(traceparent_is_valid(first));
    assert_true(traceparent_is_valid(second));
    assert_string_not_equal(first, second);
}

static void what_is_not_of_the_standard_is_no_trace(void **state)
{
    static const char *const rows[] = {
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    };

    (void)state;
    assert_true(traceparent_is_valid(given));
    assert_false(traceparent_is_valid(NULL));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_false(traceparent_is_valid(rows[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_that_came_is_gone_on_with_under_a_new_span),
        cmocka_unit_test(without_one_a_new_trace_begins),
        cmocka_unit_test(what_is_not_of_the_standard_is_no_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
