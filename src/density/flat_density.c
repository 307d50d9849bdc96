/* The flat functions of gkvae/flat_density.h. */
#include "gkvae/flat_density.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/flat_settings.h"
#include "density/table_flow.h"

/* --- Settings ------------------------------------------------------------- */

/* The struct of the settings: `margin` is the index of a word. */
typedef struct flat_density {
    gkv_density_settings settings;
    int margin;
} flat_density;

static void flat_density_defaults(void *values)
{
    flat_density *flat = values;
    gkv_density_defaults(&flat->settings);
    flat->margin = 0;
}

#define AT(member) offsetof(flat_density, settings.member)

/* The rows, after those of the switches of candidates, which fill_names() writes. */
enum { SWITCHES = GKV_DENSITY_CANDIDATES, WORDS_SIZE = 256 };
static char margin_words[WORDS_SIZE], held_out_names[GKV_DENSITY_MARGINS][WORDS_SIZE];

static gki_flat_row flat_density_rows[] = {
    /* in the order of gkv_density_margin, which begins with GKV_DENSITY_MARGIN_AUTO */
    [SWITCHES] = {"margin", GKV_FLAT_CHOICE, offsetof(flat_density, margin), margin_words},
    {"seed", GKV_FLAT_SEED, AT(seed), NULL},
    {"folds", GKV_FLAT_SIZE, AT(folds), NULL},
    {"max_components", GKV_FLAT_SIZE, AT(max_components), NULL},
    {"flow_layers", GKV_FLAT_SIZE, AT(flow_layers), NULL},
    {"flow_hidden", GKV_FLAT_SIZE, AT(flow_hidden), NULL},
    {"learning_rate", GKV_FLAT_NUMBER, AT(learning_rate), NULL},
    {"weight_decay", GKV_FLAT_NUMBER, AT(weight_decay), NULL},
    {"flow_updates", GKV_FLAT_SIZE, AT(flow_updates), NULL},
    {"patience", GKV_FLAT_SIZE, AT(patience), NULL},
    {"max_freedom", GKV_FLAT_NUMBER, AT(max_freedom), NULL},
};

static const gki_flat_kind flat_density_kind = {
    "a density", flat_density_rows, sizeof flat_density_rows / sizeof *flat_density_rows,
    sizeof(flat_density), flat_density_defaults};

/* Takes the names of candidates and margins from their tables. */
static void fill_names(void)
{
    for (size_t c = 0; c < SWITCHES; c++)
        flat_density_rows[c] =
            (gki_flat_row){gkv_density_candidate_name((int64_t)c), GKV_FLAT_SWITCH,
                           AT(candidates) + c * sizeof(bool), NULL};
    snprintf(margin_words, WORDS_SIZE, "auto");
    for (size_t k = 0; k < GKV_DENSITY_MARGINS; k++) {
        const char *name = gkv_density_margin_name((int64_t)k);
        const size_t length = strlen(margin_words);
        snprintf(margin_words + length, WORDS_SIZE - length, ", %s", name);
        snprintf(held_out_names[k], WORDS_SIZE, "held_out.%s", name);
    }
}
#undef AT

static void name_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_names);
}

gkv_status gkv_flat_density_settings(gkv_flat_settings **out)
{
    GKV_NEED(out);
    name_once();
    return gki_flat_settings_create(&flat_density_kind, out);
}

/* --- The fit -------------------------------------------------------------- */

gkv_status gkv_flat_density_fit(size_t n, size_t d, const double *x, const double *upper,
                                const double *resolution, const char *const *names,
                                const char *flow, const char *checkpoint,
                                const gkv_flat_settings *settings, const gkv_run_options *options,
                                gkv_density **out)
{
    flat_density set;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(x);
    GKV_TRY(gki_flat_settings_copy(__func__, &flat_density_kind, settings, &set));
    set.settings.margin = (gkv_density_margin)(GKV_DENSITY_MARGIN_AUTO + set.margin);
    set.settings.resolution = resolution;
    set.settings.lower = upper ? x : NULL;
    set.settings.upper = upper;
    set.settings.names = names;
    set.settings.checkpoint = checkpoint;
    if (flow)
        GKV_TRY(gki_table_flow_find(flow, &set.settings.flow));
    return gkv_density_fit(n, d, x, &set.settings, options, out);
}

/* --- Margins and candidates ----------------------------------------------- */

const char *gkv_flat_density_margin_name(size_t i)
{
    static const char *const names[] = {
        [GKV_FLAT_MARGIN_KIND] = "kind",
        [GKV_FLAT_MARGIN_PARAMETERS] = "parameter.1",
        "parameter.2",
        "parameter.3",
        "parameter.4",
        "parameter.5",
        "parameter.6",
        "parameter.7",
        [GKV_FLAT_MARGIN_HELD_OUT] = NULL, /* of each kind: held_out_names */
        [GKV_FLAT_MARGIN_RESOLUTION] = "resolution",
        [GKV_FLAT_MARGIN_ATOM] = "atom",
        [GKV_FLAT_MARGIN_ATOM_SHARE] = "atom_share",
        [GKV_FLAT_MARGIN_FAR] = "far",
        [GKV_FLAT_MARGIN_INTERVALS] = "intervals",
    };
    _Static_assert(sizeof names / sizeof *names == GKV_FLAT_MARGIN_NUMBERS,
                   "a name for each number");
    if (i >= GKV_FLAT_MARGIN_HELD_OUT && i < GKV_FLAT_MARGIN_HELD_OUT + GKV_DENSITY_MARGINS) {
        name_once();
        return held_out_names[i - GKV_FLAT_MARGIN_HELD_OUT];
    }
    return GKV_FLAT_NAME(names, i);
}

