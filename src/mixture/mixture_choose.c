/* The public fits of mixtures: with a number of components, and with several numbers, of which
 * Schwarz's criterion chooses one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "mixture/mixture_fit.h"
#include "mixture/mixture_units.h"

/* The most components that one start adds one by one. */
static const size_t longest_chain = 16;

/* A fit with fewer components, for the start of the next one, and as its least log-likelihood. */
typedef struct smaller_fit {
    gkv_mgk_mixture *mixture;
    gkv_mgk_mixture_result result;
} smaller_fit;

/* The data and settings of a fit, in the units of the columns. */
typedef struct fit_input {
    size_t n, d;
    const double *x;
    gkv_mgk_mixture_settings set;
    gki_mixture_units units;
    gki_call *call; /* shared with the sample of the rows, which can be stopped too */
    double began;
} fit_input;

static gkv_status begin(fit_input *in, const gkv_run_options *options)
{
    in->began = gki_seconds();
    return gki_call_begin(in->call, options, in->set.max_iterations);
}

/* The caller frees the units, also after an error. */
static gkv_status input_of(size_t n, size_t d, const double *x,
                           const gkv_mgk_mixture_settings *settings, const gkv_run_options *options,
                           gki_call *call, fit_input *in)
{
    *in = (fit_input){.n = n, .d = d, .x = x, .call = call};
    gkv_mgk_mixture_defaults(&in->set);
    if (settings)
        in->set = *settings;
    if (!in->set.held_out)
        in->set.held_out_rows = 0;
    /* EM goes from its own margins to better ones; the starts of the mixture look elsewhere */
    in->set.advanced.margins.advanced.one_start = true;
    GKV_TRY(gki_mixture_check(n, d, x, &in->set));
    GKV_TRY(begin(in, options));
    return gki_mixture_units_create(n, d, &in->x, &in->set, &in->units);
}

/* Whether the fit looks for its own start. */
static bool has_own_start(const gkv_mgk_mixture_settings *set)
{
    return !set->start && !set->advanced.keep && !set->advanced.single_precision &&
           set->advanced.groups == 0;
}

/* Threads take longer to meet than small fits take. */
static gkv_status create(fit_input *in, const gkv_mgk_mixture_settings *set, gki_em *em)
{
    const size_t least_work = 20000;
    const bool is_small = has_own_start(set) && in->n * in->d * set->components < least_work;
    GKV_TRY(
        gki_em_create(in->n, in->d, in->x, set, is_small ? 1 : gki_call_threads(in->call, 0), em));
    em->log_unit = in->units.log_unit;
    return GKV_OK;
}

/* Fits one component, without reports. */
static gkv_status fit_one(fit_input *in, smaller_fit *out)
{
    gki_em em = {0};
    gki_call call;
    const gkv_run_options options = gki_call_inner(in->call);
    gkv_mgk_mixture_settings one = in->set;
    gkv_status status = GKV_OK;
    one.components = 1;
    GKV_TRY_GOTO(gki_call_begin(&call, &options, one.max_iterations));
    GKV_TRY_GOTO(create(in, &one, &em));
    GKV_TRY_GOTO(gki_em_start_view(&em, GKV_EM_CLAMPED, false, one.seed));
    GKV_TRY_GOTO(gki_mixture_run(&em, &call, in->began, &out->mixture, &out->result));
done:
    gki_em_free(&em);
    return status;
}

/* Makes a mixture with one component less in a few iterations. */
static gkv_status fit_quickly(fit_input *in, gkv_mgk_mixture **out)
{
    gki_em em = {0};
    gkv_mgk_mixture_settings fewer = in->set;
    gkv_status status = GKV_OK;
    fewer.components--;
    GKV_TRY_GOTO(create(in, &fewer, &em));
    GKV_TRY_GOTO(gki_mixture_quick(&em, in->call, out));
done:
    gki_em_free(&em);
    return status;
}

/* Takes `kept` rows, spread evenly over all, and their weights. */
static gkv_status take_sample(const fit_input *in, size_t kept, fit_input *out, double **memory)
{
    *out = *in;
    out->n = kept;
    out->set.held_out_rows = 0;
    GKV_TRY(gki_alloc(kept, (in->d + 1) * sizeof **memory, memory));
    double *x = *memory, *weights = x + kept * in->d;
    for (size_t i = 0; i < kept; i++) {
        const size_t row = (size_t)((double)i / (double)kept * (double)in->n);
        memcpy(x + i * in->d, in->x + row * in->d, in->d * sizeof *x);
        weights[i] = in->set.weights ? in->set.weights[row] : 1.0;
    }
    out->x = x;
    out->set.weights = in->set.weights ? weights : NULL;
    return GKV_OK;
}

