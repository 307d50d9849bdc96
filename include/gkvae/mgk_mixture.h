/* Finite mixtures of multivariate g-and-k distributions: f(x) = Σ_k π_k f_k(x), and their
 * fit by expectation–maximization (EM; Dempster, Laird and Rubin 1977), normal mixtures
 * included (margins with g = k = 0).
 *
 * A mixture never changes once made; threads and determinism as in gkvae/mgk.h. */
#ifndef GKVAE_MGK_MIXTURE_H
#define GKVAE_MGK_MIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/gk_fit.h"
#include "gkvae/mgk.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_mgk_mixture gkv_mgk_mixture;

/* Of copies of `count` ≥ 1 components, all of one dimension, with weights > 0 that are
 * scaled to sum to 1 (NULL: equal). The caller frees *out. GKV_ERR_ARGUMENT, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_create(size_t count, const double *weights,
                                                       const gkv_mgk *const *components, gkv_mgk_mixture **out);

/* NULL is fine. */
GKV_API void gkv_mgk_mixture_free(gkv_mgk_mixture *mixture);

GKV_API size_t gkv_mgk_mixture_count(const gkv_mgk_mixture *mixture);
GKV_API size_t gkv_mgk_mixture_dimensions(const gkv_mgk_mixture *mixture);
GKV_API const double *gkv_mgk_mixture_weights(const gkv_mgk_mixture *mixture); /* [count]; owned by it */
/* Component i < count; owned by the mixture. NULL if there is none. */
GKV_API const gkv_mgk *gkv_mgk_mixture_component(const gkv_mgk_mixture *mixture, size_t i);

/* log_pdf[i] = log f of row i of x[n × d]. −∞ where every component's is; NaN for NaN.
 * GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_log_pdf(const gkv_mgk_mixture *mixture, size_t n, const double *x,
                                                        int threads, double *log_pdf);

/* responsibilities[i·count + k] = π_k f_k(x_i)/f(x_i), and log_pdf[n] unless NULL. Rows whose
 * density is 0 get π; rows with NaN get NaN. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_responsibilities(const gkv_mgk_mixture *mixture, size_t n,
                                                                 const double *x, int threads, double *log_pdf,
                                                                 double *responsibilities);

/* Draws number first … first + n − 1 of the seed's sequence, x[n × d], and unless NULL the
 * component of each. Draw i is a pure function of seed and i. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_sample(const gkv_mgk_mixture *mixture, uint64_t seed, uint64_t first,
                                                       size_t n, int threads, double *x, size_t *component);

/* As gkv_mgk_marginal and gkv_mgk_conditional. The weights of a conditional are
 * π_k f_k(x_given), scaled; GKV_ERR_NUMERIC if every component gives x a density of 0.
 * Components whose weight falls to 0 are left out. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_marginal(const gkv_mgk_mixture *mixture, size_t count,
                                                         const size_t *which, gkv_mgk_mixture **out);
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_conditional(const gkv_mgk_mixture *mixture, size_t count,
                                                            const size_t *given, const double *x,
                                                            gkv_mgk_mixture **out);

/* --- The fit ----------------------------------------------------------------
 *
 * Start: k-means++ and a few rounds of k-means on robustly standardised rows. Then each
 * iteration
 *   E  r_ik = π_k f_k(x_i)/f(x_i), those below 1e-5 left out;
 *   M  every margin of every component by the quantile method (gkvae/gk_fit.h) with
 *      r_ik as weights, one batch; R_k from the weighted normal scores, shrunk; π_k = Σ_i r_ik/n.
 * The M-step does not maximize the likelihood, it is better than that against outliers
 * and nearly as efficient; so that nothing is lost by it, a component takes a step
 * only as far as Σ_i r_ik log f_k(x_i) does not fall: whole, half, a fifth, new R alone, or
 * none, after which it sits out a few. This makes it a generalized EM, whose log-likelihood never
 * decreases.
 *
 * The rows also have a component of noise, with Cauchy densities of the whole sample's
 * place and twice its spread, and of a weight (e^−300) that lets it have only rows that no
 * component can: so one absurd row costs a few hundred nats, not 10¹², and bends nothing. It is
 * no part of the mixture returned.
 *
 * A fit may also go on from a mixture, a few iterations at a time, as data arrive (`start`, `step`,
 * `keep`), and rows may be known to come from one group of components (`groups`).
 *
 * Most r_ik are 0 for all purposes: components 16 nats below the best one of a row (1e-7) are
 * looked at again in every sixth iteration only. */

typedef enum gkv_mgk_mixture_stop {
    GKV_MIXTURE_CONVERGED = 1, /* a gain below `tolerance`, twice running: EM is slow at the end,
                                  so that many more such gains may still be to come */
    GKV_MIXTURE_LIMIT,         /* max_iterations */
    GKV_MIXTURE_HELD_OUT,      /* no better on the held-out rows for `patience` iterations */
    GKV_MIXTURE_STALLED,       /* the log-likelihood fell by more than its tolerance: taken back */
    GKV_MIXTURE_ASKED          /* the monitor asked for it */
} gkv_mgk_mixture_stop;

/* Where a fit stands. Means are per row, in nats. */
typedef struct gkv_mgk_mixture_progress {
    int iteration;          /* 0: the start */
    size_t components;      /* alive */
    double log_likelihood;  /* mean log f of the rows of the fit */
    double held_out;        /* mean log f of the held-out rows; NaN without any */
    double seconds;         /* since the fit began */
    size_t damped, refused; /* components whose last step was shortened, and not taken */
} gkv_mgk_mixture_progress;

/* Called after every iteration, from the calling thread. Anything but 0 ends the fit, with
 * its best mixture so far. */
