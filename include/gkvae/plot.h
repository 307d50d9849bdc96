/* Pictures (PNG) and a report page (HTML) from plain arrays.
 *
 * Common to every function:
 *   - A file appears whole or not at all: it is written under a temporary name
 *     beside its own and renamed. A path that exists and is no regular file is
 *     refused.
 *   - The same input gives the same bytes (with the same cairo and fonts).
 *   - Text is UTF-8; NULL stands for no text, a malformed byte is shown as U+FFFD.
 *   - Sizes are in units of 1/96 inch, as CSS pixels; `pixel_ratio` is how many
 *     pixels of the PNG make up one unit (2 prints and zooms well).
 *   - Errors: GKV_ERR_ARGUMENT for counts or sizes outside their range,
 *     GKV_ERR_IO with path and reason, GKV_ERR_MEMORY. Nothing is written then.
 *   - Arrays and strings are the caller's and are only read during the call. No
 *     state is kept: several threads may draw at once. */
#ifndef GKVAE_PLOT_H
#define GKVAE_PLOT_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Classes and series that colours tell apart; the palette is Petroff's (2021,
 * "Accessible Color Sequences for Data Visualization"), made for colour-blind eyes. */
enum { GKV_PLOT_COLOURS = 10 };

/* ---- grids of images ---- */

typedef struct gkv_image_grid_settings {
    int scale;                        /* PNG pixels a side of one image pixel, 1 … 64 */
    int gap;                          /* PNG pixels between images, 0 … 256 */
    size_t block_rows;                /* a wider gap after every so many rows; 0 for none */
    int invert;                       /* nonzero: 0 is white and 1 black, as ink on paper */
    double pixel_ratio;               /* of the text, 0.5 … 8 */
    const char *title;                /* above the grid */
    const char *caption;              /* below it, one line */
    const char *const *row_labels;    /* left of the rows: row r has label r mod n_row_labels */
    size_t n_row_labels;
    const char *const *column_labels; /* above the columns, n_column_labels of them */
    size_t n_column_labels;
} gkv_image_grid_settings;

/* scale 4, gap 4, no blocks, not inverted, ratio 2, no texts. */
GKV_API void gkv_image_grid_defaults(gkv_image_grid_settings *settings);

/* Writes rows×cols images of h×w pixels each, one after another, row by row: image
 * (r,c) begins at images[(r·cols + c)·h·w]. Values in [0,1] are grey levels, 0 black
 * and 1 white; others are taken to the nearer end, and NaN is drawn in vermilion so
 * that it is seen. Enlarged without smoothing. For originals over reconstructions:
 * rows alternate, block_rows = 2, row labels "data", "reconstruction". NULL settings
 * are the defaults. */
GKV_API GKV_MUST_USE gkv_status gkv_plot_image_grid(const char *path, const float *images, size_t rows, size_t cols,
                                                    size_t h, size_t w, const gkv_image_grid_settings *settings);

/* ---- lines ---- */

typedef enum gkv_line_style { GKV_LINE_SOLID = 0, GKV_LINE_DASHED, GKV_LINE_DOTTED } gkv_line_style;

typedef struct gkv_series {
    const char *name;       /* in the legend; NULL keeps it out */
    const double *x;        /* n values, or NULL for 1 … n */
    const double *y;        /* n values; one that is not finite leaves a gap */
    size_t n;               /* 0 is allowed: an empty line */
    gkv_line_style style;
    int markers;            /* nonzero: a dot at each point */
} gkv_series;

typedef enum gkv_legend_position {
    GKV_LEGEND_AUTO = 0, /* in a corner that no line crosses; to the right when there is none */
    GKV_LEGEND_RIGHT,
    GKV_LEGEND_NONE
} gkv_legend_position;

typedef struct gkv_lines_settings {
    double width, height; /* of the whole picture, 160 … 8000 units */
    double pixel_ratio;   /* 0.5 … 8 */
    int log_y;            /* nonzero: logarithmic; values ≤ 0 leave gaps */
    double y_low, y_high; /* ends of the y axis; NaN for what the data need */
    gkv_legend_position legend;
    const char *title, *x_label, *y_label;
} gkv_lines_settings;

