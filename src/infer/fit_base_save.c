/* Saves a model with another base in a new folder, or in the folder of its run
 * (gkvae/base_fit.h). */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/memory.h"
#include "gkvae/base_fit.h"
#include "vae/model.h"

static const char *const replaced[][2] = {
    {"model.safetensors", "model.before-fit.safetensors"},
    {"config.ini", "config.before-fit.ini"},
    {"checkpoint.safetensors", "checkpoint.before-fit.safetensors"}};
enum { REPLACED = sizeof replaced / sizeof *replaced };

/* Checks that no file of the folder would be overwritten. */
static gkv_status check_folder(const char *folder, int replace)
{
    gkv_status status = GKV_OK;
    for (size_t i = 0; i < REPLACED && status == GKV_OK; i++) {
        char *path = NULL;
        GKV_TRY(gki_strf(&path, "%s/%s", folder, replaced[i][replace ? 1 : 0]));
        if (gki_file_exists(path))
            status =
                gki_fail(GKV_ERR_CONFIG,
                         replace ? "%s is what an earlier fit has kept: move it away first"
                                 : "%s: the folder holds a run, or a part of one: name another",
                         path);
        free(path);
    }
    return status;
}

/* Checks that the folder, or its nearest existing parent, is writable. */
static gkv_status check_parent(const char *folder)
{
    struct stat info;
    char *parent = NULL, *slash = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_strf(&parent, "%s%s", *folder == '/' ? "" : "./", folder));
    while (stat(parent, &info) != 0 && errno == ENOENT && (slash = strrchr(parent, '/')) != NULL)
        slash[slash == parent] = '\0'; /* the root keeps its slash */
    errno = 0;
    if (stat(parent, &info) == 0 && !S_ISDIR(info.st_mode))
        errno = ENOTDIR;
    if (errno != 0 || access(parent, W_OK | X_OK) != 0)
        status = gki_fail(GKV_ERR_IO, "%s: the model cannot be kept there: %s: %s", folder, parent,
                          strerror(errno));
done:
    free(parent);
    return status;
}

gkv_status gkv_base_fit_check_folder(const char *folder, int replace)
{
    gki_lock *lock = NULL;
    GKV_TRY(check_folder(folder, replace));
    GKV_TRY(check_parent(folder));
    if (replace)
        GKV_TRY(gki_lock_acquire(folder, &lock)); /* fails while the run is being trained */
    gki_lock_free(lock);
    return GKV_OK;
}

/* Links the old files to their second names. The checkpoint is renamed, because training cannot
 * resume from it with the new configuration. */
static gkv_status keep_old(const char *folder)
{
    gkv_status status = GKV_OK;
    for (size_t i = 0; i < REPLACED && status == GKV_OK; i++) {
        char *from = NULL, *to = NULL;
        GKV_TRY_GOTO(gki_strf(&from, "%s/%s", folder, replaced[i][0]));
        GKV_TRY_GOTO(gki_strf(&to, "%s/%s", folder, replaced[i][1]));
        const bool is_checkpoint = i + 1 == REPLACED;
        if ((!is_checkpoint || gki_file_exists(from)) &&
            (is_checkpoint ? rename(from, to) : link(from, to)) != 0)
            status = gki_fail(GKV_ERR_IO, "%s cannot be kept as %s: %s", from, to, strerror(errno));
    done:
        free(from);
        free(to);
    }
    return status;
}

/* Restores the first name of each file that has its second name. A file for which this fails keeps
 * its second name, and the earlier error is reported. */
static void take_back_old(const char *folder)
{
    for (size_t i = 0; i < REPLACED; i++) {
        char *from = NULL, *to = NULL;
        if (gki_strf(&from, "%s/%s", folder, replaced[i][0]) == GKV_OK &&
            gki_strf(&to, "%s/%s", folder, replaced[i][1]) == GKV_OK && rename(to, from) == 0)
            unlink(to); /* rename() leaves it if both are names of one file */
        free(from);
        free(to);
    }
}

gkv_status gkv_base_fit_save(const gkv_model *model, const gkv_settings *run, const char *folder,
                             int replace)
{
    gkv_settings settings = *run;
    settings.model = model->settings.model;
    char *path = NULL, *config = NULL;
    gki_lock *lock = NULL;
    gkv_status status = GKV_OK;
    if (!replace)
        GKV_TRY_GOTO(gki_file_make_folder(folder));
    GKV_TRY_GOTO(gki_lock_acquire(folder, &lock));
    GKV_TRY_GOTO(check_folder(folder, replace));
    gki_file_sweep(folder);
    GKV_TRY_GOTO(gki_strf(&path, "%s/model.safetensors", folder));
    GKV_TRY_GOTO(gki_strf(&config, "%s/config.ini", folder));
    if (replace)
        status = keep_old(folder);
    if (status == GKV_OK)
        status = gkv_model_save(model, path);
    if (status == GKV_OK)
        status = gkv_settings_write(&settings, config);
    if (status != GKV_OK && replace)
        take_back_old(folder);
done:
    gki_lock_free(lock);
    free(path);
    free(config);
    return status;
}
