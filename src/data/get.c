/* Fetches a known data set. The files of a source are checked in a temporary folder before they are
 * renamed into the folder of the data set. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "data/catalogue.h"
#include "data/data_files.h"
#include "data/idx.h"

enum { REPORT_SIZE = 960 }; /* a little less than the size of an error message */

/* Checks the content of a file. Of a data set of any version, any IDX file is right. */
static gkv_status check_file(const gki_known_data *data, int file, const char *path,
                             const char *called)
{
    gki_raster raster;
    const gkv_status status = gki_known_file_check(&data->files[file], path, called);
    if (status != GKV_ERR_DATA || !data->any_version)
        return status;
    GKV_TRY(gki_idx_read(path, file % 2 == 0 ? GKV_IDX_IMAGES : GKV_IDX_LABELS, &raster));
    gki_raster_free(&raster);
    return GKV_OK;
}

/* Checks that one of the four files in `folder` has the right content. */
static gkv_status check_in(const gki_known_data *data, int file, const char *folder)
{
    char *path = NULL;
    GKV_TRY(gki_file_locate(folder, gki_data_file_names[file], &path));
    if (!path)
        return gki_fail(GKV_ERR_IO, "%s/%s[.gz]: the file is missing", folder,
                        gki_data_file_names[file]);
    const gkv_status status = check_file(data, file, path, path);
    free(path);
    return status;
}

static gkv_status check_all_in(const gki_known_data *data, const char *folder)
{
    for (int i = 0; i < GKV_DATA_FILES; i++)
        GKV_TRY(check_in(data, i, folder));
    return GKV_OK;
}

gkv_status gki_known_data_verify(const gki_known_data *data, const char *folder)
{
    char *home = NULL;
    GKV_TRY(gki_strf(&home, "%s/%s", folder, data->name));
    const gkv_status status = check_all_in(data, home);
    free(home);
    return status;
}

/* Prepares the renaming of a file into `home`. If `home` has the file already, raw or gzip, *have
 * is set. A file of the same name and another content may belong to the user, so it is renamed and
 * not overwritten. */
static gkv_status set_aside(const gki_known_file *known, const char *home, const char *name,
                            bool *have, gki_call *call)
{
    static const char *const endings[] = {"", ".gz"};
    for (int i = 0; i < 2 && !*have; i++) {
        char *path = NULL, *aside = NULL;
        gkv_status status;
        GKV_TRY_GOTO(gki_strf(&path, "%s/%s%s", home, name, endings[i]));
        if (!gki_file_exists(path))
            goto done;
        status = gki_known_file_check(known, path, path);
        *have = status == GKV_OK;
        if (*have || status == GKV_ERR_MEMORY)
            goto done;
        GKV_TRY_GOTO(gki_strf(&aside, "%s.set-aside", path));
        if (rename(path, aside) != 0)
            status = gki_fail_errno(errno, "%s: cannot be renamed", path);
        else
            gki_tell(call, "%s was not the known file; it is now %s", path, aside);
    done:
        free(path);
        free(aside);
        GKV_TRY(status);
    }
    return GKV_OK;
}

/* Renames the files of `from` into `home`. */
static gkv_status move_in(const gki_known_data *data, const char *from, const char *home,
                          gki_call *call)
{
    for (int i = 0; i < GKV_DATA_FILES; i++) {
        char *source = NULL, *target = NULL;
        bool have = false;
        gkv_status status;
        GKV_TRY_GOTO(set_aside(&data->files[i], home, gki_data_file_names[i], &have, call));
        if (have)
            goto done;
        GKV_TRY_GOTO(gki_file_locate(from, gki_data_file_names[i], &source));
        if (!source) {
            status =
                gki_fail(GKV_ERR_IO, "%s/%s[.gz]: the file has gone", from, gki_data_file_names[i]);
            goto done;
        }
        GKV_TRY_GOTO(gki_strf(&target, "%s%s", home, strrchr(source, '/')));
        if (rename(source, target) != 0)
            status = gki_fail_errno(errno, "%s: cannot be put in place", target);
    done:
        free(source);
        free(target);
        GKV_TRY(status);
    }
    return GKV_OK;
}

