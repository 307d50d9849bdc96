/* A source of bytes, which is a file, standard input, a function or memory; and the records of a
 * text from it: lines, which are joined while a quoted field is open, and their fields. */
#ifndef GKV_TABLE_TEXT_RECORDS_H
#define GKV_TABLE_TEXT_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/error.h"
#include "gkvae/table.h"
#include "table/text_cell.h"

/* --- A source ------------------------------------------------------------- */

typedef struct gki_source {
    const char *name;           /* the name for messages; not owned */
    FILE *file;                 /* NULL if there is no file */
    gkv_table_source *read;     /* NULL if there is no function */
    void *user;                 /* the argument of `read` */
    const unsigned char *bytes; /* the bytes read so far that are in memory */
    size_t start, end;          /* bytes[start … end − 1] have not been used yet */
    unsigned char *buffer;      /* the memory of `bytes`, or NULL if it belongs to the caller */
    size_t capacity;            /* the size of `buffer` */
    bool ended;                 /* whether there are no bytes after `end` */
    bool size_known;            /* whether `size` is valid */
    uint64_t size;              /* the number of bytes of the whole source */
    uint64_t used;              /* the number of bytes before `start` */
    bool cr_lines;              /* whether lines end with CR alone */
} gki_source;

/* Opens a file; "-" means standard input. The path is not copied. Returns GKV_ERR_IO. */
gkv_status gki_source_open(gki_source *source, const char *path);

/* Makes a source of the bytes that a function returns. */
void gki_source_function(gki_source *source, gkv_table_source *read, void *user, const char *name);

/* Makes a source of `size` bytes in memory, which are not copied. */
void gki_source_memory(gki_source *source, const void *bytes, size_t size, const char *name);

/* Closes the file and frees the buffer. */
void gki_source_close(gki_source *source);

/* Reads until at least n bytes are available, or all. Returns GKV_ERR_IO and GKV_ERR_MEMORY. */
gkv_status gki_source_need(gki_source *source, size_t n);

/* The number of available bytes. */
size_t gki_source_there(const gki_source *source);

/* The first available byte. */
const unsigned char *gki_source_at(const gki_source *source);

/* Marks n available bytes as used. */
void gki_source_use(gki_source *source, size_t n);

/* --- Records -------------------------------------------------------------- */

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
 * end. The caller frees records->text. Returns GKV_ERR_DATA for a zero byte, for CR within a
 * line, and for a quoted field without an end. */
gkv_status gki_records_next(gki_records *records, char **text);

typedef struct gki_field {
    char *text; /* without quotes, and without blanks around it */
    bool quoted;
} gki_field;

/* Splits a record, which it changes, into at most GKV_TABLE_COLUMNS_MAX fields. Returns their
 * number, or GKV_TABLE_COLUMNS_MAX + 1 if there are more. */
size_t gki_record_split(char *text, char separator, gki_field *fields);

#endif
