/* Grids of images, enlarged without smoothing. */
#include <math.h>
#include <stdint.h>

#include "app/plot.h"
#include "app/canvas.h"

static const double GRID_MARGIN = 12, LABEL_GAP = 8;

/* The longest side of an image. */
enum { IMAGE_SIDE_MAX = 65536 };

/* The most pixels of a side and of a picture. */
static const double SIDE_MAX = 16000, PIXELS_MAX = 40e6;

/* The layout of the page. Images are measured in PNG pixels, and positions of text in units. */
typedef struct grid_layout {
    size_t rows, cols, h, w; /* h and w are those of an image as it is drawn, before `scale` */
    size_t channels;
    size_t shrink; /* the side of the blocks of pixels that are drawn as one */
    int scale, gap;
    size_t block_rows;
    double left, top;                     /* upper left corner of the first image, in pixels */
    double across, down;                  /* width and height of the grid, in pixels */
    double wide, tall;                    /* width and height of the page, in pixels */
    double title_y, columns_y, caption_y; /* baselines of the texts, in units */
} grid_layout;

void gki_image_grid_defaults(gki_image_grid_settings *settings)
{
    *settings = (gki_image_grid_settings){.scale = 4, .channels = 1, .gap = 4, .pixel_ratio = 2};
}

static size_t blocks_before(const grid_layout *layout, size_t row)
{
    return layout->block_rows ? row / layout->block_rows : 0;
}

/* The additional gap between blocks of rows. */
static double block_gap(const grid_layout *layout)
{
    return fmax(2.0 * layout->gap, 2.0 * layout->scale);
}

static double row_top(const grid_layout *layout, size_t row)
{
    return layout->top + (double)row * ((double)layout->h * layout->scale + layout->gap) +
           (double)blocks_before(layout, row) * block_gap(layout);
}

static double column_left(const grid_layout *layout, size_t column)
{
    return layout->left + (double)column * ((double)layout->w * layout->scale + layout->gap);
}

static gkv_status check_grid(size_t rows, size_t cols, size_t h, size_t w,
                             const gki_image_grid_settings *s)
{
    if (rows == 0 || cols == 0 || h == 0 || w == 0)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a grid of %zu×%zu images of %zu×%zu pixels has nothing to show", rows,
                        cols, h, w);
    if (s->scale < 1 || s->scale > 64 || s->gap < 0 || s->gap > 256)
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "an image grid's scale is %d and its gap %d; they must be in 1 … 64 and 0 … 256",
            s->scale, s->gap);
    if (s->channels != 1 && s->channels != 3)
        return gki_fail(GKV_ERR_ARGUMENT, "an image grid of %zu channels; there must be 1 or 3",
                        s->channels);
    /* Larger values could overflow in the products below. */
    if (rows > 32767 || cols > 32767 || h > IMAGE_SIDE_MAX || w > IMAGE_SIDE_MAX)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a grid of %zu×%zu images of %zu×%zu pixels is too large for a picture",
                        rows, cols, h, w);
    return GKV_OK;
}

