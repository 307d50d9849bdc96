/* gkvae export --explorer: chooses the images of the page. */
#include <stdlib.h>
#include <string.h>

#include "app/explorer.h"
#include "cli_export.h"
#include "gkvae/eval.h"

/* The most images of each kind, and about how many bytes all of a kind may have. */
enum { TEST_MAX = 60, TRAIN_MAX = 400, BYTES_MAX = 400000, IMAGES_MIN = 20, LABELS = 256 };

/* The arrays of a gki_explorer_images. */
typedef struct chosen {
    float *originals, *targets;
    uint8_t *labels;
    size_t *indices;
} chosen;

struct cli_export_images {
    chosen test_arrays, train_arrays;
    gki_explorer_images test, train;
};

/* Chooses up to n images in their order, as many of each label as of any other: which[n]. Returns
 * how many. Without labels they are the first ones. */
static size_t choose(const gkv_dataset *images, size_t n, size_t *which)
{
    const size_t count = gkv_dataset_count(images);
    const uint8_t *labels = gkv_dataset_labels(images);
    size_t present[LABELS] = {0}, taken[LABELS] = {0}, kinds = 0, used = 0;
    n = n < count ? n : count;
    for (size_t i = 0; labels && i < count; i++)
        kinds += present[labels[i]]++ == 0;
    const size_t most = kinds > 0 ? (n + kinds - 1) / kinds : n;
    for (size_t i = 0; i < count && used < n; i++)
        if (!labels || taken[labels[i]]++ < most)
            which[used++] = i;
    return used;
}

/* Writes an image of the data set as numbers in [0, 1]. */
static void original(const gkv_dataset *images, size_t index, size_t values, const float *target,
                     float *image)
{
    const uint8_t *pixels = gkv_dataset_pixels(images, index);
    for (size_t i = 0; i < values; i++)
        image[i] = pixels ? (float)pixels[i] / 255 : target[i];
}

/* Reads images of one half. The arrays are allocated. */
static int read_half(const cli_run *run, gkv_split half, size_t most, chosen *arrays,
                     gki_explorer_images *kept_images)
{
    const size_t values = gkv_model_values(run->model);
    const size_t fitting = BYTES_MAX / values > IMAGES_MIN ? BYTES_MAX / values : IMAGES_MIN;
    const size_t n = fitting < most ? fitting : most;
    gkv_dataset *images = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_run_images(run, half, NULL, &images));
    arrays->indices = cli_alloc(n, sizeof *arrays->indices);
    kept_images->count = choose(images, n, arrays->indices);
    arrays->originals = cli_alloc(n * values, sizeof *arrays->originals);
    arrays->targets = cli_alloc(n * values, sizeof *arrays->targets);
    arrays->labels = cli_alloc(n, sizeof *arrays->labels);
    for (size_t i = 0; i < kept_images->count; i++) {
        float *target = arrays->targets + i * values;
        CLI_CHECK(gkv_targets(images, 1, half, arrays->indices[i], &run->settings, target));
        original(images, arrays->indices[i], values, target, arrays->originals + i * values);
        if (gkv_dataset_labels(images))
            arrays->labels[i] = gkv_dataset_labels(images)[arrays->indices[i]];
    }
    kept_images->originals = arrays->originals;
    kept_images->targets = arrays->targets;
    kept_images->indices = arrays->indices;
    kept_images->labels = gkv_dataset_labels(images) ? arrays->labels : NULL;
done:
    gkv_dataset_free(images);
    return code;
}

static void free_chosen(chosen *arrays)
{
    free(arrays->originals);
    free(arrays->targets);
    free(arrays->labels);
    free(arrays->indices);
}

/* The name of the run: the last part of its path. */
static char *name_of(const cli_export_source *from)
{
    const char *path = from->arguments->model;
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    return cli_text("%.*s", (int)(end - begin), path + begin);
}

int cli_check_explorer(cli_export_source *from, const char *path)
{
    int code = CLI_OK;
    CLI_TRY(cli_check_writable(path));
    from->images = cli_alloc(1, sizeof *from->images);
    CLI_CHECK(gki_explorer_check(from->run->model));
    if (from->without_images)
        goto done;
    cli_export_images *images = from->images;
    code = read_half(from->run, GKV_TEST, TEST_MAX, &images->test_arrays, &images->test);
    if (code == CLI_OK)
        code = read_half(from->run, GKV_TRAIN, TRAIN_MAX, &images->train_arrays, &images->train);
    if (code != CLI_OK)
        cli_error(code, "the page has images of the data set; --data-folder names their folder, "
                        "and --without-images leaves them out");
done:
    return code;
}

void cli_export_images_free(cli_export_images *images)
{
    if (!images)
        return;
    free_chosen(&images->test_arrays);
    free_chosen(&images->train_arrays);
    free(images);
}

int cli_export_explorer(const cli_export_source *from, const char *path)
{
    char *name = name_of(from);
    const gki_explorer page = {.model = from->run->model,
                               .name = name,
                               .test = from->images->test,
                               .train = from->images->train};
    int code = CLI_OK;
    CLI_CHECK(gki_explorer_write(&page, NULL, path));
    struct stat file;
    const double bytes = stat(path, &file) == 0 ? (double)file.st_size : 0;
    printf("a page of %.1f MB with %zu test images and %zu training images: %s\n", bytes / 1e6,
           page.test.count, page.train.count, path);
done:
    free(name);
    return code;
}
