/* Axes: their ends, their ticks, and the words at the ticks. */
#ifndef GKV_REPORT_AXIS_H
#define GKV_REPORT_AXIS_H

#include <stddef.h>

enum { GKV_TICKS_MAX = 16, GKV_TICK_TEXT = 40, GKV_MINOR_MAX = 96 };

typedef struct gkv_axis {
    double low, high; /* finite, low < high; both above 0 on a logarithmic axis */
    int log;
    int n_ticks;
    double ticks[GKV_TICKS_MAX];
    char texts[GKV_TICKS_MAX][GKV_TICK_TEXT];
    int n_minor; /* unlabelled grid lines between, on logarithmic axes */
    double minor[GKV_MINOR_MAX];
} gkv_axis;

/* An axis from low to high with about `want` ticks at round numbers. Ends that are
 * equal, reversed or not finite are moved to where an axis can be drawn. */
void gkv_axis_make(gkv_axis *axis, double low, double high, int log, int want);

/* Whether the value has a place on the axis's line at all, perhaps beyond its ends. */
int gkv_axis_has(const gkv_axis *axis, double value);

/* Where the value lies: 0 at the low end, 1 at the high one; outside it beyond. */
double gkv_axis_position(const gkv_axis *axis, double value);

/* The smallest and largest of the values that an axis can show, taken into *low and
 * *high, which begin as +∞ and −∞. Returns whether there was any. */
int gkv_range_widen(const double *values, size_t n, int log, double *low, double *high);

#endif
