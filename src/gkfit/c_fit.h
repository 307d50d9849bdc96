/* Fits in which c is estimated too.
 *
 * The other stages of a fit hold c. The likelihood is maximized over c on top of them: for each c
 * the other parameters are at the maximum for this c, the profile of c. Newton's method climbs this
 * profile, with the analytic derivative in c and the curvature of all five parameters. */
#ifndef GKV_GKFIT_C_FIT_H
#define GKV_GKFIT_C_FIT_H

#include "gk/score.h"
#include "gkfit/ascend.h"

/* The least and the greatest c of fits. */
#define GKI_GK_LEAST_C 0.001
#define GKI_GK_MOST_C 0.999

/* The data of a call for another c. `common` refers to `set`, so that it is not copied. */
typedef struct gki_gk_with_c {
    gki_gk_fit_common common;
    gkv_gk_fit_settings set;
} gki_gk_with_c;

/* Begins with the settings and the c of a call; and changes c. */
void gki_gk_with_c_begin(const gki_gk_fit_common *common, gki_gk_with_c *own);
void gki_gk_set_c(gki_gk_with_c *own, double c);

/* A point, with the derivatives in c at fixed variables v. */
typedef struct gki_gk_c_point {
    gki_gk_point point;
    double c;
    double slope;       /* ∂log L/∂c */
    double cross[4];    /* −∂²log L/∂c∂v */
    double information; /* −∂²log L/∂c² */
} gki_gk_c_point;

/* The sums over a sample of the scores s = ∂log f/∂(A,B,g,k,c), and of the products s_c s. */
typedef struct gki_gk_c_sums {
    double score[GKI_GK_WITH_C];
    double outer[GKI_GK_WITH_C];
} gki_gk_c_sums;

/* Adds those of n observations with the normal scores z; NULL weights are 1. */
void gki_gk_add_point_slopes(const gkv_gk *gk, size_t n, const double *z, const double *weights,
                             gki_gk_c_sums *sums);
/* Adds those of one observation. */
void gki_gk_add_slopes(double weight, const double s[GKI_GK_WITH_C], gki_gk_c_sums *sums);

/* Adds those of the intervals first … first + count − 1. */
void gki_gk_interval_data_c_sums(const gki_gk_interval_data *data, const gkv_gk *gk, size_t first,
                                 size_t count, gki_gk_c_sums *sums);

/* Computes the sums at gk, which is in the units of the solvers. */
void gki_gk_fit_c_sums(const gki_gk_fit_common *common, const gki_gk_task *task, const gkv_gk *gk,
                       gki_gk_c_sums *sums);

/* ∂k_min/∂c at g, by differences of fourth order. */
double gki_gk_k_min_in_c(const gkv_gk_fit_settings *set, double g);

/* Climbs from a start, which is in the units of the solvers, with c = start->c. *copy becomes a
 * copy of the task at the maximum. Returns false if the start is not possible with what the
 * settings hold. */
bool gki_gk_climb_at_c(gki_gk_with_c *own, const gki_gk_task *task, const gkv_gk *start,
                       gki_gk_task *copy, gki_gk_point *point);

/* Climbs from a start to a local maximum over c too, which is that of `own` then. The result
 * `converged` of the copy says whether the maximum is verified. Returns false as above. */
bool gki_gk_climb_over_c(gki_gk_with_c *own, const gki_gk_task *task, const gkv_gk *start,
                         gki_gk_task *copy, gki_gk_c_point *climbed);

/* Estimates c: after the mle of the task, with c of the settings, moves the task to the greatest
 * maximum over c, which is that of `own` then, and computes the covariance of all parameters and
 * result.c. Returns GKV_ERR_ARGUMENT if g is held at 0, and GKV_ERR_MEMORY. */
gkv_status gki_gk_estimate_c(gki_gk_with_c *own, gki_gk_task *task);

/* Whether the values determine c: its interval is inside (0, 1) and shorter than ½, and that of g
 * does not contain 0. */
bool gki_gk_determines_c(const gkv_gk_fit_result *result);

/* Computes result.c from the task with its covariance: the interval and what it says. */
void gki_gk_conclude_c(const gkv_gk_fit_settings *set, gkv_gk_fit_result *result);

#endif
