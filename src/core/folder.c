/* The lock of a folder (core/file.h), and files of a folder that are replaced together
 * (core/commit.h). */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/commit.h"
#include "core/file.h"
#include "core/memory.h"

/* --- The lock ------------------------------------------------------------- */

struct gki_lock {
    int descriptor;
};

/* Enough for a process id and a newline. */
enum { LOCK_TEXT_SIZE = 32 };

/* Returns GKV_OK if the open file is one that gki_lock_acquire() made: a regular file of one name
 * that is empty or holds a process id, or zeros in its place after a power cut. Any other file is
 * somebody's own, and must not be changed. */
static gkv_status check_lock_file(int descriptor, const char *path)
{
    struct stat info;
    char text[LOCK_TEXT_SIZE];
    ssize_t got = 0;
    if (fstat(descriptor, &info) != 0)
        return gki_fail_errno(errno, "%s: cannot lock the folder", path);
    bool good = S_ISREG(info.st_mode) && info.st_nlink == 1 && info.st_size < (off_t)sizeof text;
    if (good) {
        do
            got = pread(descriptor, text, sizeof text, 0);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return gki_fail_errno(errno, "%s: cannot lock the folder", path);
    }
    for (ssize_t i = 0; i < got; i++)
        good = good && (text[i] == '\0' || text[i] == '\n' || (text[i] >= '0' && text[i] <= '9'));
    return good ? GKV_OK
                : gki_fail(GKV_ERR_IO,
                           "%s: cannot lock the folder: this is not a lock file of gkvae; move it "
                           "away, or choose another folder",
                           path);
}

/* Locks the file without waiting. Returns false with errno set. */
static bool try_lock(int descriptor)
{
    int result;
    do
        result = flock(descriptor, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

/* GKV_ERR_BUSY, with the id of the process that holds the folder if the lock file has it. */
static gkv_status busy(int descriptor, const char *folder)
{
    char text[LOCK_TEXT_SIZE] = "";
    ssize_t got = pread(descriptor, text, sizeof text - 1, 0);
    char *end = NULL;
    long pid = got > 0 ? strtol(text, &end, 10) : 0;
    if (pid > 0 && end && *end == '\n')
        return gki_fail(GKV_ERR_BUSY,
                        "%s: in use by process %ld; wait until it ends, or choose another folder",
                        folder, pid);
    return gki_fail(GKV_ERR_BUSY,
                    "%s: in use by another process; wait until it ends, or choose another folder",
                    folder);
}

gkv_status gki_lock_acquire(const char *folder, gki_lock **out)
{
    gkv_status status = GKV_OK;
    gki_lock *lock = NULL;
    char *path = NULL;
    int descriptor = -1;
    *out = NULL;
    GKV_TRY_GOTO(gki_strf(&path, "%s/lock", folder));
    GKV_TRY_GOTO(gki_alloc(1, sizeof *lock, &lock));
    /* A link is not followed, and a pipe is not waited for. */
    descriptor = gki_file_descriptor(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0 && errno == ELOOP) {
        status = gki_fail(GKV_ERR_IO,
                          "%s: cannot lock the folder: this link is not a lock file of gkvae; move "
                          "it away, or choose another folder",
                          path);
        goto done;
    }
    if (descriptor < 0) {
        status = gki_fail_errno(errno, "%s: cannot lock the folder", path);
        goto done;
    }
    GKV_TRY_GOTO(check_lock_file(descriptor, path));
    if (!try_lock(descriptor)) {
        if (errno == EWOULDBLOCK)
            status = busy(descriptor, folder);
        else
            status = gki_fail_errno(errno, "%s: cannot lock the folder", path);
        goto done;
    }
    /* The process id serves only the message of GKV_ERR_BUSY, so a failure to write it is
     * ignored. */
    char text[LOCK_TEXT_SIZE];
    const int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(descriptor, 0) == 0 && pwrite(descriptor, text, (size_t)length, 0) != length)
        (void)!ftruncate(descriptor, 0);
    lock->descriptor = descriptor;
    descriptor = -1;
    *out = lock;
    lock = NULL;
done:
    if (descriptor >= 0)
        close(descriptor);
    free(lock);
    free(path);
    return status;
}

void gki_lock_free(gki_lock *lock)
{
    if (!lock)
        return;
    (void)!ftruncate(lock->descriptor, 0);
    /* close() alone would not unlock if a forked child shares the descriptor. */
    flock(lock->descriptor, LOCK_UN);
    close(lock->descriptor);
    free(lock);
}

/* --- Replacing several files ---------------------------------------------- */

static const char staged_name[] = ".gkvae-new", ready_name[] = ".gkvae-commit";

/* A file of the staged folder: the names of the files to be removed, one a line. No new file has
 * such a name, so that removing them again after an interruption does no harm. */
static const char removed_name[] = ".removed";
enum { REMOVED_LIMIT = 1 << 16 };

static gkv_status cannot(const char *what, const char *folder, const char *name)
{
    return gki_fail_errno(errno, "%s/%s: cannot %s", folder, name, what);
}

/* The system takes no longer paths. */
enum { PATH_SIZE = 4096 };

/* Puts FOLDER/NAME into `path`. Returns false with errno set if it is too long. */
static bool path_within(const char *folder, const char *name, char path[PATH_SIZE])
{
    errno = ENAMETOOLONG;
    return snprintf(path, PATH_SIZE, "%s/%s", folder, name) < PATH_SIZE;
}

/* Opens a folder that is not a link. Returns −1 with errno set if there is none. */
static int open_folder(const char *folder, const char *name)
{
    char path[PATH_SIZE];
    return path_within(folder, name, path)
               ? gki_file_descriptor(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
               : -1;
}

/* Opens a listing of a folder by its descriptor, which it takes. */
static DIR *list(int descriptor)
{
    DIR *listing = descriptor >= 0 ? fdopendir(descriptor) : NULL;
    const int error = errno;
    if (!listing && descriptor >= 0)
        close(descriptor);
    errno = error;
    return listing;
}

/* The next file of a listing; NULL with errno 0 at its end, and with another errno after a
 * failure. */
static const char *next_file(DIR *listing)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(listing);
        if (!entry || (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0))
            return entry ? entry->d_name : NULL;
    }
}

