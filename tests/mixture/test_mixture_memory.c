/* Fits and uses of multivariate distributions and mixtures that run out of memory. */
#include "failing_memory.h"

#include "core/error.h"
#include "gkvae/mgk_fit.h"
#include "gkvae/mgk_margins.h"
#include "mixture/two_components.h"

/* A search for starts takes long, so few of its allocations fail. */
enum { ROWS = 80, DENSE = 2 };

static gkv_mgk_mixture_settings few(size_t components)
{
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    set.components = components;
    set.restarts = 2;
    set.advanced.margins.advanced.one_start = true;
    set.max_iterations = 2;
    set.held_out = x + ROWS * D;
    set.held_out_rows = 20;
    return set;
}

static gkv_status fit_distribution(void)
{
    gkv_mgk *mgk = NULL;
    gkv_mgk_fit_result result;
    const gkv_status status = gkv_mgk_fit(ROWS, D, x, NULL, NULL, ON_THREADS(1), &mgk, &result);
    assert_int_equal(status == GKV_OK, mgk != NULL);
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&result);
    return status;
}

static gkv_status fit_mixture(const gkv_mgk_mixture_settings *set)
{
    gkv_mgk_mixture *mixture = NULL;
    const gkv_status status = gkv_mgk_mixture_fit(ROWS, D, x, set, ON_THREADS(1), &mixture, NULL);
    assert_int_equal(status == GKV_OK, mixture != NULL);
    gkv_mgk_mixture_free(mixture);
    return status;
}

static gkv_status fit_from_starts(void)
{
    const gkv_mgk_mixture_settings set = few(2);
    return fit_mixture(&set);
}

static gkv_status fit_from_mixture(void)
{
    gkv_mgk_mixture_settings set = few(2);
    set.start = truth;
    set.advanced.step = .5;
    return fit_mixture(&set);
}

static gkv_status fit_normal(void)
{
    gkv_mgk_mixture_settings set = few(3);
    set.normal = true;
    return fit_mixture(&set);
}

/* So small that nearly all of its allocations can fail. */
static gkv_status fit_small(void)
{
    gkv_mgk_mixture_settings set = few(2);
    gkv_mgk_mixture *mixture = NULL;
    set.normal = true;
    set.held_out = NULL;
    set.held_out_rows = 0;
    set.max_iterations = 1;
    const gkv_status status =
        gkv_mgk_mixture_fit(ROWS / 4, D, x, &set, ON_THREADS(1), &mixture, NULL);
    assert_int_equal(status == GKV_OK, mixture != NULL);
    gkv_mgk_mixture_free(mixture);
    return status;
}

static gkv_status fit_in_floats(void)
{
    gkv_mgk_mixture_settings set = few(2);
    set.advanced.single_precision = true;
    return fit_mixture(&set);
}

static gkv_status fit_range(void)
{
    enum { MOST_COMPONENTS = 2 };
    const gkv_mgk_mixture_settings set = few(1);
    gkv_mgk_mixture *mixtures[MOST_COMPONENTS] = {NULL};
    gkv_mgk_mixture_result results[MOST_COMPONENTS];
    size_t chosen = 0;
    const gkv_status status = gkv_mgk_mixture_fit_range(ROWS, D, x, &set, 1, MOST_COMPONENTS,
                                                        ON_THREADS(1), mixtures, results, &chosen);
    for (size_t i = 0; i < MOST_COMPONENTS; i++) {
        assert_true(status != GKV_OK || mixtures[i]);
        gkv_mgk_mixture_free(mixtures[i]);
    }
    return status;
}

