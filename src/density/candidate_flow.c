/* The flow as a candidate: a flow of whitened scores w = L⁻¹z, where LLᵀ is the scatter matrix of
 * the copula. The model is a gki_table_flow. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "density/draw_numbers.h"
#include "density/flow_log.h"
#include "density/table_density.h"
#include "num/linalg.h"

/* The most rows that say when to end a training. */
enum { FLOW_ROWS_HELD_OUT = 10000 };

static void free_flow(void *model)
{
    gki_table_flow_free(model);
}

/* Writes whitened scores of z[n × d] to w[n × d]. Scores that are not finite count as 0. */
static void whiten(const gkv_density *density, size_t n, const double *z, int threads, gki_real *w)
{
    const double *l = gki_copula_cholesky(density->copula);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t i = 0; i < n; i++) {
        double v[GKV_DENSITY_COLUMNS_MAX];
        for (size_t j = 0; j < density->d; j++)
            v[j] = isfinite(z[i * density->d + j]) ? z[i * density->d + j] : 0;
        gki_cholesky_forward(density->d, l, v);
        for (size_t j = 0; j < density->d; j++)
            w[i * density->d + j] = (gki_real)v[j];
    }
}

/* --- The fit -------------------------------------------------------------- */

static gkv_status create_flow(const gki_density_job *job, size_t d, gki_table_flow **out)
{
    const gkv_density_settings *s = job->settings;
    return gki_table_flow_create(&(gki_table_flow_spec){.d = d,
                                                        .layers = s->flow_layers,
                                                        .hidden = s->flow_hidden,
                                                        .family = s->flow,
                                                        .max_freedom = s->max_freedom,
                                                        .seed = s->seed},
                                 out);
}

static gkv_status fit_flow(gki_density_job *job, const gki_fit_rows *rows, gkv_density *density,
                           gki_candidate *candidate)
{
    const gkv_density_settings *s = job->settings;
    /* the last rows, which are in random order, say when to end */
    const size_t n_held_out = rows->fold == 0                    ? 0
                              : rows->n / 6 < FLOW_ROWS_HELD_OUT ? rows->n / 6
                                                                 : FLOW_ROWS_HELD_OUT;
    gki_table_flow *flow = NULL;
    gki_real *w = NULL;
    gkv_status status = GKV_OK;
    gki_flow_training how = {.learning_rate = s->learning_rate,
                             .weight_decay = s->weight_decay,
                             .updates =
                                 n_held_out > 0 ? s->flow_updates : job->updates[candidate->number],
                             .patience = s->patience,
                             .seed = s->seed,
                             .fold = rows->fold,
                             .threads = job->threads};
    GKV_TRY_GOTO(gki_alloc(rows->n * density->d, sizeof *w, &w));
    whiten(density, rows->n, rows->z, job->threads, w);
    const gki_flow_rows data = {.fit = w,
                                .held_out = w + (rows->n - n_held_out) * density->d,
                                .n_fit = rows->n - n_held_out,
                                .n_held_out = n_held_out};
    GKV_TRY_GOTO(create_flow(job, density->d, &flow));
    candidate->model = flow;
    GKV_TRY_GOTO(
        gki_flow_log_train(job->log, job, rows->fold, &data, &how, flow, &candidate->info.updates));
    candidate->info.fitted = true;
    candidate->info.freedom = gki_table_flow_freedom(flow);
done:
    free(w);
    return status;
}

static gkv_status share_flow(const gki_density_job *job, int owner, gkv_density *density,
                             gki_candidate *candidate)
{
    gki_table_flow *flow = candidate->model;
    const gkv_status status = flow ? GKV_OK : create_flow(job, density->d, &flow);
    candidate->model = flow;
    GKV_TRY(gkv_dist_agree(job->dist, status));
    return gkv_dist_broadcast(job->dist, owner, flow->params.total * sizeof(gki_real),
                              flow->params.values);
}

/* --- Use ------------------------------------------------------------------ */

static gkv_status flow_log_density(const gki_candidate *candidate, const gkv_density *density,
                                   size_t n, const double *rows, int threads, double *log_density)
{
    const double *l = gki_copula_cholesky(density->copula);
    const gki_table_flow *flow = candidate->model;
    double log_det = 0;
    gki_real *w = NULL;
    GKV_TRY(gki_alloc(n * density->d, sizeof *w, &w));
    for (size_t j = 0; j < density->d; j++)
        log_det -= log(l[j * density->d + j]);
    whiten(density, n, rows, threads, w);
    const gkv_status status =
        gki_table_flow_log_density(flow, flow->params.values, n, w, threads, log_density);
    for (size_t i = 0; i < n; i++)
        log_density[i] += log_det;
    free(w);
    return status;
}

