/* Rounds of measurements, and the synthetic images that they need; declared in cli_bench.h.
 *
 * Each round measures everything once, in turn. So other work on the machine affects all figures
 * alike, and a speed can be compared with the peak of the same round. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_bench.h"
#include "gkvae/eval.h"
#include "gkvae/gk_batch.h"

/* --- Images --------------------------------------------------------------- */

/* Synthetic images that cost as much time as MNIST's. They are pen strokes with few fully white
 * pixels and a mean grey level of 13 %. 67 pixels of the border are always off. */

enum { STROKES = 2, DOTS = 24, DARK = 67 };

/* Marsaglia's xorshift, which gives the same numbers on every machine. */
static double uniform(uint64_t *state)
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return (double)(*state >> 11) * 0x1p-53;
}

static double from_centre(size_t pixel)
{
    const double y = (double)(pixel / BENCH_SIDE) - 13.5, x = (double)(pixel % BENCH_SIDE) - 13.5;
    return x * x + y * y;
}

/* The DARK pixels farthest from the middle; among equally far pixels the first ones. */
static void find_dark(bool *dark)
{
    for (size_t i = 0; i < BENCH_PIXELS; i++) {
        size_t farther = 0;
        for (size_t j = 0; j < BENCH_PIXELS; j++)
            farther +=
                from_centre(j) > from_centre(i) || (j < i && from_centre(j) >= from_centre(i));
        dark[i] = farther < DARK;
    }
}

/* A round dot with a soft edge. */
static void dot(double cx, double cy, uint8_t *image)
{
    for (int y = (int)cy - 2; y <= (int)cy + 3; y++) {
        for (int x = (int)cx - 2; x <= (int)cx + 3; x++) {
            const double light = 2.1 - sqrt((x - cx) * (x - cx) + (y - cy) * (y - cy));
            const uint8_t level = (uint8_t)(254 * fmin(fmax(light / 1.3, 0), 1));
            if (y < 0 || x < 0 || y >= BENCH_SIDE || x >= BENCH_SIDE)
                continue;
            uint8_t *pixel = image + y * BENCH_SIDE + x;
            *pixel = level > *pixel ? level : *pixel;
        }
    }
}

/* A parabola through three random points. */
static void stroke(uint64_t *state, uint8_t *image)
{
    double p[3][2];
    for (int i = 0; i < 3; i++) {
        p[i][0] = 1 + 25 * uniform(state);
        p[i][1] = 1 + 25 * uniform(state);
    }
    for (int i = 0; i <= DOTS; i++) {
        const double t = (double)i / DOTS, a = (1 - t) * (1 - t), b = 2 * t * (1 - t), c = t * t;
        dot(a * p[0][0] + b * p[1][0] + c * p[2][0], a * p[0][1] + b * p[1][1] + c * p[2][1],
            image);
    }
}

uint8_t *bench_labels(size_t count, size_t classes)
{
    uint8_t *labels = cli_alloc(count, 1);
    for (size_t i = 0; i < count; i++)
        labels[i] = (uint8_t)(i % classes);
    return labels;
}

uint8_t *bench_images(size_t count)
{
    bool dark[BENCH_PIXELS];
    uint8_t *images = cli_alloc(count, BENCH_PIXELS);
    uint64_t state = UINT64_C(88172645463325252);
    find_dark(dark);
    for (size_t i = 0; i < count; i++) {
        uint8_t *image = images + i * BENCH_PIXELS;
        for (int k = 0; k < STROKES; k++)
            stroke(&state, image);
        for (size_t k = 0; k < BENCH_PIXELS; k++)
            image[k] = dark[k] ? 0 : image[k];
    }
    return images;
}

/* --- Rounds --------------------------------------------------------------- */

/* EVALUATED: images per thread in an evaluation, which is the size of its tasks. */
enum { EVALUATED = 20, DRAW_BLOCK = 1000, GK_VALUES = 16384 };

const char *const bench_gk_names[BENCH_GK_FUNCTIONS] = {"Q(z)", "log f(Q(z))", "z and log f(x)",
                                                        "quantile of p"};

void bench_add(bench_series *series, double value)
{
    if (series->count < BENCH_ROUNDS_MAX)
        series->values[series->count++] = value;
}

double bench_median(const bench_series *series)
{
    double sorted[BENCH_ROUNDS_MAX];
    const size_t n = series->count;
    memcpy(sorted, series->values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, cli_ascending);
    return n ? 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]) : NAN;
}

