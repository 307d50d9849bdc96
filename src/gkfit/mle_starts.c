/* Further starts for the maximum of the likelihood.
 *
 * The list has heavy and light tails with little and much skewness, whose A and B follow from the
 * median and the quartiles; densities whose greatest value is at an end of the sample, as a sharp
 * edge or a pole needs; densities with two halves of different scales; and, if parameters are held,
 * the end of a path from the fit in which they are free. Most starts lead nowhere. A few steps with
 * a thinned sample show which ones. */
#include "gkfit/mle_starts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkfit/ascend.h"
#include "gkfit/fit_family.h"

/* Shapes as g and k − k_min(g). */
static const double shapes[][2] = {
    {0.2, 0.06}, {-0.2, 0.06}, {0.1, 0.5},  {0.1, 1.3},  {1.0, 0.2},  {-1.0, 0.2},
    {1.4, 0.06}, {-1.4, 0.06}, {1.5, 0.9},  {-1.5, 0.9}, {3.0, 0.3},  {-3.0, 0.3},
    {4.0, 1.3},  {-4.0, 1.3},  {8.0, 0.5},  {-8.0, 0.5}, {30.0, 0.5}, {-30.0, 0.5},
    {20.0, 1.5}, {-20.0, 1.5}, {20.0, 3.3}, {-20.0, 3.3}};

/* The g of starts with a sharp edge. */
static const double edges[] = {1.4, -1.4, 2.5, -2.5, 5.0, -5.0};

/* Starts between two groups of values: the normal score of the quantile at A, g, k − k_min(g). */
static const double splits[][3] = {{-1.28, 8.0, 0.15}, {1.28, -8.0, 0.15},  {-0.67, 8.0, 0.15},
                                   {0.67, -8.0, 0.15}, {-0.25, 8.0, 0.5},   {0.25, -8.0, 0.5},
                                   {-1.28, 5.0, 0.06}, {1.28, -5.0, 0.06},  {-0.67, 30.0, 0.5},
                                   {0.67, -30.0, 0.5}, {-0.5, -10.0, 0.03}, {0.5, 10.0, 0.03}};

/* Starts with halves of different scales, which is the limit of a large g: k − k_min(g), and the
 * normal scores of the quantiles at which they may meet. */
static const double halves_k[] = {0.07, 0.5, 2.0, 3.5};
static const double halves_z[] = {-1.5, -1.1, -0.8, -0.5, -0.25, 0.0, 0.25, 0.5, 0.8, 1.1, 1.5};

/* The shapes if parameters are held. */
static const double held_g[] = {0.2, -0.2, 1.5, -1.5, 4.0, -4.0, 10.0, -10.0, 50.0, -50.0};
static const double held_k[] = {0.06, 0.3, 0.8, 1.6};

/* k − k_min(g) and g if outliers are so far away that B is sought between the scale of the
 * quartiles and theirs. */
static const double wide_k[] = {0.06, 0.5, 1.5, 4.0, 10.0, 20.0}, wide_g[] = {0.2, 2.0, -2.0};

enum {
    WIDE_K = sizeof wide_k / sizeof *wide_k,
    WIDE = 3 * WIDE_K,
    HELD_G = sizeof held_g / sizeof *held_g,
    HELD_K = sizeof held_k / sizeof *held_k,
    SHAPES = sizeof shapes / sizeof *shapes,
    EDGES = sizeof edges / sizeof *edges,
    SPLITS = sizeof splits / sizeof *splits,
    HALVES = 2 * sizeof halves_k / sizeof *halves_k,
    MEETS = sizeof halves_z / sizeof *halves_z
};
enum { USUAL = 10, BRIEF = 2, BRIEF_STEPS = 6 }; /* see brief_starts */
enum {
    FEW_STEPS = 8,
    GRID = 24,
    GRID_UNIT = 10,
    GRID_END = 44,
    WIDE_GRID = 64,
    WAYPOINTS = 12,
    THIN = 1024
};

/* The distance of k − k_min(g) from 0 in starts with a sharp edge. */
static const double near_the_pole = 0.05;

/* The search for starts. */
typedef struct search {
    const gki_gk_fit_common *common;
    const gki_gk_task *task; /* the fit, for all values */
    gki_gk_thinned thinned;
    double ends[2]; /* the least and the greatest value in the units of the solvers */
} search;

