/* The results page FOLDER/index.html; declared in evaluation.h. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "epoch_pictures.h"
#include "evaluation.h"
#include "metric_rows.h"
#include "report_generation.h"
#include "records.h"
#include "refined.h"
#include "app/plot.h"

/* --- Summary -------------------------------------------------------------- */

static const char *base_of(cli_texts *all, const gkv_model_settings *m)
{
    const gkv_base_facts *facts = gkv_base_facts_of(m->base);
    if (facts->words)
        return facts->words;
    const bool dependent = m->base_covariance != GKV_COVARIANCE_DIAGONAL,
               normal = !facts->has_shapes;
    const char *kind = normal ? (dependent ? "normal distributions with full covariances"
                                           : "independent normal distributions")
                              : (dependent ? "multivariate g-and-k distributions"
                                           : "independent g-and-k distributions");
    const char *factors =
        m->base_covariance == GKV_COVARIANCE_LOW_RANK
            ? cli_texts_keep(
                  all, cli_text(" whose correlations have %lld factors", (long long)m->base_rank))
            : "";
    if (facts->has_classes)
        return cli_texts_keep(all, cli_text("%lld %s%s for each of %lld labels",
                                            (long long)m->base_components, kind, factors,
                                            (long long)m->base_classes));
    return cli_texts_keep(
        all, cli_text("a mixture of %lld %s%s", (long long)m->base_components, kind, factors));
}

static const char *fit_of(cli_texts *all, const gkv_model_settings *m)
{
    const char *refit = gkv_base_facts_of(m->base)->refit;
    if (!refit)
        return "";
    switch (m->base_fit) {
    case GKV_FIT_LM: return cli_texts_keep(all, cli_text(", fitted to codes by %s", refit));
    case GKV_FIT_LM_GRADIENT: return ", fitted by gradients with refits to codes in between";
    case GKV_FIT_GRADIENT: return ", fitted by gradients";
    default: return ", not fitted";
    }
}

/* A sentence about a likelihood of levels. */
static const char *likelihood_of(cli_texts *all, const gkv_model_settings *m, bool colour)
{
    const gkv_likelihood_facts *facts = gkv_likelihood_facts_of(m->likelihood);
    if (facts->pixels == GKV_PIXELS_BINARY)
        return "";
    if (facts->pixels == GKV_PIXELS_CONTINUOUS)
        return cli_texts_keep(all,
                              cli_text(" A number of an image has a %s density given the code.",
                                       facts->distribution));
    const char *edges = m->learned_edges ? ", with learned edges between levels" : "";
    const char *level = colour ? "level of a channel" : "grey level of a pixel",
               *given = colour ? " and the earlier channels of the pixel" : "";
    if (!facts->is_mixture || m->likelihood_components == 1)
        return cli_texts_keep(
            all, cli_text(" The %s has a discretised %s distribution given the code%s%s.", level,
                          facts->distribution, given, edges));
    return cli_texts_keep(
        all,
        cli_text(" The %s has a mixture of %lld discretised %s distributions given the code%s%s.",
                 level, (long long)m->likelihood_components, facts->distribution, given, edges));
}

static const char *summary_of(cli_texts *all, const cli_evaluation *evaluation)
{
    json_t *history = cli_records_read(evaluation->folder, "history.jsonl");
    const size_t epochs = json_array_size(history);
    json_decref(history);
    const gkv_settings *s = gkv_model_settings_of(evaluation->run->model);
    const gkv_model_settings *m = &s->model;
    const bool seen = strcmp(s->data.train_images_sha256, evaluation->metrics->images_sha256) == 0;
    const char *flow = gkv_prior_flow_title(m->prior_flow);
    char binarization[GKV_NAME_SIZE];
    const char *base = base_of(all, m), *fit = fit_of(all, m);
    const char *prior = "";
    if (flow && m->prior_layers > 0)
        prior = cli_texts_keep(all, cli_text("a %s flow of %lld layer%s over ", flow,
                                             (long long)m->prior_layers,
                                             cli_plural((size_t)m->prior_layers)));
    return cli_texts_keep(
        all,
        cli_text(
            "A variational autoencoder with %lld latent dimensions, trained on %s (%s%s) for %zu "
            "epoch%s from seed %" PRIu64 ". Its prior is %s%s%s.%s All figures below are measured "
            "on %s, except those of refits and of training.",
            (long long)m->latent, s->data.dataset,
            s->data.binarization == GKV_BINARIZE_GREY && evaluation->metrics->channels > 1
                ? "colour"
                : gkv_settings_choice("data.binarization", (int)s->data.binarization, binarization),
            s->data.binarization == GKV_BINARIZE_GREY         ? " levels"
            : s->data.binarization == GKV_BINARIZE_CONTINUOUS ? " numbers"
                                                              : " binarization",
            epochs, cli_plural(epochs), s->train.seed, prior, base, fit,
            likelihood_of(all, m, evaluation->metrics->channels > 1),
            seen ? "its training images" : "test images that training never used"));
}

