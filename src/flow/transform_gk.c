/* The inverse of a g-and-k quantile function (Rayner & MacGillivray 2002):
 *     x = Q(y) = A + B·(1 + c·tanh(g·y/2))·y·(1 + y²)^k,   y = Q⁻¹(x),   log|∂y/∂x| = −log Q'(y).
 * If y is standard normal, x is skewed by g and heavy-tailed by k. The raw parameters are, in this
 * order: log B before bound·tanh(·), A, g before 2·tanh(·/2), and k before κ·tanh(·).
 *
 * If m layers of the flow move a dimension, κ is 1/(2m) for positive values and 1/(20m) for
 * negative ones, and 1 − c = (1 − 0.8)^(1/m). So c is the usual 0.8 for one layer, and a chain of
 * any length has about the reach of one distribution with k up to ½: far out, the product of its
 * factors 1 + c·tanh(·) is at least 0.2, and y grows at most as |x|^1.11. Without these bounds far
 * numbers overflow in long chains, and the inverse loses all digits, because repeated roots do.
 * Every such pair of g and k is valid (gk/validity.h). */
#include <math.h>

#include "core/vmath.h"
#include "flow/transform.h"
#include "gk/gk_batch_kernels.h"

/* What is kept [n]: log B, A, B, g, k; and log Q', Q' and Q''/Q' at y. */
enum { LOG_SCALE, LOCATION, SCALE, SKEW, TAIL, LOG_SLOPE, SLOPE, RATIO, KEPT };
enum { RAW_LOG_SCALE, RAW_LOCATION, RAW_SKEW, RAW_TAIL, RAW };
enum { CHUNK = 64 };

_Static_assert((int)KEPT <= (int)GKV_TRANSFORM_KEPT, "there is a slot for all that is kept");

static const gki_real most_skew = 2; /* of |g| */

/* c of a layer, and κ on the side of the value's sign */
static gki_real skewness(const gki_transform *transform)
{
    return (gki_real)(1 - pow(1 - 0.8, 1 / (double)transform->repeats));
}

static gki_real tail_bound(const gki_transform *transform, gki_real value)
{
    return (gki_real)(value < 0 ? 0.05 : 0.5) / (gki_real)transform->repeats;
}

static size_t width(const gki_flow_spec *flow)
{
    (void)flow;
    return RAW;
}

static void reserve(gki_transform *transform, gki_plan *plan)
{
    for (size_t i = 0; i < KEPT; i++)
        transform->kept[i] = gki_plan_forward(plan, transform->in.width);
}

/* The array of a kept slot, of all rows from `first` on. */
static gki_real *kept(const gki_transform *transform, const gki_workspace *ws, size_t slot,
                      size_t first)
{
    return gki_at(ws, transform->kept[slot], first);
}

/* Computes log B, A, B, g and k from the raw parameters. */
static void parameters(const gki_transform *transform, gki_workspace *ws, size_t first,
                       size_t count)
{
    const size_t n = transform->in.width, all = count * n;
    gki_real *log_scale = kept(transform, ws, LOG_SCALE, first),
             *skew = kept(transform, ws, SKEW, first), *tail = kept(transform, ws, TAIL, first);
    for (size_t r = 0; r < count; r++) {
        const gki_real *raw = gki_transform_raw(transform, ws, first + r);
        for (size_t i = 0; i < n; i++) {
            log_scale[r * n + i] = raw[RAW_LOG_SCALE * n + i];
            kept(transform, ws, LOCATION, first)[r * n + i] = raw[RAW_LOCATION * n + i];
            skew[r * n + i] = raw[RAW_SKEW * n + i] / most_skew;
            tail[r * n + i] = raw[RAW_TAIL * n + i];
        }
    }
    gki_vtanh(all, log_scale, log_scale);
    gki_vtanh(all, skew, skew);
    gki_vtanh(all, tail, tail);
    for (size_t i = 0; i < all; i++) {
        log_scale[i] *= transform->bound;
        skew[i] *= most_skew;
        tail[i] *= tail_bound(transform, tail[i]);
    }
    gki_vexp(all, log_scale, kept(transform, ws, SCALE, first));
}

static void forward(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count)
{
    const size_t n = transform->in.width;
    parameters(transform, ws, first, count);
    const gki_gk_columns columns = {.a = kept(transform, ws, LOCATION, first),
                                    .b = kept(transform, ws, SCALE, first),
                                    .g = kept(transform, ws, SKEW, first),
                                    .k = kept(transform, ws, TAIL, first),
                                    .c = skewness(transform)};
    gki_gk_batch_inverse(1, count * n, &columns, gki_at(ws, transform->in, first),
                         gki_at(ws, transform->out, first), kept(transform, ws, LOG_SLOPE, first),
                         kept(transform, ws, SLOPE, first), kept(transform, ws, RATIO, first));
    for (size_t r = first; r < first + count; r++) {
        const gki_real *log_slope = kept(transform, ws, LOG_SLOPE, r);
        gki_real sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += log_slope[i];
        *gki_at(ws, transform->log_det, r) -= sum;
    }
}

/* Derivatives at y, of some numbers of a row. */
typedef struct derivatives {
    /* ∂y/∂θ = −value, for x and the raw parameters; of x with the other sign */
    gki_real by_x[CHUNK], by_log_scale[CHUNK], by_skew[CHUNK], by_tail[CHUNK];
    /* ∂log Q'/∂θ at constant y, for the raw g and k */
    gki_real log_by_skew[CHUNK], log_by_tail[CHUNK];
    gki_real of_log_scale[CHUNK]; /* of log B in its raw parameter */
} derivatives;

