/* The E-step: the responsibilities of the components for each row. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "mixture/em.h"

/* Responsibilities below this are left out, in the exact and in the float path. */
static const double least_exact = 1e-5, least_float = 1e-3;

/* Components that are this many nats below the best one of a row are skipped until the next full
 * E-step. */
static const double far_below = 16.0;

/* The number of tiles that are evaluated for one component before the next one, so that its table
 * stays in the cache. */
enum { GROUP = 16 };

/* The scratch of a thread. */
typedef struct scratch {
    float *floats; /* [3 × GKV_MGK_TILE × d], if set->advanced.single_precision, else NULL */
    double *x, *w, *log_dq;   /* [GKV_MGK_TILE × d] */
    double *found;            /* [GKV_MGK_TILE] */
    double *responsibilities; /* [GKV_MGK_TILE × count] */
    double *logs;             /* [GROUP × GKV_MGK_TILE × count] log f_k */
} scratch;

static void to_float(size_t d, const double *x, float *out)
{
#pragma omp simd
    for (size_t j = 0; j < d; j++)
        out[j] = (float)x[j];
}

/* Computes log f_k of the rows of a tile that are not far from component k; −∞ for the others. */
static void densities(const gki_em *em, const gki_em_rows *rows, size_t t, int full, size_t k,
                      double *logs, scratch *s)
{
    const size_t d = em->d, parts = em->count, first = t * GKV_MGK_TILE,
                 count = gki_mgk_tile_rows(rows->n, t);
    const double *x = rows->x + first * d;
    if (full && !rows->group && !em->set->advanced.single_precision) {
        gki_mgk_log_pdf_tile(em->mixture->components[k], em->tables[k], count, x, s->w, s->log_dq,
                             logs + k, parts);
        return;
    }
    double *picked = s->x;
    float *picked_f = s->floats;
    size_t near[GKV_MGK_TILE], used = 0;
    const size_t group = k / gki_em_per_group(em);
    for (size_t i = 0; i < count; i++) {
        logs[i * parts + k] = -INFINITY;
        if (rows->group ? rows->group[first + i] != group
                        : !full && rows->far[(first + i) * parts + k])
            continue;
        if (picked_f)
            to_float(d, x + i * d, picked_f + used * d);
        else
            memcpy(picked + used * d, x + i * d, d * sizeof *x);
        near[used++] = i;
    }
    if (used == 0)
        return;
    if (picked_f)
        gki_mgk_float_log_pdf(&em->floats[k], used, picked_f, picked_f + GKV_MGK_TILE * d, s->found,
                              1);
    else
        gki_mgk_log_pdf_tile(em->mixture->components[k], em->tables[k], used, picked, s->w,
                             s->log_dq, s->found, 1);
    for (size_t i = 0; i < used; i++)
        logs[near[i] * parts + k] = s->found[i];
}

static gkv_status reserve(gki_em_tile *tile, size_t needed)
{
    if (needed <= tile->capacity)
        return GKV_OK;
    free(tile->component);
    free(tile->responsibility);
    tile->responsibility = NULL;
    tile->capacity = 0;
    GKV_TRY(gki_alloc(needed, sizeof *tile->component, &tile->component));
    GKV_TRY(gki_alloc(needed, sizeof *tile->responsibility, &tile->responsibility));
    tile->capacity = needed;
    return GKV_OK;
}

/* Stores the responsibilities that are not negligible in the tile. */
static gkv_status keep_responsibilities(size_t parts, size_t count, const double *responsibilities,
                                        double least, gki_em_tile *tile)
{
    size_t needed = 0;
    for (size_t i = 0; i < count * parts; i++)
        needed += responsibilities[i] >= least;
    GKV_TRY(reserve(tile, needed));
    uint32_t used = 0;
    for (size_t i = 0; i < count; i++) {
        tile->start[i] = used;
        for (size_t k = 0; k < parts; k++)
            if (responsibilities[i * parts + k] >= least) {
                tile->component[used] = (uint32_t)k;
                tile->responsibility[used++] = responsibilities[i * parts + k];
            }
    }
    tile->start[count] = used;
    return GKV_OK;
}

static void add_up_tile(const gki_em_rows *rows, size_t first, size_t count, size_t parts,
                        const double *logs, const gki_em_tile *tile, double *sums)
{
    for (size_t i = 0; i < count; i++) {
        const double w = rows->weights ? rows->weights[first + i] : 1.0;
        for (uint32_t e = tile->start[i]; e < tile->start[i + 1]; e++) {
            const size_t k = tile->component[e];
            sums[1 + k] += w * tile->responsibility[e];
            sums[1 + parts + k] += w * tile->responsibility[e] * logs[i * parts + k];
        }
    }
}

