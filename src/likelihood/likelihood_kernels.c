/* The kernels of discretised logistic mixtures. The build compiles this file once for every
 * instruction set.
 *
 * An interval (a, b) of the standard logistic distribution is mirrored so that its middle is not
 * above 0; near = b is then the edge nearer to the middle of the distribution, and a = b − d. With
 * E = e^b, u = e^{−d} and A = E·u = e^a ≤ 1 all terms are products of factors without cancellation,
 * and have the common denominator D = (1 + E)(1 + A):
 *
 *   p        = σ(b) − σ(a) = E (1 − u)/D
 *   f(b)     = E/(1 + E)²,  f(a) = A/(1 + A)²                 the gradients in the edges
 *   ∂p/∂μ    = −p (1 − A·E)/D/s                               of the mirrored location
 *   ∂p/∂logs = −[p (b/(1 + E) − a·A/(1 + A)) + d·A/D]
 *
 * Weights of components are not normalised: with w_k = e^{logit k} and S = Σ_k w_k, the probability
 * is (Σ_k w_k p_k (1 − ε) + S ε/256)/S. */
#include <stdbool.h>

#include "core/simd_real.h"
#include "likelihood/level_pairs.h"
#include "likelihood/likelihood_kernels.h"

/* The values of a step through the tables of levels, a multiple of every vector's length. */
enum { CHUNK = 256, COMPONENTS_MAX = GKV_LIKELIHOOD_COMPONENTS_MAX };

/* Tables of gradients in edges. Neighbouring values use different ones, so that an addition need
 * not wait for the one before it, often to the same level. */
enum { TABLES = 4 };

/* An exponent whose power neither overflows nor differs from infinity beside 1. */
#define HUGE_EXPONENT 80

typedef struct level_chunk {
    int level[CHUNK];
    gki_real lower[CHUNK], upper[CHUNK];
} level_chunk;

/* The parameters of the components of some values. */
typedef struct mixture_components {
    vr weight[COMPONENTS_MAX], location[COMPONENTS_MAX], inverse[COMPONENTS_MAX]; /* π, μ, 1/s */
} mixture_components;

static inline vr load_output(const gki_real *out, size_t n, size_t parameter, size_t i)
{
    return vr_load_part(out + parameter * n + i, n - i, 0);
}

static inline vr location_of(const gki_real *out, size_t n, size_t parameter, size_t i)
{
    return vr_limited(load_output(out, n, parameter, i), -GKV_LOCATION_MAX, GKV_LOCATION_MAX);
}

/* 1/s */
static inline vr inverse_of(const gki_real *out, size_t n, size_t parameter, size_t i)
{
    return vr_exp(
        -vr_limited(load_output(out, n, parameter, i), GKV_LOG_SCALE_MIN, GKV_LOG_SCALE_MAX));
}

/* ∂(log s)/∂output: 1 or, beyond the bounds, 0 */
static inline vr slope_of(const gki_real *log_scales, size_t left)
{
    return vr_within(vr_load_part(log_scales, left, 0), GKV_LOG_SCALE_MIN, GKV_LOG_SCALE_MAX);
}

/* Computes w_k and returns their sum; a single component has the weight 1. */
static inline vr load_weights(size_t count, const gki_real *out, size_t n, size_t i,
                              vr weight[COMPONENTS_MAX])
{
    vr sum = weight[0] = vr_set(1);
    if (count == 1)
        return sum;
    vr greatest = load_output(out, n, 0, i);
    for (size_t k = 1; k < count; k++)
        greatest = vr_max(greatest, load_output(out, n, k, i));
    sum = vr_set(0);
    for (size_t k = 0; k < count; k++) {
        weight[k] = vr_exp(load_output(out, n, k, i) - greatest);
        sum = sum + weight[k];
    }
    return sum;
}

