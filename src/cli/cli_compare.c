/* gkvae compare */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli_compare.h"
#include "plan.h"
#include "plan_shares.h"

/* --- The finished runs of a plan ------------------------------------------ */

/* Adds the row of a model: its finished and evaluated runs. comparison->runs has capacity for all,
 * so the runs never move. */
static int add_row(const compare_plan *plan, const char *folder, size_t model,
                   const plan_eval *eval, model_comparison *comparison)
{
    const compare_run **runs = cli_alloc(plan->n_seeds, sizeof *runs);
    size_t n = 0;
    int code = CLI_OK;
    for (size_t s = 0; s < plan->n_seeds && code == CLI_OK; s++) {
        const uint64_t seed = plan->seeds[s];
        plan_need need;
        char *why = NULL;
        code = plan_need_of(plan, folder, model, seed, &need, &why);
        free(why);
        if (code == CLI_IO || code == CLI_MEMORY)
            break;
        if (code != CLI_OK || need != PLAN_READY ||
            !plan_is_measured(plan, folder, model, seed, eval)) {
            code = CLI_OK; /* it is left out; plan_need_of has reported it */
            continue;
        }
        char *run = plan_folder(folder, plan, model, seed);
        compare_run *next = &comparison->runs[comparison->n_runs++];
        code = compare_run_open(run, eval->figures, next);
        next->name = cli_text("%s-%" PRIu64, plan->models[model].name, seed);
        runs[n++] = next;
        free(run);
    }
    if (n > 0 && code == CLI_OK)
        compare_rows_add(comparison, plan->models[model].name, runs, n);
    free(runs);
    return code;
}

static void choose_reference(model_comparison *comparison, const char *name)
{
    comparison->against = name || comparison->n_rows < 2 ? SIZE_MAX : 0;
    for (size_t r = 0; r < comparison->n_rows && name; r++)
        if (strcmp(comparison->rows[r].name, name) == 0)
            comparison->against = r;
}

/* The table, files and page of one evaluation. */
static int show_eval(const compare_plan *plan, const compare_arguments *a, const char *folder,
                     const plan_eval *eval)
{
    model_comparison comparison = {
        .runs = cli_alloc(plan->n_models * plan->n_seeds, sizeof *comparison.runs)};
    char *place = *eval->name ? cli_text("%s/of.%s", folder, eval->name) : cli_text("%s", folder);
    char *title = cli_text("%s%s%s", plan->name, *eval->name ? ": " : "", eval->name);
    size_t wanted = 0;
    int code = CLI_OK;
    for (size_t m = 0; m < plan->n_models; m++) {
        if (!plan->models[m].wanted)
            continue;
        wanted += plan->n_seeds;
        CLI_TRY(add_row(plan, folder, m, eval, &comparison));
    }
    /* After all steps all runs are there, unless a file cannot be read. */
    const int missing = comparison.n_runs < wanted && !a->table ? CLI_IO : CLI_OK;
    if (comparison.n_runs < wanted)
        fprintf(stderr, "gkvae: %s: %zu of %zu runs are there\n", title, comparison.n_runs, wanted);
    if (comparison.n_runs == 0) {
        code = missing;
        goto done;
    }
    CLI_TRY(compare_protocols(&comparison));
    CLI_TRY(compare_choose(&comparison, a->metrics));
    choose_reference(&comparison, a->against ? a->against : plan->against);
    compare_print(&comparison, *eval->name ? title : NULL);
    fflush(stdout);
    CLI_TRY(compare_write(&comparison, place));
    CLI_TRY(compare_page(&comparison, place, title, a->command, "The plan", plan->text));
    printf("the page: %s/index.html\n", place);
    code = missing;
done:
    compare_free(&comparison);
    free(place);
    free(title);
    return code;
}

/* --- The command ---------------------------------------------------------- */

static int keep_only(compare_plan *plan, const char *list)
{
    char *words = cli_text("%s", list), *rest = NULL;
    int code = CLI_OK;
    size_t place;
    for (size_t m = 0; m < plan->n_models; m++)
        plan->models[m].wanted = false;
    for (char *name = strtok_r(words, ",", &rest); name && code == CLI_OK;
         name = strtok_r(NULL, ",", &rest)) {
        code = plan_find(plan, name, "--only", &place);
        if (code == CLI_OK)
            plan->models[place].wanted = true;
    }
    bool any = false;
    for (size_t m = 0; m < plan->n_models; m++)
        any |= plan->models[m].wanted;
    if (code == CLI_OK && !any)
        code = cli_error(CLI_USAGE, "--only: the list is empty");
    free(words);
    return code;
}

