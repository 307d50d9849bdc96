/* The parts of the fit of a mixture to rows: settings (mixture_input.c), the iterations of one
 * fit (mixture_fit.c), the search for its start (mixture_search.c, mixture_dense.c), and the public
 * functions (mixture_choose.c). */
#ifndef GKV_MIXTURE_FIT_H
#define GKV_MIXTURE_FIT_H

#include "core/call.h"
#include "mixture/em.h"

/* Checks settings and data. Returns GKV_ERR_ARGUMENT and GKV_ERR_DATA. */
gkv_status gki_mixture_check(size_t n, size_t d, const double *x,
                             const gkv_mgk_mixture_settings *set);

/* The greatest accepted decrease of the mean log-likelihood, absolute in nats and relative. It
 * allows for responsibilities that are left out, and for rounding. */
double gki_mixture_slack(double mean);

/* The tolerance of the fit, in nats of the whole sample. */
double gki_mixture_tolerance(const gki_em *em);

/* Iterates from the components of *em, reports the progress of `call`, and makes the result. The
 * caller frees *out, which is also a mixture if the call was stopped. */
gkv_status gki_mixture_run(gki_em *em, gki_call *call, double began, gkv_mgk_mixture **out,
                           gkv_mgk_mixture_result *result);

/* Makes the components of *em from the best of set->restarts starts, of as many with one component
 * more than `smaller`, and, unless `one` is NULL, of one that adds components to it one by one.
 * Starts with components below the least number of rows are the last choice. If the call is
 * stopped, the best start so far is taken. */
gkv_status gki_mixture_search(gki_em *em, gki_call *call, double began,
                              const gkv_mgk_mixture *smaller, const gkv_mgk_mixture *one);

/* Makes a component of the rows that are much denser than the mixture says, or NULL if there are
 * none. The caller frees *out with gkv_mgk_free. */
gkv_status gki_mixture_find_dense(const gki_em *em, const gkv_mgk_mixture *mixture, gkv_mgk **out);

/* Makes the components of *em from clusters of clamped rows, and iterates a few times. The caller
 * frees *out. */
gkv_status gki_mixture_quick(gki_em *em, gki_call *call, gkv_mgk_mixture **out);

#endif