/* 640×400 units, ratio 2, linear, ends from the data, legend automatic, no texts. */
GKV_API void gkv_lines_defaults(gkv_lines_settings *settings);

/* Draws 1 … 10 series as lines, in the order given, each with the next colour of
 * the palette. Points that are not finite are left out; if none is left the axes
 * are drawn with a note saying so. */
GKV_API GKV_MUST_USE gkv_status gkv_plot_lines(const char *path, const gkv_series *series, size_t n_series,
                                               const gkv_lines_settings *settings);

/* ---- values with intervals, side by side ---- */

typedef struct gkv_bar {
    const char *name;
    double value;     /* if it is not finite, the row has no dot and says so */
    double low, high; /* ends of its interval; no whiskers unless both are finite */
} gkv_bar;

enum { GKV_BARS_MAX = 500 };

typedef struct gkv_bars_settings {
    double width;       /* of the whole picture, 160 … 8000 units; its height follows from the rows */
    double row_height;  /* 12 … 60 units */
    double pixel_ratio; /* 0.5 … 8 */
    double reference;   /* position of a dashed vertical line, which the axis includes; NaN for none */
    const char *title, *x_label;
} gkv_bars_settings;

/* 640 units wide, rows of 22 units, ratio 2, no reference, no texts. */
GKV_API void gkv_bars_defaults(gkv_bars_settings *settings);

/* Draws 1 … GKV_BARS_MAX values as dots, one on each row, in the given order from the top. Names are at the left, and
 * intervals are whiskers. The axis covers values and intervals, and need not include 0. A row without a value says so.
 * NULL settings are the defaults. */
GKV_API GKV_MUST_USE gkv_status gkv_plot_bars(const char *path, const gkv_bar *bars, size_t n,
                                              const gkv_bars_settings *settings);

/* ---- labelled points ---- */

typedef struct gkv_scatter_settings {
    double width, height;            /* 160 … 8000 units */
    double pixel_ratio;              /* 0.5 … 8 */
    double radius;                   /* of a dot, units, 0.2 … 20 */
    double opacity;                  /* of a dot, in (0,1] */
    int name_groups;                 /* nonzero: write each label's name at its points' median */
    const char *const *label_names;  /* n_labels names; NULL for "0", "1", … */
    size_t n_labels;                 /* 1 … 10 */
    const char *title, *x_label, *y_label;
} gkv_scatter_settings;

/* 560×480 units, ratio 2, radius 1.6, opacity 0.55, groups named, 10 labels. */
GKV_API void gkv_scatter_defaults(gkv_scatter_settings *settings);

/* Draws n points, xy being n×2. labels[i] < n_labels colours point i; labels NULL
 * draws all alike. Points are drawn in a fixed shuffled order, so that no label
 * covers the others for coming last. Points that are not finite are left out.
 * GKV_ERR_ARGUMENT for n = 0, GKV_ERR_DATA for a label out of range. */
GKV_API GKV_MUST_USE gkv_status gkv_plot_scatter_labelled(const char *path, const double *xy, const uint8_t *labels,
                                                          size_t n, const gkv_scatter_settings *settings);

/* ---- a sample against a fitted distribution ---- */

/* One sample with its fit. Only `sample` is required; a curve or QQ part with no
 * points is left out. */
typedef struct gkv_fit_panel {
    const char *title;            /* as in "dimension 7: g = 0.21, k = 0.05" */
    const double *sample;         /* n_sample values, for the histogram */
    size_t n_sample;
    const double *density_x;      /* the fitted density: n_density points, x ascending */
    const double *density_y;
    const double *density_low;    /* its confidence band at density_x, or NULL */
    const double *density_high;
    size_t n_density;
    const double *theoretical;    /* QQ: n_quantiles points, theoretical ascending */
    const double *empirical;
    const double *quantile_low;   /* at `theoretical`, the band that its points may scatter in, or NULL */
    const double *quantile_high;
    size_t n_quantiles;
} gkv_fit_panel;