/* --- Tables --------------------------------------------------------------- */

enum { METRIC_COLUMNS = 4 };

/* Figures of other models of the same images, which are those of README.md; "" for other images. */
static const char *reference_of(const gkv_metrics *m)
{
    static const char mnist[] = "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7";
    enum { ALL = 10000 };
    if (strcmp(m->images_sha256, mnist) != 0 || m->images != ALL || m->pixels != GKV_PIXELS_BINARY)
        return "";
    return " For comparison, on these test images: a plain VAE (configs/mnist-plain.ini) has a "
           "−ELBO of 94.00 and a −log p(x) of at most 89.30; the default model (configs/mnist.ini) "
           "84.79 and, refined, 82.50.";
}

static gki_report_table metrics_table(const gkv_metrics *m, const char **cells, cli_texts *all)
{
    static const char *const columns[METRIC_COLUMNS] = {"measure", "value", "standard error",
                                                        "what it is"};
    cli_metric_row rows[CLI_METRIC_ROWS];
    const size_t n_rows = cli_metric_rows(m, rows);
    for (size_t i = 0; i < n_rows; i++) {
        const char **row = cells + i * METRIC_COLUMNS;
        row[0] = rows[i].name;
        row[1] = cli_texts_number(all, rows[i].value, rows[i].places);
        row[2] = isfinite(rows[i].se) ? cli_texts_number(all, rows[i].se, 3) : NULL;
        row[3] = rows[i].meaning;
    }
    const char *plain =
        cli_texts_keep(all, cli_text("The fewer nats the first rows have, the better the model "
                                     "describes images that it has never seen. The closer SSIM is "
                                     "to 1, the more the reconstructions resemble the originals.%s",
                                     reference_of(m)));
    const char *caption =
        cli_texts_keep(all, cli_text("Protocol: %s. Standard errors are over images. The images "
                                     "are those of %s, whose content has the SHA-256 %s.",
                                     m->protocol, m->images_file, m->images_sha256));
    return (gki_report_table){.heading = "Measurements",
                              .plain = plain,
                              .caption = caption,
                              .columns = columns,
                              .n_columns = METRIC_COLUMNS,
                              .cells = cells,
                              .n_rows = n_rows};
}

enum { REFINED_COLUMNS = 4 };

/* No rows unless posteriors were refined. */
static gki_report_table refined_table(const gkv_metrics *m, const char **cells, cli_texts *all)
{
    static const char *const columns[REFINED_COLUMNS] = {"measure", "encoder", "refined", "unit"};
    cli_refined_row rows[CLI_REFINED_ROWS];
    const size_t n = cli_refined_rows(m, rows);
    for (size_t i = 0; i < n; i++) {
        cells[i * REFINED_COLUMNS] = rows[i].name;
        cells[i * REFINED_COLUMNS + 1] =
            isnan(rows[i].before) ? NULL : cli_texts_number(all, rows[i].before, rows[i].places);
        cells[i * REFINED_COLUMNS + 2] = cli_texts_number(all, rows[i].after, rows[i].places);
        cells[i * REFINED_COLUMNS + 3] = rows[i].unit;
    }
    const char *caption =
        cli_texts_keep(all, cli_text("The refined posterior of each image is a Gaussian with full "
                                     "covariance, found by %zu iteration%s of Levenberg–Marquardt "
                                     "with %zu sample%s. Both columns use the same noise.",
                                     m->refined.iterations, cli_plural(m->refined.iterations),
                                     m->refined.samples, cli_plural(m->refined.samples)));
    return (gki_report_table){
        .heading = "Refined posteriors",
        .plain = "The encoder guesses the code of an image in one go. Here a few steps of an "
                 "optimiser improved each guess; the column “refined” has the figures after them.",
        .caption = caption,
        .columns = columns,
        .n_columns = REFINED_COLUMNS,
        .cells = cells,
        .n_rows = n};
}

