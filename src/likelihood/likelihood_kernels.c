/* The kernels of discretised logistic mixtures. The build compiles this file once for every
 * instruction set.
 *
 * An interval (a, b) of the standard logistic distribution is mirrored so that its middle is not
 * above 0; near = b is then the edge nearer to the middle of the distribution, and a = b − d. With
 * E = e^b, u = e^{−d} and A = E·u = e^a ≤ 1 all terms are products of factors without cancellation:
 *
 *   p        = σ(b) − σ(a) = E (1 − u)/((1 + E)(1 + A))
 *   f(b)     = E/(1 + E)²,  f(a) = A/(1 + A)²                 the gradients in the edges
 *   ∂p/∂μ    = −p (1 − A·E)/((1 + E)(1 + A))/s                of the mirrored location
 *   ∂p/∂logs = −[p (b/(1 + E) − a·A/(1 + A)) + d·A/((1 + E)(1 + A))] */
#include <stdbool.h>

#include "core/simd_real.h"
#include "likelihood/likelihood_kernels.h"

/* The values of a step through the tables of levels, a multiple of every vector's length. */
enum { CHUNK = 128, MOST = GKV_LIKELIHOOD_COMPONENTS_MOST };

/* Tables of gradients in edges. Neighbouring values use different ones, so that an addition need
 * not wait for the one before it, often to the same level. */
enum { TABLES = 4 };

/* An exponent whose power neither overflows nor differs from infinity beside 1. */
#define HUGE_EXPONENT 80

typedef struct level_chunk {
    int level[CHUNK];
    gki_real lower[CHUNK], upper[CHUNK], width[CHUNK];
} level_chunk;

/* Finds the levels of n ≤ CHUNK values. Those after the last value get a negative width. */
static inline void find_levels(size_t n, const gki_real *x, const gki_level_edges *edges,
                               level_chunk *to)
{
    gki_real scaled[CHUNK];
    for (size_t i = 0; i < n; i += VR_LANES) {
        const vr nearest = vr_fma(vr_load_part(x + i, n - i, 0), vr_set(255), vr_set(0.5));
        /* the order of the operands makes NaN a level too */
        vr_store(scaled + i, vr_min(vr_max(nearest, vr_set(0)), vr_set(255)));
    }
    for (size_t i = 0; i < n; i++)
        to->level[i] = (int)scaled[i];
    for (size_t i = 0; i < n; i++) {
        const size_t v = (size_t)to->level[i];
        to->lower[i] = edges->of[v].lower;
        to->upper[i] = edges->of[v].upper;
        to->width[i] = edges->of[v].width;
    }
    for (size_t i = n; i % VR_LANES; i++)
        to->lower[i] = to->upper[i] = to->width[i] = -1;
}

/* 1 − e^{−d} for d ≥ 0; u is e^{−d}. */
static inline vr one_minus(vr d, vr u)
{
    /* Taylor's series where the difference would cancel: d (1 − d/2 (1 − d/3 (…))) */
    enum { TERMS = sizeof(gki_real) == sizeof(float) ? 8 : 16 };
    const vr t = vr_min(d, vr_set(0.5));
    vr sum = vr_set(1);
    for (int k = TERMS; k >= 2; k--)
        sum = vr_fma(vr_set(-1.0 / k) * t, sum, vr_set(1));
    return vr_select(d < vr_set(0.5), sum * t, vr_set(1) - u);
}

/* The parameters of the components of some values. */
typedef struct components {
    vr weight[MOST], location[MOST], inverse[MOST]; /* π, μ, 1/s */
    vr slope[MOST]; /* ∂(log s)/∂output: 1 or, beyond the bounds, 0 */
} components;

static inline vr load_output(const gki_real *out, size_t n, size_t parameter, size_t i)
{
    return vr_load_part(out + parameter * n + i, n - i, 0);
}

/* x within bounds; the order of the operands keeps NaN. */
static inline vr limited(vr x, double least, double most)
{
    return vr_min(vr_set(most), vr_max(vr_set(least), x));
}

