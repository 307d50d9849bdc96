/* Discretised g-and-k distributions of grey levels, and mixtures of them. An edge between levels
 * has the probability Φ(Q⁻¹(edge)); the inverses are those of gk/gk_batch_kernels.h, and gradients
 * are implicit derivatives. Values are computed in chunks, whose arrays are on the stack. */
#include <math.h>
#include <string.h>

#include "gkvae/gk.h"
#include "likelihood/gk_level_kernels.h"
#include "likelihood/level_mixture.h"
#include "num/constants.h"

enum {
    CHUNK = GKV_GK_LEVEL_CHUNK,
    BLOCK = GKV_GK_LEVEL_BLOCK,
    COMPONENTS_MAX = GKV_LIKELIHOOD_COMPONENTS_MAX,
    PARAMETERS = GKV_GK_LEVEL_PARAMETERS,
    RESULTS = GKV_GK_LEVEL_RESULTS /* the probability, and derivatives in parameters and edges */
};

static gkv_status create_single(const gki_likelihood_spec *spec, gki_params *params, gki_plan *plan,
                                gki_likelihood **out)
{
    return gki_level_mixture_create(&gki_likelihood_gk, 1, PARAMETERS, spec, params, plan, out);
}

static gkv_status create_mixture(const gki_likelihood_spec *spec, gki_params *params,
                                 gki_plan *plan, gki_likelihood **out)
{
    return gki_level_mixture_create(&gki_likelihood_gk_mixture, spec->components, PARAMETERS, spec,
                                    params, plan, out);
}

/* The outputs of parameter p of component k. */
static size_t place_of(const gki_level_mixture *mixture, size_t p, size_t k)
{
    return (gki_level_mixture_logits(mixture) + p * mixture->components + k) * mixture->base.values;
}

/* Locations and scales as those of logistic mixtures. B is larger than a logistic scale, since the
 * normal score has the standard deviation 1 and the logistic distribution 1.8. */
static void init(const gki_likelihood *likelihood, const gki_params *params, const double *mean,
                 gki_real *out)
{
    const gki_level_mixture *mixture = gki_level_mixture_of(likelihood);
    const double raw_k = log(expm1(0.4 - GKV_GK_LEVEL_K_MIN)); /* k = 0.4 */
    (void)params; /* logits of 0: levels of equal widths */
    memset(out, 0, likelihood->outputs * sizeof *out);
    for (size_t i = 0; i < likelihood->values; i++) {
        const double scale = fmax(sqrt(fmax(mean[i] * (1 - mean[i]), 0)), 0.05);
        for (size_t k = 0; k < mixture->components; k++) {
            const double apart = (double)k - (double)(mixture->components - 1) / 2;
            out[place_of(mixture, 0, k) + i] = (gki_real)(2 * mean[i] - 1 + apart * scale);
            out[place_of(mixture, 1, k) + i] = (gki_real)log(1.65 * scale);
            out[place_of(mixture, 3, k) + i] = (gki_real)raw_k;
        }
    }
}

/* --- Components ----------------------------------------------------------- */

typedef gki_gk_level_mixture value_chunk;

/* The parameters of all components for at most so many values. */
static void load_chunk(const gki_level_mixture *mixture, const gki_real *out, size_t first,
                       size_t most, value_chunk *chunk)
{
    const gki_gk_level_kernels *kernels = gki_gk_level_kernels_get();
    const size_t values = mixture->base.values;
    chunk->n = values - first < most ? values - first : most;
    chunk->components = mixture->components;
    kernels->weights(values, out + first, chunk);
    for (size_t k = 0; k < mixture->components; k++)
        kernels->parameters(chunk->n, mixture->components * values,
                            out + place_of(mixture, 0, k) + first, chunk->value[k],
                            chunk->slope[k]);
}

/* --- Forward and backward ------------------------------------------------- */

/* Sums of gradients in edges. Neighbouring values use different ones, so that an addition need not
 * wait for the one before it, often to the same edge. */
typedef gki_real edge_sums[2][GKV_LEVELS + 1];

/* Computes −Σ log P of a chunk of an image and, unless d_out is NULL, its gradients; those in edges
 * are added to d_edges, unless it is NULL. */
