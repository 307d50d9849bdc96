/* Fits of mixtures from a start with damped steps, known groups, shared shapes, and fits in
 * float. */
#include "support.h"

#include "gkvae/mgk_mixture.h"

enum { D = 3, N = 6000, HELD_OUT = 1500, GROUPS = 2 };

static gkv_mgk_mixture *truth;
static double x[(N + HELD_OUT) * D];
static uint32_t group[N + HELD_OUT];

/* Four components in two groups. The components of a group are distinct, and each overlaps one of
 * the other group. */
static int make(void **state)
{
    (void)state;
    static const double centres[4][D] = {{0, 0, 0}, {5, 1, -2}, {0.5, 0.5, 0}, {5, 0, 2}};
    gkv_mgk *parts[4];
    for (size_t k = 0; k < 4; k++) {
        gkv_gk margins[D];
        for (size_t j = 0; j < D; j++)
            margins[j] = (gkv_gk){centres[k][j], 1, j == 0 ? 0.4 : -0.2, 0.1, .8, 0};
        const double r = k % 2 ? 0.6 : -0.4;
        assert_ok(gkv_mgk_create(D, margins, (double[]){1, r, 0, r, 1, 0, 0, 0, 1}, &parts[k]));
    }
    assert_ok(
        gkv_mgk_mixture_create(4, (double[]){1, 2, 2, 1}, (const gkv_mgk *const *)parts, &truth));
    for (size_t k = 0; k < 4; k++)
        gkv_mgk_free(parts[k]);
    static size_t component[N + HELD_OUT];
    assert_ok(gkv_mgk_mixture_sample(truth, N + HELD_OUT, 31, 0, NULL, x, component));
    for (size_t i = 0; i < N + HELD_OUT; i++)
        group[i] = (uint32_t)(component[i] / 2);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    gkv_mgk_mixture_free(truth);
    return 0;
}

static gkv_mgk_mixture_settings defaults(size_t components)
{
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    set.components = components;
    set.restarts = 1;
    return set;
}

static double mean_of(const gkv_mgk_mixture *m, size_t n, const double *rows)
{
    double *log_pdf = test_alloc(n * sizeof *log_pdf), sum = 0;
    assert_ok(gkv_mgk_mixture_log_pdf(m, n, rows, NULL, log_pdf));
    for (size_t i = 0; i < n; i++)
        sum += log_pdf[i] / (double)n;
    free(log_pdf);
    return sum;
}

static void assert_same_mixture(const gkv_mgk_mixture *a, const gkv_mgk_mixture *b,
                                double tolerance)
{
    assert_int_equal(gkv_mgk_mixture_count(a), gkv_mgk_mixture_count(b));
    for (size_t k = 0; k < gkv_mgk_mixture_count(a); k++) {
        const gkv_mgk *one = gkv_mgk_mixture_component(a, k),
                      *other = gkv_mgk_mixture_component(b, k);
        assert_close(gkv_mgk_mixture_weights(a)[k], gkv_mgk_mixture_weights(b)[k], tolerance);
        for (size_t j = 0; j < D; j++) {
            assert_close(gkv_mgk_margins(one)[j].a, gkv_mgk_margins(other)[j].a, tolerance);
            assert_close(gkv_mgk_margins(one)[j].b, gkv_mgk_margins(other)[j].b, tolerance);
            assert_close(gkv_mgk_margins(one)[j].k, gkv_mgk_margins(other)[j].k, tolerance);
        }
        for (size_t i = 0; i < D * D; i++)
            assert_close(gkv_mgk_cholesky(one)[i], gkv_mgk_cholesky(other)[i], tolerance);
    }
}

