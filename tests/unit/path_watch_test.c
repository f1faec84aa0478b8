/* When a file or a folder is read again. */
#include "common/watch/path_watch.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/timestamp.h"

enum { PATIENCE_S = 60, QUIET_MS = 1300 };

struct watched {
    struct event_base *base;
    struct path_watch *watch;
    char folder[64];
    int count;   /* of readings */
    int failing; /* so many more fail */
    int changes; /* so many more times it changes while it is read, which then fails */
    int64_t read_ms[8];
};

static void put(const struct watched *watched, const char *name, const char *text);

static bool on_read(void *context)
{
    struct watched *watched = context;

    watched->read_ms[watched->count++ % 8] = clock_now_ms();
    event_base_loopbreak(watched->base);
    assert_false(path_watch_is_stale(watched->watch));
    if (watched->changes > 0) {
        put(watched, "b", watched->changes-- % 2 == 0 ? "even" : "odd");
        assert_true(path_watch_is_stale(watched->watch));
        return false;
    }
    return watched->failing == 0 || watched->failing-- == 0;
}

static void put(const struct watched *watched, const char *name, const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", watched->folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make(void **state)
{
    struct watched *watched = calloc(1, sizeof *watched);

    snprintf(watched->folder, sizeof watched->folder, "/tmp/path-watch-XXXXXX");
    assert_non_null(mkdtemp(watched->folder));
    put(watched, "a", "1");
    watched->base = event_base_new();
    watched->watch = path_watch_new(watched->base, (struct path_watch_options){
                                                       .path = watched->folder, .read = on_read, .context = watched });
    *state = watched;
    return 0;
}

static int drop(void **state)
{
    static const char *const names[] = { "a", "b", ".hidden" };
    struct watched *watched = *state;
    char path[128];

    path_watch_free(watched->watch);
    event_base_free(watched->base);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", watched->folder, names[i]);
        unlink(path);
    }
    rmdir(watched->folder);
    free(watched);
    return 0;
}

static void run_for(const struct watched *watched, int64_t ms)
{
    const struct timeval limit = { ms / 1000, ms % 1000 * 1000 };

    event_base_loopexit(watched->base, &limit);
    event_base_dispatch(watched->base);
}

static void await(const struct watched *watched, int count)
{
    const int64_t until_ms = clock_now_ms() + PATIENCE_S * 1000;

    while (watched->count < count && clock_now_ms() < until_ms)
        run_for(watched, 100);
    assert_int_equal(watched->count, count);
}

static void stays_unread(const struct watched *watched)
{
    const int64_t until_ms = clock_now_ms() + QUIET_MS;
    const int count = watched->count;

    while (clock_now_ms() < until_ms)
        run_for(watched, 100);
    assert_int_equal(watched->count, count);
}

static void what_is_read_is_read_again_only_when_it_changes(void **state)
{
    struct watched *watched = *state;

    await(watched, 1);
    stays_unread(watched);
    put(watched, "a", "2");
    await(watched, 2);
    put(watched, "b", "1");
    await(watched, 3);
    put(watched, ".hidden", "1");
    stays_unread(watched);
}

static void what_cannot_be_read_is_read_again_later_and_later_until_it_can(void **state)
{
    struct watched *watched = *state;

    watched->failing = 3;
    await(watched, 4);
    assert_true(watched->read_ms[1] - watched->read_ms[0] >= 450);
    assert_true(watched->read_ms[2] - watched->read_ms[1] >= 950);
    assert_true(watched->read_ms[3] - watched->read_ms[2] >= 1950);
    stays_unread(watched);
}

static void what_changes_while_it_is_read_is_told_to_the_reader_and_read_again(void **state)
{
    struct watched *watched = *state;

    watched->changes = 2;
    await(watched, 3);
    stays_unread(watched);
}

static void what_cannot_be_read_is_read_at_once_when_it_changes(void **state)
{
    struct watched *watched = *state;

    watched->failing = 5;
    await(watched, 4); /* the next one would come 4 s later */
    put(watched, "a", "2");
    await(watched, 5);
    assert_true(watched->read_ms[4] - watched->read_ms[3] < 3900);
    await(watched, 6); /* half a second later again, not 4 or 8 s */
    assert_in_range(watched->read_ms[5] - watched->read_ms[4], 450, 3900);
    stays_unread(watched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_read_is_read_again_only_when_it_changes, make, drop),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_read_again_later_and_later_until_it_can, make, drop),
        cmocka_unit_test_setup_teardown(what_changes_while_it_is_read_is_told_to_the_reader_and_read_again, make, drop),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_read_at_once_when_it_changes, make, drop),
    };

    return cmocka_run_group_tests_name("path_watch", tests, NULL, NULL);
}
