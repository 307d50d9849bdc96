/* The kernels of discretised g-and-k distributions. The build compiles this file once for every
 * instruction set.
 *
 * An edge x is inverted by Halley's method for Q(z) = x, from the start of gk/gk_root.h or
 * from a neighbouring edge. The last step is small, and all that depends on z is corrected by it to
 * first order, so that the terms of Q are computed once for each step. Lanes that do not converge
 * get the bracketed iteration of gk/gk_root.h. */
#include "core/simd_real.h"
#include "gk/gk_root.h"
#include "likelihood/gk_level_kernels.h"
#include "likelihood/level_pairs.h"
#include "num/constants.h"

/* The names of core/both_types.h for gki_real. */
#define REAL gki_real
#define V vr
#define LANES VR_LANES
#define F(name) GKV_VR_(name)
#ifdef GKV_REAL_IS_DOUBLE
#define S(name) name##_d
#else
#define S(name) name##_f
#endif

/* Scores are limited to ±FAR, where probabilities and densities are 0. The last step is below
 * SMALL. Beyond ±REACH the distribution function is 0 or 1 up to rounding. The width of an interval
 * in normal scores, times max(1, |z|), is below THIN if the interval is narrow. */
#ifdef GKV_REAL_IS_DOUBLE
#if defined(GKV_SIMD_AVX512_FILE)
#define VR_ERFC Sleef_erfcd8_u15avx512f
#elif defined(GKV_SIMD_AVX2_FILE)
#define VR_ERFC Sleef_erfcd4_u15avx2
#else
#define VR_ERFC erfc
#endif
#define FAR 40.0
#define SMALL 1e-9
#define THIN 1e-3
#define REACH 9.0
#else
#define FAR 14.0
#define SMALL 1e-3
#define THIN 0.03
#define REACH 5.6
#endif

enum { SIDE = 2 }; /* vectors that are computed together */

static void parameters(size_t n, size_t stride, const gki_real *out, gki_real *value,
                       gki_real *slope)
{
    for (size_t i = 0; i < n; i += VR_LANES) {
        const size_t left = n - i;
        const vr zero = vr_set(0), one = vr_set(1), two = vr_set(2),
                 location = vr_load_part(out + i, left, 0),
                 log_scale = vr_load_part(out + stride + i, left, 0),
                 g = vr_load_part(out + 2 * stride + i, left, 0),
                 k = vr_load_part(out + 3 * stride + i, left, 0);
        vr_store_part(value + i, left, vr_limited(location, -GKV_LOCATION_MAX, GKV_LOCATION_MAX));
        vr_store_part(slope + i, left, vr_within(location, -GKV_LOCATION_MAX, GKV_LOCATION_MAX));
        vr_store_part(value + n + i, left,
                      vr_exp(vr_limited(log_scale, GKV_LOG_SCALE_MIN, GKV_LOG_SCALE_MAX)));
        vr_store_part(slope + n + i, left,
                      vr_within(log_scale, GKV_LOG_SCALE_MIN, GKV_LOG_SCALE_MAX));
        /* tanh x = (1 − e^−2x)/(1 + e^−2x) for x ≥ 0; softplus(r) = max(r, 0) + log(1 + e^−|r|),
         * whose derivative is σ(r) */
        vr less_one;
        vr_exp_m1(vr_abs(g) * vr_set(-2 / GKV_GK_LEVEL_G), &less_one);
        const vr e = vr_exp(-vr_abs(k)), one_e = one + e, down = two + less_one,
                 inverse = one / (down * one_e), by = inverse * down,
                 size = -less_one * (inverse * one_e);
        vr_store_part(value + 2 * n + i, left,
                      vr_select(g < zero, -size, size) * vr_set(GKV_GK_LEVEL_G));
        vr_store_part(slope + 2 * n + i, left, one - size * size);
        const vr shape = vr_max(zero, k) + vr_log(one_e) + vr_set(GKV_GK_LEVEL_K_MIN);
        const vr most = vr_set(GKV_GK_LEVEL_K_MAX);
        vr_store_part(value + 3 * n + i, left, vr_min(most, shape));
        vr_store_part(slope + 3 * n + i, left,
                      vr_select(shape > most, zero, vr_select(k < zero, e * by, by)));
    }
}

