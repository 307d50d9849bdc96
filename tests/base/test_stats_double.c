/* Sufficient statistics of mixtures: the sums, and refits to them. */
#include "base/mixture_fixture.h"

#include "base/mixture_stats.h"

enum { D = 4, FIT = 6000, HELD_OUT = 2000 };

/* The kinds that have sufficient statistics: all without shared shapes. */
static const mixture_kind kinds[] = {
    {"full-gaussian", 1, 0, false, false},   {"gaussian-mixture", 4, 0, false, false},
    {"gaussian-mixture", 3, 0, true, false}, {"gk-mixture", 3, 0, false, false},
    {"gk-mixture", 3, 0, true, false},       {"gk-mixture", 1, 0, false, false},
    {"gk-by-class", 2, 3, false, false},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Scales W so that scores have unit variance, as refits do. The statistics assume it. */
static void standardise_whitening(base_fixture *fixture)
{
    const gki_base_mixture *self = mixture_of(fixture);
    for (size_t k = 0; self->spec.dependent && k < self->base.components; k++) {
        double *w = gki_mixture_whitening(self, &fixture->params, k), inverse[D * D] = {0};
        for (size_t j = D; j-- > 0;) {
            /* W⁻¹, upper triangular: its columns are the rows of the scores' factor */
            inverse[j * D + j] = 1 / w[j * D + j];
            for (size_t i = j; i-- > 0;)
                for (size_t l = i + 1; l <= j; l++)
                    inverse[i * D + j] -= w[i * D + l] * inverse[l * D + j] / w[i * D + i];
        }
        for (size_t j = 0; j < D; j++) {
            double squares = 0;
            for (size_t i = 0; i <= j; i++)
                squares += inverse[i * D + j] * inverse[i * D + j];
            /* ζ_j over its standard deviation: row j of W times it */
            for (size_t i = j; i < D; i++)
                w[j * D + i] *= sqrt(squares);
        }
    }
}

typedef struct data {
    base_fixture *truth; /* with its draws, FIT + HELD_OUT */
    gki_real *rows, *labels;
    uint32_t *classes;
} data;

static data draw(const mixture_kind *kind, uint64_t seed)
{
    data drawn = {.truth = mixture_begin(kind, FIT + HELD_OUT, D, false)};
    mixture_randomise(drawn.truth, seed, 3);
    standardise_whitening(drawn.truth);
    const size_t classes = drawn.truth->base->classes;
    drawn.rows = gki_at(&drawn.truth->ws, drawn.truth->base->eps, 0);
    drawn.labels = gki_at(&drawn.truth->ws, drawn.truth->label, 0);
    drawn.classes = test_alloc((FIT + HELD_OUT) * sizeof *drawn.classes);
    test_normals(seed + 1, (FIT + HELD_OUT) * D, 1, drawn.rows);
    if (classes == 0)
        mixture_transform(drawn.truth, -1, seed + 2, FIT + HELD_OUT, drawn.rows);
    for (size_t r = 0; r < FIT + HELD_OUT && classes > 0; r++) {
        drawn.classes[r] = (uint32_t)(r % classes);
        drawn.labels[r] = (double)(1 + r % classes);
        mixture_transform(drawn.truth, drawn.classes[r], seed + 2 + r, 1, drawn.rows + r * D);
    }
    return drawn;
}

static void data_free(data *drawn)
{
    free(drawn->classes);
    base_fixture_end(drawn->truth);
}

/* The truth with everything a little off. */
static base_fixture *start_of(const mixture_kind *kind, const data *of, double off)
{
    base_fixture *fixture = mixture_begin(kind, FIT, D, false);
    const gki_base_mixture *self = mixture_of(fixture), *truth = mixture_of(of->truth);
    for (size_t k = 0; k < self->base.components; k++) {
        gki_param_value(&fixture->params, self->logits)[k] =
            gki_param_value(&of->truth->params, truth->logits)[k] * (1 - off);
        for (size_t j = 0; j < D; j++) {
            gkv_gk gk = gki_mixture_get(truth, &of->truth->params, k, j);
            gk.a += off * gk.b;
            gk.b *= 1 + off;
            if (self->shaped)
                gk.g += off, gk.k += off / 4;
            gki_mixture_set(self, &fixture->params, k, j, &gk);
            for (size_t i = j; i < D && self->spec.dependent; i++)
                gki_mixture_whitening(self, &fixture->params, k)[j * D + i] =
                    gki_mixture_whitening(truth, &of->truth->params, k)[j * D + i];
        }
    }
    memcpy(gki_at(&fixture->ws, fixture->base->eps, 0), of->rows, FIT * D * sizeof *of->rows);
    memcpy(gki_at(&fixture->ws, fixture->label, 0), of->labels, FIT * sizeof *of->labels);
    return fixture;
}

static gki_base_stats *stats_of(base_fixture *fixture, const gki_slot *weight)
{
    const gki_base_ops *ops = fixture->base->ops;
    gki_base_stats *stats = NULL;
    assert_ok(gki_base_stats_create(fixture->base, &stats));
    ops->log_density(fixture->base, &fixture->ws, 0, FIT);
    ops->backward(fixture->base, &fixture->ws, 0, FIT);
    for (size_t part = gki_base_stats_parts(stats); part-- > 0;)
        gki_base_stats_add(stats, &fixture->ws, weight, FIT, part);
    return stats;
}

/* The statistics agree with sums from the definition. */
static void test_sums(void **state)
{
    (void)state;
    for (size_t n = 0; n < KINDS; n++) {
        data of = draw(&kinds[n], 100 + 40 * n);
        base_fixture *fixture = start_of(&kinds[n], &of, 0.1);
        const gki_base_mixture *self = mixture_of(fixture);
        gki_base_stats *stats = stats_of(fixture, NULL);
        double weights[16];
        gki_mixture_weights(self, &fixture->params, weights);
        for (size_t k = 0; k < self->base.components; k++) {
            const gki_online_layout layout = gki_mixture_stats_layout(self);
            const gki_real *of_k = stats->values + k * layout.size;
            const gkv_gk first = gki_mixture_get(self, &fixture->params, k, 0),
                         last = gki_mixture_get(self, &fixture->params, k, D - 1);
            double weight = 0, sum = 0, square = 0, cells[GKV_ONLINE_CELLS] = {0};
            for (size_t r = 0; r < FIT; r++) {
                const double *eps = of.rows + r * D;
                const long which = fixture->base->classes ? (long)of.classes[r] : -1;
                size_t count;
                const size_t from = gki_mixture_first(self, which, &count);
                if (k < from || k >= from + count)
                    continue;
                const double share = exp(log(weights[k]) + mixture_log_component(fixture, k, eps) -
                                         mixture_log_density(fixture, which, eps));
                const double zeta = fmax(-6, fmin(6, gkv_gk_Q_inverse(&first, eps[0])));
                const double other = fmax(-6, fmin(6, gkv_gk_Q_inverse(&last, eps[D - 1])));
                if (share < 1e-3)
                    continue;
                weight += share;
                sum += share * zeta;
                square += share * zeta * (self->spec.dependent ? other : zeta);
                cells[(size_t)fmax(
                    0, fmin(GKV_ONLINE_BOUNDARIES, floor((zeta + 3.1) / 0.2) + 1))] += share;
            }
            /* a responsibility may be near the threshold */
            assert_close(of_k[0], weight, 1e-6 * weight + 2e-3);
            assert_close(of_k[layout.sum], sum, 1e-6 * weight + 1e-2);
            assert_close(of_k[layout.square + (self->spec.dependent ? D - 1 : 0)], square,
                         1e-6 * weight + 4e-2);
            for (size_t c = 0; c < GKV_ONLINE_CELLS && layout.cells; c++)
                assert_close(of_k[layout.cells + c], cells[c], 1e-6 * weight + 2e-3);
            assert_true((layout.cells > 0) == self->shaped);
        }
        gki_base_stats_free(stats);
        base_fixture_end(fixture);
        data_free(&of);
    }
}

/* A row of weight 2 is two rows. */
static void test_weights(void **state)
{
    (void)state;
    data of = draw(&kinds[3], 900);
    base_fixture *fixture = start_of(&kinds[3], &of, 0.1);
    gki_base_stats *plain = stats_of(fixture, NULL);
    for (size_t r = 0; r < FIT; r++) /* the labels, which this kind does not look at */
        *gki_at(&fixture->ws, fixture->label, r) = 2;
    gki_base_stats *doubled = stats_of(fixture, &fixture->label);
    for (size_t i = 0; i < plain->count; i++)
        assert_close(doubled->values[i], 2 * plain->values[i], 1e-9 * (1 + fabs(plain->values[i])));
    gki_base_stats_free(plain);
    gki_base_stats_free(doubled);
    base_fixture_end(fixture);
    data_free(&of);
}

/* Mean log density of the held-out rows. */
static double density_of(const base_fixture *fixture, const data *of)
{
    double mean = NAN;
    const uint32_t *classes = fixture->base->classes ? of->classes + FIT : NULL;
    assert_ok(gki_mixture_mean_density(mixture_of(fixture), &fixture->params, of->rows + FIT * D,
                                       classes, HELD_OUT, 2, &mean));
    return mean;
}

static gki_base_refit_report refit(base_fixture *fixture, const data *of,
                                   const gki_base_stats *stats, double share, double damping)
{
    const gki_base_rows held_out = {.eps = of->rows + FIT * D,
                                    .classes = fixture->base->classes ? of->classes + FIT : NULL,
                                    .count = HELD_OUT};
    const gki_base_refit_settings how = {
        .damping = damping, .forgetting = share, .iterations = 1, .seed = 3, .threads = 2};
    gki_base_refit_report report;
    assert_ok(gki_base_stats_m_step(stats, &fixture->params, &held_out, NAN, &how, &report));
    assert_ok(fixture->base->ops->check(fixture->base, &fixture->params));
    assert_true(report.held_out_after >= report.held_out_before);
    return report;
}

/* From perturbed parameters, refits to statistics reach a mixture as good as the truth, within
 * sampling error. */
static void test_recovery(void **state)
{
    (void)state;
    for (size_t n = 0; n < KINDS; n++) {
        data of = draw(&kinds[n], 2000 + 60 * n);
        base_fixture *fixture = start_of(&kinds[n], &of, 0.3);
        double first = 0;
        for (int round = 0; round < 12; round++) {
            gki_base_stats *stats = stats_of(fixture, NULL);
            const gki_base_refit_report report = refit(fixture, &of, stats, 1, 1);
            if (round == 0) {
                assert_true(report.step > 0);
                first = report.held_out_before;
            }
            gki_base_stats_free(stats);
        }
        const double found = density_of(fixture, &of), truth = density_of(of.truth, &of);
        if (found < truth - 0.02 || found < first + 0.05)
            fail_msg("%s: from %.4f to %.4f, the truth being %.4f", kinds[n].name, first, found,
                     truth);
        base_fixture_end(fixture);
        data_free(&of);
    }
}

/* A small forgetting factor moves the parameters by that fraction; empty statistics move
 * nothing. */
static void test_share(void **state)
{
    (void)state;
    data of = draw(&kinds[5], 3000);
    base_fixture *whole = start_of(&kinds[5], &of, 0.2), *part = start_of(&kinds[5], &of, 0.2);
    const gkv_gk from = gki_mixture_get(mixture_of(part), &part->params, 0, 1);
    gki_base_stats *stats = stats_of(whole, NULL);
    assert_close(refit(whole, &of, stats, 1, 1).step, 1, 0);
    assert_close(refit(part, &of, stats, 0.1, 1).step, 1, 0);
    const gkv_gk to = gki_mixture_get(mixture_of(whole), &whole->params, 0, 1);
    const gkv_gk tenth = gki_mixture_get(mixture_of(part), &part->params, 0, 1);
    assert_close(tenth.a - from.a, 0.1 * (to.a - from.a), 0.01 * fabs(to.a - from.a));
    assert_close(log(tenth.b / from.b), 0.1 * log(to.b / from.b), 0.01 * fabs(log(to.b / from.b)));
    /* With a larger window the prior has less influence on the shapes. */
    assert_close(tenth.g - from.g, 0.1 * (to.g - from.g), 0.01 * fabs(to.g - from.g));
    assert_close(tenth.k - from.k, 0.1 * (to.k - from.k), 0.01 * fabs(to.k - from.k));
    gki_base_stats_clear(stats);
    assert_close(refit(part, &of, stats, 1, 1).step, 0, 0);
    const gkv_gk still = gki_mixture_get(mixture_of(part), &part->params, 0, 1);
    assert_memory_equal(&still, &tenth, sizeof still);
    gki_base_stats_free(stats);
    base_fixture_end(whole);
    base_fixture_end(part);
    data_free(&of);
}

/* Refits find the correlations from an uncorrelated start. */
static void test_correlations(void **state)
{
    (void)state;
    for (size_t n = 0; n < KINDS; n++) {
        data of = draw(&kinds[n], 4000 + 60 * n);
        base_fixture *fixture = start_of(&kinds[n], &of, 0);
        const gki_base_mixture *self = mixture_of(fixture);
        for (size_t k = 0; self->spec.dependent && k < self->base.components; k++)
            for (size_t i = 0; i < D * D; i++)
                gki_mixture_whitening(self, &fixture->params, k)[i] = i % (D + 1) == 0;
        const double truth = density_of(of.truth, &of);
        double before = 0, after = 0;
        for (int round = 0; round < 8; round++) {
            gki_base_stats *stats = stats_of(fixture, NULL);
            const gki_base_refit_report report = refit(fixture, &of, stats, 1, 1);
            before = round == 0 ? report.held_out_before : before;
            after = report.held_out_after;
            gki_base_stats_free(stats);
        }
        assert_true(after > truth - 0.02);
        assert_true(!self->spec.dependent || before < truth - 0.05);
        base_fixture_end(fixture);
        data_free(&of);
    }
}

/* An empty component becomes one half of the heaviest component, that of its class where there are
 * classes. */
static void test_idle_components(void **state)
{
    (void)state;
    static const size_t of_kinds[] = {1, 2, 3, 4, 6};
    long missed = 0, reinitialised = 0;
    for (size_t n = 0; n < 5; n++) {
        data of = draw(&kinds[of_kinds[n]], 5000 + 60 * n);
        base_fixture *fixture = start_of(&kinds[of_kinds[n]], &of, 0);
        const gki_base_mixture *self = mixture_of(fixture);
        double weights[16], last = 0, total = 0;
        gki_mixture_weights(self, &fixture->params, weights);
        size_t idle = 0;
        for (size_t k = 0; k < self->base.components; k++)
            idle = weights[k] > weights[idle] ? k : idle;
        const size_t first = idle / self->per_class * self->per_class;
        gki_param_value(&fixture->params, self->logits)[idle] = -12;
        for (size_t j = 0; j < D; j++) {
            gkv_gk gk = gki_mixture_get(self, &fixture->params, idle, j);
            gk.a += 1000;
            gki_mixture_set(self, &fixture->params, idle, j, &gk);
        }
        for (int round = 0; round < 12; round++) {
            gki_base_stats *stats = stats_of(fixture, NULL);
            const gki_base_refit_report report = refit(fixture, &of, stats, 1, 1);
            last = report.held_out_after;
            reinitialised += report.reinitialised;
            gki_base_stats_free(stats);
        }
        gki_mixture_weights(self, &fixture->params, weights);
        for (size_t k = first; k < first + self->per_class; k++)
            total += weights[k];
        const double truth = density_of(of.truth, &of);
        if (last < truth - 0.1) /* the others are not enough */
            assert_true(weights[idle] > 0.02 * total &&
                        fabs(gki_mixture_get(self, &fixture->params, idle, 0).a) < 100);
        missed += last < truth - 0.1;
        base_fixture_end(fixture);
        data_free(&of);
    }
    assert_true(missed > 0 && reinitialised > 0); /* or nothing was tested */
}

/* --- The prior of shapes -------------------------------------------------- */

enum { MARGINS = 40, COMPONENTS = 30 };

/* Draws shapes with this standard deviation, and their estimates from so many rows, shrunk to 0 by
 * the prior. */
static void make_shapes(const double sd[2], const double *rows, gkv_gk *margins)
{
    static const double information[2] = {0.96, 1.404};
    double noise[4 * MARGINS * COMPONENTS];
    test_normals(77, 4 * MARGINS * COMPONENTS, 1, noise);
    for (size_t i = 0; i < MARGINS * COMPONENTS; i++) {
        double found[2];
        for (size_t s = 0; s < 2; s++) {
            const double about = information[s] * rows[i / MARGINS];
            const double estimate = sd[s] * noise[4 * i + s] + noise[4 * i + 2 + s] / sqrt(about);
            found[s] = estimate * sd[s] * sd[s] / (sd[s] * sd[s] + 1 / about);
        }
        margins[i] = (gkv_gk){0, 1, found[0], found[1], 0.8, 0};
    }
}

/* The prior recovers the standard deviation of the shapes from their shrunk estimates. */
static void test_prior(void **state)
{
    (void)state;
    static const double spreads[3][2] = {{0.1, 0.3}, {0.3, 0.05}, {1, 0.1}};
    double rows[COMPONENTS];
    gkv_gk margins[MARGINS * COMPONENTS];
    for (size_t k = 0; k < COMPONENTS; k++)
        rows[k] = 300 + 100 * (double)k;
    for (size_t n = 0; n < 3; n++) {
        make_shapes(spreads[n], rows, margins);
        const gki_shape_prior prior = gki_shape_prior_of_rows(COMPONENTS, MARGINS, margins, rows);
        for (size_t s = 0; s < 2; s++)
            assert_close(sqrt(prior.variance[s]), spreads[n][s], 0.1 * spreads[n][s]);
    }
    for (size_t i = 0; i < MARGINS * COMPONENTS; i++)
        margins[i].g = margins[i].k = 0;
    const gki_shape_prior least = gki_shape_prior_of_rows(COMPONENTS, MARGINS, margins, rows);
    assert_close(sqrt(least.variance[0]), 0.02, 1e-6);
    assert_close(sqrt(least.variance[1]), 0.02, 1e-6);
}

/* With the prior, g and k of normal components stay near 0 even for few rows; without a prior they
 * would not. */
static void test_normal_components(void **state)
{
    (void)state;
    const mixture_kind kind = {"gk-mixture", 4, 0, false, false};
    data of = draw(&(mixture_kind){"gaussian-mixture", 4, 0, false, false}, 6000);
    base_fixture *fixture = start_of(&kind, &of, 0);
    const gki_base_mixture *self = mixture_of(fixture);
    const gki_shape_prior none = {{1e12, 1e12}};
    for (size_t i = 0; i < 4 * D; i++) {
        gkv_gk gk = gki_mixture_get(self, &fixture->params, i / D, i % D);
        gk.g = gk.k = 0;
        gki_mixture_set(self, &fixture->params, i / D, i % D, &gk);
    }
    gki_base_stats *stats = stats_of(fixture, NULL);
    gki_online_stats sums;
    double with = 0, without = 0, *memory;
    assert_ok(gki_mixture_stats_read(stats, &fixture->params, &memory, &sums));
    for (size_t k = 0; k < 4; k++) {
        gkv_gk old[D], margins[D];
        for (size_t j = 0; j < D; j++)
            old[j] = margins[j] = gki_mixture_get(self, &fixture->params, k, j);
        gki_online_step_margins(&sums, k, old, 1, &none, margins);
        for (size_t j = 0; j < D; j++)
            without += margins[j].g * margins[j].g + margins[j].k * margins[j].k;
    }
    refit(fixture, &of, stats, 1, 1);
    for (size_t i = 0; i < 4 * D; i++) {
        const gkv_gk gk = gki_mixture_get(self, &fixture->params, i / D, i % D);
        with += gk.g * gk.g + gk.k * gk.k;
    }
    assert_true(without > 16 * 0.001 && with < 0.2 * without);
    free(memory);
    gki_base_stats_free(stats);
    base_fixture_end(fixture);
    data_free(&of);
}

/* Linear mixtures of skewed numbers are dependent codes that no g-and-k copula has. The coupling
 * statistics bring the shapes closer to the maximum of the likelihood. */
static void test_coupling(void **state)
{
    (void)state;
    static const double mix[D][D] = {
        {1, 0, 0, 0}, {0.9, 0.6, 0, 0}, {-0.8, 0.5, 0.6, 0}, {0.3, -0.9, 0.4, 0.5}};
    const mixture_kind one = {"gk-mixture", 1, 0, false, false};
    data of = draw(&one, 7000);
    double *noise = test_alloc((FIT + HELD_OUT) * D * sizeof *noise);
    test_normals(71, (FIT + HELD_OUT) * D, 1, noise);
    const gkv_gk skewed = {0, 1, 1.5, 0, 0.8, 0};
    for (size_t r = 0; r < FIT + HELD_OUT; r++)
        for (size_t j = 0; j < D; j++) {
            of.rows[r * D + j] = 0;
            for (size_t i = 0; i <= j; i++)
                of.rows[r * D + j] += mix[j][i] * gkv_gk_Q(&skewed, noise[r * D + i]);
        }
    double found[2];
    for (int coupled = 0; coupled < 2; coupled++) {
        base_fixture *fixture = mixture_begin(&one, FIT, D, false);
        memcpy(gki_at(&fixture->ws, fixture->base->eps, 0), of.rows, FIT * D * sizeof *of.rows);
        for (int round = 0; round < 30; round++) {
            gki_base_stats *stats = stats_of(fixture, NULL);
            gki_real *coupling =
                stats->values + gki_mixture_stats_layout(mixture_of(fixture)).coupling;
            for (size_t i = 0; i < D * GKV_ONLINE_CELLS && !coupled; i++)
                coupling[i] = 0;
            found[coupled] = refit(fixture, &of, stats, 0.5, 1).held_out_after;
            gki_base_stats_free(stats);
        }
        base_fixture_end(fixture);
    }
    if (found[1] < found[0] + 0.02)
        fail_msg("held-out log density %.4f with coupling, %.4f without", found[1], found[0]);
    free(noise);
    data_free(&of);
}

/* The steps for mirrored data are mirrored. */
static void test_mirror(void **state)
{
    (void)state;
    data of = draw(&kinds[3], 8000);
    base_fixture *sides[2] = {start_of(&kinds[3], &of, 0.2), start_of(&kinds[3], &of, 0.2)};
    gki_real *eps = gki_at(&sides[1]->ws, sides[1]->base->eps, 0);
    gki_base_stats *stats[2];
    const gki_base_mixture *self = mixture_of(sides[0]), *mirror = mixture_of(sides[1]);
    for (size_t i = 0; i < FIT * D; i++)
        eps[i] = -eps[i];
    for (size_t i = 0; i < self->base.components * D; i++) {
        gkv_gk gk = gki_mixture_get(self, &sides[0]->params, i / D, i % D);
        gk.a = -gk.a, gk.g = -gk.g;
        gki_mixture_set(mirror, &sides[1]->params, i / D, i % D, &gk);
    }
    gki_online_stats sums[2];
    double *memory[2];
    for (size_t side = 0; side < 2; side++) {
        stats[side] = stats_of(sides[side], NULL);
        assert_ok(
            gki_mixture_stats_read(stats[side], &sides[side]->params, &memory[side], &sums[side]));
    }
    const gki_shape_prior prior = {{0.1, 0.1}};
    for (size_t k = 0; k < self->base.components; k++) {
        gkv_gk old[2][D], moved[2][D];
        for (size_t side = 0; side < 2; side++) {
            for (size_t j = 0; j < D; j++)
                old[side][j] = gki_mixture_get(mixture_of(sides[side]), &sides[side]->params, k, j);
            gki_online_step_margins(&sums[side], k, old[side], 1, &prior, moved[side]);
        }
        for (size_t j = 0; j < D; j++) {
            assert_true(fabs(moved[0][j].g - old[0][j].g) > 1e-3);
            assert_close(moved[1][j].a, -moved[0][j].a, 1e-7);
            assert_close(moved[1][j].b, moved[0][j].b, 1e-7);
            assert_close(moved[1][j].g, -moved[0][j].g, 1e-7);
            assert_close(moved[1][j].k, moved[0][j].k, 1e-7);
        }
    }
    for (size_t side = 0; side < 2; side++) {
        gki_base_stats_free(stats[side]);
        free(memory[side]);
        base_fixture_end(sides[side]);
    }
    data_free(&of);
}

/* Mixtures with shared shapes have no statistics and are refitted to codes. */
static void test_shared(void **state)
{
    (void)state;
    const mixture_kind kind = {"gk-mixture", 3, 0, false, true};
    base_fixture *fixture = mixture_begin(&kind, 1, D, false);
    gki_base_stats *stats = NULL;
    assert_ok(gki_base_stats_create(fixture->base, &stats));
    assert_null(stats);
    base_fixture_end(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),         cmocka_unit_test(test_weights),
        cmocka_unit_test(test_recovery),     cmocka_unit_test(test_share),
        cmocka_unit_test(test_correlations), cmocka_unit_test(test_idle_components),
        cmocka_unit_test(test_coupling),     cmocka_unit_test(test_mirror),
        cmocka_unit_test(test_prior),        cmocka_unit_test(test_normal_components),
        cmocka_unit_test(test_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
