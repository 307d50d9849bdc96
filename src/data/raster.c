#include "data/raster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/memory.h"

size_t gki_raster_size(const gki_raster *raster)
{
    return raster->count * raster->height * raster->width * raster->channels;
}

static void release(gki_raster *raster)
{
    if (raster->mapping)
        munmap(raster->mapping, raster->mapped);
    else
        free(raster->bytes);
    raster->mapping = NULL;
    raster->bytes = NULL;
}

void gki_raster_free(gki_raster *raster)
{
    release(raster);
    free(raster->numbers);
    *raster = (gki_raster){0};
}

void gki_raster_replace(gki_raster *raster, uint8_t *bytes)
{
    release(raster);
    raster->bytes = bytes;
}

gkv_status gki_raster_own(gki_raster *raster)
{
    uint8_t *copy = NULL;
    if (!raster->mapping)
        return GKV_OK;
    GKV_TRY(gki_alloc(gki_raster_size(raster), 1, &copy));
    memcpy(copy, raster->bytes, gki_raster_size(raster));
    gki_raster_replace(raster, copy);
    return GKV_OK;
}

gkv_status gki_raster_scale(gki_raster *raster, bool has_range, double range[2])
{
    const size_t n = gki_raster_size(raster);
    if (!has_range) {
        float least = raster->numbers[0], greatest = raster->numbers[0];
        for (size_t i = 1; i < n; i++) {
            least = raster->numbers[i] < least ? raster->numbers[i] : least;
            greatest = raster->numbers[i] > greatest ? raster->numbers[i] : greatest;
        }
        range[0] = (double)least;
        range[1] = (double)greatest;
    }
    if (!(range[0] < range[1]))
        return gki_fail(GKV_ERR_DATA, "all numbers of the images are %g: there is nothing to model",
                        range[0]);
    for (size_t i = 0; i < n; i++) {
        const float x = (float)(((double)raster->numbers[i] - range[0]) / (range[1] - range[0]));
        raster->numbers[i] = x;
        raster->bytes[i] = (uint8_t)(x >= 1 ? 255 : x > 0 ? 255 * x + 0.5F : 0);
    }
    return GKV_OK;
}

void gki_note_16(unsigned highest, char note[GKV_NOTE_SIZE])
{
    if (highest > UINT8_MAX)
        snprintf(note, GKV_NOTE_SIZE,
                 "their levels of 16 bits, of at most %u, are divided by 257 to 8 bits", highest);
    else
        snprintf(note, GKV_NOTE_SIZE,
                 "their levels of 16 bits are at most %u and are taken as they are", highest);
}