int bench_go_on(void)
{
    return cli_stop ? cli_error(cli_code(GKV_ERR_INTERRUPTED),
                                "interrupted before all figures were measured")
                    : CLI_OK;
}

/* --- Training ------------------------------------------------------------- */

static int train(bench_model *model, size_t width, int threads, double peak)
{
    double seconds = 0, parts[GKV_BENCH_PARTS] = {0};
    const size_t steps = model->steps[width];
    int code = CLI_OK;
    for (size_t done = 0, count; done < steps; done += count) {
        double taken;
        gki_bench_profile profile;
        CLI_TRY(bench_go_on());
        count = steps - done < model->piece[width] ? steps - done : model->piece[width];
        CLI_CHECK(gki_bench_training_run(model->training, threads, count, &taken, &profile));
        seconds += taken;
        for (int part = 0; part < GKV_BENCH_PARTS; part++)
            parts[part] += profile.seconds[part];
    }
    const double step = seconds / (double)steps;
    bench_add(&model->widths[width].step, step);
    bench_add(&model->widths[width].step_share,
              (double)model->batch * model->operations.training / step / peak);
    for (int part = 0; part < GKV_BENCH_PARTS; part++)
        bench_add(&model->widths[width].parts[part], parts[part] / (double)steps);
done:
    return code;
}

/* Measures the first refit, which a run makes once. Later steps and refits are those of most of a
 * run. */
static int refit_first(bench_model *model, size_t width, int threads)
{
    return cli_check(gki_bench_training_refit(model->training, threads, true,
                                              &model->widths[width].first_refit));
}

static int refit(bench_model *model, size_t width, int threads)
{
    double seconds;
    const int code = cli_check(gki_bench_training_refit(model->training, threads, false, &seconds));
    if (code == CLI_OK && seconds > 0)
        bench_add(&model->widths[width].refit, seconds);
    return code;
}

/* --- Evaluation and draws ------------------------------------------------- */

static int evaluate_once(bench_model *model, int threads, size_t images, const gkv_dataset *test,
                         double *seconds)
{
    gkv_settings settings = model->settings;
    const gkv_run_options options = {.threads = threads, .stop = &cli_stop};
    gkv_metrics metrics;
    settings.eval.images = (int64_t)images;
    const double began = cli_seconds();
    const int code =
        cli_check(gkv_evaluate(gki_bench_training_model(model->training), test, GKV_EVAL_TEST,
                               &settings, NULL, &options, NULL, &metrics));
    *seconds = cli_seconds() - began;
    return code;
}

static int evaluate(bench_model *model, size_t width, int threads, const gkv_dataset *test,
                    double peak)
{
    double seconds;
    const size_t images = model->evaluated[width];
    const int code = evaluate_once(model, threads, images, test, &seconds);
    if (code != CLI_OK)
        return code;
    const double image = seconds / (double)images;
    const double operations = model->operations.encoding +
                              (double)model->settings.eval.samples * model->operations.sample;
    bench_add(&model->widths[width].evaluation, image);
    bench_add(&model->widths[width].evaluation_share, operations / image / peak);
    return CLI_OK;
}

/* Draws images from the prior, block by block as `gkvae sample` does. */
static int draw(bench_model *model, size_t width, int threads, double peak)
{
    gkv_model *from = gki_bench_training_model(model->training);
    float *codes = cli_alloc(DRAW_BLOCK * gkv_model_latent(from), sizeof *codes);
    float *images = cli_alloc(DRAW_BLOCK * BENCH_PIXELS, sizeof *images);
    int code = CLI_OK;
    CLI_CHECK(gkv_model_set_threads(from, threads));
    const double began = cli_seconds();
    for (size_t first = 0; first < BENCH_DRAWS; first += DRAW_BLOCK) {
        CLI_TRY(bench_go_on());
        CLI_CHECK(gkv_model_sample(from, DRAW_BLOCK, 1, first, 1, NULL, codes));
        CLI_CHECK(gkv_model_decode(from, DRAW_BLOCK, codes, NULL, images));
    }
    const double seconds = cli_seconds() - began;
    bench_add(&model->widths[width].drawing, seconds);
    bench_add(&model->widths[width].drawing_share,
              BENCH_DRAWS * model->operations.draw / seconds / peak);
done:
    free(codes);
    free(images);
    return code;
}

/* --- g-and-k -------------------------------------------------------------- */

typedef struct gk_arrays {
    double in[GK_VALUES], out[GK_VALUES], out2[GK_VALUES];
    float in_f[GK_VALUES], out_f[GK_VALUES], out2_f[GK_VALUES];
} gk_arrays;

