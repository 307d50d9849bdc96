/* A model as the target of refine_iteration.c. refiner.c and train/fine_tune.c create it, one for
 * each thread. */
#include "infer/refine_target.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/simd.h"
#include "nn/gemm.h"
#include "nn/nn_kernels.h"

/* The sizes are fixed, because results may depend on them. About TANGENTS tangents pass through a
 * layer together, and OUTPUTS outputs of the last layer (a multiple of 32), so that they fit in an
 * L2 cache. DRAWS is the number of draws of a posterior that is not Gaussian, and DRAWS_STEP the
 * first step number of their noise. */
enum { ROWS = GKV_REFINE_ROWS, TANGENTS = 160, OUTPUTS = 256, DRAWS = 64, DRAWS_STEP = 1 << 30 };

static void value(void *context, size_t rows, const size_t *image, const gki_real *z,
                  double *value);
static void expand(void *context, size_t rows, const size_t *image, const gki_real *z,
                   gki_real *gradient, gki_real *curvature);

static size_t part_width(const gkv_model *model)
{
    return model->decoder->out.width < OUTPUTS ? model->decoder->out.width : OUTPUTS;
}

gkv_status gki_refine_target_create(const gkv_model *model, double prior_weight, size_t capacity,
                                    gki_refine_target *out)
{
    const size_t d = model->d, group = d < TANGENTS ? TANGENTS / d : 1, tangents = group * d;
    const size_t widest =
        model->decoder->widest > model->flow->widest ? model->decoder->widest : model->flow->widest;
    *out =
        (gki_refine_target){.model = model,
                            .prior_weight = prior_weight,
                            .group = group,
                            .target = {.d = d, .context = out, .value = value, .expand = expand}};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_workspace_create(&model->plan, ROWS, true, &model->params, &out->ws));
    GKV_TRY_GOTO(gki_workspace_keep_packed(&out->ws));
    GKV_TRY_GOTO(gki_alloc(capacity * model->values, sizeof *out->x, &out->x));
    GKV_TRY_GOTO(gki_alloc(capacity, sizeof *out->label, &out->label));
    GKV_TRY_GOTO(gki_alloc(ROWS * model->decoder->out.width, sizeof *out->sd, &out->sd));
    GKV_TRY_GOTO(
        gki_alloc(tangents * widest, sizeof *out->tangent_scratch.a, &out->tangent_scratch.a));
    GKV_TRY_GOTO(
        gki_alloc(tangents * widest, sizeof *out->tangent_scratch.b, &out->tangent_scratch.b));
    GKV_TRY_GOTO(
        gki_alloc(tangents * widest, sizeof *out->tangent_scratch.c, &out->tangent_scratch.c));
    GKV_TRY_GOTO(gki_alloc(tangents * part_width(model), sizeof *out->part, &out->part));
    GKV_TRY_GOTO(gki_alloc(tangents * d, sizeof *out->tangents, &out->tangents));
    GKV_TRY_GOTO(gki_alloc(tangents * d, sizeof *out->lambda, &out->lambda));
    GKV_TRY_GOTO(gki_alloc(d * d, sizeof *out->product, &out->product));
done:
    if (status != GKV_OK)
        gki_refine_target_free(out);
    return status;
}

void gki_refine_target_free(gki_refine_target *target)
{
    if (!target)
        return;
    gki_workspace_free(&target->ws);
    free(target->x);
    free(target->label);
    free(target->sd);
    free(target->tangent_scratch.a);
    free(target->tangent_scratch.b);
    free(target->tangent_scratch.c);
    free(target->part);
    free(target->tangents);
    free(target->lambda);
    free(target->product);
    memset(target, 0, sizeof *target);
}

void gki_refine_target_pack(gki_refine_target *target)
{
    for (size_t piece = 0; piece < gki_workspace_pack_pieces(&target->ws); piece++)
        gki_workspace_pack(&target->ws, piece);
}

void gki_refine_target_images(gki_refine_target *target, size_t n, const float *images)
{
    for (size_t i = 0; i < n * target->model->values; i++)
        target->x[i] = (gki_real)images[i];
}

/* --- Passes --------------------------------------------------------------- */

