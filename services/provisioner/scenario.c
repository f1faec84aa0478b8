#include "services/provisioner/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/regex/regex.h"

enum {
    RULES_MAX = 100,
    REASON_LENGTH_MAX = 500,
    DEFAULT_MIN_MS = 2000, /* an operation must be seen in progress by whoever looks right after asking for it */
    DEFAULT_MAX_MS = 4000,
    DURATION_MAX_MS = 24 * 60 * 60 * 1000,
};

struct range {
    int64_t min_ms, max_ms;
};

struct rule {
    struct regex *runtime; /* NULL: any */
    char *stage;           /* NULL: any */
    char *fail;            /* NULL: it succeeds */
    struct range duration;
};

struct scenario {
    struct range duration;
    struct rule *rules;
    size_t count;
};

/* --- Reading --- */

static bool check_members(const json_t *object, const char *const *names, const char *accepted, struct error *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(object))
        return error_set(err, ERROR_INPUT, "must be an object with %s", accepted);
    json_object_foreach((json_t *)object, name, value) {
        size_t i = 0;

        while (names[i] != NULL && strcmp(names[i], name) != 0)
            i++;
        if (names[i] == NULL)
            return error_set(err, ERROR_INPUT, "%.40s: no such member; there are %s", name, accepted);
    }
    return true;
}

static bool read_duration(const json_t *object, struct range *range, struct error *err)
{
    const json_t *list = json_object_get(object, "durationMs");
    const json_t *min = json_array_get(list, 0), *max = json_array_get(list, 1);

    if (list == NULL)
        return true;
    if (json_array_size(list) != 2 || !json_is_integer(min) || !json_is_integer(max) || json_integer_value(min) < 0 ||
        json_integer_value(min) > json_integer_value(max) || json_integer_value(max) > DURATION_MAX_MS)
        return error_set(err, ERROR_INPUT, "durationMs: must be [min, max] with 0 <= min <= max <= %d",
                         DURATION_MAX_MS);
    *range = (struct range){ .min_ms = json_integer_value(min), .max_ms = json_integer_value(max) };
    return true;
}

static bool read_text(const json_t *object, const char *name, char **text, struct error *err)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL)
        return true;
    if (!json_is_string(value) || json_string_length(value) == 0 || json_string_length(value) > REASON_LENGTH_MAX)
        return error_set(err, ERROR_INPUT, "%s: must be a text of 1 to %d bytes", name, REASON_LENGTH_MAX);
    *text = strdup(json_string_value(value));
    if (*text == NULL)
        abort();
    return true;
}

static bool read_rule(const json_t *object, struct range duration, struct rule *rule, struct error *err)
{
    static const char *const names[] = { "runtime", "stage", "durationMs", "fail", NULL };
    char *pattern = NULL;
    bool read;

    rule->duration = duration;
    if (!check_members(object, names, "runtime, stage, durationMs, fail", err) ||
        !read_duration(object, &rule->duration, err) || !read_text(object, "stage", &rule->stage, err) ||
        !read_text(object, "fail", &rule->fail, err) || !read_text(object, "runtime", &pattern, err))
        return false;
    if (pattern == NULL)
        return true;
    rule->runtime = regex_new(pattern, err);
    read = rule->runtime != NULL;
    if (!read)
        error_context(err, "runtime");
    free(pattern);
    return read;
}

static bool read_rules(struct scenario *scenario, const json_t *rules, struct error *err)
{
    json_t *rule;
    size_t i;

    if (rules == NULL)
        return true;
    if (!json_is_array(rules) || json_array_size(rules) > RULES_MAX)
        return error_set(err, ERROR_INPUT, "rules: must be a list of at most %d", RULES_MAX);
    scenario->rules = calloc(json_array_size(rules) + 1, sizeof *scenario->rules);
    if (scenario->rules == NULL)
        abort();
    json_array_foreach(rules, i, rule) {
        scenario->count = i + 1;
        if (!read_rule(rule, scenario->duration, &scenario->rules[i], err)) {
            error_context(err, "rules[%zu]", i);
            return false;
        }
    }
    return true;
}

static bool read_default(struct scenario *scenario, const json_t *object, struct error *err)
{
    static const char *const names[] = { "durationMs", NULL };

    if (object == NULL)
        return true;
    if (check_members(object, names, "durationMs", err) && read_duration(object, &scenario->duration, err))
        return true;
    error_context(err, "default");
    return false;
}

struct scenario *scenario_parse(const json_t *json, struct error *err)
{
    static const char *const names[] = { "default", "rules", NULL };
    struct scenario *scenario = calloc(1, sizeof *scenario);

    if (scenario == NULL)
        abort();
    scenario->duration = (struct range){ DEFAULT_MIN_MS, DEFAULT_MAX_MS };
    if (check_members(json, names, "default, rules", err) &&
        read_default(scenario, json_object_get(json, "default"), err) &&
        read_rules(scenario, json_object_get(json, "rules"), err))
        return scenario;
    scenario_free(scenario);
    return NULL;
}

struct scenario *scenario_load(const char *path, struct error *err)
{
    struct scenario *scenario;
    json_error_t why = { 0 };
    json_t *json = path == NULL ? json_object() : json_load_file(path, JSON_REJECT_DUPLICATES, &why);

    if (json == NULL) {
        error_set(err, ERROR_INPUT, "%s: line %d, column %d: %s", path, why.line, why.column, why.text);
        return NULL;
    }
    scenario = scenario_parse(json, err);
    if (scenario == NULL)
        error_context(err, "%s", path);
    json_decref(json);
    return scenario;
}

void scenario_free(struct scenario *scenario)
{
    if (scenario == NULL)
        return;
    for (size_t i = 0; i < scenario->count; i++) {
        regex_free(scenario->rules[i].runtime);
        free(scenario->rules[i].stage);
        free(scenario->rules[i].fail);
    }
    free(scenario->rules);
    free(scenario);
}

/* --- Fate --- */

/* A number below `count`, evenly spread, that depends on the stage alone. */
static int64_t spread(struct scenario_stage stage, int64_t count)
{
    enum { HEX_DIGITS = 12 }; /* 48 bits: far finer than milliseconds of a day, and far from overflow */
    char name[512], hash[SHA256_HEX_SIZE];
    int length;

    if (count <= 1)
        return 0;
    length = snprintf(name, sizeof name, "%s\n%s\n%s", stage.runtime_id, stage.operation_id, stage.stage);
    sha256_hex(name, (size_t)length < sizeof name ? (size_t)length : sizeof name - 1, hash);
    hash[HEX_DIGITS] = '\0';
    return (int64_t)(strtoull(hash, NULL, 16) % (unsigned long long)count);
}

static bool rule_matches(const struct rule *rule, struct scenario_stage stage)
{
    return (rule->stage == NULL || strcmp(rule->stage, stage.stage) == 0) &&
           (rule->runtime == NULL || regex_matches(rule->runtime, stage.runtime_id));
}

struct scenario_fate scenario_fate(const struct scenario *scenario, struct scenario_stage stage)
{
    struct range duration = scenario->duration;
    const char *fail = NULL;

    for (size_t i = 0; i < scenario->count; i++) {
        if (rule_matches(&scenario->rules[i], stage)) {
            duration = scenario->rules[i].duration;
            fail = scenario->rules[i].fail;
            break;
        }
    }
    return (struct scenario_fate){
        .duration_ms = duration.min_ms + spread(stage, duration.max_ms - duration.min_ms + 1), .fail = fail
    };
}
