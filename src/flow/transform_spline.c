/* The monotonic rational-quadratic spline (Gregory & Delbourgo 1982; Durkan et al. 2019, eq. 4–8).
 *
 * Inside [−edge, edge] the map is a spline of `bins` pieces. Outside it is the identity. Both meet
 * with equal values and slopes, since the knots at the two edges have slope 1. The raw parameters
 * are, in this order:
 *   widths   [bins]      logits of the widths of the bins
 *   heights  [bins]      logits of their heights
 *   slopes   [bins − 1]  of the inner knots, e^(bound·tanh(·))
 * Every bin has at least `least_share` of an equal share. So all slopes are bounded.
 *
 * A bin begins at (x0, y0), and has width w, height h, mean slope s = h/w, and slopes δ0 and δ1 at
 * its ends. With ξ = (x − x0)/w, D = s + (δ0 + δ1 − 2s)ξ(1 − ξ), N = sξ² + δ0ξ(1 − ξ) and
 * A = δ1ξ² + 2sξ(1 − ξ) + δ0(1 − ξ)²:
 *   y = y0 + h·N/D,   ∂y/∂x = s²A/D². */
#include <math.h>
#include <string.h>

#include "core/vmath.h"
#include "flow/transform.h"

/* What is kept: the shares of the widths and of the heights of the bins [bins, n], and the
 * logarithms of the slopes of the inner knots and these slopes [bins − 1, n]. */
enum { WIDTHS, HEIGHTS, LOG_SLOPES, SLOPES };

static const double least_share = 0.4;

static size_t width(const gki_flow_spec *flow)
{
    return 3 * flow->bins - 1;
}

static void reserve(gki_transform *transform, gki_plan *plan)
{
    const size_t n = transform->in.width;
    transform->kept[WIDTHS] = gki_plan_forward(plan, transform->bins * n);
    transform->kept[HEIGHTS] = gki_plan_forward(plan, transform->bins * n);
    transform->kept[LOG_SLOPES] = gki_plan_forward(plan, (transform->bins - 1) * n);
    transform->kept[SLOPES] = gki_plan_forward(plan, (transform->bins - 1) * n);
}

/* The shares of a number's bins, from exponentials of logits: share[k·n] of bin k. */
static void to_shares(size_t bins, size_t n, gki_real *share)
{
    gki_real sum = 0;
    for (size_t k = 0; k < bins; k++)
        sum += share[k * n];
    const gki_real scale = (gki_real)(1 - least_share) / sum,
                   least = (gki_real)(least_share / (double)bins);
    for (size_t k = 0; k < bins; k++)
        share[k * n] = scale * share[k * n] + least;
}

/* Softmax over the bins of each number. */
static void shares(const gki_transform *transform, gki_workspace *ws, size_t raw, gki_slot slot,
                   size_t first, size_t count)
{
    const size_t n = transform->in.width, bins = transform->bins;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *logits = gki_transform_raw(transform, ws, r) + raw * n;
        gki_real *share = gki_at(ws, slot, r);
        for (size_t i = 0; i < n; i++) {
            gki_real most = logits[i];
            for (size_t k = 1; k < bins; k++)
                most = logits[k * n + i] > most ? logits[k * n + i] : most;
            for (size_t k = 0; k < bins; k++)
                share[k * n + i] = logits[k * n + i] - most;
        }
    }
    gki_vexp(count * bins * n, gki_at(ws, slot, first), gki_at(ws, slot, first));
    for (size_t r = first; r < first + count; r++)
        for (size_t i = 0; i < n; i++)
            to_shares(bins, n, gki_at(ws, slot, r) + i);
}

/* Computes what is kept. */
static void knots(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count)
{
    const size_t n = transform->in.width, inner = (transform->bins - 1) * n;
    shares(transform, ws, 0, transform->kept[WIDTHS], first, count);
    shares(transform, ws, transform->bins, transform->kept[HEIGHTS], first, count);
    gki_real *logs = gki_at(ws, transform->kept[LOG_SLOPES], first);
    for (size_t r = 0; r < count; r++)
        memcpy(logs + r * inner,
               gki_transform_raw(transform, ws, first + r) + 2 * transform->bins * n,
               inner * sizeof *logs);
    gki_vtanh(count * inner, logs, logs);
    for (size_t i = 0; i < count * inner; i++)
        logs[i] *= transform->bound;
    gki_vexp(count * inner, logs, gki_at(ws, transform->kept[SLOPES], first));
}

