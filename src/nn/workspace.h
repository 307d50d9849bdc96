/* The memory of activations.
 *
 * A model is first laid out as a plan. Every layer reserves slots in it. A slot is a matrix of
 * fixed width with one row for each image. A workspace is the memory for a plan and a number of
 * rows. If several rows are draws of one image, the slots of images and of the encoder have one row
 * for all of them, at index row / draws. A workspace for evaluation has no memory for slots that
 * only the backward pass writes.
 *
 * A layer works on a range of rows and touches no other rows. So different threads may work on
 * different rows of one workspace, or on different workspaces, at the same time. */
#ifndef GKV_NN_WORKSPACE_H
#define GKV_NN_WORKSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/error.h"
#include "nn/params.h"
#include "nn/profile.h"

typedef struct gki_slot {
    size_t offset; /* number of columns before the slot in its array */
    size_t width;  /* number of columns */
    bool backward; /* true for a slot in the array of the backward pass */
} gki_slot;

typedef struct gki_plan {
    size_t forward_width, backward_width; /* columns of all slots of each array */
} gki_plan;

/* Is told of slots. */
typedef void gki_slot_visit(void *context, gki_slot slot);

/* Reserve a slot for the forward or for the backward pass. */
gki_slot gki_plan_forward(gki_plan *plan, size_t width);
gki_slot gki_plan_backward(gki_plan *plan, size_t width);

typedef struct gki_workspace gki_workspace;

/* The place of a workspace in a batch whose images are divided between processes. Sums over rows
 * begin with the sums of the images before, which the gradients hold already. So they are the sums
 * of one process that has all images, to the bit. */
typedef struct gki_shard {
    size_t first;  /* the images of the batch before those of this workspace */
    size_t images; /* the images of the batch */
    /* the rows of all images, in the slots that vae/shards.h tells; no other slot is filled */
    const gki_workspace *batch;
} gki_shard;

struct gki_workspace {
    gki_real *forward;        /* slots of the forward pass */
    gki_real *backward;       /* slots of the backward pass; NULL in a workspace for evaluation */
    gki_real *packed;         /* packed weights (gki_workspace_keep_packed), or NULL */
    bool packed_streams;      /* they are too large to stay in a cache until they are used */
    bool packed_is_shared;    /* true if the packed weights belong to another workspace */
    gki_param_range kept;     /* the tensors whose weights are packed */
    size_t rows;              /* most rows that it holds */
    size_t draws;             /* rows of each image; 1 unless the caller changes it */
    const gki_params *params; /* the parameters that the layers use; borrowed */
    gki_profile *profile;     /* measures the time of each part, or NULL; borrowed */
    const gki_shard *shard;   /* the place of the rows in a divided batch, or NULL; borrowed */
};

/* Allocates a workspace of `rows` rows, filled with zeros. GKV_ERR_MEMORY. */
gkv_status gki_workspace_create(const gki_plan *plan, size_t rows, bool with_backward,
                                const gki_params *params, gki_workspace *out);

/* The rows of a workspace for evaluation: `most`, or fewer if that many need much memory, but at
 * least `least`. */
size_t gki_plan_rows(const gki_plan *plan, size_t least, size_t most);

/* Frees the members, not the struct. NULL is fine. */
void gki_workspace_free(gki_workspace *ws);

/* Allocates memory for packed weights. Without them a layer packs its weight at every call; the
 * result is the same to the bit. Packed weights save time if many calls use the same weights. From
 * now on the caller packs all pieces again after each change of the weights, before the next
 * forward pass. Does nothing if OpenBLAS computes the products. GKV_ERR_MEMORY. */
gkv_status gki_workspace_keep_packed(gki_workspace *ws);

/* The number of pieces in which the current weights are packed, and the packing of one piece.
 * Pieces are independent. The number is 0 without gki_workspace_keep_packed(). */
size_t gki_workspace_pack_pieces(const gki_workspace *ws);
void gki_workspace_pack(const gki_workspace *ws, size_t piece);

/* Allocates packed weights and packs all pieces, on `threads` threads. For weights that do not
 * change any more. GKV_ERR_MEMORY. */
gkv_status gki_workspace_keep_all_packed(gki_workspace *ws, int threads);

/* Does the same for the weights of some tensors only, for passes that use no others. */
gkv_status gki_workspace_keep_some_packed(gki_workspace *ws, gki_param_range kept, int threads);

/* Replaces the packed weights by those of another workspace. That workspace has the same parameters
 * and outlives this one. */
void gki_workspace_share_packed(gki_workspace *ws, const gki_workspace *shared);

/* The packed weight, or NULL if the workspace does not have it. */
static inline const gki_real *gki_packed(const gki_workspace *ws, gki_param_id weight)
{
    if (!ws->packed || weight < ws->kept.first || weight >= ws->kept.end)
        return NULL;
    const gki_param *list = ws->params->list;
    return ws->packed + (list[weight].packed_offset - list[ws->kept.first].packed_offset);
}

/* Row `row` of a slot. For a slot of the backward pass, the workspace has one. */
static inline gki_real *gki_at(const gki_workspace *ws, gki_slot slot, size_t row)
{
    gki_real *array = slot.backward ? ws->backward : ws->forward;
    return array + slot.offset * ws->rows + row * slot.width;
}

/* Whether sums over the rows of a workspace begin with the sums of the images before. */
static inline bool gki_sums_continue(const gki_workspace *ws)
{
    return ws->shard && ws->shard->first > 0;
}

/* Begins sums over the rows of a workspace: with zeros, or with what is there. */
static inline void gki_sums_begin(const gki_workspace *ws, size_t count, gki_real *sums)
{
    if (!gki_sums_continue(ws))
        memset(sums, 0, count * sizeof *sums);
}

#endif
