/* The distribution that gkvae gk evaluates: from the command line, or from a file of gkvae fit
 * --json, whose keys docs/files.md describes; declared in cli_gk.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "cli_fit.h"
#include "cli_gk.h"
#include "records.h"

/* --- From the command line ------------------------------------------------ */

enum { VALUES = 5 };

/* Checks the parameters, and adds their origin to the message of gkv_gk_check. */
static int check(const char *where, const gkv_gk *gk)
{
    return gkv_gk_check(gk) == GKV_OK ? CLI_OK
                                      : cli_error(CLI_USAGE, "%s: %s", where, cli_reason());
}

static int parse(const char *text, gkv_gk_family family, gkv_gk *gk)
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
    *gk = (gkv_gk){value[0], value[1], value[2], value[3], value[4], (int64_t)family};
    CLI_TRY(check(where, gk));
done:
    free(where);
    free(words);
    return code;
}

int cli_gk_parse(const char *text, gkv_gk_family family, cli_gk_model *model)
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

/* --- From a file ---------------------------------------------------------- */

void cli_gk_model_free(cli_gk_model *model)
{
    for (size_t j = 0; model->names && j < model->d; j++)
        free(model->names[j]);
    free(model->names);
    free(model->single);
    gkv_mgk_mixture_free(model->mixture);
    *model = (cli_gk_model){.d = 0};
}

/* A part of the file, for messages. */
typedef struct place {
    const char *path, *part;
} place;

static int refuse(const place *location, const char *what)
{
    return cli_error(CLI_DATA, "%s: %s%s%s", location->path, location->part ? location->part : "",
                     location->part ? ": " : "", what);
}

/* --- Numbers and names ---------------------------------------------------- */

/* The number of a key, or of its "estimate" in the "parameters". */
static int read_number(const place *location, const json_t *object, const char *key, bool estimate,
                       double *out)
{
    const json_t *value =
        estimate ? json_object_get(json_object_get(json_object_get(object, "parameters"), key),
                                   "estimate")
                 : json_object_get(object, key);
    if (json_is_number(value)) {
        *out = json_number_value(value);
        return CLI_OK;
    }
    char *what = cli_text("the key \"%s\" has no number", key);
    const int code = refuse(location, what);
    free(what);
    return code;
}

/* The distribution of a column. If it belongs to no mixture, its parameters have estimates. */
static int read_margin(const place *location, const json_t *object, bool estimates, gkv_gk *gk)
{
    int code = CLI_OK;
    const json_t *family = json_object_get(object, "family");
    *gk = gkv_gk_standard();
    if (family) /* else g-and-k */
        gk->family = json_is_string(family)
                         ? cli_word_find(CLI_FAMILY_WORDS, json_string_value(family))
                         : -1;
    if (gk->family < 0) {
        char *names = cli_words_text(CLI_FAMILY_WORDS),
             *what = cli_text("the key \"family\" is not %s", names);
        code = refuse(location, what);
        free(names);
        free(what);
        return code;
    }
    const char *tail = gkv_gk_family_parameter(gk->family, GKV_GK_K);
    CLI_TRY(read_number(location, object, "A", estimates, &gk->a));
    CLI_TRY(read_number(location, object, "B", estimates, &gk->b));
    CLI_TRY(read_number(location, object, "g", estimates, &gk->g));
    CLI_TRY(read_number(location, object, tail, estimates, &gk->k));
    if (gkv_gk_family_parameter(gk->family, GKV_GK_C))
        CLI_TRY(read_number(location, object, "c", false, &gk->c));
    if (gkv_gk_check(gk) != GKV_OK)
        code = refuse(location, cli_reason());
done:
    return code;
}

/* Reads the distributions and the names of an array of columns. The names must be those of the
 * model if it has any. */
static int read_margins(const place *location, const json_t *array, bool estimates,
                        cli_gk_model *model, gkv_gk **margins)
{
    const size_t d = json_array_size(array);
    const bool first = !model->names;
    int code = CLI_OK;
    *margins = NULL;
    if (d == 0)
        return refuse(location, "there is no fit of a column");
    if (!first && d != model->d)
        return refuse(location, "it has another number of columns than the first component");
    if (first) {
        model->d = d;
        model->names = cli_alloc(d, sizeof *model->names);
    }
    *margins = cli_alloc(d, sizeof **margins);
    for (size_t j = 0; j < d; j++) {
        const json_t *one = json_array_get(array, j);
        const char *name = json_string_value(json_object_get(one, "column"));
        char *part = cli_text("%s%scolumn %zu", location->part ? location->part : "",
                              location->part ? ", " : "", j + 1);
        const place here = {location->path, part};
        code = !name ? refuse(&here, "the key \"column\" has no name")
               : !first && strcmp(name, model->names[j]) != 0
                   ? refuse(&here, "it has another name than in the first component")
                   : read_margin(&here, one, estimates, &(*margins)[j]);
        free(part);
        if (code != CLI_OK)
            break;
        if (first)
            model->names[j] = cli_text("%s", name);
    }
    if (code != CLI_OK) {
        free(*margins);
        *margins = NULL;
    }
    return code;
}

/* --- Several columns together --------------------------------------------- */

