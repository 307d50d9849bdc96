/* Student's t distribution with location m, scale s and ν degrees of freedom. The base
 * base_student_t.c and the margins of tables (density/margin.h) use it. All functions are
 * thread-safe. */
#ifndef GKV_BASE_STUDENT_T_H
#define GKV_BASE_STUDENT_T_H

#include <stdbool.h>
#include <stddef.h>

#include "core/real.h"

/* Bounds of ν and of the scale. Above the greatest ν, codes cannot distinguish a t from a
 * normal. */
static const double gki_student_least_freedom = 1.0, gki_student_most_freedom = 1000.0,
                    gki_student_least_scale = 1e-3;

typedef struct gki_student {
    double location, scale, freedom;
} gki_student;

/* The logarithm of the constant of a t density in d dimensions with ν degrees of freedom, for the
 * scale 1. */
double gki_student_constant(double freedom, size_t d);

/* log p(x). */
double gki_student_log_density(const gki_student *m, double x);

/* ψ(x) for x > 0. */
double gki_student_digamma(double x);

/* P(T > t) for t ≥ 0 of the standard distribution, and its logarithm, which is finite where the
 * probability underflows. */
double gki_student_upper(double t, double nu);
double gki_student_log_upper(double t, double nu);

/* The normal z with the tail probability of y, and the y of a z. Both use the smaller tail. */
double gki_student_to_normal(double y, double nu);
double gki_student_from_normal(double z, double nu);

/* Fits the n values x[i·stride] by expectation–maximization. It starts from `m`, or if `first` from
 * the moments. The scale is at least gki_student_least_scale: the values should be standardised. */
gki_student gki_student_fit(gki_student m, const gki_real *x, size_t n, size_t stride, bool first);

#endif
