/* Measures how the time of a training step is divided among its parts.
 *
 * Each thread has its own clock. gki_profile_mark() attributes all time since the thread's last
 * mark to one part. So a mark follows the work that it names, and no time is lost or counted twice.
 * Without a profile, a mark costs one comparison. */
#ifndef GKV_NN_PROFILE_H
#define GKV_NN_PROFILE_H

#include "core/error.h"

/* The parts of a training step. A thread is always in one of the parts, so the sum over parts is
 * threads · time. */
typedef enum gki_bench_part {
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
} gki_bench_part;

/* Returns the name of a part, for example "GEMM forward"; NULL if there is no such part. */
const char *gki_bench_part_name(gki_bench_part part);

/* The seconds of each part, summed over threads. */
typedef struct gki_bench_profile {
    double seconds[GKV_BENCH_PARTS];
} gki_bench_profile;

typedef struct gki_profile_thread {
    /* time of the last mark in seconds; alignment: each thread has its own cache lines */
    _Alignas(64) double last;
    double seconds[GKV_BENCH_PARTS];
} gki_profile_thread;

typedef struct gki_profile {
    int threads;
    gki_profile_thread *thread; /* [threads] */
} gki_profile;

/* Makes a profile for a number of threads. GKV_ERR_MEMORY. */
gkv_status gki_profile_create(int threads, gki_profile *out);

/* Frees the members, not the struct. */
void gki_profile_free(gki_profile *profile);

/* Starts the clock of the calling thread, which is a member of an OpenMP team. NULL does
 * nothing. */
void gki_profile_begin(gki_profile *profile);

/* Attributes the time since the calling thread's last mark to a part. `profile` is not NULL. */
void gki_profile_add(gki_profile *profile, gki_bench_part part);

/* Sums the seconds of each part over the threads. */
void gki_profile_sum(const gki_profile *profile, gki_bench_profile *out);

/* As gki_profile_add(). NULL does nothing. */
static inline void gki_profile_mark(gki_profile *profile, gki_bench_part part)
{
    if (profile)
        gki_profile_add(profile, part);
}

#endif
