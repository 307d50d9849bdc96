/* INI files as they stand. */
#define _XOPEN_SOURCE 700
#include "folder.h"

#include "config/ini.h"

static gki_ini *read_text(const char *text)
{
    gki_ini *ini = NULL;
    assert_ok(gki_ini_read(put("a.ini", text, strlen(text)), &ini));
    return ini;
}

static void assert_entry(const gki_ini *ini, size_t i, int line, const char *section,
                         const char *key, const char *value)
{
    const gki_ini_entry *entry = gki_ini_at(ini, i);
    assert_non_null(entry);
    assert_int_equal(entry->line, line);
    assert_string_equal(entry->section, section);
    assert_int_equal(!key, !entry->key);
    if (!key)
        return;
    assert_string_equal(entry->key, key);
    assert_string_equal(entry->value, value);
}

static void entries_in_order(void **state)
{
    (void)state;
    char text[2000], section[200], value[600];
    memset(section, 's', sizeof section);
    memset(value, 'v', sizeof value);
    section[sizeof section - 1] = value[sizeof value - 1] = '\0';
    snprintf(text, sizeof text,
             "\xEF\xBB\xBF"
             "early = 1\n; nothing\n[plan]\r\n  seeds = 1-3 ; three\r\n\n[a b]\n[%s]\nlong = %s\n"
             "[plan]\neval.x : --samples 5 # few\nempty =\n",
             section, value);
    gki_ini *ini = read_text(text);
    assert_int_equal(gki_ini_count(ini), 9);
    assert_entry(ini, 0, 1, "", "early", "1");
    assert_entry(ini, 1, 3, "plan", NULL, NULL);
    assert_entry(ini, 2, 4, "plan", "seeds", "1-3");
    assert_entry(ini, 3, 6, "a b", NULL, NULL);
    assert_entry(ini, 4, 7, section, NULL, NULL);
    assert_entry(ini, 5, 8, section, "long", value);
    assert_entry(ini, 6, 9, "plan", NULL, NULL);
    assert_entry(ini, 7, 10, "plan", "eval.x", "--samples 5");
    assert_entry(ini, 8, 11, "plan", "empty", "");
    assert_null(gki_ini_at(ini, 9));
    gki_ini_free(ini);
    gki_ini_free(NULL);
    assert_int_equal(gki_ini_count(NULL), 0);
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"[a]\nx = 1\n[b]\nx = 1\n[a]\nx = 2\n", "a.ini:6: a.x is set on line 2 already"},
        {"x = 1\nx = 1\n", "a.ini:2: x is set on line 1 already"},
        {"[a]\nword\n", "a.ini:2: a line must be"},
        {"[a\n", "a.ini:1: a section is written"},
        {"[a] x = 1\n", "a.ini:1: a section is written"},
    };
    gki_ini *ini = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_fails(gki_ini_read(put("a.ini", bad[i].text, strlen(bad[i].text)), &ini),
                     GKV_ERR_CONFIG, bad[i].message);
        assert_null(ini);
    }
    char *many = test_alloc(12 * (GKV_INI_ENTRIES_MAX + 1)), *end = many;
    for (int i = 0; i <= GKV_INI_ENTRIES_MAX; i++)
        end += sprintf(end, "k%d=1\n", i);
    assert_fails(gki_ini_read(put("a.ini", many, strlen(many)), &ini), GKV_ERR_CONFIG,
                 "a.ini:10001: the file has too many entries");
    free(many);
    assert_fails(gki_ini_read("/no/such.ini", &ini), GKV_ERR_IO, "/no/such.ini");
    assert_fails(gki_ini_read(NULL, &ini), GKV_ERR_ARGUMENT, "NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(entries_in_order),
                                       cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
