/* Where the fit of a mixture begins: k-means++ (Arthur and Vassilvitskii 2007), each centre the best
 * of a few that are drawn, and some rounds of k-means, on rows standardised by median and
 * spread and held to ±5, so that no wild value has a say. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/rng.h"
#include "mgk/em.h"

enum { ROUNDS = 10, MOST_CANDIDATES = 10, RANKS = 3, FAILURES = 9 };

typedef struct start {
    size_t n, d, count;
    double *rows;     /* [n × d] standardised */
    double *centres;  /* [count × d] */
    double *distance; /* [n] squared, to the nearest centre */
    double *sums;     /* [blocks × count × (2d + 2)] of each block's members: Σw, what their
                         centre's removal would cost, Σwx, Σwx² */
    double total;     /* Σ w·distance */
    double *tiles;    /* [tiles] Σ w·distance */
    double *trials;   /* [tiles × MOST_CANDIDATES] what it would be with each candidate */
} start;

static void standardise(const gkv_em *em, start *s)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < s->d; j++) {
            const double off = (em->fit.x[i * s->d + j] - em->centre[j]) / em->scale[j];
            s->rows[i * s->d + j] = fmax(-5.0, fmin(5.0, off));
        }
}

static double weight_of(const gkv_em *em, size_t i)
{
    return em->fit.weights ? em->fit.weights[i] : 1.0;
}

static double distance_between(size_t d, const double *a, const double *b)
{
    double sum = 0.0;
    for (size_t j = 0; j < d; j++)
        sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

/* Distances to one more centre; the first one's replace what is there. Returns Σ w·distance. */
static double add_centre(const gkv_em *em, start *s, size_t k)
{
    const size_t tiles = gkv_mgk_tiles(s->n), d = s->d;
    const int used = gkv_mgk_threads(em->threads, tiles);
    const double *centre = s->centres + k * d;
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++) {
        s->tiles[t] = 0.0;
        for (size_t i = t * GKV_MGK_TILE, end = i + gkv_mgk_tile_rows(s->n, t); i < end; i++) {
            const double distance = distance_between(d, s->rows + i * d, centre);
            if (k == 0 || distance < s->distance[i])
                s->distance[i] = distance;
            s->tiles[t] += weight_of(em, i) * s->distance[i];
        }
    }
    double total = 0.0;
    for (size_t t = 0; t < tiles; t++)
        total += s->tiles[t];
    return total;
}

/* The candidate, a row, with which Σ w·distance would be least. */
static size_t best_candidate(const gkv_em *em, start *s, size_t count, const size_t *candidates)
{
    const size_t tiles = gkv_mgk_tiles(s->n), d = s->d;
    const int used = gkv_mgk_threads(em->threads, tiles);
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++) {
        double *sums = s->trials + t * MOST_CANDIDATES;
        memset(sums, 0, MOST_CANDIDATES * sizeof *sums);
        for (size_t i = t * GKV_MGK_TILE, end = i + gkv_mgk_tile_rows(s->n, t); i < end; i++)
            for (size_t c = 0; c < count; c++)
                sums[c] += weight_of(em, i) * fmin(s->distance[i], distance_between(d, s->rows + i * d,
                                                                                    s->rows + candidates[c] * d));
    }
    double least = INFINITY;
    size_t best = candidates[0];
    for (size_t c = 0; c < count; c++) {
        double total = 0.0;
        for (size_t t = 0; t < tiles; t++)
            total += s->trials[t * MOST_CANDIDATES + c];
        if (total < least) {
            least = total;
            best = candidates[c];
        }
    }
    return best;
}

/* The row in which `target` of the running sum of w·distance falls; one that has some. */
static size_t row_at(const gkv_em *em, const start *s, double target)
{
    size_t t = 0, last = 0;
    while (t + 1 < gkv_mgk_tiles(s->n) && target >= s->tiles[t])
        target -= s->tiles[t++];
    for (size_t i = t * GKV_MGK_TILE; i < s->n; i++) {
        const double here = weight_of(em, i) * s->distance[i];
        if (here > 0)
            last = i;
        if (here > 0 && target < here)
            return i;
        target -= here;
    }
    return last;
}

