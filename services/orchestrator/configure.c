/* Which version and configuration each operation is sent: the version is decided once, when all targets are in, and kept
 * over retries; the configuration anew at each retry, by the releases that are in force then.
 *
 * Most get those of the orchestration. The others stand in events `configured`, before `scheduled` or `resumed`, each of
 * bounded size and in a record of its own; so a record stays small, however many there are. */
#include <string.h>

#include "common/base/id.h"
#include "common/log/fold.h" /* what a decision already holds */
#include "common/release/release.h"
#include "common/release/version.h"
#include "services/orchestrator/decide.h"

/* So much in one event at most: operations, configurations and their bytes. */
enum { OPERATIONS_MAX = 5000, CONFIGURATIONS_MAX = 500, BODIES_SIZE_MAX = 300 * 1024 };

struct part {
    const struct state *state;
    const struct orchestration *orchestration;
    json_t *choices;        /* [{version, configuration | error, told, operations}] */
    json_t *places;         /* {"<version>/<hash or error>": index of the choice} */
    json_t *configurations; /* [{hash, kymaConfig}], those that are not known yet */
    json_t *hashes;         /* of all that are sent, for they follow the record: {hash: true} */
    size_t operations, bodies_size;
};

struct choice {
    const char *version;
    char hash[SHA256_HEX_SIZE]; /* "" if there is an error */
    json_t *body;               /* own */
    struct error why;
};

const char *orchestration_version_asked(const struct orchestration *orchestration)
{
    return data_text(json_object_get(orchestration->parameters, "kyma"), "version");
}

const char *orchestration_version_to_send(const struct state *state, const struct orchestration *orchestration)
{
    const char *asked = orchestration_version_asked(orchestration);

    return asked[0] != '\0' ? asked : state_kyma_version(state);
}

/* --- One operation --- */

static struct release_runtime runtime_of(const struct operation *operation)
{
    return (struct release_runtime){ .plan = operation->texts[TEXT_PLAN_NAME],
                                     .global_account = operation->texts[TEXT_GLOBAL_ACCOUNT_ID],
                                     .sub_account = operation->texts[TEXT_SUB_ACCOUNT_ID] };
}

static const char *version_of(const struct state *state, const struct operation *operation)
{
    const char *asked = orchestration_version_asked(operation->orchestration), *version;

    if (operation->orchestration->resolved)
        return operation_version(operation);
    if (asked[0] != '\0')
        return asked;
    version = releases_account_version(state_releases(state), runtime_of(operation));
    return version != NULL ? version : state_kyma_version(state);
}

/* Kyma 1 and 2 are known; what comes later may need what nobody has thought of. */
static bool is_understood(const char *version, const char *usual, struct error *err)
{
    int major = kyma_version_major(version, usual);

    if (major < 0)
        return error_set(err, ERROR_INPUT, "the Kyma version %.64s has no major version, such as 2 of 2.4.2", version);
    if (major == 0 || major > KYMA_MAJOR_MAX)
        return error_set(err, ERROR_INPUT, "Kyma %.64s cannot be sent: the major versions 1 to %d are known", version,
                         KYMA_MAJOR_MAX);
    return true;
}

static void choose(const struct state *state, const struct operation *operation, struct choice *choice)
{
    *choice = (struct choice){ .version = version_of(state, operation) };
    if (state_releases_usable(state, &choice->why) &&
        is_understood(choice->version, state_kyma_version(state), &choice->why))
        choice->body = releases_configured(state_releases(state), choice->version, runtime_of(operation), choice->hash,
                                           &choice->why);
    if (choice->body == NULL)
        error_context(&choice->why, "while deciding the Kyma configuration");
}

/* --- Many of them --- */

static struct part part_new(const struct state *state, const struct orchestration *orchestration)
{
    return (struct part){ .state = state,
                          .orchestration = orchestration,
                          .choices = json_array(),
                          .places = json_object(),
                          .configurations = json_array(),
                          .hashes = json_object() };
}

static bool part_is_full(const struct part *part)
{
    return part->operations >= OPERATIONS_MAX || part->bodies_size >= BODIES_SIZE_MAX ||
           json_object_size(part->hashes) >= CONFIGURATIONS_MAX;
}

/* Do instances know of its operations? Before its start nobody does, and of those that have failed by then they are told
 * with `scheduled`. */
static bool is_seen(const struct orchestration *orchestration)
{
    return orchestration->resolved && !orchestration->dry_run;
}

/* The list of operations with that choice. */
static json_t *operations_of(struct part *part, const struct choice *choice)
{
    const char *what = choice->body != NULL ? choice->hash : choice->why.message;
    char name[ERROR_MESSAGE_SIZE + 128];
    json_t *place;

    snprintf(name, sizeof name, "%.100s/%s", choice->version, what);
    place = json_object_get(part->places, name);
    if (place == NULL) {
        place = json_integer((json_int_t)json_array_size(part->choices));
        json_object_set_new(part->places, name, place);
        json_array_append_new(part->choices,
                              json_pack("{s:s, s:s, s:o*, s:[]}", "version", choice->version,
                                        choice->body != NULL ? "configuration" : "error", what, "told",
                                        choice->body == NULL && is_seen(part->orchestration) ? json_true() : NULL,
                                        "operations"));
    }
    return json_object_get(json_array_get(part->choices, (size_t)json_integer_value(place)), "operations");
}

