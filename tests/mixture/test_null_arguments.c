/* No public function of the statistical half crashes if a pointer that it needs is NULL. */
#include "null.h"

#include "gkvae/flat.h"
#include "gkvae/gk_bootstrap.h"
#include "gkvae/gk_moments.h"
#include "gkvae/lm_batch.h"
#include "gkvae/mgk_fit.h"
#include "gkvae/mgk_margins.h"
#include "gkvae/mgk_mixture.h"

enum { N = 40, D = 2 };

static const gkv_gk gk = {.b = 1, .g = .3, .k = .1, .c = .8};
static double x[N * D], y[N * GKV_FLAT_MOMENTS], six[16];

static int fill(void **state)
{
    (void)state;
    gkv_gk_random(&gk, N * D, 3, 0, x);
    return 0;
}

static void distribution(void **state)
{
    (void)state;
    gkv_gk out;
    has_no_pointer(gkv_gk_standard);
    has_no_pointer(gkv_gk_family_name);
    has_no_pointer(gkv_gk_family_short_name);
    has_no_pointer(gkv_gk_family_parameter);
    has_no_pointer(gkv_gk_k_min);
    has_no_pointer(gkv_gk_k_min_within);
    gives_nan(gkv_gk_Q, NULL, 1);
    gives_nan(gkv_gk_dQ, NULL, 1);
    gives_nan(gkv_gk_log_dQ, NULL, 1);
    gives_nan(gkv_gk_d2Q, NULL, 1);
    survives(gkv_gk_Q_gradient, NULL, 1, six, six);
    survives(gkv_gk_Q_gradient, &gk, 1, NULL, NULL);
    gives_nan(gkv_gk_Q_inverse, NULL, 1);
    gives_nan(gkv_gk_Q_inverse_gradient, NULL, 1, six, six);
    ignores_null(gkv_gk_Q_inverse_gradient, &gk, 1, NULL, NULL);
    gives_nan(gkv_gk_pdf, NULL, 1);
    gives_nan(gkv_gk_log_pdf, NULL, 1);
    gives_nan(gkv_gk_dlog_pdf, NULL, 1);
    gives_nan(gkv_gk_score, NULL, 1, six);
    ignores_null(gkv_gk_score, &gk, 1, NULL);
    gives_nan(gkv_gk_hessian, NULL, 1, six, NULL);
    ignores_null(gkv_gk_hessian, &gk, 1, NULL, NULL);
    gives_nan(gkv_gk_cdf, NULL, 1);
    gives_nan(gkv_gk_cdf_upper, NULL, 1);
    gives_nan(gkv_gk_log_cdf, NULL, 1);
    gives_nan(gkv_gk_log_cdf_upper, NULL, 1);
    gives_nan(gkv_gk_quantile, NULL, .5);
    gives_nan(gkv_gk_quantile_upper, NULL, .5);
    gives_nan(gkv_gk_quantile_log, NULL, -1);
    gives_nan(gkv_gk_quantile_log_upper, NULL, -1);
    survives(gkv_gk_random, NULL, N, 1, 0, y);
    survives(gkv_gk_random, &gk, N, 1, 0, NULL);
    gives_nan(gkv_gk_least_k, NULL, 3);
    gives_nan(gkv_gk_c_max, NULL);
    gives_nan(gkv_gk_c_max_within, NULL, 3);
    refuses_null(gkv_gk_check, NULL);
    gives_nothing(gkv_gk_is_valid, NULL);
    gives_nothing(gkv_gk_is_valid_within, NULL, 3);
    ignores_null(gkv_gk_project, NULL, 0);
    assert_true(gkv_gk_project(NULL, 0).b == 1);
    refuses_null(gkv_gk_from_unconstrained, GKV_GK_FAMILY_GK, .8, NULL, &out, NULL);
    refuses_null(gkv_gk_from_unconstrained, GKV_GK_FAMILY_GK, .8, six, NULL, NULL);
    refuses_null(gkv_gk_to_unconstrained, NULL, six);
    refuses_null(gkv_gk_to_unconstrained, &gk, NULL);
    assert_all_called("gk.h");
}

