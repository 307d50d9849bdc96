/* Pictures that are grids of images, and the choice of the images by a fixed rule that cannot
 * favour good ones; declared in pictures.h. */
#include "pictures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/plot.h"
#include "gkvae/eval.h"
#include "gkvae/generation_metrics.h"

/* --- The choice of images ------------------------------------------------- */

/* The index of image k, from 0, among those of this label; the number of images if there is
 * none. */
static size_t find_labelled(const gkv_dataset *images, unsigned label, size_t k)
{
    const uint8_t *labels = gkv_dataset_labels(images);
    const size_t count = gkv_dataset_count(images);
    for (size_t i = 0; i < count; i++)
        if (labels[i] == label && k-- == 0)
            return i;
    return count;
}

/* The classes of the images, at most CLI_COLUMNS. */
static size_t find_classes(const gkv_dataset *images, unsigned classes[CLI_COLUMNS])
{
    size_t found = 0;
    for (unsigned label = 0; label < 256 && found < CLI_COLUMNS; label++)
        if (find_labelled(images, label, 0) < gkv_dataset_count(images))
            classes[found++] = label;
    return found;
}

size_t cli_choose(const gkv_dataset *images, size_t rounds, size_t *chosen, size_t *cols)
{
    const size_t count = gkv_dataset_count(images);
    size_t n = 0;
    if (!gkv_dataset_labels(images)) {
        *cols = count < CLI_COLUMNS ? count : CLI_COLUMNS;
        for (; n < rounds * *cols && n < count; n++)
            chosen[n] = n;
        return n / *cols * *cols;
    }
    unsigned classes[CLI_COLUMNS];
    *cols = find_classes(images, classes);
    for (size_t round = 0; round < rounds; round++)
        for (size_t c = 0; c < *cols; c++) {
            chosen[n] = find_labelled(images, classes[c], round);
            if (chosen[n] == count) /* this class has no more images, so the picture ends */
                return round * *cols;
            n++;
        }
    return n;
}

size_t cli_choose_pairs(const gkv_dataset *images, size_t *from, size_t *to)
{
    size_t chosen[CLI_PAIRS * CLI_COLUMNS], cols = 0;
    const size_t n = cli_choose(images, CLI_PAIRS, chosen, &cols);
    if (n < 2 || cols < 2)
        return 0;
    /* No image is in two pairs, and the pairs step through the classes. */
    size_t pairs = 0;
    for (; pairs < CLI_PAIRS && (pairs / (cols / 2) + 1) * cols <= n; pairs++) {
        const size_t round = pairs / (cols / 2), c = pairs % (cols / 2) * 2;
        /* Every round pairs a class with another one: 0–1, 2–3 …; 0–3, 2–5 … */
        from[pairs] = chosen[round * cols + c];
        to[pairs] = chosen[round * cols + (c + 1 + 2 * round) % cols];
    }
    return pairs;
}

/* --- Grids ---------------------------------------------------------------- */

/* Sides and source pixels of a picture of usual size. */
enum { WIDE = 2400, TALL = 2400, SOURCE = 655360, ACROSS = 4 };

cli_grid cli_grid_of(const gkv_model *model, int scale, size_t cols, size_t lines)
{
    const size_t h = gkv_model_height(model), w = gkv_model_width(model);
    cli_grid grid = {.scale = scale, .cols = cols};
    /* a few images side by side, and one block of lines */
    while (grid.scale > 1 &&
           (ACROSS * w * (size_t)grid.scale > WIDE || lines * h * (size_t)grid.scale > TALL))
        grid.scale--;
    const size_t fit = WIDE / (w * (size_t)grid.scale);
    if (fit < grid.cols)
        grid.cols = fit > 0 ? fit : 1;
    const size_t blocks = TALL / (lines * h * (size_t)grid.scale),
                 of_source = SOURCE / (lines * h * w);
    grid.most = grid.cols * (blocks > 0 ? blocks : 1);
    if (grid.most > of_source)
        grid.most = of_source > grid.cols ? of_source / grid.cols * grid.cols
                    : of_source > 0       ? of_source
                                          : 1;
    return grid;
}

