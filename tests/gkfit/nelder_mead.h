/* The greatest likelihood of a sample by Nelder and Mead's simplex from many starts: slow, without
 * derivatives, and independent of the library's solvers. bench/starts.c and tests/gkfit compare
 * fits with it.
 *
 * Its domain is that of GKV_GK_MLE: |g| ≤ 100 and k ≥ k_min(g) + min(3/n, 0.05). Points outside are
 * moved to its border. A parameter may be held, and c may be free. */
#ifndef GKV_BENCH_NELDER_MEAD_H
#define GKV_BENCH_NELDER_MEAD_H

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gkvae/gk.h"
#include "gkvae/gk_batch.h"

enum { NM_MOST = 5, NM_STARTS = 10, NM_EVALUATIONS = 500, NM_RESTARTS = 8, NM_CHUNK = 256 };

/* A sample and its quartiles. */
typedef struct nm_sample {
    size_t n;
    const double *x; /* in ascending order */
    double median, spread;
    bool holds; /* whether parameter number `held` has this value */
    int held;
    double value;
    double least_g; /* the least |g| for which a held k is valid */
    bool free_c;    /* whether c is a fifth variable, in [0.001, 0.999] */
} nm_sample;

/* The least k − k_min(g). */
static inline double nm_distance(const nm_sample *s)
{
    return fmin(3.0 / (double)s->n, 0.05);
}

static inline int nm_variables(const nm_sample *s)
{
    return s->free_c ? 5 : 4;
}

/* The parameters of a vertex (A/spread, log B/spread, g, k − k_min(g), logit c). */
static inline gkv_gk nm_gk(const nm_sample *s, const double v[NM_MOST])
{
    gkv_gk gk = {.c = gkv_gk_standard().c};
    if (s->free_c)
        gk.c = fmax(0.001, fmin(0.999, 1.0 / (1.0 + exp(-v[4]))));
    gk.a = s->median + s->spread * v[0];
    gk.b = s->spread * exp(fmax(-13.0, fmin(13.0, v[1])));
    gk.g = fmax(-100.0, fmin(100.0, s->holds && s->held == GKV_GK_G ? s->value : v[2]));
    if (fabs(gk.g) < 1e-9) /* at g = 0 alone k may be −½ */
        gk.g = copysign(1e-9, gk.g);
    gk.g += copysign(s->least_g, gk.g);
    gk.k = gkv_gk_k_min(gk.g, gk.c) + fmax(nm_distance(s), fmin(25.0, v[3]));
    if (s->holds && s->held == GKV_GK_A)
        gk.a = s->value;
    if (s->holds && s->held == GKV_GK_B)
        gk.b = s->value;
    if (s->holds && s->held == GKV_GK_K)
        gk.k = s->value;
    return gk;
}

static inline double nm_log_likelihood(const nm_sample *s, const gkv_gk *gk)
{
    double log_pdf[NM_CHUNK], sum = 0.0;
    const gkv_gk_at_x out = {.log_pdf = log_pdf};
    for (size_t i = 0; i < s->n; i += NM_CHUNK) {
        const size_t count = s->n - i < NM_CHUNK ? s->n - i : NM_CHUNK;
        if (gkv_gk_batch_x(gk, count, s->x + i, &out) != GKV_OK)
            return -INFINITY;
        for (size_t j = 0; j < count; j++)
            sum += log_pdf[j];
    }
    return isnan(sum) ? -INFINITY : sum;
}

static inline double nm_value(const nm_sample *s, const double v[NM_MOST])
{
    const gkv_gk gk = nm_gk(s, v);
    return nm_log_likelihood(s, &gk);
}

typedef struct nm_simplex {
    double v[NM_MOST + 1][NM_MOST], value[NM_MOST + 1];
} nm_simplex;

/* Sorts the vertices by their values, the greatest first. */
static inline void nm_sort(int d, nm_simplex *x)
{
    for (int i = 1; i <= d; i++)
        for (int j = i; j > 0 && x->value[j] > x->value[j - 1]; j--) {
            double v[NM_MOST];
            const double value = x->value[j];
            memcpy(v, x->v[j], sizeof v);
            memcpy(x->v[j], x->v[j - 1], sizeof v);
            memcpy(x->v[j - 1], v, sizeof v);
            x->value[j] = x->value[j - 1];
            x->value[j - 1] = value;
        }
}

/* The point at `way` times the distance of the worst vertex from the centre of the others. */
static inline double nm_try(const nm_sample *s, const nm_simplex *x, double way, double v[NM_MOST])
{
    const int d = nm_variables(s);
    for (int j = 0; j < d; j++) {
        double centre = 0.0;
        for (int i = 0; i < d; i++)
            centre += x->v[i][j] / d;
        v[j] = centre + way * (x->v[d][j] - centre);
    }
    return nm_value(s, v);
}

/* Climbs from v; the simplex has edges of `edge` times (0.2, 0.2, 0.5 + |g|/4, 0.1, 0.5). Returns
 * the value at the new v. */
