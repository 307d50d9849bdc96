/* Files of the fuzzers, in memory: a file system for the folder /gkv-fuzz/, which does not exist.
 * A fuzzer is linked with --wrap for the calls below (cmake/fuzz.cmake), so that gkvae's own code
 * calls these functions. Other paths and descriptors go on to the C library. A fuzzer spends its
 * time in the readers this way, and not in the kernel: a history takes about 70 calls.
 *
 * The descriptors are numbers from FIRST on. A name is at most NAME_SIZE - 1 bytes long. Files are
 * regular, in one folder, and keep their memory after they are removed. Locks, permissions and
 * durability mean nothing here. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz_check.h"
#include "memory_files.h"

enum { FIRST = 1 << 20, FILES = 16, OPENED = 16, MAPPINGS = 8, NAME_SIZE = 64, BLOCK = 1 << 16 };

typedef struct memory_file {
    char name[NAME_SIZE]; /* "" for a file that was removed */
    uint8_t *bytes;
    size_t size, capacity;
    size_t opened; /* the number of its descriptors */
} memory_file;

typedef struct opened_file {
    bool used;
    memory_file *file; /* NULL for the folder */
    int flags;
    size_t offset;
    FILE *stream; /* NULL if there is none */
} opened_file;

static memory_file files[FILES];
static opened_file opened[OPENED];
static void *mappings[MAPPINGS];

/* --- Names and descriptors ------------------------------------------------ */

/* The name within the folder, "" for the folder itself; NULL for any other path. */
static const char *inside(const char *path)
{
    const size_t length = sizeof FUZZ_MEMORY - 1;
    if (strncmp(path, FUZZ_MEMORY, length) != 0)
        return NULL;
    if (path[length] == '\0')
        return "";
    return path[length] == '/' ? path + length + 1 : NULL;
}

static memory_file *find(const char *name)
{
    for (size_t i = 0; i < FILES; i++)
        if (*name && strcmp(files[i].name, name) == 0)
            return &files[i];
    errno = ENOENT;
    return NULL;
}

static memory_file *create(const char *name)
{
    for (size_t i = 0; i < FILES; i++)
        if (files[i].name[0] == '\0' && files[i].opened == 0) {
            FUZZ_CHECK(strlen(name) < NAME_SIZE && !strchr(name, '/'));
            strcpy(files[i].name, name);
            files[i].size = 0;
            return &files[i];
        }
    FUZZ_FAIL("there are too many files");
    return NULL;
}

static opened_file *of(int descriptor)
{
    if (descriptor < FIRST)
        return NULL;
    FUZZ_CHECK(descriptor < FIRST + OPENED && opened[descriptor - FIRST].used);
    return &opened[descriptor - FIRST];
}

static int open_memory(const char *name, int flags)
{
    memory_file *file = find(name);
    if (file && flags & O_CREAT && flags & O_EXCL) {
        errno = EEXIST;
        return -1;
    }
    if (!file && *name && flags & O_CREAT)
        file = create(name);
    if (!file && *name)
        return -1;
    for (int i = 0; i < OPENED; i++)
        if (!opened[i].used) {
            opened[i] = (opened_file){.used = true, .file = file, .flags = flags};
            if (file) {
                file->opened++;
                file->size = flags & O_TRUNC ? 0 : file->size;
            }
            return FIRST + i;
        }
    FUZZ_FAIL("there are too many descriptors: one of them leaks");
    return -1;
}

static int describe(const memory_file *file, struct stat *info)
{
    memset(info, 0, sizeof *info);
    info->st_mode = file ? S_IFREG | 0644 : S_IFDIR | 0755;
    info->st_ino = file ? (ino_t)(file - files) + 2 : 1;
    info->st_dev = FIRST;
    info->st_nlink = 1;
    info->st_blksize = BLOCK;
    info->st_size = file ? (off_t)file->size : 0;
    return 0;
}

static int describe_name(const char *name, struct stat *info)
{
    const memory_file *file = find(name);
    return file || !*name ? describe(file, info) : -1;
}

/* --- Contents ------------------------------------------------------------- */

static size_t read_memory(const opened_file *from, void *buffer, size_t count, size_t offset)
{
    const size_t there = offset < from->file->size ? from->file->size - offset : 0;
    const size_t n = count < there ? count : there;
    if (n > 0)
        memcpy(buffer, from->file->bytes + offset, n);
    return n;
}

