/* Tables: every documented form is read, and invalid files are refused. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include <locale.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gkvae/table.h"
#include "npy.h"

static char folder[] = "/tmp/gkv-test-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"table", "pipe"};
    char path[64];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static const char *in_folder(const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static gkv_table *read_bytes(const void *bytes, size_t size)
{
    gkv_table *table = NULL;
    assert_ok(gkv_table_read_memory(size, bytes, "it", NULL, &table));
    return table;
}

static gkv_table *read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

static const double *numbers(const gkv_table *table, size_t column)
{
    const double *values = NULL;
    assert_ok(gkv_table_numbers(table, column, &values));
    return values;
}

/* Asserts that the table is one column of these n numbers. */
static void expect_column(const gkv_table *table, size_t column, const char *name, size_t n,
                          const double *expected)
{
    assert_int_equal(gkv_table_rows(table), n);
    assert_string_equal(gkv_table_name(table, column), name);
    const double *values = numbers(table, column);
    for (size_t i = 0; i < n; i++)
        assert_true(values[i] == expected[i]);
}

static void refused_bytes(const void *bytes, size_t size, const char *text)
{
    gkv_table *table = (gkv_table *)1;
    assert_fails(gkv_table_read_memory(size, bytes, "it", NULL, &table), GKV_ERR_DATA, text);
    assert_null(table);
}

static void refused(const char *content, const char *text)
{
    refused_bytes(content, strlen(content), text);
}

/* --- Text ----------------------------------------------------------------- */

static void separators_and_line_ends_do_not_matter(void **state)
{
    (void)state;
    static const char *const same[] = {
        "x,y\n1,-2e3\n.5,4.\n",
        "x;y\r\n1;-2e3\r\n.5;4.",
        "x\ty\n1\t-2e3\n.5\t4.\n",
        "  x   y \n 1 -2e3\n\n.5\t 4.",
        "\xEF\xBB\xBF\"x\",\"y\"\n1,-2e3\n.5 , 4. ",
        "# x\n\nx y\t\n1 -2e3 \t\n#\n+.5 4.\n",
        "\"x\" \"y\"\n\"1\" -2000\n5e-1 \"4\"\n",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        gkv_table *table = read_text(same[i]);
        assert_int_equal(gkv_table_columns(table), 2);
        expect_column(table, 0, "x", 2, (const double[]){1, 0.5});
        expect_column(table, 1, "y", 2, (const double[]){-2000, 4});
        gkv_table_free(table);
    }
}

static void names_come_from_the_header(void **state)
{
    (void)state;
    gkv_table *table = read_text("1 2\n3 4\n");
    expect_column(table, 1, "column 2", 2, (const double[]){2, 4});
    gkv_table_free(table);
    table = read_text("\"say \"\"a;b\"\"\"; \x1b[31m ;\n1;2;3\n");
    assert_string_equal(gkv_table_name(table, 0), "say \"a;b\"");
    assert_string_equal(gkv_table_name(table, 1), "?[31m");
    assert_string_equal(gkv_table_name(table, 2), "column 3");
    gkv_table_free(table);
    table = read_text("a\t\tc\t\n1\t2\t\t4\n"); /* with tabs, empty fields count */
    assert_int_equal(gkv_table_columns(table), 4);
    assert_int_equal(gkv_table_kind(table, 2), GKV_COLUMN_EMPTY);
    gkv_table_free(table);
}

