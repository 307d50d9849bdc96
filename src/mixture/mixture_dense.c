/* Rows that are denser than a mixture says: a cluster that it does not know, far from its
 * components or within one of them. They are the start of an additional component.
 *
 * A ball around a row that reaches to the m-th nearest row has m rows. The mixture expects λ = n V
 * f of them, with the volume V and the mean density f at these rows. A ball with m rows is rare if
 * the probability of m or more, at most exp(−m log(m/λ) + m − λ), is small even for the rarest of
 * n. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "mixture/mixture_fit.h"
#include "num/sort.h"
#include "num/special.h"

/* The number of differences that the search for neighbours may compute. */
static const double most_work = 2e7;

/* The probability that rows of the mixture itself are taken for a cluster. */
static const double false_alarm = 1e-3;

/* The balls. */
typedef struct balls {
    size_t m;         /* the number of rows of a ball, with its centre */
    size_t tried;     /* the number of balls */
    double *log_pdf;  /* [n] of the mixture */
    double *sorted;   /* [4n] scratch */
    size_t *centre;   /* [tried] a row */
    double *rarity;   /* [tried] −log of the probability */
    double *distance; /* [threads × m] squared distances of the nearest rows, ascending */
    size_t *near;     /* [threads × m] these rows */
} balls;

static void balls_free(balls *b)
{
    free(b->log_pdf);
    free(b->sorted);
    free(b->centre);
    free(b->rarity);
    free(b->distance);
    free(b->near);
}

static gkv_status balls_create(const gki_em *em, balls *b)
{
    const size_t n = em->fit.n, threads = (size_t)em->threads, least = 64;
    const double affordable = most_work / ((double)n * (double)em->d);
    *b = (balls){.m = (size_t)ceil(em->min_rows)};
    b->tried = affordable >= (double)n      ? n
               : affordable > (double)least ? (size_t)affordable
                                            : least;
    b->tried = b->tried < n ? b->tried : n;
    GKV_TRY(gki_alloc(n, sizeof *b->log_pdf, &b->log_pdf));
    GKV_TRY(gki_alloc(n, 4 * sizeof *b->sorted, &b->sorted));
    GKV_TRY(gki_alloc(b->tried, sizeof *b->centre, &b->centre));
    GKV_TRY(gki_alloc(b->tried, sizeof *b->rarity, &b->rarity));
    GKV_TRY(gki_alloc(threads, b->m * sizeof *b->distance, &b->distance));
    return gki_alloc(threads, b->m * sizeof *b->near, &b->near);
}

/* Chooses the centres. If not all rows can be tried, half of them are the least likely ones, and
 * the others are spread evenly. */
static void choose_centres(const gki_em *em, balls *b)
{
    const size_t n = em->fit.n, unlikely = b->tried < n ? b->tried / 2 : 0,
                 spread = b->tried - unlikely;
    double *row = b->sorted + n;
    for (size_t i = 0; i < n; i++) {
        b->log_pdf[i] = fmax(b->log_pdf[i], -1e300);
        b->sorted[i] = b->log_pdf[i];
        row[i] = (double)i;
    }
    if (unlikely > 0)
        gki_sort(n, b->sorted, row, b->sorted + 2 * n);
    for (size_t i = 0; i < unlikely; i++)
        b->centre[i] = (size_t)row[i];
    for (size_t i = 0; i < spread; i++)
        b->centre[unlikely + i] = (size_t)((double)i / (double)spread * (double)n);
}

/* Finds the m rows nearest to row i, in the spreads of the columns. Returns their number. */
static size_t find_near(const gki_em *em, size_t i, size_t m, double *distance, size_t *near)
{
    const size_t d = em->d;
    const double *x = em->fit.x;
    size_t found = 0;
    for (size_t other = 0; other < em->fit.n; other++) {
        double square = 0.0;
        if (em->fit.weights && !(em->fit.weights[other] > 0))
            continue;
        for (size_t j = 0; j < d; j++) {
            const double off = (x[other * d + j] - x[i * d + j]) / em->scale[j];
            square += off * off;
        }
        if (found == m && !(square < distance[m - 1]))
            continue;
        size_t position = found < m ? found++ : m - 1;
        for (; position > 0 && square < distance[position - 1]; position--) {
            distance[position] = distance[position - 1];
            near[position] = near[position - 1];
        }
        distance[position] = square;
        near[position] = other;
    }
    return found;
}

