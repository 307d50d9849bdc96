/* The steps of a plan; declared in plan.h. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan.h"
#include "gkvae/eval.h"
#include "gkvae/train.h"
#include "app/inside.h"
#include "records.h"

typedef enum step_kind { STEP_TRAIN, STEP_FIT, STEP_EVAL, STEP_KINDS } step_kind;

typedef struct step {
    step_kind kind;
    size_t model, seed; /* indices */
    size_t eval;
    bool resume;
} step;

typedef struct job {
    const compare_plan *plan;
    const compare_arguments *arguments;
    const char *folder;
    step *steps;
    size_t n_steps, at;
    bool *failed; /* [model, seed]: its remaining steps are skipped */
    int code;     /* of the first step that failed */
    /* time of the finished steps of each kind */
    struct {
        double seconds;
        size_t n;
    } took[STEP_KINDS];
    double began; /* when the current step began */
    cli_live live;
} job;

static const char *const doing[STEP_KINDS] = {"training", "fitting", "evaluating"};
static const char *const done_words[STEP_KINDS] = {"trained", "fitted", "evaluated"};
static const char *const failed_words[STEP_KINDS] = {"training", "the fit", "the evaluation"};

static bool *failed_of(const job *it, const step *s)
{
    return &it->failed[s->model * it->plan->n_seeds + s->seed];
}

/* "MODEL-SEED", and an evaluation's name if it has one; the caller frees it. */
static char *name_of(const job *it, const step *s)
{
    const char *eval = s->kind == STEP_EVAL ? it->plan->evals[s->eval].name : "";
    return cli_text("%s-%" PRIu64 "%s%s%s", it->plan->models[s->model].name,
                    it->plan->seeds[s->seed], *eval ? " (" : "", eval, *eval ? ")" : "");
}

/* --- The steps to do ------------------------------------------------------ */

static void note_time(job *it, step_kind kind, double seconds)
{
    if (!isfinite(seconds))
        return;
    it->took[kind].seconds += seconds;
    it->took[kind].n++;
}

/* Notes the times of a finished run, so that the first step also has an ETA. */
static void note_times_of(job *it, const char *run)
{
    char *path = cli_text("%s/metrics.json", run);
    json_t *metrics = NULL;
    double train, refits;
    json_error_t error;
    if (access(path, F_OK) == 0) /* an unknown time is none */
        (void)cli_json_read(path, 0, &metrics, &error);
    const json_t *seconds = json_object_get(metrics, "eval_seconds");
    if (gkv_train_times(run, &train, &refits) == GKV_OK)
        note_time(it, STEP_TRAIN, train);
    note_time(it, STEP_EVAL, json_is_number(seconds) ? json_number_value(seconds) : NAN);
    json_decref(metrics);
    free(path);
}

/* Which models are needed: the wanted ones, and those to whose codes their bases are fitted. */
static bool *needed_models(const compare_plan *plan)
{
    bool *needed = cli_alloc(plan->n_models, sizeof *needed);
    for (size_t m = plan->n_models; m-- > 0;) { /* a model comes after the one it is fitted to */
        needed[m] |= plan->models[m].wanted;
        if (needed[m] && plan->models[m].from != SIZE_MAX)
            needed[plan->models[m].from] = true;
    }
    return needed;
}

/* Adds the steps of a model for a seed. made[] marks the earlier models that will be trained or
 * fitted. */
