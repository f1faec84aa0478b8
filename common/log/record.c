#include "common/log/record.h"

#include "common/base/text.h"
#include "common/base/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const topic_names[] = { "instances", "orchestrations", "schedules", "runtimes" };
const char record_genesis[SHA256_HEX_SIZE] = "0000000000000000000000000000000000000000000000000000000000000000";

enum { PLACE_SIZE = 32 };

int topic_number(const char *name)
{
    for (int i = 0; i < TOPIC_COUNT; i++)
        if (strcmp(topic_names[i], name) == 0)
            return i;
    return -1;
}

/* --- Marks --- */

void marks_clear(struct marks *marks)
{
    for (int topic = 0; topic < TOPIC_COUNT; topic++)
        for (int partition = 0; partition < PARTITIONS_MAX; partition++)
            marks->at[topic][partition] = (struct mark){ .offset = -1 };
}

static void place_format(int topic, int partition, char out[PLACE_SIZE])
{
    snprintf(out, PLACE_SIZE, "%s/%d", topic_names[topic], partition);
}

static bool place_parse(const char *text, int *topic, int *partition)
{
    char name[PLACE_SIZE];
    int number;

    if (sscanf(text, "%31[a-z]/%d", name, &number) != 2 || number < 0 || number >= PARTITIONS_MAX)
        return false;
    *topic = topic_number(name);
    *partition = number;
    return *topic >= 0;
}

json_t *marks_json(const struct marks *marks)
{
    json_t *json = json_object();

    for (int topic = 0; topic < TOPIC_COUNT; topic++) {
        for (int partition = 0; partition < PARTITIONS_MAX; partition++) {
            const struct mark *mark = &marks->at[topic][partition];
            char place[PLACE_SIZE];

            if (mark->offset < 0)
                continue;
            place_format(topic, partition, place);
            json_object_set_new(json, place, json_pack("[I,i]", (json_int_t)mark->offset, mark->index));
        }
    }
    return json;
}

static bool mark_read(const json_t *json, struct mark *mark)
{
    const json_t *offset = json_array_get(json, 0), *index = json_array_get(json, 1);

    if (!json_is_integer(offset) || !json_is_integer(index))
        return false;
    *mark = (struct mark){ .offset = json_integer_value(offset), .index = (int)json_integer_value(index) };
    return true;
}

bool marks_read(const json_t *json, struct marks *marks)
{
    const char *place;
    json_t *value;

    marks_clear(marks);
    if (!json_is_object(json))
        return false;
    json_object_foreach((json_t *)json, place, value) {
        int topic, partition;

        if (!place_parse(place, &topic, &partition) || !mark_read(value, &marks->at[topic][partition]))
            return false;
    }
    return true;
}

/* --- Origins --- */

static void add_origin(struct text *text, const struct origin *origin)
{
    text_add(text, ",\"origin\":[\"");
    text_add(text, topic_names[origin->topic]);
    text_add(text, "\",");
    text_add_integer(text, origin->partition);
    text_add(text, ",");
    text_add_integer(text, origin->offset);
    text_add(text, ",");
    text_add_integer(text, origin->index);
    text_add(text, "]");
}

/* Absent gives topic -1. */
static bool origin_read(const json_t *json, struct origin *origin)
{
    const char *name = json_string_value(json_array_get(json, 0));
    const json_t *partition = json_array_get(json, 1), *offset = json_array_get(json, 2);
    const json_t *index = json_array_get(json, 3);

    *origin = (struct origin){ .topic = -1, .partition = -1 };
    if (json == NULL)
        return true;
    if (name == NULL || topic_number(name) < 0 || !json_is_integer(partition) || !json_is_integer(offset) ||
        !json_is_integer(index) || json_integer_value(partition) < 0 || json_integer_value(partition) >= PARTITIONS_MAX)
        return false;
    *origin = (struct origin){ .topic = topic_number(name),
                               .partition = (int)json_integer_value(partition),
                               .offset = json_integer_value(offset),
                               .index = (int)json_integer_value(index) };
    return true;
}

static void add_reply(struct text *text, int reply)
{
    if (reply < 0)
        return;
    text_add(text, ",\"reply\":");
    text_add_integer(text, reply);
}

/* --- Messages --- */

static int reply_read(const json_t *json)
{
    const json_t *reply = json_object_get(json, "reply");

    return json_is_integer(reply) && json_integer_value(reply) >= 0 && json_integer_value(reply) < PARTITIONS_MAX
               ? (int)json_integer_value(reply)
               : -1;
}

