/* The Jacobian by difference quotients, and the covariance (JᵀJ)⁻¹ from the triangle R of J.
 *
 * With C = diag(1/column norms) and the pivoted factorization R C P = Q' S, it is C P S⁻¹ S⁻ᵀ Pᵀ
 * C. The columns of R C have unit norm, so that the rank does not depend on the units of the
 * parameters. The code is scalar, because it runs once for each problem, on p × p numbers. */
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "lm/runner.h"

/* --- Differences ---------------------------------------------------------- */

/* The length h of the difference in parameter j. It is proportional to |x_j|, but at least to the
 * size at which x_j contributes a thousandth of ‖D x‖ or of ‖r‖, whichever is larger. A difference
 * that changes the residuals by less has more rounding errors than digits. */
static double length_of(const gki_lm_runner *runner, size_t l, size_t j)
{
    const gki_lm_lane *lane = &runner->lane[l];
    const double scale = runner->scale[j * runner->kernels->lanes + l],
                 size = fabs(runner->x[j * runner->kernels->lanes + l]);
    const double extent = larger(lane->x_norm, lane->r_norm);
    const double least = scale > 0 && extent > 0 ? 1e-3 * extent / scale : 1e-4;
    /* √ε for one-sided and ∛ε for central differences: rounding and truncation errors are then
     * about equal. */
    const double part =
        lane->one_sided_stop
            ? 6.0554544523933395e-06 * fabs(runner->adapted[j * runner->kernels->lanes + l])
            : 1.4901161193847656e-08;
    return larger(part * larger(size, least), 1e-13 * size);
}

/* How much the slopes on both sides of x differ, ‖a − b‖/(‖a‖ + ‖b‖), or NaN if both are 0. The
 * first one is column j of J. */
static double difference_of_sides(const gki_lm_runner *runner, size_t l, size_t j)
{
    const size_t lanes = runner->kernels->lanes;
    const double *column = runner->system + j * runner->n * lanes;
    double side_difference = 0.0, one = 0.0, other = 0.0;
    for (size_t i = l; i < runner->n * lanes; i += lanes) {
        const double a = column[i], b = (runner->fresh[i] - runner->residual[i]) / runner->mask[l];
        side_difference += (a - b) * (a - b);
        one += a * a;
        other += b * b;
    }
    return sqrt(side_difference) / (sqrt(one) + sqrt(other));
}

/* Computes the residuals on one side of x in parameter j, for the lanes in `open` whose bounds
 * allow it. The difference quotients become column j of J. If the other side has been computed,
 * column j becomes the average of both, and side_difference[l] how much they differ. */
static gkv_status take_side(gki_lm_runner *runner, gki_lm_task *task, size_t j, int side, int *open,
                            int *found, double *side_difference)
{
    static const gki_lm_measure plain = {.loss = GKV_LM_SQUARES};
    const size_t lanes = runner->kernels->lanes;
    int any = 0;
    for (size_t l = 0; l < lanes; l++) {
        const size_t index = j * lanes + l;
        const double x = runner->x[index], h = length_of(runner, l, j),
                     shifted = side ? x - h : x + h;
        runner->group.active[l] =
            open[l] && shifted >= runner->low[index] && shifted <= runner->high[index];
        runner->shifted[index] = runner->group.active[l] ? shifted : x;
        any |= runner->group.active[l];
    }
    if (any) {
        const unsigned long before = gki_failures();
        GKV_TRY(gki_lm_take_residuals(
            runner, task->residuals(task->context, &runner->group, runner->shifted, runner->fresh),
            before, &plain));
        for (size_t l = 0; l < lanes; l++) {
            const size_t index = j * lanes + l;
            const int done = runner->group.active[l] && runner->numbers[l] < INFINITY;
            runner->mask[l] = done ? runner->shifted[index] - runner->x[index] : 0.0;
            runner->side_weight[l] = found[l] ? 0.5 : 1.0;
            if (done && found[l])
                side_difference[l] = difference_of_sides(runner, l, j);
            found[l] |= done;
            open[l] &= !done || runner->lane[l].one_sided_stop;
        }
        runner->kernels->difference(runner->n, runner->residual, runner->fresh, runner->mask,
                                    runner->side_weight, runner->system + j * runner->n * lanes);
    }
    for (size_t l = 0; l < lanes; l++)
        runner->shifted[j * lanes + l] = runner->x[j * lanes + l];
    return GKV_OK;
}

