/* gkvae bench --scaling: what a training step costs, and what it would cost on many ranks; declared
 * in cli_bench.h. docs/scaling.md derives the model. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "app/step_scaling.h"
#include "cli_bench.h"
#include "ranks.h"

enum { RANKS_MAX = 1024, COUNTS = 11 }; /* 1, 2, 4, … 1024 ranks */

/* --- Images --------------------------------------------------------------- */

/* Images of so many pixels a side: those of MNIST's kind, one beside the other. */
static int open_images(const bench_run *bench, gkv_dataset **dataset)
{
    const size_t side = bench->side, pixels = side * side;
    uint8_t *small = bench_images(bench->images), *images = cli_alloc(bench->images, pixels);
    uint8_t *labels =
        bench_labels(bench->images, (size_t)bench->model[0].settings.model.base_classes);
    for (size_t n = 0; n < bench->images; n++)
        for (size_t i = 0; i < pixels; i++)
            images[n * pixels + i] = small[n * BENCH_PIXELS + i / side % BENCH_SIDE * BENCH_SIDE +
                                           i % side % BENCH_SIDE];
    const int code =
        cli_check(gkv_dataset_from_memory(bench->images, side, side, 1, images, labels, dataset));
    free(small);
    free(images);
    free(labels);
    return code;
}

/* The seconds of a refit of the base, divided by the steps between two. */
static int measure_refits(const bench_run *bench, const gkv_settings *settings, double *out)
{
    gki_bench_training *training = NULL;
    gkv_dataset *dataset = NULL;
    enum { TIMES = 3 };
    double least = INFINITY, seconds = 0;
    int code = CLI_OK;
    CLI_TRY(open_images(bench, &dataset));
    CLI_CHECK(gki_bench_training_create(settings, dataset, &training));
    const double steps = gki_bench_training_refit_steps(training);
    for (int i = 0; i < TIMES && steps > 0; i++) {
        CLI_CHECK(
            gki_bench_training_refit(training, (int)settings->train.threads, false, &seconds));
        least = fmin(least, seconds); /* other work on the machine makes it longer */
    }
    *out = steps > 0 ? least / steps : 0;
done:
    gki_bench_training_free(training);
    return code;
}

/* --- Results -------------------------------------------------------------- */

static size_t ranks_at(size_t i)
{
    return (size_t)1 << i;
}

/* The number of ranks with the shortest step, and the greatest with an efficiency of a half. */
static void find_limits(const gki_scaling_costs *costs, const gki_scaling_link *link, size_t *best,
                        size_t *half)
{
    const double one = gki_scaling_predict(costs, link, 1);
    *best = *half = 1;
    for (size_t n = 2; n <= RANKS_MAX; n++) {
        const double step = gki_scaling_predict(costs, link, n);
        if (step < gki_scaling_predict(costs, link, *best))
            *best = n;
        if (one / step >= 0.5 * (double)n)
            *half = n;
    }
}

static void print_costs(const bench_run *bench, const gki_scaling_costs *costs, double copy)
{
    const double step = costs->passes + costs->gradient + costs->packing + costs->update;
    printf("%.2f million parameters, batches of %zu images of %zu × %zu, %d thread%s a rank\n",
           1e-6 * (double)costs->parameters, costs->batch, bench->side, bench->side,
           bench->threads[bench->widths - 1],
           cli_plural((uint64_t)bench->threads[bench->widths - 1]));
    printf("a step of one rank: %.2f ms: passes %.2f, sums of the gradient %.2f, packing %.2f, "
           "update %.2f; and refits %.2f\n",
           1e3 * step, 1e3 * costs->passes, 1e3 * costs->gradient, 1e3 * costs->packing,
           1e3 * costs->update, 1e3 * costs->refits);
    printf("a step sends %.2f MB of sums in %zu buckets and %.2f MB of rows; a copy of the sums in "
           "memory takes %.2f ms\n",
           1e-6 * costs->gradient_bytes, costs->buckets, 1e-6 * costs->row_bytes, 1e3 * copy);
}

static void print_ranks(const gki_scaling_costs *costs, const gki_scaling_ranks *ranks)
{
    const int size = gkv_dist_size(cli_ranks());
    const double one = costs->passes + costs->gradient + costs->packing + costs->update;
    if (size == 1)
        return;
    printf("measured on %d ranks: a step %.2f ms (%.2f times as fast as one rank); all sums alone "
           "%.2f ms, all rows %.2f ms\n",
           size, 1e3 * ranks->step, one / ranks->step, 1e3 * ranks->buckets, 1e3 * ranks->rows);
}

