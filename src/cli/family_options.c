/* The option --family of gkvae fit; declared in cli_fit.h. */
#include <string.h>

#include "cli_fit.h"
#include "cli_gk.h"

const char *const cli_parameter_names[CLI_PARAMETERS] = {"A", "B", "g", "k"};

double cli_parameter(const gkv_gk *gk, size_t parameter)
{
    return (const double[CLI_PARAMETERS]){gk->a, gk->b, gk->g, gk->k}[parameter];
}

const char *cli_parameter_name(int64_t family, size_t parameter)
{
    return parameter == GKV_GK_K && family != GKV_GK_FAMILY_GK ? "h"
                                                               : cli_parameter_names[parameter];
}

int64_t cli_fit_family_of(struct argp_state *state, const char *text)
{
    int64_t family = GKV_GK_FAMILY_GK;
    if (!cli_gk_find_family(text, &family))
        argp_error(state, "--family %s: must be gk, gh or ggh", text);
    return family;
}

void cli_fit_check_family(const cli_fit_arguments *a, struct argp_state *state)
{
    const char *tail = cli_parameter_name(a->family, GKV_GK_K);
    const char *other = *tail == 'k' ? "h" : "k";
    const char *option = a->tail_named_by[*other == 'h'];
    if (option)
        argp_error(state, "%s %s: the %s family has no %s, but %s", option, other,
                   gkv_gk_family_name(a->family), other, tail);
    if (a->family == GKV_GK_FAMILY_GK)
        return;
    if (a->components || a->multivariate)
        argp_error(state, "--family does not go with %s: the margins are g-and-k distributions",
                   a->components ? "--mixture" : "--multivariate");
    if (a->c_given && a->family == GKV_GK_FAMILY_GH)
        argp_error(state, "--fix c: the g-and-h family has no c");
}

char *cli_fit_family_text(const gkv_gk *gk)
{
    return gk->family == GKV_GK_FAMILY_GH
               ? cli_text("%s", gkv_gk_family_name(gk->family))
               : cli_text("%s, c = %g", gkv_gk_family_name(gk->family), gk->c);
}
