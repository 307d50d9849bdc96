/* Refits of mixtures to codes. */
#include "base/mixture_fixture.h"

enum { D = 4, FIT = 4000, HELD_OUT = 1000, ALL = FIT + HELD_OUT };

/* Codes drawn from a mixture with random parameters, and their classes. */
typedef struct mixture_sample {
    base_fixture *truth;
    uint32_t classes[ALL];
    gki_base_codes codes;
} mixture_sample;

static mixture_sample *draw(const mixture_kind *kind, uint64_t seed)
{
    mixture_sample *sample = test_alloc(sizeof *sample);
    sample->truth = mixture_begin(kind, ALL, D, false);
    mixture_randomise(sample->truth, seed, 3);
    gki_real *rows = gki_at(&sample->truth->ws, sample->truth->base->eps, 0);
    test_normals(seed + 1, ALL * D, 1, rows);
    const size_t classes = sample->truth->base->classes;
    for (size_t r = 0; r < ALL && classes > 0; r++) {
        sample->classes[r] = (uint32_t)(r * r % 7 % classes);
        mixture_transform(sample->truth, sample->classes[r], seed + 2 + r, 1, rows + r * D);
    }
    if (classes == 0)
        mixture_transform(sample->truth, -1, seed + 2, ALL, rows);
    sample->codes = (gki_base_codes){
        .fit = {.eps = rows, .classes = classes ? sample->classes : NULL, .count = FIT},
        .held_out = {.eps = rows + FIT * D,
                     .classes = classes ? sample->classes + FIT : NULL,
                     .count = HELD_OUT}};
    return sample;
}

static void sample_free(mixture_sample *sample)
{
    base_fixture_end(sample->truth);
    free(sample);
}

/* Mean log density of the held-out codes, counted here. */
static double density_of(const base_fixture *fixture, const gki_base_codes *codes)
{
    double sum = 0;
    for (size_t i = 0; i < codes->held_out.count; i++)
        sum += mixture_log_density(fixture,
                                   codes->held_out.classes ? (long)codes->held_out.classes[i] : -1,
                                   codes->held_out.eps + i * D) /
               (double)codes->held_out.count;
    return sum;
}

/* Refits, and checks the properties that every refit has. */
static gki_base_refit_report refit(base_fixture *fixture, const gki_base_codes *codes, bool first,
                                   double damping, int threads)
{
    const gki_base_refit_settings how = {
        .first = first, .damping = damping, .iterations = 2, .seed = 3, .threads = threads};
    gki_base_refit_report report;
    const double before = density_of(fixture, codes);
    assert_ok(fixture->base->ops->refit(fixture->base, &fixture->params, codes, &how, &report));
    assert_ok(fixture->base->ops->check(fixture->base, &fixture->params));
    const double after = density_of(fixture, codes);
    assert_true(report.step >= 0 && report.step <= damping);
    assert_true(after >= before - 1e-5 * (1 + fabs(before)));
    assert_close(report.held_out_before, before, 1e-4 * (1 + fabs(before)));
    assert_close(report.held_out_after, after, 1e-4 * (1 + fabs(after)));
    assert_true(report.g_min <= report.g_max && report.k_min <= report.k_max);
    return report;
}

static void test_recovery(void **state)
{
    (void)state;
    for (size_t n = 0; n < MIXTURE_KINDS; n++) {
        const bool by_class = mixture_kinds[n].classes > 0;
        mixture_sample *sample = draw(&mixture_kinds[n], 40 + 2 * n);
        base_fixture *found = mixture_begin(&mixture_kinds[n], 1, D, n % 2);
        const gki_base_refit_report report = refit(found, &sample->codes, true, 1, 2);
        assert_true(report.step == 1 && report.em_iterations > 0);
        /* Nearly as good as the truth on codes that the fit has not seen; weights of classes are
         * the codes' own, not the truth's. */
        if (!by_class)
            assert_true(density_of(found, &sample->codes) >
                        density_of(sample->truth, &sample->codes) - 0.25);
        /* Later ones start from there, and converge. */
        double last = report.held_out_after;
        for (int i = 0; i < 4; i++) {
            const gki_base_refit_report again = refit(found, &sample->codes, false, 1, 2);
            assert_true(again.em_iterations <= 2 && again.held_out_after >= last - 1e-4);
            last = again.held_out_after;
        }
        if (!by_class)
            assert_true(last > density_of(sample->truth, &sample->codes) - 0.2);
        base_fixture_end(found);
        sample_free(sample);
    }
}

