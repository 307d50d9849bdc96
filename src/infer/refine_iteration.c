#include "infer/refine_iteration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "num/constants.h"
#include "num/linalg.h"

/* Steps that are tried in an iteration, each shorter than the last; and places of noise that an
 * iteration has. */
enum { TRIES = 4, PLACES = 1024 };
/* λ's factor from a try to the next, its inverse after a step that counted; and the least λ that
 * a rejection leaves, and the greatest: P goes on where μ no longer does. */
static const double lambda_factor = 10, lambda_floor = 1e-3, lambda_ceiling = 1e12;

/* --- Memory ---------------------------------------------------------------------------- */

static bool is_map(const gkv_refinement *it)
{
    return it->settings.mode == GKV_REFINE_MAP;
}

static gkv_status gaussians_create(size_t room, size_t d, gkv_gaussians *out)
{
    GKV_TRY(gkv_alloc(room * d, sizeof *out->mean, &out->mean));
    GKV_TRY(gkv_alloc(room * d * d, sizeof *out->precision, &out->precision));
    return gkv_alloc(room * d * d, sizeof *out->factor, &out->factor);
}

static void gaussians_free(gkv_gaussians *gaussians)
{
    free(gaussians->mean);
    free(gaussians->precision);
    free(gaussians->factor);
}

gkv_status gkv_refinement_create(const gkv_refine_settings *settings, const gkv_target *target, size_t room,
                                 gkv_refinement *out)
{
    const size_t d = target->d;
    *out = (gkv_refinement){.settings = *settings, .target = target, .d = d, .room = room,
                            .stream = GKV_STREAM_REFINE};
    gkv_refine_settings *own = &out->settings;
    if (is_map(out))
        own->samples = own->slopes = own->judges = 1; /* at u = 0 */
    if (own->slopes < own->samples)
        own->slopes = own->samples;
    const size_t points = room * (size_t)(own->slopes > own->judges ? own->slopes : own->judges);
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_alloc(room, sizeof *out->images, &out->images));
    GKV_TRY_GOTO(gaussians_create(room, d, &out->now));
    GKV_TRY_GOTO(gaussians_create(room, d, &out->trial));
    GKV_TRY_GOTO(gkv_alloc(room * d, sizeof *out->gradient, &out->gradient));
    GKV_TRY_GOTO(gkv_alloc(room * d * d, sizeof *out->curvature, &out->curvature));
    GKV_TRY_GOTO(gkv_alloc(points * d, sizeof *out->z, &out->z));
    GKV_TRY_GOTO(gkv_alloc(d, sizeof *out->noise, &out->noise));
    GKV_TRY_GOTO(gkv_alloc(points, sizeof *out->value, &out->value));
    GKV_TRY_GOTO(gkv_alloc(points, sizeof *out->quadratic, &out->quadratic));
    GKV_TRY_GOTO(gkv_alloc(d * d, sizeof *out->work, &out->work));
    GKV_TRY_GOTO(gkv_alloc(points, sizeof *out->owner, &out->owner));
done:
    if (status != GKV_OK)
        gkv_refinement_free(out);
    return status;
}

void gkv_refinement_free(gkv_refinement *it)
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

uint64_t gkv_refinement_noise_count(int iterations)
{
    return ((uint64_t)iterations + 1) * PLACES;
}

void gkv_refinement_begin(gkv_refinement *it, size_t i, const gkv_real *mean, const gkv_real *sd, const gkv_real *mixing,
                          uint64_t index)
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
        gkv_cholesky_invert(d, factor, it->work); /* V = L⁻¹ */
        for (size_t j = 0; j < d; j++)
            for (size_t k = 0; k <= j; k++) {
                double sum = 0;
                for (size_t r = j; r < d; r++)
                    sum += it->work[r * d + j] * it->work[r * d + k];
                precision[j * d + k] = sum;
            }
    }
    it->images[i] = (gkv_refinement_image){.index = index, .lambda = it->settings.damping};
}

