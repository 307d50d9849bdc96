/* The vector kernels of Levenberg–Marquardt; see lm/lm_kernels.h. */
#include "lm/lm_lanes.h"
#include "lm/lm_loss.h"

/* Applies the reflection I − factor·u uᵀ, u = (top, v), to one or two columns. The first element of
 * a column is at its corner, the others follow in `first` or `second`. Two columns together need
 * only one load of v. `second` may be NULL. */
static inline void reflect(size_t n, const double *v, vd top, vd factor, double *first,
                           double *first_corner, double *second, double *second_corner)
{
    vec4 sum = zero4(), other_sum = sum;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const vec4 u = get4(v, i);
        sum = add_product(sum, u, get4(first, i));
        if (second)
            other_sum = add_product(other_sum, u, get4(second, i));
    }
    if (i < n) {
        const vec4 u = get_rest(v, i, n - i);
        sum = add_product(sum, u, get_rest(first, i, n - i));
        if (second)
            other_sum = add_product(other_sum, u, get_rest(second, i, n - i));
    }
    const vd amount = factor * (top * get(first_corner, 0) + total(sum));
    put(first_corner, 0, get(first_corner, 0) - amount * top);
    vd other = amount;
    if (second) {
        other = factor * (top * get(second_corner, 0) + total(other_sum));
        put(second_corner, 0, get(second_corner, 0) - other * top);
    }
    for (i = 0; i + 4 <= n; i += 4) {
        const vec4 u = get4(v, i);
        subtract4(first, i, amount, u);
        if (second)
            subtract4(second, i, other, u);
    }
    for (; i < n; i++) {
        put(first, i, get(first, i) - amount * get(v, i));
        if (second)
            put(second, i, get(second, i) - other * get(v, i));
    }
}

/* Squares of lengths in this range, and products of such lengths, neither overflow nor
 * underflow. */
#define TAME_LOW 1e-70
#define TAME_HIGH 1e70

/* Folds rows of a system into a triangle by one Householder reflection for each column. The
 * reflections make the rows 0; their vectors v are stored there instead, and top and factor in
 * tau[2p]. Column j of the rows begins at rows + j·stride. Its elements from index wide + j on are
 * 0. */
static inline void fold(size_t n, size_t wide, size_t stride, size_t p, double *rows, double *tau,
                        double *triangle)
{
    const vd zero = vd_set(0), one = vd_set(1);
    for (size_t k = 0; k < p; k++) {
        double *v = rows + k * stride * LANES;
        const size_t used = wide + k < n ? wide + k : n;
        const vd corner = get(triangle, k * p + k), length = length_of(used, v, corner);
        const lane_mask nothing = length < vd_set(TINY);
        const lane_mask tame = both(length > vd_set(TAME_LOW), length < vd_set(TAME_HIGH));
        vd diagonal = vd_select(corner > zero, -length, length), top = corner - diagonal;
        put(triangle, k * p + k, vd_select(nothing, zero, diagonal));
        if (any(tame == 0)) { /* the vector is scaled to length 1 */
            const vd unit =
                vd_select(either(tame, nothing), one, one / vd_select(nothing, one, length));
            for (size_t i = 0; i < used; i++)
                put(v, i, get(v, i) * unit);
            diagonal = vd_select(nothing, one, diagonal * unit);
            top = vd_select(nothing, zero, top * unit);
        }
        const vd square = -(diagonal * top),
                 factor = vd_select(nothing, zero, one / vd_select(nothing, one, square));
        put(tau, 2 * k, top);
        put(tau, 2 * k + 1, factor);
        size_t j = k + 1;
        for (; j < p; j += 2)
            reflect(used, v, top, factor, rows + j * stride * LANES, triangle + (j * p + k) * LANES,
                    rows + (j + 1) * stride * LANES, triangle + ((j + 1) * p + k) * LANES);
        if (j == p)
            reflect(used, v, top, factor, rows + j * stride * LANES, triangle + (j * p + k) * LANES,
                    NULL, NULL);
    }
}

static void factor(size_t n, size_t p, double *system, double *tau, double *triangle)
{
    for (size_t i = 0; i < p * (p + 1); i++)
        put(triangle, i, vd_set(0));
    for (size_t first = 0, block = 0; first < n; first += GKV_LM_BLOCK, block++) {
        const size_t rows = n - first < GKV_LM_BLOCK ? n - first : GKV_LM_BLOCK;
        fold(rows, rows, n, p, system + first * LANES, tau + block * 2 * p * LANES, triangle);
    }
}

static void rotate(size_t n, size_t p, const double *system, const double *tau, double *b,
                   double *q)
{
    for (size_t k = 0; k < p; k++)
        put(q, k, vd_set(0));
    for (size_t first = 0, block = 0; first < n; first += GKV_LM_BLOCK, block++) {
        const size_t rows = n - first < GKV_LM_BLOCK ? n - first : GKV_LM_BLOCK;
        double *const part = b + first * LANES;
        for (size_t k = 0; k < p; k++)
            reflect(rows, system + (k * n + first) * LANES, get(tau, 2 * (block * p + k)),
                    get(tau, 2 * (block * p + k) + 1), part, q + k * LANES, NULL, NULL);
    }
}

static void columns(size_t p, const double *triangle, const double *r_norm, double *norms,
                    double *cosines)
{
    const vd zero = vd_set(0), one = vd_set(1), r = get(r_norm, 0);
    const lane_mask silent = r < vd_set(TINY);
    const vd of_r = vd_select(silent, zero, one / vd_select(silent, one, r));
    for (size_t j = 0; j < p; j++) {
        const double *column = triangle + j * p * LANES;
        const vd norm = length_of(j + 1, column, zero);
        const lane_mask nothing = norm < vd_set(TINY);
        const vd of_norm = vd_select(nothing, zero, one / vd_select(nothing, one, norm));
        vd sum = zero;
        for (size_t i = 0; i <= j; i++)
            sum = sum + (get(column, i) * of_norm) * (get(triangle, p * p + i) * of_r);
        put(norms, j, norm);
        put(cosines, j, sum);
    }
}

