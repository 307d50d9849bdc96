/* What the fuzzers call, and the mutations of tests/table/test_mutations.c: a file of any
 * bytes is read or refused with a message, and what is read keeps the promises of
 * gkvae/table.h. */
#ifndef GKV_TESTS_FUZZ_ENTRIES_H
#define GKV_TESTS_FUZZ_ENTRIES_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_check.h"
#include "gkvae/table.h"

static inline void fuzz_check_column(const gkv_table *table, size_t c)
{
    const double *values = NULL;
    const gkv_status status = gkv_table_numbers(table, c, &values);
    FUZZ_CHECK((status == GKV_OK) == (gkv_table_kind(table, c) == GKV_COLUMN_NUMBERS));
    FUZZ_CHECK((status == GKV_OK) == (values != NULL));
    FUZZ_CHECK(status == GKV_OK || (status == GKV_ERR_DATA && *gkv_error_message()));
    for (size_t i = 0; values && i < gkv_table_rows(table); i++)
        FUZZ_CHECK(isfinite(values[i]));
    size_t found = SIZE_MAX;
    const char *name = gkv_table_name(table, c);
    FUZZ_CHECK(*name && name[strcspn(name, "\n\r\t\x1b\x7f")] == '\0');
    if (gkv_table_find(table, name, &found) == GKV_OK)
        FUZZ_CHECK(found == c);
}

/* The rows of one column without its missing values: none is missing, and none is lost. */
static inline void fuzz_check_complete(const gkv_table *table, size_t c)
{
    const gkv_column_kind kind = gkv_table_kind(table, c);
    size_t first = 0;
    gkv_table *complete = NULL;
    const double *values = NULL;
    const size_t missing = gkv_table_missing(table, c, &first);
    const gkv_status status = gkv_table_complete(table, &c, 1, &complete);
    FUZZ_CHECK((missing > 0) == (kind == GKV_COLUMN_GAPS || kind == GKV_COLUMN_EMPTY));
    FUZZ_CHECK((missing > 0) == (first > 0) || kind == GKV_COLUMN_TEXT ||
               kind == GKV_COLUMN_FAULTY);
    FUZZ_CHECK((status == GKV_OK) == (kind == GKV_COLUMN_NUMBERS || kind == GKV_COLUMN_GAPS));
    if (status != GKV_OK)
        return;
    FUZZ_CHECK(gkv_table_rows(complete) == gkv_table_rows(table) - missing);
    FUZZ_CHECK(gkv_table_numbers(complete, 0, &values) == GKV_OK);
    for (size_t i = 0; i < gkv_table_rows(complete); i++)
        FUZZ_CHECK(isfinite(values[i]));
    gkv_table_free(complete);
}

/* The columns of numbers once more as text: the same numbers come back. */
static inline void fuzz_check_round_trip(const gkv_table *table)
{
    const double *column[8], *again = NULL;
    size_t n = 0;
    for (size_t c = 0; c < gkv_table_columns(table) && n < 8; c++)
        if (gkv_table_kind(table, c) == GKV_COLUMN_NUMBERS)
            n += gkv_table_numbers(table, c, &column[n]) == GKV_OK;
    const size_t rows = gkv_table_rows(table);
    char *text = n > 0 ? malloc(rows * n * 32) : NULL, *end = text;
    if (!text)
        return;
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < n; c++)
            end += sprintf(end, "%.17g%c", column[c][i], c + 1 < n ? ';' : '\n');
    gkv_table *copy = NULL;
    gkv_table_settings settings;
    gkv_table_defaults(&settings);
    settings.header = GKV_TABLE_HEADER_ABSENT;
    FUZZ_CHECK(gkv_table_read_memory((size_t)(end - text), text, "again", &settings, &copy) ==
               GKV_OK);
    FUZZ_CHECK(gkv_table_rows(copy) == rows && gkv_table_columns(copy) == n);
    for (size_t c = 0; c < n; c++) {
        FUZZ_CHECK(gkv_table_numbers(copy, c, &again) == GKV_OK);
        for (size_t i = 0; i < rows; i++)
            FUZZ_CHECK(again[i] == column[c][i]);
    }
    gkv_table_free(copy);
    free(text);
}

/* Any file. */
static inline int fuzz_table(const uint8_t *bytes, size_t size)
{
    gkv_table *table = NULL;
    const gkv_status status = gkv_table_read_memory(size, bytes, "fuzz", NULL, &table);
    if (status != GKV_OK) {
        FUZZ_CHECK(status == GKV_ERR_DATA && !table && *gkv_error_message());
        return 0;
    }
    FUZZ_CHECK(gkv_table_rows(table) > 0 && gkv_table_columns(table) > 0);
    for (size_t c = 0; c < gkv_table_columns(table); c++)
        fuzz_check_column(table, c), fuzz_check_complete(table, c);
    fuzz_check_round_trip(table);
    gkv_table_free(table);
    return 0;
}

/* What comes after the first six bytes of a .npy file. */
static inline int fuzz_npy(const uint8_t *bytes, size_t size)
{
    enum { MAGIC = 6 };
    uint8_t *whole = malloc(MAGIC + size);
    if (!whole)
        return 0;
    memcpy(whole, "\x93NUMPY", MAGIC);
    if (size > 0)
        memcpy(whole + MAGIC, bytes, size);
    fuzz_table(whole, MAGIC + size);
    free(whole);
    return 0;
}

#endif