/* Computes column j of J for the lanes in `open`, which become those that still need a side, and
 * `found` those that have one. */
static gkv_status take_column(gki_lm_runner *runner, gki_lm_task *task, size_t j, int *open,
                              int *found, double *side_difference)
{
    for (size_t l = 0; l < runner->kernels->lanes; l++) {
        found[l] = 0;
        side_difference[l] = INFINITY; /* unless there are two sides */
    }
    for (int side = 0; side < 2; side++)
        GKV_TRY(take_side(runner, task, j, side, open, found, side_difference));
    return GKV_OK;
}

/* What a trial shows of the lengths of differences in a lane. */
typedef struct trial {
    int open, better; /* whether to try again; whether a length was better than the first one */
    double least;     /* the least difference of the sides */
    double factor, product; /* the factor of a trial, and the product of those since `least` */
} trial;

/* Assesses the difference of the sides of the last trial, and chooses the next one. */
static void assess(trial *t, double now)
{
    static const double enough = 3e-3, opposite = 0.3, shortest = 1e-9, longest = 1e4;
    if (now < 0.5 * t->least) {
        t->least = now;
        t->better = 1;
        t->product = 1.0;
        t->open = now > enough;
    } else if (t->factor < 1.0 && now > opposite && now < INFINITY && t->product > shortest) {
        t->open = 1; /* x may be between two sides that are flat */
    } else if (t->factor > 1.0 && isnan(now)) {
        t->open = t->product < longest; /* still no residual changes */
    } else {
        t->open = !t->better && t->factor < 1.0 && t->product == t->factor;
        t->factor = 1.0 / t->factor;
    }
}

/* Changes the lengths of central differences in parameter j whose sides differ, and computes column
 * j again. A shorter one helps if the residuals bend, as those of a narrow peak far from 0, where
 * |x| is not the size of x that matters; a longer one helps if they are noisy or rounded. If
 * neither does, the length remains for good: the residuals may be symmetric in x.
 * side_difference[l] is the difference of the sides with the lengths so far. */
static gkv_status tune_lengths(gki_lm_runner *runner, gki_lm_task *task, size_t j,
                               const double *side_difference)
{
    enum { TRIALS = 12 };
    static const double threshold = 3e-3, shorter = 1.0 / 128;
    const size_t lanes = runner->kernels->lanes;
    int wanted[GKV_LM_LANES_MAX], open[GKV_LM_LANES_MAX], found[GKV_LM_LANES_MAX], any = 0;
    double now[GKV_LM_LANES_MAX], *length = runner->adapted + j * lanes;
    trial trials[GKV_LM_LANES_MAX];
    for (size_t l = 0; l < lanes; l++) {
        trials[l] =
            (trial){.open = runner->lane[l].wants_jacobian && runner->lane[l].one_sided_stop &&
                            length[l] > 0 && !(side_difference[l] <= threshold) &&
                            side_difference[l] != INFINITY,
                    .least = isnan(side_difference[l]) ? INFINITY : side_difference[l],
                    .factor = isnan(side_difference[l]) ? 1.0 / shorter : shorter,
                    .product = 1.0};
        wanted[l] = trials[l].open;
        any |= trials[l].open;
    }
    if (!any)
        return GKV_OK;
    for (int i = 0; any && i < TRIALS; i++) {
        for (size_t l = 0; l < lanes; l++) {
            trials[l].product *= trials[l].open ? trials[l].factor : 1.0;
            length[l] *= trials[l].open ? trials[l].factor : 1.0;
            open[l] = trials[l].open;
        }
        GKV_TRY(take_column(runner, task, j, open, found, now));
        any = 0;
        for (size_t l = 0; l < lanes; l++) {
            if (!trials[l].open)
                continue;
            const double way = trials[l].factor;
            assess(&trials[l], now[l]);
            if (trials[l].factor != way) { /* back to the best length */
                length[l] /= trials[l].product;
                trials[l].product = 1.0;
            }
            any |= trials[l].open;
        }
    }
    any = 0;
    for (size_t l = 0; l < lanes; l++) {
        length[l] = wanted[l] && !trials[l].better ? -length[l] / trials[l].product
                                                   : length[l] / trials[l].product;
        wanted[l] = wanted[l] && !(trials[l].better && trials[l].least <= threshold);
        any |= wanted[l];
    }
    for (size_t l = 0; l < lanes; l++)
        open[l] = wanted[l];
    return any ? take_column(runner, task, j, open, found, now) : GKV_OK;
}

