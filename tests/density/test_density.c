/* Densities of tables: quadrature, draws, marginal and conditional densities, files, threads,
 * and resuming. */
#define _XOPEN_SOURCE 700
#include "density_fixture.h"

#include <unistd.h>

#include "density/candidate.h"
#include "null.h"

enum { N = 300, D = 3 };

/* A density of two columns and one of three, which several tests use. */
static gkv_density *two, *three;
static double *table2, *table3;

static int open_fixture(void **state)
{
    (void)state;
    const gkv_density_settings settings = quick_settings();
    table2 = make_table(N, 2);
    table3 = make_table(N, D);
    two = fit_table(N, 2, table2, &settings, 1);
    three = fit_table(N, D, table3, &settings, 1);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    gkv_density_free(two);
    gkv_density_free(three);
    free(table2);
    free(table3);
    return 0;
}

/* ∫ exp(log f) over the plane, in sinh coordinates. */
static void test_integrals(void **state)
{
    (void)state;
    enum { POINTS = 281 };
    double *x = test_alloc(POINTS * POINTS * 2 * sizeof *x);
    const double reach = 9, step = 2 * reach / (POINTS - 1);
    for (size_t i = 0; i < POINTS; i++)
        for (size_t j = 0; j < POINTS; j++) {
            x[2 * (i * POINTS + j)] = 1 + 0.3 * sinh(-reach + step * (double)i);
            x[2 * (i * POINTS + j) + 1] = 10 + 0.5 * sinh(-reach + step * (double)j);
        }
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        double *f = log_densities(two, c, POINTS * POINTS, x), sum = 0;
        for (size_t i = 0; i < POINTS; i++)
            for (size_t j = 0; j < POINTS; j++)
                sum += exp(f[i * POINTS + j]) * 0.3 * cosh(-reach + step * (double)i) * 0.5 *
                       cosh(-reach + step * (double)j);
        assert_close(sum * step * step, 1, 5e-3);
        free(f);
    }
    free(x);
}

/* Shares of draws in boxes are those of the data, within sampling error. */
static void test_draws(void **state)
{
    (void)state;
    enum { DRAWS = 20000 };
    double *x = test_alloc(DRAWS * D * sizeof *x);
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        assert_ok(gkv_density_sample(three, c, DRAWS, 9, 0, ON_THREADS(2), x));
        for (size_t j = 0; j < D; j++)
            for (double level = 0.1; level < 1; level += 0.2) {
                double value = table3[j], below = 0, share = 0;
                for (size_t i = 0; i < N; i++) { /* the value with this share of rows below */
                    double rank = 0;
                    for (size_t k = 0; k < N; k++)
                        rank += table3[k * D + j] < table3[i * D + j];
                    value = rank == floor(level * N) ? table3[i * D + j] : value;
                }
                for (size_t i = 0; i < N; i++)
                    share += (table3[i * D + j] < value) / (double)N;
                for (size_t i = 0; i < DRAWS; i++)
                    below += (x[i * D + j] < value) / (double)DRAWS;
                assert_close(below, share, 0.08);
            }
        double again[2 * D];
        assert_ok(gkv_density_sample(three, c, 2, 9, 9000, ON_THREADS(1), again));
        assert_memory_equal(again, x + 9000 * D, sizeof again);
    }
    free(x);
}

