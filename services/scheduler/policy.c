#include "services/scheduler/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/lenient.h"
#include "common/regex/regex.h"
#include "common/release/release.h"

enum { UNKNOWN_SIZE_MAX = 20 }; /* bytes of a misspelt member's name that is still told */

enum { MATCH_ACCOUNT, MATCH_PLAN, MATCH_REGION, MATCH_COUNT };

static const char *const match_members[] = { "globalAccountID", "plan", "region", NULL };
static const char *const rule_members[] = { "match", "days", "timeBegin", "timeEnd", "timeZone", NULL };
static const char *const *const default_members = rule_members + 1;
static const char *const policy_members[] = { "rules", "default", NULL };

struct entry {
    unsigned days;                                       /* none: the runtime's own */
    char begin[TIME_OF_DAY_SIZE], end[TIME_OF_DAY_SIZE]; /* "": the runtime's own */
    const struct zone *zone;                             /* of both; NULL: they have offsets */
};

struct rule {
    struct regex *match[MATCH_COUNT]; /* NULL: any */
    struct entry entry;
};

struct policy {
    struct rule *rules;
    size_t rule_count;
    struct entry fallback;
};

/* --- Reading --- */

/* Where the reader stands, and what it found wrong. */
struct reader {
    char place[POLICY_PLACE_SIZE];
    size_t depth; /* bytes of `place` */
    const struct zones *zones;
    struct error *err;
};

/* Steps into a member or an element; gives the depth to which `leave` goes back. */
static __attribute__((format(printf, 2, 3))) size_t enter(struct reader *reader, const char *format, ...)
{
    size_t depth = reader->depth;
    va_list list;

    va_start(list, format);
    vsnprintf(reader->place + depth, sizeof reader->place - depth, format, list);
    va_end(list);
    reader->depth = strlen(reader->place);
    return depth;
}

static bool leave(struct reader *reader, size_t depth)
{
    reader->depth = depth;
    reader->place[depth] = '\0';
    return true;
}

static size_t enter_member(struct reader *reader, const char *name)
{
    return enter(reader, "%s%s", reader->depth == 0 ? "" : ".", name);
}

