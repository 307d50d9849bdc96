/* The kernels of maps at every instruction set, compared with plain formulas in double, for numbers
 * of channels around the widths of the vectors. Gradients are compared with differences by
 * tests/net. The float and the double test include this file. */
#include "fenced.h"

#include "nn/map_kernels.h"

#ifdef GKV_REAL_IS_DOUBLE
static const double rounding = 1e-14;
#else
static const double rounding = 4e-6;
#endif

enum { PIXELS = 19, WIDEST = 50 };
static const size_t widths[] = {1, 2, 3, 7, 8, 9, 16, 17, 31, 48, WIDEST};
enum { WIDTHS = sizeof widths / sizeof *widths };

static double sigmoid_of(double y)
{
    return 1 / (1 + exp(-y));
}

/* The arrays of a map, all ending at fences. */
typedef struct arrays {
    fenced x, gain, shift, stats, slope, out, d, d_x, add, d_gain, d_shift;
} arrays;

static arrays make(size_t n)
{
    return (arrays){.x = fence_noise(0, PIXELS * n),
                    .gain = fence_noise(1, n),
                    .shift = fence_noise(2, n),
                    .stats = fence(2 * PIXELS),
                    .slope = fence(PIXELS * n),
                    .out = fence(PIXELS * n),
                    .d = fence_noise(3, PIXELS * n),
                    .d_x = fence(PIXELS * n),
                    .add = fence_noise(4, PIXELS * n),
                    .d_gain = fence(n),
                    .d_shift = fence(n)};
}

static void release(arrays *it)
{
    fenced *const all[] = {&it->x, &it->gain, &it->shift, &it->stats,  &it->slope,  &it->out,
                           &it->d, &it->d_x,  &it->add,   &it->d_gain, &it->d_shift};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        unfence(all[i]);
}

/* Mean and 1/sd of a pixel. */
static void plain_stats(size_t n, const gki_real *x, double *mean, double *scale)
{
    double variance = 0;
    *mean = 0;
    for (size_t i = 0; i < n; i++)
        *mean += (double)x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += ((double)x[i] - *mean) * ((double)x[i] - *mean) / (double)n;
    *scale = 1 / sqrt(variance + 1e-5);
}

static void check_forward(size_t n, const arrays *it)
{
    for (size_t p = 0; p < PIXELS; p++) {
        double mean, scale;
        plain_stats(n, it->x.at + p * n, &mean, &scale);
        for (size_t i = 0; i < n; i++) {
            const double hat = ((double)it->x.at[p * n + i] - mean) * scale;
            const double y = (double)it->gain.at[i] * hat + (double)it->shift.at[i];
            const double s = sigmoid_of(y), size = 1 + fabs(y) + 100 * (n == 1);
            assert_close(it->out.at[p * n + i], y * s, 4 * rounding * size);
            assert_close(it->slope.at[p * n + i], s * (1 + y * (1 - s)), 4 * rounding * size);
        }
    }
}

/* The formulas of the gradient with all sums written out. */
static void check_backward(size_t n, const arrays *it, const gki_real *d, bool adds)
{
    for (size_t p = 0; p < PIXELS; p++) {
        double mean, scale, sum = 0, sum_hat = 0;
        plain_stats(n, it->x.at + p * n, &mean, &scale);
        for (size_t i = 0; i < n; i++) {
            const double d_y = (double)d[p * n + i] * (double)it->slope.at[p * n + i];
            assert_close(it->d.at[p * n + i], d_y, rounding * (1 + fabs(d_y)));
            sum += d_y * (double)it->gain.at[i] / (double)n;
            sum_hat += d_y * (double)it->gain.at[i] * ((double)it->x.at[p * n + i] - mean) * scale /
                       (double)n;
        }
        for (size_t i = 0; i < n; i++) {
            const double hat = ((double)it->x.at[p * n + i] - mean) * scale;
            const double d_hat = (double)it->d.at[p * n + i] * (double)it->gain.at[i];
            const double wanted =
                scale * (d_hat - sum - hat * sum_hat) + (adds ? (double)it->add.at[p * n + i] : 0);
            assert_close(it->d_x.at[p * n + i], wanted,
                         8 * rounding * (1 + fabs(wanted) + scale * (fabs(sum) + fabs(d_hat))));
        }
    }
}

