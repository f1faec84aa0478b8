#include "services/tidectl/target.h"

#include <string.h>
#include <strings.h>

#include "common/base/error.h"

static const struct {
    const char *name, *member;
} names[] = {
    { "globalAccount", "globalAccount" },
    { "account", "globalAccount" },
    { "subAccount", "subAccount" },
    { "runtimeID", "runtimeID" },
    { "runtime", "runtimeID" },
    { "planName", "planName" },
    { "plan", "planName" },
    { "region", "region" },
    { "shoot", "shoot" },
    { "instanceID", "instanceID" },
    { "instance", "instanceID" },
};

static const char *member_of(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i].name) == size && strncasecmp(names[i].name, name, size) == 0)
            return names[i].member;
    }
    return NULL;
}

static bool add_member(json_t *selector, const char *text, size_t size, struct error *err)
{
    const char *equals = memchr(text, '=', size), *member;
    size_t name_size;

    if (equals == NULL)
        return error_set(err, ERROR_INPUT, "\"%.*s\" is not name=value; a value cannot hold a comma", (int)size, text);
    name_size = (size_t)(equals - text);
    member = member_of(text, name_size);
    if (member == NULL)
        return error_set(err, ERROR_INPUT,
                         "\"%.*s\" selects nothing; known are account, subAccount, runtime, instance, plan, "
                         "region, shoot",
                         (int)name_size, text);
    if (name_size + 1 == size)
        return error_set(err, ERROR_INPUT, "%s has no value; an empty one would select everything", member);
    if (json_object_get(selector, member) != NULL)
        return error_set(err, ERROR_INPUT, "%s is given twice; give a second selector for either of two values",
                         member);
    return json_object_set_new(selector, member, json_stringn(equals + 1, size - name_size - 1)) == 0 ||
           error_set(err, ERROR_INPUT, "the value of %s is not UTF-8", member);
}

json_t *target_parse(const char *text, bool all_allowed, struct error *err)
{
    json_t *selector = json_object();

    if (strcmp(text, "all") == 0) {
        if (all_allowed && json_object_set_new(selector, "target", json_string("all")) == 0)
            return selector;
        error_set(err, ERROR_INPUT, "\"all\" cannot be excluded: nothing would be left");
        json_decref(selector);
        return NULL;
    }
    for (const char *at = text;; at++) {
        const size_t size = strcspn(at, ",");

        if (!add_member(selector, at, size, err)) {
            json_decref(selector);
            return NULL;
        }
        at += size;
        if (*at == '\0')
            return selector;
    }
}
