/* Pictures (PNG) and a report page (HTML) from plain arrays.
 *
 * These statements hold for every function:
 *   - A file appears whole or not at all: it is written to a temporary file beside it, which is
 *     then renamed. A path that exists and is not a regular file is refused.
 *   - The same input gives the same bytes, with the same version of cairo and the same fonts.
 *   - Text is UTF-8. NULL stands for no text. A malformed byte is shown as U+FFFD.
 *   - Sizes are in units of 1/96 inch, which is a CSS pixel. `pixel_ratio` is the number of PNG
 *     pixels in one unit; 2 is good for printing and zooming.
 *   - Settings may be NULL, which stands for the defaults.
 *   - GKV_ERR_ARGUMENT for counts or sizes outside their range, GKV_ERR_IO with the path and the
 *     reason, GKV_ERR_MEMORY. After an error nothing has been written.
 *   - Arrays and strings belong to the caller and are only read during the call. No state is kept,
 *     so several threads may draw at once. */
#ifndef GKV_APP_PLOT_H
#define GKV_APP_PLOT_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"

/* The number of colours for classes and series. The palette is that of Petroff (2021, "Accessible
 * Color Sequences for Data Visualization"). Its colours differ also for people with colour
 * blindness. */
enum { GKV_PLOT_COLOURS = 10 };

/* ---- grids of images ---- */

typedef struct gki_image_grid_settings {
    int scale;           /* most PNG pixels on a side of one image pixel, 1 … 64 */
    size_t channels;     /* of the images: 1 for grey, or 3 for red, green and blue */
    int gap;             /* PNG pixels between images, 0 … 256 */
    size_t block_rows;   /* number of rows between wider gaps; 0 for no wider gaps */
    int invert;          /* nonzero: 0 is white and 1 is black, as ink on paper */
    double pixel_ratio;  /* of the text, 0.5 … 8 */
    const char *title;   /* a line above the grid */
    const char *caption; /* a line below the grid */
    /* labels left of the rows; row r has label r mod n_row_labels */
    const char *const *row_labels;
    size_t n_row_labels;
    const char *const *column_labels; /* labels above the columns */
    size_t n_column_labels;
} gki_image_grid_settings;

/* Sets the defaults: scale 4, grey, gap 4, no wider gaps, not inverted, ratio 2, no texts. */
void gki_image_grid_defaults(gki_image_grid_settings *settings);

/* Draws a grid of rows × cols images of h × w pixels. Image (r, c) begins at images[(r·cols +
 * c)·h·w·channels], and the channels of a pixel are neighbours. Values are levels, 0 for black and
 * 1 for white. Values outside [0,1] are drawn as the nearer bound, and NaN is drawn in vermilion so
 * that it is visible. An image whose first value is −∞ is not drawn: its cell stays white. Images
 * are enlarged without smoothing. A page that would be too large (16,000 pixels of a side, 40
 * million in all) has a smaller scale; if that is 1, blocks of pixels are drawn as their means. To
 * draw originals above their reconstructions, let the rows alternate and set block_rows = 2 and the
 * row labels "data" and "reconstruction". */
GKV_MUST_USE gkv_status gki_plot_image_grid(const char *path, const float *images, size_t rows,
                                            size_t cols, size_t h, size_t w,
                                            const gki_image_grid_settings *settings);

/* ---- lines ---- */

typedef enum gki_line_style { GKV_LINE_SOLID = 0, GKV_LINE_DASHED, GKV_LINE_DOTTED } gki_line_style;

typedef struct gki_series {
    const char *name; /* in the legend; NULL for no entry in the legend */
    const double *x;  /* [n], or NULL for 1 … n */
    const double *y;  /* [n]; a value that is not finite makes a gap */
    size_t n;         /* number of points; 0 is allowed */
    gki_line_style style;
    int markers; /* nonzero: a dot at each point */
} gki_series;

typedef enum gki_legend_position {
    /* in a corner that no line crosses, or at the right if there is no such corner */
    GKV_LEGEND_AUTO = 0,
    GKV_LEGEND_RIGHT,
    GKV_LEGEND_NONE
} gki_legend_position;

typedef struct gki_lines_settings {
    double width, height; /* of the whole picture, 160 … 8000 units */
    double pixel_ratio;   /* 0.5 … 8 */
    int log_y;            /* nonzero: the y axis is logarithmic, and values ≤ 0 make gaps */
    double y_low, y_high; /* ends of the y axis; NaN for ends that follow from the data */
    gki_legend_position legend;
    const char *title, *x_label, *y_label;
} gki_lines_settings;

