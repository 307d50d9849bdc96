/* Sylvester posterior flows (flow/posterior_flow.h; van den Berg et al. 2018, theorem 2):
 *     z' = z + Q·R·t,   t = tanh(R̃·Qᵀz + b),   log|det| = Σ_i log(1 + (1 − t_i²)·R_ii·R̃_ii),
 * where Q has M orthonormal columns, and R and R̃ are upper triangular. It is a planar flow with M
 * directions at once.
 *
 * Q consists of the first M columns of the product of H Householder reflections, I − 2vvᵀ/‖v‖².
 *   sylvester-orthogonal    M = H = min(d, 8): any M orthonormal columns, up to signs. The paper
 *                           orthogonalises them by iterations instead, which end before they are
 *                           orthogonal to all digits.
 *   sylvester-householder   M = min(d, 64), H = min(d, 4)
 *
 *   raw = [v (H·d), R, R̃ (M(M+1)/2 each, row by row), b (M)]
 *
 * One is added to element i of the i-th v. The diagonals are tanh(raw) in R and tanh(1 + raw) in
 * R̃. So |R_ii·R̃_ii| < 1, the flow is invertible, raw parameters of 0 give the identity, and the
 * gradient in R is not 0 there. */
#include <math.h>

#include "flow/posterior_flow.h"

enum { D_MAX = 4096, COLUMNS_MAX = 64 }; /* model.latent is at most 4096 */

static const double below_one = 1 - 0x1p-20; /* keeps 1 + (1 − t²)·R_ii·R̃_ii away from 0 */

typedef struct sylvester_sizes {
    size_t d, columns, reflections; /* d, M and H */
    size_t upper, inner, shift;     /* where R, R̃ and b begin in raw */
} sylvester_sizes;

static sylvester_sizes sizes_of(size_t d, size_t columns, size_t reflections)
{
    sylvester_sizes sizes = {.d = d,
                             .columns = columns < d ? columns : d,
                             .reflections = reflections < d ? reflections : d};
    const size_t triangle = sizes.columns * (sizes.columns + 1) / 2;
    sizes.upper = sizes.reflections * d;
    sizes.inner = sizes.upper + triangle;
    sizes.shift = sizes.inner + triangle;
    return sizes;
}

static size_t width_of(const sylvester_sizes *sizes)
{
    return sizes->shift + sizes->columns;
}

/* Where row i of a triangle begins, less i: element (i, j) is j further. */
static size_t row_of(const sylvester_sizes *sizes, size_t i)
{
    return i * sizes->columns - i * (i + 1) / 2;
}

/* --- Reflections ---------------------------------------------------------- */

/* Element j of the v of a reflection. */
static double normal_at(const sylvester_sizes *sizes, const gki_real *raw, size_t reflection,
                        size_t j)
{
    return (double)raw[reflection * sizes->d + j] + (j == reflection ? 1 : 0);
}

typedef struct reflection {
    size_t index;
    double factor; /* 2/‖v‖²; 0 for v = 0, which leaves the identity */
    double along;  /* v·x */
} reflection;

static reflection meet(const sylvester_sizes *sizes, const gki_real *raw, size_t index,
                       const double *x)
{
    reflection r = {.index = index};
    double norm2 = 0;
    for (size_t j = 0; j < sizes->d; j++) {
        const double v = normal_at(sizes, raw, index, j);
        norm2 += v * v;
        r.along += v * x[j];
    }
    r.factor = norm2 > 1e-30 ? 2 / norm2 : 0;
    return r;
}

/* Reflects x. */
static void reflect(const sylvester_sizes *sizes, const gki_real *raw, size_t index, double *x)
{
    const reflection r = meet(sizes, raw, index, x);
    for (size_t j = 0; j < sizes->d; j++)
        x[j] -= r.factor * r.along * normal_at(sizes, raw, index, j);
}

