/* settings.h - configuration by environment variables, declared in tables: one row for each variable.
 *
 * A table ends with a zero row. The values are read and checked once, at the start; after that they are const. */
#ifndef TIDEGATE_BASE_SETTINGS_H
#define TIDEGATE_BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct error;
struct settings; /* opaque */

enum setting_type {
    SETTING_TEXT,        /* any text; `min` and `max` bound its length in bytes where `max` is not 0 */
    SETTING_INTEGER,     /* decimal, within min .. max */
    SETTING_DURATION_MS, /* 1500, 1500ms, 10s, 5m, 2h; plain numbers are milliseconds; min .. max in milliseconds */
    SETTING_BOOLEAN,     /* true, false, 1, 0, yes, no, on, off */
    SETTING_LISTEN,      /* host:port, [::1]:port; port 0 .. 65535 */
    SETTING_CHOICE,      /* one of `choices` */
};

struct setting {
    const char *variable; /* "TIDEGATE_PORT" */
    enum setting_type type;
    const char
        *fallback;       /* used where the variable is unset or empty; NULL: it must be set; checked like a given one */
    int64_t min, max;    /* both 0: no bounds */
    const char *help;    /* one line */
    const char *choices; /* "a|b", for SETTING_CHOICE */
};

/* Reads the variables of `count` tables from the environment. The same variable may stand in several tables only
 * with the same type. The tables and their texts must outlive the result; values are copied. Own: settings_free.
 * NULL: `err` (ERROR_INPUT) has the variable, its value and what is accepted. */
struct settings *settings_read(const struct setting *const *tables, size_t count, struct error *err);
void settings_free(struct settings *settings);

/* The value of a declared variable; one that is not declared, or is of another type, fails an assertion.
 * Text lives as long as `settings`; SETTING_TEXT, SETTING_LISTEN and SETTING_CHOICE are text,
 * SETTING_INTEGER and SETTING_DURATION_MS are integers. */
const char *settings_text(const struct settings *settings, const char *variable);
int64_t settings_integer(const struct settings *settings, const char *variable);
bool settings_boolean(const struct settings *settings, const char *variable);

/* Splits "host:port" as accepted for SETTING_LISTEN. The host comes without brackets. False: not such a text. */
bool listen_split(const char *text, char *host, size_t host_size, uint16_t *port);

/* Prints variable, default, help and what is accepted, each variable once: for --help, and as the rows (without head)
 * of a markdown table: variable, type, default, help. */
void settings_print_help(const struct setting *const *tables, size_t count, FILE *out);
void settings_print_markdown(const struct setting *const *tables, size_t count, FILE *out);

#endif
