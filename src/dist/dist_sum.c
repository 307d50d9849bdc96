/* Sums over ranks in a fixed order.
 *
 * Each rank adds one slice of the values: the ranks exchange their slices, each adds those that it
 * got in the order of a binary tree, and all gather the sums. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "dist/dist.h"

typedef enum stage { EXCHANGE, ADDED, GATHER, DONE } stage;

struct gkv_dist_pending {
    gkv_dist_type type;
    size_t n;
    char *values;
    char *parts; /* the slices of this rank from all ranks [size, length of the slice] */
    int *counts, *offsets, *part_counts, *part_offsets; /* in bytes [size] */
    stage stage;
    void *request;
    gkv_dist_pending *next;
};

/* The most bytes of values: int counts them, with room for the parts. */
enum { MOST = 1 << 30 };

static const size_t sizes[] = {[GKV_DIST_DOUBLE] = sizeof(double),
                               [GKV_DIST_FLOAT] = sizeof(float),
                               [GKV_DIST_COUNT] = sizeof(uint64_t)};
enum { TYPES = sizeof sizes / sizeof *sizes };

/* to[n] += from[n] */
static void add(gkv_dist_type type, size_t n, void *to, const void *from)
{
    if (type == GKV_DIST_DOUBLE) {
        double *a = to;
        const double *b = from;
        for (size_t i = 0; i < n; i++)
            a[i] += b[i];
    } else if (type == GKV_DIST_FLOAT) {
        float *a = to;
        const float *b = from;
        for (size_t i = 0; i < n; i++)
            a[i] += b[i];
    } else {
        uint64_t *a = to;
        const uint64_t *b = from;
        for (size_t i = 0; i < n; i++)
            a[i] += b[i];
    }
}

/* Adds the parts of this rank's slice in the order of the tree, and puts the sum in its place. */
static void add_parts(const gkv_dist *dist, gkv_dist_pending *it)
{
    const size_t length = (size_t)it->counts[dist->rank], n = length / sizes[it->type];
    for (int step = 1; step < dist->size; step *= 2)
        for (int r = 0; r + step < dist->size; r += 2 * step)
            add(it->type, n, it->parts + (size_t)r * length,
                it->parts + (size_t)(r + step) * length);
    if (length > 0)
        memcpy(it->values + it->offsets[dist->rank], it->parts, length);
}

/* --- One sum -------------------------------------------------------------- */

static void free_pending(gkv_dist_pending *it)
{
    if (!it)
        return;
    free(it->parts);
    free(it->counts);
    free(it);
}

static gkv_status create(const gkv_dist *dist, gkv_dist_type type, size_t n, void *values,
                         gkv_dist_pending **out)
{
    const size_t ranks = (size_t)dist->size;
    gkv_dist_pending *it = NULL;
    GKV_TRY(gki_alloc(1, sizeof *it, &it));
    gkv_status status = GKV_OK;
    *it = (gkv_dist_pending){.type = type, .n = n, .values = values, .stage = EXCHANGE};
    GKV_TRY_GOTO(gki_alloc(4 * ranks, sizeof *it->counts, &it->counts));
    it->offsets = it->counts + ranks;
    it->part_counts = it->offsets + ranks;
    it->part_offsets = it->part_counts + ranks;
    for (int r = 0; r < dist->size; r++) {
        size_t first = 0, count = 0;
        gkv_dist_range(n, GKV_ALIGNMENT / sizeof(float), r, dist->size, &first, &count);
        it->counts[r] = (int)(count * sizes[type]);
        it->offsets[r] = (int)(first * sizes[type]);
    }
    for (int r = 0; r < dist->size; r++) {
        it->part_counts[r] = it->counts[dist->rank];
        it->part_offsets[r] = r * it->counts[dist->rank];
    }
    GKV_TRY_GOTO(gki_alloc(ranks * (size_t)it->counts[dist->rank], 1, &it->parts));
done:
    if (status != GKV_OK)
        free_pending(it);
    else
        *out = it;
    return status;
}

/* Moves pending sums on as far as they go without waiting. The second halves begin in the order of
 * the sums on all ranks, whatever ends first. Under the lock. */
