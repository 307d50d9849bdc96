/* The matrix kernels at every instruction set, compared with plain sums in double, for sizes around
 * those of the tiles. Operands end at a page without access, so a kernel that reads or writes
 * beyond an operand fails. The float and the double test include this file. */
#include "fenced.h"

#include "nn/gemm.h"

#ifdef GKV_REAL_IS_DOUBLE
static const double rounding = 2e-16;
#else
static const double rounding = 1.2e-7;
#endif

static const size_t row_counts[] = {1, 2, 5, 6, 13, 14, 15, 29, 50};
static const size_t widths[] = {1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 63, 80};
static const size_t depths[] = {1, 2, 15, 16, 17, 45, 257, 600};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* About one element in four is not zero. Every eighth column is full, and every eighth is empty. */
static fenced fence_sparse(uint64_t index, size_t rows, size_t in)
{
    const fenced array = fence_noise(index, rows * in);
    for (size_t i = 0; i < rows * in; i++) {
        const size_t column = i % in;
        if (column % 8 == 3 || (column % 8 != 5 && (double)array.values[i] < 0.7))
            array.values[i] = 0;
    }
    return array;
}

/* A mean above or below the limit at which the dense product is used. */
static fenced fence_mean(const size_t n, bool dense)
{
    const fenced array = fence_noise(1, n);
    for (size_t i = 0; i < n; i++)
        array.values[i] = dense ? (gki_real)0.3 + array.values[i] * array.values[i]
                                : -array.values[i] * array.values[i];
    return array;
}

static void assert_same(const gki_real *a, const gki_real *b, size_t n)
{
    assert_memory_equal(a, b, n * sizeof *a);
}

/* --- Checks --------------------------------------------------------------- */

typedef struct shape {
    const gki_gemm_kernels *kernels; /* NULL: OpenBLAS */
    size_t rows, out, in;
} shape;

static fenced fence_packed(const shape *s, const gki_real *w)
{
    const size_t size = gki_packed_size(s->out, s->in);
    fenced packed = fence(size), streamed = fence(size);
    for (size_t piece = gki_pack_pieces(s->out, s->in); piece-- > 0;) {
        gki_pack_piece(s->kernels, s->out, s->in, w, piece, false, packed.values);
        gki_pack_piece(s->kernels, s->out, s->in, w, piece, true, streamed.values);
    }
    assert_same(packed.values, streamed.values, size);
    unfence(&streamed);
    return packed;
}

/* Checks that `got` is start + Σ a[i·a_step]·b[i·b_step], within the rounding error. */
static void assert_sum(gki_real got, double start, size_t n, const gki_real *a, size_t a_step,
                       const gki_real *b, size_t b_step)
{
    double sum = start, size = fabs(sum);
    for (size_t i = 0; i < n; i++) {
        const double term = (double)a[i * a_step] * (double)b[i * b_step];
        sum += term;
        size += fabs(term);
    }
    assert_close(got, sum, 8 * rounding * size);
}

static void check_forward(const shape *s)
{
    fenced x = fence_noise(0, s->rows * s->in), w = fence_noise(1, s->out * s->in);
    fenced bias = fence_noise(2, s->out), y = fence_noise(4, s->rows * s->out);
    gki_gemm_forward(s->kernels, s->rows, s->out, s->in, x.values, w.values, NULL, bias.values,
                     y.values);
    for (size_t r = 0; r < s->rows; r++)
        for (size_t o = 0; o < s->out; o++)
            assert_sum(y.values[r * s->out + o], (double)bias.values[o], s->in,
                       x.values + r * s->in, 1, w.values + o * s->in, 1);
    if (s->kernels) {
        /* A packed weight gives the same bits, and so does each row alone. */
        fenced packed = fence_packed(s, w.values);
        fenced again = fence_noise(5, s->rows * s->out);
        gki_gemm_forward(s->kernels, s->rows, s->out, s->in, x.values, w.values, packed.values,
                         bias.values, again.values);
        assert_same(again.values, y.values, s->rows * s->out);
        memset(again.values, 0, s->rows * s->out * sizeof *again.values);
        for (size_t r = 0; r < s->rows; r++)
            gki_gemm_forward(s->kernels, 1, s->out, s->in, x.values + r * s->in, w.values,
                             r % 2 ? packed.values : NULL, bias.values, again.values + r * s->out);
        assert_same(again.values, y.values, s->rows * s->out);
        unfence(&packed);
        unfence(&again);
    }
    unfence(&x), unfence(&w), unfence(&bias), unfence(&y);
}