static grid_layout plan(gki_canvas *ruler, size_t rows, size_t cols, size_t h, size_t w, int scale,
                        size_t shrink, const gki_image_grid_settings *s)
{
    grid_layout layout = {.rows = rows,
                          .cols = cols,
                          .h = (h + shrink - 1) / shrink,
                          .w = (w + shrink - 1) / shrink,
                          .channels = s->channels,
                          .shrink = shrink,
                          .scale = scale,
                          .gap = s->gap,
                          .block_rows = s->block_rows};
    const double ratio = s->pixel_ratio;
    double labels = 0;
    for (size_t i = 0; i < s->n_row_labels && s->row_labels; i++)
        labels = fmax(labels,
                      gki_canvas_text_width(ruler, s->row_labels[i], GKV_TEXT_LABEL, GKV_REGULAR));
    layout.across = (double)cols * ((double)layout.w * scale + s->gap) - s->gap;
    layout.left = ceil((GRID_MARGIN + (labels > 0 ? labels + LABEL_GAP : 0)) * ratio);
    double y = GRID_MARGIN;
    if (s->title && *s->title) {
        layout.title_y = y + GKV_TEXT_TITLE;
        y = layout.title_y + 10;
    }
    if (s->column_labels && s->n_column_labels) {
        layout.columns_y = y + GKV_TEXT_LABEL * 0.8;
        y = layout.columns_y + 7;
    }
    layout.top = ceil(y * ratio);
    layout.down = row_top(&layout, rows - 1) + (double)layout.h * scale - layout.top;
    y = (layout.top + layout.down) / ratio;
    if (s->caption && *s->caption) {
        layout.caption_y = y + 8 + GKV_TEXT_TICK;
        y = layout.caption_y + 4;
    }
    layout.tall = ceil((y + GRID_MARGIN) * ratio);
    /* The page of a narrow grid is wide enough for the title and the caption, up to a limit. */
    const double words = fmax(gki_canvas_text_width(ruler, s->title, GKV_TEXT_TITLE, GKV_BOLD),
                              gki_canvas_text_width(ruler, s->caption, GKV_TEXT_TICK, GKV_REGULAR));
    layout.wide =
        layout.left + fmax(layout.across, fmin(words + 1, 640) * ratio) + ceil(GRID_MARGIN * ratio);
    return layout;
}

/* The layout at the greatest scale, up to that of the settings, at which the page is not too large;
 * if none is small enough, with pixels drawn as means of the smallest blocks that are large
 * enough. */
static grid_layout plan_bounded(gki_canvas *ruler, size_t rows, size_t cols, size_t h, size_t w,
                                const gki_image_grid_settings *s)
{
    size_t shrink = 1;
    int scale = s->scale;
    for (;;) {
        const grid_layout layout = plan(ruler, rows, cols, h, w, scale, shrink, s);
        if ((layout.wide <= SIDE_MAX && layout.tall <= SIDE_MAX &&
             layout.wide * layout.tall <= PIXELS_MAX) ||
            (shrink >= h && shrink >= w))
            return layout;
        if (scale > 1)
            scale--;
        else
            shrink++;
    }
}

/* The mean of a channel in the block of pixels of which (x, y) is drawn. */
static float block_mean(const grid_layout *layout, const float *image, size_t h, size_t w,
                        size_t channel, size_t y, size_t x)
{
    const size_t top = y * layout->shrink, left = x * layout->shrink;
    const size_t bottom = top + layout->shrink < h ? top + layout->shrink : h,
                 right = left + layout->shrink < w ? left + layout->shrink : w;
    float sum = 0;
    for (size_t row = top; row < bottom; row++)
        for (size_t column = left; column < right; column++)
            sum += image[(row * w + column) * layout->channels + channel];
    return sum / (float)((bottom - top) * (right - left));
}

/* The colour of a pixel, 0x00RRGGBB. */
static uint32_t pixel_of(const grid_layout *layout, const float *image, size_t h, size_t w,
                         size_t y, size_t x, int invert)
{
    uint32_t colour = 0;
    for (size_t c = 0; c < 3; c++) {
        const float value = block_mean(layout, image, h, w, c % layout->channels, y, x);
        if (isnan(value))
            return 0x00D55E00; /* vermilion */
        const float bounded = value < 0.0F ? 0.0F : value > 1.0F ? 1.0F : value;
        colour = colour << 8 | (uint32_t)lrintf(255.0F * (invert ? 1.0F - bounded : bounded));
    }
    return colour;
}

