/* The columns of a distribution that are used, and those that are given; declared in cli_gk.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_gk.h"

/* --- Lists of columns ----------------------------------------------------- */

/* Finds the column whose name begins the text and is followed by the character `end` or, unless
 * that is '=', by the end of the text. Of several names the longest counts, so that names may
 * contain commas. A number from 1 stands for a column if no name does. *rest becomes what
 * follows. */
static int find(const cli_gk_model *model, const char *option, const char *text, char end,
                size_t *column, const char **rest)
{
    size_t longest = 0, count = 0;
    for (size_t j = 0; j < model->d; j++) {
        const size_t length = strlen(model->names[j]);
        if (length < longest || length == 0 || strncmp(text, model->names[j], length) != 0 ||
            (text[length] != end && (end == '=' || text[length])))
            continue;
        count = length > longest ? 1 : count + 1;
        longest = length;
        *column = j;
    }
    char *word = NULL;
    *rest = text + longest;
    if (count == 1)
        return CLI_OK;
    if (count > 1)
        return cli_error(CLI_USAGE, "%s: %zu columns are named \"%s\": give the number of one",
                         option, count, model->names[*column]);
    unsigned long number = text[0] >= '1' && text[0] <= '9' ? strtoul(text, &word, 10) : 0;
    if (number >= 1 && number <= model->d && (*word == end || (end != '=' && !*word))) {
        *column = number - 1;
        *rest = word;
        return CLI_OK;
    }
    const char ends[] = {end, '\0'};
    return cli_error(CLI_USAGE, "%s %s: the fit has no column \"%.*s\"%s", option, text,
                     (int)strcspn(text, ends), text,
                     end == '=' && !strchr(text, '=') ? ": it must be NAME=VALUE,..." : "");
}

/* Marks a column as used, once. */
static int take(const cli_gk_model *model, const char *option, size_t column, bool *taken)
{
    if (taken[column])
        return cli_error(CLI_USAGE, "%s: the column %s is named twice", option,
                         model->names[column]);
    taken[column] = true;
    return CLI_OK;
}

static int read_list(const cli_gk_model *model, const char *text, size_t *which, size_t *count)
{
    bool *taken = cli_alloc(model->d, sizeof *taken);
    int code = CLI_OK;
    *count = 0;
    for (const char *at = text;; at++) {
        CLI_TRY(find(model, "--column", at, ',', &which[*count], &at));
        CLI_TRY(take(model, "--column", which[*count], taken));
        ++*count;
        if (!*at)
            break;
    }
done:
    free(taken);
    return code;
}

static int read_given(const cli_gk_model *model, const char *text, size_t *which, double *values,
                      size_t *count)
{
    bool *taken = cli_alloc(model->d, sizeof *taken);
    int code = CLI_OK;
    *count = 0;
    for (const char *at = text;; at++) {
        CLI_TRY(find(model, "--given", at, '=', &which[*count], &at));
        CLI_TRY(take(model, "--given", which[*count], taken));
        const size_t length = strcspn(++at, ",");
        char *number = cli_text("%.*s", (int)length, at);
        if (!cli_is_number(number, &values[*count]) || !isfinite(values[*count]))
            code = cli_error(CLI_USAGE, "--given %s: \"%s\" is not a finite number", text, number);
        free(number);
        if (code != CLI_OK)
            break;
        at += length;
        ++*count;
        if (!*at)
            break;
    }
    if (code == CLI_OK && *count == model->d)
        code = cli_error(CLI_USAGE, "--given %s: all columns are given: there is no distribution",
                         text);
done:
    free(taken);
    return code;
}

/* --- The model ------------------------------------------------------------ */

/* Keeps the names of these columns. */
static void keep_names(cli_gk_model *model, size_t count, const size_t *which)
{
    char **names = cli_alloc(count, sizeof *names);
    for (size_t j = 0; j < count; j++)
        names[j] = cli_text("%s", model->names[which[j]]);
    for (size_t j = 0; j < model->d; j++)
        free(model->names[j]);
    free(model->names);
    model->names = names;
    model->d = count;
}

static void replace_mixture(cli_gk_model *model, gkv_mgk_mixture *with)
{
    gkv_mgk_mixture_free(model->mixture);
    model->mixture = with;
}

static int condition(cli_gk_model *model, const char *text)
{
    size_t *which = cli_alloc(model->d + 1, sizeof *which),
           *left = cli_alloc(model->d, sizeof *left);
    double *values = cli_alloc(model->d, sizeof *values);
    gkv_mgk_mixture *conditional = NULL;
    size_t count, n_left = 0;
    int code = CLI_OK;
    CLI_TRY(read_given(model, text, which, values, &count));
    if (gkv_mgk_mixture_conditional(model->mixture, count, which, values, &conditional) != GKV_OK) {
        code = cli_error(CLI_DATA, "--given %s: %s", text, gkv_error_message());
        goto done;
    }
    for (size_t j = 0; j < model->d; j++) {
        bool given = false;
        for (size_t i = 0; i < count; i++)
            given = given || which[i] == j;
        if (!given)
            left[n_left++] = j;
    }
    replace_mixture(model, conditional);
    keep_names(model, n_left, left);
done:
    free(values);
    free(left);
    free(which);
    return code;
}

static int select_columns(cli_gk_model *model, const char *text)
{
    size_t *which = cli_alloc(strlen(text) + 1, sizeof *which), count;
    gkv_mgk_mixture *marginal = NULL;
    int code = CLI_OK;
    CLI_TRY(read_list(model, text, which, &count));
    if (model->single && count > 1) {
        code = cli_error(CLI_USAGE,
                         "--column %s: columns that were fitted by themselves have no "
                         "joint distribution; fit with --multivariate, or choose one",
                         text);
        goto done;
    }
    if (model->single)
        model->single[0] = model->single[which[0]];
    else
        CLI_CHECK(gkv_mgk_mixture_marginal(model->mixture, count, which, &marginal));
    if (marginal)
        replace_mixture(model, marginal);
    keep_names(model, count, which);
done:
    free(which);
    return code;
}

/* One column of one component is a g-and-k distribution, unless other columns are given. */
static void simplify(cli_gk_model *model)
{
    const gkv_mgk *only = gkv_mgk_mixture_component(model->mixture, 0);
    if (!model->mixture || model->d > 1 || gkv_mgk_mixture_count(model->mixture) > 1)
        return;
    model->single = cli_alloc(1, sizeof *model->single);
    model->single[0] = *gkv_mgk_margins(only);
    replace_mixture(model, NULL);
}

int cli_gk_choose(cli_gk_model *model, const char *path, const char *given, const char *columns)
{
    int code = CLI_OK;
    if (given && !model->mixture)
        return cli_error(CLI_USAGE,
                         "--given: %s has no joint distribution of its columns; fit with "
                         "--multivariate or --mixture",
                         path);
    if (model->single && model->d > 1 && !columns)
        return cli_error(CLI_USAGE, "%s: %zu columns were fitted: choose one with --column", path,
                         model->d);
    if (given)
        CLI_TRY(condition(model, given));
    if (columns)
        CLI_TRY(select_columns(model, columns));
    if (!given)
        simplify(model);
done:
    return code;
}
