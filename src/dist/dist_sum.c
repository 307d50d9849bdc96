/* Sums over ranks in a fixed order.
 *
 * Each rank adds one slice of the values: the ranks exchange their slices, each adds those that it
 * got in the order of a binary tree, and all gather the sums. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "dist/dist.h"

/* A sum that is made. */
typedef struct rank_sum {
    gkv_dist_type type;
    char *values;
    char *parts; /* the slices of this rank from all ranks [size, length of the slice] */
    int *counts, *offsets, *part_counts, *part_offsets; /* in bytes [size] */
} rank_sum;

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
static void add_parts(const gkv_dist *dist, const rank_sum *sum)
{
    const size_t length = (size_t)sum->counts[dist->rank], n = length / sizes[sum->type];
    for (int step = 1; step < dist->size; step *= 2)
        for (int r = 0; r + step < dist->size; r += 2 * step)
            add(sum->type, n, sum->parts + (size_t)r * length,
                sum->parts + (size_t)(r + step) * length);
    if (length > 0)
        memcpy(sum->values + sum->offsets[dist->rank], sum->parts, length);
}

/* Divides the n values into slices, and allocates the parts. */
static gkv_status divide(const gkv_dist *dist, size_t n, rank_sum *sum)
{
    const size_t ranks = (size_t)dist->size;
    GKV_TRY(gki_alloc(4 * ranks, sizeof *sum->counts, &sum->counts));
    sum->offsets = sum->counts + ranks;
    sum->part_counts = sum->offsets + ranks;
    sum->part_offsets = sum->part_counts + ranks;
    for (int r = 0; r < dist->size; r++) {
        size_t first = 0, count = 0;
        gkv_dist_range(n, GKV_ALIGNMENT / sizeof(float), r, dist->size, &first, &count);
        sum->counts[r] = (int)(count * sizes[sum->type]);
        sum->offsets[r] = (int)(first * sizes[sum->type]);
    }
    for (int r = 0; r < dist->size; r++) {
        sum->part_counts[r] = sum->counts[dist->rank];
        sum->part_offsets[r] = r * sum->counts[dist->rank];
    }
    return gki_alloc(ranks * (size_t)sum->counts[dist->rank], 1, &sum->parts);
}

/* The sum of at most GKI_DIST_BYTES_MAX bytes. */
static gkv_status sum_piece(gkv_dist *dist, gkv_dist_type type, size_t n, char *values)
{
    rank_sum sum = {.type = type, .values = values};
    void *request = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(divide(dist, n, &sum));
    pthread_mutex_lock(&dist->lock);
    int code = dist->table->exchange(values, sum.counts, sum.offsets, sum.parts, sum.part_counts,
                                     sum.part_offsets, &request);
    GKV_TRY_GOTO(gki_dist_end_operation(dist, code, &request, "a sum"));
    add_parts(dist, &sum);
    pthread_mutex_lock(&dist->lock);
    code = dist->table->gather(values, sum.counts, sum.offsets, &request);
    GKV_TRY_GOTO(gki_dist_end_operation(dist, code, &request, "a sum"));
done:
    free(sum.parts);
    free(sum.counts);
    return status;
}

gkv_status gkv_dist_sum(gkv_dist *dist, gkv_dist_type type, size_t n, void *values)
{
    if ((unsigned)type >= TYPES)
        return gki_fail(GKV_ERR_ARGUMENT, "%d is not a gkv_dist_type", (int)type);
    if (n > 0)
        GKV_NEED(values);
    const size_t most = GKI_DIST_BYTES_MAX / sizes[type];
    if (gkv_dist_size(dist) == 1)
        return GKV_OK;
    for (size_t first = 0; first < n; first += most)
        GKV_TRY(sum_piece(dist, type, n - first < most ? n - first : most,
                          (char *)values + first * sizes[type]));
    return GKV_OK;
}
