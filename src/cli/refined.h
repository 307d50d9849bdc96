/* Refined inference on the command line. */
#ifndef GKV_CLI_REFINED_H
#define GKV_CLI_REFINED_H

#include "cli.h"
#include "gkvae/eval.h"
#include "gkvae/refine.h"

/* Parses "lm:T" or "lm:T:S", the value of --refine, to iterations and samples. Any other text is a
 * usage error. True if S is given. */
bool cli_refine_parse(struct argp_state *state, const char *text, gkv_refine_settings *settings);

/* A figure before and after refinement; `before` is NaN if it exists only after. */
typedef struct cli_refined_row {
    const char *name;
    double before, after;
    int places;
    const char *unit; /* "" for none */
} cli_refined_row;

/* Prints the rows as a table with this heading. */
void cli_refined_print(const char *heading, const cli_refined_row *rows, size_t n);

/* The rows of an evaluation; returns their number. */
enum { CLI_REFINED_ROWS = 14 };
size_t cli_refined_rows(const gkv_metrics *metrics, cli_refined_row rows[CLI_REFINED_ROWS]);

#endif
