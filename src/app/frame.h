/* A rectangle with two axes, in which points, lines and bands are drawn at their values; and
 * legends. Coordinates on the canvas are in units. */
#ifndef GKV_APP_FRAME_H
#define GKV_APP_FRAME_H

#include "app/plot.h"
#include "app/axis.h"
#include "app/canvas.h"

typedef struct gki_box {
    double left, top, right, bottom;
} gki_box;

typedef struct gki_frame {
    gki_box box; /* the area between the axes, without tick labels */
    gki_axis x, y;
} gki_frame;

typedef struct gki_frame_text {
    const char *title, *x_label, *y_label; /* each may be NULL */
    double title_size;
    double y_label_x; /* horizontal position of the centre of the rotated y label */
} gki_frame_text;

/* The position of a value on the canvas, along each axis. */
double gki_frame_x(const gki_frame *frame, double value);
double gki_frame_y(const gki_frame *frame, double value);

/* The width of the widest tick label of a vertical axis. */
double gki_axis_text_width(gki_canvas *canvas, const gki_axis *axis);

/* Draws grid lines, axis lines, tick labels, axis labels and the title. */
void gki_frame_draw(gki_canvas *canvas, const gki_frame *frame, const gki_frame_text *text);

/* Restricts drawing to the inside of the frame, until gki_frame_leave(). */
void gki_frame_enter(gki_canvas *canvas, const gki_frame *frame);
void gki_frame_leave(gki_canvas *canvas);

typedef struct gki_pen {
    gki_colour colour;
    double opacity, width;
    gki_line_style style;
} gki_pen;

/* Sets the colour, the width and the dashes of lines that are drawn next. */
void gki_pen_use(gki_canvas *canvas, gki_pen pen);

/* Draws a line through n points. A point without a position on the axes makes a gap. A single point
 * between gaps is drawn as a dot. NULL x stands for 1 … n. */
void gki_frame_line(gki_canvas *canvas, const gki_frame *frame, const double *x, const double *y,
                    size_t n, gki_pen pen);

/* Draws a dot at each point inside the frame. */
void gki_frame_dots(gki_canvas *canvas, const gki_frame *frame, const double *x, const double *y,
                    size_t n, double radius, gki_pen pen);

/* Fills the area between two curves with the same abscissas. Segments with a gap are left out. */
void gki_frame_band(gki_canvas *canvas, const gki_frame *frame, const double *x, const double *low,
                    const double *high, size_t n, gki_colour colour, double opacity);

/* Nonzero if the line through n points, or one of the points, touches the box. */
int gki_frame_line_meets(const gki_frame *frame, const double *x, const double *y, size_t n,
                         gki_box box);

/* --- Legends: a list in a box, or rows ------------------------------------ */

typedef enum gki_mark { GKV_MARK_LINE, GKV_MARK_DOT, GKV_MARK_PATCH } gki_mark;

typedef struct gki_legend_entry {
    const char *name;
    gki_mark mark;
    gki_pen pen;
    int markers; /* nonzero: the line has a dot */
} gki_legend_entry;

/* Computes the size of the list. Names wider than `max_width` are shortened. */
void gki_legend_size(gki_canvas *canvas, const gki_legend_entry *entries, size_t n,
                     double max_width, double *width, double *height);

/* Draws the list with its upper left corner at (x, y). If `boxed` is nonzero, it is drawn on a
 * white box. */
void gki_legend_list(gki_canvas *canvas, const gki_legend_entry *entries, size_t n, double x,
                     double y, double max_width, int boxed);

/* Draws rows of entries between x and `right`. y is the centre of the first row. Returns the height
 * of all rows. If `draw` is 0, nothing is drawn. */
double gki_legend_rows(gki_canvas *canvas, const gki_legend_entry *entries, size_t n, double x,
                       double right, double y, int draw);

#endif
