/* Sealed texts: who can open them, with which keys, and what is refused. */
#include "common/secret/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY_1 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_2 "//////////////////////////////////////////8="

static struct secrets *secrets_of(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    struct error err = { 0 };
    struct secrets *secrets;

    assert_non_null(json);
    secrets = secrets_parse(json, &err);
    if (secrets == NULL)
        fail_msg("%s", err.message);
    json_decref(json);
    return secrets;
}

static int make_secrets(void **state)
{
    *state = secrets_of("{\"current\": \"k1\", \"keys\": {\"k1\": \"" KEY_1 "\"}}");
    return 0;
}

static int drop_secrets(void **state)
{
    secrets_free(*state);
    return 0;
}

static char *seal(struct secrets *secrets, const char *tenant, const char *text)
{
    return secret_seal(secrets, tenant, text, strlen(text));
}

static void assert_opens(struct secrets *secrets, const char *tenant, const char *sealed, const char *want)
{
    struct error err = { 0 };
    char *opened = secret_open(secrets, tenant, sealed, &err);

    if (opened == NULL)
        fail_msg("%s: %s", sealed, err.message);
    assert_string_equal(opened, want);
    secret_free(opened);
}

static void assert_refused(struct secrets *secrets, const char *tenant, const char *sealed, const char *want)
{
    struct error err = { 0 };
    char *opened = secret_open(secrets, tenant, sealed, &err);

    if (opened != NULL)
        fail_msg("%s opens", sealed);
    if (strstr(err.message, want) == NULL)
        fail_msg("%s: want %s, is %s", sealed, want, err.message);
}

/* --- One text --- */

static void what_is_sealed_opens_again_and_is_not_to_be_seen(void **state)
{
    static const char *const texts[] = { "", "a", "p\xc3\xa4ssw\xc3\xb6rd", "sealed:v1:k1:AAAA",
                                         "a longer one, of several blocks of the cipher, to be sure" };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *sealed = seal(*state, "tenant-1", texts[i]);

        assert_true(secret_is_sealed(sealed));
        assert_int_equal(strncmp(sealed, "sealed:v1:k1:", 13), 0);
        assert_true(strlen(texts[i]) < 2 || strstr(sealed + 13, texts[i]) == NULL);
        assert_opens(*state, "tenant-1", sealed, texts[i]);
        free(sealed);
    }
}

static void what_is_sealed_for_no_tenant_opens_for_every_one(void **state)
{
    char *sealed = seal(*state, "", "value"), *own = seal(*state, "tenant-1", "value");

    assert_opens(*state, "", sealed, "value");
    assert_opens(*state, "tenant-1", sealed, "value");
    assert_opens(*state, "tenant-2", sealed, "value");
    assert_refused(*state, "", own, "it was changed, or belongs to another tenant");
    sealed[strlen(sealed) - 6] ^= 1;
    assert_refused(*state, "tenant-1", sealed, "it was changed, or belongs to another tenant");
    free(sealed);
    free(own);
}

static void what_others_write_by_the_same_format_opens(void **state)
{
    /* Computed by another implementation of HKDF, HMAC and AES-GCM. */
    assert_opens(*state, "tenant-1", "sealed:v1:k1:K4E6hDfvj8hdg7VBAe3_5OO9KJZYLb3S6bU6RsUaUJzfM3E", "hunter2");
}

static void equal_texts_of_a_tenant_are_sealed_equally_and_nothing_else_is(void **state)
{
    char *one = seal(*state, "tenant-1", "value"), *again = seal(*state, "tenant-1", "value");
    char *other = seal(*state, "tenant-1", "valuf"), *foreign = seal(*state, "tenant-2", "value");

    assert_string_equal(one, again);
    assert_string_not_equal(one, other);
    assert_string_not_equal(one, foreign);
    free(one);
    free(again);
    free(other);
    free(foreign);
}

static void another_tenant_cannot_open_it(void **state)
{
    char *sealed = seal(*state, "tenant-1", "value");

    assert_refused(*state, "tenant-2", sealed, "it was changed, or belongs to another tenant");
    assert_refused(*state, "tenant-1\n", sealed, "another tenant");
    free(sealed);
}

static void a_text_changed_anywhere_does_not_open(void **state)
{
    char *sealed = seal(*state, "tenant-1", "value");

    for (size_t i = 0; sealed[i] != '\0'; i++) {
        const char kept = sealed[i];
        struct error err;

        sealed[i] = kept == 'A' ? 'B' : 'A';
        assert_null(secret_open(*state, "tenant-1", sealed, &err));
        sealed[i] = kept;
    }
    assert_opens(*state, "tenant-1", sealed, "value");
    free(sealed);
}