/* Draws whitened scores from the flow, and turns them into scores. */
static gkv_status draw_flow(const gki_candidate *candidate, const gkv_density *density, size_t n,
                            uint64_t seed, uint64_t first, int threads, double *rows)
{
    const size_t d = density->d;
    const double *l = gki_copula_cholesky(density->copula);
    gki_real *w = NULL;
    GKV_TRY(gki_alloc(n * d, sizeof *w, &w));
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t i = 0; i < n; i++) {
        gki_draw numbers = gki_draw_begin(seed, first + i);
        double two[2];
        (void)gki_draw_choice(&numbers);
        for (size_t j = 0; j < d; j++) {
            if (j % 2 == 0)
                gki_draw_normals(&numbers, two);
            w[i * d + j] = (gki_real)two[j % 2];
        }
    }
    const gkv_status status = gki_table_flow_transform(candidate->model, n, w, threads);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            double sum = 0;
            for (size_t k = 0; k <= j; k++)
                sum += l[j * d + k] * (double)w[i * d + k];
            rows[i * d + j] = sum;
        }
    free(w);
    return status;
}

/* --- Files ---------------------------------------------------------------- */

static gkv_status save_flow(const gki_candidate *candidate, gki_density_writer *writer)
{
    const gki_table_flow *flow = candidate->model;
    const gki_table_flow_spec spec = flow ? flow->spec : (gki_table_flow_spec){.d = 0};
    const char *family = flow ? gki_flow_of(spec.family)->name : "";
    GKV_TRY(gki_density_put_text(writer, "flow", "%s", family));
    GKV_TRY(gki_density_put_text(writer, "flow.layers", "%zu", spec.layers));
    GKV_TRY(gki_density_put_text(writer, "flow.hidden", "%zu", spec.hidden));
    for (size_t i = 0; flow && i < flow->params.count; i++) {
        const gki_param *param = &flow->params.list[i];
        const int64_t shape[2] = {(int64_t)param->rows, (int64_t)param->cols};
        GKV_TRY(gki_density_put(writer, candidate->ops->name, param->name, GKV_REAL_DTYPE,
                                param->cols ? 2 : 1, shape, gki_param_value(&flow->params, i)));
    }
    return GKV_OK;
}

static gkv_status load_weights(const gki_density_reader *reader, const char *name,
                               gki_params *params)
{
    for (size_t i = 0; i < params->count; i++) {
        const gki_param *param = &params->list[i];
        const int64_t shape[2] = {(int64_t)param->rows, (int64_t)param->cols};
        gki_real *values = gki_param_value(params, i);
        GKV_TRY(gki_density_get(reader, name, param->name, GKV_REAL_DTYPE, param->cols ? 2 : 1,
                                shape, values));
        for (size_t e = 0; e < param->size; e++)
            if (!isfinite(values[e]))
                return gki_density_damaged(reader, "a weight of the flow is not finite");
    }
    return GKV_OK;
}

static gkv_status load_flow(const gki_density_reader *reader, const gkv_density *density,
                            gki_candidate *candidate)
{
    const char *family = gki_safetensors_metadata(reader->file, "flow");
    gki_table_flow *flow = NULL;
    gki_table_flow_spec spec = {.d = density->d,
                                .layers = gki_density_number(reader, "flow.layers"),
                                .hidden = gki_density_number(reader, "flow.hidden")};
    if (spec.layers < 1 || spec.layers > 64 || spec.hidden < 1 || spec.hidden > 1024 ||
        density->d < candidate->ops->columns_min || !family ||
        gki_table_flow_find(family, &spec.family) != GKV_OK)
        return gki_density_damaged(reader, "its flow is unknown");
    GKV_TRY(
        gki_density_damaged_by(reader, gki_table_flow_create(&spec, &flow), "its flow is unknown"));
    candidate->model = flow;
    GKV_TRY(load_weights(reader, candidate->ops->name, &flow->params));
    GKV_TRY(gki_density_damaged_by(
        reader, gki_flow_check(flow->flow, &flow->params),
        "a weight of the flow is not 0 where the order of dimensions needs it"));
    return gki_density_damaged_by(reader, flow->base->ops->check(flow->base, &flow->params),
                                  "the base of the flow is not a distribution");
}

const gki_candidate_ops gki_candidate_flow = {.name = "flow",
                                              .has_share = true,
                                              .columns_min = 2,
                                              .rank = 1,
                                              .ranks_by_fold = true,
                                              .fit = fit_flow,
                                              .log_density = flow_log_density,
                                              .draw = draw_flow,
                                              .share = share_flow,
                                              .save = save_flow,
                                              .load = load_flow,
                                              .free = free_flow};
