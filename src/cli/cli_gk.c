/* gkvae gk */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_gk.h"
#include "named_columns.h"

/* --- The model ------------------------------------------------------------ */

/* Keeps the names of these columns. */
static void keep_names(cli_gk_model *model, size_t count, const size_t *which)
{
    char **names = cli_alloc(count, sizeof *names);
    for (size_t j = 0; j < count; j++)
        names[j] = cli_text("%s", model->names[which[j]]);
    for (size_t j = 0; j < model->d; j++)
        free(model->names[j]);
    free(model->names);
    model->names = names;
    model->d = count;
}

static void replace_mixture(cli_gk_model *model, gkv_mgk_mixture *with)
{
    gkv_mgk_mixture_free(model->mixture);
    model->mixture = with;
}

static int condition(cli_gk_model *model, const char *text)
{
    size_t *which = cli_alloc(model->d + 1, sizeof *which),
           *left = cli_alloc(model->d, sizeof *left);
    double *values = cli_alloc(model->d, sizeof *values);
    gkv_mgk_mixture *conditional = NULL;
    size_t count, n_left = 0;
    int code = CLI_OK;
    CLI_TRY(cli_columns_given(&(cli_named_columns){model->d, model->names}, text, which, values,
                              &count));
    if (gkv_mgk_mixture_conditional(model->mixture, count, which, values, &conditional) != GKV_OK) {
        code = cli_error(CLI_DATA, "--given %s: %s", text, cli_reason());
        goto done;
    }
    for (size_t j = 0; j < model->d; j++) {
        bool given = false;
        for (size_t i = 0; i < count; i++)
            given = given || which[i] == j;
        if (!given)
            left[n_left++] = j;
    }
    replace_mixture(model, conditional);
    keep_names(model, n_left, left);
done:
    free(values);
    free(left);
    free(which);
    return code;
}

static int select_columns(cli_gk_model *model, const char *text)
{
    size_t *which = cli_alloc(strlen(text) + 1, sizeof *which), count;
    gkv_mgk_mixture *marginal = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_columns_list(&(cli_named_columns){model->d, model->names}, "--column", text, which,
                             &count));
    if (model->single && count > 1) {
        code = cli_error(CLI_USAGE,
                         "--column %s: columns that were fitted by themselves have no joint "
                         "distribution; fit with --multivariate, or choose one",
                         text);
        goto done;
    }
    if (model->single)
        model->single[0] = model->single[which[0]];
    else
        CLI_CHECK(gkv_mgk_mixture_marginal(model->mixture, count, which, &marginal));
    if (marginal)
        replace_mixture(model, marginal);
    keep_names(model, count, which);
done:
    free(which);
    return code;
}

/* One column of one component is a g-and-k distribution, unless other columns are given. */
static void simplify(cli_gk_model *model)
{
    const gkv_mgk *only = gkv_mgk_mixture_component(model->mixture, 0);
    if (!model->mixture || model->d > 1 || gkv_mgk_mixture_count(model->mixture) > 1)
        return;
    model->single = cli_alloc(1, sizeof *model->single);
    model->single[0] = *gkv_mgk_margins(only);
    replace_mixture(model, NULL);
}

/* Replaces a model by the conditional distribution given "x=1.2,y=3", and then by
 * that of the columns of a list "x,y". Either text may be NULL. A column is given by its name, or
 * by its number from 1. If columns were fitted by themselves, one of them must be chosen. A model
 * of one g-and-k distribution then has `single`. */
static int choose_columns(cli_gk_model *model, const char *path, const char *given,
                          const char *columns)
{
    int code = CLI_OK;
    if (given && !model->mixture)
        return cli_error(CLI_USAGE,
                         "--given: %s has no joint distribution of its columns; fit with "
                         "--multivariate or --mixture",
                         path);
    if (model->single && model->d > 1 && !columns)
        return cli_error(CLI_USAGE, "%s: %zu columns were fitted: choose one with --column", path,
                         model->d);
    if (given)
        CLI_TRY(condition(model, given));
    if (columns)
        CLI_TRY(select_columns(model, columns));
    if (!given)
        simplify(model);
done:
    return code;
}

/* --- The command ---------------------------------------------------------- */

static const cli_gk_function functions[] = {
    {"pdf", CLI_GK_PDF, false, false, true, true},
    {"logpdf", CLI_GK_PDF, true, false, false, true},
    {"cdf", CLI_GK_CDF, false, true, true, false},
    {"logcdf", CLI_GK_CDF, true, true, false, false},
    {"quantile", CLI_GK_QUANTILE, false, true, true, false},
    {"z", CLI_GK_Z, false, false, false, true},
};
const cli_gk_function cli_gk_whiten = {"whiten", CLI_GK_Z, false, false, false, true};
const cli_gk_function cli_gk_sample = {.name = "sample", .of_rows = true};
const cli_gk_function cli_gk_summary = {.name = "summary"};

