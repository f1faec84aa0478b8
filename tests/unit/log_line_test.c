/* Log lines: JSON whatever is logged, one line an event, nothing where the level is off. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/observe/log.h"

static const int64_t nine_oclock = 1643706000000;

/* The line as a JSON object; it must be one, closed by a line feed. Own. */
static json_t *line(const struct log_field *fields, size_t count)
{
    char text[LOG_LINE_SIZE];
    const size_t size = log_format(LOG_LEVEL_INFO, nine_oclock, "tested", fields, count, text);
    json_t *object;

    assert_true(size <= LOG_LINE_SIZE);
    assert_int_equal(text[size - 1], '\n');
    assert_null(memchr(text, '\n', size - 1));
    object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    return object;
}

static void a_line_has_time_level_service_instance_and_event(void **state)
{
    static const char want[] = "{\"ts\":\"2022-02-01T09:00:00.005Z\",\"level\":\"warning\",\"service\":\"broker\","
                               "\"instance\":\"broker-1\",\"event\":\"tested\",\"n\":-3,\"real\":0.5,\"yes\":true,"
                               "\"none\":null}\n";
    const struct log_field fields[] = { LOG_INT("n", -3), LOG_REAL("real", 0.5), LOG_BOOL("yes", true),
                                        LOG_TEXT("none", NULL), LOG_END };
    char text[LOG_LINE_SIZE];
    size_t size;

    (void)state;
    log_open("broker", "broker-1", LOG_LEVEL_INFO);
    size = log_format(LOG_LEVEL_WARNING, nine_oclock + 5, "tested", fields, 5, text);
    assert_int_equal(size, sizeof want - 1);
    assert_memory_equal(text, want, size);
}

static void texts_come_back_as_they_were(void **state)
{
    static const char *const texts[] = { "plain", "\"quoted\" \\ /", "line\nfeed\r\ttab", "\x01\x1f\x7f",
                                         "\xc3\xbc \xe2\x82\xac \xf0\x9f\x9a\x80" };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *object = line(&LOG_TEXT("text", texts[i]), 1);

        assert_string_equal(json_string_value(json_object_get(object, "text")), texts[i]);
        json_decref(object);
    }
}

static void invalid_utf8_is_replaced(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "a\xff"
          "b",
          "a\xef\xbf\xbd"
          "b" },
        { "cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd" },
        { "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },                                 /* not the shortest form */
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },                 /* a surrogate */
        { "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* beyond U+10FFFF */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *object = line(&LOG_TEXT("text", rows[i].text), 1);

        assert_string_equal(json_string_value(json_object_get(object, "text")), rows[i].want);
        json_decref(object);
    }
}

static void long_texts_are_cut_between_characters(void **state)
{
    char text[4000];
    const char *shown;
    json_t *object;

    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text + LOG_TEXT_SIZE_MAX - 1, "\xe2\x82\xac", 3); /* the limit falls into it */
    text[sizeof text - 1] = '\0';
    object = line(&LOG_TEXT("text", text), 1);
    shown = json_string_value(json_object_get(object, "text"));
    assert_int_equal(strlen(shown), LOG_TEXT_SIZE_MAX - 1 + 3);
    assert_string_equal(shown + LOG_TEXT_SIZE_MAX - 1, "...");
    json_decref(object);
}

static void a_line_that_would_be_too_long_loses_whole_fields_and_says_so(void **state)
{
    struct log_field fields[8];
    char text[LOG_TEXT_SIZE_MAX], keys[8][4];
    json_t *object;

    (void)state;
    memset(text, '\x01', sizeof text); /* six bytes each when escaped */
    text[sizeof text - 1] = '\0';
    text[1000] = '\0';
    for (size_t i = 0; i < 8; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        fields[i] = LOG_TEXT(keys[i], text);
    }
    object = line(fields, 8);
    assert_non_null(json_object_get(object, "k0"));
    assert_null(json_object_get(object, "k7"));
    assert_true(json_is_true(json_object_get(object, "cut")));
    json_decref(object);
}

static void numbers_that_json_lacks_become_null(void **state)
{
    json_t *object = line(&LOG_REAL("real", 1e308 * 10), 1);

    (void)state;
    assert_true(json_is_null(json_object_get(object, "real")));
    json_decref(object);
}

static int evaluated;

static int evaluate(void)
{
    return ++evaluated;
}

static void one_event_is_one_line_and_below_the_level_none(void **state)
{
    char text[LOG_LINE_SIZE];
    ssize_t size;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    log_to(ends[1]);
    log_open("broker", "broker-1", LOG_LEVEL_INFO);
    evaluated = 0;
    log_debug("hidden", LOG_INT("n", evaluate()));
    assert_int_equal(evaluated, 0);
    log_error("shown", LOG_INT("n", evaluate()));
    log_to(STDERR_FILENO);
    size = read(ends[0], text, sizeof text - 1);
    assert_true(size > 0);
    text[size] = '\0';
    assert_non_null(strstr(text, "\"level\":\"error\""));
    assert_non_null(strstr(text, "\"event\":\"shown\",\"n\":1}\n"));
    assert_null(strstr(text, "hidden"));
    close(ends[0]);
    close(ends[1]);
}

static void a_full_pipe_costs_lines_but_not_the_process(void **state)
{
    char block[4096], text[LOG_LINE_SIZE];
    int ends[2];
    ssize_t size;

    (void)state;
    memset(block, 'x', sizeof block);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    while (write(ends[1], block, sizeof block) > 0)
        ;
    log_to(ends[1]);
    log_open("broker", "broker-1", LOG_LEVEL_INFO);
    log_info("lost");
    while (read(ends[0], block, sizeof block) > 0)
        ;
    log_info("found");
    log_to(STDERR_FILENO);
    size = read(ends[0], text, sizeof text - 1);
    assert_true(size > 0);
    text[size] = '\0';
    assert_non_null(strstr(text, "\"event\":\"found\",\"dropped\":1}\n"));
    close(ends[0]);
    close(ends[1]);
}

static void levels_are_named(void **state)
{
    enum log_level level = LOG_LEVEL_OFF;

    (void)state;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_false(log_level_parse("verbose", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_service_instance_and_event),
        cmocka_unit_test(texts_come_back_as_they_were),
        cmocka_unit_test(invalid_utf8_is_replaced),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(a_line_that_would_be_too_long_loses_whole_fields_and_says_so),
        cmocka_unit_test(numbers_that_json_lacks_become_null),
        cmocka_unit_test(one_event_is_one_line_and_below_the_level_none),
        cmocka_unit_test(a_full_pipe_costs_lines_but_not_the_process),
        cmocka_unit_test(levels_are_named),
    };

    return cmocka_run_group_tests_name("log line", tests, NULL, NULL);
}