static void write_memory(opened_file *handle, const void *bytes, size_t count)
{
    memory_file *file = handle->file;
    FUZZ_CHECK((handle->flags & O_ACCMODE) != O_RDONLY);
    if (handle->flags & O_APPEND)
        handle->offset = file->size;
    const size_t end = handle->offset + count;
    if (end > file->capacity) {
        file->capacity = (end / BLOCK + 1) * BLOCK;
        file->bytes = realloc(file->bytes, file->capacity);
        FUZZ_CHECK(file->bytes);
    }
    if (handle->offset > file->size)
        memset(file->bytes + file->size, 0, handle->offset - file->size);
    if (count > 0)
        memcpy(file->bytes + handle->offset, bytes, count);
    file->size = end > file->size ? end : file->size;
    handle->offset = end;
}

static int close_memory(opened_file *handle)
{
    if (handle->file)
        handle->file->opened--;
    handle->used = false;
    return 0;
}

static int remove_memory(const char *name)
{
    memory_file *file = find(name);
    if (!file)
        return -1;
    file->name[0] = '\0';
    return 0;
}

/* --- Streams -------------------------------------------------------------- */

static ssize_t stream_read(void *cookie, char *buffer, size_t count)
{
    opened_file *from = cookie;
    const size_t n = read_memory(from, buffer, count, from->offset);
    from->offset += n;
    return (ssize_t)n;
}

static ssize_t stream_write(void *cookie, const char *bytes, size_t count)
{
    write_memory(cookie, bytes, count);
    return (ssize_t)count;
}

static int stream_seek(void *cookie, off64_t *offset, int whence)
{
    opened_file *file = cookie;
    const off64_t from =
        whence == SEEK_SET ? 0 : (off64_t)(whence == SEEK_CUR ? file->offset : file->file->size);
    if (from + *offset < 0) {
        errno = EINVAL;
        return -1;
    }
    file->offset = (size_t)(from + *offset);
    *offset += from;
    return 0;
}

static int stream_close(void *cookie)
{
    return close_memory(cookie);
}

static FILE *stream(int descriptor, const char *mode)
{
    if (descriptor < 0)
        return NULL;
    opened_file *handle = of(descriptor);
    FUZZ_CHECK(handle->file);
    handle->stream = fopencookie(handle, mode,
                                 (cookie_io_functions_t){.read = stream_read,
                                                         .write = stream_write,
                                                         .seek = stream_seek,
                                                         .close = stream_close});
    return handle->stream;
}

/* --- The calls ------------------------------------------------------------ */

/* A function that the linker puts in the place of a call, and the call itself. */
#define WRAPPED(type, name, ...)     \
    type __wrap_##name(__VA_ARGS__); \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)

int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __real_openat(int folder, const char *path, int flags, ...);

/* The permissions of a new file; a call without them leaves any number here, which is not used. */
#define MODE(flags, mode)                                    \
    do {                                                     \
        va_list args;                                        \
        va_start(args, flags);                               \
        mode = (flags)&O_CREAT ? va_arg(args, unsigned) : 0; \
        va_end(args);                                        \
    } while (0)

int __wrap_open(const char *path, int flags, ...)
{
    unsigned mode;
    MODE(flags, mode);
    const char *name = inside(path);
    return name ? open_memory(name, flags) : __real_open(path, flags, mode);
}

int __wrap_openat(int folder, const char *path, int flags, ...)
{
    unsigned mode;
    MODE(flags, mode);
    const char *name = inside(path);
    return name ? open_memory(name, flags) : __real_openat(folder, path, flags, mode);
}

WRAPPED(int, close, int descriptor)
{
    opened_file *handle = of(descriptor);
    return handle ? close_memory(handle) : __real_close(descriptor);
}

WRAPPED(ssize_t, read, int descriptor, void *buffer, size_t count)
{
    opened_file *handle = of(descriptor);
    return handle ? stream_read(handle, buffer, count) : __real_read(descriptor, buffer, count);
}

WRAPPED(ssize_t, pread, int descriptor, void *buffer, size_t count, off_t offset)
{
    const opened_file *handle = of(descriptor);
    return handle ? (ssize_t)read_memory(handle, buffer, count, (size_t)offset)
                  : __real_pread(descriptor, buffer, count, offset);
}

