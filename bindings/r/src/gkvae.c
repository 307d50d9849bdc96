/* The .Call functions of the R package: calls of the flat functions.
 *
 * Matrices are passed row by row, as the transpose of an R matrix. Errors of the library become
 * errors of R with its message. Memory comes from R_alloc or from R's vectors, so that an error,
 * which leaves a function by a long jump, loses none. */
#include <stdint.h>
#include <string.h>

#include <R_ext/Rdynload.h>
#include <R_ext/Visibility.h>

#include "arguments.h"
#include "density.h"

enum {
    EXACT_LENGTH = 128 /* up to here the functions have the bits of those of gkvae/gk.h */
};

/* --- Names ---------------------------------------------------------------- */

/* The words of a setting of fits, as one text. */
static SEXP words_of_fit(const char *setting)
{
    const SEXP pointer = PROTECT(settings_of(gkv_flat_fit_settings, R_NilValue));
    const gkv_flat_settings *settings = R_ExternalPtrAddr(pointer);
    SEXP out = R_NilValue;
    for (size_t i = 0; gkv_flat_setting_name(settings, i); i++)
        if (strcmp(gkv_flat_setting_name(settings, i), setting) == 0)
            out = Rf_mkString(gkv_flat_setting_words(settings, i));
    UNPROTECT(1);
    return out;
}

/* The names of the numbers of a table of the library. */
static SEXP gkr_names(SEXP table)
{
    static const struct {
        const char *table;
        const char *(*name)(size_t i);
    } tables[] = {{"fit", gkv_flat_fit_name},
                  {"test", gkv_flat_test_name},
                  {"bootstrap", gkv_flat_bootstrap_name},
                  {"mixture", gkv_flat_mixture_name}};
    const char *wanted = CHAR(Rf_asChar(table));
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        if (strcmp(tables[t].table, wanted) == 0)
            return names_of(tables[t].name);
    }
    const SEXP of_density = density_names(wanted);
    return Rf_isNull(of_density) ? words_of_fit(wanted) : of_density;
}

static gkv_gk_family family_of(SEXP name)
{
    for (int family = 0; family < GKV_GK_FAMILIES; family++)
        if (strcmp(CHAR(Rf_asChar(name)), gkv_gk_family_short_name(family)) == 0)
            return (gkv_gk_family)family;
    Rf_error("gkvae: there is no family \"%s\"", CHAR(Rf_asChar(name)));
}

/* The name of a family in texts, and the names of its parameters. */
static SEXP gkr_family(SEXP name)
{
    const gkv_gk_family family = family_of(name);
    R_xlen_t count = 1;
    for (size_t i = 0; i <= GKV_GK_C; i++)
        count += gkv_gk_family_parameter(family, i) != NULL;
    const SEXP out = PROTECT(Rf_allocVector(STRSXP, count));
    SET_STRING_ELT(out, 0, Rf_mkChar(gkv_gk_family_name(family)));
    for (R_xlen_t i = 1; i < count; i++)
        SET_STRING_ELT(out, i, Rf_mkChar(gkv_gk_family_parameter(family, (size_t)i - 1)));
    UNPROTECT(1);
    return out;
}

static gkv_flat_function function_of(SEXP name)
{
    for (size_t i = 0; gkv_flat_function_name(i); i++)
        if (strcmp(CHAR(Rf_asChar(name)), gkv_flat_function_name(i)) == 0)
            return (gkv_flat_function)i;
    Rf_error("gkvae: there is no function \"%s\"", CHAR(Rf_asChar(name)));
}

/* --- The distributions ---------------------------------------------------- */

enum { ARGUMENTS = 6 }; /* x, A, B, g, k, c */

/* Returns the parameter itself if it has one element or n, else its elements again and again. */
static const double *recycled(SEXP x, R_xlen_t n, size_t *length)
{
    const R_xlen_t given = XLENGTH(x);
    *length = given == 1 ? 1 : (size_t)n;
    if (given == 1 || given == n)
        return REAL(x);
    double *out = (double *)R_alloc((size_t)n, sizeof *out);
    for (R_xlen_t i = 0, j = 0; i < n; i++, j = j + 1 == given ? 0 : j + 1)
        out[i] = REAL(x)[j];
    return out;
}

