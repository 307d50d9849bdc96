/* The residuals of mgh_problems.h and their derivatives. */
#ifndef GKV_TESTS_MGH_FUNCTIONS_H
#define GKV_TESTS_MGH_FUNCTIONS_H

#include <math.h>
#include <stddef.h>

/* Writes r[m] and, column by column, j[m × n]; either may be NULL. */
typedef void mgh_function(size_t m, size_t n, const double *x, double *r, double *j);

static double mgh_square(double x)
{
    return x * x;
}

/* --- Linear --------------------------------------------------------------- */

static void mgh_full_rank(size_t m, size_t n, const double *x, double *r, double *j)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += x[k];
    for (size_t i = 0; i < m; i++) {
        if (r)
            r[i] = (i < n ? x[i] : 0) - 2 * sum / (double)m - 1;
        for (size_t k = 0; j && k < n; k++)
            j[k * m + i] = (i == k) - 2 / (double)m;
    }
}

/* r_i = (i − shift) Σ k x_k − 1, with shift = from − 1 and the sum over `from` ≤ k ≤ n + 1 − from.
 * Row `last` is 0. */
static void mgh_rank_one(size_t m, size_t n, size_t from, const double *x, double *r, double *j)
{
    const size_t shift = from - 1;
    double sum = 0;
    for (size_t k = from; k <= n - shift; k++)
        sum += (double)k * x[k - 1];
    for (size_t i = 1; i <= m; i++) {
        const double row = i == m && shift ? 0 : (double)(i - shift);
        if (r)
            r[i - 1] = row * sum - 1;
        for (size_t k = 1; j && k <= n; k++)
            j[(k - 1) * m + i - 1] = k >= from && k <= n - shift ? row * (double)k : 0;
    }
}

static void mgh_rank_one_full(size_t m, size_t n, const double *x, double *r, double *j)
{
    mgh_rank_one(m, n, 1, x, r, j);
}

static void mgh_rank_one_zeros(size_t m, size_t n, const double *x, double *r, double *j)
{
    mgh_rank_one(m, n, 2, x, r, j);
}

/* --- Valleys -------------------------------------------------------------- */

static void mgh_rosenbrock(size_t m, size_t n, const double *x, double *r, double *j)
{
    (void)m, (void)n;
    if (r) {
        r[0] = 10 * (x[1] - x[0] * x[0]);
        r[1] = 1 - x[0];
    }
    if (j) {
        j[0] = -20 * x[0], j[1] = -1;
        j[2] = 10, j[3] = 0;
    }
}

static void mgh_helical(size_t m, size_t n, const double *x, double *r, double *j)
{
    (void)m, (void)n;
    const double turn = 2 * acos(-1.0), square = x[0] * x[0] + x[1] * x[1], radius = sqrt(square);
    const double angle = x[0] > 0   ? atan(x[1] / x[0]) / turn
                         : x[0] < 0 ? atan(x[1] / x[0]) / turn + 0.5
                                    : copysign(0.25, x[1]);
    if (r) {
        r[0] = 10 * (x[2] - 10 * angle);
        r[1] = 10 * (radius - 1);
        r[2] = x[2];
    }
    if (j) {
        j[0] = 100 * x[1] / (turn * square), j[1] = 10 * x[0] / radius, j[2] = 0;
        j[3] = -100 * x[0] / (turn * square), j[4] = 10 * x[1] / radius, j[5] = 0;
        j[6] = 10, j[7] = 0, j[8] = 1;
    }
}

static void mgh_powell(size_t m, size_t n, const double *x, double *r, double *j)
{
    (void)m, (void)n;
    const double a = x[1] - 2 * x[2], b = x[0] - x[3], five = sqrt(5), ten = sqrt(10);
    if (r) {
        r[0] = x[0] + 10 * x[1];
        r[1] = five * (x[2] - x[3]);
        r[2] = a * a;
        r[3] = ten * b * b;
    }
    if (j) {
        j[0] = 1, j[1] = 0, j[2] = 0, j[3] = 2 * ten * b;
        j[4] = 10, j[5] = 0, j[6] = 2 * a, j[7] = 0;
        j[8] = 0, j[9] = five, j[10] = -4 * a, j[11] = 0;
        j[12] = 0, j[13] = -five, j[14] = 0, j[15] = -2 * ten * b;
    }
}

static void mgh_freudenstein(size_t m, size_t n, const double *x, double *r, double *j)
{
    (void)m, (void)n;
    if (r) {
        r[0] = -13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1];
        r[1] = -29 + x[0] + ((1 + x[1]) * x[1] - 14) * x[1];
    }
    if (j) {
        j[0] = 1, j[1] = 1;
        j[2] = x[1] * (10 - 3 * x[1]) - 2, j[3] = x[1] * (2 + 3 * x[1]) - 14;
    }
}

