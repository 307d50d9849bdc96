/* Fits of the g-and-h and the generalised g-and-h family. The likelihood of reference has its own
 * formulas, and inverts Q by halving an interval. */
#include "flat_settings.h"
#include "support.h"

#include "gk/family.h"
#include "gkfit/fit_family.h"
#include "gkvae/flat.h"
#include "gkvae/gk_bootstrap.h"
#include "gkvae/gk_fit.h"

enum { GH = GKV_GK_FAMILY_GH, GGH = GKV_GK_FAMILY_GGH, N = 800 };

static double x[N];

/* --- The reference -------------------------------------------------------- */

static double skew(const gkv_gk *gk, double z)
{
    return gk->family == GGH ? (1 + gk->c * tanh(gk->g * z / 2)) * z
           : gk->g == 0      ? z
                             : expm1(gk->g * z) / gk->g;
}

static double q(const gkv_gk *gk, double z)
{
    return gk->a + gk->b * skew(gk, z) * exp(gk->k * z * z / 2);
}

static double dq(const gkv_gk *gk, double z)
{
    const double t = tanh(gk->g * z / 2);
    const double slope =
        gk->family == GGH ? 1 + gk->c * t + gk->c * gk->g * z * (1 - t * t) / 2 : exp(gk->g * z);
    return gk->b * exp(gk->k * z * z / 2) * (slope + gk->k * z * skew(gk, z));
}

static double score_at(const gkv_gk *gk, double value)
{
    double low = -60, high = 60;
    for (int i = 0; i < 70; i++) {
        const double middle = (low + high) / 2;
        *(q(gk, middle) > value ? &high : &low) = middle;
    }
    return (low + high) / 2;
}

/* Σ log f, or with a width Σ log P of [x − width/2, x + width/2]. */
static double log_likelihood(const gkv_gk *gk, size_t n, const double *values, double width)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double z = score_at(gk, values[i] - width / 2);
        if (width > 0) {
            const double upper = score_at(gk, values[i] + width / 2);
            sum += log((erfc(-upper / sqrt(2)) - erfc(-z / sqrt(2))) / 2);
        } else
            sum += -z * z / 2 - log(dq(gk, z)) - .5 * log(2 * 3.14159265358979323846);
    }
    return sum;
}

static gkv_gk moved(const gkv_gk *from, size_t i, double by, size_t j, double and_by)
{
    gkv_gk gk = *from;
    double *const v[4] = {&gk.a, &gk.b, &gk.g, &gk.k};
    *v[i] += by;
    *v[j] += and_by;
    return gk;
}

/* The estimates are a maximum of the reference, and the errors follow from its curvature. Parameter
 * `held` is not free; 4 if all are. */
static void check_maximum(const gkv_gk_fit_result *r, size_t n, const double *values, double width,
                          size_t held)
{
    double curvature[4][4] = {{0}};
    const double top = log_likelihood(&r->gk, n, values, width);
    assert_relative(r->log_likelihood, top, 1e-9);
    for (size_t i = 0; i < 4; i++) {
        if (i == held)
            continue;
        const double step = 1e-3 * r->se[i];
        const gkv_gk up = moved(&r->gk, i, step, i, 0), down = moved(&r->gk, i, -step, i, 0);
        const double slope =
            (log_likelihood(&up, n, values, width) - log_likelihood(&down, n, values, width)) /
            (2 * step);
        assert_close(slope * r->se[i], 0, 1e-4);
    }
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++) {
            if (i == held || j == held)
                continue;
            const double h = 2e-2 * r->se[i], e = 2e-2 * r->se[j];
            const gkv_gk pp = moved(&r->gk, i, h, j, e), pm = moved(&r->gk, i, h, j, -e);
            const gkv_gk mp = moved(&r->gk, i, -h, j, e), mm = moved(&r->gk, i, -h, j, -e);
            curvature[i][j] =
                -(log_likelihood(&pp, n, values, width) - log_likelihood(&pm, n, values, width) -
                  log_likelihood(&mp, n, values, width) + log_likelihood(&mm, n, values, width)) /
                (4 * h * e);
        }
    for (size_t i = 0; i < 4; i++) /* information times covariance is the identity */
        for (size_t j = 0; j < 4; j++) {
            double sum = 0;
            if (i == held || j == held)
                continue;
            for (size_t k = 0; k < 4; k++)
                sum += curvature[i][k] * r->covariance[k][j];
            assert_close(sum * r->se[i] / r->se[j], i == j, .02);
        }
}

