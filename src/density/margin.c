/* Margins as distributions; declared in margin.h. */
#include "density/margin.h"

#include <math.h>
#include <string.h>

#include "core/error.h"
#include "gkvae/gk_batch.h"
#include "num/special.h"

/* --- Spline --------------------------------------------------------------- */

/* The segment i with knot[i] ≤ v < knot[i+1], of `knots` − 1 segments. */
static size_t segment(const double *knot, size_t knots, double v)
{
    size_t low = 0, high = knots - 1;
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (v < knot[middle])
            high = middle;
        else
            low = middle;
    }
    return low;
}

/* The cubic of a segment at u in [0, 1], and its derivative in u. */
static double cubic(const gki_margin *m, size_t i, double u, double *derivative)
{
    const double h = m->x[i + 1] - m->x[i], rise = m->z[i + 1] - m->z[i];
    const double a = m->slope[i] * h, b = m->slope[i + 1] * h;
    const double second = 3 * rise - 2 * a - b, third = a + b - 2 * rise;
    *derivative = a + u * (2 * second + 3 * u * third);
    return m->z[i] + u * (a + u * (second + u * third));
}

/* log P beyond an excess y ≥ 0, and log of the density. */
static double log_survival(const gki_tail *tail, double y, double *log_density)
{
    const double v = y / tail->sigma, xi = tail->xi;
    const double beyond = xi > 0 ? log1p(xi * v) : 0;
    const double lp = tail->log_share - (xi > 0 ? beyond / xi : v);
    *log_density = lp - beyond - log(tail->sigma);
    return lp;
}

static double spline_score(const gki_margin *m, double x, double *log_slope)
{
    const size_t knots = (size_t)m->knots;
    double log_density, derivative;
    if (x < m->lower.threshold || x > m->upper.threshold) {
        const bool low = x < m->lower.threshold;
        const gki_tail *tail = low ? &m->lower : &m->upper;
        const double lp = log_survival(tail, fabs(x - tail->threshold), &log_density);
        const double z = gki_normal_quantile_log(lp);
        *log_slope = log_density - gki_normal_log_pdf(z);
        return low ? z : -z;
    }
    const size_t i = segment(m->x, knots, x);
    const double h = m->x[i + 1] - m->x[i];
    const double z = cubic(m, i, (x - m->x[i]) / h, &derivative);
    *log_slope = log(derivative / h);
    return z;
}

static double spline_value(const gki_margin *m, double z)
{
    const size_t knots = (size_t)m->knots;
    if (z < m->z[0] || z > m->z[knots - 1]) {
        const bool low = z < m->z[0];
        const gki_tail *tail = low ? &m->lower : &m->upper;
        const double excess = tail->log_share - gki_normal_log_cdf(-fabs(z));
        const double y =
            tail->sigma * (tail->xi > 0 ? expm1(tail->xi * excess) / tail->xi : excess);
        return tail->threshold + (low ? -y : y);
    }
    /* Newton's method between bounds that it halves */
    const size_t i = segment(m->z, knots, z);
    double low = 0, high = 1, u = (z - m->z[i]) / (m->z[i + 1] - m->z[i]), derivative;
    for (int step = 0; step < 100; step++) {
        const double off = cubic(m, i, u, &derivative) - z;
        if (off > 0)
            high = u;
        else
            low = u;
        double next = u - off / derivative;
        if (!(next >= low && next <= high))
            next = 0.5 * (low + high);
        if (fabs(next - u) < 1e-16)
            break;
        u = next;
    }
    return m->x[i] + u * (m->x[i + 1] - m->x[i]);
}

/* --- All kinds ------------------------------------------------------------ */

static gkv_gk gk_of(const gki_margin *m)
{
    return (gkv_gk){m->gk[0], m->gk[1], m->gk[2], m->gk[3], m->gk[4], GKV_GK_FAMILY_GK};
}

static double student_score(const gki_margin *m, double x, double *log_slope)
{
    const double z = gki_student_to_normal((x - m->t.location) / m->t.scale, m->t.freedom);
    *log_slope = gki_student_log_density(&m->t, x) - gki_normal_log_pdf(z);
    return z;
}

