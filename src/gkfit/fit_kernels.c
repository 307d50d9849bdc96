/* The kernels of fits. L = log(1 + z²); T, sech2 and offset are those of c tanh(gz/2). */
#include "core/simd_types.h"
#include "gkfit/fit_kernels.h"

#define C(x) vd_set(x)

/* --- Normal scores of levels ---------------------------------------------------------- */

static inline vd polynomial(vd x, const double *coefficients, size_t count)
{
    vd sum = C(coefficients[0]);
    for (size_t i = 1; i < count; i++)
        sum = sum * x + C(coefficients[i]);
    return sum;
}

/* AS 241's two nearer branches: p ≥ 1e-11. */
static inline vd normal_quantile(vd p)
{
    static const double near_over[8] = {2509.0809287301226727, 33430.575583588128105,  67265.770927008700853,
                                        45921.953931549871457, 13731.693765509461125,  1971.5909503065514427,
                                        133.14166789178437745, 3.387132872796366608};
    static const double near_under[8] = {5226.495278852545925,  28729.085735721942674, 39307.89580009271061,
                                         21213.794301586595867, 5394.1960214247511077, 687.1870074920579083,
                                         42.313330701600911252, 1.0};
    static const double far_over[8] = {7.7454501427834140764e-4, .0227238449892691845833, .24178072517745061177,
                                       1.27045825245236838258,   3.64784832476320460504,  5.7694972214606914055,
                                       4.6303378461565452959,    1.42343711074968357734};
    static const double far_under[8] = {1.05075007164441684324e-9, 5.475938084995344946e-4, .0151986665636164571966,
                                        .14810397642748007459,     .68976733498510000455,   1.6763848301838038494,
                                        2.05319162663775882187,    1.0};
    const vd q = p - C(0.5), square = C(0.180625) - q * q;
    const vd middle = q * polynomial(square, near_over, 8) / polynomial(square, near_under, 8);
    const vd tail = vd_max(C(1e-11), vd_min(p, C(1.0) - p));
    const vd r = vd_sqrt(-vd_log(tail)) - C(1.6);
    const vd size = polynomial(r, far_over, 8) / polynomial(r, far_under, 8);
    return vd_select(vd_abs(q) <= C(0.425), middle, vd_select(q < C(0.0), -size, size));
}

static void scores(size_t n, const double *p, double *z, double *ln, double *phi)
{
    for (size_t i = 0; i < n; i += VD_LANES) {
        const size_t left = n - i;
        const vd score = normal_quantile(vd_load_part(p + i, left, 0.5)), square = score * score;
        vd_store_part(z + i, left, score);
        vd_store_part(ln + i, left, vd_log1p(square));
        vd_store_part(phi + i, left, C(0.39894228040143267794) * vd_exp(C(-0.5) * square));
    }
}

/* --- The least k ---------------------------------------------------------------------- */

/* E = (S − 1)(1 + τ/v²), τ = g²/4, and its derivatives in v. */
typedef struct edge_terms {
    vd share, S, dS, d2S, E, dE, d2E;
} edge_terms;

static inline edge_terms edge_at(vd v, vd tau, vd c)
{
    const vd one = C(1.0), two = C(2.0);
    const vd e = vd_exp(-two * v), share = e / (one + e), tanh_v = one - two * share;
    const vd sech2 = C(4.0) * share * (one - share);
    const vd W = c * sech2 / ((one - c) + two * c * share), fall = W - two * tanh_v;
    const vd dW = W * fall, d2W = dW * fall + W * (dW - two * sech2);
    edge_terms t;
    t.S = v * W, t.dS = W + v * dW, t.d2S = two * dW + v * d2W;
    t.share = tau / (v * v);
    const vd pull = (t.S - one) * t.share / v;
    t.E = (t.S - one) * (one + t.share);
    t.dE = t.dS * (one + t.share) - two * pull;
    t.d2E = t.d2S * (one + t.share) - C(4.0) * t.dS * t.share / v + C(6.0) * pull / v;
    return t;
}

/* The table's straight lines leave an error of 1e-4 in v, two steps one below 1e-12, and E,
 * being at its maximum, has the square of that. Any v gives no more than the bound. */
