#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret/secret.h"
#include "services/api-gateway/import_line.h"

#define HEAD "{\"runtimeID\":\"r-1\",\"globalAccount\":\"CA1\",\"subAccount\":\"s\","
#define TAIL "\"region\":\"eu\",\"shootName\":\"c\",\"kymaVersion\":\"2.3.0\"}"
#define PLAN "\"planName\":\"azure\","

static void a_line_gets_an_instance_id_and_loses_what_is_null(void **state)
{
    static const char text[] = HEAD PLAN "\"clusterConfig\":null,\"maintenanceWindowBegin\":\"220000+0000\","
                                         "\"maintenanceWindowEnd\":\"040000-0130\"," TAIL "\r";
    json_t *line = import_line_read(text, strlen(text), NULL), *again;

    (void)state;
    assert_non_null(line);
    assert_null(json_object_get(line, "clusterConfig"));
    assert_int_equal(strlen(json_string_value(json_object_get(line, "instanceID"))), 36);
    assert_string_equal(json_string_value(json_object_get(line, "shootName")), "c");
    again = import_line_read(text, strlen(text), NULL);
    assert_true(json_equal(line, again)); /* derived, not drawn */
    json_decref(again);
    json_decref(line);
}

static void a_given_instance_id_is_kept(void **state)
{
    static const char text[] = HEAD PLAN "\"instanceID\":\"i-7\"," TAIL;
    json_t *line = import_line_read(text, strlen(text), NULL);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(line, "instanceID")), "i-7");
    json_decref(line);
}

