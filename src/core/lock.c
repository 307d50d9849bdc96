/* The lock of a folder; declared in core/file.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/memory.h"

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

/* Opens or makes the lock file. A link is not followed, and a pipe is not waited for. Returns −1
 * with errno set. */
static int open_lock_file(const char *path)
{
    int descriptor;
    do
        descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
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
    descriptor = open_lock_file(path);
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
