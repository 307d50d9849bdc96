/* The distribution of x: the quantile function Q of a normal score and its inverse, the density,
 * probabilities and quantiles, and random draws.
 *
 * z = Q⁻¹(x) has more than double precision here. Rounding it to double would magnify its error by
 * a factor of about z² in a tail probability. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "gk/family.h"
#include "gk/gk_random.h"
#include "gkvae/gk.h"
#include "num/constants.h"
#include "num/special.h"

/* --- The quantile function ------------------------------------------------ */

gkv_gk gkv_gk_standard(void)
{
    return (gkv_gk){.a = 0.0, .b = 1.0, .g = 0.0, .k = 0.0, .c = GKV_GK_DEFAULT_C};
}

/* Q(±∞). On the negative side z and g change sign together. */
static gki_wide Q_at_infinity(const gkv_gk *gk, gki_wide z)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(gk->family);
    gkv_gk half = *gk;
    half.g = z < 0 ? -gk->g : gk->g;
    return ops ? gk->a + copysignl(gk->b * ops->support_end(&half), z) : NAN;
}

gki_wide gki_gk_Q_wide(const gkv_gk *gk, gki_wide z)
{
    if (isinf(z))
        return Q_at_infinity(gk, z);
    return gk->a + gk->b * z * expl(gki_gk_jet_at(gk, z, 0).lambda);
}

gki_wide gki_gk_log_dQ_wide(const gkv_gk *gk, const gki_gk_jet *jet)
{
    return logl(gk->b * jet->rho) + jet->lambda;
}

double gkv_gk_Q(const gkv_gk *gk, double z)
{
    if (!gk)
        return NAN;
    return (double)gki_gk_Q_wide(gk, z);
}

double gkv_gk_dQ(const gkv_gk *gk, double z)
{
    if (!gk)
        return NAN;
    const gki_gk_jet jet = gki_gk_jet_at(gk, z, 0);
    return (double)(gk->b * jet.rho * expl(jet.lambda));
}

double gkv_gk_log_dQ(const gkv_gk *gk, double z)
{
    if (!gk)
        return NAN;
    const gki_gk_jet jet = gki_gk_jet_at(gk, z, 0);
    return (double)gki_gk_log_dQ_wide(gk, &jet);
}

double gkv_gk_d2Q(const gkv_gk *gk, double z)
{
    if (!gk)
        return NAN;
    const gki_gk_jet jet = gki_gk_jet_at(gk, z, 1);
    return (double)(gk->b * expl(jet.lambda) * (jet.rho * jet.lambda_z + jet.rho_z));
}

void gkv_gk_Q_gradient(const gkv_gk *gk, double z, double dq[4], double dlog[4])
{
    if (!gk)
        return;
    const gki_gk_jet jet = gki_gk_jet_at(gk, z, 1);
    if (dq) {
        const gki_wide q = z * expl(jet.lambda);
        dq[GKV_GK_A] = 1.0;
        dq[GKV_GK_B] = (double)q;
        dq[GKV_GK_G] = (double)(gk->b * q * jet.lambda_g);
        dq[GKV_GK_K] = (double)(gk->b * q * jet.lambda_k);
    }
    if (dlog) {
        dlog[GKV_GK_A] = 0.0;
        dlog[GKV_GK_B] = 1.0 / gk->b;
        dlog[GKV_GK_G] = (double)(jet.lambda_g + jet.rho_g / jet.rho);
        dlog[GKV_GK_K] = (double)(jet.lambda_k + jet.rho_k / jet.rho);
    }
}

double gkv_gk_Q_inverse_gradient(const gkv_gk *gk, double x, double *z_x, double z_theta[4])
{
    if (!gk)
        return NAN;
    const gki_wide z = gki_gk_Q_inverse_wide(gk, x);
    const gki_gk_jet jet = gki_gk_jet_at(gk, isinf(z) ? (gki_wide)NAN : z, 1);
    const gki_wide by_x = expl(-jet.lambda) / (gk->b * jet.rho); /* 1/Q' */
    if (z_x)
        *z_x = (double)by_x;
    if (z_theta) { /* −Q_θ/Q', simplified by (Q − A)/Q' = z/ρ */
        z_theta[GKV_GK_A] = (double)-by_x;
        z_theta[GKV_GK_B] = (double)(-z / (gk->b * jet.rho));
        z_theta[GKV_GK_G] = (double)(-z * jet.lambda_g / jet.rho);
        z_theta[GKV_GK_K] = (double)(-z * jet.lambda_k / jet.rho);
    }
    return (double)z;
}