/* At its pole the density is unbounded, and the likelihood can be arbitrarily large with the pole
 * at an observation. k therefore stays 3/n above its bound. This is less than the standard error of
 * k, and enough for the likelihood to have a maximum. The distance is at most 0.05, so that the
 * normal distribution remains possible. */
void gki_gk_keep_off_the_pole(const gki_gk_fit_common *common, gki_gk_task *task)
{
    const double distance = fmin(3.0 / task->result.total, 0.05);
    if (gki_gk_fit_margin(common->set) == 0) /* the density of this family has no pole */
        return;
    if (task->fixed[3] || (task->plain && task->v[2] == 0)) /* with g fixed at 0 there is no pole */
        return;
    const double least = task->plain ? gki_gk_fit_k_min(common, task->v[2], NULL, NULL) : 0.0;
    task->low[3] = fmin(fmax(task->low[3], least + distance), task->high[3]);
    task->v[3] = fmax(task->v[3], task->low[3]);
}

gkv_status gki_gk_begin_at(const gki_gk_fit_common *common, const gki_gk_task *task,
                           const gkv_gk *start, gki_gk_task *copy)
{
    const bool *held = common->set->fixed;
    const gkv_gk from = {.a = held[0] ? task->start.a : task->centre + task->spread * start->a,
                         .b = held[1] ? task->start.b : task->spread * start->b,
                         .g = held[2] ? task->start.g : start->g,
                         .k = held[3] ? task->start.k : start->k,
                         .c = start->c,
                         .family = start->family};
    *copy = *task;
    memset(copy->pinned, 0, sizeof copy->pinned);
    GKV_TRY(gki_gk_fit_begin(common, copy, &from));
    gki_gk_keep_off_the_pole(common, copy);
    return GKV_OK;
}

/* Finds the least and the greatest value. */
static void find_ends(const gki_gk_task *task, double ends[2])
{
    const gki_gk_interval_data *data = &task->data;
    ends[0] = INFINITY, ends[1] = -INFINITY;
    for (size_t i = 0; i < data->count; i++) {
        const double lower = data->lower[i], upper = data->upper[i];
        ends[0] = fmin(ends[0], isfinite(lower) ? lower : upper);
        ends[1] = fmax(ends[1], isfinite(upper) ? upper : lower);
    }
    for (size_t i = 0; i < task->sample->n && data->count == 0; i++) {
        const double x = (task->sample->x[i] - task->centre) / task->spread;
        ends[0] = fmin(ends[0], x);
        ends[1] = fmax(ends[1], x);
    }
}

gkv_status gki_gk_thin_out(const gki_gk_task *task, gki_gk_thinned *thin)
{
    const gkv_gk_sample *all = task->sample;
    *thin = (gki_gk_thinned){.task = *task, .represented = 1.0};
    if (task->data.count > 0 || all->n <= THIN ||
        task->quartiles < 1) /* thinning could lose an outlier */
        return GKV_OK;
    thin->represented = (double)all->n / THIN;
    GKV_TRY(gki_alloc(2 * THIN, sizeof *thin->memory, &thin->memory));
    double *x = thin->memory, *w = thin->memory + THIN;
    for (size_t i = 0; i < THIN; i++) {
        const size_t from =
            (size_t)(((double)i + 0.5) * (double)all->n / THIN); /* within 0 … n − 1 */
        x[i] = all->x[from];
        w[i] = (all->weights ? all->weights[from] : 1.0) * (double)all->n / THIN;
    }
    thin->sample = (gkv_gk_sample){.n = THIN, .x = x, .weights = w};
    thin->task.sample = &thin->sample;
    return GKV_OK;
}

/* --- The list ------------------------------------------------------------- */

static gkv_gk shape_start(const search *s, const double shape[2])
{
    const gkv_gk_fit_settings *set = s->common->set;
    const gki_gk_fit_family *family = gki_gk_fit_family_of(set->family);
    const double g = family->start_g * shape[0];
    const double k = gki_gk_fit_k_min(s->common, g, NULL, NULL) + shape[1];
    /* the quartiles of N(0, 1), by which the unit of the solvers is defined */
    gkv_gk start = {.g = g, .k = k, .c = set->c, .family = set->family};
    family->set_scale(&start);
    return start;
}

/* The likelihood with B at a number of a grid. A is such that Q(z) is x, unless it is held. */
static double likelihood_at_scale(const search *s, double place, double x, int i, gkv_gk *start)
{
    start->b = 0.02 * pow(1.5, i);
    if (!s->common->set->fixed[0])
        start->a = x - start->b * place;
    return gki_gk_fit_likelihood(s->common, &s->thinned.task, start, NULL);
}

