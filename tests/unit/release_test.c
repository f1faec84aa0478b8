/* Releases: reading a folder of them, and refusing what is wrong with the file's name and what would be right. */
#include "common/release/release.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/id.h"

struct folder {
    char path[64], file[128];
};

static int make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);

    snprintf(folder->path, sizeof folder->path, "/tmp/release-test-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    *state = folder;
    return 0;
}

static int drop_folder(void **state)
{
    struct folder *folder = *state;

    unlink(folder->file);
    rmdir(folder->path);
    free(folder);
    return 0;
}

static void write_release(struct folder *folder, const char *name, const char *text)
{
    FILE *file;

    snprintf(folder->file, sizeof folder->file, "%s/%s", folder->path, name);
    file = fopen(folder->file, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static const char good[] = "{\"version\": \"2.4.2\", \"components\": [{\"component\": \"istio\", \"namespace\": "
                           "\"istio-system\"}], \"configuration\": [{\"key\": \"a.b\", \"value\": \"\"}]}";

static void a_release_becomes_a_complete_configuration(void **state)
{
    struct folder *folder = *state;
    struct error err;
    struct releases *releases;
    char *text;

    write_release(folder, "2.4.2.json", good);
    releases = releases_load(folder->path, &err);
    assert_non_null(releases);
    text = json_dumps(releases_configuration(releases, "2.4.2"), JSON_COMPACT);
    assert_string_equal(
        text, "{\"version\":\"2.4.2\",\"profile\":null,\"components\":[{\"component\":\"istio\",\"namespace\":"
              "\"istio-system\",\"configuration\":null,\"sourceURL\":null,\"conflictStrategy\":null}],"
              "\"configuration\":[{\"key\":\"a.b\",\"value\":\"\",\"secret\":null}],\"conflictStrategy\":\"Replace\"}");
    assert_null(releases_configuration(releases, "2.4.3"));
    assert_null(releases_hash(releases, "2.4.3"));
    free(text);
    releases_free(releases);
}

static void the_hash_does_not_depend_on_the_order_of_members(void **state)
{
    json_t *one = json_pack("{s:i,s:i}", "a", 1, "b", 2), *other = json_pack("{s:i,s:i}", "b", 2, "a", 1);
    char hash[SHA256_HEX_SIZE], same[SHA256_HEX_SIZE];

    (void)state;
    configuration_hash(one, hash);
    configuration_hash(other, same);
    assert_string_equal(hash, same);
    assert_string_equal(hash, "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777");
    json_decref(one);
    json_decref(other);
}

static void the_releases_of_the_project_are_valid_and_listed_by_version(void **state)
{
    struct error err;
    struct releases *releases = releases_load("deploy/releases", &err);

    (void)state;
    assert_non_null(releases);
    assert_string_equal(releases_list(releases), "1.11.0, 1.20.4, 1.24.5, 2.3.0, 2.4.2");
    assert_true(releases_ship_tiller(releases, "1.11.0"));
    assert_false(releases_ship_tiller(releases, "1.24.5"));
    assert_false(releases_ship_tiller(releases, "0.1"));
    assert_string_not_equal(releases_hash(releases, "2.3.0"), releases_hash(releases, "2.4.2"));
    releases_free(releases);
}

static void what_is_wrong_is_named_with_file_and_remedy(void **state)
{
    static const struct {
        const char *name, *text, *want_error;
    } cases[] = {
        { "2.4.2.json", "{", "2.4.2.json: line 1" },
        { "2.4.2.json", "[]", "2.4.2.json: line 1: must be an object with version, components and configuration" },
        { "2.4.3.json", good, "2.4.3.json: line 1: version: must be \"2.4.3\", as the file is named" },
        { "1.json", "{\"version\": \"1\"}", "components: must be a list of at least one" },
        { "1.json", "{\"version\": \"1\", \"components\": [], \"configuration\": []}", "components: must be a list" },
        { "1.json", "{\"version\": \"1\", \"components\": [{\"component\": \"a\"}], \"configuration\": []}",
          "components[0]: must be {\"component\": \"...\", \"namespace\": \"...\"} and nothing else" },
        { "1.json",
          "{\"version\": \"1\", \"components\": [{\"component\": \"a\", \"namespace\": \"b\"}], "
          "\"configuration\": [{\"key\": \"k\", \"value\": 1}]}",
          "configuration[0]: must be {\"key\"" },
        { "1.json",
          "{\"version\": \"1\", \"components\": [{\"component\": \"a\", \"namespace\": \"b\"}], "
          "\"configuration\": [], \"profile\": null}",
          "has other members" },
        { "readme.txt", "", "holds no release" },
    };
    struct folder *folder = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = { 0 };

        write_release(folder, cases[i].name, cases[i].text);
        assert_null(releases_load(folder->path, &err));
        if (strstr(err.message, cases[i].want_error) == NULL)
            fail_msg("want %s, is %s", cases[i].want_error, err.message);
        unlink(folder->file);
    }
}

static void a_folder_that_is_missing_is_named(void **state)
{
    struct error err = { 0 };

    (void)state;
    assert_null(releases_load("/nowhere/releases", &err));
    assert_non_null(strstr(err.message, "/nowhere/releases: cannot be read as a folder of releases"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_release_becomes_a_complete_configuration, make_folder, drop_folder),
        cmocka_unit_test(the_hash_does_not_depend_on_the_order_of_members),
        cmocka_unit_test(the_releases_of_the_project_are_valid_and_listed_by_version),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_named_with_file_and_remedy, make_folder, drop_folder),
        cmocka_unit_test(a_folder_that_is_missing_is_named),
    };

    return cmocka_run_group_tests_name("release", tests, NULL, NULL);
}
