/* The folder of releases as it changes under a process. */
#include "common/release/release_watch.h"

#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/id.h"

enum { DEADLINE_S = 60 };

struct watched {
    struct event_base *base;
    struct release_watch *watch;
    char folder[64], list[256], reason[512];
    int told;
};

static void told(void *context, struct releases *releases, const char *reason)
{
    struct watched *watched = context;

    watched->told++;
    snprintf(watched->list, sizeof watched->list, "%s", releases == NULL ? "" : releases_list(releases));
    snprintf(watched->reason, sizeof watched->reason, "%s", reason == NULL ? "" : reason);
    releases_free(releases);
    event_base_loopbreak(watched->base);
}

static void put(const struct watched *watched, const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", watched->folder, name);
    if (text == NULL) {
        unlink(path);
        return;
    }
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void put_release(const struct watched *watched, const char *version)
{
    char name[64], text[256];

    snprintf(name, sizeof name, "%s.json", version);
    snprintf(text, sizeof text,
             "{\"version\": \"%s\",\n \"components\": [{\"component\": \"a\", \"namespace\": \"b\"}], "
             "\"configuration\": []}",
             version);
    put(watched, name, text);
}

static int make(void **state)
{
    struct watched *watched = calloc(1, sizeof *watched);

    snprintf(watched->folder, sizeof watched->folder, "/tmp/release-watch-XXXXXX");
    assert_non_null(mkdtemp(watched->folder));
    put_release(watched, "2.3.0");
    watched->base = event_base_new();
    watched->watch = release_watch_new(watched->base, (struct release_watch_options){ .folder = watched->folder,
                                                                                      .version = "2.3.0",
                                                                                      .told = told,
                                                                                      .context = watched });
    *state = watched;
    return 0;
}

static int drop(void **state)
{
    static const char *const names[] = { "2.3.0.json", "2.4.2.json", "versions.json" };
    struct watched *watched = *state;

    release_watch_free(watched->watch);
    event_base_free(watched->base);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        put(watched, names[i], NULL);
    rmdir(watched->folder);
    free(watched);
    return 0;
}

static void expired(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(context);
}

/* Until the watch has told something, which is the `nth` time. */
static void await(struct watched *watched, int nth)
{
    const struct timeval patience = { DEADLINE_S, 0 };
    struct event *deadline = evtimer_new(watched->base, expired, watched->base);

    evtimer_add(deadline, &patience);
    event_base_dispatch(watched->base);
    event_free(deadline);
    assert_int_equal(watched->told, nth);
}

static void expect_nothing(struct watched *watched, int ms)
{
    const struct timeval limit = { ms / 1000, ms % 1000 * 1000 };
    const int told = watched->told;

    event_base_loopexit(watched->base, &limit);
    event_base_dispatch(watched->base);
    assert_int_equal(watched->told, told);
}

static void folder_is_told_at_once_and_when_it_has_changed(void **state)
{
    struct watched *watched = *state;

    await(watched, 1);
    assert_string_equal(watched->list, "2.3.0");
    put_release(watched, "2.4.2");
    await(watched, 2);
    assert_string_equal(watched->list, "2.3.0, 2.4.2");
    put(watched, "2.4.2.json", NULL);
    await(watched, 3);
    assert_string_equal(watched->list, "2.3.0");
}

/* --- A swap in the middle of reading --- */

enum { SWAPPED_COUNT = 200 };

static char swapped_link[64], swapped_next[80];

/* As Kubernetes does it with a ConfigMap: another folder takes the link's place at once. */
static void swap(int signal)
{
    (void)signal;
    rename(swapped_next, swapped_link);
}

/* Files of the same names in every folder, each of which says in which one it is. */
static void fill(const char *folder, const char *content)
{
    char path[128];

    assert_int_equal(mkdir(folder, 0700), 0);
    for (int i = 0; i < SWAPPED_COUNT; i++) {
        FILE *file;

        snprintf(path, sizeof path, "%s/2.3.%d.json", folder, i);
        file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file,
                "{\"version\": \"2.3.%d\", \"components\": [{\"component\": \"%s\", \"namespace\": \"b\"}], "
                "\"configuration\": []}",
                i, content);
        fclose(file);
    }
}

static void empty(const char *folder)
{
    char path[128];

    for (int i = 0; i < SWAPPED_COUNT; i++) {
        snprintf(path, sizeof path, "%s/2.3.%d.json", folder, i);
        unlink(path);
    }
    rmdir(folder);
}

struct swapped {
    struct event_base *base;
    int told;
    char hash[SHA256_HEX_SIZE]; /* of what was told last */
};

static void note_hash(void *context, struct releases *releases, const char *reason)
{
    struct swapped *swapped = context;

    assert_null(reason);
    swapped->told++;
    snprintf(swapped->hash, sizeof swapped->hash, "%s", releases_json_hash(releases));
    releases_free(releases);
    event_base_loopbreak(swapped->base);
}