/* Makes the components of *em from several starts on these rows. `smaller` is the fit with one
 * component less if `is_next`, else that of one component. */
static gkv_status search(fit_input *in, gki_em *em, const gkv_mgk_mixture *smaller, bool is_next)
{
    gkv_mgk_mixture *made = NULL;
    gkv_status status = GKV_OK;
    if (!is_next)
        GKV_TRY_GOTO(fit_quickly(in, &made));
    GKV_TRY_GOTO(gki_mixture_search(em, in->call, in->began, made ? made : smaller,
                                    made && in->set.components <= longest_chain ? smaller : NULL));
done:
    gkv_mgk_mixture_free(made);
    return status;
}

/* The same on a sample of the rows, for large fits. */
static gkv_status search_sample(fit_input *in, size_t kept, gki_em *em,
                                const gkv_mgk_mixture *smaller, bool is_next)
{
    fit_input sample;
    gki_em part = {0};
    double *memory = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(take_sample(in, kept, &sample, &memory));
    GKV_TRY_GOTO(create(&sample, &sample.set, &part));
    GKV_TRY_GOTO(search(&sample, &part, smaller, is_next));
    GKV_TRY_GOTO(gki_em_resume(em, part.mixture));
done:
    gki_em_free(&part);
    free(memory);
    return status;
}

/* Makes the components of *em. */
static gkv_status find_start(fit_input *in, gki_em *em, const gkv_mgk_mixture *smaller,
                             bool is_next)
{
    const size_t most_work = 200000, work_each = in->d * in->set.components,
                 kept = most_work / work_each > 50 * in->set.components ? most_work / work_each
                                                                        : 50 * in->set.components;
    if (in->set.components == 1 || in->set.restarts == 1)
        return gki_em_start_view(em, GKV_EM_CLAMPED, false, in->set.seed);
    return kept < in->n ? search_sample(in, kept, em, smaller, is_next)
                        : search(in, em, smaller, is_next);
}

/* Replaces a fit that is less likely than the smaller one: by a fit that starts from that one,
 * whose heaviest component is split, or, if this does not help, by the smaller one itself. */
static gkv_status mend(fit_input *in, gki_em *em, const smaller_fit *smaller,
                       gkv_mgk_mixture **mixture, gkv_mgk_mixture_result *result)
{
    gkv_mgk_mixture *start = NULL, *again = NULL;
    gkv_mgk_mixture_result other;
    gkv_status status = GKV_OK;
    gki_call call;
    const gkv_run_options options = gki_call_inner(in->call);
    GKV_TRY_GOTO(gki_call_begin(&call, &options, in->set.max_iterations));
    GKV_TRY_GOTO(gki_mgk_mixture_expand(smaller->mixture, em->count, 0, GKV_SPLIT_APART, &start));
    gki_em_clear(em);
    GKV_TRY_GOTO(gki_em_resume(em, start));
    GKV_TRY_GOTO(gki_mixture_run(em, &call, in->began, &again, &other));
    if (other.log_likelihood < smaller->result.log_likelihood) {
        gkv_mgk_mixture_free(again);
        again = NULL;
        GKV_TRY_GOTO(gki_mgk_mixture_gather(smaller->mixture->count, smaller->mixture->weights,
                                            smaller->mixture->components, &again));
        other = smaller->result;
        other.dropped += em->count - smaller->result.components - smaller->result.dropped;
    }
    gkv_mgk_mixture_free(*mixture);
    *mixture = again;
    again = NULL;
    *result = other;
done:
    gkv_mgk_mixture_free(start);
    gkv_mgk_mixture_free(again);
    return status;
}

/* Puts the components in the order of decreasing weight. Equal weights keep their order. */
static void sort_components(gkv_mgk_mixture *mixture)
{
    for (size_t k = 1; k < mixture->count; k++)
        for (size_t i = k; i > 0 && mixture->weights[i] > mixture->weights[i - 1]; i--) {
            const double weight = mixture->weights[i], log_weight = mixture->log_weights[i];
            gkv_mgk *const component = mixture->components[i];
            mixture->weights[i] = mixture->weights[i - 1];
            mixture->log_weights[i] = mixture->log_weights[i - 1];
            mixture->components[i] = mixture->components[i - 1];
            mixture->weights[i - 1] = weight;
            mixture->log_weights[i - 1] = log_weight;
            mixture->components[i - 1] = component;
        }
}

/* Fits a mixture of in->set.components components. `smaller` is NULL, or the fit with one component
 * less. */
