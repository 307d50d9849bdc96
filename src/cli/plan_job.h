/* The steps of a plan that are to be done: their list, their commands, and how far they are. */
#ifndef GKV_CLI_PLAN_JOB_H
#define GKV_CLI_PLAN_JOB_H

#include "plan.h"

typedef enum plan_step_kind { STEP_TRAIN, STEP_FIT, STEP_EVAL, STEP_KINDS } plan_step_kind;

typedef struct plan_step {
    plan_step_kind kind;
    size_t model, seed; /* indices */
    size_t eval;
    bool resume;
    size_t
        piece; /* the key of the steps that one process does: of the first one's model and seed */
} plan_step;

typedef struct plan_job {
    const compare_plan *plan;
    const compare_arguments *arguments;
    const char *folder;
    plan_step *steps;
    size_t n_steps, current;
    bool *failed; /* [model, seed]: its remaining steps are skipped */
    int code;     /* of the first step that failed */
    /* time of the finished steps of each kind */
    struct {
        double seconds;
        size_t n;
    } took[STEP_KINDS];
    double began; /* when the current step began */
    cli_live live;
} plan_job;

/* --- plan_list.c ---------------------------------------------------------- */

/* Lists the steps that are not finished, in job->steps, which has room for all; those of a shard
 * alone with --shard. Steps that cannot be done are in job->failed, and their code in job->code. */
void plan_list_steps(plan_job *job);

/* Whether the model of a step has failed. */
bool *plan_failed(const plan_job *job, const plan_step *s);

/* Adds the time of a finished step. */
void plan_note_time(plan_job *job, plan_step_kind kind, double seconds);

/* --- plan_command.c ------------------------------------------------------- */

/* The words of a command, with a NULL after them. Each word is allocated. */
typedef struct plan_command {
    char **words;
    size_t count;
} plan_command;

/* The command of a step, whose run is in this folder. */
plan_command plan_command_of(const plan_job *job, const plan_step *s, const char *run);
void plan_command_free(plan_command *command);

#endif