static int draw_grid(const gkv_model *model, const float *images, size_t rows, size_t cols,
                     const gki_image_grid_settings *settings, const char *path)
{
    gki_image_grid_settings own = *settings;
    own.channels = gkv_model_channels(model);
    return cli_check(gki_plot_image_grid(path, images, rows, cols, gkv_model_height(model),
                                         gkv_model_width(model), &own));
}

int cli_picture_samples(const gkv_model *model, const cli_draws *draws, size_t n, size_t cols,
                        const char *path)
{
    return cli_picture_class_samples(model, NULL, 1, draws, n, cols, path);
}

int cli_picture_class_samples(const gkv_model *model, const size_t *classes, size_t n_classes,
                              const cli_draws *draws, size_t n, size_t cols, const char *path)
{
    const cli_grid grid = cli_grid_of(model, CLI_DRAW_SCALE, cols, 1);
    cols = grid.cols;
    const size_t rows = (n + cols - 1) / cols, block = rows * cols * gkv_model_values(model);
    float *images = cli_alloc(n_classes * block, sizeof *images);
    gki_image_grid_settings settings;
    int code = CLI_OK;
    gki_image_grid_defaults(&settings);
    settings.scale = grid.scale;
    settings.gap = 2;
    for (size_t c = 0; c < n_classes; c++)
        for (size_t i = n; i < rows * cols; i++) /* cells without an image */
            images[c * block + i * gkv_model_values(model)] = -INFINITY;
    for (size_t c = 0; c < n_classes; c++)
        CLI_TRY(cli_draw_images(model, draws, classes ? &classes[c] : NULL, n, images + c * block));
    code = draw_grid(model, images, n_classes * rows, cols, &settings, path);
done:
    free(images);
    return code;
}

void cli_limit(size_t n, const float *from, float *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i] > 0 ? from[i] < 1 ? from[i] : 1 : 0;
}

/* --- Reconstructions ------------------------------------------------------ */

int cli_fetch(const cli_run *run, const gkv_dataset *images, const size_t *chosen, size_t n,
              float *grey, float *seen)
{
    const size_t pixels = gkv_model_values(run->model);
    int code = CLI_OK;
    for (size_t i = 0; i < n && code == CLI_OK; i++) {
        const uint8_t *levels = gkv_dataset_pixels(images, chosen[i]);
        for (size_t k = 0; k < pixels; k++)
            grey[i * pixels + k] = (float)levels[k] / 255.0F;
        code = cli_check(
            gkv_targets(images, 1, GKV_TEST, chosen[i], &run->settings, seen + i * pixels));
        if (code == CLI_OK && gkv_settings_pixels(&run->settings) == GKV_PIXELS_CONTINUOUS)
            cli_limit(pixels, seen + i * pixels, grey + i * pixels);
    }
    return code;
}

int cli_picture_lines(const gkv_model *model, const float *const *lines, const char *const *labels,
                      size_t n_lines, size_t n, size_t cols, const char *path)
{
    const cli_grid layout = cli_grid_of(model, CLI_LINE_SCALE, cols, n_lines);
    cols = layout.cols;
    const size_t pixels = gkv_model_values(model), rows = n_lines * ((n + cols - 1) / cols);
    float *grid = cli_alloc(rows * cols * pixels, sizeof *grid);
    for (size_t i = 0; i < rows / n_lines * cols; i++)
        for (size_t l = 0; l < n_lines; l++) {
            float *cell = grid + ((i / cols * n_lines + l) * cols + i % cols) * pixels;
            if (i < n)
                memcpy(cell, lines[l] + i * pixels, pixels * sizeof *grid);
            else
                cell[0] = -INFINITY; /* a cell without an image */
        }
    gki_image_grid_settings settings;
    gki_image_grid_defaults(&settings);
    settings.scale = layout.scale;
    settings.gap = 3;
    settings.block_rows = n_lines;
    settings.row_labels = labels;
    settings.n_row_labels = n_lines;
    const int code = draw_grid(model, grid, rows, cols, &settings, path);
    free(grid);
    return code;
}

