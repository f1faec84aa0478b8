#include "services/broker/selector.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/lenient.h"
#include "common/regex/regex.h"

enum compare { COMPARE_EXACT, COMPARE_PATTERN, COMPARE_ALL };

/* What is cheap to compare comes first. */
static const struct member {
    const char *name;
    enum compare compare;
    size_t field; /* of struct selector_subject */
} members[] = {
    { "target", COMPARE_ALL, 0 },
    { "instanceID", COMPARE_EXACT, offsetof(struct selector_subject, instance_id) },
    { "runtimeID", COMPARE_EXACT, offsetof(struct selector_subject, runtime_id) },
    { "planName", COMPARE_EXACT, offsetof(struct selector_subject, plan_name) },
    { "shoot", COMPARE_EXACT, offsetof(struct selector_subject, shoot) },
    { "region", COMPARE_PATTERN, offsetof(struct selector_subject, region) },
    { "globalAccount", COMPARE_PATTERN, offsetof(struct selector_subject, global_account) },
    { "subAccount", COMPARE_PATTERN, offsetof(struct selector_subject, sub_account) },
};
enum { MEMBER_COUNT = sizeof members / sizeof *members };

struct condition {
    const struct member *member;
    char *text;          /* owned; NULL for a pattern */
    struct regex *regex; /* owned; NULL but for a pattern */
};

struct selector {
    struct condition conditions[MEMBER_COUNT];
    size_t count;
};

struct selector_list {
    struct selector *items;
    size_t count;
};

struct selectors {
    struct selector_list include, exclude;
    size_t pattern_count, weight;
};

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size);

    if (memory == NULL)
        abort();
    return memory;
}

static const struct member *member_of(const char *name)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

static bool check_members(const json_t *selector, struct error *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(selector))
        return error_set(err, ERROR_INPUT, "a selector must be an object");
    json_object_foreach((json_t *)selector, name, value) {
        if (member_of(name) == NULL)
            return error_set(err, ERROR_INPUT, "there is no member \"%s\" of a selector", name);
        if (!json_is_string(value) && !json_is_null(value))
            return error_set(err, ERROR_INPUT, "\"%s\" must be a string", name);
    }
    return true;
}

static bool compile_condition(struct selectors *selectors, struct selector *selector, const struct member *member,
                              const char *text, struct error *err)
{
    struct condition *condition = &selector->conditions[selector->count];

    condition->member = member;
    if (member->compare == COMPARE_PATTERN) {
        if (++selectors->pattern_count > SELECTOR_PATTERN_COUNT_MAX)
            return error_set(err, ERROR_INPUT, "there are more than %d patterns", SELECTOR_PATTERN_COUNT_MAX);
        condition->regex = regex_new(text, err);
        if (condition->regex == NULL) {
            error_context(err, "\"%s\"", member->name);
            return false;
        }
        selectors->weight += regex_size(condition->regex);
    } else {
        condition->text = strdup(text);
        if (condition->text == NULL)
            abort();
    }
    selector->count++;
    return true;
}

static bool compile_selector(struct selectors *selectors, const json_t *json, struct selector *selector,
                             struct error *err)
{
    const char *runtime_id;

    if (!check_members(json, err))
        return false;
    runtime_id = json_text_of(json, "runtimeID");
    if (*runtime_id != '\0')
        return compile_condition(selectors, selector, member_of("runtimeID"), runtime_id, err);
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const char *text = json_text_of(json, members[i].name);

        if (*text != '\0' && !compile_condition(selectors, selector, &members[i], text, err))
            return false;
    }
    if (selector->count == 0)
        return error_set(err, ERROR_INPUT, "it names nothing: give \"target\": \"all\" to mean all runtimes");
    return true;
}

static bool compile_list(struct selectors *selectors, const json_t *targets, const char *name,
                         struct selector_list *list, struct error *err)
{
    const json_t *json = json_object_get(targets, name);
    size_t count = json_array_size(json);

    if (json != NULL && !json_is_null(json) && !json_is_array(json))
        return error_set(err, ERROR_INPUT, "targets.%s must be an array", name);
    if (count > SELECTOR_COUNT_MAX)
        return error_set(err, ERROR_INPUT, "targets.%s has %zu selectors, at most %d are allowed", name, count,
                         SELECTOR_COUNT_MAX);
    list->items = allocate(count, sizeof *list->items);
    for (; list->count < count; list->count++) {
        if (!compile_selector(selectors, json_array_get(json, list->count), &list->items[list->count], err)) {
            error_context(err, "targets.%s[%zu]", name, list->count);
            list->count++; /* what was compiled of it is freed with the rest */
            return false;
        }
    }
    return true;
}

struct selectors *selectors_new(const json_t *targets, struct error *err)
{
    struct selectors *selectors = allocate(1, sizeof *selectors);

    if (!compile_list(selectors, targets, "include", &selectors->include, err) ||
        !compile_list(selectors, targets, "exclude", &selectors->exclude, err)) {
        selectors_free(selectors);
        return NULL;
    }
    if (selectors->include.count == 0) {
        error_set(err, ERROR_INPUT, "targets.include array must be not empty");
        selectors_free(selectors);
        return NULL;
    }
    return selectors;
}

static void list_release(struct selector_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        for (size_t j = 0; j < MEMBER_COUNT; j++) {
            free(list->items[i].conditions[j].text);
            regex_free(list->items[i].conditions[j].regex);
        }
    }
    free(list->items);
}

void selectors_free(struct selectors *selectors)
{
    if (selectors == NULL)
        return;
    list_release(&selectors->include);
    list_release(&selectors->exclude);
    free(selectors);
}

size_t selectors_weight(const struct selectors *selectors)
{
    return selectors->weight + selectors->include.count + selectors->exclude.count;
}

static bool condition_holds(const struct condition *condition, const struct selector_subject *subject)
{
    const char *value = *(const char *const *)((const char *)subject + condition->member->field);

    switch (condition->member->compare) {
    case COMPARE_EXACT: return strcmp(condition->text, value) == 0;
    case COMPARE_PATTERN: return regex_matches(condition->regex, value);
    case COMPARE_ALL: return strcmp(condition->text, "all") == 0;
    }
    return false;
}

static int list_match(const struct selector_list *list, const struct selector_subject *subject)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct selector *selector = &list->items[i];
        size_t held = 0;

        while (held < selector->count && condition_holds(&selector->conditions[held], subject))
            held++;
        if (held == selector->count)
            return (int)i;
    }
    return -1;
}

int selectors_match(const struct selectors *selectors, const struct selector_subject *subject)
{
    int include = list_match(&selectors->include, subject);

    return include >= 0 && list_match(&selectors->exclude, subject) < 0 ? include : -1;
}
