/* gkvae reconstruct, and refined inference on the command line (refined.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "gkvae/generation_metrics.h"
#include "gkvae/image_metrics.h"
#include "pictures.h"
#include "reconstruct_files.h"
#include "refined.h"
#include "report_generation.h"

/* --- Refined inference ---------------------------------------------------- */

/* All arrays of the n images. */
typedef struct refined_images {
    /* [n, pixels]: originals, targets, and two reconstructions */
    float *grey, *seen, *before, *after;
    float *code, *refined;            /* [n, latent] */
    double *entropy_before, *entropy; /* −log p(x|z) at both codes, [n] */
    size_t *accepted;
} refined_images;

static refined_images images_create(const gkv_model *model, size_t n)
{
    const size_t numbers = n * gkv_model_values(model), d = gkv_model_latent(model);
    return (refined_images){.grey = cli_alloc(numbers, sizeof(float)),
                            .seen = cli_alloc(numbers, sizeof(float)),
                            .before = cli_alloc(numbers, sizeof(float)),
                            .after = cli_alloc(numbers, sizeof(float)),
                            .code = cli_alloc(n * d, sizeof(float)),
                            .refined = cli_alloc(n * d, sizeof(float)),
                            .entropy_before = cli_alloc(n, sizeof(double)),
                            .entropy = cli_alloc(n, sizeof(double)),
                            .accepted = cli_alloc(n, sizeof(size_t))};
}

static void images_free(refined_images *images)
{
    free(images->grey);
    free(images->seen);
    free(images->before);
    free(images->after);
    free(images->code);
    free(images->refined);
    free(images->entropy_before);
    free(images->entropy);
    free(images->accepted);
}

static int refine(const gkv_model *model, const gkv_refine_settings *settings, size_t n,
                  refined_images *images, double *seconds)
{
    gkv_refiner *refiner = NULL;
    int code = CLI_OK;
    CLI_CHECK(gkv_model_encode(model, n, images->seen, NULL, images->code));
    CLI_CHECK(gkv_model_decode(model, n, images->code, NULL, images->before));
    CLI_CHECK(gkv_refiner_create(model, settings, &refiner));
    *seconds = cli_seconds();
    CLI_CHECK(gkv_refiner_run(refiner, n, images->seen, 0, NULL,
                              &(gkv_refined){.mean = images->refined,
                                             .accepted = images->accepted,
                                             .cross_entropy_before = images->entropy_before,
                                             .cross_entropy_after = images->entropy}));
    *seconds = cli_seconds() - *seconds;
    code = cli_check(gkv_model_decode(model, n, images->refined, NULL, images->after));
done:
    gkv_refiner_free(refiner);
    return code;
}

/* Figures of a collection of images. */
typedef struct collection {
    double frechet;  /* Fréchet distance to the grey originals, in features of a network */
    double variance; /* of the features: the trace of their covariance */
} collection;

/* The sum of the variances of the columns of x[n, d]. */
static double total_variance(const float *x, size_t n, size_t d)
{
    double total = 0;
    for (size_t j = 0; j < d; j++) {
        gkv_accumulator column = {.n = 0};
        for (size_t i = 0; i < n; i++)
            gkv_accumulator_add(&column, x[i * d + j]);
        total += gkv_accumulator_variance(&column);
    }
    return total;
}

/* The mean over images of Σ p(1 − p), the variance of an image's pixels. */
static double pixel_variance(const float *images, size_t n, size_t pixels)
{
    double sum = 0;
    for (size_t i = 0; i < n * pixels; i++)
        sum += images[i] * (1.0 - images[i]);
    return sum / (double)n;
}

/* Both figures of images[n, pixels]. decoded[n, dimensions] receives their features. */
static int measure(const gkv_features *network, int threads, size_t n, const float *images,
                   const float *originals, float *decoded, collection *out)
{
    const size_t d = gkv_features_dimensions(network);
    int code = CLI_OK;
    CLI_CHECK(gkv_features_apply(network, n, images, &(gkv_run_options){.threads = threads},
                                 decoded, NULL));
    CLI_CHECK(gkv_frechet_distance(n, n, d, originals, decoded, &out->frechet));
    out->variance = total_variance(decoded, n, d);
done:
    return code;
}

/* Measures the originals, the reconstructions from the encoder's codes, and those from refined
 * codes. All figures are NaN without a network for the images. */
