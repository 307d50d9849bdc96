/* The Gauss–Newton iteration for a batch of images. refiner.c and train/fine_tune.c call it. */
#include "infer/refine_iteration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "num/constants.h"
#include "num/linalg.h"

/* TRIES: the most trial steps of an iteration, each shorter than the one before. NOISE_STEPS: the
 * step numbers of noise that an iteration has. */
enum { TRIES = 4, NOISE_STEPS = 1024 };
/* λ is multiplied by lambda_factor after a rejected step and divided by it after an accepted one. A
 * rejected step leaves λ between lambda_floor and lambda_ceiling. At the ceiling μ no longer moves,
 * but P still can. */
static const double lambda_factor = 10, lambda_floor = 1e-3, lambda_ceiling = 1e12;

/* --- Memory --------------------------------------------------------------- */

static bool is_map(const gki_refinement *refinement)
{
    return refinement->settings.mode == GKV_REFINE_MAP;
}

static gkv_status gaussians_create(size_t capacity, size_t d, gki_gaussians *out)
{
    GKV_TRY(gki_alloc(capacity * d, sizeof *out->mean, &out->mean));
    GKV_TRY(gki_alloc(capacity * d * d, sizeof *out->precision, &out->precision));
    return gki_alloc(capacity * d * d, sizeof *out->factor, &out->factor);
}

static void gaussians_free(gki_gaussians *gaussians)
{
    free(gaussians->mean);
    free(gaussians->precision);
    free(gaussians->factor);
    *gaussians = (gki_gaussians){0};
}

gkv_status gki_refinement_create(const gkv_refine_settings *settings, const gki_target *target,
                                 size_t capacity, gki_refinement *out)
{
    const size_t d = target->d;
    *out = (gki_refinement){.settings = *settings,
                            .target = target,
                            .d = d,
                            .capacity = capacity,
                            .stream = GKV_STREAM_REFINE};
    gkv_refine_settings *own = &out->settings;
    gkv_refine_advanced *advanced = &own->advanced;
    if (is_map(out)) /* the point u = 0 */
        own->curvature_samples = advanced->gradient_samples = advanced->acceptance_samples = 1;
    if (advanced->gradient_samples < own->curvature_samples)
        advanced->gradient_samples = own->curvature_samples;
    const size_t points = capacity * (advanced->gradient_samples > advanced->acceptance_samples
                                          ? advanced->gradient_samples
                                          : advanced->acceptance_samples);
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(capacity, sizeof *out->images, &out->images));
    GKV_TRY_GOTO(gaussians_create(capacity, d, &out->now));
    GKV_TRY_GOTO(gaussians_create(capacity, d, &out->trial));
    GKV_TRY_GOTO(gki_alloc(capacity * d, sizeof *out->gradient, &out->gradient));
    GKV_TRY_GOTO(gki_alloc(capacity * d * d, sizeof *out->curvature, &out->curvature));
    GKV_TRY_GOTO(gki_alloc(points * d, sizeof *out->z, &out->z));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *out->noise, &out->noise));
    GKV_TRY_GOTO(gki_alloc(points, sizeof *out->value, &out->value));
    GKV_TRY_GOTO(gki_alloc(points, sizeof *out->quadratic, &out->quadratic));
    GKV_TRY_GOTO(gki_alloc(d * d, sizeof *out->work, &out->work));
    GKV_TRY_GOTO(gki_alloc(points, sizeof *out->owner, &out->owner));
done:
    if (status != GKV_OK)
        gki_refinement_free(out);
    return status;
}

void gki_refinement_free(gki_refinement *refinement)
{
    if (!refinement)
        return;
    free(refinement->images);
    gaussians_free(&refinement->now);
    gaussians_free(&refinement->trial);
    free(refinement->gradient);
    free(refinement->curvature);
    free(refinement->z);
    free(refinement->noise);
    free(refinement->value);
    free(refinement->quadratic);
    free(refinement->work);
    free(refinement->owner);
    memset(refinement, 0, sizeof *refinement);
}

uint64_t gki_refinement_noise_count(size_t iterations)
{
    return ((uint64_t)iterations + 1) * NOISE_STEPS;
}

void gki_refinement_begin(gki_refinement *refinement, size_t i, const gki_real *mean,
                          const gki_real *sd, const gki_real *mixing, uint64_t index)
{
    const size_t d = refinement->d;
    double *precision = refinement->now.precision + i * d * d,
           *factor = refinement->now.factor + i * d * d;
    memset(precision, 0, d * d * sizeof *precision);
    memset(factor, 0, d * d * sizeof *factor);
    for (size_t j = 0; j < d; j++) {
        const double scale = (double)sd[j];
        refinement->now.mean[i * d + j] = (double)mean[j];
        precision[j * d + j] = 1 / (scale * scale);
        factor[j * d + j] = scale;
        for (size_t k = 0; mixing && k < j; k++)
            factor[j * d + k] = scale * (double)*mixing++;
    }
    if (mixing) {
        gki_cholesky_invert(d, factor, refinement->work); /* V = L⁻¹ */
        for (size_t j = 0; j < d; j++)
            for (size_t k = 0; k <= j; k++) {
                double sum = 0;
                for (size_t r = j; r < d; r++)
                    sum += refinement->work[r * d + j] * refinement->work[r * d + k];
                precision[j * d + k] = sum;
            }
    }
    refinement->images[i] =
        (gki_refinement_image){.index = index, .lambda = refinement->settings.advanced.damping};
}

