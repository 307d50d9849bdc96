/* The public functions that encode, decode, draw and compute densities. Each distributes blocks of
 * rows over threads, and each thread has its own workspace. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/call.h"
#include "core/memory.h"
#include "core/rng.h"
#include "core/vmath.h"
#include "vae/draws.h"

/* The least number of blocks for which packing the weights saves time. */
enum { BLOCK_ROWS = GKV_DRAWS_MAX, BLOCKS_PACKED = 4 };

typedef struct code_request {
    const gkv_model *model;
    const float *in, *in2;
    float *out, *out2;
    double *out_double;
    uint64_t seed, first;
    bool medians;
    const gki_prior_draws *draws;
} code_request;

/* Processes rows [first, first + count) of a request, in rows [0, count) of the workspace. */
typedef void block_function(const code_request *request, gki_workspace *ws, size_t first,
                            size_t count);

/* Processes n rows with the weights of some tensors. `what` names the operation in the message of
 * an interruption. */
static gkv_status run_blocks(const code_request *request, gki_param_range weights, size_t n,
                             const gkv_run_options *options, const char *what,
                             block_function *block)
{
    gki_call call;
    GKV_TRY(gki_call_begin(&call, options, n));
    const long blocks = (long)((n + BLOCK_ROWS - 1) / BLOCK_ROWS);
    const int wished = gki_call_threads(&call, request->model->settings.train.threads);
    const int threads = wished < blocks ? wished : (int)(blocks ? blocks : 1);
    gki_workspace *spaces = NULL;
    GKV_TRY(gki_alloc((size_t)threads, sizeof *spaces, &spaces));
    gkv_status status = GKV_OK;
    for (int t = 0; t < threads && status == GKV_OK; t++)
        status = gki_workspace_create(&request->model->plan, BLOCK_ROWS, false,
                                      &request->model->params, &spaces[t]);
    if (status == GKV_OK && blocks >= BLOCKS_PACKED) {
        status = gki_workspace_keep_some_packed(&spaces[0], weights, threads);
        for (int t = 1; t < threads; t++)
            gki_workspace_share_packed(&spaces[t], &spaces[0]);
    }
    if (status == GKV_OK) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (long b = 0; b < blocks; b++) {
            const size_t first = (size_t)b * BLOCK_ROWS,
                         count = n - first < BLOCK_ROWS ? n - first : BLOCK_ROWS;
            if (gki_call_stopped(&call))
                continue;
            block(request, &spaces[omp_get_thread_num()], first, count);
            gki_call_advance(&call, count);
        }
        status = gki_call_end(&call, what, "rows");
    }
    for (int t = threads; t-- > 0;)
        gki_workspace_free(&spaces[t]);
    free(spaces);
    return status;
}

static void put(gki_workspace *ws, gki_slot slot, const float *from, size_t count)
{
    gki_real *row = gki_at(ws, slot, 0);
    for (size_t i = 0; i < count * slot.width; i++)
        row[i] = (gki_real)from[i];
}

static void take(const gki_workspace *ws, gki_slot slot, float *to, size_t count)
{
    const gki_real *from = gki_at(ws, slot, 0);
    for (size_t i = 0; i < count * slot.width; i++)
        to[i] = (float)from[i];
}

/* Copies images into the workspace and encodes them to z, with the noise that the workspace has. */
static void posterior_of(const code_request *request, gki_workspace *ws, size_t first, size_t count)
{
    const gkv_model *model = request->model;
    put(ws, model->x, request->in + first * model->values, count);
    gki_pass_encode(model, ws, 0, count);
    gki_posterior_forward(&model->posterior, ws, 0, count);
}

/* Does the same at u = 0. */
static void encode_images(const code_request *request, gki_workspace *ws, size_t first,
                          size_t count)
{
    memset(gki_at(ws, request->model->posterior.u, 0), 0,
           count * request->model->d * sizeof(gki_real));
    posterior_of(request, ws, first, count);
}

