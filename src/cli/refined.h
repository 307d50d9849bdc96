/* Refined inference on the command line. */
#ifndef GKV_CLI_REFINED_H
#define GKV_CLI_REFINED_H

#include "cli.h"
#include "gkvae/eval.h"
#include "gkvae/refine.h"

/* "lm:T" or "lm:T:S", as after --refine, to iterations and samples; a usage error unless it is one.
 * True if S is given. */
bool cli_refine_parse(struct argp_state *state, const char *text, gkv_refine_settings *settings);

/* A figure before and after; `before` is NaN where there is none. */
typedef struct cli_refined_row {
    const char *name;
    double before, after;
    int places;
    const char *unit; /* "" for none */
} cli_refined_row;

/* Prints rows under a heading of three columns. */
void cli_refined_print(const char *heading, const cli_refined_row *rows, size_t n);

/* Those of an evaluation: returns how many. */
enum { CLI_REFINED_ROWS = 12 };
size_t cli_refined_rows(const gkv_metrics *metrics, cli_refined_row rows[CLI_REFINED_ROWS]);

/* Prints what refined codes do for images chosen[n], and unless the path is NULL draws blocks of
 * `cols` of them: originals, what the decoder makes of the encoder's codes, and of the refined. */
int cli_reconstruct_refined(const cli_run *run, const gkv_dataset *images, const size_t *chosen, size_t n, size_t cols,
                            const gkv_refine_settings *settings, const char *path);

#endif