/* Removes a folder of files. Returns false, with errno, if it is still there. */
static bool remove_folder(const char *folder, const char *name)
{
    DIR *listing = list(open_folder(folder, name));
    if (!listing)
        return errno == ENOENT;
    for (const char *file = next_file(listing); file; file = next_file(listing))
        unlinkat(dirfd(listing), file, 0);
    closedir(listing);
    char path[PATH_SIZE];
    return path_within(folder, name, path) && rmdir(path) == 0;
}

gkv_status gki_commit_begin(const char *folder, char **out)
{
    *out = NULL;
    if (!remove_folder(folder, staged_name))
        return cannot("remove what an interrupted process has left", folder, staged_name);
    char *path = NULL;
    GKV_TRY(gki_strf(&path, "%s/%s", folder, staged_name));
    if (mkdir(path, 0777) != 0) {
        const gkv_status status = cannot("make the folder", folder, staged_name);
        free(path);
        return status;
    }
    *out = path;
    return GKV_OK;
}

void gki_commit_abandon(const char *folder)
{
    (void)!remove_folder(folder, staged_name);
}

/* Writes the names to be removed beside the new files. */
static gkv_status write_removed(const char *staged, size_t count, const char *const *removed)
{
    char *path = NULL, *file = NULL;
    gki_file_writer *writer = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_strf(&path, "%s/%s", staged, removed_name));
    GKV_TRY_GOTO(gki_file_begin(path, &writer));
    for (size_t i = 0; i < count; i++) {
        free(file);
        GKV_TRY_GOTO(gki_strf(&file, "%s/%s", staged, removed[i]));
        struct stat info;
        if (lstat(file, &info) == 0)
            continue;
        if (errno != ENOENT) {
            status = cannot("examine", staged, removed[i]);
            goto done;
        }
        gki_file_printf(writer, "%s\n", removed[i]); /* the commit reports its failure */
    }
    status = gki_file_commit(writer);
    writer = NULL;
