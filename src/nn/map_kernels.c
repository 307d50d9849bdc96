/* The kernels of maps. The build compiles this file once for every instruction set. A sum over
 * channels is made of VR_LANES partial sums in a fixed order, and a sum over pixels is in the order
 * of the pixels. So a result does not depend on where its pixel is in memory. */
#include "nn/map_kernels.h"

#include "core/simd_real.h"
#ifdef GKV_SIMD_PORTABLE_FILE
#include "nn/conv_plain.h"
#else
#include "nn/conv_tile.h"
#endif

#define EACH(i, n) for (size_t i = 0; i < (n); i += VR_LANES)

static inline vr load(const gki_real *p, size_t left)
{
    return vr_load_part(p, left, 0);
}

/* Returns y·s and sets *slope to the derivative, s(1 + y(1 − s)), where s is the sigmoid of y. */
static inline vr silu_of(vr y, vr *slope)
{
    const vr s = vr_set(1) / (vr_set(1) + vr_exp(-y)), out = y * s;
    *slope = vr_fma(out, vr_set(1) - s, s);
    return out;
}

/* Writes the means and 1/sd of the pixels to stats[2, pixels]. */
static void pixel_stats(size_t pixels, size_t n, const gki_real *x, gki_real *stats)
{
    gki_real *variance = stats + pixels;
    for (size_t p = 0; p < pixels; p++, x += n) {
        vr sum = vr_set(0), squares = vr_set(0);
        EACH(i, n)
        sum = sum + load(x + i, n - i);
        const gki_real mean = vr_sum(sum) / (gki_real)n;
        EACH(i, n)
        {
            const vr centred = vr_load_part(x + i, n - i, mean) - vr_set(mean);
            squares = vr_fma(centred, centred, squares);
        }
        stats[p] = mean;
        variance[p] = vr_sum(squares) / (gki_real)n;
    }
    EACH(p, pixels)
    {
        const vr squared = load(variance + p, pixels - p) + vr_set(1e-5);
        vr_store_part(variance + p, pixels - p, vr_set(1) / vr_sqrt(squared));
    }
}

static void norm_silu(size_t pixels, size_t n, const gki_real *x, const gki_real *gain,
                      const gki_real *shift, gki_real *stats, gki_real *slope, gki_real *out)
{
    pixel_stats(pixels, n, x, stats);
    for (size_t p = 0; p < pixels; p++) {
        const vr mean = vr_set(stats[p]), scale = vr_set(stats[pixels + p]);
        EACH(i, n)
        {
            const vr hat = (load(x + p * n + i, n - i) - mean) * scale;
            const vr y = vr_fma(load(gain + i, n - i), hat, load(shift + i, n - i));
            vr derivative;
            vr_store_part(out + p * n + i, n - i, silu_of(y, &derivative));
            vr_store_part(slope + p * n + i, n - i, derivative);
        }
    }
}

static void norm_silu_backward(size_t pixels, size_t n, const gki_real *x, const gki_real *gain,
                               const gki_real *stats, const gki_real *slope, const gki_real *add,
                               gki_real *d, gki_real *d_x)
{
    for (size_t p = 0; p < pixels; p++) {
        const size_t offset = p * n;
        const vr mean = vr_set(stats[p]), scale = vr_set(stats[pixels + p]);
        vr sum = vr_set(0), sum_hat = vr_set(0);
        EACH(i, n)
        {
            const vr hat = (load(x + offset + i, n - i) - mean) * scale;
            const vr d_y = load(d + offset + i, n - i) * load(slope + offset + i, n - i);
            const vr d_hat = d_y * load(gain + i, n - i);
            vr_store_part(d + offset + i, n - i, d_y);
            sum = sum + d_hat;
            sum_hat = vr_fma(d_hat, hat, sum_hat);
        }
        const vr all = vr_set(vr_sum(sum) / (gki_real)n),
                 all_hat = vr_set(vr_sum(sum_hat) / (gki_real)n);
        EACH(i, n)
        {
            const vr hat = (load(x + offset + i, n - i) - mean) * scale;
            const vr d_hat = load(d + offset + i, n - i) * load(gain + i, n - i);
            const vr start = add ? load(add + offset + i, n - i) : vr_set(0);
            vr_store_part(d_x + offset + i, n - i,
                          vr_fma(scale, d_hat - vr_fma(hat, all_hat, all), start));
        }
    }
}

