/* gkvae fit --mixture */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_fit.h"
#include "ranks.h"

/* --- Held-out rows -------------------------------------------------------- */

/* Moves `count` rows, drawn by the seed, behind the others. Both parts keep their order. */
static void move_held_out(double *x, size_t n, size_t d, size_t count, uint64_t seed)
{
    const gkv_gk normal = gkv_gk_standard();
    double *lot = cli_alloc(n, sizeof *lot), *sorted = cli_alloc(n, sizeof *sorted);
    double *aside = cli_alloc(count * d, sizeof *aside);
    gkv_gk_random(&normal, n, seed, 0, lot);
    memcpy(sorted, lot, n * sizeof *lot);
    qsort(sorted, n, sizeof *sorted, cli_ascending);
    size_t kept = 0, taken = 0;
    for (size_t i = 0; i < n; i++) {
        const bool is_drawn = taken < count && lot[i] <= sorted[count - 1];
        double *place = is_drawn ? aside + d * taken++ : x + d * kept++;
        memmove(place, x + d * i, d * sizeof *x);
    }
    memcpy(x + d * kept, aside, count * d * sizeof *x);
    free(aside);
    free(sorted);
    free(lot);
}

/* --- Progress ------------------------------------------------------------- */

typedef struct mixture_reporter {
    cli_live live;
    bool quiet;
    size_t iterations_most;
    double began; /* the seconds before the first iteration */
} mixture_reporter;

