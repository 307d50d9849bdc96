/* The .Call functions of densities of tables, which belong to libgkvae. A package that is built on
 * libgk alone has functions that say so.
 *
 * A density is an external pointer. R collects it, also after an error. */
#include "density.h"

#include "arguments.h"

#ifdef GKVAE_MODELS

#include <string.h>

#include <gkvae/flat_density.h>

/* --- Names ---------------------------------------------------------------- */

typedef const char *name_function(size_t i);

static const char *candidate_name(size_t i)
{
    return gkv_density_candidate_name((int64_t)i);
}

static const char *margin_name(size_t i)
{
    return gkv_density_margin_name((int64_t)i);
}

SEXP density_names(const char *table)
{
    static const struct {
        const char *table;
        name_function *name;
    } tables[] = {{"candidates", candidate_name},
                  {"margins", margin_name},
                  {"density_candidate", gkv_flat_density_candidate_name},
                  {"density_margin", gkv_flat_density_margin_name}};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        if (strcmp(tables[t].table, table) == 0)
            return names_of(tables[t].name);
    return R_NilValue;
}

/* The number of a candidate; −1, the chosen one, for NULL. */
static int64_t candidate_of(SEXP name)
{
    if (Rf_isNull(name))
        return GKV_DENSITY_CHOSEN;
    for (int64_t c = 0; TYPEOF(name) == STRSXP && c < GKV_DENSITY_CANDIDATES; c++)
        if (strcmp(CHAR(Rf_asChar(name)), gkv_density_candidate_name(c)) == 0)
            return c;
    Rf_error("candidate: give t-copula, normal-mixture, gk-mixture or flow");
}

/* --- Densities ------------------------------------------------------------ */

static void free_density(SEXP pointer)
{
    gkv_density_free(R_ExternalPtrAddr(pointer));
    R_ClearExternalPtr(pointer);
}

/* An object of R without a density yet. The caller protects it. */
static SEXP empty_density(void)
{
    const SEXP pointer = PROTECT(R_MakeExternalPtr(NULL, Rf_install("gkv_density"), R_NilValue));
    R_RegisterCFinalizer(pointer, free_density);
    UNPROTECT(1);
    return pointer;
}

static const gkv_density *density_of(SEXP pointer)
{
    if (TYPEOF(pointer) != EXTPTRSXP || R_ExternalPtrTag(pointer) != Rf_install("gkv_density") ||
        !R_ExternalPtrAddr(pointer))
        Rf_error("gkvae: the density does not exist any more");
    return R_ExternalPtrAddr(pointer);
}

static const char *path_of(SEXP path)
{
    if (TYPEOF(path) != STRSXP || XLENGTH(path) != 1 || STRING_ELT(path, 0) == NA_STRING)
        Rf_error("path: give the name of a file");
    return R_ExpandFileName(Rf_translateChar(STRING_ELT(path, 0)));
}

SEXP gkr_density_fit(SEXP x, SEXP columns, SEXP extras, SEXP settings, SEXP threads)
{
    const size_t d = (size_t)Rf_xlength(columns), n = d ? (size_t)Rf_xlength(x) / d : 0;
    const SEXP flow = list_element(extras, "flow");
    gkv_density *density = NULL;
    bool stopped;
    const double *rows = doubles(x, n * d, "x");
    const double *upper = optional_doubles(list_element(extras, "upper"), n * d, "upper");
    const double *resolution =
        optional_doubles(list_element(extras, "resolution"), d, "resolution");
    const char **names = (const char **)R_alloc(d, sizeof *names);
    for (size_t j = 0; j < d; j++)
        names[j] = Rf_translateCharUTF8(STRING_ELT(columns, (R_xlen_t)j));
    if (TYPEOF(flow) != STRSXP || XLENGTH(flow) != 1)
        Rf_error("flow: give a name, such as \"realnvp\"");
    const SEXP out = PROTECT(empty_density());
    const SEXP set = PROTECT(settings_of(gkv_flat_density_settings, settings));
    const SEXP options = PROTECT(options_of(threads, &stopped));
    const gkv_status status =
        gkv_flat_density_fit(n, d, rows, upper, resolution, names, CHAR(STRING_ELT(flow, 0)), NULL,
                             R_ExternalPtrAddr(set), R_ExternalPtrAddr(options), &density);
    R_SetExternalPtrAddr(out, density);
    check_status(status);
    UNPROTECT(3);
    return out;
}

