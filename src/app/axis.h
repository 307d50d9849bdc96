/* Axes: their ends, their ticks, and the labels of the ticks. The functions keep no state and are
 * thread-safe. */
#ifndef GKV_APP_AXIS_H
#define GKV_APP_AXIS_H

#include <stddef.h>

enum {
    GKV_TICKS_MAX = 16, /* most ticks of an axis */
    GKV_TICK_TEXT = 40, /* bytes of a label, with the NUL */
    GKV_MINOR_MAX = 96  /* most minor grid lines of an axis */
};

typedef struct gki_axis {
    /* finite, low < high; both above 0 on a logarithmic axis */
    double low, high;
    int log; /* nonzero for a logarithmic axis */
    int n_ticks;
    double ticks[GKV_TICKS_MAX];              /* values of the ticks, ascending */
    char texts[GKV_TICKS_MAX][GKV_TICK_TEXT]; /* labels of the ticks */
    int n_minor;
    /* values of grid lines without a label, on logarithmic axes only */
    double minor[GKV_MINOR_MAX];
} gki_axis;

/* Makes an axis from low to high with about `want` ticks at round numbers. Ends that are equal,
 * reversed or not finite are replaced by ends with which an axis can be drawn. */
void gki_axis_make(gki_axis *axis, double low, double high, int log, int want);

/* Nonzero if the value has a position on the axis, possibly beyond its ends: it is finite, and on a
 * logarithmic axis it is above 0. */
int gki_axis_has(const gki_axis *axis, double value);

/* The relative position of a value: 0 at the low end and 1 at the high end. Values beyond the ends
 * give positions outside [0,1]. */
double gki_axis_position(const gki_axis *axis, double value);

/* Extends the range *low … *high so that it contains all values that an axis can show. An empty
 * range has *low = +∞ and *high = −∞. Returns nonzero if an axis can show at least one of the
 * values. */
int gki_range_widen(const double *values, size_t n, int log, double *low, double *high);

#endif