/* Loads the parameters with weights that sum to 1. */
static inline void load_components(size_t count, const gki_real *out, size_t n, size_t i,
                                   mixture_components *components)
{
    const size_t logits = count > 1 ? count : 0;
    const vr sum = load_weights(count, out, n, i, components->weight);
    for (size_t k = 0; k < count; k++) {
        components->weight[k] = components->weight[k] / sum;
        components->location[k] = location_of(out, n, logits + k, i);
        components->inverse[k] = inverse_of(out, n, logits + count + k, i);
    }
}

/* The interval of a component, for each value of a chunk: first d, b, E, A and u − 1, then the
 * probability and its derivatives, those in locations and edges in units of the scale. */
typedef struct interval_terms {
    gki_real d[CHUNK];
    union {
        gki_real b[CHUNK], d_log_scale[CHUNK]; /* b is at most HUGE_EXPONENT */
    };
    union {
        gki_real near[CHUNK], density[CHUNK]; /* at the near edge */
    };
    union {
        gki_real far[CHUNK], toward[CHUNK]; /* the near density minus that at the far edge */
    };
    union {
        gki_real less_one[CHUNK], p[CHUNK];
    };
    gki_real mirrored[CHUNK]; /* below 0 if the lower edge is the near one */
} interval_terms;

static inline void differentiate(size_t here, interval_terms *intervals)
{
    const vr one = vr_set(1);
    for (size_t j = 0; j < here; j += VR_LANES) {
        const vr e = vr_load(intervals->near + j), low = vr_load(intervals->far + j),
                 d = vr_load(intervals->d + j), b = vr_load(intervals->b + j);
        const vr one_e = one + e, one_low = one + low, both = one / (one_e * one_low),
                 up = one_low * both, low_both = low * both; /* 1/(1 + E), A/D */
        const vr p = -e * vr_load(intervals->less_one + j) * both;
        vr_store(intervals->p + j, p);
        vr_store(intervals->density + j, e * up * up);
        vr_store(intervals->toward + j, p * (both - low_both * e));
        vr_store(intervals->d_log_scale + j,
                 p * ((b - d) * (one_e * low_both) - b * up) - d * low_both);
    }
}

/* Adds the gradients in the edges of n values, and 0 up to a multiple of TABLES. */
static inline void add_edges(size_t n, const int *level, gki_real *d_edges,
                             gki_real tables[TABLES][GKV_LEVELS][2])
{
    memset(d_edges + 2 * n, 0, 2 * ((TABLES - n % TABLES) % TABLES) * sizeof *d_edges);
    for (size_t i = 0; i < n; i += TABLES)
        for (size_t t = 0; t < TABLES; t++) {
            gki_real *entry = tables[t][level[i + t]];
            entry[0] += d_edges[2 * (i + t)];
            entry[1] += d_edges[2 * (i + t) + 1];
        }
}

static void sum_edges(gki_real tables[TABLES][GKV_LEVELS][2], gki_real *d_edges)
{
    gki_real *first = &tables[0][0][0];
    for (size_t i = 0; i < 2 * GKV_LEVELS; i += VR_LANES) {
        vr sum = vr_load(first + i);
        for (size_t t = 1; t < TABLES; t++)
            sum = sum + vr_load(&tables[t][0][0] + i);
        vr_store(first + i, sum);
    }
    d_edges[0] = 0;
    for (size_t v = 1; v < GKV_LEVELS; v++)
        d_edges[v] = tables[0][v][0] + tables[0][v - 1][1];
}

/* What a chunk of values needs. The exponentials of all values come first: those of one value wait
 * for each other, and those of different values do not. */
typedef struct mixture_chunk {
    level_chunk levels;
    gki_real weight[COMPONENTS_MAX][CHUNK],
        sum[CHUNK]; /* w_k and S; not read for a single component */
    gki_real location[COMPONENTS_MAX][CHUNK];
    gki_real inverse[COMPONENTS_MAX][CHUNK]; /* 1/s */
    interval_terms component[COMPONENTS_MAX];
} mixture_chunk;