/* --- The page ------------------------------------------------------------- */

/* The settings of the evaluation as an INI file: those of config.ini, changed by --set. */
static char *settings_in_force(const gkv_settings *settings)
{
    char *text = cli_text("%s", "");
    const gkv_settings_key *key;
    const char *section = "";
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        char name[64], value[GKV_PATH_SIZE] = "";
        snprintf(name, sizeof name, "%s.%s", key->section, key->name);
        (void)!gkv_settings_get(settings, name, sizeof value, value);
        const bool begins = strcmp(section, key->section) != 0;
        char *more = cli_text("%s%s%s%s%s%s =%s%s\n", text, begins && *text ? "\n" : "",
                              begins ? "[" : "", begins ? key->section : "", begins ? "]\n" : "",
                              key->name, *value ? " " : "", value);
        free(text);
        text = more;
        section = key->section;
    }
    return text;
}

enum { NUMBERS = 7 };

/* "nats, ± 0.21, refined", without the parts that do not apply. */
static const char *nats_note(cli_texts *all, double error, bool refined)
{
    char text[32];
    return cli_texts_keep(all, isfinite(error)
                                   ? cli_text("nats, ±\u00A0%s%s", cli_decimal(error, 2, text),
                                              refined ? ", refined" : "")
                                   : cli_text("nats%s", refined ? ", refined" : ""));
}

static const char *draws_note(cli_texts *all, uint64_t draws, double floor)
{
    char text[32];
    return cli_texts_keep(all, isfinite(floor) ? cli_text("of %" PRIu64 " draws; real images: %s",
                                                          draws, cli_decimal(floor, 2, text))
                                               : cli_text("of %" PRIu64 " draws", draws));
}

/* The figures at the head of the page; returns how many of them this model has. */
static size_t headline_numbers(const cli_evaluation *evaluation, gki_report_number numbers[NUMBERS],
                               cli_texts *all)
{
    const gkv_metrics *m = evaluation->metrics;
    const gkv_generation_figures *samples = &m->generation.figures[GKV_SET_SAMPLES][GKV_FORM_MEANS];
    const gkv_generation_figures *floor = &m->generation.figures[GKV_SET_TRAINING][GKV_FORM_MEANS];
    const bool refined = isfinite(m->refined.nll), seconds = m->train_seconds < 3600;
    char time[32];
    const struct {
        const char *label;
        double value;
        int places;
        const char *note;
    } candidates[NUMBERS - 1] = {
        {"Fréchet distance", samples->frechet, 2,
         draws_note(all, m->generation.draws, floor->frechet)},
        {"coverage", samples->coverage, 3,
         isfinite(floor->coverage)
             ? cli_texts_keep(all, cli_text("real images: %.3f", floor->coverage))
             : ""},
        {"−log p(x), at most", refined ? m->refined.nll : m->nll, 2,
         nats_note(all, refined ? m->refined.nll_se : m->nll_se, refined)},
        {"bits per dimension",
         m->pixels == GKV_PIXELS_LEVELS
             ? gkv_bits_per_dimension(refined ? m->refined.nll : m->nll, m->values)
             : NAN,
         4,
         cli_texts_keep(all, cli_text("at most%s; of %s levels", refined ? ", refined" : "",
                                      m->channels > 1 ? "colour" : "grey"))},
        {m->pixels == GKV_PIXELS_MEAN_LEVELS ? "cross-entropy + KL" : "−ELBO", m->neg_elbo, 2,
         nats_note(all, m->neg_elbo_se, false)},
        {"KL", m->kl, 2, nats_note(all, m->kl_se, false)},
    };
    size_t count = 0;
    for (size_t i = 0; i < NUMBERS - 1; i++)
        if (isfinite(candidates[i].value))
            numbers[count++] = (gki_report_number){
                candidates[i].label,
                cli_texts_number(all, candidates[i].value, candidates[i].places),
                candidates[i].note};
    if (isfinite(m->train_seconds))
        numbers[count++] = (gki_report_number){
            "training time",
            cli_texts_keep(all, cli_text("%s", cli_duration(m->train_seconds, time))),
            seconds ? "minutes:seconds" : "hours:min:s"};
    return count;
}

