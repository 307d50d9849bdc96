/* Tables of numbers: read from text (CSV and its relatives) and from NumPy's .npy files, and
 * written as .npy.
 *
 * Which of the two a file is, its first bytes say, not its name. Both arrive as columns of
 * double, with names:
 *
 *   Text. Fields are separated by what the first line has of ; , and tab, looked for in this
 *   order, or else by blanks; they may be quoted, "" within quotes being one quote, but do
 *   not hold line ends, quoted or not. Lines end with LF or CR LF; CR alone is refused. A first
 *   line without any number is a header. Empty lines and lines that begin with # are passed
 *   over. Every line has as many fields as the first. Numbers are decimal, with a point,
 *   whatever the locale, and rounded correctly. A column that begins with a word,
 *   or with a date or time (2024-01-31, 31/1/2024, 31.1.2024, 12:30), is text; one that begins
 *   with a number, with what begins like one (0,5 or 5% or 1e999 or 0x10, inf, nan), or with a
 *   sign that one is missing (nothing, NA, N/A, NaN, null), but is not of finite numbers
 *   throughout, has a fault, which is reported when the column is asked for: a gap in one
 *   column is no concern of the others. gkv_table_kind() tells which columns are text.
 *
 *   .npy, versions 1.0, 2.0 and 3.0: one array of one dimension (a column) or two (rows and
 *   columns), little- or big-endian, in C or Fortran order, of float32, float64, or signed
 *   or unsigned integers of 8 to 64 bits; 64-bit integers beyond 2⁵³ are rounded to the
 *   nearest double. Columns are called "column 1", "column 2", …; one with a NaN or an
 *   infinity has a fault.
 *
 * Memory grows with what a file holds, never with what it only promises. */
#ifndef GKVAE_TABLE_H
#define GKVAE_TABLE_H

#include <stddef.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most columns of a table, and the longest line of a text in bytes. */
enum { GKV_TABLE_COLUMNS_MAX = 16384, GKV_TABLE_LINE_MAX = 1 << 24 };

/* A table in memory. Never changes once read, so any number of threads may use one. */
typedef struct gkv_table gkv_table;

typedef enum gkv_column_kind {
    GKV_COLUMN_NUMBERS, /* finite numbers throughout */
    GKV_COLUMN_TEXT,
    GKV_COLUMN_FAULTY   /* numbers, but for a gap, or something else that is no finite number */
} gkv_column_kind;

/* Reads the file, or standard input if path is "-"; pipes are fine. GKV_ERR_IO if it cannot
 * be read; GKV_ERR_DATA, with file and line or what of the header, for what is neither text
 * nor .npy, for lines of different lengths, arrays that are cut short or followed by
 * something else, other types and shapes, and tables without a row; GKV_ERR_MEMORY;
 * GKV_ERR_ARGUMENT for NULL. *out is then NULL. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_table_read(const char *path, gkv_table **out);

/* The same of `size` bytes in memory, which are only read during the call; `name` stands for
 * the file's in messages. */
GKV_API GKV_MUST_USE gkv_status gkv_table_read_memory(const void *bytes, size_t size, const char *name,
                                                      gkv_table **out);

GKV_API void gkv_table_free(gkv_table *table);

GKV_API size_t gkv_table_rows(const gkv_table *table);    /* ≥ 1 */
GKV_API size_t gkv_table_columns(const gkv_table *table); /* ≥ 1 */

/* For column < columns: its name, from the header or "column 3", control characters shown as
 * "?"; owned by the table. */
GKV_API const char *gkv_table_name(const gkv_table *table, size_t column);
GKV_API gkv_column_kind gkv_table_kind(const gkv_table *table, size_t column);

/* The place of the column of this name or, if there is none, of this number, from 1, in
 * *column. GKV_ERR_ARGUMENT, naming the nearest, if there is neither, and for a name that
 * several columns have. */
GKV_API GKV_MUST_USE gkv_status gkv_table_find(const gkv_table *table, const char *name_or_number, size_t *column);

/* The column's numbers, one a row, in *values; owned by the table. GKV_ERR_DATA for a column
 * of text, and for one with a fault, with the place of the first; GKV_ERR_ARGUMENT for
 * column ≥ columns. */
GKV_API GKV_MUST_USE gkv_status gkv_table_numbers(const gkv_table *table, size_t column, const double **values);

/* Writes rows × columns values, row by row, as .npy (version 1.0, C order, the machine's byte
 * order, which the file states): float64, or float32. The file appears whole or not at all.
 * 0 rows are fine. GKV_ERR_ARGUMENT for 0 columns, NULL, or sizes that overflow;
 * GKV_ERR_IO. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_npy_write(const char *path, const double *values, size_t rows, size_t columns);
GKV_API GKV_MUST_USE gkv_status gkv_npy_write_float(const char *path, const float *values, size_t rows,
                                                    size_t columns);

#ifdef __cplusplus
}
#endif
#endif
