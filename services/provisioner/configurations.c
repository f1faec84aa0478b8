#include "services/provisioner/configurations.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/release/release.h"
#include "common/secret/secret.h"

enum { BODILESS_MAX = 4096 }; /* at first: about 1 MB */

/* One of each kind: the upgrades of an orchestration come together and bring the same. */
struct parsed {
    struct {
        const struct configuration *of;
        json_t *body;
    } last[2];
};

static void *zeroed(size_t size)
{
    void *made = calloc(1, size);

    if (made == NULL)
        abort(); /* memory is bounded by the limits on sizes, not by luck */
    return made;
}

/* --- Secret values --- */

/* An entry of a configuration, or whatever else looks like one: nothing that says of itself that it is secret is kept in
 * the clear, wherever it stands and however the member is written. */
static bool is_secret(const json_t *object)
{
    const char *name;
    json_t *member;

    json_object_foreach((json_t *)(uintptr_t)object, name, member)
        if (strcasecmp(name, "secret") == 0 && json_is_true(member))
            return true;
    return false;
}

/* Has it a value, and is that, however it is written, sealed? */
static bool is_sealed(const json_t *entry)
{
    const char *name;
    json_t *member;

    json_object_foreach((json_t *)(uintptr_t)entry, name, member)
        if (strcasecmp(name, "value") == 0 && !secret_is_sealed(json_string_value(member)))
            return false;
    return json_object_get(entry, "value") != NULL;
}

bool configuration_can_be_kept(const json_t *body, struct error *err)
{
    const char *name;
    json_t *member;
    size_t i;

    if (json_is_real(body))
        return error_set(err, ERROR_INPUT, "numbers must be integers");
    if (json_is_array(body)) {
        json_array_foreach(body, i, member)
            if (!configuration_can_be_kept(member, err))
                return false;
    }
    if (!json_is_object(body))
        return true;
    if (is_secret(body) && !is_sealed(body))
        return error_set(err, ERROR_INPUT, "secret values must be sealed");
    json_object_foreach((json_t *)(uintptr_t)body, name, member)
        if (!configuration_can_be_kept(member, err))
            return false;
    return true;
}

static enum secrecy secrecy_of(const json_t *body)
{
    enum secrecy found = SECRECY_NONE;
    const char *name;
    json_t *member;
    size_t i;

    if (json_is_object(body) && is_secret(body))
        return is_sealed(body) ? SECRECY_SEALED : SECRECY_SPENT;
    json_array_foreach(body, i, member)
        if (found == SECRECY_NONE)
            found = secrecy_of(member);
    json_object_foreach((json_t *)(uintptr_t)body, name, member)
        if (found == SECRECY_NONE)
            found = secrecy_of(member);
    return found;
}

static bool has_secrets(const json_t *body)
{
    return secrecy_of(body) != SECRECY_NONE;
}

static void blank(json_t *body)
{
    const char *name;
    json_t *member;
    bool secret = json_is_object(body) && is_secret(body);
    size_t i;

    json_array_foreach(body, i, member)
        blank(member);
    json_object_foreach(body, name, member) {
        if (secret && strcasecmp(name, "value") == 0)
            json_string_set(member, "");
        else
            blank(member);
    }
}

void configuration_name(const json_t *body, const char *runtime_id, char hash[SHA256_HEX_SIZE])
{
    json_t *salted;

    if (!has_secrets(body)) {
        configuration_hash(body, hash);
        return;
    }
    salted = json_pack("{s:s,s:O}", "runtimeID", runtime_id, "body", body);
    configuration_hash(salted, hash);
    json_decref(salted);
}

/* --- All of a partition --- */

void configurations_init(struct configurations *configurations)
{
    *configurations = (struct configurations){ .parsed = zeroed(sizeof *configurations->parsed),
                                               .unused_end = &configurations->unused,
                                               .bodiless_max = BODILESS_MAX };
}

static void parsed_forget(struct parsed *parsed, const struct configuration *of)
{
    for (size_t i = 0; i < sizeof parsed->last / sizeof parsed->last[0]; i++) {
        if (of != NULL && parsed->last[i].of != of)
            continue;
        json_decref(parsed->last[i].body);
        parsed->last[i].of = NULL;
        parsed->last[i].body = NULL;
    }
}

void configurations_release(struct configurations *configurations)
{
    struct configuration *configuration, *next;

    configurations_pass(configurations, INT64_MAX);
    HASH_ITER(hh, configurations->by_hash, configuration, next) {
        HASH_DEL(configurations->by_hash, configuration);
        free(configuration->body);
        free(configuration);
    }
    parsed_forget(configurations->parsed, NULL);
    free(configurations->parsed);
    *configurations = (struct configurations){ 0 };
}

struct configuration *configurations_named(const struct configurations *configurations, const char *hash)
{
    struct configuration *configuration;

    HASH_FIND_STR(configurations->by_hash, hash, configuration);
    return configuration;
}

const struct configuration *configurations_find(const struct configurations *configurations, const char *hash)
{
    const struct configuration *configuration = configurations_named(configurations, hash);

    return configuration == NULL || configuration->body == NULL || configuration->secrecy == SECRECY_SPENT ||
                   (configuration->users == 0 && !configuration->kept)
               ? NULL
               : configuration;
}

