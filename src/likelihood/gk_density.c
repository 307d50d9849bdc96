/* Real numbers with g-and-k densities. With z = Q⁻¹(t), −log f = ½z² + log Q'(z) + ½ log 2π, whose
 * derivatives gk/gk_batch_kernels.h has. The outputs of a value are those of a discretised g-and-k
 * distribution, with the same bounds (gk_level_kernels.h). */
#include <math.h>

#include "gk/gk_batch_kernels.h"
#include "likelihood/density.h"
#include "likelihood/gk_level_kernels.h"
#include "num/constants.h"

enum {
    PARAMETERS = GKV_GK_LEVEL_PARAMETERS, /* A, log B, raw g and raw k */
    CHUNK = GKV_GK_LEVEL_CHUNK,
    /* Expectations over z ~ N(0, 1): the trapezoidal rule at NODES points, STEPS in a unit. It is
     * exact to rounding for moderate shapes; for g far from 0 an integrand has a sharp peak. */
    STEPS = 8,
    NODES = 20 * STEPS + 1
};

static gkv_status create(const gki_likelihood_spec *spec, gki_params *params, gki_plan *plan,
                         gki_likelihood **out)
{
    (void)params;
    return gki_density_create(&gki_likelihood_gk_density, PARAMETERS, spec, plan, out);
}

static void init(const gki_likelihood *likelihood, const gki_params *params, const double *mean,
                 gki_real *out)
{
    const double raw_k = log(expm1(0.4 - GKV_GK_LEVEL_K_MIN)); /* k = 0.4, g = 0 */
    (void)params;
    gki_density_init(likelihood, mean, out);
    for (size_t i = 0; i < likelihood->values; i++)
        out[3 * likelihood->values + i] = (gki_real)raw_k;
}

/* The parameters of n ≤ CHUNK values. */
typedef struct value_chunk {
    size_t n;
    gki_real value[PARAMETERS * CHUNK], slope[PARAMETERS * CHUNK];
    gki_gk_columns columns;
} value_chunk;

static void load(const gki_likelihood *likelihood, const gki_real *out, size_t first,
                 value_chunk *chunk)
{
    chunk->n = likelihood->values - first < CHUNK ? likelihood->values - first : CHUNK;
    gki_gk_level_kernels_get()->parameters(chunk->n, likelihood->values, out + first, chunk->value,
                                           chunk->slope);
    chunk->columns = (gki_gk_columns){.a = chunk->value,
                                      .b = chunk->value + chunk->n,
                                      .g = chunk->value + 2 * chunk->n,
                                      .k = chunk->value + 3 * chunk->n,
                                      .c = (gki_real)GKV_GK_DEFAULT_C};
}

/* What the derivatives need of n points z. */
typedef struct points {
    gki_real log_dq[CHUNK], dq[CHUNK], ratio[CHUNK];
    gki_real x[CHUNK], x_g[CHUNK], x_k[CHUNK], log_dq_g[CHUNK], log_dq_k[CHUNK];
} points;

/* The derivatives of −log f in A, log B, g and k at t = Q(z) of value i. */
static void gradient_at(const value_chunk *chunk, const points *p, size_t i, gki_real z, gki_real t,
                        gki_real gradient[PARAMETERS])
{
    const gki_real by = (z + p->ratio[i]) / p->dq[i];
    gradient[0] = -by;
    gradient[1] = 1 - by * (t - chunk->value[i]);
    gradient[2] = p->log_dq_g[i] - by * p->x_g[i];
    gradient[3] = p->log_dq_k[i] - by * p->x_k[i];
}

static double forward_chunk(const gki_likelihood *likelihood, const value_chunk *chunk,
                            size_t first, const gki_real *x, gki_real *d_out)
{
    const size_t n = chunk->n;
    gki_real t[CHUNK], z[CHUNK];
    points p;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        t[i] = 2 * x[first + i] - 1;
    gki_gk_batch_inverse(1, n, &chunk->columns, t, z, p.log_dq, p.dq, p.ratio);
    for (size_t i = 0; i < n; i++)
        sum += (double)(z[i] * z[i] / 2 + p.log_dq[i]);
    if (!d_out)
        return sum;
    const gki_gk_outputs out = {
        .x_g = p.x_g, .x_k = p.x_k, .log_dq_g = p.log_dq_g, .log_dq_k = p.log_dq_k};
    gki_gk_batch_forward(1, n, &chunk->columns, z, &out);
    for (size_t i = 0; i < n; i++) {
        gki_real d[PARAMETERS];
        gradient_at(chunk, &p, i, z[i], t[i], d);
        for (size_t q = 0; q < PARAMETERS; q++)
            d_out[q * likelihood->values + first + i] = d[q] * chunk->slope[q * n + i];
    }
    return sum;
}