static void moments(void **state)
{
    (void)state;
    gkv_gk_summary summary;
    double matrix[4][4], one;
    refuses_null(gkv_gk_moments, NULL, &summary);
    refuses_null(gkv_gk_moments, &gk, NULL);
    refuses_null(gkv_gk_raw_moment, NULL, 1, &one);
    refuses_null(gkv_gk_raw_moment, &gk, 1, NULL);
    refuses_null(gkv_gk_entropy, NULL, &one);
    refuses_null(gkv_gk_entropy, &gk, NULL);
    refuses_null(gkv_gk_information, NULL, matrix);
    refuses_null(gkv_gk_information, &gk, NULL);
    gives_nothing(gkv_gk_modes, NULL, x, y);
    assert_int_equal(gkv_gk_modes(&gk, NULL, NULL), 1);
    assert_all_called("gk_moments.h");
}

static void batches(void **state)
{
    (void)state;
    const gkv_gk_at_x at_x = {.z = y};
    const gkv_gk_at_z at_z = {.x = y};
    float f[4] = {0};
    const gkv_gk_at_x_f at_x_f = {.z = f};
    const gkv_gk_at_z_f at_z_f = {.x = f};
    refuses_null(gkv_gk_batch_x, NULL, N, x, &at_x);
    refuses_null(gkv_gk_batch_x, &gk, N, NULL, &at_x);
    refuses_null(gkv_gk_batch_x, &gk, N, x, NULL);
    refuses_null(gkv_gk_batch_x_f, NULL, 4, f, &at_x_f);
    refuses_null(gkv_gk_batch_x_f, &gk, 4, NULL, &at_x_f);
    refuses_null(gkv_gk_batch_x_f, &gk, 4, f, NULL);
    refuses_null(gkv_gk_batch_z, NULL, N, x, &at_z);
    refuses_null(gkv_gk_batch_z, &gk, N, NULL, &at_z);
    refuses_null(gkv_gk_batch_z, &gk, N, x, NULL);
    refuses_null(gkv_gk_batch_z_f, NULL, 4, f, &at_z_f);
    refuses_null(gkv_gk_batch_z_f, &gk, 4, NULL, &at_z_f);
    refuses_null(gkv_gk_batch_z_f, &gk, 4, f, NULL);
    refuses_null(gkv_gk_batch_quantile, NULL, N, GKV_GK_LOWER, x, y);
    refuses_null(gkv_gk_batch_quantile, &gk, N, GKV_GK_LOWER, NULL, y);
    refuses_null(gkv_gk_batch_quantile, &gk, N, GKV_GK_LOWER, x, NULL);
    refuses_null(gkv_gk_batch_quantile_f, NULL, 4, GKV_GK_LOWER, f, f);
    refuses_null(gkv_gk_batch_quantile_f, &gk, 4, GKV_GK_LOWER, NULL, f);
    refuses_null(gkv_gk_batch_quantile_f, &gk, 4, GKV_GK_LOWER, f, NULL);
    assert_ok(gkv_gk_batch_x(&gk, 0, NULL, &at_x));
    assert_all_called("gk_batch.h");
}

