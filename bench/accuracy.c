/* How accurate the distribution functions are: largest errors against quadruple precision
 * over a grid of parameters and places, the extreme ones included.
 *
 * Three figures each. `well`: the largest relative error where the answer's condition
 * number is below 20 (a relative change of 1e-16 in x, g, k or c moves it by less than
 * 2e-15 of itself). `ill`: the same where it is below a million. `conditioned`: the error
 * everywhere, in units of max(1, condition number). Log densities are taken relative to
 * max(1, |·|), derivatives to max(1e-6, |·|). Condition numbers are measured by a change of
 * 1e-12: within that of the end of a bounded support they come out too small. */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>

#include "gkvae/gk_batch.h"
#include "gkvae/gk_moments.h"
#include "quad.h"

enum { INPUTS = 4, SPOTS_MAX = 400 };

typedef struct worst {
    const char *name;
    double well, ill, conditioned;
    long count;
    char where[160];
} worst;

static const double good = 20.0, fair = 1e6;

/* `floor`: what an answer is at least taken for. */
static void note(worst *w, const gkv_gk *gk, double point, double got, quad expected,
                 const quad changed[INPUTS], quad floor)
{
    const quad size = fmaxq(fabsq(expected), floor);
    quad condition = 0;
    for (int i = 0; i < INPUTS; i++)
        condition = fmaxq(condition, fabsq(changed[i] - expected) / size * 1e12Q);
    const double error = (double)(fabsq((quad)got - expected) / size);
    w->count++;
    if (condition < good && !(error <= w->well)) {
        w->well = error;
        snprintf(w->where, sizeof w->where, "%s g=%g k=%g c=%g at %.17g",
                 gkv_gk_family_name(gk->family), gk->g, gk->k, gk->c, point);
    }
    if (condition < fair)
        w->ill = fmax(w->ill, error);
    w->conditioned = fmax(w->conditioned, error / (double)fmaxq(1, condition));
}

static void show(const worst *w)
{
    printf("%-26s %9ld  %8.1e  %8.1e  %11.1e   %s\n", w->name, w->count, w->well, w->ill,
           w->conditioned, w->where);
}

/* The parameters with one of x, g, k, c moved by 1e-12 of itself. */
static quad_gk moved(const gkv_gk *gk, int input, quad *point)
{
    quad_gk q = quad_of(gk);
    quad *const values[INPUTS] = {point, &q.g, &q.k, &q.c};
    *values[input] *= 1 + 1e-12Q;
    return q;
}

enum {
    Z,
    LOG_F,
    F,
    CDF,
    CDF_UPPER,
    LOG_CDF,
    LOG_CDF_UPPER,
    B_Z,
    B_LOG_F,
    B_F,
    B_CDF,
    B_CDF_UPPER,
    B_LOG_CDF,
    B_LOG_CDF_UPPER,
    S_Z,
    S_LOG_F,
    S_CDF,
    AT_X
};

static worst at_x[AT_X] = {
    {.name = "z"},
    {.name = "log f, of max(1,|.|)"},
    {.name = "f"},
    {.name = "cdf"},
    {.name = "upper cdf"},
    {.name = "log cdf"},
    {.name = "upper log cdf"},
    {.name = "batch z"},
    {.name = "batch log f"},
    {.name = "batch f"},
    {.name = "batch cdf"},
    {.name = "batch upper cdf"},
    {.name = "batch log cdf"},
    {.name = "batch upper log cdf"},
    {.name = "float batch z"},
    {.name = "float batch log f"},
    {.name = "float batch cdf"},
};

