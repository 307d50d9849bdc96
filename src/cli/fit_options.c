/* The options of gkvae fit that need more than a line: --family; --fix, --start, --bounds and
 * --intervals; --lower, --upper and --resolution; those of mixtures. Declared in cli_fit.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_fit.h"

/* --- The family ----------------------------------------------------------- */

double cli_parameter(const gkv_gk *gk, size_t parameter)
{
    return (const double[CLI_PARAMETERS]){gk->a, gk->b, gk->g, gk->k}[parameter];
}

void cli_fit_check_family(const cli_fit_arguments *a, struct argp_state *state)
{
    const char *tail = gkv_gk_family_parameter(a->family, GKV_GK_K);
    for (int64_t family = 0; family < GKV_GK_FAMILIES; family++) {
        const char *other = gkv_gk_family_parameter(family, GKV_GK_K);
        const char *option = a->tail_named_by[family];
        if (option && strcmp(other, tail) != 0)
            argp_error(state, "%s %s: the %s family has no %s, but %s", option, other,
                       gkv_gk_family_name(a->family), other, tail);
    }
    if ((a->components || a->multivariate) && a->family != GKV_GK_FAMILY_GK)
        argp_error(state, "--family does not go with %s: the margins are g-and-k distributions",
                   a->components ? "--mixture" : "--multivariate");
    if (a->c_given && !gkv_gk_family_parameter(a->family, GKV_GK_C))
        argp_error(state, "--fix c: the %s family has no c", gkv_gk_family_name(a->family));
}

char *cli_fit_family_text(const gkv_gk *gk)
{
    return gkv_gk_family_parameter(gk->family, GKV_GK_C)
               ? cli_text("%s, c = %g", gkv_gk_family_name(gk->family), gk->c)
               : cli_text("%s", gkv_gk_family_name(gk->family));
}

/* --- Reading parameters --------------------------------------------------- */

/* One NAME=VALUE of an option. */
typedef struct assignment {
    const char *option; /* such as "--fix" */
    char name;
    size_t parameter; /* GKV_GK_C for c */
    const char *value;
} assignment;

/* The names of parameters 0 … last of all families, each once, as in "ABgkh". */
enum { NAMES = CLI_PARAMETERS + 1 + GKV_GK_FAMILIES };
static void put_names(size_t last, char names[NAMES])
{
    size_t count = 0;
    for (size_t p = 0; p <= last; p++)
        for (int64_t family = 0; family < GKV_GK_FAMILIES; family++) {
            const char *name = gkv_gk_family_parameter(family, p);
            if (name && !memchr(names, *name, count))
                names[count++] = *name;
        }
    names[count] = '\0';
}

/* "A, B, g, k or h" */
static char *list_of(const char *names)
{
    char *list = cli_text("%c", names[0]);
    for (size_t i = 1; names[i]; i++) {
        char *longer = cli_text("%s%s%c", list, names[i + 1] ? ", " : " or ", names[i]);
        free(list);
        list = longer;
    }
    return list;
}

/* Reads the name of one of the parameters 0 … last. */
static assignment assignment_of(cli_fit_arguments *a, struct argp_state *state, const char *option,
                                size_t last, const char *example, const char *word)
{
    const char *equals = strchr(word, '=');
    const size_t length = equals ? (size_t)(equals - word) : 0;
    char names[NAMES];
    put_names(last, names);
    if (length != 1 || !strchr(names, word[0]))
        argp_error(state, "%s %s: must be %s and %s, as in %s %s", option, word, list_of(names),
                   strchr(example, ':') ? "two bounds" : "a value", option, example);
    assignment one = {.option = option, .name = word[0], .value = equals + 1};
    for (size_t p = 0; p <= last; p++)
        for (int64_t family = 0; family < GKV_GK_FAMILIES; family++) {
            const char *name = gkv_gk_family_parameter(family, p);
            if (!name || *name != one.name)
                continue;
            one.parameter = p;
            if (p == GKV_GK_K)
                a->tail_named_by[family] = option;
        }
    return one;
}

