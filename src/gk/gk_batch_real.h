/* Included twice by batch_kernels.c, which says what REAL, V, F and S are.
 * For s = |z| ≥ 0, the sign of z being moved into g: gs = g·s, tanh of gs/2, T = 1 + c·tanh, dT = ∂T/∂s, ln = log(1 + s²),
 * m = 1/(1 + s²), h = 1 − m, tail = 1 + 2kh, R = the bracket of Q' = B (1 + s²)^k R. */

typedef struct S(terms) {
    V gs, tanh, sech2, T, dT, ln, m, h, tail, R;
} S(terms);

static inline V S(constant)(double x)
{
    return F(set)((REAL)x);
}

/* log(1+s²), given m ≈ 1/(1+s²): the rounding of 1+s² is put back; far out it is 2 log s. */
static inline V S(log1p_square)(V s, V m)
{
    const V one = S(constant)(1.0), square = s * s, sum = one + square;
    const V far = F(log)(F(select)(s < F(set)(FAR_OUT), sum, s));
    return F(select)(s < F(set)(FAR_OUT), far + (square - (sum - one)) * m, far + far);
}

static inline S(terms) S(terms_at)(V s, V g, V k, V c)
{
    const V one = S(constant)(1.0), two = S(constant)(2.0), zero = S(constant)(0.0);
    S(terms) t;
    t.gs = F(max)(S(constant)(-800.0), F(min)(S(constant)(800.0), g * s));
    const V e = F(exp)(-F(abs)(t.gs)), share = e / (one + e), by = one - share; /* 1/(1+e) */
    const V size = one - two * share;
    t.tanh = F(select)(t.gs < zero, -size, size);
    t.sech2 = S(constant)(4.0) * share * by;
    t.T = F(select)(t.gs < zero, (one - c) + two * c * share, (one + c) - two * c * share);
    t.dT = S(constant)(0.5) * c * g * t.sech2;
    t.m = one / (one + s * s);
    t.ln = S(log1p_square)(s, t.m);
    t.h = F(select)(s < one, s * s * t.m, one - t.m);
    t.tail = F(select)(k < zero, (one + two * k) - two * k * t.m, one + two * k * t.h);
    t.R = t.T * t.tail + S(constant)(0.5) * c * t.gs * t.sech2;
    return t;
}

/* d log Q'/ds */
static inline V S(ratio_of)(const S(terms) *t, V s, V k)
{
    const V bend = t->dT * (S(constant)(1.0) + t->tail - t->gs * t->tanh) +
                   S(constant)(4.0) * k * s * t->m * t->m * t->T;
    return S(constant)(2.0) * k * s * t->m + bend / t->R;
}

/* tanh x ≈ up/down for |x| < 3 */
static inline V S(tanh_parts)(V x, V *down)
{
    const V three = S(constant)(3.0), many = S(constant)(27.0);
    x = F(max)(-three, F(min)(three, x));
    *down = many + S(constant)(9.0) * x * x;
    return x * (many + x * x);
}

/* Where the iteration starts. s (1+s²)^k T(s) = y without its second factor, w T = y, is
 * solved roughly, T taken at s ≈ w/(1+kw); then the curve s = w (1+w²)^(−k/(1+2k)), which has
 * both asymptotes of s (1+s²)^k = w right. */
