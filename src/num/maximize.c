#include "num/maximize.h"

#include <math.h>

enum { GRID = 96 };

static const double v_least = 0.5, v_most = 40.0;

static double golden_section(gki_curve *curve, const void *user, double low, double high,
                             double *at)
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
    *at = f_left > f_right ? left : right;
    return fmax(f_left, f_right);
}

double gki_maximize(gki_curve *curve, const void *user, double end, int interior, double *at)
{
    end = fmin(end, v_most);
    *at = end;
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
                                          best < GRID - 1 ? v[best + 1] : end, at);
    if (refined >= value[best])
        return refined;
    *at = v[best];
    return value[best];
}
