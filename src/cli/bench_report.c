/* The figures of `gkvae bench` as tables and as JSON; declared in cli_bench.h. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/build.h"
#include "safetensors/json_text.h"
#include "cli_bench.h"

/* --- Tables --------------------------------------------------------------- */

enum { CELLS_MAX = 256 };

/* Cells of a table, row by row. */
typedef struct table {
    char *cells[CELLS_MAX];
    size_t count;
} table;

static void cell(table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void cell(table *t, const char *format, ...)
{
    char text[128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (t->count < CELLS_MAX)
        t->cells[t->count++] = cli_text("%s", text);
}

static void drop(table *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->cells[i]);
    t->count = 0;
}

static void finish(table *t, size_t columns)
{
    char align[16] = "lrrrrrrrrrrrrrr";
    align[columns] = '\0';
    cli_table((const char *const *)t->cells, t->count / columns, columns, align);
    drop(t);
    putchar('\n');
}

static void cell_name(table *t, const bench_run *bench, const bench_model *model, size_t width)
{
    cell(t, "%s, %d thread%s", model->name, bench->threads[width],
         cli_plural((uint64_t)bench->threads[width]));
}

/* The speed on all threads relative to one thread. */
static void cell_gain(table *t, size_t width, double one, double all)
{
    if (width == 0)
        cell(t, "%s", "");
    else
        cell(t, "%.2f", one / all);
}

static void cell_heads(table *t, size_t columns, const char *const *head)
{
    for (size_t i = 0; i < columns; i++)
        cell(t, "%s", head[i]);
}

/* --- Results -------------------------------------------------------------- */

static void print_peak(const bench_run *bench)
{
    for (size_t w = 0; w < bench->widths; w++)
        printf("%s%.1f GFLOP/s on %d thread%s",
               w ? ", " : "SGEMM of OpenBLAS, 2048 × 2048: ", 1e-9 * bench_median(&bench->peak[w]),
               bench->threads[w], cli_plural((uint64_t)bench->threads[w]));
    puts(" (the peak)");
    for (size_t w = 0; w < bench->widths; w++)
        printf("%s%.1f GB/s on %d thread%s",
               w ? ", " : "memory, STREAM's triad: ", 1e-9 * bench_median(&bench->memory[w]),
               bench->threads[w], cli_plural((uint64_t)bench->threads[w]));
    puts("\n");
}

static void print_training(const bench_run *bench)
{
    table t = {.count = 0};
    const char *const head[] = {"training", "images/s",    "ms a step",
                                "GFLOP/s",  "of the peak", "× 1 thread"};
    enum { COLUMNS = sizeof head / sizeof *head };
    cell_heads(&t, COLUMNS, head);
    for (size_t m = 0; m < bench->models; m++) {
        const bench_model *model = &bench->model[m];
        for (size_t w = 0; w < bench->widths; w++) {
            const double step = bench_median(&model->widths[w].step), images = (double)model->batch;
            cell_name(&t, bench, model, w);
            cell(&t, "%.0f", images / step);
            cell(&t, "%.2f", 1e3 * step);
            cell(&t, "%.1f", 1e-9 * images * model->operations.training / step);
            cell(&t, "%.0f %%", 100 * bench_median(&model->widths[w].step_share));
            cell_gain(&t, w, bench_median(&model->widths[0].step), step);
        }
    }
    finish(&t, COLUMNS);
}

double bench_refit_to_steps(const bench_model *model, size_t width)
{
    return bench_median(&model->widths[width].refit) /
           (model->refit_steps * bench_median(&model->widths[width].step));
}

double bench_refit_share(const bench_model *model, size_t width)
{
    const double to_steps = bench_refit_to_steps(model, width);
    return to_steps / (1 + to_steps);
}

static void print_parts(const bench_run *bench)
{
    table t = {.count = 0};
    const size_t columns = 1 + bench->models * bench->widths;
    cell(&t, "parts of a step, ms · threads");
    for (size_t m = 0; m < bench->models; m++)
        for (size_t w = 0; w < bench->widths; w++)
            cell_name(&t, bench, &bench->model[m], w);
    for (int part = 0; part <= GKV_BENCH_PARTS; part++) {
        cell(&t, "  %s",
             part < GKV_BENCH_PARTS ? gki_bench_part_name((gki_bench_part)part)
                                    : "refits, beside it");
        for (size_t m = 0; m < bench->models; m++) {
            for (size_t w = 0; w < bench->widths; w++) {
                const bench_model *model = &bench->model[m];
                const double whole = bench->threads[w] * bench_median(&model->widths[w].step);
                const double share = part < GKV_BENCH_PARTS
                                         ? bench_median(&model->widths[w].parts[part]) / whole
                                         : bench_refit_to_steps(model, w);
                if (isfinite(share) && share > 0)
                    cell(&t, "%.3f (%4.1f %%)", 1e3 * share * whole, 100 * share);
                else
                    cell(&t, "–");
            }
        }
    }
    finish(&t, columns);
}

static void print_optimiser(const bench_run *bench)
{
    table t = {.count = 0};
    const char *const head[] = {"the optimiser's memory", "MB a step", "GB/s", "of the triad"};
    enum { COLUMNS = sizeof head / sizeof *head };
    cell_heads(&t, COLUMNS, head);
    for (size_t m = 0; m < bench->models; m++) {
        const bench_model *model = &bench->model[m];
        for (size_t w = 0; w < bench->widths; w++) {
            const double all = bench_median(&model->widths[w].parts[GKV_BENCH_OPTIMISER]),
                         speed = model->operations.updated * bench->threads[w] / all;
            cell_name(&t, bench, model, w);
            cell(&t, "%.1f", 1e-6 * model->operations.updated);
            cell(&t, "%.1f", 1e-9 * speed);
            cell(&t, "%.0f %%", 100 * speed / bench_median(&bench->memory[w]));
        }
    }
    finish(&t, COLUMNS);
}

static void print_refits(const bench_run *bench)
{
    table t = {.count = 0};
    const char *const head[] = {"refits of the base", "the first, s", "others, ms", "steps between",
                                "of an epoch"};
    enum { COLUMNS = sizeof head / sizeof *head };
    size_t rows = 0;
    cell_heads(&t, COLUMNS, head);
    for (size_t m = 0; m < bench->models; m++) {
        const bench_model *model = &bench->model[m];
        for (size_t w = 0; w < bench->widths && model->refit_steps > 0; w++, rows++) {
            cell_name(&t, bench, model, w);
            cell(&t, "%.3f", model->widths[w].first_refit);
            /* there are none if the first refit was rejected */
            const bool any = model->widths[w].refit.count > 0;
            cell(&t, any ? "%.2f" : "–", 1e3 * bench_median(&model->widths[w].refit));
            cell(&t, "%.6g", model->refit_steps);
            cell(&t, any ? "%.1f %%" : "–", 100 * bench_refit_share(model, w));
        }
    }
    if (rows > 0)
        finish(&t, COLUMNS);
    else
        drop(&t);
}

static void print_evaluation(const bench_run *bench)
{
    table t = {.count = 0};
    const char *const head[] = {"", "images/s", "GFLOP/s", "of the peak", "× 1 thread"};
    enum { COLUMNS = sizeof head / sizeof *head };
    for (size_t i = 0; i < COLUMNS; i++)
        if (i == 0)
            cell(&t, "evaluation, %lld samples an image",
                 (long long)bench->model[0].settings.eval.samples);
        else
            cell(&t, "%s", head[i]);
    for (size_t m = 0; m < bench->models; m++) {
        const bench_model *model = &bench->model[m];
        for (size_t w = 0; w < bench->widths; w++) {
            const double image = bench_median(&model->widths[w].evaluation);
            const double share = bench_median(&model->widths[w].evaluation_share);
            cell_name(&t, bench, model, w);
            cell(&t, "%.1f", 1 / image);
            cell(&t, "%.1f", 1e-9 * share * bench_median(&bench->peak[w]));
            cell(&t, "%.0f %%", 100 * share);
            cell_gain(&t, w, bench_median(&model->widths[0].evaluation), image);
        }
    }
    finish(&t, COLUMNS);
}

static void print_draws(const bench_run *bench)
{
    table t = {.count = 0};
    enum { COLUMNS = 4 };
    cell(&t, "%d draws from the prior", BENCH_DRAWS);
    cell(&t, "seconds");
    cell(&t, "of the peak");
    cell(&t, "× 1 thread");
    for (size_t m = 0; m < bench->models; m++) {
        const bench_model *model = &bench->model[m];
        for (size_t w = 0; w < bench->widths; w++) {
            const double seconds = bench_median(&model->widths[w].drawing);
            cell_name(&t, bench, model, w);
            cell(&t, "%.3f", seconds);
            cell(&t, "%.0f %%", 100 * bench_median(&model->widths[w].drawing_share));
            cell_gain(&t, w, bench_median(&model->widths[0].drawing), seconds);
        }
    }
    finish(&t, COLUMNS);
}

static void print_gk(const bench_run *bench)
{
    table t = {.count = 0};
    cell(&t, "g-and-k, 1 thread, million values/s");
    cell(&t, "float");
    cell(&t, "double");
    for (size_t f = 0; f < BENCH_GK_FUNCTIONS; f++) {
        cell(&t, "  %s", bench_gk_names[f]);
        cell(&t, "%.0f", 1e-6 * bench_median(&bench->gk[f][0]));
        cell(&t, "%.0f", 1e-6 * bench_median(&bench->gk[f][1]));
    }
    finish(&t, 3);
}

void bench_print(const bench_run *bench)
{
    if (bench->wanted & BENCH_OF_MODELS)
        print_peak(bench);
    if (bench->wanted & BENCH_TRAINING) {
        print_training(bench);
        print_parts(bench);
        print_optimiser(bench);
        print_refits(bench);
    }
    if (bench->wanted & BENCH_EVALUATION)
        print_evaluation(bench);
    if (bench->wanted & BENCH_DRAWING)
        print_draws(bench);
    if (bench->wanted & BENCH_GK)
        print_gk(bench);
    if (!(bench->wanted & BENCH_RUN))
        return;
    const int threads = bench->threads[bench->widths - 1];
    printf("gkvae train, %zu images, %d thread%s: first step after %.2f s, an epoch %.1f s, %.0f "
           "MB at most\n",
           bench->images, threads, cli_plural((uint64_t)threads), bench->first_step, bench->epoch,
           1e-6 * bench->peak_memory);
}

/* --- JSON ----------------------------------------------------------------- */

static void put(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

static json_t *width_of(const bench_run *bench, const bench_model *model, size_t width)
{
    json_t *out = json_object(), *parts = json_object();
    const double step = bench_median(&model->widths[width].step), images = (double)model->batch;
    const double evaluation = bench_median(&model->widths[width].evaluation);
    json_object_set_new(out, "threads", json_integer(bench->threads[width]));
    put(out, "step_seconds", step);
    put(out, "images_per_second", images / step);
    put(out, "step_flops", images * model->operations.training / step);
    put(out, "step_share_of_peak", bench_median(&model->widths[width].step_share));
    for (int part = 0; part < GKV_BENCH_PARTS; part++)
        put(parts, gki_bench_part_name((gki_bench_part)part),
            bench_median(&model->widths[width].parts[part]));
    json_object_set_new(out, "step_parts_thread_seconds", parts);
    put(out, "first_refit_seconds",
        model->widths[width].first_refit > 0 ? model->widths[width].first_refit : NAN);
    put(out, "refit_seconds", bench_median(&model->widths[width].refit));
    put(out, "refit_share", bench_refit_share(model, width));
    put(out, "evaluated_images_per_second", 1 / evaluation);
    put(out, "evaluation_share_of_peak", bench_median(&model->widths[width].evaluation_share));
    put(out, "drawing_seconds", bench_median(&model->widths[width].drawing));
    put(out, "drawing_share_of_peak", bench_median(&model->widths[width].drawing_share));
    return out;
}

static json_t *model_of(const bench_run *bench, const bench_model *model)
{
    json_t *out = json_object(), *widths = json_array();
    json_object_set_new(out, "name", json_string(model->name));
    json_object_set_new(out, "parameters", json_integer((json_int_t)model->parameters));
    json_object_set_new(out, "batch", json_integer((json_int_t)model->batch));
    json_object_set_new(out, "samples", json_integer((json_int_t)model->settings.eval.samples));
    put(out, "training_operations_per_image", model->operations.training);
    put(out, "encoding_operations_per_image", model->operations.encoding);
    put(out, "sample_operations", model->operations.sample);
    put(out, "draw_operations", model->operations.draw);
    put(out, "optimiser_bytes", model->operations.updated);
    put(out, "refit_steps", model->refit_steps > 0 ? model->refit_steps : NAN);
    for (size_t w = 0; w < bench->widths; w++)
        json_array_append_new(widths, width_of(bench, model, w));
    json_object_set_new(out, "at", widths);
    return out;
}

static json_t *all_of(const bench_run *bench)
{
    json_t *out = json_object(), *peak = json_array(), *models = json_array(), *gk = json_array();
    json_object_set_new(out, "version", json_string(gkv_version()));
    json_object_set_new(out, "build", json_string(gki_build_description()));
    json_object_set_new(out, "rounds", json_integer((json_int_t)bench->rounds));
    json_object_set_new(out, "images", json_integer((json_int_t)bench->images));
    for (size_t w = 0; w < bench->widths; w++) {
        json_t *one = json_object();
        json_object_set_new(one, "threads", json_integer(bench->threads[w]));
        put(one, "flops", bench_median(&bench->peak[w]));
        put(one, "memory_bytes_per_second", bench_median(&bench->memory[w]));
        json_array_append_new(peak, one);
    }
    json_object_set_new(out, "sgemm_peak", peak);
    for (size_t m = 0; m < bench->models; m++)
        json_array_append_new(models, model_of(bench, &bench->model[m]));
    json_object_set_new(out, "models", models);
    for (size_t f = 0; bench->wanted & BENCH_GK && f < BENCH_GK_FUNCTIONS; f++) {
        json_t *one = json_object();
        json_object_set_new(one, "function", json_string(bench_gk_names[f]));
        put(one, "float_values_per_second", bench_median(&bench->gk[f][0]));
        put(one, "double_values_per_second", bench_median(&bench->gk[f][1]));
        json_array_append_new(gk, one);
    }
    json_object_set_new(out, "gk", gk);
    put(out, "first_step_seconds", bench->first_step);
    put(out, "epoch_seconds", bench->epoch);
    put(out, "peak_memory_bytes", bench->peak_memory);
    return out;
}

int bench_check_json(const char *path)
{
    struct stat about;
    const bool exists = stat(path, &about) == 0;
    if (exists && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode))
        return CLI_OK; /* the reader of a pipe would take the check for the output */
    FILE *file = fopen(path, "a");
    if (!file)
        return cli_error_errno(errno, "%s: cannot be written", path);
    fclose(file);
    if (!exists)
        remove(path);
    return CLI_OK;
}

int bench_write_text(const char *path, const json_t *value)
{
    char *text = gki_json_text(value, JSON_INDENT(2) | JSON_REAL_PRECISION(6), NULL);
    if (!text)
        return cli_error(CLI_MEMORY, "out of memory for the figures");
    FILE *file = fopen(path, "w");
    bool good = file && fprintf(file, "%s\n", text) > 0;
    if (file)
        good = fclose(file) == 0 && good;
    free(text);
    return good ? CLI_OK : cli_error_errno(errno, "%s: cannot be written", path);
}

int bench_write_json(const bench_run *bench)
{
    json_t *all = all_of(bench);
    const int code = bench_write_text(bench->json, all);
    json_decref(all);
    return code;
}