/* log of the volume of the unit ball, in the units of the columns. */
static double log_unit_ball(const gki_em *em)
{
    const double half = 0.5 * (double)em->d, log_pi = 1.1447298858494001741;
    double sum = half * log_pi - gki_log_gamma(half + 1.0);
    for (size_t j = 0; j < em->d; j++)
        sum += log(em->scale[j]);
    return sum;
}

/* The rarity of the ball around a row; 0 if it has as many rows as expected, or more are. */
static double rarity_of(const gki_em *em, const balls *b, size_t i, double log_unit,
                        double *distance, size_t *near)
{
    const double m = (double)b->m;
    double least = 0.0, most = -INFINITY, sum = 0.0;
    if (find_near(em, i, b->m, distance, near) < b->m)
        return 0.0;
    for (size_t j = 0; j < em->d; j++)
        least += em->least_b[j] / em->scale[j] * (em->least_b[j] / em->scale[j]);
    for (size_t r = 0; r < b->m; r++)
        most = fmax(most, b->log_pdf[near[r]]);
    for (size_t r = 0; r < b->m; r++)
        sum += exp(b->log_pdf[near[r]] - most) / m;
    const double log_volume = log_unit + 0.5 * (double)em->d * log(fmax(least, distance[b->m - 1]));
    const double log_expected = log((double)em->fit.n) + log_volume + most + log(sum);
    return log_expected < log(m) ? m * (log(m) - log_expected) - m + exp(log_expected) : 0.0;
}

/* Makes a normal component of rows. */
static gkv_status component_of(const gki_em *em, const balls *b, size_t i, gkv_mgk **out)
{
    const size_t d = em->d;
    gkv_gk *margins = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY(gki_alloc(d, sizeof *margins, &margins));
    find_near(em, i, b->m, b->distance, b->near);
    for (size_t j = 0; j < d; j++) {
        double mean = 0.0, variance = 0.0;
        for (size_t r = 0; r < b->m; r++)
            mean += em->fit.x[b->near[r] * d + j] / (double)b->m;
        for (size_t r = 0; r < b->m; r++) {
            const double off = em->fit.x[b->near[r] * d + j] - mean;
            variance += off * off / (double)b->m;
        }
        margins[j] = (gkv_gk){
            .a = mean, .b = fmax(sqrt(variance), em->least_b[j]), .c = em->set->advanced.margins.c};
    }
    status = gki_mgk_build(d, margins, NULL, NULL, out);
    free(margins);
    return status;
}

gkv_status gki_mixture_find_dense(const gki_em *em, const gkv_mgk_mixture *mixture, gkv_mgk **out)
{
    balls b = {0};
    const double log_unit = log_unit_ball(em);
    const gkv_run_options options = {.threads = em->threads};
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(balls_create(em, &b));
    GKV_TRY_GOTO(gkv_mgk_mixture_log_pdf(mixture, em->fit.n, em->fit.x, &options, b.log_pdf));
    choose_centres(em, &b);
#pragma omp parallel for schedule(dynamic, 16) num_threads(em->threads)
    for (size_t i = 0; i < b.tried; i++) {
        const size_t mine = (size_t)omp_get_thread_num() * b.m;
        b.rarity[i] = rarity_of(em, &b, b.centre[i], log_unit, b.distance + mine, b.near + mine);
    }
    size_t rarest = 0;
    for (size_t i = 1; i < b.tried; i++)
        rarest = b.rarity[i] > b.rarity[rarest] ? i : rarest;
    if (b.rarity[rarest] > log((double)em->fit.n / false_alarm))
        GKV_TRY_GOTO(component_of(em, &b, b.centre[rarest], out));
done:
    balls_free(&b);
    return status;
}
