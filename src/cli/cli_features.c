/* gkvae features */
#include <stdlib.h>
#include <string.h>

#include "array_files.h"
#include "cli.h"
#include "gkvae/features.h"
#include "gkvae/table.h"

typedef struct features_arguments {
    const char *images, *network, *dataset, *out, *probabilities;
    size_t count; /* 0: all */
    int threads;  /* 0: one a processor */
} features_arguments;

static const struct argp_option options[] = {
    {"dataset", 'd', "NAME", 0,
     "Use the built-in network of this data set: mnist or fashion-mnist (default: mnist)", 0},
    {"network", 'N', "FILE.safetensors", CLI_ONCE,
     "Use the network in this file (default: that of --dataset)", 0},
    {"out", 'o', "FILE.npy|npz|csv", CLI_ONCE,
     "Write the features to this file; a NumPy archive .npz has the probabilities of the classes "
     "too (default: features.npy)",
     0},
    {"probabilities", 'P', "FILE.npy|npz|csv", CLI_ONCE,
     "Also write the probabilities of the classes to this file (default: no)", 0},
    {"count", 'n', "N", 0, "Use only the first N images (default: all)", 0},
    {"threads", 't', "N", 0,
     "The number of threads. The results do not depend on it (default: one per processor)", 0},
    {.name = NULL},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    features_arguments *a = state->input;
    switch (key) {
    case 'd': a->dataset = arg; return 0;
    case 'N': a->network = cli_path(state, "--network", arg); return 0;
    case 'o': a->out = cli_output(state, "--out", arg, CLI_ARRAYS); return 0;
    case 'P': a->probabilities = cli_output(state, "--probabilities", arg, CLI_ARRAYS); return 0;
    case 'n': a->count = (size_t)cli_whole(state, "--count", arg, 1, UINT32_MAX); return 0;
    case 't': a->threads = (int)cli_whole(state, "--threads", arg, 1, 1024); return 0;
    case ARGP_KEY_ARG:
        if (a->images)
            argp_error(state, "one file of images only: %s is too many", arg);
        a->images = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->images)
            argp_error(state, "of which images? Name an IDX file or FILE.npy");
        if (a->network && a->dataset)
            argp_error(state, "--network FILE and --dataset NAME: choose one");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int check_outputs(const features_arguments *a)
{
    const char *const needed[] = {a->images, a->network};
    int code = CLI_OK;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        CLI_TRY(cli_output_spares("--out", a->out, needed[i]));
        CLI_TRY(cli_output_spares("--probabilities", a->probabilities, needed[i]));
    }
    CLI_TRY(cli_output_spares("--probabilities", a->probabilities, a->out));
done:
    return code;
}

/* The images of a file: grey levels of an IDX file, or values of a NumPy array, one row for each
 * image. */
typedef struct images {
    gkv_dataset *levels; /* one of the two is NULL */
    gkv_table *values;
    size_t count;
} images;

static int wrong_size(const features_arguments *a, const gkv_features *network, const char *have)
{
    return cli_error(CLI_DATA,
                     "%s: the images are %s, but the network %s takes %zu × %zu; name one for "
                     "these with --network (gkvae features train makes one from labelled images)",
                     a->images, have, gkv_features_name(network), gkv_features_height(network),
                     gkv_features_width(network));
}

static int open_levels(const features_arguments *a, const gkv_features *network, images *out)
{
    char have[64];
    int code = CLI_OK;
    CLI_CHECK(gkv_dataset_open(a->images, NULL, &out->levels));
    const size_t height = gkv_dataset_height(out->levels), width = gkv_dataset_width(out->levels);
    const bool grey = gkv_dataset_channels(out->levels) == 1;
    snprintf(have, sizeof have, "%zu × %zu%s", height, width, grey ? "" : " in colour");
    if (!grey || height != gkv_features_height(network) || width != gkv_features_width(network))
        return wrong_size(a, network, have);
    out->count = gkv_dataset_count(out->levels);
done:
    return code;
}

static int open_values(const features_arguments *a, const gkv_features *network, images *out)
{
    char have[64];
    int code = CLI_OK;
    gkv_table_settings whole;
    gkv_table_defaults(&whole);
    whole.usual_missing = false; /* a pixel cannot be missing */
    CLI_CHECK(gkv_table_read(a->images, &whole, &out->values));
    const size_t columns = gkv_table_columns(out->values);
    snprintf(have, sizeof have, "rows of %zu pixels", columns);
    if (columns != gkv_features_height(network) * gkv_features_width(network))
        return wrong_size(a, network, have);
    out->count = gkv_table_rows(out->values);
done:
    return code;
}

