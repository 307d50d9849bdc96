/* Promises that the entry points of fuzzers check. */
#ifndef GKV_TESTS_FUZZ_CHECK_H
#define GKV_TESTS_FUZZ_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define FUZZ_CHECK(condition)                                                       \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

/* Whether the reader accepted the last input. The entry points for corpora with files valid… set
 * it. */
static bool fuzz_accepted;

#endif