/* With damping ½ the refit moves margins and weights half-way. */
static void test_damping(void **state)
{
    (void)state;
    mixture_sample *sample = draw(&mixture_kinds[3], 60);
    base_fixture *half = mixture_begin(&mixture_kinds[3], 1, D, false),
                 *whole = mixture_begin(&mixture_kinds[3], 1, D, false);
    refit(half, &sample->codes, true, 1, 2);
    memcpy(whole->params.values, half->params.values, half->params.total * sizeof(gki_real));
    for (size_t k = 0; k < 3; k++) /* somewhere else, from where there is a way to go */
        for (size_t j = 0; j < D; j++) {
            gki_real *location =
                gki_mixture_margin(mixture_of(half), &half->params, GKV_MIXTURE_A, k);
            location[j] += (gki_real)0.3;
            gki_mixture_margin(mixture_of(whole), &whole->params, GKV_MIXTURE_A, k)[j] =
                location[j];
        }
    gkv_gk start[3 * D];
    for (size_t i = 0; i < 3 * D; i++)
        start[i] = gki_mixture_get(mixture_of(half), &half->params, i / D, i % D);
    assert_true(refit(whole, &sample->codes, false, 1, 2).step == 1);
    assert_true(refit(half, &sample->codes, false, 0.5, 2).step == 0.5);
    for (size_t i = 0; i < 3 * D; i++) {
        const gkv_gk half_way = gki_mixture_get(mixture_of(half), &half->params, i / D, i % D);
        const gkv_gk end = gki_mixture_get(mixture_of(whole), &whole->params, i / D, i % D);
        assert_close(half_way.a, (start[i].a + end.a) / 2, 1e-4);
        assert_close(half_way.g, (start[i].g + end.g) / 2, 1e-4);
    }
    base_fixture_end(half);
    base_fixture_end(whole);
    sample_free(sample);
}

/* A refit is rejected and changes nothing if the held-out codes contradict the others. */
static void test_held_out_codes_decide(void **state)
{
    (void)state;
    for (size_t n = 1; n < 4; n++) {
        mixture_sample *sample = draw(&mixture_kinds[n], 90);
        base_fixture *found = mixture_begin(&mixture_kinds[n], 1, D, true);
        mixture_randomise(found, 3, 1);
        gki_real *rows = gki_at(&sample->truth->ws, sample->truth->base->eps, 0);
        test_normals(91, HELD_OUT * D, 1, rows + FIT * D);
        mixture_transform(found, -1, 92, HELD_OUT, rows + FIT * D); /* its own */
        for (size_t i = 0; i < FIT * D; i++)
            rows[i] = rows[i] / 100 + 40;
        gki_real *before = test_alloc(found->params.total * sizeof *before);
        memcpy(before, found->params.values, found->params.total * sizeof *before);
        assert_true(refit(found, &sample->codes, false, 1, 2).step == 0);
        assert_memory_equal(before, found->params.values, found->params.total * sizeof *before);
        free(before);
        base_fixture_end(found);
        sample_free(sample);
    }
}

/* Codes without a fit (a collapsed dimension, NaN) leave the base unchanged. Fewer codes than
 * components are an error. A few outliers do not distort the fit. */
