/* Mixtures as candidates: a normal one on scores, and one of multivariate g-and-k distributions on
 * values. The model is a gkv_mgk_mixture. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "density/table_density.h"
#include "mixture/mixture.h"

/* The most rows of a fit, and the most components in a file. */
enum { MIXTURE_ROWS = 20000, COMPONENTS_MAX = 1024 };

static void free_mixture(void *model)
{
    gkv_mgk_mixture_free(model);
}

/* --- The fit -------------------------------------------------------------- */

/* Fits mixtures of `least` … `most` components. It ends after two mixtures in a row without a
 * better BIC. *best becomes the mixture with the best one, or NULL. */
static gkv_status search_mixture(const gki_density_job *job, size_t n, size_t d, const double *x,
                                 bool normal, size_t least, size_t most, gkv_mgk_mixture **best)
{
    gkv_mgk_mixture_settings settings;
    gkv_mgk_mixture_result result;
    const gkv_run_options options = gki_call_inner(job->call);
    double best_bic = INFINITY;
    gkv_status status = GKV_OK;
    gkv_mgk_mixture_defaults(&settings);
    settings.normal = normal;
    settings.seed = job->settings->seed;
    settings.restarts = 3;
    settings.max_iterations = 100;
    *best = NULL;
    for (size_t k = least, worse = 0; k <= most && worse < 2; k++) {
        gkv_mgk_mixture *mixture = NULL;
        settings.components = k;
        status = gkv_mgk_mixture_fit(n, d, x, &settings, &options, &mixture, &result);
        worse++;
        if (status == GKV_OK && result.bic < best_bic) {
            gkv_mgk_mixture_free(*best);
            *best = mixture;
            best_bic = result.bic;
            worse = 0;
        } else {
            gkv_mgk_mixture_free(mixture);
        }
        if (status != GKV_OK)
            break;
    }
    return status == GKV_ERR_INTERRUPTED || status == GKV_ERR_MEMORY ? status : GKV_OK;
}

/* Fits the mixture with the best BIC of the first fold's rows, or to other rows one of as many
 * components. A mixture that cannot be fitted is left out. */
static gkv_status fit_mixture(gki_density_job *job, const gki_fit_rows *rows, gkv_density *density,
                              gki_candidate *candidate)
{
    const bool on_values = candidate->ops->on_values;
    const size_t used = rows->n < MIXTURE_ROWS ? rows->n : MIXTURE_ROWS;
    size_t *components = &job->components[candidate->number], least = *components, most = least;
    gkv_mgk_mixture *mixture = NULL;
    if (least == 0) {
        const size_t fit = used / (4 * density->d), wanted = job->settings->max_components;
        least = 1;
        most = wanted > 0 ? wanted : fit > 8 ? 8 : fit < 1 ? 1 : fit;
    }
    const gkv_status status = search_mixture(job, used, density->d, on_values ? rows->x : rows->z,
                                             !on_values, least, most, &mixture);
    candidate->model = mixture;
    candidate->info.fitted = mixture != NULL;
    if (mixture)
        *components = candidate->info.components = gkv_mgk_mixture_count(mixture);
    return status;
}

static gkv_status share_mixture(const gki_density_job *job, int owner, gkv_density *density,
                                gki_candidate *candidate)
{
    gkv_mgk_mixture *mixture = candidate->model;
    (void)density;
    const gkv_status status = gki_mgk_mixture_share(job->dist, owner, &mixture);
    candidate->model = mixture;
    return status;
}

/* --- Use ------------------------------------------------------------------ */

static gkv_status mixture_log_density(const gki_candidate *candidate, const gkv_density *density,
                                      size_t n, const double *rows, int threads,
                                      double *log_density)
{
    const gkv_run_options options = {.threads = threads};
    (void)density;
    return gkv_mgk_mixture_log_pdf(candidate->model, n, rows, &options, log_density);
}

static gkv_status draw_mixture(const gki_candidate *candidate, const gkv_density *density, size_t n,
                               uint64_t seed, uint64_t first, int threads, double *rows)
{
    const gkv_run_options options = {.threads = threads};
    (void)density;
    return gkv_mgk_mixture_sample(candidate->model, n, seed, first, &options, rows, NULL);
}

static gkv_status mixture_marginal(const gki_candidate *candidate, size_t count,
                                   const size_t *which, void **model)
{
    gkv_mgk_mixture *marginal = NULL;
    const gkv_status status = gkv_mgk_mixture_marginal(candidate->model, count, which, &marginal);
    *model = marginal;
    return status;
}

