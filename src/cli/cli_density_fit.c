/* gkvae density fit */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "cli_density.h"
#include "cli_gk.h"
#include "gkvae/gk_fit.h"
#include "ranks.h"
#include "records.h"

enum { RESOLUTION = 256, LOWER, UPPER, FLOW, FOLDS, COMPONENTS, UPDATES, NO_PAGE };

/* Has the names of the candidates, which fill_names() writes. */
static char candidates_doc[CLI_DENSITY_NAMES + 64];

static const struct argp_option options[] = {
    {"out", 'o', "FOLDER", CLI_ONCE,
     "Keep the density, its figures and a page in this folder, which is created if necessary "
     "(required)",
     0},
    {"column", 'c', "NAME|NUMBER,...", CLI_ONCE,
     "Fit these columns, given by names of the header or by numbers from 1 (default: all columns "
     "of numbers)",
     0},
    {"candidates", 'C', "NAME,...", CLI_ONCE, candidates_doc, 0},
    {"margin", 'm', cli_density_margins, 0,
     "The kind of the margins; auto chooses one for each column by cross-validation (default: "
     "auto)",
     0},
    {"flow", FLOW, "NAME", 0, "The flow, as in model.prior_flow (default: realnvp)", 0},
    {"updates", UPDATES, "N", 0, "The most updates of a training of the flow (default: 6000)", 0},
    {"components", COMPONENTS, "K", 0,
     "The most components of a mixture (default: 8, but at most a quarter of the rows for each "
     "column)",
     0},
    {"folds", FOLDS, "N", 0,
     "The folds of the validation; 1 holds out a fifth of the rows (default: 5 below 1000 rows, 3 "
     "below 5000, else 1)",
     0},
    {"resolution", RESOLUTION, "auto|none|H,...", CLI_ONCE,
     "Values are rounded to multiples of H: one number for all columns, or one for each; auto "
     "recognises H; none takes values as exact (default: auto)",
     0},
    {"lower", LOWER, "NAME|NUMBER,...", CLI_ONCE,
     "Columns with the lower ends of intervals in which values lie, in the place of a column. A "
     "missing end is open: the value is censored. Needs --upper (default: none)",
     0},
    {"upper", UPPER, "NAME|NUMBER,...", CLI_ONCE,
     "The columns with the upper ends, in the order of --lower (default: none)", 0},
    {"seed", 'S', "N", 0, "The seed of all random numbers (default: 1)", 0},
    {"threads", 't', "N", 0,
     "The number of threads. The results do not depend on it (default: one per processor)", 0},
    {"json", 'j', NULL, 0, "Print JSON (default: tables)", 0},
    {"no-page", NO_PAGE, NULL, 0, "Write no page with pictures (default: write one)", 0},
    {"resume", 'r', NULL, 0,
     "Continue a fit that was interrupted, with the same table and options (default: start a new "
     "fit)",
     0},
    {"overwrite", 'w', NULL, 0, "Replace the density in the folder (default: keep it and fail)", 0},
    {"quiet", 'q', NULL, 0,
     "Print no progress and no notes on how the table was read (default: a live line on a "
     "terminal, otherwise a line for each fold, and the notes)",
     0},
    {.name = NULL},
};

typedef struct fit_arguments {
    const char *table, *folder, *columns, *lower, *upper, *resolution;
    bool resume, overwrite, quiet, json, no_page;
    int threads;
    gkv_density_settings settings;
    cli_table_arguments input;
} fit_arguments;

/* --- Arguments ------------------------------------------------------------ */

static void fill_names(void)
{
    char *names = cli_density_join(NULL, gkv_density_candidate_name, ", ");
    snprintf(candidates_doc, sizeof candidates_doc, "Fit these candidates: %s (default: all)",
             names);
    free(names);
    cli_density_fill_names();
}

