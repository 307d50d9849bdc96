/* Messages that go on while the caller computes: from one rank to another, and from one to all. A
 * training step passes its sums from rank to rank by them. One message has at most 1 GiB.
 *
 * Each function returns GKV_ERR_IO if MPI fails. A transfer that has begun must be ended. Its
 * memory is left alone until then. */
#ifndef GKV_DIST_TRANSFER_H
#define GKV_DIST_TRANSFER_H

#include "dist/dist.h"

typedef struct gki_dist_transfer {
    void *request; /* NULL: it is done, or has not begun */
} gki_dist_transfer;

/* Begin to send bytes[n] to a rank, and to receive as many. Messages between two ranks arrive in
 * the order in which they were sent. */
gkv_status gki_dist_send(gkv_dist *dist, int destination, size_t n, const void *bytes,
                         gki_dist_transfer *out);
gkv_status gki_dist_receive(gkv_dist *dist, int from, size_t n, void *bytes,
                            gki_dist_transfer *out);

/* Begins to give bytes[n] of rank `root` to all ranks. All ranks begin their operations with all in
 * the same order, including those of gkvae/dist.h. */
gkv_status gki_dist_broadcast_begin(gkv_dist *dist, int root, size_t n, void *bytes,
                                    gki_dist_transfer *out);

/* Begins to give parts of all[] to all ranks: the lengths[r] bytes at offsets[r] that each rank r
 * has there. All ranks give the same arrays, which are left alone until the transfer ends. */
gkv_status gki_dist_gather_begin(gkv_dist *dist, const int *lengths, const int *offsets, void *all,
                                 gki_dist_transfer *out);

/* Waits for the transfer. */
gkv_status gki_dist_transfer_end(gkv_dist *dist, gki_dist_transfer *transfer);

#endif