static void a_wrong_line_is_refused_by_the_name_of_its_member(void **state)
{
    static const struct {
        const char *text, *want_error;
    } rows[] = {
        { "{", "line 1 column 1: " },
        { "[]", "expected an object, got an array" },
        { "{}", "runtimeID is missing" },
        { HEAD TAIL, "planName is missing" },
        { HEAD PLAN "\"kymaVersion\":null,\"region\":\"eu\",\"shootName\":\"c\"}", "kymaVersion is missing" },
        { HEAD PLAN "\"regoin\":\"x\"," TAIL, "unknown member \"regoin\"" },
        { HEAD PLAN "\"RUNTIMEID\":\"x\"," TAIL, "unknown member \"RUNTIMEID\"" },
        { HEAD "\"planName\":7," TAIL, "planName: expected a string, got an integer" },
        { HEAD "\"planName\":\"\"," TAIL, "planName: expected 1 to 200 bytes, got 0" },
        { HEAD "\"planName\":\"Azure\"," TAIL, "planName: there is no plan \"Azure\"" },
        { HEAD PLAN "\"instanceID\":\"a b\"," TAIL, "instanceID: expected visible ASCII characters" },
        { "{\"runtimeID\":\"0123456789012345678901234567890123456789-long\",\"globalAccount\":\"CA1\"," TAIL,
          "runtimeID: expected 1 to 44 bytes, got 45" },
        { HEAD PLAN "\"kymaConfig\":[]," TAIL, "kymaConfig: expected an object, got an array" },
        { HEAD PLAN "\"maintenanceWindowBegin\":\"220000+0000\"," TAIL,
          "maintenanceWindowEnd is missing: a window has a begin and an end" },
        { HEAD PLAN "\"maintenanceWindowBegin\":\"22:00\",\"maintenanceWindowEnd\":\"040000+0000\"," TAIL,
          "maintenanceWindowBegin: " },
        { HEAD PLAN "\"maintenanceWindowBegin\":\"220000+0000\",\"maintenanceWindowEnd\":\"250000+0000\"," TAIL,
          "maintenanceWindowEnd: " },
        { HEAD PLAN "\"kubeconfig\":\"\"," TAIL, "kubeconfig: expected 1 to" },
        { HEAD PLAN "\"clusterConfig\":{\"x\":{\"Secret\":true}}," TAIL,
          "clusterConfig: an entry has \"secret\": true" },
        { HEAD PLAN "\"region\":\"eu\",\"shootName\":\"c\",\"kymaVersion\":\"newest\"}",
          "kymaVersion: \"newest\" is no version" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = { 0 };
        json_t *line = import_line_read(rows[i].text, strlen(rows[i].text), &err);

        if (line != NULL)
            fail_msg("%s: accepted", rows[i].text);
        if (strncmp(err.message, rows[i].want_error, strlen(rows[i].want_error)) != 0)
            fail_msg("%s: \"%s\" does not begin with \"%s\"", rows[i].text, err.message, rows[i].want_error);
    }
}

static void a_line_that_is_too_long_is_refused_unread(void **state)
{
    char *text = malloc(IMPORT_LINE_SIZE_MAX + 1);
    struct error err = { 0 };

    (void)state;
    memset(text, ' ', IMPORT_LINE_SIZE_MAX + 1);
    assert_null(import_line_read(text, IMPORT_LINE_SIZE_MAX + 1, &err));
    assert_string_equal(err.message, "the line has 1048577 bytes; at most 1048576 are accepted");
    free(text);
}

/* The line `text`, sealed; fails the test if it is refused. */
static json_t *sealed(const char *text, struct secrets *secrets)
{
    struct error err = { 0 };
    json_t *line = import_line_read(text, strlen(text), &err);

    if (line == NULL || !import_line_seal(line, secrets, &err))
        fail_msg("%s: %s", text, err.message);
    return line;
}

static struct secrets *keys(void)
{
    json_t *json = json_pack("{s:s, s:{s:s}}", "current", "k1", "keys", "k1",
                             "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    struct error err = { 0 };
    struct secrets *secrets = secrets_parse(json, &err);

    if (secrets == NULL)
        fail_msg("%s", err.message);
    json_decref(json);
    return secrets;
}

static void secret_values_and_the_kubeconfig_are_sealed(void **state)
{
    static const char text[] = HEAD PLAN
        "\"kymaConfig\":{\"configuration\":[{\"key\":\"a\",\"value\":\"open\",\"secret\":false}],\"components\":[{"
        "\"component\":\"istio\",\"configuration\":[{\"key\":\"b\",\"value\":\"hidden\",\"secret\":true}]}]},"
        "\"kubeconfig\":\"apiVersion: v1\"," TAIL;
    struct secrets *secrets = keys();
    json_t *line = sealed(text, secrets);
    char *dump = json_dumps(line, 0), *opened;

    (void)state;
    assert_null(strstr(dump, "hidden"));
    assert_null(strstr(dump, "apiVersion"));
    assert_non_null(strstr(dump, "\"open\""));
    opened = secret_open(secrets, json_string_value(json_object_get(line, "globalAccount")),
                         json_string_value(json_object_get(line, "kubeconfig")), NULL);
    assert_string_equal(opened, "apiVersion: v1");
    secret_free(opened);
    free(dump);
    json_decref(line);
    secrets_free(secrets);
}

static void a_secret_that_would_stay_clear_is_refused(void **state)
{
    static const char *const configs[] = {
        "{\"other\":[{\"key\":\"a\",\"value\":\"b\",\"secret\":true}]}",
        "{\"configuration\":[{\"key\":\"a\",\"value\":\"b\",\"Secret\":true}]}",
        "{\"configuration\":[{\"key\":\"a\",\"value\":{\"x\":1},\"secret\":true}]}",
        "{\"components\":[{\"configuration\":[{\"secret\":true}]}]}",
    };
    struct secrets *secrets = keys();

    (void)state;
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        struct error err = { 0 };
        char text[1024];
        json_t *line;

        snprintf(text, sizeof text, HEAD PLAN "\"kymaConfig\":%s," TAIL, configs[i]);
        line = import_line_read(text, strlen(text), &err);
        assert_non_null(line);
        if (import_line_seal(line, secrets, &err))
            fail_msg("%s: accepted", configs[i]);
        if (strncmp(err.message, "kymaConfig: ", 12) != 0)
            fail_msg("%s: %s", configs[i], err.message);
        json_decref(line);
    }
    secrets_free(secrets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_gets_an_instance_id_and_loses_what_is_null),
        cmocka_unit_test(a_given_instance_id_is_kept),
        cmocka_unit_test(a_wrong_line_is_refused_by_the_name_of_its_member),
        cmocka_unit_test(a_line_that_is_too_long_is_refused_unread),
        cmocka_unit_test(secret_values_and_the_kubeconfig_are_sealed),
        cmocka_unit_test(a_secret_that_would_stay_clear_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