/* --- Points ----------------------------------------------------------------------------- */

/* Points μ ± Lu of image i into rows [first, first + count), u from places `step`, step + 1, …
 * of the image's noise; μ itself in MAP mode. */
static void draw(gkv_refinement *it, const gkv_gaussians *of, size_t i, uint64_t step, size_t first, size_t count)
{
    const size_t d = it->d;
    const double *mean = of->mean + i * d, *factor = of->factor + i * d * d;
    gkv_real *z = it->z + first * d;
    for (size_t r = first; r < first + count; r++) {
        it->owner[r] = i;
        it->quadratic[r] = 0;
    }
    for (size_t j = 0; is_map(it) && j < d; j++)
        z[j] = (gkv_real)mean[j];
    for (size_t pair = 0; pair < count / 2; pair++, z += 2 * d) {
        const gkv_rng at = gkv_rng_at(it->settings.seed, it->stream, it->place + step + pair, it->images[i].index);
        double squares = 0;
        gkv_rng_normal(at, d, it->noise);
        for (size_t j = 0; j < d; j++) {
            double offset = 0;
            for (size_t k = 0; k <= j; k++)
                offset += factor[j * d + k] * (double)it->noise[k];
            z[j] = (gkv_real)(mean[j] + offset);
            z[d + j] = (gkv_real)(mean[j] - offset);
            squares += (double)it->noise[j] * (double)it->noise[j];
        }
        it->quadratic[first + 2 * pair] = it->quadratic[first + 2 * pair + 1] = squares / 2;
    }
}

/* The bound of an image from the values at its points, rows [first, first + judges). */
static double bound_of(const gkv_refinement *it, const gkv_gaussians *of, size_t first)
{
    const size_t d = it->d, judges = (size_t)it->settings.judges;
    const double *factor = of->factor + it->owner[first] * d * d;
    double sum = 0;
    for (size_t r = first; r < first + judges; r++)
        sum += it->value[r] - it->quadratic[r];
    sum /= (double)judges;
    for (size_t j = 0; !is_map(it) && j < d; j++)
        sum -= log(factor[j * d + j]) + GKV_HALF_LOG_2PI;
    return sum;
}

/* The bounds, to trial_value, of those of the first n images whose step is possible. */
static void judge(gkv_refinement *it, const gkv_gaussians *of, size_t n)
{
    const size_t judges = (size_t)it->settings.judges;
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        if (!it->images[i].possible)
            continue;
        draw(it, of, i, 0, rows, judges);
        rows += judges;
    }
    it->target->value(it->target->context, rows, it->owner, it->z, it->value);
    for (size_t r = 0; r < rows; r += judges)
        it->images[it->owner[r]].trial_value = bound_of(it, of, r);
}

/* --- Steps ------------------------------------------------------------------------------- */

/* Adds gradients at `count` points of each of the first n images that can be refined, whose noise
 * begins at place `step`; with `curvature` also curvatures. */
static void expand_at(gkv_refinement *it, size_t n, uint64_t step, size_t count, gkv_real *curvature)
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

/* An iteration's gradients and curvatures. A gradient is cheap beside a curvature: it is taken
 * at more points. */
static void expand(gkv_refinement *it, size_t n, int iteration)
{
    const size_t samples = (size_t)it->settings.samples, slopes = (size_t)it->settings.slopes, d = it->d;
    const uint64_t step = (uint64_t)(iteration + 1) * PLACES;
    memset(it->gradient, 0, n * d * sizeof *it->gradient);
    memset(it->curvature, 0, n * d * d * sizeof *it->curvature);
    expand_at(it, n, step, samples, it->curvature);
    expand_at(it, n, step + samples / 2, slopes - samples, NULL);
}

