/* Q⁻¹ and log Q' of a component's margins from tables, for the fit of a mixture, which asks for them
 * once for every component, row and column: an exact inverse takes ten times as long.
 *
 * With y = (x − A)/B, intervals divide each octave of 1 + |y| into 32, so that an interval's
 * number is a few bits of that double, and the tails are as fine as the middle. On each
 * both functions are cubics with the right values and slopes at its ends, in float: log f is
 * right to about 1e-6. Values where this is not good enough (a sharp bend, the end of a bounded
 * support) or beyond the table are done exactly. */
#ifndef GKV_MGK_TABLE_H
#define GKV_MGK_TABLE_H

#include "mixture/rows.h"

/* Tables of all columns' margins. NULL in *out if there is nothing to gain: normal margins. */
gkv_status gkv_mgk_table_create(const gkv_mgk_columns *columns, int threads, gkv_mgk_table **out);
void gkv_mgk_table_free(gkv_mgk_table *table);

/* As gkv_mgk_inverse_rows. */
void gkv_mgk_table_inverse(const gkv_mgk_table *table, size_t rows, const double *x, double *z, double *log_dq);

#endif
