/* The provisioner's core: optional components of a runtime, brought along when an orchestration upgrades it. */
#include "tests/unit/runtime_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/release/release.h"
#include "services/provisioner/input.h"
#include "services/provisioner/runtimes.h"

#define ISTIO "{'component': 'istio', 'namespace': 'istio-system'}"
#define TRACING "{'component': 'tracing', 'namespace': 'kyma-system'}"
#define EXTRA "{'component': 'extra', 'namespace': 'kyma-system'}"
#define MINE                                                                                                \
    "{'component': 'mine', 'namespace': 'mine', 'sourceURL': 'https://two.example/mine', 'configuration': " \
    "[{'key': 'a', 'value': 'b', 'secret': false}]}"
#define VAULT \
    "{'component': 'vault', 'namespace': 'v', 'configuration': [{'key': 'p', 'value': '" SEALED "', 'secret': true}]}"
#define NEW_BODY(components) "{'version': '2.4.2', 'components': [" components "]}"

/* `quoted` with ' for "; own: free. */
static char *json_text_of(const char *quoted)
{
    char *text = strdup(quoted);

    for (char *c = text; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    return text;
}

/* The hash of `quoted`, as of what many share. */
static void hash_of(const char *quoted, char hash[SHA256_HEX_SIZE])
{
    char *text = json_text_of(quoted);
    json_t *body = json_loads(text, 0, NULL);

    assert_non_null(body);
    configuration_hash(body, hash);
    json_decref(body);
    free(text);
}

/* `id` of ga1, of Kyma `version` with `components`; its configuration is named `hash`. */
static void known(struct scene *scene, const char *id, const char *version, const char *hash, const char *components)
{
    char data[4096];

    snprintf(
        data, sizeof data,
        "{'instanceID': 'i-%s', 'tenant': 'ga1', 'subAccount': 'sa1', 'plan': 'azure', 'region': 'w', 'shootName': "
        "'c', 'kymaVersion': '%s', 'kymaConfigHash': '%s', 'kymaConfig': {'version': '%s', 'components': [%s]}, "
        "'clusterConfigHash': 'cluster', 'clusterConfig': {'provider': 'azure'}}",
        id, version, hash, version, components);
    given(scene, REGISTERED, id, data);
}

/* What is sent to all: "new" of Kyma 2.4.2. */
static void sent(struct scene *scene, const char *components)
{
    char data[4096];

    snprintf(data, sizeof data, "{'hash': 'new', 'kymaConfig': " NEW_BODY("%s") "}", components);
    given(scene, CONFIGURED, "new", data);
}

static void upgrade(struct scene *scene, const char *id, const char *operation_id)
{
    char data[512];

    snprintf(data, sizeof data,
             "{'runtimeID': '%s', 'instanceID': 'i-%s', 'globalAccountID': 'ga1', 'operationID': '%s', "
             "'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new'}",
             id, id, operation_id);
    when(scene, UPGRADE, id, data);
}

/* `id` was upgraded by `operation_id` to the components; "": to "new" itself. */
static void then_brought(struct scene *scene, const char *id, const char *operation_id, const char *components)
{
    char row[128], want[4096], *hash;

    snprintf(row, sizeof row, "%s\n%s", id, operation_id);
    hash = row_text(scene, TABLE_OPERATION, row, "configuration");
    if (*components == '\0') {
        assert_string_equal(hash, "new");
    } else {
        assert_string_not_equal(hash, "new");
        snprintf(want, sizeof want, "{'kind': 'kyma', 'kept': false, 'body': " NEW_BODY("%s") "}", components);
        then_row(scene, "configuration", hash, want);
    }
    free(hash);
}

static void all_stages_end(struct scene *scene, const char *id, const char *operation_id)
{
    static const char *const stages[] = { "StartingUpgrade", "UpdatingUpgradeState", "WaitingForInstallation",
                                          "UpdatingUpgradeState" };

    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        char report[256];

        snprintf(report, sizeof report, "{'operationID': '%s', 'stage': '%s', 'ok': true, 'message': ''}", operation_id,
                 stages[i]);
        driver_reports(scene, id, report);
    }
}

static void what_the_release_does_not_name_goes_on_after_what_is_sent(void **state)
{
    struct scene *scene = scene_empty();
    char hash[SHA256_HEX_SIZE], want[1024];

    (void)state;
    sent(scene, ISTIO);
    known(scene, "r1", "2.3.0", "own", MINE ", " ISTIO ", " EXTRA);
    upgrade(scene, "r1", "o1");
    hash_of(NEW_BODY(ISTIO ", " MINE ", " EXTRA), hash);
    snprintf(want, sizeof want,
             STARTED
             " r1 {'version': '2.4.2', 'configuration': '%s', 'kymaConfig': " NEW_BODY(ISTIO ", " MINE ", " EXTRA) "}",
             hash);
    then_events(scene, want, NULL);
    then_brought(scene, "r1", "o1", ISTIO ", " MINE ", " EXTRA);
    then_row(scene, "configuration", "new", "{'body': " NEW_BODY(ISTIO) "}");
    scene_free(scene);
}

