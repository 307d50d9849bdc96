/* The form of a text, by the rules of docs/files.md; declared in text_form.h. */
#include "table/text_form.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "table/text_records.h"

enum {
    RECORDS = 100,       /* the number of records that decide */
    ENOUGH_LINES = 20,   /* more bytes are looked at until they have as many lines */
    BYTES = 1 << 16,     /* the number of bytes that are looked at first */
    BYTES_MAX = 1 << 22, /* and at most */
    ONE_COLUMN = '\n'    /* the separator of lines that are not split */
};

typedef struct sample {
    char *records[RECORDS];
    size_t n;
    char directive;
    char *scratch; /* memory for any record */
    gki_field *fields;
    size_t n_fields;
    gki_cell_rules point, comma; /* the rules with either decimal mark */
} sample;

/* --- The first records ---------------------------------------------------- */

static size_t count(const unsigned char *bytes, size_t size, unsigned char wanted)
{
    size_t found = 0;
    for (size_t i = 0; i < size; i++)
        found += bytes[i] == wanted;
    return found;
}

/* Finds whether lines end with CR alone, as old systems write them: no LF is among the first
 * bytes. Returns the last byte of a line. */
static unsigned char find_line_end(gki_source *source)
{
    const unsigned char *bytes = gki_source_at(source);
    const size_t size = gki_source_there(source);
    source->cr_lines = count(bytes, size, '\n') == 0 && count(bytes, size, '\r') > 0;
    return source->cr_lines ? '\r' : '\n';
}

/* Makes the first bytes of the source available, and a source of their complete lines. */
static gkv_status first_lines(gki_source *source, gki_source *first)
{
    size_t wanted = BYTES;
    unsigned char line_end;
    for (;; wanted *= 4) {
        GKV_TRY(gki_source_need(source, wanted));
        line_end = find_line_end(source);
        if (source->ended || wanted >= BYTES_MAX ||
            count(gki_source_at(source), gki_source_there(source), line_end) >= ENOUGH_LINES)
            break;
    }
    const unsigned char *bytes = gki_source_at(source);
    size_t size = gki_source_there(source);
    while (!source->ended && size > 0 && bytes[size - 1] != line_end)
        size--;
    if (size == 0)
        size = gki_source_there(source);
    gki_source_memory(first, bytes, size, source->name);
    first->cr_lines = source->cr_lines;
    return GKV_OK;
}

/* Copies the records. Bad data end the sample, because the reader will find them again. */
static gkv_status take_records(sample *s, gki_source *first, const gkv_table_settings *settings)
{
    gki_records records = {
        .source = first, .rules = &s->point, .separators = GKI_SEPARATORS, .skip = settings->skip};
    gkv_status status = GKV_OK;
    size_t longest = 0;
    for (char *text = NULL; s->n < RECORDS; s->n++) {
        status = gki_records_next(&records, &text);
        if (status != GKV_OK || !text)
            break;
        status = gki_strdup(text, &s->records[s->n]);
        if (status != GKV_OK)
            break;
        const size_t length = strlen(text);
        longest = length > longest ? length : longest;
    }
    s->directive = records.directive;
    free(records.text);
    if (status == GKV_ERR_MEMORY)
        return status;
    /* a record of n characters has at most n + 1 fields */
    const size_t fields = longest < GKV_TABLE_COLUMNS_MAX ? longest + 1 : GKV_TABLE_COLUMNS_MAX;
    GKV_TRY(gki_alloc(fields, sizeof *s->fields, &s->fields));
    return gki_alloc(longest + 1, 1, &s->scratch);
}

static void split(sample *s, size_t record, char separator)
{
    strcpy(s->scratch, s->records[record]);
    s->n_fields = gki_record_split(s->scratch, separator, s->fields);
}

/* --- The separator -------------------------------------------------------- */

/* How well a separator suits the sample. */
typedef struct separator_candidate {
    char separator;
    size_t fields; /* the most frequent number of fields of a record */
    size_t agree;  /* the number of records with as many fields; the first may have one less */
    double share;  /* the share of numbers and missing values among the fields that are not empty */
} separator_candidate;

/* The first record counts only if it is the only one, because it may be a header. */
static size_t first_row(const sample *s)
{
    return s->n > 1;
}