static void hash_of(const char *folder, char out[SHA256_HEX_SIZE])
{
    struct releases *releases = releases_load(folder, NULL);

    snprintf(out, SHA256_HEX_SIZE, "%s", releases_json_hash(releases));
    releases_free(releases);
}

/* The signal comes some time after the start, mostly in the middle of reading. */
static void swap_after(const char *from, const char *to, int us)
{
    const struct itimerval soon = { .it_value = { .tv_usec = us } };
    char hash_from[SHA256_HEX_SIZE], hash_to[SHA256_HEX_SIZE];
    struct swapped swapped = { .base = event_base_new() };
    const struct timeval patience = { DEADLINE_S, 0 };
    struct release_watch *watch;

    hash_of(from, hash_from);
    hash_of(to, hash_to);
    assert_int_equal(symlink(from, swapped_link), 0);
    assert_int_equal(symlink(to, swapped_next), 0);
    watch = release_watch_new(swapped.base,
                              (struct release_watch_options){
                                  .folder = swapped_link, .version = "2.3.0", .told = note_hash, .context = &swapped });
    setitimer(ITIMER_REAL, &soon, NULL);
    while (strcmp(swapped.hash, hash_to) != 0) {
        const int told = swapped.told;

        event_base_loopexit(swapped.base, &patience);
        event_base_dispatch(swapped.base);
        assert_int_equal(swapped.told, told + 1);
        assert_true(strcmp(swapped.hash, hash_from) == 0 || strcmp(swapped.hash, hash_to) == 0);
    }
    release_watch_free(watch);
    event_base_free(swapped.base);
    unlink(swapped_link);
}

static void folder_that_is_swapped_while_it_is_read_is_old_or_new_but_never_both(void **state)
{
    const struct watched *watched = *state;
    const struct sigaction swapping = { .sa_handler = swap, .sa_flags = SA_RESTART };
    char one[80], other[80];

    snprintf(one, sizeof one, "%s/one", watched->folder);
    snprintf(other, sizeof other, "%s/other", watched->folder);
    snprintf(swapped_link, sizeof swapped_link, "%.40s/link", watched->folder);
    snprintf(swapped_next, sizeof swapped_next, "%s.next", swapped_link);
    fill(one, "one");
    fill(other, "other");
    sigaction(SIGALRM, &swapping, NULL);
    for (int us = 1000; us <= 4000; us *= 2)
        swap_after(one, other, us);
    signal(SIGALRM, SIG_DFL);
    empty(one);
    empty(other);
}

static void wrong_folder_is_told_with_file_line_and_reason(void **state)
{
    struct watched *watched = *state;

    await(watched, 1);
    put(watched, "2.4.2.json",
        "{\"version\": \"2.4.2\",\n \"components\": [{\"component\": \"a\", \"namespace\": \"b\"}],\n"
        " \"configuration\": [{\"key\": \"\"}]}");
    await(watched, 2);
    assert_string_equal(watched->list, "");
    assert_non_null(strstr(watched->reason, "/2.4.2.json: line 3: configuration[0]: must be"));
    put(watched, "2.4.2.json", NULL);
    await(watched, 3);
    put(watched, "versions.json", "{\"default\":\n \"2.4.2\"}");
    await(watched, 4);
    assert_non_null(strstr(watched->reason, "/versions.json: line 2: default: there is no release 2.4.2"));
}

static void folder_without_the_version_that_is_sent_is_wrong_unless_it_names_another(void **state)
{
    struct watched *watched = *state;

    await(watched, 1);
    put_release(watched, "2.4.2");
    await(watched, 2);
    put(watched, "2.3.0.json", NULL);
    await(watched, 3);
    assert_non_null(strstr(watched->reason, "there is no release 2.3.0, which is sent where nobody names one"));
    put(watched, "versions.json", "{\"default\": \"2.4.2\"}");
    await(watched, 4);
    assert_string_equal(watched->list, "2.4.2");
}

static void folder_that_cannot_be_read_is_told_once_and_when_it_can(void **state)
{
    struct watched *watched = *state;
    struct rlimit none, some;

    await(watched, 1);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &some), 0);
    none = some;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    await(watched, 2);
    assert_non_null(strstr(watched->reason, "cannot be read as a folder of releases: Too many open files"));
    expect_nothing(watched, 1200);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &some), 0);
    await(watched, 3);
    assert_string_equal(watched->list, "2.3.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folder_is_told_at_once_and_when_it_has_changed, make, drop),
        cmocka_unit_test_setup_teardown(folder_that_is_swapped_while_it_is_read_is_old_or_new_but_never_both, make,
                                        drop),
        cmocka_unit_test_setup_teardown(wrong_folder_is_told_with_file_line_and_reason, make, drop),
        cmocka_unit_test_setup_teardown(folder_without_the_version_that_is_sent_is_wrong_unless_it_names_another, make,
                                        drop),
        cmocka_unit_test_setup_teardown(folder_that_cannot_be_read_is_told_once_and_when_it_can, make, drop),
    };

    return cmocka_run_group_tests_name("release_watch", tests, NULL, NULL);
}
