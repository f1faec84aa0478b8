#include "common/graphql/parser.h"

#include "common/graphql/parse.h"

#include <stdio.h>
#include <stdlib.h>

/* --- Tokens --- */

void gql_parser_exceeded(struct gql_parser *parser, const char *name, size_t limit, uint32_t at)
{
    gql_lexer_fail(&parser->lexer, "limit", at, "The document exceeds the limit \"%s\": at most %zu are allowed.", name,
                   limit);
}

void gql_parser_advance(struct gql_parser *parser)
{
    gql_lexer_next(&parser->lexer);
    if (gql_parser_is(parser, GQL_TOKEN_END))
        return;
    parser->tokens++;
    if (parser->limits.tokens != 0 && parser->tokens > parser->limits.tokens)
        gql_parser_exceeded(parser, "tokens", parser->limits.tokens, parser->lexer.token.at);
}

const char *gql_token_text(const struct gql_token *token, char out[GQL_TOKEN_TEXT_SIZE])
{
    size_t shown = token->size;

    if (token->kind < GQL_TOKEN_NAME) {
        snprintf(out, GQL_TOKEN_TEXT_SIZE, "%s", gql_token_kind_name(token->kind));
        return out;
    }
    if (shown > GQL_TOKEN_TEXT_SIZE / 2) {
        for (shown = GQL_TOKEN_TEXT_SIZE / 2; ((unsigned char)token->value[shown] & 0xC0) == 0x80; shown--)
            ;
    }
    snprintf(out, GQL_TOKEN_TEXT_SIZE, "%s \"%.*s%s\"", gql_token_kind_name(token->kind), (int)shown, token->value,
             shown < token->size ? "..." : "");
    return out;
}

void gql_parser_unexpected(struct gql_parser *parser, const struct gql_token *token)
{
    char found[GQL_TOKEN_TEXT_SIZE];

    gql_lexer_fail(&parser->lexer, "syntax", token->at, "Syntax Error: Unexpected %s.", gql_token_text(token, found));
}

void gql_parser_expect(struct gql_parser *parser, enum gql_token_kind kind)
{
    char found[GQL_TOKEN_TEXT_SIZE];

    if (!gql_parser_accept(parser, kind))
        gql_lexer_fail(&parser->lexer, "syntax", parser->lexer.token.at, "Syntax Error: Expected %s, found %s.",
                       gql_token_kind_name(kind), gql_token_text(&parser->lexer.token, found));
}

bool gql_parser_accept_keyword(struct gql_parser *parser, const char *word)
{
    if (!gql_token_is_keyword(&parser->lexer.token, word))
        return false;
    gql_parser_advance(parser);
    return true;
}

void gql_parser_expect_keyword(struct gql_parser *parser, const char *word)
{
    char found[GQL_TOKEN_TEXT_SIZE];

    if (!gql_parser_accept_keyword(parser, word))
        gql_lexer_fail(&parser->lexer, "syntax", parser->lexer.token.at, "Syntax Error: Expected \"%s\", found %s.",
                       word, gql_token_text(&parser->lexer.token, found));
}

bool gql_parser_check_depth(struct gql_parser *parser, size_t depth)
{
    if (depth <= parser->limits.depth)
        return true;
    gql_parser_exceeded(parser, "depth", parser->limits.depth, parser->lexer.token.at);
    return false;
}

/* --- Selections --- */

static const struct gql_selection_set *parse_selection_set(struct gql_parser *parser);

static void parse_field(struct gql_parser *parser, struct gql_selection *field)
{
    field->kind = GQL_FIELD;
    field->name = gql_parse_name(parser);
    if (gql_parser_accept(parser, GQL_TOKEN_COLON)) {
        field->alias = field->name;
        if (parser->limits.aliases != 0 && ++parser->aliases > parser->limits.aliases)
            gql_parser_exceeded(parser, "aliases", parser->limits.aliases, field->alias.at);
        field->name = gql_parse_name(parser);
    }
    field->key = field->alias.text != NULL ? field->alias.text : field->name.text;
    field->arguments = gql_parse_arguments(parser, false);
    field->directives = gql_parse_directives(parser, false);
    if (gql_parser_is(parser, GQL_TOKEN_BRACE_L))
        field->set = parse_selection_set(parser);
}