static void columns_are_found_by_name_or_number(void **state)
{
    (void)state;
    size_t column = 99;
    gkv_table *table = read_text("width,height,twice,twice\n1,2,3,4\n");
    assert_ok(gkv_table_find(table, "height", &column));
    assert_int_equal(column, 1);
    assert_ok(gkv_table_find(table, "4", &column));
    assert_int_equal(column, 3);
    static const char *const none[] = {"-1", "1x", ""}, *const outside[] = {"0", "5",
                                                                            "99999999999999999999"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_fails(gkv_table_find(table, none[i], &column), GKV_ERR_ARGUMENT, "no such column");
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        assert_fails(gkv_table_find(table, outside[i], &column), GKV_ERR_ARGUMENT,
                     "columns are 1 … 4");
    assert_fails(gkv_table_find(table, "heigth", &column), GKV_ERR_ARGUMENT,
                 "it has 4, the nearest is \"height\"");
    assert_fails(gkv_table_find(table, "twice", &column), GKV_ERR_ARGUMENT,
                 "2 columns are called \"twice\"");
    assert_fails(gkv_table_find(NULL, "twice", &column), GKV_ERR_ARGUMENT, "NULL");
    gkv_table_free(table);
    gkv_table_free(NULL);
}

static void faults_wait_until_the_column_is_wanted(void **state)
{
    (void)state;
    const double *values = NULL;
    gkv_table *table = read_text(
        "good,gap,late,word,inf,comma\n1,2,NA,a,1,1\n2,,3.5,4,inf,\"1,5\"\n3,4,5,b,7,8\n");
    expect_column(table, 0, "good", 3, (const double[]){1, 2, 3});
    assert_fails(gkv_table_numbers(table, 1, &values), GKV_ERR_DATA,
                 "it: gap: 1 of 3 values are missing, the first in line 3");
    assert_fails(gkv_table_numbers(table, 2, &values), GKV_ERR_DATA,
                 "it: late: 1 of 3 values are missing, the first in line 2");
    assert_fails(gkv_table_numbers(table, 3, &values), GKV_ERR_DATA,
                 "it:2: word: \"a\" is not a finite decimal number; if it means a missing value");
    assert_fails(gkv_table_numbers(table, 3, &values), GKV_ERR_DATA, "the column holds text");
    assert_fails(gkv_table_numbers(table, 4, &values), GKV_ERR_DATA, "it:3: inf: \"inf\"");
    assert_fails(gkv_table_numbers(table, 5, &values), GKV_ERR_DATA, "the decimal mark is a point");
    assert_fails(gkv_table_numbers(table, 6, &values), GKV_ERR_ARGUMENT, "column 6 does not exist");
    static const gkv_column_kind kinds[] = {GKV_COLUMN_NUMBERS, GKV_COLUMN_GAPS,
                                            GKV_COLUMN_GAPS,    GKV_COLUMN_TEXT,
                                            GKV_COLUMN_FAULTY,  GKV_COLUMN_FAULTY};
    for (size_t c = 0; c < 6; c++)
        assert_int_equal(gkv_table_kind(table, c), kinds[c]);
    gkv_table_free(table);
}

/* A column with as many numbers, or fields that seem to be numbers, as words is refused. */
static void what_seems_to_be_a_number_is_refused_not_text(void **state)
{
    (void)state;
    static const char *const meant[] = {
        "0,345", "5%",    "inf",   "-Inf",  "+infinity", "1e400", "0x10", "1,000", "-.5.",
        "+3x",   "-7,",   ".5.",   "12ab",  "1 2",       "1e",    "5-",   "$5",    "$1,234.50",
        "€ 5",   "5 €",   "<0.1",  "(12)",  "−-5",       "'12",   "~3",   "1'234", "--1",
        "+-2",   "12 kg", "30 °C", "1_000", "1.234.567", "1.",    "2"};
    static const char *const words[] = {"word",
                                        "-x",
                                        ".x",
                                        "infant",
                                        "nano",
                                        "e5",
                                        "2024-01-31",
                                        "2024-01-31T12:30:00",
                                        "31/1/2024",
                                        "31.1.2024",
                                        "12:30",
                                        "a1",
                                        "3f2a-91b7",
                                        "555-1234",
                                        "12 Main Street",
                                        "TRUE"};
    char text[64];
    const double *values = NULL;
    for (size_t i = 0; i < sizeof meant / sizeof *meant; i++) {
        snprintf(text, sizeof text, "a;b\n\"%s\";1\nx;2\n", meant[i]);
        gkv_table *table = read_text(text);
        assert_int_equal(gkv_table_kind(table, 0), GKV_COLUMN_FAULTY);
        expect_column(table, 1, "b", 2, (const double[]){1, 2});
        /* the fault is then in the next line; 0,345 is a decimal comma there */
        const int good = i == 0 || i >= sizeof meant / sizeof *meant - 2;
        assert_fails(gkv_table_numbers(table, 0, &values), GKV_ERR_DATA,
                     good ? "it:3: a: \"x\"" : "it:2: a: ");
        gkv_table_free(table);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(text, sizeof text, "a;b\n%s;1\n", words[i]);
        gkv_table *table = read_text(text);
        assert_int_equal(gkv_table_kind(table, 0), GKV_COLUMN_TEXT);
        gkv_table_free(table);
    }
    gkv_table *table = read_text("a,b,c,d\n\"0,5\",5%,\"1,234.5\",.5\n");
    assert_fails(gkv_table_numbers(table, 0, &values), GKV_ERR_DATA,
                 "it:2: a: \"0,5\" is not a finite decimal number; the decimal mark is a point");
    assert_fails(gkv_table_numbers(table, 1, &values), GKV_ERR_DATA,
                 "\"5%\" is not a finite decimal number; numbers stand");
    assert_fails(gkv_table_numbers(table, 2, &values), GKV_ERR_DATA, "write 1234.5, not 1,234.5");
    gkv_table_free(table);
}

/* The sum of a column of a text. */
static double sum_of(const char *text, size_t column)
{
    gkv_table *table = read_text(text);
    const double *values;
    double sum = 0;
    assert_ok(gkv_table_numbers(table, column, &values));
    for (size_t i = 0; i < gkv_table_rows(table); i++)
        sum += values[i];
    gkv_table_free(table);
    return sum;
}

/* Texts of old systems, and blanks and exponents as web pages, spreadsheets and Fortran write
 * them. */
static void unusual_texts_are_read(void **state)
{
    (void)state;
    assert_true(sum_of("x\r1\r2\r3\r", 0) == 6);
    assert_true(sum_of("sep=;\rx;y\r1;\"a\rb\"\r2;c\r", 0) == 3);
    assert_true(sum_of("x;y\r1,5;2\r0,25;4\r", 0) == 1.75);
    assert_true(sum_of("x,y\r\n1,2\r\n3,4\r\n\x1A", 1) == 6);
    assert_true(sum_of("x,y\n1,2\n3,4\n\f", 1) == 6);
    assert_true(sum_of("x,y\n\u00A01.5\u00A0,2\n\u202F3,\u2009 4 \uFEFF\n", 0) == 4.5);
    assert_true(sum_of("x;y\n\xA0"
                       "1.5\xA0;2\n3;4\n",
                       0) == 4.5); /* Windows-1252 */
    assert_true(sum_of("x,y\n\" 1 \",2\n\"3\",4\n", 0) == 4);
    assert_true(sum_of("x,y\n1.5D+01,2\n2.5d0,4\n", 0) == 17.5);
    assert_true(sum_of("x,y\n0.12345678901234567890D-1,2\n0.d0,4\n", 0) == 0.012345678901234568);
    assert_true(sum_of("x,y\n\u22121.5,2\n4,4\n", 0) == 2.5);
    assert_true(sum_of("x;y\n\u22121,5;2\n0,25;4\n", 0) == -1.25);
    assert_true(sum_of("\u22121\n\u22122e-1\n", 0) == -1.2); /* no header */
    assert_true(sum_of("1e\u22121\n\u22122E\u22121\n", 0) == -0.1);
    assert_true(sum_of("x;y\n\u22121,5;2\n\u22120,25;4\n", 0) == -1.75); /* all marks by them */
    assert_true(sum_of("x,y\n\"10,6912\",\"5,2\"\n\"1,5\",\"4\"\n", 0) == 12.1912);
}

static void line_ends_that_are_none_are_named(void **state)
{
    (void)state;
    refused("x\n1\r2\n3\n",
            "it:2: a carriage return within the line: end all lines in the same way");
    refused("x,y\n1,\"a\nb\n2,c\n", "it:2: a quote opens a field that does not end before");
    gkv_table_free(read_text("1\r\r\n2\r\n"));
}

static void numbers_are_exact_in_any_locale(void **state)
{
    (void)state;
    static const double expected[] = {0.1, 1e-320, -1.7976931348623157e308, 9007199254740993.0,
                                      123456.789e-3};
    static const char text[] =
        "0.1\n1e-320\n-1.7976931348623157e308\n9007199254740993\n123456.789e-3\n";
    const int german = setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL; /* whether the locale exists */
    gkv_table *table = read_text(text);
    expect_column(table, 0, "column 1", 5, expected);
    gkv_table_free(table);
    if (german)
        assert_string_equal(localeconv()->decimal_point, ",");
    setlocale(LC_NUMERIC, "C");
}

static void texts_that_are_no_tables_are_refused(void **state)
{
    (void)state;
    refused("", "it: there are no numbers in it");
    refused("a,b\n", "no numbers");
    refused("# 1\n\n\n", "no numbers");
    refused("1,2\n3,4\n5\n", "it:3: fields: 1, but the first line has 2");
    refused("1,2\n3,4,5\n", "it:2: fields: 3");
    refused_bytes("1\n2\0\n", 5, "it:2: a zero byte");
    refused("\x1f\x8b\x08", "gzip");
    refused("PK\x03\x04zip", "zip archive");
    refused_bytes("\xff\xfe"
                  "1\0",
                  4, "UTF-16");
    char *wide = test_alloc(2 * GKV_TABLE_COLUMNS_MAX + 8);
    for (size_t i = 0; i <= GKV_TABLE_COLUMNS_MAX; i++)
        memcpy(wide + 2 * i, "1,", 2);
    wide[2 * GKV_TABLE_COLUMNS_MAX + 1] = '\0';
    refused(wide, "it:1: more than 16384 fields");
    wide[2 * GKV_TABLE_COLUMNS_MAX - 1] = '\0';
    gkv_table *table = read_text(wide);
    assert_int_equal(gkv_table_columns(table), GKV_TABLE_COLUMNS_MAX);
    gkv_table_free(table);
    free(wide);
    char *line = test_alloc(GKV_TABLE_LINE_MAX + 2);
    memset(line, '1', GKV_TABLE_LINE_MAX + 1);
    refused(line, "longer than 16777216 bytes");
    free(line);
}

/* --- .npy ----------------------------------------------------------------- */

static gkv_table *read_npy(unsigned version, const char *dictionary, const uint64_t *bits, size_t n,
                           size_t size, int big_endian)
{
    unsigned char bytes[4096];
    size_t length = npy_header(bytes, version, dictionary);
    for (size_t i = 0; i < n; i++)
        length += npy_put(bytes + length, bits[i], size, big_endian);
    return read_bytes(bytes, length);
}

static void every_type_and_order_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        size_t size;
        uint64_t bits[4];
        double values[4];
    } examples[] = {
        {"f8",
         8,
         {0x3FB999999999999A, 0xC000000000000000, 1, 0x7FEFFFFFFFFFFFFF},
         {0.1, -2, 4.9406564584124654e-324, 1.7976931348623157e308}},
        {"f4",
         4,
         {0x3DCCCCCD, 0xC0000000, 1, 0x7F7FFFFF},
         {0.1f, -2, 1.401298464324817e-45, 3.4028234663852886e38}},
        {"f2", 2, {0x2E66, 0xC000, 1, 0x7BFF}, {0.0999755859375, -2, 5.9604644775390625e-8, 65504}},
        {"i1", 1, {0, 0x7F, 0x80, 0xFF}, {0, 127, -128, -1}},
        {"u1", 1, {0, 0x7F, 0x80, 0xFF}, {0, 127, 128, 255}},
        {"i2", 2, {1, 0x7FFF, 0x8000, 0xFFFE}, {1, 32767, -32768, -2}},
        {"u2", 2, {1, 0x7FFF, 0x8000, 0xFFFE}, {1, 32767, 32768, 65534}},
        {"i4", 4, {1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE}, {1, 2147483647, -2147483648.0, -2}},
        {"u4",
         4,
         {1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE},
         {1, 2147483647, 2147483648.0, 4294967294.0}},
        {"i8",
         8,
         {1, INT64_MAX, 0x8000000000000000, 0xFFDFFFFFFFFFFFFE},
         {1, 9223372036854775807.0, -9223372036854775808.0, -9007199254740994.0}},
        {"u8",
         8,
         {1, INT64_MAX, 0x8000000000000000, UINT64_MAX},
         {1, 9223372036854775807.0, 9223372036854775808.0, 18446744073709551615.0}},
    };
    char dictionary[128];
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        for (unsigned variant = 0; variant < 12; variant++) {
            const int big = variant & 1;
            const unsigned version = 1 + variant / 4;
            const char order = examples[i].size == 1 && !big ? '|' : big ? '>' : '<';
            snprintf(dictionary, sizeof dictionary,
                     "{'descr': '%c%s', 'fortran_order': %s, 'shape': (4,), }  \n", order,
                     examples[i].type, variant & 2 ? "True" : "False");
            gkv_table *table =
                read_npy(version, dictionary, examples[i].bits, 4, examples[i].size, big);
            expect_column(table, 0, "column 1", 4, examples[i].values);
            gkv_table_free(table);
        }
}

