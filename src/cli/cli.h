/* Declarations for the commands of the program.
 *
 * Each command is a function that gets its own arguments, with argv[0] set to its
 * full name ("gkvae train"), and returns an exit code. The function that finds an
 * error prints the message with cli_error() or cli_check() and returns the code.
 * Its callers clean up and return the same code. */
#ifndef GKV_CLI_CLI_H
#define GKV_CLI_CLI_H

#include <argp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gkvae/data.h"
#include "gkvae/model.h"
#include "ranks.h"

/* Exit codes. Scripts rely on them; `gkvae --help` and docs/exit-codes.md list them. An
 * interrupted program exits with 128 plus the number of the signal: 129, 130 or 143. */
enum {
    CLI_OK = 0,
    CLI_INTERNAL = 1,
    CLI_USAGE = 2,
    CLI_DATA = 3,
    CLI_CONFIG = 4,
    CLI_IO = 5,
    CLI_NUMERIC = 6,
    CLI_BUSY = 7,
    CLI_MEMORY = 8
};

/* For functions with `int code = CLI_OK;` and a clean-up section at `done:`. */
#define CLI_TRY(call)       \
    do {                    \
        code = (call);      \
        if (code != CLI_OK) \
            goto done;      \
    } while (0)
#define CLI_CHECK(call) CLI_TRY(cli_check(call))

/* --- commands, one in each file ------------------------------------------- */

