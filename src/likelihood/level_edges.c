/* The edges of grey levels: their softmax, its gradient, and searches. */
#include "likelihood/level_edges.h"

#include <math.h>
#include <string.h>

#include "nn/nn_kernels.h"

static const double first_edge = -1 - 1.0 / 255, range = 2 + 2.0 / 255;

gkv_status gki_levels_create(bool learned, gki_likelihood *likelihood, gki_params *params,
                             gki_plan *plan, gki_levels *levels)
{
    levels->learned = learned;
    if (!learned)
        return GKV_OK;
    likelihood->d_own = gki_plan_backward(plan, GKV_LEVELS);
    return gki_params_add(params, GKV_LEVELS, 0, true, &levels->logits, "likelihood.edges");
}

/* Computes the fractions of the range that the levels have. */
static void fractions_of(const gki_levels *levels, const gki_params *params,
                         double fraction[GKV_LEVELS])
{
    if (!levels->learned) {
        for (size_t v = 0; v < GKV_LEVELS; v++)
            fraction[v] = 1.0 / GKV_LEVELS;
        return;
    }
    const gki_real *logit = gki_param_value(params, levels->logits);
    double greatest = (double)logit[0], sum = 0;
    for (size_t v = 1; v < GKV_LEVELS; v++)
        greatest = fmax(greatest, (double)logit[v]);
    for (size_t v = 0; v < GKV_LEVELS; v++)
        sum += fraction[v] = exp(GKV_LEVEL_EDGE_RATE * ((double)logit[v] - greatest));
    for (size_t v = 0; v < GKV_LEVELS; v++)
        fraction[v] /= sum;
}

void gki_levels_edges(const gki_levels *levels, const gki_params *params, gki_level_edges *edges)
{
    double fraction[GKV_LEVELS], sum = 0;
    fractions_of(levels, params, fraction);
    for (size_t v = 0; v < GKV_LEVELS; v++) {
        edges->level[v].lower = v == 0 ? (gki_real)-GKV_LEVEL_FAR : edges->level[v - 1].upper;
        sum += fraction[v];
        edges->level[v].upper =
            v == GKV_LEVELS - 1 ? (gki_real)GKV_LEVEL_FAR : (gki_real)(first_edge + range * sum);
        /* of the rounded edges, so that the probabilities of levels sum to 1 */
        edges->level[v].width = edges->level[v].upper - edges->level[v].lower;
    }
}

void gki_levels_middles(const gki_level_edges *edges, gki_real middles[GKV_LEVELS])
{
    for (size_t v = 0; v < GKV_LEVELS; v++) {
        const double lower = v == 0 ? first_edge : (double)edges->level[v].lower,
                     upper =
                         v == GKV_LEVELS - 1 ? first_edge + range : (double)edges->level[v].upper;
        middles[v] = (gki_real)((lower + upper) / 2);
    }
}

void gki_levels_gradient(const gki_levels *levels, gki_slot d_edges, gki_workspace *ws, size_t rows)
{
    gki_real sum[GKV_LEVELS] = {0}, *grad = gki_param_grad(ws->params, levels->logits);
    double fraction[GKV_LEVELS], d_fraction[GKV_LEVELS], above = 0, mean = 0;
    for (size_t r = 0; r < rows; r++)
        gki_nn_kernels_get()->axpy(GKV_LEVELS, 1, gki_at(ws, d_edges, r), sum);
    /* fraction v moves all edges above level v */
    for (size_t v = GKV_LEVELS; v-- > 0;) {
        d_fraction[v] = range * above;
        above += (double)sum[v];
    }
    fractions_of(levels, ws->params, fraction);
    for (size_t v = 0; v < GKV_LEVELS; v++)
        mean += fraction[v] * d_fraction[v];
    for (size_t v = 0; v < GKV_LEVELS; v++)
        grad[v] = (gki_real)(GKV_LEVEL_EDGE_RATE * fraction[v] * (d_fraction[v] - mean));
}

size_t gki_levels_find(const gki_level_edges *edges, double x)
{
    size_t low = 0, high = GKV_LEVELS - 1; /* the first level whose upper edge is above x */
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (x < (double)edges->level[middle].upper)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
