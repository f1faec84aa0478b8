/* The processor over a world in memory: what is hard to provoke with real servers. */
#include "common/log/record.h"
#include "tests/unit/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HISTORIES = 400 };

/* Two accounts of different partitions. */
static const char *const here = "a";
static const char *there;

static struct world *begin(void)
{
    static const char *const names[] = { "b", "c", "d", "e", "f" };
    struct world *world = world_new(1);

    for (size_t i = 0; there == NULL && i < sizeof names / sizeof names[0]; i++)
        if (partition_of(names[i], WORLD_PARTITIONS) != partition_of(here, WORLD_PARTITIONS))
            there = names[i];
    for (int i = 0; i < WORLD_PARTITIONS; i++)
        world_assign(world, i, 0, true);
    world_start(world, 0);
    world_settle(world);
    return world;
}

static int home(void)
{
    return partition_of(here, WORLD_PARTITIONS);
}

/* Runs process 0 without Kafka writing anything. */
static void decide_only(struct world *world)
{
    for (int i = 0; i < 4; i++) {
        world_run(world, 0);
        while (world_database(world))
            ;
    }
}

static void a_request_is_decided_stored_and_answered(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_pay(world, "r1", here, there);
    world_settle(world);
    assert_int_equal(world_stored(world, here, "paid"), 1);
    assert_int_equal(world_stored(world, there, "credited"), 1);
    assert_int_equal(world_stored(world, here, "settled"), 1);
    assert_int_equal(world_replies(world), 1);
    assert_true(processor_idle(world_processor(world, 0)));
    world_free(world);
}

static int64_t time_of_record(struct world *world, size_t offset)
{
    const char *time = strstr(world_record(world, home(), offset), "\"time\":");

    assert_non_null(time);
    return strtoll(time + strlen("\"time\":"), NULL, 10);
}

static void a_request_that_has_waited_is_decided_by_the_time_that_it_is_then(void **unused)
{
    struct world *world = begin();
    int64_t now_ms;

    (void)unused;
    world_pay(world, "r1", here, there);
    now_ms = world_now(world, 3600 * 1000);
    world_settle(world);
    assert_true(time_of_record(world, 0) >= now_ms);
    world_free(world);
}

static void what_decides_nothing_and_has_no_origin_leaves_no_record(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_write(world, home(), "{\"id\":\"p\",\"type\":\"tidegate.account.probe.v1\",\"subject\":\"a\",\"data\":{}}");
    world_settle(world);
    assert_int_equal(world_records(world, home()), 0);
    world_free(world);
}

static void a_message_with_an_origin_leaves_a_record_even_if_it_decides_nothing(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_write(world, home(),
                "{\"id\":\"p\",\"type\":\"tidegate.account.probe.v1\",\"subject\":\"a\",\"data\":{},"
                "\"origin\":[\"schedules\",0,0,0],\"after\":null}");
    world_settle(world);
    assert_int_equal(world_records(world, home()), 1);
    world_free(world);
}

static void credit(struct world *world, int offset, int index, const char *after)
{
    char bytes[512];

    snprintf(bytes, sizeof bytes,
             "{\"id\":\"m%d.%d\",\"type\":\"tidegate.account.credit.v1\",\"subject\":\"%s\",\"data\":{\"to\":\"%s\"},"
             "\"origin\":[\"schedules\",7,%d,%d],\"after\":%s}",
             offset, index, here, there, offset, index, after);
    world_write(world, home(), bytes);
}

static void a_repeated_message_is_dropped(void **unused)
{
    struct world *world = begin();

    (void)unused;
    credit(world, 4, 0, "null");
    credit(world, 4, 1, "[4,0]");
    credit(world, 4, 0, "null");
    credit(world, 4, 1, "[4,0]");
    world_settle(world);
    assert_int_equal(world_stored(world, here, "credited"), 2);
    assert_int_equal(processor_stats(world_processor(world, 0))->seen_again, 2);
    world_free(world);
}

static void a_message_after_a_gap_is_dropped_and_taken_when_it_comes_in_order(void **unused)
{
    struct world *world = begin();

    (void)unused;
    credit(world, 4, 0, "null");
    credit(world, 6, 0, "[5,0]");
    world_settle(world);
    assert_int_equal(world_stored(world, here, "credited"), 1);
    assert_int_equal(processor_stats(world_processor(world, 0))->holes, 1);
    credit(world, 5, 0, "[4,0]");
    credit(world, 6, 0, "[5,0]");
    world_settle(world);
    assert_int_equal(world_stored(world, here, "credited"), 3);
    world_free(world);
}

