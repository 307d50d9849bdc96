/* Tables of labels: columns, headers, names of files, words. */
#include "support.h"

#include "data/label_table.h"

static gki_words words_of(size_t count, const char *const list[])
{
    gki_words words = {0};
    for (size_t i = 0; i < count; i++)
        assert_ok(gki_words_copy(&words, list[i]));
    return words;
}

/* Parses a table for the images a.png, b.png and sub/c.png, or for three of one file. */
static gkv_status parse(const char *text, bool folder, gki_words *out)
{
    static const char *const list[] = {"a.png", "b.png", "sub/c.png"};
    gki_words names = words_of(3, list);
    const gkv_status status =
        gki_label_table_parse("t.csv", text, strlen(text), folder ? &names : NULL, 3, out);
    gki_words_free(&names);
    return status;
}

static void every_form_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool folder;
    } good[] = {
        {"x\ny y\nz\n", false},
        {"\xEF\xBB\xBFlabel\r\nx\r\ny y\r\nz", false},
        {"sep=;\nid;label\n1;x\n2;y y\n3;z\n", false},
        {"class,id\nx,1\ny y,2\nz,3\n", false},
        {"whatever\nx\ny y\nz\n", true},
        {"file,label\nb.png,y y\na.png,x\nother.png,w\nsub/c.png,z\n", true},
        {"b;y y\n./a.png;x\n\nsub/c;z\n", true},
        {"id\tx\tlabel\na\t1\tx\nb\t2\t\"y y\"\nsub/c\t3\tz\n", true},
        {"\"a.png\",\"x\"\n\"b.png\" , y y \n\"sub/c.png\",z\n", true},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        gki_words words;
        assert_ok(parse(good[i].text, good[i].folder, &words));
        assert_int_equal(words.count, 3);
        assert_string_equal(words.list[0], "x");
        assert_string_equal(words.list[1], "y y");
        assert_string_equal(words.list[2], "z");
        gki_words_free(&words);
    }
}

static void other_tables_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool folder;
        const char *message;
    } bad[] = {
        {"", false, "no labels in it"},
        {"\n\n", true, "no labels in it"},
        {"x\ny\n", false, "there are 2 labels; expected 3"},
        {"x\ny\nz\nw\nv\n", true, "there are 5 labels; expected 3"},
        {"a,x\nb,y\n", true, "there is no label of sub/c.png"},
        {"a,x\nb,y\nsub/c,z\na.png,x\n", true, "record 4 is another label of a.png"},
        {"a,x\nb,y,z\n", true, "record 2 has 3 fields, and the first one has 2"},
        {"a,x,1\nb,y,1\nsub/c,z,1\n", true, "expected file and label, or a header"},
        {"1,x\n2,y\n3,z\n", false, "expected one label in each line, or a header"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gki_words words;
        assert_fails(parse(bad[i].text, bad[i].folder, &words), GKV_ERR_DATA, bad[i].message);
        assert_int_equal(words.count, 0);
    }
    gki_words words;
    assert_fails(gki_label_table_parse("t.csv", "a\0b", 3, NULL, 1, &words), GKV_ERR_DATA,
                 "zero byte");
}

static void words_are_numbered(void **state)
{
    (void)state;
    static const char *const list[] = {"dog", "cat", "dog", "ant"},
                             *const sorted[] = {"bee", "dog"},
                             *const numbers[] = {"255", "007", "0", "12"};
    gki_words words = words_of(4, list), known = {0}, digits = words_of(4, numbers);
    uint8_t labels[4];
    assert_ok(gki_words_label(&words, &known, "t", labels));
    assert_memory_equal(labels, "\2\1\2\0", 4);
    assert_ok(gki_words_label(&digits, &known, "t", labels));
    assert_memory_equal(labels, "\xff\7\0\x0c", 4);
    assert_fails(gki_words_label(&words, &digits, "t", labels), GKV_ERR_DATA,
                 "the label \"dog\" is not a whole number of 0 … 255");
    known = words_of(2, sorted);
    assert_ok(gki_words_label(&words, &known, "t", labels));
    assert_memory_equal(labels, "\1\3\1\2", 4);
    gki_words_free(&words);
    gki_words_free(&known);
    gki_words_free(&digits);
    for (int i = 0; i < 257; i++) {
        char word[8];
        snprintf(word, sizeof word, "w%d", i);
        assert_ok(gki_words_copy(&words, word));
    }
    uint8_t many[257];
    assert_fails(gki_words_label(&words, &known, "t", many), GKV_ERR_DATA,
                 "there are 257 different labels; at most 256");
    gki_words_free(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read),
        cmocka_unit_test(other_tables_are_refused),
        cmocka_unit_test(words_are_numbered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
