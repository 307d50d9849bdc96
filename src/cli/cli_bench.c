/* gkvae bench */
#define _XOPEN_SOURCE 700 /* nftw() */
#define _DEFAULT_SOURCE   /* wait4() */
#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/build.h"
#include "cli_bench.h"
#include "gkvae/train.h"

/* --- A run in its own process --------------------------------------------- */

/* It gives the time of the first step, the time of an epoch, and the memory. */

extern char **environ;

/* --- The child ------------------------------------------------------------ */

/* Reports the first step by a byte on standard output. */
static bool on_progress(void *context, const gkv_progress *progress)
{
    bool *reported = context;
    (void)progress;
    if (!*reported && write(STDOUT_FILENO, "1", 1) == 1)
        *reported = true;
    return false;
}

/* The main function of this process; `folder` contains its config.ini. */
static int bench_child(const char *folder)
{
    char *config = cli_text("%s/config.ini", folder), *run = cli_text("%s/run", folder);
    gkv_settings settings;
    bool reported = false;
    const gkv_run_options options = {.progress = on_progress, .context = &reported};
    int code = CLI_OK;
    gkv_settings_defaults(&settings);
    CLI_CHECK(gkv_settings_read(&settings, config));
    CLI_CHECK(gkv_train(run, GKV_TRAIN_NEW, &settings, &options, NULL));
done:
    free(config);
    free(run);
    return code;
}

/* --- The parent ----------------------------------------------------------- */

