/* The sums of a training step whose batch is divided between processes.
 *
 * Most sums over rows are chains of additions in the order of rows (nn/layer.h). The process that
 * has the first rows begins a chain, and each process continues what it receives from the one
 * before (gki_shard). Buckets are ranges of the gradient that travel together. The other sums need
 * the rows of the whole batch, in few slots. They are those of scales and triangular matrices of
 * flows, and of the parameters of base, posterior noise and likelihood. */
#ifndef GKV_VAE_SHARDS_H
#define GKV_VAE_SHARDS_H

#include "vae/model.h"

/* Some parts of the gradient, and the range of the table's elements that they compute. */
typedef struct gki_shard_bucket {
    size_t first_part, parts;
    size_t offset, elements;
} gki_shard_bucket;

/* Makes the buckets of a model with memory for its parameters. Returns their number; `out` may be
 * NULL. */
size_t gki_shard_buckets(const gkv_model *model, gki_shard_bucket *out);

/* Whether the sums of a part are chains. Other parts are computed in a workspace of the whole
 * batch. A bucket may have some of them; what it holds for them is not meaningful. */
bool gki_shard_continues(const gkv_model *model, size_t part);

/* Tell the slots that must hold the rows of the whole batch for the gradient: those with a row for
 * each image, and those with a row for each draw. */
void gki_shard_image_slots(const gkv_model *model, gki_slot_visit *visit, void *context);
void gki_shard_slots(const gkv_model *model, gki_slot_visit *visit, void *context);

#endif