bool incoming_decode(const struct core *core, const char *bytes, size_t size, struct incoming *out, struct error *err)
{
    json_error_t why;
    const char *type;
    const json_t *after;

    *out = (struct incoming){ .origin = { .topic = -1, .partition = -1 },
                              .after = { .offset = -1 },
                              .request = { .type = -1, .reply_partition = -1, .id = "" } };
    out->json = json_loadb(bytes, size, 0, &why);
    if (out->json == NULL)
        return error_set(err, ERROR_INPUT, "not JSON: line %d, column %d: %s", why.line, why.column, why.text);
    if (!json_is_object(out->json))
        return error_set(err, ERROR_INPUT, "not a JSON object");
    if (!origin_read(json_object_get(out->json, "origin"), &out->origin))
        return error_set(err, ERROR_INPUT, "origin is not [topic, partition, offset, index]");
    after = json_object_get(out->json, "after");
    if (after != NULL && !json_is_null(after) && !mark_read(after, &out->after))
        return error_set(err, ERROR_INPUT, "after is not [offset, index]");
    if (json_is_string(json_object_get(out->json, "id")))
        out->request.id = json_string_value(json_object_get(out->json, "id"));
    out->request.asked = json_string_value(json_object_get(out->json, "asked"));
    out->request.reply_partition = reply_read(out->json);
    out->request.traceparent = json_string_value(json_object_get(out->json, "traceparent"));
    out->request.subject = json_string_value(json_object_get(out->json, "subject"));
    out->request.data = json_object_get(out->json, "data");
    type = json_string_value(json_object_get(out->json, "type"));
    if (type == NULL || out->request.subject == NULL || out->request.id[0] == '\0' ||
        !json_is_object(out->request.data))
        return error_set(err, ERROR_INPUT, "id, type, subject and data (an object) are required");
    out->request.type = core_type(core->request_types, type);
    if (out->request.type < 0)
        return error_set(err, ERROR_INPUT, "unknown type %.100s", type);
    return true;
}

void incoming_release(struct incoming *incoming)
{
    json_decref(incoming->json);
    *incoming = (struct incoming){ 0 };
}

char *outgoing_encode(const struct outgoing *message, size_t *size)
{
    struct text text = { 0 };

    text_add(&text, "{\"id\":");
    text_add_string(&text, message->id);
    text_add_member(&text, "type", message->type);
    text_add_member(&text, "subject", message->subject);
    text_add_member(&text, "traceparent", message->traceparent);
    text_add_member(&text, "asked", message->asked);
    add_reply(&text, message->reply);
    if (message->origin.topic >= 0) {
        add_origin(&text, &message->origin);
        text_add(&text, ",\"after\":");
        if (message->after.offset < 0) {
            text_add(&text, "null");
        } else {
            text_add(&text, "[");
            text_add_integer(&text, message->after.offset);
            text_add(&text, ",");
            text_add_integer(&text, message->after.index);
            text_add(&text, "]");
        }
    }
    text_add(&text, ",\"data\":");
    if (message->data_text != NULL)
        text_add(&text, message->data_text);
    else
        text_add_json(&text, message->data);
    text_add(&text, "}");
    *size = text.size;
    return text.bytes;
}

/* --- Records --- */

int message_partition(const struct message *message, int partitions)
{
    return message->key != NULL ? partition_of(message->key, partitions) : message->partition;
}

/* The event as a CloudEvent 1.0. Its ID is unique for its source because a request is decided once. */
static void add_event(struct text *text, const struct core *core, int partition, const struct record *record,
                      size_t index, const struct decided_event *event)
{
    const char *type = core->event_types[event->type];
    char time[TIMESTAMP_SIZE];

    timestamp_format(record->time_ms, time);
    text_add(text, "{\"specversion\":\"1.0\",\"id\":\"");
    text_add(text, core->topic);
    text_add(text, "/");
    text_add_integer(text, partition);
    text_add(text, "/");
    text_add_integer(text, record->cause_offset);
    text_add(text, "/");
    text_add_integer(text, (int64_t)index);
    text_add(text, "\"");
    text_add_member(text, "source", core->source);
    text_add_member(text, "type", type);
    text_add_member(text, "subject", event->subject);
    text_add_member(text, "time", time);
    text_add(text, ",\"dataschema\":\"urn:tidegate:schema:");
    text_add(text, type);
    text_add(text, "\"");
    text_add_member(text, "traceparent", record->traceparent);
    text_add(text, ",\"data\":");
    text_add_json(text, event->data);
    text_add(text, "}");
}

static void place_of(const struct message *message, int partitions, char out[PLACE_SIZE])
{
    snprintf(out, PLACE_SIZE, "%s/%d", message->topic, message_partition(message, partitions));
}

static void add_to(struct text *text, const struct messages *messages)
{
    text_add(text, ",\"to\":[");
    for (size_t i = 0; i < messages->count; i++) {
        char place[PLACE_SIZE];

        place_of(&messages->items[i], messages->partitions, place);
        text_add(text, i == 0 ? "\"" : ",\"");
        text_add(text, place);
        text_add(text, "\"");
    }
    text_add(text, "]");
}