/* --- A point of a bin ----------------------------------------------------- */

typedef struct bin {
    size_t k;                           /* the number of bins for a point outside the spline */
    double x0, y0, w, h, s, start, end; /* start and end are δ0 and δ1 */
} bin;

/* The bin of number i of a row that holds x = `value`, or y = `value`. */
static bin find(const gki_transform *transform, const gki_workspace *ws, size_t row, size_t i,
                bool is_y, double value)
{
    const size_t n = transform->in.width, bins = transform->bins;
    const double edge = (double)transform->edge;
    bin b = {.x0 = -edge, .y0 = -edge, .start = 1, .end = 1};
    if (!(fabs(value) < edge)) {
        b.k = bins;
        return b;
    }
    const gki_real *widths = gki_at(ws, transform->kept[WIDTHS], row) + i,
                   *heights = gki_at(ws, transform->kept[HEIGHTS], row) + i,
                   *slopes = gki_at(ws, transform->kept[SLOPES], row) + i;
    for (; b.k < bins; b.k++) {
        const bool is_last = b.k + 1 == bins; /* it ends at the edge, without rounding */
        b.w = is_last ? edge - b.x0 : 2 * edge * (double)widths[b.k * n];
        b.h = is_last ? edge - b.y0 : 2 * edge * (double)heights[b.k * n];
        if (is_last || value < (is_y ? b.y0 + b.h : b.x0 + b.w))
            break;
        b.x0 += b.w;
        b.y0 += b.h;
    }
    b.s = b.h / b.w;
    b.start = b.k > 0 ? (double)slopes[(b.k - 1) * n] : 1;
    b.end = b.k + 1 < bins ? (double)slopes[b.k * n] : 1;
    return b;
}

typedef struct point {
    double xi, both;    /* ξ and ξ(1 − ξ) */
    double D, N, A;     /* as above */
    double ratio;       /* N/D */
    double by_xi, by_s; /* derivatives of N/D */
    double by_start, by_end;
} point;

static point point_of(const bin *b, double x)
{
    point p = {.xi = (x - b->x0) / b->w};
    const double rest = 1 - p.xi, twist = b->start + b->end - 2 * b->s;
    p.both = p.xi * rest;
    p.D = b->s + twist * p.both;
    p.N = b->s * p.xi * p.xi + b->start * p.both;
    p.A = b->end * p.xi * p.xi + 2 * b->s * p.both + b->start * rest * rest;
    p.ratio = p.N / p.D;
    p.by_xi = b->s * p.A / (p.D * p.D);
    p.by_s = (p.xi * p.xi - p.ratio * (1 - 2 * p.both)) / p.D;
    p.by_start = p.both * (1 - p.ratio) / p.D;
    p.by_end = -p.both * p.ratio / p.D;
    return p;
}

/* --- The operations ------------------------------------------------------- */

static void forward(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count)
{
    knots(transform, ws, first, count);
    for (size_t r = first; r < first + count; r++) {
        const gki_real *in = gki_at(ws, transform->in, r);
        gki_real *out = gki_at(ws, transform->out, r);
        double log_det = 0;
        for (size_t i = 0; i < transform->in.width; i++) {
            const bin b = find(transform, ws, r, i, false, (double)in[i]);
            out[i] = in[i];
            if (b.k == transform->bins)
                continue;
            const point p = point_of(&b, (double)in[i]);
            out[i] = (gki_real)(b.y0 + b.h * p.ratio);
            log_det += log(b.s * p.by_xi);
        }
        *gki_at(ws, transform->log_det, r) += (gki_real)log_det;
    }
}

/* Writes the gradients in the logits of one number's shares, from those in the start of its bin and
 * in the size of its bin. Logits of later bins matter by the sum of all shares alone. */