static int read_matrix(const place *location, const json_t *object, const char *key, size_t d,
                       double *out)
{
    const json_t *rows = json_object_get(object, key);
    bool good = json_array_size(rows) == d;
    for (size_t i = 0; i < d && good; i++) {
        const json_t *row = json_array_get(rows, i);
        good = json_array_size(row) == d;
        for (size_t j = 0; j < d && good; j++) {
            const json_t *value = json_array_get(row, j);
            good = json_is_number(value);
            out[i * d + j] = json_number_value(value);
        }
    }
    if (good)
        return CLI_OK;
    char *what = cli_text("the key \"%s\" has no %zu × %zu numbers", key, d, d);
    const int code = refuse(location, what);
    free(what);
    return code;
}

/* Whether L Lᵀ is the matrix. */
static bool is_factor(size_t d, const double *l, const double *matrix)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k <= j; k++)
                sum += l[i * d + k] * l[j * d + k];
            if (!(fabs(sum - matrix[i * d + j]) < 1e-8 && matrix[j * d + i] == matrix[i * d + j]))
                return false;
        }
    return true;
}

/* The distribution of the margins and the correlation of an object. */
static int read_part(const place *location, const json_t *object, bool estimates,
                     cli_gk_model *model, gkv_mgk **out)
{
    gkv_gk *margins = NULL;
    double *factor = NULL, *correlation = NULL;
    int code = CLI_OK;
    CLI_TRY(read_margins(location, json_object_get(object, "margins"), estimates, model, &margins));
    const size_t d = model->d;
    factor = cli_alloc(d * d, sizeof *factor);
    correlation = cli_alloc(d * d, sizeof *correlation);
    CLI_TRY(read_matrix(location, object, "correlation", d, correlation));
    CLI_TRY(read_matrix(location, object, "cholesky", d, factor));
    if (!is_factor(d, factor, correlation))
        code = refuse(location, "the key \"cholesky\" is not a factor of the \"correlation\"");
    else if (gkv_mgk_create_from_cholesky(d, margins, NULL, factor, out) != GKV_OK)
        code = refuse(location, cli_reason());
done:
    free(correlation);
    free(factor);
    free(margins);
    return code;
}

/* Reads `count` distributions, and joins them by weights. */
static int read_joint(const place *location, const json_t *root, const json_t *components,
                      cli_gk_model *model)
{
    const size_t count = components ? json_array_size(components) : 1;
    gkv_mgk **parts = cli_alloc(count, sizeof(gkv_mgk *));
    double *weights = cli_alloc(count, sizeof *weights);
    int code = count > 0 ? CLI_OK : refuse(location, "there is no component");
    for (size_t k = 0; k < count && code == CLI_OK; k++) {
        const json_t *object = components ? json_array_get(components, k) : root;
        char *part = components ? cli_text("component %zu", k + 1) : NULL;
        const place here = {location->path, part};
        weights[k] = 1;
        code = components ? read_number(&here, object, "weight", false, &weights[k]) : CLI_OK;
        if (code == CLI_OK)
            code = read_part(&here, object, !components, model, &parts[k]);
        free(part);
    }
    if (code == CLI_OK && gkv_mgk_mixture_create(count, weights, (const gkv_mgk *const *)parts,
                                                 &model->mixture) != GKV_OK)
        code = refuse(location, cli_reason());
    for (size_t k = 0; k < count; k++)
        gkv_mgk_free(parts[k]);
    free(parts);
    free(weights);
    return code;
}

/* --- The file ------------------------------------------------------------- */

static int check_schema(const place *location, const json_t *object)
{
    static const char family[] = "gkvae-fit-";
    char printable[GKV_PRINTABLE_SIZE];
    const char *schema = json_string_value(json_object_get(object, "schema"));
    if (!schema || strncmp(schema, family, sizeof family - 1) != 0)
        return refuse(location, "this is JSON, but not what gkvae fit --json writes, which has "
                                "\"schema\": \"" CLI_FIT_SCHEMA "\"");
    if (strcmp(schema, CLI_FIT_SCHEMA) == 0)
        return CLI_OK;
    return cli_error(CLI_DATA,
                     "%s: a fit of another version of gkvae: its schema is %s, and this version "
                     "reads " CLI_FIT_SCHEMA "; fit again, or use that version",
                     location->path, gki_text_printable(schema, printable));
}

static int read_root(const place *location, const json_t *root, cli_gk_model *model)
{
    const json_t *components = json_object_get(root, "components");
    int code = CLI_OK;
    if (json_is_array(root) && json_array_size(root) == 0)
        return refuse(location, "it contains no fit of a column");
    for (size_t i = 0; i < json_array_size(root); i++)
        CLI_TRY(check_schema(location, json_array_get(root, i)));
    if (json_is_array(root))
        return read_margins(location, root, true, model, &model->single);
    CLI_TRY(check_schema(location, root));
    CLI_TRY(read_joint(location, root, components, model));
done:
    return code;
}

int cli_gk_read_fit(const char *path, cli_gk_model *model)
{
    const place location = {path, NULL};
    json_error_t error;
    json_t *root = NULL;
    int code = CLI_OK;
    *model = (cli_gk_model){.d = 0};
    CLI_TRY(cli_json_read(path, JSON_REJECT_DUPLICATES, &root, &error));
    if (!root) {
        code = cli_error(CLI_DATA, "%s:%d: this is not JSON, as gkvae fit --json writes it: %s",
                         path, error.line, error.text);
        goto done;
    }
    CLI_TRY(read_root(&location, root, model));
done:
    if (code != CLI_OK)
        cli_gk_model_free(model);
    json_decref(root);
    return code;
}
