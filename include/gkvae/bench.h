/* Benchmarks: the functions behind `gkvae bench`.
 *
 * They time training steps in memory, without a run folder, with a profile of the parts of
 * a step. They also time matrix products, as a measure of the machine. The trainer takes the
 * profile, separately for each thread. Without a profile there is no extra cost.
 *
 * Operations are counted densely: 2·in·out per image for each product of a linear layer. The
 * products are X Wᵀ forward, dYᵀ X for the weights, and dY W for the inputs. The encoder's
 * first layer has no dY W. The count includes the zero pixels of an image, which the library
 * may skip. It does not include activations, losses and the optimiser.
 *
 * Thread-safety: a gkv_bench_training is used by one thread at a time. The other functions may
 * be called from any thread, but timings of concurrent calls affect each other.
 *
 * No pointer may be NULL unless the comment of the function allows it: GKV_ERR_ARGUMENT. NULL
 * `options` are the defaults. Measurements report no progress, because that would cost time; a stop
 * waits for the end of the current step or product. */
#ifndef GKVAE_BENCH_H
#define GKVAE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/data.h"
#include "gkvae/model.h"
#include "gkvae/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The parts of a training step. A thread is always in one of the parts, so the sum over parts is
 * threads · time. */
typedef enum gkv_bench_part {
    GKV_BENCH_GEMM_FORWARD = 0, /* X Wᵀ + b of encoder and decoder; packing all weights */
    GKV_BENCH_GEMM_BACKWARD,    /* gradients of these in inputs, weights and biases */
    GKV_BENCH_ACTIVATIONS,      /* LayerNorm and SiLU, or the gate, forward and backward */
    GKV_BENCH_NOISE,            /* drawing u; computing z and log q from it, and their gradients */
    GKV_BENCH_FLOW,             /* the prior's flow, with the matrix products of its networks */
    GKV_BENCH_BASE,             /* the density of the base and its gradients */
    /* −log p(x|z), its gradient in the logits, and the sums of losses */
    GKV_BENCH_LOSS,
    /* the norm of the gradient, Adam, the moving average of the weights */
    GKV_BENCH_OPTIMISER,
    GKV_BENCH_DATA,    /* fetching, augmenting and binarizing images */
    GKV_BENCH_WAITING, /* waiting for other threads, and all other time */
    GKV_BENCH_PARTS
} gkv_bench_part;

/* Returns the name of a part, for example "GEMM forward"; NULL if there is no such part. */
GKV_API const char *gkv_bench_part_name(gkv_bench_part part);

/* The seconds of each part, summed over threads. */
typedef struct gkv_bench_profile {
    double seconds[GKV_BENCH_PARTS];
} gkv_bench_profile;

/* A training run as in gkv_train(), but in memory only. */
typedef struct gkv_bench_training gkv_bench_training;

/* Creates a training run on all images of the data set except data.validation of them. Takes
 * ownership of the data set, also on failure. The run has no semi-amortized fine-tuning
 * (train.fine_tune_epochs = 0). NULL settings are the defaults. GKV_ERR_CONFIG for settings that
 * cannot be built or too few images, GKV_ERR_MEMORY. The caller frees *out with
 * gkv_bench_training_free(); it is NULL after a failure. */
GKV_API GKV_MUST_USE gkv_status gkv_bench_training_create(gkv_dataset *dataset,
                                                          const gkv_settings *settings,
                                                          gkv_bench_training **out);
GKV_API void gkv_bench_training_free(gkv_bench_training *training); /* NULL does nothing. */

/* Does `steps` training steps, on at most train.threads threads; 0 are train.threads. The steps
 * must be within the run's train.epochs. *seconds receives the wall-clock time, and *profile,
 * unless it is NULL, the time of each part. GKV_ERR_ARGUMENT for more threads or more steps than
 * the run has, GKV_ERR_NUMERIC as gkv_train(), GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_bench_training_run(gkv_bench_training *training, size_t steps,
                                                       const gkv_run_options *options,
                                                       double *seconds, gkv_bench_profile *profile);

/* Refits the base once. Only the fit is timed, and *seconds receives the time.
 *
 * With `first` it is the first refit of a run, which starts from the codes. It may be repeated.
 * Without it is a later refit, which starts from the current base. If there was no first refit yet,
 * the function does one before, which is not timed.
 *
 * A refit uses fresh codes of as many images as in a run. A mixture with train.refit_steps differs.
 * After its first refit the run continues from the step at which that refit is due, and its steps
 * accumulate sufficient statistics. The function does the steps between two such refits, or the
 * last of them if there are many, and then refits to their statistics. These steps must be within
 * the run's train.epochs.
 *
 * *seconds is 0 if a run with these settings has no such refit, and if the first refit of a mixture
 * with train.refit_steps is rejected, because the next refit would then be a first one again.
 * GKV_ERR_ARGUMENT as above, GKV_ERR_NUMERIC as gkv_train(), GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_bench_training_refit(gkv_bench_training *training, bool first,
                                                         const gkv_run_options *options,
                                                         double *seconds);

/* Returns the number of steps between two refits after the first one, which may be a fraction. 0 if
 * a run has no such refits, and for NULL. */
GKV_API double gkv_bench_training_refit_steps(const gkv_bench_training *training);

/* Returns the model in its current state; NULL for NULL. The training run owns it, and steps change
 * it. */
GKV_API gkv_model *gkv_bench_training_model(gkv_bench_training *training);

/* Return the number of images of a step, and the number of steps of an epoch; 0 for NULL. */
GKV_API size_t gkv_bench_training_batch(const gkv_bench_training *training);
GKV_API uint64_t gkv_bench_training_epoch_steps(const gkv_bench_training *training);

/* The operations of a model by the dense count above. */
typedef struct gkv_bench_operations {
    double training; /* A training step, forward and backward, per image. */
    double encoding; /* The encoding of one image. */
    /* The prior's flow and the decoder for one importance sample, or one draw from the prior. */
    double sample;
} gkv_bench_operations;

/* Counts the operations of a model. A NULL pointer does nothing. */
GKV_API void gkv_bench_count(const gkv_model *model, gkv_bench_operations *operations);

/* Times one product of square matrices of size n (1 … 16384) in single precision, by OpenBLAS. The
 * product has 2n³ operations. An untimed product comes before it.
 * Afterwards OpenBLAS uses one thread again, as gkvae/model.h states. GKV_ERR_ARGUMENT,
 * GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_bench_gemm(size_t n, const gkv_run_options *options,
                                               double *seconds);

#ifdef __cplusplus
}
#endif
#endif
