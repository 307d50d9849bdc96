/* Distributions from the command line and from fits; declared in cli_gk.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app/inside.h"
#include "cli_gk.h"

enum { VALUES = 5, FIT_MOST = 64 << 20 /* bytes of the file of a fit */ };

static int find_family(const char *name, int64_t *family)
{
    static const struct {
        const char *name;
        gkv_gk_family family;
    } families[] = {{"gk", GKV_GK_FAMILY_GK}, {"gh", GKV_GK_FAMILY_GH}, {"ggh", GKV_GK_FAMILY_GGH}};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(name, families[i].name) == 0) {
            *family = families[i].family;
            return CLI_OK;
        }
    return cli_error(CLI_USAGE, "--family %s: must be gk, gh or ggh", name);
}

/* Checks the parameters, and adds their origin to the message of gkv_gk_check. */
static int check(const char *where, const gkv_gk *gk)
{
    return gkv_gk_check(gk) == GKV_OK ? CLI_OK
                                      : cli_error(CLI_USAGE, "%s: %s", where, gkv_error_message());
}

int cli_gk_parse(const char *text, const char *family, gkv_gk *gk)
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
    CLI_TRY(find_family(family, &gk->family));
    CLI_TRY(check(where, gk));
done:
    free(where);
    free(words);
    return code;
}

static double estimate(const json_t *fit, const char *name)
{
    const json_t *value =
        json_object_get(json_object_get(json_object_get(fit, "parameters"), name), "estimate");
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* The fit of the column among several; the only one if column is NULL. */
static int choose(const char *path, const json_t *fits, const char *column, const json_t **fit)
{
    const size_t n = json_array_size(fits);
    if (n == 0)
        return cli_error(
            CLI_DATA,
            "%s: the file contains no fit of a column, as gkvae fit --json writes it; a "
            "mixture cannot be used",
            path);
    if (!column && n > 1)
        return cli_error(CLI_USAGE, "%s: %zu columns were fitted: choose one with --column", path,
                         n);
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(fits, i), "column"));
        *fit = json_array_get(fits, i);
        if (!column || (name && strcmp(name, column) == 0))
            return CLI_OK;
    }
    return cli_error(CLI_USAGE, "--column %s: %s has no fit of this column", column, path);
}

int cli_gk_from_fit(const char *path, const char *column, gkv_gk *gk)
{
    json_error_t error;
    json_t *root = NULL;
    const json_t *fit = NULL;
    int code = CLI_OK;
    char *text = NULL;
    size_t count = 0;
    CLI_CHECK(gki_file_read(path, FIT_MOST, &text, &count));
    CLI_CHECK(gki_foreign_check(GKV_ERR_DATA, path, text,
                                count < GKV_FOREIGN_BYTES ? count : GKV_FOREIGN_BYTES,
                                GKV_WANTED_JSON));
    root = json_loadb(text, count, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        code = cli_error(CLI_DATA, "%s:%d: this is not JSON, as gkvae fit --json writes it: %s",
                         path, error.line, error.text);
        goto done;
    }
    const json_t *margins = json_object_get(root, "margins"); /* of a multivariate fit */
    CLI_TRY(choose(path, margins ? margins : root, column, &fit));
    const json_t *c = json_object_get(fit, "c");
    *gk = (gkv_gk){estimate(fit, "A"),
                   estimate(fit, "B"),
                   estimate(fit, "g"),
                   estimate(fit, "k"),
                   json_is_number(c) ? json_number_value(c) : NAN,
                   GKV_GK_FAMILY_GK};
    if (gkv_gk_check(gk) != GKV_OK)
        code = cli_error(CLI_DATA, "%s: %s", path, gkv_error_message());
done:
    free(text);
    json_decref(root);
    return code;
}
