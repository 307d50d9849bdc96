/* The M-step: fits every component to its weighted rows, with a step that does not reduce their
 * log-likelihood. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "mixture/em.h"

/* A component with less than this fraction of the rows is dropped: its weight becomes 0
 * permanently. The mean log-likelihood decreases by no more than this number of nats. */
static const double least_weight = 1e-8;

/* With `keep` the weight of a component is at least this. */
static const double least_kept_weight = 1e-6;

/* A component without an acceptable step is nearly optimal until the others change. It skips 1, 3,
 * 7, 7 … M-steps before it tries again. */
static const int longest_pause = 7;

/* The data of an M-step. */
typedef struct step {
    gkv_gk *fitted; /* [count × d] the fitted margins, which are the target of the step */
    /* [count] 1 for a component that has too few rows or skips this M-step */
    unsigned char *frozen;
    gkv_gk *trial;           /* [d] the margins of a candidate */
    double *r;               /* [d × d] the correlation matrix of a candidate */
    double *factor;          /* [d × (3d + 1)] its Cholesky factor, and scratch */
    gki_mgk_columns columns; /* of `trial` */
} step;

/* Collects the sparse responsibilities of the tiles by component. */
static gkv_status collect_support(gki_em *em)
{
    const gki_em_rows *rows = &em->fit;
    const size_t tiles = gki_mgk_tiles(rows->n);
    memset(em->support, 0, (em->count + 1) * sizeof *em->support);
    for (size_t t = 0; t < tiles; t++)
        for (uint32_t e = 0; e < rows->tiles[t].start[gki_mgk_tile_rows(rows->n, t)]; e++)
            em->support[rows->tiles[t].component[e] + 1]++;
    for (size_t k = 0; k < em->count; k++)
        em->support[k + 1] += em->support[k];
    const size_t total = em->support[em->count];
    if (total > em->support_capacity) {
        free(em->support_row);
        free(em->support_weight);
        em->support_weight = NULL;
        em->support_capacity = 0;
        GKV_TRY(gki_alloc(total, sizeof *em->support_row, &em->support_row));
        GKV_TRY(gki_alloc(total, sizeof *em->support_weight, &em->support_weight));
        em->support_capacity = total;
    }
    for (size_t t = 0; t < tiles; t++) {
        const gki_em_tile *tile = &rows->tiles[t];
        for (size_t i = 0; i < gki_mgk_tile_rows(rows->n, t); i++)
            for (uint32_t e = tile->start[i]; e < tile->start[i + 1]; e++) {
                const size_t position = em->support[tile->component[e]]++,
                             row = t * GKV_MGK_TILE + i;
                em->support_row[position] = (uint32_t)row;
                em->support_weight[position] =
                    (rows->weights ? rows->weights[row] : 1.0) * tile->responsibility[e];
            }
    }
    for (size_t k = em->count; k > 0; k--) /* support[k] is now the start of component k + 1 */
        em->support[k] = em->support[k - 1];
    em->support[0] = 0;
    return GKV_OK;
}

/* Margins at a fraction of the way from the old ones to the fitted ones. They are valid, and B is
 * not below its least value. */
static void between(const gki_em *em, const gkv_gk *from, const gkv_gk *to, double fraction,
                    gkv_gk *out)
{
    for (size_t j = 0; j < em->d; j++) {
        gkv_gk end = to[j];
        end.b = fmax(end.b, em->least_b[j]);
        out[j] = gki_mgk_margin_between(&from[j], &end, fraction,
                                        em->set->advanced.margins.advanced.margin);
    }
}

void gki_em_replace(gki_em *em, size_t k, gkv_mgk *part, gki_mgk_table *table)
{
    em->mixture->components[k] = part;
    gki_mgk_table_free(em->tables[k]);
    gki_mgk_float_free(&em->floats[k]);
    em->tables[k] = table;
}

/* A candidate for the new component k. */
typedef struct candidate {
    gkv_mgk *part;
    gki_mgk_table *table;
    double gain; /* Σ_i w_i r_ik log f_k(x_i) */
} candidate;

static void candidate_free(candidate *c)
{
    gkv_mgk_free(c->part);
    gki_mgk_table_free(c->table);
    *c = (candidate){0};
}

