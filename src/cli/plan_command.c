/* The commands of the steps of a plan; declared in plan_job.h. */
#include "plan_job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static void add_word(plan_command *command, char *word)
{
    command->words[command->count++] = word;
}

static void add_option(plan_command *command, const char *option, char *value)
{
    add_word(command, cli_text("%s", option));
    add_word(command, value);
}

void plan_command_free(plan_command *command)
{
    for (size_t i = 0; i < command->count; i++)
        free(command->words[i]);
    free(command->words);
}

static void add_train(const plan_job *job, const plan_step *s, const char *run, plan_command *words)
{
    const compare_plan *plan = job->plan;
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
    if (job->arguments->data_folder)
        add_option(words, "--set", cli_text("data.folder=%s", job->arguments->data_folder));
}

static void add_fit(const plan_job *job, const plan_step *s, const char *run, plan_command *words)
{
    const plan_model *model = &job->plan->models[s->model];
    add_word(words, cli_text("base"));
    add_word(words, cli_text("fit"));
    add_word(words, plan_folder(job->folder, job->plan, model->from, job->plan->seeds[s->seed]));
    for (size_t i = 0; i < model->n_settings; i++)
        add_option(words, plan_fit_option(model->settings[i].key),
                   cli_text("%s", model->settings[i].value));
    add_option(words, "--out", cli_text("%s", run));
}

static void add_eval(const plan_job *job, const plan_step *s, const char *run, plan_command *words)
{
    const plan_eval *eval = &job->plan->evals[s->eval];
    add_word(words, cli_text("eval"));
    add_word(words, cli_text("%s", run));
    char key[64], value[GKV_PATH_SIZE];
    /* they override config.ini */
    for (size_t i = 0; plan_eval_setting(job->plan, s->model, i, key, value); i++)
        add_option(words, "--set", cli_text("%s=%s", key, value));
    for (size_t i = 0; i < eval->n_words; i++)
        add_word(words, cli_text("%s", eval->words[i]));
    if (*eval->name)
        add_option(words, "--figures", cli_text("%s/%s", run, eval->figures));
    else
        add_word(words, cli_text("--no-pictures"));
}

plan_command plan_command_of(const plan_job *job, const plan_step *s, const char *run)
{
    enum { OTHERS = 64 }; /* including the settings of [eval] */
    const compare_plan *plan = job->plan;
    const size_t most = 2 * (plan->n_all + plan->models[s->model].n_settings) +
                        plan->evals[s->eval].n_words + OTHERS;
    plan_command words = {.words = cli_alloc(most, sizeof *words.words)};
    add_word(&words, cli_text("%s", cli_program));
    (s->kind == STEP_TRAIN ? add_train
     : s->kind == STEP_FIT ? add_fit
                           : add_eval)(job, s, run, &words);
    if (s->kind != STEP_TRAIN && job->arguments->data_folder)
        add_option(&words, "--data-folder", cli_text("%s", job->arguments->data_folder));
    const bool by_rank = cli_ranks() && plan->models[s->model].expected.train.threads == 0;
    if (job->arguments->threads > 0)
        add_option(&words, "--threads", cli_text("%d", job->arguments->threads));
    else if (by_rank)
        add_option(&words, "--threads", cli_text("%d", gkv_dist_processors(cli_ranks())));
    return words;
}
