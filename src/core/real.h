/* The numeric type of the networks: float in the product, double in the build
 * that the gradient tests link (modules named *_double). */
#ifndef GKV_CORE_REAL_H
#define GKV_CORE_REAL_H

#ifdef GKV_REAL_IS_DOUBLE
typedef double gki_real;
#define GKV_REAL_NAME "F64"
#else
typedef float gki_real;
#define GKV_REAL_NAME "F32"
#endif

#endif
