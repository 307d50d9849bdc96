/* The start of the fit of a mixture: several starts, of which the best is taken after a few
 * iterations (Biernacki, Celeux and Govaert, Computational Statistics & Data Analysis 41, 2003).
 *
 * The first stage iterates from clusters with normal margins, which is fast. The second stage
 * iterates with the margins of the fit, from the best results of the first stage and from the
 * splits of a fit with fewer components. The best two of the second stage meet again after more
 * iterations. */
#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/memory.h"
#include "mixture/mixture_fit.h"

enum {
    FIRST_ITERATIONS = 30,  /* of each start of the first stage */
    NEXT_ITERATIONS = 5,    /* of each start of the second stage */
    LAST_ITERATIONS = 20,   /* of each start of the third stage */
    QUICK_ITERATIONS = 200, /* the same in a quick fit */
    SECOND = 3,             /* the starts of the first stage that take part in the second */
    THIRD = 2,              /* the starts that take part in the third stage */
    QUICK_THIRD = 6,        /* the same in a quick fit */
    /* a quick fit has normal margins, and at most this number of values for all components
     * together */
    QUICK_NUMBERS = 20000
};

/* Iterations of the first two stages end when one gains less than this share of what all of them
 * gained. */
static const double least_share = 1e-3;

/* Two starts whose mean log-likelihoods differ by less are the same. */
static const double same_mean = 1e-4;

/* A mixture after a few iterations. */
typedef struct candidate {
    gkv_mgk_mixture *mixture;
    double mean;  /* the mean log-likelihood */
    size_t small; /* the number of components with too few rows */
    size_t number;
} candidate;

/* Ranks share the starts of a stage: start i is made by rank i mod N, and all take its result. The
 * starts of a stage do not depend on each other. */
typedef struct search {
    gki_em *em;
    gkv_dist *dist;
    gki_call *call;
    double began;
    candidate *all;
    size_t count;
    gkv_mgk_mixture_progress progress;
} search;

/* Makes a candidate of the components of *em. */
static gkv_status keep(const gki_em *em, double mean, candidate *out)
{
    out->mean = mean;
    for (size_t k = 0; k < em->count; k++)
        out->small += em->mixture->weights[k] * em->fit.total < em->min_rows;
    return gki_mgk_mixture_gather(em->count, em->mixture->weights, em->mixture->components,
                                  &out->mixture);
}

/* Makes a few iterations. They end when one gains less than this share of what all of them gained,
 * or less than the tolerance. */
static gkv_status iterate(gki_em *em, gki_call *call, int most, double share, double *mean)
{
    const double tolerance = gki_mixture_tolerance(em) / em->fit.total;
    GKV_TRY(gki_em_expect(em, &em->fit, 1, mean));
    const double first = *mean;
    for (int i = 0; i < most && !gki_call_stopped(call); i++) {
        const double before = *mean;
        GKV_TRY(gki_em_maximize(em));
        GKV_TRY(gki_em_expect(em, &em->fit, 1, mean));
        if (*mean < before - gki_mixture_slack(before)) {
            gki_em_undo(em);
            *mean = before;
            return GKV_OK;
        }
        gki_em_drop_previous(em);
        if (*mean - before < share * (*mean - first) || *mean - before < tolerance)
            return GKV_OK;
    }
    return GKV_OK;
}

/* Whether another rank makes start i of a stage. */
static bool is_of_other(const search *s, size_t i)
{
    return (int)(i % (size_t)gkv_dist_size(s->dist)) != gkv_dist_rank(s->dist);
}

/* Adds a start that another rank makes to the candidates. */
static void expect(search *s)
{
    s->all[s->count] = (candidate){.number = s->count};
    s->count++;
    s->progress.start++;
}

/* What ranks tell of a candidate besides its mixture. */
typedef struct candidate_summary {
    double mean;
    uint64_t small;
} candidate_summary;

/* Gives the candidates from number `from` on, those of a stage, to all ranks. `status` is that of
 * this rank's; if a rank failed or was stopped, all fail. */
static gkv_status share_stage(search *s, size_t from, gkv_status status)
{
    const size_t ranks = (size_t)gkv_dist_size(s->dist);
    if (ranks == 1)
        return status;
    if (status == GKV_OK && gki_call_stopped(s->call))
        status = gki_call_end(s->call, "a mixture's fit", "iterations");
    GKV_TRY(gkv_dist_agree(s->dist, status));
    for (size_t i = from; i < s->count; i++) {
        candidate *c = &s->all[i];
        const int root = (int)((i - from) % ranks);
        candidate_summary result = {.mean = c->mean, .small = c->small};
        GKV_TRY(gkv_dist_broadcast(s->dist, root, sizeof result, &result));
        c->mean = result.mean;
        c->small = (size_t)result.small;
        GKV_TRY(gki_mgk_mixture_share(s->dist, root, &c->mixture));
    }
    return GKV_OK;
}

