/* A fit of one column, and how it is shown. */
#ifndef GKV_CLI_FIT_H
#define GKV_CLI_FIT_H

#include "cli.h"
#include "gkvae/gk_fit.h"

typedef struct cli_fit_row {
    const char *name;
    double *sorted; /* the column, ascending; owned by the row */
    size_t n;
    bool full;      /* all of the result holds; else gk, log-likelihood and AIC alone */
    gkv_gk_fit_result result;
} cli_fit_row;

/* One histogram with density and QQ plot, with 95% bands by the delta method; or a page
 * of two to six of them. */
int cli_fit_picture(const cli_fit_row *rows, size_t n_rows, const char *path);

#endif