/* Records the value of one parameter, which may be given once. */
static void set_once(struct argp_state *state, const assignment *one, bool *given, double *target)
{
    char *option = cli_text("%s %c =", one->option, one->name);
    const double value = cli_number(state, option, one->value, -1e300, 1e300);
    free(option);
    if (*given)
        argp_error(state, "%s: %c is given twice, as %.17g and as %.17g: choose one", one->option,
                   one->name, *target, value);
    *given = true;
    *target = value;
}

static void fix_one(cli_fit_arguments *a, struct argp_state *state, const char *word)
{
    const assignment one = assignment_of(a, state, "--fix", GKV_GK_C, "g=0", word);
    if (one.parameter == GKV_GK_C)
        set_once(state, &one, &a->c_given, &a->c);
    else
        set_once(state, &one, &a->fixed[one.parameter], &a->value[one.parameter]);
}

static void start_one(cli_fit_arguments *a, struct argp_state *state, const char *word)
{
    const assignment one = assignment_of(a, state, "--start", GKV_GK_K, "g=1", word);
    set_once(state, &one, &a->started[one.parameter], &a->start[one.parameter]);
    if (one.parameter == GKV_GK_B && !(a->start[GKV_GK_B] > 0))
        argp_error(state, "--start B=%s: B must be above 0", one.value);
}

/* One end of LOW:HIGH; an empty one is infinite. */
static double bound_of(struct argp_state *state, char *text, double empty)
{
    return *text ? cli_number(state, "--bounds", text, -1e300, 1e300) : empty;
}

static void bound_one(cli_fit_arguments *a, struct argp_state *state, const char *word)
{
    const assignment one = assignment_of(a, state, "--bounds", GKV_GK_K, "k=0:1", word);
    const size_t p = one.parameter;
    char *low = cli_text("%s", one.value), *colon = strchr(low, ':');
    if (!colon || strcmp(low, ":") == 0)
        argp_error(state, "--bounds %s: must be LOW:HIGH, of which one may be empty, as in k=0:1",
                   word);
    if (a->bounded[p])
        argp_error(state, "--bounds: %c is given twice: choose one", one.name);
    *colon = '\0';
    a->bounded[p] = true;
    a->low[p] = bound_of(state, low, -INFINITY);
    a->high[p] = bound_of(state, colon + 1, INFINITY);
    if (!(a->low[p] <= a->high[p]))
        argp_error(state, "--bounds %s: the lower bound is above the upper one", word);
    if (p == GKV_GK_B && !(a->high[p] > 0))
        argp_error(state, "--bounds %s: B is above 0, and so must be its upper bound", word);
    free(low);
}

/* Calls `take` for each of the words between commas. */
static void each_word(cli_fit_arguments *a, struct argp_state *state, const char *text,
                      void (*take)(cli_fit_arguments *, struct argp_state *, const char *))
{
    char *words = cli_text("%s", text), *word = words;
    for (bool more = true; more;) {
        const size_t length = strcspn(word, ",");
        more = word[length] == ',';
        word[length] = '\0';
        take(a, state, word);
        word += length + 1;
    }
    free(words);
}

void cli_fit_fix(cli_fit_arguments *a, struct argp_state *state, const char *text)
{
    each_word(a, state, text, fix_one);
}

void cli_fit_free(cli_fit_arguments *a, struct argp_state *state, const char *text)
{
    if (strcmp(text, "c") != 0)
        argp_error(
            state,
            "--free %s: must be c; the other parameters are estimated unless --fix holds them",
            text);
    a->free_c = true;
}

void cli_fit_set_start(cli_fit_arguments *a, struct argp_state *state, const char *text)
{
    each_word(a, state, text, start_one);
}

void cli_fit_bound(cli_fit_arguments *a, struct argp_state *state, const char *text)
{
    each_word(a, state, text, bound_one);
}

/* --- Checks --------------------------------------------------------------- */

static bool any(const bool given[CLI_PARAMETERS])
{
    return given[0] || given[1] || given[2] || given[3];
}

