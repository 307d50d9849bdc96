/* Derivatives of log f in the parameters, through the implicit function z(x,θ) = Q⁻¹(x).
 *
 * With V = log Q' and D = z + V_z, log f = −½z² − V − ½ log 2π and d/dz log f = −D. Then
 *
 *     z_i  = −Q_i/Q'
 *     s_i  = −D z_i − V_i
 *     z_ij = −(Q_ij + Q'_i z_j + Q'_j z_i + Q'' z_i z_j)/Q'
 *          = −Q_ij/Q' − V_i z_j − V_j z_i − V_z z_i z_j
 *     H_ij = −D z_ij − (1 + V_zz) z_i z_j − V_zi z_j − V_zj z_i − V_ij
 *
 * Subscripts are partial derivatives at fixed z, θ = (A,B,g,k). s is the score and H the
 * Hessian. */
#include <math.h>

#include "gk/family.h"
#include "gk/score.h"
#include "gk/skew.h"

gki_wide gki_gk_neg_log_pdf_slope(const gki_gk_jet *jet, gki_wide z)
{
    return z + jet->lambda_z + jet->rho_z / jet->rho;
}

void gki_gk_score_wide(const gkv_gk *gk, const gki_gk_jet *jet, gki_wide z, gki_wide score[4])
{
    const gki_wide neg_slope = gki_gk_neg_log_pdf_slope(jet, z),
                   by_slope = neg_slope * z / jet->rho;
    score[GKV_GK_A] = neg_slope * expl(-jet->lambda) / (gk->b * jet->rho);
    score[GKV_GK_B] = (by_slope - 1) / gk->b;
    score[GKV_GK_G] = by_slope * jet->lambda_g - jet->lambda_g - jet->rho_g / jet->rho;
    score[GKV_GK_K] = by_slope * jet->lambda_k - jet->lambda_k - jet->rho_k / jet->rho;
}

double gkv_gk_dlog_pdf(const gkv_gk *gk, double x)
{
    if (!gk)
        return NAN;
    const gki_wide z = gki_gk_Q_inverse_wide(gk, x);
    const gki_gk_jet jet = gki_gk_jet_at(gk, z, 1);
    return (double)(-gki_gk_neg_log_pdf_slope(&jet, z) * expl(-jet.lambda) / (gk->b * jet.rho));
}

double gkv_gk_score(const gkv_gk *gk, double x, double score[4])
{
    return gkv_gk_hessian(gk, x, score, NULL);
}

void gki_gk_second_derivatives(const gkv_gk *gk, const gki_gk_jet *jet, gki_wide z,
                               double hessian[4][4], double z_second[4][4])
{
    const gki_wide b = gk->b, r = jet->rho, neg_slope = gki_gk_neg_log_pdf_slope(jet, z);
    const gki_wide r_z = jet->rho_z / r, r_g = jet->rho_g / r, r_k = jet->rho_k / r;
    const gki_wide V_z = jet->lambda_z + r_z, V_zz = jet->lambda_zz + jet->rho_zz / r - r_z * r_z;
    const gki_wide V[4] = {0, 1 / b, jet->lambda_g + r_g, jet->lambda_k + r_k};
    const gki_wide V_zi[4] = {0, 0, jet->lambda_zg + jet->rho_zg / r - r_z * r_g,
                              jet->lambda_zk + jet->rho_zk / r - r_z * r_k};
    /* Q_i/Q' and Q_ij/Q', from Q − A = B z e^Λ and (Q − A)/Q' = z/ρ */
    const gki_wide unit = z / r;
    const gki_wide q[4] = {expl(-jet->lambda) / (b * r), unit / b, unit * jet->lambda_g,
                           unit * jet->lambda_k};
    gki_wide q2[4][4] = {{0}}, V2[4][4] = {{0}};
    q2[GKV_GK_B][GKV_GK_G] = q[GKV_GK_G] / b;
    q2[GKV_GK_B][GKV_GK_K] = q[GKV_GK_K] / b;
    q2[GKV_GK_G][GKV_GK_G] = unit * (jet->lambda_g * jet->lambda_g + jet->lambda_gg);
    q2[GKV_GK_G][GKV_GK_K] = unit * jet->lambda_g * jet->lambda_k;
    q2[GKV_GK_K][GKV_GK_K] = unit * jet->lambda_k * jet->lambda_k;
    V2[GKV_GK_B][GKV_GK_B] = -1 / (b * b);
    V2[GKV_GK_G][GKV_GK_G] = jet->lambda_gg + jet->rho_gg / r - r_g * r_g;
    V2[GKV_GK_G][GKV_GK_K] = -r_g * r_k;
    V2[GKV_GK_K][GKV_GK_K] = -r_k * r_k;
    for (int i = 0; i < GKV_GK_PARAMETERS; i++)
        for (int j = i; j < GKV_GK_PARAMETERS; j++) {
            const gki_wide both = q[i] * q[j],
                           z_ij = -q2[i][j] + V[i] * q[j] + V[j] * q[i] - V_z * both;
            const gki_wide value =
                -neg_slope * z_ij - (1 + V_zz) * both + V_zi[i] * q[j] + V_zi[j] * q[i] - V2[i][j];
            if (hessian)
                hessian[i][j] = hessian[j][i] = (double)value;
            if (z_second)
                z_second[i][j] = z_second[j][i] = (double)z_ij;
        }
}

void gki_gk_slopes_with_c(const gkv_gk *gk, const gki_gk_jet *jet, gki_wide z,
                          gki_wide score[GKI_GK_WITH_C], gki_wide z_first[GKI_GK_WITH_C])
{
    const gki_wide r = jet->rho, unit = z / r, neg_slope = gki_gk_neg_log_pdf_slope(jet, z);
    gki_wide lambda_c = 0, rho_c = 0;
    if (gki_gk_family_of(gk->family)->weight)
        gki_gk_skew_tanh_in_c(gk->g * z, gk->c, &lambda_c, &rho_c);
    const gki_wide V[GKI_GK_WITH_C] = {0, 1 / (gki_wide)gk->b, jet->lambda_g + jet->rho_g / r,
                                       jet->lambda_k + jet->rho_k / r, lambda_c + rho_c / r};
    z_first[GKV_GK_A] = -expl(-jet->lambda) / (gk->b * r);
    z_first[GKV_GK_B] = -unit / gk->b;
    z_first[GKV_GK_G] = -unit * jet->lambda_g;
    z_first[GKV_GK_K] = -unit * jet->lambda_k;
    z_first[4] = -unit * lambda_c;
    for (int i = 0; i < GKI_GK_WITH_C; i++)
        score[i] = -neg_slope * z_first[i] - V[i];
}

double gkv_gk_hessian(const gkv_gk *gk, double x, double score[4], double hessian[4][4])
{
    if (!gk)
        return NAN;
    const gki_wide z = gki_gk_Q_inverse_wide(gk, x);
    const gki_gk_jet jet = gki_gk_jet_at(gk, z, 1);
    if (score) {
        gki_wide wide[4];
        gki_gk_score_wide(gk, &jet, z, wide);
        for (int i = 0; i < GKV_GK_PARAMETERS; i++)
            score[i] = (double)wide[i];
    }
    if (hessian)
        gki_gk_second_derivatives(gk, &jet, z, hessian, NULL);
    return isinf(z) ? -INFINITY : (double)(gki_gk_log_phi(z) - gki_gk_log_dQ_wide(gk, &jet));
}
