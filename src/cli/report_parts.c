/* Parts of the results page: the table of refits, and the figures with their captions; declared in
 * evaluation.h. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evaluation.h"
#include "pictures.h"
#include "records.h"

/* --- The table of refits -------------------------------------------------- */

enum { ROWS = 10, COLUMNS = CLI_REFIT_CELLS / (ROWS + 1) };

/* A column: one number of a refit, or two with a sign between them, or their difference if the sign
 * is a minus. Columns that say nothing of a
 * base are left out: those in which no number is known, or all are 0. */
typedef struct column {
    const char *name;
    const char *key, *sign, *other; /* `other` is NULL for one number */
    int places;
    const char *meaning; /* a sentence of the caption, or NULL */
} column;

static const column columns[COLUMNS] = {
    {"epoch", "epoch", NULL, NULL, 0, NULL},
    {"step", "step", NULL, NULL, 0, NULL},
    {"LM steps", "lm_iterations", NULL, NULL, 0, NULL},
    {"EM iterations", "em_iterations", NULL, NULL, 0, NULL},
    {"cost", "cost_before", "→", "cost_after", 0,
     "Cost: half the sum of squared residuals that Levenberg–Marquardt minimises, over all "
     "margins."},
    {"χ²/dof", "goodness_of_fit", NULL, NULL, 2,
     "χ² per degree of freedom (dof) is near 1 if the family fits."},
    {"moved", "step_length", NULL, NULL, 2,
     "Moved: the fraction of the way to the new parameters; 0 means that the refit was rejected, "
     "because it made held-out codes less likely."},
    {"gain", "held_out_after", "−", "held_out_before", 3,
     "Gain: the increase of the mean log density of held-out codes, in nats."},
    {"forgetting", "forgetting", NULL, NULL, 3,
     "Forgetting: the fraction of the running statistics that new images replaced; 0 is a refit to "
     "codes."},
    {"reinitialised", "reinitialised", NULL, NULL, 0,
     "Reinitialised: the number of nearly empty components that began anew."},
    {"g", "g_min", "…", "g_max", 2, "g and k: smallest and largest values over margins."},
    {"k", "k_min", "…", "k_max", 2, NULL},
    {"seconds", "seconds", NULL, NULL, 2, NULL},
};

static bool is_known(const json_t *refits, const column *c)
{
    bool other = false;
    for (size_t i = 0; i < json_array_size(refits); i++) {
        const double value = cli_record_number(refits, i, c->key),
                     second = c->other ? cli_record_number(refits, i, c->other) : 0;
        if (isfinite(value) && isfinite(second))
            other = other || value != 0 || second != 0;
    }
    return other;
}

static const char *cell(cli_texts *all, const json_t *refits, size_t i, const column *c)
{
    const double value = cli_record_number(refits, i, c->key);
    char texts[2][32];
    if (!c->other)
        return cli_texts_number(all, value, c->places);
    const double other = cli_record_number(refits, i, c->other);
    if (strcmp(c->sign, "−") == 0)
        return cli_texts_number(all, value - other, c->places);
    if (!isfinite(value) || !isfinite(other))
        return "–";
    return cli_texts_keep(all, cli_text("%s %s %s", cli_decimal(value, c->places, texts[0]),
                                        c->sign, cli_decimal(other, c->places, texts[1])));
}