/* Two iterations twice give the same as four iterations. The log-likelihood never decreases. */
static void goes_on(void **state)
{
    (void)state;
    for (int normal = 0; normal < 2; normal++) {
        gkv_mgk_mixture_settings set = defaults(4);
        set.normal = normal;
        set.tolerance = 0;
        set.max_iterations = 4;
        set.advanced.shrink_shapes = 0;
        gkv_mgk_mixture *four, *two, *again;
        gkv_mgk_mixture_result f;
        assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &four, &f));
        set.max_iterations = 2;
        assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &two, &f));
        const double before = f.log_likelihood;
        set.start = two;
        assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &again, &f));
        assert_true(f.log_likelihood >= before && f.iterations == 2);
        assert_true(f.largest_decrease <= 1e-5);
        /* a new fit does not know which components skip M-steps */
        assert_same_mixture(again, four, normal ? 1e-6 : 0.02);
        gkv_mgk_mixture_free(four);
        gkv_mgk_mixture_free(two);
        gkv_mgk_mixture_free(again);
    }
    gkv_mgk_mixture_settings set = defaults(3);
    gkv_mgk_mixture *m;
    set.start = truth;
    assert_fails(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &m, NULL), GKV_ERR_ARGUMENT,
                 "start from a mixture of 4");
    set = defaults(4);
    set.advanced.step = 0;
    assert_fails(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &m, NULL), GKV_ERR_ARGUMENT,
                 "a step in (0, 1]");
}

/* A damped step goes the requested fraction of the way, also for R and the weights. The
 * log-likelihood never decreases. */
static void is_damped(void **state)
{
    (void)state;
    gkv_mgk_mixture_settings set = defaults(4);
    gkv_mgk_mixture *start, *whole, *half;
    gkv_mgk_mixture_result f;
    set.normal = 1;
    set.shrink = 0;
    set.max_iterations = 0;
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &start, &f));
    const double before = f.log_likelihood;
    set.start = start;
    set.max_iterations = 1;
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &whole, &f));
    set.advanced.step = 0.5;
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &half, &f));
    assert_true(f.log_likelihood > before);
    for (size_t k = 0; k < 4; k++) {
        const gkv_mgk *a = gkv_mgk_mixture_component(start, k),
                      *b = gkv_mgk_mixture_component(whole, k);
        const gkv_mgk *h = gkv_mgk_mixture_component(half, k);
        double cov[3][D * D];
        gkv_mgk_covariance(a, cov[0]);
        gkv_mgk_covariance(b, cov[1]);
        gkv_mgk_covariance(h, cov[2]);
        assert_close(gkv_mgk_mixture_weights(half)[k],
                     (gkv_mgk_mixture_weights(start)[k] + gkv_mgk_mixture_weights(whole)[k]) / 2,
                     1e-12);
        for (size_t j = 0; j < D; j++) {
            assert_close(gkv_mgk_margins(h)[j].a,
                         (gkv_mgk_margins(a)[j].a + gkv_mgk_margins(b)[j].a) / 2, 1e-12);
            assert_close(gkv_mgk_margins(h)[j].b,
                         sqrt(gkv_mgk_margins(a)[j].b * gkv_mgk_margins(b)[j].b), 1e-12);
        }
        /* R of the margins at half the step differs a little from half the step of R. */
        for (size_t i = 0; i < D * D; i++)
            assert_close(cov[2][i], (cov[0][i] + cov[1][i]) / 2, 0.05);
    }
    for (int i = 0; i < 40; i++) {
        gkv_mgk_mixture *next;
        const double last = f.log_likelihood;
        set.start = half;
        assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &next, &f));
        assert_true(f.log_likelihood >= last - 1e-5 * N);
        gkv_mgk_mixture_free(half);
        half = next;
    }
    assert_true(mean_of(half, N, x) > mean_of(whole, N, x));
    gkv_mgk_mixture_free(start);
    gkv_mgk_mixture_free(whole);
    gkv_mgk_mixture_free(half);
}

