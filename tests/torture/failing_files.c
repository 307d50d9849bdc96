/* Calls of the file system that fail on request, for the tests *_files.c of modules
 * (tests/failing_files.h). The linker's --wrap sends the calls of gkvae's own code here. They are
 * counted, and the N-th one fails. What it should have done is not done, except that a file is
 * closed. */
#define _GNU_SOURCE
#include "failing_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned long failing;
static atomic_ulong calls; /* threads read files side by side */
static int failure;

unsigned long fail_call(unsigned long number, int error)
{
    const unsigned long before = calls;
    failing = number;
    failure = error;
    calls = 0;
    return before;
}

/* Counts a call, and says whether it is to fail. */
static bool fails(bool interruptible)
{
    if (atomic_fetch_add(&calls, 1) + 1 != failing || (failure == EINTR && !interruptible))
        return false;
    errno = failure;
    return true;
}

/* A call with the arguments of the second pair of parentheses, which returns `wrong` after a
 * failure. */
#define CALL(type, name, parameters, arguments, wrong, interruptible)    \
    type __real_##name parameters;                                       \
    type __wrap_##name parameters;                                       \
    type __wrap_##name parameters                                        \
    {                                                                    \
        return fails(interruptible) ? (wrong) : __real_##name arguments; \
    }

CALL(ssize_t, read, (int file, void *buffer, size_t count), (file, buffer, count), -1, true)
CALL(ssize_t, pread, (int file, void *buffer, size_t count, off_t offset),
     (file, buffer, count, offset), -1, true)
CALL(ssize_t, write, (int file, const void *from, size_t count), (file, from, count), -1, true)
CALL(int, fstat, (int file, struct stat *info), (file, info), -1, false)
CALL(int, stat, (const char *path, struct stat *info), (path, info), -1, false)
CALL(int, lstat, (const char *path, struct stat *info), (path, info), -1, false)
CALL(int, access, (const char *path, int how), (path, how), -1, false)
CALL(int, rename, (const char *from, const char *to), (from, to), -1, false)
CALL(int, renameat, (int old, const char *from, int new, const char *to), (old, from, new, to), -1,
     false)
CALL(int, unlink, (const char *path), (path), -1, false)
CALL(int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags), -1, false)
CALL(int, rmdir, (const char *path), (path), -1, false)
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, false)
CALL(int, flock, (int file, int how), (file, how), -1, false)
CALL(int, fchmod, (int file, mode_t mode), (file, mode), -1, false)
CALL(int, fsync, (int file), (file), -1, true)
CALL(int, ftruncate, (int file, off_t size), (file, size), -1, false)
CALL(char *, realpath, (const char *path, char *target), (path, target), NULL, false)
CALL(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL, true)
CALL(FILE *, fdopen, (int file, const char *mode), (file, mode), NULL, false)
CALL(DIR *, opendir, (const char *path), (path), NULL, false)
CALL(DIR *, fdopendir, (int folder), (folder), NULL, false)
CALL(struct dirent *, readdir, (DIR * listing), (listing), NULL, false)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const unsigned mode = flags & O_CREAT ? va_arg(args, unsigned) : 0;
    va_end(args);
    return fails(true) ? -1 : __real_open(path, flags, mode);
}

int __wrap_openat(int folder, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const unsigned mode = flags & O_CREAT ? va_arg(args, unsigned) : 0;
    va_end(args);
    return fails(true) ? -1 : __real_openat(folder, path, flags, mode);
}
