/* The flat functions of gkvae/flat.h for the distribution at many points. */
#include "core/error.h"
#include "gk/gk_random.h"
#include "gkvae/flat.h"

enum { PARAMETERS = 5 };

/* The parameters of n elements. The array of a parameter has one element or n. */
typedef struct parameters {
    size_t n;
    size_t length[PARAMETERS];
    const double *value[PARAMETERS];
} parameters;

static gkv_status check(const parameters *p)
{
    static const char names[PARAMETERS] = {'a', 'b', 'g', 'k', 'c'};
    for (int j = 0; j < PARAMETERS; j++) {
        if (!p->value[j])
            return gki_fail(GKV_ERR_ARGUMENT, "the array of parameters %c is NULL", names[j]);
        if (p->length[j] != 1 && p->length[j] != p->n)
            return gki_fail(GKV_ERR_ARGUMENT,
                            "there are %zu parameters %c for %zu elements; give 1 or %zu",
                            p->length[j], names[j], p->n, p->n);
    }
    return GKV_OK;
}

static double value_at(const parameters *p, int j, size_t i)
{
    return p->value[j][p->length[j] == 1 ? 0 : i];
}

/* The number of elements from `first` on that have the same parameters, which become *gk. */
static size_t run_at(const parameters *p, size_t first, gkv_gk *gk)
{
    *gk = (gkv_gk){.a = value_at(p, 0, first),
                   .b = value_at(p, 1, first),
                   .g = value_at(p, 2, first),
                   .k = value_at(p, 3, first),
                   .c = value_at(p, 4, first)};
    for (size_t i = first + 1; i < p->n; i++)
        for (int j = 0; j < PARAMETERS; j++)
            if (value_at(p, j, i) != value_at(p, j, first))
                return i - first;
    return p->n - first;
}

/* Names the element in the message of a status that is not GKV_OK. */
static gkv_status at_element(gkv_status status, size_t i)
{
    return status == GKV_OK ? GKV_OK : gki_fail_context(status, "element %zu", i);
}

/* The two outputs and four tails that the functions compute at x. */
typedef enum output { PDF, LOG_PDF, LOWER, UPPER, LOG_LOWER, LOG_UPPER } output;

static gkv_status at_x(const parameters *p, const double *x, output which, double *out)
{
    gkv_gk gk;
    if (!out)
        return GKV_OK;
    GKV_TRY(check(p));
    for (size_t i = 0, count; i < p->n; i += count) {
        count = run_at(p, i, &gk);
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

#define COLLECT                       \
    {                                 \
        n, {n_a, n_b, n_g, n_k, n_c}, \
        {                             \
            a, b, g, k, c             \
        }                             \
    }

gkv_status gkv_flat_gk_pdf(size_t n, const double *x, size_t n_a, const double *a, size_t n_b,
                           const double *b, size_t n_g, const double *g, size_t n_k,
                           const double *k, size_t n_c, const double *c, bool log, double *out)
{
    const parameters p = COLLECT;
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
    const parameters p = COLLECT;
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
    const parameters all = COLLECT;
    gkv_gk gk;
    if (n > 0)
        GKV_NEED(p);
    GKV_TRY(check(&all));
    for (size_t i = 0, count; out && i < n; i += count) {
        count = run_at(&all, i, &gk);
        GKV_TRY(at_element(gkv_gk_batch_quantile(&gk, count, tail, p + i, out + i), i));
    }
    return GKV_OK;
}

gkv_status gkv_flat_gk_random(size_t n, size_t n_a, const double *a, size_t n_b, const double *b,
                              size_t n_g, const double *g, size_t n_k, const double *k, size_t n_c,
                              const double *c, uint64_t seed, uint64_t first, double *out)
{
    const parameters p = COLLECT;
    gkv_gk gk;
    GKV_TRY(check(&p));
    if (!out)
        return GKV_OK;
    gki_gk_random_normals(n, seed, first, out);
    for (size_t i = 0, count; i < n; i += count) {
        count = run_at(&p, i, &gk);
        GKV_TRY(at_element(gkv_gk_check(&gk), i));
        gki_gk_random_transform(&gk, count, out + i);
    }
    return GKV_OK;
}
