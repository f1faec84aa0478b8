#include "common/graphql/lexer.h"

#include "common/graphql/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What a byte begins. */
enum {
    OTHER,
    IGNORED, /* blanks, commas, line ends */
    COMMENT,
    MARK, /* the first byte of U+FEFF, which is ignored */
    NAME,
    DIGIT,
    MINUS,
    QUOTE,
    DOT,
    PUNCTUATOR, /* and above: PUNCTUATOR + enum gql_token_kind */
};

#define PUNCTUATION(kind) (PUNCTUATOR + GQL_TOKEN_##kind)

/* clang-format off */
#define DIGITS(value) \
    ['0'] = (value), ['1'] = (value), ['2'] = (value), ['3'] = (value), ['4'] = (value), ['5'] = (value), \
    ['6'] = (value), ['7'] = (value), ['8'] = (value), ['9'] = (value)
#define LETTERS(value) \
    ['A'] = (value), ['B'] = (value), ['C'] = (value), ['D'] = (value), ['E'] = (value), ['F'] = (value), \
    ['G'] = (value), ['H'] = (value), ['I'] = (value), ['J'] = (value), ['K'] = (value), ['L'] = (value), \
    ['M'] = (value), ['N'] = (value), ['O'] = (value), ['P'] = (value), ['Q'] = (value), ['R'] = (value), \
    ['S'] = (value), ['T'] = (value), ['U'] = (value), ['V'] = (value), ['W'] = (value), ['X'] = (value), \
    ['Y'] = (value), ['Z'] = (value), ['_'] = (value), ['a'] = (value), ['b'] = (value), ['c'] = (value), \
    ['d'] = (value), ['e'] = (value), ['f'] = (value), ['g'] = (value), ['h'] = (value), ['i'] = (value), \
    ['j'] = (value), ['k'] = (value), ['l'] = (value), ['m'] = (value), ['n'] = (value), ['o'] = (value), \
    ['p'] = (value), ['q'] = (value), ['r'] = (value), ['s'] = (value), ['t'] = (value), ['u'] = (value), \
    ['v'] = (value), ['w'] = (value), ['x'] = (value), ['y'] = (value), ['z'] = (value)

static const uint8_t beginnings[256] = {
    ['\t'] = IGNORED, ['\n'] = IGNORED, ['\r'] = IGNORED, [' '] = IGNORED, [','] = IGNORED,
    ['#'] = COMMENT, [0xEF] = MARK, ['-'] = MINUS, ['"'] = QUOTE, ['.'] = DOT,
    DIGITS(DIGIT), LETTERS(NAME),
    ['!'] = PUNCTUATION(BANG), ['$'] = PUNCTUATION(DOLLAR), ['&'] = PUNCTUATION(AMP), ['('] = PUNCTUATION(PAREN_L),
    [')'] = PUNCTUATION(PAREN_R), [':'] = PUNCTUATION(COLON), ['='] = PUNCTUATION(EQUALS), ['@'] = PUNCTUATION(AT),
    ['['] = PUNCTUATION(BRACKET_L), [']'] = PUNCTUATION(BRACKET_R), ['{'] = PUNCTUATION(BRACE_L),
    ['|'] = PUNCTUATION(PIPE), ['}'] = PUNCTUATION(BRACE_R),
};

static const bool continues_name[256] = {
    DIGITS(true), LETTERS(true),
};
/* clang-format on */

static const char *const kind_names[] = {
    [GQL_TOKEN_END] = "<EOF>",       [GQL_TOKEN_BANG] = "\"!\"",
    [GQL_TOKEN_DOLLAR] = "\"$\"",    [GQL_TOKEN_AMP] = "\"&\"",
    [GQL_TOKEN_PAREN_L] = "\"(\"",   [GQL_TOKEN_PAREN_R] = "\")\"",
    [GQL_TOKEN_SPREAD] = "\"...\"",  [GQL_TOKEN_COLON] = "\":\"",
    [GQL_TOKEN_EQUALS] = "\"=\"",    [GQL_TOKEN_AT] = "\"@\"",
    [GQL_TOKEN_BRACKET_L] = "\"[\"", [GQL_TOKEN_BRACKET_R] = "\"]\"",
    [GQL_TOKEN_BRACE_L] = "\"{\"",   [GQL_TOKEN_PIPE] = "\"|\"",
    [GQL_TOKEN_BRACE_R] = "\"}\"",   [GQL_TOKEN_NAME] = "Name",
    [GQL_TOKEN_INT] = "Int",         [GQL_TOKEN_FLOAT] = "Float",
    [GQL_TOKEN_STRING] = "String",   [GQL_TOKEN_BLOCK_STRING] = "BlockString",
};

