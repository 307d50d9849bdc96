/* The estimate of c (c_fit.h).
 *
 * The maximum is sought for several values of c with all starts of a fit, because the profile of c
 * can have several maxima. The ascent over c continues from the most likely of them. */
#include "gkfit/c_fit.h"

#include <math.h>
#include <string.h>

#include "gkfit/fit_family.h"
#include "gkfit/mle_starts.h"
#include "num/linalg.h"
#include "num/special.h"

static const double c_grid[] = {0.1, 0.3, 0.5, 0.65, 0.8, 0.9, 0.96, 0.99};
enum { GRID = sizeof c_grid / sizeof *c_grid, FIVE = GKI_GK_WITH_C };

/* A value of the grid is left out if it is nearer to another c than this; a maximum is another one
 * if it is greater by c_gain. */
static const double c_near = 0.005, c_gain = 1e-6;

/* A maximum with g = 0 exactly has no c. It is the result unless another one is greater by this. */
static const double lead_of_c = 0.01;

/* --- The search ----------------------------------------------------------- */

/* Maxima for some values of c, in ascending order of c. */
typedef struct c_profile {
    gki_gk_task task[GRID + 1];
    double c[GRID + 1], value[GRID + 1]; /* −∞ if there is none */
    size_t count, held;                  /* the number of them, and which is that of the settings */
} c_profile;

static void list_c(double c, c_profile *profile)
{
    profile->count = 0;
    for (size_t i = 0; i < GRID && c_grid[i] < c - c_near; i++)
        profile->c[profile->count++] = c_grid[i];
    profile->held = profile->count;
    profile->c[profile->count++] = c;
    for (size_t i = 0; i < GRID; i++)
        if (c_grid[i] > c + c_near)
            profile->c[profile->count++] = c_grid[i];
}

/* Returns to the unit of the task, in which the arrays are that all its copies share. */
static double back_to_unit(gki_gk_with_c *own, const gki_gk_task *task, gki_gk_task *copy)
{
    gki_gk_point point;
    gkv_gk gk = gki_gk_fit_gk_of(&own->common, copy, copy->v);
    gk.a *= copy->spread / task->spread;
    gk.b *= copy->spread / task->spread;
    gki_gk_change_unit(copy, task->spread);
    return gki_gk_climb_at_c(own, task, &gk, copy, &point) ? point.value : -INFINITY;
}

/* Fits a copy of the task for the c of `start`, with all starts. *value becomes its
 * log-likelihood, or −∞ if what is held is not valid for this c. */
static gkv_status fit_at_c(gki_gk_with_c *own, const gki_gk_task *task, const gkv_gk *start,
                           gki_gk_task *copy, double *value)
{
    *value = -INFINITY;
    gki_gk_set_c(own, start->c);
    if (gki_gk_begin_at(&own->common, task, start, copy) != GKV_OK)
        return GKV_OK;
    copy->result.symmetric = false;
    const gkv_status status = gki_gk_fit_mle(&own->common, copy);
    if (status == GKV_ERR_ARGUMENT)
        return GKV_OK;
    if (status == GKV_OK)
        *value = copy->spread == task->spread ? copy->result.log_likelihood
                                              : back_to_unit(own, task, copy);
    return status;
}

/* Fits each value of c from the one before, on both sides of that of the settings. */
static gkv_status fit_profile(gki_gk_with_c *own, const gki_gk_task *task, c_profile *profile)
{
    const double c = own->set.c;
    list_c(c, profile);
    profile->task[profile->held] = *task;
    profile->value[profile->held] = task->result.log_likelihood;
    for (int way = -1; way <= 1; way += 2) {
        gki_gk_set_c(own, c);
        gkv_gk start = gki_gk_fit_gk_of(&own->common, task, task->v);
        for (size_t i = profile->held + (size_t)way; i < profile->count; i += (size_t)way) {
            start.c = profile->c[i];
            GKV_TRY(fit_at_c(own, task, &start, &profile->task[i], &profile->value[i]));
            if (profile->value[i] > -INFINITY)
                start = gki_gk_fit_gk_of(&own->common, &profile->task[i], profile->task[i].v);
        }
    }
    return GKV_OK;
}

/* Whether the maximum over c may be near a value of the profile. The values do not say between
 * which two it is. */
static bool is_promising(const c_profile *profile, size_t i, double most)
{
    const double enough = 5.0;
    return profile->value[i] > most - enough && !profile->task[i].result.symmetric;
}

