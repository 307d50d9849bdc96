#include "nn/workspace.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/simd.h"
#include "nn/gemm.h"

/* Widths are rounded up to whole cache lines. So every slot starts at a cache line, for any number of rows. */
static gkv_slot reserve(size_t *total, size_t width, bool backward)
{
    const size_t line = GKV_ALIGNMENT / sizeof(gkv_real);
    const gkv_slot slot = {*total, width, backward};
    *total += (width + line - 1) / line * line;
    return slot;
}

gkv_slot gkv_plan_forward(gkv_plan *plan, size_t width)
{
    return reserve(&plan->forward_width, width, false);
}

gkv_slot gkv_plan_backward(gkv_plan *plan, size_t width)
{
    return reserve(&plan->backward_width, width, true);
}

gkv_status gkv_workspace_create(const gkv_plan *plan, size_t rows, bool with_backward, const gkv_params *params,
                                gkv_workspace *out)
{
    memset(out, 0, sizeof *out);
    out->rows = rows;
    out->draws = 1;
    out->params = params;
    gkv_status status = gkv_alloc(rows, plan->forward_width * sizeof *out->forward, &out->forward);
    if (status == GKV_OK && with_backward)
        status = gkv_alloc(rows, plan->backward_width * sizeof *out->backward, &out->backward);
    if (status != GKV_OK)
        gkv_workspace_free(out);
    return status;
}

void gkv_workspace_free(gkv_workspace *ws)
{
    if (!ws)
        return;
    free(ws->forward);
    free(ws->backward);
    if (!ws->packed_is_shared)
        free(ws->packed);
    memset(ws, 0, sizeof *ws);
}

gkv_status gkv_workspace_keep_packed(gkv_workspace *ws)
{
    if (ws->packed || !gkv_gemm_kernels_get())
        return GKV_OK;
    return gkv_alloc(ws->params->packed, sizeof *ws->packed, &ws->packed);
}

static size_t pieces_of(const gkv_param *param)
{
    return param->packed ? gkv_pack_pieces(param->rows, param->cols) : 0;
}

size_t gkv_workspace_pack_pieces(const gkv_workspace *ws)
{
    size_t pieces = 0;
    for (size_t i = 0; ws->packed && i < ws->params->count; i++)
        pieces += pieces_of(&ws->params->list[i]);
    return pieces;
}

void gkv_workspace_pack(const gkv_workspace *ws, size_t piece)
{
    const gkv_param *param = ws->params->list;
    for (; piece >= pieces_of(param); param++)
        piece -= pieces_of(param);
    gkv_pack_piece(gkv_gemm_kernels_get(), param->rows, param->cols, ws->params->values + param->offset,
                   piece, ws->packed + param->packed_offset);
}

gkv_status gkv_workspace_keep_all_packed(gkv_workspace *ws, int threads)
{
    GKV_TRY(gkv_workspace_keep_packed(ws));
    const long pieces = (long)gkv_workspace_pack_pieces(ws);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (long p = 0; p < pieces; p++)
        gkv_workspace_pack(ws, (size_t)p);
    return GKV_OK;
}

void gkv_workspace_share_packed(gkv_workspace *ws, const gkv_workspace *of)
{
    if (!ws->packed_is_shared)
        free(ws->packed);
    ws->packed = of->packed;
    ws->packed_is_shared = true;
}
