/* Discretised g-and-k distributions of grey levels, and mixtures of them. An edge between levels
 * has the probability Φ(Q⁻¹(edge)); the inverses are those of gk/gk_batch_kernels.h, and gradients
 * are implicit derivatives. Values are computed in chunks, whose arrays are on the stack. */
#include <math.h>
#include <string.h>

#include "gk/gk_batch_kernels.h"
#include "likelihood/gk_level_kernels.h"
#include "likelihood/level_mixture.h"
#include "num/constants.h"

enum {
    CHUNK = GKV_GK_LEVEL_CHUNK,
    MOST = GKV_LIKELIHOOD_COMPONENTS_MOST,
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
static size_t place_of(const gki_level_mixture *it, size_t p, size_t k)
{
    return (gki_level_mixture_logits(it) + p * it->components + k) * it->base.values;
}

/* Locations and scales as those of logistic mixtures. B is larger than a logistic scale, since the
 * normal score has the standard deviation 1 and the logistic distribution 1.8. */
static void init(const gki_likelihood *likelihood, const gki_params *params, const double *mean,
                 gki_real *out)
{
    const gki_level_mixture *it = gki_level_mixture_of(likelihood);
    const double raw_k = log(expm1(0.4 - GKV_GK_LEVEL_K_LEAST)); /* k = 0.4 */
    (void)params; /* logits of 0: levels of equal widths */
    memset(out, 0, likelihood->outputs * sizeof *out);
    for (size_t i = 0; i < likelihood->values; i++) {
        const double scale = fmax(sqrt(fmax(mean[i] * (1 - mean[i]), 0)), 0.05);
        for (size_t k = 0; k < it->components; k++) {
            const double apart = (double)k - (double)(it->components - 1) / 2;
            out[place_of(it, 0, k) + i] = (gki_real)(2 * mean[i] - 1 + apart * scale);
            out[place_of(it, 1, k) + i] = (gki_real)log(1.65 * scale);
            out[place_of(it, 3, k) + i] = (gki_real)raw_k;
        }
    }
}

/* --- Components ----------------------------------------------------------- */

typedef gki_gk_level_mixture chunk;

/* The parameters of all components for the values of a chunk. */
static void load_chunk(const gki_level_mixture *it, const gki_real *out, size_t first, chunk *to)
{
    const gki_gk_level_kernels *kernels = gki_gk_level_kernels_get();
    const size_t values = it->base.values;
    to->n = values - first < CHUNK ? values - first : CHUNK;
    to->components = it->components;
    kernels->weights(values, out + first, to);
    for (size_t k = 0; k < it->components; k++)
        kernels->parameters(to->n, it->components * values, out + place_of(it, 0, k) + first,
                            to->value[k], to->slope[k]);
}

static gki_gk_columns columns_of(const chunk *its, size_t k)
{
    return (gki_gk_columns){.a = its->value[k],
                            .b = its->value[k] + its->n,
                            .g = its->value[k] + 2 * its->n,
                            .k = its->value[k] + 3 * its->n,
                            .c = (gki_real)GKV_GK_DEFAULT_C};
}

/* Memory for edges of a chunk. */
typedef struct edge_memory {
    gki_real x[2 * CHUNK], near[2 * CHUNK], z[2 * CHUNK], dq[2 * CHUNK], ratio[2 * CHUNK];
    gki_real x_g[2 * CHUNK], x_k[2 * CHUNK];
} edge_memory;

/* Inverts Q of component k at `rows` rows of edges m->x. */
static gki_gk_level_edges invert(const chunk *its, size_t k, size_t rows, edge_memory *m)
{
    const gki_gk_columns columns = columns_of(its, k);
    const size_t n = its->n;
    for (size_t i = 0; i < rows * n; i++) /* an edge at infinity has no inverse */
        m->near[i] =
            fabs((double)m->x[i]) > GKV_LEVEL_FAR / 2 ? columns.a[i < n ? i : i - n] : m->x[i];
    gki_gk_batch_inverse(rows, n, &columns, m->near, m->z, NULL, m->dq, m->ratio);
    for (size_t i = 0; i < rows * n; i++) { /* farther scores have no density */
        const gki_real far = (gki_real)GKV_GK_LEVEL_FAR_SCORE, z = m->z[i];
        m->near[i] = z > far ? far : z < -far ? -far : z;
    }
    const gki_gk_outputs out = {.x_g = m->x_g, .x_k = m->x_k};
    gki_gk_batch_forward(rows, n, &columns, m->near, &out);
    return (gki_gk_level_edges){m->x, m->z, m->dq, m->ratio, m->x_g, m->x_k};
}

/* --- Forward and backward ------------------------------------------------- */

/* Computes −Σ log P of a chunk of an image and, unless d_out is NULL, its gradients. d_edges,
 * unless it is NULL, receives a sum. */
static double forward_chunk(const gki_level_mixture *it, const chunk *its, const gki_real *x,
                            size_t first, const gki_level_edges *edges, gki_real *d_out,
                            gki_real *d_edges)
{
    const gki_gk_level_kernels *kernels = gki_gk_level_kernels_get();
    const size_t n = its->n;
    unsigned level[CHUNK];
    gki_real width[CHUNK], of[MOST][RESULTS * CHUNK];
    edge_memory m;
    for (size_t i = 0; i < n; i++) {
        const gki_real nearest = x[first + i] * 255 + (gki_real)0.5;
        level[i] = nearest >= 255 ? 255 : nearest > 0 ? (unsigned)nearest : 0;
        m.x[i] = edges->of[level[i]].lower;
        m.x[n + i] = edges->of[level[i]].upper;
        width[i] = edges->of[level[i]].width;
    }
    for (size_t k = 0; k < its->components; k++) {
        const gki_gk_level_edges at = invert(its, k, 2, &m);
        kernels->intervals(n, its->value[k], width, &at, of[k]);
    }
    if (!d_out)
        return (double)kernels->combine(its, of, NULL);
    gki_gk_level_gradients to = {.out = d_out + place_of(it, 0, 0) + first,
                                 .logits = gki_level_mixture_logits(it) > 0 ? d_out + first : NULL,
                                 .stride = it->base.values};
    const double sum = (double)kernels->combine(its, of, &to);
    for (size_t i = 0; d_edges && i < n; i++) {
        if (level[i] > 0)
            d_edges[level[i]] += to.lower[i];
        if (level[i] < GKV_LEVELS - 1)
            d_edges[level[i] + 1] += to.upper[i];
    }
    return sum;
}

static void forward(const gki_likelihood *likelihood, gki_workspace *ws, size_t first, size_t count)
{
    const gki_level_mixture *it = gki_level_mixture_of(likelihood);
    gki_level_edges edges;
    gki_levels_edges(&it->levels, ws->params, &edges);
    for (size_t r = first; r < first + count; r++) {
        const gki_real *out = gki_at(ws, likelihood->out, r),
                       *x = gki_at(ws, likelihood->x, r / ws->draws);
        gki_real *d_out = ws->backward ? gki_at(ws, likelihood->d_out, r) : NULL,
                 *d_edges = d_out && it->levels.learned ? gki_at(ws, likelihood->d_own, r) : NULL;
        double sum = 0;
        if (d_edges)
            memset(d_edges, 0, GKV_LEVELS * sizeof *d_edges);
        for (size_t at = 0; at < likelihood->values; at += CHUNK) {
            chunk its;
            load_chunk(it, out, at, &its);
            sum += forward_chunk(it, &its, x, at, &edges, d_out, d_edges);
        }
        *gki_at(ws, likelihood->value, r) = (gki_real)sum;
    }
}

/* --- All levels ----------------------------------------------------------- */

/* F and its derivatives in the parameters at one edge, for all components of a chunk. */
typedef gki_real at_edge[MOST][(1 + PARAMETERS) * CHUNK];

static void evaluate(const chunk *its, const gki_real *x, edge_memory *m, at_edge to)
{
    memcpy(m->x, x, its->n * sizeof *x);
    for (size_t k = 0; k < its->components; k++) {
        const gki_gk_level_edges at = invert(its, k, 1, m);
        gki_gk_level_kernels_get()->edges(its->n, its->value[k], &at, to[k]);
    }
}

static void evaluate_upper(const chunk *its, const gki_level_edges *edges, size_t level,
                           edge_memory *m, at_edge to)
{
    gki_real x[CHUNK];
    for (size_t i = 0; i < its->n; i++)
        x[i] = edges->of[level].upper;
    evaluate(its, x, m, to);
}

static void fisher_sd(const gki_likelihood *likelihood, const gki_workspace *ws, size_t row,
                      gki_real *sd)
{
    const gki_level_mixture *it = gki_level_mixture_of(likelihood);
    const size_t values = likelihood->values, logits = gki_level_mixture_logits(it);
    const gki_real *out = gki_at(ws, likelihood->out, row);
    const gki_real rest = (gki_real)(1 - GKV_LEVEL_FLOOR),
                   floor = (gki_real)(GKV_LEVEL_FLOOR / GKV_LEVELS);
    gki_level_edges edges;
    gki_levels_edges(&it->levels, ws->params, &edges);
    memset(sd, 0, likelihood->outputs * sizeof *sd);
    for (size_t first = 0; first < values; first += CHUNK) {
        chunk its;
        edge_memory m;
        at_edge sides[2]; /* the edge below a level, and that above it */
        load_chunk(it, out, first, &its);
        const size_t n = its.n;
        memset(sides[1], 0, sizeof sides[1]);
        for (size_t v = 0; v < GKV_LEVELS; v++) {
            gki_real(*below)[(1 + PARAMETERS) * CHUNK] = sides[v % 2 ? 0 : 1],
                                                (*above)[(1 + PARAMETERS) * CHUNK] =
                                                    sides[v % 2 ? 1 : 0];
            evaluate_upper(&its, &edges, v, &m, above);
            for (size_t i = 0; i < n; i++) {
                gki_real p = 0;
                for (size_t k = 0; k < it->components; k++)
                    p += its.weight[k][i] * (above[k][i] - below[k][i]);
                const gki_real total = rest * p + floor,
                               scale = rest * rest / (total > floor ? total : floor);
                for (size_t k = 0; k < it->components; k++) {
                    const gki_real part = above[k][i] - below[k][i] - p;
                    if (logits > 0)
                        sd[k * values + first + i] += scale * part * part;
                    for (size_t q = 0; q < PARAMETERS; q++) {
                        const gki_real d = above[k][(1 + q) * n + i] - below[k][(1 + q) * n + i];
                        sd[place_of(it, q, k) + first + i] += scale * d * d;
                    }
                }
            }
        }
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < it->components; k++) {
                gki_real *logit = &sd[k * values + first + i];
                if (logits > 0)
                    *logit = its.weight[k][i] * (gki_real)sqrt((double)*logit);
                for (size_t q = 0; q < PARAMETERS; q++) {
                    gki_real *one = &sd[place_of(it, q, k) + first + i];
                    *one =
                        its.weight[k][i] * its.slope[k][q * n + i] * (gki_real)sqrt((double)*one);
                }
            }
    }
}

