/* The product kernels at every instruction set, and the products with triangular matrices, compared
 * with plain sums. */
#include "support.h"

#include "core/rng.h"
#include "core/simd.h"
#include "num/linalg.h"
#include "num/product.h"

enum { GUARD = 4 };

static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 33, 40, 64};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static double *noise(uint64_t index, size_t n)
{
    double *x = test_alloc(n * sizeof *x);
    gki_rng_normal_d(gki_rng_at(5, GKV_STREAM_USER, n, index), n, x);
    return x;
}

static float *floats(const double *x, size_t n)
{
    float *out = test_alloc(n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)x[i];
    return out;
}

/* A product with a view of A, plain or transposed, added to S or not. */
static void check_product(const gki_product_kernels *kernels, size_t m, size_t n, size_t k,
                          int transposed, int adds)
{
    double *a = noise(1, m * k), *b = noise(2, k * n), *s = noise(3, m * n),
           *c = test_alloc((m * n + GUARD) * sizeof *c);
    float *a_f = floats(a, m * k), *b_f = floats(b, k * n), *s_f = floats(s, m * n),
          *c_f = test_alloc((m * n + GUARD) * sizeof *c_f);
    const size_t row = transposed ? 1 : k, step = transposed ? m : 1;
    kernels->multiply_d(&(gki_product_d){m, n, k, a, row, step, b, n, c, n, adds ? s : NULL, n});
    kernels->multiply_f(
        &(gki_product_f){m, n, k, a_f, row, step, b_f, n, c_f, n, adds ? s_f : NULL, n});
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = adds ? s[i * n + j] : 0, size = fabs(sum);
            for (size_t q = 0; q < k; q++) {
                sum += a[i * row + q * step] * b[q * n + j];
                size += fabs(a[i * row + q * step] * b[q * n + j]);
            }
            assert_close(c[i * n + j], sum, 4e-16 * (double)(k + 1) * size);
            assert_close(c_f[i * n + j], sum, 2e-7 * (double)(k + 3) * size);
        }
    for (size_t i = 0; i < GUARD; i++)
        assert_true(c[m * n + i] == 0 && c_f[m * n + i] == 0);
    free(a), free(b), free(s), free(c), free(a_f), free(b_f), free(s_f), free(c_f);
}

static void test_products(void **state)
{
    (void)state;
    for (int level = 0; level <= (int)gki_simd_best(); level++) {
        const gki_product_kernels *kernels = gki_product_kernels_of((gki_simd)level);
        for (size_t i = 0; i < COUNT(sizes); i++)
            for (size_t j = 0; j < COUNT(sizes); j++)
                for (int form = 0; form < 4; form++)
                    check_product(kernels, sizes[i], sizes[j], sizes[(i + 3 * j) % COUNT(sizes)],
                                  form & 1, form >> 1);
    }
}

/* C may be a part of A, as product.h says: up to half a panel of columns, or one panel. */
static void test_in_place(void **state)
{
    (void)state;
    enum { ROWS = 29, DEPTH = 40 };
    for (int level = 0; level <= (int)gki_simd_best(); level++) {
        const gki_product_kernels *kernels = gki_product_kernels_of((gki_simd)level);
        const size_t panel = kernels->panel_d, widths[] = {1, panel / 2, panel};
        for (size_t w = 0; w < COUNT(widths); w++) {
            const size_t n = widths[w];
            double *a = noise(1, ROWS * DEPTH), *b = noise(2, DEPTH * n),
                   *c = test_alloc(ROWS * n * sizeof *c);
            gki_product_d product = {.m = ROWS,
                                     .n = n,
                                     .k = DEPTH,
                                     .a = a,
                                     .a_row = DEPTH,
                                     .a_step = 1,
                                     .b = b,
                                     .b_row = n,
                                     .c = c,
                                     .c_row = n};
            kernels->multiply_d(&product);
            product.c = a + DEPTH - n;
            product.c_row = DEPTH;
            kernels->multiply_d(&product);
            for (size_t i = 0; i < ROWS; i++)
                assert_memory_equal(product.c + i * DEPTH, c + i * n, n * sizeof *c);
            free(a), free(b), free(c);
        }
    }
}

