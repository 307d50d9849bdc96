/* The columns of a table before a fit: checks, resolutions, atoms, and values in the place of
 * intervals. */
#ifndef GKV_DENSITY_TABLE_COLUMNS_H
#define GKV_DENSITY_TABLE_COLUMNS_H

#include "density/margin.h"

typedef struct gki_table_columns {
    size_t n, d;
    const double *x, *lower, *upper; /* [n × d] of the caller; the last two may be NULL */
    double *column, *spread; /* [d × n], the values column by column; `spread` may be `column` */
    double *low, *high;      /* [d × n], or NULL */
    double *resolution;      /* [d] ≥ 0 */
    bool *by_intervals;      /* [d] whether the column has intervals */
    gkv_density_margin_info *info; /* [d] of the caller: resolution, atom, intervals */
} gki_table_columns;

/* Checks the values and fills the arrays. Rounded values are spread uniformly over their intervals,
 * values within intervals by a g-and-k fit, and equal values of a continuous column over a small
 * range around them. GKV_ERR_DATA. The caller frees the contents, also after an error. */
gkv_status gki_table_columns_begin(const gkv_density_settings *settings, size_t n, size_t d,
                                   const double *x, gkv_density_margin_info *info, int threads,
                                   gki_table_columns *out);
void gki_table_columns_end(gki_table_columns *columns);

/* Refuses constant columns, columns that are equal or increasing or decreasing functions of each
 * other, and columns that are linear functions of others. GKV_ERR_DATA. */
gkv_status gki_table_columns_check(const gki_table_columns *columns, const char *const *names);

/* The name of column j in messages: its name, or "x1" and so on. */
enum { GKV_COLUMN_TEXT = 128 };
const char *gki_column_text(char text[GKV_COLUMN_TEXT], const char *const *names, size_t j);

/* Copies the values of the rows which[count] of column j to memory[4·count]; NULL stands for all
 * rows. */
gki_column gki_table_columns_take(const gki_table_columns *columns, size_t j, size_t count,
                                  const uint32_t *which, double *memory);

#endif
