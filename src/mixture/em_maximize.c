/* The M-step: every component to the rows that belong to it, as far as that is no loss. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "num/linalg.h"
#include "mixture/em.h"

/* The share of all rows below which a component is given up: its weight becomes 0 for good, at a
 * cost of no more than that, in nats, to the mean log-likelihood. */
static const double given_up = 1e-8;

/* With `keep` a component is never less than this. */
static const double kept = 1e-6;

/* A component that has found no step is at its best, or nearly, until others move: it sits out
 * 1, 3, 7 iterations before it tries again. */
static const int longest_pause = 7;

/* One step of all components. */
typedef struct step {
    gkv_gk *fitted;         /* [count × d] where the margins want to go */
    unsigned char *frozen;  /* [count]: too few rows, or sitting out */
    gkv_gk *trial;          /* [d] */
    double *r, *factor;     /* [d × d], [d × (2d + 2)] */
    gkv_mgk_columns columns;
} step;

/* The lists of the tiles, by component. */
static gkv_status collect_support(gkv_em *em)
{
    const gkv_em_rows *rows = &em->fit;
    const size_t tiles = gkv_mgk_tiles(rows->n);
    memset(em->support, 0, (em->count + 1) * sizeof *em->support);
    for (size_t t = 0; t < tiles; t++)
        for (uint32_t e = 0; e < rows->tiles[t].start[gkv_mgk_tile_rows(rows->n, t)]; e++)
            em->support[rows->tiles[t].component[e] + 1]++;
    for (size_t k = 0; k < em->count; k++)
        em->support[k + 1] += em->support[k];
    const size_t total = em->support[em->count];
    if (total > em->support_room) {
        free(em->support_row);
        free(em->support_weight);
        em->support_weight = NULL;
        em->support_room = 0;
        GKV_TRY(gkv_alloc(total, sizeof *em->support_row, &em->support_row));
        GKV_TRY(gkv_alloc(total, sizeof *em->support_weight, &em->support_weight));
        em->support_room = total;
    }
    for (size_t t = 0; t < tiles; t++) {
        const gkv_em_tile *tile = &rows->tiles[t];
        for (size_t i = 0; i < gkv_mgk_tile_rows(rows->n, t); i++)
            for (uint32_t e = tile->start[i]; e < tile->start[i + 1]; e++) {
                const size_t at = em->support[tile->component[e]]++, row = t * GKV_MGK_TILE + i;
                em->support_row[at] = (uint32_t)row;
                em->support_weight[at] = (rows->weights ? rows->weights[row] : 1.0) * tile->share[e];
            }
    }
    for (size_t k = em->count; k > 0; k--) /* each start has become the next one's */
        em->support[k] = em->support[k - 1];
    em->support[0] = 0;
    return GKV_OK;
}

/* Margins between the old ones and the fitted ones; valid, and no narrower than allowed. */
static void between(const gkv_em *em, const gkv_gk *from, const gkv_gk *to, double share, gkv_gk *out)
{
    for (size_t j = 0; j < em->d; j++) {
        const double least = em->set->least_scale * em->scale[j], b = fmax(to[j].b, least);
        out[j] = (gkv_gk){.a = from[j].a + share * (to[j].a - from[j].a),
                          .b = share == 1 ? b : from[j].b * pow(b / from[j].b, share),
                          .g = from[j].g + share * (to[j].g - from[j].g),
                          .k = from[j].k + share * (to[j].k - from[j].k),
                          .c = to[j].c};
        if (!gkv_gk_is_valid(&out[j]))
            out[j] = gkv_gk_project(&out[j], em->set->margins.margin);
    }
}

void gkv_em_replace(gkv_em *em, size_t k, gkv_mgk *part, gkv_mgk_table *table)
{
    em->parts[k] = part;
    gkv_mgk_table_free(em->tables[k]);
    gkv_mgk_float_free(&em->quicks[k]);
    em->tables[k] = table;
}

