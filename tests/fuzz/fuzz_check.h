/* Promises that the entry points of fuzzers check. */
#ifndef GKV_TESTS_FUZZ_CHECK_H
#define GKV_TESTS_FUZZ_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program with a message. */
#define FUZZ_FAIL(message)                                                   \
    do {                                                                     \
        fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, message); \
        abort();                                                             \
    } while (0)

#define FUZZ_CHECK(condition)      \
    do {                           \
        if (!(condition))          \
            FUZZ_FAIL(#condition); \
    } while (0)

/* Whether the reader accepted the last input. The entry points for corpora with files valid… set
 * it. */
static bool fuzz_accepted;

#endif
