/* A mixture's curvature: that of its components' ½‖w_k‖², each by its share of the density,
 *
 *   Λ = Σ_k r_k D_k⁻¹ W_kW_kᵀ D_k⁻¹,   D_k = diag(Q'_k)
 *
 * What is left out, the spread of the components' slopes, would make it indefinite between them. */
#include <string.h>

#include "base/base_mixture.h"
#include "base/mixture_kernels.h"

/* lambda ← lambda + share·D⁻¹ WWᵀ D⁻¹, its lower triangle; W NULL is I. */
static void add_component(size_t d, gkv_real share, const gkv_real *whitening, const gkv_real *dq, gkv_real *lambda)
{
    const gkv_mixture_kernels *kernels = gkv_mixture_kernels_get();
    for (size_t i = 0; i < d; i++) {
        for (size_t j = whitening ? 0 : i; j <= i; j++) { /* rows i and j of W begin at their diagonals */
            const gkv_real product = whitening ? kernels->dot(d - i, whitening + i * d + i, whitening + j * d + i) : 1;
            lambda[i * d + j] += share * product / (dq[i] * dq[j]);
        }
    }
}

void gkv_mixture_curvature(const gkv_base *base, const gkv_workspace *ws, size_t first, size_t count, gkv_real *lambda)
{
    const gkv_base_mixture *self = gkv_base_mixture_of(base);
    const size_t d = base->eps.width;
    memset(lambda, 0, count * d * d * sizeof *lambda);
    for (size_t r = 0; r < count; r++, lambda += d * d) {
        const gkv_real *share = gkv_at(ws, self->share, first + r);
        for (size_t k = 0; k < self->components; k++)
            if (share[k] > 0)
                add_component(d, share[k], self->spec.dependent ? gkv_mixture_whitening(self, ws->params, k) : NULL,
                              self->shaped ? gkv_at(ws, self->dq, first + r) + k * d
                                           : gkv_mixture_margin(self, ws->params, GKV_MIXTURE_B, k), lambda);
        for (size_t i = 0; i < d; i++)
            for (size_t j = i + 1; j < d; j++)
                lambda[i * d + j] = lambda[j * d + i];
    }
}
