/* Trains feature networks and writes their files.
 *
 * A step is one parallel region, as in train/trainer_step.c: packed weights, tiles of images passed
 * forward and backward, parts of the gradient, and chunks of the optimiser. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/memory.h"
#include "core/rng.h"
#include "core/text.h"
#include "metrics/features.h"
#include "nn/adamw.h"
#include "num/constants.h"
#include "safetensors/safetensors.h"

enum { BATCH = 100, TILE = 10, EPOCHS_MAX = 10000 };
static const size_t channels[GKV_LENET_CONVOLUTIONS] = {16, 32}, units[] = {128, 84};
static const double weight_decay = 0.01, dropout = 0.25;

/* gki_layer_init() divides by 3: variances of 2/fan_in before ReLU (He et al. 2015), and of
 * 1/fan_in before the softmax. */
static const double relu_gain = 6, last_gain = 3;

typedef struct feature_trainer {
    const gkv_labelled_images *images;
    const gkv_features_train_settings *settings;
    gki_call call;
    int threads;
    size_t classes, batch;
    uint64_t step, steps; /* the number of finished steps, and of all */
    gki_lenet net;
    gki_workspace ws;
    uint32_t *order; /* of the images in this epoch */
    double *losses;  /* [batch] */
    bool *right;     /* [batch]; whether the most probable class is the label */
    size_t widest;   /* the elements of the widest mask */
    uint32_t *words; /* [batch, widest] random numbers */
} feature_trainer;

void gkv_features_train_defaults(gkv_features_train_settings *settings)
{
    if (settings)
        *settings = (gkv_features_train_settings){
            .name = "mnist", .seed = 1, .epochs = 10, .shift = 2, .learning_rate = 0.002};
}

/* --- Checks --------------------------------------------------------------- */

static gkv_status check_settings(const gkv_features_train_settings *s)
{
    char shown[GKV_PRINTABLE_SIZE];
    GKV_NEED(s->name);
    if (!*s->name || strlen(s->name) > GKV_FEATURES_NAME_MAX ||
        strcmp(gki_text_printable(s->name, shown), s->name) != 0)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "name of a feature network: \"%s\" is not a word of 1 to %d bytes",
                        gki_text_printable(s->name, shown), GKV_FEATURES_NAME_MAX);
    if (s->epochs < 1 || s->epochs > EPOCHS_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "%d epochs: the number must be from 1 to %d", s->epochs,
                        EPOCHS_MAX);
    if (s->shift < 0 || s->shift > GKV_FEATURES_SIDE_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "shifts of %d pixels: the number must be from 0 to %d",
                        s->shift, GKV_FEATURES_SIDE_MAX);
    if (!(s->learning_rate > 0 && s->learning_rate <= 1))
        return gki_fail(GKV_ERR_ARGUMENT, "learning rate %g: it must be above 0 and at most 1",
                        s->learning_rate);
    return GKV_OK;
}

static gkv_status check_images(const char *what, const gkv_labelled_images *images)
{
    GKV_NEED(images->levels);
    GKV_NEED(images->labels);
    if (images->count == 0 || images->count > UINT32_MAX)
        return gki_fail(GKV_ERR_DATA, "%s: %zu images; the number must be from 1 to %" PRIu32, what,
                        images->count, UINT32_MAX);
    if (images->height < GKV_LENET_SIDE_MIN || images->height > GKV_FEATURES_SIDE_MAX ||
        images->width < GKV_LENET_SIDE_MIN || images->width > GKV_FEATURES_SIDE_MAX)
        return gki_fail(
            GKV_ERR_DATA,
            "%s: images of %zu × %zu pixels; feature networks are for sides from %d to %d", what,
            images->height, images->width, GKV_LENET_SIDE_MIN, GKV_FEATURES_SIDE_MAX);
    return GKV_OK;
}

static size_t greatest_label(const gkv_labelled_images *images)
{
    size_t most = 0;
    for (size_t i = 0; images && i < images->count; i++)
        most = images->labels[i] > most ? images->labels[i] : most;
    return most;
}

