/* The figures of an evaluation in words: one list for the terminal and for the results page. */
#ifndef GKV_CLI_METRIC_ROWS_H
#define GKV_CLI_METRIC_ROWS_H

#include "gkvae/eval.h"

typedef struct cli_metric_row {
    const char *name;    /* on the page */
    const char *printed; /* on the terminal; NULL: the terminal does not show it */
    double value, se;    /* NaN: not known */
    int places;          /* digits after the decimal point */
    const char *unit;    /* on the terminal, after the value */
    const char *meaning; /* on the page: the unit and what is measured */
} cli_metric_row;

enum { CLI_METRIC_ROWS = 18 };

/* Writes the rows of figures that such a model of such images has, in the order in which they are
 * shown, and returns their number. The texts live as long as the program. */
size_t cli_metric_rows(const gkv_metrics *metrics, cli_metric_row rows[CLI_METRIC_ROWS]);

#endif