static void backward_shares(const gki_transform *transform, const gki_real *share, size_t k,
                            double d_start, double d_size, gki_real *d_logits)
{
    const size_t n = transform->in.width, bins = transform->bins;
    const double least = least_share / (double)bins, length = 2 * (double)transform->edge;
    double mean = 0; /* of the gradients in shares, by softmax's probabilities */
    for (size_t j = 0; j <= k; j++)
        mean += ((double)share[j * n] - least) / (1 - least_share) * (j < k ? d_start : d_size);
    for (size_t j = 0; j < bins; j++)
        d_logits[j * n] = (gki_real)(length * ((double)share[j * n] - least) *
                                     ((j < k    ? d_start
                                       : j == k ? d_size
                                                : 0) -
                                      mean));
}

/* The derivative of the slope of inner knot k of a number in its raw parameter. */
static double slope_by_raw(const gki_transform *transform, const gki_workspace *ws, size_t row,
                           size_t i, size_t k)
{
    const size_t index = k * transform->in.width + i;
    const double bound = (double)transform->bound,
                 value = (double)gki_at(ws, transform->kept[LOG_SLOPES], row)[index];
    return bound > 0 ? (double)gki_at(ws, transform->kept[SLOPES], row)[index] *
                           (bound - value * value / bound)
                     : 0;
}

/* Number i of a row, inside the spline. */
static gki_real backward_inside(const gki_transform *transform, gki_workspace *ws, size_t row,
                                size_t i, const bin *b, gki_real *d_raw)
{
    const size_t n = transform->in.width, bins = transform->bins;
    const double d_y = (double)gki_at(ws, transform->d_out, row)[i],
                 d_log = (double)*gki_at(ws, transform->d_log_det, row);
    const point p = point_of(b, (double)gki_at(ws, transform->in, row)[i]);
    const double rest = 1 - p.xi, twist = b->start + b->end - 2 * b->s, turn = 1 - 2 * p.xi;
    const double by_A = d_log / p.A, by_D = -2 * d_log / p.D;
    const double d_xi = d_y * b->h * p.by_xi +
                        by_A * 2 * (b->end * p.xi + b->s * turn - b->start * rest) +
                        by_D * twist * turn;
    const double d_s =
        d_y * b->h * p.by_s + by_A * 2 * p.both + by_D * (1 - 2 * p.both) + 2 * d_log / b->s;
    const double d_start = d_y * b->h * p.by_start + by_A * rest * rest + by_D * p.both;
    const double d_end = d_y * b->h * p.by_end + by_A * p.xi * p.xi + by_D * p.both;
    backward_shares(transform, gki_at(ws, transform->kept[WIDTHS], row) + i, b->k, -d_xi / b->w,
                    -(d_xi * p.xi + d_s * b->s) / b->w, d_raw + i);
    backward_shares(transform, gki_at(ws, transform->kept[HEIGHTS], row) + i, b->k, d_y,
                    d_y * p.ratio + d_s / b->w, d_raw + bins * n + i);
    gki_real *d_slopes = d_raw + 2 * bins * n + i;
    if (b->k > 0)
        d_slopes[(b->k - 1) * n] =
            (gki_real)(d_start * slope_by_raw(transform, ws, row, i, b->k - 1));
    if (b->k + 1 < bins)
        d_slopes[b->k * n] = (gki_real)(d_end * slope_by_raw(transform, ws, row, i, b->k));
    return (gki_real)(d_xi / b->w);
}

static void backward(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count)
{
    const size_t n = transform->in.width;
    for (size_t r = first; r < first + count; r++) {
        gki_real *d_in = gki_at(ws, transform->d_in, r),
                 *d_raw = gki_transform_d_raw(transform, ws, r);
        memset(d_raw, 0, (3 * transform->bins - 1) * n * sizeof *d_raw);
        for (size_t i = 0; i < n; i++) {
            const bin b = find(transform, ws, r, i, false, (double)gki_at(ws, transform->in, r)[i]);
            d_in[i] = b.k == transform->bins ? gki_at(ws, transform->d_out, r)[i]
                                             : backward_inside(transform, ws, r, i, &b, d_raw);
        }
    }
}