/* R no further than `step` from the old one; both are correlation matrices, and so is what is between. */
static void damp_correlation(const gkv_em *em, step *s, size_t k)
{
    const size_t d = em->d;
    double *old = s->factor; /* until the new factor is made */
    gkv_mgk_covariance(em->parts[k], old);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            if (i != j)
                s->r[i * d + j] += (1.0 - em->set->step) *
                                   (old[i * d + j] / sqrt(old[i * d + i] * old[j * d + j]) - s->r[i * d + j]);
    /* As safely positive definite as the two it lies between, but for rounding. */
    while (!gkv_cholesky(d, s->r, 1e-10, s->factor))
        for (size_t i = 0; i < d * d; i++)
            s->r[i] *= i % (d + 1) ? 0.999 : 1.0;
}

/* What component k might become. */
typedef struct candidate {
    gkv_mgk *part;
    gkv_mgk_table *table;
    double gain;            /* Σ_i w_i r_ik log f_k(x_i) */
} candidate;

static void candidate_free(candidate *c)
{
    gkv_mgk_free(c->part);
    gkv_mgk_table_free(c->table);
    *c = (candidate){0};
}

/* Component k after a share of its step, R being what the scores say then; a component
 * with too few rows for an R of its own keeps the one it has. */
static gkv_status make_candidate(const gkv_em *em, step *s, size_t k, double share, candidate *out)
{
    const size_t d = em->d;
    const gkv_mgk_weighted_rows cases = gkv_em_weighted_rows(em, k);
    gkv_mgk_scores scores = {0};
    gkv_mgk_float quick = {0};
    gkv_status status = GKV_OK;
    between(em, em->parts[k]->margins, s->fitted + k * d, share, s->trial);
    gkv_mgk_columns_set(&s->columns, s->trial);
    const double most = em->set->normal ? INFINITY : gkv_mgk_most_score(em->fit.weight[k]);
    if (em->set->quick)
        GKV_TRY_GOTO(gkv_mgk_float_of_columns(&s->columns, &quick));
    else
        GKV_TRY_GOTO(gkv_mgk_table_create(&s->columns, em->threads, &out->table));
    GKV_TRY_GOTO(gkv_mgk_scores_of(&cases, &s->columns, out->table, em->set->quick ? &quick : NULL, most, em->threads,
                                   &scores));
    if (s->frozen[k])
        memcpy(s->factor, em->parts[k]->cholesky, d * d * sizeof *s->factor);
    else
        gkv_mgk_scores_correlation(&scores, em->set->independent ? 1.0 : em->set->shrink, s->r, s->factor, NULL, NULL);
    if (!s->frozen[k] && em->set->step < 1.0 && !em->set->independent)
        damp_correlation(em, s, k);
    out->gain = gkv_mgk_scores_log_likelihood(&scores, s->factor, s->factor + d * d);
    GKV_TRY_GOTO(gkv_mgk_build(d, s->trial, NULL, s->factor, &out->part));
done:
    gkv_mgk_scores_free(&scores);
    gkv_mgk_float_free(&quick);
    return status;
}

/* The candidate is component k from now on. */
static void adopt(gkv_em *em, size_t k, candidate *c)
{
    em->old_parts[k] = em->parts[k];
    gkv_em_replace(em, k, c->part, c->table);
    *c = (candidate){0};
}

/* Tries a share of component k's step; takes it if its rows become no less likely. */
static gkv_status try_step(gkv_em *em, step *s, size_t k, double share, int *taken)
{
    candidate c = {0};
    const gkv_status status = make_candidate(em, s, k, share, &c);
    *taken = status == GKV_OK && c.gain >= em->fit.gain[k];
    if (*taken)
        adopt(em, k, &c);
    candidate_free(&c);
    return status;
}

/* Tries a share of all components' steps; takes it if the rows all together become no less likely. */
static gkv_status try_together(gkv_em *em, step *s, double share, int *taken)
{
    candidate *all = NULL;
    gkv_status status = GKV_OK;
    double gain = 0.0;
    GKV_TRY_GOTO(gkv_alloc(em->count, sizeof *all, &all));
    for (size_t k = 0; k < em->count; k++) {
        GKV_TRY_GOTO(make_candidate(em, s, k, share, &all[k]));
        gain += all[k].gain - em->fit.gain[k];
    }
    *taken = gain >= 0;
    for (size_t k = 0; *taken && k < em->count; k++)
        adopt(em, k, &all[k]);
done:
    for (size_t k = 0; all && k < em->count; k++)
        candidate_free(&all[k]);
    free(all);
    return status;
}

