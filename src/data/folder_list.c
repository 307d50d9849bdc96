#include "data/folder_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/memory.h"
#include "core/text.h"

bool gki_is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static bool ends_in(const char *name, const char *ending)
{
    const size_t length = strlen(name), end = strlen(ending);
    return length > end && strcasecmp(name + length - end, ending) == 0;
}

/* Files that may lie beside the images: labels and notes. */
static bool is_beside(const char *name)
{
    static const char *const endings[] = {".csv", ".tsv",  ".txt", ".npy", ".npz",
                                          ".md",  ".json", ".ini", ".db"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends_in(name, endings[i]))
            return true;
    return false;
}

/* The next name of a listing that does not begin with a point; NULL with errno 0 at its end, and
 * with another errno after a failure. */
static const char *next_name(DIR *listing)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(listing);
        if (!entry || entry->d_name[0] != '.')
            return entry ? entry->d_name : NULL;
    }
}

/* Whether an entry of a folder is a folder. What a link without a target would be is not a
 * folder. */
static gkv_status examine(const char *path, bool *is_folder)
{
    struct stat about;
    const bool known = stat(path, &about) == 0;
    *is_folder = known && S_ISDIR(about.st_mode);
    return known || errno == ENOENT || errno == ELOOP
               ? GKV_OK
               : gki_fail_errno(errno, "%s: cannot be examined", path);
}

/* Lists one folder: `within` is its path within `folder`, with "/" at its end, or "". Names of
 * sub-folders go to `folders` unless that is NULL. */
static gkv_status list_one(const char *folder, const char *within, gki_words *folders,
                           gki_folder_list *out)
{
    char *path = NULL, *entry_path = NULL, *name = NULL;
    gkv_status status;
    GKV_TRY(gki_strf(&path, "%s/%s", folder, within));
    DIR *listing = opendir(path);
    if (!listing) {
        status = gki_fail(GKV_ERR_IO, "%s: the folder cannot be read: %s", path, strerror(errno));
        free(path);
        return status;
    }
    status = GKV_OK;
    for (const char *entry; (entry = next_name(listing));) {
        bool is_folder;
        GKV_TRY_GOTO(gki_strf(&name, "%s%s", within, entry));
        GKV_TRY_GOTO(gki_strf(&entry_path, "%s/%s", folder, name));
        GKV_TRY_GOTO(examine(entry_path, &is_folder));
        gki_words *list = is_folder ? folders : ends_in(entry, ".png") ? &out->names : NULL;
        if (list) {
            char *taken = name;
            name = NULL;
            GKV_TRY_GOTO(gki_words_add(list, taken));
        } else if (!is_beside(entry)) {
            out->others++;
            if (!out->first_other) {
                out->first_other = name;
                name = NULL;
            }
        }
        free(name);
        free(entry_path);
        name = entry_path = NULL;
    }
    if (errno != 0)
        status = gki_fail_errno(errno, "%s: the folder cannot be read", path);
done:
    closedir(listing);
    free(name);
    free(entry_path);
    free(path);
    return status;
}

/* Lists the sub-folders; those with PNG files are the classes. */
static gkv_status list_classes(const char *folder, gki_words *folders, gki_folder_list *out)
{
    char *within = NULL;
    gkv_status status = GKV_OK;
    gki_words_sort(folders);
    for (size_t i = 0; i < folders->count; i++) {
        const size_t before = out->names.count;
        GKV_TRY_GOTO(gki_strf(&within, "%s/", folders->list[i]));
        GKV_TRY_GOTO(list_one(folder, within, NULL, out));
        if (out->names.count > before)
            GKV_TRY_GOTO(gki_words_copy(&out->classes, folders->list[i]));
        free(within);
        within = NULL;
    }
done:
    free(within);
    return status;
}

static gkv_status list_all(const char *folder, gki_words *folders, gki_folder_list *out)
{
    char shown[GKV_PRINTABLE_SIZE];
    GKV_TRY(list_one(folder, "", folders, out));
    const size_t own = out->names.count;
    GKV_TRY(list_classes(folder, folders, out));
    if (out->names.count == 0)
        return gki_fail(GKV_ERR_DATA,
                        "%s: there is no PNG file in the folder%s%s: name a folder of PNG files, "
                        "or a folder whose sub-folders have them",
                        folder, out->first_other ? ", but there is " : "",
                        out->first_other ? gki_text_printable(out->first_other, shown) : "");
    if (own > 0 && out->classes.count > 0)
        return gki_fail(
            GKV_ERR_DATA,
            "%s: there are PNG files in the folder and in its sub-folder %s: move them, so that "
            "either the folder has all, or each sub-folder those of a label",
            folder, gki_text_printable(out->classes.list[0], shown));
    gki_words_sort(&out->names);
    return GKV_OK;
}

gkv_status gki_folder_list_read(const char *folder, gki_folder_list *out)
{
    gki_words folders = {0};
    *out = (gki_folder_list){0};
    const gkv_status status = list_all(folder, &folders, out);
    gki_words_free(&folders);
    if (status != GKV_OK)
        gki_folder_list_free(out);
    return status;
}

gkv_status gki_folder_classes(const char *folder, gki_words *out)
{
    gki_folder_list list;
    *out = (gki_words){0};
    if (!gki_is_folder(folder))
        return GKV_OK;
    const gkv_status status = gki_folder_list_read(folder, &list);
    if (status != GKV_OK)
        return status == GKV_ERR_MEMORY ? status : GKV_OK;
    *out = list.classes;
    list.classes = (gki_words){0};
    gki_folder_list_free(&list);
    return GKV_OK;
}

void gki_folder_list_free(gki_folder_list *list)
{
    gki_words_free(&list->names);
    gki_words_free(&list->classes);
    free(list->first_other);
    *list = (gki_folder_list){0};
}
