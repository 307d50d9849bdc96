/* What the first bytes of a file show, and what each reader is told of it. */
#include "support.h"

#include "core/foreign.h"

/* The readers in which bytes are not refused. */
enum {
    TABLE = 1 << GKV_WANTED_TABLE,
    IMAGES = 1 << GKV_WANTED_IMAGES,
    LABELS = 1 << GKV_WANTED_LABELS,
    MODEL = 1 << GKV_WANTED_MODEL,
    SETTINGS = 1 << GKV_WANTED_SETTINGS,
    JSON = 1 << GKV_WANTED_JSON,
    PNG = 1 << GKV_WANTED_PNG,
    TEXT = TABLE | LABELS | SETTINGS | JSON,
    ALL = TEXT | IMAGES | MODEL | PNG
};

static void check(const void *bytes, size_t count, int accepted, const char *what)
{
    for (int wanted = 0; wanted < GKV_WANTED_KINDS; wanted++) {
        const gkv_status status =
            gki_foreign_check(GKV_ERR_DATA, "file", bytes, count, (gki_wanted)wanted);
        const bool taken = accepted >> wanted & 1;
        if ((status == GKV_OK) != taken ||
            (!taken && (status != GKV_ERR_DATA || !strstr(gkv_error_message(), what)))) {
            print_error("%.*s for reader %d: %s \"%s\"\n", (int)count, (const char *)bytes, wanted,
                        gkv_status_name(status), gkv_error_message());
            fail();
        }
    }
}

static void test_formats(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int accepted;
        const char *what;
    } cases[] = {
        {"a,b\n1,2\n", TEXT, "it is text"},
        {"[1, 2, 3]", JSON, "it is JSON"},
        {"{\"a\": 1}", JSON, "it is JSON"},
        {"{}", JSON, "it is JSON"},
        {"[[1, 2], [3, 4]]", JSON, "it is JSON"},
        {"[ [ \"a\" ] ]", JSON, "it is JSON"},
        {"[[", TEXT, "it is text"}, /* a mistake in a section of settings */
        {"[section]\n", TEXT, "it is text"},
        {"[1", TEXT, "it is text"},
        {"<!DOCTYPE html><html>", 0, "page"},
        {" \n<HTML lang=en>", 0, "page"},
        {"\xEF\xBB\xBF<head>", 0, "page"},
        {"<body>", 0, "page"},
        {"<?xml version='1.0'?>", 0, "XML"},
        {"\x89PNG\r\n\x1a\n", PNG, "PNG"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i].text, strlen(cases[i].text), cases[i].accepted, cases[i].what);
}

/* Bytes that are of no known format are left to the reader. */
static void test_unknown(void **state)
{
    (void)state;
    const char bytes[] = {1, 2, 3, 4, 0, 5, 6, 7};
    check(bytes, sizeof bytes, ALL, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