/* Lets one source deliver into a new folder below `scratch`, and checks the files. */
static gkv_status fetch_checked(const gki_known_data *data, const gki_data_source *source,
                                const char *scratch, gki_call *call, char **delivered)
{
    char *folder = NULL;
    GKV_TRY(gki_folder_scratch(scratch, &folder));
    gkv_status status;
    GKV_TRY_GOTO(source->fetch(source, data, folder, call, delivered));
    for (int i = 0; i < GKV_DATA_FILES && status == GKV_OK; i++) {
        const char *name = gki_data_file_names[i];
        char *path = NULL;
        GKV_TRY_GOTO(gki_file_locate(*delivered, name, &path));
        status = path ? check_file(data, i, path, name)
                      : gki_fail(GKV_ERR_IO, "%s was not delivered", name);
        free(path);
    }
done:
    free(folder);
    return status;
}

/* The list of sources that failed, with their errors. Each source may use an equal part of the
 * text. */
typedef struct report {
    char text[REPORT_SIZE];
    size_t used;
    gkv_status code;
} report;

static void note_failure(report *tried, const char *about, size_t sources_left, gkv_status status)
{
    const size_t limit = (sizeof tried->text - tried->used) / (sources_left + 1);
    const int length =
        snprintf(tried->text + tried->used, limit, "; %s: %s", about, gkv_error_message());
    tried->used += length < 0 ? 0 : (size_t)length < limit ? (size_t)length : limit - 1;
    if (status == GKV_ERR_DATA) /* a wrong file is a worse failure than a missing one */
        tried->code = GKV_ERR_DATA;
}

static gkv_status try_sources(const gki_known_data *data, const char *home, const char *scratch,
                              gki_call *call, char **source)
{
    report tried = {.code = GKV_ERR_IO};
    size_t sources = 0;
    while (sources < GKV_MAX_SOURCES && data->sources[sources].fetch)
        sources++;
    for (size_t i = 0; i < sources; i++) {
        const gki_data_source *from = &data->sources[i];
        char *delivered = NULL;
        gki_tell(call, "%s: trying %s", data->name, from->about);
        if (call && gki_call_stopped(call))
            return gki_fail(GKV_ERR_INTERRUPTED, "%s: the download was stopped", data->name);
        gkv_status status = fetch_checked(data, from, scratch, call, &delivered);
        if (status == GKV_OK) {
            status = move_in(data, delivered, home, call);
            free(delivered);
            GKV_TRY(status); /* the folder cannot be written, so another source would not help */
            return gki_strdup(from->about, source);
        }
        free(delivered);
        if (status == GKV_ERR_MEMORY || status == GKV_ERR_INTERRUPTED)
            return status;
        gki_tell(call, "%s: %s", from->about, gkv_error_message());
        note_failure(&tried, from->about, sources - i - 1, status);
    }
    return gki_fail(tried.code, "%s could not be fetched%s", data->name, tried.text);
}

/* Makes a folder for temporary files and locks it. A process that finds such a folder without a
 * lock knows that its maker was killed, and removes it. */
static gkv_status open_scratch(const char *home, char **scratch, gki_lock **lock)
{
    enum { TRIES = 3 }; /* another process may remove the folder before it is locked */
    gkv_status status = GKV_ERR_IO;
    gki_folder_sweep(home);
    for (int i = 0; i < TRIES && status != GKV_OK && status != GKV_ERR_MEMORY; i++) {
        GKV_TRY(gki_folder_scratch(home, scratch));
        status = gki_lock_acquire(*scratch, lock);
        if (status != GKV_OK) {
            gki_folder_remove(*scratch);
            free(*scratch);
            *scratch = NULL;
        }
    }
    return status;
}

gkv_status gki_known_data_get(const gki_known_data *data, const char *folder, gki_call *call,
                              char **source)
{
    char *home = NULL, *scratch = NULL, *where = NULL;
    gki_lock *lock = NULL;
    gkv_status status;
    GKV_TRY_GOTO(gki_strf(&home, "%s/%s", folder, data->name));
    status = check_all_in(data, home);
    if (status == GKV_OK) {
        gki_folder_sweep(home);
        GKV_TRY_GOTO(gki_strf(&where, "already in %s", home));
    } else if (status != GKV_ERR_MEMORY) {
        if (status == GKV_ERR_DATA)
            gki_tell(call, "%s", gkv_error_message());
        GKV_TRY_GOTO(gki_file_make_folder(home));
        GKV_TRY_GOTO(open_scratch(home, &scratch, &lock));
        GKV_TRY_GOTO(try_sources(data, home, scratch, call, &where));
    }
    if (status == GKV_OK && source) {
        *source = where;
        where = NULL;
    }
done:
    gki_folder_remove(scratch);
    gki_lock_free(lock);
    free(scratch);
    free(home);
    free(where);
    return status;
}