static void forward(const gki_likelihood *likelihood, gki_workspace *ws, size_t first, size_t count)
{
    for (size_t r = first; r < first + count; r++) {
        double sum =
            (double)likelihood->values * (GKV_HALF_LOG_2PI + gki_density_of(likelihood)->volume);
        for (size_t begin = 0; begin < likelihood->values; begin += CHUNK) {
            value_chunk chunk;
            load(likelihood, gki_at(ws, likelihood->out, r), begin, &chunk);
            sum +=
                forward_chunk(likelihood, &chunk, begin, gki_at(ws, likelihood->x, r / ws->draws),
                              ws->backward ? gki_at(ws, likelihood->d_out, r) : NULL);
        }
        *gki_at(ws, likelihood->value, r) = (gki_real)sum;
    }
}

/* Node `node` of the rule, and its weight. */
static double node_at(size_t node, double *weight)
{
    const double z = ((double)node - (NODES - 1) / 2) / STEPS;
    *weight = exp(-z * z / 2 - GKV_HALF_LOG_2PI) / STEPS;
    return z;
}

/* Computes Q and its derivatives at one z for all values of a chunk. */
static void points_at(const value_chunk *chunk, gki_real z, points *p)
{
    gki_real same[CHUNK];
    const gki_gk_outputs out = {.x = p->x,
                                .dq = p->dq,
                                .ratio = p->ratio,
                                .x_g = p->x_g,
                                .x_k = p->x_k,
                                .log_dq_g = p->log_dq_g,
                                .log_dq_k = p->log_dq_k};
    for (size_t i = 0; i < chunk->n; i++)
        same[i] = z;
    gki_gk_batch_forward(1, chunk->n, &chunk->columns, same, &out);
}

static void fisher_sd(const gki_likelihood *likelihood, const gki_workspace *ws, size_t row,
                      gki_real *sd)
{
    for (size_t first = 0; first < likelihood->values; first += CHUNK) {
        double sum[PARAMETERS][CHUNK] = {{0}};
        value_chunk chunk;
        load(likelihood, gki_at(ws, likelihood->out, row), first, &chunk);
        for (size_t node = 0; node < NODES; node++) {
            double weight;
            points p;
            const gki_real z = (gki_real)node_at(node, &weight);
            points_at(&chunk, z, &p);
            for (size_t i = 0; i < chunk.n; i++) {
                gki_real d[PARAMETERS];
                gradient_at(&chunk, &p, i, z, p.x[i], d);
                for (size_t q = 0; q < PARAMETERS; q++)
                    sum[q][i] += weight * (double)d[q] * (double)d[q];
            }
        }
        for (size_t q = 0; q < PARAMETERS; q++)
            for (size_t i = 0; i < chunk.n; i++)
                sd[q * likelihood->values + first + i] =
                    chunk.slope[q * chunk.n + i] * (gki_real)sqrt(sum[q][i]);
    }
}

/* A is the median. */
static void medians(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                    const gki_real *out, gki_real *images)
{
    (void)params;
    for (size_t r = 0; r < n; r++)
        for (size_t first = 0; first < likelihood->values; first += CHUNK) {
            value_chunk chunk;
            load(likelihood, out + r * likelihood->outputs, first, &chunk);
            for (size_t i = 0; i < chunk.n; i++)
                images[r * likelihood->values + first + i] =
                    (gki_real)gki_density_value((double)chunk.value[i]);
        }
}

/* E[Q(z)]; every moment exists. */
static void means(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                  const gki_real *out, gki_real *images)
{
    (void)params;
    for (size_t r = 0; r < n; r++)
        for (size_t first = 0; first < likelihood->values; first += CHUNK) {
            double sum[CHUNK] = {0};
            value_chunk chunk;
            load(likelihood, out + r * likelihood->outputs, first, &chunk);
            for (size_t node = 0; node < NODES; node++) {
                double weight;
                points p;
                points_at(&chunk, (gki_real)node_at(node, &weight), &p);
                for (size_t i = 0; i < chunk.n; i++)
                    sum[i] += weight * (double)p.x[i];
            }
            for (size_t i = 0; i < chunk.n; i++)
                images[r * likelihood->values + first + i] = (gki_real)gki_density_value(sum[i]);
        }
}

static void draw(const gki_likelihood *likelihood, const gki_params *params, const gki_real *out,
                 gki_rng rng, float *image)
{
    (void)params;
    const uint32_t step = rng.step;
    for (size_t first = 0; first < likelihood->values; first += CHUNK) {
        gki_real z[CHUNK], t[CHUNK];
        value_chunk chunk;
        load(likelihood, out, first, &chunk);
        rng.step = step + (uint32_t)(first / CHUNK);
        gki_rng_normal(rng, chunk.n, z);
        const gki_gk_outputs drawn = {.x = t};
        gki_gk_batch_forward(1, chunk.n, &chunk.columns, z, &drawn);
        for (size_t i = 0; i < chunk.n; i++)
            image[first + i] = (float)gki_density_value((double)t[i]);
    }
}

const gki_likelihood_ops gki_likelihood_gk_density = {
    .name = "gk-density",
    .create = create,
    .free = gki_likelihood_free,
    .init = init,
    .forward = forward,
    .parts = gki_likelihood_no_parts,
    .gradient = gki_likelihood_no_gradient,
    .fisher_sd = fisher_sd,
    .means = means,
    .medians = medians,
    .draw = draw,
};