/* All that is had at x, from z there and at changed inputs. */
static void compare_at(const gkv_gk *gk, double x, const double got[7], int first)
{
    const quad_gk q = quad_of(gk);
    const double near = gkv_gk_Q_inverse(gk, x);
    const quad z = quad_inverse(&q, x, near);
    if (!(fabsq(z) < 1e150Q && fabsq(z) > 1e-300Q) && x != gk->a)
        return; /* beyond what a double and its square hold */
    quad zs[INPUTS], changed[INPUTS];
    quad_gk qs[INPUTS];
    for (int i = 0; i < INPUTS; i++) {
        quad point = x;
        qs[i] = moved(gk, i, &point);
        zs[i] = changed[i] = quad_inverse(&qs[i], point, near);
    }
    note(&at_x[first + Z], gk, x, got[Z], z, changed, 1e-300Q);
    for (int i = 0; i < INPUTS; i++)
        changed[i] = quad_log_pdf_at(&qs[i], zs[i]);
    const quad log_f = quad_log_pdf_at(&q, z);
    note(&at_x[first + LOG_F], gk, x, got[LOG_F], log_f, changed, 1);
    for (int i = 0; i < INPUTS; i++)
        changed[i] = expq(changed[i]);
    if (log_f > -700 && log_f < 700)
        note(&at_x[first + F], gk, x, got[F], expq(log_f), changed, 0);
    for (int side = -1; side <= 1; side += 2) {
        const int upper = side > 0;
        for (int i = 0; i < INPUTS; i++)
            changed[i] = quad_cdf(-side * zs[i]);
        if (quad_cdf(-side * z) > 1e-306Q)
            note(&at_x[first + CDF + upper], gk, x, got[CDF + upper], quad_cdf(-side * z), changed,
                 0);
        for (int i = 0; i < INPUTS; i++)
            changed[i] = quad_log_cdf(-side * zs[i]);
        const quad log_p = quad_log_cdf(-side * z);
        if (log_p < -1e-300Q)
            note(&at_x[first + LOG_CDF + upper], gk, x, got[LOG_CDF + upper], log_p, changed, 0);
    }
}

static void compare_float(const gkv_gk *gk, double x)
{
    const gkv_gk rounded = {(float)gk->a, (float)gk->b, (float)gk->g,
                            (float)gk->k, (float)gk->c, gk->family};
    const float rounded_x = (float)x;
    if (!isfinite(rounded_x) || fabsf(rounded_x) < 1e-30F || !gkv_gk_is_valid(&rounded))
        return;
    float z, log_f, cdf;
    const gkv_gk_at_x_f out = {.z = &z, .log_pdf = &log_f, .cdf = &cdf};
    if (gkv_gk_batch_x_f(gk, 1, &rounded_x, &out) != GKV_OK)
        abort();
    const quad_gk q = quad_of(&rounded);
    const quad exact = quad_inverse(&q, rounded_x, gkv_gk_Q_inverse(&rounded, rounded_x));
    if (fabsq(exact) > 1e18Q || fabsq(exact) < 1e-30Q)
        return;
    quad zs[INPUTS], changed[INPUTS];
    for (int i = 0; i < INPUTS; i++) {
        quad place = rounded_x;
        const quad_gk other = moved(&rounded, i, &place);
        zs[i] = quad_inverse(&other, place, (double)exact);
        changed[i] = quad_log_pdf_at(&other, zs[i]);
    }
    note(&at_x[S_Z], &rounded, rounded_x, z, exact, zs, 0);
    note(&at_x[S_LOG_F], &rounded, rounded_x, log_f, quad_log_pdf_at(&q, exact), changed, 1);
    for (int i = 0; i < INPUTS; i++)
        changed[i] = quad_cdf(zs[i]);
    if (exact > -12)
        note(&at_x[S_CDF], &rounded, rounded_x, cdf, quad_cdf(exact), changed, 0);
}

static worst quantiles[6] = {{.name = "Q"},
                             {.name = "quantile, lower and upper"},
                             {.name = "quantile, from logs"},
                             {.name = "batch Q"},
                             {.name = "batch quantile"},
                             {.name = "batch quantile, logs"}};

static void compare_Q(worst *w, const gkv_gk *gk, double point, double got, quad z, quad z_changed)
{
    const quad_gk q = quad_of(gk);
    quad changed[INPUTS];
    const quad expected = quad_Q(&q, z);
    if (fabsq(expected) > 1e306Q || fabsq(expected - q.a) < 1e-3Q * fabsq(q.a))
        return;
    for (int i = 0; i < INPUTS; i++) {
        quad unused = 0;
        const quad_gk other = moved(gk, i, &unused);
        changed[i] = quad_Q(&other, i ? z : z_changed);
    }
    note(w, gk, point, got, expected, changed, 1e-300Q);
}

static void batch_quantile(const gkv_gk *gk, gkv_gk_tail tail, double p, double *x)
{
    if (gkv_gk_batch_quantile(gk, 1, tail, &p, x) != GKV_OK)
        abort();
}