/* log f(x) = log f(given) + log f(rest | given), and the marginal integrates the joint. */
static void test_conditionals(void **state)
{
    (void)state;
    const size_t given[2] = {2, 0}, left[1] = {1};
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        if (!gki_candidate_has_conditionals(gki_candidate_of(c)))
            continue;
        gkv_density *marginal = NULL, *conditional = NULL, *one = NULL;
        assert_ok(gkv_density_marginal(three, c, 2, given, &marginal));
        assert_ok(gkv_density_marginal(three, c, 1, left, &one));
        assert_string_equal(gkv_density_name(marginal, 0), "x3");
        assert_string_equal(gkv_density_name(one, 0), "x2");
        for (size_t r = 0; r < 20; r++) {
            const double *x = table3 + r * D, known[2] = {x[2], x[0]};
            double *joint = log_densities(three, c, 1, x),
                   *of_given = log_densities(marginal, GKV_DENSITY_CHOSEN, 1, known);
            assert_ok(gkv_density_conditional(three, c, 2, given, known, &conditional));
            assert_int_equal(gkv_density_dimensions(conditional), 1);
            double *rest = log_densities(conditional, c, 1, x + 1);
            assert_close(*rest + *of_given, *joint, 1e-8 * (1 + fabs(*joint)));
            free(joint);
            free(of_given);
            free(rest);
            gkv_density_free(conditional);
        }
        assert_fails(gkv_density_save(marginal, "none"), GKV_ERR_ARGUMENT, "cannot be saved");
        double p, f = 0;
        assert_fails(gkv_density_p_values(marginal, c, 1, &f, &p), GKV_ERR_ARGUMENT,
                     "no held-out rows");
        gkv_density_free(marginal);
        gkv_density_free(one);
    }
    gkv_density *out = NULL;
    const double x[3] = {1, NAN, 0};
    const size_t twice[2] = {1, 1}, outside[1] = {3};
    assert_fails(gkv_density_conditional(three, GKV_DENSITY_FLOW, 1, given, x, &out),
                 GKV_ERR_ARGUMENT, "the candidate flow has no");
    assert_fails(gkv_density_conditional(three, GKV_DENSITY_COPULA, 2, twice, x, &out),
                 GKV_ERR_ARGUMENT, "twice");
    assert_fails(gkv_density_conditional(three, GKV_DENSITY_COPULA, 1, outside, x, &out),
                 GKV_ERR_ARGUMENT, "no column 3");
    assert_fails(gkv_density_conditional(three, GKV_DENSITY_COPULA, 1, left, x + 1, &out),
                 GKV_ERR_ARGUMENT, "given value");
    assert_fails(
        gkv_density_conditional(three, GKV_DENSITY_COPULA, 3, (size_t[]){0, 1, 2}, x, &out),
        GKV_ERR_ARGUMENT, "one left");
    assert_null(out);
}

/* A file gives the same bits. */
static void test_round_trip(void **state)
{
    (void)state;
    char path[] = "density-test-XXXXXX";
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    gkv_density *again = NULL;
    assert_ok(gkv_density_save(three, path));
    assert_ok(gkv_density_load(path, &again));
    assert_int_equal(gkv_density_chosen(again), gkv_density_chosen(three));
    assert_int_equal(gkv_density_rows(again), N);
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gkv_density_candidate_info a, b;
        double *before = log_densities(three, c, N, table3),
               *after = log_densities(again, c, N, table3);
        double x[6], y[6];
        assert_memory_equal(before, after, N * sizeof *before);
        assert_ok(gkv_density_sample(three, c, 2, 4, 0, NULL, x));
        assert_ok(gkv_density_sample(again, c, 2, 4, 0, NULL, y));
        assert_memory_equal(x, y, sizeof x);
        assert_ok(gkv_density_get_candidate(three, c, &a));
        assert_ok(gkv_density_get_candidate(again, c, &b));
        assert_true(a.held_out == b.held_out && a.copula_share == b.copula_share &&
                    a.rows == b.rows && a.beyond[1] == b.beyond[1] && a.updates == b.updates);
        assert_ok(gkv_density_p_values(three, c, 2, before, x));
        assert_ok(gkv_density_p_values(again, c, 2, before, y));
        assert_memory_equal(x, y, 2 * sizeof *x);
        free(before);
        free(after);
    }
    for (size_t j = 0; j < D; j++) {
        gkv_density_margin_info a, b;
        assert_ok(gkv_density_get_margin(three, j, &a));
        assert_ok(gkv_density_get_margin(again, j, &b));
        assert_memory_equal(a.parameters, b.parameters, sizeof a.parameters);
        assert_int_equal(a.kind, b.kind);
    }
    gkv_density_free(again);
    FILE *file = fopen(path, "r+b"); /* one bit of the data */
    assert_non_null(file);
    fseek(file, -9, SEEK_END);
    fputc(0x55, file);
    fclose(file);
    assert_fails(gkv_density_load(path, &again), GKV_ERR_DATA, path);
    assert_null(again);
    remove(path);
}

