#include <math.h>

#include "gk/batch.h"
#include "gk/sample.h"

double gkv_gk_log_likelihood(const gkv_gk *gk, const double *x, size_t n)
{
    enum { CHUNK = 512 };
    const gkv_gk_columns_d column = {&gk->a, &gk->b, &gk->g, &gk->k, gk->c};
    double z[CHUNK], log_dq[CHUNK], total = 0.0;
    for (size_t i = 0; i < n; i += CHUNK) {
        const size_t count = n - i < CHUNK ? n - i : CHUNK;
        gkv_gk_batch_inverse_d(count, 1, &column, x + i, z, log_dq, NULL, NULL);
        double sum = 0.0;
        for (size_t j = 0; j < count; j++)
            sum -= 0.5 * z[j] * z[j] + log_dq[j];
        total += sum;
    }
    return total - (double)n * GKV_HALF_LOG_2PI;
}
