/* Further starts for the maximum of the likelihood. */
#ifndef GKV_GKFIT_MLE_STARTS_H
#define GKV_GKFIT_MLE_STARTS_H

#include "gkfit/fit.h"

/* The greatest number of starts that are worth a whole ascent. */
enum { GKV_GK_STARTS = 4 };

typedef struct gki_gk_start {
    gkv_gk gk;    /* in the units of the solvers */
    double value; /* the log-likelihood of a thinned sample there */
} gki_gk_start;

/* A copy of a task for at most about a thousand of its values, with the weights of all. */
typedef struct gki_gk_thinned {
    gki_gk_task task;
    gkv_gk_sample sample;
    double *memory;     /* for the caller to free; NULL if all values are there */
    double represented; /* the number of values for each */
} gki_gk_thinned;

/* Equal intervals are one with a weight, so that there are few of them, and the likelihood needs no
 * thinning. */
gkv_status gki_gk_thin_out(const gki_gk_task *task, gki_gk_thinned *thin);

/* Raises the bound of k, which keeps it off the pole of the density. */
void gki_gk_keep_off_the_pole(const gki_gk_fit_common *common, gki_gk_task *task);

/* Begins a copy of a task at a start in the units of the solvers. Parameters that the settings hold
 * have their values in task->start. The copy shares the arrays of the task. */
gkv_status gki_gk_begin_at(const gki_gk_fit_common *common, const gki_gk_task *task,
                           const gkv_gk *start, gki_gk_task *copy);

/* Whether two starts are the same but for a hundredth of their scales. */
bool gki_gk_is_near(const gkv_gk *one, const gkv_gk *other);

/* Finds the most promising starts: a few steps are made from each of a list, for at most about a
 * thousand values of the sample, and the most likely points are kept that differ from each
 * other. With `brief` the steps are made from the most likely ones of a short list of usual
 * shapes. */
gkv_status gki_gk_starts(const gki_gk_fit_common *common, const gki_gk_task *task, bool brief,
                         gki_gk_start starts[GKV_GK_STARTS], size_t *count);

#endif
