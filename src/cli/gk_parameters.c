/* Distributions from the command line; declared in cli_gk.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_gk.h"

enum { VALUES = 5 };

bool cli_gk_find_family(const char *name, int64_t *family)
{
    static const struct {
        const char *name;
        gkv_gk_family family;
    } families[] = {{"gk", GKV_GK_FAMILY_GK}, {"gh", GKV_GK_FAMILY_GH}, {"ggh", GKV_GK_FAMILY_GGH}};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(name, families[i].name) == 0) {
            *family = families[i].family;
            return true;
        }
    return false;
}

/* Checks the parameters, and adds their origin to the message of gkv_gk_check. */
static int check(const char *where, const gkv_gk *gk)
{
    return gkv_gk_check(gk) == GKV_OK ? CLI_OK
                                      : cli_error(CLI_USAGE, "%s: %s", where, gkv_error_message());
}

static int parse(const char *text, const char *family, gkv_gk *gk)
{
    double value[VALUES] = {0, 1, 0, 0, gkv_gk_standard().c};
    char *words = cli_text("%s", text), *word = words;
    char *where = cli_text("--params %s", text);
    size_t n = 0;
    int code = CLI_OK;
    for (bool more = true; more; n++) {
        const size_t length = strcspn(word, ",");
        more = word[length] == ',';
        word[length] = '\0';
        if (n == VALUES || !cli_is_number(word, &value[n])) {
            code = n == VALUES
                       ? cli_error(CLI_USAGE, "%s: more than the five values A,B,g,k,c", where)
                       : cli_error(CLI_USAGE, "%s: \"%s\" is not a number", where, word);
            goto done;
        }
        word += length + 1;
    }
    if (n < VALUES - 1) {
        code =
            cli_error(CLI_USAGE, "%s: %zu values, but A,B,g,k or A,B,g,k,c are needed", where, n);
        goto done;
    }
    *gk = (gkv_gk){value[0], value[1], value[2], value[3], value[4], GKV_GK_FAMILY_GK};
    if (!cli_gk_find_family(family, &gk->family)) {
        code = cli_error(CLI_USAGE, "--family %s: must be gk, gh or ggh", family);
        goto done;
    }
    CLI_TRY(check(where, gk));
done:
    free(where);
    free(words);
    return code;
}

int cli_gk_parse(const char *text, const char *family, cli_gk_model *model)
{
    gkv_gk gk;
    *model = (cli_gk_model){.d = 0};
    const int code = parse(text, family, &gk);
    if (code != CLI_OK)
        return code;
    *model = (cli_gk_model){.d = 1,
                            .names = cli_alloc(1, sizeof *model->names),
                            .single = cli_alloc(1, sizeof *model->single)};
    model->names[0] = cli_text("x");
    model->single[0] = gk;
    return CLI_OK;
}
