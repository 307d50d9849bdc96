/* gkvae fit */
#include "cli_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_gk.h"
#include "ranks.h"
#include "table_input.h"

/* --- Arguments ------------------------------------------------------------ */

enum {
    NORMAL = 256,
    NONPARAMETRIC,
    TOLERANCE,
    RESOLUTION,
    LOWER,
    UPPER,
    RESTARTS,
    SHRINKAGE,
    RESPONSIBILITIES,
    START,
    BOUNDS,
    INTERVALS,
    FREE
}; /* options without a letter */

/* The words of options; those of intervals are in the order of gkv_gk_intervals. */
#define METHOD_WORDS "octile|lm|mle"
#define INTERVALS_WORDS "wald|profile"
#define SHRINKAGE_WORDS "none|default"
#define RESOLUTION_WORDS "auto|none"

static const struct argp_option options[] = {
    {"column", 'c', "NAME|NUMBER,...", CLI_ONCE,
     "Fit these columns, given by names of the header or by numbers from 1 (default: all columns "
     "of numbers)",
     0},
    {"weights", 'w', "NAME|NUMBER", 0,
     "The column with the number of observations that each line stands for (default: one "
     "observation per line)",
     0},
    {"resolution", RESOLUTION, RESOLUTION_WORDS "|H", 0,
     "Values are rounded to multiples of H, so that each stands for an interval of this width; "
     "auto recognises H where equal values show that they are rounded; none takes values as exact. "
     "mle fits the intervals. The test of fit and the bootstrap of every method respect them "
     "(default: auto)",
     0},
    {"lower", LOWER, "NAME|NUMBER", 0,
     "The column with the lower ends of intervals in which the observations lie, in the place of "
     "--column. A missing end is open: the observation is censored. Equal ends are an exact value. "
     "Needs --upper and --method mle (default: no)",
     0},
    {"upper", UPPER, "NAME|NUMBER", 0,
     "The column with the upper ends of these intervals (default: no)", 0},
    {"method", 'm', METHOD_WORDS, 0,
     "octile, the closed form from the octiles; lm, least squares on quantiles by "
     "Levenberg–Marquardt; or mle, maximum likelihood that starts from lm (default: lm)",
     0},
    {"family", 'F', CLI_FAMILY_WORDS, 0,
     "The family that is fitted: g-and-k; gh, g-and-h, with h in place of k; or ggh, generalised "
     "g-and-h (default: gk)",
     0},
    {"levels", 'l', "M", 0,
     "The number of quantiles that lm fits (default: a quarter of the sample, limited to 7 … 99)",
     0},
    {"fix", 'f', "NAME=VALUE,...", 0,
     "Hold A, B, g, k or h at this value, or set c to another value than 0.8 (default: none)", 0},
    {"free", FREE, "c", 0,
     "Estimate c too, which is 0.8 otherwise, with a test of the c that is held without this "
     "option. Needs --method mle (default: c is held)",
     0},
    {"start", START, "NAME=VALUE,...", 0,
     "A further start of the fit: these values, and those of the octiles for the other parameters. "
     "The best fit of all starts is kept (default: none)",
     0},
    {"bounds", BOUNDS, "NAME=LOW:HIGH,...", 0,
     "Bounds of A, B, g, k or h; either end may be empty, as in B=:5 (default: none)", 0},
    {"normal", NORMAL, NULL, 0, "Fit a normal distribution for comparison: g = k = 0 (default: no)",
     0},
    {"confidence", 'C', "P", 0, "The confidence level of intervals and bands (default: 0.95)", 0},
    {"intervals", INTERVALS, INTERVALS_WORDS, 0,
     "wald, from the standard errors; or profile, from the profile likelihood, which needs "
     "--method mle (default: wald)",
     0},
    {"bootstrap", 'b', "N", 0,
     "Compute standard errors, intervals and a test of fit from N simulated samples, at least 19 "
     "(default: no)",
     0},
    {"nonparametric", NONPARAMETRIC, NULL, 0,
     "Draw the samples of the bootstrap from the data, not from the fitted distribution (default: "
     "no)",
     0},
    {"multivariate", 'M', NULL, 0,
     "Fit one distribution to all columns together: g-and-k margins and the correlation of their "
     "normal scores (default: fit each column by itself)",
     0},
    {"mixture", 'K', "K|A..B", 0,
     "Fit a mixture of K multivariate g-and-k distributions to all columns together. With A..B fit "
     "A to B of them, and choose the number with the least BIC (default: no)",
     0},
    {"restarts", RESTARTS, "N", 0,
     "Try N starts of a mixture's fit, and continue from the best (default: 8)", 0},
    {"shrinkage", SHRINKAGE, SHRINKAGE_WORDS, 0,
     "none: do not shrink correlations and shapes of a mixture; with --normal the fit then is the "
     "maximum of the likelihood (default: default)",
     0},
    {"responsibilities", RESPONSIBILITIES, "FILE.csv|FILE.npy", CLI_ONCE,
     "Write the component of each line and the probabilities of all components to this file "
     "(default: no)",
     0},
    {"held-out", 'H', "SHARE", 0,
     "Hold out this share of the lines, drawn by the seed, from a mixture's fit. The fit stops "
     "when their likelihood no longer improves (default: 0)",
     0},
    {"tolerance", TOLERANCE, "NATS", 0,
     "End a mixture's fit when two iterations in a row each gain less than this (default: 0.01 up "
     "to 2000 lines, then more, at most 2e-4 per line)",
     0},
    {"seed", 'S', "N", 0, "The seed of all random draws (default: 1)", 0},
    {"threads", 't', "N", 0,
     "The number of threads. The results do not depend on it (default: one per processor)", 0},
    {"json", 'j', NULL, 0, "Print JSON (default: a table)", 0},
    {"picture", 'p', "FILE.png", CLI_ONCE,
     "Draw the histogram, density and QQ plot of up to six columns to this file (default: no)", 0},
    {"quiet", 'q', NULL, 0,
     "Print no progress and no notes on how the table was read (default: a live line on a "
     "terminal, otherwise a line now and then)",
     0},
    {.name = NULL},
};