/* --- Points --------------------------------------------------------------- */

/* Writes points μ ± Lu of image i to rows [first, first + count). u is from the image's noise at
 * steps `step`, step + 1, … In MAP mode the point is μ. */
static void draw(gki_refinement *refinement, const gki_gaussians *gaussians, size_t i,
                 uint64_t step, size_t first, size_t count)
{
    const size_t d = refinement->d;
    const double *mean = gaussians->mean + i * d, *factor = gaussians->factor + i * d * d;
    gki_real *z = refinement->z + first * d;
    for (size_t r = first; r < first + count; r++) {
        refinement->owner[r] = i;
        refinement->quadratic[r] = 0;
    }
    for (size_t j = 0; is_map(refinement) && j < d; j++)
        z[j] = (gki_real)mean[j];
    for (size_t pair = 0; pair < count / 2; pair++, z += 2 * d) {
        const gki_rng rng =
            gki_rng_at(refinement->settings.seed, refinement->stream,
                       refinement->noise_step + step + pair, refinement->images[i].index);
        double squares = 0;
        gki_rng_normal(rng, d, refinement->noise);
        for (size_t j = 0; j < d; j++) {
            double offset = 0;
            for (size_t k = 0; k <= j; k++)
                offset += factor[j * d + k] * (double)refinement->noise[k];
            z[j] = (gki_real)(mean[j] + offset);
            z[d + j] = (gki_real)(mean[j] - offset);
            squares += (double)refinement->noise[j] * (double)refinement->noise[j];
        }
        refinement->quadratic[first + 2 * pair] = refinement->quadratic[first + 2 * pair + 1] =
            squares / 2;
    }
}

/* Computes the −ELBO of an image from the values at its acceptance samples, rows [first, first +
 * samples). */
static double bound_of(const gki_refinement *refinement, const gki_gaussians *gaussians,
                       size_t first)
{
    const size_t d = refinement->d, samples = refinement->settings.advanced.acceptance_samples;
    const double *factor = gaussians->factor + refinement->owner[first] * d * d;
    double sum = 0;
    for (size_t r = first; r < first + samples; r++)
        sum += refinement->value[r] - refinement->quadratic[r];
    sum /= (double)samples;
    for (size_t j = 0; !is_map(refinement) && j < d; j++)
        sum -= log(factor[j * d + j]) + GKV_HALF_LOG_2PI;
    return sum;
}

/* Computes trial_value, the −ELBO on the acceptance samples, of those of the first n images whose
 * step is possible. */
static void evaluate_bounds(gki_refinement *refinement, const gki_gaussians *gaussians, size_t n)
{
    const size_t samples = refinement->settings.advanced.acceptance_samples;
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        if (!refinement->images[i].possible)
            continue;
        draw(refinement, gaussians, i, 0, rows, samples);
        rows += samples;
    }
    refinement->target->value(refinement->target->context, rows, refinement->owner, refinement->z,
                              refinement->value);
    for (size_t r = 0; r < rows; r += samples)
        refinement->images[refinement->owner[r]].trial_value = bound_of(refinement, gaussians, r);
}

/* --- Steps ---------------------------------------------------------------- */

/* Adds the gradients at `count` points of each of the first n images that can be refined. Their
 * noise starts at step `step`. Unless `curvature` is NULL, also adds the curvatures. */
static void expand_at(gki_refinement *refinement, size_t n, uint64_t step, size_t count,
                      gki_real *curvature)
{
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        if (!refinement->images[i].finite)
            continue;
        draw(refinement, &refinement->now, i, step, rows, count);
        rows += count;
    }
    refinement->target->expand(refinement->target->context, rows, refinement->owner, refinement->z,
                               refinement->gradient, curvature);
}

/* Computes the gradients and curvatures of an iteration. Gradients are cheaper than curvatures and
 * use more samples. */
static void expand(gki_refinement *refinement, size_t n, size_t iteration)
{
    const size_t samples = refinement->settings.curvature_samples,
                 gradient_samples = refinement->settings.advanced.gradient_samples,
                 d = refinement->d;
    const uint64_t step = (uint64_t)(iteration + 1) * NOISE_STEPS;
    memset(refinement->gradient, 0, n * d * sizeof *refinement->gradient);
    memset(refinement->curvature, 0, n * d * d * sizeof *refinement->curvature);
    expand_at(refinement, n, step, samples, refinement->curvature);
    expand_at(refinement, n, step + samples / 2, gradient_samples - samples, NULL);
}

