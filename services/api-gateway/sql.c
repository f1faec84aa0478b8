#include "services/api-gateway/sql.h"

#include <stdio.h>
#include <stdlib.h>

static void put_quoted(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', out);
        putc(*text, out);
    }
    putc('"', out);
}

char *sql_text_array(const char *const *texts, size_t count)
{
    char *array = NULL;
    size_t size;
    FILE *out = open_memstream(&array, &size);

    if (out == NULL)
        abort();
    putc('{', out);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            putc(',', out);
        put_quoted(out, texts[i]);
    }
    putc('}', out);
    if (fclose(out) != 0)
        abort();
    return array;
}

char *sql_query_array(const struct query *query, const char *name)
{
    const size_t count = query_count(query, name);
    const char **values;
    char *array;

    if (count == 0)
        return NULL;
    values = calloc(count, sizeof *values);
    if (values == NULL)
        abort();
    for (size_t i = 0; i < count; i++)
        values[i] = query_value(query, name, i);
    array = sql_text_array(values, count);
    free(values);
    return array;
}
