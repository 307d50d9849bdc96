/* Who does what of a plan: the ranks of an MPI job, or processes that were started with --shard.
 *
 * A model and the models that are fitted to its codes are done by one process, for each seed. */
#ifndef GKV_CLI_PLAN_SHARES_H
#define GKV_CLI_PLAN_SHARES_H

#include "plan.h"

/* About how much work the steps of a model are: its training or fit, and each of its evaluations.
 * Only ratios matter. */
typedef struct plan_cost {
    double make, eval;
} plan_cost;

/* The costs of all models [n_models], which the caller frees. */
plan_cost *plan_costs(const compare_plan *plan);

/* A piece of work: what has this key, and its cost. */
typedef struct plan_piece {
    size_t key;
    double cost;
} plan_piece;

/* Sorts by cost, the greatest first, and by key among equals. */
void plan_sort_pieces(plan_piece *pieces, size_t n);

/* The shard, 0 … shards − 1, of each model with each seed: [n_models, n_seeds], which the caller
 * frees. It depends on the plan and the number of shards alone, and not on what is finished. */
size_t *plan_shards(const compare_plan *plan, const bool *needed, size_t shards);

/* Refuses ranks that have another plan, configuration or other images than rank 0. */
int plan_check_inputs(const compare_plan *plan, const char *data_folder);

#endif
