/* trace.h - W3C Trace Context: the header `traceparent`, by which one request is followed through all services. */
#ifndef TIDEGATE_GATEWAY_TRACE_H
#define TIDEGATE_GATEWAY_TRACE_H

#include <stdbool.h>

enum { TRACEPARENT_SIZE = 56, TRACE_ID_SIZE = 33 }; /* with the closing NUL */

/* Is `text` a traceparent of version 00 as the standard has it: lower-case, neither ID all zeros? NULL is none. */
bool traceparent_is_valid(const char *text);

/* Ours for a request that came with `received` (or NULL): the same trace and flags under a span of our own, or a new
 * trace, sampled. */
void traceparent_make(const char *received, char out[TRACEPARENT_SIZE]);

/* The trace ID of a valid traceparent. */
void traceparent_trace_id(const char *traceparent, char out[TRACE_ID_SIZE]);

#endif
