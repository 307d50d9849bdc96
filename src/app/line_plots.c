/* Line plots, and values with intervals, one on each row. */
#include <math.h>
#include <string.h>

#include "app/frame.h"
#include "app/plot.h"

/* --- Lines ---------------------------------------------------------------- */

static const double LINE_WIDTH = 1.8, DOT_RADIUS = 2.6;

void gki_lines_defaults(gki_lines_settings *settings)
{
    *settings = (gki_lines_settings){
        .width = 640, .height = 400, .pixel_ratio = 2, .y_low = NAN, .y_high = NAN};
}

static gkv_status check_lines(const gki_series *series, size_t n, const gki_lines_settings *s)
{
    if (n == 0 || n > GKV_PLOT_COLOURS)
        return gki_fail(GKV_ERR_ARGUMENT, "a line plot of %zu series: 1 … %d are possible", n,
                        (int)GKV_PLOT_COLOURS);
    for (size_t i = 0; i < n; i++)
        if (series[i].n && !series[i].y)
            return gki_fail(GKV_ERR_ARGUMENT, "series %zu (%s) has %zu points but no values", i,
                            series[i].name ? series[i].name : "without a name", series[i].n);
    if (!(s->width >= 160 && s->width <= 8000 && s->height >= 160 && s->height <= 8000))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a line plot of %g×%g units: each side must be in 160 … 8000", s->width,
                        s->height);
    if (isinf(s->y_low) || isinf(s->y_high) || s->y_low >= s->y_high ||
        (s->log_y && (s->y_low <= 0 || s->y_high <= 0)))
        return gki_fail(GKV_ERR_ARGUMENT, "the y axis goes from %g to %g%s; its ends must rise%s",
                        s->y_low, s->y_high, s->log_y ? " on a logarithmic scale" : "",
                        s->log_y ? " and be above 0" : "");
    return GKV_OK;
}

/* Makes both axes so that they cover the points that can be shown. Returns 0 if there are none. */
static int fit_lines_axes(gki_frame *frame, const gki_series *series, size_t n,
                          const gki_lines_settings *s)
{
    double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
    int any = 0, whole = 1;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < series[i].n; j++) {
            const double x = series[i].x ? series[i].x[j] : (double)(j + 1);
            if (!isfinite(x) || !gki_range_widen(&series[i].y[j], 1, s->log_y, &y_low, &y_high))
                continue;
            gki_range_widen(&x, 1, 0, &x_low, &x_high);
            any = 1;
            whole &= x == floor(x);
        }
    if (!any) {
        x_low = 0;
        x_high = 1;
        y_low = s->log_y ? 0.1 : 0;
        y_high = 1;
    } else if (s->log_y) {
        const double margin = exp(0.05 * (log(y_high) - log(y_low)));
        y_low /= margin;
        y_high *= margin;
    } else {
        const double margin = (y_high - y_low) * 0.05;
        y_low -= margin;
        y_high += margin;
    }
    if (!isnan(s->y_low))
        y_low = s->y_low;
    if (!isnan(s->y_high))
        y_high = s->y_high;
    const double margin = any ? (x_high - x_low) * 0.015 : 0;
    gki_axis_make(&frame->y, y_low, y_high, s->log_y, (int)fmax(2, s->height / 70));
    double ticks = fmax(2, s->width / 90);
    /* whole abscissas, such as epochs, have no ticks between them */
    if (whole && x_high - x_low >= 1)
        ticks = fmin(ticks, x_high - x_low);
    gki_axis_make(&frame->x, x_low - margin, x_high + margin, 0, (int)ticks);
    return any;
}

static size_t make_line_legend(const gki_series *series, size_t n,
                               gki_legend_entry entries[GKV_PLOT_COLOURS])
{
    size_t named = 0;
    for (size_t i = 0; i < n; i++)
        if (series[i].name && *series[i].name)
            entries[named++] =
                (gki_legend_entry){.name = series[i].name,
                                   .mark = GKV_MARK_LINE,
                                   .pen = {gki_palette[i], 1, LINE_WIDTH, series[i].style},
                                   .markers = series[i].markers};
    return named;
}

/* Finds the first corner of the frame in which a box of this size touches no line. Returns 0 if
 * there is none. */
static int free_corner(const gki_frame *frame, const gki_series *series, size_t n, double width,
                       double height, double *x, double *y)
{
    const gki_box f = frame->box;
    const double inset = 10, clear = 5;
    if (width > (f.right - f.left) * 0.6 || height > (f.bottom - f.top) * 0.6)
        return 0;
    const double xs[4] = {f.right - inset - width, f.right - inset - width, f.left + inset,
                          f.left + inset};
    const double ys[4] = {f.top + inset, f.bottom - inset - height, f.top + inset,
                          f.bottom - inset - height};
    for (int corner = 0; corner < 4; corner++) {
        const gki_box box = {xs[corner] - clear, ys[corner] - clear, xs[corner] + width + clear,
                             ys[corner] + height + clear};
        int meets = 0;
        for (size_t i = 0; i < n && !meets; i++)
            meets = gki_frame_line_meets(frame, series[i].x, series[i].y, series[i].n, box);
        if (!meets) {
            *x = xs[corner];
            *y = ys[corner];
            return 1;
        }
    }
    return 0;
}

