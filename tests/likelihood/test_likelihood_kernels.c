/* The kernels of grey levels in float at every instruction set: sums of probabilities, agreement,
 * extreme outputs, lengths around the widths of vectors, and NaN. */
#include "likelihood_fixture.h"

enum { LONGEST = 300, COMPONENTS = 5, GUARD = 20, MARK = 1234 };

typedef struct arrays {
    gki_real x[LONGEST], out[3 * COMPONENTS * LONGEST];
    gki_real d_out[3 * COMPONENTS * LONGEST + GUARD], sd[3 * COMPONENTS * LONGEST + GUARD];
    gki_real mean[LONGEST + GUARD], median[LONGEST + GUARD], d_edges[LEVELS + GUARD];
} arrays;

static void make_edges(gki_level_edges *edges)
{
    double sum = 0, part[LEVELS];
    for (size_t v = 0; v < LEVELS; v++)
        sum += part[v] = exp(1.5 * sin((double)(5 * v)));
    double below = 0;
    for (size_t v = 0; v < LEVELS; v++) {
        edges->level[v].lower = v == 0 ? (gki_real)-GKV_LEVEL_FAR : edges->level[v - 1].upper;
        below += part[v] / sum;
        edges->level[v].upper =
            v == LEVELS - 1 ? (gki_real)GKV_LEVEL_FAR : (gki_real)(-1 + 2 * below);
        edges->level[v].width = edges->level[v].upper - edges->level[v].lower;
    }
}

static size_t parameters_of(size_t components)
{
    return components > 1 ? 3 * components : 2;
}

/* Outputs of n values, of one kind. */
static void make_outputs(size_t n, size_t components, size_t kind, arrays *a)
{
    const size_t parameters = parameters_of(components);
    for (size_t i = 0; i < n; i++) {
        gki_real one[OUTPUTS_MOST];
        outputs_of_kind(kind, parameters, i, one);
        for (size_t p = 0; p < parameters; p++)
            a->out[p * n + i] = one[p];
        a->x[i] = (gki_real)((i * 37) % LEVELS) / 255;
    }
}

static void mark(arrays *a)
{
    for (size_t i = 0; i < 3 * COMPONENTS * LONGEST + GUARD; i++)
        a->d_out[i] = a->sd[i] = MARK;
    for (size_t i = 0; i < LONGEST + GUARD; i++)
        a->mean[i] = a->median[i] = MARK;
    for (size_t i = 0; i < LEVELS + GUARD; i++)
        a->d_edges[i] = MARK;
}

static gki_real run(const gki_likelihood_kernels *kernels, size_t n, size_t components,
                    const gki_level_edges *edges, arrays *a)
{
    mark(a);
    kernels->logistic_sd(n, components, a->out, edges, a->sd);
    kernels->logistic_mean(n, components, a->out, edges, a->mean);
    kernels->logistic_median(n, components, a->out, edges, a->median);
    return kernels->logistic(n, components, a->x, a->out, edges, a->d_out, a->d_edges);
}

static void check_levels(void (*check)(const gki_likelihood_kernels *, size_t components))
{
    for (int level = 0; level <= (int)gki_simd_best(); level++)
        for (size_t components = 1; components <= COMPONENTS; components += components)
            check(gki_likelihood_kernels_of((gki_simd)level), components);
}

static void check_sums(const gki_likelihood_kernels *kernels, size_t components)
{
    gki_level_edges edges;
    make_edges(&edges);
    for (size_t kind = 0; kind < KINDS; kind++)
        for (size_t place = 0; place < 20; place++) {
            gki_real out[OUTPUTS_MOST];
            double sum = 0;
            outputs_of_kind(kind, parameters_of(components), place, out);
            for (size_t v = 0; v < LEVELS; v++) {
                const gki_real x = (gki_real)v / 255;
                sum += exp(-(double)kernels->logistic(1, components, &x, out, &edges, NULL, NULL));
            }
            assert_close(sum, 1, 1e-6);
        }
}

static void probabilities_sum_to_one(void **state)
{
    (void)state;
    check_levels(check_sums);
}