gkv_status gkv_flat_density_margin(const gkv_density *density, size_t column, double *numbers)
{
    gkv_density_margin_info info;
    gki_flat_nan(numbers, GKV_FLAT_MARGIN_NUMBERS);
    GKV_TRY(gkv_density_get_margin(density, column, &info));
    if (!numbers)
        return GKV_OK;
    numbers[GKV_FLAT_MARGIN_KIND] = (double)info.kind;
    memcpy(numbers + GKV_FLAT_MARGIN_PARAMETERS, info.parameters, sizeof info.parameters);
    memcpy(numbers + GKV_FLAT_MARGIN_HELD_OUT, info.held_out, sizeof info.held_out);
    numbers[GKV_FLAT_MARGIN_RESOLUTION] = info.resolution;
    numbers[GKV_FLAT_MARGIN_ATOM] = info.atom;
    numbers[GKV_FLAT_MARGIN_ATOM_SHARE] = info.atom_share;
    numbers[GKV_FLAT_MARGIN_FAR] = (double)info.far;
    numbers[GKV_FLAT_MARGIN_INTERVALS] = (double)info.intervals;
    return GKV_OK;
}

const char *gkv_flat_density_candidate_name(size_t i)
{
    static const char *const names[] = {
        [GKV_FLAT_CANDIDATE_FITTED] = "fitted",
        [GKV_FLAT_CANDIDATE_HELD_OUT] = "held_out",
        [GKV_FLAT_CANDIDATE_SE] = "se",
        [GKV_FLAT_CANDIDATE_DIFFERENCE] = "difference",
        [GKV_FLAT_CANDIDATE_DIFFERENCE_SE] = "difference_se",
        [GKV_FLAT_CANDIDATE_LOWEST] = "lowest",
        [GKV_FLAT_CANDIDATE_ROWS] = "rows",
        [GKV_FLAT_CANDIDATE_COPULA_SHARE] = "copula_share",
        [GKV_FLAT_CANDIDATE_COMPONENTS] = "components",
        [GKV_FLAT_CANDIDATE_UPDATES] = "updates",
        [GKV_FLAT_CANDIDATE_FREEDOM] = "freedom",
        [GKV_FLAT_CANDIDATE_BEYOND] = "beyond.99",
        "beyond.99.9",
        [GKV_FLAT_CANDIDATE_BEYOND_LOW] = "beyond_low.99",
        "beyond_low.99.9",
        [GKV_FLAT_CANDIDATE_BEYOND_HIGH] = "beyond_high.99",
        "beyond_high.99.9",
    };
    _Static_assert(sizeof names / sizeof *names == GKV_FLAT_CANDIDATE_NUMBERS,
                   "a name for each number");
    return GKV_FLAT_NAME(names, i);
}

gkv_status gkv_flat_density_candidate(const gkv_density *density, int64_t candidate,
                                      double *numbers)
{
    gkv_density_candidate_info info;
    gki_flat_nan(numbers, GKV_FLAT_CANDIDATE_NUMBERS);
    GKV_TRY(gkv_density_get_candidate(density, candidate, &info));
    if (!numbers)
        return GKV_OK;
    numbers[GKV_FLAT_CANDIDATE_FITTED] = info.fitted;
    numbers[GKV_FLAT_CANDIDATE_HELD_OUT] = info.held_out;
    numbers[GKV_FLAT_CANDIDATE_SE] = info.se;
    numbers[GKV_FLAT_CANDIDATE_DIFFERENCE] = info.difference;
    numbers[GKV_FLAT_CANDIDATE_DIFFERENCE_SE] = info.difference_se;
    numbers[GKV_FLAT_CANDIDATE_LOWEST] = info.lowest;
    numbers[GKV_FLAT_CANDIDATE_ROWS] = (double)info.rows;
    numbers[GKV_FLAT_CANDIDATE_COPULA_SHARE] = info.copula_share;
    numbers[GKV_FLAT_CANDIDATE_COMPONENTS] = (double)info.components;
    numbers[GKV_FLAT_CANDIDATE_UPDATES] = (double)info.updates;
    numbers[GKV_FLAT_CANDIDATE_FREEDOM] = info.freedom;
    memcpy(numbers + GKV_FLAT_CANDIDATE_BEYOND, info.beyond, sizeof info.beyond);
    memcpy(numbers + GKV_FLAT_CANDIDATE_BEYOND_LOW, info.beyond_low, sizeof info.beyond_low);
    memcpy(numbers + GKV_FLAT_CANDIDATE_BEYOND_HIGH, info.beyond_high, sizeof info.beyond_high);
    return GKV_OK;
}
