#include "common/base/settings.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/error.h"

enum { ACCEPTED_SIZE = 256, HOST_SIZE = 256, SHOWN_VALUE_MAX = 80 };

struct value {
    const struct setting *row;
    char *text;
    int64_t number; /* integer, milliseconds, or 0 and 1 */
};

struct settings {
    size_t count;
    struct value values[];
};

static const char *const type_names[] = {
    [SETTING_TEXT] = "text",       [SETTING_INTEGER] = "integer", [SETTING_DURATION_MS] = "duration",
    [SETTING_BOOLEAN] = "boolean", [SETTING_LISTEN] = "address",  [SETTING_CHOICE] = "choice",
};

/* What a row accepts, as a reader of --help or of a refusal wants to have it said. */
static void accepted(const struct setting *row, char out[ACCEPTED_SIZE])
{
    long long min = row->min, max = row->max;
    const bool bounded = min != 0 || max != 0;

    switch (row->type) {
    case SETTING_TEXT:
        if (max > 0)
            snprintf(out, ACCEPTED_SIZE, "a text of %lld to %lld bytes", min, max);
        else
            snprintf(out, ACCEPTED_SIZE, "a text");
        break;
    case SETTING_INTEGER:
        if (bounded)
            snprintf(out, ACCEPTED_SIZE, "an integer from %lld to %lld", min, max);
        else
            snprintf(out, ACCEPTED_SIZE, "an integer");
        break;
    case SETTING_DURATION_MS:
        if (bounded)
            snprintf(out, ACCEPTED_SIZE, "a duration such as 500ms, 10s, 5m, 2h, from %lldms to %lldms", min, max);
        else
            snprintf(out, ACCEPTED_SIZE, "a duration such as 500ms, 10s, 5m, 2h");
        break;
    case SETTING_BOOLEAN: snprintf(out, ACCEPTED_SIZE, "true or false"); break;
    case SETTING_LISTEN: snprintf(out, ACCEPTED_SIZE, "host:port such as 127.0.0.1:8081 or [::1]:8081"); break;
    case SETTING_CHOICE: snprintf(out, ACCEPTED_SIZE, "one of %s", row->choices); break;
    }
}

static bool parse_decimal(const char *text, char **rest, int64_t *number)
{
    long long value;

    if (*text != '-' && (*text < '0' || *text > '9'))
        return false; /* strtoll would skip spaces and take a plus sign */
    errno = 0;
    value = strtoll(text, rest, 10);
    if (errno != 0 || *rest == text)
        return false;
    *number = value;
    return true;
}

static bool parse_integer(const char *text, int64_t *number)
{
    char *rest;

    return parse_decimal(text, &rest, number) && *rest == '\0';
}

static bool parse_duration(const char *text, int64_t *ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = { { "", 1 }, { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 } };
    int64_t number;
    char *rest;

    if (!parse_decimal(text, &rest, &number) || number < 0)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(rest, units[i].name) == 0)
            return !__builtin_mul_overflow(number, units[i].ms, ms);
    }
    return false;
}

static bool parse_boolean(const char *text, int64_t *number)
{
    static const char *const words[] = { "false", "true", "0", "1", "no", "yes", "off", "on" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *number = (int64_t)(i % 2);
            return true;
        }
    }
    return false;
}

bool listen_split(const char *text, char *host, size_t host_size, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    size_t length;
    int64_t number;

    if (colon == NULL || colon == text || !parse_integer(colon + 1, &number) || number < 0 || number > UINT16_MAX)
        return false;
    length = (size_t)(colon - text);
    if (*text == '[') {
        if (length < 3 || text[length - 1] != ']')
            return false;
        text++;
        length -= 2;
    } else if (memchr(text, ':', length) != NULL) {
        return false; /* an IPv6 address without brackets could be cut anywhere */
    }
    if (length >= host_size)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    *port = (uint16_t)number;
    return true;
}

static bool among_choices(const char *choices, const char *text)
{
    const size_t length = strlen(text);

    for (const char *at = choices; *at != '\0'; at += *at == '|') {
        const size_t size = strcspn(at, "|");

        if (size == length && memcmp(at, text, size) == 0)
            return true;
        at += size;
    }
    return false;
}

static bool within(const struct setting *row, int64_t number)
{
    return (row->min == 0 && row->max == 0) || (number >= row->min && number <= row->max);
}

static bool parse(const struct setting *row, const char *text, int64_t *number)
{
    char host[HOST_SIZE];
    uint16_t port;

    switch (row->type) {
    case SETTING_TEXT: return row->max == 0 || within(row, (int64_t)strlen(text));
    case SETTING_INTEGER: return parse_integer(text, number) && within(row, *number);
    case SETTING_DURATION_MS: return parse_duration(text, number) && within(row, *number);
    case SETTING_BOOLEAN: return parse_boolean(text, number);
    case SETTING_LISTEN: return listen_split(text, host, sizeof host, &port);
    case SETTING_CHOICE: return among_choices(row->choices, text);
    }
    abort(); /* a type that does not exist */
}

