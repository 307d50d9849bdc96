/* FOLDER/index.html; declared in evaluation.h. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evaluation.h"
#include "records.h"
#include "gkvae/plot.h"

/* Texts that live until the page is written. */
enum { TEXTS = 256 };
typedef struct texts {
    char *list[TEXTS];
    size_t count;
} texts;

static const char *keep(texts *all, char *text)
{
    all->list[all->count++] = text;
    return text;
}

static const char *number(texts *all, double value, int places)
{
    return keep(all, isfinite(value) ? cli_text("%.*f", places, value) : cli_text("–"));
}

/* --- Words ----------------------------------------------------------------------------- */

static const char *summary_of(texts *all, const cli_evaluation *it)
{
    json_t *history = cli_records_read(it->folder, "history.jsonl");
    const size_t epochs = json_array_size(history);
    json_decref(history);
    const gkv_model_settings *m = &gkv_model_settings_of(it->run->model)->model;
    const gkv_settings *s = &it->run->settings;
    const bool flow = strcmp(m->prior_flow, "none") != 0 && m->prior_layers > 0;
    const char *base = strcmp(m->base, "normal") == 0 ? "a standard normal distribution"
                       : strcmp(m->base, "gk") == 0   ? "independent g-and-k distributions"
                                                      : "g-and-k margins joined by a Gaussian copula";
    const char *fit = strcmp(m->base, "normal") == 0     ? ""
                      : strcmp(m->base_fit, "lm") == 0   ? ", fitted by Levenberg–Marquardt between epochs"
                      : strcmp(m->base_fit, "grad") == 0 ? ", fitted by gradients"
                                                         : ", not fitted";
    const char *prior = flow ? keep(all, cli_text("a RealNVP flow of %lld coupling layers over ", (long long)m->prior_layers))
                             : "";
    return keep(all, cli_text("A variational autoencoder with %lld latent dimensions, trained on %s (%s binarization) for "
                              "%zu epochs from seed %" PRIu64 ". Its prior is %s%s%s. Everything below is measured on test "
                              "images that training never saw, but for the two curves of training.",
                              (long long)m->latent, s->data.dataset, s->data.binarization, epochs, s->train.seed, prior,
                              base, fit));
}

/* --- Figures ----------------------------------------------------------------------------- */

static void add_figure(gkv_report *report, gkv_report_figure *figures, texts *all, const cli_evaluation *it,
                       const char *name, const char *heading, const char *caption, const char *alt)
{
    figures[report->n_figures++] = (gkv_report_figure){
        .heading = heading, .caption = caption, .png = keep(all, cli_text("%s/%s", it->folder, name)), .alt = alt};
}

static void add_figures(gkv_report *report, gkv_report_figure *figures, texts *all, const cli_evaluation *it)
{
    const bool binary = strcmp(it->run->settings.data.binarization, "grey") != 0;
    const bool normal = strcmp(gkv_model_settings_of(it->run->model)->model.base, "normal") == 0;
    const char *which = it->labelled ? "the first test images of each class" : "the first test images";
    add_figure(report, figures, all, it, "samples.png", "Samples",
               keep(all, cli_text("The decoder's pixel probabilities at 200 draws from the prior: the first 200 of seed %"
                                  PRIu64 ", none left out, temperature 1.", it->sample_seed)),
               "a grid of images drawn from the model");
    if (it->reconstructions)
        add_figure(report, figures, all, it, "reconstructions.png", "Reconstructions",
                   keep(all, cli_text("%s: %s%s. A reconstruction is the decoder's pixel probabilities at the code of what the "
                                      "model sees (no posterior noise).",
                                      binary ? "Rows of three" : "Rows of two", which,
                                      binary ? "; the same binarized at random, which is what the model sees; and the "
                                               "reconstruction"
                                             : " and their reconstructions")),
                   "test images over their reconstructions");
    if (it->interpolations)
        add_figure(report, figures, all, it, "interpolations.png", "Interpolations",
                   keep(all, cli_text("From one test image (left, as the model sees it) to %s (right). Between them the "
                                      "decoder's output along a straight line in ε, the space of the base, which the "
                                      "prior's flow carries to a curve of latent codes. The images are the first of "
                                      "their classes, not chosen.",
                                      it->labelled ? "one of another class" : "another")),
                   "rows of images that change from one digit to another");
    if (it->base)
        add_figure(report, figures, all, it, "base.png",
                   normal ? "The base and the codes" : "The fitted base",
                   keep(all, cli_text("ε = h⁻¹(z) for one draw from the posterior of each of the first %zu test images, "
                                      "which no fit has seen, under the base's own margin, %s. Of all dimensions, the six "
                                      "whose draws are farthest from any normal distribution, by the squared correlation "
                                      "of their order statistics with normal scores (Shapiro–Francia), farthest first. "
                                      "Below, their quantiles against the margin's: on the dashed line where the margin "
                                      "is right.",
                                      it->codes, normal ? "N(0, 1)" : "a g-and-k distribution")),
                   "histograms with fitted densities, over QQ plots");
    if (it->latent)
        add_figure(report, figures, all, it, "latent.png", "Latent codes",
                   keep(all, cli_text("Codes z of the first %zu test images on their two principal axes, which hold "
                                      "%.0f %% and %.0f %% of the variance%s.",
                                      it->codes, 100 * it->explained[0], 100 * it->explained[1],
                                      it->labelled ? "; colours are labels, which the model never saw" : "")),
                   "a scatter plot of codes, coloured by label");
    if (it->curves) {
        add_figure(report, figures, all, it, "curves.png", "Training",
                   "−ELBO by epoch (less is better). Training: the mean over the epoch while the weights move, on freshly "
                   "binarized images. Validation: at the epoch's end, on images held out. The first epoch may lie "
                   "above the frame.",
                   "curves of −ELBO over epochs");
        add_figure(report, figures, all, it, "terms.png", "Reconstruction and KL",
                   "−ELBO = reconstruction + KL. While the weight of the KL term rises from 0, at first, the code may cost "
                   "more than it will in the end.",
                   "curves of reconstruction and KL over epochs");
    }
}

