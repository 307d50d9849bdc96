#include "flow/coupling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/vmath.h"

bool gki_coupling_moves(size_t index, size_t j, size_t dims)
{
    /* the split into halves, and one for each bit of j with a value of at most dims/4 */
    size_t splits = 1;
    while ((size_t)1 << splits <= dims / 2)
        splits++;
    const size_t split = index / 2 % splits;
    const bool second = split == 0 ? j >= dims / 2 : (j >> (split - 1)) % 2 == 1;
    return index % 2 == 0 ? second : !second;
}

gkv_status gki_coupling_create(const gki_coupling_spec *spec, gki_params *params, gki_plan *plan,
                               gki_coupling *coupling)
{
    const size_t d = spec->in.width;
    *coupling = (gki_coupling){
        .in = spec->in, .d_in = spec->d_in, .bound = (gki_real)spec->log_scale_bound};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d, sizeof *coupling->a, &coupling->a));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *coupling->b, &coupling->b));
    for (size_t j = 0; j < d; j++) {
        if (gki_coupling_moves(spec->index, j, d))
            coupling->b[coupling->b_count++] = j;
        else
            coupling->a[coupling->a_count++] = j;
    }
    coupling->out = gki_plan_forward(plan, d);
    coupling->d_out = gki_plan_backward(plan, d);
    coupling->pass = gki_plan_forward(plan, coupling->a_count);
    coupling->d_pass = gki_plan_backward(plan, coupling->a_count);
    coupling->log_scale = gki_plan_forward(plan, coupling->b_count);
    coupling->inverse_scale = gki_plan_forward(plan, coupling->b_count);
    char name[GKV_PARAM_NAME_SIZE];
    snprintf(name, sizeof name, "prior.flow.%zu", spec->index);
    const gki_mlp_spec net = {.in = coupling->pass,
                              .d_in = coupling->d_pass,
                              .has_d_in = true,
                              .hidden = spec->hidden,
                              .hidden_layers = 2,
                              .out = 2 * coupling->b_count,
                              .block = &gki_block_leaky};
    GKV_TRY_GOTO(gki_mlp_create(&net, name, params, plan, &coupling->net));
done:
    if (status != GKV_OK)
        gki_coupling_free(coupling);
    return status;
}

void gki_coupling_free(gki_coupling *coupling)
{
    if (!coupling)
        return;
    free(coupling->a);
    free(coupling->b);
    gki_mlp_free(&coupling->net);
    memset(coupling, 0, sizeof *coupling);
}

/* Runs the network on z_a, which it reads from `from`, and writes s and exp(−s). */
static void scales(const gki_coupling *coupling, gki_workspace *ws, gki_slot from, size_t first,
                   size_t count)
{
    const size_t moved = coupling->b_count;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *in = gki_at(ws, from, r);
        gki_real *pass = gki_at(ws, coupling->pass, r);
        for (size_t i = 0; i < coupling->a_count; i++)
            pass[i] = in[coupling->a[i]];
    }
    gki_mlp_forward(&coupling->net, ws, first, count);
    gki_real *s = gki_at(ws, coupling->log_scale, first);
    gki_real *inverse = gki_at(ws, coupling->inverse_scale, first);
    for (size_t r = 0; r < count; r++)
        memcpy(s + r * moved, gki_at(ws, coupling->net.out, first + r), moved * sizeof *s);
    gki_vtanh(count * moved, s, s);
    for (size_t i = 0; i < count * moved; i++) {
        s[i] *= coupling->bound;
        inverse[i] = -s[i];
    }
    gki_vexp(count * moved, inverse, inverse);
}

void gki_coupling_normalise(const gki_coupling *coupling, gki_workspace *ws, gki_slot log_det,
                            size_t first, size_t count)
{
    const size_t moved = coupling->b_count;
    scales(coupling, ws, coupling->in, first, count);
    for (size_t r = first; r < first + count; r++) {
        const gki_real *in = gki_at(ws, coupling->in, r), *s = gki_at(ws, coupling->log_scale, r);
        const gki_real *inverse = gki_at(ws, coupling->inverse_scale, r);
        const gki_real *shift = gki_at(ws, coupling->net.out, r) + moved;
        gki_real *out = gki_at(ws, coupling->out, r);
        for (size_t i = 0; i < coupling->a_count; i++)
            out[coupling->a[i]] = in[coupling->a[i]];
        gki_real sum = 0;
        for (size_t i = 0; i < moved; i++) {
            out[coupling->b[i]] = (in[coupling->b[i]] - shift[i]) * inverse[i];
            sum += s[i];
        }
        *gki_at(ws, log_det, r) -= sum;
    }
}

