#include "common/release/override.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/lenient.h"

struct overrides {
    const json_t *list;
    /* {"S<subaccount>" | "G<global account>" | "P<plan>": [indexes]}, each under its most particular one */
    json_t *index;
};

/* From the least particular to the most. */
static const struct particular {
    const char *member, *letter;
} particulars[] = { { "plan", "P" }, { "globalAccount", "G" }, { "subAccount", "S" } };

enum { PARTICULAR_COUNT = sizeof particulars / sizeof particulars[0] };

/* --- All of a release --- */

/* Appends to the list that `index` has under the letter and the text. */
static void index_add(json_t *index, const struct particular *particular, const char *text, size_t number)
{
    char *name;
    json_t *numbers;

    if (asprintf(&name, "%s%s", particular->letter, text) < 0)
        abort();
    numbers = json_object_get(index, name);
    if (numbers == NULL) {
        numbers = json_array();
        json_object_set_new(index, name, numbers);
    }
    json_array_append_new(numbers, json_integer((json_int_t)number));
    free(name);
}

struct overrides *overrides_new(const json_t *list)
{
    struct overrides *overrides = calloc(1, sizeof *overrides);
    json_t *override;
    size_t i;

    if (overrides == NULL)
        abort(); /* memory is bounded by the size of a folder, not by luck */
    overrides->list = list;
    overrides->index = json_object();
    json_array_foreach((json_t *)(uintptr_t)list, i, override) {
        const json_t *match = json_object_get(override, "match");
        size_t most = PARTICULAR_COUNT;

        while (most > 1 && json_text_of(match, particulars[most - 1].member)[0] == '\0')
            most--;
        index_add(overrides->index, &particulars[most - 1], json_text_of(match, particulars[most - 1].member), i);
    }
    return overrides;
}

void overrides_free(struct overrides *overrides)
{
    if (overrides == NULL)
        return;
    json_decref(overrides->index);
    free(overrides);
}

size_t overrides_count(const struct overrides *overrides)
{
    return json_array_size(overrides->list);
}

/* --- Which ones --- */

struct texts {
    const char *of[PARTICULAR_COUNT]; /* as `particulars` */
};

static bool holds(const json_t *override, const struct texts *texts)
{
    const json_t *match = json_object_get(override, "match");

    for (size_t i = 0; i < PARTICULAR_COUNT; i++) {
        const char *wanted = json_text_of(match, particulars[i].member);

        if (wanted[0] != '\0' && strcmp(wanted, texts->of[i]) != 0)
            return false;
    }
    return true;
}

static unsigned rank(const json_t *override)
{
    const json_t *match = json_object_get(override, "match");
    unsigned rank = 0;

    for (unsigned i = 0; i < PARTICULAR_COUNT; i++)
        if (json_text_of(match, particulars[i].member)[0] != '\0')
            rank |= 1u << i;
    return rank;
}

static int compare(const void *a, const void *b, void *context)
{
    const size_t left = *(const size_t *)a, right = *(const size_t *)b;
    const json_t *list = context;
    unsigned left_rank = rank(json_array_get(list, left)), right_rank = rank(json_array_get(list, right));

    if (left_rank != right_rank)
        return left_rank < right_rank ? -1 : 1;
    return left < right ? -1 : left > right ? 1 : 0;
}

static const json_t *candidates(const struct overrides *overrides, const struct particular *particular,
                                const char *text)
{
    const json_t *numbers;
    char *name;

    if (text[0] == '\0')
        return NULL;
    if (asprintf(&name, "%s%s", particular->letter, text) < 0)
        abort();
    numbers = json_object_get(overrides->index, name);
    free(name);
    return numbers;
}

