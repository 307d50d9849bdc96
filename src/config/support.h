/* Which choices of [model] are computed outside the library too: by exported PyTorch modules and by
 * the explorer page. Exports to ONNX have tables of functions instead (export/onnx_*.c). */
#ifndef GKV_CONFIG_SUPPORT_H
#define GKV_CONFIG_SUPPORT_H

#include "config/settings_table.h"

/* What computes models outside the library; flags. */
typedef enum gki_place {
    GKV_IN_TORCH = 1,   /* export/torch_module.py */
    GKV_IN_EXPLORER = 2 /* app/explorer/ */
} gki_place;

/* The places that compute each choice of a setting. */
typedef struct gki_support_row {
    size_t offset;               /* of the setting in gkv_settings */
    const unsigned char *places; /* [count] the flags of each choice, in the order of its enum */
    size_t count;
} gki_support_row;

/* The row of a setting. Every setting of [model] that is a choice has one. Without a row, which is
 * NULL, no place computes any choice of it. */
const gki_support_row *gki_support_of(const gki_settings_row *setting);

/* Whether a place computes this choice. */
bool gki_support_has(const gki_support_row *row, gki_place place, int choice);

/* A setting whose choice a place does not compute. */
typedef struct gki_unsupported {
    char name[2 * GKV_NAME_SIZE];  /* as in "model.base" */
    char choice[GKV_NAME_SIZE];    /* the choice; "" if it is out of range */
    char known[8 * GKV_NAME_SIZE]; /* the choices that the place computes, as in "mlp, conv" */
} gki_unsupported;

/* Finds the first of them in the order of the settings; returns false if there is none. */
bool gki_support_lacks(const gkv_settings *settings, gki_place place, gki_unsupported *out);

#endif
