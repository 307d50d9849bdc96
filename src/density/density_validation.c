/* Validation: the share of the copula, the choice of a candidate, and the calibration of tails;
 * declared in table_density.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "density/table_density.h"
#include "gkvae/gk_fit.h"
#include "num/sort.h"

/* The draws by which tail quantiles are predicted. */
enum { TAIL_DRAWS = 60000 };

/* The least and the greatest share ε of the copula. */
static const double copula_share_min = 0.002, copula_share_max = 0.5;

static const double tail_levels[GKV_DENSITY_TAILS] = {0.01, 0.001};

gkv_status gki_validation_begin(size_t n, gki_validation *out)
{
    *out = (gki_validation){.n = n};
    GKV_TRY(gki_alloc(n, sizeof(double), &out->copula));
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        GKV_TRY(gki_alloc(n, sizeof(double), &out->unmixed[c]));
        GKV_TRY(gki_alloc(n, sizeof(double), &out->mixed[c]));
    }
    return GKV_OK;
}

void gki_validation_end(gki_validation *validation)
{
    free(validation->copula);
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        free(validation->unmixed[c]);
        free(validation->mixed[c]);
    }
    *validation = (gki_validation){.n = 0};
}

/* --- The share of the copula ---------------------------------------------- */

/* Maximizes Σ log((1−ε)e^unmixed + ε e^copula) by expectation–maximization. */
static double find_copula_share(size_t n, const double *unmixed, const double *copula)
{
    double share = 0.02;
    for (int i = 0; i < 300; i++) {
        double sum = 0;
        for (size_t r = 0; r < n; r++) {
            const double all = gki_density_mixed(share, unmixed[r], copula[r]);
            sum += all == -INFINITY ? share : exp(log(share) + copula[r] - all);
        }
        const double next = fmin(fmax(sum / (double)n, copula_share_min), copula_share_max);
        const bool converged = fabs(next - share) < 1e-5;
        share = next;
        if (converged)
            break;
    }
    return share;
}

/* --- The choice ----------------------------------------------------------- */

static double mean_of(size_t n, const double *a, const double *b, double *se)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        mean += (a[i] - (b ? b[i] : 0)) / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double off = a[i] - (b ? b[i] : 0) - mean;
        squares += off * off;
    }
    *se = n > 1 ? sqrt(squares / (double)(n - 1) / (double)n) : NAN;
    return mean;
}

/* Keeps the log densities of at most GKV_CALIBRATION_MAX rows in ascending order. */
static gkv_status keep_calibration(size_t n, const double *values, gki_candidate *candidate)
{
    const size_t count = n < GKV_CALIBRATION_MAX ? n : GKV_CALIBRATION_MAX;
    double *spare = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(count, sizeof *spare, &spare));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *candidate->calibration, &candidate->calibration));
    memcpy(candidate->calibration, values, count * sizeof *values);
    gki_sort(count, candidate->calibration, NULL, spare);
    candidate->n_calibration = count;
done:
    free(spare);
    return status;
}

gkv_status gki_validation_choose(gki_validation *validation, gkv_density *density)
{
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gki_candidate *candidate = &density->candidates[c];
        if (!candidate->info.fitted)
            continue;
        if (candidate->ops->has_share)
            candidate->info.copula_share =
                find_copula_share(validation->n, validation->unmixed[c], validation->copula);
        candidate->info.rows = validation->n;
        candidate->info.lowest = INFINITY;
        for (size_t r = 0; r < validation->n; r++) {
            validation->mixed[c][r] = gki_density_mixed(
                candidate->info.copula_share, validation->unmixed[c][r], validation->copula[r]);
            candidate->info.lowest = fmin(candidate->info.lowest, validation->mixed[c][r]);
        }
        candidate->info.held_out =
            mean_of(validation->n, validation->mixed[c], NULL, &candidate->info.se);
        GKV_TRY(keep_calibration(validation->n, validation->mixed[c], candidate));
        if (isfinite(candidate->info.held_out) &&
            (density->chosen < 0 ||
             candidate->info.held_out > density->candidates[density->chosen].info.held_out))
            density->chosen = c;
    }
    if (density->chosen < 0)
        return gki_fail(GKV_ERR_NUMERIC, "no candidate could be fitted");
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        if (density->candidates[c].info.fitted)
            density->candidates[c].info.difference =
                mean_of(validation->n, validation->mixed[c], validation->mixed[density->chosen],
                        &density->candidates[c].info.difference_se);
    return GKV_OK;
}

/* --- Tails ---------------------------------------------------------------- */

/* Counts the values of one column beyond the quantiles of the sorted draws. */
static void count_column(size_t n, size_t d, const double *values, const double *draws,
                         double beyond[GKV_DENSITY_TAILS])
{
    for (size_t t = 0; t < GKV_DENSITY_TAILS; t++) {
        const size_t rank = (size_t)(tail_levels[t] * TAIL_DRAWS);
        const double low = draws[rank], high = draws[TAIL_DRAWS - 1 - rank];
        for (size_t i = 0; i < n; i++)
            beyond[t] += (values[i * d] < low) + (values[i * d] > high);
    }
}

gkv_status gki_validation_tails(const gkv_density *density, int64_t candidate, size_t n,
                                const double *x, uint64_t seed, int threads,
                                double beyond[GKV_DENSITY_TAILS])
{
    const bool scores = !density->candidates[candidate].ops->on_values;
    const size_t d = density->d;
    const gkv_run_options options = {.threads = threads};
    double *draws = NULL, *values = NULL;
    gki_call call;
    gkv_status status = GKV_OK;
    GKV_TRY(gki_call_begin(&call, &options, 0));
    GKV_TRY_GOTO(gki_alloc((d + 2) * TAIL_DRAWS, sizeof *draws, &draws));
    GKV_TRY_GOTO(gki_alloc(n * d, sizeof *values, &values));
    memcpy(values, x, n * d * sizeof *x);
    if (scores)
        GKV_TRY_GOTO(gkv_density_scores(density, n, x, &options, values, NULL));
    GKV_TRY_GOTO(gki_density_draw(density, candidate, TAIL_DRAWS, seed, 0, &call, scores, draws));
    double *column = draws + d * TAIL_DRAWS, *spare = column + TAIL_DRAWS;
    for (size_t j = 0; j < d; j++) {
        for (size_t i = 0; i < TAIL_DRAWS; i++)
            column[i] = isfinite(draws[i * d + j]) ? draws[i * d + j] : 0;
        gki_sort(TAIL_DRAWS, column, NULL, spare);
        count_column(n, d, values + j, column, beyond);
    }
done:
    free(draws);
    free(values);
    return status;
}

void gki_validation_shares(const gki_validation *validation, gkv_density *density)
{
    const double total = 2 * (double)validation->n * (double)density->d;
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gkv_density_candidate_info *info = &density->candidates[c].info;
        for (size_t t = 0; info->fitted && t < GKV_DENSITY_TAILS; t++) {
            const double count = validation->beyond[c][t];
            info->beyond[t] = count / total;
            info->beyond_low[t] = count > 0 ? gkv_gk_order_level(total, count, 0.025) : 0;
            info->beyond_high[t] = count < total ? gkv_gk_order_level(total, count + 1, 0.975) : 1;
        }
    }
}
