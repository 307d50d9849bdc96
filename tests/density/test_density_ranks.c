/* Densities that several ranks fit: those of one process, to the bit, and failures that all share.
 * The ranks are threads. */
#include "thread_ranks.h"

#include "density_fixture.h"

enum { ROWS = 40, COLUMNS = 2, FOLDS = 1 };

/* A fit by ranks: what one process gives, and which rank stops at which report. */
typedef struct joint_fit {
    gkv_density_settings settings;
    double *table;
    gkv_density *alone;
    int stopping; /* the rank; -1: none */
    size_t stop;
} joint_fit;

typedef struct countdown {
    size_t left;
} countdown;

static bool count_down(void *context, const gkv_progress *progress)
{
    (void)progress;
    countdown *reports = context;
    return reports->left > 0 && --reports->left == 0;
}

static void is_same(const joint_fit *fit, const gkv_density *density)
{
    assert_int_equal(gkv_density_chosen(density), gkv_density_chosen(fit->alone));
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gkv_density_candidate_info one, other;
        assert_ok(gkv_density_get_candidate(density, c, &one));
        assert_ok(gkv_density_get_candidate(fit->alone, c, &other));
        assert_int_equal(one.fitted, other.fitted);
        assert_true(one.held_out == other.held_out && one.beyond[0] == other.beyond[0]);
        assert_true(one.components == other.components && one.updates == other.updates);
        if (!one.fitted)
            continue;
        double *a = log_densities(density, c, ROWS, fit->table),
               *b = log_densities(fit->alone, c, ROWS, fit->table);
        assert_memory_equal(a, b, ROWS * sizeof *a);
        free(a);
        free(b);
    }
}

static gkv_status fit_jointly(gkv_dist *dist, void *context)
{
    const joint_fit *fit = context;
    gkv_density *density = NULL;
    countdown reports = {fit->stopping == gkv_dist_rank(dist) ? fit->stop : 0};
    const gkv_run_options options = {
        .threads = 1, .dist = dist, .progress = count_down, .context = &reports};
    const gkv_status status =
        gkv_density_fit(ROWS, COLUMNS, fit->table, &fit->settings, &options, &density);
    assert_int_equal(status == GKV_OK, density != NULL);
    if (density)
        is_same(fit, density);
    gkv_density_free(density);
    return status;
}

static joint_fit fit;

static int fit_alone(void **state)
{
    (void)state;
    fit = (joint_fit){.settings = quick_settings(), .stopping = -1};
    fit.settings.folds = FOLDS;
    fit.settings.margin = GKV_DENSITY_MARGIN_T;
    fit.settings.max_components = 1;
    fit.settings.flow_updates = 4;
    /* the copula is fitted in any case; draws from candidates are what takes time */
    fit.settings.candidates[GKV_DENSITY_COPULA] = false;
    fit.settings.candidates[GKV_DENSITY_NORMAL_MIXTURE] = false;
    fit.settings.checkpoint = "no-such-folder/state"; /* which ranks do not write */
    fit.table = make_table(ROWS, COLUMNS);
    for (size_t i = 0; i < ROWS; i++) /* rows that are extreme together: ν is found at once */
        for (size_t j = 0; j < COLUMNS; j++)
            fit.table[i * COLUMNS + j] = (fit.table[i * COLUMNS + j] - 10.0 * (double)j) *
                                         exp(i % 5 == 0 ? 3 : 0.1 * (double)(i % 7));
    gkv_density_settings alone = fit.settings;
    alone.checkpoint = NULL;
    fit.alone = fit_table(ROWS, COLUMNS, fit.table, &alone, 1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    gkv_density_free(fit.alone);
    free(fit.table);
    return 0;
}

static void test_same_density(void **state)
{
    (void)state;
    ranks_agree(fit_jointly, &fit, 2, 6);
}

/* A rank that is stopped in its part stops all. */
static void test_stops(void **state)
{
    rank_thread ranks[RANKS_MAX];
    (void)state;
    for (fit.stop = 4, fit.stopping = 0; fit.stop < 10; fit.stop += 5) {
        run_ranks(2, fit_jointly, &fit, NULL, 0, ranks);
        for (int r = 0; r < 2; r++)
            assert_int_equal(ranks[r].status, GKV_ERR_INTERRUPTED);
        assert_string_equal(ranks[0].message, ranks[1].message);
        fit.stopping = !fit.stopping;
    }
    fit.stopping = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_density),
        cmocka_unit_test(test_stops),
    };
    return cmocka_run_group_tests(tests, fit_alone, end);
}