static gkv_status mixture_conditional(const gki_candidate *candidate, size_t count,
                                      const size_t *given, const double *values, double *log_given,
                                      void **model)
{
    const gkv_run_options options = {.threads = 1};
    gkv_mgk_mixture *marginal = NULL, *conditional = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_mgk_mixture_marginal(candidate->model, count, given, &marginal));
    GKV_TRY_GOTO(gkv_mgk_mixture_log_pdf(marginal, 1, values, &options, log_given));
    status = gkv_mgk_mixture_conditional(candidate->model, count, given, values, &conditional);
done:
    gkv_mgk_mixture_free(marginal);
    *model = conditional;
    return status;
}

/* --- Files ---------------------------------------------------------------- */

/* The arrays of a mixture, in one block of memory. */
typedef struct mixture_arrays {
    double *weights, *margins, *mean, *cholesky; /* [k], [k × d × 4], [k × d], [k × d × d] */
} mixture_arrays;

static size_t mixture_numbers(size_t k, size_t d)
{
    return k * (1 + 5 * d + d * d);
}

static mixture_arrays arrays_in(double *memory, size_t k, size_t d)
{
    double *const margins = memory + k, *const mean = margins + 4 * k * d;
    return (mixture_arrays){memory, margins, mean, mean + k * d};
}

static gkv_status save_mixture(const gki_candidate *candidate, gki_density_writer *writer)
{
    const gkv_mgk_mixture *mixture = candidate->model;
    const char *name = candidate->ops->name;
    double *memory = NULL;
    if (!mixture)
        return GKV_OK;
    const size_t count = gkv_mgk_mixture_count(mixture), dd = gkv_mgk_mixture_dimensions(mixture);
    const int64_t k = (int64_t)count, d = (int64_t)dd;
    GKV_TRY(gki_density_take(writer, mixture_numbers(count, dd), sizeof *memory, &memory));
    const mixture_arrays a = arrays_in(memory, count, dd);
    gki_mgk_mixture_to_arrays(mixture, a.weights, a.margins, a.mean, a.cholesky);
    GKV_TRY(gki_density_put(writer, name, "weights", GKV_F64, GKV_SHAPE(k), a.weights));
    GKV_TRY(gki_density_put(writer, name, "margins", GKV_F64, GKV_SHAPE(k, d, 4), a.margins));
    GKV_TRY(gki_density_put(writer, name, "mean", GKV_F64, GKV_SHAPE(k, d), a.mean));
    return gki_density_put(writer, name, "cholesky", GKV_F64, GKV_SHAPE(k, d, d), a.cholesky);
}

static gkv_status load_mixture(const gki_density_reader *reader, const gkv_density *density,
                               gki_candidate *candidate)
{
    const char *name = candidate->ops->name;
    const gki_tensor *tensor = gki_density_find(reader, name, "weights", GKV_F64, 1);
    gkv_mgk_mixture *mixture = NULL;
    double *memory = NULL;
    gkv_status status = GKV_OK;
    if (!tensor || tensor->shape[0] < 1 || tensor->shape[0] > COMPONENTS_MAX)
        return gki_density_damaged(reader, "a mixture is missing");
    const int64_t k = tensor->shape[0], d = (int64_t)density->d;
    const size_t count = (size_t)k, dd = density->d;
    GKV_TRY(gki_alloc(mixture_numbers(count, dd), sizeof *memory, &memory));
    const mixture_arrays a = arrays_in(memory, count, dd);
    GKV_TRY_GOTO(gki_density_get(reader, name, "weights", GKV_F64, GKV_SHAPE(k), a.weights));
    GKV_TRY_GOTO(gki_density_get(reader, name, "margins", GKV_F64, GKV_SHAPE(k, d, 4), a.margins));
    GKV_TRY_GOTO(gki_density_get(reader, name, "mean", GKV_F64, GKV_SHAPE(k, d), a.mean));
    GKV_TRY_GOTO(
        gki_density_get(reader, name, "cholesky", GKV_F64, GKV_SHAPE(k, d, d), a.cholesky));
    status = gki_mgk_mixture_from_arrays(dd, count, a.weights, a.margins, gkv_gk_standard().c,
                                         a.mean, a.cholesky, &mixture);
    candidate->model = mixture;
    if (status == GKV_ERR_ARGUMENT)
        status = gki_density_damaged(reader, "a mixture is not a distribution");
done:
    free(memory);
    return status;
}

#define MIXTURE                                                                                  \
    .has_share = true, .columns_min = 1, .fit = fit_mixture, .log_density = mixture_log_density, \
    .draw = draw_mixture, .marginal = mixture_marginal, .conditional = mixture_conditional,      \
    .share = share_mixture, .save = save_mixture, .load = load_mixture, .free = free_mixture

const gki_candidate_ops gki_candidate_normal_mixture = {.name = "normal-mixture",
                                                        .rank = 2,
                                                        MIXTURE};

const gki_candidate_ops gki_candidate_gk_mixture = {.name = "gk-mixture",
                                                    .on_values = true,
                                                    .rank = 0,
                                                    MIXTURE};
