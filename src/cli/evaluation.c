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
static void clear_pictures(const cli_evaluation *evaluation)
{
    for (size_t i = 0; i < NAMES; i++) {
        char *path = cli_evaluation_picture(evaluation, names[i]);
        unlink(path);
        free(path);
    }
    gki_file_sweep(evaluation->pictures);
}

/* Locks the folder of the pictures. GKV_ERR_BUSY if another evaluation uses it, or has just removed
 * it. */
static gkv_status lock_pictures(cli_evaluation *evaluation)
{
    gkv_status status = gki_lock_acquire(evaluation->pictures, &evaluation->lock);
    char *lock = cli_evaluation_picture(evaluation, "lock");
    if (status == GKV_OK && !gki_file_exists(lock)) {
        gki_lock_free(evaluation->lock);
        evaluation->lock = NULL;
        status = GKV_ERR_BUSY;
    } else if (status == GKV_ERR_IO && !gki_file_exists(evaluation->pictures)) {
        status = GKV_ERR_BUSY;
    }
    free(lock);
    return status;
}

int cli_evaluation_begin(cli_evaluation *evaluation)
{
    enum { EVALUATIONS = 100 }; /* at once, in one folder */
    gkv_status status = GKV_ERR_BUSY;
    for (int i = 0; i < EVALUATIONS && status == GKV_ERR_BUSY; i++) {
        free(evaluation->pictures);
        evaluation->pictures = cli_text("%s/.gkvae-eval-%d", evaluation->folder, i);
        status = gki_file_make_folder(evaluation->pictures);
        if (status == GKV_OK)
            status = lock_pictures(evaluation);
    }
    if (status == GKV_OK)
        clear_pictures(evaluation);
    return cli_check(status);
}

char *cli_evaluation_picture(const cli_evaluation *evaluation, const char *name)
{
    return cli_text("%s/%s", evaluation->pictures, name);
}