/* What begins with "...". */
static void parse_spread(struct gql_parser *parser, struct gql_selection *selection)
{
    bool has_condition;

    gql_parser_advance(parser);
    has_condition = gql_parser_accept_keyword(parser, "on");
    if (!has_condition && gql_parser_is(parser, GQL_TOKEN_NAME)) {
        selection->kind = GQL_FRAGMENT_SPREAD;
        selection->name = gql_parse_name(parser);
        selection->directives = gql_parse_directives(parser, false);
        return;
    }
    selection->kind = GQL_INLINE_FRAGMENT;
    if (has_condition)
        selection->condition = gql_parse_name(parser);
    selection->directives = gql_parse_directives(parser, false);
    selection->set = parse_selection_set(parser);
}

static struct gql_selection *parse_selection(struct gql_parser *parser)
{
    struct gql_selection *selection = GQL_NODE(parser, struct gql_selection);

    selection->at = parser->lexer.token.at;
    selection->index = parser->ast->selection_count++;
    if (gql_parser_is(parser, GQL_TOKEN_SPREAD))
        parse_spread(parser, selection);
    else
        parse_field(parser, selection);
    return selection;
}

static const struct gql_selection_set *parse_selection_set(struct gql_parser *parser)
{
    struct gql_selection_set *set = GQL_NODE(parser, struct gql_selection_set);
    const struct gql_selection **tail = &set->first;

    set->at = parser->lexer.token.at;
    if (!gql_parser_check_depth(parser, parser->selection_depth + 1))
        return set;
    parser->selection_depth++;
    gql_parser_expect(parser, GQL_TOKEN_BRACE_L);
    do {
        struct gql_selection *selection = parse_selection(parser);

        *tail = selection;
        tail = &selection->next;
    } while (gql_parser_more(parser, GQL_TOKEN_BRACE_R));
    parser->selection_depth--;
    return set;
}

/* --- Operations and fragments --- */

static struct gql_variable_definition *parse_variable_definition(struct gql_parser *parser)
{
    struct gql_variable_definition *variable = GQL_NODE(parser, struct gql_variable_definition);

    variable->at = parser->lexer.token.at;
    gql_parse_description(parser);
    gql_parser_expect(parser, GQL_TOKEN_DOLLAR);
    variable->name = gql_parse_name(parser);
    gql_parser_expect(parser, GQL_TOKEN_COLON);
    variable->type = gql_parse_type_ref(parser);
    if (gql_parser_accept(parser, GQL_TOKEN_EQUALS))
        variable->default_value = gql_parse_value(parser, true);
    variable->directives = gql_parse_directives(parser, true);
    return variable;
}

static const struct gql_variable_definition *parse_variable_definitions(struct gql_parser *parser)
{
    const struct gql_variable_definition *first = NULL, **tail = &first;

    if (!gql_parser_accept(parser, GQL_TOKEN_PAREN_L))
        return NULL;
    do {
        struct gql_variable_definition *variable = parse_variable_definition(parser);

        *tail = variable;
        tail = &variable->next;
    } while (gql_parser_more(parser, GQL_TOKEN_PAREN_R));
    return first;
}

bool gql_operation_type_of(const struct gql_token *token, enum gql_operation_type *type)
{
    static const char *const names[] = {
        [GQL_QUERY] = "query", [GQL_MUTATION] = "mutation", [GQL_SUBSCRIPTION] = "subscription"
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (gql_token_is_keyword(token, names[i])) {
            *type = (enum gql_operation_type)i;
            return true;
        }
    }
    return false;
}

static void parse_operation(struct gql_parser *parser, struct gql_definition *operation)
{
    operation->kind = GQL_OPERATION;
    gql_parser_advance(parser);
    if (gql_parser_is(parser, GQL_TOKEN_NAME))
        operation->name = gql_parse_name(parser);
    operation->variables = parse_variable_definitions(parser);
    operation->directives = gql_parse_directives(parser, false);
    operation->set = parse_selection_set(parser);
}