static void what_is_no_sealed_text_is_refused_with_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *want_error;
    } cases[] = {
        { "value", "is no sealed text" },
        { "", "is no sealed text" },
        { "sealed:v2:k1:AAAA", "is no sealed text" },
        { "sealed:v1:", "names no key" },
        { "sealed:v1:k1", "names no key" },
        { "sealed:v1::AAAA", "names no key" },
        { "sealed:v1:0123456789012345678901234567890123456789:AAAA", "names no key" },
        { "sealed:v1:k1:", "is cut or no base64url" },
        { "sealed:v1:k1:AAAA", "is cut or no base64url" },
        { "sealed:v1:k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "is cut or no base64url" },
        { "sealed:v1:k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA AAAAAAAAAA", "is cut or no base64url" },
        { "sealed:v1:k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!AAAAAAAAAA", "is cut or no base64url" },
        { "sealed:v1:k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "it was changed" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(*state, "tenant-1", cases[i].text, cases[i].want_error);
    assert_false(secret_is_sealed(NULL));
    assert_false(secret_is_sealed("sealed"));
}

static void more_tenants_than_are_kept_all_keep_their_keys(void **state)
{
    char *sealed[SECRET_TENANTS_MAX + 10], tenant[32];

    for (size_t i = 0; i < sizeof sealed / sizeof sealed[0]; i++) {
        snprintf(tenant, sizeof tenant, "tenant-%zu", i);
        sealed[i] = seal(*state, tenant, "value");
    }
    for (size_t i = 0; i < sizeof sealed / sizeof sealed[0]; i++) {
        snprintf(tenant, sizeof tenant, "tenant-%zu", i);
        assert_opens(*state, tenant, sealed[i], "value");
        free(sealed[i]);
    }
}

/* --- Keys --- */

static void after_a_rotation_the_old_key_reads_and_the_new_one_writes(void **state)
{
    struct secrets *rotated = secrets_of("{\"current\": \"k2\", \"keys\": {\"k1\": \"" KEY_1 "\", \"k2\": \"" KEY_2
                                         "\"}}");
    char *old = seal(*state, "tenant-1", "value"), *new = seal(rotated, "tenant-1", "value");

    assert_opens(rotated, "tenant-1", old, "value");
    assert_int_equal(strncmp(new, "sealed:v1:k2:", 13), 0);
    assert_opens(rotated, "tenant-1", new, "value");
    assert_refused(*state, "tenant-1", new, "was sealed with the key \"k2\", which is not in the key file");
    free(old);
    free(new);
    secrets_free(rotated);
}

static void a_key_file_that_is_wrong_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *want_error;
    } cases[] = {
        { "[]", "must be an object with current and keys" },
        { "{\"key\": {}}", "key: no such member" },
        { "{\"current\": \"k1\"}", "keys: must be an object of 1 to 32 keys" },
        { "{\"current\": \"k1\", \"keys\": {}}", "keys: must be an object of 1 to 32 keys" },
        { "{\"keys\": {\"k1\": \"" KEY_1 "\"}}", "current: must be the ID of one of the keys" },
        { "{\"current\": \"k2\", \"keys\": {\"k1\": \"" KEY_1 "\"}}", "current: must be the ID of one of the keys" },
        { "{\"current\": \"k:1\", \"keys\": {\"k:1\": \"" KEY_1 "\"}}", "keys: \"k:1\": an ID has 1 to 32 letters" },
        { "{\"current\": \"\", \"keys\": {\"\": \"" KEY_1 "\"}}", "keys: \"\": an ID has 1 to 32 letters" },
        { "{\"current\": \"k1\", \"keys\": {\"k1\": 1}}", "keys: k1: must be the base64 of 32 random bytes" },
        { "{\"current\": \"k1\", \"keys\": {\"k1\": \"\"}}", "keys: k1: must be the base64 of 32 random bytes" },
        { "{\"current\": \"k1\", \"keys\": {\"k1\": \"AAAA\"}}", "keys: k1: must be the base64 of 32 random bytes" },
        { "{\"current\": \"k1\", \"keys\": {\"k1\": \"" KEY_1 "AAAA\"}}", "keys: k1: must be the base64 of 32" },
        { "{\"current\": \"k1\", \"keys\": {\"k1\": \"?" KEY_1 "\"}}", "keys: k1: must be the base64 of 32" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json = json_loads(cases[i].text, 0, NULL);
        struct error err = { 0 };

        assert_non_null(json);
        assert_null(secrets_parse(json, &err));
        if (strstr(err.message, cases[i].want_error) == NULL)
            fail_msg("want %s, is %s", cases[i].want_error, err.message);
        assert_null(strstr(err.message, "AAEC"));
        json_decref(json);
    }
}

static void write_key_file(const char *path, mode_t mode, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void a_key_file_open_to_others_is_refused(void **state)
{
    static const struct {
        mode_t mode;
        bool want;
    } cases[] = { { 0600, true }, { 0400, true }, { 0640, true }, { 0644, false }, { 0602, false }, { 0660, false } };
    char path[] = "/tmp/secret-test-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = { 0 };
        struct secrets *secrets;

        write_key_file(path, cases[i].mode, "{\"current\": \"k1\", \"keys\": {\"k1\": \"" KEY_1 "\"}}");
        secrets = secrets_load(path, &err);
        if ((secrets != NULL) != cases[i].want)
            fail_msg("mode %03o: %s", (unsigned)cases[i].mode, err.message);
        assert_true(cases[i].want || strstr(err.message, "is open to others (mode 6") != NULL);
        secrets_free(secrets);
        unlink(path);
    }
}

static void a_key_file_that_is_missing_or_broken_is_named(void **state)
{
    char path[] = "/tmp/secret-test-XXXXXX";
    int fd = mkstemp(path);
    struct error err = { 0 };

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "{\"keys\"\n: ]", 11), 11);
    close(fd);
    assert_null(secrets_load("/nowhere/keys.json", &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nowhere/keys.json: cannot be opened"));
    assert_null(secrets_load(path, &err));
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, "line 2"));
    unlink(path);
}

