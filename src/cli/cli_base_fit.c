/* gkvae base fit */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "evaluation.h"
#include "gkvae/base_fit.h"

typedef struct base_fit_arguments {
    cli_model_arguments model;
    cli_assignments wanted; /* of model.base and its parameters */
    const char *out;
    bool update, quiet, base_given, covariance_given;
    gkv_base_fit_settings fit;
} base_fit_arguments;

static const struct argp_option options[] = {
    {"base", 'b', "BASE", 0,
     "The base distribution to fit: normal, full-gaussian, student-t, gk, gk-copula, "
     "gaussian-mixture, gk-mixture or gk-by-class (required)",
     0},
    {"components", 'k', "K", 0,
     "The number of components of a mixture, or of each class's mixture for gk-by-class (default: "
     "model.base_components of the model)",
     0},
    {"covariance", 'c', "full|low-rank|diagonal", 0,
     "The correlations within a component: full, low-rank or diagonal (default: those of the "
     "model)",
     0},
    {"rank", 'r', "N", 0,
     "The number of factors of a low-rank covariance (default: model.base_rank of the model)", 0},
    {"tied-shapes", 'g', "yes|no", 0,
     "Whether all components have the same g and k (default: as in the model)", 0},
    {"codes", 'n', "N", 0, "Fit to at most N training codes (default: 50000)", 0},
    {"out", 'o', "FOLDER", CLI_ONCE,
     "Write the model with its new base to this folder (default: only print the result)", 0},
    {"update", 'u', NULL, 0,
     "Write the model with its new base to the run's own folder, and keep the replaced files as "
     "*.before-fit.* (default: no)",
     0},
    {"quiet", 'q', NULL, 0, "Print nothing unless the command fails (default: print the result)",
     0},
    {.name = NULL},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    base_fit_arguments *a = state->input;
    switch (key) {
    case 'b':
        a->base_given = true;
        cli_assign(&a->wanted, state, "model.base", arg, "--base");
        return 0;
    case 'k': cli_assign(&a->wanted, state, "model.base_components", arg, "--components"); return 0;
    case 'c':
        a->covariance_given = true;
        cli_assign(&a->wanted, state, "model.base_covariance", arg, "--covariance");
        return 0;
    case 'r': cli_assign(&a->wanted, state, "model.base_rank", arg, "--rank"); return 0;
    case 'g':
        cli_assign(&a->wanted, state, "model.base_tied_shapes", arg, "--tied-shapes");
        return 0;
    case 'n': a->fit.codes = (size_t)cli_whole(state, "--codes", arg, 100, 10000000); return 0;
    case 'o': a->out = cli_output(state, "--out", arg, CLI_FOLDER); return 0;
    case 'u': a->update = true; return 0;
    case 'q': a->quiet = true; return 0;
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = &a->model; return 0;
    case ARGP_KEY_END:
        if (!a->base_given)
            argp_error(state, "--base BASE is needed: the base to fit");
        if (a->out && a->update)
            argp_error(state, "--out FOLDER and --update: choose one");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void print_report(const cli_run *run, const gkv_model *fitted, const gkv_base_fit_report *r)
{
    char before[32], after[32], gain[32], time[32], name[GKV_NAME_SIZE];
    printf("mean log density of %zu held-out codes, in nats:\n", r->held_out);
    printf("  %-18s %s   (the model's own)\n", cli_base_name(run->model, name),
           cli_decimal(r->before, 3, before));
    printf("  %-18s %s   %s%s, fitted to %zu codes", cli_base_name(fitted, name),
           cli_decimal(r->after, 3, after), r->after >= r->before ? "+" : "",
           cli_decimal(r->after - r->before, 3, gain), r->codes);
    if (r->em_iterations > 0)
        printf(" in %zu iterations", r->em_iterations);
    printf(", %s\n", cli_duration(r->seconds, time));
}

/* The folder that the model is written to, or NULL. */
static const char *target(const base_fit_arguments *a)
{
    return a->update ? a->model.model : a->out;
}

/* CLI_NUMERIC if no step of the fit was accepted, so that the base is unchanged. */
static int check_accepted(const base_fit_arguments *a, const gkv_model *fitted,
                          const gkv_base_fit_report *report)
{
    const gkv_model_settings *model = &gkv_model_settings_of(fitted)->model;
    char name[GKV_NAME_SIZE];
    if (report->accepted > 0 || !gkv_base_facts_of(model->base)->refit)
        return CLI_OK;
    return cli_error(CLI_NUMERIC,
                     "no step of the fit increased the density of held-out codes, so %s is "
                     "unchanged%s; try more codes, or fewer components",
                     cli_base_name(fitted, name), target(a) ? " and was not written" : "");
}

static int keep(const base_fit_arguments *a, const cli_run *run, const gkv_model *fitted)
{
    const char *folder = target(a);
    int code = CLI_OK;
    if (!folder)
        return code;
    CLI_CHECK(gkv_base_fit_save(fitted, folder, a->update, &run->settings));
    if (a->update)
        cli_evaluation_remove(folder, true); /* an evaluation describes the replaced model */
    if (a->quiet)
        return code;
    char *next = cli_quote(3, (const char *const[]){cli_program, "eval", folder});
    printf("written to %s; to measure it: %s\n", folder, next);
    free(next);
done:
    return code;
}

int cli_base_fit(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .children = cli_model_and_data,
        .parser = parse,
        .args_doc = "FOLDER --base BASE\nMODEL.safetensors --base BASE",
        .doc = "Fits another base distribution to the codes of a trained model's training images. "
               "The rest of the model does not change. Prints the mean log density of held-out "
               "codes under the old base and under the new one.\vThe held-out codes are those of "
               "the run's validation images, or of every fifth training image if the run has none. "
               "A gain in log density is a gain in the KL term: a base that is better by 0.1 nats "
               "lowers −ELBO by 0.1 nats. Further training with the new base can lower it more."};
    base_fit_arguments a = {.update = false};
    gkv_base_fit_defaults(&a.fit);
    cli_run run = {.model = NULL};
    gkv_dataset *images = NULL;
    gkv_model *fitted = NULL;
    gkv_base_fit_report report;
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_run_open(&a.model, &run));
    if (a.update && !run.is_folder) {
        code = cli_error(
            CLI_USAGE,
            "--update writes to the run's folder, but %s is not a folder; use --out FOLDER",
            a.model.model);
        goto done;
    }
    gkv_settings wanted = run.settings;
    CLI_TRY(cli_assignments_apply(&a.wanted, &wanted));
    /* The covariance of the model's mixture does not apply to another kind of base. */
    if (!a.covariance_given && gkv_base_facts_of(wanted.model.base)->has_full_covariance)
        wanted.model.base_covariance = GKV_COVARIANCE_FULL;
    if (target(&a))
        /* before the fit, which may take long */
        CLI_CHECK(gkv_base_fit_check_folder(target(&a), a.update));
    CLI_TRY(cli_run_images(&run, GKV_TRAIN, NULL, &images));
    CLI_CHECK(gkv_base_fit(run.model, images, &wanted.model, &run.settings, &a.fit, NULL, &fitted,
                           &report));
    if (!a.quiet)
        print_report(&run, fitted, &report);
    CLI_TRY(check_accepted(&a, fitted, &report));
    code = keep(&a, &run, fitted);
done:
    gkv_model_free(fitted);
    gkv_dataset_free(images);
    cli_run_free(&run);
    return code;
}