/* Sets the defaults: 640×400 units, ratio 2, linear axis with ends from the data, automatic legend,
 * no texts. */
void gki_lines_defaults(gki_lines_settings *settings);

/* Draws 1 … 10 series as lines in the given order, each with the next colour of the palette. Points
 * that are not finite are left out. If no point is left, the axes are drawn with a note. */
GKV_MUST_USE gkv_status gki_plot_lines(const char *path, const gki_series *series, size_t n_series,
                                       const gki_lines_settings *settings);

/* ---- values with intervals ---- */

typedef struct gki_bar {
    const char *name;
    double value;     /* if it is not finite, the row has the note "no value" instead of a dot */
    double low, high; /* ends of the interval; whiskers are drawn only if both are finite */
} gki_bar;

enum { GKV_BARS_MAX = 500 }; /* most values of one picture */

typedef struct gki_bars_settings {
    /* of the whole picture, 160 … 8000 units; the height follows from the number of rows */
    double width;
    double row_height;  /* 12 … 60 units */
    double pixel_ratio; /* 0.5 … 8 */
    /* position of a dashed vertical line, which the axis includes; NaN for none */
    double reference;
    const char *title, *x_label;
} gki_bars_settings;

/* Sets the defaults: 640 units wide, rows of 22 units, ratio 2, no reference, no texts. */
void gki_bars_defaults(gki_bars_settings *settings);

/* Draws 1 … GKV_BARS_MAX values as dots, one on each row, in the given order from the top. Names
 * are at the left, and whiskers show the intervals. The axis covers all values and intervals; it
 * need not include 0. */
GKV_MUST_USE gkv_status gki_plot_bars(const char *path, const gki_bar *bars, size_t n,
                                      const gki_bars_settings *settings);

/* ---- labelled points ---- */

typedef struct gki_scatter_settings {
    double width, height; /* of the whole picture, 160 … 8000 units */
    double pixel_ratio;   /* 0.5 … 8 */
    double radius;        /* of a dot, 0.2 … 20 units */
    double opacity;       /* of a dot, in (0,1] */
    /* nonzero: the name of each label is written at the median of its points */
    int name_groups;
    const char *const *label_names; /* [n_labels], or NULL for "0", "1", … */
    size_t n_labels;                /* 1 … 10 */
    const char *title, *x_label, *y_label;
} gki_scatter_settings;

/* Sets the defaults: 560×480 units, ratio 2, radius 1.6, opacity 0.55, names at the groups, 10
 * labels, no texts. */
void gki_scatter_defaults(gki_scatter_settings *settings);

/* Draws n points xy[n × 2]. labels[i] < n_labels determines the colour of point i. With NULL labels
 * all points have the same colour. Points are drawn in a fixed shuffled order, so that no label
 * covers the others. Points that are not finite are left out. GKV_ERR_ARGUMENT for n = 0,
 * GKV_ERR_DATA for a label out of range. */
GKV_MUST_USE gkv_status gki_plot_scatter_labelled(const char *path, const double *xy,
                                                  const uint8_t *labels, size_t n,
                                                  const gki_scatter_settings *settings);

/* ---- a sample against a fitted distribution ---- */

/* A sample and its fitted distribution. Only `sample` is required. A density or QQ plot without
 * points is left out. */
typedef struct gki_fit_panel {
    const char *title;    /* as in "dimension 7: g = 0.21, k = 0.05" */
    const double *sample; /* [n_sample] values of the histogram */
    size_t n_sample;
    const double *density_x; /* [n_density] abscissas of the fitted density, ascending */
    const double *density_y; /* [n_density] the fitted density */
    /* [n_density] lower end of its confidence band, or NULL for no band */
    const double *density_low;
    /* [n_density] upper end of its confidence band, or NULL for no band */
    const double *density_high;
    size_t n_density;
    const double *theoretical; /* [n_quantiles] quantiles of the fitted distribution, ascending */
    const double *empirical;   /* [n_quantiles] quantiles of the sample */
    /* [n_quantiles] lower end of the band of the QQ plot, or NULL for no band */
    const double *quantile_low;
    /* [n_quantiles] upper end of the band of the QQ plot, or NULL for no band */
    const double *quantile_high;
    size_t n_quantiles;
} gki_fit_panel;