static void messages_wait_for_the_acknowledgement_of_their_record(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_pay(world, "r1", here, there);
    decide_only(world);
    assert_int_equal(world_unsent(world, 0), 1);
    world_land(world, 0);
    decide_only(world);
    assert_int_equal(world_unsent(world, 0), 0); /* written, not acknowledged: nothing follows */
    world_acknowledge(world, 0);
    assert_int_equal(world_unsent(world, 0), 1);
    world_free(world);
}

static void rows_wait_for_the_acknowledgement_of_the_messages(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_pay(world, "r1", here, there);
    decide_only(world);
    world_land(world, 0);
    world_acknowledge(world, 0);
    decide_only(world);
    assert_int_equal(world_stored(world, here, "paid"), -1);
    world_land(world, 0);
    world_acknowledge(world, 0);
    while (world_database(world))
        ;
    assert_int_equal(world_stored(world, here, "paid"), 1);
    world_free(world);
}

static void an_append_at_another_offset_is_void_and_the_request_is_decided_anew(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_pay(world, "r1", here, there);
    decide_only(world);
    world_write_record(world, home(), "{\"prev\":\"somebody else's\"}");
    world_settle(world);
    assert_int_equal(world_stored(world, here, "paid"), 1);
    assert_int_equal(world_stored(world, there, "credited"), 1);
    assert_int_equal(processor_stats(world_processor(world, 0))->surprises, 1);
    world_free(world);
}

static void a_failed_acknowledgement_of_what_was_written_does_nothing_twice(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_pay(world, "r1", here, there);
    decide_only(world);
    world_fail_delivery(world); /* of the record */
    world_settle(world);
    world_pay(world, "r2", here, there);
    decide_only(world);
    world_land(world, 0);
    world_acknowledge(world, 0);
    world_fail_delivery(world); /* of its message */
    world_settle(world);
    assert_int_equal(processor_stats(world_processor(world, 0))->surprises, 2);
    assert_int_equal(world_stored(world, here, "paid"), 2);
    assert_int_equal(world_stored(world, there, "credited"), 2);
    assert_int_equal(world_stored(world, here, "settled"), 2);
    world_free(world);
}

static void a_frozen_owner_that_wakes_after_a_takeover_changes_nothing(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_pay(world, "r1", here, there);
    decide_only(world);
    world_freeze(world, 0, true);
    world_start(world, 1);
    for (int i = 0; i < WORLD_PARTITIONS; i++)
        world_assign(world, i, 1, false);
    while (world_run(world, 1) || world_land(world, 1) || world_acknowledge(world, 1) || world_database(world))
        ;
    world_freeze(world, 0, false);
    world_settle(world);
    for (int i = 0; i < WORLD_PARTITIONS; i++)
        processor_revoke(world_processor(world, 0), i);
    world_settle(world);
    assert_int_equal(world_stored(world, here, "paid"), 1);
    assert_int_equal(world_stored(world, there, "credited"), 1);
    assert_int_equal(world_stored(world, here, "settled"), 1);
    world_free(world);
}

static void a_partition_lost_and_won_in_the_middle_of_a_batch_goes_on(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_pay(world, "r1", here, there);
    world_pay(world, "r2", here, there);
    decide_only(world);
    processor_revoke(world_processor(world, 0), home());
    processor_assign(world_processor(world, 0), home());
    world_settle(world);
    assert_int_equal(world_stored(world, here, "paid"), 2);
    assert_int_equal(world_stored(world, here, "settled"), 2);
    world_free(world);
}

static void unknown_commit(bool written)
{
    struct world *world = begin();

    world_pay(world, "r1", here, here);
    world_fail_commit(world, written);
    world_settle(world);
    world_pay(world, "r2", here, here);
    world_reach_database(world);
    world_settle(world);
    assert_int_equal(world_stored(world, here, "paid"), 2);
    assert_int_equal(world_stored(world, here, "settled"), 2);
    world_free(world);
}

static void a_commit_of_unknown_outcome_that_was_written_is_not_repeated(void **unused)
{
    (void)unused;
    unknown_commit(true);
}

static void a_commit_of_unknown_outcome_that_was_lost_is_repeated(void **unused)
{
    (void)unused;
    unknown_commit(false);
}

static void a_restored_database_is_noticed_by_an_idle_owner(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_pay(world, "r1", here, there);
    world_settle(world);
    world_backup(world);
    world_pay(world, "r2", here, there);
    world_settle(world);
    world_restore(world);
    assert_int_equal(world_stored(world, here, "paid"), 1);
    processor_tick(world_processor(world, 0), world_now(world, 10000));
    world_settle(world);
    assert_int_equal(world_stored(world, here, "paid"), 2);
    assert_int_equal(world_stored(world, there, "credited"), 2);
    world_free(world);
}

/* All steps, but the clock stands. */
static void step(struct world *world)
{
    while (world_run(world, 0) || world_land(world, 0) || world_acknowledge(world, 0) || world_database(world))
        ;
}

