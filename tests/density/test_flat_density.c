/* The flat functions of densities compared with the functions of structs. */
#include "density_fixture.h"
#include "flat_settings.h"
#include "null.h"

#include "gkvae/flat_density.h"

enum { N = 200, D = 2 };

static gkv_flat_settings *quick(void)
{
    return flat_settings(gkv_flat_density_settings, "flow", "no", "gk-mixture", "no", "folds", "1",
                         "max_components", "2", "margin", "spline", "seed", "4", NULL);
}

/* The same bits as by structs, exact and with censored values. */
static void test_fit(void **state)
{
    (void)state;
    static const char *const names[] = {"claim", "delay"};
    double *x = make_table(N, D), *upper = make_table(N, D), y[2][N];
    for (int censored = 0; censored < 2; censored++) {
        gkv_density_settings settings = quick_settings();
        gkv_density *by_structs = NULL, *flat = NULL;
        gkv_flat_settings *set = quick();
        settings.candidates[GKV_DENSITY_FLOW] = settings.candidates[GKV_DENSITY_GK_MIXTURE] = false;
        settings.margin = GKV_DENSITY_MARGIN_SPLINE;
        settings.seed = 4;
        settings.names = names;
        settings.resolution = (const double[]){0, 0};
        if (censored) {
            upper[0] = INFINITY;
            settings.lower = x;
            settings.upper = upper;
        }
        by_structs = fit_table(N, D, x, &settings, 1);
        assert_ok(gkv_flat_density_fit(N, D, x, censored ? upper : NULL, settings.resolution, names,
                                       NULL, NULL, set, ON_THREADS(1), &flat));
        assert_string_equal(gkv_density_name(flat, 1), "delay");
        assert_ok(gkv_density_log_density(by_structs, 0, N, x, NULL, y[0]));
        assert_ok(gkv_density_log_density(flat, 0, N, x, NULL, y[1]));
        assert_memory_equal(y[0], y[1], sizeof y[0]);

        double margin[GKV_FLAT_MARGIN_NUMBERS], candidate[GKV_FLAT_CANDIDATE_NUMBERS];
        gkv_density_margin_info m;
        gkv_density_candidate_info c;
        assert_ok(gkv_density_get_margin(by_structs, 0, &m));
        assert_ok(gkv_flat_density_margin(flat, 0, margin));
        assert_int_equal(m.kind, censored ? GKV_DENSITY_MARGIN_GK : GKV_DENSITY_MARGIN_SPLINE);
        assert_true(margin[GKV_FLAT_MARGIN_KIND] == (double)m.kind);
        assert_true(margin[GKV_FLAT_MARGIN_INTERVALS] == censored);
        assert_memory_equal(&margin[GKV_FLAT_MARGIN_PARAMETERS], m.parameters, sizeof m.parameters);
        assert_ok(gkv_density_get_candidate(by_structs, GKV_DENSITY_CHOSEN, &c));
        assert_ok(gkv_flat_density_candidate(flat, GKV_DENSITY_CHOSEN, candidate));
        assert_true(candidate[GKV_FLAT_CANDIDATE_HELD_OUT] == c.held_out);
        assert_true(candidate[GKV_FLAT_CANDIDATE_ROWS] == (double)c.rows);
        assert_true(candidate[GKV_FLAT_CANDIDATE_BEYOND_HIGH + 1] == c.beyond_high[1]);
        assert_ok(gkv_flat_density_candidate(flat, GKV_DENSITY_FLOW, candidate));
        assert_true(candidate[GKV_FLAT_CANDIDATE_FITTED] == 0);
        gkv_flat_free(set);
        gkv_density_free(flat);
        gkv_density_free(by_structs);
    }
    free(x);
    free(upper);
}