static int measure_all(const cli_run *run, size_t n, const refined_images *images,
                       collection *original, collection *before, collection *after)
{
    const int threads = (int)run->settings.train.threads;
    gkv_features *network = NULL;
    float *originals = NULL, *decoded = NULL;
    int code = CLI_OK;
    *original = *before = *after = (collection){NAN, NAN};
    CLI_TRY(cli_generation_network(run, true, &network));
    if (!network)
        goto done;
    const size_t d = gkv_features_dimensions(network);
    originals = cli_alloc(n * d, sizeof *originals);
    decoded = cli_alloc(n * d, sizeof *decoded);
    CLI_CHECK(gkv_features_apply(network, n, images->grey, &(gkv_run_options){.threads = threads},
                                 originals, NULL));
    *original = (collection){0, total_variance(originals, n, d)};
    CLI_TRY(measure(network, threads, n, images->before, originals, decoded, before));
    CLI_TRY(measure(network, threads, n, images->after, originals, decoded, after));
done:
    free(originals);
    free(decoded);
    gkv_features_free(network);
    return code;
}

static int print_figures(const cli_run *run, const gkv_refine_settings *settings, size_t n,
                         const refined_images *images, double seconds)
{
    const gkv_model *model = run->model;
    const size_t height = gkv_model_height(model), width = gkv_model_width(model),
                 channels = gkv_model_channels(model), values = gkv_model_values(model);
    gkv_image_scores before, after;
    collection original, encoder, refined;
    double accepted = 0;
    char heading[64], of_originals[64];
    int code = CLI_OK;
    CLI_TRY(measure_all(run, n, images, &original, &encoder, &refined));
    CLI_CHECK(
        gkv_image_scores_of(n, height, width, channels, images->before, images->grey, &before));
    CLI_CHECK(gkv_image_scores_of(n, height, width, channels, images->after, images->grey, &after));
    for (size_t i = 0; i < n; i++)
        accepted += (double)images->accepted[i];
    const cli_refined_row rows[] = {
        {"−log p(x|z) at the code", gkv_mean_se_of(n, images->entropy_before).mean,
         gkv_mean_se_of(n, images->entropy).mean, 3, "nats per image"},
        {"mean squared error", before.mse.mean, after.mse.mean, 5, ""},
        {"PSNR", before.psnr.mean, after.psnr.mean, 2, "dB"},
        {"SSIM", before.ssim.mean, after.ssim.mean, 4, ""},
        {"accepted iterations", NAN, accepted / (double)n, 2, "per image"},
        {"refinement", NAN, 1000 * seconds / (double)n, 2, "milliseconds per image"},
        {"pixel variance Σ p(1 − p)", pixel_variance(images->before, n, values),
         pixel_variance(images->after, n, values), 2, "per image; larger for softer images"},
        {"Fréchet distance", encoder.frechet, refined.frechet, 2, "to the originals, in features"},
        {"variance of the features", encoder.variance, refined.variance, 1, of_originals},
    };
    const size_t count = sizeof rows / sizeof *rows - (isfinite(refined.frechet) ? 0 : 2);
    snprintf(of_originals, sizeof of_originals, "of the originals %.1f", original.variance);
    if (settings->mode == GKV_REFINE_MAP)
        snprintf(heading, sizeof heading, "code, lm:%zu, prior %g", settings->iterations,
                 settings->prior_weight);
    else
        snprintf(heading, sizeof heading, "mean, lm:%zu:%zu", settings->iterations,
                 settings->curvature_samples);
    cli_refined_print(heading, rows, count);
done:
    return code;
}

/* Prints the figures of refinement for images chosen[n]. Unless the path is NULL it also draws them
 * in blocks of `cols` columns: the originals, the reconstructions from the encoder's codes, and
 * those from refined codes. */
static int reconstruct_refined(const cli_run *run, const gkv_dataset *images, const size_t *chosen,
                               size_t n, size_t cols, const gkv_refine_settings *settings,
                               const char *path, const cli_reconstruction_files *files)
{
    static const char *const labels[] = {"original", "encoder", "refined"};
    refined_images refined = images_create(run->model, n);
    double seconds = 0;
    int code = CLI_OK;
    CLI_TRY(cli_fetch(run, images, chosen, n, refined.grey, refined.seen));
    CLI_TRY(refine(run->model, settings, n, &refined, &seconds));
    CLI_TRY(print_figures(run, settings, n, &refined, seconds));
    CLI_TRY(cli_write_reconstructions(run->model, images,
                                      &(cli_reconstructions){.n = n,
                                                             .chosen = chosen,
                                                             .originals = refined.grey,
                                                             .targets = refined.seen,
                                                             .images = refined.before,
                                                             .codes = refined.code,
                                                             .refined_images = refined.after,
                                                             .refined_codes = refined.refined},
                                      files));
    if (path)
        code = cli_picture_lines(
            run->model, (const float *const[]){refined.grey, refined.before, refined.after}, labels,
            3, n, cols, path);
done:
    images_free(&refined);
    return code;
}

