/* The interface of a family of quantile functions. Each family is one row of the table in
 * family.c, and a file family_NAME.c. gkfit/fit_family.h has what fits need to know of a family.
 *
 * Every family has Q(z) = A + B z e^Λ, where Λ is a function of z, g, k and c, and Q' = B e^Λ ρ
 * with ρ = z Q'/(Q − A), the slope of log|Q − A| in log|z|. The other files compute everything from
 * Λ, ρ and their derivatives, and do not depend on the family.
 *
 * The parameters of every family are A, B, g, the weight k of the tails, which may have another
 * name, and in some families c. A family with c has the skewness factor 1 + c tanh(gz/2) in e^Λ. */
#ifndef GKV_GK_FAMILY_H
#define GKV_GK_FAMILY_H

#include "gkvae/gk.h"
#include "num/constants.h"
#include "num/wide.h"

/* Λ and ρ at one z, and their partial derivatives: lambda_zg is ∂²Λ/∂z∂g. Second derivatives in k
 * are 0, because Λ and ρ are linear in k. */
typedef struct gki_gk_jet {
    gki_wide lambda, lambda_z, lambda_g, lambda_k, lambda_zz, lambda_zg, lambda_zk, lambda_gg;
    gki_wide rho, rho_z, rho_g, rho_k, rho_zz, rho_zg, rho_zk, rho_gg;
} gki_gk_jet;

typedef struct gki_gk_family_ops {
    const char *name;       /* as in messages: "g-and-k" */
    const char *short_name; /* as in options and files: "gk" */
    const char *tail;       /* the name of k: "k" or "h" */

    /* Whether gkvae/gk_batch.h and gkvae/mgk.h support the family. Their kernels are those of the
     * formula of the g-and-k family. */
    bool batches;

    /* Computes the jet at z. Order 0 sets only Λ, ρ and ρ_z; order 1 sets all members. */
    void (*jet)(const gkv_gk *gk, gki_wide z, int order, gki_gk_jet *jet);

    /* An approximation of the s > 0 with s e^Λ(s) = y > 0. */
    gki_wide (*start)(const gkv_gk *gk, gki_wide y);

    /* Vector kernels, or NULL: x[n] = Q(z) and z[n] = Q⁻¹(x), both arrays of which may be the same,
     * and log Q'(z) unless log_dq is NULL. */
    void (*forward)(const gkv_gk *gk, size_t n, const double *z, double *x);
    void (*inverse)(const gkv_gk *gk, size_t n, const double *x, double *z, double *log_dq);

    /* The limit of (Q − A)/B for z → +∞: the end of a bounded support, or ∞. */
    gki_wide (*support_end)(const gkv_gk *gk);

    /* The weight M(z) of k in ρ = P(gz) + k M(z); NULL for a family without c. */
    double (*weight)(double z);

    /* The least k with Q' ≥ 0 on |z| ≤ z_max, for 0 ≤ c < 1 and z_max > 0 (∞: the whole line).
     * *touches becomes 1 if Q' has a zero when k equals the bound, else 0. */
    double (*bound)(double g, double c, double z_max, int *touches);

    /* The bound for z_max = ∞, monotone in |g|. At g = 0, where the bound may jump, the function
     * returns its limit. If `slope` is not NULL, *slope becomes the derivative in g. */
    double (*bound_limit)(double g, double c, double *slope);

    /* A k from which on parameters are valid for every g, or ∞ if none is known for this c. The
     * function takes no time. */
    double (*free_k)(double c);

    /* What is wrong with k whatever g is, or NULL for nothing; NULL for a family without such a
     * fault. */
    const char *(*fault)(const gkv_gk *gk);

    /* An upper bound of bound_limit that is smooth in g, and its derivative in g; see
     * gkv_gk_from_unconstrained. */
    double (*floor)(double g, double c, double *slope);

    /* The limit of the orders of moments: the moment of order r exists if r is below it. */
    double (*moments_below)(double k);

    /* How far from 0 the largest contribution to E|Q|^r may be; NULL if it is near 0. */
    double (*reach)(const gkv_gk *gk, int r);

    /* Whether moments that exist may exceed a long double, and then are infinite. */
    bool moments_overflow;
} gki_gk_family_ops;

extern const gki_gk_family_ops gki_gk_family_gk, gki_gk_family_gh, gki_gk_family_ggh;

/* The operations of a family, or NULL for a number that is not a family. */
const gki_gk_family_ops *gki_gk_family_of(int64_t family);

/* Whether gkvae/gk_batch.h and gkvae/mgk.h support the family. */
bool gki_gk_has_batches(int64_t family);

/* min(1, 1/|g|), the shortest scale on which functions of z and gz vary. */
double gki_gk_scale(const gkv_gk *gk);

/* The jet at z; NaN throughout for an unknown family. */
gki_gk_jet gki_gk_jet_at(const gkv_gk *gk, gki_wide z, int order);

/* log φ(z) */
static inline gki_wide gki_gk_log_phi(gki_wide z)
{
    return -z * z / 2 - GKV_HALF_LOG_2PI_WIDE;
}

/* Q(z), also for z = ±∞; and log Q'(z) from a jet at z. */
gki_wide gki_gk_Q_wide(const gkv_gk *gk, gki_wide z);
gki_wide gki_gk_log_dQ_wide(const gkv_gk *gk, const gki_gk_jet *jet);

/* Q⁻¹(x) in more than double precision; ±∞ outside a bounded support. */
gki_wide gki_gk_Q_inverse_wide(const gkv_gk *gk, double x);

/* Returns GKV_OK if gk is valid and of a family with batches, else GKV_ERR_ARGUMENT. `what` names
 * the operation in the message, as in "a batch". */
gkv_status gki_gk_check_gk(const gkv_gk *gk, const char *what);

#endif
