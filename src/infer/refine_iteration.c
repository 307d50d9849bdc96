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

static bool is_map(const gki_refinement *it)
{
    return it->settings.mode == GKV_REFINE_MAP;
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

void gki_refinement_free(gki_refinement *it)
{
    if (!it)
        return;
    free(it->images);
    gaussians_free(&it->now);
    gaussians_free(&it->trial);
    free(it->gradient);
    free(it->curvature);
    free(it->z);
    free(it->noise);
    free(it->value);
    free(it->quadratic);
    free(it->work);
    free(it->owner);
    memset(it, 0, sizeof *it);
}

uint64_t gki_refinement_noise_count(size_t iterations)
{
    return ((uint64_t)iterations + 1) * NOISE_STEPS;
}

void gki_refinement_begin(gki_refinement *it, size_t i, const gki_real *mean, const gki_real *sd,
                          const gki_real *mixing, uint64_t index)
{
    const size_t d = it->d;
    double *precision = it->now.precision + i * d * d, *factor = it->now.factor + i * d * d;
    memset(precision, 0, d * d * sizeof *precision);
    memset(factor, 0, d * d * sizeof *factor);
    for (size_t j = 0; j < d; j++) {
        const double scale = (double)sd[j];
        it->now.mean[i * d + j] = (double)mean[j];
        precision[j * d + j] = 1 / (scale * scale);
        factor[j * d + j] = scale;
        for (size_t k = 0; mixing && k < j; k++)
            factor[j * d + k] = scale * (double)*mixing++;
    }
    if (mixing) {
        gki_cholesky_invert(d, factor, it->work); /* V = L⁻¹ */
        for (size_t j = 0; j < d; j++)
            for (size_t k = 0; k <= j; k++) {
                double sum = 0;
                for (size_t r = j; r < d; r++)
                    sum += it->work[r * d + j] * it->work[r * d + k];
                precision[j * d + k] = sum;
            }
    }
    it->images[i] = (gki_refinement_image){.index = index, .lambda = it->settings.advanced.damping};
}

/* --- Points --------------------------------------------------------------- */

/* Writes points μ ± Lu of image i to rows [first, first + count). u is from the image's noise at
 * steps `step`, step + 1, … In MAP mode the point is μ. */
static void draw(gki_refinement *it, const gki_gaussians *of, size_t i, uint64_t step, size_t first,
                 size_t count)
{
    const size_t d = it->d;
    const double *mean = of->mean + i * d, *factor = of->factor + i * d * d;
    gki_real *z = it->z + first * d;
    for (size_t r = first; r < first + count; r++) {
        it->owner[r] = i;
        it->quadratic[r] = 0;
    }
    for (size_t j = 0; is_map(it) && j < d; j++)
        z[j] = (gki_real)mean[j];
    for (size_t pair = 0; pair < count / 2; pair++, z += 2 * d) {
        const gki_rng at = gki_rng_at(it->settings.seed, it->stream, it->noise_step + step + pair,
                                      it->images[i].index);
        double squares = 0;
        gki_rng_normal(at, d, it->noise);
        for (size_t j = 0; j < d; j++) {
            double offset = 0;
            for (size_t k = 0; k <= j; k++)
                offset += factor[j * d + k] * (double)it->noise[k];
            z[j] = (gki_real)(mean[j] + offset);
            z[d + j] = (gki_real)(mean[j] - offset);
            squares += (double)it->noise[j] * (double)it->noise[j];
        }
        it->quadratic[first + 2 * pair] = it->quadratic[first + 2 * pair + 1] = squares / 2;
    }
}

/* Computes the −ELBO of an image from the values at its acceptance samples, rows [first, first +
 * samples). */
static double bound_of(const gki_refinement *it, const gki_gaussians *of, size_t first)
{
    const size_t d = it->d, samples = it->settings.advanced.acceptance_samples;
    const double *factor = of->factor + it->owner[first] * d * d;
    double sum = 0;
    for (size_t r = first; r < first + samples; r++)
        sum += it->value[r] - it->quadratic[r];
    sum /= (double)samples;
    for (size_t j = 0; !is_map(it) && j < d; j++)
        sum -= log(factor[j * d + j]) + GKV_HALF_LOG_2PI;
    return sum;
}

/* Computes trial_value, the −ELBO on the acceptance samples, of those of the first n images whose
 * step is possible. */
static void evaluate_bounds(gki_refinement *it, const gki_gaussians *of, size_t n)
{
    const size_t samples = it->settings.advanced.acceptance_samples;
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        if (!it->images[i].possible)
            continue;
        draw(it, of, i, 0, rows, samples);
        rows += samples;
    }
    it->target->value(it->target->context, rows, it->owner, it->z, it->value);
    for (size_t r = 0; r < rows; r += samples)
        it->images[it->owner[r]].trial_value = bound_of(it, of, r);
}

/* --- Steps ---------------------------------------------------------------- */

/* Adds the gradients at `count` points of each of the first n images that can be refined. Their
 * noise starts at step `step`. Unless `curvature` is NULL, also adds the curvatures. */
static void expand_at(gki_refinement *it, size_t n, uint64_t step, size_t count,
                      gki_real *curvature)
{
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        if (!it->images[i].finite)
            continue;
        draw(it, &it->now, i, step, rows, count);
        rows += count;
    }
    it->target->expand(it->target->context, rows, it->owner, it->z, it->gradient, curvature);
}

