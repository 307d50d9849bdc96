/* The report page: the parts of a page, and the page itself. */
#include "app/html.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/foreign.h"
#include "core/memory.h"
#include "app/base64.h"
#include "app/plot.h"
#include "app/report_script.h"
#include "app/report_style.h"
#include "core/utf8.h"

/* --- Parts of a page ------------------------------------------------------ */

/* Most bytes of a picture. */
static const size_t PNG_LIMIT = (size_t)256 << 20;

void gki_html_text(gki_file_writer *out, const char *text)
{
    for (uint32_t c; text && (c = gki_utf8_next(&text)) != 0;) {
        char bytes[4];
        switch (c) {
        case '&': gki_file_printf(out, "&amp;"); break;
        case '<': gki_file_printf(out, "&lt;"); break;
        case '>': gki_file_printf(out, "&gt;"); break;
        case '"': gki_file_printf(out, "&quot;"); break;
        case '\'': gki_file_printf(out, "&#39;"); break;
        default:
            /* HTML allows no control characters except these two. */
            if ((c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0))
                c = 0xFFFD;
            gki_file_write(out, bytes, gki_utf8_put(c, bytes));
        }
    }
}

static unsigned big_endian(const unsigned char *bytes)
{
    return (unsigned)bytes[0] << 24 | (unsigned)bytes[1] << 16 | (unsigned)bytes[2] << 8 | bytes[3];
}

gkv_status gki_png_read(const char *path, gki_png *png)
{
    static const unsigned char head[16] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n',
                                           0,    0,   0,   13,  'I',  'H',  'D',  'R'};
    static const unsigned char tail[8] = {'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
    memset(png, 0, sizeof *png);
    GKV_TRY(gki_file_read(path, PNG_LIMIT, &png->bytes, &png->count));
    const unsigned char *const bytes = (const unsigned char *)png->bytes;
    if (png->count >= 45 && memcmp(bytes, head, sizeof head) == 0 &&
        memcmp(bytes + png->count - sizeof tail, tail, sizeof tail) == 0) {
        png->width = big_endian(bytes + 16);
        png->height = big_endian(bytes + 20);
    }
    if (png->width && png->height)
        return GKV_OK;
    const gkv_status status = gki_foreign_check(
        GKV_ERR_DATA, path, png->bytes,
        png->count < GKV_FOREIGN_BYTES ? png->count : GKV_FOREIGN_BYTES, GKV_WANTED_PNG);
    free(png->bytes);
    png->bytes = NULL;
    GKV_TRY(status);
    return gki_fail(GKV_ERR_DATA,
                    "%s: is not a PNG picture, or only the beginning of one; draw it again", path);
}

void gki_html_data_uri(gki_file_writer *out, const gki_png *png)
{
    gki_file_printf(out, "data:image/png;base64,");
    gki_base64_write(out, png->bytes, png->count);
}

int gki_html_is_number(const char *cell)
{
    static const char *const signs[] = {"−", "±", "≤", "≥", "≈", "-", "+", "<", ">", "~", " "};
    if (!cell)
        return 0;
    for (size_t i = 0; i < sizeof signs / sizeof *signs;) {
        const size_t length = strlen(signs[i]);
        if (strncmp(cell, signs[i], length) == 0) {
            cell += length;
            i = 0;
        } else {
            i++;
        }
    }
    if (*cell == '.')
        cell++;
    return (*cell >= '0' && *cell <= '9') || strncmp(cell, "∞", sizeof "∞" - 1) == 0;
}

int gki_html_is_blank(const char *cell)
{
    static const char *const words[] = {"", "-", "–", "—", "n/a", "nan"};
    for (size_t i = 0; cell && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(cell, words[i]) == 0)
            return 1;
    return !cell;
}

/* --- The page ------------------------------------------------------------- */

/* The state of writing a page. */
typedef struct page {
    gki_file_writer *out;
    /* numbers of sections, figures and tables so far; links use those of sections */
    size_t section, figure, table;
} page;

static int has(const char *text)
{
    return text && *text;
}