static void two_dimensions_in_both_orders(void **state)
{
    (void)state;
    static const uint64_t by_row[] = {1, 2, 3, 4, 5, 6}, by_column[] = {1, 4, 2, 5, 3, 6};
    static const double expected[3][2] = {{1, 4}, {2, 5}, {3, 6}};
    static const char *const dictionaries[] = {
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }\n",
        "{'shape': (2L, 3L), 'fortran_order': 0, \"descr\":'|u1'}",
        "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }",
        " { \"fortran_order\" : True , 'descr' : '<u1', 'shape' : ( 2 , 3 , ) } ",
    };
    for (size_t i = 0; i < 4; i++) {
        gkv_table *table = read_npy(1, dictionaries[i], i < 2 ? by_row : by_column, 6, 1, 0);
        assert_int_equal(gkv_table_columns(table), 3);
        for (size_t c = 0; c < 3; c++)
            expect_column(table, c, (const char *[]){"column 1", "column 2", "column 3"}[c], 2,
                          expected[c]);
        gkv_table_free(table);
    }
}

static void gaps_in_arrays_are_faults(void **state)
{
    (void)state;
    static const uint64_t bits[] = {0x3FF0000000000000, 0x7FF8000000000000, 0x4000000000000000,
                                    0x4008000000000000, 0x4010000000000000, 0xFFF0000000000000};
    const double *values = NULL;
    gkv_table *table =
        read_npy(1, "{'descr':'<f8','fortran_order':False,'shape':(2,3)}", bits, 6, 8, 0);
    expect_column(table, 0, "column 1", 2, (const double[]){1, 3});
    assert_fails(gkv_table_numbers(table, 1, &values), GKV_ERR_DATA,
                 "it: column 2: 1 of 2 values are missing, the first in row 1");
    assert_fails(gkv_table_numbers(table, 2, &values), GKV_ERR_DATA,
                 "it: row 2 of column 3 is infinite");
    gkv_table_free(table);
}

