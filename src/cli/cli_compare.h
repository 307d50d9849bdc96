/* Declarations for the files of gkvae compare: runs with their figures, the rows of the table, and
 * their output. */
#ifndef GKV_CLI_COMPARE_H
#define GKV_CLI_COMPARE_H

#include <jansson.h>

#include "cli.h"

/* --- compare_columns.c: the known figures --------------------------------- */

typedef enum compare_better { COMPARE_NEITHER, COMPARE_SMALLER, COMPARE_LARGER } compare_better;

typedef struct compare_column {
    char key[48];       /* in metrics.json */
    char error_key[56]; /* of its standard error over images or sets of draws, if the file has it */
    char heading[64];
    int places; /* decimals */
    compare_better better;
    bool shown;    /* shown by default */
    bool of_draws; /* of generated images: an error is over sets of draws, not images */
} compare_column;

enum { COMPARE_COLUMNS = 256 };

/* All known figures, in the order of a table; returns their number. */
size_t compare_columns_all(compare_column columns[COMPARE_COLUMNS]);

/* The figures of a list such as "nll,mse", in its order. CLI_USAGE, with the nearest key, for an
 * unknown key. */
int compare_columns_choose(const char *list, compare_column columns[COMPARE_COLUMNS],
                           size_t *count);

/* --- compare_runs.c ------------------------------------------------------- */

typedef struct compare_run {
    char *folder;
    /* the folder, without the common leading folders of all runs; for a plan, MODEL-SEED */
    char *name;
    uint64_t seed;         /* train.seed */
    gkv_settings settings; /* config.ini */
    /* its base was fitted after training, to codes of a model with another base */
    bool fitted;
    json_t *metrics;
} compare_run;

/* A line of the table: runs that differ only in their seed. */
typedef struct compare_row {
    char *name;
    const compare_run **runs;
    size_t n_runs;
} compare_row;

typedef struct model_comparison {
    compare_run *runs;
    size_t n_runs;
    compare_row *rows;
    size_t n_rows;
    size_t against; /* the row that differences are taken from; SIZE_MAX: none */
    /* common to all runs that have one; NULL: none has one */
    char *protocol, *generation_protocol, *dataset;
    compare_column known[COMPARE_COLUMNS]; /* all figures that some run has */
    size_t n_known;
    compare_column shown[COMPARE_COLUMNS]; /* the columns of the table */
    size_t n_shown;
    /* the figure of the differences, as its index in `shown`; SIZE_MAX: none */
    size_t measure;
} model_comparison;

/* Reads FOLDER/config.ini and FOLDER/FIGURES. CLI_CONFIG if the folder is not a run or has no such
 * figures. */
int compare_run_open(const char *folder, const char *figures, compare_run *run);

/* Names the runs and groups them into rows. */
void compare_rows_find(model_comparison *comparison);

/* Adds a row of these runs. It keeps pointers to them, so they must be in comparison->runs and must
 * not move. */
void compare_rows_add(model_comparison *comparison, const char *name,
                      const compare_run *const *runs, size_t n);

/* Notes the protocols. CLI_CONFIG, with both runs and both protocols, if two runs were measured
 * differently. */
int compare_protocols(model_comparison *comparison);

/* Chooses the columns: those of `metrics`; or, if it is NULL, the default ones that some run
 * has. */
int compare_choose(model_comparison *comparison, const char *metrics);

void compare_free(model_comparison *comparison);

/* --- compare_runs.c ------------------------------------------------------- */

/* Whether two configurations make the same model; if not, `name` is the first key ("section.key")
 * that differs. data.folder, train.threads and [eval] are ignored, and so is train.seed unless
 * of_one_seed is true. */
bool compare_same_model(const gkv_settings *one, const gkv_settings *other, bool of_one_seed,
                        char name[64]);

/* --- compare_columns.c ---------------------------------------------------- */

/* A figure of a row, or the difference of two rows. Unknown values are NaN. */
typedef struct compare_value {
    double mean, error; /* the mean and its standard error */
    /* the number of seeds; for a difference, of the seeds that both rows have */
    size_t n;
    /* whether the error is over seeds; if not, it is over images or sets of draws */
    bool over_seeds;
    /* the number of sets of draws that the error is over; 0 for an error over images */
    size_t sets;
} compare_value;

compare_value compare_value_of(const compare_row *row, const compare_column *column);

/* row − against: the mean of the differences of shared seeds (n > 0), or without any the difference
 * of the means (n = 0). */
compare_value compare_difference(const compare_row *row, const compare_row *against,
                                 const compare_column *column);

/* Half the width of a 95 % interval: by Student's t over seeds or sets of draws, by the normal
 * distribution over images. */
double compare_half_width(const compare_value *value);

/* A number of a run's figures; NaN if there is none. */
double compare_number(const compare_run *run, const char *key);

/* --- compare_table.c ------------------------------------------------------ */

/* A table of texts; freed by compare_words_free. */
typedef struct compare_words {
    char **cells; /* (n_rows + 1) × n_columns: headings first */
    size_t n_rows, n_columns;
} compare_words;

/* Names, numbers of seeds, these columns, and if `differences` is true the column of
 * differences. */
compare_words compare_words_of(const model_comparison *comparison, const compare_column *columns,
                               size_t n, bool differences);
void compare_words_free(compare_words *words);

/* A sentence or two that explain the numbers; the caller frees it. */
char *compare_caption(const model_comparison *comparison);

/* Prints the table. */
void compare_print(const model_comparison *comparison, const char *heading);

/* --- compare_table.c, compare_page.c -------------------------------------- */

/* CLI_CONFIG if the folder is a run folder, whose page would be overwritten. */
int compare_check_out(const char *folder);

/* Writes compare.csv and compare.json to the folder, which is created if necessary. */
int compare_write(const model_comparison *comparison, const char *folder);

/* Writes pictures and index.html. The page ends with `text` under `heading`. */
int compare_page(const model_comparison *comparison, const char *folder, const char *title,
                 const char *command, const char *heading, const char *text);

/* --- cli_compare.c -------------------------------------------------------- */

typedef struct compare_arguments {
    const char *plan, *out, *against, *metrics, *seeds, *only, *data_folder;
    int threads; /* 0: the default */
    /* --shard: shard 1 … shards; 0 shards: all of the plan */
    size_t shard, shards;
    bool table;
    char **runs;
    size_t n_runs;
    const char *command; /* the whole command line */
} compare_arguments;

#endif