static void choose_candidates(fit_arguments *a, struct argp_state *state, const char *list)
{
    char *words = cli_text("%s", list), *rest = NULL;
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        a->settings.candidates[c] = false;
    for (char *word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        a->settings.candidates[cli_choice(state, "--candidates", word, cli_density_candidates)] =
            true;
    free(words);
}

/* The first of the words is auto, which precedes the kinds. */
static gkv_density_margin margin_of(struct argp_state *state, const char *text)
{
    const int word = cli_choice(state, "--margin", text, cli_density_margins);
    return (gkv_density_margin)(GKV_DENSITY_MARGIN_AUTO + word);
}

static gkv_prior_flow_family flow_of(struct argp_state *state, const char *text)
{
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    if (gkv_settings_set(&settings, "model.prior_flow", text, "--flow") != GKV_OK)
        argp_error(state, "%s", gkv_error_message());
    return settings.model.prior_flow;
}

static void check_arguments(const fit_arguments *a, struct argp_state *state)
{
    if (!a->table)
        argp_error(state, "which table? A path, or - for standard input, is needed");
    if (!a->folder)
        argp_error(state, "--out FOLDER is needed: the density is kept in it");
    if (!a->lower != !a->upper)
        argp_error(state, "--lower and --upper need each other");
    if (a->resume && a->overwrite)
        argp_error(state, "--resume continues a fit and --overwrite replaces it: choose one");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    fit_arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->input; return 0;
    case 'o': a->folder = cli_output(state, "--out", arg, CLI_FOLDER); return 0;
    case 'c': a->columns = arg; return 0;
    case 'C': choose_candidates(a, state, arg); return 0;
    case 'm': a->settings.margin = margin_of(state, arg); return 0;
    case FLOW: a->settings.flow = flow_of(state, arg); return 0;
    case UPDATES:
        a->settings.flow_updates = cli_whole(state, "--updates", arg, 1, 10000000);
        return 0;
    case COMPONENTS:
        a->settings.max_components = cli_whole(state, "--components", arg, 1, 64);
        return 0;
    case FOLDS: a->settings.folds = cli_whole(state, "--folds", arg, 1, 20); return 0;
    case RESOLUTION: a->resolution = arg; return 0;
    case LOWER: a->lower = arg; return 0;
    case UPPER: a->upper = arg; return 0;
    case 'S': a->settings.seed = cli_whole(state, "--seed", arg, 0, INT64_MAX); return 0;
    case 't': a->threads = (int)cli_whole(state, "--threads", arg, 1, 256); return 0;
    case 'j': a->json = true; return 0;
    case NO_PAGE: a->no_page = true; return 0;
    case 'r': a->resume = true; return 0;
    case 'w': a->overwrite = true; return 0;
    case 'q': a->quiet = true; return 0;
    case ARGP_KEY_ARG:
        if (a->table)
            argp_error(state, "one table only: %s is too many", arg);
        a->table = arg;
        return 0;
    case ARGP_KEY_END: check_arguments(a, state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* --- The rows ------------------------------------------------------------- */

typedef struct chosen_rows {
    size_t n, d;
    double *x, *lower, *upper; /* [n × d]; the last two may be NULL */
    const char **names;
    double *resolution;
    gkv_table *table, *complete;
    size_t *chosen, *low, *high;
} chosen_rows;

static void rows_free(chosen_rows *rows)
{
    free(rows->x);
    free(rows->lower);
    free(rows->upper);
    free(rows->names);
    free(rows->resolution);
    free(rows->chosen);
    free(rows->low);
    free(rows->high);
    gkv_table_free(rows->complete);
    gkv_table_free(rows->table);
}

static bool contains(const size_t *list, size_t count, size_t value)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == value)
            return true;
    return false;
}

/* Leaves the columns of intervals out of those that were not named by --column. */
static size_t without_intervals(size_t *chosen, size_t count, const size_t *low, const size_t *high,
                                size_t intervals)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!contains(low, intervals, chosen[i]) && !contains(high, intervals, chosen[i]))
            chosen[kept++] = chosen[i];
    return kept;
}

static double end_of(double value, double open)
{
    return isnan(value) ? open : value;
}

/* The ends of the intervals of column `column`, in the rows of `lines`. */
static int take_intervals(const chosen_rows *rows, size_t k, size_t column, const size_t *lines)
{
    const double *low = NULL, *high = NULL;
    int code = CLI_OK;
    CLI_CHECK(gkv_table_values(rows->table, rows->low[k], &low));
    CLI_CHECK(gkv_table_values(rows->table, rows->high[k], &high));
    for (size_t i = 0; i < rows->n; i++) {
        rows->lower[i * rows->d + column] = end_of(low[lines[i]], -INFINITY);
        rows->upper[i * rows->d + column] = end_of(high[lines[i]], INFINITY);
    }
done:
    return code;
}

