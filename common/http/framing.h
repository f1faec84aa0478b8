/* framing.h - where a request ends must be beyond doubt: what is one request here must not be two for a proxy before us
 * (RFC 9112, sections 6.3 and 11.2). evhttp takes the first of several lengths, passes over encodings that it does not
 * know, and names with a blank before the colon. Pure. */
#ifndef TIDEGATE_HTTP_FRAMING_H
#define TIDEGATE_HTTP_FRAMING_H

struct evkeyvalq;

/* NULL: it is. Else why not, for the client; the connection must not be used for another request. Static text. */
const char *framing_fault(const struct evkeyvalq *headers);

#endif
