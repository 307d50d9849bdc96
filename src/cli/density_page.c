/* The page of a density: margins with QQ bands, pairs of columns against draws, and calibration;
 * declared in cli_density.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/plot.h"
#include "cli_density.h"
#include "gkvae/gk.h"
#include "gkvae/gk_fit.h"
#include "texts.h"

/* PANELS: margins of a picture; MARGINS_MAX and PAIRS_MAX: on the page; PAIR_ROWS: points of a
 * pair plot. */
enum {
    PANELS = 6,
    CURVE_POINTS = 300,
    QUANTILES = 200,
    MARGINS_MAX = 24,
    PAIRS_MAX = 6,
    PAIR_ROWS = 1500,
    CALIBRATION_ROWS = 20000,
    FIGURES_MAX = MARGINS_MAX / PANELS + PAIRS_MAX + 1
};

typedef struct page_parts {
    const gkv_density *density;
    const char *folder;
    size_t n, d;
    const double *x;
    gki_report_figure figures[FIGURES_MAX];
    size_t n_figures;
    cli_texts texts;
} page_parts;

/* Adds a figure, whose picture is already there. */
static void add_figure(page_parts *page, const char *path, char *heading, const char *caption)
{
    page->figures[page->n_figures++] = (gki_report_figure){
        .heading = cli_texts_keep(&page->texts, heading), .caption = caption, .png = path};
}

static const char *path_of(page_parts *page, const char *name, size_t number)
{
    return cli_texts_keep(&page->texts, cli_text("%s/%s-%zu.png", page->folder, name, number));
}

/* --- Margins -------------------------------------------------------------- */

typedef struct panel_data {
    char title[96];
    double *sorted;
    double x[CURVE_POINTS], density[CURVE_POINTS];
    double theoretical[QUANTILES], empirical[QUANTILES], low[QUANTILES], high[QUANTILES];
} panel_data;

static double normal_quantile(double p)
{
    const gkv_gk normal = gkv_gk_standard();
    return p <= 0.5 ? gkv_gk_quantile(&normal, p) : gkv_gk_quantile_upper(&normal, 1 - p);
}

/* The density of the margin between its quantiles 0.0005 and 0.9995, from its scores: f = φ(z)
 * dz/dx by differences of the quantile function. */
static int fill_density(const page_parts *page, size_t j, panel_data *data)
{
    double z[CURVE_POINTS + 1], x[CURVE_POINTS + 1];
    int code = CLI_OK;
    const double end = normal_quantile(0.9995);
    for (size_t i = 0; i <= CURVE_POINTS; i++)
        z[i] = -end + 2 * end * (double)i / CURVE_POINTS;
    CLI_CHECK(gkv_density_quantiles(page->density, j, CURVE_POINTS + 1, z, x));
    for (size_t i = 0; i < CURVE_POINTS; i++) {
        const double middle = 0.5 * (z[i] + z[i + 1]);
        data->x[i] = 0.5 * (x[i] + x[i + 1]);
        data->density[i] = exp(-0.5 * middle * middle) / 2.5066282746310002 * (z[i + 1] - z[i]) /
                           (x[i + 1] - x[i]);
    }
done:
    return code;
}

static int fill_quantiles(const page_parts *page, size_t j, size_t count, panel_data *data)
{
    double z[3 * QUANTILES], x[3 * QUANTILES];
    const double n = (double)page->n;
    int code = CLI_OK;
    for (size_t i = 0; i < count; i++) {
        const double p = ((double)i + 0.5) / (double)count, rank = p * n + 0.5;
        z[i] = normal_quantile(p);
        z[count + i] = normal_quantile(gkv_gk_order_level(n, rank, 0.025));
        z[2 * count + i] = normal_quantile(gkv_gk_order_level(n, rank, 0.975));
        data->empirical[i] = data->sorted[(size_t)(p * n)];
    }
    CLI_CHECK(gkv_density_quantiles(page->density, j, 3 * count, z, x));
    memcpy(data->theoretical, x, count * sizeof *x);
    memcpy(data->low, x + count, count * sizeof *x);
    memcpy(data->high, x + 2 * count, count * sizeof *x);
done:
    return code;
}

