/* Formulas on the values of a graph: each function adds one node, or a few, and returns its output.
 * Operands broadcast as in NumPy. Axes are counted from 0, where the batch is, or from the end if
 * they are negative. */
#ifndef GKV_EXPORT_ONNX_MATH_H
#define GKV_EXPORT_ONNX_MATH_H

#include "export/onnx_graph.h"

/* --- Element by element --------------------------------------------------- */

static inline gki_onnx_value gki_onnx_add(gki_onnx *g, gki_onnx_value a, gki_onnx_value b)
{
    return gki_onnx_2(g, "Add", a, b);
}

static inline gki_onnx_value gki_onnx_sub(gki_onnx *g, gki_onnx_value a, gki_onnx_value b)
{
    return gki_onnx_2(g, "Sub", a, b);
}

static inline gki_onnx_value gki_onnx_mul(gki_onnx *g, gki_onnx_value a, gki_onnx_value b)
{
    return gki_onnx_2(g, "Mul", a, b);
}

static inline gki_onnx_value gki_onnx_div(gki_onnx *g, gki_onnx_value a, gki_onnx_value b)
{
    return gki_onnx_2(g, "Div", a, b);
}

static inline gki_onnx_value gki_onnx_min(gki_onnx *g, gki_onnx_value a, gki_onnx_value b)
{
    return gki_onnx_2(g, "Min", a, b);
}

static inline gki_onnx_value gki_onnx_max(gki_onnx *g, gki_onnx_value a, gki_onnx_value b)
{
    return gki_onnx_2(g, "Max", a, b);
}

static inline gki_onnx_value gki_onnx_exp(gki_onnx *g, gki_onnx_value a)
{
    return gki_onnx_1(g, "Exp", a);
}

static inline gki_onnx_value gki_onnx_log(gki_onnx *g, gki_onnx_value a)
{
    return gki_onnx_1(g, "Log", a);
}

static inline gki_onnx_value gki_onnx_neg(gki_onnx *g, gki_onnx_value a)
{
    return gki_onnx_1(g, "Neg", a);
}

/* a + b, a·b and b − a of a number b; and a within [low, high]. */
gki_onnx_value gki_onnx_plus(gki_onnx *g, gki_onnx_value a, double b);
gki_onnx_value gki_onnx_times(gki_onnx *g, gki_onnx_value a, double b);
gki_onnx_value gki_onnx_from(gki_onnx *g, gki_onnx_value a, double b);
gki_onnx_value gki_onnx_within(gki_onnx *g, gki_onnx_value a, double low, double high);

/* bound·tanh(a/bound), and log(1 + e^a). */
gki_onnx_value gki_onnx_bounded(gki_onnx *g, gki_onnx_value a, double bound);
gki_onnx_value gki_onnx_softplus(gki_onnx *g, gki_onnx_value a);

/* --- Sums over an axis ---------------------------------------------------- */

/* The sum over an axis, which is kept with the size 1, or removed. */
gki_onnx_value gki_onnx_sum(gki_onnx *g, gki_onnx_value a, int64_t axis, bool keep);

/* The logarithm of the sum of e^a over an axis, which is removed. */
gki_onnx_value gki_onnx_log_sum_exp(gki_onnx *g, gki_onnx_value a, int64_t axis);

/* The softmax over an axis. */
gki_onnx_value gki_onnx_softmax(gki_onnx *g, gki_onnx_value a, int64_t axis);

/* --- Shapes --------------------------------------------------------------- */

/* The shape [batch, sizes…] of the same elements. */
gki_onnx_value gki_onnx_reshape(gki_onnx *g, gki_onnx_value a, size_t rank, const size_t *sizes);

/* The axes in another order; `order` is a permutation of 0 … rank − 1. */
gki_onnx_value gki_onnx_transpose(gki_onnx *g, gki_onnx_value a, size_t rank, const int64_t *order);

/* Elements from … to − 1 of an axis. */
gki_onnx_value gki_onnx_slice(gki_onnx *g, gki_onnx_value a, int64_t axis, size_t from, size_t to);

/* Elements of an axis by their numbers. */
gki_onnx_value gki_onnx_gather(gki_onnx *g, gki_onnx_value a, int64_t axis, size_t count,
                               const size_t *numbers);

/* The matrix [batch, rows, columns] whose element (i, j) is element numbers[i·columns + j] of a
 * [batch, count], or 0 where that number is `count`. */
gki_onnx_value gki_onnx_spread(gki_onnx *g, gki_onnx_value a, size_t rows, size_t columns,
                               const size_t *numbers);

/* Two values side by side along an axis. */
gki_onnx_value gki_onnx_concat(gki_onnx *g, gki_onnx_value a, gki_onnx_value b, int64_t axis);

/* An axis of size 1 before the axis with this number in the result. */
gki_onnx_value gki_onnx_unsqueeze(gki_onnx *g, gki_onnx_value a, int64_t axis);

#endif
