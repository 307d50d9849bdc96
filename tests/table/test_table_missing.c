/* Missing values of tables, columns of text, and tables from streams. */
#include "support.h"

#include "gkvae/table.h"

static gkv_table *read_with(const char *text, const gkv_table_settings *settings)
{
    gkv_table *table = NULL;
    assert_ok(gkv_table_read_memory(strlen(text), text, "it", settings, &table));
    return table;
}

/* --- Missing values ------------------------------------------------------- */

static void usual_spellings_are_missing_values(void **state)
{
    (void)state;
    size_t count = 0;
    for (const char *spelling; (spelling = gkv_table_missing_spelling(count)) != NULL; count++) {
        char text[96];
        size_t first = 0;
        snprintf(text, sizeof text, "x,y\n%s,1\n2,3\n%s,4\n", spelling, spelling);
        gkv_table *table = read_with(text, NULL);
        assert_int_equal(gkv_table_rows(table), 3);
        assert_int_equal(gkv_table_kind(table, 0), GKV_COLUMN_GAPS);
        assert_int_equal(gkv_table_missing(table, 0, &first), 2);
        assert_int_equal(first, 2);
        assert_int_equal(gkv_table_missing(table, 1, NULL), 0);
        gkv_table_free(table);
    }
    assert_true(count > 30);
    assert_null(gkv_table_missing_spelling(SIZE_MAX));
    gkv_table *table = read_with("x,y\nn/a,1\nNone,3\n", NULL); /* in any case, and all of them */
    const double *values = NULL;
    assert_int_equal(gkv_table_kind(table, 0), GKV_COLUMN_EMPTY);
    assert_fails(gkv_table_numbers(table, 0, &values), GKV_ERR_DATA, "all values of the column");
    gkv_table_free(table);
}

static void spellings_are_a_setting(void **state)
{
    (void)state;
    static const char *const spellings[] = {"-999", "n.d."};
    gkv_table_settings settings;
    gkv_table_defaults(&settings);
    settings.missing = spellings;
    settings.n_missing = 2;
    const double *values = NULL;
    gkv_table *table = read_with("x\n-999\nN.D.\nNA\n-999.0\n", &settings);
    assert_int_equal(gkv_table_missing(table, 0, NULL), 3);
    gkv_table_free(table);
    settings.usual_missing = false;
    table = read_with("NA\n1\n2\n", &settings); /* it is not a name either */
    assert_fails(gkv_table_numbers(table, 0, &values), GKV_ERR_DATA, "it:1: column 1: \"NA\"");
    gkv_table_free(table);
    table = read_with("x\n-999\n5\nNA\n", &settings);
    assert_fails(gkv_table_numbers(table, 0, &values), GKV_ERR_DATA,
                 "it:4: x: \"NA\" is not a finite decimal number; leave rows with missing values");
    gkv_table_free(table);
}

