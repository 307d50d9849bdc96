/* The starts of fits of mixtures, small clusters, and the choice of the number of components. */
#include "support.h"

#include "core/rng.h"
#include "gkvae/gk_fit.h"
#include "gkvae/mgk_mixture.h"

enum { MOST = 4800 };

static double x[MOST * 3];
static size_t used;

/* Appends `count` rows of normal values. */
static void add(uint64_t seed, size_t count, size_t d, const double *mean, double sd)
{
    double z[3];
    for (size_t i = 0; i < count; i++, used++) {
        gki_rng_normal_d(gki_rng_at(seed, GKV_STREAM_USER, 0, i), d, z);
        for (size_t j = 0; j < d; j++)
            x[used * d + j] = mean[j] + sd * z[j];
    }
}

static gkv_mgk_mixture_settings defaults(size_t components, bool normal)
{
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    set.components = components;
    set.normal = normal;
    return set;
}

static const double zero[3], ten[3] = {10, 10, 10};

/* The component whose first median is nearest to a value. */
static size_t nearest(const gkv_mgk_mixture *m, double value)
{
    size_t best = 0;
    double least = INFINITY;
    for (size_t k = 0; k < gkv_mgk_mixture_count(m); k++) {
        const double off = fabs(gkv_mgk_margins(gkv_mgk_mixture_component(m, k))[0].a - value);
        best = off < least ? k : best;
        least = fmin(off, least);
    }
    return best;
}

static gkv_gk margin(const gkv_mgk_mixture *m, size_t k)
{
    return gkv_mgk_margins(gkv_mgk_mixture_component(m, k))[0];
}

/* Checks that a component has these rows: their weight, and their centre and width in the first
 * column. */
static void assert_cluster(const gkv_mgk_mixture *m, size_t rows, double centre, double sd)
{
    const size_t k = nearest(m, centre);
    const gkv_gk gk = margin(m, k);
    const double error = sd / sqrt((double)rows);
    assert_close(gkv_mgk_mixture_weights(m)[k], (double)rows / (double)used,
                 .1 * (double)rows / (double)used);
    assert_close(gk.a, centre, 4 * error);
    assert_true(gk.b > .4 * sd && gk.b < 1.6 * sd);
}

/* Small clusters far from the others, from 8 rows on, in one and in three columns. */
static void finds_small_clusters(void **state)
{
    (void)state;
    for (size_t d = 1; d <= 3; d += 2)
        for (int normal = 0; normal < 2; normal++)
            for (size_t rows = 8; rows <= 20; rows += 6) {
                gkv_mgk_mixture *m;
                gkv_mgk_mixture_result f;
                const gkv_mgk_mixture_settings set = defaults(2, normal);
                const double far[3] = {40, -25, 60};
                used = 0;
                add(1, 300, d, zero, 1);
                add(2, rows, d, far, 1);
                assert_ok(gkv_mgk_mixture_fit(used, d, x, &set, NULL, &m, &f));
                assert_int_equal(f.stop, GKV_MIXTURE_CONVERGED);
                assert_true(f.components == 2 && f.unexplained == 0 && f.last_gain < f.tolerance);
                assert_cluster(m, rows, 40, 1);
                gkv_mgk_mixture_free(m);
            }
}

/* The least B is relative to the spread within clusters, not to their distance. */
static void clusters_of_other_scales(void **state)
{
    (void)state;
    static const double far[3] = {1e4, 1e4, 1e4}, near[3] = {50}, inside[3] = {2.5};
    const struct {
        size_t d, rows[2];
        const double *mean;
        double sd;
    } cases[] = {
        {3, {100, 100}, far, 1},      /* far apart */
        {1, {100, 100}, near, .01},   /* a wide and a narrow one */
        {1, {200, 10}, inside, .001}, /* a narrow one within a wide one */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int normal = 0; normal < 2; normal++) {
            gkv_mgk_mixture *m;
            const gkv_mgk_mixture_settings set = defaults(2, normal);
            used = 0;
            add(3, cases[i].rows[0], cases[i].d, zero, 1);
            add(4, cases[i].rows[1], cases[i].d, cases[i].mean, cases[i].sd);
            assert_ok(gkv_mgk_mixture_fit(used, cases[i].d, x, &set, NULL, &m, NULL));
            assert_cluster(m, cases[i].rows[1], cases[i].mean[0], cases[i].sd);
            assert_close(margin(m, 1 - nearest(m, cases[i].mean[0])).b, 1, .3);
            gkv_mgk_mixture_free(m);
        }
}