done:
    gki_file_abandon(writer);
    free(file);
    free(path);
    return status;
}

/* Removes the listed files. */
static gkv_status remove_listed(const char *folder, int target)
{
    char *path = NULL, *names = NULL;
    size_t length = 0;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_strf(&path, "%s/%s/%s", folder, ready_name, removed_name));
    if (!gki_file_exists(path)) /* an earlier recovery was interrupted at its very end */
        goto done;
    GKV_TRY_GOTO(gki_file_read(path, REMOVED_LIMIT, &names, &length));
    char *rest = NULL;
    for (char *name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest))
        if (!strchr(name, '/') && unlinkat(target, name, 0) != 0 && errno != ENOENT) {
            status = cannot("remove the old file", folder, name);
            goto done;
        }
done:
    free(path);
    free(names);
    return status;
}

/* Moves a new file to its place. It keeps the permissions of a file that it replaces. */
static bool put_in_place(int ready, int target, const char *name)
{
    struct stat old;
    if (fstatat(target, name, &old, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(old.st_mode))
        (void)!fchmodat(ready, name, old.st_mode & 0777, 0); /* some file systems have none */
    return renameat(ready, name, target, name) == 0;
}

gkv_status gki_commit_recover(const char *folder)
{
    gkv_status status = GKV_OK;
    int target = -1;
    DIR *ready = list(open_folder(folder, ready_name));
    if (!ready)
        return errno == ENOENT || errno == ENOTDIR ? GKV_OK : cannot("open", folder, ready_name);
    target = gki_file_descriptor(folder, O_RDONLY | O_DIRECTORY);
    if (target < 0) {
        status = cannot("open", folder, ".");
        goto done;
    }
    GKV_TRY_GOTO(remove_listed(folder, target));
    for (const char *file = next_file(ready); file; file = next_file(ready))
        if (strcmp(file, removed_name) != 0 && !put_in_place(dirfd(ready), target, file)) {
            status = cannot("put the new file in its place", folder, file);
            goto done;
        }
    if (errno != 0)
        status = cannot("list the new files", folder, ready_name);
    else if ((unlinkat(dirfd(ready), removed_name, 0) != 0 && errno != ENOENT) ||
             unlinkat(target, ready_name, AT_REMOVEDIR) != 0)
        status = cannot("remove", folder, ready_name);
    else if (!gki_file_sync_folder(target))
        status = cannot("make the new files durable", folder, ".");
done:
    closedir(ready);
    if (target >= 0)
        close(target);
    return status;
}

gkv_status gki_commit_apply(const char *folder, size_t count, const char *const *removed)
{
    char *staged = NULL, *ready = NULL;
    int descriptor = -1;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_strf(&staged, "%s/%s", folder, staged_name));
    GKV_TRY_GOTO(gki_strf(&ready, "%s/%s", folder, ready_name));
    GKV_TRY_GOTO(write_removed(staged, count, removed));
    descriptor = gki_file_descriptor(folder, O_RDONLY | O_DIRECTORY);
    if (descriptor < 0 || rename(staged, ready) != 0)
        status = cannot("put the new files in place", folder, staged_name);
    else if (!gki_file_sync_folder(descriptor))
        status = cannot("make the new files durable", folder, ready_name);
    if (status == GKV_OK)
        status = gki_commit_recover(folder);
done:
    if (descriptor >= 0)
        close(descriptor);
    free(staged);
    free(ready);
    return status;
}

bool gki_commit_is_pending(const char *folder)
{
    const int descriptor = open_folder(folder, ready_name);
    if (descriptor >= 0)
        close(descriptor);
    return descriptor >= 0 || (errno != ENOENT && errno != ENOTDIR && errno != ELOOP);
}
