/* A rectangle with two axes, in which points, lines and bands are drawn at their values; and legends. Coordinates on
 * the canvas are in units. */
#ifndef GKV_REPORT_FRAME_H
#define GKV_REPORT_FRAME_H

#include "gkvae/plot.h"
#include "report/axis.h"
#include "report/canvas.h"

typedef struct gkv_box {
    double left, top, right, bottom;
} gkv_box;

typedef struct gkv_frame {
    gkv_box box; /* the area between the axes, without tick labels */
    gkv_axis x, y;
} gkv_frame;

typedef struct gkv_frame_text {
    const char *title, *x_label, *y_label; /* each may be NULL */
    double title_size;
    double y_label_x; /* horizontal position of the centre of the rotated y label */
} gkv_frame_text;

/* The position of a value on the canvas, along each axis. */
double gkv_frame_x(const gkv_frame *frame, double value);
double gkv_frame_y(const gkv_frame *frame, double value);

/* The width of the widest tick label of a vertical axis. */
double gkv_axis_text_width(gkv_canvas *canvas, const gkv_axis *axis);

/* Draws grid lines, axis lines, tick labels, axis labels and the title. */
void gkv_frame_draw(gkv_canvas *canvas, const gkv_frame *frame, const gkv_frame_text *text);

/* Restricts drawing to the inside of the frame, until gkv_frame_leave(). */
void gkv_frame_enter(gkv_canvas *canvas, const gkv_frame *frame);
void gkv_frame_leave(gkv_canvas *canvas);

typedef struct gkv_pen {
    gkv_colour colour;
    double opacity, width;
    gkv_line_style style;
} gkv_pen;

/* Sets the colour, the width and the dashes of lines that are drawn next. */
void gkv_pen_use(gkv_canvas *canvas, gkv_pen pen);

/* Draws a line through n points. A point without a position on the axes makes a gap. A single point between gaps is
 * drawn as a dot. NULL x stands for 1 … n. */
void gkv_frame_line(gkv_canvas *canvas, const gkv_frame *frame, const double *x, const double *y, size_t n,
                    gkv_pen pen);

/* Draws a dot at each point inside the frame. */
void gkv_frame_dots(gkv_canvas *canvas, const gkv_frame *frame, const double *x, const double *y, size_t n,
                    double radius, gkv_pen pen);

/* Fills the area between two curves with the same abscissas. Segments with a gap are left out. */
void gkv_frame_band(gkv_canvas *canvas, const gkv_frame *frame, const double *x, const double *low,
                    const double *high, size_t n, gkv_colour colour, double opacity);

/* Nonzero if the line through n points, or one of the points, touches the box. */
int gkv_frame_line_meets(const gkv_frame *frame, const double *x, const double *y, size_t n, gkv_box box);

/* --- Legends: a list in a box, or rows ---------------------------------------------- */

typedef enum gkv_mark { GKV_MARK_LINE, GKV_MARK_DOT, GKV_MARK_PATCH } gkv_mark;

typedef struct gkv_legend_entry {
    const char *name;
    gkv_mark mark;
    gkv_pen pen;
    int markers; /* nonzero: the line has a dot */
} gkv_legend_entry;

/* Computes the size of the list. Names wider than `max_width` are shortened. */
void gkv_legend_size(gkv_canvas *canvas, const gkv_legend_entry *entries, size_t n, double max_width, double *width,
                     double *height);

/* Draws the list with its upper left corner at (x, y). If `boxed` is nonzero, it is drawn on a white box. */
void gkv_legend_list(gkv_canvas *canvas, const gkv_legend_entry *entries, size_t n, double x, double y,
                     double max_width, int boxed);

/* Draws rows of entries between x and `right`. y is the centre of the first row. Returns the height of all rows. If
 * `draw` is 0, nothing is drawn. */
double gkv_legend_rows(gkv_canvas *canvas, const gkv_legend_entry *entries, size_t n, double x, double right, double y,
                       int draw);

#endif