/* The same bits for any number of threads, and of rows. */
static void test_threads(void **state)
{
    (void)state;
    const gkv_density_settings settings = quick_settings();
    gkv_density *other = fit_table(N, D, table3, &settings, 3);
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        double *a = log_densities(three, c, N, table3), *b = log_densities(other, c, N, table3);
        double *one = log_densities(three, c, 1, table3 + 77 * D);
        assert_memory_equal(a, b, N * sizeof *a);
        assert_true(*one == a[77]);
        free(a);
        free(b);
        free(one);
    }
    gkv_density_free(other);
}

/* Stops a fit in the flow's training after some reports. */
typedef struct stopper {
    int left;
    bool in_flow;
} stopper;

static bool stop_later(void *context, const gkv_progress *progress)
{
    stopper *countdown = context;
    const gkv_density_progress *p = progress->details;
    if (p && p->updates > 0 && --countdown->left == 0) {
        countdown->in_flow = true;
        return true;
    }
    return false;
}

static void test_resume(void **state)
{
    (void)state;
    char path[] = "density-resume-XXXXXX";
    const int descriptor = mkstemp(path);
    close(descriptor);
    remove(path);
    gkv_density_settings settings = quick_settings();
    settings.checkpoint = path;
    gkv_density *density = NULL;
    for (int stops = 1; stops <= 3; stops += 2) {
        stopper countdown = {.left = stops};
        const gkv_run_options options = {
            .threads = 1, .progress = stop_later, .context = &countdown};
        assert_fails(gkv_density_fit(N, D, table3, &settings, &options, &density),
                     GKV_ERR_INTERRUPTED, "interrupted");
        assert_true(countdown.in_flow && access(path, F_OK) == 0);
    }
    settings.seed = 2;
    assert_fails(gkv_density_fit(N, D, table3, &settings, NULL, &density), GKV_ERR_CONFIG,
                 "other settings");
    settings.seed = 1;
    settings.keep_checkpoint = true; /* until the caller has saved the density */
    gkv_density_free(fit_table(N, D, table3, &settings, 2));
    assert_true(access(path, F_OK) == 0);
    settings.keep_checkpoint = false;
    density = fit_table(N, D, table3, &settings, 2);
    assert_true(access(path, F_OK) != 0);
    double *a = log_densities(three, GKV_DENSITY_FLOW, N, table3),
           *b = log_densities(density, GKV_DENSITY_FLOW, N, table3);
    assert_memory_equal(a, b, N * sizeof *a);
    free(a);
    free(b);
    gkv_density_free(density);
}

static void test_p_values(void **state)
{
    (void)state;
    const double f[4] = {-1e300, 1e300, NAN, -INFINITY};
    double p[4];
    gkv_density_candidate_info info;
    assert_ok(gkv_density_get_candidate(three, GKV_DENSITY_CHOSEN, &info));
    assert_int_equal(info.rows, N / 5);
    assert_ok(gkv_density_p_values(three, GKV_DENSITY_CHOSEN, 4, f, p));
    assert_close(p[0], 1.0 / (N / 5 + 1), 1e-15);
    assert_close(p[1], 1, 1e-15);
    assert_true(isnan(p[2]) && p[3] == p[0]);
}

/* Every flow of the table of prior flows fits, draws and integrates to 1. */
static void test_flows(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    gkv_density_settings settings = quick_settings();
    double *x = test_alloc(DRAWS * 2 * sizeof *x);
    memset(settings.candidates, 0, sizeof settings.candidates);
    settings.candidates[GKV_DENSITY_FLOW] = true;
    settings.flow_updates = 30;
    for (int family = 0; family < GKV_PRIOR_FLOWS; family++) {
        settings.flow = (gkv_prior_flow_family)family;
        gkv_density *density = fit_table(N, 2, table2, &settings, 1);
        assert_ok(gkv_density_sample(density, GKV_DENSITY_FLOW, DRAWS, 1, 0, NULL, x));
        double *of_two = log_densities(two, GKV_DENSITY_COPULA, DRAWS, x),
               *f = log_densities(density, GKV_DENSITY_FLOW, DRAWS, x), mean = 0;
        for (size_t i = 0; i < DRAWS; i++) /* E[g/f] = 1 for draws from f */
            mean += exp(of_two[i] - f[i]) / DRAWS;
        assert_close(mean, 1, 0.1);
        gkv_density *out = NULL;
        assert_fails(gkv_density_marginal(density, GKV_DENSITY_FLOW, 1, (size_t[]){0}, &out),
                     GKV_ERR_ARGUMENT, "fit another candidate");
        free(of_two);
        free(f);
        gkv_density_free(density);
    }
    free(x);
}