static void compare_quantiles(const gkv_gk *gk)
{
    static const double ps[] = {1e-307, 1e-250, 1e-100, 1e-30, 1e-17, 1e-9,  1e-4,     .01,
                                .07,    .1,     .25,    .3,    .45,   .4999, .49999999};
    static const double logs[] = {-1e9, -1e5, -2000, -701, -650, -300, -50, -3, -.75};
    const int batches = gk->family == GKV_GK_FAMILY_GK;
    double x;
    for (size_t i = 0; i < sizeof ps / sizeof *ps; i++) {
        const quad z = quad_normal_score_log(logq(ps[i])),
                   other = quad_normal_score_log(logq(ps[i] * (1 + 1e-12Q)));
        compare_Q(&quantiles[1], gk, ps[i], gkv_gk_quantile(gk, ps[i]), z, other);
        compare_Q(&quantiles[1], gk, ps[i], gkv_gk_quantile_upper(gk, ps[i]), -z, -other);
        if (batches) {
            batch_quantile(gk, GKV_GK_LOWER, ps[i], &x);
            compare_Q(&quantiles[4], gk, ps[i], x, z, other);
            batch_quantile(gk, GKV_GK_UPPER, ps[i], &x);
            compare_Q(&quantiles[4], gk, ps[i], x, -z, -other);
        }
    }
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        const quad z = quad_normal_score_log(logs[i]),
                   other = quad_normal_score_log(logs[i] * (1 + 1e-12Q));
        compare_Q(&quantiles[2], gk, logs[i], gkv_gk_quantile_log(gk, logs[i]), z, other);
        compare_Q(&quantiles[2], gk, logs[i], gkv_gk_quantile_log_upper(gk, logs[i]), -z, -other);
        if (batches) {
            batch_quantile(gk, GKV_GK_LOG_LOWER, logs[i], &x);
            compare_Q(&quantiles[5], gk, logs[i], x, z, other);
            batch_quantile(gk, GKV_GK_LOG_UPPER, logs[i], &x);
            compare_Q(&quantiles[5], gk, logs[i], x, -z, -other);
        }
    }
}

/* Everything at one set of parameters. */
static void compare(const gkv_gk *gk)
{
    static const double zs[] = {1e-12, 1e-3, .1, .4, .9, 1.5, 2.3, 4,
                                7.9,   8.1,  15, 25, 37, 60,  700, 1e5};
    double x[SPOTS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < 2 * sizeof zs / sizeof *zs; i++) {
        const double z = (i % 2 ? -1 : 1) * zs[i / 2];
        const double place = gkv_gk_Q(gk, z);
        compare_Q(&quantiles[0], gk, z, place, z, z * (1 + 1e-12Q));
        double batch;
        if (gk->family == GKV_GK_FAMILY_GK) {
            if (gkv_gk_batch_z(gk, 1, &z, &(gkv_gk_at_z){.x = &batch}) != GKV_OK)
                abort();
            compare_Q(&quantiles[3], gk, z, batch, z, z * (1 + 1e-12Q));
        }
        if (isfinite(place) && place != gk->a)
            x[n++] = place;
    }
    for (int e = -300; e <= 300; e += e < -20 || e >= 20 ? 70 : 5) {
        x[n++] = gk->a + pow(10, e);
        x[n++] = gk->a - pow(10, e);
    }
    for (size_t i = 0; i < n; i++) {
        double got[14];
        if (x[i] == gk->a)
            continue;
        const double scalar[7] = {gkv_gk_Q_inverse(gk, x[i]),    gkv_gk_log_pdf(gk, x[i]),
                                  gkv_gk_pdf(gk, x[i]),          gkv_gk_cdf(gk, x[i]),
                                  gkv_gk_cdf_upper(gk, x[i]),    gkv_gk_log_cdf(gk, x[i]),
                                  gkv_gk_log_cdf_upper(gk, x[i])};
        compare_at(gk, x[i], scalar, 0);
        if (gk->family != GKV_GK_FAMILY_GK)
            continue;
        const gkv_gk_at_x out = {.z = got,
                                 .log_pdf = got + 1,
                                 .pdf = got + 2,
                                 .cdf = got + 3,
                                 .cdf_upper = got + 4,
                                 .log_cdf = got + 5,
                                 .log_cdf_upper = got + 6};
        if (gkv_gk_batch_x(gk, 1, x + i, &out) != GKV_OK)
            abort();
        compare_at(gk, x[i], got, B_Z);
        compare_float(gk, x[i]);
    }
    compare_quantiles(gk);
}

