/* Means, standard errors and differences of rows; declared in cli_compare.h. */
#include <math.h>

#include "cli_compare.h"

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