/* The tangents of the start of bin k and of its size, from those of the logits. */
static void tangent_shares(const gki_transform *transform, const gki_real *share, size_t k,
                           const gki_real *t_logits, double *t_start, double *t_size)
{
    const size_t n = transform->in.width;
    const double least = least_share / (double)transform->bins,
                 length = 2 * (double)transform->edge;
    double mean = 0, before = 0, mean_before = 0;
    for (size_t j = 0; j < transform->bins; j++) {
        const double weight = (double)share[j * n] - least;
        mean += weight / (1 - least_share) * (double)t_logits[j * n];
        if (j < k) {
            before += weight * (double)t_logits[j * n];
            mean_before += weight;
        }
    }
    *t_start = length * (before - mean * mean_before);
    *t_size = length * ((double)share[k * n] - least) * ((double)t_logits[k * n] - mean);
}

/* The tangent of y of a number inside the spline. */
static double tangent_inside(const gki_transform *transform, const gki_workspace *ws, size_t row,
                             size_t i, const bin *b, const point *p, const gki_real *t_raw,
                             double t_x)
{
    const size_t n = transform->in.width, bins = transform->bins;
    double t_x0, t_w, t_y0, t_h;
    tangent_shares(transform, gki_at(ws, transform->kept[WIDTHS], row) + i, b->k, t_raw + i, &t_x0,
                   &t_w);
    tangent_shares(transform, gki_at(ws, transform->kept[HEIGHTS], row) + i, b->k,
                   t_raw + bins * n + i, &t_y0, &t_h);
    const gki_real *t_slopes = t_raw + 2 * bins * n + i;
    const double t_start =
        b->k > 0 ? (double)t_slopes[(b->k - 1) * n] * slope_by_raw(transform, ws, row, i, b->k - 1)
                 : 0;
    const double t_end =
        b->k + 1 < bins ? (double)t_slopes[b->k * n] * slope_by_raw(transform, ws, row, i, b->k)
                        : 0;
    const double t_xi = (t_x - t_x0 - p->xi * t_w) / b->w, t_s = (t_h - b->s * t_w) / b->w;
    return t_y0 + p->ratio * t_h +
           b->h * (p->by_xi * t_xi + p->by_s * t_s + p->by_start * t_start + p->by_end * t_end);
}

static void tangent(const gki_transform *transform, const gki_workspace *ws, size_t first,
                    size_t count, size_t each, const gki_real *t_raw, gki_real *t)
{
    const size_t n = transform->in.width;
    for (size_t r = 0; r < count; r++) {
        for (size_t i = 0; i < n; i++) {
            const double x = (double)gki_at(ws, transform->in, first + r)[i];
            const bin b = find(transform, ws, first + r, i, false, x);
            if (b.k == transform->bins)
                continue;
            const point p = point_of(&b, x);
            for (size_t k = r * each; k < (r + 1) * each; k++)
                t[k * n + i] = (gki_real)tangent_inside(
                    transform, ws, first + r, i, &b, &p,
                    t_raw + k * transform->raw.width + transform->raw_first, (double)t[k * n + i]);
        }
    }
}

/* Eq. 6–8, in the form of the root that does not cancel. */
static double root(const bin *b, double y)
{
    const double rise = y - b->y0, curvature = rise * (b->start + b->end - 2 * b->s);
    const double a2 = b->h * (b->s - b->start) + curvature, a1 = b->h * b->start - curvature,
                 a0 = -b->s * rise;
    const double xi = 2 * a0 / (-a1 - sqrt(fmax(0, a1 * a1 - 4 * a2 * a0)));
    return b->x0 + xi * b->w;
}

static void inverse(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count)
{
    knots(transform, ws, first, count);
    for (size_t r = first; r < first + count; r++) {
        const gki_real *out = gki_at(ws, transform->out, r);
        gki_real *in = gki_at(ws, transform->in, r);
        for (size_t i = 0; i < transform->in.width; i++) {
            const bin b = find(transform, ws, r, i, true, (double)out[i]);
            in[i] = b.k == transform->bins ? out[i] : (gki_real)root(&b, (double)out[i]);
        }
    }
}

const gki_transform_ops gki_transform_spline = {.width = width,
                                                .reserve = reserve,
                                                .forward = forward,
                                                .backward = backward,
                                                .tangent = tangent,
                                                .inverse = inverse};
