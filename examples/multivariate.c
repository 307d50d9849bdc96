/* Several dimensions: draws from a g-and-k distribution with correlated normal scores, fits it
 * back, and asks what one coordinate says of another. */
#include <stdio.h>
#include <stdlib.h>

#include <gkvae/mgk.h>
#include <gkvae/mgk_fit.h>

enum { N = 5000, D = 2 };

int main(void)
{
    const gkv_gk margins[D] = {{.a = 0, .b = 1, .g = 0.3, .k = 0.1, .c = 0.8},
                               {.a = 5, .b = 2, .g = -0.4, .k = 0.2, .c = 0.8}};
    const double correlation[D * D] = {1, 0.6, 0.6, 1};
    double *x = malloc(N * D * sizeof *x);
    gkv_mgk *truth = NULL, *fitted = NULL, *given = NULL;
    gkv_mgk_fit_result result = {.n = 0};
    int failed = 1;
    if (!x || gkv_mgk_create(D, margins, correlation, &truth) != GKV_OK ||
        gkv_mgk_sample(truth, N, 1, 0, NULL, x) != GKV_OK ||
        gkv_mgk_fit(N, D, x, NULL, NULL, NULL, &fitted, &result) != GKV_OK)
        goto done;
    for (int j = 0; j < D; j++)
        printf("margin %d: A = %.3f, B = %.3f, g = %.3f, k = %.3f\n", j, result.margins[j].gk.a,
               result.margins[j].gk.b, result.margins[j].gk.g, result.margins[j].gk.k);
    printf("correlation of normal scores: %.3f ± %.3f, in truth 0.6\n", result.correlation[1],
           result.correlation_se[1]);
    printf("log-likelihood %.1f, AIC %.1f, BIC %.1f\n", result.log_likelihood, result.aic,
           result.bic);

    /* The second coordinate once the first is known to be 3: a distribution like any other. */
    const double known[1] = {3};
    const size_t which[1] = {0};
    double draws[5];
    if (gkv_mgk_conditional(fitted, 1, which, known, &given) != GKV_OK ||
        gkv_mgk_sample(given, 5, 2, 0, &(gkv_run_options){.threads = 1}, draws) != GKV_OK)
        goto done;
    printf("given x0 = 3, draws of x1:");
    for (int i = 0; i < 5; i++)
        printf(" %.3f", draws[i]);
    putchar('\n');
    failed = 0;
done:
    if (failed)
        fprintf(stderr, "%s\n", gkv_error_message());
    gkv_mgk_free(given);
    gkv_mgk_free(fitted);
    gkv_mgk_free(truth);
    gkv_mgk_fit_result_free(&result);
    free(x);
    return failed;
}
