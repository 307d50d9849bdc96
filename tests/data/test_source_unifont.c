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
        (gki_source){gki_fetch_unifont, "Debian package set", "set", in_temporary("font")};
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(glyphs_become_images)};
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
