/* What the files of `gkvae bench` share. */
#ifndef GKV_CLI_BENCH_H
#define GKV_CLI_BENCH_H

#include "cli.h"
#include "gkvae/bench.h"

enum { BENCH_ROUNDS_MIN = 5, BENCH_ROUNDS_MAX = 99 };

/* A figure in every round. */
typedef struct bench_series {
    double of[BENCH_ROUNDS_MAX];
    size_t count;
} bench_series;

void bench_add(bench_series *series, double value);
double bench_median(const bench_series *series); /* NaN for none */

/* CLI_OK, or says that a signal asked to stop and returns that code. */
int bench_go_on(void);

/* Each model is measured on one thread and, if they are more, on all. */
enum { BENCH_WIDTHS = 2, BENCH_MODELS = 2 };

typedef struct bench_model {
    const char *name;
    gkv_settings settings;
    gkv_bench_training *training;
    gkv_bench_operations operations;
    size_t parameters, batch;
    double refit_steps; /* from a refit to the next; 0 without refits */
    size_t steps[BENCH_WIDTHS], evaluated[BENCH_WIDTHS]; /* of one measurement */
    size_t piece[BENCH_WIDTHS]; /* steps of about a second: between two pieces it can be stopped */
    struct {
        bench_series step, evaluation, drawing; /* seconds: a step, an evaluated image, all draws */
        bench_series refit;  /* … and a refit, but for the first one … */
        double first_refit; /* … which is measured once; 0 without refits */
        bench_series step_share, evaluation_share, drawing_share; /* of the peak in the same round */
        bench_series parts[GKV_BENCH_PARTS]; /* seconds of a step, all threads together */
    } at[BENCH_WIDTHS];
} bench_model;

/* The g-and-k functions that are timed. */
enum { BENCH_GK_FUNCTIONS = 4 };
extern const char *const bench_gk_names[BENCH_GK_FUNCTIONS];

typedef struct bench {
    const char *config, *json;
    double seconds;
    size_t rounds, images;
    bool quiet;
    unsigned wanted; /* of the five below, a bit each */
    cli_assignments assignments;
    size_t widths;
    int threads[BENCH_WIDTHS];
    size_t models;
    bench_model model[BENCH_MODELS];
    bench_series peak[BENCH_WIDTHS]; /* operations a second */
    bench_series gk[BENCH_GK_FUNCTIONS][2]; /* values a second, in float and in double */
    double first_step, epoch; /* seconds of `gkvae train`, from its start; NaN if not measured */
    double peak_memory; /* bytes */
} bench;

/* What can be measured: options of --only. */
enum { BENCH_TRAINING = 1, BENCH_EVALUATION = 2, BENCH_DRAWING = 4, BENCH_GK = 8, BENCH_RUN = 16, BENCH_ALL = 31 };
enum { BENCH_OF_MODELS = BENCH_TRAINING | BENCH_EVALUATION | BENCH_DRAWING };

/* The draws from the prior that are timed, and the size of the square product. */
enum { BENCH_DRAWS = 10000, BENCH_SQUARE = 2048 };

/* --- bench_images.c: images that stand for MNIST's --------------------------------- */

enum { BENCH_SIDE = 28, BENCH_PIXELS = BENCH_SIDE * BENCH_SIDE };

/* count × BENCH_PIXELS grey levels, to be freed. */
uint8_t *bench_images(size_t count);

/* Labels for them, to be freed: each of so many as often as any. */
uint8_t *bench_labels(size_t count, size_t classes);

/* --- bench_measure.c ------------------------------------------------------------------ */

/* All rounds. */
int bench_measure(bench *it);

/* --- bench_process.c ------------------------------------------------------------------ */

/* Trains the first model for an epoch in a process of its own. */
int bench_process(bench *it);

/* That process: FOLDER holds its config.ini. */
int bench_child(const char *folder);

/* --- bench_print.c, bench_json.c -------------------------------------------------------- */

void bench_print(const bench *it);
int bench_write_json(const bench *it);

/* Whether the file can be written, before there is anything to lose; leaves it as it is. */
int bench_check_json(const char *path);

/* A refit's time, to that of the steps from one to the next; NaN without refits. The first one is left out. */
double bench_refit_to_steps(const bench_model *model, size_t width);

/* The share of an epoch's time that refits take: the same, to both together. */
double bench_refit_share(const bench_model *model, size_t width);

#endif
