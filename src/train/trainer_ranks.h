/* A training step of several ranks (gkvae/dist.h). The images of each batch are divided between
 * them, in their order, and every rank ends the step with the same bits, which are those of one
 * process alone.
 *
 * Each rank passes its images forward and backward. Then the ranks exchange what needs every image:
 * the losses, the codes of a refit, and the rows of sums that are not chains. The gradient follows
 * in buckets (vae/shards.h). Rank 0 begins each bucket, every rank adds its images to what the rank
 * before sends, and the last rank gives each its part of the result. Ranks work on different
 * buckets meanwhile, so messages and products overlap. Statistics of the base are one more bucket,
 * which all get.
 *
 * Each rank then updates its part of the parameters, a range of chunks of the optimiser, and gives
 * their values to all. It has the moments and the average of its part alone; they are collected
 * when they are needed. The parameters of the base are every rank's: all have their gradient. */
#ifndef GKV_TRAIN_TRAINER_RANKS_H
#define GKV_TRAIN_TRAINER_RANKS_H

#include "dist/transfer.h"
#include "vae/shards.h"

/* The pieces in which a rank updates its part, and gives it to all while it updates the next. */
enum { GKI_RANKS_PIECES = 4 };

/* A list of slots. */
typedef struct gki_slot_list {
    gki_slot *list;
    size_t count, capacity;
    bool failed; /* there was no memory for one of them */
} gki_slot_list;

/* Functions of a step are called on the thread of the trainer, one at a time. After a failure they
 * do nothing, and `status` is that of the failure. */
typedef struct gki_ranks {
    gkv_dist *dist;
    int rank, size;
    const gkv_model *model;
    /* the model's table, whose gradients are the sums up to this rank's images; on the last rank,
     * and for `batch`, they are the model's own, the sums over all images */
    gki_params own;
    gki_real *sums; /* the memory of these gradients; NULL on the last rank */
    gki_workspace batch;
    gki_shard shard; /* the place of this rank's images in the batch of the step */
    size_t images;   /* of this rank */
    size_t unit;     /* images that may not be divided */
    /* the slots that are exchanged: those with a row for each image, those with a row for each
     * draw, and those for a refit to codes */
    gki_slot_list of_images, of_draws, of_codes;
    char *blocks; /* what is exchanged, a block for each rank */
    size_t *lengths;
    gki_shard_bucket *buckets;
    size_t bucket_count;
    /* of each bucket, the last for the statistics [bucket_count + 1] */
    gki_dist_transfer *received, *sent;
    /* of each bucket and rank on the last rank, else of each bucket [bucket_count + 1, size] */
    gki_dist_transfer *given;
    /* the values of the parameters in pieces: transfers, and lengths and offsets by rank */
    gki_dist_transfer updated[GKI_RANKS_PIECES];
    int *lengths_of_values;             /* [GKI_RANKS_PIECES, 2, size] */
    gki_base_stats *stats, *stats_sums; /* over all images, and up to this rank's */
    bool stop; /* before a step: whether this rank was asked to stop; after it: whether any was */
    gkv_status status;
} gki_ranks;

/* What a step exchanges, besides what every step does. */
typedef struct gki_ranks_exchange {
    bool codes;     /* the slots for a refit to codes */
    double *losses; /* numbers of each image [images, 2], or NULL */
    /* the statistics before the step, or NULL if the step does not add to them */
    gki_base_stats *stats;
} gki_ranks_exchange;

/* Creates the ranks of a model for steps of at most `images` images of `draws` draws. `has_stats`:
 * whether there are statistics of the base. The caller frees *out with gki_ranks_free().
 * GKV_ERR_MEMORY. */
gkv_status gki_ranks_create(gkv_dist *dist, const gkv_model *model, size_t images, size_t draws,
                            bool has_stats, gki_ranks **out);
void gki_ranks_free(gki_ranks *ranks); /* NULL is fine */

/* The most images of a rank, if so many images are divided by units. */
size_t gki_ranks_most(const gki_ranks *ranks, size_t images, size_t unit);

/* Divides the images of a step: shard and images. */
void gki_ranks_divide(gki_ranks *ranks, size_t images, size_t unit, size_t draws);

/* Exchanges the rows of `ws`, which holds the images of this rank after their passes. */
void gki_ranks_exchange_rows(gki_ranks *ranks, const gki_workspace *ws,
                             const gki_ranks_exchange *exchange);

/* Begins the buckets of a step, after the exchange; the statistics are one if `exchange` has
 * them. */
void gki_ranks_begin(gki_ranks *ranks, const gki_ranks_exchange *exchange);

/* Before and after this rank adds its images to a bucket; number bucket_count is the statistics. */
void gki_ranks_receive(gki_ranks *ranks, size_t bucket);
void gki_ranks_send(gki_ranks *ranks, size_t bucket);

/* Waits for all buckets. */
void gki_ranks_end(gki_ranks *ranks);

/* The elements of the parameters that a rank updates. */
void gki_ranks_part(const gki_ranks *ranks, int rank, size_t *first, size_t *count);

/* The chunks of a piece of this rank's part. */
void gki_ranks_piece(const gki_ranks *ranks, int piece, long *first, long *end);

/* Gives the sums of squares of all chunks to all ranks, each of which has those of its part. */
void gki_ranks_share_squares(gki_ranks *ranks, double *squares);

/* Begins to give the values of a piece to all, and waits for all pieces. */
void gki_ranks_give_values(gki_ranks *ranks, int piece);
void gki_ranks_end_values(gki_ranks *ranks);

/* Gives an array of the table's size, such as a moment, to all ranks. */
gkv_status gki_ranks_collect(const gki_ranks *ranks, gki_real *array);

/* Takes the statistics that a step has summed. */
void gki_ranks_take_stats(const gki_ranks *ranks, gki_base_stats *stats);

/* GKV_ERR_CONFIG on all ranks unless they have the same weights. `epoch` is for the message. */
gkv_status gki_ranks_check_weights(const gki_ranks *ranks, uint64_t epoch);

#endif
