/* registration.c - what makes runtimes and configurations known: imports, and what the orchestrator will send. */
#include <stdio.h>
#include <string.h>

#include "common/base/error.h"
#include "common/release/release.h"
#include "common/secret/secret.h"
#include "services/provisioner/cluster_default.h"
#include "services/provisioner/decide.h"

enum { TEXT_LENGTH_MAX = 256 };

/* One line of an import, complete. */
struct line {
    const char *instance_id, *tenant, *sub_account, *plan, *region, *shoot_name, *kyma_version;
    const char *kubeconfig; /* sealed; "": none is given */
    json_t *kyma, *cluster; /* own */
    char kyma_hash[SHA256_HEX_SIZE], cluster_hash[SHA256_HEX_SIZE];
};

static void line_release(struct line *line)
{
    json_decref(line->kyma);
    json_decref(line->cluster);
}

/* --- Reading a line --- */

static bool take_text(const json_t *line, const char *name, bool needed, const char **text, struct error *err)
{
    const json_t *value = json_object_get(line, name);

    *text = text_of(line, name);
    if (value != NULL && !json_is_string(value) && !json_is_null(value))
        return error_set(err, ERROR_INPUT, "%s: must be a text", name);
    if (needed && **text == '\0')
        return error_set(err, ERROR_INPUT, "%s: must be given", name);
    if (strlen(*text) > TEXT_LENGTH_MAX)
        return error_set(err, ERROR_INPUT, "%s: must have at most %d bytes", name, TEXT_LENGTH_MAX);
    return true;
}

static bool take_object(const json_t *line, const char *name, json_t **object, struct error *err)
{
    json_t *value = json_object_get(line, name);

    if (value == NULL || json_is_null(value))
        return true;
    if (!json_is_object(value))
        return error_set(err, ERROR_INPUT, "%s: must be an object", name);
    if (!configuration_can_be_kept(value, err)) {
        error_context(err, "%s", name);
        return false;
    }
    *object = json_incref(value);
    return true;
}

static bool take_kubeconfig(const json_t *line, const char **text, struct error *err)
{
    const json_t *value = json_object_get(line, "kubeconfig");

    *text = text_of(line, "kubeconfig");
    if (value == NULL || json_is_null(value))
        return true;
    if (!secret_is_sealed(*text))
        return error_set(err, ERROR_INPUT, "kubeconfig: must be sealed");
    if (json_string_length(value) > RUNTIME_KUBECONFIG_SIZE_MAX)
        return error_set(err, ERROR_INPUT, "kubeconfig: must have at most %d bytes", RUNTIME_KUBECONFIG_SIZE_MAX);
    return true;
}

/* The configuration of a version that is all that is known of it. */
static json_t *kyma_version_only(const char *version)
{
    return json_pack("{s:s,s:n,s:n,s:n,s:n}", "version", version, "profile", "components", "configuration",
                     "conflictStrategy");
}

/* The configuration says which version it is of: a rollback learns it from there. */
static void name_version(struct line *line)
{
    json_t *named = json_copy(line->kyma);

    json_object_set_new(named, "version", json_string(line->kyma_version));
    json_decref(line->kyma);
    line->kyma = named;
}

static void complete_kyma(struct line *line, const char *runtime_id, const struct releases *releases)
{
    const char *hash = NULL;

    if (line->kyma == NULL && releases != NULL)
        hash = releases_hash(releases, line->kyma_version);
    if (hash != NULL) {
        line->kyma = json_incref((json_t *)releases_configuration(releases, line->kyma_version));
        memcpy(line->kyma_hash, hash, sizeof line->kyma_hash);
        return;
    }
    if (line->kyma == NULL)
        line->kyma = kyma_version_only(line->kyma_version);
    else if (*text_of(line->kyma, "version") == '\0')
        name_version(line);
    configuration_name(line->kyma, runtime_id, line->kyma_hash);
}

/* The cluster's name is the runtime's: without it in the configuration, runtimes that are alike share one. */
static void complete_cluster(struct line *line, const char *runtime_id)
{
    if (line->cluster == NULL) {
        line->cluster = cluster_default(line->plan, line->region);
    } else if (*line->shoot_name != '\0' && strcmp(text_of(line->cluster, "name"), line->shoot_name) == 0) {
        json_t *shared = json_copy(line->cluster);

        json_object_set_new(shared, "name", json_string(""));
        json_decref(line->cluster);
        line->cluster = shared;
    }
    configuration_name(line->cluster, runtime_id, line->cluster_hash);
}

