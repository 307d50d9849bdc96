/* Legends: a list in a box, or a row. */
#ifndef GKV_REPORT_LEGEND_H
#define GKV_REPORT_LEGEND_H

#include "report/frame.h"

typedef enum gkv_mark { GKV_MARK_LINE, GKV_MARK_DOT, GKV_MARK_PATCH } gkv_mark;

typedef struct gkv_legend_entry {
    const char *name;
    gkv_mark mark;
    gkv_pen pen;
    int markers; /* nonzero: a dot on the line */
} gkv_legend_entry;

/* The size of the list; names wider than `room` are cut short. */
void gkv_legend_size(gkv_canvas *canvas, const gkv_legend_entry *entries, size_t n, double room, double *width,
                     double *height);

/* The list with its upper left corner there; boxed puts a white box behind it. */
void gkv_legend_list(gkv_canvas *canvas, const gkv_legend_entry *entries, size_t n, double x, double y, double room,
                     int boxed);

/* Rows of entries from x on, wrapped at `right`; y is the middle of the first row.
 * Returns the height of all rows. With draw 0 it only measures. */
double gkv_legend_rows(gkv_canvas *canvas, const gkv_legend_entry *entries, size_t n, double x, double right, double y,
                       int draw);

#endif