static void draw_images(gki_canvas *canvas, const grid_layout *layout, const float *images,
                        size_t h, size_t w, int invert)
{
    cairo_surface_flush(canvas->surface);
    unsigned char *const data = cairo_image_surface_get_data(canvas->surface);
    const size_t stride = (size_t)cairo_image_surface_get_stride(canvas->surface);
    const size_t scale = (size_t)layout->scale;
    for (size_t row = 0; row < layout->rows; row++)
        for (size_t column = 0; column < layout->cols; column++) {
            const float *const image =
                images + (row * layout->cols + column) * h * w * layout->channels;
            if (image[0] == -INFINITY)
                continue;
            const size_t top = (size_t)row_top(layout, row),
                         left = (size_t)column_left(layout, column);
            for (size_t y = 0; y < layout->h * scale; y++) {
                uint32_t *const line = (uint32_t *)(void *)(data + (top + y) * stride) + left;
                for (size_t x = 0; x < layout->w * scale; x++)
                    line[x] = pixel_of(layout, image, h, w, y / scale, x / scale, invert);
            }
        }
    cairo_surface_mark_dirty(canvas->surface);
}

static void draw_words(gki_canvas *canvas, const grid_layout *layout,
                       const gki_image_grid_settings *s)
{
    const double ratio = canvas->ratio, left = layout->left / ratio,
                 max_width = canvas->width - left - GRID_MARGIN + 1;
    gki_canvas_text(
        canvas, left, layout->title_y, s->title,
        (gki_text_style){
            .size = GKV_TEXT_TITLE, .weight = GKV_BOLD, .colour = gki_ink, .max_width = max_width});
    gki_canvas_text(
        canvas, left, layout->caption_y, s->caption,
        (gki_text_style){.size = GKV_TEXT_TICK, .colour = gki_ink_soft, .max_width = max_width});
    const double cell = (double)layout->w * layout->scale / ratio;
    for (size_t c = 0; s->column_labels && c < s->n_column_labels && c < layout->cols; c++)
        gki_canvas_text(canvas, column_left(layout, c) / ratio + cell / 2, layout->columns_y,
                        s->column_labels[c],
                        (gki_text_style){.size = GKV_TEXT_TICK,
                                         .colour = gki_ink_soft,
                                         .align = 0.5,
                                         .max_width = cell + layout->gap / ratio});
    for (size_t r = 0; s->row_labels && s->n_row_labels && r < layout->rows; r++)
        gki_canvas_text(
            canvas, left - LABEL_GAP,
            (row_top(layout, r) + (double)layout->h * layout->scale / 2) / ratio,
            s->row_labels[r % s->n_row_labels],
            (gki_text_style){.size = GKV_TEXT_LABEL, .colour = gki_ink, .align = 1, .centred = 1});
}

gkv_status gki_plot_image_grid(const char *path, const float *images, size_t rows, size_t cols,
                               size_t h, size_t w, const gki_image_grid_settings *settings)
{
    gki_image_grid_settings defaults;
    gki_image_grid_defaults(&defaults);
    const gki_image_grid_settings *const s = settings ? settings : &defaults;
    GKV_TRY(check_grid(rows, cols, h, w, s));

    gki_canvas ruler = {0}, canvas = {0}; /* `ruler` only measures text */
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_canvas_open(&ruler, 8, 8, s->pixel_ratio));
    const grid_layout layout = plan_bounded(&ruler, rows, cols, h, w, s);
    GKV_TRY_GOTO(gki_canvas_open(&canvas, layout.wide / s->pixel_ratio,
                                 layout.tall / s->pixel_ratio, s->pixel_ratio));
    if (s->invert) { /* a grey background shows the edges of white images */
        gki_canvas_colour(&canvas, gki_grid_line, 1);
        gki_canvas_fill(&canvas, (layout.left - layout.gap / 2.0) / s->pixel_ratio,
                        (layout.top - layout.gap / 2.0) / s->pixel_ratio,
                        (layout.across + layout.gap) / s->pixel_ratio,
                        (layout.down + layout.gap) / s->pixel_ratio);
    }
    draw_images(&canvas, &layout, images, h, w, s->invert);
    draw_words(&canvas, &layout, s);
    GKV_TRY_GOTO(gki_canvas_save(&canvas, path));
done:
    gki_canvas_close(&ruler);
    gki_canvas_close(&canvas);
    return status;
}
