#include "common/http/framing.h"

#include <ctype.h>
#include <event2/keyvalq_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* RFC 9110, section 5.6.2. */
static bool is_token(const char *name)
{
    const char *at = name;

    while (isalnum((unsigned char)*at) || (*at != '\0' && strchr("!#$%&'*+-.^_`|~", *at) != NULL))
        at++;
    return at > name && *at == '\0';
}

static bool is_number(const char *value)
{
    return *value != '\0' && value[strspn(value, "0123456789")] == '\0';
}

const char *framing_fault(const struct evkeyvalq *headers)
{
    size_t lengths = 0, encodings = 0;

    for (const struct evkeyval *header = headers->tqh_first; header != NULL; header = header->next.tqe_next) {
        const bool is_length = strcasecmp(header->key, "Content-Length") == 0;
        const bool is_encoding = strcasecmp(header->key, "Transfer-Encoding") == 0;

        if (!is_token(header->key))
            return "the name of a header has a character that names cannot have";
        if (is_length && !is_number(header->value))
            return "Content-Length: expected a number";
        if (is_encoding && strcasecmp(header->value, "chunked") != 0)
            return "Transfer-Encoding: only chunked is known";
        lengths += is_length;
        encodings += is_encoding;
    }
    return lengths + encodings > 1 ? "Content-Length, Transfer-Encoding: expected one of them, once" : NULL;
}