/* Reflects x, a reflected vector, back, and d_x, the gradient in it. Adds the gradient in v. */
static void reflect_back(const sylvester_sizes *sizes, const gki_real *raw, size_t index, double *x,
                         double *d_x, gki_real *d_raw)
{
    reflect(sizes, raw, index, x);
    const reflection r = meet(sizes, raw, index, x), d = meet(sizes, raw, index, d_x);
    for (size_t j = 0; j < sizes->d; j++) {
        const double v = normal_at(sizes, raw, index, j);
        d_raw[index * sizes->d + j] += (gki_real)(r.factor * (r.factor * r.along * d.along * v -
                                                              r.along * d_x[j] - d.along * x[j]));
        d_x[j] -= r.factor * d.along * v;
    }
}

/* --- The flow ------------------------------------------------------------- */

typedef struct sylvester {
    double y[D_MAX];    /* z after the reflections */
    double move[D_MAX]; /* z' − z */
    double t[COLUMNS_MAX];
    double upper[COLUMNS_MAX], inner[COLUMNS_MAX]; /* the diagonals of R and R̃ */
    double tanh_upper[COLUMNS_MAX], tanh_inner[COLUMNS_MAX];
} sylvester;

/* Computes all but `move`, and log|det|. */
static double evaluate(const sylvester_sizes *sizes, const gki_real *raw, const gki_real *in,
                       sylvester *s)
{
    for (size_t j = 0; j < sizes->d; j++)
        s->y[j] = (double)in[j];
    for (size_t i = 0; i < sizes->reflections; i++)
        reflect(sizes, raw, i, s->y);
    double log_det = 0;
    for (size_t i = 0; i < sizes->columns; i++) {
        const gki_real *inner = raw + sizes->inner + row_of(sizes, i);
        s->tanh_upper[i] = tanh((double)raw[sizes->upper + row_of(sizes, i) + i]);
        s->tanh_inner[i] = tanh(1 + (double)inner[i]);
        s->upper[i] = below_one * s->tanh_upper[i];
        s->inner[i] = below_one * s->tanh_inner[i];
        double a = (double)raw[sizes->shift + i] + s->inner[i] * s->y[i];
        for (size_t j = i + 1; j < sizes->columns; j++)
            a += (double)inner[j] * s->y[j];
        s->t[i] = tanh(a);
        log_det += log1p((1 - s->t[i] * s->t[i]) * s->upper[i] * s->inner[i]);
    }
    return log_det;
}

static gki_real forward(const sylvester_sizes *sizes, const gki_real *raw, const gki_real *in,
                        gki_real *out)
{
    sylvester s;
    const double log_det = evaluate(sizes, raw, in, &s);
    for (size_t i = 0; i < sizes->d; i++) {
        s.move[i] = i < sizes->columns ? s.upper[i] * s.t[i] : 0;
        for (size_t j = i + 1; j < sizes->columns; j++)
            s.move[i] += (double)raw[sizes->upper + row_of(sizes, i) + j] * s.t[j];
    }
    for (size_t i = sizes->reflections; i-- > 0;)
        reflect(sizes, raw, i, s.move);
    for (size_t j = 0; j < sizes->d; j++)
        out[j] = (gki_real)((double)in[j] + s.move[j]);
    return (gki_real)log_det;
}