static gkv_status gk_call(const gkv_gk *gk, size_t function, bool single, gk_arrays *a)
{
    if (single) {
        switch (function) {
        case 0: return gkv_gk_batch_z_f(gk, GK_VALUES, a->in_f, &(gkv_gk_at_z_f){.x = a->out_f});
        case 1:
            return gkv_gk_batch_z_f(gk, GK_VALUES, a->in_f, &(gkv_gk_at_z_f){.log_pdf = a->out_f});
        case 2:
            return gkv_gk_batch_x_f(gk, GK_VALUES, a->in_f,
                                    &(gkv_gk_at_x_f){.z = a->out_f, .log_pdf = a->out2_f});
        default: return gkv_gk_batch_quantile_f(gk, GK_VALUES, GKV_GK_LOWER, a->in_f, a->out_f);
        }
    }
    switch (function) {
    case 0: return gkv_gk_batch_z(gk, GK_VALUES, a->in, &(gkv_gk_at_z){.x = a->out});
    case 1: return gkv_gk_batch_z(gk, GK_VALUES, a->in, &(gkv_gk_at_z){.log_pdf = a->out});
    case 2:
        return gkv_gk_batch_x(gk, GK_VALUES, a->in,
                              &(gkv_gk_at_x){.z = a->out, .log_pdf = a->out2});
    default: return gkv_gk_batch_quantile(gk, GK_VALUES, GKV_GK_LOWER, a->in, a->out);
    }
}

/* Typical arguments: normal scores, draws of the distribution, probabilities. */
static int gk_inputs(const gkv_gk *gk, size_t function, gk_arrays *a)
{
    const gkv_gk normal = {.a = 0, .b = 1, .g = 0, .k = 0, .c = 0.8};
    gkv_gk_random(function == 2 ? gk : &normal, GK_VALUES, 1, 0, a->in);
    for (size_t i = 0; i < GK_VALUES; i++) {
        if (function == 3)
            a->in[i] = 0.5 * erfc(-a->in[i] / sqrt(2));
        a->in_f[i] = (float)a->in[i];
    }
    return CLI_OK;
}

static int measure_gk(bench_run *bench, double seconds)
{
    const gkv_gk gk = {.a = 0.1, .b = 0.9, .g = 0.4, .k = 0.1, .c = 0.8};
    gk_arrays *a = cli_alloc(1, sizeof *a);
    int code = CLI_OK;
    for (size_t function = 0; function < BENCH_GK_FUNCTIONS; function++) {
        CLI_TRY(gk_inputs(&gk, function, a));
        for (int kind = 0; kind < 2; kind++) {
            size_t calls = 0;
            const double began = cli_seconds();
            do {
                CLI_TRY(bench_go_on());
                CLI_CHECK(gk_call(&gk, function, kind == 0, a));
                calls++;
            } while (cli_seconds() - began < seconds / (2 * BENCH_GK_FUNCTIONS));
            bench_add(&bench->gk[function][kind],
                      (double)calls * GK_VALUES / (cli_seconds() - began));
        }
    }
done:
    free(a);
    return code;
}

/* --- Rounds --------------------------------------------------------------- */

/* Chooses, from a first measurement, the numbers of steps and images that take about `slot`
 * seconds; at most `most` images. */
static int plan(bench_run *bench, bench_model *model, const gkv_dataset *test, size_t most,
                double slot)
{
    const size_t steps = 4;
    int code = CLI_OK;
    for (size_t w = 0; bench->wanted & BENCH_TRAINING && w < bench->widths; w++) {
        CLI_TRY(bench_go_on());
        CLI_TRY(refit_first(model, w, bench->threads[w]));
    }
    for (size_t w = 0; w < bench->widths; w++) {
        const size_t task = EVALUATED * (size_t)bench->threads[w],
                     images = task < most ? task : most;
        double seconds;
        CLI_TRY(bench_go_on());
        CLI_CHECK(
            gki_bench_training_run(model->training, bench->threads[w], steps, &seconds, NULL));
        model->steps[w] = (size_t)fmax(2, slot * (double)steps / seconds);
        model->piece[w] = (size_t)fmax(1, (double)steps / seconds);
        if (!(bench->wanted & BENCH_EVALUATION))
            continue;
        CLI_TRY(evaluate_once(model, bench->threads[w], images, test, &seconds));
        const size_t fit = (size_t)(slot / seconds) * images;
        model->evaluated[w] = fit < images ? images : fit < most ? fit : most / images * images;
    }
done:
    return code;
}

