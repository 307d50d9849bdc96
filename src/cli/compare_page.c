/* The page of a comparison and its pictures; declared in cli_compare.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_compare.h"
#include "app/plot.h"

enum { FIGURES = COMPARE_COLUMNS + 1 };

typedef struct pictures {
    gki_report_figure list[FIGURES]; /* this structure owns the texts */
    size_t count;
} pictures;

static void pictures_free(pictures *all)
{
    for (size_t i = 0; i < all->count; i++) {
        free((char *)(uintptr_t)all->list[i].heading);
        free((char *)(uintptr_t)all->list[i].caption);
        free((char *)(uintptr_t)all->list[i].png);
    }
}

static gki_bar bar_of(const char *name, const compare_value *value)
{
    const double half = compare_half_width(value);
    return (gki_bar){
        .name = name, .value = value->mean, .low = value->mean - half, .high = value->mean + half};
}

static const char *direction_of(const compare_column *column)
{
    return column->better == COMPARE_SMALLER  ? " (less is better)"
           : column->better == COMPARE_LARGER ? " (more is better)"
                                              : "";
}

/* Draws the rows. Takes ownership of the heading; copies the caption. */
static int draw(const comparison *it, const char *folder, const char *file, const gki_bar *bars,
                double reference, char *heading, const char *caption, pictures *all)
{
    gki_bars_settings settings;
    gki_bars_defaults(&settings);
    settings.reference = reference;
    settings.x_label = heading;
    char *path = cli_text("%s/%s.png", folder, file);
    const size_t most = it->n_rows < GKV_BARS_MAX ? it->n_rows : GKV_BARS_MAX;
    const int code = cli_check(gki_plot_bars(path, bars, most, &settings));
    char *words = it->n_rows > most
                      ? cli_text("%s The first %zu of %zu models.", caption, most, it->n_rows)
                      : cli_text("%s", caption);
    all->list[all->count++] =
        (gki_report_figure){.heading = heading, .caption = words, .png = path};
    return code;
}

static int draw_column(const comparison *it, const char *folder, const compare_column *column,
                       gki_bar *bars, pictures *all)
{
    for (size_t r = 0; r < it->n_rows; r++) {
        const compare_value value = compare_value_of(&it->rows[r], column);
        bars[r] = bar_of(it->rows[r].name, &value);
    }
    char *heading = cli_text("%s%s", column->heading, direction_of(column));
    return draw(it, folder, column->key, bars, NAN, heading,
                column->of_draws ? "Means, and their 95 % intervals by Student's t: over seeds, or "
                                   "of a single seed over its sets of draws."
                                 : "Means, and their 95 % intervals: by Student's t over seeds, or "
                                   "of a single seed over images.",
                all);
}

static int draw_differences(const comparison *it, const char *folder, gki_bar *bars, pictures *all)
{
    const compare_column *column = &it->shown[it->measure];
    const compare_row *against = &it->rows[it->against];
    for (size_t r = 0; r < it->n_rows; r++) {
        const compare_value value = r == it->against
                                        ? (compare_value){0, NAN, 1, true, 0}
                                        : compare_difference(&it->rows[r], against, column);
        bars[r] = bar_of(it->rows[r].name, &value);
    }
    char *heading =
        cli_text("%s less %s's%s", column->heading, against->name, direction_of(column));
    return draw(it, folder, "difference", bars, 0, heading,
                "Means of the differences, paired by seed, and their 95 % intervals "
                "by Student's t over seeds. There are no whiskers where only one seed is shared.",
                all);
}

/* The picture of differences, then one of each column for which smaller or larger is better. */
static int draw_all(const comparison *it, const char *folder, pictures *all)
{
    gki_bar *bars = cli_alloc(it->n_rows, sizeof *bars);
    int code = CLI_OK;
    if (it->against != SIZE_MAX && it->measure != SIZE_MAX && it->n_rows > 1)
        code = draw_differences(it, folder, bars, all);
    for (size_t c = 0; c < it->n_shown && code == CLI_OK; c++)
        if (it->shown[c].better != COMPARE_NEITHER)
            code = draw_column(it, folder, &it->shown[c], bars, all);
    free(bars);
    return code;
}

/* The known columns that are not shown. */
static size_t others_of(const comparison *it, compare_column others[COMPARE_COLUMNS])
{
    size_t count = 0;
    for (size_t k = 0; k < it->n_known; k++) {
        bool shown = false;
        for (size_t c = 0; c < it->n_shown; c++)
            shown |= strcmp(it->known[k].key, it->shown[c].key) == 0;
        if (!shown)
            others[count++] = it->known[k];
    }
    return count;
}

static gki_report_table table_of(const compare_words *words, const char *heading,
                                 const char *caption)
{
    const char *const *cells = (const char *const *)words->cells;
    return (gki_report_table){.heading = heading,
                              .plain = "A row for each model. The number after ± says by how much "
                                       "a figure may be off by chance.",
                              .caption = caption,
                              .columns = cells,
                              .n_columns = words->n_columns,
                              .cells = cells + words->n_columns,
                              .n_rows = words->n_rows};
}

int compare_page(const comparison *it, const char *folder, const char *title, const char *command,
                 const char *heading, const char *text)
{
    pictures all = {.count = 0};
    compare_column rest[COMPARE_COLUMNS];
    const size_t n_rest = others_of(it, rest);
    compare_words main_words = compare_words_of(it, it->shown, it->n_shown, true);
    compare_words rest_words = compare_words_of(it, rest, n_rest, false);
    char *caption = compare_caption(it), *path = cli_text("%s/index.html", folder);
    char *summary =
        cli_text("%zu models with %zu runs on %s. %s%s%s", it->n_rows, it->n_runs,
                 it->dataset ? it->dataset : "one data set", it->protocol ? "Protocol: " : "",
                 it->protocol ? it->protocol : "", it->protocol ? "." : "");
    char *draws = cli_text("%s%s", it->generation_protocol ? "Draws: " : "",
                           it->generation_protocol ? it->generation_protocol : "");
    int code = CLI_OK;
    CLI_TRY(draw_all(it, folder, &all));
    const gki_report_table tables[2] = {
        table_of(&main_words, "Side by side", caption),
        table_of(&rest_words, "The other figures", *draws ? draws : NULL)};
    const gki_report_text texts[] = {{heading, text}};
    const gki_report report = {.title = title,
                               .summary = summary,
                               .command = command,
                               .tables = tables,
                               .n_tables = n_rest > 0 ? 2 : 1,
                               .figures = all.list,
                               .n_figures = all.count,
                               .texts = texts,
                               .n_texts = 1};
    code = cli_check(gki_report_html(path, &report));
done:
    pictures_free(&all);
    compare_words_free(&main_words);
    compare_words_free(&rest_words);
    free(caption);
    free(path);
    free(summary);
    free(draws);
    return code;
}
