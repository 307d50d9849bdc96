/* The table of a comparison as text; declared in cli_compare.h. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_compare.h"

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

static char *difference_cell(const comparison *it, size_t row)
{
    const compare_column *column = &it->shown[it->measure];
    const compare_row *against = &it->rows[it->against], *its = &it->rows[row];
    if (row == it->against)
        return cli_text("%s", "");
    const compare_value d = compare_difference(its, against, column);
    char *number = cell_of(&d, column->places), *cell = NULL;
    if (!isfinite(d.mean))
        return number;
    if (d.n == 0)
        cell = cli_text("%s (unpaired)", number);
    else if (d.n < its->n_runs || d.n < against->n_runs)
        cell = cli_text("%s (%zu shared)", number, d.n);
    else
        return number;
    free(number);
    return cell;
}

static bool has_differences(const comparison *it)
{
    return it->against != SIZE_MAX && it->measure != SIZE_MAX && it->n_rows > 1;
}

/* The seed of a row, or the number of its seeds if there are several. */
static char *seeds_of(const compare_row *row)
{
    return row->n_runs == 1 ? cli_text("seed %" PRIu64, row->runs[0]->seed)
                            : cli_text("%zu seeds", row->n_runs);
}

compare_words compare_words_of(const comparison *it, const compare_column *columns, size_t n,
                               bool differences)
{
    const bool with = differences && has_differences(it);
    compare_words words = {.n_rows = it->n_rows, .n_columns = 2 + n + with};
    char **cell = words.cells = cli_alloc((it->n_rows + 1) * words.n_columns, sizeof *words.cells);
    *cell++ = cli_text("model");
    *cell++ = cli_text("runs");
    for (size_t c = 0; c < n; c++)
        *cell++ = cli_text("%s", columns[c].heading);
    if (with)
        *cell++ =
            cli_text("%s less %s's", it->shown[it->measure].heading, it->rows[it->against].name);
    for (size_t r = 0; r < it->n_rows; r++) {
        *cell++ = cli_text("%s", it->rows[r].name);
        *cell++ = seeds_of(&it->rows[r]);
        for (size_t c = 0; c < n; c++) {
            const compare_value value = compare_value_of(&it->rows[r], &columns[c]);
            *cell++ = cell_of(&value, columns[c].places);
        }
        if (with)
            *cell++ = difference_cell(it, r);
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

char *compare_caption(const comparison *it)
{
    bool several = false, single = false, unpaired = false, paired = false, draws = false;
    for (size_t c = 0; c < it->n_shown; c++)
        draws |= it->shown[c].of_draws;
    for (size_t r = 0; r < it->n_rows; r++) {
        several |= it->rows[r].n_runs > 1;
        single |= it->rows[r].n_runs == 1;
        if (!has_differences(it) || r == it->against)
            continue;
        const compare_value d =
            compare_difference(&it->rows[r], &it->rows[it->against], &it->shown[it->measure]);
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

void compare_print(const comparison *it, const char *heading)
{
    compare_words words = compare_words_of(it, it->shown, it->n_shown, true);
    char *align = cli_alloc(words.n_columns + 1, 1), *caption = compare_caption(it);
    memset(align, 'l', words.n_columns);
    if (heading && *heading)
        printf("%s\n", heading);
    if (it->protocol)
        printf("%s: %s\n", it->dataset ? it->dataset : "test set", it->protocol);
    if (it->generation_protocol)
        printf("draws: %s\n", it->generation_protocol);
    cli_table((const char *const *)words.cells, words.n_rows + 1, words.n_columns, align);
    printf("(%s)\n", caption);
    free(caption);
    free(align);
    compare_words_free(&words);
}