static double forward_chunk(const gki_level_mixture *mixture, const value_chunk *chunk,
                            const gki_real *x, size_t first, const gki_level_edges *edges,
                            gki_real *d_out, edge_sums *d_edges)
{
    const gki_gk_level_kernels *kernels = gki_gk_level_kernels_get();
    const size_t n = chunk->n;
    int level[CHUNK];
    gki_real lower[CHUNK], upper[CHUNK], results[COMPONENTS_MAX][RESULTS * CHUNK];
    kernels->levels(n, x + first, edges, level, lower, upper);
    for (size_t k = 0; k < chunk->components; k++)
        kernels->intervals(n, chunk->value[k], lower, upper, results[k]);
    if (!d_out)
        return (double)kernels->combine(chunk, results, NULL);
    gki_gk_level_gradients gradients = {
        .out = d_out + place_of(mixture, 0, 0) + first,
        .logits = gki_level_mixture_logits(mixture) > 0 ? d_out + first : NULL,
        .stride = mixture->base.values};
    const double sum = (double)kernels->combine(chunk, results, &gradients);
    for (size_t i = 0; d_edges && i < n; i++) {
        gki_real *entry = &(*d_edges)[i % 2][level[i]];
        entry[0] += gradients.lower[i];
        entry[1] += gradients.upper[i];
    }
    return sum;
}

static void forward(const gki_likelihood *likelihood, gki_workspace *ws, size_t first, size_t count)
{
    const gki_level_mixture *mixture = gki_level_mixture_of(likelihood);
    gki_level_edges edges;
    gki_levels_edges(&mixture->levels, ws->params, &edges);
    for (size_t r = first; r < first + count; r++) {
        const gki_real *out = gki_at(ws, likelihood->out, r),
                       *x = gki_at(ws, likelihood->x, r / ws->draws);
        gki_real *d_out = ws->backward ? gki_at(ws, likelihood->d_out, r) : NULL;
        const bool has_edges = d_out && mixture->levels.learned;
        edge_sums sums = {{0}};
        double sum = 0;
        for (size_t begin = 0; begin < likelihood->values; begin += CHUNK) {
            value_chunk chunk;
            load_chunk(mixture, out, begin, CHUNK, &chunk);
            sum +=
                forward_chunk(mixture, &chunk, x, begin, &edges, d_out, has_edges ? &sums : NULL);
        }
        for (size_t v = 0; has_edges && v < GKV_LEVELS; v++)
            gki_at(ws, likelihood->d_own, r)[v] = v > 0 ? sums[0][v] + sums[1][v] : 0;
        *gki_at(ws, likelihood->value, r) = (gki_real)sum;
    }
}

/* --- All levels ----------------------------------------------------------- */

/* F and its derivatives in the parameters at one edge, for all components of a block. */
typedef gki_real at_edge[COMPONENTS_MAX][(1 + PARAMETERS) * BLOCK];

/* The edges of a block that differ from infinite ones: upper edges of levels [first, last). At
 * lower ones F is 0, and at higher ones 1. */
typedef struct edge_range {
    size_t first, last;
    gki_gk_level_place places[COMPONENTS_MAX]; /* the last edges, of each component */
} edge_range;

static void begin_range(const value_chunk *chunk, const gki_level_edges *edges, edge_range *range)
{
    gki_real least = (gki_real)GKV_LEVEL_FAR, most = (gki_real)-GKV_LEVEL_FAR;
    for (size_t k = 0; k < chunk->components; k++) {
        gki_gk_level_kernels_get()->reach(chunk->n, chunk->value[k], &least, &most);
        range->places[k].begun = false;
    }
    range->first = gki_levels_find(edges, (double)least);
    range->last = gki_levels_find(edges, (double)most);
}

/* Evaluates each component at an edge x of each value. */
static void evaluate(const value_chunk *chunk, const gki_real *x, edge_range *range, at_edge values)
{
    for (size_t k = 0; k < chunk->components; k++)
        gki_gk_level_kernels_get()->edges(chunk->n, chunk->value[k], x,
                                          range ? &range->places[k] : NULL, values[k]);
}

static void evaluate_upper(const value_chunk *chunk, const gki_level_edges *edges, size_t level,
                           edge_range *range, at_edge values)
{
    gki_real x[BLOCK];
    for (size_t i = 0; i < chunk->n; i++)
        x[i] = edges->level[level].upper;
    evaluate(chunk, x, range, values);
}

/* The values of F and its derivatives at an infinite edge. */
static void evaluate_infinite(const value_chunk *chunk, gki_real cdf, at_edge values)
{
    for (size_t k = 0; k < chunk->components; k++)
        for (size_t i = 0; i < (1 + PARAMETERS) * chunk->n; i++)
            values[k][i] = i < chunk->n ? cdf : 0;
}

