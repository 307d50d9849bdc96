#include "app/frame.h"

#include <math.h>

double gki_frame_x(const gki_frame *frame, double value)
{
    return frame->box.left +
           (frame->box.right - frame->box.left) * gki_axis_position(&frame->x, value);
}

double gki_frame_y(const gki_frame *frame, double value)
{
    return frame->box.bottom -
           (frame->box.bottom - frame->box.top) * gki_axis_position(&frame->y, value);
}

double gki_axis_text_width(gki_canvas *canvas, const gki_axis *axis)
{
    double widest = 0;
    for (int i = 0; i < axis->n_ticks; i++)
        widest =
            fmax(widest, gki_canvas_text_width(canvas, axis->texts[i], GKV_TEXT_TICK, GKV_REGULAR));
    return widest;
}

/* Moves a coordinate to the grid of pixels, so that thin straight lines are sharp. */
static double snapped(const gki_canvas *canvas, double coordinate)
{
    return (floor(coordinate * canvas->ratio) + 0.5 * fmod(fmax(1, floor(canvas->ratio)), 2)) /
           canvas->ratio;
}

static void straight(gki_canvas *canvas, double x0, double y0, double x1, double y1)
{
    cairo_move_to(canvas->cr, snapped(canvas, x0), snapped(canvas, y0));
    cairo_line_to(canvas->cr, snapped(canvas, x1), snapped(canvas, y1));
}

static void draw_grid(gki_canvas *canvas, const gki_frame *frame)
{
    const gki_box box = frame->box;
    cairo_t *const cr = canvas->cr;
    gki_canvas_colour(canvas, gki_grid_line, 0.55);
    cairo_set_line_width(cr, 0.5);
    for (int i = 0; i < frame->y.n_minor; i++)
        straight(canvas, box.left, gki_frame_y(frame, frame->y.minor[i]), box.right,
                 gki_frame_y(frame, frame->y.minor[i]));
    cairo_stroke(cr);
    gki_canvas_colour(canvas, gki_grid_line, 1);
    cairo_set_line_width(cr, 1);
    for (int i = 0; i < frame->y.n_ticks; i++)
        straight(canvas, box.left, gki_frame_y(frame, frame->y.ticks[i]), box.right,
                 gki_frame_y(frame, frame->y.ticks[i]));
    for (int i = 0; i < frame->x.n_ticks; i++)
        straight(canvas, gki_frame_x(frame, frame->x.ticks[i]), box.top,
                 gki_frame_x(frame, frame->x.ticks[i]), box.bottom);
    cairo_stroke(cr);
    gki_canvas_colour(canvas, gki_axis_line, 1);
    straight(canvas, box.left, box.top, box.left, box.bottom);
    straight(canvas, box.left, box.bottom, box.right, box.bottom);
    for (int i = 0; i < frame->y.n_ticks; i++) {
        const double y = gki_frame_y(frame, frame->y.ticks[i]);
        straight(canvas, box.left - 4, y, box.left, y);
    }
    for (int i = 0; i < frame->x.n_ticks; i++) {
        const double x = gki_frame_x(frame, frame->x.ticks[i]);
        straight(canvas, x, box.bottom, x, box.bottom + 4);
    }
    cairo_stroke(cr);
}

