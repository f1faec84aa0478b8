/* lexer.h - from text to tokens. Private to the parser.
 *
 * The lexer reads one text and writes into a copy of it: names get a NUL behind them and strings are decoded there, in
 * place, as neither is ever longer than its source. So no token needs memory of its own. */
#ifndef GRAPHQL_LEXER_H
#define GRAPHQL_LEXER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/graphql/error.h"

enum gql_token_kind {
    GQL_TOKEN_END,
    GQL_TOKEN_BANG,
    GQL_TOKEN_DOLLAR,
    GQL_TOKEN_AMP,
    GQL_TOKEN_PAREN_L,
    GQL_TOKEN_PAREN_R,
    GQL_TOKEN_SPREAD,
    GQL_TOKEN_COLON,
    GQL_TOKEN_EQUALS,
    GQL_TOKEN_AT,
    GQL_TOKEN_BRACKET_L,
    GQL_TOKEN_BRACKET_R,
    GQL_TOKEN_BRACE_L,
    GQL_TOKEN_PIPE,
    GQL_TOKEN_BRACE_R,
    GQL_TOKEN_NAME,
    GQL_TOKEN_INT,
    GQL_TOKEN_FLOAT,
    GQL_TOKEN_STRING,
    GQL_TOKEN_BLOCK_STRING,
};

struct gql_token {
    enum gql_token_kind kind;
    uint32_t at;       /* where it begins in the text */
    uint32_t size;     /* of `value` */
    const char *value; /* of a name or string, closed by a NUL; of a number, as written and not closed */
};

struct gql_lexer {
    const char *text; /* closed by a NUL, which tells the end together with `size` */
    char *values;     /* a copy of `text` to write to; what tokens' values point to */
    uint32_t size;
    uint32_t at; /* behind the current token */
    struct gql_token token;
    bool failed; /* the one error was added; the token is GQL_TOKEN_END from then on */
    struct gql_errors *errors;
};

/* Reads the next token. */
void gql_lexer_next(struct gql_lexer *lexer);

/* The first failure is added to the errors, further ones are not: they come from the end that it made up. */
void gql_lexer_fail(struct gql_lexer *lexer, const char *rule, uint32_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "Name", "\"{\"", "<EOF>"; static. */
const char *gql_token_kind_name(enum gql_token_kind kind);

/* --- For lexer_string.c and lexer.c alone --- */

enum { GQL_CHARACTER_SIZE = 16 };

/* The character at `at` for a message: quoted, or "U+00E4", or "<EOF>". Gives `out`. */
const char *gql_lexer_character(const struct gql_lexer *lexer, uint32_t at, char out[GQL_CHARACTER_SIZE]);

/* Reads the string or block string that begins at lexer->at with `"` or `"""`. */
void gql_lexer_string(struct gql_lexer *lexer);
void gql_lexer_block_string(struct gql_lexer *lexer);

#endif
