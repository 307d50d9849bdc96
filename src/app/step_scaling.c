/* The measurements and the model of app/step_scaling.h. */
#include "app/step_scaling.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"
#include "nn/adamw.h"
#include "num/sort.h"
#include "train/trainer.h"

/* Latencies are those of messages between two processes, as benchmarks of MPI report them for
 * Ethernet with TCP, and for fast networks that bypass the kernel. */
const gki_scaling_link gki_scaling_links[GKV_SCALING_LINKS] = {{"1 Gb/s", 1e9 / 8, 50e-6},
                                                               {"10 Gb/s", 10e9 / 8, 25e-6},
                                                               {"100 Gb/s", 100e9 / 8, 2e-6}};

/* --- Parts of a step ------------------------------------------------------ */

/* What is repeated for a measurement. */
typedef gkv_status repeated(gki_trainer *trainer);

static gkv_status one_step(gki_trainer *trainer)
{
    gki_step_report report;
    return gki_trainer_step(trainer, &report);
}

/* The sums of the gradient of the last step. */
static gkv_status gradient(gki_trainer *trainer)
{
    const long parts = (long)gki_pass_parts(trainer->model);
    const size_t rows = trainer->batch * trainer->ws.draws;
#pragma omp parallel for schedule(dynamic, 1) num_threads(trainer->threads)
    for (long p = 0; p < parts; p++)
        gki_pass_gradient(trainer->model, &trainer->ws, rows, (size_t)p);
    return GKV_OK;
}

static void pack(gki_trainer *trainer)
{
    const long pieces = (long)gki_workspace_pack_pieces(&trainer->ws);
#pragma omp parallel for schedule(dynamic, 1) num_threads(trainer->threads)
    for (long p = 0; p < pieces; p++)
        gki_workspace_pack(&trainer->ws, (size_t)p);
}

/* The norm and the optimiser. */
static gkv_status update(gki_trainer *trainer)
{
    const gki_params *params = &trainer->model->params;
    const long chunks = (long)gki_adamw_chunks(params);
    const gki_adamw adamw = {
        .rate = 0, .scale = 1, .updates = 1, .average = trainer->ema, .average_decay = 0.5};
#pragma omp parallel num_threads(trainer->threads)
    {
#pragma omp for schedule(static)
        for (long c = 0; c < chunks; c++)
            trainer->squares[c] = gki_adamw_squares(params, (size_t)c);
#pragma omp for schedule(static)
        for (long c = 0; c < chunks; c++)
            gki_adamw_update(params, (size_t)c, &adamw);
    }
    return GKV_OK;
}

/* Ranks that share memory send nothing in a step; their messages are measured all the same. */
static gkv_status prepare_messages(gki_trainer *trainer)
{
    gkv_status status = GKV_OK;
    if (!trainer->ranks)
        status = gki_ranks_create(trainer->dist, trainer->model, trainer->batch, trainer->ws.draws,
                                  trainer->store.stats != NULL, &trainer->ranks);
    if (trainer->team && status == GKV_OK)
        gki_ranks_divide(trainer->ranks, trainer->batch, 1, trainer->ws.draws);
    return gkv_dist_agree(trainer->dist, status);
}

/* All that a step does besides passes and sums. Packing alone would find the weights in caches. */
static gkv_status pack_and_update(gki_trainer *trainer)
{
    pack(trainer);
    return update(trainer);
}

static gkv_status pass_buckets(gki_trainer *trainer)
{
    gki_ranks *ranks = trainer->ranks;
    const gki_ranks_exchange exchange = {.stats = trainer->store.stats};
    gki_ranks_begin(ranks, &exchange);
    for (size_t b = 0; b < ranks->bucket_count + (trainer->store.stats != NULL); b++) {
        gki_ranks_receive(ranks, b);
        gki_ranks_send(ranks, b);
    }
    gki_ranks_end(ranks);
    return ranks->status;
}

static gkv_status exchange_rows(gki_trainer *trainer)
{
    gki_ranks_exchange_rows(trainer->ranks, &trainer->ws, &(gki_ranks_exchange){.codes = false});
    return trainer->ranks->status;
}

/* Seconds of a clock. For one thread alone it is the processor time, which other work on the
 * machine hardly changes. */
