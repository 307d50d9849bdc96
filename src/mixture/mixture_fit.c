/* The fit of a mixture: checks, the EM iterations, and the result. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/call.h"
#include "core/memory.h"
#include "gkfit/fit.h"
#include "mixture/em.h"
#include "mixture/mixture.h"
#include "mixture/scores.h"

#include "gkvae/mgk_fit.h"

/* The first FULL_FIRST E-steps, and then every FULL_EVERY-th, are full: they evaluate all
 * components at all rows. */
enum { FULL_EVERY = 6, FULL_FIRST = 2 };

/* The greatest accepted decrease of the mean log-likelihood, absolute in nats and relative. It
 * allows for responsibilities that are left out, and for rounding. */
static const double slack = 1e-5, relative_slack = 1e-10;

void gkv_mgk_mixture_defaults(gkv_mgk_mixture_settings *settings)
{
    if (!settings)
        return;
    *settings = (gkv_mgk_mixture_settings){.components = 8,
                                           .seed = 1,
                                           .shrink = GKV_MGK_SHRINK_AUTO,
                                           .max_iterations = 200,
                                           .tolerance = GKV_MGK_TOLERANCE_AUTO,
                                           .patience = 10,
                                           .advanced = {.step = 1.0,
                                                        .shrink_shapes = true,
                                                        .log_noise = -300.0,
                                                        .least_scale = 1e-3,
                                                        .least_rows = 20.0}};
    gkv_gk_fit_defaults(&settings->advanced.margins);
    settings->advanced.margins.advanced.max_reweightings = 4;
    settings->advanced.margins.likelihood = false;
}

const char *gkv_mgk_mixture_stop_name(gkv_mgk_mixture_stop stop)
{
    switch (stop) {
    case GKV_MIXTURE_CONVERGED: return "the log-likelihood increases by less than the tolerance";
    case GKV_MIXTURE_LIMIT: return "the limit of iterations was reached";
    case GKV_MIXTURE_HELD_OUT: return "the held-out rows no longer improve";
    case GKV_MIXTURE_STALLED: return "a step that decreased the log-likelihood was undone";
    case GKV_MIXTURE_INTERRUPTED: return "the caller asked for the end";
    }
    return "unknown reason";
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static gkv_status check_settings(size_t n, size_t d, const gkv_mgk_mixture_settings *s)
{
    if (d < 1 || n > UINT32_MAX || s->components < 1 || s->components > n)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a mixture of %zu components cannot be fitted to %zu × %zu numbers; the "
                        "number of rows must be between the number of components and %zu",
                        s->components, n, d, (size_t)UINT32_MAX);
    if (!((s->shrink >= 0 && s->shrink <= 1) || s->shrink == GKV_MGK_SHRINK_AUTO))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the shrinkage must be in [0, 1] or GKV_MGK_SHRINK_AUTO, not %g",
                        s->shrink);
    if (!(s->tolerance >= 0 || s->tolerance == GKV_MGK_TOLERANCE_AUTO) ||
        !(s->advanced.least_scale > 0) || !(s->advanced.least_rows >= 8) ||
        !(s->advanced.log_noise <= 0) || s->patience < 1 ||
        !(s->advanced.step > 0 && s->advanced.step <= 1))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a mixture's fit needs tolerance ≥ 0 or "
                        "GKV_MGK_TOLERANCE_AUTO, least_scale > 0, least_rows ≥ 8, log_noise ≤ 0, "
                        "patience ≥ 1 and a step in (0, 1]");
    if (s->start && (s->start->count != s->components || s->start->d != d))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a fit of %zu components in %zu dimensions cannot start from a mixture of "
                        "%zu components in %zu dimensions",
                        s->components, d, s->start->count, s->start->d);
    for (size_t i = 0; s->advanced.single_precision && s->start && i < s->start->count * d; i++) {
        const gkv_mgk *part = s->start->components[i / d];
        if (part->margins[i % d].c != s->advanced.margins.c || part->mean[i % d] != 0)
            return gki_fail(
                GKV_ERR_ARGUMENT,
                "a fit with `single_precision` needs a start whose components all have c = %g and "
                "scores of mean 0; component %zu does not",
                s->advanced.margins.c, i / d);
    }
    if (s->advanced.groups > 0 && (s->components % s->advanced.groups != 0 || !s->advanced.group ||
                                   (s->held_out_rows > 0 && !s->advanced.held_out_group)))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "%zu groups need a multiple of that number of components, not %zu, and the "
                        "group of every row",
                        s->advanced.groups, s->components);
    return gki_gk_fit_check_settings(&s->advanced.margins);
}