static gkv_status check_report(const gki_report *report)
{
    if (!report->title || !*report->title)
        return gki_fail(GKV_ERR_ARGUMENT, "a report must have a title");
    for (size_t i = 0; i < report->n_tables; i++)
        if (report->tables[i].n_columns == 0 || !report->tables[i].columns ||
            (report->tables[i].n_rows && !report->tables[i].cells))
            return gki_fail(GKV_ERR_ARGUMENT, "table %zu of the report has no columns or no cells",
                            i);
    for (size_t i = 0; i < report->n_figures; i++)
        if (report->figures[i].n_frames == 0 && !has(report->figures[i].png))
            return gki_fail(GKV_ERR_ARGUMENT, "figure %zu of the report names no picture", i);
    return GKV_OK;
}

/* Writes an element without attributes that contains escaped text. Without text, nothing is
 * written. */
static void element(gki_file_writer *out, const char *open, const char *text, const char *close)
{
    if (!has(text))
        return;
    gki_file_printf(out, "%s", open);
    gki_html_text(out, text);
    gki_file_printf(out, "%s", close);
}

/* True if a figure has something for the script of the page. */
static bool has_script(const gki_report *report)
{
    for (size_t i = 0; i < report->n_figures; i++)
        if (report->figures[i].data || report->figures[i].n_frames > 1)
            return true;
    return false;
}

static void write_head(gki_file_writer *out, const gki_report *report)
{
    gki_file_printf(
        out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             /* Tells the browser to load nothing, and to run nothing but the page's own
                     * script, if it has one. */
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri "
             "'none'; form-action 'none'; img-src data:; style-src 'unsafe-inline'");
    if (has_script(report)) {
        gki_file_printf(out, "; script-src ");
        gki_report_script_hash(out);
    }
    gki_file_printf(out, "\">\n<meta name=\"generator\" content=\"gkvae %s\">\n", gkv_version());
    element(out, "<title>", report->title, "</title>\n<style>\n");
    for (const char *const *line = gki_report_style; *line; line++)
        gki_file_printf(out, "%s\n", *line);
    gki_file_printf(out, "</style>\n</head>\n<body>\n");
}

/* Writes the link to another page, if there is one. */
static void write_link(page *p, const char *heading)
{
    p->section++;
    if (!has(heading))
        return;
    gki_file_printf(p->out, "<li><a href=\"#s%zu\">", p->section);
    gki_html_text(p->out, heading);
    gki_file_printf(p->out, "</a></li>\n");
}

/* Writes links to the sections if there are at least four. */
static void write_contents(gki_file_writer *out, const gki_report *report)
{
    page links = {.out = out};
    if (report->n_tables + report->n_figures + report->n_texts < 4)
        return;
    gki_file_printf(out, "<nav aria-label=\"Contents\">\n<ul>\n");
    for (size_t i = 0; i < report->n_figures; i++)
        if (report->figures[i].leads)
            write_link(&links, report->figures[i].heading);
    for (size_t i = 0; i < report->n_tables; i++)
        write_link(&links, report->tables[i].heading);
    for (size_t i = 0; i < report->n_figures; i++)
        if (!report->figures[i].leads)
            write_link(&links, report->figures[i].heading);
    for (size_t i = 0; i < report->n_texts; i++)
        write_link(&links, report->texts[i].heading);
    gki_file_printf(out, "</ul>\n</nav>\n");
}

static void write_numbers(gki_file_writer *out, const gki_report *report)
{
    if (report->n_numbers == 0)
        return;
    gki_file_printf(out, "<dl class=\"numbers\">\n");
    for (size_t i = 0; i < report->n_numbers; i++) {
        const gki_report_number *const number = &report->numbers[i];
        gki_file_printf(out, "<div><dt>");
        gki_html_text(out, number->label);
        gki_file_printf(out, "</dt><dd class=\"value\">");
        gki_html_text(out, number->value);
        gki_file_printf(out, "</dd>");
        element(out, "<dd class=\"note\">", number->note, "</dd>");
        gki_file_printf(out, "</div>\n");
    }
    gki_file_printf(out, "</dl>\n");
}

