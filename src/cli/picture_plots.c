/* Pictures that are plots: codes, and curves over epochs; declared in pictures.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/plot.h"
#include "gkvae/eval.h"
#include "gkvae/gk.h"
#include "gkvae/image_metrics.h"
#include "pictures.h"
#include "records.h"

/* --- Codes ---------------------------------------------------------------- */

enum { CURVE_POINTS = 400, QUANTILES = 200, TITLE_SIZE = 64 };

/* The first n test images as the model sees them. */
static int targets_of(const cli_run *run, const gkv_dataset *test, size_t n, float **out)
{
    *out = cli_alloc(n * gkv_model_values(run->model), sizeof **out);
    return cli_check(gkv_targets(test, n, GKV_TEST, 0, &run->settings, *out));
}

int cli_picture_latent(const cli_run *run, const gkv_dataset *test, size_t n, double explained[2],
                       const char *path)
{
    const size_t d = gkv_model_latent(run->model);
    const uint8_t *labels = gkv_dataset_labels(test);
    float *images = NULL, *codes = cli_alloc(n * d, sizeof *codes);
    double *wide = cli_alloc(n * d, sizeof *wide), *xy = cli_alloc(n * 2, sizeof *xy);
    char x_label[TITLE_SIZE], y_label[TITLE_SIZE];
    int code = CLI_OK;
    CLI_TRY(targets_of(run, test, n, &images));
    CLI_CHECK(gkv_model_encode(run->model, n, images, NULL, codes));
    for (size_t i = 0; i < n * d; i++)
        wide[i] = (double)codes[i];
    CLI_CHECK(gkv_pca2(n, d, wide, xy, NULL, explained));
    for (size_t i = 0; labels && i < n; i++)
        if (labels[i] >= GKV_PLOT_COLOURS)
            labels = NULL; /* more classes than colours */
    gki_scatter_settings settings;
    gki_scatter_defaults(&settings);
    settings.width = 720;
    settings.height = 600;
    snprintf(x_label, sizeof x_label, "first principal axis (%.0f %% of the variance)",
             100 * explained[0]);
    snprintf(y_label, sizeof y_label, "second principal axis (%.0f %%)", 100 * explained[1]);
    settings.x_label = x_label;
    settings.y_label = y_label;
    code = cli_check(gki_plot_scatter_labelled(path, xy, labels, n, &settings));
done:
    free(images);
    free(codes);
    free(wide);
    free(xy);
    return code;
}

/* --- The base ------------------------------------------------------------- */

/* One dimension: its draws, sorted, and how far they are from normal. */
typedef struct latent_dimension {
    size_t number;
    double departure; /* 1 − W′ */
    double *sorted;
} latent_dimension;

static int farthest_first(const void *a, const void *b)
{
    const latent_dimension *x = a, *y = b;
    if (x->departure != y->departure)
        return x->departure < y->departure ? 1 : -1;
    return (x->number > y->number) - (x->number < y->number);
}

static double departure_from_normal(const double *sorted, size_t n)
{
    const gkv_gk normal = gkv_gk_standard();
    double mean = 0, xx = 0, zz = 0, xz = 0;
    for (size_t i = 0; i < n; i++)
        mean += sorted[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        /* Blom's approximation to the expected normal order statistics, which sum to 0. */
        const double z = gkv_gk_quantile(&normal, ((double)i + 0.625) / ((double)n + 0.25));
        xx += (sorted[i] - mean) * (sorted[i] - mean);
        zz += z * z;
        xz += (sorted[i] - mean) * z;
    }
    return xx > 0 && zz > 0 ? 1 - xz * xz / (xx * zz) : 0;
}

/* The arrays of one panel. */
typedef struct panel_data {
    char title[TITLE_SIZE];
    double x[CURVE_POINTS], density[CURVE_POINTS];
    double theoretical[QUANTILES], empirical[QUANTILES];
} panel_data;

static const gkv_base_facts *facts_of(const gkv_model *model)
{
    return gkv_base_facts_of(gkv_model_settings_of(model)->model.base);
}

/* Whether the base's margins are g-and-k distributions; those of mixtures are mixtures. */
static bool has_gk_margins(const gkv_base_facts *facts)
{
    return facts->has_shapes && !facts->has_components;
}

/* The title of a panel: the dimension and the shape of the base in it. */
static void write_title(const gkv_model *model, size_t number, char title[TITLE_SIZE])
{
    const gkv_base_facts *facts = facts_of(model);
    double margin[5];
    char g[32], k[32];
    if (facts->is_standard_normal)
        snprintf(title, TITLE_SIZE, "dimension %zu: %s", number + 1, facts->margin);
    else if (has_gk_margins(facts) && gkv_model_base_margin(model, number, margin) == GKV_OK)
        snprintf(title, TITLE_SIZE, "dimension %zu: g = %s, k = %s", number + 1,
                 cli_decimal(margin[2], 2, g), cli_decimal(margin[3], 2, k));
    else
        snprintf(title, TITLE_SIZE, "dimension %zu", number + 1);
}

