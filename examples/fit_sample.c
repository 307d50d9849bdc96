/* Fits a g-and-k distribution to a sample, by least squares on quantiles and by maximum
 * likelihood. Here the sample is drawn from a known distribution, so that one sees whether
 * the intervals hold it. */
#include <stdio.h>
#include <stdlib.h>

#include <gkvae/gk.h>
#include <gkvae/gk_fit.h>

static void print(const char *method, const gkv_gk *truth, const gkv_gk_fit_result *fit)
{
    const double estimates[] = {fit->gk.a, fit->gk.b, fit->gk.g, fit->gk.k};
    const double truths[] = {truth->a, truth->b, truth->g, truth->k};
    printf("%s: log-likelihood %.2f, goodness of fit p = %.3f\n", method, fit->log_likelihood,
           fit->p_value);
    for (int i = 0; i < GKV_GK_PARAMETERS; i++)
        printf("  %c = %8.4f ± %.4f, 95%% from %8.4f to %8.4f; in truth %g\n", "ABgk"[i],
               estimates[i], fit -> se[i], fit -> low[i], fit -> high[i], truths[i]);
}

int main(void)
{
    enum { N = 5000 };
    const gkv_gk truth = {.a = 3, .b = 1, .g = 0.5, .k = 0.2, .c = 0.8};
    double *x = malloc(N * sizeof *x);
    if (!x)
        return 1;
    gkv_gk_random(&truth, N, 1, 0, x); /* seed 1, draws 0 … N − 1 */

    gkv_gk_fit_settings settings;
    gkv_gk_fit_result fit;
    gkv_gk_fit_defaults(&settings);
    if (gkv_gk_fit(N, x, &settings, &fit) != GKV_OK)
        goto failed;
    print("least squares on quantiles", &truth, &fit);
    settings.method = GKV_GK_MLE;
    if (gkv_gk_fit(N, x, &settings, &fit) != GKV_OK)
        goto failed;
    print("maximum likelihood", &truth, &fit);
    printf("P(X > 10) = %.3g, the value that one in a million exceeds: %.2f\n",
           gkv_gk_cdf_upper(&fit.gk, 10), gkv_gk_quantile_upper(&fit.gk, 1e-6));
    free(x);
    return 0;
failed:
    fprintf(stderr, "%s\n", gkv_error_message());
    free(x);
    return 1;
}
