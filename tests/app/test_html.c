/* The report page: it is complete, all text is escaped, and it loads nothing. */
#define _POSIX_C_SOURCE 200809L

#include "support.h"

#include <sha2.h>

#include "app/plot.h"
#include "app/html.h"
#include "app/picture.h"

static const char *const evil = "<script>alert(\"1\" & '2')</script>";
static const char *const tame =
    "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;";

static size_t occurrences(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *found = text; (found = strstr(found, part)); found += strlen(part))
        count++;
    return count;
}

static void assert_holds(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        print_error("the page lacks %s\n", part);
        fail();
    }
}

static const char *small_picture(void)
{
    const float image[4] = {0, 0.3F, 0.6F, 1};
    const char *const path = in_folder("picture.png");
    assert_ok(gki_plot_image_grid(path, image, 1, 1, 2, 2, NULL));
    return path;
}

static char *page_of(const gki_report *report)
{
    size_t count;
    assert_ok(gki_report_html(in_folder("index.html"), report));
    return read_whole(in_folder("index.html"), &count);
}

static void every_text_is_escaped(void **state)
{
    (void)state;
    const char *const columns[] = {evil, evil}, *const cells[] = {evil, evil};
    const gki_report_number number = {evil, evil, evil};
    const gki_report_table table = {evil, evil, evil, columns, 2, cells, 1};
    const gki_report_figure figure = {
        .heading = evil, .caption = evil, .png = small_picture(), .alt = evil};
    const gki_report_text text = {evil, evil};
    const gki_report report = {.title = evil,
                               .summary = evil,
                               .command = evil,
                               .numbers = &number,
                               .n_numbers = 1,
                               .tables = &table,
                               .n_tables = 1,
                               .figures = &figure,
                               .n_figures = 1,
                               .texts = &text,
                               .n_texts = 1};
    char *page = page_of(&report);
    assert_null(strstr(page, "<script"));
    /* title twice, summary, command, 3 of the number, 7 of the table, 3 of the figure, 2 of the
     * text */
    assert_int_equal(occurrences(page, tame), 19);
    free(page);
}

static void malformed_text_is_replaced(void **state)
{
    (void)state;
    const gki_report_text text = {"bytes", "a\xff"
                                           "b\x01"
                                           "c\td\n−é"};
    const gki_report report = {.title = "t", .texts = &text, .n_texts = 1};
    char *page = page_of(&report);
    assert_holds(page, ">a\xEF\xBF\xBD"
                       "b\xEF\xBF\xBD"
                       "c\td\n−é</pre>");
    free(page);
}

/* The embedded picture, decoded by other code, is the file. */
static void pictures_are_embedded_whole(void **state)
{
    (void)state;
    const char *const path = small_picture();
    const gki_report_figure figure = {.heading = "Heading", .caption = "A caption", .png = path};
    const gki_report report = {.title = "t", .figures = &figure, .n_figures = 1};
    char *page = page_of(&report);
    assert_holds(page, "alt=\"A caption\"");
    assert_holds(page, "<b>Figure 1.</b> A caption");
    assert_holds(page, "width=\"28\" height=\"28\""); /* 24 + 2·4 + 24 pixels, two in one unit */
    size_t count;
    char *file = read_whole(path, &count);
    const char *cursor = strstr(page, "base64,") + strlen("base64,");
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    int held = 0;
    size_t decoded = 0;
    for (; *cursor != '"'; cursor++) {
        if (*cursor == '=')
            continue;
        const char *const digit = strchr(digits, *cursor);
        assert_non_null(digit);
        bits = bits << 6 | (uint32_t)(digit - digits);
        held += 6;
        if (held >= 8) {
            held -= 8;
            assert_true(decoded < count);
            assert_int_equal(bits >> held & 255, (unsigned char)file[decoded]);
            decoded++;
        }
    }
    assert_int_equal(decoded, count);
    free(file);
    free(page);
}

