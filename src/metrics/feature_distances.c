/* Distances between two sets of features: the Fréchet distance and the kernel inception
 * distance. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "core/call.h"
#include "core/memory.h"
#include "gkvae/dist.h"
#include "core/rng.h"
#include "gkvae/generation_metrics.h"
#include "gkvae/image_metrics.h"
#include "metrics/feature_covariance.h"
#include "metrics/pairs.h"
#include "metrics/sets.h"

/* --- The Fréchet distance ------------------------------------------------- */

/* It is that of two normal distributions that have the moments of the sets. */

typedef struct moments {
    double *mean;       /* [d] */
    double *covariance; /* [d × d] */
} moments;

static gkv_status moments_of(const float *x, size_t n, size_t d, moments *out)
{
    double *rows = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d, sizeof(double), &out->mean));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof(double), &out->covariance));
    GKV_TRY_GOTO(gki_alloc(n, d * sizeof(double), &rows));
    for (size_t i = 0; i < n * d; i++)
        rows[i] = (double)x[i];
    gki_moments(rows, n, d, (double)(n - 1), out->mean, out->covariance);
done:
    free(rows);
    return status;
}

static void moments_free(moments *m)
{
    free(m->mean);
    free(m->covariance);
    *m = (moments){0};
}

static double root(double eigenvalue)
{
    /* because of rounding, an eigenvalue of 0 may be slightly negative */
    return sqrt(fmax(eigenvalue, 0));
}

/* Computes tr (AB)^½ for positive semidefinite A and B[d × d]. With A = Vᵀ Λ V, it is Σ √λ over the
 * eigenvalues λ of the symmetric Λ^½ V B Vᵀ Λ^½, which are those of A^½ B A^½. Overwrites A. */
static gkv_status root_trace(double *a, const double *b, size_t d, double *trace)
{
    double *v = NULL, *vb = NULL, *product = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *v, &v));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *vb, &vb));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *product, &product));
    GKV_TRY_GOTO(gki_jacobi(a, v, d));
    for (size_t i = 0; i < d; i++)
        for (size_t k = 0; k < d; k++)
            for (size_t j = 0; j < d; j++)
                vb[i * d + j] += v[i * d + k] * b[k * d + j];
    for (size_t i = 0; i < d; i++)
        for (size_t j = i; j < d; j++) {
            double sum = 0;
            for (size_t k = 0; k < d; k++)
                sum += vb[i * d + k] * v[j * d + k];
            product[i * d + j] = product[j * d + i] = root(a[i * d + i]) * sum * root(a[j * d + j]);
        }
    GKV_TRY_GOTO(gki_jacobi(product, NULL, d));
    *trace = 0;
    for (size_t j = 0; j < d; j++)
        *trace += root(product[j * d + j]);
done:
    free(v);
    free(vb);
    free(product);
    return status;
}

gkv_status gkv_frechet_distance(size_t n_a, size_t n_b, size_t d, const float *a, const float *b,
                                double *distance)
{
    GKV_NEED(a);
    GKV_NEED(b);
    GKV_NEED(distance);
    GKV_TRY(gki_set_check("Fréchet distance", "first features", a, n_a, d));
    GKV_TRY(gki_set_check("Fréchet distance", "second features", b, n_b, d));
    if (n_a < 2 || n_b < 2) {
        *distance = (double)NAN;
        return GKV_OK;
    }
    moments of_a = {0}, of_b = {0};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(moments_of(a, n_a, d, &of_a));
    GKV_TRY_GOTO(moments_of(b, n_b, d, &of_b));
    double sum = 0, trace = 0;
    for (size_t j = 0; j < d; j++) {
        const double apart = of_a.mean[j] - of_b.mean[j];
        sum += apart * apart + of_a.covariance[j * d + j] + of_b.covariance[j * d + j];
    }
    GKV_TRY_GOTO(root_trace(of_a.covariance, of_b.covariance, d, &trace));
    *distance = fmax(sum - 2 * trace, 0);
done:
    moments_free(&of_a);
    moments_free(&of_b);
    if (status != GKV_OK)
        status = gki_fail_context(status, "Fréchet distance");
    return status;
}

/* --- The kernel inception distance ---------------------------------------- */

/* It is the mean of unbiased estimates of the squared maximum mean discrepancy of subsets. */

void gkv_kid_defaults(gkv_kid_settings *settings)
{
    if (settings)
        *settings = (gkv_kid_settings){.subsets = 100, .size = 1000, .seed = 1};
}

static gkv_status settings_of(const gkv_kid_settings *given, size_t n_a, size_t n_b,
                              gkv_kid_settings *out)
{
    gkv_kid_defaults(out);
    if (given)
        *out = *given;
    if (out->subsets < 1 || out->subsets > UINT32_MAX || out->size < 2)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "kernel distance of %zu subsets of %zu rows: at least 1 subset of at least "
                        "2 rows is needed",
                        out->subsets, out->size);
    if (n_a > UINT32_MAX || n_b > UINT32_MAX)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "kernel distance of %zu and %zu rows: at most %lu are possible", n_a, n_b,
                        (unsigned long)UINT32_MAX);
    const size_t smaller = n_a < n_b ? n_a : n_b;
    out->size = out->size < smaller ? out->size : smaller;
    return GKV_OK;
}

/* The memory of one thread. */
typedef struct worker {
    gki_panels subset[2];
    uint32_t *order; /* a permutation of the larger set */
    double *tile;    /* products of a tile of pairs */
} worker;