static void draw_series(gki_canvas *canvas, const gki_frame *frame, const gki_series *series,
                        size_t n)
{
    gki_frame_enter(canvas, frame);
    for (size_t i = 0; i < n; i++) {
        const gki_pen pen = {gki_palette[i], 1, LINE_WIDTH, series[i].style};
        gki_frame_line(canvas, frame, series[i].x, series[i].y, series[i].n, pen);
        if (series[i].markers)
            gki_frame_dots(canvas, frame, series[i].x, series[i].y, series[i].n, DOT_RADIUS, pen);
    }
    gki_frame_leave(canvas);
}

gkv_status gki_plot_lines(const char *path, const gki_series *series, size_t n_series,
                          const gki_lines_settings *settings)
{
    gki_lines_settings defaults;
    gki_lines_defaults(&defaults);
    const gki_lines_settings *const s = settings ? settings : &defaults;
    GKV_TRY(check_lines(series, n_series, s));
    gki_canvas canvas = {0};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_canvas_open(&canvas, s->width, s->height, s->pixel_ratio));

    gki_frame frame;
    const int any = fit_lines_axes(&frame, series, n_series, s);
    const double label = s->y_label && *s->y_label ? 20 : 0;
    frame.box = (gki_box){
        .left = 12 + label + gki_axis_text_width(&canvas, &frame.y) + 9,
        .top = s->title && *s->title ? 34 : 16,
        .right = s->width - 18,
        .bottom = s->height - (s->x_label && *s->x_label ? 44 : 28),
    };
    gki_legend_entry entries[GKV_PLOT_COLOURS] = {{0}};
    size_t n_entries =
        s->legend == GKV_LEGEND_NONE ? 0 : make_line_legend(series, n_series, entries);
    const double max_width = s->width * 0.32;
    double width, height, x = 0, y = 0;
    gki_legend_size(&canvas, entries, n_entries, max_width, &width, &height);
    int inside = 1;
    if (n_entries && (s->legend == GKV_LEGEND_RIGHT ||
                      !free_corner(&frame, series, n_series, width, height, &x, &y))) {
        inside = 0;
        frame.box.right -= width;
        x = frame.box.right + 6;
        y = frame.box.top - 6;
    }
    gki_frame_draw(&canvas, &frame,
                   &(gki_frame_text){.title = s->title,
                                     .x_label = s->x_label,
                                     .y_label = s->y_label,
                                     .title_size = GKV_TEXT_TITLE,
                                     .y_label_x = 18});
    draw_series(&canvas, &frame, series, n_series);
    gki_legend_list(&canvas, entries, n_entries, x, y, max_width, inside);
    if (!any)
        gki_canvas_text(
            &canvas, (frame.box.left + frame.box.right) / 2, (frame.box.top + frame.box.bottom) / 2,
            "no finite values to show",
            (gki_text_style){
                .size = GKV_TEXT_LABEL, .colour = gki_ink_soft, .align = 0.5, .halo = 1});
    GKV_TRY_GOTO(gki_canvas_save(&canvas, path));
done:
    gki_canvas_close(&canvas);
    return status;
}

/* --- Values with intervals ------------------------------------------------ */

static const double VALUE_RADIUS = 4, WHISKER_WIDTH = 1.6, CAP = 3.5;

void gki_bars_defaults(gki_bars_settings *settings)
{
    *settings =
        (gki_bars_settings){.width = 640, .row_height = 22, .pixel_ratio = 2, .reference = NAN};
}

static gkv_status check_bars(const char *path, const gki_bar *bars, size_t n,
                             const gki_bars_settings *s)
{
    if (!path || !bars)
        return gki_fail(GKV_ERR_ARGUMENT, "a plot of values without %s",
                        path ? "values" : "a path");
    if (n == 0 || n > GKV_BARS_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "a plot of %zu values: 1 … %d are possible", n,
                        (int)GKV_BARS_MAX);
    if (!(s->width >= 160 && s->width <= 8000 && s->row_height >= 12 && s->row_height <= 60))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a plot of values %g units wide with rows of %g: they must be in 160 … "
                        "8000 and 12 … 60",
                        s->width, s->row_height);
    if (isinf(s->reference))
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "a plot of values with its reference at %g: it must be finite, or NaN for none",
            s->reference);
    return GKV_OK;
}

static int has_whiskers(const gki_bar *bar)
{
    return isfinite(bar->low) && isfinite(bar->high);
}

/* Makes the axes. The horizontal axis covers the values, the intervals and the reference, with a
 * margin. The vertical axis counts rows from the bottom. */
