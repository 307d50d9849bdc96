/* A density as text and as JSON; declared in cli_density.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_density.h"
#include "records.h"
#include "texts.h"

/* Whether the parameter is the scale of a tail that is not corrected, which text leaves out. */
static bool is_plain_tail(const char *name, double value)
{
    return value == 1 && (strcmp(name, "lower tail") == 0 || strcmp(name, "upper tail") == 0);
}

char *cli_density_margin_text(const gkv_density_margin_info *info)
{
    char *text = cli_text("%s", "");
    const char *name;
    for (size_t p = 0; (name = gkv_density_margin_parameter(info->kind, p)) != NULL; p++) {
        if (is_plain_tail(name, info->parameters[p]))
            continue;
        char *longer = cli_text("%s%s%s = %.4g", text, p ? ", " : "", name, info->parameters[p]);
        free(text);
        text = longer;
    }
    return text;
}

/* --- Text ----------------------------------------------------------------- */

enum { MARGIN_COLUMNS = 6, CANDIDATE_COLUMNS = 8 };

static const char *precision_of(cli_texts *texts, const gkv_density_margin_info *info)
{
    return cli_texts_keep(texts, info->intervals > 0    ? cli_text("%zu intervals", info->intervals)
                                 : info->resolution > 0 ? cli_text("%g", info->resolution)
                                                        : cli_text("exact"));
}

static void print_margins(const gkv_density *density, cli_texts *texts)
{
    const size_t d = gkv_density_dimensions(density);
    const char **cells = cli_alloc((d + 1) * MARGIN_COLUMNS, sizeof *cells);
    static const char *const headings[MARGIN_COLUMNS] = {"column",     "margin", "parameters",
                                                         "resolution", "log f",  "|z| > 6"};
    for (size_t c = 0; c < MARGIN_COLUMNS; c++)
        cells[c] = headings[c];
    for (size_t j = 0; j < d; j++) {
        gkv_density_margin_info info;
        const char **row = cells + (j + 1) * MARGIN_COLUMNS;
        if (gkv_density_get_margin(density, j, &info) != GKV_OK)
            continue;
        row[0] = gkv_density_name(density, j);
        row[1] = gkv_density_margin_name(info.kind);
        row[2] = cli_texts_keep(texts, cli_density_margin_text(&info));
        row[3] = precision_of(texts, &info);
        row[4] = cli_texts_number(texts, info.held_out[info.kind], 4);
        row[5] = cli_texts_keep(texts, cli_text("%zu", info.far));
    }
    cli_table(cells, d + 1, MARGIN_COLUMNS, "lllrrr");
    free(cells);
}

static const char *share_of(cli_texts *texts, const gkv_density_candidate_info *info, size_t tail)
{
    return cli_texts_keep(texts,
                          cli_text("%.3f (%.3f … %.3f)", 100 * info->beyond[tail],
                                   100 * info->beyond_low[tail], 100 * info->beyond_high[tail]));
}

static void print_candidates(const gkv_density *density, cli_texts *texts)
{
    const char *cells[(GKV_DENSITY_CANDIDATES + 1) * CANDIDATE_COLUMNS] = {
        "",       "candidate",      "held-out log f",    "less the chosen",
        "lowest", "copula share %", "beyond 99 %, in %", "beyond 99.9 %, in %"};
    size_t rows = 1;
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gkv_density_candidate_info info;
        if (gkv_density_get_candidate(density, c, &info) != GKV_OK || !info.fitted)
            continue;
        const char **row = cells + CANDIDATE_COLUMNS * rows++;
        const bool chosen = c == gkv_density_chosen(density);
        row[0] = chosen ? "*" : "";
        row[1] = gkv_density_candidate_name(c);
        row[2] = cli_texts_with_error(texts, info.held_out, info.se, 4);
        row[3] = chosen ? "" : cli_texts_with_error(texts, info.difference, info.difference_se, 4);
        row[4] = cli_texts_number(texts, info.lowest, 1);
        row[5] = info.copula_share > 0 ? cli_texts_number(texts, 100 * info.copula_share, 1) : "";
        row[6] = share_of(texts, &info, 0);
        row[7] = share_of(texts, &info, 1);
    }
    cli_table(cells, rows, CANDIDATE_COLUMNS, "llrrrrrr");
}

static void print_warnings(const gkv_density *density)
{
    if (gkv_density_rows(density) < GKV_DENSITY_ROWS_FEW)
        fprintf(stderr, "gkvae: %zu rows say little about the shapes and the tails of a density\n",
                gkv_density_rows(density));
    for (size_t j = 0; j < gkv_density_dimensions(density); j++) {
        gkv_density_margin_info info;
        if (gkv_density_get_margin(density, j, &info) != GKV_OK)
            continue;
        if (info.atom_share > 0)
            fprintf(
                stderr,
                "gkvae: column %s: the value %g is %.1f %% of the rows, an atom that no density "
                "has; it is spread over a small range, and log densities near it mean little\n",
                gkv_density_name(density, j), info.atom, 100 * info.atom_share);
        if (info.far > 0)
            fprintf(stderr,
                    "gkvae: column %s: %zu held-out value%s lie beyond 6 standard deviations of "
                    "the normal scores of the margin\n",
                    gkv_density_name(density, j), info.far, cli_plural(info.far));
    }
}