static gkv_status check_groups(const char *what, size_t n, const uint32_t *group, size_t groups)
{
    for (size_t i = 0; groups > 0 && i < n; i++)
        if (group[i] >= groups)
            return gki_fail(GKV_ERR_DATA, "%s %zu is of group %u; groups are 0 to %zu", what, i + 1,
                            (unsigned)group[i], groups - 1);
    return GKV_OK;
}

static gkv_status check_data(const char *what, size_t n, size_t d, const double *x,
                             const double *weights, const char *const *names)
{
    char text[GKV_MGK_COLUMN_TEXT];
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (weights && !(weights[i] >= 0 && isfinite(weights[i])))
            return gki_fail(GKV_ERR_DATA, "%s %zu of %zu has weight %g", what, i + 1, n,
                            weights[i]);
        total += weights ? weights[i] : 1.0;
        for (size_t j = 0; j < d; j++)
            if (!isfinite(x[i * d + j]))
                return gki_fail(GKV_ERR_DATA, "a fit needs finite values: %s %zu, %s is %g", what,
                                i + 1, gki_mgk_column_text(text, names, j), x[i * d + j]);
    }
    if (n > 0 && !(total > 0))
        return gki_fail(GKV_ERR_DATA, "all rows have weight 0");
    return GKV_OK;
}

/* The state of a fit. */
typedef struct fit_state {
    gki_em em;
    gki_call call;
    gkv_mgk_mixture_result result;
    gkv_mgk_mixture *best; /* the best mixture so far, or NULL */
    double began;          /* the time of the begin, in seconds */
    double mean;           /* the mean log-likelihood of the last E-step */
    double best_held_out;  /* the mean log-likelihood of the held-out rows at `best` */
    double best_mean;      /* `mean` at `best` */
    int idle;              /* consecutive iterations whose gain is below the tolerance */
} fit_state;

/* Makes the current mixture the best one. */
static gkv_status snapshot(fit_state *r)
{
    const gkv_mgk_mixture *now = r->em.now;
    gkv_mgk_mixture *fresh = NULL;
    GKV_TRY(gki_mgk_mixture_gather(now->count, now->weights, now->components, &fresh));
    gkv_mgk_mixture_free(r->best);
    r->best = fresh;
    r->best_mean = r->mean;
    r->result.best_iteration = r->result.iterations;
    return GKV_OK;
}

/* Reports the progress. Returns whether the fit must stop. */
static bool report(fit_state *r, double held_out)
{
    gkv_mgk_mixture_progress progress = {.iteration = r->result.iterations,
                                         .log_likelihood = r->mean,
                                         .held_out = held_out,
                                         .seconds = now() - r->began,
                                         .damped = r->em.damped,
                                         .refused = r->em.refused};
    for (size_t k = 0; k < r->em.count; k++)
        progress.components += r->em.now->weights[k] > 0;
    r->call.details = &progress;
    return gki_call_advance(&r->call, r->result.iterations - r->call.done);
}

/* The tolerance, in nats of the whole sample. */
static double tolerance_for(const gkv_mgk_mixture_settings *set, double total)
{
    const double least = 0.01, small = 2000.0, most_each = 2e-4;
    if (set->tolerance >= 0)
        return set->tolerance;
    const double times = fmax(1.0, total / small);
    return fmin(least * times * times, fmax(least, most_each * total));
}

/* The E-step after an M-step. If the log-likelihood decreases by more than the accepted amount, the
 * M-step is undone. */
