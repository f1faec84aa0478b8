#include "tests/unit/services_sent.h"

#include <string.h>

#include "common/base/id.h"
#include "common/release/release.h"

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static void set(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, json_string(text));
}

static bool is_in_state(const json_t *operation, const char *orchestration, const char *state)
{
    return strcmp(text_of(operation, "orchestration"), orchestration) == 0 &&
           strcmp(text_of(operation, "state"), state) == 0;
}

static bool is_of_kyma(const struct model *model, const char *orchestration)
{
    return strcmp(text_of(json_object_get(model->orchestrations, orchestration), "lane"), "kyma") == 0;
}

/* --- What should be sent --- */

/* The configuration's hash by the releases that are in force; "": there is no such version. */
static void expected(const struct model *model, const json_t *operation, char hash[SHA256_HEX_SIZE])
{
    const struct releases *in_force = model->in_force != NULL ? model->in_force : model->at_start;
    const struct release_runtime runtime = { .plan = text_of(operation, "plan"),
                                             .global_account = text_of(operation, "globalAccount"),
                                             .sub_account = text_of(operation, "subAccount") };

    hash[0] = '\0';
    json_decref(releases_configured(in_force, text_of(operation, "version"), runtime, hash, NULL));
}

/* It may be decided by these releases as well: it is to be retried while they are in force. */
static void allow(const struct model *model, json_t *operation)
{
    char hash[SHA256_HEX_SIZE];

    expected(model, operation, hash);
    json_object_set_new(json_object_get(operation, "allowed"), hash, json_true());
}

/* Those of other lanes are in force in other partitions, maybe at other times. */
static void adopted(struct model *model, const json_t *data)
{
    const char *id;
    json_t *operation;

    if (services_partition(model->services) != partition_of("kyma", SERVICES_PARTITIONS))
        return;
    releases_free(model->in_force);
    model->in_force = releases_new(json_object_get(data, "releases"), NULL);
    json_object_foreach(model->operations, id, operation) {
        if (json_object_get(operation, "allowed") != NULL && strcmp(text_of(operation, "state"), "retrying") == 0)
            allow(model, operation);
    }
}

/* --- What events say --- */

static void targeted(const struct model *model, const json_t *data)
{
    json_t *target;
    size_t i;

    json_array_foreach(json_object_get(data, "targets"), i, target) {
        json_t *operation = json_object_get(model->operations, text_of(target, "operationID"));

        set(operation, "plan", text_of(target, "planName"));
        set(operation, "globalAccount", text_of(target, "globalAccountID"));
        set(operation, "subAccount", text_of(target, "subAccountID"));
    }
}

static void scheduled(const struct model *model, const char *orchestration, const json_t *data)
{
    const char *id;
    json_t *operation;

    json_object_foreach(model->operations, id, operation) {
        if (strcmp(text_of(operation, "orchestration"), orchestration) != 0 ||
            json_object_get(operation, "version") != NULL)
            continue;
        set(operation, "version", text_of(data, "version"));
        set(operation, "configuration", text_of(data, "configuration"));
    }
}

static void check_again(const struct model *model, const char *id, const json_t *operation, const json_t *choice)
{
    char hash[SHA256_HEX_SIZE];

    expected(model, operation, hash);
    if (strcmp(text_of(choice, "version"), text_of(operation, "version")) != 0)
        services_fail(model->services, "%s is retried with Kyma %s; it had %s", id, text_of(choice, "version"),
                      text_of(operation, "version"));
    if (strcmp(text_of(choice, "configuration"), hash) != 0)
        services_fail(model->services, "%s is retried with the configuration '%s'; by the releases in force it is '%s'",
                      id, text_of(choice, "configuration"), hash);
}

static void configured(const struct model *model, const json_t *data)
{
    json_t *choice, *id;
    size_t i, j;

    json_array_foreach(json_object_get(data, "choices"), i, choice) {
        json_array_foreach(json_object_get(choice, "operations"), j, id) {
            json_t *operation = json_object_get(model->operations, json_string_value(id));

            if (strcmp(text_of(operation, "state"), "retrying") == 0)
                check_again(model, json_string_value(id), operation, choice);
            set(operation, "version", text_of(choice, "version"));
            set(operation, "configuration", text_of(choice, "configuration"));
        }
    }
}

static void retried(const struct model *model, const json_t *ids)
{
    json_t *id;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)ids, i, id) {
        json_t *operation = json_object_get(model->operations, json_string_value(id));

        json_object_set_new(operation, "allowed", json_object());
        allow(model, operation);
    }
}

/* Also what nothing was said of is what the releases give that were in force at some moment since the retry. */
static void resumed(const struct model *model, const char *orchestration)
{
    const char *id;
    json_t *operation;

    json_object_foreach(model->operations, id, operation) {
        const char *hash = text_of(operation, "configuration");

        if (is_in_state(operation, orchestration, "retrying") &&
            (hash[0] == '\0' || json_object_get(json_object_get(operation, "allowed"), hash) == NULL))
            services_fail(model->services, "%s is retried with the configuration '%s', which the releases do not give",
                          id, hash);
    }
}

void sent_event(struct model *model, const char *type, const struct event *event)
{
    if (strcmp(type, "releasesAdopted") == 0)
        adopted(model, event->data);
    if (strcmp(type, "progressed") == 0 && strstr(text_of(event->data, "description"), "is not known") != NULL)
        services_fail(model->services, "%s: %s", text_of(event->data, "operationID"),
                      text_of(event->data, "description"));
    if (!is_of_kyma(model, event->subject))
        return;
    if (strcmp(type, "targeted") == 0)
        targeted(model, event->data);
    else if (strcmp(type, "scheduled") == 0)
        scheduled(model, event->subject, event->data);
    else if (strcmp(type, "configured") == 0)
        configured(model, event->data);
    else if (strcmp(type, "retried") == 0)
        retried(model, json_object_get(event->data, "operations"));
    else if (strcmp(type, "resumed") == 0)
        resumed(model, event->subject);
}

/* --- What rows say --- */

void sent_check(const struct model *model, const char *id, const json_t *row, const json_t *whole)
{
    const json_t *operation = json_object_get(model->operations, id);
    const json_t *of = text_of(row, "version")[0] != '\0' ? row : whole;

    if (!json_is_true(json_object_get(whole, "resolved")) || strcmp(text_of(whole, "lane"), "kyma") != 0)
        return;
    if (strcmp(text_of(of, "version"), text_of(operation, "version")) != 0 ||
        strcmp(text_of(of, "configuration"), text_of(operation, "configuration")) != 0)
        services_fail(model->services, "%s is sent Kyma %s with '%s', by its events Kyma %s with '%s'", id,
                      text_of(of, "version"), text_of(of, "configuration"), text_of(operation, "version"),
                      text_of(operation, "configuration"));
}

void sent_release(struct model *model)
{
    releases_free(model->in_force);
}
