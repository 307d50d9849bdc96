/* What the parts of gkvae compare share: runs with their figures, the rows that they make, and what is said of them. */
#ifndef GKV_CLI_COMPARE_H
#define GKV_CLI_COMPARE_H

#include <jansson.h>

#include "cli.h"

/* --- compare_columns.c: the figures that are known --------------------------------------------------- */

typedef enum compare_better { COMPARE_NEITHER, COMPARE_SMALLER, COMPARE_LARGER } compare_better;

typedef struct compare_column {
    char key[48];       /* in metrics.json */
    char error_key[56]; /* of its standard error over images or sets of draws, if the file has it */
    char heading[64];
    int places;         /* decimals */
    compare_better better;
    bool shown;         /* without being asked for */
    bool of_draws;      /* of generated images: an error is over sets of draws, not images */
} compare_column;

enum { COMPARE_COLUMNS = 160 };

/* All of them, in the order of a table; returns how many. */
size_t compare_columns_all(compare_column columns[COMPARE_COLUMNS]);

/* Those of a list such as "nll,mse", in its order; CLI_USAGE with the nearest key for one that is not known. */
int compare_columns_choose(const char *list, compare_column columns[COMPARE_COLUMNS], size_t *count);

/* --- compare_runs.c --------------------------------------------------------------------------------- */

typedef struct compare_run {
    char *folder;
    char *name;            /* the folder's, without what all have in common; a plan's: MODEL-SEED */
    uint64_t seed;         /* train.seed */
    gkv_settings settings; /* config.ini */
    bool fitted;           /* its base was fitted to codes of a model that had been trained with another */
    json_t *metrics;
} compare_run;

/* A line of the table: runs that differ in nothing but their seed. */
typedef struct compare_row {
    char *name;
    const compare_run **runs;
    size_t n_runs;
} compare_row;

typedef struct comparison {
    compare_run *runs;
    size_t n_runs;
    compare_row *rows;
    size_t n_rows;
    size_t against;          /* the row that the others' differences are from; SIZE_MAX: none */
    char *protocol, *generation_protocol, *dataset; /* that the runs have in common; NULL: none has one */
    compare_column known[COMPARE_COLUMNS];  /* all that some run has, … */
    size_t n_known;
    compare_column shown[COMPARE_COLUMNS];  /* … and those that are wanted */
    size_t n_shown;
    size_t measure;          /* of the column of differences: its place in `shown`; SIZE_MAX: none */
} comparison;

/* Reads FOLDER/config.ini and FOLDER/FIGURES. CLI_CONFIG if it is no run or was not evaluated yet. */
int compare_run_open(const char *folder, const char *figures, compare_run *run);

/* Names the runs and makes rows of them. */
void compare_rows_find(comparison *it);

/* Adds a row of these runs, which are the comparison's, and stay where they are. */
void compare_rows_add(comparison *it, const char *name, const compare_run *const *runs, size_t n);

/* CLI_CONFIG, with both runs and both protocols, unless all were measured alike; else notes the protocols. */
int compare_protocols(comparison *it);

/* Chooses the columns: those of `metrics`, or if it is NULL what runs have of those that are shown by default. */
int compare_choose(comparison *it, const char *metrics);

void compare_free(comparison *it);

/* --- same_model.c ---------------------------------------------------------------------------------------- */

/* The first key ("section.key") by which two configurations make different models, in `name`; true if there is
 * none. Where data are, threads and how a model is looked at make no difference, and unless it is asked for
 * the seed does not either. */
bool compare_same_model(const gkv_settings *one, const gkv_settings *other, bool of_one_seed, char name[64]);

/* --- compare_values.c --------------------------------------------------------------------------------------- */

/* A figure of a row, or a difference of two rows. What is not known is NaN. */
typedef struct compare_value {
    double mean, error;  /* and its standard error: … */
    size_t n;            /* over so many seeds, if there are two or more; of a difference, the seeds that both have */
    bool over_seeds;     /* … else, if this is false, over images, … */
    size_t sets;         /* … or over so many sets of draws, if this is not 0 */
} compare_value;

compare_value compare_value_of(const compare_row *row, const compare_column *column);

/* row − against: paired by seed if they share any (n > 0), else of their means (n = 0). */
compare_value compare_difference(const compare_row *row, const compare_row *against, const compare_column *column);

/* Half the width of a 95 % interval: by Student's t over seeds or sets of draws, by the normal distribution over images. */
double compare_half_width(const compare_value *value);

/* A number of a run's figures; NaN if there is none. */
double compare_number(const compare_run *run, const char *key);

/* --- compare_table.c ---------------------------------------------------------------------------------------- */

/* A table in words; freed by compare_words_free. */
typedef struct compare_words {
    char **cells;            /* (n_rows + 1) × n_columns: headings first */
    size_t n_rows, n_columns;
} compare_words;

/* Names, numbers of seeds, these columns and, if `differences` says so, how far the measure is from the reference's. */
compare_words compare_words_of(const comparison *it, const compare_column *columns, size_t n, bool differences);
void compare_words_free(compare_words *words);

/* What the numbers are, in a sentence or two; the caller frees it. */
char *compare_caption(const comparison *it);

/* On standard output. */
void compare_print(const comparison *it, const char *heading);

/* --- compare_files.c, compare_page.c ---------------------------------------------------------------------------- */

/* CLI_CONFIG if the folder is a run's: its page would be overwritten. */
int compare_check_out(const char *folder);

/* compare.csv and compare.json in the folder, which is made if need be. */
int compare_write(const comparison *it, const char *folder);

/* Pictures and index.html; `heading` and `text` are of the text at the page's end. */
int compare_page(const comparison *it, const char *folder, const char *title, const char *command, const char *heading,
                 const char *text);

/* --- compare_plan.c ------------------------------------------------------------------------------------------ */

typedef struct compare_arguments {
    const char *plan, *out, *against, *metrics, *seeds, *only, *data_folder;
    int threads;              /* 0: as it is by default */
    bool table;
    char **runs;
    size_t n_runs;
    const char *command;      /* the whole one, to be called again */
} compare_arguments;

int compare_by_plan(const compare_arguments *arguments);

#endif