void gki_frame_draw(gki_canvas *canvas, const gki_frame *frame, const gki_frame_text *text)
{
    const gki_box box = frame->box;
    draw_grid(canvas, frame);
    for (int i = 0; i < frame->y.n_ticks; i++)
        gki_canvas_text(
            canvas, box.left - 7, gki_frame_y(frame, frame->y.ticks[i]), frame->y.texts[i],
            (gki_text_style){
                .size = GKV_TEXT_TICK, .colour = gki_ink_soft, .align = 1, .centred = 1});
    /* A label of the horizontal axis that would touch its neighbour is left out. */
    double used = -INFINITY;
    for (int i = 0; i < frame->x.n_ticks; i++) {
        const double x = gki_frame_x(frame, frame->x.ticks[i]);
        const double half =
            gki_canvas_text_width(canvas, frame->x.texts[i], GKV_TEXT_TICK, GKV_REGULAR) / 2;
        if (x - half < used + 5)
            continue;
        gki_canvas_text(
            canvas, x, box.bottom + 7 + GKV_TEXT_TICK * 0.8, frame->x.texts[i],
            (gki_text_style){.size = GKV_TEXT_TICK, .colour = gki_ink_soft, .align = 0.5});
        used = x + half;
    }
    gki_canvas_text(canvas, (box.left + box.right) / 2, box.bottom + 33, text->x_label,
                    (gki_text_style){.size = GKV_TEXT_LABEL,
                                     .colour = gki_ink,
                                     .align = 0.5,
                                     .max_width = box.right - box.left + 20});
    gki_canvas_text(canvas, text->y_label_x, (box.top + box.bottom) / 2, text->y_label,
                    (gki_text_style){.size = GKV_TEXT_LABEL,
                                     .colour = gki_ink,
                                     .align = 0.5,
                                     .centred = 1,
                                     .upward = 1,
                                     .max_width = box.bottom - box.top + 20});
    gki_canvas_text(canvas, box.left, box.top - 9, text->title,
                    (gki_text_style){.size = text->title_size,
                                     .weight = GKV_BOLD,
                                     .colour = gki_ink,
                                     .max_width = canvas->width - box.left - 8});
}

void gki_frame_enter(gki_canvas *canvas, const gki_frame *frame)
{
    cairo_save(canvas->cr);
    /* A little wider than the frame, so that lines along its edge keep their width. */
    cairo_rectangle(canvas->cr, frame->box.left - 1.5, frame->box.top - 1.5,
                    frame->box.right - frame->box.left + 3, frame->box.bottom - frame->box.top + 3);
    cairo_clip(canvas->cr);
}

void gki_frame_leave(gki_canvas *canvas)
{
    cairo_restore(canvas->cr);
}

void gki_pen_use(gki_canvas *canvas, gki_pen pen)
{
    gki_canvas_colour(canvas, pen.colour, pen.opacity);
    cairo_set_line_width(canvas->cr, pen.width);
    const double dashes[2] = {pen.width * 3.4, pen.width * 2.2},
                 dots[2] = {pen.width * 1.1, pen.width * 1.7};
    cairo_set_dash(canvas->cr, pen.style == GKV_LINE_DOTTED ? dots : dashes,
                   pen.style == GKV_LINE_SOLID ? 0 : 2, 0);
}

/* Clips a segment to the box (Liang & Barsky 1984). Returns 0 if no part of it is inside. A clipped
 * end is put exactly on the edge of the box: if the segment is 1e300 long, the fraction of it that
 * is inside is too small for a double. */
static int clip_segment(gki_box box, double *x0, double *y0, double *x1, double *y1)
{
    const double ax = *x0, ay = *y0, dx = *x1 - ax, dy = *y1 - ay;
    const double p[4] = {-dx, dx, -dy, dy};
    const double q[4] = {ax - box.left, box.right - ax, ay - box.top, box.bottom - ay};
    const double edge[4] = {box.left, box.right, box.top, box.bottom};
    double from = 0, to = 1;
    int from_edge = -1, to_edge = -1;
    for (int i = 0; i < 4; i++) {
        if (p[i] == 0) {
            if (q[i] < 0)
                return 0;
        } else if (p[i] < 0 && q[i] / p[i] > from) {
            from = q[i] / p[i];
            from_edge = i;
        } else if (p[i] > 0 && q[i] / p[i] < to) {
            to = q[i] / p[i];
            to_edge = i;
        }
    }
    if (!(from <= to))
        return 0;
    if (from_edge >= 0) {
        *x0 = from_edge < 2 ? edge[from_edge] : ax + from * dx;
        *y0 = from_edge < 2 ? ay + from * dy : edge[from_edge];
    }
    if (to_edge >= 0) {
        *x1 = to_edge < 2 ? edge[to_edge] : ax + to * dx;
        *y1 = to_edge < 2 ? ay + to * dy : edge[to_edge];
    }
    return 1;
}

/* Computes the i-th point on the canvas. Returns 0 if the axes cannot show it. */
static int point_at(const gki_frame *frame, const double *x, const double *y, size_t i, double *px,
                    double *py)
{
    const double value = x ? x[i] : (double)(i + 1);
    if (!gki_axis_has(&frame->x, value) || !gki_axis_has(&frame->y, y[i]))
        return 0;
    *px = gki_frame_x(frame, value);
    *py = gki_frame_y(frame, y[i]);
    return fabs(*px) < 1e307 && fabs(*py) < 1e307; /* bounded so that differences are finite too */
}

