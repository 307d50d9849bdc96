/* The report page. */
#include "report/html.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/memory.h"
#include "gkvae/plot.h"

/* Sections are numbered through the page, for the links of its contents. */
typedef struct page {
    gkv_file_writer *out;
    size_t section, figure, table;
} page;

static gkv_status check(const gkv_report *report)
{
    if (!report->title || !*report->title)
        return gkv_fail(GKV_ERR_ARGUMENT, "a report must have a title");
    for (size_t i = 0; i < report->n_tables; i++)
        if (report->tables[i].n_columns == 0 || !report->tables[i].columns ||
            (report->tables[i].n_rows && !report->tables[i].cells))
            return gkv_fail(GKV_ERR_ARGUMENT, "table %zu of the report has no columns or no cells", i);
    for (size_t i = 0; i < report->n_figures; i++)
        if (!report->figures[i].png || !*report->figures[i].png)
            return gkv_fail(GKV_ERR_ARGUMENT, "figure %zu of the report names no picture", i);
    return GKV_OK;
}

static int has(const char *text)
{
    return text && *text;
}

/* An element without attributes around escaped text; nothing for no text. */
static void element(gkv_file_writer *out, const char *open, const char *text, const char *close)
{
    if (!has(text))
        return;
    gkv_file_printf(out, "%s", open);
    gkv_html_text(out, text);
    gkv_file_printf(out, "%s", close);
}

static void write_head(gkv_file_writer *out, const gkv_report *report)
{
    gkv_file_printf(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                         /* Says to the browser what is so anyway: nothing is fetched, nothing runs. */
                         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                         "img-src data:; style-src 'unsafe-inline'\">\n"
                         "<meta name=\"generator\" content=\"gkvae %s\">\n", gkv_version());
    element(out, "<title>", report->title, "</title>\n<style>\n");
    for (const char *const *line = gkv_html_style; *line; line++)
        gkv_file_printf(out, "%s\n", *line);
    gkv_file_printf(out, "</style>\n</head>\n<body>\n");
}

static void write_link(page *p, const char *heading)
{
    p->section++;
    if (!has(heading))
        return;
    gkv_file_printf(p->out, "<li><a href=\"#s%zu\">", p->section);
    gkv_html_text(p->out, heading);
    gkv_file_printf(p->out, "</a></li>\n");
}

/* Links to the sections, when there are enough to be lost among. */
static void write_contents(gkv_file_writer *out, const gkv_report *report)
{
    page links = {.out = out};
    if (report->n_tables + report->n_figures + report->n_texts < 4)
        return;
    gkv_file_printf(out, "<nav aria-label=\"Contents\">\n<ul>\n");
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
    gkv_file_printf(out, "</ul>\n</nav>\n");
}

static void write_numbers(gkv_file_writer *out, const gkv_report *report)
{
    if (report->n_numbers == 0)
        return;
    gkv_file_printf(out, "<dl class=\"numbers\">\n");
    for (size_t i = 0; i < report->n_numbers; i++) {
        const gkv_report_number *const number = &report->numbers[i];
        gkv_file_printf(out, "<div><dt>");
        gkv_html_text(out, number->label);
        gkv_file_printf(out, "</dt><dd class=\"value\">");
        gkv_html_text(out, number->value);
        gkv_file_printf(out, "</dd>");
        element(out, "<dd class=\"note\">", number->note, "</dd>");
        gkv_file_printf(out, "</div>\n");
    }
    gkv_file_printf(out, "</dl>\n");
}

static void open_section(page *p, const char *heading)
{
    p->section++;
    gkv_file_printf(p->out, "<section id=\"s%zu\"", p->section);
    if (has(heading)) {
        gkv_file_printf(p->out, " aria-labelledby=\"h%zu\">\n<h2 id=\"h%zu\">", p->section, p->section);
        gkv_html_text(p->out, heading);
        gkv_file_printf(p->out, "</h2>\n");
    } else {
        gkv_file_printf(p->out, ">\n");
    }
}

/* At least one number, and nothing that is neither number nor blank. */
static int is_numeric_column(const gkv_report_table *table, size_t column)
{
    int numbers = 0;
    for (size_t row = 0; row < table->n_rows; row++) {
        const char *const cell = table->cells[row * table->n_columns + column];
        if (gkv_html_is_number(cell))
            numbers = 1;
        else if (!gkv_html_is_blank(cell))
            return 0;
    }
    return numbers;
}

static void write_cells(gkv_file_writer *out, const char *const *cells, const char *numeric, size_t n, int heading)
{
    gkv_file_printf(out, "<tr>");
    for (size_t c = 0; c < n; c++) {
        const char *const tag = heading || c == 0 ? "th" : "td";
        gkv_file_printf(out, "<%s%s%s>", tag, heading ? " scope=\"col\"" : c == 0 ? " scope=\"row\"" : "",
                        numeric[c] ? " class=\"n\"" : "");
        gkv_html_text(out, cells[c]);
        gkv_file_printf(out, "</%s>", tag);
    }
    gkv_file_printf(out, "</tr>\n");
}