static void check_backward(const shape *s)
{
    fenced d_y = fence_noise(0, s->rows * s->out), w = fence_noise(1, s->out * s->in);
    fenced d_x = fence_noise(2, s->rows * s->in), again = fence(s->rows * s->in);
    gki_gemm_backward(s->kernels, s->rows, s->out, s->in, d_y.values, w.values, d_x.values);
    for (size_t r = 0; r < s->rows; r++)
        for (size_t i = 0; i < s->in; i++)
            assert_sum(d_x.values[r * s->in + i], 0, s->out, d_y.values + r * s->out, 1,
                       w.values + i, s->in);
    for (size_t r = 0; s->kernels && r < s->rows; r++)
        gki_gemm_backward(s->kernels, 1, s->out, s->in, d_y.values + r * s->out, w.values,
                          again.values + r * s->in);
    if (s->kernels)
        assert_same(again.values, d_x.values, s->rows * s->in);
    unfence(&d_y), unfence(&w), unfence(&d_x), unfence(&again);
}

static void check_gradient(const shape *s)
{
    fenced d_y = fence_noise(0, s->rows * s->out), x = fence_noise(1, s->rows * s->in);
    fenced d_w = fence_noise(2, s->out * s->in), again = fence(s->out * s->in);
    gki_gemm_gradient(s->kernels, s->rows, s->out, s->in, 0, s->out, d_y.values, x.values, false,
                      d_w.values);
    for (size_t o = 0; o < s->out; o++)
        for (size_t i = 0; i < s->in; i++)
            assert_sum(d_w.values[o * s->in + i], 0, s->rows, d_y.values + o, s->out, x.values + i,
                       s->in);
    for (size_t o = 0, count; s->kernels && o < s->out; o += count) {
        /* in parts of 1, 2, 3, … rows */
        count = 1 + o % 4 < s->out - o ? 1 + o % 4 : s->out - o;
        gki_gemm_gradient(s->kernels, s->rows, s->out, s->in, o, count, d_y.values, x.values, false,
                          again.values);
    }
    if (s->kernels)
        assert_same(again.values, d_w.values, s->out * s->in);
    for (size_t r = 0, rows; s->kernels && r < s->rows; r += rows) {
        /* in 1, 2, 3, … rows of the batch, one after the other */
        rows = 1 + r % 4 < s->rows - r ? 1 + r % 4 : s->rows - r;
        gki_gemm_gradient(s->kernels, rows, s->out, s->in, 0, s->out, d_y.values + r * s->out,
                          x.values + r * s->in, r > 0, again.values);
    }
    if (s->kernels)
        assert_same(again.values, d_w.values, s->out * s->in);
    unfence(&d_y), unfence(&x), unfence(&d_w), unfence(&again);
}

