/* Where activations live.
 *
 * Building a model lays out a plan: every layer asks for slots, matrices with one
 * row an image and a fixed width. A workspace is the memory for a plan and a
 * number of rows. Several rows may be draws of one image: then the slots of images and of the
 * encoder have one row for them all, at row / draws. Slots that only the backward pass writes are left out of a
 * workspace for evaluation.
 *
 * Layers work on a range of rows and touch nothing else, so that different
 * threads run different rows of one workspace, or different workspaces, at once. */
#ifndef GKV_NN_WORKSPACE_H
#define GKV_NN_WORKSPACE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "nn/params.h"
#include "nn/profile.h"

typedef struct gkv_slot {
    size_t offset; /* columns before it in its stretch of the plan */
    size_t width;
    bool backward;
} gkv_slot;

typedef struct gkv_plan {
    size_t forward_width, backward_width;
} gkv_plan;

gkv_slot gkv_plan_forward(gkv_plan *plan, size_t width);
gkv_slot gkv_plan_backward(gkv_plan *plan, size_t width);

typedef struct gkv_workspace {
    gkv_real *forward, *backward; /* backward is NULL in a workspace for evaluation */
    gkv_real *packed;             /* weights as the forward product reads them, or NULL: below */
    bool packed_is_shared;        /* another workspace's */
    size_t rows;
    size_t draws;                 /* rows of an image: 1, but for who changes it */
    const gkv_params *params;     /* whose values and grads the layers use; borrowed */
    gkv_profile *profile;         /* who asks for the time of each part, or NULL; borrowed */
} gkv_workspace;

gkv_status gkv_workspace_create(const gkv_plan *plan, size_t rows, bool with_backward, const gkv_params *params,
                                gkv_workspace *out);
void gkv_workspace_free(gkv_workspace *ws); /* frees what it holds, not the struct */

/* Keeps room for packed weights. A layer packs its weight at every call, unless the
 * workspace holds it packed already; the result is the same to the bit. It pays where many
 * calls follow on one packing, and it is a promise: from now on all pieces are packed anew
 * after each change of the weights, before the next forward. Does nothing where OpenBLAS
 * computes the products. */
gkv_status gkv_workspace_keep_packed(gkv_workspace *ws);

/* Packs the current weights, in independent pieces (none without gkv_workspace_keep_packed). */
size_t gkv_workspace_pack_pieces(const gkv_workspace *ws);
void gkv_workspace_pack(const gkv_workspace *ws, size_t piece);

/* The same at once, on so many threads: for weights that stay as they are. */
gkv_status gkv_workspace_keep_all_packed(gkv_workspace *ws, int threads);

/* Uses the packed weights of another workspace with the same parameters, which outlives this one, in place of
 * any of its own. */
void gkv_workspace_share_packed(gkv_workspace *ws, const gkv_workspace *of);

/* A packed weight, or NULL. */
static inline const gkv_real *gkv_packed(const gkv_workspace *ws, gkv_param_id weight)
{
    return ws->packed ? ws->packed + ws->params->list[weight].packed_offset : NULL;
}

/* Row `row` of a slot. */
static inline gkv_real *gkv_at(const gkv_workspace *ws, gkv_slot slot, size_t row)
{
    gkv_real *stretch = slot.backward ? ws->backward : ws->forward;
    return stretch + slot.offset * ws->rows + row * slot.width;
}

#endif