/* The probability of value i to be below the edge. */
static double below_of(const chunk *its, at_edge at, size_t i)
{
    double sum = 0;
    for (size_t k = 0; k < its->components; k++)
        sum += (double)its->weight[k][i] * (double)at[k][i];
    return sum;
}

static void means(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                  const gki_real *out, gki_real *to)
{
    const gki_level_mixture *it = gki_level_mixture_of(likelihood);
    gki_level_edges edges;
    gki_levels_edges(&it->levels, params, &edges);
    for (size_t r = 0; r < n; r++, out += likelihood->outputs, to += likelihood->values)
        for (size_t first = 0; first < likelihood->values; first += CHUNK) {
            chunk its;
            edge_memory m;
            at_edge at;
            double sum[CHUNK] = {0}; /* E[v] = Σ_{v=1}^{255} P(level ≥ v) */
            load_chunk(it, out, first, &its);
            for (size_t v = 0; v + 1 < GKV_LEVELS; v++) {
                evaluate_upper(&its, &edges, v, &m, at);
                for (size_t i = 0; i < its.n; i++)
                    sum[i] += 1 - below_of(&its, at, i);
            }
            for (size_t i = 0; i < its.n; i++)
                to[first + i] =
                    (gki_real)((1 - GKV_LEVEL_FLOOR) * sum[i] / 255 + GKV_LEVEL_FLOOR / 2);
        }
}

