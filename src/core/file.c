#define _GNU_SOURCE
#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"

struct gki_file_writer {
    char *path;        /* the final path of the file, with links resolved */
    char *temporary;   /* the path of the temporary file, once it exists */
    int descriptor;    /* of the temporary file, or −1 */
    gkv_status status; /* the status of the first failure */
    int error;         /* the errno of the first failure */
    size_t used;       /* the bytes in `buffer` */
    char buffer[1 << 16];
};

static gkv_status cannot(const char *what, const char *path, int error)
{
    return gki_fail_errno(error, "%s: cannot %s", path, what);
}

int gki_file_descriptor(const char *path, int flags)
{
    int descriptor;
    do
        descriptor = open(path, flags | O_CLOEXEC, 0666);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

static void writer_free(gki_file_writer *writer)
{
    if (!writer)
        return;
    if (writer->descriptor >= 0)
        close(writer->descriptor);
    free(writer->temporary);
    free(writer->path);
    free(writer);
}

void gki_file_abandon(gki_file_writer *writer)
{
    if (writer && writer->descriptor >= 0)
        unlink(writer->temporary);
    writer_free(writer);
}

/* Copies the path into *out, with links resolved if it exists. Refuses anything but a regular file,
 * and a file that the user may not write: a rename would replace it all the same. *mode becomes the
 * permissions of the file, or −1 if there is none. */
static gkv_status resolve(const char *path, char **out, int *mode)
{
    struct stat info;
    *out = NULL;
    *mode = -1;
    if (lstat(path, &info) != 0)
        return gki_strdup(path, out);
    if (!S_ISLNK(info.st_mode) && !S_ISREG(info.st_mode))
        return gki_fail(GKV_ERR_IO, "%s: cannot write: it exists and is not a regular file", path);
    char *target = NULL;
    if (S_ISREG(info.st_mode)) {
        GKV_TRY(gki_strdup(path, &target));
    } else {
        target = realpath(path, NULL);
        if (!target)
            return cannot("follow the link", path, errno);
        /* A rename onto a device would replace the device. */
        if (stat(target, &info) != 0 || !S_ISREG(info.st_mode)) {
            free(target);
            return gki_fail(GKV_ERR_IO,
                            "%s: cannot write: it leads to something that is not a regular file",
                            path);
        }
    }
    if (access(target, W_OK) != 0) {
        const int error = errno;
        free(target);
        return cannot("write", path, error);
    }
    *mode = (int)(info.st_mode & 0777);
    *out = target;
    return GKV_OK;
}

/* Whether the descriptor is of the file that the name stands for. */
static bool is_named(int descriptor, int folder, const char *name)
{
    struct stat of_file, of_name;
    return fstat(descriptor, &of_file) == 0 && S_ISREG(of_file.st_mode) &&
           fstatat(folder, name, &of_name, AT_SYMLINK_NOFOLLOW) == 0 &&
           of_file.st_ino == of_name.st_ino && of_file.st_dev == of_name.st_dev;
}

/* Removes a temporary file that a killed process left. A writer locks its file as long as it lives,
 * so a file that can be locked is nobody's. The lock is held until the file is gone, so nobody else
 * removes a new file of that name. */
static void remove_remnant(int folder, const char *name)
{
    const int descriptor = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return;
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0 && is_named(descriptor, folder, name))
        unlinkat(folder, name, 0);
    close(descriptor);
}

/* Creates and locks the temporary file PATH.gkvae-tmp-N, with the least N that no living writer
 * uses. */
static gkv_status create_temporary(gki_file_writer *writer, const char *path)
{
    for (unsigned number = 0;; number++) {
        free(writer->temporary);
        GKV_TRY(gki_strf(&writer->temporary, "%s" GKV_FILE_TEMPORARY "%u", writer->path, number));
        remove_remnant(AT_FDCWD, writer->temporary);
        const int descriptor = gki_file_descriptor(writer->temporary, O_WRONLY | O_CREAT | O_EXCL);
        if (descriptor < 0 && errno == EEXIST)
            continue;
        if (descriptor < 0)
            return cannot("write", path, errno);
        /* Before it was locked, another process may have removed it as a remnant. Some file systems
         * have no locks. */
        const bool locked = flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
        if (locked && is_named(descriptor, AT_FDCWD, writer->temporary)) {
            writer->descriptor = descriptor;
            return GKV_OK;
        }
        close(descriptor);
    }
}

