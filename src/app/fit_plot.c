/* Plots of samples and fitted distributions: histograms with densities, and QQ plots. */
#include "app/histogram.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/frame.h"
#include "app/plot.h"
#include "core/memory.h"

/* --- Histograms (app/histogram.h) ----------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double p)
{
    const double rank = p * (double)(n - 1);
    const size_t below = (size_t)rank, above = below + 1 < n ? below + 1 : below;
    const double weight = rank - (double)below;
    /* a difference of the two could overflow */
    return sorted[below] * (1 - weight) + sorted[above] * weight;
}

static void choose_range(gki_histogram *out, const double *sorted, size_t n)
{
    const double low = quantile(sorted, n, 0.005), high = quantile(sorted, n, 0.995);
    const double margin = 0.15 * (high - low);
    out->low = fmax(sorted[0], low - margin);
    out->high = fmin(sorted[n - 1], high + margin);
    /* If all values are equal, or if the range cannot be divided into bins, the range is a unit
     * around the median. */
    const double size = fmax(fabs(out->low), fabs(out->high));
    if (!(out->high - out->low > size * 1e-9) || !isfinite(out->high - out->low)) {
        const double half = size < 1e290 ? fmax(0.5, size * 0.1) : 1e290;
        const double middle = fmin(fmax(sorted[n / 2], -1e300), 1e300);
        out->low = middle - half;
        out->high = middle + half;
    }
}

static size_t choose_bins(const gki_histogram *out, const double *sorted, size_t n)
{
    const double spread = quantile(sorted, n, 0.75) - quantile(sorted, n, 0.25);
    const double width = 2 * spread / cbrt((double)n);
    const double bins = width > 0 ? (out->high - out->low) / width : 10;
    return (size_t)fmin(fmax(ceil(bins), 10), 80);
}

gkv_status gki_histogram_make(gki_histogram *histogram, const double *sample, size_t n, size_t bins)
{
    memset(histogram, 0, sizeof *histogram);
    histogram->high = 1;
    histogram->bins = bins ? bins : 10;
    double *sorted = NULL;
    GKV_TRY(gki_alloc(n, sizeof *sorted, &sorted));
    size_t finite = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(sample[i]))
            sorted[finite++] = sample[i];
    histogram->finite = finite;
    if (finite == 0) {
        free(sorted);
        return GKV_OK;
    }
    qsort(sorted, finite, sizeof *sorted, by_value);
    choose_range(histogram, sorted, finite);
    if (!bins)
        histogram->bins = choose_bins(histogram, sorted, finite);

    const double width = (histogram->high - histogram->low) / (double)histogram->bins;
    for (size_t i = 0; i < finite; i++) {
        if (sorted[i] < histogram->low || sorted[i] > histogram->high) {
            histogram->outside++;
            continue;
        }
        size_t bin = (size_t)((sorted[i] - histogram->low) / width);
        if (bin >= histogram->bins) /* the upper end is in the last bin */
            bin = histogram->bins - 1;
        histogram->heights[bin] += 1;
    }
    for (size_t b = 0; b < histogram->bins; b++) {
        histogram->heights[b] /= (double)finite * width;
        histogram->tallest = fmax(histogram->tallest, histogram->heights[b]);
    }
    free(sorted);
    return GKV_OK;
}

/* --- Plots ---------------------------------------------------------------- */

enum { PANELS_MAX = 6, ACROSS_MAX = 4, ENTRIES_MAX = 5 };

/* The margin of a page and the height of a row of the legend, in units. */
static const double MARGIN = 14, ROW = 17;

static const gki_colour normal_colour = {0.15, 0.15, 0.15};

static const double quantile_band_opacity = 0.13;

void gki_fit_defaults(gki_fit_settings *settings)
{
    *settings = (gki_fit_settings){.pixel_ratio = 2};
}

static gkv_status check_panels(const gki_fit_panel *panels, size_t n, const gki_fit_settings *s)
{
    if (n == 0 || n > PANELS_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "a page of %zu fitted samples: 1 … %d are possible", n,
                        (int)PANELS_MAX);
    if (s->bins == 1 || s->bins > GKV_BINS_MAX)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "histograms of %zu bins: 2 … %d are possible, and 0 for automatic", s->bins,
                        (int)GKV_BINS_MAX);
    for (size_t i = 0; i < n; i++) {
        const gki_fit_panel *const p = &panels[i];
        if (p->n_sample == 0 || !p->sample)
            return gki_fail(GKV_ERR_ARGUMENT, "panel %zu (%s) has an empty sample", i,
                            p->title ? p->title : "without a title");
        if (p->n_density && (!p->density_x || !p->density_y))
            return gki_fail(GKV_ERR_ARGUMENT, "panel %zu: its density has %zu points but no values",
                            i, p->n_density);
        if (p->n_quantiles && (!p->theoretical || !p->empirical))
            return gki_fail(GKV_ERR_ARGUMENT, "panel %zu: its QQ plot has %zu points but no values",
                            i, p->n_quantiles);
    }
    return GKV_OK;
}

