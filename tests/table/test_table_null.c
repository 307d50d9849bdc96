/* No function of gkvae/table.h crashes if a pointer that it needs is NULL. */
#include "null.h"

#include "gkvae/table.h"

static ptrdiff_t nothing(void *user, void *buffer, size_t size)
{
    (void)user, (void)buffer, (void)size;
    return 0;
}

static void nothing_crashes(void **state)
{
    (void)state;
    static const char text[] = "a,b\n1,2\n3,4\n";
    const double *numbers;
    size_t column;
    gkv_table *table = NULL, *other = NULL;
    refuses_null(gkv_table_read, NULL, NULL, &other);
    refuses_null(gkv_table_read, "file", NULL, NULL);
    refuses_null(gkv_table_read_memory, 4, NULL, "name", NULL, &other);
    refuses_null(gkv_table_read_memory, 4, text, NULL, NULL, &other);
    refuses_null(gkv_table_read_memory, 4, text, "name", NULL, NULL);
    assert_ok(gkv_table_read_memory(sizeof text - 1, text, "name", NULL, &table));
    survives(gkv_table_free, NULL);
    gives_nothing(gkv_table_rows, NULL);
    gives_nothing(gkv_table_columns, NULL);
    gives_nothing(gkv_table_name, NULL, 0);
    gives_nothing(gkv_table_name, table, 2);
    assert_int_equal(gkv_table_kind(NULL, 0), GKV_COLUMN_FAULTY);
    assert_int_equal(gkv_table_kind(table, 2), GKV_COLUMN_FAULTY);
    null_call("gkv_table_kind");
    refuses_null(gkv_table_find, NULL, "a", &column);
    refuses_null(gkv_table_find, table, NULL, &column);
    refuses_null(gkv_table_find, table, "a", NULL);
    refuses_null(gkv_table_numbers, NULL, 0, &numbers);
    refuses_null(gkv_table_numbers, table, 0, NULL);
    refuses_null(gkv_table_values, NULL, 0, &numbers);
    refuses_null(gkv_table_values, table, 0, NULL);
    refuses_null(gkv_npy_write, NULL, 1, 1, (const double[]){1});
    refuses_null(gkv_npy_write, "file", 1, 1, NULL);
    refuses_null(gkv_npy_write_float, NULL, 1, 1, (const float[]){1});
    refuses_null(gkv_npy_write_float, "file", 1, 1, NULL);
    survives(gkv_table_defaults, NULL);
    gkv_table_form form;
    survives(gkv_table_get_form, NULL, &form);
    survives(gkv_table_get_form, table, NULL);
    gives_nothing(gkv_table_is_index, NULL, 0);
    gives_nothing(gkv_table_missing, NULL, 0, NULL);
    ignores_null(gkv_table_missing_spelling, 0);
    refuses_null(gkv_table_complete, NULL, &(const size_t){0}, 1, &other);
    refuses_null(gkv_table_complete, table, NULL, 1, &other);
    refuses_null(gkv_table_complete, table, &(const size_t){0}, 1, NULL);
    refuses_null(gkv_table_read_stream, NULL, NULL, "name", NULL, &other);
    refuses_null(gkv_table_read_stream, nothing, NULL, NULL, NULL, &other);
    refuses_null(gkv_table_read_stream, nothing, NULL, "name", NULL, NULL);
    gkv_table_free(table);
    assert_all_called("table.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_crashes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
