#include "common/graphql/lexer.h"

#include "common/graphql/utf8.h"

#include <string.h>

enum { LEADING_MIN = 0xD800, TRAILING_MIN = 0xDC00, SURROGATE_MAX = 0xDFFF, CODE_MAX = 0x10FFFF };
enum { FIXED_ESCAPE_SIZE = 6, BRACED_ESCAPE_SIZE_MAX = 12 };

/* How many bytes from `text` on stand for themselves. Quotes, backslashes, line ends, the text's end and what is beyond
 * ASCII need a look. */
static uint32_t plain_size(const char *text)
{
    static const bool stops[128] = { ['\0'] = true, ['\n'] = true, ['\r'] = true, ['"'] = true, ['\\'] = true };
    const unsigned char *at = (const unsigned char *)text;

    while (*at < 128 && !stops[*at])
        at++;
    return (uint32_t)(at - (const unsigned char *)text);
}

static bool is_scalar_value(uint32_t code)
{
    return code < LEADING_MIN || (code > SURROGATE_MAX && code <= CODE_MAX);
}

/* -1: it is none. */
static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return -1;
}

/* The four digits behind "\u" at `text`. */
static bool read_four(const char *text, uint32_t *code)
{
    *code = 0;
    if (text[0] != '\\' || text[1] != 'u')
        return false;
    for (int i = 2; i < FIXED_ESCAPE_SIZE; i++) {
        int digit = hex_digit(text[i]); /* a text's NUL is no digit, so this stops at its end */

        if (digit < 0)
            return false;
        *code = *code << 4 | (uint32_t)digit;
    }
    return true;
}

/* \u1234, or two of them that make a character beyond the basic plane. Gives the size of the escape; 0: invalid. */
static uint32_t read_fixed(const char *text, uint32_t *code)
{
    uint32_t trailing;

    if (!read_four(text, code))
        return 0;
    if (is_scalar_value(*code))
        return FIXED_ESCAPE_SIZE;
    if (*code >= TRAILING_MIN || !read_four(text + FIXED_ESCAPE_SIZE, &trailing))
        return 0;
    if (trailing < TRAILING_MIN || trailing > SURROGATE_MAX)
        return 0;
    *code = 0x10000 + ((*code - LEADING_MIN) << 10) + (trailing - TRAILING_MIN);
    return 2 * FIXED_ESCAPE_SIZE;
}

/* \u{12345}: one digit to eight. */
static uint32_t read_braced(const char *text, uint32_t *code)
{
    uint32_t size = 3;

    for (*code = 0; size < BRACED_ESCAPE_SIZE_MAX && text[size] != '}'; size++) {
        int digit = hex_digit(text[size]);

        if (digit < 0 || *code > CODE_MAX)
            return 0;
        *code = *code << 4 | (uint32_t)digit;
    }
    return size == 3 || size == BRACED_ESCAPE_SIZE_MAX || !is_scalar_value(*code) ? 0 : size + 1;
}

