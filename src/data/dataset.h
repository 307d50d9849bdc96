/* What the module does to a data set before anybody else sees it; the rest is in gkvae/data.h. */
#ifndef GKV_DATA_DATASET_H
#define GKV_DATA_DATASET_H

#include <stdbool.h>

#include "gkvae/data.h"

/* Takes 255 − level for every level, and exchanges rows and columns. GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_dataset_turn(gkv_dataset *dataset, bool invert, bool transpose);

#endif
