/* The functions of gkvae gk, of one column and of several, and draws; declared in cli_gk.h. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/inside.h"
#include "cli_gk.h"
#include "gkvae/gk_moments.h"
#include "gkvae/mgk_margins.h"
#include "table_input.h"

/* --- Rows of numbers as CSV or as an array -------------------------------- */

/* Where rows go: to standard output or to a file, which appears completely or not at all. */
typedef struct gk_output {
    const char *path; /* NULL: standard output */
    size_t columns;
    gki_file_writer *writer; /* of a text in a file */
    bool is_array;
    double *values; /* of an array, which is written at the end */
    size_t rows, room;
} gk_output;

static void write_text(gk_output *output, const char *text)
{
    if (output->writer)
        gki_file_write(output->writer, text, strlen(text));
    else
        fputs(text, stdout);
}

/* Writes a name, in quotes where CSV needs them. */
static void write_name(gk_output *output, const char *name)
{
    if (!name[strcspn(name, ",;\t|\"\r\n")] && name[0] != ' ' && name[0] != '#') {
        write_text(output, name);
        return;
    }
    write_text(output, "\"");
    for (const char *c = name; *c; c++)
        write_text(output, *c == '"' ? "\"\"" : (char[]){*c, '\0'});
    write_text(output, "\"");
}

static void write_header(gk_output *output, const char *const *names)
{
    for (size_t j = 0; j < output->columns; j++) {
        write_text(output, j > 0 ? "," : "");
        write_name(output, names[j]);
    }
    write_text(output, "\n");
}

/* Begins the output of rows of these columns, to standard output if `path` is NULL. A file of text
 * begins with the names, and so does standard output if there are several columns. *out is NULL
 * after an error; else output_end() frees it. */
static int output_begin(const char *path, size_t columns, const char *const *names, gk_output **out)
{
    gk_output *output = cli_alloc(1, sizeof *output);
    *out = NULL;
    *output = (gk_output){
        .path = path, .columns = columns, .is_array = path && cli_ends_in(path, ".npy")};
    const int code =
        path && !output->is_array ? cli_check(gki_file_begin(path, &output->writer)) : CLI_OK;
    if (code != CLI_OK) {
        free(output);
        return code;
    }
    if (!output->is_array && (path || columns > 1))
        write_header(output, names);
    *out = output;
    return CLI_OK;
}

static void keep(gk_output *output, size_t n, const double *rows)
{
    if (output->rows + n > output->room) {
        const size_t room =
            output->rows + n > 2 * output->room ? output->rows + n : 2 * output->room;
        double *more = cli_alloc(room, output->columns * sizeof *more);
        if (output->rows > 0)
            memcpy(more, output->values, output->rows * output->columns * sizeof *more);
        free(output->values);
        output->values = more;
        output->room = room;
    }
    memcpy(output->values + output->rows * output->columns, rows,
           n * output->columns * sizeof *rows);
    output->rows += n;
}

/* Adds n rows [n × columns]. Numbers of text have 17 digits. */
static int output_add(gk_output *output, size_t n, const double *rows)
{
    char text[CLI_NUMBER];
    if (output->is_array) {
        keep(output, n, rows);
        return CLI_OK;
    }
    for (size_t i = 0; i < n * output->columns; i++) {
        cli_number_text(rows[i], text);
        write_text(output, text);
        write_text(output, (i + 1) % output->columns == 0 ? "\n" : ",");
    }
    return !output->writer && ferror(stdout) ? CLI_IO : CLI_OK;
}

/* Completes the output if `code` is CLI_OK, else removes it. Returns the first code that is not
 * CLI_OK. `output` may be NULL. */
static int output_end(gk_output *output, int code)
{
    if (!output)
        return code;
    if (code != CLI_OK)
        gki_file_abandon(output->writer);
    else if (output->writer)
        code = cli_check(gki_file_commit(output->writer));
    else if (output->is_array)
        code =
            cli_check(gkv_npy_write(output->path, output->rows, output->columns, output->values));
    free(output->values);
    free(output);
    return code;
}

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
        return cli_error(CLI_USAGE,
                         "summary is for one g-and-k distribution, and this is a mixture "
                         "or a conditional distribution: use quantile and cdf");
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

/* --- The columns of the table --------------------------------------------- */

/* Finds the only column of this name. */
static bool find_name(const gkv_table *table, const char *name, size_t *column)
{
    size_t count = 0;
    for (size_t c = 0; c < gkv_table_columns(table); c++)
        if (strcmp(gkv_table_name(table, c), name) == 0) {
            *column = c;
            count++;
        }
    return count == 1;
}

/* Whether the fit was made from a table without a header. */
static bool is_unnamed(const cli_gk_model *model)
{
    for (size_t j = 0; j < model->d; j++)
        if (strncmp(model->names[j], "column ", 7) != 0)
            return false;
    return true;
}