/* Copies z, x and labels of `count` rows to the first rows of the workspace. */
static void put(gki_refine_target *target, size_t count, const size_t *image, const gki_real *z)
{
    const gkv_model *model = target->model;
    memcpy(gki_at(&target->ws, model->posterior.z, 0), z, count * model->d * sizeof *z);
    for (size_t r = 0; r < count; r++)
        memcpy(gki_at(&target->ws, model->x, r), target->x + image[r] * model->values,
               model->values * sizeof *target->x);
    for (size_t r = 0; r < count && model->base->classes > 0; r++)
        *gki_at(&target->ws, model->label, r) = target->label[image[r]];
}

static void forward_likelihood(gki_refine_target *target, size_t count)
{
    gki_pass_decode(target->model, &target->ws, 0, count);
    gki_pass_likelihood(target->model, &target->ws, 0, count);
}

static void value(void *context, size_t rows, const size_t *image, const gki_real *z, double *value)
{
    gki_refine_target *target = context;
    for (size_t first = 0; first < rows; first += ROWS) {
        const size_t count = rows - first < ROWS ? rows - first : ROWS;
        put(target, count, image + first, z + first * target->model->d);
        forward_likelihood(target, count);
        gki_pass_prior(target->model, &target->ws, 0, count);
        for (size_t r = 0; r < count; r++)
            value[first + r] =
                (double)*gki_at(&target->ws, target->model->reconstruction, r) -
                target->prior_weight * gki_pass_log_prior(target->model, &target->ws, r);
    }
}

void gki_refine_target_cross_entropy(gki_refine_target *target, size_t rows, const size_t *image,
                                     const gki_real *z, double *value)
{
    for (size_t first = 0; first < rows; first += ROWS) {
        const size_t count = rows - first < ROWS ? rows - first : ROWS;
        put(target, count, image + first, z + first * target->model->d);
        forward_likelihood(target, count);
        for (size_t r = 0; r < count; r++)
            value[first + r] = (double)*gki_at(&target->ws, target->model->reconstruction, r);
    }
}

/* --- Curvature ------------------------------------------------------------ */

/* Computes c ← c + a bᵀ for matrices of d rows with `depth` columns. */
static void add_product(size_t d, size_t depth, const gki_real *a, const gki_real *b, gki_real *c)
{
    gki_gemm_forward(gki_gemm_kernels_get(), d, d, depth, a, b, NULL, NULL, c);
}

/* Adds JᵀFJ of rows [first, first + count), where F is the diagonal Fisher information of the
 * decoder's outputs. J is scaled by the roots of F for a part of the outputs at a time. */
static void add_likelihood(gki_refine_target *target, size_t first, size_t count,
                           const size_t *image, gki_real *curvature)
{
    const gkv_model *model = target->model;
    const gki_nn_kernels *kernels = gki_nn_kernels_get();
    const gki_net *decoder = model->decoder;
    const size_t d = model->d, outputs = decoder->out.width, part = part_width(model);
    const gki_real *tangents =
        decoder->ops->tangent(decoder, &target->ws, first, count, &target->tangent_scratch);
    for (size_t from = 0; from < outputs; from += part) {
        const size_t width = outputs - from < part ? outputs - from : part;
        decoder->ops->tangent_part(decoder, &target->ws, first, count, tangents, from, width,
                                   target->part);
        for (size_t r = 0; r < count; r++) {
            gki_real *jacobian = target->part + r * d * width;
            kernels->scale_rows(width, d, target->sd + (first + r) * outputs + from, jacobian,
                                width);
            add_product(d, width, jacobian, jacobian, curvature + image[first + r] * d * d);
        }
    }
}

/* Adds (∂ε/∂z)ᵀ Λ (∂ε/∂z) of the rows, times the weight of the prior. */
static void add_prior(gki_refine_target *target, size_t first, size_t count, const size_t *image,
                      gki_real *curvature)
{
    const gkv_model *model = target->model;
    const size_t d = model->d;
    memset(target->tangents, 0, count * d * d * sizeof *target->tangents);
    for (size_t k = 0; k < count * d; k++)
        target->tangents[k * d + k % d] = 1;
    model->flow->ops->tangent(model->flow, &target->ws, first, count, d, target->tangents,
                              &target->tangent_scratch);
    model->base->ops->curvature(model->base, &target->ws, first, count, target->lambda);
    for (size_t e = 0; e < count * d * d; e++)
        target->lambda[e] *= (gki_real)target->prior_weight;
    for (size_t r = 0; r < count; r++) {
        const gki_real *tangents = target->tangents + r * d * d;
        gki_gemm_backward(gki_gemm_kernels_get(), d, d, d, tangents, target->lambda + r * d * d,
                          target->product);
        add_product(d, d, target->product, tangents, curvature + image[first + r] * d * d);
    }
}

