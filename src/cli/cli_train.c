/* gkvae train */
#include "gkvae/train.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "epoch_pictures.h"
#include "evaluation.h"
#include "ranks.h"

typedef struct train_arguments {
    const char *config, *folder;
    bool resume, overwrite, quiet, epoch_pictures;
    cli_assignments assignments;
} train_arguments;

static const struct argp_option options[] = {
    {"out", 'o', "FOLDER", CLI_ONCE,
     "Keep the run in this folder, which is created if necessary (required)", 0},
    {"set", 's', "SECTION.KEY=VALUE", 0, "Change one setting; may be repeated (default: none)", 0},
    {"epochs", 'e', "N", 0,
     "The number of epochs, as --set train.epochs=N (default: that of the configuration, or of "
     "gkvae settings)",
     0},
    {"seed", 'S', "N", 0,
     "The seed of the run, as --set train.seed=N (default: that of the configuration, or 1)", 0},
    {"threads", 't', "N", 0,
     "The number of threads, as --set train.threads=N. The results do not depend on it (default: "
     "that of the configuration, or one per processor)",
     0},
    {"data-folder", 'f', "DIR", 0,
     "The folder of the images, as --set data.folder=DIR (default: that of the configuration, or "
     "data)",
     0},
    {"resume", 'r', NULL, 0,
     "Continue the run in the folder from its checkpoint, with its config.ini; with --epochs, "
     "extend a finished run to more epochs (default: start a new run)",
     0},
    {"overwrite", 'w', NULL, 0,
     "Replace the run in the folder, and other files that have the names of a run's files "
     "(default: keep them and fail)",
     0},
    {"epoch-pictures", 'p', NULL, 0,
     "Keep a picture of ten draws from the model at each checkpoint, for a slider in the results "
     "page (default: no)",
     0},
    {"quiet", 'q', NULL, 0,
     "Print no progress (default: a line per epoch, and a live line on a terminal)", 0},
    {.name = NULL},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    train_arguments *a = state->input;
    switch (key) {
    case 'o': a->folder = cli_output(state, "--out", arg, CLI_FOLDER); return 0;
    case 's': cli_assign_text(&a->assignments, state, arg); return 0;
    case 'e': cli_assign(&a->assignments, state, "train.epochs", arg, "--epochs"); return 0;
    case 'S': cli_assign(&a->assignments, state, "train.seed", arg, "--seed"); return 0;
    case 't': cli_assign(&a->assignments, state, "train.threads", arg, "--threads"); return 0;
    case 'f': cli_assign(&a->assignments, state, "data.folder", arg, "--data-folder"); return 0;
    case 'r': a->resume = true; return 0;
    case 'w': a->overwrite = true; return 0;
    case 'p': a->epoch_pictures = true; return 0;
    case 'q': a->quiet = true; return 0;
    case ARGP_KEY_ARG:
        cli_refuse_assignment(state, arg);
        if (a->config)
            argp_error(state, "one configuration only: %s is too many", arg);
        a->config = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->folder && a->resume && a->config)
            argp_error(state, "--out FOLDER is needed: gkvae train --resume --out %s", a->config);
        if (!a->folder)
            argp_error(state, "--out FOLDER is needed: the run is kept in it");
        if (a->resume && a->overwrite)
            argp_error(state, "--resume continues a run and --overwrite replaces it: choose one");
        if (a->resume && a->config)
            argp_error(state,
                       "a resumed run has its own configuration, %s/config.ini: leave out %s",
                       a->folder, a->config);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* --- Progress ------------------------------------------------------------- */

typedef struct train_reporter {
    const train_arguments *arguments;
    cli_live live;
    bool begun;
    bool current; /* whether the folder holds this run, and no longer one that it replaces */
    cli_epoch_pictures pictures;
    int picture_code;   /* that of a picture that failed: the run stops and is saved */
    bool output_failed; /* standard output cannot be written to: the run stops and is saved */
} train_reporter;

enum { PART_SIZE = 96 };

static void show_live(train_reporter *reporter, const gkv_train_progress *p)
{
    char text[7][PART_SIZE], time[32];
    snprintf(text[0], PART_SIZE, "epoch %" PRIu64 "/%" PRIu64, p->epoch, p->epochs);
    snprintf(text[1], PART_SIZE, "step %" PRIu64 "/%" PRIu64, p->epoch_step, p->epoch_steps);
    snprintf(text[2], PART_SIZE, "−ELBO %.2f", p->neg_elbo);
    snprintf(text[3], PART_SIZE, "ETA %s", cli_duration(p->seconds_left, time));
    snprintf(text[4], PART_SIZE, "reconstruction %.2f  KL %.2f", p->reconstruction, p->kl);
    snprintf(text[5], PART_SIZE, "%.0f images/s", p->images_per_second);
    snprintf(text[6], PART_SIZE, "learning rate %.2g", p->learning_rate);
    const char *parts[7];
    for (size_t i = 0; i < 7; i++)
        parts[i] = text[i];
    cli_live_show(&reporter->live, parts, 7);
}

/* The parts of an epoch's line, the most important first. Returns their number. */
static size_t epoch_parts(const gkv_train_progress *p, char text[8][PART_SIZE])
{
    char time[32], number[4][32];
    size_t n = 0;
    const int digits = snprintf(NULL, 0, "%" PRIu64, p->epochs);
    snprintf(text[n++], PART_SIZE, "epoch %*" PRIu64 "/%" PRIu64 "  −ELBO %7.3f", digits, p->epoch,
             p->epochs, p->neg_elbo);
    if (isfinite(p->validation_neg_elbo))
        snprintf(text[n++], PART_SIZE, "validation %7.3f%s", p->validation_neg_elbo,
                 p->best ? " *" : "  ");
    if (p->skipped > 0)
        snprintf(text[n++], PART_SIZE,
                 "%" PRIu64 " steps skipped as not finite, %" PRIu64 " returns", p->skipped,
                 p->rollbacks);
    if (p->epoch < p->epochs)
        snprintf(text[n++], PART_SIZE, "ETA %s", cli_duration(p->seconds_left, time));
    snprintf(text[n++], PART_SIZE, "%5.0f images/s", p->images_per_second);
    snprintf(text[n++], PART_SIZE, "(reconstruction %.2f, KL %.2f)", p->reconstruction, p->kl);
    if (p->refitted)
        /* a rejected refit leaves the base unchanged */
        snprintf(text[n++], PART_SIZE, "refit: %s%.2f s", p->refit_step > 0 ? "" : "rejected, ",
                 p->refit_seconds);
    /* A base without g and k has only zeros. */
    if (p->refitted && (p->g_min != 0 || p->g_max != 0 || p->k_min != 0 || p->k_max != 0))
        snprintf(text[n++], PART_SIZE, "g %s … %s, k %s … %s", cli_decimal(p->g_min, 2, number[0]),
                 cli_decimal(p->g_max, 2, number[1]), cli_decimal(p->k_min, 2, number[2]),
                 cli_decimal(p->k_max, 2, number[3]));
    return n;
}

/* Prints the line of an epoch: on a terminal as many parts as fit, elsewhere all of them. */
static void print_epoch(const gkv_train_progress *p)
{
    char text[8][PART_SIZE];
    const size_t n = epoch_parts(p, text), width = cli_output_width();
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t needs = (i > 0 ? 2 : 0) + cli_columns(text[i]);
        if (i > 0 && used + needs > width)
            break;
        printf("%s%s", i > 0 ? "  " : "", text[i]);
        used += needs;
    }
    putchar('\n');
}

