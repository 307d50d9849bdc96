/* Calls of the file system that fail on request, for the tests *_files.c
 * (torture/failing_files.c, linked by cmake/modules.cmake). */
#ifndef GKV_TESTS_FAILING_FILES_H
#define GKV_TESTS_FAILING_FILES_H

#include <errno.h>

#include "support.h"

#include "torture/failing_files.h"

/* How many calls of the file system a files_call has made when its checks began. */
static unsigned long counted_calls;
static bool calls_were_counted;

/* Checks call this first: nothing fails from here on. */
static inline void stop_failing(void)
{
    const unsigned long count = fail_call(0, 0);
    if (!calls_were_counted)
        counted_calls = count;
    calls_were_counted = true;
}

/* A call that begins from the same files each time. If it succeeds, it checks that it did all. */
typedef gkv_status files_call(void);

/* Makes each of its calls of the file system fail in turn, with EIO, ENOSPC, EMFILE and EINTR: it
 * either does without, or fails with GKV_ERR_IO and a message. An interruption is not a failure:
 * then it succeeds, if `goes_on`. Returns how many failures were seen. */
static inline size_t loses_files(files_call *call, bool goes_on)
{
    static const int errors[] = {EIO, ENOSPC, EMFILE, EINTR};
    size_t failures = 0;
    fail_call(0, 0);
    calls_were_counted = false;
    assert_ok(call());
    stop_failing();
    const unsigned long total = counted_calls;
    assert_true(total > 0);
    for (size_t e = 0; e < sizeof errors / sizeof *errors; e++)
        for (unsigned long number = 1; number <= total; number++) {
            fail_call(number, errors[e]);
            const gkv_status status = call();
            stop_failing();
            const bool told = status == GKV_ERR_IO && *gkv_error_message();
            const bool allowed = status == GKV_OK || (told && !(goes_on && errors[e] == EINTR));
            if (!allowed) {
                print_error("call %lu of %lu, %s: %s \"%s\"\n", number, total, strerror(errors[e]),
                            gkv_status_name(status), gkv_error_message());
                fail();
            }
            failures += status != GKV_OK;
        }
    assert_ok(call());
    return failures;
}

#endif
