/* Settings from an INI file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "config/settings_table.h"
#include "config/ini.h"

enum { WHERE_SIZE = GKV_PATH_SIZE + 16 };

static gkv_status take(const gki_ini_entry *entry, const char *path, gkv_settings *settings)
{
    char where[WHERE_SIZE]; /* for messages */
    const gki_settings_row *row = NULL;
    snprintf(where, sizeof where, "%s:%d", path, entry->line);
    if (!entry->key)
        return gki_settings_section_check(entry->section, where);
    GKV_TRY(gki_settings_row_find(entry->section, entry->key, where, &row));
    return gki_settings_row_parse(row, entry->value, settings, where);
}

gkv_status gkv_settings_read(gkv_settings *settings, const char *path)
{
    gkv_settings fresh = *settings;
    gki_ini *ini = NULL;
    GKV_TRY(gki_ini_read(path, &ini));
    gkv_status status = GKV_OK;
    for (size_t i = 0; i < gki_ini_count(ini) && status == GKV_OK; i++)
        status = take(gki_ini_at(ini, i), path, &fresh);
    if (status == GKV_OK)
        *settings = fresh;
    gki_ini_free(ini);
    return status;
}