/* Makes a few iterations from the components of *em, and adds the result to the candidates. */
static gkv_status try(search *s, int most)
{
    candidate *out = &s->all[s->count];
    double mean = NAN;
    GKV_TRY(iterate(s->em, s->call, most, least_share, &mean));
    *out = (candidate){.number = s->count}; /* keep_best() leaves what it dropped behind */
    GKV_TRY(keep(s->em, mean, out));
    s->count++;
    s->progress.start++;
    s->progress.log_likelihood = mean - s->em->log_unit;
    s->progress.seconds = gki_seconds() - s->began;
    s->call->details = &s->progress;
    gki_call_advance(s->call, 0);
    return GKV_OK;
}

static int by_quality(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->small != y->small)
        return x->small < y->small ? -1 : 1;
    if (x->mean != y->mean)
        return x->mean > y->mean ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* Sorts the candidates, and keeps the best ones that differ. */
static void keep_best(search *s, size_t most)
{
    size_t kept = 0;
    qsort(s->all, s->count, sizeof *s->all, by_quality);
    for (size_t i = 0; i < s->count; i++) {
        const candidate here = s->all[i];
        const bool differs = kept == 0 || here.small != s->all[kept - 1].small ||
                             s->all[kept - 1].mean - here.mean > same_mean;
        if (kept < most && differs)
            s->all[kept++] = here;
        else
            gkv_mgk_mixture_free(here.mixture);
    }
    s->count = kept;
}

/* Makes more iterations from each candidate, or from those of this rank. */
static gkv_status go_on_alone(search *s, int iterations, double share)
{
    for (size_t i = 0; i < s->count && !gki_call_stopped(s->call); i++) {
        candidate *c = &s->all[i], next = {.number = c->number};
        double mean = NAN;
        if (is_of_other(s, i))
            continue;
        gki_em_clear(s->em);
        GKV_TRY(gki_em_resume(s->em, c->mixture));
        GKV_TRY(iterate(s->em, s->call, iterations, share, &mean));
        GKV_TRY(keep(s->em, mean, &next));
        gkv_mgk_mixture_free(c->mixture);
        *c = next;
    }
    return GKV_OK;
}

static gkv_status go_on(search *s, int iterations, double share)
{
    return share_stage(s, 0, go_on_alone(s, iterations, share));
}

/* The component of the mixture with this rank by weight. */
static size_t by_weight(const gkv_mgk_mixture *mixture, size_t rank)
{
    for (size_t k = 0; k < mixture->count; k++) {
        size_t before = 0;
        for (size_t other = 0; other < mixture->count; other++)
            before += mixture->weights[other] > mixture->weights[k] ||
                      (mixture->weights[other] == mixture->weights[k] && other < k);
        if (before == rank)
            return k;
    }
    return 0;
}

/* Continues from a mixture, and adds the result to the candidates. The stage began with candidate
 * `from`. */
static gkv_status try_mixture(search *s, size_t from, const gkv_mgk_mixture *start)
{
    if (is_of_other(s, s->count - from)) {
        expect(s);
        return GKV_OK;
    }
    gki_em_clear(s->em);
    GKV_TRY(gki_em_resume(s->em, start));
    return try(s, s->em->set->normal ? FIRST_ITERATIONS : NEXT_ITERATIONS);
}

/* Adds a component of dense rows to a mixture. *out is NULL if there are no such rows. */
static gkv_status add_dense(const gki_em *em, const gkv_mgk_mixture *mixture, gkv_mgk_mixture **out)
{
    gkv_mgk *dense = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY(gki_mixture_find_dense(em, mixture, &dense));
    if (dense)
        status = gki_mgk_mixture_add(mixture, dense, fmin(0.5, em->min_rows / em->fit.total), out);
    gkv_mgk_free(dense);
    return status;
}

/* One component more than a smaller fit: of dense rows, and of splits of its heaviest
 * components. */
static gkv_status try_larger(search *s, const gkv_mgk_mixture *smaller)
{
    const size_t most = s->em->set->restarts, from = s->count;
    gkv_mgk_mixture *start = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY(add_dense(s->em, smaller, &start));
    if (start && start->count == s->em->count)
        GKV_TRY_GOTO(try_mixture(s, from, start));
    for (size_t i = 1; i < most && i <= GKV_SPLIT_WAYS * smaller->count; i++) {
        const size_t split = i - 1;
        gkv_mgk_mixture_free(start);
        start = NULL;
        if (gki_call_stopped(s->call))
            break;
        GKV_TRY_GOTO(gki_mgk_mixture_expand(smaller, s->em->count,
                                            by_weight(smaller, split / GKV_SPLIT_WAYS),
                                            (gki_mgk_split_way)(split % GKV_SPLIT_WAYS), &start));
        GKV_TRY_GOTO(try_mixture(s, from, start));
    }
done:
    gkv_mgk_mixture_free(start);
    return share_stage(s, from, status);
}

