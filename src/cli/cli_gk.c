/* gkvae gk */
#include "cli_gk.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gkvae/gk_moments.h"

typedef double evaluate(const gkv_gk *gk, double x);

/* A function, and its variants for --upper, --log and both; NULL if it has no such variant. */
typedef struct function {
    const char *name;
    evaluate *plain, *upper, *log, *log_upper;
    bool of_probability; /* its arguments are probabilities, not values of x */
} function;

static const function functions[] = {
    {"pdf", gkv_gk_pdf, NULL, gkv_gk_log_pdf, NULL, false},
    {"logpdf", gkv_gk_log_pdf, NULL, NULL, NULL, false},
    {"cdf", gkv_gk_cdf, gkv_gk_cdf_upper, gkv_gk_log_cdf, gkv_gk_log_cdf_upper, false},
    {"logcdf", gkv_gk_log_cdf, gkv_gk_log_cdf_upper, NULL, NULL, false},
    {"quantile", gkv_gk_quantile, gkv_gk_quantile_upper, gkv_gk_quantile_log,
     gkv_gk_quantile_log_upper, true},
    {"z", gkv_gk_Q_inverse, NULL, NULL, NULL, false},
};
static const function sample = {.name = "sample"}, summary = {.name = "summary"};

typedef struct gk_arguments {
    const char *params, *family, *fit, *column;
    const function *function;
    bool upper, log;
    uint64_t count, seed;
    double *numbers;
    size_t n_numbers;
} gk_arguments;

static const struct argp_option options[] = {
    {"params", 'p', "A,B,g,k[,c]", 0,
     "The parameters of the distribution: median A, scale B > 0, skewness g, tail weight k, and c, "
     "which is 0.8 by "
     "default; this or --fit is needed",
     0},
    {"fit", 'f', "FILE.json", 0,
     "The distribution in a file that gkvae fit --json wrote (default: --params)", 0},
    {"column", 'c', "NAME", 0,
     "The column whose distribution is used, if the file has several (default: the only one)", 0},
    {"family", 'F', "gk|gh|ggh", 0,
     "gk, the g-and-k family; gh, the g-and-h family, with h in place of k; or ggh, the "
     "generalised g-and-h family "
     "(default: gk)",
     0},
    {"upper", 'u', NULL, 0,
     "For cdf, logcdf and quantile: use the upper tail, P(X > x) (default: P(X ≤ x))", 0},
    {"log", 'l', NULL, 0,
     "For pdf, cdf and quantile: print and read logarithms of densities and probabilities "
     "(default: no)",
     0},
    {"count", 'n', "N", 0, "For sample: the number of draws (default: 1)", 0},
    {"seed", 'S', "N", 0, "For sample: the seed of the draws (default: 1)", 0},
    {.name = NULL},
};

/* --- Arguments ------------------------------------------------------------ */

static const function *find_function(struct argp_state *state, const char *name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(name, functions[i].name) == 0)
            return &functions[i];
    if (strcmp(name, sample.name) == 0)
        return &sample;
    if (strcmp(name, summary.name) != 0)
        argp_error(
            state,
            "there is no function %s: use pdf, logpdf, cdf, logcdf, quantile, z, sample or summary",
            name);
    return &summary;
}

static void add_number(gk_arguments *a, struct argp_state *state, const char *text)
{
    if (a->function == &sample || a->function == &summary)
        argp_error(state, "%s takes no numbers: %s is too many", a->function->name, text);
    const char *number = text[0] == ' ' ? text + 1 : text; /* see shield_numbers() */
    if (!cli_is_number(number, &a->numbers[a->n_numbers++]))
        argp_error(state, "%s is not a number", number);
}