static bool line_read(const struct runtimes *runtimes, const struct request *request, struct line *line,
                      struct error *err)
{
    const json_t *from = json_object_get(request->data, "line");

    if (!json_is_object(from)) {
        error_set(err, ERROR_INPUT, "line: must be an object");
        return false;
    }
    if (strcmp(text_of(from, "runtimeID"), request->subject) != 0 || !runtime_id_fits(request->subject)) {
        error_set(err, ERROR_INPUT, "runtimeID: must have 1 to %d printable characters", RUNTIME_ID_LENGTH_MAX);
        return false;
    }
    if (!take_text(from, "instanceID", true, &line->instance_id, err) ||
        !take_text(from, "globalAccount", true, &line->tenant, err) ||
        !take_text(from, "subAccount", false, &line->sub_account, err) ||
        !take_text(from, "planName", false, &line->plan, err) ||
        !take_text(from, "region", false, &line->region, err) ||
        !take_text(from, "shootName", false, &line->shoot_name, err) ||
        !take_text(from, "kymaVersion", false, &line->kyma_version, err) ||
        !take_kubeconfig(from, &line->kubeconfig, err) || !take_object(from, "kymaConfig", &line->kyma, err) ||
        !take_object(from, "clusterConfig", &line->cluster, err))
        return false;
    complete_kyma(line, request->subject, runtimes->settings->releases);
    complete_cluster(line, request->subject);
    return true;
}

/* --- What a line changes --- */

static void set_text(json_t *data, const char *name, const char *now, const char *was)
{
    if (was == NULL || strcmp(now, was) != 0)
        json_object_set_new(data, name, json_string(now));
}

/* The hash, and the body where nobody in this partition has it yet. */
static void set_configuration(const struct runtimes *runtimes, json_t *data, bool cluster, const char *hash,
                              json_t *body)
{
    runtime_name_configuration(runtimes, data, cluster ? "clusterConfigHash" : "kymaConfigHash",
                               cluster ? "clusterConfig" : "kymaConfig", hash, body);
}

static json_t *registered(const struct runtimes *runtimes, const struct line *line)
{
    json_t *data = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "instanceID", line->instance_id, "tenant", line->tenant,
                             "subAccount", line->sub_account, "plan", line->plan, "region", line->region, "shootName",
                             line->shoot_name, "kymaVersion", line->kyma_version);

    set_configuration(runtimes, data, false, line->kyma_hash, line->kyma);
    set_configuration(runtimes, data, true, line->cluster_hash, line->cluster);
    if (*line->kubeconfig != '\0')
        json_object_set_new(data, "kubeconfig", json_string(line->kubeconfig));
    return data;
}

static bool is_new_kubeconfig(const struct runtime *runtime, const char *kubeconfig)
{
    char hash[KUBECONFIG_HASH_SIZE];

    if (*kubeconfig == '\0')
        return false;
    kubeconfig_hash(kubeconfig, hash);
    return strcmp(hash, runtime->kubeconfig_hash) != 0;
}

static bool is_named(const struct configuration *configuration, const char *hash)
{
    return configuration != NULL && strcmp(configuration->hash, hash) == 0;
}

/* What of `line` is news about `runtime`. While an operation runs its configurations are left alone, and what operations
 * brought is never turned back. */
static json_t *changed(const struct runtimes *runtimes, const struct runtime *runtime, const struct line *line)
{
    json_t *data = json_object();

    set_text(data, "subAccount", line->sub_account, runtime->sub_account);
    set_text(data, "plan", line->plan, runtime->plan);
    set_text(data, "region", line->region, runtime->region);
    set_text(data, "shootName", line->shoot_name, runtime->shoot_name);
    if (is_new_kubeconfig(runtime, line->kubeconfig))
        json_object_set_new(data, "kubeconfig", json_string(line->kubeconfig));
    if (runtime_busy(runtime))
        return data;
    if (!runtime->reshaped && !is_named(runtime->cluster_config, line->cluster_hash))
        set_configuration(runtimes, data, true, line->cluster_hash, line->cluster);
    if (runtime->upgraded)
        return data;
    set_text(data, "kymaVersion", line->kyma_version, runtime->kyma_version);
    if (!is_named(runtime->kyma_config, line->kyma_hash))
        set_configuration(runtimes, data, false, line->kyma_hash, line->kyma);
    return data;
}

