/* table.h - tables for people: aligned columns, states in colour, nothing that could play tricks on a terminal. */
#ifndef TIDEGATE_TIDECTL_TABLE_H
#define TIDEGATE_TIDECTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table; /* opaque */

enum { TABLE_COLUMN_MAX = 12 };

/* `heads`: closed by NULL, at most TABLE_COLUMN_MAX. Own: table_free. Ends the process when there is no memory. */
struct table *table_new(const char *const *heads);
void table_free(struct table *table);

/* A row: one cell for each head, copied; NULL is an empty cell. Control characters become spaces. */
void table_add(struct table *table, const char *const *cells);
size_t table_count(const struct table *table);

/* Prints heads and rows, each row indented by `indent` spaces and cut after `width` columns (0: never). */
struct table_look {
    int indent, width;
    bool colour;
};
void table_print(const struct table *table, struct table_look look, FILE *out);

/* The escape sequence for a state of an orchestration, operation or runtime; "" for other words. */
const char *state_colour(const char *state);
#define COLOUR_END "\033[0m"

/* Columns that `text` takes: its code points. Wide characters count as one: the names here have none. */
size_t text_width(const char *text);

/* Prints `text` without control characters. */
void text_print(const char *text, FILE *out);

#endif
