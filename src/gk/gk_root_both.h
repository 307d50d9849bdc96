/* The terms of Q and the iteration for Q⁻¹, for both numeric types (core/both_types.h); part of
 * gk_root.h.
 *
 * The kernels compute with s = |z| ≥ 0. For z < 0 they change the sign of g. The terms are gs =
 * g·s, tanh = tanh(gs/2), sech2 = 1 − tanh², T = 1 + c·tanh, dT = ∂T/∂s, ln = log(1 + s²), m = 1/(1
 * + s²), h = 1 − m, tail = 1 + 2kh, and R with Q' = B (1 + s²)^k R. */

typedef struct S(terms) {
    V gs, tanh, sech2, T, dT, ln, m, h, tail, R;
} S(terms);

static inline V S(constant)(double x)
{
    return F(set)((REAL)x);
}

/* log(1+s²), given m ≈ 1/(1+s²). A first-order term corrects the rounding of 1+s². For large s the
 * result is 2 log s. */
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
    const V e = F(exp)(-F(abs)(t.gs)), logistic = e / (one + e), by = one - logistic; /* 1/(1+e) */
    const V size = one - two * logistic;
    t.tanh = F(select)(t.gs < zero, -size, size);
    t.sech2 = S(constant)(4.0) * logistic * by;
    t.T = F(select)(t.gs < zero, (one - c) + two * c * logistic, (one + c) - two * c * logistic);
    t.dT = S(constant)(0.5) * c * g * t.sech2;
    t.m = one / (one + s * s);
    t.ln = S(log1p_square)(s, t.m);
    t.h = F(select)(s < one, s * s * t.m, one - t.m);
    t.tail = F(select)(k < zero, (one + two * k) - two * k * t.m, one + two * k * t.h);
    t.R = t.T * t.tail + S(constant)(0.5) * c * t.gs * t.sech2;
    return t;
}

/* d log Q'/ds */
static inline V S(ratio_of)(const S(terms) * t, V s, V k)
{
    const V dR = t->dT * (S(constant)(1.0) + t->tail - t->gs * t->tanh) +
                 S(constant)(4.0) * k * s * t->m * t->m * t->T;
    return S(constant)(2.0) * k * s * t->m + dR / t->R;
}

/* tanh x ≈ up/down for |x| < 3 */
static inline V S(tanh_parts)(V x, V *down)
{
    const V three = S(constant)(3.0), many = S(constant)(27.0);
    x = F(max)(-three, F(min)(three, x));
    *down = many + S(constant)(9.0) * x * x;
    return x * (many + x * x);
}

/* The initial value of the iteration for s (1+s²)^k T(s) = y. First, w T = y is solved
 * approximately, with T at s ≈ w/(1+kw). Then s = w (1+w²)^(−k/(1+2k)), which has both asymptotes
 * of the solution of s (1+s²)^k = w. */
static inline V S(start)(V y, V by_y, V g, V k, V c)
{
    const V one = S(constant)(1.0), zero = S(constant)(0.0), half_g = S(constant)(0.5) * g,
            rise = F(max)(zero, k);
    V w = y, down;
    for (int iteration = 0; iteration < 2; iteration++) {
        const V up = S(tanh_parts)(half_g * w / (one + rise * w), &down);
        w = y * (down / (down + c * up));
    }
    /* If T decreases nearly as fast as s increases, this iteration is slow. Newton's method in log
     * w replaces it. */
    const F(mask) slow = -g > S(constant)(0.7) + S(constant)(4.0) * rise;
    if (F(any)(slow)) {
        const V flat = one / (one + rise * w);
        V v = w;
        for (int iteration = 0; iteration < 2; iteration++) {
            /* The step uses log(wT/y) ≈ 3(q²−1)/(q²+4q+1) with q = wT/y, and the Padé approximant
             * of exp. All terms have one common denominator. */
            const V x = half_g * flat * v, up = S(tanh_parts)(x, &down), T_down = down + c * up,
                    both = down * T_down;
            const V slope = both + c * flat * x * (down * down - up * up);
            const V q = F(min)(S(constant)(10.0) * down, v * by_y * T_down), q2 = q * q,
                    down2 = down * down;
            const V bottom =
                (q2 + S(constant)(4.0) * q * down + down2) * F(max)(S(constant)(0.2) * both, slope);
            const V top = F(max)(-bottom, F(min)(bottom, S(constant)(3.0) * (down2 - q2) * both));
            const V even = S(constant)(12.0) * bottom * bottom + top * top,
                    odd = S(constant)(6.0) * top * bottom;
            v = v * ((even + odd) / (even - odd));
        }
        w = F(select)(slow, v, w);
    }
    return w * F(exp)(-k / F(max)(S(constant)(0.05), one + k + k) * S(log1p_square)(w, zero));
}

