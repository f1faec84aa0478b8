#include "common/http/path.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* An absolute target ("http://host/path") is as good as its path: RFC 9112, section 3.2.2. */
static const char *skip_authority(const char *target)
{
    const char *scheme_end = strstr(target, "://");
    const char *path;

    if (target[0] == '/' || scheme_end == NULL)
        return target;
    path = strchr(scheme_end + 3, '/');
    return path != NULL ? path : "/";
}

char *path_clean(const char *target, const char **query, size_t *query_size)
{
    const char *path = skip_authority(target);
    const size_t size = strcspn(path, "?#");
    char *out;
    size_t length = 0;

    if (path[0] != '/')
        return NULL;
    *query = NULL;
    *query_size = 0;
    if (path[size] == '?') {
        *query = path + size + 1;
        *query_size = strcspn(*query, "#");
    }
    out = malloc(size + 1);
    if (out == NULL)
        abort();
    for (size_t i = 0; i < size; i++)
        if (path[i] != '/' || length == 0 || out[length - 1] != '/')
            out[length++] = path[i];
    out[length] = '\0';
    return out;
}

bool path_match(const char *pattern, const char *path, struct path_span *variables, size_t count)
{
    size_t found = 0;

    while (*pattern != '\0') {
        if (*pattern == '{') {
            const size_t size = strcspn(path, "/");

            if (size == 0)
                return false;
            assert(found < count);
            variables[found++] = (struct path_span){ path, size };
            path += size;
            pattern = strchr(pattern, '}') + 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

int path_variable_index(const char *pattern, const char *name)
{
    const size_t size = strlen(name);
    int index = 0;

    for (const char *at = strchr(pattern, '{'); at != NULL; at = strchr(at + 1, '{'), index++)
        if (strncmp(at + 1, name, size) == 0 && at[1 + size] == '}')
            return index;
    return -1;
}
