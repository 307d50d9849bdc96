/* gkvae eval */
#include "gkvae/eval.h"
#include "gkvae/train.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "evaluation.h"
#include "metric_rows.h"
#include "report_generation.h"
#include "refined.h"

typedef struct eval_arguments {
    cli_model_arguments run;
    bool quiet, no_pictures, wants_refined;
    gkv_refine_settings refine;
    gkv_eval_set set;
    const char *figures; /* NULL: files in the run's folder */
} eval_arguments;

/* The words of gkv_eval_set. */
#define SET_WORDS "test|train|validation"

static const struct argp_option options[] = {
    {"samples", 'n', "S", 0,
     "The number of importance samples per image, as eval.samples (default: that of the run, or "
     "500)",
     0},
    {"images", 'i', "N", 0,
     "Use only the first N images, as eval.images (default: that of the run, or all)", 0},
    {"seed", 'S', "N", 0,
     "The seed of posterior noise, draws and binarization, as eval.seed (default: that of the run, "
     "or 1)",
     0},
    {"refine", 'r', "lm:T[:S]", 0,
     "Also refine each image's posterior by T iterations of Levenberg–Marquardt with S samples, "
     "and measure both posteriors (default: no; S is 2)",
     0},
    {"of", 'o', SET_WORDS, 0,
     "Measure on the test images; on train, the images that the model was trained on; or on "
     "validation, the images held out of them. For train and validation the command writes figures "
     "only, to metrics-train.json or metrics-validation.json (default: test)",
     0},
    {"draws", 'd', "N", 0,
     "The number of images in a set of draws for the metrics of generation, as eval.draws "
     "(default: that of the run, or the number of test images)",
     0},
    {"draw-sets", 'D', "N", 0,
     "The number of sets of draws, as eval.draw_sets (default: that of the run, or 3)", 0},
    {"temperature", 'T', "T", 0,
     "The temperature of the draws, as eval.temperature (default: that of the run, or 1)", 0},
    {"no-generation", 'G', NULL, 0,
     "Skip the metrics of generation, as --set eval.generation=none (default: they are measured if "
     "there is a feature network for the data set)",
     0},
    {"no-pictures", 'P', NULL, 0,
     "Write figures only, without pictures and page (default: write all of them)", 0},
    {"figures", 'F', "FILE", CLI_ONCE,
     "Write the figures to this file, and nothing to the folder (default: metrics.json, pictures "
     "and the page in the folder)",
     0},
    {"quiet", 'q', NULL, 0,
     "Print no progress (default: a live line on a terminal, otherwise a line for each tenth)", 0},
    {.name = NULL},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    eval_arguments *a = state->input;
    switch (key) {
    case 'n': cli_assign(&a->run.assignments, state, "eval.samples", arg, "--samples"); return 0;
    case 'i': cli_assign(&a->run.assignments, state, "eval.images", arg, "--images"); return 0;
    case 'S': cli_assign(&a->run.assignments, state, "eval.seed", arg, "--seed"); return 0;
    case 'r':
        cli_refine_parse(state, arg, &a->refine);
        a->wants_refined = true;
        return 0;
    case 'o': a->set = (gkv_eval_set)cli_choice(state, "--of", arg, SET_WORDS); return 0;
    case 'd': cli_assign(&a->run.assignments, state, "eval.draws", arg, "--draws"); return 0;
    case 'D':
        cli_assign(&a->run.assignments, state, "eval.draw_sets", arg, "--draw-sets");
        return 0;
    case 'T':
        cli_assign(&a->run.assignments, state, "eval.temperature", arg, "--temperature");
        return 0;
    case 'G':
        cli_assign(&a->run.assignments, state, "eval.generation", "none", "--no-generation");
        return 0;
    case 'P': a->no_pictures = true; return 0;
    case 'F': a->figures = cli_output(state, "--figures", arg, CLI_JSON); return 0;
    case 'q': a->quiet = true; return 0;
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = &a->run; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* --- Progress ------------------------------------------------------------- */

typedef struct eval_reporter {
    bool quiet;
    cli_live live;
    double began;
    size_t tenths; /* printed so far, without a terminal */
    size_t rounds; /* passes through the images: 2 with refinement */
} eval_reporter;

static bool on_progress(void *context, const gkv_progress *progress)
{
    eval_reporter *reporter = context;
    const size_t total = (size_t)progress->total;
    size_t done = (size_t)progress->done;
    char images[64], left[64], time[32];
    if (reporter->quiet || done == 0 ||
        !(cli_live_due(&reporter->live) ||
          (!reporter->live.on && done * 10 / total > reporter->tenths)))
        return false;
    const size_t round = total / reporter->rounds;
    /* the other ranks are about as far in this round */
    if (done % round > 0) {
        const size_t all = done % round * (size_t)gkv_dist_size(cli_ranks());
        done += (all < round ? all : round) - done % round;
    }
    snprintf(images, sizeof images, "%s %zu of %zu images", done > round ? "refined" : "evaluated",
             done > round ? done - round : done, round);
    snprintf(left, sizeof left, "ETA %s",
             cli_duration((cli_seconds() - reporter->began) / (double)done * (double)(total - done),
                          time));
    reporter->tenths = done * 10 / total;
    if (reporter->live.on)
        cli_live_show(&reporter->live, (const char *const[]){images, left}, 2);
    else
        fprintf(stderr, "%s, %s\n", images, left);
    return false;
}

/* --- Results -------------------------------------------------------------- */

static void print_metrics(const gkv_metrics *m)
{
    enum { COLUMNS = 4, CELL = 64 };
    cli_metric_row rows[CLI_METRIC_ROWS];
    const size_t n_rows = cli_metric_rows(m, rows);
    char text[CLI_METRIC_ROWS][2][CELL];
    const char *cells[CLI_METRIC_ROWS * COLUMNS];
    size_t printed = 0;
    for (size_t i = 0; i < n_rows; i++) {
        if (!rows[i].printed)
            continue;
        const bool known = isfinite(rows[i].value), has_se = isfinite(rows[i].se);
        snprintf(text[i][0], CELL, known ? "%.*f" : "not known", rows[i].places, rows[i].value);
        snprintf(text[i][1], CELL, "± %.3f", rows[i].se);
        const char *const row[COLUMNS] = {rows[i].printed, text[i][0], has_se ? text[i][1] : "",
                                          known ? rows[i].unit : ""};
        memcpy(cells + printed++ * COLUMNS, row, sizeof row);
    }
    cli_table(cells, printed, COLUMNS, "lrll");
    printf("(%s)\n", m->protocol);
    cli_refined_row refined[CLI_REFINED_ROWS];
    const size_t n = cli_refined_rows(m, refined);
    if (n == 0)
        return;
    char heading[64];
    snprintf(heading, sizeof heading, "refined, lm:%zu:%zu", m->refined.iterations,
             m->refined.samples);
    putchar('\n');
    cli_refined_print(heading, refined, n);
}

static int evaluate(const eval_arguments *a, const cli_run *run, const gkv_dataset *test,
                    float *refined, gkv_metrics *metrics)
{
    eval_reporter reporter = {
        .quiet = a->quiet, .began = cli_seconds(), .rounds = a->wants_refined ? 2 : 1};
    const gkv_run_options how = {
        .progress = on_progress, .context = &reporter, .stop = &cli_stop, .dist = cli_ranks()};
    cli_live_start(&reporter.live, !a->quiet);
    const gkv_status status =
        gkv_evaluate(run->model, test, a->set, &run->settings, a->wants_refined ? &a->refine : NULL,
                     &how, refined, metrics);
    cli_live_clear(&reporter.live);
    return status == GKV_OK ? cli_check(gkv_train_times(a->run.model, &metrics->train_seconds,
                                                        &metrics->refit_seconds))
                            : cli_check(status);
}

/* Whether all test images are evaluated, so that all of them have refined codes. */
static bool measures_all(const cli_run *run, const gkv_dataset *test)
{
    const int64_t images = run->settings.eval.images;
    return images == 0 || (size_t)images == gkv_dataset_count(test);
}

static const struct argp eval_argp = {
    .options = options,
    .children = cli_model_and_data,
    .parser = parse,
    .args_doc = "FOLDER",
    .doc = "Measures the model of a run, on the test images unless --of names others. Writes "
           "metrics.json, pictures and the results page index.html to the folder. The ranks of an "
           "MPI job share the images (docs/cluster.md)."};

static bool measures_generation(const gkv_settings *settings)
{
    return settings->eval.generation != GKV_GENERATION_NONE;
}

/* CLI_CONFIG if --set changes a setting that is part of the model. */
static int check_model_kept(const gkv_settings *before, const gkv_settings *after)
{
    const gkv_settings_key *key;
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        char name[64], values[2][GKV_PATH_SIZE];
        snprintf(name, sizeof name, "%s.%s", key->section, key->name);
        if ((key->facts & GKV_KEY_IS_MODELS) &&
            gkv_settings_get(before, name, GKV_PATH_SIZE, values[0]) == GKV_OK &&
            gkv_settings_get(after, name, GKV_PATH_SIZE, values[1]) == GKV_OK &&
            strcmp(values[0], values[1]) != 0)
            return cli_error(CLI_CONFIG,
                             "%s = %s: an evaluation cannot change the model's settings", name,
                             values[1]);
    }
    return CLI_OK;
}

int cli_eval_check(int argc, char **argv, const gkv_settings *settings, bool *of_test)
{
    eval_arguments a = {.quiet = false};
    gkv_settings own = *settings;
    gkv_features *network = NULL;
    gkv_refine_defaults(&a.refine);
    int code = cli_parse(&eval_argp, argc, argv, &a);
    if (code == CLI_OK)
        code = cli_assignments_apply(&a.run.assignments, &own);
    if (code == CLI_OK)
        code = check_model_kept(settings, &own);
    *of_test = a.set == GKV_EVAL_TEST;
    if (code == CLI_OK && a.figures)
        code = cli_error(
            CLI_USAGE,
            "--figures: a plan chooses the files of figures itself; leave this option out");
    if (code == CLI_OK && *of_test && measures_generation(&own) && *own.eval.features)
        code = cli_generation_open(own.eval.features, &network);
    gkv_features_free(network);
    return code;
}

/* The path of the file of figures; the caller frees it. */
static char *figures_path(const eval_arguments *a)
{
    if (a->figures)
        return cli_text("%s", a->figures);
    if (a->set == GKV_EVAL_TEST)
        return cli_text("%s/metrics.json", a->run.model);
    char *set = cli_word_at(SET_WORDS, (int)a->set),
         *path = cli_text("%s/metrics-%s.json", a->run.model, set);
    free(set);
    return path;
}

/* The training images for a picture of draws beside them, or NULL: the page does without them. */
static gkv_dataset *training_of_pictures(const cli_run *run)
{
    gkv_dataset *training = NULL;
    if (gkv_dataset_load(GKV_TRAIN, &run->settings.data, &training) != GKV_OK ||
        gkv_dataset_height(training) != gkv_model_height(run->model) ||
        gkv_dataset_width(training) != gkv_model_width(run->model) ||
        gkv_dataset_channels(training) != gkv_model_channels(run->model)) {
        gkv_dataset_free(training);
        training = NULL;
    }
    return training;
}

/* Writes the figures. Those of the test images replace all results of an earlier evaluation. */
static int write_figures(const eval_arguments *a, const gkv_metrics *metrics)
{
    char *path = figures_path(a);
    if (a->set == GKV_EVAL_TEST && !a->figures)
        cli_evaluation_remove(a->run.model, false);
    const int code = cli_check(gkv_metrics_write(metrics, path));
    free(path);
    return code;
}

/* Prints and writes everything but the figures of the likelihood, which have been printed.
 * `generation` is the code of the metrics of generation. */
static int write_results(const eval_arguments *a, const cli_run *run, const gkv_dataset *test,
                         const gkv_dataset *training, const gkv_metrics *metrics,
                         const char *command, int generation)
{
    char *path = figures_path(a);
    int code = CLI_OK;
    cli_generation_print(&metrics->generation);
    fflush(stdout);
    CLI_TRY(write_figures(a, metrics));
    CLI_TRY(generation);
    if (a->set == GKV_EVAL_TEST && !a->no_pictures && !a->figures) {
        cli_evaluation evaluation = {.folder = a->run.model,
                                     .run = run,
                                     .metrics = metrics,
                                     .training = training,
                                     .sample_seed = run->settings.eval.seed,
                                     .command = command};
        code = cli_evaluation_begin(&evaluation);
        if (code == CLI_OK)
            code = cli_evaluation_draw(&evaluation, test);
        if (code == CLI_OK)
            code = cli_report(&evaluation);
        const int placed = cli_evaluation_end(&evaluation, code == CLI_OK);
        code = code == CLI_OK ? placed : code;
        CLI_TRY(code);
        if (access(path, F_OK) != 0) /* training has ended meanwhile and removed it */
            CLI_CHECK(gkv_metrics_write(metrics, path));
        printf("the results page: %s/index.html\n", a->run.model);
    }
done:
    free(path);
    return code;
}

/* What an evaluation reads. */
typedef struct inputs {
    cli_run run;
    gkv_dataset *test;     /* the images that are measured */
    gkv_dataset *training; /* for the metrics of generation or for pictures; NULL: not needed */
    gkv_features *network; /* for the metrics of generation; NULL: they are not measured */
} inputs;

static int open_inputs(const eval_arguments *a, inputs *in)
{
    int code = CLI_OK;
    CLI_TRY(cli_run_open(&a->run, &in->run));
    CLI_TRY(cli_output_spares_run("--figures", a->figures, &a->run, &in->run));
    if (!in->run.is_folder)
        return cli_error(CLI_USAGE,
                         "%s is not a folder: an evaluation writes its results to a run folder",
                         a->run.model);
    const bool of_test = a->set == GKV_EVAL_TEST,
               generation = of_test && measures_generation(&in->run.settings);
    CLI_TRY(cli_run_images(&in->run, of_test ? GKV_TEST : GKV_TRAIN, NULL, &in->test));
    /* Before an evaluation that may take an hour. */
    if (!a->figures && cli_ranks_first() && access(a->run.model, W_OK | X_OK) != 0)
        return cli_error_errno(errno, "%s: the results cannot be written there", a->run.model);
    if (generation)
        CLI_TRY(cli_generation_network(&in->run, a->quiet, &in->network));
    if (in->network)
        CLI_TRY(cli_generation_training(&in->run, &in->training));
    else if (generation && !a->no_pictures && !a->figures)
        in->training = training_of_pictures(&in->run);
done:
    return code;
}

static void free_inputs(inputs *in)
{
    gkv_dataset_free(in->test);
    gkv_dataset_free(in->training);
    gkv_features_free(in->network);
    cli_run_free(&in->run);
}

/* Refuses ranks that have another model or other data than rank 0. */
static int compare_inputs(const eval_arguments *a, const inputs *in)
{
    const struct {
        const char *what, *sum;
    } sums[] = {
        {"the images", gkv_dataset_sha256(in->test, GKV_IMAGES_FILE)},
        {"the labels", gkv_dataset_sha256(in->test, GKV_LABELS_FILE)},
        {"the training images",
         in->training ? gkv_dataset_sha256(in->training, GKV_IMAGES_FILE) : "none"},
        {"the feature network", in->network ? gkv_features_sha256(in->network) : "none"},
    };
    static const char *const files[] = {"model.safetensors", "config.ini"};
    int code = CLI_OK;
    for (size_t i = 0; i < sizeof files / sizeof *files && code == CLI_OK; i++) {
        char *path = cli_text("%s/%s", a->run.model, files[i]);
        code = cli_ranks_same_file(path);
        free(path);
    }
    for (size_t i = 0; i < sizeof sums / sizeof *sums && code == CLI_OK; i++)
        code = cli_ranks_same_sum(sums[i].what, sums[i].sum);
    return code;
}

/* Measures and prints the likelihood, then the metrics of generation, and writes all. The figures
 * of the likelihood may have taken an hour: they are printed before anything is written, and are
 * kept if the metrics of generation fail or are interrupted. */
static int measure(const eval_arguments *a, inputs *in, const char *command, bool *evaluated)
{
    gkv_metrics metrics;
    float *refined = NULL; /* codes of all test images, or NULL */
    int code = CLI_OK, generation = CLI_OK;
    if (in->network && in->training && a->wants_refined && measures_all(&in->run, in->test))
        refined = cli_alloc(gkv_dataset_count(in->test) * gkv_model_latent(in->run.model),
                            sizeof *refined);
    CLI_TRY(evaluate(a, &in->run, in->test, refined, &metrics));
    print_metrics(&metrics);
    fflush(stdout);
    *evaluated = true;
    if (in->training && in->network) {
        /* A rank that fails ends the job, so the likelihood is written before. */
        if (cli_ranks() && cli_ranks_first())
            CLI_TRY(write_figures(a, &metrics));
        generation = cli_generation_measure(&in->run, in->test, in->training, in->network, refined,
                                            a->quiet, &metrics.generation);
    }
    code = generation;
    if (cli_ranks_first())
        code = write_results(a, &in->run, in->test, in->training, &metrics, command, generation);
    /* The other ranks wait for rank 0. A rank whose generation failed leaves, as others may still
     * be in an operation of all ranks. */
    if (generation == CLI_OK) {
        const int waited = cli_check(gkv_dist_barrier(cli_ranks()));
        code = code == CLI_OK ? waited : code;
    }
done:
    free(refined);
    return code;
}

int cli_eval(int argc, char **argv)
{
    eval_arguments a = {.quiet = false};
    inputs in = {.test = NULL};
    bool evaluated = false;
    int code = CLI_OK;
    char *command = cli_command(argc, argv);
    gkv_refine_defaults(&a.refine);
    CLI_TRY(cli_parse(&eval_argp, argc, argv, &a));
    CLI_TRY(open_inputs(&a, &in));
    CLI_TRY(compare_inputs(&a, &in));
    cli_catch_signals();
    CLI_TRY(measure(&a, &in, command, &evaluated));
done:
    if (evaluated && cli_run_changed(&in.run, a.run.model))
        cli_error(code,
                  "%s/model.safetensors was replaced during the evaluation: these figures are of "
                  "the previous model. Evaluate again when training is finished",
                  a.run.model);
    free_inputs(&in);
    free(command);
    return code;
}