static double now(const gki_trainer *trainer)
{
    struct timespec time;
    if (trainer->threads > 1 || trainer->dist)
        return omp_get_wtime();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Measures the median time of a part, over so many seconds. All ranks repeat it as often. */
static gkv_status median_seconds(gki_trainer *trainer, gkv_dist *dist, repeated *part,
                                 double seconds, double *out)
{
    enum { FEWEST = 5, MOST = 500 };
    double times[MOST], spare[MOST];
    uint64_t count = 1;
    for (uint64_t i = 0; i < count; i++) {
        const double began = now(trainer);
        GKV_TRY(part(trainer));
        times[i] = now(trainer) - began;
        if (i == 0) {
            GKV_TRY(part(trainer)); /* the first touches memory */
            const double rounds = seconds / (now(trainer) - began) * 2;
            count = rounds < FEWEST ? FEWEST : rounds < MOST ? (uint64_t)rounds : MOST;
            GKV_TRY(gkv_dist_broadcast(dist, 0, sizeof count, &count));
        }
    }
    gki_sort((size_t)count, times, NULL, spare);
    *out = times[count / 2];
    return GKV_OK;
}

/* --- A model -------------------------------------------------------------- */

static void add_width(void *context, gki_slot slot)
{
    *(size_t *)context += slot.width;
}

static void describe(const gki_trainer *trainer, gki_scaling_costs *costs)
{
    enum { LOSSES = 4 }; /* the numbers of a draw that every step exchanges */
    const gkv_model *model = trainer->model;
    size_t of_image = 0, of_draw = LOSSES, stats = 0, elements = 0;
    const size_t buckets = gki_shard_buckets(model, NULL);
    gki_shard_image_slots(model, add_width, &of_image);
    gki_shard_slots(model, add_width, &of_draw);
    if (trainer->store.stats)
        (void)gki_base_stats_tensor(trainer->store.stats, &stats);
    for (gki_param_id i = 0; i < model->params.count; i++)
        elements += model->params.list[i].trainable ? model->params.list[i].size : 0;
    costs->batch = trainer->batch;
    costs->buckets = buckets + (stats > 0);
    costs->parameters = elements;
    costs->gradient_bytes = (double)((elements + stats) * sizeof(gki_real));
    costs->row_bytes =
        (double)(trainer->batch * (of_image + trainer->ws.draws * of_draw) * sizeof(gki_real));
}

static gkv_status measure_alone(gki_trainer *trainer, double seconds, gki_scaling_costs *costs)
{
    double step = 0, both = 0;
    GKV_TRY(median_seconds(trainer, NULL, one_step, 0.6 * seconds, &step));
    GKV_TRY(median_seconds(trainer, NULL, gradient, 0.2 * seconds, &costs->gradient));
    GKV_TRY(median_seconds(trainer, NULL, pack_and_update, 0.1 * seconds, &both));
    GKV_TRY(median_seconds(trainer, NULL, update, 0.1 * seconds, &costs->update));
    costs->packing = fmax(0, both - costs->update);
    costs->passes = fmax(0, step - costs->gradient - both);
    return GKV_OK;
}

gkv_status gki_scaling_measure(const gkv_settings *settings, gkv_dataset *dataset, double seconds,
                               gkv_dist *dist, gki_scaling_costs *costs, gki_scaling_ranks *ranks)
{
    gki_trainer *trainer = NULL;
    gkv_settings plain = *settings;
    gkv_status status = GKV_OK;
    plain.train.fine_tune_epochs = 0;
    *costs = (gki_scaling_costs){.batch = 0};
    *ranks = (gki_scaling_ranks){.step = 0};
    GKV_TRY_GOTO(gki_trainer_create(&plain, 0, dataset, &trainer));
    describe(trainer, costs);
    /* one rank after the other, as if the machine were its own */
    for (int r = 0; r < gkv_dist_size(dist); r++) {
        if (r == gkv_dist_rank(dist))
            GKV_TRY_GOTO(measure_alone(trainer, seconds, costs));
        GKV_TRY_GOTO(gkv_dist_barrier(dist));
    }
    if (gkv_dist_size(dist) == 1)
        goto done;
    GKV_TRY_GOTO(gki_trainer_divide(trainer, dist));
    GKV_TRY_GOTO(gki_trainer_share(trainer));
    GKV_TRY_GOTO(median_seconds(trainer, dist, one_step, seconds, &ranks->step));
    GKV_TRY_GOTO(prepare_messages(trainer));
    GKV_TRY_GOTO(median_seconds(trainer, dist, pass_buckets, seconds / 4, &ranks->buckets));
    GKV_TRY_GOTO(median_seconds(trainer, dist, exchange_rows, seconds / 4, &ranks->rows));
done:
    gki_trainer_free(trainer);
    return status;
}

gkv_status gki_scaling_copy(const gki_scaling_costs *costs, double *seconds)
{
    enum { TIMES = 20 };
    const size_t bytes = (size_t)costs->gradient_bytes;
    char *from = NULL, *to = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(bytes, 1, &from));
    GKV_TRY_GOTO(gki_alloc(bytes, 1, &to));
    const double began = omp_get_wtime();
    for (int i = 0; i < TIMES; i++)
        memcpy(i % 2 ? from : to, i % 2 ? to : from, bytes);
    *seconds = (omp_get_wtime() - began) / TIMES;
done:
    free(from);
    free(to);
    return status;
}

/* --- Prediction ----------------------------------------------------------- */

double gki_scaling_predict(const gki_scaling_costs *costs, const gki_scaling_link *link,
                           size_t ranks)
{
    const double n = (double)ranks, buckets = (double)costs->buckets,
                 /* a rank has whole images, and no rank has less than one */
        share = ceil((double)costs->batch / n) / (double)costs->batch;
    const double alone = share * costs->passes + costs->packing + costs->update / n + costs->refits;
    if (ranks == 1)
        return alone + costs->gradient;
    const double rounds = ceil(log2(n)), wire = costs->gradient_bytes / link->bytes_per_second,
                 message = link->latency + wire / buckets;
    const double rows = rounds * link->latency + costs->row_bytes / link->bytes_per_second,
                 stage = share * costs->gradient / buckets + message;
    /* the chain of ranks as a pipeline of buckets, and the part of the last one for its rank */
    const double chain = (buckets + n - 1) * stage + message;
    /* the sums of squares, and the values of the parameters */
    const double values = 2 * rounds * link->latency + (n - 1) / n * wire;
    return alone + rows + chain + values;
}