struct configuration *configurations_get(struct configurations *configurations, const char *hash)
{
    struct configuration *configuration = configurations_named(configurations, hash);

    if (configuration != NULL)
        return configuration;
    configuration = zeroed(sizeof *configuration);
    strncpy(configuration->hash, hash, sizeof configuration->hash - 1);
    HASH_ADD_STR(configurations->by_hash, hash, configuration);
    configurations->bodiless++;
    return configuration;
}

static void set_body(struct configurations *configurations, struct configuration *configuration, const json_t *body)
{
    parsed_forget(configurations->parsed, configuration);
    free(configuration->body);
    configuration->body = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    if (configuration->body == NULL)
        abort();
    configuration->secrecy = secrecy_of(body);
}

struct configuration *configurations_add(struct configurations *configurations, const char *hash, bool cluster,
                                         const json_t *body)
{
    struct configuration *configuration = configurations_get(configurations, hash);

    if (configuration->body != NULL && configuration->secrecy != SECRECY_SPENT)
        return configuration;
    configurations->bodiless -= configuration->body == NULL;
    configuration->cluster = cluster;
    set_body(configurations, configuration, body);
    return configuration;
}

/* --- Users --- */

bool configuration_use(struct configuration *configuration)
{
    if (configuration->kept)
        return false;
    configuration->users++;
    return true;
}

static void list_unused(struct configurations *configurations, struct configuration *configuration, int64_t since)
{
    struct unused *unused = zeroed(sizeof *unused);

    configuration->unused_since = since;
    unused->configuration = configuration;
    unused->since = since;
    *configurations->unused_end = unused;
    configurations->unused_end = &unused->next;
}

bool configurations_unuse(struct configurations *configurations, struct configuration *configuration, int64_t offset)
{
    if (configuration->kept || configuration->users == 0)
        return false;
    if (--configuration->users == 0)
        list_unused(configurations, configuration, offset);
    return true;
}

bool configuration_keep(struct configuration *configuration)
{
    if (configuration->kept || configuration->body == NULL)
        return false;
    configuration->kept = true;
    configuration->users = 0;
    return true;
}

void configurations_restore(struct configurations *configurations, struct configuration *configuration, int64_t users,
                            bool kept)
{
    configuration->users = users;
    configuration->kept = kept;
    if (users == 0 && !kept)
        list_unused(configurations, configuration, 0);
}

static void forget_body(struct configurations *configurations, struct configuration *configuration)
{
    if (configuration->body == NULL)
        return;
    parsed_forget(configurations->parsed, configuration);
    free(configuration->body);
    configuration->body = NULL;
    configurations->bodiless++;
}

void configurations_pass(struct configurations *configurations, int64_t before)
{
    while (configurations->unused != NULL && configurations->unused->since < before) {
        struct unused *first = configurations->unused;
        struct configuration *configuration = first->configuration;

        configurations->unused = first->next;
        if (configuration->users == 0 && !configuration->kept && configuration->unused_since == first->since)
            forget_body(configurations, configuration);
        free(first);
    }
    if (configurations->unused == NULL)
        configurations->unused_end = &configurations->unused;
}

bool configurations_crowded(const struct configurations *configurations)
{
    return configurations->bodiless > configurations->bodiless_max;
}

void configuration_mark(struct configuration *configuration)
{
    if (configuration != NULL)
        configuration->named = true;
}

void configurations_sweep(struct configurations *configurations)
{
    struct configuration *configuration, *next;

    for (const struct unused *unused = configurations->unused; unused != NULL; unused = unused->next)
        unused->configuration->named = true;
    HASH_ITER(hh, configurations->by_hash, configuration, next) {
        bool named = configuration->named;

        configuration->named = false;
        if (named || configuration->body != NULL)
            continue;
        HASH_DEL(configurations->by_hash, configuration);
        free(configuration);
        configurations->bodiless--;
    }
    configurations->bodiless_max = 2 * configurations->bodiless > BODILESS_MAX ? 2 * configurations->bodiless
                                                                               : BODILESS_MAX;
}

bool configurations_spend(struct configurations *configurations, struct configuration *configuration)
{
    json_t *body;

    if (configuration->secrecy != SECRECY_SEALED || configuration->kept)
        return false;
    body = json_loads(configuration->body, JSON_DECODE_ANY, NULL);
    blank(body);
    set_body(configurations, configuration, body);
    json_decref(body);
    return true;
}

json_t *configuration_body(const struct configurations *configurations, const struct configuration *configuration)
{
    struct parsed *parsed = configurations->parsed;
    size_t slot;

    if (configuration == NULL || configuration->body == NULL)
        return json_null();
    slot = configuration->cluster ? 1 : 0;
    if (parsed->last[slot].of != configuration) {
        json_decref(parsed->last[slot].body);
        parsed->last[slot].body = json_loads(configuration->body, JSON_DECODE_ANY, NULL);
        parsed->last[slot].of = configuration;
    }
    return json_incref(parsed->last[slot].body);
}