/* The shares of a step that are tried; the last one is R alone. */
enum { SHARES = 4 };
static const double shares[SHARES] = {1.0, 0.5, 0.2, 0.0};

static gkv_status move(gkv_em *em, step *s, size_t k)
{
    const size_t tries = SHARES - (em->set->independent ? 1 : 0);
    int taken = 0;
    for (size_t i = 0; i < tries && !taken; i++) {
        GKV_TRY(try_step(em, s, k, em->set->step * shares[i], &taken));
        em->damped += taken && i > 0;
    }
    em->refused += !taken;
    em->pause[k] = taken ? 0 : em->pause[k] < longest_pause ? 2 * em->pause[k] + 1 : longest_pause;
    em->rest[k] = em->pause[k];
    return GKV_OK;
}

/* With shapes in common all go, or none does. */
static gkv_status move_together(gkv_em *em, step *s)
{
    const size_t tries = SHARES - (em->set->independent ? 1 : 0);
    int taken = 0;
    for (size_t i = 0; i < tries && !taken; i++) {
        GKV_TRY(try_together(em, s, em->set->step * shares[i], &taken));
        em->damped += taken && i > 0 ? em->count : 0;
    }
    em->refused += taken ? 0 : em->count;
    return GKV_OK;
}

static gkv_status step_create(const gkv_em *em, step *s)
{
    const size_t d = em->d;
    GKV_TRY(gkv_alloc(em->count * d, sizeof *s->fitted, &s->fitted));
    GKV_TRY(gkv_alloc(em->count, 1, &s->frozen));
    GKV_TRY(gkv_alloc(d, sizeof *s->trial, &s->trial));
    GKV_TRY(gkv_alloc(d, d * sizeof *s->r, &s->r));
    GKV_TRY(gkv_alloc(2 * d + 2, d * sizeof *s->factor, &s->factor));
    return gkv_mgk_columns_create(d, em->parts[0]->margins, &s->columns);
}

static void step_free(step *s)
{
    free(s->fitted);
    free(s->frozen);
    free(s->trial);
    free(s->r);
    free(s->factor);
    gkv_mgk_columns_free(&s->columns);
}

static void set_weights(gkv_em *em, double total)
{
    double sum = 0.0;
    for (size_t k = 0; k < em->count; k++) {
        const double share = em->fit.weight[k] / total, damped = em->pi[k] + em->set->step * (share - em->pi[k]);
        em->pi[k] = em->set->keep ? fmax(damped, kept) : share < given_up ? 0.0 : damped;
        sum += em->pi[k];
    }
    for (size_t k = 0; k < em->count && em->set->keep; k++)
        em->pi[k] /= sum;
}

gkv_status gkv_em_maximize(gkv_em *em)
{
    step s = {0};
    gkv_status status = GKV_OK;
    double total = 0.0;
    em->damped = em->refused = 0;
    memcpy(em->old_pi, em->pi, em->count * sizeof *em->pi);
    GKV_TRY_GOTO(step_create(em, &s));
    GKV_TRY_GOTO(collect_support(em));
    for (size_t k = 0; k < em->count; k++) {
        s.frozen[k] = em->fit.weight[k] < em->set->least_rows || em->rest[k] > 0;
        em->rest[k] -= em->rest[k] > 0;
        total += em->fit.weight[k];
    }
    GKV_TRY_GOTO(gkv_em_fit_margins(em, s.frozen, s.fitted));
    set_weights(em, total);
    if (em->set->shared_shapes && !em->set->normal)
        GKV_TRY_GOTO(move_together(em, &s));
    else
        for (size_t k = 0; k < em->count; k++)
            if (!s.frozen[k])
                GKV_TRY_GOTO(move(em, &s, k));
done:
    step_free(&s);
    return status;
}

void gkv_em_forget(gkv_em *em)
{
    for (size_t k = 0; k < em->count; k++) {
        gkv_mgk_free(em->old_parts[k]);
        em->old_parts[k] = NULL;
    }
}

void gkv_em_take_back(gkv_em *em)
{
    for (size_t k = 0; k < em->count; k++)
        if (em->old_parts[k]) {
            gkv_mgk_free(em->parts[k]);
            gkv_em_replace(em, k, em->old_parts[k], NULL);
            em->old_parts[k] = NULL;
        }
    memcpy(em->pi, em->old_pi, em->count * sizeof *em->pi);
}