/* The edges of component k in units of its scale. */
static inline void take_edges(size_t here, size_t k, mixture_chunk *chunk)
{
    interval_terms *own = &chunk->component[k];
    for (size_t j = 0; j < here; j += VR_LANES) {
        const vr lower = vr_load(chunk->levels.lower + j), upper = vr_load(chunk->levels.upper + j);
        const vr location = vr_load(chunk->location[k] + j),
                 inverse = vr_load(chunk->inverse[k] + j), below = location - lower,
                 above = upper - location;
        vr_store(own->d + j, (upper - lower) * inverse);
        /* The middle is above the location if the lower edge is the nearer one: mirrored. The order
         * of the operands keeps NaN. */
        vr_store(own->b + j, vr_min(vr_set(HUGE_EXPONENT), vr_min(below, above) * inverse));
        vr_store(own->mirrored + j, below - above);
    }
}

/* The loops are short, so that the processor computes several of their rounds at the same time. */
static inline void prepare(const size_t count, size_t n, size_t first, size_t here,
                           const gki_real *out, mixture_chunk *chunk)
{
    const size_t logits = count > 1 ? count : 0;
    for (size_t k = 0; k < count; k++) {
        interval_terms *component = &chunk->component[k];
        for (size_t j = 0; j < here; j += VR_LANES) {
            vr_store(chunk->location[k] + j, location_of(out, n, logits + k, first + j));
            vr_store(chunk->inverse[k] + j, inverse_of(out, n, logits + count + k, first + j));
        }
        take_edges(here, k, chunk);
        for (size_t j = 0; j < here; j += VR_LANES)
            vr_store(component->near + j, vr_exp(vr_load(component->b + j)));
        for (size_t j = 0; j < here; j += VR_LANES) {
            vr less_one;
            const vr u = vr_exp_m1(-vr_load(component->d + j), &less_one);
            vr_store(component->far + j, vr_load(component->near + j) * u);
            vr_store(component->less_one + j, less_one);
        }
        differentiate(here, component);
    }
    for (size_t j = 0; count > 1 && j < here; j += VR_LANES) {
        vr weight[COMPONENTS_MAX];
        vr_store(chunk->sum + j, load_weights(count, out, n, first + j, weight));
        for (size_t k = 0; k < count; k++)
            vr_store(chunk->weight[k] + j, weight[k]);
    }
}

/* Computes p = Σ_k w_k p_k/S of each value, and `scale`, the derivative of −log P in Σ_k w_k p_k.
 * Adds log P to `logs`. */
static inline void take_totals(const size_t count, size_t here, const mixture_chunk *chunk,
                               gki_real *p_of, gki_real *scale_of, vr *logs)
{
    enum { FACTORS = 4 }; /* P ≥ 3.9e-9: the product of four is not denormal */
    const vr one = vr_set(1), rest = vr_set(1 - GKV_LEVEL_FLOOR),
             floor = vr_set(GKV_LEVEL_FLOOR / GKV_LEVELS);
    vr product = one;
    for (size_t j = 0, factors = 0; j < here; j += VR_LANES) {
        vr p = vr_load(chunk->component[0].p + j), by_total, total;
        if (count == 1) {
            total = vr_fma(p, rest, floor);
            by_total = one / total;
        } else {
            const vr sum = vr_load(chunk->sum + j);
            p = p * vr_load(chunk->weight[0] + j);
            for (size_t k = 1; k < count; k++)
                p = vr_fma(vr_load(chunk->weight[k] + j), vr_load(chunk->component[k].p + j), p);
            total = vr_fma(p, rest, sum * floor);
            const vr inverse = one / (total * sum), by_sum = inverse * total;
            by_total = inverse * sum, total = total * by_sum, p = p * by_sum;
        }
        vr_store(p_of + j, p);
        vr_store(scale_of + j, -rest * by_total);
        if (here - j < VR_LANES) { /* lanes after the last value count for nothing */
            gki_real lanes[VR_LANES];
            vr_store(lanes, total);
            total = vr_load_part(lanes, here - j, 1);
        }
        product = product * total;
        if (++factors == FACTORS) {
            *logs = *logs + vr_log(product);
            product = one;
            factors = 0;
        }
    }
    *logs = *logs + vr_log(product);
}

