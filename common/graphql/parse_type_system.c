#include "common/graphql/parse.h"

/* Definitions and extensions of schemas, types and directives. */

/* --- Parts of definitions --- */

static struct gql_named *parse_named(struct gql_parser *parser)
{
    struct gql_named *named = GQL_NODE(parser, struct gql_named);

    named->name = gql_parse_name(parser);
    return named;
}

/* Names with `delimiter` between them, and before the first if one likes. */
static const struct gql_named *parse_delimited(struct gql_parser *parser, enum gql_token_kind delimiter,
                                               struct gql_named *parse(struct gql_parser *))
{
    const struct gql_named *first = NULL, **tail = &first;

    gql_parser_accept(parser, delimiter);
    do {
        struct gql_named *named = parse(parser);

        *tail = named;
        tail = &named->next;
    } while (gql_parser_accept(parser, delimiter));
    return first;
}

static const struct gql_named *parse_interfaces(struct gql_parser *parser)
{
    return gql_parser_accept_keyword(parser, "implements") ? parse_delimited(parser, GQL_TOKEN_AMP, parse_named) : NULL;
}

static struct gql_input_definition *parse_input(struct gql_parser *parser)
{
    struct gql_input_definition *input = GQL_NODE(parser, struct gql_input_definition);

    input->at = parser->lexer.token.at;
    input->description = gql_parse_description(parser);
    input->name = gql_parse_name(parser);
    gql_parser_expect(parser, GQL_TOKEN_COLON);
    input->type = gql_parse_type_ref(parser);
    if (gql_parser_accept(parser, GQL_TOKEN_EQUALS))
        input->default_value = gql_parse_value(parser, true);
    input->directives = gql_parse_directives(parser, true);
    return input;
}

/* Arguments in parentheses or input fields in braces; NULL where `open` is missing. */
static const struct gql_input_definition *parse_inputs(struct gql_parser *parser, enum gql_token_kind open,
                                                       enum gql_token_kind close)
{
    const struct gql_input_definition *first = NULL, **tail = &first;

    if (!gql_parser_accept(parser, open))
        return NULL;
    do {
        struct gql_input_definition *input = parse_input(parser);

        *tail = input;
        tail = &input->next;
    } while (gql_parser_more(parser, close));
    return first;
}

static const struct gql_input_definition *parse_argument_definitions(struct gql_parser *parser)
{
    return parse_inputs(parser, GQL_TOKEN_PAREN_L, GQL_TOKEN_PAREN_R);
}

static struct gql_field_definition *parse_field(struct gql_parser *parser)
{
    struct gql_field_definition *field = GQL_NODE(parser, struct gql_field_definition);

    field->at = parser->lexer.token.at;
    field->description = gql_parse_description(parser);
    field->name = gql_parse_name(parser);
    field->arguments = parse_argument_definitions(parser);
    gql_parser_expect(parser, GQL_TOKEN_COLON);
    field->type = gql_parse_type_ref(parser);
    field->directives = gql_parse_directives(parser, true);
    return field;
}

static const struct gql_field_definition *parse_fields(struct gql_parser *parser)
{
    const struct gql_field_definition *first = NULL, **tail = &first;

    if (!gql_parser_accept(parser, GQL_TOKEN_BRACE_L))
        return NULL;
    do {
        struct gql_field_definition *field = parse_field(parser);

        *tail = field;
        tail = &field->next;
    } while (gql_parser_more(parser, GQL_TOKEN_BRACE_R));
    return first;
}

static struct gql_enum_value_definition *parse_enum_value(struct gql_parser *parser)
{
    struct gql_enum_value_definition *value = GQL_NODE(parser, struct gql_enum_value_definition);
    const struct gql_token *token = &parser->lexer.token;

    value->at = token->at;
    value->description = gql_parse_description(parser);
    if (gql_token_is_keyword(token, "true") || gql_token_is_keyword(token, "false") ||
        gql_token_is_keyword(token, "null"))
        gql_lexer_fail(&parser->lexer, "syntax", token->at,
                       "Syntax Error: Name \"%s\" is reserved and cannot be used for an enum value.", token->value);
    value->name = gql_parse_name(parser);
    value->directives = gql_parse_directives(parser, true);
    return value;
}

static const struct gql_enum_value_definition *parse_enum_values(struct gql_parser *parser)
{
    const struct gql_enum_value_definition *first = NULL, **tail = &first;

    if (!gql_parser_accept(parser, GQL_TOKEN_BRACE_L))
        return NULL;
    do {
        struct gql_enum_value_definition *value = parse_enum_value(parser);

        *tail = value;
        tail = &value->next;
    } while (gql_parser_more(parser, GQL_TOKEN_BRACE_R));
    return first;
}

static struct gql_root_definition *parse_root(struct gql_parser *parser)
{
    struct gql_root_definition *root = GQL_NODE(parser, struct gql_root_definition);
    struct gql_token operation = parser->lexer.token;

    root->at = operation.at;
    gql_parser_expect(parser, GQL_TOKEN_NAME);
    if (!gql_operation_type_of(&operation, &root->operation))
        gql_parser_unexpected(parser, &operation);
    gql_parser_expect(parser, GQL_TOKEN_COLON);
    root->type = gql_parse_name(parser);
    return root;
}

static const struct gql_root_definition *parse_roots(struct gql_parser *parser)
{
    const struct gql_root_definition *first = NULL, **tail = &first;

    gql_parser_expect(parser, GQL_TOKEN_BRACE_L);
    do {
        struct gql_root_definition *root = parse_root(parser);

        *tail = root;
        tail = &root->next;
    } while (gql_parser_more(parser, GQL_TOKEN_BRACE_R));
    return first;
}

