#include "data/png_read.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "core/foreign.h"
#include "core/memory.h"

enum {
    DEFLATE_RATIO = 1032,      /* the greatest compression ratio of deflate */
    CHUNK_BYTES_MAX = 1 << 23, /* of a chunk other than the pixels */
    HAS_COLOUR = 2             /* the bit of the colour type */
};

/* The bytes that are read, and the first error. */
typedef struct stream {
    const uint8_t *bytes;
    size_t left;
    char error[128];
    jmp_buf back;
} stream;

static uint32_t number(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The bits of a pixel in the compressed data. */
static unsigned bits_of(unsigned type, unsigned depth)
{
    static const uint8_t samples[] = {1, 0, 3, 1, 2, 0, 4};
    return type < sizeof samples ? samples[type] * depth : 0;
}

gkv_status gki_png_header_read(const uint8_t *bytes, size_t there, uint64_t size,
                               gki_png_header *out)
{
    static const uint8_t begin[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n',
                                    0,    0,   0,   13,  'I',  'H',  'D',  'R'};
    if (there < sizeof begin || memcmp(bytes, begin, sizeof begin) != 0) {
        static const char nobody[] = "it: "; /* what the message begins with */
        if (gki_foreign_check(GKV_ERR_DATA, "it", bytes, there, GKV_WANTED_PNG) == GKV_OK)
            return gki_fail(GKV_ERR_DATA, "it is not a PNG picture");
        return gki_fail(GKV_ERR_DATA, "%s", gkv_error_message() + sizeof nobody - 1);
    }
    if (there < GKV_PNG_HEADER)
        return gki_fail(GKV_ERR_DATA, "the file stops in its header");
    const uint64_t width = number(bytes + 16), height = number(bytes + 20);
    const unsigned depth = bytes[24], type = bytes[25], bits = bits_of(type, depth);
    if (width == 0 || height == 0 || bits == 0)
        return gki_fail(GKV_ERR_DATA, "the header is damaged");
    if (width > GKV_PNG_PIXELS_MAX / height)
        return gki_fail(
            GKV_ERR_DATA, "the header states %llu × %llu pixels; at most %d pixels are read",
            (unsigned long long)height, (unsigned long long)width, (int)GKV_PNG_PIXELS_MAX);
    if (width * height * bits / 8 > size * DEFLATE_RATIO)
        return gki_fail(
            GKV_ERR_DATA, "the header states %llu × %llu pixels, which %llu bytes cannot hold",
            (unsigned long long)height, (unsigned long long)width, (unsigned long long)size);
    *out = (gki_png_header){(size_t)height, (size_t)width, (type & HAS_COLOUR) != 0};
    return GKV_OK;
}

/* --- libpng's callbacks --------------------------------------------------- */

static void on_error(png_structp png, png_const_charp text)
{
    stream *s = png_get_error_ptr(png);
    snprintf(s->error, sizeof s->error, "%s", text);
    longjmp(s->back, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep out, size_t n)
{
    stream *s = png_get_io_ptr(png);
    if (n > s->left)
        png_error(png, "the file stops in the middle");
    memcpy(out, s->bytes, n);
    s->bytes += n;
    s->left -= n;
}

/* Pixels of 8 bits in 1, 3 or 4 channels, whatever the file has. */
static void set_transforms(png_structp png, png_infop info)
{
    const int type = png_get_color_type(png, info);
    const bool clear = png_get_valid(png, info, PNG_INFO_tRNS) != 0;
    png_set_expand(png); /* palettes, few bits, and a transparent colour as opacity */
    png_set_scale_16(png);
    if (!(type & PNG_COLOR_MASK_COLOR) && (clear || (type & PNG_COLOR_MASK_ALPHA)))
        png_set_gray_to_rgb(png);
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

/* Where the picture goes. It is outside the function that longjmp() returns to. */
typedef struct png_decoder {
    png_structp png;
    png_infop info;
    uint8_t *pixels, **rows;
    size_t channels;
    gkv_status status; /* of allocations */
} png_decoder;

static void decode(stream *s, png_decoder *decoder)
{
    png_set_read_fn(decoder->png, s, on_read);
    png_set_user_limits(decoder->png, GKV_PNG_PIXELS_MAX, GKV_PNG_PIXELS_MAX);
    png_set_chunk_malloc_max(decoder->png, CHUNK_BYTES_MAX);
    png_read_info(decoder->png, decoder->info);
    set_transforms(decoder->png, decoder->info);
    const size_t height = png_get_image_height(decoder->png, decoder->info),
                 stride = png_get_rowbytes(decoder->png, decoder->info);
    decoder->channels = png_get_channels(decoder->png, decoder->info);
    decoder->status = gki_alloc(height, stride, &decoder->pixels);
    if (decoder->status == GKV_OK)
        decoder->status = gki_alloc(height, sizeof *decoder->rows, &decoder->rows);
    if (decoder->status != GKV_OK)
        return;
    for (size_t y = 0; y < height; y++)
        decoder->rows[y] = decoder->pixels + y * stride;
    png_read_image(decoder->png, decoder->rows);
    png_read_end(decoder->png, NULL);
}

gkv_status gki_png_decode(const uint8_t *bytes, size_t size, gki_png_header *header, uint8_t **out,
                          size_t *channels)
{
    stream s = {.bytes = bytes, .left = size};
    png_decoder decoder = {.status = GKV_OK};
    gkv_status status;
    *out = NULL;
    GKV_TRY(gki_png_header_read(bytes, size, size, header));
    decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s, on_error, on_warning);
    decoder.info = decoder.png ? png_create_info_struct(decoder.png) : NULL;
    if (!decoder.info) {
        status = gki_fail(GKV_ERR_MEMORY, "out of memory while a PNG picture is read");
        goto done;
    }
    if (setjmp(s.back) == 0)
        decode(&s, &decoder);
    status = decoder.status;
    if (*s.error)
        status = gki_fail(GKV_ERR_DATA, "it is damaged: %s", s.error);
    if (status == GKV_OK) {
        *out = decoder.pixels;
        *channels = decoder.channels;
        decoder.pixels = NULL;
    }
done:
    png_destroy_read_struct(&decoder.png, &decoder.info, NULL);
    free(decoder.rows);
    free(decoder.pixels);
    return status;
}
