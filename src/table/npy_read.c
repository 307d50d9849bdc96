/* Reads tables from .npy files; npy_header.h describes the format. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "table/npy_header.h"
#include "table/number_table.h"

enum {
    PREFIX = 8,            /* the bytes of the magic number and the version */
    HEADER_MOST = 1 << 16, /* the greatest length of a header; usual ones have 128 bytes */
    PART = 1 << 16         /* the number of bytes that are converted at a time */
};

/* --- Elements ------------------------------------------------------------- */

static uint64_t bits_of(const unsigned char *bytes, size_t size, bool big_endian)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits = bits << 8 | bytes[big_endian ? i : size - 1 - i];
    return bits;
}

/* A number of IEEE 754's binary16: a sign, 5 bits of exponent and 10 of fraction. */
static double half_precision(uint64_t bits)
{
    enum { FRACTION_BITS = 10, EXPONENT_MASK = 31, BIAS = 15 };
    const double fraction = (double)(bits & ((1u << FRACTION_BITS) - 1));
    const int exponent = (int)(bits >> FRACTION_BITS & EXPONENT_MASK);
    const double one = 1u << FRACTION_BITS;
    const double size = exponent == EXPONENT_MASK ? (fraction > 0 ? NAN : INFINITY)
                        : exponent == 0           ? ldexp(fraction, 1 - BIAS - FRACTION_BITS)
                                        : ldexp(one + fraction, exponent - BIAS - FRACTION_BITS);
    return bits >> 15 & 1 ? -size : size;
}

static double element(const gki_npy_header *header, const unsigned char *bytes)
{
    const uint64_t bits = bits_of(bytes, header->size, header->big_endian);
    if (header->type == 'u')
        return (double)bits;
    if (header->type == 'i') { /* two's complement */
        const uint64_t top = (uint64_t)1 << (8 * header->size - 1);
        return bits & top ? -(double)((~bits & (top - 1)) + 1) : (double)bits;
    }
    if (header->size == 2)
        return half_precision(bits);
    if (header->size == 4) {
        const uint32_t half = (uint32_t)bits;
        float value;
        memcpy(&value, &half, sizeof value);
        return value;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* --- Header --------------------------------------------------------------- */

static gkv_status cut_short(const gki_source *source, const char *where)
{
    return gki_fail(GKV_ERR_DATA, "%s: the .npy file ends in %s", source->name, where);
}

static gkv_status read_header(gki_source *source, gki_npy_header *header)
{
    GKV_TRY(gki_source_need(source, PREFIX));
    if (gki_source_there(source) < PREFIX)
        return cut_short(source, "its version");
    const unsigned major = gki_source_at(source)[6], minor = gki_source_at(source)[7];
    if (major < 1 || major > 3 || minor != 0)
        return gki_fail(GKV_ERR_DATA, "%s: version %u.%u of .npy; expected 1.0, 2.0 or 3.0",
                        source->name, major, minor);
    gki_source_use(source, PREFIX);
    const size_t width = major == 1 ? 2 : 4; /* the bytes of the length that follows */
    GKV_TRY(gki_source_need(source, width));
    if (gki_source_there(source) < width)
        return cut_short(source, "the length of its header");
    const uint64_t length = bits_of(gki_source_at(source), width, false);
    gki_source_use(source, width);
    if (length > HEADER_MOST)
        return gki_fail(GKV_ERR_DATA,
                        "%s: the .npy header has %" PRIu64 " bytes; expected at most %d",
                        source->name, length, HEADER_MOST);
    GKV_TRY(gki_source_need(source, (size_t)length));
    if (gki_source_there(source) < length)
        return cut_short(source, "its header");
    GKV_TRY(gki_npy_header_parse(source->name, (const char *)gki_source_at(source), (size_t)length,
                                 header));
    gki_source_use(source, (size_t)length);
    return GKV_OK;
}

/* Computes the number of bytes of the array, and checks that the source has as many. If its size is
 * unknown, all of them are read first, so that the memory for the table is never greater than the
 * data justify. */
static gkv_status check_size(gki_source *source, const gki_npy_header *header, size_t *size)
{
    size_t count;
    if (header->rows == 0 || header->columns == 0)
        return gki_fail(GKV_ERR_DATA,
                        "%s: there are no numbers in it: its shape is %" PRIu64 " × %" PRIu64,
                        source->name, header->rows, header->columns);
    if (header->columns > GKV_TABLE_COLUMNS_MAX)
        return gki_fail(GKV_ERR_DATA,
                        "%s: the array has %" PRIu64 " columns; a table has at most %d",
                        source->name, header->columns, GKV_TABLE_COLUMNS_MAX);
    if (__builtin_mul_overflow(header->rows, header->columns, &count) ||
        __builtin_mul_overflow(count, header->size, size) || *size > SIZE_MAX / 4)
        return gki_fail(GKV_ERR_DATA,
                        "%s: the .npy header promises more than memory can hold: %" PRIu64
                        " × %" PRIu64,
                        source->name, header->rows, header->columns);
    if (!source->size_known)
        GKV_TRY(gki_source_need(source, *size));
    const uint64_t left =
        source->size_known ? source->size - source->used : gki_source_there(source);
    return left >= *size
               ? GKV_OK
               : gki_fail(GKV_ERR_DATA,
                          "%s: the .npy file is cut short: its header promises %zu bytes of "
                          "numbers, and %" PRIu64 " follow",
                          source->name, *size, left);
}

/* --- Numbers -------------------------------------------------------------- */

static gkv_status create(const gki_source *source, const gki_npy_header *header, gkv_table **out)
{
    GKV_TRY(gki_table_create(source->name, (size_t)header->columns, out));
    (*out)->n_rows = (size_t)header->rows;
    for (size_t c = 0; c < header->columns; c++) {
        GKV_TRY(gki_table_set_name(*out, c, NULL));
        GKV_TRY(gki_alloc((size_t)header->rows, sizeof(double), &(*out)->columns[c].values));
    }
    return GKV_OK;
}

static gkv_status read_numbers(gki_source *source, const gki_npy_header *header, gkv_table *table)
{
    size_t row = 0, column = 0;
    while (row < table->n_rows && column < table->n_columns) {
        GKV_TRY(gki_source_need(source, PART));
        size_t count = gki_source_there(source) / header->size;
        if (count == 0)
            return cut_short(source, "its numbers");
        size_t used = 0;
        for (; used < count && row < table->n_rows && column < table->n_columns; used++) {
            table->columns[column].values[row] =
                element(header, gki_source_at(source) + used * header->size);
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
        gki_column *column = &table->columns[c];
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
    gkv_table *table = NULL;
    gkv_status status;
    size_t size;
    GKV_TRY_GOTO(check_settings(source, settings));
    GKV_TRY_GOTO(read_header(source, &header));
    GKV_TRY_GOTO(check_size(source, &header, &size));
    GKV_TRY_GOTO(create(source, &header, &table));
    GKV_TRY_GOTO(read_numbers(source, &header, table));
    GKV_TRY_GOTO(mark_faults(table, settings->usual_missing || settings->n_missing > 0));
    *out = table;
    return GKV_OK;
done:
    gkv_table_free(table);
    return status;
}