void gki_frame_line(gki_canvas *canvas, const gki_frame *frame, const double *x, const double *y,
                    size_t n, gki_pen pen)
{
    /* cairo's coordinates are limited to about 8 million pixels. So parts far outside are clipped
     * here, and not by cairo. */
    const gki_box wide = {frame->box.left - 50, frame->box.top - 50, frame->box.right + 50,
                          frame->box.bottom + 50};
    cairo_t *const cr = canvas->cr;
    cairo_save(cr);
    double last_x = 0, last_y = 0, pen_x = NAN, pen_y = NAN;
    int previous = 0;
    cairo_new_path(cr);
    for (size_t i = 0; i < n; i++) {
        double px, py;
        const int visible = point_at(frame, x, y, i, &px, &py);
        if (visible && previous) {
            double x0 = last_x, y0 = last_y, x1 = px, y1 = py;
            if (clip_segment(wide, &x0, &y0, &x1, &y1)) {
                if (x0 != pen_x || y0 != pen_y)
                    cairo_move_to(cr, x0, y0);
                cairo_line_to(cr, x1, y1);
                pen_x = x1;
                pen_y = y1;
            }
        }
        previous = visible;
        if (visible) {
            last_x = px;
            last_y = py;
        }
    }
    gki_pen_use(canvas, pen);
    cairo_stroke(cr);
    for (size_t i = 0; i < n; i++) {
        double px, py, unused;
        const int alone = point_at(frame, x, y, i, &px, &py) &&
                          !(i > 0 && point_at(frame, x, y, i - 1, &unused, &unused)) &&
                          !(i + 1 < n && point_at(frame, x, y, i + 1, &unused, &unused));
        if (alone)
            gki_frame_dots(canvas, frame, x ? x + i : (const double[]){(double)(i + 1)}, y + i, 1,
                           pen.width * 1.4, pen);
    }
    cairo_restore(cr);
}

void gki_frame_dots(gki_canvas *canvas, const gki_frame *frame, const double *x, const double *y,
                    size_t n, double radius, gki_pen pen)
{
    gki_canvas_colour(canvas, pen.colour, pen.opacity);
    const gki_box box = frame->box;
    for (size_t i = 0; i < n; i++) {
        double px, py;
        if (!point_at(frame, x, y, i, &px, &py) || px < box.left - radius ||
            px > box.right + radius || py < box.top - radius || py > box.bottom + radius)
            continue;
        cairo_new_path(canvas->cr);
        cairo_arc(canvas->cr, px, py, radius, 0, 6.283185307179586);
        cairo_fill(canvas->cr);
    }
}

void gki_frame_band(gki_canvas *canvas, const gki_frame *frame, const double *x, const double *low,
                    const double *high, size_t n, gki_colour colour, double opacity)
{
    const gki_box box = frame->box;
    cairo_t *const cr = canvas->cr;
    gki_canvas_colour(canvas, colour, opacity);
    cairo_new_path(cr);
    /* All trapezoids are in one path and filled together, so there are no seams between them. */
    for (size_t i = 0; i + 1 < n; i++) {
        double px[4], py[4];
        if (!point_at(frame, x, low, i, &px[0], &py[0]) ||
            !point_at(frame, x, low, i + 1, &px[1], &py[1]) ||
            !point_at(frame, x, high, i + 1, &px[2], &py[2]) ||
            !point_at(frame, x, high, i, &px[3], &py[3]))
            continue;
        if (px[1] < box.left || px[0] > box.right)
            continue;
        for (int k = 0; k < 4; k++) {
            const double cx = fmin(fmax(px[k], box.left - 1000), box.right + 1000);
            const double cy = fmin(fmax(py[k], box.top - 1000), box.bottom + 1000);
            if (k == 0)
                cairo_move_to(cr, cx, cy);
            else
                cairo_line_to(cr, cx, cy);
        }
        cairo_close_path(cr);
    }
    cairo_fill(cr);
}