/* From the gradient in R·t to those in R, R̃, b and y, which replaces s->move. */
static void backward_columns(const sylvester_sizes *sizes, const gki_real *raw, double d_log_det,
                             const double *d_move, sylvester *s, gki_real *d_raw)
{
    const size_t columns = sizes->columns;
    for (size_t j = 0; j < sizes->d; j++)
        s->move[j] = 0;
    for (size_t i = 0; i < columns; i++) {
        const double slope = 1 - s->t[i] * s->t[i], both = s->upper[i] * s->inner[i],
                     d_both = d_log_det / (1 + slope * both);
        const size_t row = row_of(sizes, i);
        double d_t = s->upper[i] * d_move[i] - 2 * s->t[i] * both * d_both;
        for (size_t k = 0; k < i; k++)
            d_t += (double)raw[sizes->upper + row_of(sizes, k) + i] * d_move[k];
        const double d_a = d_t * slope;
        d_raw[sizes->shift + i] = (gki_real)d_a;
        d_raw[sizes->upper + row + i] =
            (gki_real)((d_move[i] * s->t[i] + d_both * slope * s->inner[i]) * below_one *
                       (1 - s->tanh_upper[i] * s->tanh_upper[i]));
        d_raw[sizes->inner + row + i] =
            (gki_real)((d_a * s->y[i] + d_both * slope * s->upper[i]) * below_one *
                       (1 - s->tanh_inner[i] * s->tanh_inner[i]));
        s->move[i] += s->inner[i] * d_a;
        for (size_t j = i + 1; j < columns; j++) {
            d_raw[sizes->upper + row + j] = (gki_real)(d_move[i] * s->t[j]);
            d_raw[sizes->inner + row + j] = (gki_real)(d_a * s->y[j]);
            s->move[j] += (double)raw[sizes->inner + row + j] * d_a;
        }
    }
}

static void backward(const sylvester_sizes *sizes, const gki_real *raw, const gki_real *in,
                     const gki_real *d_out, gki_real d_log_det, gki_real *d_in, gki_real *d_raw)
{
    sylvester s;
    double d_move[D_MAX], moved[D_MAX]; /* moved: R·t, and what reflections make of it */
    evaluate(sizes, raw, in, &s);
    for (size_t i = 0; i < sizes->d; i++) {
        d_move[i] = (double)d_out[i];
        moved[i] = i < sizes->columns ? s.upper[i] * s.t[i] : 0;
        for (size_t j = i + 1; j < sizes->columns; j++)
            moved[i] += (double)raw[sizes->upper + row_of(sizes, i) + j] * s.t[j];
    }
    for (size_t i = 0; i < sizes->reflections * sizes->d; i++)
        d_raw[i] = 0;
    for (size_t i = sizes->reflections; i-- > 0;)
        reflect(sizes, raw, i, moved);
    for (size_t i = 0; i < sizes->reflections; i++)
        reflect_back(sizes, raw, i, moved, d_move, d_raw);
    backward_columns(sizes, raw, (double)d_log_det, d_move, &s, d_raw);
    for (size_t i = sizes->reflections; i-- > 0;)
        reflect_back(sizes, raw, i, s.y, s.move, d_raw);
    for (size_t j = 0; j < sizes->d; j++)
        d_in[j] = (gki_real)((double)d_out[j] + s.move[j]);
}

/* --- The two families ----------------------------------------------------- */

#define FAMILY(name, title, columns, reflections)                                                \
    static size_t name##_width(size_t d)                                                         \
    {                                                                                            \
        const sylvester_sizes sizes = sizes_of(d, columns, reflections);                         \
        return width_of(&sizes);                                                                 \
    }                                                                                            \
    static gki_real name##_forward(size_t d, size_t layer, const gki_real *raw,                  \
                                   const gki_real *in, gki_real *out)                            \
    {                                                                                            \
        (void)layer;                                                                             \
        const sylvester_sizes sizes = sizes_of(d, columns, reflections);                         \
        return forward(&sizes, raw, in, out);                                                    \
    }                                                                                            \
    static void name##_backward(size_t d, size_t layer, const gki_real *raw, const gki_real *in, \
                                const gki_real *d_out, gki_real d_log_det, gki_real *d_in,       \
                                gki_real *d_raw)                                                 \
    {                                                                                            \
        (void)layer;                                                                             \
        const sylvester_sizes sizes = sizes_of(d, columns, reflections);                         \
        backward(&sizes, raw, in, d_out, d_log_det, d_in, d_raw);                                \
    }                                                                                            \
    const gki_posterior_flow_ops gki_posterior_flow_sylvester_##name = {                         \
        title, name##_width, name##_forward, name##_backward};

FAMILY(orthogonal, "sylvester-orthogonal", 8, 8)
FAMILY(householder, "sylvester-householder", COLUMNS_MAX, 4)
