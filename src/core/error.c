#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_SIZE = 1024 };

static _Thread_local char message[MESSAGE_SIZE];
static _Thread_local unsigned long failures;

const char *gkv_error_message(void)
{
    return message;
}

gkv_status gki_fail(gkv_status code, const char *format, ...)
{
    /* The arguments may point into the old message, so it is overwritten only after formatting. */
    char fresh[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(fresh, sizeof fresh, format, args);
    va_end(args);
    memcpy(message, fresh, sizeof message);
    failures++;
    return code;
}

gkv_status gki_fail_errno(int error, const char *format, ...)
{
    char what[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return gki_fail(error == ENOMEM ? GKV_ERR_MEMORY : GKV_ERR_IO, "%s: %s", what,
                    strerror(error ? error : EIO));
}

unsigned long gki_failures(void)
{
    return failures;
}

gkv_status gki_fail_context(gkv_status code, const char *format, ...)
{
    char context[MESSAGE_SIZE / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
    char rest[MESSAGE_SIZE / 2];
    memcpy(rest, message, sizeof rest);
    rest[sizeof rest - 1] = '\0';
    return gki_fail(code, "%s: %s", context, rest);
}

const char *gkv_status_name(gkv_status status)
{
    switch (status) {
    case GKV_OK: return "GKV_OK";
    case GKV_ERR_ARGUMENT: return "GKV_ERR_ARGUMENT";
    case GKV_ERR_MEMORY: return "GKV_ERR_MEMORY";
    case GKV_ERR_DATA: return "GKV_ERR_DATA";
    case GKV_ERR_CONFIG: return "GKV_ERR_CONFIG";
    case GKV_ERR_IO: return "GKV_ERR_IO";
    case GKV_ERR_NUMERIC: return "GKV_ERR_NUMERIC";
    case GKV_ERR_BUSY: return "GKV_ERR_BUSY";
    case GKV_ERR_INTERRUPTED: return "GKV_ERR_INTERRUPTED";
    case GKV_ERR_INTERNAL: return "GKV_ERR_INTERNAL";
    }
    return "unknown status";
}
