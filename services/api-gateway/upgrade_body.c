#include "services/api-gateway/upgrade_body.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/json/lenient.h"
#include "common/regex/regex.h"
#include "common/release/release.h"

static const struct selector_member {
    const char *name;
    bool pattern; /* a regular expression; the others are compared as they are */
} selector_members[] = {
    { "target", false },   { "globalAccount", true }, { "subAccount", true }, { "runtimeID", false },
    { "planName", false }, { "region", true },        { "shoot", false },     { "instanceID", false },
};
enum { SELECTOR_MEMBER_COUNT = sizeof selector_members / sizeof selector_members[0] };

enum { MEMBER_PATH_SIZE = 80 };

static const char selector_member_names[] =
    "target, globalAccount, subAccount, runtimeID, planName, region, shoot, instanceID";

/* What the body says, each of the right type; NULL: absent or null. Borrowed from the body. */
struct parts {
    bool repeats; /* some member is given twice in one spelling */
    const json_t *include, *exclude;
    const json_t *strategy_type, *schedule, *workers, *max_failures;
    const json_t *dry_run;
    const json_t *kyma, *kyma_version;
    const json_t *kubernetes, *kubernetes_version, *machine_image, *machine_image_version;
};

/* --- Types: what is wrong here is "while decoding request body" --- */

static bool is_of_type(const json_t *value, json_type type)
{
    return json_typeof(value) == type || (type == JSON_TRUE && json_is_false(value));
}

static const char *type_name(json_type type)
{
    switch (type) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    default: return "a boolean";
    }
}

/* The member `name` of `object`; `*found` is NULL where it has none. False: which value of it counts cannot be told. */
static bool find(const struct parts *parts, const json_t *object, const char *name, const json_t **found,
                 struct error *err)
{
    const json_t *value = json_member(object, name);

    if (parts->repeats && (json_is_null(value) || json_spellings(object, name) > 1))
        return error_set(err, ERROR_INPUT,
                         "%s: given as null or in two spellings where a member is repeated, so that nobody can tell "
                         "what is meant; give each member once",
                         name);
    *found = json_is_null(value) ? NULL : value;
    return true;
}

/* A NUL would end it for whoever looks at it next. */
static bool is_whole(const json_t *value)
{
    return !json_is_string(value) || strlen(json_string_value(value)) == json_string_length(value);
}

static bool check_type(const json_t *value, const char *path, json_type type, struct error *err)
{
    if (!is_of_type(value, type))
        return error_set(err, ERROR_INPUT, "%s: expected %s, got %s", path, type_name(type), json_type_text(value));
    return is_whole(value) ||
           error_set(err, ERROR_INPUT, "%s: expected a text without U+0000 and halves of surrogate pairs", path);
}

/* The last part of `path` in `parent` (NULL: it is absent). False: it is of another type, or given ambiguously. */
static bool take(const struct parts *parts, const json_t *parent, const char *path, json_type type, const json_t **part,
                 struct error *err)
{
    const char *dot = strrchr(path, '.');

    *part = NULL;
    if (parent == NULL)
        return true;
    if (!find(parts, parent, dot != NULL ? dot + 1 : path, part, err))
        return false;
    return *part == NULL || check_type(*part, path, type, err);
}

static bool check_selector_types(const struct parts *parts, const json_t *list, const char *path, struct error *err)
{
    char member[MEMBER_PATH_SIZE];

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *selector = json_array_get(list, i), *value;

        if (!json_is_object(selector) && !json_is_null(selector))
            return error_set(err, ERROR_INPUT, "%s[%zu]: expected an object, got %s", path, i,
                             json_type_text(selector));
        for (size_t m = 0; m < SELECTOR_MEMBER_COUNT; m++) {
            snprintf(member, sizeof member, "%s[%zu].%s", path, i, selector_members[m].name);
            if (!take(parts, selector, member, JSON_STRING, &value, err))
                return false;
        }
    }
    return true;
}

