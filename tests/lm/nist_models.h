/* The models of NIST's 27 nonlinear regression problems (Statistical Reference Datasets,
 * https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml), with their derivatives.
 *
 * The models are in long double, because the certified residuals of Lanczos1 are 1e-13 of the data.
 * With a model rounded to double they would have two digits. */
#ifndef GKV_TESTS_NIST_MODELS_H
#define GKV_TESTS_NIST_MODELS_H

#include <math.h>
#include <stddef.h>

enum { NIST_PARAMETERS = 9, NIST_PREDICTORS = 2 }; /* at most */

/* The model at parameters b and one observation's predictors x; writes ∂/∂b to g. */
typedef long double nist_function(const long double *b, const long double *x, long double *g);

typedef struct nist_model {
    const char *name;
    int parameters, predictors;
    int log_response; /* the model is of log(y) */
    nist_function *function;
} nist_model;

#define NIST_PI 3.14159265358979323846264338327950288L

/* --- Exponentials --------------------------------------------------------- */

/* b1 (1 − exp(−b2 x)) */
static long double nist_saturation(const long double *b, const long double *x, long double *g)
{
    g[0] = -expm1l(-b[1] * x[0]);
    g[1] = b[0] * x[0] * expl(-b[1] * x[0]);
    return b[0] * g[0];
}

/* exp(−b1 x) / (b2 + b3 x) */
static long double nist_chwirut(const long double *b, const long double *x, long double *g)
{
    const long double below = b[1] + b[2] * x[0], y = expl(-b[0] * x[0]) / below;
    g[0] = -x[0] * y;
    g[1] = -y / below;
    g[2] = -x[0] * y / below;
    return y;
}

/* b1 exp(−b2 x) + b3 exp(−b4 x) + b5 exp(−b6 x) */
static long double nist_lanczos(const long double *b, const long double *x, long double *g)
{
    long double y = 0;
    for (int k = 0; k < 6; k += 2) {
        g[k] = expl(-b[k + 1] * x[0]);
        g[k + 1] = -x[0] * b[k] * g[k];
        y += b[k] * g[k];
    }
    return y;
}

/* b1 exp(−b2 x) + b3 exp(−(x − b4)²/b5²) + b6 exp(−(x − b7)²/b8²) */
static long double nist_gauss(const long double *b, const long double *x, long double *g)
{
    g[0] = expl(-b[1] * x[0]);
    g[1] = -x[0] * b[0] * g[0];
    long double y = b[0] * g[0];
    for (int k = 2; k < 8; k += 3) {
        const long double z = (x[0] - b[k + 1]) / b[k + 2];
        g[k] = expl(-z * z);
        g[k + 1] = b[k] * g[k] * 2 * z / b[k + 2];
        g[k + 2] = g[k + 1] * z;
        y += b[k] * g[k];
    }
    return y;
}

/* log y = b1 − b2 x1 exp(−b3 x2) */
static long double nist_nelson(const long double *b, const long double *x, long double *g)
{
    const long double decay = x[0] * expl(-b[2] * x[1]);
    g[0] = 1;
    g[1] = -decay;
    g[2] = b[1] * x[1] * decay;
    return b[0] - b[1] * decay;
}

/* b1 + b2 exp(−x b4) + b3 exp(−x b5) */
static long double nist_mgh17(const long double *b, const long double *x, long double *g)
{
    g[0] = 1;
    for (int k = 1; k < 3; k++) {
        g[k] = expl(-x[0] * b[k + 2]);
        g[k + 2] = -x[0] * b[k] * g[k];
    }
    return b[0] + b[1] * g[1] + b[2] * g[2];
}

/* b1 exp(b2 / (x + b3)) */
static long double nist_mgh10(const long double *b, const long double *x, long double *g)
{
    const long double below = x[0] + b[2];
    g[0] = expl(b[1] / below);
    g[1] = b[0] * g[0] / below;
    g[2] = -g[1] * b[1] / below;
    return b[0] * g[0];
}

