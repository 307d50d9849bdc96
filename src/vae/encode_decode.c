/* The public functions that encode, decode, draw and compute densities. Each distributes blocks of
 * rows over threads, and each thread has its own workspace. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/memory.h"
#include "core/rng.h"
#include "core/vmath.h"
#include "vae/draws.h"

/* The least number of blocks for which packing the weights saves time. */
enum { BLOCK_ROWS = GKV_DRAWS_MOST, BLOCKS_PACKED = 4 };

typedef struct request {
    const gkv_model *model;
    const float *in;
    float *out, *out2;
    double *out_double;
    uint64_t seed, first;
    const gki_prior_draws *draws;
} request;

/* Processes rows [first, first + count) of a request, in rows [0, count) of the workspace. */
typedef void block_function(const request *it, gki_workspace *ws, size_t first, size_t count);

static gkv_status run_blocks(const request *it, size_t n, block_function *block)
{
    const long blocks = (long)((n + BLOCK_ROWS - 1) / BLOCK_ROWS);
    const int wished = gki_thread_count(&it->model->settings);
    const int threads = wished < blocks ? wished : (int)(blocks ? blocks : 1);
    gki_workspace *spaces = NULL;
    GKV_TRY(gki_alloc((size_t)threads, sizeof *spaces, &spaces));
    gkv_status status = GKV_OK;
    for (int t = 0; t < threads && status == GKV_OK; t++)
        status = gki_workspace_create(&it->model->plan, BLOCK_ROWS, false, &it->model->params,
                                      &spaces[t]);
    if (status == GKV_OK && blocks >= BLOCKS_PACKED) {
        status = gki_workspace_keep_all_packed(&spaces[0], threads);
        for (int t = 1; t < threads; t++)
            gki_workspace_share_packed(&spaces[t], &spaces[0]);
    }
    if (status == GKV_OK) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (long b = 0; b < blocks; b++) {
            const size_t first = (size_t)b * BLOCK_ROWS;
            block(it, &spaces[omp_get_thread_num()], first,
                  n - first < BLOCK_ROWS ? n - first : BLOCK_ROWS);
        }
    }
    for (int t = threads; t-- > 0;)
        gki_workspace_free(&spaces[t]);
    free(spaces);
    return status;
}

static void put(gki_workspace *ws, gki_slot slot, const float *from, size_t count)
{
    gki_real *to = gki_at(ws, slot, 0);
    for (size_t i = 0; i < count * slot.width; i++)
        to[i] = (gki_real)from[i];
}

static void take(const gki_workspace *ws, gki_slot slot, float *to, size_t count)
{
    const gki_real *from = gki_at(ws, slot, 0);
    for (size_t i = 0; i < count * slot.width; i++)
        to[i] = (float)from[i];
}

/* Copies images into the workspace and encodes them to z, with the noise that the workspace has. */
static void posterior_of(const request *it, gki_workspace *ws, size_t first, size_t count)
{
    const gkv_model *model = it->model;
    put(ws, model->x, it->in + first * model->pixels, count);
    gki_pass_encode(model, ws, 0, count);
    gki_posterior_forward(&model->posterior, ws, 0, count);
}

/* Does the same at u = 0. */
static void encode_images(const request *it, gki_workspace *ws, size_t first, size_t count)
{
    memset(gki_at(ws, it->model->posterior.u, 0), 0, count * it->model->d * sizeof(gki_real));
    posterior_of(it, ws, first, count);
}

static void encode_block(const request *it, gki_workspace *ws, size_t first, size_t count)
{
    const gkv_model *model = it->model;
    encode_images(it, ws, first, count);
    for (size_t r = 0; r < count; r++) {
        const gki_real *encoded = gki_at(ws, model->encoder->out, r),
                       *sigma = gki_at(ws, model->posterior.sigma, r);
        for (size_t j = 0; j < model->d; j++) {
            if (it->out)
                it->out[(first + r) * model->d + j] = (float)encoded[j];
            if (it->out2)
                it->out2[(first + r) * model->d + j] = (float)sigma[j];
        }
    }
}

gkv_status gkv_model_encode(const gkv_model *model, size_t n, const float *images, float *mean,
                            float *scale)
{
    const request it = {.model = model, .in = images, .out = mean, .out2 = scale};
    return run_blocks(&it, n, encode_block);
}

static void code_block(const request *it, gki_workspace *ws, size_t first, size_t count)
{
    encode_images(it, ws, first, count);
    take(ws, it->model->posterior.z, it->out + first * it->model->d, count);
}

