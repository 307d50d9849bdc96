/* Precision, recall, density and coverage: counts of the rows that are in balls of the other
 * set. */
#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/call.h"
#include "core/memory.h"
#include "gkvae/dist.h"
#include "gkvae/generation_metrics.h"
#include "metrics/pairs.h"
#include "metrics/sets.h"

struct gkv_reference {
    gkv_neighbour_settings settings;
    gki_panels rows;
    double *precision; /* [n] squared radii for k_precision, NaN if n ≤ k_precision */
    double *density;   /* [n] squared radii for k_density, NaN if n ≤ k_density */
};

void gkv_neighbour_defaults(gkv_neighbour_settings *settings)
{
    if (settings)
        *settings = (gkv_neighbour_settings){.k_precision = 3, .k_density = 5};
}

/* The number of blocks of rows. One thread processes a whole block. */
static size_t blocks_of(size_t n)
{
    return n / GKV_PAIRS_ROWS + (n % GKV_PAIRS_ROWS > 0);
}

/* The blocks of this rank: blocks [*first, *end) of n rows. */
static void blocks_of_rank(const gki_call *call, size_t n, size_t *first, size_t *end)
{
    size_t count = 0;
    gkv_dist_range(blocks_of(n), 1, gkv_dist_rank(call->options.dist),
                   gkv_dist_size(call->options.dist), first, &count);
    *end = *first + count;
}

/* The number of threads that are used for n rows. */
static size_t threads_for(const gki_call *call, size_t n)
{
    const size_t threads = (size_t)gki_call_threads(call, 0), blocks = blocks_of(n);
    return threads < blocks ? threads : blocks;
}

static const char activity[] = "a search for nearest neighbours"; /* for messages */

/* ---- radii ---- */

/* Inserts a distance into the array of the k least distances, which is in ascending order. */
static void insert(double distance, size_t k, double *least)
{
    size_t rank = k - 1;
    for (; rank > 0 && least[rank - 1] > distance; rank--)
        least[rank] = least[rank - 1];
    least[rank] = distance;
}

/* Computes the k least squared distances of each row of a block to the other rows of the set:
 * least[rows × k]. */
static void block_neighbours(const gki_panels *set, size_t row, size_t k, double *c, double *least)
{
    const size_t rows = gki_pairs_count(set->n, row, GKV_PAIRS_ROWS);
    for (size_t i = 0; i < rows * k; i++)
        least[i] = (double)INFINITY;
    for (size_t column = 0; column < set->n; column += GKV_PAIRS_COLUMNS) {
        const size_t columns = gki_pairs_count(set->n, column, GKV_PAIRS_COLUMNS);
        gki_pairs_products(set, row, set, column, c);
        for (size_t i = 0; i < rows; i++) {
            double *const own = c + i * GKV_PAIRS_COLUMNS, *const mine = least + i * k;
            if (!(set->kernels->distances(columns, set->norms[row + i], set->norms + column, own) <
                  mine[k - 1]))
                continue;
            for (size_t j = 0; j < columns; j++)
                if (own[j] < mine[k - 1] && column + j != row + i)
                    insert(own[j], k, mine);
        }
    }
}

/* Computes radii[b][n], the squared distance of each row to its k[b]-th nearest other row, or NaN
 * if there is none. The rows are units of the call. */
static gkv_status radii_of(const gki_panels *set, size_t balls, const size_t *k, gki_call *call,
                           double *const *radii)
{
    const size_t n = set->n, used = threads_for(call, n),
                 tile = GKV_PAIRS_ROWS * (size_t)GKV_PAIRS_COLUMNS;
    size_t most = 0; /* the greatest k below n */
    for (size_t b = 0; b < balls; b++) {
        if (k[b] < n)
            most = k[b] > most ? k[b] : most;
        for (size_t i = 0; i < n; i++)
            radii[b][i] = (double)NAN;
    }
    if (most == 0) {
        gki_call_advance(call, n);
        return GKV_OK;
    }
    double *tiles = NULL, *least = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(used, tile * sizeof *tiles, &tiles));
    GKV_TRY_GOTO(gki_alloc(most, used * GKV_PAIRS_ROWS * sizeof *least, &least));
    size_t from = 0, to = 0;
    blocks_of_rank(call, n, &from, &to);
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)used)
    for (size_t block = from; block < to; block++) {
        const size_t thread = (size_t)omp_get_thread_num(), row = block * GKV_PAIRS_ROWS;
        double *const mine = least + thread * GKV_PAIRS_ROWS * most;
        if (gki_call_stopped(call))
            continue;
        block_neighbours(set, row, most, tiles + thread * tile, mine);
        for (size_t b = 0; b < balls; b++)
            for (size_t i = 0; i < gki_pairs_count(n, row, GKV_PAIRS_ROWS) && k[b] < n; i++)
                radii[b][row + i] = mine[i * most + k[b] - 1];
        gki_call_advance(call, gki_pairs_count(n, row, GKV_PAIRS_ROWS));
    }
    GKV_TRY_GOTO(gki_call_end(call, activity, "rows"));
    for (size_t b = 0; b < balls; b++)
        GKV_TRY_GOTO(
            gkv_dist_share(call->options.dist, n, GKV_PAIRS_ROWS, sizeof **radii, radii[b]));
