/* The settings of flat functions (gkvae/flat.h): structs of settings whose members are set by
 * name. */
#ifndef GKV_CORE_FLAT_SETTINGS_H
#define GKV_CORE_FLAT_SETTINGS_H

#include <math.h>
#include <stddef.h>

#include "core/error.h"
#include "gkvae/flat.h"

typedef enum gki_flat_type {
    GKV_FLAT_NUMBER, /* double */
    GKV_FLAT_SIZE,   /* size_t */
    GKV_FLAT_SEED,   /* uint64_t */
    GKV_FLAT_SWITCH, /* bool */
    GKV_FLAT_CHOICE  /* an enum: the index of a word */
} gki_flat_type;

/* A setting. */
typedef struct gki_flat_row {
    const char *name;
    gki_flat_type type;
    size_t offset; /* of the member */
    /* of a choice: its words, as in "lm, mle"; of a number: "auto" if this word stands for −1 and
     * negative numbers have no meaning; else NULL */
    const char *words;
} gki_flat_row;

/* Settings of one kind. */
typedef struct gki_flat_kind {
    const char *name; /* for messages, as in "a mixture" */
    const gki_flat_row *rows;
    size_t count;
    size_t size;                    /* of the struct */
    void (*defaults)(void *values); /* fills the struct */
} gki_flat_kind;

/* Creates settings with their defaults. The caller frees *out with gkv_flat_free(); it is NULL
 * after a failure. GKV_ERR_MEMORY. */
gkv_status gki_flat_settings_create(const gki_flat_kind *kind, gkv_flat_settings **out);

/* Copies the struct to *values: the defaults if `settings` is NULL. GKV_ERR_ARGUMENT for settings
 * of another kind; the message begins with the name of the public function. */
gkv_status gki_flat_settings_copy(const char *function, const gki_flat_kind *kind,
                                  const gkv_flat_settings *settings, void *values);

/* Sets the array, which may be NULL, to NaN: what outputs hold after an error. */
static inline void gki_flat_nan(double *values, size_t count)
{
    for (size_t i = 0; values && i < count; i++)
        values[i] = NAN;
}

/* The name at index i of a table, NULL past its end. */
#define GKV_FLAT_NAME(names, i) ((i) < sizeof(names) / sizeof *(names) ? (names)[i] : NULL)

#endif