/* An idx1-ubyte file. */
static int write_labels(const bench_run *bench, const char *path)
{
    const uint32_t n = (uint32_t)bench->images;
    const uint8_t head[8] = {
        0, 0, 8, 1, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    uint8_t *labels = bench_labels(n, (size_t)bench->model[0].settings.model.base_classes);
    FILE *file = fopen(path, "wb");
    bool good = file && fwrite(head, 1, sizeof head, file) == sizeof head &&
                fwrite(labels, 1, n, file) == n;
    if (file)
        good = fclose(file) == 0 && good;
    free(labels);
    return good ? CLI_OK : cli_error_errno(errno, "%s: cannot be written", path);
}

static int write_inputs(const bench_run *bench, const char *folder)
{
    gkv_settings settings = bench->model[0].settings;
    uint8_t *images = bench_images(bench->images);
    char *idx = cli_text("%s/images.idx3", folder), *config = cli_text("%s/config.ini", folder);
    char *labels = cli_text("%s/labels.idx1", folder);
    int code = CLI_OK;
    CLI_CHECK(gkv_idx_write(idx, bench->images, BENCH_SIDE, BENCH_SIDE, 1, images));
    CLI_TRY(write_labels(bench, labels));
    snprintf(settings.data.dataset, sizeof settings.data.dataset, "bench");
    snprintf(settings.data.train_images, sizeof settings.data.train_images, "%s", idx);
    snprintf(settings.data.train_labels, sizeof settings.data.train_labels, "%s", labels);
    settings.train.epochs = 1;
    settings.train.threads = bench->threads[bench->widths - 1];
    CLI_CHECK(gkv_settings_write(&settings, config));
done:
    free(images);
    free(labels);
    free(idx);
    free(config);
    return code;
}

/* Starts this program as a child, whose standard output goes into a pipe. *out is the end to
 * read. */
static int start(const char *folder, pid_t *child, int *out)
{
    char *arguments[] = {(char *)(uintptr_t)cli_program, "bench", "--child",
                         (char *)(uintptr_t)folder, NULL};
    int ends[2];
    if (pipe(ends) != 0)
        return cli_error_errno(errno, "cannot create a pipe");
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    if (!error)
        error = posix_spawn_file_actions_addclose(&actions, ends[0]);
    if (!error)
        error = posix_spawnp(child, cli_program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *out = ends[0];
    if (error) {
        close(ends[0]);
        return cli_error_errno(error, "%s cannot be started again", cli_program);
    }
    return CLI_OK;
}

/* Waits until the child closes its end of the pipe, which it does when it ends. A signal may reach
 * only this process. Then the child is killed, because none of its files are kept. */
static void wait_for_end(bench_run *bench, pid_t child, int out, double began)
{
    enum { LOOK = 100 }; /* milliseconds: a signal just before poll() does not wake it */
    char byte;
    for (;;) {
        struct pollfd end = {.fd = out, .events = POLLIN};
        const int ready = poll(&end, 1, LOOK);
        if (cli_stop) {
            kill(child, SIGKILL);
            return;
        }
        if (ready <= 0)
            continue;
        if (read(out, &byte, 1) != 1)
            return;
        bench->first_step = cli_seconds() - began;
    }
}

static int watch(bench_run *bench, pid_t child, int out, double began)
{
    struct rusage used;
    int status = 0;
    wait_for_end(bench, child, out, began);
    while (wait4(child, &status, 0, &used) < 0 && errno == EINTR)
        continue;
    bench->epoch = cli_seconds() - began;
    bench->peak_memory = 1024.0 * (double)used.ru_maxrss;
    if (cli_stop)
        return bench_go_on();
    if (!WIFEXITED(status) || WEXITSTATUS(status) != CLI_OK)
        return cli_error(WIFEXITED(status) ? WEXITSTATUS(status) : CLI_INTERNAL,
                         "the measured training failed; its message is above");
    return CLI_OK;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *position)
{
    (void)about, (void)kind, (void)position;
    remove(path);
    return 0;
}

/* Removes the folder with all its files, including those of a child that was killed. */
static void remove_folder(const char *folder)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Trains the first model for an epoch in a separate process. */
static int bench_process(bench_run *bench)
{
    const char *parent = getenv("TMPDIR");
    char *folder = cli_text("%s/gkvae-bench-XXXXXX", parent && *parent ? parent : "/tmp");
    pid_t child = -1;
    int out = -1, code = CLI_OK;
    if (!mkdtemp(folder)) {
        code = cli_error_errno(errno, "%s: cannot create a temporary folder", folder);
        free(folder);
        return code;
    }
    CLI_TRY(write_inputs(bench, folder));
    const double began = cli_seconds();
    CLI_TRY(start(folder, &child, &out));
    code = watch(bench, child, out, began);
    close(out);
done:
    remove_folder(folder);
    free(folder);
    return code;
}

/* --- The command ---------------------------------------------------------- */

static const struct argp_option options[] = {
    {"set", 's', "SECTION.KEY=VALUE", 0,
     "Change one setting of the measured model; may be repeated (default: none)", 0},
    {"threads", 't', "N", 0,
     "Measure on one thread and on N threads (default: train.threads, or one per processor)", 0},
    {"seconds", 'c', "T", 0, "Measure for about T seconds (default: 40)", 0},
    {"rounds", 'r', "N", 0, "Repeat the measurements in N rounds and show the medians (default: 5)",
     0},
    {"images", 'i', "N", 0, "The number of training images, at least 1000 (default: 60000)", 0},
    {"only", 'o', BENCH_WORDS, 0,
     "Measure only training, evaluation, draws, gk, or run (the start and the memory of gkvae "
     "train); may be repeated (default: all)",
     0},
    {"scaling", 'S', NULL, 0,
     "Measure only what a training step costs and what its ranks send, and predict its time on up "
     "to 1024 ranks; under mpirun, also measure a step of these ranks (default: no)",
     0},
    {"side", 'd', "N", 0,
     "The pixels of a side of the images, 8 to 256, with --scaling (default: 28)", 0},
    {"json", 'j', "FILE", CLI_ONCE, "Also write the figures to this file as JSON (default: no)", 0},
    {"quiet", 'q', NULL, 0, "Print no progress (default: a live line on a terminal)", 0},
    /* the run whose start and memory are measured */
    {"child", 'C', "FOLDER", OPTION_HIDDEN, NULL, 0},
    {.name = NULL},
};

typedef struct bench_arguments {
    bench_run *bench;
    const char *child;
} bench_arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    bench_arguments *a = state->input;
    bench_run *bench = a->bench;
    switch (key) {
    case 's': cli_assign_text(&bench->assignments, state, arg); return 0;
    case 't': cli_assign(&bench->assignments, state, "train.threads", arg, "--threads"); return 0;
    case 'c': bench->seconds = cli_number(state, "--seconds", arg, 1, 86400); return 0;
    case 'r':
        bench->rounds =
            (size_t)cli_whole(state, "--rounds", arg, BENCH_ROUNDS_MIN, BENCH_ROUNDS_MAX);
        return 0;
    case 'i': bench->images = (size_t)cli_whole(state, "--images", arg, 1000, 10000000); return 0;
    case 'o': bench->wanted |= 1U << cli_choice(state, "--only", arg, BENCH_WORDS); return 0;
    case 'S': bench->scaling = true; return 0;
    case 'd': bench->side = (size_t)cli_whole(state, "--side", arg, 8, 256); return 0;
    case 'j': bench->json = cli_output(state, "--json", arg, CLI_JSON); return 0;
    case 'q': bench->quiet = true; return 0;
    case 'C': a->child = arg; return 0;
    case ARGP_KEY_ARG:
        if (bench->config)
            argp_error(state, "one configuration only: %s is too many", arg);
        bench->config = arg;
        return 0;
    case ARGP_KEY_END:
        if (bench->side && !bench->scaling)
            argp_error(state, "--side is for --scaling");
        if (bench->wanted && bench->scaling)
            argp_error(state, "--scaling measures one thing alone: leave out --only");
        bench->side = bench->side ? bench->side : BENCH_SIDE;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* At most a tenth of the images is held out, and there are enough epochs that no run ends during
 * its measurement. */
static int read_settings(bench_run *bench, gkv_settings *settings)
{
    int code = CLI_OK;
    gkv_settings_defaults(settings);
    if (bench->config)
        CLI_CHECK(gkv_settings_read(settings, bench->config));
    CLI_TRY(cli_assignments_apply(&bench->assignments, settings));
    if ((size_t)settings->data.validation > bench->images / 10)
        settings->data.validation = (int64_t)(bench->images / 10);
    settings->train.epochs = 1000000;
    CLI_CHECK(gkv_settings_check(settings));
done:
    return code;
}

/* The configured model, and a plain VAE of the same sizes. */
static void choose_models(bench_run *bench, const gkv_settings *settings)
{
    const gkv_model_settings *model = &settings->model;
    const bool plain = model->prior_flow == GKV_PRIOR_FLOW_NONE && model->base == GKV_BASE_NORMAL &&
                       model->posterior == GKV_POSTERIOR_NORMAL &&
                       model->posterior_flow == GKV_POSTERIOR_FLOW_NONE;
    bench->model[0].name = plain                                       ? "plain"
                           : bench->config || bench->assignments.count ? "configured"
                                                                       : "default";
    bench->model[0].settings = *settings;
    bench->models = plain ? 1 : 2;
    if (plain)
        return;
    gkv_settings *other = &bench->model[1].settings;
    bench->model[1].name = "plain";
    *other = *settings;
    other->model.prior_flow = GKV_PRIOR_FLOW_NONE;
    other->model.base = GKV_BASE_NORMAL;
    other->model.base_fit = GKV_FIT_FIXED;
    other->model.posterior = GKV_POSTERIOR_NORMAL;
    other->model.posterior_flow = GKV_POSTERIOR_FLOW_NONE;
    other->model.prior_layers = other->model.posterior_layers = 0;
    other->model.base_g = other->model.base_k = 0;
}

static void choose_threads(bench_run *bench, const gkv_settings *settings)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const int most = settings->train.threads > 0 ? (int)settings->train.threads
                     : processors > 0            ? (int)processors
                                                 : 1;
    bench->threads[0] = 1;
    bench->threads[1] = most;
    bench->widths = most > 1 ? 2 : 1;
}

int cli_bench(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[CONFIG.ini]",
        .doc =
            "Measures how fast this machine trains, evaluates and draws. It measures the "
            "configured model and the plain VAE of the same sizes, on synthetic images that cost "
            "as much time as MNIST's.\vThe peak is the speed of OpenBLAS on large square matrices "
            "in single precision, measured in each round. GFLOP/s count 2·in·out for each product "
            "of a linear layer with one image, and as much for each pixel and each pixel of the "
            "kernel of a convolution, as if no pixel were zero. The products are the forward one, "
            "the one for the gradient of the weights, and, except in the encoder's first layer, "
            "the one for the gradient of the inputs. A base of d dimensions adds d(d + 1) for each "
            "correlation matrix, forward and backward. Nothing else counts. The optimiser's memory "
            "is what it reads and writes, against the triad a = b + 3c of STREAM in arrays that no "
            "cache holds. The refits' share of "
            "an epoch's time is that of refits at the rate of a run, without the first refit. "
            "gkvae settings prints all settings and their defaults."};
    bench_run *bench = cli_alloc(1, sizeof *bench);
    bench_arguments a = {.bench = bench};
    gkv_settings settings;
    int code = CLI_OK;
    bench->seconds = 40;
    bench->rounds = BENCH_ROUNDS_MIN;
    bench->images = 60000;
    bench->first_step = bench->epoch = bench->peak_memory = NAN;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_ranks_begin("bench", bench->scaling ? CLI_RANKS_SHARED : CLI_RANKS_REFUSED, argc,
                            argv));
    if (a.child) {
        code = bench_child(a.child);
        goto done;
    }
    if (!bench->wanted)
        bench->wanted = BENCH_ALL;
    CLI_TRY(read_settings(bench, &settings));
    if (bench->json)
        CLI_TRY(bench_check_json(bench->json));
    choose_models(bench, &settings);
    choose_threads(bench, &settings);
    cli_catch_signals();
    if (bench->scaling) {
        printf("gkvae %s\n%s\n\n", gkv_version(), gki_build_description());
        code = bench_scaling(bench);
        goto done;
    }
    if (bench->wanted & BENCH_RUN)
        CLI_TRY(bench_process(bench));
    if (bench->wanted & ~(unsigned)BENCH_RUN)
        CLI_TRY(bench_measure(bench));
    printf("gkvae %s, medians of %zu rounds\n%s\n\n", gkv_version(), bench->rounds,
           gki_build_description());
    bench_print(bench);
    if (bench->json)
        CLI_TRY(bench_write_json(bench));
done:
    free(bench);
    return code;
}
