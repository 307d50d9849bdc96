/* Fits that several ranks make: a mixture from several starts, and a bootstrap. They are those of
 * one process, to the bit, and what fails on one rank fails on all. The ranks are threads. */
#include "thread_ranks.h"

#include "core/rng.h"
#include "gkvae/gk_bootstrap.h"
#include "gkvae/gk_fit.h"
#include "gkvae/mgk_mixture.h"

enum { ROWS = 60, COLUMNS = 2, COMPONENTS = 2, REPLICATES = 20 };

static double rows[ROWS * COLUMNS], values[ROWS];

static int make(void **state)
{
    (void)state;
    gki_rng_normal_d(gki_rng_at(31, GKV_STREAM_USER, 0, 0), ROWS * COLUMNS, rows);
    for (size_t i = 0; i < ROWS; i++) {
        rows[i * COLUMNS] += i % 3 ? 0 : 4;
        values[i] = exp(rows[i * COLUMNS + 1]);
    }
    return 0;
}

/* A rank that is stopped at its n-th report; rank < 0: none. */
typedef struct stop {
    int rank;
    size_t report;
} stop;

static bool count_down(void *context, const gkv_progress *progress)
{
    size_t *left = context;
    (void)progress;
    return *left > 0 && --*left == 0;
}

/* --- Mixtures ------------------------------------------------------------- */

static gkv_status fit_mixture(gkv_dist *dist, bool normal, const stop *when, double *log_pdf)
{
    gkv_mgk_mixture_settings settings;
    gkv_mgk_mixture *mixture = NULL;
    size_t left = when->rank == gkv_dist_rank(dist) ? when->report : 0;
    const gkv_run_options options = {
        .threads = 1, .dist = dist, .progress = count_down, .context = &left};
    gkv_mgk_mixture_defaults(&settings);
    settings.components = COMPONENTS;
    settings.normal = normal;
    settings.restarts = 3;
    settings.max_iterations = 5;
    const gkv_status status =
        gkv_mgk_mixture_fit(ROWS, COLUMNS, rows, &settings, &options, &mixture, NULL);
    if (status == GKV_OK)
        assert_ok(gkv_mgk_mixture_log_pdf(mixture, ROWS, rows, ON_THREADS(1), log_pdf));
    gkv_mgk_mixture_free(mixture);
    return status;
}

static const stop no_stop = {.rank = -1};
static double alone[2][ROWS]; /* of g-and-k's, and of normal components */

static gkv_status fit_mixtures(gkv_dist *dist, void *context)
{
    double log_pdf[ROWS];
    (void)context;
    for (int normal = 0; normal < 2; normal++) {
        GKV_TRY(fit_mixture(dist, normal, &no_stop, log_pdf));
        assert_memory_equal(log_pdf, alone[normal], sizeof log_pdf);
    }
    return GKV_OK;
}

static gkv_status fit_until_stopped(gkv_dist *dist, void *context)
{
    double log_pdf[ROWS];
    return fit_mixture(dist, true, context, log_pdf);
}

static void test_mixtures(void **state)
{
    rank_thread ranks[RANKS_MAX];
    (void)state;
    for (int normal = 0; normal < 2; normal++)
        assert_ok(fit_mixture(NULL, normal, &no_stop, alone[normal]));
    ranks_agree(fit_mixtures, NULL, RANKS_MAX, 7);
    for (stop when = {.rank = 0, .report = 1}; when.rank < 2; when.rank++) {
        run_ranks(2, fit_until_stopped, &when, NULL, 0, ranks);
        for (int r = 0; r < 2; r++)
            assert_int_equal(ranks[r].status, GKV_ERR_INTERRUPTED);
        assert_string_equal(ranks[0].message, ranks[1].message);
    }
}

/* --- The bootstrap -------------------------------------------------------- */

static double replicates[4 * REPLICATES];
static gkv_gk_bootstrap_result summary;

static gkv_status draw_replicates(gkv_dist *dist, double *estimates,
                                  gkv_gk_bootstrap_result *result)
{
    const gkv_gk_sample sample = {.n = ROWS, .x = values};
    const gkv_run_options options = {.threads = 1, .dist = dist};
    gkv_gk_bootstrap_settings settings;
    gkv_gk_fit_result fit;
    gkv_gk_bootstrap_defaults(&settings);
    settings.replicates = REPLICATES;
    GKV_TRY(gkv_gk_fit(ROWS, values, NULL, &fit));
    return gkv_gk_bootstrap(&sample, &fit, NULL, &settings, &options, estimates, result);
}

static gkv_status bootstrap(gkv_dist *dist, void *context)
{
    double estimates[4 * REPLICATES];
    gkv_gk_bootstrap_result result;
    (void)context;
    GKV_TRY(draw_replicates(dist, estimates, &result));
    assert_memory_equal(estimates, replicates, sizeof estimates);
    assert_true(result.se[0] == summary.se[0] && result.used == summary.used);
    return GKV_OK;
}

static void test_bootstrap(void **state)
{
    (void)state;
    assert_ok(draw_replicates(NULL, replicates, &summary));
    ranks_agree(bootstrap, NULL, RANKS_MAX, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixtures),
        cmocka_unit_test(test_bootstrap),
    };
    return cmocka_run_group_tests(tests, make, NULL);
}
