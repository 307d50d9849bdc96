/* The Jacobian by difference quotients. */
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "lm/runner.h"

/* The length h of the difference in parameter j. It is proportional to |x_j|, but at least to the
 * size at which x_j contributes a thousandth of ‖D x‖ or of ‖r‖, whichever is larger. A difference
 * that changes the residuals by less has more rounding errors than digits. */
static double length_of(const gki_lm_runner *d, size_t l, size_t j)
{
    const gki_lm_lane *lane = &d->lane[l];
    const double scale = d->scale[j * d->kernels->lanes + l],
                 size = fabs(d->x[j * d->kernels->lanes + l]);
    const double extent = larger(lane->x_norm, lane->r_norm);
    const double least = scale > 0 && extent > 0 ? 1e-3 * extent / scale : 1e-4;
    /* √ε for one-sided and ∛ε for central differences: rounding and truncation errors are then
     * about equal. */
    return (lane->one_sided_stop ? 6.0554544523933395e-06 : 1.4901161193847656e-08) *
           larger(size, least);
}

/* Computes the residuals on one side of x in parameter j, for the lanes in `open` whose bounds
 * allow it. The difference quotients become column j of J. If the other side has been computed,
 * column j becomes the average of both. */
static gkv_status take_side(gki_lm_runner *d, gki_lm_task *task, size_t j, int side, int *open,
                            int *found)
{
    static const gki_lm_measure plain = {.loss = GKV_LM_SQUARES};
    const size_t lanes = d->kernels->lanes;
    int any = 0;
    for (size_t l = 0; l < lanes; l++) {
        const size_t at = j * lanes + l;
        const double x = d->x[at], h = length_of(d, l, j), shifted = side ? x - h : x + h;
        d->group.active[l] = open[l] && shifted >= d->low[at] && shifted <= d->high[at];
        d->shifted[at] = d->group.active[l] ? shifted : x;
        any |= d->group.active[l];
    }
    if (any) {
        GKV_TRY(gki_lm_evaluate(d, task, d->shifted, &plain));
        for (size_t l = 0; l < lanes; l++) {
            const size_t at = j * lanes + l;
            const int done = d->group.active[l] && d->numbers[l] < INFINITY;
            d->mask[l] = done ? d->shifted[at] - d->x[at] : 0.0;
            d->side_weight[l] = found[l] ? 0.5 : 1.0;
            found[l] |= done;
            open[l] &= !done || d->lane[l].one_sided_stop;
        }
        d->kernels->difference(d->n, d->residual, d->fresh, d->mask, d->side_weight,
                               d->system + j * d->n * lanes);
    }
    for (size_t l = 0; l < lanes; l++)
        d->shifted[j * lanes + l] = d->x[j * lanes + l];
    return GKV_OK;
}

gkv_status gki_lm_differences(gki_lm_runner *d, gki_lm_task *task)
{
    const size_t lanes = d->kernels->lanes;
    memcpy(d->shifted, d->x, d->p * lanes * sizeof *d->shifted);
    memset(d->system, 0, d->n * d->p * lanes * sizeof *d->system);
    for (size_t j = 0; j < d->p; j++) {
        int open[GKV_LM_LANES_MAX], found[GKV_LM_LANES_MAX] = {0};
        for (size_t l = 0; l < lanes; l++)
            open[l] = d->lane[l].wants_jacobian && d->fixed[j * lanes + l] == 0;
        for (int side = 0; side < 2; side++)
            GKV_TRY(take_side(d, task, j, side, open, found));
        for (size_t l = 0; l < lanes; l++) {
            gki_lm_lane *lane = &d->lane[l];
            if (open[l] && !found[l] && d->low[j * lanes + l] < d->high[j * lanes + l] &&
                !lane->fault) {
                lane->fault = GKV_LM_BAD_DIFFERENCE;
                lane->index = j;
                lane->result.stop = GKV_LM_FAULT;
            }
        }
    }
    return GKV_OK;
}
