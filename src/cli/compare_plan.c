/* gkvae compare --plan; declared in cli_compare.h. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

/* --- The finished runs ---------------------------------------------------- */

/* Adds the row of a model: its finished and evaluated runs. it->runs has capacity for all, so the
 * runs never move. */
static int add_row(const compare_plan *plan, const char *folder, size_t model,
                   const plan_eval *eval, comparison *it)
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
        compare_run *next = &it->runs[it->n_runs++];
        code = compare_run_open(run, eval->figures, next);
        next->name = cli_text("%s-%" PRIu64, plan->models[model].name, seed);
        runs[n++] = next;
        free(run);
    }
    if (n > 0 && code == CLI_OK)
        compare_rows_add(it, plan->models[model].name, runs, n);
    free(runs);
    return code;
}

static void choose_reference(comparison *it, const char *name)
{
    it->against = name || it->n_rows < 2 ? SIZE_MAX : 0;
    for (size_t r = 0; r < it->n_rows && name; r++)
        if (strcmp(it->rows[r].name, name) == 0)
            it->against = r;
}

/* The table, files and page of one evaluation. */
static int show_eval(const compare_plan *plan, const compare_arguments *a, const char *folder,
                     const plan_eval *eval)
{
    comparison it = {.runs = cli_alloc(plan->n_models * plan->n_seeds, sizeof *it.runs)};
    char *place = *eval->name ? cli_text("%s/of.%s", folder, eval->name) : cli_text("%s", folder);
    char *title = cli_text("%s%s%s", plan->name, *eval->name ? ": " : "", eval->name);
    size_t wanted = 0;
    int code = CLI_OK;
    for (size_t m = 0; m < plan->n_models; m++) {
        if (!plan->models[m].wanted)
            continue;
        wanted += plan->n_seeds;
        CLI_TRY(add_row(plan, folder, m, eval, &it));
    }
    /* After all steps all runs are there, unless a file cannot be read. */
    const int missing = it.n_runs < wanted && !a->table ? CLI_IO : CLI_OK;
    if (it.n_runs < wanted)
        fprintf(stderr, "gkvae: %s: %zu of %zu runs are there\n", title, it.n_runs, wanted);
    if (it.n_runs == 0) {
        code = missing;
        goto done;
    }
    CLI_TRY(compare_protocols(&it));
    CLI_TRY(compare_choose(&it, a->metrics));
    choose_reference(&it, a->against ? a->against : plan->against);
    compare_print(&it, *eval->name ? title : NULL);
    fflush(stdout);
    CLI_TRY(compare_write(&it, place));
    CLI_TRY(compare_page(&it, place, title, a->command, "The plan", plan->text));
    printf("the page: %s/index.html\n", place);
    code = missing;
done:
    compare_free(&it);
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

int compare_by_plan(const compare_arguments *a)
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
    if (!a->table)
        of_steps = plan_do(&plan, a, folder);
    if (cli_stop) {
        code = cli_error(128 + (int)cli_stop, "stopped; what is done is kept. To go on:");
        /* as it was called */
        fprintf(stderr, "  %s%s\n", cli_program, a->command + strlen("gkvae"));
        goto done;
    }
    for (size_t e = 0; e < plan.n_evals; e++)
        CLI_TRY(show_eval(&plan, a, folder, &plan.evals[e]));
done:
    plan_free(&plan);
    free(folder);
    return of_steps != CLI_OK ? of_steps : code;
}
