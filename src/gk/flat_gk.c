/* The flat functions of gkvae/flat.h for the distribution at many points. */
#include "core/error.h"
#include "gk/flat_parameters.h"
#include "gk/gk_random.h"
#include "gkvae/flat.h"

/* Names the element in the message of a status that is not GKV_OK. */
static gkv_status at_element(gkv_status status, size_t i)
{
    return status == GKV_OK ? GKV_OK : gki_fail_context(status, "element %zu", i);
}

/* The two outputs and four tails that the functions compute at x. */
typedef enum output { PDF, LOG_PDF, LOWER, UPPER, LOG_LOWER, LOG_UPPER } output;

static gkv_status at_x(const gki_flat_parameters *p, const double *x, output which, double *out)
{
    gkv_gk gk;
    if (!out)
        return GKV_OK;
    GKV_TRY(gki_flat_check(p));
    for (size_t i = 0, count; i < p->n; i += count) {
        count = gki_flat_run(p, i, &gk);
        double *to = out + i;
        const gkv_gk_at_x outputs = {.pdf = which == PDF ? to : NULL,
                                     .log_pdf = which == LOG_PDF ? to : NULL,
                                     .cdf = which == LOWER ? to : NULL,
                                     .cdf_upper = which == UPPER ? to : NULL,
                                     .log_cdf = which == LOG_LOWER ? to : NULL,
                                     .log_cdf_upper = which == LOG_UPPER ? to : NULL};
        GKV_TRY(at_element(gkv_gk_batch_x(&gk, count, x + i, &outputs), i));
    }
    return GKV_OK;
}

gkv_status gkv_flat_gk_pdf(size_t n, const double *x, size_t n_a, const double *a, size_t n_b,
                           const double *b, size_t n_g, const double *g, size_t n_k,
                           const double *k, size_t n_c, const double *c, bool log, double *out)
{
    const gki_flat_parameters p = GKV_FLAT_COLLECT;
    if (n > 0)
        GKV_NEED(x);
    return at_x(&p, x, log ? LOG_PDF : PDF, out);
}

gkv_status gkv_flat_gk_cdf(size_t n, const double *x, size_t n_a, const double *a, size_t n_b,
                           const double *b, size_t n_g, const double *g, size_t n_k,
                           const double *k, size_t n_c, const double *c, gkv_gk_tail tail,
                           double *out)
{
    static const output of_tail[] = {[GKV_GK_LOWER] = LOWER,
                                     [GKV_GK_UPPER] = UPPER,
                                     [GKV_GK_LOG_LOWER] = LOG_LOWER,
                                     [GKV_GK_LOG_UPPER] = LOG_UPPER};
    const gki_flat_parameters p = GKV_FLAT_COLLECT;
    if (n > 0)
        GKV_NEED(x);
    if ((unsigned)tail > GKV_GK_LOG_UPPER)
        return gki_fail(GKV_ERR_ARGUMENT, "there is no tail number %d", (int)tail);
    return at_x(&p, x, of_tail[tail], out);
}

gkv_status gkv_flat_gk_quantile(size_t n, const double *p, size_t n_a, const double *a, size_t n_b,
                                const double *b, size_t n_g, const double *g, size_t n_k,
                                const double *k, size_t n_c, const double *c, gkv_gk_tail tail,
                                double *out)
{
    const gki_flat_parameters all = GKV_FLAT_COLLECT;
    gkv_gk gk;
    if (n > 0)
        GKV_NEED(p);
    GKV_TRY(gki_flat_check(&all));
    for (size_t i = 0, count; out && i < n; i += count) {
        count = gki_flat_run(&all, i, &gk);
        GKV_TRY(at_element(gkv_gk_batch_quantile(&gk, count, tail, p + i, out + i), i));
    }
    return GKV_OK;
}

gkv_status gkv_flat_gk_random(size_t n, size_t n_a, const double *a, size_t n_b, const double *b,
                              size_t n_g, const double *g, size_t n_k, const double *k, size_t n_c,
                              const double *c, uint64_t seed, uint64_t first, double *out)
{
    const gki_flat_parameters p = GKV_FLAT_COLLECT;
    gkv_gk gk;
    GKV_TRY(gki_flat_check(&p));
    if (!out)
        return GKV_OK;
    gki_gk_random_normals(n, seed, first, out);
    for (size_t i = 0, count; i < n; i += count) {
        count = gki_flat_run(&p, i, &gk);
        GKV_TRY(at_element(gkv_gk_check(&gk), i));
        gki_gk_random_transform(&gk, count, out + i);
    }
    return GKV_OK;
}
