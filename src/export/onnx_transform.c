/* Conditional transforms of prior flows as graphs (flow/transform.h). Their raw parameters are
 * [batch, width·n]: parameter p of number i is element p·n + i. */
#include <math.h>

#include "export/onnx_flow.h"

/* What a direction adds to the log-determinant. */
static void count_log_det(gki_onnx *g, const gki_onnx_direction *direction, gki_onnx_value logs)
{
    if (!direction->generates)
        *direction->log_det =
            gki_onnx_add(g, *direction->log_det, gki_onnx_sum(g, logs, -1, false));
}

/* Raw parameter p of n numbers. */
static gki_onnx_value raw_at(gki_onnx *g, gki_onnx_value raw, size_t n, size_t p)
{
    return gki_onnx_slice(g, raw, -1, p * n, (p + 1) * n);
}

static gki_onnx_value bounded_log(gki_onnx *g, const gki_onnx_direction *direction,
                                  gki_onnx_value raw)
{
    return gki_onnx_times(g, gki_onnx_1(g, "Tanh", raw),
                          direction->model->settings.model.log_scale_bound);
}

/* --- Affine --------------------------------------------------------------- */

static size_t affine_width(const gkv_model_settings *settings)
{
    (void)settings;
    return 2;
}

static gki_onnx_value affine(gki_onnx *g, const gki_onnx_direction *direction, size_t n,
                             gki_onnx_value raw, gki_onnx_value in)
{
    const gki_onnx_value s = bounded_log(g, direction, raw_at(g, raw, n, 0)),
                         shift = raw_at(g, raw, n, 1), against = gki_onnx_neg(g, s);
    count_log_det(g, direction, against);
    return direction->generates
               ? gki_onnx_add(g, gki_onnx_mul(g, in, gki_onnx_exp(g, s)), shift)
               : gki_onnx_mul(g, gki_onnx_sub(g, in, shift), gki_onnx_exp(g, against));
}

/* --- Splines -------------------------------------------------------------- */

static const double least_share = 0.4;

static size_t spline_width(const gkv_model_settings *settings)
{
    return 3 * (size_t)settings->spline_bins - 1;
}

/* The shares of the bins [batch, bins, n], by their logits. */
static gki_onnx_value shares_of(gki_onnx *g, size_t bins, gki_onnx_value logits)
{
    return gki_onnx_plus(g, gki_onnx_times(g, gki_onnx_softmax(g, logits, 1), 1 - least_share),
                         least_share / (double)bins);
}

/* Where the bins begin [batch, bins, n]: sums of the shares before each, by a triangle of ones. */
static gki_onnx_value begins_of(gki_onnx *g, size_t bins, double edge, gki_onnx_value shares)
{
    enum { BINS_MAX = 64 }; /* of model.spline_bins */
    float before[BINS_MAX * BINS_MAX];
    for (size_t i = 0; i < bins; i++)
        for (size_t j = 0; j < bins; j++)
            before[i * bins + j] = j < i ? 1 : 0;
    const gki_onnx_value triangle =
        gki_onnx_tensor(g, NULL, 2, (const size_t[]){bins, bins}, before);
    const gki_onnx_value sums = gki_onnx_2(g, "MatMul", triangle, shares);
    return gki_onnx_plus(g, gki_onnx_times(g, sums, 2 * edge), -edge);
}

/* The slopes at one end of each bin [batch, bins, n], from those of the inner knots. */
static gki_onnx_value slopes_at(gki_onnx *g, gki_onnx_value inner, bool is_start)
{
    const int64_t pads[] = {0, is_start ? 1 : 0, 0, 0, is_start ? 0 : 1, 0};
    const gki_onnx_value inputs[] = {inner, gki_onnx_wholes(g, 6, pads), gki_onnx_number(g, 1)};
    return gki_onnx_node(g, "Pad", 3, inputs, 0, NULL);
}

/* The bin of each number [batch, n]; the names are those of flow/transform_spline.c. */
typedef struct spline_bin {
    gki_onnx_value x0, y0, w, h, s, start, end;
    gki_onnx_value twist; /* start + end − 2s */
} spline_bin;

