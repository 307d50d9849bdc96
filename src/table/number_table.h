/* A table while it is being read; the public half is gkvae/table.h. */
#ifndef GKV_TABLE_TABLE_H
#define GKV_TABLE_TABLE_H

#include "core/error.h"
#include "gkvae/table.h"
#include "table/text_source.h"

typedef struct gkv_column {
    char *name;
    gkv_column_kind kind;
    double *values; /* NULL unless the column is of numbers */
    char *fault;    /* of a faulty one: where and what */
} gkv_column;

struct gkv_table {
    char *file;     /* the file's name, for messages */
    gkv_column *columns;
    size_t n_columns, n_rows;
};

/* A table of that many columns, without rows and names. */
gkv_status gkv_table_create(const char *file, size_t n_columns, gkv_table **out);

/* Names a column: by the text, control characters taken out of it, or by its number if the
 * text is NULL or "". */
gkv_status gkv_table_set_name(gkv_table *table, size_t column, const char *text);

/* From here on the column is not one of numbers. The fault becomes the table's. */
void gkv_table_give_up(gkv_table *table, size_t column, gkv_column_kind kind, char *fault);

/* The two formats; the source stands at the first byte. */
gkv_status gkv_table_read_text(gkv_source *source, gkv_table **out);
gkv_status gkv_table_read_npy(gkv_source *source, gkv_table **out);

#endif