/* Two clusters with the same centre. */
static void nested_clusters(void **state)
{
    (void)state;
    for (size_t d = 1; d <= 3; d++) {
        gkv_mgk_mixture *m;
        const gkv_mgk_mixture_settings set = defaults(2, true);
        used = 0;
        add(5, 300, d, zero, 1);
        add(6, 300, d, zero, 20);
        assert_ok(gkv_mgk_mixture_fit(used, d, x, &set, NULL, &m, NULL));
        const size_t narrow = margin(m, 0).b < margin(m, 1).b ? 0 : 1U;
        assert_close(margin(m, narrow).b, 1, .2);
        assert_close(margin(m, 1 - narrow).b, 20, 3);
        gkv_mgk_mixture_free(m);
    }
}

/* Equal values have a component whose B is the least one, so that the likelihood is bounded. Rows
 * that are there twice give the same fit. */
static void equal_rows(void **state)
{
    (void)state;
    gkv_mgk_mixture *m, *twice;
    gkv_mgk_mixture_result f, g;
    gkv_mgk_mixture_settings set = defaults(2, true);
    used = 0;
    add(7, 100, 1, zero, 1);
    add(8, 10, 1, ten, 0);
    assert_ok(gkv_mgk_mixture_fit(used, 1, x, &set, NULL, &m, &f));
    const gkv_gk gk = margin(m, nearest(m, 10));
    assert_true(gk.a == 10 && gk.b > 5e-4 && gk.b < 2e-3);
    assert_close(gkv_mgk_mixture_weights(m)[nearest(m, 10)], 10. / 110, 1e-3);
    gkv_mgk_mixture_free(m);
    used = 0;
    set.shrink = 0;
    add(9, 100, 2, zero, 1);
    add(10, 60, 2, ten, 2);
    assert_ok(gkv_mgk_mixture_fit(used, 2, x, &set, NULL, &m, &f));
    memcpy(x + used * 2, x, used * 2 * sizeof *x);
    assert_ok(gkv_mgk_mixture_fit(2 * used, 2, x, &set, NULL, &twice, &g));
    assert_relative(g.log_likelihood, 2 * f.log_likelihood, 1e-4);
    assert_close(margin(twice, nearest(twice, 10)).a, margin(m, nearest(m, 10)).a, 1e-2);
    gkv_mgk_mixture_free(m);
    gkv_mgk_mixture_free(twice);
}

/* A far outlier has no component of its own, whatever the number of components, and the likelihood
 * stays finite. */
static void an_outlier_is_no_component(void **state)
{
    (void)state;
    enum { LARGEST = 4 };
    const double distance[] = {15, 1000, 1e6};
    for (int i = 0; i < 3; i++)
        for (int normal = 0; normal < 2; normal++) {
            gkv_mgk_mixture *m[LARGEST];
            gkv_mgk_mixture_result f[LARGEST];
            size_t chosen;
            const gkv_mgk_mixture_settings set = defaults(1, normal);
            used = 0;
            add(11, 100, 1, zero, 1);
            x[used++] = distance[i];
            assert_ok(gkv_mgk_mixture_fit_range(used, 1, x, &set, 1, LARGEST, NULL, m, f, &chosen));
            for (size_t k = 0; k < LARGEST; k++) {
                const gkv_gk gk = margin(m[k], nearest(m[k], distance[i]));
                assert_true(fabs(gk.a - distance[i]) > 5);
                assert_true(f[k].log_likelihood > -550 && f[k].log_likelihood < -120);
                /* a heavy tail may explain the outlier */
                assert_true(f[k].unexplained == (i > 0) || (!normal && f[k].unexplained == 0));
                gkv_mgk_mixture_free(m[k]);
            }
            assert_true(i == 0 || !normal || chosen == 0);
        }
}