static void levels(size_t n, const gki_real *x, const gki_level_edges *edges, int *level,
                   gki_real *lower, gki_real *upper)
{
    find_levels(n, x, edges, level, lower, upper);
}

/* --- Scores of edges ------------------------------------------------------ */

/* One component of some values. */
typedef struct level_component {
    V a, b, by_b, g, k;
} level_component;

static inline level_component component_at(size_t n, const REAL *value, size_t i)
{
    const size_t left = n - i;
    const V b = F(load_part)(value + n + i, left, 1);
    return (level_component){.a = F(load_part)(value + i, left, 0),
                             .b = b,
                             .by_b = S(constant)(1.0) / b,
                             .g = F(load_part)(value + 2 * n + i, left, 0),
                             .k = F(load_part)(value + 3 * n + i, left, 0)};
}

/* Q near the score z, for the equation Q(z + step) = x. */
typedef struct inverse_point {
    V z, side; /* side is the sign of z */
    S(terms) t;
    V step;
    V by_dq, ratio; /* 1/Q' and Q''/Q' */
} inverse_point;

/* y is (x − A)/B. */
static inline inverse_point point_at(const level_component *component, V y, V z)
{
    const V one = S(constant)(1.0), zero = S(constant)(0.0), half = S(constant)(0.5);
    const V s = F(abs)(z);
    inverse_point point = {.z = z, .side = F(select)(z < zero, -one, one)};
    point.t =
        S(terms_at)(s, point.side * component->g, component->k, S(constant)(GKV_GK_DEFAULT_C));
    const V W = F(exp)(component->k * point.t.ln), by_slope = one / (point.t.R * W);
    point.ratio = point.side * S(ratio_of)(&point.t, s, component->k);
    point.by_dq = by_slope * component->by_b;
    const V newton = (y - z * point.t.T * W) * by_slope;
    const V halley = newton / F(max)(half, one + half * point.ratio * newton);
    /* the order of the operands keeps NaN */
    const V limit = one + s, step = F(min)(limit, F(max)(-limit, halley));
    point.step = vr_limited(z + step, -FAR, FAR) - z;
    return point;
}

static inline F(mask) is_open(const inverse_point *point)
{
    return F(abs)(point->step) > S(constant)(SMALL);
}

/* The start of the iteration. */
static inline V start_of(const level_component *component, V y)
{
    const V zero = S(constant)(0.0), size = F(abs)(y), least = S(constant)(1e-30);
    const V one_y = F(max)(least, size);
    const V s =
        S(start)(one_y, S(constant)(1.0) / one_y, F(select)(y < zero, -component->g, component->g),
                 component->k, S(constant)(GKV_GK_DEFAULT_C));
    return vr_limited(F(select)(y < zero, -s, s), -FAR, FAR);
}

/* The library's iteration, which converges always. */
static inline V bracketed(const level_component *component, V y)
{
    const V zero = S(constant)(0.0), c = S(constant)(GKV_GK_DEFAULT_C);
    S(root)
    root = S(begin)(F(abs)(y), F(select)(y < zero, -component->g, component->g), component->k, c);
    for (int step = 0; step < 120 && F(any)(root.open); step++)
        S(improve)(&root, c, step);
    return vr_limited(F(select)(y < zero, -root.s, root.s), -FAR, FAR);
}

/* Solves for SIDE vectors of edges together: the steps of one wait for each other, and those of
 * several do not. The scores z are the starts. */
