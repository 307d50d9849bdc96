/* Values with intervals, one on each row. */
#include <math.h>

#include "app/plot.h"
#include "app/frame.h"

static const double DOT_RADIUS = 4, LINE_WIDTH = 1.6, CAP = 3.5;

void gki_bars_defaults(gki_bars_settings *settings)
{
    *settings =
        (gki_bars_settings){.width = 640, .row_height = 22, .pixel_ratio = 2, .reference = NAN};
}

static gkv_status check(const char *path, const gki_bar *bars, size_t n, const gki_bars_settings *s)
{
    if (!path || !bars)
        return gki_fail(GKV_ERR_ARGUMENT, "a plot of values without %s",
                        path ? "values" : "a path");
    if (n == 0 || n > GKV_BARS_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "a plot of %zu values: 1 … %d are possible", n,
                        (int)GKV_BARS_MAX);
    if (!(s->width >= 160 && s->width <= 8000 && s->row_height >= 12 && s->row_height <= 60))
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "a plot of values %g units wide with rows of %g: they must be in 160 … 8000 "
            "and 12 … 60",
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
static void fit_axes(gki_frame *frame, const gki_bar *bars, size_t n, const gki_bars_settings *s)
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
    const gki_pen pen = {gki_palette[0], 1, LINE_WIDTH, GKV_LINE_SOLID};
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
    gki_frame_dots(canvas, frame, &bar->value, &row, 1, DOT_RADIUS, pen);
}

gkv_status gki_plot_bars(const char *path, const gki_bar *bars, size_t n,
                         const gki_bars_settings *settings)
{
    gki_bars_settings defaults;
    gki_bars_defaults(&defaults);
    const gki_bars_settings *const s = settings ? settings : &defaults;
    GKV_TRY(check(path, bars, n, s));
    const double top = s->title && *s->title ? 34 : 16, below = s->x_label && *s->x_label ? 44 : 28;
    const double height = top + (double)n * s->row_height + below;
    gki_canvas canvas = {0};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_canvas_open(&canvas, s->width, height, s->pixel_ratio));

    gki_frame frame;
    fit_axes(&frame, bars, n, s);
    const double names = names_width(&canvas, bars, n, s->width * 0.45);
    frame.box = (gki_box){
        .left = 12 + names + 9, .top = top, .right = s->width - 18, .bottom = height - below};
    gki_frame_draw(
        &canvas, &frame,
        &(gki_frame_text){.title = s->title, .x_label = s->x_label, .title_size = GKV_TEXT_TITLE});
    const double rows[2] = {0, (double)n}, at[2] = {s->reference, s->reference};
    for (size_t i = 0; i < n; i++)
        draw_name(&canvas, &frame, &bars[i], (double)(n - i) - 0.5, names);
    gki_frame_enter(&canvas, &frame);
    if (isfinite(s->reference))
        gki_frame_line(&canvas, &frame, at, rows, 2,
                       (gki_pen){gki_ink_soft, 1, 1, GKV_LINE_DASHED});
    for (size_t i = 0; i < n; i++)
        draw_value(&canvas, &frame, &bars[i], (double)(n - i) - 0.5);
    gki_frame_leave(&canvas);
    GKV_TRY_GOTO(gki_canvas_save(&canvas, path));
done:
    gki_canvas_close(&canvas);
    return status;
}