static void numbers_are_aligned(void **state)
{
    (void)state;
    const char *const columns[] = {"model", "nats", "note", "none"};
    const char *const cells[] = {"VAE",  "−87.4", "8 layers", NULL,    "flow", "n/a",
                                 "deep", "",      "third",    "< 0.5", "",     "—"};
    const gki_report_table table = {"h", NULL, NULL, columns, 4, cells, 3};
    const gki_report report = {.title = "t", .tables = &table, .n_tables = 1};
    char *page = page_of(&report);
    assert_holds(page, "<th scope=\"col\" class=\"n\">nats</th>");
    assert_holds(page, "<td class=\"n\" data-h=\"nats\">n/a</td>");
    assert_holds(page, "<td class=\"n\" data-h=\"nats\">&lt; 0.5</td>");
    assert_holds(page, "<th scope=\"row\">VAE</th>");
    assert_holds(page, "<td>8 layers</td>"); /* its column also has words */
    assert_holds(page, "<th scope=\"col\">none</th>");
    free(page);
    assert_true(gki_html_is_number("±0.2") && gki_html_is_number("− 5") &&
                gki_html_is_number(".5") && gki_html_is_number("−∞"));
    assert_false(gki_html_is_number("") || gki_html_is_number("-") || gki_html_is_number("x1") ||
                 gki_html_is_number(NULL));
}

static void nothing_is_loaded_from_outside(void **state)
{
    (void)state;
    const gki_report_figure figure = {.heading = "Heading", .png = small_picture()};
    const gki_report_text texts[4] = {{"one", "1"}, {"two", "2"}, {"three", NULL}, {NULL, "4"}};
    const gki_report report = {
        .title = "t", .figures = &figure, .n_figures = 1, .texts = texts, .n_texts = 4};
    char *page = page_of(&report);
    assert_null(strstr(page, "http:"));
    assert_null(strstr(page, "https:"));
    assert_null(strstr(page, "url("));
    assert_null(strstr(page, "@import"));
    assert_int_equal(occurrences(page, "src="), 1);
    assert_int_equal(occurrences(page, "src=\"data:image/png;base64,"), 1);
    assert_holds(page, "<html lang=\"en\">");
    assert_holds(page, "name=\"viewport\"");
    assert_holds(page, "prefers-color-scheme:dark");
    assert_holds(page, "alt=\"Heading\"");
    /* Every link of the contents has a target, and sections without a heading have no link. */
    assert_int_equal(occurrences(page, "href=\"#s"), 4);
    assert_int_equal(occurrences(page, "<section id=\"s"), 5);
    assert_holds(page, "href=\"#s4\">three</a>");
    assert_holds(page, "<section id=\"s4\" aria-labelledby=\"h4\">\n<h2 id=\"h4\">three</h2>");
    for (size_t i = 0; i < 6; i++) {
        static const char *const pairs[6][2] = {
            {"<section", "</section>"}, {"<figure>", "</figure>"}, {"<div", "</div>"},
            {"<pre", "</pre>"},         {"<ul>", "</ul>"},         {"<h2", "</h2>"}};
        assert_int_equal(occurrences(page, pairs[i][0]), occurrences(page, pairs[i][1]));
    }
    free(page);
}

/* The SHA-256 of the text, in base64. */
static void hash_of(const char *text, size_t count, char out[45])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t digest[33] = {0};
    SHA2_CTX context;
    SHA256Init(&context);
    SHA256Update(&context, (const uint8_t *)text, count);
    SHA256Final(digest, &context);
    for (size_t i = 0; i < 43; i++) {
        const size_t bit = 6 * i;
        out[i] =
            digits[((unsigned)digest[bit / 8] << 8 | digest[bit / 8 + 1]) >> (10 - bit % 8) & 63];
    }
    strcpy(out + 43, "=");
}

/* A page with numbers or frames runs its own script, which its policy names by its hash, and no
 * text can end the element of the numbers. Other pages run none. */
static void the_policy_allows_the_script_alone(void **state)
{
    (void)state;
    const gki_report_frame frames[] = {{evil, small_picture()}, {"second", small_picture()}};
    const gki_report_figure figures[] = {
        {.heading = "lines", .png = small_picture(), .data = "{\"x\":\"</script><b>\"}"},
        {.heading = "frames", .frames = frames, .n_frames = 2}};
    const gki_report report = {.title = "t", .figures = figures, .n_figures = 2};
    char *page = page_of(&report), hash[45], policy[128];
    assert_holds(page,
                 "<script type=\"application/json\">{\"x\":\"\\u003c/script>\\u003cb>\"}</script>");
    const char *begin = strstr(page, "<script>"), *end = begin ? strstr(begin, "</script>") : NULL;
    assert_non_null(end);
    begin += strlen("<script>");
    hash_of(begin, (size_t)(end - begin), hash);
    snprintf(policy, sizeof policy, "; script-src 'sha256-%s'\">", hash);
    assert_holds(page, policy);
    assert_int_equal(occurrences(page, "<script"), 2);
    assert_int_equal(occurrences(page, "class=\"frame\""), 2);
    assert_int_equal(occurrences(page, tame), 2); /* the text for readers who cannot see it, too */
    assert_holds(page, "<span>second</span>");
    free(page);
    const gki_report_figure plain = {.heading = "h", .png = small_picture()};
    const gki_report without = {.title = "t", .figures = &plain, .n_figures = 1};
    page = page_of(&without);
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "script-src"));
    assert_holds(page, "default-src 'none'");
    free(page);
}

