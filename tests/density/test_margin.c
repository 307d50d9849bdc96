/* Margins of tables: densities, scores, quantiles and fits against known values. */
#include "density_fixture.h"

#include "density/margin.h"
#include "gkvae/gk.h"
#include "num/sort.h"
#include "num/special.h"

enum { N = 4000 };

static gki_column column_of(size_t n, const double *x)
{
    return (gki_column){.n = n, .x = x, .spread = x};
}

/* Values of a g-and-k distribution. */
static double *gk_values(size_t n, double g, double k)
{
    const gkv_gk gk = {3, 2, g, k, 0.8, 0};
    double *x = test_alloc(n * sizeof *x);
    gkv_gk_random(&gk, n, 5, 0, x);
    return x;
}

static gki_margin fit(int64_t kind, size_t detail, size_t n, const double *x)
{
    gki_margin margin;
    const gki_column column = column_of(n, x);
    assert_ok(gki_margin_fit(kind, detail, &column, &margin));
    assert_ok(gki_margin_check(&margin));
    return margin;
}

/* ∫ f dx over the line, in the variable s of x = centre + scale·sinh(s). */
static double integral(const gki_margin *margin, double centre, double scale)
{
    enum { POINTS = 40001 };
    double sum = 0;
    for (size_t i = 0; i < POINTS; i++) {
        const double s = -14 + 28.0 * (double)i / (POINTS - 1), x = centre + scale * sinh(s);
        double z, slope;
        assert_ok(gki_margin_scores(margin, 1, &x, &z, &slope));
        sum += exp(gki_normal_log_pdf(z) + slope + log(scale * cosh(s)));
    }
    return sum * 28.0 / (POINTS - 1);
}

/* Every kind has a name and names of its parameters, and no other number does. */
static void test_names(void **state)
{
    (void)state;
    for (int64_t kind = 0; kind < GKV_DENSITY_MARGINS; kind++) {
        assert_non_null(gkv_density_margin_name(kind));
        assert_non_null(gkv_density_margin_parameter(kind, 0));
        assert_null(gkv_density_margin_parameter(kind, GKV_DENSITY_MARGIN_PARAMETERS));
    }
    assert_string_equal(gkv_density_margin_parameter(GKV_DENSITY_MARGIN_GK, 4), "c");
    assert_string_equal(gkv_density_margin_parameter(GKV_DENSITY_MARGIN_T, 2), "ν");
    assert_string_equal(gkv_density_margin_parameter(GKV_DENSITY_MARGIN_T, 4), "upper tail");
    assert_null(gkv_density_margin_parameter(GKV_DENSITY_MARGIN_T, 5));
    for (int64_t kind = -1; kind <= GKV_DENSITY_MARGINS; kind += GKV_DENSITY_MARGINS + 1) {
        assert_null(gkv_density_margin_name(kind));
        assert_null(gkv_density_margin_parameter(kind, 0));
    }
}

/* A g-and-k or a t margin with corrected tails, a lighter and a heavier one. */
static gki_margin corrected(int64_t kind, size_t n, const double *x)
{
    gki_margin margin = fit(kind, 0, n, x);
    margin.lower = (gki_tail){.log_share = log(0.05), .sigma = 0.6};
    margin.upper = (gki_tail){.log_share = log(0.05), .sigma = 1.7};
    assert_ok(gki_margin_check(&margin));
    return margin;
}

static void test_densities_integrate_to_one(void **state)
{
    (void)state;
    double *x = gk_values(N, 0.7, 0.15);
    for (int64_t kind = GKV_DENSITY_MARGIN_GK; kind <= GKV_DENSITY_MARGIN_T; kind++) {
        const gki_margin margin = corrected(kind, N, x);
        assert_close(integral(&margin, 3, 1), 1, 2e-4);
    }
    for (size_t i = 0; i < 3 + gki_margin_resolutions(GKV_DENSITY_MARGIN_SPLINE, N) - 1; i++) {
        const int64_t kind = i < 2 ? (int64_t)i : GKV_DENSITY_MARGIN_SPLINE;
        const gki_margin margin = fit(kind, i < 2 ? 0 : i - 2, N, x);
        assert_close(integral(&margin, 3, 1), 1, 2e-4);
    }
    free(x);
}

