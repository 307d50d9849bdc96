/* gkvae reconstruct */
#include <stdlib.h>

#include "cli.h"
#include "pictures.h"

typedef struct reconstruct_arguments {
    cli_model_arguments model;
    const char *images, *out;
    size_t count; /* 0: as gkvae eval chooses */
} reconstruct_arguments;

static const struct argp_option options[] = {
    {"count", 'n', "N", 0, "The first N images (default: four of each class as gkvae eval takes them, or 40)", 0},
    {"out", 'o', "FILE.png", 0, "The picture (default: reconstructions.png)", 0},
    {.name = NULL},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    reconstruct_arguments *a = state->input;
    switch (key) {
    case 'n': a->count = (size_t)cli_whole(state, "--count", arg, 1, 10000); return 0;
    case 'o': a->out = cli_path(state, "--out", arg); return 0;
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = &a->model; return 0;
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
        .options = options, .children = cli_model_and_data, .parser = parse,
        .args_doc = "FOLDER [IMAGES]\nMODEL.safetensors [IMAGES]",
        .doc = "Draws images over what a model makes of them: the run's test images, or those of an IDX file."};
    enum { BLOCKS = 4 };
    reconstruct_arguments a = {.out = "reconstructions.png"};
    cli_run run = {.model = NULL};
    gkv_dataset *images = NULL;
    size_t *chosen = NULL, n = 0, cols = CLI_COLUMNS;
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_run_open(&a.model, &run));
    CLI_TRY(cli_run_images(&run, GKV_TEST, a.images, &images));
    chosen = cli_alloc(a.count + BLOCKS * CLI_COLUMNS, sizeof *chosen);
    if (a.count > gkv_dataset_count(images)) {
        code = cli_error(CLI_DATA, "--count %zu: there are %zu images", a.count, gkv_dataset_count(images));
        goto done;
    }
    if (a.count > 0) {
        cols = a.count < CLI_COLUMNS ? a.count : CLI_COLUMNS;
        for (; n < a.count; n++)
            chosen[n] = n;
    } else {
        n = cli_choose(images, BLOCKS, chosen, &cols);
    }
    CLI_TRY(cli_picture_reconstructions(&run, images, chosen, n, cols, a.out));
    printf("%zu images: %s\n", n, a.out);
done:
    free(chosen);
    gkv_dataset_free(images);
    cli_run_free(&run);
    return code;
}
