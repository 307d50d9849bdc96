#include "report/legend.h"

#include <math.h>

static const double LINE = 17, MARK = 20, SPACE = 7, PADDING = 8, APART = 20;

static void draw_mark(gkv_canvas *canvas, const gkv_legend_entry *entry, double x, double y)
{
    cairo_t *const cr = canvas->cr;
    cairo_save(cr);
    gkv_pen_use(canvas, entry->pen);
    switch (entry->mark) {
    case GKV_MARK_LINE:
        cairo_move_to(cr, x, y);
        cairo_line_to(cr, x + MARK, y);
        cairo_stroke(cr);
        break;
    case GKV_MARK_DOT:
        break;
    case GKV_MARK_PATCH:
        gkv_canvas_fill(canvas, x, y - 5, MARK, 10);
        break;
    }
    if (entry->markers || entry->mark == GKV_MARK_DOT) {
        cairo_arc(cr, x + MARK / 2, y, entry->mark == GKV_MARK_DOT ? 3.4 : entry->pen.width * 1.4, 0,
                  6.283185307179586);
        cairo_fill(cr);
    }
    cairo_restore(cr);
}

static double name_width(gkv_canvas *canvas, const char *name, double room)
{
    const double width = gkv_canvas_text_width(canvas, name, GKV_TEXT_TICK, GKV_REGULAR);
    return room > 0 ? fmin(width, room) : width;
}

static void draw_entry(gkv_canvas *canvas, const gkv_legend_entry *entry, double x, double y, double room)
{
    draw_mark(canvas, entry, x, y);
    gkv_canvas_text(canvas, x + MARK + SPACE, y, entry->name,
                    (gkv_text_style){.size = GKV_TEXT_TICK, .colour = gkv_ink, .centred = 1, .room = room});
}

void gkv_legend_size(gkv_canvas *canvas, const gkv_legend_entry *entries, size_t n, double room, double *width,
                     double *height)
{
    double widest = 0;
    for (size_t i = 0; i < n; i++)
        widest = fmax(widest, name_width(canvas, entries[i].name, room));
    *width = n ? MARK + SPACE + widest + 2 * PADDING : 0;
    *height = n ? LINE * (double)n + 2 * PADDING - 4 : 0;
}

void gkv_legend_list(gkv_canvas *canvas, const gkv_legend_entry *entries, size_t n, double x, double y, double room,
                     int boxed)
{
    double width, height;
    gkv_legend_size(canvas, entries, n, room, &width, &height);
    if (boxed && n) {
        cairo_set_source_rgba(canvas->cr, 1, 1, 1, 0.92);
        cairo_rectangle(canvas->cr, x, y, width, height);
        cairo_fill_preserve(canvas->cr);
        gkv_canvas_colour(canvas, gkv_grid_line, 1);
        cairo_set_line_width(canvas->cr, 1);
        cairo_stroke(canvas->cr);
    }
    for (size_t i = 0; i < n; i++)
        draw_entry(canvas, &entries[i], x + PADDING, y + PADDING - 2 + LINE * ((double)i + 0.5), room);
}

double gkv_legend_rows(gkv_canvas *canvas, const gkv_legend_entry *entries, size_t n, double x, double right, double y,
                       int draw)
{
    const double room = right - x - MARK - SPACE;
    double at = x, down = 0;
    for (size_t i = 0; i < n; i++) {
        const double width = MARK + SPACE + name_width(canvas, entries[i].name, room);
        if (at > x && at + width > right) {
            at = x;
            down += LINE;
        }
        if (draw)
            draw_entry(canvas, &entries[i], at, y + down, room);
        at += width + APART;
    }
    return n ? down + LINE : 0;
}
