/* Fetching a known data set: look, try the sources, check, and only then move in. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "data/catalogue.h"
#include "data/data_files.h"

enum { REPORT_SIZE = 960 }; /* a little less than an error message may hold */

/* One of the four files in `folder` has the right content. */
static gkv_status check_in(const gkv_known_data *data, int file, const char *folder)
{
    char *path = NULL;
    GKV_TRY(gkv_file_locate(folder, gkv_data_file_names[file], &path));
    if (!path)
        return gkv_fail(GKV_ERR_IO, "%s/%s[.gz]: the file is missing", folder, gkv_data_file_names[file]);
    const gkv_status status = gkv_known_file_check(&data->files[file], path, path);
    free(path);
    return status;
}

static gkv_status check_all_in(const gkv_known_data *data, const char *folder)
{
    for (int i = 0; i < GKV_DATA_FILES; i++)
        GKV_TRY(check_in(data, i, folder));
    return GKV_OK;
}

gkv_status gkv_known_data_verify(const gkv_known_data *data, const char *folder)
{
    char *home = NULL;
    GKV_TRY(gkv_strf(&home, "%s/%s", folder, data->name));
    const gkv_status status = check_all_in(data, home);
    free(home);
    return status;
}

/* Before a file moves in: what stands in its place, raw or gzip, is either right, and
 * then *have is set and it stays, or is renamed, since it may be somebody's own. */
static gkv_status make_way(const gkv_known_file *known, const char *home, const char *name, bool *have,
                           gkv_reporter listener)
{
    static const char *const endings[] = {"", ".gz"};
    for (int i = 0; i < 2 && !*have; i++) {
        char *path = NULL, *aside = NULL;
        gkv_status status;
        GKV_TRY_GOTO(gkv_strf(&path, "%s/%s%s", home, name, endings[i]));
        if (!gkv_file_exists(path))
            goto done;
        *have = gkv_known_file_check(known, path, path) == GKV_OK;
        if (*have)
            goto done;
        GKV_TRY_GOTO(gkv_strf(&aside, "%s.set-aside", path));
        if (rename(path, aside) != 0)
            status = gkv_fail(GKV_ERR_IO, "%s: cannot be renamed: %s", path, strerror(errno));
        else
            gkv_report(listener, "%s was not the known file; it is now %s", path, aside);
    done:
        free(path);
        free(aside);
        GKV_TRY(status);
    }
    return GKV_OK;
}

static gkv_status move_in(const gkv_known_data *data, const char *from, const char *home, gkv_reporter listener)
{
    for (int i = 0; i < GKV_DATA_FILES; i++) {
        char *source = NULL, *target = NULL;
        bool have = false;
        gkv_status status;
        GKV_TRY_GOTO(make_way(&data->files[i], home, gkv_data_file_names[i], &have, listener));
        if (have)
            goto done;
        GKV_TRY_GOTO(gkv_file_locate(from, gkv_data_file_names[i], &source));
        if (!source) {
            status = gkv_fail(GKV_ERR_IO, "%s/%s[.gz]: the file has gone", from, gkv_data_file_names[i]);
            goto done;
        }
        GKV_TRY_GOTO(gkv_strf(&target, "%s%s", home, strrchr(source, '/')));
        if (rename(source, target) != 0)
            status = gkv_fail(GKV_ERR_IO, "%s: cannot be put in place: %s", target, strerror(errno));
    done:
        free(source);
        free(target);
        GKV_TRY(status);
    }
    return GKV_OK;
}

/* Has one source deliver into a fresh folder below `scratch`, and checks what came. */
static gkv_status fetch_checked(const gkv_known_data *data, const gkv_source *source, const char *scratch,
                                gkv_reporter listener, char **delivered)
{
    char *workplace = NULL;
    GKV_TRY(gkv_folder_scratch(scratch, &workplace));
    gkv_status status;
    GKV_TRY_GOTO(source->fetch(source, data, workplace, listener, delivered));
    for (int i = 0; i < GKV_DATA_FILES && status == GKV_OK; i++) {
        const char *name = gkv_data_file_names[i];
        char *path = NULL;
        GKV_TRY_GOTO(gkv_file_locate(*delivered, name, &path));
        status = path ? gkv_known_file_check(&data->files[i], path, name)
                      : gkv_fail(GKV_ERR_IO, "%s was not delivered", name);
        free(path);
    }
done:
    free(workplace);
    return status;
}