static struct gql_named *parse_directive_location(struct gql_parser *parser)
{
    static const char *const names[] = {
        "QUERY",      "MUTATION",        "SUBSCRIPTION",         "FIELD",
        "ENUM",       "FRAGMENT_SPREAD", "FRAGMENT_DEFINITION",  "INLINE_FRAGMENT",
        "SCHEMA",     "SCALAR",          "VARIABLE_DEFINITION",  "OBJECT",
        "UNION",      "INTERFACE",       "FIELD_DEFINITION",     "ARGUMENT_DEFINITION",
        "ENUM_VALUE", "INPUT_OBJECT",    "DIRECTIVE_DEFINITION", "INPUT_FIELD_DEFINITION",
    };
    struct gql_token token = parser->lexer.token;
    struct gql_named *location = parse_named(parser);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (gql_token_is_keyword(&token, names[i]))
            return location;
    }
    gql_parser_unexpected(parser, &token);
    return location;
}

/* --- Definitions, behind their keyword --- */

static void parse_schema(struct gql_parser *parser, struct gql_definition *definition)
{
    definition->directives = gql_parse_directives(parser, true);
    if (!definition->is_extension || gql_parser_is(parser, GQL_TOKEN_BRACE_L))
        definition->roots = parse_roots(parser);
}

static void parse_scalar(struct gql_parser *parser, struct gql_definition *definition)
{
    definition->name = gql_parse_name(parser);
    definition->directives = gql_parse_directives(parser, true);
}

/* An object or an interface. */
static void parse_object(struct gql_parser *parser, struct gql_definition *definition)
{
    definition->name = gql_parse_name(parser);
    definition->interfaces = parse_interfaces(parser);
    definition->directives = gql_parse_directives(parser, true);
    definition->fields = parse_fields(parser);
}

static void parse_union(struct gql_parser *parser, struct gql_definition *definition)
{
    definition->name = gql_parse_name(parser);
    definition->directives = gql_parse_directives(parser, true);
    if (gql_parser_accept(parser, GQL_TOKEN_EQUALS))
        definition->members = parse_delimited(parser, GQL_TOKEN_PIPE, parse_named);
}

static void parse_enum(struct gql_parser *parser, struct gql_definition *definition)
{
    definition->name = gql_parse_name(parser);
    definition->directives = gql_parse_directives(parser, true);
    definition->values = parse_enum_values(parser);
}

static void parse_input_object(struct gql_parser *parser, struct gql_definition *definition)
{
    definition->name = gql_parse_name(parser);
    definition->directives = gql_parse_directives(parser, true);
    definition->inputs = parse_inputs(parser, GQL_TOKEN_BRACE_L, GQL_TOKEN_BRACE_R);
}

static void parse_directive(struct gql_parser *parser, struct gql_definition *definition)
{
    gql_parser_expect(parser, GQL_TOKEN_AT);
    definition->name = gql_parse_name(parser);
    definition->inputs = parse_argument_definitions(parser);
    definition->is_repeatable = gql_parser_accept_keyword(parser, "repeatable");
    gql_parser_expect_keyword(parser, "on");
    definition->locations = parse_delimited(parser, GQL_TOKEN_PIPE, parse_directive_location);
}

static const struct form {
    const char *keyword;
    enum gql_definition_kind kind;
    void (*parse)(struct gql_parser *parser, struct gql_definition *definition);
    bool is_extensible;
} forms[] = {
    { "type", GQL_OBJECT_DEFINITION, parse_object, true },
    { "input", GQL_INPUT_DEFINITION, parse_input_object, true },
    { "enum", GQL_ENUM_DEFINITION, parse_enum, true },
    { "interface", GQL_INTERFACE_DEFINITION, parse_object, true },
    { "union", GQL_UNION_DEFINITION, parse_union, true },
    { "scalar", GQL_SCALAR_DEFINITION, parse_scalar, true },
    { "schema", GQL_SCHEMA_DEFINITION, parse_schema, true },
    { "directive", GQL_DIRECTIVE_DEFINITION, parse_directive, false },
};

static const struct form *form_of(const struct gql_token *token)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (gql_token_is_keyword(token, forms[i].keyword))
            return &forms[i];
    }
    return NULL;
}

static bool adds_something(const struct gql_definition *extension)
{
    return extension->directives != NULL || extension->roots != NULL || extension->interfaces != NULL ||
           extension->fields != NULL || extension->members != NULL || extension->values != NULL ||
           extension->inputs != NULL;
}

/* An extension is written as its definition is, but may leave out any part, only not all of them. */
static void parse_extension(struct gql_parser *parser, struct gql_definition *extension)
{
    const struct form *form;

    if (extension->description != NULL) {
        gql_lexer_fail(&parser->lexer, "syntax", extension->at,
                       "Syntax Error: Unexpected description, only GraphQL definitions support descriptions.");
        return;
    }
    gql_parser_advance(parser);
    form = form_of(&parser->lexer.token);
    if (form == NULL || !form->is_extensible) {
        gql_parser_unexpected(parser, &parser->lexer.token);
        return;
    }
    extension->kind = form->kind;
    extension->is_extension = true;
    gql_parser_advance(parser);
    form->parse(parser, extension);
    if (!adds_something(extension))
        gql_parser_unexpected(parser, &parser->lexer.token);
}

bool gql_parse_type_system(struct gql_parser *parser, struct gql_definition *definition)
{
    const struct form *form = form_of(&parser->lexer.token);

    if (form != NULL) {
        definition->kind = form->kind;
        gql_parser_advance(parser);
        form->parse(parser, definition);
        return true;
    }
    if (gql_parser_is(parser, GQL_TOKEN_NAME) &&
        (definition->description != NULL || gql_token_is_keyword(&parser->lexer.token, "extend"))) {
        parse_extension(parser, definition);
        return true;
    }
    return false;
}