/* Stops the run if standard output cannot be written to. */
static bool on_progress(void *context, const gkv_progress *progress)
{
    train_reporter *reporter = context;
    const gkv_train_progress *p = progress->details;
    if (p->warning) {
        cli_live_clear(&reporter->live);
        cli_error(CLI_OK, "%s", p->warning);
        return false;
    }
    /* The files of an earlier evaluation describe a model that training now changes, so they are
     * removed. Only here is the folder known to be this run's. Those of evaluations that are made
     * during training stay until its end. */
    if (!p->replacing && !reporter->current)
        cli_evaluation_remove(reporter->arguments->folder, true);
    reporter->current = !p->replacing;
    reporter->begun = true;
    if (reporter->current && reporter->pictures.ended > 0)
        reporter->picture_code = cli_epoch_pictures_draw(&reporter->pictures);
    if (reporter->picture_code != CLI_OK)
        return true;
    if (p->epoch_ended)
        reporter->pictures.ended = p->epoch;
    if (reporter->arguments->quiet)
        return false;
    if (p->epoch_ended) {
        cli_live_clear(&reporter->live);
        print_epoch(p);
        if (fflush(stdout) != 0 && !cli_stop)
            reporter->output_failed = true;
    } else if (cli_live_due(&reporter->live)) {
        show_live(reporter, p);
    }
    return reporter->output_failed;
}

/* --- Before and after a run ----------------------------------------------- */

static int read_settings(const train_arguments *a, gkv_settings *settings)
{
    int code = CLI_OK;
    char *config = a->resume ? cli_text("%s/config.ini", a->folder) : NULL;
    gkv_settings_defaults(settings);
    if (config && access(config, F_OK) != 0) {
        code = cli_error(errno == ENOENT ? CLI_CONFIG : CLI_IO,
                         "%s: there is no run to resume: the folder has no config.ini", a->folder);
        goto done;
    }
    if (config || a->config)
        CLI_CHECK(gkv_settings_read(settings, config ? config : a->config));
    CLI_TRY(cli_assignments_apply(&a->assignments, settings));
    CLI_CHECK(gkv_settings_check(settings));
done:
    free(config);
    return code;
}

/* Training removes the files of an evaluation of the model that it changes. In a folder without a
 * run, files of these names belong to the user and must be kept. */
static int check_folder(const train_arguments *a)
{
    int code = CLI_OK;
    char *checkpoint = cli_text("%s/checkpoint.safetensors", a->folder);
    const bool is_run = access(checkpoint, F_OK) == 0;
    char *found = a->resume || a->overwrite || is_run ? NULL : cli_evaluation_find(a->folder);
    if (found)
        code = cli_error(CLI_CONFIG,
                         "%s: the folder has no run, but a run would replace this file; name "
                         "another folder, or add --overwrite",
                         found);
    free(found);
    free(checkpoint);
    return code;
}