gkv_status gkv_model_code(const gkv_model *model, size_t n, const float *images, float *codes)
{
    const request it = {.model = model, .in = images, .out = codes};
    return run_blocks(&it, n, code_block);
}

static void draw_block(const request *it, gki_workspace *ws, size_t first, size_t count)
{
    const gkv_model *model = it->model;
    for (size_t r = 0; r < count; r++)
        gki_rng_normal(gki_rng_at(it->seed, GKV_STREAM_USER, 0, it->first + first + r), model->d,
                       gki_at(ws, model->posterior.u, r));
    posterior_of(it, ws, first, count);
    take(ws, model->posterior.z, it->out + first * model->d, count);
}

gkv_status gkv_model_draw(const gkv_model *model, size_t n, const float *images, uint64_t seed,
                          uint64_t first, float *codes)
{
    const request it = {.model = model, .in = images, .out = codes, .seed = seed, .first = first};
    return run_blocks(&it, n, draw_block);
}

static void decode_block(const request *it, gki_workspace *ws, size_t first, size_t count)
{
    const gkv_model *model = it->model;
    put(ws, model->posterior.z, it->in + first * model->d, count);
    gki_pass_decode(model, ws, 0, count);
    gki_real *outputs = gki_at(ws, model->decoder->out, 0);
    model->likelihood->mean(count * model->pixels, outputs, outputs);
    for (size_t i = 0; i < count * model->pixels; i++)
        it->out[first * model->pixels + i] = (float)outputs[i];
}

gkv_status gkv_model_decode(const gkv_model *model, size_t n, const float *codes, float *images)
{
    const request it = {.model = model, .in = codes, .out = images};
    return run_blocks(&it, n, decode_block);
}

static void generate_rows(const request *it, gki_workspace *ws, size_t first, size_t count)
{
    const gkv_model *model = it->model;
    model->flow->ops->generate(model->flow, ws, 0, count);
    take(ws, model->posterior.z, it->out + first * model->d, count);
}

static void sample_block(const request *it, gki_workspace *ws, size_t first, size_t count)
{
    gki_prior_draws_rows(it->draws, ws, it->first + first, count);
    take(ws, it->model->posterior.z, it->out + first * it->model->d, count);
}

gkv_status gki_prior_draws_codes(const gki_prior_draws *draws, size_t n, uint64_t first,
                                 float *codes)
{
    if (!(draws->temperature >= 0) || !isfinite(draws->temperature))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a temperature of %g: give a number ≥ 0; 1 is the model's own",
                        draws->temperature);
    const request it = {.model = draws->model, .out = codes, .first = first, .draws = draws};
    return run_blocks(&it, n, sample_block);
}

gkv_status gkv_model_sample(const gkv_model *model, size_t n, uint64_t seed, uint64_t first,
                            double temperature, float *codes)
{
    const gki_prior_draws draws = {
        .model = model, .which = -1, .seed = seed, .temperature = temperature};
    return gki_prior_draws_codes(&draws, n, first, codes);
}

static void log_prior_block(const request *it, gki_workspace *ws, size_t first, size_t count)
{
    const gkv_model *model = it->model;
    put(ws, model->posterior.z, it->in + first * model->d, count);
    model->flow->ops->normalise(model->flow, ws, 0, count);
    model->base->ops->log_density(model->base, ws, 0, count);
    for (size_t r = 0; r < count; r++)
        it->out_double[first + r] = gki_pass_log_prior(model, ws, r);
}

gkv_status gkv_model_log_prior(const gkv_model *model, size_t n, const float *codes,
                               double *log_prior)
{
    const request it = {.model = model, .in = codes, .out_double = log_prior};
    return run_blocks(&it, n, log_prior_block);
}

static void normalise_block(const request *it, gki_workspace *ws, size_t first, size_t count)
{
    const gkv_model *model = it->model;
    put(ws, model->posterior.z, it->in + first * model->d, count);
    model->flow->ops->normalise(model->flow, ws, 0, count);
    take(ws, model->flow->eps, it->out + first * model->d, count);
}

gkv_status gkv_model_normalise(const gkv_model *model, size_t n, const float *codes, float *eps)
{
    const request it = {.model = model, .in = codes, .out = eps};
    return run_blocks(&it, n, normalise_block);
}

static void generate_block(const request *it, gki_workspace *ws, size_t first, size_t count)
{
    put(ws, it->model->flow->eps, it->in + first * it->model->d, count);
    generate_rows(it, ws, first, count);
}

gkv_status gkv_model_generate(const gkv_model *model, size_t n, const float *eps, float *codes)
{
    const request it = {.model = model, .in = eps, .out = codes};
    return run_blocks(&it, n, generate_block);
}
