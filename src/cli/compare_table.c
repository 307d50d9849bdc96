/* The table of a comparison: as text, as compare.csv and as compare.json; declared in
 * cli_compare.h. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "safetensors/json_text.h"
#include "cli_compare.h"

/* --- Text ----------------------------------------------------------------- */

/* "84.21 ± 0.05"; without the error if it is unknown or, for a whole number, 0. */
static char *cell_of(const compare_value *value, int places)
{
    char mean[32], error[32];
    if (!isfinite(value->mean))
        return cli_text("–");
    cli_decimal(value->mean, places, mean);
    if (!isfinite(value->error) || (value->error == 0 && places == 0))
        return cli_text("%s", mean);
    return cli_text("%s ± %s", mean, cli_decimal(value->error, places, error));
}

static char *difference_cell(const model_comparison *comparison, size_t row)
{
    const compare_column *column = &comparison->shown[comparison->measure];
    const compare_row *against = &comparison->rows[comparison->against],
                      *compared = &comparison->rows[row];
    if (row == comparison->against)
        return cli_text("%s", "");
    const compare_value d = compare_difference(compared, against, column);
    char *number = cell_of(&d, column->places), *cell = NULL;
    if (!isfinite(d.mean))
        return number;
    if (d.n == 0)
        cell = cli_text("%s (unpaired)", number);
    else if (d.n < compared->n_runs || d.n < against->n_runs)
        cell = cli_text("%s (%zu shared)", number, d.n);
    else
        return number;
    free(number);
    return cell;
}

static bool has_differences(const model_comparison *comparison)
{
    return comparison->against != SIZE_MAX && comparison->measure != SIZE_MAX &&
           comparison->n_rows > 1;
}

/* The seed of a row, or the number of its seeds if there are several. */
static char *seeds_of(const compare_row *row)
{
    return row->n_runs == 1 ? cli_text("seed %" PRIu64, row->runs[0]->seed)
                            : cli_text("%zu seeds", row->n_runs);
}

compare_words compare_words_of(const model_comparison *comparison, const compare_column *columns,
                               size_t n, bool differences)
{
    const bool with = differences && has_differences(comparison);
    compare_words words = {.n_rows = comparison->n_rows, .n_columns = 2 + n + with};
    char **cell = words.cells =
        cli_alloc((comparison->n_rows + 1) * words.n_columns, sizeof *words.cells);
    *cell++ = cli_text("model");
    *cell++ = cli_text("runs");
    for (size_t c = 0; c < n; c++)
        *cell++ = cli_text("%s", columns[c].heading);
    if (with)
        *cell++ = cli_text("%s less %s's", comparison->shown[comparison->measure].heading,
                           comparison->rows[comparison->against].name);
    for (size_t r = 0; r < comparison->n_rows; r++) {
        *cell++ = cli_text("%s", comparison->rows[r].name);
        *cell++ = seeds_of(&comparison->rows[r]);
        for (size_t c = 0; c < n; c++) {
            const compare_value value = compare_value_of(&comparison->rows[r], &columns[c]);
            *cell++ = cell_of(&value, columns[c].places);
        }
        if (with)
            *cell++ = difference_cell(comparison, r);
    }
    return words;
}

void compare_words_free(compare_words *words)
{
    for (size_t i = 0; words->cells && i < (words->n_rows + 1) * words->n_columns; i++)
        free(words->cells[i]);
    free(words->cells);
    words->cells = NULL;
}

