/* The margin of a column: a continuous distribution with support on the whole line.
 *
 * A margin maps values x to normal scores z = Φ⁻¹(F(x)) and back. It computes z from the logarithm
 * of the smaller tail probability, so that scores far out are as accurate as others. The derivative
 * dz/dx gives the density, f(x) = φ(z) dz/dx.
 *
 * The kinds are the rows of a table (margin.c), and each has a file: g-and-k, Student's t, and a
 * spline with Pareto tails.
 *
 * A struct has doubles only, so that a file holds margins as the rows of one array. All functions
 * are thread-safe. */
#ifndef GKV_DENSITY_MARGIN_H
#define GKV_DENSITY_MARGIN_H

#include <stdint.h>

#include "base/student_t.h"
#include "gkvae/density.h"
#include "gkvae/gk.h"

/* ROWS_FEW: with fewer rows the t is preferred, and its ν is at least 2. */
enum { GKV_MARGIN_KNOTS_MAX = 40, GKV_MARGIN_ROWS_FEW = 200 };

/* A tail of a spline begins at `threshold`, beyond which the margin has the probability
 * e^log_share. With v = y/σ of the excess y the survival function is e^log_share times
 * (1 + ξv)^(−1/ξ) for ξ > 0, and exp(−v + ξv²/2) for ξ ≤ 0, which has the same first two terms in v
 * and no end.
 *
 * A tail of a family begins at its tail probability e^log_share. σ ≠ 1 corrects it: far out its
 * tail probability is that of the family to the power 1/σ (margin_tails.c). σ = 0 is no correction
 * either. */
typedef struct gki_tail {
    double threshold, log_share, sigma, xi;
} gki_tail;

typedef struct gki_margin {
    double kind; /* a gkv_density_margin */
    double gk[5];
    gki_student t;
    double knots;
    gki_tail lower, upper;
    double x[GKV_MARGIN_KNOTS_MAX], z[GKV_MARGIN_KNOTS_MAX], slope[GKV_MARGIN_KNOTS_MAX];
} gki_margin;

enum { GKV_MARGIN_NUMBERS = sizeof(gki_margin) / sizeof(double) };

/* A column for a fit. */
typedef struct gki_column {
    size_t n;
    const double *x;             /* [n] exact values, or values of the middle of intervals */
    const double *lower, *upper; /* [n] the intervals, or NULL */
    double resolution;           /* as in gkv_density_settings, resolved: ≥ 0 */
    const double *spread; /* [n] x with rounded and tied values spread over their intervals */
} gki_column;

/* A kind of margins. */
typedef struct gki_margin_ops {
    const char *name; /* as settings, files and reports call it */
    /* the names of the numbers that describe() writes; NULL after the last */
    const char *parameters[GKV_DENSITY_MARGIN_PARAMETERS];
    bool takes_intervals; /* whether fit() uses the intervals of values */
    bool is_family;       /* a family of distributions, whose tails margin_tails.c corrects */
    /* The number of resolutions in which n values can be fitted; NULL for one. */
    size_t (*resolutions)(size_t n);
    /* Fits all members but kind, which are zero, in the resolution `detail`, the coarsest first.
     * GKV_ERR_DATA if the column cannot have this kind, GKV_ERR_MEMORY. */
    gkv_status (*fit)(const gki_column *column, size_t detail, gki_margin *out);
    /* Whether the numbers, as a damaged file may have them, are a distribution. */
    bool (*is_valid)(const gki_margin *margin);
    void (*describe)(const gki_margin *margin, double *parameters);
    /* The score of a finite x, with log dz/dx; and the value of a finite z. These are without the
     * correction of tails. */
    double (*score)(const gki_margin *margin, double x, double *log_slope);
    double (*value)(const gki_margin *margin, double z);
    /* The same for arrays, as gki_margin_scores() and gki_margin_values(), for a kind that is
     * faster so; or NULL. */
    gkv_status (*scores)(const gki_margin *margin, size_t n, const double *x, double *z,
                         double *log_slope);
    gkv_status (*values)(const gki_margin *margin, size_t n, const double *z, double *x);
} gki_margin_ops;

extern const gki_margin_ops gki_margin_gk, gki_margin_t, gki_margin_spline;

/* The operations of a kind, or NULL for another number. */
const gki_margin_ops *gki_margin_of(int64_t kind);

/* Computes the scores of x[n] and, unless it is NULL, log dz/dx. Scores of NaN are NaN, and those
 * of ±∞ are ±∞ with a log derivative of −∞. z may be x. GKV_ERR_MEMORY. */
gkv_status gki_margin_scores(const gki_margin *margin, size_t n, const double *x, double *z,
                             double *log_slope);

/* Computes the values of scores z[n], which may be x. GKV_ERR_MEMORY. */
gkv_status gki_margin_values(const gki_margin *margin, size_t n, const double *z, double *x);

/* Writes the kind and the parameters of a margin; the other members are unchanged. */
void gki_margin_describe(const gki_margin *margin, gkv_density_margin_info *info);

/* GKV_ERR_DATA unless the numbers, as a damaged file may have them, are a distribution. */
gkv_status gki_margin_check(const gki_margin *margin);

/* Fits a margin of one kind; `detail` selects one of gki_margin_resolutions(), the coarsest first.
 * GKV_ERR_DATA if the column cannot have this kind, GKV_ERR_MEMORY. */
gkv_status gki_margin_fit(int64_t kind, size_t detail, const gki_column *column, gki_margin *out);

/* The number of resolutions for n values. */
size_t gki_margin_resolutions(int64_t kind, size_t n);

/* --- The tails of families: margin_tails.c --------------------------------- */

/* Fits the corrections of the tails of a margin that has none. Columns of intervals and columns
 * with few values in the tails get none. GKV_ERR_MEMORY. */
gkv_status gki_margin_fit_tails(const gki_column *column, gki_margin *margin);

/* Whether the numbers, as a damaged file may have them, are a correction. */
bool gki_margin_tail_is_valid(const gki_tail *tail);

/* The σ of a family's tail; 1 without a correction. */
double gki_margin_tail_scale(const gki_tail *tail);

/* Turns scores of the family into those of the margin, in place, and log dz/dx unless it is
 * NULL. */
void gki_margin_correct_scores(const gki_margin *margin, size_t n, double *z, double *log_slope);

/* Turns scores of the margin into those of the family. `out` may be z. */
void gki_margin_uncorrect_scores(const gki_margin *margin, size_t n, const double *z, double *out);

/* --- The choice: margin_choice.c ------------------------------------------ */

/* The result of the choice of a margin. */
typedef struct gki_margin_choice {
    int64_t kind;
    size_t detail;
    double held_out[GKV_DENSITY_MARGINS]; /* NaN for a kind that was not tried */
    size_t far;                           /* held-out rows with |z| > 6 */
} gki_margin_choice;

/* Chooses the kind by cross-validation in three folds of at most 20000 values; fold[i] in 0 … 2.
 * GKV_DENSITY_MARGIN_AUTO, or one kind, of which only the resolution is chosen. */
gkv_status gki_margin_choose(int64_t wanted, const gki_column *column, const uint8_t *fold,
                             gki_margin_choice *choice);

#endif