/* Computes the responsibilities and sums of a tile from its densities. */
static void finish_tile(const gki_em *em, gki_em_rows *rows, size_t t, int full, const double *logs,
                        double *responsibilities)
{
    const size_t parts = em->count, first = t * GKV_MGK_TILE, count = gki_mgk_tile_rows(rows->n, t);
    double *sums = rows->sums + t * (1 + 2 * parts);
    const double *log_pi = em->mixture->log_weights;
    memset(sums, 0, (1 + 2 * parts) * sizeof *sums);
    for (size_t i = 0; i < count; i++) {
        double *row = responsibilities + i * parts, most = -INFINITY; /* for now, log π_k f_k */
        for (size_t k = 0; k < parts; k++) {
            row[k] = logs[i * parts + k] + log_pi[k];
            most = row[k] > most ? row[k] : most;
        }
        unsigned char *far = rows->far + (first + i) * parts;
        for (size_t k = 0; full && k < parts; k++)
            far[k] = (unsigned char)!(row[k] > most - far_below);
        const double w = rows->weights ? rows->weights[first + i] : 1.0;
        sums[0] += w * gki_mgk_softmax(parts, row, rows->log_noise[first + i]);
    }
    gki_em_tile *tile = &rows->tiles[t];
    const double least = em->set->advanced.single_precision ? least_float : least_exact;
    tile->status = keep_responsibilities(parts, count, responsibilities, least, tile);
    if (tile->status == GKV_OK)
        add_up_tile(rows, first, count, parts, logs, tile, sums);
}

static void do_group(const gki_em *em, gki_em_rows *rows, size_t group, int full, scratch *s)
{
    const size_t tiles = gki_mgk_tiles(rows->n), first = group * GROUP,
                 size = GKV_MGK_TILE * em->count;
    const size_t end = first + GROUP < tiles ? first + GROUP : tiles;
    for (size_t k = 0; k < em->count; k++)
        for (size_t t = first; t < end; t++)
            densities(em, rows, t, full, k, s->logs + (t - first) * size, s);
    for (size_t t = first; t < end; t++)
        finish_tile(em, rows, t, full, s->logs + (t - first) * size, s->responsibilities);
}

gkv_status gki_em_expect(gki_em *em, gki_em_rows *rows, int full, double *mean)
{
    const size_t d = em->d, parts = em->count, tiles = gki_mgk_tiles(rows->n);
    const size_t groups = tiles / GROUP + (tiles % GROUP != 0);
    const size_t size_each = GKV_MGK_TILE * (3 * d + 1 + (1 + GROUP) * parts);
    const int used = gki_mgk_threads(em->threads, groups);
    double *memory = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc((size_t)used, size_each * sizeof *memory, &memory));
    for (size_t k = 0; k < parts; k++) {
        if (em->set->advanced.single_precision && !em->floats[k].a)
            GKV_TRY_GOTO(gki_mgk_float_create(em->mixture->components[k], &em->floats[k]));
        if (!em->set->advanced.single_precision && !em->tables[k])
            GKV_TRY_GOTO(gki_mgk_table_create(&em->mixture->components[k]->columns, em->threads,
                                              &em->tables[k]));
    }
    for (size_t k = 0; k < parts; k++)
        em->mixture->log_weights[k] = log(em->mixture->weights[k]);
#pragma omp parallel for schedule(dynamic, 1) num_threads(used)
    for (size_t g = 0; g < groups; g++) {
        double *mine = memory + (size_t)omp_get_thread_num() * size_each;
        const size_t size = GKV_MGK_TILE * d;
        scratch s = {
            .x = mine, .w = mine + size, .log_dq = mine + 2 * size, .found = mine + 3 * size};
        s.floats = em->set->advanced.single_precision ? (float *)mine : NULL;
        s.responsibilities = s.found + GKV_MGK_TILE;
        s.logs = s.responsibilities + GKV_MGK_TILE * parts;
        do_group(em, rows, g, full, &s);
    }
    double sum = 0.0;
    memset(rows->weight, 0, parts * sizeof *rows->weight);
    memset(rows->gain, 0, parts * sizeof *rows->gain);
    for (size_t t = 0; t < tiles; t++) {
        if (rows->tiles[t].status != GKV_OK) {
            status = gki_fail(GKV_ERR_MEMORY, "out of memory for the responsibilities of %zu rows",
                              rows->n);
            goto done;
        }
        const double *sums = rows->sums + t * (1 + 2 * parts);
        sum += sums[0];
        for (size_t k = 0; k < parts; k++) {
            rows->weight[k] += sums[1 + k];
            rows->gain[k] += sums[1 + parts + k];
        }
    }
    *mean = sum / rows->total;
done:
    free(memory);
    return status;
}
