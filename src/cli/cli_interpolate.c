/* gkvae interpolate */
#include <stdlib.h>

#include "cli.h"
#include "pictures.h"

enum { ROWS_MAX = 64 };

typedef struct interpolate_arguments {
    cli_model_arguments model;
    const char *out;
    size_t from[ROWS_MAX], to[ROWS_MAX], n_from, n_to, steps;
    long from_class, to_class; /* −1: interpolate between images */
    uint64_t seed;
} interpolate_arguments;

static const struct argp_option options[] = {
    {"from", 'a', "I", 0,
     "Begin a row at test image I, counted from 0; needs --to, and may be repeated for more rows "
     "(default: eight pairs of images of different classes)",
     0},
    {"to", 'b', "J", 0, "End a row at test image J; may be repeated (required with --from)", 0},
    {"from-class", 'A', "Y", 0,
     "Begin at draws of class Y; needs --to-class, and a model whose base is gk-by-class (default: "
     "begin at images)",
     0},
    {"to-class", 'B', "Y", 0, "End at draws of class Y (required with --from-class)", 0},
    {"seed", 'S', "N", 0, "The seed of the draws of classes (default: 1)", 0},
    {"steps", 'n', "N", 0, "The number of images in a row, with both ends (default: 12)", 0},
    {"out", 'o', "FILE.png", CLI_ONCE,
     "Write the picture to this file (default: interpolations.png)", 0},
    {.name = NULL},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    interpolate_arguments *a = state->input;
    switch (key) {
    case 'a':
    case 'b': {
        size_t *list = key == 'a' ? a->from : a->to, *count = key == 'a' ? &a->n_from : &a->n_to;
        if (*count == ROWS_MAX)
            argp_error(state, "at most %d rows", ROWS_MAX);
        list[(*count)++] =
            (size_t)cli_whole(state, key == 'a' ? "--from" : "--to", arg, 0, UINT32_MAX);
        return 0;
    }
    case 'A': a->from_class = (long)cli_whole(state, "--from-class", arg, 0, 255); return 0;
    case 'B': a->to_class = (long)cli_whole(state, "--to-class", arg, 0, 255); return 0;
    case 'S': a->seed = cli_whole(state, "--seed", arg, 0, INT64_MAX); return 0;
    case 'n': a->steps = (size_t)cli_whole(state, "--steps", arg, 2, 200); return 0;
    case 'o': a->out = cli_output(state, "--out", arg, CLI_PNG); return 0;
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = &a->model; return 0;
    case ARGP_KEY_END:
        if (a->n_from != a->n_to)
            argp_error(state, "%zu times --from and %zu times --to: every row needs both",
                       a->n_from, a->n_to);
        if ((a->from_class < 0) != (a->to_class < 0))
            argp_error(state, "--from-class and --to-class go together");
        if (a->from_class >= 0 && a->n_from > 0)
            argp_error(state, "--from I and --from-class Y: choose one");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int interpolate_between_classes(const interpolate_arguments *a, const gkv_model *model)
{
    const size_t classes = gkv_model_classes(model);
    const long beyond = a->from_class > a->to_class ? a->from_class : a->to_class;
    if (classes == 0)
        return cli_error(CLI_USAGE,
                         "--from-class: the model's base, %s, has no classes; train a model with "
                         "model.base = gk-by-class",
                         cli_base_name(model, (char[GKV_NAME_SIZE]){""}));
    if ((size_t)beyond >= classes)
        return cli_error(CLI_USAGE, "class %ld: the model's classes are 0 to %zu", beyond,
                         classes - 1);
    const int code = cli_picture_class_interpolations(
        model, (size_t)a->from_class, (size_t)a->to_class, a->seed, 1, CLI_PAIRS, a->steps, a->out);
    if (code == CLI_OK)
        printf("%d rows of %zu: %s\n", CLI_PAIRS, a->steps, a->out);
    return code;
}

static int check_indices(const interpolate_arguments *a, const gkv_dataset *images)
{
    for (size_t i = 0; i < 2 * a->n_from; i++) {
        const size_t index = i % 2 ? a->to[i / 2] : a->from[i / 2];
        if (index >= gkv_dataset_count(images))
            return cli_error(CLI_USAGE, "%s %zu: the test images are 0 to %zu",
                             i % 2 ? "--to" : "--from", index, gkv_dataset_count(images) - 1);
    }
    return CLI_OK;
}

static bool is_one_class(const gkv_dataset *images)
{
    const uint8_t *labels = gkv_dataset_labels(images);
    bool one = labels != NULL;
    for (size_t i = 1; one && i < gkv_dataset_count(images); i++)
        one = labels[i] == labels[0];
    return one;
}

int cli_interpolate(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .children = cli_model_and_data,
        .parser = parse,
        .args_doc = "FOLDER\nMODEL.safetensors",
        .doc = "Draws interpolations from one test image to another, or from one class to another. "
               "An interpolation is a straight line in ε, the space of the prior's base. The "
               "prior's flow transforms it to latent codes, which are decoded."};
    interpolate_arguments a = {.out = "interpolations.png",
                               .steps = CLI_STEPS,
                               .from_class = -1,
                               .to_class = -1,
                               .seed = 1};
    cli_run run = {.model = NULL};
    gkv_dataset *images = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_run_open(&a.model, &run));
    CLI_TRY(cli_output_spares_run("--out", a.out, &a.model, &run));
    if (a.from_class >= 0) {
        code = interpolate_between_classes(&a, run.model);
        goto done;
    }
    CLI_TRY(cli_run_images(&run, GKV_TEST, NULL, &images));
    CLI_TRY(check_indices(&a, images));
    if (a.n_from == 0)
        a.n_from = cli_choose_pairs(images, a.from, a.to);
    if (a.n_from == 0) {
        code = cli_error(CLI_DATA, "%s; choose images with --from and --to",
                         is_one_class(images) ? "all test images are of one class, but the default "
                                                "rows go from one class to another"
                                              : "there are too few test images for pairs");
        goto done;
    }
    CLI_TRY(cli_picture_interpolations(&run, images, a.from, a.to, a.n_from, a.steps, a.out));
    printf("%zu rows of %zu: %s\n", a.n_from, a.steps, a.out);
done:
    gkv_dataset_free(images);
    cli_run_free(&run);
    return code;
}
