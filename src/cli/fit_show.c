/* Fits of single columns as tables; declared in cli_fit.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_fit.h"

/* Whether lighter tails are valid for g = 0 than for this g. */
static bool tails_are_lighter_at_zero(const gkv_gk *gk)
{
    gkv_gk symmetric = *gk;
    symmetric.g = 0;
    return gkv_gk_least_k(&symmetric, INFINITY) < gkv_gk_least_k(gk, INFINITY);
}

/* Says why c is uncertain, and what to do. */
static void warn_of_weak_c(const char *name, const gkv_gk_fit_result *result)
{
    const gkv_gk_fit_c *c = &result->c;
    const double low = result->low[GKV_GK_G], high = result->high[GKV_GK_G];
    char why[128];
    if (low <= 0 && high >= 0)
        snprintf(why, sizeof why,
                 "the interval of g, from %.3g to %.3g, contains 0, where c has no effect", low,
                 high);
    else
        snprintf(why, sizeof why, "its interval %s",
                 c->low <= 0 || c->high >= 1 ? "reaches the end of its range"
                                             : "is longer than a half");
    fprintf(stderr,
            "gkvae: %s: the values hardly determine c (%.3g, from %.3g to %.3g): %s. Only strong "
            "skewness tells c from g. Hold c at a known value, as --fix c=%g, or use more values; "
            "with c held, estimates of g are comparable\n",
            name, result->gk.c, c->low, c->high, why, c->held);
}

void cli_fit_warn(const cli_fit_arguments *a, const char *name, const gkv_gk_fit_result *result)
{
    const bool by_moments = a->normal && a->multivariate;
    if (result->method == GKV_GK_OCTILES)
        return;
    if (!result->converged && result->method == GKV_GK_MLE)
        fprintf(stderr, "gkvae: %s: not converged after %zu steps of Newton's method\n", name,
                result->newton);
    else if (!result->converged)
        fprintf(stderr, "gkvae: %s: not converged after %zu passes; at the end, %s\n", name,
                result->reweightings, gkv_lm_stop_name(result->stop));
    if (result->method != a->method && !by_moments)
        fprintf(stderr,
                "gkvae: %s: the equations of lm have no solution at which the values are likely, "
                "so the estimates are those of maximum likelihood\n",
                name);
    if (result->symmetric)
        fprintf(stderr, "gkvae: %s: g is exactly 0: %s. It has no standard error\n", name,
                result->gk.k < 0 ? "only there can the tails be so light"
                                 : "no other g is as likely");
    if (result->at_bound) {
        const char *k = gkv_gk_family_parameter(a->family, GKV_GK_K);
        fprintf(stderr,
                "gkvae: %s: %s is at its least valid value: no %s distribution with this g has "
                "lighter tails. The standard error of %s ignores this bound%s\n",
                name, k, gkv_gk_family_name(a->family), k,
                !a->fixed[GKV_GK_G] && tails_are_lighter_at_zero(&result->gk)
                    ? ". With another g the tails can be lighter: try --fix g=0"
                    : "");
    }
    if (result->c.free && !result->c.determined)
        fprintf(stderr,
                "gkvae: %s: c is not determined, because g is exactly 0: it is %g, and has no "
                "standard error\n",
                name, result->gk.c);
    else if (result->c.weak && result->converged)
        warn_of_weak_c(name, result);
    const double most = gkv_gk_fit_g_max(a->family);
    if (fabs(result->gk.g) >= most && !a->fixed[GKV_GK_G])
        fprintf(stderr, "gkvae: %s: g is at ±%g, the bound of fits: only its sign is known\n", name,
                most);
}

void cli_fit_put_value(char cell[CLI_CELL], double value, double se, int digits)
{
    if (!isfinite(value) || !(se > 0 && isfinite(se))) {
        snprintf(cell, CLI_CELL, "%.6g", value);
        return;
    }
    const double order = floor(log10(se));
    const double places = fmax(0, digits - 1 - order);
    const double significant = floor(log10(fmax(fabs(value), se))) - order + digits;
    if (places <= 12 && fabs(value) < 1e15 && se < 1e6)
        snprintf(cell, CLI_CELL, "%.*f", (int)places, value);
    else
        snprintf(cell, CLI_CELL, "%#.*g", (int)fmin(significant, 17), value);
}

