/* Tables as spreadsheets, R and pandas write them: what is guessed, and what the settings say
 * instead. */
#include "support.h"

#include <math.h>

#include "gkvae/table.h"

enum { COLUMNS_MOST = 4 };

/* The settings of most tests. */
static gkv_table_settings defaults(void)
{
    gkv_table_settings settings;
    gkv_table_defaults(&settings);
    return settings;
}

static gkv_table *read_with(const char *text, const gkv_table_settings *settings)
{
    gkv_table *table = NULL;
    assert_ok(gkv_table_read_memory(strlen(text), text, "it", settings, &table));
    return table;
}

static void refused_with(const char *text, const gkv_table_settings *settings, gkv_status status,
                         const char *message)
{
    gkv_table *table = (gkv_table *)1;
    assert_fails(gkv_table_read_memory(strlen(text), text, "it", settings, &table), status,
                 message);
    assert_null(table);
}

/* A table: its names, and the values of its columns of numbers in the order of the file. */
typedef struct expected {
    const char *text;
    size_t rows, columns;
    const char *names[COLUMNS_MOST];
    double values[COLUMNS_MOST]; /* the first value of each column; NaN: it is missing or none */
} expected;

static void expect_table(const expected *wanted, const gkv_table_settings *settings)
{
    gkv_table *table = read_with(wanted->text, settings);
    if (gkv_table_columns(table) != wanted->columns || gkv_table_rows(table) != wanted->rows)
        fail_msg("%s: %zu × %zu", wanted->text, gkv_table_rows(table), gkv_table_columns(table));
    for (size_t c = 0; c < wanted->columns; c++) {
        const double *values = NULL;
        assert_string_equal(gkv_table_name(table, c), wanted->names[c]);
        if (isnan(wanted->values[c])) {
            assert_int_not_equal(gkv_table_kind(table, c), GKV_COLUMN_NUMBERS);
            continue;
        }
        assert_ok(gkv_table_numbers(table, c, &values));
        assert_true(values[0] == wanted->values[c]);
    }
    gkv_table_free(table);
}

static void expect_tables(const expected *tables, size_t n)
{
    for (size_t i = 0; i < n; i++)
        expect_table(&tables[i], NULL);
}

/* --- Separators ----------------------------------------------------------- */

static void the_rows_decide_on_the_separator(void **state)
{
    (void)state;
    static const expected tables[] = {
        {"Body mass\n10.5\n12\n", 2, 1, {"Body mass"}, {10.5}},
        {"\"x; in mm\",y\n1,2\n3,4\n", 2, 2, {"x; in mm", "y"}, {1, 2}},
        {"\"x, mm\"\t\"y\"\n1\t2\n3\t4\n", 2, 2, {"x, mm", "y"}, {1, 2}},
        {"sep=;\nx;y\n1;2\n", 1, 2, {"x", "y"}, {1, 2}},
        {"\xEF\xBB\xBF\"sep=,\"\r\nx,y\r\n1,2\r\n", 1, 2, {"x", "y"}, {1, 2}},
        {"x|y\n1|2\n3|4\n", 2, 2, {"x", "y"}, {1, 2}},
        {"x y\n1\t 2\n3  4\n", 2, 2, {"x", "y"}, {1, 2}},
        {"x \t y\n1 \t2\n3\t 4\n", 2, 2, {"x", "y"}, {1, 2}},
        {"who\tx\nSmith, J\t1\nDoe, K\t2\n", 2, 2, {"who", "x"}, {NAN, 1}},
        {"x,y\n1,\"a;b;c\"\n2,\"d;e;f\"\n", 2, 2, {"x", "y"}, {1, NAN}},
        {"when,x\n2020-01-01 12:00,5\n2020-01-02 12:00,6\n", 2, 2, {"when", "x"}, {NAN, 5}},
        {"1, 2\n3, 4\n", 2, 2, {"column 1", "column 2"}, {1, 2}},
        {"size,x\n5\" pipe,1\n6\" pipe,2\n", 2, 2, {"size", "x"}, {NAN, 1}},
        /* a separator at the end of each line is one of an empty column */
        {"x,y,\n1,2,\n3,4,\n", 2, 3, {"x", "y", "column 3"}, {1, 2, NAN}},
        {"x,y\n1,2,\n3,4,\n", 2, 3, {"x", "y", "column 3"}, {1, 2, NAN}},
    };
    expect_tables(tables, sizeof tables / sizeof *tables);
    refused_with("a title\nof 2020\nx,y\n1,2\n3,4\n5,6\n", NULL, GKV_ERR_DATA,
                 "it:3: fields: 2, but the first line has 1; if the table begins later, skip");
}

