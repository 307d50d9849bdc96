/* k-means++, the start of k-means; see clusters.h. */
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "mixture/clusters.h"

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

size_t gki_clusters_row_at(const gki_clusters *s, double target)
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
            candidates[c] = gki_clusters_row_at(s, u[c] * total);
        const size_t chosen = k == 0 ? candidates[0] : best_candidate(s, count, candidates);
        memcpy(s->centres + k * s->d, s->rows + chosen * s->d, s->d * sizeof *s->centres);
        total = add_centre(s, k);
    }
    return GKV_OK;
}
