/* The glyphs of a font as images. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include "core/file.h"
#include "data/catalogue.h"
#include "temporary.h"

static void glyphs_become_images(void **state)
{
    (void)state;
    gki_known_data data = {.name = "glyphs", .about = "a test", .any_version = true};
    for (int i = 0; i < GKV_DATA_FILES; i++)
        data.files[i] = (gki_known_file){"of another version", 0};
    gkv_dataset *train = NULL, *test = NULL;
    data.sources[0] =
        (gki_data_source){gki_fetch_unifont, "Debian package set", "set", in_temporary("font")};
    assert_ok(gki_file_make_folder(in_temporary("font")));
    char lines[20 * 80];
    size_t n = 0;
    for (int i = 0; i < 20; i++) /* a wide and a narrow glyph in turn; block 0 and block 1 */
        n += (size_t)sprintf(lines + n, "%04X:8001%s7FFE\n", 0x70 + i,
                             i % 2 ? "00000000000000000000000000000000000000000000000000000000"
                                   : "000000000000000000000000");
    put("font/unifont.hex", lines, n);
    assert_ok(gki_known_data_get(&data, temporary, NULL, NULL));
    gkv_data_settings settings = {.dataset = "glyphs"};
    snprintf(settings.folder, sizeof settings.folder, "%s", temporary);
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings, &train));
    assert_ok(gkv_dataset_load(GKV_TEST, &settings, &test));
    assert_int_equal(gkv_dataset_count(train), 9);
    assert_int_equal(gkv_dataset_count(test), 1);
    const uint8_t *pixels = gkv_dataset_pixels(train, 0);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(pixels[i], i == 0 || i == 15 ? 255 : 0);
        assert_int_equal(pixels[240 + i], i == 0 || i == 15 ? 0 : 255);
    }
    assert_int_equal(gkv_dataset_labels(train)[0], 0);
    assert_int_equal(gkv_dataset_labels(train)[8], 1);
    gkv_dataset_free(train);
    gkv_dataset_free(test);
    /* the files are kept, whatever their SHA-256 is, unless they are damaged */
    char *source = NULL;
    assert_ok(gki_known_data_get(&data, temporary, NULL, &source));
    assert_non_null(strstr(source, "already in"));
    free(source);
    put("font/unifont.hex", "0041:80", 7);
    put("glyphs/train-images-idx3-ubyte", "x", 1);
    assert_fails(gki_known_data_get(&data, temporary, NULL, NULL), GKV_ERR_DATA,
                 "unifont.hex:1: it is not a line");
}

/* The glyphs of a text, fetched from a folder of its own. */
static gkv_status fetch(const char *text, size_t length, char **delivered)
{
    static char folder[256], scratch[256];
    static int count;
    char name[32];
    snprintf(name, sizeof name, "scratch-%d", count++);
    snprintf(scratch, sizeof scratch, "%s", in_temporary(name));
    snprintf(folder, sizeof folder, "%s", in_temporary("letters"));
    assert_ok(gki_file_make_folder(folder));
    assert_ok(gki_file_make_folder(scratch));
    put("letters/unifont.hex", text, length);
    const gki_data_source source = {gki_fetch_unifont, "Debian package set", "set", folder};
    *delivered = NULL;
    return gki_fetch_unifont(&source, NULL, scratch, NULL, delivered);
}

#define WIDE                           \
    "0123456789abcdefABCDEF0123456789" \
    "00000000000000000000000000000000"

static void other_lines_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"no colon\n",      ":" WIDE "\n",      "1234567:" WIDE "\n",
                                        "004x:" WIDE "\n", "0041:" WIDE "0\n", "0041:0x\n"};
    static const char narrow[] = "0041:00000000000000000000000000000000\n\n"
                                 "1F600:" WIDE "\n";
    char *delivered = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[256];
        const int length = snprintf(text, sizeof text, "0040:" WIDE "\n\n%s", wrong[i]);
        assert_fails(fetch(text, (size_t)length, &delivered), GKV_ERR_DATA,
                     "unifont.hex:3: it is not a line \"CODE:BITMAP\"");
        assert_null(delivered);
    }
    assert_fails(fetch(narrow, sizeof narrow - 1, &delivered), GKV_ERR_DATA,
                 "there is no glyph of 16 × 16");
    assert_fails(fetch("", 0, &delivered), GKV_ERR_DATA, "there is no glyph of 16 × 16");
    assert_int_equal(remove(in_temporary("letters/unifont.hex")), 0);
    const gki_data_source source = {gki_fetch_unifont, "Debian package set", "set",
                                    in_temporary("letters")};
    assert_fails(gki_fetch_unifont(&source, NULL, temporary, NULL, &delivered), GKV_ERR_IO,
                 "letters/unifont.hex[.gz]: the file is missing");
}

/* More glyphs than memory is taken for at first, the last one without an end of line. */
static void large_fonts_are_read(void **state)
{
    (void)state;
    enum { GLYPHS = 5000, LINE = 4 + 1 + 64 + 1 };
    char *text = test_alloc(GLYPHS * LINE + 1), *delivered = NULL, path[512];
    gkv_dataset *train = NULL;
    for (size_t i = 0; i < GLYPHS; i++)
        sprintf(text + i * LINE, "%04zX:" WIDE "\n", i);
    assert_ok(fetch(text, GLYPHS * LINE - 1, &delivered));
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", delivered);
    assert_ok(gkv_dataset_open(path, NULL, &train));
    assert_int_equal(gkv_dataset_count(train), 4500);
    gkv_dataset_free(train);
    free(delivered);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glyphs_become_images),
        cmocka_unit_test(other_lines_are_refused),
        cmocka_unit_test(large_fonts_are_read),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
