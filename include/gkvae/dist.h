/* Several processes that work together: the ranks of an MPI job, or one process alone.
 *
 * gkv_dist_open() learns from the environment how the process was started. A process that no MPI
 * launcher started, or that was started alone, is rank 0 of 1, and MPI is not loaded. Otherwise the
 * library loads the small shared object libgkvae-openmpi.so or libgkvae-mpich.so, which the build
 * makes with -DGKV_MPI=ON. No other part of gkvae knows of MPI. docs/cluster.md is the guide.
 *
 * Every rank must call the same functions in the same order with the same sizes. NULL stands for
 * one process alone wherever a gkv_dist is an argument. Sums are the same bits however messages
 * travel: see gkv_dist_sum(). A rank that fails, dies or stops ends the job: see gkv_dist_close().
 *
 * Thread-safety: one thread at a time calls these functions. A thread of the library watches the
 * other ranks meanwhile. A process opens MPI once. */
#ifndef GKVAE_DIST_H
#define GKVAE_DIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_dist gkv_dist;

/* --- Start and end -------------------------------------------------------- */

/* What a launcher says in the environment. */
typedef struct gkv_dist_launch {
    /* The number of processes that were started together; 1: alone; 0: only MPI knows. */
    int size;
    int rank;             /* The number of this one, from 0. */
    const char *launcher; /* Its name, as in "Open MPI's mpirun"; NULL if there is none. Static. */
    const char *variable; /* The variable that has the size. Static; NULL if there is none. */
} gkv_dist_launch;

/* Reads the environment variables of launchers: Open MPI's and MPICH's mpirun, PMIx, MVAPICH, and
 * Slurm's srun. The tasks of a Slurm array are alone. So is every process whose variable GKVAE_MPI
 * is "off". Thread-safe. */
GKV_API gkv_dist_launch gkv_dist_launched(void);

/* Receives the texts of other ranks (gkv_dist_tell), and a text about a rank that failed, just
 * before the job ends. It is called on rank 0, and on other ranks only if rank 0 is lost, by the
 * thread that watches the ranks or by gkv_dist_close(). `text` begins with the name of the rank. Of
 * this header it may call gkv_dist_name(), gkv_dist_rank() and gkv_dist_size() only: the others
 * wait for a lock that the thread holds. */
typedef void gkv_dist_report(void *context, const char *text);

/* Joins the ranks that the launcher started, all of which must call it. *out is NULL after a
 * failure; gkv_dist_close() frees it. `report` may be NULL, which ignores the texts.
 *
 * The variable GKVAE_MPI names another MPI than the launcher suggests, "openmpi" or "mpich", or the
 * path of the shared object. GKV_ERR_CONFIG if the launcher started several processes and the
 * shared object is missing, does not load, or is of another version or another MPI than the
 * launcher, or if the variable GKVAE_MPI_MEMORY of a rank is neither "shared", "separate" nor
 * empty; GKV_ERR_IO if MPI fails; GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_dist_open(gkv_dist_report *report, void *context,
                                              gkv_dist **out);

/* Leaves the ranks and frees the handle. `code` is the exit code of this rank, 0 if it has done its
 * work, and `message` what to report of it if that is not 0. NULL and "" report nothing.
 *
 * It returns once all ranks have called it, with the code of the first rank whose code is not 0. If
 * a rank has failed and others do not come within 3 seconds, rank 0 ends the whole job with that
 * code and the function does not return. The job ends likewise, with code 5, if a rank does not
 * answer for 15 seconds: it was stopped, or its machine is gone. NULL `dist` returns the code. */
GKV_API int gkv_dist_close(gkv_dist *dist, int code, const char *message);

/* --- Ranks ---------------------------------------------------------------- */

/* The number of this rank, 0 … size − 1, and the number of ranks. */
GKV_API int gkv_dist_rank(const gkv_dist *dist);
GKV_API int gkv_dist_size(const gkv_dist *dist);

/* What to call a rank in messages, as in "rank 2 (node7, process 4711)". Valid until
 * gkv_dist_close(); "" for a number outside 0 … size − 1. */
GKV_API const char *gkv_dist_name(const gkv_dist *dist, int rank);

/* The number of processors for each rank: those that it may use, divided by the number of ranks on
 * the same machine that may use the same ones. It is also the default number of threads of all
 * calls of the library from gkv_dist_open() on. */
