#include "common/secret/secret.h"

#include <stdio.h>
#include <stdlib.h>

/* What is done with the value of a secret entry. False: `err`, without the place. */
typedef bool on_secret(void *context, json_t *entry, struct error *err);

/* `place`: whose entries they are, with a closing dot, for `err`. */
static bool walk_entries(const json_t *entries, const char *place, on_secret *visit, void *context, struct error *err)
{
    json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry) {
        if (!json_is_true(json_object_get(entry, "secret")) || visit(context, entry, err))
            continue;
        error_context(err, "%sconfiguration[%zu].value", place, i);
        return false;
    }
    return true;
}

static bool walk(const json_t *config, on_secret *visit, void *context, struct error *err)
{
    json_t *component;
    char place[64];
    size_t i;

    if (!walk_entries(json_object_get(config, "configuration"), "", visit, context, err))
        return false;
    json_array_foreach(json_object_get(config, "components"), i, component) {
        snprintf(place, sizeof place, "components[%zu].", i);
        if (!walk_entries(json_object_get(component, "configuration"), place, visit, context, err))
            return false;
    }
    return true;
}

/* A copy of `config`, walked. NULL: `err`. */
static json_t *copy_walked(const json_t *config, on_secret *visit, void *context, struct error *err)
{
    json_t *copied = config == NULL ? json_null() : json_deep_copy(config);

    if (copied == NULL)
        abort();
    if (walk(copied, visit, context, err))
        return copied;
    json_decref(copied);
    return NULL;
}

struct keyring {
    struct secrets *secrets;
    const char *tenant;
    struct secret_count count;
};

static bool seal(void *context, json_t *entry, struct error *err)
{
    const struct keyring *ring = context;
    const json_t *value = json_object_get(entry, "value");
    char *sealed;

    if (!json_is_string(value))
        return error_set(err, ERROR_INPUT, "must be a text, because it is secret");
    sealed = secret_seal(ring->secrets, ring->tenant, json_string_value(value), json_string_length(value));
    json_object_set_new(entry, "value", json_string(sealed));
    free(sealed);
    return true;
}

static bool open_sealed(void *context, json_t *entry, struct error *err)
{
    const struct keyring *ring = context;
    const char *value = json_string_value(json_object_get(entry, "value"));
    char *opened;

    if (!secret_is_sealed(value))
        return true;
    opened = secret_open(ring->secrets, ring->tenant, value, err);
    if (opened == NULL)
        return false;
    json_object_set_new(entry, "value", json_string(opened));
    secret_free(opened);
    return true;
}

static bool mask(void *context, json_t *entry, struct error *err)
{
    (void)context;
    (void)err;
    json_object_set_new(entry, "value", json_string(SECRET_MASK_TEXT));
    return true;
}

static bool count(void *context, json_t *entry, struct error *err)
{
    struct keyring *ring = context;
    const char *value = json_string_value(json_object_get(entry, "value"));
    char *opened;

    if (!secret_is_sealed(value))
        return true;
    opened = secret_open(ring->secrets, ring->tenant, value, ring->count.sealed == ring->count.opened ? err : NULL);
    ring->count.sealed++;
    ring->count.opened += opened != NULL;
    secret_free(opened);
    return true;
}

json_t *secret_seal_configuration(struct secrets *secrets, const char *tenant, const json_t *config, struct error *err)
{
    return copy_walked(config, seal, &(struct keyring){ .secrets = secrets, .tenant = tenant }, err);
}

json_t *secret_open_configuration(struct secrets *secrets, const char *tenant, const json_t *config,
                                  enum secret_view view, struct error *err)
{
    return copy_walked(config, view == SECRET_OPENED ? open_sealed : mask,
                       &(struct keyring){ .secrets = secrets, .tenant = tenant }, err);
}

struct secret_count secret_count(struct secrets *secrets, const char *tenant, const json_t *config, struct error *err)
{
    struct keyring ring = { .secrets = secrets, .tenant = tenant };

    walk(config, count, &ring, err);
    return ring.count;
}