/* Computes the gradients from p and `scale`. `out` and d_out are those of the first value. */
static inline void take_gradients(const size_t count, size_t n, size_t here,
                                  const mixture_chunk *chunk, const gki_real *p_of,
                                  const gki_real *scale_of, const gki_real *out, gki_real *d_out,
                                  gki_real *d_edges)
{
    const size_t logits = count > 1 ? count : 0;
    for (size_t j = 0; j < here; j += VR_LANES) {
        const vr zero = vr_set(0), scale = vr_load(scale_of + j);
        vr sum_lower = zero, sum_upper = zero;
        for (size_t k = 0; k < count; k++) {
            const interval_terms *component = &chunk->component[k];
            const size_t left = here - j, log_scale = logits + count + k;
            vr weight = scale;
            if (count > 1) {
                weight = scale * vr_load(chunk->weight[k] + j);
                vr_store_part(d_out + k * n + j, left,
                              weight * (vr_load(component->p + j) - vr_load(p_of + j)));
            }
            const vr of_level = weight * vr_load(chunk->inverse[k] + j),
                     toward = of_level * vr_load(component->toward + j),
                     near = of_level * vr_load(component->density + j), far = near - toward,
                     mirrored = vr_load(component->mirrored + j);
            vr_store_part(d_out + (logits + k) * n + j, left,
                          vr_select(mirrored < zero, toward, -toward));
            vr_store_part(d_out + log_scale * n + j, left,
                          weight * vr_load(component->d_log_scale + j) *
                              slope_of(out + log_scale * n + j, left));
            sum_lower = sum_lower - vr_select(mirrored < zero, near, far);
            sum_upper = sum_upper + vr_select(mirrored < zero, far, near);
        }
        vr_store_pairs(d_edges + 2 * j, sum_lower, sum_upper);
    }
}

/* The size of chunks of n values: they are about equal. */
static size_t chunk_of(size_t n)
{
    const size_t chunks = n / CHUNK + 1, least = n / chunks + (n % chunks != 0);
    return (least + VR_LANES - 1) / VR_LANES * VR_LANES;
}

static inline gki_real mixture_of(const size_t count, size_t n, const gki_real *x,
                                  const gki_real *out, const gki_level_edges *edges,
                                  gki_real *d_out, gki_real *d_edges)
{
    gki_real tables[TABLES][GKV_LEVELS][2];
    const bool has_edges = d_out && d_edges;
    vr logs = vr_set(0);
    if (has_edges)
        memset(tables, 0, sizeof tables);
    const size_t step = chunk_of(n);
    for (size_t first = 0; first < n; first += step) {
        const size_t here = n - first < step ? n - first : step;
        mixture_chunk chunk;
        gki_real p[CHUNK], scale[CHUNK], d_chunk[2 * CHUNK];
        find_levels(here, x + first, edges, chunk.levels.level, chunk.levels.lower,
                    chunk.levels.upper);
        prepare(count, n, first, here, out, &chunk);
        take_totals(count, here, &chunk, p, scale, &logs);
        if (d_out)
            take_gradients(count, n, here, &chunk, p, scale, out + first, d_out + first, d_chunk);
        if (has_edges)
            add_edges(here, chunk.levels.level, d_chunk, tables);
    }
    if (has_edges)
        sum_edges(tables, d_edges);
    return -vr_sum(logs);
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
        mixture_components components;
        load_components(count, out, n, i, &components);
        /* F, f and z·f at the edge below a level and at that above it */
        vr below[COMPONENTS_MAX][3], above[COMPONENTS_MAX][3], information[COMPONENTS_MAX][3];
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
                    const vr edge = vr_set(edges->level[v].upper);
                    const vr z = (edge - components.location[k]) * components.inverse[k];
                    above[k][0] = vr_set(1) / (vr_set(1) + vr_exp(-z));
                    above[k][1] = above[k][0] * (vr_set(1) - above[k][0]);
                    above[k][2] = z * above[k][1];
                }
                p = vr_fma(components.weight[k], above[k][0] - below[k][0], p);
            }
            const vr floor = vr_set(GKV_LEVEL_FLOOR / GKV_LEVELS),
                     rest = vr_set(1 - GKV_LEVEL_FLOOR);
            const vr scale = rest * rest / vr_max(vr_fma(p, rest, floor), floor);
            for (size_t k = 0; k < count; k++) {
                const vr part = above[k][0] - below[k][0] - p;
                const vr density = (above[k][1] - below[k][1]) * components.inverse[k];
                const vr spread = above[k][2] - below[k][2];
                information[k][0] = vr_fma(scale * part, part, information[k][0]);
                information[k][1] = vr_fma(scale * density, density, information[k][1]);
                information[k][2] = vr_fma(scale * spread, spread, information[k][2]);
                for (size_t q = 0; q < 3; q++)
                    below[k][q] = above[k][q];
            }
        }
        for (size_t k = 0; k < count; k++) {
            const vr weight = components.weight[k];
            if (count > 1)
                vr_store_part(sd + k * n + i, n - i, weight * vr_sqrt(information[k][0]));
            vr_store_part(sd + (logits + k) * n + i, n - i, weight * vr_sqrt(information[k][1]));
            vr_store_part(sd + (logits + count + k) * n + i, n - i,
                          weight * vr_sqrt(information[k][2]) *
                              slope_of(out + (logits + count + k) * n + i, n - i));
        }
    }
}

