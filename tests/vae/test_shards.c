/* The gradient of a batch that is divided: shard after shard, it is that of the whole batch to the
 * bit, for every kind of layer, flow, base, noise and likelihood. */
#define _XOPEN_SOURCE 700
#include "folder.h"
#include "settings.h"

#include "nn/gemm.h"
#include "vae/shards.h"

enum { SIDE = 8, IMAGES = 300, SHARDS = 4, CHANNELS_MAX = 3 };

/* The first block of rows of the sparse layer ends within a shard; a shard may be empty. */
static const size_t sizes[SHARDS] = {9, 250, 0, 41};

static const gki_objective objective = {.kl_weight = 0.7};

/* Fills the inputs of images [first, first + count) of the batch. */
static void fill(const gkv_model *model, gki_workspace *ws, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double u[CHANNELS_MAX * SIDE * SIDE];
        gki_rng_uniform(gki_rng_at(1, GKV_STREAM_SHUFFLE, 0, first + i), model->values, u);
        for (size_t j = 0; j < model->values; j++)
            gki_at(ws, model->x, i)[j] = model->settings.data.binarization == GKV_BINARIZE_GREY
                                             ? (gki_real)(floor(255 * u[j] * u[j]) / 255)
                                             : (gki_real)(u[j] > 0.85);
        gki_rng_normal(gki_rng_at(1, GKV_STREAM_POSTERIOR, 0, first + i), ws->draws * model->d,
                       gki_at(ws, model->posterior.u, i * ws->draws));
        for (size_t k = 0; model->base->classes > 0 && k < ws->draws; k++)
            *gki_at(ws, model->label, i * ws->draws + k) =
                (gki_real)(1 + (first + i) % model->base->classes);
    }
    gki_pass_forward(model, ws, 0, count * ws->draws);
    gki_pass_backward(model, ws, 0, count * ws->draws, &objective);
}

static gki_workspace workspace_of(const gkv_model *model, size_t images, size_t draws)
{
    gki_workspace ws;
    assert_ok(gki_workspace_create(&model->plan, images * draws, true, &model->params, &ws));
    ws.draws = draws;
    return ws;
}

/* Passes each shard, whose sums continue those of the one before in the gradients. */
static void sum_shards(const gkv_model *model, const gki_workspace *batch)
{
    const size_t buckets = gki_shard_buckets(model, NULL);
    gki_shard_bucket *list = test_alloc(buckets * sizeof *list);
    gki_shard_buckets(model, list);
    for (size_t s = 0, first = 0; s < SHARDS; first += sizes[s++]) {
        const gki_shard shard = {.first = first, .images = IMAGES, .batch = batch};
        gki_workspace ws = workspace_of(model, sizes[s] > 0 ? sizes[s] : 1, batch->draws);
        if (sizes[s] > 0)
            fill(model, &ws, first, sizes[s]);
        ws.shard = &shard;
        for (size_t b = 0; sizes[s] > 0 && b < buckets; b++)
            for (size_t p = list[b].first_part; p < list[b].first_part + list[b].parts; p++)
                if (gki_shard_continues(model, p))
                    gki_pass_gradient(model, &ws, sizes[s] * ws.draws, p);
        gki_workspace_free(&ws);
    }
    free(list);
}

/* Keeps only what another process would send, so that nothing else is read. */
static void copy_slot(void *context, gki_slot slot)
{
    const gki_workspace *const *both = context;
    if (slot.width > 0)
        memcpy(gki_at(both[1], slot, 0), gki_at(both[0], slot, 0),
               both[0]->rows * slot.width * sizeof(gki_real));
}

static void assert_same_gradient(const gkv_model *model, size_t draws)
{
    const gki_params *params = &model->params;
    const size_t bytes = params->trainable * sizeof *params->grads;
    gki_workspace batch = workspace_of(model, IMAGES, draws),
                  sent = workspace_of(model, IMAGES, draws);
    gki_real *whole = test_alloc(bytes);
    fill(model, &batch, 0, IMAGES);
    for (size_t p = 0; p < gki_pass_parts(model); p++)
        gki_pass_gradient(model, &batch, IMAGES * draws, p);
    memcpy(whole, params->grads, bytes);
    for (size_t i = 0; i < params->count; i++) /* padding stays 0 */
        for (size_t j = 0; params->list[i].trainable && j < params->list[i].size; j++)
            gki_param_grad(params, i)[j] = 77;
    gki_shard_image_slots(model, copy_slot, (const gki_workspace *[]){&batch, &sent});
    gki_shard_slots(model, copy_slot, (const gki_workspace *[]){&batch, &sent});
    sum_shards(model, &sent);
    for (size_t p = 0; p < gki_pass_parts(model); p++)
        if (!gki_shard_continues(model, p))
            gki_pass_gradient(model, &sent, IMAGES * draws, p);
    assert_memory_equal(whole, params->grads, bytes);
    free(whole);
    gki_workspace_free(&batch);
    gki_workspace_free(&sent);
}