void cli_fit_put_parameter(char cell[CLI_CELL], const gkv_gk *gk, size_t p, double se, int digits)
{
    const double value = cli_parameter(gk, p);
    if (se > 0)
        cli_fit_put_value(cell, value, se, digits);
    else if (p == GKV_GK_A && fabs(value) > 100.0 * gk->b)
        cli_fit_put_value(cell, value, 1e-4 * gk->b, 1);
    else
        snprintf(cell, CLI_CELL, "%.*g", digits, value);
}

bool cli_fit_has_errors(const cli_fit_row *row)
{
    return row->result.method != GKV_GK_OCTILES;
}

/* The standard error of a parameter: by bootstrap if there is one. */
static double error_of(const cli_fit_row *row, size_t parameter)
{
    return row->bootstrapped         ? row->bootstrap.se[parameter]
           : cli_fit_has_errors(row) ? row->result.se[parameter]
                                     : NAN;
}

/* --- The table of one fit: a line for each parameter, then the figures of the whole fit --- */

enum { ONE_COLUMNS = 9 };

static void put_error(char cell[CLI_CELL], double se)
{
    if (isnan(se))
        snprintf(cell, CLI_CELL, "unknown");
    else
        snprintf(cell, CLI_CELL, "%.3g", se);
}

/* Whether the support of a distribution has an end. */
static bool is_bounded(const gkv_gk *gk)
{
    return isfinite(gkv_gk_quantile(gk, 0.0)) || isfinite(gkv_gk_quantile(gk, 1.0));
}

/* Prints the log-likelihood, or why it is −∞. */
static void print_likelihood(const gkv_gk_fit_result *r)
{
    if (isfinite(r->log_likelihood))
        printf("log-likelihood %.8g, AIC %.8g, BIC %.8g\n", r->log_likelihood, r->aic, r->bic);
    else if (r->log_likelihood == -INFINITY)
        printf("log-likelihood -inf: %s\n",
               is_bounded(&r->gk)
                   ? "values outside the support"
                   : "the density of values that are far away is below the least number");
}

static void fill_one(const cli_fit_arguments *a, const cli_fit_row *row, size_t p,
                     char text[ONE_COLUMNS][CLI_CELL])
{
    const gkv_gk_fit_result *r = &row->result;
    const gkv_gk_bootstrap_result *b = &row->bootstrap;
    const double se = error_of(row, p);
    snprintf(text[0], CLI_CELL, "%s", gkv_gk_family_parameter(r->gk.family, p));
    cli_fit_put_parameter(text[1], &r->gk, p, se, se > 0 ? 3 : 6);
    if (cli_fit_has_errors(row)) {
        const bool held = a->fixed[p] || (a->normal && p >= GKV_GK_G);
        put_error(text[2], r->se[p]);
        cli_fit_put_value(text[3], r->low[p], r->se[p], 3);
        cli_fit_put_value(text[4], r->high[p], r->se[p], 3);
        if (held)
            snprintf(text[2], CLI_CELL, "fixed");
        if (r->symmetric && p == GKV_GK_G)
            snprintf(text[2], CLI_CELL, "exactly 0");
        if (held || isnan(r->se[p]) || (r->symmetric && p == GKV_GK_G))
            text[3][0] = text[4][0] = '\0';
    }
    if (row->bootstrapped && se > 0) {
        put_error(text[5], se);
        snprintf(text[6], CLI_CELL, "%.2g", b->bias[p]);
        cli_fit_put_value(text[7], b->low[p], se, 3);
        cli_fit_put_value(text[8], b->high[p], se, 3);
    }
}

