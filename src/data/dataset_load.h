/* Where the files of a data set are. */
#ifndef GKV_DATA_LOAD_H
#define GKV_DATA_LOAD_H

#include "gkvae/data.h"

/* The paths that gkv_dataset_load() opens, to be freed with free(); *labels is NULL
 * if there are none. GKV_ERR_IO as there. */
gkv_status gkv_data_locate(const gkv_data_settings *settings, gkv_split split, char **images, char **labels);

#endif
