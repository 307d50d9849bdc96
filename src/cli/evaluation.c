/* The files of an evaluation; declared in evaluation.h. */
#include "evaluation.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pictures.h"
#include "records.h"
#include "cli.h"

enum { BLOCKS = 4, SAMPLES = 200, SAMPLE_COLUMNS = 20, CODES_MAX = 10000 };

static const char *const names[] = {
    "metrics.json",
    "index.html",
    "samples.png",
    "reconstructions.png",
    "interpolations.png",
    "base.png",
    "latent.png",
    "curves.png",
    "terms.png",
    "classes.png",
    "nearest.png",
    /* of other images; an evaluation of test images keeps them */
    "metrics-train.json",
    "metrics-validation.json",
};
enum { NAMES = sizeof names / sizeof *names, OTHERS = 2 };

void cli_evaluation_remove(const char *folder, bool others)
{
    for (size_t i = 0; i < NAMES - (others ? 0 : OTHERS); i++) {
        char *path = cli_text("%s/%s", folder, names[i]);
        unlink(path);
        free(path);
    }
}

char *cli_evaluation_find(const char *folder)
{
    struct stat info;
    for (size_t i = 0; i < NAMES; i++) {
        char *path = cli_text("%s/%s", folder, names[i]);
        if (lstat(path, &info) == 0)
            return path;
        free(path);
    }
    return NULL;
}

/* Removes what is in the folder of the pictures. */
static void clear_pictures(const cli_evaluation *it)
{
    for (size_t i = 0; i < NAMES; i++) {
        char *path = cli_evaluation_picture(it, names[i]);
        unlink(path);
        free(path);
    }
    gki_file_sweep(it->pictures);
}

/* Locks the folder of the pictures. GKV_ERR_BUSY if another evaluation uses it, or has just removed
 * it. */
static gkv_status lock_pictures(cli_evaluation *it)
{
    gkv_status status = gki_lock_acquire(it->pictures, &it->lock);
    char *lock = cli_evaluation_picture(it, "lock");
    if (status == GKV_OK && !gki_file_exists(lock)) {
        gki_lock_free(it->lock);
        it->lock = NULL;
        status = GKV_ERR_BUSY;
    } else if (status == GKV_ERR_IO && !gki_file_exists(it->pictures)) {
        status = GKV_ERR_BUSY;
    }
    free(lock);
    return status;
}

int cli_evaluation_begin(cli_evaluation *it)
{
    enum { EVALUATIONS = 100 }; /* at once, in one folder */
    gkv_status status = GKV_ERR_BUSY;
    for (int i = 0; i < EVALUATIONS && status == GKV_ERR_BUSY; i++) {
        free(it->pictures);
        it->pictures = cli_text("%s/.gkvae-eval-%d", it->folder, i);
        status = gki_file_make_folder(it->pictures);
        if (status == GKV_OK)
            status = lock_pictures(it);
    }
    if (status == GKV_OK)
        clear_pictures(it);
    return cli_check(status);
}

char *cli_evaluation_picture(const cli_evaluation *it, const char *name)
{
    return cli_text("%s/%s", it->pictures, name);
}