char *compare_caption(const model_comparison *comparison)
{
    bool several = false, single = false, unpaired = false, paired = false, draws = false;
    for (size_t c = 0; c < comparison->n_shown; c++)
        draws |= comparison->shown[c].of_draws;
    for (size_t r = 0; r < comparison->n_rows; r++) {
        several |= comparison->rows[r].n_runs > 1;
        single |= comparison->rows[r].n_runs == 1;
        if (!has_differences(comparison) || r == comparison->against)
            continue;
        const compare_value d =
            compare_difference(&comparison->rows[r], &comparison->rows[comparison->against],
                               &comparison->shown[comparison->measure]);
        unpaired |= d.n == 0;
        paired |= d.n > 0;
    }
    const char *errors = several && single ? "Means over seeds ± their standard error; for one "
                                             "seed ± the standard error over images"
                         : several         ? "Means over seeds ± their standard error"
                                           : "± the standard error over images";
    return cli_text(
        "%s%s.%s%s", errors, single && draws ? ", or for figures of draws over sets of draws" : "",
        paired ? " Differences are paired by seed." : "",
        unpaired ? " Unpaired: the difference of the means of models without a seed in common."
                 : "");
}

void compare_print(const model_comparison *comparison, const char *heading)
{
    compare_words words =
        compare_words_of(comparison, comparison->shown, comparison->n_shown, true);
    char *align = cli_alloc(words.n_columns + 1, 1), *caption = compare_caption(comparison);
    memset(align, 'l', words.n_columns);
    if (heading && *heading)
        printf("%s\n", heading);
    if (comparison->protocol)
        printf("%s: %s\n", comparison->dataset ? comparison->dataset : "test set",
               comparison->protocol);
    if (comparison->generation_protocol)
        printf("draws: %s\n", comparison->generation_protocol);
    cli_table((const char *const *)words.cells, words.n_rows + 1, words.n_columns, align);
    printf("(%s)\n", caption);
    free(caption);
    free(align);
    compare_words_free(&words);
}

/* --- CSV: one line for each run ------------------------------------------- */

static void put_text(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const char *c = text; *c; c++)
        fprintf(out, *c == '"' ? "\"\"" : "%c", *c);
    fputc('"', out);
}

static void put_number(FILE *out, double value)
{
    fputc(',', out);
    if (isfinite(value))
        fprintf(out, "%.12g", value);
}

static bool any_has(const model_comparison *comparison, const char *key)
{
    for (size_t i = 0; i < comparison->n_runs; i++)
        if (isfinite(compare_number(&comparison->runs[i], key)))
            return true;
    return false;
}

static void put_csv(const model_comparison *comparison, FILE *out)
{
    fputs("model,seed,folder", out);
    for (size_t c = 0; c < comparison->n_known; c++) {
        fprintf(out, ",%s", comparison->known[c].key);
        if (any_has(comparison, comparison->known[c].error_key))
            fprintf(out, ",%s", comparison->known[c].error_key);
    }
    fputc('\n', out);
    for (size_t r = 0; r < comparison->n_rows; r++)
        for (size_t i = 0; i < comparison->rows[r].n_runs; i++) {
            const compare_run *run = comparison->rows[r].runs[i];
            put_text(out, comparison->rows[r].name);
            fprintf(out, ",%" PRIu64 ",", run->seed);
            put_text(out, run->folder);
            for (size_t c = 0; c < comparison->n_known; c++) {
                put_number(out, compare_number(run, comparison->known[c].key));
                if (any_has(comparison, comparison->known[c].error_key))
                    put_number(out, compare_number(run, comparison->known[c].error_key));
            }
            fputc('\n', out);
        }
}

static int write_csv(const model_comparison *comparison, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return cli_error(CLI_MEMORY, "%s: out of memory", path);
    put_csv(comparison, out);
    const bool good = ferror(out) == 0;
    int code = fclose(out) == 0 && good ? CLI_OK : cli_error(CLI_MEMORY, "%s: out of memory", path);
    if (code == CLI_OK)
        code = cli_check(gki_file_write_atomic(path, text, size));
    free(text);
    return code;
}

/* --- JSON: one object for each model -------------------------------------- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* JSON is UTF-8, but the name of a folder may contain any bytes. Bytes of other encodings become
 * question marks. */
static json_t *text_of(const char *text)
{
    json_t *own = json_string(text);
    if (own)
        return own;
    char *copy = cli_text("%s", text);
    for (char *c = copy; *c; c++)
        *c = (unsigned char)*c < 0x80 ? *c : '?';
    own = json_string(copy);
    free(copy);
    return own;
}