static gkv_status check_sets(const gkv_labelled_images *train, const gkv_labelled_images *test)
{
    GKV_TRY(check_images("training images", train));
    if (test)
        GKV_TRY(check_images("test images", test));
    if (test && (test->height != train->height || test->width != train->width))
        return gki_fail(GKV_ERR_DATA,
                        "test images of %zu × %zu pixels, but training images of %zu × %zu",
                        test->height, test->width, train->height, train->width);
    if (greatest_label(train) == 0)
        return gki_fail(GKV_ERR_DATA,
                        "training images: all labels are 0; there must be two classes or more");
    return GKV_OK;
}

/* --- Images --------------------------------------------------------------- */

/* Writes an image to the input of row r, moved down and to the right; black comes in. */
static void put_shifted_image(const feature_trainer *trainer, const gkv_labelled_images *images,
                              size_t i, long down, long right, size_t r)
{
    const gki_map *map = &trainer->net.image;
    const uint8_t *levels = images->levels + i * map->height * map->width;
    gki_real *const row = gki_at(&trainer->ws, map->slot, r);
    for (size_t y = 0; y < map->height; y++)
        for (size_t x = 0; x < map->width; x++) {
            const long from_y = (long)y - down, from_x = (long)x - right;
            const bool inside = from_y >= 0 && from_y < (long)map->height && from_x >= 0 &&
                                from_x < (long)map->width;
            row[gki_map_row(map, y) + x] =
                inside ? (gki_real)levels[(size_t)from_y * map->width + (size_t)from_x] / 255 : 0;
        }
}

/* Sets the masks of a row: all of them 1, or those of dropout in this step. */
static void put_masks(const feature_trainer *trainer, size_t image, bool drops, size_t r)
{
    const gki_real kept = (gki_real)(1 / (1 - dropout));
    for (size_t m = 0; m < GKV_LENET_LINEARS - 1; m++) {
        const gki_slot slot = trainer->net.masks[m];
        gki_real *mask = gki_at(&trainer->ws, slot, r);
        uint32_t *words = trainer->words + r * trainer->widest;
        if (drops) /* each mask has steps of its own */
            gki_rng_words(gki_rng_at(trainer->settings->seed, GKV_STREAM_FEATURE_MASK,
                                     trainer->step * (GKV_LENET_LINEARS - 1) + m, image),
                          slot.width, words);
        for (size_t k = 0; k < slot.width; k++)
            mask[k] = !drops ? 1 : words[k] < dropout * 0x1p32 ? 0 : kept;
    }
}

static void put_training_image(const feature_trainer *trainer, size_t image, size_t r)
{
    const uint32_t places = 2 * (uint32_t)trainer->settings->shift + 1;
    uint32_t words[2];
    gki_rng_words(
        gki_rng_at(trainer->settings->seed, GKV_STREAM_FEATURE_SHIFT, trainer->step, image), 2,
        words);
    put_shifted_image(trainer, trainer->images, image,
                      (long)(words[0] % places) - trainer->settings->shift,
                      (long)(words[1] % places) - trainer->settings->shift, r);
    put_masks(trainer, image, true, r);
}

/* --- Passes --------------------------------------------------------------- */

/* Replaces d_logits of a row by the gradient of its cross-entropy, which becomes its loss. */
static void classify(const feature_trainer *trainer, size_t label, size_t r)
{
    const gki_real *logits = gki_at(&trainer->ws, trainer->net.logits, r);
    gki_real *d = gki_at(&trainer->ws, trainer->net.d_logits, r);
    double sum = 0;
    size_t best = 0;
    for (size_t k = 1; k < trainer->classes; k++)
        best = logits[k] > logits[best] ? k : best;
    const double top = (double)logits[best];
    for (size_t k = 0; k < trainer->classes; k++)
        sum += exp((double)logits[k] - top);
    for (size_t k = 0; k < trainer->classes; k++)
        d[k] = (gki_real)(exp((double)logits[k] - top) / sum - (k == label));
    trainer->losses[r] =
        log(sum) + top - (label < trainer->classes ? (double)logits[label] : INFINITY);
    trainer->right[r] = best == label;
}

