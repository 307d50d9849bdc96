/* Error codes and messages.
 *
 * Every fallible function of gkvae returns a gkv_status. When it is not GKV_OK,
 * gkv_error_message() says what went wrong, where, and what to do about it. The
 * library never prints and never exits. */
#ifndef GKVAE_ERROR_H
#define GKVAE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GKV_API __attribute__((visibility("default")))
#define GKV_MUST_USE __attribute__((warn_unused_result))
#else
#define GKV_API
#define GKV_MUST_USE
#endif

typedef enum gkv_status {
    GKV_OK = 0,
    GKV_ERR_ARGUMENT,    /* an argument outside its documented range */
    GKV_ERR_MEMORY,      /* the system has no memory for it */
    GKV_ERR_DATA,        /* a data file or sample that is malformed or unusable */
    GKV_ERR_CONFIG,      /* an unknown key or a bad value in a configuration */
    GKV_ERR_IO,          /* a file, folder or network operation failed */
    GKV_ERR_NUMERIC,     /* no finite result: divergence, a singular matrix */
    GKV_ERR_BUSY,        /* the run folder is in use by another process */
    GKV_ERR_INTERRUPTED, /* stopped on request; what was done is saved */
    GKV_ERR_INTERNAL     /* a broken promise of the library itself: a bug */
} gkv_status;

/* The message of the last failed call on this thread; "" when none has failed.
 * Owned by the library and valid until the next failure on this thread. */
GKV_API const char *gkv_error_message(void);

/* The code's name, as in "GKV_ERR_DATA"; never NULL. Thread-safe. */
GKV_API const char *gkv_status_name(gkv_status status);

/* The library's version, as in "0.1.0". */
GKV_API const char *gkv_version(void);

/* What the library was built with and runs on, a fact a line: compiler, BLAS, and the
 * instruction set of its kernels. Valid until the thread's next call. Thread-safe. */
GKV_API const char *gkv_build_description(void);

#ifdef __cplusplus
}
#endif
#endif
