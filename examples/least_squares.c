/* A curve through points by Levenberg–Marquardt: y = a e^(−b t) + c, with standard errors. */
#include <math.h>
#include <stdio.h>

#include <gkvae/lm.h>

enum { N = 12, P = 3 };

typedef struct points {
    double t[N], y[N];
} points;

static gkv_status residuals(void *user, const double *x, double *r)
{
    const points *data = user;
    for (int i = 0; i < N; i++)
        r[i] = x[0] * exp(-x[1] * data->t[i]) + x[2] - data->y[i];
    return GKV_OK;
}

/* Column by column: jacobian[j·N + i] = ∂r_i/∂x_j. */
static gkv_status derivatives(void *user, const double *x, double *jacobian)
{
    const points *data = user;
    for (int i = 0; i < N; i++) {
        const double e = exp(-x[1] * data->t[i]);
        jacobian[i] = e;
        jacobian[N + i] = -x[0] * data->t[i] * e;
        jacobian[2 * N + i] = 1;
    }
    return GKV_OK;
}

int main(void)
{
    points data;
    for (int i = 0; i < N; i++) { /* 5 e^(−0.7 t) + 1, and a little that is not the model's */
        data.t[i] = 0.5 * i;
        data.y[i] = 5 * exp(-0.7 * data.t[i]) + 1 + 0.02 * cos(9.0 * i);
    }
    static const double low[P] = {0, 0, -INFINITY};
    double x[P] = {1, 1, 0}, covariance[P * P];
    gkv_lm *lm = NULL;
    gkv_lm_settings settings;
    gkv_lm_result result;
    gkv_lm_defaults(&settings);
    settings.low = low;
    int failed = 1;
    if (gkv_lm_create(N, P, &lm) == GKV_OK &&
        gkv_lm_solve(lm, residuals, derivatives, &data, &settings, NULL, x, &result) == GKV_OK &&
        gkv_lm_covariance(lm, 0, covariance, NULL) == GKV_OK) {
        const double variance = 2 * result.cost_after / (N - P);
        printf("%s after %zu steps\n", gkv_lm_stop_name(result.stop), result.iterations);
        for (int j = 0; j < P; j++)
            printf("%c = %.5f ± %.5f\n", "abc"[j], x[j], sqrt(variance * covariance[j * P + j]));
        failed = !gkv_lm_converged(result.stop);
    } else {
        fprintf(stderr, "%s\n", gkv_error_message());
    }
    gkv_lm_free(lm);
    return failed;
}