/* Adds components to a fit of one, each of dense rows or, if there are none, half of the heaviest,
 * with a few iterations in between. */
static gkv_status try_chain(search *s, const gkv_mgk_mixture *one)
{
    candidate link = {0};
    gkv_mgk_mixture *next = NULL;
    gkv_status status = GKV_OK;
    for (size_t k = 2; k <= s->em->count && !gki_call_stopped(s->call); k++) {
        const gkv_mgk_mixture *from = link.mixture ? link.mixture : one;
        double mean = NAN;
        GKV_TRY_GOTO(add_dense(s->em, from, &next));
        if (!next)
            GKV_TRY_GOTO(gki_mgk_mixture_expand(from, from->count + 1, by_weight(from, 0),
                                                GKV_SPLIT_APART, &next));
        gki_em_clear(s->em);
        GKV_TRY_GOTO(gki_em_resume(s->em, next));
        gkv_mgk_mixture_free(next);
        next = NULL;
        if (k == s->em->count)
            break;
        GKV_TRY_GOTO(iterate(s->em, s->call, NEXT_ITERATIONS, least_share, &mean));
        gkv_mgk_mixture_free(link.mixture);
        link = (candidate){0};
        GKV_TRY_GOTO(keep(s->em, mean, &link));
    }
    GKV_TRY_GOTO(try(s, NEXT_ITERATIONS));
done:
    gkv_mgk_mixture_free(link.mixture);
    gkv_mgk_mixture_free(next);
    return status;
}

/* The first stage, with normal margins: clusters in each view, then k-means++ alone with further
 * seeds, and a chain from one component. */
static gkv_status try_clusters(search *s, const gkv_mgk_mixture *one)
{
    const gkv_mgk_mixture_settings *own = s->em->set;
    gkv_mgk_mixture_settings normal = *own;
    gkv_status status = GKV_OK;
    normal.normal = true;
    s->em->set = &normal;
    for (size_t i = 0; i < own->restarts; i++) {
        if (i > 0 && gki_call_stopped(s->call))
            break;
        if (is_of_other(s, i)) {
            expect(s);
            continue;
        }
        gki_em_clear(s->em);
        GKV_TRY_GOTO(
            gki_em_start_view(s->em, (gki_em_view)(i % GKV_EM_VIEWS), i >= GKV_EM_VIEWS,
                              own->seed + i / GKV_EM_VIEWS * UINT64_C(0x9e3779b97f4a7c15)));
        GKV_TRY_GOTO(try(s, FIRST_ITERATIONS));
    }
    if (one && is_of_other(s, own->restarts))
        expect(s);
    else if (one)
        GKV_TRY_GOTO(try_chain(s, one));
done:
    s->em->set = own;
    return share_stage(s, 0, status);
}

gkv_status gki_mixture_search(gki_em *em, gki_call *call, double began,
                              const gkv_mgk_mixture *smaller, const gkv_mgk_mixture *one)
{
    const size_t restarts = em->set->restarts, splits = 1 + GKV_SPLIT_WAYS * smaller->count;
    const bool is_quick = em->set->normal && em->fit.n * em->d * em->count <= QUICK_NUMBERS;
    search s = {.em = em, .dist = call->options.dist, .call = call, .began = began};
    gkv_status status = GKV_OK;
    s.progress = (gkv_mgk_mixture_progress){
        .components = em->count,
        .held_out = NAN,
        .starts = restarts + (splits < restarts ? splits : restarts) + (one != NULL)};
    GKV_TRY_GOTO(gki_alloc(2 * restarts + 1, sizeof *s.all, &s.all));
    GKV_TRY_GOTO(try_clusters(&s, one));
    keep_best(&s, em->set->normal ? restarts : SECOND);
    if (!em->set->normal)
        GKV_TRY_GOTO(go_on(&s, NEXT_ITERATIONS, least_share));
    GKV_TRY_GOTO(try_larger(&s, smaller));
    keep_best(&s, is_quick ? QUICK_THIRD : THIRD);
    if (s.count > 1)
        GKV_TRY_GOTO(go_on(&s, is_quick ? QUICK_ITERATIONS : LAST_ITERATIONS, 0.0));
    keep_best(&s, 1);
    gki_em_clear(em);
    GKV_TRY_GOTO(gki_em_resume(em, s.all[0].mixture));
done:
    for (size_t i = 0; i < s.count; i++)
        gkv_mgk_mixture_free(s.all[i].mixture);
    free(s.all);
    return status;
}

gkv_status gki_mixture_quick(gki_em *em, gki_call *call, gkv_mgk_mixture **out)
{
    candidate found = {0};
    double mean = NAN;
    GKV_TRY(gki_em_start_view(em, GKV_EM_CLAMPED, false, em->set->seed));
    GKV_TRY(iterate(em, call, NEXT_ITERATIONS, least_share, &mean));
    GKV_TRY(keep(em, mean, &found));
    *out = found.mixture;
    return GKV_OK;
}
