/* The g-and-k kernels, for both numeric types (core/both_types.h); part of gk_batch_kernels.c. The
 * terms and their names are those of gk_root_both.h. */

/* log f from the root s. With W = (1+s²)^k, T W s = y implies Q' = B W R = |x−A|/s · R/T, so that
 * log(1+s²) is not needed. The result is −∞ where s was clamped. `size` is |x − A|. */
static inline V S(log_density)(V s, V size, V b, V g, V k, V c)
{
    const V one = S(constant)(1.0), two = S(constant)(2.0), half = S(constant)(0.5),
            zero = S(constant)(0.0);
    const V gs = F(max)(S(constant)(-800.0), F(min)(S(constant)(800.0), g * s));
    const V e = F(exp)(-F(abs)(gs)), logistic = e / (one + e), m = one / (one + s * s);
    const V T =
        F(select)(gs < zero, (one - c) + two * c * logistic, (one + c) - two * c * logistic);
    const V h = F(select)(s < one, s * s * m, one - m);
    const V tail = F(select)(k < zero, (one + two * k) - two * k * m, one + two * k * h);
    const V R = T * tail + two * c * gs * logistic * (one - logistic);
    /* For tiny s, s = y and T = 1. */
    const F(mask) tiny = s <= F(set)(Z_MIN);
    const V slope = F(select)(tiny, b, size) * (R / F(select)(tiny, one, s * T));
    const V value = -half * s * s - S(constant)(GKV_HALF_LOG_2PI) - F(log)(slope);
    return F(select)(s < F(set)(Z_MAX), value, F(log)(zero * s) + (s - s));
}

/* Computes the requested outputs of one vector of roots, and stores them from index p on. */
static inline void S(finish)(const S(root) * root, V offset, V b, V c, size_t p, size_t left,
                             REAL *z, REAL *log_dq, REAL *dq, REAL *ratio, REAL *log_pdf)
{
    const V zero = S(constant)(0.0), g = root->g, k = root->k;
    const F(mask) negative = offset < zero;
    /* offset − offset is 0, or NaN if x is not finite; the NaN propagates to every output */
    const V s = F(min)(root->s, F(set)(Z_MAX)) + (offset - offset);
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

/* Iterates SIDE_BY_SIDE vectors of roots together. The steps of one vector depend on each other;
 * those of several vectors do not, and can run in parallel in the processor. */
static void S(inverse)(size_t n, const S(gki_gk_tile) * tile, const REAL *x, REAL *z, REAL *log_dq,
                       REAL *dq, REAL *ratio, REAL *log_pdf)
{
    const V zero = S(constant)(0.0), c = F(set)(tile->c);
    const size_t onward = LANES % tile->period;
    S(root) roots[SIDE_BY_SIDE];
    V offset[SIDE_BY_SIDE], scale[SIDE_BY_SIDE];
    for (size_t i = 0, column = 0; i < n;) {
        size_t count = 0;
        for (size_t next = i; count < SIDE_BY_SIDE && next < n; count++, next += LANES) {
            const V g = F(load)(tile->g + column);
            offset[count] = F(load_part)(x + next, n - next, 0) - F(load)(tile->a + column);
            scale[count] = F(load)(tile->b + column);
            roots[count] =
                S(begin)(F(abs)(offset[count]) / scale[count],
                         F(select)(offset[count] < zero, -g, g), F(load)(tile->k + column), c);
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

/* Computes all outputs of one vector of z, and stores them from index p on. */
static inline void S(forward_lanes)(V z, V a, V b, V g, V k, V c, const S(gki_gk_outputs) * out,
                                    size_t p, size_t left)
{
    const V zero = S(constant)(0.0), one = S(constant)(1.0), two = S(constant)(2.0);
    const F(mask) negative = z < zero;
    const V s = F(abs)(z);
    const V side = F(select)(negative, -one, one);
    g = side * g;
    const S(terms) t = S(terms_at)(s, g, k, c);
    const V W = b * F(exp)(k * t.ln), offset = z * W; /* (Q−A)/T */
    /* the derivative in side·g; `side` corrects the sign below */
    const V T_g = S(constant)(0.5) * c * s * t.sech2;
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

static void S(forward)(size_t n, const S(gki_gk_tile) * tile, const REAL *z,
                       const S(gki_gk_outputs) * out)
{
    const S(gki_gk_outputs) o = *out;
    const size_t onward = LANES % tile->period;
    for (size_t i = 0, column = 0; i < n;
         i += LANES, column = next_column(column, onward, tile->period))
        S(forward_lanes)
    (F(load_part)(z + i, n - i, 0), F(load)(tile->a + column), F(load)(tile->b + column),
     F(load)(tile->g + column), F(load)(tile->k + column), F(set)(tile->c), &o, i, n - i);
}

static void S(shape)(size_t n, const REAL *g, const REAL *k, REAL c, const REAL *u,
                     const S(gki_gk_outputs) * out)
{
    const S(gki_gk_outputs) o = *out;
    for (size_t i = 0; i < n; i += LANES)
        S(forward_lanes)
    (F(load_part)(u + i, n - i, 0), S(constant)(0.0), S(constant)(1.0),
     F(load_part)(g + i, n - i, 0), F(load_part)(k + i, n - i, 0), F(set)(c), &o, i, n - i);
}
