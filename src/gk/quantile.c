/* Q(z), its derivatives in z and in the parameters. */
#include <math.h>

#include "gk/family.h"
#include "gkvae/gk.h"

gkv_gk gkv_gk_standard(void)
{
    return (gkv_gk){.a = 0.0, .b = 1.0, .g = 0.0, .k = 0.0, .c = 0.8};
}

/* At z = ±∞; on the negative side z and g change sign together. */
static gkv_wide Q_at_infinity(const gkv_gk *gk, gkv_wide z)
{
    const gkv_gk_family_ops *ops = gkv_gk_family_of(gk->family);
    gkv_gk half = *gk;
    half.g = z < 0 ? -gk->g : gk->g;
    return ops ? gk->a + copysignl(gk->b * ops->reach(&half), z) : NAN;
}

gkv_wide gkv_gk_Q_wide(const gkv_gk *gk, gkv_wide z)
{
    if (isinf(z))
        return Q_at_infinity(gk, z);
    return gk->a + gk->b * z * expl(gkv_gk_jet_at(gk, z, 0).lambda);
}

gkv_wide gkv_gk_log_dQ_wide(const gkv_gk *gk, const gkv_gk_jet *jet)
{
    return logl(gk->b * jet->rho) + jet->lambda;
}

double gkv_gk_Q(const gkv_gk *gk, double z)
{
    return (double)gkv_gk_Q_wide(gk, z);
}

double gkv_gk_dQ(const gkv_gk *gk, double z)
{
    const gkv_gk_jet at = gkv_gk_jet_at(gk, z, 0);
    return (double)(gk->b * at.rho * expl(at.lambda));
}

double gkv_gk_log_dQ(const gkv_gk *gk, double z)
{
    const gkv_gk_jet at = gkv_gk_jet_at(gk, z, 0);
    return (double)gkv_gk_log_dQ_wide(gk, &at);
}

double gkv_gk_d2Q(const gkv_gk *gk, double z)
{
    const gkv_gk_jet at = gkv_gk_jet_at(gk, z, 1);
    return (double)(gk->b * expl(at.lambda) * (at.rho * at.lambda_z + at.rho_z));
}

void gkv_gk_Q_gradient(const gkv_gk *gk, double z, double dq[4], double dlog[4])
{
    const gkv_gk_jet at = gkv_gk_jet_at(gk, z, 1);
    if (dq) {
        const gkv_wide q = z * expl(at.lambda);
        dq[GKV_GK_A] = 1.0;
        dq[GKV_GK_B] = (double)q;
        dq[GKV_GK_G] = (double)(gk->b * q * at.lambda_g);
        dq[GKV_GK_K] = (double)(gk->b * q * at.lambda_k);
    }
    if (dlog) {
        dlog[GKV_GK_A] = 0.0;
        dlog[GKV_GK_B] = 1.0 / gk->b;
        dlog[GKV_GK_G] = (double)(at.lambda_g + at.rho_g / at.rho);
        dlog[GKV_GK_K] = (double)(at.lambda_k + at.rho_k / at.rho);
    }
}

double gkv_gk_Q_inverse_gradient(const gkv_gk *gk, double x, double *z_x, double z_theta[4])
{
    const gkv_wide z = gkv_gk_Q_inverse_wide(gk, x);
    const gkv_gk_jet at = gkv_gk_jet_at(gk, isinf(z) ? (gkv_wide)NAN : z, 1);
    const gkv_wide by_x = expl(-at.lambda) / (gk->b * at.rho); /* 1/Q' */
    if (z_x)
        *z_x = (double)by_x;
    if (z_theta) { /* −Q_θ/Q', of which Q − A and Q' have most in common: (Q − A)/Q' = z/ρ */
        z_theta[GKV_GK_A] = (double)-by_x;
        z_theta[GKV_GK_B] = (double)(-z / (gk->b * at.rho));
        z_theta[GKV_GK_G] = (double)(-z * at.lambda_g / at.rho);
        z_theta[GKV_GK_K] = (double)(-z * at.lambda_k / at.rho);
    }
    return (double)z;
}