/* --- Data ----------------------------------------------------------------- */

static void mgh_bard(size_t m, size_t n, const double *x, double *r, double *j)
{
    (void)n;
    static const double y[] = {.14, .18, .22, .25, .29,  .32, .35, .39,
                               .37, .58, .73, .96, 1.34, 2.1, 4.39};
    for (size_t i = 0; i < m; i++) {
        const double u = (double)(i + 1), v = 16 - u, w = fmin(u, v), below = v * x[1] + w * x[2];
        if (r)
            r[i] = y[i] - (x[0] + u / below);
        if (j) {
            j[i] = -1;
            j[m + i] = u * v / (below * below);
            j[2 * m + i] = u * w / (below * below);
        }
    }
}

static void mgh_kowalik(size_t m, size_t n, const double *x, double *r, double *j)
{
    (void)n;
    static const double y[] = {.1957, .1947, .1735, .16,   .0844, .0627,
                               .0456, .0342, .0323, .0235, .0246};
    static const double u[] = {4, 2, 1, .5, .25, .167, .125, .1, .0833, .0714, .0625};
    for (size_t i = 0; i < m; i++) {
        const double above = u[i] * (u[i] + x[1]), below = u[i] * (u[i] + x[2]) + x[3];
        if (r)
            r[i] = y[i] - x[0] * above / below;
        if (j) {
            j[i] = -above / below;
            j[m + i] = -u[i] * x[0] / below;
            j[3 * m + i] = x[0] * above / below / below;
            j[2 * m + i] = j[3 * m + i] * u[i];
        }
    }
}

static void mgh_meyer(size_t m, size_t n, const double *x, double *r, double *j)
{
    (void)n;
    static const double y[] = {34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744,
                               8261,  7030,  6005,  5147,  4427,  3820,  3307,  2872};
    for (size_t i = 0; i < m; i++) {
        const double t = 5 * (double)(i + 1) + 45 + x[2], e = exp(x[1] / t);
        if (r)
            r[i] = x[0] * e - y[i];
        if (j) {
            j[i] = e;
            j[m + i] = x[0] * e / t;
            j[2 * m + i] = -x[0] * e / t * x[1] / t;
        }
    }
}

static void mgh_osborne1(size_t m, size_t n, const double *x, double *r, double *j)
{
    (void)n;
    static const double y[] = {.844, .908, .932, .936, .925, .908, .881, .85,  .818, .784, .751,
                               .718, .685, .658, .628, .603, .58,  .558, .538, .522, .506, .49,
                               .478, .467, .457, .448, .438, .431, .424, .42,  .414, .411, .406};
    for (size_t i = 0; i < m; i++) {
        const double t = 10 * (double)i, a = exp(-t * x[3]), b = exp(-t * x[4]);
        if (r)
            r[i] = y[i] - (x[0] + x[1] * a + x[2] * b);
        if (j) {
            j[i] = -1;
            j[m + i] = -a;
            j[2 * m + i] = -b;
            j[3 * m + i] = t * x[1] * a;
            j[4 * m + i] = t * x[2] * b;
        }
    }
}

static void mgh_osborne2(size_t m, size_t n, const double *x, double *r, double *j)
{
    (void)n;
    static const double y[] = {1.366, 1.191, 1.112, 1.013, .991, .885, .831, .847, .786, .725, .746,
                               .679,  .608,  .655,  .616,  .606, .602, .626, .651, .724, .649, .649,
                               .694,  .644,  .624,  .661,  .612, .558, .533, .495, .5,   .423, .395,
                               .375,  .372,  .391,  .396,  .405, .428, .429, .523, .562, .607, .653,
                               .672,  .708,  .633,  .668,  .645, .632, .591, .559, .597, .625, .739,
                               .71,   .729,  .72,   .636,  .581, .428, .292, .162, .098, .054};
    for (size_t i = 0; i < m; i++) {
        const double t = .1 * (double)i, decay = exp(-t * x[4]);
        double sum = x[0] * decay;
        if (j) {
            j[i] = -decay;
            j[4 * m + i] = t * x[0] * decay;
        }
        for (size_t k = 1; k < 4; k++) { /* height x_k, sharpness x_{k+4}, position x_{k+7} */
            const double away = t - x[k + 7], peak = exp(-x[k + 4] * away * away);
            sum += x[k] * peak;
            if (j) {
                j[k * m + i] = -peak;
                j[(k + 4) * m + i] = x[k] * peak * away * away;
                j[(k + 7) * m + i] = -2 * x[k] * peak * x[k + 4] * away;
            }
        }
        if (r)
            r[i] = y[i] - sum;
    }
}

