/* The table of settings, with one row per key, and the functions on rows. */
#ifndef GKV_CONFIG_SETTINGS_TABLE_H
#define GKV_CONFIG_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "gkvae/settings.h"

typedef struct gki_settings_row {
    gkv_settings_key key;
    size_t offset, size;        /* of the field in gkv_settings */
    const char *initial;        /* the default, as text in a file */
    double low, high;           /* the range of integers and numbers */
    bool above_low, below_high; /* whether the bound itself is outside the range */
    const char *zero;           /* the word for 0; NULL if 0 has no word */
    const char *why;            /* the reason for the range, or NULL */
} gki_settings_row;

extern const gki_settings_row gki_settings_rows[];
extern const size_t gki_settings_row_count;

enum { GKV_VALUE_SIZE = GKV_PATH_SIZE };

/* Sets the row's field from text. The message of GKV_ERR_CONFIG is "WHERE: section.name = text:"
 * and the requirement; the field is then unchanged. */
gkv_status gki_settings_row_parse(const gki_settings_row *row, const char *text,
                                  gkv_settings *settings, const char *where);

/* The field as text that gki_settings_row_parse() reads back exactly. A number has the fewest
 * digits for this. The text with its NUL has at most GKV_VALUE_SIZE bytes. */
void gki_settings_row_format(const gki_settings_row *row, const gkv_settings *settings,
                             char text[GKV_VALUE_SIZE]);

/* Writes data.range so that gkv_settings_range() reads the same numbers. */
void gki_settings_put_range(const double range[2], char text[GKV_RANGE_SIZE]);

/* The name of a choice's value; "" for a value out of range. Returns name. */
const char *gki_settings_row_choice(const gki_settings_row *row, int value,
                                    char name[GKV_NAME_SIZE]);

/* Whether the setting is one of several names, CHOICE or SWITCH; and the index of that name. */
bool gki_settings_row_is_choice(const gki_settings_row *row);
int gki_settings_row_index(const gki_settings_row *row, const gkv_settings *settings);

/* Finds the row of a key. GKV_ERR_CONFIG, with the nearest valid name, for an unknown key. */
gkv_status gki_settings_row_find(const char *section, const char *name, const char *where,
                                 const gki_settings_row **out);

/* Checks that a section exists. GKV_ERR_CONFIG, with the nearest valid name, for an unknown
 * section. */
gkv_status gki_settings_section_check(const char *section, const char *where);

#endif
