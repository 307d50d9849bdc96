/* Tables of numbers: reading from text (CSV and similar formats) and from NumPy's .npy files, and
 * writing as .npy.
 *
 * The first bytes of a file determine its format; its name does not matter. A table has named
 * columns of doubles. The rules for text and .npy files are in docs/files.md ("Tables"). The
 * settings of gkv_table_read replace what these rules guess, and gkv_table_get_form tells how a
 * table was read.
 *
 * The reader does not decompress. gkv_table_read_stream reads from any decompressor.
 *
 * Missing values are values whose field has a spelling of missing values, and NaN in .npy files.
 * gkv_table_complete drops the rows that contain them.
 *
 * A column with a value that is neither a finite number nor missing is faulty. The fault is
 * reported when the column is requested, so that it does not affect the other columns.
 * gkv_table_kind returns the kind of a column.
 *
 * The readers allocate memory according to the data that a file contains, not according to the
 * sizes in its header. */
#ifndef GKVAE_TABLE_H
#define GKVAE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The greatest number of columns of a table, and the greatest length of a line of text in bytes,
 * including the lines that a quoted field joins to it. */
enum { GKV_TABLE_COLUMNS_MAX = 16384, GKV_TABLE_LINE_MAX = 1 << 24 };

/* A table in memory. It is immutable, so that any number of threads may use it. */
typedef struct gkv_table gkv_table;

typedef enum gkv_column_kind {
    GKV_COLUMN_NUMBERS, /* all values are finite numbers */
    GKV_COLUMN_TEXT,    /* the column is text; its fields are not kept */
    /* a column of numbers with a value that is neither missing nor a finite number */
    GKV_COLUMN_FAULTY,
    GKV_COLUMN_GAPS, /* some values are finite numbers, and all others are missing */
    GKV_COLUMN_EMPTY /* all values are missing */
} gkv_column_kind;

typedef enum gkv_table_header {
    GKV_TABLE_HEADER_GUESS,   /* by the rules of docs/files.md */
    GKV_TABLE_HEADER_PRESENT, /* the first record has the names of the columns */
    GKV_TABLE_HEADER_ABSENT   /* the first record is the first row */
} gkv_table_header;

/* The settings of reading. Comments begin with the default. All but the spellings of missing values
 * are for text; .npy files are refused if one of them is not the default. */
typedef struct gkv_table_settings {
    /* 0, which means a guess; the separator of fields: an ASCII character that is not a letter, a
     * digit, a quote or a control character other than tab; ' ' means one or more blanks or tabs,
     * and '\n' one field in each record */
    char separator;
    char decimal_mark;       /* 0, which means a guess; '.' or ',', but not the separator */
    gkv_table_header header; /* GKV_TABLE_HEADER_GUESS */
    size_t skip;             /* 0; the number of lines to ignore at the beginning */
    bool usual_missing;      /* true; whether the spellings of gkv_table_missing_spelling count */
    /* NULL and 0; further spellings of missing values; upper and lower case are the same; without
     * any spelling, NaN in .npy files is a fault */
    const char *const *missing;
    size_t n_missing;
} gkv_table_settings;

/* Sets all settings to their defaults. Does nothing for NULL. */
GKV_API void gkv_table_defaults(gkv_table_settings *settings);

/* Returns the i-th usual spelling of a missing value, from 0, or NULL past the last. */
GKV_API const char *gkv_table_missing_spelling(size_t i);

/* Reads a file, or standard input if `path` is "-". Files may be pipes. NULL settings are the
 * defaults. The caller frees *out with gkv_table_free. After an error *out is NULL. Returns
 * GKV_ERR_IO if the file cannot be read; GKV_ERR_DATA for other formats, records with different
 * numbers of fields, arrays that are incomplete or followed by other data, other types and shapes,
 * and tables without rows; GKV_ERR_MEMORY; GKV_ERR_ARGUMENT for NULL and for settings out of range.
 * Messages name the file, and the line or the part of the header. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_table_read(const char *path, const gkv_table_settings *settings,
                                               gkv_table **out);

/* Reads a table from `size` bytes in memory, which are not needed after the call. `name` is the
 * name of the file in messages. Otherwise the same as gkv_table_read. */
GKV_API GKV_MUST_USE gkv_status gkv_table_read_memory(size_t size, const void *bytes,
                                                      const char *name,
                                                      const gkv_table_settings *settings,
                                                      gkv_table **out);

/* Writes the next bytes, at most `size`, to `buffer`. Returns their number, 0 at the end, or −1
 * after an error. */
typedef ptrdiff_t gkv_table_source(void *user, void *buffer, size_t size);