static void parse_fragment(struct gql_parser *parser, struct gql_definition *fragment)
{
    fragment->kind = GQL_FRAGMENT;
    gql_parser_advance(parser);
    if (gql_token_is_keyword(&parser->lexer.token, "on"))
        gql_parser_unexpected(parser, &parser->lexer.token);
    fragment->name = gql_parse_name(parser);
    gql_parser_expect_keyword(parser, "on");
    fragment->condition = gql_parse_name(parser);
    fragment->directives = gql_parse_directives(parser, false);
    fragment->set = parse_selection_set(parser);
}

/* --- Documents --- */

static void parse_described(struct gql_parser *parser, struct gql_definition *definition)
{
    const struct gql_token *keyword = &parser->lexer.token;

    definition->description = gql_parse_description(parser);
    if (definition->description != NULL && keyword->kind == GQL_TOKEN_BRACE_L)
        gql_lexer_fail(&parser->lexer, "syntax", definition->at,
                       "Syntax Error: Unexpected description, descriptions are not supported on shorthand queries.");
    else if (gql_operation_type_of(keyword, &definition->operation))
        parse_operation(parser, definition);
    else if (gql_token_is_keyword(keyword, "fragment"))
        parse_fragment(parser, definition);
    else if (!gql_parse_type_system(parser, definition))
        gql_parser_unexpected(parser, keyword);
}

static struct gql_definition *parse_definition(struct gql_parser *parser)
{
    struct gql_definition *definition = GQL_NODE(parser, struct gql_definition);

    definition->at = parser->lexer.token.at;
    definition->index = parser->ast->definition_count++;
    if (gql_parser_is(parser, GQL_TOKEN_BRACE_L)) {
        definition->kind = GQL_OPERATION;
        definition->operation = GQL_QUERY;
        definition->is_shorthand = true;
        definition->set = parse_selection_set(parser);
    } else {
        parse_described(parser, definition);
    }
    return definition;
}

static void parse_document(struct gql_parser *parser)
{
    const struct gql_definition **tail = &parser->ast->first;

    gql_parser_advance(parser);
    do {
        struct gql_definition *definition = parse_definition(parser);

        *tail = definition;
        tail = &definition->next;
    } while (gql_parser_more(parser, GQL_TOKEN_END));
}

static struct gql_ast *ast_new(const char *text, size_t size)
{
    struct gql_ast *ast = calloc(1, sizeof(*ast));

    if (ast == NULL)
        abort();
    ast->text = gql_copy(&ast->arena, text, size);
    ast->size = size;
    return ast;
}

struct gql_ast *gql_parse(const char *text, size_t size, const struct gql_parse_limits *limits,
                          struct gql_errors *errors)
{
    struct gql_parser parser = { .lexer.errors = errors, .lexer.text = text };

    if (limits != NULL)
        parser.limits = *limits;
    if (parser.limits.depth == 0 || parser.limits.depth > GQL_PARSE_DEPTH)
        parser.limits.depth = GQL_PARSE_DEPTH;
    if (parser.limits.bytes == 0 || parser.limits.bytes > GQL_PARSE_BYTES)
        parser.limits.bytes = GQL_PARSE_BYTES;
    if (size > parser.limits.bytes) {
        gql_parser_exceeded(&parser, "bytes", parser.limits.bytes, (uint32_t)parser.limits.bytes);
        return NULL;
    }
    parser.ast = ast_new(text, size);
    parser.lexer.text = parser.ast->text;
    parser.lexer.values = gql_copy(&parser.ast->arena, text, size);
    parser.lexer.size = (uint32_t)size;
    parse_document(&parser);
    if (!parser.lexer.failed)
        return parser.ast;
    gql_ast_free(parser.ast);
    return NULL;
}

void gql_ast_free(struct gql_ast *ast)
{
    if (ast == NULL)
        return;
    gql_arena_release(&ast->arena);
    free(ast);
}