static void test_bad_codes(void **state)
{
    (void)state;
    mixture_sample *sample = draw(&mixture_kinds[3], 70);
    gki_real *rows = gki_at(&sample->truth->ws, sample->truth->base->eps, 0), keep[ALL];
    base_fixture *found = mixture_begin(&mixture_kinds[3], 1, D, true);
    gki_base_refit_report report;
    const gki_base_refit_settings how = {
        .first = true, .damping = 1, .iterations = 1, .threads = 2};
    for (int fault = 0; fault < 3; fault++) {
        gki_base_codes codes = sample->codes;
        for (size_t i = 0; i < ALL; i++)
            keep[i] = rows[i * D + 1];
        for (size_t i = 0; i < ALL && fault == 0; i++)
            rows[i * D + 1] = 2;
        if (fault == 1)
            rows[17 * D + 1] = (gki_real)NAN;
        if (fault == 2) { /* an error of the caller */
            codes.fit.count = 2;
            assert_fails(
                found->base->ops->refit(found->base, &found->params, &codes, &how, &report),
                GKV_ERR_CONFIG, "2 codes to fit to are too few for 3 components");
        } else {
            assert_ok(found->base->ops->refit(found->base, &found->params, &codes, &how, &report));
            assert_true(report.step == 0);
        }
        assert_ok(found->base->ops->check(found->base, &found->params));
        for (size_t i = 0; i < ALL; i++)
            rows[i * D + 1] = keep[i];
    }
    base_fixture *clean = mixture_begin(&mixture_kinds[3], 1, D, true);
    refit(clean, &sample->codes, true, 1, 2);
    for (size_t i = 0; i < FIT; i += FIT / 5)
        for (size_t j = 0; j < D; j++)
            rows[i * D + j] = (gki_real)(i % 2 ? 1e5 : -1e6);
    assert_true(refit(found, &sample->codes, true, 1, 2).step == 1);
    assert_close(density_of(found, &sample->codes), density_of(clean, &sample->codes), 0.1);
    base_fixture_end(found);
    base_fixture_end(clean);
    sample_free(sample);
}

/* A point that repeats many times does not make a component collapse, because scales have a lower
 * bound. Doubling every code changes nothing. */
static void test_twins(void **state)
{
    (void)state;
    for (size_t n = 1; n < 5; n++) {
        mixture_sample *sample = draw(&mixture_kinds[n], 120);
        gki_real *rows = gki_at(&sample->truth->ws, sample->truth->base->eps, 0);
        gki_base_codes half = sample->codes;
        half.fit.count = FIT / 2;
        memcpy(rows + FIT / 2 * D, rows, FIT / 2 * D * sizeof *rows);
        base_fixture *twice = mixture_begin(&mixture_kinds[n], 1, D, false),
                     *once = mixture_begin(&mixture_kinds[n], 1, D, false);
        refit(twice, &sample->codes, true, 1, 2);
        refit(once, &half, true, 1, 2);
        assert_close(density_of(twice, &sample->codes), density_of(once, &half), 0.15);
        for (size_t i = 0; i < ALL; i += 3)
            memcpy(rows + i * D, rows, D * sizeof *rows);
        for (int i = 0; i < 5; i++)
            refit(twice, &sample->codes, i == 0, 1, 2);
        for (size_t i = 0; i < mixture_of(twice)->base.components * D; i++)
            assert_true(gki_mixture_get(mixture_of(twice), &twice->params, i / D, i % D).b > 1e-3);
        base_fixture_end(twice);
        base_fixture_end(once);
        sample_free(sample);
    }
}

