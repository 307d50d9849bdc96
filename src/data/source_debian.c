/* Data that Debian packages: the files are in a folder of the system, or the package
 * is not installed yet. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "data/catalogue.h"
#include "data/image_files.h"
#include "data/process.h"

enum { TIME_LIMIT = 900 };

static gkv_status apt_get(const char *const argv[], const char *scratch, gkv_reporter listener)
{
    char *log = NULL;
    GKV_TRY(gkv_strf(&log, "%s/apt-get.log", scratch));
    const gkv_status status = gkv_process_run(argv, log, TIME_LIMIT, listener);
    free(log);
    return status;
}

/* Package lists are refreshed only if the package could not be had without. */
static gkv_status install(const char *package, const char *scratch, gkv_reporter listener)
{
    const char *const update[] = {"apt-get", "update", "-q", NULL};
    const char *const get[] = {"apt-get", "install", "-q", "-y", "--no-install-recommends",
                               "-o",      "DPkg::Lock::Timeout=60", package, NULL};
    gkv_report(listener, "installing the Debian package %s", package);
    if (apt_get(get, scratch, listener) == GKV_OK)
        return GKV_OK;
    gkv_report(listener, "refreshing the package lists first");
    GKV_TRY(apt_get(update, scratch, listener));
    return apt_get(get, scratch, listener);
}

static gkv_status copy_file(const char *folder, const char *name, const char *scratch)
{
    char *from = NULL, *to = NULL;
    gkv_status status;
    GKV_TRY_GOTO(gkv_file_locate(folder, name, &from));
    if (!from) {
        status = gkv_fail(GKV_ERR_IO, "%s/%s[.gz]: the file is missing", folder, name);
        goto done;
    }
    GKV_TRY_GOTO(gkv_strf(&to, "%s%s", scratch, strrchr(from, '/')));
    GKV_TRY_GOTO(gkv_file_copy(from, to));
done:
    free(from);
    free(to);
    return status;
}

gkv_status gkv_fetch_debian(const gkv_source *source, const gkv_known_data *data, const char *scratch,
                            gkv_reporter listener, char **delivered)
{
    (void)data;
    if (!gkv_file_exists(source->folder)) {
        if (geteuid() != 0)
            return gkv_fail(GKV_ERR_IO, "%s is not there; as root, run: apt-get install %s", source->folder,
                            source->what);
        GKV_TRY(install(source->what, scratch, listener));
    }
    for (int i = 0; i < GKV_DATA_FILES; i++)
        GKV_TRY(copy_file(source->folder, gkv_data_file_names[i], scratch));
    return gkv_strdup(scratch, delivered);
}
