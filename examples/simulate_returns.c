/* Prints examples/returns/returns.csv: 2,000 days of two series, in per cent, drawn from a
 * g-and-k distribution with correlated normal scores. Nobody's returns, and so with a truth
 * that fits can be held against. */
#include <stdio.h>
#include <stdlib.h>

#include <gkvae/mgk.h>

enum { DAYS = 2000, D = 2 };

int main(void)
{
    const gkv_gk margins[D] = {{.a = 0.05, .b = 0.6, .g = -0.15, .k = 0.25, .c = 0.8}, /* index */
                               /* currency */
                               {.a = 0.02, .b = 0.35, .g = 0.10, .k = 0.35, .c = 0.8}};
    const double correlation[D * D] = {1, -0.4, -0.4, 1};
    double *x = malloc(DAYS * D * sizeof *x);
    gkv_mgk *mgk = NULL;
    int failed = 1;
    if (!x || gkv_mgk_create(D, margins, correlation, &mgk) != GKV_OK ||
        gkv_mgk_sample(mgk, DAYS, 4, 0, &(gkv_run_options){.threads = 1}, x) != GKV_OK) {
        fprintf(stderr, "%s\n", gkv_error_message());
        goto done;
    }
    puts("# Simulated by examples/simulate_returns.c: no market's returns. Daily, in per "
         "cent.\nday,index,currency");
    for (int i = 0; i < DAYS; i++)
        printf("%d,%.4f,%.4f\n", i + 1, x[i * D], x[i * D + 1]);
    failed = 0;
done:
    gkv_mgk_free(mgk);
    free(x);
    return failed;
}
