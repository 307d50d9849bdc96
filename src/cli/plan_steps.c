/* The steps of a plan; declared in plan.h. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan_job.h"
#include "plan_shares.h"
#include "core/file.h"

static const char *const doing[STEP_KINDS] = {"training", "fitting", "evaluating"};
static const char *const done_words[STEP_KINDS] = {"trained", "fitted", "evaluated"};
static const char *const failed_words[STEP_KINDS] = {"training", "the fit", "the evaluation"};

/* "MODEL-SEED", and an evaluation's name if it has one; the caller frees it. */
static char *name_of(const plan_job *job, const plan_step *s)
{
    const char *eval = s->kind == STEP_EVAL ? job->plan->evals[s->eval].name : "";
    return cli_text("%s-%" PRIu64 "%s%s%s", job->plan->models[s->model].name,
                    job->plan->seeds[s->seed], *eval ? " (" : "", eval, *eval ? ")" : "");
}

/* --- Progress ------------------------------------------------------------- */

/* The remaining time, from the mean times of finished steps; NaN until there is one of each kind
 * that remains. */
static double seconds_left(const plan_job *job, size_t from, double of_first)
{
    double left = 0;
    for (size_t i = from; i < job->n_steps; i++) {
        const plan_step *s = &job->steps[i];
        if (job->took[s->kind].n == 0)
            return NAN;
        const double mean = job->took[s->kind].seconds / (double)job->took[s->kind].n;
        left += i == from ? fmax(0, mean - of_first) : mean;
    }
    return left;
}

enum { PARTS = 12, PART = 160 };

/* Splits a line into its fields, which two blanks separate, and puts its ETA into `eta`. Returns
 * the number of the others. */
static size_t fields_of(const char *line, char fields[][PART], size_t most, char eta[PART])
{
    size_t n = 0;
    for (*eta = '\0'; *line && n < most; line += strspn(line, " ")) {
        const char *gap = strstr(line, "  ");
        const size_t length = gap ? (size_t)(gap - line) : strlen(line);
        const bool is_eta = strncmp(line, "ETA ", 4) == 0;
        snprintf(is_eta ? eta : fields[n], PART, "%.*s", (int)(length < PART ? length : PART - 1),
                 line);
        n += !is_eta;
        line += length;
    }
    return n;
}

/* Shows the step and its ETA, the plan's ETA, and as many fields of the step's last line as fit. */
static void show(void *context, const char *line)
{
    plan_job *job = context;
    char fields[PARTS][PART], eta[PART], head[PART], of_plan[PART], time[32];
    const char *parts[PARTS + 3];
    size_t n = 0;
    if (!cli_live_due(&job->live))
        return;
    char *name = name_of(job, &job->steps[job->current]);
    const double left = seconds_left(job, job->current, cli_seconds() - job->began);
    const size_t n_fields = fields_of(line, fields, PARTS, eta);
    snprintf(head, PART, "[%zu/%zu] %s %s", job->current + 1, job->n_steps,
             doing[job->steps[job->current].kind], name);
    snprintf(of_plan, PART, "plan's ETA %s", cli_duration(left, time));
    free(name);
    parts[n++] = head;
    if (*eta)
        parts[n++] = eta;
    if (isfinite(left))
        parts[n++] = of_plan;
    for (size_t i = 0; i < n_fields; i++)
        parts[n++] = fields[i];
    cli_live_show(&job->live, parts, n);
}

static void print_done(plan_job *job, const plan_step *s, double seconds)
{
    char took[32], left[32], *name = name_of(job, s);
    const int digits = snprintf(NULL, 0, "%zu", job->n_steps);
    /* what other ranks have done is not known */
    const double eta = cli_ranks() ? NAN : seconds_left(job, job->current + 1, 0);
    const bool shown = isfinite(eta) && job->current + 1 < job->n_steps;
    cli_ranks_note(false, "[%*zu/%zu] %s %s in %s%s%s", digits, job->current + 1, job->n_steps,
                   name, done_words[s->kind], cli_duration(seconds, took),
                   shown ? ", plan's ETA " : "", shown ? cli_duration(eta, left) : "");
    free(name);
}

/* The last lines of a log: the message of a step that failed, and what to do. The caller frees the
 * text. */
