/* The t copula as a distribution; declared in t_copula.h. */
#include "density/t_copula.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/student_t.h"
#include "core/memory.h"
#include "density/score_map.h"
#include "num/linalg.h"

struct gki_copula {
    size_t d;
    double freedom; /* ν' */
    double constant;
    double *location, *cholesky; /* [d], [d × d] */
    gki_score_map map;           /* of ν */
};

gkv_status gki_copula_create(size_t d, double map_freedom, double freedom, const double *location,
                             const double *cholesky, gki_copula **out)
{
    gki_copula *copula = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    bool valid = map_freedom > 0 && isfinite(map_freedom) && freedom > 0 && isfinite(freedom);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++)
            valid &= isfinite(cholesky[i * d + j]) && (j < i || cholesky[i * d + j] > 0);
    for (size_t i = 0; i < d && location; i++)
        valid &= (bool)isfinite(location[i]);
    if (!valid)
        return gki_fail(GKV_ERR_DATA, "the t copula is not a distribution");
    GKV_TRY_GOTO(gki_alloc(1, sizeof *copula, &copula));
    GKV_TRY_GOTO(gki_alloc(d + d * d, sizeof *copula->location, &copula->location));
    copula->cholesky = copula->location + d;
    copula->d = d;
    copula->freedom = freedom;
    if (location)
        memcpy(copula->location, location, d * sizeof *location);
    memcpy(copula->cholesky, cholesky, d * d * sizeof *cholesky);
    copula->constant = gki_student_constant(freedom, d);
    for (size_t i = 0; i < d; i++)
        copula->constant -= log(cholesky[i * d + i]);
    gki_score_map_fill(&copula->map, map_freedom);
    *out = copula;
    return GKV_OK;
done:
    gki_copula_free(copula);
    return status;
}

void gki_copula_free(gki_copula *copula)
{
    if (copula)
        free(copula->location);
    free(copula);
}

double gki_copula_freedom(const gki_copula *copula)
{
    return copula->freedom;
}

const double *gki_copula_cholesky(const gki_copula *copula)
{
    return copula->cholesky;
}

double gki_copula_log_density(const gki_copula *copula, const double *z, double *y)
{
    double sum = copula->constant, slope, most = 0, squares = 0;
    for (size_t j = 0; j < copula->d; j++) {
        y[j] = gki_score_map_forward(&copula->map, z[j], &slope) - copula->location[j];
        sum += slope;
    }
    gki_cholesky_forward(copula->d, copula->cholesky, y);
    /* y may be so large that its square overflows */
    for (size_t j = 0; j < copula->d; j++)
        most = fmax(most, fabs(y[j]));
    for (size_t j = 0; j < copula->d && most > 0; j++)
        squares += (y[j] / most) * (y[j] / most);
    const double log_square =
        most > 0 ? 2 * log(most) + log(squares) - log(copula->freedom) : -INFINITY;
    const double beyond = log_square > 30 ? log_square : log1p(exp(log_square));
    return sum - 0.5 * (copula->freedom + (double)copula->d) * beyond;
}

void gki_copula_transform(const gki_copula *copula, double ratio, double *normals, double *z)
{
    const double scale = sqrt(ratio);
    for (size_t i = 0; i < copula->d; i++) {
        double y = 0;
        for (size_t j = 0; j <= i; j++)
            y += copula->cholesky[i * copula->d + j] * normals[j];
        z[i] = gki_score_map_inverse(&copula->map, copula->location[i] + scale * y);
    }
}

/* --- Margins and conditionals --------------------------------------------- */

/* S = LLᵀ of the coordinates in this order, and their locations. */
static void reorder(const gki_copula *copula, size_t count, const size_t *order, double *scatter,
                    double *location)
{
    const size_t d = copula->d;
    for (size_t i = 0; i < count; i++) {
        location[i] = copula->location[order[i]];
        for (size_t j = 0; j < count; j++) {
            double sum = 0;
            for (size_t k = 0; k < d; k++)
                sum += copula->cholesky[order[i] * d + k] * copula->cholesky[order[j] * d + k];
            scatter[i * count + j] = sum;
        }
    }
}

static gkv_status factor(size_t d, double *scatter)
{
    return gki_cholesky(d, scatter, 1e-14, scatter)
               ? GKV_OK
               : gki_fail(GKV_ERR_NUMERIC, "the scatter matrix is singular");
}

gkv_status gki_copula_marginal(const gki_copula *copula, size_t count, const size_t *which,
                               gki_copula **out)
{
    double *scatter = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(gki_alloc(count * count + count, sizeof *scatter, &scatter));
    reorder(copula, count, which, scatter, scatter + count * count);
    GKV_TRY_GOTO(factor(count, scatter));
    status = gki_copula_create(count, copula->map.freedom, copula->freedom, scatter + count * count,
                               scatter, out);
done:
    free(scatter);
    return status;
}

/* With the given coordinates first, L of all has the factor of the conditional scatter as its last
 * block, and the conditional location follows from w = L⁻¹(y − m) of the given ones. The scatter is
 * multiplied by (ν + |w|²)/(ν + count). */
gkv_status gki_copula_conditional(const gki_copula *copula, size_t count, const size_t *given,
                                  const double *values, double *log_given, gki_copula **out)
{
    const size_t d = copula->d, left = d - count;
    double *scatter = NULL, slope, square = 0;
    size_t *order = NULL, n = count;
    gki_copula *marginal = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(gki_alloc(d * d + 2 * d + left * left, sizeof *scatter, &scatter));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *order, &order));
    double *location = scatter + d * d, *w = location + d, *block = w + d;
    for (size_t j = 0; j < d; j++) {
        bool is_given = false;
        for (size_t i = 0; i < count; i++)
            is_given |= given[i] == j;
        if (!is_given)
            order[n++] = j;
    }
    memcpy(order, given, count * sizeof *order);
    GKV_TRY_GOTO(gki_copula_marginal(copula, count, given, &marginal));
    *log_given = gki_copula_log_density(marginal, values, w);
    reorder(copula, d, order, scatter, location);
    GKV_TRY_GOTO(factor(d, scatter));
    for (size_t i = 0; i < count; i++) {
        w[i] = gki_score_map_forward(&copula->map, values[i], &slope) - location[i];
        for (size_t j = 0; j < i; j++)
            w[i] -= scatter[i * d + j] * w[j];
        w[i] /= scatter[i * d + i];
        square += w[i] * w[i];
    }
    const double freedom = copula->freedom + (double)count,
                 scale = sqrt((copula->freedom + square) / freedom);
    for (size_t i = 0; i < left; i++) {
        for (size_t j = 0; j < count; j++)
            location[count + i] += scatter[(count + i) * d + j] * w[j];
        for (size_t j = 0; j <= i; j++)
            block[i * left + j] = scale * scatter[(count + i) * d + count + j];
    }
    status = gki_copula_create(left, copula->map.freedom, freedom, location + count, block, out);
done:
    gki_copula_free(marginal);
    free(order);
    free(scatter);
    return status;
}
