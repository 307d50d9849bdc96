/* A mixture of two skewed clusters in the plane, found again by EM. */
#include <stdio.h>
#include <stdlib.h>

#include <gkvae/mgk_mixture.h>

enum { N = 4000, D = 2 };

int main(void)
{
    const gkv_gk left[D] = {{.a = -4, .b = 1, .g = 0.5, .k = 0.1, .c = 0.8},
                            {.a = 0, .b = 1, .c = 0.8}};
    const gkv_gk right[D] = {{.a = 4, .b = 1, .g = -0.5, .k = 0.1, .c = 0.8},
                             {.a = 2, .b = 2, .c = 0.8}};
    const double weights[2] = {0.3, 0.7}, tilted[D * D] = {1, 0.7, 0.7, 1};
    double *x = malloc(N * D * sizeof *x);
    gkv_mgk *component[2] = {NULL, NULL};
    gkv_mgk_mixture *truth = NULL, *fitted = NULL;
    gkv_mgk_mixture_settings settings;
    gkv_mgk_mixture_result result;
    int failed = 1;
    gkv_mgk_mixture_defaults(&settings);
    settings.components = 2;
    if (!x || gkv_mgk_create(D, left, NULL, &component[0]) != GKV_OK ||
        gkv_mgk_create(D, right, tilted, &component[1]) != GKV_OK ||
        gkv_mgk_mixture_create(2, weights, (const gkv_mgk *const *)component, &truth) != GKV_OK ||
        gkv_mgk_mixture_sample(truth, N, 1, 0, NULL, x, NULL) != GKV_OK ||
        gkv_mgk_mixture_fit(N, D, x, &settings, NULL, &fitted, &result) != GKV_OK)
        goto done;
    printf("%s; log-likelihood %.4f a row\n", gkv_mgk_mixture_stop_name(result.stop),
           result.log_likelihood / N);
    for (size_t k = 0; k < gkv_mgk_mixture_count(fitted); k++) {
        const gkv_gk *margins = gkv_mgk_margins(gkv_mgk_mixture_component(fitted, k));
        printf("weight %.3f, centre (%.2f, %.2f), skewness g (%.2f, %.2f)\n",
               gkv_mgk_mixture_weights(fitted)[k], margins[0].a, margins[1].a, margins[0].g,
               margins[1].g);
    }
    failed = 0;
done:
    if (failed)
        fprintf(stderr, "%s\n", gkv_error_message());
    gkv_mgk_mixture_free(fitted);
    gkv_mgk_mixture_free(truth);
    gkv_mgk_free(component[0]);
    gkv_mgk_free(component[1]);
    free(x);
    return failed;
}
