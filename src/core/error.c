#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_SIZE = 1024 };

static _Thread_local char message[MESSAGE_SIZE];
static _Thread_local unsigned long failures;
static _Thread_local gkv_remedy last_remedy;

const char *gkv_error_message(void)
{
    return message;
}

gkv_remedy gkv_error_remedy(void)
{
    return last_remedy;
}

const char *gkv_remedy_name(int remedy)
{
    static const char *const names[GKV_REMEDIES] = {
        [GKV_REMEDY_LIKELIHOOD] = "likelihood",
        [GKV_REMEDY_RESOLUTION] = "resolution",
        [GKV_REMEDY_FIX] = "fix",
        [GKV_REMEDY_NONPARAMETRIC] = "nonparametric",
        [GKV_REMEDY_MISSING] = "missing",
        [GKV_REMEDY_DECIMAL_COMMA] = "decimal comma",
        [GKV_REMEDY_DECIMAL_POINT] = "decimal point",
        [GKV_REMEDY_COMMA] = "comma",
        [GKV_REMEDY_SKIP] = "skip",
        [GKV_REMEDY_FOLDER] = "folder",
        [GKV_REMEDY_REPLACE] = "replace",
        [GKV_REMEDY_RESUME] = "resume",
        [GKV_REMEDY_RESUME_OR_REPLACE] = "resume or replace",
        [GKV_REMEDY_FEATURES] = "features",
    };
    return remedy >= 0 && remedy < GKV_REMEDIES ? names[remedy] : NULL;
}

static void record(gkv_remedy remedy, const char *format, va_list args)
{
    /* The arguments may point into the old message, so it is overwritten only after formatting. */
    char fresh[MESSAGE_SIZE];
    vsnprintf(fresh, sizeof fresh, format, args);
    memcpy(message, fresh, sizeof message);
    last_remedy = remedy;
    failures++;
}

gkv_status gki_fail(gkv_status code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record(GKV_REMEDY_NONE, format, args);
    va_end(args);
    return code;
}

gkv_status gki_fail_remedy(gkv_status code, gkv_remedy remedy, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record(remedy, format, args);
    va_end(args);
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
    return gki_fail_remedy(code, last_remedy, "%s: %s", context, rest);
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
