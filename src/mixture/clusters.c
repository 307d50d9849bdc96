/* Clusters of weighted rows: k-means++, k-means iterations, and swaps of centres; see
 * clusters.h. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/real.h"
#include "core/rng.h"
#include "mixture/clusters.h"
#include "num/linalg.h"
#include "num/product.h"

/* --- k-means++ ------------------------------------------------------------ */

static double distance_between(size_t d, const double *a, const double *b)
{
    double sum = 0.0;
    for (size_t j = 0; j < d; j++)
        sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

/* Updates the distances for centre k. The first centre replaces all distances. Returns Σ
 * w·distance. */
static double add_centre(gki_clusters *s, size_t k)
{
    const size_t tiles = gki_mgk_tiles(s->n), d = s->d;
    const int used = gki_mgk_threads(s->threads, tiles);
    const double *centre = s->centres + k * d;
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++) {
        s->tiles[t] = 0.0;
        for (size_t i = t * GKV_MGK_TILE, end = i + gki_mgk_tile_rows(s->n, t); i < end; i++) {
            const double distance = distance_between(d, s->rows + i * d, centre);
            if (k == 0 || distance < s->distance[i])
                s->distance[i] = distance;
            s->tiles[t] += gki_clusters_weight(s, i) * s->distance[i];
        }
    }
    double total = 0.0;
    for (size_t t = 0; t < tiles; t++)
        total += s->tiles[t];
    return total;
}

/* The candidate row that gives the least Σ w·distance. */
static size_t best_candidate(gki_clusters *s, size_t count, const size_t *candidates)
{
    const size_t tiles = gki_mgk_tiles(s->n), d = s->d;
    const int used = gki_mgk_threads(s->threads, tiles);
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++) {
        double *sums = s->trials + t * GKV_CLUSTERS_CANDIDATES;
        memset(sums, 0, GKV_CLUSTERS_CANDIDATES * sizeof *sums);
        for (size_t i = t * GKV_MGK_TILE, end = i + gki_mgk_tile_rows(s->n, t); i < end; i++)
            for (size_t c = 0; c < count; c++)
                sums[c] += gki_clusters_weight(s, i) *
                           fmin(s->distance[i],
                                distance_between(d, s->rows + i * d, s->rows + candidates[c] * d));
    }
    double least = INFINITY;
    size_t best = candidates[0];
    for (size_t c = 0; c < count; c++) {
        double total = 0.0;
        for (size_t t = 0; t < tiles; t++)
            total += s->trials[t * GKV_CLUSTERS_CANDIDATES + c];
        if (total < least) {
            least = total;
            best = candidates[c];
        }
    }
    return best;
}

/* The row at which the cumulative sum of w·distance exceeds `target`. Its own w·distance is
 * positive. */
static size_t row_at(const gki_clusters *s, double target)
{
    size_t t = 0, last = 0;
    while (t + 1 < gki_mgk_tiles(s->n) && target >= s->tiles[t])
        target -= s->tiles[t++];
    for (size_t i = t * GKV_MGK_TILE; i < s->n; i++) {
        const double here = gki_clusters_weight(s, i) * s->distance[i];
        if (here > 0)
            last = i;
        if (here > 0 && target < here)
            return i;
        target -= here;
    }
    return last;
}

gkv_status gki_clusters_seed(gki_clusters *s)
{
    const size_t wanted = 2 + (size_t)log((double)s->count);
    const size_t count = wanted < GKV_CLUSTERS_CANDIDATES ? wanted : GKV_CLUSTERS_CANDIDATES;
    double total = 0.0, u[GKV_CLUSTERS_CANDIDATES];
    memset(s->tiles, 0, gki_mgk_tiles(s->n) * sizeof *s->tiles);
    memset(s->centres, 0, s->count * s->d * sizeof *s->centres);
    for (size_t i = 0; i < s->n; i++) {
        /* equal distances, so that the first centre is drawn by the weights alone */
        s->distance[i] = 1.0;
        s->tiles[i / GKV_MGK_TILE] += gki_clusters_weight(s, i);
        total += gki_clusters_weight(s, i);
    }
    for (size_t k = 0; k < s->count; k++) {
        if (!(total > 0) && s->group) {
            /* a group with few rows or none; the other centres equal the first */
            memcpy(s->centres + k * s->d, s->centres, s->d * sizeof *s->centres);
            continue;
        }
        if (!(total > 0))
            return gki_fail(GKV_ERR_DATA,
                            "%zu components need as many different rows, but there are only %zu",
                            s->count, k);
        size_t candidates[GKV_CLUSTERS_CANDIDATES];
        gki_rng_uniform(gki_mgk_draw(s->seed, k), count, u);
        for (size_t c = 0; c < count; c++)
            candidates[c] = row_at(s, u[c] * total);
        const size_t chosen = k == 0 ? candidates[0] : best_candidate(s, count, candidates);
        memcpy(s->centres + k * s->d, s->rows + chosen * s->d, s->d * sizeof *s->centres);
        total = add_centre(s, k);
    }
    return GKV_OK;
}

