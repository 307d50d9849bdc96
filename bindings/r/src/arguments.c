#include "arguments.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <R_ext/Utils.h>

/* --- Arguments ------------------------------------------------------------ */

void check_status(gkv_status status)
{
    /* The arguments of the functions of R for each remedy. */
    static const char *const arguments[GKV_REMEDIES] = {
        [GKV_REMEDY_LIKELIHOOD] = " (method = \"mle\")",
        [GKV_REMEDY_RESOLUTION] = " (method = \"mle\", resolution = \"auto\")",
        [GKV_REMEDY_FIX] = " (fixed)",
        [GKV_REMEDY_NONPARAMETRIC] = " (parametric = FALSE)",
    };
    if (status == GKV_ERR_INTERRUPTED)
        Rf_errorcall(R_NilValue, "interrupted");
    if (status == GKV_OK)
        return;
    const char *argument = arguments[gkv_error_remedy()];
    Rf_errorcall(R_NilValue, "%s%s", gkv_error_message(), argument ? argument : "");
}

static void look_for_interrupt(void *unused)
{
    (void)unused;
    R_CheckUserInterrupt();
}

/* Progress that ends a call after an interrupt, which R forgets once it is seen: *context is
 * whether there was one. The long jump of R stays within R_ToplevelExec. */
static bool stop_on_interrupt(void *context, uint64_t done, uint64_t total)
{
    bool *stopped = context;
    (void)done, (void)total;
    *stopped = *stopped || !R_ToplevelExec(look_for_interrupt, NULL);
    return *stopped;
}

const double *doubles(SEXP x, size_t n, const char *name)
{
    if (TYPEOF(x) != REALSXP || (size_t)XLENGTH(x) != n)
        Rf_error("%s: give %.0f numbers of type double", name, (double)n);
    return REAL(x);
}

const double *optional_doubles(SEXP x, size_t n, const char *name)
{
    return Rf_isNull(x) ? NULL : doubles(x, n, name);
}

/* Reads one whole number ≥ 0 as a size. */
size_t size_of(SEXP x, const char *name)
{
    const double value = Rf_asReal(x);
    if (Rf_xlength(x) != 1 || !R_FINITE(value) || value < 0 || value > 9007199254740992.0 ||
        value != floor(value))
        Rf_error("%s: give a whole number of at least 0", name);
    return (size_t)value;
}

bool flag_of(SEXP x, const char *name)
{
    const int value = Rf_asLogical(x);
    if (value == NA_LOGICAL)
        Rf_error("%s: give TRUE or FALSE", name);
    return value != 0;
}

SEXP list_element(SEXP list, const char *name)
{
    const SEXP names = Rf_getAttrib(list, R_NamesSymbol);
    for (R_xlen_t i = 0; i < Rf_xlength(list) && !Rf_isNull(names); i++)
        if (strcmp(CHAR(STRING_ELT(names, i)), name) == 0)
            return VECTOR_ELT(list, i);
    Rf_error("gkvae: there is no element \"%s\"", name);
}

double number_in(SEXP list, const char *name)
{
    return Rf_asReal(list_element(list, name));
}

/* --- Settings and options ------------------------------------------------- */

static void free_pointer(SEXP pointer)
{
    gkv_flat_free(R_ExternalPtrAddr(pointer));
    R_ClearExternalPtr(pointer);
}

/* An object of R that frees the memory when R collects it, also after an error. The caller protects
 * it. */
static SEXP empty_pointer(void)
{
    const SEXP pointer = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, R_NilValue));
    R_RegisterCFinalizer(pointer, free_pointer);
    UNPROTECT(1);
    return pointer;
}

/* Writes a value of a setting as text. */
static void text_of(SEXP value, const char *name, size_t size, char *text)
{
    if (Rf_xlength(value) != 1)
        Rf_error("%s: give one value", name);
    if (TYPEOF(value) == STRSXP && STRING_ELT(value, 0) != NA_STRING)
        snprintf(text, size, "%s", CHAR(STRING_ELT(value, 0)));
    else if (TYPEOF(value) == LGLSXP)
        snprintf(text, size, "%s", flag_of(value, name) ? "yes" : "no");
    else if (Rf_isNumeric(value))
        snprintf(text, size, "%.17g", Rf_asReal(value));
    else
        Rf_error("%s: give a number, a word, or TRUE or FALSE", name);
}

/* Settings from a list of their names and values, of which NULL is the default. The caller protects
 * the result. */
SEXP settings_of(create_settings *create, SEXP list)
{
    const SEXP names = Rf_getAttrib(list, R_NamesSymbol), pointer = PROTECT(empty_pointer());
    gkv_flat_settings *settings = NULL;
    check_status(create(&settings));
    R_SetExternalPtrAddr(pointer, settings);
    for (R_xlen_t i = 0; i < Rf_xlength(list); i++) {
        const char *name = CHAR(STRING_ELT(names, i));
        char text[64];
        if (Rf_isNull(VECTOR_ELT(list, i)))
            continue;
        text_of(VECTOR_ELT(list, i), name, sizeof text, text);
        check_status(gkv_flat_set(settings, name, text));
    }
    UNPROTECT(1);
    return pointer;
}

/* Options with this number of threads, which an interrupt of R ends. The caller protects the
 * result, and keeps *stopped, which becomes false. */
SEXP options_of(SEXP threads, bool *stopped)
{
    const SEXP pointer = PROTECT(empty_pointer());
    gkv_run_options *options = NULL;
    *stopped = false;
    const int number = Rf_asInteger(threads);
    check_status(
        gkv_flat_options(number == NA_INTEGER ? -1 : number, stop_on_interrupt, stopped, &options));
    R_SetExternalPtrAddr(pointer, options);
    UNPROTECT(1);
    return pointer;
}

/* --- Results ------------------------------------------------------------- */

SEXP named_list(int n, const char *const *names)
{
    const SEXP list = PROTECT(Rf_allocVector(VECSXP, n));
    const SEXP labels = PROTECT(Rf_allocVector(STRSXP, n));
    Rf_setAttrib(list, R_NamesSymbol, labels);
    for (int i = 0; i < n; i++)
        SET_STRING_ELT(labels, i, Rf_mkChar(names[i]));
    UNPROTECT(2);
    return list;
}

SEXP names_of(const char *(*name)(size_t i))
{
    R_xlen_t count = 0;
    while (name((size_t)count))
        count++;
    const SEXP out = PROTECT(Rf_allocVector(STRSXP, count));
    for (R_xlen_t i = 0; i < count; i++)
        SET_STRING_ELT(out, i, Rf_mkChar(name((size_t)i)));
    UNPROTECT(1);
    return out;
}

/* A vector of doubles at place i of the list, which keeps it. */
double *element(SEXP list, int i, size_t n)
{
    const SEXP vector = Rf_allocVector(REALSXP, (R_xlen_t)n);
    SET_VECTOR_ELT(list, i, vector);
    for (size_t j = 0; j < n; j++)
        REAL(vector)[j] = NA_REAL;
    return REAL(vector);
}