/* More components never have a smaller log-likelihood, also for data that no mixture fits. */
static void likelihood_grows_with_components(void **state)
{
    (void)state;
    enum { LARGEST = 5, n = 150 };
    for (uint64_t seed = 1; seed <= 4; seed++)
        for (int normal = 0; normal < 2; normal++) {
            const size_t d = 1 + (size_t)(seed % 3);
            gkv_mgk_mixture *m[LARGEST], *alone;
            gkv_mgk_mixture_result f[LARGEST], g;
            gkv_mgk_mixture_settings set = defaults(1, normal);
            size_t chosen;
            used = 0;
            add(100 + seed, n, d, zero, 1);
            for (size_t i = 0; i < n * d; i++)
                x[i] = seed % 2 ? exp(2 * x[i]) : floor(3 * x[i]);
            assert_ok(gkv_mgk_mixture_fit_range(n, d, x, &set, 1, LARGEST, NULL, m, f, &chosen));
            for (size_t k = 0; k < LARGEST; k++) {
                assert_true(k == 0 || f[k].log_likelihood >= f[k - 1].log_likelihood);
                assert_true(f[k].bic >= f[chosen].bic);
                assert_int_equal(gkv_mgk_mixture_count(m[k]) + f[k].dropped, k + 1);
                for (size_t i = 1; i < gkv_mgk_mixture_count(m[k]); i++)
                    assert_true(gkv_mgk_mixture_weights(m[k])[i] <=
                                gkv_mgk_mixture_weights(m[k])[i - 1]);
                gkv_mgk_mixture_free(m[k]);
            }
            for (set.restarts = 1; set.restarts <= 8; set.restarts += 7) {
                set.components = 3;
                set.max_iterations = 2;
                assert_ok(gkv_mgk_mixture_fit(n, d, x, &set, NULL, &alone, &g));
                assert_true(g.log_likelihood >= f[0].log_likelihood);
                gkv_mgk_mixture_free(alone);
            }
        }
}

/* Small fits use one thread, large ones all of them, and the starts of very large ones a sample. */
static void same_on_any_number_of_threads(void **state)
{
    (void)state;
    const size_t rows[] = {300, 2400, MOST}, components[] = {3, 3, 14};
    for (size_t i = 0; i < 3; i++) {
        gkv_mgk_mixture *m[3];
        gkv_mgk_mixture_result f[3];
        gkv_mgk_mixture_settings set = defaults(components[i], i == 2);
        set.max_iterations = 3;
        set.restarts = i == 0 ? 8 : 2;
        used = 0;
        for (size_t c = 0; c < 4; c++)
            add(20 + c, rows[i] / 4, 3, (double[]){(double)c, 3 * (double)(c % 2), 0}, 1);
        for (int t = 0; t < 3; t++)
            assert_ok(gkv_mgk_mixture_fit(used, 3, x, &set, &(gkv_run_options){.threads = t + 1},
                                          &m[t], &f[t]));
        for (int t = 0; t < 3; t++) {
            assert_true(f[t].log_likelihood == f[0].log_likelihood);
            for (size_t k = 0; k < f[0].components; k++)
                assert_memory_equal(gkv_mgk_margins(gkv_mgk_mixture_component(m[t], k)),
                                    gkv_mgk_margins(gkv_mgk_mixture_component(m[0], k)),
                                    3 * sizeof(gkv_gk));
        }
        for (int t = 0; t < 3; t++)
            gkv_mgk_mixture_free(m[t]);
    }
}

