/* GET /releases: which releases there are, and for which accounts another one is sent than usual.
 * GET /releases/{version}: what a release consists of, as it would be sent to a runtime of the account, subaccount and
 * plan that the query names. */
#include <stdint.h>
#include <string.h>

#include "common/base/id.h"
#include "common/release/release.h"
#include "common/secret/secret.h"
#include "services/api-gateway/gateway.h"

/* --- All --- */

static json_t *release_element(const struct releases *releases, size_t index, const char *usual)
{
    const char *version = releases_version(releases, index);
    const json_t *components = json_object_get(releases_configuration(releases, version), "components");

    return json_pack("{s:s, s:b, s:s, s:I, s:I}", "version", version, "default", strcmp(version, usual) == 0, "hash",
                     releases_hash(releases, version), "components", (json_int_t)json_array_size(components),
                     "overrides", (json_int_t)releases_override_count(releases, index));
}

void handle_releases(struct exchange *exchange)
{
    const struct gateway *gateway = visit_of(exchange)->gateway;
    const struct releases *releases = gateway->releases;
    const char *usual = releases_default(releases) != NULL ? releases_default(releases) : gateway->kyma_version;
    json_t *data = json_array();
    json_int_t count = (json_int_t)releases_count(releases);

    for (size_t i = 0; i < releases_count(releases); i++)
        json_array_append_new(data, release_element(releases, i, usual));
    exchange_answer_json(exchange, 200,
                         json_pack("{s:o, s:I, s:I, s:O}", "data", data, "count", count, "totalCount", count,
                                   "accounts", releases_accounts(releases)));
}

/* --- One --- */

/* For whom: each member of the query at most once, and not empty. */
static bool read_runtime(const struct query *query, struct release_runtime *runtime, struct error *err)
{
    const struct {
        const char *name, **value;
    } members[] = { { "account", &runtime->global_account },
                    { "subaccount", &runtime->sub_account },
                    { "plan", &runtime->plan } };

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (!query_is_decoded(query, members[i].name, err))
            return false;
        *members[i].value = query_value(query, members[i].name, 0);
        if (query_count(query, members[i].name) > 1 || (*members[i].value != NULL && *members[i].value[0] == '\0'))
            return error_set(err, ERROR_INPUT, "%s has to be one parameter, and not empty", members[i].name);
    }
    return true;
}

void handle_release(struct exchange *exchange)
{
    const struct releases *releases = visit_of(exchange)->gateway->releases;
    struct release_runtime runtime = { 0 };
    struct error err = { 0 };
    const struct query *query = exchange_query(exchange, &err);
    char hash[SHA256_HEX_SIZE];
    json_t *configuration, *masked;

    if (query == NULL || !read_runtime(query, &runtime, &err)) {
        error_context(&err, "while getting query parameters");
        answer_refused(exchange, 400, err.message);
        return;
    }
    configuration = releases_configured(releases, exchange_variable(exchange, "version"), runtime, hash, &err);
    if (configuration == NULL) {
        answer_refused(exchange, err.code == ERROR_NOT_FOUND ? 404 : 500, err.message);
        return;
    }
    masked = secret_open_configuration(NULL, "", configuration, SECRET_MASKED, NULL);
    json_decref(configuration);
    exchange_answer_json(exchange, 200, masked);
}