/* Rows [first, first + count) of a step; `index` has their images. */
static void train_tile(feature_trainer *trainer, const uint32_t *index, size_t first, size_t count)
{
    for (size_t r = first; r < first + count; r++)
        put_training_image(trainer, index[r], r);
    gki_lenet_forward(&trainer->net, &trainer->ws, trainer->net.count, first, count);
    for (size_t r = first; r < first + count; r++)
        classify(trainer, trainer->images->labels[index[r]], r);
    gki_lenet_backward(&trainer->net, &trainer->ws, first, count);
}

static void gradient_part(feature_trainer *trainer, size_t part)
{
    const gki_layer *layer = gki_layers_of_part(trainer->net.layers, trainer->net.count, &part);
    layer->ops->gradient(layer, &trainer->ws, trainer->batch, part);
}

static size_t tile_rows(size_t rows, size_t first)
{
    return rows - first < TILE ? rows - first : TILE;
}

static void pack_weights(gki_workspace *ws)
{
    const long pieces = (long)gki_workspace_pack_pieces(ws);
#pragma omp for schedule(dynamic, 1)
    for (long p = 0; p < pieces; p++)
        gki_workspace_pack(ws, (size_t)p);
}

static void train_step(feature_trainer *trainer, const uint32_t *index)
{
    const gki_params *params = &trainer->net.params;
    const double done = (double)trainer->step / (double)trainer->steps;
    const gki_adamw update = {.updates = trainer->step,
                              .scale = 1 / (double)trainer->batch,
                              .rate =
                                  trainer->settings->learning_rate * 0.5 * (1 + cos(GKV_PI * done)),
                              .weight_decay = weight_decay};
    const long rows = (long)trainer->batch, chunks = (long)gki_adamw_chunks(params),
               parts = (long)gki_layers_parts(trainer->net.layers, trainer->net.count);
#pragma omp parallel num_threads(trainer->threads)
    {
        pack_weights(&trainer->ws);
#pragma omp for schedule(dynamic, 1)
        for (long first = 0; first < rows; first += TILE)
            train_tile(trainer, index, (size_t)first, tile_rows((size_t)rows, (size_t)first));
#pragma omp for schedule(dynamic, 1)
        for (long part = 0; part < parts; part++)
            gradient_part(trainer, (size_t)part);
#pragma omp for schedule(static)
        for (long chunk = 0; chunk < chunks; chunk++)
            gki_adamw_update(params, (size_t)chunk, &update);
    }
    trainer->step++;
}

/* The fraction of images that are classified correctly. */
static double accuracy_of(feature_trainer *trainer, const gkv_labelled_images *images)
{
    size_t right = 0;
    for (size_t start = 0; start < images->count; start += trainer->batch) {
        const size_t left = images->count - start,
                     count = left < trainer->batch ? left : trainer->batch;
        const long rows = (long)count;
#pragma omp parallel num_threads(trainer->threads)
        {
            pack_weights(&trainer->ws);
#pragma omp for schedule(dynamic, 1)
            for (long first = 0; first < rows; first += TILE) {
                const size_t from = (size_t)first, n = tile_rows(count, from);
                for (size_t r = from; r < from + n; r++) {
                    put_shifted_image(trainer, images, start + r, 0, 0, r);
                    put_masks(trainer, 0, false, r);
                }
                gki_lenet_forward(&trainer->net, &trainer->ws, trainer->net.count, from, n);
                for (size_t r = from; r < from + n; r++)
                    classify(trainer, images->labels[start + r], r);
            }
        }
        for (size_t r = 0; r < count; r++)
            right += trainer->right[r];
    }
    return (double)right / (double)images->count;
}

/* --- Training ------------------------------------------------------------- */

