/* A temporary folder for a test or a group of them, and files to put into it. The file that
 * includes this defines _XOPEN_SOURCE 700, or more, first. */
#ifndef GKV_TESTS_FOLDER_H
#define GKV_TESTS_FOLDER_H

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

static char temporary[64];

/* Set-up and tear-down. */
static inline int make_temporary(void **state)
{
    (void)state;
    snprintf(temporary, sizeof temporary, "/tmp/gkv-test-XXXXXX");
    return mkdtemp(temporary) ? 0 : -1;
}

/* The same in memory, where there is such a file system: for tests that make much durable. */
static inline int make_temporary_in_memory(void **state)
{
    (void)state;
    snprintf(temporary, sizeof temporary, "%s/gkv-test-XXXXXX",
             access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(temporary) ? 0 : -1;
}

static inline int remove_entry_(const char *path, const struct stat *info, int type,
                                struct FTW *place)
{
    (void)info, (void)type, (void)place;
    return remove(path);
}

static inline int remove_temporary(void **state)
{
    (void)state;
    return nftw(temporary, remove_entry_, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of a file in the temporary folder; one of many buffers, in turn. */
static inline const char *in_temporary(const char *name)
{
    static char paths[64][512];
    static unsigned next;
    char *path = paths[next++ % 64];
    snprintf(path, sizeof paths[0], "%s/%s", temporary, name);
    return path;
}

/* Makes that file, and returns its path. */
static inline const char *put(const char *name, const void *bytes, size_t n)
{
    const char *path = in_temporary(name);
    unlink(path); /* ext4 flushes a file that is cut and rewritten to the disk: slow */
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, n, file) != n || fclose(file) != 0)
        abort();
    return path;
}

#endif
