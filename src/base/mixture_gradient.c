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

size_t gki_mixture_parts(const gki_base *base)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    if (!self->spec.trainable)
        return 0;
    return self->base.components + (self->shaped && self->spec.shared_shapes ? 1 : 0);
}

/* The weight of a row times its responsibility in component k. */
static gki_real weight_of(const gki_base_mixture *self, const gki_workspace *ws, size_t row,
                          size_t k)
{
    return *gki_at(ws, self->base.d_log_density, row) * gki_at(ws, self->responsibility, row)[k];
}

/* Adds a row's gradient in g and k. */
static void add_shapes(const gki_base_mixture *self, const gki_workspace *ws, size_t row, size_t k,
                       gki_real weight, gki_real *grad_g, gki_real *grad_k)
{
    const size_t d = self->base.eps.width;
    const gki_real *zeta = gki_at(ws, self->zeta, row) + k * d,
                   *u = gki_at(ws, self->u, row) + k * d;
    const gki_real *dq = gki_at(ws, self->dq, row) + k * d,
                   *ratio = gki_at(ws, self->ratio, row) + k * d;
    gki_real x_g[COLUMNS], x_k[COLUMNS], log_dq_g[COLUMNS], log_dq_k[COLUMNS];
    const gki_gk_outputs out = {.x_g = x_g, .x_k = x_k, .log_dq_g = log_dq_g, .log_dq_k = log_dq_k};
    for (size_t first = 0; first < d; first += COLUMNS) {
        const size_t width = d - first < COLUMNS ? d - first : COLUMNS;
        gki_gk_columns columns = gki_mixture_columns(self, ws->params, k);
        columns.a += first, columns.b += first, columns.g += first, columns.k += first;
        gki_gk_batch_forward(1, width, &columns, zeta + first, &out);
        for (size_t i = 0; i < width; i++) {
            const size_t j = first + i;
            const gki_real s = (u[j] + ratio[j]) / dq[j];
            grad_g[j] += weight * (s * x_g[i] - log_dq_g[i]);
            grad_k[j] += weight * (s * x_k[i] - log_dq_k[i]);
        }
    }
}

/* Adds a row's gradient in A and B: ∂Q/∂B is (Q − A)/B, and ∂log Q'/∂B is 1/B. */
static void add_location_and_scale(const gki_base_mixture *self, const gki_workspace *ws,
                                   size_t row, size_t k, gki_real weight, gki_real *grad_a,
                                   gki_real *grad_b)
{
    const size_t d = self->base.eps.width;
    const gki_real *a = gki_mixture_margin(self, ws->params, GKV_MIXTURE_A, k);
    const gki_real *b = gki_mixture_margin(self, ws->params, GKV_MIXTURE_B, k);
    const gki_real *eps = gki_at(ws, self->base.eps, row), *u = gki_at(ws, self->u, row) + k * d;
    const gki_real *dq = self->shaped ? gki_at(ws, self->dq, row) + k * d : b;
    const gki_real *ratio = self->shaped ? gki_at(ws, self->ratio, row) + k * d : NULL;
    for (size_t j = 0; j < d; j++) {
        const gki_real s = weight * (u[j] + (ratio ? ratio[j] : 0)) / dq[j];
        grad_a[j] += s;
        grad_b[j] += (s * (eps[j] - a[j]) - weight) / b[j];
    }
}

/* Adds −v r_k ζᵀw of a row to the products. The entries below the diagonal are not meaningful. */
static void add_products(const gki_base_mixture *self, const gki_workspace *ws, size_t row,
                         size_t k, gki_real weight, gki_mixture_outer *products, gki_real *grad_w)
{
    const size_t d = self->base.eps.width;
    const gki_real *zeta = gki_at(ws, self->zeta, row) + k * d;
    const size_t position = gki_mixture_outer_next(products, grad_w);
    for (size_t j = 0; j < d; j++)
        products->x[position + j] = -weight * zeta[j];
    memcpy(products->y + position, gki_at(ws, self->w, row) + k * d, d * sizeof *zeta);
    products->count++;
}