static int fill_panel(const page_parts *page, size_t j, panel_data *data, gki_fit_panel *panel)
{
    gkv_density_margin_info info;
    const size_t count = page->n < QUANTILES ? page->n : QUANTILES;
    int code = CLI_OK;
    CLI_CHECK(gkv_density_get_margin(page->density, j, &info));
    snprintf(data->title, sizeof data->title, "%.40s: %s", gkv_density_name(page->density, j),
             gkv_density_margin_name(info.kind));
    data->sorted = cli_alloc(page->n, sizeof *data->sorted);
    for (size_t i = 0; i < page->n; i++)
        data->sorted[i] = page->x[i * page->d + j];
    qsort(data->sorted, page->n, sizeof *data->sorted, cli_ascending);
    CLI_TRY(fill_density(page, j, data));
    CLI_TRY(fill_quantiles(page, j, count, data));
    *panel = (gki_fit_panel){.title = data->title,
                             .sample = data->sorted,
                             .n_sample = page->n,
                             .density_x = data->x,
                             .density_y = data->density,
                             .n_density = CURVE_POINTS,
                             .theoretical = data->theoretical,
                             .empirical = data->empirical,
                             .quantile_low = data->low,
                             .quantile_high = data->high,
                             .n_quantiles = count};
done:
    return code;
}

static int draw_margins(page_parts *page, size_t first, size_t count)
{
    panel_data *data = cli_alloc(count, sizeof *data);
    gki_fit_panel panels[PANELS];
    gki_fit_settings settings;
    const char *path = path_of(page, "margins", first / PANELS + 1);
    int code = CLI_OK;
    gki_fit_defaults(&settings);
    settings.fitted_name = "fitted margin";
    settings.quantile_band_name = "95 % of samples, point by point (QQ)";
    for (size_t i = 0; i < count; i++)
        CLI_TRY(fill_panel(page, first + i, &data[i], &panels[i]));
    CLI_CHECK(gki_plot_base_margins(path, panels, count, &settings));
    add_figure(page, path, cli_text("Margins"),
               "Above: histograms and the fitted margins. Below: quantiles of the data against "
               "those of the margin, with the range of 95 % of samples of the margin.");
done:
    for (size_t i = 0; i < count; i++)
        free(data[i].sorted);
    free(data);
    return code;
}

/* --- Pairs ---------------------------------------------------------------- */

typedef struct pair {
    size_t a, b;
    double r; /* |correlation of scores| */
} pair;

static int by_correlation(const void *a, const void *b)
{
    const pair *p = a, *q = b;
    if (p->r != q->r)
        return (p->r < q->r) - (p->r > q->r);
    return p->a != q->a ? (p->a > q->a) - (p->a < q->a) : (p->b > q->b) - (p->b < q->b);
}

/* The pairs of columns with the greatest correlations of clamped scores. Returns how many. */
static int find_pairs(const page_parts *page, pair **pairs, size_t *count)
{
    const size_t d = page->d, n = page->n < CALIBRATION_ROWS ? page->n : CALIBRATION_ROWS;
    double *z = cli_alloc(n * d, sizeof *z);
    int code = CLI_OK;
    *count = 0;
    *pairs = cli_alloc(d * d / 2 + 1, sizeof **pairs);
    CLI_CHECK(gkv_density_scores(page->density, n, page->x, NULL, z, NULL));
    for (size_t i = 0; i < n * d; i++)
        z[i] = fmin(fmax(z[i], -4), 4);
    for (size_t a = 0; a < d; a++)
        for (size_t b = 0; b < a; b++) {
            double aa = 0, bb = 0, ab = 0;
            for (size_t i = 0; i < n; i++) {
                aa += z[i * d + a] * z[i * d + a];
                bb += z[i * d + b] * z[i * d + b];
                ab += z[i * d + a] * z[i * d + b];
            }
            (*pairs)[(*count)++] = (pair){b, a, fabs(ab) / sqrt(aa * bb)};
        }
    qsort(*pairs, *count, sizeof **pairs, by_correlation);
done:
    free(z);
    return code;
}