static inline void load_components(size_t count, const gki_real *out, size_t n, size_t i,
                                   components *to)
{
    const size_t logits = count > 1 ? count : 0;
    vr greatest = load_output(out, n, 0, i), sum = vr_set(0);
    to->weight[0] = vr_set(1);
    for (size_t k = 1; k < logits; k++)
        greatest = vr_max(greatest, load_output(out, n, k, i));
    for (size_t k = 0; k < logits; k++) {
        to->weight[k] = vr_exp(load_output(out, n, k, i) - greatest);
        sum = sum + to->weight[k];
    }
    for (size_t k = 0; k < count; k++) {
        if (logits > 0)
            to->weight[k] = to->weight[k] / sum;
        to->location[k] =
            limited(load_output(out, n, logits + k, i), -GKV_LOCATION_MOST, GKV_LOCATION_MOST);
        const vr log_scale = load_output(out, n, logits + count + k, i);
        const vr least = vr_set(GKV_LOG_SCALE_LEAST), most = vr_set(GKV_LOG_SCALE_MOST);
        to->inverse[k] = vr_exp(-limited(log_scale, GKV_LOG_SCALE_LEAST, GKV_LOG_SCALE_MOST));
        to->slope[k] = vr_select(log_scale < least, vr_set(0),
                                 vr_select(log_scale > most, vr_set(0), vr_set(1)));
    }
}

/* The interval of a component, and its derivatives. */
typedef struct interval {
    vr p, d_location, d_log_scale, d_lower, d_upper;
} interval;

static inline interval interval_of(vr lower, vr upper, vr width, vr location, vr inverse)
{
    const vr one = vr_set(1), below = location - lower, above = upper - location;
    /* The middle is above the location if the lower edge is the nearer one: mirrored. */
    const vr d = width * inverse, b = vr_min(below, above) * inverse, a = b - d;
    /* the order of the operands keeps NaN */
    const vr e = vr_exp(vr_min(vr_set(HUGE_EXPONENT), b)), u = vr_exp(-d), low = e * u;
    const vr up = one / (one + e), down = one / (one + low), both = up * down;
    const vr p = e * one_minus(d, u) * both;
    const vr d_near = e * up * up * inverse, d_far = low * down * down * inverse;
    const vr toward = p * (one - low * e) * both * inverse;
    return (interval){.p = p,
                      .d_location = vr_select(below < above, toward, -toward),
                      .d_log_scale = -(p * (b * up - a * low * down) + d * low * both),
                      .d_lower = -vr_select(below < above, d_near, d_far),
                      .d_upper = vr_select(below < above, d_far, d_near)};
}

/* Adds the gradients in the edges of n values. */
static inline void add_edges(size_t n, const int *level, const gki_real *lower,
                             const gki_real *upper, gki_real tables[TABLES][GKV_LEVELS][2])
{
    for (size_t i = 0; i < n; i++) {
        gki_real *to = tables[i % TABLES][level[i]];
        to[0] += lower[i];
        to[1] += upper[i];
    }
}

static void sum_edges(gki_real tables[TABLES][GKV_LEVELS][2], gki_real *d_edges)
{
    d_edges[0] = 0;
    for (size_t v = 1; v < GKV_LEVELS; v++) {
        gki_real sum = 0;
        for (size_t t = 0; t < TABLES; t++)
            sum += tables[t][v][0] + tables[t][v - 1][1];
        d_edges[v] = sum;
    }
}