const char *gql_token_kind_name(enum gql_token_kind kind)
{
    return kind_names[kind];
}

void gql_lexer_fail(struct gql_lexer *lexer, const char *rule, uint32_t at, const char *format, ...)
{
    char message[2 * GQL_MESSAGE_SIZE]; /* gql_errors_add cuts better */
    va_list arguments;

    lexer->token = (struct gql_token){ .kind = GQL_TOKEN_END, .at = at };
    lexer->at = lexer->size;
    if (lexer->failed)
        return;
    lexer->failed = true;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    gql_error_at(gql_errors_add(lexer->errors, rule, "%s", message), lexer->text, at);
}

const char *gql_lexer_character(const struct gql_lexer *lexer, uint32_t at, char out[GQL_CHARACTER_SIZE])
{
    uint32_t code;

    if (at >= lexer->size)
        snprintf(out, GQL_CHARACTER_SIZE, "<EOF>");
    else if (gql_utf8_read(lexer->text + at, lexer->size - at, &code) == 0)
        snprintf(out, GQL_CHARACTER_SIZE, "byte 0x%02X", (unsigned char)lexer->text[at]);
    else if (code < 0x20 || code > 0x7E)
        snprintf(out, GQL_CHARACTER_SIZE, "U+%04X", code);
    else
        snprintf(out, GQL_CHARACTER_SIZE, code == '"' ? "'%c'" : "\"%c\"", (char)code);
    return out;
}

static void fail_at_character(struct gql_lexer *lexer)
{
    char character[GQL_CHARACTER_SIZE];

    gql_lexer_character(lexer, lexer->at, character);
    if (gql_utf8_read(lexer->text + lexer->at, lexer->size - lexer->at, NULL) == 0)
        gql_lexer_fail(lexer, "syntax", lexer->at, "Syntax Error: Invalid character: %s; the text must be UTF-8.",
                       character);
    else if (lexer->text[lexer->at] == '\'')
        gql_lexer_fail(lexer, "syntax", lexer->at,
                       "Syntax Error: Unexpected single quote character ('), did you mean to use a double quote (\")?");
    else
        gql_lexer_fail(lexer, "syntax", lexer->at, "Syntax Error: Unexpected character: %s.", character);
}

/* Moves to the end of the line, or to what is no character. */
static void skip_comment(struct gql_lexer *lexer)
{
    const char *at = lexer->text + lexer->at, *end = lexer->text + lexer->size;

    while (at < end && *at != '\n' && *at != '\r') {
        size_t length = (unsigned char)*at < 0x80 ? 1 : gql_utf8_read(at, (size_t)(end - at), NULL);

        if (length == 0)
            break;
        at += length;
    }
    lexer->at = (uint32_t)(at - lexer->text);
}

/* Most bytes of a well indented document are blanks: they are skipped without a look at anything else. */
static void skip_ignored(struct gql_lexer *lexer)
{
    const char *at = lexer->text + lexer->at;

    while (beginnings[(unsigned char)*at] == IGNORED)
        at++;
    lexer->at = (uint32_t)(at - lexer->text);
}

static uint8_t beginning(const struct gql_lexer *lexer, uint32_t at)
{
    return beginnings[(unsigned char)lexer->text[at]];
}

/* Digits from lexer->at on, at least one. */
static bool skip_digits(struct gql_lexer *lexer)
{
    char character[GQL_CHARACTER_SIZE];

    if (beginning(lexer, lexer->at) != DIGIT) {
        gql_lexer_fail(lexer, "syntax", lexer->at, "Syntax Error: Invalid number, expected digit but got: %s.",
                       gql_lexer_character(lexer, lexer->at, character));
        return false;
    }
    while (beginning(lexer, lexer->at) == DIGIT)
        lexer->at++;
    return true;
}

