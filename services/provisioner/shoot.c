/* shoot.c - the cluster itself is changed, by an orchestration or a client; or a client sends it to sleep. */
#include "services/provisioner/decide.h"
#include "services/provisioner/input.h"

/* --- Changing --- */

/* Names `body` as what the cluster is to have. */
static void name_cluster(const struct runtimes *runtimes, const struct runtime *runtime, json_t *data,
                         const json_t *body)
{
    char hash[SHA256_HEX_SIZE];

    configuration_name(body, runtime->id, hash);
    runtime_name_configuration(runtimes, data, "clusterConfigHash", "clusterConfig", hash, body);
}

/* --- An orchestration's --- */

/* The cluster's configuration as it is to be; own. NULL: `why`. What is not asked for stays as it is: that must be known,
 * or the cluster would get something that nobody has asked for. */
static json_t *reshaped(const struct runtimes *runtimes, const struct runtime *runtime, const json_t *gardener,
                        struct error *why)
{
    json_t *was = configuration_body(&runtimes->configurations, runtime->cluster_config);
    json_t *body = json_is_object(was) ? input_upgrade_cluster(was, gardener, why) : NULL;

    if (!json_is_object(was)) {
        error_set(why, ERROR_NOT_FOUND, "the cluster configuration of runtime %s is not known", runtime->id);
    } else if (body != NULL && !input_cluster_is_whole(body, why)) {
        error_context(why, "the cluster configuration of runtime %s is incomplete", runtime->id);
        json_decref(body);
        body = NULL;
    }
    json_decref(was);
    return body;
}

static json_t *admit_ordered(const struct runtimes *runtimes, const struct runtime *runtime,
                             const struct request *request, struct error *why)
{
    const json_t *gardener = json_object_get(request->data, "gardenerConfig");
    json_t *body, *brought;

    if (!input_upgrade_cluster_check(gardener, why) || !runtime_is_awake(runtime, why) ||
        (body = reshaped(runtimes, runtime, gardener, why)) == NULL)
        return NULL;
    brought = json_object();
    name_cluster(runtimes, runtime, brought, body);
    json_decref(body);
    return brought;
}

/* --- A client's --- */

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

    name_cluster(runtimes, runtime, data, body);
    if (json_is_array(administrators))
        json_object_set(data, "administrators", administrators);
    decision_event(out, EVENT_STARTED, runtime->id, data);
    client_accept(request, out, start);
}

void runtime_decide_upgrade_shoot(const struct runtimes *runtimes, const struct request *request, int64_t now_ms,
                                  struct decision *out)
{
    const struct ordered ordered = { .type = OPERATION_UPGRADE_SHOOT,
                                     .tenant = text_of(request->data, "tenant"),
                                     .admit = admit_ordered };

    if (json_object_get(request->data, "orchestrationID") != NULL)
        ordered_decide(runtimes, request, ordered, now_ms, out);
    else
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