static const struct argp_option options[] = {
    {"params", 'p', "A,B,g,k[,c]", 0,
     "The parameters of the distribution: median A, scale B > 0, skewness g, tail weight k, and c, "
     "which is 0.8 by default; this or --fit is needed",
     0},
    {"fit", 'f', "FILE.json", CLI_ONCE,
     "The distribution in a file that gkvae fit --json wrote, also of several columns together "
     "(--multivariate, --mixture); - is standard input (default: --params)",
     0},
    {"column", 'c', "NAME|NUMBER,...", CLI_ONCE,
     "The columns whose distribution is used: one, or several of a joint fit (default: all of a "
     "joint fit, or the only one)",
     0},
    {"given", 'g', "NAME=VALUE,...", CLI_ONCE,
     "Use the conditional distribution of the other columns of a joint fit, given these values "
     "(default: none)",
     0},
    {"family", 'F', CLI_FAMILY_WORDS, 0,
     "gk, the g-and-k family; gh, the g-and-h family, with h in place of k; or ggh, the "
     "generalised g-and-h family (default: gk)",
     0},
    {"upper", 'u', NULL, 0,
     "For cdf, logcdf and quantile: use the upper tail, P(X > x) (default: P(X ≤ x))", 0},
    {"log", 'l', NULL, 0,
     "For pdf, cdf and quantile: print and read logarithms of densities and probabilities "
     "(default: no)",
     0},
    {"count", 'n', "N", 0, "For sample: the number of draws (default: 1)", 0},
    {"seed", 'S', "N", 0, "For sample: the seed of the draws (default: 1)", 0},
    {"out", 'o', "FILE.csv|FILE.npy", CLI_ONCE,
     "For sample, and for the rows of a table: write the results to this file, CSV with a header "
     "or a NumPy array (default: standard output)",
     0},
    {"quiet", 'q', NULL, 0,
     "Print no notes on how a table was read, and which columns it has (default: print them)", 0},
    {.name = NULL},
};

/* --- Arguments ------------------------------------------------------------ */

#define FUNCTIONS "pdf, logpdf, cdf, logcdf, quantile, z, whiten, sample or summary"

static const cli_gk_function *find_function(struct argp_state *state, const char *name)
{
    const cli_gk_function *const others[] = {&cli_gk_whiten, &cli_gk_sample, &cli_gk_summary};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(name, functions[i].name) == 0)
            return &functions[i];
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(name, others[i]->name) == 0)
            return others[i];
    argp_error(state, "there is no function %s: use " FUNCTIONS, name);
    return NULL;
}

/* The path of a fit that is read from standard input. */
static const char stdin_path[] = "/dev/stdin";

