/* Error codes and messages.
 *
 * Every function of gkvae that can fail returns a gkv_status. When the status is not GKV_OK,
 * gkv_error_message() says what went wrong, where, and what to do. The library never prints and
 * never exits. */
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
    /* an argument is outside its documented range, or NULL where that is not allowed */
    GKV_ERR_ARGUMENT,
    GKV_ERR_MEMORY, /* a memory allocation failed */
    GKV_ERR_DATA,   /* a data file or a sample is malformed or unusable */
    GKV_ERR_CONFIG, /* a configuration has an unknown key or a bad value */
    GKV_ERR_IO,     /* a file, folder or network operation failed */
    /* there is no finite result: an iteration diverged, or a matrix is singular */
    GKV_ERR_NUMERIC,
    GKV_ERR_BUSY,        /* another process uses the run folder */
    GKV_ERR_INTERRUPTED, /* the caller asked to stop; finished work is saved */
    GKV_ERR_INTERNAL     /* the library contradicts itself: a bug */
} gkv_status;

/* The message of the last failed call on this thread, or "" if none has failed. It says what went
 * wrong, where, and what to do. The library owns the string; it is valid until the next failure on
 * this thread. Thread-safe. */
GKV_API const char *gkv_error_message(void);

/* What the caller may change so that a failed call succeeds. A program names its option for it, and
 * a binding its argument. */
typedef enum gkv_remedy {
    GKV_REMEDY_NONE,       /* nothing, or the message says everything */
    GKV_REMEDY_LIKELIHOOD, /* fit by maximum likelihood: GKV_GK_MLE */
    /* fit by maximum likelihood, with the resolution of rounded values: GKV_GK_RESOLUTION_AUTO */
    GKV_REMEDY_RESOLUTION,
    GKV_REMEDY_FIX,           /* fix parameters of a fit */
    GKV_REMEDY_NONPARAMETRIC, /* the nonparametric bootstrap */
    GKV_REMEDY_MISSING,       /* the spellings of missing values in a table */
    GKV_REMEDY_DECIMAL_COMMA, /* a decimal comma in a table */
    GKV_REMEDY_DECIMAL_POINT, /* a decimal point in a table */
    GKV_REMEDY_COMMA,   /* whether the comma is the decimal mark or the separator of a table */
    GKV_REMEDY_SKIP,    /* skip the lines before a table */
    GKV_REMEDY_FOLDER,  /* the folder of the data, or getting them */
    GKV_REMEDY_REPLACE, /* allow that files are replaced */
    GKV_REMEDY_RESUME,  /* resume a run as it is */
    GKV_REMEDY_RESUME_OR_REPLACE, /* resume the run of a folder, or allow that it is replaced */
    GKV_REMEDY_FEATURES,          /* train a feature network for the images */
    GKV_REMEDIES                  /* the number of these */
} gkv_remedy;

/* The remedy of the last failed call on this thread. Thread-safe. */
GKV_API gkv_remedy gkv_error_remedy(void);

/* The name of a remedy, as in "resolution"; NULL for none and for any other number. The string is
 * static. Thread-safe. */
GKV_API const char *gkv_remedy_name(int remedy);

/* The name of the code, as in "GKV_ERR_DATA", or "unknown status" for any other number. Never NULL;
 * the string is static. Thread-safe. */
GKV_API const char *gkv_status_name(gkv_status status);

/* The version of the library, as in "0.1.0". The string is static. Thread-safe. */
GKV_API const char *gkv_version(void);

/* Describes the build in two lines: the compiler, and the instruction set of the kernels. The
 * library owns the string; it is valid until the next call on this thread. Thread-safe. */
GKV_API const char *gkv_build_description(void);

#ifdef __cplusplus
}
#endif
#endif
