#include "app/canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "app/plot.h"
#include "core/utf8.h"

#define RGB(hex)                                                                     \
    {                                                                                \
        ((hex) >> 16 & 255) / 255.0, ((hex) >> 8 & 255) / 255.0, ((hex)&255) / 255.0 \
    }

const gki_colour gki_ink = RGB(0x1A1A1A);
const gki_colour gki_ink_soft = RGB(0x4D4D4D);
const gki_colour gki_axis_line = RGB(0x8C8C8C);
const gki_colour gki_grid_line = RGB(0xE6E6E6);
const gki_colour gki_vermilion = RGB(0xD55E00);

const gki_colour gki_palette[GKV_PLOT_COLOURS] = {
    RGB(0x3F90DA), RGB(0xBD1F01), RGB(0xFFA90E), RGB(0x832DB6), RGB(0x94A4A2),
    RGB(0xA96B59), RGB(0xE76300), RGB(0xB9AC70), RGB(0x717581), RGB(0x92DADD),
};

enum {
    SIDE_MAX = 32767, /* cairo's limit of a side, in pixels */
    TEXT_MAX = 1024   /* most bytes of a label, with the NUL */
};

gkv_status gki_canvas_open(gki_canvas *canvas, double width, double height, double ratio)
{
    *canvas = (gki_canvas){.width = width, .height = height, .ratio = ratio};
    if (!(ratio >= 0.5 && ratio <= 8))
        return gki_fail(GKV_ERR_ARGUMENT, "a picture's pixel ratio is %g; it must be in 0.5 … 8",
                        ratio);
    const double across = ceil(width * ratio - 1e-9), down = ceil(height * ratio - 1e-9);
    if (!(across >= 1 && across <= SIDE_MAX && down >= 1 && down <= SIDE_MAX))
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "a picture of %.0f×%.0f pixels: a side must have 1 … %d; draw fewer or smaller parts",
            across, down, (int)SIDE_MAX);
    canvas->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)across, (int)down);
    canvas->cr = cairo_create(canvas->surface);
    if (cairo_status(canvas->cr) != CAIRO_STATUS_SUCCESS) {
        gki_canvas_close(canvas);
        return gki_fail(GKV_ERR_MEMORY, "out of memory for a picture of %.0f×%.0f pixels", across,
                        down);
    }
    cairo_set_source_rgb(canvas->cr, 1, 1, 1);
    cairo_paint(canvas->cr);
    cairo_scale(canvas->cr, ratio, ratio);
    cairo_set_line_join(canvas->cr, CAIRO_LINE_JOIN_ROUND);
    /* Grey antialiasing without hinting, so that the font settings of a desktop do not change the
     * picture. */
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(canvas->cr, options);
    cairo_font_options_destroy(options);
    return GKV_OK;
}

static cairo_status_t write_bytes(void *writer, const unsigned char *data, unsigned int length)
{
    return gki_file_write(writer, data, length) == GKV_OK ? CAIRO_STATUS_SUCCESS
                                                          : CAIRO_STATUS_WRITE_ERROR;
}

gkv_status gki_canvas_save(gki_canvas *canvas, const char *path)
{
    if (!path || !*path)
        return gki_fail(GKV_ERR_ARGUMENT, "no path was given to write the picture to");
    const cairo_status_t drawn = cairo_status(canvas->cr);
    if (drawn == CAIRO_STATUS_NO_MEMORY)
        return gki_fail(GKV_ERR_MEMORY, "%s: out of memory while drawing", path);
    if (drawn != CAIRO_STATUS_SUCCESS)
        return gki_fail(GKV_ERR_INTERNAL, "%s: drawing failed: %s", path,
                        cairo_status_to_string(drawn));
    gki_file_writer *writer = NULL;
    GKV_TRY(gki_file_begin(path, &writer));
    cairo_surface_flush(canvas->surface);
    const cairo_status_t written =
        cairo_surface_write_to_png_stream(canvas->surface, write_bytes, writer);
    if (written == CAIRO_STATUS_SUCCESS || written == CAIRO_STATUS_WRITE_ERROR)
        return gki_file_commit(writer); /* the commit returns the reason of a failed write */
    gki_file_abandon(writer);
    return gki_fail(written == CAIRO_STATUS_NO_MEMORY ? GKV_ERR_MEMORY : GKV_ERR_INTERNAL,
                    "%s: the picture could not be written as PNG: %s", path,
                    cairo_status_to_string(written));
}