/* Makes component k after a fraction of its step. R is that of the scores of the new margins. A
 * frozen component keeps its R. */
static gkv_status make_candidate(const gki_em *em, step *s, size_t k, double fraction,
                                 candidate *out)
{
    const size_t d = em->d;
    const gki_mgk_weighted_rows rows = gki_em_weighted_rows(em, k);
    gki_mgk_scores scores = {0};
    gki_mgk_float float_form = {0};
    gkv_status status = GKV_OK;
    between(em, em->mixture->components[k]->margins, s->fitted + k * d, fraction, s->trial);
    gki_mgk_columns_set(&s->columns, s->trial);
    const double most = em->set->normal ? INFINITY : gki_mgk_most_score(em->fit.weight[k]);
    if (em->set->advanced.single_precision)
        GKV_TRY_GOTO(gki_mgk_float_of_columns(&s->columns, &float_form));
    else
        GKV_TRY_GOTO(gki_mgk_table_create(&s->columns, em->threads, &out->table));
    GKV_TRY_GOTO(gki_mgk_scores_of(&rows, &s->columns, out->table,
                                   em->set->advanced.single_precision ? &float_form : NULL, most,
                                   em->threads, &scores));
    if (s->frozen[k])
        memcpy(s->factor, em->mixture->components[k]->cholesky, d * d * sizeof *s->factor);
    else
        gki_mgk_scores_correlation(&scores, em->set->independent ? 1.0 : em->set->shrink, s->r,
                                   s->factor, NULL, NULL);
    if (!s->frozen[k] && em->set->advanced.step < 1.0 && !em->set->independent) {
        /* a convex combination of correlation matrices is a correlation matrix */
        gki_mgk_correlation_between(em->mixture->components[k], em->set->advanced.step, s->r);
        gki_mgk_correlation_factor(d, s->r, s->factor);
    }
    out->gain = gki_mgk_scores_log_likelihood(&scores, s->factor, s->factor + d * d);
    GKV_TRY_GOTO(gki_mgk_build(d, s->trial, NULL, s->factor, &out->part));
done:
    gki_mgk_scores_free(&scores);
    gki_mgk_float_free(&float_form);
    return status;
}

/* Makes the candidate the new component k. */
static void adopt(gki_em *em, size_t k, candidate *c)
{
    em->previous->components[k] = em->mixture->components[k];
    gki_em_replace(em, k, c->part, c->table);
    *c = (candidate){0};
}

/* Tries a fraction of the step of component k. Accepts it if the log-likelihood of its weighted
 * rows does not decrease. */
static gkv_status try_step(gki_em *em, step *s, size_t k, double fraction, int *taken)
{
    candidate c = {0};
    const gkv_status status = make_candidate(em, s, k, fraction, &c);
    *taken = status == GKV_OK && c.gain >= em->fit.gain[k];
    if (*taken)
        adopt(em, k, &c);
    candidate_free(&c);
    return status;
}

/* Tries a fraction of the steps of all components. Accepts them if the total log-likelihood does
 * not decrease. */