static void check_sums(size_t n, const arrays *it)
{
    for (size_t i = 0; i < n; i++) {
        double of_gain = 2, of_shift = 2;
        for (size_t p = 0; p < PIXELS; p++) {
            double mean, scale;
            plain_stats(n, it->x.at + p * n, &mean, &scale);
            of_shift += (double)it->d.at[p * n + i];
            of_gain += (double)it->d.at[p * n + i] * ((double)it->x.at[p * n + i] - mean) * scale;
        }
        assert_close(it->d_gain.at[i], of_gain, 100 * rounding);
        assert_close(it->d_shift.at[i], of_shift, 100 * rounding);
    }
}

static void check_norm(const gki_map_kernels *kernels, size_t n)
{
    arrays it = make(n);
    gki_real d[PIXELS * WIDEST];
    memcpy(d, it.d.at, PIXELS * n * sizeof *d);
    kernels->norm_silu(PIXELS, n, it.x.at, it.gain.at, it.shift.at, it.stats.at, it.slope.at,
                       it.out.at);
    check_forward(n, &it);
    for (int adds = 0; adds < 2; adds++) {
        memcpy(it.d.at, d, PIXELS * n * sizeof *d);
        kernels->norm_silu_backward(PIXELS, n, it.x.at, it.gain.at, it.stats.at, it.slope.at,
                                    adds ? it.add.at : NULL, it.d.at, it.d_x.at);
        check_backward(n, &it, d, adds);
    }
    for (size_t i = 0; i < n; i++)
        it.d_gain.at[i] = it.d_shift.at[i] = 2;
    kernels->norm_silu_gradient(PIXELS, n, it.x.at, it.stats.at, it.d.at, it.d_gain.at,
                                it.d_shift.at);
    check_sums(n, &it);
    release(&it);
}

static void check_others(const gki_map_kernels *kernels, size_t n)
{
    arrays it = make(n);
    gki_real x[PIXELS * WIDEST];
    memcpy(x, it.x.at, PIXELS * n * sizeof *x);
    kernels->silu(PIXELS * n, it.x.at, it.out.at);
    kernels->product(PIXELS * n, it.d.at, it.add.at, it.d_x.at);
    for (size_t i = 0; i < n; i++)
        it.d_gain.at[i] = 3;
    kernels->add_pixels(PIXELS, n, it.d.at, it.d_gain.at);
    for (size_t i = 0; i < PIXELS * n; i++) {
        const double s = sigmoid_of((double)x[i]);
        assert_close(it.out.at[i], (double)x[i] * s, rounding * (1 + fabs((double)x[i])));
        assert_close(it.x.at[i], s * (1 + (double)x[i] * (1 - s)), rounding);
        assert_true(it.d_x.at[i] == it.d.at[i] * it.add.at[i]);
    }
    for (size_t i = 0; i < n; i++) {
        double sum = 3;
        for (size_t p = 0; p < PIXELS; p++)
            sum += (double)it.d.at[p * n + i];
        assert_close(it.d_gain.at[i], sum, 20 * rounding);
    }
    release(&it);
}

/* Pooling of two rows of PIXELS pixels; a last pixel belongs to no window. Some values are
 * equal. */