/* With `keep`, components without rows are reinitialised, and none is dropped. */
static void keeps_components(void **state)
{
    (void)state;
    gkv_mgk_mixture_settings set = defaults(4);
    const gkv_mgk *parts[4];
    gkv_mgk *away[2];
    gkv_mgk_mixture *poor, *m;
    gkv_mgk_mixture_result f;
    for (size_t i = 0; i < 2; i++) { /* two components have no rows nearby */
        gkv_gk margins[D];
        memcpy(margins, gkv_mgk_margins(gkv_mgk_mixture_component(truth, 0)), sizeof margins);
        margins[0].a = i ? 80 : -80;
        assert_ok(gkv_mgk_create(D, margins, NULL, &away[i]));
    }
    for (size_t k = 0; k < 4; k++)
        parts[k] = k < 2 ? gkv_mgk_mixture_component(truth, k) : away[k - 2];
    assert_ok(gkv_mgk_mixture_create(4, NULL, parts, &poor));
    set.start = poor;
    set.max_iterations = 30;
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &m, &f));
    assert_true(f.components == 2 && f.dropped == 2 && f.reinitialised == 0);
    const double without = mean_of(m, N, x);
    gkv_mgk_mixture_free(m);
    set.advanced.keep = 1;
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &m, &f));
    assert_true(f.components == 4 && f.dropped == 0 && f.reinitialised == 2);
    assert_true(mean_of(m, N, x) > without + 0.05);
    for (size_t k = 0; k < 4; k++)
        assert_true(gkv_mgk_mixture_weights(m)[k] > 0.02);
    gkv_mgk_mixture_free(m);
    gkv_mgk_mixture_free(poor);
    gkv_mgk_free(away[0]);
    gkv_mgk_free(away[1]);
}

/* The components of each group are a fit of its rows alone. Their weights add up to the fraction of
 * these rows. */
static void groups_are_fits_of_their_own(void **state)
{
    (void)state;
    gkv_mgk_mixture_settings set = defaults(4);
    gkv_mgk_mixture *m;
    gkv_mgk_mixture_result f;
    set.advanced.groups = GROUPS;
    set.advanced.group = group;
    set.tolerance = 1e-6 * N;
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &m, &f));
    assert_int_equal(f.components, 4);
    double fractions[GROUPS] = {0};
    for (size_t i = 0; i < N; i++)
        fractions[group[i]] += 1.0 / N;
    for (size_t g = 0; g < GROUPS; g++) {
        static double rows[N * D];
        size_t n = 0;
        for (size_t i = 0; i < N; i++)
            if (group[i] == g)
                memcpy(rows + D * n++, x + D * i, D * sizeof *x);
        const gkv_mgk *parts[2] = {gkv_mgk_mixture_component(m, 2 * g),
                                   gkv_mgk_mixture_component(m, 2 * g + 1)};
        gkv_mgk_mixture *its, *of_truth;
        assert_ok(gkv_mgk_mixture_create(2, gkv_mgk_mixture_weights(m) + 2 * g, parts, &its));
        const gkv_mgk *true_parts[2] = {gkv_mgk_mixture_component(truth, 2 * g),
                                        gkv_mgk_mixture_component(truth, 2 * g + 1)};
        assert_ok(gkv_mgk_mixture_create(2, gkv_mgk_mixture_weights(truth) + 2 * g, true_parts,
                                         &of_truth));
        assert_close(gkv_mgk_mixture_weights(m)[2 * g] + gkv_mgk_mixture_weights(m)[2 * g + 1],
                     fractions[g], 1e-4);
        assert_close(mean_of(its, n, rows), mean_of(of_truth, n, rows), 0.02);
        gkv_mgk_mixture_free(its);
        gkv_mgk_mixture_free(of_truth);
    }
    gkv_mgk_mixture_free(m);
    group[7] = 9;
    assert_fails(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &m, NULL), GKV_ERR_DATA,
                 "row 8 is of group 9");
    group[7] = 0;
    set.advanced.groups = 3;
    assert_fails(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &m, NULL), GKV_ERR_ARGUMENT, "3 groups");
}