static gki_onnx_value pick(gki_onnx *g, gki_onnx_value values, gki_onnx_value index)
{
    const gki_onnx_attribute attribute = {.name = "axis", .kind = GKV_ONNX_WHOLE, .whole = 1};
    const int64_t axis = 1;
    const gki_onnx_value one = gki_onnx_node(
        g, "GatherElements", 2, (const gki_onnx_value[]){values, index}, 1, &attribute);
    return gki_onnx_2(g, "Squeeze", one, gki_onnx_wholes(g, 1, &axis));
}

/* `inside` are numbers within the edges. */
static spline_bin find_bin(gki_onnx *g, const gki_onnx_direction *direction, size_t n,
                           gki_onnx_value raw, gki_onnx_value inside)
{
    const gkv_model_settings *settings = &direction->model->settings.model;
    const size_t bins = (size_t)settings->spline_bins;
    const double edge = settings->spline_bound;
    const gki_onnx_value all = gki_onnx_reshape(g, raw, 2, (const size_t[]){3 * bins - 1, n}),
                         widths = shares_of(g, bins, gki_onnx_slice(g, all, 1, 0, bins)),
                         heights = shares_of(g, bins, gki_onnx_slice(g, all, 1, bins, 2 * bins)),
                         x0 = begins_of(g, bins, edge, widths),
                         y0 = begins_of(g, bins, edge, heights);
    const gki_onnx_value slopes = gki_onnx_exp(
        g, bounded_log(g, direction, gki_onnx_slice(g, all, 1, 2 * bins, 3 * bins - 1)));
    /* the number of bins that end before it */
    const gki_onnx_value ends = gki_onnx_slice(g, direction->generates ? y0 : x0, 1, 1, bins),
                         is_past = gki_onnx_2(g, "Less", ends, gki_onnx_unsqueeze(g, inside, 1));
    const gki_onnx_value past = gki_onnx_3(g, "Where", is_past, gki_onnx_number(g, 1),
                                           gki_onnx_number(g, 0)),
                         passed = gki_onnx_sum(g, past, 1, true);
    const gki_onnx_attribute whole = {.name = "to", .kind = GKV_ONNX_WHOLE, .whole = 7};
    const gki_onnx_value index = gki_onnx_node(g, "Cast", 1, &passed, 1, &whole);
    spline_bin b = {.x0 = pick(g, x0, index), .y0 = pick(g, y0, index)};
    b.w = gki_onnx_times(g, pick(g, widths, index), 2 * edge);
    b.h = gki_onnx_times(g, pick(g, heights, index), 2 * edge);
    b.s = gki_onnx_div(g, b.h, b.w);
    b.start = pick(g, slopes_at(g, slopes, true), index);
    b.end = pick(g, slopes_at(g, slopes, false), index);
    b.twist = gki_onnx_sub(g, gki_onnx_add(g, b.start, b.end), gki_onnx_times(g, b.s, 2));
    return b;
}

/* y of x, and log ∂y/∂x. */
static gki_onnx_value spline_at(gki_onnx *g, const spline_bin *b, gki_onnx_value x,
                                gki_onnx_value *log_slope)
{
    const gki_onnx_value xi = gki_onnx_div(g, gki_onnx_sub(g, x, b->x0), b->w),
                         rest = gki_onnx_from(g, xi, 1), both = gki_onnx_mul(g, xi, rest),
                         square = gki_onnx_mul(g, xi, xi);
    const gki_onnx_value D = gki_onnx_add(g, b->s, gki_onnx_mul(g, b->twist, both)),
                         N = gki_onnx_add(g, gki_onnx_mul(g, b->s, square),
                                          gki_onnx_mul(g, b->start, both));
    const gki_onnx_value middle = gki_onnx_times(g, gki_onnx_mul(g, b->s, both), 2),
                         right = gki_onnx_mul(g, b->end, square),
                         left = gki_onnx_mul(g, b->start, gki_onnx_mul(g, rest, rest)),
                         A = gki_onnx_add(g, gki_onnx_add(g, right, middle), left);
    const gki_onnx_value ratio = gki_onnx_div(g, b->s, D);
    *log_slope = gki_onnx_log(g, gki_onnx_mul(g, A, gki_onnx_mul(g, ratio, ratio)));
    return gki_onnx_add(g, b->y0, gki_onnx_mul(g, b->h, gki_onnx_div(g, N, D)));
}