static gkv_status use_mixture(void)
{
    enum { FEW = 5 };
    gkv_status status = GKV_OK;
    gkv_mgk_mixture *part = NULL, *given = NULL;
    double values[FEW * D], densities[FEW], shares[FEW * 2];
    size_t which[FEW];
    GKV_TRY_GOTO(gkv_mgk_mixture_log_pdf(truth, FEW, x, ON_THREADS(1), densities));
    GKV_TRY_GOTO(gkv_mgk_mixture_responsibilities(truth, FEW, x, ON_THREADS(1), densities, shares));
    GKV_TRY_GOTO(gkv_mgk_mixture_sample(truth, FEW, 1, 0, ON_THREADS(1), values, which));
    GKV_TRY_GOTO(gkv_mgk_mixture_scores(truth, FEW, x, ON_THREADS(1), values));
    GKV_TRY_GOTO(gkv_mgk_mixture_whiten(truth, FEW, x, ON_THREADS(1), values));
    GKV_TRY_GOTO(gkv_mgk_mixture_margin_cdf(truth, 0, GKV_GK_LOWER, FEW, x, densities));
    GKV_TRY_GOTO(
        gkv_mgk_mixture_margin_quantile(truth, 0, GKV_GK_LOWER, 2, (double[]){.1, .5}, densities));
    GKV_TRY_GOTO(gkv_mgk_mixture_marginal(truth, 2, (size_t[]){0, 2}, &part));
    GKV_TRY_GOTO(gkv_mgk_mixture_conditional(truth, 1, (size_t[]){1}, (double[]){.3}, &given));
done:
    assert_true(status == GKV_OK || !given);
    gkv_mgk_mixture_free(part);
    gkv_mgk_mixture_free(given);
    return status;
}

static gkv_status use_distribution(void)
{
    enum { FEW = 5 };
    const gkv_mgk *mgk = gkv_mgk_mixture_component(truth, 0);
    gkv_status status = GKV_OK;
    gkv_mgk *part = NULL, *given = NULL, *copy = NULL;
    double values[FEW * D], w[FEW * D], densities[FEW], r[D * D], factor[D * D];
    GKV_TRY_GOTO(gkv_mgk_log_pdf_many(mgk, FEW, x, ON_THREADS(1), densities, w));
    GKV_TRY_GOTO(gkv_mgk_transform_many(mgk, FEW, w, ON_THREADS(1), values));
    GKV_TRY_GOTO(gkv_mgk_sample(mgk, FEW, 1, 0, ON_THREADS(1), values));
    GKV_TRY_GOTO(gkv_mgk_marginal(mgk, 2, (size_t[]){0, 2}, &part));
    GKV_TRY_GOTO(gkv_mgk_conditional(mgk, 1, (size_t[]){1}, (double[]){.3}, &given));
    values[1] = values[D] = values[D + 2] = NAN;
    GKV_TRY_GOTO(gkv_mgk_impute(mgk, FEW, 1, 0, ON_THREADS(1), values));
    GKV_TRY_GOTO(
        gkv_mgk_correlation(ROWS, D, x, gkv_mgk_margins(mgk), .1, ON_THREADS(1), r, factor));
    GKV_TRY_GOTO(gkv_mgk_create(D, gkv_mgk_margins(mgk), r, &copy));
done:
    assert_int_equal(status == GKV_OK, copy != NULL);
    gkv_mgk_free(part);
    gkv_mgk_free(given);
    gkv_mgk_free(copy);
    return status;
}

MEMORY_TEST(fit_distribution, DENSE)
MEMORY_TEST(fit_from_starts, DENSE)
MEMORY_TEST(fit_from_mixture, DENSE)
MEMORY_TEST(fit_normal, DENSE)
MEMORY_TEST(fit_small, 400)
MEMORY_TEST(fit_in_floats, DENSE)
MEMORY_TEST(fit_range, DENSE)
MEMORY_TEST(use_mixture, DENSE)
MEMORY_TEST(use_distribution, DENSE)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fit_distribution_fails), cmocka_unit_test(fit_from_starts_fails),
        cmocka_unit_test(fit_from_mixture_fails), cmocka_unit_test(fit_normal_fails),
        cmocka_unit_test(fit_small_fails),        cmocka_unit_test(fit_in_floats_fails),
        cmocka_unit_test(fit_range_fails),        cmocka_unit_test(use_mixture_fails),
        cmocka_unit_test(use_distribution_fails),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