void gki_canvas_close(gki_canvas *canvas)
{
    if (canvas->cr)
        cairo_destroy(canvas->cr);
    if (canvas->surface)
        cairo_surface_destroy(canvas->surface);
    canvas->cr = NULL;
    canvas->surface = NULL;
}

void gki_canvas_colour(gki_canvas *canvas, gki_colour colour, double opacity)
{
    cairo_set_source_rgba(canvas->cr, colour.r, colour.g, colour.b, opacity);
}

void gki_canvas_fill(gki_canvas *canvas, double x, double y, double width, double height)
{
    cairo_rectangle(canvas->cr, x, y, width, height);
    cairo_fill(canvas->cr);
}

/* Copies text so that cairo accepts it. The copy is well-formed UTF-8 without control characters. A
 * text that is too long for a label ends with an ellipsis. */
static const char *drawable(const char *text, char out[TEXT_MAX])
{
    size_t length = 0;
    for (uint32_t c; (c = gki_utf8_next(&text)) != 0;) {
        if (length > TEXT_MAX - 12) {
            memcpy(out + length, "…", sizeof "…" - 1);
            length += sizeof "…" - 1;
            break;
        }
        length += gki_utf8_put(c < 0x20 || (c >= 0x7F && c < 0xA0) ? ' ' : c, out + length);
    }
    out[length] = '\0';
    return out;
}

static void choose_font(gki_canvas *canvas, double size, gki_weight weight)
{
    /* If DejaVu is missing, fontconfig chooses a similar sans-serif font. */
    cairo_select_font_face(canvas->cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           weight == GKV_BOLD ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(canvas->cr, size);
}

/* The width of a drawable text in the current font. */
static double width_of(gki_canvas *canvas, const char *safe)
{
    cairo_text_extents_t extents;
    cairo_text_extents(canvas->cr, safe, &extents);
    return extents.x_advance;
}

/* Removes characters from the end until the text fits with an ellipsis. */
static void shorten(gki_canvas *canvas, char safe[TEXT_MAX], double max_width)
{
    size_t length = strlen(safe);
    while (length > 0) {
        do
            length--;
        while (length > 0 && ((unsigned char)safe[length] & 0xC0) == 0x80);
        memcpy(safe + length, "…", sizeof "…");
        if (width_of(canvas, safe) <= max_width)
            return;
    }
}

double gki_canvas_text_width(gki_canvas *canvas, const char *text, double size, gki_weight weight)
{
    if (!text || !*text)
        return 0;
    char safe[TEXT_MAX];
    choose_font(canvas, size, weight);
    return width_of(canvas, drawable(text, safe));
}

void gki_canvas_text(gki_canvas *canvas, double x, double y, const char *text, gki_text_style style)
{
    if (!text || !*text)
        return;
    char safe[TEXT_MAX];
    cairo_t *const cr = canvas->cr;
    drawable(text, safe);
    choose_font(canvas, style.size, style.weight);
    /* A tolerance of half a unit: the limit may be exactly the width of the text. */
    if (style.max_width > 0 && width_of(canvas, safe) > style.max_width + 0.5)
        shorten(canvas, safe, style.max_width);
    const double left = -width_of(canvas, safe) * style.align,
                 base = style.centred ? style.size * 0.36 : 0;
    cairo_save(cr);
    cairo_translate(cr, x, y);
    if (style.upward)
        cairo_rotate(cr, -1.5707963267948966);
    if (style.halo) {
        cairo_move_to(cr, left, base);
        cairo_text_path(cr, safe);
        cairo_set_line_width(cr, style.size * 0.3);
        cairo_set_source_rgba(cr, 1, 1, 1, 0.9);
        cairo_stroke(cr);
    }
    cairo_move_to(cr, left, base);
    gki_canvas_colour(canvas, style.colour, 1);
    cairo_show_text(cr, safe);
    cairo_new_path(cr);
    cairo_restore(cr);
}