static void medians(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                    const gki_real *out, gki_real *to)
{
    const gki_level_mixture *it = gki_level_mixture_of(likelihood);
    gki_level_edges edges;
    gki_levels_edges(&it->levels, params, &edges);
    for (size_t r = 0; r < n; r++, out += likelihood->outputs, to += likelihood->values)
        for (size_t first = 0; first < likelihood->values; first += CHUNK) {
            chunk its;
            edge_memory m;
            at_edge at;
            size_t low[CHUNK] = {0}, high[CHUNK];
            load_chunk(it, out, first, &its);
            for (size_t i = 0; i < its.n; i++)
                high[i] = GKV_LEVELS - 1;
            for (int halving = 0; halving < 8; halving++) {
                gki_real x[CHUNK];
                for (size_t i = 0; i < its.n; i++)
                    x[i] = edges.of[(low[i] + high[i]) / 2].upper;
                evaluate(&its, x, &m, at);
                for (size_t i = 0; i < its.n; i++) {
                    const size_t middle = (low[i] + high[i]) / 2;
                    const double cdf = (1 - GKV_LEVEL_FLOOR) * below_of(&its, at, i) +
                                       GKV_LEVEL_FLOOR / GKV_LEVELS * (double)(middle + 1);
                    if (low[i] < high[i] && cdf >= 0.5)
                        high[i] = middle;
                    else if (low[i] < high[i])
                        low[i] = middle + 1;
                }
            }
            for (size_t i = 0; i < its.n; i++)
                to[first + i] = (gki_real)low[i] / 255;
        }
}

