/* The steps of a plan that are to be done; declared in plan_job.h. */
#include "plan_job.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "gkvae/train.h"
#include "plan_shares.h"
#include "records.h"

bool *plan_failed(const plan_job *job, const plan_step *s)
{
    return &job->failed[s->model * job->plan->n_seeds + s->seed];
}

void plan_note_time(plan_job *job, plan_step_kind kind, double seconds)
{
    if (!isfinite(seconds))
        return;
    job->took[kind].seconds += seconds;
    job->took[kind].n++;
}

/* Notes the times of a finished run, so that the first step also has an ETA. */
static void note_times_of(plan_job *job, const char *run)
{
    char *path = cli_text("%s/metrics.json", run);
    json_t *metrics = NULL;
    double train, refits;
    json_error_t error;
    if (access(path, F_OK) == 0) /* an unknown time is none */
        (void)cli_json_read(path, 0, &metrics, &error);
    const json_t *seconds = json_object_get(metrics, "eval_seconds");
    if (gkv_train_times(run, &train, &refits) == GKV_OK)
        plan_note_time(job, STEP_TRAIN, train);
    plan_note_time(job, STEP_EVAL, json_is_number(seconds) ? json_number_value(seconds) : NAN);
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

/* Adds a step, which belongs to the piece that starts with a model. */
static void add_step(plan_job *job, plan_step s, size_t first_model)
{
    s.piece = first_model * job->plan->n_seeds + s.seed;
    job->steps[job->n_steps++] = s;
}

/* Adds the steps of a model for a seed. made[] marks the earlier models that will be trained or
 * fitted, and first[] has the model with which the piece of each begins. */
static int add_steps(plan_job *job, size_t model, size_t seed, bool *made, size_t *first)
{
    const compare_plan *plan = job->plan;
    const plan_model *planned = &plan->models[model];
    char *run = plan_folder(job->folder, plan, model, plan->seeds[seed]), *why = NULL;
    plan_need need = PLAN_NEW;
    const int code = plan_need_of(plan, job->folder, model, plan->seeds[seed], &need, &why);
    if (code != CLI_OK) { /* plan_need_of has reported it */
        job->code = job->code ? job->code : code;
        job->failed[model * plan->n_seeds + seed] = true;
    }
    const bool is_fit = planned->from != SIZE_MAX;
    if (is_fit && made[planned->from])
        need = PLAN_NEW;
    first[model] = is_fit && made[planned->from] ? first[planned->from] : model;
    made[model] = need != PLAN_READY;
    if (made[model])
        add_step(job,
                 (plan_step){.kind = is_fit ? STEP_FIT : STEP_TRAIN,
                             .model = model,
                             .seed = seed,
                             .resume = need == PLAN_RESUME},
                 first[model]);
    else
        note_times_of(job, run);
    if (why)
        fprintf(stderr, "gkvae: %s does not match the plan (%s) and is replaced\n", run, why);
    for (size_t e = 0; e < plan->n_evals && planned->wanted; e++)
        if (made[model] ||
            !plan_is_measured(plan, job->folder, model, plan->seeds[seed], &plan->evals[e]))
            add_step(job, (plan_step){.kind = STEP_EVAL, .model = model, .seed = seed, .eval = e},
                     first[model]);
    free(why);
    free(run);
    return code;
}

/* All models with the first seed come first, so that a first comparison is possible early. A shard
 * has its own steps alone. */
void plan_list_steps(plan_job *job)
{
    const compare_plan *plan = job->plan;
    const compare_arguments *a = job->arguments;
    bool *needed = needed_models(plan), *made = cli_alloc(plan->n_models, sizeof *made);
    size_t *first = cli_alloc(plan->n_models, sizeof *first), runs = 0;
    size_t *shard_of = a->shards > 0 ? plan_shards(plan, needed, a->shards) : NULL;
    for (size_t s = 0; s < plan->n_seeds; s++)
        for (size_t m = 0; m < plan->n_models; m++)
            if (needed[m] && (!shard_of || shard_of[m * plan->n_seeds + s] == a->shard - 1)) {
                runs++;
                (void)add_steps(job, m, s, made, first);
            }
    fprintf(stderr, "%s: %zu runs, %zu steps to do\n", plan->name, runs, job->n_steps);
    free(needed);
    free(made);
    free(first);
    free(shard_of);
}