static void quoted_fields_may_hold_line_ends(void **state)
{
    (void)state;
    static const expected tables[] = {
        {"note,x\n\"a\nb\",1\nc,2\n", 2, 2, {"note", "x"}, {NAN, 1}},
        {"note,x\r\n\"a\r\n\r\n\"\"b\"\"\",1\r\nc,2\r\n", 2, 2, {"note", "x"}, {NAN, 1}},
        {"\"a\nb\",x\n1,2\n", 1, 2, {"a?b", "x"}, {1, 2}},
        {"x;\"y\n#\"\n1;2\n", 1, 2, {"x", "y?#"}, {1, 2}},
    };
    expect_tables(tables, sizeof tables / sizeof *tables);
    refused_with("x,y\n1,2\n3,\"4\n5,6\n", NULL, GKV_ERR_DATA, "it:3: a quote opens a field");
    /* a single quote on each line would join every two lines */
    refused_with("x,y\n\"1,2\n\"3,4\n", NULL, GKV_ERR_DATA,
                 "it:2: a quote opens a field, and text follows its end on line 3");
    const double *values = NULL;
    gkv_table *table = read_with("x,\"y\n\"\n3,b\n5,6\n7,8\n9,8\n", NULL);
    assert_fails(gkv_table_numbers(table, 1, &values), GKV_ERR_DATA, "it:3: y?: \"b\"");
    gkv_table_free(table);
}

static void settings_replace_guesses(void **state)
{
    (void)state;
    gkv_table_settings settings = defaults();
    settings.separator = ';';
    expect_table(&(expected){"x,y;z\n1;2\n", 1, 2, {"x,y", "z"}, {1, 2}}, &settings);
    settings.separator = ':';
    expect_table(&(expected){"x:y\n1:2\n", 1, 2, {"x", "y"}, {1, 2}}, &settings);
    settings.separator = '\n';
    expect_table(&(expected){"x y, z\n1\n", 1, 1, {"x y, z"}, {1}}, &settings);
    settings = defaults();
    settings.header = GKV_TABLE_HEADER_PRESENT;
    expect_table(&(expected){"1,2\n3,4\n", 1, 2, {"1", "2"}, {3, 4}}, &settings);
    settings.header = GKV_TABLE_HEADER_ABSENT;
    expect_table(&(expected){"x,2\n3,4\n", 2, 2, {"column 1", "column 2"}, {NAN, 2}}, &settings);
    settings = defaults();
    settings.skip = 2;
    expect_table(&(expected){"a title, long, \"and open\n#\nx,y\n1,2\n", 1, 2, {"x", "y"}, {1, 2}},
                 &settings);
    static const char bad[] = {'a', '7', '"', '.', '-', '\r', '\x80'};
    for (size_t i = 0; i < sizeof bad; i++) {
        settings = defaults();
        settings.separator = bad[i];
        refused_with("1\n", &settings, GKV_ERR_ARGUMENT, "the separator is");
    }
    settings = defaults();
    settings.decimal_mark = ';';
    refused_with("1\n", &settings, GKV_ERR_ARGUMENT, "the decimal mark is neither");
    settings.decimal_mark = settings.separator = ',';
    refused_with("1\n", &settings, GKV_ERR_ARGUMENT, "the same as the decimal mark");
    settings = defaults();
    settings.n_missing = 1;
    refused_with("1\n", &settings, GKV_ERR_ARGUMENT, "NULL");
    settings = defaults();
    settings.skip = 1;
    refused_with("\x93NUMPY\x01", &settings, GKV_ERR_ARGUMENT, "it is a NumPy array");
    gkv_table_defaults(NULL);
}