static inline void solve(const level_component *component, const V *y, const V *z,
                         inverse_point *points)
{
    enum { STEPS = 6 };
    V next[SIDE];
    for (int v = 0; v < SIDE; v++)
        next[v] = z[v];
    for (int step = 0; step < STEPS; step++) {
        F(mask) open[SIDE], any;
        for (int v = 0; v < SIDE; v++)
            points[v] = point_at(&component[v], y[v], next[v]);
        any = is_open(&points[0]);
        for (int v = 0; v < SIDE; v++) {
            open[v] = is_open(&points[v]);
            any = any | open[v];
        }
        if (!F(any)(any))
            return;
        /* Lanes that have converged keep their score, so that no lane depends on its neighbours. */
        for (int v = 0; v < SIDE; v++)
            next[v] = F(select)(open[v], points[v].z + points[v].step, points[v].z);
    }
    for (int v = 0; v < SIDE; v++) {
        const F(mask) open = is_open(&points[v]);
        if (F(any)(open))
            points[v] = point_at(&component[v], y[v],
                                 F(select)(open, bracketed(&component[v], y[v]), points[v].z));
    }
}

/* The score of an edge from that of a near one, at the distance y_apart. */
static inline V start_beside(const level_component *component, const inverse_point *near, V y,
                             V y_apart)
{
    const V one = S(constant)(1.0), half = S(constant)(0.5);
    const V newton = y_apart * component->b * near->by_dq, turn = one + half * near->ratio * newton;
    const V z = near->z + near->step + newton / F(max)(half, turn);
    const F(mask) far = F(abs)(newton) > S(constant)(2.0);
    if (!F(any)(far))
        return vr_limited(z, -FAR, FAR);
    return F(select)(far, start_of(component, y), vr_limited(z, -FAR, FAR));
}

/* --- Probabilities and densities ------------------------------------------ */

/* Φ(−t) for t ≥ 0 from φ(t). */
static inline V tail_probability(V t, V density)
{
#ifdef GKV_REAL_IS_DOUBLE
    (void)density;
    return vr_set(0.5) * VR_ERFC(t * vr_set(0.70710678118654752440));
#else
    /* (1 + t) Φ(−t)/φ(t) is a polynomial of (t − 3.5)/(t + 3.5): a Chebyshev fit for t ≤ 14, with
     * an error of 2e-8 */
    const V sum = t + vr_set(3.5), last = vr_set(1) + t, both = vr_set(1) / (sum * last);
    const V q = (t - vr_set(3.5)) * last * both;
    static const float coefficients[] = {
        1.19955495F,   -0.244929172F,   0.00197352603F,  0.0953734947F,  -0.0758571808F,
        0.0259983331F, 0.000734222824F, -0.00348181844F, 0.00024069323F, 0.000371253181F};
    V value = vr_set(coefficients[9]);
    for (int i = 8; i >= 0; i--)
        value = vr_fma(value, q, vr_set(coefficients[i]));
    return density * value * sum * both;
#endif
}

/* One edge. An edge at infinity has z = ±FAR, and f = 0. */
typedef struct edge {
    V x, z, f, tail;        /* the edge, its score, the density, and Φ(−|z|) */
    V by_dq, d_f, d_g, d_k; /* 1/Q', and the derivatives of f, and of F but for their sign */
} edge;

