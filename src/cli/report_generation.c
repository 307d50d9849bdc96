/* Metrics of generation in an evaluation; declared in report_generation.h. */
#include "report_generation.h"

#include <math.h>
#include <string.h>

#include "gkvae/features.h"

/* --- Measuring ------------------------------------------------------------ */

static bool fits(const cli_run *run, const gkv_features *network)
{
    return gkv_features_height(network) == gkv_model_height(run->model) &&
           gkv_features_width(network) == gkv_model_width(run->model);
}

/* The network of the run's data set. If there is none for its images, *out is NULL and standard
 * error reports why. */
static int network_of_data(const cli_run *run, bool quiet, gkv_features **out)
{
    const gkv_status status = gkv_features_builtin(run->settings.data.dataset, out);
    if (status != GKV_OK && status != GKV_ERR_CONFIG)
        return cli_check(status);
    if (status == GKV_ERR_CONFIG && !quiet)
        fprintf(stderr, "gkvae: no metrics of generation: %s\n", cli_reason());
    if (status == GKV_OK && !fits(run, *out)) {
        if (!quiet)
            fprintf(stderr,
                    "gkvae: no metrics of generation: the feature network of %s is for images of "
                    "%zu × %zu, but the model's are %zu × %zu; train one for these with gkvae "
                    "features train, and set eval.features to it\n",
                    run->settings.data.dataset, gkv_features_height(*out), gkv_features_width(*out),
                    gkv_model_height(run->model), gkv_model_width(run->model));
        gkv_features_free(*out);
        *out = NULL;
    }
    return CLI_OK;
}

int cli_generation_open(const char *wanted, gkv_features **out)
{
    return cli_check(strpbrk(wanted, "./") ? gkv_features_load(wanted, out)
                                           : gkv_features_builtin(wanted, out));
}

int cli_generation_network(const cli_run *run, bool quiet, gkv_features **out)
{
    const char *wanted = run->settings.eval.features;
    int code = CLI_OK;
    *out = NULL;
    const bool continuous = gkv_settings_pixels(&run->settings) == GKV_PIXELS_CONTINUOUS;
    if (continuous || gkv_model_channels(run->model) != 1) {
        const char *why =
            continuous ? "feature networks are of levels, and the model's images are continuous"
                       : "feature networks are of grey images, and the model's are in colour";
        if (*wanted)
            return cli_error(CLI_DATA, "eval.features: %s", why);
        if (!quiet)
            fprintf(stderr, "gkvae: no metrics of generation: %s\n", why);
        return CLI_OK;
    }
    if (!*wanted)
        return network_of_data(run, quiet, out);
    CLI_TRY(cli_generation_open(wanted, out));
    if (!fits(run, *out))
        code =
            cli_error(CLI_DATA,
                      "eval.features: the network \"%s\" is for images of %zu × %zu, but the "
                      "model's are %zu × %zu; name another network",
                      gkv_features_name(*out), gkv_features_height(*out), gkv_features_width(*out),
                      gkv_model_height(run->model), gkv_model_width(run->model));
done:
    if (code != CLI_OK) {
        gkv_features_free(*out);
        *out = NULL;
    }
    return code;
}

int cli_generation_training(const cli_run *run, gkv_dataset **out)
{
    const int code = cli_run_images(run, GKV_TRAIN, NULL, out);
    if (code == CLI_OK || *run->settings.eval.features)
        return code;
    fputs("gkvae: no metrics of generation: they also need the training images\n", stderr);
    return CLI_OK;
}

typedef struct generation_reporter {
    bool quiet;
    cli_live live;
    double began;
} generation_reporter;

static bool on_progress(void *context, const gkv_progress *progress)
{
    generation_reporter *reporter = context;
    const size_t done = (size_t)progress->done, total = (size_t)progress->total;
    char sets[64], left[64], time[32];
    if (reporter->quiet || (reporter->live.on && !cli_live_due(&reporter->live)))
        return false;
    snprintf(sets, sizeof sets, "generation: %zu of %zu sets of images", done, total);
    snprintf(left, sizeof left, "ETA %s",
             cli_duration((cli_seconds() - reporter->began) / (double)done * (double)(total - done),
                          time));
    if (reporter->live.on)
        cli_live_show(&reporter->live, (const char *const[]){sets, left}, 2);
    else
        fprintf(stderr, "%s, %s\n", sets, left);
    return false;
}