/* The rows of the table in which no chosen column is missing, nor both ends of an interval. */
static int find_lines(const chosen_rows *rows, size_t n_values, size_t n_intervals, size_t *lines,
                      size_t *n)
{
    const size_t all = gkv_table_rows(rows->table);
    bool *missing = cli_alloc(all, sizeof *missing);
    const double *values = NULL, *other = NULL;
    int code = CLI_OK;
    for (size_t k = 0; k < n_values; k++) {
        CLI_CHECK(gkv_table_values(rows->table, rows->chosen[k], &values));
        for (size_t i = 0; i < all; i++)
            missing[i] |= (bool)isnan(values[i]);
    }
    for (size_t k = 0; k < n_intervals; k++) {
        CLI_CHECK(gkv_table_values(rows->table, rows->low[k], &values));
        CLI_CHECK(gkv_table_values(rows->table, rows->high[k], &other));
        for (size_t i = 0; i < all; i++)
            missing[i] |= isnan(values[i]) && isnan(other[i]);
    }
    *n = 0;
    for (size_t i = 0; i < all; i++)
        if (!missing[i])
            lines[(*n)++] = i;
done:
    free(missing);
    return code;
}

static int read_resolutions(const fit_arguments *a, chosen_rows *rows)
{
    char *words = cli_text("%s", a->resolution ? a->resolution : "auto"), *rest = NULL;
    size_t count = 0;
    int code = CLI_OK;
    rows->resolution = cli_alloc(rows->d, sizeof *rows->resolution);
    for (char *word = strtok_r(words, ",", &rest); word && count < rows->d && code == CLI_OK;
         word = strtok_r(NULL, ",", &rest), count++) {
        double h = NAN;
        const bool is_number = cli_is_number(word, &h);
        const bool is_auto = strcmp(word, "auto") == 0, is_none = strcmp(word, "none") == 0;
        if (!is_auto && !is_none && (!is_number || !(h > 0) || !isfinite(h)))
            code = cli_error(CLI_USAGE,
                             "--resolution %s: \"%s\" is neither auto, none nor a number above 0",
                             a->resolution, word);
        rows->resolution[count] = is_auto ? GKV_GK_RESOLUTION_AUTO : is_none ? 0 : h;
        if (rest && *rest && count + 1 == rows->d)
            code = cli_error(CLI_USAGE, "--resolution %s: there are only %zu columns",
                             a->resolution, rows->d);
    }
    for (size_t j = count; j < rows->d && count == 1; j++)
        rows->resolution[j] = rows->resolution[0];
    if (code == CLI_OK && count != 1 && count != rows->d)
        code =
            cli_error(CLI_USAGE, "--resolution %s: give one number, or one for each of %zu columns",
                      a->resolution, rows->d);
    free(words);
    return code;
}