/* The same without refinement. */
static int reconstruct(const cli_run *run, const gkv_dataset *images, const size_t *chosen,
                       size_t n, size_t cols, const char *path,
                       const cli_reconstruction_files *files)
{
    int code = CLI_OK;
    if (files->arrays || files->folder)
        CLI_TRY(cli_write_encoded(run, images, chosen, n, files));
    if (path)
        CLI_TRY(cli_picture_reconstructions(run, images, chosen, n, cols, path));
done:
    return code;
}

/* --- The option --refine -------------------------------------------------- */

bool cli_refine_parse(struct argp_state *state, const char *text, gkv_refine_settings *settings)
{
    enum { ITERATIONS_MAX = 1000, SAMPLES_MAX = 512 };
    char iterations[16] = "", samples[16] = "", extra = 0;
    const int fields = sscanf(text, "lm:%15[0-9]:%15[0-9]%c", iterations, samples, &extra);
    const size_t used =
        strlen("lm:") + strlen(iterations) + (fields == 2 ? 1 + strlen(samples) : 0);
    if (fields < 1 || fields > 2 || strlen(text) != used)
        argp_error(
            state,
            "--refine %s: must be lm:T or lm:T:S, for T iterations with S samples, as in lm:3",
            text);
    settings->iterations = (size_t)cli_whole(state, "--refine, T", iterations, 0, ITERATIONS_MAX);
    if (fields < 2)
        return false;
    settings->curvature_samples = (size_t)cli_whole(state, "--refine, S", samples, 2, SAMPLES_MAX);
    if (settings->curvature_samples % 2)
        argp_error(state, "--refine %s: S must be even, because samples come in pairs", text);
    return true;
}

void cli_refined_print(const char *heading, const cli_refined_row *rows, size_t n)
{
    enum { COLUMNS = 4, ROWS_MAX = CLI_REFINED_ROWS + 1 };
    char text[ROWS_MAX][2][32];
    const char *cells[ROWS_MAX * COLUMNS] = {heading, "encoder", "refined", ""};
    for (size_t i = 0; i < n; i++) {
        const double values[2] = {rows[i].before, rows[i].after};
        for (size_t v = 0; v < 2; v++) {
            snprintf(text[i][v], sizeof text[i][v], "not known");
            if (isfinite(values[v]))
                cli_decimal(values[v], rows[i].places, text[i][v]);
        }
        const char *const row[COLUMNS] = {rows[i].name, isnan(rows[i].before) ? "" : text[i][0],
                                          text[i][1], rows[i].unit};
        memcpy(cells + (i + 1) * COLUMNS, row, sizeof row);
    }
    cli_table(cells, n + 1, COLUMNS, "lrrl");
}

/* --- The command ---------------------------------------------------------- */

typedef struct reconstruct_arguments {
    cli_model_arguments model;
    const char *images, *out; /* out is NULL for no picture */
    cli_reconstruction_files files;
    size_t count; /* 0: the images that gkvae eval shows */
    gkv_refine_settings refine;
    bool wants_refined, has_samples, has_weight, mean, no_picture;
} reconstruct_arguments;

static const struct argp_option options[] = {
    {"count", 'n', "N", 0,
     "Draw the first N images (default: four of each class, as in gkvae eval, or 40 without "
     "labels)",
     0},
    {"out", 'o', "FILE.png", CLI_ONCE,
     "Write the picture to this file (default: reconstructions.png, or no picture with --npy or "
     "--png)",
     0},
    {"npy", 'y', "FILE.npy|npz|csv", CLI_ONCE,
     "Also write the reconstructions to this file as a NumPy array of float32, or as a table; a "
     "NumPy archive .npz has originals, targets, codes and labels too (default: no)",
     0},
    {"png", 'p', "FOLDER", CLI_ONCE,
     "Also write each reconstruction to this folder as a PNG file, by the number of its image "
     "(default: no)",
     0},
    {"refine", 'r', "lm:T[:S]", 0,
     "Also refine each code by T iterations of Levenberg–Marquardt, and print and draw the effect "
     "(default: no)",
     0},
    {"prior-weight", 'w', "W", 0,
     "With --refine: the weight of log p(z) beside log p(x|z). 1 gives the most probable code, and "
     "less gives a closer reconstruction (default: 0.5)",
     0},
    {"mean", 'm', NULL, 0,
     "With --refine: use the mean of the refined posterior, by S samples (default: use the code of "
     "--prior-weight)",
     0},
    {"no-picture", 'P', NULL, 0,
     "With --refine: print figures only (default: figures and a picture)", 0},
    {.name = NULL},
};