gki_report_table cli_report_refits(const json_t *refits, const char *cells[CLI_REFIT_CELLS],
                                   cli_texts *all)
{
    const size_t count = json_array_size(refits), rows = count < ROWS ? count : ROWS;
    const column *shown[COLUMNS];
    size_t n = 0;
    char *caption = rows < count
                        ? cli_text("%zu of the %zu refits of the run, evenly spaced.", rows, count)
                        : cli_text("All refits of the run.");
    for (size_t c = 0; c < COLUMNS; c++) {
        if (!is_known(refits, &columns[c]))
            continue;
        cells[ROWS * COLUMNS + n] = columns[c].name;
        shown[n++] = &columns[c];
        if (columns[c].meaning) {
            char *longer = cli_text("%s %s", caption, columns[c].meaning);
            free(caption);
            caption = longer;
        }
    }
    for (size_t r = 0; r < rows; r++) {
        const size_t i = rows > 1 ? r * (count - 1) / (rows - 1) : 0;
        for (size_t c = 0; c < n; c++)
            cells[r * n + c] = cell(all, refits, i, shown[c]);
    }
    return (gki_report_table){.heading = "Refits of the base",
                              .plain =
                                  "While the networks train, the base of the prior is fitted to "
                                  "the codes of the images again and again. A fit is kept only if "
                                  "codes that were held out from it become no less probable.",
                              .columns = cells + (size_t)ROWS * COLUMNS,
                              .n_columns = n,
                              .cells = cells,
                              .n_rows = n > 0 ? rows : 0,
                              .caption = cli_texts_keep(all, caption)};
}

/* --- Figures -------------------------------------------------------------- */

static const gkv_base_facts *facts_of_base(const cli_evaluation *evaluation)
{
    return gkv_base_facts_of(gkv_model_settings_of(evaluation->run->model)->model.base);
}

static bool is_grey(const cli_evaluation *evaluation)
{
    return gkv_settings_pixels(&evaluation->run->settings) != GKV_PIXELS_BINARY;
}

/* Whether the loss is a cross-entropy of grey levels, and so no bound. */
static bool is_entropy(const cli_evaluation *evaluation)
{
    return evaluation->metrics->pixels == GKV_PIXELS_MEAN_LEVELS;
}

/* What the decoder gives for a pixel. */
static const char *pixels_of(const cli_evaluation *evaluation)
{
    return evaluation->metrics->pixels == GKV_PIXELS_CONTINUOUS ? "means"
           : is_grey(evaluation)                                ? "mean levels"
                                                                : "pixel probabilities";
}

static char *samples(const cli_evaluation *evaluation)
{
    return cli_text("%zu image%s drawn from the model: the decoder's %s at the first %zu draw%s "
                    "from the prior with seed %" PRIu64 " and temperature %g. No draw is left out.",
                    evaluation->samples, cli_plural(evaluation->samples), pixels_of(evaluation),
                    evaluation->samples, cli_plural(evaluation->samples), evaluation->sample_seed,
                    evaluation->run->settings.eval.temperature);
}

static char *nearest(const cli_evaluation *evaluation)
{
    return cli_text("The first %zu of these draws. Below each draw is the training image with the "
                    "smallest Euclidean distance in pixels. A model that had memorised its "
                    "training images would draw copies of them.",
                    evaluation->nearest);
}

static char *classes(const cli_evaluation *evaluation)
{
    return cli_text(
        "Each row shows draws from the base of one class: the first draws with seed %" PRIu64
        " and temperature 1. No draw is left out.",
        evaluation->sample_seed);
}

static char *reconstructions(const cli_evaluation *evaluation)
{
    const char *which = !evaluation->labelled        ? "the first test images"
                        : evaluation->of_all_classes ? "the first test images of each class"
                                                     : "the first test images of some classes";
    const char *how = "at the code of the image that the model sees, without posterior noise.";
    if (is_grey(evaluation))
        return cli_text("The rows come in pairs: %s, and their reconstructions. A reconstruction "
                        "shows the decoder's %s %s",
                        which, pixels_of(evaluation), how);
    return cli_text(
        "The rows come in threes: %s; the same images binarized at random, as the model sees them; "
        "and the reconstructions. A reconstruction shows the decoder's %s %s",
        which, pixels_of(evaluation), how);
}

static char *interpolations(const cli_evaluation *evaluation)
{
    return cli_text("Each row goes from one test image (left, as the model sees it) to %s (right). "
                    "The images between them are the decoder's output along a straight line in ε, "
                    "the space of the base. The prior's flow transforms this line to a curve of "
                    "latent codes. The test images are the first %s.",
                    evaluation->labelled ? "one of another class" : "another",
                    evaluation->labelled ? "of their classes" : "ones");
}

