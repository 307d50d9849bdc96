/* The files of gkvae fit: pictures, and the responsibilities of a mixture; declared in
 * cli_fit.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "app/plot.h"
#include "cli_fit.h"

/* --- Pictures ------------------------------------------------------------- */

enum { CURVE_POINTS = 400, QUANTILES = 400, TITLE_SIZE = 128, PANELS_MAX = 6 };

typedef struct panel_data {
    char title[TITLE_SIZE];
    double *sorted; /* the sample in ascending order, with equal weights */
    double x[CURVE_POINTS], density[CURVE_POINTS], low[CURVE_POINTS], high[CURVE_POINTS];
    double theoretical[QUANTILES], empirical[QUANTILES], q_low[QUANTILES], q_high[QUANTILES];
} panel_data;

/* --- The sample ----------------------------------------------------------- */

typedef struct weighted {
    double x, weight;
} weighted;

static int ascending(const void *a, const void *b)
{
    const double x = ((const weighted *)a)->x, y = ((const weighted *)b)->x;
    return (x > y) - (x < y);
}

/* n values of equal weight: the quantiles (i + ½)/n of the weighted sample. Without weights they
 * are the sorted values. */
static double *sort_sample(const double *x, const double *weights, size_t n)
{
    weighted *pairs = cli_alloc(n, sizeof *pairs);
    double *sorted = cli_alloc(n, sizeof *sorted), total = 0, passed = 0;
    for (size_t i = 0; i < n; i++) {
        pairs[i] = (weighted){x[i], weights ? weights[i] : 1};
        total += pairs[i].weight;
    }
    qsort(pairs, n, sizeof *pairs, ascending);
    for (size_t i = 0, next = 0; i < n; i++) {
        const double wanted = ((double)i + 0.5) / (double)n * total;
        while (next < n - 1 && passed + pairs[next].weight < wanted)
            passed += pairs[next++].weight;
        sorted[i] = pairs[next].x;
    }
    free(pairs);
    return sorted;
}

/* --- The fitted distribution: a mixture, usually of one component --------- */

static double weight(const cli_fit_margin *m, size_t component)
{
    return m->weights ? m->weights[component] : 1;
}

static double density(const cli_fit_margin *m, double x)
{
    double sum = 0;
    for (size_t k = 0; k < m->n_components; k++)
        sum += weight(m, k) * gkv_gk_pdf(&m->components[k], x);
    return sum;
}

/* The quantile lies between the least and the greatest quantile of the components. Bisection finds
 * it. */
