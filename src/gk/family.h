/* What a family of quantile functions has to say for itself: one file each, one row of
 * the table in family.c.
 *
 * Every family is Q(z) = A + B z e^Λ with Λ a function of z, g, k and c, and
 * Q' = B e^Λ ρ with ρ = z Q'/(Q − A), the slope of log|Q − A| in log|z|. From Λ, ρ and
 * their derivatives follows all the rest, by code that knows no family. */
#ifndef GKV_GK_FAMILY_H
#define GKV_GK_FAMILY_H

#include "gkvae/gk.h"
#include "num/wide.h"

typedef struct gkv_gk_jet {
    gkv_wide lambda, lambda_z, lambda_g, lambda_k, lambda_zz, lambda_zg, lambda_zk, lambda_gg;
    gkv_wide rho, rho_z, rho_g, rho_k, rho_zz, rho_zg, rho_zk, rho_gg;
} gkv_gk_jet; /* Λ and ρ are linear in k */

typedef struct gkv_gk_family_ops {
    const char *name;
    /* The jet at z; of order 0: λ, ρ and ρ_z alone. */
    void (*jet)(const gkv_gk *gk, gkv_wide z, int order, gkv_gk_jet *jet);

    /* Somewhere near the s > 0 with s e^Λ(s) = y > 0. */
    gkv_wide (*start)(const gkv_gk *gk, gkv_wide y);

    /* The limit of |Q − A|/B for z → +∞: ∞, or where a bounded support ends. */
    gkv_wide (*reach)(const gkv_gk *gk);

    /* The weight M(z) of k in ρ = P(gz) + k M(z); NULL for a family without c. */
    double (*weight)(double z);

    /* The least k for Q' ≥ 0 on |z| ≤ z_max (∞: everywhere), for 0 ≤ c < 1 and z_max > 0;
     * *touches tells whether Q' is zero somewhere at the bound itself. */
    double (*bound)(double g, double c, double z_max, int *touches);

    /* The bound for z_max = ∞, with its limit where it jumps at g = 0, and, unless NULL, its
     * derivative in g. */
    double (*bound_limit)(double g, double c, double *slope);

    /* A bound of that from above, smooth in g; see gkv_gk_from_free. */
    double (*floor)(double g, double c, double *slope);

    /* Moments of order r exist for r < this. */
    double (*moments_below)(double k);
} gkv_gk_family_ops;

extern const gkv_gk_family_ops gkv_gk_family_gk, gkv_gk_family_gh, gkv_gk_family_ggh;

/* NULL for a number that is no family. */
const gkv_gk_family_ops *gkv_gk_family_of(int64_t family);

/* 1/|g|, or 1 if that is more: the scale on which functions of z and gz vary. */
double gkv_gk_scale(const gkv_gk *gk);

/* The jet at z; NaN throughout for an unknown family. */
gkv_gk_jet gkv_gk_jet_at(const gkv_gk *gk, gkv_wide z, int order);

/* log φ(z) */
static inline gkv_wide gkv_gk_log_phi(gkv_wide z)
{
    return -z * z / 2 - 0.918938533204672741780329736405617639861L;
}

/* Q(z), and log Q'(z) from a jet at z. */
gkv_wide gkv_gk_Q_wide(const gkv_gk *gk, gkv_wide z);
gkv_wide gkv_gk_log_dQ_wide(const gkv_gk *gk, const gkv_gk_jet *jet);

/* Q⁻¹(x), beyond double precision. */
gkv_wide gkv_gk_Q_inverse_wide(const gkv_gk *gk, double x);

/* GKV_OK if gk is valid and a g-and-k; else GKV_ERR_ARGUMENT, with a message that says
 * that `what`, as in "a batch", is for that family only. */
gkv_status gkv_gk_check_gk(const gkv_gk *gk, const char *what);

#endif
