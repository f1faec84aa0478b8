#include "common/graphql/parse.h"

/* Values, arguments, directives and types as they are written. */

struct gql_name gql_parse_name(struct gql_parser *parser)
{
    struct gql_name name = { .text = parser->lexer.token.value, .at = parser->lexer.token.at };

    gql_parser_expect(parser, GQL_TOKEN_NAME);
    return name;
}

const char *gql_parse_description(struct gql_parser *parser)
{
    const char *text = parser->lexer.token.value;

    if (!gql_parser_accept(parser, GQL_TOKEN_STRING) && !gql_parser_accept(parser, GQL_TOKEN_BLOCK_STRING))
        return NULL;
    return text;
}

/* --- Values --- */

static void parse_variable(struct gql_parser *parser, struct gql_value *value, bool is_const)
{
    struct gql_token dollar = parser->lexer.token, name;

    gql_parser_advance(parser);
    name = parser->lexer.token;
    if (is_const && name.kind == GQL_TOKEN_NAME) {
        gql_lexer_fail(&parser->lexer, "syntax", dollar.at,
                       "Syntax Error: Unexpected variable \"$%.100s\" in constant value.", name.value);
    } else if (is_const) {
        gql_parser_unexpected(parser, &dollar);
    } else {
        value->kind = GQL_VALUE_VARIABLE;
        value->text = name.value;
        value->size = name.size;
        gql_parser_expect(parser, GQL_TOKEN_NAME);
    }
}

static void parse_named(struct gql_parser *parser, struct gql_value *value)
{
    const struct gql_token *token = &parser->lexer.token;

    value->is_true = gql_token_is_keyword(token, "true");
    if (value->is_true || gql_token_is_keyword(token, "false"))
        value->kind = GQL_VALUE_BOOLEAN;
    else
        value->kind = gql_token_is_keyword(token, "null") ? GQL_VALUE_NULL : GQL_VALUE_ENUM;
    value->text = token->value;
    value->size = token->size;
    gql_parser_advance(parser);
}

/* A number's end may be the next token's beginning, as in [1-2], so that it is not closed where it stands. */
static void parse_number(struct gql_parser *parser, struct gql_value *value)
{
    const struct gql_token *token = &parser->lexer.token;

    value->kind = token->kind == GQL_TOKEN_INT ? GQL_VALUE_INT : GQL_VALUE_FLOAT;
    value->text = gql_copy(&parser->ast->arena, token->value, token->size);
    value->size = token->size;
    gql_parser_advance(parser);
}

static void parse_string(struct gql_parser *parser, struct gql_value *value)
{
    const struct gql_token *token = &parser->lexer.token;

    value->kind = GQL_VALUE_STRING;
    value->is_block = token->kind == GQL_TOKEN_BLOCK_STRING;
    value->text = token->value;
    value->size = token->size;
    gql_parser_advance(parser);
}

/* Counts one more item or member of `value`, which the current token begins. */
static bool count_item(struct gql_parser *parser, struct gql_value *value)
{
    if (parser->limits.items != 0 && value->count >= parser->limits.items) {
        gql_parser_exceeded(parser, "items", parser->limits.items, parser->lexer.token.at);
        return false;
    }
    value->count++;
    return true;
}

static void parse_list(struct gql_parser *parser, struct gql_value *value, bool is_const)
{
    const struct gql_value **tail = &value->items;

    value->kind = GQL_VALUE_LIST;
    gql_parser_advance(parser);
    while (gql_parser_more(parser, GQL_TOKEN_BRACKET_R) && count_item(parser, value)) {
        struct gql_value *item = gql_parse_value(parser, is_const);

        *tail = item;
        tail = &item->next;
    }
}

static struct gql_member *parse_member(struct gql_parser *parser, bool is_const)
{
    struct gql_member *member = GQL_NODE(parser, struct gql_member);

    member->name = gql_parse_name(parser);
    gql_parser_expect(parser, GQL_TOKEN_COLON);
    member->value = gql_parse_value(parser, is_const);
    return member;
}

