/* A plan of gkvae compare: its models, their seeds, and how they are evaluated
 * (docs/compare.md). */
#ifndef GKV_CLI_PLAN_H
#define GKV_CLI_PLAN_H

#include "cli_compare.h"

/* "key = value", and its line. */
typedef struct plan_setting {
    char *key, *value;
    int line;
} plan_setting;

typedef struct plan_model {
    char *name;
    int line;
    plan_setting *settings; /* keys are section.key for a trained model, fit.… for a fitted one */
    size_t n_settings;
    /* index of the model to whose codes the base is fitted; SIZE_MAX: this model is trained */
    size_t from;
    gkv_settings expected; /* the settings that its config.ini must have, except for the seed */
    bool wanted;           /* the model is evaluated and shown in the table */
} plan_model;

typedef struct plan_eval {
    char *name;   /* "" for `eval = …` */
    char **words; /* its options */
    size_t n_words;
    int line;
    /* files in a run's folder: metrics.json or metrics-of.NAME.json, and the record of how it was
     * made */
    char *figures, *mark;
} plan_eval;

typedef struct compare_plan {
    const char *path;
    char *name;        /* the file's, without folder and ending */
    char *text;        /* the whole file */
    char *config;      /* path of the configuration; NULL: the defaults */
    plan_setting *all; /* settings of all trained models */
    size_t n_all;
    uint64_t *seeds;
    size_t n_seeds;
    char *against; /* a model's name, or NULL */
    int against_line;
    plan_eval *evals;
    size_t n_evals;
    plan_model *models;
    size_t n_models;
} compare_plan;

/* --- plan_read.c ---------------------------------------------------------- */

/* Reads and checks the whole plan: every setting, option and name. CLI_CONFIG, CLI_IO. plan_free
 * frees *out, also after a failure. */
int plan_read(const char *path, compare_plan *out);
void plan_free(compare_plan *plan);

/* Parses "1-3" or "1,5-7". Frees *seeds and allocates it anew. `where` is named in messages. */
int plan_seeds(const char *text, const char *where, uint64_t **seeds, size_t *n);

/* Finds the index of a model by its name; CLI_CONFIG, with the nearest name, if there is none. */
int plan_find(const compare_plan *plan, const char *name, const char *where, size_t *index);

/* --- plan_models.c -------------------------------------------------------- */

/* A section [model NAME]. {KEY} in its name stands for each value of that key. */
typedef struct plan_section {
    const char *name;
    int line;
    plan_setting *settings;
    size_t n_settings;
    size_t first, count; /* the models that it defines */
} plan_section;

/* Adds the models of a section to the plan. `from` may name an earlier section. */
int plan_expand(compare_plan *plan, plan_section *section, const plan_section *earlier,
                size_t n_earlier);

/* The words of a text, with a NULL after them. The caller frees each word and the array. */
char **plan_words(const char *text, size_t *n);

/* Fills in the expected settings of each model, and refuses invalid settings, fits and options. */
int plan_check(compare_plan *plan);

/* The option of gkvae base fit that "fit.KEY" stands for, as in "--components"; NULL if there is
 * none. */
const char *plan_fit_option(const char *key);

/* --- plan_run.c ----------------------------------------------------------- */

/* What a run's model needs. */
typedef enum plan_need {
    PLAN_READY, /* it is finished and needs nothing */
    PLAN_NEW,   /* it must be trained or fitted; an existing run is replaced */
    PLAN_RESUME /* its training must continue from its checkpoint */
} plan_need;

/* FOLDER/MODEL-SEED; the caller frees it. */
char *plan_folder(const char *folder, const compare_plan *plan, size_t model, uint64_t seed);

/* Setting i of [eval] in the plan's configuration: "eval.KEY" and its value; false after the last.
 * Every evaluation gets all of them, and its mark records them. */
bool plan_eval_setting(const compare_plan *plan, size_t model, size_t i, char key[64],
                       char value[GKV_PATH_SIZE]);

/* Finds what the model with this seed needs. If an existing run does not match the plan, *why
 * describes the difference (the caller frees it); otherwise it is NULL. */
int plan_need_of(const compare_plan *plan, const char *folder, size_t model, uint64_t seed,
                 plan_need *need, char **why);

/* Whether the figures of an evaluation exist and belong to this model, these options and this
 * version of gkvae. */
bool plan_is_measured(const compare_plan *plan, const char *folder, size_t model, uint64_t seed,
                      const plan_eval *eval);

/* Record the result of a step and its input. */
int plan_mark_fit(const compare_plan *plan, const char *folder, size_t model, uint64_t seed);
int plan_mark_eval(const compare_plan *plan, const char *folder, size_t model, uint64_t seed,
                   const plan_eval *eval);

/* Runs the program as a child with these words, which begin with its name and end with NULL. Its
 * output is appended to the file `log`. `show` is called now and then with the last line of output.
 * Returns the exit code of the child, or 128 plus the number of the signal that ended it. Signals
 * to this process are passed on to the child. */
int plan_run(char *const *words, const char *log, void (*show)(void *context, const char *line),
             void *context);

/* --- plan_steps.c --------------------------------------------------------- */

/* Does the steps that are not finished. *of_steps is CLI_OK, the code of the first step that
 * failed, or 128 plus the number of a signal; all ranks have the same unless a signal came. Returns
 * the code of any other failure, after which a rank must leave: the others may not have it. */
int plan_do(const compare_plan *plan, const compare_arguments *arguments, const char *folder,
            int *of_steps);

#endif
