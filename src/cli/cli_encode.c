/* gkvae encode */
#include <stdlib.h>
#include <string.h>

#include "array_files.h"
#include "cli.h"
#include "gkvae/eval.h"

/* What is written, and its words; and those of gkv_split. */
typedef enum encode_what { WHAT_Z, WHAT_EPS, WHAT_MEAN, WHAT_PRIOR, WHAT_PRIOR_EPS } encode_what;
#define WHAT_WORDS "z|eps|mean|prior|prior-eps"
#define SPLIT_WORDS "train|test"

typedef struct encode_arguments {
    cli_model_arguments model;
    const char *idx, *out;
    encode_what what;
    gkv_split half;
    bool half_given, seed_given;
    size_t count; /* 0: the default */
    uint64_t seed;
} encode_arguments;

static const struct argp_option options[] = {
    {"what", 'w', WHAT_WORDS, 0,
     "z, a draw from q(z|x); eps, that draw's ε = h⁻¹(z); mean, z at the noise u = 0; prior, draws "
     "from p(z) without any image; or prior-eps, ε of such draws (default: z)",
     0},
    {"split", 'p', SPLIT_WORDS, 0,
     "Encode the training or the test images of the run (default: test)", 0},
    {"idx", 'x', "FILE", CLI_ONCE,
     "Encode the images of this file or folder (default: those of the run)", 0},
    {"count", 'n', "N", 0,
     "Encode the first N images (default: all), or write N draws from the prior (default: 10000)",
     0},
    {"seed", 'S', "N", 0,
     "The seed of the draws (default: train.seed of the run; for the prior 1, as in gkvae sample)",
     0},
    {"out", 'o', "FILE.npy|npz|csv", CLI_ONCE,
     "Write the codes to this file; a NumPy archive .npz and a table .csv have the labels of the "
     "images too (default: codes.npy)",
     0},
    {.name = NULL},
};

/* Whether draws from the prior are written, and not codes of images. */
static bool is_prior(const encode_arguments *a)
{
    return a->what == WHAT_PRIOR || a->what == WHAT_PRIOR_EPS;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    encode_arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = &a->model; return 0;
    case 'w': a->what = (encode_what)cli_choice(state, "--what", arg, WHAT_WORDS); return 0;
    case 'p':
        a->half = (gkv_split)cli_choice(state, "--split", arg, SPLIT_WORDS);
        a->half_given = true;
        return 0;
    case 'x': a->idx = cli_path(state, "--idx", arg); return 0;
    case 'n': a->count = (size_t)cli_whole(state, "--count", arg, 1, UINT32_MAX); return 0;
    case 'S':
        a->seed = cli_whole(state, "--seed", arg, 0, INT64_MAX);
        a->seed_given = true;
        return 0;
    case 'o': a->out = cli_output(state, "--out", arg, CLI_ARRAYS); return 0;
    case ARGP_KEY_END:
        if (is_prior(a) && (a->idx || a->half_given))
            argp_error(state, "--what %s has no images: leave out %s",
                       a->what == WHAT_PRIOR ? "prior" : "prior-eps", a->idx ? "--idx" : "--split");
        if (a->idx && a->half_given)
            argp_error(state, "--idx FILE and --split: choose one");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Encodes images first … first + n − 1, which already have the form that the model sees. */
static int encode_block(const encode_arguments *a, const gkv_model *model, size_t first, size_t n,
                        const float *targets, float *codes)
{
    if (a->what == WHAT_MEAN)
        return cli_check(gkv_model_encode(model, n, targets, NULL, codes));
    int code =
        cli_check(gkv_model_sample_posterior(model, n, targets, a->seed, first, NULL, codes));
    if (code == CLI_OK && a->what == WHAT_EPS)
        code = cli_check(gkv_model_normalise(model, n, codes, NULL, codes));
    return code;
}

/* Opens and encodes the images; *codes is allocated, [count, latent]. The caller frees *opened. */
static int encode_images(encode_arguments *a, const cli_run *run, gkv_dataset **opened,
                         float **codes)
{
    enum { BLOCK = 1000 };
    const size_t d = gkv_model_latent(run->model);
    float *targets = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_run_images(run, a->half, a->idx, opened));
    const gkv_dataset *images = *opened;
    if (a->count > gkv_dataset_count(images)) {
        code = cli_error(CLI_DATA, "--count %zu: there are %zu images", a->count,
                         gkv_dataset_count(images));
        goto done;
    }
    if (a->count == 0)
        a->count = gkv_dataset_count(images);
    if (!a->seed_given)
        a->seed = run->settings.train.seed;
    *codes = cli_alloc(a->count * d, sizeof **codes);
    targets = cli_alloc(BLOCK * gkv_model_values(run->model), sizeof *targets);
    for (size_t first = 0; first < a->count; first += BLOCK) {
        const size_t n = a->count - first < BLOCK ? a->count - first : BLOCK;
        CLI_CHECK(gkv_targets(images, n, a->half, first, &run->settings, targets));
        CLI_TRY(encode_block(a, run->model, first, n, targets, *codes + first * d));
    }
done:
    free(targets);
    return code;
}

/* The same for draws from the prior. By default they are the codes of the draws of gkvae sample. */
static int draw_prior(encode_arguments *a, const gkv_model *model, float **codes)
{
    enum { DRAWS = 10000 };
    int code = CLI_OK;
    if (a->count == 0)
        a->count = DRAWS;
    if (!a->seed_given)
        a->seed = 1;
    *codes = cli_alloc(a->count * gkv_model_latent(model), sizeof **codes);
    CLI_CHECK(gkv_model_sample(model, a->count, a->seed, 0, 1, NULL, *codes));
    if (a->what == WHAT_PRIOR_EPS)
        CLI_CHECK(gkv_model_normalise(model, a->count, *codes, NULL, *codes));
done:
    return code;
}

int cli_encode(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .children = cli_model_and_data,
        .parser = parse,
        .args_doc = "FOLDER\nMODEL.safetensors",
        .doc = "Writes the codes of images as a NumPy array of float32, with one row for each "
               "image. The images are the run's test or training images, or those of a file or "
               "folder. With --what prior or prior-eps it writes draws from the prior, for which a "
               "model file is enough.\vA model of binary images encodes images that are binarized "
               "once: the training images with the seed train.seed, and all others with eval.seed. "
               "To read the file in Python: numpy.load(\"codes.npy\")"};
    encode_arguments a = {.what = WHAT_Z, .half = GKV_TEST, .out = "codes.npy"};
    cli_run run = {.model = NULL};
    gkv_dataset *images = NULL;
    float *codes = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_run_open(&a.model, &run));
    CLI_TRY(cli_output_spares_run("--out", a.out, &a.model, &run));
    CLI_TRY(cli_output_spares("--out", a.out, a.idx));
    CLI_TRY(is_prior(&a) ? draw_prior(&a, run.model, &codes)
                         : encode_images(&a, &run, &images, &codes));
    const gkv_npz_array arrays[] = {{.name = "codes",
                                     .rank = 2,
                                     .sizes = {a.count, gkv_model_latent(run.model)},
                                     .floats = codes},
                                    cli_labels_array(a.count, gkv_dataset_labels(images))};
    CLI_TRY(cli_write_arrays(a.out, sizeof arrays / sizeof *arrays, arrays));
    printf("%zu codes of %zu numbers: %s\n", a.count, gkv_model_latent(run.model), a.out);
done:
    free(codes);
    gkv_dataset_free(images);
    cli_run_free(&run);
    return code;
}
