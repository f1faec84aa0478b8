/* GET /releases/{version}: what a release consists of, as it would be sent to a runtime. */
#include <stdio.h>

#include "common/release/release.h"
#include "services/api-gateway/gateway.h"

void handle_release(struct exchange *exchange)
{
    const struct releases *releases = visit_of(exchange)->gateway->releases;
    const char *version = exchange_variable(exchange, "version");
    const json_t *configuration = releases_configuration(releases, version);
    char text[512];

    if (configuration != NULL) {
        exchange_answer_json(exchange, 200, json_incref((json_t *)(uintptr_t)configuration));
        return;
    }
    snprintf(text, sizeof text, "there is no release %.64s; there are: %s", version, releases_list(releases));
    answer_refused(exchange, 404, text);
}