int gki_frame_line_meets(const gki_frame *frame, const double *x, const double *y, size_t n,
                         gki_box box)
{
    double last_x = 0, last_y = 0;
    int previous = 0;
    for (size_t i = 0; i < n; i++) {
        double px, py;
        const int visible = point_at(frame, x, y, i, &px, &py);
        if (visible) {
            double x0 = previous ? last_x : px, y0 = previous ? last_y : py, x1 = px, y1 = py;
            if (clip_segment(box, &x0, &y0, &x1, &y1))
                return 1;
            last_x = px;
            last_y = py;
        }
        previous = visible;
    }
    return 0;
}

/* --- Legends -------------------------------------------------------------- */

static const double LINE = 17, MARK = 20, SPACE = 7, PADDING = 8, APART = 20;

static void draw_mark(gki_canvas *canvas, const gki_legend_entry *entry, double x, double y)
{
    cairo_t *const cr = canvas->cr;
    cairo_save(cr);
    gki_pen_use(canvas, entry->pen);
    switch (entry->mark) {
    case GKV_MARK_LINE:
        cairo_move_to(cr, x, y);
        cairo_line_to(cr, x + MARK, y);
        cairo_stroke(cr);
        break;
    case GKV_MARK_DOT: break;
    case GKV_MARK_PATCH: gki_canvas_fill(canvas, x, y - 5, MARK, 10); break;
    }
    if (entry->markers || entry->mark == GKV_MARK_DOT) {
        cairo_arc(cr, x + MARK / 2, y, entry->mark == GKV_MARK_DOT ? 3.4 : entry->pen.width * 1.4,
                  0, 6.283185307179586);
        cairo_fill(cr);
    }
    cairo_restore(cr);
}

static double name_width(gki_canvas *canvas, const char *name, double max_width)
{
    const double width = gki_canvas_text_width(canvas, name, GKV_TEXT_TICK, GKV_REGULAR);
    return max_width > 0 ? fmin(width, max_width) : width;
}

static void draw_entry(gki_canvas *canvas, const gki_legend_entry *entry, double x, double y,
                       double max_width)
{
    draw_mark(canvas, entry, x, y);
    gki_canvas_text(
        canvas, x + MARK + SPACE, y, entry->name,
        (gki_text_style){
            .size = GKV_TEXT_TICK, .colour = gki_ink, .centred = 1, .max_width = max_width});
}

void gki_legend_size(gki_canvas *canvas, const gki_legend_entry *entries, size_t n,
                     double max_width, double *width, double *height)
{
    double widest = 0;
    for (size_t i = 0; i < n; i++)
        widest = fmax(widest, name_width(canvas, entries[i].name, max_width));
    *width = n ? MARK + SPACE + widest + 2 * PADDING : 0;
    *height = n ? LINE * (double)n + 2 * PADDING - 4 : 0;
}

void gki_legend_list(gki_canvas *canvas, const gki_legend_entry *entries, size_t n, double x,
                     double y, double max_width, int boxed)
{
    double width, height;
    gki_legend_size(canvas, entries, n, max_width, &width, &height);
    if (boxed && n) {
        cairo_set_source_rgba(canvas->cr, 1, 1, 1, 0.92);
        cairo_rectangle(canvas->cr, x, y, width, height);
        cairo_fill_preserve(canvas->cr);
        gki_canvas_colour(canvas, gki_grid_line, 1);
        cairo_set_line_width(canvas->cr, 1);
        cairo_stroke(canvas->cr);
    }
    for (size_t i = 0; i < n; i++)
        draw_entry(canvas, &entries[i], x + PADDING, y + PADDING - 2 + LINE * ((double)i + 0.5),
                   max_width);
}

double gki_legend_rows(gki_canvas *canvas, const gki_legend_entry *entries, size_t n, double x,
                       double right, double y, int draw)
{
    const double max_width = right - x - MARK - SPACE;
    double across = x, down = 0;
    for (size_t i = 0; i < n; i++) {
        const double width = MARK + SPACE + name_width(canvas, entries[i].name, max_width);
        if (across > x && across + width > right) {
            across = x;
            down += LINE;
        }
        if (draw)
            draw_entry(canvas, &entries[i], across, y + down, max_width);
        across += width + APART;
    }
    return n ? down + LINE : 0;
}