/* x of y, the root that does not cancel. */
static gki_onnx_value spline_root(gki_onnx *g, const spline_bin *b, gki_onnx_value y)
{
    const gki_onnx_value rise = gki_onnx_sub(g, y, b->y0), bend = gki_onnx_mul(g, rise, b->twist);
    const gki_onnx_value a2 = gki_onnx_add(
                             g, gki_onnx_mul(g, b->h, gki_onnx_sub(g, b->s, b->start)), bend),
                         a1 = gki_onnx_sub(g, gki_onnx_mul(g, b->h, b->start), bend),
                         down = gki_onnx_mul(g, b->s, rise); /* −a0 */
    const gki_onnx_value square = gki_onnx_add(g, gki_onnx_mul(g, a1, a1),
                                               gki_onnx_times(g, gki_onnx_mul(g, a2, down), 4)),
                         root = gki_onnx_1(g, "Sqrt", gki_onnx_1(g, "Relu", square));
    const gki_onnx_value xi =
        gki_onnx_div(g, gki_onnx_times(g, down, 2), gki_onnx_add(g, a1, root));
    return gki_onnx_add(g, b->x0, gki_onnx_mul(g, xi, b->w));
}

static gki_onnx_value spline(gki_onnx *g, const gki_onnx_direction *direction, size_t n,
                             gki_onnx_value raw, gki_onnx_value in)
{
    const double edge = direction->model->settings.model.spline_bound;
    const gki_onnx_value is_inside = gki_onnx_2(g, "Less", gki_onnx_1(g, "Abs", in),
                                                gki_onnx_number(g, edge)),
                         inside = gki_onnx_within(g, in, -edge, edge);
    const spline_bin b = find_bin(g, direction, n, raw, inside);
    gki_onnx_value out, log_slope;
    if (direction->generates) {
        out = spline_root(g, &b, inside);
    } else {
        out = spline_at(g, &b, inside, &log_slope);
        count_log_det(g, direction,
                      gki_onnx_3(g, "Where", is_inside, log_slope, gki_onnx_number(g, 0)));
    }
    return gki_onnx_3(g, "Where", is_inside, out, in);
}

/* --- g-and-k quantile functions ------------------------------------------- */

static size_t gk_map_width(const gkv_model_settings *settings)
{
    (void)settings;
    return 4;
}

/* Half of the layers move a dimension (flow/transform_gk.c). */
static gki_onnx_value gk_map(gki_onnx *g, const gki_onnx_direction *direction, size_t n,
                             gki_onnx_value raw, gki_onnx_value in)
{
    const double repeats = (double)((direction->model->settings.model.prior_layers + 1) / 2);
    const gki_onnx_value tanh_k = gki_onnx_1(g, "Tanh", raw_at(g, raw, n, 3)),
                         heavy = gki_onnx_times(g, gki_onnx_1(g, "Relu", tanh_k), 0.5 / repeats),
                         light = gki_onnx_times(g, gki_onnx_min(g, tanh_k, gki_onnx_number(g, 0)),
                                                0.05 / repeats);
    const gki_onnx_gk gk = {.a = raw_at(g, raw, n, 1),
                            .b = gki_onnx_exp(g, bounded_log(g, direction, raw_at(g, raw, n, 0))),
                            .g = gki_onnx_bounded(g, raw_at(g, raw, n, 2), 2),
                            .k = gki_onnx_add(g, heavy, light),
                            .c = 1 - pow(1 - 0.8, 1 / repeats)};
    gki_onnx_value log_slope;
    if (direction->generates)
        return gki_onnx_gk_quantile(g, &gk, in);
    const gki_onnx_value out = gki_onnx_gk_inverse(g, &gk, in, &log_slope);
    count_log_det(g, direction, gki_onnx_neg(g, log_slope));
    return out;
}

const gki_onnx_transform gki_onnx_affine = {affine_width, affine},
                         gki_onnx_spline = {spline_width, spline},
                         gki_onnx_gk_map = {gk_map_width, gk_map};
