/* gkvae reconstruct */
#include <stdlib.h>

#include "cli.h"
#include "pictures.h"
#include "refined.h"

typedef struct reconstruct_arguments {
    cli_model_arguments model;
    const char *images, *out; /* out is NULL for no picture */
    size_t count;             /* 0: the images that gkvae eval shows */
    gkv_refine_settings refine;
    bool wants_refined, has_samples, has_weight, mean, no_picture;
} reconstruct_arguments;

static const struct argp_option options[] = {
    {"count", 'n', "N", 0,
     "Draw the first N images (default: four of each class, as in gkvae eval, or 40 without "
     "labels)",
     0},
    {"out", 'o', "FILE.png", 0, "Write the picture to this file (default: reconstructions.png)", 0},
    {"refine", 'r', "lm:T[:S]", 0,
     "Also refine each code by T iterations of Levenberg–Marquardt, and print and draw the effect "
     "(default: no)",
     0},
    {"prior-weight", 'w', "W", 0,
     "With --refine: the weight of log p(z) beside log p(x|z). 1 gives the most probable code, and "
     "less gives a "
     "closer reconstruction (default: 0.5)",
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
        if (!a->out && !a->no_picture)
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
    static const struct argp argp = {.options = options,
                                     .children = cli_model_and_data,
                                     .parser = parse,
                                     .args_doc = "FOLDER [IMAGES]\nMODEL.safetensors [IMAGES]",
                                     .doc = "Draws images above a model's reconstructions of them. "
                                            "The images are the run's test images, or "
                                            "those of a file or a folder of images."};
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
    CLI_TRY(cli_output_spares("--out", a.out, a.images));
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
        CLI_TRY(cli_reconstruct_refined(&run, images, chosen, n, cols, &a.refine, a.out));
    else
        CLI_TRY(cli_picture_reconstructions(&run, images, chosen, n, cols, a.out));
    if (a.out)
        printf("%zu images: %s\n", n, a.out);
done:
    free(chosen);
    gkv_dataset_free(images);
    cli_run_free(&run);
    return code;
}