/* --- Decimal marks -------------------------------------------------------- */

static void commas_are_decimal_if_that_is_clear(void **state)
{
    (void)state;
    static const expected tables[] = {
        {"x;y\n0,5;1\n1,234;2\n", 2, 2, {"x", "y"}, {0.5, 1}},
        {"\"x\";\"y\"\n-10,25e1;1\n7;2\n", 2, 2, {"x", "y"}, {-102.5, 1}},
        {"x\ty\n10,25\t,5\n7\t2\n", 2, 2, {"x", "y"}, {10.25, 0.5}},
        {"x y\n10,25  1\n7,5  2\n", 2, 2, {"x", "y"}, {10.25, 1}},
        {"x,y\n\"1,5\",2\n\"2,5\",3\n", 2, 2, {"x", "y"}, {1.5, 2}}, /* quotes keep them */
        /* unclear: points too, or grouped thousands */
        {"x;y\n1,5;2\n2.5;3\n", 2, 2, {"x", "y"}, {NAN, 2}},
        {"x;y\n1,234;2\n5,678;3\n", 2, 2, {"x", "y"}, {NAN, 2}},
        {"x;y\n1,234.5;2\n5,678.5;3\n", 2, 2, {"x", "y"}, {NAN, 2}},
        {"x,y\n\"1,500\",2\n\"2,500\",3\n", 2, 2, {"x", "y"}, {NAN, 2}},
        {"x,y\n\"1,5\",2\n\"2,5\",3.5\n", 2, 2, {"x", "y"}, {NAN, 2}},
    };
    expect_tables(tables, sizeof tables / sizeof *tables);
    refused_with("x\n1,5\n2,5\n", NULL, GKV_ERR_DATA, "whether the comma is the decimal mark");
    gkv_table_settings settings = defaults();
    settings.decimal_mark = ',';
    expect_table(&(expected){"x\n1,5\n2,5\n", 2, 1, {"x"}, {1.5}}, &settings);
    expect_table(&(expected){"x;y\n1,234;2\n5,678;3\n", 2, 2, {"x", "y"}, {1.234, 2}}, &settings);
    const double *values = NULL;
    gkv_table *table = read_with("x;y\n1.5;2\n", &settings);
    assert_fails(gkv_table_numbers(table, 0, &values), GKV_ERR_DATA, "the decimal mark is a comma");
    gkv_table_free(table);
    settings.separator = ',';
    settings.decimal_mark = '.';
    expect_table(&(expected){"x,y\n1,5\n2,5\n", 2, 2, {"x", "y"}, {1, 5}}, &settings);
}

/* The fast conversion gives the same bits as strtod(). */
static void numbers_are_rounded_correctly(void **state)
{
    (void)state;
    static const char *const texts[] = {"0.1",
                                        "-0",
                                        "9007199254740993",
                                        "9007199254740992e22",
                                        "1e22",
                                        "1e23",
                                        "123456789e-22",
                                        "123456789012345678",
                                        "0.000000000000000000000000000001",
                                        "3.14159265358979323846",
                                        "2.2250738585072011e-308",
                                        "1e-400",
                                        "00000000000000000000001.5",
                                        "8.5e+3",
                                        ".5E-1",
                                        "5.",
                                        "179769313486231580793e287"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const double *values = NULL, value = strtod(texts[i], NULL);
        gkv_table *table = read_with(texts[i], NULL);
        assert_ok(gkv_table_numbers(table, 0, &values));
        assert_memory_equal(values, &value, sizeof value);
        gkv_table_free(table);
    }
    uint64_t random = 88172645463325252;
    for (size_t i = 0; i < 20000; i++) {
        char text[64];
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        snprintf(text, sizeof text, "%llu.%0*llue%d", (unsigned long long)(random >> 40),
                 (int)(random % 12) + 1, (unsigned long long)(random & 0xFFF),
                 (int)(random >> 20 & 63) - 32);
        const double *values = NULL, value = strtod(text, NULL);
        gkv_table *table = read_with(text, NULL);
        assert_ok(gkv_table_numbers(table, 0, &values));
        assert_memory_equal(values, &value, sizeof value);
        gkv_table_free(table);
    }
}