static void fits(void **state)
{
    (void)state;
    const gkv_gk_sample sample = {.n = N, .x = x}, empty = {.n = N};
    gkv_gk out;
    gkv_gk_fit_result fit;
    gkv_gk_bootstrap_result boot;
    double a2;
    has_no_pointer(gkv_gk_order_level);
    has_no_pointer(gkv_gk_fit_g_max);
    has_no_pointer(gkv_gk_fit_method_name);
    survives(gkv_gk_fit_defaults, NULL);
    refuses_null(gkv_gk_from_octiles, NULL, .8, 0, &out);
    refuses_null(gkv_gk_from_octiles, six, .8, 0, NULL);
    refuses_null(gkv_gk_fit_octiles, N, NULL, .8, &out);
    refuses_null(gkv_gk_fit_octiles, N, x, .8, NULL);
    refuses_null(gkv_gk_fit, N, NULL, NULL, &fit);
    refuses_null(gkv_gk_fit, N, x, NULL, NULL);
    refuses_null(gkv_gk_fit_sorted, N, NULL, NULL, &fit);
    refuses_null(gkv_gk_fit_sorted, N, x, NULL, NULL);
    refuses_null(gkv_gk_fit_many, 1, NULL, NULL, NULL, &fit, NULL);
    refuses_null(gkv_gk_fit_many, 1, &empty, NULL, NULL, &fit, NULL);
    refuses_null(gkv_gk_fit_many, 1, &sample, NULL, NULL, NULL, NULL);
    refuses_null(gkv_gk_anderson_darling, NULL, &sample, &a2, NULL);
    refuses_null(gkv_gk_anderson_darling, &gk, NULL, &a2, NULL);
    refuses_null(gkv_gk_anderson_darling, &gk, &empty, &a2, NULL);
    refuses_null(gkv_gk_anderson_darling, &gk, &sample, NULL, NULL);
    assert_all_called("gk_fit.h");

    assert_ok(gkv_gk_fit(N, x, NULL, &fit));
    survives(gkv_gk_bootstrap_defaults, NULL);
    refuses_null(gkv_gk_bootstrap, NULL, &fit, NULL, NULL, NULL, NULL, &boot);
    refuses_null(gkv_gk_bootstrap, &empty, &fit, NULL, NULL, NULL, NULL, &boot);
    refuses_null(gkv_gk_bootstrap, &sample, NULL, NULL, NULL, NULL, NULL, &boot);
    refuses_null(gkv_gk_bootstrap, &sample, &fit, NULL, NULL, NULL, NULL, NULL);
    assert_all_called("gk_bootstrap.h");
}

static gkv_status one_residual(void *context, const double *point, double *r)
{
    (void)context;
    r[0] = point[0];
    return GKV_OK;
}

static gkv_status batch_residual(void *context, const gkv_lm_group *group, const double *point,
                                 double *r)
{
    (void)context;
    for (size_t l = 0; l < group->lanes; l++)
        r[l] = point[l];
    return GKV_OK;
}

static void least_squares(void **state)
{
    (void)state;
    gkv_lm *lm = NULL;
    gkv_lm_batch *batch = NULL;
    double point[2] = {1, 2}, covariance;
    has_no_pointer(gkv_lm_stop_name);
    has_no_pointer(gkv_lm_converged);
    survives(gkv_lm_defaults, NULL);
    survives(gkv_lm_free, NULL);
    refuses_null(gkv_lm_create, 1, 1, NULL);
    assert_ok(gkv_lm_create(1, 1, &lm));
    refuses_null(gkv_lm_solve, NULL, one_residual, NULL, NULL, NULL, NULL, point, NULL);
    refuses_null(gkv_lm_solve, lm, NULL, NULL, NULL, NULL, NULL, point, NULL);
    refuses_null(gkv_lm_solve, lm, one_residual, NULL, NULL, NULL, NULL, NULL, NULL);
    assert_ok(gkv_lm_solve(lm, one_residual, NULL, NULL, NULL, NULL, point, NULL));
    refuses_null(gkv_lm_covariance, NULL, 0, &covariance, NULL);
    refuses_null(gkv_lm_covariance, lm, 0, NULL, NULL);
    gkv_lm_free(lm);
    assert_all_called("lm.h");

    has_no_pointer(gkv_lm_lanes);
    survives(gkv_lm_batch_free, NULL);
    refuses_null(gkv_lm_batch_create, 1, 1, NULL, NULL);
    assert_ok(gkv_lm_batch_create(1, 1, NULL, &batch));
    refuses_null(gkv_lm_batch_solve, NULL, 2, batch_residual, NULL, NULL, NULL, NULL, point, NULL,
                 NULL);
    refuses_null(gkv_lm_batch_solve, batch, 2, NULL, NULL, NULL, NULL, NULL, point, NULL, NULL);
    refuses_null(gkv_lm_batch_solve, batch, 2, batch_residual, NULL, NULL, NULL, NULL, NULL, NULL,
                 NULL);
    assert_ok(
        gkv_lm_batch_solve(batch, 2, batch_residual, NULL, NULL, NULL, NULL, point, NULL, NULL));
    gkv_lm_batch_free(batch);
    assert_all_called("lm_batch.h");
}