static bool wrong(const struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(const struct reader *reader, const char *format, ...)
{
    char what[ERROR_MESSAGE_SIZE];
    va_list list;

    va_start(list, format);
    vsnprintf(what, sizeof what, format, list);
    va_end(list);
    return error_set(reader->err, ERROR_INPUT, "%s%s%s", reader->place, reader->depth == 0 ? "" : ": ", what);
}

static bool is_listed(const char *const *names, const char *name)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* "days, timeBegin, timeEnd" */
static void list_names(const char *const *names, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t at = 0; *names != NULL && at < size; names++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", at == 0 ? "" : ", ", *names);
}

/* Is `value` an object with these members alone? A misspelt member would else be a rule that does not hold. */
static bool check_members(struct reader *reader, const json_t *value, const char *const *names)
{
    char right[POLICY_PLACE_SIZE];
    const char *name;
    json_t *member;

    list_names(names, right, sizeof right);
    if (!json_is_object(value))
        return wrong(reader, "is %s; right is an object with %s", json_type_text(value), right);
    json_object_foreach((json_t *)value, name, member) {
        if (is_listed(names, name))
            continue;
        if (strlen(name) > UNKNOWN_SIZE_MAX || strpbrk(name, ".[\\\"") != NULL)
            return wrong(reader, "has a member that means nothing; right are %s", right);
        enter_member(reader, name);
        return wrong(reader, "means nothing; right are %s", right);
    }
    return true;
}

/* The member, or NULL if it is not there or null. */
static json_t *member_of(const json_t *object, const char *name)
{
    json_t *member = json_object_get(object, name);

    return json_is_null(member) ? NULL : member;
}

/* The text of a member: "" if there is none. False: it is no text. */
static bool read_text(const struct reader *reader, const json_t *member, const char **text)
{
    if (member != NULL && !json_is_string(member))
        return wrong(reader, "is %s; right is a string", json_type_text(member));
    *text = member == NULL ? "" : json_string_value(member);
    return true;
}

static bool read_zone(struct reader *reader, const json_t *object, const struct zone **zone)
{
    size_t depth = enter_member(reader, "timeZone");
    const char *name = "";

    if (!read_text(reader, member_of(object, "timeZone"), &name))
        return false;
    *zone = zones_find(reader->zones, name);
    if (*name != '\0' && *zone == NULL)
        return wrong(reader, "is no time zone that is known here; right is one such as Europe/Berlin");
    return leave(reader, depth);
}

static bool read_time(struct reader *reader, const json_t *object, const char *name, const struct zone *zone,
                      char time[TIME_OF_DAY_SIZE])
{
    size_t depth = enter_member(reader, name);
    struct time_of_day parsed;
    struct error why = { 0 };
    const char *text = "";

    if (!read_text(reader, member_of(object, name), &text))
        return false;
    if (zone != NULL && *text == '\0')
        return wrong(reader, "is needed beside a timeZone");
    if (*text != '\0' && !(zone != NULL ? local_time_parse : time_of_day_parse)(text, &parsed, &why))
        return wrong(reader, "%s", why.message);
    snprintf(time, TIME_OF_DAY_SIZE, "%s", text);
    return leave(reader, depth);
}

static bool read_day(struct reader *reader, const json_t *value, size_t index, unsigned *days)
{
    size_t depth = enter(reader, "[%zu]", index);
    enum weekday day;

    if (!weekday_parse(json_string_value(value), &day))
        return wrong(reader, "is no day; right are Mon, Tue, Wed, Thu, Fri, Sat, Sun");
    *days |= 1U << day;
    return leave(reader, depth);
}

static bool read_days(struct reader *reader, const json_t *object, unsigned *days)
{
    const json_t *list = member_of(object, "days");
    size_t depth = enter_member(reader, "days"), i;
    json_t *day;

    if (list != NULL && !json_is_array(list))
        return wrong(reader, "is %s; right is a list of days, such as [\"Sat\", \"Sun\"]", json_type_text(list));
    if (list != NULL && json_array_size(list) == 0)
        return wrong(reader, "is empty, so that the window would never open; name a day, or leave it out");
    json_array_foreach((json_t *)list, i, day)
        if (!read_day(reader, day, i, days))
            return false;
    return leave(reader, depth);
}

static bool read_entry(struct reader *reader, const json_t *object, struct entry *entry)
{
    return read_days(reader, object, &entry->days) && read_zone(reader, object, &entry->zone) &&
           read_time(reader, object, "timeBegin", entry->zone, entry->begin) &&
           read_time(reader, object, "timeEnd", entry->zone, entry->end);
}

static bool read_pattern(struct reader *reader, const json_t *match, const char *name, struct regex **regex)
{
    size_t depth = enter_member(reader, name);
    struct error why = { 0 };
    const char *pattern = "";

    if (!read_text(reader, member_of(match, name), &pattern))
        return false;
    if (*pattern != '\0' && (*regex = regex_new(pattern, &why)) == NULL)
        return wrong(reader, "%s", why.message);
    return leave(reader, depth);
}

static bool read_match(struct reader *reader, const json_t *match, struct rule *rule)
{
    size_t depth = enter_member(reader, "match");

    if (match == NULL)
        return leave(reader, depth);
    if (!check_members(reader, match, match_members))
        return false;
    for (int i = 0; i < MATCH_COUNT; i++)
        if (!read_pattern(reader, match, match_members[i], &rule->match[i]))
            return false;
    return leave(reader, depth);
}

static bool read_rule(struct reader *reader, const json_t *object, size_t index, struct rule *rule)
{
    size_t depth = enter(reader, "[%zu]", index);

    return check_members(reader, object, rule_members) && read_match(reader, member_of(object, "match"), rule) &&
           read_entry(reader, object, &rule->entry) && leave(reader, depth);
}

static bool read_rules(struct reader *reader, const json_t *rules, struct policy *policy)
{
    size_t depth = enter_member(reader, "rules"), i;
    json_t *rule;

    if (rules != NULL && !json_is_array(rules))
        return wrong(reader, "is %s; right is a list of rules", json_type_text(rules));
    if (json_array_size(rules) > POLICY_RULES_MAX)
        return wrong(reader, "has %zu rules; at most %d are possible", json_array_size(rules), POLICY_RULES_MAX);
    policy->rules = calloc(json_array_size(rules) + 1, sizeof *policy->rules);
    if (policy->rules == NULL)
        abort();
    json_array_foreach((json_t *)rules, i, rule) {
        policy->rule_count = i + 1; /* of one that is wrong too: what it has must be freed */
        if (!read_rule(reader, rule, i, &policy->rules[i]))
            return false;
    }
    return leave(reader, depth);
}

static bool read_default(struct reader *reader, const json_t *object, struct entry *entry)
{
    size_t depth = enter_member(reader, "default");

    if (object == NULL)
        return leave(reader, depth);
    return check_members(reader, object, default_members) && read_entry(reader, object, entry) && leave(reader, depth);
}

struct policy *policy_new(const json_t *body, const struct zones *zones, char place[POLICY_PLACE_SIZE],
                          struct error *err)
{
    struct policy *policy = calloc(1, sizeof *policy);
    struct reader reader = { .zones = zones, .err = err };

    if (policy == NULL)
        abort();
    if (check_members(&reader, body, policy_members) && read_rules(&reader, member_of(body, "rules"), policy) &&
        read_default(&reader, member_of(body, "default"), &policy->fallback))
        return policy;
    if (place != NULL)
        memcpy(place, reader.place, sizeof reader.place);
    policy_free(policy);
    return NULL;
}

void policy_free(struct policy *policy)
{
    if (policy == NULL)
        return;
    for (size_t i = 0; i < policy->rule_count; i++)
        for (int member = 0; member < MATCH_COUNT; member++)
            regex_free(policy->rules[i].match[member]);
    free(policy->rules);
    free(policy);
}

void policy_hash(const json_t *body, const json_t *zones, char out[SHA256_HEX_SIZE])
{
    json_t *both;

    if (json_object_size(zones) == 0) {
        configuration_hash(body, out);
        return;
    }
    both = json_pack("{s:O, s:O}", "policy", (json_t *)body, "zones", (json_t *)zones);
    configuration_hash(both, out);
    json_decref(both);
}

/* --- Applying --- */

static bool matches(const struct rule *rule, const char *const values[MATCH_COUNT])
{
    for (int i = 0; i < MATCH_COUNT; i++)
        if (rule->match[i] != NULL && !regex_matches(rule->match[i], values[i] == NULL ? "" : values[i]))
            return false;
    return true;
}

static const struct entry *choose(const struct policy *policy, struct policy_runtime runtime)
{
    const char *const values[MATCH_COUNT] = {
        [MATCH_ACCOUNT] = runtime.global_account_id, [MATCH_PLAN] = runtime.plan_name, [MATCH_REGION] = runtime.region
    };

    for (size_t i = 0; i < policy->rule_count; i++)
        if (matches(&policy->rules[i], values))
            return &policy->rules[i].entry;
    return &policy->fallback;
}

struct window_text policy_apply(const struct policy *policy, struct policy_runtime runtime, struct window_text own)
{
    const struct entry *entry = choose(policy, runtime);

    return (struct window_text){ .begin = entry->begin[0] != '\0' ? entry->begin : own.begin,
                                 .end = entry->end[0] != '\0' ? entry->end : own.end,
                                 .days = entry->days != 0 ? entry->days : own.days,
                                 .zone = entry->zone };
}