/* --- Sums, exponentials, polynomials -------------------------------------- */

static void mgh_watson(size_t m, size_t n, const double *x, double *r, double *j)
{
    for (size_t i = 0; i + 2 < m; i++) {
        const double t = (double)(i + 1) / 29;
        double slope = 0, value = 0, power = 1, before = 0; /* t^k, t^{k−1} */
        for (size_t k = 0; k < n; before = power, power *= t, k++) {
            slope += (double)k * before * x[k];
            value += power * x[k];
        }
        if (r)
            r[i] = slope - value * value - 1;
        power = 1, before = 0;
        for (size_t k = 0; j && k < n; before = power, power *= t, k++)
            j[k * m + i] = (double)k * before - 2 * value * power;
    }
    if (r) {
        r[m - 2] = x[0];
        r[m - 1] = x[1] - x[0] * x[0] - 1;
    }
    for (size_t k = 0; j && k < n; k++) {
        j[k * m + m - 2] = k == 0;
        j[k * m + m - 1] = k == 0 ? -2 * x[0] : k == 1;
    }
}

static void mgh_box(size_t m, size_t n, const double *x, double *r, double *j)
{
    (void)n;
    for (size_t i = 0; i < m; i++) {
        const double t = .1 * (double)(i + 1), c = exp(-10 * t) - exp(-t);
        if (r)
            r[i] = exp(-t * x[0]) - exp(-t * x[1]) + c * x[2];
        if (j) {
            j[i] = -t * exp(-t * x[0]);
            j[m + i] = t * exp(-t * x[1]);
            j[2 * m + i] = c;
        }
    }
}

static void mgh_jennrich(size_t m, size_t n, const double *x, double *r, double *j)
{
    (void)n;
    for (size_t i = 0; i < m; i++) {
        const double t = (double)(i + 1);
        if (r)
            r[i] = 2 + 2 * t - exp(t * x[0]) - exp(t * x[1]);
        if (j) {
            j[i] = -t * exp(t * x[0]);
            j[m + i] = -t * exp(t * x[1]);
        }
    }
}

static void mgh_brown_dennis(size_t m, size_t n, const double *x, double *r, double *j)
{
    (void)n;
    for (size_t i = 0; i < m; i++) {
        const double t = (double)(i + 1) / 5;
        const double a = x[0] + t * x[1] - exp(t), b = x[2] + sin(t) * x[3] - cos(t);
        if (r)
            r[i] = a * a + b * b;
        if (j) {
            j[i] = 2 * a;
            j[m + i] = 2 * a * t;
            j[2 * m + i] = 2 * b;
            j[3 * m + i] = 2 * b * sin(t);
        }
    }
}

/* The mean of the Chebyshev polynomial T_i over the x, less its integral, on [0, 1]. */
static void mgh_chebyquad(size_t m, size_t n, const double *x, double *r, double *j)
{
    for (size_t i = 1; r && i <= m; i++)
        r[i - 1] = i % 2 ? 0 : 1 / (mgh_square((double)i) - 1);
    for (size_t k = 0; k < n; k++) {
        const double z = 2 * x[k] - 1;
        /* T_{i−1}, T_i, and their derivatives */
        double before = 1, now = z, slope_before = 0, slope = 2;
        for (size_t i = 0; i < m; i++) {
            if (r)
                r[i] += now / (double)n;
            if (j)
                j[k * m + i] = slope / (double)n;
            const double next = 2 * z * now - before,
                         slope_next = 4 * now + 2 * z * slope - slope_before;
            before = now, slope_before = slope;
            now = next, slope = slope_next;
        }
    }
}

static void mgh_almost_linear(size_t m, size_t n, const double *x, double *r, double *j)
{
    double sum = -(double)(n + 1), product = 1;
    for (size_t k = 0; k < n; k++) {
        sum += x[k];
        product *= x[k];
    }
    for (size_t i = 0; i < m; i++)
        if (r)
            r[i] = i + 1 < m ? x[i] + sum : product - 1;
    for (size_t k = 0; j && k < n; k++) {
        double others = 1;
        for (size_t i = 0; i < n; i++) {
            others *= i == k ? 1 : x[i];
            j[k * m + i] = 1 + (i == k);
        }
        j[k * m + m - 1] = others;
    }
}

#endif
