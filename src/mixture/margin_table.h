/* Tables of Q⁻¹ and log Q' of the margins of a component. The fit of a mixture evaluates them for
 * every component, row and column. An exact inverse takes ten times as long.
 *
 * Each octave of 1 + |y|, y = (x − A)/B, is divided into 32 intervals. The number of an interval
 * therefore consists of a few bits of the double 1 + |y|, and the relative resolution is the same
 * in the tails. On each interval both functions are cubic Hermite interpolants with float
 * coefficients, and log f has an error of about 1e-6. Where the error is larger (a strong
 * curvature, the end of a bounded support), and beyond the table, the functions are computed
 * exactly. */
#ifndef GKV_MIXTURE_MARGIN_TABLE_H
#define GKV_MIXTURE_MARGIN_TABLE_H

#include "mixture/rows.h"

/* Creates the tables of the margins of all columns. The caller frees *out with gki_mgk_table_free.
 * *out is NULL if all margins are normal, because they need no tables, and after an error. Returns
 * GKV_ERR_MEMORY. */
gkv_status gki_mgk_table_create(const gki_mgk_columns *columns, int threads, gki_mgk_table **out);

/* Frees the tables. `table` may be NULL. */
void gki_mgk_table_free(gki_mgk_table *table);

/* Computes z and log Q' [rows × d] of at most GKV_MGK_TILE rows of x, as gki_mgk_inverse_rows
 * does. */
void gki_mgk_table_inverse(const gki_mgk_table *table, size_t rows, const double *x, double *z,
                           double *log_dq);

#endif
