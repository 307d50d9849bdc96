/* What a model's or a checkpoint's file says in words: settings, sizes, the state of training. */
#ifndef GKV_VAE_METADATA_H
#define GKV_VAE_METADATA_H

#include "safetensors/safetensors.h"
#include "vae/checkpoint.h"

enum { GKV_ENTRY_KEY_SIZE = 48, GKV_ENTRY_VALUE_SIZE = GKV_PATH_SIZE };

typedef struct gkv_entry {
    char key[GKV_ENTRY_KEY_SIZE], value[GKV_ENTRY_VALUE_SIZE];
} gkv_entry;

typedef struct gkv_entries {
    gkv_entry *list;
    gkv_metadata *view; /* the same, as the writer wants it */
    size_t count;
} gkv_entries;

/* All that a file of the model says, and, unless NULL, of the state. What *out holds is freed by
 * gkv_entries_free, also after a failure. */
gkv_status gkv_entries_create(const gkv_model *model, const gkv_train_state *state, gkv_entries *out);
void gkv_entries_free(gkv_entries *entries);

/* From a file that was opened from `path`: the state, or GKV_ERR_DATA that names what is missing. */
gkv_status gkv_metadata_state(const gkv_safetensors *file, const char *path, gkv_train_state *state);

/* The settings: defaults for what the file does not say. */
gkv_status gkv_metadata_settings(const gkv_safetensors *file, const char *path, gkv_settings *settings);

/* GKV_ERR_CONFIG unless the file's settings are these: a resumed run must be the same run. */
gkv_status gkv_metadata_compare(const gkv_safetensors *file, const char *path, const gkv_settings *settings);

/* The image's height and width. */
gkv_status gkv_metadata_sizes(const gkv_safetensors *file, const char *path, size_t sizes[2]);

#endif