/* --- The inverse ---------------------------------------------------------- */

/* For s = |z| and t = log s the equation Q(z) = x is
 *     F(t) = t + Λ(s) − log|y| = 0,   y = (x−A)/B,   F' = ρ > 0.
 * F is increasing, and nearly linear in the tails. Halley's steps stay inside a bracket of the
 * root. If they do not shrink the bracket, bisection in log s halves it. */

enum { MAX_STEPS = 400, TRUSTED_STEPS = 10 };

/* The iteration ends after a step of this size, because the error is then about the cube of the
 * step. */
static const gki_wide final_step = 1e-7L;

static gki_wide solve(const gkv_gk *gk, gki_wide y)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(gk->family);
    if (!ops)
        return NAN;
    if (y >= ops->support_end(gk))
        return INFINITY;
    gki_wide low = LDBL_MIN, high = LDBL_MAX / 4, s = ops->start(gk, y);
    for (int step = 0; step < MAX_STEPS; step++) {
        if (!(s > low && s < high) || (step > TRUSTED_STEPS && step % 2))
            s = sqrtl(low) * sqrtl(high);
        gki_gk_jet jet;
        ops->jet(gk, s, 0, &jet);
        const gki_wide first = logl(s / y), F = first + jet.lambda;
        if (fabsl(F) <= 0.5L * LDBL_EPSILON * fabsl(first) || high - low <= 4 * LDBL_EPSILON * high)
            break; /* the error is rounding error */
        if (F > 0)
            high = s;
        else
            low = s;
        /* F''/F' and Newton's step */
        const gki_wide curvature = s * jet.rho_z / jet.rho, newton = -F / jet.rho;
        const gki_wide move = newton / fmaxl(0.5L, 1 + 0.5L * newton * curvature);
        s *= expl(fmaxl(-50, fminl(50, move)));
        if (fabsl(move) * (1 + fabsl(curvature)) <= final_step)
            break;
    }
    return s > DBL_MAX ? INFINITY : s;
}

gki_wide gki_gk_Q_inverse_wide(const gkv_gk *gk, double x)
{
    const gki_wide offset = (gki_wide)x - gk->a;
    if (isnan(x) || offset == 0 || isinf(offset))
        return offset;
    /* On the negative side z and g change sign together. */
    gkv_gk half = *gk;
    half.g = offset < 0 ? -gk->g : gk->g;
    return copysignl(solve(&half, fabsl(offset) / gk->b), offset);
}

double gkv_gk_Q_inverse(const gkv_gk *gk, double x)
{
    if (!gk)
        return NAN;
    return (double)gki_gk_Q_inverse_wide(gk, x);
}

/* --- Density, probabilities and quantiles --------------------------------- */

static gki_wide log_pdf(const gkv_gk *gk, double x)
{
    const gki_wide z = gki_gk_Q_inverse_wide(gk, x);
    if (isinf(z))
        return -INFINITY;
    const gki_gk_jet jet = gki_gk_jet_at(gk, z, 0);
    return gki_gk_log_phi(z) - gki_gk_log_dQ_wide(gk, &jet);
}

double gkv_gk_log_pdf(const gkv_gk *gk, double x)
{
    if (!gk)
        return NAN;
    return (double)log_pdf(gk, x);
}

double gkv_gk_pdf(const gkv_gk *gk, double x)
{
    if (!gk)
        return NAN;
    return (double)expl(log_pdf(gk, x));
}