SEXP gkr_density_read(SEXP path)
{
    gkv_density *density = NULL;
    const SEXP out = PROTECT(empty_density());
    const gkv_status status = gkv_density_load(path_of(path), &density);
    R_SetExternalPtrAddr(out, density);
    check_status(status);
    UNPROTECT(1);
    return out;
}

SEXP gkr_density_write(SEXP density, SEXP path)
{
    check_status(gkv_density_save(density_of(density), path_of(path)));
    return R_NilValue;
}

/* Whether the pointer has a density: it has none after readRDS(). */
SEXP gkr_density_is_open(SEXP density)
{
    return Rf_ScalarLogical(TYPEOF(density) == EXTPTRSXP && R_ExternalPtrAddr(density) != NULL);
}

/* The number of rows, the names of the columns, the chosen candidate from 1, and the numbers of all
 * margins and candidates, one after another. */
SEXP gkr_density_about(SEXP pointer)
{
    static const char *const names[] = {"rows", "chosen", "margins", "candidates", "columns"};
    enum { CANDIDATES = GKV_DENSITY_CANDIDATES };
    const gkv_density *density = density_of(pointer);
    const size_t d = gkv_density_dimensions(density);
    const SEXP out = PROTECT(named_list(5, names));
    *element(out, 0, 1) = (double)gkv_density_rows(density);
    *element(out, 1, 1) = (double)gkv_density_chosen(density) + 1;
    double *margins = element(out, 2, d * GKV_FLAT_MARGIN_NUMBERS);
    double *candidates = element(out, 3, CANDIDATES * GKV_FLAT_CANDIDATE_NUMBERS);
    for (size_t j = 0; j < d; j++)
        check_status(gkv_flat_density_margin(density, j, margins + j * GKV_FLAT_MARGIN_NUMBERS));
    for (int64_t c = 0; c < CANDIDATES; c++)
        check_status(
            gkv_flat_density_candidate(density, c, candidates + c * GKV_FLAT_CANDIDATE_NUMBERS));
    const SEXP columns = Rf_allocVector(STRSXP, (R_xlen_t)d);
    SET_VECTOR_ELT(out, 4, columns);
    for (size_t j = 0; j < d; j++)
        SET_STRING_ELT(columns, (R_xlen_t)j, Rf_mkCharCE(gkv_density_name(density, j), CE_UTF8));
    UNPROTECT(1);
    return out;
}

/* --- Use ------------------------------------------------------------------ */

/* The number of rows of x. */
static size_t rows_in(SEXP x, const gkv_density *density)
{
    const size_t d = gkv_density_dimensions(density), n = (size_t)Rf_xlength(x) / d;
    (void)doubles(x, n * d, "x");
    return n;
}

SEXP gkr_density_log(SEXP pointer, SEXP candidate, SEXP x, SEXP threads)
{
    const gkv_density *density = density_of(pointer);
    const size_t n = rows_in(x, density);
    bool stopped;
    const SEXP options = PROTECT(options_of(threads, &stopped));
    const SEXP out = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)n));
    check_status(gkv_density_log_density(density, candidate_of(candidate), n, REAL(x),
                                         R_ExternalPtrAddr(options), REAL(out)));
    UNPROTECT(2);
    return out;
}

SEXP gkr_density_draw(SEXP pointer, SEXP candidate, SEXP count, SEXP seed, SEXP threads)
{
    const gkv_density *density = density_of(pointer);
    const size_t n = size_of(count, "n"), d = gkv_density_dimensions(density);
    bool stopped;
    const SEXP options = PROTECT(options_of(threads, &stopped));
    const SEXP out = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)(n * d)));
    check_status(gkv_density_sample(density, candidate_of(candidate), n,
                                    (uint64_t)size_of(seed, "seed"), 0, R_ExternalPtrAddr(options),
                                    REAL(out)));
    UNPROTECT(2);
    return out;
}

