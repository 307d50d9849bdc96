/* Included by fit_kernels.c: log-likelihood, score and Hessian of a sample.
 *
 * With z(x,θ) implicit in x = Q(z,θ), L = log Q', ζ_a = −Q_a/Q' and ρ = z + L_z,
 *
 *     ∂_a log f  = −ρ ζ_a − L_a
 *     ∂_ab log f = −(1 + L_zz) ζ_a ζ_b − L_az ζ_b − L_bz ζ_a − L_ab
 *                  + ρ (Q_ab/Q' + L_a ζ_b + L_b ζ_a + L_z ζ_a ζ_b)
 *
 * where all derivatives on the right are at fixed z. */

/* L's derivatives, and those of Q over Q', that are not 0 or trivial. */
typedef struct point {
    vd log_dq, L_z, L_zz, L_g, L_k, L_gz, L_kz, L_gg, L_gk, L_kk;
    vd zeta[4];          /* −Q_a/Q' */
    vd q_gg, q_gk, q_kk; /* Q_ab/Q' */
} point;

static inline point point_at(vd z, vd b, vd g, vd k, vd c)
{
    const vd one = C(1.0), two = C(2.0), four = C(4.0), half = C(0.5), zero = C(0.0);
    const vd square = z * z, ln = vd_log1p(square), m = one / (one + square);
    const vd h = vd_select(square < one, square * m, one - m);
    const vd gz = vd_max(C(-800.0), vd_min(C(800.0), g * z));
    const vd e = vd_exp(-vd_abs(gz)), share = e / (one + e), lost = two * c * share;
    const vd size = one - two * share, t = vd_select(gz < zero, -size, size);
    const vd s2 = four * share * (one - share), d = half * s2 - t * t;
    const vd T = vd_select(gz < zero, (one - c) + lost, (one + c) - lost);
    /* T's derivatives in z, z twice, g, g twice, g and z; times g or z where that stands by them */
    const vd half_c = half * c * s2;
    const vd T_z = half_c * g, T_zz = -half_c * g * g * t, zT_zzz = -half_c * g * g * gz * d;
    const vd T_g = half_c * z, T_gg = -half_c * square * t, gT_ggg = -half_c * square * gz * d;
    const vd T_gz = half_c * (one - gz * t), gT_ggz = -half_c * gz * (two * t + gz * d);
    const vd tail = vd_select(k < zero, (one + two * k) - two * k * m, one + two * k * h);
    const vd tail_z = four * k * z * m * m;
    const vd R = T * tail + half_c * gz, inverse = one / R;
    const vd R_z = (T_z * (one + tail - gz * t) + tail_z * T) * inverse;
    const vd R_zz = (T_zz * (two + tail) + two * tail_z * T_z + four * k * m * m * (one - four * h) * T + zT_zzz) * inverse;
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

static void sums(size_t n, const gkv_gk *gk, const double *z, const double *weight, gkv_gk_sums *out)
{
    static const double ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    const vd zero = C(0.0), one = C(1.0), b = C(gk->b), g = C(gk->g), k = C(gk->k), c = C(gk->c);
    vd density = zero, score[4] = {zero, zero, zero, zero}, hessian[GKV_GK_PAIRS], outer[GKV_GK_PAIRS];
    for (size_t j = 0; j < GKV_GK_PAIRS; j++)
        hessian[j] = outer[j] = zero;
    for (size_t i = 0; i < n; i += VD_LANES) {
        const size_t left = n - i;
        const vd at = vd_load_part(z + i, left, 0.0);
        /* lanes beyond the end have weight 0 */
        const vd w = weight ? vd_load_part(weight + i, left, 0.0) : vd_load_part(ones, left, 0.0);
        const point p = point_at(at, b, g, k, c);
        const vd pull = at + p.L_z, bend = one + p.L_zz - pull * p.L_z;
        const vd L[4] = {zero, one / b, p.L_g, p.L_k}, L_z[4] = {zero, zero, p.L_gz, p.L_kz};
        const vd L_ab[GKV_GK_PAIRS] = {zero, zero, zero, zero, -one / (b * b), zero, zero, p.L_gg, p.L_gk, p.L_kk};
        const vd q_ab[GKV_GK_PAIRS] = {zero,   zero,   zero, zero, zero, -p.zeta[2] / b, -p.zeta[3] / b,
                                       p.q_gg, p.q_gk, p.q_kk};
        vd s[4];
        density = density - w * (C(0.5) * at * at + p.log_dq);
        for (size_t j = 0; j < 4; j++) {
            s[j] = -pull * p.zeta[j] - L[j];
            score[j] = score[j] + w * s[j];
        }
        for (size_t j = 0, pair = 0; j < 4; j++)
            for (size_t l = j; l < 4; l++, pair++) {
                const vd cross = pull * (q_ab[pair] + L[j] * p.zeta[l] + L[l] * p.zeta[j]) - L_z[j] * p.zeta[l] -
                                 L_z[l] * p.zeta[j] - L_ab[pair];
                hessian[pair] = hessian[pair] + w * (cross - bend * p.zeta[j] * p.zeta[l]);
                outer[pair] = outer[pair] + w * s[j] * s[l];
            }
    }
    out->log_likelihood += sum_of(density);
    for (size_t j = 0; j < 4; j++)
        out->score[j] += sum_of(score[j]);
    for (size_t j = 0; j < GKV_GK_PAIRS; j++)
        out->hessian[j] += sum_of(hessian[j]), out->outer[j] += sum_of(outer[j]);
}