/* --- Headers and row names ------------------------------------------------ */

static void a_header_differs_in_kind_from_the_rows(void **state)
{
    (void)state;
    static const expected tables[] = {
        {"id,2020\n0,10.5\n1,12\n", 2, 2, {"id", "2020"}, {0, 10.5}},
        {"\"id\",\"2020\",\"2021\"\n0,1,2\n3,4,5\n", 2, 3, {"id", "2020", "2021"}, {0, 1, 2}},
        {"\"2019\",\"2020\"\n1.5,2\n3,4\n", 2, 2, {"2019", "2020"}, {1.5, 2}},
        {"x [mm],y (s)\n1,2\n", 1, 2, {"x [mm]", "y (s)"}, {1, 2}},
        {"1st,2nd\n1,2\n", 1, 2, {"1st", "2nd"}, {1, 2}},
        {"x,NA\n1,2\n", 1, 2, {"x", "NA"}, {1, 2}},
        {"\"1\",\"2\"\n\"3\",\"4\"\n", 2, 2, {"column 1", "column 2"}, {1, 2}},
        {"2019,2020\n1.5,2\n", 2, 2, {"column 1", "column 2"}, {2019, 2020}},
        {"NA\n1\n2\n", 3, 1, {"column 1"}, {NAN}},
        {"$5\n6\n7\n", 3, 1, {"column 1"}, {NAN}},
        {"Paris,5\nRome,6\n", 2, 2, {"column 1", "column 2"}, {NAN, 5}},
        {"city,2020\nParis,5.5\n", 2, 2, {"column 1", "column 2"}, {NAN, 2020}},
    };
    static const bool unclear[] = {true,  true, true,  false, true,  false,
                                   false, true, false, false, false, true};
    expect_tables(tables, sizeof tables / sizeof *tables);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        gkv_table *table = read_with(tables[i].text, NULL);
        gkv_table_form form;
        gkv_table_get_form(table, &form);
        assert_int_equal(form.has_header, i < 6);
        if (form.header_unclear != unclear[i])
            fail_msg("%s: header_unclear is %d", tables[i].text, form.header_unclear);
        gkv_table_free(table);
    }
}

static void row_names_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool short_header, is_index;
    } examples[] = {
        {"\"x\" \"y\"\n\"1\" 10 0\n\"2\" 12 1\n", true, true}, /* R: write.table */
        {"\"x\",\"y\"\n\"7\",10,0\n\"3\",12,1\n", true, true}, /* the same, of some rows */
        {"\"x\" \"y\"\n\"a b\" 10 0\n\"c\" 12 1\n", true, false},
        {"\"\",\"x\",\"y\"\n\"1\",10,0\n\"2\",12,1\n", false, true}, /* R: write.csv */
        {",x,y\n0,10,0\n1,12,1\n", false, true},                     /* pandas: to_csv */
        {",x,y\n0,10,0\n2,12,1\n", false, false},
        {"n,x,y\n0,10,0\n1,12,1\n", false, false},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        gkv_table *table = read_with(examples[i].text, NULL);
        gkv_table_form form;
        const double *values = NULL;
        gkv_table_get_form(table, &form);
        assert_int_equal(form.has_row_names, examples[i].short_header);
        assert_int_equal(gkv_table_is_index(table, 0), examples[i].is_index);
        assert_int_equal(gkv_table_columns(table), 3);
        assert_string_equal(gkv_table_name(table, 1), "x");
        assert_false(gkv_table_is_index(table, 2));
        assert_ok(gkv_table_numbers(table, 1, &values));
        assert_true(values[0] == 10 && values[1] == 12);
        gkv_table_free(table);
    }
}