/* Scores increase, quantiles are their inverses, and slopes are their derivatives, also far out. */
static void test_scores_and_quantiles(void **state)
{
    (void)state;
    double *x = gk_values(N, 0.7, 0.15);
    for (int64_t which = 0; which < GKV_DENSITY_MARGINS + 2; which++) {
        const gki_margin margin = which < GKV_DENSITY_MARGINS
                                      ? fit(which, 0, N, x)
                                      : corrected(which - GKV_DENSITY_MARGINS, N, x);
        double before = -INFINITY;
        for (double s = -12; s < 12; s += 0.037) {
            const double value = 3 + sinh(s), step = 1e-6 * (1 + fabs(value));
            const double three[3] = {value - step, value, value + step};
            double z[3], slope[3], back;
            assert_ok(gki_margin_scores(&margin, 3, three, z, slope));
            assert_true(z[1] > before && isfinite(z[1]) && isfinite(slope[1]));
            before = z[1];
            assert_close((z[2] - z[0]) / (2 * step) / exp(slope[1]), 1, 2e-2);
            assert_ok(gki_margin_values(&margin, 1, &z[1], &back));
            assert_close(back, value, 1e-7 * (1 + fabs(value)));
        }
        const double ends[4] = {-INFINITY, INFINITY, NAN, 1e300};
        double z[4], slope[4];
        assert_ok(gki_margin_scores(&margin, 4, ends, z, slope));
        assert_true(z[0] == -INFINITY && z[1] == INFINITY && isnan(z[2]) && isfinite(z[3]));
        assert_true(slope[0] == -INFINITY && slope[1] == -INFINITY && isnan(slope[2]));
    }
    free(x);
}

/* The distribution functions of fitted margins are those of the values. */
static void test_margins_fit(void **state)
{
    (void)state;
    const gkv_gk truth = {3, 2, 0.3, 0.1, 0.8, 0};
    double *x = gk_values(N, 0.3, 0.1);
    for (int64_t kind = 0; kind < GKV_DENSITY_MARGINS; kind++) {
        const gki_margin margin = fit(kind, kind == GKV_DENSITY_MARGIN_SPLINE ? 2 : 0, N, x);
        for (double p = 0.02; p < 1; p += 0.08) {
            const double value = gkv_gk_quantile(&truth, p);
            double z;
            assert_ok(gki_margin_scores(&margin, 1, &value, &z, NULL));
            assert_close(gki_normal_cdf(z), p, kind == GKV_DENSITY_MARGIN_T ? 0.06 : 0.025);
        }
    }
    const gki_margin margin = fit(GKV_DENSITY_MARGIN_GK, 0, N, x);
    assert_close(margin.gk[0], 3, 0.12);
    assert_close(margin.gk[1], 2, 0.15);
    assert_close(margin.gk[2], 0.3, 0.1);
    assert_close(margin.gk[3], 0.1, 0.06);
    free(x);
}

/* A t of few degrees of freedom: the tails ξ = 1/ν of the spline, and ν of the t. */
static void test_heavy_tails(void **state)
{
    (void)state;
    double *x = test_alloc(N * sizeof *x);
    gki_rng_normal_d(gki_rng_at(7, GKV_STREAM_USER, 0, 0), N, x);
    for (size_t i = 0; i < N; i++)
        x[i] = 100 + 5 * gki_student_from_normal(x[i], 3);
    const gki_margin t = fit(GKV_DENSITY_MARGIN_T, 0, N, x),
                     spline = fit(GKV_DENSITY_MARGIN_SPLINE, 2, N, x);
    assert_close(t.t.location, 100, 0.5);
    assert_close(t.t.scale, 5, 0.4);
    assert_close(t.t.freedom, 3, 0.5);
    assert_close(spline.lower.xi, 1.0 / 3, 0.2);
    assert_close(spline.upper.xi, 1.0 / 3, 0.2);
    free(x);
}

/* The probability of lognormal(0, 0.8) values beyond a score of the margin. */
static double lognormal_share(const gki_margin *margin, double z)
{
    double x;
    assert_ok(gki_margin_values(margin, 1, &z, &x));
    return x > 0 ? gki_normal_cdf(copysign(log(x) / 0.8, -z)) : 0;
}

/* No g-and-k has both edges of a lognormal distribution. Its fit has too light an upper tail, which
 * the outermost values correct. */