static void test_null(void **state)
{
    (void)state;
    gkv_density *out = NULL;
    gkv_density_margin_info margin;
    gkv_density_candidate_info candidate;
    double x[3] = {1, 2, 3}, y[3];
    const size_t which[1] = {0};
    has_no_pointer(gkv_density_candidate_name);
    assert_null(gkv_density_candidate_name(9));
    has_no_pointer(gkv_density_margin_name);
    assert_null(gkv_density_margin_name(-1));
    has_no_pointer(gkv_density_margin_parameter);
    assert_null(gkv_density_margin_parameter(-1, 0));
    survives(gkv_density_defaults, NULL);
    survives(gkv_density_free, NULL);
    refuses_null(gkv_density_fit, N, D, NULL, NULL, NULL, &out);
    refuses_null(gkv_density_fit, N, D, x, NULL, NULL, NULL);
    refuses_null(gkv_density_save, NULL, "x");
    refuses_null(gkv_density_save, three, NULL);
    refuses_null(gkv_density_load, NULL, &out);
    refuses_null(gkv_density_load, "x", NULL);
    gives_nothing(gkv_density_dimensions, NULL);
    gives_nothing(gkv_density_rows, NULL);
    gives_nothing(gkv_density_name, NULL, 0);
    assert_null(gkv_density_name(three, D));
    ignores_null(gkv_density_chosen, NULL);
    refuses_null(gkv_density_get_margin, NULL, 0, &margin);
    refuses_null(gkv_density_get_margin, three, 0, NULL);
    assert_fails(gkv_density_get_margin(three, D, &margin), GKV_ERR_ARGUMENT, "no column 3");
    refuses_null(gkv_density_get_candidate, NULL, 0, &candidate);
    refuses_null(gkv_density_get_candidate, three, 0, NULL);
    refuses_null(gkv_density_log_density, NULL, 0, 1, x, NULL, y);
    refuses_null(gkv_density_log_density, three, 0, 1, NULL, NULL, y);
    refuses_null(gkv_density_log_density, three, 0, 1, x, NULL, NULL);
    assert_ok(gkv_density_log_density(three, 0, 0, NULL, NULL, NULL));
    refuses_null(gkv_density_sample, NULL, 0, 1, 1, 0, NULL, y);
    refuses_null(gkv_density_sample, three, 0, 1, 1, 0, NULL, NULL);
    refuses_null(gkv_density_conditional, NULL, 0, 1, which, x, &out);
    refuses_null(gkv_density_conditional, three, 0, 1, NULL, x, &out);
    refuses_null(gkv_density_conditional, three, 0, 1, which, NULL, &out);
    refuses_null(gkv_density_conditional, three, 0, 1, which, x, NULL);
    refuses_null(gkv_density_marginal, NULL, 0, 1, which, &out);
    refuses_null(gkv_density_marginal, three, 0, 1, NULL, &out);
    refuses_null(gkv_density_marginal, three, 0, 1, which, NULL);
    refuses_null(gkv_density_scores, NULL, 1, x, NULL, y, NULL);
    refuses_null(gkv_density_scores, three, 1, NULL, NULL, y, NULL);
    refuses_null(gkv_density_scores, three, 1, x, NULL, NULL, NULL);
    refuses_null(gkv_density_quantiles, NULL, 0, 1, x, y);
    refuses_null(gkv_density_quantiles, three, 0, 1, NULL, y);
    refuses_null(gkv_density_quantiles, three, 0, 1, x, NULL);
    refuses_null(gkv_density_p_values, NULL, 0, 1, x, y);
    refuses_null(gkv_density_p_values, three, 0, 1, NULL, y);
    refuses_null(gkv_density_p_values, three, 0, 1, x, NULL);
    assert_all_called("density.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integrals),    cmocka_unit_test(test_draws),
        cmocka_unit_test(test_conditionals), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_threads),      cmocka_unit_test(test_resume),
        cmocka_unit_test(test_p_values),     cmocka_unit_test(test_flows),
        cmocka_unit_test(test_null)};
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