static void part_add(struct part *part, const struct operation *operation, const struct choice *choice)
{
    json_array_append_new(operations_of(part, choice), json_string(operation->id));
    part->operations++;
    if (choice->body == NULL || json_object_get(part->hashes, choice->hash) != NULL)
        return;
    json_object_set_new(part->hashes, choice->hash, json_true());
    part->bodies_size += json_dumpb(choice->body, NULL, 0, JSON_COMPACT);
    if (configuration_find(part->orchestration, choice->hash) == NULL)
        json_array_append_new(part->configurations,
                              json_pack("{s:s, s:O}", "hash", choice->hash, "kymaConfig", choice->body));
}

/* The event, if there is anything to say. */
static bool part_end(struct part *part, int configured, struct decision *out)
{
    bool said = part->operations > 0;

    if (said)
        decision_event(out, EVENT_CONFIGURED, part->orchestration->id,
                       json_pack("{s:i, s:O, s:O, s:o*}", "configured", configured, "choices", part->choices,
                                 "configurations", part->configurations, "description",
                                 retry_description(part->orchestration)));
    json_decref(part->choices);
    json_decref(part->places);
    json_decref(part->configurations);
    json_decref(part->hashes);
    return said;
}

/* Those for which `wanted`, in the order of their positions. Own: free. */
static const struct operation **operations_where(const struct orchestration *orchestration,
                                                 bool (*wanted)(const struct operation *operation), size_t *count)
{
    const struct operation **selected = value_allocate((orchestration->count + 1) * sizeof(struct operation *));

    *count = 0;
    for (size_t i = 0; i < orchestration->count; i++)
        if (wanted(orchestration->operations[i]))
            selected[(*count)++] = orchestration->operations[i];
    qsort(selected, *count, sizeof(struct operation *), operation_compare_positions);
    return selected;
}

/* What the orchestration sends to most; its configuration is "" if there is none. */
struct usual {
    const char *version, *hash;
};

/* Once an operation has a version of its own, what it is sent is always said. */
static bool is_usual(const struct operation *operation, const struct choice *choice, struct usual usual)
{
    return operation->version == NULL && choice->body != NULL && strcmp(choice->version, usual.version) == 0 &&
           strcmp(choice->hash, usual.hash) == 0;
}

/* Those that are `due` and get something else than most: as many as one event may hold. */
static bool configure_part(const struct state *state, const struct orchestration *orchestration, struct usual usual,
                           bool (*due)(const struct operation *operation), struct decision *out)
{
    struct part part = part_new(state, orchestration);
    size_t count;
    const struct operation **operations = operations_where(orchestration, due, &count);
    int reached = (int)orchestration->count;

    for (size_t i = 0; i < count; i++) {
        struct choice choice;

        if (part_is_full(&part)) {
            reached = operations[i]->position - 1;
            break;
        }
        choose(state, operations[i], &choice);
        if (!is_usual(operations[i], &choice, usual))
            part_add(&part, operations[i], &choice);
        json_decref(choice.body);
    }
    free(operations);
    return part_end(&part, reached, out);
}

/* --- Before the first start --- */

static bool is_undecided(const struct operation *operation)
{
    return operation->position > operation->orchestration->configured;
}

bool configure_targets(const struct state *state, const struct orchestration *orchestration, struct decision *out)
{
    const char *version = orchestration_version_to_send(state, orchestration);
    const char *hash = releases_hash(state_releases(state), version);
    bool differs = releases_differ(state_releases(state)) || !is_understood(version, state_kyma_version(state), NULL);

    if (orchestration->lane->type->cluster || (size_t)orchestration->configured >= orchestration->count || !differs)
        return false;
    return configure_part(state, orchestration, (struct usual){ version, hash != NULL ? hash : "" }, is_undecided, out);
}

/* --- Again --- */

static bool is_undecided_again(const struct operation *operation)
{
    return operation->state == OPERATION_RETRYING && is_undecided(operation);
}

size_t configure_left(const struct orchestration *orchestration)
{
    size_t count = 0;

    if (orchestration->lane->type->cluster)
        return 0;
    for (size_t i = 0; i < orchestration->count; i++)
        count += is_undecided_again(orchestration->operations[i]);
    return count;
}

bool configure_retried(const struct state *state, const struct orchestration *orchestration, struct decision *out)
{
    if (orchestration->lane->type->cluster)
        return false;
    return configure_part(state, orchestration, (struct usual){ orchestration->version, orchestration->configuration },
                          is_undecided_again, out);
}

bool configure_is_in(const struct decision *decision)
{
    for (size_t i = 0; i < decision->count; i++)
        if (decision->events[i].type == EVENT_CONFIGURED)
            return true;
    return false;
}