static void copula(void **state)
{
    (void)state;
    const gkv_gk margins[D] = {gk, gk};
    const size_t first = 0;
    gkv_mgk *mgk = NULL, *other = NULL;
    refuses_null(gkv_mgk_create, D, NULL, NULL, &other);
    refuses_null(gkv_mgk_create, D, margins, NULL, NULL);
    refuses_null(gkv_mgk_create_latent, D, NULL, NULL, NULL, &other);
    refuses_null(gkv_mgk_create_latent, D, margins, NULL, NULL, NULL);
    refuses_null(gkv_mgk_create_from_cholesky, D, NULL, NULL, six, &other);
    refuses_null(gkv_mgk_create_from_cholesky, D, margins, NULL, NULL, &other);
    refuses_null(gkv_mgk_create_from_cholesky, D, margins, NULL, six, NULL);
    assert_ok(gkv_mgk_create(D, margins, NULL, &mgk));
    survives(gkv_mgk_free, NULL);
    gives_nothing(gkv_mgk_dimensions, NULL);
    gives_nothing(gkv_mgk_margins, NULL);
    gives_nothing(gkv_mgk_mean, NULL);
    gives_nothing(gkv_mgk_cholesky, NULL);
    survives(gkv_mgk_covariance, NULL, six);
    survives(gkv_mgk_covariance, mgk, NULL);
    gives_nan(gkv_mgk_log_pdf, NULL, x, NULL);
    gives_nan(gkv_mgk_log_pdf, mgk, NULL, NULL);
    survives(gkv_mgk_transform, NULL, x, y);
    survives(gkv_mgk_transform, mgk, NULL, y);
    survives(gkv_mgk_transform, mgk, x, NULL);
    refuses_null(gkv_mgk_log_pdf_many, NULL, N, x, NULL, y, NULL);
    refuses_null(gkv_mgk_log_pdf_many, mgk, N, NULL, NULL, y, NULL);
    refuses_null(gkv_mgk_log_pdf_many, mgk, N, x, NULL, NULL, NULL);
    refuses_null(gkv_mgk_transform_many, NULL, N, x, NULL, y);
    refuses_null(gkv_mgk_transform_many, mgk, N, NULL, NULL, y);
    refuses_null(gkv_mgk_transform_many, mgk, N, x, NULL, NULL);
    refuses_null(gkv_mgk_sample, NULL, N, 1, 0, NULL, y);
    refuses_null(gkv_mgk_sample, mgk, N, 1, 0, NULL, NULL);
    refuses_null(gkv_mgk_gradient, NULL, N, x, NULL, NULL, &(gkv_mgk_gradients){.log_pdf = y});
    refuses_null(gkv_mgk_gradient, mgk, N, NULL, NULL, NULL, &(gkv_mgk_gradients){.log_pdf = y});
    refuses_null(gkv_mgk_gradient, mgk, N, x, NULL, NULL, NULL);
    survives(gkv_mgk_row_gradient, D, NULL, six);
    survives(gkv_mgk_row_gradient, D, six, NULL);
    refuses_null(gkv_mgk_marginal, NULL, 1, &first, &other);
    refuses_null(gkv_mgk_marginal, mgk, 1, NULL, &other);
    refuses_null(gkv_mgk_marginal, mgk, 1, &first, NULL);
    refuses_null(gkv_mgk_conditional, NULL, 1, &first, x, &other);
    refuses_null(gkv_mgk_conditional, mgk, 1, NULL, x, &other);
    refuses_null(gkv_mgk_conditional, mgk, 1, &first, NULL, &other);
    refuses_null(gkv_mgk_conditional, mgk, 1, &first, x, NULL);
    refuses_null(gkv_mgk_impute, NULL, N, 1, 0, NULL, x);
    refuses_null(gkv_mgk_impute, mgk, N, 1, 0, NULL, NULL);
    refuses_null(gkv_mgk_correlation, N, D, NULL, margins, 0, NULL, six, NULL);
    refuses_null(gkv_mgk_correlation, N, D, x, NULL, 0, NULL, six, NULL);
    refuses_null(gkv_mgk_correlation, N, D, x, margins, 0, NULL, NULL, NULL);
    assert_all_called("mgk.h");

    survives(gkv_mgk_fit_defaults, NULL);
    survives(gkv_mgk_fit_result_free, NULL);
    refuses_null(gkv_mgk_fit, N, D, NULL, NULL, NULL, NULL, &other, NULL);
    refuses_null(gkv_mgk_fit, N, D, x, NULL, NULL, NULL, NULL, NULL);
    assert_all_called("mgk_fit.h");
    gkv_mgk_free(mgk);
}