static void fit_bars_axes(gki_frame *frame, const gki_bar *bars, size_t n,
                          const gki_bars_settings *s)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (!gki_range_widen(&bars[i].value, 1, 0, &low, &high) || !has_whiskers(&bars[i]))
            continue;
        gki_range_widen(&bars[i].low, 1, 0, &low, &high);
        gki_range_widen(&bars[i].high, 1, 0, &low, &high);
    }
    gki_range_widen(&s->reference, 1, 0, &low, &high);
    /* NaN if there are no values; gki_axis_make() accepts that */
    const double margin = (high - low) * 0.04;
    gki_axis_make(&frame->x, low - margin, high + margin, 0, (int)fmax(2, s->width / 110));
    gki_axis_make(&frame->y, 0, (double)n, 0, 2);
    frame->y.n_ticks = 0; /* rows have names instead of ticks */
}

static double names_width(gki_canvas *canvas, const gki_bar *bars, size_t n, double most)
{
    double widest = 0;
    for (size_t i = 0; i < n; i++)
        widest =
            fmax(widest, gki_canvas_text_width(canvas, bars[i].name, GKV_TEXT_LABEL, GKV_REGULAR));
    return fmin(widest, most);
}

/* Draws a name and a faint line from it to its dot. `row` is the vertical position of the row. */
static void draw_name(gki_canvas *canvas, const gki_frame *frame, const gki_bar *bar, double row,
                      double max_width)
{
    const gki_box box = frame->box;
    const double y = gki_frame_y(frame, row);
    gki_canvas_colour(canvas, gki_grid_line, 1);
    gki_canvas_fill(canvas, box.left, y - 0.25, box.right - box.left, 0.5);
    gki_canvas_text(canvas, box.left - 9, y, bar->name,
                    (gki_text_style){.size = GKV_TEXT_LABEL,
                                     .colour = gki_ink,
                                     .align = 1,
                                     .centred = 1,
                                     .max_width = max_width});
    if (!isfinite(bar->value))
        gki_canvas_text(
            canvas, box.left + 8, y, "no value",
            (gki_text_style){
                .size = GKV_TEXT_NOTE, .colour = gki_ink_soft, .centred = 1, .halo = 1});
}

/* Draws the dot and the whiskers of a row. */
static void draw_value(gki_canvas *canvas, const gki_frame *frame, const gki_bar *bar, double row)
{
    const gki_pen pen = {gki_palette[0], 1, WHISKER_WIDTH, GKV_LINE_SOLID};
    if (!isfinite(bar->value))
        return;
    if (has_whiskers(bar)) {
        const double x[2] = {bar->low, bar->high}, y[2] = {row, row};
        const double cap = CAP * frame->y.high / (frame->box.bottom - frame->box.top); /* in rows */
        const double across[2] = {row - cap, row + cap};
        gki_frame_line(canvas, frame, x, y, 2, pen);
        for (int end = 0; end < 2; end++)
            gki_frame_line(canvas, frame, (const double[2]){x[end], x[end]}, across, 2, pen);
    }
    gki_frame_dots(canvas, frame, &bar->value, &row, 1, VALUE_RADIUS, pen);
}

gkv_status gki_plot_bars(const char *path, const gki_bar *bars, size_t n,
                         const gki_bars_settings *settings)
{
    gki_bars_settings defaults;
    gki_bars_defaults(&defaults);
    const gki_bars_settings *const s = settings ? settings : &defaults;
    GKV_TRY(check_bars(path, bars, n, s));
    const double top = s->title && *s->title ? 34 : 16, below = s->x_label && *s->x_label ? 44 : 28;
    const double height = top + (double)n * s->row_height + below;
    gki_canvas canvas = {0};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_canvas_open(&canvas, s->width, height, s->pixel_ratio));

    gki_frame frame;
    fit_bars_axes(&frame, bars, n, s);
    const double names = names_width(&canvas, bars, n, s->width * 0.45);
    frame.box = (gki_box){
        .left = 12 + names + 9, .top = top, .right = s->width - 18, .bottom = height - below};
    gki_frame_draw(
        &canvas, &frame,
        &(gki_frame_text){.title = s->title, .x_label = s->x_label, .title_size = GKV_TEXT_TITLE});
    const double rows[2] = {0, (double)n}, reference[2] = {s->reference, s->reference};
    for (size_t i = 0; i < n; i++)
        draw_name(&canvas, &frame, &bars[i], (double)(n - i) - 0.5, names);
    gki_frame_enter(&canvas, &frame);
    if (isfinite(s->reference))
        gki_frame_line(&canvas, &frame, reference, rows, 2,
                       (gki_pen){gki_ink_soft, 1, 1, GKV_LINE_DASHED});
    for (size_t i = 0; i < n; i++)
        draw_value(&canvas, &frame, &bars[i], (double)(n - i) - 0.5);
    gki_frame_leave(&canvas);
    GKV_TRY_GOTO(gki_canvas_save(&canvas, path));
done:
    gki_canvas_close(&canvas);
    return status;
}
