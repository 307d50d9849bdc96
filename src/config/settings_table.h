/* The table of settings: one row per key, and what can be done with a row. */
#ifndef GKV_CORE_SETTINGS_TABLE_H
#define GKV_CORE_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "gkvae/settings.h"

typedef enum gkv_settings_kind {
    GKV_KIND_INTEGER, /* int64_t */
    GKV_KIND_SEED,    /* uint64_t */
    GKV_KIND_NUMBER,  /* double */
    GKV_KIND_CHOICE,  /* an enum: the index of one of the names listed in key.range */
    GKV_KIND_SWITCH,  /* bool: likewise, of "no, yes" */
    GKV_KIND_LABEL,   /* any name that can be part of a path */
    GKV_KIND_PATH,    /* a path that may be empty */
    GKV_KIND_FOLDER   /* a path that may not */
} gkv_settings_kind;

typedef struct gkv_settings_row {
    gkv_settings_key key;
    gkv_settings_kind kind;
    size_t offset, size;      /* of the field in gkv_settings */
    const char *initial;      /* the default, as it would stand in a file */
    double low, high;         /* of integers and numbers */
    bool above_low, below_high; /* the bound itself is outside */
    const char *zero;         /* the word for 0, or NULL: 0 is then like any number */
    const char *why;          /* why the range ends where it does, if one may wonder; or NULL */
} gkv_settings_row;

extern const gkv_settings_row gkv_settings_rows[];
extern const size_t gkv_settings_row_count;

enum { GKV_VALUE_SIZE = GKV_PATH_SIZE };

/* Sets the row's field from text. GKV_ERR_CONFIG says "WHERE: section.name = text:"
 * and what the value must be; the field is then unchanged. */
gkv_status gkv_settings_row_parse(const gkv_settings_row *row, const char *text, gkv_settings *settings,
                                  const char *where);

/* The field as text that gkv_settings_row_parse() reads back exactly: of a number,
 * the fewest digits that do. Never longer than GKV_VALUE_SIZE with its NUL. */
void gkv_settings_row_format(const gkv_settings_row *row, const gkv_settings *settings,
                             char text[GKV_VALUE_SIZE]);

/* The name of a choice's value; "" for a value out of range. Returns name. */
const char *gkv_settings_row_choice(const gkv_settings_row *row, int value, char name[GKV_NAME_SIZE]);

/* The row of a key. Unknown: GKV_ERR_CONFIG with the nearest valid name. */
gkv_status gkv_settings_row_find(const char *section, const char *name, const char *where,
                                 const gkv_settings_row **out);

/* GKV_OK if there is a section of that name. Unknown: as above. */
gkv_status gkv_settings_section_check(const char *section, const char *where);

#endif
