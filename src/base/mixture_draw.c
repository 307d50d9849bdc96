/* Draws from a mixture, and the densities and distribution functions of its margins. */
#include <math.h>
#include <string.h>

#include "base/base_mixture.h"

static void draw_from(const gki_base_mixture *self, const gki_params *params, size_t k,
                      gki_real *row)
{
    const size_t d = self->base.eps.width;
    if (self->spec.dependent) { /* solve ζW = w by forward substitution */
        const gki_real *whitening = gki_mixture_whitening(self, params, k);
        for (size_t j = 0; j < d; j++) {
            double sum = (double)row[j];
            for (size_t i = 0; i < j; i++)
                sum -= (double)row[i] * (double)whitening[i * d + j];
            row[j] = (gki_real)(sum / (double)whitening[j * d + j]);
        }
    }
    if (self->shaped) {
        const gki_gk_columns columns = gki_mixture_columns(self, params, k);
        const gki_gk_outputs out = {.x = row};
        gki_gk_batch_forward(1, d, &columns, row, &out);
        return;
    }
    const gki_real *a = gki_mixture_margin(self, params, GKV_MIXTURE_A, k);
    const gki_real *b = gki_mixture_margin(self, params, GKV_MIXTURE_B, k);
    for (size_t j = 0; j < d; j++)
        row[j] = a[j] + b[j] * row[j];
}

/* Draws rows from all components (which = −1) or from those of one class. The component of a row is
 * the first at which the cumulative weight reaches the row's `choice` times the total weight. */
static void draw(const gki_base_mixture *self, const gki_params *params, long which, size_t count,
                 const double *choice, gki_real *rows)
{
    const size_t d = self->base.eps.width;
    double weights[GKV_MIXTURE_MOST], total = 0;
    size_t open = 0;
    const size_t first = gki_mixture_first(self, which, &open);
    gki_mixture_weights(self, params, weights);
    for (size_t k = first; k < first + open; k++)
        total += weights[k];
    for (size_t r = 0; r < count; r++, rows += d) {
        double left = total * choice[r];
        size_t k = first;
        while (k + 1 < first + open && left > weights[k])
            left -= weights[k++];
        draw_from(self, params, k, rows);
    }
}

void gki_mixture_transform(const gki_base *base, const gki_params *params, size_t count,
                           const double *choice, gki_real *rows)
{
    draw(gki_base_mixture_of(base), params, -1, count, choice, rows);
}

void gki_mixture_transform_class(const gki_base *base, const gki_params *params, size_t which,
                                 size_t count, const double *choice, gki_real *rows)
{
    draw(gki_base_mixture_of(base), params, (long)which, count, choice, rows);
}

/* The standard deviation of ζ_j: the length of W⁻¹e_j. */
static double score_sd(size_t d, const gki_real *whitening, size_t j)
{
    double y[GKV_BASE_MOST_DIMENSIONS], squares = 0;
    for (size_t i = j + 1; i-- > 0;) {
        double sum = i == j;
        for (size_t l = i + 1; l <= j; l++)
            sum -= (double)whitening[i * d + l] * y[l];
        y[i] = sum / (double)whitening[i * d + i];
        squares += y[i] * y[i];
    }
    return sqrt(squares);
}

void gki_mixture_margin_at(const gki_base *base, const gki_params *params, size_t dimension,
                           size_t n, const double *x, double *pdf, double *cdf)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    const size_t d = base->eps.width;
    double weights[GKV_MIXTURE_MOST];
    gki_mixture_weights(self, params, weights);
    memset(pdf, 0, n * sizeof *pdf);
    memset(cdf, 0, n * sizeof *cdf);
    for (size_t k = 0; k < self->base.components; k++) {
        const gkv_gk gk = gki_mixture_get(self, params, k, dimension);
        const double margin[5] = {gk.a, gk.b, gk.g, gk.k, gk.c};
        const double sd = self->spec.dependent
                              ? score_sd(d, gki_mixture_whitening(self, params, k), dimension)
                              : 1;
        gki_base_add_margin(margin, sd, weights[k], n, x, pdf, cdf);
    }
}
