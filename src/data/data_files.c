#define _XOPEN_SOURCE 700
#include "data/data_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"

static const char scratch_name[] = ".get-";

gkv_status gki_file_locate(const char *folder, const char *name, char **path)
{
    static const char *const endings[] = {"", ".gz"};
    for (unsigned i = 0; i < 2; i++) {
        GKV_TRY(gki_strf(path, "%s/%s%s", folder, name, endings[i]));
        if (gki_file_exists(*path))
            return GKV_OK;
        free(*path);
        *path = NULL;
    }
    return GKV_OK;
}

/* Whether both names have the same letters and digits, in any case. `end` may follow in the first
 * one. */
static bool is_near(const char *found, const char *wanted, const char *end)
{
    for (;; found++, wanted++) {
        while (*found && !isalnum((unsigned char)*found))
            found++;
        while (*wanted && !isalnum((unsigned char)*wanted))
            wanted++;
        if (!*wanted)
            return !*found || strcmp(found, end) == 0;
        if (tolower((unsigned char)*found) != tolower((unsigned char)*wanted))
            return false;
    }
}

gkv_status gki_file_near(const char *folder, const char *parent, const char *name, char **path)
{
    const char *const folders[] = {folder, parent};
    gkv_status status = GKV_OK;
    *path = NULL;
    for (size_t i = 0; i < 2 && !*path && status == GKV_OK; i++) {
        DIR *listing = opendir(folders[i]);
        if (!listing)
            continue;
        for (struct dirent *entry = readdir(listing); entry && !*path && status == GKV_OK;
             entry = readdir(listing))
            if (is_near(entry->d_name, name, "gz"))
                status = gki_strf(path, "%s/%s", folders[i], entry->d_name);
        closedir(listing);
    }
    return status;
}

gkv_status gki_file_relative(const char *path, char **text)
{
    char *here = NULL;
    *text = NULL;
    if (*path == '~')
        return gki_strf(text, " (the shell expands ~ only at the start of a word without quotes: "
                              "write the path in full, as in $HOME/data)");
    if (*path != '/')
        here = realpath(".", NULL);
    const gkv_status status =
        here ? gki_strf(text, " (relative to the current folder, %s)", here) : gki_strdup("", text);
    free(here);
    return status;
}

gkv_status gki_folder_scratch(const char *parent, char **path)
{
    *path = NULL;
    char *pattern = NULL;
    char *absolute = realpath(parent, NULL);
    if (!absolute)
        return gki_fail_errno(errno, "%s: the folder cannot be found", parent);
    const gkv_status status = gki_strf(&pattern, "%s/%sXXXXXX", absolute, scratch_name);
    free(absolute);
    if (status != GKV_OK)
        return status;
    if (!mkdtemp(pattern)) {
        const int reason = errno;
        free(pattern);
        return gki_fail_errno(reason, "%s: the folder cannot be written", parent);
    }
    *path = pattern;
    return GKV_OK;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    remove(path);
    return 0; /* go on: the other entries can still be removed */
}

void gki_folder_remove(const char *path)
{
    if (path)
        nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* True for a folder, not a link, with a name as gki_folder_scratch() makes them. */
static bool is_scratch(const char *parent, const char *name)
{
    struct stat about;
    char *path = NULL;
    const size_t length = strlen(scratch_name);
    const bool named = strncmp(name, scratch_name, length) == 0 && strlen(name) == length + 6;
    const bool found = named && gki_strf(&path, "%s/%s", parent, name) == GKV_OK &&
                       lstat(path, &about) == 0 && S_ISDIR(about.st_mode);
    free(path);
    return found;
}

/* Removes the folder unless somebody has locked it. */
static void sweep_one(const char *parent, const char *name)
{
    gki_lock *lock = NULL;
    char *path = NULL;
    if (gki_strf(&path, "%s/%s", parent, name) == GKV_OK && gki_lock_acquire(path, &lock) == GKV_OK)
        gki_folder_remove(path);
    gki_lock_free(lock);
    free(path);
}

void gki_folder_sweep(const char *parent)
{
    DIR *listing = opendir(parent);
    if (!listing)
        return;
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing))
        if (is_scratch(parent, entry->d_name))
            sweep_one(parent, entry->d_name);
    closedir(listing);
}

gkv_status gki_file_copy(const char *from, const char *to)
{
    char buffer[1 << 14];
    size_t got;
    gkv_status status = GKV_OK;
    FILE *in = fopen(from, "rb");
    if (!in)
        return gki_fail_errno(errno, "%s: cannot be opened", from);
    FILE *out = fopen(to, "wbx");
    if (!out) {
        status = gki_fail_errno(errno, "%s: cannot be made", to);
        goto done;
    }
    while (status == GKV_OK && (got = fread(buffer, 1, sizeof buffer, in)) > 0)
        if (fwrite(buffer, 1, got, out) < got)
            status = gki_fail_errno(errno, "%s: cannot be written", to);
    if (status == GKV_OK && ferror(in))
        status = gki_fail_errno(errno, "%s: cannot be read", from);
    if (fclose(out) != 0 && status == GKV_OK)
        status = gki_fail_errno(errno, "%s: cannot be written", to);
done:
    fclose(in);
    return status;
}