/* Chooses the most likely B of every fourth of a grid, and then, unless `coarse`, climbs in the
 * grid from there. Returns the likelihood. A is then such that Q(z) is x, unless it is held. */
static double choose_scale(const search *s, double z, double x, bool coarse, gkv_gk *start)
{
    gkv_gk unit = *start;
    unit.a = 0.0, unit.b = 1.0;
    const double place = gkv_gk_Q(&unit, z);
    double most = -INFINITY;
    int i = 0;
    /* beyond the grid as long as the likelihood increases */
    for (int j = 0; j < GRID || (i == j - 4 && j < GRID_END); j += 4) {
        const double value = likelihood_at_scale(s, place, x, j, start);
        if (value > most) {
            most = value;
            i = j;
        }
    }
    for (int stride = 2; stride >= 1 && !coarse; stride /= 2)
        for (int way = 1; way >= -1; way -= 2) {
            int steps = 0;
            for (; i + way * stride >= 0 && i + way * stride <= GRID_END; steps++) {
                const double value = likelihood_at_scale(s, place, x, i + way * stride, start);
                if (!(value > most))
                    break;
                most = value;
                i += way * stride;
            }
            if (steps > 0)
                break;
        }
    start->b = 0.02 * pow(1.5, i);
    if (!s->common->set->fixed[0])
        start->a = x - start->b * place;
    return most;
}

/* The start whose Q' is least at the least value of the sample (g > 0) or at the greatest one. */
static gkv_gk edge_start(const search *s, double g)
{
    const double way = g > 0 ? -1.0 : 1.0;
    gkv_gk start = shape_start(s, (const double[2]){g, near_the_pole});
    double z = 0.0;
    for (int i = 1; i < 40; i++)
        if (gkv_gk_dQ(&start, 0.1 * i * way) < gkv_gk_dQ(&start, z))
            z = 0.1 * i * way;
    choose_scale(s, z, s->ends[g > 0 ? 0 : 1], false, &start);
    return start;
}

/* The quantile of the level that is nearest to this normal score. */
static double quantile_at(const gki_gk_task *task, double z)
{
    size_t nearest = 0;
    for (size_t i = 1; i < task->m; i++)
        if (fabs(task->z[i] - z) < fabs(task->z[nearest] - z))
            nearest = i;
    return task->x[nearest];
}

/* The start whose A is the quantile of this normal score. */
static gkv_gk split_start(const search *s, const double split[3])
{
    gkv_gk start = shape_start(s, split + 1);
    choose_scale(s, 0.0, quantile_at(s->task, split[0]), false, &start);
    return start;
}

/* The most likely start with halves that meet at one of the quantiles. */
static gkv_gk halves_start(const search *s, size_t i)
{
    const double largest = 100.0;
    const gkv_gk shape =
        shape_start(s, (const double[2]){i % 2 ? largest : -largest, halves_k[i / 2]});
    gkv_gk best = shape;
    double most = -INFINITY;
    for (size_t j = 0; j < MEETS; j++) {
        gkv_gk start = shape;
        const double value = choose_scale(s, 0.0, quantile_at(s->task, halves_z[j]), true, &start);
        if (value > most) {
            most = value;
            best = start;
        }
    }
    return best;
}

/* A shape in the place of which parameters may be held, and A at the median. */
static gkv_gk held_shape(const search *s, double g, double above)
{
    const bool *held = s->common->set->fixed;
    const gkv_gk *given = &s->task->start;
    gkv_gk start = shape_start(s, (const double[2]){g, above});
    start.g = held[2] ? given->g : start.g;
    start.k = held[3] ? given->k : held[2] ? gkv_gk_least_k(&start, INFINITY) + above : start.k;
    start.a = held[0] ? (given->a - s->task->centre) / s->task->spread : 0.0;
    return start;
}

/* The start with the mean and the standard deviation of the sample, which is the maximum for a
 * normal distribution. */
static gkv_gk moments_start(const search *s)
{
    const gki_gk_task *task = s->task;
    gkv_gk start = held_shape(s, 0.1, held_k[0]);
    start.a = (task->mean - task->centre) / task->spread;
    start.b = task->deviation / task->spread;
    return start;
}