/* --- Tests ---------------------------------------------------------------- */

static const gkv_gk truths[] = {{3, 1, .5, .2, .8, GH},    {-1, 2, -.8, .1, .8, GH},
                                {0, 1e-6, 0, .5, .8, GH},  {3, 1, 2, .3, .8, GGH},
                                {0, 100, .5, .1, .8, GGH}, {0, 1, -1, .6, .5, GGH},
                                {1e6, 1, 1, .15, .9, GGH}};
enum { TRUTHS = sizeof truths / sizeof *truths };

static gkv_gk_fit_settings settings_of(const gkv_gk *gk, gkv_gk_method method)
{
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.family = (gkv_gk_family)gk->family;
    set.method = method;
    set.c = gk->c;
    return set;
}

static void fit(const gkv_gk_fit_settings *set, size_t n, gkv_gk_fit_result *r)
{
    assert_ok(gkv_gk_fit(n, x, set, r));
    assert_int_equal(r->gk.family, set->family);
    assert_true(r->converged && gkv_gk_is_valid(&r->gk));
}

static void likelihoods_are_greatest(void **state)
{
    (void)state;
    for (size_t t = 0; t < TRUTHS; t++) {
        gkv_gk_fit_result r;
        gkv_gk_random(&truths[t], N, 40 + t, 0, x);
        const gkv_gk_fit_settings set = settings_of(&truths[t], GKV_GK_MLE);
        fit(&set, N, &r);
        assert_int_equal(r.method, GKV_GK_MLE);
        check_maximum(&r, N, x, 0, 4);
        const gkv_gk *e = &r.gk, *g = &truths[t];
        const double off[4] = {e->a - g->a, e->b - g->b, e->g - g->g, e->k - g->k};
        for (size_t i = 0; i < 4; i++)
            assert_close(off[i], 0, 4 * r.se[i]);
        assert_true(r.p_value > 1e-3);
        assert_close(r.aic, 8 - 2 * r.log_likelihood, 1e-9 * fabs(r.aic));
    }
}

/* The variance of lm is at most a tenth greater, and letter values are near. */
static void other_methods_agree(void **state)
{
    (void)state;
    for (size_t t = 0; t < TRUTHS; t++) {
        gkv_gk_fit_result mle, lm, letters;
        gkv_gk_random(&truths[t], N, 80 + t, 0, x);
        gkv_gk_fit_settings set = settings_of(&truths[t], GKV_GK_MLE);
        fit(&set, N, &mle);
        set.method = GKV_GK_LM;
        fit(&set, N, &lm);
        assert_int_equal(lm.method, GKV_GK_LM);
        set.method = GKV_GK_OCTILES;
        fit(&set, N, &letters);
        const double m[4] = {mle.gk.a, mle.gk.b, mle.gk.g, mle.gk.k};
        const double l[4] = {lm.gk.a, lm.gk.b, lm.gk.g, lm.gk.k};
        for (size_t i = 0; i < 4; i++) {
            assert_close(l[i], m[i], mle.se[i]);
            assert_relative(lm.se[i], mle.se[i], .15);
        }
        assert_true(lm.log_likelihood <= mle.log_likelihood + 1e-6 &&
                    lm.log_likelihood > mle.log_likelihood - 1.5);
        assert_true(letters.log_likelihood > mle.log_likelihood - 30);
    }
}

/* Letter values of the quantiles of a distribution give its parameters. */
static void letter_values_are_exact(void **state)
{
    (void)state;
    for (size_t t = 0; t < TRUTHS; t++) {
        gkv_gk_fit_result r;
        for (size_t i = 0; i < N; i++)
            x[i] = gkv_gk_quantile(&truths[t], (double)(i + 1) / (N + 1));
        const gkv_gk_fit_settings set = settings_of(&truths[t], GKV_GK_OCTILES);
        fit(&set, N, &r);
        assert_relative(r.gk.b, truths[t].b, 2e-3);
        assert_close(r.gk.a, truths[t].a, 1e-3 * truths[t].b);
        assert_close(r.gk.g, truths[t].g, 5e-3);
        assert_close(r.gk.k, truths[t].k, 2e-3);
    }
}