/* What was tried, and why it failed; each source gets its share of the room. */
typedef struct report {
    char text[REPORT_SIZE];
    size_t used;
    gkv_status code;
} report;

static void note_failure(report *tried, const char *about, size_t sources_left, gkv_status status)
{
    const size_t share = (sizeof tried->text - tried->used) / (sources_left + 1);
    const int length = snprintf(tried->text + tried->used, share, "; %s: %s", about, gkv_error_message());
    tried->used += length < 0 ? 0 : (size_t)length < share ? (size_t)length : share - 1;
    if (status == GKV_ERR_DATA) /* a wrong file is worse news than no file */
        tried->code = GKV_ERR_DATA;
}

static gkv_status try_sources(const gkv_known_data *data, const char *home, const char *scratch,
                              gkv_reporter listener, char **source)
{
    report tried = {.code = GKV_ERR_IO};
    size_t sources = 0;
    while (sources < GKV_MAX_SOURCES && data->sources[sources].fetch)
        sources++;
    for (size_t i = 0; i < sources; i++) {
        const gkv_source *from = &data->sources[i];
        char *delivered = NULL;
        gkv_report(listener, "%s: trying %s", data->name, from->about);
        gkv_status status = fetch_checked(data, from, scratch, listener, &delivered);
        if (status == GKV_OK) {
            status = move_in(data, delivered, home, listener);
            free(delivered);
            GKV_TRY(status); /* the folder's fault: no other source would do better */
            return gkv_strdup(from->about, source);
        }
        free(delivered);
        if (status == GKV_ERR_MEMORY)
            return status;
        gkv_report(listener, "%s: %s", from->about, gkv_error_message());
        note_failure(&tried, from->about, sources - i - 1, status);
    }
    return gkv_fail(tried.code, "%s could not be fetched%s", data->name, tried.text);
}

/* A folder for temporary files that is locked as long as it is in use: what a process that was
 * killed left, the next one knows by that and removes. */
static gkv_status open_scratch(const char *home, char **scratch, gkv_lock **lock)
{
    enum { TRIES = 3 }; /* another process may have swept it between its making and its locking */
    gkv_status status = GKV_ERR_IO;
    gkv_folder_sweep(home);
    for (int i = 0; i < TRIES && status != GKV_OK; i++) {
        GKV_TRY(gkv_folder_scratch(home, scratch));
        status = gkv_lock_acquire(*scratch, lock);
        if (status != GKV_OK) {
            gkv_folder_remove(*scratch);
            free(*scratch);
            *scratch = NULL;
        }
    }
    return status;
}

gkv_status gkv_known_data_get(const gkv_known_data *data, const char *folder, gkv_reporter listener, char **source)
{
    char *home = NULL, *scratch = NULL, *where = NULL;
    gkv_lock *lock = NULL;
    gkv_status status;
    GKV_TRY_GOTO(gkv_strf(&home, "%s/%s", folder, data->name));
    status = check_all_in(data, home);
    if (status == GKV_OK) {
        gkv_folder_sweep(home);
        GKV_TRY_GOTO(gkv_strf(&where, "already in %s", home));
    } else if (status != GKV_ERR_MEMORY) {
        if (status == GKV_ERR_DATA)
            gkv_report(listener, "%s", gkv_error_message());
        GKV_TRY_GOTO(gkv_file_make_folder(home));
        GKV_TRY_GOTO(open_scratch(home, &scratch, &lock));
        GKV_TRY_GOTO(try_sources(data, home, scratch, listener, &where));
    }
    if (status == GKV_OK && source) {
        *source = where;
        where = NULL;
    }
done:
    gkv_folder_remove(scratch);
    gkv_lock_free(lock);
    free(scratch);
    free(home);
    free(where);
    return status;
}