/* Products that are added to the output: X Wᵀ without a bias, and a product with a transposed A. */
static void check_added(const shape *s)
{
    fenced x = fence_noise(0, s->rows * s->in), w = fence_noise(1, s->out * s->in),
           d_y = fence_noise(2, s->rows * s->out);
    fenced y = fence_noise(3, s->rows * s->out), d_w = fence_noise(4, s->out * s->in);
    const fenced y_before = fence_noise(3, s->rows * s->out),
                 d_w_before = fence_noise(4, s->out * s->in);
    gki_gemm_forward(s->kernels, s->rows, s->out, s->in, x.values, w.values, NULL, NULL, y.values);
    gki_gemm_product(s->kernels, &(gki_product){.m = s->out,
                                                .n = s->in,
                                                .k = s->rows,
                                                .a = d_y.values,
                                                .a_row = 1,
                                                .a_step = s->out,
                                                .b = x.values,
                                                .b_row = s->in,
                                                .c = d_w.values,
                                                .c_row = s->in,
                                                .start = d_w.values,
                                                .start_row = s->in});
    for (size_t r = 0; r < s->rows; r++)
        for (size_t o = 0; o < s->out; o++)
            assert_sum(y.values[r * s->out + o], (double)y_before.values[r * s->out + o], s->in,
                       x.values + r * s->in, 1, w.values + o * s->in, 1);
    for (size_t o = 0; o < s->out; o++)
        for (size_t i = 0; i < s->in; i++)
            assert_sum(d_w.values[o * s->in + i], (double)d_w_before.values[o * s->in + i], s->rows,
                       d_y.values + o, s->out, x.values + i, s->in);
    fenced all[] = {x, w, d_y, y, d_w, y_before, d_w_before};
    for (size_t i = 0; i < COUNT(all); i++)
        unfence(&all[i]);
}

static void check_sparse_forward_of(const shape *s, bool dense)
{
    fenced x = fence_sparse(0, s->rows, s->in), mean = fence_mean(s->in, dense),
           w = fence_noise(2, s->out * s->in);
    fenced bias = fence_noise(3, s->out), y = fence_noise(4, s->rows * s->out);
    gki_sparse_product p = {.rows = s->rows,
                            .in = s->in,
                            .out = s->out,
                            .x = x.values,
                            .mean = mean.values,
                            .weight = w.values,
                            .bias = bias.values,
                            .y = y.values};
    gki_sparse_forward(s->kernels, &p);
    for (size_t r = 0; r < s->rows; r++) {
        for (size_t o = 0; o < s->out; o++) {
            double sum = (double)bias.values[o], size = fabs(sum);
            for (size_t i = 0; i < s->in; i++) {
                const double input = (double)x.values[r * s->in + i], off = (double)mean.values[i];
                sum += (input - off) * (double)w.values[o * s->in + i];
                size += (fabs(input) + fabs(off)) * fabs((double)w.values[o * s->in + i]);
            }
            assert_close(y.values[r * s->out + o], sum, 8 * rounding * size);
        }
    }
    if (s->kernels) {
        /* Each row alone gives the same bits, packed or not. */
        fenced packed = fence_packed(s, w.values), again = fence_noise(5, s->rows * s->out);
        gki_sparse_product part = p;
        part.packed = packed.values;
        part.y = again.values;
        gki_sparse_forward(s->kernels, &part);
        assert_same(again.values, y.values, s->rows * s->out);
        memset(again.values, 0, s->rows * s->out * sizeof *again.values);
        part.rows = 1;
        for (size_t r = 0; r < s->rows; r++) {
            part.packed = r % 2 ? packed.values : NULL;
            part.x = x.values + r * s->in;
            part.y = again.values + r * s->out;
            gki_sparse_forward(s->kernels, &part);
        }
        assert_same(again.values, y.values, s->rows * s->out);
        unfence(&packed);
        unfence(&again);
    }
    unfence(&x), unfence(&mean), unfence(&w), unfence(&bias), unfence(&y);
}

static void check_sparse_forward(const shape *s)
{
    check_sparse_forward_of(s, false);
    check_sparse_forward_of(s, true);
}