/* --- Configurations --- */

static const char configuration[] =
    "{\"version\": \"2.4.2\", \"configuration\": [{\"key\": \"a\", \"value\": \"open\", \"secret\": false},"
    " {\"key\": \"b\", \"value\": \"hush\", \"secret\": true}, {\"key\": \"c\", \"value\": \"open\"}],"
    " \"components\": [{\"component\": \"istio\"}, {\"component\": \"db\", \"configuration\":"
    " [{\"key\": \"p\", \"value\": \"hush too\", \"secret\": true}]}]}";

static void in_a_configuration_secret_values_are_sealed_and_nothing_else(void **state)
{
    json_t *config = json_loads(configuration, 0, NULL), *sealed, *opened;
    struct error err = { 0 };
    char *text;

    sealed = secret_seal_configuration(*state, "tenant-1", config, &err);
    assert_non_null(sealed);
    text = json_dumps(sealed, JSON_COMPACT);
    assert_null(strstr(text, "hush"));
    assert_non_null(strstr(text, "{\"key\":\"c\",\"value\":\"open\"}"));
    assert_non_null(strstr(text, "{\"key\":\"b\",\"value\":\"sealed:v1:k1:"));
    assert_non_null(strstr(text, "{\"key\":\"p\",\"value\":\"sealed:v1:k1:"));
    opened = secret_open_configuration(*state, "tenant-1", sealed, SECRET_OPENED, &err);
    assert_true(json_equal(opened, config));
    free(text);
    json_decref(opened);
    json_decref(sealed);
    json_decref(config);
}

static void a_masked_view_needs_no_keys(void **state)
{
    json_t *config = json_loads(configuration, 0, NULL);
    json_t *sealed = secret_seal_configuration(*state, "tenant-1", config, NULL);
    json_t *masked = secret_open_configuration(NULL, "", sealed, SECRET_MASKED, NULL);
    char *text = json_dumps(masked, JSON_COMPACT);

    assert_null(strstr(text, "sealed"));
    assert_non_null(strstr(text, "{\"key\":\"b\",\"value\":\"*****\",\"secret\":true}"));
    assert_non_null(strstr(text, "{\"key\":\"a\",\"value\":\"open\",\"secret\":false}"));
    free(text);
    json_decref(masked);
    json_decref(sealed);
    json_decref(config);
}

static void what_opens_is_counted(void **state)
{
    json_t *config = json_loads(configuration, 0, NULL);
    json_t *sealed = secret_seal_configuration(*state, "tenant-1", config, NULL);
    struct secret_count of_tenant = secret_count(*state, "tenant-1", sealed, NULL), of_other;
    struct error err = { 0 };

    of_other = secret_count(*state, "tenant-2", sealed, &err);
    assert_int_equal(of_tenant.sealed, 2);
    assert_int_equal(of_tenant.opened, 2);
    assert_int_equal(of_other.sealed, 2);
    assert_int_equal(of_other.opened, 0);
    assert_non_null(strstr(err.message, "another tenant"));
    assert_int_equal(secret_count(*state, "tenant-1", NULL, NULL).sealed, 0);
    json_decref(sealed);
    json_decref(config);
}