/* h = 0 is possible: the log-normal distribution, and the normal. */
static void tails_may_be_light(void **state)
{
    (void)state;
    const gkv_gk lognormal = {2, 1, .6, 0, .8, GH}, normal = {0, 1, 0, 0, .8, GGH};
    const gkv_gk light = {0, 1, 0, -.2, .8, GKV_GK_FAMILY_GK};
    gkv_gk_fit_result r, fixed;
    gkv_gk_fit_settings set = settings_of(&lognormal, GKV_GK_MLE);
    gkv_gk_random(&lognormal, N, 5, 0, x);
    set.start = &lognormal;
    set.fixed[GKV_GK_K] = true;
    fit(&set, N, &fixed);
    assert_true(fixed.gk.k == 0 && fixed.se[GKV_GK_K] == 0 && fixed.parameters == 3);
    check_maximum(&fixed, N, x, 0, GKV_GK_K);
    set.fixed[GKV_GK_K] = false;
    fit(&set, N, &r);
    assert_true(r.gk.k >= 0 && r.log_likelihood >= fixed.log_likelihood - 1e-9);
    gkv_gk_random(&light, N, 6, 0, x);
    set = settings_of(&lognormal, GKV_GK_MLE);
    fit(&set, N, &r);
    assert_true(r.at_bound && r.gk.k == 0 && r.bound[GKV_GK_K] == -1);
    set.method = GKV_GK_LM;
    fit(&set, N, &r);
    assert_true(r.at_bound && r.gk.k == 0);
    gkv_gk_random(&normal, N, 7, 0, x);
    set = settings_of(&normal, GKV_GK_MLE);
    set.start = &normal;
    set.fixed[GKV_GK_G] = set.fixed[GKV_GK_K] = true;
    fit(&set, N, &r);
    double mean = 0, square = 0;
    for (size_t i = 0; i < N; i++)
        mean += x[i] / N;
    for (size_t i = 0; i < N; i++)
        square += (x[i] - mean) * (x[i] - mean) / N;
    assert_close(r.gk.a, mean, 1e-6);
    assert_relative(r.gk.b, sqrt(square), 1e-6);
}

/* Rounded data, which are fitted as intervals. */
static void intervals_are_fitted(void **state)
{
    (void)state;
    for (size_t t = 0; t < 4; t += 3) {
        const double width = t == 0 ? 1.0 : .5;
        gkv_gk_fit_result r;
        gkv_gk_random(&truths[t], N, 60 + t, 0, x);
        for (size_t i = 0; i < N; i++)
            x[i] = width * nearbyint(x[i] / width);
        const gkv_gk_fit_settings set = settings_of(&truths[t], GKV_GK_MLE);
        const gkv_gk_sample sample = {.n = N, .x = x, .resolution = width};
        assert_ok(gkv_gk_fit_many(1, &sample, &set, NULL, &r, NULL));
        assert_true(r.converged && r.test == GKV_GK_TEST_BINS && r.p_value > 1e-3);
        check_maximum(&r, N, x, width, 4);
    }
}

/* AIC prefers the family of the data. */
static void families_differ(void **state)
{
    (void)state;
    const gkv_gk of_each[3] = {
        {0, 1, 3, .4, .8, GKV_GK_FAMILY_GK}, {0, 1, 1, .2, .8, GH}, {0, 1, 2.5, .5, .8, GGH}};
    for (size_t t = 0; t < 3; t++) {
        double aic[3];
        gkv_gk_random(&of_each[t], N, 90 + t, 0, x);
        for (size_t f = 0; f < 3; f++) {
            gkv_gk_fit_result r;
            const gkv_gk_fit_settings set = settings_of(&of_each[f], GKV_GK_MLE);
            fit(&set, N, &r);
            aic[f] = r.aic;
        }
        for (size_t f = 0; f < 3; f++)
            assert_true(f == t || aic[f] > aic[t] + 2);
    }
}

