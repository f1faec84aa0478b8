#include "services/tidectl/table.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2 };

struct table {
    size_t columns, count, room;
    char **cells; /* heads, then row by row */
    size_t widths[TABLE_COLUMN_MAX];
};

const char *state_colour(const char *state)
{
    static const struct {
        const char *state, *colour;
    } colours[] = {
        { "succeeded", "\033[32m" },      { "failed", "\033[31m" },    { "error", "\033[31m" },
        { "in progress", "\033[36m" },    { "upgrading", "\033[36m" }, { "provisioning", "\033[36m" },
        { "deprovisioning", "\033[36m" }, { "pending", "\033[90m" },   { "retrying", "\033[33m" },
        { "canceling", "\033[33m" },      { "canceled", "\033[33m" },  { "suspended", "\033[90m" },
    };

    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++) {
        if (strcmp(colours[i].state, state) == 0)
            return colours[i].colour;
    }
    return "";
}

static bool starts_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

size_t text_width(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++)
        width += starts_character(*text);
    return width;
}

static bool is_control(const char *at)
{
    const unsigned char byte = (unsigned char)*at;

    /* C0, DEL, and C1 (U+0080 to U+009F), which some terminals obey too */
    return byte < 0x20 || byte == 0x7f || (byte == 0xc2 && (unsigned char)at[1] >= 0x80 && (unsigned char)at[1] < 0xa0);
}

static char *clean_copy(const char *text)
{
    char *copy = malloc(strlen(text) + 1), *to = copy;

    if (copy == NULL)
        abort();
    for (; *text != '\0'; text++) {
        if (!is_control(text)) {
            *to++ = *text;
            continue;
        }
        *to++ = ' ';
        text += (unsigned char)*text == 0xc2;
    }
    *to = '\0';
    return copy;
}

void text_print(const char *text, FILE *out)
{
    char *clean = clean_copy(text);

    fputs(clean, out);
    free(clean);
}

void table_add(struct table *table, const char *const *cells)
{
    if (table->count == table->room) {
        table->room = table->room * 2 + 16;
        table->cells = realloc(table->cells, table->room * table->columns * sizeof *table->cells);
        if (table->cells == NULL)
            abort();
    }
    for (size_t i = 0; i < table->columns; i++) {
        char *cell = clean_copy(cells[i] != NULL ? cells[i] : "");
        const size_t width = text_width(cell);

        table->cells[table->count * table->columns + i] = cell;
        if (width > table->widths[i])
            table->widths[i] = width;
    }
    table->count++;
}

struct table *table_new(const char *const *heads)
{
    struct table *table = calloc(1, sizeof *table);

    if (table == NULL)
        abort();
    while (heads[table->columns] != NULL)
        table->columns++;
    assert(table->columns > 0 && table->columns <= TABLE_COLUMN_MAX);
    table_add(table, heads);
    return table;
}

void table_free(struct table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}

size_t table_count(const struct table *table)
{
    return table->count - 1;
}

/* Prints at most `left` columns of `text`; gives how many it took. */
static size_t print_cut(const char *text, size_t left, FILE *out)
{
    const size_t width = text_width(text);

    if (width <= left) {
        fputs(text, out);
        return width;
    }
    if (left == 0)
        return 0;
    for (size_t shown = 0; *text != '\0'; text++) {
        if (starts_character(*text) && ++shown == left)
            break;
        fputc(*text, out);
    }
    fputs("\xe2\x80\xa6", out); /* … */
    return left;
}

static void print_row(const struct table *table, size_t row, struct table_look look, FILE *out)
{
    size_t left = look.width > 0 ? (size_t)look.width : SIZE_MAX;

    for (int i = 0; i < look.indent && left > 0; i++, left--)
        fputc(' ', out);
    for (size_t i = 0; i < table->columns; i++) {
        const char *cell = table->cells[row * table->columns + i];
        const char *colour = !look.colour ? "" : row == 0 ? "\033[1m" : state_colour(cell);
        size_t pad = i + 1 < table->columns ? table->widths[i] + GAP : 0, taken;

        fputs(colour, out);
        taken = print_cut(cell, left, out);
        if (*colour != '\0')
            fputs(COLOUR_END, out);
        left -= taken;
        for (; taken < pad && left > 0; taken++, left--)
            fputc(' ', out);
    }
    fputc('\n', out);
}

void table_print(const struct table *table, struct table_look look, FILE *out)
{
    for (size_t row = 0; row < table->count; row++)
        print_row(table, row, look, out);
}