static gki_pen density_pen(void)
{
    return (gki_pen){gki_palette[1], 1, 1.9, GKV_LINE_SOLID};
}

static gki_pen normal_pen(void)
{
    return (gki_pen){normal_colour, 0.85, 1.3, GKV_LINE_DASHED};
}

/* The upper end of the density axis. */
static double density_top(const gki_histogram *h, const gki_fit_panel *p, const gki_fit_settings *s)
{
    double low = 0, top = s->standard_normal && h->low < 1 && h->high > -1 ? 0.4 : 0;
    for (size_t i = 0; i < p->n_density; i++)
        if (isfinite(p->density_x[i]) && p->density_x[i] >= h->low && p->density_x[i] <= h->high) {
            gki_range_widen(&p->density_y[i], 1, 0, &low, &top);
            if (p->density_high)
                gki_range_widen(&p->density_high[i], 1, 0, &low, &top);
        }
    /* A bad fit may have a high peak, next to which the histogram would be invisible. So the axis
     * is limited. */
    if (h->tallest > 0)
        top = fmin(fmax(top, h->tallest), 2.5 * h->tallest);
    return top > 0 ? top * 1.06 : 1;
}

/* Writes how many values the histogram leaves out, in the upper corner above the lower bars. */
static void draw_note(gki_canvas *canvas, const gki_frame *frame, const gki_histogram *h)
{
    char note[96] = "";
    if (h->finite == 0)
        snprintf(note, sizeof note, "no finite values");
    else if (h->outside && frame->box.right - frame->box.left > 250)
        snprintf(note, sizeof note, "%zu of %zu outside", h->outside, h->finite);
    else if (h->outside)
        snprintf(note, sizeof note, "%zu outside", h->outside);
    double left = 0, right = 0;
    for (size_t b = 0; b < h->bins / 3; b++) {
        left = fmax(left, h->heights[b]);
        right = fmax(right, h->heights[h->bins - 1 - b]);
    }
    const int at_left = left < right;
    gki_canvas_text(
        canvas, at_left ? frame->box.left + 5 : frame->box.right - 3, frame->box.top + 10, note,
        (gki_text_style){
            .size = GKV_TEXT_NOTE, .colour = gki_ink_soft, .align = at_left ? 0 : 1, .halo = 1});
}

static void draw_histogram(gki_canvas *canvas, gki_frame *frame, const gki_histogram *h,
                           const gki_fit_panel *p, const gki_fit_settings *s,
                           const gki_frame_text *text)
{
    gki_frame_draw(canvas, frame, text);
    gki_frame_enter(canvas, frame);
    cairo_t *const cr = canvas->cr;
    const double width = (h->high - h->low) / (double)h->bins, floor_y = gki_frame_y(frame, 0);
    for (size_t b = 0; b < h->bins; b++) {
        const double left = gki_frame_x(frame, h->low + (double)b * width);
        const double right = gki_frame_x(frame, h->low + (double)(b + 1) * width);
        const double top = gki_frame_y(frame, h->heights[b]);
        cairo_rectangle(cr, left, top, right - left, floor_y - top);
    }
    gki_canvas_colour(canvas, gki_palette[0], 0.45);
    cairo_fill_preserve(cr);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_set_line_width(cr, h->bins > 60 ? 0.3 : 0.6);
    cairo_stroke(cr);

    if (p->density_low && p->density_high)
        gki_frame_band(canvas, frame, p->density_x, p->density_low, p->density_high, p->n_density,
                       gki_palette[1], 0.22);
    if (s->standard_normal) {
        enum { STEPS = 201 };
        double x[STEPS], y[STEPS];
        for (int i = 0; i < STEPS; i++) {
            x[i] = frame->x.low + (frame->x.high - frame->x.low) * i / (STEPS - 1);
            y[i] = 0.3989422804014327 * exp(-0.5 * x[i] * x[i]);
        }
        gki_frame_line(canvas, frame, x, y, STEPS, normal_pen());
    }
    gki_frame_line(canvas, frame, p->density_x, p->density_y, p->n_density, density_pen());
    gki_frame_leave(canvas);
    draw_note(canvas, frame, h);
}

