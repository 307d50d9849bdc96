/* Pictures of a model. Each writes one PNG and returns an exit code. */
#ifndef GKV_CLI_PICTURES_H
#define GKV_CLI_PICTURES_H

#include "cli.h"
#include "cli_draws.h"

/* Columns of a picture by class, and the steps between two images. */
enum { CLI_COLUMNS = 10, CLI_STEPS = 12, CLI_PAIRS = 8, CLI_PANELS = 6 };

/* The most PNG pixels of an image pixel's side in pictures of draws, and of lines of images. */
enum { CLI_DRAW_SCALE = 3, CLI_LINE_SCALE = 4 };

/* How a grid shows images of the model's size: large images in fewer columns and less enlarged, so
 * that the picture is about as wide as one of small images. */
typedef struct cli_grid {
    int scale;   /* PNG pixels on a side of one image pixel */
    size_t cols; /* columns */
    /* The most images whose picture has a usual size: for pictures that choose their images. */
    size_t most;
} cli_grid;

/* The grid for so many columns at this scale, if the images are small. `lines` is the number of
 * versions of each image, one below another, and `most` is a multiple of the columns unless fewer
 * fit. */
cli_grid cli_grid_of(const gkv_model *model, int scale, size_t cols, size_t lines);

/* --- picture_images.c ----------------------------------------------------- */

/* Draws n images from the prior, `cols` in each row. */
int cli_picture_samples(const gkv_model *model, const cli_draws *draws, size_t n, size_t cols,
                        const char *path);

/* The same for classes: a block of rows for each of n_classes classes, with n draws each. */
int cli_picture_class_samples(const gkv_model *model, const size_t *classes, size_t n_classes,
                              const cli_draws *draws, size_t n, size_t cols, const char *path);

/* Lines of the first n draws of the seed's sequence, at most CLI_NEAREST, with the nearest training
 * image below each. */
enum { CLI_NEAREST = 40 };
int cli_picture_nearest(const cli_run *run, const gkv_dataset *training, uint64_t seed, size_t n,
                        const char *path);

/* Blocks of `cols` images: the grey original, the image that the model saw (unless it is the
 * original), and the decoder's mean at the code. chosen[n] are the indices of the images. */
int cli_picture_reconstructions(const cli_run *run, const gkv_dataset *images, const size_t *chosen,
                                size_t n, size_t cols, const char *path);

/* Limits n values of continuous images to [0, 1]. */
void cli_limit(size_t n, const float *from, float *to);

/* Reads images chosen[n], in grey and as the model sees them, [n, pixels] each. */
int cli_fetch(const cli_run *run, const gkv_dataset *images, const size_t *chosen, size_t n,
              float *grey, float *seen);

/* Blocks of `cols` images, with one line for each version of the images, [n, pixels] each. */
int cli_picture_lines(const gkv_model *model, const float *const *lines, const char *const *labels,
                      size_t n_lines, size_t n, size_t cols, const char *path);

/* Interpolations from image from[r] to image to[r] along a straight line in ε, with `steps` images
 * each. */
int cli_picture_interpolations(const cli_run *run, const gkv_dataset *images, const size_t *from,
                               const size_t *to, size_t n, size_t steps, const char *path);

/* The same from n draws of class `from` to n draws of class `to`. */
int cli_picture_class_interpolations(const gkv_model *model, size_t from, size_t to, uint64_t seed,
                                     double temperature, size_t n, size_t steps, const char *path);

/* The first image of every class, then the second of each, and so on: `rounds` of at
 * most CLI_COLUMNS classes. Without labels, the first images. Returns how many are in
 * chosen[rounds·CLI_COLUMNS]; *cols is how many make up a round. */
size_t cli_choose(const gkv_dataset *images, size_t rounds, size_t *chosen, size_t *cols);

/* Chooses CLI_PAIRS pairs of images, of two classes if there are labels; returns their number. */
size_t cli_choose_pairs(const gkv_dataset *images, size_t *from, size_t *to);

/* --- picture_plots.c ------------------------------------------------------ */

/* Codes of the first n test images on their two principal axes, coloured by label.
 * explained[2] receives the axes' shares of the variance. */
int cli_picture_latent(const cli_run *run, const gkv_dataset *test, size_t n, double explained[2],
                       const char *path);

/* The CLI_PANELS dimensions of ε whose draws for the first n test images are farthest
 * from normal: their histograms under the base's margins, with QQ plots. How far is
 * 1 − W′, W′ being the squared correlation of the sorted draws with normal scores
 * (Shapiro and Francia, Journal of the American Statistical Association 67, 1972). */
int cli_picture_base(const cli_run *run, const gkv_dataset *test, size_t n, const char *path);

/* −ELBO over epochs, training and validation, and its two terms, from FOLDER/history.csv.
 * *drawn is false if there are no epochs to draw. data[2] receives the numbers of both pictures as
 * JSON (gki_report_figure), which the caller frees, or stays. */
int cli_picture_curves(const char *folder, const char *path, const char *terms_path, bool *drawn,
                       char *data[2]);

#endif