/* Buckets do not overlap, and they hold all of encoder, decoder and flow. */
static void assert_buckets(const gkv_model *model)
{
    const size_t count = gki_shard_buckets(model, NULL);
    gki_shard_bucket *list = test_alloc(count * sizeof *list);
    assert_int_equal(gki_shard_buckets(model, list), count);
    for (size_t i = 0; i < model->params.count; i++) {
        const gki_param *param = &model->params.list[i];
        size_t holders = 0;
        for (size_t b = 0; b < count; b++) {
            assert_true(list[b].parts > 0 &&
                        list[b].offset + list[b].elements <= model->params.trainable);
            holders += param->offset >= list[b].offset &&
                       param->offset + param->size <= list[b].offset + list[b].elements;
        }
        const bool of_net = strncmp(param->name, "encoder.", 8) == 0 ||
                            strncmp(param->name, "decoder.", 8) == 0 ||
                            strncmp(param->name, "prior.flow.", 11) == 0;
        assert_int_equal(holders, of_net && param->trainable);
    }
    free(list);
}

/* The settings of each model, as NAME=VALUE, separated by spaces. */
static const char *const models[] = {
    "", /* the default */
    "model.block=residual model.layers=3 model.base=gk-copula model.base_fit=grad",
    "model.block=gated data.binarization=grey model.likelihood=logistic-mixture "
    "model.learned_edges=yes",
    "model.net=conv model.half_channels=8 model.quarter_channels=8 model.conv_blocks=1",
    "model.net=conv model.conv_block=depthwise model.half_channels=8 model.quarter_channels=8 "
    "model.conv_blocks=1 data.binarization=grey model.likelihood=gk-mixture",
    "model.prior_flow=glow model.base=student-t model.base_fit=grad",
    "model.prior_flow=maf model.base=gk-mixture model.base_fit=grad model.posterior=gk",
    "model.prior_flow=spline model.base=gk-by-class model.base_components=2 model.base_fit=lm+grad "
    "model.posterior=full",
    "model.prior_flow=none model.base=gaussian-mixture model.base_fit=lm+grad "
    "model.base_tied_shapes=yes",
    "model.prior_flow=gk-coupling model.base=full-gaussian model.base_fit=grad "
    "model.posterior_flow=planar model.posterior_layers=2",
};

static gkv_model *open_model(const char *changes, size_t channels)
{
    gkv_settings settings;
    gkv_model *model = NULL;
    double mean[CHANNELS_MAX * SIDE * SIDE];
    char text[512], *rest = text;
    gkv_settings_defaults(&settings);
    set(&settings, "model.latent", "4");
    set(&settings, "model.hidden", "40");
    set(&settings, "model.layers", "2");
    set(&settings, "model.prior_layers", "2");
    set(&settings, "model.prior_hidden", "8");
    set(&settings, "model.base_components", "3");
    snprintf(text, sizeof text, "%s", changes);
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        *value++ = 0;
        set(&settings, word, value);
    }
    for (size_t i = 0; i < channels * SIDE * SIDE; i++)
        mean[i] = 0.1 + 0.2 * (double)(i % 2);
    assert_ok(gkv_model_create(SIDE, SIDE, channels, mean, &settings, &model));
    return model;
}

static void test_gradients(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        gkv_model *model = open_model(models[i], 1);
        assert_buckets(model);
        assert_same_gradient(model, 1);
        gkv_model_free(model);
    }
    gkv_model *model =
        open_model("data.binarization=grey model.likelihood=gk-mixture model.learned_edges=yes", 3);
    assert_same_gradient(model, 1);
    gkv_model_free(model);
}

static void test_draws(void **state)
{
    (void)state;
    gkv_model *model = open_model("train.samples=2", 1);
    assert_same_gradient(model, 2);
    gkv_model_free(model);
}

int main(void)
{
    if (!gki_gemm_kernels_get())
        return 77; /* OpenBLAS adds in an order of its own */
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gradients),
                                       cmocka_unit_test(test_draws)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