static gkv_status choose_centres(const gkv_em *em, start *s)
{
    const size_t wanted = 2 + (size_t)log((double)s->count);
    const size_t count = wanted < MOST_CANDIDATES ? wanted : MOST_CANDIDATES;
    double total = 0.0, u[MOST_CANDIDATES];
    for (size_t i = 0; i < s->n; i++) { /* every row is as good as another for the first */
        s->distance[i] = 1.0;
        s->tiles[i / GKV_MGK_TILE] += weight_of(em, i);
        total += weight_of(em, i);
    }
    for (size_t k = 0; k < s->count; k++) {
        if (!(total > 0))
            return gkv_fail(GKV_ERR_DATA, "%zu components need as many different rows, and there are %zu", s->count, k);
        size_t candidates[MOST_CANDIDATES];
        gkv_rng_uniform(gkv_mgk_draw(em->set->seed, k), count, u);
        for (size_t c = 0; c < count; c++)
            candidates[c] = row_at(em, s, u[c] * total);
        const size_t chosen = k == 0 ? candidates[0] : best_candidate(em, s, count, candidates);
        memcpy(s->centres + k * s->d, s->rows + chosen * s->d, s->d * sizeof *s->centres);
        total = add_centre(em, s, k);
    }
    return GKV_OK;
}

/* Nearest centres by |c|² − 2x·c, tile by tile. `products` is room for a tile of them. A
 * member's weighted gain from its centre over the second one adds up, by centre, to what
 * its removal would cost. */
static void assign_tile(const gkv_em *em, start *s, size_t t, const double *lengths, double *products, double *sums)
{
    const size_t first = t * GKV_MGK_TILE, rows = gkv_mgk_tile_rows(s->n, t), d = s->d, width = 2 * d + 2;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)s->count, (int)d, -2.0, s->rows + first * d,
                (int)d, s->centres, (int)d, 0.0, products, (int)s->count);
    s->tiles[t] = 0.0;
    for (size_t i = 0; i < rows; i++) {
        const double w = weight_of(em, first + i), *x = s->rows + (first + i) * d;
        double best = INFINITY, second = INFINITY, square = 0.0;
        size_t member = 0;
        for (size_t k = 0; k < s->count; k++) {
            const double distance = products[i * s->count + k] + lengths[k];
            second = fmin(second, fmax(best, distance));
            if (distance < best) {
                best = distance;
                member = k;
            }
        }
        double *sum = sums + member * width;
        sum[0] += w;
        sum[1] += s->count > 1 ? w * (second - best) : 0.0;
        for (size_t j = 0; j < d; j++) {
            square += x[j] * x[j];
            sum[2 + j] += w * x[j];
            sum[2 + d + j] += w * x[j] * x[j];
        }
        s->distance[first + i] = fmax(0.0, best + square);
        s->tiles[t] += w * s->distance[first + i];
    }
}

