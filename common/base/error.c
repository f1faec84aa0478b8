#include "common/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list arguments;

    if (err == NULL)
        return false;
    err->code = code;
    va_start(arguments, format);
    vsnprintf(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
    return false;
}

void error_context(struct error *err, const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE];
    va_list arguments;
    int length;

    if (err == NULL)
        return;
    va_start(arguments, format);
    length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof message)
        snprintf(message + length, sizeof message - (size_t)length, ": %.*s",
                 (int)(sizeof message - (size_t)length) - 3, err->message);
    memcpy(err->message, message, sizeof message);
}
