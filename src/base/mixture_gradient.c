/* The gradient of a mixture in its parameters. A part of the gradient is one component. With the
 * weight v of a row, its responsibility r_k and s_j = (u_j + Q''/Q')/Q' at the component's ζ:
 *
 *   ∂/∂θ_j = Σ v r_k (s_j ∂Q/∂θ − ∂log Q'/∂θ)        θ = A, B, g, k of the margin
 *   ∂/∂W   = Σ v r_k (diag(1/W_jj) − triu(ζᵀw))
 *   ∂/∂logit_k = Σ v (r_k − π_k)
 *
 * Shared shapes are one more part, the last. */
#include <math.h>
#include <string.h>

#include "base/mixture_outer.h"

/* The columns whose shape derivatives are computed at a time. */
enum { COLUMNS = 256 };

size_t gkv_mixture_parts(const gkv_base *base)
{
    const gkv_base_mixture *self = gkv_base_mixture_of(base);
    if (!self->spec.trainable)
        return 0;
    return self->components + (self->shaped && self->spec.shared_shapes ? 1 : 0);
}

/* The weight of a row times its responsibility in component k. */
static gkv_real weight_of(const gkv_base_mixture *self, const gkv_workspace *ws, size_t row, size_t k)
{
    return *gkv_at(ws, self->base.d_log_density, row) * gkv_at(ws, self->responsibility, row)[k];
}

/* Adds a row's gradient in g and k. */
static void add_shapes(const gkv_base_mixture *self, const gkv_workspace *ws, size_t row, size_t k, gkv_real weight,
                       gkv_real *grad_g, gkv_real *grad_k)
{
    const size_t d = self->base.eps.width;
    const gkv_real *zeta = gkv_at(ws, self->zeta, row) + k * d, *u = gkv_at(ws, self->u, row) + k * d;
    const gkv_real *dq = gkv_at(ws, self->dq, row) + k * d, *ratio = gkv_at(ws, self->ratio, row) + k * d;
    gkv_real x_g[COLUMNS], x_k[COLUMNS], log_dq_g[COLUMNS], log_dq_k[COLUMNS];
    const gkv_gk_outputs out = {.x_g = x_g, .x_k = x_k, .log_dq_g = log_dq_g, .log_dq_k = log_dq_k};
    for (size_t first = 0; first < d; first += COLUMNS) {
        const size_t width = d - first < COLUMNS ? d - first : COLUMNS;
        gkv_gk_columns columns = gkv_mixture_columns(self, ws->params, k);
        columns.a += first, columns.b += first, columns.g += first, columns.k += first;
        gkv_gk_batch_forward(1, width, &columns, zeta + first, &out);
        for (size_t i = 0; i < width; i++) {
            const size_t j = first + i;
            const gkv_real s = (u[j] + ratio[j]) / dq[j];
            grad_g[j] += weight * (s * x_g[i] - log_dq_g[i]);
            grad_k[j] += weight * (s * x_k[i] - log_dq_k[i]);
        }
    }
}

/* Adds a row's gradient in A and B: ∂Q/∂B is (Q − A)/B, and ∂log Q'/∂B is 1/B. */
static void add_location_and_scale(const gkv_base_mixture *self, const gkv_workspace *ws, size_t row, size_t k,
                                   gkv_real weight, gkv_real *grad_a, gkv_real *grad_b)
{
    const size_t d = self->base.eps.width;
    const gkv_real *a = gkv_mixture_margin(self, ws->params, GKV_MIXTURE_A, k);
    const gkv_real *b = gkv_mixture_margin(self, ws->params, GKV_MIXTURE_B, k);
    const gkv_real *eps = gkv_at(ws, self->base.eps, row), *u = gkv_at(ws, self->u, row) + k * d;
    const gkv_real *dq = self->shaped ? gkv_at(ws, self->dq, row) + k * d : b;
    const gkv_real *ratio = self->shaped ? gkv_at(ws, self->ratio, row) + k * d : NULL;
    for (size_t j = 0; j < d; j++) {
        const gkv_real s = weight * (u[j] + (ratio ? ratio[j] : 0)) / dq[j];
        grad_a[j] += s;
        grad_b[j] += (s * (eps[j] - a[j]) - weight) / b[j];
    }
}

