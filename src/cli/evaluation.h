/* What an evaluation leaves in a run folder. */
#ifndef GKV_CLI_EVALUATION_H
#define GKV_CLI_EVALUATION_H

#include "cli.h"
#include "gkvae/eval.h"
#include "gkvae/plot.h"

typedef struct cli_evaluation {
    const char *folder;
    const cli_run *run;
    const gkv_metrics *metrics;
    const gkv_dataset *training; /* NULL unless generation was measured */
    bool latent, base, reconstructions, interpolations, curves; /* which pictures there are */
    bool labelled;          /* the test images have labels */
    size_t codes;           /* how many test images the pictures of codes show */
    double explained[2];    /* of the two axes of latent.png */
    uint64_t sample_seed;
    const char *command;
} cli_evaluation;

/* Takes the files of an earlier evaluation out of the folder, as far as they are there; those of other
 * than test images too if that is asked for. */
void cli_evaluation_remove(const char *folder, bool others);

/* The path of the first of these files that is in the folder, to be freed; NULL if none is. */
char *cli_evaluation_find(const char *folder);

/* Draws all pictures into the folder and notes which there are. Ends early, with the
 * code of an interruption, when cli_stop is set. */
int cli_evaluation_draw(cli_evaluation *evaluation, const gkv_dataset *test);

/* The figures of the page, in its order: returns how many. Their captions and paths are
 * the caller's, to be freed. */
enum { CLI_FIGURES = 9 };
size_t cli_report_figures(const cli_evaluation *evaluation, gkv_report_figure figures[CLI_FIGURES]);

/* Writes FOLDER/index.html. */
int cli_report(const cli_evaluation *evaluation);

#endif
