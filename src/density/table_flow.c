#include "density/table_flow.h"

#include <stdlib.h>
#include <string.h>

#include "config/settings_table.h"
#include "core/memory.h"
#include "core/parse.h"
#include "core/text.h"

/* ROWS: of a workspace for evaluation; FLOW_TILE: of a task. */
enum { ROWS = 4096, FLOW_TILE = 64 };

gkv_status gki_table_flow_find(const char *name, gkv_prior_flow_family *family)
{
    char shown[GKV_PRINTABLE_SIZE];
    const gki_settings_row *row = NULL;
    GKV_TRY(gki_settings_row_find("model", "prior_flow", __func__, &row));
    const int index = gki_parse_choice(row->key.range, name, 0, NULL);
    if (index < 0)
        return gki_fail(GKV_ERR_ARGUMENT, "there is no flow \"%s\": give one of %s",
                        gki_text_printable(name, shown), row->key.range);
    *family = (gkv_prior_flow_family)index;
    return GKV_OK;
}

gkv_status gki_table_flow_create(const gki_table_flow_spec *spec, gki_table_flow **out)
{
    gki_table_flow *made = NULL;
    gkv_settings settings;
    gkv_status status = GKV_OK;
    *out = NULL;
    gkv_settings_defaults(&settings);
    GKV_TRY_GOTO(gki_alloc(1, sizeof *made, &made));
    made->spec = *spec;
    made->w = gki_plan_forward(&made->plan, spec->d);
    made->d_w = gki_plan_backward(&made->plan, spec->d);
    const gki_flow_spec flow = {.z = made->w,
                                .d_z = made->d_w,
                                .layers = spec->layers,
                                .hidden = spec->hidden,
                                .log_scale_bound = settings.model.log_scale_bound,
                                .bins = (size_t)settings.model.spline_bins,
                                .spline_bound = settings.model.spline_bound};
    GKV_TRY_GOTO(gki_flow_of(spec->family)->create(&flow, &made->params, &made->plan, &made->flow));
    const gki_base_spec base = {.eps = made->flow->eps,
                                .d_eps = made->flow->d_eps,
                                .trainable = true,
                                .max_freedom = spec->max_freedom,
                                .seed = spec->seed};
    GKV_TRY_GOTO(gki_base_student_t.create(&base, &made->params, &made->plan, &made->base));
    GKV_TRY_GOTO(gki_params_seal(&made->params));
    made->flow->ops->init(made->flow, &made->params, spec->seed);
    made->base->ops->init(made->base, &made->params);
done:
    if (status != GKV_OK) {
        gki_table_flow_free(made);
        made = NULL;
    }
    *out = made;
    return status;
}

void gki_table_flow_free(gki_table_flow *flow)
{
    if (!flow)
        return;
    if (flow->flow)
        flow->flow->ops->free(flow->flow);
    if (flow->base)
        flow->base->ops->free(flow->base);
    gki_params_free(&flow->params);
    free(flow);
}

/* Normalises the rows in the workspace, tile by tile. */
static void evaluate_rows(const gki_table_flow *flow, gki_workspace *ws, size_t count,
                          const gki_real *w, int threads, double *log_density)
{
    const size_t tiles = (count + FLOW_TILE - 1) / FLOW_TILE;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (size_t t = 0; t < tiles; t++) {
        const size_t first = t * FLOW_TILE,
                     size = count - first < FLOW_TILE ? count - first : FLOW_TILE;
        memcpy(gki_at(ws, flow->w, first), w + first * flow->spec.d,
               size * flow->spec.d * sizeof *w);
        flow->flow->ops->normalise(flow->flow, ws, first, size);
        flow->base->ops->log_density(flow->base, ws, first, size);
        for (size_t r = first; r < first + size; r++)
            log_density[r] = (double)*gki_at(ws, flow->base->log_density, r) +
                             (double)*gki_at(ws, flow->flow->log_det, r);
    }
}

gkv_status gki_table_flow_log_density(const gki_table_flow *flow, const gki_real *values, size_t n,
                                      const gki_real *w, int threads, double *log_density)
{
    gki_params params = flow->params;
    gki_workspace ws = {.rows = 0};
    gkv_status status = GKV_OK;
    params.values = (gki_real *)(uintptr_t)values;
    GKV_TRY_GOTO(gki_workspace_create(&flow->plan, n < ROWS ? n : ROWS, false, &params, &ws));
    GKV_TRY_GOTO(gki_workspace_keep_all_packed(&ws, threads));
    for (size_t first = 0; first < n; first += ROWS)
        evaluate_rows(flow, &ws, n - first < ROWS ? n - first : ROWS, w + first * flow->spec.d,
                      threads, log_density + first);
done:
    gki_workspace_free(&ws);
    return status;
}

gkv_status gki_table_flow_transform(const gki_table_flow *flow, size_t n, gki_real *w, int threads)
{
    gki_workspace ws = {.rows = 0};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_workspace_create(&flow->plan, n < ROWS ? n : ROWS, false, &flow->params, &ws));
    GKV_TRY_GOTO(gki_workspace_keep_all_packed(&ws, threads));
    for (size_t begin = 0; begin < n; begin += ROWS) {
        const size_t count = n - begin < ROWS ? n - begin : ROWS,
                     tiles = (count + FLOW_TILE - 1) / FLOW_TILE;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (size_t t = 0; t < tiles; t++) {
            const size_t first = t * FLOW_TILE,
                         size = count - first < FLOW_TILE ? count - first : FLOW_TILE;
            gki_real *rows = w + (begin + first) * flow->spec.d;
            flow->base->ops->transform(flow->base, &flow->params, size, NULL, rows);
            memcpy(gki_at(&ws, flow->flow->eps, first), rows, size * flow->spec.d * sizeof *rows);
            flow->flow->ops->generate(flow->flow, &ws, first, size);
            memcpy(rows, gki_at(&ws, flow->w, first), size * flow->spec.d * sizeof *rows);
        }
    }
done:
    gki_workspace_free(&ws);
    return status;
}

static int ascending_freedom(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double gki_table_flow_freedom(const gki_table_flow *flow)
{
    double all[GKV_DENSITY_COLUMNS_MAX];
    for (size_t j = 0; j < flow->spec.d; j++)
        all[j] = flow->base->ops->freedom(flow->base, &flow->params, j);
    qsort(all, flow->spec.d, sizeof *all, ascending_freedom);
    return all[flow->spec.d / 2];
}