/* --- Derivatives, against differences of the fourth order ----------------- */

enum {
    D_Q,
    D2_Q,
    LOG_D_Q,
    Q_THETA,
    LOG_D_Q_THETA,
    Z_X,
    Z_THETA,
    DLOG_F,
    SCORE,
    B_SCORE,
    HESSIAN,
    SLOPES
};

static worst slopes[SLOPES] = {{.name = "Q'"},
                               {.name = "Q''"},
                               {.name = "log Q', of max(1,|.|)"},
                               {.name = "dQ/dtheta"},
                               {.name = "dlog Q'/dtheta"},
                               {.name = "dz/dx"},
                               {.name = "dz/dtheta"},
                               {.name = "dlog f/dx"},
                               {.name = "score"},
                               {.name = "batch score"},
                               {.name = "Hessian"}};

typedef quad function(const quad_gk *gk, quad point);

static quad z_of(const quad_gk *gk, quad x)
{
    return quad_inverse(gk, x, 0);
}

static quad log_f_of(const quad_gk *gk, quad x)
{
    return quad_log_pdf_at(gk, z_of(gk, x));
}

static quad *input(quad_gk *gk, quad *point, int i)
{
    return i < 0 ? point : i == 0 ? &gk->a : i == 1 ? &gk->b : i == 2 ? &gk->g : &gk->k;
}

/* ∂f/∂(input i), i = −1 being `point`; of the second order with j ≥ −1, else j = −2 */
static quad difference(function *f, const quad_gk *gk, quad point, int i, int j, quad fine)
{
    quad value[4];
    quad_gk q = *gk;
    const quad h = (j == -2 ? 1e-8Q : 1e-6Q) * fine,
               step = h * fmaxq(fabsq(*input(&q, &point, i)), 0.1Q);
    for (int s = 0; s < 4; s++) {
        quad_gk other = *gk;
        quad place = point;
        *input(&other, &place, i) += (s < 2 ? s - 2 : s - 1) * step;
        value[s] = j == -2 ? f(&other, place) : difference(f, &other, place, j, -2, fine);
    }
    return (8 * (value[2] - value[1]) - (value[3] - value[0])) / (12 * step);
}

static void compare_slope(int which, const gkv_gk *gk, double point, double got, function *f, int i,
                          int j)
{
    const quad_gk q = quad_of(gk);
    const quad expected = i == -2 ? f(&q, point) : difference(f, &q, point, i, j, 1),
               size = fmaxq(fabsq(expected), 1e-6Q);
    /* Differences know what they do not know: at the end of a support, or against a large f. */
    if (!(size < 1e306Q) || (i > -2 && fabsq(f(&q, point)) > (j == -2 ? 1e9Q : 1e5Q) * size) ||
        (i > -2 && fabsq(difference(f, &q, point, i, j, 0.25Q) - expected) > 1e-14Q * size))
        return;
    quad changed[INPUTS];
    for (int c = 0; c < INPUTS; c++) {
        quad place = point;
        const quad_gk other = moved(gk, c, &place);
        changed[c] = i == -2 ? f(&other, place) : difference(f, &other, place, i, j, 1);
    }
    note(&slopes[which], gk, point, got, expected, changed, 1e-6Q);
}

static void compare_derivatives(const gkv_gk *gk)
{
    static const double zs[] = {-9, -2.1, -.6, -.01, .3, 1.2, 3.5, 12};
    for (size_t s = 0; s < sizeof zs / sizeof *zs; s++) {
        double dq[4], dlog[4], z_x, z_theta[4], score[4], hessian[4][4], batch[4];
        const double z = zs[s], x = gkv_gk_Q(gk, z);
        gkv_gk_Q_gradient(gk, z, dq, dlog);
        gkv_gk_Q_inverse_gradient(gk, x, &z_x, z_theta);
        gkv_gk_hessian(gk, x, score, hessian);
        compare_slope(D_Q, gk, z, gkv_gk_dQ(gk, z), quad_Q, -1, -2);
        compare_slope(D2_Q, gk, z, gkv_gk_d2Q(gk, z), quad_Q, -1, -1);
        compare_slope(LOG_D_Q, gk, z, gkv_gk_log_dQ(gk, z), quad_log_dQ, -2, -2);
        compare_slope(Z_X, gk, x, z_x, z_of, -1, -2);
        compare_slope(DLOG_F, gk, x, gkv_gk_dlog_pdf(gk, x), log_f_of, -1, -2);
        if (gk->family == GKV_GK_FAMILY_GK &&
            gkv_gk_batch_x(gk, 1, &x, &(gkv_gk_at_x){.score = batch}) != GKV_OK)
            abort();
        for (int i = 0; i < 4; i++) {
            if (i > 0) /* ∂Q/∂A is 1, which differences of a large Q would not see */
                compare_slope(Q_THETA, gk, z, dq[i], quad_Q, i, -2);
            compare_slope(LOG_D_Q_THETA, gk, z, dlog[i], quad_log_dQ, i, -2);
            compare_slope(Z_THETA, gk, x, z_theta[i], z_of, i, -2);
            compare_slope(SCORE, gk, x, score[i], log_f_of, i, -2);
            if (gk->family == GKV_GK_FAMILY_GK)
                compare_slope(B_SCORE, gk, x, batch[i], log_f_of, i, -2);
            for (int j = i; j < 4; j++)
                compare_slope(HESSIAN, gk, x, hessian[i][j], log_f_of, i, j);
        }
    }
}