static int open_images(const features_arguments *a, const gkv_features *network, images *out)
{
    const size_t length = strlen(a->images);
    const bool array = length > 4 && strcmp(a->images + length - 4, ".npy") == 0;
    const int code = array ? open_values(a, network, out) : open_levels(a, network, out);
    if (code == CLI_OK && a->count > out->count)
        return cli_error(CLI_DATA, "--count %zu: there are %zu images", a->count, out->count);
    return code;
}

/* Values of an array, checked here, where the image's number and the file are known. */
static int fetch_values(const features_arguments *a, const images *from, size_t first, size_t n,
                        size_t pixels, float *values)
{
    int code = CLI_OK;
    for (size_t k = 0; k < pixels; k++) {
        const double *column = NULL;
        CLI_CHECK(gkv_table_numbers(from->values, k, &column));
        for (size_t i = 0; i < n; i++) {
            const double value = column[first + i];
            if (value < 0 || value > 1)
                return cli_error(CLI_DATA,
                                 "%s: row %zu, column %zu is %g, but pixels are from 0 to 1%s",
                                 a->images, first + i + 1, k + 1, value,
                                 value > 1 ? "; divide levels up to 255 by 255" : "");
            values[i * pixels + k] = (float)value;
        }
    }
done:
    return code;
}

/* Images [first, first + n) as values in [0, 1], [n, pixels]. */
static int fetch(const features_arguments *a, const images *from, size_t first, size_t n,
                 size_t pixels, float *values)
{
    if (from->values)
        return fetch_values(a, from, first, n, pixels, values);
    const uint8_t *levels = gkv_dataset_pixels(from->levels, first);
    for (size_t i = 0; i < n * pixels; i++)
        values[i] = (float)levels[i] / 255.0F;
    return CLI_OK;
}

static int apply(const features_arguments *a, const gkv_features *network, const images *from,
                 size_t count, float *features, float *probabilities)
{
    enum { BLOCK = 1000 };
    const size_t pixels = gkv_features_height(network) * gkv_features_width(network);
    float *const block = cli_alloc(BLOCK * pixels, sizeof *block);
    int code = CLI_OK;
    for (size_t first = 0; first < count; first += BLOCK) {
        const size_t n = count - first < BLOCK ? count - first : BLOCK;
        CLI_TRY(fetch(a, from, first, n, pixels, block));
        CLI_CHECK(gkv_features_apply(
            network, n, block, &(gkv_run_options){.threads = a->threads},
            features + first * gkv_features_dimensions(network),
            probabilities ? probabilities + first * gkv_features_classes(network) : NULL));
    }
done:
    free(block);
    return code;
}

int cli_features(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "IMAGES",
        .doc = "Writes the features of images as a NumPy array of float32, one row for each image. "
               "Features are the activations of the last hidden layer of a small frozen "
               "classifier; distances between sets of images are measured in them. IMAGES is an "
               "IDX file, or FILE.npy with one row for each image and values from 0 to 1, as gkvae "
               "sample --npy writes.\vThe images must have the size that the network was trained "
               "on. Figures are comparable only if the same network made the features; its SHA-256 "
               "is printed. gkvae features train makes a network from other labelled images. In "
               "Python: numpy.load(\"features.npy\")"};
    features_arguments a = {.out = "features.npy"};
    gkv_features *network = NULL;
    images from = {.count = 0};
    float *features = NULL, *probabilities = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(check_outputs(&a));
    if (a.network)
        CLI_CHECK(gkv_features_load(a.network, &network));
    else
        CLI_CHECK(gkv_features_builtin(a.dataset ? a.dataset : "mnist", &network));
    CLI_TRY(open_images(&a, network, &from));
    const size_t count = a.count > 0 ? a.count : from.count;
    const size_t dimensions = gkv_features_dimensions(network),
                 classes = gkv_features_classes(network);
    features = cli_alloc(count * dimensions, sizeof *features);
    if (a.probabilities || cli_ends_in(a.out, ".npz"))
        probabilities = cli_alloc(count * classes, sizeof *probabilities);
    CLI_TRY(apply(&a, network, &from, count, features, probabilities));
    const gkv_npz_array arrays[] = {
        {.name = "features", .rank = 2, .sizes = {count, dimensions}, .floats = features},
        {.name = "probabilities", .rank = 2, .sizes = {count, classes}, .floats = probabilities}};
    CLI_TRY(cli_write_arrays(a.out, probabilities ? 2 : 1, arrays));
    if (a.probabilities)
        CLI_TRY(cli_write_arrays(a.probabilities, 1, &arrays[1]));
    printf("%zu rows of %zu features: %s (network %s, SHA-256 %s)\n", count, dimensions, a.out,
           gkv_features_name(network), gkv_features_sha256(network));
    if (a.probabilities)
        printf("%zu rows of %zu probabilities: %s\n", count, classes, a.probabilities);
done:
    free(features);
    free(probabilities);
    gkv_dataset_free(from.levels);
    gkv_table_free(from.values);
    gkv_features_free(network);
    return code;
}
