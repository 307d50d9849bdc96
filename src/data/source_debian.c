/* Data sets in Debian packages. A package that is not installed is downloaded and unpacked into a
 * temporary folder. Nothing is installed, and no privileges are needed. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "data/catalogue.h"
#include "data/data_files.h"
#include "data/process.h"

enum { APT_SECONDS = 900 }; /* time limit of one run of the program */

/* Runs apt-get in the folder. If `lists` is not NULL, package lists of our own are there. */
static gkv_status apt_get(const char *const words[], const char *scratch, const char *lists,
                          gki_call *call)
{
    enum { WORDS_MAX = 16 };
    const char *argv[WORDS_MAX] = {GKV_PROCESS_ENV, "-C", scratch, "apt-get", "-q",
                                   /* the downloading user could not write to the folder */
                                   "-o", "APT::Sandbox::User=root"};
    char *log = NULL;
    size_t n = 7;
    if (lists) {
        argv[n++] = "-o";
        argv[n++] = lists;
        argv[n++] = "-o";
        argv[n++] = "Debug::NoLocking=1";
    }
    for (size_t i = 0; words[i] && n < WORDS_MAX - 1; i++)
        argv[n++] = words[i];
    GKV_TRY(gki_strf(&log, "%s/apt-get.log", scratch));
    const gkv_status status = gki_process_run(argv, log, APT_SECONDS, call);
    free(log);
    return status;
}

/* The package lists of the system may be missing or old. Own ones are then fetched to the
 * temporary folder. */
static gkv_status download_package(const char *package, const char *scratch, gki_call *call)
{
    const char *const get[] = {"download", package, NULL}, *const update[] = {"update", NULL};
    char *folder = NULL, *lists = NULL;
    gkv_status status;
    gki_tell(call, "downloading the Debian package %s, which is not installed", package);
    status = apt_get(get, scratch, NULL, call);
    if (status == GKV_OK || status == GKV_ERR_INTERRUPTED || status == GKV_ERR_MEMORY)
        return status;
    gki_tell(call, "fetching package lists first");
    GKV_TRY_GOTO(gki_strf(&folder, "%s/lists/partial", scratch));
    GKV_TRY_GOTO(gki_strf(&lists, "Dir::State::Lists=%s/lists", scratch));
    GKV_TRY_GOTO(gki_file_make_folder(folder));
    GKV_TRY_GOTO(apt_get(update, scratch, lists, call));
    GKV_TRY_GOTO(apt_get(get, scratch, lists, call));
done:
    free(folder);
    free(lists);
    return status;
}

/* The package file in the folder, or NULL. The caller frees it. */
static gkv_status find_package(const char *scratch, char **out)
{
    gkv_status status = GKV_OK;
    DIR *listing = opendir(scratch);
    *out = NULL;
    for (struct dirent *entry;
         listing && status == GKV_OK && !*out && (entry = readdir(listing));) {
        const size_t length = strlen(entry->d_name);
        if (length > 4 && strcmp(entry->d_name + length - 4, ".deb") == 0)
            status = gki_strf(out, "%s/%s", scratch, entry->d_name);
    }
    if (listing)
        closedir(listing);
    return status != GKV_OK || *out ? status
                                    : gki_fail(GKV_ERR_IO, "apt-get downloaded no package");
}

gkv_status gki_debian_unpack(const gki_data_source *source, const char *scratch, gki_call *call,
                             char **folder)
{
    char *package = NULL, *root = NULL, *log = NULL;
    gkv_status status;
    *folder = NULL;
    if (gki_file_exists(source->folder))
        return gki_strdup(source->folder, folder);
    if (!gki_process_exists("apt-get") || !gki_process_exists("dpkg-deb"))
        return gki_fail(GKV_ERR_IO, "%s is not there, and this system has no apt-get",
                        source->folder);
    GKV_TRY_GOTO(download_package(source->what, scratch, call));
    GKV_TRY_GOTO(find_package(scratch, &package));
    GKV_TRY_GOTO(gki_strf(&root, "%s/package", scratch));
    GKV_TRY_GOTO(gki_strf(&log, "%s/dpkg-deb.log", scratch));
    const char *const unpack[] = {"dpkg-deb", "-x", package, root, NULL};
    GKV_TRY_GOTO(gki_process_run(unpack, log, APT_SECONDS, call));
    GKV_TRY_GOTO(gki_strf(folder, "%s%s", root, source->folder));
done:
    free(package);
    free(root);
    free(log);
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

gkv_status gki_fetch_debian(const gki_data_source *source, const gki_known_data *data,
                            const char *scratch, gki_call *call, char **delivered)
{
    char *folder = NULL;
    gkv_status status;
    (void)data;
    GKV_TRY_GOTO(gki_debian_unpack(source, scratch, call, &folder));
    for (int i = 0; i < GKV_DATA_FILES; i++)
        GKV_TRY_GOTO(copy_file(folder, gki_data_file_names[i], scratch));
    GKV_TRY_GOTO(gki_strdup(scratch, delivered));
done:
    free(folder);
    return status;
}
