/* Metrics of the class probabilities that a classifier assigns to a set of images. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkvae/generation_metrics.h"
#include "metrics/sets.h"

gkv_status gkv_class_metrics_of(size_t n, size_t classes, const float *probabilities,
                                double *histogram, gkv_class_metrics *out)
{
    GKV_NEED(probabilities);
    GKV_NEED(out);
    GKV_TRY(gki_unit_set_check("class metrics", "probabilities", probabilities, n, classes));
    double *fractions = NULL;
    GKV_TRY(gki_alloc(classes, sizeof *fractions, &fractions));
    gkv_class_metrics sums = {0};
    for (size_t i = 0; i < n; i++) {
        const float *const row = probabilities + i * classes;
        const size_t best = gki_most_probable(row, classes);
        fractions[best] += 1;
        sums.confidence += (double)row[best];
        sums.confident += (double)row[best] > 0.9;
    }
    for (size_t c = 0; c < classes; c++) {
        fractions[c] /= (double)n;
        if (fractions[c] > 0)
            sums.entropy -= fractions[c] * log(fractions[c]);
    }
    sums.confidence /= (double)n;
    sums.confident /= (double)n;
    sums.entropy = fmax(sums.entropy, 0); /* for one class the sum is −0 */
    if (histogram)
        memcpy(histogram, fractions, classes * sizeof *fractions);
    *out = sums;
    free(fractions);
    return GKV_OK;
}