static size_t most_frequent(const size_t *counts, size_t begin, size_t n)
{
    size_t best = 0, best_times = 0;
    for (size_t i = begin; i < n; i++) {
        size_t times = 0;
        for (size_t j = begin; j < n; j++)
            times += counts[j] == counts[i];
        if (times > best_times || (times == best_times && counts[i] > best)) {
            best = counts[i];
            best_times = times;
        }
    }
    return best;
}

static separator_candidate examine(sample *s, char separator)
{
    separator_candidate candidate = {.separator = separator};
    size_t counts[RECORDS], good = 0, all = 0;
    double ignored;
    for (size_t i = 0; i < s->n; i++) {
        split(s, i, separator);
        counts[i] = s->n_fields;
        for (size_t c = 0; i >= first_row(s) && c < s->n_fields && c < GKV_TABLE_COLUMNS_MAX; c++) {
            const char *text = s->fields[c].text;
            all += *text != '\0';
            good +=
                *text != '\0' && (gki_cell_read(&s->point, text, &ignored) <= GKI_CELL_MISSING ||
                                  gki_cell_read(&s->comma, text, &ignored) == GKI_CELL_NUMBER);
        }
    }
    candidate.fields = most_frequent(counts, first_row(s), s->n);
    for (size_t i = 0; i < s->n; i++)
        candidate.agree += counts[i] == candidate.fields ||
                           (i < first_row(s) && counts[i] + 1 == candidate.fields);
    candidate.share = all > 0 ? (double)good / (double)all : 0;
    return candidate;
}

/* The separator if none divides the rows: one that divides the first record, whose rows are then
 * faulty; or none, so that the name of one column may have blanks. */
static char separator_of_one_column(sample *s)
{
    double ignored;
    for (const char *c = GKI_SEPARATORS; s->n > 0 && *c; c++) {
        split(s, 0, *c);
        bool divides = s->n_fields > 1 && *c != ' ';
        for (size_t i = 0; *c == ' ' && s->n_fields > 1 && i < s->n_fields; i++) {
            const gki_cell cell = gki_cell_read(&s->point, s->fields[i].text, &ignored);
            divides = divides || cell == GKI_CELL_NUMBER || cell == GKI_CELL_ALMOST;
        }
        if (divides)
            return *c;
    }
    return ONE_COLUMN;
}

static char guess_separator(sample *s, const gkv_table_settings *settings, bool *unclear)
{
    separator_candidate best = {.fields = 0};
    bool tie = false;
    for (const char *c = GKI_SEPARATORS; *c; c++) {
        if (*c == settings->decimal_mark)
            continue;
        const separator_candidate candidate = examine(s, *c);
        if (candidate.fields < 2)
            continue;
        const bool same = candidate.agree == best.agree && candidate.share == best.share &&
                          candidate.fields != best.fields;
        if (candidate.agree > best.agree ||
            (candidate.agree == best.agree && candidate.share > best.share)) {
            best = candidate;
            tie = false;
        }
        tie = tie || same;
    }
    *unclear = best.fields > 0 && (tie || best.agree < s->n);
    return best.fields > 0 ? best.separator : separator_of_one_column(s);
}

/* --- The decimal mark ----------------------------------------------------- */

static char guess_decimal_mark(sample *s, char separator)
{
    size_t seen[GKI_MARK_AMBIGUOUS + 1] = {0};
    for (size_t i = 0; i < s->n; i++) {
        split(s, i, separator);
        for (size_t c = 0; c < s->n_fields && c < GKV_TABLE_COLUMNS_MAX; c++)
            seen[gki_cell_mark_of(s->fields[c].text)]++;
    }
    return seen[GKI_MARK_COMMA] > 0 && seen[GKI_MARK_POINT] == 0 ? ',' : '.';
}

/* Whether all records are two whole numbers with a comma in between, which may be decimal. */
static bool may_be_decimal(sample *s)
{
    static const char digits[] = "0123456789";
    for (size_t i = 0; i < s->n; i++) {
        split(s, i, ',');
        const char *whole = s->fields[0].text,
                   *fraction = s->n_fields == 2 ? s->fields[1].text : "";
        whole += *whole == '-' || *whole == '+';
        if (!*whole || !*fraction || whole[strspn(whole, digits)] ||
            fraction[strspn(fraction, digits)])
            return false;
    }
    return s->n > 1;
}

