/* provision.c - a client's new runtime. Whether its shoot's name is free the driver finds out: the other runtimes of a
 * project are in other partitions. */
#include <string.h>

#include "common/release/release.h"
#include "services/provisioner/decide.h"
#include "services/provisioner/input.h"

enum { TEXT_SIZE_MAX = 256 }; /* of what is kept in memory for each runtime, or for good */

struct provision {
    const json_t *runtime, *gardener, *administrators; /* of the input */
    json_t *kyma, *cluster;                            /* own; `kyma` NULL: a cluster without Kyma */
    char kyma_hash[SHA256_HEX_SIZE], cluster_hash[SHA256_HEX_SIZE];
};

static bool is_given(const json_t *value)
{
    return value != NULL && !json_is_null(value);
}

/* Says of `why` what it is about. */
static bool invalid(struct error *why, const char *what)
{
    struct error inner = *why;

    return error_set(why, ERROR_INPUT, "%s validation error while starting Runtime provisioning, error: %s", what,
                     inner.message);
}

static bool check_sizes(const struct provision *provision, struct error *why)
{
    const struct {
        const char *name;
        const json_t *of;
    } texts[] = { { "name", provision->runtime }, { "name", provision->gardener }, { "region", provision->gardener } };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strlen(text_of(texts[i].of, texts[i].name)) > TEXT_SIZE_MAX)
            return error_set(why, ERROR_INPUT, "%s: must have at most %d bytes", texts[i].name, TEXT_SIZE_MAX);
    return true;
}

static bool read_input(const json_t *input, struct provision *provision, struct error *why)
{
    const json_t *cluster = json_object_get(input, "clusterConfig"), *kyma = json_object_get(input, "kymaConfig");

    provision->runtime = json_object_get(input, "runtimeInput");
    provision->gardener = json_object_get(cluster, "gardenerConfig");
    provision->administrators = json_object_get(cluster, "administrators");
    if (!input_runtime_check(provision->runtime, why))
        return false;
    if (is_given(kyma) && (provision->kyma = input_kyma(kyma, why)) == NULL)
        return invalid(why, "Kyma config");
    if (!input_cluster_check(provision->gardener, why) || !input_administrators_check(provision->administrators, why) ||
        !check_sizes(provision, why))
        return invalid(why, "Cluster config");
    return true;
}

static bool complete(const struct runtimes *runtimes, const char *runtime_id, struct provision *provision,
                     struct error *why)
{
    const struct runtime_settings *settings = runtimes->settings;
    const char *version = text_of(provision->kyma, "version");
    struct input_defaults defaults = { .privileged_containers_forced = settings->privileged_containers,
                                       .kubernetes_auto_update = settings->kubernetes_auto_update,
                                       .machine_image_auto_update = settings->machine_image_auto_update };

    if (provision->kyma != NULL && !client_release(runtimes, version, why))
        return false;
    if (provision->kyma != NULL)
        defaults.privileged_containers = releases_ship_tiller(settings->releases, version);
    provision->cluster = input_cluster(provision->gardener, defaults, why);
    if (provision->cluster == NULL)
        return false;
    configuration_name(provision->cluster, runtime_id, provision->cluster_hash);
    if (provision->kyma != NULL)
        configuration_name(provision->kyma, runtime_id, provision->kyma_hash);
    return true;
}

static void set_given(json_t *data, const char *name, const json_t *value)
{
    if (is_given(value))
        json_object_set(data, name, (json_t *)(uintptr_t)value);
}

static json_t *registered(const struct runtimes *runtimes, const struct request *request,
                          const struct provision *provision)
{
    json_t *data = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "tenant", text_of(request->data, "tenant"), "subAccount",
                             text_of(request->data, "subAccount"), "region", text_of(provision->gardener, "region"),
                             "shootName", text_of(provision->gardener, "name"), "name",
                             text_of(provision->runtime, "name"), "kymaVersion", text_of(provision->kyma, "version"));

    set_given(data, "description", json_object_get(provision->runtime, "description"));
    set_given(data, "labels", json_object_get(provision->runtime, "labels"));
    set_given(data, "administrators", provision->administrators);
    set_given(data, "seed", json_object_get(provision->gardener, "seed"));
    if (provision->kyma != NULL)
        runtime_name_configuration(runtimes, data, "kymaConfigHash", "kymaConfig", provision->kyma_hash,
                                   provision->kyma);
    runtime_name_configuration(runtimes, data, "clusterConfigHash", "clusterConfig", provision->cluster_hash,
                               provision->cluster);
    return data;
}

static void begin(const struct runtimes *runtimes, const struct request *request, const struct provision *provision,
                  struct decision *out)
{
    struct start how = runtime_start(provision->kyma != NULL ? OPERATION_PROVISION : OPERATION_PROVISION_NO_INSTALL);
    json_t *data = runtime_started(runtimes, NULL, request, how);

    if (provision->kyma != NULL) {
        json_object_set_new(data, "version", json_string(text_of(provision->kyma, "version")));
        json_object_set_new(data, "configuration", json_string(provision->kyma_hash));
    }
    decision_event(out, EVENT_REGISTERED, request->subject, registered(runtimes, request, provision));
    decision_event(out, EVENT_STARTED, request->subject, data);
    client_accept(request, out, how);
}

static bool read_request(const struct request *request, struct provision *provision, struct error *why)
{
    if (!runtime_id_fits(request->subject) || !runtime_id_fits(text_of(request->data, "operationID")))
        return error_set(why, ERROR_INPUT, "runtimeID and operationID: must have 1 to %d printable characters",
                         RUNTIME_ID_LENGTH_MAX);
    return read_input(json_object_get(request->data, "input"), provision, why) && client_has_tenant(request, why);
}

static bool is_new(const struct runtime *known, struct error *why)
{
    return known == NULL || error_set(why, ERROR_CONFLICT, "runtime %s exists already", known->id);
}

void runtime_decide_provision(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    const struct runtime *known = runtimes_find(runtimes, request->subject);
    struct provision provision = { 0 };
    struct error why;

    if (!read_request(request, &provision, &why))
        client_refuse(request, out, &why);
    else if (known != NULL && strcmp(known->tenant, text_of(request->data, "tenant")) == 0 &&
             client_repeats(known, request, out))
        ; /* answered */
    else if (!is_new(known, &why) || !complete(runtimes, request->subject, &provision, &why))
        client_refuse(request, out, &why);
    else
        begin(runtimes, request, &provision, out);
    json_decref(provision.kyma);
    json_decref(provision.cluster);
}