bool cli_fit_holds(const cli_fit_arguments *a)
{
    return a->normal || any(a->fixed);
}

bool cli_fit_starts(const cli_fit_arguments *a)
{
    return any(a->started);
}

/* Reports parameters that are held and have a start or bounds too. */
static void check_held(const cli_fit_arguments *a, struct argp_state *state, const char *option,
                       const bool given[CLI_PARAMETERS])
{
    for (size_t p = 0; p < CLI_PARAMETERS; p++) {
        const bool by_normal = a->normal && p >= GKV_GK_G;
        if (given[p] && (a->fixed[p] || by_normal))
            argp_error(state, "%s %s: %s holds %s already", option,
                       gkv_gk_family_parameter(a->family, p), by_normal ? "--normal" : "--fix",
                       gkv_gk_family_parameter(a->family, p));
    }
}

/* A start outside the bounds would be moved without a word. */
static void check_start_within(const cli_fit_arguments *a, struct argp_state *state)
{
    for (size_t p = 0; p < CLI_PARAMETERS; p++)
        if (a->started[p] && a->bounded[p] &&
            !(a->start[p] >= a->low[p] && a->start[p] <= a->high[p]))
            argp_error(state, "--start %s=%.10g is outside --bounds %.10g:%.10g",
                       gkv_gk_family_parameter(a->family, p), a->start[p], a->low[p], a->high[p]);
}

static void check_free(const cli_fit_arguments *a, struct argp_state *state)
{
    if (!a->free_c)
        return;
    if (a->components || a->multivariate || a->replicates)
        argp_error(
            state, "--free c does not go with %s",
            a->components ? "--mixture, whose margins have c = 0.8"
            : a->multivariate
                ? "--multivariate: estimate c of single columns, and hold it by --fix c=VALUE"
                : "--bootstrap: hold c at its estimate by --fix c=VALUE");
    if (!gkv_gk_family_parameter(a->family, GKV_GK_C))
        argp_error(state, "--free c: the %s family has no c", gkv_gk_family_name(a->family));
    if (a->c_given)
        argp_error(state, "--free c and --fix c=%.10g: choose one", a->c);
    const bool confined = a->bounded[GKV_GK_G] && a->low[GKV_GK_G] == 0 && a->high[GKV_GK_G] == 0;
    if (a->normal || confined || (a->fixed[GKV_GK_G] && a->value[GKV_GK_G] == 0))
        argp_error(state, "--free c: c has no effect where g is held at 0");
    if (a->method != GKV_GK_MLE)
        argp_error(state, "--free c needs --method mle");
}

void cli_fit_check_parameters(const cli_fit_arguments *a, struct argp_state *state)
{
    const char *option = any(a->started)   ? "--start"
                         : any(a->bounded) ? "--bounds"
                         : a->profile      ? "--intervals profile"
                                           : NULL;
    check_free(a, state);
    if (!option)
        return;
    if (a->components || a->multivariate)
        argp_error(state, "%s does not go with %s: it is for fits of single columns", option,
                   a->components ? "--mixture" : "--multivariate");
    if (a->method == GKV_GK_OCTILES)
        argp_error(state, "%s does not go with --method octile, which is a closed form", option);
    if (a->profile && a->method != GKV_GK_MLE)
        argp_error(state, "--intervals profile needs --method mle");
    check_held(a, state, "--start", a->started);
    check_held(a, state, "--bounds", a->bounded);
    check_start_within(a, state);
}

/* --- The start ------------------------------------------------------------ */

/* The estimates from the octiles with the held and given values in place of theirs. Without octiles
 * the estimates are unknown, and mle finds its start itself. If a held k is not valid for a free g,
 * the fit starts at g = 0. */
