/* Images or labels as a reader of files delivers them: 8-bit levels, count × height × width ×
 * channels, where channels change fastest. */
#ifndef GKV_DATA_RASTER_H
#define GKV_DATA_RASTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "gkvae/settings.h"

enum { GKV_NOTE_SIZE = 160, GKV_CHANNELS_MAX = 4 };

typedef struct gki_raster {
    size_t count;
    size_t height, width, channels; /* 1 for labels; 4 channels are red, green, blue and opacity */
    char sha256[GKV_DIGEST_SIZE];   /* of the uncompressed content of the file */
    char note[GKV_NOTE_SIZE];       /* what the reader changed, for the user; "" if nothing */
    uint8_t *bytes;                 /* [count·height·width·channels] */
    float *numbers;                 /* of continuous images, as many as bytes; else NULL */
    void *mapping; /* the mapped file that has the bytes, or NULL: they are owned */
    size_t mapped; /* the bytes of the mapping */
} gki_raster;

/* The number of bytes, which was checked to fit size_t. */
size_t gki_raster_size(const gki_raster *raster);

/* Frees the bytes or ends the mapping, and sets the raster to zero. */
void gki_raster_free(gki_raster *raster);

/* Replaces the numbers v by (v − LOW)/(HIGH − LOW), and the bytes by the nearest levels to these
 * times 255. Without a range, which is then set, LOW and HIGH are the least and the greatest
 * number. GKV_ERR_DATA if they are equal. */
gkv_status gki_raster_scale(gki_raster *raster, bool has_range, double range[2]);

/* Puts `bytes`, which is the caller's no more, in place of the raster's own. */
void gki_raster_replace(gki_raster *raster, uint8_t *bytes);

/* Makes the bytes owned, so that they may be changed. GKV_ERR_MEMORY. */
gkv_status gki_raster_own(gki_raster *raster);

/* Notes what became of levels of 16 bits, of which `highest` is the highest. */
void gki_note_16(unsigned highest, char note[GKV_NOTE_SIZE]);

/* The level of 16 bits that is nearest in 8 bits: round(level/257). */
static inline uint8_t gki_level_of_16(unsigned level)
{
    return (uint8_t)((level * 255u + 32895u) >> 16);
}

#endif