static int compare_by_plan(const compare_arguments *a)
{
    compare_plan plan;
    char *folder = NULL;
    size_t place;
    compare_column columns[COMPARE_COLUMNS];
    int code = CLI_OK, of_steps = CLI_OK;
    CLI_TRY(plan_read(a->plan, &plan));
    if (a->seeds)
        CLI_TRY(plan_seeds(a->seeds, "--seeds", &plan.seeds, &plan.n_seeds));
    if (a->only)
        CLI_TRY(keep_only(&plan, a->only));
    if (a->against)
        CLI_TRY(plan_find(&plan, a->against, "--against", &place));
    if (a->metrics)
        CLI_TRY(compare_columns_choose(a->metrics, columns, &place));
    folder = a->out ? cli_text("%s", a->out) : cli_text("results/%s", plan.name);
    CLI_TRY(compare_check_out(folder));
    if (!a->table) {
        CLI_TRY(plan_check_inputs(&plan, a->data_folder));
        CLI_TRY(plan_do(&plan, a, folder, &of_steps));
    }
    if (cli_stop) {
        code = cli_error(128 + (int)cli_stop, "stopped; what is done is kept. To go on:");
        /* as it was called */
        fprintf(stderr, "  %s%s\n", cli_program, a->command + strlen("gkvae"));
        goto done;
    }
    if (a->shards > 0) {
        if (of_steps != CLI_OK)
            fprintf(stderr,
                    "shard %zu of %zu: a step failed; to try again, call the same command\n",
                    a->shard, a->shards);
        else
            fprintf(stderr,
                    "shard %zu of %zu is done; for the table, when all are done, call the same "
                    "command without --shard\n",
                    a->shard, a->shards);
        goto done;
    }
    for (size_t e = 0; e < plan.n_evals && code == CLI_OK && cli_ranks_first(); e++)
        code = show_eval(&plan, a, folder, &plan.evals[e]);
    const int waited = cli_check(gkv_dist_barrier(cli_ranks())); /* the other ranks for rank 0 */
    code = code == CLI_OK ? waited : code;
done:
    plan_free(&plan);
    free(folder);
    return of_steps != CLI_OK ? of_steps : code;
}

/* --- The command ---------------------------------------------------------- */

static const struct argp_option options[] = {
    {"out", 'o', "FOLDER", CLI_ONCE,
     "Write compare.csv, compare.json, pictures and the page index.html to this folder. With a "
     "plan it also contains the runs (default: no files; with a plan results/PLAN)",
     0},
    {"against", 'a', "RUN", 0,
     "Show differences from this run, or from this model of the table (default: the first, or that "
     "of the plan)",
     0},
    {"metrics", 'm', "KEY,…", CLI_ONCE,
     "Show these keys of metrics.json, and differences of the first of them (default: the "
     "likelihoods, metrics of draws, errors and times that the runs have)",
     0},
    {"plan", 'p', "FILE", CLI_ONCE,
     "Train and evaluate the models of this plan that are not finished yet (default: compare runs)",
     0},
    {"seeds", 'S', "N-N,…", CLI_ONCE,
     "Use these seeds for the models of a plan, such as 1-3 or 1,5 (default: those of the plan)",
     0},
    {"only", 'n', "NAME,…", CLI_ONCE, "Use only these models of a plan (default: all)", 0},
    {"table", 'T', NULL, 0,
     "Print the table of a plan's finished runs, and train and evaluate nothing (default: no)", 0},
    {"shard", 's', "I/N", 0,
     "Do part I of N of a plan's work, I = 1 … N, as in a task of a Slurm array; then the same "
     "command without this option makes the table (default: all the work)",
     0},
    {"data-folder", 'f', "DIR", 0,
     "The folder of a plan's images, as data.folder (default: that of its configuration)", 0},
    {"threads", 't', "N", 0,
     "The number of threads of a plan's training and evaluation, as train.threads (default: as "
     "configured)",
     0},
    {.name = NULL},
};

static void check(const compare_arguments *a, struct argp_state *state)
{
    const bool of_plan =
        a->seeds || a->only || a->table || a->data_folder || a->threads > 0 || a->shards > 0;
    if (a->plan && a->n_runs > 0)
        argp_error(state, "--plan makes its own runs: leave out %s", a->runs[0]);
    if (!a->plan && of_plan)
        argp_error(state, "--seeds, --only, --table, --shard, --data-folder and --threads are "
                          "options of a plan: add --plan FILE");
    if (a->shards > 0 && a->table)
        argp_error(state, "--shard is a part of the work, and --table does none: leave one out");
    if (!a->plan && a->n_runs == 0)
        argp_error(state,
                   "which runs? Folders that gkvae eval has evaluated are needed, or --plan FILE");
}

