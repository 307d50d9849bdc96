/* The nearest image. Products in gki_real select candidates, which are then compared in double.
 *
 * Let q be a query and L = 255 r the grey levels of a reference r. The score q·L − |L|²/510 equals
 * 255/2 (|q|² − |q − r|²). So the score of a reference that is nearer than the best one so far is
 * above a threshold, which is computed from the best distance and the bound of the rounding error.
 * Only references whose score reaches the threshold are compared in double. */
#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "core/call.h"
#include "core/memory.h"
#include "gkvae/dist.h"
#include "gkvae/generation_metrics.h"
#include "metrics/sets.h"
#include "nn/gemm.h"

/* sizes of a tile, and number of grey levels */
enum { QUERIES = 256, REFERENCES = 128, LEVELS = 256 };

/* The data that all threads read. */
typedef struct search {
    const gki_gemm_kernels *kernels;
    const float *queries;
    const uint8_t *references;
    size_t n, m, pixels;
    double *squares;     /* [m] |L|² of each reference */
    double grey[LEVELS]; /* L/255 for each grey level */
    double rounding;     /* bound of the error of a score, relative to |q| |L| + |L|²/510 */
    uint32_t *index;     /* [n] result, or NULL */
    double *distance;    /* [n] result, or NULL */
} search;

/* The memory of one thread. */
typedef struct worker {
    gki_real *queries;         /* [QUERIES × pixels] */
    gki_real *references;      /* [REFERENCES × pixels] grey levels */
    gki_real *bias;            /* [REFERENCES] −|L|²/510 */
    gki_real *scores;          /* [QUERIES × REFERENCES] */
    double length[QUERIES];    /* |q| */
    double best[QUERIES];      /* the least squared distance so far */
    uint32_t nearest[QUERIES]; /* the reference at that distance */
} worker;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static gkv_status worker_create(size_t pixels, worker *out)
{
    GKV_TRY(gki_alloc(pixels, QUERIES * sizeof(gki_real), &out->queries));
    GKV_TRY(gki_alloc(pixels, REFERENCES * sizeof(gki_real), &out->references));
    GKV_TRY(gki_alloc(REFERENCES, sizeof(gki_real), &out->bias));
    return gki_alloc(QUERIES, REFERENCES * sizeof(gki_real), &out->scores);
}

static void worker_free(worker *w)
{
    free(w->queries);
    free(w->references);
    free(w->bias);
    free(w->scores);
    *w = (worker){0};
}

/* The bound of the relative rounding error of `pixels` multiply-adds in single precision, in any
 * order (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). The factor 2 covers
 * the rounding in double. */
static double rounding_of(size_t pixels)
{
    const double error = ((double)pixels + 4) * (double)FLT_EPSILON / 2;
    return error < 0.5 ? 2 * error / (1 - error) : (double)INFINITY;
}

static double squared_distance(const search *s, const float *query, const uint8_t *levels)
{
    double sum = 0;
    for (size_t k = 0; k < s->pixels; k++) {
        const double apart = (double)query[k] - s->grey[levels[k]];
        sum += apart * apart;
    }
    return sum;
}

static void load_queries(const search *s, size_t first, size_t count, worker *w)
{
    for (size_t i = 0; i < count; i++) {
        const float *const from = s->queries + (first + i) * s->pixels;
        double square = 0;
        for (size_t k = 0; k < s->pixels; k++) {
            w->queries[i * s->pixels + k] = (gki_real)from[k];
            square += (double)from[k] * (double)from[k];
        }
        w->length[i] = sqrt(square);
        w->best[i] = (double)INFINITY;
        w->nearest[i] = 0;
    }
}

/* Loads a tile of references and returns its greatest |L|. */
static double load_references(const search *s, size_t first, size_t count, worker *w)
{
    const uint8_t *const levels = s->references + first * s->pixels;
    double greatest = 0;
    for (size_t k = 0; k < count * s->pixels; k++)
        w->references[k] = (gki_real)levels[k];
    for (size_t j = 0; j < count; j++) {
        w->bias[j] = (gki_real)(-s->squares[first + j] / 510);
        greatest = fmax(greatest, s->squares[first + j]);
    }
    return sqrt(greatest);
}

/* The threshold of query i. References of the tile with a lower score are not nearer than the best
 * one so far. `greatest` is the greatest |L| of the tile. */
