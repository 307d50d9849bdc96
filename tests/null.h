/* Calls of public functions with NULL arguments, and the check that none was forgotten. */
#ifndef GKV_TESTS_NULL_H
#define GKV_TESTS_NULL_H

#include "support.h"

enum { NULL_CALLS_MAX = 512 };

/* The names of the functions that were called. */
static const char *null_called[NULL_CALLS_MAX];
static size_t null_calls;

static inline void null_call(const char *function)
{
    assert_true(null_calls < NULL_CALLS_MAX);
    null_called[null_calls++] = function;
}

/* The call returns GKV_ERR_ARGUMENT, and its message says that something is NULL. */
#define refuses_null(function, ...)                                    \
    do {                                                               \
        null_call(#function);                                          \
        assert_fails(function(__VA_ARGS__), GKV_ERR_ARGUMENT, "NULL"); \
    } while (0)

/* The call fails, and the message begins with the name of the function. */
#define refuses_null_by_name(function, ...)                                    \
    do {                                                                       \
        null_call(#function);                                                  \
        assert_fails(function(__VA_ARGS__), GKV_ERR_ARGUMENT, #function ": "); \
        assert_non_null(strstr(gkv_error_message(), "NULL"));                  \
    } while (0)

/* The call returns NaN. */
#define gives_nan(function, ...)                   \
    do {                                           \
        null_call(#function);                      \
        assert_true(isnan(function(__VA_ARGS__))); \
    } while (0)

/* The call returns 0, false or NULL. */
#define gives_nothing(function, ...)             \
    do {                                         \
        null_call(#function);                    \
        assert_false(!!(function(__VA_ARGS__))); \
    } while (0)

/* The call does nothing, or allows NULL. */
#define survives(function, ...) \
    do {                        \
        null_call(#function);   \
        function(__VA_ARGS__);  \
    } while (0)

/* The call, whose result does not matter, allows NULL. */
#define ignores_null(function, ...)  \
    do {                             \
        null_call(#function);        \
        (void)function(__VA_ARGS__); \
    } while (0)

/* The function has no argument that is a pointer. */
#define has_no_pointer(function) null_call(#function)

/* Every function that the header include/gkvae/NAME declares was called. */
static inline void assert_all_called(const char *name)
{
    char path[512], line[4096];
    snprintf(path, sizeof path, GKV_TEST_FIXTURES "/../../include/gkvae/%s", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t declared = 0;
    while (fgets(line, sizeof line, file)) {
        /* the name is the word before the first parenthesis of a line that begins with GKV_API */
        char *end = strncmp(line, "GKV_API", 7) == 0 ? strchr(line, '(') : NULL;
        if (!end)
            continue;
        char *begin = end;
        while (begin > line &&
               (begin[-1] == '_' || (begin[-1] >= '0' && begin[-1] <= '9') ||
                (begin[-1] >= 'a' && begin[-1] <= 'z') || (begin[-1] >= 'A' && begin[-1] <= 'Z')))
            begin--;
        *end = '\0';
        declared++;
        size_t i = 0;
        while (i < null_calls && strcmp(null_called[i], begin) != 0)
            i++;
        if (i == null_calls) {
            print_error("%s: no test calls %s with NULL\n", name, begin);
            fail();
        }
    }
    fclose(file);
    assert_true(declared > 0);
}

#endif