/* Puts NA where an argument is NA, as functions of base R do, and NaN where one is NaN. Returns
 * whether there is a NaN that no argument has. */
static bool mark_missing(gkv_flat_function function, R_xlen_t n, const SEXP *argument, double *out)
{
    /* all other results are NaN where an argument is */
    const bool every = function == GKV_FLAT_ENTROPY || function == GKV_FLAT_VALID;
    bool produced = false;
    for (R_xlen_t i = 0; i < n; i++) {
        if (!every && !ISNAN(out[i]))
            continue;
        bool na = false, nan = false;
        for (int a = 0; a < ARGUMENTS; a++) {
            const R_xlen_t length = XLENGTH(argument[a]);
            const double value = REAL(argument[a])[length == 1 ? 0 : i % length];
            na = na || R_IsNA(value);
            nan = nan || ISNAN(value);
        }
        produced = produced || (!nan && ISNAN(out[i]));
        if (nan)
            out[i] = na ? NA_REAL : R_NaN;
    }
    return produced;
}

/* The function `which` of the family at `arguments`, a list of x, A, B, g, k and c, which are
 * recycled. `exact` asks for the bits of gkvae/gk.h at any length. */
static SEXP gkr_evaluate(SEXP family, SEXP which, SEXP arguments, SEXP exact)
{
    if (TYPEOF(arguments) != VECSXP || XLENGTH(arguments) != ARGUMENTS)
        Rf_error("gkvae: give a list of x, A, B, g, k and c");
    const SEXP numbers = PROTECT(Rf_allocVector(VECSXP, ARGUMENTS));
    SEXP argument[ARGUMENTS];
    R_xlen_t n = 0;
    bool empty = false;
    for (int a = 0; a < ARGUMENTS; a++) {
        const SEXP given = VECTOR_ELT(arguments, a);
        if (!Rf_isNumeric(given) && !Rf_isLogical(given))
            Rf_error("non-numeric argument to mathematical function");
        SET_VECTOR_ELT(numbers, a, Rf_coerceVector(given, REALSXP));
        argument[a] = VECTOR_ELT(numbers, a);
        const R_xlen_t length = XLENGTH(argument[a]);
        empty = empty || length == 0;
        n = length > n ? length : n;
    }
    if (empty) {
        UNPROTECT(1);
        return Rf_allocVector(REALSXP, 0);
    }
    size_t length[ARGUMENTS];
    const double *value[ARGUMENTS];
    for (int a = 0; a < ARGUMENTS; a++)
        value[a] = recycled(argument[a], n, &length[a]);
    const SEXP out = PROTECT(Rf_allocVector(REALSXP, n));
    const double *x = value[0];
    if (length[0] == 1 && n > 1) {
        double *repeated = REAL(out); /* x and out may be the same */
        for (R_xlen_t i = 0; i < n; i++)
            repeated[i] = value[0][0];
        x = repeated;
    }
    check_status(gkv_flat_gk_evaluate(family_of(family), function_of(which),
                                      n <= EXACT_LENGTH || flag_of(exact, "exact"), (size_t)n, x,
                                      length[1], value[1], length[2], value[2], length[3], value[3],
                                      length[4], value[4], length[5], value[5], REAL(out)));
    if (mark_missing(function_of(which), n, argument, REAL(out)))
        Rf_warning("NaNs produced");
    for (int a = 0; a < ARGUMENTS; a++)
        if (XLENGTH(argument[a]) == n) { /* the attributes of the first argument of this length */
            SHALLOW_DUPLICATE_ATTRIB(out, argument[a]);
            break;
        }
    UNPROTECT(2);
    return out;
}

/* --- Fits of one column --------------------------------------------------- */

static SEXP gkr_fit(SEXP x, SEXP upper, SEXP weights, SEXP settings, SEXP threads)
{
    const size_t n = (size_t)Rf_xlength(x), starts[2] = {0, n};
    bool stopped;
    const SEXP set = PROTECT(settings_of(gkv_flat_fit_settings, settings));
    const SEXP options = PROTECT(options_of(threads, &stopped));
    const SEXP out = PROTECT(Rf_allocVector(REALSXP, GKV_FLAT_FIT_NUMBERS));
    check_status(gkv_flat_gk_fit(1, starts, doubles(x, n, "x"), optional_doubles(upper, n, "upper"),
                                 optional_doubles(weights, n, "weights"), R_ExternalPtrAddr(set),
                                 R_ExternalPtrAddr(options), REAL(out), NULL));
    UNPROTECT(3);
    return out;
}

