/* Scatter plots of labelled points. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "app/plot.h"
#include "app/frame.h"

void gki_scatter_defaults(gki_scatter_settings *settings)
{
    *settings = (gki_scatter_settings){.width = 560,
                                       .height = 480,
                                       .pixel_ratio = 2,
                                       .radius = 1.6,
                                       .opacity = 0.55,
                                       .name_groups = 1,
                                       .n_labels = GKV_PLOT_COLOURS};
}

static gkv_status check_scatter(const uint8_t *labels, size_t n, const gki_scatter_settings *s)
{
    if (n == 0)
        return gki_fail(GKV_ERR_ARGUMENT, "a scatter plot of 0 points: there is nothing to draw");
    if (!(s->width >= 160 && s->width <= 8000 && s->height >= 160 && s->height <= 8000))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a scatter plot of %g×%g units: each side must be in 160 … 8000", s->width,
                        s->height);
    if (!(s->radius >= 0.2 && s->radius <= 20) || !(s->opacity > 0 && s->opacity <= 1))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a scatter plot's dots have radius %g and opacity %g; they must be in 0.2 "
                        "… 20 and (0,1]",
                        s->radius, s->opacity);
    if (s->n_labels < 1 || s->n_labels > GKV_PLOT_COLOURS)
        return gki_fail(GKV_ERR_ARGUMENT, "a scatter plot of %zu labels: 1 … %d are possible",
                        s->n_labels, (int)GKV_PLOT_COLOURS);
    for (size_t i = 0; labels && i < n; i++)
        if (labels[i] >= s->n_labels)
            return gki_fail(GKV_ERR_DATA, "point %zu has label %d, but there are only %zu labels",
                            i, labels[i], s->n_labels);
    return GKV_OK;
}

static const char *name_of(const gki_scatter_settings *s, size_t label)
{
    static const char *const digits[GKV_PLOT_COLOURS] = {"0", "1", "2", "3", "4",
                                                         "5", "6", "7", "8", "9"};
    return s->label_names ? s->label_names[label] : digits[label];
}

static size_t common_divisor(size_t a, size_t b)
{
    while (b) {
        const size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* A step of about n/φ that is coprime to n. Repeated steps modulo n visit every index once, in an
 * order far from sorted. */
static size_t stride_through(size_t n)
{
    size_t stride = (size_t)((double)n * 0.6180339887498949);
    if (stride == 0)
        stride = 1;
    while (common_divisor(stride, n) != 1)
        stride++;
    return stride;
}

static void draw_dots(gki_canvas *canvas, const gki_frame *frame, const double *xy,
                      const uint8_t *labels, size_t n, const gki_scatter_settings *s)
{
    gki_frame_enter(canvas, frame);
    const size_t stride = stride_through(n);
    size_t i = 0;
    for (size_t drawn = 0; drawn < n; drawn++) {
        const gki_pen pen = {gki_palette[labels ? labels[i] : 0], s->opacity, 1, GKV_LINE_SOLID};
        gki_frame_dots(canvas, frame, &xy[2 * i], &xy[2 * i + 1], 1, s->radius, pen);
        i = i >= n - stride ? i - (n - stride) : i + stride;
    }
    gki_frame_leave(canvas);
}

static int by_coordinate(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of a coordinate of the finite points with this label, or NaN if there are none. */
static double median_of(const double *xy, const uint8_t *labels, size_t n, size_t label,
                        size_t coordinate, double *scratch)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (labels[i] == label && isfinite(xy[2 * i]) && isfinite(xy[2 * i + 1]))
            scratch[count++] = xy[2 * i + coordinate];
    if (count == 0)
        return NAN;
    qsort(scratch, count, sizeof *scratch, by_coordinate);
    return scratch[count / 2];
}