static void add_outcome(struct text *text, const struct decision *decision)
{
    if (decision->status == 0)
        return;
    text_add(text, ",\"outcome\":{\"status\":");
    text_add_integer(text, decision->status);
    if (decision->body != NULL) {
        text_add(text, ",\"body\":");
        text_add_json(text, decision->body);
    }
    text_add(text, "}");
}

char *record_encode(const struct core *core, int partition, const struct record *record,
                    const struct decision *decision, const struct messages *messages, size_t *size)
{
    struct text text = { 0 };

    text_add(&text, "{\"cause\":[");
    text_add_integer(&text, record->cause_offset);
    text_add(&text, ",");
    text_add_string(&text, record->cause_id);
    text_add(&text, "]");
    if (record->origin.topic >= 0)
        add_origin(&text, &record->origin);
    text_add_member(&text, "prev", record->prev);
    text_add(&text, ",\"time\":");
    text_add_integer(&text, record->time_ms);
    text_add_member(&text, "traceparent", record->traceparent);
    text_add_member(&text, "asked", record->asked);
    add_reply(&text, record->reply);
    add_outcome(&text, decision);
    add_to(&text, messages);
    text_add(&text, ",\"events\":[");
    for (size_t i = 0; i < decision->count; i++) {
        text_add(&text, i == 0 ? "" : ",");
        add_event(&text, core, partition, record, i, &decision->events[i]);
    }
    text_add(&text, "]}");
    *size = text.size;
    return text.bytes;
}

static bool events_decode(const struct core *core, struct decoded *out, struct error *err)
{
    const json_t *events = json_object_get(out->json, "events");
    json_t *json;
    size_t i;

    if (!json_is_array(events))
        return error_set(err, ERROR_INPUT, "events is not a list");
    out->events = calloc(json_array_size(events) + 1, sizeof *out->events);
    json_array_foreach((json_t *)events, i, json) {
        const char *type = json_string_value(json_object_get(json, "type"));
        struct event *event = &out->events[i];

        event->type = type == NULL ? -1 : core_type(core->event_types, type);
        event->subject = json_string_value(json_object_get(json, "subject"));
        event->data = json_object_get(json, "data");
        event->time_ms = out->record.time_ms;
        event->traceparent = out->record.traceparent;
        if (event->type < 0 || event->subject == NULL || !json_is_object(event->data))
            return error_set(err, ERROR_INPUT, "event %zu: unknown type %s, or no subject or data", i,
                             type == NULL ? "(none)" : type);
        out->count++;
    }
    return true;
}

bool record_decode(const struct core *core, const char *bytes, size_t size, struct decoded *out, struct error *err)
{
    const json_t *cause, *outcome;
    json_error_t why;

    *out = (struct decoded){ .record = { .reply = -1 } };
    out->json = json_loadb(bytes, size, 0, &why);
    if (out->json == NULL)
        return error_set(err, ERROR_INPUT, "not JSON: line %d, column %d: %s", why.line, why.column, why.text);
    cause = json_object_get(out->json, "cause");
    out->record.cause_offset = json_integer_value(json_array_get(cause, 0));
    out->record.cause_id = json_string_value(json_array_get(cause, 1));
    out->record.prev = json_string_value(json_object_get(out->json, "prev"));
    out->record.time_ms = json_integer_value(json_object_get(out->json, "time"));
    if (out->record.cause_id == NULL || out->record.prev == NULL || out->record.time_ms == 0 ||
        !origin_read(json_object_get(out->json, "origin"), &out->record.origin))
        return error_set(err, ERROR_INPUT, "cause, prev, time or origin is missing or of the wrong form");
    out->record.traceparent = json_string_value(json_object_get(out->json, "traceparent"));
    out->record.asked = json_string_value(json_object_get(out->json, "asked"));
    out->record.reply = reply_read(out->json);
    outcome = json_object_get(out->json, "outcome");
    out->record.status = (int)json_integer_value(json_object_get(outcome, "status"));
    out->record.body = json_object_get(outcome, "body");
    return events_decode(core, out, err);
}

void decoded_release(struct decoded *decoded)
{
    json_decref(decoded->json);
    free(decoded->events);
    *decoded = (struct decoded){ 0 };
}

bool record_matches(const struct decoded *decoded, const struct messages *messages)
{
    const json_t *to = json_object_get(decoded->json, "to");

    if (json_array_size(to) != messages->count)
        return false;
    for (size_t i = 0; i < messages->count; i++) {
        const char *written = json_string_value(json_array_get(to, i));
        char place[PLACE_SIZE];

        place_of(&messages->items[i], messages->partitions, place);
        if (written == NULL || strcmp(written, place) != 0)
            return false;
    }
    return true;
}