static int draw_pair(page_parts *page, const pair *p, size_t number, size_t rows,
                     const double *draws)
{
    static const char *const labels[] = {"data", "draws"};
    double *xy = cli_alloc(4 * rows, sizeof *xy);
    uint8_t *label = cli_alloc(2 * rows, sizeof *label);
    gki_scatter_settings settings;
    const char *path = path_of(page, "pair", number);
    const size_t stride = page->n / rows;
    for (size_t i = 0; i < rows; i++) {
        xy[2 * i] = page->x[i * stride * page->d + p->a];
        xy[2 * i + 1] = page->x[i * stride * page->d + p->b];
        xy[2 * (rows + i)] = draws[i * page->d + p->a];
        xy[2 * (rows + i) + 1] = draws[i * page->d + p->b];
        label[rows + i] = 1;
    }
    gki_scatter_defaults(&settings);
    settings.name_groups = 0;
    settings.label_names = labels;
    settings.n_labels = 2;
    settings.x_label = gkv_density_name(page->density, p->a);
    settings.y_label = gkv_density_name(page->density, p->b);
    const int code = cli_check(gki_plot_scatter_labelled(path, xy, label, 2 * rows, &settings));
    add_figure(page, path,
               cli_text("%s and %s", gkv_density_name(page->density, p->a),
                        gkv_density_name(page->density, p->b)),
               "Rows of the table, and as many draws from the chosen density.");
    free(xy);
    free(label);
    return code;
}

static int draw_pairs(page_parts *page)
{
    const size_t rows = page->n < PAIR_ROWS ? page->n : PAIR_ROWS;
    double *draws = cli_alloc(rows * page->d, sizeof *draws);
    pair *pairs = NULL;
    size_t count = 0;
    int code = CLI_OK;
    CLI_TRY(find_pairs(page, &pairs, &count));
    CLI_CHECK(gkv_density_sample(page->density, GKV_DENSITY_CHOSEN, rows, 1, 0, NULL, draws));
    for (size_t i = 0; i < count && i < PAIRS_MAX; i++)
        CLI_TRY(draw_pair(page, &pairs[i], i + 1, rows, draws));
done:
    free(pairs);
    free(draws);
    return code;
}

/* --- Calibration ---------------------------------------------------------- */

/* Log densities of the rows against those of draws, as quantiles: the identity if the density is
 * right. */
static int draw_calibration(page_parts *page)
{
    const size_t n = page->n < CALIBRATION_ROWS ? page->n : CALIBRATION_ROWS;
    double *draws = cli_alloc(n * page->d, sizeof *draws), *of_rows = cli_alloc(n, sizeof *of_rows),
           *of_draws = cli_alloc(n, sizeof *of_draws), rows_q[QUANTILES], draws_q[QUANTILES];
    const char *path = path_of(page, "calibration", 1);
    gki_lines_settings settings;
    int code = CLI_OK;
    CLI_CHECK(gkv_density_sample(page->density, GKV_DENSITY_CHOSEN, n, 1, 0, NULL, draws));
    CLI_CHECK(
        gkv_density_log_density(page->density, GKV_DENSITY_CHOSEN, n, page->x, NULL, of_rows));
    CLI_CHECK(gkv_density_log_density(page->density, GKV_DENSITY_CHOSEN, n, draws, NULL, of_draws));
    qsort(of_rows, n, sizeof *of_rows, cli_ascending);
    qsort(of_draws, n, sizeof *of_draws, cli_ascending);
    for (size_t i = 0; i < QUANTILES; i++) {
        const size_t index = (size_t)(((double)i + 0.5) / QUANTILES * (double)n);
        rows_q[i] = of_rows[index];
        draws_q[i] = of_draws[index];
    }
    const gki_series series[] = {
        {.name = "rows of the table", .x = draws_q, .y = rows_q, .n = QUANTILES, .markers = 1},
        {.name = "identity", .x = draws_q, .y = draws_q, .n = QUANTILES, .style = GKV_LINE_DASHED}};
    gki_lines_defaults(&settings);
    settings.x_label = "log density of draws, quantiles";
    settings.y_label = "log density of rows, quantiles";
    CLI_CHECK(gki_plot_lines(path, series, 2, &settings));
    add_figure(page, path, cli_text("Calibration"),
               "Quantiles of the log density of the rows against those of draws from the chosen "
               "density. On the dashed line the rows are as likely as draws are.");
done:
    free(draws);
    free(of_rows);
    free(of_draws);
    return code;
}

/* --- The page ------------------------------------------------------------- */

enum { CANDIDATE_COLUMNS = 6, MARGIN_COLUMNS = 4 };