char *cli_fit_note(const cli_fit_row *row)
{
    const gkv_gk_fit_result *r = &row->result;
    switch (r->test) {
    case GKV_GK_TEST_TIES:
        return cli_text("%.10g of %.10g values are %.10g, but the test is for values without ties "
                        "(--resolution H, if they are rounded to multiples of H)",
                        r->tied, r->total, r->tied_value);
    case GKV_GK_TEST_HEAPS:
        return cli_text("too many values are multiples of %.10g, as if some were rounded to it and "
                        "others to %.10g",
                        r->heaps, r->resolution);
    case GKV_GK_TEST_FEW_BINS:
        return r->levels == 0
                   ? cli_text("every point divides an interval, so that there are no bins")
                   : cli_text("%zu bins that divide no interval are too few for %zu parameter%s",
                              r->levels + 1, r->parameters, cli_plural(r->parameters));
    default: return NULL;
    }
}

/* Prints χ² and its p-value, or why there is none. */
static void print_chi2(const cli_fit_row *row)
{
    const gkv_gk_fit_result *r = &row->result;
    char *note = cli_fit_note(row);
    if (!note)
        printf("goodness of fit: χ² = %.4g with %zu degrees of freedom, p = %.4g\n", r->chi2,
               r->dof, r->p_value);
    else
        printf("goodness of fit: no p-value of χ²: %s\n", note);
    free(note);
}

/* Names the estimates that are at a bound. `name` is that of the column, or NULL. */
static void print_bounds(const char *name, const gkv_gk_fit_result *r)
{
    for (size_t p = 0; p < CLI_PARAMETERS; p++)
        if (r->bound[p])
            printf("(%s%s%s is at its %s bound, %.6g)\n", name ? name : "", name ? ": " : "",
                   gkv_gk_family_parameter(r->gk.family, p), r->bound[p] < 0 ? "lower" : "upper",
                   cli_parameter(&r->gk, p));
}

static void print_resolution(const gkv_gk_fit_result *r)
{
    if (r->resolution > 0)
        printf("(values rounded to %.10g%s)\n", r->resolution,
               r->method == GKV_GK_MLE ? ", fitted as intervals" : "; --method mle fits intervals");
}

static void print_test(const cli_fit_row *row)
{
    const gkv_gk_fit_result *r = &row->result;
    const gkv_gk_bootstrap_result *b = &row->bootstrap;
    if (!cli_fit_has_errors(row) || (!isfinite(r->chi2) && r->test != GKV_GK_TEST_FEW_BINS))
        return;
    print_chi2(row);
    if (isfinite(r->anderson_darling))
        printf("Anderson and Darling's A² = %.4g\n", r->anderson_darling);
    if (row->bootstrapped && isfinite(b->p_chi2))
        printf("by simulation: p = %.4g for χ², p = %.4g for A²\n", b->p_chi2,
               b->p_anderson_darling);
    else if (row->bootstrapped && isfinite(b->p_anderson_darling))
        printf("by simulation: p = %.4g for A²\n", b->p_anderson_darling);
}

/* Tables name the family unless it is that of fits without --family. */
static bool is_named(int64_t family)
{
    return family != gkv_gk_standard().family;
}

static void print_family(const gkv_gk *gk)
{
    char *text = is_named(gk->family) ? cli_fit_family_text(gk) : cli_text("c = %g", gk->c);
    printf("(%s)\n", text);
    free(text);
}

/* The line of an estimated c. */
static void fill_c(const gkv_gk_fit_result *r, char text[ONE_COLUMNS][CLI_CELL])
{
    snprintf(text[0], CLI_CELL, "c");
    cli_fit_put_value(text[1], r->gk.c, r->c.se, 3);
    snprintf(text[2], CLI_CELL, "not determined");
    if (!r->c.determined)
        return;
    put_error(text[2], r->c.se);
    if (isnan(r->c.se))
        return;
    cli_fit_put_value(text[3], r->c.low, r->c.se, 3);
    cli_fit_put_value(text[4], r->c.high, r->c.se, 3);
}