static void derive(const gki_transform *transform, const gki_workspace *ws, size_t row, size_t from,
                   size_t count, derivatives *all)
{
    const gki_real *skew = kept(transform, ws, SKEW, row) + from,
                   *tail = kept(transform, ws, TAIL, row) + from,
                   *log_scale = kept(transform, ws, LOG_SCALE, row) + from,
                   *scale = kept(transform, ws, SCALE, row) + from,
                   *slope = kept(transform, ws, SLOPE, row) + from;
    gki_real x[CHUNK], bound = transform->bound;
    /* with A = 0 and B = 1 */
    gki_gk_batch_shape(count, skew, tail, skewness(transform),
                       gki_at(ws, transform->out, row) + from,
                       &(gki_gk_outputs){.x = x,
                                         .x_g = all->by_skew,
                                         .x_k = all->by_tail,
                                         .log_dq_g = all->log_by_skew,
                                         .log_dq_k = all->log_by_tail});
    for (size_t i = 0; i < count; i++) {
        const gki_real by_x = 1 / slope[i], unit = scale[i] * by_x;
        const gki_real of_skew = 1 - skew[i] * skew[i] / (most_skew * most_skew);
        const gki_real size = tail[i] / tail_bound(transform, tail[i]),
                       of_tail = tail_bound(transform, tail[i]) * (1 - size * size);
        const gki_real of_log_scale = bound > 0 ? bound - log_scale[i] * log_scale[i] / bound : 0;
        all->by_x[i] = by_x;
        all->of_log_scale[i] = of_log_scale;
        all->by_log_scale[i] = unit * x[i] * of_log_scale;
        all->by_skew[i] *= unit * of_skew;
        all->by_tail[i] *= unit * of_tail;
        all->log_by_skew[i] *= of_skew;
        all->log_by_tail[i] *= of_tail;
    }
}

static void backward(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count)
{
    const size_t n = transform->in.width;
    derivatives all;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *d_out = gki_at(ws, transform->d_out, r),
                       *ratio = kept(transform, ws, RATIO, r);
        const gki_real d_det = *gki_at(ws, transform->d_log_det, r);
        gki_real *d_in = gki_at(ws, transform->d_in, r),
                 *d_raw = gki_transform_d_raw(transform, ws, r);
        for (size_t from = 0; from < n; from += CHUNK) {
            const size_t some = n - from < CHUNK ? n - from : CHUNK;
            derive(transform, ws, r, from, some, &all);
            for (size_t i = 0, j = from; i < some; i++, j++) {
                /* y moves itself and log Q'(y) */
                const gki_real d_y = d_out[j] - d_det * ratio[j];
                d_in[j] = d_y * all.by_x[i];
                d_raw[RAW_LOG_SCALE * n + j] =
                    -d_y * all.by_log_scale[i] - d_det * all.of_log_scale[i];
                d_raw[RAW_LOCATION * n + j] = -d_in[j];
                d_raw[RAW_SKEW * n + j] = -d_y * all.by_skew[i] - d_det * all.log_by_skew[i];
                d_raw[RAW_TAIL * n + j] = -d_y * all.by_tail[i] - d_det * all.log_by_tail[i];
            }
        }
    }
}

static void tangent(const gki_transform *transform, const gki_workspace *ws, size_t first,
                    size_t count, size_t each, const gki_real *t_raw, gki_real *t)
{
    const size_t n = transform->in.width;
    derivatives all;
    for (size_t r = 0; r < count; r++) {
        for (size_t from = 0; from < n; from += CHUNK) {
            const size_t some = n - from < CHUNK ? n - from : CHUNK;
            derive(transform, ws, first + r, from, some, &all);
            for (size_t k = r * each; k < (r + 1) * each; k++) {
                const gki_real *raw = t_raw + k * transform->raw.width + transform->raw_first;
                for (size_t i = 0, j = from; i < some; i++, j++)
                    t[k * n + j] = (t[k * n + j] - raw[RAW_LOCATION * n + j]) * all.by_x[i] -
                                   raw[RAW_LOG_SCALE * n + j] * all.by_log_scale[i] -
                                   raw[RAW_SKEW * n + j] * all.by_skew[i] -
                                   raw[RAW_TAIL * n + j] * all.by_tail[i];
            }
        }
    }
}

static void inverse(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count)
{
    const size_t all = count * transform->in.width;
    parameters(transform, ws, first, count);
    gki_real *in = gki_at(ws, transform->in, first);
    const gki_real *location = kept(transform, ws, LOCATION, first),
                   *scale = kept(transform, ws, SCALE, first);
    gki_gk_batch_shape(all, kept(transform, ws, SKEW, first), kept(transform, ws, TAIL, first),
                       skewness(transform), gki_at(ws, transform->out, first),
                       &(gki_gk_outputs){.x = in});
    for (size_t i = 0; i < all; i++)
        in[i] = location[i] + scale[i] * in[i];
}

const gki_transform_ops gki_transform_gk = {.width = width,
                                            .reserve = reserve,
                                            .forward = forward,
                                            .backward = backward,
                                            .tangent = tangent,
                                            .inverse = inverse};