gkv_status gki_file_begin(const char *path, gki_file_writer **out)
{
    gkv_status status = GKV_OK;
    gki_file_writer *writer = NULL;
    int mode = -1;
    *out = NULL;
    if (!*path)
        return gki_fail(GKV_ERR_IO, "cannot write a file of no name");
    GKV_TRY_GOTO(gki_alloc(1, sizeof *writer, &writer));
    writer->descriptor = -1;
    GKV_TRY_GOTO(resolve(path, &writer->path, &mode));
    GKV_TRY_GOTO(create_temporary(writer, path));
    /* Some file systems have no permissions to keep. */
    if (mode >= 0 && fchmod(writer->descriptor, (mode_t)mode) != 0 && errno != EPERM &&
        errno != ENOTSUP) {
        status = cannot("write", path, errno);
        goto done;
    }
    *out = writer;
    writer = NULL;
done:
    gki_file_abandon(writer);
    return status;
}

/* Remembers the first failure, so that a series of writes needs one check at its end. */
static gkv_status writer_failed(gki_file_writer *writer, int error)
{
    if (writer->error == 0)
        writer->error = error ? error : EIO;
    writer->status = cannot("write", writer->path, writer->error);
    return writer->status;
}

/* Writes bytes to the temporary file. A write may be interrupted, and may write less than all. */
static gkv_status write_through(gki_file_writer *writer, const char *bytes, size_t count)
{
    while (count > 0) {
        const ssize_t done = write(writer->descriptor, bytes, count);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return writer_failed(writer, errno);
        if (done == 0)
            return writer_failed(writer, EIO);
        bytes += done;
        count -= (size_t)done;
    }
    return GKV_OK;
}

static gkv_status flush(gki_file_writer *writer)
{
    const size_t count = writer->used;
    writer->used = 0;
    return write_through(writer, writer->buffer, count);
}

gkv_status gki_file_write(gki_file_writer *writer, const void *bytes, size_t count)
{
    if (writer->status != GKV_OK)
        return writer_failed(writer, 0);
    if (count > sizeof writer->buffer - writer->used)
        GKV_TRY(flush(writer));
    if (count >= sizeof writer->buffer)
        return write_through(writer, bytes, count);
    if (count > 0)
        memcpy(writer->buffer + writer->used, bytes, count);
    writer->used += count;
    return GKV_OK;
}