/* Prints the test of the c that is held without --free c. `name` is that of the column, or NULL. */
static void print_c_test(const char *name, const gkv_gk_fit_result *r)
{
    if (!r->c.free || isnan(r->c.p_value))
        return;
    printf("%s%s", name ? "(" : "", name ? name : "");
    printf("%slikelihood-ratio test of c = %g (log-likelihood %.8g): %.4g, p = %.4g%s\n",
           name ? ": " : "", r->c.held, r->c.held_log_likelihood, r->c.ratio, r->c.p_value,
           name ? ")" : "");
    if (r->c.bound)
        printf("(%s%sc is at its %s bound, %.6g)\n", name ? name : "", name ? ": " : "",
               r->c.bound < 0 ? "lower" : "upper", r->gk.c);
}

static void print_one(const cli_fit_arguments *a, const cli_fit_row *row)
{
    const gkv_gk_fit_result *r = &row->result;
    enum { LINES = CLI_PARAMETERS + 2 };
    char text[LINES][ONE_COLUMNS][CLI_CELL] = {{"", "estimate"}};
    const char *cells[LINES * ONE_COLUMNS];
    if (cli_fit_has_errors(row)) {
        snprintf(text[0][2], CLI_CELL, "standard error");
        snprintf(text[0][3], CLI_CELL, "%.6g%% from", 100 * a->confidence);
        snprintf(text[0][4], CLI_CELL, "to");
    }
    if (row->bootstrapped) {
        snprintf(text[0][5], CLI_CELL, "bootstrap s.e.");
        snprintf(text[0][6], CLI_CELL, "bias");
        snprintf(text[0][7], CLI_CELL, "%.6g%% from", 100 * a->confidence);
        snprintf(text[0][8], CLI_CELL, "to");
    }
    for (size_t p = 0; p < CLI_PARAMETERS; p++)
        fill_one(a, row, p, text[p + 1]);
    if (r->c.free)
        fill_c(r, text[CLI_PARAMETERS + 1]);
    for (size_t i = 0; i < LINES * ONE_COLUMNS; i++)
        cells[i] = text[i / ONE_COLUMNS][i % ONE_COLUMNS];
    printf("%s: %zu values", row->name, r->n);
    if (a->weights)
        printf(" that stand for %.10g", r->total);
    printf(", %s\n", gkv_gk_fit_method_name(r->method, a->family));
    cli_table(cells, LINES - !r->c.free, ONE_COLUMNS, "lrrrrrrrr");
    print_likelihood(r);
    print_c_test(NULL, r);
    print_test(row);
    if (row->bootstrapped)
        printf("(%s bootstrap: %zu samples%s)\n", a->nonparametric ? "nonparametric" : "parametric",
               row->bootstrap.used, row->bootstrap.failed ? "; some could not be fitted" : "");
    if (a->profile)
        puts("(intervals of the profile likelihood)");
    print_bounds(NULL, r);
    print_resolution(r);
    if (!r->c.free)
        print_family(&r->gk);
    else if (is_named(r->gk.family))
        printf("(%s)\n", gkv_gk_family_name(r->gk.family));
}

/* --- The table of several fits: a line for each column -------------------- */

enum { WIDE = 2 * CLI_CELL };

/* Prints a finite number; other values give an empty cell. */
static __attribute__((format(printf, 2, 0))) void put_finite(char cell[WIDE], const char *format,
                                                             double value)
{
    if (isfinite(value))
        snprintf(cell, WIDE, format, value);
}

/* Why fits have no p-value. */
static void print_notes(const cli_fit_row *rows, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        char *note = cli_fit_note(&rows[i]);
        if (note)
            printf("(%s: no p-value of χ²: %s)\n", rows[i].name, note);
        free(note);
    }
}

/* Says what the standard errors of the table are. An interruption leaves columns without a
 * bootstrap. */
