/* Fits of single columns as JSON; declared in cli_fit.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors/json_text.h"
#include "cli_fit.h"
#include "cli_gk.h"

json_t *cli_fit_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *cli_fit_json_matrix(const double *values, size_t d)
{
    json_t *matrix = json_array();
    for (size_t i = 0; i < d; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < d; j++)
            json_array_append_new(row, cli_fit_json_number(values[i * d + j]));
        json_array_append_new(matrix, row);
    }
    return matrix;
}

static char *text_of(json_t *value)
{
    char *text = gki_json_text(value, JSON_INDENT(2) | JSON_REAL_PRECISION(17), NULL);
    json_decref(value);
    if (!text)
        cli_error(CLI_DATA, "the name of a column is not UTF-8 text, which JSON needs; rename it "
                            "in the file");
    return text;
}

int cli_fit_print_json(json_t *value)
{
    char *text = text_of(value);
    if (!text)
        return CLI_DATA;
    puts(text);
    free(text);
    return CLI_OK;
}

static void put_number(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, cli_fit_json_number(value));
}

static void put_count(json_t *object, const char *key, size_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *json_of_parameters(const cli_fit_arguments *a, const cli_fit_row *row)
{
    const gkv_gk_fit_result *r = &row->result;
    json_t *parameters = json_object();
    for (size_t p = 0; p < CLI_PARAMETERS; p++) {
        json_t *one = json_object();
        put_number(one, "estimate", cli_parameter(&r->gk, p));
        put_number(one, "standard_error", cli_fit_has_errors(row) ? r->se[p] : NAN);
        put_number(one, "low", cli_fit_has_errors(row) ? r->low[p] : NAN);
        put_number(one, "high", cli_fit_has_errors(row) ? r->high[p] : NAN);
        json_object_set_new(one, "fixed",
                            json_boolean(a->fixed[p] || (a->normal && p >= GKV_GK_G)));
        json_object_set_new(one, "bound",
                            !r->bound[p]      ? json_null()
                            : r->bound[p] < 0 ? json_string("lower")
                                              : json_string("upper"));
        json_object_set_new(parameters, cli_parameter_name(r->gk.family, p), one);
    }
    if (r->c.free) {
        json_t *one = json_object();
        put_number(one, "estimate", r->gk.c);
        put_number(one, "standard_error", r->c.se);
        put_number(one, "low", r->c.low);
        put_number(one, "high", r->c.high);
        json_object_set_new(one, "fixed", json_false());
        json_object_set_new(one, "bound",
                            !r->c.bound      ? json_null()
                            : r->c.bound < 0 ? json_string("lower")
                                             : json_string("upper"));
        json_object_set_new(parameters, "c", one);
    }
    return parameters;
}

/* What is known of an estimated c besides: its covariance with A, B, g, k and itself, and the
 * likelihood-ratio test of the c that is held otherwise. */
static json_t *json_of_c(const gkv_gk_fit_c *c)
{
    json_t *object = json_object(), *covariance = json_array();
    json_object_set_new(object, "determined", json_boolean(c->determined));
    json_object_set_new(object, "weak", json_boolean(c->weak));
    for (size_t i = 0; i < CLI_PARAMETERS + 1; i++)
        json_array_append_new(covariance, cli_fit_json_number(c->covariance[i]));
    json_object_set_new(object, "covariance", covariance);
    put_number(object, "held", c->held);
    put_number(object, "held_log_likelihood", c->held_log_likelihood);
    put_number(object, "likelihood_ratio", c->ratio);
    put_number(object, "p_value", c->p_value);
    return object;
}

static json_t *json_of_bootstrap(const cli_fit_arguments *a, const gkv_gk_bootstrap_result *b)
{
    json_t *object = json_object();
    json_object_set_new(object, "parametric", json_boolean(!a->nonparametric));
    json_object_set_new(object, "seed", json_integer((json_int_t)a->seed));
    put_count(object, "used", b->used);
    put_count(object, "failed", b->failed);
    for (size_t p = 0; p < CLI_PARAMETERS; p++) {
        json_t *one = json_object();
        put_number(one, "standard_error", b->se[p]);
        put_number(one, "bias", b->bias[p]);
        put_number(one, "low", b->low[p]);
        put_number(one, "high", b->high[p]);
        json_object_set_new(object, cli_parameter_name(a->family, p), one);
    }
    put_number(object, "p_chi2", b->p_chi2);
    put_number(object, "p_anderson_darling", b->p_anderson_darling);
    return object;
}

