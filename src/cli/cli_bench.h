/* Declarations for the files of `gkvae bench`. */
#ifndef GKV_CLI_BENCH_H
#define GKV_CLI_BENCH_H

#include "cli.h"
#include "app/speed.h"

enum { BENCH_ROUNDS_MIN = 5, BENCH_ROUNDS_MAX = 99 };

/* The values of a figure, one for each round. */
typedef struct bench_series {
    double values[BENCH_ROUNDS_MAX];
    size_t count;
} bench_series;

void bench_add(bench_series *series, double value);
double bench_median(const bench_series *series); /* NaN without values */

/* CLI_OK; or, after a signal, reports the interruption and returns its code. */
int bench_go_on(void);

/* Each model is measured on one thread and, if there are more, on all threads. */
enum { BENCH_WIDTHS = 2, BENCH_MODELS = 2 };

typedef struct bench_model {
    const char *name;
    gkv_settings settings;
    gki_bench_training *training;
    gki_bench_operations operations;
    size_t parameters, batch;
    double refit_steps; /* steps from one refit to the next; 0 without refits */
    /* steps and evaluated images of one measurement */
    size_t steps[BENCH_WIDTHS], evaluated[BENCH_WIDTHS];
    /* steps of about a second; a signal can stop the measurement between two pieces */
    size_t piece[BENCH_WIDTHS];
    struct {
        bench_series step, evaluation, drawing; /* seconds: a step, an evaluated image, all draws */
        bench_series refit;                     /* seconds of a refit, without the first one */
        /* seconds of the first refit, which is measured once; 0 without refits */
        double first_refit;
        /* speeds as fractions of the peak in a round */
        bench_series step_share, evaluation_share, drawing_share;
        /* seconds of the parts of a step, summed over threads */
        bench_series parts[GKV_BENCH_PARTS];
    } widths[BENCH_WIDTHS];
} bench_model;

/* The g-and-k functions that are timed. */
enum { BENCH_GK_FUNCTIONS = 4 };
extern const char *const bench_gk_names[BENCH_GK_FUNCTIONS];

typedef struct bench_run {
    const char *config, *json;
    double seconds;
    size_t rounds, images;
    size_t side;  /* of the images, for --scaling */
    bool scaling; /* measures only the scaling of training */
    bool quiet;
    unsigned wanted; /* BENCH_TRAINING and so on: one bit for each */
    cli_assignments assignments;
    size_t widths;
    int threads[BENCH_WIDTHS];
    size_t models;
    bench_model model[BENCH_MODELS];
    bench_series peak[BENCH_WIDTHS];        /* operations per second */
    bench_series memory[BENCH_WIDTHS];      /* bytes per second */
    bench_series gk[BENCH_GK_FUNCTIONS][2]; /* values per second, in float and in double */
    double first_step, epoch; /* seconds from the start of `gkvae train`; NaN if not measured */
    double peak_memory;       /* bytes */
} bench_run;

/* The parts that can be measured, and the words of their bits, for --only. */
#define BENCH_WORDS "training|evaluation|draws|gk|run"
enum {
    BENCH_TRAINING = 1,
    BENCH_EVALUATION = 2,
    BENCH_DRAWING = 4,
    BENCH_GK = 8,
    BENCH_RUN = 16,
    BENCH_ALL = 31
};
enum { BENCH_OF_MODELS = BENCH_TRAINING | BENCH_EVALUATION | BENCH_DRAWING };

/* The number of timed draws from the prior, and the size of the matrices of the peak. */
enum { BENCH_DRAWS = 10000, BENCH_SQUARE = 2048 };

/* --- bench_measure.c: synthetic images in place of MNIST's, and rounds ---- */

enum { BENCH_SIDE = 28, BENCH_PIXELS = BENCH_SIDE * BENCH_SIDE };

/* count × BENCH_PIXELS grey levels; the caller frees them. */
uint8_t *bench_images(size_t count);

/* Labels for these images, with all classes equally frequent; the caller frees them. */
uint8_t *bench_labels(size_t count, size_t classes);

/* Measures all rounds. */
int bench_measure(bench_run *bench);

/* --- bench_scaling.c ------------------------------------------------------ */

/* Measures and predicts the step of the first model on many ranks, and prints it. */
int bench_scaling(bench_run *bench);

/* --- cli_bench.c ---------------------------------------------------------- */

/* --- bench_report.c ------------------------------------------------------- */

void bench_print(const bench_run *bench);
int bench_write_json(const bench_run *bench);

/* Writes a JSON value to a file. */
struct json_t;
int bench_write_text(const char *path, const struct json_t *value);

/* Checks, before the measurements, that the file can be written. It does not change the file. */
int bench_check_json(const char *path);

/* The time of a refit as a fraction of the time of the steps between two refits, without the first
 * refit; NaN without refits. */
double bench_refit_to_steps(const bench_model *model, size_t width);

/* The time of refits as a fraction of the time of steps and refits together. */
double bench_refit_share(const bench_model *model, size_t width);

#endif
