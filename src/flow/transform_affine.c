/* The affine transform (Dinh et al. 2017, eq. 7–8; Papamakarios et al. 2017, eq. 3–4):
 *     y = (x − t)·exp(−s),   log|∂y/∂x| = −s,   s = bound·tanh(raw_s),   t = raw_t.
 * One application scales by at most e^bound. */
#include <string.h>

#include "core/vmath.h"
#include "flow/transform.h"

enum { LOG_SCALE, INVERSE_SCALE }; /* what is kept: s and exp(−s) [n] */
enum { RAW_LOG_SCALE, RAW_SHIFT, RAW };

static size_t width(const gki_flow_spec *flow)
{
    (void)flow;
    return RAW;
}

static void reserve(gki_transform *transform, gki_plan *plan)
{
    transform->kept[LOG_SCALE] = gki_plan_forward(plan, transform->in.width);
    transform->kept[INVERSE_SCALE] = gki_plan_forward(plan, transform->in.width);
}

/* Computes s and exp(−s). */
static void scales(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count)
{
    const size_t n = transform->in.width;
    gki_real *s = gki_at(ws, transform->kept[LOG_SCALE], first);
    gki_real *inverse = gki_at(ws, transform->kept[INVERSE_SCALE], first);
    for (size_t r = 0; r < count; r++)
        memcpy(s + r * n, gki_transform_raw(transform, ws, first + r), n * sizeof *s);
    gki_vtanh(count * n, s, s);
    for (size_t i = 0; i < count * n; i++) {
        s[i] *= transform->bound;
        inverse[i] = -s[i];
    }
    gki_vexp(count * n, inverse, inverse);
}

static void forward(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count)
{
    const size_t n = transform->in.width;
    scales(transform, ws, first, count);
    for (size_t r = first; r < first + count; r++) {
        const gki_real *in = gki_at(ws, transform->in, r),
                       *s = gki_at(ws, transform->kept[LOG_SCALE], r);
        const gki_real *inverse = gki_at(ws, transform->kept[INVERSE_SCALE], r);
        const gki_real *shift = gki_transform_raw(transform, ws, r) + RAW_SHIFT * n;
        gki_real *out = gki_at(ws, transform->out, r);
        gki_real sum = 0;
        for (size_t i = 0; i < n; i++) {
            out[i] = (in[i] - shift[i]) * inverse[i];
            sum += s[i];
        }
        *gki_at(ws, transform->log_det, r) -= sum;
    }
}

static void backward(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count)
{
    const size_t n = transform->in.width;
    const gki_real bound = transform->bound;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *out = gki_at(ws, transform->out, r),
                       *d_out = gki_at(ws, transform->d_out, r);
        const gki_real *s = gki_at(ws, transform->kept[LOG_SCALE], r),
                       *inverse = gki_at(ws, transform->kept[INVERSE_SCALE], r);
        const gki_real d_det = *gki_at(ws, transform->d_log_det, r);
        gki_real *d_in = gki_at(ws, transform->d_in, r),
                 *d_raw = gki_transform_d_raw(transform, ws, r);
        for (size_t i = 0; i < n; i++) {
            const gki_real d_x = d_out[i] * inverse[i];
            const gki_real d_scale = -d_out[i] * out[i] - d_det;
            d_in[i] = d_x;
            d_raw[i] = bound > 0 ? d_scale * (bound - s[i] * s[i] / bound) : 0;
            d_raw[RAW_SHIFT * n + i] = -d_x;
        }
    }
}

static void tangent(const gki_transform *transform, const gki_workspace *ws, size_t first,
                    size_t count, size_t each, const gki_real *t_raw, gki_real *t)
{
    const size_t n = transform->in.width;
    const gki_real bound = transform->bound;
    for (size_t k = 0; k < count * each; k++) {
        const size_t row = first + k / each;
        const gki_real *out = gki_at(ws, transform->out, row),
                       *s = gki_at(ws, transform->kept[LOG_SCALE], row);
        const gki_real *inverse = gki_at(ws, transform->kept[INVERSE_SCALE], row);
        const gki_real *t_scale = t_raw + k * transform->raw.width + transform->raw_first,
                       *t_shift = t_scale + RAW_SHIFT * n;
        for (size_t i = 0; i < n; i++) {
            /* of bound·tanh, in its argument */
            const gki_real slope = bound > 0 ? bound - s[i] * s[i] / bound : 0;
            t[k * n + i] = (t[k * n + i] - t_shift[i]) * inverse[i] - out[i] * slope * t_scale[i];
        }
    }
}

static void inverse(const gki_transform *transform, gki_workspace *ws, size_t first, size_t count)
{
    const size_t n = transform->in.width;
    scales(transform, ws, first, count);
    for (size_t r = first; r < first + count; r++) {
        const gki_real *out = gki_at(ws, transform->out, r);
        const gki_real *by = gki_at(ws, transform->kept[INVERSE_SCALE], r);
        const gki_real *shift = gki_transform_raw(transform, ws, r) + RAW_SHIFT * n;
        gki_real *in = gki_at(ws, transform->in, r);
        for (size_t i = 0; i < n; i++)
            in[i] = out[i] / by[i] + shift[i];
    }
}

const gki_transform_ops gki_transform_affine = {.width = width,
                                                .reserve = reserve,
                                                .forward = forward,
                                                .backward = backward,
                                                .tangent = tangent,
                                                .inverse = inverse};
