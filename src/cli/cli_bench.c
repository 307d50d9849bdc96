/* gkvae bench */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/build.h"
#include "cli_bench.h"

static const struct argp_option options[] = {
    {"set", 's', "SECTION.KEY=VALUE", 0,
     "Change one setting of the measured model; may be repeated (default: none)", 0},
    {"threads", 't', "N", 0,
     "Measure on one thread and on N threads (default: train.threads, or one per processor)", 0},
    {"seconds", 'c', "T", 0, "Measure for about T seconds (default: 40)", 0},
    {"rounds", 'r', "N", 0, "Repeat the measurements in N rounds and show the medians (default: 5)",
     0},
    {"images", 'i', "N", 0, "The number of training images, at least 1000 (default: 60000)", 0},
    {"only", 'o', "training|evaluation|draws|gk|run", 0,
     "Measure only training, evaluation, draws, gk, or run (the start and the memory of gkvae "
     "train); may be "
     "repeated (default: all)",
     0},
    {"json", 'j', "FILE", 0, "Also write the figures to this file as JSON (default: no)", 0},
    {"quiet", 'q', NULL, 0, "Print no progress (default: a live line on a terminal)", 0},
    /* the run whose start and memory are measured */
    {"child", 'C', "FOLDER", OPTION_HIDDEN, NULL, 0},
    {.name = NULL},
};

typedef struct bench_arguments {
    bench *it;
    const char *child;
} bench_arguments;

static unsigned wanted_of(struct argp_state *state, const char *name)
{
    static const char *const names[] = {"training", "evaluation", "draws", "gk", "run"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return 1U << i;
    argp_error(state, "--only %s: must be training, evaluation, draws, gk or run", name);
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    bench_arguments *a = state->input;
    bench *it = a->it;
    switch (key) {
    case 's': cli_assign_text(&it->assignments, state, arg); return 0;
    case 't': cli_assign(&it->assignments, state, "train.threads", arg, "--threads"); return 0;
    case 'c': it->seconds = cli_number(state, "--seconds", arg, 1, 86400); return 0;
    case 'r':
        it->rounds = (size_t)cli_whole(state, "--rounds", arg, BENCH_ROUNDS_MIN, BENCH_ROUNDS_MAX);
        return 0;
    case 'i': it->images = (size_t)cli_whole(state, "--images", arg, 1000, 10000000); return 0;
    case 'o': it->wanted |= wanted_of(state, arg); return 0;
    case 'j': it->json = cli_output(state, "--json", arg, CLI_JSON); return 0;
    case 'q': it->quiet = true; return 0;
    case 'C': a->child = arg; return 0;
    case ARGP_KEY_ARG:
        if (it->config)
            argp_error(state, "one configuration only: %s is too many", arg);
        it->config = arg;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* At most a tenth of the images is held out, and there are enough epochs that no run ends during
 * its measurement. */
static int read_settings(bench *it, gkv_settings *settings)
{
    int code = CLI_OK;
    gkv_settings_defaults(settings);
    if (it->config)
        CLI_CHECK(gkv_settings_read(settings, it->config));
    CLI_TRY(cli_assignments_apply(&it->assignments, settings));
    if ((size_t)settings->data.validation > it->images / 10)
        settings->data.validation = (int64_t)(it->images / 10);
    settings->train.epochs = 1000000;
    CLI_CHECK(gkv_settings_check(settings));
done:
    return code;
}

/* The configured model, and a plain VAE of the same sizes. */
static void choose_models(bench *it, const gkv_settings *settings)
{
    const gkv_model_settings *model = &settings->model;
    const bool plain = model->prior_flow == GKV_PRIOR_FLOW_NONE && model->base == GKV_BASE_NORMAL &&
                       model->posterior == GKV_POSTERIOR_NORMAL &&
                       model->posterior_flow == GKV_POSTERIOR_FLOW_NONE;
    it->model[0].name = plain                                 ? "plain"
                        : it->config || it->assignments.count ? "configured"
                                                              : "default";
    it->model[0].settings = *settings;
    it->models = plain ? 1 : 2;
    if (plain)
        return;
    gkv_settings *other = &it->model[1].settings;
    it->model[1].name = "plain";
    *other = *settings;
    other->model.prior_flow = GKV_PRIOR_FLOW_NONE;
    other->model.base = GKV_BASE_NORMAL;
    other->model.base_fit = GKV_FIT_FIXED;
    other->model.posterior = GKV_POSTERIOR_NORMAL;
    other->model.posterior_flow = GKV_POSTERIOR_FLOW_NONE;
    other->model.prior_layers = other->model.posterior_layers = 0;
    other->model.base_g = other->model.base_k = 0;
}

static void choose_threads(bench *it, const gkv_settings *settings)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const int most = settings->train.threads > 0 ? (int)settings->train.threads
                     : processors > 0            ? (int)processors
                                                 : 1;
    it->threads[0] = 1;
    it->threads[1] = most;
    it->widths = most > 1 ? 2 : 1;
}

int cli_bench(int argc, char **argv)
{
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .args_doc = "[CONFIG.ini]",
                                     .doc =
                                         "Measures how fast this machine trains, evaluates and "
                                         "draws. It measures the configured model and "
                                         "the plain VAE of the same sizes, on synthetic images "
                                         "that cost as much time as MNIST's.\v"
                                         "The peak is the speed of OpenBLAS on large square "
                                         "matrices in single precision, measured in each "
                                         "round. GFLOP/s count 2·in·out for each product of a "
                                         "linear layer with one image, as if no pixel "
                                         "were zero. The products are the forward one, the one for "
                                         "the gradient of the weights, and, except "
                                         "in the encoder's first layer, the one for the gradient "
                                         "of the inputs. Nothing else counts. The "
                                         "refits' share of an epoch's time is that of refits at "
                                         "the rate of a run, without the first refit. "
                                         "gkvae settings prints all settings and their defaults."};
    bench *it = cli_alloc(1, sizeof *it);
    bench_arguments a = {.it = it};
    gkv_settings settings;
    int code = CLI_OK;
    it->seconds = 40;
    it->rounds = BENCH_ROUNDS_MIN;
    it->images = 60000;
    it->first_step = it->epoch = it->peak_memory = NAN;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    if (a.child) {
        code = bench_child(a.child);
        goto done;
    }
    if (!it->wanted)
        it->wanted = BENCH_ALL;
    CLI_TRY(read_settings(it, &settings));
    if (it->json)
        CLI_TRY(bench_check_json(it->json));
    choose_models(it, &settings);
    choose_threads(it, &settings);
    cli_catch_signals();
    if (it->wanted & BENCH_RUN)
        CLI_TRY(bench_process(it));
    if (it->wanted & ~(unsigned)BENCH_RUN)
        CLI_TRY(bench_measure(it));
    printf("gkvae %s, medians of %zu rounds\n%s\n\n", gkv_version(), it->rounds,
           gki_build_description());
    bench_print(it);
    if (it->json)
        CLI_TRY(bench_write_json(it));
done:
    free(it);
    return code;
}
