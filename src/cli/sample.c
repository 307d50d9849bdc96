/* gkvae sample */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "pictures.h"

typedef struct sample_arguments {
    cli_model_arguments model;
    const char *out, *idx;
    size_t count;
    uint64_t seed;
    double temperature;
    bool one_class, each_class;
    size_t which;
} sample_arguments;

static const struct argp_option options[] = {
    {"count", 'n', "N", 0, "How many images (default: 200; with --class each 20 of each)", 0},
    {"seed", 'S', "N", 0, "Of the draws (default: 1)", 0},
    {"temperature", 'T', "T", 0, "Scale of the base's normal scores; below 1 is nearer to the mode (default: 1)", 0},
    {"class", 'c', "Y", 0, "Of class Y alone, or \"each\": a block of rows for every class. For models whose base is "
                          "gk-by-class (default: of all, by their weights)", 0},
    {"out", 'o', "FILE.png", 0, "The picture (default: samples.png, or none with --idx)", 0},
    {"idx", 'x', "FILE", 0, "Write the images as IDX of unsigned bytes too (default: no)", 0},
    {.name = NULL},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    sample_arguments *a = state->input;
    switch (key) {
    case 'n': a->count = (size_t)cli_whole(state, "--count", arg, 1, 10000000); return 0;
    case 'S': a->seed = cli_whole(state, "--seed", arg, 0, INT64_MAX); return 0;
    case 'T': a->temperature = cli_number(state, "--temperature", arg, 0, 100); return 0;
    case 'c':
        a->each_class = strcmp(arg, "each") == 0;
        a->one_class = !a->each_class;
        a->which = a->each_class ? 0 : (size_t)cli_whole(state, "--class", arg, 0, 255);
        return 0;
    case 'o': a->out = cli_path(state, "--out", arg); return 0;
    case 'x': a->idx = cli_path(state, "--idx", arg); return 0;
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->model; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* About twice as wide as high, without empty places if the number allows it. */
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

/* Decodes the samples block by block, as grey levels. */
static int draw_bytes(const sample_arguments *a, const gkv_model *model, size_t pixels, uint8_t *bytes)
{
    enum { BLOCK = 1000 };
    int code = CLI_OK;
    float *codes = cli_alloc(BLOCK * gkv_model_latent(model), sizeof *codes);
    float *images = cli_alloc(BLOCK * pixels, sizeof *images);
    for (size_t first = 0; first < a->count; first += BLOCK) {
        const size_t n = a->count - first < BLOCK ? a->count - first : BLOCK;
        if (a->one_class)
            CLI_CHECK(gkv_model_sample_class(model, a->which, n, a->seed, first, a->temperature, codes));
        else
            CLI_CHECK(gkv_model_sample(model, n, a->seed, first, a->temperature, codes));
        CLI_CHECK(gkv_model_decode(model, n, codes, images));
        for (size_t i = 0; i < n * pixels; i++)
            bytes[first * pixels + i] = (uint8_t)lrintf(255 * images[i]);
    }
done:
    free(codes);
    free(images);
    return code;
}

static int write_idx(const sample_arguments *a, const gkv_model *model)
{
    const size_t height = gkv_model_height(model), width = gkv_model_width(model);
    uint8_t *bytes = cli_alloc(a->count, height * width);
    int code = CLI_OK;
    CLI_TRY(draw_bytes(a, model, height * width, bytes));
    CLI_CHECK(gkv_idx_write(a->idx, bytes, a->count, height, width));
done:
    free(bytes);
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
        return cli_picture_samples(model, a->seed, a->temperature, a->count, columns_for(a->count), a->out);
    return cli_picture_class_samples(model, classes, count, a->seed, a->temperature, a->count,
                                     a->each_class ? (a->count < 20 ? a->count : 20) : columns_for(a->count), a->out);
}

static int check_classes(const sample_arguments *a, const gkv_model *model)
{
    const size_t classes = gkv_model_classes(model);
    if ((a->one_class || a->each_class) && classes == 0)
        return cli_error(CLI_USAGE, "--class: the model's base, %s, knows no classes; train one with model.base = "
                         "gk-by-class", gkv_model_settings_of(model)->model.base);
    if (a->one_class && a->which >= classes)
        return cli_error(CLI_USAGE, "--class %zu: the model's classes are 0 to %zu", a->which, classes - 1);
    if (a->each_class && a->idx)
        return cli_error(CLI_USAGE, "--idx writes one series of images: choose one class, or none");
    return CLI_OK;
}

int cli_sample(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options, .children = cli_model_only, .parser = parse, .args_doc = "FOLDER\nMODEL.safetensors",
        .doc = "Draws images from a model: the decoder's pixel probabilities at draws from the prior."};
    sample_arguments a = {.seed = 1, .temperature = 1};
    cli_run run = {.model = NULL};
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    if (a.count == 0)
        a.count = a.each_class ? 20 : 200;
    CLI_TRY(cli_run_open(&a.model, &run));
    CLI_TRY(check_classes(&a, run.model));
    if (!a.out && !a.idx)
        a.out = "samples.png";
    CLI_TRY(cli_output_spares_run("--out", a.out, &a.model, &run));
    CLI_TRY(cli_output_spares_run("--idx", a.idx, &a.model, &run));
    CLI_TRY(cli_output_spares("--idx", a.idx, a.out));
    if (a.idx) {
        CLI_TRY(write_idx(&a, run.model));
        printf("%zu images: %s\n", a.count, a.idx);
    }
    if (a.out) {
        CLI_TRY(draw_picture(&a, run.model));
        printf("%zu images: %s\n", a.count * (a.each_class ? gkv_model_classes(run.model) : 1), a.out);
    }
done:
    cli_run_free(&run);
    return code;
}