static char *end_of(const char *log)
{
    enum { LINES = 4 };
    char *lines[LINES] = {NULL}, *line = NULL, *text = cli_text("%s", "");
    size_t size = 0, n = 0;
    FILE *file = gki_file_open(log);
    while (file && getline(&line, &size, file) > 0) {
        free(lines[n % LINES]);
        line[strcspn(line, "\n")] = '\0';
        lines[n++ % LINES] = cli_text("%s", line);
    }
    for (size_t i = n; i < n + LINES; i++)
        if (lines[i % LINES]) {
            char *longer = cli_text("%s\n  %s", text, lines[i % LINES]);
            free(text);
            text = longer;
        }
    for (size_t i = 0; i < LINES; i++)
        free(lines[i]);
    if (file)
        fclose(file);
    free(line);
    return text;
}

/* --- A step --------------------------------------------------------------- */

/* Removes a fitted model that does not match the plan. It is an error if a trained run is in its
 * place. */
static int clear_fit(const char *run)
{
    static const char *const trained[] = {"checkpoint.safetensors", "history.jsonl"};
    static const char *const made[] = {"model.safetensors", "config.ini", "base-fit.mark.json"};
    for (size_t i = 0; i < sizeof trained / sizeof *trained; i++) {
        char *path = cli_text("%s/%s", run, trained[i]);
        const bool there = access(path, F_OK) == 0;
        const int code =
            there ? cli_error(CLI_CONFIG,
                              "%s: a trained run is in the folder of a fitted model; move it away",
                              path)
                  : CLI_OK;
        free(path);
        if (there)
            return code;
    }
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        char *path = cli_text("%s/%s", run, made[i]);
        const bool gone = unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR;
        const int code = gone ? CLI_OK : cli_error_errno(errno, "%s: cannot be removed", path);
        free(path);
        if (!gone)
            return code;
    }
    return CLI_OK;
}

/* Removes the figures of the model that the step replaces. Training does not know those of a
 * plan. */
static void forget_figures(const plan_job *job, const char *run)
{
    for (size_t e = 0; e < job->plan->n_evals; e++) {
        const char *const names[] = {job->plan->evals[e].figures, job->plan->evals[e].mark};
        for (size_t i = 0; i < 2; i++) {
            char *path = cli_text("%s/%s", run, names[i]);
            unlink(path);
            free(path);
        }
    }
}

static int mark(const plan_job *job, const plan_step *s)
{
    const uint64_t seed = job->plan->seeds[s->seed];
    if (s->kind == STEP_FIT)
        return plan_mark_fit(job->plan, job->folder, s->model, seed);
    if (s->kind == STEP_EVAL)
        return plan_mark_eval(job->plan, job->folder, s->model, seed, &job->plan->evals[s->eval]);
    return CLI_OK;
}

static int do_step(plan_job *job, const plan_step *s)
{
    char *run = plan_folder(job->folder, job->plan, s->model, job->plan->seeds[s->seed]),
         *log = cli_text("%s.log", run);
    plan_command words = plan_command_of(job, s, run);
    char *name = name_of(job, s);
    int code = s->kind == STEP_FIT ? clear_fit(run) : CLI_OK;
    job->began = cli_seconds();
    if (code == CLI_OK && s->kind != STEP_EVAL) {
        forget_figures(job, run);
        if (!s->resume)
            unlink(log); /* it belongs to the replaced model */
    }
    if (code == CLI_OK) {
        cli_live_start(&job->live, true);
        code = plan_run(words.words, log, show, job);
        cli_live_clear(&job->live);
    }
    const double seconds = cli_seconds() - job->began;
    if (code == CLI_OK)
        code = mark(job, s);
    if (code == CLI_OK) {
        plan_note_time(job, s->kind, seconds);
        print_done(job, s, seconds);
    } else if (!cli_stop) {
        *plan_failed(job, s) = s->kind != STEP_EVAL;
        char *end = end_of(log);
        cli_ranks_note(true, "%s: %s failed with exit code %d, see %s%s", name,
                       failed_words[s->kind], code, log, end);
        free(end);
    }
    plan_command_free(&words);
    free(name);
    free(run);
    free(log);
    return code;
}

/* Whether the model of a step has failed. */
static bool is_lost(const plan_job *job, const plan_step *s)
{
    const size_t from = job->plan->models[s->model].from;
    if (from != SIZE_MAX && job->failed[from * job->plan->n_seeds + s->seed])
        *plan_failed(job, s) = true;
    return *plan_failed(job, s);
}

