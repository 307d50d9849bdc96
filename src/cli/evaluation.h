/* The files that an evaluation writes to a run folder. */
#ifndef GKV_CLI_EVALUATION_H
#define GKV_CLI_EVALUATION_H

#include <jansson.h>

#include "cli.h"
#include "texts.h"
#include "gkvae/eval.h"
#include "core/file.h"
#include "app/plot.h"

typedef struct cli_evaluation {
    const char *folder;
    const cli_run *run;
    const gkv_metrics *metrics;
    const gkv_dataset *training; /* NULL unless generation was measured */
    bool latent, base, reconstructions, interpolations, curves; /* whether these pictures exist */
    bool labelled;                                              /* the test images have labels */
    bool of_all_classes;     /* reconstructed images are of all classes */
    size_t samples, nearest; /* number of draws in these pictures */
    size_t codes;            /* number of test images in the pictures of codes */
    double explained[2];     /* fractions of the variance that the axes of latent.png explain */
    uint64_t sample_seed;
    const char *command;
    char *curves_data[2]; /* the numbers of curves.png and terms.png as JSON, or NULL */
    char *pictures;       /* the folder of the pictures while they are drawn, and its lock */
    gki_lock *lock;
} cli_evaluation;

/* Removes the files of an earlier evaluation of test images from the folder; if `others` is true,
 * also those of other images. */
void cli_evaluation_remove(const char *folder, bool others);

/* The path of the first of these files that exists, which the caller frees; NULL if none exists. */
char *cli_evaluation_find(const char *folder);

/* Draws all pictures into the folder, and notes which of them exist. Ends early, with the
 * code of an interruption, when cli_stop is set. */
int cli_evaluation_draw(cli_evaluation *evaluation, const gkv_dataset *test);

/* Makes and locks the folder FOLDER/.gkvae-eval-N, in which the pictures wait until all of them are
 * in the page: training in FOLDER removes the pictures of older models. What a killed evaluation
 * left there is removed. */
int cli_evaluation_begin(cli_evaluation *evaluation);

/* The path of a picture there. The caller frees the result. */
char *cli_evaluation_picture(const cli_evaluation *evaluation, const char *name);

/* Moves the pictures to FOLDER if `keep` is true, and removes the folder in which they were. Also
 * after cli_evaluation_begin() has failed. */
int cli_evaluation_end(cli_evaluation *evaluation, bool keep);

/* The figures of the page, in its order; returns their number. The caller frees their captions and
 * paths. */
enum { CLI_FIGURES = 9 };
size_t cli_report_figures(const cli_evaluation *evaluation, gki_report_figure figures[CLI_FIGURES]);

/* The table of refits, of lines of refits.jsonl: rows that span the run, and the columns that this
 * kind of base has. No rows if there were none. `cells` keeps them and
 * the headings, `all` the texts. */
enum { CLI_REFIT_CELLS = (10 + 1) * 13 };
gki_report_table cli_report_refits(const json_t *refits, const char *cells[CLI_REFIT_CELLS],
                                   cli_texts *all);

/* Writes FOLDER/index.html. */
int cli_report(const cli_evaluation *evaluation);

#endif