static inline gki_real mixture_of(const size_t count, size_t n, const gki_real *x,
                                  const gki_real *out, const gki_level_edges *edges,
                                  gki_real *d_out, gki_real *d_edges)
{
    enum { FACTORS = 4 }; /* P ≥ 3.9e-9: the product of four is not denormal */
    const size_t logits = count > 1 ? count : 0;
    gki_real tables[TABLES][GKV_LEVELS][2];
    const bool has_edges = d_out && d_edges;
    if (has_edges)
        memset(tables, 0, sizeof tables);
    vr logs = vr_set(0), product = vr_set(1);
    unsigned factors = 0;
    for (size_t first = 0; first < n; first += CHUNK) {
        const size_t here = n - first < CHUNK ? n - first : CHUNK;
        level_chunk at;
        gki_real d_lower[CHUNK], d_upper[CHUNK];
        find_levels(here, x + first, edges, &at);
        for (size_t j = 0; j < here; j += VR_LANES) {
            const size_t i = first + j;
            const vr lower = vr_load(at.lower + j), upper = vr_load(at.upper + j),
                     width = vr_load(at.width + j);
            components its;
            interval of[MOST];
            load_components(count, out, n, i, &its);
            vr p = vr_set(0);
            for (size_t k = 0; k < count; k++) {
                of[k] = interval_of(lower, upper, width, its.location[k], its.inverse[k]);
                p = vr_fma(its.weight[k], of[k].p, p);
            }
            vr total = vr_fma(p, vr_set(1 - GKV_LEVEL_FLOOR), vr_set(GKV_LEVEL_FLOOR / GKV_LEVELS));
            total = vr_select(width < vr_set(0), vr_set(1), total);
            product = product * total;
            if (++factors == FACTORS) {
                logs = logs + vr_log(product);
                product = vr_set(1);
                factors = 0;
            }
            if (!d_out)
                continue;
            const vr scale = vr_set(GKV_LEVEL_FLOOR - 1) / total;
            vr sum_lower = vr_set(0), sum_upper = vr_set(0);
            for (size_t k = 0; k < count; k++) {
                const vr weight = scale * its.weight[k];
                if (count > 1)
                    vr_store_part(d_out + k * n + i, n - i, weight * (of[k].p - p));
                vr_store_part(d_out + (logits + k) * n + i, n - i, weight * of[k].d_location);
                vr_store_part(d_out + (logits + count + k) * n + i, n - i,
                              weight * of[k].d_log_scale * its.slope[k]);
                sum_lower = vr_fma(weight, of[k].d_lower, sum_lower);
                sum_upper = vr_fma(weight, of[k].d_upper, sum_upper);
            }
            vr_store(d_lower + j, sum_lower);
            vr_store(d_upper + j, sum_upper);
        }
        if (has_edges)
            add_edges(here, at.level, d_lower, d_upper, tables);
    }
    if (has_edges)
        sum_edges(tables, d_edges);
    return -vr_sum(logs + vr_log(product));
}

/* The usual numbers of components are constants, so that the loops over them are unrolled. */
static gki_real logistic(size_t n, size_t count, const gki_real *x, const gki_real *out,
                         const gki_level_edges *edges, gki_real *d_out, gki_real *d_edges)
{
    switch (count) {
    case 1: return mixture_of(1, n, x, out, edges, d_out, d_edges);
    case 2: return mixture_of(2, n, x, out, edges, d_out, d_edges);
    default: return mixture_of(count, n, x, out, edges, d_out, d_edges);
    }
}

/* σ((e − μ)/s) */
static inline vr cdf_of(vr edge, vr location, vr inverse)
{
    return vr_set(1) / (vr_set(1) + vr_exp((location - edge) * inverse));
}

static void logistic_sd(size_t n, size_t count, const gki_real *out, const gki_level_edges *edges,
                        gki_real *sd)
{
    const size_t logits = count > 1 ? count : 0;
    for (size_t i = 0; i < n; i += VR_LANES) {
        components its;
        load_components(count, out, n, i, &its);
        /* F, f and z·f at the edge below a level and at that above it */
        vr below[MOST][3], above[MOST][3], information[MOST][3];
        for (size_t k = 0; k < count; k++)
            for (size_t q = 0; q < 3; q++)
                below[k][q] = information[k][q] = vr_set(0);
        for (size_t v = 0; v < GKV_LEVELS; v++) {
            vr p = vr_set(0);
            for (size_t k = 0; k < count; k++) {
                if (v == GKV_LEVELS - 1) {
                    above[k][0] = vr_set(1);
                    above[k][1] = above[k][2] = vr_set(0);
                } else {
                    const vr edge = vr_set(edges->of[v].upper);
                    const vr z = (edge - its.location[k]) * its.inverse[k];
                    above[k][0] = vr_set(1) / (vr_set(1) + vr_exp(-z));
                    above[k][1] = above[k][0] * (vr_set(1) - above[k][0]);
                    above[k][2] = z * above[k][1];
                }
                p = vr_fma(its.weight[k], above[k][0] - below[k][0], p);
            }
            const vr floor = vr_set(GKV_LEVEL_FLOOR / GKV_LEVELS),
                     rest = vr_set(1 - GKV_LEVEL_FLOOR);
            const vr scale = rest * rest / vr_max(vr_fma(p, rest, floor), floor);
            for (size_t k = 0; k < count; k++) {
                const vr part = above[k][0] - below[k][0] - p;
                const vr density = (above[k][1] - below[k][1]) * its.inverse[k];
                const vr spread = (above[k][2] - below[k][2]) * its.slope[k];
                information[k][0] = vr_fma(scale * part, part, information[k][0]);
                information[k][1] = vr_fma(scale * density, density, information[k][1]);
                information[k][2] = vr_fma(scale * spread, spread, information[k][2]);
                for (size_t q = 0; q < 3; q++)
                    below[k][q] = above[k][q];
            }
        }
        for (size_t k = 0; k < count; k++) {
            const vr weight = its.weight[k];
            if (count > 1)
                vr_store_part(sd + k * n + i, n - i, weight * vr_sqrt(information[k][0]));
            vr_store_part(sd + (logits + k) * n + i, n - i, weight * vr_sqrt(information[k][1]));
            vr_store_part(sd + (logits + count + k) * n + i, n - i,
                          weight * vr_sqrt(information[k][2]));
        }
    }
}

