/* Metrics: the text that Prometheus scrapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/observe/metrics.h"

static int reset(void **state)
{
    (void)state;
    metrics_reset();
    return 0;
}

static void then_text_has(const char *part)
{
    size_t size;
    char *text = metrics_text(&size);

    assert_int_equal(strlen(text), size);
    if (strstr(text, part) == NULL)
        fail_msg("no\n%s\nin\n%s", part, text);
    free(text);
}

static void counters_and_gauges_are_written_with_help_type_and_labels(void **state)
{
    (void)state;
    metric_add(metrics_counter("t_records_total", "Records.", "topic=\"b\""), 2);
    metric_add(metrics_counter("t_records_total", "Records.", "topic=\"a\""), 1);
    metric_set(metrics_gauge("t_lag", "Lag \\ of\nreading.", NULL), -1.5);
    then_text_has("# HELP t_records_total Records.\n# TYPE t_records_total counter\n"
                  "t_records_total{topic=\"a\"} 1\nt_records_total{topic=\"b\"} 2\n");
    then_text_has("# HELP t_lag Lag \\\\ of\\nreading.\n# TYPE t_lag gauge\nt_lag -1.5\n");
}

static void the_same_series_is_the_same_metric(void **state)
{
    struct metric *first = metrics_counter("t_total", "Things.", "a=\"1\"");

    (void)state;
    assert_ptr_equal(metrics_counter("t_total", "Things.", "a=\"1\""), first);
    assert_ptr_not_equal(metrics_counter("t_total", "Things.", "a=\"2\""), first);
    metric_add(first, 1);
    metric_add(first, 1);
    assert_true(metric_value(first) == 2);
}

static void histograms_cumulate_their_buckets(void **state)
{
    struct metric *metric = metrics_histogram("t_seconds", "Waiting.", "route=\"x\"");

    (void)state;
    metric_observe(metric, 0.0001); /* on the bound: inside */
    metric_observe(metric, 0.003);
    metric_observe(metric, 100);
    then_text_has("# TYPE t_seconds histogram\nt_seconds_bucket{route=\"x\",le=\"0.0001\"} 1\n");
    then_text_has("t_seconds_bucket{route=\"x\",le=\"0.0025\"} 1\nt_seconds_bucket{route=\"x\",le=\"0.005\"} 2\n");
    then_text_has("t_seconds_bucket{route=\"x\",le=\"60\"} 2\nt_seconds_bucket{route=\"x\",le=\"+Inf\"} 3\n"
                  "t_seconds_sum{route=\"x\"} 100.0031");
    then_text_has("t_seconds_count{route=\"x\"} 3\n");
}

static void histograms_without_labels_have_only_their_bounds(void **state)
{
    (void)state;
    metric_observe(metrics_histogram("t_seconds", "Waiting.", ""), 1);
    then_text_has("t_seconds_bucket{le=\"1\"} 1\n");
    then_text_has("t_seconds_sum 1\nt_seconds_count 1\n");
}

static void labels_are_escaped_and_bounded(void **state)
{
    char label[16];

    (void)state;
    metric_label(label, sizeof label, "a", "x\"\\\n");
    assert_string_equal(label, "a=\"x\\\"\\\\\\n\"");
    metric_label(label, sizeof label, "a", "01234567890123456789");
    assert_true(strlen(label) < sizeof label);
    assert_int_equal(label[strlen(label) - 1], '"');
}

static void large_numbers_keep_their_digits(void **state)
{
    (void)state;
    metric_set(metrics_gauge("t_offset", "Offset.", NULL), 123456789012.0);
    then_text_has("\nt_offset 123456789012\n");
}

static double sample(const char *name)
{
    size_t size;
    char *text = metrics_text(&size), start[64];
    double value;

    snprintf(start, sizeof start, "\n%s ", name);
    assert_non_null(strstr(text, start));
    value = strtod(strstr(text, start) + strlen(start), NULL);
    free(text);
    return value;
}

static void the_process_is_described(void **state)
{
    (void)state;
    assert_true(sample("process_resident_memory_bytes") > 100000);
    assert_true(sample("process_cpu_seconds_total") > 0);
    assert_true(sample("process_open_fds") >= 3 && sample("process_open_fds") < 1000);
    assert_true(sample("process_start_time_seconds") > 1600000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(counters_and_gauges_are_written_with_help_type_and_labels, reset),
        cmocka_unit_test_setup(the_same_series_is_the_same_metric, reset),
        cmocka_unit_test_setup(histograms_cumulate_their_buckets, reset),
        cmocka_unit_test_setup(histograms_without_labels_have_only_their_bounds, reset),
        cmocka_unit_test_setup(labels_are_escaped_and_bounded, reset),
        cmocka_unit_test_setup(large_numbers_keep_their_digits, reset),
        cmocka_unit_test_setup_teardown(the_process_is_described, reset, reset),
    };

    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
