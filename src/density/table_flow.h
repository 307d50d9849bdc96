/* A flow of whitened scores w[d] with a Student's t base: a prior flow (flow/flow.h) and a base
 * (base/base.h) without an encoder and a decoder. */
#ifndef GKV_DENSITY_TABLE_FLOW_H
#define GKV_DENSITY_TABLE_FLOW_H

#include "base/base.h"
#include "core/call.h"
#include "flow/flow.h"
#include "gkvae/density.h"

/* What a flow is made from. */
typedef struct gki_table_flow_spec {
    size_t d, layers, hidden; /* hidden: the width of the hidden layers of its networks */
    gkv_prior_flow_family family;
    double max_freedom; /* the greatest ν of the base */
    uint64_t seed;
} gki_table_flow_spec;

typedef struct gki_table_flow {
    gki_table_flow_spec spec;
    gki_params params;
    gki_plan plan;
    gki_slot w, d_w;
    gki_flow *flow;
    gki_base *base;
} gki_table_flow;

/* Finds the flow of this name among the values of model.prior_flow. GKV_ERR_ARGUMENT, with their
 * names in the message, if there is none. */
gkv_status gki_table_flow_find(const char *name, gkv_prior_flow_family *family);

/* Creates a flow that is the identity, or close to it. GKV_ERR_CONFIG, GKV_ERR_MEMORY. The caller
 * frees *out with gki_table_flow_free(); it is NULL after an error. */
gkv_status gki_table_flow_create(const gki_table_flow_spec *spec, gki_table_flow **out);

/* NULL is fine. */
void gki_table_flow_free(gki_table_flow *flow);

/* Writes the log densities of w[n × d] under `values`, which has the layout of params.values. */
gkv_status gki_table_flow_log_density(const gki_table_flow *flow, const gki_real *values, size_t n,
                                      const gki_real *w, int threads, double *log_density);

/* Turns standard normals w[n × d] into draws, in place. */
gkv_status gki_table_flow_transform(const gki_table_flow *flow, size_t n, gki_real *w, int threads);

/* The median ν of the base. */
double gki_table_flow_freedom(const gki_table_flow *flow);

/* --- Training: flow_training.c -------------------------------------------- */

/* The state of a training. The arrays have the layout of params.values; the current weights and
 * their moments are in params. */
typedef struct gki_flow_state {
    uint64_t step, best_step;
    double best;                /* the mean log density of the validation rows at best_step */
    uint64_t worse;             /* validations since then */
    gki_real *average, *chosen; /* the moving average of the weights, and the best one */
} gki_flow_state;

typedef struct gki_flow_rows {
    const gki_real *fit, *held_out; /* [n × d]; without held-out rows all updates are made */
    size_t n_fit, n_held_out;
} gki_flow_rows;

/* What the trainer calls between updates: after a validation, with its result, and else with NaN
 * every few updates. True stops the training. */
typedef bool gki_flow_report(void *context, const gki_flow_state *state, double held_out);

typedef struct gki_flow_training {
    double learning_rate, weight_decay;
    uint64_t updates; /* the limit */
    size_t patience;
    uint64_t seed, fold; /* address the order of rows */
    int threads;
    gki_flow_report *report;
    void *context;
} gki_flow_training;

/* Allocates the arrays of a state that begins with the weights of the flow; with `refit`, the base
 * is set to its fit to the rows. The caller frees the arrays with gki_flow_state_free(). */
gkv_status gki_flow_state_begin(const gki_table_flow *flow, const gki_flow_rows *rows, bool refit,
                                int threads, gki_flow_state *state);
void gki_flow_state_free(gki_flow_state *state);

/* Trains from the state. At the end the weights of the flow are state->chosen. *stopped says
 * whether report() stopped it; the flow's weights and the state are then those to continue from. */
gkv_status gki_flow_train(gki_table_flow *flow, const gki_flow_rows *rows,
                          const gki_flow_training *how, gki_flow_state *state, bool *stopped);

#endif
