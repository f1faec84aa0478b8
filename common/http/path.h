/* path.h - paths of URLs: cleaning them, and matching them with patterns. Pure. */
#ifndef TIDEGATE_HTTP_PATH_H
#define TIDEGATE_HTTP_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* The path of a request target ("/a//b?c", "http://host/a"): without scheme and host, query and fragment, with repeated
 * slashes collapsed. `query` is what follows the '?' (without the fragment), or NULL; borrowed from `target`.
 * Own: free(). NULL: the target has no path. */
char *path_clean(const char *target, const char **query, size_t *query_size);

struct path_span {
    const char *text; /* in the path, not decoded */
    size_t size;
};

/* Does `path` match `pattern` ("/orchestrations/{id}/cancel")? A variable takes one segment, not empty. At most `count`
 * variables are written to `variables`, in their order; it is asserted that there are no more. Literals are compared
 * as they are, without decoding. */
bool path_match(const char *pattern, const char *path, struct path_span *variables, size_t count);

/* The index of the variable `name` in `pattern`, or -1. */
int path_variable_index(const char *pattern, const char *name);

#endif
