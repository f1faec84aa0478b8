#include "services/provisioner/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/id.h"
#include "common/regex/regex.h"

enum {
    RULES_MAX = 100,
    REASON_LENGTH_MAX = 500,
    DEFAULT_MIN_MS = 2000, /* an operation must be seen in progress by whoever looks right after asking for it */
    DEFAULT_MAX_MS = 4000,
    DURATION_MAX_MS = 24 * 60 * 60 * 1000,
};

/* What a rule says of the stages that it matches, and the default of all others. */
struct course {
    int64_t min_ms, max_ms;
    size_t steps, flaps;
    bool never;
    char *fail, *reason, *component; /* NULL: none */
};

struct rule {
    struct regex *runtime;   /* NULL: any */
    char *operation, *stage; /* NULL: any */
    size_t attempts;         /* the first so many; 0: any */
    struct course course;
};

struct scenario {
    char *holds; /* a folder; NULL: none */
    struct course course;
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

static bool read_duration(const json_t *object, struct course *course, struct error *err)
{
    const json_t *list = json_object_get(object, "durationMs");
    const json_t *min = json_array_get(list, 0), *max = json_array_get(list, 1);

    if (list == NULL)
        return true;
    if (json_array_size(list) != 2 || !json_is_integer(min) || !json_is_integer(max) || json_integer_value(min) < 0 ||
        json_integer_value(min) > json_integer_value(max) || json_integer_value(max) > DURATION_MAX_MS)
        return error_set(err, ERROR_INPUT, "durationMs: must be [min, max] with 0 <= min <= max <= %d",
                         DURATION_MAX_MS);
    course->min_ms = json_integer_value(min);
    course->max_ms = json_integer_value(max);
    return true;
}

static bool read_number(const json_t *object, const char *name, size_t max, size_t *number, struct error *err)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > (json_int_t)max)
        return error_set(err, ERROR_INPUT, "%s: must be a whole number from 0 to %zu", name, max);
    *number = (size_t)json_integer_value(value);
    return true;
}

static bool read_boolean(const json_t *object, const char *name, bool *boolean, struct error *err)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL)
        return true;
    if (!json_is_boolean(value))
        return error_set(err, ERROR_INPUT, "%s: must be true or false", name);
    *boolean = json_is_true(value);
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

static bool read_runtime(const json_t *object, struct rule *rule, struct error *err)
{
    char *pattern = NULL;

    if (!read_text(object, "runtime", &pattern, err))
        return false;
    if (pattern == NULL)
        return true;
    rule->runtime = regex_new(pattern, err);
    free(pattern);
    if (rule->runtime == NULL)
        error_context(err, "runtime");
    return rule->runtime != NULL;
}

static bool read_course(const json_t *object, struct course *course, struct error *err)
{
    return read_duration(object, course, err) &&
           read_number(object, "steps", SCENARIO_STEPS_MAX, &course->steps, err) &&
           read_number(object, "flaps", SCENARIO_FLAPS_MAX, &course->flaps, err) &&
           read_boolean(object, "never", &course->never, err) && read_text(object, "fail", &course->fail, err) &&
           read_text(object, "reason", &course->reason, err) && read_text(object, "component", &course->component, err);
}

/* What contradicts itself would rehearse something else than its author thinks. */
static bool check_course(const struct course *course, struct error *err)
{
    if (course->fail == NULL && course->flaps > 0)
        return error_set(err, ERROR_INPUT, "flaps: needs fail, the text of the errors");
    if (course->fail == NULL && (course->reason != NULL || course->component != NULL))
        return error_set(err, ERROR_INPUT, "reason, component: need fail, the text of the error");
    if (course->fail != NULL && course->never && course->flaps == 0)
        return error_set(err, ERROR_INPUT,
                         "never: a stage that never ends does not fail; with flaps its errors are "
                         "retried");
    return true;
}

static bool read_rule(const json_t *object, const struct course *fallback, struct rule *rule, struct error *err)
{
    static const char *const names[] = { "runtime", "operation", "stage",     "attempts", "durationMs", "steps",
                                         "fail",    "reason",    "component", "flaps",    "never",      NULL };

    rule->course = (struct course){ .min_ms = fallback->min_ms, .max_ms = fallback->max_ms, .steps = fallback->steps };
    return check_members(
               object, names,
               "runtime, operation, stage, attempts, durationMs, steps, fail, reason, component, flaps, never", err) &&
           read_runtime(object, rule, err) && read_text(object, "operation", &rule->operation, err) &&
           read_text(object, "stage", &rule->stage, err) &&
           read_number(object, "attempts", SCENARIO_ATTEMPTS_MAX, &rule->attempts, err) &&
           read_course(object, &rule->course, err) && check_course(&rule->course, err);
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
        if (!read_rule(rule, &scenario->course, &scenario->rules[i], err)) {
            error_context(err, "rules[%zu]", i);
            return false;
        }
    }
    return true;
}