static void refused_npy(unsigned version, const char *dictionary, size_t n_bytes, const char *text)
{
    unsigned char bytes[4096] = {0};
    refused_bytes(bytes, npy_header(bytes, version, dictionary) + n_bytes, text);
}

static void arrays_of_other_kinds_are_refused(void **state)
{
    (void)state;
    static const char *const types[] = {"<f1", "<f16",    "<c16", "|S5",  "<U3",
                                        "|O",  "<M8[us]", "|b1",  "|f8",  "f8",
                                        "",    "<",       "<i3",  "<i16", "?"};
    char dictionary[128];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        snprintf(dictionary, sizeof dictionary,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (1,)}", types[i]);
        refused_npy(1, dictionary, 8,
                    "expected float16, float32, float64 or integers of 8 to 64 bits");
    }
    refused_npy(1, "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", 8,
                "the array is of records");
    refused_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': ()}", 8, "has 0 dimensions");
    refused_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1)}", 8,
                "has 3 dimensions");
    refused_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (0,)}", 0,
                "its shape is 0 × 1");
    refused_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 0)}", 0, "no numbers");
    refused_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 16385)}", 8,
                "at most 16384");
    refused_npy(4, "{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", 8, "version 4.0");
    refused_npy(0, "{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", 8, "version 0.0");
}