void cli_density_print(const gkv_density *density)
{
    cli_texts texts = {0};
    printf("%zu rows of %zu column%s\n\n", gkv_density_rows(density),
           gkv_density_dimensions(density), cli_plural(gkv_density_dimensions(density)));
    print_margins(density, &texts);
    putchar('\n');
    print_candidates(density, &texts);
    fflush(stdout);
    print_warnings(density);
    cli_texts_free(&texts);
}

/* --- JSON ----------------------------------------------------------------- */

json_t *cli_density_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

int cli_density_print_json(json_t *value)
{
    char *text = cli_json_text(value);
    puts(text);
    free(text);
    return CLI_OK;
}

static json_t *json_of_margin(const gkv_density *density, size_t j)
{
    gkv_density_margin_info info = {.kind = 0};
    json_t *object = json_object(), *parameters = json_array(), *held_out = json_object();
    (void)!gkv_density_get_margin(density, j, &info);
    for (size_t p = 0; gkv_density_margin_parameter(info.kind, p); p++)
        json_array_append_new(parameters, cli_density_number(info.parameters[p]));
    for (int64_t k = 0; k < GKV_DENSITY_MARGINS; k++)
        json_object_set_new(held_out, gkv_density_margin_name(k),
                            cli_density_number(info.held_out[k]));
    json_object_set_new(object, "name", json_string(gkv_density_name(density, j)));
    json_object_set_new(object, "margin", json_string(gkv_density_margin_name(info.kind)));
    json_object_set_new(object, "parameters", parameters);
    json_object_set_new(object, "held_out", held_out);
    json_object_set_new(object, "resolution",
                        cli_density_number(info.resolution > 0 ? info.resolution : NAN));
    json_object_set_new(object, "atom", cli_density_number(info.atom_share > 0 ? info.atom : NAN));
    json_object_set_new(object, "atom_share", cli_density_number(info.atom_share));
    json_object_set_new(object, "far", json_integer((json_int_t)info.far));
    json_object_set_new(object, "intervals", json_integer((json_int_t)info.intervals));
    return object;
}

static json_t *json_of_share(const gkv_density_candidate_info *info, size_t tail)
{
    json_t *object = json_object();
    json_object_set_new(object, "share", cli_density_number(info->beyond[tail]));
    json_object_set_new(object, "low", cli_density_number(info->beyond_low[tail]));
    json_object_set_new(object, "high", cli_density_number(info->beyond_high[tail]));
    return object;
}

static json_t *json_of_candidate(const gkv_density_candidate_info *info, int64_t candidate)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(gkv_density_candidate_name(candidate)));
    json_object_set_new(object, "held_out", cli_density_number(info->held_out));
    json_object_set_new(object, "standard_error", cli_density_number(info->se));
    json_object_set_new(object, "difference", cli_density_number(info->difference));
    json_object_set_new(object, "difference_standard_error",
                        cli_density_number(info->difference_se));
    json_object_set_new(object, "lowest", cli_density_number(info->lowest));
    json_object_set_new(object, "rows", json_integer((json_int_t)info->rows));
    json_object_set_new(object, "copula_share", cli_density_number(info->copula_share));
    json_object_set_new(object, "components",
                        info->components ? json_integer((json_int_t)info->components)
                                         : json_null());
    json_object_set_new(object, "updates", json_integer((json_int_t)info->updates));
    json_object_set_new(object, "degrees_of_freedom",
                        cli_density_number(info->freedom > 0 ? info->freedom : NAN));
    json_object_set_new(object, "beyond_99", json_of_share(info, 0));
    json_object_set_new(object, "beyond_99.9", json_of_share(info, 1));
    return object;
}

json_t *cli_density_json(const gkv_density *density)
{
    json_t *object = json_object(), *columns = json_array(), *candidates = json_array();
    for (size_t j = 0; j < gkv_density_dimensions(density); j++)
        json_array_append_new(columns, json_of_margin(density, j));
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gkv_density_candidate_info info;
        if (gkv_density_get_candidate(density, c, &info) == GKV_OK && info.fitted)
            json_array_append_new(candidates, json_of_candidate(&info, c));
    }
    json_object_set_new(object, "schema", json_string("gkvae-density-1"));
    json_object_set_new(object, "rows", json_integer((json_int_t)gkv_density_rows(density)));
    json_object_set_new(object, "chosen",
                        json_string(gkv_density_candidate_name(gkv_density_chosen(density))));
    json_object_set_new(object, "columns", columns);
    json_object_set_new(object, "candidates", candidates);
    return object;
}
