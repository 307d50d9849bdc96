/* Records of a text: lines, which are joined while a quoted field is open, and their fields. */
#ifndef GKV_TABLE_TEXT_RECORDS_H
#define GKV_TABLE_TEXT_RECORDS_H

#include "table/text_cell.h"
#include "table/text_source.h"

/* Every character that may separate fields if the separator is not known, in order of preference:
 * the first of equally good ones is taken. */
#define GKI_SEPARATORS ";\t,| "

typedef struct gki_records {
    gki_source *source;
    const gki_cell_rules *rules;
    const char *separators;  /* a quote opens a field only behind one of them */
    size_t skip;             /* the number of lines that are still to be ignored */
    char *text;              /* the current record, ended by NUL */
    size_t length, capacity; /* of the record, and of its memory */
    bool open;               /* whether a quoted field is open */
    size_t line;             /* the number of the first line of the record, from 1 */
    size_t lines;            /* the number of lines that were read */
    bool began;              /* whether a record was returned */
    char directive;          /* the separator that the line "sep=;" names, or 0 */
    size_t comments;         /* the number of comments after the first record */
    size_t comment_line;     /* the line of the first of them */
} gki_records;

/* Reads the next record: neither empty nor a comment nor a directive. The line end is removed.
 * *text belongs to `records`, may be changed, and is valid until the next call. It is NULL at the
 * end. The caller frees records->text. Returns GKV_ERR_DATA for a zero byte, for CR alone, and for
 * a quoted field without an end. */
gkv_status gki_records_next(gki_records *records, char **text);

typedef struct gki_field {
    char *text; /* without quotes, and without blanks around it */
    bool quoted;
} gki_field;

/* Splits a record, which it changes, into at most GKV_TABLE_COLUMNS_MAX fields. Returns their
 * number, or GKV_TABLE_COLUMNS_MAX + 1 if there are more. */
size_t gki_record_split(char *text, char separator, gki_field *fields);

#endif
