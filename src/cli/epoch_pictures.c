#include "epoch_pictures.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"

/* Images in a picture, the pixels between them, and the seed of their codes, which is that of
 * samples.png. */
enum { IMAGES = 10, GAP = 2, SEED = 1, DIGITS = 6 };

/* --- The folder ----------------------------------------------------------- */

/* The epoch of a file of the folder; 0 for any other file. */
static uint64_t epoch_of(const char *name)
{
    char *end = NULL;
    const uint64_t epoch = strtoull(name, &end, 10);
    return strlen(name) == DIGITS + strlen(".png") && strcmp(end, ".png") == 0 ? epoch : 0;
}

static char *path_of(const char *folder, uint64_t epoch)
{
    return cli_text("%s/epochs/%0*" PRIu64 ".png", folder, DIGITS, epoch);
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The epochs that have pictures, in their order; the caller frees them. */
static uint64_t *epochs_in(const char *folder, size_t *count)
{
    char *path = cli_text("%s/epochs", folder);
    DIR *const stream = opendir(path);
    uint64_t *list = cli_alloc(1, sizeof *list);
    size_t capacity = 1;
    *count = 0;
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        const uint64_t epoch = epoch_of(entry->d_name);
        if (epoch == 0)
            continue;
        if (*count == capacity) {
            uint64_t *longer = cli_alloc(2 * capacity, sizeof *longer);
            memcpy(longer, list, capacity * sizeof *list);
            free(list);
            list = longer;
            capacity *= 2;
        }
        list[(*count)++] = epoch;
    }
    if (stream)
        closedir(stream);
    free(path);
    qsort(list, *count, sizeof *list, ascending);
    return list;
}

static void remove_later(const char *folder, uint64_t epoch)
{
    size_t count;
    uint64_t *epochs = epochs_in(folder, &count);
    for (size_t i = 0; i < count; i++) {
        char *path = path_of(folder, epochs[i]);
        if (epochs[i] > epoch)
            unlink(path);
        free(path);
    }
    free(epochs);
}

/* --- Drawing -------------------------------------------------------------- */

/* Puts images[IMAGES, height, width·channels] beside each other, on white. */
static void lay_out(const gkv_model *model, const float *images, uint8_t *picture)
{
    const size_t height = gkv_model_height(model), channels = gkv_model_channels(model),
                 row = gkv_model_width(model) * channels, step = row + GAP * channels,
                 width = IMAGES * step - GAP * channels;
    memset(picture, 255, height * width);
    for (size_t i = 0; i < IMAGES; i++)
        for (size_t y = 0; y < height; y++)
            for (size_t x = 0; x < row; x++)
                picture[y * width + i * step + x] =
                    (uint8_t)lrintf(255 * fminf(fmaxf(images[(i * height + y) * row + x], 0), 1));
}

static int draw(const char *folder, const char *model_path, uint64_t epoch)
{
    gkv_model *model = NULL;
    float *codes = NULL, *images = NULL;
    uint8_t *picture = NULL;
    char *path = path_of(folder, epoch), *epochs = cli_text("%s/epochs", folder);
    int code = CLI_OK;
    CLI_CHECK(gkv_model_load(model_path, &model));
    const size_t width = IMAGES * (gkv_model_width(model) + GAP) - GAP,
                 channels = gkv_model_channels(model), height = gkv_model_height(model);
    codes = cli_alloc(IMAGES * gkv_model_latent(model), sizeof *codes);
    images = cli_alloc(IMAGES * gkv_model_values(model), sizeof *images);
    picture = cli_alloc(height * width * channels, sizeof *picture);
    CLI_CHECK(gkv_model_sample(model, IMAGES, SEED, 0, 1, NULL, codes));
    CLI_CHECK(gkv_model_decode(model, IMAGES, codes, NULL, images));
    lay_out(model, images, picture);
    CLI_CHECK(gki_file_make_folder(epochs));
    remove_later(folder, epoch);
    CLI_CHECK(gkv_png_write(path, height, width, channels, picture));
done:
    gkv_model_free(model);
    free(codes);
    free(images);
    free(picture);
    free(path);
    free(epochs);
    return code;
}

int cli_epoch_pictures_draw(cli_epoch_pictures *pictures)
{
    struct stat now;
    if (!pictures->folder || pictures->ended == 0)
        return CLI_OK;
    char *path = cli_text("%s/model.safetensors", pictures->folder);
    int code = CLI_OK;
    const bool saved =
        stat(path, &now) == 0 && (now.st_ino != pictures->model.st_ino ||
                                  now.st_mtim.tv_sec != pictures->model.st_mtim.tv_sec ||
                                  now.st_mtim.tv_nsec != pictures->model.st_mtim.tv_nsec);
    if (saved) {
        code = draw(pictures->folder, path, pictures->ended);
        pictures->model = now;
    }
    pictures->ended = 0;
    free(path);
    return code;
}

/* --- The page ------------------------------------------------------------- */

size_t cli_epoch_frames(const char *folder, gki_report_frame frames[CLI_EPOCH_FRAMES],
                        cli_texts *all)
{
    size_t count;
    uint64_t *epochs = epochs_in(folder, &count);
    const size_t used = count < CLI_EPOCH_FRAMES ? count : CLI_EPOCH_FRAMES;
    for (size_t i = 0; i < used; i++) {
        const uint64_t epoch = epochs[used > 1 ? i * (count - 1) / (used - 1) : 0];
        frames[i] = (gki_report_frame){cli_texts_keep(all, cli_text("epoch %" PRIu64, epoch)),
                                       cli_texts_keep(all, path_of(folder, epoch))};
    }
    free(epochs);
    return used;
}