static void print_prediction(const gki_scaling_costs *costs)
{
    enum { COLUMNS = 1 + 2 * GKV_SCALING_LINKS };
    char *cells[(COUNTS + 1) * COLUMNS];
    size_t n = 0;
    cells[n++] = cli_text("ranks");
    for (size_t l = 0; l < GKV_SCALING_LINKS; l++) {
        cells[n++] = cli_text("%s, ms", gki_scaling_links[l].name);
        cells[n++] = cli_text("speed-up");
    }
    for (size_t i = 0; i < COUNTS; i++) {
        cells[n++] = cli_text("%zu", ranks_at(i));
        for (size_t l = 0; l < GKV_SCALING_LINKS; l++) {
            const double step = gki_scaling_predict(costs, &gki_scaling_links[l], ranks_at(i));
            cells[n++] = cli_text("%.2f", 1e3 * step);
            cells[n++] =
                cli_text("%.2f", gki_scaling_predict(costs, &gki_scaling_links[l], 1) / step);
        }
    }
    puts("\npredicted time of a step, one rank a machine");
    cli_table((const char *const *)cells, COUNTS + 1, COLUMNS, "rrrrrrr");
    while (n > 0)
        free(cells[--n]);
    putchar('\n');
    for (size_t l = 0; l < GKV_SCALING_LINKS; l++) {
        size_t best, half;
        find_limits(costs, &gki_scaling_links[l], &best, &half);
        printf("%s: %s%zu rank%s; half of each rank's speed is used with up to %zu\n",
               gki_scaling_links[l].name,
               best == 1 ? "it never pays: fastest with " : "fastest with ", best, cli_plural(best),
               half);
    }
}

static int write_json(const bench_run *bench, const gki_scaling_costs *costs,
                      const gki_scaling_ranks *ranks, double copy)
{
    json_t *out = json_pack(
        "{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:i, s:i, s:i, s:i, s:i}", "passes_seconds",
        costs->passes, "gradient_seconds", costs->gradient, "packing_seconds", costs->packing,
        "update_seconds", costs->update, "refits_seconds", costs->refits, "sums_bytes",
        costs->gradient_bytes, "rows_bytes", costs->row_bytes, "copy_seconds", copy, "buckets",
        (int)costs->buckets, "batch", (int)costs->batch, "side", (int)bench->side, "threads",
        bench->threads[bench->widths - 1], "ranks", gkv_dist_size(cli_ranks()));
    json_t *links = json_array();
    if (gkv_dist_size(cli_ranks()) > 1) {
        json_object_set_new(out, "ranks_step_seconds", json_real(ranks->step));
        json_object_set_new(out, "ranks_sums_seconds", json_real(ranks->buckets));
        json_object_set_new(out, "ranks_rows_seconds", json_real(ranks->rows));
    }
    for (size_t l = 0; l < GKV_SCALING_LINKS; l++) {
        json_t *steps = json_object();
        for (size_t i = 0; i < COUNTS; i++) {
            char *name = cli_text("%zu", ranks_at(i));
            json_object_set_new(
                steps, name,
                json_real(gki_scaling_predict(costs, &gki_scaling_links[l], ranks_at(i))));
            free(name);
        }
        json_array_append_new(links, json_pack("{s:s, s:o}", "network", gki_scaling_links[l].name,
                                               "step_seconds", steps));
    }
    json_object_set_new(out, "predicted", links);
    const int code = bench_write_text(bench->json, out);
    json_decref(out);
    return code;
}

/* --- The measurement ------------------------------------------------------ */

int bench_scaling(bench_run *bench)
{
    gkv_settings settings = bench->model[0].settings;
    gkv_dataset *dataset = NULL;
    gki_scaling_costs costs;
    gki_scaling_ranks ranks;
    double copy = 0;
    int code = CLI_OK;
    settings.train.threads = bench->threads[bench->widths - 1];
    CLI_TRY(open_images(bench, &dataset));
    CLI_CHECK(
        gki_scaling_measure(&settings, dataset, bench->seconds / 2, cli_ranks(), &costs, &ranks));
    CLI_TRY(measure_refits(bench, &settings, &costs.refits));
    CLI_CHECK(gki_scaling_copy(&costs, &copy));
    if (cli_ranks_first()) {
        print_costs(bench, &costs, copy);
        print_ranks(&costs, &ranks);
        print_prediction(&costs);
    }
    if (bench->json && cli_ranks_first())
        CLI_TRY(write_json(bench, &costs, &ranks, copy));
done:
    return code;
}