int cli_picture_reconstructions(const cli_run *run, const gkv_dataset *images, const size_t *chosen,
                                size_t n, size_t cols, const char *path)
{
    static const char *const labels[] = {"original", "binarized", "reconstructed"};
    static const char *const grey_labels[] = {"original", "reconstructed"};
    const bool binary = gkv_settings_pixels(&run->settings) == GKV_PIXELS_BINARY;
    const size_t pixels = gkv_model_values(run->model);
    float *grey = cli_alloc(n * pixels, sizeof *grey), *seen = cli_alloc(n * pixels, sizeof *seen);
    float *codes = cli_alloc(n * gkv_model_latent(run->model), sizeof *codes);
    float *decoded = cli_alloc(n * pixels, sizeof *decoded);
    int code = CLI_OK;
    CLI_TRY(cli_fetch(run, images, chosen, n, grey, seen));
    CLI_CHECK(gkv_model_encode(run->model, n, seen, NULL, codes));
    CLI_CHECK(gkv_model_decode(run->model, n, codes, NULL, decoded));
    if (binary)
        code = cli_picture_lines(run->model, (const float *const[]){grey, seen, decoded}, labels, 3,
                                 n, cols, path);
    else
        code = cli_picture_lines(run->model, (const float *const[]){grey, decoded}, grey_labels, 2,
                                 n, cols, path);
done:
    free(grey);
    free(seen);
    free(codes);
    free(decoded);
    return code;
}

/* --- Draws and training images -------------------------------------------- */

int cli_picture_nearest(const cli_run *run, const gkv_dataset *training, uint64_t seed, size_t n,
                        const char *path)
{
    static const char *const labels[] = {"drawn", "nearest"};
    const size_t pixels = gkv_model_values(run->model);
    float *drawn = cli_alloc(n * pixels, sizeof *drawn),
          *nearest = cli_alloc(n * pixels, sizeof *nearest);
    uint32_t place[CLI_NEAREST];
    int code = CLI_OK;
    const cli_draws draws = {.seed = seed, .temperature = run->settings.eval.temperature};
    CLI_TRY(cli_draw_images(run->model, &draws, NULL, n, drawn));
    if (gkv_settings_pixels(&run->settings) == GKV_PIXELS_CONTINUOUS)
        cli_limit(n * pixels, drawn, drawn);
    CLI_CHECK(
        gkv_nearest(n, gkv_dataset_count(training), pixels, drawn, gkv_dataset_pixels(training, 0),
                    &(gkv_run_options){.threads = (int)run->settings.train.threads}, place, NULL));
    for (size_t i = 0; i < n; i++) {
        const uint8_t *levels = gkv_dataset_pixels(training, place[i]);
        for (size_t k = 0; k < pixels; k++)
            nearest[i * pixels + k] = (float)levels[k] / 255.0F;
    }
    code = cli_picture_lines(run->model, (const float *const[]){drawn, nearest}, labels, 2, n,
                             2 * CLI_COLUMNS, path);
done:
    free(drawn);
    free(nearest);
    return code;
}

/* --- Interpolations ------------------------------------------------------- */

/* ε of both ends of each interpolation, [2n, latent]: first all beginnings, then all ends. */
static int ends_in_eps(const cli_run *run, const gkv_dataset *images, const size_t *from,
                       const size_t *to, size_t n, float *seen, float *eps)
{
    const size_t pixels = gkv_model_values(run->model);
    float *codes = cli_alloc(2 * n * gkv_model_latent(run->model), sizeof *codes);
    int code = CLI_OK;
    for (size_t i = 0; i < 2 * n; i++)
        CLI_CHECK(gkv_targets(images, 1, GKV_TEST, i < n ? from[i] : to[i - n], &run->settings,
                              seen + i * pixels));
    CLI_CHECK(gkv_model_encode(run->model, 2 * n, seen, NULL, codes));
    CLI_CHECK(gkv_model_normalise(run->model, 2 * n, codes, NULL, eps));
done:
    free(codes);
    return code;
}

