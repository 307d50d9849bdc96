/* The form of a text, from its first records. */
#ifndef GKV_TABLE_TEXT_FORM_H
#define GKV_TABLE_TEXT_FORM_H

#include "table/text_records.h"

typedef struct gki_text_form {
    gkv_table_form form; /* all but the comments and the first line */
    bool trailing;       /* whether all rows, but not the header, end with a separator */
    char separators[4];  /* the characters behind which a quote opens a field */
} gki_text_form;

/* Determines the form of the text that begins at the source's first byte, of which it uses nothing.
 * What the settings leave open is guessed by the rules of docs/files.md. Returns GKV_ERR_DATA for a
 * text that has several meanings. The thread must be in the plain locale. */
gkv_status gki_text_form_guess(gki_source *source, const gkv_table_settings *settings,
                               gki_text_form *out);

#endif