/* Sums of the squares of derivatives over the levels. */
typedef struct information {
    gki_real logit[COMPONENTS_MAX][BLOCK], parameter[COMPONENTS_MAX][PARAMETERS * BLOCK];
} information;

/* Adds the information of a level from the edges below and above it. */
static void add_level(const value_chunk *chunk, at_edge below, at_edge above, information *sums)
{
    const gki_real rest = (gki_real)(1 - GKV_LEVEL_FLOOR),
                   floor = (gki_real)(GKV_LEVEL_FLOOR / GKV_LEVELS);
    const size_t n = chunk->n;
    gki_real p[BLOCK] = {0}, scale[BLOCK];
    for (size_t k = 0; k < chunk->components; k++)
        for (size_t i = 0; i < n; i++)
            p[i] += chunk->weight[k][i] * (above[k][i] - below[k][i]);
    for (size_t i = 0; i < n; i++) {
        const gki_real total = rest * p[i] + floor;
        scale[i] = rest * rest / (total > floor ? total : floor);
    }
    for (size_t k = 0; k < chunk->components; k++) {
        for (size_t i = 0; i < n; i++) {
            const gki_real part = above[k][i] - below[k][i] - p[i];
            sums->logit[k][i] += scale[i] * part * part;
        }
        for (size_t q = 0; q < PARAMETERS; q++)
            for (size_t i = 0; i < n; i++) {
                const gki_real d = above[k][(1 + q) * n + i] - below[k][(1 + q) * n + i];
                sums->parameter[k][q * n + i] += scale[i] * d * d;
            }
    }
}

static void fisher_sd(const gki_likelihood *likelihood, const gki_workspace *ws, size_t row,
                      gki_real *sd)
{
    const gki_level_mixture *mixture = gki_level_mixture_of(likelihood);
    const size_t values = likelihood->values, logits = gki_level_mixture_logits(mixture);
    const gki_real *out = gki_at(ws, likelihood->out, row);
    gki_level_edges edges;
    gki_levels_edges(&mixture->levels, ws->params, &edges);
    for (size_t first = 0; first < values; first += BLOCK) {
        value_chunk chunk;
        edge_range range;
        at_edge sides[2]; /* the edge below a level, and that above it */
        information sum;
        load_chunk(mixture, out, first, BLOCK, &chunk);
        begin_range(&chunk, &edges, &range);
        memset(&sum, 0, sizeof sum);
        evaluate_infinite(&chunk, 0, sides[0]);
        for (size_t v = range.first; v <= range.last; v++) {
            const size_t side = (v - range.first) % 2;
            if (v < range.last)
                evaluate_upper(&chunk, &edges, v, &range, sides[1 - side]);
            else
                evaluate_infinite(&chunk, 1, sides[1 - side]);
            add_level(&chunk, sides[side], sides[1 - side], &sum);
        }
        for (size_t k = 0; k < mixture->components; k++)
            for (size_t i = 0; i < chunk.n; i++) {
                const gki_real weight = chunk.weight[k][i];
                if (logits > 0)
                    sd[k * values + first + i] = weight * (gki_real)sqrt((double)sum.logit[k][i]);
                for (size_t q = 0; q < PARAMETERS; q++)
                    sd[place_of(mixture, q, k) + first + i] =
                        weight * chunk.slope[k][q * chunk.n + i] *
                        (gki_real)sqrt((double)sum.parameter[k][q * chunk.n + i]);
            }
    }
}

/* The probability of value i to be below the edge. */
static double below_of(const value_chunk *chunk, at_edge below, size_t i)
{
    double sum = 0;
    for (size_t k = 0; k < chunk->components; k++)
        sum += (double)chunk->weight[k][i] * (double)below[k][i];
    return sum;
}

static void means(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                  const gki_real *out, gki_real *images)
{
    const gki_level_mixture *mixture = gki_level_mixture_of(likelihood);
    gki_level_edges edges;
    gki_levels_edges(&mixture->levels, params, &edges);
    for (size_t r = 0; r < n; r++, out += likelihood->outputs, images += likelihood->values)
        for (size_t first = 0; first < likelihood->values; first += BLOCK) {
            value_chunk chunk;
            edge_range range;
            at_edge below;
            double sum[BLOCK] = {0}; /* E[v] = Σ_{v=1}^{255} P(level ≥ v) */
            load_chunk(mixture, out, first, BLOCK, &chunk);
            begin_range(&chunk, &edges, &range);
            for (size_t v = range.first; v < range.last; v++) {
                evaluate_upper(&chunk, &edges, v, &range, below);
                for (size_t i = 0; i < chunk.n; i++)
                    sum[i] += 1 - below_of(&chunk, below, i);
            }
            for (size_t i = 0; i < chunk.n; i++)
                images[first + i] =
                    (gki_real)((1 - GKV_LEVEL_FLOOR) * ((double)range.first + sum[i]) / 255 +
                               GKV_LEVEL_FLOOR / 2);
        }
}

