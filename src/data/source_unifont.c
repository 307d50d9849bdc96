/* The glyphs of GNU Unifont as images: the bitmaps of 16 × 16 pixels in Debian's package
 * unifont. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "data/catalogue.h"
#include "data/data_files.h"
#include "data/reader.h"
#include "data/unicode_blocks.h"

enum {
    SIDE = 16,
    DIGITS = SIDE * SIDE / 4, /* hexadecimal digits of a glyph; narrow glyphs have half of them */
    PIXELS = SIDE * SIDE,
    CODE_DIGITS_MAX = 6,
    SEED = 1 /* of the choice of the test images */
};
static const double test_share = 0.1;

/* The images so far. */
typedef struct glyphs {
    size_t count, capacity;
    uint8_t *pixels, *labels;
} glyphs;

/* The value of a hexadecimal digit, or −1. */
static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* The number of the block, from 0. */
static uint8_t block_of(unsigned code)
{
    size_t n = sizeof unicode_blocks / sizeof *unicode_blocks, block = 0;
    while (block + 1 < n && unicode_blocks[block + 1] <= code)
        block++;
    return (uint8_t)block;
}

static gkv_status reserve(glyphs *all)
{
    if (all->count < all->capacity)
        return GKV_OK;
    const size_t capacity = all->capacity ? 2 * all->capacity : 4096;
    uint8_t *pixels = realloc(all->pixels, capacity * PIXELS);
    if (pixels)
        all->pixels = pixels;
    uint8_t *labels = pixels ? realloc(all->labels, capacity) : NULL;
    if (!labels)
        return gki_fail(GKV_ERR_MEMORY, "out of memory: %zu glyphs", capacity);
    all->labels = labels;
    all->capacity = capacity;
    return GKV_OK;
}

/* Takes a line "CODE:DIGITS" of `length` bytes; lines of narrow glyphs are passed over. Returns
 * false for other text. */
static bool take_glyph(const char *line, size_t length, glyphs *all)
{
    const char *colon = memchr(line, ':', length);
    const size_t code_digits = colon ? (size_t)(colon - line) : 0;
    unsigned code = 0;
    if (code_digits == 0 || code_digits > CODE_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        const int digit = digit_of(line[i]);
        if (digit < 0 && i != code_digits)
            return false;
        code = i < code_digits ? code * 16 + (unsigned)digit : code;
    }
    if (length - code_digits - 1 != DIGITS || code > UINT16_MAX)
        return length - code_digits - 1 == DIGITS || length - code_digits - 1 == DIGITS / 2;
    uint8_t *pixel = all->pixels + all->count * PIXELS;
    for (size_t i = 0; i < DIGITS; i++)
        for (int bit = 3; bit >= 0; bit--)
            *pixel++ = digit_of(colon[1 + i]) >> bit & 1 ? UINT8_MAX : 0;
    all->labels[all->count++] = block_of(code);
    return true;
}

static gkv_status parse(const char *path, const char *text, size_t length, glyphs *all)
{
    size_t line = 1;
    for (const char *cursor = text, *end = text + length; cursor < end; line++) {
        const char *stop = memchr(cursor, '\n', (size_t)(end - cursor));
        const size_t n = (size_t)((stop ? stop : end) - cursor);
        GKV_TRY(reserve(all));
        if (n > 0 && !take_glyph(cursor, n, all))
            return gki_fail(GKV_ERR_DATA, "%s:%zu: it is not a line \"CODE:BITMAP\"", path, line);
        cursor += n + 1;
    }
    return all->count > 0 ? GKV_OK
                          : gki_fail(GKV_ERR_DATA, "%s: there is no glyph of 16 × 16", path);
}

static gkv_status read_glyphs(const char *folder, glyphs *all)
{
    char *path = NULL;
    gki_reader *reader = NULL;
    uint8_t *text = NULL;
    size_t length = 0;
    gkv_status status;
    GKV_TRY_GOTO(gki_file_locate(folder, "unifont.hex", &path));
    if (!path) {
        status = gki_fail(GKV_ERR_IO, "%s/unifont.hex[.gz]: the file is missing", folder);
        goto done;
    }
    GKV_TRY_GOTO(gki_reader_open(path, false, &reader));
    GKV_TRY_GOTO(gki_reader_read_all(reader, &text, &length));
    GKV_TRY_GOTO(parse(path, (const char *)text, length, all));
done:
    gki_reader_close(reader);
    free(text);
    free(path);
    return status;
}

gkv_status gki_fetch_unifont(const gki_data_source *source, const gki_known_data *data,
                             const char *scratch, gki_call *call, char **delivered)
{
    const gkv_export_settings split = {.test = test_share, .seed = SEED};
    char *folder = NULL, *out = NULL;
    glyphs all = {0};
    gkv_dataset *dataset = NULL;
    gkv_status status;
    (void)data;
    GKV_TRY_GOTO(gki_debian_unpack(source, scratch, call, &folder));
    GKV_TRY_GOTO(read_glyphs(folder, &all));
    GKV_TRY_GOTO(
        gkv_dataset_from_memory(all.count, SIDE, SIDE, 1, all.pixels, all.labels, &dataset));
    GKV_TRY_GOTO(gki_strf(&out, "%s/idx", scratch));
    GKV_TRY_GOTO(gkv_dataset_export(dataset, out, &split, NULL));
    *delivered = out;
    out = NULL;
done:
    gkv_dataset_free(dataset);
    free(all.pixels);
    free(all.labels);
    free(folder);
    free(out);
    return status;
}
