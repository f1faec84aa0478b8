#include "services/scheduler/policy_watch.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/timestamp.h"
#include "common/observe/log.h"

enum { PATH_SIZE = 256, WAIT_MS = 60000 };

struct watched {
    struct event_base *base;
    char folder[PATH_SIZE], path[PATH_SIZE];
    struct policy_watch *watch;
    json_t *told; /* the last one */
    int count;
};

static void on_told(void *context, json_t *data)
{
    struct watched *watched = context;

    json_decref(watched->told);
    watched->told = data;
    watched->count++;
}

static struct watched *watched_new(void)
{
    struct watched *watched = calloc(1, sizeof *watched);

    watched->base = event_base_new();
    snprintf(watched->folder, sizeof watched->folder, "/tmp/policy-watch-XXXXXX");
    assert_non_null(mkdtemp(watched->folder));
    snprintf(watched->path, sizeof watched->path, "%.200s/policy.json", watched->folder);
    return watched;
}

static void watched_free(struct watched *watched)
{
    char command[PATH_SIZE + 16];

    policy_watch_free(watched->watch);
    event_base_free(watched->base);
    json_decref(watched->told);
    snprintf(command, sizeof command, "rm -rf '%.200s'", watched->folder);
    assert_int_equal(system(command), 0);
    free(watched);
}

static void watch(struct watched *watched)
{
    watched->watch = policy_watch_new(watched->base, watched->path, on_told, watched);
}