static void open_section(page *p, const char *heading)
{
    p->section++;
    gki_file_printf(p->out, "<section id=\"s%zu\"", p->section);
    if (has(heading)) {
        gki_file_printf(p->out, " aria-labelledby=\"h%zu\">\n<h2 id=\"h%zu\">", p->section,
                        p->section);
        gki_html_text(p->out, heading);
        gki_file_printf(p->out, "</h2>\n");
    } else {
        gki_file_printf(p->out, ">\n");
    }
}

/* Nonzero if a column has at least one number, and if all its cells are numbers or blank. */
static int is_numeric_column(const gki_report_table *table, size_t column)
{
    int numbers = 0;
    for (size_t row = 0; row < table->n_rows; row++) {
        const char *const cell = table->cells[row * table->n_columns + column];
        if (gki_html_is_number(cell))
            numbers = 1;
        else if (!gki_html_is_blank(cell))
            return 0;
    }
    return numbers;
}

/* Writes a row of cells; `headings` is NULL for the row of the headings itself. On a phone, each
 * number is shown with its heading, which its cell therefore repeats. */
static void write_cells(gki_file_writer *out, const char *const *cells, const char *numeric,
                        size_t n, const char *const *headings)
{
    gki_file_printf(out, "<tr>");
    for (size_t c = 0; c < n; c++) {
        const char *const tag = !headings || c == 0 ? "th" : "td";
        gki_file_printf(out, "<%s%s%s", tag,
                        !headings ? " scope=\"col\""
                        : c == 0  ? " scope=\"row\""
                                  : "",
                        numeric[c] ? " class=\"n\"" : "");
        if (headings && numeric[c] && has(cells[c])) {
            gki_file_printf(out, " data-h=\"");
            gki_html_text(out, headings[c]);
            gki_file_printf(out, "\"");
        }
        gki_file_printf(out, ">");
        gki_html_text(out, cells[c]);
        gki_file_printf(out, "</%s>", tag);
    }
    gki_file_printf(out, "</tr>\n");
}

enum { CLOSE_COLUMNS = 7 }; /* tables with more columns have smaller text and spaces */

static gkv_status write_table(page *p, const gki_report_table *table)
{
    gki_file_writer *const out = p->out;
    const size_t n = table->n_columns;
    char *numeric = NULL; /* one flag for each column */
    GKV_TRY(gki_alloc(n, sizeof *numeric, &numeric));
    for (size_t c = 0; c < n; c++)
        numeric[c] = (char)is_numeric_column(table, c);
    open_section(p, table->heading);
    p->table++;
    element(out, "<p class=\"plain\">", table->plain, "</p>\n");
    element(out, "<p>", table->caption, "</p>\n");
    /* A table that is too wide scrolls in its own box, which the keyboard can reach. */
    gki_file_printf(out,
                    "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table "
                    "%zu\">\n<table%s>\n<thead>\n",
                    p->table, n > CLOSE_COLUMNS ? " class=\"close\"" : "");
    write_cells(out, table->columns, numeric, n, NULL);
    gki_file_printf(out, "</thead>\n<tbody>\n");
    for (size_t row = 0; row < table->n_rows; row++)
        write_cells(out, table->cells + row * n, numeric, n, table->columns);
    if (table->n_rows == 0)
        gki_file_printf(out, "<tr><td colspan=\"%zu\">no rows</td></tr>\n", n);
    gki_file_printf(out, "</tbody>\n</table>\n</div>\n</section>\n");
    free(numeric);
    return GKV_OK;
}

/* Writes the picture of a file. The size is half the pixels, since pictures have two pixels in one
 * unit. On a phone, a wide picture is enlarged when it has the focus, so that its text can be
 * read. */
static gkv_status write_picture(page *p, const gki_report_figure *figure)
{
    gki_file_writer *const out = p->out;
    gki_png png;
    GKV_TRY(gki_png_read(figure->png, &png));
    const char *const alt = has(figure->alt)       ? figure->alt
                            : has(figure->caption) ? figure->caption
                                                   : figure->heading;
    const unsigned width = png.width / 2 + png.width % 2, height = png.height / 2 + png.height % 2;
    const int wide = width > 600;
    gki_file_printf(out, "<div class=\"paper\"");
    if (wide)
        gki_file_printf(out, " tabindex=\"0\" role=\"group\" aria-label=\"Figure %zu\"", p->figure);
    gki_file_printf(out, "><img class=\"still%s\" width=\"%u\" height=\"%u\" alt=\"",
                    wide ? " wide" : "", width, height);
    gki_html_text(out, alt);
    gki_file_printf(out, "\" src=\"");
    gki_html_data_uri(out, &png);
    gki_file_printf(out, "\"></div>\n");
    free(png.bytes);
    return GKV_OK;
}

