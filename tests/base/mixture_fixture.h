/* A fixture with one mixture, its random parameters, and its density from the definition. */
#ifndef GKV_TESTS_MIXTURE_FIXTURE_H
#define GKV_TESTS_MIXTURE_FIXTURE_H

#include "base/base_fixture.h"

#include "base/base_mixture.h"
#include "num/constants.h"

/* A kind of mixture. */
typedef struct mixture_kind {
    const char *name;
    size_t components, classes;
    bool diagonal, shared;
} mixture_kind;

static const mixture_kind mixture_kinds[] = {
    {"full-gaussian", 1, 0, false, false},   {"gaussian-mixture", 4, 0, false, false},
    {"gaussian-mixture", 5, 0, true, false}, {"gk-mixture", 3, 0, false, false},
    {"gk-mixture", 4, 0, true, false},       {"gk-mixture", 3, 0, false, true},
    {"gk-mixture", 1, 0, false, false},      {"gk-by-class", 2, 3, false, false},
    {"gk-by-class", 1, 4, true, true},
};
enum { MIXTURE_KINDS = sizeof mixture_kinds / sizeof *mixture_kinds };

static inline base_fixture *mixture_begin(const mixture_kind *kind, size_t rows, size_t d,
                                          bool trainable)
{
    const gki_base_spec spec = {.g = 0.2,
                                .k = 0.1,
                                .trainable = trainable,
                                .components = kind->components,
                                .classes = kind->classes,
                                .dependent = !kind->diagonal,
                                .shared_shapes = kind->shared,
                                .seed = 5};
    return base_fixture_begin_as(kind->name, rows, d, &spec);
}

static inline const gki_base_mixture *mixture_of(const base_fixture *fixture)
{
    return gki_base_mixture_of(fixture->base);
}

/* Sets random valid parameters without special values. The distance between components is about
 * `spread`. */
static inline void mixture_randomise(base_fixture *fixture, uint64_t seed, double spread)
{
    const gki_base_mixture *self = mixture_of(fixture);
    gki_real noise[4 * 64];
    test_normals(seed + 7, self->base.components, 0.7,
                 gki_param_value(&fixture->params, self->logits));
    for (size_t k = 0; k < self->base.components; k++) {
        test_normals(seed + 10 + 10 * k, 4 * fixture->d, 1, noise);
        for (size_t j = 0; j < fixture->d; j++) {
            const gkv_gk first = gki_mixture_get(self, &fixture->params, 0, j);
            gkv_gk gk = {spread * (double)noise[4 * j],
                         exp(0.3 * (double)noise[4 * j + 1]),
                         0.6 * (double)noise[4 * j + 2],
                         fabs(0.2 * (double)noise[4 * j + 3]),
                         0.8,
                         0};
            if (self->spec.shared_shapes && k > 0)
                gk.g = first.g, gk.k = first.k;
            gki_mixture_set(self, &fixture->params, k, j, &gk);
        }
        for (size_t j = 0; self->spec.dependent && j < fixture->d; j++) {
            gki_real *row = gki_mixture_whitening(self, &fixture->params, k) + j * fixture->d + j;
            test_perturb(seed + 1000 + 100 * k + j, fixture->d - j, 0.3, row);
            *row = (gki_real)(0.3 + fabs((double)*row));
        }
    }
    assert_ok(fixture->base->ops->check(fixture->base, &fixture->params));
}

/* log f_k from the definition. */
static inline double mixture_log_component(const base_fixture *fixture, size_t k,
                                           const gki_real *eps)
{
    const gki_base_mixture *self = mixture_of(fixture);
    double zeta[64], sum = 0;
    for (size_t j = 0; j < fixture->d; j++) {
        const gkv_gk gk = gki_mixture_get(self, &fixture->params, k, j);
        zeta[j] = gkv_gk_Q_inverse(&gk, (double)eps[j]);
        double w = zeta[j];
        if (self->spec.dependent) {
            const gki_real *whitening = gki_mixture_whitening(self, &fixture->params, k);
            w = 0;
            for (size_t i = 0; i <= j; i++)
                w += zeta[i] * (double)whitening[i * fixture->d + j];
            sum += log((double)whitening[j * fixture->d + j]);
        }
        sum -= w * w / 2 + gkv_gk_log_dQ(&gk, zeta[j]) + GKV_HALF_LOG_2PI;
    }
    return sum;
}

/* Computes log p of a row of this class; −1 is all classes. */
static inline double mixture_log_density(const base_fixture *fixture, long which,
                                         const gki_real *eps)
{
    const gki_base_mixture *self = mixture_of(fixture);
    double weights[64], most = -INFINITY, sum = 0;
    size_t count;
    const size_t first = gki_mixture_first(self, which, &count);
    gki_mixture_weights(self, &fixture->params, weights);
    for (size_t k = first; k < first + count; k++) {
        weights[k] = log(weights[k]) + mixture_log_component(fixture, k, eps);
        most = fmax(most, weights[k]);
    }
    for (size_t k = first; k < first + count; k++)
        sum += exp(weights[k] - most);
    return most + log(sum);
}

/* Transforms normals rows[count, d] to draws from one class, or from all classes (−1). `seed`
 * selects components. */
static inline void mixture_transform(const base_fixture *fixture, long which, uint64_t seed,
                                     size_t count, gki_real *rows)
{
    double *choice = test_alloc(count * sizeof *choice);
    gki_rng_uniform(gki_rng_at(seed, GKV_STREAM_USER, 1, 0), count, choice);
    if (which < 0)
        fixture->base->ops->transform(fixture->base, &fixture->params, count, choice, rows);
    else
        fixture->base->ops->transform_class(fixture->base, &fixture->params, (size_t)which, count,
                                            choice, rows);
    free(choice);
}

/* Fills the workspace with draws. The labels of a base by class cycle through no class and all
 * classes. */
static inline void mixture_draw(base_fixture *fixture, uint64_t seed)
{
    gki_real *eps = gki_at(&fixture->ws, fixture->base->eps, 0);
    test_normals(seed, fixture->rows * fixture->d, 1, eps);
    mixture_transform(fixture, -1, seed, fixture->rows, eps);
    for (size_t r = 0; r < fixture->rows; r++)
        *gki_at(&fixture->ws, fixture->label, r) =
            (gki_real)(fixture->base->classes ? r % (fixture->base->classes + 1) : 0);
}

static inline long mixture_class(const base_fixture *fixture, size_t row)
{
    return (long)*gki_at(&fixture->ws, fixture->label, row) - 1;
}

#endif