/* Correlations of rank 1 keep their rank, as tetrads show, and approximate codes of higher rank. */
static void test_low_rank(void **state)
{
    (void)state;
    mixture_sample *sample = draw(&mixture_kinds[3], 90);
    base_fixture *any = mixture_begin(&mixture_kinds[3], 1, D, false),
                 *one = mixture_begin(&mixture_kinds[3], 1, D, false);
    base_fixture *none =
        mixture_begin(&(mixture_kind){"gk-mixture", 3, 0, true, false}, 1, D, false);
    ((gki_base_mixture *)one->base)->spec.rank = 1;
    for (int i = 0; i < 4; i++) {
        refit(any, &sample->codes, i == 0, 1, 2);
        refit(none, &sample->codes, i == 0, 1, 2);
        refit(one, &sample->codes, i == 0, 1, 2);
        gkv_mgk_mixture *now;
        assert_ok(gki_mixture_read(mixture_of(one), &one->params, 1, &now));
        for (size_t k = 0; k < 3; k++) {
            double r[D * D];
            gkv_mgk_covariance(now->components[k], r);
            assert_close(r[1] * r[2 * D + 3], r[2] * r[D + 3], 1e-5);
            assert_close(r[1] * r[2 * D + 3], r[3] * r[D + 2], 1e-5);
        }
        gkv_mgk_mixture_free(now);
    }
    assert_true(density_of(none, &sample->codes) + 0.02 < density_of(one, &sample->codes));
    assert_true(density_of(one, &sample->codes) < density_of(any, &sample->codes));
    base_fixture_end(any);
    base_fixture_end(one);
    base_fixture_end(none);
    sample_free(sample);
}

/* A base by class needs classes for a refit. Rows without a class get the density of all classes
 * together. */
static void test_classes(void **state)
{
    (void)state;
    mixture_sample *sample = draw(&mixture_kinds[7], 80);
    base_fixture *found = mixture_begin(&mixture_kinds[7], ALL, D, false);
    gki_base_codes codes = sample->codes;
    codes.fit.classes = NULL;
    gki_base_refit_report report;
    const gki_base_refit_settings how = {
        .first = true, .damping = 1, .iterations = 1, .threads = 2};
    assert_fails(found->base->ops->refit(found->base, &found->params, &codes, &how, &report),
                 GKV_ERR_ARGUMENT, "classes");
    refit(found, &sample->codes, true, 1, 2);
    /* The most likely class is nearly always the right one where the truth's is. */
    memcpy(gki_at(&found->ws, found->base->eps, 0), sample->codes.fit.eps,
           ALL * D * sizeof(gki_real));
    found->base->ops->log_density(found->base, &found->ws, 0, ALL);
    sample->truth->base->ops->log_density(sample->truth->base, &sample->truth->ws, 0, ALL);
    size_t right[2] = {0};
    for (size_t r = 0; r < ALL; r++)
        for (int which = 0; which < 2; which++) {
            const base_fixture *by = which ? sample->truth : found;
            double shares[3];
            by->base->ops->class_probabilities(by->base, &by->ws, r, shares);
            size_t best = 0;
            for (size_t c = 1; c < 3; c++)
                best = shares[c] > shares[best] ? c : best;
            right[which] += best == sample->classes[r];
        }
    assert_true((double)right[1] > 0.6 * ALL && (double)right[0] > (double)right[1] - 0.03 * ALL);
    base_fixture_end(found);
    sample_free(sample);
}

/* The same bits on any number of threads. */
static void test_threads(void **state)
{
    (void)state;
    for (size_t n = 1; n < MIXTURE_KINDS; n += 3) {
        mixture_sample *sample = draw(&mixture_kinds[n], 110);
        base_fixture *one = mixture_begin(&mixture_kinds[n], 1, D, false);
        for (int threads = 1; threads <= 3; threads++) {
            base_fixture *found =
                threads == 1 ? one : mixture_begin(&mixture_kinds[n], 1, D, false);
            refit(found, &sample->codes, true, 1, threads);
            refit(found, &sample->codes, false, 1, threads);
            assert_memory_equal(found->params.values, one->params.values,
                                one->params.total * sizeof(gki_real));
            if (found != one)
                base_fixture_end(found);
        }
        base_fixture_end(one);
        sample_free(sample);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recovery),
        cmocka_unit_test(test_damping),
        cmocka_unit_test(test_held_out_codes_decide),
        cmocka_unit_test(test_bad_codes),
        cmocka_unit_test(test_twins),
        cmocka_unit_test(test_low_rank),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