static void same_input_same_bytes(void **state)
{
    (void)state;
    const gki_report_figure figure = {
        .heading = "Heading", .caption = "Caption", .png = small_picture()};
    const gki_report report = {.title = "t", .figures = &figure, .n_figures = 1};
    assert_ok(gki_report_html(in_folder("once.html"), &report));
    assert_ok(gki_report_html(in_folder("twice.html"), &report));
    assert_same_bytes(in_folder("once.html"), in_folder("twice.html"));
}

static void a_failure_leaves_the_old_page(void **state)
{
    (void)state;
    gki_report_figure figure = {.heading = "f", .png = small_picture()};
    gki_report report = {.title = "old"};
    const char *const path = in_folder("index.html");
    count_files(1);
    free(page_of(&report));
    report = (gki_report){.title = "new", .figures = &figure, .n_figures = 1};
    assert_fails(gki_report_html(path, &report), GKV_ERR_IO, "picture.png");

    size_t count;
    char *bytes = read_whole((small_picture()), &count);
    FILE *half = fopen(in_folder("picture.png"), "wb");
    assert_non_null(half);
    fwrite(bytes, 1, count / 2, half);
    fclose(half);
    free(bytes);
    assert_fails(gki_report_html(path, &report), GKV_ERR_DATA, "only the beginning");
    figure.png = path;
    assert_fails(gki_report_html(path, &report), GKV_ERR_DATA, "not a PNG");

    bytes = read_whole(path, &count);
    assert_holds(bytes, "<title>old</title>");
    free(bytes);
    assert_int_equal(count_files(0), 2); /* the page and the half picture, but no temporary file */
}

static void refuses(void **state)
{
    (void)state;
    count_files(1);
    const char *const columns[] = {"a"};
    const gki_report_table without_columns = {.heading = "t"},
                           without_cells = {.columns = columns, .n_columns = 1, .n_rows = 1};
    const gki_report_table empty = {.heading = "t", .columns = columns, .n_columns = 1};
    const gki_report_figure nameless = {.heading = "f"};
    const char *const path = in_folder("no.html");
    assert_fails(gki_report_html(path, &(gki_report){0}), GKV_ERR_ARGUMENT, "title");
    assert_fails(gki_report_html("", &(gki_report){.title = "t"}), GKV_ERR_ARGUMENT, "no path");
    assert_fails(gki_report_html(
                     path, &(gki_report){.title = "t", .tables = &without_columns, .n_tables = 1}),
                 GKV_ERR_ARGUMENT, "table 0");
    assert_fails(
        gki_report_html(path, &(gki_report){.title = "t", .tables = &without_cells, .n_tables = 1}),
        GKV_ERR_ARGUMENT, "table 0");
    assert_fails(
        gki_report_html(path, &(gki_report){.title = "t", .figures = &nameless, .n_figures = 1}),
        GKV_ERR_ARGUMENT, "figure 0");
    assert_fails(gki_report_html(in_folder("a/b.html"), &(gki_report){.title = "t"}), GKV_ERR_IO,
                 "a/b.html");
    assert_int_equal(count_files(0), 0);
    assert_ok(gki_report_html(path, &(gki_report){.title = "t", .tables = &empty, .n_tables = 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_is_escaped),
        cmocka_unit_test(malformed_text_is_replaced),
        cmocka_unit_test(pictures_are_embedded_whole),
        cmocka_unit_test(numbers_are_aligned),
        cmocka_unit_test(nothing_is_loaded_from_outside),
        cmocka_unit_test(the_policy_allows_the_script_alone),
        cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(a_failure_leaves_the_old_page),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