static double threshold_of(const search *s, const worker *w, size_t i, double greatest)
{
    if (isinf(w->best[i]) || isinf(s->rounding))
        return (double)-INFINITY;
    const double error = s->rounding * (w->length[i] * greatest + greatest * greatest / 510);
    return 127.5 * (w->length[i] * w->length[i] - w->best[i]) - error;
}

static void search_block(const search *s, size_t first, worker *w)
{
    const size_t count = least(QUERIES, s->n - first);
    load_queries(s, first, count, w);
    for (size_t from = 0; from < s->m; from += REFERENCES) {
        const size_t tile = least(REFERENCES, s->m - from);
        const double greatest = load_references(s, from, tile, w);
        gki_gemm_forward(s->kernels, count, tile, s->pixels, w->queries, w->references, NULL,
                         w->bias, w->scores);
        for (size_t i = 0; i < count; i++) {
            const gki_real *const scores = w->scores + i * tile;
            double threshold = threshold_of(s, w, i, greatest);
            for (size_t j = 0; j < tile; j++) {
                if ((double)scores[j] < threshold)
                    continue;
                const double square = squared_distance(s, s->queries + (first + i) * s->pixels,
                                                       s->references + (from + j) * s->pixels);
                if (!(square < w->best[i]))
                    continue;
                w->best[i] = square;
                w->nearest[i] = (uint32_t)(from + j);
                threshold = threshold_of(s, w, i, greatest);
            }
        }
    }
    for (size_t i = 0; i < count && s->index; i++)
        s->index[first + i] = w->nearest[i];
    for (size_t i = 0; i < count && s->distance; i++)
        s->distance[first + i] = sqrt(w->best[i]);
}

static gkv_status check(const float *queries, size_t n, size_t m, size_t pixels)
{
    GKV_TRY(gki_unit_set_check("nearest images", "queries", queries, n, pixels));
    if (m == 0 || m > UINT32_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "nearest of %zu images: 1 to %lu references are possible",
                        m, (unsigned long)UINT32_MAX);
    return GKV_OK;
}

/* Fills `grey` and `squares`. */
static void levels_of(search *s)
{
    for (size_t level = 0; level < LEVELS; level++)
        s->grey[level] = (double)level / 255;
    for (size_t j = 0; j < s->m; j++) {
        uint64_t square = 0;
        for (size_t k = 0; k < s->pixels; k++)
            square += (uint64_t)s->references[j * s->pixels + k] * s->references[j * s->pixels + k];
        s->squares[j] = (double)square;
    }
}

gkv_status gkv_nearest(size_t n, size_t m, size_t pixels, const float *queries,
                       const uint8_t *references, const gkv_run_options *options, uint32_t *index,
                       double *distance)
{
    gki_call call;
    GKV_NEED(queries);
    GKV_NEED(references);
    GKV_TRY(check(queries, n, m, pixels));
    GKV_TRY(gki_call_begin(&call, options, n));
    search s = {.kernels = gki_gemm_kernels_get(),
                .queries = queries,
                .references = references,
                .n = n,
                .m = m,
                .pixels = pixels,
                .rounding = rounding_of(pixels),
                .index = index,
                .distance = distance};
    const size_t blocks = n / QUERIES + (n % QUERIES > 0),
                 used = least((size_t)gki_call_threads(&call, 0), blocks);
    worker *workers = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(m, sizeof *s.squares, &s.squares));
    GKV_TRY_GOTO(gki_alloc(used, sizeof *workers, &workers));
    for (size_t t = 0; t < used; t++)
        GKV_TRY_GOTO(worker_create(pixels, &workers[t]));
    levels_of(&s);
    gkv_dist *dist = call.options.dist;
    size_t from = 0, mine = 0; /* the blocks of this rank */
    gkv_dist_range(blocks, 1, gkv_dist_rank(dist), gkv_dist_size(dist), &from, &mine);
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)used)
    for (size_t block = from; block < from + mine; block++) {
        if (gki_call_stopped(&call))
            continue;
        search_block(&s, block * QUERIES, &workers[omp_get_thread_num()]);
        gki_call_advance(&call, least(QUERIES, n - block * QUERIES));
    }
    GKV_TRY_GOTO(gki_call_end(&call, "a search for nearest images", "queries"));
    if (index)
        GKV_TRY_GOTO(gkv_dist_share(dist, n, QUERIES, sizeof *index, index));
    if (distance)
        GKV_TRY_GOTO(gkv_dist_share(dist, n, QUERIES, sizeof *distance, distance));
done:
    for (size_t t = 0; workers && t < used; t++)
        worker_free(&workers[t]);
    free(workers);
    free(s.squares);
    return status;
}
