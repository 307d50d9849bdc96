/* The meaning of a field of text: a number, a missing value, or neither. */
#ifndef GKV_TABLE_TEXT_CELL_H
#define GKV_TABLE_TEXT_CELL_H

#include <stdbool.h>
#include <stddef.h>

#include "gkvae/table.h"

typedef enum gki_cell {
    GKI_CELL_NUMBER,  /* a finite decimal number */
    GKI_CELL_MISSING, /* a spelling of missing values */
    GKI_CELL_ALMOST,  /* it seems to be a number, as 5% or $12 or 1,234.5 or 1e999 or 0x10 or inf */
    GKI_CELL_WORD     /* anything else, including dates and times */
} gki_cell;

/* The rules by which fields are understood. */
typedef struct gki_cell_rules {
    char decimal_mark;                  /* '.' or ',' */
    const gkv_table_settings *settings; /* the spellings of missing values; not owned */
    bool may_begin[256];                /* the first bytes of these spellings; [0]: "" */
    size_t longest;                     /* the length of the longest of them */
    bool missing_first;                 /* whether one of them is a number, as -999 */
} gki_cell_rules;

/* Sets the rules for these settings. A decimal mark of 0 becomes '.'. */
void gki_cell_rules_set(gki_cell_rules *rules, const gkv_table_settings *settings);

/* The kind of a field. *value is set for a number. The thread must be in the plain locale. */
gki_cell gki_cell_read(const gki_cell_rules *rules, const char *text, double *value);

/* Whether the text is a spelling of missing values. */
bool gki_cell_is_missing(const gki_cell_rules *rules, const char *text);

/* Whether the text is an error of spreadsheets, as #N/A, also if that is not a missing value. */
bool gki_cell_is_error(const char *text);

/* Whether a field is a number with a unit of letters, as "1st", which may be a name as well. */
bool gki_cell_has_unit(const char *text);

/* The form of a field with respect to the decimal mark. */
typedef enum gki_cell_mark {
    GKI_MARK_NONE,      /* no number, or one without a mark */
    GKI_MARK_POINT,     /* a number with a decimal point */
    GKI_MARK_COMMA,     /* a number with a decimal comma */
    GKI_MARK_AMBIGUOUS, /* a decimal comma or grouped thousands, as 1,234 */
} gki_cell_mark;
gki_cell_mark gki_cell_mark_of(const char *text);

/* What to do about a field that is neither a number nor missing: the end of a message, or "", and
 * its remedy. */
const char *gki_cell_advice(const gki_cell_rules *rules, const char *text, gkv_remedy *remedy);

#endif