/* Writes the frames of a figure, one below another, each with its label. */
static gkv_status write_frames(page *p, const gki_report_figure *figure)
{
    gki_file_writer *const out = p->out;
    gki_file_printf(out, "<div class=\"paper\">");
    for (size_t i = 0; i < figure->n_frames; i++) {
        gki_png png;
        GKV_TRY(gki_png_read(figure->frames[i].png, &png));
        gki_file_printf(out, "<div class=\"frame\"><img width=\"%u\" height=\"%u\" alt=\"",
                        png.width, png.height);
        gki_html_text(out, figure->frames[i].label);
        gki_file_printf(out, "\" src=\"");
        gki_html_data_uri(out, &png);
        element(out, "\"><span>", figure->frames[i].label, "</span></div>\n");
        free(png.bytes);
    }
    gki_file_printf(out, "</div>\n");
    return GKV_OK;
}

static gkv_status write_figure(page *p, const gki_report_figure *figure)
{
    gki_file_writer *const out = p->out;
    open_section(p, figure->heading);
    p->figure++;
    gki_file_printf(out, "<figure>\n");
    GKV_TRY(figure->n_frames > 0 ? write_frames(p, figure) : write_picture(p, figure));
    if (figure->data)
        gki_report_data(out, figure->data);
    gki_file_printf(out, "<figcaption><b>Figure %zu.</b> ", p->figure);
    gki_html_text(out, figure->caption);
    gki_file_printf(out, "</figcaption>\n</figure>\n</section>\n");
    return GKV_OK;
}

/* Writes the leading figures, or the others. */
static gkv_status write_figures(page *p, const gki_report *report, bool leading)
{
    for (size_t i = 0; i < report->n_figures; i++)
        if ((report->figures[i].leads != 0) == leading)
            GKV_TRY(write_figure(p, &report->figures[i]));
    return GKV_OK;
}

static void write_page_link(gki_file_writer *out, const gki_report *report)
{
    if (!has(report->link))
        return;
    element(out, "<p class=\"summary\"><a href=\"", report->link, "\">");
    gki_html_text(out, has(report->link_text) ? report->link_text : report->link);
    gki_file_printf(out, "</a></p>\n");
}

gkv_status gki_report_html(const char *path, const gki_report *report)
{
    if (!path || !*path)
        return gki_fail(GKV_ERR_ARGUMENT, "no path was given to write the report to");
    GKV_TRY(check_report(report));
    gki_file_writer *out = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_file_begin(path, &out));
    page p = {.out = out};
    write_head(out, report);
    gki_file_printf(out, "<header>\n");
    element(out, "<h1>", report->title, "</h1>\n");
    element(out, "<p class=\"summary\">", report->summary, "</p>\n");
    write_page_link(out, report);
    element(out, "<code class=\"command\">", report->command, "</code>\n");
    write_contents(out, report);
    gki_file_printf(out, "</header>\n<main>\n");
    write_numbers(out, report);
    GKV_TRY_GOTO(write_figures(&p, report, true));
    for (size_t i = 0; i < report->n_tables; i++)
        GKV_TRY_GOTO(write_table(&p, &report->tables[i]));
    GKV_TRY_GOTO(write_figures(&p, report, false));
    for (size_t i = 0; i < report->n_texts; i++) {
        open_section(&p, report->texts[i].heading);
        gki_file_printf(out, "<pre tabindex=\"0\">");
        gki_html_text(out, report->texts[i].text);
        gki_file_printf(out, "</pre>\n</section>\n");
    }
    gki_file_printf(out, "</main>\n<footer>Made by gkvae %s.</footer>\n", gkv_version());
    if (has_script(report))
        gki_report_script(out);
    gki_file_printf(out, "</body>\n</html>\n");
    status = gki_file_commit(out);
    out = NULL;
done:
    gki_file_abandon(out);
    return status;
}
