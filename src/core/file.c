#define _GNU_SOURCE
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"

struct gki_file_writer {
    char *path;      /* the final path of the file, with links resolved */
    char *temporary; /* the path of the temporary file */
    FILE *stream;
    gkv_status status; /* the status of the first failure */
    int error;         /* the errno of the first failure */
};

static gkv_status cannot(const char *what, const char *path, int error)
{
    return gki_fail(GKV_ERR_IO, "%s: cannot %s: %s", path, what, strerror(error));
}

static void writer_free(gki_file_writer *writer)
{
    if (!writer)
        return;
    if (writer->stream)
        fclose(writer->stream);
    free(writer->temporary);
    free(writer->path);
    free(writer);
}

void gki_file_abandon(gki_file_writer *writer)
{
    if (writer && writer->stream)
        unlink(writer->temporary);
    writer_free(writer);
}

/* Copies the path into *out, with links resolved if it exists. Refuses anything but a regular
 * file. */
static gkv_status resolve(const char *path, char **out)
{
    struct stat info;
    *out = NULL;
    if (lstat(path, &info) != 0)
        return gki_strdup(path, out);
    if (!S_ISLNK(info.st_mode) && !S_ISREG(info.st_mode))
        return gki_fail(GKV_ERR_IO, "%s: cannot write: it exists and is not a regular file", path);
    if (S_ISREG(info.st_mode))
        return gki_strdup(path, out);
    char *target = realpath(path, NULL);
    if (!target)
        return cannot("follow the link", path, errno);
    /* A rename onto a device would replace the device. */
    if (stat(target, &info) != 0 || !S_ISREG(info.st_mode)) {
        free(target);
        return gki_fail(GKV_ERR_IO,
                        "%s: cannot write: it leads to something that is not a regular file", path);
    }
    *out = target;
    return GKV_OK;
}

gkv_status gki_file_begin(const char *path, gki_file_writer **out)
{
    /* The counter gives each writer of this process its own name. */
    static atomic_uint counter;
    gkv_status status = GKV_OK;
    gki_file_writer *writer = NULL;
    *out = NULL;
    if (!*path)
        return gki_fail(GKV_ERR_IO, "cannot write a file of no name");
    GKV_TRY_GOTO(gki_alloc(1, sizeof *writer, &writer));
    GKV_TRY_GOTO(resolve(path, &writer->path));
    /* A killed process of the same id may have left a file of this name. Then the next name is
     * tried. */
    int descriptor = -1;
    do {
        free(writer->temporary);
        GKV_TRY_GOTO(gki_strf(&writer->temporary, "%s.tmp-%ld-%u", writer->path, (long)getpid(),
                              atomic_fetch_add(&counter, 1u)));
        descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor < 0 && errno == EEXIST);
    if (descriptor < 0) {
        status = cannot("write", path, errno);
        goto done;
    }
    writer->stream = fdopen(descriptor, "wb");
    if (!writer->stream) {
        status = cannot("write", path, errno);
        close(descriptor);
        unlink(writer->temporary);
        goto done;
    }
    *out = writer;
    writer = NULL;
done:
    writer_free(writer);
    return status;
}

/* Remembers the first failure, so that a series of writes needs one check at its end. */
static gkv_status writer_failed(gki_file_writer *writer, int error)
{
    if (writer->status == GKV_OK) {
        writer->status = GKV_ERR_IO;
        writer->error = error ? error : EIO;
    }
    return cannot("write", writer->path, writer->error);
}

gkv_status gki_file_write(gki_file_writer *writer, const void *bytes, size_t count)
{
    if (writer->status != GKV_OK)
        return writer_failed(writer, 0);
    errno = 0;
    if (count > 0 && fwrite(bytes, 1, count, writer->stream) != count)
        return writer_failed(writer, errno);
    return GKV_OK;
}

gkv_status gki_file_printf(gki_file_writer *writer, const char *format, ...)
{
    if (writer->status != GKV_OK)
        return writer_failed(writer, 0);
    errno = 0;
    va_list args;
    va_start(args, format);
    int length = vfprintf(writer->stream, format, args);
    va_end(args);
    return length < 0 ? writer_failed(writer, errno) : GKV_OK;
}

/* Opens the folder that holds the path. Returns its descriptor, or −1 with errno set. */
static int open_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = NULL;
    if (gki_strf(&folder, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".") !=
        GKV_OK) {
        errno = ENOMEM;
        return -1;
    }
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = errno;
    free(folder);
    errno = error;
    return descriptor;
}

