#include "gk/k_min_table.h"

#include <math.h>

static const double g_most = 100.0, v_least = 0.25, v_most = 60.0;

typedef struct excess {
    double S, dS, d2S;
} excess;

/* S = v W with W = c sech²v/(1 − c tanh v) = −(log(1 − c tanh v))', W' = W(W − 2 tanh v). */
static excess excess_at(double v, double c)
{
    const double e = exp(-2.0 * v), share = e / (1.0 + e), tanh_v = 1.0 - 2.0 * share;
    const double sech2 = 4.0 * share * (1.0 - share);
    const double W = c * sech2 / ((1.0 - c) + 2.0 * c * share);
    const double dW = W * (W - 2.0 * tanh_v), d2W = dW * (W - 2.0 * tanh_v) + W * (dW - 2.0 * sech2);
    return (excess){v * W, W + v * dW, 2.0 * dW + v * d2W};
}

/* Newton's method for the maximum of E = (S − 1)(1 + τ/v²), τ = g²/4, from a v near it.
 * Where there is no maximum any v will do: E is then below −1 everywhere. */
static double maximum_near(double v, double tau, double c)
{
    for (int step = 0; step < 30; step++) {
        const excess at = excess_at(v, c);
        const double share = tau / (v * v);
        const double dE = at.dS * (1.0 + share) - 2.0 * (at.S - 1.0) * share / v;
        const double d2E = at.d2S * (1.0 + share) - 4.0 * at.dS * share / v + 6.0 * (at.S - 1.0) * share / (v * v);
        const double move = d2E < 0 ? -dE / d2E : copysign(0.1 * v, dE);
        const double next = fmax(v_least, fmin(v_most, v + fmax(-0.2 * v, fmin(0.2 * v, move))));
        const double moved = fabs(next - v);
        v = next;
        if (moved < 1e-9 * v)
            break;
    }
    return v;
}

void gkv_k_min_table_fill(double c, gkv_k_min_table *edge)
{
    edge->c = c;
    edge->s_most = g_most / (2.0 + g_most);
    /* S has one maximum: S' > 0 at v_least, for 1 > v(2 tanh v − W) there. */
    double low = v_least, high = v_most;
    for (int step = 0; step < 12; step++) {
        const double middle = 0.5 * (low + high);
        if (excess_at(middle, c).dS > 0)
            low = middle;
        else
            high = middle;
    }
    double v = 0.5 * (low + high);
    for (int i = 0; i <= GKV_K_MIN_NODES; i++) {
        const double s = edge->s_most * i / GKV_K_MIN_NODES, g = 2.0 * s / (1.0 - s);
        edge->v[i] = v = maximum_near(v, 0.25 * g * g, c);
    }
}
