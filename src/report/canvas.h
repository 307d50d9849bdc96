/* A white page to draw on, its text, its colours, and how it is saved. */
#ifndef GKV_REPORT_CANVAS_H
#define GKV_REPORT_CANVAS_H

#include <cairo.h>
#include <stddef.h>

#include "core/error.h"

typedef struct gkv_canvas {
    cairo_surface_t *surface;
    cairo_t *cr; /* in units, the origin at the upper left */
    double width, height;
    double ratio; /* pixels a unit */
} gkv_canvas;

typedef struct gkv_colour {
    double r, g, b;
} gkv_colour;

extern const gkv_colour gkv_ink;       /* text */
extern const gkv_colour gkv_ink_soft;  /* tick labels, notes */
extern const gkv_colour gkv_axis_line;
extern const gkv_colour gkv_grid_line;
extern const gkv_colour gkv_vermilion; /* what should not be there */
extern const gkv_colour gkv_palette[]; /* GKV_PLOT_COLOURS of them */

/* Sizes of text, in units. */
#define GKV_TEXT_TITLE 13.0
#define GKV_TEXT_LABEL 11.5
#define GKV_TEXT_TICK 10.5
#define GKV_TEXT_NOTE 9.5

/* A white canvas of that many units. GKV_ERR_ARGUMENT when it would be more than
 * 32767 pixels a side, which is as far as cairo goes. */
gkv_status gkv_canvas_open(gkv_canvas *canvas, double width, double height, double ratio);

/* Writes the canvas as PNG. */
gkv_status gkv_canvas_save(gkv_canvas *canvas, const char *path);

/* Safe on a zeroed canvas. */
void gkv_canvas_close(gkv_canvas *canvas);

void gkv_canvas_colour(gkv_canvas *canvas, gkv_colour colour, double opacity);

/* A filled rectangle. */
void gkv_canvas_fill(gkv_canvas *canvas, double x, double y, double width, double height);

typedef enum gkv_weight { GKV_REGULAR, GKV_BOLD } gkv_weight;

typedef struct gkv_text_style {
    double size;
    gkv_weight weight;
    gkv_colour colour;
    double align;   /* where x is in the text: 0 its left end, 0.5 its middle, 1 its right end */
    int centred;    /* nonzero: y is the middle of the small letters' height; else the baseline */
    int upward;     /* nonzero: turned to read from below */
    int halo;       /* nonzero: on a white outline */
    double room;    /* a wider text is cut short with an ellipsis; 0 for no bound */
} gkv_text_style;

/* Draws one line of text; NULL and "" draw nothing. Line breaks become spaces. */
void gkv_canvas_text(gkv_canvas *canvas, double x, double y, const char *text, gkv_text_style style);

/* The width of that text in units. */
double gkv_canvas_text_width(gkv_canvas *canvas, const char *text, double size, gkv_weight weight);

#endif
