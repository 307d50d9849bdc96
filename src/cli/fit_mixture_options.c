/* The arguments of gkvae fit that are for mixtures; declared in cli_fit.h. */
#include <stdlib.h>
#include <string.h>

#include "cli_fit.h"

void cli_fit_set_components(cli_fit_arguments *a, struct argp_state *state, const char *text)
{
    enum { MOST = 10000 };
    const char *dots = strstr(text, "..");
    if (dots && (dots == text || !dots[2]))
        argp_error(state, "--mixture %s: a range is written A..B, as in 1..8", text);
    char *first = cli_text("%.*s", dots ? (int)(dots - text) : (int)strlen(text), text);
    a->components = (size_t)cli_whole(state, "--mixture", first, 1, MOST);
    a->components_most = dots ? (size_t)cli_whole(state, "--mixture", dots + 2, 1, MOST) : 0;
    if (dots && a->components_most < a->components)
        argp_error(state, "--mixture %s: the second number must not be smaller than the first",
                   text);
    free(first);
}

bool cli_fit_is_unshrunk(struct argp_state *state, const char *text)
{
    if (strcmp(text, "none") != 0 && strcmp(text, "default") != 0)
        argp_error(state, "--shrinkage %s: must be none or default", text);
    return strcmp(text, "none") == 0;
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
