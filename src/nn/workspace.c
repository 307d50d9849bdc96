#include "nn/workspace.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/simd.h"
#include "nn/gemm.h"
#include "nn/map_layer.h"

/* Packed weights of this size stay in a cache. With the weights, gradients and moments, which a
 * step reads too, they are a sixth of its data. */
enum { CACHED_BYTES = 4 << 20 };

/* Widths are rounded up to whole cache lines. So every slot starts at a cache line, for any number
 * of rows. */
static gki_slot reserve(size_t *total, size_t width, bool backward)
{
    const size_t line = GKV_ALIGNMENT / sizeof(gki_real);
    const gki_slot slot = {*total, width, backward};
    *total += (width + line - 1) / line * line;
    return slot;
}

gki_slot gki_plan_forward(gki_plan *plan, size_t width)
{
    return reserve(&plan->forward_width, width, false);
}

gki_slot gki_plan_backward(gki_plan *plan, size_t width)
{
    return reserve(&plan->backward_width, width, true);
}

size_t gki_plan_rows(const gki_plan *plan, size_t least, size_t most)
{
    enum { ELEMENTS = 1 << 23 }; /* 32 MB in single precision */
    const size_t rows = plan->forward_width ? ELEMENTS / plan->forward_width : most;
    return rows < least ? least : rows < most ? rows : most;
}

gkv_status gki_workspace_create(const gki_plan *plan, size_t rows, bool with_backward,
                                const gki_params *params, gki_workspace *out)
{
    memset(out, 0, sizeof *out);
    out->rows = rows;
    out->draws = 1;
    out->params = params;
    gkv_status status = gki_alloc(rows, plan->forward_width * sizeof *out->forward, &out->forward);
    if (status == GKV_OK && with_backward)
        status = gki_alloc(rows, plan->backward_width * sizeof *out->backward, &out->backward);
    if (status != GKV_OK)
        gki_workspace_free(out);
    return status;
}

void gki_workspace_free(gki_workspace *ws)
{
    if (!ws)
        return;
    free(ws->forward);
    free(ws->backward);
    if (!ws->packed_is_shared)
        free(ws->packed);
    memset(ws, 0, sizeof *ws);
}

/* Allocates memory for the packed weights of some tensors. */
static gkv_status keep(gki_workspace *ws, gki_param_range kept)
{
    const gki_params *params = ws->params;
    if (ws->packed || kept.first >= kept.end || !gki_gemm_kernels_get())
        return GKV_OK;
    const size_t end =
        kept.end < params->count ? params->list[kept.end].packed_offset : params->packed;
    const size_t size = end - params->list[kept.first].packed_offset;
    ws->kept = kept;
    ws->packed_streams = size * sizeof *ws->packed > CACHED_BYTES;
    return gki_alloc(size, sizeof *ws->packed, &ws->packed);
}

static gki_param_range all_of(const gki_params *params)
{
    return (gki_param_range){0, params->count};
}

gkv_status gki_workspace_keep_packed(gki_workspace *ws)
{
    return keep(ws, all_of(ws->params));
}

static size_t pieces_of(const gki_param *param)
{
    return !param->packed  ? 0
           : param->kernel ? gki_conv_pack_pieces(param)
                           : gki_pack_pieces(param->rows, param->cols);
}

size_t gki_workspace_pack_pieces(const gki_workspace *ws)
{
    size_t pieces = 0;
    for (size_t i = ws->kept.first; ws->packed && i < ws->kept.end; i++)
        pieces += pieces_of(&ws->params->list[i]);
    return pieces;
}

void gki_workspace_pack(const gki_workspace *ws, size_t piece)
{
    const gki_param *param = ws->params->list + ws->kept.first;
    for (; piece >= pieces_of(param); param++)
        piece -= pieces_of(param);
    const gki_real *weight = ws->params->values + param->offset;
    gki_real *packed =
        ws->packed + (param->packed_offset - ws->params->list[ws->kept.first].packed_offset);
    if (param->kernel)
        gki_conv_pack(param, weight, piece, packed);
    else
        gki_pack_piece(gki_gemm_kernels_get(), param->rows, param->cols, weight, piece,
                       ws->packed_streams, packed);
}

gkv_status gki_workspace_keep_all_packed(gki_workspace *ws, int threads)
{
    return gki_workspace_keep_some_packed(ws, all_of(ws->params), threads);
}

gkv_status gki_workspace_keep_some_packed(gki_workspace *ws, gki_param_range kept, int threads)
{
    GKV_TRY(keep(ws, kept));
    const long pieces = (long)gki_workspace_pack_pieces(ws);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (long p = 0; p < pieces; p++)
        gki_workspace_pack(ws, (size_t)p);
    return GKV_OK;
}

void gki_workspace_share_packed(gki_workspace *ws, const gki_workspace *shared)
{
    if (!ws->packed_is_shared)
        free(ws->packed);
    ws->packed = shared->packed;
    ws->kept = shared->kept;
    ws->packed_is_shared = true;
}
