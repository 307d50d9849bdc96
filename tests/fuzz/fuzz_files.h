/* Files for the entry points of fuzzers whose readers take a path. A fuzzer has them in memory
 * (memory_files.c). The file that includes this defines _GNU_SOURCE first. */
#ifndef GKV_TESTS_FUZZ_FILES_H
#define GKV_TESTS_FUZZ_FILES_H

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "fuzz_check.h"
#include "memory_files.h"

static char fuzz_folder[64];

static inline int fuzz_remove_entry(const char *path, const struct stat *info, int type,
                                    struct FTW *place)
{
    (void)info, (void)type, (void)place;
    return remove(path);
}

static inline void fuzz_remove_folder(void)
{
    nftw(fuzz_folder, fuzz_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes the folder of this process, in memory where there is such a file system. It is removed when
 * the process ends. */
static inline void fuzz_make_folder(void)
{
#ifdef GKV_FUZZ_MEMORY
    strcpy(fuzz_folder, FUZZ_MEMORY);
#else
    const bool shared = access("/dev/shm", W_OK) == 0;
    snprintf(fuzz_folder, sizeof fuzz_folder, "%s/gkv-fuzz-XXXXXX", shared ? "/dev/shm" : "/tmp");
    FUZZ_CHECK(mkdtemp(fuzz_folder));
    FUZZ_CHECK(atexit(fuzz_remove_folder) == 0);
#endif
}

/* Sets the path of a file of this name in that folder. */
static inline void fuzz_path(const char *name, char path[128])
{
    if (!*fuzz_folder)
        fuzz_make_folder();
    snprintf(path, 128, "%s/%s", fuzz_folder, name);
}

/* Puts the bytes into a file of this name, and sets its path. */
static inline void fuzz_put(const char *name, const uint8_t *bytes, size_t size, char path[128])
{
    fuzz_path(name, path);
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    FUZZ_CHECK(file >= 0 && write(file, bytes, size) == (ssize_t)size && close(file) == 0);
}

/* The content of a file, with a NUL behind it; the caller frees it. */
static inline char *fuzz_content(const char *path, size_t *size)
{
    char *text = NULL;
    FUZZ_CHECK(gki_file_read(path, 1 << 28, &text, size) == GKV_OK);
    return text;
}

static inline void fuzz_check_same(const char *path, const char *other)
{
    size_t size, other_size;
    char *text = fuzz_content(path, &size), *other_text = fuzz_content(other, &other_size);
    FUZZ_CHECK(size == other_size && memcmp(text, other_text, size) == 0);
    free(text);
    free(other_text);
}

#endif
