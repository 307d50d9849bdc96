/* Real numbers with normal densities: −log f(t) = ½((t − μ)/s)² + log s + ½ log 2π. */
#include <math.h>

#include "core/vmath.h"
#include "likelihood/density.h"
#include "num/constants.h"

/* The location μ and log s; and the values of a step. */
enum { PARAMETERS = 2, CHUNK = 128 };

static gkv_status create(const gki_likelihood_spec *spec, gki_params *params, gki_plan *plan,
                         gki_likelihood **out)
{
    (void)params;
    return gki_density_create(&gki_likelihood_normal_density, PARAMETERS, spec, plan, out);
}

static void init(const gki_likelihood *likelihood, const gki_params *params, const double *mean,
                 gki_real *out)
{
    (void)params;
    gki_density_init(likelihood, mean, out);
}

static gki_real limited(gki_real x, double least, double most)
{
    return x < (gki_real)least ? (gki_real)least : x > (gki_real)most ? (gki_real)most : x;
}

static bool is_inside(gki_real x, double least, double most)
{
    return x >= (gki_real)least && x <= (gki_real)most;
}

/* Computes 1/s of n ≤ CHUNK log-scales, and the log-scales within their bounds. */
static void scales(size_t n, const gki_real *out, gki_real *log_scale, gki_real *inverse)
{
    gki_real negative[CHUNK];
    for (size_t i = 0; i < n; i++) {
        log_scale[i] = limited(out[i], GKV_LOG_SCALE_MIN, GKV_LOG_SCALE_MAX);
        negative[i] = -log_scale[i];
    }
    gki_vexp(n, negative, inverse);
}

/* Returns −Σ log f of an image. */
static double forward_image(size_t values, const gki_real *x, const gki_real *out, gki_real *d_out)
{
    double sum = 0;
    for (size_t first = 0; first < values; first += CHUNK) {
        const size_t n = values - first < CHUNK ? values - first : CHUNK;
        gki_real log_scale[CHUNK], inverse[CHUNK];
        scales(n, out + values + first, log_scale, inverse);
        for (size_t i = 0; i < n; i++) {
            const size_t j = first + i;
            const gki_real location = limited(out[j], -GKV_LOCATION_MAX, GKV_LOCATION_MAX);
            const gki_real z = (2 * x[j] - 1 - location) * inverse[i];
            sum += (double)(z * z / 2 + log_scale[i]);
            if (!d_out)
                continue;
            d_out[j] = is_inside(out[j], -GKV_LOCATION_MAX, GKV_LOCATION_MAX) ? -z * inverse[i] : 0;
            d_out[values + j] =
                is_inside(out[values + j], GKV_LOG_SCALE_MIN, GKV_LOG_SCALE_MAX) ? 1 - z * z : 0;
        }
    }
    return sum;
}

static void forward(const gki_likelihood *likelihood, gki_workspace *ws, size_t first, size_t count)
{
    const double constant =
        (double)likelihood->values * (GKV_HALF_LOG_2PI + gki_density_of(likelihood)->volume);
    for (size_t r = first; r < first + count; r++)
        *gki_at(ws, likelihood->value, r) =
            (gki_real)(constant +
                       forward_image(likelihood->values, gki_at(ws, likelihood->x, r / ws->draws),
                                     gki_at(ws, likelihood->out, r),
                                     ws->backward ? gki_at(ws, likelihood->d_out, r) : NULL));
}

/* The information of μ is 1/s², and that of log s is 2. */
static void fisher_sd(const gki_likelihood *likelihood, const gki_workspace *ws, size_t row,
                      gki_real *sd)
{
    const gki_real *out = gki_at(ws, likelihood->out, row);
    for (size_t first = 0; first < likelihood->values; first += CHUNK) {
        const size_t n = likelihood->values - first < CHUNK ? likelihood->values - first : CHUNK;
        gki_real log_scale[CHUNK], inverse[CHUNK];
        scales(n, out + likelihood->values + first, log_scale, inverse);
        for (size_t i = 0; i < n; i++) {
            const size_t j = first + i;
            sd[j] = is_inside(out[j], -GKV_LOCATION_MAX, GKV_LOCATION_MAX) ? inverse[i] : 0;
            sd[likelihood->values + j] =
                is_inside(out[likelihood->values + j], GKV_LOG_SCALE_MIN, GKV_LOG_SCALE_MAX)
                    ? (gki_real)1.41421356237309504880
                    : 0;
        }
    }
}

/* Means are medians. */
static void centres(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                    const gki_real *out, gki_real *images)
{
    (void)params;
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < likelihood->values; i++)
            images[r * likelihood->values + i] = (gki_real)gki_density_value((double)limited(
                out[r * likelihood->outputs + i], -GKV_LOCATION_MAX, GKV_LOCATION_MAX));
}

static void draw(const gki_likelihood *likelihood, const gki_params *params, const gki_real *out,
                 gki_rng rng, float *image)
{
    (void)params;
    const uint32_t step = rng.step;
    for (size_t first = 0; first < likelihood->values; first += CHUNK) {
        const size_t n = likelihood->values - first < CHUNK ? likelihood->values - first : CHUNK;
        double normal[CHUNK];
        rng.step = step + (uint32_t)(first / CHUNK);
        gki_rng_normal_d(rng, n, normal);
        for (size_t i = 0; i < n; i++) {
            const gki_real location = limited(out[first + i], -GKV_LOCATION_MAX, GKV_LOCATION_MAX),
                           log_scale = limited(out[likelihood->values + first + i],
                                               GKV_LOG_SCALE_MIN, GKV_LOG_SCALE_MAX);
            image[first + i] =
                (float)gki_density_value((double)location + exp((double)log_scale) * normal[i]);
        }
    }
}

const gki_likelihood_ops gki_likelihood_normal_density = {
    .name = "normal-density",
    .create = create,
    .free = gki_likelihood_free,
    .init = init,
    .forward = forward,
    .parts = gki_likelihood_no_parts,
    .gradient = gki_likelihood_no_gradient,
    .fisher_sd = fisher_sd,
    .means = centres,
    .medians = centres,
    .draw = draw,
};
