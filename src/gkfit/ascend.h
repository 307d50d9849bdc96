/* The ascent from a start to a local maximum of the likelihood. The variables are those of
 * fit.h. */
#ifndef GKV_GKFIT_ASCEND_H
#define GKV_GKFIT_ASCEND_H

#include "gkfit/fit.h"

/* A point and the derivatives of the log-likelihood there. */
typedef struct gki_gk_point {
    double v[4];              /* the variables */
    double value;             /* the log-likelihood */
    double gradient[4];       /* ∇ */
    double information[4][4]; /* M = −Σ ∇∇ log f */
    double outer[4][4];       /* O = Σ ∇log f ∇log fᵀ */
    gki_gk_sums sums;         /* derivatives in A, B, g, k */
    /* at a corner of k_min(g): 1 if the derivatives are those for greater |g|, −1 if for smaller */
    int side;
} gki_gk_point;

/* Computes the other members of a point from its variables. */
void gki_gk_point_evaluate(const gki_gk_fit_common *common, const gki_gk_task *task,
                           gki_gk_point *point);

/* The g > 0 from which on k_min(g) is −½, or ∞. */
double gki_gk_corner_of(const gki_gk_fit_common *common);

/* A maximum that is known already. */
typedef struct gki_gk_known {
    double v[4]; /* its variables, with the same units and bounds */
    double value;
} gki_gk_known;

/* When an ascent ends before a maximum is verified. */
typedef struct gki_gk_purpose {
    size_t limit;  /* the greatest number of steps */
    double enough; /* the gain by the model of a step after which it ends; 0 for a verified end */
    /* gives up where the model says that one of these is the end */
    const gki_gk_known *known;
    size_t known_count;
} gki_gk_purpose;

/* Moves a point, which has been evaluated, to a local maximum within the bounds of the task. The
 * steps are added to *steps. Returns true if the maximum is verified: the gradient in the variables
 * that are neither fixed nor at a bound is 0 within a small fraction of a standard error, the
 * information in them is positive definite, and the likelihood decreases from each bound
 * inwards. */
bool gki_gk_ascend(const gki_gk_fit_common *common, const gki_gk_task *task,
                   const gki_gk_purpose *purpose, gki_gk_point *point, size_t *steps);

#endif
