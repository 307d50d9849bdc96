/* The structure of a table, for its readers. gkvae/table.h declares the public functions. */
#ifndef GKV_TABLE_NUMBER_TABLE_H
#define GKV_TABLE_NUMBER_TABLE_H

#include <stdint.h>

#include "core/error.h"
#include "gkvae/table.h"
#include "table/text_records.h"

typedef struct gki_table_column {
    char *name; /* the name of the column */
    gkv_column_kind kind;
    double *values;       /* [n_rows], NaN if missing; NULL for a column of text or a faulty one */
    char *fault;          /* the message for a column that is not of numbers, else NULL */
    gkv_remedy remedy;    /* and its remedy */
    bool is_index;        /* whether the column holds row names */
    size_t missing;       /* the number of missing values */
    size_t first_missing; /* the line or row of the first of them */
} gki_table_column;

struct gkv_table {
    char *file;                /* the name of the file, for messages */
    gki_table_column *columns; /* [n_columns] */
    size_t n_columns, n_rows;  /* the numbers of columns and rows */
    gkv_table_form form;
};

/* Creates a table of n_columns columns without rows and names. Returns GKV_ERR_MEMORY. */
gkv_status gki_table_create(const char *file, size_t n_columns, gkv_table **out);

/* Sets the name of a column to the text, made valid UTF-8 without control characters. If the text
 * is NULL or "", the name is "column" and its number. Returns GKV_ERR_MEMORY. */
gkv_status gki_table_set_name(gkv_table *table, size_t column, const char *text);

/* Counts a missing value of a column, whose value becomes NaN. */
void gki_table_set_missing(gki_table_column *column, size_t row, size_t line);

/* Determines the kinds of the columns: `fault` and `missing` must be set, and `kind` is
 * GKV_COLUMN_TEXT, GKV_COLUMN_FAULTY or anything else. Returns GKV_ERR_MEMORY. */
gkv_status gki_table_finish(gkv_table *table);

/* Reads a table from a .npy file. The source must be at its first byte. */
gkv_status gki_table_read_npy(gki_source *source, const gkv_table_settings *settings,
                              gkv_table **out);

#endif
