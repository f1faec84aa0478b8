/* The folder of releases that a process of the orchestrator read: adopted if it is valid and another one than before. */
#include <string.h>

#include "common/base/id.h"
#include "common/release/release.h"
#include "services/orchestrator/decide.h"

static const char subject[] = "releases";

static void refuse(const struct adoption *adoption, const char *hash, const char *reason, struct decision *out)
{
    if (adoption->refused != NULL && strcmp(adoption->refused, hash) == 0 && strcmp(adoption->reason, reason) == 0)
        return; /* said already */
    decision_event(out, EVENT_RELEASES_REFUSED, subject, json_pack("{s:s, s:s}", "hash", hash, "reason", reason));
}

/* Whoever read the folder found it valid; but which version is sent where nobody names one, every process says itself. */
static bool check(const struct state *state, const json_t *json, struct error *err)
{
    struct releases *releases = releases_new(json, err);
    bool good = releases != NULL && releases_have_default(releases, state->settings->kyma_version, err);

    releases_free(releases);
    return good;
}

void orchestration_decide_releases(const struct state *state, const struct request *request, struct decision *out)
{
    const struct adoption *adoption = &state->adoption;
    const char *hash = data_text(request->data, "hash"), *error = data_text(request->data, "error");
    json_t *json = json_object_get(request->data, "releases");
    char is[SHA256_HEX_SIZE] = "";
    struct error why;

    if (json != NULL)
        configuration_hash(json, is);
    if (error[0] != '\0' && hash[0] != '\0') {
        refuse(adoption, hash, error, out);
    } else if (strcmp(is, hash) != 0 || is[0] == '\0') {
        decision_event(out, EVENT_REJECTED, subject,
                       json_pack("{s:s, s:o, s:s, s:i}", "request", orchestration_core.request_types[request->type],
                                 "actor", orchestration_actor(request), "reason",
                                 "releases with their hash, or an error, are required", "status", 400));
    } else if (adoption->hash != NULL && strcmp(adoption->hash, hash) == 0 && adoption->refused == NULL &&
               state_releases_usable(state, NULL)) {
        return; /* in force */
    } else if (check(state, json, &why)) {
        decision_event(out, EVENT_RELEASES_ADOPTED, subject, json_pack("{s:s, s:O}", "hash", hash, "releases", json));
    } else {
        refuse(adoption, hash, why.message, out);
    }
}