static gkv_status fit(fit_input *in, const smaller_fit *smaller, gkv_mgk_mixture **out,
                      gkv_mgk_mixture_result *result)
{
    gki_em em = {0};
    smaller_fit one = {0};
    const bool own = has_own_start(&in->set), is_next = smaller != NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(create(in, &in->set, &em));
    if (own && !smaller && in->set.components > 1) {
        GKV_TRY_GOTO(fit_one(in, &one));
        smaller = &one;
    }
    GKV_TRY_GOTO(own             ? find_start(in, &em, smaller ? smaller->mixture : NULL,
                                              is_next || in->set.components == 2)
                 : in->set.start ? gki_em_resume(&em, in->set.start)
                                 : gki_em_start(&em));
    GKV_TRY_GOTO(gki_mixture_run(&em, in->call, in->began, out, result));
    if (smaller && result->log_likelihood < smaller->result.log_likelihood &&
        !gki_call_stopped(in->call))
        GKV_TRY_GOTO(mend(in, &em, smaller, out, result));
    if (own)
        sort_components(*out);
done:
    gki_em_free(&em);
    gkv_mgk_mixture_free(one.mixture);
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
    fit_input in;
    gki_call call;
    gkv_mgk_mixture_result found = {0};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(input_of(n, d, x, settings, options, &call, &in));
    GKV_TRY_GOTO(fit(&in, NULL, out, &found));
    GKV_TRY_GOTO(gki_mixture_units_restore(&in.units, in.set.names, *out));
    if (found.stop == GKV_MIXTURE_INTERRUPTED)
        status = gki_call_end(in.call, "a mixture's fit", "iterations");
done:
    gki_mixture_units_free(&in.units);
    if (status != GKV_OK && status != GKV_ERR_INTERRUPTED) {
        gkv_mgk_mixture_free(*out);
        *out = NULL;
    }
    if (result)
        *result = *out ? found : (gkv_mgk_mixture_result){0}; /* also after an interruption */
    return status;
}

/* Fits mixtures of `least` components and more, each also from the one before. */
static gkv_status fit_each(fit_input *in, const gkv_run_options *options, size_t least,
                           size_t count, gkv_mgk_mixture **mixtures,
                           gkv_mgk_mixture_result *results, size_t *chosen)
{
    for (size_t i = 0; i < count; i++) {
        smaller_fit before = {0};
        in->set.components = least + i;
        GKV_TRY(begin(in, options));
        if (i > 0)
            before = (smaller_fit){mixtures[i - 1], results[i - 1]};
        GKV_TRY(fit(in, i > 0 ? &before : NULL, &mixtures[i], &results[i]));
        *chosen = results[i].bic < results[*chosen].bic ? i : *chosen;
        if (results[i].stop == GKV_MIXTURE_INTERRUPTED)
            return gki_call_end(in->call, "a mixture's fit", "iterations");
    }
    return GKV_OK;
}

/* Replaces the mixtures by those of the data. Frees all of them after an error. */
static gkv_status restore_all(const fit_input *in, size_t count, gkv_mgk_mixture **mixtures)
{
    gkv_status status = GKV_OK;
    for (size_t i = 0; i < count && status == GKV_OK; i++)
        status = gki_mixture_units_restore(&in->units, in->set.names, mixtures[i]);
    for (size_t i = 0; i < count && status != GKV_OK; i++) {
        gkv_mgk_mixture_free(mixtures[i]);
        mixtures[i] = NULL;
    }
    return status;
}

gkv_status gkv_mgk_mixture_fit_range(size_t n, size_t d, const double *x,
                                     const gkv_mgk_mixture_settings *settings, size_t least,
                                     size_t most, const gkv_run_options *options,
                                     gkv_mgk_mixture **mixtures, gkv_mgk_mixture_result *results,
                                     size_t *chosen)
{
    GKV_NEED(x);
    GKV_NEED(mixtures);
    GKV_NEED(results);
    GKV_NEED(chosen);
    *chosen = 0;
    if (least < 1 || most < least)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a range of numbers of components needs 1 ≤ least ≤ most, not %zu and %zu",
                        least, most);
    for (size_t i = 0; i <= most - least; i++) {
        mixtures[i] = NULL;
        results[i] = (gkv_mgk_mixture_result){0};
    }
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    if (settings)
        set = *settings;
    if (!has_own_start(&set))
        return gki_fail(GKV_ERR_ARGUMENT, "a range of numbers of components does not go with "
                                          "`start`, `keep`, `single_precision` and `groups`");
    fit_input in;
    gki_call call;
    gkv_status status = GKV_OK;
    set.components = most; /* the largest fit is refused before the others are made */
    GKV_TRY_GOTO(input_of(n, d, x, &set, options, &call, &in));
    status = fit_each(&in, options, least, most - least + 1, mixtures, results, chosen);
    if (restore_all(&in, most - least + 1, mixtures) != GKV_OK)
        status = GKV_ERR_DATA;
done:
    gki_mixture_units_free(&in.units);
    return status;
}