static gkv_gk_method method_of(struct argp_state *state, const char *text)
{
    static const gkv_gk_method methods[] = {GKV_GK_OCTILES, GKV_GK_LM, GKV_GK_MLE};
    return methods[cli_choice(state, "--method", text, METHOD_WORDS)];
}

static double resolution_of(struct argp_state *state, const char *text)
{
    const int word = cli_word_find(RESOLUTION_WORDS, text);
    if (word >= 0)
        return (const double[]){GKV_GK_RESOLUTION_AUTO, 0}[word];
    const double h = cli_number(state, "--resolution", text, 0, 1e300);
    if (!(h > 0))
        argp_error(state, "--resolution %s: must be auto, none or a number above 0", text);
    return h;
}

/* Reports arguments that do not go together. */
static void check_arguments(const cli_fit_arguments *a, struct argp_state *state)
{
    const bool fixed = a->fixed[0] || a->fixed[1] || a->fixed[2] || a->fixed[3];
    const char *joint = a->components ? "--mixture" : a->multivariate ? "--multivariate" : NULL;
    if (!a->file)
        argp_error(state, "which file? A path, or - for standard input, is needed");
    if (a->components && a->multivariate)
        argp_error(state, "--multivariate and --mixture: choose one");
    if (a->components && fixed)
        argp_error(state, "--fix does not go with --mixture: use --normal, or fit with "
                          "--multivariate or by columns");
    if (joint && a->replicates)
        argp_error(state, "--bootstrap does not go with %s: it is for fits of single columns",
                   joint);
    if (joint && a->method != GKV_GK_LM && (a->components || a->method == GKV_GK_OCTILES))
        argp_error(state, "--method %s does not go with %s",
                   a->method == GKV_GK_MLE ? "mle" : "octile", joint);
    if (fixed && a->normal)
        argp_error(state, "--normal and --fix: choose one");
    if ((fixed || a->normal) && a->method == GKV_GK_OCTILES)
        argp_error(state, "the closed form cannot hold parameters: use --method lm or mle");
    if (a->components && a->weights)
        argp_error(state,
                   "--weights does not go with --mixture: fit with --multivariate or by columns");
    cli_fit_check_mixture(a, state);
    if (a->nonparametric && !a->replicates)
        argp_error(state, "--nonparametric goes with --bootstrap");
    cli_fit_check_family(a, state);
    cli_fit_check_parameters(a, state);
    cli_fit_check_intervals(a, state);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    cli_fit_arguments *a = state->input;
    switch (key) {
    case 'c': a->columns = arg; return 0;
    case 'w': a->weights = arg; return 0;
    case 'm': a->method = method_of(state, arg); return 0;
    case 'l': a->levels = (size_t)cli_whole(state, "--levels", arg, 7, 10000000); return 0;
    case 'f': cli_fit_fix(a, state, arg); return 0;
    case FREE: cli_fit_free(a, state, arg); return 0;
    case START: cli_fit_set_start(a, state, arg); return 0;
    case BOUNDS: cli_fit_bound(a, state, arg); return 0;
    case INTERVALS:
        a->profile = cli_choice(state, "--intervals", arg, INTERVALS_WORDS) == GKV_GK_PROFILE;
        return 0;
    case NORMAL: a->normal = true; return 0;
    case 'C': a->confidence = cli_number(state, "--confidence", arg, 0.01, 0.999999); return 0;
    case 'b': a->replicates = (size_t)cli_whole(state, "--bootstrap", arg, 19, 10000000); return 0;
    case RESOLUTION:
        a->resolution = resolution_of(state, arg);
        a->resolution_given = true;
        return 0;
    case LOWER: a->lower = arg; return 0;
    case UPPER: a->upper = arg; return 0;
    case NONPARAMETRIC: a->nonparametric = true; return 0;
    case 'F': a->family = cli_choice(state, "--family", arg, CLI_FAMILY_WORDS); return 0;
    case 'M': a->multivariate = true; return 0;
    case 'K': cli_fit_set_components(a, state, arg); return 0;
    case RESTARTS: a->restarts = (size_t)cli_whole(state, "--restarts", arg, 1, 10000); return 0;
    case SHRINKAGE:
        a->unshrunk = cli_choice(state, "--shrinkage", arg, SHRINKAGE_WORDS) == 0; /* none */
        return 0;
    case RESPONSIBILITIES:
        a->responsibilities = cli_path(state, "--responsibilities", arg);
        return 0;
    case 'H': a->held_out = cli_number(state, "--held-out", arg, 0, 0.9); return 0;
    case TOLERANCE: a->tolerance = cli_number(state, "--tolerance", arg, 0, 1e300); return 0;
    case 'S': a->seed = cli_whole(state, "--seed", arg, 0, INT64_MAX); return 0;
    case 't': a->threads = (int)cli_whole(state, "--threads", arg, 1, 256); return 0;
    case 'j': a->json = true; return 0;
    case 'p': a->picture = cli_output(state, "--picture", arg, CLI_PNG); return 0;
    case 'q': a->quiet = true; return 0;
    case ARGP_KEY_ARG:
        if (a->file)
            argp_error(state, "one file only: %s is too many", arg);
        a->file = arg;
        return 0;
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->table; return 0;
    case ARGP_KEY_END: check_arguments(a, state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* --- The command ---------------------------------------------------------- */

void cli_fit_settings(const cli_fit_arguments *a, gkv_gk_fit_settings *settings)
{
    gkv_gk_fit_defaults(settings);
    settings->method = a->method;
    settings->family = (gkv_gk_family)a->family;
    settings->levels = a->levels;
    settings->c = a->c;
    settings->free_c = a->free_c;
    settings->confidence = a->confidence;
    /* after the octile method, it is not shown, and only a bootstrap needs it */
    settings->anderson_darling = a->method != GKV_GK_OCTILES || a->replicates > 0;
    settings->intervals = a->profile ? GKV_GK_PROFILE : GKV_GK_WALD;
    settings->advanced.start_competes = cli_fit_starts(a);
    for (size_t p = 0; p < CLI_PARAMETERS; p++) {
        settings->fixed[p] = a->fixed[p] || (a->normal && p >= GKV_GK_G);
        settings->low[p] = a->bounded[p] ? a->low[p] : -INFINITY;
        settings->high[p] = a->bounded[p] ? a->high[p] : INFINITY;
    }
}

double *cli_fit_rows(const cli_fit_data *data)
{
    double *rows = cli_alloc(data->n * data->n_columns, sizeof *rows);
    for (size_t c = 0; c < data->n_columns; c++)
        for (size_t i = 0; i < data->n; i++)
            rows[i * data->n_columns + c] = data->columns[c].x[i];
    return rows;
}

const char **cli_fit_names(const cli_fit_data *data)
{
    const char **names = cli_alloc(data->n_columns, sizeof *names);
    for (size_t c = 0; c < data->n_columns; c++)
        names[c] = data->columns[c].name;
    return names;
}

/* --- Columns without missing values --------------------------------------- */

/* The tables that own the columns of a fit, each with the weights last if there are weights. */
typedef struct complete_tables {
    gkv_table **tables;
    size_t n;
} complete_tables;

/* Takes columns of the table, and its weights, in the rows in which none of them is missing. */
static int take_complete(const cli_fit_arguments *a, const gkv_table *table, const size_t *columns,
                         size_t n_columns, size_t weights, complete_tables *all,
                         cli_fit_column *out)
{
    const bool weighted = weights != SIZE_MAX;
    const double *w = NULL;
    size_t *chosen = cli_alloc(n_columns + 1, sizeof *chosen);
    gkv_table *complete = NULL;
    int code = CLI_OK;
    memcpy(chosen, columns, n_columns * sizeof *chosen);
    chosen[n_columns] = weights;
    CLI_TRY(cli_columns_complete(table, chosen, n_columns + weighted, a->quiet, &complete));
    all->tables[all->n++] = complete;
    if (weighted)
        CLI_CHECK(gkv_table_numbers(complete, n_columns, &w));
    for (size_t i = 0; i < n_columns; i++) {
        out[i] = (cli_fit_column){
            .name = gkv_table_name(complete, i), .weights = w, .n = gkv_table_rows(complete)};
        CLI_CHECK(gkv_table_numbers(complete, i, &out[i].x));
    }
done:
    free(chosen);
    return code;
}

/* The columns of a table that are fitted. */
typedef struct selection {
    size_t *chosen, n_chosen;
    cli_fit_column *columns;
    complete_tables all;
    bool *complete; /* of the rows of a joint fit */
    cli_fit_data data;
    int left_out; /* the code of the first column that cannot be fitted */
    double *ends; /* the memory of intervals */
    char *name;   /* of intervals */
} selection;

/* Takes all columns, or none: a joint fit without one of them would be a different fit. */
static int take_together(const cli_fit_arguments *a, const gkv_table *table, size_t weights,
                         selection *s)
{
    int code = CLI_OK;
    CLI_TRY(take_complete(a, table, s->chosen, s->n_chosen, weights, &s->all, s->columns));
    s->data.n_columns = s->n_chosen;
    s->data.n = s->columns->n;
    s->data.weights = s->columns->weights;
    s->data.n_rows = gkv_table_rows(table);
    s->data.complete = s->complete = cli_alloc(s->data.n_rows, sizeof *s->complete);
    /* only mixtures use it, and they have no weights */
    CLI_TRY(cli_fit_find_complete(table, s->chosen, s->n_chosen, s->complete));
done:
    return code;
}

/* Takes each column by itself. Columns that cannot be read are reported; only a choice of all
 * columns can contain such columns. Without memory there is no fit at all. */
static int take_each(const cli_fit_arguments *a, const gkv_table *table, size_t weights,
                     selection *s)
{
    for (size_t i = 0; i < s->n_chosen; i++) {
        const int code = take_complete(a, table, &s->chosen[i], 1, weights, &s->all,
                                       &s->columns[s->data.n_columns]);
        s->data.n_columns += code == CLI_OK;
        if (code == CLI_MEMORY)
            return code;
        if (s->left_out == CLI_OK)
            s->left_out = code;
    }
    return CLI_OK;
}

static int select_columns(const cli_fit_arguments *a, const gkv_table *table, selection *s)
{
    size_t weights = SIZE_MAX;
    int code = CLI_OK;
    if (a->weights)
        CLI_TRY(cli_columns_find(table, "--weights", a->weights, &weights));
    if (a->lower) {
        s->columns = cli_alloc(1, sizeof *s->columns);
        s->data.columns = s->columns;
        CLI_TRY(cli_fit_take_intervals(a, table, weights, &s->ends, &s->name, s->columns));
        s->data.n_columns = 1;
        return CLI_OK;
    }
    CLI_TRY(cli_columns_choose(table, a->file, a->columns, weights, a->quiet, &s->chosen,
                               &s->n_chosen));
    if (gkv_table_rows(table) == 1 && s->n_chosen > 1)
        return cli_error(CLI_DATA,
                         "%s: the table has one row of %zu numbers, but a sample is a column: "
                         "write each number on a line of its own",
                         a->file, s->n_chosen);
    CLI_TRY(cli_fit_check_picture(a, s->n_chosen));
    s->columns = cli_alloc(s->n_chosen, sizeof *s->columns);
    s->data.columns = s->columns;
    s->all.tables = cli_alloc(s->n_chosen, sizeof(gkv_table *));
    if (a->multivariate || a->components)
        CLI_TRY(take_together(a, table, weights, s));
    else
        CLI_TRY(take_each(a, table, weights, s));
done:
    return code;
}

static void selection_free(selection *s)
{
    for (size_t i = 0; i < s->all.n; i++)
        gkv_table_free(s->all.tables[i]);
    free(s->all.tables);
    free(s->complete);
    free(s->columns);
    free(s->chosen);
    free(s->ends);
    free(s->name);
}

/* Ranks share a bootstrap and the starts of a mixture; other fits are for one process. Rank 0 alone
 * writes files. */
static int join_ranks(cli_fit_arguments *a, int argc, char **argv)
{
    int code = CLI_OK;
    CLI_TRY(cli_ranks_begin("fit without --bootstrap or --mixture",
                            a->replicates || a->components ? CLI_RANKS_SHARED : CLI_RANKS_REFUSED,
                            argc, argv));
    CLI_TRY(cli_ranks_same_input(a->file));
    if (!cli_ranks_first())
        a->picture = a->responsibilities = NULL;
done:
    return code;
}

int cli_fit(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .children = cli_table_options,
        .args_doc = "FILE\n-",
        .doc = "Fits g-and-k distributions to columns of numbers. FILE is a text or a NumPy array "
               "(.npy, .npz), also compressed by gzip. The fields of a text are separated by "
               "commas, semicolons, tabs, vertical bars or blanks, and its first line may be a "
               "header. Rows with missing values are dropped.\v  gkvae fit returns.csv\n"
               "  gkvae fit returns.csv --method mle --bootstrap 999 --picture fit.png\n"
               "  gkvae fit returns.csv --fix g=0\n"
               "  gkvae fit returns.csv --method mle --family gh\n"
               "  gkvae fit returns.csv --method mle --intervals profile --bounds k=0:1\n"
               "  gkvae fit returns.npy --multivariate --json\n"
               "  gkvae fit codes.npy --mixture 5 --held-out 0.1\n"
               "  gkvae fit data.csv --mixture 1..8 --responsibilities clusters.csv\n"
               "  gkvae fit answers.csv --weights count --method mle\n"
               "  gkvae fit lifetimes.csv --lower from --upper to --method mle\n"
               "  gkvae fit export.csv --sep ';' --dec , --na -999,n.d.\n\n"
               "Columns that cannot be fitted are reported on standard error, and the others are "
               "printed; the exit code is then 3. Ctrl-C ends a mixture's fit and prints the fit "
               "so far. Ctrl-C ends a bootstrap and prints the fit without it."};
    cli_fit_arguments a = {.method = GKV_GK_LM,
                           .resolution = GKV_GK_RESOLUTION_AUTO,
                           .confidence = 0.95,
                           .c = gkv_gk_standard().c,
                           .seed = 1,
                           .tolerance = -1};
    gkv_table *table = NULL;
    selection s = {.left_out = CLI_OK};
    int code = CLI_OK;
    cli_table_begin(&a.table);
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(join_ranks(&a, argc, argv));
    CLI_TRY(cli_output_spares("--picture", a.picture, a.file));
    CLI_TRY(cli_output_spares("--responsibilities", a.responsibilities, a.file));
    CLI_TRY(cli_output_spares("--responsibilities", a.responsibilities, a.picture));
    if (a.lower)
        cli_table_infinite_is_missing(&a.table);
    CLI_TRY(cli_table_read(&a.table, a.file, a.quiet, &table));
    CLI_TRY(select_columns(&a, table, &s));
    code = a.components           ? cli_fit_mixture(&a, &s.data)
           : a.multivariate       ? cli_fit_multivariate(&a, &s.data)
           : s.data.n_columns > 0 ? cli_fit_columns(&a, &s.data)
                                  : CLI_OK;
    code = s.left_out != CLI_OK ? s.left_out : code;
done:
    selection_free(&s);
    gkv_table_free(table);
    cli_table_end(&a.table);
    return code;
}