static void test_settings(void **state)
{
    (void)state;
    double *x = make_table(N, D), numbers[GKV_FLAT_CANDIDATE_NUMBERS];
    gkv_flat_settings *set = flat_settings(gkv_flat_density_settings, "folds", "21", NULL), *lm;
    gkv_density *out = NULL;
    assert_fails(gkv_flat_set(set, "margin", "normal"), GKV_ERR_ARGUMENT,
                 "give auto, g-and-k, t, spline");
    assert_fails(gkv_flat_set(set, "fold", "2"), GKV_ERR_ARGUMENT, "the nearest is folds");
    assert_fails(gkv_flat_density_fit(N, D, x, NULL, NULL, NULL, NULL, NULL, set, NULL, &out),
                 GKV_ERR_ARGUMENT, "folds");
    assert_ok(gkv_flat_set(set, "folds", "1"));
    assert_fails(gkv_flat_density_fit(N, D, x, NULL, NULL, NULL, "real", NULL, set, NULL, &out),
                 GKV_ERR_ARGUMENT, "no flow \"real\": give one of none, realnvp, spline");
    lm = flat_settings(gkv_flat_lm_settings, NULL);
    assert_fails(gkv_flat_density_fit(N, D, x, NULL, NULL, NULL, NULL, NULL, lm, NULL, &out),
                 GKV_ERR_ARGUMENT, "not of a density");
    assert_null(out);
    assert_fails(gkv_flat_density_candidate(NULL, 0, numbers), GKV_ERR_ARGUMENT, "NULL");
    assert_true(isnan(numbers[0]));
    gkv_flat_free(lm);
    gkv_flat_free(set);
    free(x);
}

static void test_names(void **state)
{
    (void)state;
    char words[128] = "auto", held_out[64];
    gkv_flat_settings *set = flat_settings(gkv_flat_density_settings, NULL);
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        assert_string_equal(gkv_flat_setting_name(set, c), gkv_density_candidate_name((int64_t)c));
        assert_string_equal(gkv_flat_setting_words(set, c), "no, yes");
    }
    for (size_t k = 0; k < GKV_DENSITY_MARGINS; k++) {
        strcat(strcat(words, ", "), gkv_density_margin_name((int64_t)k));
        snprintf(held_out, sizeof held_out, "held_out.%s", gkv_density_margin_name((int64_t)k));
        assert_string_equal(gkv_flat_density_margin_name(GKV_FLAT_MARGIN_HELD_OUT + k), held_out);
    }
    assert_string_equal(gkv_flat_setting_name(set, GKV_DENSITY_CANDIDATES), "margin");
    assert_string_equal(gkv_flat_setting_words(set, GKV_DENSITY_CANDIDATES), words);
    gkv_flat_free(set);
    assert_string_equal(gkv_flat_density_margin_name(GKV_FLAT_MARGIN_HELD_OUT + 2),
                        "held_out.spline");
    assert_string_equal(gkv_flat_density_margin_name(GKV_FLAT_MARGIN_NUMBERS - 1), "intervals");
    assert_null(gkv_flat_density_margin_name(GKV_FLAT_MARGIN_NUMBERS));
    assert_string_equal(gkv_flat_density_candidate_name(GKV_FLAT_CANDIDATE_BEYOND_LOW + 1),
                        "beyond_low.99.9");
    assert_null(gkv_flat_density_candidate_name(GKV_FLAT_CANDIDATE_NUMBERS));
}

static void test_null(void **state)
{
    (void)state;
    gkv_density *out = NULL;
    const double x[2] = {1, 2};
    double numbers[GKV_FLAT_CANDIDATE_NUMBERS];
    refuses_null(gkv_flat_density_settings, NULL);
    refuses_null(gkv_flat_density_fit, 1, 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, &out);
    refuses_null(gkv_flat_density_fit, 1, 2, x, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    refuses_null(gkv_flat_density_margin, NULL, 0, numbers);
    refuses_null(gkv_flat_density_candidate, NULL, 0, numbers);
    has_no_pointer(gkv_flat_density_margin_name);
    has_no_pointer(gkv_flat_density_candidate_name);
    assert_all_called("flat_density.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fit), cmocka_unit_test(test_settings),
                                       cmocka_unit_test(test_names), cmocka_unit_test(test_null)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