static void encode_block(const code_request *request, gki_workspace *ws, size_t first, size_t count)
{
    const gkv_model *model = request->model;
    encode_images(request, ws, first, count);
    for (size_t r = 0; r < count; r++) {
        const gki_real *encoded = gki_at(ws, model->encoder->out, r),
                       *sigma = gki_at(ws, model->posterior.sigma, r);
        for (size_t j = 0; j < model->d; j++) {
            if (request->out)
                request->out[(first + r) * model->d + j] = (float)encoded[j];
            if (request->out2)
                request->out2[(first + r) * model->d + j] = (float)sigma[j];
        }
    }
}

gkv_status gkv_model_posterior(const gkv_model *model, size_t n, const float *images,
                               const gkv_run_options *options, float *mean, float *scale)
{
    GKV_NEED(model);
    GKV_NEED(images);
    const code_request request = {.model = model, .in = images, .out = mean, .out2 = scale};
    return run_blocks(&request, model->tensors.encoder, n, options, "encoding", encode_block);
}

static void code_block(const code_request *request, gki_workspace *ws, size_t first, size_t count)
{
    encode_images(request, ws, first, count);
    take(ws, request->model->posterior.z, request->out + first * request->model->d, count);
}

gkv_status gkv_model_encode(const gkv_model *model, size_t n, const float *images,
                            const gkv_run_options *options, float *codes)
{
    GKV_NEED(model);
    GKV_NEED(images);
    GKV_NEED(codes);
    const code_request request = {.model = model, .in = images, .out = codes};
    return run_blocks(&request, model->tensors.encoder, n, options, "encoding", code_block);
}

static void draw_block(const code_request *request, gki_workspace *ws, size_t first, size_t count)
{
    const gkv_model *model = request->model;
    for (size_t r = 0; r < count; r++)
        gki_rng_normal(gki_rng_at(request->seed, GKV_STREAM_USER, 0, request->first + first + r),
                       model->d, gki_at(ws, model->posterior.u, r));
    posterior_of(request, ws, first, count);
    take(ws, model->posterior.z, request->out + first * model->d, count);
}

gkv_status gkv_model_sample_posterior(const gkv_model *model, size_t n, const float *images,
                                      uint64_t seed, uint64_t first, const gkv_run_options *options,
                                      float *codes)
{
    GKV_NEED(model);
    GKV_NEED(images);
    GKV_NEED(codes);
    const code_request request = {
        .model = model, .in = images, .out = codes, .seed = seed, .first = first};
    return run_blocks(&request, model->tensors.encoder, n, options, "encoding", draw_block);
}

static void decode_block(const code_request *request, gki_workspace *ws, size_t first, size_t count)
{
    const gkv_model *model = request->model;
    const gki_likelihood_ops *ops = model->likelihood->ops;
    put(ws, model->posterior.z, request->in + first * model->d, count);
    gki_pass_decode(model, ws, 0, count);
    const gki_real *outputs = gki_at(ws, model->decoder->out, 0);
    gki_real *values = gki_at(ws, model->x, 0); /* decoding has no other use for it */
    (request->medians ? ops->medians : ops->means)(model->likelihood, ws->params, count, outputs,
                                                   values);
    take(ws, model->x, request->out + first * model->values, count);
}

gkv_status gkv_model_decode(const gkv_model *model, size_t n, const float *codes,
                            const gkv_run_options *options, float *images)
{
    GKV_NEED(model);
    GKV_NEED(codes);
    GKV_NEED(images);
    const code_request request = {.model = model, .in = codes, .out = images};
    return run_blocks(&request, model->tensors.decoder, n, options, "decoding", decode_block);
}

gkv_status gkv_model_decode_medians(const gkv_model *model, size_t n, const float *codes,
                                    const gkv_run_options *options, float *images)
{
    GKV_NEED(model);
    GKV_NEED(codes);
    GKV_NEED(images);
    const code_request request = {.model = model, .in = codes, .out = images, .medians = true};
    return run_blocks(&request, model->tensors.decoder, n, options, "decoding", decode_block);
}