/* All of the edge x from the last point of its iteration. */
static inline edge edge_of(const level_component *component, const inverse_point *point, V x)
{
    const V one = S(constant)(1.0), half = S(constant)(0.5), zero = S(constant)(0.0),
            far = vr_set(GKV_LEVEL_FAR / 2), two = S(constant)(2.0);
    const V step = point->step, out = point->side * step, z = point->z + step;
    edge e = {.x = x};
    e.z = F(select)(x > far, vr_set(FAR), F(select)(x < -far, vr_set(-FAR), z));
    const V phi = F(exp)(-half * e.z * e.z - S(constant)(GKV_HALF_LOG_2PI));
    e.tail = tail_probability(F(abs)(e.z), phi);
    e.by_dq = point->by_dq * (one - point->ratio * step);
    e.f = F(select)(F(abs)(x) > far, zero, phi * e.by_dq);
    e.d_f = -e.f * (z + point->ratio) * e.by_dq;
    const V ln = point->t.ln + two * point->z * point->t.m * step,
            T = point->t.T + point->t.dT * out,
            sech2 = point->t.sech2 * (one - component->g * step * point->t.tanh);
    const V moved = e.f * (x - component->a);
    e.d_g = moved * (S(constant)(0.5 * GKV_GK_DEFAULT_C) * z * sech2 / T);
    e.d_k = moved * ln;
    return e;
}

/* Φ(z) */
static inline V below(const edge *e)
{
    return F(select)(e->z < S(constant)(0.0), e->tail, S(constant)(1.0) - e->tail);
}

static inline void store_edge(const edge *e, const level_component *component, size_t n, size_t i,
                              REAL *out)
{
    const size_t left = n - i;
    F(store_part)(out + i, left, below(e));
    F(store_part)(out + n + i, left, -e->f);
    F(store_part)(out + 2 * n + i, left, -e->f * (e->x - component->a));
    F(store_part)(out + 3 * n + i, left, -e->d_g);
    F(store_part)(out + 4 * n + i, left, -e->d_k);
}

/* The start of the search for an edge. */
static inline V start_from(const gki_gk_level_place *from, const level_component *component, V x,
                           V y, size_t i, size_t left)
{
    if (!from || !from->begun)
        return start_of(component, y);
    const inverse_point near = {.z = F(load_part)(from->z + i, left, 0),
                                .by_dq = F(load_part)(from->by_dq + i, left, 1),
                                .ratio = F(load_part)(from->ratio + i, left, 0)};
    return start_beside(component, &near, y,
                        (x - F(load_part)(from->x + i, left, 0)) * component->by_b);
}

static inline void store_place(const edge *e, const inverse_point *point, size_t i, size_t left,
                               gki_gk_level_place *place)
{
    F(store_part)(place->x + i, left, e->x);
    F(store_part)(place->z + i, left, e->z);
    F(store_part)(place->by_dq + i, left, e->by_dq);
    F(store_part)(place->ratio + i, left, point->ratio);
}

static void edges(size_t n, const REAL *value, const REAL *x, gki_gk_level_place *from, REAL *to)
{
    for (size_t i = 0; i < n; i += SIDE * LANES) {
        level_component component[SIDE];
        V at_x[SIDE], y[SIDE], start[SIDE];
        inverse_point points[SIDE];
        for (size_t v = 0; v < SIDE; v++) {
            const size_t j = i + v * LANES < n ? i + v * LANES : i;
            component[v] = component_at(n, value, j);
            at_x[v] = F(load_part)(x + j, n - j, 0);
            y[v] = (at_x[v] - component[v].a) * component[v].by_b;
            start[v] = start_from(from, &component[v], at_x[v], y[v], j, n - j);
        }
        solve(component, y, start, points);
        for (size_t v = 0; v < SIDE && i + v * LANES < n; v++) {
            const size_t j = i + v * LANES;
            const edge e = edge_of(&component[v], &points[v], at_x[v]);
            store_edge(&e, &component[v], n, j, to);
            if (from)
                store_place(&e, &points[v], j, n - j, from);
        }
    }
    if (from)
        from->begun = true;
}