static void norm_silu_gradient(size_t pixels, size_t n, const gki_real *x, const gki_real *stats,
                               const gki_real *d, gki_real *d_gain, gki_real *d_shift)
{
    EACH(i, n)
    {
        vr of_gain = load(d_gain + i, n - i), of_shift = load(d_shift + i, n - i);
        for (size_t p = 0; p < pixels; p++) {
            const vr mean = vr_set(stats[p]), scale = vr_set(stats[pixels + p]);
            const vr d_y = load(d + p * n + i, n - i);
            of_gain = vr_fma(d_y, (load(x + p * n + i, n - i) - mean) * scale, of_gain);
            of_shift = of_shift + d_y;
        }
        vr_store_part(d_gain + i, n - i, of_gain);
        vr_store_part(d_shift + i, n - i, of_shift);
    }
}

static void norm_silu_tangent(size_t pixels, size_t n, const gki_real *x, const gki_real *gain,
                              const gki_real *stats, const gki_real *slope, const gki_real *t,
                              gki_real *t_out)
{
    for (size_t p = 0; p < pixels; p++) {
        const size_t offset = p * n;
        const vr mean = vr_set(stats[p]), scale = vr_set(stats[pixels + p]);
        vr sum = vr_set(0), sum_hat = vr_set(0);
        EACH(i, n)
        {
            const vr value = load(t + offset + i, n - i);
            sum = sum + value;
            sum_hat = vr_fma(value, (load(x + offset + i, n - i) - mean) * scale, sum_hat);
        }
        const vr all = vr_set(vr_sum(sum) / (gki_real)n),
                 all_hat = vr_set(vr_sum(sum_hat) / (gki_real)n);
        EACH(i, n)
        {
            const vr hat = (load(x + offset + i, n - i) - mean) * scale;
            const vr factor = load(slope + offset + i, n - i) * load(gain + i, n - i) * scale;
            vr_store_part(t_out + offset + i, n - i,
                          factor * (load(t + offset + i, n - i) - vr_fma(hat, all_hat, all)));
        }
    }
}

static void silu(size_t n, gki_real *x, gki_real *out)
{
    EACH(i, n)
    {
        vr slope;
        vr_store_part(out + i, n - i, silu_of(load(x + i, n - i), &slope));
        vr_store_part(x + i, n - i, slope);
    }
}

static void product(size_t n, const gki_real *x, const gki_real *y, gki_real *out)
{
    EACH(i, n)
    vr_store_part(out + i, n - i, load(x + i, n - i) * load(y + i, n - i));
}

static void add_pixels(size_t pixels, size_t n, const gki_real *x, gki_real *sums)
{
    EACH(i, n)
    {
        vr sum = load(sums + i, n - i);
        for (size_t p = 0; p < pixels; p++)
            sum = sum + load(x + p * n + i, n - i);
        vr_store_part(sums + i, n - i, sum);
    }
}

/* --- Pooling --------------------------------------------------------------- */

static void pool_relu(size_t pixels, size_t n, const gki_real *row0, const gki_real *row1,
                      gki_real *out)
{
    for (size_t p = 0; p < pixels; p++, row0 += 2 * n, row1 += 2 * n, out += n)
        EACH(i, n)
        {
            const vr top = vr_max(load(row0 + i, n - i), load(row0 + n + i, n - i)),
                     bottom = vr_max(load(row1 + i, n - i), load(row1 + n + i, n - i));
            vr_store_part(out + i, n - i, vr_max(vr_max(top, bottom), vr_set(0)));
        }
}

/* The parts of `value` that go to the four places of a window: all of it to the first place whose
 * value is the greatest, `top`, and nothing where that is 0. */
static inline void share(vr value, vr top, const vr x[4], vr parts[4])
{
    vr left = vr_select(top > vr_set(0), value, vr_set(0));
    for (size_t k = 0; k < 4; k++) {
        parts[k] = vr_select(x[k] == top, left, vr_set(0));
        left = vr_select(x[k] == top, vr_set(0), left);
    }
}

