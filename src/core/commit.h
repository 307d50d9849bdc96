/* Several files of a folder, replaced together.
 *
 * The new files are first written to a folder of their own, FOLDER/.gkvae-new. Until then the files
 * of FOLDER are untouched. gki_commit_apply() renames that folder to FOLDER/.gkvae-commit, which is
 * the moment at which the new files count. It then removes the files that are to go, and moves the
 * new ones to their places. If the process is killed in between, or the power fails,
 * gki_commit_recover() does the rest. So a set of files is the old one or the new one, never a
 * mixture, for whoever recovers before reading.
 *
 * The caller holds the lock of FOLDER (core/file.h). The functions follow no links. */
#ifndef GKV_CORE_COMMIT_H
#define GKV_CORE_COMMIT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

/* Makes an empty folder for the new files in place of what an interrupted process may have left
 * there. *out is its path, which the caller frees. GKV_ERR_IO, GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_commit_begin(const char *folder, char **out);

/* Removes the folder for the new files, with them. Failures are ignored: the next
 * gki_commit_begin() removes it. */
void gki_commit_abandon(const char *folder);

/* Makes the new files count, and moves them to their places. Of the `count` names in `removed`,
 * those that have no new file are removed; a name of no file is fine. GKV_ERR_IO: if
 * gki_commit_is_pending() then, the new files count nevertheless, and gki_commit_recover() does the
 * rest. GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_commit_apply(const char *folder, size_t count,
                                         const char *const *removed);

/* Whether gki_commit_apply() was interrupted, or may have been: if the folder cannot be examined,
 * gki_commit_recover() says why. */
bool gki_commit_is_pending(const char *folder);

/* Completes what gki_commit_apply() began, if it was interrupted. GKV_ERR_IO, GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_commit_recover(const char *folder);

#endif