static void mixtures(void **state)
{
    (void)state;
    const gkv_gk margins[D] = {gk, gk};
    const size_t first = 0;
    const gkv_mgk *none[1] = {NULL}, *parts[1];
    gkv_mgk *mgk = NULL;
    gkv_mgk_mixture *mixture = NULL, *other = NULL;
    assert_ok(gkv_mgk_create(D, margins, NULL, &mgk));
    parts[0] = mgk;
    refuses_null(gkv_mgk_mixture_create, 1, NULL, NULL, &other);
    refuses_null(gkv_mgk_mixture_create, 1, NULL, none, &other);
    refuses_null(gkv_mgk_mixture_create, 1, NULL, parts, NULL);
    assert_ok(gkv_mgk_mixture_create(1, NULL, parts, &mixture));
    survives(gkv_mgk_mixture_free, NULL);
    survives(gkv_mgk_mixture_defaults, NULL);
    has_no_pointer(gkv_mgk_mixture_stop_name);
    gives_nothing(gkv_mgk_mixture_count, NULL);
    gives_nothing(gkv_mgk_mixture_dimensions, NULL);
    gives_nothing(gkv_mgk_mixture_weights, NULL);
    gives_nothing(gkv_mgk_mixture_component, NULL, 0);
    refuses_null(gkv_mgk_mixture_log_pdf, NULL, N, x, NULL, y);
    refuses_null(gkv_mgk_mixture_log_pdf, mixture, N, NULL, NULL, y);
    refuses_null(gkv_mgk_mixture_log_pdf, mixture, N, x, NULL, NULL);
    refuses_null(gkv_mgk_mixture_responsibilities, NULL, N, x, NULL, NULL, y);
    refuses_null(gkv_mgk_mixture_responsibilities, mixture, N, NULL, NULL, NULL, y);
    refuses_null(gkv_mgk_mixture_responsibilities, mixture, N, x, NULL, NULL, NULL);
    refuses_null(gkv_mgk_mixture_sample, NULL, N, 1, 0, NULL, y, NULL);
    refuses_null(gkv_mgk_mixture_sample, mixture, N, 1, 0, NULL, NULL, NULL);
    refuses_null(gkv_mgk_mixture_marginal, NULL, 1, &first, &other);
    refuses_null(gkv_mgk_mixture_marginal, mixture, 1, NULL, &other);
    refuses_null(gkv_mgk_mixture_marginal, mixture, 1, &first, NULL);
    refuses_null(gkv_mgk_mixture_conditional, NULL, 1, &first, x, &other);
    refuses_null(gkv_mgk_mixture_conditional, mixture, 1, NULL, x, &other);
    refuses_null(gkv_mgk_mixture_conditional, mixture, 1, &first, NULL, &other);
    refuses_null(gkv_mgk_mixture_conditional, mixture, 1, &first, x, NULL);
    refuses_null(gkv_mgk_mixture_fit, N, D, NULL, NULL, NULL, &other, NULL);
    refuses_null(gkv_mgk_mixture_fit, N, D, x, NULL, NULL, NULL, NULL);
    size_t first_fit;
    gkv_mgk_mixture *all[1];
    gkv_mgk_mixture_result results[1];
    refuses_null(gkv_mgk_mixture_fit_range, N, D, NULL, NULL, 1, 1, NULL, all, results, &first_fit);
    refuses_null(gkv_mgk_mixture_fit_range, N, D, x, NULL, 1, 1, NULL, NULL, results, &first_fit);
    refuses_null(gkv_mgk_mixture_fit_range, N, D, x, NULL, 1, 1, NULL, all, NULL, &first_fit);
    refuses_null(gkv_mgk_mixture_fit_range, N, D, x, NULL, 1, 1, NULL, all, results, NULL);
    assert_all_called("mgk_mixture.h");
    refuses_null(gkv_mgk_mixture_margin_cdf, NULL, 0, GKV_GK_LOWER, N, x, y);
    refuses_null(gkv_mgk_mixture_margin_cdf, mixture, 0, GKV_GK_LOWER, N, NULL, y);
    refuses_null(gkv_mgk_mixture_margin_cdf, mixture, 0, GKV_GK_LOWER, N, x, NULL);
    refuses_null(gkv_mgk_mixture_margin_quantile, NULL, 0, GKV_GK_LOWER, N, x, y);
    refuses_null(gkv_mgk_mixture_margin_quantile, mixture, 0, GKV_GK_LOWER, N, NULL, y);
    refuses_null(gkv_mgk_mixture_margin_quantile, mixture, 0, GKV_GK_LOWER, N, x, NULL);
    refuses_null(gkv_mgk_mixture_scores, NULL, N, x, NULL, y);
    refuses_null(gkv_mgk_mixture_scores, mixture, N, NULL, NULL, y);
    refuses_null(gkv_mgk_mixture_scores, mixture, N, x, NULL, NULL);
    refuses_null(gkv_mgk_mixture_whiten, NULL, N, x, NULL, y);
    refuses_null(gkv_mgk_mixture_whiten, mixture, N, NULL, NULL, y);
    refuses_null(gkv_mgk_mixture_whiten, mixture, N, x, NULL, NULL);
    assert_all_called("mgk_margins.h");
    gkv_mgk_mixture_free(mixture);
    gkv_mgk_free(mgk);
}

