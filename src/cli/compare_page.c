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
static int draw(const model_comparison *comparison, const char *folder, const char *file,
                const gki_bar *bars, double reference, char *heading, const char *caption,
                pictures *all)
{
    gki_bars_settings settings;
    gki_bars_defaults(&settings);
    settings.reference = reference;
    settings.x_label = heading;
    char *path = cli_text("%s/%s.png", folder, file);
    const size_t most = comparison->n_rows < GKV_BARS_MAX ? comparison->n_rows : GKV_BARS_MAX;
    const int code = cli_check(gki_plot_bars(path, bars, most, &settings));
    char *words = comparison->n_rows > most ? cli_text("%s The first %zu of %zu models.", caption,
                                                       most, comparison->n_rows)
                                            : cli_text("%s", caption);
    all->list[all->count++] =
        (gki_report_figure){.heading = heading, .caption = words, .png = path};
    return code;
}

static int draw_column(const model_comparison *comparison, const char *folder,
                       const compare_column *column, gki_bar *bars, pictures *all)
{
    for (size_t r = 0; r < comparison->n_rows; r++) {
        const compare_value value = compare_value_of(&comparison->rows[r], column);
        bars[r] = bar_of(comparison->rows[r].name, &value);
    }
    char *heading = cli_text("%s%s", column->heading, direction_of(column));
    return draw(comparison, folder, column->key, bars, NAN, heading,
                column->of_draws ? "Means, and their 95 % intervals by Student's t: over seeds, or "
                                   "of a single seed over its sets of draws."
                                 : "Means, and their 95 % intervals: by Student's t over seeds, or "
                                   "of a single seed over images.",
                all);
}

static int draw_differences(const model_comparison *comparison, const char *folder, gki_bar *bars,
                            pictures *all)
{
    const compare_column *column = &comparison->shown[comparison->measure];
    const compare_row *against = &comparison->rows[comparison->against];
    for (size_t r = 0; r < comparison->n_rows; r++) {
        const compare_value value = r == comparison->against
                                        ? (compare_value){0, NAN, 1, true, 0}
                                        : compare_difference(&comparison->rows[r], against, column);
        bars[r] = bar_of(comparison->rows[r].name, &value);
    }
    char *heading =
        cli_text("%s less %s's%s", column->heading, against->name, direction_of(column));
    return draw(comparison, folder, "difference", bars, 0, heading,
                "Means of the differences, paired by seed, and their 95 % intervals by Student's t "
                "over seeds. There are no whiskers where only one seed is shared.",
                all);
}

/* The picture of differences, then one of each column for which smaller or larger is better. */
static int draw_all(const model_comparison *comparison, const char *folder, pictures *all)
{
    gki_bar *bars = cli_alloc(comparison->n_rows, sizeof *bars);
    int code = CLI_OK;
    if (comparison->against != SIZE_MAX && comparison->measure != SIZE_MAX &&
        comparison->n_rows > 1)
        code = draw_differences(comparison, folder, bars, all);
    for (size_t c = 0; c < comparison->n_shown && code == CLI_OK; c++)
        if (comparison->shown[c].better != COMPARE_NEITHER)
            code = draw_column(comparison, folder, &comparison->shown[c], bars, all);
    free(bars);
    return code;
}

/* The known columns that are not shown. */
static size_t others_of(const model_comparison *comparison, compare_column others[COMPARE_COLUMNS])
{
    size_t count = 0;
    for (size_t k = 0; k < comparison->n_known; k++) {
        bool shown = false;
        for (size_t c = 0; c < comparison->n_shown; c++)
            shown |= strcmp(comparison->known[k].key, comparison->shown[c].key) == 0;
        if (!shown)
            others[count++] = comparison->known[k];
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

int compare_page(const model_comparison *comparison, const char *folder, const char *title,
                 const char *command, const char *heading, const char *text)
{
    pictures all = {.count = 0};
    compare_column rest[COMPARE_COLUMNS];
    const size_t n_rest = others_of(comparison, rest);
    compare_words main_words =
        compare_words_of(comparison, comparison->shown, comparison->n_shown, true);
    compare_words rest_words = compare_words_of(comparison, rest, n_rest, false);
    char *caption = compare_caption(comparison), *path = cli_text("%s/index.html", folder);
    char *summary =
        cli_text("%zu models with %zu runs on %s. %s%s%s", comparison->n_rows, comparison->n_runs,
                 comparison->dataset ? comparison->dataset : "one data set",
                 comparison->protocol ? "Protocol: " : "",
                 comparison->protocol ? comparison->protocol : "", comparison->protocol ? "." : "");
    char *draws = cli_text("%s%s", comparison->generation_protocol ? "Draws: " : "",
                           comparison->generation_protocol ? comparison->generation_protocol : "");
    int code = CLI_OK;
    CLI_TRY(draw_all(comparison, folder, &all));
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