/* Computes column j again where the residuals are not finite on either side of x, with a length
 * about as short as that of a one-sided difference. */
static gkv_status shorten(gki_lm_runner *runner, gki_lm_task *task, size_t j, int *open, int *found,
                          double *side_difference)
{
    static const double short_one = 1.0 / 512;
    double *length = runner->adapted + j * runner->kernels->lanes;
    int again[GKV_LM_LANES_MAX], finite[GKV_LM_LANES_MAX], any = 0;
    double now[GKV_LM_LANES_MAX];
    for (size_t l = 0; l < runner->kernels->lanes; l++) {
        again[l] = open[l] && !found[l] && runner->lane[l].one_sided_stop;
        length[l] = again[l] ? -short_one : length[l];
        any |= again[l];
    }
    if (!any)
        return GKV_OK;
    GKV_TRY(take_column(runner, task, j, again, finite, now));
    for (size_t l = 0; l < runner->kernels->lanes; l++)
        if (finite[l]) {
            found[l] = 1;
            side_difference[l] = now[l];
        }
    return GKV_OK;
}

gkv_status gki_lm_differences(gki_lm_runner *runner, gki_lm_task *task)
{
    const size_t lanes = runner->kernels->lanes;
    memcpy(runner->shifted, runner->x, runner->p * lanes * sizeof *runner->shifted);
    memset(runner->system, 0, runner->n * runner->p * lanes * sizeof *runner->system);
    for (size_t j = 0; j < runner->p; j++) {
        int open[GKV_LM_LANES_MAX], found[GKV_LM_LANES_MAX];
        double side_difference[GKV_LM_LANES_MAX];
        for (size_t l = 0; l < lanes; l++)
            open[l] = runner->lane[l].wants_jacobian && runner->fixed[j * lanes + l] == 0;
        GKV_TRY(take_column(runner, task, j, open, found, side_difference));
        GKV_TRY(shorten(runner, task, j, open, found, side_difference));
        GKV_TRY(tune_lengths(runner, task, j, side_difference));
        for (size_t l = 0; l < lanes; l++) {
            gki_lm_lane *lane = &runner->lane[l];
            if (open[l] && !found[l] && runner->low[j * lanes + l] < runner->high[j * lanes + l] &&
                lane->one_sided_stop == GKV_LM_NO_PROGRESS) {
                lane->result.stop = GKV_LM_NO_PROGRESS; /* the end that it had found before */
            } else if (open[l] && !found[l] &&
                       runner->low[j * lanes + l] < runner->high[j * lanes + l] && !lane->fault) {
                lane->fault = GKV_LM_BAD_DIFFERENCE;
                lane->index = j;
                lane->result.stop = GKV_LM_FAULT;
            }
        }
    }
    return GKV_OK;
}

/* --- The covariance ------------------------------------------------------- */

/* ‖v‖ of numbers of a size of about 1 or less. */
static double norm_of(size_t n, const double *v)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += v[i] * v[i];
    return sqrt(sum);
}

/* Replaces a[p × p], whose columns have norm 1 or 0, by S with a P = Q' S and |S_00| ≥ |S_11| ≥ ….
 * Column j of S belongs to column order[j] of a. The method is Householder reflections; column
 * norms are computed anew for each pivot. */
