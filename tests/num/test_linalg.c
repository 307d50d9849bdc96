/* Tests of factor models of correlation matrices (gki_low_rank). */
#include "support.h"

#include "core/rng.h"
#include "num/linalg.h"

enum { D = 12, MOST = 4 };

static double scratch[3 * MOST * D + 2 * MOST * MOST + D];

/* Makes a correlation matrix ΛΛᵀ + Ψ of the given rank, Ψ_i between 0.2 and 0.8. If `more` is not
 * 0, six additional factors of that size disturb the model. */
static void make(size_t rank, uint64_t seed, double more, double *r)
{
    double loading[D][MOST + 6];
    gki_rng_normal_d(gki_rng_at(seed, GKV_STREAM_USER, 0, 0), sizeof loading / sizeof **loading,
                     &loading[0][0]);
    for (size_t i = 0; i < D; i++) {
        double squares = 0;
        for (size_t k = 0; k < MOST + 6; k++) {
            loading[i][k] *= k < rank ? 1 : k < MOST ? 0 : more;
            squares += loading[i][k] * loading[i][k];
        }
        for (size_t k = 0; k < MOST + 6; k++)
            loading[i][k] *= sqrt((0.2 + 0.6 * (double)i / D) / squares);
    }
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < D; j++) {
            r[i * D + j] = i == j;
            for (size_t k = 0; k < MOST + 6 && i != j; k++)
                r[i * D + j] += loading[i][k] * loading[j][k];
        }
}

/* log|S| + tr(S⁻¹R). Up to a constant this is twice the mean −log density under S of scores of
 * correlation R. */
static double cost(const double *s, const double *r)
{
    double l[D * D], sum = 0;
    assert_int_equal(gki_cholesky(D, s, 1e-9, l), 1);
    for (size_t j = 0; j < D; j++) {
        sum += 2 * log(l[j * D + j]);
        double column[D] = {0}; /* of L⁻¹ */
        column[j] = 1;
        gki_cholesky_forward(D, l, column);
        for (size_t i = 0; i < D; i++) { /* tr(L⁻¹RL⁻ᵀ), by pairs of columns */
            double other[D] = {0};
            other[i] = 1;
            gki_cholesky_forward(D, l, other);
            for (size_t k = 0; k < D; k++)
                sum += column[k] * r[j * D + i] * other[k];
        }
    }
    return sum;
}

static double minor_of_three(const double *r, const size_t row[3], const size_t col[3])
{
    double m[3][3];
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++)
            m[i][j] = r[row[i] * D + col[j]];
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
           m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
           m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

/* A matrix that is a factor model of the given rank does not change. */
static void recovers_a_factor_model(void **state)
{
    (void)state;
    for (size_t rank = 1; rank <= 3; rank++) {
        double r[D * D], found[D * D];
        make(rank, rank, 0, r);
        memcpy(found, r, sizeof r);
        gki_low_rank(D, rank, 2000, found, scratch);
        for (size_t i = 0; i < D * D; i++)
            assert_close(found[i], r[i], 1e-5);
    }
}

/* Off the diagonal the matrix has the requested rank: minors of order rank + 1 vanish. The result
 * is a correlation matrix. More iterations or more factors never make it less likely. */
static void has_the_requested_rank(void **state)
{
    (void)state;
    for (uint64_t seed = 10; seed < 20; seed++) {
        double r[D * D], found[D * D], before[MOST + 1] = {0};
        make(2, seed, 0.6, r);
        memset(found, 0, sizeof found);
        for (size_t i = 0; i < D; i++)
            found[i * D + i] = 1;
        before[0] = cost(found, r);
        for (size_t rank = 1; rank <= MOST; rank++) {
            /* few iterations may not make good use of the additional factor */
            double last = before[rank - 1] + 1e-3;
            for (int iterations = 1; iterations <= 256; iterations *= 2) {
                memcpy(found, r, sizeof r);
                gki_low_rank(D, rank, iterations, found, scratch);
                for (size_t i = 0; i < D; i++)
                    for (size_t j = 0; j < D; j++)
                        assert_true(i == j ? found[i * D + j] == 1
                                           : found[i * D + j] == found[j * D + i]);
                const double now = cost(found, r);
                if (iterations > 1)
                    assert_true(now <= last + 1e-3);
                last = now;
            }
            assert_true(last <= before[rank - 1] + 1e-6);
            before[rank] = last;
            if (rank == 1)
                for (size_t i = 0; i < D - 3; i++)
                    assert_close(found[i * D + i + 2] * found[(i + 1) * D + i + 3],
                                 found[i * D + i + 3] * found[(i + 1) * D + i + 2], 1e-14);
            if (rank == 2)
                assert_close(minor_of_three(found, (size_t[]){0, 3, 6}, (size_t[]){1, 5, 9}), 0,
                             1e-14);
        }
    }
}

/* Two identical dimensions, and dimensions without correlation. */
static void extreme_correlations(void **state)
{
    (void)state;
    double r[D * D], l[D * D];
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < D; j++)
            r[i * D + j] = i == j || (i < 2 && j < 2);
    gki_low_rank(D, 2, 50, r, scratch);
    assert_int_equal(gki_cholesky(D, r, 1e-6, l), 1);
    assert_true(r[1] > 0.95);
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < D; j++)
            r[i * D + j] = i == j;
    gki_low_rank(D, 3, 50, r, scratch);
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < D; j++)
            assert_close(r[i * D + j], i == j, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recovers_a_factor_model),
        cmocka_unit_test(has_the_requested_rank),
        cmocka_unit_test(extreme_correlations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
