/* The figures of an evaluation that can be compared; declared in cli_compare.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_compare.h"
#include "core/text.h"

/* --- Values --------------------------------------------------------------- */

/* Running sums of values. */
typedef struct sums {
    double mean, squares; /* squares: of the deviations from the mean (Welford 1962) */
    size_t n;
} sums;

static void add(sums *s, double value)
{
    const double before = value - s->mean;
    s->n++;
    s->mean += before / (double)s->n;
    s->squares += before * (value - s->mean);
}

static double standard_error(const sums *s)
{
    return s->n > 1 ? sqrt(s->squares / ((double)s->n - 1) / (double)s->n) : NAN;
}

double compare_number(const compare_run *run, const char *key)
{
    const json_t *value = json_object_get(run->metrics, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

compare_value compare_value_of(const compare_row *row, const compare_column *column)
{
    sums s = {0};
    for (size_t i = 0; i < row->n_runs; i++)
        add(&s, compare_number(row->runs[i], column->key));
    if (s.n > 1)
        return (compare_value){s.mean, standard_error(&s), s.n, true, 0};
    const double sets = compare_number(row->runs[0], "generation_sets");
    return (compare_value){s.mean, compare_number(row->runs[0], column->error_key), 1, false,
                           column->of_draws ? (sets > 1 && sets < 1e9 ? (size_t)sets : 1) : 0};
}

compare_value compare_difference(const compare_row *row, const compare_row *against,
                                 const compare_column *column)
{
    sums s = {0};
    for (size_t i = 0; i < row->n_runs; i++)
        for (size_t j = 0; j < against->n_runs; j++) {
            const double difference = compare_number(row->runs[i], column->key) -
                                      compare_number(against->runs[j], column->key);
            if (row->runs[i]->seed == against->runs[j]->seed && isfinite(difference))
                add(&s, difference);
        }
    if (s.n > 0)
        return (compare_value){s.mean, standard_error(&s), s.n, true, 0};
    const compare_value a = compare_value_of(row, column), b = compare_value_of(against, column);
    /* Errors over the same images are not independent, so they cannot be added. */
    const bool known = a.over_seeds && b.over_seeds;
    return (compare_value){a.mean - b.mean, known ? hypot(a.error, b.error) : NAN, 0, true, 0};
}

/* The 97.5 % quantile of Student's t: exact to 0.003, by Cornish and Fisher's expansion from five
 * degrees of freedom on. */
static double students_t(size_t freedom)
{
    static const double few[] = {NAN, 12.706, 4.303, 3.182, 2.776};
    const double z = 1.959964, n = (double)freedom, z2 = z * z;
    if (freedom < sizeof few / sizeof *few)
        return few[freedom];
    return z + z * (z2 + 1) / (4 * n) + z * ((5 * z2 + 16) * z2 + 3) / (96 * n * n) +
           z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * n * n * n);
}

double compare_half_width(const compare_value *value)
{
    if (value->sets > 0)
        return value->sets > 1 ? students_t(value->sets - 1) * value->error : NAN;
    if (!value->over_seeds || value->n == 0) /* over images, or of two means */
        return 1.959964 * value->error;
    return value->n > 1 ? students_t(value->n - 1) * value->error : NAN;
}

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
    {"nll_bits", "bits per dimension", 4, COMPARE_SMALLER, true, false},
    {"neg_elbo_bits", "−ELBO in bits per dimension", 4, COMPARE_SMALLER, false, false},
    {"refined_nll_bits", "refined bits per dimension", 4, COMPARE_SMALLER, true, false},
    {"refined_neg_elbo_bits", "refined −ELBO in bits per dimension", 4, COMPARE_SMALLER, false,
     false},
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
    {"drawn_", "draws of levels"},
    {"posterior_", "posterior draws"},
    {"posterior_binary_", "binary posterior draws"},
    {"posterior_drawn_", "posterior draws of levels"},
    {"reconstructed_", "reconstructions"},
    {"reconstructed_binary_", "binary reconstructions"},
    {"reconstructed_drawn_", "levels drawn at reconstructions"},
    {"refined_", "refined reconstructions"},
    {"refined_binary_", "binary refined reconstructions"},
    {"refined_drawn_", "levels drawn at refined reconstructions"},
    {"normal_", "draws of N(0, I)"},
    {"normal_binary_", "binary draws of N(0, I)"},
    {"normal_drawn_", "draws of levels with N(0, I)"},
    {"floor_", "training images"},
    {"floor_binary_", "binarized training images"},
    {"floor_drawn_", "training images as levels"},
};
enum { OTHERS = sizeof others / sizeof *others, OF_DRAWS = 10 /* rows of the table */ };
_Static_assert(TABLE + OF_DRAWS * OTHERS <= COMPARE_COLUMNS, "all columns have a place");

static compare_column column_of(const known *figure, const char *prefix, const char *words)
{
    compare_column column = {.places = figure->places,
                             .better = figure->better,
                             .shown = figure->shown && !*prefix,
                             .of_draws = figure->of_draws};
    snprintf(column.key, sizeof column.key, "%s%s", prefix, figure->key);
    snprintf(column.error_key, sizeof column.error_key, "%s_se", column.key);
    snprintf(column.heading, sizeof column.heading, *words ? "%s (%s)" : "%s", figure->heading,
             words);
    return column;
}

size_t compare_columns_all(compare_column columns[COMPARE_COLUMNS])
{
    size_t count = 0;
    for (size_t i = 0; i < TABLE; i++)
        columns[count++] = column_of(&table[i], "", "");
    for (size_t p = 0; p < OTHERS; p++)
        for (size_t i = 0; i < TABLE; i++)
            if (table[i].of_draws && count < COMPARE_COLUMNS)
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
                     "lists the keys of metrics.json)",
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
