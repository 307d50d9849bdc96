/* The arguments of commands that open a model; declared in cli.h. */
#include "cli.h"

#include <stdlib.h>

#include "cli_draws.h"

/* --- Draws ---------------------------------------------------------------- */

int cli_draw_images(const gkv_model *model, const cli_draws *draws, const size_t *which, size_t n,
                    float *images)
{
    float *codes = cli_alloc(n * gkv_model_latent(model), sizeof *codes);
    int code = CLI_OK;
    if (which)
        CLI_CHECK(gkv_model_sample_class(model, n, *which, draws->seed, draws->first,
                                         draws->temperature, NULL, codes));
    else
        CLI_CHECK(
            gkv_model_sample(model, n, draws->seed, draws->first, draws->temperature, NULL, codes));
    switch (draws->form) {
    case CLI_MEANS: CLI_CHECK(gkv_model_decode(model, n, codes, NULL, images)); break;
    case CLI_MEDIANS: CLI_CHECK(gkv_model_decode_medians(model, n, codes, NULL, images)); break;
    default:
        CLI_CHECK(gkv_model_draw_images(model, n, codes, draws->seed, draws->first, NULL, images));
    }
done:
    free(codes);
    return code;
}

static const struct argp_option model_options[] = {
    {"threads", 't', "N", 0,
     "The number of threads, as train.threads. The results do not depend on it (default: that of "
     "the run, or one "
     "per processor)",
     0},
    {.name = NULL},
};

static error_t parse_model(int key, char *arg, struct argp_state *state)
{
    cli_model_arguments *a = state->input;
    switch (key) {
    case 't': cli_assign(&a->assignments, state, "train.threads", arg, "--threads"); return 0;
    case ARGP_KEY_ARG:
        if (a->model)
            argp_error(state, "one model only: %s is too many", arg);
        a->model = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->model)
            argp_error(state, "which model? A run folder or a model file is needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option data_options[] = {
    {"data-folder", 'f', "DIR", 0,
     "The folder of the images, as data.folder (default: that of the run, or data)", 0},
    {"set", 's', "SECTION.KEY=VALUE", 0,
     "Change one setting that is not part of the model, such as eval.seed; may be repeated "
     "(default: none)",
     0},
    {.name = NULL},
};

static error_t parse_data(int key, char *arg, struct argp_state *state)
{
    cli_model_arguments *a = state->input;
    switch (key) {
    case 'f': cli_assign(&a->assignments, state, "data.folder", arg, "--data-folder"); return 0;
    case 's': cli_assign_text(&a->assignments, state, arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp model = {.options = model_options, .parser = parse_model};
static const struct argp data = {.options = data_options, .parser = parse_data};

const struct argp_child cli_model_only[2] = {{.argp = &model}, {.argp = NULL}};
const struct argp_child cli_model_and_data[3] = {{.argp = &model}, {.argp = &data}, {.argp = NULL}};