static inline V S(start)(V y, V by_y, V g, V k, V c)
{
    const V one = S(constant)(1.0), zero = S(constant)(0.0), half_g = S(constant)(0.5) * g, rise = F(max)(zero, k);
    V w = y, down;
    for (int pass = 0; pass < 2; pass++) {
        const V up = S(tanh_parts)(half_g * w / (one + rise * w), &down);
        w = y * (down / (down + c * up));
    }
    /* Where T falls nearly as fast as s rises, that hardly moves: Newton's method in log w. */
    const F(mask) slow = -g > S(constant)(0.7) + S(constant)(4.0) * rise;
    if (F(any)(slow)) {
        const V flat = one / (one + rise * w);
        V v = w;
        for (int pass = 0; pass < 2; pass++) {
            /* with log(wT/y) ≈ 3(q²−1)/(q²+4q+1), q = wT/y, and exp by its Padé approximant,
             * all over one denominator */
            const V x = half_g * flat * v, up = S(tanh_parts)(x, &down), T_down = down + c * up, both = down * T_down;
            const V bend = both + c * flat * x * (down * down - up * up);
            const V q = F(min)(S(constant)(10.0) * down, v * by_y * T_down), q2 = q * q, down2 = down * down;
            const V bottom = (q2 + S(constant)(4.0) * q * down + down2) * F(max)(S(constant)(0.2) * both, bend);
            const V top = F(max)(-bottom, F(min)(bottom, S(constant)(3.0) * (down2 - q2) * both));
            const V even = S(constant)(12.0) * bottom * bottom + top * top, odd = S(constant)(6.0) * top * bottom;
            v = v * ((even + odd) / (even - odd));
        }
        w = F(select)(slow, v, w);
    }
    return w * F(exp)(-k / F(max)(S(constant)(0.05), one + k + k) * S(log1p_square)(w, zero));
}

/* A vector of roots on their way: s is the guess, low and high are its bracket. */
typedef struct S(root) {
    V y, g, k, by_y, rest, s, low, high; /* 1/y is by_y (1 + rest) */
    F(mask) open;
} S(root);

static inline S(root) S(begin)(V y, V g, V k, V c)
{
    const V low = F(set)(LEAST), high = F(set)(MOST);
    S(root) r = {.y = F(min)(y, F(set)(LARGEST)), .g = g, .k = k, .low = low, .high = high};
    r.by_y = S(constant)(1.0) / r.y;
    r.rest = F(fma)(-r.y, r.by_y, S(constant)(1.0));
    r.s = F(max)(low, F(min)(high, S(start)(F(min)(r.y, high), r.by_y, g, k, c)));
    r.s = F(select)(r.y > low, r.s, r.y);
    /* Tiny y is its own root, done before it begins. */
    r.open = r.y > low;
    return r;
}

/* One step of solving F(t) = t + k log(1+s²) + log T(s) − log y = 0, t = log s, for y > 0 by
 * Householder's method of the fourth order. F' = R/T, and the higher derivatives are
 * rational in what F takes, so a step needs two logarithms and one exponential; exp(step)
 * is its [2/2] Padé approximant, since all that an inexact factor costs is a part of the
 * next step. Divisions are slow: the step stays a fraction up/down until it is taken. A
 * bracket catches what is thrown too far, and from the eighth step on every other step
 * halves it. Settled lanes keep their value: no lane sees its neighbours. */
static inline void S(improve)(S(root) *root, V c, int step)
{
    const V one = S(constant)(1.0), two = S(constant)(2.0), half = S(constant)(0.5), bound = S(constant)(3.0);
    const V s = root->s, k = root->k;
    const S(terms) t = S(terms_at)(s, root->g, k, c);
    const V value = F(fma)(k, t.ln, F(log)(s * root->by_y * t.T) + root->rest);
    const V low = F(select)(value < S(constant)(0.0), F(max)(root->low, s), root->low);
    const V high = F(select)(value < S(constant)(0.0), root->high, F(min)(root->high, s));
    /* F' = tail + skew and, with d/dt, its derivatives over F' */
    const V both = one / (t.T * t.R), by_T = t.R * both, by_slope = t.T * t.T * both;
    const V skew = t.dT * s * by_T, turn = t.gs * t.tanh, q = one - turn - skew;
    const V hm = S(constant)(4.0) * k * t.h * t.m;
    const V relative = (hm + skew * q) * by_slope;
    const V second = (two * hm * (t.m - t.h) +
                      skew * (q * q - turn - half * t.gs * t.gs * t.sech2 - skew * q)) * by_slope;
    const V newton = -value * by_slope, nr = newton * relative, wide = newton * newton * F(abs)(second);
    /* Where the third derivative is more than a correction: Halley's method. */
    const V third = F(select)(wide < one, newton * newton * second * S(constant)(1.0 / 6.0), S(constant)(0.0));
    const V down = F(max)(S(constant)(0.25), one + nr + third);
    V up = newton * F(max)(half, one + half * nr);
    up = F(max)(-bound * down, F(min)(bound * down, up));
    const V even = S(constant)(12.0) * down * down + up * up, odd = S(constant)(6.0) * up * down;
    V next = s * ((even + odd) / (even - odd));
    const F(mask) inside = (next > low) & (next < high);
    const F(mask) shut = high <= low * F(set)(NARROW);
    /* small by itself and on the scales on which F' changes */
    F(mask) done = (newton * newton + nr * nr + wide < F(set)(SETTLED)) | shut;
    if (step >= 8 && step % 2)
        done = shut, next = F(sqrt)(low) * F(sqrt)(high);
    else if (F(any)(root->open & (inside == 0)))
        next = F(select)(inside | done, next, F(sqrt)(low) * F(sqrt)(high));
    root->s = F(select)(root->open, next, s);
    root->low = low, root->high = high;
    root->open = root->open & (done == 0);
}

