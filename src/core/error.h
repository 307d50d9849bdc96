/* How functions of the library record failures and pass them on. The public part is gkvae/error.h.
 * All functions are thread-safe: messages belong to a thread. */
#ifndef GKV_CORE_ERROR_H
#define GKV_CORE_ERROR_H

#include "gkvae/error.h"

/* Records the message (printf format) for this thread and returns the code:
 *     return gki_fail(GKV_ERR_DATA, "%s: bad magic 0x%08x", path, magic);   */
gkv_status gki_fail(gkv_status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with a remedy: what gkv_error_remedy() returns. Others have none. */
gkv_status gki_fail_remedy(gkv_status code, gkv_remedy remedy, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a call of the system that failed with this errno: appends ": " and the reason. The
 * code is GKV_ERR_MEMORY for ENOMEM and GKV_ERR_IO otherwise, also for 0, which means that the
 * reason is unknown:
 *     return gki_fail_errno(errno, "%s: cannot be opened", path);   */
gkv_status gki_fail_errno(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The number of messages that this thread has recorded. A caller compares two values to learn
 * whether a callback has recorded a message. */
unsigned long gki_failures(void);

/* Puts the text (printf format) and ": " before this thread's message, whose remedy stays, and
 * returns the code. */
gkv_status gki_fail_context(gkv_status code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Evaluates the call, and returns its status from the calling function unless that is GKV_OK. */
#define GKV_TRY(call)                        \
    do {                                     \
        gkv_status gki_try_status_ = (call); \
        if (gki_try_status_ != GKV_OK)       \
            return gki_try_status_;          \
    } while (0)

/* As GKV_TRY, for functions with a clean-up section at their end: stores the status in `status`,
 * and jumps to the label `done` unless the status is GKV_OK. */
#define GKV_TRY_GOTO(call)    \
    do {                      \
        status = (call);      \
        if (status != GKV_OK) \
            goto done;        \
    } while (0)

/* Returns GKV_ERR_ARGUMENT from a public function if an argument is NULL. The message names the
 * function and the argument. */
#define GKV_NEED(argument)                                                            \
    do {                                                                              \
        if (!(argument))                                                              \
            return gki_fail(GKV_ERR_ARGUMENT, "%s: %s is NULL", __func__, #argument); \
    } while (0)

#endif