static SEXP gkr_bootstrap(SEXP x, SEXP upper, SEXP weights, SEXP count, SEXP settings, SEXP threads)
{
    static const char *const names[] = {"numbers", "estimates"};
    const size_t n = (size_t)Rf_xlength(x), replicates = size_of(count, "replicates");
    bool stopped;
    const SEXP set = PROTECT(settings_of(gkv_flat_fit_settings, settings));
    const SEXP options = PROTECT(options_of(threads, &stopped));
    const SEXP out = PROTECT(named_list(2, names));
    double *numbers = element(out, 0, GKV_FLAT_BOOTSTRAP_NUMBERS);
    double *estimates = element(out, 1, replicates * GKV_GK_PARAMETERS);
    check_status(gkv_flat_gk_bootstrap(n, doubles(x, n, "x"), optional_doubles(upper, n, "upper"),
                                       optional_doubles(weights, n, "weights"), replicates,
                                       R_ExternalPtrAddr(set), R_ExternalPtrAddr(options),
                                       estimates, numbers));
    UNPROTECT(3);
    return out;
}

/* --- Several dimensions --------------------------------------------------- */

static void dimensions(SEXP x, SEXP columns, size_t *n, size_t *d)
{
    *d = size_of(columns, "the number of columns");
    if (*d == 0 || (size_t)Rf_xlength(x) % *d != 0)
        Rf_error("gkvae: x has %.0f numbers, which are not rows of %.0f", (double)Rf_xlength(x),
                 (double)*d);
    *n = (size_t)Rf_xlength(x) / *d;
}

static SEXP gkr_mgk(SEXP x, SEXP columns, SEXP weights, SEXP settings, SEXP threads)
{
    static const char *const names[] = {"margins", "correlation", "correlation_se", "cholesky",
                                        "numbers"};
    size_t n, d;
    bool stopped;
    dimensions(x, columns, &n, &d);
    const double *rows = doubles(x, n * d, "x"), *w = optional_doubles(weights, n, "weights");
    const SEXP set = PROTECT(settings_of(gkv_flat_mgk_settings, settings));
    const SEXP options = PROTECT(options_of(threads, &stopped));
    const SEXP out = PROTECT(named_list(5, names));
    double *margins = element(out, 0, d * GKV_FLAT_FIT_NUMBERS);
    double *correlation = element(out, 1, d * d), *se = element(out, 2, d * d);
    double *cholesky = element(out, 3, d * d);
    double *numbers = element(out, 4, GKV_FLAT_MIXTURE_NUMBERS);
    check_status(gkv_flat_mgk_fit(n, d, rows, w, R_ExternalPtrAddr(set), R_ExternalPtrAddr(options),
                                  margins, correlation, se, cholesky, numbers));
    UNPROTECT(3);
    return out;
}

static SEXP gkr_mixture(SEXP x, SEXP columns, SEXP weights, SEXP range, SEXP settings, SEXP threads)
{
    static const char *const names[] = {"pi", "parameters", "mean", "cholesky", "numbers"};
    size_t n, d;
    bool stopped;
    dimensions(x, columns, &n, &d);
    const double *rows = doubles(x, n * d, "x"), *w = optional_doubles(weights, n, "weights");
    const size_t least = size_of(list_element(range, "least"), "components");
    const size_t most = size_of(list_element(range, "most"), "components");
    if (most > 100000)
        Rf_error("components: give 1 … 100000");
    const SEXP set = PROTECT(settings_of(gkv_flat_mixture_settings, settings));
    const SEXP options = PROTECT(options_of(threads, &stopped));
    const SEXP out = PROTECT(named_list(5, names));
    double *pi = element(out, 0, most), *parameters = element(out, 1, most * d * 4);
    double *mean = element(out, 2, most * d), *cholesky = element(out, 3, most * d * d);
    double *numbers = element(out, 4, GKV_FLAT_MIXTURE_NUMBERS);
    check_status(gkv_flat_mixture_fit(n, d, rows, w, least, most, R_ExternalPtrAddr(set),
                                      R_ExternalPtrAddr(options), pi, parameters, mean, cholesky,
                                      numbers));
    UNPROTECT(3);
    return out;
}

