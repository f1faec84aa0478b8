#include "tests/unit/releases_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"

const char releases_folder[] =
    "{'releases': [{'version': '2.3.0', 'components': [{'component': 'istio', 'namespace': 'istio'}], "
    "'configuration': [], 'overrides': ["
    "{'match': {'subAccount': 'sa-odd'}, 'configuration': [{'key': 'k', 'value': 'odd'}]}, "
    "{'match': {'plan': 'trial'}, 'configuration': [{'key': 'k', 'value': 'trial'}]}]}, "
    "{'version': '2.4.2', 'components': [{'component': 'istio', 'namespace': 'istio'}], 'configuration': []}, "
    "{'version': '3.0.0', 'components': [{'component': 'istio', 'namespace': 'istio'}], 'configuration': []}, "
    "{'version': 'PR-7', 'components': [{'component': 'istio', 'namespace': 'istio'}], 'configuration': []}], "
    "'versions': {'default': '2.3.0', 'accounts': {'GA_new': '2.4.2', 'SA_back': '2.3.0', 'GA_lost': '2.9.9', "
    "'GA_far': '3.0.0', 'GA_odd': 'foo', 'GA_pull': 'PR-7'}}}";

/* The text with " for '. The caller owns it. */
static char *quoted(const char *json)
{
    char *copy = strdup(json);

    for (char *c = copy; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

json_t *json_of(const char *text)
{
    char *copy = quoted(text);
    json_t *json = json_loads(copy, 0, NULL);

    assert_non_null(json);
    free(copy);
    return json;
}

const char *hash_of(const char *json_text)
{
    json_t *json = json_of(json_text);
    char hash[SHA256_HEX_SIZE];

    configuration_hash(json, hash);
    json_decref(json);
    return text("%s", hash);
}

void adopt(struct scene *scene, const char *folder)
{
    when(scene, RELEASES, "", text("{'hash': '%s', 'releases': %s}", hash_of(folder), folder));
}

const char *configured_by(const char *folder, const char *version, struct release_runtime runtime)
{
    json_t *json = json_of(folder);
    struct releases *releases = releases_new(json, NULL);
    char hash[SHA256_HEX_SIZE];
    json_t *body = releases_configured(releases, version, runtime, hash, NULL);

    assert_non_null(body);
    json_decref(body);
    releases_free(releases);
    json_decref(json);
    return text("%s", hash);
}

const char *configured(const char *version, struct release_runtime runtime)
{
    return configured_by(releases_folder, version, runtime);
}

const char *target_of(const char *runtime, const char *account, const char *sub_account, const char *plan)
{
    return text("{'include': 0, 'instanceID': 'instance-%s', 'runtimeID': '%s', 'globalAccountID': '%s', "
                "'subAccountID': '%s', 'planName': '%s', 'region': 'westeurope', 'shootName': 'c-%s', "
                "'windowBegin': '220000+0000', 'windowEnd': '040000+0000'}",
                runtime, runtime, account, sub_account, plan, runtime);
}

const char unnamed[] = "{'kyma': {}, 'targets': {'include': [{'target': 'all'}]}, 'strategy': {'type': "
                       "'parallel', 'schedule': 'immediate', 'parallel': {'workers': 9}}}";

struct scene *resolved(const char *parameters, const char *list)
{
    struct scene *scene = scene_open();

    adopt(scene, releases_folder);
    request_upgrade(scene, "o1", parameters);
    wake(scene);
    targets(scene, 0, list, true);
    targets(scene, 1, "", true);
    return scene;
}