gkv_status gki_file_printf(gki_file_writer *writer, const char *format, ...)
{
    if (writer->status != GKV_OK)
        return writer_failed(writer, 0);
    char line[1024];
    char *text = line;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(line, sizeof line, format, args);
    if (length >= (int)sizeof line) {
        text = malloc((size_t)length + 1);
        if (text)
            vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    va_end(args);
    gkv_status status;
    if (length < 0 || !text)
        status = writer_failed(writer, length < 0 ? EILSEQ : ENOMEM);
    else
        status = gki_file_write(writer, text, (size_t)length);
    if (text != line)
        free(text);
    return status;
}

/* Opens the folder that holds the path, which changes for the time of the call only. Returns its
 * descriptor, or −1 with errno set. */
static int open_folder_of(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return gki_file_descriptor(".", O_RDONLY | O_DIRECTORY);
    const char after = slash[1];
    slash[1] = '\0';
    const int descriptor = gki_file_descriptor(path, O_RDONLY | O_DIRECTORY);
    slash[1] = after;
    return descriptor;
}

/* Calls fsync() until no signal interrupts it. */
static int synchronize(int descriptor)
{
    int result;
    do
        result = fsync(descriptor);
    while (result != 0 && errno == EINTR);
    return result;
}

bool gki_file_sync_folder(int folder)
{
    return synchronize(folder) == 0 || errno == EINVAL || errno == ENOTSUP || errno == EROFS;
}

gkv_status gki_file_commit(gki_file_writer *writer)
{
    int folder = -1;
    gkv_status status = writer->status;
    if (status == GKV_OK)
        status = flush(writer);
    if (status != GKV_OK) {
        status = writer_failed(writer, 0);
        goto done;
    }
    /* The folder is opened before the rename, while a failure can still leave the old file in
     * place. */
    folder = open_folder_of(writer->path);
    /* The file is closed, and so unlocked, only when it has its name. After fsync() a failure of
     * close() means nothing. */
    if (folder < 0 || synchronize(writer->descriptor) != 0 ||
        rename(writer->temporary, writer->path) != 0) {
        status = writer_failed(writer, errno);
        goto done;
    }
    close(writer->descriptor);
    writer->descriptor = -1;
    if (!gki_file_sync_folder(folder))
        status = cannot("make the new file durable (it is in place, but a power cut may undo it)",
                        writer->path, errno);
done:
    if (folder >= 0)
        close(folder);
    gki_file_abandon(writer);
    return status;
}

/* True for NAME.gkvae-tmp-N, the names that gki_file_begin() makes, and for NAME.gkvae-tmp-PID-N,
 * those that it made before. */
static bool is_temporary(const char *name)
{
    static const char mark[] = GKV_FILE_TEMPORARY, digits[] = "0123456789";
    const char *tail = NULL;
    for (const char *next = strstr(name, mark); next; next = strstr(next + 1, mark))
        tail = next + sizeof mark - 1;
    if (!tail)
        return false;
    size_t first = strspn(tail, digits);
    if (first > 0 && tail[first] == '-') {
        tail += first + 1;
        first = strspn(tail, digits);
    }
    return first > 0 && tail[first] == '\0';
}

void gki_file_sweep(const char *folder)
{
    DIR *listing = opendir(folder);
    if (!listing)
        return;
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing))
        if (is_temporary(entry->d_name))
            remove_remnant(dirfd(listing), entry->d_name);
    closedir(listing);
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

/* After a read that failed: if it failed because a pipe is empty, waits for its writer, and returns
 * true. A signal ends the wait too. */
static bool wait_for_input(int descriptor)
{
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return false;
    struct pollfd waiting = {.fd = descriptor, .events = POLLIN};
    return poll(&waiting, 1, -1) >= 0 || errno == EINTR;
}

gkv_status gki_file_read(const char *path, size_t limit, char **out, size_t *count)
{
    gkv_status status = GKV_OK;
    char *bytes = NULL;
    size_t length = 0, capacity = 0;
    *out = NULL;
    *count = 0;
    /* With O_NONBLOCK, open() does not wait for the other end of a pipe. */
    const int descriptor = gki_file_descriptor(path, O_RDONLY | O_NONBLOCK);
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
        if (got < 0 && (errno == EINTR || wait_for_input(descriptor)))
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

FILE *gki_file_open(const char *path)
{
    /* With O_NONBLOCK, open() does not wait for the other end of a pipe. */
    const int descriptor = gki_file_descriptor(path, O_RDONLY | O_NONBLOCK);
    if (descriptor < 0)
        return NULL;
    struct stat info;
    FILE *file = NULL;
    if (fstat(descriptor, &info) == 0) {
        errno = EINVAL;
        file = S_ISREG(info.st_mode) ? fdopen(descriptor, "r") : NULL;
    }
    if (!file)
        close(descriptor);
    return file;
}

gkv_status gki_file_sync(const char *path)
{
    const int descriptor = gki_file_descriptor(path, O_RDONLY | O_NONBLOCK);
    if (descriptor < 0)
        return cannot("make durable", path, errno);
    const bool done = synchronize(descriptor) == 0 || errno == EINVAL;
    const int error = errno;
    close(descriptor);
    return done ? GKV_OK : cannot("make durable", path, error);
}

bool gki_file_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
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
        if (mkdir(name, 0777) == 0) {
            /* The name of the new folder should survive a power cut. */
            const int parent = open_folder_of(name);
            if (parent >= 0) {
                gki_file_sync_folder(parent);
                close(parent);
            }
        } else {
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