static json_t *text_or_null(const char *text)
{
    return text ? text_of(text) : json_null();
}

static json_t *value_object(const compare_value *value, bool is_difference)
{
    json_t *object = json_object();
    json_object_set_new(object, "mean", number(value->mean));
    json_object_set_new(object, "standard_error", number(value->error));
    const char *over = value->over_seeds ? "seeds" : value->sets > 0 ? "sets" : "images";
    if (is_difference)
        json_object_set_new(object, "pairs", json_integer((json_int_t)value->n));
    else
        json_object_set_new(object, "error_over", json_string(over));
    return object;
}

static json_t *row_object(const model_comparison *comparison, size_t r)
{
    const compare_row *row = &comparison->rows[r];
    json_t *object = json_object(), *seeds = json_array(), *folders = json_array(),
           *figures = json_object();
    json_t *differences = json_object();
    for (size_t i = 0; i < row->n_runs; i++) {
        json_array_append_new(seeds, json_integer((json_int_t)row->runs[i]->seed));
        json_array_append_new(folders, text_of(row->runs[i]->folder));
    }
    for (size_t c = 0; c < comparison->n_known; c++) {
        const compare_column *column = &comparison->known[c];
        const compare_value value = compare_value_of(row, column);
        json_object_set_new(figures, column->key, value_object(&value, false));
        if (comparison->against == SIZE_MAX || comparison->against == r)
            continue;
        const compare_value difference =
            compare_difference(row, &comparison->rows[comparison->against], column);
        json_object_set_new(differences, column->key, value_object(&difference, true));
    }
    json_object_set_new(object, "model", text_of(row->name));
    json_object_set_new(object, "n", json_integer((json_int_t)row->n_runs));
    json_object_set_new(object, "seeds", seeds);
    json_object_set_new(object, "folders", folders);
    json_object_set_new(object, "figures", figures);
    json_object_set_new(object, "differences", differences);
    return object;
}

static int write_json(const model_comparison *comparison, const char *path)
{
    json_t *object = json_object(), *rows = json_array();
    json_object_set_new(object, "dataset", text_or_null(comparison->dataset));
    json_object_set_new(object, "protocol", text_or_null(comparison->protocol));
    json_object_set_new(object, "generation_protocol",
                        text_or_null(comparison->generation_protocol));
    json_object_set_new(object, "against",
                        text_or_null(comparison->against == SIZE_MAX
                                         ? NULL
                                         : comparison->rows[comparison->against].name));
    for (size_t r = 0; r < comparison->n_rows; r++)
        json_array_append_new(rows, row_object(comparison, r));
    json_object_set_new(object, "rows", rows);
    json_object_set_new(object, "version", json_string(gkv_version()));
    char *text = gki_json_text(object, JSON_INDENT(2) | JSON_REAL_PRECISION(12), NULL);
    json_decref(object);
    if (!text)
        return cli_error(CLI_MEMORY, "%s: out of memory", path);
    const int code = cli_check(gki_file_write_atomic(path, text, strlen(text)));
    free(text);
    return code;
}

int compare_check_out(const char *folder)
{
    char *config = cli_text("%s/config.ini", folder);
    const bool is_run = access(config, F_OK) == 0;
    free(config);
    return is_run ? cli_error(CLI_CONFIG,
                              "%s: this is a run's folder, and its page would be overwritten: "
                              "choose another one, by --out",
                              folder)
                  : CLI_OK;
}

int compare_write(const model_comparison *comparison, const char *folder)
{
    char *csv = cli_text("%s/compare.csv", folder), *json = cli_text("%s/compare.json", folder);
    int code = CLI_OK;
    CLI_CHECK(gki_file_make_folder(folder));
    CLI_TRY(write_csv(comparison, csv));
    code = write_json(comparison, json);
done:
    free(csv);
    free(json);
    return code;
}
