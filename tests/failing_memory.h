/* Calls that run out of memory, for the tests *_memory.c: their own allocations and those of the
 * library fail on request (torture/failing_allocations.c, linked by cmake/modules.cmake). */
#ifndef GKV_TESTS_FAILING_MEMORY_H
#define GKV_TESTS_FAILING_MEMORY_H

#include "support.h"

#include "torture/failing_allocations.h"

/* A call, on one thread, that leaves nothing behind. */
typedef gkv_status memory_call(void);

/* Makes its allocations fail in turn, all of the first and of the last `dense` ones and fewer of
 * those in between: it fails with GKV_ERR_MEMORY and a message, and succeeds again afterwards. The
 * sanitizers see what it leaks. */
static inline void runs_out_of_memory(memory_call *call, unsigned long dense)
{
    assert_ok(call()); /* what is made once for the whole program is there now */
    fail_allocation(0);
    assert_ok(call());
    const unsigned long total = fail_allocation(0);
    assert_true(total > 0);
    for (unsigned long number = 1, end; number <= total; number += end / dense + 1) {
        end = number < total - number ? number : total - number;
        fail_allocation(number);
        const gkv_status status = call();
        fail_allocation(0);
        if (status != GKV_ERR_MEMORY || !*gkv_error_message()) {
            print_error("allocation %lu of %lu: %s \"%s\"\n", number, total,
                        gkv_status_name(status), gkv_error_message());
            fail();
        }
    }
    assert_ok(call());
}

/* Defines the test CALL_fails of cmocka. */
#define MEMORY_TEST(call, dense)           \
    static void call##_fails(void **state) \
    {                                      \
        (void)state;                       \
        runs_out_of_memory(call, dense);   \
    }

#endif