static void draw_images_block(const code_request *request, gki_workspace *ws, size_t first,
                              size_t count)
{
    const gkv_model *model = request->model;
    put(ws, model->posterior.z, request->in + first * model->d, count);
    gki_pass_decode(model, ws, 0, count);
    for (size_t r = 0; r < count; r++)
        model->likelihood->ops->draw(
            model->likelihood, ws->params, gki_at(ws, model->decoder->out, r),
            gki_rng_at(request->seed, GKV_STREAM_PIXELS, 0, request->first + first + r),
            request->out + (first + r) * model->values);
}

gkv_status gkv_model_sample_images(const gkv_model *model, size_t n, const float *codes,
                                   uint64_t seed, uint64_t first, const gkv_run_options *options,
                                   float *images)
{
    GKV_NEED(model);
    GKV_NEED(codes);
    GKV_NEED(images);
    GKV_TRY(gki_draws_check(model, n, first));
    const code_request request = {
        .model = model, .in = codes, .out = images, .seed = seed, .first = first};
    return run_blocks(&request, model->tensors.decoder, n, options, "drawing images",
                      draw_images_block);
}

static void log_likelihood_block(const code_request *request, gki_workspace *ws, size_t first,
                                 size_t count)
{
    const gkv_model *model = request->model;
    put(ws, model->x, request->in + first * model->values, count);
    put(ws, model->posterior.z, request->in2 + first * model->d, count);
    gki_pass_decode(model, ws, 0, count);
    gki_pass_likelihood(model, ws, 0, count);
    for (size_t r = 0; r < count; r++)
        request->out_double[first + r] = -(double)*gki_at(ws, model->reconstruction, r);
}

gkv_status gkv_model_log_likelihood(const gkv_model *model, size_t n, const float *images,
                                    const float *codes, const gkv_run_options *options,
                                    double *log_likelihood)
{
    GKV_NEED(model);
    GKV_NEED(images);
    GKV_NEED(codes);
    GKV_NEED(log_likelihood);
    const code_request request = {
        .model = model, .in = images, .in2 = codes, .out_double = log_likelihood};
    return run_blocks(&request, model->tensors.decoder, n, options, "a likelihood",
                      log_likelihood_block);
}

static void generate_rows(const code_request *request, gki_workspace *ws, size_t first,
                          size_t count)
{
    const gkv_model *model = request->model;
    model->flow->ops->generate(model->flow, ws, 0, count);
    take(ws, model->posterior.z, request->out + first * model->d, count);
}

static void sample_block(const code_request *request, gki_workspace *ws, size_t first, size_t count)
{
    gki_prior_draws_rows(request->draws, ws, request->first + first, count);
    take(ws, request->model->posterior.z, request->out + first * request->model->d, count);
}

gkv_status gki_prior_draws_codes(const gki_prior_draws *draws, size_t n, uint64_t first,
                                 const gkv_run_options *options, float *codes)
{
    if (!(draws->temperature >= 0) || !isfinite(draws->temperature))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a temperature of %g: give a number ≥ 0; 1 is the model's own",
                        draws->temperature);
    const code_request request = {
        .model = draws->model, .out = codes, .first = first, .draws = draws};
    return run_blocks(&request, draws->model->tensors.flow, n, options, "drawing from the prior",
                      sample_block);
}

gkv_status gkv_model_sample(const gkv_model *model, size_t n, uint64_t seed, uint64_t first,
                            double temperature, const gkv_run_options *options, float *codes)
{
    GKV_NEED(model);
    GKV_NEED(codes);
    const gki_prior_draws draws = {
        .model = model, .which = -1, .seed = seed, .temperature = temperature};
    return gki_prior_draws_codes(&draws, n, first, options, codes);
}

static void log_prior_block(const code_request *request, gki_workspace *ws, size_t first,
                            size_t count)
{
    const gkv_model *model = request->model;
    put(ws, model->posterior.z, request->in + first * model->d, count);
    model->flow->ops->normalise(model->flow, ws, 0, count);
    model->base->ops->log_density(model->base, ws, 0, count);
    for (size_t r = 0; r < count; r++)
        request->out_double[first + r] = gki_pass_log_prior(model, ws, r);
}