static gkv_status try_together(gki_em *em, step *s, double fraction, int *taken)
{
    candidate *all = NULL;
    gkv_status status = GKV_OK;
    double gain = 0.0;
    GKV_TRY_GOTO(gki_alloc(em->count, sizeof *all, &all));
    for (size_t k = 0; k < em->count; k++) {
        GKV_TRY_GOTO(make_candidate(em, s, k, fraction, &all[k]));
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

/* The fractions of a step that are tried. The last one changes R only. */
enum { FRACTIONS = 4 };
static const double fractions[FRACTIONS] = {1.0, 0.5, 0.2, 0.0};

/* Makes the step of component k. */
static gkv_status move(gki_em *em, step *s, size_t k)
{
    const size_t tries = FRACTIONS - (em->set->independent ? 1 : 0);
    int taken = 0;
    for (size_t i = 0; i < tries && !taken; i++) {
        GKV_TRY(try_step(em, s, k, em->set->advanced.step * fractions[i], &taken));
        em->damped += taken && i > 0;
    }
    em->refused += !taken;
    em->skip_length[k] = taken                                ? 0
                         : em->skip_length[k] < longest_pause ? 2 * em->skip_length[k] + 1
                                                              : longest_pause;
    em->skips_left[k] = em->skip_length[k];
    return GKV_OK;
}

/* With shared shapes all components take the same fraction of their steps, or none does. */
static gkv_status move_together(gki_em *em, step *s)
{
    const size_t tries = FRACTIONS - (em->set->independent ? 1 : 0);
    int taken = 0;
    for (size_t i = 0; i < tries && !taken; i++) {
        GKV_TRY(try_together(em, s, em->set->advanced.step * fractions[i], &taken));
        em->damped += taken && i > 0 ? em->count : 0;
    }
    em->refused += taken ? 0 : em->count;
    return GKV_OK;
}

static gkv_status step_create(const gki_em *em, step *s)
{
    const size_t d = em->d;
    GKV_TRY(gki_alloc(em->count * d, sizeof *s->fitted, &s->fitted));
    GKV_TRY(gki_alloc(em->count, 1, &s->frozen));
    GKV_TRY(gki_alloc(d, sizeof *s->trial, &s->trial));
    GKV_TRY(gki_alloc(d, d * sizeof *s->r, &s->r));
    GKV_TRY(gki_alloc(3 * d + 1, d * sizeof *s->factor, &s->factor));
    return gki_mgk_columns_create(d, em->mixture->components[0]->margins, &s->columns);
}

static void step_free(step *s)
{
    free(s->fitted);
    free(s->frozen);
    free(s->trial);
    free(s->r);
    free(s->factor);
    gki_mgk_columns_free(&s->columns);
}

static void set_weights(gki_em *em, double total)
{
    double sum = 0.0;
    for (size_t k = 0; k < em->count; k++) {
        const double target = em->fit.weight[k] / total,
                     damped = em->mixture->weights[k] +
                              em->set->advanced.step * (target - em->mixture->weights[k]);
        em->mixture->weights[k] = em->set->advanced.keep  ? fmax(damped, least_kept_weight)
                                  : target < least_weight ? 0.0
                                                          : damped;
        sum += em->mixture->weights[k];
    }
    for (size_t k = 0; k < em->count && em->set->advanced.keep; k++)
        em->mixture->weights[k] /= sum;
}

gkv_status gki_em_maximize(gki_em *em)
{
    step s = {0};
    gkv_status status = GKV_OK;
    double total = 0.0;
    em->damped = em->refused = em->skipped = 0;
    memcpy(em->previous->weights, em->mixture->weights, em->count * sizeof *em->mixture->weights);
    GKV_TRY_GOTO(step_create(em, &s));
    GKV_TRY_GOTO(collect_support(em));
    for (size_t k = 0; k < em->count; k++) {
        s.frozen[k] = em->fit.weight[k] < em->min_rows || em->skips_left[k] > 0;
        em->skipped += em->skips_left[k] > 0;
        em->skips_left[k] -= em->skips_left[k] > 0;
        total += em->fit.weight[k];
    }
    GKV_TRY_GOTO(gki_em_fit_margins(em, s.frozen, s.fitted));
    set_weights(em, total);
    if (em->set->advanced.shared_shapes && !em->set->normal)
        GKV_TRY_GOTO(move_together(em, &s));
    else
        for (size_t k = 0; k < em->count; k++)
            if (!s.frozen[k])
                GKV_TRY_GOTO(move(em, &s, k));
done:
    step_free(&s);
    return status;
}

void gki_em_resume_all(gki_em *em)
{
    memset(em->skips_left, 0, em->count * sizeof *em->skips_left);
}

void gki_em_drop_previous(gki_em *em)
{
    for (size_t k = 0; k < em->count; k++) {
        gkv_mgk_free(em->previous->components[k]);
        em->previous->components[k] = NULL;
    }
}

void gki_em_undo(gki_em *em)
{
    for (size_t k = 0; k < em->count; k++)
        if (em->previous->components[k]) {
            gkv_mgk_free(em->mixture->components[k]);
            gki_em_replace(em, k, em->previous->components[k], NULL);
            em->previous->components[k] = NULL;
        }
    memcpy(em->mixture->weights, em->previous->weights, em->count * sizeof *em->mixture->weights);
}
