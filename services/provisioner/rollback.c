/* rollback.c - a client takes an upgrade back: in what is recorded, never on the cluster. */
#include <string.h>

#include "services/provisioner/decide.h"

/* The upgrade that `runtime` ran last and that has ended, or NULL: `why`. */
static const struct operation *last_upgrade(const struct runtime *runtime, struct error *why)
{
    const struct operation *operation = runtime->operation;

    if (operation != NULL && operation->type == OPERATION_UPGRADE_KYMA && operation->state != OPERATION_IN_PROGRESS &&
        operation->pre != NULL)
        return operation;
    error_set(why, ERROR_CONFLICT,
              "error: upgrade can be rolled back only if it is the last operation that is already finished");
    return NULL;
}

static void roll_back(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                      struct decision *out)
{
    json_t *body = configuration_body(&runtimes->configurations, runtime->operation->pre);
    json_t *actor = json_object_get(request->data, "actor");
    json_t *data = json_pack("{s:s,s:s,s:s}", "operationID", runtime->operation->id, "kymaConfigHash",
                             runtime->operation->pre->hash, "kymaVersion", text_of(body, "version"));

    if (json_is_object(actor))
        json_object_set(data, "actor", actor);
    decision_event(out, EVENT_ROLLED_BACK, runtime->id, data);
    json_decref(body);
}

void runtime_decide_roll_back(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    struct error why;
    const struct runtime *runtime = client_runtime(runtimes, request, &why);
    const struct operation *upgrade = runtime == NULL ? NULL : last_upgrade(runtime, &why);

    if (upgrade == NULL) {
        client_refuse(request, out, &why);
        return;
    }
    if (!upgrade->rolled_back)
        roll_back(runtimes, runtime, request, out);
    if (request->asked != NULL)
        decision_outcome(out, 200, json_object());
}
