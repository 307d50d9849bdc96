/* Pictures of fits; declared in fit.h. */
#include <math.h>
#include <stdlib.h>

#include "fit.h"
#include "gkvae/plot.h"

enum { CURVE_POINTS = 400, QUANTILES = 400, TITLE_SIZE = 128, PANELS_MOST = 6 };

typedef struct panel_data {
    char title[TITLE_SIZE];
    double x[CURVE_POINTS], density[CURVE_POINTS], low[CURVE_POINTS], high[CURVE_POINTS];
    double theoretical[QUANTILES], empirical[QUANTILES], q_low[QUANTILES], q_high[QUANTILES];
} panel_data;

/* √(vᵀ C v): the standard error of what has the gradient v in the parameters. */
static double standard_error(const gkv_gk_fit_result *r, const double v[4])
{
    double variance = 0;
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++)
            variance += v[i] * r->covariance[i][j] * v[j];
    return variance > 0 ? sqrt(variance) : 0;
}

static void fill_density(const cli_fit_row *row, panel_data *data)
{
    const gkv_gk *gk = &row->result.gk;
    const size_t cut = row->n / 1000; /* a few far values would leave few points for the rest */
    const double from = fmin(row->sorted[cut], gkv_gk_quantile(gk, 0.001));
    const double to = fmax(row->sorted[row->n - 1 - cut], gkv_gk_quantile(gk, 0.999));
    for (size_t i = 0; i < CURVE_POINTS; i++) {
        double score[4];
        data->x[i] = from + (to - from) * (double)i / (CURVE_POINTS - 1);
        const double log_density = gkv_gk_score(gk, data->x[i], score);
        const double reach = row->full ? 1.959963984540054 * standard_error(&row->result, score) : 0;
        data->density[i] = exp(log_density);
        data->low[i] = exp(log_density - reach); /* on the log scale, where it cannot turn negative */
        data->high[i] = exp(log_density + reach);
    }
}

static size_t fill_quantiles(const cli_fit_row *row, panel_data *data)
{
    const gkv_gk *gk = &row->result.gk, normal = gkv_gk_standard();
    const size_t count = row->n < QUANTILES ? row->n : QUANTILES;
    for (size_t i = 0; i < count; i++) {
        double gradient[4];
        const double p = ((double)i + 0.5) / (double)count, z = gkv_gk_quantile(&normal, p);
        gkv_gk_Q_gradient(gk, z, gradient, NULL);
        const double reach = row->full ? 1.959963984540054 * standard_error(&row->result, gradient) : 0;
        data->theoretical[i] = gkv_gk_Q(gk, z);
        data->empirical[i] = row->sorted[(size_t)(p * (double)row->n)];
        data->q_low[i] = data->theoretical[i] - reach;
        data->q_high[i] = data->theoretical[i] + reach;
    }
    return count;
}

static void fill_panel(const cli_fit_row *row, panel_data *data, gkv_fit_panel *panel)
{
    const gkv_gk *gk = &row->result.gk;
    char g[32], k[32];
    snprintf(data->title, TITLE_SIZE, "%.40s: g = %s, k = %s", row->name, cli_decimal(gk->g, 2, g),
             cli_decimal(gk->k, 2, k));
    fill_density(row, data);
    const size_t quantiles = fill_quantiles(row, data);
    *panel = (gkv_fit_panel){.title = data->title, .sample = row->sorted, .n_sample = row->n, .density_x = data->x,
                             .density_y = data->density, .n_density = CURVE_POINTS,
                             .theoretical = data->theoretical, .empirical = data->empirical,
                             .n_quantiles = quantiles};
    if (row->full) {
        panel->density_low = data->low;
        panel->density_high = data->high;
        panel->quantile_low = data->q_low;
        panel->quantile_high = data->q_high;
    }
}

int cli_fit_picture(const cli_fit_row *rows, size_t n_rows, const char *path)
{
    panel_data *data = cli_alloc(n_rows, sizeof *data);
    gkv_fit_panel panels[PANELS_MOST];
    gkv_fit_settings settings;
    for (size_t i = 0; i < n_rows; i++)
        fill_panel(&rows[i], &data[i], &panels[i]);
    gkv_fit_defaults(&settings);
    settings.fitted_name = "fitted g-and-k density";
    settings.band_name = "95% confidence band";
    settings.x_label = n_rows == 1 ? rows[0].name : "value";
    const int code = cli_check(n_rows == 1 ? gkv_plot_fit(path, &panels[0], &settings)
                                           : gkv_plot_base_margins(path, panels, n_rows, &settings));
    free(data);
    return code;
}
