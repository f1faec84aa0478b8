/* seal: a secret value as it may stand in the overrides of a release. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/settings.h"
#include "common/secret/secret.h"
#include "services/tidectl/command.h"

enum { VALUE_SIZE_MAX = 64 * 1024, OPTION_KEYS = 256, OPTION_TENANT };

/* False: `err`; a value that could not come out as it went in is none. */
static bool check_value(const char *value, size_t size, struct error *err)
{
    json_t *text;

    if (size == 0)
        return error_set(err, ERROR_INPUT, "standard input: is empty; it must be the value to seal");
    if (size > VALUE_SIZE_MAX)
        return error_set(err, ERROR_INPUT, "standard input: a value has at most %d bytes", VALUE_SIZE_MAX);
    text = memchr(value, '\0', size) == NULL ? json_stringn(value, size) : NULL;
    json_decref(text);
    return text != NULL || error_set(err, ERROR_INPUT, "standard input: must be UTF-8 without zero bytes");
}

/* The value that `in` holds, without its last newline, into VALUE_SIZE_MAX + 2 bytes. False: `err`. */
static bool read_value(FILE *in, char *value, size_t *size, struct error *err)
{
    setvbuf(in, NULL, _IONBF, 0); /* no copy stays in memory */
    *size = fread(value, 1, VALUE_SIZE_MAX + 2, in);
    if (ferror(in))
        return error_set(err, ERROR_UNAVAILABLE, "standard input: cannot be read");
    if (*size > 0 && value[*size - 1] == '\n')
        --*size;
    return check_value(value, *size, err);
}

/* Own: free(). NULL: `err`. */
static char *seal_input(struct secrets *secrets, const char *tenant, struct error *err)
{
    char *value = malloc(VALUE_SIZE_MAX + 2), *sealed = NULL;
    size_t size = 0;

    if (value == NULL)
        abort();
    if (read_value(stdin, value, &size, err))
        sealed = secret_seal(secrets, tenant, value, size);
    OPENSSL_cleanse(value, VALUE_SIZE_MAX + 2);
    free(value);
    return sealed;
}

static int seal(const struct context *context, const char *keys, const char *tenant)
{
    struct error err = { .code = ERROR_NONE };
    struct secrets *secrets;
    char *sealed;

    if (*keys == '\0')
        return usage_error(context, "TIDEGATE_SECRET_KEYS or --keys must name the key file of the services");
    secrets = secrets_load(keys, &err);
    if (secrets == NULL)
        return failed(&err);
    sealed = seal_input(secrets, tenant, &err);
    secrets_free(secrets);
    if (sealed == NULL)
        return failed(&err);
    if (context->json)
        printf("\"%s\"\n", sealed); /* nothing in it needs an escape */
    else
        puts(sealed);
    free(sealed);
    return EXIT_DONE;
}

int command_seal(struct context *context, int argc, char **argv)
{
    static const struct option options[] = {
        { "keys", required_argument, NULL, OPTION_KEYS },
        { "tenant", required_argument, NULL, OPTION_TENANT },
        { 0 },
    };
    const char *keys = settings_text(context->settings, "TIDEGATE_SECRET_KEYS"), *tenant = "";

    for (int option; (option = options_next(context, argc, argv, options)) != OPTIONS_END;) {
        switch (option) {
        case OPTION_KEYS: keys = optarg; break;
        case OPTION_TENANT: tenant = optarg; break;
        default: return context->exit_code;
        }
    }
    if (optind < argc)
        return usage_error(context, "seal takes no argument: the value comes from standard input");
    return seal(context, keys, tenant);
}
