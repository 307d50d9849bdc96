/* The table of settings, and the search for a key. */
#include "config/settings_table.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/text.h"

#define FIELD(section, name) \
    offsetof(gkv_settings, section.name), sizeof((gkv_settings *)0)->section.name

/* The facts of a key of each section, unless its row says otherwise. */
#define FACTS_data GKV_KEY_CHANGES_MODEL
#define FACTS_model GKV_KEY_CHANGES_MODEL | GKV_KEY_IS_MODELS
#define FACTS_train GKV_KEY_CHANGES_MODEL | GKV_KEY_IS_MODELS
#define FACTS_eval 0

#define SECTION_data GKV_SECTION_DATA
#define SECTION_model GKV_SECTION_MODEL
#define SECTION_train GKV_SECTION_TRAIN
#define SECTION_eval GKV_SECTION_EVAL

#define TYPE_INTEGER "integer"
#define TYPE_SEED "integer"
#define TYPE_NUMBER "number"
#define TYPE_CHOICE "name"
#define TYPE_SWITCH "name"
#define TYPE_LABEL "name"
#define TYPE_PATH "path"
#define TYPE_FOLDER "path"
#define TYPE_DIGEST "sha256"
#define TYPE_SIZE "size"
#define TYPE_RANGE "range"
#define TYPE_COLOUR "colour"

