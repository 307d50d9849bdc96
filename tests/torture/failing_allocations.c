/* Allocations that fail on request, for the program gkvae-faults (cmake/torture.cmake) and for the
 * tests *_memory.c of modules (tests/failing_memory.h).
 *
 * The linker's --wrap sends the allocations of gkvae's own code to the functions below: those of
 * its object files, and not those that happen inside shared libraries. They count, and the N-th one
 * fails as if the memory were full. With AddressSanitizer they work alike.
 *
 *     GKV_FAULT_AT=N       the N-th allocation fails (0 or unset: none)
 *     GKV_FAULT_ON=1       all later ones fail too
 *     GKV_FAULT_LOG=FILE   gets a line "failed N" and the addresses of the calls that led there,
 *                          and at the end "total N". Addresses are relative to the program's start,
 *                          as addr2line wants them. */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failing_allocations.h"

/* The names that the linker gives to the functions of the C library. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t most);

/* The names that it gives to the calls of gkvae. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t most);

extern const char __executable_start; /* of the linker */

static unsigned long failing; /* the number of the allocation that fails, or 0 */
static bool from_then_on;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int report = -1; /* the descriptor of the log */
static atomic_ulong allocations;

static void write_total(void)
{
    dprintf(report, "total %lu\n", atomic_load(&allocations));
}

static void start(void)
{
    const char *number = getenv("GKV_FAULT_AT"), *name = getenv("GKV_FAULT_LOG");
    failing = number ? strtoul(number, NULL, 10) : 0;
    from_then_on = getenv("GKV_FAULT_ON") != NULL;
    if (name)
        report = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (report >= 0)
        atexit(write_total);
}

unsigned long fail_allocation(unsigned long number)
{
    pthread_once(&once, start);
    failing = number;
    return atomic_exchange(&allocations, 0);
}

static void log_failure(unsigned long number)
{
    enum { DEPTH = 24 };
    void *calls[DEPTH];
    if (report < 0)
        return;
    const int depth = backtrace(calls, DEPTH);
    dprintf(report, "failed %lu:", number);
    for (int i = 2; i < depth; i++)
        dprintf(report, " 0x%lx",
                (unsigned long)((const char *)calls[i] - &__executable_start) - 1);
    dprintf(report, "\n");
}

/* Counts an allocation, and says whether it is to fail. */
static bool fails(void)
{
    pthread_once(&once, start);
    const unsigned long number = atomic_fetch_add(&allocations, 1) + 1;
    if (failing == 0 || number < failing || (number > failing && !from_then_on))
        return false;
    if (number == failing)
        log_failure(number);
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t most)
{
    return fails() ? NULL : __real_strndup(text, most);
}