/* Climbs from a start, and keeps the maximum if it is greater. */
static void try_over_c(gki_gk_with_c *own, const gki_gk_task *from, const gkv_gk *start,
                       gki_gk_task *best, gki_gk_c_point *p)
{
    gki_gk_task copy;
    gki_gk_c_point climbed;
    if (!gki_gk_climb_over_c(own, from, start, &copy, &climbed))
        return;
    const double lead = climbed.point.value - p->point.value;
    if (lead > c_gain || (lead > -c_gain && copy.result.converged && !best->result.converged)) {
        *best = copy;
        *p = climbed;
    }
}

/* With a small c a density with a step at A can be more likely than one without. Climbs from steps
 * at quantiles near A, in the direction of the skewness. */
static void try_steps(gki_gk_with_c *own, const gki_gk_task *from, gki_gk_task *best,
                      gki_gk_c_point *p)
{
    static const double places[] = {-0.5, -0.35, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.35, 0.5};
    gki_gk_set_c(own, p->c);
    const gkv_gk here = gki_gk_fit_gk_of(&own->common, best, best->v);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        gkv_gk start = here;
        start.a += places[i] * start.b;
        start.g = copysign(30.0, here.g);
        try_over_c(own, from, &start, best, p);
    }
}

/* Moves *best to the greatest maximum over c. */
static gkv_status seek_c(gki_gk_with_c *own, const gki_gk_task *task, c_profile *profile,
                         gki_gk_task *best, gki_gk_c_point *p)
{
    enum { ROUNDS_OF_C = 3 };
    gki_gk_task from = *task, other;
    double value, most = -INFINITY;
    from.result.symmetric = false;
    p->point.value = -INFINITY;
    for (size_t i = 0; i < profile->count; i++)
        most = fmax(most, profile->value[i]);
    for (size_t i = 0; i < profile->count; i++) {
        if (!is_promising(profile, i, most))
            continue;
        gki_gk_set_c(own, profile->c[i]);
        const gkv_gk start = gki_gk_fit_gk_of(&own->common, &profile->task[i], profile->task[i].v);
        try_over_c(own, &from, &start, best, p);
    }
    if (p->point.value > -INFINITY)
        try_steps(own, &from, best, p);
    for (int round = 0; round < ROUNDS_OF_C && p->point.value > -INFINITY; round++) {
        gki_gk_set_c(own, p->c);
        gkv_gk start = gki_gk_fit_gk_of(&own->common, best, best->v);
        GKV_TRY(fit_at_c(own, &from, &start, &other, &value));
        if (other.result.symmetric || !(value > p->point.value + c_gain))
            break;
        start = gki_gk_fit_gk_of(&own->common, &other, other.v);
        try_over_c(own, &from, &start, best, p);
    }
    if (p->point.value > -INFINITY)
        gki_gk_set_c(own, p->c);
    return GKV_OK;
}

/* --- Errors --------------------------------------------------------------- */

/* Inverts a symmetric 5 × 5 matrix without the rows of what is fixed, which become 0. */
static bool invert_free(double m[FIVE][FIVE], const bool fixed[4], double inverse[FIVE][FIVE])
{
    double a[FIVE * FIVE] = {0}, l[FIVE * FIVE] = {0}, li[FIVE * FIVE] = {0};
    size_t which[FIVE], n = 0;
    for (size_t i = 0; i < FIVE; i++)
        if (i == 4 || !fixed[i])
            which[n++] = i;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            a[i * n + j] = m[which[i]][which[j]];
    memset(inverse, 0, FIVE * sizeof *inverse);
    if (!gki_cholesky(n, a, 1e-13, l))
        return false;
    gki_cholesky_invert(n, l, li);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            for (size_t k = i > j ? i : j; k < n; k++)
                inverse[which[i]][which[j]] += li[k * n + i] * li[k * n + j];
    return true;
}

/* The covariance of A, B, g, k, c from that of the variables and c: k = k_min(g, c) + v[3]. */
static void to_parameters(gki_gk_with_c *own, const gki_gk_task *task, double g,
                          double m[FIVE][FIVE])
{
    double slope = 0.0, add[FIVE] = {0.0};
    if (task->plain)
        return;
    gki_gk_fit_k_min(&own->common, g, &slope, NULL);
    add[2] = slope;
    add[4] = gki_gk_k_min_in_c(&own->set, g);
    for (int i = 0; i < FIVE; i++)
        m[3][i] += add[2] * m[2][i] + add[4] * m[4][i];
    for (int i = 0; i < FIVE; i++)
        m[i][3] += add[2] * m[i][2] + add[4] * m[i][4];
}

/* A variance, or a covariance, where the information has no inverse. */
static double unknown_covariance(bool is_variance)
{
    return is_variance ? INFINITY : 0.0;
}

/* The observed information in the variables; or, if k is at its bound, the products of the scores,
 * which have no bound. */