/* Adds −v r_k ζᵀw of a row to the products. The entries below the diagonal are not meaningful. */
static void add_products(const gkv_base_mixture *self, const gkv_workspace *ws, size_t row, size_t k, gkv_real weight,
                         gkv_mixture_outer *products, gkv_real *grad_w)
{
    const size_t d = self->base.eps.width;
    const gkv_real *zeta = gkv_at(ws, self->zeta, row) + k * d;
    const size_t at = gkv_mixture_outer_next(products, grad_w);
    for (size_t j = 0; j < d; j++)
        products->x[at + j] = -weight * zeta[j];
    memcpy(products->y + at, gkv_at(ws, self->w, row) + k * d, d * sizeof *zeta);
    products->count++;
}

/* Completes the gradient in W: adds the remaining products, zeroes the entries below the diagonal, and adds the
 * gradient of log W_jj over all rows, where `total` is Σ v r_k. */
static void finish_whitening(const gkv_base_mixture *self, const gkv_workspace *ws, size_t k, double total,
                             gkv_mixture_outer *products, gkv_real *grad_w)
{
    const size_t d = self->base.eps.width;
    const gkv_real *whitening = gkv_mixture_whitening(self, ws->params, k);
    gkv_mixture_outer_add(products, grad_w);
    for (size_t j = 0; j < d; j++) {
        memset(grad_w + j * d, 0, j * sizeof *grad_w);
        grad_w[j * d + j] += (gkv_real)(total / (double)whitening[j * d + j]);
    }
}

static void gradient_of(const gkv_base_mixture *self, gkv_workspace *ws, size_t rows, size_t k)
{
    const size_t d = self->base.eps.width;
    const bool own_shapes = self->shaped && !self->spec.shared_shapes;
    gkv_real *grad[GKV_MIXTURE_MARGINS] = {NULL};
    for (size_t i = 0; i < (own_shapes ? GKV_MIXTURE_MARGINS : GKV_MIXTURE_G); i++) {
        grad[i] = gkv_param_grad(ws->params, self->margin[i]) + k * d;
        memset(grad[i], 0, d * sizeof *grad[i]);
    }
    gkv_real *grad_w = self->spec.dependent ? gkv_param_grad(ws->params, self->whitening) + k * d * d : NULL;
    if (grad_w)
        memset(grad_w, 0, d * d * sizeof *grad_w);
    gkv_mixture_outer products;
    products.d = d, products.count = 0;
    double total = 0, weights = 0;
    for (size_t r = 0; r < rows; r++) {
        const gkv_real weight = weight_of(self, ws, r, k);
        weights += (double)*gkv_at(ws, self->base.d_log_density, r);
        if (weight == 0)
            continue;
        total += (double)weight;
        add_location_and_scale(self, ws, r, k, weight, grad[GKV_MIXTURE_A], grad[GKV_MIXTURE_B]);
        if (own_shapes)
            add_shapes(self, ws, r, k, weight, grad[GKV_MIXTURE_G], grad[GKV_MIXTURE_K]);
        if (grad_w)
            add_products(self, ws, r, k, weight, &products, grad_w);
    }
    if (grad_w)
        finish_whitening(self, ws, k, total, &products, grad_w);
    const gkv_real *logits = gkv_param_value(ws->params, self->logits);
    double sum = 0;
    for (size_t i = 0; i < self->components; i++)
        sum += exp((double)logits[i] - (double)logits[k]);
    gkv_param_grad(ws->params, self->logits)[k] = (gkv_real)(total - weights / sum);
}

static void gradient_of_shared_shapes(const gkv_base_mixture *self, gkv_workspace *ws, size_t rows)
{
    const size_t d = self->base.eps.width;
    gkv_real *grad_g = gkv_param_grad(ws->params, self->margin[GKV_MIXTURE_G]);
    gkv_real *grad_k = gkv_param_grad(ws->params, self->margin[GKV_MIXTURE_K]);
    memset(grad_g, 0, d * sizeof *grad_g);
    memset(grad_k, 0, d * sizeof *grad_k);
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < self->components; k++) {
            const gkv_real weight = weight_of(self, ws, r, k);
            if (weight != 0)
                add_shapes(self, ws, r, k, weight, grad_g, grad_k);
        }
    /* Equal gradients keep the shapes of all components equal. */
    for (size_t k = 1; k < self->components; k++) {
        memcpy(grad_g + k * d, grad_g, d * sizeof *grad_g);
        memcpy(grad_k + k * d, grad_k, d * sizeof *grad_k);
    }
}

void gkv_mixture_gradient(const gkv_base *base, gkv_workspace *ws, size_t rows, size_t part)
{
    const gkv_base_mixture *self = gkv_base_mixture_of(base);
    if (part < self->components)
        gradient_of(self, ws, rows, part);
    else
        gradient_of_shared_shapes(self, ws, rows);
}