static void parse_object(struct gql_parser *parser, struct gql_value *value, bool is_const)
{
    const struct gql_member **tail = &value->members;

    value->kind = GQL_VALUE_OBJECT;
    gql_parser_advance(parser);
    while (gql_parser_more(parser, GQL_TOKEN_BRACE_R) && count_item(parser, value)) {
        struct gql_member *member = parse_member(parser, is_const);

        *tail = member;
        tail = &member->next;
    }
}

/* A list or an object. */
static void parse_composed(struct gql_parser *parser, struct gql_value *value, bool is_const)
{
    if (gql_parser_check_depth(parser, parser->value_depth + 1)) {
        parser->value_depth++;
        if (gql_parser_is(parser, GQL_TOKEN_BRACKET_L))
            parse_list(parser, value, is_const);
        else
            parse_object(parser, value, is_const);
        parser->value_depth--;
    }
}

struct gql_value *gql_parse_value(struct gql_parser *parser, bool is_const)
{
    struct gql_value *value = GQL_NODE(parser, struct gql_value);

    value->at = parser->lexer.token.at;
    switch (parser->lexer.token.kind) {
    case GQL_TOKEN_BRACKET_L:
    case GQL_TOKEN_BRACE_L: parse_composed(parser, value, is_const); break;
    case GQL_TOKEN_INT:
    case GQL_TOKEN_FLOAT: parse_number(parser, value); break;
    case GQL_TOKEN_STRING:
    case GQL_TOKEN_BLOCK_STRING: parse_string(parser, value); break;
    case GQL_TOKEN_NAME: parse_named(parser, value); break;
    case GQL_TOKEN_DOLLAR: parse_variable(parser, value, is_const); break;
    default: gql_parser_unexpected(parser, &parser->lexer.token);
    }
    return value;
}

const struct gql_member *gql_parse_arguments(struct gql_parser *parser, bool is_const)
{
    const struct gql_member *first = NULL, **tail = &first;

    if (!gql_parser_accept(parser, GQL_TOKEN_PAREN_L))
        return NULL;
    do {
        struct gql_member *argument = parse_member(parser, is_const);

        *tail = argument;
        tail = &argument->next;
    } while (gql_parser_more(parser, GQL_TOKEN_PAREN_R));
    return first;
}

/* --- Directives and types --- */

const struct gql_directive *gql_parse_directives(struct gql_parser *parser, bool is_const)
{
    const struct gql_directive *first = NULL, **tail = &first;

    while (gql_parser_is(parser, GQL_TOKEN_AT)) {
        struct gql_directive *directive = GQL_NODE(parser, struct gql_directive);

        directive->at = parser->lexer.token.at;
        gql_parser_advance(parser);
        directive->name = gql_parse_name(parser);
        directive->arguments = gql_parse_arguments(parser, is_const);
        *tail = directive;
        tail = &directive->next;
    }
    return first;
}

static struct gql_type_ref *type_ref_new(struct gql_parser *parser, enum gql_ref_kind kind, uint32_t at)
{
    struct gql_type_ref *ref = GQL_NODE(parser, struct gql_type_ref);

    ref->kind = kind;
    ref->at = at;
    return ref;
}

const struct gql_type_ref *gql_parse_type_ref(struct gql_parser *parser)
{
    uint32_t at = parser->lexer.token.at;
    struct gql_type_ref *ref, *required;

    if (gql_parser_is(parser, GQL_TOKEN_BRACKET_L) && gql_parser_check_depth(parser, parser->type_depth + 1)) {
        ref = type_ref_new(parser, GQL_REF_LIST, at);
        parser->type_depth++;
        gql_parser_advance(parser);
        ref->of = gql_parse_type_ref(parser);
        gql_parser_expect(parser, GQL_TOKEN_BRACKET_R);
        parser->type_depth--;
    } else {
        ref = type_ref_new(parser, GQL_REF_NAMED, at);
        ref->name = gql_parse_name(parser).text;
    }
    if (!gql_parser_accept(parser, GQL_TOKEN_BANG))
        return ref;
    required = type_ref_new(parser, GQL_REF_NON_NULL, at);
    required->of = ref;
    return required;
}
