/* Files that appear whole or not at all, and the lock of a run folder.
 *
 * A writer fills PATH.tmp-PID-N beside PATH and takes PATH's place by rename()
 * once every byte is on the disk. Until gkv_file_commit() succeeds the old file
 * stands untouched; a failure of any kind, a full disk among them, removes the
 * temporary. Only a process that is killed outright leaves one behind, and the
 * next gkv_lock_acquire() of that folder clears it away.
 *
 * A writer belongs to one thread at a time; different writers are independent. */
#ifndef GKV_CORE_FILE_H
#define GKV_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "gkvae/file.h"

typedef struct gkv_file_writer gkv_file_writer;

/* Starts a new PATH, in *out. A symbolic link is followed, so that what it names
 * is replaced and not the link. GKV_ERR_IO for a folder that is missing or closed
 * to writing, and for a PATH that exists and is no regular file. */
GKV_MUST_USE gkv_status gkv_file_begin(const char *path, gkv_file_writer **out);

/* Adds bytes, or printf text. The first failure is remembered: later calls do
 * nothing and return it again, and so does the commit. */
gkv_status gkv_file_write(gkv_file_writer *writer, const void *bytes, size_t count);
gkv_status gkv_file_printf(gkv_file_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes the file durable (fsync of file and folder) and puts it in its place.
 * Frees the writer whatever happens. GKV_ERR_IO. */
GKV_MUST_USE gkv_status gkv_file_commit(gkv_file_writer *writer);

/* Drops what was written and frees the writer; NULL is fine. */
void gkv_file_abandon(gkv_file_writer *writer);

/* gkv_file_write_atomic() of gkvae/file.h combines the three above. */

/* The whole file in *out (freed with free()), its length in *count, and a NUL
 * after it that *count leaves out. GKV_ERR_DATA if it is longer than `limit`,
 * GKV_ERR_IO if it cannot be read. Pipes are fine. */
GKV_MUST_USE gkv_status gkv_file_read(const char *path, size_t limit, char **out, size_t *count);

/* True if there is anything at all of that name. */
bool gkv_file_exists(const char *path);

/* Holds a folder against other processes, and against other threads of this one.
 * The lock is the kernel's (flock on FOLDER/lock): it ends with its holder, by
 * crash or kill too, so a lock file that is found lying about means nothing.
 * GKV_ERR_BUSY names the folder and, if known, the holder's process id. Removes
 * the temporaries that killed writers left in the folder. */
typedef struct gkv_lock gkv_lock;
GKV_MUST_USE gkv_status gkv_lock_acquire(const char *folder, gkv_lock **out);

/* Lets the folder go; NULL is fine. The file "lock" stays: to remove it would let
 * two processes lock two different files of one name. */
void gkv_lock_free(gkv_lock *lock);

#endif