void gki_coupling_backward(const gki_coupling *coupling, gki_workspace *ws, gki_slot d_log_det,
                           size_t first, size_t count)
{
    const size_t moved = coupling->b_count;
    const gki_real bound = coupling->bound;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *out = gki_at(ws, coupling->out, r), *d_out = gki_at(ws, coupling->d_out, r);
        const gki_real *s = gki_at(ws, coupling->log_scale, r),
                       *inverse = gki_at(ws, coupling->inverse_scale, r);
        const gki_real d_det = *gki_at(ws, d_log_det, r);
        gki_real *d_in = gki_at(ws, coupling->d_in, r), *d_net = gki_at(ws, coupling->net.d_out, r);
        for (size_t i = 0; i < moved; i++) {
            const size_t j = coupling->b[i];
            const gki_real d_moved = d_out[j] * inverse[i];
            const gki_real d_scale = -d_out[j] * out[j] - d_det;
            d_in[j] = d_moved;
            d_net[i] = bound > 0 ? d_scale * (bound - s[i] * s[i] / bound) : 0;
            d_net[moved + i] = -d_moved;
        }
    }
    gki_mlp_backward(&coupling->net, ws, first, count);
    for (size_t r = first; r < first + count; r++) {
        const gki_real *d_out = gki_at(ws, coupling->d_out, r),
                       *d_pass = gki_at(ws, coupling->d_pass, r);
        gki_real *d_in = gki_at(ws, coupling->d_in, r);
        for (size_t i = 0; i < coupling->a_count; i++)
            d_in[coupling->a[i]] = d_out[coupling->a[i]] + d_pass[i];
    }
}

void gki_coupling_tangent(const gki_coupling *coupling, const gki_workspace *ws, size_t first,
                          size_t count, size_t each, gki_real *tangents,
                          const gki_tangents *scratch)
{
    const size_t d = coupling->in.width, moved = coupling->b_count, passed = coupling->a_count;
    const gki_real bound = coupling->bound;
    for (size_t k = 0; k < count * each; k++)
        for (size_t i = 0; i < passed; i++)
            scratch->a[k * passed + i] = tangents[k * d + coupling->a[i]];
    const gki_real *net = gki_mlp_tangent(&coupling->net, ws, coupling->net.count, first, count,
                                          each, scratch->a, scratch);
    for (size_t k = 0; k < count * each; k++) {
        const size_t row = first + k / each;
        const gki_real *out = gki_at(ws, coupling->out, row),
                       *s = gki_at(ws, coupling->log_scale, row);
        const gki_real *inverse = gki_at(ws, coupling->inverse_scale, row);
        const gki_real *t_scale = net + k * 2 * moved, *t_shift = t_scale + moved;
        gki_real *t = tangents + k * d;
        for (size_t i = 0; i < moved; i++) {
            const size_t j = coupling->b[i];
            /* of bound·tanh, in its argument */
            const gki_real slope = bound > 0 ? bound - s[i] * s[i] / bound : 0;
            t[j] = (t[j] - t_shift[i]) * inverse[i] - out[j] * slope * t_scale[i];
        }
    }
}

void gki_coupling_generate(const gki_coupling *coupling, gki_workspace *ws, size_t first,
                           size_t count)
{
    const size_t moved = coupling->b_count;
    scales(coupling, ws, coupling->out, first, count); /* z_a is the same in `in` and `out` */
    for (size_t r = first; r < first + count; r++) {
        const gki_real *out = gki_at(ws, coupling->out, r);
        const gki_real *inverse = gki_at(ws, coupling->inverse_scale, r);
        const gki_real *shift = gki_at(ws, coupling->net.out, r) + moved;
        gki_real *in = gki_at(ws, coupling->in, r);
        for (size_t i = 0; i < coupling->a_count; i++)
            in[coupling->a[i]] = out[coupling->a[i]];
        for (size_t i = 0; i < moved; i++)
            in[coupling->b[i]] = out[coupling->b[i]] / inverse[i] + shift[i];
    }
}