static gkv_status one_flat_residual(void *context, size_t lanes, const size_t *problem,
                                    const bool *active, const double *point, double *r)
{
    (void)context;
    (void)problem;
    (void)active;
    for (size_t l = 0; l < lanes; l++)
        r[l] = point[l];
    return GKV_OK;
}

static void flat(void **state)
{
    (void)state;
    const double one = 1, shape = .1;
#define PARAMETERS(a) 1, a, 1, &one, 1, &shape, 1, &shape, 1, &shape
    refuses_null_by_name(gkv_flat_set, NULL, "c", "1");
    gkv_flat_settings *set = NULL;
    gkv_run_options *options = NULL;
    refuses_null_by_name(gkv_flat_fit_settings, NULL);
    refuses_null_by_name(gkv_flat_mgk_settings, NULL);
    refuses_null_by_name(gkv_flat_mixture_settings, NULL);
    refuses_null_by_name(gkv_flat_lm_settings, NULL);
    refuses_null_by_name(gkv_flat_options, 1, NULL, NULL, NULL);
    assert_ok(gkv_flat_fit_settings(&set));
    refuses_null_by_name(gkv_flat_set, set, NULL, "1");
    refuses_null_by_name(gkv_flat_set, set, "c", NULL);
    survives(gkv_flat_setting_name, NULL, 0);
    survives(gkv_flat_setting_words, NULL, 0);
    survives(gkv_flat_free, NULL);
    gkv_flat_free(set);
    assert_ok(gkv_flat_options(1, NULL, NULL, &options));
    gkv_flat_free(options);
    has_no_pointer(gkv_flat_function_name);
    has_no_pointer(gkv_flat_fit_name);
    has_no_pointer(gkv_flat_test_name);
    has_no_pointer(gkv_flat_bootstrap_name);
    has_no_pointer(gkv_flat_mixture_name);
    has_no_pointer(gkv_flat_lm_name);
    has_no_pointer(gkv_flat_gk_value);
#define GK GKV_GK_FAMILY_GK
    refuses_null_by_name(gkv_flat_gk_evaluate, GK, GKV_FLAT_PDF, true, N, NULL, PARAMETERS(&one),
                         y);
    refuses_null_by_name(gkv_flat_gk_evaluate, GK, GKV_FLAT_PDF, true, N, x, PARAMETERS(NULL), y);
    refuses_null_by_name(gkv_flat_gk_moments, GK, N, PARAMETERS(NULL), y);
    refuses_null_by_name(gkv_flat_gk_draw, GK, N, PARAMETERS(NULL), 1, 0, y);
    refuses_null_by_name(gkv_flat_gk_draw, GK, N, 1, &one, 1, NULL, 1, &one, 1, &one, 1, &one, 1, 0,
                         y);
    refuses_null_by_name(gkv_flat_gk_draw, GK, N, 1, &one, 1, &one, 1, NULL, 1, &one, 1, &one, 1, 0,
                         y);
    refuses_null_by_name(gkv_flat_gk_draw, GK, N, 1, &one, 1, &one, 1, &one, 1, NULL, 1, &one, 1, 0,
                         y);
    refuses_null_by_name(gkv_flat_gk_draw, GK, N, 1, &one, 1, &one, 1, &one, 1, &one, 1, NULL, 1, 0,
                         y);
    const size_t all[] = {0, N};
    refuses_null_by_name(gkv_flat_gk_fit, 1, NULL, x, NULL, NULL, NULL, NULL, NULL, NULL);
    refuses_null_by_name(gkv_flat_gk_fit, 1, all, NULL, x, NULL, NULL, NULL, NULL, NULL);
    refuses_null_by_name(gkv_flat_gk_bootstrap, N, NULL, NULL, NULL, 19, NULL, NULL, NULL, NULL);
    refuses_null_by_name(gkv_flat_mgk_fit, N, D, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                         NULL);
    refuses_null_by_name(gkv_flat_mixture_fit, N, D, NULL, NULL, 1, 1, NULL, NULL, NULL, NULL, NULL,
                         NULL, NULL);
    refuses_null_by_name(gkv_flat_mixture_evaluate, N, D, NULL, 1, NULL, six, .8, NULL, NULL, 0, y,
                         NULL);
    refuses_null_by_name(gkv_flat_mixture_evaluate, N, D, x, 1, NULL, NULL, .8, NULL, NULL, 0, y,
                         NULL);
    refuses_null_by_name(gkv_flat_mixture_draw, N, D, 1, NULL, NULL, .8, NULL, NULL, 1, 0, 0, y,
                         NULL);
    refuses_null_by_name(gkv_flat_mixture_draw, N, D, 1, NULL, six, .8, NULL, NULL, 1, 0, 0, NULL,
                         NULL);
    refuses_null_by_name(gkv_flat_mixture_part, D, 1, NULL, six, .8, NULL, NULL, 1, NULL, NULL,
                         NULL, NULL, NULL, NULL, NULL);
    refuses_null_by_name(gkv_flat_mixture_part, D, 1, NULL, NULL, .8, NULL, NULL, 1,
                         (const size_t[]){0}, NULL, NULL, NULL, NULL, NULL, NULL);
    refuses_null_by_name(gkv_flat_mixture_margin, D, 1, NULL, six, .8, NULL, NULL, 0, GKV_FLAT_CDF,
                         N, NULL, y);
    refuses_null_by_name(gkv_flat_mixture_margin, D, 1, NULL, NULL, .8, NULL, NULL, 0, GKV_FLAT_CDF,
                         N, x, y);
    refuses_null_by_name(gkv_flat_mixture_scores, N, D, NULL, 1, NULL, six, .8, NULL, NULL, false,
                         0, y);
    refuses_null_by_name(gkv_flat_mixture_scores, N, D, x, 1, NULL, NULL, .8, NULL, NULL, false, 0,
                         y);
    refuses_null_by_name(gkv_flat_mgk_impute, N, D, NULL, .8, NULL, NULL, 1, 0, 0, x);
    refuses_null_by_name(gkv_flat_mgk_impute, N, D, six, .8, NULL, NULL, 1, 0, 0, NULL);
    refuses_null_by_name(gkv_flat_lm_solve, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, y,
                         NULL, NULL);
    refuses_null_by_name(gkv_flat_lm_solve, 1, 1, one_residual, NULL, NULL, NULL, NULL, NULL, NULL,
                         NULL, NULL, NULL, NULL);
    refuses_null_by_name(gkv_flat_lm_solve_many, 1, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                         NULL, 1, y, NULL, NULL);
    refuses_null_by_name(gkv_flat_lm_solve_many, 1, 1, 1, one_flat_residual, NULL, NULL, NULL, NULL,
                         NULL, NULL, NULL, 1, NULL, NULL, NULL);
    assert_all_called("flat.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distribution), cmocka_unit_test(moments),       cmocka_unit_test(batches),
        cmocka_unit_test(fits),         cmocka_unit_test(least_squares), cmocka_unit_test(copula),
        cmocka_unit_test(mixtures),     cmocka_unit_test(flat),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