/* Rounds z to *rounded and returns z − *rounded, or 0 if that is not finite. */
static double rounding_error(gki_wide z, double *rounded)
{
    *rounded = (double)z;
    return isfinite(*rounded) ? (double)(z - *rounded) : 0.0;
}

static double cdf_at(gki_wide z)
{
    double rounded;
    const double low = rounding_error(z, &rounded);
    return gki_normal_cdf_pair(rounded, low);
}

static double log_cdf_at(gki_wide z)
{
    double rounded;
    const double low = rounding_error(z, &rounded);
    return gki_normal_log_cdf_pair(rounded, low);
}

double gkv_gk_cdf(const gkv_gk *gk, double x)
{
    if (!gk)
        return NAN;
    return cdf_at(gki_gk_Q_inverse_wide(gk, x));
}

double gkv_gk_cdf_upper(const gkv_gk *gk, double x)
{
    if (!gk)
        return NAN;
    return cdf_at(-gki_gk_Q_inverse_wide(gk, x));
}

double gkv_gk_log_cdf(const gkv_gk *gk, double x)
{
    if (!gk)
        return NAN;
    return log_cdf_at(gki_gk_Q_inverse_wide(gk, x));
}

double gkv_gk_log_cdf_upper(const gkv_gk *gk, double x)
{
    if (!gk)
        return NAN;
    return log_cdf_at(-gki_gk_Q_inverse_wide(gk, x));
}

/* Q at `side` (±1) times the normal score of p. */
static double quantile(const gkv_gk *gk, double p, double side,
                       double (*score)(double p, double *low))
{
    if (!gk)
        return NAN;
    double low;
    const double z = score(p, &low);
    return (double)gki_gk_Q_wide(gk, side * ((gki_wide)z + low));
}

double gkv_gk_quantile(const gkv_gk *gk, double p)
{
    return quantile(gk, p, 1, gki_normal_quantile_pair);
}

double gkv_gk_quantile_upper(const gkv_gk *gk, double p)
{
    return quantile(gk, p, -1, gki_normal_quantile_pair);
}

double gkv_gk_quantile_log(const gkv_gk *gk, double log_p)
{
    return quantile(gk, log_p, 1, gki_normal_quantile_log_pair);
}

double gkv_gk_quantile_log_upper(const gkv_gk *gk, double log_p)
{
    return quantile(gk, log_p, -1, gki_normal_quantile_log_pair);
}

/* --- Random draws --------------------------------------------------------- */

/* Random draws: Q of normals that depend on (seed, GKV_STREAM_USER, index). */

enum { BLOCK = 512 }; /* normals of one (seed, stream, step, index) of the generator */

void gki_gk_random_transform(const gkv_gk *gk, size_t n, double *z)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(gk->family);
    if (ops && ops->forward) {
        ops->forward(gk, n, z, z);
        return;
    }
    for (size_t i = 0; i < n; i++)
        z[i] = gkv_gk_Q(gk, z[i]);
}

/* Writes the normals of the draws from `first` on, at most n, that are in one block to z. Returns
 * their number. */
static size_t normals_of_block(size_t n, uint64_t seed, uint64_t first, double *z)
{
    double normal[BLOCK];
    const uint64_t block = first / BLOCK;
    const size_t skip = (size_t)(first % BLOCK);
    const size_t count = n < BLOCK - skip ? n : BLOCK - skip;
    gki_rng_normal_d(gki_rng_at(seed, GKV_STREAM_USER, block >> 32, block), skip + count, normal);
    memcpy(z, normal + skip, count * sizeof *z);
    return count;
}

void gki_gk_random_normals(size_t n, uint64_t seed, uint64_t first, double *z)
{
    for (size_t done = 0; done < n;)
        done += normals_of_block(n - done, seed, first + done, z + done);
}

void gkv_gk_random(const gkv_gk *gk, size_t n, uint64_t seed, uint64_t first, double *x)
{
    if (!gk || !x)
        return;
    for (size_t done = 0; done < n;) { /* transforms a block while it is in the cache */
        const size_t count = normals_of_block(n - done, seed, first + done, x + done);
        gki_gk_random_transform(gk, count, x + done);
        done += count;
    }
}