static inline double nm_climb(const nm_sample *s, double edge, double v[NM_MOST])
{
    const double edges[NM_MOST] = {0.2, 0.2, 0.5 + fabs(v[2]) / 4.0, 0.1, 0.5};
    const int d = nm_variables(s);
    nm_simplex x;
    for (int i = 0; i <= d; i++) {
        memcpy(x.v[i], v, sizeof x.v[i]);
        if (i > 0)
            x.v[i][i - 1] += edge * edges[i - 1];
        x.value[i] = nm_value(s, x.v[i]);
    }
    for (int used = 5; used < NM_EVALUATIONS; used += 2) {
        double a[NM_MOST], b[NM_MOST];
        nm_sort(d, &x);
        if (x.value[0] - x.value[d] < 1e-7)
            break;
        const double reflected = nm_try(s, &x, -1.0, a);
        if (reflected > x.value[d - 1]) {
            const double further = reflected > x.value[0] ? nm_try(s, &x, -2.0, b) : -INFINITY;
            memcpy(x.v[d], further > reflected ? b : a, sizeof a);
            x.value[d] = fmax(further, reflected);
            continue;
        }
        const double nearer = nm_try(s, &x, reflected > x.value[d] ? -0.5 : 0.5, a);
        if (nearer > fmax(x.value[d], reflected)) {
            memcpy(x.v[d], a, sizeof a);
            x.value[d] = nearer;
            continue;
        }
        for (int i = 1; i <= d; i++) {
            for (int j = 0; j < d; j++)
                x.v[i][j] = 0.5 * (x.v[i][j] + x.v[0][j]);
            x.value[i] = nm_value(s, x.v[i]);
        }
        used += 4;
    }
    nm_sort(d, &x);
    memcpy(v, x.v[0], sizeof x.v[0]);
    return x.value[0];
}

static inline nm_sample nm_sample_of(size_t n, const double *x)
{
    return (nm_sample){
        .n = n, .x = x, .median = x[n / 2], .spread = (x[3 * n / 4] - x[n / 4]) / 1.349};
}

/* The greatest log-likelihood of a sample that the simplex finds, and where. */
static inline double nm_fit_sample(const nm_sample *s, gkv_gk *fitted)
{
    static const double shapes[NM_STARTS][2] = {{0.1, 0.2}, {0.1, 1.2}, {1, 0.7}, {-1, 0.7},
                                                {3, 0.3},   {-3, 0.3},  {8, 0.6}, {-8, 0.6},
                                                {30, 0.55}, {-30, 0.55}}; /* g, k − k_min(g) */
    double best = -INFINITY, where[NM_MOST] = {0};
    for (int i = 0; i < NM_STARTS * (s->free_c ? 2 : 1); i++) {
        const double *shape = shapes[i % NM_STARTS];
        double v[NM_MOST] = {0.0, 0.0, shape[0], shape[1], 1.5 * (double)(i / NM_STARTS)};
        const gkv_gk unit = nm_gk(s, v);
        v[1] -= unit.k * log1p(0.45494); /* the quartiles of the sample */
        const double value = nm_climb(s, 1.0, v);
        if (value > best) {
            best = value;
            memcpy(where, v, sizeof v);
        }
    }
    for (int restart = 0; restart < NM_RESTARTS; restart++) {
        const double value = nm_climb(s, restart % 2 ? -0.1 : 0.5, where);
        const int done = restart > 1 && !(value > best + 1e-3);
        best = fmax(best, value);
        if (done)
            break;
    }
    *fitted = nm_gk(s, where);
    return best;
}

/* The same for x[n] in ascending order. */
static inline double nm_fit(size_t n, const double *x, gkv_gk *fitted)
{
    const nm_sample s = nm_sample_of(n, x);
    return nm_fit_sample(&s, fitted);
}

/* The same with c free. */
static inline double nm_fit_c(size_t n, const double *x, gkv_gk *fitted)
{
    nm_sample s = nm_sample_of(n, x);
    s.free_c = true;
    return nm_fit_sample(&s, fitted);
}

/* The same with parameter number `held` (A, B, g, k) at this value. */
static inline double nm_fit_held(size_t n, const double *x, int held, double value, gkv_gk *fitted)
{
    nm_sample s = nm_sample_of(n, x);
    s.holds = true;
    s.held = held;
    s.value = value;
    /* k_min decreases as |g| increases */
    double low = 0.0, high = held == GKV_GK_K ? 100.0 : 0.0;
    for (int i = 0; i < 60 && high > low; i++) {
        const double middle = 0.5 * (low + high);
        if (gkv_gk_k_min(fmax(middle, 1e-9), gkv_gk_standard().c) + nm_distance(&s) <= value)
            high = middle;
        else
            low = middle;
    }
    s.least_g = high;
    return nm_fit_sample(&s, fitted);
}

#endif