int cli_generation_measure(const cli_run *run, const gkv_dataset *test, const gkv_dataset *training,
                           const gkv_features *network, const float *refined, bool quiet,
                           gkv_generation *out)
{
    generation_reporter reporter = {.quiet = quiet, .began = cli_seconds()};
    const gkv_run_options options = {
        .progress = on_progress, .context = &reporter, .stop = &cli_stop, .dist = cli_ranks()};
    cli_live_start(&reporter.live, !quiet);
    const gkv_status status = gkv_evaluate_generation(run->model, test, training, network, refined,
                                                      &run->settings, &options, out);
    cli_live_clear(&reporter.live);
    return cli_check(status);
}

/* --- Tables --------------------------------------------------------------- */

static const char *const set_names[GKV_IMAGE_SETS] = {
    [GKV_SET_SAMPLES] = "samples",
    [GKV_SET_NORMAL] = "N(0, I) in place of the prior",
    [GKV_SET_POSTERIOR] = "decoded posterior draws",
    [GKV_SET_RECONSTRUCTIONS] = "reconstructions",
    [GKV_SET_REFINED] = "refined reconstructions",
    [GKV_SET_TRAINING] = "training images (floor)",
};

enum { COLUMNS = 10 };
static const char *const columns[COLUMNS] = {"images",     "Fréchet",   "KID",      "precision",
                                             "recall",     "density",   "coverage", "class entropy",
                                             "confidence", "recognised"};

/* The cells of all sets in one form; returns how many rows. */
static size_t add_rows(const gkv_generation *g, gkv_image_form form, const char **cells,
                       cli_texts *all)
{
    size_t rows = 0;
    for (size_t s = 0; s < GKV_IMAGE_SETS; s++) {
        const gkv_generation_figures *figures = &g->figures[s][form];
        if (!isfinite(figures->frechet))
            continue;
        const char *const row[COLUMNS] = {
            set_names[s],
            cli_texts_with_error(all, figures->frechet, figures->frechet_se, 2),
            cli_texts_with_error(all, figures->kid, figures->kid_se, 3),
            cli_texts_number(all, figures->precision, 3),
            cli_texts_number(all, figures->recall, 3),
            cli_texts_number(all, figures->density, 3),
            cli_texts_with_error(all, figures->coverage, figures->coverage_se, 3),
            cli_texts_number(all, figures->class_entropy, 3),
            cli_texts_number(all, figures->confidence, 3),
            cli_texts_number(all, figures->recognised, 4),
        };
        memcpy(cells + rows++ * COLUMNS, row, sizeof row);
    }
    return rows;
}

static const char *const form_names[GKV_IMAGE_FORMS] = {
    [GKV_FORM_MEANS] = "pixel means, against grey test images",
    [GKV_FORM_BINARY] = "binary draws, against binarized test images",
    [GKV_FORM_LEVELS] = "draws of grey levels, against grey test images",
};

/* The explanation of ± in the tables. */
static const char *errors_of(cli_texts *all, const gkv_generation *g)
{
    return g->sets < 2 ? "one set of draws, without standard errors"
                       : cli_texts_keep(all, cli_text("± standard errors over %llu sets of draws",
                                                      (unsigned long long)g->sets));
}

void cli_generation_print(const gkv_generation *g)
{
    cli_texts all = {.list = NULL};
    if (g->sets == 0)
        return;
    for (int form = 0; form < GKV_IMAGE_FORMS; form++) {
        const char *cells[CLI_GENERATION_CELLS + COLUMNS];
        memcpy(cells, columns, sizeof columns);
        const size_t rows = add_rows(g, (gkv_image_form)form, cells + COLUMNS, &all);
        if (rows == 0)
            continue;
        printf("\n%s:\n", form_names[form]);
        cli_table(cells, rows + 1, COLUMNS, "lrrrrrrrrr");
    }
    printf("classes, %% of samples (%% of test images):");
    for (size_t c = 0; c < g->classes; c++)
        printf("  %zu: %.1f (%.1f)", c, 100 * g->class_share[c], 100 * g->test_class_share[c]);
    putchar('\n');
    if (isfinite(g->nearest_samples))
        printf("nearest training image, distance in pixels: samples %s, reconstructions %s, test "
               "images %s\n",
               cli_texts_with_error(&all, g->nearest_samples, g->nearest_samples_se, 3),
               cli_texts_with_error(&all, g->nearest_reconstructions, g->nearest_reconstructions_se,
                                    3),
               cli_texts_with_error(&all, g->nearest_test, g->nearest_test_se, 3));
    printf("(%s; %s)\n", g->protocol, errors_of(&all, g));
    cli_texts_free(&all);
}

