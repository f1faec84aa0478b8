#include "tests/unit/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SCENE_PARTITIONS = 12, TYPE_SIZE = 128 };

struct scene {
    const struct core *core;
    const void *settings;
    void *state;
    int64_t now_ms, offset;
    struct decision decision;
    struct changes changes; /* of all events so far */
    struct messages messages;
    struct calls calls;
};

static json_t *parse(const char *text)
{
    char *quoted = strdup(text);
    json_error_t why;
    json_t *value;

    for (char *c = quoted; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    value = json_loads(quoted, JSON_DECODE_ANY, &why);
    if (value == NULL)
        fail_msg("the scene's JSON is wrong: %s: %s", why.text, text);
    free(quoted);
    return value;
}

/* Is `part` a part of `whole`? Objects by member, arrays by element, all else by equality. */
static bool holds(const json_t *whole, const json_t *part)
{
    const char *name;
    json_t *member;
    size_t i;

    if (json_is_object(part)) {
        json_object_foreach((json_t *)part, name, member)
            if (!holds(json_object_get(whole, name), member))
                return false;
        return json_is_object(whole);
    }
    if (json_is_array(part)) {
        if (!json_is_array(whole) || json_array_size(whole) != json_array_size(part))
            return false;
        json_array_foreach((json_t *)part, i, member)
            if (!holds(json_array_get(whole, i), member))
                return false;
        return true;
    }
    return json_equal(whole, part);
}

static void check_part(const json_t *whole, const char *part, const char *what)
{
    json_t *wanted = parse(part);

    if (!holds(whole, wanted)) {
        char *is = whole == NULL ? NULL : json_dumps(whole, JSON_ENCODE_ANY);

        fail_msg("%s: want %s, is %s", what, part, is == NULL ? "nothing" : is);
    }
    json_decref(wanted);
}

struct scene *scene_new(const struct core *core, const void *settings)
{
    struct scene *scene = calloc(1, sizeof *scene);

    scene->core = core;
    scene->settings = settings;
    scene->state = core->state_new(settings, 0);
    scene->now_ms = 1643706000000;
    scene->messages.partitions = SCENE_PARTITIONS;
    return scene;
}

void scene_free(struct scene *scene)
{
    scene_reload(scene);
    decision_release(&scene->decision);
    changes_release(&scene->changes);
    messages_release(&scene->messages);
    calls_release(&scene->calls);
    scene->core->state_free(scene->state);
    free(scene);
}

void scene_time(struct scene *scene, int64_t now_ms)
{
    scene->now_ms = now_ms;
}

static int type_index(const char *const *types, const char *name)
{
    int type = core_type(types, name);

    if (type < 0)
        fail_msg("the core knows no type %s", name);
    return type;
}

void given(struct scene *scene, const char *type, const char *subject, const char *data)
{
    json_t *value = parse(data);
    struct event event = { .type = type_index(scene->core->event_types, type),
                           .subject = subject,
                           .data = value,
                           .time_ms = scene->now_ms,
                           .offset = scene->offset++ };

    fold_event(scene->core, scene->state, &event, &scene->changes, &scene->messages, &scene->calls);
    messages_parse(&scene->messages);
    messages_release(&scene->messages);
    calls_release(&scene->calls);
    json_decref(value);
}

void when(struct scene *scene, const char *type, const char *subject, const char *data)
{
    json_t *value = parse(data);
    struct request request = { .id = "request-1",
                               .type = type_index(scene->core->request_types, type),
                               .subject = subject,
                               .data = value,
                               .asked = "asked-1",
                               .reply_partition = 3 };

    decision_release(&scene->decision);
    messages_release(&scene->messages);
    calls_release(&scene->calls);
    fold_decide(scene->core, scene->state, &request,
                (struct fold_at){ .time_ms = scene->now_ms, .offset = scene->offset++ }, &scene->decision,
                &scene->changes, &scene->messages, &scene->calls);
    messages_parse(&scene->messages);
    json_decref(value);
}

/* Splits "type subject {data}" or "topic key type {data}" into `words` words and the JSON after them, or NULL. */
static const char *split(const char *text, char words[][TYPE_SIZE], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strcspn(text, " ");

        snprintf(words[i], TYPE_SIZE, "%.*s", (int)length, text);
        text += length;
        text += strspn(text, " ");
    }
    return *text == '\0' ? NULL : text;
}

static void print_events(const struct scene *scene)
{
    for (size_t i = 0; i < scene->decision.count; i++) {
        char *data = json_dumps(scene->decision.events[i].data, JSON_ENCODE_ANY);

        print_message("  event %s %s %s\n", scene->core->event_types[scene->decision.events[i].type],
                      scene->decision.events[i].subject, data);
        free(data);
    }
}

void then_events(struct scene *scene, ...)
{
    va_list list;
    size_t i = 0;

    va_start(list, scene);
    for (const char *text; (text = va_arg(list, const char *)) != NULL; i++) {
        char words[2][TYPE_SIZE];
        const char *data = split(text, words, 2);
        const struct decided_event *event = &scene->decision.events[i];

        if (i >= scene->decision.count || strcmp(words[0], scene->core->event_types[event->type]) != 0 ||
            strcmp(words[1], event->subject) != 0) {
            print_events(scene);
            fail_msg("event %zu: want %s", i, text);
        }
        if (data != NULL)
            check_part(event->data, data, text);
    }
    va_end(list);
    if (i != scene->decision.count) {
        print_events(scene);
        fail_msg("want %zu events, are %zu", i, scene->decision.count);
    }
}

