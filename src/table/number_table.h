/* The structure of a table, for its readers. gkvae/table.h declares the public functions. */
#ifndef GKV_TABLE_NUMBER_TABLE_H
#define GKV_TABLE_NUMBER_TABLE_H

#include "core/error.h"
#include "gkvae/table.h"
#include "table/text_source.h"

typedef struct gki_column {
    char *name; /* the name of the column */
    gkv_column_kind kind;
    double *values; /* [n_rows], or NULL if the column is not of numbers */
    char *fault;    /* the message of the first fault of a faulty column, else NULL */
} gki_column;

struct gkv_table {
    char *file;               /* the name of the file, for messages */
    gki_column *columns;      /* [n_columns] */
    size_t n_columns, n_rows; /* the numbers of columns and rows */
};

/* Creates a table of n_columns columns without rows and names. Returns GKV_ERR_MEMORY. */
gkv_status gki_table_create(const char *file, size_t n_columns, gkv_table **out);

/* Sets the name of a column to the text, with control characters replaced by "?". If the text is
 * NULL or "", the name is "column" and its number. Returns GKV_ERR_MEMORY. */
gkv_status gki_table_set_name(gkv_table *table, size_t column, const char *text);

/* Changes a column of numbers to another kind, and frees its values. The table owns `fault`, which
 * may be NULL. */
void gki_table_give_up(gkv_table *table, size_t column, gkv_column_kind kind, char *fault);

/* Read a table in one of the two formats. The source must be at its first byte. */
gkv_status gki_table_read_text(gki_source *source, gkv_table **out);
gkv_status gki_table_read_npy(gki_source *source, gkv_table **out);

#endif
