/* Constants that several modules use. */
#ifndef GKV_NUM_CONSTANTS_H
#define GKV_NUM_CONSTANTS_H

#define GKV_PI 3.14159265358979323846

/* ½ log 2π, in double and in the type of gki_wide. */
#define GKV_HALF_LOG_2PI 0.91893853320467274178
#define GKV_HALF_LOG_2PI_WIDE 0.918938533204672741780329736405617639861L

/* The conventional value of the parameter c of the g-and-k distribution (gkvae/gk.h). */
#define GKV_GK_DEFAULT_C 0.8

#endif