static char *base(const cli_evaluation *evaluation)
{
    const bool all = gkv_model_latent(evaluation->run->model) <= CLI_PANELS;
    return cli_text(
        "The histograms show ε = h⁻¹(z) for one draw from the posterior of each of the first %zu "
        "test images. No fit has used these images. The curve is the base's margin, %s. %s "
        "Non-normality is measured by the squared correlation of the order statistics with normal "
        "scores (Shapiro–Francia). The lower plots compare the quantiles of ε with those of the "
        "margin: the points are on the dashed line if the margin fits.",
        evaluation->codes, facts_of_base(evaluation)->margin,
        all ? "All dimensions are shown, those with the least normal draws first."
            : "The six dimensions with the least normal draws are shown, in this order.");
}

static char *latent(const cli_evaluation *evaluation)
{
    const char *labels = gkv_model_classes(evaluation->run->model) > 0
                             ? " The colours show the labels; training used the labels of training "
                               "images, but not these."
                             : " The colours show the labels, which training did not use.";
    return cli_text("The codes z of the first %zu test images on their two principal axes, which "
                    "explain %.0f %% and %.0f %% of the variance.%s",
                    evaluation->codes, 100 * evaluation->explained[0],
                    100 * evaluation->explained[1], evaluation->labelled ? labels : "");
}

static char *curves(const cli_evaluation *evaluation)
{
    return cli_text("%s by epoch; smaller is better. Training: the mean over the epoch, during "
                    "which the weights change. Validation: the value on held-out images at the end "
                    "of the epoch. The first epoch may lie above the frame.",
                    is_entropy(evaluation) ? "The loss" : "−ELBO");
}

static char *terms(const cli_evaluation *evaluation)
{
    return cli_text("%s + KL. In the first epochs the weight of the KL term rises from 0, and the "
                    "KL term may be larger than at the end.",
                    is_entropy(evaluation) ? "The loss is a cross-entropy"
                                           : "−ELBO = reconstruction");
}

size_t cli_report_figures(const cli_evaluation *evaluation, gki_report_figure figures[CLI_FIGURES])
{
    const struct {
        bool there, leads;
        const char *name, *heading, *alt;
        char *(*caption)(const cli_evaluation *evaluation);
        const char *data;
    } table[CLI_FIGURES] = {
        {true, true, "samples.png", "Samples", "a grid of images drawn from the model", samples,
         NULL},
        {evaluation->training != NULL, true, "nearest.png", "Samples and training images",
         "drawn images over their nearest training images", nearest, NULL},
        {gkv_model_classes(evaluation->run->model) > 0, false, "classes.png", "Samples by class",
         "rows of images, a class each", classes, NULL},
        {evaluation->reconstructions, false, "reconstructions.png", "Reconstructions",
         "test images over their reconstructions", reconstructions, NULL},
        {evaluation->interpolations, false, "interpolations.png", "Interpolations",
         "rows of images, each changing into another", interpolations, NULL},
        {evaluation->base, false, "base.png",
         facts_of_base(evaluation)->refit ? "The fitted base" : "The base and the codes",
         "histograms with the base's density, over QQ plots", base, NULL},
        {evaluation->latent, false, "latent.png", "Latent codes", "a scatter plot of codes", latent,
         NULL},
        {evaluation->curves, false, "curves.png", "Training",
         is_entropy(evaluation) ? "curves of the loss over epochs" : "curves of −ELBO over epochs",
         curves, evaluation->curves_data[0]},
        {evaluation->curves, false, "terms.png",
         is_entropy(evaluation) ? "Cross-entropy and KL" : "Reconstruction and KL",
         "curves of reconstruction and KL over epochs", terms, evaluation->curves_data[1]},
    };
    size_t count = 0;
    for (size_t i = 0; i < CLI_FIGURES; i++)
        if (table[i].there)
            figures[count++] =
                (gki_report_figure){.heading = table[i].heading,
                                    .alt = table[i].alt,
                                    .caption = table[i].caption(evaluation),
                                    .leads = table[i].leads,
                                    .data = table[i].data,
                                    .png = cli_evaluation_picture(evaluation, table[i].name)};
    return count;
}