int cli_report(const cli_evaluation *evaluation)
{
    const gkv_metrics *m = evaluation->metrics;
    cli_texts all = {.count = 0};
    gki_report_figure figures[CLI_FIGURES + 1];
    gki_report_frame frames[CLI_EPOCH_FRAMES];
    const char *metric_cells[CLI_METRIC_ROWS * METRIC_COLUMNS], *refit_cells[CLI_REFIT_CELLS];
    const char *refined_cells[CLI_REFINED_ROWS * REFINED_COLUMNS];
    const char *plain_cells[CLI_PLAIN_CELLS],
        *generation_cells[GKV_IMAGE_FORMS][CLI_GENERATION_CELLS];
    json_t *refits = cli_records_read(evaluation->folder, "refits.jsonl");
    const gki_report_table candidates[] = {
        cli_generation_plain_table(&m->generation, plain_cells, &all),
        cli_generation_table(&m->generation, GKV_FORM_MEANS, generation_cells[GKV_FORM_MEANS],
                             &all),
        cli_generation_table(&m->generation, GKV_FORM_BINARY, generation_cells[GKV_FORM_BINARY],
                             &all),
        cli_generation_table(&m->generation, GKV_FORM_LEVELS, generation_cells[GKV_FORM_LEVELS],
                             &all),
        metrics_table(m, metric_cells, &all),
        refined_table(m, refined_cells, &all),
        cli_report_refits(refits, refit_cells, &all),
    };
    gki_report_table tables[sizeof candidates / sizeof *candidates];
    size_t n_tables = 0;
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
        if (candidates[i].n_rows > 0)
            tables[n_tables++] = candidates[i];
    char *explorer = cli_text("%s/explorer.html", evaluation->folder);
    const bool has_explorer = gki_file_exists(explorer);
    free(explorer);
    gki_report_number numbers[NUMBERS];
    const gki_report_text texts_below[] = {
        {"Configuration", cli_texts_keep(&all, settings_in_force(&evaluation->run->settings))},
    };
    size_t n_figures = cli_report_figures(evaluation, figures);
    for (size_t i = 0; i < n_figures; i++) {
        cli_texts_keep(&all, (char *)(uintptr_t)figures[i].caption);
        cli_texts_keep(&all, (char *)(uintptr_t)figures[i].png);
    }
    const size_t n_frames = cli_epoch_frames(evaluation->folder, frames, &all);
    if (n_frames > 1)
        figures[n_figures++] =
            (gki_report_figure){.heading = "Samples during training",
                                .caption = "Ten draws from the model at checkpoints of its "
                                           "training, of the same ten random codes of the base.",
                                .frames = frames,
                                .n_frames = n_frames};
    const gki_report report = {
        .title = cli_texts_keep(&all, cli_text("gkvae on %s", m->dataset)),
        .summary = summary_of(&all, evaluation),
        .link = has_explorer ? "explorer.html" : NULL,
        .link_text = "Explore the model in the browser",
        .command = evaluation->command,
        .numbers = numbers,
        .n_numbers = headline_numbers(evaluation, numbers, &all),
        .tables = tables,
        .n_tables = n_tables,
        .figures = figures,
        .n_figures = n_figures,
        .texts = texts_below,
        .n_texts = 1,
    };
    char *path = cli_text("%s/index.html", evaluation->folder);
    const int code = cli_check(gki_report_html(path, &report));
    free(path);
    json_decref(refits);
    cli_texts_free(&all);
    return code;
}
