/* The lock of a folder; declared in core/file.h. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/file.h"
#include "core/memory.h"

struct gki_lock {
    int descriptor;
};

/* True for NAME.tmp-PID-N, the names that gki_file_begin() makes. */
static bool is_temporary(const char *name)
{
    const char *tail = NULL;
    for (const char *next = strstr(name, ".tmp-"); next; next = strstr(next + 1, ".tmp-"))
        tail = next + 5;
    if (!tail)
        return false;
    const size_t pid = strspn(tail, "0123456789");
    if (pid == 0 || tail[pid] != '-')
        return false;
    const size_t number = strspn(tail + pid + 1, "0123456789");
    return number > 0 && tail[pid + 1 + number] == '\0';
}

/* Removes the temporary files of killed processes. Only the holder of the lock writes into the
 * folder, and the caller has just acquired the lock, so every temporary file is a remnant. Failures
 * are ignored: a remnant only takes disk space. */
static void sweep(const char *folder)
{
    DIR *listing = opendir(folder);
    if (!listing)
        return;
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing))
        if (is_temporary(entry->d_name))
            unlinkat(dirfd(listing), entry->d_name, 0);
    closedir(listing);
}

/* GKV_ERR_BUSY, with the id of the process that holds the folder if the lock file has it. */
static gkv_status busy(int descriptor, const char *folder)
{
    char text[32] = "";
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
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        status = gki_fail(GKV_ERR_IO, "%s: cannot lock the folder: %s", path, strerror(errno));
        goto done;
    }
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            status = busy(descriptor, folder);
        else
            status = gki_fail(GKV_ERR_IO, "%s: cannot lock the folder: %s", path, strerror(errno));
        goto done;
    }
    /* The process id serves only the message of GKV_ERR_BUSY, so a failure to write it is
     * ignored. */
    char text[32];
    const int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(descriptor, 0) == 0 && pwrite(descriptor, text, (size_t)length, 0) != length)
        (void)!ftruncate(descriptor, 0);
    sweep(folder);
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