static void test_corrected_tails(void **state)
{
    (void)state;
    double *x = test_alloc(N * sizeof *x);
    gki_rng_normal_d(gki_rng_at(11, GKV_STREAM_USER, 0, 0), N, x);
    for (size_t i = 0; i < N; i++)
        x[i] = exp(0.8 * x[i]);
    gki_margin margin = fit(GKV_DENSITY_MARGIN_GK, 0, N, x);
    gkv_density_margin_info info;
    gki_margin_describe(&margin, &info);
    const double upper = margin.upper.sigma, after = lognormal_share(&margin, 3.0902);
    assert_true(upper > 1.2 && info.parameters[6] == upper);
    margin.upper.sigma = margin.lower.sigma = 0; /* as files of fits without corrections have it */
    assert_ok(gki_margin_check(&margin));
    gki_margin_describe(&margin, &info);
    assert_true(info.parameters[5] == 1 && info.parameters[6] == 1);
    const double before = lognormal_share(&margin, 3.0902);
    assert_true(before > 0.0025 && after < 0.6 * before);
    /* the family's own values need no correction */
    free(x);
    x = gk_values(N, 0.3, 0.1);
    margin = fit(GKV_DENSITY_MARGIN_GK, 0, N, x);
    assert_true(margin.lower.sigma == 1 && margin.upper.sigma == 1);
    /* numbers that are no correction */
    static const gki_tail damaged[] = {{.log_share = 0, .sigma = 2},
                                       {.log_share = -3, .sigma = -1},
                                       {.log_share = -3, .sigma = NAN},
                                       {.log_share = -3, .sigma = 1e6},
                                       {.log_share = -INFINITY, .sigma = 2}};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        margin.upper = damaged[i];
        assert_int_equal(gki_margin_check(&margin), GKV_ERR_DATA);
    }
    free(x);
}

/* The tails of a normal distribution are lighter than exponential ones: ξ < 0, without an end. */
static void test_light_tails(void **state)
{
    (void)state;
    double *x = test_alloc(N * sizeof *x);
    gki_rng_normal_d(gki_rng_at(12, GKV_STREAM_USER, 0, 0), N, x);
    const gki_margin margin = fit(GKV_DENSITY_MARGIN_SPLINE, 1, N, x);
    assert_true(margin.lower.xi < 0 && margin.lower.xi > -0.35);
    assert_true(margin.upper.xi < 0 && margin.upper.xi > -0.35);
    for (int sign = -1; sign <= 1; sign += 2) {
        const double z = 3.0902 * sign;
        double value;
        assert_ok(gki_margin_values(&margin, 1, &z, &value));
        assert_close(log(gki_normal_cdf(-fabs(value)) / 0.001), 0, 0.85);
    }
    free(x);
}

/* The tails of t against values of R: pt(q, nu, lower.tail = FALSE, log.p = TRUE). */
static void test_student_tails(void **state)
{
    (void)state;
    static const struct {
        double q, nu, log_p;
    } values[] = {{2, 3, -2.66408617432},
                  {50, 3, -11.63978476324},
                  {1e10, 4, -91.00479143109},
                  {0.5, 30, -1.17001752400},
                  {1e150, 2, -691.46867507877}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const double lp = gki_student_log_upper(values[i].q, values[i].nu);
        assert_relative(lp, values[i].log_p, 1e-10);
        const double z = gki_student_to_normal(values[i].q, values[i].nu);
        assert_relative(gki_student_from_normal(z, values[i].nu), values[i].q, 1e-8);
        assert_relative(gki_normal_log_cdf(-z), lp, 1e-10);
    }
}

/* Small samples have a t unless another kind is clearly better. */
static void test_choice(void **state)
{
    (void)state;
    double *x = gk_values(N, 2.5, 0.3);
    uint8_t *fold = test_alloc(N);
    for (size_t i = 0; i < N; i++)
        fold[i] = (uint8_t)(i % 3);
    gki_margin_choice choice;
    gki_column column = column_of(N, x);
    assert_ok(gki_margin_choose(GKV_DENSITY_MARGIN_AUTO, &column, fold, &choice));
    assert_int_equal(choice.kind, GKV_DENSITY_MARGIN_GK);
    assert_true(choice.held_out[GKV_DENSITY_MARGIN_T] < choice.held_out[GKV_DENSITY_MARGIN_GK]);
    assert_ok(gki_margin_choose(GKV_DENSITY_MARGIN_SPLINE, &column, fold, &choice));
    assert_int_equal(choice.kind, GKV_DENSITY_MARGIN_SPLINE);
    assert_true(isnan(choice.held_out[GKV_DENSITY_MARGIN_GK]));
    free(x);
    x = gk_values(40, 0.1, 0.1);
    column = column_of(40, x);
    assert_ok(gki_margin_choose(GKV_DENSITY_MARGIN_AUTO, &column, fold, &choice));
    assert_int_equal(choice.kind, GKV_DENSITY_MARGIN_T);
    free(x);
    free(fold);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_densities_integrate_to_one),
                                       cmocka_unit_test(test_scores_and_quantiles),
                                       cmocka_unit_test(test_margins_fit),
                                       cmocka_unit_test(test_heavy_tails),
                                       cmocka_unit_test(test_corrected_tails),
                                       cmocka_unit_test(test_light_tails),
                                       cmocka_unit_test(test_student_tails),
                                       cmocka_unit_test(test_choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
