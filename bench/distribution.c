/* How long the functions of whole arrays take: nanoseconds a value on one core, the best of
 * some runs, over draws of four g-and-k distributions. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gkvae/gk_batch.h"

enum { N = 1 << 20, RUNS = 5 };

static double seconds(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#define BEST(call)                                            \
    do {                                                      \
        double best = 1e9;                                    \
        for (int run = 0; run < RUNS; run++) {                \
            const double start = seconds();                   \
            if ((call) != GKV_OK) {                           \
                fprintf(stderr, "%s\n", gkv_error_message()); \
                return 1;                                     \
            }                                                 \
            const double took = seconds() - start;            \
            best = took < best ? took : best;                 \
        }                                                     \
        printf(" %8.1f", best / N * 1e9);                     \
    } while (0)

int main(void)
{
    static const gkv_gk shapes[] = {
        {3, 1, 2, .5, .8, 0}, {0, 1, .2, .1, .8, 0}, {1, 3, .4, 2.3, .8, 0}, {2, 1, 5, -.1, .8, 0}};
    double *x = malloc(N * sizeof *x), *p = malloc(N * sizeof *p), *z = malloc(N * sizeof *z),
           *out = malloc(N * 4 * sizeof *out);
    float *x_f = malloc(N * sizeof *x_f), *z_f = malloc(N * sizeof *z_f),
          *out_f = malloc(N * sizeof *out_f);
    if (!x || !p || !z || !out || !x_f || !z_f || !out_f)
        return 1;
    printf("%s\n%-18s %8s %8s %8s %8s %8s %8s %8s | %8s %8s\n", gkv_build_description(),
           "ns a value", "log f", "z, log f", "cdf", "log cdf", "quantile", "score", "draw",
           "float:", "z, log f");
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const gkv_gk *gk = &shapes[s];
        printf("g = %-4g k = %-7g", gk->g, gk->k);
        gkv_gk_random(gk, N, 1, 0, x);
        for (size_t i = 0; i < N; i++)
            x_f[i] = (float)x[i];
        BEST(gkv_gk_batch_x(gk, N, x, &(gkv_gk_at_x){.log_pdf = out}));
        BEST(gkv_gk_batch_x(gk, N, x, &(gkv_gk_at_x){.z = z, .log_pdf = out}));
        BEST(gkv_gk_batch_x(gk, N, x, &(gkv_gk_at_x){.cdf = p}));
        BEST(gkv_gk_batch_x(gk, N, x, &(gkv_gk_at_x){.log_cdf = out}));
        BEST(gkv_gk_batch_quantile(gk, N, GKV_GK_LOWER, p, out));
        BEST(gkv_gk_batch_x(gk, N, x, &(gkv_gk_at_x){.score = out}));
        BEST((gkv_gk_random(gk, N, 1, 0, out), GKV_OK));
        printf(" |");
        BEST(gkv_gk_batch_x_f(gk, N, x_f, &(gkv_gk_at_x_f){.log_pdf = out_f}));
        BEST(gkv_gk_batch_x_f(gk, N, x_f, &(gkv_gk_at_x_f){.z = z_f, .log_pdf = out_f}));
        printf("\n");
    }
    free(x), free(p), free(z), free(out), free(x_f), free(z_f), free(out_f);
    return 0;
}
