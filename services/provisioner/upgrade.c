/* upgrade.c - upgrades of Kyma: an orchestration's, which wait for a busy runtime, and a client's, which do not. */
#include "services/provisioner/decide.h"
#include "services/provisioner/input.h"
#include "services/provisioner/optional.h"

/* What an upgrade needs is there: a cluster that is awake, with Kyma. False: `why`; that there is no Kyma is the API's
 * only refusal of a server's kind (500). */
static bool is_upgradable(const struct runtime *runtime, struct error *why)
{
    if (runtime->kyma_config == NULL)
        return error_set(why, ERROR_INTERNAL,
                         "failed to upgrade cluster: %s Kyma configuration of the cluster is managed by Reconciler",
                         runtime->id);
    return runtime_is_awake(runtime, why);
}

/* --- An orchestration's --- */

static json_t *admit_ordered(const struct runtimes *runtimes, const struct runtime *runtime,
                             const struct request *request, struct error *why)
{
    const char *hash = text_of(request->data, "configuration"), *version = text_of(request->data, "version");
    const struct configuration *wanted = configurations_find(&runtimes->configurations, hash);
    json_t *brought;

    /* A dry run sends none ahead, for it leaves nothing behind. */
    if (wanted == NULL && !rehearsal_is_asked(request)) {
        error_set(why, ERROR_NOT_FOUND, "configuration %s of Kyma %s is not known", hash, version);
        return NULL;
    }
    if (!is_upgradable(runtime, why))
        return NULL;
    brought = json_pack("{s:s}", "version", version);
    if (wanted == NULL || optional_name(runtimes, runtime, wanted, brought, why))
        return brought;
    json_decref(brought);
    return NULL;
}

void runtime_decide_upgrade(const struct runtimes *runtimes, const struct request *request, int64_t now_ms,
                            struct decision *out)
{
    ordered_decide(runtimes, request,
                   (struct ordered){ .type = OPERATION_UPGRADE_KYMA,
                                     .tenant = text_of(request->data, "globalAccountID"),
                                     .admit = admit_ordered },
                   now_ms, out);
}

/* --- A client's --- */

/* The new configuration's body; own. NULL: `why`. The checks stand in the order of the API. */
static json_t *admit(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                     struct error *why)
{
    json_t *body = input_kyma(json_object_get(request->data, "kymaConfig"), why);
    struct error inner;

    if (body == NULL) {
        inner = *why;
        error_set(why, ERROR_INPUT,
                  "validation error while starting Runtime upgrade, error: Kyma config validation error, error: %s",
                  inner.message);
        return NULL;
    }
    if (client_may_start(runtime, why)) {
        if (!client_release(runtimes, text_of(body, "version"), &inner))
            error_set(why, ERROR_INPUT, "failed to convert KymaConfigInput, %s", inner.message);
        else if (is_upgradable(runtime, why))
            return body;
    }
    json_decref(body);
    return NULL;
}

static void start_asked(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                        const json_t *body, struct decision *out)
{
    struct start start = runtime_start(OPERATION_UPGRADE_KYMA);
    json_t *data = runtime_started(runtimes, runtime, request, start);
    char hash[SHA256_HEX_SIZE];

    configuration_name(body, runtime->id, hash);
    json_object_set_new(data, "version", json_string(text_of(body, "version")));
    runtime_name_configuration(runtimes, data, "configuration", "kymaConfig", hash, body);
    decision_event(out, EVENT_STARTED, runtime->id, data);
    client_accept(request, out, start);
}

void runtime_decide_upgrade_kyma(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    client_decide(runtimes, request, out, admit, start_asked);
}