/* Computes the trial step of image i with this ρ. Returns false if it is not finite or not positive
 * definite. */
static bool propose(gki_refinement *refinement, size_t i, double rho)
{
    const size_t d = refinement->d;
    const double curvature_weight = 1 / (double)refinement->settings.curvature_samples,
                 gradient_weight = 1 / (double)refinement->settings.advanced.gradient_samples;
    const double lambda = refinement->images[i].lambda;
    const double *precision = refinement->now.precision + i * d * d,
                 *mean = refinement->now.mean + i * d;
    const gki_real *curvature = refinement->curvature + i * d * d,
                   *gradient = refinement->gradient + i * d;
    double *trial = refinement->trial.precision + i * d * d,
           *trial_mean = refinement->trial.mean + i * d;
    for (size_t j = 0; j < d; j++) {
        for (size_t k = 0; k <= j; k++) {
            const size_t e = j * d + k;
            trial[e] = (1 - rho) * precision[e] + rho * curvature_weight * (double)curvature[e];
            refinement->work[e] = trial[e];
        }
        refinement->work[j * d + j] *= 1 + lambda;
        trial_mean[j] = gradient_weight * (double)gradient[j];
    }
    if (!gki_precision_factor(d, refinement->work))
        return false;
    gki_precision_solve(d, refinement->work, trial_mean);
    for (size_t j = 0; j < d; j++) {
        trial_mean[j] = mean[j] - trial_mean[j];
        if (!isfinite(trial_mean[j]))
            return false;
    }
    if (is_map(refinement))
        return true;
    memcpy(refinement->work, trial, d * d * sizeof *trial);
    if (!gki_precision_factor(d, refinement->work))
        return false;
    gki_cholesky_invert(d, refinement->work, refinement->trial.factor + i * d * d);
    return true;
}

static void accept(gki_refinement *refinement, size_t i)
{
    const size_t d = refinement->d;
    gki_refinement_image *image = &refinement->images[i];
    memcpy(refinement->now.mean + i * d, refinement->trial.mean + i * d, d * sizeof(double));
    memcpy(refinement->now.precision + i * d * d, refinement->trial.precision + i * d * d,
           d * d * sizeof(double));
    if (!is_map(refinement))
        memcpy(refinement->now.factor + i * d * d, refinement->trial.factor + i * d * d,
               d * d * sizeof(double));
    image->value = image->trial_value;
    image->lambda /= lambda_factor;
    image->accepted++;
    image->pending = false;
}

/* Tries a step for every pending image. Returns how many images are still pending. */
static size_t try_steps(gki_refinement *refinement, size_t n, double rho)
{
    size_t pending = 0;
    for (size_t i = 0; i < n; i++)
        refinement->images[i].possible =
            refinement->images[i].pending && propose(refinement, i, rho);
    evaluate_bounds(refinement, &refinement->trial, n);
    for (size_t i = 0; i < n; i++) {
        gki_refinement_image *image = &refinement->images[i];
        if (image->possible && isfinite(image->trial_value) && image->trial_value < image->value) {
            accept(refinement, i);
        } else if (image->pending) {
            image->lambda = fmin(fmax(lambda_factor * image->lambda, lambda_floor), lambda_ceiling);
            pending++;
        }
    }
    return pending;
}

/* Computes L of a MAP result. If P is singular (no weight on the prior, a decoder that ignores a
 * dimension), L is that of the start. */
static void finish(gki_refinement *refinement, size_t i)
{
    const size_t d = refinement->d;
    memcpy(refinement->work, refinement->now.precision + i * d * d,
           d * d * sizeof *refinement->work);
    if (gki_precision_factor(d, refinement->work))
        gki_cholesky_invert(d, refinement->work, refinement->now.factor + i * d * d);
}

void gki_refinement_run(gki_refinement *refinement, size_t n)
{
    const gkv_refine_settings *settings = &refinement->settings;
    for (size_t i = 0; i < n; i++)
        refinement->images[i].possible = true;
    evaluate_bounds(refinement, &refinement->now, n);
    for (size_t i = 0; i < n; i++) {
        gki_refinement_image *image = &refinement->images[i];
        image->before = image->value = image->trial_value;
        image->finite = isfinite(image->value);
    }
    for (size_t t = 0;
         t < settings->iterations && !(refinement->call && gki_call_stopped(refinement->call));
         t++) {
        double rho = is_map(refinement)
                         ? 1
                         : settings->advanced.rate / (1 + settings->advanced.decay * (double)t);
        for (size_t i = 0; i < n; i++)
            refinement->images[i].pending = refinement->images[i].finite;
        expand(refinement, n, t);
        for (int k = 0; k < TRIES && try_steps(refinement, n, rho) > 0; k++)
            rho = is_map(refinement) ? 1 : rho / 2;
    }
    for (size_t i = 0; is_map(refinement) && i < n; i++)
        if (refinement->images[i].accepted > 0)
            finish(refinement, i);
}
