/* The kernels of fits, on every instruction set of this CPU, compared with the scalar functions.
 * Derivatives are compared with differences. */
#include "support.h"

#include "core/rng.h"
#include "core/simd.h"
#include "gkfit/fit_kernels.h"
#include "num/linalg.h"
#include "num/special.h"
#include "num/sort.h"
#include "gk/validity.h"

static const gkv_gk gks[] = {
    {.a = 3, .b = 1, .g = 2, .k = .5, .c = .8},     {.a = 0, .b = 1, .g = .2, .k = .1, .c = .8},
    {.a = 5, .b = 20, .g = -1, .k = -.05, .c = .8}, {.a = -1, .b = .1, .g = 0, .k = 0, .c = .8},
    {.a = 2, .b = 1, .g = 5, .k = -.1, .c = .8},    {.a = 0, .b = 2, .g = -8, .k = 1.5, .c = .6}};
enum { GKS = sizeof gks / sizeof *gks };

static const gki_gk_fit_kernels *tables[GKV_SIMD_LEVELS];
static size_t table_count;

static void list_tables(void)
{
    tables[table_count++] = &gki_gk_fit_kernels_portable;
#if defined(__x86_64__)
    if (gki_simd_best() >= GKV_SIMD_AVX2)
        tables[table_count++] = &gki_gk_fit_kernels_avx2;
    if (gki_simd_best() >= GKV_SIMD_AVX512)
        tables[table_count++] = &gki_gk_fit_kernels_avx512;
#endif
}

static void normal_scores(void **state)
{
    (void)state;
    enum { N = 333 };
    double p[N], z[N], ln[N], phi[N];
    for (int i = 0; i < N; i++)
        p[i] = i < 100   ? exp(-.25 * (i + 1))
               : i < 200 ? 1 - exp(-.2 * (i - 99))
                         : (i - 199.5) / 134;
    for (size_t t = 0; t < table_count; t++) {
        tables[t]->scores(N, p, z, ln, phi);
        for (int i = 0; i < N; i++) {
            const double expected = gki_normal_quantile(p[i]);
            if (p[i] < 1e-11)
                continue;
            assert_close(z[i], expected, 4e-15 * fmax(fabs(expected), 1e-2));
            assert_relative(ln[i], log1p(z[i] * z[i]), 1e-14);
            assert_relative(phi[i], exp(gki_normal_log_pdf(z[i])), 1e-13);
        }
    }
}

/* The bound of k agrees with the search to 1e-12, its slope with the search's, and its
 * curvature with differences of the slope. */
static void least_k(void **state)
{
    (void)state;
    static const double cs[] = {.05, .3, .6, .8, .83, .84, .9, .99};
    for (size_t t = 0; t < table_count; t++)
        for (size_t i = 0; i < sizeof cs / sizeof *cs; i++) {
            gki_k_min_table table;
            gki_k_min_table_fill(cs[i], &table);
            for (double g = -99.7; g<100; g += fabs(g)> 10 ? 1.37 : .0973) {
                double k, slope, curvature, expected_slope;
                tables[t]->k_min(1, &table, &g, &k, &slope, &curvature);
                const double expected = gki_gk_k_min_limit(g, cs[i], &expected_slope);
                assert_close(k, expected, 1e-12 * fmax(1, fabs(expected)));
                if (fabs(expected + .5) < 1e-3)
                    continue; /* near the corner where k_min becomes −½ */
                assert_close(slope, expected_slope, 1e-6 * fmax(1, fabs(expected_slope)));
                const double h = 1e-4, beside[2] = {g + h, g - h};
                double ks[2], slopes[2], unused[2];
                tables[t]->k_min(2, &table, beside, ks, slopes, unused);
                assert_close(curvature, (slopes[0] - slopes[1]) / (2 * h),
                             1e-5 * fmax(1, fabs(curvature)));
            }
        }
}