static void values_of_a_tenant_and_of_a_release_open_side_by_side(void **state)
{
    json_t *config = json_loads(configuration, 0, NULL), *opened;
    json_t *own = secret_seal_configuration(*state, "tenant-1", config, NULL);
    json_t *release = secret_seal_configuration(*state, "", config, NULL);
    struct error err = { 0 };

    json_object_set(own, "configuration", json_object_get(release, "configuration"));
    opened = secret_open_configuration(*state, "tenant-1", own, SECRET_OPENED, &err);
    assert_true(json_equal(opened, config));
    assert_int_equal(secret_count(*state, "tenant-1", own, NULL).opened, 2);
    assert_int_equal(secret_count(*state, "tenant-2", own, NULL).opened, 1);
    json_decref(opened);
    json_decref(release);
    json_decref(own);
    json_decref(config);
}

static void a_secret_that_cannot_be_sealed_or_opened_is_named_by_its_place(void **state)
{
    json_t *config = json_loads(configuration, 0, NULL), *sealed;
    json_t *entry = json_array_get(json_object_get(config, "configuration"), 1);
    struct error err = { 0 };

    sealed = secret_seal_configuration(*state, "tenant-1", config, NULL);
    assert_null(secret_open_configuration(*state, "tenant-2", sealed, SECRET_OPENED, &err));
    assert_non_null(strstr(err.message, "configuration[1].value: does not open with the key \"k1\""));
    json_object_set_new(entry, "value", json_integer(7));
    assert_null(secret_seal_configuration(*state, "tenant-1", config, &err));
    assert_string_equal(err.message, "configuration[1].value: must be a text, because it is secret");
    json_object_del(entry, "secret");
    entry = json_array_get(json_object_get(json_array_get(json_object_get(config, "components"), 1), "configuration"),
                           0);
    json_object_set_new(entry, "value", json_null());
    assert_null(secret_seal_configuration(*state, "tenant-1", config, &err));
    assert_string_equal(err.message, "components[1].configuration[0].value: must be a text, because it is secret");
    json_decref(sealed);
    json_decref(config);
}

static void whatever_is_no_configuration_is_left_as_it_is(void **state)
{
    static const char *const texts[] = {
        "null", "7", "[]", "{\"configuration\": null, \"components\": [null, 7, {\"configuration\": {}}]}",
        "{\"configuration\": [null, 7, {\"secret\": 1, \"value\": \"x\"}, {\"secret\": null, \"value\": 1}]}"
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *config = json_loads(texts[i], JSON_DECODE_ANY, NULL);
        json_t *sealed = secret_seal_configuration(*state, "tenant-1", config, NULL);

        assert_non_null(config);
        assert_true(json_equal(sealed, config));
        json_decref(sealed);
        json_decref(config);
    }
}

#define SCENE(name) cmocka_unit_test_setup_teardown(name, make_secrets, drop_secrets)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(what_is_sealed_opens_again_and_is_not_to_be_seen),
        SCENE(what_is_sealed_for_no_tenant_opens_for_every_one),
        SCENE(what_others_write_by_the_same_format_opens),
        SCENE(equal_texts_of_a_tenant_are_sealed_equally_and_nothing_else_is),
        SCENE(another_tenant_cannot_open_it),
        SCENE(a_text_changed_anywhere_does_not_open),
        SCENE(what_is_no_sealed_text_is_refused_with_what_is_wrong),
        SCENE(more_tenants_than_are_kept_all_keep_their_keys),
        SCENE(after_a_rotation_the_old_key_reads_and_the_new_one_writes),
        SCENE(a_key_file_that_is_wrong_is_refused_with_its_place),
        SCENE(a_key_file_open_to_others_is_refused),
        SCENE(a_key_file_that_is_missing_or_broken_is_named),
        SCENE(in_a_configuration_secret_values_are_sealed_and_nothing_else),
        SCENE(a_masked_view_needs_no_keys),
        SCENE(what_opens_is_counted),
        SCENE(values_of_a_tenant_and_of_a_release_open_side_by_side),
        SCENE(a_secret_that_cannot_be_sealed_or_opened_is_named_by_its_place),
        SCENE(whatever_is_no_configuration_is_left_as_it_is),
    };

    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