static void parse_shard(struct argp_state *state, const char *text, compare_arguments *a)
{
    enum { MOST = 100000 };
    char *slash = NULL, *end = NULL;
    const long shard = strtol(text, &slash, 10),
               shards = *slash == '/' ? strtol(slash + 1, &end, 10) : 0;
    const bool digits = strspn(text, "0123456789/") == strlen(text) && end && *end == '\0';
    if (!digits || shard < 1 || shard > shards || shards > MOST)
        argp_error(state, "--shard %s: give I/N, as in 1/8 to 8/8 for the parts of 8", text);
    a->shard = (size_t)shard;
    a->shards = (size_t)shards;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    compare_arguments *a = state->input;
    switch (key) {
    case 'o': a->out = cli_output(state, "--out", arg, CLI_FOLDER); return 0;
    case 'a': a->against = arg; return 0;
    case 'm': a->metrics = arg; return 0;
    case 'p': a->plan = arg; return 0;
    case 'S': a->seeds = arg; return 0;
    case 'n': a->only = arg; return 0;
    case 'T': a->table = true; return 0;
    case 's': parse_shard(state, arg, a); return 0;
    case 'f': a->data_folder = cli_path(state, "--data-folder", arg); return 0;
    case 't': a->threads = (int)cli_whole(state, "--threads", arg, 1, 256); return 0;
    case ARGP_KEY_ARGS:
        a->runs = state->argv + state->next;
        a->n_runs = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END: check(a, state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Finds the row of this name, or the row with the run of this name or folder. */
static int find_reference(model_comparison *comparison, const char *wanted)
{
    comparison->against = comparison->n_rows > 1 ? 0 : SIZE_MAX;
    if (!wanted)
        return CLI_OK;
    char *name = cli_text("%s", wanted);
    for (size_t n = strlen(name); n > 1 && name[n - 1] == '/'; n--)
        name[n - 1] = '\0';
    size_t found = SIZE_MAX;
    for (size_t r = 0; r < comparison->n_rows && found == SIZE_MAX; r++) {
        if (strcmp(comparison->rows[r].name, name) == 0)
            found = r;
        for (size_t i = 0; i < comparison->rows[r].n_runs; i++)
            if (strcmp(comparison->rows[r].runs[i]->folder, name) == 0 ||
                strcmp(comparison->rows[r].runs[i]->name, name) == 0)
                found = r;
    }
    free(name);
    comparison->against = found;
    return found != SIZE_MAX
               ? CLI_OK
               : cli_error(CLI_USAGE, "--against %s: none of the runs has this name", wanted);
}

/* The folders of the runs, one per line. */
static char *list_folders(const model_comparison *comparison)
{
    char *list = cli_text("%s", "");
    for (size_t i = 0; i < comparison->n_runs; i++) {
        char *longer = cli_text("%s%s\n", list, comparison->runs[i].folder);
        free(list);
        list = longer;
    }
    return list;
}

static int compare_runs(const compare_arguments *a)
{
    model_comparison comparison = {.runs = cli_alloc(a->n_runs, sizeof *comparison.runs)};
    char *folders = NULL;
    int code = CLI_OK;
    if (a->out)
        CLI_TRY(compare_check_out(a->out));
    for (; comparison.n_runs < a->n_runs; comparison.n_runs++)
        CLI_TRY(compare_run_open(a->runs[comparison.n_runs], "metrics.json",
                                 &comparison.runs[comparison.n_runs]));
    CLI_TRY(compare_protocols(&comparison));
    compare_rows_find(&comparison);
    CLI_TRY(find_reference(&comparison, a->against));
    CLI_TRY(compare_choose(&comparison, a->metrics));
    compare_print(&comparison, NULL);
    if (!a->out)
        goto done;
    fflush(stdout);
    folders = list_folders(&comparison);
    CLI_TRY(compare_write(&comparison, a->out));
    CLI_TRY(compare_page(&comparison, a->out, "gkvae compare", a->command, "Runs", folders));
    printf("the page: %s/index.html\n", a->out);
done:
    if (comparison.n_runs < a->n_runs)
        comparison.n_runs++; /* the run that failed may own memory too */
    compare_free(&comparison);
    free(folders);
    return code;
}

/* The ranks share the work of a plan. A process with --shard does its own part, whoever started it
 * together with others. */
static cli_ranks_use ranks_use(const compare_arguments *a)
{
    if (a->shards > 0)
        return CLI_RANKS_EACH;
    return a->plan ? CLI_RANKS_SHARED : CLI_RANKS_REFUSED;
}

int cli_compare(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "RUN…\n--plan FILE",
        .doc =
            "Compares the figures of several runs. Runs that differ only in their seed form one "
            "row, which shows the mean over the seeds and its standard error. Differences are "
            "paired by seed.\vA plan (docs/compare.md) describes models by their settings, and how "
            "they are evaluated. Finished steps are not repeated, so the same command continues "
            "after Ctrl-C. The ranks of an MPI job share the models and seeds (docs/cluster.md)."};
    compare_arguments a = {.plan = NULL};
    char *command = cli_command(argc, argv);
    a.command = command;
    int code = cli_parse(&argp, argc, argv, &a);
    if (code == CLI_OK)
        code = cli_ranks_begin("compare", ranks_use(&a), argc, argv);
    if (code == CLI_OK)
        code = a.plan ? compare_by_plan(&a) : compare_runs(&a);
    free(command);
    return code;
}