static void fit_histogram_axes(gki_frame *frame, const gki_histogram *h, const gki_fit_panel *p,
                               const gki_fit_settings *s, int x_ticks, int y_ticks)
{
    const double margin = (h->high - h->low) * 0.02;
    gki_axis_make(&frame->x, h->low - margin, h->high + margin, 0, x_ticks);
    gki_axis_make(&frame->y, 0, density_top(h, p, s), 0, y_ticks);
}

/* Both axes have the same range, so the identity is the diagonal. */
static void fit_quantile_axes(gki_frame *frame, const gki_fit_panel *p, int ticks)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < p->n_quantiles; i++)
        if (isfinite(p->theoretical[i]) && isfinite(p->empirical[i])) {
            gki_range_widen(&p->theoretical[i], 1, 0, &low, &high);
            gki_range_widen(&p->empirical[i], 1, 0, &low, &high);
        }
    const double margin = isfinite(high - low) ? (high - low) * 0.04 : 0;
    gki_axis_make(&frame->x, low - margin, high + margin, 0, ticks);
    gki_axis_make(&frame->y, low - margin, high + margin, 0, ticks);
}

static void draw_quantiles(gki_canvas *canvas, gki_frame *frame, const gki_fit_panel *p,
                           const gki_frame_text *text)
{
    gki_frame_draw(canvas, frame, text);
    gki_frame_enter(canvas, frame);
    if (p->quantile_low && p->quantile_high)
        gki_frame_band(canvas, frame, p->theoretical, p->quantile_low, p->quantile_high,
                       p->n_quantiles, normal_colour, quantile_band_opacity);
    const double ends[2] = {frame->x.low, frame->x.high};
    gki_frame_line(canvas, frame, ends, ends, 2,
                   (gki_pen){normal_colour, 0.85, 1.2, GKV_LINE_DASHED});
    gki_frame_dots(canvas, frame, p->theoretical, p->empirical, p->n_quantiles, 1.9,
                   (gki_pen){gki_palette[0], 0.85, 1, GKV_LINE_SOLID});
    gki_frame_leave(canvas);
}

/* Makes the entries for everything that at least one panel shows. */
static size_t make_legend(const gki_fit_panel *panels, size_t n, const gki_fit_settings *s,
                          gki_legend_entry out[ENTRIES_MAX])
{
    int density = 0, quantiles = 0, band = 0, quantile_band = 0;
    for (size_t i = 0; i < n; i++) {
        density |= panels[i].n_density > 0;
        quantiles |= panels[i].n_quantiles > 0;
        band |= panels[i].n_density && panels[i].density_low && panels[i].density_high;
        quantile_band |= panels[i].n_quantiles && panels[i].quantile_low && panels[i].quantile_high;
    }
    size_t count = 0;
    out[count++] = (gki_legend_entry){.name = s->sample_name ? s->sample_name : "sample",
                                      .mark = GKV_MARK_PATCH,
                                      .pen = {gki_palette[0], 0.45, 1, GKV_LINE_SOLID}};
    if (density)
        out[count++] =
            (gki_legend_entry){.name = s->fitted_name ? s->fitted_name : "fitted density",
                               .mark = GKV_MARK_LINE,
                               .pen = density_pen()};
    if (band)
        out[count++] = (gki_legend_entry){.name = s->band_name ? s->band_name : "confidence band",
                                          .mark = GKV_MARK_PATCH,
                                          .pen = {gki_palette[1], 0.22, 1, GKV_LINE_SOLID}};
    /* The standard normal and the identity have the same dashes, since both are references. */
    if (s->standard_normal)
        out[count++] = (gki_legend_entry){.name = quantiles ? "N(0, 1); identity in QQ" : "N(0, 1)",
                                          .mark = GKV_MARK_LINE,
                                          .pen = normal_pen()};
    else if (quantiles)
        out[count++] =
            (gki_legend_entry){.name = "identity", .mark = GKV_MARK_LINE, .pen = normal_pen()};
    if (quantile_band)
        out[count++] = (gki_legend_entry){
            .name = s->quantile_band_name ? s->quantile_band_name : "band of the QQ plot",
            .mark = GKV_MARK_PATCH,
            .pen = {normal_colour, quantile_band_opacity, 1, GKV_LINE_SOLID}};
    return count;
}

