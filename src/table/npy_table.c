/* Tables from .npy files, and as .npy files; npy_header.h describes the format. */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "table/npy_header.h"
#include "table/number_table.h"

/* --- Reading -------------------------------------------------------------- */

enum { VALUES_PART = 1 << 16 }; /* the number of bytes that are converted at a time */

/* The shape of the table: an array of one dimension has one column. */
typedef struct table_shape {
    uint64_t rows, columns;
} table_shape;

static gkv_status cut_short(const gki_source *source, const char *where)
{
    return gki_fail(GKV_ERR_DATA, "%s: the .npy file ends in %s", source->name, where);
}

static gkv_status find_shape(const gki_source *source, const gki_npy_header *header,
                             table_shape *out)
{
    if (header->type == 'b')
        return gki_fail(GKV_ERR_DATA,
                        "%s: the array is of truth values; expected float16, float32, float64 or "
                        "integers of 8 to 64 bits: save array.astype(float)",
                        source->name);
    if (header->dimensions != 1 && header->dimensions != 2)
        return gki_fail(
            GKV_ERR_DATA,
            "%s: the array has %zu dimensions; expected one (a column) or two (rows and columns)",
            source->name, header->dimensions);
    *out = (table_shape){header->lengths[0], header->dimensions == 2 ? header->lengths[1] : 1};
    return GKV_OK;
}

/* Computes the number of bytes of the array, and checks that the source has as many. If its size is
 * unknown, all of them are read first, so that the memory for the table is never greater than the
 * data justify. */
static gkv_status check_size(gki_source *source, const gki_npy_header *header,
                             const table_shape *shape, size_t *size)
{
    size_t count;
    if (shape->rows == 0 || shape->columns == 0)
        return gki_fail(GKV_ERR_DATA,
                        "%s: there are no numbers in it: its shape is %" PRIu64 " × %" PRIu64,
                        source->name, shape->rows, shape->columns);
    if (shape->columns > GKV_TABLE_COLUMNS_MAX)
        return gki_fail(GKV_ERR_DATA,
                        "%s: the array has %" PRIu64 " columns; a table has at most %d",
                        source->name, shape->columns, GKV_TABLE_COLUMNS_MAX);
    if (__builtin_mul_overflow(shape->rows, shape->columns, &count) ||
        __builtin_mul_overflow(count, header->size, size) || *size > SIZE_MAX / 4)
        return gki_fail(GKV_ERR_DATA,
                        "%s: the .npy header promises more than memory can hold: %" PRIu64
                        " × %" PRIu64,
                        source->name, shape->rows, shape->columns);
    if (!source->size_known)
        GKV_TRY(gki_source_need(source, *size));
    const uint64_t left =
        source->size_known ? source->size - source->used : gki_source_there(source);
    return left >= *size ? GKV_OK
                         : gki_fail(GKV_ERR_DATA,
                                    "%s: the .npy file is cut short: its header promises %zu bytes "
                                    "of numbers, and %" PRIu64 " follow",
                                    source->name, *size, left);
}

/* --- Numbers -------------------------------------------------------------- */

static gkv_status create(const gki_source *source, const table_shape *shape, gkv_table **out)
{
    GKV_TRY(gki_table_create(source->name, (size_t)shape->columns, out));
    (*out)->n_rows = (size_t)shape->rows;
    for (size_t c = 0; c < shape->columns; c++) {
        GKV_TRY(gki_table_set_name(*out, c, NULL));
        GKV_TRY(gki_alloc((size_t)shape->rows, sizeof(double), &(*out)->columns[c].values));
    }
    return GKV_OK;
}

static gkv_status read_numbers(gki_source *source, const gki_npy_header *header, gkv_table *table)
{
    size_t row = 0, column = 0;
    while (row < table->n_rows && column < table->n_columns) {
        GKV_TRY(gki_source_need(source, VALUES_PART));
        size_t count = gki_source_there(source) / header->size;
        if (count == 0)
            return cut_short(source, "its numbers");
        size_t used = 0;
        for (; used < count && row < table->n_rows && column < table->n_columns; used++) {
            table->columns[column].values[row] =
                gki_npy_element(header, gki_source_at(source) + used * header->size);
            size_t *inner = header->fortran ? &row : &column,
                   *outer = header->fortran ? &column : &row;
            if (++*inner == (header->fortran ? table->n_rows : table->n_columns)) {
                *inner = 0;
                ++*outer;
            }
        }
        gki_source_use(source, used * header->size);
    }
    GKV_TRY(gki_source_need(source, 1));
    if (gki_source_there(source) > 0)
        return gki_fail(GKV_ERR_DATA,
                        "%s: the array is followed by something else; a file has one array",
                        source->name);
    return GKV_OK;
}