static bool take_parts(const json_t *body, struct parts *parts, struct error *err)
{
    const json_t *targets, *strategy, *parallel;

    if (!json_is_object(body) && !json_is_null(body))
        return error_set(err, ERROR_INPUT, "expected an object, got %s", json_type_text(body));
    return take(parts, body, "targets", JSON_OBJECT, &targets, err) &&
           take(parts, targets, "targets.include", JSON_ARRAY, &parts->include, err) &&
           check_selector_types(parts, parts->include, "targets.include", err) &&
           take(parts, targets, "targets.exclude", JSON_ARRAY, &parts->exclude, err) &&
           check_selector_types(parts, parts->exclude, "targets.exclude", err) &&
           take(parts, body, "strategy", JSON_OBJECT, &strategy, err) &&
           take(parts, strategy, "strategy.type", JSON_STRING, &parts->strategy_type, err) &&
           take(parts, strategy, "strategy.schedule", JSON_STRING, &parts->schedule, err) &&
           take(parts, strategy, "strategy.parallel", JSON_OBJECT, &parallel, err) &&
           take(parts, parallel, "strategy.parallel.workers", JSON_INTEGER, &parts->workers, err) &&
           take(parts, strategy, "strategy.maxFailures", JSON_INTEGER, &parts->max_failures, err) &&
           take(parts, body, "dryRun", JSON_TRUE, &parts->dry_run, err) &&
           take(parts, body, "kyma", JSON_OBJECT, &parts->kyma, err) &&
           take(parts, parts->kyma, "kyma.version", JSON_STRING, &parts->kyma_version, err) &&
           take(parts, body, "kubernetes", JSON_OBJECT, &parts->kubernetes, err) &&
           take(parts, parts->kubernetes, "kubernetes.kubernetesVersion", JSON_STRING, &parts->kubernetes_version,
                err) &&
           take(parts, parts->kubernetes, "kubernetes.machineImage", JSON_STRING, &parts->machine_image, err) &&
           take(parts, parts->kubernetes, "kubernetes.machineImageVersion", JSON_STRING, &parts->machine_image_version,
                err);
}

/* --- Targets --- */

static const char *text_of(const json_t *value)
{
    return json_is_string(value) ? json_string_value(value) : "";
}

static bool is_selector_member(const char *name)
{
    for (size_t m = 0; m < SELECTOR_MEMBER_COUNT; m++)
        if (strcasecmp(selector_members[m].name, name) == 0)
            return true;
    return false;
}

static bool check_member_names(const json_t *selector, struct error *err)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)selector, name, value) {
        (void)value;
        if (!is_selector_member(name))
            return error_set(err, ERROR_INPUT, ": unknown member \"%.64s\"; known are %s", name, selector_member_names);
    }
    return true;
}

static bool check_pattern(const char *pattern, size_t *pattern_count, struct error *err)
{
    struct regex *regex;

    if (++*pattern_count > PATTERNS_COUNT_MAX)
        return error_set(err, ERROR_INPUT, "more than %d regular expressions in one request", PATTERNS_COUNT_MAX);
    regex = regex_new(pattern, err);
    regex_free(regex);
    return regex != NULL;
}

static bool check_member(const struct selector_member *member, const char *text, size_t *pattern_count,
                         struct error *err)
{
    if (strlen(text) > SELECTOR_TEXT_SIZE_MAX)
        error_set(err, ERROR_INPUT, "longer than %d bytes", SELECTOR_TEXT_SIZE_MAX);
    else if (strcmp(member->name, "target") == 0 && strcmp(text, "all") != 0)
        error_set(err, ERROR_INPUT, "\"%.64s\" is not known; the only target is \"all\"", text);
    else if (!member->pattern || check_pattern(text, pattern_count, err))
        return true;
    error_context(err, ".%s", member->name);
    return false;
}

/* What is kept of `selector`: the members that say something. NULL: refused; `err` begins where the path ends. */
static json_t *selector_kept(const json_t *selector, size_t *pattern_count, struct error *err)
{
    json_t *kept = json_object();

    if (!check_member_names(selector, err))
        goto refused;
    for (size_t m = 0; m < SELECTOR_MEMBER_COUNT; m++) {
        json_t *value = json_member(selector, selector_members[m].name);

        if (text_of(value)[0] == '\0')
            continue;
        if (!check_member(&selector_members[m], text_of(value), pattern_count, err))
            goto refused;
        json_object_set(kept, selector_members[m].name, value);
    }
    if (json_object_size(kept) > 0)
        return kept;
    error_set(err, ERROR_INPUT, ": the selector is empty; to mean all runtimes say {\"target\": \"all\"}");
refused:
    json_decref(kept);
    return NULL;
}

