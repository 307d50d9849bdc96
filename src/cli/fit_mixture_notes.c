/* Notes on what limits the meaning of the fit of a mixture. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli_fit.h"

/* --- Columns that depend on each other ------------------------------------ */

/* Subtracts the mean of a column and divides by its norm. The greatest value is the unit meanwhile,
 * so that no sum overflows. */
static void standardise(size_t n, const double *values, double *out)
{
    double unit = 0.0, mean = 0.0, norm = 0.0;
    for (size_t i = 0; i < n; i++)
        unit = fmax(unit, fabs(values[i]));
    for (size_t i = 0; i < n; i++)
        mean += unit > 0 ? values[i] / unit / (double)n : 0.0;
    for (size_t i = 0; i < n; i++) {
        out[i] = unit > 0 ? values[i] / unit - mean : 0.0;
        norm += out[i] * out[i];
    }
    for (size_t i = 0; i < n && norm > 0; i++)
        out[i] /= sqrt(norm);
}

static double product(size_t n, const double *a, const double *b)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Notes columns that are linear functions of the columns before them, which the shrinkage of
 * correlations hides from note_dependence(). Gram and Schmidt's method, twice for each column. */
static void note_linear_columns(const cli_fit_data *data)
{
    const double hardly_any = 1e-7, work_most = 1e9;
    const size_t n = data->n, d = data->n_columns;
    if (n <= d + 1 || (double)n * (double)d * (double)d > work_most)
        return;
    double *rest = cli_alloc(n * d, sizeof *rest);
    for (size_t j = 0, kept = 0; j < d; j++) {
        double *own = rest + kept * n;
        standardise(n, data->columns[j].x, own);
        for (size_t k = 0; k < 2 * kept; k++) {
            const double *other = rest + k % kept * n;
            const double share = product(n, own, other);
            for (size_t i = 0; i < n; i++)
                own[i] -= share * other[i];
        }
        const double left = product(n, own, own);
        for (size_t i = 0; i < n; i++)
            own[i] /= sqrt(left);
        kept += left > hardly_any;
        if (!(left > hardly_any))
            fprintf(stderr,
                    "gkvae: %s is a linear function of the columns before it: the log-likelihood "
                    "depends on the shrinkage of the correlations more than on this column; leave "
                    "it out\n",
                    data->columns[j].name);
    }
    free(rest);
}

/* Notes columns that are functions of earlier ones in a component. A diagonal element of the
 * Cholesky factor of a correlation matrix is the square root of the part of a column's variance
 * that the earlier columns leave; the library keeps about 1e-8 of it. Returns whether there are
 * some. */
static bool note_dependence(const cli_fit_data *data, const gkv_mgk_mixture *mixture)
{
    const double hardly_any = 1e-7;
    const size_t d = data->n_columns;
    bool found = false;
    for (size_t i = 0; i < gkv_mgk_mixture_count(mixture) * d; i++) {
        const size_t j = i % d;
        const double *factor = gkv_mgk_cholesky(gkv_mgk_mixture_component(mixture, i / d));
        if (factor[j * d + j] * factor[j * d + j] > hardly_any)
            continue;
        found = true;
        fprintf(stderr,
                "gkvae: component %zu: the normal scores of %s depend linearly on those of the "
                "columns before it: the correlation is at its limit (±1 of two columns), without "
                "which the likelihood would be unbounded, so that the log-likelihood depends on "
                "that limit more than on the data; leave out a column\n",
                i / d + 1, data->columns[j].name);
    }
    return found;
}

/* --- Components of equal values ------------------------------------------- */

/* The least difference of two values, or ∞ if all are equal. */
static double least_gap(size_t n, const double *values)
{
    double least = INFINITY, *sorted = cli_alloc(n, sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = values[i];
    qsort(sorted, n, sizeof *sorted, cli_ascending);
    for (size_t i = 1; i < n; i++)
        if (sorted[i] > sorted[i - 1])
            least = fmin(least, sorted[i] - sorted[i - 1]);
    free(sorted);
    return least;
}

/* Notes components that are narrower than the difference of any two values. They consist of equal
 * values, and the likelihood increases with their narrowness without a bound. */
static void note_equal_values(const cli_fit_data *data, const gkv_mgk_mixture *mixture)
{
    const double narrow = 0.1; /* gaps */
    for (size_t j = 0; j < data->n_columns; j++) {
        const double gap = least_gap(data->n, data->columns[j].x);
        size_t found = 0;
        for (size_t k = 0; k < gkv_mgk_mixture_count(mixture); k++)
            found += gkv_mgk_margins(gkv_mgk_mixture_component(mixture, k))[j].b < narrow * gap;
        if (found > 0)
            fprintf(
                stderr,
                "gkvae: equal values of %s: %zu component%s of them alone: the log-likelihood "
                "depends on the least width of components more than on the data. A mixture takes "
                "values as exact, and does not suit counts and values that are much rounded\n",
                data->columns[j].name, found, found == 1 ? " consists" : "s consist");
    }
}

void cli_fit_note_mixture(const cli_fit_arguments *a, const cli_fit_data *data,
                          const gkv_mgk_mixture *mixture)
{
    if (!note_dependence(data, mixture) && !a->unshrunk)
        note_linear_columns(data);
    note_equal_values(data, mixture);
}