/* Draws the title and the legend, or only measures them if `draw` is 0. Returns the position below
 * them. */
static double draw_head(gki_canvas *canvas, const gki_legend_entry *entries, size_t n,
                        const char *title, int draw)
{
    double y = MARGIN;
    if (title && *title) {
        if (draw)
            gki_canvas_text(canvas, MARGIN, y + GKV_TEXT_TITLE, title,
                            (gki_text_style){.size = GKV_TEXT_TITLE,
                                             .weight = GKV_BOLD,
                                             .colour = gki_ink,
                                             .max_width = canvas->width - 2 * MARGIN});
        y += GKV_TEXT_TITLE + 10;
    }
    return y +
           gki_legend_rows(canvas, entries, n, MARGIN, canvas->width - MARGIN, y + ROW / 2, draw) +
           6;
}

/* Opens a page with the height of its head plus `body`, and draws the head. *top is the position
 * below the head. */
static gkv_status open_page(gki_canvas *canvas, double width, double body,
                            const gki_legend_entry *entries, size_t n, const gki_fit_settings *s,
                            double *top)
{
    gki_canvas ruler;
    GKV_TRY(gki_canvas_open(&ruler, width, 8, s->pixel_ratio));
    *top = draw_head(&ruler, entries, n, s->title, 0);
    gki_canvas_close(&ruler);
    GKV_TRY(gki_canvas_open(canvas, width, *top + body, s->pixel_ratio));
    draw_head(canvas, entries, n, s->title, 1);
    return GKV_OK;
}

/* The space left of a frame: at least `least`, and room for the widest label of its ticks beside
 * the upright title of the axis, whose middle is at `title`. */
static double left_of(gki_canvas *ruler, const gki_axis *axis, double title, double least)
{
    static const double TITLE = 10, TICK = 7; /* from the title's middle, and to the frame */
    return fmax(least, title + TITLE + gki_axis_text_width(ruler, axis) + TICK);
}

/* The same for all panels of a page, whose axes have about so many ticks. */
static gkv_status left_of_panels(const gki_fit_panel *panels, size_t n, const gki_fit_settings *s,
                                 int density_ticks, int quantile_ticks, double title, double least,
                                 double *left)
{
    gki_canvas ruler;
    gki_histogram histogram;
    gki_frame frame;
    gkv_status status = GKV_OK;
    GKV_TRY(gki_canvas_open(&ruler, 8, 8, s->pixel_ratio));
    *left = least;
    for (size_t i = 0; i < n; i++) {
        GKV_TRY_GOTO(gki_histogram_make(&histogram, panels[i].sample, panels[i].n_sample, s->bins));
        fit_histogram_axes(&frame, &histogram, &panels[i], s, 4, density_ticks);
        *left = left_of(&ruler, &frame.y, title, *left);
        if (panels[i].n_quantiles == 0)
            continue;
        fit_quantile_axes(&frame, &panels[i], quantile_ticks);
        *left = left_of(&ruler, &frame.y, title, *left);
    }
done:
    gki_canvas_close(&ruler);
    return status;
}

