/* How the library reports failures to itself; the public half is gkvae/error.h. */
#ifndef GKV_CORE_ERROR_H
#define GKV_CORE_ERROR_H

#include "gkvae/error.h"

/* Records the message (printf format) for this thread and returns the code:
 *     return gkv_fail(GKV_ERR_DATA, "%s: bad magic 0x%08x", path, magic);   */
gkv_status gkv_fail(gkv_status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How many messages this thread has recorded: whether somebody else's function left one. */
unsigned long gkv_failures(void);

/* Puts "context: " before this thread's message; returns the code. */
gkv_status gkv_fail_context(gkv_status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Returns from the caller with any code that is not GKV_OK. */
#define GKV_TRY(call)                                \
    do {                                             \
        gkv_status gkv_try_status_ = (call);         \
        if (gkv_try_status_ != GKV_OK)               \
            return gkv_try_status_;                  \
    } while (0)

/* As GKV_TRY, for functions with a clean-up tail: sets `status`, goes to `done`. */
#define GKV_TRY_GOTO(call)              \
    do {                                \
        status = (call);                \
        if (status != GKV_OK)           \
            goto done;                  \
    } while (0)

#endif