/* A number that is 0 if there is none. */
static void put_known(json_t *object, const char *key, double value)
{
    put_number(object, key, value > 0 ? value : NAN);
}

/* What is known of the precision of the values, and why there is no p-value. */
static void put_note(json_t *object, const cli_fit_row *row)
{
    char *note = cli_fit_note(row);
    put_known(object, "resolution", row->result.resolution);
    json_object_set_new(object, "note", note ? json_string(note) : json_null());
    free(note);
}

/* The keys that are unknown after the octile method. */
static void put_test(json_t *object, const cli_fit_arguments *a, const cli_fit_row *row)
{
    static const char *const keys[] = {
        "chi2",      "degrees_of_freedom", "p_value",   "anderson_darling", "levels",
        "converged", "at_bound",           "symmetric", "covariance"};
    const gkv_gk_fit_result *r = &row->result;
    const bool has_intervals = cli_fit_has_errors(row) || row->bootstrapped;
    put_number(object, "confidence", has_intervals ? a->confidence : NAN);
    json_object_set_new(object, "intervals",
                        !cli_fit_has_errors(row) ? json_null()
                                                 : json_string(a->profile ? "profile" : "wald"));
    for (size_t i = 0; !cli_fit_has_errors(row) && i < sizeof keys / sizeof *keys; i++)
        json_object_set_new(object, keys[i], json_null());
    if (!cli_fit_has_errors(row))
        return;
    put_number(object, "chi2", r->chi2);
    put_count(object, "degrees_of_freedom", r->dof);
    put_number(object, "p_value", r->p_value);
    put_number(object, "anderson_darling", r->anderson_darling);
    put_count(object, "levels", r->levels);
    json_object_set_new(object, "converged", json_boolean(r->converged));
    json_object_set_new(object, "at_bound", json_boolean(r->at_bound));
    json_object_set_new(object, "symmetric", json_boolean(r->symmetric));
    json_object_set_new(object, "covariance",
                        cli_fit_json_matrix(&r->covariance[0][0], CLI_PARAMETERS));
}

json_t *cli_fit_json_begin(void)
{
    json_t *object = json_object();
    json_object_set_new(object, "schema", json_string(CLI_FIT_SCHEMA));
    return object;
}

json_t *cli_fit_json_of_row(const cli_fit_arguments *a, const cli_fit_row *row, json_t *object)
{
    static const char *const methods[] = {
        [GKV_GK_LM] = "lm", [GKV_GK_MLE] = "mle", [GKV_GK_OCTILES] = "octile"};
    const gkv_gk_fit_result *r = &row->result;
    char *family = cli_word_at(CLI_FAMILY_WORDS, (int)r->gk.family);
    json_object_set_new(object, "column", json_string(row->name));
    put_count(object, "n", r->n);
    put_number(object, "observations", r->total);
    json_object_set_new(object, "method", json_string(methods[r->method]));
    json_object_set_new(object, "family", json_string(family));
    free(family);
    json_object_set_new(object, "parameters", json_of_parameters(a, row));
    put_number(object, "c", r->gk.family == GKV_GK_FAMILY_GH ? NAN : r->gk.c);
    if (r->c.free)
        json_object_set_new(object, "c_estimate", json_of_c(&r->c));
    put_number(object, "log_likelihood", r->log_likelihood);
    put_number(object, "aic", r->aic);
    put_number(object, "bic", r->bic);
    put_test(object, a, row);
    put_note(object, row);
    if (row->bootstrapped)
        json_object_set_new(object, "bootstrap", json_of_bootstrap(a, &row->bootstrap));
    return object;
}

/* One element of the array after another, because the tree of all of them is slow to build. */
int cli_fit_print_json_rows(const cli_fit_arguments *a, const cli_fit_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_t *one = json_array();
        json_array_append_new(one, cli_fit_json_of_row(a, &rows[i], cli_fit_json_begin()));
        char *text = text_of(one);
        if (!text)
            return CLI_DATA;
        /* without the bracket of this array and the line break before it, unless it is the last */
        text[strlen(text) - strlen("\n]")] = '\0';
        printf("%s%s", i == 0 ? "[" : ",", text + strlen("["));
        free(text);
    }
    puts("\n]");
    return CLI_OK;
}
