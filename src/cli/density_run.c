/* What the commands of gkvae density share; declared in cli_density.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "cli_density.h"
#include "named_columns.h"

/* --- Names ---------------------------------------------------------------- */

char cli_density_candidates[CLI_DENSITY_NAMES], cli_density_margins[CLI_DENSITY_NAMES];

char *cli_density_join(const char *first, const char *(*name_of)(int64_t number),
                       const char *between)
{
    char *list = cli_text("%s", first ? first : name_of(0));
    for (int64_t i = first ? 0 : 1; name_of(i); i++) {
        char *longer = cli_text("%s%s%s", list, between, name_of(i));
        free(list);
        list = longer;
    }
    return list;
}

void cli_density_fill_names(void)
{
    char *candidates = cli_density_join(NULL, gkv_density_candidate_name, "|"),
         *margins = cli_density_join("auto", gkv_density_margin_name, "|");
    snprintf(cli_density_candidates, CLI_DENSITY_NAMES, "%s", candidates);
    snprintf(cli_density_margins, CLI_DENSITY_NAMES, "%s", margins);
    free(candidates);
    free(margins);
}

/* --- Arguments ------------------------------------------------------------ */

int cli_density_parse(cli_density_arguments *a, int key, char *arg, struct argp_state *state,
                      int most)
{
    switch (key) {
    case ARGP_KEY_INIT: a->candidate = GKV_DENSITY_CHOSEN; return 0;
    case 'M':
        a->candidate = cli_choice(state, "--candidate", arg, cli_density_candidates);
        return 0;
    case 'o': a->out = cli_output(state, "--out", arg, CLI_ROWS); return 0;
    case 'n': a->count = cli_whole(state, "--count", arg, 1, INT64_MAX); return 0;
    case 'S': a->seed = cli_whole(state, "--seed", arg, 0, INT64_MAX); return 0;
    case 't': a->threads = (int)cli_whole(state, "--threads", arg, 1, 256); return 0;
    case 'j': a->json = true; return 0;
    case 'q': a->quiet = true; return 0;
    case ARGP_KEY_ARG:
        if (a->run && (most < 2 || a->table))
            argp_error(state, "%s is too many", arg);
        if (a->run)
            a->table = arg;
        else
            a->run = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->run)
            argp_error(state, "which density? The folder that gkvae density fit wrote is needed");
        if (most > 1 && !a->table)
            argp_error(state, "which rows? A table, or - for standard input, is needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Whether the path is a file, or ends as a model file does. */
static bool is_file(const char *path)
{
    struct stat about;
    return cli_ends_in(path, ".safetensors") || (stat(path, &about) == 0 && S_ISREG(about.st_mode));
}

int cli_density_open(const cli_density_arguments *a, gkv_density **density, int64_t *candidate)
{
    char *path =
        is_file(a->run) ? cli_text("%s", a->run) : cli_text("%s/density.safetensors", a->run);
    int code = CLI_OK;
    *density = NULL;
    if (!is_file(a->run) && !gki_file_exists(path)) {
        code = cli_error(gki_file_exists(a->run) ? CLI_CONFIG : CLI_IO,
                         "%s: there is no density: gkvae density fit writes %s", a->run, path);
        goto done;
    }
    CLI_CHECK(gkv_density_load(path, density));
    *candidate = a->candidate != GKV_DENSITY_CHOSEN ? a->candidate : gkv_density_chosen(*density);
    gkv_density_candidate_info info;
    CLI_CHECK(gkv_density_get_candidate(*density, *candidate, &info));
    if (!info.fitted)
        code = cli_error(CLI_USAGE, "--candidate %s: %s was fitted without it",
                         gkv_density_candidate_name(*candidate), a->run);
done:
    free(path);
    if (code != CLI_OK) {
        gkv_density_free(*density);
        *density = NULL;
    }
    return code;
}

char **cli_density_names(const gkv_density *density)
{
    const size_t d = gkv_density_dimensions(density);
    char **names = cli_alloc(d, sizeof *names);
    for (size_t j = 0; j < d; j++)
        names[j] = (char *)(uintptr_t)gkv_density_name(density, j);
    return names;
}

/* Leaves out the rows with a missing value. Returns how many are left. */
static size_t keep_complete(size_t n, size_t d, double *x, size_t *lines)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool complete = true;
        for (size_t j = 0; j < d; j++)
            complete &= !isnan(x[i * d + j]);
        if (!complete)
            continue;
        memmove(x + kept * d, x + i * d, d * sizeof *x);
        lines[kept++] = i + 1;
    }
    return kept;
}

int cli_density_rows(const cli_density_arguments *a, const gkv_density *density, bool complete,
                     size_t *n, double **x, size_t **lines)
{
    const size_t d = gkv_density_dimensions(density);
    char **names = cli_density_names(density);
    gkv_table *table = NULL;
    size_t *rows = NULL;
    int code = CLI_OK;
    *x = NULL;
    CLI_TRY(cli_output_spares("--out", a->out, a->table));
    CLI_TRY(cli_table_read(&a->input, a->table, a->quiet, &table));
    CLI_TRY(cli_rows_take(strcmp(a->table, "-") == 0 ? "standard input" : a->table,
                          &(cli_named_columns){d, names}, table, a->quiet, x));
    *n = gkv_table_rows(table);
    rows = cli_alloc(*n, sizeof *rows);
    for (size_t i = 0; i < *n; i++)
        rows[i] = i + 1;
    if (complete)
        *n = keep_complete(*n, d, *x, rows);
    if (*n == 0)
        code = cli_error(CLI_DATA, "%s: every row has a missing value", a->table);
done:
    gkv_table_free(table);
    free(names);
    if (lines && code == CLI_OK)
        *lines = rows;
    else
        free(rows);
    if (code != CLI_OK) {
        free(*x);
        *x = NULL;
    }
    return code;
}

gkv_run_options cli_density_options(const cli_density_arguments *a)
{
    return (gkv_run_options){.threads = a->threads, .stop = &cli_stop};
}

error_t cli_density_parse_table(int key, char *arg, struct argp_state *state)
{
    cli_density_arguments *a = state->input;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = &a->input;
    return cli_density_parse(a, key, arg, state, 2);
}

double cli_density_mean(size_t n, const double *values, const double *other, double *se)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        mean += (values[i] - (other ? other[i] : 0)) / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double off = values[i] - (other ? other[i] : 0) - mean;
        squares += off * off;
    }
    *se = n > 1 ? sqrt(squares / (double)(n - 1) / (double)n) : NAN;
    return mean;
}

int cli_density_write_draws(const cli_density_arguments *a, const gkv_density *density,
                            int64_t candidate)
{
    enum { PART = 16384 };
    const size_t d = gkv_density_dimensions(density);
    const gkv_run_options how = cli_density_options(a);
    char **names = cli_density_names(density);
    double *x = cli_alloc(PART * d, sizeof *x);
    cli_rows *output = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_rows_begin(a->out, d, (const char *const *)names, &output));
    for (uint64_t first = 0; first < a->count; first += PART) {
        const size_t n = a->count - first < PART ? (size_t)(a->count - first) : PART;
        CLI_CHECK(gkv_density_sample(density, candidate, n, a->seed, first, &how, x));
        CLI_TRY(cli_rows_add(output, n, x));
    }
done:
    free(x);
    free(names);
    return cli_rows_end(output, code);
}
