/* Conditional transforms and their network; declared in transforms.h. */
#include "flow/transforms.h"

#include <stdio.h>
#include <string.h>

gkv_status gki_transforms_create(const gki_transforms_spec *spec, gki_params *params,
                                 gki_plan *plan, gki_transforms *transforms)
{
    const gki_flow_spec *flow = spec->step->flow;
    const size_t n = spec->in.width;
    *transforms = (gki_transforms){.count = spec->count, .in = spec->in, .d_in = spec->d_in};
    size_t width = 0;
    for (size_t i = 0; i < spec->count; i++)
        width += spec->ops[i]->width(flow);
    char name[GKV_PARAM_NAME_SIZE];
    snprintf(name, sizeof name, "prior.flow.%zu", spec->step->layer);
    const gki_mlp_spec net = {.in = spec->net_in,
                              .d_in = spec->net_d_in,
                              .has_d_in = true,
                              .hidden = flow->hidden,
                              .hidden_layers = 2,
                              .out = width * n,
                              .block = &gki_block_leaky};
    GKV_TRY(gki_mlp_create(&net, name, params, plan, &transforms->net));
    gki_slot in = spec->in, d_in = spec->d_in;
    size_t raw_first = 0;
    for (size_t i = 0; i < spec->count; i++) {
        gki_transform *transform = &transforms->list[i];
        *transform = (gki_transform){.ops = spec->ops[i],
                                     .in = in,
                                     .d_in = d_in,
                                     .raw = transforms->net.out,
                                     .d_raw = transforms->net.d_out,
                                     .raw_first = raw_first,
                                     .log_det = spec->step->log_det,
                                     .d_log_det = spec->step->d_log_det,
                                     .bound = (gki_real)flow->log_scale_bound,
                                     .repeats = spec->repeats,
                                     .bins = flow->bins,
                                     .edge = (gki_real)flow->spline_bound};
        in = transform->out = gki_plan_forward(plan, n);
        d_in = transform->d_out = gki_plan_backward(plan, n);
        transform->ops->reserve(transform, plan);
        raw_first += transform->ops->width(flow) * n;
    }
    transforms->out = in;
    transforms->d_out = d_in;
    return GKV_OK;
}

void gki_transforms_free(gki_transforms *transforms)
{
    if (!transforms)
        return;
    gki_mlp_free(&transforms->net);
    memset(transforms, 0, sizeof *transforms);
}

size_t gki_transforms_widest(const gki_transforms *transforms)
{
    return gki_mlp_widest(&transforms->net, transforms->net.count);
}

void gki_transforms_forward(const gki_transforms *transforms, gki_workspace *ws, size_t first,
                            size_t count)
{
    gki_mlp_forward(&transforms->net, ws, first, count);
    for (size_t i = 0; i < transforms->count; i++)
        transforms->list[i].ops->forward(&transforms->list[i], ws, first, count);
}

void gki_transforms_backward(const gki_transforms *transforms, gki_workspace *ws, size_t first,
                             size_t count)
{
    for (size_t i = transforms->count; i-- > 0;)
        transforms->list[i].ops->backward(&transforms->list[i], ws, first, count);
    gki_mlp_backward(&transforms->net, ws, first, count);
}

gki_real *gki_transforms_raw_tangent(const gki_transforms *transforms, const gki_workspace *ws,
                                     size_t first, size_t count, size_t each,
                                     const gki_tangents *scratch)
{
    return gki_mlp_tangent(&transforms->net, ws, transforms->net.count, first, count, each,
                           scratch->a, scratch);
}

void gki_transforms_tangent(const gki_transforms *transforms, const gki_workspace *ws, size_t first,
                            size_t count, size_t each, const gki_real *t_raw, gki_real *t)
{
    for (size_t i = 0; i < transforms->count; i++)
        transforms->list[i].ops->tangent(&transforms->list[i], ws, first, count, each, t_raw, t);
}

void gki_transforms_inverse(const gki_transforms *transforms, gki_workspace *ws, size_t first,
                            size_t count)
{
    gki_mlp_forward(&transforms->net, ws, first, count);
    for (size_t i = transforms->count; i-- > 0;)
        transforms->list[i].ops->inverse(&transforms->list[i], ws, first, count);
}
