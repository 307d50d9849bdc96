/* The t copula as a candidate: it is fitted in every density, which has its model. */
#include "core/error.h"
#include "density/table_density.h"

/* The most rows of the fit. */
enum { COPULA_ROWS = 20000 };

static gkv_status fit_copula(gki_density_job *job, const gki_fit_rows *rows, gkv_density *density,
                             gki_candidate *candidate)
{
    size_t first = 0, second = 0;
    const size_t used = rows->n < COPULA_ROWS ? rows->n : COPULA_ROWS;
    const gkv_status status =
        gki_copula_fit(used, density->d, rows->z, job->threads, &first, &second, &density->copula);
    if (status == GKV_ERR_DATA)
        return gki_fail(status,
                        "the columns are functions of each other, %s and %s the most, so that "
                        "there is no density; leave one of them out",
                        density->names[first], density->names[second]);
    if (status == GKV_OK) {
        candidate->info.fitted = true;
        candidate->info.freedom = gki_copula_freedom(density->copula);
    }
    return status;
}

const gki_candidate_ops gki_candidate_copula = {.name = "t-copula",
                                                .is_copula = true,
                                                .columns_min = 1,
                                                .fit = fit_copula};
