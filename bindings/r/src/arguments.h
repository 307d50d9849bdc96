/* What the .Call functions share: checks of arguments, settings and options of the library, lists
 * of results. Errors are errors of R, which leave a function by a long jump. */
#ifndef GKVAE_R_ARGUMENTS_H
#define GKVAE_R_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include <R.h>
#include <Rinternals.h>

#include <gkvae/flat.h>

/* Raises the message of the library as an error of R unless the status is GKV_OK. */
void check_status(gkv_status status);

/* n numbers; the second allows NULL. */
const double *doubles(SEXP x, size_t n, const char *name);
const double *optional_doubles(SEXP x, size_t n, const char *name);

/* One whole number ≥ 0, and one of TRUE and FALSE. */
size_t size_of(SEXP x, const char *name);
bool flag_of(SEXP x, const char *name);

/* The element of a list with this name, and it as a number. */
SEXP list_element(SEXP list, const char *name);
double number_in(SEXP list, const char *name);

typedef gkv_status create_settings(gkv_flat_settings **out);

/* Settings from a list of their names and values, of which NULL is the default. The caller protects
 * the result, whose address is the settings. */
SEXP settings_of(create_settings *create, SEXP list);

/* Options with this number of threads, which an interrupt of R ends. The caller protects the
 * result, whose address is the options, and keeps *stopped. */
SEXP options_of(SEXP threads, bool *stopped);

/* A list of n elements with these names. */
SEXP named_list(int n, const char *const *names);

/* The names that a function of the library has for 0, 1, …, until it returns NULL. */
SEXP names_of(const char *(*name)(size_t i));

/* A vector of doubles at place i of the list, which keeps it. */
double *element(SEXP list, int i, size_t n);

#endif
