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
    gki_real *at;
    void *pages;
    size_t bytes;
} fenced;

static inline fenced fence(size_t n)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE),
                 used = (n * sizeof(gki_real) + page - 1) / page * page;
    fenced it = {.bytes = used + page};
    it.pages = mmap(NULL, it.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(it.pages != MAP_FAILED);
    assert_int_equal(mprotect((char *)it.pages + used, page, PROT_NONE), 0);
    it.at = (gki_real *)(void *)((char *)it.pages + used) - n;
    return it;
}

static inline fenced fence_noise(uint64_t index, size_t n)
{
    const fenced it = fence(n);
    gki_rng_normal(gki_rng_at(3, GKV_STREAM_USER, n, index), n, it.at);
    return it;
}

static inline void unfence(fenced *it)
{
    munmap(it->pages, it->bytes);
}

#endif