static gkv_status move_on(gkv_dist *dist)
{
    bool earlier = true; /* whether all earlier sums have begun their second half */
    for (gkv_dist_pending *it = dist->oldest; it; it = it->next) {
        int done = 0;
        if (it->stage == EXCHANGE || it->stage == GATHER) {
            GKV_TRY(gki_dist_check(dist, dist->table->test(&it->request, &done), "a sum"));
            if (done && it->stage == EXCHANGE)
                add_parts(dist, it);
            it->stage = !done ? it->stage : it->stage == EXCHANGE ? ADDED : DONE;
        }
        if (it->stage == ADDED && earlier) {
            GKV_TRY(gki_dist_check(dist,
                                   dist->table->gather(GKI_DIST_SECOND, NULL, it->values,
                                                       it->counts, it->offsets, &it->request),
                                   "a sum"));
            it->stage = GATHER;
        }
        earlier = earlier && it->stage >= GATHER;
    }
    return GKV_OK;
}

static void take_out(gkv_dist *dist, gkv_dist_pending *pending)
{
    gkv_dist_pending *before = NULL, *it = dist->oldest;
    for (; it && it != pending; it = it->next)
        before = it;
    if (!it)
        return;
    if (before)
        before->next = it->next;
    else
        dist->oldest = it->next;
    if (dist->newest == it)
        dist->newest = before;
}

/* --- Public functions ----------------------------------------------------- */

gkv_status gkv_dist_sum_begin(gkv_dist *dist, gkv_dist_type type, size_t n, void *values,
                              gkv_dist_pending **out)
{
    GKV_NEED(out);
    *out = NULL;
    if (n > 0)
        GKV_NEED(values);
    if ((unsigned)type >= TYPES)
        return gki_fail(GKV_ERR_ARGUMENT, "%d is not a gkv_dist_type", (int)type);
    if (n > MOST / sizes[type])
        return gki_fail(GKV_ERR_ARGUMENT, "a sum of %zu values: begin several smaller ones", n);
    dist = gki_dist_or_alone(dist);
    gkv_dist_pending *it = NULL;
    if (dist->size == 1) { /* the values are their sum */
        GKV_TRY(gki_alloc(1, sizeof *it, &it));
        it->stage = DONE;
        *out = it;
        return GKV_OK;
    }
    GKV_TRY(create(dist, type, n, values, &it));
    pthread_mutex_lock(&dist->lock);
    gkv_status status =
        gki_dist_check(dist,
                       dist->table->exchange(values, it->counts, it->offsets, it->parts,
                                             it->part_counts, it->part_offsets, &it->request),
                       "a sum");
    if (status == GKV_OK) {
        *(dist->newest ? &dist->newest->next : &dist->oldest) = it;
        dist->newest = it;
        status = move_on(dist);
        *out = status == GKV_OK ? it : NULL;
    } else {
        free_pending(it);
    }
    pthread_mutex_unlock(&dist->lock);
    return status;
}

gkv_status gkv_dist_progress(gkv_dist *dist)
{
    if (!dist)
        return GKV_OK;
    pthread_mutex_lock(&dist->lock);
    const gkv_status status = move_on(dist);
    pthread_mutex_unlock(&dist->lock);
    return status;
}

gkv_status gkv_dist_sum_end(gkv_dist *dist, gkv_dist_pending *pending)
{
    gkv_status status = GKV_OK;
    unsigned calls = 0;
    dist = gki_dist_or_alone(dist);
    while (pending && pending->stage != DONE && status == GKV_OK) {
        status = gkv_dist_progress(dist);
        if (status == GKV_OK && pending->stage != DONE)
            gki_dist_pause(&calls);
    }
    pthread_mutex_lock(&dist->lock);
    take_out(dist, pending);
    pthread_mutex_unlock(&dist->lock);
    free_pending(pending);
    return status;
}

gkv_status gkv_dist_sum(gkv_dist *dist, gkv_dist_type type, size_t n, void *values)
{
    if ((unsigned)type >= TYPES)
        return gki_fail(GKV_ERR_ARGUMENT, "%d is not a gkv_dist_type", (int)type);
    const size_t most = MOST / sizes[type];
    if (gkv_dist_size(dist) == 1)
        return GKV_OK;
    for (size_t at = 0; at < n; at += most) {
        gkv_dist_pending *pending = NULL;
        GKV_TRY(gkv_dist_sum_begin(dist, type, n - at < most ? n - at : most,
                                   (char *)values + at * sizes[type], &pending));
        GKV_TRY(gkv_dist_sum_end(dist, pending));
    }
    return GKV_OK;
}