/* log f from the root alone: with T W s = y, Q' = B W R is (x−A)/s · R/T, and log(1+s²) is not
 * needed. −∞ where s was held. */
static inline V S(log_density)(V s, V size, V b, V g, V k, V c)
{
    const V one = S(constant)(1.0), two = S(constant)(2.0), half = S(constant)(0.5), zero = S(constant)(0.0);
    const V gs = F(max)(S(constant)(-800.0), F(min)(S(constant)(800.0), g * s));
    const V e = F(exp)(-F(abs)(gs)), share = e / (one + e), m = one / (one + s * s);
    const V T = F(select)(gs < zero, (one - c) + two * c * share, (one + c) - two * c * share);
    const V h = F(select)(s < one, s * s * m, one - m);
    const V tail = F(select)(k < zero, (one + two * k) - two * k * m, one + two * k * h);
    const V R = T * tail + two * c * gs * share * (one - share);
    /* A tiny s is y, and T is 1. */
    const F(mask) tiny = s <= F(set)(LEAST);
    const V slope = F(select)(tiny, b, size) * (R / F(select)(tiny, one, s * T));
    const V value = -half * s * s - S(constant)(0.91893853320467274178) - F(log)(slope);
    return F(select)(s < F(set)(MOST), value, F(log)(zero * s) + (s - s));
}

/* What is wanted of one vector of roots, stored at p of each array. */
static inline void S(finish)(const S(root) *root, V offset, V b, V c, size_t p, size_t left, REAL *z, REAL *log_dq,
                             REAL *dq, REAL *ratio, REAL *log_pdf)
{
    const V zero = S(constant)(0.0), g = root->g, k = root->k;
    const F(mask) negative = offset < zero;
    /* offset − offset: 0, or NaN that comes through to every output */
    const V s = F(min)(root->s, F(set)(MOST)) + (offset - offset);
    if (z)
        F(store_part)(z + p, left, F(select)(negative, -s, s));
    if (log_pdf)
        F(store_part)(log_pdf + p, left, S(log_density)(s, F(abs)(offset), b, g, k, c));
    if (!log_dq && !dq && !ratio)
        return;
    const S(terms) t = S(terms_at)(s, g, k, c);
    if (log_dq)
        F(store_part)(log_dq + p, left, F(log)(b * t.R) + k * t.ln);
    if (dq)
        F(store_part)(dq + p, left, b * t.R * F(exp)(k * t.ln));
    if (ratio) {
        const V r = S(ratio_of)(&t, s, k);
        F(store_part)(ratio + p, left, F(select)(negative, -r, r));
    }
}

/* Several vectors side by side, step by step: the steps of one wait for each other, those of
 * several keep the processor busy. */