typedef struct gki_fit_settings {
    double pixel_ratio;  /* 0.5 … 8 */
    int standard_normal; /* nonzero: the N(0,1) density is drawn as a dashed line */
    /* of the histograms, 2 … 500, or 0 for the rule of Freedman & Diaconis */
    size_t bins;
    const char *title;       /* of the page */
    const char *sample_name; /* of the sample in the legend; NULL for "sample" */
    const char *fitted_name; /* of the density in the legend; NULL for "fitted density" */
    /* of the density's band in the legend; NULL for "confidence band" */
    const char *band_name;
    /* of the QQ plot's band in the legend; NULL for "band of the QQ plot" */
    const char *quantile_band_name;
    const char *x_label; /* below the histograms; NULL for "value" */
} gki_fit_settings;

/* Sets the defaults: ratio 2, no standard normal, automatic bins, NULL for all texts. */
void gki_fit_defaults(gki_fit_settings *settings);

/* Draws a page for 1 … 6 dimensions of the base of a flow. Each dimension has a histogram of its
 * codes with the fitted density, and below it a QQ plot with the identity as a dashed line. Up to
 * four dimensions are side by side; five or six are in two rows of up to three. The histogram of a
 * heavy-tailed sample shows the central part, with a note of how many values are outside. Its
 * heights are densities of the whole sample. Values that are not finite are left out. */
GKV_MUST_USE gkv_status gki_plot_base_margins(const char *path, const gki_fit_panel *panels,
                                              size_t n_panels, const gki_fit_settings *settings);

/* Draws one fitted sample: the histogram and the density at the left, and the QQ plot at the right,
 * with their bands. */
GKV_MUST_USE gkv_status gki_plot_fit(const char *path, const gki_fit_panel *panel,
                                     const gki_fit_settings *settings);

/* ---- the report page ---- */

/* A number at the top of the page, as in {"−log p(x)", "84.21", "nats, ± 0.35"}. `note` may be
 * NULL. */
typedef struct gki_report_number {
    const char *label, *value, *note;
} gki_report_number;

typedef struct gki_report_table {
    const char *heading;
    /* a sentence below the heading for readers who do not know the field, or NULL */
    const char *plain;
    const char *caption; /* more sentences, or NULL */
    /* [n_columns] headings; the first column has the names of the rows */
    const char *const *columns;
    size_t n_columns;         /* at least 1 */
    const char *const *cells; /* [n_rows × n_columns]; NULL for an empty cell */
    size_t n_rows;
} gki_report_table;

/* One of several pictures of a figure. */
typedef struct gki_report_frame {
    const char *label;
    const char *png; /* path of the picture */
} gki_report_frame;

typedef struct gki_report_figure {
    const char *heading;
    const char *caption;
    const char *png; /* path of the picture, which is embedded in the page */
    /* in place of the picture: several ones, of which a slider shows one; without scripts, and on
     * paper, they are one below another */
    const gki_report_frame *frames;
    size_t n_frames;
    /* the numbers of a picture of lines as JSON, {"x": label, "y": label, "top": number or null,
     * "series": [{"name": …, "dashed": …, "x": […], "y": […]}]}, where unknown numbers are null and
     * `top` is the upper end of the axis: the page draws the lines, so that the numbers can be read
     * at the pointer; NULL for none */
    const char *data;
    /* a description for readers who cannot see it; NULL for the caption */
    const char *alt;
    int leads; /* nonzero: the figure is shown before the tables */
} gki_report_figure;

typedef struct gki_report_text {
    const char *heading;
    const char *text; /* shown unchanged, in a fixed-width font */
} gki_report_text;

typedef struct gki_report {
    const char *title;   /* required */
    const char *summary; /* a paragraph below the title, or NULL */
    const char *link;    /* the name of a page in the same folder, or NULL */
    const char *link_text;
    const char *command; /* the command that made the report, or NULL */
    const gki_report_number *numbers;
    size_t n_numbers;
    const gki_report_table *tables;
    size_t n_tables;
    const gki_report_figure *figures;
    size_t n_figures;
    const gki_report_text *texts;
    size_t n_texts;
} gki_report;

/* Writes one self-contained page. It shows, in this order, the numbers, the leading figures, the
 * tables, the other figures, and the texts. The style sheet and the pictures are embedded. The page
 * has a light and a dark scheme, fits the width of a phone and can be printed. It loads nothing
 * from a server, and its policy allows no script but its own (report.js), which it has if a figure
 * has data or frames. All text is escaped. A column whose cells all begin with a number is aligned
 * at the right. GKV_ERR_IO if a picture cannot be read, GKV_ERR_DATA if it is not a PNG. */
GKV_MUST_USE gkv_status gki_report_html(const char *path, const gki_report *report);
#endif