/* Computes the gradient in pieces of so many columns, and of so many rows of the batch. */
static void run_sparse_gradient(const shape *s, size_t columns, size_t rows, const fenced *x,
                                const fenced *mean, const fenced *d_y, gki_real *d_weight)
{
    if (rows < s->rows) {
        for (size_t r = 0; r < s->rows; r += rows) {
            const size_t count = s->rows - r < rows ? s->rows - r : rows;
            fenced lists = fence(s->in * count * sizeof(gki_nonzero) / sizeof(gki_real));
            for (size_t first = 0; first < s->in; first += columns)
                gki_sparse_weight_gradient(
                    s->kernels, &(gki_sparse_gradient){
                                    .rows = count,
                                    .in = s->in,
                                    .out = s->out,
                                    .first = first,
                                    .count = s->in - first < columns ? s->in - first : columns,
                                    .x = x->values + r * s->in,
                                    .mean = mean->values,
                                    .d_y = d_y->values + r * s->out,
                                    .before = r,
                                    .batch_rows = s->rows,
                                    .batch_d_y = d_y->values,
                                    .lists = (gki_nonzero *)(void *)lists.values,
                                    .d_weight = d_weight});
            unfence(&lists);
        }
        return;
    }
    const size_t deepest = s->rows < GKV_SPARSE_ROWS ? s->rows : GKV_SPARSE_ROWS;
    for (size_t first = 0; first < s->in; first += columns) {
        const size_t count = s->in - first < columns ? s->in - first : columns;
        fenced lists = fence(count * deepest * sizeof(gki_nonzero) / sizeof(gki_real));
        const gki_sparse_gradient p = {.rows = s->rows,
                                       .in = s->in,
                                       .out = s->out,
                                       .first = first,
                                       .count = count,
                                       .x = x->values,
                                       .mean = mean->values,
                                       .d_y = d_y->values,
                                       .lists = (gki_nonzero *)(void *)lists.values,
                                       .d_weight = d_weight};
        gki_sparse_weight_gradient(s->kernels, &p);
        unfence(&lists);
    }
}

static void check_sparse_gradient_of(const shape *s, bool dense)
{
    fenced x = fence_sparse(0, s->rows, s->in), mean = fence_mean(s->in, dense),
           d_y = fence_noise(2, s->rows * s->out);
    fenced d_w = fence_noise(3, s->out * s->in), again = fence(s->out * s->in);
    run_sparse_gradient(s, GKV_SPARSE_COLUMNS, s->rows, &x, &mean, &d_y, d_w.values);
    for (size_t o = 0; o < s->out; o++) {
        for (size_t i = 0; i < s->in; i++) {
            double sum = 0, size = 0;
            for (size_t r = 0; r < s->rows; r++) {
                const double input = (double)x.values[r * s->in + i], off = (double)mean.values[i];
                sum += (input - off) * (double)d_y.values[r * s->out + o];
                size += (fabs(input) + fabs(off)) * fabs((double)d_y.values[r * s->out + o]);
            }
            assert_close(d_w.values[o * s->in + i], sum, 16 * rounding * size);
        }
    }
    if (s->kernels) {
        run_sparse_gradient(s, 19, s->rows, &x, &mean, &d_y, again.values);
        assert_same(again.values, d_w.values, s->out * s->in);
        for (size_t rows = 1; rows < s->rows; rows += 1 + rows) {
            run_sparse_gradient(s, GKV_SPARSE_COLUMNS, rows, &x, &mean, &d_y, again.values);
            assert_same(again.values, d_w.values, s->out * s->in);
        }
    }
    unfence(&x), unfence(&mean), unfence(&d_y), unfence(&d_w), unfence(&again);
}

static void check_sparse_gradient(const shape *s)
{
    check_sparse_gradient_of(s, false);
    check_sparse_gradient_of(s, true);
}

/* --- Shapes --------------------------------------------------------------- */

/* Runs a check for every level of this CPU and for each value of each size; the other sizes are
 * random. */