static gkv_status create(feature_trainer *trainer, const gkv_labelled_images *test)
{
    const gkv_labelled_images *images = trainer->images;
    const size_t of_test = greatest_label(test), of_train = greatest_label(images);
    trainer->classes = (of_test > of_train ? of_test : of_train) + 1;
    trainer->batch = images->count < BATCH ? images->count : BATCH;
    trainer->steps = (uint64_t)trainer->settings->epochs * (images->count / trainer->batch);
    const gki_lenet_spec spec = {
        .height = images->height,
        .width = images->width,
        .outputs = {channels[0], channels[1], units[0], units[1], trainer->classes},
        .trains = true};
    GKV_TRY(gki_lenet_create(&spec, &trainer->net));
    GKV_TRY(gki_workspace_create(&trainer->net.plan, trainer->batch, true, &trainer->net.params,
                                 &trainer->ws));
    GKV_TRY(gki_workspace_keep_packed(&trainer->ws));
    GKV_TRY(gki_alloc(images->count, sizeof *trainer->order, &trainer->order));
    GKV_TRY(gki_alloc(trainer->batch, sizeof *trainer->losses, &trainer->losses));
    GKV_TRY(gki_alloc(trainer->batch, sizeof *trainer->right, &trainer->right));
    for (size_t m = 0; m < GKV_LENET_LINEARS - 1; m++)
        if (trainer->net.masks[m].width > trainer->widest)
            trainer->widest = trainer->net.masks[m].width;
    GKV_TRY(gki_alloc(trainer->batch, trainer->widest * sizeof *trainer->words, &trainer->words));
    for (size_t i = 0; i < trainer->net.count; i++)
        gki_layer_init(&trainer->net.layers[i], &trainer->net.params, trainer->settings->seed,
                       i + 1 < trainer->net.count ? relu_gain : last_gain);
    return GKV_OK;
}

static void destroy(feature_trainer *trainer)
{
    gki_workspace_free(&trainer->ws);
    gki_lenet_free(&trainer->net);
    free(trainer->order);
    free(trainer->losses);
    free(trainer->right);
    free(trainer->words);
}

/* Images that do not fill a step are left out, other ones in each epoch. */
static gkv_status train_epoch(feature_trainer *trainer, int epoch)
{
    const size_t steps = trainer->images->count / trainer->batch;
    gkv_features_epoch report = {.epoch = epoch + 1, .epochs = trainer->settings->epochs};
    gki_rng_permutation(gki_rng_at(trainer->settings->seed, GKV_STREAM_SHUFFLE, (uint64_t)epoch, 0),
                        (uint32_t)trainer->images->count, trainer->order);
    trainer->call.details = NULL;
    for (size_t s = 0; s < steps; s++) {
        train_step(trainer, trainer->order + s * trainer->batch);
        for (size_t r = 0; r < trainer->batch; r++)
            report.loss += trainer->losses[r] / (double)(steps * trainer->batch);
        if (s + 1 == steps)
            trainer->call.details = &report;
        if (!isfinite(report.loss))
            return gki_fail(
                GKV_ERR_NUMERIC,
                "feature network, epoch %d: the loss is not finite; try a lower learning rate",
                report.epoch);
        if (gki_call_advance(&trainer->call, trainer->batch))
            break;
    }
    return gki_call_end(&trainer->call, "training of a feature network", "images");
}

/* --- The file ------------------------------------------------------------- */

/* Copies a weight to its order in a file. */
static void export_weight(const gki_lenet *net, const gki_lenet_weight *w, float *out)
{
    const gki_real *values = gki_param_value(&net->params, w->weight);
    for (size_t o = 0; o < w->out; o++)
        for (size_t c = 0; c < w->channels; c++)
            for (size_t p = 0; p < w->positions; p++)
                *out++ = (float)values[gki_lenet_place(w, o, c, p)];
}

static void export_bias(const gki_lenet *net, const gki_lenet_weight *w, float *out)
{
    for (size_t o = 0; o < w->out; o++)
        out[o] = (float)gki_param_value(&net->params, w->bias)[o];
}

