/* parse.h - what the parts of the parser share. Private to parser.c, parse_value.c and parse_type_system.c.
 *
 * Each function reads what its name says from the current token on. None of them fails by its result: after the first
 * error the token is the end of the text for good (lexer.h), so everything returns soon; only loops have to ask. */
#ifndef GRAPHQL_PARSE_H
#define GRAPHQL_PARSE_H

#include <string.h>

#include "common/graphql/ast.h"
#include "common/graphql/lexer.h"
#include "common/graphql/parser.h"

struct gql_parser {
    struct gql_lexer lexer;
    struct gql_ast *ast;
    struct gql_parse_limits limits;
    size_t tokens, aliases;                          /* so far */
    size_t selection_depth, value_depth, type_depth; /* now */
};

/* A zeroed node; lives as long as the document. */
#define GQL_NODE(parser, type) ((type *)gql_alloc(&(parser)->ast->arena, sizeof(type)))

/* --- Tokens --- */

static inline bool gql_parser_is(const struct gql_parser *parser, enum gql_token_kind kind)
{
    return parser->lexer.token.kind == kind;
}

static inline bool gql_token_is_keyword(const struct gql_token *token, const char *word)
{
    return token->kind == GQL_TOKEN_NAME && strcmp(token->value, word) == 0;
}

void gql_parser_advance(struct gql_parser *parser);

/* Goes on if the token is of this kind. */
static inline bool gql_parser_accept(struct gql_parser *parser, enum gql_token_kind kind)
{
    if (!gql_parser_is(parser, kind))
        return false;
    gql_parser_advance(parser);
    return true;
}

/* As accept, but another token is an error. */
void gql_parser_expect(struct gql_parser *parser, enum gql_token_kind kind);
bool gql_parser_accept_keyword(struct gql_parser *parser, const char *word);
void gql_parser_expect_keyword(struct gql_parser *parser, const char *word);

/* Is there more before `close`? Goes on behind it if not. For loops in a pair of brackets. */
static inline bool gql_parser_more(struct gql_parser *parser, enum gql_token_kind close)
{
    return !gql_parser_accept(parser, close) && !parser->lexer.failed;
}

void gql_parser_unexpected(struct gql_parser *parser, const struct gql_token *token);

enum { GQL_TOKEN_TEXT_SIZE = 160 };
/* A token for a message: `Name "foo"`. Long ones are cut. Gives `out`. */
const char *gql_token_text(const struct gql_token *token, char out[GQL_TOKEN_TEXT_SIZE]);

/* True: `depth` levels are within the limit. Else the limit is exceeded at the current token. */
bool gql_parser_check_depth(struct gql_parser *parser, size_t depth);
/* What is beyond `limit`; `name` is that of the member of gql_limits. */
void gql_parser_exceeded(struct gql_parser *parser, const char *name, size_t limit, uint32_t at);

/* --- parse_value.c: what executable and type system documents share --- */

struct gql_name gql_parse_name(struct gql_parser *parser);
struct gql_value *gql_parse_value(struct gql_parser *parser, bool is_const);
const struct gql_member *gql_parse_arguments(struct gql_parser *parser, bool is_const);
const struct gql_directive *gql_parse_directives(struct gql_parser *parser, bool is_const);
const struct gql_type_ref *gql_parse_type_ref(struct gql_parser *parser);
/* NULL: there is none. */
const char *gql_parse_description(struct gql_parser *parser);

/* --- parser.c and parse_type_system.c --- */

/* "query", "mutation" or "subscription". False: it is none of them. */
bool gql_operation_type_of(const struct gql_token *token, enum gql_operation_type *type);

/* Reads on behind the description, if there is one. False: `keyword`, the current token, begins no definition of the
 * type system. */
bool gql_parse_type_system(struct gql_parser *parser, struct gql_definition *definition);

#endif
