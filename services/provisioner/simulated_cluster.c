#include "services/provisioner/simulated_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/base/text.h"
#include "common/secret/secret.h"

/* Empty texts are not known either. */
static const char *text_in(const json_t *object, const char *name, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL || *text == '\0' ? fallback : text;
}

/* --- What it says of itself --- */

/* Nobody else can log in with it, for there is nothing to log in to; but it looks like a token, and is a secret. */
static void token_of(const char *runtime_id, char out[SHA256_HEX_SIZE])
{
    struct text name = { 0 };

    text_add(&name, "simulated token\n");
    text_add(&name, runtime_id);
    sha256_hex(name.bytes, name.size, out);
    text_release(&name);
}

/* Names come from clients: as JSON strings, which YAML has too. */
static json_t *kubeconfig(const char *runtime_id, const char *shoot_name)
{
    char token[SHA256_HEX_SIZE];

    token_of(runtime_id, token);
    return json_sprintf("apiVersion: v1\n"
                        "kind: Config\n"
                        "current-context: \"%s\"\n"
                        "clusters:\n"
                        "- name: \"%s\"\n"
                        "  cluster:\n"
                        "    server: \"https://api.%s.simulated.invalid\"\n"
                        "contexts:\n"
                        "- name: \"%s\"\n"
                        "  context: {cluster: \"%s\", user: \"%s-token\"}\n"
                        "users:\n"
                        "- name: \"%s-token\"\n"
                        "  user:\n"
                        "    token: \"%s\"\n",
                        shoot_name, shoot_name, shoot_name, shoot_name, shoot_name, shoot_name, shoot_name, token);
}

static json_t *sealed_kubeconfig(struct secrets *secrets, const char *runtime_id, const json_t *detail)
{
    json_t *clear = kubeconfig(runtime_id, text_in(detail, "shootName", runtime_id));
    char *sealed = secret_seal(secrets, text_in(detail, "tenant", ""), json_string_value(clear),
                               json_string_length(clear));
    json_t *text = json_string(sealed);

    free(sealed);
    json_decref(clear);
    return text;
}

static json_t *seed_of(const json_t *cluster_config)
{
    const char *asked = text_in(cluster_config, "seed", NULL);

    return asked != NULL ? json_string(asked)
                         : json_sprintf("%s-%s", text_in(cluster_config, "provider", "simulated"),
                                        text_in(cluster_config, "region", "seed"));
}

static json_t *gives_created(struct secrets *secrets, const char *runtime_id, const json_t *detail)
{
    const json_t *cluster_config = json_object_get(detail, "clusterConfig");
    const char *version = text_in(cluster_config, "kubernetesVersion", NULL);
    json_t *gives = json_pack("{s:o,s:b}", "seed", seed_of(cluster_config), "hibernationPossible", 1);

    if (version != NULL)
        json_object_set_new(gives, "kubernetesVersion", json_string(version));
    if (secrets != NULL)
        json_object_set_new(gives, "kubeconfig", sealed_kubeconfig(secrets, runtime_id, detail));
    return gives;
}

json_t *simulated_gives(struct secrets *secrets, const char *runtime_id, const char *stage, const json_t *detail)
{
    if (strcmp(stage, "WaitingForClusterCreation") == 0)
        return gives_created(secrets, runtime_id, detail);
    if (strcmp(stage, "WaitForHibernation") == 0)
        return json_pack("{s:b}", "hibernated", 1);
    return NULL;
}

/* --- What it is told --- */

void simulated_installation(struct secrets *secrets, const json_t *detail, json_t *line)
{
    const json_t *config = json_object_get(detail, "kymaConfig");
    struct secret_count count = { 0 };
    struct error err = { 0 };

    if (secrets != NULL)
        count = secret_count(secrets, text_in(detail, "tenant", ""), config, &err);
    json_object_set_new(line, "version", json_string(text_in(detail, "version", "")));
    json_object_set_new(line, "configuration", json_string(text_in(detail, "configuration", "")));
    json_object_set_new(line, "secrets", json_integer((json_int_t)count.opened));
    if (count.opened < count.sealed)
        json_object_set_new(line, "failure",
                            json_sprintf("%zu of %zu secret values cannot be opened; the first: %s",
                                         count.sealed - count.opened, count.sealed, err.message));
}

json_t *simulated_steps(const json_t *detail, size_t count)
{
    const json_t *components = json_object_get(json_object_get(detail, "kymaConfig"), "components");
    json_t *steps = json_array();

    for (size_t i = 0; i < count; i++) {
        const json_t *component = json_array_get(components, json_array_size(components) * (i + 1) / (count + 1));

        json_array_append_new(steps, json_string(text_in(component, "component", "kyma")));
    }
    return steps;
}