/* k-means puts two clusters that cross in one half each; other starts find them. */
static void several_starts_are_better(void **state)
{
    (void)state;
    double found[2];
    used = 0;
    add(30, 200, 2, zero, 1);
    add(31, 200, 2, zero, 1);
    add(32, 60, 2, zero, .3);
    for (size_t i = 0; i < used; i++)
        x[2 * i + (i < 200)] *= 6;
    for (int several = 0; several < 2; several++) {
        gkv_mgk_mixture *m;
        gkv_mgk_mixture_result f;
        gkv_mgk_mixture_settings set = defaults(3, true);
        set.restarts = several ? 8 : 1;
        assert_ok(gkv_mgk_mixture_fit(used, 2, x, &set, NULL, &m, &f));
        found[several] = f.log_likelihood;
        gkv_mgk_mixture_free(m);
    }
    assert_true(found[1] > found[0] - .05);
}

/* Without shrinkage, a component of d rows has a singular correlation matrix; such components do
 * not move. */
static void unshrunk_fits_are_bounded(void **state)
{
    (void)state;
    gkv_mgk_mixture *m;
    gkv_mgk_mixture_result f;
    gkv_mgk_mixture_settings set = defaults(3, true);
    used = 0;
    set.shrink = 0;
    add(40, 40, 3, zero, 1);
    add(41, 8, 3, ten, .5);
    assert_ok(gkv_mgk_mixture_fit(used, 3, x, &set, NULL, &m, &f));
    assert_true(isfinite(f.log_likelihood) && f.log_likelihood < -100);
    assert_cluster(m, 8, 10, .5);
    gkv_mgk_mixture_free(m);
}

static bool stop_at_once(void *context, const gkv_progress *progress)
{
    const gkv_mgk_mixture_progress *p = progress->details;
    size_t *calls = context;
    assert_true(++*calls > 1 || p->start == 1);
    return true;
}

/* A stop during the starts gives the best start so far. */
static void stops_among_the_starts(void **state)
{
    (void)state;
    size_t calls = 0, chosen = 9;
    gkv_mgk_mixture *m, *all[3];
    gkv_mgk_mixture_result f, fits[3];
    const gkv_mgk_mixture_settings set = defaults(3, false);
    const gkv_run_options options = {.progress = stop_at_once, .context = &calls};
    used = 0;
    add(50, 200, 2, zero, 1);
    assert_fails(gkv_mgk_mixture_fit(used, 2, x, &set, &options, &m, &f), GKV_ERR_INTERRUPTED,
                 "after 0 of 200 iterations");
    assert_true(f.stop == GKV_MIXTURE_INTERRUPTED && gkv_mgk_mixture_count(m) == f.components);
    gkv_mgk_mixture_free(m);
    calls = 0;
    assert_fails(gkv_mgk_mixture_fit_range(used, 2, x, &set, 2, 4, &options, all, fits, &chosen),
                 GKV_ERR_INTERRUPTED, "after 0 of 200 iterations");
    assert_true(all[0] && !all[1] && !all[2] && chosen == 0);
    gkv_mgk_mixture_free(all[0]);
}

static bool stop_first(void *context, const gkv_progress *progress)
{
    size_t *calls = context;
    (void)progress;
    return ++*calls == 1;
}

/* Large fits look for their start on a sample of the rows. A stop there ends the whole fit, though
 * progress() returns true only once. */
static void stops_in_the_sample(void **state)
{
    (void)state;
    size_t calls = 0;
    gkv_mgk_mixture *m;
    gkv_mgk_mixture_result f;
    const gkv_mgk_mixture_settings set = defaults(20, true);
    const gkv_run_options options = {.progress = stop_first, .context = &calls};
    used = 0;
    add(55, 4000, 3, zero, 1);
    assert_fails(gkv_mgk_mixture_fit(used, 3, x, &set, &options, &m, &f), GKV_ERR_INTERRUPTED,
                 "after 0 of 200 iterations");
    assert_true(f.stop == GKV_MIXTURE_INTERRUPTED && f.iterations == 0);
    gkv_mgk_mixture_free(m);
}