gki_report_table cli_generation_table(const gkv_generation *g, gkv_image_form form,
                                      const char **cells, cli_texts *all)
{
    const char *caption = NULL;
    if (form == GKV_FORM_MEANS)
        caption = cli_texts_keep(
            all,
            cli_text("Protocol: %s; %s. Fréchet distance and KID: smaller is better. The row of "
                     "training images shows the values of a perfect model. Pixel means are "
                     "smoother than real images, which raises precision, density and coverage. "
                     "Recognised: the fraction of images whose most probable class is their label.",
                     g->protocol, errors_of(all, g)));
    return (gki_report_table){.heading =
                                  cli_texts_keep(all, cli_text("Generation: %s", form_names[form])),
                              .plain = "The same comparison in the measures that papers use, with "
                                       "each set of images in a row.",
                              .caption = caption,
                              .columns = columns,
                              .n_columns = COLUMNS,
                              .cells = cells,
                              .n_rows = add_rows(g, form, cells, all)};
}

/* --- The table for everybody ---------------------------------------------- */

enum { PLAIN_COLUMNS = 5 };

/* The smallest and the largest class, in percent of the images. */
static const char *range_of(cli_texts *all, const double *share, size_t classes)
{
    double low = 1, high = 0;
    for (size_t c = 0; c < classes; c++) {
        low = fmin(low, share[c]);
        high = fmax(high, share[c]);
    }
    return cli_texts_keep(all, cli_text("%.1f … %.1f", 100 * low, 100 * high));
}

gki_report_table cli_generation_plain_table(const gkv_generation *g, const char **cells,
                                            cli_texts *all)
{
    static const char *const headings[PLAIN_COLUMNS] = {
        "of 100 images", "drawn from the model", "real images", "with N(0, I) as prior", "meaning"};
    const gkv_generation_figures *samples = &g->figures[GKV_SET_SAMPLES][GKV_FORM_MEANS];
    const gkv_generation_figures *real = &g->figures[GKV_SET_TRAINING][GKV_FORM_MEANS];
    const gkv_generation_figures *normal = &g->figures[GKV_SET_NORMAL][GKV_FORM_MEANS];
    size_t rows = 0;
    if (isfinite(samples->frechet)) {
#define SHARE(figures, name) cli_texts_number(all, 100 * (figures)->name, 1)
        const char *const table[][PLAIN_COLUMNS] = {
            {"a classifier is sure of its class", SHARE(samples, confident), SHARE(real, confident),
             SHARE(normal, confident),
             "images whose most probable class has a probability above 90 %"},
            {"look like a test image", SHARE(samples, precision), SHARE(real, precision),
             SHARE(normal, precision), "precision: the images are realistic"},
            {"test images that resemble at least one", SHARE(samples, coverage),
             SHARE(real, coverage), SHARE(normal, coverage), "coverage: the images are diverse"},
            {"size of the rarest and of the most frequent class",
             range_of(all, g->class_share, g->classes),
             range_of(all, g->test_class_share, g->classes), NULL,
             "classes according to the classifier"},
            {"distance to the test images as a whole", cli_texts_number(all, samples->frechet, 2),
             cli_texts_number(all, real->frechet, 2), cli_texts_number(all, normal->frechet, 2),
             "Fréchet distance in features; 0 if both collections have the same means and "
             "covariances"},
            {"distance to the nearest training image", cli_texts_number(all, g->nearest_samples, 2),
             cli_texts_number(all, g->nearest_test, 2), NULL,
             "mean, in pixels; a value far below that of real images would mean copies"},
        };
#undef SHARE
        rows = sizeof table / sizeof *table;
        memcpy(cells, table, sizeof table);
    }
    const char *caption = cli_texts_keep(
        all,
        cli_text(
            "Sets of %llu images drawn from the model are compared with all %llu test images. No "
            "draw is left out. The real images are training images; in the rows of classes and of "
            "nearest images they are test images. A small frozen network computes the features in "
            "which images are compared. The drawn images are pixel means, which are smoother than "
            "real images and so nearer to each other. Therefore a percentage above that of real "
            "images does not mean that the model is better than real images.",
            (unsigned long long)g->draws, (unsigned long long)g->references));
    return (gki_report_table){
        .heading = "Generation: realistic and diverse?",
        .plain = "The nearer the numbers of drawn images are to those of real images, the harder "
                 "the two are to tell apart. The column of N(0, I) is for comparison: images of "
                 "the same decoder without the fitted prior.",
        .caption = caption,
        .columns = headings,
        .n_columns = PLAIN_COLUMNS,
        .cells = cells,
        .n_rows = rows};
}