/* Σ w log f and its first two derivatives. */
static void sums(void **state)
{
    (void)state;
    enum { N = 37 };
    double z[N], w[N];
    gki_rng_normal_d(gki_rng_at(2, GKV_STREAM_USER, 0, 0), N, z);
    gki_rng_uniform(gki_rng_at(2, GKV_STREAM_USER, 1, 0), N, w);
    z[3] = 0, z[4] = 9, z[5] = -8.5, z[6] = 1e-9;
    for (size_t t = 0; t < table_count; t++)
        for (size_t i = 0; i < GKS; i++)
            for (int weighted = 0; weighted < 2; weighted++) {
                gki_gk_sums got;
                memset(&got, 0, sizeof got);
                tables[t]->sums(N, &gks[i], z, weighted ? w : NULL, &got);
                double value = 0, score[4] = {0}, hessian[4][4] = {{0}}, outer[4][4] = {{0}},
                       size[4] = {0};
                for (int o = 0; o < N; o++) {
                    const double x = gkv_gk_Q(&gks[i], z[o]), weight = weighted ? w[o] : 1;
                    double s[4];
                    value += weight * (gkv_gk_score(&gks[i], x, s) + .91893853320467274178);
                    for (int a = 0; a < 4; a++) {
                        gkv_gk above = gks[i], below = gks[i];
                        double *const up[4] = {&above.a, &above.b, &above.g, &above.k};
                        double *const down[4] = {&below.a, &below.b, &below.g, &below.k};
                        const double h = 1e-6 * (a < 2 ? gks[i].b : 1);
                        *up[a] += h, *down[a] -= h;
                        double s_up[4], s_down[4];
                        gkv_gk_score(&above, x, s_up);
                        gkv_gk_score(&below, x, s_down);
                        score[a] += weight * s[a];
                        for (int b = 0; b < 4; b++) {
                            hessian[a][b] += weight * (s_up[b] - s_down[b]) / (2 * h);
                            outer[a][b] += weight * s[a] * s[b];
                        }
                        size[a] += weight * s[a] * s[a];
                    }
                }
                assert_relative(got.log_likelihood, value, 1e-12);
                for (int a = 0, pair = 0; a < 4; a++) {
                    assert_close(got.score[a], score[a], 1e-10 * sqrt(size[a] * N));
                    for (int b = a; b < 4; b++, pair++) {
                        const double scale = sqrt(size[a] * size[b]);
                        assert_close(got.outer[pair], outer[a][b], 1e-10 * scale);
                        assert_close(got.hessian[pair], hessian[a][b], 2e-6 * scale);
                    }
                }
            }
}

/* Weights and the means of quantiles. */
static void quantile_weights(void **state)
{
    (void)state;
    enum { N = 19 };
    double p[N], z[N], ln[N], phi[N], noise[N], weight[N], excess[N];
    for (int i = 0; i < N; i++)
        p[i] = (i + 1) / 20.0, noise[i] = .5 * p[i] * (1 - p[i]) / 102;
    for (size_t t = 0; t < table_count; t++)
        for (size_t i = 0; i < GKS; i++) {
            tables[t]->scores(N, p, z, ln, phi);
            const gki_gk_fit_levels levels = {z, ln, phi, noise};
            tables[t]->weights(N, &gks[i], &levels, weight, excess);
            for (int j = 0; j < N; j++) {
                const double slope = gkv_gk_dQ(&gks[i], z[j]) / phi[j];
                assert_relative(weight[j], 1 / slope, 1e-12);
                const double second =
                    (gkv_gk_d2Q(&gks[i], z[j]) + z[j] * slope * phi[j]) / (phi[j] * phi[j]);
                assert_close(excess[j], noise[j] * second, 1e-11 * gks[i].b);
            }
        }
}

/* The terms of one fit equal the residuals and derivatives of a lane. The derivatives agree with
 * differences. */