static void check_arguments(const cli_gk_arguments *a, struct argp_state *state)
{
    if (!a->function)
        argp_error(state, "which function? " FUNCTIONS " is needed");
    if (!a->params == !a->fit)
        argp_error(state, "either --params A,B,g,k or --fit FILE.json is needed");
    if (!a->fit && (a->columns || a->given))
        argp_error(state, "%s goes with --fit", a->columns ? "--column" : "--given");
    if (a->fit && a->family_given)
        argp_error(state, "--family goes with --params: the file of a fit names its family");
    const cli_gk_function *f = a->function;
    if (a->upper && !f->has_upper)
        argp_error(state, "%s has no --upper", f->name);
    if (a->log && !f->has_log)
        argp_error(state, "%s has no --log", f->name);
    if (a->out && !f->of_rows)
        argp_error(state, "%s has no --out", f->name);
    const bool takes_none = f == &cli_gk_sample || f == &cli_gk_summary;
    if (a->fit == stdin_path && a->n_words == 0 && !takes_none)
        argp_error(state,
                   "--fit - reads the fit from standard input: give the numbers as arguments");
    if (a->n_words > 0 && takes_none)
        argp_error(state, "%s takes no numbers: %s is too many", f->name, a->words[0]);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    cli_gk_arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->table; return 0;
    case 'p': a->params = arg; return 0;
    case 'f': a->fit = strcmp(arg, "-") == 0 ? stdin_path : cli_path(state, "--fit", arg); return 0;
    case 'c': a->columns = arg; return 0;
    case 'g': a->given = arg; return 0;
    case 'F':
        a->family = (gkv_gk_family)cli_choice(state, "--family", arg, CLI_FAMILY_WORDS);
        a->family_given = true;
        return 0;
    case 'u': a->upper = true; return 0;
    case 'l': a->log = true; return 0;
    case 'n': a->count = cli_whole(state, "--count", arg, 1, INT64_MAX); return 0;
    case 'S': a->seed = cli_whole(state, "--seed", arg, 0, UINT64_MAX); return 0;
    case 'o': a->out = cli_output(state, "--out", arg, CLI_ROWS); return 0;
    case 'q': a->quiet = true; return 0;
    case ARGP_KEY_ARG:
        if (a->function)
            a->words[a->n_words++] = arg;
        else
            a->function = find_function(state, arg);
        return 0;
    case ARGP_KEY_END: check_arguments(a, state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Copies the words, and puts a blank before negative numbers, so that argp does not take them for
 * options. cli_gk_values() removes it. The caller frees the copies. */
static char **shield_numbers(int argc, char **argv)
{
    char **words = cli_alloc((size_t)argc + 1, sizeof *words);
    bool options_end = false;
    for (int i = 0; i < argc; i++) {
        double ignored;
        options_end = options_end || strcmp(argv[i], "--") == 0;
        const bool shield = !options_end && argv[i][0] == '-' && cli_is_number(argv[i], &ignored);
        words[i] = cli_text("%s%s", shield ? " " : "", argv[i]);
    }
    return words;
}

static int evaluate(const cli_gk_arguments *a, cli_gk_model *model)
{
    int code =
        a->params ? cli_gk_parse(a->params, a->family, model) : cli_gk_read_fit(a->fit, model);
    if (code == CLI_OK && a->fit)
        code = choose_columns(model, a->fit, a->given, a->columns);
    if (code != CLI_OK)
        return code;
    if (model->d > 1 && !a->function->of_rows)
        return cli_error(CLI_USAGE,
                         "%s is for one column, and the fit is of %zu together: choose one with "
                         "--column, as in --column %s",
                         a->function->name, model->d, model->names[0]);
    return a->function == &cli_gk_sample    ? cli_gk_draw(a, model)
           : a->function == &cli_gk_summary ? cli_gk_print_summary(model)
           : model->d > 1                   ? cli_gk_rows(a, model)
                                            : cli_gk_values(a, model);
}

int cli_gk(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .children = cli_table_options,
        .args_doc = "pdf|logpdf|cdf|logcdf|quantile|z|whiten --params A,B,g,k [NUMBER…|TABLE]\n"
                    "sample --params A,B,g,k -n N\nsummary --params A,B,g,k",
        .doc = "Evaluates a g-and-k distribution, or draws from it. For each number it prints the "
               "density, the probability, the quantile or the normal score z. The numbers are "
               "arguments or, without any, words on standard input. Each result is a line with 17 "
               "digits, which read back as the same double. With a joint fit of several columns, "
               "the density, the normal scores and the whitened scores are those of the rows of "
               "TABLE or standard input.\v  gkvae gk pdf --params 3,1,2,0.5 0 5 -1.5\n"
               "  gkvae gk quantile --params 3,1,2,0.5 0.01 0.99\n"
               "  gkvae gk quantile --upper --params 3,1,2,0.5 1e-12\n"
               "  gkvae gk sample --params 3,1,2,0.5 -n 1000 --seed 7 | gkvae fit -\n"
               "  gkvae fit returns.csv --json > fit.json\n"
               "  gkvae gk cdf --fit fit.json -5\n"
               "  gkvae fit codes.csv --mixture 3 --json > mixture.json\n"
               "  gkvae gk sample --fit mixture.json -n 1000 -o draws.csv\n"
               "  gkvae gk logpdf --fit mixture.json codes.csv\n"
               "  gkvae gk quantile --fit mixture.json --column y --given x=1.2 0.05 0.95\n"
               "  gkvae gk summary --params 0,1,0.5,0.2 --family gh\n\n"
               "The quantile of a number that is not a probability is nan, and the exit code is "
               "then 3."};
    cli_gk_arguments a = {.count = 1, .seed = 1};
    cli_gk_model model = {.d = 0};
    int code = CLI_OK;
    a.words = cli_alloc((size_t)argc, sizeof *a.words);
    cli_table_begin(&a.table);
    char **words = shield_numbers(argc, argv);
    CLI_TRY(cli_parse(&argp, argc, words, &a));
    CLI_TRY(cli_output_spares("--out", a.out, a.fit));
    CLI_TRY(evaluate(&a, &model));
done:
    cli_gk_model_free(&model);
    cli_table_end(&a.table);
    for (int i = 0; i < argc; i++)
        free(words[i]);
    free(words);
    free(a.words);
    return code;
}
