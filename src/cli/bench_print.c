/* The tables of `gkvae bench`; declared in cli_bench.h. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

static void cell_name(table *t, const bench *it, const bench_model *model, size_t width)
{
    cell(t, "%s, %d thread%s", model->name, it->threads[width],
         cli_plural((uint64_t)it->threads[width]));
}

/* The speed on all threads relative to one thread. */
static void cell_gain(table *t, size_t width, double one, double all)
{
    if (width == 0)
        cell(t, "%s", "");
    else
        cell(t, "%.2f", one / all);
}

/* --- Results -------------------------------------------------------------- */

static void print_peak(const bench *it)
{
    for (size_t w = 0; w < it->widths; w++)
        printf("%s%.1f GFLOP/s on %d thread%s",
               w ? ", " : "SGEMM of OpenBLAS, 2048 × 2048: ", 1e-9 * bench_median(&it->peak[w]),
               it->threads[w], cli_plural((uint64_t)it->threads[w]));
    puts(" (the peak)\n");
}

static void print_training(const bench *it)
{
    table t = {.count = 0};
    const char *const head[] = {"training", "images/s",    "ms a step",
                                "GFLOP/s",  "of the peak", "× 1 thread"};
    enum { COLUMNS = sizeof head / sizeof *head };
    for (size_t i = 0; i < COLUMNS; i++)
        cell(&t, "%s", head[i]);
    for (size_t m = 0; m < it->models; m++) {
        const bench_model *model = &it->model[m];
        for (size_t w = 0; w < it->widths; w++) {
            const double step = bench_median(&model->at[w].step), images = (double)model->batch;
            cell_name(&t, it, model, w);
            cell(&t, "%.0f", images / step);
            cell(&t, "%.2f", 1e3 * step);
            cell(&t, "%.1f", 1e-9 * images * model->operations.training / step);
            cell(&t, "%.0f %%", 100 * bench_median(&model->at[w].step_share));
            cell_gain(&t, w, bench_median(&model->at[0].step), step);
        }
    }
    finish(&t, COLUMNS);
}

double bench_refit_to_steps(const bench_model *model, size_t width)
{
    return bench_median(&model->at[width].refit) /
           (model->refit_steps * bench_median(&model->at[width].step));
}

double bench_refit_share(const bench_model *model, size_t width)
{
    const double to_steps = bench_refit_to_steps(model, width);
    return to_steps / (1 + to_steps);
}