/* Two uniform numbers choose the component, or the floor, and the quantile. */
static void draw(const gki_likelihood *likelihood, const gki_params *params, const gki_real *out,
                 gki_rng at, float *to)
{
    const gki_level_mixture *it = gki_level_mixture_of(likelihood);
    gki_level_edges edges;
    gki_levels_edges(&it->levels, params, &edges);
    for (size_t first = 0; first < likelihood->values; first += CHUNK) {
        chunk its;
        load_chunk(it, out, first, &its);
        for (size_t i = 0; i < its.n; i++) {
            double uniform[2], sum = 0;
            gki_rng_uniform_pair(at, first + i, uniform);
            if (uniform[0] < GKV_LEVEL_FLOOR) {
                to[first + i] = (float)(size_t)(uniform[1] * GKV_LEVELS) / 255.0F;
                continue;
            }
            double choice = (uniform[0] - GKV_LEVEL_FLOOR) / (1 - GKV_LEVEL_FLOOR);
            size_t k = 0;
            for (; k + 1 < its.components && choice >= (sum += (double)its.weight[k][i]); k++)
                continue;
            const gki_real *value = its.value[k];
            const gkv_gk gk = {.a = (double)value[i],
                               .b = (double)value[its.n + i],
                               .g = (double)value[2 * its.n + i],
                               .k = (double)value[3 * its.n + i],
                               .c = GKV_GK_DEFAULT_C};
            to[first + i] =
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