/* Reads a table from the bytes that `source` returns. It is called with `user`, until it returns 0
 * or −1, which gives GKV_ERR_IO. Otherwise the same as gkv_table_read_memory. */
GKV_API GKV_MUST_USE gkv_status gkv_table_read_stream(gkv_table_source *source, void *user,
                                                      const char *name,
                                                      const gkv_table_settings *settings,
                                                      gkv_table **out);

/* Frees a table. `table` may be NULL. */
GKV_API void gkv_table_free(gkv_table *table);

/* The numbers of rows and columns. Both are at least 1; they are 0 for NULL. */
GKV_API size_t gkv_table_rows(const gkv_table *table);
GKV_API size_t gkv_table_columns(const gkv_table *table);

/* How a table was read. For .npy files all members are 0. */
typedef struct gkv_table_form {
    bool is_text;
    char separator; /* as in the settings */
    /* whether the separator was guessed, and another one divides all lines as well or this one does
     * not divide all of them alike */
    bool separator_unclear;
    char decimal_mark; /* as in the settings */
    bool has_header;
    /* whether the header was guessed, and it has names that could be numbers, or the first row has
     * numbers that could be names, as years */
    bool header_unclear;
    size_t first_line; /* the number of the line of the first record, from 1 */
    bool has_row_names;
    size_t comments;     /* the number of comments after the first record */
    size_t comment_line; /* the line of the first of them */
} gkv_table_form;

/* Writes how the table was read to *form. Does nothing for NULL. */
GKV_API void gkv_table_get_form(const gkv_table *table, gkv_table_form *form);

/* Returns the name of a column, which is from the header or like "column 3". It is valid UTF-8:
 * control characters are replaced by "?", and other bytes by U+FFFD. The table owns the string.
 * Returns NULL for a column that does not exist. */
GKV_API const char *gkv_table_name(const gkv_table *table, size_t column);

/* Returns the kind of a column, GKV_COLUMN_FAULTY for one that does not exist. */
GKV_API gkv_column_kind gkv_table_kind(const gkv_table *table, size_t column);

/* Returns whether a column of numbers holds row names, which are numbers of the rows and no data.
 * False for a column that does not exist. */
GKV_API bool gkv_table_is_index(const gkv_table *table, size_t column);

/* Returns the number of missing values of a column, and writes the line of the first one (for .npy
 * files its row), from 1, to *first unless that is NULL. The number is 0 for a column of text and
 * for a faulty column. `column` must be below gkv_table_columns. */
GKV_API size_t gkv_table_missing(const gkv_table *table, size_t column, size_t *first);

/* Creates a table of the chosen columns, with the rows in which none of them is missing. The caller
 * frees *out with gkv_table_free. After an error *out is NULL. Returns GKV_ERR_DATA for a column of
 * text, a faulty column and an empty column, and if no row is left; GKV_ERR_MEMORY;
 * GKV_ERR_ARGUMENT for NULL, for 0 columns and for a column that does not exist. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_table_complete(const gkv_table *table, const size_t *columns,
                                                   size_t n_columns, gkv_table **out);

/* Writes the index, from 0, of the column with this name to *column. If no column has the name, the
 * text may be the number of a column, counted from 1. Returns GKV_ERR_ARGUMENT if there is no such
 * column, with the most similar name in the message, if several columns have the name, and for
 * NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_table_find(const gkv_table *table, const char *name_or_number,
                                               size_t *column);

/* Sets *values to the numbers of a column, one for each row. The table owns them. Returns
 * GKV_ERR_DATA for a column of any other kind than GKV_COLUMN_NUMBERS, with the line or row of its
 * first fault or missing value in the message; GKV_ERR_ARGUMENT for a column that does not exist
 * and for NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_table_numbers(const gkv_table *table, size_t column,
                                                  const double **values);

/* Sets *values to the numbers of a column as gkv_table_numbers does, but also of a column with
 * missing values, which are NaN. */
GKV_API GKV_MUST_USE gkv_status gkv_table_values(const gkv_table *table, size_t column,
                                                 const double **values);

/* Writes rows × columns values, which are row-major, as an .npy file of float64 or float32 (version
 * 1.0, C order, the byte order of the machine). The file appears completely or not at all. There
 * may be 0 rows. Returns GKV_ERR_ARGUMENT for 0 columns, NULL, and sizes that overflow; GKV_ERR_IO.
 * Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_npy_write(const char *path, size_t rows, size_t columns,
                                              const double *values);
GKV_API GKV_MUST_USE gkv_status gkv_npy_write_float(const char *path, size_t rows, size_t columns,
                                                    const float *values);

#ifdef __cplusplus
}
#endif
#endif
