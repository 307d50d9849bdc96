/* gkvae encode */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "gkvae/eval.h"
#include "gkvae/table.h"

typedef struct encode_arguments {
    cli_model_arguments model;
    const char *idx, *what, *out;
    gkv_split half;
    bool half_given, seed_given;
    size_t count; /* 0: all */
    uint64_t seed;
} encode_arguments;

static const struct argp_option options[] = {
    {"what", 'w', "CODES", 0, "z, a draw from q(z|x); eps, that draw's ε = h⁻¹(z); or mean, z at the noise u = 0 "
                              "(default: z)", 0},
    {"split", 'p', "HALF", 0, "Which images of the run: train or test (default: test)", 0},
    {"idx", 'x', "FILE", 0, "The images of an IDX file (default: the run's)", 0},
    {"count", 'n', "N", 0, "The first N images (default: all)", 0},
    {"seed", 'S', "N", 0, "Of the draws (default: the run's train.seed)", 0},
    {"out", 'o', "FILE.npy", 0, "The file to write (default: codes.npy)", 0},
    {.name = NULL},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    encode_arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = &a->model; return 0;
    case 'w':
        if (strcmp(arg, "z") != 0 && strcmp(arg, "eps") != 0 && strcmp(arg, "mean") != 0)
            argp_error(state, "--what %s: must be z, eps or mean", arg);
        a->what = arg;
        return 0;
    case 'p':
        if (strcmp(arg, "train") != 0 && strcmp(arg, "test") != 0)
            argp_error(state, "--split %s: must be train or test", arg);
        a->half = strcmp(arg, "train") == 0 ? GKV_TRAIN : GKV_TEST;
        a->half_given = true;
        return 0;
    case 'x': a->idx = cli_path(state, "--idx", arg); return 0;
    case 'n': a->count = (size_t)cli_whole(state, "--count", arg, 1, UINT32_MAX); return 0;
    case 'S':
        a->seed = cli_whole(state, "--seed", arg, 0, INT64_MAX);
        a->seed_given = true;
        return 0;
    case 'o': a->out = cli_path(state, "--out", arg); return 0;
    case ARGP_KEY_END:
        if (a->idx && a->half_given)
            argp_error(state, "--idx FILE and --split of the run's images: choose one");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Images first … first + n − 1, already in the form that the model sees, to their codes. */
static int encode_block(const encode_arguments *a, const gkv_model *model, size_t first, size_t n,
                        const float *targets, float *codes)
{
    if (strcmp(a->what, "mean") == 0)
        return cli_check(gkv_model_code(model, n, targets, codes));
    int code = cli_check(gkv_model_draw(model, n, targets, a->seed, first, codes));
    if (code == CLI_OK && strcmp(a->what, "eps") == 0)
        code = cli_check(gkv_model_normalise(model, n, codes, codes));
    return code;
}

static int encode(const encode_arguments *a, const cli_run *run, const gkv_dataset *images, float *codes)
{
    enum { BLOCK = 1000 };
    const size_t d = gkv_model_latent(run->model);
    float *targets = cli_alloc(BLOCK * gkv_model_height(run->model) * gkv_model_width(run->model), sizeof *targets);
    int code = CLI_OK;
    for (size_t first = 0; first < a->count; first += BLOCK) {
        const size_t n = a->count - first < BLOCK ? a->count - first : BLOCK;
        CLI_CHECK(gkv_targets(&run->settings, images, a->half, first, n, targets));
        CLI_TRY(encode_block(a, run->model, first, n, targets, codes + first * d));
    }
done:
    free(targets);
    return code;
}

int cli_encode(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options, .children = cli_model_and_data, .parser = parse,
        .args_doc = "FOLDER\nMODEL.safetensors",
        .doc = "Writes the codes of images as a NumPy array, a row an image, of float32: the run's test or training "
               "images, or those of an IDX file.\v"
               "Binary models see images binarized once, the training images by train.seed and all others by "
               "eval.seed. In Python: numpy.load(\"codes.npy\")"};
    encode_arguments a = {.what = "z", .half = GKV_TEST, .out = "codes.npy"};
    cli_run run = {.model = NULL};
    gkv_dataset *images = NULL;
    float *codes = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_run_open(&a.model, &run));
    CLI_TRY(cli_output_spares_run("--out", a.out, &a.model, &run));
    CLI_TRY(cli_output_spares("--out", a.out, a.idx));
    CLI_TRY(cli_run_images(&run, a.half, a.idx, &images));
    if (a.count > gkv_dataset_count(images)) {
        code = cli_error(CLI_DATA, "--count %zu: there are %zu images", a.count, gkv_dataset_count(images));
        goto done;
    }
    if (a.count == 0)
        a.count = gkv_dataset_count(images);
    if (!a.seed_given)
        a.seed = run.settings.train.seed;
    const size_t d = gkv_model_latent(run.model);
    codes = cli_alloc(a.count * d, sizeof *codes);
    CLI_TRY(encode(&a, &run, images, codes));
    CLI_CHECK(gkv_npy_write_float(a.out, codes, a.count, d));
    printf("%zu codes of %zu numbers: %s\n", a.count, d, a.out);
done:
    free(codes);
    gkv_dataset_free(images);
    cli_run_free(&run);
    return code;
}
