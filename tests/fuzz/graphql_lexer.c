/* Any bytes become tokens or one error; tokens stand in the order of the text and hold what they promise. */
#include "common/graphql/lexer.h"
#include "common/graphql/utf8.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *text_of(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (text == NULL)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

static void check_value(const struct gql_token *token)
{
    size_t length;

    if (token->kind == GQL_TOKEN_NAME)
        assert(strlen(token->value) == token->size);
    if (token->kind == GQL_TOKEN_STRING || token->kind == GQL_TOKEN_BLOCK_STRING)
        assert(token->value[token->size] == '\0');
    for (size_t at = 0; at < token->size; at += length) {
        length = gql_utf8_read(token->value + at, token->size - at, NULL);
        assert(length > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gql_errors errors = { 0 };
    struct gql_lexer lexer = {
        .text = text_of(data, size), .values = text_of(data, size), .size = (uint32_t)size, .errors = &errors
    };
    uint32_t at = 0;

    for (gql_lexer_next(&lexer); lexer.token.kind != GQL_TOKEN_END; gql_lexer_next(&lexer)) {
        assert(lexer.token.at >= at && lexer.at > lexer.token.at && lexer.at <= size);
        at = lexer.at;
        check_value(&lexer.token);
    }
    assert(errors.count == (lexer.failed ? 1 : 0));
    gql_errors_release(&errors);
    free(lexer.values);
    free((char *)lexer.text);
    return 0;
}
