/* Resizes images. */
#ifndef GKV_DATA_RESIZE_H
#define GKV_DATA_RESIZE_H

#include <stdbool.h>

#include "data/raster.h"

/* The size of data.resize; false, and 0 × 0, if it is empty. */
bool gki_resize_wanted(const gkv_data_settings *settings, size_t *height, size_t *width);

/* Resizes an image. Along a side that shrinks, a new pixel is the average of the area that it
 * covers; along one that grows, it is interpolated linearly between the two nearest pixels, with
 * the centres of pixels at ½, 1½, …. Columns are computed before rows, in double, and the result is
 * rounded. `out` is [to_height·to_width·channels]. The result depends on the arguments alone.
 * GKV_ERR_MEMORY. Thread-safe. */
gkv_status gki_resize(const uint8_t *from, size_t height, size_t width, size_t channels,
                      size_t to_height, size_t to_width, uint8_t *out);

/* Resizes all images as the settings say. GKV_ERR_DATA for a result that memory cannot address,
 * GKV_ERR_MEMORY. */
gkv_status gki_raster_resize(gki_raster *raster, const gkv_data_settings *settings);

#endif