static int add_steps(job *it, size_t model, size_t seed, bool *made)
{
    const compare_plan *plan = it->plan;
    const plan_model *its = &plan->models[model];
    char *run = plan_folder(it->folder, plan, model, plan->seeds[seed]), *why = NULL;
    plan_need need = PLAN_NEW;
    const int code = plan_need_of(plan, it->folder, model, plan->seeds[seed], &need, &why);
    if (code != CLI_OK) { /* plan_need_of has reported it */
        it->code = it->code ? it->code : code;
        it->failed[model * plan->n_seeds + seed] = true;
    }
    const bool is_fit = its->from != SIZE_MAX;
    if (is_fit && made[its->from])
        need = PLAN_NEW;
    made[model] = need != PLAN_READY;
    if (made[model])
        it->steps[it->n_steps++] = (step){.kind = is_fit ? STEP_FIT : STEP_TRAIN,
                                          .model = model,
                                          .seed = seed,
                                          .resume = need == PLAN_RESUME};
    else
        note_times_of(it, run);
    if (why)
        fprintf(stderr, "gkvae: %s does not match the plan (%s) and is replaced\n", run, why);
    for (size_t e = 0; e < plan->n_evals && its->wanted; e++)
        if (made[model] ||
            !plan_is_measured(plan, it->folder, model, plan->seeds[seed], &plan->evals[e]))
            it->steps[it->n_steps++] =
                (step){.kind = STEP_EVAL, .model = model, .seed = seed, .eval = e};
    free(why);
    free(run);
    return code;
}

/* All models with the first seed come first, so that a first comparison is possible early. */
static void list_steps(job *it)
{
    const compare_plan *plan = it->plan;
    bool *needed = needed_models(plan), *made = cli_alloc(plan->n_models, sizeof *made);
    size_t runs = 0;
    it->steps = cli_alloc(plan->n_models * plan->n_seeds * (1 + plan->n_evals), sizeof *it->steps);
    for (size_t s = 0; s < plan->n_seeds; s++)
        for (size_t m = 0; m < plan->n_models; m++)
            if (needed[m]) {
                runs++;
                (void)add_steps(it, m, s, made);
            }
    fprintf(stderr, "%s: %zu runs, %zu steps to do\n", plan->name, runs, it->n_steps);
    free(needed);
    free(made);
}

/* --- Commands ------------------------------------------------------------- */

/* The words of a command. Each word is allocated. */
typedef struct command {
    char **words;
    size_t count;
} command;

static void add_word(command *it, char *word)
{
    it->words[it->count++] = word;
}

static void add_option(command *it, const char *option, char *value)
{
    add_word(it, cli_text("%s", option));
    add_word(it, value);
}

static void command_free(command *it)
{
    for (size_t i = 0; i < it->count; i++)
        free(it->words[i]);
    free(it->words);
}

static void add_train(const job *it, const step *s, const char *run, command *words)
{
    const compare_plan *plan = it->plan;
    const plan_model *model = &plan->models[s->model];
    add_word(words, cli_text("train"));
    if (s->resume) {
        add_word(words, cli_text("--resume"));
    } else {
        if (plan->config)
            add_word(words, cli_text("%s", plan->config));
        for (size_t i = 0; i < plan->n_all; i++)
            add_option(words, "--set", cli_text("%s=%s", plan->all[i].key, plan->all[i].value));
        for (size_t i = 0; i < model->n_settings; i++)
            add_option(words, "--set",
                       cli_text("%s=%s", model->settings[i].key, model->settings[i].value));
        add_option(words, "--seed", cli_text("%" PRIu64, plan->seeds[s->seed]));
        char *config = cli_text("%s/config.ini", run);
        if (access(config, F_OK) == 0) /* a run that does not match the plan */
            add_word(words, cli_text("--overwrite"));
        free(config);
    }
    add_option(words, "--out", cli_text("%s", run));
    if (it->arguments->data_folder)
        add_option(words, "--set", cli_text("data.folder=%s", it->arguments->data_folder));
}

static void add_fit(const job *it, const step *s, const char *run, command *words)
{
    const plan_model *model = &it->plan->models[s->model];
    add_word(words, cli_text("base"));
    add_word(words, cli_text("fit"));
    add_word(words, plan_folder(it->folder, it->plan, model->from, it->plan->seeds[s->seed]));
    for (size_t i = 0; i < model->n_settings; i++)
        add_option(words, plan_fit_option(model->settings[i].key),
                   cli_text("%s", model->settings[i].value));
    add_option(words, "--out", cli_text("%s", run));
}

