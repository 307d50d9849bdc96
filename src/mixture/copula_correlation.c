/* The correlation matrix of normal scores, by itself. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkvae/mgk.h"
#include "mixture/scores.h"

gkv_status gkv_mgk_correlation(size_t n, size_t d, const double *x, const gkv_gk *margins, double shrink,
                               int threads, double *correlation, double *cholesky)
{
    if (d < 1 || n < 2 || !(shrink >= 0 && shrink <= 1))
        return gkv_fail(GKV_ERR_ARGUMENT, "normal scores need 2 rows, 1 column and a shrinkage in [0, 1], not %zu, %zu, %g",
                        n, d, shrink);
    GKV_TRY(gkv_mgk_check_margins(d, margins));
    for (size_t i = 0; i < n * d; i++)
        if (!isfinite(x[i]))
            return gkv_fail(GKV_ERR_DATA, "normal scores: row %zu, column %zu is %g", i / d + 1, i % d + 1, x[i]);
    const gkv_mgk_weighted_rows cases = {.n = n, .d = d, .x = x};
    gkv_mgk_columns columns = {0};
    gkv_mgk_scores scores = {0};
    double *factor = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_mgk_columns_create(d, margins, &columns));
    GKV_TRY_GOTO(gkv_alloc(d, d * sizeof *factor, &factor));
    GKV_TRY_GOTO(gkv_mgk_scores_of(&cases, &columns, NULL, NULL, gkv_mgk_most_score((double)n), threads, &scores));
    gkv_mgk_scores_correlation(&scores, shrink, correlation, factor, NULL, NULL);
    if (cholesky)
        memcpy(cholesky, factor, d * d * sizeof *cholesky);
done:
    gkv_mgk_scores_free(&scores);
    gkv_mgk_columns_free(&columns);
    free(factor);
    return status;
}