static void weights_and_threads(void **state)
{
    (void)state;
    enum { FEW = 400 };
    static double w[FEW], twice[2 * FEW];
    gkv_gk_fit_result one, other;
    const gkv_gk_fit_settings set = settings_of(&truths[0], GKV_GK_MLE);
    gkv_gk_random(&truths[0], FEW, 9, 0, x);
    for (size_t i = 0; i < FEW; i++) {
        w[i] = 2;
        twice[i] = twice[FEW + i] = x[i];
    }
    gkv_gk_sample sample = {.n = FEW, .x = x, .weights = w};
    assert_ok(gkv_gk_fit_many(1, &sample, &set, ON_THREADS(1), &one, NULL));
    assert_ok(gkv_gk_fit_many(1, &sample, &set, ON_THREADS(3), &other, NULL));
    assert_memory_equal(&one, &other, sizeof one);
    sample = (gkv_gk_sample){.n = 2 * FEW, .x = twice};
    assert_ok(gkv_gk_fit_many(1, &sample, &set, ON_THREADS(1), &other, NULL));
    assert_relative(one.log_likelihood, other.log_likelihood, 1e-9);
    assert_relative(one.se[GKV_GK_K], other.se[GKV_GK_K], 1e-3);
    gkv_gk_bootstrap_settings how;
    gkv_gk_bootstrap_result boot;
    gkv_gk_bootstrap_defaults(&how);
    how.replicates = 40;
    sample = (gkv_gk_sample){.n = FEW, .x = x};
    assert_ok(gkv_gk_fit_many(1, &sample, &set, ON_THREADS(1), &one, NULL));
    assert_ok(gkv_gk_bootstrap(&sample, &one, &set, &how, NULL, NULL, &boot));
    assert_true(boot.used == 40 && boot.p_chi2 > .01);
    for (size_t i = 0; i < 4; i++)
        assert_relative(boot.se[i], one.se[i], .4);
}

static void the_flat_function_has_the_same_bits(void **state)
{
    (void)state;
    gkv_gk_fit_result r;
    double row[GKV_FLAT_FIT_NUMBERS];
    gkv_gk_random(&truths[1], N, 12, 0, x);
    gkv_gk_fit_settings set = settings_of(&truths[1], GKV_GK_MLE);
    fit(&set, N, &r);
    gkv_flat_settings *flat =
        flat_settings(gkv_flat_fit_settings, "family", "gh", "method", "mle", NULL);
    assert_ok(gkv_flat_gk_fit(1, (const size_t[]){0, N}, x, NULL, NULL, flat, NULL, row, NULL));
    gkv_flat_free(flat);
    assert_true(row[0] == r.gk.a && row[1] == r.gk.b && row[2] == r.gk.g && row[3] == r.gk.k &&
                row[GKV_FLAT_FIT_CONVERGED] == 1);
    assert_memory_equal(row + GKV_FLAT_FIT_SE, r.se, sizeof r.se);
    assert_true(row[GKV_FLAT_FIT_AIC] == r.aic);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    gkv_gk_fit_result r;
    gkv_gk_fit_settings set = settings_of(&truths[0], GKV_GK_MLE);
    gkv_gk_random(&truths[0], N, 12, 0, x);
    set.family = GKV_GK_FAMILIES;
    assert_fails(gkv_gk_fit(N, x, &set, &r), GKV_ERR_ARGUMENT, "no family");
    set.family = GKV_GK_FAMILY_GH;
    set.start = &truths[3];
    assert_fails(gkv_gk_fit(N, x, &set, &r), GKV_ERR_ARGUMENT, "must be of the g-and-h family");
    gkv_gk start = truths[0];
    start.k = -.1;
    set.start = &start;
    set.fixed[GKV_GK_K] = true;
    assert_fails(gkv_gk_fit(N, x, &set, &r), GKV_ERR_ARGUMENT, "h = -0.1");
}