static int take_rows(const fit_arguments *a, chosen_rows *rows)
{
    size_t n_values = 0, n_low = 0, n_high = 0, *lines = NULL;
    const double *values = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_table_read(&a->input, a->table, a->quiet, &rows->table));
    if (a->lower) {
        CLI_TRY(cli_columns_choose(rows->table, a->table, a->lower, SIZE_MAX, a->quiet, &rows->low,
                                   &n_low));
        CLI_TRY(cli_columns_choose(rows->table, a->table, a->upper, SIZE_MAX, a->quiet, &rows->high,
                                   &n_high));
        if (n_low != n_high)
            CLI_TRY(
                cli_error(CLI_USAGE, "--lower names %zu columns and --upper %zu", n_low, n_high));
    }
    CLI_TRY(cli_columns_choose(rows->table, a->table, a->columns, SIZE_MAX, a->quiet, &rows->chosen,
                               &n_values));
    n_values = without_intervals(rows->chosen, n_values, rows->low, rows->high, n_low);
    rows->d = n_values + n_low;
    lines = cli_alloc(gkv_table_rows(rows->table), sizeof *lines);
    CLI_TRY(find_lines(rows, n_values, n_low, lines, &rows->n));
    if (rows->n < gkv_table_rows(rows->table) && !a->quiet)
        fprintf(stderr, "gkvae: %zu of %zu rows dropped: they have missing values\n",
                gkv_table_rows(rows->table) - rows->n, gkv_table_rows(rows->table));
    rows->x = cli_alloc(rows->n * rows->d, sizeof *rows->x);
    rows->names = cli_alloc(rows->d, sizeof *rows->names);
    if (n_low > 0) {
        rows->lower = cli_alloc(rows->n * rows->d, sizeof *rows->lower);
        rows->upper = cli_alloc(rows->n * rows->d, sizeof *rows->upper);
    }
    for (size_t k = 0; k < n_values; k++) {
        CLI_CHECK(gkv_table_values(rows->table, rows->chosen[k], &values));
        rows->names[k] = gkv_table_name(rows->table, rows->chosen[k]);
        for (size_t i = 0; i < rows->n; i++) {
            rows->x[i * rows->d + k] = values[lines[i]];
            if (rows->lower)
                rows->lower[i * rows->d + k] = rows->upper[i * rows->d + k] = values[lines[i]];
        }
    }
    for (size_t k = 0; k < n_low; k++) {
        rows->names[n_values + k] = gkv_table_name(rows->table, rows->low[k]);
        CLI_TRY(take_intervals(rows, k, n_values + k, lines));
    }
    for (size_t i = 0; rows->lower && i < rows->n * rows->d; i++) /* for the page */
        rows->x[i] = isinf(rows->lower[i]) ? rows->upper[i]
                     : isinf(rows->upper[i])
                         ? rows->lower[i]
                         : rows->lower[i] + (rows->upper[i] - rows->lower[i]) / 2;
    code = read_resolutions(a, rows);
done:
    free(lines);
    return code;
}

/* --- Progress and the folder ---------------------------------------------- */

enum { PART_SIZE = 96 };

typedef struct density_reporter {
    cli_live live;
    bool quiet;
    bool began;
    size_t fold; /* of the last line, without a terminal */
} density_reporter;

static bool show_progress(void *context, const gkv_progress *progress)
{
    density_reporter *reporter = context;
    const gkv_density_progress *p = progress->details;
    char text[4][PART_SIZE];
    const char *parts[4] = {text[0], text[1], text[2], text[3]};
    size_t n = 2;
    const bool is_next = p && !reporter->live.on && !reporter->quiet &&
                         (!reporter->began || p->fold != reporter->fold);
    if (!p || !(is_next || cli_live_due(&reporter->live)))
        return false;
    reporter->began = true;
    reporter->fold = p->fold;
    if (p->fold > 0)
        snprintf(text[0], PART_SIZE, "fold %zu/%zu", p->fold, p->folds);
    else
        snprintf(text[0], PART_SIZE, "all rows");
    snprintf(text[1], PART_SIZE, "%s", p->stage);
    if (p->updates > 0)
        snprintf(text[n++], PART_SIZE, "update %" PRIu64, p->updates);
    if (p->updates > 0 && isfinite(p->held_out))
        snprintf(text[n++], PART_SIZE, "held-out log density %.4f", p->held_out);
    if (reporter->live.on)
        cli_live_show(&reporter->live, parts, n);
    else
        fprintf(stderr, "%s, %s\n", text[0], text[1]);
    return false;
}

static int remove_state(const char *checkpoint)
{
    return remove(checkpoint) == 0 || errno == ENOENT
               ? CLI_OK
               : cli_error(CLI_IO, "%s: cannot be removed: %s", checkpoint, strerror(errno));
}