#define ROW(facts, section, name, kind, range, meaning, initial, low, high, above, below, zero,    \
            why)                                                                                   \
    {                                                                                              \
        {#section, #name, TYPE_##kind, range, meaning, SECTION_##section, GKV_KIND_##kind, facts}, \
            FIELD(section, name), initial, low, high, above, below, zero, why                      \
    }

#define INTEGER_AS(facts, section, name, initial, low, high, meaning)                              \
    ROW(facts, section, name, INTEGER, #low " … " #high, meaning, #initial, low, high, 0, 0, NULL, \
        NULL)
#define INTEGER(section, name, initial, low, high, meaning) \
    INTEGER_AS(FACTS_##section, section, name, initial, low, high, meaning)
#define INTEGER_OR_AS(facts, zero, section, name, initial, low, high, meaning)                    \
    ROW(facts, section, name, INTEGER, zero " or " #low " … " #high, meaning, initial, low, high, \
        0, 0, zero, NULL)
#define INTEGER_OR(zero, section, name, initial, low, high, meaning) \
    INTEGER_OR_AS(FACTS_##section, zero, section, name, initial, low, high, meaning)
#define SEED(section, name, initial, meaning)                                                     \
    ROW(FACTS_##section, section, name, SEED, "0 … 9223372036854775807", meaning, #initial, 0, 0, \
        0, 0, NULL, NULL)
#define NUMBER(section, name, initial, low, high, meaning)                                         \
    ROW(FACTS_##section, section, name, NUMBER, #low " … " #high, meaning, #initial, low, high, 0, \
        0, NULL, NULL)
#define NUMBER_ABOVE(section, name, initial, low, high, meaning, why)                      \
    ROW(FACTS_##section, section, name, NUMBER, "above " #low ", at most " #high, meaning, \
        #initial, low, high, 1, 0, NULL, why)
#define NUMBER_BELOW(section, name, initial, low, high, meaning)                            \
    ROW(FACTS_##section, section, name, NUMBER, "at least " #low ", below " #high, meaning, \
        #initial, low, high, 0, 1, NULL, NULL)
#define CHOICE_AS(facts, section, name, initial, names, meaning) \
    ROW(facts, section, name, CHOICE, names, meaning, initial, 0, 0, 0, 0, NULL, NULL)
#define CHOICE(section, name, initial, names, meaning) \
    CHOICE_AS(FACTS_##section, section, name, initial, names, meaning)
#define SWITCH(section, name, initial, meaning)                                                 \
    ROW(FACTS_##section, section, name, SWITCH, "no, yes", meaning, #initial, 0, 0, 0, 0, NULL, \
        NULL)
#define TEXT_AS(facts, section, name, kind, initial, meaning) \
    ROW(facts, section, name, kind, "", meaning, initial, 0, 0, 0, 0, NULL, NULL)
#define TEXT(section, name, kind, initial, meaning) \
    TEXT_AS(FACTS_##section, section, name, kind, initial, meaning)

const gki_settings_row gki_settings_rows[] = {
    TEXT(data, dataset, LABEL, "mnist",
         "The data set: mnist, fashion-mnist, or any other name for your own files."),
    TEXT_AS(
        GKV_KEY_IS_LOCAL, data, folder, FOLDER, "data",
        "The folder that contains DATASET/train-images-idx3-ubyte[.gz] and the three other files."),
    TEXT_AS(GKV_KEY_IS_LOCAL | FACTS_data, data, train_images, PATH, "",
            "Training images in place of the standard file: IDX, .npy, .npz, or a folder of PNG "
            "files."),
    TEXT_AS(GKV_KEY_IS_LOCAL | FACTS_data, data, train_labels, PATH, "",
            "Training labels in place of the standard file: IDX, .npy, .npz, or CSV."),
    TEXT_AS(GKV_KEY_IS_LOCAL | FACTS_data, data, test_images, PATH, "",
            "Test images in place of the standard file, as data.train_images."),
    TEXT_AS(GKV_KEY_IS_LOCAL | FACTS_data, data, test_labels, PATH, "",
            "Test labels in place of the standard file, as data.train_labels."),
    TEXT(data, train_images_sha256, DIGEST, "",
         "The SHA-256 that the uncompressed training images must have; empty: any. Training writes "
         "it to the run's config.ini."),
    TEXT(data, train_labels_sha256, DIGEST, "", "The same for the training labels."),
    SWITCH(data, invert, no,
           "Images are dark on a bright ground: 255 minus each level makes them bright on black."),
    SWITCH(data, transpose, no,
           "Images are stored column by column, as EMNIST's are: exchange rows and columns."),
    CHOICE(data, channels, "auto", "auto, 1, 3",
           "Levels of a pixel: 1 converts colour to grey (Rec. 601 luma), 3 makes grey into "
           "colour; auto is 1 unless a pixel of any image is not grey."),
    TEXT(data, resize, SIZE, "",
         "Resizes all images to HEIGHTxWIDTH pixels, as in 32x32: averages of areas where they "
         "shrink, bilinear where they grow; empty: they must have one size."),
    TEXT(data, background, COLOUR, "white",
         "What is behind pixels that are not opaque: white, black or rrggbb in hexadecimal."),
    SWITCH(data, skip_bad, no,
           "Leaves out files of a folder of images that are damaged or of another size, instead of "
           "refusing the folder."),
    CHOICE_AS(GKV_KEY_IS_MODELS | FACTS_data, data, binarization, "dynamic",
              "dynamic, static, grey, continuous",
              "How grey levels become 0 and 1: drawn anew at every step, drawn once, or left grey. "
              "continuous takes the numbers of a .npy or .npz array of floats as they are, for "
              "likelihoods that are densities."),
    TEXT(data, range, RANGE, "",
         "LOW,HIGH: the numbers of continuous data that are 0 and 1 in the model; empty: the least "
         "and the greatest training number. Training writes it to the run's config.ini."),
    INTEGER_AS(GKV_KEY_IS_MODELS | FACTS_data, data, validation, 2000, 0, 1000000,
               "Training images held out for validation; 0 is none."),

    INTEGER(model, latent, 24, 1, 4096, "Dimensions of the latent vector z."),
    CHOICE(model, net, "mlp", "mlp, conv",
           "The networks of encoder and decoder: multilayer perceptrons, or residual convolutional "
           "networks."),
    INTEGER(model, hidden, 400, 1, 65536,
            "Units of each hidden layer of encoder and decoder, with net = mlp."),
    INTEGER(model, layers, 3, 1, 64,
            "Hidden layers of the encoder, and of the decoder, with net = mlp."),
    CHOICE(model, block, "residual", "silu, residual, gated",
           "The form of a hidden layer, with net = mlp: LayerNorm and SiLU; the same with its "
           "input added, except in the first layer; or h·sigmoid(g)."),
    INTEGER(model, half_channels, 16, 4, 1024,
            "Channels at half the resolution of the images, with net = conv."),
    INTEGER(model, quarter_channels, 48, 4, 1024,
            "Channels at a quarter of the resolution of the images, with net = conv."),
    INTEGER(model, conv_blocks, 1, 0, 64,
            "Residual blocks of two convolutions at each of the two resolutions, with net = conv."),
    CHOICE(model, conv_block, "full", "full, depthwise",
           "The convolutions of these blocks: from all channels to all; or depthwise, each channel "
           "by itself, followed by 1×1 from all to all."),
    CHOICE(
        model, downsampling, "unshuffle", "unshuffle, stride",
        "From half to a quarter of the resolution, with net = conv: 2×2 pixels become channels and "
        "a 1×1 convolution follows; or LayerNorm, SiLU and a 3×3 convolution with stride 2."),
    CHOICE(model, posterior, "normal", "normal, full, gk, gk-amortized",
           "The family of q(z|x): normal with independent dimensions; normal with any covariance; "
           "g-and-k with one shape for all x; or g-and-k with a shape for each x."),
    CHOICE(model, posterior_flow, "none",
           "none, planar, radial, iaf, sylvester-orthogonal, sylvester-householder",
           "The flow that follows the posterior: planar; radial; inverse autoregressive; Sylvester "
           "with 8 orthogonal directions; or with all directions by 4 Householder reflections."),
    INTEGER(model, posterior_layers, 0, 0, 256, "Layers of the posterior's flow."),
    CHOICE(model, prior_flow, "realnvp", "none, realnvp, spline, gk-coupling, maf, glow",
           "The flow between the base and the prior p(z): couplings that are affine, affine with a "
           "rational-quadratic spline, or g-and-k quantile functions; a masked autoregressive "
           "flow; or affine couplings with linear maps between them."),
    INTEGER(model, prior_layers, 8, 0, 256, "Layers of the prior's flow; 0 is no flow."),
    INTEGER(model, prior_hidden, 128, 1, 65536,
            "Units of each hidden layer of the network of a layer of the prior's flow."),
    NUMBER_ABOVE(model, log_scale_bound, 2, 0, 10,
                 "Log-scales in the prior's flow are this bound times a tanh.", NULL),
    INTEGER(model, spline_bins, 8, 2, 64, "Bins of a spline, with prior_flow = spline."),
    NUMBER_ABOVE(
        model, spline_bound, 4, 0, 1000,
        "With prior_flow = spline: a spline is linear outside [-spline_bound, spline_bound].",
        NULL),
    CHOICE(model, base, "gk-mixture",
           "normal, full-gaussian, student-t, gk, gk-copula, gaussian-mixture, gk-mixture, "
           "gk-by-class",
           "The base distribution of the prior: N(0, I); normal with any covariance; independent "
           "Student's t; independent g-and-k; g-and-k margins with a Gaussian copula; a mixture of "
           "normals; a mixture of multivariate g-and-k distributions; or such a mixture for each "
           "label."),
    CHOICE(model, base_fit, "lm", "fixed, lm, grad, lm+grad",
           "How the base is fitted: not at all; by refits with Levenberg–Marquardt, for mixtures "
           "within EM; by gradients; or by gradients between refits."),
    INTEGER(model, base_components, 32, 1, 4096,
            "Components of a mixture; with gk-by-class, of each label's mixture."),
    CHOICE(model, base_covariance, "full", "full, low-rank, diagonal",
           "Correlation of the dimensions within a component: any matrix, that of a model with few "
           "factors, or none."),
    INTEGER(model, base_rank, 4, 1, 4096, "Factors of a low-rank correlation; fewer than latent."),
    SWITCH(model, base_tied_shapes, no,
           "Whether all components of a mixture have the same shapes g and k."),
    INTEGER(model, base_classes, 10, 1, 256,
            "Number of labels of gk-by-class, which are 0 and up."),
    NUMBER(model, base_g, 0, -5, 5, "The base's skewness g before any fit."),
    NUMBER_ABOVE(model, base_k, 0, -0.5, 5, "The base's tail weight k before any fit.",
                 "at k ≤ −1/2 the quantile function Q(z) stops increasing in the tails, so there "
                 "is no density"),
    CHOICE(
        model, likelihood, "bernoulli",
        "bernoulli, logistic-mixture, gk, gk-mixture, normal-density, gk-density",
        "The distribution of a pixel given z: 0 or 1; or one of 256 grey levels, which needs "
        "data.binarization = grey: by a mixture of discretised logistic distributions, by a "
        "discretised g-and-k distribution, or by a mixture of these; or a real number, which needs "
        "data.binarization = continuous: by the density of a normal or of a g-and-k distribution."),
    INTEGER(model, likelihood_components, 2, 1, 16,
            "Components of the likelihood's mixture for each pixel; 1 is a single distribution."),
    SWITCH(model, learned_edges, yes,
           "Whether the edges between the 256 grey levels of the likelihood are learned, the same "
           "for all pixels; if not, levels have equal widths."),

    INTEGER(train, epochs, 46, 1, 1000000, "Passes over the training images."),
    INTEGER(train, batch, 200, 1, 1000000, "Images per step."),
    CHOICE(train, objective, "elbo", "elbo, iwae",
           "The bound that is maximised: the ELBO, or the importance-weighted bound, which is "
           "tighter with more samples."),
    INTEGER(train, samples, 1, 1, 1000, "Draws of z for each image of a step."),
    CHOICE(train, resampling, "none", "none, importance",
           "The draws from which iwae learns: all of an image's draws, or one of them, drawn by "
           "its importance weight. The gradient is the same on average, and a step takes about "
           "half the time."),
    INTEGER(train, elbo_epochs, 0, 0, 1000000,
            "Number of first epochs that use the ELBO with one draw of each image, instead of "
            "objective and samples."),
    CHOICE(train, gradient, "path-derivative", "total, path-derivative",
           "The encoder's gradient: total, or without the score term of log q(z|x). The latter is "
           "the same on average and has less noise near the best posterior. It needs posterior = "
           "normal without a flow."),
    NUMBER_ABOVE(train, learning_rate, 0.003, 0, 1,
                 "Adam's step size at the start of a cosine decay to 0.", NULL),
    NUMBER(train, weight_decay, 0.1, 0, 100,
           "AdamW's weight decay of linear layers and convolutions, in units of the step size; 0 "
           "is none."),
    NUMBER(train, clip_norm, 5, 0, 1000000, "Bound on the norm of the gradient; 0 is none."),
    NUMBER(train, kl_weight, 1, 0, 1000, "Weight β of the KL term; 1 is the ELBO."),
    NUMBER(train, kl_warmup, 5, 0, 1000000,
           "Epochs over which the weight of the KL term rises from 0."),
    NUMBER(train, free_bits, 0, 0, 1000000,
           "Free bits: nats of an image's KL term that cost nothing, so that codes stay in use; 0 "
           "is none. ELBO only."),
    NUMBER(train, augmentation, 0, 0, 1,
           "Fraction of the images that elastic augmentation deforms at each visit, at the start. "
           "It falls to 0 with the learning rate."),
    NUMBER_ABOVE(train, refit_every, 1, 0, 1000000,
                 "Epochs between refits of the base to codes; 0.25 is four in each epoch. Mixtures "
                 "that are refitted every refit_steps steps are refitted to codes once.",
                 NULL),
    INTEGER(train, refit_iterations, 1, 1, 1000,
            "Iterations of EM in a refit of a mixture to codes, except the first refit."),
    INTEGER(train, refit_codes, 20000, 100, 10000000,
            "Codes that a refit to codes uses: those of the last training images before it."),
    INTEGER(train, refit_steps, 10, 0, 1000000,
            "Steps between refits of a mixture from running sufficient statistics, with base_fit = "
            "lm; they are at least two steps and 500 images apart. 0 refits to codes every "
            "refit_every epochs instead."),
    NUMBER_ABOVE(train, refit_window, 0.25, 0, 1000000,
                 "Window of the running sufficient statistics, in epochs of images: n new images "
                 "have the forgetting factor 1 − n/window. The window has at least 5 images for "
                 "each dimension of each component, and grows as the learning rate falls.",
                 NULL),
    NUMBER_ABOVE(
        train, refit_damping, 1, 0, 1,
        "Fraction of the way to the new parameters that a refit tries first; 1 is all of the way.",
        NULL),
    NUMBER_BELOW(train, ema, 0.999, 0, 1,
                 "Decay per step of the average of the weights; 0 is off."),
    INTEGER(train, fine_tune_epochs, 0, 0, 1000000,
            "Last epochs with semi-amortized fine-tuning: each image's posterior is refined before "
            "the model learns from it; 0 is none."),
    INTEGER(train, fine_tune_iterations, 1, 0, 100,
            "Iterations of the refinement in fine-tuning, for each image of a step."),
    INTEGER(train, fine_tune_samples, 2, 2, 512,
            "Curvature samples of an iteration of the refinement in fine-tuning; an even number."),
    INTEGER(train, patience, 0, 0, 1000000,
            "Epochs without a better validation −ELBO before training stops; 0 is off."),
    INTEGER(train, checkpoint_every, 1, 1, 1000000, "Epochs between checkpoints."),
    SEED(train, seed, 1, "Seed of the weights, the order of images and all training noise."),
    INTEGER_OR_AS(GKV_KEY_IS_LOCAL, "auto", train, threads, "auto", 1, 256,
                  "Threads; auto is one per processor."),

    INTEGER(eval, samples, 500, 1, 1000000, "Importance samples per image."),
    INTEGER_OR("all", eval, images, "all", 1, 1000000, "Number of test images, from the first."),
    CHOICE(eval, generation, "all", "all, samples, none",
           "Metrics of generation: of all sets of images; of the draws from the prior alone, as "
           "pixel means; or none."),
    INTEGER_OR(
        "auto", eval, draws, "auto", 2, 1000000,
        "Images in each set of draws for the metrics of generation; auto is one per test image."),
    INTEGER(eval, draw_sets, 3, 1, 1000,
            "Number of sets of draws; the metrics of generation are averaged over them."),
    NUMBER(eval, temperature, 1, 0, 100,
           "Temperature of the draws: the scale of the base's normal scores; 1 is the model."),
    TEXT_AS(GKV_KEY_IS_LOCAL, eval, features, PATH, "",
            "The network whose features the metrics of generation compare; if empty, the built-in "
            "network of the data set."),
    SEED(eval, seed, 1, "Seed of posterior noise, of draws and of the test set's binarization."),
};
const size_t gki_settings_row_count = sizeof gki_settings_rows / sizeof *gki_settings_rows;

const gkv_settings_key *gkv_settings_key_at(size_t i)
{
    return i < gki_settings_row_count ? &gki_settings_rows[i].key : NULL;
}

gkv_status gki_settings_section_check(const char *section, const char *where)
{
    char shown[GKV_PRINTABLE_SIZE];
    const char *nearest = "";
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < gki_settings_row_count; i++)
        if (strcmp(section, gki_settings_rows[i].key.section) == 0)
            return GKV_OK;
    for (size_t i = 0; i < gki_settings_row_count; i++) {
        const char *known = gki_settings_rows[i].key.section;
        const size_t distance = gki_text_distance(section, known);
        if (distance < best) {
            best = distance;
            nearest = known;
        }
    }
    return gki_fail(GKV_ERR_CONFIG, "%s: unknown section \"%s\"; the nearest is \"%s\"", where,
                    gki_text_printable(section, shown), nearest);
}

gkv_status gki_settings_row_find(const char *section, const char *name, const char *where,
                                 const gki_settings_row **out)
{
    char shown_section[GKV_PRINTABLE_SIZE], shown[GKV_PRINTABLE_SIZE];
    const gki_settings_row *nearest = NULL;
    size_t best = SIZE_MAX;
    *out = NULL;
    for (size_t i = 0; i < gki_settings_row_count; i++) {
        const gki_settings_row *row = &gki_settings_rows[i];
        if (strcmp(name, row->key.name) == 0 && strcmp(section, row->key.section) == 0) {
            *out = row;
            return GKV_OK;
        }
    }
    for (size_t i = 0; i < gki_settings_row_count; i++) {
        const gki_settings_row *row = &gki_settings_rows[i];
        /* The right name in the wrong section is nearer than a misspelt name in this section. */
        size_t distance = 2 * gki_text_distance(name, row->key.name);
        if (strcmp(section, row->key.section) != 0)
            distance++;
        if (distance < best) {
            best = distance;
            nearest = row;
        }
    }
    return gki_fail(GKV_ERR_CONFIG, "%s: unknown key \"%s%s%s\"; the nearest is \"%s.%s\"", where,
                    gki_text_printable(section, shown_section), *section ? "." : "",
                    gki_text_printable(name, shown), nearest->key.section, nearest->key.name);
}