/* A distribution in several dimensions: the list that the R functions keep. */
typedef struct joint {
    size_t d, count;
    const double *pi, *parameters, *mean, *cholesky;
    double c;
} joint;

static joint joint_of(SEXP list)
{
    joint j = {size_of(list_element(list, "d"), "d"), 0, NULL, NULL, NULL, NULL, 0};
    const SEXP pi = list_element(list, "pi");
    j.count = (size_t)Rf_xlength(pi);
    j.pi = doubles(pi, j.count, "pi");
    j.parameters = doubles(list_element(list, "parameters"), j.count * j.d * 4, "parameters");
    j.mean = doubles(list_element(list, "mean"), j.count * j.d, "mean");
    j.cholesky = doubles(list_element(list, "cholesky"), j.count * j.d * j.d, "cholesky");
    j.c = number_in(list, "c");
    return j;
}

/* log f at the rows of x, and the responsibilities of the components. */
static SEXP gkr_joint_evaluate(SEXP x, SEXP distribution, SEXP threads)
{
    static const char *const names[] = {"log_pdf", "responsibilities"};
    const joint j = joint_of(distribution);
    size_t n, d;
    dimensions(x, list_element(distribution, "d"), &n, &d);
    const double *rows = doubles(x, n * d, "x");
    const SEXP out = PROTECT(named_list(2, names));
    double *log_pdf = element(out, 0, n), *responsibilities = element(out, 1, n * j.count);
    check_status(gkv_flat_mixture_evaluate(n, d, rows, j.count, j.pi, j.parameters, j.c, j.mean,
                                           j.cholesky, Rf_asInteger(threads), log_pdf,
                                           responsibilities));
    UNPROTECT(1);
    return out;
}

/* n draws as rows, and the component of each, from 1. */
static SEXP gkr_joint_draw(SEXP count, SEXP distribution, SEXP seed)
{
    static const char *const names[] = {"x", "component"};
    const joint j = joint_of(distribution);
    const size_t n = size_of(count, "n");
    const SEXP out = PROTECT(named_list(2, names));
    double *x = element(out, 0, n * j.d), *component = element(out, 1, n);
    size_t *drawn = (size_t *)R_alloc(n, sizeof *drawn);
    check_status(gkv_flat_mixture_draw(n, j.d, j.count, j.pi, j.parameters, j.c, j.mean, j.cholesky,
                                       (uint64_t)size_of(seed, "seed"), 0, 0, x, drawn));
    for (size_t i = 0; i < n; i++)
        component[i] = (double)drawn[i] + 1;
    UNPROTECT(1);
    return out;
}

/* The normal scores of the rows of x. */
static SEXP gkr_joint_scores(SEXP x, SEXP distribution, SEXP threads)
{
    const joint j = joint_of(distribution);
    size_t n, d;
    dimensions(x, list_element(distribution, "d"), &n, &d);
    const double *rows = doubles(x, n * d, "x");
    const SEXP out = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)(n * d)));
    check_status(gkv_flat_mixture_scores(n, d, rows, j.count, j.pi, j.parameters, j.c, j.mean,
                                         j.cholesky, false, Rf_asInteger(threads), REAL(out)));
    UNPROTECT(1);
    return out;
}

/* The marginal distribution of the columns which[], or, if `given` has their values, the
 * conditional distribution of the others. */
