/* Functions of one variable: integrals (num/quadrature.h), and the maximum (num/maximize.h). */
#include "num/quadrature.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "num/maximize.h"

/* --- Integrals ------------------------------------------------------------ */

enum { M = GKV_INTEGRANDS, BOUNDARIES_MAX = 200, DEPTH_MAX = 48, PANELS_MAX = 20000, HALF = 7 };

/* The 7-point Gauss rule and the 15-point Kronrod rule (Piessens et al., QUADPACK, 1983). */
static const gki_wide node[HALF + 1] = {
    0.991455371120812639206854697526329L, 0.949107912342758524526189684047851L,
    0.864864423359769072789712788640926L, 0.741531185599394439863864773280788L,
    0.586087235467691130294144838258730L, 0.405845151377397166906606412076961L,
    0.207784955007898467600689403773245L, 0,
};
static const gki_wide kronrod[HALF + 1] = {
    0.022935322010529224963732008058970L, 0.063092092629978553290700663189204L,
    0.104790010322250183839876322541518L, 0.140653259715525918745189590510238L,
    0.169004726639267902826583426598550L, 0.190350578064785409913256402421014L,
    0.204432940075298892414161999234649L, 0.209482141084727828012999174891714L,
};
static const gki_wide gauss[HALF / 2 + 1] = {
    0.129484966168869693270611432679082L,
    0.279705391489276667901467771423780L,
    0.381830050505118944950369775488975L,
    0.417959183673469387755102040816327L,
};

/* The integrals over one interval. */
typedef struct panel {
    gki_wide value[M]; /* the integral of each function */
    gki_wide size[M];  /* the integral of each function's absolute value */
    gki_wide error[M]; /* the estimated error of `value` */
} panel;

typedef struct problem {
    gki_integrand *integrand;
    const void *user;
    size_t m;
    /* an estimate of the integral of each function's absolute value over the whole line */
    gki_wide total[M];
    double extent; /* the functions are examined at least to here */
    /* whether the functions were still not negligible at the last boundary */
    bool cut;
    /* panels halved so far; the limit ends the refinement where rounding noise dominates */
    size_t panels;
} problem;

static void integrate_panel(const problem *p, gki_wide low, gki_wide high, panel *out)
{
    const gki_wide centre = 0.5L * (low + high), half = 0.5L * (high - low);
    gki_wide value[2 * HALF + 1][M], gauss_value[M] = {0}, spread[M] = {0};
    *out = (panel){{0}, {0}, {0}};
    for (int j = 0; j <= 2 * HALF; j++) {
        const int i = j <= HALF ? j : 2 * HALF - j;
        p->integrand(centre + (j <= HALF ? -half : half) * node[i], p->user, value[j]);
        for (size_t q = 0; q < p->m; q++) {
            out->value[q] += half * kronrod[i] * value[j][q];
            out->size[q] += half * kronrod[i] * fabsl(value[j][q]);
            gauss_value[q] += i % 2 ? half * gauss[i / 2] * value[j][q] : 0;
        }
    }
    for (int j = 0; j <= 2 * HALF; j++)
        for (size_t q = 0; q < p->m; q++)
            spread[q] += half * kronrod[j <= HALF ? j : 2 * HALF - j] *
                         fabsl(value[j][q] - out->value[q] / (high - low));
    for (size_t q = 0; q < p->m; q++) {
        const gki_wide difference = fabsl(out->value[q] - gauss_value[q]);
        out->error[q] = spread[q] > 0
                            ? spread[q] * fminl(1, powl(200 * difference / spread[q], 1.5L))
                            : difference;
    }
}

/* Whether the error of every function is small enough, or as small as rounding allows. */
static int accurate(const problem *p, const panel *part)
{
    for (size_t q = 0; q < p->m; q++)
        if (part->error[q] > 1e-16L * p->total[q] &&
            part->error[q] > 100 * LDBL_EPSILON * part->size[q])
            return 0;
    return 1;
}

/* Adds the integral over [low, high] to value and its estimated error to error. `whole` is the
 * panel of that interval. */
static void refine(problem *p, gki_wide low, gki_wide high, const panel *whole, int depth,
                   gki_wide *value, gki_wide *error)
{
    if (depth == DEPTH_MAX || p->panels == PANELS_MAX || accurate(p, whole)) {
        for (size_t q = 0; q < p->m; q++)
            value[q] += whole->value[q], error[q] += whole->error[q];
        return;
    }
    const gki_wide middle = 0.5L * (low + high);
    panel half;
    p->panels++;
    integrate_panel(p, low, middle, &half);
    refine(p, low, middle, &half, depth + 1, value, error);
    integrate_panel(p, middle, high, &half);
    refine(p, middle, high, &half, depth + 1, value, error);
}