/* What fits know of a family agrees with the family itself. */
static void rows_agree_with_families(void **state)
{
    (void)state;
    static const double cs[] = {.2, .8, .95};
    for (int64_t family = 0; family < GKV_GK_FAMILIES; family++) {
        const gki_gk_fit_family *row = gki_gk_fit_family_of(family);
        const gki_gk_family_ops *ops = gki_gk_family_of(family);
        for (size_t i = 0; i < sizeof cs / sizeof *cs; i++) {
            gki_k_min_table table = {.family = family};
            gki_k_min_table_fill(cs[i], &table);
            for (double g = -4; g < 5; g += .75) { /* not 0, where the bound may jump */
                const double h = 1e-4, at[3] = {g, g - h, g + h};
                double k_min[3], slope[3], curvature[3], expected;
                row->kernels()->k_min(3, &table, at, k_min, slope, curvature);
                assert_close(k_min[0], ops->bound_limit(g, cs[i], &expected), 1e-12);
                assert_close(slope[0], expected, 1e-7);
                assert_close(curvature[0], (slope[2] - slope[1]) / (2 * h), 1e-6);
                assert_true(row->has_pole(cs[i]) || k_min[0] == 0);
                assert_true(k_min[0] >= row->corner_k);
            }
        }
        /* B of a start gives the quartiles of N(0, 1) */
        gkv_gk start = {.b = 7, .g = .5, .k = .3, .c = .8, .family = family};
        row->set_scale(&start);
        assert_relative(gkv_gk_quantile(&start, .75) - gkv_gk_quantile(&start, .25), 1.349, 1e-4);
        /* letter values are those of the quantile function */
        const double z = 1.3, low = start.a - gkv_gk_Q(&start, -z),
                     up = gkv_gk_Q(&start, z) - start.a;
        if (row->letters.g) {
            assert_close(row->letters.g(low, up, z, start.c), start.g, 1e-12);
            assert_relative(2 * start.b * z * row->letters.skew(start.g * z) *
                                exp(start.k * row->letters.tail(z)),
                            low + up, 1e-12);
        }
        assert_true(gkv_gk_fit_g_max(family) == row->most_g);
        assert_string_equal(gkv_gk_fit_method_name(GKV_GK_LM, family),
                            "least squares on quantiles");
        assert_string_equal(gkv_gk_fit_method_name(GKV_GK_MLE, family), "maximum likelihood");
        assert_string_equal(gkv_gk_fit_method_name(GKV_GK_OCTILES, family),
                            row->letters.g ? "letter values" : "octile method");
        assert_string_equal(gkv_gk_fit_method_name((gkv_gk_method)7, family), "unknown");
    }
    assert_true(gkv_gk_fit_g_max(GKV_GK_FAMILY_GK) == 100 && gkv_gk_fit_g_max(GH) == 10 &&
                gkv_gk_fit_g_max(GGH) == 100);
    assert_string_equal(gkv_gk_fit_method_name(GKV_GK_OCTILES, GKV_GK_FAMILY_GK), "octile method");
    assert_string_equal(gkv_gk_fit_method_name(GKV_GK_OCTILES, GGH), "letter values");
    assert_true(isnan(gkv_gk_fit_g_max(-1)) && isnan(gkv_gk_fit_g_max(GKV_GK_FAMILIES)));
    assert_string_equal(gkv_gk_fit_method_name(GKV_GK_LM, GKV_GK_FAMILIES), "unknown");
}

/* The words of the flat setting are the short names, in the order of the families. */
static void the_flat_words_are_the_short_names(void **state)
{
    (void)state;
    gkv_flat_settings *settings = NULL;
    char words[64] = "";
    size_t i = 0;
    assert_ok(gkv_flat_fit_settings(&settings));
    while (strcmp(gkv_flat_setting_name(settings, i), "family") != 0)
        i++;
    for (int64_t family = 0; family < GKV_GK_FAMILIES; family++)
        snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", family ? ", " : "",
                 gkv_gk_family_short_name(family));
    assert_string_equal(gkv_flat_setting_words(settings, i), words);
    gkv_flat_free(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(likelihoods_are_greatest),
        cmocka_unit_test(other_methods_agree),
        cmocka_unit_test(letter_values_are_exact),
        cmocka_unit_test(tails_may_be_light),
        cmocka_unit_test(intervals_are_fitted),
        cmocka_unit_test(families_differ),
        cmocka_unit_test(weights_and_threads),
        cmocka_unit_test(the_flat_function_has_the_same_bits),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(rows_agree_with_families),
        cmocka_unit_test(the_flat_words_are_the_short_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