typedef int gkv_mgk_mixture_monitor(void *user, const gkv_mgk_mixture_progress *progress);

/* gkv_mgk_mixture_settings.tolerance: 0.01 nats up to N = 2000 observations, of which a likelihood
 * ratio notices nothing. Beyond, where iterations take longer and gains are small a row
 * before they are small in total, 0.01(N/2000)², but no more than 2e-4 nats a row. */
#define GKV_MGK_TOLERANCE_AUTO (-1.0)

typedef struct gkv_mgk_mixture_settings {
    size_t components;       /* 8; 1 … n */
    uint64_t seed;           /* 1: of the start */
    const gkv_mgk_mixture *start; /* NULL; a mixture of `components` components to go on from, in place
                                of k-means; not owned */
    double step;             /* 1: the share of the way to its fit that a component, and its weight,
                                tries to go at first; less keeps more of what earlier samples have
                                said, where each fit sees one of its own; in (0, 1] */
    int keep;                /* 0; 1: no component is dropped. One that has fewer than `least_rows` rows as
                                the fit goes on from `start` is put to better use: it takes half of
                                the heaviest component, and both move apart along its longest axis */
    size_t groups;           /* 0; rows of known origin: the components are divided into so many equal
                                groups, in order, and a row belongs to the components of its group
                                alone. log f(x_i) is then log Σ_{k in its group} π_k f_k(x_i) */
    const uint32_t *group;   /* [n] 0 … groups − 1; not owned */
    const uint32_t *held_out_group; /* [held_out_rows]; not owned */
    int max_iterations;      /* 200 */
    double tolerance;        /* GKV_MGK_TOLERANCE_AUTO, or ≥ 0 nats: of the whole sample, which is Σ w log f */
    int normal;              /* 0; 1 holds g = k = 0: a normal mixture, whose M-step is the exact one */
    int independent;         /* 0; 1 holds R = I */
    int shared_shapes;       /* 0; 1: a column has the same g and k in all components: their means by
                                precision. All components then take the same share of their step */
    double shrink;           /* GKV_MGK_SHRINK_AUTO (gkvae/mgk_fit.h) by each component's weight; or 0 … 1 */
    int shrink_shapes;       /* 1: g and k of a component's columns are drawn towards 0, by as much as
                                their errors are of their spread (empirical Bayes); 0: not */
    const double *weights;   /* [n] observations that each row stands for, ≥ 0; NULL is 1; not owned */
    double log_noise;        /* -300: log weight of the noise, see above; −∞ for none */
    double least_scale;      /* 1e-3: no margin's B below this share of the column's robust spread; > 0 */
    double least_rows;       /* 20: a component that has fewer rows keeps its shape, and one with
                                hardly any is dropped; ≥ 8 */
    const double *held_out;  /* [held_out_rows × d] rows that are watched, not fitted; NULL; not owned */
    size_t held_out_rows;
    int quick;               /* 0; 1: densities and scores in float, right to about 1e-6, and shares below 1e-3 left
                                out, for a few iterations at a time. log_likelihood is then that of the last E-step,
                                noise included, and there is none after the last M-step unless there are held-out
                                rows */
    int patience;            /* 10: iterations without a better held-out mean; what is returned is the best */
    gkv_gk_fit_settings margins; /* max_passes is 4 here; start is not used, and what is fixed stays as a
                                    component begins: g = k = 0 */
    const char *const *names; /* NULL, or [d] of the columns, for messages; not owned */
    gkv_mgk_mixture_monitor *monitor; /* NULL */
    void *monitor_user;
} gkv_mgk_mixture_settings;

typedef struct gkv_mgk_mixture_result {
    gkv_mgk_mixture_stop stop;
    int iterations;
    int best_iteration;          /* the one returned: the last, or the best on the held-out rows */
    size_t components, dropped;  /* returned; given up on the way */
    size_t revived;              /* put to better use at the start, see `keep` */
    double log_likelihood;       /* Σ_i log f(x_i) of the mixture returned */
    double held_out;             /* mean log f of the held-out rows; NaN without any */
    double largest_decrease;     /* of the mean log-likelihood from one iteration to the next */
    size_t damped, refused;      /* steps of components, over all iterations */
    double tolerance;            /* in nats of the whole sample, as used */
    size_t parameters;           /* count − 1 weights; A and B of every margin, and each g and k that is not exactly
                                    0, as `normal`, a column without a density and shapes that shrink
                                    all the way leave it, less what margins.fixed holds; d(d−1)/2 for every
                                    component whose R is not I. What is only shrunk counts in full,
                                    so that `aic` and `bic` are rather too large than too small */
    double aic, bic;
    double seconds;
} gkv_mgk_mixture_result;

/* Fills in the defaults that stand beside the settings. */
GKV_API void gkv_mgk_mixture_defaults(gkv_mgk_mixture_settings *settings);

/* Fits a mixture to x[n × d]. The caller frees *out; `settings` NULL takes the defaults,
 * `result` may be NULL. Not converging is no error: see `stop`. GKV_ERR_DATA names the
 * row and column, counted from 1, of a value that is not finite, or a constant column, or says that there
 * are fewer different rows than components; GKV_ERR_ARGUMENT for settings out of range;
 * GKV_ERR_MEMORY. Memory: about 3nd numbers and 12 bytes for each r_ik that counts. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_fit(size_t n, size_t d, const double *x,
                                                    const gkv_mgk_mixture_settings *settings, int threads,
                                                    gkv_mgk_mixture **out, gkv_mgk_mixture_result *result);

/* The reason in words; never NULL. */
GKV_API const char *gkv_mgk_mixture_stop_name(gkv_mgk_mixture_stop stop);

#ifdef __cplusplus
}
#endif
#endif
