/* gkvae sample */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array_files.h"
#include "cli.h"
#include "pictures.h"

typedef struct sample_arguments {
    cli_model_arguments model;
    const char *out, *idx, *npy, *png;
    size_t count;
    cli_draws draws;
    bool one_class, each_class;
    size_t which;
} sample_arguments;

/* The words of cli_form. */
#define FORM_WORDS "means|medians|draws"

static const struct argp_option options[] = {
    {"count", 'n', "N", 0,
     "The number of images (default: 200; with --class each 20 of each class)", 0},
    {"seed", 'S', "N", 0, "The seed of the draws (default: 1)", 0},
    {"temperature", 'T', "T", 0,
     "The scale of the base's normal scores; below 1, draws are nearer to the mode (default: 1)",
     0},
    {"class", 'c', "Y", 0,
     "Draw only class Y, or with \"each\" a block of rows for every class; needs a model whose "
     "base is gk-by-class (default: all classes, by their weights)",
     0},
    {"first", 'f', "N", 0, "Start at draw number N of the seed's sequence (default: 0)", 0},
    {"form", 'm', FORM_WORDS, 0,
     "means of the pixels, which are probabilities for binary pixels; their medians; or draws of "
     "them, 0 or 1 or grey levels (default: means)",
     0},
    {"out", 'o', "FILE.png", CLI_ONCE,
     "Write the picture to this file (default: samples.png, or no picture with --idx, --npy or "
     "--png)",
     0},
    {"idx", 'x', "FILE", CLI_ONCE,
     "Also write the images to this file in the IDX format, as unsigned bytes (default: no)", 0},
    {"npy", 'y', "FILE.npy|npz|csv", CLI_ONCE,
     "Also write the images to this file as a NumPy array of float32, [images, "
     "height·width·channels]; as a NumPy archive with images, codes, and labels of --class; or as "
     "a table (default: no)",
     0},
    {"png", 'p', "FOLDER", CLI_ONCE,
     "Also write each image to this folder as a PNG file, 000000.png and so on, by the number of "
     "the draw (default: no)",
     0},
    {.name = NULL},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    sample_arguments *a = state->input;
    switch (key) {
    case 'n': a->count = (size_t)cli_whole(state, "--count", arg, 1, 10000000); return 0;
    case 'S': a->draws.seed = cli_whole(state, "--seed", arg, 0, INT64_MAX); return 0;
    case 'T': a->draws.temperature = cli_number(state, "--temperature", arg, 0, 100); return 0;
    case 'c':
        a->each_class = strcmp(arg, "each") == 0;
        a->one_class = !a->each_class;
        a->which = a->each_class ? 0 : (size_t)cli_whole(state, "--class", arg, 0, 255);
        return 0;
    case 'f': a->draws.first = cli_whole(state, "--first", arg, 0, UINT32_MAX); return 0;
    case 'm': a->draws.form = (cli_form)cli_choice(state, "--form", arg, FORM_WORDS); return 0;
    case 'o': a->out = cli_output(state, "--out", arg, CLI_PNG); return 0;
    case 'x': a->idx = cli_output(state, "--idx", arg, CLI_IDX); return 0;
    case 'y': a->npy = cli_output(state, "--npy", arg, CLI_ARRAYS); return 0;
    case 'p': a->png = cli_output(state, "--png", arg, CLI_FOLDER); return 0;
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->model; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* The number of columns of a picture that is about twice as wide as high, without empty cells if
 * possible. */
static size_t columns_for(size_t n)
{
    size_t wished = 1;
    while (wished * wished < 2 * n)
        wished++;
    for (size_t off = 0; off <= wished / 3; off++) {
        if (n % (wished + off) == 0)
            return wished + off;
        if (n % (wished - off) == 0)
            return wished - off;
    }
    return wished < n ? wished : n;
}

/* The images in the form of each file; either pointer may be NULL. */
typedef struct sample_images {
    float *values; /* [count, pixels] */
    uint8_t *bytes;
} sample_images;

/* Draws block by block, so that no second copy of all images is needed. */
static int draw_images(const sample_arguments *a, const gkv_model *model, size_t pixels,
                       const sample_images *images)
{
    enum { BLOCK = 1000 };
    int code = CLI_OK;
    cli_draws draws = a->draws;
    float *block = cli_alloc(BLOCK * pixels, sizeof *block);
    for (size_t first = 0; first < a->count; first += BLOCK) {
        const size_t n = a->count - first < BLOCK ? a->count - first : BLOCK;
        float *values = images->values ? images->values + first * pixels : block;
        draws.first = a->draws.first + first;
        CLI_TRY(cli_draw_images(model, &draws, a->one_class ? &a->which : NULL, n, values));
        for (size_t i = 0; images->bytes && i < n * pixels; i++)
            images->bytes[first * pixels + i] =
                (uint8_t)lrintf(255 * fminf(fmaxf(values[i], 0), 1));
    }
done:
    free(block);
    return code;
}

/* Continuous values in the units of the data. */
static void in_units(const gkv_model *model, size_t n, float *values)
{
    double range[2];
    if (!gkv_settings_range(&gkv_model_settings_of(model)->data, range))
        return;
    for (size_t i = 0; i < n; i++)
        values[i] = (float)(range[0] + (range[1] - range[0]) * (double)values[i]);
}

/* Writes the images, in the units of the data, and the codes of the same draws. */
static int write_arrays(const sample_arguments *a, const gkv_model *model, float *images)
{
    const size_t d = gkv_model_latent(model), values = gkv_model_values(model);
    float *codes = NULL;
    uint8_t *labels = NULL;
    int code = CLI_OK;
    in_units(model, a->count * values, images);
    if (cli_ends_in(a->npy, ".npz")) {
        codes = cli_alloc(a->count * d, sizeof *codes);
        CLI_TRY(cli_draw_codes(model, &a->draws, a->one_class ? &a->which : NULL, a->count, codes));
    }
    if (a->one_class) {
        labels = cli_alloc(a->count, sizeof *labels);
        memset(labels, (int)a->which, a->count);
    }
    const gkv_npz_array arrays[] = {
        cli_images_array("images", model, a->count, images),
        cli_labels_array(a->count, labels),
        {.name = "codes", .rank = 2, .sizes = {a->count, d}, .floats = codes}};
    CLI_TRY(cli_write_arrays(a->npy, codes ? 3 : 2, arrays));
    printf("%zu images of %zu numbers: %s\n", a->count, values, a->npy);
done:
    free(codes);
    free(labels);
    return code;
}

static int write_files(const sample_arguments *a, const gkv_model *model)
{
    const size_t height = gkv_model_height(model), width = gkv_model_width(model),
                 channels = gkv_model_channels(model), pixels = gkv_model_values(model);
    sample_images images = {.values = a->npy || a->png ? cli_alloc(a->count * pixels, sizeof(float))
                                                       : NULL,
                            .bytes = a->idx ? cli_alloc(a->count, pixels) : NULL};
    int code = CLI_OK;
    CLI_TRY(draw_images(a, model, pixels, &images));
    if (a->png) {
        CLI_TRY(cli_write_pngs(a->png, model, a->count, a->draws.first, NULL, images.values));
        printf("%zu images: %s\n", a->count, a->png);
    }
    if (a->npy)
        CLI_TRY(write_arrays(a, model, images.values));
    if (a->idx) {
        CLI_CHECK(gkv_idx_write(a->idx, a->count, height, width, channels, images.bytes));
        printf("%zu images: %s\n", a->count, a->idx);
    }
done:
    free(images.values);
    free(images.bytes);
    return code;
}

static int draw_picture(const sample_arguments *a, const gkv_model *model)
{
    size_t classes[256], count = 0;
    if (a->one_class)
        classes[count++] = a->which;
    for (size_t c = 0; a->each_class && c < gkv_model_classes(model); c++)
        classes[count++] = c;
    if (count == 0)
        return cli_picture_samples(model, &a->draws, a->count, columns_for(a->count), a->out);
    return cli_picture_class_samples(
        model, classes, count, &a->draws, a->count,
        a->each_class ? (a->count < 20 ? a->count : 20) : columns_for(a->count), a->out);
}

static int check_classes(const sample_arguments *a, const gkv_model *model)
{
    const size_t classes = gkv_model_classes(model);
    if ((a->one_class || a->each_class) && classes == 0)
        return cli_error(CLI_USAGE,
                         "--class: the model's base, %s, has no classes; train a model with "
                         "model.base = gk-by-class",
                         cli_base_name(model, (char[GKV_NAME_SIZE]){""}));
    if (a->one_class && a->which >= classes)
        return cli_error(CLI_USAGE, "--class %zu: the model's classes are 0 to %zu", a->which,
                         classes - 1);
    if (a->each_class && (a->idx || a->npy || a->png))
        return cli_error(CLI_USAGE,
                         "%s cannot hold the blocks of --class each: choose one class, or none",
                         a->idx   ? "--idx"
                         : a->npy ? "--npy"
                                  : "--png");
    return CLI_OK;
}

static int check_draws(const sample_arguments *a, const gkv_model *model)
{
    if (a->draws.first + a->count - 1 > UINT32_MAX)
        return cli_error(CLI_USAGE,
                         "--first %" PRIu64
                         " with %zu images: the sequence of a seed ends at number %" PRIu32,
                         a->draws.first, a->count, UINT32_MAX);
    if (a->draws.form != CLI_MEANS &&
        gkv_settings_pixels(gkv_model_settings_of(model)) == GKV_PIXELS_MEAN_LEVELS)
        return cli_error(
            CLI_USAGE,
            "--form %s: the model was trained on grey levels with model.likelihood = bernoulli; "
            "its pixels are mean levels, not probabilities, and have no %s; use --form means",
            a->draws.form == CLI_PIXELS ? "draws" : "medians",
            a->draws.form == CLI_PIXELS ? "draws" : "medians");
    return CLI_OK;
}

static int check_outputs(const sample_arguments *a, const cli_run *run)
{
    int code = CLI_OK;
    CLI_TRY(cli_output_spares_run("--out", a->out, &a->model, run));
    CLI_TRY(cli_output_spares_run("--idx", a->idx, &a->model, run));
    CLI_TRY(cli_output_spares_run("--npy", a->npy, &a->model, run));
    CLI_TRY(cli_output_spares("--idx", a->idx, a->out));
    CLI_TRY(cli_output_spares("--npy", a->npy, a->out));
    CLI_TRY(cli_output_spares("--npy", a->npy, a->idx));
done:
    return code;
}

int cli_sample(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .children = cli_model_only,
        .parser = parse,
        .args_doc = "FOLDER\nMODEL.safetensors",
        .doc = "Draws images from a model. They are the means of the pixels at draws from the "
               "prior or, with --form draws, pixels that are 0 or 1, or grey levels of a model of "
               "grey levels.\vAn IDX file contains 255 times each mean, rounded to the nearest "
               "whole number, and halves to even. With --form draws it contains 0 and 255 or, of a "
               "model of grey levels, the levels. Each draw depends only on the seed and its "
               "number, so --first can write a long sequence in parts. The images are held in "
               "memory, with 4 bytes per pixel for --npy and 1 byte for --idx."};
    sample_arguments a = {.draws = {.seed = 1, .temperature = 1}};
    cli_run run = {.model = NULL};
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    if (a.count == 0)
        a.count = a.each_class ? 20 : 200;
    CLI_TRY(cli_run_open(&a.model, &run));
    CLI_TRY(check_classes(&a, run.model));
    CLI_TRY(check_draws(&a, run.model));
    if (!a.out && !a.idx && !a.npy && !a.png)
        a.out = "samples.png";
    CLI_TRY(check_outputs(&a, &run));
    if (a.idx || a.npy || a.png)
        CLI_TRY(write_files(&a, run.model));
    if (a.out) {
        CLI_TRY(draw_picture(&a, run.model));
        printf("%zu images: %s\n", a.count * (a.each_class ? gkv_model_classes(run.model) : 1),
               a.out);
    }
done:
    cli_run_free(&run);
    return code;
}