static void headers_that_lie_are_refused(void **state)
{
    (void)state;
    static const char good[] = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }";
    unsigned char bytes[512];
    const size_t header = npy_header(bytes, 1, good), whole = header + 48;
    memset(bytes + header, 0, 49);
    for (size_t n = 6; n < whole; n++) { /* truncated at any position */
        gkv_table *table = NULL;
        assert_int_equal(gkv_table_read_memory(n, bytes, "it", NULL, &table), GKV_ERR_DATA);
    }
    gkv_table_free(read_bytes(bytes, whole));
    refused_bytes(bytes, whole - 1, "promises 48 bytes of numbers, and 47 follow");
    refused_bytes(bytes, whole + 1, "followed by something else");
    refused_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (18446744073709551615,)}", 8,
                "more than memory");
    refused_npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", 8,
                "more than");
    refused_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (18446744073709551616,)}", 8,
                "64 bits");
    refused_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}", 8,
                "cut short");
    refused_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", 8,
                "expected a length");
    refused_npy(1, "{'descr': '<f8', 'fortran_order': Maybe, 'shape': (1,)}", 8, "True or False");
    refused_npy(1, "{'descr': '<f8', 'fortran_order': False}", 8, "has no \"shape\"");
    refused_npy(1, "{'descr': '<f8', 'descr': '<f8'}", 8, "twice the key \"descr\"");
    refused_npy(1, "{'descr': '<f8', 'evil': 1}", 8, "an unknown key \"evil\"");
    refused_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1,)} x", 8,
                "the end of the header");
    refused_npy(1, "", 8, "damaged");
    refused_npy(1, "{'descr", 8, "");
    refused_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1", 0, "");
    memcpy(bytes, "\x93NUMPY\x02\x00\xff\xff\xff\xff", 12);
    refused_bytes(bytes, 200, "header has 4294967295 bytes");
}