SEXP gkr_density_scores(SEXP pointer, SEXP x, SEXP threads)
{
    const gkv_density *density = density_of(pointer);
    const size_t n = rows_in(x, density);
    bool stopped;
    const SEXP options = PROTECT(options_of(threads, &stopped));
    const SEXP out = PROTECT(Rf_allocVector(REALSXP, XLENGTH(x)));
    check_status(
        gkv_density_scores(density, n, REAL(x), R_ExternalPtrAddr(options), REAL(out), NULL));
    UNPROTECT(2);
    return out;
}

SEXP gkr_density_p_values(SEXP pointer, SEXP candidate, SEXP log_density)
{
    const size_t n = (size_t)Rf_xlength(log_density);
    const double *values = doubles(log_density, n, "log_density");
    const SEXP out = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)n));
    check_status(
        gkv_density_p_values(density_of(pointer), candidate_of(candidate), n, values, REAL(out)));
    UNPROTECT(1);
    return out;
}

/* The marginal density of the columns which[], from 0, or, if `given` has their values, the
 * conditional density of the others. */
SEXP gkr_density_part(SEXP pointer, SEXP candidate, SEXP which, SEXP given)
{
    const gkv_density *density = density_of(pointer);
    const size_t n = (size_t)Rf_xlength(which);
    const double *numbers = doubles(which, n, "columns"),
                 *values = optional_doubles(given, n, "given");
    gkv_density *part = NULL;
    size_t *columns = (size_t *)R_alloc(n, sizeof *columns);
    for (size_t i = 0; i < n; i++)
        columns[i] = (size_t)numbers[i];
    const SEXP out = PROTECT(empty_density());
    const int64_t of = candidate_of(candidate);
    const gkv_status status = values
                                  ? gkv_density_conditional(density, of, n, columns, values, &part)
                                  : gkv_density_marginal(density, of, n, columns, &part);
    R_SetExternalPtrAddr(out, part);
    check_status(status);
    UNPROTECT(1);
    return out;
}

#else /* without libgkvae */

SEXP density_names(const char *table)
{
    (void)table;
    return R_NilValue;
}

static SEXP missing_library(void)
{
    Rf_error("densities of tables need libgkvae, without which this package was built: install it "
             "('make install' of gkvae, or 'make r' there), and then the package again");
}

SEXP gkr_density_fit(SEXP x, SEXP columns, SEXP extras, SEXP settings, SEXP threads)
{
    (void)x, (void)columns, (void)extras, (void)settings, (void)threads;
    return missing_library();
}

SEXP gkr_density_read(SEXP path)
{
    (void)path;
    return missing_library();
}

SEXP gkr_density_write(SEXP density, SEXP path)
{
    (void)density, (void)path;
    return missing_library();
}

SEXP gkr_density_is_open(SEXP density)
{
    (void)density;
    return Rf_ScalarLogical(0);
}

SEXP gkr_density_about(SEXP density)
{
    (void)density;
    return missing_library();
}

SEXP gkr_density_log(SEXP density, SEXP candidate, SEXP x, SEXP threads)
{
    (void)density, (void)candidate, (void)x, (void)threads;
    return missing_library();
}

SEXP gkr_density_draw(SEXP density, SEXP candidate, SEXP count, SEXP seed, SEXP threads)
{
    (void)density, (void)candidate, (void)count, (void)seed, (void)threads;
    return missing_library();
}

SEXP gkr_density_scores(SEXP density, SEXP x, SEXP threads)
{
    (void)density, (void)x, (void)threads;
    return missing_library();
}

SEXP gkr_density_p_values(SEXP density, SEXP candidate, SEXP log_density)
{
    (void)density, (void)candidate, (void)log_density;
    return missing_library();
}

SEXP gkr_density_part(SEXP density, SEXP candidate, SEXP which, SEXP given)
{
    (void)density, (void)candidate, (void)which, (void)given;
    return missing_library();
}

#endif