done:
    free(tiles);
    free(least);
    return status;
}

/* ---- the reference ---- */

gkv_status gkv_reference_create(size_t n, size_t d, const float *features,
                                const gkv_neighbour_settings *settings,
                                const gkv_run_options *options, gkv_reference **out)
{
    gki_call call;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(features);
    gkv_neighbour_settings set;
    gkv_neighbour_defaults(&set);
    if (settings)
        set = *settings;
    if (set.k_precision == 0 || set.k_density == 0)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "nearest neighbours number %zu and %zu: the nearest has number 1",
                        set.k_precision, set.k_density);
    GKV_TRY(gki_call_begin(&call, options, n));
    GKV_TRY(gki_set_check("nearest neighbours", "reference features", features, n, d));
    gkv_reference *reference = NULL;
    GKV_TRY(gki_alloc(1, sizeof *reference, &reference));
    reference->settings = set;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_panels_create(gki_pairs_kernels_get(), n, d, &reference->rows));
    GKV_TRY_GOTO(gki_alloc(n, sizeof(double), &reference->precision));
    GKV_TRY_GOTO(gki_alloc(n, sizeof(double), &reference->density));
    gki_panels_pack(&reference->rows, features, NULL);
    const size_t k[2] = {set.k_precision, set.k_density};
    double *const radii[2] = {reference->precision, reference->density};
    GKV_TRY_GOTO(radii_of(&reference->rows, 2, k, &call, radii));
    GKV_TRY_GOTO(gki_call_end(&call, activity, "rows"));
    *out = reference;
    return GKV_OK;
done:
    gkv_reference_free(reference);
    return status;
}

void gkv_reference_free(gkv_reference *reference)
{
    if (!reference)
        return;
    gki_panels_free(&reference->rows);
    free(reference->precision);
    free(reference->density);
    free(reference);
}

/* ---- a generated set ---- */

/* Counts over all rows. They are whole numbers, so sums do not depend on the order of addition. */
typedef struct counts {
    double inside;   /* pairs of a real row and a generated row in its ball */
    double recalled; /* real rows in the ball of a generated row */
    double occupied; /* real rows with a generated row in their ball */
} counts;

/* Adds the counts of a block of real rows with all generated rows. covered[m] and `sums` accumulate
 * over all blocks of a thread. c is the memory of a tile. */
static void count_block(const gkv_reference *reference, size_t row, const gki_panels *generated,
                        const double *radii, double *c, double *covered, counts *sums)
{
    const gki_panels *real = &reference->rows;
    const size_t rows = gki_pairs_count(real->n, row, GKV_PAIRS_ROWS);
    gki_pairs_balls balls[GKV_PAIRS_ROWS];
    for (size_t i = 0; i < rows; i++)
        balls[i] = (gki_pairs_balls){
            .precision = reference->precision[row + i],
            .density = reference->density[row + i],
        };
    for (size_t column = 0; column < generated->n; column += GKV_PAIRS_COLUMNS) {
        const size_t columns = gki_pairs_count(generated->n, column, GKV_PAIRS_COLUMNS);
        gki_pairs_products(real, row, generated, column, c);
        for (size_t i = 0; i < rows; i++) {
            double *const own = c + i * GKV_PAIRS_COLUMNS;
            real->kernels->distances(columns, real->norms[row + i], generated->norms + column, own);
            balls[i].generated = radii + column;
            balls[i].covered = covered + column;
            real->kernels->count(columns, own, &balls[i]);
        }
    }
    for (size_t i = 0; i < rows; i++) {
        sums->inside += balls[i].inside;
        sums->recalled += balls[i].recalled;
        sums->occupied += balls[i].inside > 0;
    }
}

