/* Conditional transforms: maps of single numbers x to y, in the normalising direction. The raw
 * parameters of each number are outputs of a network, which a coupling computes from the other
 * half, and an autoregressive map from the dimensions before it.
 *
 * A row has n numbers, and `width` raw parameters of each, in the order [width, n]: parameter p of
 * number i is element p·n + i. If all raw parameters are 0, the transform is the identity. All
 * finite raw parameters give an increasing map. The functions on rows follow the rules of
 * nn/layer.h.
 *
 * To add a transform, write one file with a gki_transform_ops, and its line in a step. */
#ifndef GKV_FLOW_TRANSFORM_H
#define GKV_FLOW_TRANSFORM_H

#include "flow/flow.h"

typedef struct gki_transform gki_transform;

typedef struct gki_transform_ops {
    /* The number of raw parameters of each number. */
    size_t (*width)(const gki_flow_spec *flow);
    /* Reserves the slots `kept`. */
    void (*reserve)(gki_transform *transform, gki_plan *plan);
    /* in and raw → out; adds log|∂out/∂in| to log_det. */
    void (*forward)(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count);
    /* d_out and d_log_det → d_in and d_raw. */
    void (*backward)(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count);
    /* t[count·each, n], tangents of `in`, become those of `out`. t_raw has rows of raw_width
     * elements, of which this transform's begin at raw_first: the tangents of the raw
     * parameters. */
    void (*tangent)(const gki_transform *transform, const gki_workspace *ws, size_t first,
                    size_t count, size_t each, const gki_real *t_raw, gki_real *t);
    /* out and raw → in. */
    void (*inverse)(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count);
} gki_transform_ops;

enum { GKV_TRANSFORM_KEPT = 9 }; /* most slots of what forward() keeps */

struct gki_transform {
    const gki_transform_ops *ops;
    gki_slot in, d_in, out, d_out; /* [rows, n] */
    gki_slot raw, d_raw;           /* [rows, raw_width]: the outputs of the network */
    size_t raw_first;              /* the first of these that is a parameter of this transform */
    gki_slot log_det, d_log_det;   /* [rows, 1] */
    gki_slot kept[GKV_TRANSFORM_KEPT];
    gki_real bound; /* of |log scale| */
    size_t repeats; /* the layers of the flow that transform a dimension */
    size_t bins;    /* of a spline */
    gki_real edge;  /* of a spline: it is linear outside [−edge, edge] */
};

/* The raw parameters of a row. */
static inline const gki_real *gki_transform_raw(const gki_transform *transform,
                                                const gki_workspace *ws, size_t row)
{
    return gki_at(ws, transform->raw, row) + transform->raw_first;
}

/* Where backward() writes their gradients. */
static inline gki_real *gki_transform_d_raw(const gki_transform *transform, gki_workspace *ws,
                                            size_t row)
{
    return gki_at(ws, transform->d_raw, row) + transform->raw_first;
}

extern const gki_transform_ops gki_transform_affine, gki_transform_spline, gki_transform_gk;

#endif
