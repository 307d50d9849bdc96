/* Saves a model with another base in a new folder, or in the folder of its run
 * (gkvae/base_fit.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/commit.h"
#include "core/file.h"
#include "core/memory.h"
#include "gkvae/base_fit.h"
#include "vae/model.h"

static const char *const replaced[][2] = {
    {"model.safetensors", "model.before-fit.safetensors"},
    {"config.ini", "config.before-fit.ini"},
    {"checkpoint.safetensors", "checkpoint.before-fit.safetensors"}};
enum { REPLACED = sizeof replaced / sizeof *replaced, CHECKPOINT = REPLACED - 1 };

/* Checks that no file of the folder would be overwritten. */
static gkv_status check_folder(const char *folder, bool replace)
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
        status = gki_fail_errno(errno, "%s: the model cannot be kept there: %s", folder, parent);
done:
    free(parent);
    return status;
}

gkv_status gkv_base_fit_check_folder(const char *folder, bool replace)
{
    GKV_NEED(folder);
    gki_lock *lock = NULL;
    gkv_status status = GKV_OK;
    if (replace || gki_commit_is_pending(folder)) {
        GKV_TRY(gki_lock_acquire(folder, &lock)); /* fails while the run is being trained */
        GKV_TRY_GOTO(gki_commit_recover(folder));
    }
    GKV_TRY_GOTO(check_folder(folder, replace));
    GKV_TRY_GOTO(check_parent(folder));
done:
    gki_lock_free(lock);
    return status;
}

/* Links the old files, under their second names, among the new ones. */
static gkv_status keep_old(const char *folder, const char *staged)
{
    gkv_status status = GKV_OK;
    for (size_t i = 0; i < REPLACED && status == GKV_OK; i++) {
        char *from = NULL, *to = NULL;
        GKV_TRY_GOTO(gki_strf(&from, "%s/%s", folder, replaced[i][0]));
        GKV_TRY_GOTO(gki_strf(&to, "%s/%s", staged, replaced[i][1]));
        const bool is_needed = i != CHECKPOINT || gki_file_exists(from);
        if (is_needed && link(from, to) != 0)
            status = gki_fail_errno(errno, "%s cannot be kept as %s", from, replaced[i][1]);
    done:
        free(from);
        free(to);
    }
    return status;
}

/* Writes the new files to their own folder. */
static gkv_status write_new(const gkv_model *model, const gkv_settings *settings,
                            const char *staged)
{
    char *path = NULL, *config = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_strf(&path, "%s/model.safetensors", staged));
    GKV_TRY_GOTO(gki_strf(&config, "%s/config.ini", staged));
    GKV_TRY_GOTO(gkv_model_save(model, path));
    GKV_TRY_GOTO(gkv_settings_write(settings, config));
done:
    free(path);
    free(config);
    return status;
}

gkv_status gkv_base_fit_save(const gkv_model *model, const char *folder, bool replace,
                             const gkv_settings *run)
{
    GKV_NEED(model);
    GKV_NEED(folder);
    gkv_settings settings = run ? *run : model->settings;
    settings.model = model->settings.model;
    char *staged = NULL;
    gki_lock *lock = NULL;
    gkv_status status = GKV_OK;
    if (!replace)
        GKV_TRY_GOTO(gki_file_make_folder(folder));
    GKV_TRY_GOTO(gki_lock_acquire(folder, &lock));
    GKV_TRY_GOTO(gki_commit_recover(folder));
    GKV_TRY_GOTO(check_folder(folder, replace));
    gki_file_sweep(folder);
    GKV_TRY_GOTO(gki_commit_begin(folder, &staged));
    GKV_TRY_GOTO(write_new(model, &settings, staged));
    if (replace)
        GKV_TRY_GOTO(keep_old(folder, staged));
    /* Training cannot resume from the checkpoint with the new configuration. */
    status = gki_commit_apply(folder, replace, &replaced[CHECKPOINT][0]);
done:
    if (staged)
        gki_commit_abandon(folder);
    gki_lock_free(lock);
    free(staged);
    return status;
}
