/* Flows of the posterior as graphs (flow/posterior_flow.h). */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "export/onnx_model.h"

/* The bounds of flow/posterior_flows.c, posterior_iaf.c and posterior_sylvester.c. */
static const double least_alpha = 1e-3, least_elu = -1 + 0x1p-23, least_square = 1e-30,
                    iaf_bound = 2, below_one = 1 - 0x1p-20;

/* --- Planar and radial ---------------------------------------------------- */

/* ELU, not below its least value. */
static gki_onnx_value elu(gki_onnx *g, gki_onnx_value a)
{
    return gki_onnx_max(g, gki_onnx_1(g, "Elu", a), gki_onnx_number(g, least_elu));
}

/* Σ_j a_j b_j [batch, 1]. */
static gki_onnx_value dot(gki_onnx *g, gki_onnx_value a, gki_onnx_value b)
{
    return gki_onnx_sum(g, gki_onnx_mul(g, a, b), -1, true);
}

/* One layer, by its number and its raw parameters. */
typedef gki_onnx_value layer_graph(gki_onnx *g, size_t d, size_t index, gki_onnx_value raw,
                                   gki_onnx_value z);

static gki_onnx_value planar(gki_onnx *g, size_t d, size_t index, gki_onnx_value raw,
                             gki_onnx_value z)
{
    (void)index;
    const gki_onnx_value u = gki_onnx_slice(g, raw, -1, 0, d),
                         w = gki_onnx_slice(g, raw, -1, d, 2 * d),
                         b = gki_onnx_slice(g, raw, -1, 2 * d, 2 * d + 1);
    const gki_onnx_value a = dot(g, u, w),
                         square = gki_onnx_max(g, dot(g, w, w), gki_onnx_number(g, least_square)),
                         along = gki_onnx_div(g, gki_onnx_sub(g, elu(g, a), a), square),
                         h = gki_onnx_1(g, "Tanh", gki_onnx_add(g, dot(g, w, z), b));
    return gki_onnx_add(g, z, gki_onnx_mul(g, gki_onnx_add(g, u, gki_onnx_mul(g, along, w)), h));
}

static gki_onnx_value radial(gki_onnx *g, size_t d, size_t index, gki_onnx_value raw,
                             gki_onnx_value z)
{
    (void)index;
    const gki_onnx_value off = gki_onnx_sub(g, z, gki_onnx_slice(g, raw, -1, 0, d)),
                         alpha = gki_onnx_plus(
                             g, gki_onnx_softplus(g, gki_onnx_slice(g, raw, -1, d, d + 1)),
                             least_alpha),
                         ratio = elu(g, gki_onnx_slice(g, raw, -1, d + 1, d + 2)),
                         r = gki_onnx_1(g, "Sqrt", dot(g, off, off));
    const gki_onnx_value scale =
        gki_onnx_div(g, gki_onnx_mul(g, ratio, alpha), gki_onnx_add(g, alpha, r));
    return gki_onnx_add(g, z, gki_onnx_mul(g, scale, off));
}

/* --- Inverse autoregressive ----------------------------------------------- */

/* The strict triangle [d, d] of raw parameters, row by row, at the places of its layer. */
static gki_onnx_value ordered_triangle(gki_onnx *g, size_t d, bool is_reversed, gki_onnx_value raw)
{
    const size_t count = d * (d - 1) / 2;
    size_t *numbers = NULL;
    const gkv_status status = gki_alloc(d, d * sizeof *numbers, &numbers);
    if (status != GKV_OK) {
        gki_onnx_fail(g, status);
        return raw;
    }
    for (size_t p = 0; p < d; p++)
        for (size_t q = 0; q < d; q++) {
            const size_t i = is_reversed ? d - 1 - p : p, j = is_reversed ? d - 1 - q : q;
            numbers[i * d + j] = q < p ? p * (p - 1) / 2 + q : count;
        }
    const gki_onnx_value matrix = gki_onnx_spread(g, raw, d, d, numbers);
    free(numbers);
    return matrix;
}

