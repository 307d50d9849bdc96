/* Large blocks of the fuzzers: they are kept when they are freed, and given out again.
 * AddressSanitizer maps a block of more than 256 KiB anew each time, and the kernel clears its
 * pages, which took most of the time of a small table. A fuzzer is linked with --wrap for the calls
 * below (cmake/fuzz.cmake). Memory outside of the blocks in use is poisoned, so reads and writes
 * past the end and after free are found. A block that leaks is not given out again. Once none is
 * left, the blocks are AddressSanitizer's, and the next one that leaks is found. */
#define _GNU_SOURCE
#include <malloc.h>
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_check.h"

enum { BLOCKS = 8, ROOM = 3 << 20, GUARD = 1 << 12, SMALLEST = 60000 };

typedef struct kept_block {
    size_t size;    /* 0 while the block is free */
    uint8_t *bytes; /* of the size ROOM + 2 GUARD */
} kept_block;

static kept_block blocks[BLOCKS];

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *memory);

static bool is_kept(size_t size)
{
    return size >= SMALLEST && size <= ROOM;
}

/* A free block of this size, aligned as a page; NULL if there is none. */
static void *take(size_t size)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        kept_block *block = &blocks[i];
        if (block->size > 0)
            continue;
        if (!block->bytes) {
            block->bytes = __real_aligned_alloc(GUARD, ROOM + 2 * GUARD);
            FUZZ_CHECK(block->bytes);
            __asan_poison_memory_region(block->bytes, ROOM + 2 * GUARD);
        }
        block->size = size;
        __asan_unpoison_memory_region(block->bytes + GUARD, size);
        return block->bytes + GUARD;
    }
    return NULL;
}

/* The kept block in whose memory this address is, or NULL. */
static kept_block *of(const void *memory)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        const uint8_t *bytes = blocks[i].bytes;
        if (bytes && (uintptr_t)memory - (uintptr_t)bytes < ROOM + 2 * GUARD) {
            FUZZ_CHECK(memory == bytes + GUARD && blocks[i].size > 0);
            return &blocks[i];
        }
    }
    return NULL;
}

static void put_back(kept_block *block)
{
    __asan_poison_memory_region(block->bytes + GUARD, block->size);
    block->size = 0;
}

void *__wrap_malloc(size_t size)
{
    void *kept = is_kept(size) ? take(size) : NULL;
    return kept ? kept : __real_malloc(size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    void *kept = is_kept(size) && alignment <= GUARD ? take(size) : NULL;
    return kept ? kept : __real_aligned_alloc(alignment, size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    size_t bytes = 0;
    void *kept =
        !__builtin_mul_overflow(count, size, &bytes) && is_kept(bytes) ? take(bytes) : NULL;
    return kept ? memset(kept, 0, bytes) : __real_calloc(count, size);
}

void __wrap_free(void *memory)
{
    kept_block *block = of(memory);
    if (block)
        put_back(block);
    else
        __real_free(memory);
}

/* The content moves each time, as AddressSanitizer moves it. */
void *__wrap_realloc(void *memory, size_t size)
{
    const kept_block *block = of(memory);
    if (!block && !is_kept(size))
        return __real_realloc(memory, size);
    const size_t old = block ? block->size : malloc_usable_size(memory);
    void *moved = __wrap_malloc(size);
    if (moved && memory) {
        memcpy(moved, memory, old < size ? old : size);
        __wrap_free(memory);
    }
    return moved;
}