static gkv_status expect(fit_state *r, int full)
{
    gki_em *em = &r->em;
    const double before = r->mean, allowed = slack + relative_slack * fabs(before);
    double mean = NAN;
    GKV_TRY(gki_em_expect(em, &em->fit, full, &mean));
    if (mean < before - allowed && !full) /* a component that was skipped may now be important */
        GKV_TRY(gki_em_expect(em, &em->fit, 1, &mean));
    if (mean < before)
        r->result.largest_decrease = fmax(r->result.largest_decrease, fmin(before - mean, allowed));
    if (mean < before - allowed) {
        gki_em_take_back(em);
        r->result.stop = GKV_MIXTURE_STALLED;
        return GKV_OK;
    }
    gki_em_forget(em);
    r->idle = (mean - before) * em->fit.total < r->result.tolerance ? r->idle + 1 : 0;
    if (r->idle >= 2)
        r->result.stop = GKV_MIXTURE_CONVERGED;
    r->mean = mean;
    return GKV_OK;
}

/* Reinitialises components of the start that have hardly any rows. The E-step that follows defines
 * the log-likelihood anew, so that its decrease is not attributed to an M-step. */
static gkv_status reinitialise(fit_state *r)
{
    gki_em *em = &r->em;
    GKV_TRY(gki_em_reinitialise(em, &r->result.reinitialised));
    return r->result.reinitialised > 0 ? gki_em_expect(em, &em->fit, 1, &r->mean) : GKV_OK;
}

/* Evaluates the held-out rows, and decides about the best mixture and early stopping. */
static gkv_status watch(fit_state *r, int full, double *held_out)
{
    gki_em *em = &r->em;
    *held_out = NAN;
    if (em->held_out.n == 0)
        return GKV_OK;
    GKV_TRY(gki_em_expect(em, &em->held_out, full, held_out));
    if (!r->best || *held_out > r->best_held_out) {
        r->best_held_out = *held_out;
        return snapshot(r);
    }
    if (!r->result.stop && r->result.iterations - r->result.best_iteration >= em->set->patience)
        r->result.stop = GKV_MIXTURE_HELD_OUT;
    return GKV_OK;
}

/* The EM iterations. */
static gkv_status iterate(fit_state *r)
{
    gki_em *em = &r->em;
    gkv_mgk_mixture_result *result = &r->result;
    for (;; result->iterations++) {
        const int full = result->iterations < FULL_FIRST || result->iterations % FULL_EVERY == 0;
        double held_out = NAN;
        GKV_TRY(expect(r, full));
        if (result->stop == GKV_MIXTURE_STALLED)
            return GKV_OK;
        GKV_TRY(watch(r, full, &held_out));
        result->damped += em->damped;
        result->refused += em->refused;
        if (report(r, held_out) && !result->stop)
            result->stop = GKV_MIXTURE_INTERRUPTED;
        if (!result->stop && result->iterations >= em->set->max_iterations)
            result->stop = GKV_MIXTURE_LIMIT;
        if (result->stop)
            return GKV_OK;
        if (result->iterations == 0 && em->set->start && em->set->advanced.keep)
            GKV_TRY(reinitialise(r));
        GKV_TRY(gki_em_maximize(em));
        if (em->set->advanced.single_precision && em->held_out.n == 0 &&
            result->iterations + 1 >= em->set->max_iterations) {
            /* The E-step after the last M-step is skipped, because its result is not needed. */
            gki_em_forget(em);
            result->iterations++;
            result->damped += em->damped;
            result->refused += em->refused;
            result->stop = GKV_MIXTURE_LIMIT;
            return GKV_OK;
        }
    }
}

/* The number of fitted parameters. g or k of exactly 0, and R = I, are not fitted. */
static size_t count_parameters(const gkv_mgk_mixture *mixture, const gkv_mgk_mixture_settings *set)
{
    const size_t d = mixture->d;
    const bool *fixed = set->advanced.margins.fixed;
    size_t count = mixture->count - 1;
    for (size_t k = 0; k < mixture->count; k++) {
        const gkv_mgk *part = mixture->components[k];
        for (size_t j = 0; j < d; j++)
            count += (size_t)(!fixed[GKV_GK_A] + !fixed[GKV_GK_B] + (part->margins[j].g != 0) +
                              (part->margins[j].k != 0));
        count += part->identity ? 0 : d * (d - 1) / 2;
    }
    return count;
}

