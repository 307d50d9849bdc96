/* Equal images, found by hashes of their pixels. */
#ifndef GKV_DATA_COPIES_H
#define GKV_DATA_COPIES_H

#include <stdbool.h>

#include "gkvae/data.h"

typedef struct gki_copies gki_copies;

/* Hashes all images of a data set, which must live as long as the copies. The caller frees *out.
 * GKV_ERR_MEMORY. Thread-safe. */
gkv_status gki_copies_create(const gkv_dataset *data, gki_copies **out);

void gki_copies_free(gki_copies *copies);

/* The number of images that are copies of others, without the first of each kind. */
size_t gki_copies_count(const gki_copies *copies);

/* Whether the data set contains this image of another one, whose images have the same size. */
bool gki_copies_contain(const gki_copies *copies, const gkv_dataset *data, size_t image);

#endif
