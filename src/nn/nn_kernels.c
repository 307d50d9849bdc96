/* The row kernels. The build compiles this file once for every instruction set. A sum is made of
 * VR_LANES partial sums in a fixed order, so the result of a row depends only on the row. */
#include "core/simd_real.h"
#include "nn/nn_kernels.h"

#define EACH(i, n) for (size_t i = 0; i < (n); i += VR_LANES)

static inline vr sigmoid_of(vr y)
{
    return vr_set(1) / (vr_set(1) + vr_exp(-y));
}

static gki_real norm_silu(size_t n, const gki_real *x, const gki_real *gain, const gki_real *shift,
                          gki_real *xhat, gki_real *sigmoid, gki_real *out)
{
    vr sum = vr_set(0);
    EACH(i, n)
    sum = sum + vr_load_part(x + i, n - i, 0);
    const gki_real mean = vr_sum(sum) / (gki_real)n;
    vr squares = vr_set(0);
    EACH(i, n)
    {
        const vr centred = vr_load_part(x + i, n - i, mean) - vr_set(mean);
        squares = vr_fma(centred, centred, squares);
    }
    const gki_real variance = vr_sum(squares) / (gki_real)n;
    /* 1e-5 is PyTorch's epsilon. It makes a constant row give zeros and not infinities. */
    const gki_real inverse_sd = (gki_real)(1.0 / sqrt((double)variance + 1e-5));
    EACH(i, n)
    {
        const vr hat = (vr_load_part(x + i, n - i, mean) - vr_set(mean)) * vr_set(inverse_sd);
        const vr y =
            vr_fma(vr_load_part(gain + i, n - i, 0), hat, vr_load_part(shift + i, n - i, 0));
        const vr s = sigmoid_of(y);
        vr_store_part(xhat + i, n - i, hat);
        vr_store_part(sigmoid + i, n - i, s);
        vr_store_part(out + i, n - i, y * s);
    }
    return inverse_sd;
}

static void norm_silu_backward(size_t n, const gki_real *xhat, const gki_real *gain,
                               const gki_real *shift, const gki_real *sigmoid, gki_real inverse_sd,
                               gki_real *d, gki_real *d_in)
{
    vr sum = vr_set(0), sum_hat = vr_set(0);
    EACH(i, n)
    {
        const vr hat = vr_load_part(xhat + i, n - i, 0);
        const vr gamma = vr_load_part(gain + i, n - i, 0);
        const vr y = vr_fma(gamma, hat, vr_load_part(shift + i, n - i, 0));
        const vr s = vr_load_part(sigmoid + i, n - i, 0);
        const vr dy = vr_load_part(d + i, n - i, 0) * s * (vr_set(1) + y * (vr_set(1) - s));
        vr_store_part(d + i, n - i, dy);
        sum = vr_fma(dy, gamma, sum);
        sum_hat = vr_fma(dy * gamma, hat, sum_hat);
    }
    const vr mean = vr_set(vr_sum(sum) / (gki_real)n);
    const vr mean_hat = vr_set(vr_sum(sum_hat) / (gki_real)n);
    EACH(i, n)
    {
        const vr hat = vr_load_part(xhat + i, n - i, 0);
        const vr dhat = vr_load_part(d + i, n - i, 0) * vr_load_part(gain + i, n - i, 0);
        vr_store_part(d_in + i, n - i, vr_set(inverse_sd) * (dhat - mean - hat * mean_hat));
    }
}

/* t_out = SiLU'(y)·gain/sd ⊙ (t − mean(t) − x̂·mean(x̂ ⊙ t)). FEW tangents are processed at a time,
 * since they share SiLU'(y) and x̂. If fewer are left, the last one is computed repeatedly. */