/* A start with a B from the scale of the quartiles to that of the outliers. */
static gkv_gk wide_start(const search *s, size_t i)
{
    gkv_gk start = held_shape(s, wide_g[i / WIDE_K], wide_k[i % WIDE_K]);
    const double low = log(0.1 * s->task->quartiles), high = log(10.0);
    double best = 1.0, most = -INFINITY;
    if (s->common->set->fixed[1] || !gkv_gk_is_valid(&start))
        return start;
    for (int j = 0; j <= WIDE_GRID; j++) {
        start.b = exp(low + (high - low) * j / WIDE_GRID);
        const double value = gki_gk_fit_likelihood(s->common, &s->thinned.task, &start, NULL);
        if (value > most) {
            most = value;
            best = start.b;
        }
    }
    start.b = best;
    return start;
}

/* The numbers of shapes of g and of all shapes if parameters are held. */
static size_t shapes_of_g(const gkv_gk_fit_settings *set)
{
    return set->fixed[2] ? 1 : HELD_G;
}

static size_t held_shapes(const gkv_gk_fit_settings *set)
{
    return shapes_of_g(set) * (set->fixed[3] ? 1 : HELD_K);
}

/* A start in which parameters are held. The shape has a number. */
static gkv_gk held_start(const search *s, size_t i)
{
    const bool *held = s->common->set->fixed;
    const size_t n = shapes_of_g(s->common->set);
    gkv_gk start = held_shape(s, held_g[i % n], held_k[i / n]);
    if (!gkv_gk_is_valid(&start))
        return start; /* no start; see gki_gk_begin_at */
    if (!held[1])
        choose_scale(s, 0.0, 0.0, false, &start);
    return start;
}

/* Makes a few steps from the variables of a task of the thinned sample. */
static double few_steps(const search *s, const gki_gk_fit_common *common, gki_gk_task *thin,
                        size_t limit, gkv_gk *end)
{
    const gki_gk_purpose purpose = {.limit = limit, .enough = 0.01};
    gki_gk_point point;
    size_t steps = 0;
    memcpy(point.v, thin->v, sizeof point.v);
    gki_gk_point_evaluate(common, thin, &point);
    gki_gk_ascend(common, thin, &purpose, &point, &steps);
    *end = gki_gk_fit_gk_of(s->common, thin, point.v);
    return point.value;
}

static bool holds_any(const gkv_gk_fit_settings *set)
{
    return set->fixed[0] || set->fixed[1] || set->fixed[2] || set->fixed[3];
}

/* The value of a held parameter on the way from the free fit to where it is held. */
static void set_waypoint(const search *s, const gkv_gk *free, double t, gkv_gk *start)
{
    const gkv_gk *held = &s->task->start;
    start->a = s->task->centre + s->task->spread * free->a;
    start->b = s->task->spread * free->b;
    start->a += t * (held->a - start->a);
    start->b *= pow(held->b / start->b, t);
    start->g = free->g + t * (held->g - free->g);
    start->k = free->k + t * (held->k - free->k);
}

/* Fits all parameters, and then moves those that are held to their values in small steps, while the
 * others follow. */
static gkv_status path_start(const search *s, gkv_gk *end)
{
    gkv_gk_fit_settings all = *s->common->set;
    gki_gk_fit_common common = *s->common;
    gki_gk_task on_way;
    memset(all.fixed, 0, sizeof all.fixed);
    common.set = &all;
    gkv_gk from = s->task->initial, free;
    from.a = (from.a - s->task->centre) / s->task->spread;
    from.b /= s->task->spread;
    GKV_TRY(gki_gk_begin_at(&common, &s->thinned.task, &from, &on_way));
    for (int i = 0; i < 4; i++) {
        few_steps(s, &common, &on_way, FEW_STEPS, &free);
        GKV_TRY(gki_gk_begin_at(&common, &s->thinned.task, &free, &on_way));
    }
    *end = free;
    for (int i = 1; i <= WAYPOINTS; i++) {
        gki_gk_task way = s->thinned.task;
        set_waypoint(s, &free, (double)i / WAYPOINTS, &way.start);
        if (gki_gk_begin_at(s->common, &way, end, &on_way) == GKV_OK)
            few_steps(s, s->common, &on_way, FEW_STEPS, end);
    }
    return GKV_OK;
}

/* The number of starts in the list, and start number i. */
static size_t list_length(const gkv_gk_fit_settings *set)
{
    /* without a margin there is no sharp edge */
    return holds_any(set)               ? held_shapes(set) + 1
           : gki_gk_fit_margin(set) > 0 ? SHAPES + EDGES + SPLITS + HALVES
                                        : SHAPES;
}