static int check_folder(const fit_arguments *a, const char *model, const char *checkpoint)
{
    if (cli_ranks() && a->resume)
        return cli_error(
            CLI_USAGE,
            "--resume is for one process: ranks of an MPI job keep no state of an interrupted fit");
    if (!cli_ranks_first())
        return CLI_OK;
    int code = CLI_OK;
    const bool has_model = gki_file_exists(model), has_checkpoint = gki_file_exists(checkpoint);
    if (a->resume && !has_checkpoint)
        return cli_error(CLI_CONFIG, "%s: there is no interrupted fit to resume", a->folder);
    if (!a->resume && !a->overwrite && (has_model || has_checkpoint))
        return cli_error(CLI_CONFIG,
                         "%s: the folder has %s; --overwrite replaces it%s, or name another folder",
                         a->folder, has_model ? "a density" : "an interrupted fit",
                         has_model ? "" : ", --resume continues it");
    if (a->overwrite && has_checkpoint)
        code = remove_state(checkpoint);
    return code == CLI_OK ? cli_check(gki_file_make_folder(a->folder)) : code;
}

static int write_json(const char *folder, const gkv_density *density)
{
    char *text = cli_json_text(cli_density_json(density));
    char *path = cli_text("%s/density.json", folder), *line = cli_text("%s\n", text);
    const int code = cli_check(gki_file_write_atomic(path, line, strlen(line)));
    free(path);
    free(line);
    free(text);
    return code;
}

static int write_results(const fit_arguments *a, const char *model, const char *command,
                         const gkv_density *density, const chosen_rows *data)
{
    int code = CLI_OK;
    CLI_CHECK(gkv_density_save(density, model));
    CLI_TRY(write_json(a->folder, density));
    if (!a->no_page)
        CLI_TRY(cli_density_page(a->folder, command, density, data->n, data->x));
    if (a->json)
        return cli_density_print_json(cli_density_json(density));
    cli_density_print(density);
    printf("\nkept in %s%s%s%s\n", a->folder, a->no_page ? "" : "; open ",
           a->no_page ? "" : a->folder, a->no_page ? "" : "/index.html");
done:
    return code;
}

int cli_density_fit(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .children = cli_table_options,
        .args_doc = "TABLE --out FOLDER",
        .doc = "Fits the joint density of columns of numbers: margins chosen by cross-validation, "
               "and a dependence chosen from a t copula, a normal mixture, a mixture of "
               "multivariate g-and-k distributions and a flow by the density of rows that the fit "
               "has not seen.\vRows with a missing value are dropped, and counted. Ctrl-C keeps "
               "the state of the flow's training; --resume continues from it to the same result. "
               "docs/density.md is a guide."};
    fit_arguments a = {.table = NULL};
    chosen_rows data = {.n = 0};
    gkv_density *density = NULL;
    density_reporter reporter = {.fold = 0};
    char *command = cli_command(argc, argv), *model = NULL, *checkpoint = NULL;
    int code = CLI_OK;
    cli_table_begin(&a.input);
    gkv_density_defaults(&a.settings);
    fill_names();
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    model = cli_text("%s/density.safetensors", a.folder);
    checkpoint = cli_text("%s/checkpoint.safetensors", a.folder);
    CLI_TRY(cli_ranks_same_input(a.table));
    CLI_TRY(take_rows(&a, &data));
    CLI_TRY(check_folder(&a, model, checkpoint));
    a.settings.names = data.names;
    a.settings.resolution = data.resolution;
    a.settings.lower = data.lower;
    a.settings.upper = data.upper;
    a.settings.checkpoint = checkpoint;
    a.settings.keep_checkpoint = true;
    reporter.quiet = a.quiet;
    cli_live_start(&reporter.live, !a.quiet);
    cli_catch_signals();
    const gkv_run_options how = {.threads = a.threads,
                                 .progress = show_progress,
                                 .context = &reporter,
                                 .stop = &cli_stop,
                                 .dist = cli_ranks()};
    const gkv_status status = gkv_density_fit(data.n, data.d, data.x, &a.settings, &how, &density);
    cli_live_clear(&reporter.live);
    code = cli_check(status);
    if (status == GKV_ERR_INTERRUPTED && gki_file_exists(checkpoint))
        fprintf(stderr, "gkvae: to continue, add --resume to the command\n");
    if (code == CLI_OK && cli_ranks_first())
        code = write_results(&a, model, command, density, &data);
    if (code == CLI_OK && cli_ranks_first()) /* the density replaces it */
        code = remove_state(checkpoint);
done:
    gkv_density_free(density);
    rows_free(&data);
    cli_table_end(&a.input);
    free(command);
    free(model);
    free(checkpoint);
    return code;
}
