/* The figures of an evaluation that can be compared; declared in cli_compare.h. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "cli_compare.h"
#include "app/inside.h"

typedef struct known {
    const char *key, *heading;
    int places;
    compare_better better;
    /* of_draws: a figure of generated images; with a prefix, of the sets to compare them with */
    bool shown, of_draws;
} known;

static const known table[] = {
    {"neg_elbo", "−ELBO", 2, COMPARE_SMALLER, true, false},
    {"reconstruction", "reconstruction", 2, COMPARE_SMALLER, false, false},
    {"kl", "KL", 2, COMPARE_NEITHER, false, false},
    {"nll", "−log p(x)", 2, COMPARE_SMALLER, true, false},
    {"ess", "effective samples", 1, COMPARE_LARGER, false, false},
    {"refined_neg_elbo", "refined −ELBO", 2, COMPARE_SMALLER, true, false},
    {"refined_reconstruction", "refined reconstruction", 2, COMPARE_SMALLER, false, false},
    {"refined_kl", "refined KL", 2, COMPARE_NEITHER, false, false},
    {"refined_nll", "refined −log p(x)", 2, COMPARE_SMALLER, true, false},
    {"refined_ess", "refined effective samples", 1, COMPARE_LARGER, false, false},
    {"refined_cross_entropy", "refined cross-entropy", 2, COMPARE_SMALLER, false, false},
    {"refined_mse", "refined MSE", 5, COMPARE_SMALLER, false, false},
    {"refined_psnr", "refined PSNR", 2, COMPARE_LARGER, false, false},
    {"refined_ssim", "refined SSIM", 4, COMPARE_LARGER, false, false},
    {"refined_milliseconds", "refinement, ms", 2, COMPARE_SMALLER, false, false},
    {"frechet_lenet", "Fréchet", 2, COMPARE_SMALLER, true, true},
    {"kid_lenet", "KID", 4, COMPARE_SMALLER, false, true},
    {"precision", "precision", 3, COMPARE_LARGER, false, true},
    {"recall", "recall", 3, COMPARE_LARGER, false, true},
    {"density", "density", 3, COMPARE_LARGER, false, true},
    {"coverage", "coverage", 3, COMPARE_LARGER, true, true},
    {"confidence", "confidence", 3, COMPARE_LARGER, false, true},
    {"confident", "share of confident answers", 3, COMPARE_LARGER, false, true},
    {"class_entropy", "class entropy", 3, COMPARE_LARGER, false, true},
    {"recognised", "recognised", 4, COMPARE_LARGER, false, true},
    {"class_accuracy", "classes recognised", 4, COMPARE_LARGER, true, false},
    {"active_units", "active units", 0, COMPARE_NEITHER, false, false},
    {"mse", "MSE", 5, COMPARE_SMALLER, true, false},
    {"psnr", "PSNR", 2, COMPARE_LARGER, false, false},
    {"ssim", "SSIM", 4, COMPARE_LARGER, false, false},
    {"parameters", "parameters", 0, COMPARE_NEITHER, false, false},
    {"train_seconds", "training, s", 0, COMPARE_NEITHER, true, false},
    {"refit_seconds", "refits, s", 1, COMPARE_NEITHER, false, false},
    {"eval_seconds", "evaluation, s", 0, COMPARE_NEITHER, false, false},
};
enum { TABLE = sizeof table / sizeof *table };

/* The prefixes of figures of draws: the sets of images that are not plain draws. */
static const struct {
    const char *prefix, *words;
} others[] = {
    {"binary_", "binary draws"},
    {"posterior_", "posterior draws"},
    {"posterior_binary_", "binary posterior draws"},
    {"reconstructed_", "reconstructions"},
    {"reconstructed_binary_", "binary reconstructions"},
    {"refined_", "refined reconstructions"},
    {"refined_binary_", "binary refined reconstructions"},
    {"normal_", "draws of N(0, I)"},
    {"normal_binary_", "binary draws of N(0, I)"},
    {"floor_", "training images"},
    {"floor_binary_", "binarized training images"},
};
enum { OTHERS = sizeof others / sizeof *others };

static compare_column column_of(const known *of, const char *prefix, const char *words)
{
    compare_column column = {.places = of->places,
                             .better = of->better,
                             .shown = of->shown && !*prefix,
                             .of_draws = of->of_draws};
    snprintf(column.key, sizeof column.key, "%s%s", prefix, of->key);
    snprintf(column.error_key, sizeof column.error_key, "%s_se", column.key);
    snprintf(column.heading, sizeof column.heading, *words ? "%s (%s)" : "%s", of->heading, words);
    return column;
}

size_t compare_columns_all(compare_column columns[COMPARE_COLUMNS])
{
    size_t count = 0;
    for (size_t i = 0; i < TABLE; i++)
        columns[count++] = column_of(&table[i], "", "");
    for (size_t p = 0; p < OTHERS; p++)
        for (size_t i = 0; i < TABLE; i++)
            if (table[i].of_draws)
                columns[count++] = column_of(&table[i], others[p].prefix, others[p].words);
    return count;
}

static int choose_one(const char *key, const compare_column *all, size_t n, compare_column *column)
{
    size_t nearest = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(all[i].key, key) == 0) {
            *column = all[i];
            return CLI_OK;
        }
        if (gki_text_distance(key, all[i].key) < gki_text_distance(key, all[nearest].key))
            nearest = i;
    }
    return cli_error(CLI_USAGE,
                     "--metrics: no figure \"%s\" is known; the nearest is \"%s\" (docs/files.md "
                     "lists the keys of "
                     "metrics.json)",
                     key, all[nearest].key);
}

int compare_columns_choose(const char *list, compare_column columns[COMPARE_COLUMNS], size_t *count)
{
    compare_column all[COMPARE_COLUMNS];
    const size_t n = compare_columns_all(all);
    char *words = cli_text("%s", list), *rest = NULL;
    int code = CLI_OK;
    *count = 0;
    for (char *key = strtok_r(words, ",", &rest); key && code == CLI_OK;
         key = strtok_r(NULL, ",", &rest))
        code = *count < COMPARE_COLUMNS
                   ? choose_one(key, all, n, &columns[(*count)++])
                   : cli_error(CLI_USAGE, "--metrics %s: more than there are", list);
    if (code == CLI_OK && *count == 0)
        code = cli_error(CLI_USAGE, "--metrics: the list is empty");
    free(words);
    return code;
}
