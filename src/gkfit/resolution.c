#include "gkfit/resolution.h"

#include <math.h>
#include <stdint.h>

static double size_of(const gki_gk_ties *ties, size_t r)
{
    return ties->end[r] - (r > 0 ? ties->end[r - 1] : 0.0);
}

bool gki_gk_has_ties(const gki_gk_ties *ties, size_t m, const double *weights, size_t n,
                     size_t *largest)
{
    double most = 0.0;
    for (size_t i = 0; weights && i < n; i++)
        if (weights[i] != floor(weights[i]))
            return false;
    *largest = 0;
    for (size_t r = 0; r < ties->count; r++)
        if (size_of(ties, r) > most) {
            most = size_of(ties, r);
            *largest = r;
        }
    return most > 2 && most > 0.25 * ties->total / ((double)m + 1.0);
}

/* --- The greatest common step --------------------------------------------- */

/* Values count as multiples of a step up to this part of it, and the least difference as this many
 * steps at most. Differences below `noise` of the largest value are rounding errors. */
enum { STEPS = 20 };
static const double off = 0.01, noise = 1e-10;

static double least_difference(const gki_gk_ties *ties)
{
    const double size = fmax(fabs(ties->x[0]), fabs(ties->x[ties->count - 1]));
    double least = INFINITY;
    for (size_t r = 1; r < ties->count; r++) {
        const double gap = ties->x[r] - ties->x[r - 1];
        if (gap > noise * size)
            least = fmin(least, gap);
    }
    return least;
}

/* Whether all values are multiples of the step h from the first. Each value in turn makes h more
 * accurate. Returns the improved step, or 0. */
static double fits(const gki_gk_ties *ties, double h)
{
    for (size_t r = 1; r < ties->count; r++) {
        const double away = ties->x[r] - ties->x[0], steps = nearbyint(away / h);
        if (!(fabs(away / h - steps) <= off) || steps > 1e15)
            return 0.0;
        if (steps > 0)
            h = away / steps;
    }
    return h;
}

/* A decimal step is known exactly, such as 0.05. */
static double tidy(double h)
{
    const double scale = pow(10.0, 3.0 - floor(log10(h)));
    const double near = nearbyint(h * scale) / scale;
    return fabs(near - h) <= 1e-9 * h ? near : h;
}

static double interquartile_range(const gki_gk_ties *ties)
{
    return gki_gk_ties_quantile(ties, 0.75) - gki_gk_ties_quantile(ties, 0.25);
}

double gki_gk_find_resolution(const gki_gk_ties *ties, size_t largest)
{
    const double gap = least_difference(ties);
    double h = 0.0;
    for (int steps = 1; steps <= STEPS && h == 0 && isfinite(gap); steps++)
        h = fits(ties, gap / steps);
    if (!(h > 0))
        return 0.0;
    /* the mean number of observations of a step within the quartiles, about */
    const double usual = 0.5 * ties->total * h / interquartile_range(ties);
    return size_of(ties, largest) <= 16.0 * fmax(1.0, usual) ? tidy(h) : 0.0;
}

/* --- Heaps ---------------------------------------------------------------- */

/* Sums the observations at multiples of the step. *most becomes the number at the most frequent of
 * them. */
static double at_multiples(const gki_gk_ties *ties, double h, double m, double *most)
{
    double count = 0.0;
    *most = 0.0;
    for (size_t r = 0; r < ties->count; r++) {
        const double steps = ties->x[r] / (m * h), here = size_of(ties, r);
        if (fabs(steps - nearbyint(steps)) * m < 0.25) {
            count += here;
            *most = fmax(*most, here);
        }
    }
    return count;
}

double gki_gk_find_heaps(const gki_gk_ties *ties, double h)
{
    static const double multiples[] = {2,  3,  4,  5,  6,  7,  8,  10, 12,
                                       15, 16, 20, 25, 30, 50, 60, 100};
    const double range = interquartile_range(ties);
    double heaps = 0.0, excess_most = 5.0; /* standard deviations */
    for (size_t i = 0; i < sizeof multiples / sizeof *multiples; i++) {
        const double m = multiples[i];
        double most;
        if (!(range > m * h))
            break;
        const double count = at_multiples(ties, h, m, &most) - most;
        const double expected = (ties->total - most) / m;
        const double excess = (count - expected) / sqrt(expected * (1.0 - 1.0 / m));
        if (excess > excess_most && count > 1.3 * expected) {
            excess_most = excess;
            heaps = m * h;
        }
    }
    return heaps;
}