/* Prints the command that continues the run. It repeats the assignments of a resumed run,
 * which are not in config.ini. */
static void print_resume_command(const train_arguments *a)
{
    const char *words[6 + 2 * CLI_ASSIGNMENTS_MAX] = {cli_program, "train", "--resume", "--out",
                                                      a->folder};
    char *assigned[CLI_ASSIGNMENTS_MAX];
    const size_t count = a->resume ? a->assignments.count : 0;
    for (size_t i = 0; i < count; i++) {
        assigned[i] = cli_text("%s=%s", a->assignments.list[i].name, a->assignments.list[i].value);
        words[5 + 2 * i] = "--set";
        words[6 + 2 * i] = assigned[i];
    }
    if (a->epoch_pictures)
        words[5 + 2 * count] = "--epoch-pictures";
    char *line = cli_quote(5 + 2 * count + (a->epoch_pictures ? 1 : 0), words);
    fprintf(stderr, "gkvae: to continue, use:\n  %s\n", line);
    free(line);
    for (size_t i = 0; i < count; i++)
        free(assigned[i]);
}

static void print_end(const train_arguments *a, const gkv_train_result *result)
{
    char time[32];
    printf("%s after %" PRIu64 " epoch%s, %" PRIu64 " step%s, %s",
           result->stopped_early ? "stopped early" : "done", result->epochs,
           cli_plural(result->epochs), result->steps, cli_plural(result->steps),
           cli_duration(result->seconds, time));
    if (result->refit_seconds > 0 && result->seconds > 0)
        printf(" (%.1f %% of this for refits of the base)",
               100 * result->refit_seconds / result->seconds);
    if (isfinite(result->best_validation))
        printf("; best validation −ELBO %.3f, epoch %" PRIu64, result->best_validation,
               result->best_epoch);
    char *next = cli_quote(3, (const char *const[]){cli_program, "eval", a->folder});
    printf("\nto measure it: %s\n", next);
    free(next);
}

static int explain(const train_arguments *a, const train_reporter *reporter, gkv_status status,
                   bool saved)
{
    int code = CLI_OK;
    if (reporter->picture_code != CLI_OK) {
        code = reporter->picture_code; /* its message is printed */
    } else if (reporter->output_failed) {
        code = cli_error(CLI_IO, "standard output cannot be written to; the run is saved");
    } else {
        code = cli_check(status);
    }
    if (status == GKV_ERR_INTERRUPTED || (reporter->begun && saved && status == GKV_ERR_IO))
        print_resume_command(a);
    return code;
}

int cli_train(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[CONFIG.ini] --out FOLDER\n--resume --out FOLDER",
        .doc = "Trains a model with the settings of CONFIG.ini, or with the default settings, and "
               "keeps the run in a folder.\vCtrl-C stops training at the end of a step and saves "
               "the run. --resume then continues to exactly the same result. Under mpirun, "
               "processes share the images of each step, with the same result (docs/scaling.md). "
               "gkvae settings prints all settings and their defaults."};
    train_arguments a = {.config = NULL};
    gkv_settings settings;
    gkv_train_result result;
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(read_settings(&a, &settings));
    if (cli_ranks_first())
        CLI_TRY(check_folder(&a));

    train_reporter reporter = {.arguments = &a,
                               .pictures.folder = a.epoch_pictures ? a.folder : NULL};
    cli_live_start(&reporter.live, !a.quiet);
    const gkv_train_start start = a.resume      ? GKV_TRAIN_RESUME
                                  : a.overwrite ? GKV_TRAIN_OVERWRITE
                                                : GKV_TRAIN_NEW;
    const gkv_run_options how = {.progress = cli_ranks_first() ? on_progress : NULL,
                                 .context = &reporter,
                                 .stop = &cli_stop,
                                 .dist = cli_ranks()};
    cli_catch_signals();
    const gkv_status status = gkv_train(a.folder, start, &settings, &how, &result);
    cli_live_clear(&reporter.live);
    if (!cli_ranks_first()) { /* rank 0 has the folder, and tells of a stop */
        code = status == GKV_ERR_INTERRUPTED ? cli_code(status) : cli_check(status);
        goto done;
    }
    if (status == GKV_OK)
        CLI_TRY(cli_epoch_pictures_draw(&reporter.pictures));
    /* After a success or a stop, the folder holds the new run. */
    if (reporter.begun && (reporter.current || status == GKV_OK || status == GKV_ERR_INTERRUPTED))
        cli_evaluation_remove(a.folder, true);
    if (status != GKV_OK) {
        char *checkpoint = cli_text("%s/checkpoint.safetensors", a.folder);
        code = explain(&a, &reporter, status, access(checkpoint, F_OK) == 0);
        free(checkpoint);
    } else if (!a.quiet) {
        print_end(&a, &result);
    }
done:
    return code;
}
