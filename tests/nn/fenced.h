/* Arrays that end at a page without access. A read or a write beyond their end is a segmentation
 * fault. The file that includes this defines _DEFAULT_SOURCE first. */
#ifndef GKV_TESTS_NN_FENCED_H
#define GKV_TESTS_NN_FENCED_H

#include "support.h"

#include <sys/mman.h>
#include <unistd.h>

#include "core/real.h"
#include "core/rng.h"

typedef struct fenced {
    gki_real *values;
    void *pages;
    size_t bytes;
} fenced;

static inline fenced fence(size_t n)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE),
                 used = (n * sizeof(gki_real) + page - 1) / page * page;
    fenced array = {.bytes = used + page};
    array.pages =
        mmap(NULL, array.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(array.pages != MAP_FAILED);
    assert_int_equal(mprotect((char *)array.pages + used, page, PROT_NONE), 0);
    array.values = (gki_real *)(void *)((char *)array.pages + used) - n;
    return array;
}

static inline fenced fence_noise(uint64_t index, size_t n)
{
    const fenced array = fence(n);
    gki_rng_normal(gki_rng_at(3, GKV_STREAM_USER, n, index), n, array.values);
    return array;
}

static inline void unfence(fenced *array)
{
    munmap(array->pages, array->bytes);
}

#endif
