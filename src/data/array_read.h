/* Images and labels in NumPy's .npy files and .npz archives. */
#ifndef GKV_DATA_ARRAY_READ_H
#define GKV_DATA_ARRAY_READ_H

#include <stdbool.h>

#include "data/idx.h"

/* Whether the first bytes are those of an .npy file or of an .npz archive. */
bool gki_is_array(const uint8_t *head, size_t there);

/* Reads an array of images, count × height × width or with 1, 3 or 4 channels as the last
 * dimension, or of labels, one for each image. Of images, unsigned bytes are levels. Other whole
 * numbers are levels if none is above 255, and are divided by 257 if none is above 65535. Floats
 * are multiplied by 255 if none is above 1, and are levels if none is above 255. True is 255. The
 * raster's note says so. Images of numbers are floats, all finite; the raster has them as numbers,
 * and levels that are 0. Labels are whole numbers of 0 … 255. A path "FILE.npz:NAME" names the
 * array of an archive of several ones. The file may be gzip. Raw .npy files of GKV_MAP_MIN
 * unsigned bytes are mapped. GKV_ERR_DATA for other arrays and damaged files, GKV_ERR_ARGUMENT for
 * an array that an archive has not, GKV_ERR_IO, GKV_ERR_MEMORY. *out is zero after a failure.
 * Thread-safe. */
gkv_status gki_array_read(const char *path, gki_idx_kind kind, gki_raster *out);

/* The same of the bytes of an .npy file in memory. The raster has its own copy. */
gkv_status gki_array_parse(const char *name, const uint8_t *bytes, size_t size, gki_idx_kind kind,
                           gki_raster *out);

/* Sets *file to the path without ":NAME", which *name points to within `path`, or NULL. A file
 * whose whole name this is goes first. The caller frees *file. GKV_ERR_MEMORY. */
gkv_status gki_array_split(const char *path, char **file, const char **name);

#endif