typedef struct gkv_fit_settings {
    double pixel_ratio;         /* 0.5 … 8 */
    int standard_normal;        /* nonzero: the N(0,1) density as a dashed line */
    size_t bins;                /* of the histograms, 2 … 500; 0: Freedman & Diaconis' rule */
    const char *title;          /* of the page */
    const char *sample_name;    /* in the legend; NULL: "sample" */
    const char *fitted_name;    /* NULL: "fitted density" */
    const char *band_name;      /* the density's; NULL: "confidence band" */
    const char *quantile_band_name; /* NULL: "band of the QQ plot" */
    const char *x_label;        /* below the histograms; NULL: "value" */
} gkv_fit_settings;

/* ratio 2, no standard normal, automatic bins, no texts of the caller's. */
GKV_API void gkv_fit_defaults(gkv_fit_settings *settings);

/* A page for 1 … 6 dimensions of a flow's base: for each, a histogram of its codes
 * under the fitted density, and below it the QQ plot with the identity as a dashed
 * line. Up to four stand side by side; five and six in two bands of three. A
 * histogram shows the middle of a heavy-tailed sample and says how many values lie
 * outside; its heights are densities of the whole sample. Non-finite values are left
 * out. */
GKV_API GKV_MUST_USE gkv_status gkv_plot_base_margins(const char *path, const gkv_fit_panel *panels, size_t n_panels,
                                                      const gkv_fit_settings *settings);

/* The same for one fitted sample: histogram and density at the left, QQ at the
 * right, with their bands. */
GKV_API GKV_MUST_USE gkv_status gkv_plot_fit(const char *path, const gkv_fit_panel *panel,
                                             const gkv_fit_settings *settings);

/* ---- the report page ---- */

/* A headline number, as in {"−log p(x)", "84.21", "nats, ± 0.35"}. */
typedef struct gkv_report_number {
    const char *label, *value, *note;
} gkv_report_number;

typedef struct gkv_report_table {
    const char *heading;
    const char *caption;        /* a sentence below the heading, or NULL */
    const char *const *columns; /* n_columns headings; the first column names the rows */
    size_t n_columns;
    const char *const *cells;   /* n_rows × n_columns, row by row; NULL is an empty cell */
    size_t n_rows;
} gkv_report_table;

typedef struct gkv_report_figure {
    const char *heading;
    const char *caption;
    const char *png;            /* path of the picture that is embedded */
    const char *alt;            /* what it shows, for who cannot see it; NULL takes the caption */
    int leads;                  /* nonzero: shown before the tables */
} gkv_report_figure;

typedef struct gkv_report_text {
    const char *heading;
    const char *text;           /* shown as it is, in a fixed-width face */
} gkv_report_text;

typedef struct gkv_report {
    const char *title;          /* required */
    const char *summary;        /* a paragraph below the title, or NULL */
    const char *command;        /* the command that made it, or NULL */
    const gkv_report_number *numbers;
    size_t n_numbers;
    const gkv_report_table *tables;
    size_t n_tables;
    const gkv_report_figure *figures;
    size_t n_figures;
    const gkv_report_text *texts;
    size_t n_texts;
} gkv_report;

/* Writes one self-contained page: headline numbers, leading figures, tables, the other
 * figures, texts, in this order, with its own style sheet (light and dark, down to phone width) and the
 * pictures embedded. It has no script and asks nothing of any server. All text is
 * escaped. A column whose cells all begin as numbers is aligned at the right.
 * GKV_ERR_IO if a picture cannot be read, GKV_ERR_DATA if it is no PNG. */
GKV_API GKV_MUST_USE gkv_status gkv_report_html(const char *path, const gkv_report *report);

#ifdef __cplusplus
}
#endif
#endif