static void step(size_t p, const double *triangle, const double *right, const double *unconstrained,
                 const double *scale, const double *lambda, double *d, double *norm, double *work)
{
    const vd zero = vd_set(0), one = vd_set(1), root = vd_sqrt(get(lambda, 0));
    double *damped = work, *rows = work + p * (p + 1) * LANES, *unit = rows + p * (p + 1) * LANES;
    lane_mask plain = root == zero;
    for (size_t j = 0; j < p; j++)
        plain = both(plain, get(unconstrained, j) != zero);
    memcpy(damped, triangle, p * p * LANES * sizeof *damped);
    memcpy(damped + p * p * LANES, right, p * LANES * sizeof *damped);
    if (any(plain == 0)) {
        for (size_t j = 0; j < p; j++) {
            const lane_mask excluded = get(unconstrained, j) == zero;
            for (size_t i = 0; i < p; i++) {
                put(damped, j * p + i, vd_select(excluded, zero, get(damped, j * p + i)));
                put(rows, j * p + i, zero);
            }
            /* A column of zeros needs damping too, or its row of R would be lost. */
            put(rows, j * p + j, vd_select(excluded, one, root) * get(scale, j));
            put(rows, p * p + j, zero);
        }
        fold(p, 1, p, p, rows, unit, damped); /* `unit` is scratch for the factors here */
        for (size_t j = 0; j < p; j++)
            for (size_t i = 0; i <= j; i++)
                put(damped, j * p + i,
                    vd_select(plain, get(triangle, j * p + i), get(damped, j * p + i)));
        for (size_t i = 0; i < p; i++)
            put(damped, p * p + i, vd_select(plain, get(right, i), get(damped, p * p + i)));
    }
    for (size_t k = p; k-- > 0;) {
        vd sum = -get(damped, p * p + k);
        for (size_t j = k + 1; j < p; j++)
            sum = sum - get(damped, j * p + k) * get(d, j);
        const vd diagonal = get(damped, k * p + k);
        const lane_mask nothing = diagonal == zero,
                        none = either(nothing, get(unconstrained, k) == zero);
        put(d, k, vd_select(none, zero, sum / vd_select(nothing, one, diagonal)));
    }
    for (size_t j = 0; j < p; j++)
        put(unit, j, get(scale, j) * get(d, j));
    put(norm, 0, length_of(p, unit, zero));
}

static void step_norm_derivative(size_t p, const double *scale, const double *norm, double *square,
                                 double *work)
{
    const vd zero = vd_set(0), one = vd_set(1), length = get(norm, 0);
    const double *damped = work;
    double *w = work + 2 * p * (p + 1) * LANES; /* at first D d, which `step` has left here */
    const vd inverse = one / vd_select(length < vd_set(TINY), one, length);
    vd squares = zero;
    for (size_t k = 0; k < p; k++) {
        vd sum = get(scale, k) * (get(w, k) * inverse);
        for (size_t i = 0; i < k; i++)
            sum = sum - get(damped, k * p + i) * get(w, i);
        const vd diagonal = get(damped, k * p + k);
        const lane_mask nothing = diagonal == zero;
        put(w, k, sum / vd_select(nothing, one, diagonal));
        squares = squares + vd_select(nothing, vd_set(INFINITY), get(w, k) * get(w, k));
    }
    put(square, 0, squares);
}

static void move(size_t p, const double *triangle, const double *d, double *moved)
{
    for (size_t i = 0; i < p; i++) {
        vd sum = vd_set(0);
        for (size_t j = i; j < p; j++)
            sum = sum + get(triangle, j * p + i) * get(d, j);
        put(moved, i, sum);
    }
}

static void norm(size_t p, const double *scale, const double *v, double *out, double *work)
{
    for (size_t j = 0; j < p; j++)
        put(work, j, get(scale, j) * get(v, j));
    put(out, 0, length_of(p, work, vd_set(0)));
}

static void copy(size_t n, const double *mask, const double *from, double *to)
{
    const lane_mask chosen = get(mask, 0) != vd_set(0);
    for (size_t i = 0; i < n; i++)
        put(to, i, vd_select(chosen, get(from, i), get(to, i)));
}

static void difference(size_t n, const double *r, const double *moved, const double *h,
                       const double *weight, double *column)
{
    const vd length = get(h, 0), part = get(weight, 0), rest = vd_set(1) - part;
    const lane_mask chosen = length != vd_set(0);
    for (size_t i = 0; i < n; i++) {
        const vd slope = (get(moved, i) - get(r, i)) / length, before = get(column, i);
        put(column, i, vd_select(chosen, part * slope + rest * before, before));
    }
}

GKV_SIMD_TABLE(gki_lm_kernels, .lanes = VD_LANES, .cost = cost, .weigh = weigh, .change = change,
               .difference = difference, .factor = factor, .rotate = rotate, .columns = columns,
               .step = step, .step_norm_derivative = step_norm_derivative, .move = move,
               .norm = norm, .copy = copy);

#ifdef GKV_SIMD_PORTABLE_FILE
const gki_lm_kernels *gki_lm_kernels_single(gki_simd level)
{
#if defined(__x86_64__)
    if (level >= GKV_SIMD_AVX2)
        return &gki_lm_kernels_single_avx2;
#endif
    (void)level;
    return &gki_lm_kernels_portable;
}
#endif