/* The decoder's images along the line from each eps[r] to eps[n + r], [n × steps, pixels]. */
static int decode_interpolations(const gkv_model *model, size_t n, size_t steps, const float *eps,
                                 float *decoded)
{
    const size_t d = gkv_model_latent(model);
    float *codes = cli_alloc(n * steps * d, sizeof *codes);
    int code = CLI_OK;
    for (size_t r = 0; r < n; r++)
        for (size_t s = 0; s < steps; s++) {
            const float t = steps > 1 ? (float)s / (float)(steps - 1) : 0.5F;
            for (size_t j = 0; j < d; j++)
                codes[(r * steps + s) * d + j] =
                    (1 - t) * eps[r * d + j] + t * eps[(n + r) * d + j];
        }
    CLI_CHECK(gkv_model_generate(model, n * steps, codes, NULL, codes));
    CLI_CHECK(gkv_model_decode(model, n * steps, codes, NULL, decoded));
done:
    free(codes);
    return code;
}

int cli_picture_class_interpolations(const gkv_model *model, size_t from, size_t to, uint64_t seed,
                                     double temperature, size_t n, size_t steps, const char *path)
{
    const size_t d = gkv_model_latent(model);
    float *eps = cli_alloc(2 * n * d, sizeof *eps),
          *decoded = cli_alloc(n * steps * gkv_model_values(model), sizeof *decoded);
    gki_image_grid_settings settings;
    int code = CLI_OK;
    CLI_CHECK(gkv_model_sample_class(model, n, from, seed, 0, temperature, NULL, eps));
    CLI_CHECK(gkv_model_sample_class(model, n, to, seed, n, temperature, NULL, eps + n * d));
    CLI_CHECK(gkv_model_normalise(model, 2 * n, eps, NULL, eps));
    CLI_TRY(decode_interpolations(model, n, steps, eps, decoded));
    gki_image_grid_defaults(&settings);
    settings.scale = cli_grid_of(model, CLI_LINE_SCALE, steps, 1).scale;
    settings.gap = 3;
    code = draw_grid(model, decoded, n, steps, &settings, path);
done:
    free(eps);
    free(decoded);
    return code;
}

int cli_picture_interpolations(const cli_run *run, const gkv_dataset *images, const size_t *from,
                               const size_t *to, size_t n, size_t steps, const char *path)
{
    const size_t pixels = gkv_model_values(run->model), d = gkv_model_latent(run->model),
                 cols = steps + 2;
    float *seen = cli_alloc(2 * n * pixels, sizeof *seen), *eps = cli_alloc(2 * n * d, sizeof *eps);
    float *decoded = cli_alloc(n * steps * pixels, sizeof *decoded);
    float *grid = cli_alloc(n * cols * pixels, sizeof *grid);
    const char **columns = cli_alloc(cols, sizeof *columns);
    int code = CLI_OK;
    CLI_TRY(ends_in_eps(run, images, from, to, n, seen, eps));
    CLI_TRY(decode_interpolations(run->model, n, steps, eps, decoded));
    for (size_t r = 0; r < n; r++) {
        float *row = grid + r * cols * pixels;
        memcpy(row, seen + r * pixels, pixels * sizeof *row);
        memcpy(row + pixels, decoded + r * steps * pixels, steps * pixels * sizeof *row);
        memcpy(row + (steps + 1) * pixels, seen + (n + r) * pixels, pixels * sizeof *row);
    }
    columns[0] = "from";
    for (size_t s = 0; s < steps; s++)
        columns[s + 1] = "";
    columns[cols - 1] = "to";
    gki_image_grid_settings settings;
    gki_image_grid_defaults(&settings);
    settings.scale = cli_grid_of(run->model, CLI_LINE_SCALE, cols, 1).scale;
    settings.gap = 3;
    settings.column_labels = columns;
    settings.n_column_labels = cols;
    code = draw_grid(run->model, grid, n, cols, &settings, path);
done:
    free(seen);
    free(eps);
    free(decoded);
    free(grid);
    free(columns);
    return code;
}
