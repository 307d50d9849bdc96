/* The scores of margins with small shapes, on every instruction set and in both numeric types:
 * against the inverse in double, at the bounds, and row by row. */
#include "gradient.h"
#include "support.h"

#include "base/mixture_kernels.h"
#include "gkvae/gk.h"

#ifdef GKV_REAL_IS_DOUBLE
#define ACCURACY 1e-12
#else
#define ACCURACY 5e-7
#endif

enum { ROWS = 203, MARGINS = 2 };

/* Scores at ROWS places on both sides of both margins. */
typedef struct margin_scores {
    gki_real a[MARGINS], b[MARGINS], g[MARGINS], k[MARGINS];
    gki_real eps[MARGINS * ROWS], zeta[MARGINS * ROWS], log_slope[ROWS];
    bool failed;
} margin_scores;

static void compute(gki_simd level, double g, double k, double reach, margin_scores *scores)
{
    for (size_t j = 0; j < MARGINS; j++) {
        scores->a[j] = (gki_real)(j == 0 ? 0 : -0.7);
        scores->b[j] = (gki_real)(j == 0 ? 1 : 0.3);
        scores->g[j] = (gki_real)(j == 0 ? g : -g / 2);
        scores->k[j] = (gki_real)(j == 0 ? k : k / 2);
        for (size_t r = 0; r < ROWS; r++)
            scores->eps[j * ROWS + r] =
                scores->a[j] + scores->b[j] * (gki_real)(reach * (2 * (double)r / (ROWS - 1) - 1));
    }
    scores->failed = gki_mixture_kernels_of(level)->small_scores(
        ROWS, MARGINS, scores->a, scores->b, scores->g, scores->k, scores->eps, scores->zeta,
        scores->log_slope);
}

static gkv_gk margin_of(const margin_scores *scores, size_t j)
{
    return (gkv_gk){(double)scores->a[j],
                    (double)scores->b[j],
                    (double)scores->g[j],
                    (double)scores->k[j],
                    0.8,
                    0};
}

/* Checks the scores that are not ∞ and the sums over them. Returns how many are ∞. */
static size_t check(const margin_scores *scores)
{
    size_t failed = 0;
    for (size_t r = 0; r < ROWS; r++) {
        double sum = 0;
        for (size_t j = 0; j < MARGINS; j++) {
            const gki_real zeta = scores->zeta[j * ROWS + r];
            const gkv_gk gk = margin_of(scores, j);
            if (isinf(zeta)) {
                failed++;
                continue;
            }
            const double wanted = gkv_gk_Q_inverse(&gk, (double)scores->eps[j * ROWS + r]);
            /* The score is v e^τ: rounding errors of ε and τ are those of the numeric type. */
            const double v = ((double)scores->eps[j * ROWS + r] - gk.a) / gk.b,
                         tau = v != 0 ? log(wanted / v) : 0;
            assert_close((double)zeta, wanted,
                         ACCURACY * (1 + fabs(tau)) * (fabs(wanted) + fabs(gk.a / gk.b)));
            sum += gkv_gk_log_dQ(&gk, wanted) - log(gk.b);
        }
        assert_close((double)scores->log_slope[r], sum, 2 * ACCURACY * (1 + fabs(sum)));
    }
    assert_int_equal(failed > 0, scores->failed);
    return failed;
}

static void test_accuracy(void **state)
{
    (void)state;
    static const double shapes[] = {-0.2, -0.1, -0.05, -0.003, 0, 1e-9, 0.04, 0.1, 0.17, 0.4};
    enum { SHAPES = sizeof shapes / sizeof *shapes };
    margin_scores scores;
    for (int level = 0; level <= (int)gki_simd_best(); level++)
        for (size_t g = 0; g < SHAPES; g++)
            for (size_t k = 0; k < SHAPES; k++) {
                compute((gki_simd)level, shapes[g], shapes[k], 2, &scores);
                const size_t failed = check(&scores);
                assert_true(failed == 0 || shapes[k] < -0.1 || fabs(shapes[g]) > 0.15);
                compute((gki_simd)level, shapes[g], shapes[k], 40, &scores);
                check(&scores);
            }
}

/* The scores of a trained model are all computed. Scores of large shapes are not. */
static void test_bounds(void **state)
{
    (void)state;
    margin_scores scores;
    for (int level = 0; level <= (int)gki_simd_best(); level++) {
        compute((gki_simd)level, 0.05, 1, 6, &scores);
        assert_int_equal(check(&scores), 0);
        compute((gki_simd)level, 0.1, -0.05, 4, &scores);
        assert_int_equal(check(&scores), 0);
        compute((gki_simd)level, 0.1, 1.5, 1, &scores); /* the second margin has k = 0.75 */
        assert_int_equal(check(&scores), ROWS);
        compute((gki_simd)level, -3, 0.1, 1, &scores);
        assert_int_equal(check(&scores), 2 * ROWS);
        assert_true(scores.log_slope[0] == 0);
    }
}

/* NaN and ∞ have no score. No row depends on the others. */
static void test_rows_are_their_own(void **state)
{
    (void)state;
    margin_scores all, part;
    for (int level = 0; level <= (int)gki_simd_best(); level++) {
        compute((gki_simd)level, 0.2, 0.1, 9, &all);
        for (size_t count = 1; count < 40; count++) {
            gki_real eps[MARGINS * 40], zeta[MARGINS * 40], log_slope[40];
            for (size_t r = 0; r < count; r++)
                for (size_t j = 0; j < MARGINS; j++)
                    eps[j * count + r] = all.eps[j * ROWS + 5 * r];
            gki_mixture_kernels_of((gki_simd)level)
                ->small_scores(count, MARGINS, all.a, all.b, all.g, all.k, eps, zeta, log_slope);
            for (size_t r = 0; r < count; r++) {
                assert_true(log_slope[r] == all.log_slope[5 * r]);
                for (size_t j = 0; j < MARGINS; j++)
                    assert_true(zeta[j * count + r] == all.zeta[j * ROWS + 5 * r]);
            }
        }
        part = all;
        part.eps[3] = (gki_real)NAN, part.eps[40] = (gki_real)INFINITY;
        part.failed = gki_mixture_kernels_of((gki_simd)level)
                          ->small_scores(ROWS, MARGINS, part.a, part.b, part.g, part.k, part.eps,
                                         part.zeta, part.log_slope);
        for (size_t r = 0; r < ROWS; r++)
            if (r == 3 || r == 40)
                assert_true(isinf(part.zeta[r]) && isfinite(part.log_slope[r]));
            else
                assert_true(part.zeta[r] == all.zeta[r] && part.log_slope[r] == all.log_slope[r]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accuracy),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_rows_are_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