size_t *overrides_match(const struct overrides *overrides, struct release_runtime runtime, size_t *count)
{
    const struct texts texts = { { runtime.plan == NULL ? "" : runtime.plan,
                                   runtime.global_account == NULL ? "" : runtime.global_account,
                                   runtime.sub_account == NULL ? "" : runtime.sub_account } };
    size_t *matched = NULL, most = 0;

    *count = 0;
    for (size_t i = 0; i < PARTICULAR_COUNT; i++) {
        const json_t *numbers = candidates(overrides, &particulars[i], texts.of[i]);

        for (size_t j = 0; j < json_array_size(numbers); j++) {
            size_t number = (size_t)json_integer_value(json_array_get(numbers, j));

            if (!holds(json_array_get(overrides->list, number), &texts))
                continue;
            if (*count == most) {
                most = most == 0 ? 8 : 2 * most;
                matched = realloc(matched, most * sizeof *matched);
                if (matched == NULL)
                    abort();
            }
            matched[(*count)++] = number;
        }
    }
    if (*count > 1)
        qsort_r(matched, *count, sizeof *matched, compare, (void *)(uintptr_t)overrides->list);
    return matched;
}

/* --- Applying --- */

/* The entry in the shape in which configurations travel: what is not set is null. */
static json_t *entry_of(const json_t *entry)
{
    const json_t *secret = json_object_get(entry, "secret");

    return json_pack("{s:O, s:O, s:o}", "key", json_object_get(entry, "key"), "value", json_object_get(entry, "value"),
                     "secret", secret == NULL ? json_null() : json_boolean(json_is_true(secret)));
}

/* `entries` (NULL, null: none) with those of `with` in the place of entries of their keys, else behind them. Own. */
static json_t *entries_merged(const json_t *entries, const json_t *with)
{
    json_t *merged = json_is_array(entries) ? json_copy((json_t *)(uintptr_t)entries) : json_array();
    json_t *places = json_object(), *entry;
    size_t i;

    json_array_foreach(merged, i, entry)
        json_object_set_new(places, json_text_of(entry, "key"), json_integer((json_int_t)i));
    json_array_foreach((json_t *)(uintptr_t)with, i, entry) {
        const json_t *place = json_object_get(places, json_text_of(entry, "key"));

        if (place != NULL) {
            json_array_set_new(merged, (size_t)json_integer_value(place), entry_of(entry));
            continue;
        }
        json_object_set_new(places, json_text_of(entry, "key"), json_integer((json_int_t)json_array_size(merged)));
        json_array_append_new(merged, entry_of(entry));
    }
    json_decref(places);
    return merged;
}

static size_t find_component(const json_t *components, const char *name)
{
    size_t i;

    for (i = 0; i < json_array_size(components); i++)
        if (strcmp(json_text_of(json_array_get(components, i), "component"), name) == 0)
            break;
    return i;
}

static void apply_component(json_t *components, const json_t *item)
{
    const json_t *entries = json_object_get(item, "configuration");
    json_t *namespace = json_object_get(item, "namespace"), *component;
    size_t place = find_component(components, json_text_of(item, "component"));

    if (place == json_array_size(components) && namespace != NULL)
        json_array_append_new(components,
                              json_pack("{s:O,s:O,s:n,s:n,s:n}", "component", json_object_get(item, "component"),
                                        "namespace", namespace, "configuration", "sourceURL", "conflictStrategy"));
    if (place == json_array_size(components))
        return; /* disabled by another one */
    component = json_copy(json_array_get(components, place));
    if (namespace != NULL) /* a less particular one may have added it elsewhere */
        json_object_set(component, "namespace", namespace);
    if (entries != NULL)
        json_object_set_new(component, "configuration",
                            entries_merged(json_object_get(component, "configuration"), entries));
    json_array_set_new(components, place, component);
}

static void apply(json_t *body, const json_t *override)
{
    const json_t *entries = json_object_get(override, "configuration");
    json_t *components = json_object_get(body, "components"), *item;
    size_t i;

    if (entries != NULL)
        json_object_set_new(body, "configuration", entries_merged(json_object_get(body, "configuration"), entries));
    json_array_foreach(json_object_get(override, "components"), i, item)
        apply_component(components, item);
    json_array_foreach(json_object_get(override, "disable"), i, item)
        json_array_remove(components, find_component(components, json_string_value(item)));
}

json_t *overrides_apply(const struct overrides *overrides, const json_t *configuration, const size_t *which,
                        size_t count)
{
    json_t *body = json_copy((json_t *)(uintptr_t)configuration);

    json_object_set_new(body, "components", json_copy(json_object_get(body, "components")));
    for (size_t i = 0; i < count; i++)
        apply(body, json_array_get(overrides->list, which[i]));
    return body;
}