static void write_to(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static const char *in(const struct watched *watched, const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%.120s/%.100s", watched->folder, name);
    return path;
}

static void run_for(struct watched *watched, int ms)
{
    struct timeval limit = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

    event_base_loopexit(watched->base, &limit);
    event_base_dispatch(watched->base);
}

static void wait_for_count(struct watched *watched, int want)
{
    for (int64_t until = clock_now_ms() + WAIT_MS; watched->count < want && clock_now_ms() < until;)
        run_for(watched, 20);
    assert_int_equal(watched->count, want);
}

static const char *told(const struct watched *watched, const char *name)
{
    return json_string_value(json_object_get(watched->told, name));
}

static bool told_days(const struct watched *watched, const char *day)
{
    const json_t *days = json_object_get(json_object_get(json_object_get(watched->told, "policy"), "default"), "days");

    return json_is_array(days) && strcmp(json_string_value(json_array_get(days, 0)), day) == 0;
}

static void what_the_file_holds_is_told_at_the_start_and_when_it_changes(void **state)
{
    struct watched *watched = watched_new();
    char other[PATH_SIZE], hash[80];

    (void)state;
    write_to(watched->path, "{\"default\": {\"days\": [\"Mon\"]}}");
    watch(watched);
    assert_int_equal(watched->count, 0); /* not before the loop runs */
    wait_for_count(watched, 1);
    assert_true(told_days(watched, "Mon"));
    assert_int_equal(strlen(told(watched, "hash")), 64);
    snprintf(hash, sizeof hash, "%s", told(watched, "hash"));

    write_to(watched->path, "{\"default\": {\"days\": [\"Tue\"]}}"); /* in place, of the same size */
    wait_for_count(watched, 2);
    assert_true(told_days(watched, "Tue"));
    assert_string_not_equal(told(watched, "hash"), hash);

    write_to(in(watched, "new", other), "{ \"default\": { \"days\": [\"Mon\"] } }"); /* renamed over it */
    assert_int_equal(rename(other, watched->path), 0);
    wait_for_count(watched, 3);
    assert_string_equal(told(watched, "hash"), hash); /* white space is no other policy */
    run_for(watched, 1200);
    assert_int_equal(watched->count, 3); /* nothing new, nothing told */
    watched_free(watched);
}

static void a_link_that_is_swapped_somewhere_in_the_path_is_seen(void **state)
{
    struct watched *watched = watched_new();
    char first[PATH_SIZE], second[PATH_SIZE], link[PATH_SIZE], next[PATH_SIZE];

    (void)state; /* as the volumes of ConfigMaps do it: policy.json -> data/policy.json, data -> ..1 or ..2 */
    assert_int_equal(mkdir(in(watched, "..1", first), 0700), 0);
    assert_int_equal(mkdir(in(watched, "..2", second), 0700), 0);
    write_to(in(watched, "..1/policy.json", first), "{\"default\": {\"days\": [\"Mon\"]}}");
    write_to(in(watched, "..2/policy.json", second), "{\"default\": {\"days\": [\"Tue\"]}}");
    assert_int_equal(symlink("..1", in(watched, "data", link)), 0);
    assert_int_equal(symlink("data/policy.json", watched->path), 0);
    watch(watched);
    wait_for_count(watched, 1);
    assert_true(told_days(watched, "Mon"));

    assert_int_equal(symlink("..2", in(watched, "data-next", next)), 0);
    assert_int_equal(rename(next, link), 0);
    wait_for_count(watched, 2);
    assert_true(told_days(watched, "Tue"));
    watched_free(watched);
}

static void a_file_that_is_wrong_is_told_with_its_line(void **state)
{
    struct watched *watched = watched_new();

    (void)state;
    write_to(watched->path, "{\n\"default\": {\"days\": [\"Monday\"]}}");
    watch(watched);
    wait_for_count(watched, 1);
    assert_null(json_object_get(watched->told, "policy"));
    assert_string_equal(told(watched, "error"),
                        "line 2: default.days[0]: is no day; right are Mon, Tue, Wed, Thu, Fri, Sat, Sun");
    assert_int_equal(strlen(told(watched, "hash")), 64);

    write_to(watched->path, "{\"\xff\xfe");
    wait_for_count(watched, 2);
    assert_non_null(told(watched, "error"));

    write_to(watched->path, "{}");
    wait_for_count(watched, 3);
    assert_true(json_is_object(json_object_get(watched->told, "policy")));
    watched_free(watched);
}

static void of_a_file_that_is_missing_or_unreadable_nothing_is_told(void **state)
{
    struct watched *watched = watched_new();

    (void)state;
    watch(watched);
    run_for(watched, 1200);
    assert_int_equal(watched->count, 0);
    write_to(watched->path, "{}");
    wait_for_count(watched, 1);
    assert_int_equal(unlink(watched->path), 0);
    run_for(watched, 1200);
    assert_int_equal(mkdir(watched->path, 0700), 0); /* a folder, which cannot be read */
    run_for(watched, 1700);
    assert_int_equal(watched->count, 1);
    watched_free(watched);
}

/* As a disk does that fails for a while: nothing of the file changes. */
static void a_file_that_could_not_be_read_is_told_when_it_can(void **state)
{
    struct watched *watched = watched_new();
    struct rlimit none, some;

    (void)state;
    write_to(watched->path, "{}");
    watch(watched);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &some), 0);
    none = some;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    run_for(watched, 700);
    assert_int_equal(watched->count, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &some), 0);
    wait_for_count(watched, 1);
    assert_true(json_is_object(json_object_get(watched->told, "policy")));
    run_for(watched, 1200);
    assert_int_equal(watched->count, 1);
    watched_free(watched);
}

static void file_is_read_at_once_right_wrong_or_missing(void **state)
{
    struct watched *watched = watched_new();
    json_t *right, *wrong;

    (void)state;
    assert_null(policy_file_read(watched->path));
    assert_int_equal(errno, ENOENT);
    write_to(watched->path, "{}");
    right = policy_file_read(watched->path);
    assert_true(json_is_object(json_object_get(right, "policy")));
    write_to(watched->path, "{\n,");
    wrong = policy_file_read(watched->path);
    assert_non_null(strstr(json_string_value(json_object_get(wrong, "error")), "line 2"));
    assert_null(json_object_get(wrong, "policy"));
    json_decref(right);
    json_decref(wrong);
    watched_free(watched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_file_holds_is_told_at_the_start_and_when_it_changes),
        cmocka_unit_test(a_link_that_is_swapped_somewhere_in_the_path_is_seen),
        cmocka_unit_test(a_file_that_is_wrong_is_told_with_its_line),
        cmocka_unit_test(of_a_file_that_is_missing_or_unreadable_nothing_is_told),
        cmocka_unit_test(a_file_that_could_not_be_read_is_told_when_it_can),
        cmocka_unit_test(file_is_read_at_once_right_wrong_or_missing),
    };

    log_open("test", "0", LOG_LEVEL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
