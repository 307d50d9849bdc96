#include "data/colours.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

void gki_background(const gkv_data_settings *settings, uint8_t rgb[3])
{
    const char *text = settings->background;
    const bool white = strcmp(text, "white") == 0;
    if (white || strcmp(text, "black") == 0) {
        memset(rgb, white ? UINT8_MAX : 0, 3);
        return;
    }
    const unsigned long value = strtoul(text, NULL, 16);
    for (unsigned c = 0; c < 3; c++)
        rgb[c] = (uint8_t)(value >> (16 - 8 * c) & UINT8_MAX);
}

void gki_over_background(const uint8_t *rgba, size_t pixels, const uint8_t behind[3], uint8_t *out)
{
    for (size_t i = 0; i < pixels; i++, rgba += 4, out += 3) {
        const unsigned opacity = rgba[3];
        for (size_t c = 0; c < 3; c++)
            out[c] = (uint8_t)((opacity * rgba[c] + (255 - opacity) * behind[c] + 127) / 255);
    }
}

bool gki_is_grey(const uint8_t *rgb, size_t pixels)
{
    unsigned differences = 0;
    for (size_t i = 0; i < pixels && differences == 0; i++, rgb += 3)
        differences = (unsigned)(rgb[0] ^ rgb[1]) | (unsigned)(rgb[1] ^ rgb[2]);
    return differences == 0;
}

void gki_luma(const uint8_t *rgb, size_t pixels, uint8_t *out)
{
    for (size_t i = 0; i < pixels; i++, rgb += 3)
        out[i] = (uint8_t)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
}

/* Three equal channels of one. */
static gkv_status spread(gki_raster *raster)
{
    const size_t pixels = gki_raster_size(raster);
    uint8_t *rgb = NULL;
    GKV_TRY(gki_alloc(pixels, 3, &rgb));
    for (size_t i = 0; i < pixels; i++)
        memset(rgb + 3 * i, raster->bytes[i], 3);
    gki_raster_replace(raster, rgb);
    raster->channels = 3;
    return GKV_OK;
}

gkv_status gki_raster_channels(gki_raster *raster, const gkv_data_settings *settings)
{
    const size_t pixels = raster->count * raster->height * raster->width;
    if (raster->channels == 4) {
        uint8_t behind[3], *rgb = NULL;
        gki_background(settings, behind);
        GKV_TRY(gki_alloc(pixels, 3, &rgb));
        gki_over_background(raster->bytes, pixels, behind, rgb);
        gki_raster_replace(raster, rgb);
        raster->channels = 3;
    }
    if (raster->channels == 1)
        return settings->channels == GKV_CHANNELS_COLOUR ? spread(raster) : GKV_OK;
    if (settings->channels == GKV_CHANNELS_COLOUR ||
        (settings->channels == GKV_CHANNELS_AUTO && !gki_is_grey(raster->bytes, pixels)))
        return GKV_OK;
    uint8_t *grey = NULL;
    GKV_TRY(gki_alloc(pixels, 1, &grey));
    gki_luma(raster->bytes, pixels, grey);
    gki_raster_replace(raster, grey);
    raster->channels = 1;
    return GKV_OK;
}
