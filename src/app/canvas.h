/* A white page for drawing: colours, text, and saving as PNG. A canvas belongs to one thread at a
 * time. */
#ifndef GKV_APP_CANVAS_H
#define GKV_APP_CANVAS_H

#include <cairo.h>
#include <stddef.h>

#include "core/error.h"

typedef struct gki_canvas {
    cairo_surface_t *surface;
    cairo_t *cr;          /* coordinates are in units, with the origin at the upper left */
    double width, height; /* in units */
    double ratio;         /* pixels in one unit */
} gki_canvas;

typedef struct gki_colour {
    double r, g, b;
} gki_colour;

extern const gki_colour gki_ink;      /* text */
extern const gki_colour gki_ink_soft; /* tick labels, notes */
extern const gki_colour gki_axis_line;
extern const gki_colour gki_grid_line;
extern const gki_colour gki_vermilion; /* errors in the data */
extern const gki_colour gki_palette[]; /* [GKV_PLOT_COLOURS] */

/* Sizes of text, in units. */
#define GKV_TEXT_TITLE 13.0
#define GKV_TEXT_LABEL 11.5
#define GKV_TEXT_TICK 10.5
#define GKV_TEXT_NOTE 9.5

/* Opens a white canvas of width × height units. gki_canvas_close() closes it, also after a failure.
 * GKV_ERR_ARGUMENT for a ratio outside 0.5 … 8, and for a side of no pixels or more than 32767,
 * which is cairo's limit. GKV_ERR_MEMORY. */
gkv_status gki_canvas_open(gki_canvas *canvas, double width, double height, double ratio);

/* Writes the canvas to a PNG file, which appears whole or not at all. GKV_ERR_ARGUMENT for no path,
 * GKV_ERR_IO, GKV_ERR_MEMORY. */
gkv_status gki_canvas_save(gki_canvas *canvas, const char *path);

/* Frees the members, not the struct. A zeroed canvas is fine. */
void gki_canvas_close(gki_canvas *canvas);

/* Sets the colour of what is drawn next. */
void gki_canvas_colour(gki_canvas *canvas, gki_colour colour, double opacity);

/* Fills a rectangle with its upper left corner at (x, y). */
void gki_canvas_fill(gki_canvas *canvas, double x, double y, double width, double height);

typedef enum gki_weight { GKV_REGULAR, GKV_BOLD } gki_weight;

typedef struct gki_text_style {
    double size; /* in units */
    gki_weight weight;
    gki_colour colour;
    /* the point of the text at x: 0 for its left end, 0.5 for its centre, 1 for its right end */
    double align;
    int centred;      /* nonzero: y is half the height of the small letters; 0: y is the baseline */
    int upward;       /* nonzero: the text is rotated to read upwards */
    int halo;         /* nonzero: the text has a white outline */
    double max_width; /* a wider text is shortened and ends with an ellipsis; 0 for no limit */
} gki_text_style;

/* Draws one line of text. NULL and "" draw nothing. Line breaks become spaces. */
void gki_canvas_text(gki_canvas *canvas, double x, double y, const char *text,
                     gki_text_style style);

/* The width of a text in units; 0 for NULL. */
double gki_canvas_text_width(gki_canvas *canvas, const char *text, double size, gki_weight weight);

#endif
