/* The normal distribution of whole arrays, for both numeric types (core/both_types.h); part of
 * gk_batch_kernels.c. */

/* Φ(z), Φ(−z) and their logarithms. All follow from the smaller of Φ(z) and Φ(−z). */
static void S(probability)(size_t n, const REAL *z, REAL *lower, REAL *upper, REAL *log_lower,
                           REAL *log_upper)
{
    const V zero = S(constant)(0.0), one = S(constant)(1.0);
    for (size_t i = 0; i < n; i += LANES) {
        const size_t left = n - i;
        const V score = F(load_part)(z + i, left, 0);
        const V small =
            S(constant)(0.5) * F(erfc)(F(abs)(score) * S(constant)(0.70710678118654752440));
        const F(mask) below = score < zero;
        if (lower)
            F(store_part)(lower + i, left, F(select)(below, small, one - small));
        if (upper)
            F(store_part)(upper + i, left, F(select)(below, one - small, small));
        if (!log_lower && !log_upper)
            continue;
        const V log_small = F(log)(small), log_rest = F(log1p)(-small);
        if (log_lower)
            F(store_part)(log_lower + i, left, F(select)(below, log_small, log_rest));
        if (log_upper)
            F(store_part)(log_upper + i, left, F(select)(below, log_rest, log_small));
    }
}

static inline V S(polynomial)(V x, const double coefficient[8])
{
    V value = S(constant)(coefficient[7]);
    for (int i = 6; i >= 0; i--)
        value = F(fma)(value, x, S(constant)(coefficient[i]));
    return value;
}

/* Φ⁻¹ by Wichura's Algorithm AS 241, Applied Statistics 37 (1988). It is accurate to 1e-16 for
 * probabilities from 1e-300 up. For other probabilities the result is NaN or beyond ±37. */
static void S(normal_score)(size_t n, gkv_gk_tail tail, const REAL *p, REAL *z)
{
    const V zero = S(constant)(0.0), half = S(constant)(0.5), one = S(constant)(1.0);
    const int upper = tail == GKV_GK_UPPER || tail == GKV_GK_LOG_UPPER;
    const int logs = tail == GKV_GK_LOG_LOWER || tail == GKV_GK_LOG_UPPER;
    for (size_t i = 0; i < n; i += LANES) {
        const size_t left = n - i;
        const V given = F(load_part)(p + i, left, logs ? -1 : (REAL)0.25);
        V small, log_small; /* the smaller of the two probabilities p and 1 − p */
        F(mask) beyond;     /* whether the given probability is the larger one */
        if (logs) {
            beyond = given > S(constant)(-0.69314718055994530942);
            /* log_small is the given logarithm itself, because F(exp) may underflow to 0 */
            small = F(select)(beyond, zero - F(expm1)(given), F(exp)(given));
            log_small = F(select)(beyond, F(log)(small), given);
        } else {
            beyond = given > half;
            small = F(select)(beyond, one - given, given);
            log_small = F(log)(small);
        }
        const V q = half - small, square = S(constant)(0.180625) - q * q;
        const V central = q * S(polynomial)(square, wichura[0]) / S(polynomial)(square, wichura[1]);
        const V r = F(sqrt)(zero - log_small), near = r - S(constant)(1.6),
                far = r - S(constant)(5.0);
        const V middle = S(polynomial)(near, wichura[2]) / S(polynomial)(near, wichura[3]);
        const V outer = S(polynomial)(far, wichura[4]) / S(polynomial)(far, wichura[5]);
        const V size = F(select)(q <= S(constant)(0.425), central,
                                 F(select)(r <= S(constant)(5.0), middle, outer));
        F(store_part)(z + i, left, F(select)(beyond, size, -size) * (upper ? -one : one));
    }
}