static inline vd edge_k(const gkv_k_min_table *edge, vd g, vd *slope, vd *curvature)
{
    const vd size = vd_abs(g), c = C(edge->c), tau = C(0.25) * g * g;
    const vd place = vd_min(size / (C(2.0) + size) * C(GKV_K_MIN_NODES / edge->s_most), C(GKV_K_MIN_NODES));
    double places[VD_LANES], starts[VD_LANES];
    vd_store(places, place);
    for (size_t l = 0; l < VD_LANES; l++) {
        /* NaN is not above 0 */
        const double at = places[l] > 0 ? places[l] : 0.0;
        const size_t node = at < GKV_K_MIN_NODES - 1 ? (size_t)at : GKV_K_MIN_NODES - 1;
        starts[l] = edge->v[node] + (at - (double)node) * (edge->v[node + 1] - edge->v[node]);
    }
    vd v = vd_load(starts);
    for (int step = 0; step < 2; step++) {
        const edge_terms t = edge_at(v, tau, c);
        const vd move = vd_select(t.d2E < C(0.0), t.dE / t.d2E, C(0.0));
        v = v - vd_max(C(-0.1) * v, vd_min(C(0.1) * v, move));
    }
    const edge_terms t = edge_at(v, tau, c);
    const vd bound = C(0.5) * t.E;
    /* By the envelope theorem only the explicit g counts in the slope. */
    const vd half = C(0.25) * (t.S - C(1.0)) / (v * v), g_slope = half * g;
    const vd mixed = C(0.5) * g * (C(0.5) * t.dS - (t.S - C(1.0)) / v) / (v * v);
    *slope = vd_select(bound > C(-0.5), g_slope, C(0.0));
    const vd bend = vd_select(t.d2E < C(0.0), half - mixed * mixed * C(2.0) / t.d2E, C(0.0));
    *curvature = vd_select(bound > C(-0.5), bend, C(0.0));
    return vd_select(bound > C(-0.5), bound, C(-0.5));
}

static void edge_many(size_t n, const gkv_k_min_table *edge, const double *g, double *k_min, double *slope,
                      double *curvature)
{
    for (size_t i = 0; i < n; i += VD_LANES) {
        vd s, h;
        vd_store_part(k_min + i, n - i, edge_k(edge, vd_load_part(g + i, n - i, 0.0), &s, &h));
        vd_store_part(slope + i, n - i, s);
        vd_store_part(curvature + i, n - i, h);
    }
}

/* --- Least squares on quantiles ------------------------------------------------------- */

/* T, its derivative in g over z, and W z, at z. */
typedef struct shape {
    vd T, sech2, offset;
} shape;

static inline shape shape_at(vd z, vd ln, vd g, vd k, vd c)
{
    const vd one = C(1.0), two = C(2.0), zero = C(0.0);
    const vd gz = vd_max(C(-800.0), vd_min(C(800.0), g * z));
    const vd e = vd_exp(-vd_abs(gz)), share = e / (one + e), lost = two * c * share;
    shape s;
    s.T = vd_select(gz < zero, (one - c) + lost, (one + c) - lost);
    s.sech2 = C(4.0) * share * (one - share);
    s.offset = z * vd_exp(k * ln);
    return s;
}

/* q''/q' = (z + Q''/Q')/φ */
static void weights(size_t n, const gkv_gk *gk, const gkv_gk_fit_levels *at, double *weight, double *excess)
{
    const vd one = C(1.0), two = C(2.0), b = C(gk->b), g = C(gk->g), k = C(gk->k), c = C(gk->c);
    for (size_t i = 0; i < n; i += VD_LANES) {
        const size_t left = n - i;
        const vd z = vd_load_part(at->z + i, left, 0.0), ln = vd_load_part(at->ln + i, left, 0.0);
        const vd phi = vd_load_part(at->phi + i, left, 1.0);
        const vd square = z * z, m = one / (one + square), h = square * m;
        const shape s = shape_at(z, ln, g, k, c);
        const vd skew = C(0.5) * c * s.sech2, tanh_gz = (s.T - one) / c;
        const vd tail = vd_select(k < C(0.0), (one + two * k) - two * k * m, one + two * k * h);
        const vd R = s.T * tail + skew * g * z;
        const vd R_z = skew * g * (one + tail - g * z * tanh_gz) + C(4.0) * k * z * m * m * s.T;
        const vd dq = b * R * vd_exp(k * ln);
        vd_store_part(weight + i, left, phi / dq);
        const vd bend = z + two * k * z * m + R_z / R;
        vd_store_part(excess + i, left, vd_load_part(at->noise + i, left, 0.0) * bend * dq / (phi * phi));
    }
}

static inline vd k_of(const gkv_gk_fit_lanes *fit, size_t lane, size_t left, vd g, vd fourth, vd *slope)
{
    const vd plain = vd_load_part(fit->plain + lane, left, 1.0);
    vd curvature;
    const vd bound = edge_k(fit->edge, g, slope, &curvature);
    *slope = vd_select(plain > C(0.0), C(0.0), *slope);
    return fourth + vd_select(plain > C(0.0), C(0.0), bound);
}

/* u[n] at the levels to the increments between them, in place. */
static void whiten(size_t n, const double *step, double *u)
{
    double lanes[VD_LANES + 1] = {0.0};
    for (size_t i = 0; i < n; i += VD_LANES) {
        const size_t left = n - i;
        const vd here = vd_load_part(u + i, left, 0.0);
        lanes[0] = lanes[VD_LANES];
        vd_store(lanes + 1, here);
        vd_store_part(u + i, left, vd_load_part(step + i, left, 0.0) * (here - vd_load(lanes)));
    }
}

