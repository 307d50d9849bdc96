/* The parts of the explorer page that need no browser: float16, base64, arrays, and the models that
 * it refuses. */
#include "support.h"

#include <zlib.h>

#include "app/base64.h"
#include "app/explorer_model.h"
#include "vae/model.h"

/* Every float16 is a float, and rounding it gives it back. */
static void test_half_round_trip(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 65536; bits++) {
        const float value = gki_half_value((uint16_t)bits);
        if (!isnan(value))
            assert_int_equal(gki_half(value), bits);
    }
    assert_true(isnan(gki_half_value(gki_half(NAN))));
}

/* Ties go to even; numbers between float16 go to the nearest. */
static void test_half_rounding(void **state)
{
    (void)state;
    assert_int_equal(gki_half(1.0F), 0x3c00);
    assert_int_equal(gki_half(-2.0F), 0xc000);
    assert_int_equal(gki_half(1.0F + 0x1p-11F), 0x3c00);
    assert_int_equal(gki_half(1.0F + 3 * 0x1p-11F), 0x3c02);
    assert_int_equal(gki_half(1.0F + 0x1.02p-11F), 0x3c01);
    assert_int_equal(gki_half(65504.0F), 0x7bff);
    assert_int_equal(gki_half(65519.0F), 0x7bff);
    assert_int_equal(gki_half(65520.0F), 0x7c00);
    assert_int_equal(gki_half(-INFINITY), 0xfc00);
    assert_int_equal(gki_half(0x1p-24F), 1);
    assert_int_equal(gki_half(0x1p-25F), 0);
    assert_int_equal(gki_half(3 * 0x1p-25F), 2);
    assert_int_equal(gki_half(0x1.ffep-15F), 0x0400); /* the least normal one */
    for (unsigned bits = 0; bits < 0x7bff; bits++) {
        const float low = gki_half_value((uint16_t)bits),
                    high = gki_half_value((uint16_t)(bits + 1));
        assert_int_equal(gki_half(low + (high - low) * 0.25F), bits);
        assert_int_equal(gki_half(low + (high - low) * 0.75F), bits + 1);
        assert_int_equal(gki_half(low + (high - low) * 0.5F), bits % 2 ? bits + 1 : bits);
    }
}

/* The examples of RFC 4648, section 10. */
static void test_base64(void **state)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        gki_file_writer *out = NULL;
        char *text = NULL;
        size_t count = 0;
        assert_ok(gki_file_begin("test_explorer.txt", &out));
        gki_base64_write(out, pairs[i][0], strlen(pairs[i][0]));
        assert_ok(gki_file_commit(out));
        assert_ok(gki_file_read("test_explorer.txt", 100, &text, &count));
        assert_string_equal(text, pairs[i][1]);
        free(text);
    }
    remove("test_explorer.txt");
}

static void test_arrays(void **state)
{
    const float values[] = {1, 0.5F, -2};
    const uint8_t bytes[] = {7};
    const size_t three = 3, shape[] = {1, 3}, one = 1;
    gki_tensors tensors = {.size = 0};
    (void)state;
    assert_ok(gki_tensors_bytes(&tensors, "bytes", 1, &one, bytes));
    assert_ok(gki_tensors_half(&tensors, "half", 1, &three, values));
    assert_ok(gki_tensors_float(&tensors, "float", 2, shape, values));
    assert_ok(gki_tensors_levels(&tensors, "levels", 1, &three, values));
    assert_int_equal(json_object_size(tensors.entries), 4);
    const json_t *const whole = json_object_get(tensors.entries, "float");
    const size_t offset = (size_t)json_integer_value(json_object_get(whole, "offset"));
    assert_int_equal(json_array_size(json_object_get(whole, "shape")), 2);
    assert_int_equal(tensors.bytes[0], 7);
    assert_int_equal(tensors.bytes[1], 0x00); /* the low bytes of float16, then the high ones */
    assert_int_equal(tensors.bytes[4], 0x3c);
    assert_int_equal(tensors.bytes[6], 0xc0);
    assert_int_equal(tensors.bytes[offset + 9], 0x3f); /* and those of float32 */
    assert_int_equal(tensors.bytes[tensors.size - 3], 255);
    assert_int_equal(tensors.bytes[tensors.size - 2], 128);
    assert_int_equal(tensors.bytes[tensors.size - 1], 0); /* limited */
    unsigned char *packed = NULL, unpacked[64];
    size_t size = 0;
    uLongf length = sizeof unpacked;
    assert_ok(gki_tensors_compress(&tensors, &packed, &size));
    assert_int_equal(uncompress(unpacked, &length, packed, size), Z_OK);
    assert_int_equal(length, tensors.size);
    assert_memory_equal(unpacked, tensors.bytes, length);
    free(packed);
    gki_tensors_free(&tensors);
}

static gkv_model *small_model(void)
{
    static const double mean[16] = {0};
    gkv_settings settings;
    gkv_model *model = NULL;
    gkv_settings_defaults(&settings);
    settings.model.latent = 4;
    settings.model.hidden = 8;
    settings.model.prior_hidden = 8;
    settings.model.base_components = 2;
    assert_ok(gkv_model_create(4, 4, 1, mean, &settings, &model));
    return model;
}

/* Networks are rounded, the base is not, and a rounded model does not change again. */
static void test_round(void **state)
{
    gkv_model *const model = small_model();
    const gki_params *const params = &model->params;
    size_t halves = 0;
    (void)state;
    for (size_t p = 0; p < params->count; p++)
        params->values[params->list[p].offset] = (gki_real)0.1;
    gki_explorer_round(model);
    for (size_t p = 0; p < params->count; p++) {
        const bool is_rounded = params->values[params->list[p].offset] != (gki_real)0.1;
        const char *const name = params->list[p].name;
        assert_int_equal(is_rounded, strncmp(name, "prior.base", 10) != 0 &&
                                         strcmp(name, "encoder.input_mean") != 0);
        halves += is_rounded;
    }
    assert_true(halves > 10);
    gki_tensors tensors = {.size = 0};
    assert_ok(gki_explorer_parameters(model, &tensors));
    assert_int_equal(json_object_size(tensors.entries), params->count);
    gki_tensors_free(&tensors);
    gkv_model_free(model);
}

static void test_refusal(void **state)
{
    gkv_model *const model = small_model();
    (void)state;
    assert_ok(gki_explorer_check(model));
    model->settings.model.prior_flow = GKV_PRIOR_FLOWS; /* as a flow of a later version */
    assert_fails(gki_explorer_check(model), GKV_ERR_CONFIG, "model.prior_flow");
    assert_fails(gki_explorer_check(model), GKV_ERR_CONFIG,
                 "only with none, realnvp, spline, gk-coupling, maf, glow");
    model->settings.model.prior_flow = GKV_PRIOR_FLOW_NONE;
    model->settings.model.base = GKV_BASES;
    assert_fails(gki_explorer_check(model), GKV_ERR_CONFIG, "model.base");
    gkv_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_round_trip), cmocka_unit_test(test_half_rounding),
        cmocka_unit_test(test_base64),          cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_round),           cmocka_unit_test(test_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
