/* Atomic writing of files, reading of whole files, and the lock of a run folder.
 *
 * A writer fills the temporary file PATH.gkvae-tmp-N beside PATH. Once every byte is on the disk,
 * rename() puts it in the place of PATH. Until gki_file_commit() succeeds, the old file is
 * untouched. After any failure, such as a full disk, the temporary file is removed. Only a killed
 * process leaves one behind; the next writer of PATH removes it, and so does gki_file_sweep(). A
 * living writer holds a lock (flock) of its temporary file, by which they know it from a remnant.
 *
 * A writer belongs to one thread at a time. Different writers are independent. The other functions
 * are thread-safe. */
#ifndef GKV_CORE_FILE_H
#define GKV_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/error.h"

/* What the names of temporary files have between the name of the file and the numbers. */
#define GKV_FILE_TEMPORARY ".gkvae-tmp-"

typedef struct gki_file_writer gki_file_writer;

/* Starts writing PATH. *out is the writer, or NULL after a failure; gki_file_commit() or
 * gki_file_abandon() frees it. A symbolic link is followed, so the file that it names is replaced
 * and not the link. The new file has the permissions of the file that it replaces. GKV_ERR_IO if
 * the folder is missing or not writable, or if PATH exists and is not a regular file that the user
 * may write. GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_file_begin(const char *path, gki_file_writer **out);

/* Append bytes, or text in printf format. GKV_ERR_IO if a write fails. The writer remembers the
 * first failure: later calls do nothing and return it again, and so does gki_file_commit(). So a
 * caller may ignore these results and check that of the commit alone. */
gkv_status gki_file_write(gki_file_writer *writer, const void *bytes, size_t count);
gkv_status gki_file_printf(gki_file_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes the file durable (fsync of file and folder) and renames it to its final path. Frees the
 * writer, also after a failure. GKV_ERR_IO. */
GKV_MUST_USE gkv_status gki_file_commit(gki_file_writer *writer);

/* Removes the temporary file and frees the writer. NULL is fine. */
void gki_file_abandon(gki_file_writer *writer);

/* Writes `count` bytes to a temporary file beside `path`, syncs it, and renames it to `path`. A
 * reader never sees part of the file, even if the process is killed. A symbolic link is followed.
 * `bytes` may be NULL if `count` is 0.
 *
 * GKV_ERR_IO, with the cause, if the file cannot be written or if `path` exists and is not a
 * regular file. Then nothing is written. GKV_ERR_ARGUMENT for NULL, GKV_ERR_MEMORY. Thread-safe. */
GKV_MUST_USE gkv_status gki_file_write_atomic(const char *path, const void *bytes, size_t count);

/* Makes the folder and all folders above it, as mkdir -p does. The folder may exist already.
 * GKV_ERR_IO if a folder cannot be made, GKV_ERR_ARGUMENT for NULL, GKV_ERR_MEMORY. Thread-safe. */
GKV_MUST_USE gkv_status gki_file_make_folder(const char *path);

/* Removes the temporary files that killed writers left in a folder, and not those of writers at
 * work. Failures are ignored: a remnant only takes disk space. */
void gki_file_sweep(const char *folder);

/* Reads a whole file into *out, which the caller frees with free(). *count is its length. A NUL
 * that *count does not count follows the last byte. A pipe is read to its end; a pipe without a
 * writer is empty. *out is NULL after a failure. GKV_ERR_DATA if the file is longer than `limit`
 * bytes, GKV_ERR_IO if it cannot be read, GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_file_read(const char *path, size_t limit, char **out, size_t *count);

/* Opens a regular file for reading. NULL with errno set if there is none. A pipe is refused and not
 * waited for. The caller closes it with fclose(). */
FILE *gki_file_open(const char *path);

/* Opens a file as open() does, but closed in child processes, with the permissions of the umask for
 * a new file, and until no signal interrupts it. Returns −1 with errno set after a failure. */
int gki_file_descriptor(const char *path, int flags);

/* Makes the content of a file durable (fsync). GKV_ERR_IO. */
GKV_MUST_USE gkv_status gki_file_sync(const char *path);

/* Makes the names in an open folder durable (fsync). Some file systems have no fsync of folders and
 * do not need it: that counts as done. Returns false, with errno set, after a failure. */
bool gki_file_sync_folder(int folder);

/* True if something of that name exists, be it a file, a folder or a broken link; also if that
 * cannot be known, so that whoever opens it learns the reason. */
bool gki_file_exists(const char *path);

typedef struct gki_lock gki_lock;

/* Locks a folder against other processes and against other threads of this one. *out is the lock,
 * or NULL after a failure; gki_lock_free() releases it.
 *
 * The lock belongs to the kernel (flock on FOLDER/lock). It ends when its holder ends, also by a
 * crash or a kill, so the file "lock" alone does not mean that the folder is locked. GKV_ERR_BUSY
 * if somebody else holds the lock; the message names the folder and, if known, the process.
 * GKV_ERR_IO if the lock file cannot be made, or if FOLDER/lock is something else: a link, or a
 * file that does not hold a process id. Such a file is not changed. GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_lock_acquire(const char *folder, gki_lock **out);

/* Releases the folder. NULL is fine. The file "lock" stays: if it were removed, two processes could
 * lock two different files of the same name. */
void gki_lock_free(gki_lock *lock);

#endif