/* The memory and counts of one thread. */
typedef struct worker {
    double *tile; /* distances of a tile of pairs */
    /* [m] 1 if the generated row is in the ball of a real row of this thread, else 0 */
    double *covered;
    counts sums;
} worker;

/* Adds the counts of all threads to those of the first one, and then those of all ranks. */
static gkv_status add_counts(gkv_dist *dist, size_t m, worker *workers, size_t used)
{
    counts *all = &workers[0].sums;
    double *covered = workers[0].covered;
    for (size_t t = 1; t < used; t++) {
        all->inside += workers[t].sums.inside;
        all->recalled += workers[t].sums.recalled;
        all->occupied += workers[t].sums.occupied;
        for (size_t j = 0; j < m; j++)
            covered[j] += workers[t].covered[j];
    }
    GKV_TRY(gkv_dist_sum(dist, GKV_DIST_DOUBLE, 1, &all->inside));
    GKV_TRY(gkv_dist_sum(dist, GKV_DIST_DOUBLE, 1, &all->recalled));
    GKV_TRY(gkv_dist_sum(dist, GKV_DIST_DOUBLE, 1, &all->occupied));
    return gkv_dist_sum(dist, GKV_DIST_DOUBLE, m, covered);
}

/* `all` are the counts of all threads and ranks. */
static gkv_neighbour_metrics metrics_of(const gkv_reference *reference, size_t m, const worker *all)
{
    const double n = (double)reference->rows.n, generated = (double)m,
                 k = (double)reference->settings.k_density;
    double covered = 0;
    for (size_t j = 0; j < m; j++)
        covered += all->covered[j] > 0;
    const bool by_precision = reference->settings.k_precision < reference->rows.n;
    const bool by_density = reference->settings.k_density < reference->rows.n;
    return (gkv_neighbour_metrics){
        .precision = by_precision ? covered / generated : (double)NAN,
        .recall = reference->settings.k_precision < m ? all->sums.recalled / n : (double)NAN,
        .density = by_density ? all->sums.inside / (k * generated) : (double)NAN,
        .coverage = by_density ? all->sums.occupied / n : (double)NAN,
    };
}

gkv_status gkv_neighbour_metrics_of(const gkv_reference *reference, size_t n,
                                    const float *generated, const gkv_run_options *options,
                                    gkv_neighbour_metrics *out)
{
    gki_call call;
    GKV_NEED(reference);
    GKV_NEED(generated);
    GKV_NEED(out);
    GKV_TRY(
        gki_set_check("nearest neighbours", "generated features", generated, n, reference->rows.d));
    GKV_TRY(gki_call_begin(&call, options, n + reference->rows.n));
    const size_t real = reference->rows.n, used = threads_for(&call, real);
    gki_panels rows = {0};
    double *radii = NULL;
    worker *workers = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_panels_create(reference->rows.kernels, n, reference->rows.d, &rows));
    GKV_TRY_GOTO(gki_alloc(n, sizeof *radii, &radii));
    GKV_TRY_GOTO(gki_alloc(used, sizeof *workers, &workers));
    for (size_t t = 0; t < used; t++) {
        GKV_TRY_GOTO(
            gki_alloc(GKV_PAIRS_ROWS, GKV_PAIRS_COLUMNS * sizeof(double), &workers[t].tile));
        GKV_TRY_GOTO(gki_alloc(n, sizeof(double), &workers[t].covered));
    }
    gki_panels_pack(&rows, generated, NULL);
    GKV_TRY_GOTO(radii_of(&rows, 1, &reference->settings.k_precision, &call, &radii));
    size_t from = 0, to = 0;
    blocks_of_rank(&call, real, &from, &to);
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)used)
    for (size_t block = from; block < to; block++) {
        worker *const mine = &workers[omp_get_thread_num()];
        if (gki_call_stopped(&call))
            continue;
        count_block(reference, block * GKV_PAIRS_ROWS, &rows, radii, mine->tile, mine->covered,
                    &mine->sums);
        gki_call_advance(&call, gki_pairs_count(real, block * GKV_PAIRS_ROWS, GKV_PAIRS_ROWS));
    }
    GKV_TRY_GOTO(gki_call_end(&call, activity, "rows"));
    GKV_TRY_GOTO(add_counts(call.options.dist, n, workers, used));
    *out = metrics_of(reference, n, workers);
done:
    for (size_t t = 0; workers && t < used; t++) {
        free(workers[t].tile);
        free(workers[t].covered);
    }
    free(workers);
    free(radii);
    gki_panels_free(&rows);
    return status;
}