/* The state of the iteration for a vector of roots. */
typedef struct S(root) {
    V y, g, k;    /* the equation: |x − A|/B, g with the sign of the side, and k */
    V by_y, rest; /* 1/y = by_y (1 + rest) in more than working precision */
    V s;          /* the current approximation of the root */
    V low, high;  /* a bracket of the root */
    F(mask) open; /* the lanes that have not converged */
} S(root);

static inline S(root) S(begin)(V y, V g, V k, V c)
{
    const V low = F(set)(Z_MIN), high = F(set)(Z_MAX);
    S(root) r = {.y = F(min)(y, F(set)(LARGEST)), .g = g, .k = k, .low = low, .high = high};
    r.by_y = S(constant)(1.0) / r.y;
    r.rest = F(fma)(-r.y, r.by_y, S(constant)(1.0));
    r.s = F(max)(low, F(min)(high, S(start)(F(min)(r.y, high), r.by_y, g, k, c)));
    r.s = F(select)(r.y > low, r.s, r.y);
    /* A tiny y is its own root, and needs no iteration. */
    r.open = r.y > low;
    return r;
}

/* One step of Householder's fourth-order method for F(t) = t + k log(1+s²) + log T(s) − log y = 0,
 * t = log s, y > 0.
 *
 * F' = R/T. The higher derivatives are rational functions of terms that F needs too, so that a step
 * takes two logarithms and one exponential. exp(step) is replaced by its [2/2] Padé approximant,
 * because the next step corrects its error. Divisions are slow; the step is therefore kept as a
 * fraction up/down until s is updated. A step that leaves the bracket is replaced by bisection in
 * log s. From the eighth step on every other step is a bisection. Lanes that have converged keep
 * their value, so that no lane depends on its neighbours. */
static inline void S(improve)(S(root) * root, V c, int step)
{
    const V one = S(constant)(1.0), two = S(constant)(2.0), half = S(constant)(0.5),
            bound = S(constant)(3.0);
    const V s = root->s, k = root->k;
    const S(terms) t = S(terms_at)(s, root->g, k, c);
    const V value = F(fma)(k, t.ln, F(log)(s * root->by_y * t.T) + root->rest);
    const V low = F(select)(value < S(constant)(0.0), F(max)(root->low, s), root->low);
    const V high = F(select)(value < S(constant)(0.0), root->high, F(min)(root->high, s));
    /* F' = tail + skew; `relative` is F''/F' and `second` is F'''/F' */
    const V both = one / (t.T * t.R), by_T = t.R * both, by_slope = t.T * t.T * both;
    const V skew = t.dT * s * by_T, turn = t.gs * t.tanh, q = one - turn - skew;
    const V hm = S(constant)(4.0) * k * t.h * t.m;
    const V relative = (hm + skew * q) * by_slope;
    const V second =
        (two * hm * (t.m - t.h) + skew * (q * q - turn - half * t.gs * t.gs * t.sech2 - skew * q)) *
        by_slope;
    const V newton = -value * by_slope, nr = newton * relative,
            wide = newton * newton * F(abs)(second);
    /* If the term of the third derivative is large, Halley's method is used instead. */
    const V third =
        F(select)(wide < one, newton * newton * second * S(constant)(1.0 / 6.0), S(constant)(0.0));
    const V down = F(max)(S(constant)(0.25), one + nr + third);
    V up = newton * F(max)(half, one + half * nr);
    up = F(max)(-bound * down, F(min)(bound * down, up));
    const V even = S(constant)(12.0) * down * down + up * up, odd = S(constant)(6.0) * up * down;
    V next = s * ((even + odd) / (even - odd));
    const F(mask) inside = (next > low) & (next < high);
    const F(mask) shut = high <= low * F(set)(NARROW);
    /* A lane has converged if the step is small, and small compared with the scales on which F'
     * changes. */
    F(mask) done = (newton * newton + nr * nr + wide < F(set)(CONVERGED)) | shut;
    if (step >= 8 && step % 2)
        done = shut, next = F(sqrt)(low) * F(sqrt)(high);
    else if (F(any)(root->open & (inside == 0)))
        next = F(select)(inside | done, next, F(sqrt)(low) * F(sqrt)(high));
    root->s = F(select)(root->open, next, s);
    root->low = low, root->high = high;
    root->open = root->open & (done == 0);
}
