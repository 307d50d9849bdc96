/* From a maximum of the likelihood to greater ones near it or along one of its parameters. Each
 * function leaves the task and *best at the greatest maximum that it has found. */
#ifndef GKV_GKFIT_MLE_MOVES_H
#define GKV_GKFIT_MLE_MOVES_H

#include "gkfit/ascend.h"

/* Climbs from the variables of a copy, and keeps it if it is more likely than the task, or as
 * likely and verified. A climb that ends where the bounds allow no g is not an error: another start
 * may be better. */
void gki_gk_try_copy(const gki_gk_fit_common *common, gki_gk_task *copy, gki_gk_task *task,
                     gki_gk_point *best);

/* Climbs from a start in the units of the solvers, if it is possible with what is held. */
void gki_gk_try_start(const gki_gk_fit_common *common, const gki_gk_task *from, const gkv_gk *start,
                      gki_gk_task *task, gki_gk_point *best);

/* Follows the maximum over the other parameters as g increases and decreases, with at most about a
 * thousand values of the sample, and climbs from the maxima on the way. With `brief` the path ends
 * where the likelihood is far below that of the fit. Does nothing if g or k is held. */
gkv_status gki_gk_follow_g(const gki_gk_fit_common *common, gki_gk_task *task, bool brief,
                           gki_gk_point *best);

/* With a great |g| the likelihood can have another maximum with the opposite sign of g. Climbs from
 * the reflection of the fit about the median. */
void gki_gk_try_reflected(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best);

/* With a great |g| the density has a step at A, and the likelihood has a local maximum with A
 * between each two neighbouring values; with k at its bound also one with each edge of a half
 * between two. Moves A, and then B, a little, and climbs again, as long as this helps. In large
 * samples these maxima merge. */
void gki_gk_move_step(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best);

/* The same from the reflection of the fit. */
void gki_gk_move_reflected(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best);

/* Near a pole the likelihood may have a maximum with k at its bound, and others a little above it.
 * Climbs with k held at its bound or `above` it, and then with k free. */
void gki_gk_move_from_pole(const gki_gk_fit_common *common, gki_gk_task *task, double above,
                           gki_gk_point *best);

/* Near a pole the likelihood may have maxima with the edge of the density at several of the least
 * or the greatest values. Climbs from other skewnesses with k at its bound. */
void gki_gk_move_edge(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best);

#endif
