#include "services/api-gateway/trace.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "00-<32 digits of the trace>-<16 digits of the span>-<2 of flags>": Trace Context, section 3.2. */
enum { POOL_SIZE = 4096 };
enum { TRACE_AT = 3, TRACE_LENGTH = 32, SPAN_AT = 36, SPAN_LENGTH = 16, FLAGS_AT = 53 };

static bool is_hex(const char *text, size_t length)
{
    return strspn(text, "0123456789abcdef") >= length;
}

static bool is_zero(const char *text, size_t length)
{
    return strspn(text, "0") >= length;
}

bool traceparent_is_valid(const char *text)
{
    return text != NULL && strlen(text) == TRACEPARENT_SIZE - 1 && strncmp(text, "00-", TRACE_AT) == 0 &&
           is_hex(text + TRACE_AT, TRACE_LENGTH) && !is_zero(text + TRACE_AT, TRACE_LENGTH) &&
           text[SPAN_AT - 1] == '-' && is_hex(text + SPAN_AT, SPAN_LENGTH) && !is_zero(text + SPAN_AT, SPAN_LENGTH) &&
           text[FLAGS_AT - 1] == '-' && is_hex(text + FLAGS_AT, 2);
}

/* Drawn in advance: one draw costs as much as the rest of a small request. One thread only, like all of a gateway. */
static void random_bytes(unsigned char *out, size_t size)
{
    static unsigned char pool[POOL_SIZE];
    static size_t used = POOL_SIZE;

    if (used + size > POOL_SIZE) {
        if (RAND_bytes(pool, POOL_SIZE) != 1)
            abort(); /* without randomness nothing here is safe */
        used = 0;
    }
    memcpy(out, pool + used, size);
    used += size;
}

static void random_hex(char *out, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[TRACE_LENGTH / 2];

    random_bytes(bytes, length / 2);
    bytes[0] |= 1; /* never all zeros */
    for (size_t i = 0; i < length / 2; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 0xf];
    }
    out[length] = '\0';
}

void traceparent_make(const char *received, char out[TRACEPARENT_SIZE])
{
    char trace[TRACE_ID_SIZE], span[SPAN_LENGTH + 1];
    const char *flags = "01";

    random_hex(span, SPAN_LENGTH);
    if (traceparent_is_valid(received)) {
        traceparent_trace_id(received, trace);
        flags = received + FLAGS_AT;
    } else {
        random_hex(trace, TRACE_LENGTH);
    }
    snprintf(out, TRACEPARENT_SIZE, "00-%s-%s-%.2s", trace, span, flags);
}

void traceparent_trace_id(const char *traceparent, char out[TRACE_ID_SIZE])
{
    snprintf(out, TRACE_ID_SIZE, "%.*s", TRACE_LENGTH, traceparent + TRACE_AT);
}
