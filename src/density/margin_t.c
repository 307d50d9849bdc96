/* Student's t distribution as a margin. */
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "density/margin.h"
#include "num/sort.h"
#include "num/special.h"

/* The most values that a fit uses. */
enum { USED_MAX = 20000 };

static gkv_status fit_t(const gki_column *column, size_t detail, gki_margin *out)
{
    (void)detail;
    const size_t stride = column->n > USED_MAX ? column->n / USED_MAX : 1,
                 used = (column->n + stride - 1) / stride;
    double *sorted = NULL;
    gki_real *y = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(2 * used, sizeof *sorted, &sorted));
    GKV_TRY_GOTO(gki_alloc(used, sizeof *y, &y));
    for (size_t i = 0; i < used; i++)
        sorted[i] = column->spread[i * stride];
    gki_sort(used, sorted, NULL, sorted + used);
    const double middle = sorted[used / 2];
    double spread = sorted[used - 1 - used / 4] - sorted[used / 4];
    if (!(spread > 0))
        spread = sorted[used - 1] - sorted[0];
    for (size_t i = 0; i < used; i++)
        y[i] = (gki_real)((column->spread[i * stride] - middle) / spread);
    out->t = gki_student_fit((gki_student){0, 0.7, 10}, y, used, 1, false);
    out->t.location = middle + spread * out->t.location;
    out->t.scale *= spread;
    /* from below 30 rows to a few hundred, ν is hardly determined: not fewer than 2 */
    if (column->n < GKV_MARGIN_ROWS_FEW)
        out->t.freedom = fmax(out->t.freedom, 2);
done:
    free(sorted);
    free(y);
    return status;
}

static double t_score(const gki_margin *m, double x, double *log_slope)
{
    const double z = gki_student_to_normal((x - m->t.location) / m->t.scale, m->t.freedom);
    *log_slope = gki_student_log_density(&m->t, x) - gki_normal_log_pdf(z);
    return z;
}

static double t_value(const gki_margin *m, double z)
{
    return m->t.location + m->t.scale * gki_student_from_normal(z, m->t.freedom);
}

static bool is_valid_t(const gki_margin *m)
{
    return isfinite(m->t.location) && m->t.scale > 0 && isfinite(m->t.scale) && m->t.freedom > 0 &&
           isfinite(m->t.freedom);
}

static void describe_t(const gki_margin *m, double *parameters)
{
    parameters[0] = m->t.location;
    parameters[1] = m->t.scale;
    parameters[2] = m->t.freedom;
    parameters[3] = gki_margin_tail_scale(&m->lower);
    parameters[4] = gki_margin_tail_scale(&m->upper);
}

const gki_margin_ops gki_margin_t = {
    .name = "t",
    .parameters = {"location", "scale", "ν", "lower tail", "upper tail"},
    .is_family = true,
    .fit = fit_t,
    .is_valid = is_valid_t,
    .describe = describe_t,
    .score = t_score,
    .value = t_value};