/* Writes the file. The accuracy is NaN if there were no test images. */
static gkv_status write_file(const feature_trainer *trainer, double accuracy, const char *path)
{
    enum { NUMBER = 24, NOTES = 8 };
    gkv_status status = GKV_OK;
    const gki_lenet *net = &trainer->net;
    const gkv_features_train_settings *s = trainer->settings;
    gki_tensor tensors[2 * GKV_LENET_WEIGHTS];
    char names[2 * GKV_LENET_WEIGHTS][GKV_FEATURES_TENSOR_SIZE];
    char height[NUMBER], width[NUMBER], classes[NUMBER], count[NUMBER], reached[NUMBER],
        made_by[160];
    float *values = NULL;
    size_t total = 0;
    GKV_TRY_GOTO(gki_alloc(net->params.total, sizeof *values, &values));
    for (size_t i = 0; i < GKV_LENET_WEIGHTS; i++) {
        const gki_lenet_weight *w = &net->weights[i];
        gki_tensor *const weight = &tensors[2 * i], *const bias = &tensors[2 * i + 1];
        gki_features_tensor(i, "weight", names[2 * i]);
        gki_features_tensor(i, "bias", names[2 * i + 1]);
        *weight = (gki_tensor){.name = names[2 * i], .dtype = GKV_F32, .data = values + total};
        weight->rank = gki_features_shape(i, w->out, w->channels, w->positions, weight->shape);
        export_weight(net, w, values + total);
        total += w->out * w->channels * w->positions;
        *bias = (gki_tensor){.name = names[2 * i + 1],
                             .dtype = GKV_F32,
                             .rank = 1,
                             .shape = {(int64_t)w->out},
                             .data = values + total};
        export_bias(net, w, values + total);
        total += w->out;
    }
    snprintf(height, sizeof height, "%zu", trainer->images->height);
    snprintf(width, sizeof width, "%zu", trainer->images->width);
    snprintf(classes, sizeof classes, "%zu", trainer->classes);
    snprintf(count, sizeof count, "%zu", trainer->images->count);
    snprintf(reached, sizeof reached, "%.4f", accuracy);
    snprintf(made_by, sizeof made_by,
             "gkvae %s features train --epochs %d --shift %d --rate %.17g --seed %" PRIu64,
             gkv_version(), s->epochs, s->shift, s->learning_rate, s->seed);
    const gki_metadata notes[NOTES] = {
        {"format", GKV_FEATURES_FORMAT},
        {"name", s->name},
        {"height", height},
        {"width", width},
        {"classes", classes},
        {"training_images", count},
        {"made_by", made_by},
        {"test_accuracy", reached},
    };
    GKV_TRY_GOTO(gki_safetensors_write(path, 2 * GKV_LENET_WEIGHTS, tensors,
                                       isnan(accuracy) ? NOTES - 1 : NOTES, notes));
done:
    free(values);
    return status;
}

gkv_status gkv_features_train(const gkv_labelled_images *train, const gkv_labelled_images *test,
                              const gkv_features_train_settings *settings,
                              const gkv_run_options *options, const char *path, double *accuracy)
{
    gkv_status status = GKV_OK;
    gkv_features_train_settings defaults;
    GKV_NEED(train);
    GKV_NEED(path);
    gkv_features_train_defaults(&defaults);
    feature_trainer trainer = {.images = train, .settings = settings ? settings : &defaults};
    GKV_TRY(check_settings(trainer.settings));
    GKV_TRY(check_sets(train, test));
    GKV_TRY(gki_call_begin(&trainer.call, options, 0));
    trainer.threads = gki_call_threads(&trainer.call, 0);
    double reached = NAN;
    GKV_TRY_GOTO(create(&trainer, test));
    trainer.call.total = trainer.steps * trainer.batch;
    for (int epoch = 0; epoch < trainer.settings->epochs; epoch++)
        GKV_TRY_GOTO(train_epoch(&trainer, epoch));
    if (test)
        reached = accuracy_of(&trainer, test);
    GKV_TRY_GOTO(write_file(&trainer, reached, path));
    if (accuracy)
        *accuracy = reached;
done:
    destroy(&trainer);
    return status;
}
