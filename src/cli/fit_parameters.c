/* The options of gkvae fit that name parameters, --fix, --start and --bounds, and --intervals;
 * declared in cli_fit.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_fit.h"

/* --- Reading -------------------------------------------------------------- */

/* One NAME=VALUE of an option. */
typedef struct assignment {
    const char *option; /* such as "--fix" */
    char name;
    size_t parameter; /* CLI_PARAMETERS for c */
    const char *value;
} assignment;

/* Reads the name. `names` are those that the option allows. */
static assignment assignment_of(cli_fit_arguments *a, struct argp_state *state, const char *option,
                                const char *names, const char *example, const char *word)
{
    const char *equals = strchr(word, '=');
    const size_t length = equals ? (size_t)(equals - word) : 0;
    if (length != 1 || !strchr(names, word[0]))
        argp_error(state, "%s %s: must be A, B, g, k%s and %s, as in %s %s", option, word,
                   strchr(names, 'c') ? ", h or c" : " or h",
                   strchr(example, ':') ? "two bounds" : "a value", option, example);
    assignment one = {
        .option = option, .name = word[0], .parameter = CLI_PARAMETERS, .value = equals + 1};
    for (size_t i = 0; i < CLI_PARAMETERS; i++)
        if (one.name == cli_parameter_names[i][0] || (one.name == 'h' && i == GKV_GK_K))
            one.parameter = i;
    if (one.name == 'k' || one.name == 'h')
        a->tail_named_by[one.name == 'h'] = option;
    return one;
}

/* Records the value of one parameter, which may be given once. */
static void set_once(struct argp_state *state, const assignment *one, bool *given, double *target)
{
    const double value = cli_number(state, one->option, one->value, -1e300, 1e300);
    if (*given)
        argp_error(state, "%s: %c is given twice, as %.17g and as %.17g: choose one", one->option,
                   one->name, *target, value);
    *given = true;
    *target = value;
}

static void fix_one(cli_fit_arguments *a, struct argp_state *state, const char *word)
{
    const assignment one = assignment_of(a, state, "--fix", "ABgkhc", "g=0", word);
    if (one.parameter == CLI_PARAMETERS)
        set_once(state, &one, &a->c_given, &a->c);
    else
        set_once(state, &one, &a->fixed[one.parameter], &a->value[one.parameter]);
}

static void start_one(cli_fit_arguments *a, struct argp_state *state, const char *word)
{
    const assignment one = assignment_of(a, state, "--start", "ABgkh", "g=1", word);
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
    const assignment one = assignment_of(a, state, "--bounds", "ABgkh", "k=0:1", word);
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

void cli_fit_set_start(cli_fit_arguments *a, struct argp_state *state, const char *text)
{
    each_word(a, state, text, start_one);
}

void cli_fit_bound(cli_fit_arguments *a, struct argp_state *state, const char *text)
{
    each_word(a, state, text, bound_one);
}

bool cli_fit_is_profile(struct argp_state *state, const char *text)
{
    const bool profile = strcmp(text, "profile") == 0;
    if (!profile && strcmp(text, "wald") != 0)
        argp_error(state, "--intervals %s: must be wald or profile", text);
    return profile;
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
                       cli_parameter_name(a->family, p), by_normal ? "--normal" : "--fix",
                       cli_parameter_name(a->family, p));
    }
}

/* A start outside the bounds would be moved without a word. */
static void check_start_within(const cli_fit_arguments *a, struct argp_state *state)
{
    for (size_t p = 0; p < CLI_PARAMETERS; p++)
        if (a->started[p] && a->bounded[p] &&
            !(a->start[p] >= a->low[p] && a->start[p] <= a->high[p]))
            argp_error(state, "--start %s=%.10g is outside --bounds %.10g:%.10g",
                       cli_parameter_name(a->family, p), a->start[p], a->low[p], a->high[p]);
}

void cli_fit_check_parameters(const cli_fit_arguments *a, struct argp_state *state)
{
    const char *option = any(a->started)   ? "--start"
                         : any(a->bounded) ? "--bounds"
                         : a->profile      ? "--intervals profile"
                                           : NULL;
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