static bool read_value(const struct setting *row, struct value *value, struct error *err)
{
    const char *text = getenv(row->variable);
    char what[ACCEPTED_SIZE];

    if (text == NULL || *text == '\0')
        text = row->fallback;
    accepted(row, what);
    if (text == NULL)
        return error_set(err, ERROR_INPUT, "%s is not set; it must be %s (%s)", row->variable, what, row->help);
    if (!parse(row, text, &value->number)) {
        if (row->type == SETTING_TEXT) /* may be a password: not shown */
            return error_set(err, ERROR_INPUT, "%s has %zu bytes; it must be %s", row->variable, strlen(text), what);
        return error_set(err, ERROR_INPUT, "%s is \"%.*s\"; it must be %s", row->variable, SHOWN_VALUE_MAX, text, what);
    }
    value->text = strdup(text);
    if (value->text == NULL)
        return error_set(err, ERROR_INTERNAL, "no memory for the settings");
    value->row = row;
    return true;
}

static const struct value *find(const struct settings *settings, const char *variable)
{
    for (size_t i = 0; i < settings->count; i++) {
        if (strcmp(settings->values[i].row->variable, variable) == 0)
            return &settings->values[i];
    }
    return NULL;
}

static size_t row_count(const struct setting *const *tables, size_t count)
{
    size_t rows = 0;

    for (size_t i = 0; i < count; i++) {
        for (const struct setting *row = tables[i]; row->variable != NULL; row++)
            rows++;
    }
    return rows;
}

struct settings *settings_read(const struct setting *const *tables, size_t count, struct error *err)
{
    const size_t rows = row_count(tables, count);
    struct settings *settings = calloc(1, sizeof *settings + rows * sizeof settings->values[0]);

    if (settings == NULL) {
        error_set(err, ERROR_INTERNAL, "no memory for the settings");
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        for (const struct setting *row = tables[i]; row->variable != NULL; row++) {
            const struct value *known = find(settings, row->variable);

            assert(known == NULL || known->row->type == row->type);
            if (known != NULL)
                continue;
            if (!read_value(row, &settings->values[settings->count], err)) {
                settings_free(settings);
                return NULL;
            }
            settings->count++;
        }
    }
    return settings;
}

void settings_free(struct settings *settings)
{
    if (settings == NULL)
        return;
    for (size_t i = 0; i < settings->count; i++)
        free(settings->values[i].text);
    free(settings);
}

const char *settings_text(const struct settings *settings, const char *variable)
{
    const struct value *value = find(settings, variable);

    assert(value != NULL);
    assert(value->row->type == SETTING_TEXT || value->row->type == SETTING_LISTEN ||
           value->row->type == SETTING_CHOICE);
    return value->text;
}

int64_t settings_integer(const struct settings *settings, const char *variable)
{
    const struct value *value = find(settings, variable);

    assert(value != NULL);
    assert(value->row->type == SETTING_INTEGER || value->row->type == SETTING_DURATION_MS);
    return value->number;
}

bool settings_boolean(const struct settings *settings, const char *variable)
{
    const struct value *value = find(settings, variable);

    assert(value != NULL);
    assert(value->row->type == SETTING_BOOLEAN);
    return value->number != 0;
}

/* Whether the variable stood in an earlier row: each is shown once. */
static bool shown_before(const struct setting *const *tables, const struct setting *row)
{
    for (;; tables++) {
        for (const struct setting *other = *tables; other->variable != NULL; other++) {
            if (other == row)
                return false;
            if (strcmp(other->variable, row->variable) == 0)
                return true;
        }
    }
}

void settings_print_help(const struct setting *const *tables, size_t count, FILE *out)
{
    char what[ACCEPTED_SIZE];

    for (size_t i = 0; i < count; i++) {
        for (const struct setting *row = tables[i]; row->variable != NULL; row++) {
            if (shown_before(tables, row))
                continue;
            accepted(row, what);
            fprintf(out, "  %s\n      %s (%s; ", row->variable, row->help, what);
            if (row->fallback == NULL)
                fprintf(out, "required)\n");
            else
                fprintf(out, "default \"%s\")\n", row->fallback);
        }
    }
}

/* A '|' would end the cell. */
static void print_cell(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text, out);
    }
}

void settings_print_markdown(const struct setting *const *tables, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        for (const struct setting *row = tables[i]; row->variable != NULL; row++) {
            if (shown_before(tables, row))
                continue;
            fprintf(out, "| `%s` | %s | ", row->variable, type_names[row->type]);
            if (row->fallback == NULL) {
                fprintf(out, "required");
            } else if (*row->fallback != '\0') {
                fputc('`', out);
                print_cell(row->fallback, out);
                fputc('`', out);
            }
            fprintf(out, " | ");
            print_cell(row->help, out);
            if (row->type == SETTING_CHOICE) {
                fprintf(out, ": ");
                print_cell(row->choices, out);
            }
            fprintf(out, " |\n");
        }
    }
}