gkv_status gkv_model_log_prior(const gkv_model *model, size_t n, const float *codes,
                               const gkv_run_options *options, double *log_prior)
{
    GKV_NEED(model);
    GKV_NEED(codes);
    GKV_NEED(log_prior);
    const code_request request = {.model = model, .in = codes, .out_double = log_prior};
    return run_blocks(&request, model->tensors.flow, n, options, "a density", log_prior_block);
}

static void normalise_block(const code_request *request, gki_workspace *ws, size_t first,
                            size_t count)
{
    const gkv_model *model = request->model;
    put(ws, model->posterior.z, request->in + first * model->d, count);
    model->flow->ops->normalise(model->flow, ws, 0, count);
    take(ws, model->flow->eps, request->out + first * model->d, count);
}

gkv_status gkv_model_normalise(const gkv_model *model, size_t n, const float *codes,
                               const gkv_run_options *options, float *eps)
{
    GKV_NEED(model);
    GKV_NEED(codes);
    GKV_NEED(eps);
    const code_request request = {.model = model, .in = codes, .out = eps};
    return run_blocks(&request, model->tensors.flow, n, options, "the prior's flow",
                      normalise_block);
}

static void generate_block(const code_request *request, gki_workspace *ws, size_t first,
                           size_t count)
{
    put(ws, request->model->flow->eps, request->in + first * request->model->d, count);
    generate_rows(request, ws, first, count);
}

gkv_status gkv_model_generate(const gkv_model *model, size_t n, const float *eps,
                              const gkv_run_options *options, float *codes)
{
    GKV_NEED(model);
    GKV_NEED(eps);
    GKV_NEED(codes);
    const code_request request = {.model = model, .in = eps, .out = codes};
    return run_blocks(&request, model->tensors.flow, n, options, "the prior's flow",
                      generate_block);
}

/* --- Classes -------------------------------------------------------------- */

size_t gkv_model_classes(const gkv_model *model)
{
    return model ? model->base->classes : 0;
}

static gkv_status check_classes(const gkv_model *model)
{
    if (model->base->classes == 0)
        return gki_fail(GKV_ERR_CONFIG, "the model's base, %s, knows no classes; gk-by-class does",
                        model->base->ops->name);
    return GKV_OK;
}

gkv_status gkv_model_sample_class(const gkv_model *model, size_t n, size_t which, uint64_t seed,
                                  uint64_t first, double temperature,
                                  const gkv_run_options *options, float *codes)
{
    GKV_NEED(model);
    GKV_NEED(codes);
    GKV_TRY(check_classes(model));
    if (which >= model->base->classes)
        return gki_fail(GKV_ERR_ARGUMENT, "class %zu: the model has 0 to %zu", which,
                        model->base->classes - 1);
    const gki_prior_draws draws = {
        .model = model, .which = (long)which, .seed = seed, .temperature = temperature};
    return gki_prior_draws_codes(&draws, n, first, options, codes);
}

static void classify_block(const code_request *request, gki_workspace *ws, size_t first,
                           size_t count)
{
    const gkv_model *model = request->model;
    put(ws, model->posterior.z, request->in + first * model->d, count);
    model->flow->ops->normalise(model->flow, ws, 0, count);
    model->base->ops->log_density(model->base, ws, 0, count);
    for (size_t r = 0; r < count; r++)
        model->base->ops->class_probabilities(
            model->base, ws, r, request->out_double + (first + r) * model->base->classes);
}

gkv_status gkv_model_classify(const gkv_model *model, size_t n, const float *codes,
                              const gkv_run_options *options, double *probabilities)
{
    GKV_NEED(model);
    GKV_NEED(codes);
    GKV_NEED(probabilities);
    GKV_TRY(check_classes(model));
    const code_request request = {.model = model, .in = codes, .out_double = probabilities};
    return run_blocks(&request, model->tensors.flow, n, options, "classification", classify_block);
}
