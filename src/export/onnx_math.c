#include "export/onnx_math.h"

#include <stdlib.h>

#include "core/memory.h"

gki_onnx_value gki_onnx_plus(gki_onnx *g, gki_onnx_value a, double b)
{
    return gki_onnx_add(g, a, gki_onnx_number(g, b));
}

gki_onnx_value gki_onnx_times(gki_onnx *g, gki_onnx_value a, double b)
{
    return gki_onnx_mul(g, a, gki_onnx_number(g, b));
}

gki_onnx_value gki_onnx_from(gki_onnx *g, gki_onnx_value a, double b)
{
    return gki_onnx_sub(g, gki_onnx_number(g, b), a);
}

gki_onnx_value gki_onnx_within(gki_onnx *g, gki_onnx_value a, double low, double high)
{
    return gki_onnx_3(g, "Clip", a, gki_onnx_number(g, low), gki_onnx_number(g, high));
}

gki_onnx_value gki_onnx_bounded(gki_onnx *g, gki_onnx_value a, double bound)
{
    return gki_onnx_times(g, gki_onnx_1(g, "Tanh", gki_onnx_times(g, a, 1 / bound)), bound);
}

/* max(a, 0) + log(1 + e^−|a|), in which nothing overflows. */
gki_onnx_value gki_onnx_softplus(gki_onnx *g, gki_onnx_value a)
{
    const gki_onnx_value small = gki_onnx_exp(g, gki_onnx_neg(g, gki_onnx_1(g, "Abs", a)));
    return gki_onnx_add(g, gki_onnx_1(g, "Relu", a), gki_onnx_log(g, gki_onnx_plus(g, small, 1)));
}

gki_onnx_value gki_onnx_sum(gki_onnx *g, gki_onnx_value a, int64_t axis, bool keep)
{
    const gki_onnx_value inputs[] = {a, gki_onnx_wholes(g, 1, &axis)};
    const gki_onnx_attribute attribute = {
        .name = "keepdims", .kind = GKV_ONNX_WHOLE, .whole = keep ? 1 : 0};
    return gki_onnx_node(g, "ReduceSum", 2, inputs, 1, &attribute);
}

gki_onnx_value gki_onnx_log_sum_exp(gki_onnx *g, gki_onnx_value a, int64_t axis)
{
    const gki_onnx_attribute attributes[] = {
        {.name = "axes", .kind = GKV_ONNX_WHOLES, .count = 1, .wholes = &axis},
        {.name = "keepdims", .kind = GKV_ONNX_WHOLE, .whole = 1}};
    const gki_onnx_value greatest = gki_onnx_node(g, "ReduceMax", 1, &a, 2, attributes),
                         exps = gki_onnx_exp(g, gki_onnx_sub(g, a, greatest)),
                         sum = gki_onnx_add(g, gki_onnx_log(g, gki_onnx_sum(g, exps, axis, true)),
                                            greatest);
    return gki_onnx_2(g, "Squeeze", sum, gki_onnx_wholes(g, 1, &axis));
}

gki_onnx_value gki_onnx_softmax(gki_onnx *g, gki_onnx_value a, int64_t axis)
{
    const gki_onnx_attribute attribute = {.name = "axis", .kind = GKV_ONNX_WHOLE, .whole = axis};
    return gki_onnx_node(g, "Softmax", 1, &a, 1, &attribute);
}

gki_onnx_value gki_onnx_reshape(gki_onnx *g, gki_onnx_value a, size_t rank, const size_t *sizes)
{
    enum { RANK_MAX = 8 };
    int64_t shape[1 + RANK_MAX] = {-1};
    for (size_t i = 0; i < rank && i < RANK_MAX; i++)
        shape[1 + i] = (int64_t)sizes[i];
    return gki_onnx_2(g, "Reshape", a, gki_onnx_wholes(g, 1 + rank, shape));
}

gki_onnx_value gki_onnx_transpose(gki_onnx *g, gki_onnx_value a, size_t rank, const int64_t *order)
{
    const gki_onnx_attribute attribute = {
        .name = "perm", .kind = GKV_ONNX_WHOLES, .count = rank, .wholes = order};
    return gki_onnx_node(g, "Transpose", 1, &a, 1, &attribute);
}

gki_onnx_value gki_onnx_slice(gki_onnx *g, gki_onnx_value a, int64_t axis, size_t from, size_t to)
{
    const int64_t begin = (int64_t)from, end = (int64_t)to;
    const gki_onnx_value inputs[] = {a, gki_onnx_wholes(g, 1, &begin), gki_onnx_wholes(g, 1, &end),
                                     gki_onnx_wholes(g, 1, &axis)};
    return gki_onnx_node(g, "Slice", 4, inputs, 0, NULL);
}

gki_onnx_value gki_onnx_gather(gki_onnx *g, gki_onnx_value a, int64_t axis, size_t count,
                               const size_t *numbers)
{
    const gki_onnx_attribute attribute = {.name = "axis", .kind = GKV_ONNX_WHOLE, .whole = axis};
    int64_t *wholes = NULL;
    const gkv_status status = gki_alloc(count, sizeof *wholes, &wholes);
    if (status != GKV_OK) {
        gki_onnx_fail(g, status);
        return a;
    }
    for (size_t i = 0; i < count; i++)
        wholes[i] = (int64_t)numbers[i];
    const gki_onnx_value inputs[] = {a, gki_onnx_wholes(g, count, wholes)};
    free(wholes);
    return gki_onnx_node(g, "Gather", 2, inputs, 1, &attribute);
}

gki_onnx_value gki_onnx_concat(gki_onnx *g, gki_onnx_value a, gki_onnx_value b, int64_t axis)
{
    const gki_onnx_attribute attribute = {.name = "axis", .kind = GKV_ONNX_WHOLE, .whole = axis};
    return gki_onnx_node(g, "Concat", 2, (const gki_onnx_value[]){a, b}, 1, &attribute);
}

gki_onnx_value gki_onnx_unsqueeze(gki_onnx *g, gki_onnx_value a, int64_t axis)
{
    return gki_onnx_2(g, "Unsqueeze", a, gki_onnx_wholes(g, 1, &axis));
}

gki_onnx_value gki_onnx_spread(gki_onnx *g, gki_onnx_value raw, size_t rows, size_t columns,
                               const size_t *numbers)
{
    const int64_t pads[] = {0, 0, 0, 1};
    const gki_onnx_value padded = gki_onnx_2(g, "Pad", raw, gki_onnx_wholes(g, 4, pads)),
                         spread = gki_onnx_gather(g, padded, -1, rows * columns, numbers);
    return gki_onnx_reshape(g, spread, 2, (const size_t[]){rows, columns});
}
