/* The functions of gkvae gk, of one column and of several, and draws; declared in cli_gk.h. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_gk.h"
#include "gkvae/gk_moments.h"
#include "gkvae/mgk_margins.h"
#include "named_columns.h"

/* --- Values --------------------------------------------------------------- */

/* A function of one distribution. */
typedef struct evaluation {
    const cli_gk_model *model;
    cli_gk_quantity quantity;
    gkv_gk_tail tail;
    bool log;
    uint64_t bad; /* numbers that are not probabilities */
} evaluation;

static double of_gk(const evaluation *e, const gkv_gk *gk, double x)
{
    typedef double function(const gkv_gk *gk, double x);
    static function *const cdf[] = {[GKV_GK_LOWER] = gkv_gk_cdf,
                                    [GKV_GK_UPPER] = gkv_gk_cdf_upper,
                                    [GKV_GK_LOG_LOWER] = gkv_gk_log_cdf,
                                    [GKV_GK_LOG_UPPER] = gkv_gk_log_cdf_upper};
    static function *const quantile[] = {[GKV_GK_LOWER] = gkv_gk_quantile,
                                         [GKV_GK_UPPER] = gkv_gk_quantile_upper,
                                         [GKV_GK_LOG_LOWER] = gkv_gk_quantile_log,
                                         [GKV_GK_LOG_UPPER] = gkv_gk_quantile_log_upper};
    switch (e->quantity) {
    case CLI_GK_PDF: return e->log ? gkv_gk_log_pdf(gk, x) : gkv_gk_pdf(gk, x);
    case CLI_GK_CDF: return cdf[e->tail](gk, x);
    case CLI_GK_QUANTILE: return quantile[e->tail](gk, x);
    default: return gkv_gk_Q_inverse(gk, x);
    }
}

static gkv_status of_mixture(const evaluation *e, const gkv_mgk_mixture *mixture, double x,
                             double *out)
{
    gkv_status status = GKV_OK;
    switch (e->quantity) {
    case CLI_GK_PDF:
        status = gkv_mgk_mixture_log_pdf(mixture, 1, &x, NULL, out);
        *out = e->log ? *out : exp(*out);
        return status;
    case CLI_GK_CDF: return gkv_mgk_mixture_margin_cdf(mixture, 0, e->tail, 1, &x, out);
    case CLI_GK_QUANTILE: return gkv_mgk_mixture_margin_quantile(mixture, 0, e->tail, 1, &x, out);
    default: return gkv_mgk_mixture_scores(mixture, 1, &x, NULL, out);
    }
}

static int print_value(void *context, double x)
{
    evaluation *e = context;
    double value = NAN;
    int code = CLI_OK;
    e->bad += e->quantity == CLI_GK_QUANTILE && !(e->log ? x <= 0 : x >= 0 && x <= 1);
    if (e->model->single)
        value = of_gk(e, e->model->single, x);
    else
        CLI_CHECK(of_mixture(e, e->model->mixture, x, &value));
    code = cli_number_print(value);
done:
    return code;
}

int cli_gk_values(const cli_gk_arguments *a, const cli_gk_model *model)
{
    const bool log = a->log || a->function->is_log;
    evaluation e = {.model = model,
                    .quantity = a->function->quantity,
                    .tail = (gkv_gk_tail)(a->upper + 2 * log),
                    .log = log};
    int code = CLI_OK;
    double *numbers = cli_alloc(a->n_words + 1, sizeof *numbers);
    if (a->out)
        CLI_TRY(cli_error(CLI_USAGE, "--out is for sample, and for the rows of several columns"));
    for (size_t i = 0; i < a->n_words; i++) {
        const char *word = a->words[i] + (a->words[i][0] == ' '); /* see shield_numbers() */
        if (!cli_is_number(word, &numbers[i]))
            CLI_TRY(cli_error(CLI_USAGE, "%s is not a number", word));
    }
    for (size_t i = 0; i < a->n_words && code == CLI_OK; i++)
        code = print_value(&e, numbers[i]);
    if (a->n_words == 0)
        code = cli_numbers_read(print_value, &e);
    if (e.bad > 0 && code == CLI_OK)
        code = cli_error(CLI_DATA, "%" PRIu64 " of the numbers %s; nan was printed for them", e.bad,
                         log ? "are not logarithms of probabilities, because they are above 0"
                             : "are not probabilities, because they are outside 0 … 1");
done:
    free(numbers);
    return code;
}

/* --- Summary -------------------------------------------------------------- */