static void expand(void *context, size_t rows, const size_t *image, const gki_real *z,
                   gki_real *gradient, gki_real *curvature)
{
    gki_refine_target *target = context;
    const gkv_model *model = target->model;
    const gki_nn_kernels *kernels = gki_nn_kernels_get();
    gki_workspace *ws = &target->ws;
    const size_t d = model->d;
    for (size_t start = 0; start < rows; start += ROWS) {
        const size_t count = rows - start < ROWS ? rows - start : ROWS;
        put(target, count, image + start, z + start * d);
        forward_likelihood(target, count);
        gki_pass_prior(model, ws, 0, count);
        for (size_t r = 0; curvature && r < count; r++)
            model->likelihood->ops->fisher_sd(model->likelihood, ws, r,
                                              target->sd + r * model->decoder->out.width);
        model->decoder->ops->backward(model->decoder, ws, 0, count);
        gki_pass_prior_backward(model, ws, 0, count, (gki_real)target->prior_weight);
        for (size_t r = 0; r < count; r++) {
            gki_real *sum = gradient + image[start + r] * d;
            kernels->axpy(d, 1, gki_at(ws, model->decoder->d_in, r), sum);
            kernels->axpy(d, 1, gki_at(ws, model->d_z_prior, r), sum);
        }
        for (size_t r = 0; curvature && r < count; r += target->group) {
            const size_t these = count - r < target->group ? count - r : target->group;
            add_likelihood(target, r, these, image + start, curvature);
            add_prior(target, r, these, image + start, curvature);
        }
    }
}

/* --- The start of refinement ---------------------------------------------- */

/* Computes mean and standard deviation of DRAWS draws from the posterior of the image in this row,
 * which is encoded. */
static void moments(gki_refine_target *target, size_t row, uint64_t seed, uint64_t index,
                    gki_real *mean, gki_real *sd)
{
    const gkv_model *model = target->model;
    const size_t d = model->d;
    memset(mean, 0, d * sizeof *mean);
    memset(sd, 0, d * sizeof *sd);
    for (int pass = 0; pass < 2; pass++) { /* the mean, then squares of differences from it */
        for (uint64_t s = 0; s < DRAWS; s++) {
            gki_rng_normal(gki_rng_at(seed, GKV_STREAM_REFINE, DRAWS_STEP + s, index), d,
                           gki_at(&target->ws, model->posterior.u, row));
            gki_posterior_forward(&model->posterior, &target->ws, row, 1);
            const gki_real *z = gki_at(&target->ws, model->posterior.z, row);
            for (size_t j = 0; j < d; j++) {
                if (pass == 0)
                    mean[j] += z[j] / DRAWS;
                else
                    sd[j] += (z[j] - mean[j]) * (z[j] - mean[j]) / (DRAWS - 1);
            }
        }
    }
    for (size_t j = 0; j < d; j++)
        sd[j] = (gki_real)sqrt((double)sd[j]);
}

void gki_refine_target_begin(gki_refine_target *target, const gkv_refine_settings *settings,
                             size_t n, uint64_t first, gki_real *mean, gki_real *sd)
{
    const gkv_model *model = target->model;
    const gki_posterior *posterior = &model->posterior;
    gki_workspace *ws = &target->ws;
    const size_t d = model->d;
    memcpy(gki_at(ws, model->x, 0), target->x, n * model->values * sizeof *target->x);
    gki_pass_encode(model, ws, 0, n);
    memset(gki_at(ws, posterior->u, 0), 0, n * d * sizeof *mean);
    gki_posterior_forward(posterior, ws, 0, n);
    memcpy(mean, gki_at(ws, posterior->z, 0), n * d * sizeof *mean);
    memcpy(sd, gki_at(ws, posterior->sigma, 0), n * d * sizeof *sd);
    if (settings->mode == GKV_REFINE_MAP || gki_posterior_is_gaussian(posterior))
        return;
    for (size_t i = 0; i < n; i++)
        moments(target, i, settings->seed, first + i, mean + i * d, sd + i * d);
}