/* The step of image i with this ρ: false if there is none. */
static bool propose(gkv_refinement *it, size_t i, double rho)
{
    const size_t d = it->d;
    const double share = 1 / (double)it->settings.samples, slope_share = 1 / (double)it->settings.slopes;
    const double lambda = it->images[i].lambda;
    const double *precision = it->now.precision + i * d * d, *mean = it->now.mean + i * d;
    const gkv_real *curvature = it->curvature + i * d * d, *gradient = it->gradient + i * d;
    double *trial = it->trial.precision + i * d * d, *trial_mean = it->trial.mean + i * d;
    for (size_t j = 0; j < d; j++) {
        for (size_t k = 0; k <= j; k++) {
            const size_t e = j * d + k;
            trial[e] = (1 - rho) * precision[e] + rho * share * (double)curvature[e];
            it->work[e] = trial[e];
        }
        it->work[j * d + j] *= 1 + lambda;
        trial_mean[j] = slope_share * (double)gradient[j];
    }
    if (!gkv_precision_factor(d, it->work))
        return false;
    gkv_precision_solve(d, it->work, trial_mean);
    for (size_t j = 0; j < d; j++) {
        trial_mean[j] = mean[j] - trial_mean[j];
        if (!isfinite(trial_mean[j]))
            return false;
    }
    if (is_map(it))
        return true;
    memcpy(it->work, trial, d * d * sizeof *trial);
    if (!gkv_precision_factor(d, it->work))
        return false;
    gkv_cholesky_invert(d, it->work, it->trial.factor + i * d * d);
    return true;
}

static void accept(gkv_refinement *it, size_t i)
{
    const size_t d = it->d;
    gkv_refinement_image *image = &it->images[i];
    memcpy(it->now.mean + i * d, it->trial.mean + i * d, d * sizeof(double));
    memcpy(it->now.precision + i * d * d, it->trial.precision + i * d * d, d * d * sizeof(double));
    if (!is_map(it))
        memcpy(it->now.factor + i * d * d, it->trial.factor + i * d * d, d * d * sizeof(double));
    image->value = image->trial_value;
    image->lambda /= lambda_factor;
    image->accepted++;
    image->pending = false;
}

/* Tries a step for every image that is pending; returns how many still are. */
static size_t try_steps(gkv_refinement *it, size_t n, double rho)
{
    size_t pending = 0;
    for (size_t i = 0; i < n; i++)
        it->images[i].possible = it->images[i].pending && propose(it, i, rho);
    judge(it, &it->trial, n);
    for (size_t i = 0; i < n; i++) {
        gkv_refinement_image *image = &it->images[i];
        if (image->possible && isfinite(image->trial_value) && image->trial_value < image->value) {
            accept(it, i);
        } else if (image->pending) {
            image->lambda = fmin(fmax(lambda_factor * image->lambda, lambda_floor), lambda_ceiling);
            pending++;
        }
    }
    return pending;
}

/* L of a MAP answer; if its P has none (no weight on the prior, a decoder that does not listen),
 * the L it began with. */
static void finish(gkv_refinement *it, size_t i)
{
    const size_t d = it->d;
    memcpy(it->work, it->now.precision + i * d * d, d * d * sizeof *it->work);
    if (gkv_precision_factor(d, it->work))
        gkv_cholesky_invert(d, it->work, it->now.factor + i * d * d);
}

/* Several threads ask. */
static bool stopped(const gkv_refinement *it)
{
    sig_atomic_t stop = 0;
    if (it->settings.stop) {
#pragma omp atomic read
        stop = *it->settings.stop;
    }
    return stop;
}

void gkv_refinement_run(gkv_refinement *it, size_t n)
{
    const gkv_refine_settings *settings = &it->settings;
    for (size_t i = 0; i < n; i++)
        it->images[i].possible = true;
    judge(it, &it->now, n);
    for (size_t i = 0; i < n; i++) {
        gkv_refinement_image *image = &it->images[i];
        image->before = image->value = image->trial_value;
        image->finite = isfinite(image->value);
    }
    for (int t = 0; t < settings->iterations && !stopped(it); t++) {
        double rho = is_map(it) ? 1 : settings->rate / (1 + settings->decay * t);
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
