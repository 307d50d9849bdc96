/* gkvae compare */
#define _POSIX_C_SOURCE 200809L
#include "cli_compare.h"

#include <stdlib.h>
#include <string.h>

static const struct argp_option options[] = {
    {"out", 'o', "FOLDER", 0,
     "Write compare.csv, compare.json, pictures and the page index.html to this folder. With a "
     "plan it also "
     "contains the runs (default: no files; with a plan results/PLAN)",
     0},
    {"against", 'a', "RUN", 0,
     "Show differences from this run, or from this model of the table (default: the first, or that "
     "of the plan)",
     0},
    {"metrics", 'm', "KEY,…", 0,
     "Show these keys of metrics.json, and differences of the first of them (default: the "
     "likelihoods, metrics of "
     "draws, errors and times that the runs have)",
     0},
    {"plan", 'p', "FILE", 0,
     "Train and evaluate the models of this plan that are not finished yet (default: compare runs)",
     0},
    {"seeds", 'S', "N-N,…", 0,
     "Use these seeds for the models of a plan, such as 1-3 or 1,5 (default: those of the plan)",
     0},
    {"only", 'n', "NAME,…", 0, "Use only these models of a plan (default: all)", 0},
    {"table", 'T', NULL, 0,
     "Print the table of a plan's finished runs, and train and evaluate nothing (default: no)", 0},
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
    const bool of_plan = a->seeds || a->only || a->table || a->data_folder || a->threads > 0;
    if (a->plan && a->n_runs > 0)
        argp_error(state, "--plan makes its own runs: leave out %s", a->runs[0]);
    if (!a->plan && of_plan)
        argp_error(state, "--seeds, --only, --table, --data-folder and --threads are options of a "
                          "plan: add --plan "
                          "FILE");
    if (!a->plan && a->n_runs == 0)
        argp_error(state,
                   "which runs? Folders that gkvae eval has evaluated are needed, or --plan FILE");
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
static int find_reference(comparison *it, const char *wanted)
{
    it->against = it->n_rows > 1 ? 0 : SIZE_MAX;
    if (!wanted)
        return CLI_OK;
    char *name = cli_text("%s", wanted);
    for (size_t n = strlen(name); n > 1 && name[n - 1] == '/'; n--)
        name[n - 1] = '\0';
    size_t found = SIZE_MAX;
    for (size_t r = 0; r < it->n_rows && found == SIZE_MAX; r++) {
        if (strcmp(it->rows[r].name, name) == 0)
            found = r;
        for (size_t i = 0; i < it->rows[r].n_runs; i++)
            if (strcmp(it->rows[r].runs[i]->folder, name) == 0 ||
                strcmp(it->rows[r].runs[i]->name, name) == 0)
                found = r;
    }
    free(name);
    it->against = found;
    return found != SIZE_MAX
               ? CLI_OK
               : cli_error(CLI_USAGE, "--against %s: none of the runs has this name", wanted);
}

/* The folders of the runs, one per line. */
static char *list_folders(const comparison *it)
{
    char *list = cli_text("%s", "");
    for (size_t i = 0; i < it->n_runs; i++) {
        char *longer = cli_text("%s%s\n", list, it->runs[i].folder);
        free(list);
        list = longer;
    }
    return list;
}

static int compare_runs(const compare_arguments *a)
{
    comparison it = {.runs = cli_alloc(a->n_runs, sizeof *it.runs)};
    char *folders = NULL;
    int code = CLI_OK;
    if (a->out)
        CLI_TRY(compare_check_out(a->out));
    for (; it.n_runs < a->n_runs; it.n_runs++)
        CLI_TRY(compare_run_open(a->runs[it.n_runs], "metrics.json", &it.runs[it.n_runs]));
    CLI_TRY(compare_protocols(&it));
    compare_rows_find(&it);
    CLI_TRY(find_reference(&it, a->against));
    CLI_TRY(compare_choose(&it, a->metrics));
    compare_print(&it, NULL);
    if (!a->out)
        goto done;
    fflush(stdout);
    folders = list_folders(&it);
    CLI_TRY(compare_write(&it, a->out));
    CLI_TRY(compare_page(&it, a->out, "gkvae compare", a->command, "Runs", folders));
    printf("the page: %s/index.html\n", a->out);
done:
    if (it.n_runs < a->n_runs)
        it.n_runs++; /* the run that failed may own memory too */
    compare_free(&it);
    free(folders);
    return code;
}

int cli_compare(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "RUN…\n--plan FILE",
        .doc = "Compares the figures of several runs. Runs that differ only in their seed form one "
               "row, which shows "
               "the mean over the seeds and its standard error. Differences are paired by seed.\v"
               "A plan (docs/compare.md) describes models by their settings, and how they are "
               "evaluated. Finished "
               "steps are not repeated, so the same command continues after Ctrl-C."};
    compare_arguments a = {.plan = NULL};
    char *command = cli_command(argc, argv);
    a.command = command;
    int code = cli_parse(&argp, argc, argv, &a);
    if (code == CLI_OK)
        code = a.plan ? compare_by_plan(&a) : compare_runs(&a);
    free(command);
    return code;
}