/* The number of starts at the end of the list that are the same for all settings. */
static size_t further_starts(const gki_gk_task *task)
{
    return task->quartiles < 1 ? WIDE + 1 : 1;
}

static gkv_status list_start(const search *s, size_t i, gkv_gk *start)
{
    const size_t own = list_length(s->common->set);
    if (i >= own)
        *start = i == own ? moments_start(s) : wide_start(s, i - own - 1);
    else if (holds_any(s->common->set)) {
        if (i == held_shapes(s->common->set))
            return path_start(s, start);
        *start = held_start(s, i);
    } else
        *start = i < SHAPES                    ? shape_start(s, shapes[i])
                 : i < SHAPES + EDGES          ? edge_start(s, edges[i - SHAPES])
                 : i < SHAPES + EDGES + SPLITS ? split_start(s, splits[i - SHAPES - EDGES])
                                               : halves_start(s, i - SHAPES - EDGES - SPLITS);
    return GKV_OK;
}

/* --- The choice ----------------------------------------------------------- */

bool gki_gk_is_near(const gkv_gk *one, const gkv_gk *other)
{
    const double same = 0.1;
    return fabs(one->a - other->a) < same * one->b && fabs(log(one->b / other->b)) < same &&
           fabs(one->g - other->g) < same * (1.0 + fabs(one->g)) && fabs(one->k - other->k) < same;
}

/* Inserts a start into the list of the best ones, which is in descending order. */
static void insert(const gki_gk_start *one, gki_gk_start starts[GKV_GK_STARTS], size_t *count)
{
    size_t position = *count;
    if (!(one->value > -INFINITY) || !(one->value < INFINITY))
        return;
    for (size_t i = 0; i < *count; i++)
        if (gki_gk_is_near(&one->gk, &starts[i].gk)) {
            if (one->value <= starts[i].value)
                return;
            memmove(starts + i, starts + i + 1, (*count - i - 1) * sizeof *starts);
            --*count;
            position = *count;
            break;
        }
    while (position > 0 && starts[position - 1].value < one->value)
        position--;
    if (position == GKV_GK_STARTS)
        return;
    *count = *count < GKV_GK_STARTS ? *count + 1 : *count;
    memmove(starts + position + 1, starts + position, (*count - position - 1) * sizeof *starts);
    starts[position] = *one;
}

/* Makes a few steps from a start, and inserts where they end. */
static void insert_end(const search *s, const gkv_gk *start, size_t steps,
                       gki_gk_start starts[GKV_GK_STARTS], size_t *count)
{
    gki_gk_task copy;
    gki_gk_start one;
    if (gki_gk_begin_at(s->common, &s->thinned.task, start, &copy) != GKV_OK)
        return; /* a held value is not valid there */
    one.value = few_steps(s, s->common, &copy, steps, &one.gk);
    insert(&one, starts, count);
}

/* The most likely of the first shapes of the list, which are the usual ones. */
static void brief_starts(const search *s, gki_gk_start starts[GKV_GK_STARTS], size_t *count)
{
    gki_gk_start likely[GKV_GK_STARTS];
    size_t found = 0;
    for (size_t i = 0; i < USUAL; i++) {
        gki_gk_start one = {.gk = shape_start(s, shapes[i])};
        one.value = gki_gk_fit_likelihood(s->common, &s->thinned.task, &one.gk, NULL);
        insert(&one, likely, &found);
    }
    for (size_t i = 0; i < found && i < BRIEF; i++)
        insert_end(s, &likely[i].gk, BRIEF_STEPS, starts, count);
}

gkv_status gki_gk_starts(const gki_gk_fit_common *common, const gki_gk_task *task, bool brief,
                         gki_gk_start starts[GKV_GK_STARTS], size_t *count)
{
    search s = {.common = common, .task = task};
    const size_t all = brief ? 0 : list_length(common->set) + further_starts(task);
    gkv_status status = GKV_OK;
    *count = 0;
    GKV_TRY_GOTO(gki_gk_thin_out(task, &s.thinned));
    find_ends(task, s.ends);
    if (brief)
        brief_starts(&s, starts, count);
    for (size_t i = 0; i < all; i++) {
        gkv_gk start;
        if (list_start(&s, i, &start) == GKV_OK)
            insert_end(&s, &start, FEW_STEPS, starts, count);
    }
done:
    free(s.thinned.memory);
    return status;
}