/* --- Tables ------------------------------------------------------------------------------ */

enum { METRIC_ROWS = 13, METRIC_COLUMNS = 4 };

static gkv_report_table metrics_table(const gkv_metrics *m, const char **cells, texts *all)
{
    static const char *const columns[METRIC_COLUMNS] = {"measure", "value", "standard error", "what it is"};
    const struct { const char *name; double value, se; int places; const char *meaning; } rows[METRIC_ROWS] = {
        {"−ELBO", m->neg_elbo, m->neg_elbo_se, 3, "nats per image: reconstruction + KL; bounds −log p(x) from above"},
        {"reconstruction", m->reconstruction, m->reconstruction_se, 3, "nats: the mean of −log p(x|z) over the posterior"},
        {"KL", m->kl, m->kl_se, 3, "nats: the mean of log q(z|x) − log p(z)"},
        {"−log p(x)", m->nll, m->nll_se, 3, "nats, by importance sampling: on average too large, less so with more samples"},
        {"importance samples", (double)m->nll_samples, NAN, 0, "per image"},
        {"active units", (double)m->active_units, NAN, 0, "latent dimensions whose code varies over images by more than 0.01"},
        {"mean squared error", m->mse, NAN, 5, "of reconstructions against the grey originals, pixels in 0 … 1"},
        {"PSNR", m->psnr, NAN, 2, "dB; mean over images"},
        {"SSIM", m->ssim, NAN, 4, "structural similarity; mean over images"},
        {"test images", (double)m->images, NAN, 0, ""},
        {"parameters", (double)m->parameters, NAN, 0, "numbers that training sets, the base's included"},
        {"training", m->train_seconds, NAN, 1, "seconds of wall time"},
        {"evaluation", m->eval_seconds, NAN, 1, "seconds of wall time"},
    };
    for (size_t i = 0; i < METRIC_ROWS; i++) {
        cells[i * METRIC_COLUMNS] = rows[i].name;
        cells[i * METRIC_COLUMNS + 1] = number(all, rows[i].value, rows[i].places);
        cells[i * METRIC_COLUMNS + 2] = isfinite(rows[i].se) ? number(all, rows[i].se, 3) : NULL;
        cells[i * METRIC_COLUMNS + 3] = rows[i].meaning;
    }
    return (gkv_report_table){.heading = "Measurements", .columns = columns, .n_columns = METRIC_COLUMNS, .cells = cells,
                              .n_rows = METRIC_ROWS,
                              .caption = keep(all, cli_text("Protocol: %s. Standard errors are over images.", m->protocol))};
}

enum { REFIT_ROWS = 10, REFIT_COLUMNS = 10 };

static const char *range_of(texts *all, const json_t *refits, size_t i, const char *low, const char *high)
{
    char from[32], to[32];
    return keep(all, cli_text("%s … %s", cli_decimal(cli_record_number(refits, i, low), 2, from),
                              cli_decimal(cli_record_number(refits, i, high), 2, to)));
}

