/* The figures of an evaluation in words. */
#include "metric_rows.h"
#include "refined.h"

#include <math.h>
#include <stdbool.h>

/* What a likelihood is of decides the words. */
typedef enum { BINARY, MEAN_LEVELS, GREY_LEVELS, COLOUR_LEVELS, CONTINUOUS, KINDS } kind;

typedef struct words {
    const char *loss, *loss_unit, *loss_meaning;
    const char *reconstruction, *printed_reconstruction, *reconstruction_meaning;
    const char *nll_unit, *nll_meaning;                /* NULL: there is no likelihood */
    const char *printed_loss_bits, *loss_bits_meaning; /* NULL: not in bits per dimension */
    const char *printed_nll_bits, *nll_bits_meaning;
    const char *mse_meaning;
} words;

#define ELBO .loss = "−ELBO"
#define NATS .loss_unit = "nats per image"
#define BOUND "nats per image: reconstruction + KL; an upper bound on −log p(x)"
#define RECONSTRUCTION                                                                \
    .reconstruction = "reconstruction", .printed_reconstruction = "  reconstruction", \
    .reconstruction_meaning = "nats: the mean of −log p(x|z) over the posterior"
#define LIKELIHOOD                                                                             \
    .nll_unit = "nats per image, at most",                                                     \
    .nll_meaning = "nats, estimated by importance sampling; on average too large, and closer " \
                   "with more samples"
#define GREY_MSE .mse_meaning = "between reconstructions and grey originals, with pixels in 0 … 1"

static const words words_of[KINDS] = {
    [BINARY] = {ELBO, NATS, .loss_meaning = BOUND, RECONSTRUCTION, LIKELIHOOD, GREY_MSE},
    [MEAN_LEVELS] =
        {.loss = "loss",
         NATS,
         .loss_meaning =
             "nats per image: cross-entropy + KL, which training lowers; it bounds no likelihood",
         .reconstruction = "cross-entropy",
         .printed_reconstruction = "  cross-entropy",
         .reconstruction_meaning =
             "nats: of the grey levels and the decoder's mean levels, mean over the posterior",
         GREY_MSE},
    [GREY_LEVELS] = {ELBO, NATS, .loss_meaning = BOUND " of grey levels", RECONSTRUCTION,
                     LIKELIHOOD, .printed_loss_bits = "−ELBO of grey levels",
                     .loss_bits_meaning =
                         "bits per dimension: nats divided by the number of pixels and by log 2",
                     .printed_nll_bits = "−log p(x) of grey levels",
                     .nll_bits_meaning = "bits per dimension of the grey levels", GREY_MSE},
    [COLOUR_LEVELS] =
        {ELBO, NATS, .loss_meaning = BOUND " of colour levels", RECONSTRUCTION, LIKELIHOOD,
         .printed_loss_bits = "−ELBO of colour levels",
         .loss_bits_meaning =
             "bits per dimension: nats divided by the number of pixels, by 3 channels and by log 2",
         .printed_nll_bits = "−log p(x) of colour levels",
         .nll_bits_meaning = "bits per dimension of the colour levels",
         .mse_meaning = "between reconstructions and originals, with values in 0 … 1"},
    [CONTINUOUS] = {ELBO, .loss_unit = "nats per image, of a density",
                    .loss_meaning = BOUND " of a density, which may be negative", RECONSTRUCTION,
                    .nll_unit = "nats per image, of a density, at most",
                    .nll_meaning =
                        "nats of the density of the images in the units of the data, not of a "
                        "probability; estimated by importance sampling, on average too large",
                    GREY_MSE},
};

static kind kind_of(const gkv_metrics *m)
{
    static const kind kinds[] = {[GKV_PIXELS_BINARY] = BINARY,
                                 [GKV_PIXELS_MEAN_LEVELS] = MEAN_LEVELS,
                                 [GKV_PIXELS_LEVELS] = GREY_LEVELS,
                                 [GKV_PIXELS_CONTINUOUS] = CONTINUOUS};
    return kinds[m->pixels] == GREY_LEVELS && m->channels > 1 ? COLOUR_LEVELS : kinds[m->pixels];
}