static void reach(size_t n, const REAL *value, REAL *least, REAL *most)
{
    for (size_t i = 0; i < n; i += LANES) {
        const level_component component = component_at(n, value, i);
        const V z = S(constant)(REACH), c = S(constant)(GKV_GK_DEFAULT_C);
        const S(terms) low = S(terms_at)(z, -component.g, component.k, c),
                       high = S(terms_at)(z, component.g, component.k, c);
        const V size = component.b * z * F(exp)(component.k * low.ln);
        REAL ends[2][LANES];
        F(store)(ends[0], component.a - size * low.T);
        F(store)(ends[1], component.a + size * high.T);
        for (size_t v = 0; v < LANES && v < n - i; v++) {
            *least = ends[0][v] < *least ? ends[0][v] : *least;
            *most = ends[1][v] > *most ? ends[1][v] : *most;
        }
    }
}

static inline void store_interval(const edge *l, const edge *u, const level_component *component,
                                  size_t n, size_t i, REAL *out)
{
    const V zero = S(constant)(0.0), one = S(constant)(1.0), half = S(constant)(0.5),
            w = u->x - l->x;
    const size_t left = n - i;
    /* both scores of one sign, or one on either side of 0 */
    const V wide =
        F(select)(l->z * u->z > zero, F(abs)(l->tail - u->tail), one - l->tail - u->tail);
    /* The difference would cancel in a narrow interval: the trapezoidal rule with the term of the
     * derivatives (Euler–Maclaurin) instead. */
    const V narrow = w * (half * (l->f + u->f) + w * S(constant)(1.0 / 12) * (l->d_f - u->d_f));
    const V size = w * F(max)(l->by_dq, u->by_dq) * F(max)(one, F(max)(F(abs)(l->z), F(abs)(u->z)));
    F(store_part)(out + i, left, F(select)(size < S(constant)(THIN), narrow, wide));
    F(store_part)(out + n + i, left, l->f - u->f);
    /* an edge at infinity has f = 0, and its distance is finite */
    F(store_part)
    (out + 2 * n + i, left, l->f * (l->x - component->a) - u->f * (u->x - component->a));
    F(store_part)(out + 3 * n + i, left, l->d_g - u->d_g);
    F(store_part)(out + 4 * n + i, left, l->d_k - u->d_k);
    F(store_part)(out + 5 * n + i, left, -l->f);
    F(store_part)(out + 6 * n + i, left, u->f);
}

static void intervals(size_t n, const REAL *value, const REAL *lower, const REAL *upper, REAL *out)
{
    const V far = vr_set(GKV_LEVEL_FAR / 2);
    for (size_t i = 0; i < n; i += SIDE * LANES) {
        level_component component[SIDE];
        V low[SIDE], high[SIDE], y_l[SIDE], y_u[SIDE], apart[SIDE], start[SIDE];
        inverse_point at_l[SIDE], at_u[SIDE];
        int any = 0;
        for (size_t v = 0; v < SIDE; v++) {
            const size_t j = i + v * LANES < n ? i + v * LANES : i;
            component[v] = component_at(n, value, j);
            low[v] = F(load_part)(lower + j, n - j, 0);
            high[v] = F(load_part)(upper + j, n - j, 0);
            /* an edge at infinity is solved for as the other one */
            const V near_l = F(select)(low[v] < -far, high[v], low[v]),
                    near_u = F(select)(high[v] > far, low[v], high[v]);
            y_l[v] = (near_l - component[v].a) * component[v].by_b;
            y_u[v] = (near_u - component[v].a) * component[v].by_b;
            apart[v] = (near_u - near_l) * component[v].by_b;
            any |= F(any)(near_u > near_l);
        }
        for (size_t v = 0; v < SIDE; v++)
            start[v] = start_of(&component[v], y_l[v]);
        solve(component, y_l, start, at_l);
        for (size_t v = 0; v < SIDE; v++)
            at_u[v] = at_l[v];
        if (any) {
            for (size_t v = 0; v < SIDE; v++)
                start[v] = start_beside(&component[v], &at_l[v], y_u[v], apart[v]);
            solve(component, y_u, start, at_u);
        }
        for (size_t v = 0; v < SIDE && i + v * LANES < n; v++) {
            const edge l = edge_of(&component[v], &at_l[v], low[v]),
                       u = edge_of(&component[v], &at_u[v], high[v]);
            store_interval(&l, &u, &component[v], n, i + v * LANES, out);
        }
    }
}