/* The last refits; no rows if there were none. */
static gkv_report_table refits_table(const json_t *refits, const char **cells, texts *all)
{
    static const char *const columns[REFIT_COLUMNS] = {"epoch", "LM steps", "cost before", "after", "χ² per d.o.f.",
                                                       "moved", "held-out gain", "g", "k", "seconds"};
    const size_t count = json_array_size(refits), first = count > REFIT_ROWS ? count - REFIT_ROWS : 0;
    for (size_t i = first; i < count; i++) {
        const char **row = cells + (i - first) * REFIT_COLUMNS;
        row[0] = number(all, cli_record_number(refits, i, "epoch"), 0);
        row[1] = number(all, cli_record_number(refits, i, "lm_iterations"), 0);
        row[2] = number(all, cli_record_number(refits, i, "cost_before"), 1);
        row[3] = number(all, cli_record_number(refits, i, "cost_after"), 1);
        row[4] = number(all, cli_record_number(refits, i, "goodness_of_fit"), 2);
        row[5] = number(all, cli_record_number(refits, i, "step_length"), 2);
        row[6] = number(all, cli_record_number(refits, i, "held_out_after") -
                                 cli_record_number(refits, i, "held_out_before"), 3);
        row[7] = range_of(all, refits, i, "g_min", "g_max");
        row[8] = range_of(all, refits, i, "k_min", "k_max");
        row[9] = number(all, cli_record_number(refits, i, "seconds"), 2);
    }
    return (gkv_report_table){.heading = "Refits of the base", .columns = columns, .n_columns = REFIT_COLUMNS,
                              .cells = cells, .n_rows = count - first,
                              .caption = "The last of them. Cost: half the sum of squared residuals that "
                                         "Levenberg–Marquardt lowers, over all margins; χ² per degree of freedom near 1 "
                                         "says that the family fits. Moved: how far the base then went towards the fit, "
                                         "as far as codes of images held out became no less likely (gain: in nats per "
                                         "code). g and k: least and largest over margins."};
}

/* --- The page ---------------------------------------------------------------------------- */

/* The run's configuration as it stands in its folder. */
static char *read_configuration(const char *folder)
{
    char *path = cli_text("%s/config.ini", folder);
    FILE *file = fopen(path, "r");
    char *text = cli_alloc(65536, 1);
    if (file) {
        (void)!fread(text, 1, 65535, file);
        fclose(file);
    }
    free(path);
    return text;
}

int cli_report(const cli_evaluation *it)
{
    const gkv_metrics *m = it->metrics;
    texts all = {.count = 0};
    gkv_report_figure figures[8];
    const char *metric_cells[METRIC_ROWS * METRIC_COLUMNS], *refit_cells[REFIT_ROWS * REFIT_COLUMNS];
    char time[32];
    json_t *refits = cli_records_read(it->folder, "refits.jsonl");
    gkv_report_table tables[2] = {metrics_table(m, metric_cells, &all), refits_table(refits, refit_cells, &all)};
    const char *with_error = "nats, ±\u00A0%.2f";
    const gkv_report_number numbers[] = {
        {"−log p(x), at most", number(&all, m->nll, 2), keep(&all, cli_text(with_error, m->nll_se))},
        {"−ELBO", number(&all, m->neg_elbo, 2), keep(&all, cli_text(with_error, m->neg_elbo_se))},
        {"KL", number(&all, m->kl, 2), keep(&all, cli_text(with_error, m->kl_se))},
        {"active units", number(&all, (double)m->active_units, 0),
         keep(&all, cli_text("of %zu dimensions", gkv_model_latent(it->run->model)))},
        {"training time", keep(&all, cli_text("%s", cli_duration(m->train_seconds, time))),
         m->train_seconds < 3600 ? "minutes:seconds" : "hours:min:s"},
    };
    const gkv_report_text texts_below[] = {
        {"Configuration", keep(&all, read_configuration(it->folder))},
    };
    const bool likelihood = isfinite(m->nll);
    gkv_report report = {
        .title = keep(&all, cli_text("gkvae on %s", m->dataset)),
        .summary = summary_of(&all, it),
        .command = it->command,
        .numbers = likelihood ? numbers : numbers + 1,
        .n_numbers = sizeof numbers / sizeof *numbers - (likelihood ? 0 : 1),
        .tables = tables,
        .n_tables = tables[1].n_rows > 0 ? 2 : 1,
        .figures = figures,
        .texts = texts_below,
        .n_texts = 1,
    };
    add_figures(&report, figures, &all, it);
    char *path = cli_text("%s/index.html", it->folder);
    const int code = cli_check(gkv_report_html(path, &report));
    free(path);
    json_decref(refits);
    while (all.count > 0)
        free(all.list[--all.count]);
    return code;
}
