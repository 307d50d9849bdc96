/* What the fuzzer of densities of tables calls, and the mutations of
 * tests/density/test_density_mutations.c: a file is refused with a message, or it is a density that
 * can be used and is the same when it is written and read again. The file that includes this
 * defines _GNU_SOURCE first. */
#ifndef GKV_TESTS_FUZZ_DENSITY_ENTRIES_H
#define GKV_TESTS_FUZZ_DENSITY_ENTRIES_H

#include <math.h>

#include "fuzz_files.h"
#include "gkvae/density.h"

enum { FUZZ_ROWS = 2 };

/* Log densities and p-values of two draws from one candidate. */
static inline void fuzz_use_candidate(const gkv_density *density, int64_t candidate)
{
    const gkv_run_options options = {.threads = 1};
    const size_t d = gkv_density_dimensions(density);
    double *x = calloc(FUZZ_ROWS * d, sizeof *x), log_density[FUZZ_ROWS], p[FUZZ_ROWS];
    FUZZ_CHECK(x);
    FUZZ_CHECK(gkv_density_sample(density, candidate, FUZZ_ROWS, 1, 0, &options, x) == GKV_OK);
    FUZZ_CHECK(gkv_density_log_density(density, candidate, FUZZ_ROWS, x, &options, log_density) ==
               GKV_OK);
    FUZZ_CHECK(gkv_density_p_values(density, candidate, FUZZ_ROWS, log_density, p) == GKV_OK);
    for (size_t i = 0; i < FUZZ_ROWS; i++)
        FUZZ_CHECK(isnan(log_density[i]) ? isnan(p[i]) : p[i] > 0 && p[i] <= 1);
    free(x);
}

/* All candidates, and the conditional distribution given the first column at its median. */
static inline void fuzz_use_density(const gkv_density *density)
{
    const size_t d = gkv_density_dimensions(density), first = 0;
    const double median = 0;
    double x = 0;
    FUZZ_CHECK(d > 0 && gkv_density_chosen(density) >= 0 && gkv_density_name(density, d - 1));
    FUZZ_CHECK(gkv_density_quantiles(density, 0, 1, &median, &x) == GKV_OK);
    for (int64_t candidate = 0; candidate < GKV_DENSITY_CANDIDATES; candidate++) {
        gkv_density_candidate_info info;
        gkv_density *given = NULL;
        FUZZ_CHECK(gkv_density_get_candidate(density, candidate, &info) == GKV_OK);
        if (info.fitted)
            fuzz_use_candidate(density, candidate);
        if (info.fitted && candidate != GKV_DENSITY_FLOW && d > 1 && isfinite(x)) {
            const gkv_status status =
                gkv_density_conditional(density, candidate, 1, &first, &x, &given);
            FUZZ_CHECK(status == GKV_OK || status == GKV_ERR_NUMERIC);
            gkv_density_free(given);
        }
    }
}

static inline int fuzz_density(const uint8_t *bytes, size_t size)
{
    char path[128], saved[2][128];
    gkv_density *density = NULL, *again = NULL;
    fuzz_put("input", bytes, size, path);
    const gkv_status status = gkv_density_load(path, &density);
    fuzz_accepted = status == GKV_OK;
    FUZZ_CHECK(fuzz_accepted ? density != NULL
                             : status == GKV_ERR_DATA && !density && *gkv_error_message());
    if (!fuzz_accepted)
        return 0;
    fuzz_use_density(density);
    fuzz_path("density", saved[0]);
    fuzz_path("again", saved[1]);
    FUZZ_CHECK(gkv_density_save(density, saved[0]) == GKV_OK);
    FUZZ_CHECK(gkv_density_load(saved[0], &again) == GKV_OK);
    FUZZ_CHECK(gkv_density_save(again, saved[1]) == GKV_OK);
    fuzz_check_same(saved[0], saved[1]);
    gkv_density_free(density);
    gkv_density_free(again);
    return 0;
}

#endif
