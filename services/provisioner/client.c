/* client.c - what the mutations of clients share: whose runtime it is, whether an operation may start, answers. */
#include <string.h>

#include "common/json/lenient.h"
#include "common/release/release.h"
#include "services/provisioner/decide.h"

enum { STATUS_OK = 200, STATUS_BAD_REQUEST = 400, STATUS_INTERNAL = 500, TENANT_SIZE_MAX = 256 };

static const char *reason_code(enum error_code code)
{
    switch (code) {
    case ERROR_NOT_FOUND: return "err_provisioner_not_found";
    case ERROR_CONFLICT: return "err_provisioner_conflict";
    case ERROR_INTERNAL: return "err_provisioner_internal";
    case ERROR_NONE:
    case ERROR_INPUT:
    case ERROR_DENIED:
    case ERROR_UNAVAILABLE: break; /* cores only refuse what they are given */
    }
    return "err_provisioner_bad_request";
}

void client_refuse(const struct request *request, struct decision *out, const struct error *why)
{
    const int status = why->code == ERROR_INTERNAL ? STATUS_INTERNAL : STATUS_BAD_REQUEST;
    struct request unanswered = *request;

    unanswered.asked = NULL; /* the API's answer has more than that */
    runtime_reject(&unanswered, status, out, why->message);
    if (request->asked != NULL)
        decision_outcome(out, status,
                         json_pack("{s:o,s:s,s:s}", "error", json_text(why->message), "reason", reason_code(why->code),
                                   "component", "provisioner"));
}

void client_accept(const struct request *request, struct decision *out, struct start start)
{
    if (request->asked != NULL)
        decision_outcome(out, STATUS_OK,
                         json_pack("{s:s,s:s,s:s,s:o,s:s,s:n}", "id", text_of(request->data, "operationID"),
                                   "operation", operation_rule(start.type)->graphql_name, "state", "InProgress",
                                   "message", json_text(start.message), "runtimeID", request->subject, "lastError"));
}

bool client_has_tenant(const struct request *request, struct error *why)
{
    const char *tenant = text_of(request->data, "tenant");

    if (*tenant == '\0')
        return error_set(why, ERROR_INPUT, "tenant header is empty");
    return strlen(tenant) <= TENANT_SIZE_MAX ||
           error_set(why, ERROR_INPUT, "tenant header must have at most %d bytes", TENANT_SIZE_MAX);
}

const struct runtime *client_runtime(const struct runtimes *runtimes, const struct request *request, struct error *why)
{
    const struct runtime *runtime = runtimes_find(runtimes, request->subject);

    if (!client_has_tenant(request, why))
        return NULL;
    if (request->type != REQUEST_ROLL_BACK && !runtime_id_fits(text_of(request->data, "operationID"))) {
        error_set(why, ERROR_INPUT, "operationID: must have 1 to %d printable characters", RUNTIME_ID_LENGTH_MAX);
        return NULL;
    }
    if (runtime != NULL && strcmp(runtime->tenant, text_of(request->data, "tenant")) == 0)
        return runtime;
    error_set(why, ERROR_NOT_FOUND, "runtime %s not found", request->subject);
    return NULL;
}

bool client_repeats(const struct runtime *runtime, const struct request *request, struct decision *out)
{
    if (!runtime_knows_operation(runtime, text_of(request->data, "operationID"), 1))
        return false;
    client_accept(request, out, runtime_start(runtime->operation->type));
    return true;
}

bool client_is_free(const struct runtime *runtime, struct error *why)
{
    return !runtime_busy(runtime) ||
           error_set(why, ERROR_CONFLICT, "cannot start new operation for %s Runtime while previous one is in progress",
                     runtime->id);
}

bool client_may_start(const struct runtime *runtime, struct error *why)
{
    if (!client_is_free(runtime, why))
        return false;
    return runtime->deprovisioned_ms == 0 ||
           error_set(why, ERROR_CONFLICT, "runtime %s was deprovisioned", runtime->id);
}

void client_decide(const struct runtimes *runtimes, const struct request *request, struct decision *out,
                   client_admit *admit, client_start *start)
{
    struct error why;
    const struct runtime *runtime = client_runtime(runtimes, request, &why);
    json_t *body = NULL;

    if (runtime == NULL)
        client_refuse(request, out, &why);
    else if (client_repeats(runtime, request, out))
        return;
    else if ((body = admit(runtimes, runtime, request, &why)) == NULL)
        client_refuse(request, out, &why);
    else
        start(runtimes, runtime, request, body, out);
    json_decref(body);
}

bool client_release(const struct runtimes *runtimes, const char *version, struct error *why)
{
    const struct releases *releases = runtimes->settings->releases;

    if (releases != NULL && releases_configuration(releases, version) != NULL)
        return true;
    return error_set(why, ERROR_INPUT,
                     "failed to get Kyma Release with version %.64s: there is no such release; there are: %s", version,
                     releases == NULL ? "none" : releases_list(releases));
}