/* b1 / (1 + exp(b2 − b3 x)) */
static long double nist_rat42(const long double *b, const long double *x, long double *g)
{
    const long double rest = 1 / (1 + expl(b[2] * x[0] - b[1]));
    g[0] = 1 / (1 + expl(b[1] - b[2] * x[0]));
    g[1] = -b[0] * g[0] * rest;
    g[2] = -g[1] * x[0];
    return b[0] * g[0];
}

/* b1 / (1 + exp(b2 − b3 x))^(1/b4) */
static long double nist_rat43(const long double *b, const long double *x, long double *g)
{
    const long double logarithm = log1pl(expl(b[1] - b[2] * x[0]));
    g[0] = expl(-logarithm / b[3]);
    g[1] = -b[0] * g[0] / (b[3] * (1 + expl(b[2] * x[0] - b[1])));
    g[2] = -g[1] * x[0];
    g[3] = b[0] * g[0] * logarithm / (b[3] * b[3]);
    return b[0] * g[0];
}

/* (b1/b2) exp(−½ ((x − b3)/b2)²) */
static long double nist_eckerle4(const long double *b, const long double *x, long double *g)
{
    const long double z = (x[0] - b[2]) / b[1];
    g[0] = expl(-z * z / 2) / b[1];
    g[1] = b[0] * g[0] * (z * z - 1) / b[1];
    g[2] = b[0] * g[0] * z / b[1];
    return b[0] * g[0];
}

/* --- Rational functions --------------------------------------------------- */

/* (b1 + … + b_{k+1} x^k) / (1 + b_{k+2} x + … + b_{2k+1} x^k) */
static long double nist_rational(int degree, const long double *b, const long double *x,
                                 long double *g)
{
    long double above = b[0], below = 1, power = 1;
    g[0] = 1;
    for (int k = 1; k <= degree; k++) {
        power *= x[0];
        g[k] = g[degree + k] = power;
        above += b[k] * power;
        below += b[degree + k] * power;
    }
    for (int k = 0; k <= 2 * degree; k++)
        g[k] *= (k <= degree ? 1 : -above / below) / below;
    return above / below;
}

static long double nist_quadratics(const long double *b, const long double *x, long double *g)
{
    return nist_rational(2, b, x, g);
}

static long double nist_cubics(const long double *b, const long double *x, long double *g)
{
    return nist_rational(3, b, x, g);
}

/* b1 (x² + x b2) / (x² + x b3 + b4) */
static long double nist_mgh09(const long double *b, const long double *x, long double *g)
{
    const long double below = x[0] * (x[0] + b[2]) + b[3];
    g[0] = x[0] * (x[0] + b[1]) / below;
    g[1] = b[0] * x[0] / below;
    g[2] = -b[0] * g[0] * x[0] / below;
    g[3] = -b[0] * g[0] / below;
    return b[0] * g[0];
}

/* b1 b2 x / (1 + b2 x) */
static long double nist_misra1d(const long double *b, const long double *x, long double *g)
{
    const long double below = 1 + b[1] * x[0];
    g[0] = b[1] * x[0] / below;
    g[1] = b[0] * x[0] / (below * below);
    return b[0] * g[0];
}

/* --- Powers, circles and angles ------------------------------------------- */

/* b1 (1 − (1 + b2 x/2)^−2) */
static long double nist_misra1b(const long double *b, const long double *x, long double *g)
{
    const long double base = 1 + b[1] * x[0] / 2;
    g[0] = 1 - 1 / (base * base);
    g[1] = b[0] * x[0] / (base * base * base);
    return b[0] * g[0];
}

/* b1 (1 − (1 + 2 b2 x)^−½) */
static long double nist_misra1c(const long double *b, const long double *x, long double *g)
{
    const long double root = sqrtl(1 + 2 * b[1] * x[0]);
    g[0] = 1 - 1 / root;
    g[1] = b[0] * x[0] / (root * root * root);
    return b[0] * g[0];
}

