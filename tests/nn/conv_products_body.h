/* The products of convolutions at every instruction set, compared with plain sums in double, for
 * shapes around the sizes of the tiles. The float and the double test include this file. */
#include "fenced.h"

#include "nn/map_kernels.h"

#ifdef GKV_REAL_IS_DOUBLE
static const double rounding = 2e-16;
#else
static const double rounding = 1.2e-7;
#endif

enum { SEGMENTS = 3, GROUPS = 2, DEPTH = 5, GAP = 3 };

/* One element of C, and the sum of the magnitudes of its terms. */
static double naive(const gki_conv_product *p, size_t i, size_t j, double *size)
{
    double sum = (p->start ? (double)p->start[i * p->start_row + j] : 0) +
                 (p->bias ? (double)p->bias[j] : 0);
    *size = fabs(sum);
    for (size_t g = 0; g < p->groups; g++)
        for (size_t s = 0; s < p->segments; s++)
            for (size_t k = 0; k < p->k; k++) {
                const double term =
                    (double)p->a[i * p->a_row + k * p->a_step + s * p->a_segment + g * p->a_group] *
                    (double)p->b[k * p->b_row + j + s * p->b_segment + g * p->b_group];
                sum += term;
                *size += fabs(term);
            }
    return sum;
}

/* A product whose arrays end at fences; C begins as noise. */
static void check(gki_simd level, size_t m, size_t n, bool transposed, bool has_start,
                  bool has_bias)
{
    const size_t a_rows = transposed ? DEPTH : m, a_columns = transposed ? m : DEPTH;
    const size_t a_row = a_columns + GAP, a_segment = a_rows * a_row, b_segment = DEPTH * n + GAP;
    fenced a = fence_noise(0, GROUPS * SEGMENTS * a_segment - GAP),
           b = fence_noise(1, GROUPS * SEGMENTS * b_segment - GAP), c = fence_noise(2, m * n),
           start = fence_noise(2, m * n), bias = fence_noise(3, n);
    const gki_conv_product product = {.m = m,
                                      .n = n,
                                      .k = DEPTH,
                                      .segments = SEGMENTS,
                                      .groups = GROUPS,
                                      .a = a.values,
                                      .a_row = transposed ? 1 : a_row,
                                      .a_step = transposed ? a_row : 1,
                                      .a_segment = a_segment,
                                      .a_group = SEGMENTS * a_segment,
                                      .b = b.values,
                                      .b_row = n,
                                      .b_segment = b_segment,
                                      .b_group = SEGMENTS * b_segment,
                                      .c = c.values,
                                      .c_row = n,
                                      .start = has_start ? c.values : NULL,
                                      .start_row = n,
                                      .bias = has_bias ? bias.values : NULL};
    gki_map_kernels_of(level)->multiply(&product);
    gki_conv_product before = product; /* C was overwritten; `start` has what it was */
    before.start = has_start ? start.values : NULL;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double size;
            const double wanted = naive(&before, i, j, &size);
            assert_close(c.values[i * n + j], wanted, 20 * rounding * (size + 1e-3));
        }
    unfence(&a), unfence(&b), unfence(&c), unfence(&start), unfence(&bias);
}

static void test_products(void **state)
{
    (void)state;
    static const size_t heights[] = {1, 2, 7, 9, 13, 14, 15, 29},
                        widths[] = {1, 3, 4, 8, 16, 17, 31, 32, 33, 48, 64, 70, 80, 113};
    for (int level = 0; level <= (int)gki_simd_best(); level++)
        for (size_t i = 0; i < sizeof heights / sizeof *heights; i++)
            for (size_t j = 0; j < sizeof widths / sizeof *widths; j++)
                for (int kind = 0; kind < 8; kind++)
                    check((gki_simd)level, heights[i], widths[j], kind & 1, kind & 2, kind & 4);
}

/* The bits of a row do not depend on how many rows there are. */
static void test_bits(void **state)
{
    (void)state;
    enum { M = 23, N = 50 };
    for (int level = 0; level <= (int)gki_simd_best(); level++) {
        fenced a = fence_noise(0, M * DEPTH), b = fence_noise(1, DEPTH * N), c = fence(M * N),
               one = fence(N);
        gki_conv_product product = {.m = M,
                                    .n = N,
                                    .k = DEPTH,
                                    .segments = 1,
                                    .groups = 1,
                                    .a = a.values,
                                    .a_row = DEPTH,
                                    .a_step = 1,
                                    .b = b.values,
                                    .b_row = N,
                                    .c = c.values,
                                    .c_row = N};
        gki_map_kernels_of((gki_simd)level)->multiply(&product);
        product.m = 1;
        product.c = one.values;
        for (size_t i = 0; i < M; i++, product.a += DEPTH) {
            gki_map_kernels_of((gki_simd)level)->multiply(&product);
            assert_memory_equal(one.values, c.values + i * N, N * sizeof *one.values);
        }
        unfence(&a), unfence(&b), unfence(&c), unfence(&one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