static gki_report_table candidates_table(page_parts *page)
{
    static const char *const columns[CANDIDATE_COLUMNS] = {
        "candidate", "held-out log density", "less the chosen",
        "lowest",    "beyond 99 %, in %",    "beyond 99.9 %, in %"};
    const char **cells = cli_alloc(GKV_DENSITY_CANDIDATES * CANDIDATE_COLUMNS, sizeof *cells);
    size_t rows = 0;
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gkv_density_candidate_info info;
        if (gkv_density_get_candidate(page->density, c, &info) != GKV_OK || !info.fitted)
            continue;
        const char **row = cells + CANDIDATE_COLUMNS * rows++;
        const bool chosen = c == gkv_density_chosen(page->density);
        row[0] = cli_texts_keep(&page->texts, cli_text("%s%s", gkv_density_candidate_name(c),
                                                       chosen ? " (chosen)" : ""));
        row[1] = cli_texts_with_error(&page->texts, info.held_out, info.se, 4);
        row[2] = chosen
                     ? "–"
                     : cli_texts_with_error(&page->texts, info.difference, info.difference_se, 4);
        row[3] = cli_texts_number(&page->texts, info.lowest, 1);
        for (size_t t = 0; t < GKV_DENSITY_TAILS; t++)
            row[4 + t] = cli_texts_keep(
                &page->texts, cli_text("%.3f (%.3f … %.3f)", 100 * info.beyond[t],
                                       100 * info.beyond_low[t], 100 * info.beyond_high[t]));
    }
    return (gki_report_table){
        .heading = "Candidates",
        .caption = "Mean log density in nats of rows that the fits had not seen, with standard "
                   "errors; and the share of their values beyond the predicted quantiles of either "
                   "tail, with 95 % intervals. Nominal are 1 and 0.1.",
        .columns = columns,
        .n_columns = CANDIDATE_COLUMNS,
        .cells = cells,
        .n_rows = rows};
}

static gki_report_table margins_table(page_parts *page)
{
    static const char *const columns[MARGIN_COLUMNS] = {"column", "margin", "parameters",
                                                        "resolution"};
    const char **cells = cli_alloc(page->d * MARGIN_COLUMNS, sizeof *cells);
    for (size_t j = 0; j < page->d; j++) {
        gkv_density_margin_info info = {.kind = 0};
        const char **row = cells + MARGIN_COLUMNS * j;
        (void)!gkv_density_get_margin(page->density, j, &info);
        row[0] = gkv_density_name(page->density, j);
        row[1] = gkv_density_margin_name(info.kind);
        row[2] = cli_texts_keep(&page->texts, cli_density_margin_text(&info));
        row[3] = cli_texts_keep(&page->texts, info.resolution > 0 ? cli_text("%g", info.resolution)
                                                                  : cli_text("exact"));
    }
    return (gki_report_table){.heading = "Margins",
                              .caption = NULL,
                              .columns = columns,
                              .n_columns = MARGIN_COLUMNS,
                              .cells = cells,
                              .n_rows = page->d};
}

int cli_density_page(const char *folder, const char *command, const gkv_density *density, size_t n,
                     const double *x)
{
    page_parts page = {
        .density = density, .folder = folder, .n = n, .d = gkv_density_dimensions(density), .x = x};
    char *path = cli_text("%s/index.html", folder);
    gki_report_table tables[2] = {{.cells = NULL}, {.cells = NULL}};
    int code = CLI_OK;
    CLI_TRY(draw_calibration(&page));
    for (size_t first = 0; first < page.d && first < MARGINS_MAX; first += PANELS)
        CLI_TRY(draw_margins(&page, first, page.d - first < PANELS ? page.d - first : PANELS));
    if (page.d > 1)
        CLI_TRY(draw_pairs(&page));
    tables[0] = candidates_table(&page);
    tables[1] = margins_table(&page);
    char *summary = cli_text("%zu rows of %zu column%s. Chosen: %s.", n, page.d, cli_plural(page.d),
                             gkv_density_candidate_name(gkv_density_chosen(density)));
    code = cli_check(gki_report_html(path, &(gki_report){.title = "Density of a table",
                                                         .summary = summary,
                                                         .command = command,
                                                         .tables = tables,
                                                         .n_tables = 2,
                                                         .figures = page.figures,
                                                         .n_figures = page.n_figures}));
    free(summary);
done:
    free((void *)(uintptr_t)tables[0].cells);
    free((void *)(uintptr_t)tables[1].cells);
    cli_texts_free(&page.texts);
    free(path);
    return code;
}