static void check_pooling(const gki_map_kernels *kernels, size_t n)
{
    enum { WINDOWS = PIXELS / 2 };
    fenced row0 = fence_noise(0, PIXELS * n), row1 = fence_noise(1, PIXELS * n),
           d_out = fence_noise(2, WINDOWS * n), out = fence(WINDOWS * n),
           t_out = fence(WINDOWS * n), d_row0 = fence_noise(3, PIXELS * n),
           d_row1 = fence_noise(4, PIXELS * n);
    for (size_t i = 0; i < n; i++)
        row0.at[i] = row1.at[i] = 2;
    kernels->pool_relu(WINDOWS, n, row0.at, row1.at, out.at);
    kernels->pool_relu_tangent(WINDOWS, n, row0.at, row1.at, out.at, d_row0.at, d_row1.at,
                               t_out.at);
    size_t zeros = 0;
    for (size_t p = 0; p < WINDOWS; p++)
        for (size_t i = 0; i < n; i++) {
            const size_t at = 2 * p * n + i;
            const gki_real *const x[] = {row0.at + at, row0.at + at + n, row1.at + at,
                                         row1.at + at + n};
            const gki_real *const t[] = {d_row0.at + at, d_row0.at + at + n, d_row1.at + at,
                                         d_row1.at + at + n};
            size_t best = 0;
            for (size_t k = 1; k < 4; k++)
                best = *x[k] > *x[best] ? k : best;
            const bool on = *x[best] > 0;
            zeros += !on;
            assert_true(out.at[p * n + i] == (on ? *x[best] : 0));
            assert_true(t_out.at[p * n + i] == (on ? *t[best] : 0));
        }
    assert_true(zeros > 0 || n < 4);
    kernels->pool_relu_backward(WINDOWS, n, row0.at, row1.at, out.at, d_out.at, d_row0.at,
                                d_row1.at);
    for (size_t p = 0; p < WINDOWS; p++)
        for (size_t i = 0; i < n; i++) {
            const size_t at = 2 * p * n + i;
            const gki_real x[] = {row0.at[at], row0.at[at + n], row1.at[at], row1.at[at + n]},
                           d[] = {d_row0.at[at], d_row0.at[at + n], d_row1.at[at],
                                  d_row1.at[at + n]};
            size_t best = 0;
            for (size_t k = 1; k < 4; k++)
                best = x[k] > x[best] ? k : best;
            for (size_t k = 0; k < 4; k++)
                assert_true(d[k] == (k == best && x[k] > 0 ? d_out.at[p * n + i] : 0));
        }
    unfence(&row0), unfence(&row1), unfence(&d_out), unfence(&out), unfence(&t_out);
    unfence(&d_row0), unfence(&d_row1);
}

static void check_depthwise(const gki_map_kernels *kernels, size_t n, size_t kernel)
{
    const size_t pitch = (PIXELS + kernel) * n, taps = kernel * kernel;
    fenced in = fence_noise(0, (kernel - 1) * pitch + (PIXELS + kernel - 1) * n),
           weight = fence_noise(1, taps * n), start = fence_noise(2, n), out = fence(PIXELS * n),
           back = fence(PIXELS * n), d_weight = fence(taps * n);
    kernels->depthwise(PIXELS, n, kernel, in.at, pitch, weight.at, false, start.at, out.at);
    kernels->depthwise(PIXELS, n, kernel, in.at, pitch, weight.at, true, NULL, back.at);
    for (size_t i = 0; i < taps * n; i++)
        d_weight.at[i] = 3;
    kernels->depthwise_gradient(PIXELS, n, kernel, in.at, pitch, out.at, d_weight.at);
    for (size_t c = 0; c < n; c++)
        for (size_t x = 0; x < PIXELS; x++) {
            double sum = (double)start.at[c], reversed = 0;
            for (size_t tap = 0; tap < taps; tap++) {
                const double value =
                    (double)in.at[tap / kernel * pitch + (x + tap % kernel) * n + c];
                sum += value * (double)weight.at[tap * n + c];
                reversed += value * (double)weight.at[(taps - 1 - tap) * n + c];
            }
            assert_close(out.at[x * n + c], sum, 30 * rounding);
            assert_close(back.at[x * n + c], reversed, 30 * rounding);
        }
    for (size_t tap = 0; tap < taps; tap++)
        for (size_t c = 0; c < n; c++) {
            double sum = 3;
            for (size_t x = 0; x < PIXELS; x++)
                sum += (double)in.at[tap / kernel * pitch + (x + tap % kernel) * n + c] *
                       (double)out.at[x * n + c];
            assert_close(d_weight.at[tap * n + c], sum, 300 * rounding);
        }
    unfence(&in), unfence(&weight), unfence(&start), unfence(&out), unfence(&back);
    unfence(&d_weight);
}

static void test_map_kernels(void **state)
{
    (void)state;
    for (int level = 0; level <= (int)gki_simd_best(); level++)
        for (size_t i = 0; i < WIDTHS; i++) {
            check_norm(gki_map_kernels_of((gki_simd)level), widths[i]);
            check_others(gki_map_kernels_of((gki_simd)level), widths[i]);
            check_pooling(gki_map_kernels_of((gki_simd)level), widths[i]);
            check_depthwise(gki_map_kernels_of((gki_simd)level), widths[i], 3);
            check_depthwise(gki_map_kernels_of((gki_simd)level), widths[i], 5);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_map_kernels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
