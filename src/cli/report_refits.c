/* The table of refits on the results page; declared in evaluation.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evaluation.h"
#include "records.h"

enum { ROWS = 10, COLUMNS = CLI_REFIT_CELLS / (ROWS + 1) };

/* A column: one number of a refit, or two with a sign between them, or their difference if the sign
 * is a minus. Columns that say nothing of a
 * base are left out: those in which no number is known, or all are 0. */
typedef struct column {
    const char *name;
    const char *key, *sign, *other; /* `other` is NULL for one number */
    int places;
    const char *meaning; /* a sentence of the caption, or NULL */
} column;

static const column columns[COLUMNS] = {
    {"epoch", "epoch", NULL, NULL, 0, NULL},
    {"step", "step", NULL, NULL, 0, NULL},
    {"LM steps", "lm_iterations", NULL, NULL, 0, NULL},
    {"EM iterations", "em_iterations", NULL, NULL, 0, NULL},
    {"cost", "cost_before", "→", "cost_after", 0,
     "Cost: half the sum of squared residuals that Levenberg–Marquardt minimises, over all "
     "margins."},
    {"χ²/dof", "goodness_of_fit", NULL, NULL, 2,
     "χ² per degree of freedom (dof) is near 1 if the family fits."},
    {"moved", "step_length", NULL, NULL, 2,
     "Moved: the fraction of the way to the new parameters; 0 means that the refit was rejected, "
     "because it made held-out codes less likely."},
    {"gain", "held_out_after", "−", "held_out_before", 3,
     "Gain: the increase of the mean log density of held-out codes, in nats."},
    {"forgetting", "forgetting", NULL, NULL, 3,
     "Forgetting: the fraction of the running statistics that new images replaced; 0 is a refit to "
     "codes."},
    {"reinitialised", "reinitialised", NULL, NULL, 0,
     "Reinitialised: the number of nearly empty components that began anew."},
    {"g", "g_min", "…", "g_max", 2, "g and k: smallest and largest values over margins."},
    {"k", "k_min", "…", "k_max", 2, NULL},
    {"seconds", "seconds", NULL, NULL, 2, NULL},
};

static bool is_known(const json_t *refits, const column *c)
{
    bool other = false;
    for (size_t i = 0; i < json_array_size(refits); i++) {
        const double value = cli_record_number(refits, i, c->key),
                     second = c->other ? cli_record_number(refits, i, c->other) : 0;
        if (isfinite(value) && isfinite(second))
            other = other || value != 0 || second != 0;
    }
    return other;
}

static const char *cell(cli_texts *all, const json_t *refits, size_t i, const column *c)
{
    const double value = cli_record_number(refits, i, c->key);
    char texts[2][32];
    if (!c->other)
        return cli_texts_number(all, value, c->places);
    const double other = cli_record_number(refits, i, c->other);
    if (strcmp(c->sign, "−") == 0)
        return cli_texts_number(all, value - other, c->places);
    if (!isfinite(value) || !isfinite(other))
        return "–";
    return cli_texts_keep(all, cli_text("%s %s %s", cli_decimal(value, c->places, texts[0]),
                                        c->sign, cli_decimal(other, c->places, texts[1])));
}

gki_report_table cli_report_refits(const json_t *refits, const char *cells[CLI_REFIT_CELLS],
                                   cli_texts *all)
{
    const size_t count = json_array_size(refits), rows = count < ROWS ? count : ROWS;
    const column *shown[COLUMNS];
    size_t n = 0;
    char *caption = rows < count
                        ? cli_text("%zu of the %zu refits of the run, evenly spaced.", rows, count)
                        : cli_text("All refits of the run.");
    for (size_t c = 0; c < COLUMNS; c++) {
        if (!is_known(refits, &columns[c]))
            continue;
        cells[ROWS * COLUMNS + n] = columns[c].name;
        shown[n++] = &columns[c];
        if (columns[c].meaning) {
            char *longer = cli_text("%s %s", caption, columns[c].meaning);
            free(caption);
            caption = longer;
        }
    }
    for (size_t r = 0; r < rows; r++) {
        const size_t i = rows > 1 ? r * (count - 1) / (rows - 1) : 0;
        for (size_t c = 0; c < n; c++)
            cells[r * n + c] = cell(all, refits, i, shown[c]);
    }
    return (gki_report_table){.heading = "Refits of the base",
                              .columns = cells + (size_t)ROWS * COLUMNS,
                              .n_columns = n,
                              .cells = cells,
                              .n_rows = n > 0 ? rows : 0,
                              .caption = cli_texts_keep(all, caption)};
}