/* One fit, along its levels: to the bit what a lane of the others' gives. */
static void terms(const gkv_gk_fit_lanes *fit, const double *v, double *r, double *out)
{
    const size_t rows = fit->rows;
    double k_min, k_slope, curvature;
    edge_many(1, fit->edge, v + 2, &k_min, &k_slope, &curvature);
    const vd a = C(v[0]), b = C(v[1]), g = C(v[2]), c = C(fit->edge->c);
    const vd k = C(v[3] + (fit->plain[0] > 0 ? 0.0 : k_min)), slope = C(fit->plain[0] > 0 ? 0.0 : k_slope);
    for (size_t i = 0; i < rows; i += VD_LANES) {
        const size_t left = rows - i;
        const vd z = vd_load_part(fit->z + i, left, 0.0), ln = vd_load_part(fit->ln + i, left, 0.0);
        const shape s = shape_at(z, ln, g, k, c);
        const vd u_a = -vd_load_part(fit->weight + i, left, 0.0), u_b = s.T * s.offset * u_a, u_k = b * u_b * ln;
        if (r)
            vd_store_part(r + i, left, -u_a * (vd_load_part(fit->x + i, left, 0.0) - (a + b * (s.T * s.offset))));
        if (!out)
            continue;
        vd_store_part(out + i, left, u_a);
        vd_store_part(out + rows + i, left, u_b);
        vd_store_part(out + 2 * rows + i, left, C(0.5) * c * z * s.sech2 * b * s.offset * u_a + slope * u_k);
        vd_store_part(out + 3 * rows + i, left, u_k);
    }
    if (r)
        whiten(rows, fit->step, r);
    for (size_t j = 0; out && j < 4; j++)
        whiten(rows, fit->step, out + j * rows);
}

static void residuals(const gkv_gk_fit_lanes *fit, const double *v, double *r)
{
    const size_t lanes = fit->lanes;
    const vd c = C(fit->edge->c);
    if (lanes == 1) {
        terms(fit, v, r, NULL);
        return;
    }
    for (size_t lane = 0; lane < lanes; lane += VD_LANES) {
        const size_t left = lanes - lane;
        const vd a = vd_load_part(v + lane, left, 0.0), b = vd_load_part(v + lanes + lane, left, 1.0);
        const vd g = vd_load_part(v + 2 * lanes + lane, left, 0.0);
        vd slope;
        const vd k = k_of(fit, lane, left, g, vd_load_part(v + 3 * lanes + lane, left, 0.0), &slope);
        vd before = C(0.0);
        for (size_t i = lane; i < fit->rows * lanes; i += lanes) {
            const shape s = shape_at(vd_load_part(fit->z + i, left, 0.0), vd_load_part(fit->ln + i, left, 0.0), g, k, c);
            const vd off = vd_load_part(fit->x + i, left, 0.0) - (a + b * (s.T * s.offset));
            const vd u = off * vd_load_part(fit->weight + i, left, 0.0);
            vd_store_part(r + i, left, vd_load_part(fit->step + i, left, 0.0) * (u - before));
            before = u;
        }
    }
}

static void jacobian(const gkv_gk_fit_lanes *fit, const double *v, double *out)
{
    const size_t lanes = fit->lanes, column = fit->rows * lanes;
    const vd c = C(fit->edge->c);
    if (lanes == 1) {
        terms(fit, v, NULL, out);
        return;
    }
    for (size_t lane = 0; lane < lanes; lane += VD_LANES) {
        const size_t left = lanes - lane;
        const vd b = vd_load_part(v + lanes + lane, left, 1.0), g = vd_load_part(v + 2 * lanes + lane, left, 0.0);
        vd slope;
        const vd k = k_of(fit, lane, left, g, vd_load_part(v + 3 * lanes + lane, left, 0.0), &slope);
        vd before_a = C(0.0), before_b = before_a, before_g = before_a, before_k = before_a;
        for (size_t i = lane; i < column; i += lanes) {
            const vd z = vd_load_part(fit->z + i, left, 0.0), ln = vd_load_part(fit->ln + i, left, 0.0);
            const vd step = vd_load_part(fit->step + i, left, 0.0);
            const shape s = shape_at(z, ln, g, k, c);
            const vd u_a = -vd_load_part(fit->weight + i, left, 0.0);
            const vd u_b = s.T * s.offset * u_a, u_k = b * u_b * ln;
            const vd u_g = C(0.5) * c * z * s.sech2 * b * s.offset * u_a + slope * u_k;
            vd_store_part(out + i, left, step * (u_a - before_a));
            vd_store_part(out + column + i, left, step * (u_b - before_b));
            vd_store_part(out + 2 * column + i, left, step * (u_g - before_g));
            vd_store_part(out + 3 * column + i, left, step * (u_k - before_k));
            before_a = u_a, before_b = u_b, before_g = u_g, before_k = u_k;
        }
    }
}

#include "gkfit/fit_sums.h"

GKV_SIMD_TABLE(gkv_gk_fit_kernels,
    .scores = scores, .edge = edge_many, .weights = weights, .residuals = residuals,
    .jacobian = jacobian, .terms = terms, .sums = sums);
