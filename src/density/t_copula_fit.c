/* The fit of a t copula; declared in t_copula.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/student_t.h"
#include "core/memory.h"
#include "density/t_copula.h"
#include "density/score_map.h"
#include "num/linalg.h"

/* ITERATIONS: of expectation–maximization for each ν. SCORE_TILE: the rows of a sum that is
 * computed at once; the order of sums does not depend on threads. */
enum { ITERATIONS = 12, SCORE_TILE = 512 };

static const double freedoms[] = {2.5, 3, 3.5, 4, 5, 6, 7, 8, 10, 12, 16, 24, 40, 80, 1000};
enum { FREEDOMS = sizeof freedoms / sizeof *freedoms };

typedef struct copula_fit {
    size_t n, d, tiles;
    const double *z;
    double *y;      /* [n × d] T_ν⁻¹(Φ(z)) */
    double *slopes; /* [tiles] Σ log dy/dz */
    double *sums;   /* [tiles × (d² + 2)] weighted products, Σ w and the log-likelihood */
    double *r, *l;  /* [d × d] */
    int threads;
} copula_fit;

static void map_rows(copula_fit *fit, const gki_score_map *map)
{
#pragma omp parallel for schedule(static) num_threads(fit->threads)
    for (size_t t = 0; t < fit->tiles; t++) {
        const size_t end = (t + 1) * SCORE_TILE < fit->n ? (t + 1) * SCORE_TILE : fit->n;
        fit->slopes[t] = 0;
        for (size_t i = t * SCORE_TILE * fit->d; i < end * fit->d; i++) {
            double slope;
            fit->y[i] = gki_score_map_forward(map, fit->z[i], &slope);
            fit->slopes[t] += slope;
        }
    }
}

/* Adds the rows of a tile: w = (ν + d)/(ν + |L⁻¹y|²). */
static void add_tile(const copula_fit *fit, size_t t, double freedom)
{
    const size_t d = fit->d, end = (t + 1) * SCORE_TILE < fit->n ? (t + 1) * SCORE_TILE : fit->n;
    double *sums = fit->sums + t * (d * d + 2), v[256];
    memset(sums, 0, (d * d + 2) * sizeof *sums);
    for (size_t i = t * SCORE_TILE; i < end; i++) {
        const double *y = fit->y + i * d;
        double square = 0;
        memcpy(v, y, d * sizeof *v);
        gki_cholesky_forward(d, fit->l, v);
        for (size_t j = 0; j < d; j++)
            square += v[j] * v[j];
        const double w = (freedom + (double)d) / (freedom + square);
        for (size_t j = 0; j < d; j++)
            for (size_t k = 0; k <= j; k++)
                sums[j * d + k] += w * y[j] * y[k];
        sums[d * d] += w;
        sums[d * d + 1] -= 0.5 * (freedom + (double)d) * log1p(square / freedom);
    }
}

/* The sums of all tiles, in r; returns the log-likelihood of the current L without constants. */
static double expect(copula_fit *fit, double freedom)
{
    const size_t d = fit->d;
    double likelihood = 0;
#pragma omp parallel for schedule(static) num_threads(fit->threads)
    for (size_t t = 0; t < fit->tiles; t++)
        add_tile(fit, t, freedom);
    memset(fit->r, 0, d * d * sizeof *fit->r);
    for (size_t t = 0; t < fit->tiles; t++) {
        const double *sums = fit->sums + t * (d * d + 2);
        for (size_t i = 0; i < d * d; i++)
            fit->r[i] += sums[i];
        likelihood += sums[d * d + 1];
    }
    return likelihood;
}

/* Makes r a correlation matrix, shrinks it (Schäfer and Strimmer 2005) and factors it. False if it
 * is not positive definite. */
static bool normalise(copula_fit *fit)
{
    const double most = 1 - 1e-7; /* of columns that are no functions of each other */
    const size_t d = fit->d;
    double variances = 0, squares = 0, greatest = 0;
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < i; j++) {
            const double r = fit->r[i * d + j] / sqrt(fit->r[i * d + i] * fit->r[j * d + j]);
            fit->r[i * d + j] = r;
            greatest = fmax(greatest, fabs(r));
            squares += r * r;
            variances += (1 - r * r) * (1 - r * r) / (double)fit->n;
        }
    const double shrink = squares > 0 ? fmin(1, variances / squares) : 0;
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j < i; j++)
            fit->r[i * d + j] *= 1 - shrink;
        fit->r[i * d + i] = 1;
    }
    return greatest < most && gki_cholesky(d, fit->r, 1e-10, fit->l);
}

/* Fits the correlation matrix for one ν. Returns the log-likelihood, or NaN if columns are
 * functions of each other. */
static double fit_freedom(copula_fit *fit, double freedom, gki_score_map *map)
{
    const size_t d = fit->d;
    gki_score_map_fill(map, freedom);
    map_rows(fit, map);
    memset(fit->l, 0, d * d * sizeof *fit->l);
    for (size_t j = 0; j < d; j++)
        fit->l[j * d + j] = 1;
    for (int i = 0; i < ITERATIONS; i++) {
        expect(fit, freedom);
        if (!normalise(fit))
            return NAN;
    }
    double total = expect(fit, freedom);
    for (size_t t = 0; t < fit->tiles; t++)
        total += fit->slopes[t];
    double constant = gki_student_constant(freedom, d);
    for (size_t j = 0; j < d; j++)
        constant -= log(fit->l[j * d + j]);
    return total + (double)fit->n * constant;
}

static void find_copies(const copula_fit *fit, size_t *first, size_t *second)
{
    const size_t d = fit->d;
    double most = -1;
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < i; j++)
            if (fabs(fit->r[i * d + j]) > most) {
                most = fabs(fit->r[i * d + j]);
                *first = j;
                *second = i;
            }
}

gkv_status gki_copula_fit(size_t n, size_t d, const double *z, int threads, size_t *first,
                          size_t *second, gki_copula **out)
{
    copula_fit fit = {
        .n = n, .d = d, .tiles = (n + SCORE_TILE - 1) / SCORE_TILE, .z = z, .threads = threads};
    gki_score_map *map = NULL;
    double *memory = NULL, *best_l = NULL, best = -INFINITY, best_freedom = NAN;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *map, &map));
    GKV_TRY_GOTO(gki_alloc(n * d + fit.tiles * (d * d + 3) + 3 * d * d, sizeof *memory, &memory));
    fit.y = memory;
    fit.slopes = fit.y + n * d;
    fit.sums = fit.slopes + fit.tiles;
    fit.r = fit.sums + fit.tiles * (d * d + 2);
    fit.l = fit.r + d * d;
    best_l = fit.l + d * d;
    for (size_t f = 0, worse = 0; f < FREEDOMS && worse < 2; f++) {
        const double likelihood = fit_freedom(&fit, freedoms[f], map);
        if (isnan(likelihood)) {
            find_copies(&fit, first, second);
            status = gki_fail(GKV_ERR_DATA, "columns are functions of each other");
            goto done;
        }
        worse = likelihood > best ? 0 : worse + 1;
        if (likelihood > best) {
            best = likelihood;
            best_freedom = freedoms[f];
            memcpy(best_l, fit.l, d * d * sizeof *best_l);
        }
    }
    status = gki_copula_create(d, best_freedom, best_freedom, NULL, best_l, out);
done:
    free(memory);
    free(map);
    return status;
}
