#include "dist/transfer.h"

static gkv_status check(const gkv_dist *dist, int rank, size_t n)
{
    if (rank < 0 || rank >= dist->size)
        return gki_fail(GKV_ERR_ARGUMENT, "rank %d: there are ranks 0 to %d", rank, dist->size - 1);
    if (n > GKI_DIST_BYTES_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "a message of %zu bytes: send several shorter ones", n);
    return GKV_OK;
}

gkv_status gki_dist_send(gkv_dist *dist, int destination, size_t n, const void *bytes,
                         gki_dist_transfer *out)
{
    out->request = NULL;
    GKV_TRY(check(dist, destination, n));
    pthread_mutex_lock(&dist->lock);
    return gki_dist_begun(
        dist, dist->table->send(destination, GKI_DIST_DATA, bytes, (int)n, &out->request),
        "a message");
}

gkv_status gki_dist_receive(gkv_dist *dist, int from, size_t n, void *bytes, gki_dist_transfer *out)
{
    out->request = NULL;
    GKV_TRY(check(dist, from, n));
    pthread_mutex_lock(&dist->lock);
    return gki_dist_begun(
        dist, dist->table->expect(from, GKI_DIST_DATA, bytes, (int)n, &out->request), "a message");
}

gkv_status gki_dist_broadcast_begin(gkv_dist *dist, int root, size_t n, void *bytes,
                                    gki_dist_transfer *out)
{
    out->request = NULL;
    GKV_TRY(check(dist, root, n));
    pthread_mutex_lock(&dist->lock);
    return gki_dist_begun(dist, dist->table->broadcast(root, bytes, (int)n, &out->request),
                          "a broadcast");
}

gkv_status gki_dist_gather_begin(gkv_dist *dist, const int *lengths, const int *offsets, void *all,
                                 gki_dist_transfer *out)
{
    out->request = NULL;
    pthread_mutex_lock(&dist->lock);
    return gki_dist_begun(dist, dist->table->gather(all, lengths, offsets, &out->request),
                          "a gathering");
}

gkv_status gki_dist_transfer_end(gkv_dist *dist, gki_dist_transfer *transfer)
{
    return gki_dist_wait(dist, &transfer->request, "a message");
}