/* b1 x^b2 */
static long double nist_danwood(const long double *b, const long double *x, long double *g)
{
    g[0] = powl(x[0], b[1]);
    g[1] = b[0] * g[0] * logl(x[0]);
    return b[0] * g[0];
}

/* b1 (b2 + x)^(−1/b3) */
static long double nist_bennett5(const long double *b, const long double *x, long double *g)
{
    const long double base = b[1] + x[0], logarithm = logl(base);
    g[0] = expl(-logarithm / b[2]);
    g[1] = -b[0] * g[0] / (b[2] * base);
    g[2] = b[0] * g[0] * logarithm / (b[2] * b[2]);
    return b[0] * g[0];
}

/* b1 − b2 x − arctan(b3 / (x − b4)) / π */
static long double nist_roszman1(const long double *b, const long double *x, long double *g)
{
    const long double away = x[0] - b[3], square = NIST_PI * (away * away + b[2] * b[2]);
    g[0] = 1;
    g[1] = -x[0];
    g[2] = -away / square;
    g[3] = -b[2] / square;
    return b[0] - b[1] * x[0] - atanl(b[2] / away) / NIST_PI;
}

/* b1 + b2 cos(2πx/12) + b3 sin(2πx/12) + b5 cos(2πx/b4) + b6 sin(2πx/b4)
 *    + b8 cos(2πx/b7) + b9 sin(2πx/b7) */
static long double nist_enso(const long double *b, const long double *x, long double *g)
{
    g[0] = 1;
    g[1] = cosl(2 * NIST_PI * x[0] / 12);
    g[2] = sinl(2 * NIST_PI * x[0] / 12);
    long double y = b[0] + b[1] * g[1] + b[2] * g[2];
    for (int k = 3; k < 9; k += 3) {
        const long double angle = 2 * NIST_PI * x[0] / b[k];
        g[k + 1] = cosl(angle);
        g[k + 2] = sinl(angle);
        g[k] = (b[k + 1] * g[k + 2] - b[k + 2] * g[k + 1]) * angle / b[k];
        y += b[k + 1] * g[k + 1] + b[k + 2] * g[k + 2];
    }
    return y;
}

/* In NIST's order, by difficulty. */
static const nist_model nist_models[] = {
    {"Misra1a", 2, 1, 0, nist_saturation}, {"Chwirut2", 3, 1, 0, nist_chwirut},
    {"Chwirut1", 3, 1, 0, nist_chwirut},   {"Lanczos3", 6, 1, 0, nist_lanczos},
    {"Gauss1", 8, 1, 0, nist_gauss},       {"Gauss2", 8, 1, 0, nist_gauss},
    {"DanWood", 2, 1, 0, nist_danwood},    {"Misra1b", 2, 1, 0, nist_misra1b},
    {"Kirby2", 5, 1, 0, nist_quadratics},  {"Hahn1", 7, 1, 0, nist_cubics},
    {"Nelson", 3, 2, 1, nist_nelson},      {"MGH17", 5, 1, 0, nist_mgh17},
    {"Lanczos1", 6, 1, 0, nist_lanczos},   {"Lanczos2", 6, 1, 0, nist_lanczos},
    {"Gauss3", 8, 1, 0, nist_gauss},       {"Misra1c", 2, 1, 0, nist_misra1c},
    {"Misra1d", 2, 1, 0, nist_misra1d},    {"Roszman1", 4, 1, 0, nist_roszman1},
    {"ENSO", 9, 1, 0, nist_enso},          {"MGH09", 4, 1, 0, nist_mgh09},
    {"Thurber", 7, 1, 0, nist_cubics},     {"BoxBOD", 2, 1, 0, nist_saturation},
    {"Rat42", 3, 1, 0, nist_rat42},        {"MGH10", 3, 1, 0, nist_mgh10},
    {"Eckerle4", 3, 1, 0, nist_eckerle4},  {"Rat43", 4, 1, 0, nist_rat43},
    {"Bennett5", 3, 1, 0, nist_bennett5},
};

enum { NIST_MODELS = sizeof nist_models / sizeof *nist_models };

#endif