gkv_status gki_file_commit(gki_file_writer *writer)
{
    gkv_status status = writer->status;
    int folder = -1;
    if (status != GKV_OK) {
        status = writer_failed(writer, 0);
        goto done;
    }
    /* The folder is opened before the rename, while a failure can still leave the old file in
     * place. */
    folder = open_folder_of(writer->path);
    errno = 0;
    if (folder < 0 || fflush(writer->stream) != 0 || fsync(fileno(writer->stream)) != 0) {
        status = writer_failed(writer, errno);
        goto done;
    }
    FILE *stream = writer->stream;
    writer->stream = NULL;
    if (fclose(stream) != 0 || rename(writer->temporary, writer->path) != 0) {
        status = writer_failed(writer, errno);
        unlink(writer->temporary);
        goto done;
    }
    /* Some file systems have no fsync of folders and do not need it. */
    if (fsync(folder) != 0 && errno != EINVAL && errno != ENOTSUP && errno != EROFS)
        status = cannot("make the new file durable (it is in place, but a power cut may undo it)",
                        writer->path, errno);
done:
    if (folder >= 0)
        close(folder);
    gki_file_abandon(writer);
    return status;
}

gkv_status gki_file_write_atomic(const char *path, const void *bytes, size_t count)
{
    gki_file_writer *writer = NULL;
    if (!path || (!bytes && count > 0))
        return gki_fail(GKV_ERR_ARGUMENT, "gki_file_write_atomic: NULL for the path or the bytes");
    GKV_TRY(gki_file_begin(path, &writer));
    gki_file_write(writer, bytes, count); /* the commit reports its failure */
    return gki_file_commit(writer);
}

gkv_status gki_file_read(const char *path, size_t limit, char **out, size_t *count)
{
    gkv_status status = GKV_OK;
    char *bytes = NULL;
    size_t length = 0, capacity = 0;
    *out = NULL;
    *count = 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return cannot("read", path, errno);
    struct stat info;
    size_t guess = 1 << 16;
    if (fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode) && info.st_size >= 0) {
        if ((uintmax_t)info.st_size > limit)
            goto too_long;
        guess = (size_t)info.st_size + 1;
    }
    /* Reads to the end whatever fstat() reported: the file may be a pipe, or may be growing. */
    for (;;) {
        if (length >= capacity) {
            size_t grown = capacity ? capacity + capacity / 2 + 1 : guess;
            char *larger = grown < SIZE_MAX ? realloc(bytes, grown + 1) : NULL;
            if (!larger) {
                status = gki_fail(GKV_ERR_MEMORY, "%s: out of memory: %zu bytes were refused", path,
                                  grown);
                goto done;
            }
            bytes = larger;
            capacity = grown;
        }
        ssize_t got = read(descriptor, bytes + length, capacity - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            status = cannot("read", path, errno);
            goto done;
        }
        if (got == 0)
            break;
        length += (size_t)got;
        if (length > limit)
            goto too_long;
    }
    bytes[length] = '\0';
    *out = bytes;
    *count = length;
    bytes = NULL;
    goto done;
too_long:
    status =
        gki_fail(GKV_ERR_DATA, "%s: longer than the %zu bytes such a file may have", path, limit);
done:
    free(bytes);
    close(descriptor);
    return status;
}

bool gki_file_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

gkv_status gki_file_make_folder(const char *path)
{
    char *name = NULL;
    gkv_status status = GKV_OK;
    if (!path)
        return gki_fail(GKV_ERR_ARGUMENT, "gki_file_make_folder: NULL for the path");
    GKV_TRY(gki_strdup(path, &name));
    /* Makes each prefix that ends before a slash, and then the whole path. */
    for (char *end = name + (*name == '/');; end++) {
        if (*end != '/' && *end != '\0')
            continue;
        const char kept = *end;
        *end = '\0';
        struct stat info;
        /* mkdir() may fail for a folder that exists, for example below a read-only parent. */
        if (mkdir(name, 0777) != 0) {
            int error = errno;
            if (stat(name, &info) != 0)
                status = cannot("make the folder", name, error);
            else if (!S_ISDIR(info.st_mode))
                status =
                    gki_fail(GKV_ERR_IO,
                             "%s: cannot make the folder: a file of that name is in the way", name);
        }
        *end = kept;
        if (status != GKV_OK || kept == '\0')
            break;
    }
    free(name);
    return status;
}