/* Uniform groups have lighter tails than any g-and-k but those with g = 0 exactly, which a margin
 * of a mixture can have as a fit of one sample can. The log-likelihood is near that of the groups
 * by themselves by maximum likelihood. */
static void uniform_groups(void **state)
{
    (void)state;
    enum { GROUPS = 3, EACH = 150 };
    const gkv_mgk_mixture_settings set = defaults(GROUPS, false);
    gkv_gk_fit_settings mle;
    gkv_mgk_mixture *m;
    gkv_mgk_mixture_result f;
    double most = GROUPS * EACH * log(1.0 / GROUPS);
    gkv_gk_fit_defaults(&mle);
    mle.method = GKV_GK_MLE;
    used = 0;
    for (size_t k = 0; k < GROUPS; k++) {
        gkv_gk_fit_result one;
        for (size_t i = 0; i < EACH; i++, used++)
            x[used] = 5.0 * (double)k + ((double)i + .5) / EACH;
        assert_ok(gkv_gk_fit(EACH, x + k * EACH, &mle, &one));
        most += one.log_likelihood;
    }
    assert_ok(gkv_mgk_mixture_fit(used, 1, x, &set, NULL, &m, &f));
    assert_int_equal(gkv_mgk_mixture_count(m), GROUPS);
    if (!(f.log_likelihood > most - 4))
        fail_msg("uniform groups have log L = %.4f, by themselves %.4f", f.log_likelihood, most);
    for (size_t k = 0; k < GROUPS; k++)
        assert_true(margin(m, k).g == 0 && margin(m, k).k < -.3);
    assert_int_equal(f.parameters, GROUPS * 3 + GROUPS - 1);
    gkv_mgk_mixture_free(m);
}

static void refusals(void **state)
{
    (void)state;
    gkv_mgk_mixture *m[3];
    gkv_mgk_mixture_result f[3];
    size_t chosen;
    gkv_mgk_mixture_settings set = defaults(1, true);
    used = 0;
    add(60, 20, 1, zero, 1);
    assert_fails(gkv_mgk_mixture_fit_range(used, 1, x, &set, 0, 2, NULL, m, f, &chosen),
                 GKV_ERR_ARGUMENT, "1 ≤ least ≤ most");
    assert_fails(gkv_mgk_mixture_fit_range(used, 1, x, &set, 3, 2, NULL, m, f, &chosen),
                 GKV_ERR_ARGUMENT, "1 ≤ least ≤ most");
    assert_fails(gkv_mgk_mixture_fit_range(used, 1, x, &set, 19, 21, NULL, m, f, &chosen),
                 GKV_ERR_ARGUMENT, "21 components");
    assert_true(!m[0] && !m[1] && !m[2]);
    set.advanced.keep = true;
    assert_fails(gkv_mgk_mixture_fit_range(used, 1, x, &set, 1, 3, NULL, m, f, &chosen),
                 GKV_ERR_ARGUMENT, "`keep`");
    set = defaults(2, true);
    for (set.restarts = 0; set.restarts < 20000; set.restarts += 10001)
        assert_fails(gkv_mgk_mixture_fit(used, 1, x, &set, NULL, m, f), GKV_ERR_ARGUMENT,
                     "1 to 10000 restarts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_small_clusters),
        cmocka_unit_test(clusters_of_other_scales),
        cmocka_unit_test(nested_clusters),
        cmocka_unit_test(equal_rows),
        cmocka_unit_test(an_outlier_is_no_component),
        cmocka_unit_test(likelihood_grows_with_components),
        cmocka_unit_test(same_on_any_number_of_threads),
        cmocka_unit_test(several_starts_are_better),
        cmocka_unit_test(unshrunk_fits_are_bounded),
        cmocka_unit_test(stops_among_the_starts),
        cmocka_unit_test(stops_in_the_sample),
        cmocka_unit_test(uniform_groups),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