/* 1/√p at the dimension of place p, and 0 at that of place 0, [d]. */
static gki_onnx_value place_factors(gki_onnx *g, size_t d, bool is_reversed)
{
    float *factors = NULL;
    const gkv_status status = gki_alloc(d, sizeof *factors, &factors);
    if (status != GKV_OK) {
        gki_onnx_fail(g, status);
        return 0;
    }
    for (size_t p = 1; p < d; p++)
        factors[is_reversed ? d - 1 - p : p] = (float)(1 / sqrt((double)p));
    factors[is_reversed ? d - 1 : 0] = 0;
    const gki_onnx_value value = gki_onnx_tensor(g, NULL, 1, &d, factors);
    free(factors);
    return value;
}

/* Raw parameters of places as those of dimensions, [batch, d]. */
static gki_onnx_value by_dimension(gki_onnx *g, size_t d, bool is_reversed, gki_onnx_value raw)
{
    size_t *numbers = NULL;
    if (!is_reversed)
        return raw;
    const gkv_status status = gki_alloc(d, sizeof *numbers, &numbers);
    if (status != GKV_OK) {
        gki_onnx_fail(g, status);
        return raw;
    }
    for (size_t j = 0; j < d; j++)
        numbers[j] = d - 1 - j;
    const gki_onnx_value turned = gki_onnx_gather(g, raw, -1, d, numbers);
    free(numbers);
    return turned;
}

/* Σ_j M_ij z_j of a matrix [batch, rows, columns]. */
static gki_onnx_value times_column(gki_onnx *g, gki_onnx_value matrix, gki_onnx_value z)
{
    return gki_onnx_sum(g, gki_onnx_mul(g, matrix, gki_onnx_unsqueeze(g, z, 1)), -1, false);
}

static gki_onnx_value iaf(gki_onnx *g, size_t d, size_t index, gki_onnx_value raw, gki_onnx_value z)
{
    const bool is_reversed = index % 2;
    const size_t count = d * (d - 1) / 2, shifts = 2 * d, scales = shifts + count;
    gki_onnx_value m = by_dimension(g, d, is_reversed, gki_onnx_slice(g, raw, -1, 0, d)),
                   s = by_dimension(g, d, is_reversed, gki_onnx_slice(g, raw, -1, d, 2 * d));
    if (count > 0) {
        const gki_onnx_value factors = place_factors(g, d, is_reversed),
                             A = ordered_triangle(g, d, is_reversed,
                                                  gki_onnx_slice(g, raw, -1, shifts, scales)),
                             B = ordered_triangle(
                                 g, d, is_reversed,
                                 gki_onnx_slice(g, raw, -1, scales, scales + count));
        m = gki_onnx_add(g, m, gki_onnx_mul(g, times_column(g, A, z), factors));
        s = gki_onnx_add(g, s, gki_onnx_mul(g, times_column(g, B, z), factors));
    }
    s = gki_onnx_exp(g, gki_onnx_times(g, gki_onnx_1(g, "Tanh", s), iaf_bound));
    return gki_onnx_add(g, gki_onnx_mul(g, s, z), m);
}

/* --- Sylvester ------------------------------------------------------------ */

/* v of a reflection [batch, d]: its raw parameters, and 1 more at its number. */
static gki_onnx_value reflection_of(gki_onnx *g, size_t d, size_t number, gki_onnx_value raw)
{
    float *one = NULL;
    const gkv_status status = gki_alloc(d, sizeof *one, &one);
    if (status != GKV_OK) {
        gki_onnx_fail(g, status);
        return raw;
    }
    for (size_t j = 0; j < d; j++)
        one[j] = j == number ? 1 : 0;
    const gki_onnx_value unit = gki_onnx_tensor(g, NULL, 1, &d, one);
    free(one);
    return gki_onnx_add(g, gki_onnx_slice(g, raw, -1, number * d, (number + 1) * d), unit);
}

static gki_onnx_value reflect(gki_onnx *g, gki_onnx_value v, gki_onnx_value x)
{
    const gki_onnx_value square = gki_onnx_max(g, dot(g, v, v), gki_onnx_number(g, least_square)),
                         along = gki_onnx_times(g, gki_onnx_div(g, dot(g, v, x), square), 2);
    return gki_onnx_sub(g, x, gki_onnx_mul(g, along, v));
}

/* An upper triangle of order M by its raw parameters [batch, M(M + 1)/2], row by row, times a
 * column. Its diagonal is tanh(start + raw), a little below 1. */
