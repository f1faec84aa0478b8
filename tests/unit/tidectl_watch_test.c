/* tidectl orchestration --watch: reading a stream in pieces, and what its events say of an orchestration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/tidectl/progress.h"
#include "services/tidectl/sse.h"

/* --- Streams --- */

struct told {
    char text[1024]; /* "type=text;…" */
    int left;        /* messages until no more are wanted; -1: any number */
};

static bool note(void *context, const char *type, const char *text)
{
    struct told *told = context;
    const size_t size = strlen(told->text);

    snprintf(told->text + size, sizeof told->text - size, "%s=%s;", type, text);
    return told->left < 0 || --told->left > 0;
}

/* The same, whatever the pieces in which it comes. */
static void then_told(const char *bytes, size_t size, const char *want, const char *want_id)
{
    for (size_t piece = 1; piece <= size; piece++) {
        struct told told = { .left = -1 };
        struct sse sse = { 0 };

        for (size_t at = 0; at < size; at += piece)
            assert_true(sse_read(&sse, bytes + at, piece < size - at ? piece : size - at, note, &told));
        assert_string_equal(told.text, want);
        assert_string_equal(sse.id, want_id);
        sse_release(&sse);
    }
}

static void messages_are_read_in_whatever_pieces_they_come(void **state)
{
    static const struct {
        const char *bytes, *want, *want_id;
    } rows[] = {
        { "id: 1\nevent: a\ndata: {}\n\nid: 2\ndata: x\n\n", "a={};message=x;", "2" },
        { "id: 1\r\nevent: a\r\ndata: {}\r\n\r\ndata: y\r\n\r\n", "a={};message=y;", "1" },
        { "data: 1\rdata: 2\r\revent: b\rdata\r\r", "message=1\n2;b=;", "" },
        { ":\n\n: hello\nretry: 1000\n\nevent: lonely\n\ndata:x\ndata:  y\n\n", "message=x\n y;", "" },
        { "id: 1\ndata: x\n\nid: 2\ndata: not whole\n", "message=x;", "1" },
        { "unknown: 1\nno colon\ndata: a:b: c\n\n", "message=a:b: c;", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        then_told(rows[i].bytes, strlen(rows[i].bytes), rows[i].want, rows[i].want_id);
}

static void a_stream_that_breaks_within_a_message_goes_on_before_it(void **state)
{
    static const char first[] = "id: 1\ndata: x\n\nid: 2\nevent: a\ndata: lost",
                      second[] = "id: 2\nevent: a\ndata: y\n\n";
    struct told told = { .left = -1 };
    struct sse sse = { 0 };

    (void)state;
    assert_true(sse_read(&sse, first, strlen(first), note, &told));
    sse_begin(&sse);
    assert_string_equal(sse.id, "1");
    assert_true(sse_read(&sse, second, strlen(second), note, &told));
    assert_string_equal(told.text, "message=x;a=y;");
    assert_string_equal(sse.id, "2");
    sse_release(&sse);
}

static void nothing_is_told_after_no_more_was_said(void **state)
{
    static const char bytes[] = "id: 1\ndata: x\n\nid: 2\ndata: y\n\n";
    struct told told = { .left = 1 };
    struct sse sse = { 0 };

    (void)state;
    assert_false(sse_read(&sse, bytes, strlen(bytes), note, &told));
    assert_string_equal(told.text, "message=x;");
    assert_string_equal(sse.id, "1");
    sse_release(&sse);
}

static void a_message_without_end_is_refused(void **state)
{
    static char piece[1024 * 1024];
    struct told told = { .left = -1 };
    struct sse sse = { 0 };
    bool more = true;

    (void)state;
    memset(piece, 'x', sizeof piece);
    for (int i = 0; more && i < 20; i++)
        more = sse_read(&sse, piece, sizeof piece, note, &told);
    assert_false(more);
    sse_release(&sse);
}

/* --- Progress --- */

static void take(struct progress *progress, const char *type, const char *data)
{
    json_t *event = json_pack("{s:s+, s:o}", "type", "tidegate.orchestration.", type, "data",
                              json_loads(data, 0, NULL));

    assert_non_null(event);
    progress_take(progress, event, NULL, NULL);
    json_decref(event);
}

static struct progress *with_operations(void)
{
    struct progress *progress = progress_new();

    take(progress, "accepted.v1", "{}");
    take(progress, "started.v1", "{\"partitions\":2}");
    take(
        progress, "targeted.v1",
        "{\"targets\":[{\"operationID\":\"1\",\"shootName\":\"c-1\",\"planName\":\"azure\"},{\"operationID\":\"2\"}]}");
    take(progress, "targeted.v1", "{\"targets\":[{\"operationID\":\"3\"},{\"operationID\":\"2\"}]}");
    assert_int_equal(progress_total(progress), 0); /* not all are known yet */
    take(progress, "scheduled.v1", "{\"operations\":3,\"description\":\"Scheduled 3 operations\"}");
    return progress;
}

static void then_counts(const struct progress *progress, const char *want)
{
    char text[128];

    snprintf(text, sizeof text, "%s: %zu run, %zu failed, %zu retry, %zu wait, %zu canceled, %zu done",
             progress_state(progress), progress_count(progress, PROGRESS_RUNNING),
             progress_count(progress, PROGRESS_FAILED), progress_count(progress, PROGRESS_RETRYING),
             progress_count(progress, PROGRESS_PENDING), progress_count(progress, PROGRESS_CANCELED),
             progress_count(progress, PROGRESS_SUCCEEDED));
    assert_string_equal(text, want);
}

static void operations_go_the_way_that_events_tell(void **state)
{
    struct progress *progress = with_operations();
    struct progress_operation operation;

    (void)state;
    then_counts(progress, "in progress: 0 run, 0 failed, 0 retry, 3 wait, 0 canceled, 0 done");
    assert_string_equal(progress_description(progress), "Scheduled 3 operations");
    take(progress, "released.v1", "{\"operations\":[{\"operationID\":\"1\"}]}");
    take(progress, "dispatched.v1", "{\"operations\":[\"1\",\"2\",\"unknown\"]}");
    then_counts(progress, "in progress: 2 run, 0 failed, 0 retry, 1 wait, 0 canceled, 0 done");
    take(progress, "progressed.v1",
         "{\"operationID\":\"1\",\"state\":\"failed\",\"description\":\"the installer said no\"}");
    take(progress, "progressed.v1", "{\"operationID\":\"2\",\"state\":\"succeeded\",\"description\":\"\"}");
    operation = progress_operation(progress, 0);
    assert_string_equal(operation.shoot, "c-1");
    assert_string_equal(operation.description, "the installer said no");
    assert_string_equal(progress_description(progress), "Scheduled 3 operations");
    take(progress, "rescheduled.v1", "{\"operations\":[\"3\"]}");
    take(progress, "progressed.v1",
         "{\"operationID\":\"3\",\"state\":\"succeeded\",\"description\":\"dry run succeeded\"}");
    take(progress, "failed.v1", "{\"description\":\"Scheduled 3 operations\"}");
    then_counts(progress, "failed: 0 run, 1 failed, 0 retry, 0 wait, 0 canceled, 2 done");
    assert_true(progress_has_ended(progress));
    progress_free(progress);
}

static void a_retry_goes_on_with_what_had_ended(void **state)
{
    struct progress *progress = with_operations();

    (void)state;
    take(progress, "progressed.v1", "{\"operationID\":\"1\",\"state\":\"failed\",\"description\":\"\"}");
    take(progress, "failed.v1", "{\"description\":\"it failed\"}");
    take(progress, "retried.v1", "{\"operations\":[\"1\"],\"description\":\"it failed, retrying\"}");
    then_counts(progress, "retrying: 0 run, 0 failed, 1 retry, 2 wait, 0 canceled, 0 done");
    assert_string_equal(progress_description(progress), "it failed, retrying");
    take(progress, "resumed.v1", "{\"operations\":1,\"windows\":\"kept\"}");
    then_counts(progress, "in progress: 0 run, 0 failed, 0 retry, 3 wait, 0 canceled, 0 done");
    take(progress, "retried.v1", "{\"operations\":[\"1\"]}");
    assert_string_equal(progress_state(progress), "in progress");
    progress_free(progress);
}

static void a_cancel_ends_what_waits(void **state)
{
    struct progress *progress = with_operations();

    (void)state;
    take(progress, "dispatched.v1", "{\"operations\":[\"1\"]}");
    take(progress, "halted.v1", "{}");
    assert_string_equal(progress_state(progress), "canceling");
    take(progress, "progressed.v1", "{\"operationID\":\"1\",\"state\":\"succeeded\",\"description\":\"\"}");
    take(progress, "canceled.v1", "{}");
    then_counts(progress, "canceled: 0 run, 0 failed, 0 retry, 0 wait, 2 canceled, 1 done");
    progress_free(progress);
}

static void other_events_change_nothing(void **state)
{
    struct progress *progress = with_operations();

    (void)state;
    progress_take(progress, NULL, NULL, NULL);
    take(progress, "invented.v1", "{\"operations\":[\"1\"]}");
    take(progress, "", "{}");
    take(progress, "dispatched.v1", "[]");
    take(progress, "progressed.v1", "{\"operationID\":7,\"state\":[]}");
    then_counts(progress, "in progress: 0 run, 0 failed, 0 retry, 3 wait, 0 canceled, 0 done");
    progress_free(progress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_read_in_whatever_pieces_they_come),
        cmocka_unit_test(a_stream_that_breaks_within_a_message_goes_on_before_it),
        cmocka_unit_test(nothing_is_told_after_no_more_was_said),
        cmocka_unit_test(a_message_without_end_is_refused),
        cmocka_unit_test(operations_go_the_way_that_events_tell),
        cmocka_unit_test(a_retry_goes_on_with_what_had_ended),
        cmocka_unit_test(a_cancel_ends_what_waits),
        cmocka_unit_test(other_events_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
