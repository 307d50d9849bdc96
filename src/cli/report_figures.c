/* The figures of the results page and their captions; declared in evaluation.h. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <string.h>

#include "evaluation.h"
#include "pictures.h"

static const gkv_base_facts *facts_of_base(const cli_evaluation *it)
{
    return gkv_base_facts_of(gkv_model_settings_of(it->run->model)->model.base);
}

static bool is_grey(const cli_evaluation *it)
{
    return gkv_settings_pixels(&it->run->settings) != GKV_PIXELS_BINARY;
}

/* Whether the loss is a cross-entropy of grey levels, and so no bound. */
static bool is_entropy(const cli_evaluation *it)
{
    return it->metrics->pixels == GKV_PIXELS_MEAN_LEVELS;
}

/* What the decoder gives for a pixel. */
static const char *pixels_of(const cli_evaluation *it)
{
    return it->metrics->pixels == GKV_PIXELS_CONTINUOUS ? "means"
           : is_grey(it)                                ? "mean levels"
                                                        : "pixel probabilities";
}

static char *samples(const cli_evaluation *it)
{
    return cli_text("%zu image%s drawn from the model: the decoder's %s at the first %zu draw%s "
                    "from the prior with seed %" PRIu64 " and temperature %g. No draw is left out.",
                    it->samples, cli_plural(it->samples), pixels_of(it), it->samples,
                    cli_plural(it->samples), it->sample_seed, it->run->settings.eval.temperature);
}

static char *nearest(const cli_evaluation *it)
{
    return cli_text(
        "The first %zu of these draws. Below each draw is the training image with the smallest "
        "Euclidean distance in pixels. A model that had memorised its training images would draw "
        "copies "
        "of them.",
        it->nearest);
}

static char *classes(const cli_evaluation *it)
{
    return cli_text(
        "Each row shows draws from the base of one class: the first draws with seed %" PRIu64
        " and temperature 1. No draw is left out.",
        it->sample_seed);
}

static char *reconstructions(const cli_evaluation *it)
{
    const char *which = !it->labelled        ? "the first test images"
                        : it->of_all_classes ? "the first test images of each class"
                                             : "the first test images of some classes";
    const char *how = "at the code of the image that the model sees, without posterior noise.";
    if (is_grey(it))
        return cli_text("The rows come in pairs: %s, and their reconstructions. A reconstruction "
                        "shows the decoder's %s %s",
                        which, pixels_of(it), how);
    return cli_text("The rows come in threes: %s; the same images binarized at random, as the "
                    "model sees them; and the reconstructions. A reconstruction shows the "
                    "decoder's %s %s",
                    which, pixels_of(it), how);
}

static char *interpolations(const cli_evaluation *it)
{
    return cli_text(
        "Each row goes from one test image (left, as the model sees it) to %s (right). The images "
        "between them are the decoder's output along a straight line in ε, the space of the base. "
        "The "
        "prior's flow transforms this line to a curve of latent codes. The test images are the "
        "first %s.",
        it->labelled ? "one of another class" : "another",
        it->labelled ? "of their classes" : "ones");
}

static char *base(const cli_evaluation *it)
{
    const bool all = gkv_model_latent(it->run->model) <= CLI_PANELS;
    return cli_text(
        "The histograms show ε = h⁻¹(z) for one draw from the posterior of each of the first %zu "
        "test "
        "images. No fit has used these images. The curve is the base's margin, %s. %s "
        "Non-normality is "
        "measured by the squared correlation of the order statistics with normal scores "
        "(Shapiro–Francia). The lower plots compare the quantiles of ε with those of the margin: "
        "the "
        "points are on the dashed line if the margin fits.",
        it->codes, facts_of_base(it)->margin,
        all ? "All dimensions are shown, those with the least normal draws first."
            : "The six dimensions with the least normal draws are shown, in this order.");
}

static char *latent(const cli_evaluation *it)
{
    const char *labels =
        gkv_model_classes(it->run->model) > 0
            ? " The colours show the labels; training used the labels of training images, but not "
              "these."
            : " The colours show the labels, which training did not use.";
    return cli_text("The codes z of the first %zu test images on their two principal axes, which "
                    "explain %.0f %% "
                    "and %.0f %% of the variance.%s",
                    it->codes, 100 * it->explained[0], 100 * it->explained[1],
                    it->labelled ? labels : "");
}

static char *curves(const cli_evaluation *it)
{
    return cli_text(
        "%s by epoch; smaller is better. Training: the mean over the epoch, during which the "
        "weights change. Validation: the value on held-out images at the end of the epoch. The "
        "first "
        "epoch may lie above the frame.",
        is_entropy(it) ? "The loss" : "−ELBO");
}

static char *terms(const cli_evaluation *it)
{
    return cli_text("%s + KL. In the first epochs the weight of the KL term "
                    "rises from 0, and "
                    "the KL term may be larger than at the end.",
                    is_entropy(it) ? "The loss is a cross-entropy" : "−ELBO = reconstruction");
}

size_t cli_report_figures(const cli_evaluation *it, gki_report_figure figures[CLI_FIGURES])
{
    const struct {
        bool there, leads;
        const char *name, *heading, *alt;
        char *(*caption)(const cli_evaluation *it);
    } table[CLI_FIGURES] = {
        {true, true, "samples.png", "Samples", "a grid of images drawn from the model", samples},
        {it->training != NULL, true, "nearest.png", "Samples and training images",
         "drawn images over their nearest training images", nearest},
        {gkv_model_classes(it->run->model) > 0, false, "classes.png", "Samples by class",
         "rows of images, a class each", classes},
        {it->reconstructions, false, "reconstructions.png", "Reconstructions",
         "test images over their reconstructions", reconstructions},
        {it->interpolations, false, "interpolations.png", "Interpolations",
         "rows of images, each changing into another", interpolations},
        {it->base, false, "base.png",
         facts_of_base(it)->refit ? "The fitted base" : "The base and the codes",
         "histograms with the base's density, over QQ plots", base},
        {it->latent, false, "latent.png", "Latent codes", "a scatter plot of codes", latent},
        {it->curves, false, "curves.png", "Training",
         is_entropy(it) ? "curves of the loss over epochs" : "curves of −ELBO over epochs", curves},
        {it->curves, false, "terms.png",
         is_entropy(it) ? "Cross-entropy and KL" : "Reconstruction and KL",
         "curves of reconstruction and KL over epochs", terms},
    };
    size_t count = 0;
    for (size_t i = 0; i < CLI_FIGURES; i++)
        if (table[i].there)
            figures[count++] =
                (gki_report_figure){.heading = table[i].heading,
                                    .alt = table[i].alt,
                                    .caption = table[i].caption(it),
                                    .leads = table[i].leads,
                                    .png = cli_evaluation_picture(it, table[i].name)};
    return count;
}
