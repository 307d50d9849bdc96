/* Readers of tables that run out of memory. */
#define _POSIX_C_SOURCE 200809L
#include "failing_memory.h"

#include <unistd.h>

#include "core/error.h"
#include "gkvae/table.h"

static const char text[] = "# days\n"
                           "day;price;\"a \"\"name\"\"\";note\n"
                           "1;1,5;NA;\"two\nlines\"\n"
                           "2;2,5;7;b\n"
                           "3;1e400;8;c\n"
                           "4;123456789012345678901234567890;9;d\n";

enum { DENSE = 20 };

static char path[] = "/tmp/gkvae-table-XXXXXX";

/* Uses all of a table. */
static gkv_status use(gkv_table *table)
{
    gkv_table *complete = NULL;
    gkv_status status = GKV_OK;
    const double *values = NULL;
    size_t column = 0, first = 0;
    GKV_TRY_GOTO(gkv_table_find(table, "day", &column));
    GKV_TRY_GOTO(gkv_table_numbers(table, column, &values));
    assert_int_equal(values[1], 2);
    assert_int_equal(gkv_table_missing(table, 2, &first), 1);
    GKV_TRY_GOTO(gkv_table_complete(table, (size_t[]){0, 2}, 2, &complete));
    assert_int_equal(gkv_table_rows(complete), 3);
done:
    assert_int_equal(status == GKV_OK, complete != NULL);
    gkv_table_free(complete);
    return status;
}

static gkv_status read_text(void)
{
    gkv_table *table = NULL;
    gkv_status status = gkv_table_read_memory(sizeof text - 1, text, "text", NULL, &table);
    assert_int_equal(status == GKV_OK, table != NULL);
    if (status == GKV_OK)
        status = use(table);
    gkv_table_free(table);
    return status;
}

static ptrdiff_t a_few(void *user, void *buffer, size_t count)
{
    size_t *used = user;
    const size_t left = sizeof text - 1 - *used, n = left < 7 ? left : 7;
    assert_true(n <= count);
    memcpy(buffer, text + *used, n);
    *used += n;
    return (ptrdiff_t)n;
}

static gkv_status read_stream(void)
{
    size_t used = 0;
    gkv_table *table = NULL;
    const gkv_status status = gkv_table_read_stream(a_few, &used, "stream", NULL, &table);
    assert_int_equal(status == GKV_OK, table != NULL);
    gkv_table_free(table);
    return status;
}

/* Writes an array, and reads it again. */
static gkv_status read_array(void)
{
    gkv_table *table = NULL;
    gkv_status status = gkv_npy_write(path, 3, 2, (double[]){1, 2, 3, 4, 5, 6});
    if (status == GKV_OK)
        status = gkv_table_read(path, NULL, &table);
    assert_int_equal(status == GKV_OK, table != NULL);
    gkv_table_free(table);
    return status;
}

static gkv_status write_floats(void)
{
    return gkv_npy_write_float(path, 1, 2, (float[]){1, 2});
}

static void text_fails(void **state)
{
    (void)state;
    runs_out_of_memory(read_text, DENSE);
}

static void stream_fails(void **state)
{
    (void)state;
    runs_out_of_memory(read_stream, DENSE);
}

static void array_fails(void **state)
{
    (void)state;
    runs_out_of_memory(read_array, DENSE);
}

static void floats_fail(void **state)
{
    (void)state;
    runs_out_of_memory(write_floats, DENSE);
}

static int make_file(void **state)
{
    (void)state;
    const int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_fails),
        cmocka_unit_test(stream_fails),
        cmocka_unit_test(array_fails),
        cmocka_unit_test(floats_fail),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