static bool is_credited(const struct event *event)
{
    return strcmp(account_core.event_types[event->type], "tidegate.account.credited.v1") == 0;
}

static void rows_wait_for_those_of_the_next_batches_unless_somebody_waits_to_see_them(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_pay(world, "r1", here, there);
    step(world);
    assert_int_equal(world_stored(world, there, "credited"), 1);
    world_pay(world, "r2", here, there);
    step(world);
    assert_int_equal(world_stored(world, there, "credited"), 1);
    account_core.awaited = is_credited;
    world_pay(world, "r3", here, there);
    step(world);
    account_core.awaited = NULL;
    assert_int_equal(world_stored(world, there, "credited"), 3);
    world_free(world);
}

/* Two accounts of one partition, whose names begin alike for longer than names usually are. */
static void long_ids_that_begin_alike_have_a_row_each(void **unused)
{
    enum { LENGTH = 200 };
    struct world *world = begin();
    char first[LENGTH + 1], second[LENGTH + 1];

    (void)unused;
    snprintf(first, sizeof first, "%0*d", LENGTH, 0);
    for (int i = 1; i == 1 || partition_of(first, WORLD_PARTITIONS) != partition_of(second, WORLD_PARTITIONS); i++)
        snprintf(second, sizeof second, "%0*d", LENGTH, i);
    world_pay(world, "r1", first, here);
    world_pay(world, "r2", second, here);
    world_settle(world);
    assert_int_equal(world_stored(world, first, "paid"), 1);
    assert_int_equal(world_stored(world, second, "paid"), 1);
    world_free(world);
}

static void what_cannot_be_decoded_becomes_a_rejected_record(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_write(world, home(), "no JSON");
    world_write(world, home(), "{\"id\":\"x\",\"type\":\"tidegate.account.dance.v1\",\"subject\":\"a\",\"data\":{}}");
    world_pay(world, "r1", here, there);
    world_settle(world);
    assert_non_null(strstr(world_record(world, home(), 0), "tidegate.account.rejected.v1"));
    assert_non_null(strstr(world_record(world, home(), 1), "unknown type tidegate.account.dance.v1"));
    assert_int_equal(world_stored(world, here, "paid"), 1);
    world_free(world);
}

static void a_decision_larger_than_a_record_may_be_becomes_a_rejection(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_pay(world, "r1", here, there);
    world_write(world, home(),
                "{\"id\":\"big\",\"type\":\"tidegate.account.pay.v1\",\"subject\":\"a\",\"asked\":\"big\","
                "\"reply\":0,\"data\":{\"to\":\"a\",\"large\":true}}");
    world_pay(world, "r2", here, there);
    world_settle(world);
    assert_int_equal(world_stored(world, here, "paid"), 2);
    assert_int_equal(processor_stats(world_processor(world, 0))->rejected, 1);
    world_free(world);
}

static void large_requests_are_decided_a_few_at_a_time(void **unused)
{
    enum { PADDING = 100 * 1024, REQUESTS = 5, AT_A_TIME = 3 }; /* the third makes it more than 256 KB */
    struct world *world = begin();
    char *padding = calloc(1, PADDING + 1);

    (void)unused;
    memset(padding, 'x', PADDING);
    world_pay(world, "first", here, there);
    decide_only(world); /* while it is on its way the others gather */
    for (int i = 0; i < REQUESTS; i++) {
        char *bytes;

        assert_true(asprintf(&bytes,
                             "{\"id\":\"r%d\",\"type\":\"tidegate.account.pay.v1\",\"subject\":\"a\","
                             "\"data\":{\"to\":\"%s\",\"padding\":\"%s\"}}",
                             i, there, padding) > 0);
        world_write(world, home(), bytes);
        free(bytes);
    }
    for (int i = 0; i < REQUESTS; i++)
        decide_only(world);
    assert_int_equal(world_unsent(world, 0), 1);
    world_land(world, 0);
    world_acknowledge(world, 0);
    world_land(world, 0); /* its message */
    world_acknowledge(world, 0);
    decide_only(world);
    assert_int_equal(world_unsent(world, 0), AT_A_TIME + 1); /* and what the first one led to */
    world_settle(world);
    assert_int_equal(world_stored(world, here, "paid"), 1 + REQUESTS);
    free(padding);
    world_free(world);
}

static void restart(struct world *world)
{
    world_kill(world, 0);
    world_start(world, 0);
    world_settle(world);
}

static void a_restart_goes_on_where_the_log_ends(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_pay(world, "r1", here, there);
    world_settle(world);
    restart(world);
    world_pay(world, "r2", here, there);
    world_settle(world);
    assert_int_equal(world_stored(world, here, "paid"), 2);
    assert_int_equal(world_stored(world, here, "settled"), 2);
    world_free(world);
}

