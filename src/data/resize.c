#include "data/resize.h"

#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/threads.h"

/* What a new pixel of one side is made of: weights of `count` old ones from `first`. */
typedef struct share {
    size_t first, count;
    double *weights;
} share;

/* The shares of a side, which the caller frees together with *weights. */
typedef struct side {
    share *shares;
    double *weights;
} side;

static void free_side(side *s)
{
    free(s->shares);
    free(s->weights);
}

/* The average of the old pixels in [begin, end). */
static void take_area(share *pixel, size_t from, double begin, double end)
{
    const size_t last = (size_t)ceil(end) < from ? (size_t)ceil(end) : from;
    pixel->first = (size_t)begin;
    pixel->count = last - pixel->first;
    for (size_t i = 0; i < pixel->count; i++) {
        const double low = (double)(pixel->first + i), high = low + 1;
        pixel->weights[i] = (fmin(high, end) - fmax(low, begin)) / (end - begin);
    }
}

/* The two old pixels around a place. */
static void take_line(share *pixel, size_t from, double centre)
{
    const double position = fmin(fmax(centre - 0.5, 0), (double)(from - 1));
    pixel->first = (size_t)position;
    pixel->count = pixel->first + 1 < from ? 2 : 1;
    pixel->weights[0] = pixel->count == 2 ? 1 - (position - (double)pixel->first) : 1;
    pixel->weights[1] = 1 - pixel->weights[0];
}

static gkv_status make_side(size_t from, size_t to, side *out)
{
    const size_t most = (from + to - 1) / to + 2; /* the old pixels of a new one */
    const double scale = (double)from / (double)to;
    GKV_TRY(gki_alloc(to, sizeof *out->shares, &out->shares));
    GKV_TRY(gki_alloc(to * most, sizeof *out->weights, &out->weights));
    for (size_t i = 0; i < to; i++) {
        share *s = &out->shares[i];
        s->weights = out->weights + i * most;
        if (to <= from)
            take_area(s, from, (double)i * scale,
                      i + 1 == to ? (double)from : (double)(i + 1) * scale);
        else
            take_line(s, from, ((double)i + 0.5) * scale);
    }
    return GKV_OK;
}

/* Resizes the columns of one row into row[to_width·channels]. */
static void resize_row(const uint8_t *from, size_t channels, const side *columns, size_t to_width,
                       double *row)
{
    for (size_t x = 0; x < to_width; x++) {
        const share *s = &columns->shares[x];
        for (size_t c = 0; c < channels; c++) {
            double sum = 0;
            for (size_t i = 0; i < s->count; i++)
                sum += s->weights[i] * from[(s->first + i) * channels + c];
            row[x * channels + c] = sum;
        }
    }
}

gkv_status gki_resize(const uint8_t *from, size_t height, size_t width, size_t channels,
                      size_t to_height, size_t to_width, uint8_t *out)
{
    const size_t n = to_width * channels;
    side columns = {NULL, NULL}, rows = {NULL, NULL};
    double *narrow = NULL; /* all old rows with new columns */
    gkv_status status;
    GKV_TRY_GOTO(make_side(width, to_width, &columns));
    GKV_TRY_GOTO(make_side(height, to_height, &rows));
    GKV_TRY_GOTO(gki_alloc(height * n, sizeof *narrow, &narrow));
    for (size_t y = 0; y < height; y++)
        resize_row(from + y * width * channels, channels, &columns, to_width, narrow + y * n);
    for (size_t y = 0; y < to_height; y++) {
        const share *s = &rows.shares[y];
        for (size_t k = 0; k < n; k++) {
            double sum = 0;
            for (size_t i = 0; i < s->count; i++)
                sum += s->weights[i] * narrow[(s->first + i) * n + k];
            out[y * n + k] = (uint8_t)fmin(sum + 0.5, 255);
        }
    }
done:
    free(narrow);
    free_side(&columns);
    free_side(&rows);
    return status;
}

bool gki_resize_wanted(const gkv_data_settings *settings, size_t *height, size_t *width)
{
    char *end = NULL;
    *height = *width = 0;
    if (!*settings->resize)
        return false;
    *height = (size_t)strtoul(settings->resize, &end, 10);
    *width = *end ? (size_t)strtoul(end + 1, NULL, 10) : 0;
    return *height > 0 && *width > 0;
}

gkv_status gki_raster_resize(gki_raster *raster, const gkv_data_settings *settings)
{
    size_t height, width, bytes;
    uint8_t *out = NULL;
    gkv_status status = GKV_OK;
    if (!gki_resize_wanted(settings, &height, &width) ||
        (height == raster->height && width == raster->width))
        return GKV_OK;
    const size_t channels = raster->channels;
    const size_t from = raster->height * raster->width * channels, to = height * width * channels;
    if (__builtin_mul_overflow(raster->count, to, &bytes))
        return gki_fail(GKV_ERR_DATA, "%zu images of %s pixels are more than memory can hold",
                        raster->count, settings->resize);
    GKV_TRY(gki_alloc(bytes, 1, &out));
#pragma omp parallel for schedule(static) num_threads(gki_threads(0))
    for (size_t i = 0; i < raster->count; i++) {
        const gkv_status one = gki_resize(raster->bytes + i * from, raster->height, raster->width,
                                          channels, height, width, out + i * to);
        if (one != GKV_OK) {
#pragma omp critical(gki_raster_resize)
            status = one;
        }
    }
    if (status != GKV_OK) {
        free(out);
        return gki_fail(status, "out of memory while images are resized");
    }
    gki_raster_replace(raster, out);
    raster->height = height;
    raster->width = width;
    return GKV_OK;
}