int cli_evaluation_end(cli_evaluation *evaluation, bool keep)
{
    int code = CLI_OK;
    for (size_t i = 0; evaluation->lock && i < NAMES && keep && code == CLI_OK; i++) {
        char *from = cli_evaluation_picture(evaluation, names[i]),
             *to = cli_text("%s/%s", evaluation->folder, names[i]);
        if (rename(from, to) != 0 && errno != ENOENT) /* this picture was not drawn */
            code = cli_error_errno(errno, "%s: cannot be written", to);
        free(from);
        free(to);
    }
    if (evaluation->lock) { /* removed while it is locked */
        char *lock = cli_evaluation_picture(evaluation, "lock");
        clear_pictures(evaluation);
        unlink(lock);
        rmdir(evaluation->pictures);
        free(lock);
    }
    gki_lock_free(evaluation->lock);
    free(evaluation->pictures);
    free(evaluation->curves_data[0]);
    free(evaluation->curves_data[1]);
    evaluation->curves_data[0] = evaluation->curves_data[1] = NULL;
    evaluation->lock = NULL;
    evaluation->pictures = NULL;
    return code;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int draw_reconstructions(cli_evaluation *evaluation, const gkv_dataset *test,
                                const char *path)
{
    size_t chosen[BLOCKS * CLI_COLUMNS], cols = 0;
    const bool binary = gkv_settings_pixels(&evaluation->run->settings) == GKV_PIXELS_BINARY;
    size_t n = cli_choose(test, BLOCKS, chosen, &cols);
    n = smaller(n, cli_grid_of(evaluation->run->model, CLI_LINE_SCALE, cols, binary ? 3 : 2).most);
    evaluation->reconstructions = n > 0;
    evaluation->of_all_classes = n >= cols;
    return n > 0 ? cli_picture_reconstructions(evaluation->run, test, chosen, n, cols, path)
                 : CLI_OK;
}

static int draw_interpolations(cli_evaluation *evaluation, const gkv_dataset *test,
                               const char *path)
{
    size_t from[CLI_PAIRS], to[CLI_PAIRS];
    const cli_grid grid = cli_grid_of(evaluation->run->model, CLI_LINE_SCALE, CLI_STEPS + 2, 1);
    const size_t steps = grid.cols > 5 ? grid.cols - 2 : 3, rows = grid.most / (steps + 2);
    const size_t n = smaller(cli_choose_pairs(test, from, to), rows > 0 ? rows : 1);
    evaluation->interpolations = n > 0;
    return n > 0 ? cli_picture_interpolations(evaluation->run, test, from, to, n, steps, path)
                 : CLI_OK;
}

static int draw_samples(cli_evaluation *evaluation, const gkv_dataset *test, const char *path)
{
    (void)test;
    const cli_draws draws = {.seed = evaluation->sample_seed,
                             .temperature = evaluation->run->settings.eval.temperature};
    evaluation->samples = smaller(
        SAMPLES, cli_grid_of(evaluation->run->model, CLI_DRAW_SCALE, SAMPLE_COLUMNS, 1).most);
    return cli_picture_samples(evaluation->run->model, &draws, evaluation->samples, SAMPLE_COLUMNS,
                               path);
}

static int draw_nearest(cli_evaluation *evaluation, const gkv_dataset *test, const char *path)
{
    (void)test;
    evaluation->nearest = smaller(
        CLI_NEAREST, cli_grid_of(evaluation->run->model, CLI_LINE_SCALE, 2 * CLI_COLUMNS, 2).most);
    return evaluation->training
               ? cli_picture_nearest(evaluation->run, evaluation->training, evaluation->sample_seed,
                                     evaluation->nearest, path)
               : CLI_OK;
}

/* A row of draws for each class of the base. */
static int draw_classes(cli_evaluation *evaluation, const gkv_dataset *test, const char *path)
{
    (void)test;
    size_t classes[256];
    const size_t count = gkv_model_classes(evaluation->run->model);
    for (size_t c = 0; c < count; c++)
        classes[c] = c;
    const cli_draws draws = {.seed = evaluation->sample_seed, .temperature = 1};
    if (count == 0)
        return CLI_OK;
    const cli_grid grid = cli_grid_of(evaluation->run->model, CLI_DRAW_SCALE, SAMPLE_COLUMNS, 1);
    const size_t each = smaller(grid.cols, grid.most / count);
    return cli_picture_class_samples(evaluation->run->model, classes, count, &draws,
                                     each > 0 ? each : 1, SAMPLE_COLUMNS, path);
}

static int draw_latent(cli_evaluation *evaluation, const gkv_dataset *test, const char *path)
{
    evaluation->latent = evaluation->codes > 1;
    return evaluation->latent ? cli_picture_latent(evaluation->run, test, evaluation->codes,
                                                   evaluation->explained, path)
                              : CLI_OK;
}

static int draw_base(cli_evaluation *evaluation, const gkv_dataset *test, const char *path)
{
    evaluation->base = evaluation->codes > 1;
    return evaluation->base ? cli_picture_base(evaluation->run, test, evaluation->codes, path)
                            : CLI_OK;
}

static int draw_curves(cli_evaluation *evaluation, const gkv_dataset *test, const char *path)
{
    (void)test;
    char *terms = cli_evaluation_picture(evaluation, "terms.png");
    const int code = cli_picture_curves(evaluation->folder, path, terms, &evaluation->curves,
                                        evaluation->curves_data);
    free(terms);
    return code;
}

int cli_evaluation_draw(cli_evaluation *evaluation, const gkv_dataset *test)
{
    static const struct {
        const char *name;
        int (*draw)(cli_evaluation *evaluation, const gkv_dataset *test, const char *path);
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
    evaluation->codes = count < CODES_MAX ? count : CODES_MAX;
    evaluation->labelled = gkv_dataset_labels(test) != NULL;
    int code = CLI_OK;
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures && code == CLI_OK; i++) {
        if (cli_stop)
            return cli_error(128 + (int)cli_stop, "stopped before %s was drawn", pictures[i].name);
        char *path = cli_evaluation_picture(evaluation, pictures[i].name);
        code = pictures[i].draw(evaluation, test, path);
        free(path);
    }
    return code;
}
