/* The 256 grey levels of discretised likelihoods, and the edges between them.
 *
 * A distribution on the real line becomes one of levels: level v has the probability of the
 * interval from edge v to edge v + 1. The inner edges divide [−1 − 1/255, 1 + 1/255] into 256
 * parts, the widths of the levels. If they are equal, level v has its middle at v/127.5 − 1.
 * Learned widths are the softmax of GKV_LEVEL_EDGE_RATE times 256 logits, which are shared by all
 * values: a learned monotone transform of grey levels. Edges 0 and 256 are −∞ and ∞ instead, so
 * that the levels at the ends have the tails. */
#ifndef GKV_LIKELIHOOD_LEVEL_EDGES_H
#define GKV_LIKELIHOOD_LEVEL_EDGES_H

#include "likelihood/likelihood.h"
#include "likelihood/likelihood_kernels.h"

/* The factor of the logits. Adam moves a parameter by about the learning rate in each step, and
 * edges need larger steps than weights. */
enum { GKV_LEVEL_EDGE_RATE = 8 };

typedef struct gki_levels {
    bool learned;
    gki_param_id logits; /* likelihood.edges [GKV_LEVELS], if learned */
} gki_levels;

/* Adds the logits to the table, and the gradients of edges to the plan, if edges are learned. */
gkv_status gki_levels_create(bool learned, gki_likelihood *likelihood, gki_params *params,
                             gki_plan *plan, gki_levels *levels);

/* Computes the edges from the logits. */
void gki_levels_edges(const gki_levels *levels, const gki_params *params, gki_level_edges *edges);

/* Computes the middles of the levels, those of the first and the last one within the range. Edge v
 * moves the middles of levels v − 1 and v by one half. */
void gki_levels_middles(const gki_level_edges *edges, gki_real middles[GKV_LEVELS]);

/* Computes the gradient in the logits from those in the edges, summed over the rows of `d_edges`
 * [GKV_LEVELS]. Element v is the gradient in edge v; element 0 is not read. */
void gki_levels_gradient(const gki_levels *levels, gki_slot d_edges, gki_workspace *ws,
                         size_t rows);

/* The level of a value in [0, 1], the nearest whole number to 255·x. */
static inline size_t gki_level_of(gki_real x)
{
    const gki_real nearest = x * (GKV_LEVELS - 1) + (gki_real)0.5;
    return nearest >= GKV_LEVELS - 1 ? GKV_LEVELS - 1 : nearest > 0 ? (size_t)nearest : 0;
}

/* The level whose interval contains x. */
size_t gki_levels_find(const gki_level_edges *edges, double x);

#endif
