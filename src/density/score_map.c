#include "density/score_map.h"

#include <math.h>

#include "base/student_t.h"
#include "num/special.h"

void gki_score_map_fill(gki_score_map *map, double freedom)
{
    const double constant = gki_student_constant(freedom, 1);
    map->freedom = freedom;
    for (size_t i = 0; i < GKV_SCORE_MAP_NODES; i++) {
        const double z = (double)i / GKV_SCORE_MAP_STEPS, t = gki_student_from_normal(z, freedom);
        /* log of t' = φ(z)/f(t), and of the derivative of asinh */
        const double square = t < 1e100 ? log1p(t * t / freedom) : 2 * log(t) - log(freedom);
        const double chain = t < 1e100 ? 0.5 * log1p(t * t) : log(t);
        const double log_slope =
            gki_normal_log_pdf(z) - constant + 0.5 * (freedom + 1) * square - chain;
        map->value[i] = asinh(t);
        map->slope[i] = exp(log_slope) / GKV_SCORE_MAP_STEPS;
    }
}

/* The cubic of interval i at u in [0, 1], and its derivative in u. */
static double map_cubic(const gki_score_map *map, size_t i, double u, double *derivative)
{
    const double rise = map->value[i + 1] - map->value[i], a = map->slope[i], b = map->slope[i + 1];
    const double second = 3 * rise - 2 * a - b, third = a + b - 2 * rise;
    *derivative = a + u * (2 * second + 3 * u * third);
    return map->value[i] + u * (a + u * (second + u * third));
}

double gki_score_map_forward(const gki_score_map *map, double z, double *log_slope)
{
    const double position = fabs(z) * GKV_SCORE_MAP_STEPS, last = GKV_SCORE_MAP_NODES - 1;
    double q, derivative;
    if (position < last) {
        const size_t i = (size_t)position;
        q = map_cubic(map, i, position - (double)i, &derivative);
    } else { /* beyond the table asinh t is continued as a line */
        derivative = map->slope[GKV_SCORE_MAP_NODES - 1];
        q = map->value[GKV_SCORE_MAP_NODES - 1] + derivative * (position - last);
    }
    /* dt = cosh(q) dq */
    *log_slope = log(derivative * GKV_SCORE_MAP_STEPS) + q + log1p(exp(-2 * q)) - log(2.0);
    return copysign(sinh(fmin(q, 700)), z);
}

double gki_score_map_inverse(const gki_score_map *map, double t)
{
    const double q = asinh(fabs(t));
    size_t low = 0, high = GKV_SCORE_MAP_NODES - 1;
    if (q >= map->value[high])
        return copysign(
            ((double)high + (q - map->value[high]) / map->slope[high]) / GKV_SCORE_MAP_STEPS, t);
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (q < map->value[middle])
            high = middle;
        else
            low = middle;
    }
    double u = (q - map->value[low]) / (map->value[low + 1] - map->value[low]), derivative;
    for (int i = 0; i < 20; i++) {
        const double off = map_cubic(map, low, u, &derivative) - q, step = off / derivative;
        u = fmin(fmax(u - step, 0), 1);
        if (fabs(step) < 1e-15)
            break;
    }
    return copysign(((double)low + u) / GKV_SCORE_MAP_STEPS, t);
}
