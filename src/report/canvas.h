/* A white page for drawing: colours, text, and saving as PNG. A canvas belongs to one thread at a time. */
#ifndef GKV_REPORT_CANVAS_H
#define GKV_REPORT_CANVAS_H

#include <cairo.h>
#include <stddef.h>

#include "core/error.h"

typedef struct gkv_canvas {
    cairo_surface_t *surface;
    cairo_t *cr;          /* coordinates are in units, with the origin at the upper left */
    double width, height; /* in units */
    double ratio;         /* pixels in one unit */
} gkv_canvas;

typedef struct gkv_colour {
    double r, g, b;
} gkv_colour;

extern const gkv_colour gkv_ink;       /* text */
extern const gkv_colour gkv_ink_soft;  /* tick labels, notes */
extern const gkv_colour gkv_axis_line;
extern const gkv_colour gkv_grid_line;
extern const gkv_colour gkv_vermilion; /* errors in the data */
extern const gkv_colour gkv_palette[]; /* [GKV_PLOT_COLOURS] */

/* Sizes of text, in units. */
#define GKV_TEXT_TITLE 13.0
#define GKV_TEXT_LABEL 11.5
#define GKV_TEXT_TICK 10.5
#define GKV_TEXT_NOTE 9.5

/* Opens a white canvas of width × height units. gkv_canvas_close() closes it, also after a failure. GKV_ERR_ARGUMENT
 * for a ratio outside 0.5 … 8, and for a side of no pixels or more than 32767, which is cairo's limit.
 * GKV_ERR_MEMORY. */
gkv_status gkv_canvas_open(gkv_canvas *canvas, double width, double height, double ratio);

/* Writes the canvas to a PNG file, which appears whole or not at all. GKV_ERR_ARGUMENT for no path, GKV_ERR_IO,
 * GKV_ERR_MEMORY. */
gkv_status gkv_canvas_save(gkv_canvas *canvas, const char *path);

/* Frees the members, not the struct. A zeroed canvas is fine. */
void gkv_canvas_close(gkv_canvas *canvas);

/* Sets the colour of what is drawn next. */
void gkv_canvas_colour(gkv_canvas *canvas, gkv_colour colour, double opacity);

/* Fills a rectangle with its upper left corner at (x, y). */
void gkv_canvas_fill(gkv_canvas *canvas, double x, double y, double width, double height);

typedef enum gkv_weight { GKV_REGULAR, GKV_BOLD } gkv_weight;

typedef struct gkv_text_style {
    double size; /* in units */
    gkv_weight weight;
    gkv_colour colour;
    double align;     /* the point of the text at x: 0 for its left end, 0.5 for its centre, 1 for its right end */
    int centred;      /* nonzero: y is half the height of the small letters; 0: y is the baseline */
    int upward;       /* nonzero: the text is rotated to read upwards */
    int halo;         /* nonzero: the text has a white outline */
    double max_width; /* a wider text is shortened and ends with an ellipsis; 0 for no limit */
} gkv_text_style;

/* Draws one line of text. NULL and "" draw nothing. Line breaks become spaces. */
void gkv_canvas_text(gkv_canvas *canvas, double x, double y, const char *text, gkv_text_style style);

/* The width of a text in units; 0 for NULL. */
double gkv_canvas_text_width(gkv_canvas *canvas, const char *text, double size, gkv_weight weight);

#endif
