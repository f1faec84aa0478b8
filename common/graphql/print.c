#include "common/graphql/parser.h"

#include <stdio.h>
#include <stdlib.h>

/* Control characters are escaped, also those of U+0080 to U+009F (C2 80 to C2 9F): nobody would see them. */
static void print_string(FILE *out, const char *text, size_t size)
{
    static const char shorts[256] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'
    };

    fputc('"', out);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];

        if (shorts[byte] != '\0')
            fprintf(out, "\\%c", shorts[byte]);
        else if (byte < 0x20 || byte == 0x7F)
            fprintf(out, "\\u%04X", byte);
        else if (byte == 0xC2 && i + 1 < size && (unsigned char)text[i + 1] < 0xA0)
            fprintf(out, "\\u%04X", (unsigned char)text[++i]);
        else
            fputc(byte, out);
    }
    fputc('"', out);
}

static void print_value(FILE *out, const struct gql_value *value)
{
    switch (value->kind) {
    case GQL_VALUE_VARIABLE: fprintf(out, "$%s", value->text); break;
    case GQL_VALUE_STRING: print_string(out, value->text, value->size); break;
    case GQL_VALUE_INT:
    case GQL_VALUE_FLOAT:
    case GQL_VALUE_BOOLEAN:
    case GQL_VALUE_NULL:
    case GQL_VALUE_ENUM: fputs(value->text, out); break;
    case GQL_VALUE_LIST:
        fputc('[', out);
        for (const struct gql_value *item = value->items; item != NULL; item = item->next) {
            print_value(out, item);
            fputs(item->next != NULL ? ", " : "", out);
        }
        fputc(']', out);
        break;
    case GQL_VALUE_OBJECT:
        fputc('{', out);
        for (const struct gql_member *member = value->members; member != NULL; member = member->next) {
            fprintf(out, "%s: ", member->name.text);
            print_value(out, member->value);
            fputs(member->next != NULL ? ", " : "", out);
        }
        fputc('}', out);
        break;
    }
}

char *gql_value_print(const struct gql_value *value)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        abort();
    print_value(out, value);
    if (fclose(out) != 0)
        abort();
    return text;
}