static void norm_silu_tangent(size_t n, const gki_real *xhat, const gki_real *gain,
                              const gki_real *shift, const gki_real *sigmoid, gki_real inverse_sd,
                              size_t each, const gki_real *in, gki_real *out)
{
    enum { FEW = 4 };
    for (size_t first = 0; first < each; first += FEW) {
        const gki_real *t[FEW];
        gki_real *t_out[FEW];
        vr sum[FEW], sum_hat[FEW];
        for (size_t k = 0; k < FEW; k++) {
            const size_t row = first + k < each ? first + k : each - 1;
            t[k] = in + row * n;
            t_out[k] = out + row * n;
            sum[k] = sum_hat[k] = vr_set(0);
        }
        EACH(i, n)
        {
            const vr hat = vr_load_part(xhat + i, n - i, 0);
            for (size_t k = 0; k < FEW; k++) {
                const vr value = vr_load_part(t[k] + i, n - i, 0);
                sum[k] = sum[k] + value;
                sum_hat[k] = vr_fma(value, hat, sum_hat[k]);
            }
        }
        for (size_t k = 0; k < FEW; k++) {
            sum[k] = vr_set(vr_sum(sum[k]) / (gki_real)n);
            sum_hat[k] = vr_set(vr_sum(sum_hat[k]) / (gki_real)n);
        }
        EACH(i, n)
        {
            const vr hat = vr_load_part(xhat + i, n - i, 0),
                     gamma = vr_load_part(gain + i, n - i, 0);
            const vr y = vr_fma(gamma, hat, vr_load_part(shift + i, n - i, 0));
            const vr s = vr_load_part(sigmoid + i, n - i, 0);
            const vr slope = s * (vr_set(1) + y * (vr_set(1) - s)) * gamma * vr_set(inverse_sd);
            for (size_t k = 0; k < FEW; k++)
                vr_store_part(t_out[k] + i, n - i,
                              slope *
                                  (vr_load_part(t[k] + i, n - i, 0) - sum[k] - hat * sum_hat[k]));
        }
    }
}

static void gate(size_t n, const gki_real *h, const gki_real *a, gki_real *sigmoid, gki_real *out)
{
    EACH(i, n)
    {
        const vr s = sigmoid_of(vr_load_part(a + i, n - i, 0));
        vr_store_part(sigmoid + i, n - i, s);
        vr_store_part(out + i, n - i, vr_load_part(h + i, n - i, 0) * s);
    }
}

static void gate_backward(size_t n, const gki_real *h, const gki_real *sigmoid,
                          const gki_real *d_out, gki_real *d_h, gki_real *d_a)
{
    EACH(i, n)
    {
        const vr s = vr_load_part(sigmoid + i, n - i, 0);
        const vr d = vr_load_part(d_out + i, n - i, 0) * s;
        const vr hidden = vr_load_part(h + i, n - i, 0);
        vr_store_part(d_h + i, n - i, d);
        vr_store_part(d_a + i, n - i, d * hidden * (vr_set(1) - s));
    }
}

static void gate_tangent(size_t n, const gki_real *h, const gki_real *sigmoid, const gki_real *t_h,
                         const gki_real *t_a, gki_real *t_out)
{
    EACH(i, n)
    {
        const vr s = vr_load_part(sigmoid + i, n - i, 0), hidden = vr_load_part(h + i, n - i, 0);
        const vr through_a = vr_load_part(t_a + i, n - i, 0) * hidden * (vr_set(1) - s);
        vr_store_part(t_out + i, n - i, s * (vr_load_part(t_h + i, n - i, 0) + through_a));
    }
}

static void rectify(size_t n, double slope, const gki_real *x, gki_real *out)
{
    EACH(i, n)
    {
        const vr v = vr_load_part(x + i, n - i, 0);
        vr_store_part(out + i, n - i, vr_max(v, v * vr_set(slope)));
    }
}

static void rectify_backward(size_t n, double slope, const gki_real *out, const gki_real *d_out,
                             gki_real *d_in)
{
    EACH(i, n)
    {
        const vr d = vr_load_part(d_out + i, n - i, 0);
        const vr y = vr_load_part(out + i, n - i, 0);
        vr_store_part(d_in + i, n - i, vr_select(y > vr_set(0), d, d * vr_set(slope)));
    }
}

static gki_real bernoulli(size_t n, const gki_real *x, const gki_real *logits, gki_real *d_logits)
{
    /* softplus(l) = max(l, 0) + log(1 + e^−|l|). The factors 1 + e^−|l| lie in (1, 2]. So the
     * product of 64 of them does not overflow, and one logarithm serves them all. */
    enum { FACTORS = 64 };
    vr total = vr_set(0), product = vr_set(1), logs = vr_set(0);
    unsigned factors = 0;
    EACH(i, n)
    {
        const vr l = vr_load_part(logits + i, n - i, (gki_real)-200); /* e^−200 adds nothing */
        const vr target = vr_load_part(x + i, n - i, 0);
        const vr e = vr_exp(-vr_abs(l));
        const vr factor = vr_set(1) + e;
        total = total + (vr_max(l, vr_set(0)) - target * l);
        product = product * factor;
        if (++factors == FACTORS) {
            logs = logs + vr_log(product);
            product = vr_set(1);
            factors = 0;
        }
        if (d_logits) {
            const vr p = vr_select(l > vr_set(0), vr_set(1), e) / factor;
            vr_store_part(d_logits + i, n - i, p - target);
        }
    }
    return vr_sum(total + (logs + vr_log(product)));
}