GKV_API int gkv_dist_processors(const gkv_dist *dist);

/* The part of `count` things that a rank gets: `*n` of them from `*first`. The parts are
 * contiguous, in the order of ranks. Their sizes are multiples of `unit`, except for the last part,
 * and differ by one unit at most. A unit of 0 counts as 1. A rank outside 0 … size − 1 gets none
 * (*first = *n = 0), and nothing happens for NULL. */
GKV_API void gkv_dist_range(size_t count, size_t unit, int rank, int size, size_t *first,
                            size_t *n);

/* --- Operations of all ranks ---------------------------------------------- */

/* Each of these returns GKV_ERR_IO if MPI fails and GKV_ERR_MEMORY without memory. Waiting ranks
 * leave their processors to others. With one rank they do nothing, or copy. GKV_ERR_ARGUMENT for
 * NULL where there are bytes to read or write. */

/* Returns once all ranks have called it. */
GKV_API GKV_MUST_USE gkv_status gkv_dist_barrier(gkv_dist *dist);

typedef enum gkv_dist_type {
    GKV_DIST_DOUBLE, /* double */
    GKV_DIST_FLOAT,  /* float */
    GKV_DIST_COUNT   /* uint64_t */
} gkv_dist_type;

/* Replaces values[n] on every rank by their sums over ranks.
 *
 * The order of each sum is that of a binary tree over ranks and depends on the number of ranks
 * alone: ((0 + 1) + (2 + 3)) + ((4 + 5) + …). So if 2ᵏ parts are added in such a tree within each
 * rank first, 1, 2, 4, … ranks give the same bits. Each rank adds a slice of the values of all
 * ranks and sends it to them. Traffic is thus that of a ring: 2 (N − 1)/N of the values. */
GKV_API GKV_MUST_USE gkv_status gkv_dist_sum(gkv_dist *dist, gkv_dist_type type, size_t n,
                                             void *values);

/* Gives bytes[n] of rank `root` to all ranks. */
GKV_API GKV_MUST_USE gkv_status gkv_dist_broadcast(gkv_dist *dist, int root, size_t n, void *bytes);

/* Gives the bytes of all ranks to all ranks: all[Σ lengths] receives mine[lengths[rank]] of each
 * rank, in the order of ranks. All ranks give the same lengths[size]. `mine` may lie in its own
 * place in `all`. */
GKV_API GKV_MUST_USE gkv_status gkv_dist_gather(gkv_dist *dist, const size_t *lengths,
                                                const void *mine, void *all);

/* The same for parts by gkv_dist_range(): all[count] elements of `size` bytes, of which each rank
 * has filled its own part. */
GKV_API GKV_MUST_USE gkv_status gkv_dist_share(gkv_dist *dist, size_t count, size_t unit,
                                               size_t size, void *all);

/* Lets all ranks fail together. If `mine` is GKV_OK on all ranks, it returns GKV_OK. Otherwise
 * every rank gets the status, the message and the remedy of the first rank that failed; the message
 * begins with that rank's name. A rank that fails alone calls it before it returns, while the
 * others call it to learn of that; those that wait in another function wait until the job ends. */
GKV_API GKV_MUST_USE gkv_status gkv_dist_agree(gkv_dist *dist, gkv_status mine);

/* GKV_ERR_CONFIG on all ranks unless all ranks have the same text. `what` names it in the message,
 * as in "the SHA-256 of the test images", and `advice` says what to do; NULL: nothing. */
GKV_API GKV_MUST_USE gkv_status gkv_dist_same(gkv_dist *dist, const char *what, const char *text,
                                              const char *advice);

/* Sends a text to rank 0, whose gkv_dist_report gets it with the name of this rank. Any rank but 0
 * may call it at any time. The text is cut after 2,000 bytes. GKV_ERR_ARGUMENT on rank 0 and for
 * NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_dist_tell(gkv_dist *dist, const char *text);

/* The next number, from 0, of a counter that all ranks share: *ticket. Any rank may call it at any
 * time. Ranks that take their work by it need no other agreement. NULL `dist` has one counter for
 * the process. GKV_ERR_ARGUMENT for NULL `ticket`. */
GKV_API GKV_MUST_USE gkv_status gkv_dist_next(gkv_dist *dist, uint64_t *ticket);

#ifdef __cplusplus
}
#endif
#endif