/* Marks columns with infinite values as faulty, and NaN as missing or as a fault. */
static gkv_status mark_faults(gkv_table *table, bool may_miss)
{
    for (size_t c = 0; c < table->n_columns; c++) {
        gki_table_column *column = &table->columns[c];
        size_t row = 0;
        for (; row < table->n_rows; row++) {
            if (isfinite(column->values[row]))
                continue;
            if (!may_miss || !isnan(column->values[row]))
                break;
            gki_table_set_missing(column, row, row + 1);
        }
        if (row == table->n_rows)
            continue;
        const char *what = isnan(column->values[row]) ? "NaN" : "infinite";
        column->kind = GKV_COLUMN_FAULTY;
        GKV_TRY(gki_strf(&column->fault, "%s: row %zu of %s is %s; leave such rows out of the file",
                         table->file, row + 1, column->name, what));
    }
    return gki_table_finish(table);
}

static gkv_status check_settings(const gki_source *source, const gkv_table_settings *settings)
{
    return settings->separator || settings->decimal_mark || settings->skip > 0 ||
                   settings->header != GKV_TABLE_HEADER_GUESS
               ? gki_fail(GKV_ERR_ARGUMENT,
                          "%s: it is a NumPy array, which has no separator, decimal mark, header "
                          "or lines to skip",
                          source->name)
               : GKV_OK;
}

gkv_status gki_table_read_npy(gki_source *source, const gkv_table_settings *settings,
                              gkv_table **out)
{
    gki_npy_header header;
    table_shape shape = {0, 0};
    gkv_table *table = NULL;
    gkv_status status;
    size_t size;
    GKV_TRY_GOTO(check_settings(source, settings));
    GKV_TRY_GOTO(gki_npy_header_read(source, &header));
    GKV_TRY_GOTO(find_shape(source, &header, &shape));
    GKV_TRY_GOTO(check_size(source, &header, &shape, &size));
    GKV_TRY_GOTO(create(source, &shape, &table));
    GKV_TRY_GOTO(read_numbers(source, &header, table));
    GKV_TRY_GOTO(mark_faults(table, settings->usual_missing || settings->n_missing > 0));
    *out = table;
    return GKV_OK;
done:
    gkv_table_free(table);
    return status;
}

/* --- Writing -------------------------------------------------------------- */

static gkv_status write_array(const char *path, const void *values, size_t rows, size_t columns,
                              size_t size)
{
    char header[GKV_NPY_HEADER_SIZE];
    size_t bytes = 0;
    if (columns == 0)
        return gki_fail(GKV_ERR_ARGUMENT, "writing %s: there are no columns", path);
    if (__builtin_mul_overflow(rows, columns, &bytes) ||
        __builtin_mul_overflow(bytes, size, &bytes))
        return gki_fail(GKV_ERR_ARGUMENT, "%s: %zu × %zu numbers are more than memory can hold",
                        path, rows, columns);
    gki_file_writer *writer = NULL;
    gki_npy_header_make('f', size, 2, (const size_t[]){rows, columns}, header);
    GKV_TRY(gki_file_begin(path, &writer));
    /* gki_file_commit returns the errors of these calls */
    gki_file_write(writer, header, sizeof header);
    gki_file_write(writer, values, bytes);
    return gki_file_commit(writer);
}

gkv_status gkv_npy_write(const char *path, size_t rows, size_t columns, const double *values)
{
    GKV_NEED(path);
    if (rows > 0)
        GKV_NEED(values);
    return write_array(path, values, rows, columns, sizeof *values);
}

gkv_status gkv_npy_write_float(const char *path, size_t rows, size_t columns, const float *values)
{
    GKV_NEED(path);
    if (rows > 0)
        GKV_NEED(values);
    return write_array(path, values, rows, columns, sizeof *values);
}
