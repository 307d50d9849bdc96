/* A convolution with pooling at every instruction set, compared with plain sums in double. Sides
 * are even and odd, and the image is padded or not. The float and the double test include this
 * file. */
#include "fenced.h"

#include "nn/conv.h"
#include "nn/nn_kernels.h"

#ifdef GKV_REAL_IS_DOUBLE
static const double rounding = 2e-16;
#else
static const double rounding = 1.2e-7;
#endif

static const gki_conv convolutions[] = {
    {.height = 28, .width = 28, .in = 1, .kernel = 5, .padding = 2, .out = 16},
    {.height = 14, .width = 14, .in = 16, .kernel = 5, .padding = 0, .out = 32},
    {.height = 13, .width = 18, .in = 3, .kernel = 5, .padding = 2, .out = 5},
    {.height = 18, .width = 13, .in = 2, .kernel = 5, .padding = 0, .out = 33},
    {.height = 6, .width = 6, .in = 7, .kernel = 5, .padding = 0, .out = 1},
    {.height = 2, .width = 3, .in = 1, .kernel = 3, .padding = 1, .out = 17},
    {.height = 2, .width = 2, .in = 9, .kernel = 1, .padding = 0, .out = 8},
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Computes the output of one channel at a row and a column, and the sum of the magnitudes of its
 * terms. */
static double naive(const gki_conv *c, const gki_real *x, const gki_real *weight, double bias,
                    size_t row, size_t column, double *size)
{
    double sum = bias;
    *size = fabs(bias);
    for (size_t i = 0; i < c->kernel; i++)
        for (size_t j = 0; j < c->kernel; j++)
            for (size_t k = 0; k < c->in; k++) {
                const size_t at_row = row + i, at_column = column + j; /* in the padded image */
                if (at_row < c->padding || at_row >= c->height + c->padding ||
                    at_column < c->padding || at_column >= c->width + c->padding)
                    continue;
                const size_t pixel = (at_row - c->padding) * c->width + at_column - c->padding;
                const double term =
                    (double)x[pixel * c->in + k] * (double)weight[(i * c->kernel + j) * c->in + k];
                sum += term;
                *size += fabs(term);
            }
    return sum;
}

static void check(const gki_conv *c, gki_simd level)
{
    const gki_gemm_kernels *const kernels = gki_gemm_kernels_of(level);
    const size_t depth = gki_conv_depth(c), outputs = gki_conv_outputs(c);
    const size_t height = (c->height + 2 * c->padding - c->kernel + 1) / 2;
    const size_t width = (c->width + 2 * c->padding - c->kernel + 1) / 2;
    assert_int_equal(depth, c->kernel * c->kernel * c->in);
    assert_int_equal(gki_conv_pooled(c, c->height), height);
    assert_int_equal(outputs, height * width * c->out);
    fenced x = fence_noise(0, c->height * c->width * c->in),
           weight = fence_noise(1, c->out * depth);
    fenced bias = fence_noise(2, c->out), scratch = fence_noise(3, gki_conv_scratch(c)),
           y = fence(4 * outputs);
    gki_conv_forward(c, kernels, x.at, weight.at, NULL, bias.at, scratch.at, y.at);
    for (size_t array = 0; array < 4; array++)
        for (size_t i = 0; i < height; i++)
            for (size_t j = 0; j < width; j++)
                for (size_t o = 0; o < c->out; o++) {
                    double size = 0;
                    const double wanted = naive(c, x.at, weight.at + o * depth, (double)bias.at[o],
                                                2 * i + array / 2, 2 * j + array % 2, &size);
                    const gki_real got = y.at[array * outputs + (i * width + j) * c->out + o];
                    assert_close(got, wanted, 8 * rounding * size);
                }
    if (kernels) { /* a packed weight gives the same bits */
        fenced packed = fence(gki_packed_size(c->out, depth)), again = fence(4 * outputs);
        for (size_t piece = 0; piece < gki_pack_pieces(c->out, depth); piece++)
            gki_pack_piece(kernels, c->out, depth, weight.at, piece, packed.at);
        gki_conv_forward(c, kernels, x.at, weight.at, packed.at, bias.at, scratch.at, again.at);
        assert_memory_equal(again.at, y.at, 4 * outputs * sizeof *y.at);
        unfence(&packed), unfence(&again);
    }
    unfence(&x), unfence(&weight), unfence(&bias), unfence(&scratch), unfence(&y);
}

static void test_convolution(void **state)
{
    (void)state;
    for (int level = 0; level <= (int)gki_simd_best(); level++)
        for (size_t i = 0; i < COUNT(convolutions); i++)
            check(&convolutions[i], (gki_simd)level);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_convolution)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