/* --- Mixtures ------------------------------------------------------------- */

static void weights(size_t stride, const gki_real *out, gki_gk_level_mixture *mixture)
{
    for (size_t i = 0; i < mixture->n; i += VR_LANES) {
        const size_t left = mixture->n - i;
        if (mixture->components == 1) {
            vr_store_part(mixture->weight[0] + i, left, vr_set(1));
            continue;
        }
        vr greatest = vr_load_part(out + i, left, 0), sum = vr_set(0);
        for (size_t k = 1; k < mixture->components; k++)
            greatest = vr_max(greatest, vr_load_part(out + k * stride + i, left, 0));
        for (size_t k = 0; k < mixture->components; k++) {
            const vr weight = vr_exp(vr_load_part(out + k * stride + i, left, 0) - greatest);
            vr_store_part(mixture->weight[k] + i, left, weight);
            sum = sum + weight;
        }
        for (size_t k = 0; k < mixture->components; k++)
            vr_store_part(mixture->weight[k] + i, left,
                          vr_load_part(mixture->weight[k] + i, left, 0) / sum);
    }
}

static gki_real combine(const gki_gk_level_mixture *mixture,
                        gki_real (*results)[GKV_GK_LEVEL_RESULTS * GKV_GK_LEVEL_CHUNK],
                        gki_gk_level_gradients *gradients)
{
    enum { PARAMETERS = GKV_GK_LEVEL_PARAMETERS };
    const size_t n = mixture->n, count = mixture->components;
    vr logs = vr_set(0);
    for (size_t i = 0; i < n; i += VR_LANES) {
        const size_t left = n - i;
        vr p = vr_set(0);
        for (size_t k = 0; k < count; k++)
            p = vr_fma(vr_load_part(mixture->weight[k] + i, left, 0),
                       vr_load_part(results[k] + i, left, 0), p);
        const vr total =
            vr_fma(p, vr_set(1 - GKV_LEVEL_FLOOR), vr_set(GKV_LEVEL_FLOOR / GKV_LEVELS));
        gki_real one[VR_LANES]; /* lanes after the last value count for nothing */
        vr_store(one, total);
        logs = logs + vr_log(vr_load_part(one, left, 1));
        if (!gradients)
            continue;
        const vr scale = vr_set(GKV_LEVEL_FLOOR - 1) / total;
        vr lower = vr_set(0), upper = vr_set(0);
        for (size_t k = 0; k < count; k++) {
            const vr weight = scale * vr_load_part(mixture->weight[k] + i, left, 0);
            if (gradients->logits)
                vr_store_part(gradients->logits + k * gradients->stride + i, left,
                              weight * (vr_load_part(results[k] + i, left, 0) - p));
            for (size_t q = 0; q < PARAMETERS; q++)
                vr_store_part(gradients->out + (q * count + k) * gradients->stride + i, left,
                              weight * vr_load_part(results[k] + (1 + q) * n + i, left, 0) *
                                  vr_load_part(mixture->slope[k] + q * n + i, left, 0));
            lower =
                vr_fma(weight, vr_load_part(results[k] + (1 + PARAMETERS) * n + i, left, 0), lower);
            upper =
                vr_fma(weight, vr_load_part(results[k] + (2 + PARAMETERS) * n + i, left, 0), upper);
        }
        vr_store_part(gradients->lower + i, left, lower);
        vr_store_part(gradients->upper + i, left, upper);
    }
    return -vr_sum(logs);
}

GKV_SIMD_TABLE(gki_gk_level_kernels, .levels = levels, .weights = weights, .parameters = parameters,
               .edges = edges, .reach = reach, .intervals = intervals, .combine = combine);