static void a_truncated_log_closes_the_partition(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_pay(world, "r1", here, there);
    world_settle(world);
    world_truncate_events(world, home(), 1);
    restart(world);
    assert_non_null(processor_blocked(world_processor(world, 0), home()));
    assert_false(processor_ready(world_processor(world, 0)));
    world_free(world);
}

static void react_differently(const void *state, const struct event *event, struct messages *out)
{
    (void)state;
    (void)event;
    (void)out;
}

static void code_that_reacts_otherwise_to_old_events_closes_the_partition(void **unused)
{
    struct world *world = begin();
    void (*react)(const void *, const struct event *, struct messages *) = account_core.react;

    (void)unused;
    world_backup(world);
    world_pay(world, "r1", here, there);
    world_settle(world);
    world_kill(world, 0);
    world_restore(world);
    account_core.react = react_differently;
    world_start(world, 0);
    world_settle(world);
    account_core.react = react;
    assert_non_null(processor_blocked(world_processor(world, 0), home()));
    world_free(world);
}

static void another_version_of_the_fold_closes_the_partition(void **unused)
{
    struct world *world = begin();

    (void)unused;
    world_pay(world, "r1", here, there);
    world_settle(world);
    world_kill(world, 0);
    account_core.fold_version = 2;
    world_start(world, 0);
    world_settle(world);
    account_core.fold_version = 1;
    assert_non_null(strstr(processor_blocked(world_processor(world, 0), home()), "rebuild"));
    world_free(world);
}

static void aggregates_leave_memory_and_come_back(void **unused)
{
    static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
    struct world *world = begin();

    (void)unused;
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < 6; i++) {
            world_pay(world, "r", names[i], names[(i + 1) % 6]);
            world_settle(world);
        }
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(world_stored(world, names[i], "settled"), 3);
    world_free(world);
}

static void random_histories_keep_every_promise(void **unused)
{
    const char *only = getenv("WORLD_SEED"), *wanted = getenv("WORLD_HISTORIES");
    unsigned count = wanted != NULL ? (unsigned)atoi(wanted) : HISTORIES;

    (void)unused;
    for (unsigned seed = only != NULL ? (unsigned)atoi(only) : 1; seed <= count || only != NULL; seed++) {
        struct world *world = world_new(seed * 7919);
        const char *broken = world_history(world);

        if (broken != NULL)
            fail_msg("WORLD_SEED=%u: %s", seed, broken);
        world_free(world);
        if (only != NULL)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_decided_stored_and_answered),
        cmocka_unit_test(a_request_that_has_waited_is_decided_by_the_time_that_it_is_then),
        cmocka_unit_test(what_decides_nothing_and_has_no_origin_leaves_no_record),
        cmocka_unit_test(a_message_with_an_origin_leaves_a_record_even_if_it_decides_nothing),
        cmocka_unit_test(a_repeated_message_is_dropped),
        cmocka_unit_test(a_message_after_a_gap_is_dropped_and_taken_when_it_comes_in_order),
        cmocka_unit_test(messages_wait_for_the_acknowledgement_of_their_record),
        cmocka_unit_test(rows_wait_for_the_acknowledgement_of_the_messages),
        cmocka_unit_test(an_append_at_another_offset_is_void_and_the_request_is_decided_anew),
        cmocka_unit_test(a_failed_acknowledgement_of_what_was_written_does_nothing_twice),
        cmocka_unit_test(a_frozen_owner_that_wakes_after_a_takeover_changes_nothing),
        cmocka_unit_test(a_partition_lost_and_won_in_the_middle_of_a_batch_goes_on),
        cmocka_unit_test(a_commit_of_unknown_outcome_that_was_written_is_not_repeated),
        cmocka_unit_test(a_commit_of_unknown_outcome_that_was_lost_is_repeated),
        cmocka_unit_test(a_restored_database_is_noticed_by_an_idle_owner),
        cmocka_unit_test(rows_wait_for_those_of_the_next_batches_unless_somebody_waits_to_see_them),
        cmocka_unit_test(long_ids_that_begin_alike_have_a_row_each),
        cmocka_unit_test(what_cannot_be_decoded_becomes_a_rejected_record),
        cmocka_unit_test(a_decision_larger_than_a_record_may_be_becomes_a_rejection),
        cmocka_unit_test(large_requests_are_decided_a_few_at_a_time),
        cmocka_unit_test(a_restart_goes_on_where_the_log_ends),
        cmocka_unit_test(a_truncated_log_closes_the_partition),
        cmocka_unit_test(code_that_reacts_otherwise_to_old_events_closes_the_partition),
        cmocka_unit_test(another_version_of_the_fold_closes_the_partition),
        cmocka_unit_test(aggregates_leave_memory_and_come_back),
        cmocka_unit_test(random_histories_keep_every_promise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