static void print_errors_note(const cli_fit_arguments *a, const cli_fit_row *rows, size_t n_rows)
{
    const char *const how = a->normal && a->multivariate
                                ? "normal margins by their moments"
                                : gkv_gk_fit_method_name(a->method, a->family);
    const char *first = NULL; /* of the columns without a bootstrap */
    size_t without = 0;
    for (size_t i = 0; i < n_rows; i++)
        if (!rows[i].bootstrapped) {
            first = first ? first : rows[i].name;
            without++;
        }
    if (a->method == GKV_GK_OCTILES && without == n_rows)
        return;
    printf("(± standard error");
    if (without < n_rows)
        printf(", and p, by bootstrap");
    if (without > 0 && without < n_rows)
        printf(" except for %s", first);
    if (without > 1 && without < n_rows)
        printf(" and %zu more", without - 1);
    printf("; %s)\n", how);
}

static void print_many(const cli_fit_arguments *a, const cli_fit_row *rows, size_t n_rows)
{
    enum { COLUMNS = 10 };
    const char *heads[COLUMNS] = {"column",         "n",   "A",         "B", "g", "k",
                                  "log-likelihood", "AIC", "χ²/d.o.f.", "p"};
    heads[5] = gkv_gk_family_parameter(a->family, GKV_GK_K);
    char(*text)[COLUMNS][WIDE] = cli_alloc(n_rows, sizeof *text);
    const char **cells = cli_alloc((n_rows + 1) * COLUMNS, sizeof *cells);
    memcpy(cells, heads, sizeof heads);
    for (size_t i = 0; i < n_rows; i++) {
        const gkv_gk_fit_result *r = &rows[i].result;
        snprintf(text[i][1], WIDE, "%zu", r->n);
        for (size_t p = 0; p < CLI_PARAMETERS; p++) {
            char value[CLI_CELL];
            const double se = error_of(&rows[i], p);
            cli_fit_put_parameter(value, &r->gk, p, se, se > 0 ? 2 : 6);
            if (se > 0)
                snprintf(text[i][2 + p], WIDE, "%s ± %.2g", value, se);
            else
                snprintf(text[i][2 + p], WIDE, "%s", value);
        }
        if (!isnan(r->log_likelihood)) /* -inf: see print_likelihood */
            snprintf(text[i][6], WIDE, "%.8g", r->log_likelihood);
        put_finite(text[i][7], "%.8g", r->aic);
        if (cli_fit_has_errors(&rows[i])) {
            const double p_value = rows[i].bootstrapped ? rows[i].bootstrap.p_chi2 : r->p_value;
            if (!isnan(r->p_value) || r->test == GKV_GK_TEST_LEVELS)
                put_finite(text[i][8], "%.3f", r->chi2 / (double)r->dof);
            put_finite(text[i][9], "%.3g", p_value);
        }
        cells[(i + 1) * COLUMNS] = rows[i].name;
        for (size_t c = 1; c < COLUMNS; c++)
            cells[(i + 1) * COLUMNS + c] = text[i][c];
    }
    cli_table(cells, n_rows + 1, COLUMNS, "lrrrrrrrrr");
    print_errors_note(a, rows, n_rows);
    if (a->free_c) {
        const bool named = is_named(a->family);
        printf("(c is estimated%s%s)\n", named ? "; " : "",
               named ? gkv_gk_family_name(a->family) : "");
        for (size_t i = 0; i < n_rows; i++) {
            char value[CLI_CELL], error[CLI_CELL];
            cli_fit_put_value(value, rows[i].result.gk.c, rows[i].result.c.se, 2);
            put_error(error, rows[i].result.c.se);
            if (rows[i].result.c.determined)
                printf("(%s: c = %s, standard error %s)\n", rows[i].name, value, error);
            else
                printf("(%s: c is not determined)\n", rows[i].name);
            print_c_test(rows[i].name, &rows[i].result);
        }
    } else if (is_named(a->family))
        print_family(&rows->result.gk);
    for (size_t i = 0; i < n_rows; i++)
        print_bounds(rows[i].name, &rows[i].result);
    print_notes(rows, n_rows);
    free(text);
    free(cells);
}

void cli_fit_print_rows(const cli_fit_arguments *a, const cli_fit_row *rows, size_t n_rows)
{
    if (n_rows == 1)
        print_one(a, rows);
    else
        print_many(a, rows, n_rows);
}