static void add_eval(const job *it, const step *s, const char *run, command *words)
{
    const plan_eval *eval = &it->plan->evals[s->eval];
    add_word(words, cli_text("eval"));
    add_word(words, cli_text("%s", run));
    char key[64], value[GKV_PATH_SIZE];
    /* they override config.ini */
    for (size_t i = 0; plan_eval_setting(it->plan, s->model, i, key, value); i++)
        add_option(words, "--set", cli_text("%s=%s", key, value));
    for (size_t i = 0; i < eval->n_words; i++)
        add_word(words, cli_text("%s", eval->words[i]));
    if (*eval->name)
        add_option(words, "--figures", cli_text("%s/%s", run, eval->figures));
    else
        add_word(words, cli_text("--no-pictures"));
}

static command command_of(const job *it, const step *s, const char *run)
{
    enum { OTHERS = 64 }; /* including the settings of [eval] */
    const compare_plan *plan = it->plan;
    const size_t most = 2 * (plan->n_all + plan->models[s->model].n_settings) +
                        plan->evals[s->eval].n_words + OTHERS;
    command words = {.words = cli_alloc(most, sizeof *words.words)};
    add_word(&words, cli_text("%s", cli_program));
    (s->kind == STEP_TRAIN ? add_train
     : s->kind == STEP_FIT ? add_fit
                           : add_eval)(it, s, run, &words);
    if (s->kind != STEP_TRAIN && it->arguments->data_folder)
        add_option(&words, "--data-folder", cli_text("%s", it->arguments->data_folder));
    if (it->arguments->threads > 0)
        add_option(&words, "--threads", cli_text("%d", it->arguments->threads));
    return words;
}

/* --- Progress ------------------------------------------------------------- */

/* The remaining time, from the mean times of finished steps; NaN until there is one of each kind
 * that remains. */