static SEXP gkr_joint_part(SEXP which, SEXP given, SEXP distribution)
{
    static const char *const names[] = {"pi", "parameters", "mean", "cholesky"};
    const joint j = joint_of(distribution);
    const size_t n = (size_t)Rf_xlength(which);
    const double *numbers = doubles(which, n, "columns"),
                 *values = optional_doubles(given, n, "given");
    if (n > j.d)
        Rf_error("gkvae: there are %.0f columns, not %.0f", (double)j.d, (double)n);
    const size_t d = values ? j.d - n : n;
    size_t *columns = (size_t *)R_alloc(n, sizeof *columns), count = 0;
    for (size_t i = 0; i < n; i++)
        columns[i] = (size_t)numbers[i];
    double *pi = (double *)R_alloc(j.count, sizeof *pi);
    double *parameters = (double *)R_alloc(j.count * d * 4, sizeof *parameters);
    double *mean = (double *)R_alloc(j.count * d, sizeof *mean);
    double *cholesky = (double *)R_alloc(j.count * d * d, sizeof *cholesky);
    check_status(gkv_flat_mixture_part(j.d, j.count, j.pi, j.parameters, j.c, j.mean, j.cholesky, n,
                                       columns, values, &count, pi, parameters, mean, cholesky));
    const SEXP out = PROTECT(named_list(4, names));
    memcpy(element(out, 0, count), pi, count * sizeof *pi);
    memcpy(element(out, 1, count * d * 4), parameters, count * d * 4 * sizeof *parameters);
    memcpy(element(out, 2, count * d), mean, count * d * sizeof *mean);
    memcpy(element(out, 3, count * d * d), cholesky, count * d * d * sizeof *cholesky);
    UNPROTECT(1);
    return out;
}

/* A function of the one column of a distribution, at x. */
static SEXP gkr_joint_margin(SEXP x, SEXP which, SEXP distribution)
{
    const joint j = joint_of(distribution);
    const size_t n = (size_t)Rf_xlength(x);
    const double *values = doubles(x, n, "x");
    const SEXP out = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)n));
    check_status(gkv_flat_mixture_margin(j.d, j.count, j.pi, j.parameters, j.c, j.mean, j.cholesky,
                                         0, function_of(which), n, values, REAL(out)));
    UNPROTECT(1);
    return out;
}

/* --- Registration --------------------------------------------------------- */

/* gcc takes any_function for a function of any type. */
typedef void any_function(void);
#define FUNCTION(name) (DL_FUNC)(any_function *)(name)

static const R_CallMethodDef entries[] = {
    {"gkr_evaluate", FUNCTION(gkr_evaluate), 4},
    {"gkr_names", FUNCTION(gkr_names), 1},
    {"gkr_family", FUNCTION(gkr_family), 1},
    {"gkr_fit", FUNCTION(gkr_fit), 5},
    {"gkr_bootstrap", FUNCTION(gkr_bootstrap), 6},
    {"gkr_mgk", FUNCTION(gkr_mgk), 5},
    {"gkr_mixture", FUNCTION(gkr_mixture), 6},
    {"gkr_joint_evaluate", FUNCTION(gkr_joint_evaluate), 3},
    {"gkr_joint_draw", FUNCTION(gkr_joint_draw), 3},
    {"gkr_joint_scores", FUNCTION(gkr_joint_scores), 3},
    {"gkr_joint_part", FUNCTION(gkr_joint_part), 3},
    {"gkr_joint_margin", FUNCTION(gkr_joint_margin), 3},
    {"gkr_density_fit", FUNCTION(gkr_density_fit), 5},
    {"gkr_density_read", FUNCTION(gkr_density_read), 1},
    {"gkr_density_write", FUNCTION(gkr_density_write), 2},
    {"gkr_density_is_open", FUNCTION(gkr_density_is_open), 1},
    {"gkr_density_about", FUNCTION(gkr_density_about), 1},
    {"gkr_density_log", FUNCTION(gkr_density_log), 4},
    {"gkr_density_draw", FUNCTION(gkr_density_draw), 5},
    {"gkr_density_scores", FUNCTION(gkr_density_scores), 3},
    {"gkr_density_p_values", FUNCTION(gkr_density_p_values), 3},
    {"gkr_density_part", FUNCTION(gkr_density_part), 4},
    {NULL, NULL, 0},
};

void attribute_visible R_init_gkvae(DllInfo *dll)
{
    R_registerRoutines(dll, NULL, entries, NULL, NULL);
    R_useDynamicSymbols(dll, FALSE);
    R_forceSymbols(dll, TRUE);
}
