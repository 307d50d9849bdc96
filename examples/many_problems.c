/* Ten thousand small least-squares problems at once: y = a e^(−b t) with its own a and b in each.
 * Problems go through the CPU's vector lanes side by side. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <gkvae/lm_batch.h>

enum { PROBLEMS = 10000, N = 8, P = 2 };

static double truth(size_t problem, int parameter)
{
    return parameter == 0 ? 1 + 0.001 * (double)(problem % 4000)
                          : 0.2 + 0.0001 * (double)(problem % 7000);
}

/* Element e of lane l is at e·lanes + l. */
static gkv_status residuals(void *user, const gkv_lm_group *group, const double *x, double *r)
{
    const double *y = user;
    for (size_t i = 0; i < N; i++)
        for (size_t l = 0; l < group->lanes; l++)
            r[i * group->lanes + l] =
                x[l] * exp(-x[group->lanes + l] * (double)i) - y[group->problem[l] * N + i];
    return GKV_OK;
}

static gkv_status derivatives(void *user, const gkv_lm_group *group, const double *x,
                              double *jacobian)
{
    (void)user;
    const size_t lanes = group->lanes;
    for (size_t i = 0; i < N; i++)
        for (size_t l = 0; l < lanes; l++) {
            const double e = exp(-x[lanes + l] * (double)i);
            jacobian[i * lanes + l] = e;
            jacobian[(N + i) * lanes + l] = -x[l] * (double)i * e;
        }
    return GKV_OK;
}

int main(void)
{
    double *y = malloc(PROBLEMS * N * sizeof *y), *x = malloc(PROBLEMS * P * sizeof *x), worst = 0;
    gkv_lm_result *results = malloc(PROBLEMS * sizeof *results);
    gkv_lm_batch *batch = NULL;
    int failed = 1;
    if (!y || !x || !results)
        goto done;
    for (size_t i = 0; i < PROBLEMS; i++) {
        for (int j = 0; j < N; j++)
            y[i * N + (size_t)j] = truth(i, 0) * exp(-truth(i, 1) * j);
        x[i * P] = x[i * P + 1] = 1;
    }
    if (gkv_lm_batch_create(N, P, NULL, &batch) != GKV_OK ||
        gkv_lm_batch_solve(batch, PROBLEMS, residuals, derivatives, y, NULL, NULL, x, results,
                           NULL) != GKV_OK) {
        fprintf(stderr, "%s\n", gkv_error_message());
        goto done;
    }
    size_t converged = 0;
    for (size_t i = 0; i < PROBLEMS; i++) {
        converged += (size_t)gkv_lm_converged(results[i].stop);
        for (int j = 0; j < P; j++)
            worst = fmax(worst, fabs(x[i * P + (size_t)j] - truth(i, j)));
    }
    printf("%d problems, %zu at a time, %zu converged; the worst parameter is off by %.1e\n",
           PROBLEMS, gkv_lm_lanes(), converged, worst);
    failed = converged < PROBLEMS || worst > 1e-8;
done:
    gkv_lm_batch_free(batch);
    free(results);
    free(x);
    free(y);
    return failed;
}