enum { CLOSE_COLUMNS = 7 };

static gkv_status write_table(page *p, const gkv_report_table *table)
{
    gkv_file_writer *const out = p->out;
    const size_t n = table->n_columns;
    char *numeric = NULL; /* one flag a column */
    GKV_TRY(gkv_alloc(n, sizeof *numeric, &numeric));
    for (size_t c = 0; c < n; c++)
        numeric[c] = (char)is_numeric_column(table, c);
    open_section(p, table->heading);
    p->table++;
    element(out, "<p>", table->caption, "</p>\n");
    /* A table of many columns is set closer; if it is still too wide, it scrolls in its own box, which the keyboard can
     * reach. */
    gkv_file_printf(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table %zu\">\n<table%s>\n<thead>\n",
                    p->table, n > CLOSE_COLUMNS ? " class=\"close\"" : "");
    write_cells(out, table->columns, numeric, n, 1);
    gkv_file_printf(out, "</thead>\n<tbody>\n");
    for (size_t row = 0; row < table->n_rows; row++)
        write_cells(out, table->cells + row * n, numeric, n, 0);
    if (table->n_rows == 0)
        gkv_file_printf(out, "<tr><td colspan=\"%zu\">no rows</td></tr>\n", n);
    gkv_file_printf(out, "</tbody>\n</table>\n</div>\n</section>\n");
    free(numeric);
    return GKV_OK;
}

static gkv_status write_figure(page *p, const gkv_report_figure *figure)
{
    gkv_file_writer *const out = p->out;
    gkv_png png;
    GKV_TRY(gkv_png_read(figure->png, &png));
    open_section(p, figure->heading);
    p->figure++;
    const char *const alt = has(figure->alt) ? figure->alt : has(figure->caption) ? figure->caption : figure->heading;
    /* Half the pixels: pictures are drawn at two pixels a unit. A phone scrolls along
     * a wide picture rather than shrink its words beyond reading. */
    const unsigned width = png.width / 2 + png.width % 2, height = png.height / 2 + png.height % 2;
    const int wide = width > 600;
    gkv_file_printf(out, "<figure>\n<div class=\"paper\"");
    if (wide)
        gkv_file_printf(out, " tabindex=\"0\" role=\"group\" aria-label=\"Figure %zu\"", p->figure);
    gkv_file_printf(out, "><img%s width=\"%u\" height=\"%u\" alt=\"", wide ? " class=\"wide\"" : "", width, height);
    gkv_html_text(out, alt);
    gkv_file_printf(out, "\" src=\"");
    gkv_html_data_uri(out, &png);
    gkv_file_printf(out, "\"></div>\n<figcaption><b>Figure %zu.</b> ", p->figure);
    gkv_html_text(out, figure->caption);
    gkv_file_printf(out, "</figcaption>\n</figure>\n</section>\n");
    free(png.bytes);
    return GKV_OK;
}

/* The figures that lead, or those that do not. */
static gkv_status write_figures(page *p, const gkv_report *report, bool leading)
{
    for (size_t i = 0; i < report->n_figures; i++)
        if ((report->figures[i].leads != 0) == leading)
            GKV_TRY(write_figure(p, &report->figures[i]));
    return GKV_OK;
}

gkv_status gkv_report_html(const char *path, const gkv_report *report)
{
    if (!path || !*path)
        return gkv_fail(GKV_ERR_ARGUMENT, "no path was given to write the report to");
    GKV_TRY(check(report));
    gkv_file_writer *out = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_file_begin(path, &out));
    page p = {.out = out};
    write_head(out, report);
    gkv_file_printf(out, "<header>\n");
    element(out, "<h1>", report->title, "</h1>\n");
    element(out, "<p class=\"summary\">", report->summary, "</p>\n");
    element(out, "<code class=\"command\">", report->command, "</code>\n");
    write_contents(out, report);
    gkv_file_printf(out, "</header>\n<main>\n");
    write_numbers(out, report);
    GKV_TRY_GOTO(write_figures(&p, report, true));
    for (size_t i = 0; i < report->n_tables; i++)
        GKV_TRY_GOTO(write_table(&p, &report->tables[i]));
    GKV_TRY_GOTO(write_figures(&p, report, false));
    for (size_t i = 0; i < report->n_texts; i++) {
        open_section(&p, report->texts[i].heading);
        gkv_file_printf(out, "<pre tabindex=\"0\">");
        gkv_html_text(out, report->texts[i].text);
        gkv_file_printf(out, "</pre>\n</section>\n");
    }
    gkv_file_printf(out, "</main>\n<footer>Made by gkvae %s.</footer>\n</body>\n</html>\n", gkv_version());
    status = gkv_file_commit(out);
    out = NULL;
done:
    gkv_file_abandon(out);
    return status;
}