static int measure_model(bench_run *bench, bench_model *model, size_t width,
                         const gkv_dataset *test, double peak)
{
    const int threads = bench->threads[width];
    int code = CLI_OK;
    if (bench->wanted & BENCH_TRAINING) {
        CLI_TRY(train(model, width, threads, peak));
        CLI_TRY(refit(model, width, threads));
    }
    if (bench->wanted & BENCH_EVALUATION)
        CLI_TRY(evaluate(model, width, threads, test, peak));
    if (bench->wanted & BENCH_DRAWING)
        CLI_TRY(draw(model, width, threads, peak));
done:
    return code;
}

static int measure_round(bench_run *bench, const gkv_dataset *test, double slot)
{
    int code = CLI_OK;
    for (size_t w = 0; bench->wanted & BENCH_OF_MODELS && w < bench->widths; w++) {
        double seconds, memory;
        CLI_CHECK(gki_bench_memory(bench->threads[w], &memory));
        bench_add(&bench->memory[w], memory);
        CLI_CHECK(gki_bench_gemm(BENCH_SQUARE, bench->threads[w], &seconds));
        const double peak = 2.0 * BENCH_SQUARE * BENCH_SQUARE * BENCH_SQUARE / seconds;
        bench_add(&bench->peak[w], peak);
        for (size_t m = 0; m < bench->models; m++)
            CLI_TRY(measure_model(bench, &bench->model[m], w, test, peak));
    }
    if (bench->wanted & BENCH_GK)
        CLI_TRY(measure_gk(bench, slot));
done:
    return code;
}

static int open_model(bench_run *bench, bench_model *model, const uint8_t *images,
                      const uint8_t *labels)
{
    gkv_dataset *dataset;
    int code = cli_check(gkv_dataset_from_memory(bench->images, BENCH_SIDE, BENCH_SIDE, 1, images,
                                                 labels, &dataset));
    if (code == CLI_OK)
        code = cli_check(gki_bench_training_create(&model->settings, dataset, &model->training));
    if (code != CLI_OK)
        return code;
    gki_bench_count(gki_bench_training_model(model->training), &model->operations);
    model->parameters = gkv_model_parameters(gki_bench_training_model(model->training));
    model->batch = gki_bench_training_batch(model->training);
    model->refit_steps = gki_bench_training_refit_steps(model->training);
    return CLI_OK;
}

static int open_models(bench_run *bench, double slot, gkv_dataset **test)
{
    const size_t test_images = bench->images < BENCH_DRAWS ? bench->images : BENCH_DRAWS;
    uint8_t *images = bench_images(bench->images);
    uint8_t *labels =
        bench_labels(bench->images, (size_t)bench->model[0].settings.model.base_classes);
    int code = CLI_OK;
    CLI_CHECK(
        gkv_dataset_from_memory(test_images, BENCH_SIDE, BENCH_SIDE, 1, images, labels, test));
    for (size_t m = 0; m < bench->models; m++) {
        CLI_TRY(open_model(bench, &bench->model[m], images, labels));
        CLI_TRY(plan(bench, &bench->model[m], *test, test_images, slot));
    }
done:
    free(images);
    free(labels);
    return code;
}

int bench_measure(bench_run *bench)
{
    /* The time is divided among training, evaluation and g-and-k functions. The times of draws, of
     * refits with their steps, and of the peak are added to it. */
    const size_t of_models =
        (bench->wanted & BENCH_TRAINING ? 1U : 0U) + (bench->wanted & BENCH_EVALUATION ? 1U : 0U);
    const size_t timed = bench->widths * bench->models * of_models + 1;
    const double slot = 0.75 * bench->seconds / (double)(bench->rounds * timed);
    gkv_dataset *test = NULL;
    cli_live live;
    int code = CLI_OK;
    cli_live_start(&live, !bench->quiet);
    if (bench->wanted & BENCH_OF_MODELS)
        CLI_TRY(open_models(bench, slot, &test));
    for (size_t round = 0; round < bench->rounds; round++) {
        char text[64];
        CLI_TRY(bench_go_on());
        snprintf(text, sizeof text, "round %zu of %zu", round + 1, bench->rounds);
        if (live.on)
            cli_live_show(&live, (const char *const[]){text}, 1);
        CLI_TRY(measure_round(bench, test, slot));
    }
done:
    cli_live_clear(&live);
    for (size_t m = 0; m < bench->models; m++)
        gki_bench_training_free(bench->model[m].training);
    gkv_dataset_free(test);
    return code;
}