static void least_squares_terms(void **state)
{
    (void)state;
    enum { M = 21, ROWS = M + 1, LANES = 8 };
    double p[M], z[ROWS] = {0}, ln[ROWS] = {0}, phi[ROWS] = {0}, x[ROWS] = {0}, weight[ROWS] = {0},
                 step[ROWS];
    double many[5][ROWS * LANES], v[4 * LANES], r[ROWS * LANES], jacobian[4 * ROWS * LANES],
        plain[LANES];
    gki_k_min_table table;
    gki_k_min_table_fill(.8, &table);
    for (size_t t = 0; t < table_count; t++) {
        for (int i = 0; i < M; i++)
            p[i] = (i + 1.0) / (M + 1), step[i] = 1 + .1 * i;
        step[M] = 3;
        tables[t]->scores(M, p, z, ln, phi);
        for (int i = 0; i < M; i++)
            x[i] = 1.3 * z[i] + .2 * z[i] * z[i], weight[i] = phi[i];
        const double *const columns[5] = {x, z, ln, weight, step};
        for (int a = 0; a < 5; a++)
            for (int i = 0; i < ROWS; i++)
                for (int l = 0; l < LANES; l++)
                    many[a][i * LANES + l] = columns[a][i];
        for (int l = 0; l < LANES; l++) {
            plain[l] = l % 2;
            v[l] = .1 * l, v[LANES + l] = 1 + .05 * l, v[2 * LANES + l] = 1.5 * l - 4,
            v[3 * LANES + l] = .1 + .02 * l;
        }
        const gki_gk_fit_lanes lanes = {LANES,   ROWS,    many[0], many[1], many[2],
                                        many[3], many[4], plain,   &table};
        tables[t]->residuals(&lanes, v, r);
        tables[t]->jacobian(&lanes, v, jacobian);
        for (int l = 0; l < LANES; l++) {
            const gki_gk_fit_lanes one = {1, ROWS, x, z, ln, weight, step, &plain[l], &table};
            double own[4], own_r[ROWS], own_j[4 * ROWS], up_r[ROWS], down_r[ROWS], unused[4 * ROWS];
            for (int a = 0; a < 4; a++)
                own[a] = v[a * LANES + l];
            tables[t]->terms(&one, own, own_r, own_j);
            /* the same by the scalar functions */
            const gkv_gk gk = {.a = own[0],
                               .b = own[1],
                               .g = own[2],
                               .k = own[3] +
                                    (plain[l] > 0 ? 0 : gki_gk_k_min_limit(own[2], .8, NULL)),
                               .c = .8};
            double before = 0;
            for (int i = 0; i < ROWS; i++) {
                const double u = i < M ? (x[i] - gkv_gk_Q(&gk, z[i])) * weight[i] : 0;
                assert_close(own_r[i], step[i] * (u - before), 1e-11);
                assert_true(r[i * LANES + l] == own_r[i]);
                before = u;
            }
            for (int a = 0; a < 4; a++) {
                double up[4], down[4];
                memcpy(up, own, sizeof up), memcpy(down, own, sizeof down);
                up[a] += 1e-6, down[a] -= 1e-6;
                tables[t]->terms(&one, up, up_r, unused);
                tables[t]->terms(&one, down, down_r, unused);
                for (int i = 0; i < ROWS; i++) {
                    assert_close(own_j[a * ROWS + i], (up_r[i] - down_r[i]) / 2e-6, 2e-7);
                    assert_true(jacobian[(a * ROWS + i) * LANES + l] == own_j[a * ROWS + i]);
                }
            }
        }
    }
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sorting(void **state)
{
    (void)state;
    enum { MOST = 20000 };
    double *x = test_alloc(MOST * sizeof *x), *expected = test_alloc(MOST * sizeof *x);
    double *w = test_alloc(MOST * sizeof *x), *spare = test_alloc(2 * MOST * sizeof *x);
    for (size_t n = 0; n <= MOST; n = n < 5 ? n + 1 : n * 3 / 2)
        for (int kind = 0; kind < 4; kind++) {
            gki_rng_normal_d(gki_rng_at(5, GKV_STREAM_USER, (uint64_t)kind, n), n, x);
            for (size_t i = 0; i < n; i++) {
                x[i] = kind == 1   ? (double)(float)x[i]
                       : kind == 2 ? floor(3 * x[i])
                       : kind == 3 ? 1e300 * x[i]
                                   : x[i];
                w[i] = 10 * x[i] + 1;
            }
            memcpy(expected, x, n * sizeof *x);
            if (n > 0)
                qsort(expected, n, sizeof *x, ascending);
            gki_sort(n, x, w, spare);
            for (size_t i = 0; i < n; i++)
                assert_true(x[i] == expected[i] && w[i] == 10 * x[i] + 1);
        }
    double few[] = {3, -0.0, 1e-320, -5, 0.0, -1e308};
    gki_sort(6, few, NULL, spare);
    assert_true(few[0] == -1e308 && few[1] == -5 && signbit(few[2]) && few[3] == 0 &&
                few[4] == 1e-320);
    free(x), free(expected), free(w), free(spare);
}

static void systems_of_four(void **state)
{
    (void)state;
    double m[4][4] = {{4, 1, .5, 0}, {1, 3, .2, .1}, {.5, .2, 2, -.3}, {0, .1, -.3, 1}},
           inverse[4][4], x[4];
    const double b[4] = {1, 2, 3, 4};
    for (unsigned mask = 0; mask < 16; mask++) {
        bool fixed[4];
        for (unsigned i = 0; i < 4; i++)
            fixed[i] = mask >> i & 1;
        for (int way = 0; way < 2; way++) {
            assert_int_equal(
                way ? gki_solve4x4(m, fixed, b, x) : gki_solve4x4_symmetric(m, fixed, b, x), 1);
            for (int i = 0; i < 4; i++) {
                double sum = 0;
                for (int j = 0; j < 4; j++)
                    sum += m[i][j] * x[j];
                assert_close(fixed[i] ? x[i] : sum, fixed[i] ? 0 : b[i], 1e-13);
            }
        }
        assert_int_equal(gki_invert4x4_symmetric(m, fixed, inverse), 1);
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                double sum = 0;
                for (int k = 0; k < 4; k++)
                    sum += fixed[k] ? 0 : m[i][k] * inverse[k][j];
                if (!fixed[i] && !fixed[j])
                    assert_close(sum, i == j, 1e-13);
                else
                    assert_true(inverse[i][j] == 0);
            }
    }
    const bool none[4] = {0};
    m[0][0] = -1;
    assert_int_equal(gki_solve4x4_symmetric(m, none, b, x), 0);
    assert_int_equal(gki_solve4x4(m, none, b, x), 1);
    m[2][0] = m[2][1] = m[2][2] = m[2][3] = 0;
    assert_int_equal(gki_solve4x4(m, none, b, x), 0);
}

int main(void)
{
    list_tables();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_scores),
        cmocka_unit_test(least_k),
        cmocka_unit_test(sums),
        cmocka_unit_test(quantile_weights),
        cmocka_unit_test(least_squares_terms),
        cmocka_unit_test(sorting),
        cmocka_unit_test(systems_of_four),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