/* --- Files ---------------------------------------------------------------- */

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const double values[6] = {1, 1e300, 0.1, -4, 5e-324, 6};
    static const float floats[3] = {1, 0.1f, -3e38f};
    char path[64];
    snprintf(path, sizeof path, "%s", in_folder("table"));
    assert_ok(gkv_npy_write(path, 2, 3, values));
    gkv_table *table = NULL;
    assert_ok(gkv_table_read(path, NULL, &table));
    assert_int_equal(gkv_table_columns(table), 3);
    expect_column(table, 2, "column 3", 2, (const double[]){0.1, 6});
    gkv_table_free(table);
    assert_ok(gkv_npy_write_float(path, 3, 1, floats));
    assert_ok(gkv_table_read(path, NULL, &table));
    expect_column(table, 0, "column 1", 3, (const double[]){1, 0.1f, -3e38f});
    gkv_table_free(table);

    unsigned char bytes[256];
    FILE *file = fopen(path, "rb");
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), 128 + sizeof floats);
    fclose(file);
    /* the numbers begin at a multiple of 64 bytes, as NumPy requires */
    assert_int_equal(bytes[127], '\n');
    assert_ok(gkv_npy_write(path, 0, 3, values));
    assert_fails(gkv_table_read(path, NULL, &table), GKV_ERR_DATA, "no numbers");
    assert_fails(gkv_npy_write(path, 2, 0, values), GKV_ERR_ARGUMENT, "no columns");
    assert_fails(gkv_npy_write(path, 2, 2, NULL), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gkv_npy_write(NULL, 2, 2, values), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gkv_npy_write(path, SIZE_MAX / 4, 2, values), GKV_ERR_ARGUMENT,
                 "more than memory");
    assert_int_equal(gkv_npy_write("/nowhere/at/all.npy", 2, 3, values), GKV_ERR_IO);
}