static void take_errors(gki_gk_with_c *own, gki_gk_task *task, const gki_gk_c_point *p)
{
    double m[FIVE][FIVE], inverse[FIVE][FIVE];
    const gkv_gk gk = gki_gk_fit_gk_of(&own->common, task, p->point.v);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++)
            m[i][j] = p->point.information[i][j];
        m[i][4] = m[4][i] = p->cross[i];
    }
    m[4][4] = p->information;
    bool known = !task->result.at_bound && invert_free(m, task->fixed, inverse);
    if (known)
        to_parameters(own, task, gk.g, inverse);
    else {
        gki_gk_c_sums sums;
        gki_gk_fit_c_sums(&own->common, task, &gk, &sums);
        for (int i = 0, pair = 0; i < 4; i++)
            for (int j = i; j < 4; j++, pair++)
                m[i][j] = m[j][i] = p->point.sums.outer[pair];
        for (int i = 0; i < FIVE; i++)
            m[i][4] = m[4][i] = sums.outer[i];
        known = invert_free(m, task->fixed, inverse);
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            task->covariance[i][j] =
                known ? inverse[i][j] : unknown_covariance(i == j && !task->fixed[i]);
    for (int i = 0; i < FIVE; i++)
        task->result.c.covariance[i] =
            known ? inverse[i][4] * (i < 2 ? task->spread : 1.0) : unknown_covariance(i == 4);
}

/* --- The estimate --------------------------------------------------------- */

/* The greatest maximum with g = 0 exactly that is above a value, or NULL. */
static const gki_gk_task *symmetric_maximum(const c_profile *profile, double above)
{
    const gki_gk_task *found = NULL;
    for (size_t i = 0; i < profile->count; i++)
        if (profile->task[i].result.symmetric && profile->value[i] > above) {
            above = profile->value[i];
            found = &profile->task[i];
        }
    return found;
}

gkv_status gki_gk_estimate_c(gki_gk_with_c *own, gki_gk_task *task)
{
    const double c = own->set.c, held = task->result.log_likelihood;
    c_profile profile;
    gki_gk_task best = *task;
    gki_gk_c_point p;
    const double low = own->set.low[GKV_GK_G], high = own->set.high[GKV_GK_G];
    if ((own->set.fixed[GKV_GK_G] && task->start.g == 0) || (low == 0 && high == 0))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "c has no effect where g is held at 0, so that it cannot be estimated");
    GKV_TRY(fit_profile(own, task, &profile));
    best.result.converged = false;
    GKV_TRY(seek_c(own, task, &profile, &best, &p));
    const gki_gk_task *symmetric = symmetric_maximum(&profile, p.point.value - lead_of_c);
    if (symmetric || p.point.value == -INFINITY) {
        gki_gk_set_c(own, c);
        own->set.free_c = false;
        if (symmetric)
            *task = *symmetric;
        task->result.c = (gkv_gk_fit_c){.free = true, .held = c, .held_log_likelihood = held};
        return GKV_OK;
    }
    *task = best;
    task->judged = false;
    task->free_c = true;
    task->result.c = (gkv_gk_fit_c){.free = true,
                                    .determined = true,
                                    .held = c,
                                    .held_log_likelihood = held,
                                    .bound = p.c <= GKI_GK_LEAST_C  ? -1
                                             : p.c >= GKI_GK_MOST_C ? 1
                                                                    : 0};
    take_errors(own, task, &p);
    return GKV_OK;
}

void gki_gk_conclude_c(const gkv_gk_fit_settings *set, gkv_gk_fit_result *result)
{
    gkv_gk_fit_c *c = &result->c;
    if (!c->determined || !result->converged)
        for (int i = 0; i < FIVE; i++)
            c->covariance[i] = c->determined ? NAN : i < 4 ? 0.0 : INFINITY;
    c->se = sqrt(c->covariance[4]);
    const double z = gki_normal_quantile(0.5 + 0.5 * set->confidence);
    c->low = fmax(0.0, result->gk.c - z * c->se);
    c->high = fmin(1.0, result->gk.c + z * c->se);
    if (isnan(c->se))
        c->low = c->high = NAN;
    c->ratio = c->p_value = NAN;
    if (!c->determined || !result->converged)
        return; /* the height of a spike of the density says nothing about c */
    c->ratio = fmax(0.0, 2.0 * (result->log_likelihood - c->held_log_likelihood));
    c->p_value = gki_chi2_upper(c->ratio, 1.0);
}

bool gki_gk_determines_c(const gkv_gk_fit_result *result)
{
    const gkv_gk_fit_c *c = &result->c;
    return c->low > 0 && c->high < 1 && c->high - c->low < 0.5 &&
           (result->low[GKV_GK_G] > 0 || result->high[GKV_GK_G] < 0);
}