static void logistic_mean(size_t n, size_t count, const gki_real *out, const gki_level_edges *edges,
                          gki_real *mean)
{
    for (size_t i = 0; i < n; i += VR_LANES) {
        components its;
        load_components(count, out, n, i, &its);
        /* E[v] = Σ_{v=1}^{255} P(level ≥ v) */
        vr sum = vr_set(0);
        for (size_t v = 1; v < GKV_LEVELS; v++)
            for (size_t k = 0; k < count; k++)
                sum = vr_fma(its.weight[k],
                             cdf_of(-vr_set(edges->of[v].lower), -its.location[k], its.inverse[k]),
                             sum);
        vr_store_part(
            mean + i, n - i,
            vr_fma(sum, vr_set((1 - GKV_LEVEL_FLOOR) / 255), vr_set(GKV_LEVEL_FLOOR / 2)));
    }
}

static void logistic_median(size_t n, size_t count, const gki_real *out,
                            const gki_level_edges *edges, gki_real *median)
{
    for (size_t i = 0; i < n; i += VR_LANES) {
        components its;
        load_components(count, out, n, i, &its);
        /* the first level whose P(0) + … + P(v) is not below 1/2 */
        unsigned low[VR_LANES] = {0}, high[VR_LANES];
        for (size_t j = 0; j < VR_LANES; j++)
            high[j] = GKV_LEVELS - 1;
        for (int halving = 0; halving < 8; halving++) {
            gki_real edge[VR_LANES], floor[VR_LANES], sum[VR_LANES];
            for (size_t j = 0; j < VR_LANES; j++) {
                const unsigned middle = (low[j] + high[j]) / 2;
                edge[j] = edges->of[middle].upper;
                floor[j] = (gki_real)(GKV_LEVEL_FLOOR / GKV_LEVELS) * (gki_real)(middle + 1);
            }
            vr cdf = vr_set(0);
            for (size_t k = 0; k < count; k++)
                cdf = vr_fma(its.weight[k], cdf_of(vr_load(edge), its.location[k], its.inverse[k]),
                             cdf);
            vr_store(sum, vr_fma(cdf, vr_set(1 - GKV_LEVEL_FLOOR), vr_load(floor)));
            for (size_t j = 0; j < VR_LANES; j++) {
                const unsigned middle = (low[j] + high[j]) / 2;
                if (low[j] < high[j] && sum[j] >= (gki_real)0.5)
                    high[j] = middle;
                else if (low[j] < high[j])
                    low[j] = middle + 1;
            }
        }
        gki_real level[VR_LANES];
        for (size_t j = 0; j < VR_LANES; j++)
            level[j] = (gki_real)low[j] / 255;
        vr_store_part(median + i, n - i, vr_load(level));
    }
}

GKV_SIMD_TABLE(gki_likelihood_kernels, .logistic = logistic, .logistic_sd = logistic_sd,
               .logistic_mean = logistic_mean, .logistic_median = logistic_median);