/* Members to their nearest centres, and the members' sums, into the first block's. */
static gkv_status assign(const gkv_em *em, start *s)
{
    const size_t blocks = gkv_mgk_blocks(s->n), size = s->count * (2 * s->d + 2), tiles = gkv_mgk_tiles(s->n);
    const size_t room = GKV_MGK_TILE * s->count;
    const int used = gkv_mgk_threads(em->threads, blocks);
    double *products = NULL;
    GKV_TRY(gkv_alloc((size_t)used * room + s->count, sizeof *products, &products));
    double *lengths = products + (size_t)used * room;
    for (size_t k = 0; k < s->count; k++)
        for (size_t j = 0; j < s->d; j++)
            lengths[k] += s->centres[k * s->d + j] * s->centres[k * s->d + j];
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t b = 0; b < blocks; b++) {
        double *sums = s->sums + b * size;
        memset(sums, 0, size * sizeof *sums);
        for (size_t t = gkv_mgk_block_start(s->n, b); t < gkv_mgk_block_start(s->n, b + 1); t++)
            assign_tile(em, s, t, lengths, products + (size_t)omp_get_thread_num() * room, sums);
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

/* k-means: centres to the means of their members, who may then change; without any, they stay. */
static gkv_status settle(const gkv_em *em, start *s, int rounds)
{
    GKV_TRY(assign(em, s));
    for (; rounds > 0; rounds--) {
        for (size_t k = 0; k < s->count; k++) {
            const double *sum = s->sums + k * (2 * s->d + 2);
            for (size_t j = 0; j < s->d && sum[0] > 0; j++)
                s->centres[k * s->d + j] = sum[2 + j] / sum[0];
        }
        GKV_TRY(assign(em, s));
    }
    return GKV_OK;
}

/* The centre whose removal would cost least, but for `rank` others. */
static size_t cheapest_centre(const start *s, size_t rank)
{
    size_t found = 0;
    for (size_t k = 0; k < s->count; k++) {
        const double cost = s->sums[k * (2 * s->d + 2) + 1];
        size_t below = 0;
        for (size_t other = 0; other < s->count; other++) {
            const double its = s->sums[other * (2 * s->d + 2) + 1];
            below += its < cost || (its == cost && other < k);
        }
        if (below == rank)
            found = k;
    }
    return found;
}

/* k-means merges two clusters here and splits one there, and cannot get out of it: a centre that is hardly
 * missed moves to a row far from all, and stays if that is better (Fränti, Journal of Big
 * Data 5, 2018). */
static gkv_status swap_centres(const gkv_em *em, start *s)
{
    double *keep = NULL;
    const size_t size = s->count * s->d;
    GKV_TRY(gkv_alloc(size, sizeof *keep, &keep));
    gkv_status status = GKV_OK;
    uint64_t draw = s->count; /* those before chose the centres */
    for (int failures = 0; failures < FAILURES && s->count > RANKS; draw++) {
        const double before = s->total;
        double u[2];
        memcpy(keep, s->centres, size * sizeof *keep);
        gkv_rng_uniform(gkv_mgk_draw(em->set->seed, draw), 1, u);
        memcpy(s->centres + cheapest_centre(s, draw % RANKS) * s->d, s->rows + row_at(em, s, u[0] * before) * s->d,
               s->d * sizeof *s->centres);
        GKV_TRY_GOTO(settle(em, s, 2));
        if (s->total < before * (1.0 - 1e-4)) {
            failures = 0;
            continue;
        }
        failures++;
        memcpy(s->centres, keep, size * sizeof *keep);
        GKV_TRY_GOTO(settle(em, s, 0));
    }
done:
    free(keep);
    return status;
}

/* Normal margins of each cluster. The variance within clusters, all together, counts for ten
 * rows, so that small clusters get a decent width. */
static gkv_status make_components(gkv_em *em, const start *s)
{
    const size_t d = s->d, width = 2 * d + 2;
    const double few = 10.0;
    double *within = NULL, total = 0.0;
    gkv_gk *margins = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_alloc(d, sizeof *within, &within));
    GKV_TRY_GOTO(gkv_alloc(d, sizeof *margins, &margins));
    for (size_t k = 0; k < s->count; k++) {
        const double *sum = s->sums + k * width;
        total += sum[0];
        for (size_t j = 0; j < d && sum[0] > 0; j++)
            within[j] += fmax(0.0, sum[2 + d + j] - sum[2 + j] * sum[2 + j] / sum[0]);
    }
    for (size_t j = 0; j < d; j++)
        within[j] = fmax(within[j] / total, 0.01);
    for (size_t k = 0; k < s->count; k++) {
        const double *sum = s->sums + k * width;
        for (size_t j = 0; j < d; j++) {
            const double own = sum[0] > 0 ? fmax(0.0, sum[2 + d + j] - sum[2 + j] * sum[2 + j] / sum[0]) : 0.0;
            const double variance = (own + few * within[j]) / (sum[0] + few);
            margins[j] = (gkv_gk){.a = em->centre[j] + em->scale[j] * s->centres[k * d + j],
                                  .b = em->scale[j] * fmax(sqrt(variance), em->set->least_scale),
                                  .c = em->set->margins.c};
        }
        em->pi[k] = (sum[0] + 1.0) / (total + (double)s->count);
        GKV_TRY_GOTO(gkv_mgk_build(d, margins, NULL, NULL, &em->parts[k]));
    }
done:
    free(within);
    free(margins);
    return status;
}

gkv_status gkv_em_start(gkv_em *em)
{
    const size_t n = em->fit.n, d = em->d, count = em->count;
    start s = {.n = n, .d = d, .count = count};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_alloc(n, d * sizeof *s.rows, &s.rows));
    GKV_TRY_GOTO(gkv_alloc(count, d * sizeof *s.centres, &s.centres));
    GKV_TRY_GOTO(gkv_alloc(n, sizeof *s.distance, &s.distance));
    GKV_TRY_GOTO(gkv_alloc(gkv_mgk_blocks(n) * count, (2 * d + 2) * sizeof *s.sums, &s.sums));
    GKV_TRY_GOTO(gkv_alloc(gkv_mgk_tiles(n), sizeof *s.tiles, &s.tiles));
    GKV_TRY_GOTO(gkv_alloc(gkv_mgk_tiles(n), MOST_CANDIDATES * sizeof *s.trials, &s.trials));
    standardise(em, &s);
    GKV_TRY_GOTO(choose_centres(em, &s));
    GKV_TRY_GOTO(settle(em, &s, ROUNDS));
    GKV_TRY_GOTO(swap_centres(em, &s));
    GKV_TRY_GOTO(settle(em, &s, ROUNDS));
    status = make_components(em, &s);
done:
    free(s.rows);
    free(s.centres);
    free(s.distance);
    free(s.sums);
    free(s.tiles);
    free(s.trials);
    return status;
}