/* A group without rows keeps its components, with very small weights. */
static void empty_group(void **state)
{
    (void)state;
    gkv_mgk_mixture_settings set = defaults(6);
    gkv_mgk_mixture *m;
    set.advanced.groups = 3;
    set.advanced.group = group;
    set.advanced.keep = 1;
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &m, NULL));
    assert_int_equal(gkv_mgk_mixture_count(m), 6);
    assert_true(gkv_mgk_mixture_weights(m)[4] < 1e-3 && gkv_mgk_mixture_weights(m)[5] < 1e-3);
    gkv_mgk_mixture_free(m);
}

/* With one g and one k for each column, the log-likelihood is lower by no more than the smaller
 * number of parameters explains. */
static void shares_shapes(void **state)
{
    (void)state;
    gkv_mgk_mixture_settings set = defaults(4);
    gkv_mgk_mixture *own, *shared;
    gkv_mgk_mixture_result f, g;
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &own, &f));
    set.advanced.shared_shapes = 1;
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &shared, &g));
    assert_true(g.largest_decrease <= 1e-5);
    double most = 0;
    for (size_t j = 0; j < D; j++) {
        const gkv_gk *first = &gkv_mgk_margins(gkv_mgk_mixture_component(shared, 0))[j];
        most = fmax(most, fabs(first->g));
        for (size_t k = 1; k < 4; k++) {
            const gkv_gk *its = &gkv_mgk_margins(gkv_mgk_mixture_component(shared, k))[j];
            assert_true(its->g == first->g && its->k == first->k);
        }
    }
    assert_true(most > 0.1); /* the truth has g = 0.4 in one column of all components */
    assert_true(mean_of(shared, HELD_OUT, x + N * D) > mean_of(own, HELD_OUT, x + N * D) - 0.01);
    gkv_mgk_mixture_free(own);
    gkv_mgk_mixture_free(shared);
}

/* Fits in float are nearly the same as in double, and do not depend on the number of threads. */
static void float_fits_are_nearly_exact(void **state)
{
    (void)state;
    for (int normal = 0; normal < 2; normal++) {
        gkv_mgk_mixture_settings set = defaults(4);
        gkv_mgk_mixture *start, *exact, *fast[3];
        gkv_mgk_mixture_result f;
        set.normal = normal;
        set.held_out = x + N * D;
        set.held_out_rows = HELD_OUT;
        set.max_iterations = 0;
        set.advanced.single_precision = 1;
        assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &start, NULL));
        set.advanced.single_precision = 0;
        set.start = start;
        set.max_iterations = 20;
        assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &exact, NULL));
        set.advanced.single_precision = 1;
        for (int t = 0; t < 3; t++)
            assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, &(gkv_run_options){.threads = t + 1},
                                          &fast[t], &f));
        assert_same_mixture(fast[0], fast[1], 0);
        assert_same_mixture(fast[0], fast[2], 0);
        const double held_out = mean_of(exact, HELD_OUT, x + N * D);
        assert_close(mean_of(fast[0], HELD_OUT, x + N * D), held_out, 2e-3);
        assert_close(f.held_out, mean_of(fast[2], HELD_OUT, x + N * D), 1e-4);
        /* Without held-out rows there is no E-step after the last M-step. */
        set.start = fast[0];
        set.held_out = NULL;
        set.max_iterations = 1;
        gkv_mgk_mixture *more;
        assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &more, &f));
        assert_true(f.iterations == 1 && mean_of(more, N, x) >= mean_of(fast[0], N, x) - 1e-5);
        gkv_mgk_mixture_free(more);
        gkv_mgk_mixture_free(start);
        gkv_mgk_mixture_free(exact);
        for (int t = 0; t < 3; t++)
            gkv_mgk_mixture_free(fast[t]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on),
        cmocka_unit_test(is_damped),
        cmocka_unit_test(keeps_components),
        cmocka_unit_test(groups_are_fits_of_their_own),
        cmocka_unit_test(empty_group),
        cmocka_unit_test(shares_shapes),
        cmocka_unit_test(float_fits_are_nearly_exact),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