int cli_evaluation_end(cli_evaluation *it, bool keep)
{
    int code = CLI_OK;
    for (size_t i = 0; it->lock && i < NAMES && keep && code == CLI_OK; i++) {
        char *from = cli_evaluation_picture(it, names[i]),
             *to = cli_text("%s/%s", it->folder, names[i]);
        if (rename(from, to) != 0 && errno != ENOENT) /* this picture was not drawn */
            code = cli_error_errno(errno, "%s: cannot be written", to);
        free(from);
        free(to);
    }
    if (it->lock) { /* removed while it is locked */
        char *lock = cli_evaluation_picture(it, "lock");
        clear_pictures(it);
        unlink(lock);
        rmdir(it->pictures);
        free(lock);
    }
    gki_lock_free(it->lock);
    free(it->pictures);
    free(it->curves_data[0]);
    free(it->curves_data[1]);
    it->curves_data[0] = it->curves_data[1] = NULL;
    it->lock = NULL;
    it->pictures = NULL;
    return code;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int draw_reconstructions(cli_evaluation *it, const gkv_dataset *test, const char *path)
{
    size_t chosen[BLOCKS * CLI_COLUMNS], cols = 0;
    const bool binary = gkv_settings_pixels(&it->run->settings) == GKV_PIXELS_BINARY;
    size_t n = cli_choose(test, BLOCKS, chosen, &cols);
    n = smaller(n, cli_grid_of(it->run->model, CLI_LINE_SCALE, cols, binary ? 3 : 2).most);
    it->reconstructions = n > 0;
    it->of_all_classes = n >= cols;
    return n > 0 ? cli_picture_reconstructions(it->run, test, chosen, n, cols, path) : CLI_OK;
}

static int draw_interpolations(cli_evaluation *it, const gkv_dataset *test, const char *path)
{
    size_t from[CLI_PAIRS], to[CLI_PAIRS];
    const cli_grid grid = cli_grid_of(it->run->model, CLI_LINE_SCALE, CLI_STEPS + 2, 1);
    const size_t steps = grid.cols > 5 ? grid.cols - 2 : 3, rows = grid.most / (steps + 2);
    const size_t n = smaller(cli_choose_pairs(test, from, to), rows > 0 ? rows : 1);
    it->interpolations = n > 0;
    return n > 0 ? cli_picture_interpolations(it->run, test, from, to, n, steps, path) : CLI_OK;
}

static int draw_samples(cli_evaluation *it, const gkv_dataset *test, const char *path)
{
    (void)test;
    const cli_draws draws = {.seed = it->sample_seed,
                             .temperature = it->run->settings.eval.temperature};
    it->samples =
        smaller(SAMPLES, cli_grid_of(it->run->model, CLI_DRAW_SCALE, SAMPLE_COLUMNS, 1).most);
    return cli_picture_samples(it->run->model, &draws, it->samples, SAMPLE_COLUMNS, path);
}

static int draw_nearest(cli_evaluation *it, const gkv_dataset *test, const char *path)
{
    (void)test;
    it->nearest =
        smaller(CLI_NEAREST, cli_grid_of(it->run->model, CLI_LINE_SCALE, 2 * CLI_COLUMNS, 2).most);
    return it->training
               ? cli_picture_nearest(it->run, it->training, it->sample_seed, it->nearest, path)
               : CLI_OK;
}

/* A row of draws for each class of the base. */
static int draw_classes(cli_evaluation *it, const gkv_dataset *test, const char *path)
{
    (void)test;
    size_t classes[256];
    const size_t count = gkv_model_classes(it->run->model);
    for (size_t c = 0; c < count; c++)
        classes[c] = c;
    const cli_draws draws = {.seed = it->sample_seed, .temperature = 1};
    if (count == 0)
        return CLI_OK;
    const cli_grid grid = cli_grid_of(it->run->model, CLI_DRAW_SCALE, SAMPLE_COLUMNS, 1);
    const size_t each = smaller(grid.cols, grid.most / count);
    return cli_picture_class_samples(it->run->model, classes, count, &draws, each > 0 ? each : 1,
                                     SAMPLE_COLUMNS, path);
}

static int draw_latent(cli_evaluation *it, const gkv_dataset *test, const char *path)
{
    it->latent = it->codes > 1;
    return it->latent ? cli_picture_latent(it->run, test, it->codes, it->explained, path) : CLI_OK;
}

static int draw_base(cli_evaluation *it, const gkv_dataset *test, const char *path)
{
    it->base = it->codes > 1;
    return it->base ? cli_picture_base(it->run, test, it->codes, path) : CLI_OK;
}

static int draw_curves(cli_evaluation *it, const gkv_dataset *test, const char *path)
{
    (void)test;
    char *terms = cli_evaluation_picture(it, "terms.png");
    const int code = cli_picture_curves(it->folder, path, terms, &it->curves, it->curves_data);
    free(terms);
    return code;
}

int cli_evaluation_draw(cli_evaluation *it, const gkv_dataset *test)
{
    static const struct {
        const char *name;
        int (*draw)(cli_evaluation *it, const gkv_dataset *test, const char *path);
    } pictures[] = {
        {"samples.png", draw_samples},
        {"nearest.png", draw_nearest},
        {"classes.png", draw_classes},
        {"reconstructions.png", draw_reconstructions},
        {"interpolations.png", draw_interpolations},
        {"base.png", draw_base},
        {"latent.png", draw_latent},
        {"curves.png", draw_curves},
    };
    const size_t count = gkv_dataset_count(test);
    it->codes = count < CODES_MAX ? count : CODES_MAX;
    it->labelled = gkv_dataset_labels(test) != NULL;
    int code = CLI_OK;
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures && code == CLI_OK; i++) {
        if (cli_stop)
            return cli_error(128 + (int)cli_stop, "stopped before %s was drawn", pictures[i].name);
        char *path = cli_evaluation_picture(it, pictures[i].name);
        code = pictures[i].draw(it, test, path);
        free(path);
    }
    return code;
}