static void print_parts(const bench *it)
{
    table t = {.count = 0};
    const size_t columns = 1 + it->models * it->widths;
    cell(&t, "parts of a step, ms · threads");
    for (size_t m = 0; m < it->models; m++)
        for (size_t w = 0; w < it->widths; w++)
            cell_name(&t, it, &it->model[m], w);
    for (int part = 0; part <= GKV_BENCH_PARTS; part++) {
        cell(&t, "  %s",
             part < GKV_BENCH_PARTS ? gki_bench_part_name((gki_bench_part)part)
                                    : "refits, beside it");
        for (size_t m = 0; m < it->models; m++) {
            for (size_t w = 0; w < it->widths; w++) {
                const bench_model *model = &it->model[m];
                const double whole = it->threads[w] * bench_median(&model->at[w].step);
                const double share = part < GKV_BENCH_PARTS
                                         ? bench_median(&model->at[w].parts[part]) / whole
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

static void print_refits(const bench *it)
{
    table t = {.count = 0};
    const char *const head[] = {"refits of the base", "the first, s", "others, ms", "steps between",
                                "of an epoch"};
    enum { COLUMNS = sizeof head / sizeof *head };
    size_t rows = 0;
    for (size_t i = 0; i < COLUMNS; i++)
        cell(&t, "%s", head[i]);
    for (size_t m = 0; m < it->models; m++) {
        const bench_model *model = &it->model[m];
        for (size_t w = 0; w < it->widths && model->refit_steps > 0; w++, rows++) {
            cell_name(&t, it, model, w);
            cell(&t, "%.3f", model->at[w].first_refit);
            /* there are none if the first refit was rejected */
            const bool any = model->at[w].refit.count > 0;
            cell(&t, any ? "%.2f" : "–", 1e3 * bench_median(&model->at[w].refit));
            cell(&t, "%.6g", model->refit_steps);
            cell(&t, any ? "%.1f %%" : "–", 100 * bench_refit_share(model, w));
        }
    }
    if (rows > 0)
        finish(&t, COLUMNS);
    else
        drop(&t);
}

static void print_evaluation(const bench *it)
{
    table t = {.count = 0};
    const char *const head[] = {"", "images/s", "GFLOP/s", "of the peak", "× 1 thread"};
    enum { COLUMNS = sizeof head / sizeof *head };
    for (size_t i = 0; i < COLUMNS; i++)
        if (i == 0)
            cell(&t, "evaluation, %lld samples an image",
                 (long long)it->model[0].settings.eval.samples);
        else
            cell(&t, "%s", head[i]);
    for (size_t m = 0; m < it->models; m++) {
        const bench_model *model = &it->model[m];
        for (size_t w = 0; w < it->widths; w++) {
            const double image = bench_median(&model->at[w].evaluation);
            const double share = bench_median(&model->at[w].evaluation_share);
            cell_name(&t, it, model, w);
            cell(&t, "%.1f", 1 / image);
            cell(&t, "%.1f", 1e-9 * share * bench_median(&it->peak[w]));
            cell(&t, "%.0f %%", 100 * share);
            cell_gain(&t, w, bench_median(&model->at[0].evaluation), image);
        }
    }
    finish(&t, COLUMNS);
}

static void print_draws(const bench *it)
{
    table t = {.count = 0};
    enum { COLUMNS = 4 };
    cell(&t, "%d draws from the prior", BENCH_DRAWS);
    cell(&t, "seconds");
    cell(&t, "of the peak");
    cell(&t, "× 1 thread");
    for (size_t m = 0; m < it->models; m++) {
        const bench_model *model = &it->model[m];
        for (size_t w = 0; w < it->widths; w++) {
            const double seconds = bench_median(&model->at[w].drawing);
            cell_name(&t, it, model, w);
            cell(&t, "%.3f", seconds);
            cell(&t, "%.0f %%", 100 * bench_median(&model->at[w].drawing_share));
            cell_gain(&t, w, bench_median(&model->at[0].drawing), seconds);
        }
    }
    finish(&t, COLUMNS);
}

static void print_gk(const bench *it)
{
    table t = {.count = 0};
    cell(&t, "g-and-k, 1 thread, million values/s");
    cell(&t, "float");
    cell(&t, "double");
    for (size_t f = 0; f < BENCH_GK_FUNCTIONS; f++) {
        cell(&t, "  %s", bench_gk_names[f]);
        cell(&t, "%.0f", 1e-6 * bench_median(&it->gk[f][0]));
        cell(&t, "%.0f", 1e-6 * bench_median(&it->gk[f][1]));
    }
    finish(&t, 3);
}

void bench_print(const bench *it)
{
    if (it->wanted & BENCH_OF_MODELS)
        print_peak(it);
    if (it->wanted & BENCH_TRAINING) {
        print_training(it);
        print_parts(it);
        print_refits(it);
    }
    if (it->wanted & BENCH_EVALUATION)
        print_evaluation(it);
    if (it->wanted & BENCH_DRAWING)
        print_draws(it);
    if (it->wanted & BENCH_GK)
        print_gk(it);
    if (!(it->wanted & BENCH_RUN))
        return;
    const int threads = it->threads[it->widths - 1];
    printf("gkvae train, %zu images, %d thread%s: first step after %.2f s, an epoch %.1f s, %.0f "
           "MB at most\n",
           it->images, threads, cli_plural((uint64_t)threads), it->first_step, it->epoch,
           1e-6 * it->peak_memory);
}
