/* Benchmarks: the functions behind `gkvae bench`.
 *
 * They time training steps in memory, without a run folder, with a profile of the parts of
 * a step. They also time matrix products, as a measure of the machine. The trainer takes the
 * profile, separately for each thread. Without a profile there is no extra cost.
 *
 * Operations are counted densely: 2·in·out per image for each product of a linear layer, and as
 * much for each pixel and each tap of a convolution. The products are X Wᵀ forward, dYᵀ X for the
 * weights, and dY W for the inputs. The encoder's first layer has no dY W. The count includes the
 * zero pixels of an image, which the library may skip. A base with correlations adds d(d + 1) for
 * each triangular matrix, forward and for the gradient in the codes: for all components of a
 * mixture, although the gradient skips those without a responsibility. The count does not include
 * scores of margins, activations, losses and the optimiser.
 *
 * Thread-safety: a gki_bench_training is used by one thread at a time. The other functions may
 * be called from any thread, but timings of concurrent calls affect each other. */
#ifndef GKV_APP_SPEED_H
#define GKV_APP_SPEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/data.h"
#include "gkvae/model.h"
#include "gkvae/settings.h"
#include "nn/profile.h"

/* A training run as in gkv_train(), but in memory only. */
typedef struct gki_bench_training gki_bench_training;

/* Creates a training run on all images of the data set except data.validation of them. Takes
 * ownership of the data set, also on failure. The run has no semi-amortized fine-tuning
 * (train.fine_tune_epochs = 0). GKV_ERR_CONFIG for settings that cannot be built or too few images,
 * GKV_ERR_MEMORY. The caller frees *out with gki_bench_training_free(). */
GKV_MUST_USE gkv_status gki_bench_training_create(const gkv_settings *settings,
                                                  gkv_dataset *dataset, gki_bench_training **out);
void gki_bench_training_free(gki_bench_training *training); /* NULL does nothing. */

/* Does `steps` training steps on `threads` threads, 1 … train.threads. The steps must be within the
 * run's train.epochs. *seconds receives the wall-clock time, and *profile, unless it is NULL, the
 * time of each part. GKV_ERR_ARGUMENT for another number of threads or more steps than the run has
 * left, GKV_ERR_NUMERIC as gkv_train(), GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_bench_training_run(gki_bench_training *training, int threads,
                                               size_t steps, double *seconds,
                                               gki_bench_profile *profile);

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
GKV_MUST_USE gkv_status gki_bench_training_refit(gki_bench_training *training, int threads,
                                                 bool first, double *seconds);

/* Returns the number of steps between two refits after the first one, which may be a fraction. 0 if
 * a run has no such refits. */
double gki_bench_training_refit_steps(const gki_bench_training *training);

/* Returns the model in its current state. The training run owns it, and steps change it. */
gkv_model *gki_bench_training_model(gki_bench_training *training);

/* Return the number of images of a step, and the number of steps of an epoch. */
size_t gki_bench_training_batch(const gki_bench_training *training);
uint64_t gki_bench_training_epoch_steps(const gki_bench_training *training);

/* The operations of a model by the dense count above, and the memory that its optimiser moves. */
typedef struct gki_bench_operations {
    double training; /* A training step, forward and backward, per image. */
    double encoding; /* The encoding of one image. */
    double sample;   /* Base, the prior's flow and the decoder for one importance sample. */
    double draw;     /* The prior's flow and the decoder for one draw from the prior. */
    double updated;  /* The bytes that the optimiser reads and writes in a step. */
} gki_bench_operations;

/* Counts the operations of a model. */
void gki_bench_count(const gkv_model *model, gki_bench_operations *operations);

/* Times one product of square matrices of size n (1 … 16384) in single precision, by OpenBLAS on
 * `threads` threads (1 … 256). The product has 2n³ operations. A smaller one, untimed, precedes it.
 * Afterwards OpenBLAS has its former number of threads. GKV_ERR_ARGUMENT, GKV_ERR_MEMORY;
 * GKV_ERR_IO if OpenBLAS is not installed. */
GKV_MUST_USE gkv_status gki_bench_gemm(size_t n, int threads, double *seconds);

/* Measures the speed of memory by the triad of STREAM (McCalpin 1995), a ← b + 3c for three arrays
 * of 32 MiB, on `threads` threads (1 … 256): the best of three runs, in bytes read and written per
 * second. GKV_ERR_ARGUMENT, GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_bench_memory(int threads, double *bytes_per_second);
#endif