enum { EDGES_TOGETHER = (GKV_LEVELS - 1) / 17 }; /* a divisor of the number of edges */

static void logistic_mean(size_t n, size_t count, const gki_real *out, const gki_level_edges *edges,
                          gki_real *mean)
{
    for (size_t i = 0; i < n; i += VR_LANES) {
        mixture_components components;
        load_components(count, out, n, i, &components);
        /* E[v] = Σ_{v=1}^{255} P(level ≥ v), by groups, whose small sums are rounded less */
        vr sum = vr_set(0);
        for (size_t first = 1; first < GKV_LEVELS; first += EDGES_TOGETHER) {
            vr part = vr_set(0);
            for (size_t v = first; v < first + EDGES_TOGETHER; v++)
                for (size_t k = 0; k < count; k++)
                    part = vr_fma(components.weight[k],
                                  cdf_of(-vr_set(edges->level[v].lower), -components.location[k],
                                         components.inverse[k]),
                                  part);
            sum += part;
        }
        vr_store_part(
            mean + i, n - i,
            vr_fma(sum, vr_set((1 - GKV_LEVEL_FLOOR) / 255), vr_set(GKV_LEVEL_FLOOR / 2)));
    }
}

static void logistic_median(size_t n, size_t count, const gki_real *out,
                            const gki_level_edges *edges, gki_real *median)
{
    for (size_t i = 0; i < n; i += VR_LANES) {
        mixture_components components;
        load_components(count, out, n, i, &components);
        /* the first level whose P(0) + … + P(v) is not below 1/2 */
        unsigned low[VR_LANES] = {0}, high[VR_LANES];
        for (size_t j = 0; j < VR_LANES; j++)
            high[j] = GKV_LEVELS - 1;
        for (int halving = 0; halving < 8; halving++) {
            gki_real edge[VR_LANES], floor[VR_LANES], sum[VR_LANES];
            for (size_t j = 0; j < VR_LANES; j++) {
                const unsigned middle = (low[j] + high[j]) / 2;
                edge[j] = edges->level[middle].upper;
                floor[j] = (gki_real)(GKV_LEVEL_FLOOR / GKV_LEVELS) * (gki_real)(middle + 1);
            }
            vr cdf = vr_set(0);
            for (size_t k = 0; k < count; k++)
                cdf = vr_fma(components.weight[k],
                             cdf_of(vr_load(edge), components.location[k], components.inverse[k]),
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
