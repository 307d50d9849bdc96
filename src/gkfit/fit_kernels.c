/* The kernels of fits. */
#include "core/simd_types.h"
#include "gkfit/fit_kernels.h"

#define C(x) vd_set(x)

/* --- Normal scores of levels ---------------------------------------------- */

static inline vd polynomial(vd x, const double *coefficients, size_t count)
{
    vd sum = C(coefficients[0]);
    for (size_t i = 1; i < count; i++)
        sum = sum * x + C(coefficients[i]);
    return sum;
}

/* Φ⁻¹ by the central and the intermediate branch of AS 241, which suffice for p ≥ 1e-11. */
static inline vd normal_quantile(vd p)
{
    static const double near_over[8] = {
        2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
        13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608};
    static const double near_under[8] = {
        5226.495278852545925,  28729.085735721942674, 39307.89580009271061,  21213.794301586595867,
        5394.1960214247511077, 687.1870074920579083,  42.313330701600911252, 1.0};
    static const double far_over[8] = {7.7454501427834140764e-4, .0227238449892691845833,
                                       .24178072517745061177,    1.27045825245236838258,
                                       3.64784832476320460504,   5.7694972214606914055,
                                       4.6303378461565452959,    1.42343711074968357734};
    static const double far_under[8] = {1.05075007164441684324e-9, 5.475938084995344946e-4,
                                        .0151986665636164571966,   .14810397642748007459,
                                        .68976733498510000455,     1.6763848301838038494,
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

/* --- The least k ---------------------------------------------------------- */

/* E = (S − 1)(1 + τ/v²), τ = g²/4, and its derivatives in v. */
typedef struct excess_terms {
    vd ratio, S, dS, d2S, E, dE, d2E; /* ratio = τ/v² */
} excess_terms;

static inline excess_terms excess_at(vd v, vd tau, vd c)
{
    const vd one = C(1.0), two = C(2.0);
    const vd e = vd_exp(-two * v), logistic = e / (one + e), tanh_v = one - two * logistic;
    const vd sech2 = C(4.0) * logistic * (one - logistic);
    const vd W = c * sech2 / ((one - c) + two * c * logistic), log_slope = W - two * tanh_v;
    const vd dW = W * log_slope, d2W = dW * log_slope + W * (dW - two * sech2);
    excess_terms t;
    t.S = v * W, t.dS = W + v * dW, t.d2S = two * dW + v * d2W;
    t.ratio = tau / (v * v);
    const vd weighted = (t.S - one) * t.ratio / v;
    t.E = (t.S - one) * (one + t.ratio);
    t.dE = t.dS * (one + t.ratio) - two * weighted;
    t.d2E = t.d2S * (one + t.ratio) - C(4.0) * t.dS * t.ratio / v + C(6.0) * weighted / v;
    return t;
}

/* k_min(g), its slope and its curvature. Linear interpolation in the table leaves an error of 1e-4
 * in the position v of the maximum. Two Newton steps reduce it below 1e-12. The error of E at its
 * maximum is of the order of the square of that. For no v is the result greater than k_min. */
static inline vd k_min_at(const gki_k_min_table *table, vd g, vd *slope, vd *curvature)
{
    const vd size = vd_abs(g), c = C(table->c), tau = C(0.25) * g * g;
    const vd index =
        vd_min(size / (C(2.0) + size) * C(GKV_K_MIN_NODES / table->s_most), C(GKV_K_MIN_NODES));
    double indices[VD_LANES], starts[VD_LANES];
    vd_store(indices, index);
    for (size_t l = 0; l < VD_LANES; l++) {
        const double position = indices[l] > 0 ? indices[l] : 0.0; /* NaN becomes 0 */
        const size_t node = position < GKV_K_MIN_NODES - 1 ? (size_t)position : GKV_K_MIN_NODES - 1;
        starts[l] =
            table->v[node] + (position - (double)node) * (table->v[node + 1] - table->v[node]);
    }
    vd v = vd_load(starts);
    for (int step = 0; step < 2; step++) {
        const excess_terms t = excess_at(v, tau, c);
        const vd move = vd_select(t.d2E < C(0.0), t.dE / t.d2E, C(0.0));
        v = v - vd_max(C(-0.1) * v, vd_min(C(0.1) * v, move));
    }
    const excess_terms t = excess_at(v, tau, c);
    const vd bound = C(0.5) * t.E;
    /* By the envelope theorem the slope is the partial derivative in g. */
    const vd half = C(0.25) * (t.S - C(1.0)) / (v * v), g_slope = half * g;
    const vd mixed = C(0.5) * g * (C(0.5) * t.dS - (t.S - C(1.0)) / v) / (v * v);
    *slope = vd_select(bound > C(-0.5), g_slope, C(0.0));
    const vd second = vd_select(t.d2E < C(0.0), half - mixed * mixed * C(2.0) / t.d2E, C(0.0));
    *curvature = vd_select(bound > C(-0.5), second, C(0.0));
    return vd_select(bound > C(-0.5), bound, C(-0.5));
}

static void k_min_many(size_t n, const gki_k_min_table *table, const double *g, double *k_min,
                       double *slope, double *curvature)
{
    for (size_t i = 0; i < n; i += VD_LANES) {
        vd s, h;
        vd_store_part(k_min + i, n - i, k_min_at(table, vd_load_part(g + i, n - i, 0.0), &s, &h));
        vd_store_part(slope + i, n - i, s);
        vd_store_part(curvature + i, n - i, h);
    }
}

/* --- Least squares on quantiles ------------------------------------------- */

/* T, sech²(gz/2) and z(1 + z²)^k at z. */
typedef struct shape {
    vd T, sech2, offset;
} shape;

static inline shape shape_at(vd z, vd ln, vd g, vd k, vd c)
{
    const vd one = C(1.0), two = C(2.0), zero = C(0.0);
    const vd gz = vd_max(C(-800.0), vd_min(C(800.0), g * z));
    const vd e = vd_exp(-vd_abs(gz)), logistic = e / (one + e), lost = two * c * logistic;
    shape s;
    s.T = vd_select(gz < zero, (one - c) + lost, (one + c) - lost);
    s.sech2 = C(4.0) * logistic * (one - logistic);
    s.offset = z * vd_exp(k * ln);
    return s;
}

/* The excess follows from q''/q' = (z + Q''/Q')/φ. */
static void weights(size_t n, const gkv_gk *gk, const gki_gk_fit_levels *levels, double *weight,
                    double *excess)
{
    const vd one = C(1.0), two = C(2.0), b = C(gk->b), g = C(gk->g), k = C(gk->k), c = C(gk->c);
    for (size_t i = 0; i < n; i += VD_LANES) {
        const size_t left = n - i;
        const vd z = vd_load_part(levels->z + i, left, 0.0),
                 ln = vd_load_part(levels->ln + i, left, 0.0);
        const vd phi = vd_load_part(levels->phi + i, left, 1.0);
        const vd square = z * z, m = one / (one + square), h = square * m;
        const shape s = shape_at(z, ln, g, k, c);
        const vd skew = C(0.5) * c * s.sech2, tanh_gz = (s.T - one) / c;
        const vd tail = vd_select(k < C(0.0), (one + two * k) - two * k * m, one + two * k * h);
        const vd R = s.T * tail + skew * g * z;
        const vd R_z = skew * g * (one + tail - g * z * tanh_gz) + C(4.0) * k * z * m * m * s.T;
        const vd dq = b * R * vd_exp(k * ln);
        vd_store_part(weight + i, left, phi / dq);
        const vd neg_slope = z + two * k * z * m + R_z / R; /* z + Q''/Q' */
        vd_store_part(excess + i, left,
                      vd_load_part(levels->noise + i, left, 0.0) * neg_slope * dq / (phi * phi));
    }
}

/* k of each lane, and its slope in g, from the fourth variable. */
static inline vd k_of(const gki_gk_fit_lanes *fit, size_t lane, size_t left, vd g, vd fourth,
                      vd *slope)
{
    const vd plain = vd_load_part(fit->plain + lane, left, 1.0);
    vd curvature;
    const vd bound = k_min_at(fit->table, g, slope, &curvature);
    *slope = vd_select(plain > C(0.0), C(0.0), *slope);
    return fourth + vd_select(plain > C(0.0), C(0.0), bound);
}

/* Replaces u[n] at the levels by its weighted increments between them. */
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

/* One fit. The vectors run along its levels. The result has the same bits as that of a lane of the
 * other functions. */
static void terms(const gki_gk_fit_lanes *fit, const double *v, double *r, double *out)
{
    const size_t rows = fit->rows;
    double k_min, k_slope, curvature;
    k_min_many(1, fit->table, v + 2, &k_min, &k_slope, &curvature);
    const vd a = C(v[0]), b = C(v[1]), g = C(v[2]), c = C(fit->table->c);
    const vd k = C(v[3] + (fit->plain[0] > 0 ? 0.0 : k_min)),
             slope = C(fit->plain[0] > 0 ? 0.0 : k_slope);
    for (size_t i = 0; i < rows; i += VD_LANES) {
        const size_t left = rows - i;
        const vd z = vd_load_part(fit->z + i, left, 0.0), ln = vd_load_part(fit->ln + i, left, 0.0);
        const shape s = shape_at(z, ln, g, k, c);
        const vd u_a = -vd_load_part(fit->weight + i, left, 0.0), u_b = s.T * s.offset * u_a,
                 u_k = b * u_b * ln;
        if (r)
            vd_store_part(r + i, left,
                          -u_a *
                              (vd_load_part(fit->x + i, left, 0.0) - (a + b * (s.T * s.offset))));
        if (!out)
            continue;
        vd_store_part(out + i, left, u_a);
        vd_store_part(out + rows + i, left, u_b);
        vd_store_part(out + 2 * rows + i, left,
                      C(0.5) * c * z * s.sech2 * b * s.offset * u_a + slope * u_k);
        vd_store_part(out + 3 * rows + i, left, u_k);
    }
    if (r)
        whiten(rows, fit->step, r);
    for (size_t j = 0; out && j < 4; j++)
        whiten(rows, fit->step, out + j * rows);
}

static void residuals(const gki_gk_fit_lanes *fit, const double *v, double *r)
{
    const size_t lanes = fit->lanes;
    const vd c = C(fit->table->c);
    if (lanes == 1) {
        terms(fit, v, r, NULL);
        return;
    }
    for (size_t lane = 0; lane < lanes; lane += VD_LANES) {
        const size_t left = lanes - lane;
        const vd a = vd_load_part(v + lane, left, 0.0),
                 b = vd_load_part(v + lanes + lane, left, 1.0);
        const vd g = vd_load_part(v + 2 * lanes + lane, left, 0.0);
        vd slope;
        const vd k =
            k_of(fit, lane, left, g, vd_load_part(v + 3 * lanes + lane, left, 0.0), &slope);
        vd before = C(0.0);
        for (size_t i = lane; i < fit->rows * lanes; i += lanes) {
            const shape s = shape_at(vd_load_part(fit->z + i, left, 0.0),
                                     vd_load_part(fit->ln + i, left, 0.0), g, k, c);
            const vd off = vd_load_part(fit->x + i, left, 0.0) - (a + b * (s.T * s.offset));
            const vd u = off * vd_load_part(fit->weight + i, left, 0.0);
            vd_store_part(r + i, left, vd_load_part(fit->step + i, left, 0.0) * (u - before));
            before = u;
        }
    }
}

static void jacobian(const gki_gk_fit_lanes *fit, const double *v, double *out)
{
    const size_t lanes = fit->lanes, column = fit->rows * lanes;
    const vd c = C(fit->table->c);
    if (lanes == 1) {
        terms(fit, v, NULL, out);
        return;
    }
    for (size_t lane = 0; lane < lanes; lane += VD_LANES) {
        const size_t left = lanes - lane;
        const vd b = vd_load_part(v + lanes + lane, left, 1.0),
                 g = vd_load_part(v + 2 * lanes + lane, left, 0.0);
        vd slope;
        const vd k =
            k_of(fit, lane, left, g, vd_load_part(v + 3 * lanes + lane, left, 0.0), &slope);
        vd before_a = C(0.0), before_b = before_a, before_g = before_a, before_k = before_a;
        for (size_t i = lane; i < column; i += lanes) {
            const vd z = vd_load_part(fit->z + i, left, 0.0),
                     ln = vd_load_part(fit->ln + i, left, 0.0);
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

/* --- Log-likelihood, score and Hessian of a sample ------------------------ */

/* With z(x,θ) implicit in x = Q(z,θ), L = log Q', ζ_a = −Q_a/Q' and ρ = z + L_z,
 *
 *     ∂_a log f  = −ρ ζ_a − L_a
 *     ∂_ab log f = −(1 + L_zz) ζ_a ζ_b − L_az ζ_b − L_bz ζ_a − L_ab
 *                  + ρ (Q_ab/Q' + L_a ζ_b + L_b ζ_a + L_z ζ_a ζ_b)
 *
 * where all derivatives on the right are at fixed z. */

/* The derivatives of L, and those of Q divided by Q', except the trivial ones. */
typedef struct point {
    vd log_dq, L_z, L_zz, L_g, L_k, L_gz, L_kz, L_gg, L_gk, L_kk;
    vd zeta[4];          /* −Q_a/Q' */
    vd q_gg, q_gk, q_kk; /* Q_ab/Q' */
} point;

static inline __attribute__((always_inline)) point point_at(vd z, vd b, vd g, vd k, vd c)
{
    const vd one = C(1.0), two = C(2.0), four = C(4.0), half = C(0.5), zero = C(0.0);
    const vd square = z * z, ln = vd_log1p(square), m = one / (one + square);
    const vd h = vd_select(square < one, square * m, one - m);
    const vd gz = vd_max(C(-800.0), vd_min(C(800.0), g * z));
    const vd e = vd_exp(-vd_abs(gz)), logistic = e / (one + e), lost = two * c * logistic;
    const vd size = one - two * logistic, t = vd_select(gz < zero, -size, size);
    const vd s2 = four * logistic * (one - logistic), d = half * s2 - t * t;
    const vd T = vd_select(gz < zero, (one - c) + lost, (one + c) - lost);
    /* Partial derivatives of T: T_gz is ∂²T/∂g∂z. A prefix z or g means that the derivative is
     * multiplied by it. */
    const vd half_c = half * c * s2;
    const vd T_z = half_c * g, T_zz = -half_c * g * g * t, zT_zzz = -half_c * g * g * gz * d;
    const vd T_g = half_c * z, T_gg = -half_c * square * t, gT_ggg = -half_c * square * gz * d;
    const vd T_gz = half_c * (one - gz * t), gT_ggz = -half_c * gz * (two * t + gz * d);
    const vd tail = vd_select(k < zero, (one + two * k) - two * k * m, one + two * k * h);
    const vd tail_z = four * k * z * m * m;
    const vd R = T * tail + half_c * gz, inverse = one / R;
    const vd R_z = (T_z * (one + tail - gz * t) + tail_z * T) * inverse;
    const vd R_zz = (T_zz * (two + tail) + two * tail_z * T_z +
                     four * k * m * m * (one - four * h) * T + zT_zzz) *
                    inverse;
    const vd R_g = T_g * (one + tail - gz * t) * inverse, R_k = two * h * T * inverse;
    const vd R_gg = (T_gg * (two + tail) + gT_ggg) * inverse, R_gk = two * h * T_g * inverse;
    const vd R_gz = (T_gz * (one + tail) + T_g * tail_z + gT_ggz) * inverse;
    const vd R_kz = (four * z * m * m * T + two * h * T_z) * inverse;
    const vd y = z * T * inverse, y_g = z * T_g * inverse; /* (Q − A)/Q', Q_g/Q' */
    const vd Q = vd_exp(-k * ln) * inverse / b;            /* 1/Q' */
    point p;
    p.log_dq = vd_log(b * R) + k * ln;
    p.L_z = two * k * z * m + R_z;
    p.L_zz = two * k * m * (one - two * h) + R_zz - R_z * R_z;
    p.L_g = R_g, p.L_k = ln + R_k;
    p.L_gz = R_gz - R_z * R_g, p.L_kz = two * z * m + R_kz - R_z * R_k;
    p.L_gg = R_gg - R_g * R_g, p.L_gk = R_gk - R_g * R_k, p.L_kk = -R_k * R_k;
    p.zeta[0] = -Q, p.zeta[1] = -y / b, p.zeta[2] = -y_g, p.zeta[3] = -y * ln;
    p.q_gg = z * T_gg * inverse, p.q_gk = y_g * ln, p.q_kk = y * ln * ln;
    return p;
}

static inline double sum_of(vd v)
{
    double lanes[VD_LANES], sum = 0.0;
    vd_store(lanes, v);
    for (size_t l = 0; l < VD_LANES; l++)
        sum += lanes[l];
    return sum;
}

static void sums(size_t n, const gkv_gk *gk, const double *z, const double *weight,
                 gki_gk_sums *out)
{
    static const double ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    const vd zero = C(0.0), one = C(1.0), b = C(gk->b), g = C(gk->g), k = C(gk->k), c = C(gk->c);
    vd density = zero, score[4] = {zero, zero, zero, zero}, hessian[GKV_GK_PAIRS],
       outer[GKV_GK_PAIRS];
    for (size_t j = 0; j < GKV_GK_PAIRS; j++)
        hessian[j] = outer[j] = zero;
    for (size_t i = 0; i < n; i += VD_LANES) {
        const size_t left = n - i;
        const vd value = vd_load_part(z + i, left, 0.0);
        /* lanes beyond the end have weight 0 */
        const vd w = weight ? vd_load_part(weight + i, left, 0.0) : vd_load_part(ones, left, 0.0);
        const point p = point_at(value, b, g, k, c);
        const vd neg_slope = value + p.L_z, curvature = one + p.L_zz - neg_slope * p.L_z;
        const vd L[4] = {zero, one / b, p.L_g, p.L_k}, L_z[4] = {zero, zero, p.L_gz, p.L_kz};
        const vd L_ab[GKV_GK_PAIRS] = {zero, zero, zero,   zero,   -one / (b * b),
                                       zero, zero, p.L_gg, p.L_gk, p.L_kk};
        const vd q_ab[GKV_GK_PAIRS] = {zero,           zero,           zero,   zero,   zero,
                                       -p.zeta[2] / b, -p.zeta[3] / b, p.q_gg, p.q_gk, p.q_kk};
        vd s[4];
        density = density - w * (C(0.5) * value * value + p.log_dq);
        for (size_t j = 0; j < 4; j++) {
            s[j] = -neg_slope * p.zeta[j] - L[j];
            score[j] = score[j] + w * s[j];
        }
        for (size_t j = 0, pair = 0; j < 4; j++)
            for (size_t l = j; l < 4; l++, pair++) {
                const vd cross = neg_slope * (q_ab[pair] + L[j] * p.zeta[l] + L[l] * p.zeta[j]) -
                                 L_z[j] * p.zeta[l] - L_z[l] * p.zeta[j] - L_ab[pair];
                hessian[pair] = hessian[pair] + w * (cross - curvature * p.zeta[j] * p.zeta[l]);
                outer[pair] = outer[pair] + w * s[j] * s[l];
            }
    }
    out->log_likelihood += sum_of(density);
    for (size_t j = 0; j < 4; j++)
        out->score[j] += sum_of(score[j]);
    for (size_t j = 0; j < GKV_GK_PAIRS; j++)
        out->hessian[j] += sum_of(hessian[j]), out->outer[j] += sum_of(outer[j]);
}

/* --- Derivatives of a distribution function ------------------------------- */

/* z(x,θ) of an edge x has the derivatives ζ_a and
 *
 *     ζ_ab = −(Q_ab/Q' + L_a ζ_b + L_b ζ_a + L_z ζ_a ζ_b)
 *
 * and Φ(z), divided by φ(z), has the derivatives ζ_a and ζ_ab − z ζ_a ζ_b. */
static void edges(size_t n, const gkv_gk *gk, const double *z, double *slope, double *curvature)
{
    const vd zero = C(0.0), one = C(1.0), b = C(gk->b), g = C(gk->g), k = C(gk->k), c = C(gk->c);
    for (size_t i = 0; i < n; i += VD_LANES) {
        const size_t left = n - i;
        const vd value = vd_load_part(z + i, left, 0.0);
        const point p = point_at(value, b, g, k, c);
        const vd L[4] = {zero, one / b, p.L_g, p.L_k};
        const vd q_ab[GKV_GK_PAIRS] = {zero,           zero,           zero,   zero,   zero,
                                       -p.zeta[2] / b, -p.zeta[3] / b, p.q_gg, p.q_gk, p.q_kk};
        for (size_t j = 0; j < 4; j++)
            vd_store_part(slope + j * n + i, left, p.zeta[j]);
        for (size_t j = 0, pair = 0; curvature && j < 4; j++)
            for (size_t l = j; l < 4; l++, pair++)
                vd_store_part(curvature + pair * n + i, left,
                              -q_ab[pair] - L[j] * p.zeta[l] - L[l] * p.zeta[j] -
                                  (p.L_z + value) * p.zeta[j] * p.zeta[l]);
    }
}

GKV_SIMD_TABLE(gki_gk_fit_kernels, .scores = scores, .k_min = k_min_many, .weights = weights,
               .residuals = residuals, .jacobian = jacobian, .terms = terms, .sums = sums,
               .edges = edges);