static void check_arguments(const gk_arguments *a, struct argp_state *state)
{
    if (!a->function)
        argp_error(
            state,
            "which function? pdf, logpdf, cdf, logcdf, quantile, z, sample or summary is needed");
    if (!a->params == !a->fit)
        argp_error(state, "either --params A,B,g,k or --fit FILE.json is needed");
    if (a->column && !a->fit)
        argp_error(state, "--column goes with --fit");
    if (a->fit && strcmp(a->family, "gk") != 0)
        argp_error(
            state,
            "--family goes with --params: the fits of gkvae fit are always g-and-k distributions");
    const function *f = a->function;
    if ((a->upper && !f->upper) || (a->log && !f->log) || (a->upper && a->log && !f->log_upper))
        argp_error(state, "%s has no %s", f->name, a->upper && !f->upper ? "--upper" : "--log");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    gk_arguments *a = state->input;
    switch (key) {
    case 'p': a->params = arg; return 0;
    case 'f': a->fit = cli_path(state, "--fit", arg); return 0;
    case 'c': a->column = arg; return 0;
    case 'F': a->family = arg; return 0;
    case 'u': a->upper = true; return 0;
    case 'l': a->log = true; return 0;
    case 'n': a->count = cli_whole(state, "--count", arg, 1, INT64_MAX); return 0;
    case 'S': a->seed = cli_whole(state, "--seed", arg, 0, UINT64_MAX); return 0;
    case ARGP_KEY_ARG:
        if (a->function)
            add_number(a, state, arg);
        else
            a->function = find_function(state, arg);
        return 0;
    case ARGP_KEY_END: check_arguments(a, state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Copies the words, and puts a blank before negative numbers, so that argp does not take them for
 * options. The caller frees the copies. */
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

/* --- Results -------------------------------------------------------------- */

typedef struct evaluation {
    const gkv_gk *gk;
    evaluate *function;
    bool of_probability, log;
    uint64_t bad; /* numbers that are not probabilities */
} evaluation;

static int print_value(void *context, double x)
{
    evaluation *e = context;
    e->bad += e->of_probability && !(e->log ? x <= 0 : x >= 0 && x <= 1);
    return cli_number_print(e->function(e->gk, x));
}

static int print_values(const gk_arguments *a, const gkv_gk *gk)
{
    const function *f = a->function;
    evaluate *const which[2][2] = {{f->plain, f->log}, {f->upper, f->log_upper}};
    evaluation e = {.gk = gk,
                    .function = which[a->upper][a->log],
                    .of_probability = f->of_probability,
                    .log = a->log};
    int code = CLI_OK;
    for (size_t i = 0; i < a->n_numbers && code == CLI_OK; i++)
        code = print_value(&e, a->numbers[i]);
    if (a->n_numbers == 0)
        code = cli_numbers_read(print_value, &e);
    if (e.bad > 0 && code == CLI_OK)
        code = cli_error(CLI_DATA, "%" PRIu64 " of the numbers %s; nan was printed for them", e.bad,
                         a->log ? "are not logarithms of probabilities, because they are above 0"
                                : "are not probabilities, because they are outside 0 … 1");
    return code;
}

static int print_sample(const gk_arguments *a, const gkv_gk *gk)
{
    enum { PART = 4096 };
    double x[PART];
    int code = CLI_OK;
    for (uint64_t first = 0; first < a->count && code == CLI_OK; first += PART) {
        const size_t n = a->count - first < PART ? (size_t)(a->count - first) : PART;
        gkv_gk_random(gk, a->seed, first, n, x);
        for (size_t i = 0; i < n && code == CLI_OK; i++)
            code = cli_number_print(x[i]);
    }
    return code;
}

static void print_fact(const char *name, double value)
{
    printf("%-20s %.15g\n", name, value);
}

static int print_summary(const gkv_gk *gk)
{
    gkv_gk_summary moments;
    double entropy, mode[GKV_GK_MODES_MAX], log_pdf[GKV_GK_MODES_MAX];
    int code = CLI_OK;
    CLI_CHECK(gkv_gk_moments(gk, &moments));
    CLI_CHECK(gkv_gk_entropy(gk, &entropy));
    const size_t modes = gkv_gk_modes(gk, mode, log_pdf);
    printf("%-20s %s\n", "family", gkv_gk_family_name(gk->family));
    print_fact("median", gk->a);
    print_fact("mean", moments.mean);
    print_fact("standard deviation", moments.sd);
    print_fact("skewness", moments.skewness);
    print_fact("kurtosis", moments.kurtosis);
    print_fact("entropy (nats)", entropy);
    for (size_t i = 0; i < modes && i < GKV_GK_MODES_MAX; i++)
        print_fact(i == 0 ? "mode" : "further mode", mode[i]);
    print_fact("lower quartile", gkv_gk_quantile(gk, 0.25));
    print_fact("upper quartile", gkv_gk_quantile(gk, 0.75));
    print_fact("least k for this g", gkv_gk_least_k(gk, INFINITY));
done:
    return code;
}

int cli_gk(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "pdf|logpdf|cdf|logcdf|quantile|z --params A,B,g,k [NUMBER…]\n"
                    "sample --params A,B,g,k -n N\nsummary --params A,B,g,k",
        .doc = "Evaluates a g-and-k distribution, or draws from it. For each number it prints the "
               "density, the "
               "probability, the quantile or the normal score z. The numbers are arguments or, "
               "without any, words "
               "on standard input. Each result is a line with 17 digits, which read back as the "
               "same double.\v"
               "  gkvae gk pdf --params 3,1,2,0.5 0 5 -1.5\n"
               "  gkvae gk quantile --params 3,1,2,0.5 0.01 0.99\n"
               "  gkvae gk quantile --upper --params 3,1,2,0.5 1e-12\n"
               "  gkvae gk sample --params 3,1,2,0.5 -n 1000 --seed 7 | gkvae fit -\n"
               "  gkvae fit returns.csv --json > fit.json\n"
               "  gkvae gk cdf --fit fit.json -5\n"
               "  gkvae gk summary --params 0,1,0.5,0.2 --family gh\n\n"
               "The quantile of a number that is not a probability is nan, and the exit code is "
               "then 3."};
    gk_arguments a = {.family = "gk", .count = 1, .seed = 1};
    gkv_gk gk = gkv_gk_standard();
    int code = CLI_OK;
    a.numbers = cli_alloc((size_t)argc, sizeof *a.numbers);
    char **words = shield_numbers(argc, argv);
    CLI_TRY(cli_parse(&argp, argc, words, &a));
    CLI_TRY(a.params ? cli_gk_parse(a.params, a.family, &gk)
                     : cli_gk_from_fit(a.fit, a.column, &gk));
    if (a.function == &sample)
        CLI_TRY(print_sample(&a, &gk));
    else
        CLI_TRY(a.function == &summary ? print_summary(&gk) : print_values(&a, &gk));
done:
    for (int i = 0; i < argc; i++)
        free(words[i]);
    free(words);
    free(a.numbers);
    return code;
}