/* Computes the gradients and curvatures of an iteration. Gradients are cheaper than curvatures and
 * use more samples. */
static void expand(gki_refinement *it, size_t n, size_t iteration)
{
    const size_t samples = it->settings.curvature_samples,
                 gradient_samples = it->settings.advanced.gradient_samples, d = it->d;
    const uint64_t step = (uint64_t)(iteration + 1) * NOISE_STEPS;
    memset(it->gradient, 0, n * d * sizeof *it->gradient);
    memset(it->curvature, 0, n * d * d * sizeof *it->curvature);
    expand_at(it, n, step, samples, it->curvature);
    expand_at(it, n, step + samples / 2, gradient_samples - samples, NULL);
}

/* Computes the trial step of image i with this ρ. Returns false if it is not finite or not positive
 * definite. */
static bool propose(gki_refinement *it, size_t i, double rho)
{
    const size_t d = it->d;
    const double curvature_weight = 1 / (double)it->settings.curvature_samples,
                 gradient_weight = 1 / (double)it->settings.advanced.gradient_samples;
    const double lambda = it->images[i].lambda;
    const double *precision = it->now.precision + i * d * d, *mean = it->now.mean + i * d;
    const gki_real *curvature = it->curvature + i * d * d, *gradient = it->gradient + i * d;
    double *trial = it->trial.precision + i * d * d, *trial_mean = it->trial.mean + i * d;
    for (size_t j = 0; j < d; j++) {
        for (size_t k = 0; k <= j; k++) {
            const size_t e = j * d + k;
            trial[e] = (1 - rho) * precision[e] + rho * curvature_weight * (double)curvature[e];
            it->work[e] = trial[e];
        }
        it->work[j * d + j] *= 1 + lambda;
        trial_mean[j] = gradient_weight * (double)gradient[j];
    }
    if (!gki_precision_factor(d, it->work))
        return false;
    gki_precision_solve(d, it->work, trial_mean);
    for (size_t j = 0; j < d; j++) {
        trial_mean[j] = mean[j] - trial_mean[j];
        if (!isfinite(trial_mean[j]))
            return false;
    }
    if (is_map(it))
        return true;
    memcpy(it->work, trial, d * d * sizeof *trial);
    if (!gki_precision_factor(d, it->work))
        return false;
    gki_cholesky_invert(d, it->work, it->trial.factor + i * d * d);
    return true;
}

static void accept(gki_refinement *it, size_t i)
{
    const size_t d = it->d;
    gki_refinement_image *image = &it->images[i];
    memcpy(it->now.mean + i * d, it->trial.mean + i * d, d * sizeof(double));
    memcpy(it->now.precision + i * d * d, it->trial.precision + i * d * d, d * d * sizeof(double));
    if (!is_map(it))
        memcpy(it->now.factor + i * d * d, it->trial.factor + i * d * d, d * d * sizeof(double));
    image->value = image->trial_value;
    image->lambda /= lambda_factor;
    image->accepted++;
    image->pending = false;
}

/* Tries a step for every pending image. Returns how many images are still pending. */
static size_t try_steps(gki_refinement *it, size_t n, double rho)
{
    size_t pending = 0;
    for (size_t i = 0; i < n; i++)
        it->images[i].possible = it->images[i].pending && propose(it, i, rho);
    evaluate_bounds(it, &it->trial, n);
    for (size_t i = 0; i < n; i++) {
        gki_refinement_image *image = &it->images[i];
        if (image->possible && isfinite(image->trial_value) && image->trial_value < image->value) {
            accept(it, i);
        } else if (image->pending) {
            image->lambda = fmin(fmax(lambda_factor * image->lambda, lambda_floor), lambda_ceiling);
            pending++;
        }
    }
    return pending;
}

/* Computes L of a MAP result. If P is singular (no weight on the prior, a decoder that ignores a
 * dimension), L is that of the start. */
static void finish(gki_refinement *it, size_t i)
{
    const size_t d = it->d;
    memcpy(it->work, it->now.precision + i * d * d, d * d * sizeof *it->work);
    if (gki_precision_factor(d, it->work))
        gki_cholesky_invert(d, it->work, it->now.factor + i * d * d);
}

void gki_refinement_run(gki_refinement *it, size_t n)
{
    const gkv_refine_settings *settings = &it->settings;
    for (size_t i = 0; i < n; i++)
        it->images[i].possible = true;
    evaluate_bounds(it, &it->now, n);
    for (size_t i = 0; i < n; i++) {
        gki_refinement_image *image = &it->images[i];
        image->before = image->value = image->trial_value;
        image->finite = isfinite(image->value);
    }
    for (size_t t = 0; t < settings->iterations && !(it->call && gki_call_stopped(it->call)); t++) {
        double rho =
            is_map(it) ? 1 : settings->advanced.rate / (1 + settings->advanced.decay * (double)t);
        for (size_t i = 0; i < n; i++)
            it->images[i].pending = it->images[i].finite;
        expand(it, n, t);
        for (int k = 0; k < TRIES && try_steps(it, n, rho) > 0; k++)
            rho = is_map(it) ? 1 : rho / 2;
    }
    for (size_t i = 0; is_map(it) && i < n; i++)
        if (it->images[i].accepted > 0)
            finish(it, i);
}
