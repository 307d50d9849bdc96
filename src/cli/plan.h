/* A plan of gkvae compare: which models, from which seeds, and how they are measured (docs/compare.md). */
#ifndef GKV_CLI_PLAN_H
#define GKV_CLI_PLAN_H

#include "compare.h"

/* "key = value", and where it stands. */
typedef struct plan_setting {
    char *key, *value;
    int line;
} plan_setting;

typedef struct plan_model {
    char *name;
    int line;
    plan_setting *settings;  /* of a trained model section.key; of a fitted one fit.… */
    size_t n_settings;
    size_t from;             /* the place of the model whose base is fitted anew; SIZE_MAX: it is trained */
    gkv_settings expected;   /* what its config.ini has to say, but for the seed */
    bool wanted;             /* to be measured, and in the table */
} plan_model;

typedef struct plan_eval {
    char *name;              /* "" for the one of `eval = …` */
    char **words;            /* its options */
    size_t n_words;
    int line;
    char *figures, *mark;    /* files in a run's folder: metrics.json, or metrics-of.NAME.json; and their mark */
} plan_eval;

typedef struct compare_plan {
    const char *path;
    char *name;              /* the file's, without folder and ending */
    char *text;              /* the whole file */
    char *config;            /* path of the configuration; NULL: the defaults */
    plan_setting *all;       /* settings of all trained models */
    size_t n_all;
    uint64_t *seeds;
    size_t n_seeds;
    char *against;           /* a model's name, or NULL */
    int against_line;
    plan_eval *evals;
    size_t n_evals;
    plan_model *models;
    size_t n_models;
} compare_plan;

/* --- plan_read.c ------------------------------------------------------------------------------------- */

/* Reads and checks the whole plan: every setting, option and name. CLI_CONFIG, CLI_IO. *out is freed by plan_free,
 * also after a failure. */
int plan_read(const char *path, compare_plan *out);
void plan_free(compare_plan *it);

/* "1-3" or "1,5-7", in *seeds of its own; `where` is named in messages. */
int plan_seeds(const char *text, const char *where, uint64_t **seeds, size_t *n);

/* The place of a model, or CLI_CONFIG with the nearest name. */
int plan_find(const compare_plan *it, const char *name, const char *where, size_t *place);

/* --- plan_expand.c ------------------------------------------------------------------------------------- */

/* A section [model NAME], in whose name {KEY} stands for each of the key's values. */
typedef struct plan_section {
    const char *name;
    int line;
    plan_setting *settings;
    size_t n_settings;
    size_t first, count;     /* the models that were made of it */
} plan_section;

/* Adds the models of a section to the plan; earlier sections are what `from` may name. */
int plan_expand(compare_plan *it, plan_section *section, const plan_section *earlier, size_t n_earlier);

/* Words between blanks, with room for a NULL behind them; each and the array are the caller's. */
char **plan_words(const char *text, size_t *n);

/* --- plan_check.c --------------------------------------------------------------------------------------- */

/* Fills in what each model is to be, and refuses settings, fits and options that cannot be. */
int plan_check(compare_plan *it);

/* The option of gkvae base fit that "fit.KEY" stands for, as in "--components"; NULL if there is none. */
const char *plan_fit_option(const char *key);

/* --- plan_state.c ---------------------------------------------------------------------------------------- */

/* What is to be done for a run's model. */
typedef enum plan_need {
    PLAN_READY,   /* nothing */
    PLAN_NEW,     /* to be trained or fitted; what is there is replaced */
    PLAN_RESUME   /* training goes on */
} plan_need;

/* FOLDER/MODEL-SEED; the caller frees it. */
char *plan_folder(const char *folder, const compare_plan *it, size_t model, uint64_t seed);

/* Number i of the settings of [eval], as the plan's configuration has them: "eval.KEY" and its value; false behind the
 * last. An evaluation is given all of them, and its mark has them. */
bool plan_eval_setting(const compare_plan *it, size_t model, size_t i, char key[64], char value[GKV_PATH_SIZE]);

/* For a model from a seed: *need, and in *why a word on what is there but has to go, or NULL (the caller's). */
int plan_need_of(const compare_plan *it, const char *folder, size_t model, uint64_t seed, plan_need *need, char **why);

/* Whether an evaluation's figures are there and are those of this model, these options and this version. */
bool plan_is_measured(const compare_plan *it, const char *folder, size_t model, uint64_t seed, const plan_eval *eval);

/* Note what a step has just made, and of what. */
int plan_mark_fit(const compare_plan *it, const char *folder, size_t model, uint64_t seed);
int plan_mark_eval(const compare_plan *it, const char *folder, size_t model, uint64_t seed, const plan_eval *eval);

/* --- plan_process.c --------------------------------------------------------------------------------------- */

/* Runs the program with these words (without its own name, ended by NULL) as a child; all that it prints goes to the
 * file `log`, behind what is there. `show` is told the last line that it printed, now and then. Returns its exit code; 128 and the signal's number
 * if a signal ended it. Signals that this process gets are passed on to it. */
int plan_run(char *const *words, const char *log, void (*show)(void *context, const char *line), void *context);

/* --- plan_steps.c ------------------------------------------------------------------------------------------ */

/* Does what is not done. CLI_OK, the code of the first step that failed, or 128 and a signal's number. */
int plan_do(const compare_plan *it, const compare_arguments *arguments, const char *folder);

#endif
