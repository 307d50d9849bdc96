/* Changes of the channels of images. All functions are thread-safe. */
#ifndef GKV_DATA_COLOURS_H
#define GKV_DATA_COLOURS_H

#include <stdbool.h>

#include "data/raster.h"

/* The three levels of data.background, which was checked. */
void gki_background(const gkv_data_settings *settings, uint8_t rgb[3]);

/* Puts pixels of red, green, blue and opacity over a background: round((o·level + (255 −
 * o)·behind)/255). `out` has three channels. */
void gki_over_background(const uint8_t *rgba, size_t pixels, const uint8_t behind[3], uint8_t *out);

/* Whether red, green and blue are equal everywhere. */
bool gki_is_grey(const uint8_t *rgb, size_t pixels);

/* The luma of Rec. 601, (19595·red + 38470·green + 7471·blue + 2¹⁵)/2¹⁶, rounded down. Grey keeps
 * its level. */
void gki_luma(const uint8_t *rgb, size_t pixels, uint8_t *out);

/* Gives the images the channels that the settings want, 1 or 3. GKV_ERR_MEMORY. */
gkv_status gki_raster_channels(gki_raster *raster, const gkv_data_settings *settings);

#endif