static void print_messages(const struct scene *scene)
{
    for (size_t i = 0; i < scene->messages.count; i++) {
        const struct message *message = &scene->messages.items[i];
        char *data = json_dumps(message->data, JSON_ENCODE_ANY);

        print_message("  message %s %s#%d %s %s\n", message->topic, message->key != NULL ? message->key : "",
                      message->partition, message->type, data);
        free(data);
    }
}

void then_messages(struct scene *scene, ...)
{
    va_list list;
    size_t i = 0;

    va_start(list, scene);
    for (const char *text; (text = va_arg(list, const char *)) != NULL; i++) {
        char words[3][TYPE_SIZE], key[TYPE_SIZE];
        const char *data = split(text, words, 3);
        const struct message *message = &scene->messages.items[i];

        if (i >= scene->messages.count) {
            print_messages(scene);
            fail_msg("message %zu is missing: want %s", i, text);
        }
        if (message->key != NULL)
            snprintf(key, sizeof key, "%s", message->key);
        else
            snprintf(key, sizeof key, "#%d", message->partition);
        if (strcmp(words[0], message->topic) != 0 || strcmp(words[1], key) != 0 ||
            strcmp(words[2], message->type) != 0) {
            print_messages(scene);
            fail_msg("message %zu: want %s", i, text);
        }
        if (data != NULL)
            check_part(message->data, data, text);
    }
    va_end(list);
    if (i != scene->messages.count) {
        print_messages(scene);
        fail_msg("want %zu messages, are %zu", i, scene->messages.count);
    }
}

void then_calls(struct scene *scene, ...)
{
    va_list list;
    size_t i = 0;

    va_start(list, scene);
    for (const char *text; (text = va_arg(list, const char *)) != NULL; i++) {
        char words[3][TYPE_SIZE];
        const struct call *call = &scene->calls.items[i];

        split(text, words, 3);
        if (i >= scene->calls.count)
            fail_msg("call %zu is missing: want %s", i, text);
        assert_string_equal(call->runtime_id, words[0]);
        assert_string_equal(call->operation_id, words[1]);
        assert_string_equal(call->stage, words[2]);
    }
    va_end(list);
    assert_int_equal(scene->calls.count, i);
}

void then_outcome(struct scene *scene, int status, const char *body)
{
    assert_int_equal(scene->decision.status, status);
    if (body != NULL)
        check_part(scene->decision.body, body, "outcome");
}

static int table_index(const struct scene *scene, const char *name)
{
    for (size_t i = 0; i < scene->core->table_count; i++)
        if (strcmp(scene->core->tables[i].name, name) == 0)
            return (int)i;
    fail_msg("the core has no table %s", name);
    return -1;
}

void then_row(struct scene *scene, const char *table, const char *id, const char *part)
{
    json_t *row = scene->core->row(scene->state, table_index(scene, table), id);

    if (part != NULL)
        check_part(row, part, table);
    else
        assert_null(row);
    json_decref(row);
}

size_t scene_message_count(const struct scene *scene)
{
    return scene->messages.count;
}

const struct message *scene_message(const struct scene *scene, size_t index)
{
    assert_true(index < scene->messages.count);
    return &scene->messages.items[index];
}

const void *scene_state(const struct scene *scene)
{
    return scene->state;
}

/* What the rows give, which is the same. */
static void *loaded(const struct scene *scene)
{
    void *state = scene->core->state_new(scene->settings, 0);

    /* Table by table, as the database gives them. */
    for (size_t table = 0; table < scene->core->table_count; table++) {
        for (size_t i = 0; i < scene->changes.count; i++) {
            const struct change *change = &scene->changes.items[i];
            bool again = false;

            for (size_t j = 0; j < i && !again; j++)
                again = scene->changes.items[j].table == change->table &&
                        strcmp(scene->changes.items[j].id, change->id) == 0;
            if (again || change->table != (int)table)
                continue;
            json_t *row = scene->core->row(scene->state, change->table, change->id);
            if (row != NULL)
                scene->core->load(state, change->table, row);
            json_decref(row);
        }
    }
    for (size_t i = 0; i < scene->changes.count; i++) {
        const struct change *change = &scene->changes.items[i];
        json_t *was = scene->core->row(scene->state, change->table, change->id);
        json_t *is = scene->core->row(state, change->table, change->id);

        if (was != NULL && !json_equal(was, is)) {
            char *was_text = json_dumps(was, JSON_ENCODE_ANY | JSON_SORT_KEYS);
            char *is_text = is == NULL ? NULL : json_dumps(is, JSON_ENCODE_ANY | JSON_SORT_KEYS);

            fail_msg("row %s of %s comes back changed:\n  was %s\n  is  %s", change->id,
                     scene->core->tables[change->table].name, was_text, is_text == NULL ? "nothing" : is_text);
        }
        json_decref(was);
        json_decref(is);
    }
    return state;
}

void scene_reload(struct scene *scene)
{
    scene->core->state_free(loaded(scene));
}

void scene_take_over(struct scene *scene)
{
    void *state = loaded(scene);

    scene->core->state_free(scene->state);
    scene->state = state;
}