static void bernoulli_sd(size_t n, const gki_real *x, const gki_real *d_logits, gki_real *sd)
{
    EACH(i, n)
    {
        const vr p = vr_load_part(d_logits + i, n - i, 0) + vr_load_part(x + i, n - i, 0);
        vr_store_part(sd + i, n - i, vr_sqrt(vr_max(p * (vr_set(1) - p), vr_set(0))));
    }
}

static void scale_rows(size_t n, size_t count, const gki_real *w, gki_real *y, size_t stride)
{
    for (size_t r = 0; r < count; r++, y += stride)
        EACH(i, n)
    vr_store_part(y + i, n - i, vr_load_part(y + i, n - i, 0) * vr_load_part(w + i, n - i, 0));
}

static void axpy(size_t n, gki_real a, const gki_real *x, gki_real *y)
{
    EACH(i, n)
    vr_store_part(y + i, n - i,
                  vr_fma(vr_set(a), vr_load_part(x + i, n - i, 0), vr_load_part(y + i, n - i, 0)));
}

static void add_product(size_t n, const gki_real *x, const gki_real *w, gki_real *y)
{
    EACH(i, n)
    vr_store_part(y + i, n - i,
                  vr_fma(vr_load_part(x + i, n - i, 0), vr_load_part(w + i, n - i, 0),
                         vr_load_part(y + i, n - i, 0)));
}

static void adam(size_t n, const gki_adam *step, const gki_real *grad, gki_real *m, gki_real *v,
                 gki_real *value, gki_real *average)
{
    const gki_adam s = *step;
    EACH(i, n)
    {
        const vr g = vr_load_part(grad + i, n - i, 0) * vr_set(s.scale);
        const vr m1 =
            vr_fma(vr_set(s.beta1), vr_load_part(m + i, n - i, 0), vr_set(1 - s.beta1) * g);
        const vr v1 =
            vr_fma(vr_set(s.beta2), vr_load_part(v + i, n - i, 0), vr_set(1 - s.beta2) * g * g);
        vr_store_part(m + i, n - i, m1);
        vr_store_part(v + i, n - i, v1);
        const vr change = vr_set(s.rate) * m1 / (vr_sqrt(v1) + vr_set(s.epsilon_hat));
        const vr w = vr_load_part(value + i, n - i, 0) * vr_set(s.keep) - change;
        vr_store_part(value + i, n - i, w);
        if (average) {
            const vr old = vr_load_part(average + i, n - i, 0);
            vr_store_part(average + i, n - i, old + vr_set(s.averaging) * (w - old));
        }
    }
}

static double sum_squares(size_t n, const gki_real *x)
{
    double total = 0;
    /* elements of a short sum in gki_real; the short sums are added in double */
    enum { BLOCK = 64 * VR_LANES };
    for (size_t first = 0; first < n; first += BLOCK) {
        const size_t count = n - first < BLOCK ? n - first : BLOCK;
        vr sum = vr_set(0);
        EACH(i, count)
        {
            const vr value = vr_load_part(x + first + i, count - i, 0);
            sum = vr_fma(value, value, sum);
        }
        total += (double)vr_sum(sum);
    }
    return total;
}

GKV_SIMD_TABLE(gki_nn_kernels, .norm_silu = norm_silu, .norm_silu_backward = norm_silu_backward,
               .norm_silu_tangent = norm_silu_tangent, .gate = gate, .gate_backward = gate_backward,
               .gate_tangent = gate_tangent, .rectify = rectify,
               .rectify_backward = rectify_backward, .bernoulli = bernoulli,
               .bernoulli_sd = bernoulli_sd, .scale_rows = scale_rows, .axpy = axpy,
               .add_product = add_product, .adam = adam, .sum_squares = sum_squares);