/* NULL: refused. */
static json_t *selectors_kept(const json_t *list, const char *path, size_t *pattern_count, struct error *err)
{
    json_t *kept;
    struct error why = { 0 };

    if (json_array_size(list) > SELECTORS_COUNT_MAX) {
        error_set(err, ERROR_INPUT, "%s: %zu selectors are more than %d", path, json_array_size(list),
                  SELECTORS_COUNT_MAX);
        return NULL;
    }
    kept = json_array();
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *selector = selector_kept(json_array_get(list, i), pattern_count, &why);

        if (selector == NULL) {
            error_set(err, ERROR_INPUT, "%s[%zu]%s", path, i, why.message);
            json_decref(kept);
            return NULL;
        }
        json_array_append_new(kept, selector);
    }
    return kept;
}

static bool keep_targets(const struct parts *parts, json_t *parameters, struct error *err)
{
    size_t pattern_count = 0;
    json_t *include, *exclude, *targets;

    if (json_array_size(parts->include) == 0)
        return error_set(err, ERROR_INPUT, "targets.include array must be not empty");
    include = selectors_kept(parts->include, "targets.include", &pattern_count, err);
    if (include == NULL)
        return false;
    exclude = selectors_kept(parts->exclude, "targets.exclude", &pattern_count, err);
    if (exclude == NULL) {
        json_decref(include);
        return false;
    }
    targets = json_pack("{s:o}", "include", include);
    if (json_array_size(exclude) > 0)
        json_object_set(targets, "exclude", exclude);
    json_decref(exclude);
    json_object_set_new(parameters, "targets", targets);
    return true;
}

/* --- Strategy --- */

static bool keep_strategy(const struct parts *parts, json_t *parameters, struct error *err)
{
    const char *type = text_of(parts->strategy_type), *schedule = text_of(parts->schedule);
    const json_int_t workers = json_integer_value(parts->workers);

    if (type[0] != '\0' && strcmp(type, "parallel") != 0)
        return error_set(err, ERROR_INPUT, "strategy.type: \"%.64s\" is not known; the only one is \"parallel\"", type);
    if (schedule[0] != '\0' && strcmp(schedule, "immediate") != 0 && strcmp(schedule, "maintenanceWindow") != 0)
        return error_set(err, ERROR_INPUT,
                         "strategy.schedule: \"%.64s\" is not known; it is \"immediate\" or \"maintenanceWindow\"",
                         schedule);
    if (workers < 0 || workers > WORKERS_MAX)
        return error_set(err, ERROR_INPUT, "strategy.parallel.workers: %" JSON_INTEGER_FORMAT " is not from 0 to %d",
                         workers, WORKERS_MAX);
    if (parts->max_failures != NULL && json_integer_value(parts->max_failures) < 1)
        return error_set(err, ERROR_INPUT,
                         "strategy.maxFailures: %" JSON_INTEGER_FORMAT
                         " is not from 1 on; leave it out to go on whatever fails",
                         json_integer_value(parts->max_failures));
    json_object_set_new(parameters, "strategy",
                        json_pack("{s:s, s:s, s:{s:I}}", "type", "parallel", "schedule",
                                  schedule[0] != '\0' ? schedule : "immediate", "parallel", "workers",
                                  workers != 0 ? workers : 1));
    if (parts->max_failures != NULL)
        json_object_set(json_object_get(parameters, "strategy"), "maxFailures",
                        (json_t *)(uintptr_t)parts->max_failures);
    return true;
}

/* --- Versions --- */