/* --- The header ----------------------------------------------------------- */

/* The kinds of the fields of one column in all records but the first. */
typedef struct column_below {
    size_t cells[GKI_CELL_WORD + 1];
    size_t quoted; /* the number of quoted numbers */
    size_t years;  /* the number of fields that could be years */
} column_below;

/* The fields of the first record, and what is below them. */
typedef struct first_record {
    gki_cell *cells;
    bool *quoted, *has_unit, *is_year;
    column_below *below;
    size_t n;           /* the number of its fields */
    size_t rows;        /* the number of other records */
    size_t longer;      /* the number of them with one field more */
    size_t empty_end;   /* the number of them whose last field is empty */
    size_t plain_pairs; /* the number of them with two numbers without quotes */
} first_record;

/* Whether a field could be a year, which is a usual name of a column. */
static bool is_year(const char *text)
{
    return strlen(text) == 4 && strspn(text, "0123456789") == 4 && (*text == '1' || *text == '2');
}

static void look_below(sample *s, const gki_cell_rules *rules, first_record *f)
{
    double ignored;
    f->rows++;
    f->longer += s->n_fields == f->n + 1;
    f->empty_end += *s->fields[s->n_fields - 1].text == '\0';
    size_t plain = 0;
    for (size_t c = 0; c < s->n_fields && c < f->n + 1; c++) {
        const gki_field *field = &s->fields[c];
        const gki_cell cell = gki_cell_read(rules, field->text, &ignored);
        plain += cell == GKI_CELL_NUMBER && !field->quoted;
        if (c < f->n) {
            f->below[c].cells[cell]++;
            f->below[c].quoted += cell == GKI_CELL_NUMBER && field->quoted;
            f->below[c].years += is_year(field->text);
        }
    }
    f->plain_pairs += s->n_fields == 2 && plain == 2;
}

static gkv_status look_at_first(sample *s, char separator, const gki_cell_rules *rules,
                                first_record *f)
{
    double ignored;
    split(s, 0, separator);
    f->n = s->n_fields < GKV_TABLE_COLUMNS_MAX ? s->n_fields : GKV_TABLE_COLUMNS_MAX - 1;
    GKV_TRY(gki_alloc(f->n, sizeof *f->cells, &f->cells));
    GKV_TRY(gki_alloc(3 * f->n, sizeof *f->quoted, &f->quoted));
    GKV_TRY(gki_alloc(f->n, sizeof *f->below, &f->below));
    f->has_unit = f->quoted + f->n;
    f->is_year = f->has_unit + f->n;
    for (size_t c = 0; c < f->n; c++) {
        f->cells[c] = gki_cell_read(rules, s->fields[c].text, &ignored);
        f->quoted[c] = s->fields[c].quoted;
        f->has_unit[c] = f->cells[c] == GKI_CELL_ALMOST && gki_cell_has_unit(s->fields[c].text);
        f->is_year[c] = is_year(s->fields[c].text);
    }
    for (size_t i = 1; i < s->n; i++) {
        split(s, i, separator);
        if (s->n_fields <= GKV_TABLE_COLUMNS_MAX)
            look_below(s, rules, f);
    }
    return GKV_OK;
}

/* Whether the first record is a header, and whether this is unclear. */
static bool guess_header(const first_record *f, bool *unclear)
{
    size_t seen[GKI_CELL_WORD + 1] = {0}, units = 0, years = 0, quoted = 0, above_numbers = 0,
                                above_plain = 0;
    for (size_t c = 0; c < f->n; c++) {
        const column_below *below = &f->below[c];
        const bool numbers = below->cells[GKI_CELL_NUMBER] > 0 &&
                             below->cells[GKI_CELL_ALMOST] + below->cells[GKI_CELL_WORD] == 0;
        seen[f->cells[c]]++;
        units += f->has_unit[c];
        years += f->is_year[c] && below->years < f->rows;
        quoted += f->quoted[c];
        above_numbers += f->cells[c] == GKI_CELL_WORD && numbers;
        above_plain +=
            f->quoted[c] && f->cells[c] != GKI_CELL_MISSING && numbers && below->quoted == 0;
    }
    const size_t numbers = seen[GKI_CELL_NUMBER] + seen[GKI_CELL_ALMOST] - units;
    const bool names = numbers == 0 && seen[GKI_CELL_WORD] + units > 0;
    const bool by_quotes = quoted == f->n && above_plain > 0;
    *unclear = seen[GKI_CELL_NUMBER] + seen[GKI_CELL_ALMOST] > 0;
    if (names || above_numbers > 0 || by_quotes)
        return true;
    *unclear = years > 0 && years == numbers;
    return false;
}

