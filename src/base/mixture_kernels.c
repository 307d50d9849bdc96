/* The row kernels of mixtures, compiled once for each instruction set. */
#include "base/mixture_kernels.h"
#include "core/simd_real.h"

/* The bound of scores. The sum of its squares over dimensions does not overflow a float. */
#define MOST 1e15

/* Responsibilities below this fraction of the largest are below its rounding error. */
#ifdef GKV_REAL_IS_DOUBLE
#define LEAST_RESPONSIBILITY 1e-18
#else
#define LEAST_RESPONSIBILITY 1e-9
#endif

static inline vr clamped(vr z)
{
    /* The selection keeps a NaN, which max and min would lose. */
    const vr inside = vr_max(vr_set(-MOST), vr_min(vr_set(MOST), z));
    return vr_select(z == z, inside, z);
}

static void standardise(size_t n, const gki_real *a, const gki_real *b, gki_real *z)
{
    for (size_t i = 0; i < n; i += VR_LANES) {
        const vr y = (vr_load_part(z + i, n - i, 0) - vr_load_part(a + i, n - i, 0)) /
                     vr_load_part(b + i, n - i, 1);
        vr_store_part(z + i, n - i, clamped(y));
    }
}

static void clamp(size_t n, gki_real *z, gki_real *dq)
{
    for (size_t i = 0; i < n; i += VR_LANES) {
        vr_store_part(z + i, n - i, clamped(vr_load_part(z + i, n - i, 0)));
        if (dq)
            vr_store_part(dq + i, n - i, vr_max(vr_set(1 / MOST), vr_load_part(dq + i, n - i, 1)));
    }
}

static void log_densities(size_t components, size_t d, const gki_real *w, const gki_real *log_dq,
                          gki_real *log_f)
{
    for (size_t k = 0; k < components; k++, w += d) {
        vr sum = vr_set(0), logs = vr_set(0);
        gki_real rest = 0;
        size_t j = 0;
        for (; j + VR_LANES <= d; j += VR_LANES) {
            const vr here = vr_load(w + j);
            sum = vr_fma(here, here, sum);
            if (log_dq)
                logs = logs + vr_load(log_dq + j);
        }
        for (; j < d; j++)
            rest += w[j] * w[j] / 2 + (log_dq ? log_dq[j] : 0);
        log_f[k] = -vr_sum(vr_fma(vr_set(0.5), sum, logs)) - rest;
        if (log_dq)
            log_dq += d;
    }
}

static gki_real softmax(size_t components, gki_real *logs)
{
    gki_real most = logs[0];
    for (size_t k = 1; k < components; k++)
        /* a NaN is kept: no number compares above it */
        most = logs[k] > most || logs[k] != logs[k] ? logs[k] : most;
    vr sum = vr_set(0);
    for (size_t k = 0; k < components; k += VR_LANES) {
        const vr off = vr_load_part(logs + k, components - k, -INFINITY) - vr_set(most);
        vr e = vr_exp(vr_max(off, vr_set(-80)));
        e = vr_select(e < vr_set(LEAST_RESPONSIBILITY), vr_set(0), e);
        sum = sum + e;
        vr_store_part(logs + k, components - k, e);
    }
    const gki_real total = vr_sum(sum);
    for (size_t k = 0; k < components; k++)
        logs[k] /= total;
    return most + (gki_real)log((double)total);
}

static gki_real dot(size_t n, const gki_real *x, const gki_real *y)
{
    vr sum = vr_set(0);
    gki_real rest = 0;
    size_t i = 0;
    for (; i + VR_LANES <= n; i += VR_LANES)
        sum = vr_fma(vr_load(x + i), vr_load(y + i), sum);
    for (; i < n; i++)
        rest += x[i] * y[i];
    return vr_sum(sum) + rest;
}

static void add_gradient(size_t n, gki_real weight, const gki_real *u, const gki_real *ratio,
                         const gki_real *dq, gki_real *to)
{
    for (size_t i = 0; i < n; i += VR_LANES) {
        vr gradient = vr_load_part(u + i, n - i, 0);
        if (ratio)
            gradient = gradient + vr_load_part(ratio + i, n - i, 0);
        gradient = vr_set(weight) * gradient / vr_load_part(dq + i, n - i, 1);
        vr_store_part(to + i, n - i, vr_load_part(to + i, n - i, 0) - gradient);
    }
}

#undef MOST
#undef LEAST_RESPONSIBILITY

GKV_SIMD_TABLE(gki_mixture_kernels, .standardise = standardise, .clamp = clamp,
               .log_densities = log_densities, .softmax = softmax, .dot = dot,
               .add_gradient = add_gradient);
