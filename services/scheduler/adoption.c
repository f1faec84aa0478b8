#include "services/scheduler/adoption.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/timestamp.h"

static void set_hash(char out[SHA256_HEX_SIZE], const char *hash)
{
    snprintf(out, SHA256_HEX_SIZE, "%s", hash == NULL ? "" : hash);
}

static void set_reason(struct adoption *adoption, const char *reason)
{
    char *copied = reason == NULL ? NULL : strdup(reason);

    if (reason != NULL && copied == NULL)
        abort();
    free(adoption->refused_reason);
    adoption->refused_reason = copied;
}

void adoption_release(struct adoption *adoption)
{
    json_decref(adoption->body);
    policy_free(adoption->policy);
    zones_free(adoption->zones);
    free(adoption->refused_reason);
    *adoption = (struct adoption){ 0 };
}

void adoption_adopt(struct adoption *adoption, const char *hash, const json_t *body, const json_t *zones,
                    int64_t time_ms)
{
    struct adoption adopted = { .body = json_deep_copy(body), .adopted_ms = time_ms };

    set_hash(adopted.hash, hash);
    adopted.zones = adoption->zones == NULL ? zones_new() : adoption->zones;
    adoption->zones = NULL;
    if (zones_add(adopted.zones, zones, &adopted.broken))
        adopted.policy = policy_new(adopted.body, adopted.zones, NULL, &adopted.broken);
    adoption_release(adoption);
    *adoption = adopted;
}

void adoption_refuse(struct adoption *adoption, const char *hash, const char *reason, int64_t time_ms)
{
    set_hash(adoption->refused_hash, hash);
    set_reason(adoption, reason);
    adoption->refused_ms = time_ms;
}

bool adoption_is_adopted(const struct adoption *adoption, const char *hash)
{
    return adoption->refused_hash[0] == '\0' && strcmp(adoption->hash, hash) == 0;
}

bool adoption_is_refused(const struct adoption *adoption, const char *hash)
{
    return strcmp(adoption->refused_hash, hash) == 0;
}

int64_t adoption_heard_ms(const struct adoption *adoption)
{
    if (adoption->refused_hash[0] != '\0')
        return adoption->refused_ms; /* it came behind what is in force */
    return adoption->hash[0] != '\0' ? adoption->adopted_ms : INT64_MIN;
}

bool adoption_usable(const struct adoption *adoption, struct error *err)
{
    if (adoption->policy != NULL)
        return true;
    if (adoption->hash[0] != '\0')
        return error_set(err, ERROR_INPUT, "the maintenance policy in force cannot be understood any more: %.400s",
                         adoption->broken.message);
    if (adoption->refused_hash[0] != '\0')
        return error_set(err, ERROR_INPUT, "the maintenance policy was refused, and no other is in force: %.400s",
                         adoption->refused_reason == NULL ? "" : adoption->refused_reason);
    return true;
}

/* --- Rows --- */

static json_t *text_json(const char *text)
{
    return text == NULL || *text == '\0' ? json_null() : json_string(text);
}

static json_t *time_json(bool is, int64_t time_ms)
{
    char text[TIMESTAMP_SIZE];

    if (!is)
        return json_null();
    timestamp_format(time_ms, text);
    return json_string(text);
}

json_t *adoption_row(const struct adoption *adoption)
{
    bool adopted = adoption->hash[0] != '\0', refused = adoption->refused_hash[0] != '\0';

    if (!adopted && !refused)
        return NULL;
    return json_pack("{s:o, s:O?, s:o?, s:o, s:o, s:o, s:o}", "hash", text_json(adoption->hash), "body", adoption->body,
                     "zones", adoption->zones == NULL ? NULL : zones_json(adoption->zones), "adopted_at",
                     time_json(adopted, adoption->adopted_ms), "refused_hash", text_json(adoption->refused_hash),
                     "refused_reason", refused ? text_json(adoption->refused_reason) : json_null(), "refused_at",
                     time_json(refused, adoption->refused_ms));
}

static int64_t time_of(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    int64_t time_ms = 0;

    if (text != NULL)
        timestamp_parse(text, &time_ms);
    return time_ms;
}

static const json_t *zones_of(const json_t *row)
{
    const json_t *zones = json_object_get(row, "zones");

    return json_is_null(zones) ? NULL : zones;
}

void adoption_load(struct adoption *adoption, const json_t *row)
{
    const char *hash = json_string_value(json_object_get(row, "hash"));
    const char *refused_hash = json_string_value(json_object_get(row, "refused_hash"));

    adoption_release(adoption);
    if (hash != NULL)
        adoption_adopt(adoption, hash, json_object_get(row, "body"), zones_of(row), time_of(row, "adopted_at"));
    if (refused_hash != NULL)
        adoption_refuse(adoption, refused_hash, json_string_value(json_object_get(row, "refused_reason")),
                        time_of(row, "refused_at"));
}