static bool is_semantic(const char *version)
{
    int parts = 0;

    for (;;) {
        const size_t digits = strspn(version, "0123456789");

        if (digits == 0 || ++parts > 3)
            return false;
        version += digits;
        if (*version != '.')
            break;
        version++;
    }
    if (*version == '\0')
        return true;
    return (*version == '-' || *version == '+') && version[1] != '\0' &&
           strspn(version + 1, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-+") ==
               strlen(version + 1);
}

static bool is_pull_request(const char *version)
{
    return strncmp(version, "PR-", 3) == 0 && version[3] != '\0' &&
           strspn(version + 3, "0123456789") == strlen(version + 3);
}

static bool is_commit(const char *version)
{
    const char *commit = strrchr(version, '-');

    return commit != NULL && commit != version && commit[1] != '\0' && strpbrk(version, " \t\r\n") == NULL &&
           strspn(commit + 1, "0123456789abcdefABCDEF") == strlen(commit + 1);
}

bool kyma_version_is_well_formed(const char *version)
{
    return is_semantic(version) || is_pull_request(version) || is_commit(version);
}

static bool check_version(const char *version, const struct releases *releases, struct error *err)
{
    if (!kyma_version_is_well_formed(version))
        return error_set(err, ERROR_INPUT,
                         "invalid Kyma version \"%.64s\": expected a version such as 1.24.7, PR-<number> or "
                         "<branch>-<commit>",
                         version);
    if (releases_configuration(releases, version) == NULL)
        return error_set(err, ERROR_INPUT, "invalid Kyma version, version %.64s not found; known versions: %s", version,
                         releases_list(releases));
    return true;
}

static bool keep_kyma(const struct parts *parts, const struct upgrade_rules *rules, struct upgrade_body *body,
                      struct error *err)
{
    const char *asked = text_of(parts->kyma_version);
    json_t *kyma;

    body->version = "";
    if (parts->kyma == NULL)
        return true;
    if (rules->kind == UPGRADE_KYMA && asked[0] != '\0' && !check_version(asked, rules->releases, err))
        return false;
    kyma = asked[0] != '\0' ? json_pack("{s:s}", "version", asked) : json_object();
    /* The text in `parameters`: that of the request is gone when this is read. */
    if (rules->kind == UPGRADE_KYMA && asked[0] != '\0')
        body->version = json_string_value(json_object_get(kyma, "version"));
    json_object_set_new(body->parameters, "kyma", kyma);
    return true;
}

static void keep_kubernetes(const struct parts *parts, json_t *parameters)
{
    if (parts->kubernetes != NULL)
        json_object_set_new(parameters, "kubernetes",
                            json_pack("{s:s, s:s, s:s}", "kubernetesVersion", text_of(parts->kubernetes_version),
                                      "machineImage", text_of(parts->machine_image), "machineImageVersion",
                                      text_of(parts->machine_image_version)));
}

/* --- The whole --- */

static bool keep(const struct parts *parts, const struct upgrade_rules *rules, struct upgrade_body *body,
                 struct error *err)
{
    const char *stage = "while validating target";

    if (!keep_targets(parts, body->parameters, err))
        goto refused;
    stage = "while validating strategy";
    if (!keep_strategy(parts, body->parameters, err))
        goto refused;
    if (json_is_true(parts->dry_run))
        json_object_set_new(body->parameters, "dryRun", json_true());
    keep_kubernetes(parts, body->parameters);
    stage = "while validating kyma version";
    if (keep_kyma(parts, rules, body, err))
        return true;
refused:
    error_context(err, "%s", stage);
    return false;
}

bool upgrade_body_read(const char *bytes, size_t size, const struct upgrade_rules *rules, struct upgrade_body *body,
                       struct error *err)
{
    struct upgrade_body made = { .parameters = json_object() };
    struct parts parts = { 0 };
    json_t *json = json_decode_first(bytes, size, &parts.repeats, err);
    bool accepted = false;

    if (json == NULL || !take_parts(json, &parts, err))
        error_context(err, "while decoding request body");
    else
        accepted = keep(&parts, rules, &made, err);
    json_decref(json);
    if (accepted)
        *body = made;
    else
        upgrade_body_release(&made);
    return accepted;
}

void upgrade_body_release(struct upgrade_body *body)
{
    json_decref(body->parameters);
    *body = (struct upgrade_body){ 0 };
}