gkv_status cli_fit_start(const cli_fit_arguments *a, const gkv_gk_sample *sample, gkv_gk *start)
{
    gkv_gk_fit_settings settings;
    gkv_gk_fit_result result;
    cli_fit_settings(a, &settings);
    settings.method = GKV_GK_OCTILES; /* this method cannot hold parameters */
    settings.intervals = GKV_GK_WALD;
    settings.free_c = false;
    settings.anderson_darling = false;
    memset(settings.fixed, 0, sizeof settings.fixed);
    gkv_status status = GKV_ERR_DATA;
    if (!sample->lower)
        status =
            gkv_gk_fit_many(1, sample, &settings, &(gkv_run_options){.threads = 1}, &result, NULL);
    if (status != GKV_OK && !(status == GKV_ERR_DATA && a->method == GKV_GK_MLE))
        return status;
    *start = result.gk;
    if (status != GKV_OK)
        *start = (gkv_gk){NAN, NAN, a->fixed[GKV_GK_K] ? 0 : NAN, NAN, a->c, (int64_t)a->family};
    double *const parameters[CLI_PARAMETERS] = {&start->a, &start->b, &start->g, &start->k};
    for (size_t p = 0; p < CLI_PARAMETERS; p++)
        if (a->fixed[p] || a->started[p])
            *parameters[p] = a->fixed[p] ? a->value[p] : a->start[p];
    if (a->normal)
        start->g = start->k = 0;
    if (a->fixed[GKV_GK_K] && !a->fixed[GKV_GK_G] && !gkv_gk_is_valid(start))
        start->g = 0;
    gkv_gk shape = *start;
    if (status != GKV_OK)
        shape.a = 0, shape.b = 1;
    return a->fixed[GKV_GK_K] ? gkv_gk_check(&shape) : GKV_OK;
}

/* --- Intervals and rounded values -------------------------------------------- */

void cli_fit_check_intervals(const cli_fit_arguments *a, struct argp_state *state)
{
    const bool joint = a->components || a->multivariate;
    if (a->resolution_given && joint)
        argp_error(state, "--resolution is for fits of single columns");
    if (!a->lower && !a->upper)
        return;
    if (!a->lower || !a->upper)
        argp_error(state, "--lower and --upper go together");
    if (a->columns)
        argp_error(state, "--column does not go with --lower and --upper");
    if (a->resolution_given)
        argp_error(state, "--resolution does not go with --lower and --upper");
    if (joint)
        argp_error(state, "--lower and --upper are for the fit of a single distribution");
    if (a->method != GKV_GK_MLE)
        argp_error(state, "--lower and --upper need --method mle");
    if (a->picture)
        argp_error(state, "--picture does not go with --lower and --upper");
    if (a->replicates && !a->nonparametric)
        argp_error(state, "--lower and --upper have the bootstrap with --nonparametric only");
}

/* --- Mixtures ------------------------------------------------------------- */

void cli_fit_set_components(cli_fit_arguments *a, struct argp_state *state, const char *text)
{
    enum { COMPONENTS_MAX = 10000 };
    const char *dots = strstr(text, "..");
    if (dots && (dots == text || !dots[2]))
        argp_error(state, "--mixture %s: a range is written A..B, as in 1..8", text);
    char *first = cli_text("%.*s", dots ? (int)(dots - text) : (int)strlen(text), text);
    a->components = (size_t)cli_whole(state, "--mixture", first, 1, COMPONENTS_MAX);
    a->components_most =
        dots ? (size_t)cli_whole(state, "--mixture", dots + 2, 1, COMPONENTS_MAX) : 0;
    if (dots && a->components_most < a->components)
        argp_error(state, "--mixture %s: the second number must not be smaller than the first",
                   text);
    free(first);
}

void cli_fit_check_mixture(const cli_fit_arguments *a, struct argp_state *state)
{
    const char *path = a->responsibilities;
    const char *without = a->held_out > 0     ? "--held-out"
                          : a->tolerance >= 0 ? "--tolerance"
                          : a->restarts > 0   ? "--restarts"
                          : a->unshrunk       ? "--shrinkage"
                          : path              ? "--responsibilities"
                                              : NULL;
    if (without && !a->components)
        argp_error(state, "%s goes with --mixture", without);
    if (path && !cli_fit_ends_in(path, ".csv") && !cli_fit_ends_in(path, ".npy"))
        argp_error(state, "--responsibilities %s: the name must end in .csv or .npy", path);
}
