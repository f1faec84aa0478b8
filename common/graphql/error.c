#include "common/graphql/error.h"

#include "common/graphql/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Messages quote what clients sent and are cut to a size: what is no UTF-8 in them would make no JSON. */
static void make_printable(char *message, size_t size)
{
    size_t at = 0;

    while (at < size) {
        size_t length = gql_utf8_read(message + at, size - at, NULL);

        if (length == 0)
            message[at] = '?';
        at += length == 0 ? 1 : length;
    }
}

/* What is cut ends with dots, in place of its last whole character and of what is left of the cut one. */
static size_t end_with_dots(char *message)
{
    size_t size = GQL_MESSAGE_SIZE - sizeof("...");

    while (size > 0 && ((unsigned char)message[size] & 0xC0) == 0x80)
        size--;
    memcpy(message + size, "...", sizeof("..."));
    return size + 3;
}

static char *message_new(const char *format, va_list arguments)
{
    char message[GQL_MESSAGE_SIZE];
    int wanted = vsnprintf(message, sizeof(message), format, arguments);
    size_t size;
    char *copy;

    assert(wanted >= 0);
    size = (size_t)wanted < sizeof(message) ? (size_t)wanted : end_with_dots(message);
    make_printable(message, size);
    copy = strdup(message);
    if (copy == NULL)
        abort();
    return copy;
}

static struct gql_error *append(struct gql_errors *errors)
{
    if (errors->count == errors->room) {
        size_t room = errors->room == 0 ? 1 : 2 * errors->room;

        errors->list = reallocarray(errors->list, room, sizeof(*errors->list));
        if (errors->list == NULL)
            abort();
        errors->room = room;
    }
    errors->list[errors->count] = (struct gql_error){ 0 };
    return &errors->list[errors->count++];
}

__attribute__((format(printf, 3, 4))) static struct gql_error *append_error(struct gql_errors *errors, const char *rule,
                                                                            const char *format, ...)
{
    struct gql_error *error = append(errors);
    va_list arguments;

    va_start(arguments, format);
    error->message = message_new(format, arguments);
    va_end(arguments);
    error->rule = rule;
    return error;
}

struct gql_error *gql_errors_add(struct gql_errors *errors, const char *rule, const char *format, ...)
{
    struct gql_error *error;
    va_list arguments;

    if (errors->max != 0 && errors->count >= errors->max) {
        if (errors->count == errors->max)
            append_error(errors, "limit", "There are more errors than the limit \"errors\" lets be reported: %zu.",
                         errors->max);
        return NULL;
    }
    error = append(errors);
    va_start(arguments, format);
    error->message = message_new(format, arguments);
    va_end(arguments);
    error->rule = rule;
    return error;
}

void gql_error_at(struct gql_error *error, const char *text, uint32_t at)
{
    if (error != NULL && error->location_count < GQL_ERROR_LOCATIONS_MAX)
        error->locations[error->location_count++] = gql_location(text, at);
}

struct gql_location gql_location(const char *text, uint32_t at)
{
    struct gql_location location = { .line = 1, .column = 1 };

    for (uint32_t i = 0; i < at; i++) {
        unsigned char byte = (unsigned char)text[i];

        if (byte == '\n' || (byte == '\r' && text[i + 1] != '\n'))
            location = (struct gql_location){ .line = location.line + 1, .column = 1 };
        else if ((byte & 0xC0) != 0x80)
            location.column += byte >= 0xF0 ? 2 : 1; /* beyond the basic plane UTF-16 has two units */
    }
    return location;
}

static json_t *locations_json(const struct gql_error *error)
{
    json_t *locations = json_array();

    for (size_t i = 0; i < error->location_count; i++)
        json_array_append_new(locations, json_pack("{s:I, s:I}", "line", (json_int_t)error->locations[i].line, "column",
                                                   (json_int_t)error->locations[i].column));
    return locations;
}

json_t *gql_errors_json(const struct gql_errors *errors)
{
    json_t *list = json_array();

    for (size_t i = 0; i < errors->count; i++) {
        const struct gql_error *error = &errors->list[i];
        json_t *object = json_pack("{s:s}", "message", error->message);

        if (error->location_count > 0)
            json_object_set_new(object, "locations", locations_json(error));
        if (error->path != NULL)
            json_object_set(object, "path", error->path);
        if (error->extensions != NULL)
            json_object_set(object, "extensions", error->extensions);
        json_array_append_new(list, object);
    }
    return list;
}

void gql_errors_release(struct gql_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        free(errors->list[i].message);
        json_decref(errors->list[i].path);
        json_decref(errors->list[i].extensions);
    }
    free(errors->list);
    errors->list = NULL;
    errors->count = errors->room = 0;
}