static void show(mixture_reporter *reporter, const char *const *parts, size_t n)
{
    if (reporter->live.on) {
        cli_live_show(&reporter->live, parts, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        fprintf(stderr, "%s%s", parts[i], i + 1 < n ? ", " : "\n");
}

static bool on_iteration(void *context, const gkv_progress *progress)
{
    mixture_reporter *reporter = context;
    const gkv_mgk_mixture_progress *p = progress->details;
    char text[5][96], time[2][32];
    if (p->iteration == 0)
        reporter->began = p->seconds;
    const bool due =
        cli_live_due(&reporter->live) || (!reporter->live.on && !reporter->quiet &&
                                          (p->start > 0 ? p->start == 1 : p->iteration % 10 == 0));
    if (!due)
        return false;
    if (p->start > 0) {
        snprintf(text[0], sizeof *text, "%zu components: start %zu of %zu", p->components, p->start,
                 p->starts);
        show(reporter, (const char *[]){text[0], cli_duration(p->seconds, time[0])}, 2);
        return false;
    }
    const double each = p->iteration ? (p->seconds - reporter->began) / (double)p->iteration : 0;
    snprintf(text[0], sizeof *text, "iteration %zu", p->iteration);
    snprintf(text[1], sizeof *text, "log-likelihood %.5f per line", p->log_likelihood);
    snprintf(text[2], sizeof *text, "held out %.5f", p->held_out);
    snprintf(text[3], sizeof *text, "%zu components", p->components);
    snprintf(text[4], sizeof *text, "%s, at most %s more", cli_duration(p->seconds, time[0]),
             cli_duration(each * (double)(reporter->iterations_most - p->iteration), time[1]));
    const char *parts[5];
    size_t n = 0;
    for (size_t i = 0; i < 5; i++)
        if (i != 2 || isfinite(p->held_out))
            parts[n++] = text[i];
    show(reporter, parts, n);
    return false;
}

/* --- Results -------------------------------------------------------------- */

/* The fits with each number of components. */
typedef struct fits {
    size_t least, count;
    gkv_mgk_mixture **mixtures; /* [count]; NULL for those after an interruption */
    gkv_mgk_mixture_result *results;
    size_t chosen;
} fits;

static void fits_free(fits *f)
{
    for (size_t i = 0; f->mixtures && i < f->count; i++)
        gkv_mgk_mixture_free(f->mixtures[i]);
    free(f->mixtures);
    free(f->results);
}

/* The number of fits, which begin with the least number of components. */
static size_t count_fits(const fits *f)
{
    size_t count = 0;
    while (count < f->count && f->mixtures[count])
        count++;
    return count;
}

/* The numbers of components that were tried, with their criterion. */
static void print_choice(const fits *f)
{
    enum { COLUMNS = 5 };
    char(*text)[COLUMNS][CLI_CELL] = cli_alloc(f->count, sizeof *text);
    const char **cells = cli_alloc((f->count + 1) * COLUMNS, sizeof *cells);
    static const char *const heads[COLUMNS] = {"K", "log-likelihood", "parameters", "BIC", ""};
    size_t rows = 1;
    memcpy(cells, heads, sizeof heads);
    for (size_t i = 0; i < f->count; i++) {
        const gkv_mgk_mixture_result *r = &f->results[i];
        if (!f->mixtures[i])
            continue;
        snprintf(text[i][0], CLI_CELL, "%zu", f->least + i);
        snprintf(text[i][1], CLI_CELL, "%.8g", r->log_likelihood);
        snprintf(text[i][2], CLI_CELL, "%zu", r->parameters);
        snprintf(text[i][3], CLI_CELL, "%.8g", r->bic);
        snprintf(text[i][4], CLI_CELL, "%s", i == f->chosen ? "chosen" : "");
        for (size_t c = 0; c < COLUMNS; c++)
            cells[rows * COLUMNS + c] = text[i][c];
        rows++;
    }
    cli_table(cells, rows, COLUMNS, "rrrrl");
    free(cells);
    free(text);
}

static json_t *json_of_choice(const fits *f)
{
    json_t *tried = json_array();
    for (size_t i = 0; i < f->count; i++) {
        const gkv_mgk_mixture_result *r = &f->results[i];
        json_t *one = json_object();
        if (f->mixtures[i]) {
            json_object_set_new(one, "components", json_integer((json_int_t)(f->least + i)));
            json_object_set_new(one, "removed", json_integer((json_int_t)r->dropped));
            json_object_set_new(one, "log_likelihood", cli_fit_json_number(r->log_likelihood));
            json_object_set_new(one, "parameters", json_integer((json_int_t)r->parameters));
            json_object_set_new(one, "aic", cli_fit_json_number(r->aic));
            json_object_set_new(one, "bic", cli_fit_json_number(r->bic));
            json_object_set_new(one, "converged", json_boolean(r->stop == GKV_MIXTURE_CONVERGED));
            json_object_set_new(one, "chosen", json_boolean(i == f->chosen));
            json_array_append(tried, one);
        }
        json_decref(one);
    }
    return tried;
}

/* The margin of one column in every component. */
static gkv_gk margin(const gkv_mgk_mixture *mixture, size_t component, size_t column)
{
    return gkv_mgk_margins(gkv_mgk_mixture_component(mixture, component))[column];
}

static void print_components(const cli_fit_data *data, const gkv_mgk_mixture *mixture)
{
    enum { COLUMNS = 7 };
    const size_t count = gkv_mgk_mixture_count(mixture), d = data->n_columns;
    char(*text)[COLUMNS][CLI_CELL] = cli_alloc(count * d, sizeof *text);
    const char **cells = cli_alloc((count * d + 1) * COLUMNS, sizeof *cells);
    static const char *const heads[COLUMNS] = {"component", "weight", "column", "A", "B", "g", "k"};
    memcpy(cells, heads, sizeof heads);
    for (size_t i = 0; i < count * d; i++) {
        const gkv_gk gk = margin(mixture, i / d, i % d);
        if (i % d == 0) {
            snprintf(text[i][0], CLI_CELL, "%zu", i / d + 1);
            snprintf(text[i][1], CLI_CELL, "%.4f", gkv_mgk_mixture_weights(mixture)[i / d]);
        }
        for (size_t p = 0; p < CLI_PARAMETERS; p++)
            cli_fit_put_parameter(text[i][3 + p], &gk, p, NAN, 5);
        for (size_t c = 0; c < COLUMNS; c++)
            cells[(i + 1) * COLUMNS + c] = c == 2 ? data->columns[i % d].name : text[i][c];
    }
    cli_table(cells, count * d + 1, COLUMNS, "rrlrrrr");
    free(cells);
    free(text);
}

static void print_all(const cli_fit_data *data, size_t fitted, const gkv_mgk_mixture *mixture,
                      const gkv_mgk_mixture_result *r)
{
    char time[32];
    print_components(data, mixture);
    printf("%zu lines, log-likelihood %.8g (%.6g per line), %zu parameters, AIC %.8g, BIC %.8g\n",
           fitted, r->log_likelihood, r->log_likelihood / (double)fitted, r->parameters, r->aic,
           r->bic);
    if (isfinite(r->held_out))
        printf("held out: %zu lines, log-likelihood %.6g per line\n", data->n - fitted,
               r->held_out);
    printf("%zu iterations in %s: %s", r->iterations, cli_duration(r->seconds, time),
           gkv_mgk_mixture_stop_name(r->stop));
    if (r->stop == GKV_MIXTURE_CONVERGED)
        printf(", %.3g nats", r->tolerance);
    if (r->best_iteration != r->iterations)
        printf("; the best was iteration %zu", r->best_iteration);
    if (r->dropped)
        printf("; removed components: %zu", r->dropped);
    putchar('\n');
    if (r->unexplained > 0)
        printf("lines that no component explains: %.6g\n", r->unexplained);
}

static json_t *json_of_component(const cli_fit_data *data, const gkv_mgk_mixture *mixture, size_t k)
{
    const gkv_mgk *component = gkv_mgk_mixture_component(mixture, k);
    const size_t d = data->n_columns;
    json_t *object = json_object(), *margins = json_array();
    double *correlation = cli_alloc(d * d, sizeof *correlation);
    for (size_t c = 0; c < d; c++) {
        const gkv_gk gk = margin(mixture, k, c);
        json_t *one = json_object();
        json_object_set_new(one, "column", json_string(data->columns[c].name));
        for (size_t p = 0; p < CLI_PARAMETERS; p++)
            json_object_set_new(one, gkv_gk_family_parameter(gk.family, p),
                                cli_fit_json_number(cli_parameter(&gk, p)));
        json_object_set_new(one, "c", cli_fit_json_number(gk.c));
        json_array_append_new(margins, one);
    }
    gkv_mgk_covariance(component, correlation);
    json_object_set_new(object, "weight", cli_fit_json_number(gkv_mgk_mixture_weights(mixture)[k]));
    json_object_set_new(object, "margins", margins);
    json_object_set_new(object, "correlation", cli_fit_json_matrix(correlation, d));
    json_object_set_new(object, "cholesky", cli_fit_json_matrix(gkv_mgk_cholesky(component), d));
    free(correlation);
    return object;
}

static int print_json(const cli_fit_data *data, size_t fitted, const fits *f)
{
    const gkv_mgk_mixture *mixture = f->mixtures[f->chosen];
    const gkv_mgk_mixture_result *r = &f->results[f->chosen];
    json_t *object = cli_fit_json_begin(), *components = json_array();
    for (size_t k = 0; k < gkv_mgk_mixture_count(mixture); k++)
        json_array_append_new(components, json_of_component(data, mixture, k));
    json_object_set_new(object, "components", components);
    json_object_set_new(object, "n", json_integer((json_int_t)fitted));
    json_object_set_new(object, "log_likelihood", cli_fit_json_number(r->log_likelihood));
    json_object_set_new(object, "held_out_n", json_integer((json_int_t)(data->n - fitted)));
    json_object_set_new(object, "held_out_log_likelihood", cli_fit_json_number(r->held_out));
    json_object_set_new(object, "parameters", json_integer((json_int_t)r->parameters));
    json_object_set_new(object, "aic", cli_fit_json_number(r->aic));
    json_object_set_new(object, "bic", cli_fit_json_number(r->bic));
    json_object_set_new(object, "tolerance", cli_fit_json_number(r->tolerance));
    json_object_set_new(object, "iterations", json_integer((json_int_t)r->iterations));
    json_object_set_new(object, "converged", json_boolean(r->stop == GKV_MIXTURE_CONVERGED));
    json_object_set_new(object, "stop", json_string(gkv_mgk_mixture_stop_name(r->stop)));
    json_object_set_new(object, "last_gain", cli_fit_json_number(r->last_gain));
    json_object_set_new(object, "unexplained", cli_fit_json_number(r->unexplained));
    json_object_set_new(object, "tried", json_of_choice(f));
    return cli_fit_print_json(object);
}

static int draw(const cli_fit_arguments *a, const cli_fit_data *data,
                const gkv_mgk_mixture *mixture)
{
    const size_t count = gkv_mgk_mixture_count(mixture), d = data->n_columns;
    cli_fit_margin *margins = cli_alloc(d, sizeof *margins);
    gkv_gk *components = cli_alloc(count * d, sizeof *components);
    for (size_t c = 0; c < d; c++) {
        for (size_t k = 0; k < count; k++)
            components[c * count + k] = margin(mixture, k, c);
        margins[c] = (cli_fit_margin){.components = components + c * count,
                                      .n_components = count,
                                      .weights = gkv_mgk_mixture_weights(mixture)};
    }
    const int code = cli_fit_picture(a, data, margins);
    free(components);
    free(margins);
    return code;
}

/* --- The fit -------------------------------------------------------------- */

static gkv_mgk_mixture_settings settings_of(const cli_fit_arguments *a)
{
    gkv_mgk_mixture_settings settings;
    gkv_mgk_mixture_defaults(&settings);
    settings.components = a->components;
    settings.seed = a->seed;
    settings.normal = a->normal;
    if (a->restarts > 0)
        settings.restarts = a->restarts;
    if (a->tolerance >= 0)
        settings.tolerance = a->tolerance;
    if (a->unshrunk) {
        settings.shrink = 0;
        settings.advanced.shrink_shapes = false;
    }
    settings.advanced.margins.levels = a->levels;
    settings.advanced.margins.c = a->c;
    return settings;
}

/* Notes the numbers of components from `first` to `last` that are not fitted. */
static void note_left_out(size_t first, size_t last, const char *why)
{
    if (first < last)
        fprintf(stderr, "gkvae: %zu to %zu components are not fitted: %s\n", first, last, why);
    else if (first == last)
        fprintf(stderr, "gkvae: %zu components are not fitted: %s\n", first, why);
}

/* The largest number of components to fit. Those beyond the number of lines are left out, if others
 * remain. */
static size_t max_components(const cli_fit_arguments *a, size_t fitted)
{
    const size_t most = a->components_most > 0 ? a->components_most : a->components;
    char why[96];
    if (most <= fitted || a->components > fitted)
        return most;
    snprintf(why, sizeof why, "each needs a line, and the fit has only %zu", fitted);
    note_left_out(fitted + 1, most, why);
    return fitted;
}

/* Prints the chosen fit, and writes the files. */
static int show_all(const cli_fit_arguments *a, const cli_fit_data *data, size_t fitted,
                    const fits *f)
{
    const gkv_mgk_mixture *mixture = f->mixtures[f->chosen];
    int code = CLI_OK;
    cli_fit_note_mixture(a, data, mixture);
    if (a->json) {
        CLI_TRY(print_json(data, fitted, f));
    } else {
        if (a->components_most > 0)
            print_choice(f);
        print_all(data, fitted, mixture, &f->results[f->chosen]);
    }
    if (a->picture)
        CLI_TRY(draw(a, data, mixture));
    if (a->responsibilities)
        CLI_TRY(cli_fit_write_responsibilities(a, data, mixture));
done:
    return code;
}

int cli_fit_mixture(const cli_fit_arguments *a, const cli_fit_data *data)
{
    const size_t aside = (size_t)(a->held_out * (double)data->n), fitted = data->n - aside,
                 d = data->n_columns;
    const size_t most = max_components(a, fitted);
    fits f = {.least = a->components, .count = most - a->components + 1};
    double *x = cli_fit_rows(data);
    const char **names = cli_fit_names(data);
    gkv_mgk_mixture_settings settings = settings_of(a);
    int code = CLI_OK;
    mixture_reporter reporter = {.quiet = a->quiet, .iterations_most = settings.max_iterations};
    f.mixtures = cli_alloc(f.count, sizeof(gkv_mgk_mixture *));
    f.results = cli_alloc(f.count, sizeof *f.results);
    settings.names = names;
    const gkv_run_options options = {.threads = a->threads,
                                     .progress = on_iteration,
                                     .context = &reporter,
                                     .stop = &cli_stop,
                                     .dist = cli_ranks()};
    if (aside > 0) {
        move_held_out(x, data->n, d, aside, a->seed);
        settings.held_out = x + fitted * d;
        settings.held_out_rows = aside;
    }
    cli_catch_signals();
    cli_live_start(&reporter.live, !a->quiet);
    const gkv_status status = gkv_mgk_mixture_fit_range(fitted, d, x, &settings, f.least, most,
                                                        &options, f.mixtures, f.results, &f.chosen);
    cli_live_clear(&reporter.live);
    if (!f.mixtures[0] || (status != GKV_ERR_INTERRUPTED && status != GKV_ERR_DATA))
        CLI_CHECK(status);
    if (status == GKV_ERR_DATA)
        note_left_out(f.least + count_fits(&f), most, cli_reason());
    CLI_TRY(show_all(a, data, fitted, &f));
    if (status == GKV_ERR_INTERRUPTED)
        code = cli_error(cli_code(status), "stopped; this is the fit so far");
done:
    fits_free(&f);
    free(names);
    free(x);
    return code;
}
