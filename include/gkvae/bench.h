/* How fast the library is on this machine: what `gkvae bench` measures with.
 *
 * Steps of training in memory, without a run folder, and where their time goes; the
 * machine's own speed in matrix products beside it. A profile is taken by the trainer
 * itself, each thread for itself, and costs nothing when nobody asks for one.
 *
 * Operations are counted densely: 2·in·out per image for each product of a linear layer,
 * X Wᵀ forward, dYᵀ X for the weights and dY W for the inputs, the last not for the
 * encoder's first layer. Nothing else counts: not what leaves out the zeros of an image
 * (that it may), and not activations, losses or the optimiser.
 *
 * Thread-safety: one thread a gkv_bench_training; the other functions from any thread,
 * but timings then disturb each other. */
#ifndef GKVAE_BENCH_H
#define GKVAE_BENCH_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/data.h"
#include "gkvae/model.h"
#include "gkvae/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The parts of a training step. What a thread does is always in one of them, so over all
 * of them they make up threads · time. */
typedef enum gkv_bench_part {
    GKV_BENCH_GEMM_FORWARD = 0, /* encoder's and decoder's X Wᵀ + b; packing all weights */
    GKV_BENCH_GEMM_BACKWARD,    /* their gradients in inputs, weights and biases */
    GKV_BENCH_ACTIVATIONS,      /* LayerNorm and SiLU, or the gate, forward and backward */
    GKV_BENCH_NOISE,            /* drawing u, z and log q from it, and their gradients */
    GKV_BENCH_FLOW,             /* the prior's flow, its nets' products included */
    GKV_BENCH_BASE,             /* the base's density and its gradients */
    GKV_BENCH_LOSS,             /* −log p(x|z), its gradient in the logits, and their sums */
    GKV_BENCH_OPTIMISER,        /* the gradient's norm, Adam, the average */
    GKV_BENCH_DATA,             /* gathering and binarizing images */
    GKV_BENCH_WAITING,          /* for other threads, and what no part accounts for */
    GKV_BENCH_PARTS
} gkv_bench_part;

/* As in "GEMM forward"; NULL for what is no part. */
GKV_API const char *gkv_bench_part_name(gkv_bench_part part);

/* Seconds of each part, summed over threads. */
typedef struct gkv_bench_profile {
    double seconds[GKV_BENCH_PARTS];
} gkv_bench_profile;

/* A model in training, as gkv_train() trains it, but in memory alone. */
typedef struct gkv_bench_training gkv_bench_training;

/* Takes the data set over, also on failure. Trains on all of it but data.validation images, and never
 * polishes.
 * GKV_ERR_CONFIG for settings that cannot be built or too few images, GKV_ERR_MEMORY. *out
 * is the caller's, to be freed with gkv_bench_training_free(). */
GKV_API GKV_MUST_USE gkv_status gkv_bench_training_create(const gkv_settings *settings, gkv_dataset *dataset,
                                                          gkv_bench_training **out);
GKV_API void gkv_bench_training_free(gkv_bench_training *training); /* NULL is fine */

/* Does so many steps of training on that many threads (1 … 256), which must be within the
 * run's train.epochs. *seconds is the time they took; unless profile is NULL it is where it
 * went. GKV_ERR_ARGUMENT for another number of threads or a run at its end, GKV_ERR_NUMERIC
 * as gkv_train(), GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_bench_training_run(gkv_bench_training *training, int threads, size_t steps,
                                                       double *seconds, gkv_bench_profile *profile);

/* Refits the base once; only the fit is timed. The first refit of a run begins from nothing, and can be asked for
 * again (`first` is not 0); all others begin from the base as it is. Both are to fresh codes of as many images as in a
 * run, but for a mixture with train.refit_steps: after its first refit the run goes on from where that would have been,
 * steps stats, and each other refit is by a stats of the steps from one such refit to the next, which are taken for it
 * (the last ones, if they are very many). They must be within the run's train.epochs. If there was no first refit one
 * is made, which is not timed. *seconds is 0 if the settings ask for no such refit, or if no first one moves the
 * mixture, after which a run would make no other. GKV_ERR_ARGUMENT as above, GKV_ERR_NUMERIC as gkv_train(),
 * GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_bench_training_refit(gkv_bench_training *training, int threads, int first,
                                                         double *seconds);

/* Steps from a refit to the next, after the first one; not always whole, and 0 if a run has no such refits. */
GKV_API double gkv_bench_training_refit_steps(const gkv_bench_training *training);

/* The model as trained so far; owned by the training and changed by its steps. */
GKV_API gkv_model *gkv_bench_training_model(gkv_bench_training *training);

/* Images of a step, and steps of an epoch. */
GKV_API size_t gkv_bench_training_batch(const gkv_bench_training *training);
GKV_API uint64_t gkv_bench_training_epoch_steps(const gkv_bench_training *training);

/* Operations of a model by the dense count: a training step's per image, forward and backward;
 * an encoding's per image; one importance sample's of an evaluation, prior's flow and decoder;
 * likewise one image's drawn from the prior. */
typedef struct gkv_bench_operations {
    double training, encoding, sample;
} gkv_bench_operations;

GKV_API void gkv_bench_count(const gkv_model *model, gkv_bench_operations *operations);

/* Times one product of square matrices of size n (1 … 16384) in single precision by the BLAS
 * that the library is linked to, on that many threads (1 … 256), after one that is not timed:
 * 2n³ operations. Afterwards OpenBLAS works on one thread, as gkvae/model.h says.
 * GKV_ERR_ARGUMENT, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_bench_gemm(size_t n, int threads, double *seconds);

#ifdef __cplusplus
}
#endif
#endif
