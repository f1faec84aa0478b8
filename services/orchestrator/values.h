/* values.h - texts and numbers as the orchestrator's state keeps them and as JSON holds them. */
#ifndef TIDEGATE_ORCHESTRATOR_VALUES_H
#define TIDEGATE_ORCHESTRATOR_VALUES_H

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Zeroed memory; never NULL. */
static inline void *value_allocate(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL)
        abort(); /* memory is bounded by the limits on sizes, not by luck */
    return memory;
}

/* A copy that the caller owns. */
static inline char *value_copy(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(value_allocate(size), text, size);
}

/* Replaces an owned text by a copy of `text` (NULL stays NULL). */
static inline void text_set(char **at, const char *text)
{
    char *old = *at;

    *at = text == NULL ? NULL : value_copy(text); /* `text` may be a part of the old one */
    free(old);
}

/* A text member of an object, or "". Borrowed. */
static inline const char *data_text(const json_t *data, const char *member)
{
    const char *text = json_string_value(json_object_get(data, member));

    return text != NULL ? text : "";
}

/* An integer member of an object, or 0. */
static inline int64_t data_integer(const json_t *data, const char *member)
{
    return json_integer_value(json_object_get(data, member));
}

/* The index of `name` in `names`, or 0. */
static inline int name_index(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return 0;
}

#endif