/* Whether the first record lacks a name, and for which field. */
static gkv_status guess_row_names(const first_record *f, const gkv_table_settings *settings,
                                  const char *name, gki_text_form *out)
{
    bool plain_number = false;
    for (size_t c = 0; c < f->n; c++)
        plain_number = plain_number || (f->cells[c] == GKI_CELL_NUMBER && !f->quoted[c]);
    if (f->rows == 0 || f->longer < f->rows || settings->header == GKV_TABLE_HEADER_ABSENT ||
        (plain_number && settings->header == GKV_TABLE_HEADER_GUESS))
        return GKV_OK;
    if (!settings->separator && out->form.separator == ',' && f->n == 1 &&
        f->plain_pairs == f->rows)
        return gki_fail_remedy(
            GKV_ERR_DATA, GKV_REMEDY_COMMA,
            "%s: the first line has one name, and the others have a comma: thousands cannot be "
            "grouped; say whether the comma is the decimal mark or the separator",
            name);
    out->trailing = f->empty_end == f->rows;
    out->form.has_row_names = !out->trailing;
    out->form.has_header = true;
    out->form.header_unclear = false;
    return GKV_OK;
}

static gkv_status guess_names(sample *s, const char *name, const gkv_table_settings *settings,
                              gki_text_form *out)
{
    gkv_table_form *form = &out->form;
    first_record first = {.n = 0};
    gkv_status status;
    GKV_TRY_GOTO(look_at_first(s, form->separator,
                               form->decimal_mark == ',' ? &s->comma : &s->point, &first));
    form->has_header = guess_header(&first, &form->header_unclear);
    if (settings->header != GKV_TABLE_HEADER_GUESS) {
        form->has_header = settings->header == GKV_TABLE_HEADER_PRESENT;
        form->header_unclear = false;
    }
    status = guess_row_names(&first, settings, name, out);
done:
    free(first.cells);
    free(first.quoted);
    free(first.below);
    return status;
}

/* --- The form ------------------------------------------------------------- */

static gkv_status guess(sample *s, gki_source *source, const gkv_table_settings *settings,
                        gki_text_form *out)
{
    gkv_table_settings point = *settings, comma;
    gkv_table_form *form = &out->form;
    gki_source first;
    point.usual_missing = true; /* NA is not a name, even if no value may be missing */
    comma = point;
    comma.decimal_mark = ',';
    gki_cell_rules_set(&s->point, &point);
    gki_cell_rules_set(&s->comma, &comma);
    GKV_TRY(first_lines(source, &first));
    GKV_TRY(take_records(s, &first, settings));
    form->is_text = true;
    form->separator = settings->separator ? settings->separator : s->directive;
    if (!form->separator)
        form->separator = guess_separator(s, settings, &form->separator_unclear);
    form->decimal_mark =
        settings->decimal_mark ? settings->decimal_mark : guess_decimal_mark(s, form->separator);
    out->separators[0] = form->separator;
    out->separators[1] = form->separator == ' ' ? '\t' : '\0';
    GKV_TRY(s->n > 0 ? guess_names(s, source->name, settings, out) : GKV_OK);
    if (!settings->separator && !s->directive && form->separator == ',' && !form->has_header)
        form->separator_unclear = form->separator_unclear || may_be_decimal(s);
    return GKV_OK;
}

gkv_status gki_text_form_guess(gki_source *source, const gkv_table_settings *settings,
                               gki_text_form *out)
{
    sample *s = NULL;
    *out = (gki_text_form){.trailing = false};
    GKV_TRY(gki_alloc(1, sizeof *s, &s));
    const gkv_status status = guess(s, source, settings, out);
    for (size_t i = 0; i < s->n; i++)
        free(s->records[i]);
    free(s->scratch);
    free(s->fields);
    free(s);
    return status;
}