static void print_fact(const char *name, double value)
{
    printf("%-20s %.15g\n", name, value);
}

int cli_gk_print_summary(const cli_gk_model *model)
{
    const gkv_gk *gk = model->single;
    gkv_gk_summary moments;
    double entropy, mode[GKV_GK_MODES_MAX], log_pdf[GKV_GK_MODES_MAX];
    int code = CLI_OK;
    if (!gk)
        return cli_error(CLI_USAGE, "summary is for one g-and-k distribution, and this is a "
                                    "mixture or a conditional distribution: use quantile and cdf");
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

/* --- Results -------------------------------------------------------------- */

static int write_densities(const cli_gk_arguments *a, const cli_gk_model *model, size_t n,
                           const double *x)
{
    const bool log = a->log || a->function->is_log;
    double *density = cli_alloc(n, sizeof *density);
    cli_rows *output = NULL;
    int code = CLI_OK;
    CLI_CHECK(gkv_mgk_mixture_log_pdf(model->mixture, n, x, NULL, density));
    for (size_t i = 0; i < n && !log; i++)
        density[i] = exp(density[i]);
    CLI_TRY(cli_rows_begin(a->out, 1, &(const char *){log ? "log_pdf" : "pdf"}, &output));
    CLI_TRY(cli_rows_add(output, n, density));
done:
    free(density);
    return cli_rows_end(output, code);
}

static int write_scores(const cli_gk_arguments *a, const cli_gk_model *model, size_t n,
                        const double *x)
{
    double *scores = cli_alloc(n, model->d * sizeof *scores);
    cli_rows *output = NULL;
    int code = CLI_OK;
    CLI_CHECK(a->function == &cli_gk_whiten
                  ? gkv_mgk_mixture_whiten(model->mixture, n, x, NULL, scores)
                  : gkv_mgk_mixture_scores(model->mixture, n, x, NULL, scores));
    CLI_TRY(cli_rows_begin(a->out, model->d, (const char *const *)model->names, &output));
    CLI_TRY(cli_rows_add(output, n, scores));
done:
    free(scores);
    return cli_rows_end(output, code);
}

int cli_gk_rows(const cli_gk_arguments *a, const cli_gk_model *model)
{
    const char *path = a->n_words > 0 ? a->words[0] : "-";
    const char *shown = strcmp(path, "-") == 0 ? "standard input" : path;
    double number, *x = NULL;
    gkv_table *table = NULL;
    int code = CLI_OK;
    if (a->n_words > 0 && (a->n_words > 1 || cli_is_number(path + (path[0] == ' '), &number)))
        return cli_error(CLI_USAGE,
                         "%s: the rows of %zu columns are in one TABLE or on standard input, not "
                         "among the arguments; --column chooses one column",
                         a->words[a->n_words - 1], model->d);
    CLI_TRY(cli_output_spares("--out", a->out, a->n_words > 0 ? path : NULL));
    CLI_TRY(cli_table_read(&a->table, path, a->quiet, &table));
    CLI_TRY(
        cli_rows_take(shown, &(cli_named_columns){model->d, model->names}, table, a->quiet, &x));
    code = a->function->quantity == CLI_GK_PDF ? write_densities(a, model, gkv_table_rows(table), x)
                                               : write_scores(a, model, gkv_table_rows(table), x);
done:
    free(x);
    gkv_table_free(table);
    return code;
}

/* --- Draws ---------------------------------------------------------------- */

static gkv_status draw(const cli_gk_model *model, size_t n, uint64_t seed, uint64_t first,
                       double *x)
{
    if (model->mixture)
        return gkv_mgk_mixture_sample(model->mixture, n, seed, first, NULL, x, NULL);
    gkv_gk_random(model->single, n, seed, first, x);
    return GKV_OK;
}

int cli_gk_draw(const cli_gk_arguments *a, const cli_gk_model *model)
{
    enum { PART = 4096 };
    const size_t part = model->d < PART ? PART / model->d : 1;
    double *x = cli_alloc(part, model->d * sizeof *x);
    cli_rows *output = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_rows_begin(a->out, model->d, (const char *const *)model->names, &output));
    for (uint64_t first = 0; first < a->count; first += part) {
        const size_t n = a->count - first < part ? (size_t)(a->count - first) : part;
        CLI_CHECK(draw(model, n, a->seed, first, x));
        CLI_TRY(cli_rows_add(output, n, x));
    }
done:
    free(x);
    return cli_rows_end(output, code);
}