static gkv_status gk_scores(const gki_margin *m, size_t n, const double *x, double *z,
                            double *log_slope)
{
    const gkv_gk gk = gk_of(m);
    GKV_TRY(gkv_gk_batch_x(&gk, n, x, &(gkv_gk_at_x){.z = z, .log_pdf = log_slope}));
    for (size_t i = 0; i < n && log_slope; i++)
        log_slope[i] = isinf(z[i]) ? -INFINITY : log_slope[i] - gki_normal_log_pdf(z[i]);
    return GKV_OK;
}

gkv_status gki_margin_scores(const gki_margin *m, size_t n, const double *x, double *z,
                             double *log_slope)
{
    if (m->kind == GKV_DENSITY_MARGIN_GK)
        return gk_scores(m, n, x, z, log_slope);
    for (size_t i = 0; i < n; i++) {
        const double value = x[i];
        double slope = isnan(value) ? NAN : -INFINITY;
        if (!isfinite(value))
            z[i] = value;
        else
            z[i] = m->kind == GKV_DENSITY_MARGIN_T ? student_score(m, value, &slope)
                                                   : spline_score(m, value, &slope);
        if (log_slope)
            log_slope[i] = slope;
    }
    return GKV_OK;
}

gkv_status gki_margin_values(const gki_margin *m, size_t n, const double *z, double *x)
{
    const gkv_gk gk = gk_of(m);
    if (m->kind == GKV_DENSITY_MARGIN_GK)
        return gkv_gk_batch_z(&gk, n, z, &(gkv_gk_at_z){.x = x});
    for (size_t i = 0; i < n; i++)
        x[i] = !isfinite(z[i]) ? z[i]
               : m->kind == GKV_DENSITY_MARGIN_T
                   ? m->t.location + m->t.scale * gki_student_from_normal(z[i], m->t.freedom)
                   : spline_value(m, z[i]);
    return GKV_OK;
}

void gki_margin_describe(const gki_margin *m, gkv_density_margin_info *info)
{
    info->kind = (int64_t)m->kind;
    memset(info->parameters, 0, sizeof info->parameters);
    if (info->kind == GKV_DENSITY_MARGIN_GK) {
        memcpy(info->parameters, m->gk, sizeof info->parameters);
    } else if (info->kind == GKV_DENSITY_MARGIN_T) {
        info->parameters[0] = m->t.location;
        info->parameters[1] = m->t.scale;
        info->parameters[2] = m->t.freedom;
    } else {
        info->parameters[0] = m->knots;
        info->parameters[1] = m->lower.xi;
        info->parameters[2] = m->upper.xi;
    }
}

/* --- Validation ----------------------------------------------------------- */

static bool is_tail(const gki_tail *tail)
{
    return isfinite(tail->threshold) && tail->log_share < 0 && isfinite(tail->log_share) &&
           tail->sigma > 0 && isfinite(tail->sigma) && tail->xi >= 0 && tail->xi < 1;
}

static bool is_spline(const gki_margin *m)
{
    const double knots = m->knots;
    if (!(knots >= 2 && knots <= GKV_MARGIN_KNOTS_MAX && knots == floor(knots)) ||
        !is_tail(&m->lower) || !is_tail(&m->upper))
        return false;
    for (size_t i = 0; i < (size_t)knots; i++)
        if (!isfinite(m->x[i]) || !isfinite(m->z[i]) || !(m->slope[i] > 0) ||
            !isfinite(m->slope[i]) || (i > 0 && !(m->x[i] > m->x[i - 1] && m->z[i] > m->z[i - 1])))
            return false;
    return m->lower.threshold == m->x[0] && m->upper.threshold == m->x[(size_t)knots - 1];
}

gkv_status gki_margin_check(const gki_margin *m)
{
    const gkv_gk gk = gk_of(m);
    const bool valid = m->kind == GKV_DENSITY_MARGIN_GK ? gkv_gk_is_valid(&gk) && gk.k >= 0
                       : m->kind == GKV_DENSITY_MARGIN_T
                           ? isfinite(m->t.location) && m->t.scale > 0 && m->t.freedom > 0 &&
                                 isfinite(m->t.scale) && isfinite(m->t.freedom)
                       : m->kind == GKV_DENSITY_MARGIN_SPLINE ? is_spline(m)
                                                              : false;
    return valid ? GKV_OK : gki_fail(GKV_ERR_DATA, "a margin is not a distribution");
}