size_t cli_metric_rows(const gkv_metrics *m, cli_metric_row rows[CLI_METRIC_ROWS])
{
    const words *w = &words_of[kind_of(m)];
    const bool likelihood = w->nll_meaning, levels = w->loss_bits_meaning,
               classes = isfinite(m->class_accuracy);
    const struct {
        bool there;
        cli_metric_row row;
    } all[CLI_METRIC_ROWS] = {
        {true, {w->loss, w->loss, m->neg_elbo, m->neg_elbo_se, 3, w->loss_unit, w->loss_meaning}},
        {levels,
         {"−ELBO, bits", w->printed_loss_bits, gkv_bits_per_dimension(m->neg_elbo, m->values), NAN,
          4, "bits per dimension", w->loss_bits_meaning}},
        {true,
         {w->reconstruction, w->printed_reconstruction, m->reconstruction, m->reconstruction_se, 3,
          "", w->reconstruction_meaning}},
        {true, {"KL", "  KL", m->kl, m->kl_se, 3, "", "nats: the mean of log q(z|x) − log p(z)"}},
        {likelihood, {"−log p(x)", "−log p(x)", m->nll, m->nll_se, 3, w->nll_unit, w->nll_meaning}},
        {levels,
         {"−log p(x), bits", w->printed_nll_bits, gkv_bits_per_dimension(m->nll, m->values), NAN, 4,
          "bits per dimension, at most", w->nll_bits_meaning}},
        {likelihood, {"importance samples", NULL, (double)m->nll_samples, NAN, 0, "", "per image"}},
        {likelihood,
         {"effective samples", "effective samples", m->ess, NAN, 1, "of the importance samples",
          "per image: (Σw)²/Σw² of its importance weights; mean over images"}},
        {true,
         {"active units", "active units", (double)m->active_units, NAN, 0, "",
          "latent dimensions in which the variance of the codes over images is above 0.01"}},
        {classes,
         {"classes recognised", "classes recognised", m->class_accuracy, NAN, 4, "of the images",
          "the fraction of images whose most probable class, given the code, is their label"}},
        {true, {"mean squared error", "mean squared error", m->mse, NAN, 5, "", w->mse_meaning}},
        {true, {"PSNR", "PSNR", m->psnr, NAN, 2, "dB", "dB; mean over images"}},
        {true, {"SSIM", "SSIM", m->ssim, NAN, 4, "", "structural similarity; mean over images"}},
        {true, {"test images", NULL, (double)m->images, NAN, 0, "", ""}},
        {true,
         {"parameters", "parameters", (double)m->parameters, NAN, 0, "",
          "numbers that training fits, including those of the base"}},
        {true,
         {"training", "training", m->train_seconds, NAN, 1, "seconds", "seconds of wall time"}},
        {true,
         {"refits of the base", "  refits of the base", m->refit_seconds, NAN, 1,
          "seconds, part of training", "seconds, included in training"}},
        {true,
         {"evaluation", "evaluation", m->eval_seconds, NAN, 1, "seconds", "seconds of wall time"}},
    };
    size_t n = 0;
    for (size_t i = 0; i < CLI_METRIC_ROWS; i++)
        if (all[i].there)
            rows[n++] = all[i].row;
    return n;
}

size_t cli_refined_rows(const gkv_metrics *m, cli_refined_row rows[CLI_REFINED_ROWS])
{
    const gkv_refined_metrics *r = &m->refined;
    const words *w = &words_of[kind_of(m)];
    const bool likelihood = w->nll_meaning, levels = w->loss_bits_meaning;
    const cli_refined_row all[CLI_REFINED_ROWS] = {
        {w->loss, m->neg_elbo, r->neg_elbo, 3, "nats per image"},
        {w->printed_reconstruction, m->reconstruction, r->reconstruction, 3, ""},
        {"  KL", m->kl, r->kl, 3, ""},
        {levels ? "−ELBO, bits" : NULL, gkv_bits_per_dimension(m->neg_elbo, m->values),
         gkv_bits_per_dimension(r->neg_elbo, m->values), 4, "bits per dimension"},
        {likelihood ? "−log p(x)" : NULL, m->nll, r->nll, 3, "nats per image, at most"},
        {levels ? "−log p(x), bits" : NULL, gkv_bits_per_dimension(m->nll, m->values),
         gkv_bits_per_dimension(r->nll, m->values), 4, "bits per dimension, at most"},
        {likelihood ? "effective samples" : NULL, m->ess, r->ess, 1, "of the importance samples"},
        {likelihood ? "−log p(x|z) at the mean" : "cross-entropy at the mean",
         r->cross_entropy_before, r->cross_entropy, 3, "nats per image"},
        {"mean squared error", m->mse, r->mse, 5, "at the mean"},
        {"PSNR", m->psnr, r->psnr, 2, "dB"},
        {"SSIM", m->ssim, r->ssim, 4, ""},
        {"accepted iterations", NAN, r->accepted, 2, "per image"},
        {"images improved", NAN, (double)r->improved, 0, ""},
        {"refinement", NAN, r->milliseconds, 2, "milliseconds per image"},
    };
    size_t n = 0;
    for (size_t i = 0; r->samples > 0 && i < CLI_REFINED_ROWS; i++)
        if (all[i].name) /* else this model has no such figure */
            rows[n++] = all[i];
    return n;
}