/* --- k-means -------------------------------------------------------------- */

enum {
    ITERATIONS = 10, /* of k-means before and after the swaps */
    RANKS = 3,       /* the number of cheapest centres that swaps remove in turn */
    FAILURES = 9     /* swaps without success after which they end */
};

gkv_status gki_clusters_create(gki_clusters *out)
{
    const size_t n = out->n, d = out->d, tiles = gki_mgk_tiles(n);
    GKV_TRY(gki_alloc(n, d * sizeof *out->rows, &out->rows));
    GKV_TRY(gki_alloc(out->count, d * sizeof *out->centres, &out->centres));
    GKV_TRY(gki_alloc(n, sizeof *out->distance, &out->distance));
    GKV_TRY(gki_alloc(gki_mgk_blocks(n) * out->count, (2 * d + 2) * sizeof *out->sums, &out->sums));
    GKV_TRY(gki_alloc(tiles, sizeof *out->tiles, &out->tiles));
    return gki_alloc(tiles, GKV_CLUSTERS_CANDIDATES * sizeof *out->trials, &out->trials);
}

void gki_clusters_free(gki_clusters *clusters)
{
    free(clusters->rows);
    free(clusters->centres);
    free(clusters->distance);
    free(clusters->sums);
    free(clusters->tiles);
    free(clusters->trials);
}

/* Assigns the rows of a tile to their nearest centres by |c|² − 2x·c. `columns` are the centres,
 * transposed. `products` has GKV_MGK_TILE × count elements. The cost of removing a centre is the
 * sum, over its members, of the weighted difference of the distances from the second nearest and
 * the nearest centre. */
static void assign_tile(gki_clusters *s, size_t t, const double *lengths, const double *columns,
                        double *products, double *sums)
{
    const size_t first = t * GKV_MGK_TILE, rows = gki_mgk_tile_rows(s->n, t), d = s->d,
                 width = 2 * d + 2;
    gki_multiply_d(&(gki_product_d){.m = rows,
                                    .n = s->count,
                                    .k = d,
                                    .a = s->rows + first * d,
                                    .a_row = d,
                                    .a_step = 1,
                                    .b = columns,
                                    .b_row = s->count,
                                    .c = products,
                                    .c_row = s->count});
    s->tiles[t] = 0.0;
    for (size_t i = 0; i < rows; i++) {
        const double w = gki_clusters_weight(s, first + i), *x = s->rows + (first + i) * d;
        double best = INFINITY, second = INFINITY, square = 0.0;
        size_t member = 0;
        for (size_t k = 0; k < s->count; k++) {
            const double distance = lengths[k] - 2 * products[i * s->count + k];
            if (distance < best) {
                second = best;
                best = distance;
                member = k;
            } else if (distance < second) {
                second = distance;
            }
        }
        double *sum = sums + member * width;
        sum[0] += w;
        sum[1] += s->count > 1 ? w * (second - best) : 0.0;
#pragma omp simd reduction(+ : square)
        for (size_t j = 0; j < d; j++) {
            square += x[j] * x[j];
            sum[2 + j] += w * x[j];
            sum[2 + d + j] += w * x[j] * x[j];
        }
        s->distance[first + i] = fmax(0.0, best + square);
        s->tiles[t] += w * s->distance[first + i];
    }
}

/* Assigns all rows to their nearest centres. The sums of the first block become those of all
 * rows. */