/* Zeros above the diagonal, or below it. */
static void make_triangular(size_t d, int upper, double *t)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            if (upper ? j < i : j > i)
                t[i * d + j] = 0;
}

static void test_triangles(void **state)
{
    (void)state;
    for (size_t which = 0; which < COUNT(sizes); which++) {
        const size_t d = sizes[which], rows = sizes[(which + 5) % COUNT(sizes)];
        for (int upper = 0; upper < 2; upper++) {
            double *x = noise(1, rows * d), *t = noise(2, d * d), *y = noise(1, rows * d);
            make_triangular(d, upper, t);
            float *x_f = floats(x, rows * d), *t_f = floats(t, d * d);
            if (upper) {
                gki_multiply_upper_d(rows, d, t, y);
                gki_multiply_upper_f(rows, d, t_f, x_f);
            } else {
                gki_multiply_lower_d(rows, d, t, y);
            }
            for (size_t i = 0; i < rows; i++)
                for (size_t j = 0; j < d; j++) {
                    double sum = 0;
                    for (size_t k = 0; k < d; k++)
                        sum += x[i * d + k] * t[k * d + j];
                    assert_close(y[i * d + j], sum, 1e-13 * (double)d);
                    if (upper)
                        assert_close(x_f[i * d + j], sum, 2e-6 * (double)d);
                }
            free(x), free(t), free(y), free(x_f), free(t_f);
        }
    }
}

static void test_gram(void **state)
{
    (void)state;
    for (size_t which = 0; which < COUNT(sizes); which++) {
        const size_t d = sizes[which], rows = sizes[(which + 5) % COUNT(sizes)];
        double *z = noise(1, rows * d), *before = noise(2, d * d), *c = noise(2, d * d);
        gki_add_gram_d(rows, d, z, c);
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j <= i; j++) {
                double sum = before[i * d + j];
                for (size_t k = 0; k < rows; k++)
                    sum += z[k * d + i] * z[k * d + j];
                assert_close(c[i * d + j], sum, 1e-13 * (double)(rows + 1));
            }
        free(z), free(before), free(c);
    }
}

/* The bits of a row do not depend on the other rows of the call. */
static void test_rows_alone(void **state)
{
    (void)state;
    enum { D = 27, ROWS = 64 };
    double *x = noise(1, ROWS * D), *t = noise(2, D * D), *alone = noise(1, ROWS * D);
    make_triangular(D, 1, t);
    gki_multiply_upper_d(ROWS, D, t, x);
    for (size_t i = 0; i < ROWS; i++)
        gki_multiply_upper_d(1, D, t, alone + i * D);
    assert_memory_equal(x, alone, ROWS * D * sizeof *x);
    free(x), free(t), free(alone);
}

/* gki_cholesky_whitener and gki_cholesky_forward_rows solve as gki_cholesky_forward does. */
static void test_whitener(void **state)
{
    (void)state;
    enum { D = 19, ROWS = 5 };
    double *l = noise(1, D * D), *u = test_alloc(D * D * sizeof *u), *x = noise(2, ROWS * D),
           *y = noise(2, ROWS * D), *columns = test_alloc(ROWS * D * sizeof *columns);
    make_triangular(D, 0, l);
    for (size_t i = 0; i < D; i++)
        l[i * D + i] = 3 + fabs(l[i * D + i]);
    gki_cholesky_whitener(D, l, u);
    gki_multiply_upper_d(ROWS, D, u, y);
    gki_transpose(ROWS, D, x, columns);
    gki_cholesky_forward_rows(D, ROWS, l, columns);
    for (size_t i = 0; i < ROWS; i++) {
        gki_cholesky_forward(D, l, x + i * D);
        for (size_t j = 0; j < D; j++) {
            assert_close(y[i * D + j], x[i * D + j], 1e-13);
            assert_close(columns[j * ROWS + i], x[i * D + j], 1e-13);
        }
    }
    free(l), free(u), free(x), free(y), free(columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),   cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_triangles),  cmocka_unit_test(test_gram),
        cmocka_unit_test(test_rows_alone), cmocka_unit_test(test_whitener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
