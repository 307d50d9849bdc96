/* Modes: where −d/dz log f(Q(z)) = z + Q''/Q' changes its sign upwards. */
#include <math.h>
#include <stddef.h>

#include "gk/family.h"
#include "num/quadrature.h"
#include "gk/score.h"
#include "gkvae/gk_moments.h"

typedef struct point {
    gkv_wide z, pull, slope; /* z + V_z and its derivative 1 + V_zz, V = log Q' */
} point;

static point at(const gkv_gk *gk, gkv_wide z)
{
    const gkv_gk_jet jet = gkv_gk_jet_at(gk, z, 1);
    const gkv_wide bend = jet.rho_z / jet.rho;
    return (point){z, gkv_gk_neg_log_pdf_slope(&jet, z), 1 + jet.lambda_zz + jet.rho_zz / jet.rho - bend * bend};
}

/* Where `pull` (or `slope`, if `turning`) goes through 0 between two points. */
static point root(const gkv_gk *gk, point low, point high, int turning)
{
    for (int i = 0; i < 200; i++) {
        const gkv_wide middle = 0.5L * (low.z + high.z);
        if (middle == low.z || middle == high.z)
            break;
        const point here = at(gk, middle);
        const gkv_wide value = turning ? here.slope : here.pull;
        if (value == 0)
            return here;
        if ((value > 0) == ((turning ? low.slope : low.pull) > 0))
            low = here;
        else
            high = here;
    }
    return low;
}

typedef struct list {
    const gkv_gk *gk;
    size_t count;
    double x[GKV_GK_MODES_MAX], log_pdf[GKV_GK_MODES_MAX];
} list;

/* In its place by height; the lowest goes if there are too many. */
static void add(list *modes, point mode)
{
    const gkv_gk_jet jet = gkv_gk_jet_at(modes->gk, mode.z, 0);
    const double height = (double)(gkv_gk_log_phi(mode.z) - gkv_gk_log_dQ_wide(modes->gk, &jet));
    size_t i = modes->count < GKV_GK_MODES_MAX ? modes->count++ : GKV_GK_MODES_MAX;
    for (; i > 0 && !(modes->log_pdf[i - 1] >= height); i--)
        if (i < GKV_GK_MODES_MAX)
            modes->x[i] = modes->x[i - 1], modes->log_pdf[i] = modes->log_pdf[i - 1];
    if (i < GKV_GK_MODES_MAX)
        modes->x[i] = (double)gkv_gk_Q_wide(modes->gk, mode.z), modes->log_pdf[i] = height;
}

static void search_cell(list *modes, point low, point high)
{
    if (low.pull < 0 && high.pull > 0)
        add(modes, root(modes->gk, low, high, 0));
    if ((low.pull > 0) != (high.pull > 0) || (low.slope > 0) == (high.slope > 0))
        return;
    /* No change of sign, but a turning point: a mode and an antimode may hide here. */
    const point turn = root(modes->gk, low, high, 1);
    if (low.pull > 0 && turn.pull < 0)
        add(modes, root(modes->gk, turn, high, 0));
    else if (low.pull < 0 && turn.pull > 0)
        add(modes, root(modes->gk, low, turn, 0));
}

size_t gkv_gk_modes(const gkv_gk *gk, double *x, double *log_pdf)
{
    enum { STEPS = 700 };
    list modes = {.gk = gk};
    /* From far out to near 0 on the left, and back on the right: no mode is beyond ±far,
     * where z outweighs what Q''/Q' can be against it. */
    const double far = 60.0 + fabs(gk->g), near = 1e-4 * gkv_gk_scale(gk);
    const double ratio = pow(far / near, 1.0 / STEPS);
    point before = at(gk, -far);
    double z = far;
    for (int i = 0; i <= 2 * STEPS; i++) {
        z = i <= STEPS ? z / (i ? ratio : 1) : z * ratio;
        if (i == STEPS)
            z = near; /* so that the cell across 0 has its middle there: symmetric modes are exact */
        const point here = at(gk, i <= STEPS ? -z : z);
        if (i > 0)
            search_cell(&modes, before, here);
        before = here;
        if (i == STEPS) { /* across 0 */
            before = at(gk, near);
            search_cell(&modes, here, before);
        }
    }
    for (size_t i = 0; i < modes.count; i++) {
        if (x)
            x[i] = modes.x[i];
        if (log_pdf)
            log_pdf[i] = modes.log_pdf[i];
    }
    return modes.count;
}