static gki_onnx_value times_triangle(gki_onnx *g, size_t M, gki_onnx_value raw, double start,
                                     gki_onnx_value column)
{
    const size_t count = M * (M + 1) / 2;
    size_t *numbers = NULL, *diagonal = NULL, next = 0;
    gki_onnx_value product = raw;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(M, M * sizeof *numbers, &numbers));
    GKV_TRY_GOTO(gki_alloc(M, sizeof *diagonal, &diagonal));
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < M; j++) {
            numbers[i * M + j] = j > i ? next : count;
            if (j == i)
                diagonal[i] = next;
            next += j >= i;
        }
    const gki_onnx_value own = gki_onnx_plus(g, gki_onnx_gather(g, raw, -1, M, diagonal), start),
                         bound = gki_onnx_times(g, gki_onnx_1(g, "Tanh", own), below_one);
    product = gki_onnx_add(g, times_column(g, gki_onnx_spread(g, raw, M, M, numbers), column),
                           gki_onnx_mul(g, bound, column));
done:
    free(numbers);
    free(diagonal);
    if (status != GKV_OK)
        gki_onnx_fail(g, status);
    return product;
}

static gki_onnx_value sylvester(gki_onnx *g, size_t d, size_t columns, size_t reflections,
                                gki_onnx_value raw, gki_onnx_value z)
{
    enum { REFLECTIONS_MAX = 8 };
    const size_t M = columns < d ? columns : d, H = reflections < d ? reflections : d;
    const size_t upper = H * d, triangle = M * (M + 1) / 2, inner = upper + triangle,
                 shift = inner + triangle;
    const int64_t pads[] = {0, 0, 0, (int64_t)(d - M)};
    gki_onnx_value v[REFLECTIONS_MAX], y = z;
    for (size_t i = 0; i < H; i++) {
        v[i] = reflection_of(g, d, i, raw);
        y = reflect(g, v[i], y);
    }
    const gki_onnx_value first = gki_onnx_slice(g, y, -1, 0, M),
                         product = times_triangle(g, M, gki_onnx_slice(g, raw, -1, inner, shift), 1,
                                                  first),
                         b = gki_onnx_slice(g, raw, -1, shift, shift + M),
                         t = gki_onnx_1(g, "Tanh", gki_onnx_add(g, product, b));
    gki_onnx_value move = times_triangle(g, M, gki_onnx_slice(g, raw, -1, upper, inner), 0, t);
    if (M < d)
        move = gki_onnx_2(g, "Pad", move, gki_onnx_wholes(g, 4, pads));
    for (size_t i = H; i-- > 0;)
        move = reflect(g, v[i], move);
    return gki_onnx_add(g, z, move);
}

static gki_onnx_value sylvester_orthogonal(gki_onnx *g, size_t d, size_t index, gki_onnx_value raw,
                                           gki_onnx_value z)
{
    (void)index;
    return sylvester(g, d, 8, 8, raw, z);
}

static gki_onnx_value sylvester_householder(gki_onnx *g, size_t d, size_t index, gki_onnx_value raw,
                                            gki_onnx_value z)
{
    (void)index;
    return sylvester(g, d, 64, 4, raw, z);
}

/* --- The table ------------------------------------------------------------ */

static layer_graph *const layers[GKV_POSTERIOR_FLOWS] = {
    [GKV_POSTERIOR_FLOW_PLANAR] = planar,
    [GKV_POSTERIOR_FLOW_RADIAL] = radial,
    [GKV_POSTERIOR_FLOW_IAF] = iaf,
    [GKV_POSTERIOR_FLOW_SYLVESTER_ORTHOGONAL] = sylvester_orthogonal,
    [GKV_POSTERIOR_FLOW_SYLVESTER_HOUSEHOLDER] = sylvester_householder,
};

gki_onnx_value gki_onnx_posterior_layer(gki_onnx *g, const gkv_model *model, size_t layer,
                                        gki_onnx_value raw, gki_onnx_value z)
{
    const gkv_posterior_flow_family family = model->settings.model.posterior_flow;
    if (GKI_ONNX_HAS(layers, family) && layers[family])
        return layers[family](g, model->d, layer, raw, z);
    gki_onnx_refuse(g, "model.posterior_flow", (int)family);
    return z;
}