/* A child process writes the bytes to a pipe, and the table is read from the pipe. */
static gkv_status read_through_pipe(const void *bytes, size_t size, gkv_table **out)
{
    char path[64];
    snprintf(path, sizeof path, "%s", in_folder("pipe"));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    const pid_t child = fork();
    if (child == 0) {
        FILE *file = fopen(path, "wb");
        const size_t written = file ? fwrite(bytes, 1, size, file) : 0;
        _exit(file && fclose(file) == 0 && written == size ? 0 : 1);
    }
    return gkv_table_read(path, NULL, out);
}

static void pipes_are_read_to_the_same_end(void **state)
{
    (void)state;
    enum { ROWS = 60000 };
    unsigned char *bytes = test_alloc(256 + 8 * ROWS);
    char dictionary[128];
    gkv_table *table = NULL;
    snprintf(dictionary, sizeof dictionary,
             "{'descr': '>i4', 'fortran_order': True, 'shape': (%d, 2)}", ROWS);
    const size_t header = npy_header(bytes, 1, dictionary);
    for (size_t i = 0; i < 2 * ROWS; i++)
        npy_put(bytes + header + 4 * i, i, 4, 1);
    assert_ok(read_through_pipe(bytes, header + 8 * ROWS, &table));
    for (size_t c = 0; c < 2; c++)
        for (size_t i = 0; i < ROWS; i++)
            assert_true(numbers(table, c)[i] == (double)(c * ROWS + i));
    gkv_table_free(table);
    snprintf(dictionary, sizeof dictionary,
             "{'descr': '<f8', 'fortran_order': False, 'shape': (%llu,)}", 1ULL << 40);
    const size_t lie = npy_header(bytes, 1, dictionary);
    assert_fails(read_through_pipe(bytes, lie + 80, &table), GKV_ERR_DATA, "and 80 follow");

    char *text = test_alloc(16 * ROWS);
    size_t length = 0;
    for (size_t i = 0; i < ROWS; i++)
        length += (size_t)sprintf(text + length, "%zu,%zu\n", i, 2 * i);
    assert_ok(read_through_pipe(text, length, &table));
    assert_int_equal(gkv_table_rows(table), ROWS);
    for (size_t i = 0; i < ROWS; i++)
        assert_true(numbers(table, 1)[i] == 2.0 * (double)i);
    gkv_table_free(table);
    free(text);
    free(bytes);
}

static void what_cannot_be_read_is_an_io_error(void **state)
{
    (void)state;
    gkv_table *table = NULL;
    assert_fails(gkv_table_read("/nowhere", NULL, &table), GKV_ERR_IO,
                 "/nowhere: cannot be opened: No such file");
    assert_fails(gkv_table_read(folder, NULL, &table), GKV_ERR_IO, "Is a directory");
    assert_fails(gkv_table_read(NULL, NULL, &table), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gkv_table_read_memory(3, NULL, "x", NULL, &table), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gkv_table_read_memory(1, "1", "x", NULL, NULL), GKV_ERR_ARGUMENT, "NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separators_and_line_ends_do_not_matter),
        cmocka_unit_test(names_come_from_the_header),
        cmocka_unit_test(columns_are_found_by_name_or_number),
        cmocka_unit_test(faults_wait_until_the_column_is_wanted),
        cmocka_unit_test(what_seems_to_be_a_number_is_refused_not_text),
        cmocka_unit_test(unusual_texts_are_read),
        cmocka_unit_test(line_ends_that_are_none_are_named),
        cmocka_unit_test(numbers_are_exact_in_any_locale),
        cmocka_unit_test(texts_that_are_no_tables_are_refused),
        cmocka_unit_test(every_type_and_order_is_read),
        cmocka_unit_test(two_dimensions_in_both_orders),
        cmocka_unit_test(gaps_in_arrays_are_faults),
        cmocka_unit_test(arrays_of_other_kinds_are_refused),
        cmocka_unit_test(headers_that_lie_are_refused),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(pipes_are_read_to_the_same_end),
        cmocka_unit_test(what_cannot_be_read_is_an_io_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
