/* PNG pictures: each kind of scripts/make_png_fixtures.py has the levels of its formula, and
 * damaged pictures and bombs are refused. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include "core/file.h"
#include "data/png_read.h"
#include "temporary.h"

enum { WIDTH = 6, HEIGHT = 5, PIXELS = WIDTH * HEIGHT, GREY = 0, COLOUR = 2, PALETTE = 3 };
enum { GREY_ALPHA = 4, COLOUR_ALPHA = 6 };

/* What the script makes. */
typedef struct kind {
    const char *name;
    int type;
    unsigned depth;
    size_t channels; /* that are expected */
    bool clear;
} kind;

static const kind kinds[] = {
    {"grey-1", GREY, 1, 1, false},
    {"grey-2", GREY, 2, 1, false},
    {"grey-4", GREY, 4, 1, false},
    {"grey-8", GREY, 8, 1, false},
    {"grey-8-gamma", GREY, 8, 1, false}, /* which is not applied */
    {"grey-8-interlaced", GREY, 8, 1, false},
    {"grey-16", GREY, 16, 1, false},
    {"grey-8-clear", GREY, 8, 4, true},
    {"grey-alpha-8", GREY_ALPHA, 8, 4, false},
    {"grey-alpha-16", GREY_ALPHA, 16, 4, false},
    {"palette-1", PALETTE, 1, 3, false},
    {"palette-4", PALETTE, 4, 3, false},
    {"palette-8", PALETTE, 8, 3, false},
    {"palette-4-clear", PALETTE, 4, 4, true},
    {"colour-8", COLOUR, 8, 3, false},
    {"colour-16", COLOUR, 16, 3, false},
    {"colour-8-interlaced", COLOUR, 8, 3, false},
    {"colour-alpha-8", COLOUR_ALPHA, 8, 4, false},
    {"colour-alpha-16-interlaced", COLOUR_ALPHA, 16, 4, false},
};

static unsigned sample(unsigned x, unsigned y, unsigned c, unsigned depth)
{
    return (x * 9000 + y * 3001 + c * 20011) % 65536 >> (16 - depth);
}

/* The level of 8 bits. */
static unsigned level(unsigned x, unsigned y, unsigned c, unsigned depth)
{
    const double most = (double)((1u << depth) - 1);
    return (unsigned)(255 * sample(x, y, c, depth) / most + 0.5);
}

static unsigned expected(const kind *k, unsigned x, unsigned y, unsigned c)
{
    const unsigned clear = sample(1, 0, 0, 8);
    if (k->type == PALETTE) {
        static const unsigned opacities[] = {0, 128, 255};
        const unsigned i = sample(x, y, 0, k->depth);
        const unsigned entry[] = {i * 9 % 256, i * 20 % 256, (255 + 256 * 3 - i * 3) % 256,
                                  k->clear && i < 3 ? opacities[i] : 255};
        return entry[c];
    }
    if (k->type == GREY || k->type == GREY_ALPHA) {
        if (c < 3)
            return level(x, y, 0, k->depth);
        return k->type == GREY_ALPHA         ? level(x, y, 1, k->depth)
               : sample(x, y, 0, 8) == clear ? 0
                                             : 255;
    }
    return level(x, y, c, k->depth);
}

static char *read_fixture(const char *name, size_t *length)
{
    char path[512], *bytes = NULL;
    snprintf(path, sizeof path, "%s/png/%s.png", GKV_TEST_FIXTURES, name);
    assert_ok(gki_file_read(path, 1 << 20, &bytes, length));
    return bytes;
}

static void every_kind_is_read(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t length = 0, channels = 0;
        uint8_t *pixels = NULL;
        gki_png_header header;
        char *bytes = read_fixture(kinds[k].name, &length);
        assert_ok(gki_png_decode((uint8_t *)bytes, length, &header, &pixels, &channels));
        assert_int_equal(channels, kinds[k].channels);
        assert_int_equal(header.width, WIDTH);
        assert_int_equal(header.height, HEIGHT);
        for (unsigned i = 0; i < PIXELS; i++)
            for (unsigned c = 0; c < channels; c++)
                if (pixels[i * channels + c] != expected(&kinds[k], i % WIDTH, i / WIDTH, c))
                    fail_msg("%s: pixel %u, channel %u is %d, not %u", kinds[k].name, i, c,
                             pixels[i * channels + c],
                             expected(&kinds[k], i % WIDTH, i / WIDTH, c));
        free(pixels);
        free(bytes);
    }
}

/* Every shorter file is refused; every changed byte is refused or changes nothing but levels. */
static void damaged_pictures_are_refused(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t length = 0, channels = 0;
        gki_png_header header;
        uint8_t *pixels = NULL, *bytes = (uint8_t *)read_fixture(kinds[k].name, &length);
        for (size_t n = 0; n < length; n++) {
            assert_int_equal(gki_png_decode(bytes, n, &header, &pixels, &channels), GKV_ERR_DATA);
            assert_null(pixels);
        }
        for (size_t i = 0; i < length; i++) {
            bytes[i] ^= 0x55;
            const gkv_status status = gki_png_decode(bytes, length, &header, &pixels, &channels);
            bytes[i] ^= 0x55;
            assert_true(status == GKV_OK ? channels <= 4 && header.width == WIDTH
                                         : status == GKV_ERR_DATA && *gkv_error_message());
            free(pixels);
        }
        free(bytes);
    }
}

static void bombs_are_refused_by_their_header(void **state)
{
    (void)state;
    size_t length = 0, channels = 0;
    gki_png_header header;
    uint8_t *pixels = NULL, *bytes = (uint8_t *)read_fixture("grey-8", &length);
    memcpy(bytes + 16, "\0\0\xff\xff\0\0\xff\xff", 8);
    assert_fails(gki_png_decode(bytes, length, &header, &pixels, &channels), GKV_ERR_DATA,
                 "states 65535 × 65535 pixels; at most 33554432 pixels are read");
    memcpy(bytes + 16, "\0\0\x10\0\0\0\x10\0", 8);
    assert_fails(gki_png_decode(bytes, length, &header, &pixels, &channels), GKV_ERR_DATA,
                 "states 4096 × 4096 pixels, which 109 bytes cannot hold");
    memcpy(bytes + 16, "\0\0\0\0\0\0\x10\0", 8);
    assert_fails(gki_png_decode(bytes, length, &header, &pixels, &channels), GKV_ERR_DATA,
                 "the header is damaged");
    assert_fails(gki_png_decode((const uint8_t *)"GIF89a....", 10, &header, &pixels, &channels),
                 GKV_ERR_DATA, "not a PNG picture");
    assert_null(pixels);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read),
        cmocka_unit_test(damaged_pictures_are_refused),
        cmocka_unit_test(bombs_are_refused_by_their_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