static void complete_rows_are_those_without_missing_values(void **state)
{
    (void)state;
    const double *values = NULL;
    gkv_table *table = read_with("x,y,z,t,e\n1,,3,a,\nNA,5,6,b,\n7,8,9,c,\n4,5,-,d,\n", NULL);
    assert_ok(gkv_table_values(table, 1, &values));
    assert_true(isnan(values[0]) && values[1] == 5 && values[2] == 8 && values[3] == 5);
    assert_fails(gkv_table_values(table, 3, &values), GKV_ERR_DATA, "t");
    gkv_table *complete = NULL;
    assert_ok(gkv_table_complete(table, (const size_t[]){2, 0}, 2, &complete));
    assert_int_equal(gkv_table_rows(complete), 2);
    assert_string_equal(gkv_table_name(complete, 0), "z");
    assert_ok(gkv_table_numbers(complete, 0, &values));
    assert_true(values[0] == 3 && values[1] == 9);
    assert_ok(gkv_table_numbers(complete, 1, &values));
    assert_true(values[0] == 1 && values[1] == 7);
    gkv_table_free(complete);
    static const struct {
        size_t column;
        gkv_status status;
        const char *message;
    } refusals[] = {{3, GKV_ERR_DATA, "text"},
                    {4, GKV_ERR_DATA, "all values"},
                    {5, GKV_ERR_ARGUMENT, "no column 5"}};
    for (size_t i = 0; i < 3; i++) {
        complete = (gkv_table *)1;
        assert_fails(gkv_table_complete(table, &refusals[i].column, 1, &complete),
                     refusals[i].status, refusals[i].message);
        assert_null(complete);
    }
    assert_fails(gkv_table_complete(table, NULL, 1, &complete), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gkv_table_complete(table, &(size_t){0}, 0, &complete), GKV_ERR_ARGUMENT,
                 "no columns");
    gkv_table_free(table);
    table = read_with("x,y\n1,\n,2\n", NULL);
    assert_fails(gkv_table_complete(table, (const size_t[]){0, 1}, 2, &complete), GKV_ERR_DATA,
                 "every row has a missing value");
    gkv_table_free(table);
}

/* A column is text if it has more words than other values. */
static void most_values_decide_between_numbers_and_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        gkv_column_kind kind;
    } columns[] = {{"x\n-\n1\n", GKV_COLUMN_GAPS},        {"x\nNone\n1\n2\n", GKV_COLUMN_GAPS},
                   {"x\nabc\n1\n2\n", GKV_COLUMN_FAULTY}, {"x\n$12\n1\n", GKV_COLUMN_FAULTY},
                   {"x\na\n-\nb\n1\n", GKV_COLUMN_TEXT},  {"x\n7\na\nb\n", GKV_COLUMN_TEXT},
                   {"x\n-\n.\n", GKV_COLUMN_EMPTY},       {"x\n1\n2\n", GKV_COLUMN_NUMBERS}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        gkv_table *table = read_with(columns[i].text, NULL);
        assert_int_equal(gkv_table_kind(table, 0), columns[i].kind);
        gkv_table_free(table);
    }
}

/* --- Streams -------------------------------------------------------------- */

/* Returns the text in parts of 1, 2, 3 … bytes; fails at `fail_at`. */
typedef struct stream {
    const char *text;
    size_t used, part, fail_at;
} stream;

static ptrdiff_t read_part(void *user, void *buffer, size_t size)
{
    stream *s = user;
    const size_t left = strlen(s->text) - s->used;
    size_t n = ++s->part < size ? s->part : size;
    n = n < left ? n : left;
    if (s->used >= s->fail_at)
        return -1;
    memcpy(buffer, s->text + s->used, n);
    s->used += n;
    return (ptrdiff_t)n;
}

static void streams_are_read_to_their_end(void **state)
{
    (void)state;
    const double *values = NULL;
    stream s = {.text = "x,y\n1,2\n3,\"4\"\n5,6", .fail_at = SIZE_MAX};
    gkv_table *table = NULL;
    assert_ok(gkv_table_read_stream(read_part, &s, "it", NULL, &table));
    assert_int_equal(gkv_table_rows(table), 3);
    assert_ok(gkv_table_numbers(table, 1, &values));
    assert_true(values[2] == 6);
    gkv_table_free(table);
    s = (stream){.text = "x\n1\n2\n", .fail_at = 3};
    assert_fails(gkv_table_read_stream(read_part, &s, "it", NULL, &table), GKV_ERR_IO,
                 "it: cannot be read");
    assert_null(table);
    assert_fails(gkv_table_read_stream(NULL, &s, "it", NULL, &table), GKV_ERR_ARGUMENT, "NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_spellings_are_missing_values),
        cmocka_unit_test(spellings_are_a_setting),
        cmocka_unit_test(complete_rows_are_those_without_missing_values),
        cmocka_unit_test(most_values_decide_between_numbers_and_text),
        cmocka_unit_test(streams_are_read_to_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