static void result(const struct request *request, struct decision *out, const char *text)
{
    if (request->asked != NULL)
        decision_outcome(out, 200, json_pack("{s:s}", "result", text));
}

/* The instance will be told, unless the runtime is its own: then an earlier line was taken, and what is known of both
 * stays as it is. */
static void reject_line(const struct runtimes *runtimes, const struct request *request, int status,
                        struct decision *out, const char *reason)
{
    const struct runtime *runtime = runtimes_find(runtimes, request->subject);
    const json_t *line = json_object_get(request->data, "line");
    const char *instance_id = text_of(line, "instanceID"), *hash = text_of(request->data, "hash");
    json_t *told = json_object();

    if (runtime != NULL && strcmp(runtime->instance_id, instance_id) == 0 &&
        strcmp(runtime->tenant, text_of(line, "globalAccount")) == 0)
        instance_id = "";
    if (*instance_id != '\0' && *hash != '\0') {
        json_object_set_new(told, "instanceID", json_string(instance_id));
        json_object_set_new(told, "hash", json_string(hash));
    }
    runtime_reject_with(request, status, out, reason, told);
}

/* Why `line` cannot be about `runtime`; false: it can. */
static bool contradicts(const struct runtime *runtime, const struct line *line, struct error *why)
{
    if (strcmp(runtime->tenant, line->tenant) != 0)
        return !error_set(why, ERROR_CONFLICT, "runtime %s belongs to global account %s", runtime->id, runtime->tenant);
    if (*runtime->instance_id == '\0')
        return !error_set(why, ERROR_CONFLICT, "runtime %s was provisioned without an instance", runtime->id);
    if (strcmp(runtime->instance_id, line->instance_id) != 0)
        return !error_set(why, ERROR_CONFLICT, "runtime %s belongs to instance %s", runtime->id, runtime->instance_id);
    if (runtime->deprovisioned_ms != 0)
        return !error_set(why, ERROR_CONFLICT, "runtime %s was deprovisioned", runtime->id);
    return false;
}

static void decide_known(const struct runtimes *runtimes, const struct runtime *runtime, const struct line *line,
                         const struct request *request, struct decision *out)
{
    struct error why;
    json_t *data;

    if (contradicts(runtime, line, &why)) {
        reject_line(runtimes, request, 409, out, why.message);
        return;
    }
    data = changed(runtimes, runtime, line);
    if (json_object_size(data) > 0) {
        decision_event(out, EVENT_CHANGED, request->subject, data);
        result(request, out, "imported");
        return;
    }
    json_decref(data);
    decision_event(out, EVENT_CONFIRMED, request->subject, NULL);
    result(request, out, "unchanged");
}

void runtime_decide_register(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    const struct runtime *runtime = runtimes_find(runtimes, request->subject);
    struct line line = { 0 };
    struct error why;

    if (!line_read(runtimes, request, &line, &why)) {
        reject_line(runtimes, request, 400, out, why.message);
    } else if (runtime != NULL) {
        decide_known(runtimes, runtime, &line, request, out);
    } else {
        decision_event(out, EVENT_REGISTERED, request->subject, registered(runtimes, &line));
        result(request, out, "imported");
    }
    line_release(&line);
}

/* Its upgrades may come after its last user has let go of it. */
static bool is_kept(const struct configuration *configuration)
{
    return configuration != NULL && configuration->kept;
}

void runtime_decide_configure(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    const char *hash = text_of(request->data, "hash");
    json_t *body = json_object_get(request->data, "kymaConfig");
    char is[SHA256_HEX_SIZE];
    struct error why;

    if (!json_is_object(body)) {
        runtime_reject(request, 400, out, "kymaConfig: must be an object");
        return;
    }
    if (!configuration_can_be_kept(body, &why)) {
        error_context(&why, "kymaConfig");
        runtime_reject(request, 400, out, why.message);
        return;
    }
    configuration_hash(body, is);
    if (strcmp(hash, is) != 0)
        runtime_reject(request, 400, out, "hash: must be that of kymaConfig");
    else if (!is_kept(configurations_named(&runtimes->configurations, hash)))
        decision_event(out, EVENT_CONFIGURED, hash, json_pack("{s:s,s:O}", "hash", hash, "kymaConfig", body));
}
