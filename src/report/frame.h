/* A rectangle with axes, in which things are drawn at their values' places. */
#ifndef GKV_REPORT_FRAME_H
#define GKV_REPORT_FRAME_H

#include "gkvae/plot.h"
#include "report/axis.h"
#include "report/canvas.h"

typedef struct gkv_box {
    double left, top, right, bottom;
} gkv_box;

typedef struct gkv_frame {
    gkv_box box; /* the inside, without tick labels */
    gkv_axis x, y;
} gkv_frame;

typedef struct gkv_frame_text {
    const char *title, *x_label, *y_label; /* each may be NULL */
    double title_size;
    double y_label_x; /* where the turned y label's middle is */
} gkv_frame_text;

double gkv_frame_x(const gkv_frame *frame, double value);
double gkv_frame_y(const gkv_frame *frame, double value);

/* The width of the widest tick label of a vertical axis. */
double gkv_axis_text_width(gkv_canvas *canvas, const gkv_axis *axis);

/* Grid lines, axis lines, tick labels, axis labels and title. */
void gkv_frame_draw(gkv_canvas *canvas, const gkv_frame *frame, const gkv_frame_text *text);

/* Inside the frame only, until gkv_frame_leave. */
void gkv_frame_enter(gkv_canvas *canvas, const gkv_frame *frame);
void gkv_frame_leave(gkv_canvas *canvas);

typedef struct gkv_pen {
    gkv_colour colour;
    double opacity, width;
    gkv_line_style style;
} gkv_pen;

void gkv_pen_use(gkv_canvas *canvas, gkv_pen pen);

/* A line through the points, with gaps where one has no place; a point alone
 * between gaps becomes a dot. x NULL stands for 1 … n. */
void gkv_frame_line(gkv_canvas *canvas, const gkv_frame *frame, const double *x, const double *y, size_t n,
                    gkv_pen pen);

/* A dot at each point that has a place inside the frame. */
void gkv_frame_dots(gkv_canvas *canvas, const gkv_frame *frame, const double *x, const double *y, size_t n,
                    double radius, gkv_pen pen);

/* Fills between two curves over the same x; pieces with a gap are left out. */
void gkv_frame_band(gkv_canvas *canvas, const gkv_frame *frame, const double *x, const double *low,
                    const double *high, size_t n, gkv_colour colour, double opacity);

/* Whether that line, or one of its points, comes into the box (in units). */
int gkv_frame_line_meets(const gkv_frame *frame, const double *x, const double *y, size_t n, gkv_box box);

/* --- Legends: a list in a box, or rows ---------------------------------------------- */

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