/* Writes the boundaries of panels from 0 outwards on one side (+1 or −1), up to where all functions
 * are negligible. Returns their number. */
static int panel_boundaries(problem *p, double scale, gki_wide side, gki_wide *boundary)
{
    gki_wide most[M] = {0}, value[M];
    int quiet = 0, count = 1;
    boundary[0] = 0;
    for (gki_wide distance = 0.5L * scale; count < BOUNDARIES_MAX && quiet < 2;
         distance *= distance < 0.9L ? 2 : 1.3L) {
        boundary[count++] = side * distance;
        p->integrand(side * distance, p->user, value);
        bool negligible = distance > fmax(8, p->extent);
        for (size_t q = 0; q < p->m; q++) {
            const gki_wide size = distance * fabsl(value[q]);
            most[q] = fmaxl(most[q], size);
            negligible = negligible && size <= 1e-24L * most[q];
        }
        quiet = negligible ? quiet + 1 : 0;
    }
    p->cut |= quiet < 2;
    return count;
}

double gki_integrate(gki_integrand *integrand, const void *user, size_t m, double scale,
                     double extent, gki_wide *out)
{
    problem p = {.integrand = integrand, .user = user, .m = m, .extent = extent};
    gki_wide boundary[2][BOUNDARIES_MAX], error[M] = {0};
    int count[2];
    panel part;
    for (int side = 0; side < 2; side++) {
        count[side] = panel_boundaries(&p, scale, side ? 1 : -1, boundary[side]);
        for (int i = 1; i < count[side]; i++) {
            integrate_panel(&p, boundary[side][i - 1], boundary[side][i], &part);
            for (size_t q = 0; q < m; q++)
                p.total[q] += fabsl(part.size[q]);
        }
    }
    for (size_t q = 0; q < m; q++)
        out[q] = 0;
    for (int side = 0; side < 2; side++)
        for (int i = 1; i < count[side]; i++) {
            const gki_wide a = boundary[side][i - 1], b = boundary[side][i], low = fminl(a, b),
                           high = fmaxl(a, b);
            integrate_panel(&p, low, high, &part);
            refine(&p, low, high, &part, 0, out, error);
        }
    gki_wide worst = p.cut ? 1 : 0;
    for (size_t q = 0; q < m; q++) {
        const gki_wide relative = p.total[q] > 0 ? error[q] / p.total[q] : error[q];
        worst = relative > worst || isnan(relative) ? relative : worst;
    }
    return (double)worst;
}

gki_wide gki_normal_pdf_wide(gki_wide z)
{
    return 0.398942280401432677939946059934381868476L * expl(-z * z / 2);
}

/* --- The maximum ---------------------------------------------------------- */

enum { GRID = 96 };

static const double v_least = 0.5, v_most = 40.0;

static double golden_section(gki_curve *curve, const void *user, double low, double high,
                             double *where)
{
    const double golden = 0.61803398874989484820;
    double left = high - golden * (high - low), right = low + golden * (high - low);
    double f_left = curve(left, user), f_right = curve(right, user);
    while (high - low > 1e-8 * high) {
        if (f_left > f_right) {
            high = right, right = left, f_right = f_left;
            left = high - golden * (high - low), f_left = curve(left, user);
        } else {
            low = left, left = right, f_left = f_right;
            right = low + golden * (high - low), f_right = curve(right, user);
        }
    }
    *where = f_left > f_right ? left : right;
    return fmax(f_left, f_right);
}

double gki_maximize(gki_curve *curve, const void *user, double end, int interior, double *where)
{
    end = fmin(end, v_most);
    *where = end;
    if (end <= v_least) /* the curve increases up to `end` */
        return interior ? -INFINITY : curve(end, user);
    const double ratio = pow(end / v_least, 1.0 / (GRID - 1));
    double v[GRID], value[GRID];
    int best = -1;
    for (int i = 0; i < GRID; i++) {
        v[i] = i == GRID - 1 ? end : i == 0 ? v_least : v[i - 1] * ratio;
        value[i] = curve(v[i], user);
    }
    for (int i = 0; i < GRID; i++) {
        if (interior &&
            (i == 0 || i == GRID - 1 || value[i] < value[i - 1] || value[i] < value[i + 1]))
            continue;
        if (best < 0 || value[i] > value[best])
            best = i;
    }
    if (best < 0)
        return -INFINITY;
    const double refined = golden_section(curve, user, best > 0 ? v[best - 1] : v_least,
                                          best < GRID - 1 ? v[best + 1] : end, where);
    if (refined >= value[best])
        return refined;
    *where = v[best];
    return value[best];
}