static bool skip_integer(struct gql_lexer *lexer)
{
    if (lexer->text[lexer->at] == '-')
        lexer->at++;
    if (lexer->text[lexer->at] != '0')
        return skip_digits(lexer);
    lexer->at++;
    if (beginning(lexer, lexer->at) != DIGIT)
        return true;
    gql_lexer_fail(lexer, "syntax", lexer->at, "Syntax Error: Invalid number, unexpected digit after 0: \"%c\".",
                   lexer->text[lexer->at]);
    return false;
}

static void read_number(struct gql_lexer *lexer)
{
    const char *text = lexer->text;
    uint32_t begin = lexer->at;
    bool is_float = false;
    char character[GQL_CHARACTER_SIZE];

    if (!skip_integer(lexer))
        return;
    if (text[lexer->at] == '.') {
        is_float = true;
        lexer->at++;
        if (!skip_digits(lexer))
            return;
    }
    if (text[lexer->at] == 'e' || text[lexer->at] == 'E') {
        is_float = true;
        lexer->at++;
        if (text[lexer->at] == '+' || text[lexer->at] == '-')
            lexer->at++;
        if (!skip_digits(lexer))
            return;
    }
    if (beginning(lexer, lexer->at) == DOT || beginning(lexer, lexer->at) == NAME) {
        gql_lexer_fail(lexer, "syntax", lexer->at, "Syntax Error: Invalid number, expected digit but got: %s.",
                       gql_lexer_character(lexer, lexer->at, character));
        return;
    }
    lexer->token = (struct gql_token){ .kind = is_float ? GQL_TOKEN_FLOAT : GQL_TOKEN_INT,
                                       .at = begin,
                                       .size = lexer->at - begin,
                                       .value = text + begin };
}

static void read_name(struct gql_lexer *lexer)
{
    const char *text = lexer->text;
    uint32_t begin = lexer->at, end = begin + 1;

    while (continues_name[(unsigned char)text[end]])
        end++;
    lexer->values[end] = '\0';
    lexer->at = end;
    lexer->token = (struct gql_token){
        .kind = GQL_TOKEN_NAME, .at = begin, .size = end - begin, .value = lexer->values + begin
    };
}

static void read_quoted(struct gql_lexer *lexer)
{
    if (memcmp(lexer->text + lexer->at, "\"\"", 2) == 0 && lexer->text[lexer->at + 2] == '"')
        gql_lexer_block_string(lexer);
    else
        gql_lexer_string(lexer);
}

/* What is neither ignored nor a token of one character. False: it was ignored after all. */
static bool read_other(struct gql_lexer *lexer, uint8_t begins)
{
    const char *at = lexer->text + lexer->at;

    if (begins == MARK && at[1] == '\xBB' && at[2] == '\xBF') {
        lexer->at += 3;
        return false;
    }
    if (begins == DOT && at[1] == '.' && at[2] == '.') {
        lexer->token = (struct gql_token){ .kind = GQL_TOKEN_SPREAD, .at = lexer->at };
        lexer->at += 3;
    } else if (lexer->at == lexer->size) {
        lexer->token = (struct gql_token){ .kind = GQL_TOKEN_END, .at = lexer->size };
    } else {
        fail_at_character(lexer);
    }
    return true;
}

void gql_lexer_next(struct gql_lexer *lexer)
{
    if (lexer->failed)
        return;
    for (;;) {
        uint8_t begins = beginning(lexer, lexer->at);

        switch (begins) {
        case IGNORED: skip_ignored(lexer); continue;
        case COMMENT: skip_comment(lexer); continue;
        case NAME: read_name(lexer); return;
        case DIGIT:
        case MINUS: read_number(lexer); return;
        case QUOTE: read_quoted(lexer); return;
        case OTHER:
        case MARK:
        case DOT:
            if (read_other(lexer, begins))
                return;
            continue;
        default:
            lexer->token = (struct gql_token){ .kind = (enum gql_token_kind)(begins - PUNCTUATOR), .at = lexer->at };
            lexer->at++;
            return;
        }
    }
}