/* Quantiles x[n] of the base's margin at p[n], by bisection of all of them at once in a wide
 * interval. */
static int margin_quantiles(const gkv_model *model, const latent_dimension *dimension,
                            size_t n_sorted, size_t n, const double *p, double *x)
{
    enum { POINTS_MAX = QUANTILES + 2, ROUNDS = 60 };
    double low[POINTS_MAX], high[POINTS_MAX], pdf[POINTS_MAX], cdf[POINTS_MAX];
    const double middle = dimension->sorted[n_sorted / 2],
                 reach = 1e3 * (1 + dimension->sorted[n_sorted - 1] - dimension->sorted[0]);
    int code = CLI_OK;
    for (size_t i = 0; i < n; i++)
        low[i] = middle - reach, high[i] = middle + reach;
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < n; i++)
            x[i] = 0.5 * (low[i] + high[i]);
        CLI_CHECK(gkv_model_base_margin_at(model, n, dimension->number, x, pdf, cdf));
        for (size_t i = 0; i < n; i++)
            *(cdf[i] < p[i] ? &low[i] : &high[i]) = x[i];
    }
done:
    return code;
}

static int fill_panel(const gkv_model *model, const latent_dimension *dimension, size_t n,
                      panel_data *data, gki_fit_panel *panel)
{
    const size_t cut = n / 1000, quantiles = n < QUANTILES ? n : QUANTILES;
    double p[QUANTILES + 2], x[QUANTILES + 2], cdf[CURVE_POINTS];
    int code = CLI_OK;
    write_title(model, dimension->number, data->title);
    for (size_t i = 0; i < quantiles; i++)
        p[i] = ((double)i + 0.5) / (double)quantiles;
    p[quantiles] = 0.001, p[quantiles + 1] = 0.999;
    CLI_TRY(margin_quantiles(model, dimension, n, quantiles + 2, p, x));
    const double low = fmin(dimension->sorted[cut], x[quantiles]),
                 high = fmax(dimension->sorted[n - 1 - cut], x[quantiles + 1]);
    for (size_t i = 0; i < CURVE_POINTS; i++)
        data->x[i] = low + (high - low) * (double)i / (CURVE_POINTS - 1);
    CLI_CHECK(gkv_model_base_margin_at(model, CURVE_POINTS, dimension->number, data->x,
                                       data->density, cdf));
    for (size_t i = 0; i < quantiles; i++) {
        data->theoretical[i] = x[i];
        data->empirical[i] = dimension->sorted[(size_t)(p[i] * (double)n)];
    }
    *panel = (gki_fit_panel){.title = data->title,
                             .sample = dimension->sorted,
                             .n_sample = n,
                             .density_x = data->x,
                             .density_y = data->density,
                             .n_density = CURVE_POINTS,
                             .theoretical = data->theoretical,
                             .empirical = data->empirical,
                             .n_quantiles = quantiles};
done:
    return code;
}

/* ε of one draw from the posterior of each image. */
static int draw_eps(const cli_run *run, const gkv_dataset *test, size_t n, float *eps)
{
    float *images = NULL, *codes = cli_alloc(n * gkv_model_latent(run->model), sizeof *codes);
    int code = CLI_OK;
    CLI_TRY(targets_of(run, test, n, &images));
    CLI_CHECK(
        gkv_model_sample_posterior(run->model, n, images, run->settings.eval.seed, 0, NULL, codes));
    CLI_CHECK(gkv_model_normalise(run->model, n, codes, NULL, eps));
done:
    free(images);
    free(codes);
    return code;
}

int cli_picture_base(const cli_run *run, const gkv_dataset *test, size_t n, const char *path)
{
    const size_t d = gkv_model_latent(run->model), panels = d < CLI_PANELS ? d : CLI_PANELS;
    const gkv_base_facts *facts = facts_of(run->model);
    const bool normal = facts->is_standard_normal, gk = has_gk_margins(facts);
    float *eps = cli_alloc(n * d, sizeof *eps);
    latent_dimension *all = cli_alloc(d, sizeof *all);
    double *sorted = cli_alloc(n * d, sizeof *sorted);
    panel_data *data = cli_alloc(CLI_PANELS, sizeof *data);
    gki_fit_panel panel[CLI_PANELS];
    int code = CLI_OK;
    CLI_TRY(draw_eps(run, test, n, eps));
    for (size_t j = 0; j < d; j++) {
        all[j] = (latent_dimension){.number = j, .sorted = sorted + j * n};
        for (size_t i = 0; i < n; i++)
            all[j].sorted[i] = (double)eps[i * d + j];
        qsort(all[j].sorted, n, sizeof *sorted, cli_ascending);
        all[j].departure = departure_from_normal(all[j].sorted, n);
    }
    qsort(all, d, sizeof *all, farthest_first);
    for (size_t i = 0; i < panels; i++)
        CLI_TRY(fill_panel(run->model, &all[i], n, &data[i], &panel[i]));
    gki_fit_settings settings;
    gki_fit_defaults(&settings);
    settings.standard_normal = !normal;
    settings.sample_name = "ε of posterior draws, test images";
    settings.fitted_name = normal ? "base: N(0, 1)"
                           : gk   ? "base: g-and-k margin"
                                  : "base: its margin";
    settings.x_label = "ε";
    code = cli_check(gki_plot_base_margins(path, panel, panels, &settings));
done:
    free(eps);
    free(all);
    free(sorted);
    free(data);
    return code;
}