static double quantile(const cli_fit_margin *m, double p)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t k = 0; k < m->n_components; k++) {
        const double x = gkv_gk_quantile(&m->components[k], p);
        low = fmin(low, x);
        high = fmax(high, x);
    }
    for (double middle = low + (high - low) / 2; low < middle && middle < high;
         middle = low + (high - low) / 2) {
        double below = 0;
        for (size_t k = 0; k < m->n_components; k++)
            below += weight(m, k) * gkv_gk_cdf(&m->components[k], middle);
        if (below < p)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* √(vᵀ C v): the standard error of a function with the gradient v in the parameters; 0 without a
 * covariance. */
static double standard_error(const cli_fit_margin *m, const double v[CLI_PARAMETERS])
{
    double variance = 0;
    for (size_t i = 0; m->covariance && i < CLI_PARAMETERS; i++)
        for (size_t j = 0; j < CLI_PARAMETERS; j++)
            variance += v[i] * m->covariance[CLI_PARAMETERS * i + j] * v[j];
    return variance > 0 && isfinite(variance) ? sqrt(variance) : 0;
}

/* Bands need finite standard errors of all parameters. */
static bool has_bands(const cli_fit_margin *m)
{
    for (size_t i = 0; m->covariance && i < CLI_PARAMETERS; i++)
        if (!isfinite(m->covariance[CLI_PARAMETERS * i + i]))
            return false;
    return m->covariance != NULL;
}

/* --- Panels --------------------------------------------------------------- */

static void fill_density(const cli_fit_margin *m, size_t n, double z, panel_data *data)
{
    const size_t cut = n / 1000; /* outliers would leave few points of the curve for the rest */
    const double from = fmin(data->sorted[cut], quantile(m, 0.001));
    const double to = fmax(data->sorted[n - 1 - cut], quantile(m, 0.999));
    for (size_t i = 0; i < CURVE_POINTS; i++) {
        double score[CLI_PARAMETERS] = {0};
        const double x = from + (to - from) * (double)i / (CURVE_POINTS - 1), f = density(m, x);
        if (m->covariance)
            gkv_gk_score(m->components, x, score);
        /* on the log scale, so that the band is positive */
        const double reach = exp(z * standard_error(m, score));
        data->x[i] = x;
        data->density[i] = f;
        data->low[i] = f / reach;
        data->high[i] = f * reach;
    }
}

/* The points of the QQ plot, and their pointwise bands. A band contains the order statistic of its
 * point in the fraction `confidence` of samples of `total` observations from the fitted
 * distribution. */
static size_t fill_quantiles(const cli_fit_margin *m, size_t n, double total, double confidence,
                             panel_data *data)
{
    const size_t count = n < QUANTILES ? n : QUANTILES;
    for (size_t i = 0; i < count; i++) {
        const double p = ((double)i + 0.5) / (double)count, rank = p * total + 0.5,
                     tail = 0.5 * (1 - confidence);
        data->theoretical[i] = quantile(m, p);
        data->empirical[i] = data->sorted[(size_t)(p * (double)n)];
        data->q_low[i] = quantile(m, gkv_gk_order_level(total, rank, tail));
        data->q_high[i] = quantile(m, gkv_gk_order_level(total, rank, 1 - tail));
    }
    return count;
}

static void fill_panel(const cli_fit_data *columns, size_t column, const cli_fit_margin *m,
                       double confidence, panel_data *data, gki_fit_panel *panel)
{
    const gkv_gk normal = gkv_gk_standard();
    const double z = gkv_gk_quantile_upper(&normal, (1 - confidence) / 2);
    const cli_fit_column *fitted = &columns->columns[column];
    const size_t n = fitted->n;
    char g[32], k[32];
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += fitted->weights ? fitted->weights[i] : 1;
    if (m->n_components == 1)
        snprintf(data->title, TITLE_SIZE, "%.40s: g = %s, k = %s", fitted->name,
                 cli_decimal(m->components->g, 2, g), cli_decimal(m->components->k, 2, k));
    else
        snprintf(data->title, TITLE_SIZE, "%.40s: %zu components", fitted->name, m->n_components);
    data->sorted = sort_sample(fitted->x, fitted->weights, n);
    fill_density(m, n, z, data);
    const size_t quantiles = fill_quantiles(m, n, total, confidence, data);
    *panel = (gki_fit_panel){.title = data->title,
                             .sample = data->sorted,
                             .n_sample = n,
                             .density_x = data->x,
                             .density_y = data->density,
                             .n_density = CURVE_POINTS,
                             .theoretical = data->theoretical,
                             .empirical = data->empirical,
                             .quantile_low = data->q_low,
                             .quantile_high = data->q_high,
                             .n_quantiles = quantiles};
    if (has_bands(m)) {
        panel->density_low = data->low;
        panel->density_high = data->high;
    }
}

int cli_fit_check_picture(const cli_fit_arguments *a, size_t n_columns)
{
    return a->picture && n_columns > PANELS_MAX
               ? cli_error(CLI_USAGE,
                           "--picture shows up to six columns, not %zu: choose some with --column",
                           n_columns)
               : CLI_OK;
}

int cli_fit_picture(const cli_fit_arguments *a, const cli_fit_data *data,
                    const cli_fit_margin *margins)
{
    const size_t n = data->n_columns;
    panel_data *panels = cli_alloc(n, sizeof *panels);
    gki_fit_panel shown[PANELS_MAX];
    gki_fit_settings settings;
    char band[64], quantile_band[64], fitted[64];
    snprintf(band, sizeof band, "%.6g%% confidence band", 100 * a->confidence);
    snprintf(quantile_band, sizeof quantile_band, "%.6g%% of samples, point by point (QQ)",
             100 * a->confidence);
    for (size_t i = 0; i < n; i++)
        fill_panel(data, i, &margins[i], a->confidence, &panels[i], &shown[i]);
    gki_fit_defaults(&settings);
    snprintf(fitted, sizeof fitted, "fitted %s density", gkv_gk_family_name(a->family));
    settings.fitted_name = margins[0].n_components == 1 ? fitted : "fitted mixture's density";
    settings.band_name = band;
    settings.quantile_band_name = quantile_band;
    settings.x_label = n == 1 ? data->columns[0].name : "value";
    const int code = cli_check(n == 1 ? gki_plot_fit(a->picture, &shown[0], &settings)
                                      : gki_plot_base_margins(a->picture, shown, n, &settings));
    for (size_t i = 0; i < n; i++)
        free(panels[i].sorted);
    free(panels);
    return code;
}

/* --- Responsibilities ----------------------------------------------------- */

bool cli_fit_ends_in(const char *path, const char *end)
{
    const size_t length = strlen(path), tail = strlen(end);
    return length >= tail && strcmp(path + length - tail, end) == 0;
}

int cli_fit_find_complete(const gkv_table *table, const size_t *columns, size_t n_columns,
                          bool *complete)
{
    const size_t rows = gkv_table_rows(table);
    int code = CLI_OK;
    for (size_t row = 0; row < rows; row++)
        complete[row] = true;
    for (size_t c = 0; c < n_columns; c++) {
        const double *values = NULL;
        CLI_CHECK(gkv_table_values(table, columns[c], &values));
        for (size_t row = 0; row < rows; row++)
            complete[row] &= !isnan(values[row]);
    }
done:
    return code;
}

/* The rows of the table: the component, from 1, and the responsibilities [count]. They are NaN for
 * rows that are not complete. */
static int values_of(const cli_fit_arguments *a, const cli_fit_data *data,
                     const gkv_mgk_mixture *mixture, double *values)
{
    const size_t count = gkv_mgk_mixture_count(mixture);
    double *x = cli_fit_rows(data), *r = cli_alloc(data->n * count, sizeof *r);
    int code = CLI_OK;
    CLI_CHECK(gkv_mgk_mixture_responsibilities(mixture, data->n, x,
                                               &(gkv_run_options){.threads = a->threads}, NULL, r));
    for (size_t row = 0, i = 0; row < data->n_rows; row++) {
        double *line = values + row * (count + 1);
        size_t best = 0;
        for (size_t k = 0; k <= count; k++)
            line[k] = NAN;
        if (!data->complete[row])
            continue;
        for (size_t k = 1; k < count; k++)
            best = r[i * count + k] > r[i * count + best] ? k : best;
        line[0] = (double)(best + 1);
        memcpy(line + 1, r + count * i++, count * sizeof *r);
    }
done:
    free(r);
    free(x);
    return code;
}

/* Writes the values as text. A value that is not known is an empty field. */
static int write_csv(const char *path, size_t rows, size_t count, const double *values)
{
    enum { CELL = 24 };
    const size_t header = 32;
    char *text = cli_alloc((rows + 1) * (count + 1) + 1, header), *cursor = text;
    cursor += sprintf(cursor, "component");
    for (size_t k = 0; k < count; k++)
        cursor += sprintf(cursor, ",responsibility_%zu", k + 1);
    *cursor++ = '\n';
    for (size_t i = 0; i < rows; i++) {
        const double *row = values + i * (count + 1);
        for (size_t k = 0; k <= count; k++) {
            char cell[CELL] = "";
            if (!isnan(row[k]))
                snprintf(cell, sizeof cell, "%.12g", row[k]);
            cursor += sprintf(cursor, "%s%s", k > 0 ? "," : "", cell);
        }
        *cursor++ = '\n';
    }
    const int code = cli_check(gki_file_write_atomic(path, text, (size_t)(cursor - text)));
    free(text);
    return code;
}

int cli_fit_write_responsibilities(const cli_fit_arguments *a, const cli_fit_data *data,
                                   const gkv_mgk_mixture *mixture)
{
    const size_t count = gkv_mgk_mixture_count(mixture);
    double *values = cli_alloc(data->n_rows * (count + 1), sizeof *values);
    int code = CLI_OK;
    CLI_TRY(values_of(a, data, mixture, values));
    code = cli_fit_ends_in(a->responsibilities, ".npy")
               ? cli_check(gkv_npy_write(a->responsibilities, data->n_rows, count + 1, values))
               : write_csv(a->responsibilities, data->n_rows, count, values);
done:
    free(values);
    return code;
}
