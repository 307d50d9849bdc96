/* What the module does to a data set before anybody else sees it; the rest is in gkvae/data.h. */
#ifndef GKV_DATA_DATASET_H
#define GKV_DATA_DATASET_H

#include <stdbool.h>

#include "gkvae/data.h"

/* Takes 255 − level for every level, and exchanges rows and columns. GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_dataset_turn(gkv_dataset *dataset, bool invert, bool transpose);

/* Sets the SHA-256 of the settings to those of the files of this data set. Those of files that it
 * has not are left. */
void gki_dataset_identify(const gkv_dataset *training, gkv_data_settings *settings);

/* Returns GKV_ERR_DATA if a file of this data set has another SHA-256 than the settings. An unknown
 * one, of either side, is taken for the same. */
gkv_status gki_dataset_check_file(const gkv_dataset *training, const gkv_data_settings *settings);

#endif