/* --- Curves --------------------------------------------------------------- */

/* A column of the history. */
typedef struct curve {
    const char *key, *name;
    gki_line_style style;
} curve;

/* The first epoch can be so high that the rest of the curve looks flat. So the axis ends a little
 * above the second epoch, if there are at least four. */
static double top_of(const gki_series *series, size_t n_series)
{
    double top = NAN;
    for (size_t s = 0; s < n_series; s++)
        if (series[s].n >= 4)
            top = fmax(top, series[s].y[1]);
    double least = NAN;
    for (size_t s = 0; s < n_series; s++)
        for (size_t i = 0; i < series[s].n; i++)
            least = fmin(least, series[s].y[i]);
    return isfinite(top) && isfinite(least) ? top + 0.1 * (top - least) : NAN;
}

/* The series and what the axes say as JSON, for the script of the page (app/plot.h). */
static char *data_of(const gki_series *series, size_t n_series, double top, const char *y_label)
{
    json_t *list = json_array();
    for (size_t s = 0; s < n_series; s++) {
        json_t *x = json_array(), *y = json_array();
        for (size_t i = 0; i < series[s].n; i++) {
            const double value = series[s].y[i];
            json_array_append_new(x, json_real(series[s].x[i]));
            json_array_append_new(y, isfinite(value) ? json_real(value) : json_null());
        }
        json_array_append_new(list,
                              json_pack("{s:s, s:b, s:o, s:o}", "name", series[s].name, "dashed",
                                        series[s].style != GKV_LINE_SOLID, "x", x, "y", y));
    }
    json_t *all = json_pack("{s:s, s:s, s:o, s:o}", "x", "epoch", "y", y_label, "top",
                            isfinite(top) ? json_real(top) : json_null(), "series", list);
    char *text = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(7));
    char *copy = cli_text("%s", text);
    json_decref(all);
    free(text);
    return copy;
}

/* Draws the curves, and writes their numbers to *data, which the caller frees. */
static int draw(const json_t *records, const curve *curves, size_t n_curves, bool zoom,
                const char *y_label, const char *path, char **data)
{
    enum { SERIES_MAX = 4 };
    gki_series series[SERIES_MAX];
    const size_t n = json_array_size(records);
    double *epochs = cli_alloc(n, sizeof *epochs);
    for (size_t i = 0; i < n; i++)
        epochs[i] = cli_record_number(records, i, "epoch");
    size_t used = 0;
    for (size_t c = 0; c < n_curves; c++) {
        double *y = cli_alloc(n, sizeof *y);
        bool any = false;
        for (size_t i = 0; i < n; i++) {
            y[i] = cli_record_number(records, i, curves[c].key);
            any = any || isfinite(y[i]);
        }
        if (any)
            series[used++] = (gki_series){.name = curves[c].name,
                                          .x = epochs,
                                          .y = y,
                                          .n = n,
                                          .style = curves[c].style,
                                          .markers = n <= 40};
        else
            free(y);
    }
    gki_lines_settings settings;
    gki_lines_defaults(&settings);
    settings.width = 720;
    settings.height = 380;
    settings.x_label = "epoch";
    settings.y_label = y_label;
    const double top = zoom ? top_of(series, used) : NAN;
    if (zoom)
        settings.y_high = top;
    const int code = used ? cli_check(gki_plot_lines(path, series, used, &settings)) : CLI_OK;
    *data = used ? data_of(series, used, top, y_label) : NULL;
    for (size_t s = 0; s < used; s++)
        free((double *)(uintptr_t)series[s].y);
    free(epochs);
    return code;
}

int cli_picture_curves(const char *folder, const char *path, const char *terms_path, bool *drawn,
                       char *data[2])
{
    static const curve bounds[] = {{"neg_elbo", "training", GKV_LINE_DASHED},
                                   {"validation_neg_elbo", "validation", GKV_LINE_SOLID}};
    static const curve terms[] = {
        {"reconstruction", "reconstruction, training", GKV_LINE_DASHED},
        {"validation_reconstruction", "reconstruction, validation", GKV_LINE_SOLID},
        {"kl", "KL, training", GKV_LINE_DASHED},
        {"validation_kl", "KL, validation", GKV_LINE_SOLID}};
    json_t *records = cli_records_read(folder, "history.jsonl");
    int code = CLI_OK;
    *drawn = json_array_size(records) > 0;
    if (*drawn) {
        CLI_TRY(draw(records, bounds, 2, true, "−ELBO, nats per image", path, &data[0]));
        CLI_TRY(draw(records, terms, 4, false, "nats per image", terms_path, &data[1]));
    }
done:
    json_decref(records);
    return code;
}