static void factor_pivoted(size_t p, double *a, size_t *order)
{
    for (size_t j = 0; j < p; j++)
        order[j] = j;
    for (size_t k = 0; k < p; k++) {
        size_t widest = k;
        double length = 0.0;
        for (size_t j = k; j < p; j++) {
            const double norm = norm_of(p - k, a + j * p + k);
            if (norm > length)
                length = norm, widest = j;
        }
        if (length < 1e-150)
            return; /* the remaining columns are 0 */
        for (size_t i = 0; i < p; i++) {
            const double kept = a[k * p + i];
            a[k * p + i] = a[widest * p + i];
            a[widest * p + i] = kept;
        }
        const size_t kept = order[k];
        order[k] = order[widest];
        order[widest] = kept;
        double *v = a + k * p;
        const double diagonal = v[k] > 0 ? -length : length, top = v[k] - diagonal,
                     factor = -top / diagonal;
        for (size_t i = k + 1; i < p; i++)
            v[i] /= top;
        for (size_t j = k + 1; j < p; j++) {
            double *column = a + j * p, amount = column[k];
            for (size_t i = k + 1; i < p; i++)
                amount += v[i] * column[i];
            amount *= factor;
            column[k] -= amount;
            for (size_t i = k + 1; i < p; i++)
                column[i] -= amount * v[i];
        }
        v[k] = diagonal;
        for (size_t i = k + 1; i < p; i++)
            v[i] = 0.0;
    }
}

/* Inverts the leading upper triangle in place. Column j of the inverse follows from the earlier
 * columns of the inverse and the old column j, from the first row to the last. */
static void invert_triangle(size_t n, size_t rank, double *r)
{
    for (size_t j = 0; j < rank; j++) {
        const double corner = 1.0 / r[j * n + j];
        for (size_t i = 0; i < j; i++) {
            double sum = 0.0;
            for (size_t k = i; k < j; k++)
                sum += r[k * n + i] * r[j * n + k];
            r[j * n + i] = -sum * corner;
        }
        r[j * n + j] = corner;
    }
}

/* Whether parameter `row` of S changes along a direction of the null space of S. (−S₁₁⁻¹ S₁₂, 1)
 * spans this space. S₁₁ is the leading triangle, which is already inverted, and S₁₂ is the block to
 * its right. The error of S₁₂ is about `tolerance`, because columns have norm 1. */
static int is_undetermined(size_t p, size_t rank, const double *s, size_t row, double tolerance)
{
    if (row >= rank)
        return 1;
    double noise = 0.0;
    for (size_t k = row; k < rank; k++)
        noise += tolerance * fabs(s[k * p + row]);
    for (size_t j = rank; j < p; j++) {
        double part = 0.0;
        for (size_t k = row; k < rank; k++)
            part += s[k * p + row] * s[j * p + k];
        if (fabs(part) > noise)
            return 1;
    }
    return 0;
}

void gki_lm_covariance_of(size_t p, size_t lanes, const double *triangle, const bool *fixed,
                          double tolerance, double *covariance, size_t *rank, double *work,
                          size_t *order)
{
    double *s = work, *unit = work + p * p;
    for (size_t j = 0; j < p; j++) {
        double largest = 0.0;
        for (size_t i = 0; i <= j; i++)
            largest = fmax(largest, fabs(triangle[(j * p + i) * lanes]));
        const int nothing = largest < 1e-300 || (fixed && fixed[j]);
        for (size_t i = 0; i < p; i++)
            s[j * p + i] = i <= j && !nothing ? triangle[(j * p + i) * lanes] / largest : 0.0;
        const double norm = nothing ? 1.0 : norm_of(p, s + j * p);
        for (size_t i = 0; i <= j; i++)
            s[j * p + i] /= norm;
        unit[j] = nothing ? 1.0 : 1.0 / norm / largest;
    }
    factor_pivoted(p, s, order);
    const double relative = tolerance > 0 ? tolerance : 1e-12, least = relative * fabs(s[0]);
    size_t full = 0;
    while (full < p && fabs(s[full * p + full]) > least)
        full++;
    invert_triangle(p, full, s);
    for (size_t a = 0; a < p; a++)
        for (size_t b = a; b < p; b++) {
            const size_t i = order[a], j = order[b];
            double sum = 0.0;
            for (size_t k = b; k < full; k++)
                sum += s[k * p + a] * s[k * p + b];
            covariance[i * p + j] = covariance[j * p + i] = sum * unit[i] * unit[j];
        }
    for (size_t a = 0; a < p && full < p; a++) {
        const size_t i = order[a];
        if ((fixed && fixed[i]) || !is_undetermined(p, full, s, a, relative))
            continue;
        for (size_t j = 0; j < p; j++)
            covariance[i * p + j] = covariance[j * p + i] = i == j ? INFINITY : 0.0;
    }
    if (rank)
        *rank = full;
}
