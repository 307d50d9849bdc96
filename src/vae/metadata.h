/* The metadata of model and checkpoint files: settings, sizes, and the state of training. */
#ifndef GKV_VAE_METADATA_H
#define GKV_VAE_METADATA_H

#include "safetensors/safetensors.h"
#include "vae/checkpoint.h"

enum { GKV_ENTRY_KEY_SIZE = 48, GKV_ENTRY_VALUE_SIZE = GKV_PATH_SIZE };

typedef struct gki_entry {
    char key[GKV_ENTRY_KEY_SIZE], value[GKV_ENTRY_VALUE_SIZE];
} gki_entry;

typedef struct gki_entries {
    gki_entry *list;
    gki_metadata *view; /* pointers to the same entries, for the writer */
    size_t count;
} gki_entries;

/* Creates the metadata of a model and, unless `state` is NULL, of a state. The caller frees *out
 * with gki_entries_free(), also after a failure. */
gkv_status gki_entries_create(const gkv_model *model, const gki_train_state *state,
                              gki_entries *out);
void gki_entries_free(gki_entries *entries);

/* Reads the state from a file that was opened from `path`. GKV_ERR_DATA if an entry is missing; the
 * message names it. */
gkv_status gki_metadata_state(const gki_safetensors *file, const char *path,
                              gki_train_state *state);

/* Reads the settings. Settings that the file does not have get their defaults. */
gkv_status gki_metadata_settings(const gki_safetensors *file, const char *path,
                                 gkv_settings *settings);

/* Returns GKV_ERR_CONFIG if the file has other settings, because a resumed run must keep its
 * settings. */
gkv_status gki_metadata_compare(const gki_safetensors *file, const char *path,
                                const gkv_settings *settings);

/* Checks that this version knows everything that the metadata say of a model: GKV_ERR_DATA for a
 * file of a newer version, and for a setting that this version does not have. Entries of other
 * programs are ignored. */
gkv_status gki_metadata_check(const gki_safetensors *file, const char *path);

/* Reads the height, the width and the channels of images. */
enum { GKV_IMAGE_SIZES = 3 };
gkv_status gki_metadata_sizes(const gki_safetensors *file, const char *path,
                              size_t sizes[GKV_IMAGE_SIZES]);

#endif