static void each(void (*check)(const shape *s))
{
    uint32_t words[3];
    for (int level = 0; level <= (int)gki_simd_best(); level++) {
        const gki_gemm_kernels *kernels = gki_gemm_kernels_of((gki_simd)level);
        for (size_t i = 0; i < 120; i++) {
            gki_rng_words(gki_rng_at(9, GKV_STREAM_USER, 0, i), 3, words);
            const shape s = {kernels, row_counts[(i < 20 ? i : words[0]) % COUNT(row_counts)],
                             widths[(i < 40 ? i : words[1]) % COUNT(widths)],
                             depths[(i < 20 ? words[2] : i) % COUNT(depths)]};
            check(&s);
        }
    }
}

#define EACH_TEST(name)                   \
    static void test_##name(void **state) \
    {                                     \
        (void)state;                      \
        each(check_##name);               \
    }
EACH_TEST(forward)
EACH_TEST(backward)
EACH_TEST(gradient)
EACH_TEST(added)
EACH_TEST(sparse_forward)
EACH_TEST(sparse_gradient)

/* Sizes at which a weight is packed in several pieces, and a batch longer than a list. */
static void test_large(void **state)
{
    (void)state;
    for (int level = 0; level <= (int)gki_simd_best(); level++) {
        const gki_gemm_kernels *kernels = gki_gemm_kernels_of((gki_simd)level);
        const shape wide = {kernels, 50, 300, 400}, flat = {kernels, 3, 33, 5000};
        assert_true(gki_pack_pieces(300, 400) > 1 && gki_pack_pieces(33, 5000) > 1);
        const shape long_batches[] = {{kernels, GKV_SPARSE_ROWS, 20, 30},
                                      {kernels, GKV_SPARSE_ROWS + 1, 20, 30},
                                      {kernels, 2 * GKV_SPARSE_ROWS + 77, 39, 130}};
        check_forward(&wide);
        check_forward(&flat);
        check_sparse_forward(&wide);
        for (size_t i = 0; i < COUNT(long_batches); i++) {
            check_sparse_gradient(&long_batches[i]);
            check_sparse_forward(&long_batches[i]);
            check_gradient(&long_batches[i]);
        }
    }
}

/* A NaN in the input is not a zero. It makes its own row NaN, and no other row. */
static void test_not_a_number(void **state)
{
    (void)state;
    enum { ROWS = 3, IN = 20, OUT = 18, BAD = 13 };
    for (int level = 0; level <= (int)gki_simd_best(); level++) {
        const shape s = {gki_gemm_kernels_of((gki_simd)level), ROWS, OUT, IN};
        fenced x = fence_sparse(0, ROWS, IN), mean = fence_noise(1, IN),
               w = fence_noise(2, OUT * IN);
        fenced y = fence_noise(3, ROWS * OUT), d_w = fence(OUT * IN);
        x.values[IN + BAD] = (gki_real)NAN;
        run_sparse_gradient(&s, IN, s.rows, &x, &mean, &y, d_w.values);
        for (size_t i = 0; i < OUT * IN; i++)
            assert_true(isnan((double)d_w.values[i]) == (i % IN == BAD));
        const gki_sparse_product p = {.rows = ROWS,
                                      .in = IN,
                                      .out = OUT,
                                      .x = x.values,
                                      .mean = mean.values,
                                      .weight = w.values,
                                      .bias = w.values,
                                      .y = y.values};
        gki_sparse_forward(s.kernels, &p);
        for (size_t i = 0; i < ROWS * OUT; i++)
            assert_true(isnan((double)y.values[i]) == (i / OUT == 1));
        unfence(&x), unfence(&mean), unfence(&w), unfence(&y), unfence(&d_w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),        cmocka_unit_test(test_backward),
        cmocka_unit_test(test_gradient),       cmocka_unit_test(test_added),
        cmocka_unit_test(test_sparse_forward), cmocka_unit_test(test_sparse_gradient),
        cmocka_unit_test(test_large),          cmocka_unit_test(test_not_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
