/* Tables of numbers: reading from text (CSV and similar formats) and from NumPy's .npy files, and
 * writing as .npy.
 *
 * The first bytes of a file determine its format; its name does not matter. A table has named
 * columns of doubles.
 *
 * Text: the separator of fields is the first of ; , and tab that the first line contains, or else
 * blanks. Fields may be quoted, with "" for a quote within quotes, but cannot contain line ends.
 * Lines end with LF or CR LF; CR alone is refused. The first line is a header if it contains no
 * number. Empty lines and lines that begin with # are skipped. Every line must have as many fields
 * as the first. Numbers are decimal with a point in every locale, and are rounded correctly.
 *
 * A column is text if its first field is a word, a date or a time (2024-01-31, 31/1/2024,
 * 31.1.2024, 12:30). Otherwise its first field is a number, or seems to be one (0,5 or 5% or 1e999
 * or 0x10, inf, nan), or is a sign of a missing number (empty, NA, N/A, NaN, null). Such a column
 * is faulty if a field is not a finite number. The fault is reported when the column is requested,
 * so that it does not affect the other columns. gkv_table_kind returns the kind of a column.
 *
 * .npy: versions 1.0, 2.0 and 3.0 are supported. The file must contain one array of one dimension
 * (a column) or two (rows and columns), little- or big-endian, in C or Fortran order, of float32,
 * float64, or signed or unsigned integers of 8 to 64 bits. Integers beyond 2⁵³ are rounded to the
 * nearest double. Columns are named "column 1", "column 2" and so on. A column with a NaN or an
 * infinity is faulty.
 *
 * The readers allocate memory according to the data that a file contains, not according to the
 * sizes in its header. */
#ifndef GKVAE_TABLE_H
#define GKVAE_TABLE_H

#include <stddef.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The greatest number of columns of a table, and the greatest length of a line of text in bytes. */
enum { GKV_TABLE_COLUMNS_MAX = 16384, GKV_TABLE_LINE_MAX = 1 << 24 };

/* A table in memory. It is immutable, so that any number of threads may use it. */
typedef struct gkv_table gkv_table;

typedef enum gkv_column_kind {
    GKV_COLUMN_NUMBERS, /* all values are finite numbers */
    GKV_COLUMN_TEXT,    /* the column is text; its fields are not kept */
    /* a column of numbers with a value that is missing or not a finite number */
    GKV_COLUMN_FAULTY
} gkv_column_kind;

/* Reads a file, or standard input if `path` is "-". Files may be pipes. The caller frees *out with
 * gkv_table_free. After an error *out is NULL. Returns GKV_ERR_IO if the file cannot be read;
 * GKV_ERR_DATA for other formats, lines with different numbers of fields, arrays that are
 * incomplete or followed by other data, other types and shapes, and tables without rows;
 * GKV_ERR_MEMORY; GKV_ERR_ARGUMENT for NULL. Messages name the file, and the line or the part of
 * the header. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_table_read(const char *path, gkv_table **out);

/* Reads a table from `size` bytes in memory, which are not needed after the call. `name` is the
 * name of the file in messages. Otherwise the same as gkv_table_read. */
GKV_API GKV_MUST_USE gkv_status gkv_table_read_memory(size_t size, const void *bytes,
                                                      const char *name, gkv_table **out);

/* Frees a table. `table` may be NULL. */
GKV_API void gkv_table_free(gkv_table *table);

/* The numbers of rows and columns. Both are at least 1; they are 0 for NULL. */
GKV_API size_t gkv_table_rows(const gkv_table *table);
GKV_API size_t gkv_table_columns(const gkv_table *table);

/* Returns the name of a column, which is from the header or like "column 3". Control characters are
 * replaced by "?". The table owns the string. Returns NULL for a column that does not exist. */
GKV_API const char *gkv_table_name(const gkv_table *table, size_t column);

/* Returns the kind of a column, GKV_COLUMN_FAULTY for one that does not exist. */
GKV_API gkv_column_kind gkv_table_kind(const gkv_table *table, size_t column);

/* Writes the index, from 0, of the column with this name to *column. If no column has the name, the
 * text may be the number of a column, counted from 1. Returns GKV_ERR_ARGUMENT if there is no such
 * column, with the most similar name in the message, if several columns have the name, and for
 * NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_table_find(const gkv_table *table, const char *name_or_number,
                                               size_t *column);

/* Sets *values to the numbers of a column, one for each row. The table owns them. Returns
 * GKV_ERR_DATA for a column of text and for a faulty column, with the line or row of its first
 * fault in the message; GKV_ERR_ARGUMENT for a column that does not exist and for NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_table_numbers(const gkv_table *table, size_t column,
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