static void S(inverse)(size_t n, const S(gkv_gk_tile) *tile, const REAL *x, REAL *z, REAL *log_dq, REAL *dq,
                       REAL *ratio, REAL *log_pdf)
{
    const V zero = S(constant)(0.0), c = F(set)(tile->c);
    const size_t onward = LANES % tile->period;
    S(root) roots[SIDE_BY_SIDE];
    V offset[SIDE_BY_SIDE], scale[SIDE_BY_SIDE];
    for (size_t i = 0, column = 0; i < n;) {
        size_t count = 0;
        for (size_t at = i; count < SIDE_BY_SIDE && at < n; count++, at += LANES) {
            const V g = F(load)(tile->g + column);
            offset[count] = F(load_part)(x + at, n - at, 0) - F(load)(tile->a + column);
            scale[count] = F(load)(tile->b + column);
            roots[count] = S(begin)(F(abs)(offset[count]) / scale[count], F(select)(offset[count] < zero, -g, g),
                                    F(load)(tile->k + column), c);
            column = next_column(column, onward, tile->period);
        }
        size_t busy = count;
        for (int step = 0; step < 120 && busy > 0; step++) {
            busy = 0;
            for (size_t v = 0; v < count; v++) {
                if (!F(any)(roots[v].open))
                    continue;
                S(improve)(&roots[v], c, step);
                busy++;
            }
        }
        for (size_t v = 0; v < count; v++, i += LANES)
            S(finish)(&roots[v], offset[v], scale[v], c, i, n - i, z, log_dq, dq, ratio, log_pdf);
    }
}

/* All outputs of one vector of z, which is at p of each output array. */
static inline void S(forward_lanes)(V z, V a, V b, V g, V k, V c, const S(gkv_gk_outputs) *out, size_t p, size_t left)
{
    const V zero = S(constant)(0.0), one = S(constant)(1.0), two = S(constant)(2.0);
    const F(mask) negative = z < zero;
    const V s = F(abs)(z);
    const V side = F(select)(negative, -one, one);
    g = side * g;
    const S(terms) t = S(terms_at)(s, g, k, c);
    const V W = b * F(exp)(k * t.ln), offset = z * W; /* (Q−A)/T */
    const V T_g = S(constant)(0.5) * c * s * t.sech2; /* by the moved sign; `side` takes it back */
    if (out->x)
        F(store_part)(out->x + p, left, a + t.T * offset);
    if (out->dq)
        F(store_part)(out->dq + p, left, t.R * W);
    if (out->log_dq)
        F(store_part)(out->log_dq + p, left, F(log)(b * t.R) + k * t.ln);
    if (out->ratio)
        F(store_part)(out->ratio + p, left, side * S(ratio_of)(&t, s, k));
    if (out->x_g)
        F(store_part)(out->x_g + p, left, side * T_g * offset);
    if (out->x_k)
        F(store_part)(out->x_k + p, left, t.T * offset * t.ln);
    if (out->log_dq_g)
        F(store_part)(out->log_dq_g + p, left, side * T_g * (one + t.tail - t.gs * t.tanh) / t.R);
    if (out->log_dq_k)
        F(store_part)(out->log_dq_k + p, left, t.ln + two * t.T * t.h / t.R);
}

static void S(forward)(size_t n, const S(gkv_gk_tile) *tile, const REAL *z, const S(gkv_gk_outputs) *out)
{
    const S(gkv_gk_outputs) o = *out;
    const size_t onward = LANES % tile->period;
    for (size_t i = 0, column = 0; i < n; i += LANES, column = next_column(column, onward, tile->period))
        S(forward_lanes)(F(load_part)(z + i, n - i, 0), F(load)(tile->a + column), F(load)(tile->b + column),
                         F(load)(tile->g + column), F(load)(tile->k + column), F(set)(tile->c), &o, i, n - i);
}

static void S(shape)(size_t n, const REAL *g, const REAL *k, REAL c, const REAL *u, const S(gkv_gk_outputs) *out)
{
    const S(gkv_gk_outputs) o = *out;
    for (size_t i = 0; i < n; i += LANES)
        S(forward_lanes)(F(load_part)(u + i, n - i, 0), S(constant)(0.0), S(constant)(1.0),
                         F(load_part)(g + i, n - i, 0), F(load_part)(k + i, n - i, 0), F(set)(c), &o, i, n - i);
}
