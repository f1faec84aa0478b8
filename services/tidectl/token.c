/* token: development tokens, signed with the keys of the run folder. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/auth/dev_token.h"
#include "common/base/settings.h"
#include "common/base/timestamp.h"
#include "services/tidectl/command.h"

enum { GROUP_MAX = 32, ISSUER_SIZE = 256, OPTION_GROUPS = 256 };

char *development_token(const struct settings *settings, const char *const *groups, size_t group_count, bool make,
                        struct error *err)
{
    const char *configured = settings_text(settings, "TIDEGATE_OIDC_ISSUER");
    char folder[PATH_MAX], issuer[ISSUER_SIZE];

    if (snprintf(folder, sizeof folder, "%s/oidc", settings_text(settings, "TIDEGATE_RUN")) >= (int)sizeof folder) {
        error_set(err, ERROR_INPUT, "TIDEGATE_RUN is too long");
        return NULL;
    }
    if (make && !dev_keys_make(folder, err))
        return NULL;
    /* The gateway's own address, as it names itself where nobody configured an issuer. */
    snprintf(issuer, sizeof issuer, "http://127.0.0.1:%lld/dev",
             (long long)settings_integer(settings, "TIDEGATE_PORT"));
    return dev_token_sign(folder,
                          &(struct dev_token){
                              .issuer = *configured != '\0' ? configured : issuer,
                              .audience = settings_text(settings, "TIDEGATE_OIDC_AUDIENCE"),
                              .subject = "developer",
                              .email = "developer@example.com",
                              .groups = groups,
                              .group_count = group_count,
                              .now_ms = clock_now_ms(),
                              .lifetime_ms = DEV_TOKEN_LIFETIME_MS,
                          },
                          err);
}

static size_t groups_split(char *text, const char *groups[GROUP_MAX])
{
    size_t count = 0;

    for (char *rest = NULL, *group = strtok_r(text, ",", &rest); group != NULL && count < GROUP_MAX;
         group = strtok_r(NULL, ",", &rest))
        groups[count++] = group;
    return count;
}

int command_token(struct context *context, int argc, char **argv)
{
    static const struct option options[] = { { "groups", required_argument, NULL, OPTION_GROUPS }, { 0 } };
    const char *groups[GROUP_MAX] = { "runtimeAdmin", "runtimeOperator" };
    struct error err = { .code = ERROR_NONE };
    size_t group_count = 2;
    char *token;

    for (int option; (option = options_next(context, argc, argv, options)) != OPTIONS_END;) {
        if (option == OPTIONS_STOP)
            return context->exit_code;
        group_count = groups_split(optarg, groups);
    }
    if (optind < argc)
        return usage_error(context, "token takes no argument");
    token = development_token(context->settings, groups, group_count, true, &err);
    if (token == NULL)
        return failed(&err);
    puts(token);
    free(token);
    return EXIT_DONE;
}