/* Prints which columns of the table are used. */
static void report(const cli_gk_model *model, const gkv_table *table, bool by_name,
                   const size_t *columns)
{
    enum { SHOWN = 8 };
    fprintf(stderr, "gkvae: columns are matched by %s: ", by_name ? "name" : "position");
    for (size_t j = 0; j < model->d && j < SHOWN; j++)
        if (by_name)
            fprintf(stderr, "%s%.80s", j ? ", " : "", gkv_table_name(table, columns[j]));
        else
            fprintf(stderr, "%s%zu is %.80s", j ? ", " : "", columns[j] + 1, model->names[j]);
    if (model->d > SHOWN)
        fprintf(stderr, " and %zu more", model->d - SHOWN);
    fputs("\n", stderr);
}

/* Finds the column of the table for each column of the distribution: by name, or by position if
 * the table or the fit has no names. */
static int match(const cli_gk_arguments *a, const char *path, const cli_gk_model *model,
                 const gkv_table *table, size_t *columns)
{
    const char *missing = NULL;
    gkv_table_form form;
    size_t count = 0;
    gkv_table_get_form(table, &form);
    for (size_t j = 0; j < model->d; j++)
        if (!find_name(table, model->names[j], &columns[j]) && !missing)
            missing = model->names[j];
    const bool by_name = !missing;
    for (size_t c = 0; c < gkv_table_columns(table) && !by_name; c++)
        if (!gkv_table_is_index(table, c) && count++ < model->d)
            columns[count - 1] = c;
    if (!by_name && form.has_header && !is_unnamed(model))
        return cli_error(CLI_DATA, "%s: the table has not one column \"%s\", as the fit has", path,
                         missing);
    if (!by_name && count != model->d)
        return cli_error(CLI_DATA,
                         "%s: the table or the fit has no names of columns, and they cannot be "
                         "matched by position: there are %zu columns for %zu of the fit",
                         path, count, model->d);
    if (!a->quiet)
        report(model, table, by_name && form.has_header, columns);
    return CLI_OK;
}

/* Takes the rows of the table. A missing value is NaN. */
static int take_rows(const cli_gk_arguments *a, const char *path, const cli_gk_model *model,
                     const gkv_table *table, double **x)
{
    const size_t n = gkv_table_rows(table), d = model->d;
    size_t *columns = cli_alloc(d, sizeof *columns), gaps = 0;
    const double *values;
    int code = CLI_OK;
    *x = cli_alloc(n, d * sizeof **x);
    CLI_TRY(match(a, path, model, table, columns));
    for (size_t j = 0; j < d; j++) {
        CLI_CHECK(gkv_table_values(table, columns[j], &values));
        for (size_t i = 0; i < n; i++)
            (*x)[i * d + j] = values[i];
        gaps += gkv_table_missing(table, columns[j], NULL);
    }
    if (gaps > 0 && !a->quiet)
        fprintf(stderr, "gkvae: %s: %zu missing value%s; their results are nan\n", path, gaps,
                cli_plural(gaps));
done:
    free(columns);
    return code;
}

/* --- Results -------------------------------------------------------------- */

static int write_densities(const cli_gk_arguments *a, const cli_gk_model *model, size_t n,
                           const double *x)
{
    const bool log = a->log || a->function->is_log;
    double *density = cli_alloc(n, sizeof *density);
    gk_output *output = NULL;
    int code = CLI_OK;
    CLI_CHECK(gkv_mgk_mixture_log_pdf(model->mixture, n, x, NULL, density));
    for (size_t i = 0; i < n && !log; i++)
        density[i] = exp(density[i]);
    CLI_TRY(output_begin(a->out, 1, &(const char *){log ? "log_pdf" : "pdf"}, &output));
    CLI_TRY(output_add(output, n, density));
done:
    free(density);
    return output_end(output, code);
}

static int write_scores(const cli_gk_arguments *a, const cli_gk_model *model, size_t n,
                        const double *x)
{
    double *scores = cli_alloc(n, model->d * sizeof *scores);
    gk_output *output = NULL;
    int code = CLI_OK;
    CLI_CHECK(a->function == &cli_gk_whiten
                  ? gkv_mgk_mixture_whiten(model->mixture, n, x, NULL, scores)
                  : gkv_mgk_mixture_scores(model->mixture, n, x, NULL, scores));
    CLI_TRY(output_begin(a->out, model->d, (const char *const *)model->names, &output));
    CLI_TRY(output_add(output, n, scores));
done:
    free(scores);
    return output_end(output, code);
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
                         "%s: the rows of %zu columns are in one TABLE or on standard "
                         "input, not among the arguments; --column chooses one column",
                         a->words[a->n_words - 1], model->d);
    CLI_TRY(cli_output_spares("--out", a->out, a->n_words > 0 ? path : NULL));
    CLI_TRY(cli_table_read(&a->table, path, a->quiet, &table));
    CLI_TRY(take_rows(a, shown, model, table, &x));
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
    gk_output *output = NULL;
    int code = CLI_OK;
    CLI_TRY(output_begin(a->out, model->d, (const char *const *)model->names, &output));
    for (uint64_t first = 0; first < a->count; first += part) {
        const size_t n = a->count - first < part ? (size_t)(a->count - first) : part;
        CLI_CHECK(draw(model, n, a->seed, first, x));
        CLI_TRY(output_add(output, n, x));
    }
done:
    free(x);
    return output_end(output, code);
}
