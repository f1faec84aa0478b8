/* shoot.c - a client changes the cluster itself, or sends it to sleep. */
#include <string.h>

#include "services/provisioner/decide.h"
#include "services/provisioner/input.h"

/* --- Changing --- */

static bool check_input(const struct request *request, struct error *why)
{
    return input_upgrade_cluster_check(json_object_get(request->data, "gardenerConfig"), why) &&
           input_administrators_check(json_object_get(request->data, "administrators"), why);
}

/* The cluster's configuration as it is to be; own. NULL: `why`. */
static json_t *admit(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                     struct error *why)
{
    json_t *was, *body;

    if (!check_input(request, why) || !client_may_start(runtime, why))
        return NULL;
    was = configuration_body(&runtimes->configurations, runtime->cluster_config);
    body = input_upgrade_cluster(was, json_object_get(request->data, "gardenerConfig"), why);
    json_decref(was);
    if (body == NULL)
        error_context(why, "failed to convert GardenerUpgradeInput");
    return body;
}

static void start_change(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                         const json_t *body, struct decision *out)
{
    json_t *administrators = json_object_get(request->data, "administrators");
    struct start start = runtime_start(OPERATION_UPGRADE_SHOOT);
    json_t *data = runtime_started(runtimes, runtime, request, start);
    char hash[SHA256_HEX_SIZE];

    configuration_name(body, runtime->id, hash);
    runtime_name_configuration(runtimes, data, "clusterConfigHash", "clusterConfig", hash, body);
    if (json_is_array(administrators))
        json_object_set(data, "administrators", administrators);
    decision_event(out, EVENT_STARTED, runtime->id, data);
    client_accept(request, out, start);
}

void runtime_decide_upgrade_shoot(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    client_decide(runtimes, request, out, admit, start_change);
}

/* --- Sleeping. Nothing wakes a cluster here: the API has no way back. --- */

static bool may_hibernate(const struct runtime *runtime, struct error *why)
{
    if (!client_may_start(runtime, why))
        return false;
    return runtime->hibernation_possible != TOLD_NO ||
           error_set(why, ERROR_CONFLICT,
                     "Failed to hibernate Cluster: cannot hibernate cluster: the cluster manager says that hibernation "
                     "is not possible");
}

void runtime_decide_hibernate(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    struct error why;
    const struct runtime *runtime = client_runtime(runtimes, request, &why);
    struct start start = runtime_start(OPERATION_HIBERNATE);

    if (runtime == NULL) {
        client_refuse(request, out, &why);
    } else if (client_repeats(runtime, request, out)) {
        return;
    } else if (!may_hibernate(runtime, &why)) {
        client_refuse(request, out, &why);
    } else {
        decision_event(out, EVENT_STARTED, runtime->id, runtime_started(runtimes, runtime, request, start));
        client_accept(request, out, start);
    }
}
