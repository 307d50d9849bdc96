/* A temporary folder, and files to put into it. */
#ifndef GKV_TESTS_DATA_TEMPORARY_H
#define GKV_TESTS_DATA_TEMPORARY_H

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "core/memory.h"
#include "data/files.h"

static char temporary[64];

/* Group set-up and tear-down. */
static inline int make_temporary(void **state)
{
    (void)state;
    snprintf(temporary, sizeof temporary, "/tmp/gkv-test-XXXXXX");
    return mkdtemp(temporary) ? 0 : -1;
}

static inline int remove_temporary(void **state)
{
    (void)state;
    gkv_folder_remove(temporary);
    return 0;
}

/* The path of a file in the temporary folder; one of many buffers, in turn. */
static inline const char *in_temporary(const char *name)
{
    static char paths[64][256];
    static unsigned next;
    char *path = paths[next++ % 64];
    snprintf(path, sizeof paths[0], "%s/%s", temporary, name);
    return path;
}

static inline const char *put(const char *name, const void *bytes, size_t n)
{
    const char *path = in_temporary(name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, n, file) != n || fclose(file) != 0)
        abort();
    return path;
}

/* Mode "wb" makes a gzip file, "ab" appends another gzip stream to it. */
static inline const char *put_gzip(const char *name, const void *bytes, size_t n, const char *mode)
{
    const char *path = in_temporary(name);
    gzFile file = gzopen(path, mode);
    if (!file || (n > 0 && gzwrite(file, bytes, (unsigned)n) != (int)n) || gzclose(file) != Z_OK)
        abort();
    return path;
}

static inline int entries_of(const char *folder)
{
    int n = 0;
    DIR *entries = opendir(folder);
    if (!entries)
        return -1;
    for (struct dirent *entry; (entry = readdir(entries));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(entries);
    return n;
}

/* The header of an IDX file, 8 or 16 bytes; returns its length. */
static inline size_t idx_header(uint8_t *out, uint32_t magic, uint32_t count, uint32_t height, uint32_t width)
{
    const uint32_t fields[] = {magic, count, height, width};
    const size_t n = magic == 0x801 ? 2 : 4;
    for (size_t i = 0; i < 4 * n; i++)
        out[i] = (uint8_t)(fields[i / 4] >> (24 - 8 * (i % 4)));
    return 4 * n;
}

#endif