/* Computes the result for the mixture that is returned, without the noise. */
static gkv_status conclude(fit_state *r)
{
    gki_em *em = &r->em;
    gkv_mgk_mixture_result *result = &r->result;
    if (!r->best)
        GKV_TRY(snapshot(r));
    const gkv_run_options threads = {.threads = em->threads};
    const size_t most = em->fit.n > em->held_out.n ? em->fit.n : em->held_out.n;
    double *log_pdf = NULL, held_out = 0.0;
    gkv_status status = GKV_OK;
    if (em->set->advanced.single_precision || em->set->advanced.groups > 0) {
        result->log_likelihood = r->best_mean * em->fit.total;
        result->held_out = em->held_out.n > 0 ? r->best_held_out : NAN;
        goto figures;
    }
    GKV_TRY_GOTO(gki_alloc(most, sizeof *log_pdf, &log_pdf));
    GKV_TRY_GOTO(gkv_mgk_mixture_log_pdf(r->best, em->fit.n, em->fit.x, &threads, log_pdf));
    for (size_t i = 0; i < em->fit.n; i++)
        if (!em->fit.weights || em->fit.weights[i] > 0)
            result->log_likelihood += (em->fit.weights ? em->fit.weights[i] : 1.0) * log_pdf[i];
    GKV_TRY_GOTO(
        gkv_mgk_mixture_log_pdf(r->best, em->held_out.n, em->held_out.x, &threads, log_pdf));
    for (size_t i = 0; i < em->held_out.n; i++)
        held_out += log_pdf[i] / (double)em->held_out.n;
    result->held_out = em->held_out.n > 0 ? held_out : NAN;
figures:
    result->components = r->best->count;
    result->dropped = em->count - r->best->count;
    result->parameters = count_parameters(r->best, em->set);
    result->aic = 2.0 * (double)result->parameters - 2.0 * result->log_likelihood;
    result->bic = log(em->fit.total) * (double)result->parameters - 2.0 * result->log_likelihood;
    result->seconds = now() - r->began;
done:
    free(log_pdf);
    return status;
}

gkv_status gkv_mgk_mixture_fit(size_t n, size_t d, const double *x,
                               const gkv_mgk_mixture_settings *settings,
                               const gkv_run_options *options, gkv_mgk_mixture **out,
                               gkv_mgk_mixture_result *result)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(x);
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    if (settings)
        set = *settings;
    if (!set.held_out)
        set.held_out_rows = 0;
    fit_state r = {.began = now(), .mean = -INFINITY};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(check_settings(n, d, &set));
    GKV_TRY_GOTO(gki_call_begin(&r.call, options, set.max_iterations));
    GKV_TRY_GOTO(check_data("row", n, d, x, set.weights, set.names));
    GKV_TRY_GOTO(check_data("held-out row", set.held_out_rows, d, set.held_out, NULL, set.names));
    GKV_TRY_GOTO(check_groups("row", n, set.advanced.group, set.advanced.groups));
    GKV_TRY_GOTO(check_groups("held-out row", set.held_out_rows, set.advanced.held_out_group,
                              set.advanced.groups));
    GKV_TRY_GOTO(gki_em_create(n, d, x, &set, gki_call_threads(&r.call, 0), &r.em));
    r.result.tolerance = tolerance_for(&set, r.em.fit.total);
    GKV_TRY_GOTO(set.start ? gki_em_resume(&r.em, set.start) : gki_em_start(&r.em));
    GKV_TRY_GOTO(iterate(&r));
    GKV_TRY_GOTO(conclude(&r));
    *out = r.best;
    r.best = NULL;
    if (r.result.stop == GKV_MIXTURE_INTERRUPTED)
        status = gki_call_end(&r.call, "a mixture's fit", "iterations");
done:
    gki_em_free(&r.em);
    gkv_mgk_mixture_free(r.best);
    if (result)
        *result = *out ? r.result : (gkv_mgk_mixture_result){0}; /* also after an interruption */
    return status;
}