static void what_a_release_or_the_new_configuration_names_does_not(void **state)
{
    static const struct {
        const char *version, *sent, *had, *want; /* want "": what is sent alone */
    } cases[] = {
        { "2.3.0", ISTIO, ISTIO ", " TRACING, "" },                             /* the release has dropped it */
        { "2.3.0", ISTIO ", " MINE, MINE, "" },                                 /* it is sent anyway */
        { "2.3.0", ISTIO, "{'component': 'telemetry', 'namespace': 'n'}", "" }, /* the new release has it, disabled */
        { "1.0.0", ISTIO, TRACING ", " MINE, ISTIO ", " MINE },                 /* no release known, so all count */
        { "1.0.0", ISTIO, "{'component': 'helm-broker', 'namespace': 'n'}", "" },
        { "", ISTIO, ISTIO ", " MINE, ISTIO ", " MINE },
        { "2.3.0", ISTIO, "{'component': 'helm-broker', 'namespace': 'n'}",
          ISTIO ", {'component': 'helm-broker', 'namespace': 'n'}" }, /* only older ones name it */
        { "2.3.0", ISTIO, "7, null, {}, {'component': 7}, {'component': ''}", "" },
        { "2.3.0", "", MINE, MINE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_empty();

        sent(scene, cases[i].sent);
        known(scene, "r1", cases[i].version, "own", cases[i].had);
        upgrade(scene, "r1", "o1");
        then_brought(scene, "r1", "o1", cases[i].want);
        scene_free(scene);
    }
}

static void runtimes_that_are_alike_share_what_is_brought(void **state)
{
    struct scene *scene = scene_empty();
    char hash[SHA256_HEX_SIZE], want[256];

    (void)state;
    sent(scene, ISTIO);
    known(scene, "r1", "2.3.0", "own", ISTIO ", " MINE);
    known(scene, "r2", "2.3.0", "own", ISTIO ", " MINE);
    known(scene, "r3", "2.3.0", "plain", ISTIO);
    hash_of(NEW_BODY(ISTIO ", " MINE), hash);
    snprintf(want, sizeof want, "{'users': 2, 'kept': false, 'hash': '%s'}", hash);
    for (int i = 1; i <= 3; i++) {
        char id[8];

        snprintf(id, sizeof id, "r%d", i);
        upgrade(scene, id, "o1");
        then_brought(scene, id, "o1", i < 3 ? ISTIO ", " MINE : "");
    }
    then_row(scene, "configuration", hash, want);
    upgrade(scene, "r1", "o1");
    then_events(scene, NULL);
    scene_free(scene);
}

static void the_body_comes_once_and_again_when_it_was_forgotten(void **state)
{
    struct scene *scene = scene_empty();
    static const bool want_body[] = { true, false };

    (void)state;
    sent(scene, ISTIO);
    for (size_t i = 0; i < 2; i++) {
        char id[8], want[256], hash[SHA256_HEX_SIZE], *got;

        snprintf(id, sizeof id, "r%zu", i + 1);
        known(scene, id, "2.3.0", "own", ISTIO ", " MINE);
        upgrade(scene, id, "o1");
        hash_of(NEW_BODY(ISTIO ", " MINE), hash);
        snprintf(want, sizeof want, STARTED " %s {'configuration': '%s'%s}", id, hash,
                 want_body[i] ? ", 'kymaConfig': {'version': '2.4.2'}" : "");
        then_events(scene, want, NULL);
        snprintf(want, sizeof want, "%s\no1", id);
        got = row_text(scene, TABLE_OPERATION, want, "configuration");
        assert_string_equal(got, hash);
        free(got);
        given(scene, FAILED, id, "{'operationID': 'o1', 'type': 'upgradeKyma', 'message': 'no', 'freed': []}");
    }
    for (size_t i = 0; i < 2; i++) {
        char id[8];

        snprintf(id, sizeof id, "r%zu", i + 1);
        given(scene, STARTED, id,
              "{'operationID': 'd1', 'type': 'deprovision', 'stage': 'CleanupCluster', 'message': ''}");
        given(scene, SUCCEEDED, id, "{'operationID': 'd1', 'type': 'deprovision', 'message': '', 'freed': []}");
    }
    known(scene, "r1", "2.3.0", "own", ISTIO);
    many_records_passed(scene);
    known(scene, "r4", "2.3.0", "own", ISTIO ", " MINE);
    upgrade(scene, "r4", "o1");
    then_events(scene, STARTED " r4 {'kymaConfig': {'version': '2.4.2'}}", NULL);
    scene_free(scene);
}

static void they_outlive_upgrades_failures_and_retries(void **state)
{
    struct scene *scene = scene_empty();
    char *first, *second;

    (void)state;
    sent(scene, ISTIO);
    known(scene, "r1", "2.3.0", "own", ISTIO ", " VAULT ", " MINE);
    upgrade(scene, "r1", "o1");
    first = row_text(scene, TABLE_RUNTIME, "r1", "kyma_config");
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': false, 'message': 'boom'}");
    when(scene, UPGRADE, "r1",
         "{'runtimeID': 'r1', 'instanceID': 'i-r1', 'globalAccountID': 'ga1', 'operationID': 'o1', 'attempt': 2, "
         "'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new'}");
    then_events(scene, STARTED " r1 {'attempt': 2}", NULL);
    then_brought(scene, "r1", "o1", ISTIO ", " VAULT ", " MINE);
    second = row_text(scene, TABLE_RUNTIME, "r1", "kyma_config");
    assert_string_equal(first, second);
    all_stages_end(scene, "r1", "o1");
    upgrade(scene, "r1", "o2");
    then_brought(scene, "r1", "o2", ISTIO ", " VAULT ", " MINE);
    free(first);
    free(second);
    many_records_passed(scene);
    scene_free(scene);
}

/* Two runtimes with equal secret values have two configurations: what one lets go of, the other may still need. */
static void secret_values_stay_sealed_and_the_runtime_s_own(void **state)
{
    struct scene *scene = scene_empty();
    char *one, *other;

    (void)state;
    sent(scene, ISTIO);
    known(scene, "r1", "2.3.0", "own-1", VAULT);
    known(scene, "r2", "2.3.0", "own-2", VAULT);
    upgrade(scene, "r1", "o1");
    then_brought(scene, "r1", "o1", ISTIO ", " VAULT);
    upgrade(scene, "r2", "o1");
    then_brought(scene, "r2", "o1", ISTIO ", " VAULT);
    one = row_text(scene, TABLE_OPERATION, "r1\no1", "configuration");
    other = row_text(scene, TABLE_OPERATION, "r2\no1", "configuration");
    assert_string_not_equal(one, other);
    free(one);
    free(other);
    scene_free(scene);
}

/* A release's secret values beside a runtime's own components are the runtime's too. */
static void what_is_brought_with_secret_values_is_shared_by_none(void **state)
{
    struct scene *scene = scene_empty();
    char *one, *other;

    (void)state;
    sent(scene, VAULT);
    known(scene, "r1", "2.3.0", "own", MINE);
    known(scene, "r2", "2.3.0", "own", MINE);
    upgrade(scene, "r1", "o1");
    upgrade(scene, "r2", "o1");
    then_brought(scene, "r2", "o1", VAULT ", " MINE);
    one = row_text(scene, TABLE_OPERATION, "r1\no1", "configuration");
    other = row_text(scene, TABLE_OPERATION, "r2\no1", "configuration");
    assert_string_not_equal(one, other);
    free(one);
    free(other);
    scene_free(scene);
}

static void each_configuration_that_is_sent_counts_for_itself(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    sent(scene, ISTIO);
    given(scene, CONFIGURED, "other", "{'hash': 'other', 'kymaConfig': " NEW_BODY(ISTIO ", " EXTRA) "}");
    known(scene, "r1", "2.3.0", "own", MINE);
    known(scene, "r2", "2.3.0", "own", MINE);
    upgrade(scene, "r1", "o1");
    when(scene, UPGRADE, "r2",
         "{'runtimeID': 'r2', 'instanceID': 'i-r2', 'globalAccountID': 'ga1', 'operationID': 'o1', 'orchestrationID': "
         "'x1', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'other'}");
    then_brought(scene, "r1", "o1", ISTIO ", " MINE);
    then_brought(scene, "r2", "o1", ISTIO ", " EXTRA ", " MINE);
    scene_free(scene);
}

static void a_configuration_that_becomes_too_large_is_refused_alone(void **state)
{
    struct scene *scene = scene_empty();
    char *value = malloc(INPUT_KYMA_SIZE_MAX), *data = malloc(INPUT_KYMA_SIZE_MAX + 4096);

    (void)state;
    memset(value, 'x', INPUT_KYMA_SIZE_MAX - 100);
    value[INPUT_KYMA_SIZE_MAX - 100] = '\0';
    sent(scene, ISTIO ", " TRACING);
    snprintf(data, INPUT_KYMA_SIZE_MAX + 4096,
             "{'instanceID': 'i-r1', 'tenant': 'ga1', 'kymaVersion': '2.3.0', 'kymaConfigHash': 'own', 'kymaConfig': "
             "{'components': [{'component': 'mine', 'namespace': '%s'}]}}",
             value);
    given(scene, REGISTERED, "r1", data);
    upgrade(scene, "r1", "o1");
    then_events(scene, REFUSED " r1 {'operationID': 'o1', 'result': 'refused'}", NULL);
    assert_non_null(strstr(json_string_value(json_object_get(scene_message(scene, 0)->data, "message")),
                           "with its own 1 components the configuration of Kyma 2.4.2 has 10"));
    free(value);
    free(data);
    scene_free(scene);
}

/* --- Other releases than the project's --- */

static const struct releases *releases_of(const char *quoted)
{
    char *text = json_text_of(quoted);
    json_t *json = json_loads(text, 0, NULL);
    struct error err = { 0 };
    const struct releases *releases = releases_new(json, &err);

    if (releases == NULL)
        fail_msg("%s", err.message);
    json_decref(json);
    free(text);
    return releases;
}

static const char overridden[] =
    "{'releases': [{'version': '2.3.0', 'components': [" ISTIO ", " TRACING "], 'configuration': [], 'overrides': "
    "[{'match': {'plan': 'azure'}, 'components': [{'component': 'mine', 'namespace': 'n', 'configuration': "
    "[{'key': 'a', 'value': 'b'}]}], 'disable': ['tracing']}]}, "
    "{'version': '2.4.2', 'components': [" ISTIO "], 'configuration': []}]}";

static void what_an_override_gave_or_took_is_not_optional(void **state)
{
    struct runtime_settings settings = { .releases = releases_of(overridden) };
    struct scene *scene = scene_new(&runtime_core, &settings);

    (void)state;
    sent(scene, ISTIO);
    known(scene, "r1", "2.3.0", "own", ISTIO ", " MINE ", " TRACING ", " EXTRA);
    upgrade(scene, "r1", "o1");
    then_brought(scene, "r1", "o1", ISTIO ", " EXTRA);
    given(scene, REGISTERED, "r2",
          "{'instanceID': 'i-r2', 'tenant': 'ga1', 'plan': 'trial', 'kymaVersion': '2.3.0', 'kymaConfigHash': 'own'}");
    upgrade(scene, "r2", "o1");
    then_brought(scene, "r2", "o1", ISTIO ", " MINE ", " EXTRA);
    scene_free(scene);
    releases_free((struct releases *)(uintptr_t)settings.releases);
}

static void releases_count_as_they_are_now(void **state)
{
    const struct releases *with = releases_of("{'releases': [{'version': '2.2.0', 'components': [{'component': 'mine', "
                                              "'namespace': 'n'}], 'configuration': []}]}");
    const struct releases *without = releases_of("{'releases': [{'version': '2.2.0', 'components': [" ISTIO
                                                 "], 'configuration': []}]}");
    struct runtime_settings settings = { 0 };
    struct scene *scene = scene_new(&runtime_core, &settings);
    const struct {
        const char *id;
        const struct releases *releases;
        const char *want;
    } cases[] = {
        { "r1", with, "" }, { "r2", without, ISTIO ", " MINE }, { "r3", with, "" }, { "r4", NULL, ISTIO ", " MINE }
    };

    (void)state;
    sent(scene, ISTIO);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        known(scene, cases[i].id, "1.0.0", "own", MINE);
        settings.releases = cases[i].releases;
        upgrade(scene, cases[i].id, "o1");
        then_brought(scene, cases[i].id, "o1", cases[i].want);
    }
    scene_free(scene);
    releases_free((struct releases *)(uintptr_t)with);
    releases_free((struct releases *)(uintptr_t)without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_release_does_not_name_goes_on_after_what_is_sent),
        cmocka_unit_test(what_a_release_or_the_new_configuration_names_does_not),
        cmocka_unit_test(runtimes_that_are_alike_share_what_is_brought),
        cmocka_unit_test(the_body_comes_once_and_again_when_it_was_forgotten),
        cmocka_unit_test(they_outlive_upgrades_failures_and_retries),
        cmocka_unit_test(secret_values_stay_sealed_and_the_runtime_s_own),
        cmocka_unit_test(what_is_brought_with_secret_values_is_shared_by_none),
        cmocka_unit_test(each_configuration_that_is_sent_counts_for_itself),
        cmocka_unit_test(a_configuration_that_becomes_too_large_is_refused_alone),
        cmocka_unit_test(what_an_override_gave_or_took_is_not_optional),
        cmocka_unit_test(releases_count_as_they_are_now),
    };

    return cmocka_run_group_tests_name("runtime: optional components", tests, runtime_scene_setup,
                                       runtime_scene_teardown);
}
