/* Data files in the temporary folder. */
#ifndef GKV_TESTS_DATA_TEMPORARY_H
#define GKV_TESTS_DATA_TEMPORARY_H

#include <dirent.h>

#include <zlib.h>

#include "folder.h"

#include "core/memory.h"
#include "data/data_files.h"

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
static inline size_t idx_header(uint8_t *out, uint32_t magic, uint32_t count, uint32_t height,
                                uint32_t width)
{
    const uint32_t fields[] = {magic, count, height, width};
    const size_t n = magic == 0x801 ? 2 : 4;
    for (size_t i = 0; i < 4 * n; i++)
        out[i] = (uint8_t)(fields[i / 4] >> (24 - 8 * (i % 4)));
    return 4 * n;
}

#endif
