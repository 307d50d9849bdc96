/* The fit of a mixture: the EM iterations of one fit, and its result. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "mixture/mixture_fit.h"

/* The first FULL_FIRST E-steps, and then every FULL_EVERY-th, are full: they evaluate all
 * components at all rows. */
enum { FULL_EVERY = 6, FULL_FIRST = 2 };

/* The state of a fit. */
typedef struct fit_state {
    gki_em *em;
    gki_call *call;
    gkv_mgk_mixture_result result;
    gkv_mgk_mixture *best; /* the best mixture so far, or NULL */
    double began;          /* the time when the call began, in seconds */
    double mean;           /* the mean log-likelihood of the last E-step */
    double best_held_out;  /* the mean log-likelihood of the held-out rows at `best` */
    double best_mean;      /* `mean` at `best` */
    int idle;              /* consecutive iterations whose gain is below the tolerance */
} fit_state;

/* Makes the current mixture the best one. */
static gkv_status snapshot(fit_state *r)
{
    const gkv_mgk_mixture *now = r->em->mixture;
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
                                         .log_likelihood = r->mean - r->em->log_unit,
                                         .held_out = held_out - r->em->log_unit,
                                         .seconds = gki_seconds() - r->began,
                                         .damped = r->em->damped,
                                         .refused = r->em->refused};
    for (size_t k = 0; k < r->em->count; k++)
        progress.components += r->em->mixture->weights[k] > 0;
    r->call->details = &progress;
    return gki_call_advance(r->call, r->result.iterations - r->call->done);
}

/* The E-step after an M-step. If the log-likelihood decreases by more than the accepted amount, the
 * M-step is undone. */
static gkv_status expect(fit_state *r, int full)
{
    gki_em *em = r->em;
    const double before = r->mean, allowed = gki_mixture_slack(before);
    double mean = NAN;
    GKV_TRY(gki_em_expect(em, &em->fit, full, &mean));
    if (mean < before - allowed && !full) /* a component that was skipped may now be important */
        GKV_TRY(gki_em_expect(em, &em->fit, 1, &mean));
    if (mean < before)
        r->result.largest_decrease = fmax(r->result.largest_decrease, fmin(before - mean, allowed));
    if (mean < before - allowed) {
        gki_em_undo(em);
        r->result.stop = GKV_MIXTURE_STALLED;
        return GKV_OK;
    }
    gki_em_drop_previous(em);
    r->idle = (mean - before) * em->fit.total < r->result.tolerance ? r->idle + 1 : 0;
    if (r->idle >= 2 && (em->skipped == 0 || em->set->advanced.single_precision))
        r->result.stop = GKV_MIXTURE_CONVERGED;
    else if (r->idle >= 2) /* components that skipped the step may still have a better one */
        gki_em_resume_all(em);
    r->result.last_gain = isfinite(before) ? (mean - before) * em->fit.total : NAN;
    r->mean = mean;
    return GKV_OK;
}

/* Reinitialises components of the start that have hardly any rows. The E-step that follows defines
 * the log-likelihood anew, so that its decrease is not attributed to an M-step. */
static gkv_status reinitialise(fit_state *r)
{
    gki_em *em = r->em;
    GKV_TRY(gki_em_reinitialise(em, &r->result.reinitialised));
    return r->result.reinitialised > 0 ? gki_em_expect(em, &em->fit, 1, &r->mean) : GKV_OK;
}

/* Evaluates the held-out rows, and decides about the best mixture and early stopping. */
static gkv_status watch(fit_state *r, int full, double *held_out)
{
    gki_em *em = r->em;
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
    gki_em *em = r->em;
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
            gki_em_drop_previous(em);
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

/* Adds log f of a row, including the noise, which changes it only if no component explains the
 * row. */
static void add_row(const gki_em *em, size_t i, double log_pdf, gkv_mgk_mixture_result *result)
{
    const double w = em->fit.weights ? em->fit.weights[i] : 1.0, noise = em->fit.log_noise[i];
    const double most = fmax(log_pdf, noise), least = fmin(log_pdf, noise);
    if (!(w > 0))
        return;
    result->log_likelihood += w * (most > -INFINITY ? most + log1p(exp(least - most)) : log_pdf);
    result->unexplained += noise > log_pdf ? w : 0.0;
}

/* Computes the result for the mixture that is returned. */
static gkv_status conclude(fit_state *r)
{
    gki_em *em = r->em;
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
        add_row(em, i, log_pdf[i], result);
    GKV_TRY_GOTO(
        gkv_mgk_mixture_log_pdf(r->best, em->held_out.n, em->held_out.x, &threads, log_pdf));
    for (size_t i = 0; i < em->held_out.n; i++)
        held_out += log_pdf[i] / (double)em->held_out.n;
    result->held_out = em->held_out.n > 0 ? held_out : NAN;
figures:
    result->log_likelihood -= em->log_unit * em->fit.total;
    result->held_out -= em->log_unit;
    result->components = r->best->count;
    result->dropped = em->count - r->best->count;
    result->parameters = count_parameters(r->best, em->set);
    result->aic = 2.0 * (double)result->parameters - 2.0 * result->log_likelihood;
    result->bic = log(em->fit.total) * (double)result->parameters - 2.0 * result->log_likelihood;
    result->seconds = gki_seconds() - r->began;
done:
    free(log_pdf);
    return status;
}

double gki_mixture_slack(double mean)
{
    const double absolute = 1e-5, relative = 1e-10;
    return absolute + relative * fabs(mean);
}

double gki_mixture_tolerance(const gki_em *em)
{
    const double least = 0.01, small = 2000.0, most_each = 2e-4, total = em->fit.total;
    if (em->set->tolerance >= 0)
        return em->set->tolerance;
    const double times = fmax(1.0, total / small);
    return fmin(least * times * times, fmax(least, most_each * total));
}

gkv_status gki_mixture_run(gki_em *em, gki_call *call, double began, gkv_mgk_mixture **out,
                           gkv_mgk_mixture_result *result)
{
    fit_state r = {
        .em = em, .call = call, .result = {.last_gain = NAN}, .began = began, .mean = -INFINITY};
    gkv_status status = GKV_OK;
    *out = NULL;
    r.result.tolerance = gki_mixture_tolerance(em);
    GKV_TRY_GOTO(iterate(&r));
    GKV_TRY_GOTO(conclude(&r));
    *out = r.best;
    r.best = NULL;
    *result = r.result;
done:
    gkv_mgk_mixture_free(r.best);
    return status;
}