/* Does the steps of a piece, or all of them for SIZE_MAX. */
static void do_piece(plan_job *job, size_t piece)
{
    for (job->current = 0; job->current < job->n_steps && !cli_stop; job->current++) {
        const plan_step *s = &job->steps[job->current];
        if ((piece != SIZE_MAX && s->piece != piece) || is_lost(job, s))
            continue;
        const int result = do_step(job, s);
        job->code = job->code ? job->code : result;
    }
}

/* --- Ranks ---------------------------------------------------------------- */

/* Gives all ranks the steps that rank 0 has listed, so that all have the same. */
static int share_steps(plan_job *job)
{
    gkv_dist *ranks = cli_ranks();
    int code = CLI_OK;
    CLI_CHECK(gkv_dist_broadcast(ranks, 0, sizeof job->n_steps, &job->n_steps));
    CLI_CHECK(gkv_dist_broadcast(ranks, 0, job->n_steps * sizeof *job->steps, job->steps));
    CLI_CHECK(gkv_dist_broadcast(ranks, 0, job->plan->n_models * job->plan->n_seeds, job->failed));
    CLI_CHECK(gkv_dist_broadcast(ranks, 0, sizeof job->code, &job->code));
done:
    return code;
}

/* The pieces of the steps, the most expensive first. The caller frees them. */
static plan_piece *list_pieces(const plan_job *job, size_t *n)
{
    plan_piece *pieces = cli_alloc(job->n_steps, sizeof *pieces);
    plan_cost *costs = plan_costs(job->plan);
    *n = 0;
    for (size_t i = 0; i < job->n_steps; i++) {
        const plan_step *s = &job->steps[i];
        size_t p = 0;
        while (p < *n && pieces[p].key != s->piece)
            p++;
        if (p == *n)
            pieces[(*n)++] = (plan_piece){s->piece, 0};
        pieces[p].cost += s->kind == STEP_EVAL ? costs[s->model].eval : costs[s->model].make;
    }
    free(costs);
    plan_sort_pieces(pieces, *n);
    return pieces;
}

/* Takes pieces while there are any. Each rank takes the next one when it is done with one. */
static int do_with_ranks(plan_job *job)
{
    size_t n = 0;
    uint64_t ticket = 0;
    plan_piece *pieces = NULL;
    int code = CLI_OK;
    CLI_TRY(share_steps(job));
    pieces = list_pieces(job, &n);
    for (;;) {
        CLI_CHECK(gkv_dist_next(cli_ranks(), &ticket));
        if (ticket >= n || cli_stop)
            break;
        do_piece(job, pieces[ticket].key);
    }
    if (cli_stop) /* the others are not asked: this rank ends, and so does the job */
        goto done;
    const int ranks = gkv_dist_size(cli_ranks());
    int *codes = cli_alloc((size_t)ranks, sizeof *codes);
    codes[gkv_dist_rank(cli_ranks())] = job->code;
    code = cli_check(gkv_dist_share(cli_ranks(), (size_t)ranks, 1, sizeof *codes, codes));
    for (int r = 0; r < ranks && code == CLI_OK && job->code == CLI_OK; r++)
        job->code = codes[r];
    free(codes);
done:
    free(pieces);
    return code;
}

/* --- The whole plan ------------------------------------------------------- */

int plan_do(const compare_plan *plan, const compare_arguments *arguments, const char *folder,
            int *of_steps)
{
    plan_job job = {
        .plan = plan,
        .arguments = arguments,
        .folder = folder,
        .steps = cli_alloc(plan->n_models * plan->n_seeds * (1 + plan->n_evals), sizeof *job.steps),
        .failed = cli_alloc(plan->n_models * plan->n_seeds, sizeof *job.failed)};
    int code = cli_check(gkv_dist_agree(cli_ranks(), gki_file_make_folder(folder)));
    setenv("GKVAE_MPI", "off", 1); /* each step is a process alone */
    if (code == CLI_OK) {
        cli_catch_signals();
        if (cli_ranks_first())
            plan_list_steps(&job);
        if (cli_ranks())
            code = do_with_ranks(&job);
        else
            do_piece(&job, SIZE_MAX);
    }
    if (cli_stop)
        job.code = 128 + (int)cli_stop;
    *of_steps = job.code;
    free(job.steps);
    free(job.failed);
    return code;
}