static uint32_t read_short(const char *text, uint32_t *code)
{
    static const char escaped[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *found = text[1] == '\0' ? NULL : strchr(escaped, text[1]);

    if (found == NULL)
        return 0;
    *code = (uint32_t)meant[found - escaped];
    return 2;
}

/* How many bytes of the invalid escape at `text` show what is wrong with it: up to its first wrong character. */
static int shown_size(const char *text, uint32_t left)
{
    bool is_braced = text[1] == 'u' && text[2] == '{';
    uint32_t max = is_braced ? BRACED_ESCAPE_SIZE_MAX : text[1] == 'u' ? FIXED_ESCAPE_SIZE : 2;
    uint32_t size = is_braced ? 3 : text[1] == 'u' ? 2 : 1;

    while (size < max && hex_digit(text[size]) >= 0)
        size++;
    if (size < max && size < left)
        size += (uint32_t)gql_utf8_read(text + size, left - size, NULL);
    return (int)size;
}

/* The escape at lexer->at. Gives its size; 0: it is invalid, and the lexer failed. */
static uint32_t read_escape(struct gql_lexer *lexer, uint32_t *code)
{
    const char *text = lexer->text + lexer->at;
    bool is_unicode = text[1] == 'u';
    uint32_t size;

    if (!is_unicode)
        size = read_short(text, code);
    else
        size = text[2] == '{' ? read_braced(text, code) : read_fixed(text, code);
    if (size == 0)
        gql_lexer_fail(lexer, "syntax", lexer->at, "Syntax Error: Invalid %s escape sequence: \"%.*s\".",
                       is_unicode ? "Unicode" : "character", shown_size(text, lexer->size - lexer->at), text);
    return size;
}

/* A character beyond ASCII, or a NUL that is not the text's end. Gives its size; 0: the lexer failed. */
static uint32_t read_character(struct gql_lexer *lexer)
{
    char character[GQL_CHARACTER_SIZE];
    size_t size = gql_utf8_read(lexer->text + lexer->at, lexer->size - lexer->at, NULL);

    if (size == 0)
        gql_lexer_fail(lexer, "syntax", lexer->at,
                       "Syntax Error: Invalid character within String: %s; the text must be UTF-8.",
                       gql_lexer_character(lexer, lexer->at, character));
    return (uint32_t)size;
}

static void finish(struct gql_lexer *lexer, enum gql_token_kind kind, uint32_t begin, char *value, char *end)
{
    *end = '\0';
    lexer->token = (struct gql_token){ .kind = kind, .at = begin, .size = (uint32_t)(end - value), .value = value };
}

/* Keeps `size` bytes of the text at lexer->at. Before the first escape they are where they have to be. */
static char *keep(struct gql_lexer *lexer, char *out, uint32_t size)
{
    if (out != lexer->values + lexer->at)
        memcpy(out, lexer->text + lexer->at, size);
    lexer->at += size;
    return out + size;
}

void gql_lexer_string(struct gql_lexer *lexer)
{
    const char *text = lexer->text;
    uint32_t begin = lexer->at++, size, code;
    char *value = lexer->values + lexer->at, *out = value;

    for (;;) {
        out = keep(lexer, out, plain_size(text + lexer->at));
        switch (text[lexer->at]) {
        case '"':
            lexer->at++;
            finish(lexer, GQL_TOKEN_STRING, begin, value, out);
            return;
        case '\\':
            size = read_escape(lexer, &code);
            if (size == 0)
                return;
            out += gql_utf8_write(out, code);
            lexer->at += size;
            continue;
        default: break;
        }
        if (lexer->at == lexer->size || text[lexer->at] == '\n' || text[lexer->at] == '\r') {
            gql_lexer_fail(lexer, "syntax", lexer->at, "Syntax Error: Unterminated string.");
            return;
        }
        size = read_character(lexer);
        if (size == 0)
            return;
        out = keep(lexer, out, size);
    }
}

/* --- Block strings --- */

struct lines {
    size_t indent;            /* common to all lines but the first; SIZE_MAX: there is none to take it from */
    const char *first, *last; /* that are not blank: begin of the first, end of the last; NULL: all are blank */
};

static const char *line_end(const char *line, const char *end)
{
    const char *found = memchr(line, '\n', (size_t)(end - line));

    return found == NULL ? end : found;
}

static struct lines look_at_lines(const char *value, const char *end)
{
    struct lines lines = { .indent = SIZE_MAX };

    for (const char *line = value;; line++) {
        const char *next = line_end(line, end), *at = line;

        while (at < next && (*at == ' ' || *at == '\t'))
            at++;
        if (at < next) {
            if (lines.first == NULL)
                lines.first = line;
            lines.last = next;
            if (line != value && (size_t)(at - line) < lines.indent)
                lines.indent = (size_t)(at - line);
        }
        line = next;
        if (line == end)
            return lines;
    }
}

/* BlockStringValue of the specification (2.9.4), in place, for a value whose line ends are line feeds. Gives the end of
 * what is left. */
static char *dedent(char *value, const char *end)
{
    struct lines lines = look_at_lines(value, end);
    char *out = value;

    if (lines.first == NULL)
        return value;
    for (const char *line = lines.first;; line++) {
        const char *next = line_end(line, lines.last), *from = line;

        if (line != value)
            from += lines.indent < (size_t)(next - line) ? lines.indent : (size_t)(next - line);
        memmove(out, from, (size_t)(next - from));
        out += next - from;
        line = next;
        if (line == lines.last)
            return out;
        *out++ = '\n';
    }
}

/* One character of a block string, as it is but for line ends and the escaped quotes. False: the lexer failed. */
static bool read_block_character(struct gql_lexer *lexer, char **out)
{
    const char *at = lexer->text + lexer->at;
    uint32_t size = 1;

    if (lexer->at == lexer->size) {
        gql_lexer_fail(lexer, "syntax", lexer->at, "Syntax Error: Unterminated string.");
        return false;
    }
    if (*at == '\r' || *at == '\n') {
        lexer->at += at[0] == '\r' && at[1] == '\n' ? 2 : 1;
        *(*out)++ = '\n';
        return true;
    }
    if (strncmp(at, "\\\"\"\"", 4) == 0) {
        lexer->at++;
        size = 3;
    } else if (*at != '"' && *at != '\\') {
        size = read_character(lexer);
        if (size == 0)
            return false;
    }
    *out = keep(lexer, *out, size);
    return true;
}

void gql_lexer_block_string(struct gql_lexer *lexer)
{
    const char *text = lexer->text;
    uint32_t begin = lexer->at;
    char *value, *out;

    lexer->at += 3;
    value = out = lexer->values + lexer->at;
    for (;;) {
        out = keep(lexer, out, plain_size(text + lexer->at));
        if (strncmp(text + lexer->at, "\"\"\"", 3) == 0)
            break;
        if (!read_block_character(lexer, &out))
            return;
    }
    lexer->at += 3;
    finish(lexer, GQL_TOKEN_BLOCK_STRING, begin, value, dedent(value, out));
}