static void pool_relu_backward(size_t pixels, size_t n, const gki_real *row0, const gki_real *row1,
                               const gki_real *out, const gki_real *d_out, gki_real *d_row0,
                               gki_real *d_row1)
{
    for (size_t p = 0; p < pixels; p++)
        EACH(i, n)
        {
            const size_t offset = 2 * p * n + i, left = n - i;
            const vr x[4] = {load(row0 + offset, left), load(row0 + offset + n, left),
                             load(row1 + offset, left), load(row1 + offset + n, left)};
            vr parts[4];
            share(load(d_out + p * n + i, left), load(out + p * n + i, left), x, parts);
            vr_store_part(d_row0 + offset, left, parts[0]);
            vr_store_part(d_row0 + offset + n, left, parts[1]);
            vr_store_part(d_row1 + offset, left, parts[2]);
            vr_store_part(d_row1 + offset + n, left, parts[3]);
        }
}

static void pool_relu_tangent(size_t pixels, size_t n, const gki_real *row0, const gki_real *row1,
                              const gki_real *out, const gki_real *t_row0, const gki_real *t_row1,
                              gki_real *t_out)
{
    for (size_t p = 0; p < pixels; p++)
        EACH(i, n)
        {
            const size_t offset = 2 * p * n + i, left = n - i;
            const vr x[4] = {load(row0 + offset, left), load(row0 + offset + n, left),
                             load(row1 + offset, left), load(row1 + offset + n, left)};
            vr parts[4];
            share(vr_set(1), load(out + p * n + i, left), x, parts);
            vr sum = parts[0] * load(t_row0 + offset, left);
            sum = vr_fma(parts[1], load(t_row0 + offset + n, left), sum);
            sum = vr_fma(parts[2], load(t_row1 + offset, left), sum);
            sum = vr_fma(parts[3], load(t_row1 + offset + n, left), sum);
            vr_store_part(t_out + p * n + i, left, sum);
        }
}

/* --- Depthwise convolution ------------------------------------------------- */

static void depthwise(size_t pixels, size_t n, size_t kernel, const gki_real *in, size_t pitch,
                      const gki_real *weight, bool reversed, const gki_real *start, gki_real *out)
{
    const size_t taps = kernel * kernel;
    EACH(c, n)
    for (size_t p = 0; p < pixels; p++) {
        vr sum = start ? load(start + c, n - c) : vr_set(0);
        for (size_t i = 0; i < kernel; i++)
            for (size_t j = 0; j < kernel; j++) {
                const size_t tap = reversed ? taps - 1 - i * kernel - j : i * kernel + j;
                sum = vr_fma(load(in + i * pitch + (p + j) * n + c, n - c),
                             load(weight + tap * n + c, n - c), sum);
            }
        vr_store_part(out + p * n + c, n - c, sum);
    }
}

static void depthwise_gradient(size_t pixels, size_t n, size_t kernel, const gki_real *in,
                               size_t pitch, const gki_real *d_out, gki_real *d_weight)
{
    for (size_t i = 0; i < kernel; i++)
        for (size_t j = 0; j < kernel; j++, d_weight += n)
            EACH(c, n)
            {
                vr sum = load(d_weight + c, n - c);
                for (size_t p = 0; p < pixels; p++)
                    sum = vr_fma(load(in + i * pitch + (p + j) * n + c, n - c),
                                 load(d_out + p * n + c, n - c), sum);
                vr_store_part(d_weight + c, n - c, sum);
            }
}

GKV_SIMD_TABLE(gki_map_kernels, .norm_silu = norm_silu, .norm_silu_backward = norm_silu_backward,
               .norm_silu_gradient = norm_silu_gradient, .norm_silu_tangent = norm_silu_tangent,
               .silu = silu, .product = product, .add_pixels = add_pixels, .pool_relu = pool_relu,
               .pool_relu_backward = pool_relu_backward, .pool_relu_tangent = pool_relu_tangent,
               .depthwise = depthwise, .depthwise_gradient = depthwise_gradient,
               .multiply = multiply);
