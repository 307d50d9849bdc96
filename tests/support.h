/* What every test includes first: cmocka, and a few assertions that it lacks. */
#ifndef GKV_TESTS_SUPPORT_H
#define GKV_TESTS_SUPPORT_H

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gkvae/error.h"
#include "gkvae/run.h"

/* The options of a call on n threads. */
#define ON_THREADS(n) (&(gkv_run_options){.threads = (n)})

/* |actual − expected| ≤ tolerance; NaN fails. */
#define assert_close(actual, expected, tolerance) \
    test_close_(actual, expected, tolerance, #actual, __FILE__, __LINE__)

/* |actual − expected| ≤ tolerance·|expected|; NaN fails, and an infinity is close to itself
 * only. */
#define assert_relative(actual, expected, tolerance) \
    test_close_(actual, expected, (tolerance)*fabs((double)(expected)), #actual, __FILE__, __LINE__)

static inline void test_close_(double actual, double expected, double tolerance, const char *what,
                               const char *file, int line)
{
    /* Infinite bounds, such as a share of an infinity, would allow everything. */
    if (actual == expected || (isfinite(tolerance) && fabs(actual - expected) <= tolerance))
        return;
    print_error("%s is %.17g, not %.17g: off by %.3g, allowed %.3g\n", what, actual, expected,
                fabs(actual - expected), tolerance);
    _fail(file, line);
}

/* The call returns GKV_OK, or its message is shown. */
#define assert_ok(call)                                                                  \
    do {                                                                                 \
        const gkv_status test_status_ = (call);                                          \
        if (test_status_ != GKV_OK) {                                                    \
            print_error("%s: %s\n", gkv_status_name(test_status_), gkv_error_message()); \
            _fail(__FILE__, __LINE__);                                                   \
        }                                                                                \
    } while (0)

/* The call returns this code and its message contains this text. */
#define assert_fails(call, code, text)                                                        \
    do {                                                                                      \
        const gkv_status test_status_ = (call);                                               \
        if (test_status_ != (code) || !strstr(gkv_error_message(), (text))) {                 \
            print_error("got %s \"%s\", wanted %s \"…%s…\"\n", gkv_status_name(test_status_), \
                        gkv_error_message(), #code, (text));                                  \
            _fail(__FILE__, __LINE__);                                                        \
        }                                                                                     \
    } while (0)

/* Whether long double has the digits that it claims. Valgrind computes with those of double, so
 * that a value that is to be exact is not, and a test that needs one calls skip(). */
static inline bool has_long_double(void)
{
    const volatile long double one = 1;
    return one + LDBL_EPSILON != one;
}

static inline void *test_alloc(size_t bytes)
{
    void *memory = calloc(1, bytes ? bytes : 1);
    if (!memory)
        abort();
    return memory;
}

#endif