gkv_status gki_plot_base_margins(const char *path, const gki_fit_panel *panels, size_t n_panels,
                                 const gki_fit_settings *settings)
{
    static const double NARROW = 236, LEFT_MIN = 52, TITLE = 12, RIGHT = 8, HIST_TOP = 26,
                        HIST = 120, HIST_FOOT = 44, QQ_FOOT = 50;
    gki_fit_settings defaults;
    gki_fit_defaults(&defaults);
    const gki_fit_settings *const s = settings ? settings : &defaults;
    GKV_TRY(check_panels(panels, n_panels, s));

    int quantiles = 0;
    double margin;
    for (size_t i = 0; i < n_panels; i++)
        quantiles |= panels[i].n_quantiles > 0;
    GKV_TRY(left_of_panels(panels, n_panels, s, 3, 4, TITLE, LEFT_MIN, &margin));
    const double cell = NARROW + margin - LEFT_MIN;
    const size_t across = n_panels <= ACROSS_MAX ? n_panels : (n_panels + 1) / 2;
    const size_t bands = (n_panels + across - 1) / across;
    const double side = cell - margin - RIGHT; /* a QQ plot is square */
    const double band = HIST_TOP + HIST + HIST_FOOT + (quantiles ? side + QQ_FOOT : 0);
    gki_legend_entry entries[ENTRIES_MAX];
    const size_t n_entries = make_legend(panels, n_panels, s, entries);
    gki_canvas canvas = {0};
    gkv_status status = GKV_OK;
    double top;
    GKV_TRY_GOTO(open_page(&canvas, 2 * MARGIN - 6 + fmax(340, (double)across * cell),
                           (double)bands * band + 4, entries, n_entries, s, &top));
    for (size_t i = 0; i < n_panels; i++) {
        const double left = MARGIN - 6 + (double)(i % across) * cell,
                     y = top + (double)(i / across) * band;
        const int first = i % across == 0;
        gki_histogram histogram;
        GKV_TRY_GOTO(gki_histogram_make(&histogram, panels[i].sample, panels[i].n_sample, s->bins));
        gki_frame frame = {
            .box = {left + margin, y + HIST_TOP, left + cell - RIGHT, y + HIST_TOP + HIST}};
        gki_frame_text text = {.x_label = s->x_label ? s->x_label : "value",
                               .y_label = first ? "density" : NULL,
                               .y_label_x = left + TITLE};
        fit_histogram_axes(&frame, &histogram, &panels[i], s, 4, 3);
        draw_histogram(&canvas, &frame, &histogram, &panels[i], s, &text);
        gki_canvas_text(&canvas, left + margin - 34, y + HIST_TOP - 9, panels[i].title,
                        (gki_text_style){.size = GKV_TEXT_TICK,
                                         .colour = gki_ink,
                                         .max_width = cell - margin + 34 - RIGHT});
        if (!panels[i].n_quantiles)
            continue;
        frame.box.top = y + HIST_TOP + HIST + HIST_FOOT;
        frame.box.bottom = frame.box.top + side;
        text.x_label = "fitted quantile";
        text.y_label = first ? "sample quantile" : NULL;
        fit_quantile_axes(&frame, &panels[i], 4);
        draw_quantiles(&canvas, &frame, &panels[i], &text);
    }
    GKV_TRY_GOTO(gki_canvas_save(&canvas, path));
done:
    gki_canvas_close(&canvas);
    return status;
}

gkv_status gki_plot_fit(const char *path, const gki_fit_panel *panel,
                        const gki_fit_settings *settings)
{
    static const double TOP = 24, SIDE = 270, FOOT = 50, WIDE = 380, LEFT_MIN = 60, TITLE = 18;
    gki_fit_settings defaults;
    gki_fit_defaults(&defaults);
    const gki_fit_settings *const s = settings ? settings : &defaults;
    GKV_TRY(check_panels(panel, 1, s));
    gki_legend_entry entries[ENTRIES_MAX];
    const size_t n_entries = make_legend(panel, 1, s, entries);
    const int quantiles = panel->n_quantiles > 0;
    gki_canvas canvas = {0};
    gkv_status status = GKV_OK;
    double top, margin;
    GKV_TRY(left_of_panels(panel, 1, s, 5, 5, TITLE, LEFT_MIN, &margin));
    GKV_TRY_GOTO(open_page(&canvas, margin + WIDE + (quantiles ? margin + 8 + SIDE : 0) + MARGIN,
                           TOP + SIDE + FOOT, entries, n_entries, s, &top));
    gki_histogram histogram;
    GKV_TRY_GOTO(gki_histogram_make(&histogram, panel->sample, panel->n_sample, s->bins));
    gki_frame frame = {.box = {margin, top + TOP, margin + WIDE, top + TOP + SIDE}};
    fit_histogram_axes(&frame, &histogram, panel, s, 6, 5);
    draw_histogram(&canvas, &frame, &histogram, panel, s,
                   &(gki_frame_text){.title = panel->title,
                                     .title_size = GKV_TEXT_LABEL,
                                     .x_label = s->x_label ? s->x_label : "value",
                                     .y_label = "density",
                                     .y_label_x = TITLE});
    if (quantiles) {
        frame.box.left = margin + WIDE + margin + 8;
        frame.box.right = frame.box.left + SIDE;
        fit_quantile_axes(&frame, panel, 5);
        draw_quantiles(&canvas, &frame, panel,
                       &(gki_frame_text){.title = "quantile–quantile",
                                         .title_size = GKV_TEXT_LABEL,
                                         .x_label = "fitted quantile",
                                         .y_label = "sample quantile",
                                         .y_label_x = margin + WIDE + 26});
    }
    GKV_TRY_GOTO(gki_canvas_save(&canvas, path));
done:
    gki_canvas_close(&canvas);
    return status;
}