static void check_extremes(const gki_likelihood_kernels *kernels, size_t components)
{
    static const gki_real extreme[] = {0,       1e-30F,   -1e-30F,  1e10F,    -1e10F,
                                       3.3e38F, -3.3e38F, INFINITY, -INFINITY};
    enum { N = LONGEST };
    static arrays a;
    gki_level_edges edges;
    make_edges(&edges);
    for (size_t i = 0; i < N; i++) {
        a.x[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? 1 : (gki_real)(i % LEVELS) / 255;
        for (size_t p = 0; p < parameters_of(components); p++)
            a.out[p * N + i] = extreme[(i / 3 + p * (1 + i / 81)) % 9];
        /* logits of one infinity each have no softmax */
        for (size_t p = 0; components > 1 && p < components; p++)
            if (!isfinite(a.out[p * N + i]))
                a.out[p * N + i] = 100;
    }
    const gki_real value = run(kernels, N, components, &edges, &a);
    assert_true(isfinite(value));
    for (size_t i = 0; i < parameters_of(components) * N; i++)
        assert_true(isfinite(a.d_out[i]) && isfinite(a.sd[i]));
    for (size_t v = 0; v < LEVELS; v++)
        assert_true(isfinite(a.d_edges[v]));
    for (size_t i = 0; i < N; i++)
        assert_true(a.mean[i] >= 0 && a.mean[i] <= 1 && a.median[i] >= 0 && a.median[i] <= 1);
}

static void extreme_outputs_are_finite(void **state)
{
    (void)state;
    check_levels(check_extremes);
}

static void check_nan(const gki_likelihood_kernels *kernels, size_t components)
{
    static arrays a;
    gki_level_edges edges;
    make_edges(&edges);
    for (size_t p = 0; p < parameters_of(components); p++) {
        make_outputs(33, components, 0, &a);
        a.out[p * 33 + 30] = NAN;
        assert_true(isnan(run(kernels, 33, components, &edges, &a)));
    }
    make_outputs(33, components, 0, &a); /* a value that is not a number is the level 0 */
    a.x[30] = 0;
    const gki_real black = run(kernels, 33, components, &edges, &a);
    a.x[30] = NAN;
    assert_true(run(kernels, 33, components, &edges, &a) == black);
    a.x[30] = -5;
    assert_true(run(kernels, 33, components, &edges, &a) == black);
}

static void nan_is_not_hidden(void **state)
{
    (void)state;
    check_levels(check_nan);
}

/* The kernels of a level against the portable ones, and against themselves value by value. */
static void check_agreement(const gki_likelihood_kernels *kernels, size_t components)
{
    static const size_t lengths[] = {1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 127, 128, 129, LONGEST};
    static arrays a, wanted;
    gki_level_edges edges;
    make_edges(&edges);
    const size_t parameters = parameters_of(components);
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        const size_t n = lengths[l];
        make_outputs(n, components, 0, &a);
        make_outputs(n, components, 0, &wanted);
        const double value = (double)run(kernels, n, components, &edges, &a);
        const double reference =
            (double)run(&gki_likelihood_kernels_portable, n, components, &edges, &wanted);
        assert_close(value, reference, 1e-5 * (1 + fabs(reference)));
        for (size_t i = 0; i < parameters * n; i++) {
            assert_close((double)a.d_out[i], (double)wanted.d_out[i],
                         3e-5 * (1 + fabs((double)wanted.d_out[i])));
            assert_close((double)a.sd[i], (double)wanted.sd[i],
                         1e-3 * (1e-2 + fabs((double)wanted.sd[i])));
        }
        for (size_t v = 0; v < LEVELS; v++)
            assert_close((double)a.d_edges[v], (double)wanted.d_edges[v],
                         1e-4 * (1 + fabs((double)wanted.d_edges[v])));
        for (size_t i = 0; i < n; i++) {
            assert_close((double)a.mean[i], (double)wanted.mean[i], 1e-5);
            assert_close((double)a.median[i], (double)wanted.median[i], 1.01 / 255);
        }
        for (size_t i = 0; i < GUARD; i++) {
            assert_true(a.d_out[parameters * n + i] == MARK && a.sd[parameters * n + i] == MARK);
            assert_true(a.mean[n + i] == MARK && a.median[n + i] == MARK);
            assert_true(a.d_edges[LEVELS + i] == MARK);
        }
        assert_true(value ==
                    (double)kernels->logistic(n, components, a.x, a.out, &edges, NULL, NULL));
        for (size_t i = 0; i < n; i += 5) { /* a value depends on itself alone */
            gki_real out[OUTPUTS_MOST], d_out[OUTPUTS_MOST];
            for (size_t p = 0; p < parameters; p++)
                out[p] = a.out[p * n + i];
            kernels->logistic(1, components, &a.x[i], out, &edges, d_out, NULL);
            for (size_t p = 0; p < parameters; p++)
                assert_true(d_out[p] == a.d_out[p * n + i]);
        }
    }
}

static void instruction_sets_agree(void **state)
{
    (void)state;
    check_levels(check_agreement);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_sum_to_one),
        cmocka_unit_test(extreme_outputs_are_finite),
        cmocka_unit_test(nan_is_not_hidden),
        cmocka_unit_test(instruction_sets_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