/* --- The bound of k, by brute force --------------------------------------- */

static quad bound_at(quad v, quad g, quad c)
{
    const quad s = 1 / coshq(v);
    return (c * v * s * s / (1 - c * tanhq(v)) - 1) * (1 + g * g / (4 * v * v)) / 2;
}

static double compare_bounds(void)
{
    static const double gs[] = {.01, .3, 1.7, 4, 6, 6.5, 12},
                        cs[] = {.05, .4, .8, .9, .99, .999999};
    double worst_bound = 0;
    for (size_t i = 0; i < 7; i++)
        for (size_t j = 0; j < 6; j++) {
            quad best = -0.5Q, best_v = 1;
            for (quad v = 0.1Q; v < 30; v *= 1.001Q)
                if (bound_at(v, gs[i], cs[j]) > best)
                    best = bound_at(v, gs[i], cs[j]), best_v = v;
            for (quad width = 1e-3Q; width > 1e-16Q; width /= 100)
                for (int n = -200; n <= 200; n++) {
                    const quad v = best_v * (1 + n * width / 100);
                    if (bound_at(v, gs[i], cs[j]) > best)
                        best = bound_at(v, gs[i], cs[j]), best_v = v;
                }
            const quad off = fabsq(gkv_gk_k_min(gs[i], cs[j]) - best) / fmaxq(1, fabsq(best));
            worst_bound = fmax(worst_bound, (double)off);
        }
    return worst_bound;
}

int main(void)
{
    static const double gs[] = {0, .2, -1, 2, -5, 8, 20, 200, -2000}, cs[] = {.8, .3, .97};
    static const double ks[] = {-.499, -.45, -.3, -.1, -.055, 0, .1, .5, 1, 2.3, 5},
                        hs[] = {0, 1e-6, .01, .1, .3, 1};
    long sets = 0;
    for (int64_t family = 0; family < GKV_GK_FAMILIES; family++)
        for (size_t ig = 0; ig < sizeof gs / sizeof *gs; ig++)
            for (size_t ic = 0; ic < (family == GKV_GK_FAMILY_GH ? 1 : 3); ic++)
                for (size_t ik = 0; ik < (family ? sizeof hs / sizeof *hs : sizeof ks / sizeof *ks);
                     ik++)
                    for (int shifted = 0; shifted < 2; shifted++) {
                        const gkv_gk gk = {shifted ? 3 : 0,          shifted ? .7 : 1, gs[ig],
                                           family ? hs[ik] : ks[ik], cs[ic],           family};
                        if (!gkv_gk_is_valid(&gk))
                            continue;
                        compare(&gk);
                        if (shifted && ik % 2 && fabs(gk.g) < 300)
                            compare_derivatives(&gk);
                        sets++;
                    }
    printf("%ld sets of parameters\n%-26s %9s  %8s  %8s  %11s   largest error of `well` at\n", sets,
           "", "values", "well", "ill", "conditioned");
    for (int i = 0; i < AT_X; i++)
        show(&at_x[i]);
    for (int i = 0; i < 6; i++)
        show(&quantiles[i]);
    for (int i = 0; i < SLOPES; i++)
        show(&slopes[i]);
    printf("%-26s %9d  %8.1e\n", "least k, of max(1,|.|)", 42, compare_bounds());
    return 0;
}