WRAPPED(ssize_t, write, int descriptor, const void *bytes, size_t count)
{
    opened_file *handle = of(descriptor);
    return handle ? stream_write(handle, bytes, count) : __real_write(descriptor, bytes, count);
}

WRAPPED(int, fstat, int descriptor, struct stat *info)
{
    const opened_file *handle = of(descriptor);
    return handle ? describe(handle->file, info) : __real_fstat(descriptor, info);
}

WRAPPED(int, stat, const char *path, struct stat *info)
{
    const char *name = inside(path);
    return name ? describe_name(name, info) : __real_stat(path, info);
}

WRAPPED(int, lstat, const char *path, struct stat *info)
{
    const char *name = inside(path);
    return name ? describe_name(name, info) : __real_lstat(path, info);
}

WRAPPED(int, fstatat, int folder, const char *path, struct stat *info, int flags)
{
    const char *name = inside(path);
    return name ? describe_name(name, info) : __real_fstatat(folder, path, info, flags);
}

WRAPPED(int, access, const char *path, int how)
{
    const char *name = inside(path);
    return name ? (*name && !find(name) ? -1 : 0) : __real_access(path, how);
}

WRAPPED(int, rename, const char *from, const char *to)
{
    const char *old = inside(from), *new = inside(to);
    if (!old || !new)
        return __real_rename(from, to);
    memory_file *file = find(old);
    if (!file)
        return -1;
    FUZZ_CHECK(*new &&strlen(new) < NAME_SIZE);
    remove_memory(new);
    strcpy(file->name, new);
    return 0;
}

WRAPPED(int, unlink, const char *path)
{
    const char *name = inside(path);
    return name ? remove_memory(name) : __real_unlink(path);
}

WRAPPED(int, unlinkat, int folder, const char *path, int flags)
{
    const char *name = inside(path);
    return name ? remove_memory(name) : __real_unlinkat(folder, path, flags);
}

WRAPPED(int, flock, int descriptor, int how)
{
    return of(descriptor) ? 0 : __real_flock(descriptor, how);
}

WRAPPED(int, fchmod, int descriptor, mode_t mode)
{
    return of(descriptor) ? 0 : __real_fchmod(descriptor, mode);
}

WRAPPED(int, fsync, int descriptor)
{
    return of(descriptor) ? 0 : __real_fsync(descriptor);
}

WRAPPED(FILE *, fdopen, int descriptor, const char *mode)
{
    return of(descriptor) ? stream(descriptor, mode) : __real_fdopen(descriptor, mode);
}

WRAPPED(FILE *, fopen, const char *path, const char *mode)
{
    const char *name = inside(path);
    if (!name)
        return __real_fopen(path, mode);
    const int flags = *mode == 'r'   ? O_RDONLY
                      : *mode == 'w' ? O_WRONLY | O_CREAT | O_TRUNC
                                     : O_WRONLY | O_CREAT | O_APPEND;
    return stream(open_memory(name, flags), mode);
}

WRAPPED(int, fileno, FILE *file)
{
    for (int i = 0; i < OPENED; i++)
        if (opened[i].used && opened[i].stream == file)
            return FIRST + i;
    return __real_fileno(file);
}

/* A mapping is a copy, of the size that was asked for. */
WRAPPED(void *, mmap, void *address, size_t size, int protection, int flags, int descriptor,
        off_t from)
{
    const opened_file *handle = of(descriptor);
    if (!handle)
        return __real_mmap(address, size, protection, flags, descriptor, from);
    FUZZ_CHECK(size > 0 && handle->file);
    for (size_t i = 0; i < MAPPINGS; i++)
        if (!mappings[i]) {
            mappings[i] = calloc(size, 1);
            FUZZ_CHECK(mappings[i]);
            read_memory(handle, mappings[i], size, (size_t)from);
            return mappings[i];
        }
    FUZZ_FAIL("there are too many mappings: one of them leaks");
    return NULL;
}

WRAPPED(int, munmap, void *mapping, size_t size)
{
    for (size_t i = 0; i < MAPPINGS; i++)
        if (mapping && mappings[i] == mapping) {
            free(mapping);
            mappings[i] = NULL;
            return 0;
        }
    return __real_munmap(mapping, size);
}