/* Completes the gradient in W: adds the remaining products, zeroes the entries below the diagonal,
 * and adds the gradient of log W_jj over all rows, where `total` is Σ v r_k. */
static void finish_whitening(const gki_base_mixture *self, const gki_workspace *ws, size_t k,
                             double total, gki_mixture_outer *products, gki_real *grad_w)
{
    const size_t d = self->base.eps.width;
    const gki_real *whitening = gki_mixture_whitening(self, ws->params, k);
    gki_mixture_outer_add(products, grad_w);
    for (size_t j = 0; j < d; j++) {
        memset(grad_w + j * d, 0, j * sizeof *grad_w);
        grad_w[j * d + j] += (gki_real)(total / (double)whitening[j * d + j]);
    }
}

static void gradient_of(const gki_base_mixture *self, gki_workspace *ws, size_t rows, size_t k)
{
    const size_t d = self->base.eps.width;
    const bool own_shapes = self->shaped && !self->spec.shared_shapes;
    gki_real *grad[GKV_MIXTURE_MARGINS] = {NULL};
    for (size_t i = 0; i < (own_shapes ? GKV_MIXTURE_MARGINS : GKV_MIXTURE_G); i++) {
        grad[i] = gki_param_grad(ws->params, self->margin[i]) + k * d;
        memset(grad[i], 0, d * sizeof *grad[i]);
    }
    gki_real *grad_w =
        self->spec.dependent ? gki_param_grad(ws->params, self->whitening) + k * d * d : NULL;
    if (grad_w)
        memset(grad_w, 0, d * d * sizeof *grad_w);
    gki_mixture_outer products;
    products.d = d, products.count = 0;
    double total = 0, weights = 0;
    for (size_t r = 0; r < rows; r++) {
        const gki_real weight = weight_of(self, ws, r, k);
        weights += (double)*gki_at(ws, self->base.d_log_density, r);
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
    const gki_real *logits = gki_param_value(ws->params, self->logits);
    double sum = 0;
    for (size_t i = 0; i < self->base.components; i++)
        sum += exp((double)logits[i] - (double)logits[k]);
    gki_param_grad(ws->params, self->logits)[k] = (gki_real)(total - weights / sum);
}

static void gradient_of_shared_shapes(const gki_base_mixture *self, gki_workspace *ws, size_t rows)
{
    const size_t d = self->base.eps.width;
    gki_real *grad_g = gki_param_grad(ws->params, self->margin[GKV_MIXTURE_G]);
    gki_real *grad_k = gki_param_grad(ws->params, self->margin[GKV_MIXTURE_K]);
    memset(grad_g, 0, d * sizeof *grad_g);
    memset(grad_k, 0, d * sizeof *grad_k);
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < self->base.components; k++) {
            const gki_real weight = weight_of(self, ws, r, k);
            if (weight != 0)
                add_shapes(self, ws, r, k, weight, grad_g, grad_k);
        }
    /* Equal gradients keep the shapes of all components equal. */
    for (size_t k = 1; k < self->base.components; k++) {
        memcpy(grad_g + k * d, grad_g, d * sizeof *grad_g);
        memcpy(grad_k + k * d, grad_k, d * sizeof *grad_k);
    }
}

void gki_mixture_gradient(const gki_base *base, gki_workspace *ws, size_t rows, size_t part)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    if (part < self->base.components)
        gradient_of(self, ws, rows, part);
    else
        gradient_of_shared_shapes(self, ws, rows);
}

void gki_mixture_batch_slots(const gki_base *base, gki_slot_visit *visit, void *context)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    const gki_slot slots[] = {
        base->eps, base->d_log_density, self->responsibility, self->zeta, self->w, self->u,
        self->dq,  self->ratio};
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        visit(context, slots[i]);
}