int cli_train(int argc, char **argv);
int cli_eval(int argc, char **argv);
int cli_sample(int argc, char **argv);
int cli_reconstruct(int argc, char **argv);
int cli_interpolate(int argc, char **argv);
int cli_encode(int argc, char **argv);
int cli_features(int argc, char **argv);
int cli_features_train(int argc, char **argv);
int cli_explore(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_base_fit(int argc, char **argv);
int cli_data_get(int argc, char **argv);
int cli_data_info(int argc, char **argv);
int cli_data_import(int argc, char **argv);
int cli_data_list(int argc, char **argv);
int cli_fit(int argc, char **argv);
int cli_gk(int argc, char **argv);
int cli_density_fit(int argc, char **argv);
int cli_density_eval(int argc, char **argv);
int cli_density_sample(int argc, char **argv);
int cli_density_log_density(int argc, char **argv);
int cli_density_conditional(int argc, char **argv);
int cli_density_outliers(int argc, char **argv);
int cli_compare(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_settings(int argc, char **argv);
int cli_completion(int argc, char **argv);
int cli_version(int argc, char **argv);

/* Checks the arguments of gkvae eval for a model of these settings; argv[0] is the name of the
 * command. CLI_OK if they are valid; *of_test states whether they select test images. A usage error
 * ends the process. */
int cli_eval_check(int argc, char **argv, const gkv_settings *settings, bool *of_test);

/* --- main.c --------------------------------------------------------------- */

typedef struct cli_command_row {
    const char *name; /* one word or two */
    int (*run)(int argc, char **argv);
    const char *about;
} cli_command_row;

/* The i-th command, from 0, as in gkvae --help; NULL past the last. */
const cli_command_row *cli_command_at(size_t i);

/* --- messages.c ----------------------------------------------------------- */

/* Prints "gkvae: …" and a newline on standard error; returns the code. */
int cli_error(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a call of the system that failed with this errno: appends ": " and the reason.
 * Returns CLI_MEMORY for ENOMEM and CLI_IO otherwise. */
int cli_error_errno(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The exit code of a library's status. */
int cli_code(gkv_status status);

/* The message of the last failed call of the library, with the option that helps in parentheses. It
 * is valid until the next call on this thread. */
const char *cli_reason(void);

/* CLI_OK for GKV_OK; else prints the library's message and returns its exit code. */
int cli_check(gkv_status status);

/* Allocates zeroed memory. Without memory it prints a message and exits. */
void *cli_alloc(size_t count, size_t size);

/* "" for 1 and "s" for any other number: the ending of "epochs". */
const char *cli_plural(uint64_t n);

/* Compares two doubles, for qsort(). */
int cli_ascending(const void *a, const void *b);

/* Lets jansson allocate by cli_alloc(), so that no JSON lacks a part because memory was out. */
void cli_watch_json(void);

/* printf() into allocated memory, which the caller frees. */
char *cli_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The words, quoted for a shell; the caller frees the text. */
char *cli_quote(size_t count, const char *const *words);

/* The command line of argc and argv, quoted for a shell; the caller frees the text. */
char *cli_command(int argc, char **argv);

/* The name that the program was called by. */
extern const char *cli_program;

/* --- terminal.c ----------------------------------------------------------- */

/* From now on, control characters do not pass standard output and standard error. When the program
 * ends, a full or closed standard output is reported as an error. */
void cli_watch_streams(void);

/* --- options.c ------------------------------------------------------------ */

/* The flag of an option that names what the command reads or writes, or a list: given twice, it is
 * refused. Of other options the last value counts, as is usual. */
enum { CLI_ONCE = 0x1000 };

/* argp_parse(), after refusing an unknown long option with the nearest known one, and options
 * that are given twice. */
int cli_parse(const struct argp *argp, int argc, char **argv, void *input);

/* The table of options of a command. It runs the command up to cli_parse(), which then parses
 * nothing and ends it. */
const struct argp *cli_argp_of(int (*run)(int argc, char **argv));

/* The options of a table and of its children, in their order; returns how many. */
enum { CLI_OPTIONS_MAX = 64 };
size_t cli_argp_options(const struct argp *argp, const struct argp_option *list[CLI_OPTIONS_MAX]);

/* The text as a whole number, or as a number, in a range. Any other text is a usage error. */
uint64_t cli_whole(struct argp_state *state, const char *option, const char *text, uint64_t low,
                   uint64_t high);
double cli_number(struct argp_state *state, const char *option, const char *text, double low,
                  double high);

/* The text as a path to read from: a usage error if it is empty. */
const char *cli_path(struct argp_state *state, const char *option, const char *text);

/* What a command writes to a path. */
typedef enum cli_format {
    CLI_PNG,
    CLI_NPY,
    CLI_IDX,
    CLI_JSON,
    CLI_HTML,
    CLI_ROWS,   /* a table: NumPy's array if the name ends in .npy, else CSV */
    CLI_ARRAYS, /* NumPy's archive by .npz, a table by .csv, else NumPy's array */
    CLI_ONNX,   /* ONNX files; any other name is that of a folder */
    CLI_PYTHON,
    CLI_FOLDER
} cli_format;

/* Whether the text ends in one of the words of the list, in any case. */
bool cli_ends_in(const char *text, const char *list);

/* The text as a path to write to. A usage error if it is empty; if it is "-", because no command
 * writes these to standard output; and if it ends as the files of another format do. */
const char *cli_output(struct argp_state *state, const char *option, const char *text,
                       cli_format format);

/* Assignments to settings, in the order of the command line. */
enum { CLI_ASSIGNMENTS_MAX = 256 };
typedef struct cli_assignments {
    struct {
        char name[64];
        const char *value, *origin;
    } list[CLI_ASSIGNMENTS_MAX];
    size_t count;
} cli_assignments;

void cli_assign(cli_assignments *all, struct argp_state *state, const char *name, const char *value,
                const char *origin);
/* "section.key=value", as after --set. */
void cli_assign_text(cli_assignments *all, struct argp_state *state, const char *text);
/* Refuses an operand that is an assignment without --set, and not a file. */
void cli_refuse_assignment(struct argp_state *state, const char *operand);
int cli_assignments_apply(const cli_assignments *all, gkv_settings *settings);

/* --- choices.c ------------------------------------------------------------ */

/* Lists of words, as in "means|medians|draws". The list of an option that is one of several words
 * is also its argument in the table of options: help, completion and messages thus have the same
 * words. */

/* The index of the word; −1 if it is not in the list. */
int cli_word_find(const char *words, const char *text);
/* The word of this index, and the list as in "a, b or c"; the caller frees them. */
char *cli_word_at(const char *words, int index);
char *cli_words_text(const char *words);
/* The index of the word. Any other text is a usage error that lists the words. */
int cli_choice(struct argp_state *state, const char *option, const char *text, const char *words);

/* --- run.c ---------------------------------------------------------------- */

/* The arguments of all commands that open a model: FOLDER or MODEL.safetensors, which is
 * needed, and --threads. Commands that read images also have --data-folder and --set.
 * They are children of a command's argp, which sets the input of each child to a
 * cli_model_arguments at ARGP_KEY_INIT. */
typedef struct cli_model_arguments {
    const char *model;
    cli_assignments assignments;
} cli_model_arguments;

/* The children of a command without images, and of a command that reads images. */
extern const struct argp_child cli_model_only[2], cli_model_and_data[3];

/* A model with its settings. A run folder gives the settings of the run. A model file alone gives
 * the settings that the model was trained with, and default paths. */
typedef struct cli_run {
    bool is_folder;
    gkv_settings settings;
    gkv_model *model;
    struct stat file; /* the state of the model's file just before it was read */
} cli_run;

/* Opens a model. CLI_CONFIG if config.ini or an assignment changes a setting that is part of the
 * model: [model], [train] except train.threads, data.validation or data.binarization. */
int cli_run_open(const cli_model_arguments *arguments, cli_run *run);
void cli_run_free(cli_run *run);

/* True if the folder's model file is no longer the one that was read. */
bool cli_run_changed(const cli_run *run, const char *folder);

/* Opens the run's images of one half; or, if `idx` is not NULL, the images of an IDX file. CLI_DATA
 * if they do not have the model's size. */
int cli_run_images(const cli_run *run, gkv_split half, const char *idx, gkv_dataset **out);

/* --- run.c, outputs ------------------------------------------------------- */

/* CLI_USAGE if `path`, the file that an option names for output, is the file `other`, which the
 * command also reads or writes. Either path may be NULL, which means no file. */
int cli_output_spares(const char *option, const char *path, const char *other);

/* The same check for all files of a run and its images. */
int cli_output_spares_run(const char *option, const char *path,
                          const cli_model_arguments *arguments, const cli_run *run);

/* --- terminal.c ----------------------------------------------------------- */

/* A line on standard error that is rewritten in place, at most ten times a second and
 * never wider than the terminal. Off when standard error is not a terminal. */
typedef struct cli_live {
    bool on, shown;
    double last;
} cli_live;

double cli_seconds(void);
void cli_live_start(cli_live *live, bool wanted);
bool cli_live_due(const cli_live *live);
/* Shows as many of the parts, from the first, as fit. */
void cli_live_show(cli_live *live, const char *const *parts, size_t n_parts);
/* Removes the line, so that other output can be printed. */
void cli_live_clear(cli_live *live);

/* "1:05" or "2:03:10". */
const char *cli_duration(double seconds, char buffer[32]);

/* A number with this many decimal places, with the character − for minus and without −0. */
const char *cli_decimal(double value, int places, char buffer[32]);

/* The number of columns of standard output; SIZE_MAX if it is not a terminal. */
size_t cli_output_width(void);

/* The number of columns of a UTF-8 text; each character counts as one. */
size_t cli_columns(const char *text);

/* Prints a table, with the cells of each row after those of the previous row. The letters
 * 'l' and 'r' of `align` align the columns. NULL is an empty cell. */
void cli_table(const char *const *cells, size_t n_rows, size_t n_columns, const char *align);

/* --- terminal.c, signals -------------------------------------------------- */

/* From now on SIGINT, SIGTERM and SIGHUP set cli_stop to their number. A second signal ends
 * the program at once, except a second SIGHUP, because a closing terminal may send several.
 * A SIGHUP that is already ignored, as under nohup, stays ignored. */
void cli_catch_signals(void);
extern volatile sig_atomic_t cli_stop;

/* The name of the base of a model's prior, as in model.base. */
const char *cli_base_name(const gkv_model *model, char text[GKV_NAME_SIZE]);

#endif
