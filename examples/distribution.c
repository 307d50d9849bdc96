/* Evaluates a g-and-k distribution: density, probabilities, quantiles; one value at a time, and
 * an array at once. */
#include <stdio.h>

#include <gkvae/gk.h>
#include <gkvae/gk_batch.h>

int main(void)
{
    const gkv_gk gk = {.a = 3, .b = 1, .g = 2, .k = 0.5, .c = 0.8};
    if (gkv_gk_check(&gk) != GKV_OK) { /* says what is wrong with parameters that are invalid */
        fprintf(stderr, "%s\n", gkv_error_message());
        return 1;
    }
    printf("%8s %12s %12s %12s\n", "x", "density", "P(X ≤ x)", "log P(X > x)");
    for (double x = 0; x <= 10; x += 2)
        printf("%8.2f %12.6g %12.6g %12.6g\n", x, gkv_gk_pdf(&gk, x), gkv_gk_cdf(&gk, x),
               gkv_gk_log_cdf_upper(&gk, x));
    printf("median %g, upper quartile %.6f, 99.9%% quantile %.6f\n", gkv_gk_quantile(&gk, 0.5),
           gkv_gk_quantile(&gk, 0.75), gkv_gk_quantile(&gk, 0.999));

    const double x[4] = {-1, 0, 5, 100};
    double log_pdf[4], cdf[4];
    if (gkv_gk_batch_x(&gk, 4, x, &(gkv_gk_at_x){.log_pdf = log_pdf, .cdf = cdf}) != GKV_OK) {
        fprintf(stderr, "%s\n", gkv_error_message());
        return 1;
    }
    for (int i = 0; i < 4; i++)
        printf("log f(%g) = %.12g, F = %.12g\n", x[i], log_pdf[i], cdf[i]);
    return 0;
}