static void name_groups(gki_canvas *canvas, const gki_frame *frame, const double *xy,
                        const uint8_t *labels, size_t n, const gki_scatter_settings *s,
                        double *scratch)
{
    for (size_t label = 0; label < s->n_labels; label++) {
        const double x = median_of(xy, labels, n, label, 0, scratch),
                     y = median_of(xy, labels, n, label, 1, scratch);
        const double px = gki_frame_x(frame, x), py = gki_frame_y(frame, y);
        /* For a label without points the position is NaN, and the condition is false. */
        if (px >= frame->box.left && px <= frame->box.right && py >= frame->box.top &&
            py <= frame->box.bottom)
            gki_canvas_text(canvas, px, py, name_of(s, label),
                            (gki_text_style){.size = 14,
                                             .weight = GKV_BOLD,
                                             .colour = gki_ink,
                                             .align = 0.5,
                                             .centred = 1,
                                             .halo = 1,
                                             .max_width = 140});
    }
}

/* Makes the axes so that they cover the finite points with a margin. Returns 0 if there are
 * none. */
static int fit_axes(gki_frame *frame, const double *xy, size_t n, const gki_scatter_settings *s)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    int any = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(xy[2 * i]) || !isfinite(xy[2 * i + 1]))
            continue;
        any = 1;
        for (size_t k = 0; k < 2; k++)
            gki_range_widen(&xy[2 * i + k], 1, 0, &low[k], &high[k]);
    }
    for (int k = 0; k < 2 && any; k++) {
        const double margin = (high[k] - low[k]) * 0.03;
        low[k] -= margin;
        high[k] += margin;
    }
    gki_axis_make(&frame->x, low[0], high[0], 0, (int)fmax(2, s->width / 90));
    gki_axis_make(&frame->y, low[1], high[1], 0, (int)fmax(2, s->height / 70));
    return any;
}

gkv_status gki_plot_scatter_labelled(const char *path, const double *xy, const uint8_t *labels,
                                     size_t n, const gki_scatter_settings *settings)
{
    gki_scatter_settings defaults;
    gki_scatter_defaults(&defaults);
    const gki_scatter_settings *const s = settings ? settings : &defaults;
    GKV_TRY(check_scatter(labels, n, s));
    gki_canvas canvas = {0};
    double *scratch = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_canvas_open(&canvas, s->width, s->height, s->pixel_ratio));
    GKV_TRY_GOTO(gki_alloc(n, sizeof *scratch, &scratch));

    gki_legend_entry entries[GKV_PLOT_COLOURS];
    size_t n_entries = 0;
    for (size_t label = 0; labels && label < s->n_labels; label++)
        if (memchr(labels, (int)label, n))
            entries[n_entries++] =
                (gki_legend_entry){.name = name_of(s, label),
                                   .mark = GKV_MARK_DOT,
                                   .pen = {gki_palette[label], 1, 1, GKV_LINE_SOLID}};
    const double max_width = s->width * 0.3;
    double width, height;
    gki_legend_size(&canvas, entries, n_entries, max_width, &width, &height);

    gki_frame frame;
    const int any = fit_axes(&frame, xy, n, s);
    const double label = s->y_label && *s->y_label ? 20 : 0;
    frame.box = (gki_box){
        .left = 12 + label + gki_axis_text_width(&canvas, &frame.y) + 9,
        .top = s->title && *s->title ? 34 : 16,
        .right = s->width - 14 - width,
        .bottom = s->height - (s->x_label && *s->x_label ? 44 : 28),
    };
    gki_frame_draw(&canvas, &frame,
                   &(gki_frame_text){.title = s->title,
                                     .x_label = s->x_label,
                                     .y_label = s->y_label,
                                     .title_size = GKV_TEXT_TITLE,
                                     .y_label_x = 18});
    draw_dots(&canvas, &frame, xy, labels, n, s);
    if (labels && s->name_groups)
        name_groups(&canvas, &frame, xy, labels, n, s, scratch);
    gki_legend_list(&canvas, entries, n_entries, frame.box.right + 6, frame.box.top - 6, max_width,
                    0);
    if (!any)
        gki_canvas_text(
            &canvas, (frame.box.left + frame.box.right) / 2, (frame.box.top + frame.box.bottom) / 2,
            "no finite points to show",
            (gki_text_style){
                .size = GKV_TEXT_LABEL, .colour = gki_ink_soft, .align = 0.5, .halo = 1});
    GKV_TRY_GOTO(gki_canvas_save(&canvas, path));
done:
    free(scratch);
    gki_canvas_close(&canvas);
    return status;
}