static void names_are_utf8(void **state)
{
    (void)state;
    size_t column = 9;
    gkv_table *table = read_with("Gr\xF6\xDF"
                                 "e,\xC2\x9B[31m,\xE2\x82\xAC\n1,2,3\n",
                                 NULL);
    assert_string_equal(gkv_table_name(table, 0), "Gr\uFFFD\uFFFDe");
    assert_string_equal(gkv_table_name(table, 1), "?[31m");
    assert_string_equal(gkv_table_name(table, 2), "€");
    assert_ok(gkv_table_find(table,
                             "Gr\xF6\xDF"
                             "e",
                             &column));
    assert_int_equal(column, 0);
    gkv_table_free(table);
}

/* --- Comments and other formats ------------------------------------------- */

static void errors_of_spreadsheets_are_no_comments(void **state)
{
    (void)state;
    gkv_table *table =
        read_with("# made\n#x,y\nx,y\n1,2\n#N/A,3\n#DIV/0!,4\n#5,5\n# end\n6,7\n", NULL);
    gkv_table_form form;
    gkv_table_get_form(table, &form);
    assert_int_equal(gkv_table_rows(table), 4);
    assert_int_equal(gkv_table_kind(table, 0), GKV_COLUMN_GAPS);
    assert_int_equal(gkv_table_kind(table, 1), GKV_COLUMN_NUMBERS);
    assert_int_equal(form.comments, 2);
    assert_int_equal(form.comment_line, 7);
    assert_int_equal(form.first_line, 3);
    gkv_table_free(table);
    static const char *const spellings[] = {"#none here"};
    gkv_table_settings settings = defaults();
    settings.missing = spellings;
    settings.n_missing = 1;
    table = read_with("x,y\n#none here,2\n3,4\n", &settings);
    assert_int_equal(gkv_table_rows(table), 2);
    gkv_table_free(table);
    settings = defaults();
    settings.usual_missing = false;
    const double *values = NULL;
    table = read_with("x,y\n1,2\n#N/A,4\n", &settings);
    assert_int_equal(gkv_table_rows(table), 2);
    assert_fails(gkv_table_numbers(table, 0, &values), GKV_ERR_DATA, "it:3: x: \"#N/A\"");
    gkv_table_free(table);
}

static void other_formats_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *name;
    } files[] = {{"\xff\xfe\0\0x\0\0\0", 8, "it is UTF-32"},
                 {"\0\0\xfe\xff", 4, "it is UTF-32"},
                 {"\xff\xfex\0", 4, "it is UTF-16"},
                 {"\xfe\xff\0x", 4, "it is UTF-16"},
                 {"x\0,\0y\0\n\0", 8, "is UTF-16"},
                 {"\0x\0,\0y\0\n", 8, "is UTF-16"},
                 {"x\0\0\0,\0\0\0", 8, "is UTF-32"},
                 {"\0\0\0x\0\0\0,", 8, "is UTF-32"},
                 {"BZh91AY&SY\0", 11, "bzip2"},
                 {"\xfd"
                  "7zXZ\0",
                  6, "xz"},
                 {"\x28\xb5\x2f\xfd", 4, "zstd"},
                 {"PAR1\x15\0", 6, "Parquet"},
                 {"\n <!DOCTYPE html><html>", 23, "a web page (HTML)"},
                 {"\0\0\x08\x03\0\0\0\1", 8, "it is IDX images"},
                 {"\x89PNG\r\n", 6, "a PNG picture"},
                 {"%PDF-1.7", 8, "PDF"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        gkv_table *table = NULL;
        assert_fails(gkv_table_read_memory(files[i].size, files[i].bytes, "it", NULL, &table),
                     GKV_ERR_DATA, files[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rows_decide_on_the_separator),
        cmocka_unit_test(quoted_fields_may_hold_line_ends),
        cmocka_unit_test(settings_replace_guesses),
        cmocka_unit_test(commas_are_decimal_if_that_is_clear),
        cmocka_unit_test(numbers_are_rounded_correctly),
        cmocka_unit_test(a_header_differs_in_kind_from_the_rows),
        cmocka_unit_test(row_names_are_known),
        cmocka_unit_test(names_are_utf8),
        cmocka_unit_test(errors_of_spreadsheets_are_no_comments),
        cmocka_unit_test(other_formats_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