static bool read_default(struct scenario *scenario, const json_t *object, struct error *err)
{
    static const char *const names[] = { "durationMs", "steps", NULL };

    if (object == NULL)
        return true;
    if (check_members(object, names, "durationMs, steps", err) && read_course(object, &scenario->course, err))
        return true;
    error_context(err, "default");
    return false;
}

struct scenario *scenario_parse(const json_t *json, struct error *err)
{
    static const char *const names[] = { "holds", "default", "rules", NULL };
    struct scenario *scenario = calloc(1, sizeof *scenario);

    if (scenario == NULL)
        abort();
    scenario->course = (struct course){ .min_ms = DEFAULT_MIN_MS, .max_ms = DEFAULT_MAX_MS, .steps = 1 };
    if (check_members(json, names, "holds, default, rules", err) && read_text(json, "holds", &scenario->holds, err) &&
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

static void rule_release(struct rule *rule)
{
    regex_free(rule->runtime);
    free(rule->operation);
    free(rule->stage);
    free(rule->course.fail);
    free(rule->course.reason);
    free(rule->course.component);
}

void scenario_free(struct scenario *scenario)
{
    if (scenario == NULL)
        return;
    for (size_t i = 0; i < scenario->count; i++) {
        rule_release(&scenario->rules[i]);
    }
    free(scenario->rules);
    free(scenario->holds);
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
    if (stage.attempt > 1 && (size_t)length < sizeof name)
        length += snprintf(name + length, sizeof name - (size_t)length, "\n%d", stage.attempt);
    sha256_hex(name, (size_t)length < sizeof name ? (size_t)length : sizeof name - 1, hash);
    hash[HEX_DIGITS] = '\0';
    return (int64_t)(strtoull(hash, NULL, 16) % (unsigned long long)count);
}

/* A rule for whatever stage does not keep an operation from being stopped for ever: only one that says so does. */
static bool stage_matches(const struct rule *rule, const char *stage)
{
    if (rule->stage == NULL)
        return !rule->course.never || strcmp(stage, "Stopping") != 0;
    return strcmp(rule->stage, stage) == 0;
}

static bool rule_matches(const struct rule *rule, struct scenario_stage stage)
{
    return stage_matches(rule, stage.stage) && (rule->attempts == 0 || stage.attempt <= (int)rule->attempts) &&
           (rule->operation == NULL || strcmp(rule->operation, stage.operation) == 0) &&
           (rule->runtime == NULL || regex_matches(rule->runtime, stage.runtime_id));
}

static const struct course *course_of(const struct scenario *scenario, struct scenario_stage stage)
{
    for (size_t i = 0; i < scenario->count; i++)
        if (rule_matches(&scenario->rules[i], stage))
            return &scenario->rules[i].course;
    return &scenario->course;
}

struct scenario_fate scenario_fate(const struct scenario *scenario, struct scenario_stage stage)
{
    const struct course *course = course_of(scenario, stage);
    const int64_t duration_ms = course->min_ms + spread(stage, course->max_ms - course->min_ms + 1);
    const bool tells = strcmp(stage.stage, "WaitingForInstallation") == 0 && duration_ms > SCENARIO_NOTED_DURATION_MS;

    return (struct scenario_fate){ .duration_ms = duration_ms,
                                   .never = course->never,
                                   .fail = course->fail,
                                   .reason = course->reason,
                                   .component = course->component,
                                   .flaps = course->flaps,
                                   .steps = tells ? course->steps : 0 };
}

static bool is_there(const char *folder, const char *name, const char *dot, const char *more)
{
    char path[1024];
    const int length = snprintf(path, sizeof path, "%s/%s%s%s", folder, name, dot, more);

    return length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0;
}

bool scenario_holds(const struct scenario *scenario, const char *runtime_id, const char *stage)
{
    return scenario->holds != NULL &&
           (is_there(scenario->holds, runtime_id, "", "") || is_there(scenario->holds, runtime_id, ".", stage) ||
            is_there(scenario->holds, "all", "", ""));
}

int64_t scenario_moment_ms(const struct scenario_fate *fate, size_t index, size_t count)
{
    return fate->duration_ms * (int64_t)(index + 1) / (int64_t)(count + 1);
}
