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
typedef struct map_arrays {
    fenced x, gain, shift, stats, slope, out, d, d_x, add, d_gain, d_shift;
} map_arrays;

static map_arrays make(size_t n)
{
    return (map_arrays){.x = fence_noise(0, PIXELS * n),
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

static void release(map_arrays *arrays)
{
    fenced *const all[] = {&arrays->x,     &arrays->gain,   &arrays->shift,  &arrays->stats,
                           &arrays->slope, &arrays->out,    &arrays->d,      &arrays->d_x,
                           &arrays->add,   &arrays->d_gain, &arrays->d_shift};
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

static void check_forward(size_t n, const map_arrays *arrays)
{
    for (size_t p = 0; p < PIXELS; p++) {
        double mean, scale;
        plain_stats(n, arrays->x.values + p * n, &mean, &scale);
        for (size_t i = 0; i < n; i++) {
            const double hat = ((double)arrays->x.values[p * n + i] - mean) * scale;
            const double y = (double)arrays->gain.values[i] * hat + (double)arrays->shift.values[i];
            const double s = sigmoid_of(y), size = 1 + fabs(y) + 100 * (n == 1);
            assert_close(arrays->out.values[p * n + i], y * s, 4 * rounding * size);
            assert_close(arrays->slope.values[p * n + i], s * (1 + y * (1 - s)),
                         4 * rounding * size);
        }
    }
}

/* The formulas of the gradient with all sums written out. */
static void check_backward(size_t n, const map_arrays *arrays, const gki_real *d, bool adds)
{
    for (size_t p = 0; p < PIXELS; p++) {
        double mean, scale, sum = 0, sum_hat = 0;
        plain_stats(n, arrays->x.values + p * n, &mean, &scale);
        for (size_t i = 0; i < n; i++) {
            const double d_y = (double)d[p * n + i] * (double)arrays->slope.values[p * n + i];
            assert_close(arrays->d.values[p * n + i], d_y, rounding * (1 + fabs(d_y)));
            sum += d_y * (double)arrays->gain.values[i] / (double)n;
            sum_hat += d_y * (double)arrays->gain.values[i] *
                       ((double)arrays->x.values[p * n + i] - mean) * scale / (double)n;
        }
        for (size_t i = 0; i < n; i++) {
            const double hat = ((double)arrays->x.values[p * n + i] - mean) * scale;
            const double d_hat =
                (double)arrays->d.values[p * n + i] * (double)arrays->gain.values[i];
            const double wanted = scale * (d_hat - sum - hat * sum_hat) +
                                  (adds ? (double)arrays->add.values[p * n + i] : 0);
            assert_close(arrays->d_x.values[p * n + i], wanted,
                         8 * rounding * (1 + fabs(wanted) + scale * (fabs(sum) + fabs(d_hat))));
        }
    }
}

static void check_sums(size_t n, const map_arrays *arrays)
{
    for (size_t i = 0; i < n; i++) {
        double of_gain = 2, of_shift = 2;
        for (size_t p = 0; p < PIXELS; p++) {
            double mean, scale;
            plain_stats(n, arrays->x.values + p * n, &mean, &scale);
            of_shift += (double)arrays->d.values[p * n + i];
            of_gain += (double)arrays->d.values[p * n + i] *
                       ((double)arrays->x.values[p * n + i] - mean) * scale;
        }
        assert_close(arrays->d_gain.values[i], of_gain, 100 * rounding);
        assert_close(arrays->d_shift.values[i], of_shift, 100 * rounding);
    }
}

static void check_norm(const gki_map_kernels *kernels, size_t n)
{
    map_arrays arrays = make(n);
    gki_real d[PIXELS * WIDEST];
    memcpy(d, arrays.d.values, PIXELS * n * sizeof *d);
    kernels->norm_silu(PIXELS, n, arrays.x.values, arrays.gain.values, arrays.shift.values,
                       arrays.stats.values, arrays.slope.values, arrays.out.values);
    check_forward(n, &arrays);
    for (int adds = 0; adds < 2; adds++) {
        memcpy(arrays.d.values, d, PIXELS * n * sizeof *d);
        kernels->norm_silu_backward(PIXELS, n, arrays.x.values, arrays.gain.values,
                                    arrays.stats.values, arrays.slope.values,
                                    adds ? arrays.add.values : NULL, arrays.d.values,
                                    arrays.d_x.values);
        check_backward(n, &arrays, d, adds);
    }
    for (size_t i = 0; i < n; i++)
        arrays.d_gain.values[i] = arrays.d_shift.values[i] = 2;
    kernels->norm_silu_gradient(PIXELS, n, arrays.x.values, arrays.stats.values, arrays.d.values,
                                arrays.d_gain.values, arrays.d_shift.values);
    check_sums(n, &arrays);
    release(&arrays);
}

static void check_others(const gki_map_kernels *kernels, size_t n)
{
    map_arrays arrays = make(n);
    gki_real x[PIXELS * WIDEST];
    memcpy(x, arrays.x.values, PIXELS * n * sizeof *x);
    kernels->silu(PIXELS * n, arrays.x.values, arrays.out.values);
    kernels->product(PIXELS * n, arrays.d.values, arrays.add.values, arrays.d_x.values);
    for (size_t i = 0; i < n; i++)
        arrays.d_gain.values[i] = 3;
    kernels->add_pixels(PIXELS, n, arrays.d.values, arrays.d_gain.values);
    for (size_t i = 0; i < PIXELS * n; i++) {
        const double s = sigmoid_of((double)x[i]);
        assert_close(arrays.out.values[i], (double)x[i] * s, rounding * (1 + fabs((double)x[i])));
        assert_close(arrays.x.values[i], s * (1 + (double)x[i] * (1 - s)), rounding);
        assert_true(arrays.d_x.values[i] == arrays.d.values[i] * arrays.add.values[i]);
    }
    for (size_t i = 0; i < n; i++) {
        double sum = 3;
        for (size_t p = 0; p < PIXELS; p++)
            sum += (double)arrays.d.values[p * n + i];
        assert_close(arrays.d_gain.values[i], sum, 20 * rounding);
    }
    release(&arrays);
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
        row0.values[i] = row1.values[i] = 2;
    kernels->pool_relu(WINDOWS, n, row0.values, row1.values, out.values);
    kernels->pool_relu_tangent(WINDOWS, n, row0.values, row1.values, out.values, d_row0.values,
                               d_row1.values, t_out.values);
    size_t zeros = 0;
    for (size_t p = 0; p < WINDOWS; p++)
        for (size_t i = 0; i < n; i++) {
            const size_t offset = 2 * p * n + i;
            const gki_real *const x[] = {row0.values + offset, row0.values + offset + n,
                                         row1.values + offset, row1.values + offset + n};
            const gki_real *const t[] = {d_row0.values + offset, d_row0.values + offset + n,
                                         d_row1.values + offset, d_row1.values + offset + n};
            size_t best = 0;
            for (size_t k = 1; k < 4; k++)
                best = *x[k] > *x[best] ? k : best;
            const bool on = *x[best] > 0;
            zeros += !on;
            assert_true(out.values[p * n + i] == (on ? *x[best] : 0));
            assert_true(t_out.values[p * n + i] == (on ? *t[best] : 0));
        }
    assert_true(zeros > 0 || n < 4);
    kernels->pool_relu_backward(WINDOWS, n, row0.values, row1.values, out.values, d_out.values,
                                d_row0.values, d_row1.values);
    for (size_t p = 0; p < WINDOWS; p++)
        for (size_t i = 0; i < n; i++) {
            const size_t offset = 2 * p * n + i;
            const gki_real x[] = {row0.values[offset], row0.values[offset + n], row1.values[offset],
                                  row1.values[offset + n]},
                           d[] = {d_row0.values[offset], d_row0.values[offset + n],
                                  d_row1.values[offset], d_row1.values[offset + n]};
            size_t best = 0;
            for (size_t k = 1; k < 4; k++)
                best = x[k] > x[best] ? k : best;
            for (size_t k = 0; k < 4; k++)
                assert_true(d[k] == (k == best && x[k] > 0 ? d_out.values[p * n + i] : 0));
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
    kernels->depthwise(PIXELS, n, kernel, in.values, pitch, weight.values, false, start.values,
                       out.values);
    kernels->depthwise(PIXELS, n, kernel, in.values, pitch, weight.values, true, NULL, back.values);
    for (size_t i = 0; i < taps * n; i++)
        d_weight.values[i] = 3;
    kernels->depthwise_gradient(PIXELS, n, kernel, in.values, pitch, out.values, d_weight.values);
    for (size_t c = 0; c < n; c++)
        for (size_t x = 0; x < PIXELS; x++) {
            double sum = (double)start.values[c], reversed = 0;
            for (size_t tap = 0; tap < taps; tap++) {
                const double value =
                    (double)in.values[tap / kernel * pitch + (x + tap % kernel) * n + c];
                sum += value * (double)weight.values[tap * n + c];
                reversed += value * (double)weight.values[(taps - 1 - tap) * n + c];
            }
            assert_close(out.values[x * n + c], sum, 30 * rounding);
            assert_close(back.values[x * n + c], reversed, 30 * rounding);
        }
    for (size_t tap = 0; tap < taps; tap++)
        for (size_t c = 0; c < n; c++) {
            double sum = 3;
            for (size_t x = 0; x < PIXELS; x++)
                sum += (double)in.values[tap / kernel * pitch + (x + tap % kernel) * n + c] *
                       (double)out.values[x * n + c];
            assert_close(d_weight.values[tap * n + c], sum, 300 * rounding);
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