/* Reports options that do not go together. */
static void check_refinement(reconstruct_arguments *a, struct argp_state *state)
{
    if (!a->wants_refined && (a->has_weight || a->mean || a->no_picture))
        argp_error(state, "--prior-weight, --mean and --no-picture need --refine");
    if (a->no_picture && a->out)
        argp_error(state, "--no-picture and --out: choose one");
    if (a->mean && a->has_weight)
        argp_error(state, "--mean and --prior-weight: choose one");
    if (a->has_samples && !a->mean)
        argp_error(state, "--refine lm:T:S: S samples need --mean; use lm:T without it");
    a->refine.mode = a->mean ? GKV_REFINE_MEAN : GKV_REFINE_MAP;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    reconstruct_arguments *a = state->input;
    switch (key) {
    case 'n': a->count = (size_t)cli_whole(state, "--count", arg, 1, 10000); return 0;
    case 'o': a->out = cli_output(state, "--out", arg, CLI_PNG); return 0;
    case 'y': a->files.arrays = cli_output(state, "--npy", arg, CLI_ARRAYS); return 0;
    case 'p': a->files.folder = cli_output(state, "--png", arg, CLI_FOLDER); return 0;
    case 'r':
        a->has_samples = cli_refine_parse(state, arg, &a->refine);
        a->wants_refined = true;
        return 0;
    case 'w':
        a->refine.prior_weight = cli_number(state, "--prior-weight", arg, 0, 1);
        a->has_weight = true;
        return 0;
    case 'm': a->mean = true; return 0;
    case 'P': a->no_picture = true; return 0;
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = &a->model; return 0;
    case ARGP_KEY_END:
        check_refinement(a, state);
        if (!a->out && !a->no_picture && !a->files.arrays && !a->files.folder)
            a->out = "reconstructions.png";
        return 0;
    case ARGP_KEY_ARG:
        if (!a->model.model)
            return ARGP_ERR_UNKNOWN; /* the model comes first */
        if (a->images)
            argp_error(state, "one model and one file of images: %s is too many", arg);
        a->images = arg;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int cli_reconstruct(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .children = cli_model_and_data,
        .parser = parse,
        .args_doc = "FOLDER [IMAGES]\nMODEL.safetensors [IMAGES]",
        .doc = "Draws images above a model's reconstructions of them. The images are the run's "
               "test images, or those of a file or a folder of images."};
    enum { BLOCKS = 4 };
    reconstruct_arguments a = {0};
    cli_run run = {.model = NULL};
    gkv_dataset *images = NULL;
    size_t *chosen = NULL, n = 0, cols = CLI_COLUMNS;
    int code = CLI_OK;
    gkv_refine_defaults(&a.refine);
    a.refine.prior_weight = 0.5;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_run_open(&a.model, &run));
    CLI_TRY(cli_output_spares_run("--out", a.out, &a.model, &run));
    CLI_TRY(cli_output_spares_run("--npy", a.files.arrays, &a.model, &run));
    CLI_TRY(cli_output_spares("--out", a.out, a.images));
    CLI_TRY(cli_output_spares("--npy", a.files.arrays, a.images));
    CLI_TRY(cli_run_images(&run, GKV_TEST, a.images, &images));
    chosen = cli_alloc(a.count + BLOCKS * CLI_COLUMNS, sizeof *chosen);
    if (a.count > gkv_dataset_count(images)) {
        code = cli_error(CLI_DATA, "--count %zu: there are %zu images", a.count,
                         gkv_dataset_count(images));
        goto done;
    }
    if (a.count > 0) {
        cols = a.count < CLI_COLUMNS ? a.count : CLI_COLUMNS;
        for (; n < a.count; n++)
            chosen[n] = n;
    } else {
        n = cli_choose(images, BLOCKS, chosen, &cols);
    }
    if (a.wants_refined)
        CLI_TRY(reconstruct_refined(&run, images, chosen, n, cols, &a.refine, a.out, &a.files));
    else
        CLI_TRY(reconstruct(&run, images, chosen, n, cols, a.out, &a.files));
    if (a.out)
        printf("%zu images: %s\n", n, a.out);
done:
    free(chosen);
    gkv_dataset_free(images);
    cli_run_free(&run);
    return code;
}