static gkv_status assign(gki_clusters *s)
{
    const size_t blocks = gki_mgk_blocks(s->n), size = s->count * (2 * s->d + 2),
                 tiles = gki_mgk_tiles(s->n);
    const size_t size_each = GKV_MGK_TILE * s->count;
    const int used = gki_mgk_threads(s->threads, blocks);
    double *products = NULL;
    GKV_TRY(
        gki_alloc((size_t)used * size_each + s->count * (s->d + 1), sizeof *products, &products));
    double *lengths = products + (size_t)used * size_each, *columns = lengths + s->count;
    gki_transpose(s->count, s->d, s->centres, columns);
    for (size_t k = 0; k < s->count; k++)
        for (size_t j = 0; j < s->d; j++)
            lengths[k] += s->centres[k * s->d + j] * s->centres[k * s->d + j];
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t b = 0; b < blocks; b++) {
        double *sums = s->sums + b * size;
        memset(sums, 0, size * sizeof *sums);
        for (size_t t = gki_mgk_block_start(s->n, b); t < gki_mgk_block_start(s->n, b + 1); t++)
            assign_tile(s, t, lengths, columns, products + (size_t)omp_get_thread_num() * size_each,
                        sums);
    }
    for (size_t b = 1; b < blocks; b++)
        for (size_t i = 0; i < size; i++)
            s->sums[i] += s->sums[b * size + i];
    s->total = 0.0;
    for (size_t t = 0; t < tiles; t++)
        s->total += s->tiles[t];
    free(products);
    return GKV_OK;
}

/* Iterations of k-means: centres become the means of their members, and then rows are assigned
 * again. A centre without members does not change. */
static gkv_status iterate(gki_clusters *s, int iterations)
{
    GKV_TRY(assign(s));
    for (; iterations > 0; iterations--) {
        for (size_t k = 0; k < s->count; k++) {
            const double *sum = s->sums + k * (2 * s->d + 2);
            for (size_t j = 0; j < s->d && sum[0] > 0; j++)
                s->centres[k * s->d + j] = sum[2 + j] / sum[0];
        }
        GKV_TRY(assign(s));
    }
    return GKV_OK;
}

/* The centre with the given rank by the cost of its removal; rank 0 is the cheapest. */
static size_t cheapest_centre(const gki_clusters *s, size_t rank)
{
    size_t found = 0;
    for (size_t k = 0; k < s->count; k++) {
        const double cost = s->sums[k * (2 * s->d + 2) + 1];
        size_t below = 0;
        for (size_t other = 0; other < s->count; other++) {
            const double other_cost = s->sums[other * (2 * s->d + 2) + 1];
            below += other_cost < cost || (other_cost == cost && other < k);
        }
        if (below == rank)
            found = k;
    }
    return found;
}

/* Swaps of centres. k-means may merge two clusters and split another, and cannot correct this. A
 * centre with a small cost of removal moves to a row that is far from all centres. The swap is kept
 * if it reduces the total (Fränti, Journal of Big Data 5, 2018). */
static gkv_status swap_centres(gki_clusters *s)
{
    double *keep = NULL;
    const size_t size = s->count * s->d;
    GKV_TRY(gki_alloc(size, sizeof *keep, &keep));
    gkv_status status = GKV_OK;
    uint64_t draw = s->count; /* gki_clusters_seed uses the draws before this one */
    for (int failures = 0; failures < FAILURES && s->count > RANKS; draw++) {
        const double before = s->total;
        double u[2];
        memcpy(keep, s->centres, size * sizeof *keep);
        gki_rng_uniform(gki_mgk_draw(s->seed, draw), 1, u);
        memcpy(s->centres + cheapest_centre(s, draw % RANKS) * s->d,
               s->rows + row_at(s, u[0] * before) * s->d, s->d * sizeof *s->centres);
        GKV_TRY_GOTO(iterate(s, 2));
        if (s->total < before * (1.0 - 1e-4)) {
            failures = 0;
            continue;
        }
        failures++;
        memcpy(s->centres, keep, size * sizeof *keep);
        GKV_TRY_GOTO(iterate(s, 0));
    }
done:
    free(keep);
    return status;
}

gkv_status gki_clusters_find(gki_clusters *clusters)
{
    GKV_TRY(gki_clusters_seed(clusters));
    GKV_TRY(iterate(clusters, ITERATIONS));
    GKV_TRY(swap_centres(clusters));
    return iterate(clusters, ITERATIONS);
}