static gkv_status worker_create(const gki_pairs_kernels *kernels, size_t size, size_t d, size_t n,
                                worker *out)
{
    for (int s = 0; s < 2; s++)
        GKV_TRY(gki_panels_create(kernels, size, d, &out->subset[s]));
    GKV_TRY(gki_alloc(n, sizeof *out->order, &out->order));
    return gki_alloc(GKV_PAIRS_ROWS, GKV_PAIRS_COLUMNS * sizeof *out->tile, &out->tile);
}

static void worker_free(worker *w)
{
    gki_panels_free(&w->subset[0]);
    gki_panels_free(&w->subset[1]);
    free(w->order);
    free(w->tile);
    *w = (worker){0};
}

/* Sums k(x_i, y_j) over all pairs, or over i < j if `above` is nonzero. c is the memory of a
 * tile. */
static double kernel_sum(const gki_panels *x, const gki_panels *y, int above, double *c)
{
    double sum = 0;
    for (size_t row = 0; row < x->n; row += GKV_PAIRS_ROWS)
        for (size_t column = 0; column < y->n; column += GKV_PAIRS_COLUMNS) {
            const size_t rows = gki_pairs_count(x->n, row, GKV_PAIRS_ROWS);
            const size_t columns = gki_pairs_count(y->n, column, GKV_PAIRS_COLUMNS);
            if (above && column + columns <= row + 1)
                continue;
            gki_pairs_products(x, row, y, column, c);
            for (size_t i = 0; i < rows; i++) {
                const size_t first = above && row + i + 1 > column ? row + i + 1 - column : 0;
                const size_t skip = first < columns ? first : columns;
                sum += x->kernels->cubes(columns - skip, 1 / (double)x->d,
                                         c + i * GKV_PAIRS_COLUMNS + skip);
            }
        }
    return sum;
}

/* The unbiased estimate for one pair of subsets. */
static double subset_distance(const worker *w)
{
    const double m = (double)w->subset[0].n;
    const double within = 2 * kernel_sum(&w->subset[0], &w->subset[0], 1, w->tile) +
                          2 * kernel_sum(&w->subset[1], &w->subset[1], 1, w->tile);
    return within / (m * (m - 1)) -
           2 * kernel_sum(&w->subset[0], &w->subset[1], 0, w->tile) / (m * m);
}

/* Draws and packs the two subsets with this number. */
static void draw(worker *w, const float *const sets[2], const size_t n[2], uint64_t seed,
                 size_t subset)
{
    for (unsigned s = 0; s < 2; s++) {
        gki_rng_permutation(gki_rng_at(seed, GKV_STREAM_SUBSET, subset, s), (uint32_t)n[s],
                            w->order);
        gki_panels_pack(&w->subset[s], sets[s], w->order);
    }
}

gkv_status gkv_kernel_distance(size_t n_a, size_t n_b, size_t d, const float *a, const float *b,
                               const gkv_kid_settings *settings, const gkv_run_options *options,
                               gkv_kid *out)
{
    gki_call call;
    GKV_NEED(a);
    GKV_NEED(b);
    GKV_NEED(out);
    GKV_TRY(gki_set_check("kernel distance", "first features", a, n_a, d));
    GKV_TRY(gki_set_check("kernel distance", "second features", b, n_b, d));
    gkv_kid_settings set;
    GKV_TRY(settings_of(settings, n_a, n_b, &set));
    GKV_TRY(gki_call_begin(&call, options, set.subsets));
    if (set.size < 2) {
        *out = (gkv_kid){
            .mean = (double)NAN, .sd = (double)NAN, .subsets = set.subsets, .size = set.size};
        return GKV_OK;
    }
    const gki_pairs_kernels *kernels = gki_pairs_kernels_get();
    const float *const sets[2] = {a, b};
    const size_t n[2] = {n_a, n_b}, threads = (size_t)gki_call_threads(&call, 0);
    const size_t used = threads < set.subsets ? threads : set.subsets;
    worker *workers = NULL;
    double *values = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(used, sizeof *workers, &workers));
    GKV_TRY_GOTO(gki_alloc(set.subsets, sizeof *values, &values));
    for (size_t t = 0; t < used; t++)
        GKV_TRY_GOTO(worker_create(kernels, set.size, d, n_a > n_b ? n_a : n_b, &workers[t]));
    size_t from = 0, mine = 0; /* the subsets of this rank */
    gkv_dist_range(set.subsets, 1, gkv_dist_rank(call.options.dist),
                   gkv_dist_size(call.options.dist), &from, &mine);
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)used)
    for (size_t s = from; s < from + mine; s++) {
        worker *const own = &workers[omp_get_thread_num()];
        if (gki_call_stopped(&call))
            continue;
        draw(own, sets, n, set.seed, s);
        values[s] = subset_distance(own);
        gki_call_advance(&call, 1);
    }
    GKV_TRY_GOTO(gki_call_end(&call, "a kernel distance", "pairs of subsets"));
    GKV_TRY_GOTO(gkv_dist_share(call.options.dist, set.subsets, 1, sizeof *values, values));
    gkv_accumulator sum = {0};
    for (size_t s = 0; s < set.subsets; s++)
        gkv_accumulator_add(&sum, values[s]);
    *out = (gkv_kid){
        .mean = sum.mean,
        .sd = sqrt(gkv_accumulator_variance(&sum)),
        .subsets = set.subsets,
        .size = set.size,
    };
done:
    for (size_t t = 0; workers && t < used; t++)
        worker_free(&workers[t]);
    free(workers);
    free(values);
    return status;
}