static double seconds_left(const job *it, size_t from, double of_first)
{
    double left = 0;
    for (size_t i = from; i < it->n_steps; i++) {
        const step *s = &it->steps[i];
        if (it->took[s->kind].n == 0)
            return NAN;
        const double mean = it->took[s->kind].seconds / (double)it->took[s->kind].n;
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
    job *it = context;
    char fields[PARTS][PART], eta[PART], head[PART], of_plan[PART], time[32];
    const char *parts[PARTS + 3];
    size_t n = 0;
    if (!cli_live_due(&it->live))
        return;
    char *name = name_of(it, &it->steps[it->at]);
    const double left = seconds_left(it, it->at, cli_seconds() - it->began);
    const size_t n_fields = fields_of(line, fields, PARTS, eta);
    snprintf(head, PART, "[%zu/%zu] %s %s", it->at + 1, it->n_steps, doing[it->steps[it->at].kind],
             name);
    snprintf(of_plan, PART, "plan's ETA %s", cli_duration(left, time));
    free(name);
    parts[n++] = head;
    if (*eta)
        parts[n++] = eta;
    if (isfinite(left))
        parts[n++] = of_plan;
    for (size_t i = 0; i < n_fields; i++)
        parts[n++] = fields[i];
    cli_live_show(&it->live, parts, n);
}

static void print_done(job *it, const step *s, double seconds)
{
    char took[32], left[32], *name = name_of(it, s);
    const int digits = snprintf(NULL, 0, "%zu", it->n_steps);
    const double eta = seconds_left(it, it->at + 1, 0);
    fprintf(stderr, "[%*zu/%zu] %s %s in %s", digits, it->at + 1, it->n_steps, name,
            done_words[s->kind], cli_duration(seconds, took));
    if (isfinite(eta) && it->at + 1 < it->n_steps)
        fprintf(stderr, ", plan's ETA %s", cli_duration(eta, left));
    fputc('\n', stderr);
    free(name);
}

/* Prints the last lines of a log: the message of a step that failed, and what to do. */
static void print_end(const char *log)
{
    enum { LINES = 4 };
    char *lines[LINES] = {NULL}, *line = NULL;
    size_t size = 0, n = 0;
    FILE *file = gki_file_open(log);
    while (file && getline(&line, &size, file) > 0) {
        free(lines[n % LINES]);
        lines[n++ % LINES] = cli_text("%s", line);
    }
    for (size_t i = n; i < n + LINES; i++)
        if (lines[i % LINES])
            fprintf(stderr, "  %s", lines[i % LINES]);
    for (size_t i = 0; i < LINES; i++)
        free(lines[i]);
    if (file)
        fclose(file);
    free(line);
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
                              "%s: a trained run is in the folder of a fitted model; move "
                              "it away",
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
static void forget_figures(const job *it, const char *run)
{
    for (size_t e = 0; e < it->plan->n_evals; e++) {
        const char *const names[] = {it->plan->evals[e].figures, it->plan->evals[e].mark};
        for (size_t i = 0; i < 2; i++) {
            char *path = cli_text("%s/%s", run, names[i]);
            unlink(path);
            free(path);
        }
    }
}

static int mark(const job *it, const step *s)
{
    const uint64_t seed = it->plan->seeds[s->seed];
    if (s->kind == STEP_FIT)
        return plan_mark_fit(it->plan, it->folder, s->model, seed);
    if (s->kind == STEP_EVAL)
        return plan_mark_eval(it->plan, it->folder, s->model, seed, &it->plan->evals[s->eval]);
    return CLI_OK;
}

static int do_step(job *it, const step *s)
{
    char *run = plan_folder(it->folder, it->plan, s->model, it->plan->seeds[s->seed]),
         *log = cli_text("%s.log", run);
    command words = command_of(it, s, run);
    char *name = name_of(it, s);
    int code = s->kind == STEP_FIT ? clear_fit(run) : CLI_OK;
    it->began = cli_seconds();
    if (code == CLI_OK && s->kind != STEP_EVAL) {
        forget_figures(it, run);
        if (!s->resume)
            unlink(log); /* it belongs to the replaced model */
    }
    if (code == CLI_OK) {
        cli_live_start(&it->live, true);
        code = plan_run(words.words, log, show, it);
        cli_live_clear(&it->live);
    }
    const double seconds = cli_seconds() - it->began;
    if (code == CLI_OK)
        code = mark(it, s);
    if (code == CLI_OK) {
        note_time(it, s->kind, seconds);
        print_done(it, s, seconds);
    } else if (!cli_stop) {
        *failed_of(it, s) = s->kind != STEP_EVAL;
        cli_error(code, "%s: %s failed with exit code %d, see %s", name, failed_words[s->kind],
                  code, log);
        print_end(log);
    }
    command_free(&words);
    free(name);
    free(run);
    free(log);
    return code;
}

/* Whether the model of a step has failed. */
static bool is_lost(const job *it, const step *s)
{
    const size_t from = it->plan->models[s->model].from;
    if (from != SIZE_MAX && it->failed[from * it->plan->n_seeds + s->seed])
        *failed_of(it, s) = true;
    return *failed_of(it, s);
}

int plan_do(const compare_plan *plan, const compare_arguments *arguments, const char *folder)
{
    job it = {.plan = plan,
              .arguments = arguments,
              .folder = folder,
              .failed = cli_alloc(plan->n_models * plan->n_seeds, sizeof *it.failed)};
    int code = cli_check(gki_file_make_folder(folder));
    if (code == CLI_OK) {
        cli_catch_signals();
        list_steps(&it);
    }
    for (it.at = 0; it.at < it.n_steps && code == CLI_OK && !cli_stop; it.at++) {
        if (is_lost(&it, &it.steps[it.at]))
            continue;
        const int its = do_step(&it, &it.steps[it.at]);
        it.code = it.code ? it.code : its;
    }
    if (cli_stop)
        it.code = 128 + (int)cli_stop;
    code = code ? code : it.code;
    free(it.steps);
    free(it.failed);
    return code;
}