static void medians(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                    const gki_real *out, gki_real *images)
{
    const gki_level_mixture *mixture = gki_level_mixture_of(likelihood);
    gki_level_edges edges;
    gki_levels_edges(&mixture->levels, params, &edges);
    for (size_t r = 0; r < n; r++, out += likelihood->outputs, images += likelihood->values)
        for (size_t first = 0; first < likelihood->values; first += BLOCK) {
            value_chunk chunk;
            at_edge below;
            size_t low[BLOCK] = {0}, high[BLOCK];
            load_chunk(mixture, out, first, BLOCK, &chunk);
            for (size_t i = 0; i < chunk.n; i++)
                high[i] = GKV_LEVELS - 1;
            for (int halving = 0; halving < 8; halving++) {
                gki_real x[BLOCK];
                for (size_t i = 0; i < chunk.n; i++)
                    x[i] = edges.level[(low[i] + high[i]) / 2].upper;
                evaluate(&chunk, x, NULL, below);
                for (size_t i = 0; i < chunk.n; i++) {
                    const size_t middle = (low[i] + high[i]) / 2;
                    const double cdf = (1 - GKV_LEVEL_FLOOR) * below_of(&chunk, below, i) +
                                       GKV_LEVEL_FLOOR / GKV_LEVELS * (double)(middle + 1);
                    if (low[i] < high[i] && cdf >= 0.5)
                        high[i] = middle;
                    else if (low[i] < high[i])
                        low[i] = middle + 1;
                }
            }
            for (size_t i = 0; i < chunk.n; i++)
                images[first + i] = (gki_real)low[i] / 255;
        }
}

/* Two uniform numbers choose the component, or the floor, and the quantile. */
static void draw(const gki_likelihood *likelihood, const gki_params *params, const gki_real *out,
                 gki_rng rng, float *image)
{
    const gki_level_mixture *mixture = gki_level_mixture_of(likelihood);
    gki_level_edges edges;
    gki_levels_edges(&mixture->levels, params, &edges);
    for (size_t first = 0; first < likelihood->values; first += CHUNK) {
        value_chunk chunk;
        load_chunk(mixture, out, first, CHUNK, &chunk);
        for (size_t i = 0; i < chunk.n; i++) {
            double uniform[2], sum = 0;
            gki_rng_uniform_pair(rng, first + i, uniform);
            if (uniform[0] < GKV_LEVEL_FLOOR) {
                image[first + i] = (float)(size_t)(uniform[1] * GKV_LEVELS) / 255.0F;
                continue;
            }
            double choice = (uniform[0] - GKV_LEVEL_FLOOR) / (1 - GKV_LEVEL_FLOOR);
            size_t k = 0;
            for (; k + 1 < chunk.components && choice >= (sum += (double)chunk.weight[k][i]); k++)
                continue;
            const gki_real *value = chunk.value[k];
            const gkv_gk gk = {.a = (double)value[i],
                               .b = (double)value[chunk.n + i],
                               .g = (double)value[2 * chunk.n + i],
                               .k = (double)value[3 * chunk.n + i],
                               .c = GKV_GK_DEFAULT_C};
            image[first + i] =
                (float)gki_levels_find(&edges, gkv_gk_quantile(&gk, uniform[1])) / 255.0F;
        }
    }
}

#define GK_OPS(its_name, its_create)                                                       \
    {                                                                                      \
        .name = its_name, .create = its_create, .free = gki_likelihood_free, .init = init, \
        .forward = forward, .parts = gki_level_mixture_parts,                              \
        .gradient = gki_level_mixture_gradient, .fisher_sd = fisher_sd, .means = means,    \
        .medians = medians, .draw = draw                                                   \
    }

const gki_likelihood_ops gki_likelihood_gk = GK_OPS("gk", create_single);
const gki_likelihood_ops gki_likelihood_gk_mixture = GK_OPS("gk-mixture", create_mixture);
