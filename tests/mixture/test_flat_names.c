/* The settings and options of flat functions, and the names of numbers. */
#include "flat_settings.h"
#include "support.h"

#include "gkvae/flat.h"
#include "gkvae/mgk_mixture.h"

enum { N = 40, D = 2 };

static double x[N * D];

static int fill(void **state)
{
    (void)state;
    const gkv_gk gk = {.a = 1, .b = 2, .g = .4, .k = .15, .c = .8};
    gkv_gk_random(&gk, N * D, 11, 0, x);
    return 0;
}

static void settings_are_named(void **state)
{
    (void)state;
    create_flat_settings *const creators[] = {gkv_flat_fit_settings, gkv_flat_mgk_settings,
                                              gkv_flat_mixture_settings, gkv_flat_lm_settings};
    for (size_t kind = 0; kind < 4; kind++) {
        gkv_flat_settings *set = flat_settings(creators[kind], NULL);
        size_t count = 0;
        for (const char *name; (name = gkv_flat_setting_name(set, count)); count++) {
            char word[16] = "1"; /* the first word is a value, and so is 1 */
            const char *words = gkv_flat_setting_words(set, count);
            if (*words)
                snprintf(word, sizeof word, "%.*s", (int)strcspn(words, ","), words);
            assert_ok(gkv_flat_set(set, name, word));
            assert_fails(gkv_flat_set(set, name, "one"), GKV_ERR_ARGUMENT, name);
            assert_fails(gkv_flat_set(set, name, ""), GKV_ERR_ARGUMENT, ": give ");
        }
        assert_true(count > 5 && !gkv_flat_setting_words(set, count));
        assert_fails(gkv_flat_set(set, "metod", "lm"), GKV_ERR_ARGUMENT, "has no setting metod");
        gkv_flat_free(set);
    }
    assert_null(gkv_flat_setting_name(NULL, 0));
    assert_null(gkv_flat_setting_words(NULL, 0));
}

static void values_of_settings(void **state)
{
    (void)state;
    gkv_flat_settings *set = flat_settings(gkv_flat_fit_settings, NULL);
    assert_fails(gkv_flat_set(set, "method", "lms"), GKV_ERR_ARGUMENT,
                 "method = lms: give lm, mle, octile");
    assert_fails(gkv_flat_set(set, "levels", "2.5"), GKV_ERR_ARGUMENT, "a whole number");
    assert_fails(gkv_flat_set(set, "levels", "-1"), GKV_ERR_ARGUMENT, "a whole number");
    assert_fails(gkv_flat_set(set, "seed", "18446744073709551616"), GKV_ERR_ARGUMENT, "2⁶⁴");
    assert_ok(gkv_flat_set(set, "seed", "18446744073709551615"));
    assert_fails(gkv_flat_set(set, "resolution", "-1"), GKV_ERR_ARGUMENT, "\"auto\" or a number");
    assert_fails(gkv_flat_set(set, "resolution", "inf"), GKV_ERR_ARGUMENT, "\"auto\" or a number");
    assert_fails(gkv_flat_set(set, "c", "nan"), GKV_ERR_ARGUMENT, "c = nan: give a number");
    assert_fails(gkv_flat_set(set, "c", "0,8"), GKV_ERR_ARGUMENT, "give a number");
    assert_fails(gkv_flat_set(set, "likelihood", "true"), GKV_ERR_ARGUMENT, "give yes or no");
    assert_ok(gkv_flat_set(set, "low.A", "-Inf"));
    assert_ok(gkv_flat_set(set, "high.A", "+inf"));
    /* settings of another kind */
    double pi[1], row[GKV_FLAT_FIT_NUMBERS];
    assert_fails(gkv_flat_mixture_fit(N, D, x, NULL, 1, 1, set, NULL, pi, NULL, NULL, NULL, NULL),
                 GKV_ERR_ARGUMENT,
                 "gkv_flat_mixture_fit: the settings are those of a fit, not of a mixture");
    assert_true(isnan(pi[0]));
    gkv_flat_free(set);
    /* ranges are those of the functions of structs */
    set = flat_settings(gkv_flat_fit_settings, "c", "1.5", NULL);
    assert_fails(gkv_flat_gk_fit(1, (const size_t[]){0, N}, x, NULL, NULL, set, NULL, row, NULL),
                 GKV_ERR_ARGUMENT, "c");
    assert_true(isnan(row[0]));
    gkv_flat_free(set);
}

static void options_are_checked(void **state)
{
    (void)state;
    gkv_run_options *options = (gkv_run_options *)x;
    assert_fails(gkv_flat_options(-7, NULL, NULL, &options), GKV_ERR_ARGUMENT, "threads = -7");
    assert_null(options);
    assert_fails(gkv_flat_options(257, NULL, NULL, &options), GKV_ERR_ARGUMENT, "threads = 257");
    gkv_flat_free(NULL);
}

static void numbers_have_names(void **state)
{
    (void)state;
    static const struct {
        const char *(*name)(size_t i);
        size_t count, number;
        const char *there;
    } tables[] = {
        {gkv_flat_function_name, GKV_FLAT_FUNCTIONS, GKV_FLAT_VALID, "valid"},
        {gkv_flat_fit_name, GKV_FLAT_FIT_NUMBERS, GKV_FLAT_FIT_COVARIANCE + 6, "covariance.B.g"},
        {gkv_flat_fit_name, GKV_FLAT_FIT_NUMBERS, GKV_FLAT_FIT_BOUND + 3, "bound.k"},
        {gkv_flat_fit_name, GKV_FLAT_FIT_NUMBERS, GKV_FLAT_FIT_SYMMETRIC, "symmetric"},
        {gkv_flat_test_name, GKV_GK_TEST_NONE + 1, GKV_GK_TEST_FEW_BINS, "few bins"},
        {gkv_flat_bootstrap_name, GKV_FLAT_BOOTSTRAP_NUMBERS, GKV_FLAT_BOOTSTRAP_USED, "used"},
        {gkv_flat_bootstrap_name, GKV_FLAT_BOOTSTRAP_NUMBERS, GKV_FLAT_BOOTSTRAP_BIAS, "bias.A"},
        {gkv_flat_mixture_name, GKV_FLAT_MIXTURE_NUMBERS, GKV_FLAT_MIXTURE_STOP, "stop"},
        {gkv_flat_lm_name, GKV_FLAT_LM_NUMBERS, GKV_FLAT_LM_COST_AFTER, "cost_after"},
    };
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        assert_string_equal(tables[t].name(tables[t].number), tables[t].there);
        for (size_t i = 0; i < tables[t].count; i++) {
            assert_non_null(tables[t].name(i));
            for (size_t j = 0; j < i; j++)
                assert_string_not_equal(tables[t].name(i), tables[t].name(j));
        }
        assert_null(tables[t].name(tables[t].count));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_named),
        cmocka_unit_test(values_of_settings),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(numbers_have_names),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
